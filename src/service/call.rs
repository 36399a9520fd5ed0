//! One call: its caller, its snapshot, and the submission of a command to the writer.

use std::{borrow::Cow, sync::Arc, time::Duration};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use tonic::{
    Request, Response,
    metadata::{MetadataMap, MetadataValue},
};

use super::Services;
use crate::{
    admission::who::Who,
    registry::{
        Outcome, Registry, Snapshot,
        authenticate::{Claims, authenticate},
    },
    wire::{encoded::Answer, requests, validate::Validate},
};
use ndp_core::{
    caller::Caller,
    change::{At, RequestId},
    error::Error,
    messages::{Rule, Unauthenticated},
    names::Revision,
    position::{Point, Position},
    query::token::{self, Binding},
    records::Record,
    rules::{self, Command, personal},
    state::{State, visible::Visible},
};

/// Revision that a response was served at, on every response.
pub static NDP_REVISION: HeaderName = HeaderName::from_static("ndp-revision");
/// The position in the log that a response was served at, on every response.
pub static NDP_POSITION: HeaderName = HeaderName::from_static("ndp-position");
/// The revision or position that this process must know before it answers.
pub static NDP_MIN_REVISION: HeaderName = HeaderName::from_static("ndp-min-revision");
/// Set on every response of a registry whose records are fictitious.
pub static NDP_MADE_UP: HeaderName = HeaderName::from_static("ndp-made-up");
/// The staff or account code of the person who acts through a system.
pub static NDP_ACTOR: HeaderName = HeaderName::from_static("ndp-actor");
/// The reason why a steward allows personal data.
pub static NDP_ALLOW_PERSONAL_DATA: HeaderName = HeaderName::from_static(personal::HEADER);

/// The caller's timeout, as the gRPC specification defines it.
pub static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The compressions that a client accepts. It is removed for methods that return one record.
pub static GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Responses smaller than this are not compressed, because they take a packet or two in any case.
pub const COMPRESSED_BYTES_MIN: usize = 4 * 1024;

/// Maximum wait for a revision. A replica that is further behind is not worth waiting for.
const MIN_REVISION_WAIT: Duration = Duration::from_secs(10);

/// Maximum time reserved for sending the error when the revision is not reached in time.
const HEARD_IN: Duration = Duration::from_millis(200);

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
    /// The client that its share of the limits is counted for.
    pub who: Who,
    /// Whether the client accepts compressed responses.
    pub compresses: bool,
    /// How long the call may wait for a revision.
    pub patience: Duration,
}

impl Call {
    pub(super) fn state(&self) -> &State {
        &self.snapshot.state
    }

    /// The part of a record that the caller may see.
    pub(super) fn sees<'a, T: Visible>(&self, record: &'a T) -> Option<Cow<'a, T>> {
        if Arc::ptr_eq(&self.snapshot, &self.now) {
            record.visible(&self.caller, self.state())
        } else {
            record.visible_at(self.state(), &self.now.state, &self.caller)
        }
    }

    /// The data that a list's page tokens are bound to, besides its other arguments: the method,
    /// and the revision or time of the call.
    pub(super) fn binding(&self, method: &str) -> Binding {
        let (revision, time) = match self.at {
            At::Now => (String::new(), String::new()),
            At::Revision(revision) => (revision.to_string(), String::new()),
            At::Time(time) => (String::new(), time.to_string()),
        };
        Binding::new(method, self.snapshot.position())
            .with("read_revision", revision)
            .with("read_time", time)
    }

    /// The same call, which knows the page before if there is one: that page may have been read
    /// from a server that knows more. A token of a page that is not in this log is refused.
    pub(super) async fn after_page(
        mut self,
        services: &Services,
        page_token: &str,
    ) -> Result<Self, Error> {
        if page_token.is_empty() {
            return Ok(self);
        }
        let registry = services.registry();
        let before = token::position(registry.token_key(), self.now.log_id, page_token)?;
        if before != self.now.position() {
            let point = Point::Position(before);
            Box::pin(registry.reach(&self.who, point, self.patience)).await?;
        }
        if before.revision > self.now.state.revision() {
            self = self.at_newest(services);
        }
        Ok(self)
    }

    /// The same call at another revision or time, if one is requested.
    pub(super) async fn at(mut self, services: &Services, at: At) -> Result<Self, Error> {
        self.at = at;
        match at {
            At::Now => {}
            // in a separate future: few calls need it, and otherwise all calls would carry its size
            at => {
                let reading = services.registry().read_at(&self.who, at, self.patience);
                self.snapshot = Box::pin(reading).await?;
                self.now = services.registry().read();
            }
        }
        Ok(self)
    }

    /// The same call on the newest data.
    pub(super) fn at_newest(mut self, services: &Services) -> Self {
        self.now = services.registry().read();
        self.snapshot = Arc::clone(&self.now);
        self
    }

    /// A response, with the revision that it was read at.
    pub(super) fn answer<T: Answer>(&self, message: T) -> Result<Response<T>, Error> {
        let small = self.compresses && message.encoded_len() < COMPRESSED_BYTES_MIN;
        let mut response = at_position(message, &self.snapshot.position());
        if small {
            response.disable_compression();
        }
        if self.state().is_made_up() {
            let metadata = response.metadata_mut();
            metadata.insert(NDP_MADE_UP.as_str(), MetadataValue::from_static("true"));
        }
        Ok(response)
    }
}

