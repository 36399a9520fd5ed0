//! Following the log: what other processes append is published here. Each poll compares the log
//! with what was served.

use std::{cmp::Ordering, sync::atomic, time::Duration};

use tokio::time::timeout;

use super::{
    super::Snapshot, Failed, Fatal, Writer, check_file, timekeeper::after_promises, unavailable,
};
use crate::store::{Appended, Head, HeadAndTime, WriteTx};
use ndp_core::{
    change::{Effect, Image},
    error::Error,
    leaf,
    messages::Unavailable,
    names::{ApiKeyName, Revision},
    records::principals::KeyHash,
    time::Timestamp,
};

/// How long the log may be unreachable before this process reports that it is not ready.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// Changes read from the log at a time.
const FOLLOW_BATCH: usize = 512;

impl Writer {
    /// Returns whether the log could be read.
    pub(super) async fn follow(&mut self) -> Result<bool, Fatal> {
        // When the network is broken, the database may not even refuse a connection. What was read
        // before the timeout is published, and the next tick continues from there.
        let awaited = self.published.locked_poll.receiver_count() > 0;
        let looking = async {
            match awaited {
                true => self.poll_locked().await,
                false => self.catch_up_idle().await,
            }
        };
        let caught_up = timeout(STALE_AFTER, looking).await;
        let silent_for = caught_up.is_err().then_some(STALE_AFTER);
        let Err(failed) = caught_up.unwrap_or_else(|_| Err(unavailable().into())) else {
            self.note_followed();
            return Ok(true);
        };
        let error = match failed {
            Failed::Passing(error) => error,
            Failed::Fatal(fatal) => return Err(fatal),
        };
        if self.published.lag() > STALE_AFTER && self.published.set_readable(false) {
            tracing::error!(%error, ?silent_for, "the log cannot be read; not ready");
        }
        Ok(false)
    }

    pub(super) fn note_followed(&self) {
        self.published.note_followed();
        self.published.polls.send_modify(|polls| *polls += 1);
        if self.published.set_readable(true) {
            tracing::info!("the log can be read again; ready");
        }
    }

    async fn catch_up_idle(&mut self) -> Result<(), Failed> {
        let HeadAndTime {
            head,
            database_time,
        } = self.store.head_and_time().await?;
        self.check_head(&head)?;
        while self.current.state.revision() < head.revision {
            let after = self.current.state.revision();
            let changes = self.store.changes_after(after, FOLLOW_BATCH).await?;
            self.check_chain(&head, &changes)?;
            let names = new_keys(&self.current, &changes);
            let hashes = self.store.key_hashes(&names).await?;
            self.publish_changes(&changes, hashes);
        }
        // a clock that is refused is reported, whether or not something is written
        drop(self.read_clock(database_time, &head));
        Ok(())
    }

    pub(super) async fn catch_up_locked(&mut self, tx: &mut WriteTx<'_>) -> Result<(), Failed> {
        let head = *tx.head();
        self.check_head(&head)?;
        while self.current.state.revision() < head.revision {
            let after = self.current.state.revision();
            let changes = tx.changes_after(after, FOLLOW_BATCH).await?;
            self.check_chain(&head, &changes)?;
            let names = new_keys(&self.current, &changes);
            let hashes = tx.key_hashes(&names).await?;
            self.publish_changes(&changes, hashes);
        }
        self.note_followed();
        Ok(())
    }

    /// Looks at the log under its lock, for reads at a given time.
    async fn poll_locked(&mut self) -> Result<(), Failed> {
        let mut tx = self.store.begin().await?;
        self.catch_up_locked(&mut tx).await?;
        if let Ok(time) = self.take_time(tx.database_time(), tx.head()) {
            self.published.note_locked(time);
        }
        tx.roll_back().await;
        Ok(())
    }

    // === the clock ===

    /// Takes the time for changes that follow on a head.
    pub(super) fn take_time(
        &mut self,
        database_time: Option<Timestamp>,
        head: &Head,
    ) -> Result<Timestamp, Error> {
        let time = self.read_clock(database_time, head)?;
        let promised = self.published.answered.load(atomic::Ordering::SeqCst);
        Ok(after_promises(time, promised))
    }

    /// The time, unless the clock is refused. Reports when that changes.
    fn read_clock(
        &mut self,
        database_time: Option<Timestamp>,
        head: &Head,
    ) -> Result<Timestamp, Error> {
        let looked = self.timekeeper.read(database_time, head.record_time);
        let refused = looked.err();
        if self.published.set_clock(refused) {
            self.published.locked_poll.send_replace(refused.map(Err));
            match refused {
                Some(why @ Unavailable::ClockBehindLog) => tracing::error!(
                    reason = %why.reason(),
                    newest_change = %head.record_time,
                    "the clock is more than a minute behind the newest change; nothing is recorded \
                     and this process is not ready until the clock is set right"
                ),
                Some(why) => tracing::error!(
                    reason = %why.reason(),
                    "the clock jumped by more than a minute; nothing is recorded and this process \
                     is not ready until the clock is set right or, if it is right now, the server \
                     is restarted"
                ),
                None => tracing::info!("the clock is right again; changes are recorded"),
            }
        }
        looked.map_err(Error::Unavailable)
    }

    // === the checks of each poll ===

    /// Refuses a log whose head shows that it is not the log served here.
    fn check_head(&self, head: &Head) -> Result<(), Failed> {
        check_file(&self.store).map_err(Failed::Fatal)?;
        let ours = self.current.state.revision();
        let follows = match head.revision.cmp(&ours) {
            Ordering::Less => false,
            Ordering::Equal => head.digest == self.current.digest,
            Ordering::Greater => true,
        };
        if follows && head.log_id == self.current.log_id {
            return Ok(());
        }
        Err(self.diverged(head))
    }

    /// Refuses changes that do not continue the log served here, each chained to the one before.
    fn check_chain(&self, head: &Head, changes: &[Appended]) -> Result<(), Failed> {
        if changes.is_empty() {
            return Err(missing(self.current.state.revision()).into());
        }
        let mut before = &self.current.digest;
        for appended in changes {
            if leaf::chained(before, &appended.leaf_hash) != appended.digest {
                return Err(self.diverged(head));
            }
            before = &appended.digest;
        }
        Ok(())
    }

    fn diverged(&self, head: &Head) -> Failed {
        Failed::Fatal(Fatal::Diverged {
            ours: self.current.state.revision(),
            our_log: self.current.log_id,
            theirs: head.revision,
            their_log: head.log_id,
        })
    }

    fn publish_changes(
        &mut self,
        changes: &[Appended],
        hashes: impl IntoIterator<Item = (ApiKeyName, KeyHash)>,
    ) {
        let mut next = Snapshot::clone(&self.current);
        for appended in changes {
            next.advance(&appended.change, appended.digest, appended.bytes);
            self.note_id(&appended.change);
        }
        for (name, hash) in hashes {
            next.key_hashes.insert(name, hash);
        }
        self.publish(next);
    }
}

fn new_keys(snapshot: &Snapshot, changes: &[Appended]) -> Vec<ApiKeyName> {
    let mut names = Vec::new();
    for effect in changes.iter().flat_map(|it| &it.change.effects) {
        if let Effect::Put(Image::ApiKey(key)) = effect
            && !snapshot.key_hashes.contains(&key.name)
            && !names.contains(&key.name)
        {
            names.push(key.name.clone());
        }
    }
    names
}

fn missing(after: Revision) -> Error {
    Error::Bug(
        format!("the log's head is ahead of revision {after}, yet nothing follows it").into(),
    )
}
