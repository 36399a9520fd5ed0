//! Enforcement of the field rules written in the protos as `buf.validate` options.
//!
//! `build.rs` reads the options and writes one [`Validate`] per message, made of the rules
//! below; a rule it does not know fails the build, so no rule is documented and not enforced.
//! Presence follows protovalidate: a field that tracks presence is checked when set, any
//! other always, unless `ignore` says otherwise. Fields marked OUTPUT_ONLY are not looked at:
//! the server ignores them (AIP-203). Nothing is allocated for a request without a mistake.

mod foreign;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "`build.rs` and the OpenAPI document use the others"
    )
)]
pub(crate) mod lines;
mod path;
mod text;

use ndp_core::{
    messages::{Quantity, Rule, Unit},
    names::is_id,
};
use std::{
    collections::HashMap,
    fmt::{Display, Write as _},
    hash::Hash,
    sync::OnceLock,
};

use regex::Regex;

pub use self::path::FieldPath;
use ndp_core::error::{Error, Violations};
pub use ndp_core::text::legible::Lines;
use ndp_core::text::legible::{fault, kept};

/// The maximum number of violations reported for one request.
pub const MAX_VIOLATIONS: usize = 100;

/// Names listed in a message when a value is not one of those allowed.
const MAX_NAMES: usize = 20;

/// A message whose field rules are enforced. Implemented by `build.rs`.
pub trait Validate {
    /// Adds to `out` every rule broken by the message at `path`, up to [`MAX_VIOLATIONS`].
    fn validate(&self, path: &FieldPath<'_>, out: &mut Violations);

    /// Checks a whole request.
    fn check(&self) -> Result<(), Error> {
        let mut out = Violations::new();
        self.validate(&FieldPath::ROOT, &mut out);
        out.into_result()
    }
}

/// Adds one violation unless the bound is reached; the texts are only made when it is not.
fn violation(path: &FieldPath<'_>, out: &mut Violations, rule: impl FnOnce() -> Rule) {
    if out.iter().len() < MAX_VIOLATIONS {
        out.add(path.to_string(), rule());
    }
}

/// `` `a`, `b` ``, cut after [`MAX_NAMES`].
fn list<T: Display>(names: impl Iterator<Item = T>) -> String {
    let mut text = String::new();
    for (index, name) in names.enumerate() {
        if index == MAX_NAMES {
            text.push_str(", …");
            break;
        }
        let separator = if index == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}`{name}`");
    }
    text
}

// === presence ===

/// The field at `path` must be set.
pub fn required(path: &FieldPath<'_>, out: &mut Violations) {
    violation(path, out, || missing(path));
}

/// How a missing field is found, by its name: the same in every request that has it.
fn missing(path: &FieldPath<'_>) -> Rule {
    match path.name() {
        "etag" => Rule::EtagMissing,
        "reason" => Rule::ReasonMissing,
        "document" => Rule::DocumentMissing,
        "figure_date" => Rule::FigureDateMissing,
        "query" => Rule::QueryMissing,
        _ => Rule::Missing,
    }
}

/// One of `members` must be set.
pub fn required_oneof(members: &[&str], path: &FieldPath<'_>, out: &mut Violations) {
    violation(path, out, || Rule::OneOfMissing {
        names: list(members.iter()),
    });
}

// === text ===

/// A pattern of RE2, read at its first use.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    form: OnceLock<Form>,
}

