//! Reads of past log entries and past States.
//!
//! A past State is the current State with every resource that changed since then replaced by its
//! earlier version. The two share all other records. The cost grows with the number of changed
//! resources and never exceeds one cold start. Each past State is built in a turn that its caller
//! waits for, one at a time, so that requests for the distant past do not starve other calls. The
//! last few are cached, so that reading several pages at one revision builds the State once.
//! Followers that fell behind read the log in the same parts, so that a thousand followers that
//! fall behind together read it once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    FOLLOW_TIME_MAX, Registry, Snapshot,
    recent::{Following, Logged, Recent},
};
use crate::{
    admission::{
        turns::{Turn, Work},
        who::Who,
    },
    store::{Appended, Store},
};
use ndp_core::{
    change::At,
    error::Error,
    leaf::Digest,
    messages::{Rule, Unavailable},
    names::Revision,
    position::{Point, Position},
    state::{seen::Past, visible::parents_of},
    time::Timestamp,
};

/// Maximum number of cached past States.
const KEPT_MAX: usize = 8;

/// Maximum number of replaced records in all cached States together: records that they do not share
/// with the current State. The newest cached State is kept even when it exceeds this limit. This
/// takes about the memory of one catalogue with 100,000 platforms.
const KEPT_RECORDS_MAX: usize = 100_000;

/// Maximum number of changes in one part of the log. A part starts at a multiple of this number, or
/// where a part with many bytes ended.
const PART: usize = 256;

/// Maximum number of log parts that are cached for the current followers.
const PARTS_MAX: usize = 4;

/// Maximum bytes of all cached parts. The newest part is kept even when it exceeds this limit.
const PARTS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What reads of the past share.
#[derive(Debug)]
pub(super) struct History {
    store: Store,
    pub(super) following: Following,
    kept: Mutex<VecDeque<Kept>>,
    parts: Mutex<VecDeque<Segment>>,
}

#[derive(Debug)]
struct Kept {
    snapshot: Arc<Snapshot>,
    /// Records that were put back for it.
    records: usize,
}

impl Kept {
    fn is_of(&self, redacted: Revision) -> bool {
        self.snapshot.redacted == redacted
    }
}

#[derive(Debug)]
struct Segment {
    /// The revision before its first.
    after: Revision,
    changes: Vec<Arc<Logged>>,
    bytes: usize,
    /// The newest redaction that was known before it was read.
    redacted: Revision,
}

impl Segment {
    fn last(&self) -> Revision {
        self.changes
            .last()
            .map_or(self.after, |it| it.change.revision)
    }
}

impl History {
    pub(super) fn new(store: Store, following: Following) -> Self {
        Self {
            store,
            following,
            kept: Mutex::default(),
            parts: Mutex::default(),
        }
    }

    /// The store that it reads.
    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn wal_bytes(&self) -> Option<u64> {
        self.store.wal_bytes()
    }

    /// Drops cached data from before a redaction. Data that is being read now is not found later,
    /// because it carries the redaction that was known when its read began.
    pub(super) fn forget_before(&self, redacted: Revision) {
        lock(&self.kept).retain(|kept| kept.is_of(redacted));
        lock(&self.parts).retain(|part| part.redacted == redacted);
    }

    fn find(&self, revision: Revision, redacted: Revision) -> Option<Arc<Snapshot>> {
        let is_asked =
            |kept: &&Kept| kept.is_of(redacted) && kept.snapshot.state.revision() == revision;
        let kept = lock(&self.kept);
        kept.iter()
            .find(is_asked)
            .map(|kept| Arc::clone(&kept.snapshot))
    }

    fn keep(&self, snapshot: &Arc<Snapshot>, records: usize) {
        let mut kept = lock(&self.kept);
        kept.push_back(Kept {
            snapshot: Arc::clone(snapshot),
            records,
        });
        let all = |kept: &VecDeque<Kept>| kept.iter().map(|it| it.records).sum::<usize>();
        while kept.len() > 1 && (kept.len() > KEPT_MAX || all(&kept) > KEPT_RECORDS_MAX) {
            kept.pop_front();
        }
    }

    /// A part that holds the change after this revision.
    fn find_part(&self, after: Revision, redacted: Revision) -> Option<Vec<Arc<Logged>>> {
        let holds = |part: &&Segment| {
            part.redacted == redacted && part.after <= after && part.last() > after
        };
        let parts = lock(&self.parts);
        parts.iter().find(holds).map(|part| part.changes.clone())
    }

