//! The only writer of this process, which also follows the log.
//!
//! Commands wait in a bounded queue and are committed in groups: lock the log, read what other
//! processes appended, take the time, decide each command on a private State that holds the group's
//! earlier changes, append, commit, publish, answer. Refusals are also answered after the commit,
//! because a refusal may depend on another command of the group whose commit then fails. A failed
//! statement ends the transaction, and the group's commands are retried one by one. If the outcome
//! of a commit is unknown, the writer looks it up under the lock before it decides anything else.
//!
//! While one group is written, the next one is drafted: decided and encoded on the State that the
//! first group will leave. Under the lock, a draft is valid only if nothing was appended after the
//! revision it was drafted on and none of its request ids was used before. Otherwise its commands
//! are decided again under the lock.
//!
//! Between groups, the task reads the head of the log four times a second, so that changes by other
//! processes are served here within that time.
//!
//! When a new day has begun, or when a change affects all counts, everything is counted again in
//! parallel with the writes, and the changes written meanwhile are added. A continuous stream of
//! commands delays neither the count nor the writes.

use std::{
    cmp::Ordering,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use uuid::Uuid;

use super::{
    Published, SETTLED_AFTER, Snapshot,
    authenticate::renew,
    decide::{Ids, decide},
    measures::Measures,
    recent::Recent,
};
use crate::{
    domain::{
        caller::{Caller, Person},
        change::{Change, Effect, Image, Notice, RequestId},
        command::Request,
        effort::Effort,
        error::Error,
        leaf::{self, Digest},
        names::{ApiKeyName, PrincipalName, Revision},
        principals::KeyHash,
        time::{Clock, Date, Timestamp},
    },
    state::{
        State,
        tally::Tally,
        visible::{visible, visible_at},
    },
    store::{Appended, CommitError, Encoded, Head, Replay, Session, Store, WriteTx},
};

/// Maximum number of commands in one group: enough to share the cost of a commit, few enough that
/// the first command does not wait long.
const GROUP_MAX: usize = 256;

/// Maximum number of commands that are drafted before the group being written is polled again.
const DRAFT_STEP: usize = 8;

/// Maximum age of a draft's time when it is written. An older draft is decided again. This is half
/// of the time that a read at a given time waits; the other half allows for clock differences.
const DRAFT_AGE_MAX: Duration = SETTLED_AFTER.checked_div(2).unwrap();

/// Interval between reads of the log's head: four within the promised second.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(250);

/// Changes read from the log at a time.
const FOLLOW_BATCH: usize = 512;

/// How long the writer looks for the outcome of a commit before it answers that it is unknown.
const RESOLVE_TIME: Duration = Duration::from_secs(10);

/// Pause between two attempts to look it up.
const RESOLVE_PAUSE: Duration = Duration::from_millis(200);

/// How long the log may be unreachable before this process reports that it is not ready.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// Most notices in one change: a few hundred kilobytes on the wire.
const NOTICES_MAX: usize = 2_000;

/// Method name of the change in which the registry records that a new day has begun.
const TURN_DAY: &str = "TurnDay";

/// Randomness for generated ids and for salts.
pub trait Entropy: Ids {
    /// A salt for one image's digest.
    fn salt(&mut self) -> [u8; 16];
}

/// The result of a command.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The revision that holds the change.
    pub revision: Revision,
    /// The resource that the method returns, as it was written then and as the caller may see it,
    /// with the caller's rights at the time of the decision.
    pub image: Image,
    /// Whether an earlier request with the same id wrote it.
    pub replayed: bool,
}

impl Outcome {
    /// The same as a caller sees it who has it written now, in the State that it was decided on: a
    /// command leaves the audience of the record that it answers as it is.
    pub(super) fn seen_by(self, state: &State, caller: &Caller) -> Result<Self, Error> {
        let seen = visible(state, caller, &self.image);
        Ok(Self {
            image: seen.ok_or_else(|| self.image.not_found())?.image,
            ..self
        })
    }
}

