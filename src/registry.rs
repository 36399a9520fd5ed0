//! The registry's use cases: read the State, submit a command, follow the log.
//!
//! A [`Registry`] is a cheap handle. Reads take the newest [`Snapshot`], one atomic load, and keep
//! it for as long as they need; writes go through the one writer task behind a bounded queue.

pub mod authenticate;
pub mod checkpoints;
pub mod entropy;
pub mod evidence;
pub mod history;
pub mod measures;
pub mod pages;
pub mod recent;
pub mod redactions;
mod tallies;
mod tree;
pub mod trial;
mod upkeep;
mod used_ids;
pub mod uses;
pub mod watching;
mod writer;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    admission::turns::{TurnLimits, Turns},
    store::{Loaded, Secret, Store},
};
use authenticate::{KeyHashes, renew};
use entropy::OsEntropy;
use history::{History, lock};
use measures::Measures;
use ndp_core::{
    caller::Caller,
    change::{Change, Effect},
    error::Error,
    leaf::Digest,
    limits::{Limit, Scope},
    messages::{self, Unavailable},
    monitoring::tally::Tally,
    names::Revision,
    position::Position,
    query::token::TokenKey,
    records::{citations::Citations, identities::SubjectKey},
    rules::{Request, decide, seed::Seed},
    seal::SealKey,
    state::State,
    time::{Clock, Date, Timestamp},
};
use recent::{Following, Recent};
use tallies::Tallies;
use tree::Tree;
pub use tree::{Consistency, Inclusion, TilePart};
use upkeep::Condition;
pub use writer::{Entropy, Fatal, Outcome};
use writer::{Job, Timekeeper, Writer, outcome_of};

/// Maximum number of commands that wait for the writer. A further command is refused with
/// RESOURCE_EXHAUSTED. Four full groups: as many as one or two commits can delay.
pub const QUEUE_MAX: usize = 1024;

/// Maximum time that a read at a given time waits until that time is settled.
const SETTLED_WAIT: Duration = Duration::from_secs(10);

/// Maximum time until a process follows a change that another process wrote.
const FOLLOW_TIME_MAX: Duration = Duration::from_secs(1);

/// Limits for following the log and for the work that the registry accepts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Limits for following the log.
    pub following: Following,
    /// Limits for work that grows with the catalogue.
    pub turns: TurnLimits,
}

/// Everything a call reads, at one revision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The log that this snapshot is of.
    pub log_id: Uuid,
    /// The chained digest at its revision.
    pub digest: Digest,
    /// The records.
    pub state: State,
    /// Hashes of API keys, which are kept out of the log.
    pub key_hashes: KeyHashes,
    /// The records that cite each file.
    pub citations: Citations,
    /// The newest of the changes that led to this revision.
    pub recent: Recent,
    /// The newest change known here that redacted earlier ones. Data that was read from the log
    /// before it and cached may contain the texts.
    pub redacted: Revision,
    /// Today's tally. `None` before the first count, and while a new count is needed.
    pub tally: Option<Arc<Tally>>,
}

impl Snapshot {
    /// The position of this snapshot in the log.
    pub fn position(&self) -> Position {
        Position::new(self.log_id, self.state.revision(), &self.digest)
    }

    /// The same without what only the newest snapshot keeps.
    fn bare(&self) -> Self {
        Self {
            log_id: self.log_id,
            digest: self.digest,
            state: self.state.clone(),
            key_hashes: self.key_hashes.clone(),
            citations: self.citations.clone(),
            recent: Recent::new(0),
            redacted: self.redacted,
            tally: None,
        }
    }

    /// Whether its tally is of this day.
    fn is_counted(&self, date: Date) -> bool {
        let tally = self.tally.as_ref();
        tally.is_some_and(|tally| tally.date() == date)
    }

    /// Applies a change with this chained digest, whose images take `bytes` bytes.
    fn advance(&mut self, change: &Change, digest: Digest, bytes: usize) {
        self.digest = digest;
        if change.redacts() {
            // it is read from the log instead, as are those before it
            self.redacted = change.revision;
            self.recent.clear();
        } else {
            self.recent.push(&self.state, change, digest, bytes);
        }
        // not a clone of the State: `apply` would have to copy what the two share
        let tally = self.tally.as_ref();
        let before = tally.map(|tally| tally.before(&self.state, change));
        self.state.apply(change);
        if let (Some(tally), Some(before)) = (&mut self.tally, before)
            && !Arc::make_mut(tally).advance(before, &self.state)
        {
            // not counted here, because that takes long
            self.tally = None;
        }
        for effect in &change.effects {
            if let Effect::Put(image) = effect {
                self.citations.note(image);
            }
        }
        for (name, hash) in &change.key_hashes {
            self.key_hashes.insert(name.clone(), *hash);
        }
    }
}

