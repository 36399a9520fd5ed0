//! How a resource declares, once, what it may be filtered and ordered by.
//!
//! A type lists its [`Field`]s in a constant table; filter, order and cursor are compiled
//! against that table, so a field that is not in it cannot be queried. A getter borrows from the
//! row: only a repeated field whose elements are not plain strings allocates.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::time::{Date, Timestamp};

/// The type of a field. It decides which operators the field accepts and how it sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text that is compared in NFC and sorted by code point, as a document symbol.
    Text,
    /// A Vietnamese name: compared as text, sorted by the Vietnamese alphabet.
    Name,
    /// One of these values, sorted in the order given here.
    Enum(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A calendar date.
    Date,
    /// A moment.
    Timestamp,
    /// A resource name of this pattern, as `agencies/{agency}`; empty for any resource.
    Resource(&'static str),
}

impl Type {
    /// What it is, with its article, in English.
    pub(super) const fn english(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Name => "a name",
            Self::Enum(_) => "an enum",
            Self::Integer => "a whole number",
            Self::Boolean => "a boolean",
            Self::Date => "a date",
            Self::Timestamp => "a timestamp",
            Self::Resource(_) => "a resource name",
        }
    }

    /// The same in Vietnamese.
    pub(super) const fn vietnamese(self) -> &'static str {
        match self {
            Self::Text => "văn bản",
            Self::Name => "tên gọi",
            Self::Enum(_) => "kiểu liệt kê",
            Self::Integer => "số nguyên",
            Self::Boolean => "giá trị đúng/sai",
            Self::Date => "ngày",
            Self::Timestamp => "thời điểm",
            Self::Resource(_) => "tên tài nguyên",
        }
    }
}

/// One value of a field, borrowed from its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Of a [`Type::Text`], [`Type::Name`], [`Type::Enum`] or [`Type::Resource`] field.
    Text(Cow<'a, str>),
    /// Of a [`Type::Integer`] field.
    Integer(i64),
    /// Of a [`Type::Boolean`] field.
    Boolean(bool),
    /// Of a [`Type::Date`] field.
    Date(Date),
    /// Of a [`Type::Timestamp`] field.
    Timestamp(Timestamp),
}

impl Value<'_> {
    /// The same value, owned.
    pub fn into_constant(self) -> Constant {
        match self {
            Self::Text(text) => Constant::Text(text.into_owned()),
            Self::Integer(number) => Constant::Integer(number),
            Self::Boolean(flag) => Constant::Boolean(flag),
            Self::Date(date) => Constant::Date(date),
            Self::Timestamp(at) => Constant::Timestamp(at),
        }
    }
}

/// What a getter returns.
///
/// An empty text is never a value. Other defaults are values: they compare and sort, but do not
/// make a field present. See `Field::is_present`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values<'a> {
    /// The row has no value.
    Absent,
    /// The value of a field that is not repeated.
    One(Value<'a>),
    /// The elements of a repeated text field, as they are stored.
    Texts(&'a [String]),
    /// The elements of any other repeated field.
    Many(Vec<Value<'a>>),
    /// The entries of a map field (declared as `labels.*`).
    Map(&'a BTreeMap<String, String>),
}

/// An owned value: a constant of a filter, or a key of a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Constant {
    /// Text, name, enum value or resource name.
    #[serde(rename = "s")]
    Text(String),
    /// Whole number.
    #[serde(rename = "i")]
    Integer(i64),
    /// Boolean.
    #[serde(rename = "b")]
    Boolean(bool),
    /// Date.
    #[serde(rename = "d")]
    Date(Date),
    /// Timestamp.
    #[serde(rename = "t")]
    Timestamp(Timestamp),
}

impl Constant {
    /// The same value, borrowed.
    pub(crate) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Integer(number) => Value::Integer(*number),
            Self::Boolean(flag) => Value::Boolean(*flag),
            Self::Date(date) => Value::Date(*date),
            Self::Timestamp(at) => Value::Timestamp(*at),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<Date> for Value<'_> {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Timestamp(at)
    }
}

impl<'a> Values<'a> {
    /// The value of a field that every row has.
    pub fn one(value: impl Into<Value<'a>>) -> Self {
        Self::One(value.into())
    }

    /// The value of a field that may be absent.
    pub fn option(value: Option<impl Into<Value<'a>>>) -> Self {
        value.map_or(Self::Absent, Self::one)
    }

    /// The elements of a repeated field.
    pub fn many<V: Into<Value<'a>>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::Many(values.into_iter().map(Into::into).collect())
    }

    /// The value of a field that is not repeated; `None` for an empty text.
    pub(super) fn single(self) -> Option<Value<'a>> {
        match self {
            Self::One(Value::Text(text)) if text.is_empty() => None,
            Self::One(value) => Some(value),
            Self::Absent | Self::Texts(_) | Self::Many(_) | Self::Map(_) => None,
        }
    }

    /// Whether some value (of this key, in a map) meets the condition; an empty text never does.
    pub(crate) fn any(&self, key: Option<&str>, mut meets: impl FnMut(&Value<'a>) -> bool) -> bool {
        let mut check = |value: &Value<'a>| match value {
            Value::Text(text) if text.is_empty() => false,
            value => meets(value),
        };
        match (self, key) {
            (Self::Absent, _) => false,
            (Self::One(value), _) => check(value),
            (Self::Texts(texts), _) => texts.iter().any(|text| check(&text.into())),
            (Self::Many(values), _) => values.iter().any(check),
            (Self::Map(map), Some(key)) => map.get(key).is_some_and(|text| check(&text.into())),
            (Self::Map(map), None) => map.values().any(|text| check(&text.into())),
        }
    }
}

