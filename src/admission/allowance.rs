//! What a client may send on a connection beside its calls: frames that set windows, priorities and
//! the like, and calls that are refused. Nothing else limits their number.
//!
//! A connection begins with a few such frames, and gets more with time, with each call that is
//! admitted and with each byte of an answer. A client that acknowledges every frame of every answer
//! twice sends far less than that. Once nothing is left, the connection is not read for a while,
//! and closed if its client continues.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

/// What a frame costs. The unit is a byte of an answer: the shortest answer that one frame more may
/// acknowledge.
const FRAME: i64 = 64;

/// Frames at the beginning, for a second, and for each call that is admitted; and the most that are
/// left at any time.
const FRAMES_AT_FIRST: i64 = 256;
const FRAMES_A_SECOND: i64 = 50;
const FRAMES_A_CALL: i64 = 6;
const FRAMES_MAX: i64 = 8192;

/// Bytes of data in a frame that pay for it: their number is limited elsewhere.
const DATA_BYTES: i64 = 256;

/// What is left of the allowance of a connection.
#[derive(Debug)]
pub(super) struct Allowance {
    left: AtomicI64,
    /// When the allowance last grew with time, in milliseconds since the connection was opened.
    grew_at: AtomicU64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            left: AtomicI64::new(FRAMES_AT_FIRST * FRAME),
            grew_at: AtomicU64::new(0),
        }
    }
}

impl Allowance {
    /// Pays for a frame, or a request of HTTP/1.1.
    pub(super) fn spend_frame(&self) {
        self.left.fetch_sub(FRAME, Ordering::Relaxed);
    }

    /// Pays for a frame with this many bytes of data.
    pub(super) fn spend_data(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(DATA_BYTES).min(DATA_BYTES);
        let cost = FRAME - FRAME * bytes / DATA_BYTES;
        self.left.fetch_sub(cost, Ordering::Relaxed);
    }

    /// Grows for a call that was admitted.
    pub(super) fn earn_call(&self) {
        self.earn(FRAMES_A_CALL * FRAME);
    }

    /// Grows for bytes of an answer that were written.
    pub(super) fn earn_bytes(&self, bytes: usize) {
        self.earn(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    fn earn(&self, units: i64) {
        let grown = |left: i64| Some(left.saturating_add(units).min(FRAMES_MAX * FRAME));
        // the closure always returns a value
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
    }

    /// Grows with the time, given in milliseconds since the connection was opened. Returns how long
    /// to wait until something is left, if nothing is.
    pub(super) fn wait(&self, now: u64) -> Option<Duration> {
        const A_SECOND: i64 = FRAMES_A_SECOND * FRAME;
        if self.left.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let grew_at = self.grew_at.swap(now, Ordering::Relaxed);
        let passed = i64::try_from(now.saturating_sub(grew_at)).unwrap_or(i64::MAX);
        self.earn(passed.saturating_mul(A_SECOND) / 1000);
        let left = self.left.load(Ordering::Relaxed);
        let millis = u64::try_from((FRAME - left) * 1000 / A_SECOND).unwrap_or_default();
        (left <= 0).then(|| Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames that are read within a time if there are always more.
    fn read_within(allowance: &Allowance, from: u64, to: u64) -> i64 {
        let mut frames = 0;
        let mut now = from;
        while now < to {
            match allowance.wait(now) {
                Some(wait) => now += u64::try_from(wait.as_millis()).unwrap(),
                None => {
                    allowance.spend_frame();
                    frames += 1;
                }
            }
        }
        frames
    }

    #[test]
    fn frames_that_nothing_pays_for_are_few() {
        let allowance = Allowance::default();
        let frames = read_within(&allowance, 0, 10_000);
        assert!(
            (FRAMES_AT_FIRST + 490..=FRAMES_AT_FIRST + 500).contains(&frames),
            "{frames}"
        );
        // a silence restores at most the full allowance
        let frames = read_within(&allowance, 1_000_000_000, 1_000_000_001);
        assert!((FRAMES_MAX..FRAMES_MAX + 2).contains(&frames), "{frames}");
    }

    #[test]
    fn calls_and_answers_pay_for_frames() {
        let allowance = Allowance::default();
        for _ in 0..100_000 {
            allowance.earn_call();
            // head, data, and what is sent when the answer comes
            for _ in 0..FRAMES_A_CALL {
                assert_eq!(allowance.wait(0), None);
                allowance.spend_frame();
            }
        }
        for _ in 0..100_000 {
            allowance.earn_bytes(128);
            allowance.spend_frame();
            allowance.spend_frame();
        }
        assert_eq!(allowance.wait(0), None);
    }

    #[test]
    fn data_pays_for_itself() {
        let allowance = Allowance::default();
        for _ in 0..100_000 {
            allowance.spend_data(256);
            allowance.spend_data(16_384);
        }
        assert_eq!(allowance.wait(0), None);
        for _ in 0..=FRAMES_AT_FIRST {
            allowance.spend_data(1);
        }
        assert!(allowance.wait(0).is_some());
    }
}