/// A command in the queue, and where its answer goes.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) caller: Caller,
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Result<Outcome, Error>>,
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
         who touches it, run `check`, and start the server again", .0.display()
    )]
    FileLost(std::path::PathBuf),
    /// A newer release has taken the log over.
    #[error("{0}")]
    Format(Error),
    /// The writer's thread ended before its work did.
    #[error("the writer's thread ended by itself")]
    Ended,
}

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Box<dyn Entropy>,
    pub(super) published: Arc<Published>,
    pub(super) jobs: mpsc::Receiver<Job>,
    /// What was last published; only this task publishes.
    pub(super) current: Arc<Snapshot>,
    pub(super) measures: Measures,
    /// The notices for the start of a day, as found at a revision.
    pub(super) turned: Option<(Revision, Date, Arc<[Notice]>)>,
    /// The count for a day, not published yet.
    pub(super) counting: Option<Counting>,
    /// Ends with the writer.
    pub(super) _beside: JoinSet<()>,
}

type Answers = Vec<Result<Outcome, Error>>;

/// How an attempt at a group failed.
enum Failed {
    /// The store could not be asked; no command was decided.
    Unreached(Error),
    /// A statement failed, and nothing was written.
    RolledBack(Error),
    /// The outcome is unknown. The change is the group's first, as the log would hold it.
    Unknown(Error, Box<Change>),
    /// This process must end.
    Fatal(Fatal),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match &error {
            Error::Refused(refusal) if refusal.reason == "STORE_FORMAT_UNKNOWN" => {
                Self::Fatal(Fatal::Format(error))
            }
            _ => Self::Unreached(error),
        }
    }
}

impl Failed {
    /// What went wrong, unless this process must end.
    fn into_error(self) -> Result<Error, Fatal> {
        match self {
            Self::Unreached(error) | Self::RolledBack(error) | Self::Unknown(error, _) => Ok(error),
            Self::Fatal(fatal) => Err(fatal),
        }
    }

    /// Whether the store itself is unreachable, so that the next command would fail too.
    const fn is_outage(&self) -> bool {
        match self {
            Self::Unreached(error) | Self::RolledBack(error) => {
                matches!(error, Error::Unavailable { .. })
            }
            Self::Unknown(..) => true,
            Self::Fatal(_) => false,
        }
    }
}

