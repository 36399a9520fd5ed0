//! One call of any protocol: who calls, until when, and the data that it reads.
//!
//! Every answer, of a read and of a write, is made from the snapshot of its call and carries the
//! position of that snapshot.

pub mod deadline;
pub mod denials;
pub mod identity;
pub mod metadata;

use std::{borrow::Cow, sync::Arc, time::Duration};

use tonic::Response;

use crate::{
    admission::who::Who,
    registry::{Registry, Snapshot, trial::Trial},
    wire::encoded::Payload,
};
use ndp_core::{
    caller::Caller,
    change::At,
    error::Error,
    position::Point,
    query::token::{self, Binding},
    records::identities::Identity,
    state::{State, visible::Visible},
};

/// Maximum size of a request, in bytes: far above the largest record that the field rules allow.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Maximum size of a response, in bytes. A page is limited to well below it, so that clients with
/// the usual limit of 4 MiB can read every response.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Responses smaller than this are not compressed, because they take a packet or two in any case.
pub const COMPRESSED_BYTES_MIN: usize = 4 * 1024;

/// The caller and the data of a call: one snapshot for the whole call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The data at one revision.
    pub snapshot: Arc<Snapshot>,
    /// The requested revision or time.
    pub at: At,
    /// The newest data, which decides who may see past records.
    pub now: Arc<Snapshot>,
    /// Who calls.
    pub caller: Caller,
    /// The identity that a token or the client's certificate proves, also one of no principal.
    pub proved: Option<Identity>,
    /// The client that its share of the limits is counted for.
    pub who: Who,
    /// Whether the client accepts compressed responses.
    pub compresses: bool,
    /// How long the call may wait for a revision.
    pub patience: Duration,
    /// Where its commands are only tried, as parts of a larger write.
    pub trial: Option<Trial>,
}

impl Call {
    /// The records that the call reads.
    pub fn state(&self) -> &State {
        &self.snapshot.state
    }

    /// The part of a record that the caller may see.
    pub fn sees<'a, T: Visible>(&self, record: &'a T) -> Option<Cow<'a, T>> {
        if Arc::ptr_eq(&self.snapshot, &self.now) {
            record.visible(&self.caller, self.state())
        } else {
            record.visible_at(self.state(), &self.now.state, &self.caller)
        }
    }

    /// The data that a list's page tokens are bound to, besides its other arguments: the method,
    /// and the revision or time of the call.
    pub fn binding(&self, method: &str) -> Binding {
        let (revision, time) = match self.at {
            At::Now => (String::new(), String::new()),
            At::Revision(revision) => (revision.to_string(), String::new()),
            At::Time(time) => (String::new(), time.to_string()),
        };
        Binding::new(method, self.snapshot.position())
            .with("read_revision", revision)
            .with("read_time", time)
    }

    // === which data ===

    /// The same call on the newest data.
    #[must_use]
    pub fn at_newest(mut self, registry: &Registry) -> Self {
        self.now = registry.read();
        self.snapshot = Arc::clone(&self.now);
        self
    }

    /// The same call, which knows the page before if there is one: that page may have been read
    /// from a server that knows more. A token of a page that is not in this log is refused.
    pub async fn after_page(self, registry: &Registry, page_token: &str) -> Result<Self, Error> {
        if page_token.is_empty() {
            return Ok(self);
        }
        let before = token::position(registry.token_key(), self.now.log_id, page_token)?;
        if before != self.now.position() {
            let point = Point::Position(before);
            Box::pin(registry.reach(&self.who, point, self.patience)).await?;
        }
        if before.revision > self.now.state.revision() {
            return Ok(self.at_newest(registry));
        }
        Ok(self)
    }

    /// The same call at another revision or time, if one is requested.
    pub async fn at(mut self, registry: &Registry, at: At) -> Result<Self, Error> {
        self.at = at;
        match at {
            At::Now => {}
            // in a separate future: few calls need it, and otherwise all calls would carry its size
            at => {
                let reading = registry.read_at(&self.who, at, self.patience);
                self.snapshot = Box::pin(reading).await?;
                self.now = registry.read();
            }
        }
        Ok(self)
    }

    // === the answer ===

    /// The answer with this message, made from the snapshot of the call.
    pub fn answer<T: Payload>(&self, message: T) -> Result<Response<T>, Error> {
        let small = self.compresses && message.encoded_len() < COMPRESSED_BYTES_MIN;
        let mut response = self.response(message);
        if small {
            response.disable_compression();
        }
        Ok(response)
    }

    /// A response with the metadata of every answer.
    pub fn response<T>(&self, message: T) -> Response<T> {
        metadata::response(
            message,
            &self.snapshot.position(),
            self.state().is_synthetic(),
        )
    }
}