    fn keep_part(&self, after: Revision, changes: &[Arc<Logged>], redacted: Revision) {
        let mut parts = lock(&self.parts);
        let is_same = |part: &Segment| part.after == after && part.redacted == redacted;
        if parts.iter().any(is_same) {
            return;
        }
        parts.push_back(Segment {
            after,
            changes: changes.to_vec(),
            bytes: changes.iter().map(|it| it.memory()).sum(),
            redacted,
        });
        let all = |parts: &VecDeque<Segment>| parts.iter().map(|it| it.bytes).sum::<usize>();
        while parts.len() > 1 && (parts.len() > PARTS_MAX || all(&parts) > PARTS_BYTES_MAX) {
            parts.pop_front();
        }
    }

    /// Makes the State of a revision from a later one, and keeps it.
    async fn make(
        self: Arc<Self>,
        current: Arc<Snapshot>,
        revision: Revision,
        turn: Turn,
    ) -> Result<Arc<Snapshot>, Error> {
        let store = self.store.clone();
        let newest = current.state.revision();
        let touched = turn.ask(async move {
            let past = store.touched_after(revision, newest).await?;
            let digest = digest_at(&store, revision).await?;
            Ok::<_, Error>((past, store.record_time(revision).await?, digest))
        });
        let (turn, touched) = touched.await?;
        let (past, record_time, digest) = touched?;
        let making = turn.run(move |effort| {
            let records = past.len();
            let past = effort.rows(past, 1);
            let past = past.map(|past| (past.resource, past.image));
            let made = Arc::new(Snapshot {
                log_id: current.log_id,
                digest,
                state: current.state.reverted(revision, record_time, past),
                key_hashes: current.key_hashes.clone(),
                citations: current.citations.clone(),
                recent: Recent::new(0),
                redacted: current.redacted,
                tally: None,
            });
            // within the turn, so that the next turn finds it
            if !effort.is_over() {
                self.keep(&made, records);
            }
            made
        });
        making.await
    }

    /// Looks up the records as they were before these changes.
    async fn look_up(&self, lacking: &[Arc<Logged>]) -> Result<(), Error> {
        let touched: Vec<_> = lacking
            .iter()
            .flat_map(|logged| {
                let effects = logged.change.effects.iter();
                effects.map(|effect| (effect.name(), logged.change.revision))
            })
            .collect();
        let mut before = self.store.images_before(&touched).await?.into_iter();
        for logged in lacking {
            let effects = logged.change.effects.len();
            logged.set_before(before.by_ref().take(effects).collect());
        }
        Ok(())
    }
}

/// The chained digest of a log at a revision that it has.
async fn digest_at(store: &Store, revision: Revision) -> Result<Digest, Error> {
    store.digest(revision).await?.ok_or_else(log_is_short)
}

/// Changes read from the log, with the parents that say who may see their records. One statement
/// looks the parents of all of them up.
async fn with_parents(store: &Store, changes: Vec<Appended>) -> Result<Vec<Arc<Logged>>, Error> {
    let asked: Vec<_> = changes
        .iter()
        .flat_map(|it| {
            let parents = parents_of(&it.change).into_iter();
            parents.map(|name| (name, it.change.revision))
        })
        .collect();
    let found = if asked.is_empty() {
        Vec::new()
    } else {
        store.images_before(&asked).await?
    };
    let mut found = found.into_iter();
    let changes = changes.into_iter().map(|it| {
        let parents = parents_of(&it.change).len();
        let parents = found.by_ref().take(parents).collect();
        Arc::new(Logged::read(it, parents))
    });
    Ok(changes.collect())
}

