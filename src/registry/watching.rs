//! Watches of the log: each sends every change once and in order, from a starting position on, with
//! what its caller may see of it.
//!
//! A watch is a task that reads the log into a short queue, and the stream that takes from it. A
//! watcher that keeps up is served from memory; one that fell behind reads the log in turns; one
//! that accepts nothing for too long is ended, and resumes where it stopped. How a message is
//! encoded is the business of the protocol, which passes the functions for it.

mod stream;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{Registry, Snapshot, pages::Reader, recent::Logged};
use crate::admission::{
    pool::{Pool, Share},
    who::Who,
};
use ndp_core::{
    error::Error,
    messages::Unavailable,
    names::Revision,
    position::{Point, Position},
    state::{
        State,
        seen::{Interest, Past, SeenChange, needs_before},
        visible::{SeenRecord, visible},
    },
};
use stream::{Content, Viewer, Waiting, Watcher, redacted};
pub use stream::{Ended, Watched};

/// Maximum number of messages queued for one watcher. A further message waits for space without
/// delaying other watchers.
const WAITING_MAX: usize = 16;

/// How often a watch checks that its key is still valid, in addition to the check at each change.
/// The expiry of a key creates no change. A heartbeat is sent at such a check.
const RENEW_INTERVAL: Duration = Duration::from_millis(500);

/// Maximum number of records in one part of a snapshot, if they fit one message.
const SNAPSHOT_PART: usize = 50;

/// Maximum bytes of such a part, unless it is a single record.
const SNAPSHOT_PART_BYTES: usize = 256 * 1024;

/// Number of records of a snapshot after which other tasks get a turn.
const SNAPSHOT_TURN: usize = 256;

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// After the newest change.
    Now,
    /// With the first change.
    Beginning,
    /// With a snapshot of the records, then the changes after it.
    Snapshot,
    /// After this point.
    After(Point),
}

/// The content of a message at a position.
#[derive(Debug)]
pub enum Event<'a> {
    /// A change, with the part that the caller may see.
    Change(SeenChange<'a>),
    /// Records of a snapshot.
    Records {
        /// The records, with the part that the caller may see.
        records: Vec<SeenRecord>,
        /// Whether it is the last part.
        complete: bool,
    },
    /// Nothing changed that the caller may see.
    Heartbeat,
}

/// How the protocol encodes messages.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    /// The message about an event, where the State is the newest one.
    pub message: fn(&State, Position, Event<'_>) -> Bytes,
    /// The length of a record within a message, in bytes.
    pub record_bytes: fn(&State, &SeenRecord) -> usize,
}

/// A new watch.
#[derive(Debug)]
pub struct Request {
    /// Who watches.
    pub reader: Reader,
    /// Where to begin.
    pub start: Start,
    /// How long to wait until this process knows the start.
    pub patience: Duration,
    /// Which changes and records to send.
    pub interest: Interest,
    /// The time without a message after which a heartbeat is sent.
    pub heartbeat: Duration,
    /// How to encode the messages.
    pub encoding: Encoding,
    /// The limit on bytes that are queued for watchers.
    pub unsent: Pool,
    /// Set when the server stops.
    pub stopping: watch::Receiver<bool>,
}

impl Registry {
    /// Starts a watch.
    pub async fn watch(&self, request: Request) -> Result<Watched, Error> {
        let Request {
            reader:
                Reader {
                    snapshot,
                    caller,
                    who,
                },
            start,
            patience,
            interest,
            heartbeat,
            encoding,
            unsent,
            stopping,
        } = request;
        let newest = snapshot.position();
        let (position, with_snapshot) = match start {
            Start::Now => (newest, false),
            Start::Beginning => (newest.genesis(), false),
            Start::Snapshot => (newest, true),
            Start::After(point) => (self.reach(&who, point, patience).await?, false),
        };
        if let Some(agency) = &interest.agency {
            snapshot.state.known_agency(agency)?;
        }
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let end = Arc::new(OnceLock::new());
        let watcher = Arc::new(Watcher {
            registry: self.clone(),
            interest,
            encoding,
        });
        let watch = Watch {
            watcher: Arc::clone(&watcher),
            viewer: Arc::new(Viewer::new(caller, &snapshot)),
            stopping,
            position,
            redacted: snapshot.redacted,
            heartbeat,
            sender,
            who,
            unsent,
        };
        let snapshot = with_snapshot.then_some(snapshot);
        tokio::spawn(watch.run(snapshot, Arc::clone(&end)));
        Ok(Watched::new(watcher, receiver, position, end))
    }
}

