//! Converts a message into a gRPC request to the gRPC stack, and the frames of a gRPC response back
//! into messages.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use http_body::Body as _;
use http_body_util::Full;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::{Code, Status, body::Body};

use super::routes::Route;
use crate::call::RESPONSE_BYTES_MAX;

/// Length of the prefix of a gRPC message: one byte for compression and four for the length.
const PREFIX_BYTES: usize = 5;

/// Request headers that belong to HTTP or to the HTTP message, and are not passed on.
const NOT_METADATA: [HeaderName; 16] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    // gRPC's own
    HeaderName::from_static("grpc-accept-encoding"),
];

/// The call as a gRPC client would make it, with the caller's metadata and connection.
pub(super) fn request(
    route: &Route,
    parts: http::request::Parts,
    message: Vec<u8>,
) -> Request<Body> {
    let frame = framed(&message);
    drop(message);
    with_body(route, parts, Body::new(Full::new(frame)))
}

/// A message as a frame.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut frame = frame(message.len());
    frame.put_slice(message);
    frame.freeze()
}

/// The prefix of a frame whose message has this length, with room for the message.
pub(super) fn frame(length: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + length);
    frame.put_u8(0);
    // the limits on messages are far below this bound
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    frame
}

/// The same with a body of messages.
pub(super) fn with_body(route: &Route, parts: http::request::Parts, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = route.grpc.clone().into();
    *request.version_mut() = Version::HTTP_2;
    *request.extensions_mut() = parts.extensions;
    let mut headers = parts.headers;
    for name in &NOT_METADATA {
        headers.remove(name);
    }
    let grpc = HeaderValue::from_static("application/grpc");
    headers.insert(header::CONTENT_TYPE, grpc);
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    *request.headers_mut() = headers;
    request
}

/// Copies the metadata of a response for the caller, except gRPC's own headers.
pub(super) fn metadata(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        let own = name.as_str().starts_with("grpc-") || NOT_METADATA.contains(name);
        if !own {
            to.append(name.clone(), value.clone());
        }
    }
}

/// The encoded messages of a response, in order.
#[derive(Debug)]
pub(super) struct Messages {
    body: Body,
    /// What was received and not passed on yet: no more than the last frame and the message that
    /// ends in it.
    buffer: Bytes,
    trailers: HeaderMap,
    ended: bool,
}

impl Messages {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            buffer: Bytes::new(),
            trailers: HeaderMap::new(),
            ended: false,
        }
    }

    /// The next message; `None` after a successful end of the stream.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Status>>> {
        loop {
            if let Some(message) = self.take().transpose() {
                return Poll::Ready(Some(message));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    // most frames are whole messages, and need no copy
                    Ok(data) if self.buffer.is_empty() => self.buffer = data,
                    Ok(data) => {
                        let both = [self.buffer.as_ref(), &data].concat();
                        self.buffer = both.into();
                    }
                    Err(frame) => {
                        self.trailers = frame.into_trailers().unwrap_or_default();
                    }
                },
                Some(Err(status)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(status)));
                }
                None => {
                    self.ended = true;
                    match Status::from_header_map(&self.trailers) {
                        Some(status) if status.code() == Code::Ok => {}
                        Some(status) => return Poll::Ready(Some(Err(status))),
                        None => {
                            let status = Status::unknown("the answer ended before its status");
                            return Poll::Ready(Some(Err(status)));
                        }
                    }
                }
            }
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Bytes, Status>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Metadata that came after the messages.
    pub(super) const fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    /// A whole message out of the buffer.
    fn take(&mut self) -> Result<Option<Bytes>, Status> {
        let mut prefix = self.buffer.as_ref();
        if prefix.len() < PREFIX_BYTES {
            return Ok(None);
        }
        let compressed = prefix.get_u8() != 0;
        let length = usize::try_from(prefix.get_u32()).unwrap_or(usize::MAX);
        // compression is agreed on by a header that is not sent on, and the limit is our own
        if compressed || length > RESPONSE_BYTES_MAX {
            self.ended = true;
            self.buffer.clear();
            return Err(Status::internal(
                "the answer has a frame that cannot be read",
            ));
        }
        if prefix.len() < length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        Ok(Some(self.buffer.split_to(length)))
    }
}

/// Reads a message of a response.
pub(super) fn decode(
    descriptor: MessageDescriptor,
    message: Bytes,
) -> Result<DynamicMessage, Status> {
    DynamicMessage::decode(descriptor, message).map_err(|error| Status::internal(error.to_string()))
}
