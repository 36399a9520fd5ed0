//! Conditions on what a record is (RFC 9110 §13): `If-Match`, `If-None-Match`, and the `ETag` of
//! an answer.
//!
//! A record's version is its field `etag`. A request that takes an etag has it in the record that
//! it sends, or beside the name; the descriptors define where. A tag is the etag in quotes. An
//! answer that is computed for a day, as its `effective_date` shows, can change the next day
//! without a write to the record. Its tag therefore also has a digest, after a `;`. Conditions on
//! a write ignore the digest.

use ndp_core::hex;
use ndp_core::messages::{Protocol, Rule};
use ndp_core::reasons;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH},
};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use sha2::{Digest, Sha256};
use tonic::{Status, body::Body};
use tonic_types::StatusExt;

use super::{
    errors::Refusal,
    routes::{Body as RequestBody, Route},
};
use crate::wire::status;
use ndp_core::error::Violation;

/// Names of fields that the conventions of the protos give (AIP-154, AIP-163).
const ETAG_FIELD: &str = "etag";
const VALIDATE_ONLY: &str = "validate_only";
const EFFECTIVE_DATE: &str = "effective_date";

/// The reason of an error that says that an etag is not the current one.
const NOT_CURRENT: &str = reasons::ETAG_NOT_CURRENT.name();

/// An etag that no record has, for a condition that can never hold.
const NEVER: &str = "W/";

/// How many bytes of a digest are enough to tell two answers of one version apart.
const DIGEST_BYTES: usize = 8;

// === tags ===

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    text: String,
}

impl Tag {
    /// The etag of a record; `None` if the tag is weak or empty and so cannot match any record.
    fn version(&self) -> Option<&str> {
        let version = version(&self.text);
        (!self.weak && !version.is_empty()).then_some(version)
    }
}

/// A tag without its digest.
fn version(tag: &str) -> &str {
    let end = tag.find(';').unwrap_or(tag.len());
    tag.get(..end).unwrap_or_default()
}

/// The tags that a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    List(Vec<Tag>),
}

impl Tags {
    fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Refusal> {
        let mut lines = headers.get_all(name).into_iter().peekable();
        if lines.peek().is_none() {
            return Ok(None);
        }
        let lines: Option<Vec<_>> = lines.map(|line| line.to_str().ok()).collect();
        let tags = lines.and_then(|lines| Self::parse(&lines.join(",")));
        tags.map(Some)
            .ok_or_else(|| refused(name, Rule::EtagsMalformed))
    }

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let unprefixed = rest.strip_prefix("W/");
            let quoted = unprefixed.unwrap_or(rest).strip_prefix('"')?;
            let (tag, after) = quoted.split_once('"')?;
            if !tag.bytes().all(is_of_tag) {
                return None;
            }
            tags.push(Tag {
                weak: unprefixed.is_some(),
                text: tag.to_owned(),
            });
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
        (!tags.is_empty()).then_some(Self::List(tags))
    }

    /// Strong comparison (RFC 9110 §8.8.3.2): neither tag is weak. The record's etag alone, without
    /// the digest, also matches.
    fn strongly(&self, answered: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => answered.is_some_and(|it| {
                let names = |tag: &&Tag| tag.text == it || tag.text == version(it);
                tags.iter().filter(|tag| !tag.weak).any(|tag| names(&tag))
            }),
        }
    }

    /// Weak comparison: the tags may be weak.
    fn weakly(&self, answered: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => answered.is_some_and(|it| tags.iter().any(|tag| tag.text == it)),
        }
    }
}

/// Whether the byte may be between the quotes of a tag.
const fn is_of_tag(byte: u8) -> bool {
    byte == 0x21 || (byte >= 0x23 && byte <= 0x7E)
}

// === conditions ===

/// The conditions of a request.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
    /// Whether the etag in the request comes from `if-match` and not from the body.
    chosen: bool,
    /// Whether the call is a preview. A preview creates no version, so its answer has no tag.
    preview: bool,
}

impl Conditions {
    /// Reads the headers. For a write, also sets the etag of the request from `if-match`.
    pub(super) fn new(
        route: &Route,
        headers: &HeaderMap,
        request: &mut DynamicMessage,
    ) -> Result<Self, Refusal> {
        let preview = request.get_field_by_name(VALIDATE_ONLY);
        let mut conditions = Self {
            if_match: Tags::read(headers, &IF_MATCH)?,
            if_none_match: Tags::read(headers, &IF_NONE_MATCH)?,
            chosen: false,
            preview: preview.and_then(|it| it.as_bool()).unwrap_or(false),
        };
        if route.verb == Method::GET {
            let no_version = route.method.is_server_streaming();
            if no_version
                && conditions
                    .if_match
                    .as_ref()
                    .is_some_and(|it| *it != Tags::Any)
            {
                return Err(conditions.refusal(not_matched().into()));
            }
            return Ok(conditions);
        }
        if conditions.if_none_match.is_some() {
            return Err(refused(&IF_NONE_MATCH, Rule::IfNoneMatchOfWrite));
        }
        if let Some(tags) = &conditions.if_match {
            conditions.chosen = require(tags, route, request)?;
        }
        Ok(conditions)
    }

