//! Deciding commands before the log is locked, while the group before them is committed.
//!
//! What was decided so is written only if the log ends where it was decided, which the database
//! checks as it writes. Otherwise it is decided again under the lock.

use std::{pin::pin, sync::Arc};

use tokio::time::Instant;

use super::{
    super::Snapshot,
    Event, Fatal, GROUP_MAX, Outcome, Writer,
    job::{Draft, Job, asked},
};
use crate::store::{Head, Session};
use ndp_core::error::Error;

/// Commands that were taken from the queue for the next group.
#[derive(Default)]
pub(in crate::registry) struct Waiting {
    pub(super) jobs: Vec<Job>,
    /// What was decided of the first of them.
    ahead: Option<Ahead>,
}

impl Waiting {
    /// Forgets what was decided.
    pub(super) fn forget(&mut self) {
        self.ahead = None;
    }
}

/// What was decided before the lock.
pub(super) struct Ahead {
    /// Where the log ends if it can be written.
    pub(super) head: Head,
    /// Whether today's counts were known there.
    counted: bool,
    pub(super) draft: Draft,
    /// One for each command.
    pub(super) answers: Vec<Result<Outcome, Error>>,
}

impl Ahead {
    fn is_on(&self, base: &Snapshot) -> bool {
        base.head() == Some(self.head) && self.counted == base.tally.is_some()
    }
}

impl Writer {
    /// The next group, and what was decided of it, if it can be written as it was decided.
    pub(super) fn next_group(&mut self) -> (Vec<Job>, Option<Ahead>) {
        let Waiting { mut jobs, ahead } = std::mem::take(&mut self.waiting);
        let mut ahead = ahead.filter(|it| it.is_on(&self.current));
        let begun = ahead.as_ref().map_or(0, |it| it.answers.len());
        let mut new = jobs.split_off(begun);
        self.take_more(&mut new, GROUP_MAX.saturating_sub(begun));
        jobs.append(&mut new);
        if ahead.is_none() && jobs.iter().any(|job| !job.only_decide) {
            ahead = self.begin_ahead(&Arc::clone(&self.current));
        }
        let Some(mut ahead) = ahead else {
            return (jobs, None);
        };
        while let Some(job) = jobs.get(ahead.answers.len())
            && self.decide_ahead(&mut ahead, job)
        {}
        let changes = &ahead.draft.changes;
        if changes.is_empty() || !self.store.can_append_at(changes) {
            return (jobs, None);
        }
        self.waiting.jobs = jobs.split_off(ahead.answers.len());
        (jobs, Some(ahead))
    }

    /// Waits for a commit, and meanwhile decides what arrives on the snapshot that it leaves.
    pub(super) async fn deciding<T>(
        &mut self,
        committing: impl Future<Output = T>,
        next: &Snapshot,
    ) -> T {
        let began = Instant::now();
        let mut committing = pin!(committing);
        let mut goes_on = self.waiting.jobs.is_empty();
        loop {
            tokio::select! {
                biased;
                committed = &mut committing => {
                    self.measures.commit_seconds.observe(began.elapsed().as_secs_f64());
                    return committed;
                }
                Some(job) = self.jobs.recv(), if goes_on => {
                    let begun = self.waiting.ahead.take();
                    let mut ahead = begun.or_else(|| self.begin_ahead(next));
                    goes_on = ahead.as_mut().is_some_and(|it| self.decide_ahead(it, &job));
                    self.waiting.ahead = ahead;
                    self.waiting.jobs.push(job);
                    goes_on &= self.waiting.jobs.len() < GROUP_MAX;
                }
            }
        }
    }

    /// Nothing decided yet, on a snapshot that is published or about to be. None where the lock
    /// must be held: on PostgreSQL, while the clock is refused, and before the first change of a
    /// day, which records more than a command.
    fn begin_ahead(&mut self, base: &Snapshot) -> Option<Ahead> {
        if !self.store.can_append_at(&[]) {
            return None;
        }
        let head = base.head()?;
        let now = self.take_time(None, &head).ok()?;
        let is_same_day = head.record_time.date_in_vietnam() == now.date_in_vietnam();
        is_same_day.then(|| Ahead {
            head,
            counted: base.tally.is_some(),
            draft: Draft::on(base, now),
            answers: Vec::new(),
        })
    }

    /// Decides one more command, unless that needs the database, or may take long.
    fn decide_ahead(&mut self, ahead: &mut Ahead, job: &Job) -> bool {
        let draft = &mut ahead.draft;
        let asks = asked(job).is_some_and(|asked| {
            !draft.replays.contains_key(&asked) && self.used_ids.may_have(&asked.0, asked.1)
        });
        if asks || !job.more.is_empty() {
            return false;
        }
        let answer = draft.decide(&mut *self.entropy, job);
        ahead.answers.push(answer);
        true
    }

    /// Writes a group as it was decided before the lock.
    pub(super) async fn commit_at(
        &mut self,
        session: &mut Session,
        head: &Head,
        draft: &Draft,
        commands: usize,
    ) -> Result<Event<Outcome>, Fatal> {
        self.measures.group_commands.observe(commands as f64);
        self.note_ids(draft);
        let store = self.store.clone();
        let appending = store.append_at(session, head, &draft.changes);
        let committed = self.deciding(appending, &draft.next).await;
        match committed {
            // the database has looked where the log ends
            Ok(()) => self.note_followed(),
            Err(_) => session.release(),
        }
        self.after_commit(committed, commands, |error, commands| {
            tracing::debug!(%error, commands, "to be decided under the log's lock");
            Event::NotCommitted
        })
    }
}