/// What a pattern asks for.
#[derive(Debug)]
enum Form {
    /// The texts between the ids of a name. Most requests have one, so it is read directly.
    Name(Vec<&'static str>),
    /// Anything else.
    Any(Regex),
}

impl Pattern {
    /// A pattern that `build.rs` has compiled.
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            form: OnceLock::new(),
        }
    }

    fn is_match(&self, value: &str) -> bool {
        #[expect(
            clippy::expect_used,
            reason = "build.rs fails on a pattern that does not compile"
        )]
        let form = self.form.get_or_init(|| match name_of(self.source) {
            Some(texts) => Form::Name(texts),
            None => Form::Any(Regex::new(self.source).expect("build.rs compiled this pattern")),
        });
        match form {
            Form::Name(texts) => is_name(value, texts),
            Form::Any(regex) => regex.is_match(value),
        }
    }

    /// What the pattern asks for: by its form where it is that of a name, else as it is written.
    fn explain(&self) -> Rule {
        let form = self.source.replace(ID, "{id}").replace("(-|{id})", "{id}");
        let form = form.trim_matches(['^', '$']);
        let several = form.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
        if let Some(forms) = several
            && forms.contains("{id}")
            && forms.contains('|')
            && !forms.contains('[')
        {
            let forms = forms.to_owned();
            return Rule::NameForms { forms };
        }
        let form = form.trim_start_matches('(').trim_end_matches(['?', ')']);
        if !form.contains("{id}") || form.contains(['[', '(', '|']) {
            let pattern = self.source;
            return Rule::Pattern { pattern };
        }
        let form = form.to_owned();
        Rule::NameForm { form }
    }
}

/// How the protos write the pattern of an id.
const ID: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

/// The texts before, between and after the ids of a pattern that is one of a name.
fn name_of(pattern: &'static str) -> Option<Vec<&'static str>> {
    let pattern = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let texts: Vec<_> = pattern.split(ID).collect();
    let is_plain = |text: &&str| {
        let mut chars = text.chars();
        chars.all(|it| it.is_ascii_alphanumeric() || it == '/')
    };
    (texts.len() > 1 && texts.iter().all(is_plain)).then_some(texts)
}

/// Whether a value has these texts, with an id between each and the next.
fn is_name(value: &str, texts: &[&str]) -> bool {
    let mut texts = texts.iter();
    let first = texts.next().and_then(|text| value.strip_prefix(text));
    let rest = texts.try_fold(first, |rest, text| {
        let rest = rest?;
        let (id, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        is_id(id).then(|| after.strip_prefix(text))
    });
    rest.flatten() == Some("")
}

/// Forms of text that have a rule of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A UUID of any version, with hyphens.
    Uuid,
    /// A URI of RFC 3986, with its scheme.
    Uri,
    /// One of a page, as the pattern of `lines.rs` has it.
    Web,
}

impl Format {
    fn holds(self, value: &str) -> bool {
        match self {
            Self::Uuid => text::is_uuid(value),
            Self::Uri => text::is_uri(value),
            Self::Web => {
                static WEB: Pattern = Pattern::new(lines::WEB);
                text::is_uri(value) && WEB.is_match(value)
            }
        }
    }
}

/// The rules of a string. Lengths are in characters (code points) unless they say bytes.
/// Invisible characters are always refused. The lengths apply to both the text as sent and the
/// text as stored.
#[derive(Debug)]
pub struct Text {
    /// Fewest characters.
    pub min_len: u64,
    /// Most characters.
    pub max_len: Option<u64>,
    /// Most bytes.
    pub max_bytes: Option<u64>,
    /// What it has to match, anywhere unless anchored.
    pub pattern: Option<&'static Pattern>,
    /// How it begins.
    pub prefix: &'static str,
    /// The only values allowed; empty for any.
    pub within: &'static [&'static str],
    /// Values refused.
    pub not_in: &'static [&'static str],
    /// The form it has to have.
    pub format: Option<Format>,
    /// How many lines it may have.
    pub lines: Lines,
}

impl Text {
    /// No rules but legibility, on one line.
    pub const ANY: Self = Self {
        min_len: 0,
        max_len: None,
        max_bytes: None,
        pattern: None,
        prefix: "",
        within: &[],
        not_in: &[],
        format: None,
        lines: Lines::One,
    };

    /// Checks one value.
    pub fn check(&self, value: &str, path: &FieldPath<'_>, out: &mut Violations) {
        self.check_length(value, path, out);
        // what is missing has no other fault
        if self.min_len == 0 || !value.is_empty() {
            self.check_content(value, path, out);
        }
        if let Some(fault) = fault(value, self.lines) {
            violation(path, out, || Rule::Text { fault });
        }
    }

