//! The rollover of the day: the notices of a new day are recorded, and everything is counted
//! again.
//!
//! When a new day has begun, or when a change affects all counts, everything is counted again in
//! parallel with the writes, and the changes written meanwhile are added. A continuous stream of
//! commands delays neither the count nor the writes.

use std::sync::Arc;

use tokio::{sync::oneshot, task::spawn_blocking};

use super::{
    super::{Snapshot, recent::Recent},
    Fatal, Writer,
};
use crate::store::Session;
use ndp_core::{
    caller::Person,
    change::{Change, Effect, Notice},
    effort::Effort,
    monitoring::tally::Tally,
    names::{PrincipalName, Revision},
    time::{Date, Timestamp},
};

/// Most notices in one change: a few hundred kilobytes on the wire.
const NOTICES_MAX: usize = 2_000;

/// Method name of the change in which the registry records that a new day has begun.
const TURN_DAY: &str = "TurnDay";

/// A count of everything, which runs in parallel with the writes.
pub(in crate::registry) struct Counting {
    date: Date,
    /// The snapshot that is counted, as of the start of the count; with the counts when they are
    /// ready.
    of: Snapshot,
    counted: oneshot::Receiver<Tally>,
}

impl Counting {
    fn begin(current: &Snapshot, date: Date) -> Self {
        let (done, counted) = oneshot::channel();
        let state = current.state.clone();
        spawn_blocking(move || {
            drop(done.send(Tally::new(&state, date, &Effort::unlimited())));
        });
        Self {
            date,
            of: Snapshot {
                recent: Recent::new(0),
                ..current.clone()
            },
            counted,
        }
    }

    /// Gives the counts to a later snapshot, with the changes written since. Returns false when the
    /// count cannot be completed.
    fn bring(&mut self, later: &mut Snapshot) -> bool {
        if !self.of.is_counted(self.date) {
            match self.counted.try_recv() {
                Ok(tally) => self.of.tally = Some(Arc::new(tally)),
                Err(oneshot::error::TryRecvError::Empty) => return true,
                Err(oneshot::error::TryRecvError::Closed) => {
                    tracing::error!("counting the records failed");
                    return false;
                }
            }
        }
        let mut of = self.of.clone();
        let (from, to) = (of.state.revision(), later.state.revision());
        let since = match from == to {
            true => Some(Vec::new()),
            false => later.recent.after(from, usize::MAX),
        };
        // none when the changes in memory do not reach back that far
        let Some(since) = since else { return false };
        for logged in since {
            of.advance(&logged.change, logged.digest, logged.bytes);
        }
        later.tally = of.tally;
        later.tally.is_some()
    }
}

impl Writer {
    /// Publishes today's counts when they are ready.
    pub(super) fn count_today(&mut self) {
        let today = self.clock.now().date_in_vietnam();
        if self.current.is_counted(today) {
            return;
        }
        let mut next = Snapshot::clone(&self.current);
        self.bring_counts(&mut next);
        if next.is_counted(today) {
            self.publish(next);
        }
    }

    /// Adds today's counts to the snapshot that is about to be published, unless it already has
    /// them or they are not ready. Each later change then updates them. Until they are ready, a
    /// read that needs them counts them itself.
    pub(super) fn bring_counts(&mut self, next: &mut Snapshot) {
        let today = self.clock.now().date_in_vietnam();
        if next.is_counted(today) {
            self.counting = None;
            return;
        }
        let counting = self.counting.take().filter(|it| it.date == today);
        let mut counting = counting.unwrap_or_else(|| Counting::begin(&self.current, today));
        // a count that failed is started again the next time
        self.counting = counting.bring(next).then_some(counting);
    }

    /// Records the start of a new day if it is not recorded yet and no command does so first.
    pub(super) async fn begin_day(&mut self, session: &mut Session) -> Result<(), Fatal> {
        let now = self.clock.now();
        let refused = self.published.is_clock_refused();
        if refused || !self.is_new_day(now) || self.notices(now).await.is_empty() {
            return Ok(());
        }
        // Under the lock, everything is checked again: another process may have been first.
        self.write(session, Vec::new()).await
    }

    /// Whether the newest change is of an earlier day, unless it is known that there are no notices
    /// for today. The first change of each day holds that day's notices, if there are any, so the
    /// log itself shows which days are done.
    pub(super) fn is_new_day(&self, now: Timestamp) -> bool {
        let today = now.date_in_vietnam();
        let state = &self.current.state;
        let earlier = state.record_time().is_some_and(|time| {
            state.revision() > Revision::ZERO && time.date_in_vietnam() < today
        });
        earlier && self.found(today).is_none_or(|found| !found.is_empty())
    }

    /// The notices for the start of this day, if they were looked up at this revision.
    fn found(&self, today: Date) -> Option<&Arc<[Notice]>> {
        let revision = self.current.state.revision();
        let (of, day, notices) = self.day_notices.as_ref()?;
        (*of == revision && *day == today).then_some(notices)
    }

    /// The notices for the change from the newest change's day to today.
    pub(super) async fn notices(&mut self, now: Timestamp) -> Arc<[Notice]> {
        let today = now.date_in_vietnam();
        if let Some(found) = self.found(today) {
            return Arc::clone(found);
        }
        let Some(last) = self.current.state.record_time() else {
            return Arc::default();
        };
        let last = last.date_in_vietnam();
        let current = Arc::clone(&self.current);
        let found = spawn_blocking(move || current.state.notices(last, today)).await;
        // Commands must not wait when the notices cannot be found.
        let found = found.unwrap_or_else(|error| {
            tracing::error!(%error, "looking for the notices of the new day");
            Vec::new()
        });
        let found = Arc::from(found);
        let revision = self.current.state.revision();
        self.day_notices = Some((revision, today, Arc::clone(&found)));
        found
    }

    /// The changes that record the start of the day: one, unless the notices exceed one message.
    pub(super) async fn day_change(&mut self, now: Timestamp) -> Vec<Change> {
        if !self.is_new_day(now) {
            return Vec::new();
        }
        let notices = self.notices(now).await;
        let mut revision = self.current.state.revision();
        let mut changes = Vec::new();
        for some in notices.chunks(NOTICES_MAX) {
            revision = revision.next();
            changes.push(Change {
                revision,
                record_time: now,
                person: Person {
                    principal: PrincipalName::system(),
                    actor: None,
                },
                agency: None,
                method: TURN_DAY.into(),
                request_id: None,
                reason: String::new(),
                effects: some.iter().cloned().map(Effect::Notice).collect(),
                key_hashes: Vec::new(),
                redaction: None,
            });
        }
        changes
    }
}
