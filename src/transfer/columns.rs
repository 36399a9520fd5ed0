//! The one table of the columns of a kind: its fields that callers write, as a tree that is walked
//! down to single values. An element of a list of messages has columns of its own, with its number:
//! `listings[2].edition`, `Listings 2 / Edition`, `Xếp danh mục 2 / Danh mục`.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::LazyLock,
};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind as FieldKind, MessageDescriptor, Value};
use regex::Regex;

use super::kinds::{KINDS, Kind};
use crate::wire::{descriptors::POOL, glossary::heading};

/// The name of a record, and the etag that was read.
pub const NAME: &str = "name";
/// The etag of a record.
pub const ETAG: &str = "etag";
/// The record above, for rows without a name. Not a field of the record.
pub const PARENT: &str = "parent";
/// The platform of an entry of an edition. Not a field of the entry.
pub const PLATFORM: &str = "platform";

const DATE: &str = "google.type.Date";

/// Between the parts of a header in words.
const SEPARATOR: &str = " / ";

/// Language of headers and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Paths of fields and names of values.
    Paths,
    /// English.
    English,
    /// Vietnamese.
    Vietnamese,
}

impl Language {
    /// The language of a request.
    pub fn of(language: &str) -> Self {
        match language {
            "en" => Self::English,
            "vi" => Self::Vietnamese,
            _ => Self::Paths,
        }
    }
}

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Text.
    Text,
    /// A decimal number, which messages hold as text.
    Decimal,
    /// A whole number.
    Integer,
    /// Yes or no.
    Bool,
    /// One of some values.
    Enum(EnumDescriptor),
    /// A date.
    Date,
    /// A message, as JSON.
    Json,
}

/// A step of a column's path: a field, and the number of the element, from 1, where it is a list of
/// messages.
pub type Step = (FieldDescriptor, Option<usize>);

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// From the record to the value; empty for a column of its own name.
    pub steps: Vec<Step>,
    /// The name of a column that does not stand for a field of the record.
    extra: &'static str,
    /// The collection of the records that its values name.
    pub names: Option<&'static str>,
    /// What its values are.
    pub form: Form,
    /// Whether one cell holds a list, an item a line.
    pub is_list: bool,
}

impl Column {
    pub(super) fn of(steps: Vec<Step>) -> Self {
        let last = steps.last().map(|(field, _)| field);
        Self {
            names: last.and_then(referenced),
            form: last.map_or(Form::Text, form),
            is_list: last.is_some_and(|field| field.is_list()),
            extra: "",
            steps,
        }
    }

    /// The column of a record's parent; `None` for a kind whose records have no parent.
    pub(super) fn parent(kind: &Kind) -> Option<Self> {
        let parent = kind.has_parent().then(|| kind.any_parent())?;
        let mut above = KINDS.iter().map(|it| &*it.collection);
        Some(Self {
            names: above.find(|it| parent == format!("{it}/-")),
            ..Self::extra(PARENT)
        })
    }

    /// A column of text that does not stand for a field of the record.
    pub(super) fn extra(extra: &'static str) -> Self {
        Self {
            extra,
            ..Self::of(Vec::new())
        }
    }

    /// The field of the value; `None` for a column without one.
    pub fn field(&self) -> Option<&FieldDescriptor> {
        self.steps.last().map(|(field, _)| field)
    }

    /// The field of the record that it is in; empty where it is in none.
    pub fn top(&self) -> &str {
        self.steps.first().map_or("", |(field, _)| field.name())
    }

    /// Its path, as `listings[2].edition`.
    pub fn path(&self) -> String {
        if self.steps.is_empty() {
            return self.extra.to_owned();
        }
        let mut path = String::new();
        for (field, element) in &self.steps {
            let dot = if path.is_empty() { "" } else { "." };
            let _ = write!(path, "{dot}{}", field.name());
            if let Some(element) = element {
                let _ = write!(path, "[{element}]");
            }
        }
        path
    }

    /// Its header.
    pub fn header(&self, language: Language) -> String {
        if language == Language::Paths {
            return self.path();
        }
        let part = |(field, element): &Step| {
            let label = label(field.name(), language);
            match element {
                Some(element) => format!("{label} {element}"),
                None => label,
            }
        };
        if self.steps.is_empty() {
            return label(self.extra, language);
        }
        let parts: Vec<_> = self.steps.iter().map(part).collect();
        parts.join(SEPARATOR)
    }