/// What the writer has published, for all to read.
struct Published {
    snapshot: ArcSwap<Snapshot>,
    revision: watch::Sender<Revision>,
    readiness: watch::Sender<bool>,
    condition: Mutex<Condition>,
    /// Counts how often the log's head was looked at.
    polls: watch::Sender<u64>,
    /// When it was last looked at.
    followed: Mutex<Instant>,
    /// The log's time when it was last looked at under its lock, or why the clock is refused; none
    /// before the first poll. What was appended before that time is published, and what is
    /// appended later is recorded at that time or later.
    locked_poll: watch::Sender<Option<Result<Timestamp, Unavailable>>>,
    /// The latest time, in microseconds, that a read was promised to be repeatable at: what is
    /// recorded here afterwards is recorded later than that.
    answered: AtomicI64,
    closing: Notify,
}

impl Published {
    fn swap(&self, next: Arc<Snapshot>) {
        let revision = next.state.revision();
        self.snapshot.store(next);
        self.revision.send_replace(revision);
    }

    /// Records when the log was last looked at.
    fn note_followed(&self) {
        *lock(&self.followed) = Instant::now();
    }

    /// How long ago that was.
    fn lag(&self) -> Duration {
        lock(&self.followed).elapsed()
    }

    /// Records the log's time at a poll under its lock, or that of a group just published. While
    /// the clock is refused, readers learn that instead.
    fn note_locked(&self, time: Timestamp) {
        if !self.is_clock_refused() {
            self.locked_poll.send_replace(Some(Ok(time)));
        }
    }
}

/// A handle on the registry of this process.
#[derive(Clone)]
pub struct Registry {
    published: Arc<Published>,
    jobs: mpsc::Sender<Job>,
    clock: Arc<dyn Clock>,
    token_key: TokenKey,
    subject_key: SubjectKey,
    cookie_key: SealKey,
    turns: Turns,
    history: Arc<History>,
    measures: Measures,
    tallies: Arc<Tallies>,
    tree: Arc<Tree>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}

/// The writer's task. Ends when every handle was dropped or the registry was closed, and the queue
/// is empty; or permanently, on a fatal error.
pub type WriterTask = JoinHandle<Result<(), Fatal>>;

impl Registry {
    /// Loads the State from the store and starts the writer.
    pub async fn start(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Box<dyn Entropy>,
    ) -> Result<(Self, WriterTask), Error> {
        Self::start_within(store, clock, entropy, Bounds::default()).await
    }

    /// The same, within other bounds.
    pub async fn start_within(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Box<dyn Entropy>,
        bounds: Bounds,
    ) -> Result<(Self, WriterTask), Error> {
        let Bounds { following, turns } = bounds;
        let secret = |secret| store.secret(secret, OsEntropy.secret());
        let token_key = TokenKey::new(secret(Secret::PageToken).await?);
        let subject_key = SubjectKey::new(secret(Secret::Subject).await?);
        let cookie_key = SealKey::new(secret(Secret::Cookie).await?);
        let Loaded {
            head,
            images,
            key_hashes,
        } = store.load().await?;
        let citations = images.iter().collect();
        let current = Arc::new(Snapshot {
            log_id: head.log_id,
            digest: head.digest,
            state: State::load(head.revision, Some(head.record_time), images),
            key_hashes: key_hashes.into_iter().collect(),
            citations,
            recent: Recent::new(following.bytes_max),
            redacted: Revision::ZERO,
            tally: None,
        });
        let published = Arc::new(Published {
            snapshot: ArcSwap::new(Arc::clone(&current)),
            revision: watch::Sender::new(head.revision),
            readiness: watch::Sender::new(true),
            condition: Mutex::new(Condition::new()),
            polls: watch::Sender::new(0),
            followed: Mutex::new(Instant::now()),
            locked_poll: watch::Sender::new(None),
            answered: AtomicI64::new(i64::MIN),
            closing: Notify::new(),
        });
        let history = Arc::new(History::new(store.clone(), following));
        let (jobs, receiver) = mpsc::channel(QUEUE_MAX);
        let measures = Measures::default();
        let mut beside = JoinSet::new();
        let tree = Arc::new(Tree::new(store.clone()));
        beside.spawn(upkeep::run(store.clone(), Arc::downgrade(&published)));
        beside.spawn(tree::run(Arc::clone(&tree), Arc::downgrade(&published)));
        beside.spawn(uses::run(store.clone(), Arc::downgrade(&published)));
        // what a first search would wait for; the start does not
        let (loaded, open) = (Arc::clone(&current), Arc::downgrade(&published));
        beside.spawn_blocking(move || loaded.state.index(|| open.strong_count() > 0));
        let (used_ids, reading) = used_ids::of_log(store.clone(), Arc::downgrade(&published));
        beside.spawn(reading);
        let writer = Writer {
            store,
            timekeeper: Timekeeper::new(Arc::clone(&clock)),
            clock: Arc::clone(&clock),
            entropy,
            published: Arc::clone(&published),
            jobs: receiver,
            current,
            used_ids,
            measures: measures.clone(),
            history: Arc::clone(&history),
            day_notices: None,
            counting: None,
            _beside: beside,
        };
        let task = writer.start()?;
        Ok((
            Self {
                published,
                jobs,
                clock,
                token_key,
                subject_key,
                cookie_key,
                turns: Turns::new(turns),
                history,
                measures,
                tallies: Arc::default(),
                tree,
            },
            task,
        ))
    }