/// A count of everything, which runs in parallel with the writes.
pub(super) struct Counting {
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

/// A group that was decided and encoded, to be written.
struct Draft {
    /// The log, revision and digest that it was decided on.
    base: (Uuid, Revision, Digest),
    /// When the draft was begun.
    begun: Instant,
    now: Timestamp,
    /// The snapshot after the draft's changes.
    next: Snapshot,
    changes: Vec<Encoded>,
    /// One for each command.
    answers: Answers,
    /// Earlier answers to their request ids.
    replays: Replays,
}

/// Commands with their draft.
struct Group {
    jobs: Vec<Job>,
    draft: Draft,
}

impl Group {
    fn add(&mut self, entropy: &mut dyn Entropy, job: Job) {
        self.draft.add(entropy, &job);
        self.jobs.push(job);
    }
}

/// The outcome of writing a draft.
enum Written {
    /// It is in the log.
    Whole,
    /// The draft does not follow the head of the log, or a request id of it was already answered.
    Overtaken,
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
                    let mut next = self.draft(std::mem::take(&mut jobs));
                    while let Some(group) = next {
                        next = self.write(&mut session, group).await?;
                    }
                }
                _ = ticks.tick() => {
                    // nothing was written just now, so the connection may go
                    session.release();
                    if self.follow().await? {
                        self.turn_day().await?;
                    }
                    self.count_today();
                }
                () = published.closing.notified() => self.jobs.close(),
            }
        }
    }

    // === following the log ===

    /// Returns whether the log could be read.
    async fn follow(&mut self) -> Result<bool, Fatal> {
        // When the network is broken, the database may not even refuse a connection. What was read
        // before the timeout is published, and the next tick continues from there.
        let awaited = self.published.locked_look.receiver_count() > 0;
        let looking = async {
            match awaited {
                true => self.look_locked().await,
                false => self.catch_up_idle().await,
            }
        };
        let caught_up = timeout(STALE_AFTER, looking).await;
        let silent_for = caught_up.is_err().then_some(STALE_AFTER);
        let Err(failed) = caught_up.unwrap_or_else(|_| Err(silent().into())) else {
            self.note_followed();
            return Ok(true);
        };
        let error = failed.into_error()?;
        if self.published.lag() > STALE_AFTER && self.published.set_readable(false) {
            tracing::error!(%error, ?silent_for, "the log cannot be read; not ready");
        }
        Ok(false)
    }

    fn note_followed(&self) {
        self.published.note_followed();
        self.published.looks.send_modify(|looks| *looks += 1);
        if self.published.set_readable(true) {
            tracing::info!("the log can be read again; ready");
        }
    }

    async fn catch_up_idle(&mut self) -> Result<(), Failed> {
        let head = self.store.head().await?;
        self.check_head(&head)?;
        while self.current.state.revision() < head.revision {
            let after = self.current.state.revision();
            let changes = self.store.changes_after(after, FOLLOW_BATCH).await?;
            self.check_chain(&head, &changes)?;
            let names = new_keys(&self.current, &changes);
            let hashes = self.store.key_hashes(&names).await?;
            self.publish_changes(&changes, hashes);
        }
        Ok(())
    }

    async fn catch_up_locked(&mut self, tx: &mut WriteTx<'_>) -> Result<(), Failed> {
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
    async fn look_locked(&mut self) -> Result<(), Failed> {
        let begun = Instant::now();
        let mut tx = self.store.begin().await?;
        self.catch_up_locked(&mut tx).await?;
        self.published.note_locked(begun);
        Ok(())
    }

    /// Refuses a log whose head shows that it is not the log served here.
    fn check_head(&self, head: &Head) -> Result<(), Failed> {
        check_file(&self.store)?;
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
        }
        for (name, hash) in hashes {
            next.key_hashes.insert(name, hash);
        }
        self.publish(next);
    }

    /// Publishes today's counts when they are ready.
    fn count_today(&mut self) {
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
    fn bring_counts(&mut self, next: &mut Snapshot) {
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

    fn publish(&mut self, mut next: Snapshot) {
        self.bring_counts(&mut next);
        self.current = Arc::new(next);
        self.published.swap(Arc::clone(&self.current));
    }

    // === the start of a day ===

    /// Records the start of a new day if it is not recorded yet and no command does so first.
    async fn turn_day(&mut self) -> Result<(), Fatal> {
        let now = self.clock.now();
        if !self.is_turned(now) || self.notices(now).await.is_empty() {
            return Ok(());
        }
        // Under the lock, everything is checked again: another process may have been first.
        let failed = match timeout(STALE_AFTER, self.attempt(&[])).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err((failed, _))) => failed,
            Err(_) => silent().into(),
        };
        let error = failed.into_error()?;
        // Either the next look at the log finds it done, or it is tried again.
        tracing::warn!(%error, "the turn of the day is not written yet");
        Ok(())
    }

    /// Whether the newest change is of an earlier day, unless it is known that there are no notices
    /// for today. The first change of each day holds that day's notices, if there are any, so the
    /// log itself shows which days are done.
    fn is_turned(&self, now: Timestamp) -> bool {
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
        let (of, day, notices) = self.turned.as_ref()?;
        (*of == revision && *day == today).then_some(notices)
    }

    /// The notices for the change from the newest change's day to today.
    async fn notices(&mut self, now: Timestamp) -> Arc<[Notice]> {
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
            tracing::error!(%error, "looking for what the turn of the day has to tell");
            Vec::new()
        });
        let found = Arc::from(found);
        let revision = self.current.state.revision();
        self.turned = Some((revision, today, Arc::clone(&found)));
        found
    }

    /// The changes that record the start of the day: one, unless the notices exceed one message.
    async fn turning(&mut self, now: Timestamp) -> Vec<Change> {
        if !self.is_turned(now) {
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
                key_hash: None,
            });
        }
        changes
    }

    // === groups ===

    /// Decides commands on the published State. None when all callers have disconnected.
    fn draft(&mut self, mut jobs: Vec<Job>) -> Option<Group> {
        // A disconnected caller does not wait for an answer, and its command was not started.
        jobs.retain(|job| !job.answer.is_closed());
        let now = self.published.recording_time(&*self.clock);
        let mut draft = Draft::on(&self.current, now);
        for job in &jobs {
            draft.add(&mut *self.entropy, job);
        }
        (!jobs.is_empty()).then_some(Group { jobs, draft })
    }

    /// Writes a group and answers it. Meanwhile drafts the next group on the resulting State.
    async fn write(
        &mut self,
        session: &mut Session,
        mut group: Group,
    ) -> Result<Option<Group>, Fatal> {
        if group.jobs.iter().any(|job| job.answer.is_closed()) {
            match self.draft(group.jobs) {
                Some(waiting) => group = waiting,
                None => return Ok(None),
            }
        }
        // Commands that arrived meanwhile share the commit.
        while group.jobs.len() < GROUP_MAX
            && let Ok(job) = self.jobs.try_recv()
        {
            if !job.answer.is_closed() {
                group.add(&mut *self.entropy, job);
            }
        }
        let Group { jobs, mut draft } = group;
        // before the next is drafted on it, which then has them too
        self.bring_counts(&mut draft.next);
        if self.is_turned(draft.now) {
            // The first change of a day records its start. Only the lock shows which change is
            // first, but the notices are better looked up before the lock is taken.
            session.release();
            self.notices(draft.now).await;
            let attempted = self.attempt(&jobs).await;
            self.settle(jobs, attempted).await?;
            return Ok(None);
        }
        let mut next: Option<Group> = None;
        let mut open = true;
        let written = {
            let published = Arc::clone(&self.published);
            let store = self.store.clone();
            let measures = self.measures.clone();
            let asked: Vec<_> = jobs.iter().filter_map(asked).collect();
            let mut writing = pin!(draft.write(&store, session, &asked, &measures));
            let mut received = Vec::with_capacity(DRAFT_STEP);
            loop {
                let room = GROUP_MAX - next.as_ref().map_or(0, |group| group.jobs.len());
                tokio::select! {
                    biased;
                    written = &mut writing => break written,
                    () = published.closing.notified() => self.jobs.close(),
                    count = self.jobs.recv_many(&mut received, room.min(DRAFT_STEP)),
                        if open && room > 0 =>
                    {
                        open = count > 0;
                        for job in received.drain(..) {
                            let group = next.get_or_insert_with(|| Group {
                                jobs: Vec::new(),
                                draft: Draft::on(
                                    &draft.next,
                                    self.published.recording_time(&*self.clock),
                                ),
                            });
                            group.add(&mut *self.entropy, job);
                        }
                    }
                }
            }
        };
        let attempted = match written {
            Ok(Written::Whole) => {
                let Draft {
                    begun,
                    next: state,
                    answers,
                    changes,
                    ..
                } = draft;
                if changes.is_empty() {
                    session.release();
                } else {
                    self.publish(state);
                    self.published.note_written();
                }
                self.note_followed();
                // the lock was taken after that
                self.published.note_locked(begun);
                answer(jobs, answers);
                return Ok(next);
            }
            Ok(Written::Overtaken) => {
                session.release();
                self.attempt(&jobs).await
            }
            Err(failed) => {
                session.release();
                Err((failed, draft.answers))
            }
        };
        self.settle(jobs, attempted).await?;
        // It was drafted on changes that were not written.
        Ok(next.and_then(|group| self.draft(group.jobs)))
    }

    /// Answers a group that could not be written as drafted.
    async fn settle(
        &mut self,
        jobs: Vec<Job>,
        attempted: Result<Answers, (Failed, Answers)>,
    ) -> Result<(), Fatal> {
        match attempted {
            Err((Failed::RolledBack(error), _)) if jobs.len() > 1 => {
                tracing::warn!(%error, commands = jobs.len(), "group failed; redone one by one");
                let mut jobs = jobs.into_iter();
                while let Some(job) = jobs.next() {
                    let alone = self.attempt(std::slice::from_ref(&job)).await;
                    let outage = alone.as_ref().is_err_and(|(failed, _)| failed.is_outage());
                    self.conclude(vec![job], alone).await?;
                    if outage {
                        // Each command would wait as long for the store as this one did.
                        answer_all(jobs.collect(), &silent());
                        return Ok(());
                    }
                }
                Ok(())
            }
            attempted => self.conclude(jobs, attempted).await,
        }
    }

    async fn conclude(
        &mut self,
        jobs: Vec<Job>,
        attempted: Result<Answers, (Failed, Answers)>,
    ) -> Result<(), Fatal> {
        match attempted {
            Ok(answers) => answer(jobs, answers),
            Err((Failed::Unreached(error) | Failed::RolledBack(error), _)) => {
                if matches!(error, Error::Unavailable { .. }) {
                    self.published.note_write_failed();
                }
                answer_all(jobs, &error);
            }
            Err((Failed::Unknown(error, first), answers)) => {
                self.resolve(jobs, error, &first, answers).await?;
            }
            Err((Failed::Fatal(fatal), _)) => return Err(fatal),
        }
        Ok(())
    }

    /// Finds out whether a commit took place. The transaction in doubt has ended, either way, once
    /// this process holds the lock on the log's head. Until then nothing else is decided, because
    /// every group begins with that lock.
    async fn resolve(
        &mut self,
        jobs: Vec<Job>,
        error: Error,
        first: &Change,
        answers: Answers,
    ) -> Result<(), Fatal> {
        let commands = jobs.len();
        tracing::warn!(%error, commands, "outcome of a commit unknown; looking for it");
        let deadline = Instant::now() + RESOLVE_TIME;
        loop {
            match self.look_for(first).await {
                Ok(true) => {
                    answer(jobs, answers);
                    return Ok(());
                }
                Ok(false) => {
                    answer_all(jobs, &silent());
                    return Ok(());
                }
                Err(Failed::Fatal(fatal)) => return Err(fatal),
                Err(_) if Instant::now() < deadline => sleep(RESOLVE_PAUSE).await,
                Err(_) => {
                    self.published.note_write_failed();
                    answer_all(
                        jobs,
                        &Error::Unavailable {
                            reason: "OUTCOME_UNKNOWN",
                        },
                    );
                    return Ok(());
                }
            }
        }
    }

    /// Whether a group is in the log, checked by its first change: a group is written as a whole or
    /// not at all.
    async fn look_for(&mut self, first: &Change) -> Result<bool, Failed> {
        let mut tx = self.store.begin().await?;
        let before = first.revision.previous().unwrap_or_default();
        let found = tx.changes_after(before, 1).await?;
        let is_ours = found.first().is_some_and(|it| it.change == *first);
        self.catch_up_locked(&mut tx).await?;
        Ok(is_ours)
    }

    /// Decides a group under the lock and writes it.
    async fn attempt(&mut self, jobs: &[Job]) -> Result<Answers, (Failed, Answers)> {
        let undecided = |failed| (failed, Answers::new());
        let (tx, draft) = self.decide_locked(jobs).await.map_err(undecided)?;
        match draft.append(&self.store, tx, &self.measures).await {
            Ok(()) => {
                if !draft.changes.is_empty() {
                    self.publish(draft.next);
                    self.published.note_written();
                }
                Ok(draft.answers)
            }
            Err(failed) => Err((failed, draft.answers)),
        }
    }

    async fn decide_locked(&mut self, jobs: &[Job]) -> Result<(WriteTx<'static>, Draft), Failed> {
        let begun = Instant::now();
        let mut tx = self.store.begin().await?;
        self.catch_up_locked(&mut tx).await?;
        self.published.note_locked(begun);
        let now = self.published.recording_time(&*self.clock);
        let mut draft = Draft::on(&self.current, now);
        let asked: Vec<_> = jobs.iter().filter_map(asked).collect();
        // An earlier answer that cannot be read fails its own command only, not the others in the
        // group.
        let replays = known(&mut tx, &asked).await;
        draft.replays = replays.map_err(Failed::RolledBack)?;
        for change in self.turning(draft.now).await {
            let before = draft.next.digest;
            let encoded = Encoded::new(change, &before, &mut || self.entropy.salt());
            draft.push(encoded.map_err(Failed::RolledBack)?);
        }
        for job in jobs {
            draft.add(&mut *self.entropy, job);
        }
        Ok((tx, draft))
    }
}