    fn check_length(&self, value: &str, path: &FieldPath<'_>, out: &mut Violations) {
        // The number of bytes bounds the number of characters, so most values need no count.
        let bytes = value.len() as u64;
        // Composing makes three characters of one at most.
        if self.min_len > 0 || self.max_len.is_some_and(|max| bytes > max / 3) {
            let chars = value.chars().count() as u64;
            let kept = kept(value).chars().count() as u64;
            let (least, chars) = (chars.min(kept), chars.max(kept));
            if least < self.min_len {
                violation(path, out, || match least {
                    0 => missing(path),
                    has => Rule::TooShort {
                        least: Quantity {
                            count: self.min_len,
                            unit: Unit::Characters,
                        },
                        has,
                    },
                });
            }
            if let Some(max) = self.max_len.filter(|max| chars > *max) {
                let most = Quantity {
                    count: max,
                    unit: Unit::Characters,
                };
                violation(path, out, || Rule::TooLong { most, has: chars });
            }
        }
        if let Some(max) = self.max_bytes.filter(|max| bytes > *max) {
            let most = Quantity {
                count: max,
                unit: Unit::BytesOfText,
            };
            violation(path, out, || Rule::TooLong { most, has: bytes });
        }
    }

    fn check_content(&self, value: &str, path: &FieldPath<'_>, out: &mut Violations) {
        let formed = self.format.is_none_or(|format| format.holds(value));
        if let Some(pattern) = self.pattern.filter(|pattern| !pattern.is_match(value)) {
            violation(path, out, || pattern.explain());
        }
        if !value.starts_with(self.prefix) {
            let prefix = self.prefix;
            violation(path, out, || Rule::Prefix { prefix });
        }
        if !self.within.is_empty() && !self.within.contains(&value) {
            not_within(self.within, path, out);
        }
        if self.not_in.contains(&value) {
            violation(path, out, || Rule::Within {
                values: list(self.not_in.iter()),
            });
        }
        match self.format {
            Some(Format::Uuid) if !formed => violation(path, out, || Rule::NotAUuid),
            Some(Format::Uri) if !formed => violation(path, out, || Rule::NotAUri),
            Some(Format::Web) if !formed => violation(path, out, || Rule::NotAPage),
            Some(_) | None => {}
        }
    }
}

fn not_within<T: Display>(within: &[T], path: &FieldPath<'_>, out: &mut Violations) {
    violation(path, out, || {
        let values = list(within.iter());
        match within {
            [_] => Rule::NotTheOne { value: values },
            _ => Rule::NotWithin { values },
        }
    });
}

// === bytes, numbers, booleans, enums ===

/// The rules of a bytes field.
#[derive(Debug)]
pub struct Bytes {
    /// Fewest bytes.
    pub min_len: u64,
    /// Most bytes.
    pub max_len: Option<u64>,
}

impl Bytes {
    /// Checks one value.
    pub fn check(&self, value: &[u8], path: &FieldPath<'_>, out: &mut Violations) {
        let len = value.len() as u64;
        if len < self.min_len {
            let least = Quantity {
                count: self.min_len,
                unit: Unit::Bytes,
            };
            violation(path, out, || Rule::TooShort { least, has: len });
        }
        if let Some(max) = self.max_len.filter(|max| len > *max) {
            let most = Quantity {
                count: max,
                unit: Unit::Bytes,
            };
            violation(path, out, || Rule::TooLong { most, has: len });
        }
    }
}

/// The rules of a number; both bounds are part of the range.
#[derive(Debug)]
pub struct Number<T: 'static> {
    /// The least value.
    pub min: Option<T>,
    /// The greatest value.
    pub max: Option<T>,
    /// The only values allowed; empty for any.
    pub within: &'static [T],
}

impl<T: Copy + PartialOrd + Display> Number<T> {
    /// No rules.
    pub const ANY: Self = Self {
        min: None,
        max: None,
        within: &[],
    };

