//! When each key was last used, to the hour: noted in memory by each call, and written in a batch,
//! at most once per key and hour, outside the log.

use std::{
    sync::{
        Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use super::{Published, Registry};
use crate::store::Store;
use ndp_core::{error::Error, names::ApiKeyName, time::Timestamp};

/// How often the uses are written.
const WRITE_INTERVAL: Duration = Duration::from_secs(60);

const HOUR_MICROS: i64 = 60 * 60 * 1_000_000;

/// An hour, counted since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour of a time.
    pub fn of(time: Timestamp) -> Self {
        Self(time.as_micros().div_euclid(HOUR_MICROS))
    }

    /// When it began.
    pub fn start(self) -> Option<Timestamp> {
        Timestamp::from_micros(self.0.checked_mul(HOUR_MICROS)?).ok()
    }
}

/// When one key was last used in this process.
#[derive(Debug)]
pub(super) struct LastUse {
    noted: AtomicI64,
    written: AtomicI64,
}

/// Before every hour: the key was not used.
const NEVER: i64 = i64::MIN;

impl Default for LastUse {
    fn default() -> Self {
        Self {
            noted: AtomicI64::new(NEVER),
            written: AtomicI64::new(NEVER),
        }
    }
}

impl LastUse {
    /// Notes a use.
    pub(super) fn note(&self, now: Timestamp) {
        let Hour(hour) = Hour::of(now);
        // read first: the calls of an hour but the first change nothing
        if self.noted.load(Ordering::Relaxed) < hour {
            self.noted.fetch_max(hour, Ordering::Relaxed);
        }
    }

    /// The last use.
    pub(super) fn noted(&self) -> Option<Hour> {
        let noted = self.noted.load(Ordering::Relaxed);
        (noted != NEVER).then_some(Hour(noted))
    }

    /// The last use, if it is not written.
    pub(super) fn unwritten(&self) -> Option<Hour> {
        let written = self.written.load(Ordering::Relaxed);
        self.noted().filter(|Hour(noted)| *noted > written)
    }

    /// Notes that a use is written.
    pub(super) fn note_written(&self, Hour(hour): Hour) {
        self.written.fetch_max(hour, Ordering::Relaxed);
    }
}

impl Registry {
    /// Writes the uses of keys that are not written yet.
    pub async fn write_key_uses(&self) -> Result<(), Error> {
        write(self.store(), &self.published).await
    }

    /// The hours in which keys were last used, in any process. Where the store does not answer, as
    /// far as this process knows.
    pub async fn key_uses(&self, names: &[ApiKeyName]) -> Vec<Option<Hour>> {
        let written = match self.store().key_uses(names).await {
            Ok(written) => written,
            Err(error) => {
                tracing::debug!(%error, "the uses of keys were not read");
                Default::default()
            }
        };
        let snapshot = self.read();
        let last = |name: &ApiKeyName| {
            let here = snapshot.key_hashes.last_use(name);
            here.max(written.get(name.as_str()).copied().map(Hour))
        };
        names.iter().map(last).collect()
    }
}

async fn write(store: &Store, published: &Published) -> Result<(), Error> {
    let hashes = published.snapshot.load().key_hashes.clone();
    let uses = hashes.unwritten_uses();
    if uses.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = uses
        .iter()
        .map(|(name, Hour(hour))| (name.as_str(), *hour))
        .collect();
    store.write_key_uses(&rows).await?;
    hashes.note_written(&uses);
    Ok(())
}

/// Runs as long as the registry exists.
pub(super) async fn run(store: Store, published: Weak<Published>) {
    let mut writes = interval(WRITE_INTERVAL);
    writes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        writes.tick().await;
        let Some(published) = published.upgrade() else {
            return;
        };
        if let Err(error) = write(&store, &published).await {
            tracing::debug!(%error, "the uses of keys were not written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(hour: i64, micros: i64) -> Timestamp {
        Timestamp::from_micros(hour * HOUR_MICROS + micros).unwrap()
    }

    #[test]
    fn a_use_is_noted_to_the_hour_and_written_once() {
        let used = LastUse::default();
        assert_eq!((used.noted(), used.unwritten()), (None, None));
        used.note(time(5, 17));
        used.note(time(5, HOUR_MICROS - 1));
        assert_eq!(used.unwritten(), Some(Hour(5)));
        used.note_written(Hour(5));
        used.note(time(5, 18));
        assert_eq!(used.unwritten(), None);
        assert_eq!(used.noted().and_then(Hour::start), Some(time(5, 0)));
        // a clock that goes back changes nothing
        used.note(time(4, 0));
        assert_eq!((used.noted(), used.unwritten()), (Some(Hour(5)), None));
        used.note(time(6, 0));
        assert_eq!(used.unwritten(), Some(Hour(6)));
    }
}