/// Why a watch ends.
enum End {
    /// With this error.
    Error(Error),
    /// The client has disconnected.
    Gone,
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

struct Watch {
    watcher: Arc<Watcher>,
    stopping: watch::Receiver<bool>,
    viewer: Arc<Viewer>,
    /// Every change up to this position was sent, or is not for this caller.
    position: Position,
    /// The newest redaction that was known when the data being sent was read.
    redacted: Revision,
    heartbeat: Duration,
    sender: mpsc::Sender<Waiting>,
    who: Who,
    unsent: Pool,
}

impl Watch {
    async fn run(mut self, snapshot: Option<Arc<Snapshot>>, end: Arc<OnceLock<Ended>>) {
        if let Err(End::Error(error)) = self.send_all(snapshot).await {
            // Set before the sender is dropped, because the stream reads it after the last message.
            // It contains the position to resume from, even for a client that saw no change.
            let position = self.position;
            let error = error.into();
            drop(end.set(Ended { error, position }));
        }
    }

    /// Runs until the watch ends.
    async fn send_all(&mut self, snapshot: Option<Arc<Snapshot>>) -> Result<(), End> {
        let mut revisions = self.watcher.registry.revisions();
        let mut stopping = self.stopping.clone();
        let sender = self.sender.clone();
        let mut renewals = interval(RENEW_INTERVAL);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Some(snapshot) = snapshot {
            self.send_snapshot(&snapshot).await?;
        }
        let mut last_sent = Instant::now();
        loop {
            self.renew()?;
            // Marked as seen before the log is read, so that a later revision wakes this watch.
            let newest = *revisions.borrow_and_update();
            if self.position.revision < newest {
                if self.send_changes(&mut stopping).await? {
                    last_sent = Instant::now();
                }
                continue;
            }
            tokio::select! {
                changed = revisions.changed() => {
                    if changed.is_err() {
                        return Err(shutting_down().into());
                    }
                }
                // No separate timer, because every change would have to reset it.
                _ = renewals.tick() => {
                    if last_sent.elapsed() >= self.heartbeat {
                        self.send(Content::Heartbeat).await?;
                        last_sent = Instant::now();
                    }
                }
                () = stopped(&mut stopping) => {
                    return Err(shutting_down().into());
                }
                () = sender.closed() => return Err(End::Gone),
            }
        }
    }

    /// Sends the next changes, of which there is at least one. Returns whether any was for this
    /// caller.
    async fn send_changes(&mut self, stopping: &mut watch::Receiver<bool>) -> Result<bool, End> {
        let mut sent = false;
        self.redacted = self.watcher.registry.read().redacted;
        for logged in self.next_changes(stopping).await? {
            if self.watcher.registry.read().redacted != self.redacted {
                // the rest of them is read again
                break;
            }
            let log_id = self.position.log_id;
            self.position = Position::new(log_id, logged.change.revision, &logged.digest);
            sent |= self.send(Content::Change(logged)).await?;
        }
        Ok(sent)
    }

