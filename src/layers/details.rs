//! Adds details to the errors that tonic creates before our code runs. Every error a client sees
//! has a stable reason.

use http::Response;
use tonic::{Code, Status};

use crate::{call::metadata::GRPC_ACCEPT_ENCODING, wire::status::transport::explained};

/// Adds details to an error response that has none, and returns any other response unchanged.
/// Messages were read up to `limit` bytes.
pub fn explain<R: Default>(response: Response<R>, limit: usize) -> Response<R> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    if status.code() == Code::Ok || !status.details().is_empty() {
        return response;
    }
    let Some(explained) = explained(&status, limit) else {
        return response;
    };
    let mut explained = explained.into_http();
    // the encodings that the client may use instead
    if let Some(accepted) = response.headers().get(&GRPC_ACCEPT_ENCODING) {
        let headers = explained.headers_mut();
        headers.insert(&GRPC_ACCEPT_ENCODING, accepted.clone());
    }
    explained
}