    /// Whether a record must have a value here, as far as its field alone says.
    pub fn is_required(&self) -> bool {
        self.steps.iter().all(|(field, _)| is_required(field)) && !self.steps.is_empty()
    }
}

/// What a field is called.
fn label(field: &str, language: Language) -> String {
    let called = match (heading(field), language) {
        (Some((vietnamese, _)), Language::Vietnamese) => vietnamese,
        (Some((_, english)), Language::English) => english,
        _ => field,
    };
    called.to_owned()
}

const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;
const INPUT_ONLY: i32 = 4;

/// Whether google.api.field_behavior marks a field so.
fn behaves(field: &FieldDescriptor, behavior: i32) -> bool {
    let extension = POOL.get_extension_by_name("google.api.field_behavior");
    extension.is_some_and(|extension| {
        let options = field.options();
        let marks = options.get_extension(&extension);
        let marks = marks.as_list().unwrap_or_default();
        marks.contains(&Value::EnumNumber(behavior))
    })
}

/// Whether callers write the field, and can read what they wrote.
pub fn is_written(field: &FieldDescriptor) -> bool {
    // options are decoded each time that they are asked for, and this is asked of every value
    static UNWRITTEN: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let fields = POOL
            .all_messages()
            .flat_map(|it| it.fields().collect::<Vec<_>>());
        let unwritten = fields.filter(|it| behaves(it, OUTPUT_ONLY) || behaves(it, INPUT_ONLY));
        unwritten.map(|it| it.full_name().to_owned()).collect()
    });
    !UNWRITTEN.contains(field.full_name())
}

/// Whether the field must be set.
pub fn is_required(field: &FieldDescriptor) -> bool {
    behaves(field, REQUIRED)
}

/// The fields of a message that have columns: the name first, and the etag last.
fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = message.fields().filter(is_written).collect();
    fields.sort_by_key(|it| match it.name() {
        NAME => 0,
        ETAG => u32::MAX,
        _ => it.number(),
    });
    fields
}

/// The message of a field whose parts have columns of their own.
pub fn parts(field: &FieldDescriptor, within: &[Step]) -> Option<MessageDescriptor> {
    let FieldKind::Message(message) = field.kind() else {
        return None;
    };
    let recurs = || {
        let mut around = within
            .iter()
            .map(|(field, _)| field.parent_message().clone());
        around.any(|around| around == message)
    };
    let is_ours = message.package_name() != "google.protobuf" && message.full_name() != DATE;
    (is_ours && !field.is_map() && *field.parent_message() != message && !recurs())
        .then_some(message)
}

fn form(field: &FieldDescriptor) -> Form {
    match field.kind() {
        _ if field.is_map() => Form::Json,
        FieldKind::String if is_decimal(field) => Form::Decimal,
        FieldKind::String => Form::Text,
        FieldKind::Bool => Form::Bool,
        FieldKind::Enum(of) => Form::Enum(of),
        FieldKind::Message(message) if message.full_name() == DATE => Form::Date,
        FieldKind::Message(_) | FieldKind::Bytes | FieldKind::Double | FieldKind::Float => {
            Form::Json
        }
        _ => Form::Integer,
    }
}

/// A rule of a field, by its path in `buf.validate.field`; none where it is not set.
fn rule(field: &FieldDescriptor, path: &[&str]) -> Option<Value> {
    static RULES: LazyLock<Option<prost_reflect::ExtensionDescriptor>> =
        LazyLock::new(|| POOL.get_extension_by_name("buf.validate.field"));
    let options = field.options();
    let mut value = options.get_extension(RULES.as_ref()?).into_owned();
    for name in path {
        let message = value.as_message().filter(|it| it.has_field_by_name(name))?;
        value = message.get_field_by_name(name)?.into_owned();
    }
    Some(value)
}

/// What a field may hold, as far as its own rules say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Most characters of a text.
    pub characters: Option<u64>,
    /// Most items of a list.
    pub items: Option<u64>,
    /// Least and greatest number.
    pub numbers: (Option<i64>, Option<i64>),
    /// The collection of the records that it names.
    pub names: Option<&'static str>,
}

/// What a column may hold.
pub fn bounds(column: &Column) -> Bounds {
    let Some(field) = column.field() else {
        return Bounds::default();
    };
    let count = |path: &[&str]| rule(field, path).and_then(|it| it.as_u64());
    let number = |bound: &str| match field.kind() {
        FieldKind::Int32 => rule(field, &["int32", bound])?.as_i32().map(i64::from),
        FieldKind::Int64 => rule(field, &["int64", bound])?.as_i64(),
        _ => None,
    };
    let of_items = count(&["repeated", "items", "string", "max_len"]);
    Bounds {
        characters: count(&["string", "max_len"]).or(of_items),
        items: count(&["repeated", "max_items"]),
        numbers: (number("gte"), number("lte")),
        names: column.names,
    }
}