/// A field that a type may be filtered by, and perhaps ordered by.
pub struct Field<T: 'static> {
    /// Path from the resource, as `display_name` or `exit.outcome`; `labels.*` for a map.
    pub path: &'static str,
    /// What it holds.
    pub kind: Type,
    /// Whether a row may have several values.
    pub repeated: bool,
    /// Whether `order_by` may name it.
    pub orderable: bool,
    /// Whether a default value counts as set, because the field is `optional` in the proto.
    pub optional: bool,
    /// Whether a row has the field set, for fields whose value alone does not show this.
    pub set: Option<fn(&T) -> bool>,
    /// Reads it from a row.
    pub get: for<'a> fn(&'a T) -> Values<'a>,
}

impl<T> Field<T> {
    /// A field with one value or none, not orderable.
    pub const fn new(path: &'static str, kind: Type, get: for<'a> fn(&'a T) -> Values<'a>) -> Self {
        Self {
            path,
            kind,
            repeated: false,
            orderable: false,
            optional: false,
            set: None,
            get,
        }
    }

    /// Allows the field in `order_by`. Its values go into page tokens, so a text field must be
    /// short, such as a name or a symbol.
    #[must_use]
    pub const fn orderable(mut self) -> Self {
        self.orderable = true;
        self
    }

    /// Allows a row to have several values.
    #[must_use]
    pub const fn repeated(mut self) -> Self {
        self.repeated = true;
        self
    }

    /// Marks the field as `optional` in the proto.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the function that tells which rows have the field set. The value of other rows is a
    /// substitute.
    #[must_use]
    pub(crate) const fn set_where(mut self, set: fn(&T) -> bool) -> Self {
        self.set = Some(set);
        self
    }

    /// Whether it is present among the values of a row (AIP-160): set to another value than the
    /// default of its type or, where it is optional, set at all; with a key, that entry of a map.
    pub(crate) fn is_present(&self, values: &Values<'_>, key: Option<&str>) -> bool {
        match (values, key) {
            // a map whose only entries are empty still has entries
            (Values::Map(map), None) => !map.is_empty(),
            (values, key) => values.any(key, |value| self.optional || !self.is_default(value)),
        }
    }

    fn is_default(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Text(text) => match self.kind {
                Type::Enum([first, ..]) => text == first && text.ends_with("_UNSPECIFIED"),
                _ => false,
            },
            Value::Integer(number) => *number == 0,
            Value::Boolean(flag) => !flag,
            Value::Date(_) | Value::Timestamp(_) => false,
        }
    }

    /// The name before `.*` when the field is a map.
    pub(super) fn map_name(&self) -> Option<&'static str> {
        self.path.strip_suffix(".*")
    }
}

impl<T> fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("path", &self.path)
            .field("kind", &self.kind)
            .field("repeated", &self.repeated)
            .field("orderable", &self.orderable)
            .field("optional", &self.optional)
            .finish_non_exhaustive()
    }
}

/// A resource type that lists can be asked about.
pub trait Queryable: Sized + 'static {
    /// The cost of looking at one resource, in units of work. It is higher if what is asked about
    /// is computed from other records.
    const ROW_COST: usize = 1;

    /// The cost of returning one resource, in units of work. It is higher if the answer includes
    /// values computed from other records.
    const ANSWER_COST: usize = 1;

    /// The fields, in the order a message lists them; each path once.
    const FIELDS: &'static [Field<Self>];

    /// The resource name: unique, and the last tie-break of every order.
    fn name(&self) -> Cow<'_, str>;
}

