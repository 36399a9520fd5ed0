//! Counts every call of any service, from its first byte to its last.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::Frame;
use tonic::{Code, Status, body::Body};

use super::seen::seen;
use crate::telemetry::metrics::{Handles, Metrics};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A call in progress. If it is dropped before its end, its client cancelled it.
#[derive(Debug)]
pub(super) struct Going {
    metrics: Metrics,
    method: Arc<Handles>,
    began: Instant,
    ended: bool,
}

impl Going {
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

impl Drop for Going {
    fn drop(&mut self) {
        self.end_with(Code::Cancelled);
    }
}

impl Going {
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
    pub(super) fn receive(&self, request: Request<Body>) -> Request<Body> {
        if !self.method.streams() {
            return request;
        }
        let method = Arc::clone(&self.method);
        let mut frames = Frames::default();
        let see = move |frame: Result<&Frame<Bytes>, &Status>| {
            if let Some(data) = frame.ok().and_then(Frame::data_ref) {
                method.messages(frames.count(data), 0);
            }
        };
        request.map(|body| seen(body, see))
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
                    self.method.messages(0, frames.count(data));
                } else if let Some(trailers) = frame.trailers_ref() {
                    self.end(trailers);
                }
            }
            Err(status) => self.end_with(status.code()),
        };
        response.map(|body| seen(body, see))
    }
}

/// Counts the messages in a byte stream that is split at arbitrary positions.
#[derive(Debug, Default)]
struct Frames {
    /// The current message prefix: a flag and four bytes of length.
    prefix: [u8; 5],
    prefix_bytes: usize,
    /// Bytes left of the current message.
    left: usize,
}

impl Frames {
    /// Number of messages that begin in these bytes.
    fn count(&mut self, mut bytes: &[u8]) -> u64 {
        let mut count = 0;
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
            } else if let Some((first, rest)) = bytes.split_first() {
                if let Some(place) = self.prefix.get_mut(self.prefix_bytes) {
                    *place = *first;
                }
                self.prefix_bytes += 1;
                bytes = rest;
                if self.prefix_bytes == self.prefix.len() {
                    let [_, a, b, c, d] = self.prefix;
                    self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                    self.prefix_bytes = 0;
                    count += 1;
                }
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        for length in [0_u8, 3, 1, 0, 7] {
            bytes.extend([0, 0, 0, 0, length]);
            bytes.extend(std::iter::repeat_n(9, length.into()));
        }
        for size in 1..=bytes.len() {
            let mut frames = Frames::default();
            let count: u64 = bytes.chunks(size).map(|it| frames.count(it)).sum();
            assert_eq!(count, 5, "in pieces of {size}");
        }
    }
}
