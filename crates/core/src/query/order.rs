//! The `order_by` of a list request (AIP-132), as `display_name desc, create_time`.
//!
//! Names sort by the Vietnamese alphabet, enum values as they were declared, resource names by
//! their segments; a row without a value comes last in both directions. The resource name is
//! appended to every order, so that no two rows tie and a page can start after any row.

use std::{borrow::Cow, cmp::Ordering, fmt};

use crate::{
    error::Error,
    messages::Rule,
    near::nearest,
    query::{
        page::Cursor,
        schema::{Field, Queryable, Type, Value},
    },
    reasons::{self, Reason},
    text::{compare_names, nfc},
};
/// Most fields in one order; more say nothing that a caller could see.
pub(crate) const MAX_TERMS: usize = 8;

/// The path of the resource name, which every type may be ordered by.
const NAME: &str = "name";

/// Which way a field sorts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From small to large.
    #[default]
    Ascending,
    /// From large to small.
    Descending,
}

impl Direction {
    const fn apply(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }
}

/// A total order over the rows of a type.
pub struct Order<T: 'static> {
    terms: Vec<(&'static Field<T>, Direction)>,
    /// How the resource name sorts, after all terms.
    name: Direction,
}

impl<T: Queryable> Order<T> {
    /// By resource name, ascending: the order in which maps keep their rows.
    pub const fn by_name() -> Self {
        Self {
            terms: Vec::new(),
            name: Direction::Ascending,
        }
    }

    /// Parses and checks the text; when it is blank, the list's own default.
    pub fn parse(order_by: &str, default: &str) -> Result<Self, Error> {
        let order_by = if order_by.trim().is_empty() {
            default
        } else {
            order_by
        };
        if order_by.trim().is_empty() {
            return Ok(Self::by_name());
        }
        if order_by.split(',').count() > MAX_TERMS {
            return Err(Error::invalid(
                "order_by",
                Rule::OrderTooLong { most: MAX_TERMS },
            ));
        }
        let mut order = Self::by_name();
        let mut named = Vec::new();
        let mut at = 0;
        for term in order_by.split(',') {
            let blank = term.len() - term.trim_start().len();
            let place = Position::new(order_by, at + blank);
            at += term.len() + 1;
            let mut words = term.split_whitespace();
            let (path, direction) = match (words.next(), words.next(), words.next()) {
                (Some(path), None, _) | (Some(path), Some("asc"), None) => {
                    (path, Direction::Ascending)
                }
                (Some(path), Some("desc"), None) => (path, Direction::Descending),
                _ => return Err(malformed::<T>(term, &place)),
            };
            if named.contains(&path) {
                return Err(place.refuse(
                    reasons::ORDER_DUPLICATE,
                    &format!("`{path}` is named twice; name it once"),
                    &format!("`{path}` được nêu hai lần; hãy chỉ nêu một lần"),
                ));
            }
            named.push(path);
            if path == NAME {
                order.name = direction;
                continue;
            }
            let field = T::FIELDS
                .iter()
                .find(|field| field.path == path && is_orderable(field))
                .ok_or_else(|| not_orderable::<T>(path, &place))?;
            // names are unique, so fields after the name have no effect
            if !named.contains(&NAME) {
                order.terms.push((field, direction));
            }
        }
        Ok(order)
    }

    /// Maximum number of terms compared for a row.
    pub const fn terms(&self) -> usize {
        self.terms.len()
    }

    /// The direction when the order is by resource name alone: the caller may then walk its map.
    pub fn name_alone(&self) -> Option<Direction> {
        self.terms.is_empty().then_some(self.name)
    }

    /// The one field ordered by before the name, ascending, and its direction: the caller may then
    /// walk an index of it.
    pub fn one_field(&self) -> Option<(&'static str, Direction)> {
        match (self.terms.as_slice(), self.name) {
            ([(field, direction)], Direction::Ascending) => Some((field.path, *direction)),
            _ => None,
        }
    }

    /// The same text for all orders that sort the same but are written differently.
    pub fn canonical(&self) -> String {
        let word = |direction| match direction {
            Direction::Ascending => "",
            Direction::Descending => " desc",
        };
        let mut text = String::new();
        for (field, direction) in &self.terms {
            text.push_str(field.path);
            text.push_str(word(*direction));
            text.push(',');
        }
        text.push_str(NAME);
        text.push_str(word(self.name));
        text
    }

