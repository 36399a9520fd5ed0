//! Admission's state for one connection: the peer, its open calls, and the answers that its client
//! does not read.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{allowance::Allowance, known::Known, who::Who};
use ndp_core::records::identities::Proof;

/// How long an answer may wait for its client to read before the server drops it.
pub const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Number of answers dropped on one connection before the server closes it. Their streams stay
/// open until then.
const GIVEN_UP_MAX: usize = 8;

/// Number of watched answers at which the list is first cleaned of answers that have been sent.
const TIDY_MIN: usize = 1024;

/// An answer being sent.
pub trait Unsent: Send + Sync {
    /// Whether part of the answer has waited for the client for at least `time`. Both are in
    /// milliseconds, and `now` is counted from when the connection was opened.
    fn is_stalled(&self, now: u64, time: u64) -> bool;

    /// Discards the unsent part, and frees the place of the call.
    fn give_up(&self);
}

/// A connection. The calls on it update its counters, and the task that serves it reads them.
pub struct Connection {
    peer: SocketAddr,
    known: Known,
    since: Instant,
    closing: Notify,
    /// Set if the connection is encrypted.
    encrypted: OnceLock<Option<Arc<Proof>>>,
    has_credential: AtomicBool,
    calls: AtomicUsize,
    watches: AtomicUsize,
    given_up: AtomicUsize,
    /// When the last call ended, and since when the socket is blocked, in milliseconds after
    /// `since`. Zero means that the value does not apply.
    idle_since: AtomicU64,
    blocked_since: AtomicU64,
    /// See [`Self::recently`].
    recently: AtomicU64,
    /// None for a proxy: it sends what many callers send.
    allowance: Option<Allowance>,
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
    /// A connection that was opened now, by a client or by a proxy.
    pub fn new(peer: SocketAddr, known: Known, is_proxy: bool) -> Arc<Self> {
        Arc::new(Self {
            peer,
            known,
            since: Instant::now(),
            closing: Notify::new(),
            encrypted: OnceLock::new(),
            has_credential: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            watches: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            recently: AtomicU64::new(0),
            allowance: (!is_proxy).then(Allowance::default),
            unsent: Mutex::default(),
        })
    }

    /// The peer's address.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// How long ago the connection was opened.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    // === encryption ===

    /// Notes that the connection is encrypted, and what the verified certificate of its client
    /// proves. A proxy's says nothing of those who call through it.
    pub fn note_encrypted(&self, certificate: Option<Proof>) {
        let is_proxy = self.allowance.is_none();
        let certificate = certificate.filter(|_| !is_proxy).map(Arc::new);
        // a connection has one handshake
        drop(self.encrypted.set(certificate));
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted.get().is_some()
    }

    /// What the verified certificate of the client proves.
    pub fn client_certificate(&self) -> Option<&Arc<Proof>> {
        self.encrypted.get()?.as_ref()
    }

    // === credentials ===

    /// Notes that a valid credential was presented on the connection.
    pub fn present_credential(&self) {
        if !self.has_credential.swap(true, Ordering::Relaxed) {
            self.known.note(&Who::at(self.peer.ip()));
        }
    }

    /// Whether a valid credential was presented on the connection.
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

    /// Number of calls whose last byte is not sent yet.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn begin_watch(&self) {
        self.watches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_watch(&self) {
        self.watches.fetch_sub(1, Ordering::Relaxed);
    }

    /// Number of calls that stay open until their client ends them.
    pub fn watches(&self) -> usize {
        self.watches.load(Ordering::Relaxed)
    }

    /// How long the connection has had no open call.
    pub fn idle(&self) -> Duration {
        if self.calls() > 0 {
            return Duration::ZERO;
        }
        let since = self.idle_since.load(Ordering::Relaxed);
        Duration::from_millis(self.now().saturating_sub(since))
    }

    // === what a client sends beside its calls ===

    /// Pays for a frame that a client sent, with the bytes of its data if it has any.
    pub fn spend_frame(&self, data: Option<usize>) {
        match (&self.allowance, data) {
            (None, _) => {}
            (Some(allowance), None) => allowance.spend_frame(),
            (Some(allowance), Some(bytes)) => allowance.spend_data(bytes),
        }
    }

    /// Notes that a call was admitted.
    pub fn note_admitted(&self) {
        if let Some(allowance) = &self.allowance {
            allowance.earn_call();
        }
    }

    /// Notes that bytes of an answer were written.
    pub fn note_written(&self, bytes: usize) {
        if let Some(allowance) = &self.allowance {
            allowance.earn_bytes(bytes);
        }
    }

    /// The time in milliseconds after the connection was opened, as of when it was last read or
    /// swept: less than a second ago, and without a look at the clock.
    pub fn recently(&self) -> u64 {
        self.recently.load(Ordering::Relaxed)
    }

    /// How long not to read the connection, because its client sends too much beside its calls.
    pub fn holds_back(&self) -> Option<Duration> {
        let now = self.now();
        self.recently.store(now, Ordering::Relaxed);
        self.allowance.as_ref()?.wait(now)
    }

    // === unread answers ===

    /// Watches an answer until its last byte is sent.
    pub fn watch_over(&self, answer: Weak<dyn Unsent>) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        // most answers are sent before the next one is added
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

    /// Drops answers that have waited too long for their client. Returns whether to close the
    /// connection, because the socket is blocked or too many answers were dropped.
    pub fn sweep(&self, time: Duration) -> bool {
        let now = self.now();
        self.recently.store(now, Ordering::Relaxed);
        // collected first, because an answer that is dropped here must be dropped without the lock
        let mut stalled: Vec<_> = {
            let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
            unsent.answers.retain(|it| it.strong_count() > 0);
            unsent.answers.iter().filter_map(Weak::upgrade).collect()
        };
        stalled.retain(|it| it.is_stalled(now, millis(time)));
        for answer in &stalled {
            answer.give_up();
        }
        let given_up = self.given_up.fetch_add(stalled.len(), Ordering::Relaxed) + stalled.len();
        let blocked = self.blocked_since.load(Ordering::Relaxed);
        let blocked = blocked > 0 && now.saturating_sub(blocked) >= millis(time);
        blocked || given_up >= GIVEN_UP_MAX || (given_up > 0 && self.calls() <= given_up)
    }

    /// Records whether the socket is blocked.
    pub fn set_blocked(&self, blocked: bool) {
        if !blocked {
            self.blocked_since.store(0, Ordering::Relaxed);
        } else if self.blocked_since.load(Ordering::Relaxed) == 0 {
            self.blocked_since
                .store(self.now().max(1), Ordering::Relaxed);
        }
    }

    // === closing ===

    /// Requests an immediate close.
    pub fn close(&self) {
        self.closing.notify_one();
    }

    /// Waits until a close is requested.
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