/// The collection of the records that a field names, where files hold them.
fn referenced(field: &FieldDescriptor) -> Option<&'static str> {
    // as above, options are decoded only once
    static REFERENCES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let reference = POOL.get_extension_by_name("google.api.resource_reference");
        let collection = |field: &FieldDescriptor| {
            let options = field.options();
            let reference = options.get_extension(reference.as_ref()?);
            let of = reference.as_message()?.get_field_by_name("type")?;
            let (_, message) = of.as_str()?.split_once('/')?;
            let kind = KINDS.iter().find(|it| it.message.name() == message)?;
            Some((field.full_name().to_owned(), &*kind.collection))
        };
        let fields = POOL
            .all_messages()
            .flat_map(|it| it.fields().collect::<Vec<_>>());
        fields.filter_map(|it| collection(&it)).collect()
    });
    REFERENCES.get(field.full_name()).copied()
}

/// Whether a text holds a decimal number, by its pattern.
fn is_decimal(field: &FieldDescriptor) -> bool {
    let pattern = rule(field, &["string", "pattern"]);
    let pattern = pattern.and_then(|it| it.as_str().map(str::to_owned));
    let pattern = pattern.filter(|it| it.contains("0-9"));
    pattern
        .and_then(|it| Regex::new(&it).ok())
        .is_some_and(|it| {
            it.is_match("1.5") && it.is_match("-12") && !it.is_match("a") && !it.is_match("1-1")
        })
}

/// The columns of a kind, in order. `elements` says how many elements the list at a path has.
pub fn columns(kind: &Kind, elements: &dyn Fn(&str) -> usize) -> Vec<Column> {
    let mut columns = Vec::new();
    walk(&kind.message, &mut Vec::new(), elements, &mut columns);
    columns
}

/// The columns of a template: of each list one element, and where records are below others the
/// column of their parent.
pub fn of_template(kind: &Kind) -> Vec<Column> {
    let mut all = columns(kind, &|_| 1);
    if let Some(parent) = Column::parent(kind) {
        all.insert(1.min(all.len()), parent);
    }
    all
}

/// The paths of the lists of messages in a kind, without the numbers of elements.
pub fn lists(kind: &Kind) -> Vec<String> {
    let seen = std::cell::RefCell::new(Vec::new());
    columns(kind, &|path| {
        seen.borrow_mut().push(without_elements(path));
        1
    });
    seen.into_inner()
}

/// A path without the numbers of elements.
pub fn without_elements(path: &str) -> String {
    let parts = path
        .split('.')
        .map(|it| it.split('[').next().unwrap_or_default());
    parts.collect::<Vec<_>>().join(".")
}

/// Adds the columns of a message, below these steps.
pub(super) fn walk(
    message: &MessageDescriptor,
    steps: &mut Vec<Step>,
    elements: &dyn Fn(&str) -> usize,
    columns: &mut Vec<Column>,
) {
    for field in fields(message) {
        let Some(below) = parts(&field, steps) else {
            let mut steps = steps.clone();
            steps.push((field, None));
            columns.push(Column::of(steps));
            continue;
        };
        if !field.is_list() {
            steps.push((field, None));
            walk(&below, steps, elements, columns);
            steps.pop();
            continue;
        }
        steps.push((field.clone(), None));
        let many = elements(&Column::of(steps.clone()).path());
        steps.pop();
        for element in 1..=many {
            steps.push((field.clone(), Some(element)));
            walk(&below, steps, elements, columns);
            steps.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_may_hold_follows_from_its_rules() {
        let of = |kind: &str, path: &str| {
            let kind = crate::transfer::kinds::find(kind).unwrap();
            let columns = of_template(kind).into_iter();
            bounds(&columns.into_iter().find(|it| it.path() == path).unwrap())
        };
        assert_eq!(of("platforms", "display_name").characters, Some(500));
        assert_eq!(of("reports", "percent").numbers, (Some(0), Some(100)));
        let list = of("platforms", "coordinating_agencies");
        assert_eq!((list.items, list.names), (Some(100), Some("agencies")));
        assert_eq!(
            of("platforms", "name"),
            Bounds {
                characters: Some(200),
                ..Bounds::default()
            }
        );
    }
}