impl Draft {
    /// An empty draft on a snapshot.
    fn on(base: &Snapshot, now: Timestamp) -> Self {
        let record_time = base.state.record_time();
        Self {
            base: (base.log_id, base.state.revision(), base.digest),
            begun: Instant::now(),
            now: record_time.map_or(now, |record_time| now.max(record_time)),
            next: base.clone(),
            changes: Vec::new(),
            answers: Vec::new(),
            replays: Replays::new(),
        }
    }

    /// Decides one more command, on the result of those before it.
    fn add(&mut self, entropy: &mut dyn Entropy, job: &Job) {
        let answer = self.decide(entropy, job);
        self.answers.push(answer);
    }

    fn decide(&mut self, entropy: &mut dyn Entropy, job: &Job) -> Result<Outcome, Error> {
        let next = &mut self.next;
        let caller = renew(&next.state, &job.caller, self.now)?;
        if let Some(request_id) = &job.request.request_id
            && let Some(person) = caller.person()
            && let Some((digest, outcome)) = self.replays.get(&(person.principal, request_id.id))
        {
            return replay(next, &caller, &job.request, request_id, digest, outcome);
        }
        // `decide` is pure, so a panic leaves no partial work and fails its own command only.
        let decided = catch_unwind(AssertUnwindSafe(|| {
            let ids: &mut dyn Ids = &mut *entropy;
            decide(&next.state, &caller, &job.request, self.now, ids)
        }));
        let change = decided.unwrap_or_else(|_| {
            let method = job.request.command.method_name();
            Err(Error::Bug(format!("deciding {method} panicked").into()))
        })?;
        let outcome = outcome_of(&change)?;
        let seen = outcome.clone().seen_by(&next.state, &caller)?;
        let encoded = Encoded::new(change, &next.digest, &mut || entropy.salt())?;
        let change = encoded.change();
        if let Some(request_id) = change.request_id {
            let key = (change.person.principal.clone(), request_id.id);
            self.replays.insert(key, (request_id.digest, outcome));
        }
        self.push(encoded);
        Ok(seen)
    }

