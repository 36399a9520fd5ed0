//! The only writer of this process, which also follows the log.
//!
//! Commands wait in a bounded queue and are committed in groups. The [`Protocol`] says in which
//! order: lock the log, read what other processes appended, take the time, decide each command on a
//! private State that holds the group's earlier changes, commit, publish, answer. This file
//! performs it on the store.
//!
//! Between groups, the task reads the head of the log four times a second, so that changes by other
//! processes are served here within that time.

mod following;
mod job;
mod protocol;
mod rollover;
mod timekeeper;

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use uuid::Uuid;

pub use self::job::Outcome;
use self::{
    job::{Draft, asked, known},
    protocol::{Event, Output, Protocol},
    rollover::Counting,
};
pub(super) use self::{
    job::{Job, outcome_of},
    timekeeper::Timekeeper,
};
use super::{Published, Snapshot, history::History, measures::Measures, used_ids::UsedIds};
use crate::store::{CommitError, Encoded, Session, Store, WriteTx};
use ndp_core::{
    change::{Change, Notice},
    error::Error,
    messages::{Condition, Unavailable},
    names::Revision,
    rules::Ids,
    time::{Clock, Date},
};

/// Maximum number of commands in one group: enough to share the cost of a commit, few enough that
/// the first command does not wait long.
const GROUP_MAX: usize = 256;

/// Interval between reads of the log's head: four within the promised second.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);

/// How long the writer looks for the outcome of a commit before it answers that it is unknown.
const RESOLVE_TIME: Duration = Duration::from_secs(10);

/// Pause between two attempts to look it up.
const RESOLVE_PAUSE: Duration = Duration::from_millis(200);

/// Randomness for generated ids and for salts.
pub trait Entropy: Ids {
    /// A salt for one image's digest.
    fn salt(&mut self) -> [u8; 16];
}

/// Why the writer stopped permanently: the process must end and an operator must act.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The log is another one, or shorter than what was served.
    #[error(
        "the database was replaced or restored under the running server: it held log {our_log} at \
         revision {ours} and holds log {their_log} at revision {theirs}; if that is meant, start \
         the server again"
    )]
    Diverged {
        /// Revision served here.
        ours: Revision,
        /// Log id served here.
        our_log: Uuid,
        /// Revision found.
        theirs: Revision,
        /// Log id found.
        their_log: Uuid,
    },
    /// A file of the database was removed or replaced.
    #[error(
        "`{}` was removed or replaced under the running server, so nothing more is written; what \
         was acknowledged is copied into the database file if that one is still there. Find out \
         who touches it, run `admin verify`, and start the server again", .0.display()
    )]
    FileLost(std::path::PathBuf),
    /// A newer release has taken the log over.
    #[error("{0}")]
    Format(Error),
    /// A defect in the writer.
    #[error("a defect in the writer: {0}")]
    Defect(String),
    /// The writer's thread ended before its work did.
    #[error("the writer's thread ended by itself")]
    Ended,
}

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timekeeper: Timekeeper,
    pub(super) entropy: Box<dyn Entropy>,
    pub(super) published: Arc<Published>,
    pub(super) jobs: mpsc::Receiver<Job>,
    /// What was last published; only this task publishes.
    pub(super) current: Arc<Snapshot>,
    pub(super) used_ids: UsedIds,
    pub(super) measures: Measures,
    pub(super) history: Arc<History>,
    /// The notices for the start of a day, as found at a revision.
    pub(super) day_notices: Option<(Revision, Date, Arc<[Notice]>)>,
    /// The count for a day, not published yet.
    pub(super) counting: Option<Counting>,
    /// Ends with the writer.
    pub(super) _beside: JoinSet<()>,
}