    /// Compares two rows.
    pub fn compare(&self, a: &T, b: &T) -> Ordering {
        self.terms
            .iter()
            .map(|(field, direction)| {
                let (a, b) = ((field.get)(a).single(), (field.get)(b).single());
                compare_values(field.kind, *direction, a.as_ref(), b.as_ref())
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| self.name.apply(str::cmp(&a.name(), &b.name())))
    }

    /// Compares a row with the place of a cursor: `Greater` when the row comes after it.
    pub(crate) fn compare_to(&self, row: &T, cursor: &Cursor) -> Ordering {
        // a cursor of another order has passed no token; were one to, its missing values are
        // absent ones
        let mut values = cursor.values.iter();
        self.terms
            .iter()
            .map(|(field, direction)| {
                let value = (field.get)(row).single();
                let at = values
                    .next()
                    .and_then(Option::as_ref)
                    .map(super::Constant::as_value);
                compare_values(field.kind, *direction, value.as_ref(), at.as_ref())
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| self.name.apply(str::cmp(&row.name(), &cursor.name)))
    }

    /// The place of a row.
    pub fn cursor(&self, row: &T) -> Cursor {
        Cursor {
            values: self
                .terms
                .iter()
                .map(|(field, _)| (field.get)(row).single().map(Value::into_constant))
                .collect(),
            name: row.name().into_owned(),
        }
    }
}

impl<T> Clone for Order<T> {
    fn clone(&self) -> Self {
        Self {
            terms: self.terms.clone(),
            name: self.name,
        }
    }
}

impl<T: Queryable> fmt::Debug for Order<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Order").field(&self.canonical()).finish()
    }
}

const fn is_orderable<T>(field: &Field<T>) -> bool {
    field.orderable && !field.repeated
}

fn compare_values(
    kind: Type,
    direction: Direction,
    a: Option<&Value<'_>>,
    b: Option<&Value<'_>>,
) -> Ordering {
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        (a, b) => return a.is_none().cmp(&b.is_none()),
    };
    let order = match (a, b) {
        (Value::Text(a), Value::Text(b)) => match kind {
            Type::Name => compare_names(a, b),
            Type::Enum(values) => {
                let place = |text: &Cow<'_, str>| values.iter().position(|value| *value == *text);
                // a value that is not declared comes after those that are, by its text
                match (place(a), place(b)) {
                    (Some(a), Some(b)) => a.cmp(&b),
                    (None, None) => a.cmp(b),
                    (a, b) => a.is_none().cmp(&b.is_none()),
                }
            }
            Type::Resource(_) => str::cmp(a, b),
            _ => nfc(a).cmp(&nfc(b)),
        },
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        // values of two types never meet in one field; any fixed order keeps this total
        (a, b) => rank(a).cmp(&rank(b)),
    };
    direction.apply(order)
}

const fn rank(value: &Value<'_>) -> u8 {
    match value {
        Value::Text(_) => 0,
        Value::Integer(_) => 1,
        Value::Boolean(_) => 2,
        Value::Date(_) => 3,
        Value::Timestamp(_) => 4,
    }
}

/// Where a term of the order begins, as a character counted from 1.
struct Position(usize);

impl Position {
    fn new(order_by: &str, at: usize) -> Self {
        let before = order_by.get(..at).unwrap_or_default();
        Self(before.chars().count() + 1)
    }

    fn refuse(&self, reason: Reason, english: &str, vietnamese: &str) -> Error {
        let Self(character) = self;
        let rule = Rule::Located {
            reason,
            character: *character,
            english: english.to_owned(),
            vietnamese: vietnamese.to_owned(),
        };
        Error::invalid("order_by", rule)
    }
}

/// The field that a term means which is written as elsewhere, and the direction, if it says one:
/// `-name`, `name DESC`, `name:desc`, `desc(name)`.
fn meant<T: Queryable>(term: &str) -> Option<(&'static str, &'static str)> {
    let direction = match term.trim().chars().next() {
        Some('-') => " desc",
        _ => "",
    };
    let words = term.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let down = |word: &&str| matches!(&*word.to_lowercase(), "desc" | "descending" | "giảm");
    let up = |word: &&str| matches!(&*word.to_lowercase(), "asc" | "ascending" | "tăng");
    let mut direction = if words.iter().any(down) {
        " desc"
    } else {
        direction
    };
    let mut names = words.iter().filter(|word| !down(word) && !up(word));
    let (mut name, None) = (*names.next()?, names.next()) else {
        return None;
    };
    for (ending, says) in [(".desc", " desc"), (".asc", "")] {
        if let Some(before) = name.strip_suffix(ending) {
            (name, direction) = (before, says);
        }
    }
    Some((nearest(name, orderable::<T>())?, direction))
}