/// A lock poisoned by a panic is safe to use: no update under these locks is left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// Everything as the registry knew it at some point.
    pub async fn read_at(
        &self,
        who: &Who,
        at: At,
        patience: Duration,
    ) -> Result<Arc<Snapshot>, Error> {
        match at {
            At::Now => {}
            At::Revision(revision) => {
                let field = "read_revision";
                self.await_followed(revision, field, patience).await?;
            }
            At::Time(time) => {
                self.check_past(time)?;
                self.settle(time).await?;
            }
        }
        let current = self.read();
        let newest = current.state.revision();
        let revision = match at {
            At::Now => return Ok(current),
            At::Revision(revision) => revision,
            At::Time(time) if current.state.record_time().is_some_and(|at| at <= time) => newest,
            At::Time(time) => self.revision_at(who, time).await?.min(newest),
        };
        if revision == newest {
            return Ok(current);
        }
        if let Some(kept) = self.history.find(revision, current.redacted) {
            return Ok(kept);
        }
        let turn = self.turns.take(Work::Past, who).await?;
        if let Some(kept) = self.history.find(revision, current.redacted) {
            return Ok(kept);
        }
        // In its own task, so that the turn lasts as long as the work even when the caller
        // disconnects, and a repeated request finds the result.
        let making = Arc::clone(&self.history).make(current, revision, turn);
        tokio::spawn(making)
            .await
            .map_err(|error| Error::Bug(format!("a past State: {error}").into()))?
    }

    /// Waits until this process knows a revision, or has looked whether the log has it at all:
    /// one that it does not have is refused in a field.
    pub(super) async fn await_followed(
        &self,
        revision: Revision,
        field: &str,
        patience: Duration,
    ) -> Result<(), Error> {
        if revision <= self.revision() {
            return Ok(());
        }
        let reached = tokio::select! {
            biased;
            reached = self.await_revision(revision, patience) => reached,
            () = self.catch_up() => Ok(()),
        };
        reached?;
        let newest = self.revision();
        if revision <= newest {
            return Ok(());
        }
        if self.lag() > FOLLOW_TIME_MAX {
            return Err(Error::Unavailable(Unavailable::RevisionNotReached));
        }
        Err(Error::out_of_range(field, Rule::AfterNewest { newest }))
    }

    /// Waits until this process knows a revision: it may follow what another has written.
    async fn await_revision(&self, revision: Revision, patience: Duration) -> Result<(), Error> {
        let mut revisions = self.revisions();
        let reached = revisions.wait_for(|newest| *newest >= revision);
        match tokio::time::timeout(patience, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::Unavailable(Unavailable::RevisionNotReached)),
        }
    }

    /// Waits until this process knows a point of the log, and returns it as its log has it. A
    /// position of another log is refused.
    pub async fn reach(
        &self,
        who: &Who,
        point: Point,
        patience: Duration,
    ) -> Result<Position, Error> {
        let log_id = self.read().log_id;
        if let Point::Position(position) = point
            && position.log_id != log_id
        {
            return Err(position.diverged());
        }
        let revision = point.revision();
        self.await_revision(revision, patience).await?;
        let current = self.read();
        let digest = if revision == current.state.revision() {
            current.digest
        } else if let Some(digest) = current.recent.digest(revision) {
            digest
        } else {
            let store = self.history.store.clone();
            let turn = self.turns.take(Work::Log, who).await?;
            let asked = turn.ask(async move { digest_at(&store, revision).await });
            asked.await?.1?
        };
        let ours = Position::new(log_id, revision, &digest);
        match point {
            Point::Position(position) if position != ours => Err(position.diverged()),
            Point::Position(_) | Point::Revision(_) => Ok(ours),
        }
    }

    fn check_past(&self, time: Timestamp) -> Result<(), Error> {
        let now = self.clock().now();
        if time <= now {
            return Ok(());
        }
        Err(Error::invalid("read_time", Rule::ReadTimeInFuture { now }))
    }

    async fn revision_at(&self, who: &Who, time: Timestamp) -> Result<Revision, Error> {
        let store = self.history.store.clone();
        let turn = self.turns.take(Work::Log, who).await?;
        let found = turn.ask(async move {
            let revision = store.revision_at(time).await?;
            let first = match revision {
                Revision::ZERO => store.record_time(revision.next()).await?,
                _ => None,
            };
            Ok::<_, Error>((revision, first))
        });
        let (revision, first) = found.await?.1?;
        if revision > Revision::ZERO {
            return Ok(revision);
        }
        // an empty log begins when it is first written
        let first = first.unwrap_or_else(|| self.clock().now());
        Err(Error::out_of_range("read_time", Rule::BeforeLog { first }))
    }

    /// How the log is followed.
    pub fn following(&self) -> Following {
        self.history.following
    }

    /// The changes after a revision, in order, at most `limit`. The result is empty only when this
    /// process has no later change. The changes come from memory if they are still there, otherwise
    /// from the log. The earlier records are included for changes that `needs_before` selects.
    pub async fn changes_after(
        &self,
        who: &Who,
        after: Revision,
        limit: usize,
        needs_before: impl Fn(&Past<'_>) -> bool,
    ) -> Result<Vec<Arc<Logged>>, Error> {
        let snapshot = self.read();
        let newest = snapshot.state.revision();
        if after >= newest {
            return Ok(Vec::new());
        }
        if let Some(recent) = snapshot.recent.after(after, limit) {
            return Ok(recent);
        }
        let turn = self.turns.take(Work::Log, who).await?;
        let (turn, changes) = self.log_after(turn, after, limit, newest).await?;
        self.look_up_before(turn, &changes, needs_before).await?;
        Ok(changes)
    }

    /// The next changes after a revision, if they are still in memory. A follower that keeps up
    /// needs only these.
    pub fn recent_changes(&self, after: Revision) -> Option<Vec<Arc<Logged>>> {
        self.published.snapshot.load().recent.after(after, PART)
    }

    /// The next changes from the log, for a follower that fell behind. Waits for its turn without a
    /// time limit, and shares what it reads with other followers that are as far behind.
    pub async fn older_changes(
        &self,
        who: &Who,
        after: Revision,
        needs_before: impl Fn(&Past<'_>) -> bool,
    ) -> Result<Vec<Arc<Logged>>, Error> {
        let turn = self.turns.take_for_watch(who).await?;
        let (newest, redacted) = {
            let now = self.read();
            (now.state.revision(), now.redacted)
        };
        let part = i64::try_from(PART).unwrap_or(i64::MAX);
        let in_part = after.get() % part;
        let start = Revision::new(after.get() - in_part).unwrap_or_default();
        // an incomplete part is read from the requested position
        let is_whole = newest.get() - start.get() >= part;
        let (turn, changes) = match self.history.find_part(after, redacted) {
            Some(kept) => (turn, kept),
            None if is_whole => {
                self.read_part(turn, start, after, (newest, redacted))
                    .await?
            }
            None => self.log_after(turn, after, PART, newest).await?,
        };
        let next = changes.into_iter();
        let next: Vec<_> = next.skip_while(|it| it.change.revision <= after).collect();
        if next.is_empty() {
            return Err(log_is_short());
        }
        self.look_up_before(turn, &next, needs_before).await?;
        Ok(next)
    }

    /// Reads and caches the part that begins at `start`. A part with many bytes may end before the
    /// requested change; the rest is then read from there.
    async fn read_part(
        &self,
        turn: Turn,
        start: Revision,
        after: Revision,
        (newest, redacted): (Revision, Revision),
    ) -> Result<(Turn, Vec<Arc<Logged>>), Error> {
        let (turn, changes) = self.log_after(turn, start, PART, newest).await?;
        self.history.keep_part(start, &changes, redacted);
        let reaches = changes.last().is_some_and(|it| it.change.revision > after);
        if reaches || start == after {
            return Ok((turn, changes));
        }
        let (turn, changes) = self.log_after(turn, after, PART, newest).await?;
        self.history.keep_part(after, &changes, redacted);
        Ok((turn, changes))
    }

    /// Reads the log, as far as this process has followed it.
    async fn log_after(
        &self,
        turn: Turn,
        after: Revision,
        limit: usize,
        newest: Revision,
    ) -> Result<(Turn, Vec<Arc<Logged>>), Error> {
        let store = self.history.store.clone();
        let reading = turn.ask(async move {
            let mut changes = store.changes_after(after, limit).await?;
            changes.retain(|it| it.change.revision <= newest);
            with_parents(&store, changes).await
        });
        let (turn, changes) = reading.await?;
        let changes = changes?;
        if changes.is_empty() {
            return Err(log_is_short());
        }
        Ok((turn, changes))
    }

    /// Looks up the earlier records of those changes that need them and do not have them yet.
    async fn look_up_before(
        &self,
        turn: Turn,
        changes: &[Arc<Logged>],
        needs_before: impl Fn(&Past<'_>) -> bool,
    ) -> Result<(), Error> {
        let lacking: Vec<_> = changes
            .iter()
            .filter(|logged| !logged.has_before() && needs_before(&logged.past()))
            .cloned()
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let history = Arc::clone(&self.history);
        let asked = turn.ask(async move { history.look_up(&lacking).await });
        asked.await?.1
    }

    /// The first change to a resource among those recorded at a time or after it.
    pub async fn revision_that_wrote(
        &self,
        who: &Who,
        resource: &str,
        time: Timestamp,
    ) -> Result<Option<Revision>, Error> {
        let (store, resource) = (self.history.store.clone(), resource.to_owned());
        let before = Timestamp::from_micros(time.as_micros() - 1).unwrap_or(Timestamp::MIN);
        let turn = self.turns.take(Work::Log, who).await?;
        let found = turn.ask(async move {
            let before = store.revision_at(before).await?;
            store.revisions_of(&resource, before, 1).await
        });
        Ok(found.await?.1?.first().copied())
    }

    /// The changes between two revisions, both excluded, that touched a resource: at most `limit`
    /// of the oldest or of the newest, oldest first. The earlier records are included for changes
    /// that `needs_before` selects.
    pub async fn changes_of(
        &self,
        who: &Who,
        resource: &str,
        between: (Revision, Revision),
        newest: bool,
        limit: usize,
        needs_before: impl Fn(&Past<'_>) -> bool,
    ) -> Result<Vec<Arc<Logged>>, Error> {
        let (store, resource) = (self.history.store.clone(), resource.to_owned());
        let turn = self.turns.take(Work::Log, who).await?;
        let reading = async move {
            let changes = store.changes_of(&resource, between, newest, limit);
            with_parents(&store, changes.await?).await
        };
        let (turn, changes) = turn.ask(reading).await?;
        let changes = changes?;
        self.look_up_before(turn, &changes, needs_before).await?;
        Ok(changes)
    }
}

/// The log ends before a published revision: an older copy replaced it, and the writer is about to
/// detect that. Returns an error, because an empty answer would mean that there are no more
/// changes.
pub(super) const fn log_is_short() -> Error {
    Error::Unavailable(Unavailable::Store)
}
