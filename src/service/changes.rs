//! ChangeService: reads of the log, limited to what each caller may see.

use std::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use prost::Message as _;
use tokio_stream::{StreamExt as _, adapters::Map};
use tonic::{Request, Status};

use super::{RpcResult, Services, read::open_checked};
use crate::{
    call::{Call, metadata::write_position},
    pb::{
        self,
        watch_changes_request::Start,
        watch_changes_response::{Event, Heartbeat, Snapshot},
    },
    registry::{
        pages::Reader,
        watching::{self, Encoding, Ended, Watched},
    },
    wire::{changes, encoded::Encoded, requests, status::status},
};
use ndp_core::{
    error::Error,
    messages::Rule,
    names::{Noun, Revision},
    position::{Point, Position},
    query::{
        page::{Cursor, page_size},
        token::Binding,
    },
    state::{
        State,
        log::LogQuery,
        seen::{Interest, see},
    },
};

/// Default time without a message after which a heartbeat with the revision is sent.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(10);

/// The shortest such time and the longest.
const HEARTBEAT_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

/// What a change is called in messages.
pub(super) const CHANGE: Noun = Noun {
    english: "change",
    vietnamese: "thay đổi",
    resource: "Change",
};

impl Services {
    pub(super) async fn get_change(
        &self,
        request: Request<pb::GetChangeRequest>,
    ) -> RpcResult<pb::Change> {
        let (call, message) = open_checked(request)?;
        let not_found = || Error::NotFound {
            kind: CHANGE,
            name: message.name.clone(),
        };
        let before = revision_of(&message.name)
            .and_then(Revision::previous)
            .ok_or_else(not_found)?;
        let logged = self
            .registry()
            .changes_after(&call.who, before, 1, |_| true);
        let logged = logged.await?;
        let logged = logged.first().ok_or_else(not_found)?;
        // The change may be newer than the snapshot that the call began with.
        let call = call.at_newest(self.registry());
        let everything = Interest::default();
        let seen = see(call.state(), &call.caller, &everything, &logged.past());
        let seen = seen.ok_or_else(not_found)?;
        call.answer(changes::change(seen, call.state(), true))
    }

    pub(super) async fn list_changes(
        &self,
        request: Request<pb::ListChangesRequest>,
    ) -> RpcResult<pb::ListChangesResponse> {
        let (call, message) = open_checked(request)?;
        let call = call
            .after_page(self.registry(), &message.page_token)
            .await?;
        let query = LogQuery::parse(&message.filter, &message.order_by)?;
        let binding = Binding::new("ListChanges", call.snapshot.position())
            .with("order_by", [u8::from(query.newest_first)])
            .with("filter", query.filter.canonical());
        let after = self.open_token(&binding, &message.page_token)?;
        let after = after.and_then(|cursor| revision_of(&cursor.name));
        let reader = reader(&call);
        let size = page_size(message.page_size);
        let page = self
            .registry()
            .log_page(reader, query, after, size, |seen, state| {
                let message = changes::change(seen, state, false);
                let length = message.encoded_len();
                (message, length)
            });
        let (changes, next) = page.await?;
        let next = next.map(|revision| Cursor {
            values: Vec::new(),
            name: changes::name(revision),
        });
        let next_page_token = self.seal_token(&binding, next.as_ref());
        call.answer(pb::ListChangesResponse {
            changes,
            next_page_token,
        })
    }

    pub(super) async fn watch_changes(
        &self,
        request: Request<pb::WatchChangesRequest>,
    ) -> RpcResult<WatchStream> {
        let (call, message) = open_checked(request)?;
        let watched = self.registry().watch(watching::Request {
            start: start(&message)?,
            patience: call.patience,
            heartbeat: heartbeat(message.heartbeat_interval)?,
            interest: Interest {
                agency: requests::optional_name(&message.agency, "agency")?,
                resources: message.resources,
            },
            reader: reader(&call),
            encoding: Encoding {
                message: encode,
                record_bytes: |state, seen| changes::record(seen, state).encoded_len(),
            },
            unsent: self.unsent.clone(),
            stopping: self.stopping(),
        });
        Ok(call.response(watched.await?.map(sent)))
    }
}

fn reader(call: &Call) -> Reader {
    Reader {
        snapshot: call.snapshot.clone(),
        caller: call.caller.clone(),
        who: call.who.clone(),
    }
}

pub(super) fn revision_of(name: &str) -> Option<Revision> {
    Revision::parse(name.strip_prefix("changes/")?)
}

// === watching ===

type Message = Encoded<pb::WatchChangesResponse>;

/// The stream of a watch.
pub(crate) type WatchStream = Map<Watched, fn(Result<Bytes, Ended>) -> Result<Message, Status>>;

/// A message of a watch, or the status that ends it, with the position to resume from.
fn sent(message: Result<Bytes, Ended>) -> Result<Message, Status> {
    message.map(Encoded::from_bytes).map_err(|end| {
        let mut status = status(*end.error);
        write_position(status.metadata_mut().as_mut(), &end.position);
        status
    })
}

fn encode(state: &State, position: Position, event: watching::Event<'_>) -> Bytes {
    let event = match event {
        watching::Event::Change(seen) => Event::Change(changes::change(seen, state, false)),
        watching::Event::Records { records, complete } => Event::Snapshot(Snapshot {
            records: records
                .iter()
                .map(|it| changes::record(it, state))
                .collect(),
            complete,
        }),
        watching::Event::Heartbeat => Event::Heartbeat(Heartbeat {}),
    };
    let message = pb::WatchChangesResponse {
        revision: position.revision.get(),
        position: position.to_string(),
        event: Some(event),
    };
    message.encode_to_vec().into()
}

/// The time without a message after which a heartbeat is sent.
fn heartbeat(asked: Option<prost_types::Duration>) -> Result<Duration, Error> {
    let Some(asked) = asked else {
        return Ok(HEARTBEAT_DEFAULT);
    };
    let read = Duration::try_from(asked).ok();
    read.filter(|it| HEARTBEAT_RANGE.contains(it))
        .ok_or_else(|| Error::invalid("heartbeat_interval", Rule::HeartbeatOutOfRange))
}

/// Where a watch begins. Refuses a point to resume after together with another start, because the
/// changes between them would be skipped.
fn start(message: &pb::WatchChangesRequest) -> Result<watching::Start, Error> {
    let (revision, position) = (message.resume_revision, &message.resume_position);
    let start = match message.start() {
        Start::Unspecified | Start::Now => watching::Start::Now,
        Start::Beginning => watching::Start::Beginning,
        Start::Snapshot => watching::Start::Snapshot,
        Start::Resume if revision != 0 && !position.is_empty() => {
            return Err(Error::invalid("resume_revision", Rule::ResumeTwice));
        }
        Start::Resume => return resume_point(revision, position).map(watching::Start::After),
    };
    for (field, is_given) in [
        ("resume_revision", revision != 0),
        ("resume_position", !position.is_empty()),
    ] {
        if is_given {
            return Err(Error::invalid(field, Rule::ResumeOnly { field }));
        }
    }
    Ok(start)
}

/// The point after which a watch resumes.
fn resume_point(revision: i64, position: &str) -> Result<Point, Error> {
    let (field, point) = if position.is_empty() {
        (
            "resume_revision",
            Revision::new(revision).map(Point::Revision),
        )
    } else {
        (
            "resume_position",
            Position::parse(position).map(Point::Position),
        )
    };
    point.ok_or_else(|| Error::invalid(field, Rule::NotSentByUs))
}