    /// The request to try next if the etag of the request is not the current one, but `if-match`
    /// also names the current one: the same request with the current etag.
    pub(super) fn other(
        &self,
        route: &Route,
        status: &Status,
        request: &DynamicMessage,
    ) -> Option<DynamicMessage> {
        let Some(Tags::List(tags)) = &self.if_match else {
            return None;
        };
        let current = status
            .get_details_error_info()
            .filter(|it| it.reason == NOT_CURRENT)?;
        let current = current.metadata.get("etag")?;
        let named = tags.iter().any(|tag| tag.version() == Some(current));
        let place = EtagPlace::of(route)?;
        let asked = place
            .get(request)
            .filter(|asked| named && asked != current)?;
        // an etag that the body names is not replaced
        tags.iter()
            .find_map(Tag::version)
            .filter(|first| *first == asked)?;
        let mut request = request.clone();
        place.set(&mut request, current)?;
        Some(request)
    }

    /// Whether [`Self::other`] may find another request to try.
    pub(super) fn names_several(&self) -> bool {
        self.chosen && matches!(&self.if_match, Some(Tags::List(tags)) if tags.len() > 1)
    }

    /// Sets the HTTP status of a refusal: 412 if a condition of the request does not hold.
    pub(super) fn refusal(&self, mut refusal: Refusal) -> Refusal {
        let info = refusal.status.get_details_error_info();
        let stale = info.is_some_and(|info| info.reason == NOT_CURRENT);
        if stale && self.if_match.is_some() {
            refusal.http = StatusCode::PRECONDITION_FAILED;
        }
        refusal
    }

    /// The text of the answer's tag.
    pub(super) fn tag(
        &self,
        route: &Route,
        message: &DynamicMessage,
        line: &[u8],
    ) -> Option<String> {
        match self.preview {
            true => None,
            false => tag(route, message, line),
        }
    }

    /// The answer with its tag. If a condition of a GET does not hold, returns 304 or an error
    /// instead.
    pub(super) fn answer(
        &self,
        route: &Route,
        tag: Option<String>,
        mut response: Response<Body>,
    ) -> Result<Response<Body>, Status> {
        if route.verb == Method::GET {
            if let Some(tags) = &self.if_match
                && !tags.strongly(tag.as_deref())
            {
                return Err(not_matched());
            }
            if let Some(tags) = &self.if_none_match
                && tags.weakly(tag.as_deref())
            {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.body_mut() = Body::empty();
                response.headers_mut().remove(CONTENT_TYPE);
                response.headers_mut().remove(CONTENT_LENGTH);
            }
        }
        let value = tag.and_then(|tag| HeaderValue::from_str(&format!("\"{tag}\"")).ok());
        if let Some(value) = value {
            response.headers_mut().insert(ETAG, value);
        }
        Ok(response)
    }
}

/// The answer has no version, or a version that `if-match` does not name.
fn not_matched() -> Status {
    status::protocol(&Protocol::IfMatchFails)
}

/// Sets the etag of the request from a condition, and returns whether it did. It does not if the
/// request already has a matching etag or if the condition always holds.
fn require(tags: &Tags, route: &Route, request: &mut DynamicMessage) -> Result<bool, Refusal> {
    let Some(place) = EtagPlace::of(route) else {
        return Err(refused(&IF_MATCH, Rule::IfMatchWithoutEtag));
    };
    let sent = place.get(request).filter(|sent| !sent.is_empty());
    let Tags::List(tags) = tags else {
        return match (sent, place.required) {
            (None, true) => Err(refused(&IF_MATCH, Rule::IfMatchOfAny)),
            _ => Ok(false),
        };
    };
    let mut strong = tags.iter().filter_map(Tag::version);
    match sent {
        None => {
            let version = strong.next().unwrap_or(NEVER).to_owned();
            Ok(place.set(request, &version).is_some())
        }
        Some(sent) if strong.any(|it| it == sent) => Ok(false),
        Some(_) => Err(refused(&IF_MATCH, Rule::EtagContradicted)),
    }
}

fn refused(name: &HeaderName, rule: Rule) -> Refusal {
    Refusal::malformed(Violation::new(name.as_str(), rule).into())
}

// === the etag in messages ===

/// The place of the etag in a request.
#[derive(Clone, Debug)]
pub(super) struct EtagPlace {
    /// The record that is sent, unless it is the request itself.
    record: Option<FieldDescriptor>,
    field: FieldDescriptor,
    required: bool,
}

impl EtagPlace {
    /// Finds it in the method's request or in the record in its body.
    pub(super) fn of(route: &Route) -> Option<Self> {
        let input = route.method.input();
        if let Some(field) = etag_of(&input) {
            let required = is_required(&field);
            return Some(Self {
                record: None,
                field,
                required,
            });
        }
        // a record that is being created has no etag yet
        let is_named = |it: &str| it.split('.').count() == 2;
        let mut variables = route.template.variables.iter();
        let updates = variables.any(|it| is_named(&it.field));
        match &route.body {
            RequestBody::Field(record, message) if updates => Some(Self {
                record: Some(record.clone()),
                field: etag_of(message)?,
                required: false,
            }),
            RequestBody::Field(..) | RequestBody::Raw(_) | RequestBody::None | RequestBody::All => {
                None
            }
        }
    }

