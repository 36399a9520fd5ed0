//! The clock is wrong: one change at a wrong time would move the time of all that follow. None is
//! recorded, health says so, and writes go on once the clock is right.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use ndp_core::{
    change::At,
    error::Error,
    messages::Unavailable,
    names::Revision,
    time::{Clock, Timestamp},
};
use ndp_registry::{
    catalogue,
    registry::{Registry, WriterTask, entropy::OsEntropy},
    store::Store,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{BOUND, making, queue};
use crate::harness::{Engine, both, server::elsewhere, sql::Sql};

const DAY: i64 = 86_400 * 1_000_000;

/// The wall clock and, on PostgreSQL, the database's, both set wrong by some microseconds; and a
/// monotonic clock, which is not.
struct Wrong {
    by: AtomicI64,
    start: Instant,
}

impl Wrong {
    fn by(micros: i64) -> Arc<Self> {
        Arc::new(Self {
            by: AtomicI64::new(micros),
            start: Instant::now(),
        })
    }

    fn set(&self, micros: i64) {
        self.by.store(micros, Ordering::SeqCst);
    }
}

fn right() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_micros()).unwrap()
}

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(right() + self.by.load(Ordering::SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(self.start.elapsed())
    }

    fn recording(&self, database: Option<Timestamp>) -> Timestamp {
        let micros = database.map_or_else(right, Timestamp::as_micros);
        Timestamp::from_micros(micros + self.by.load(Ordering::SeqCst)).unwrap()
    }
}

struct Process {
    registry: Registry,
    writer: WriterTask,
    store: Store,
}

impl Process {
    async fn start(url: &str, clock: &Arc<Wrong>) -> Self {
        let store = Store::open(url, Uuid::new_v4()).await.unwrap();
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let started = Registry::start(store.clone(), clock, Box::new(OsEntropy));
        let (registry, writer) = started.await.unwrap();
        Self {
            registry,
            writer,
            store,
        }
    }

    async fn write(&self) -> Result<Revision, Error> {
        let answer = match queue(&self.registry, making(None)) {
            Ok(waiting) => tokio::time::timeout(BOUND, waiting)
                .await
                .expect("no answer"),
            // when the clock is already known to be wrong
            Err(at_once) => at_once,
        };
        Ok(answer?.revision)
    }

    /// Writes, and checks that the change has the right time.
    async fn writes(&self) {
        let before = right();
        let revision = self.write().await.unwrap();
        let time = self.store.record_time(revision).await.unwrap().unwrap();
        let minute = 60_000_000;
        let near = before - minute..right() + minute;
        assert!(near.contains(&time.as_micros()), "recorded at {time}");
    }

    /// A write is refused for this reason, and nothing is recorded.
    async fn refuses(&self, wanted: &str) {
        let before = self.store.head().await.unwrap();
        let refused = self.write().await.unwrap_err();
        assert!(
            matches!(refused, Error::Unavailable(why) if why.reason().name() == wanted),
            "{refused:?}"
        );
        assert_eq!(self.store.head().await.unwrap(), before);
    }

    async fn is_ready(&self, wanted: bool) {
        let mut readiness: watch::Receiver<bool> = self.registry.readiness();
        let becomes = readiness.wait_for(|ready| *ready == wanted);
        let became = tokio::time::timeout(BOUND, becomes).await;
        drop(became.expect("health does not say so").unwrap());
    }

    async fn stop(self) {
        drop(self.registry);
        self.writer.await.unwrap().unwrap();
        self.store.close().await;
    }
}

both! {
    async fn a_clock_that_jumps_stamps_nothing(engine: Engine) {
        let url = engine.url();
        let clock = Wrong::by(0);
        let process = Process::start(&url, &clock).await;
        let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
        process.registry.seed(seed).await.unwrap();
        for days in [730, -730] {
            process.writes().await;
            clock.set(days * DAY);
            process.refuses("CLOCK_JUMPED").await;
            process.is_ready(false).await;
            process.refuses("CLOCK_JUMPED").await;
            clock.set(0);
            process.is_ready(true).await;
            process.writes().await;
        }
        process.stop().await;
    }

    async fn a_clock_behind_the_newest_change_stamps_nothing(engine: Engine) {
        let url = engine.url();
        let clock = Wrong::by(0);
        let process = Process::start(&url, &clock).await;
        let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
        process.registry.seed(seed).await.unwrap();
        process.stop().await;
        // a host that was started with a wrong clock, which is set right later
        let clock = Wrong::by(-730 * DAY);
        let process = Process::start(&url, &clock).await;
        // it says so before anyone writes
        process.is_ready(false).await;
        process.refuses("CLOCK_BEHIND_LOG").await;
        clock.set(0);
        process.is_ready(true).await;
        process.writes().await;
        process.stop().await;
    }

    async fn what_is_read_by_a_wrong_clock_does_not_move_the_log(engine: Engine) {
        let url = engine.url();
        let clock = Wrong::by(0);
        let process = Process::start(&url, &clock).await;
        let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
        process.registry.seed(seed).await.unwrap();
        clock.set(730 * DAY);
        let time = At::Time(clock.now());
        let read = process.registry.read_at(elsewhere(), time, BOUND).await;
        assert!(
            matches!(read, Err(Error::Unavailable(Unavailable::ClockJumped))),
            "{:?}",
            read.err()
        );
        clock.set(0);
        process.is_ready(true).await;
        process.writes().await;
        process.stop().await;
    }

    async fn the_time_is_taken_under_the_lock(engine: Engine) {
        let url = engine.url();
        let clock = Wrong::by(0);
        let process = Process::start(&url, &clock).await;
        let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
        process.registry.seed(seed).await.unwrap();
        let mut other = Sql::connect(&url).await;
        other.hold_the_log().await;
        let waiting = queue(&process.registry, making(None)).unwrap();
        other.is_waited_for().await;
        let held_until = right();
        other.let_go().await;
        let revision = waiting.await.unwrap().revision;
        let time = process.store.record_time(revision).await.unwrap().unwrap();
        assert!(time.as_micros() >= held_until, "{time} is before the lock was free");
        process.stop().await;
    }
}
