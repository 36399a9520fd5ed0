//! One connection, as admission knows it: from where, what is open on it, and what its client does
//! not read.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{known::Known, who::Who};

/// How long an answer may wait for its client to read on before it is given up.
pub const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Answers given up on one connection before it is closed: their streams stay open until then.
const GIVEN_UP_MAX: usize = 8;

/// Answers looked at together when the list of those that are being sent is tidied.
const TIDY_MIN: usize = 1024;

/// An answer that is being sent.
pub trait Unsent: Send + Sync {
    /// Whether some of it waits for its client, and has for this long or longer.
    fn is_stalled(&self, time: Duration) -> bool;

    /// Lets go of all that is not sent, and of the call's place.
    fn give_up(&self);
}

/// A connection; whoever holds it counts on it, and the task that serves it looks at it.
pub struct Connection {
    peer: SocketAddr,
    known: Known,
    since: Instant,
    closing: Notify,
    has_credential: AtomicBool,
    calls: AtomicUsize,
    given_up: AtomicUsize,
    /// When the last call ended, and since when the socket takes nothing, in milliseconds after
    /// `since`; zero where that does not apply.
    idle_since: AtomicU64,
    blocked_since: AtomicU64,
    unsent: Mutex<UnsentList>,
}

#[derive(Default)]
struct UnsentList {
    answers: Vec<Weak<dyn Unsent>>,
    tidy_at: usize,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// One that was opened now.
    pub fn new(peer: SocketAddr, known: Known) -> Arc<Self> {
        Arc::new(Self {
            peer,
            known,
            since: Instant::now(),
            closing: Notify::new(),
            has_credential: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            unsent: Mutex::default(),
        })
    }

    /// The other end of it.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// How long ago it was opened.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    // === credentials ===

    /// A valid credential was presented on it.
    pub fn present_credential(&self) {
        if !self.has_credential.swap(true, Ordering::Relaxed) {
            self.known.note(&Who::at(self.peer.ip()));
        }
    }

    /// Whether one was.
    pub fn has_credential(&self) -> bool {
        self.has_credential.load(Ordering::Relaxed)
    }

    // === calls ===

    pub(super) fn begin_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_call(&self) {
        self.idle_since.store(self.now(), Ordering::Relaxed);
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls that are not answered to the last byte.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// For how long no call was open on it.
    pub fn idle(&self) -> Duration {
        if self.calls() > 0 {
            return Duration::ZERO;
        }
        let since = self.idle_since.load(Ordering::Relaxed);
        Duration::from_millis(self.now().saturating_sub(since))
    }

    // === what is not read ===

    /// Keeps an eye on an answer until its last byte is sent.
    pub fn watch_over(&self, answer: Weak<dyn Unsent>) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        // most answers are sent before the next is made
        while unsent
            .answers
            .last()
            .is_some_and(|it| it.strong_count() == 0)
        {
            unsent.answers.pop();
        }
        unsent.answers.push(answer);
        if unsent.answers.len() > unsent.tidy_at.max(TIDY_MIN) {
            unsent.answers.retain(|it| it.strong_count() > 0);
            unsent.tidy_at = unsent.answers.len() * 2;
        }
    }

    /// Gives up answers that wait for their client too long; whether the connection is to be
    /// closed, since it does not take anything or too many were given up.
    pub fn sweep(&self, time: Duration) -> bool {
        let stalled: Vec<_> = {
            let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
            unsent.answers.retain(|it| it.strong_count() > 0);
            let alive = unsent.answers.iter().filter_map(Weak::upgrade);
            alive.filter(|it| it.is_stalled(time)).collect()
        };
        for answer in &stalled {
            answer.give_up();
        }
        let given_up = self.given_up.fetch_add(stalled.len(), Ordering::Relaxed) + stalled.len();
        let blocked = self.blocked_since.load(Ordering::Relaxed);
        let blocked = blocked > 0 && self.now() - blocked.min(self.now()) >= millis(time);
        blocked || given_up >= GIVEN_UP_MAX || (given_up > 0 && self.calls() <= given_up)
    }

    /// The socket takes no more, or takes something again.
    pub fn set_blocked(&self, blocked: bool) {
        if !blocked {
            self.blocked_since.store(0, Ordering::Relaxed);
        } else if self.blocked_since.load(Ordering::Relaxed) == 0 {
            self.blocked_since
                .store(self.now().max(1), Ordering::Relaxed);
        }
    }

    // === its end ===

    /// Has it closed at once.
    pub fn close(&self) {
        self.closing.notify_one();
    }

    /// Until it is to be closed.
    pub async fn closed(&self) {
        self.closing.notified().await;
    }

    fn now(&self) -> u64 {
        millis(self.since.elapsed())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