/// Why the store could not be asked.
enum Failed {
    /// The next attempt may succeed.
    Passing(Error),
    /// This process must end.
    Fatal(Fatal),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match &error {
            Error::Refused(refusal)
                if matches!(refusal.condition, Condition::StoreFormatUnknown { .. }) =>
            {
                Self::Fatal(Fatal::Format(error))
            }
            _ => Self::Passing(error),
        }
    }
}

impl Writer {
    /// Starts the writer on its own thread, because among the tasks that it wakes it would run
    /// last. The returned task ends when the writer ends. If the task ends first, the writer ends
    /// with it.
    pub(super) fn start(self) -> Result<JoinHandle<Result<(), Fatal>>, Error> {
        let (mut ended, end) = oneshot::channel();
        let runtime = Handle::current();
        let thread = std::thread::Builder::new().name("registry-writer".to_owned());
        let spawned = thread.spawn(move || {
            let ran = runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = ended.closed() => None,
                    ran = self.run() => Some(ran),
                }
            });
            if let Some(ran) = ran {
                drop(ended.send(ran));
            }
        });
        spawned.map_err(|error| Error::Bug(format!("starting the writer: {error}").into()))?;
        Ok(tokio::spawn(async move {
            end.await.unwrap_or(Err(Fatal::Ended))
        }))
    }

    /// Runs until every handle is dropped, or the registry is closed, and the queue is empty.
    async fn run(mut self) -> Result<(), Fatal> {
        let mut ticks = interval(FOLLOW_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut jobs = Vec::with_capacity(GROUP_MAX);
        let mut session = Session::default();
        let published = Arc::clone(&self.published);
        loop {
            tokio::select! {
                received = self.jobs.recv_many(&mut jobs, GROUP_MAX) => {
                    if received == 0 {
                        return Ok(());
                    }
                    self.write(&mut session, std::mem::take(&mut jobs)).await?;
                }
                _ = ticks.tick() => {
                    // nothing was written just now, so the connection may go
                    session.release();
                    if self.follow().await? {
                        self.begin_day(&mut session).await?;
                    }
                    self.count_today();
                }
                () = published.closing.notified() => self.jobs.close(),
            }
        }
    }

    fn publish(&mut self, mut next: Snapshot) {
        self.bring_counts(&mut next);
        self.history.forget_before(next.redacted);
        self.current = Arc::new(next);
        self.published.swap(Arc::clone(&self.current));
    }

    /// Writes a group of commands and answers them.
    async fn write(&mut self, session: &mut Session, jobs: Vec<Job>) -> Result<(), Fatal> {
        let now = self.clock.now();
        if self.is_new_day(now) {
            // Only the lock shows which change is the first of a day and records its start, but
            // the notices are better looked up before the lock is taken.
            self.notices(now).await;
        }
        let mut protocol = Protocol::new(jobs);
        let mut draft = None;
        let mut deadline = Instant::now();
        while let Some(output) = protocol.output() {
            let event = match output {
                Output::Begin => {
                    draft = self.transact(session, &mut protocol).await?;
                    continue;
                }
                Output::LookFor => {
                    deadline = Instant::now() + RESOLVE_TIME;
                    self.find_outcome(held(draft.as_ref())?).await?
                }
                Output::LookAgain if deadline <= Instant::now() => Event::TimeUp,
                Output::LookAgain => {
                    sleep(RESOLVE_PAUSE).await;
                    self.find_outcome(held(draft.as_ref())?).await?
                }
                Output::Publish => {
                    let Draft { next, now, .. } = held(draft.take())?;
                    self.publish(next);
                    self.published.note_locked(now);
                    self.published.note_written();
                    continue;
                }
                Output::NoteFailure => {
                    self.published.note_write_failed();
                    continue;
                }
                Output::Answer(answers) => {
                    for (job, answer) in answers {
                        job.answer(answer);
                    }
                    continue;
                }
                Output::CatchUp
                | Output::TakeTime
                | Output::Decide
                | Output::Commit
                | Output::RollBack => return Err(out_of_order()),
            };
            protocol.on(event).map_err(defect)?;
        }
        Ok(())
    }

    /// Begins a transaction and performs it to its end. Returns what it decided.
    async fn transact(
        &mut self,
        session: &mut Session,
        protocol: &mut Protocol<Job, Outcome>,
    ) -> Result<Option<Draft>, Fatal> {
        let store = self.store.clone();
        let mut kept = true;
        let (draft, committed) = {
            let begun = match store.begin_in(session).await {
                Ok(Some(tx)) => Ok(tx),
                Ok(None) => {
                    // the connection that was kept is broken
                    kept = false;
                    store.begin().await
                }
                Err(error) => Err(error),
            };
            match begun {
                Ok(tx) => self.perform(tx, protocol).await?,
                Err(error) => {
                    protocol.on(unreached(error.into())?).map_err(defect)?;
                    (None, false)
                }
            }
        };
        if !kept || !committed {
            session.release();
        }
        Ok(draft)
    }

    /// Performs a transaction. Returns what it decided, and whether it was committed.
    async fn perform(
        &mut self,
        mut tx: WriteTx<'_>,
        protocol: &mut Protocol<Job, Outcome>,
    ) -> Result<(Option<Draft>, bool), Fatal> {
        protocol.on(Event::Begun).map_err(defect)?;
        let mut draft = None;
        while let Some(output) = protocol.output() {
            let event = match output {
                Output::CatchUp => match self.catch_up_locked(&mut tx).await {
                    Ok(()) => Event::CaughtUp,
                    Err(failed) => unreached(failed)?,
                },
                Output::TakeTime => match self.take_time(tx.database_time(), tx.head()) {
                    Ok(now) => {
                        draft = Some(Draft::on(&self.current, now));
                        Event::TimeTaken
                    }
                    Err(error) => Event::ClockRefused(error),
                },
                Output::Decide => {
                    if protocol.is_open() {
                        self.take_more(protocol.group());
                    }
                    let group = protocol.group();
                    let draft = held(draft.as_mut())?;
                    match self.decide(&mut tx, draft, group).await {
                        Ok(answers) => Event::Decided {
                            answers,
                            changes: !draft.changes.is_empty(),
                        },
                        Err(error) => rolled_back(error, group.len()),
                    }
                }
                Output::Commit => {
                    let commands = protocol.group().len();
                    let changes = &held(draft.as_ref())?.changes;
                    for encoded in changes {
                        self.note_id(encoded.change());
                    }
                    let event = self.commit(tx, changes, commands).await?;
                    let committed = matches!(event, Event::Committed);
                    protocol.on(event).map_err(defect)?;
                    return Ok((draft, committed));
                }
                Output::RollBack => {
                    tx.roll_back().await;
                    return Ok((draft, false));
                }
                Output::Begin
                | Output::LookFor
                | Output::LookAgain
                | Output::Publish
                | Output::NoteFailure
                | Output::Answer(_) => return Err(out_of_order()),
            };
            protocol.on(event).map_err(defect)?;
        }
        Err(out_of_order())
    }

    /// Adds the commands that arrived while the group waited for the lock; they share its commit.
    /// Drops those whose callers are gone, which were not started.
    fn take_more(&mut self, group: &mut Vec<Job>) {
        while group.len() < GROUP_MAX
            && let Ok(job) = self.jobs.try_recv()
        {
            group.push(job);
        }
        group.retain(|job| !job.is_abandoned());
    }

    /// Decides a group, after the changes that record the start of a day.
    async fn decide(
        &mut self,
        tx: &mut WriteTx<'_>,
        draft: &mut Draft,
        group: &[Job],
    ) -> Result<Vec<Result<Outcome, Error>>, Error> {
        // a group that contains only refusals counts as well
        self.measures.group_commands.observe(group.len() as f64);
        let mut asked: Vec<_> = group.iter().filter_map(asked).collect();
        asked.retain(|(principal, id)| self.used_ids.may_have(principal, *id));
        self.measures.request_id_lookups.inc_by(asked.len() as u64);
        draft.replays = known(tx, &asked).await?;
        for change in self.day_change(draft.now).await {
            draft.add(&mut *self.entropy, change)?;
        }
        let entropy = &mut *self.entropy;
        Ok(group.iter().map(|job| draft.decide(entropy, job)).collect())
    }

    /// Notes the request id of a change that is in the log or is about to be.
    fn note_id(&mut self, change: &Change) {
        if let Some(request) = &change.request_id {
            self.used_ids.note(&change.person.principal, request.id);
        }
    }

    async fn commit(
        &self,
        tx: WriteTx<'_>,
        changes: &[Encoded],
        commands: usize,
    ) -> Result<Event<Outcome>, Fatal> {
        let began = Instant::now();
        let committed = tx.commit_with(changes).await;
        let took = began.elapsed().as_secs_f64();
        self.measures.commit_seconds.observe(took);
        Ok(match committed {
            Ok(()) => {
                // checked before the commit is acknowledged
                check_file(&self.store)?;
                Event::Committed
            }
            Err(CommitError::RolledBack(error)) => rolled_back(error, commands),
            Err(CommitError::Unknown(error)) => {
                tracing::warn!(%error, commands, "outcome of a commit unknown; looking for it");
                Event::OutcomeUnknown
            }
        })
    }

    /// Whether a group is in the log, checked by its first change: a group is written as a whole or
    /// not at all. The transaction in doubt has ended, either way, once this process holds the lock
    /// on the log's head.
    async fn find_outcome(&mut self, draft: &Draft) -> Result<Event<Outcome>, Fatal> {
        let first = draft.changes.first().map(|it| Change {
            key_hashes: Vec::new(),
            redaction: None,
            ..it.change().clone()
        });
        match self.is_in_log(&held(first)?).await {
            Ok(true) => Ok(Event::Found),
            Ok(false) => Ok(Event::NotFound),
            Err(failed) => unreached(failed),
        }
    }

    async fn is_in_log(&mut self, first: &Change) -> Result<bool, Failed> {
        let mut tx = self.store.begin().await?;
        let before = first.revision.previous().unwrap_or_default();
        let found = tx.changes_after(before, 1).await?;
        let is_ours = found.first().is_some_and(|it| it.change == *first);
        self.catch_up_locked(&mut tx).await?;
        tx.roll_back().await;
        Ok(is_ours)
    }
}