    fn get(&self, request: &DynamicMessage) -> Option<String> {
        let text = match &self.record {
            None => request.get_field(&self.field),
            Some(record) => {
                let record = request.get_field(record).into_owned();
                let text = record.as_message()?.get_field(&self.field).into_owned();
                return text.as_str().map(str::to_owned);
            }
        };
        text.as_str().map(str::to_owned)
    }

    fn set(&self, request: &mut DynamicMessage, etag: &str) -> Option<()> {
        let message = match &self.record {
            None => request,
            Some(record) => request.get_field_mut(record).as_message_mut()?,
        };
        message.set_field(&self.field, Value::String(etag.to_owned()));
        Some(())
    }
}

fn etag_of(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let field = message.get_field_by_name(ETAG_FIELD)?;
    (field.kind() == Kind::String && !field.is_list()).then_some(field)
}

/// Whether google.api.field_behavior marks the field as REQUIRED.
fn is_required(field: &FieldDescriptor) -> bool {
    const REQUIRED: i32 = 2;
    let pool = field.parent_pool();
    let behavior = pool.get_extension_by_name("google.api.field_behavior");
    behavior.is_some_and(|extension| {
        let options = field.options();
        let list = options.get_extension(&extension);
        let list = list.as_list().unwrap_or_default();
        list.iter().any(|it| it.as_enum_number() == Some(REQUIRED))
    })
}

/// Whether the method returns a record that has an etag.
#[cfg(test)]
pub(super) fn is_tagged(route: &Route) -> bool {
    answered(route).is_some()
}

fn answered(route: &Route) -> Option<FieldDescriptor> {
    if route.method.is_server_streaming() {
        return None;
    }
    match route.response_body.as_ref().map(FieldDescriptor::kind) {
        None => etag_of(&route.method.output()),
        Some(Kind::Message(message)) => etag_of(&message),
        Some(_) => None,
    }
}

fn tag(route: &Route, message: &DynamicMessage, line: &[u8]) -> Option<String> {
    let field = answered(route)?;
    let inner;
    let record = match &route.response_body {
        None => message,
        Some(body) => {
            inner = message.get_field(body).into_owned();
            inner.as_message()?
        }
    };
    let etag = record.get_field(&field);
    let etag = etag
        .as_str()
        .filter(|it| !it.is_empty() && it.bytes().all(is_of_tag))?;
    let is_dated = |value: &Value| {
        let part = value.as_message();
        part.is_some_and(|part| part.has_field_by_name(EFFECTIVE_DATE))
    };
    let mut tag = etag.to_owned();
    if record.fields().any(|(_, value)| is_dated(value)) {
        tag.push(';');
        let digest = Sha256::digest(line);
        tag.push_str(&hex::write(digest.get(..DIGEST_BYTES).unwrap_or(&digest)));
    }
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        Some(match Tags::parse(text)? {
            Tags::Any => "*".to_owned(),
            Tags::List(tags) => {
                let tags = tags.iter().map(|tag| match tag.weak {
                    true => format!("W/{}", tag.text),
                    false => tag.text.clone(),
                });
                tags.collect::<Vec<_>>().join(" ")
            }
        })
    }

    /// RFC 9110 §8.8.3 and §5.6.1
    #[test]
    fn tags_are_in_quotes_with_commas_between_them() {
        for (text, expected) in [
            ("*", Some("*")),
            (" * ", Some("*")),
            ("\"r5\"", Some("r5")),
            ("\"\"", Some("")),
            ("\"r5\",\"r6\"", Some("r5 r6")),
            (" \"r5\" ,\t W/\"r6\" ", Some("r5 W/r6")),
            (",\"r5\",,", Some("r5")),
            ("\"a,b\"", Some("a,b")),
            ("\"!#~\"", Some("!#~")),
            ("", None),
            (",", None),
            ("r5", None),
            ("\"r5", None),
            ("r5\"", None),
            ("\"r5\" \"r6\"", None),
            ("\"r5\"\"r6\"", None),
            ("*, \"r5\"", None),
            ("w/\"r5\"", None),
            ("W/r5", None),
            ("W/ \"r5\"", None),
            ("'r5'", None),
            ("\"r 5\"", None),
        ] {
            assert_eq!(parsed(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn weak_tags_match_on_reads_alone() {
        let weak = Tags::parse("W/\"r5\"").unwrap();
        assert!(!weak.strongly(Some("r5")) && weak.weakly(Some("r5")));
        let strong = Tags::parse("\"r4\", \"r5\"").unwrap();
        assert!(strong.strongly(Some("r5")) && strong.weakly(Some("r5")));
        assert!(strong.strongly(Some("r5;0af")) && !strong.weakly(Some("r5;0af")));
        assert!(!strong.strongly(Some("r6")) && !strong.weakly(None));
        assert!(Tags::Any.strongly(None) && Tags::Any.weakly(None));
    }
}
