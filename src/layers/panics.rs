//! Limits a panic to its own call: the caller gets an incident id, and the log records it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tonic::Status;

use crate::wire::status;
use ndp_core::error::Error;

/// Polls the future. If it panics, the result is a status that reports it.
///
/// No later call sees a half-done change: a call reads immutable snapshots, and writes through the
/// writer.
pub(super) fn poll_caught<T>(
    future: Pin<&mut impl Future<Output = T>>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, Status>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => Poll::Ready(Err(status::panicked(said(&*payload)))),
    }
}

/// The result of the function or, if it panicked, an error that reports it.
pub(super) fn caught_at_once<T>(work: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|payload| Error::Bug(format!("panicked: {}", said(&*payload)).into()))
}

fn said(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("nothing")
}
