//! Redaction by law: removes a text from every image ever written of some resources, and from the
//! headers of the changes that wrote them. A fixed mark replaces it, so states, dates and counts do
//! not change.
//!
//! The rows of earlier changes are read before the command is decided, so the command carries them
//! as they will be. `decide` refuses a resource that was written in between.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::{
    change::{Effect, Image, RedactedChange, Redaction},
    error::{Error, Violations},
    leaf::Digest,
    messages::{Condition, Quantity, Rule, Unit},
    names::Revision,
    on_image,
    records::{
        Kind, Record,
        documents::{Document, Needs},
        meta::Meta,
        principals::Role,
        sizes::CHANGE_BYTES_MAX,
        texts::{Reader, Text, Texts},
    },
    rules::{AnyCommand, Asking, Deciding, personal::check_personal_data},
};

/// The mark that replaces a text.
pub const MARK: &str = "[REDACTED]";

/// Minimum length of a text: a shorter one is in too many others.
const CHARACTERS_MIN: u64 = 4;

/// Maximum number of rows that one redaction rewrites. The change lists each with a digest, in
/// fewer than 256 bytes.
pub const ROWS_MAX: usize = CHANGE_BYTES_MAX / 1024;

/// Maximum bytes of the images that one redaction rewrites.
pub const BYTES_MAX: usize = 16 * CHANGE_BYTES_MAX;

/// Fields whose texts are identifiers: a mark in them would break what they refer to.
const IDENTIFIERS: [&str; 7] = [
    "currency_code",
    "identities",
    "methods",
    "name",
    "path",
    "resource",
    "sha256",
];

/// The text to remove. It is neither stored nor shown.
#[derive(Clone)]
pub struct Sought(String);

impl fmt::Debug for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sought")
    }
}

impl Sought {
    /// Refuses a text that is too short without the blanks around it, and one that overlaps the
    /// mark, because the two could not be distinguished.
    pub fn new(text: String) -> Result<Self, Error> {
        let has = text.chars().count() as u64;
        if has < CHARACTERS_MIN {
            let least = Quantity {
                count: CHARACTERS_MIN,
                unit: Unit::Characters,
            };
            return Err(Error::invalid("text", Rule::TooShort { least, has }));
        }
        if MARK.contains(&text) || text.contains(MARK) {
            return Err(Error::invalid("text", Rule::TextIsMark { mark: MARK }));
        }
        Ok(Self(text))
    }

    /// Whether a text has it.
    pub fn is_in(&self, text: &str) -> bool {
        text.contains(&self.0)
    }

    /// Whether the JSON of an image may contain it. [`Self::redact`] decides.
    pub fn may_be_in(&self, json: &str) -> bool {
        let written = Value::from(self.0.as_str()).to_string();
        let written = written.trim_start_matches('"');
        json.contains(written.strip_suffix('"').unwrap_or(written))
    }

    /// The text without it.
    pub fn gone_from(&self, text: &str) -> String {
        text.replace(&self.0, MARK)
    }

    /// The JSON of an image without it, or `None` where it is not there. Fails with the field whose
    /// text is not free: `reads` says whether a JSON can still be read.
    pub fn redact(
        &self,
        json: &str,
        reads: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, String> {
        if !self.may_be_in(json) {
            return Ok(None);
        }
        let whole: Value = serde_json::from_str(json).map_err(|_| String::new())?;
        let mut found = Vec::new();
        self.search(&whole, &mut TextPath::default(), &mut found)?;
        if found.is_empty() {
            return Ok(None);
        }
        let without = |places: &[TextPath]| {
            let mut value = whole.clone();
            for place in places {
                if let Some(Value::String(text)) = value.pointer_mut(&place.pointer) {
                    *text = self.gone_from(text);
                }
            }
            value.to_string()
        };
        let redacted = without(&found);
        if reads(&redacted) {
            return Ok(Some(redacted));
        }
        let alone = |place: &&TextPath| !reads(&without(std::slice::from_ref(place)));
        let fixed = found.iter().find(alone).or(found.first());
        Err(fixed.map(|place| place.path.clone()).unwrap_or_default())
    }

    /// Finds the texts that have it. Fails where it is in an identifier or in a key.
    fn search(
        &self,
        value: &Value,
        at: &mut TextPath,
        found: &mut Vec<TextPath>,
    ) -> Result<(), String> {
        match value {
            Value::String(text) if self.is_in(text) => {
                if at.is_identifier {
                    return Err(at.path.clone());
                }
                found.push(at.clone());
                Ok(())
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.search(item, &mut at.item(index), found)),
            Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
                if self.is_in(key) {
                    return Err(at.path.clone());
                }
                self.search(value, &mut at.field(key), found)
            }),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }
}

