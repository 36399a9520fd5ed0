//! A stream of messages as lines of JSON, or as server-sent events.
//!
//! Lines: each is a message. If the stream fails, a last line `{"error": …}` holds the
//! google.rpc.Status. Events: each has a message as its data and, if the stream can be resumed
//! after it, the position as its id. If the stream fails, the event `status` holds the status. A
//! browser's EventSource then reconnects with Last-Event-ID, and the stream resumes there.

use ndp_core::messages::Rule;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderValue;
use http_body::Frame;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, ReflectMessage, Value};
use tonic::Status;

use super::{
    errors,
    grpc::{self, Messages},
    json, spelling,
};
use ndp_core::{error::Violation, position::Point};

/// Bytes of messages that are written at a time. The transport asks for as many messages as its
/// client takes, and other calls wait meanwhile.
const AT_A_TIME: usize = 16 * 1024;

/// The body of the response.
#[derive(Debug)]
pub(super) struct Stream {
    messages: Messages,
    /// Whether as server-sent events.
    events: bool,
    status: MessageDescriptor,
    method: MethodDescriptor,
    /// Bytes written since other calls last had a turn.
    written: usize,
    ended: bool,
}

impl Stream {
    pub(super) const fn new(
        messages: Messages,
        events: bool,
        status: MessageDescriptor,
        method: MethodDescriptor,
    ) -> Self {
        Self {
            messages,
            events,
            status,
            method,
            written: 0,
            ended: false,
        }
    }

    fn message(&self, message: Bytes) -> Result<Bytes, Status> {
        let message = &grpc::decode(self.method.output(), message)?;
        let line = json::line(message).ok_or_else(|| Status::internal("no JSON of the answer"))?;
        Ok(if self.events {
            event("", &event_id(message), &line)
        } else {
            line
        })
    }

    fn failure(&self, status: &Status) -> Bytes {
        let status = spelling::status(status, &self.method.input());
        let line = errors::body(&self.status, &status);
        if self.events {
            return event("event: status\n", "", &line);
        }
        let mut wrapped = BytesMut::with_capacity(line.len() + 16);
        wrapped.put_slice(b"{\"error\":");
        wrapped.put_slice(line.trim_ascii_end());
        wrapped.put_slice(b"}\n");
        wrapped.freeze()
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.written >= AT_A_TIME {
            self.written = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(next) = ready!(self.messages.poll_next(cx)) else {
            self.ended = true;
            return Poll::Ready(None);
        };
        let written = next
            .and_then(|message| self.message(message))
            .unwrap_or_else(|status| {
                self.ended = true;
                self.failure(&status)
            });
        self.written += written.len();
        Poll::Ready(Some(Ok(Frame::data(written))))
    }
}

/// Writes an event. `line` ends in a line feed, and a second line feed ends the event.
fn event(kind: &str, id: &str, line: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(kind.len() + id.len() + line.len() + 8);
    event.put_slice(kind.as_bytes());
    event.put_slice(id.as_bytes());
    event.put_slice(b"data: ");
    event.put_slice(line);
    event.put_slice(b"\n");
    event.freeze()
}

/// The line `id: …` with the position of the message. Empty if the stream cannot be resumed after
/// it, that is, after any part of a snapshot except the last.
fn event_id(message: &DynamicMessage) -> String {
    let position = message.get_field_by_name("position");
    let snapshot = message
        .has_field_by_name("snapshot")
        .then(|| message.get_field_by_name("snapshot"))
        .flatten();
    let complete = snapshot.is_none_or(|snapshot| {
        let snapshot = snapshot.as_message();
        let complete = snapshot.and_then(|it| it.get_field_by_name("complete"));
        complete.and_then(|it| it.as_bool()).unwrap_or(true)
    });
    match position.as_ref().and_then(|it| it.as_str()) {
        Some(position) if complete => format!("id: {position}\n"),
        _ => String::new(),
    }
}

/// Makes the request resume after the last event received. This overrides its `start` field.
pub(super) fn resume(message: &mut DynamicMessage, last: &HeaderValue) -> Result<(), Violation> {
    let descriptor = message.descriptor();
    let (Some(start), Some(revision), Some(position)) = (
        descriptor.get_field_by_name("start"),
        descriptor.get_field_by_name("resume_revision"),
        descriptor.get_field_by_name("resume_position"),
    ) else {
        return Ok(());
    };
    let start_kind = start.kind();
    let resume = start_kind
        .as_enum()
        .and_then(|it| it.get_value_by_name("RESUME"));
    let point = last.to_str().ok().and_then(Point::parse);
    let (Some(resume), Some(point)) = (resume, point) else {
        return Err(Violation::new("last-event-id", Rule::EventIdMalformed));
    };
    message.clear_field(&revision);
    message.clear_field(&position);
    match point {
        Point::Revision(after) => message.set_field(&revision, Value::I64(after.get())),
        Point::Position(after) => message.set_field(&position, Value::String(after.to_string())),
    }
    message.set_field(&start, Value::EnumNumber(resume.number()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker;
    use http::HeaderMap;
    use http_body::Body as _;
    use prost::Message as _;
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::pb;

    #[test]
    fn others_have_a_turn_between_messages() {
        const MESSAGES: usize = 100;
        let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
        let status = pool.get_message_by_name("google.rpc.Status").unwrap();
        let service = pool.get_service_by_name("ndp.registry.v1.ChangeService");
        let watch = service
            .unwrap()
            .methods()
            .find(|it| it.name() == "WatchChanges");
        let message = pb::WatchChangesResponse {
            position: "x".repeat(1000),
            ..Default::default()
        };
        let message = message.encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let messages = [&[0][..], &length, &message].concat().repeat(MESSAGES);
        let mut trailers = HeaderMap::new();
        Status::ok("").add_header(&mut trailers).unwrap();
        let frames = [
            Frame::data(Bytes::from(messages)),
            Frame::trailers(trailers),
        ];
        let frames = tokio_stream::iter(frames.map(Ok::<_, Status>));
        let body = tonic::body::Body::new(http_body_util::StreamBody::new(frames));
        let mut stream = Stream::new(Messages::new(body), false, status, watch.unwrap());
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        let (mut lines, mut at_a_time, mut most) = (0, 0, 0);
        loop {
            match Pin::new(&mut stream).poll_frame(&mut context) {
                Poll::Ready(Some(line)) => {
                    lines += 1;
                    at_a_time += line.unwrap().into_data().unwrap().len();
                    most = most.max(at_a_time);
                }
                Poll::Ready(None) => break,
                Poll::Pending => at_a_time = 0,
            }
        }
        assert_eq!(lines, MESSAGES);
        assert!((AT_A_TIME..2 * AT_A_TIME).contains(&most), "{most}");
    }
}
