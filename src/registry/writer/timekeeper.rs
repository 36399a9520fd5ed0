//! The time that changes are recorded at, from a clock that is not trusted blindly: one change
//! with a wrong time would move the time of every change after it.
//!
//! A clock that is behind the newest change is refused, and so is one that jumped, which shows
//! when it is compared with a clock that cannot be set. A restart takes the clock as it is.

use ndp_core::messages::Unavailable;
use std::{sync::Arc, time::Duration};

use ndp_core::time::{Clock, Timestamp};

/// By how much clocks may disagree.
const TOLERANCE: Duration = Duration::from_secs(60);

/// A jump up to this size may be a correction, or a virtual machine that stood still. It is
/// accepted once the clock has run evenly for [`STEADY_FOR`].
const CORRECTION_MAX: Duration = Duration::from_secs(3600);

/// How long that is.
const STEADY_FOR: Duration = Duration::from_secs(600);

/// What both clocks showed at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    time: Timestamp,
    monotonic: Duration,
}

impl Reading {
    /// How far the clock has left the monotonic one since an earlier reading.
    fn drift(&self, since: &Self) -> Duration {
        let passed = self.monotonic.saturating_sub(since.monotonic);
        let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        let expected = since.time.as_micros().saturating_add(passed);
        Duration::from_micros(self.time.as_micros().abs_diff(expected))
    }
}

pub(in crate::registry) struct Timekeeper {
    clock: Arc<dyn Clock>,
    /// The last reading at which the clock was accepted.
    trusted: Option<Reading>,
    /// The first reading after a jump.
    jumped: Option<Reading>,
}

impl Timekeeper {
    pub(in crate::registry) const fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            trusted: None,
            jumped: None,
        }
    }

    /// The time, never before that of the newest change; or the reason why the clock is refused.
    /// `database` is the time of the database's own clock, if it has one.
    pub(super) fn read(
        &mut self,
        database: Option<Timestamp>,
        head: Timestamp,
    ) -> Result<Timestamp, Unavailable> {
        let time = self.clock.recording(database);
        let monotonic = self.clock.monotonic();
        let reading = monotonic.map(|monotonic| Reading { time, monotonic });
        if let Some(reading) = reading
            && !self.is_steady(reading)
        {
            return Err(Unavailable::ClockJumped);
        }
        let ahead = head.as_micros().saturating_sub(time.as_micros());
        if Duration::from_micros(u64::try_from(ahead).unwrap_or_default()) > TOLERANCE {
            return Err(Unavailable::ClockBehindLog);
        }
        self.trusted = reading;
        self.jumped = None;
        Ok(time.max(head))
    }

    /// Whether the clock has not jumped since it was trusted, or only a little and long ago.
    fn is_steady(&mut self, reading: Reading) -> bool {
        let drift = self.trusted.map_or(Duration::ZERO, |it| reading.drift(&it));
        if drift <= TOLERANCE {
            return true;
        }
        let jumped = self.jumped.filter(|it| reading.drift(it) <= TOLERANCE);
        let jumped = *self.jumped.insert(jumped.unwrap_or(reading));
        let steady_for = reading.monotonic.saturating_sub(jumped.monotonic);
        drift <= CORRECTION_MAX && steady_for >= STEADY_FOR
    }
}