/// A place in the JSON of an image.
#[derive(Clone, Debug, Default)]
struct TextPath {
    /// As RFC 6901 has it.
    pointer: String,
    /// As the contract names the field.
    path: String,
    is_identifier: bool,
}

impl TextPath {
    fn item(&self, index: usize) -> Self {
        Self {
            pointer: format!("{}/{index}", self.pointer),
            path: format!("{}[{index}]", self.path),
            is_identifier: self.is_identifier,
        }
    }

    fn field(&self, key: &str) -> Self {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        // what a client writes of a record is below `fields`
        let path = match (self.path.as_str(), key) {
            ("", "fields") => String::new(),
            ("", key) => key.to_owned(),
            (path, key) => format!("{path}.{key}"),
        };
        Self {
            pointer: format!("{}/{escaped}", self.pointer),
            path,
            is_identifier: self.is_identifier || IDENTIFIERS.contains(&key),
        }
    }
}

/// A row of an earlier change as it will be.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// The revision of the change.
    pub revision: Revision,
    /// The salt that the row had when it was read: a row with another one was rewritten since.
    pub salt_before: Vec<u8>,
    /// A new salt. With the old one, the old text could be guessed from the digest.
    pub salt: [u8; 16],
    /// The new content.
    pub content: Content,
}

/// The content of a row that is rewritten.
#[derive(Clone, Debug)]
pub enum Content {
    /// Of a row of `effects`.
    Image {
        /// The place of the effect in its change.
        ordinal: i64,
        /// The JSON of the image.
        image: String,
    },
    /// Of a row of `changes`.
    Header {
        /// The person named by a system.
        actor: Option<String>,
        reason: String,
        /// The digest of the request, which had the text: none that any request has.
        request_digest: Option<Digest>,
    },
}

/// A resource, and the changes to it in the log that have the text.
#[derive(Clone, Debug)]
pub struct Resource {
    pub kind: Kind,
    /// Resource name.
    pub name: String,
    /// The change that last wrote it when the log was read.
    pub revision: Revision,
    /// The changes that have the text.
    pub changes: Vec<RedactedChange>,
}

/// RedactText.
#[derive(Clone, Debug)]
pub struct RedactText {
    /// The text to remove.
    pub text: Sought,
    /// The resources, at least one.
    pub resources: Vec<Resource>,
    /// The document that orders it.
    pub document: Document,
    /// The rows that are rewritten.
    pub rewrites: Arc<[Rewrite]>,
}

impl Texts for RedactText {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("document", &self.document);
    }
}

/// It returns no record, so it is not a [`super::Command`].
impl AnyCommand for RedactText {
    fn method(&self) -> &'static str {
        "RedactText"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        for resource in &self.resources {
            asking.find_image(resource.kind, &resource.name)?;
        }
        if asking.caller.has(Role::Admin) {
            return Ok(());
        }
        Err(asking.lacks(Role::Admin))
    }

    /// Writes each resource as it is now without the text, whatever its state allows otherwise.
    fn decide(&self, deciding: &mut Deciding<'_>) -> Result<(), Error> {
        self.permit(&deciding.asking)?;
        check_personal_data(self, deciding)?;
        self.check(&deciding.reason)?;
        for resource in &self.resources {
            let name = &resource.name;
            let image = deciding.asking.find_image(resource.kind, name)?;
            let meta = *image.meta();
            if meta.revision != resource.revision {
                return Err(Error::refused(name, Condition::RedactionOvertaken));
            }
            if resource.changes.is_empty() {
                return Err(Error::refused(name, Condition::TextNotFound));
            }
            let redacted = self.redacted(&image)?;
            deciding.put_image(with_meta(redacted, deciding.updated(meta)));
        }
        for resource in &self.resources {
            deciding.effects.push(Effect::Redaction(Redaction {
                name: resource.name.clone(),
                document: self.document.clone(),
                changes: resource.changes.clone(),
            }));
        }
        deciding.rewrites = Arc::clone(&self.rewrites);
        Ok(())
    }

    fn texts(&self, reader: &mut Reader<'_>) {
        Texts::texts(self, reader);
    }

    fn texts_before(&self, _: &crate::state::State, _: &mut Reader<'_>) {}
}