    fn push(&mut self, encoded: Encoded) {
        self.next
            .advance(encoded.change(), *encoded.digest(), encoded.bytes());
        self.changes.push(encoded);
    }

    /// Writes the draft if it is still valid under the log's lock.
    async fn write(
        &self,
        store: &Store,
        session: &mut Session,
        asked: &[(PrincipalName, Uuid)],
        measures: &Measures,
    ) -> Result<Written, Failed> {
        let Some(mut tx) = store.begin_in(session).await? else {
            return Ok(Written::Overtaken);
        };
        let head = (tx.head().log_id, tx.head().revision, tx.head().digest);
        if head != self.base || self.begun.elapsed() > DRAFT_AGE_MAX {
            return Ok(Written::Overtaken);
        }
        let replays = tx.replays(asked).await;
        if !replays.map_err(Failed::RolledBack)?.is_empty() {
            return Ok(Written::Overtaken);
        }
        self.append(store, tx, measures)
            .await
            .map(|()| Written::Whole)
    }

    async fn append(
        &self,
        store: &Store,
        mut tx: WriteTx<'_>,
        measures: &Measures,
    ) -> Result<(), Failed> {
        // a group that contains only refusals counts as well
        measures.group_commands.observe(self.answers.len() as f64);
        let Some(first) = self.changes.first() else {
            return Ok(());
        };
        let appended = tx.append_encoded(&self.changes).await;
        appended.map_err(Failed::RolledBack)?;
        let began = Instant::now();
        let committed = tx.commit().await;
        let took = began.elapsed().as_secs_f64();
        measures.commit_seconds.observe(took);
        match committed {
            // checked before the commit is acknowledged
            Ok(()) => check_file(store),
            Err(CommitError::RolledBack(error)) => Err(Failed::RolledBack(error)),
            Err(CommitError::Unknown(error)) => {
                let first = Change {
                    key_hash: None,
                    ..first.change().clone()
                };
                Err(Failed::Unknown(error, Box::new(first)))
            }
        }
    }
}