/// The time for a change, later than every time that was promised to stay as it was read. A
/// promise far ahead was made by a clock that was wrong, and does not hold.
pub(super) fn after_promises(time: Timestamp, promised: i64) -> Timestamp {
    let ahead = promised.saturating_sub(time.as_micros());
    if Duration::from_micros(u64::try_from(ahead).unwrap_or_default()) > TOLERANCE {
        return time;
    }
    let next = Timestamp::from_micros(promised.saturating_add(1));
    next.map_or(time, |next| time.max(next))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const DAY: i64 = 86_400;

    /// Seconds that the clock and the monotonic clock show.
    #[derive(Default)]
    struct Fake(Mutex<(i64, u64)>);

    impl Fake {
        fn pass(&self, seconds: u64) {
            let mut both = self.0.lock().unwrap();
            both.0 += i64::try_from(seconds).unwrap();
            both.1 += seconds;
        }

        fn set(&self, seconds: i64) {
            self.0.lock().unwrap().0 += seconds;
        }
    }

    impl Clock for Fake {
        fn now(&self) -> Timestamp {
            at(self.0.lock().unwrap().0)
        }

        fn monotonic(&self) -> Option<Duration> {
            Some(Duration::from_secs(self.0.lock().unwrap().1))
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn keeper() -> (Arc<Fake>, Timekeeper) {
        let clock = Arc::new(Fake::default());
        clock.set(1_000 * DAY);
        let mut keeper = Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert!(keeper.read(None, at(0)).is_ok());
        (clock, keeper)
    }

    #[test]
    fn a_clock_that_jumps_is_refused_until_it_is_right_again() {
        for days in [730, -730] {
            let (clock, mut keeper) = keeper();
            clock.set(days * DAY);
            for _ in 0..1_000 {
                clock.pass(600);
                assert_eq!(keeper.read(None, at(0)), Err(Unavailable::ClockJumped));
            }
            clock.set(-days * DAY);
            assert_eq!(keeper.read(None, at(0)), Ok(clock.now()));
        }
    }

    #[test]
    fn a_small_correction_is_accepted_once_the_clock_runs_evenly() {
        for seconds in [61, -61, 3_600, -3_600] {
            let (clock, mut keeper) = keeper();
            clock.set(seconds);
            assert_eq!(keeper.read(None, at(0)), Err(Unavailable::ClockJumped));
            clock.pass(599);
            assert_eq!(keeper.read(None, at(0)), Err(Unavailable::ClockJumped));
            clock.pass(1);
            assert_eq!(keeper.read(None, at(0)), Ok(clock.now()));
        }
    }

    #[test]
    fn a_clock_that_keeps_jumping_is_not_accepted() {
        let (clock, mut keeper) = keeper();
        for _ in 0..20 {
            clock.set(120);
            clock.pass(400);
            assert_eq!(keeper.read(None, at(0)), Err(Unavailable::ClockJumped));
        }
    }

    #[test]
    fn a_minute_is_tolerated_and_so_is_a_slow_drift() {
        let (clock, mut keeper) = keeper();
        for _ in 0..100 {
            clock.pass(86_400);
            clock.set(-60);
            assert_eq!(keeper.read(None, at(0)), Ok(clock.now()));
        }
    }

    #[test]
    fn the_time_is_never_before_the_newest_change() {
        let (clock, mut keeper) = keeper();
        let now = clock.now().as_micros() / 1_000_000;
        assert_eq!(keeper.read(None, at(now + 60)), Ok(at(now + 60)));
        assert_eq!(
            keeper.read(None, at(now + 61)),
            Err(Unavailable::ClockBehindLog)
        );
        assert_eq!(keeper.read(None, at(now - 1)), Ok(at(now)));
    }

    #[test]
    fn a_clock_that_was_wrong_at_the_start_may_be_set_right() {
        let (clock, _) = keeper();
        let mut keeper = Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let head = at(1_730 * DAY);
        assert_eq!(keeper.read(None, head), Err(Unavailable::ClockBehindLog));
        clock.set(731 * DAY);
        assert_eq!(keeper.read(None, head), Ok(clock.now()));
        clock.set(730 * DAY);
        assert_eq!(keeper.read(None, head), Err(Unavailable::ClockJumped));
    }

    #[test]
    fn a_promise_is_kept_unless_the_clock_was_wrong() {
        let micros = |seconds: i64| seconds * 1_000_000;
        let after = |promised| after_promises(at(100), promised).as_micros();
        assert_eq!(after(micros(99)), micros(100));
        assert_eq!(after(micros(100)), micros(100) + 1);
        assert_eq!(after(micros(160)), micros(160) + 1);
        assert_eq!(after(micros(161)), micros(100));
        assert_eq!(after(i64::MIN), micros(100));
        assert_eq!(after(i64::MAX), micros(100));
    }
}
