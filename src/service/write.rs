//! The common parts of writes: the arguments that every mutation takes besides its own, the
//! submission of its command, and the answer, which is made from the data that holds the change.

use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response};

use super::{
    Services,
    read::{open, open_checked},
    update::{RecordOf, Updates, update},
};
use crate::{
    call::Call,
    registry::Outcome,
    wire::{encoded::Payload, requests, validate::Validate},
};
use ndp_core::{
    change::{At, RequestId},
    error::Error,
    records::Record,
    rules::{self, Command, Update},
    state::State,
};

/// A request of a mutation: `build.rs` writes it for each that has the fields `request_id`,
/// `reason` and `validate_only`.
pub(super) trait Mutation: Message + Clone + Validate {
    /// The method that takes it.
    const METHOD: &'static str;

    /// Its `request_id`.
    fn request_id(&mut self) -> &mut String;

    /// Its `reason`.
    fn reason(&self) -> &str;

    /// Its `validate_only`.
    fn validate_only(&self) -> bool;

    /// The resource that it names, or the parent of a new one; empty if it names neither.
    fn resource(&self) -> &str;
}

/// The arguments that every mutation takes besides its own.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) request_id: Option<RequestId>,
    pub(super) reason: String,
    pub(super) validate_only: bool,
}

impl Envelope {
    pub(super) fn of<M: Mutation>(message: &mut M) -> Result<Self, Error> {
        Ok(Self {
            request_id: requests::request_id(M::METHOD, message, M::request_id)?,
            reason: requests::text(message.reason().to_owned()),
            validate_only: message.validate_only(),
        })
    }
}

/// Takes the call and the envelope out of a mutation, and checks the message by its field rules.
pub(super) fn open_write<M: Mutation>(request: Request<M>) -> Result<(Call, Envelope, M), Error> {
    let (call, mut message) = open_checked(request)?;
    let envelope = Envelope::of(&mut message)?;
    Ok((call, envelope, message))
}

/// Takes the call, the envelope and the command out of an update.
pub(super) fn open_update<M: Mutation + Updates>(
    request: Request<M>,
) -> Result<(Call, Envelope, Update<RecordOf<M>>), Error> {
    let (call, mut message) = open(request)?;
    let command = update(&message)?;
    let envelope = Envelope::of(&mut message)?;
    Ok((call, envelope, command))
}

/// The written record, as the caller may see it, and the call on the data that holds it.
pub(super) struct Written<R> {
    pub(super) call: Call,
    pub(super) record: Arc<R>,
    pub(super) replayed: bool,
}

impl<R> Written<R> {
    /// The answer with the message of the record.
    pub(super) fn answer<T: Payload>(
        &self,
        convert: impl FnOnce(&R, &State) -> T,
    ) -> Result<Response<T>, Error> {
        self.call.answer(convert(&self.record, self.call.state()))
    }
}

impl Services {
    /// Has a command decided and written, or only decided for `validate_only`.
    pub(super) async fn write<C: Command>(
        &self,
        mut call: Call,
        envelope: Envelope,
        command: C,
    ) -> Result<Written<C::Output>, Error> {
        let Envelope {
            request_id,
            reason,
            validate_only,
        } = envelope;
        let caller = call.caller.clone();
        let request = rules::Request {
            command: Box::new(command),
            request_id,
            reason,
        };
        let outcome = match &call.trial {
            Some(trial) => trial.decide(&self.registry, &caller, request)?,
            None if validate_only => self.registry.preview(caller, request).await?,
            None => self.registry.submit(caller, request).await?,
        };
        let Outcome {
            revision,
            image,
            snapshot,
            replayed,
        } = outcome;
        match snapshot {
            Some(snapshot) => {
                call.now = Arc::clone(&snapshot);
                call.snapshot = snapshot;
            }
            // an earlier answer is repeated, on the data that it was made from
            None => call = call.at(&self.registry, At::Revision(revision)).await?,
        }
        // a change begins with the record that its method returns, also when it is replayed
        let name = image.name().to_owned();
        let record = C::Output::of_image(image)
            .ok_or_else(|| Error::Bug(format!("`{name}` is of another kind").into()))?;
        Ok(Written {
            call,
            record,
            replayed,
        })
    }
}