/// What the protocol has decided before this output.
fn held<T>(it: Option<T>) -> Result<T, Fatal> {
    it.ok_or_else(out_of_order)
}

fn out_of_order() -> Fatal {
    Fatal::Defect("an output of its protocol is out of order".to_owned())
}

fn defect(error: Error) -> Fatal {
    Fatal::Defect(match error {
        Error::Bug(defect) => defect.into_owned(),
        error => error.to_string(),
    })
}

fn unreached(failed: Failed) -> Result<Event<Outcome>, Fatal> {
    match failed {
        Failed::Passing(error) => Ok(Event::Unreached(error)),
        Failed::Fatal(fatal) => Err(fatal),
    }
}

fn rolled_back(error: Error, commands: usize) -> Event<Outcome> {
    match commands {
        // either the next poll of the log finds it done, or it is tried again
        0 => tracing::warn!(%error, "the notices of the new day are not written yet"),
        // the caller receives it
        1 => {}
        _ => tracing::warn!(%error, commands, "group failed; redone one by one"),
    }
    Event::RolledBack(error)
}

/// Refuses to continue when the database file is no longer the one that was opened.
fn check_file(store: &Store) -> Result<(), Fatal> {
    match store.lost_file() {
        None => Ok(()),
        Some(file) => Err(Fatal::FileLost(file)),
    }
}

const fn unavailable() -> Error {
    Error::Unavailable(Unavailable::Store)
}
