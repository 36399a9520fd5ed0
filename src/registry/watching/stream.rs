//! The stream that a watcher receives, and what a message tells its viewer.
//!
//! A message is passed on only while the caller's key is valid, and contains only what the caller
//! may see then. When a key is revoked, queued messages are discarded.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::Stream;

use super::{
    super::{Registry, Snapshot, recent::Logged},
    Encoding, Event,
};
use crate::admission::pool::Share;
use ndp_core::{
    caller::Caller,
    change::Image,
    error::Error,
    messages::Unavailable,
    names::Revision,
    position::Position,
    state::{
        State,
        seen::{Interest, see},
        visible::visible_at,
    },
};

/// The viewer that a message is built for: the caller, and the visibility of records at that time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Viewer {
    pub(super) caller: Caller,
    visibility_changes: u64,
    /// The newest change that had redacted texts of earlier ones.
    pub(super) redacted: Revision,
}

impl Viewer {
    pub(super) fn new(caller: Caller, snapshot: &Snapshot) -> Self {
        Self {
            caller,
            visibility_changes: snapshot.state.visibility_changes(),
            redacted: snapshot.redacted,
        }
    }
}

/// The content of a message.
#[derive(Debug)]
pub(super) enum Content {
    Change(Arc<Logged>),
    Records {
        /// The State that the records are read from.
        then: Arc<Snapshot>,
        images: Vec<Image>,
        complete: bool,
    },
    Heartbeat,
}

/// A message that is queued for its watcher.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) position: Position,
    pub(super) content: Content,
    pub(super) message: Bytes,
    /// The viewer that it was built for.
    pub(super) viewer: Arc<Viewer>,
    /// Its bytes, counted like those of a response while the message is queued.
    pub(super) _share: Share,
}

/// State shared by both ends of a watch: the task that reads the log, and the stream that the
/// client reads.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) registry: Registry,
    pub(super) interest: Interest,
    pub(super) encoding: Encoding,
}

impl Watcher {
    /// The viewer according to the newest State, or the reason why it may no longer see anything.
    pub(super) fn renew(
        &self,
        viewer: &Arc<Viewer>,
    ) -> Result<(Arc<Snapshot>, Arc<Viewer>), Error> {
        let (snapshot, caller) = self.registry.renew_unmoved(&viewer.caller)?;
        let renewed = Viewer::new(caller, &snapshot);
        let viewer = if renewed == **viewer {
            Arc::clone(viewer)
        } else {
            Arc::new(renewed)
        };
        Ok((snapshot, viewer))
    }

    /// The message for a viewer; `None` for a change that the viewer may not see.
    pub(super) fn message(
        &self,
        now: &State,
        viewer: &Viewer,
        position: Position,
        content: &Content,
    ) -> Option<Bytes> {
        let event = match content {
            Content::Change(logged) => return self.change(now, viewer, position, logged),
            Content::Records {
                then,
                images,
                complete,
            } => {
                let seen = images
                    .iter()
                    .filter_map(|image| visible_at(&then.state, now, &viewer.caller, image));
                Event::Records {
                    records: seen.collect(),
                    complete: *complete,
                }
            }
            Content::Heartbeat => Event::Heartbeat,
        };
        Some((self.encoding.message)(now, position, event))
    }

    /// The message about a change. It is shared with other viewers, unless the viewer follows only
    /// some of the resources of the change.
    fn change(
        &self,
        now: &State,
        viewer: &Viewer,
        position: Position,
        logged: &Logged,
    ) -> Option<Bytes> {
        let past = logged.past();
        let make = |interest: &Interest| {
            let seen = see(now, &viewer.caller, interest, &past)?;
            Some((self.encoding.message)(now, position, Event::Change(seen)))
        };
        if self.interest.covers_change(&past) {
            logged.shared(now, &viewer.caller, || make(&Interest::default()))
        } else {
            make(&self.interest)
        }
    }
}

/// The end of a watch whose messages may have a text that was redacted since they were built. The
/// client resumes, and reads them anew.
pub(super) const fn redacted() -> Error {
    Error::Unavailable(Unavailable::LogRedacted)
}

/// Why a watch ended, and the position to resume from.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The reason.
    pub error: Box<Error>,
    /// Every change up to this position was delivered, or is not for this caller.
    pub position: Position,
}

/// The stream that a watcher receives. It ends with the reason.
#[derive(Debug)]
pub struct Watched {
    watcher: Arc<Watcher>,
    /// None once the stream has ended.
    receiver: Option<mpsc::Receiver<Waiting>>,
    /// Every change up to this position was delivered, or is not for this caller.
    delivered: Position,
    end: Arc<OnceLock<Ended>>,
}

impl Watched {
    pub(super) const fn new(
        watcher: Arc<Watcher>,
        receiver: mpsc::Receiver<Waiting>,
        start: Position,
        end: Arc<OnceLock<Ended>>,
    ) -> Self {
        Self {
            watcher,
            receiver: Some(receiver),
            delivered: start,
            end,
        }
    }

    /// The message with what its caller may see now; `None` when the caller may see nothing of it.
    fn deliver(&mut self, waiting: Waiting) -> Result<Option<Bytes>, Ended> {
        let Waiting {
            position,
            content,
            message,
            viewer,
            _share,
        } = waiting;
        let renewed = self.watcher.renew(&viewer);
        let (snapshot, renewed) = renewed.map_err(|error| Ended {
            error: error.into(),
            position: self.delivered,
        })?;
        if renewed.redacted != viewer.redacted && !matches!(content, Content::Heartbeat) {
            return Err(Ended {
                error: redacted().into(),
                position: self.delivered,
            });
        }
        self.delivered = position;
        if Arc::ptr_eq(&renewed, &viewer) {
            return Ok(Some(message));
        }
        let now = &snapshot.state;
        Ok(self.watcher.message(now, &renewed, position, &content))
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, Ended>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(receiver) = &mut self.receiver else {
                return Poll::Ready(None);
            };
            let end = match receiver.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(waiting)) => match self.deliver(waiting) {
                    Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                    Ok(None) => continue,
                    Err(end) => end,
                },
                // The sender is gone, so its end is either set or will never be set.
                Poll::Ready(None) => self.end.get().cloned().unwrap_or_else(|| Ended {
                    error: Error::Bug("a watch ended without a reason".into()).into(),
                    position: self.delivered,
                }),
            };
            self.receiver = None;
            return Poll::Ready(Some(Err(end)));
        }
    }
}