/// Number of headers of a response: ours and the content type.
const HEADERS: usize = 3;

/// A response that states its position in the log.
fn at_position<T>(message: T, position: &Position) -> Response<T> {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    write_position(&mut headers, position);
    Response::from_parts(
        MetadataMap::from_headers(headers),
        message,
        Extensions::new(),
    )
}

/// Waits until this process knows the position that `ndp-min-revision` requests, so that a write on
/// one replica can be read on another. Limited by the call's deadline and by a limit of our own.
pub async fn await_revision(
    registry: &Registry,
    headers: &HeaderMap,
    who: &Who,
) -> Result<(), Error> {
    let Some(asked) = headers.get(&NDP_MIN_REVISION) else {
        return Ok(());
    };
    let asked = asked.to_str().ok().and_then(Point::parse);
    let Some(asked) = asked else {
        return Err(Error::invalid(
            "ndp-min-revision",
            Rule::MinRevisionMalformed,
        ));
    };
    if matches!(asked, Point::Revision(revision) if registry.revision() >= revision) {
        return Ok(());
    }
    Box::pin(registry.reach(who, asked, patience(headers))).await?;
    Ok(())
}

/// How long a call may wait for a revision: slightly less than the caller's timeout, so that an
/// error still reaches the caller, and at most `MIN_REVISION_WAIT`.
pub fn patience(headers: &HeaderMap) -> Duration {
    deadline(headers)
        .map_or(MIN_REVISION_WAIT, |time| time - (time / 10).min(HEARD_IN))
        .min(MIN_REVISION_WAIT)
}

/// Writes the position of a response in the log.
pub fn write_position(headers: &mut HeaderMap, position: &Position) {
    headers.insert(&NDP_REVISION, HeaderValue::from(position.revision.get()));
    if let Ok(position) = HeaderValue::try_from(position.to_string()) {
        headers.insert(&NDP_POSITION, position);
    }
}

/// The caller's remaining time, from `grpc-timeout` as the gRPC specification defines it.
pub fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let digits = number.len() <= 8 && number.bytes().all(|it| it.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Identifies the caller by the headers and the source of the call. Another process may just have
/// created an unknown key, so such a call waits until the log has been looked at again. A call with
/// a wrong secret waits as long, so that timing does not reveal which ids exist.
pub async fn identify(registry: &Registry, headers: &HeaderMap, from: &Who) -> Result<Call, Error> {
    match identify_now(registry, headers, from) {
        Err(Error::Unauthenticated(Unauthenticated::Invalid)) => {
            Box::pin(registry.follow()).await;
            identify_now(registry, headers, from)
        }
        identified => identified,
    }
}

/// As [`identify`], from the data known now.
pub fn identify_now(registry: &Registry, headers: &HeaderMap, from: &Who) -> Result<Call, Error> {
    let snapshot = registry.read();
    if headers.contains_key(AUTHORIZATION) {
        registry.check_honoured()?;
    }
    let authorization = match headers.get(AUTHORIZATION).map(|value| value.to_str()) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => {
            return Err(Error::Unauthenticated(Unauthenticated::Invalid));
        }
    };
    // the gRPC specification limits metadata to ASCII, but most stacks allow UTF-8, and reasons are
    // Vietnamese. Percent-encoding is accepted too.
    let text = |name| headers.get(name).map(|value| decode(value.as_bytes()));
    let claims = Claims {
        actor: text(&NDP_ACTOR),
        allows_personal_data: text(&NDP_ALLOW_PERSONAL_DATA),
    };
    let caller = authenticate(
        &snapshot.state,
        &snapshot.key_hashes,
        authorization,
        claims,
        registry.clock().now(),
    )?;
    Ok(Call {
        now: Arc::clone(&snapshot),
        snapshot,
        at: At::Now,
        who: Who::principal(&caller).unwrap_or_else(|| from.clone()),
        caller,
        compresses: headers.contains_key(&GRPC_ACCEPT_ENCODING),
        patience: patience(headers),
    })
}