    /// Everything at the newest revision this process knows.
    pub fn read(&self) -> Arc<Snapshot> {
        self.published.snapshot.load_full()
    }

    /// The newest revision this process knows.
    pub fn revision(&self) -> Revision {
        self.published.snapshot.load().state.revision()
    }

    /// Changes whenever a newer revision is published.
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.published.revision.subscribe()
    }

    /// Whether this process can read the log and write to it; it serves what it knows in any case.
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.published.readiness.subscribe()
    }

    /// The turns of work that grows with the catalogue.
    pub const fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Stops accepting commands. The commands in the queue are answered, then the writer ends, even
    /// if other handles exist. Reads continue.
    pub fn close(&self) {
        self.published.closing.notify_one();
    }

    /// Waits for the next poll of the log, so that this process knows what other processes
    /// committed before this call. Waits at most `FOLLOW_TIME_MAX`.
    pub async fn catch_up(&self) {
        let mut polls = self.published.polls.subscribe();
        // A poll that began earlier may still be running.
        let wanted = polls.borrow_and_update().saturating_add(2);
        let looked = polls.wait_for(|polls| *polls >= wanted);
        drop(tokio::time::timeout(FOLLOW_TIME_MAX, looked).await);
    }

    /// Waits until this process knows every change recorded at or before a past time, and no
    /// further change can be recorded for that time.
    async fn settle(&self, time: Timestamp) -> Result<(), Error> {
        let later = |snapshot: &Snapshot| snapshot.state.record_time().is_some_and(|at| at > time);
        if later(&self.read()) {
            return Ok(());
        }
        let published = &self.published;
        published
            .answered
            .fetch_max(time.as_micros(), Ordering::SeqCst);
        let mut polls = published.locked_poll.subscribe();
        let looked = polls.wait_for(|last| match last {
            // at that time itself, a change may be on its way
            Some(Ok(looked_at)) => *looked_at > time,
            Some(Err(_)) => true,
            None => false,
        });
        let looked = tokio::time::timeout(SETTLED_WAIT, looked).await;
        match looked.ok().and_then(Result::ok).and_then(|last| *last) {
            Some(Ok(_)) => Ok(()),
            Some(Err(reason)) => Err(Error::Unavailable(reason)),
            None => Err(Error::Unavailable(Unavailable::Store)),
        }
    }

    /// Updates a caller from the newest State: its visibility may have changed, and its key may
    /// have stopped working. Fails when the log was not checked for too long to know.
    pub fn renew(&self, caller: &Caller) -> Result<(Arc<Snapshot>, Caller), Error> {
        if matches!(caller, Caller::Known(_)) {
            self.check_honoured()?;
        }
        let snapshot = self.read();
        let caller = renew(&snapshot.state, caller, self.clock.now())?;
        Ok((snapshot, caller))
    }

    /// The same for a stream, which ends if its caller was moved to another agency: its client has
    /// what the old one may see, and has to begin again.
    pub fn renew_unmoved(&self, was: &Caller) -> Result<(Arc<Snapshot>, Caller), Error> {
        let (snapshot, caller) = self.renew(was)?;
        if caller.agency() != was.agency() {
            let moved = messages::Unauthenticated::PrincipalMoved;
            return Err(Error::Unauthenticated(moved));
        }
        Ok((snapshot, caller))
    }

    /// Refuses when the log was not looked at for so long that another process may have revoked
    /// credentials in the meantime.
    pub fn check_honoured(&self) -> Result<(), Error> {
        if self.lag() <= self.following().honoured_for {
            return Ok(());
        }
        Err(Error::Unavailable(Unavailable::CredentialsNotChecked))
    }

    /// Time since the log was last looked at. Later changes by other processes are not known here.
    pub fn lag(&self) -> Duration {
        self.published.lag()
    }

    /// The store, for what is kept outside the log.
    pub fn store(&self) -> &Store {
        self.history.store()
    }

    /// Bytes of SQLite's write-ahead log; none on PostgreSQL.
    pub fn wal_bytes(&self) -> Option<u64> {
        self.history.wal_bytes()
    }

    /// Commands that wait for the writer.
    pub fn queued(&self) -> usize {
        QUEUE_MAX - self.jobs.capacity()
    }

    /// What the writer measures of itself.
    pub const fn measures(&self) -> &Measures {
        &self.measures
    }

    /// The clock that calls use.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The secret that page tokens are sealed with.
    pub const fn token_key(&self) -> &TokenKey {
        &self.token_key
    }

    /// The secret that subjects of tokens are hashed with.
    pub const fn subject_key(&self) -> &SubjectKey {
        &self.subject_key
    }

    /// The secret that cookies of browsers are sealed with.
    pub const fn cookie_key(&self) -> &SealKey {
        &self.cookie_key
    }

    /// Has a command decided and, when it is accepted, written before this returns.
    pub async fn submit(&self, caller: Caller, request: Request) -> Result<Outcome, Error> {
        self.queue(caller, request, Vec::new(), false).await
    }

    /// Has commands decided and written as consecutive changes, in one transaction and published
    /// together, or none of them. Returns the outcome of the first with the data that holds all.
    pub async fn submit_all(
        &self,
        caller: Caller,
        first: Request,
        more: Vec<Request>,
    ) -> Result<Outcome, Error> {
        self.queue(caller, first, more, false).await
    }

    /// One command, decided without writing: returns the answer that it would give.
    pub async fn preview(&self, caller: Caller, request: Request) -> Result<Outcome, Error> {
        self.queue(caller, request, Vec::new(), true).await
    }

    async fn queue(
        &self,
        caller: Caller,
        request: Request,
        more: Vec<Request>,
        only_decide: bool,
    ) -> Result<Outcome, Error> {
        let (answer, answered) = oneshot::channel();
        match self.jobs.try_send(Job {
            caller,
            request,
            more,
            only_decide,
            answer,
        }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Error::Exhausted {
                    limit: Limit::WriterQueue,
                    scope: Scope::All,
                    most: QUEUE_MAX as u64,
                });
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(Error::Unavailable(Unavailable::ShuttingDown));
            }
        }
        // The writer answers every job it takes; a closed channel means that it ended first.
        answered
            .await
            .unwrap_or(Err(Error::Unavailable(Unavailable::OutcomeUnknown)))
    }

    /// Decides commands one after the other, each on what those before it would leave, and writes
    /// nothing: whether all of them would be accepted.
    pub fn preview_all(&self, caller: &Caller, requests: &[Request]) -> Result<(), Error> {
        let mut state = self.read().state.clone();
        let mut entropy = OsEntropy;
        for request in requests {
            let now = self.clock.now();
            let decided = decide(&state, caller, request, now, &mut entropy)?;
            state.apply(&decided.change);
        }
        Ok(())
    }

    /// Seeds an empty log; returns whether this process did. Two that start at once both try, and
    /// the head's lock lets one of them.
    pub async fn seed(&self, seed: Seed) -> Result<bool, Error> {
        if self.revision() != Revision::ZERO {
            return Ok(false);
        }
        let request = Request {
            command: Box::new(seed),
            request_id: None,
            reason: String::new(),
        };
        match self.submit(Caller::System { actor: None }, request).await {
            Ok(_) => Ok(true),
            Err(Error::Refused(refusal))
                if refusal.condition == messages::Condition::LogNotEmpty =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