/// Refuses to continue when the database file is no longer the one that was opened.
fn check_file(store: &Store) -> Result<(), Failed> {
    match store.lost_file() {
        None => Ok(()),
        Some(file) => Err(Failed::Fatal(Fatal::FileLost(file))),
    }
}

/// The request id of a command and the principal that sent it.
fn asked(job: &Job) -> Option<(PrincipalName, Uuid)> {
    let person = job.caller.person()?;
    Some((person.principal, job.request.request_id.as_ref()?.id))
}

/// The earlier answers to these request ids.
async fn known(tx: &mut WriteTx<'_>, asked: &[(PrincipalName, Uuid)]) -> Result<Replays, Error> {
    let mut replays = Replays::new();
    for Replay {
        principal,
        id,
        digest,
        revision,
        image,
    } in tx.replays(asked).await?
    {
        let image = image.ok_or_else(|| {
            Error::Bug(format!("change {revision} has no image to replay").into())
        })?;
        let outcome = Outcome {
            revision,
            image,
            replayed: true,
        };
        replays.insert((principal, id), (digest, outcome));
    }
    Ok(replays)
}

type Replays = HashMap<(PrincipalName, Uuid), ([u8; 32], Outcome)>;

/// The earlier answer, if the caller may still make the same request: it is authorized again.
fn replay(
    next: &Snapshot,
    caller: &Caller,
    request: &Request,
    request_id: &RequestId,
    digest: &[u8; 32],
    outcome: &Outcome,
) -> Result<Outcome, Error> {
    if *digest != request_id.digest {
        return Err(Error::RequestIdReused {
            request_id: request_id.id.to_string(),
        });
    }
    super::access::permit(&next.state, caller, &request.command)?;
    // The caller may no longer see the written record, for example because its agency has changed.
    // It wrote the record itself, so it saw it then.
    let seen = visible_at(&next.state, &next.state, caller, &outcome.image);
    Ok(Outcome {
        revision: outcome.revision,
        image: seen.ok_or_else(|| outcome.image.not_found())?.image,
        replayed: true,
    })
}

pub(super) fn outcome_of(change: &Change) -> Result<Outcome, Error> {
    match change.effects.first() {
        Some(Effect::Put(image)) => Ok(Outcome {
            revision: change.revision,
            image: image.clone(),
            replayed: false,
        }),
        Some(Effect::Remove { .. } | Effect::Notice(_)) | None => Err(Error::Bug(
            format!("{} changes nothing", change.method).into(),
        )),
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

const fn silent() -> Error {
    Error::Unavailable {
        reason: "STORE_UNAVAILABLE",
    }
}

fn missing(after: Revision) -> Error {
    Error::Bug(
        format!("the log's head is ahead of revision {after}, yet nothing follows it").into(),
    )
}

fn answer(jobs: Vec<Job>, answers: Answers) {
    for (job, answer) in jobs.into_iter().zip(answers) {
        // A caller that stopped waiting loses only the answer. It can repeat the request with the
        // same request id.
        drop(job.answer.send(answer));
    }
}

fn answer_all(jobs: Vec<Job>, error: &Error) {
    for job in jobs {
        drop(job.answer.send(Err(error.clone())));
    }
}
