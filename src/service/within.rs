//! Methods called by others, with encoded messages: a method that is made of many single ones calls
//! them as a client would, with its caller, its data and its errors.

use std::pin::Pin;

use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::{Request, Response};

use super::Services;
use crate::{
    call::Call,
    wire::{encoded::Payload, methods::permit},
};
use ndp_core::error::Error;

/// An encoded answer to come.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send + 'a>>;

/// A request as a method takes it.
pub(super) fn request<M: Message + Default>(
    call: Call,
    message: &[u8],
) -> Result<Request<M>, Error> {
    let message = M::decode(message);
    let message = message.map_err(|error| Error::Bug(format!("a request: {error}").into()))?;
    let mut request = Request::new(message);
    request.extensions_mut().insert(call);
    Ok(request)
}

/// The bytes of an answer.
pub(super) fn encoded<T: Payload>(response: &Response<T>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(response.get_ref().encoded_len());
    response.get_ref().write(&mut bytes);
    bytes
}

impl Services {
    /// Calls a method of records, where the caller's key opens it.
    pub(super) async fn call(
        &self,
        method: &MethodDescriptor,
        call: Call,
        message: &DynamicMessage,
    ) -> Result<DynamicMessage, Error> {
        let name = format!("{}/{}", method.parent_service().full_name(), method.name());
        permit(&call.caller, &name)?;
        let answering = self.within(method.full_name(), call, &message.encode_to_vec())?;
        let answer = DynamicMessage::decode(method.output(), &*answering.await?);
        answer.map_err(|error| Error::Bug(format!("an answer: {error}").into()))
    }
}