impl RedactText {
    /// One that names no resource, to ask whether the caller may redact at all.
    pub(super) fn of_nothing() -> Self {
        Self {
            text: Sought(MARK.to_owned()),
            resources: Vec::new(),
            document: Document::default(),
            rewrites: Arc::default(),
        }
    }

    /// Checks what comes into the log with it: a document to find it by, and not the text again.
    fn check(&self, reason: &str) -> Result<(), Error> {
        let mut violations = Violations::new();
        self.document
            .check(Needs::Identity, "document", &mut violations);
        if reason.is_empty() {
            violations.add("reason", Rule::RedactionReasonMissing);
        }
        let mut search = |path: &str, text: Text<'_>| {
            let (Text::Plain(text) | Text::Uri(text)) = text;
            if self.text.is_in(text) {
                violations.add(path, Rule::TextRepeated);
            }
        };
        search("reason", Text::Plain(reason));
        Texts::texts(self, &mut Reader::new(&mut search));
        violations.into_result()
    }

    fn redacted(&self, image: &Image) -> Result<Image, Error> {
        let (kind, json) = (image.kind(), image.stored()?);
        let reads = |json: &str| Image::read(kind, json).is_ok();
        match self.text.redact(&json, reads) {
            Ok(None) => Ok(image.clone()),
            Ok(Some(json)) => Image::read(kind, &json)
                .map_err(|error| Error::Bug(format!("a redacted image: {error}").into())),
            Err(field) => Err(in_identifier(image.name(), field)),
        }
    }
}

/// The refusal of a text that is in a field which is not free text.
pub fn in_identifier(name: &str, field: String) -> Error {
    Error::refused(name, Condition::TextInIdentifier { field })
}

/// The same image with other metadata.
pub fn with_meta(image: Image, meta: Meta) -> Image {
    fn of<T: Record>(record: T) -> Image {
        T::into_image(Arc::new(record))
    }
    on_image!(image, record => {
        let mut record = Arc::unwrap_or_clone(record);
        record.meta = meta;
        of(record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(text: &str) -> Sought {
        Sought::new(text.to_owned()).unwrap()
    }

    #[test]
    fn a_text_goes_from_every_value_and_nowhere_else() {
        let json = r#"{"a":"x \"synthetic\" y","b":["synthetic",{"c":"other"}],"n":7}"#;
        let redacted = sought("\"synthetic\"").redact(json, |_| true).unwrap();
        let expected = r#"{"a":"x [REDACTED] y","b":["synthetic",{"c":"other"}],"n":7}"#;
        assert_eq!(redacted.as_deref(), Some(expected));
        let redacted = sought("synthetic").redact(json, |_| true).unwrap().unwrap();
        assert_eq!(redacted.matches(MARK).count(), 2);
        assert_eq!(sought("absent").redact(json, |_| true), Ok(None));
    }

    #[test]
    fn what_is_not_free_text_is_named() {
        let digest = r#"{"fields":{"document":{"sha256":"abcdef"}}}"#;
        let refused = sought("abcd").redact(digest, |_| true);
        assert_eq!(refused, Err("document.sha256".to_owned()));
        let key = r#"{"fields":{"labels":{"secret":"x"}}}"#;
        assert_eq!(sought("secret").redact(key, |_| true), Err("labels".into()));
        // a value that can no longer be read is found among those that can
        let date = r#"{"fields":{"title":"of 2025","days":["2025-01-01"]}}"#;
        let reads = |json: &str| json.contains("2025-01-01");
        assert_eq!(sought("2025").redact(date, reads), Err("days[0]".into()));
    }

    #[test]
    fn a_text_that_overlaps_the_mark_is_refused() {
        for text in ["REDACTED", "[REDACTED]", "x[REDACTED]"] {
            assert!(Sought::new(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_text_is_not_in_what_is_printed() {
        assert!(!format!("{:?}", sought("synthetic")).contains("synth"));
    }
}