/// What `order_by` may name.
fn orderable<T: Queryable>() -> impl Iterator<Item = &'static str> {
    let fields = T::FIELDS.iter().filter(|field| is_orderable(field));
    let paths = fields.map(|field| field.path).filter(|path| *path != NAME);
    std::iter::once(NAME).chain(paths)
}

fn malformed<T: Queryable>(term: &str, place: &Position) -> Error {
    let term = term.trim();
    if term.is_empty() {
        return place.refuse(
            reasons::ORDER_SYNTAX,
            "a field is missing beside the comma; add it or remove the comma",
            "thiếu tên trường bên cạnh dấu phẩy; hãy thêm tên trường hoặc bỏ dấu phẩy",
        );
    }
    let (field, direction) = meant::<T>(term).unwrap_or((NAME, " desc"));
    place.refuse(
        reasons::ORDER_SYNTAX,
        &format!(
            "`{term}` is not a field followed by `asc`, `desc` or nothing; write \
             `{field}{direction}`, and a comma between two fields"
        ),
        &format!(
            "`{term}` không phải tên trường, kèm `asc`, `desc` hoặc không kèm gì; hãy viết \
             `{field}{direction}`, giữa hai trường là dấu phẩy"
        ),
    )
}

fn not_orderable<T: Queryable>(path: &str, place: &Position) -> Error {
    if !path
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
    {
        return malformed::<T>(path, place);
    }
    let mut known = String::new();
    for field in orderable::<T>() {
        let between = if known.is_empty() { "" } else { ", " };
        known.push_str(&format!("{between}`{field}`"));
    }
    let (mut hint, mut hint_vi) = (String::new(), String::new());
    if let Some((field, direction)) = meant::<T>(path) {
        hint = format!(" (did you mean `{field}{direction}`?)");
        hint_vi = format!(" (có phải là `{field}{direction}`?)");
    }
    place.refuse(
        reasons::ORDER_UNKNOWN_FIELD,
        &format!("cannot order by `{path}`{hint}; the fields to order by are {known}"),
        &format!("không sắp xếp được theo `{path}`{hint_vi}; các trường sắp xếp được là {known}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::schema::fixture::{Thing, things};

    fn order(order_by: &str) -> Order<Thing> {
        Order::parse(order_by, "").unwrap()
    }

    fn thing(id: &str, display_name: &str, level: Option<i64>, state: &'static str) -> Thing {
        let (id, display_name) = (id.into(), display_name.into());
        Thing {
            id,
            display_name,
            level,
            state,
            ..Thing::default()
        }
    }

    fn sorted(order_by: &str, mut things: Vec<Thing>) -> String {
        things.sort_by(|a, b| order(order_by).compare(a, b));
        things.into_iter().map(|thing| thing.id).collect()
    }

    #[test]
    fn orders_parse_with_any_spacing() {
        assert_eq!(
            order("  display_name   desc ,create_time asc").canonical(),
            "display_name desc,create_time,name"
        );
        assert_eq!(order("").canonical(), "name");
        assert_eq!(order("name desc, level").canonical(), "name desc");
        assert_eq!(
            Order::<Thing>::parse(" ", "level desc")
                .unwrap()
                .canonical(),
            "level desc,name"
        );
        assert_eq!(order("").name_alone(), Some(Direction::Ascending));
        assert_eq!(order("name desc").name_alone(), Some(Direction::Descending));
        assert_eq!(order("level").name_alone(), None);
    }

    #[test]
    fn refusals_name_the_field() {
        for (order_by, reason, part) in [
            (
                "nope",
                "ORDER_UNKNOWN_FIELD",
                "`nope`; the fields to order by are `name`, `display",
            ),
            ("aliases", "ORDER_UNKNOWN_FIELD", "`aliases`"),
            ("labels.a", "ORDER_UNKNOWN_FIELD", "`labels.a`"),
            ("level, state, level desc", "ORDER_DUPLICATE", "`level`"),
            ("name, nope", "ORDER_UNKNOWN_FIELD", "`nope`"),
            (
                "level,",
                "ORDER_SYNTAX",
                "at character 7: a field is missing",
            ),
            (
                ",level",
                "ORDER_SYNTAX",
                "at character 1: a field is missing",
            ),
            ("level down", "ORDER_SYNTAX", "`level down`"),
            (
                "name, -level",
                "ORDER_SYNTAX",
                "at character 7: `-level` is not a field",
            ),
            ("-level", "ORDER_SYNTAX", "write `level desc`"),
            ("+level", "ORDER_SYNTAX", "write `level`"),
            ("level DESC", "ORDER_SYNTAX", "write `level desc`"),
            ("level Asc", "ORDER_SYNTAX", "write `level`,"),
            ("level descending", "ORDER_SYNTAX", "write `level desc`"),
            ("level:desc", "ORDER_SYNTAX", "write `level desc`"),
            ("desc(level)", "ORDER_SYNTAX", "write `level desc`"),
            (
                "level.desc",
                "ORDER_UNKNOWN_FIELD",
                "did you mean `level desc`?",
            ),
            (
                "displayName desc",
                "ORDER_UNKNOWN_FIELD",
                "did you mean `display_name`?",
            ),
            (
                "symbol",
                "ORDER_UNKNOWN_FIELD",
                "did you mean `document.symbol`?",
            ),
            ("\"level\"", "ORDER_SYNTAX", "write `level`"),
            ("level; name", "ORDER_SYNTAX", "a comma between two fields"),
            (
                "display_name, đ",
                "ORDER_UNKNOWN_FIELD",
                "at character 15: cannot order by `đ`",
            ),
            ("level desc desc", "ORDER_SYNTAX", "`level desc desc`"),
            ("a,b,c,d,e,f,g,h,i", "ORDER_TOO_LONG", "8 fields"),
        ] {
            match Order::<Thing>::parse(order_by, "") {
                Err(Error::Invalid(violations)) => {
                    let violation = violations.iter().next().unwrap();
                    assert_eq!(
                        (violation.field.as_str(), violation.rule.reason().name()),
                        ("order_by", reason)
                    );
                    let english = violation.rule.english();
                    assert!(english.contains(part), "{english}");
                }
                other => panic!("`{order_by}` gives {other:?}"),
            }
        }
    }

    #[test]
    fn absent_values_are_last_both_ways() {
        let rows = || {
            vec![
                thing("a", "", None, "ISSUED"),
                thing("b", "Đất đai", Some(1), "DRAFT"),
                thing("c", "Dân cư", Some(2), ""),
                thing("d", "Ế", Some(1), "SUBMITTED"),
            ]
        };
        assert_eq!(sorted("display_name", rows()), "cbda");
        assert_eq!(sorted("display_name desc", rows()), "dbca");
        assert_eq!(sorted("level, display_name", rows()), "bdca");
        assert_eq!(sorted("level desc", rows()), "cbda");
        assert_eq!(sorted("level desc, name desc", rows()), "cdba");
        assert_eq!(sorted("state", rows()), "bdac");
        assert_eq!(sorted("state desc", rows()), "adbc");
    }

    #[test]
    fn resource_names_sort_by_segment() {
        assert!(str::cmp("platforms/a-b/plans/1", "platforms/a/plans/1").is_lt());
        assert!(str::cmp("platforms/a", "platforms/a/plans/1").is_lt());
    }

    fn orders() -> impl Strategy<Value = Order<Thing>> {
        prop::sample::subsequence(
            vec![
                "display_name",
                "document.symbol",
                "state",
                "level",
                "shared",
                "issue_date",
                "create_time",
                "agency",
                "name",
            ],
            0..5,
        )
        .prop_shuffle()
        .prop_flat_map(|fields| {
            let directions = prop::collection::vec(any::<bool>(), fields.len());
            (Just(fields), directions)
        })
        .prop_map(|(fields, directions)| {
            let terms: Vec<_> = fields
                .iter()
                .zip(directions)
                .map(|(field, down)| format!("{field}{}", if down { " desc" } else { "" }))
                .collect();
            order(&terms.join(","))
        })
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}|([a-z_. ]{0,12},){0,9}") {
            let _ = Order::<Thing>::parse(&text, "");
        }

        #[test]
        fn canonical_text_sorts_the_same(order in orders()) {
            let again = Order::<Thing>::parse(&order.canonical(), "").unwrap();
            prop_assert_eq!(again.canonical(), order.canonical());
        }

        #[test]
        fn rows_compare_with_cursors_as_with_rows(
            order in orders(), a in things("[a-c]"), b in things("[a-c]")
        ) {
            prop_assert_eq!(order.compare_to(&a, &order.cursor(&b)), order.compare(&a, &b));
            prop_assert_eq!(order.compare(&b, &a), order.compare(&a, &b).reverse());
        }

        #[test]
        fn orders_are_transitive(
            order in orders(), a in things("[a-c]"), b in things("[a-c]"), c in things("[a-c]")
        ) {
            if order.compare(&a, &b).is_le() && order.compare(&b, &c).is_le() {
                prop_assert!(order.compare(&a, &c).is_le());
            }
        }
    }
}
