//! The place of a field in a request, kept on the stack and written out only for a violation.

use std::fmt;

/// Characters of a map key shown in a path: a key is the caller's text and may be long.
const MAX_KEY_CHARS: usize = 64;

/// Path of a field from the request message, written as google.rpc.BadRequest has it:
/// `plan.budget.price_year`, `names[3]`, `labels["color"]`.
#[derive(Clone, Copy, Debug)]
pub struct FieldPath<'a> {
    parent: Option<&'a Self>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Segment<'a> {
    Root,
    Field(&'a str),
    Item(usize),
    Key(&'a str),
}

impl FieldPath<'static> {
    /// The request message itself.
    pub const ROOT: Self = Self {
        parent: None,
        segment: Segment::Root,
    };
}

impl FieldPath<'_> {
    /// A field of the message here.
    pub const fn field<'b>(&'b self, name: &'b str) -> FieldPath<'b> {
        FieldPath {
            parent: Some(self),
            segment: Segment::Field(name),
        }
    }

    /// An element of the repeated field here.
    pub const fn item(&self, index: usize) -> FieldPath<'_> {
        FieldPath {
            parent: Some(self),
            segment: Segment::Item(index),
        }
    }

    /// An entry of the map here.
    pub const fn key<'b>(&'b self, key: &'b str) -> FieldPath<'b> {
        FieldPath {
            parent: Some(self),
            segment: Segment::Key(key),
        }
    }
}

impl FieldPath<'_> {
    /// The name of the field, or of the one whose element or entry it is.
    pub(super) fn name(&self) -> &str {
        match (self.segment, self.parent) {
            (Segment::Field(name), _) => name,
            (Segment::Item(_) | Segment::Key(_), Some(parent)) => parent.name(),
            (Segment::Item(_) | Segment::Key(_), None) | (Segment::Root, _) => "",
        }
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut top = true;
        if let Some(parent) = self.parent {
            top = matches!(parent.segment, Segment::Root);
            parent.fmt(f)?;
        }
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Field(name) if top => f.write_str(name),
            Segment::Field(name) => write!(f, ".{name}"),
            Segment::Item(index) => write!(f, "[{index}]"),
            Segment::Key(key) => {
                let shown: String = key.chars().take(MAX_KEY_CHARS).collect();
                let rest = if shown.len() < key.len() { "…" } else { "" };
                write!(f, "[\"{}{rest}\"]", shown.escape_debug())
            }
        }
    }
}