    /// Checks one value. NaN is in no range.
    pub fn check(&self, value: &T, path: &FieldPath<'_>, out: &mut Violations) {
        let above = self.min.is_none_or(|min| *value >= min);
        let below = self.max.is_none_or(|max| *value <= max);
        if !(above && below) {
            out_of_range(self.min, self.max, *value, path, out);
        }
        if !self.within.is_empty() && !self.within.contains(value) {
            not_within(self.within, path, out);
        }
    }
}

fn out_of_range<T: Display>(
    min: Option<T>,
    max: Option<T>,
    value: T,
    path: &FieldPath<'_>,
    out: &mut Violations,
) {
    let is = value.to_string();
    let text = |it: T| it.to_string();
    violation(path, out, || match (min.map(text), max.map(text)) {
        (Some(min), Some(max)) => Rule::NotBetween { min, max, is },
        (Some(min), None) => Rule::TooSmall { min, is },
        (None, Some(max)) => Rule::TooGreat { max, is },
        (None, None) => Rule::NotFinite { is },
    });
}

/// The value must be a number: neither infinite nor NaN.
pub fn finite(value: &f64, path: &FieldPath<'_>, out: &mut Violations) {
    if !value.is_finite() {
        violation(path, out, || Rule::NotFinite {
            is: value.to_string(),
        });
    }
}

/// The value must be `expected`.
pub fn constant(value: &bool, expected: bool, path: &FieldPath<'_>, out: &mut Violations) {
    if *value != expected {
        not_within(&[expected], path, out);
    }
}

/// The rules of an enum.
#[derive(Debug)]
pub struct Enumeration {
    /// The values this release defines.
    pub values: &'static [(i32, &'static str)],
    /// Whether others are refused.
    pub defined_only: bool,
    /// The only values allowed; empty for any.
    pub within: &'static [i32],
    /// Values refused.
    pub not_in: &'static [i32],
}

impl Enumeration {
    /// Checks one value.
    pub fn check(&self, value: &i32, path: &FieldPath<'_>, out: &mut Violations) {
        if self.defined_only && !self.values.iter().any(|(known, _)| known == value) {
            violation(path, out, || Rule::NotDefined {
                number: *value,
                names: self.names(),
            });
        } else if !self.allows(*value) {
            violation(path, out, || Rule::NotWithin {
                values: self.names(),
            });
        }
    }

    fn allows(&self, value: i32) -> bool {
        (self.within.is_empty() || self.within.contains(&value)) && !self.not_in.contains(&value)
    }

    fn names(&self) -> String {
        let allowed = self.values.iter().filter(|(value, _)| self.allows(*value));
        list(allowed.map(|(_, name)| name))
    }
}

// === repeated fields and maps ===

/// The rules of a repeated field or a map.
#[derive(Debug)]
pub struct Items {
    /// Fewest entries.
    pub min: u64,
    /// Most entries.
    pub max: Option<u64>,
}

impl Items {
    /// Checks the number of entries. `false` means there are too many to look at each.
    #[must_use]
    pub fn check(&self, len: usize, path: &FieldPath<'_>, out: &mut Violations) -> bool {
        let len = len as u64;
        if len < self.min {
            let least = Quantity {
                count: self.min,
                unit: Unit::Items,
            };
            violation(path, out, || Rule::TooFewItems { least, has: len });
        }
        if let Some(max) = self.max.filter(|max| len > *max) {
            let most = Quantity {
                count: max,
                unit: Unit::Items,
            };
            violation(path, out, || Rule::TooManyItems { most, has: len });
            return false;
        }
        true
    }
}

/// No value may come twice; each repetition is a violation of its own.
pub fn unique<T: Eq + Hash>(values: &[T], path: &FieldPath<'_>, out: &mut Violations) {
    if values.len() < 2 {
        return;
    }
    let mut seen = HashMap::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        if let Some(first) = seen.get(value) {
            violation(&path.item(index), out, || Rule::SameAs {
                first: path.item(*first).to_string(),
            });
        } else {
            seen.insert(value, index);
        }
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
