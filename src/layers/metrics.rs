//! Counts every call of any service, from its first byte to its last.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::Frame;
use tonic::{Code, Status, body::Body};

use super::{frames::Frames, seen::seen};
use crate::telemetry::metrics::{Handles, Metrics};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A call in progress. If it is dropped before its end, its client cancelled it.
#[derive(Debug)]
pub(super) struct CallGuard {
    metrics: Metrics,
    method: Arc<Handles>,
    began: Instant,
    ended: bool,
}

impl CallGuard {
    fn end(&mut self, headers: &HeaderMap) {
        let code = headers
            .get(&GRPC_STATUS)
            .map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
        if code == Code::ResourceExhausted
            && let Some(status) = Status::from_header_map(headers)
        {
            self.metrics.refused_by(&status);
        }
        self.end_with(code);
    }

    fn end_with(&mut self, code: Code) {
        if !std::mem::replace(&mut self.ended, true) {
            self.method.handled(code, self.began.elapsed());
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.end_with(Code::Cancelled);
    }
}

impl CallGuard {
    /// Starts counting a call of the method.
    pub(super) fn begin(metrics: &Metrics, method: &Arc<Handles>, came: Instant) -> Self {
        method.started();
        Self {
            metrics: metrics.clone(),
            method: Arc::clone(method),
            began: came,
            ended: false,
        }
    }

    /// Counts the messages of the request.
    pub(super) fn receive(&self, request: &mut Request<Body>) {
        if !self.method.streams() {
            return;
        }
        let method = Arc::clone(&self.method);
        let mut frames = Frames::default();
        let see = move |frame: Result<&Frame<Bytes>, &Status>| {
            if let Some(data) = frame.ok().and_then(Frame::data_ref) {
                method.messages(frames.read(data).messages, 0);
            }
        };
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = seen(body, see);
    }

    /// Counts the messages of the response. The call ends with the response, or with the end of its
    /// stream.
    pub(super) fn send(mut self, response: Response<Body>) -> Response<Body> {
        if !self.method.streams() || response.headers().contains_key(&GRPC_STATUS) {
            self.end(response.headers());
            return response;
        }
        let mut frames = Frames::default();
        // the body holds this: dropping the body early drops this as well
        let see = move |frame: Result<&Frame<Bytes>, &Status>| match frame {
            Ok(frame) => {
                if let Some(data) = frame.data_ref() {
                    self.method.messages(0, frames.read(data).messages);
                } else if let Some(trailers) = frame.trailers_ref() {
                    self.end(trailers);
                }
            }
            Err(status) => self.end_with(status.code()),
        };
        response.map(|body| seen(body, see))
    }
}