#[cfg(test)]
pub(super) mod fixture {
    //! A test resource with a field of each type.

    use std::{borrow::Cow, collections::BTreeMap};

    use proptest::prelude::*;

    use super::{Field, Queryable, Type, Values};
    use crate::time::{Date, Timestamp};

    #[derive(Clone, Debug, Default, PartialEq)]
    pub(crate) struct Thing {
        pub id: String,
        pub display_name: String,
        pub symbol: String,
        pub state: &'static str,
        pub level: Option<i64>,
        pub shared: bool,
        pub issue_date: Option<Date>,
        pub create_time: Option<Timestamp>,
        pub agency: String,
        pub coordinators: Vec<String>,
        pub aliases: Vec<String>,
        pub labels: BTreeMap<String, String>,
    }

    impl Queryable for Thing {
        const FIELDS: &'static [Field<Self>] = &[
            Field::new("display_name", Type::Name, |t: &Self| {
                Values::one(&t.display_name)
            })
            .orderable(),
            Field::new("document.symbol", Type::Text, |t: &Self| {
                Values::one(&t.symbol)
            })
            .orderable(),
            Field::new(
                "state",
                Type::Enum(&["STATE_UNSPECIFIED", "DRAFT", "SUBMITTED", "ISSUED"]),
                |t: &Self| Values::one(t.state),
            )
            .orderable(),
            Field::new("level", Type::Integer, |t: &Self| Values::option(t.level))
                .orderable()
                .optional(),
            Field::new("count", Type::Integer, |t: &Self| {
                Values::one(t.level.unwrap_or_default())
            }),
            Field::new("shared", Type::Boolean, |t: &Self| Values::one(t.shared)).orderable(),
            Field::new("issue_date", Type::Date, |t: &Self| {
                Values::option(t.issue_date)
            })
            .orderable(),
            Field::new("create_time", Type::Timestamp, |t: &Self| {
                Values::option(t.create_time)
            })
            .orderable(),
            Field::new("agency", Type::Resource("agencies/{agency}"), |t: &Self| {
                Values::one(&t.agency)
            })
            .orderable(),
            Field::new(
                "coordinators",
                Type::Resource("agencies/{agency}"),
                |t: &Self| Values::many(t.coordinators.iter()),
            )
            .repeated(),
            Field::new("aliases", Type::Text, |t: &Self| Values::Texts(&t.aliases)).repeated(),
            Field::new("labels.*", Type::Text, |t: &Self| Values::Map(&t.labels)),
        ];

        fn name(&self) -> Cow<'_, str> {
            format!("things/{}", self.id).into()
        }
    }

    /// Things that often tie with one another.
    pub(crate) fn things(ids: &'static str) -> impl Strategy<Value = Thing> {
        let word = || {
            prop::sample::select(vec![
                "",
                "Định danh",
                "dinh danh",
                "Đất đai",
                "Dân cư",
                "Ắc",
                // of these the first two sort as one, and so do the last two
                "Đề án 6",
                "Đề án 06",
                "Đề án 10",
                "Ðề án 10",
            ])
        };
        (
            (ids, word(), word()),
            (
                prop::sample::select(vec!["", "DRAFT", "SUBMITTED", "ISSUED"]),
                prop::option::of(0..3_i64),
                any::<bool>(),
                prop::option::of(1..4_i32),
                prop::option::of(0..3_i64),
            ),
            (
                prop::sample::select(vec!["", "agencies/bo-y-te", "agencies/bo-cong-an"]),
                prop::collection::vec(word().prop_map(String::from), 0..3),
                prop::collection::btree_map("[ab]", word().prop_map(String::from), 0..3),
            ),
        )
            .prop_map(
                |((id, name, symbol), (state, level, shared, day, time), rest)| {
                    let (agency, aliases, labels) = rest;
                    Thing {
                        id,
                        display_name: name.into(),
                        symbol: symbol.into(),
                        state,
                        level,
                        shared,
                        issue_date: day.map(|day| Date::new(2025, 9, day).unwrap()),
                        create_time: time.map(|time| Timestamp::from_micros(time).unwrap()),
                        agency: agency.into(),
                        coordinators: vec![agency.into()],
                        aliases,
                        labels,
                    }
                },
            )
    }
}