    /// Reads the next changes. This may take long when many watchers have fallen behind.
    async fn next_changes(
        &mut self,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<Vec<Arc<Logged>>, End> {
        let watcher = Arc::clone(&self.watcher);
        let Watcher {
            registry, interest, ..
        } = &*watcher;
        if let Some(changes) = registry.recent_changes(self.position.revision) {
            return Ok(changes);
        }
        let viewer = Arc::clone(&self.viewer);
        let who = self.who.clone();
        let needs_before = |past: &Past<'_>| needs_before(&viewer.caller, interest, past);
        let mut next =
            std::pin::pin!(registry.older_changes(&who, self.position.revision, needs_before));
        loop {
            tokio::select! {
                biased;
                changes = &mut next => return Ok(changes?),
                () = stopped(stopping) => return Err(shutting_down().into()),
                () = self.sender.closed() => return Err(End::Gone),
                () = sleep(RENEW_INTERVAL) => drop(self.renew()?),
            }
        }
    }

    async fn send_snapshot(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), End> {
        let record_bytes = self.watcher.encoding.record_bytes;
        let mut images = Vec::new();
        let mut bytes = 0;
        for (count, image) in snapshot.state.images().enumerate() {
            // most records may not be for this watch
            if count % SNAPSHOT_TURN == 0 {
                yield_now().await;
            }
            if !self.watcher.interest.covers_image(&snapshot.state, &image) {
                continue;
            }
            let Some(seen) = visible(&snapshot.state, &self.viewer.caller, &image) else {
                continue;
            };
            let record_bytes = record_bytes(&snapshot.state, &seen);
            if images.len() >= SNAPSHOT_PART || bytes + record_bytes > SNAPSHOT_PART_BYTES {
                self.send(Content::Records {
                    then: Arc::clone(snapshot),
                    images: std::mem::take(&mut images),
                    complete: false,
                })
                .await?;
                bytes = 0;
            }
            bytes += record_bytes;
            images.push(image);
        }
        self.send(Content::Records {
            then: Arc::clone(snapshot),
            images,
            complete: true,
        })
        .await?;
        Ok(())
    }

    /// Sends what the caller may see of the content now. Returns false when that is nothing.
    async fn send(&mut self, content: Content) -> Result<bool, End> {
        let now = self.renew()?;
        let (viewer, position) = (Arc::clone(&self.viewer), self.position);
        if now.redacted != self.redacted && !matches!(content, Content::Heartbeat) {
            return Err(redacted().into());
        }
        let message = self
            .watcher
            .message(&now.state, &viewer, position, &content);
        let Some(message) = message else {
            return Ok(false);
        };
        let bytes = message.len();
        self.hand_over(bytes, |share| Waiting {
            position,
            content,
            message,
            viewer,
            _share: share,
        })
        .await?;
        Ok(true)
    }

    /// Queues a message when there is space. The wait ends when the client makes no space for too
    /// long, when the key is no longer valid, or when the server stops.
    async fn hand_over(
        &mut self,
        bytes: usize,
        message: impl FnOnce(Share) -> Waiting,
    ) -> Result<(), End> {
        let mut share = self.unsent.take(self.who.clone(), bytes).ok();
        if share.is_some() {
            match self.sender.try_reserve() {
                Ok(room) => {
                    if let Some(share) = share {
                        room.send(message(share));
                    }
                    return Ok(());
                }
                Err(mpsc::error::TrySendError::Closed(())) => return Err(End::Gone),
                Err(mpsc::error::TrySendError::Full(())) => {}
            }
        }
        let stalled_after = self.watcher.registry.following().stalled_after;
        let mut stalled = std::pin::pin!(sleep(stalled_after));
        let mut stopping = self.stopping.clone();
        let sender = self.sender.clone();
        loop {
            tokio::select! {
                biased;
                room = sender.reserve(), if share.is_some() => {
                    let Ok(room) = room else { return Err(End::Gone) };
                    if let Some(share) = share {
                        room.send(message(share));
                    }
                    return Ok(());
                }
                () = sender.closed() => return Err(End::Gone),
                () = &mut stalled => {
                    let seconds = stalled_after.as_secs();
                    return Err(Error::Stalled { seconds }.into());
                }
                () = stopped(&mut stopping) => {
                    return Err(shutting_down().into());
                }
                () = sleep(RENEW_INTERVAL) => {
                    drop(self.renew()?);
                    // the caller's other watches and responses may have released bytes
                    if share.is_none() {
                        share = self.unsent.take(self.who.clone(), bytes).ok();
                    }
                }
            }
        }
    }

    /// Renews the caller, and returns the newest State.
    fn renew(&mut self) -> Result<Arc<Snapshot>, Error> {
        let (snapshot, viewer) = self.watcher.renew(&self.viewer)?;
        self.viewer = viewer;
        Ok(snapshot)
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

const fn shutting_down() -> Error {
    Error::Unavailable(Unavailable::ShuttingDown)
}