/// Percent-decodes a value. Invalid UTF-8 becomes a control character, which is refused.
fn decode(bytes: &[u8]) -> String {
    let decoded = percent_encoding::percent_decode(bytes);
    decoded
        .decode_utf8()
        .map_or_else(|_| "\u{0}".to_owned(), Cow::into_owned)
}

/// Takes the call out of a request, without checking the message.
pub(super) fn open<T>(request: Request<T>) -> Result<(Call, T), Error> {
    let (_, mut extensions, message) = request.into_parts();
    match extensions.remove::<Call>() {
        Some(call) => Ok((call, message)),
        // Denied by default: no layer identified the caller.
        None => Err(Error::Unauthenticated(Unauthenticated::Missing)),
    }
}

/// Takes the call out of a request, and checks the message against its field rules.
pub(super) fn open_checked<T: Validate>(request: Request<T>) -> Result<(Call, T), Error> {
    let (call, message) = open(request)?;
    message.check()?;
    Ok((call, message))
}

/// The arguments that every mutation takes besides its own.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) request_id: Option<RequestId>,
    pub(super) reason: String,
    pub(super) validate_only: bool,
}

impl Envelope {
    pub(super) fn new<M: prost::Message + Clone>(
        method: &str,
        message: &M,
        request_id: (&str, impl FnOnce(&mut M, String)),
        reason: &str,
        validate_only: bool,
    ) -> Result<Self, Error> {
        let (id, set) = request_id;
        Ok(Self {
            request_id: requests::request_id(method, message, id, set)?,
            reason: requests::text(reason.to_owned()),
            validate_only,
        })
    }
}

/// The envelope of a mutation's message. All such messages have the same three fields.
macro_rules! envelope {
    ($method:literal, $message:expr) => {
        $crate::service::call::Envelope::new(
            $method,
            &$message,
            (&$message.request_id, |message, id| message.request_id = id),
            &$message.reason,
            $message.validate_only,
        )
    };
}
pub(super) use envelope;

/// The written record, as the caller may see it.
pub(super) struct Written<R> {
    pub(super) record: Arc<R>,
    revision: Revision,
    /// The position at that revision, or at a later one.
    position: Position,
    pub(super) replayed: bool,
}

impl<R: Record> Written<R> {
    /// The response, with the revision that holds the change.
    pub(super) fn respond<T>(self, convert: impl FnOnce(&R) -> T) -> Result<Response<T>, Error> {
        let mut response = at_position(convert(&self.record), &self.position);
        let revision = MetadataValue::from(self.revision.get());
        response
            .metadata_mut()
            .insert(NDP_REVISION.as_str(), revision);
        Ok(response)
    }
}

impl Services {
    /// Has a command decided and written, or only decided for `validate_only`.
    pub(super) async fn write<C: Command>(
        &self,
        call: &Call,
        command: C,
        envelope: Envelope,
    ) -> Result<Written<C::Answer>, Error> {
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
        let outcome = if validate_only {
            self.registry.preview(caller, request).await?
        } else {
            self.registry.submit(caller, request).await?
        };
        let Outcome {
            revision,
            image,
            replayed,
        } = outcome;
        let snapshot = self.registry.read();
        let position = match snapshot.recent.digest(revision) {
            Some(digest) => Position::new(snapshot.log_id, revision, &digest),
            None => snapshot.position(),
        };
        // a change begins with the record that its method returns, also when it is replayed
        let name = image.name().to_owned();
        let record = C::Answer::of_image(image)
            .ok_or_else(|| Error::Bug(format!("`{name}` is of another kind").into()))?;
        Ok(Written {
            record,
            revision,
            position,
            replayed,
        })
    }
}
