//! The `filter` of a list request: AIP-160 text, checked against the fields a type declares and
//! compiled to a predicate.
//!
//! What the AIP leaves open is decided here. `OR` binds tighter than `AND`; words side by side
//! are joined by `AND`. `!=` is `NOT … =`, so it matches rows without a value; every other
//! comparison needs one, and an empty text is none. On text `=` compares NFC and takes `*` at
//! either end, `:` is containment without regard to diacritics and case; on a repeated field `:`
//! asks for an element. A literal that stands alone is looked for in every text and name.

mod check;
mod habits;
mod place;

use std::{
    borrow::Cow, cell::OnceCell, cmp::Ordering, collections::BTreeMap, fmt, fmt::Write as _,
};

use aip_160::Comparator;
use memchr::memmem::Finder;

use self::check::Checker;
use super::schema::{Constant, Field, Queryable, Type, Value, Values};
use crate::domain::{
    error::Error,
    text::{fold, nfc},
};

/// Longest filter, in bytes: room for a few dozen restrictions.
pub const MAX_BYTES: usize = 4096;

/// Most restrictions in one filter: each may be tried on every row.
pub const MAX_TERMS: usize = 100;

/// Deepest nesting of parentheses: the parser calls itself for each.
pub const MAX_DEPTH: usize = 32;

/// A compiled filter.
pub struct Filter<T: 'static> {
    root: Option<Node<T>>,
    /// Fields that several tests ask.
    columns: usize,
    terms: usize,
}

enum Node<T: 'static> {
    /// A bare `*`: every row.
    Every,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// Folded text to be found in some text or name.
    Anywhere(Pattern),
    Test(Test<T>),
}

/// What is asked of one field.
struct Test<T: 'static> {
    field: &'static Field<T>,
    /// The key, when the field is a map and one entry is meant.
    key: Option<String>,
    ask: Ask,
    /// Where the row keeps the values, when other tests ask for them too.
    column: Option<usize>,
}

enum Ask {
    /// There is a value.
    Present,
    /// The map has this key.
    Key(String),
    /// A value compares so to the constant.
    Compare(Comparator, Constant),
    /// A value in NFC fits the pattern.
    Fits(Pattern),
    /// A folded value fits the pattern.
    FitsFolded(Pattern),
}

/// Text with a `*` at either end or none.
struct Pattern {
    text: String,
    open_start: bool,
    open_end: bool,
    /// Finds the text anywhere.
    finder: Finder<'static>,
}

impl Pattern {
    fn new(text: &str, open_start: bool, open_end: bool) -> Self {
        Self {
            text: text.to_owned(),
            open_start,
            open_end,
            finder: Finder::new(text).into_owned(),
        }
    }

    fn parse(text: &str) -> Self {
        let (text, open_start) = text
            .strip_prefix('*')
            .map_or((text, false), |rest| (rest, true));
        let (text, open_end) = text
            .strip_suffix('*')
            .map_or((text, false), |rest| (rest, true));
        Self::new(text, open_start, open_end)
    }

    /// Anything that holds the text.
    fn containing(text: &str) -> Self {
        Self::new(text, true, true)
    }

    const fn is_exact(&self) -> bool {
        !self.open_start && !self.open_end
    }

    fn fits(&self, value: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => value == self.text,
            (false, true) => value.starts_with(&self.text),
            (true, false) => value.ends_with(&self.text),
            (true, true) => self.finder.find(value.as_bytes()).is_some(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = |open| if open { "*" } else { "" };
        write!(
            f,
            "{}{}{}",
            star(self.open_start),
            self.text,
            star(self.open_end)
        )
    }
}

// === impl Filter ===

impl<T: Queryable> Filter<T> {
    /// The filter that every row passes.
    pub const fn everything() -> Self {
        Self {
            root: None,
            columns: 0,
            terms: 0,
        }
    }

    /// Parses and checks the text; blank text is no filter.
    pub fn parse(source: &str) -> Result<Self, Error> {
        let Some(expression) = place::parse::<T>(source)? else {
            return Ok(Self::everything());
        };
        let mut root = Checker::new(source).expression(&expression)?;
        let (columns, terms) = share_columns(&mut root);
        Ok(Self {
            root: Some(root),
            columns,
            terms,
        })
    }

    /// Whether every row passes.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// How many terms may be tried on a row.
    pub const fn terms(&self) -> usize {
        self.terms
    }

    /// Whether the row passes.
    pub fn matches(&self, row: &T) -> bool {
        self.root
            .as_ref()
            .is_none_or(|root| root.matches(&Row::new(row, self.columns)))
    }

    /// One text for all filters that are written differently and compiled to the same; a page
    /// token is bound to it. It is a filter itself.
    pub fn canonical(&self) -> String {
        self.root
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// The constant that the field must equal for a row to pass (that it must hold, when it is
    /// repeated), so that the caller may start from an index: `Some` only when the filter says
    /// so in its outermost conjunction.
    pub fn equality(&self, path: &str) -> Option<&Constant> {
        let root = self.root.as_ref()?;
        let terms = match root {
            Node::And(terms) => terms.as_slice(),
            single => std::slice::from_ref(single),
        };
        terms.iter().find_map(|term| match term {
            Node::Test(Test {
                field,
                key: None,
                ask: Ask::Compare(Comparator::Equal, value),
                column: _,
            }) if field.path == path => Some(value),
            _ => None,
        })
    }
}

impl<T: Queryable> fmt::Debug for Filter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.canonical()).finish()
    }
}

/// A row, with what several terms would read of it and fold alike, made once.
struct Row<'r, T> {
    record: &'r T,
    columns: Vec<Column<'r>>,
    /// All its texts, folded.
    texts: OnceCell<String>,
}

/// The values of one field, or of one key of a map.
#[derive(Default)]
struct Column<'r> {
    values: OnceCell<Values<'r>>,
    composed: OnceCell<Vec<String>>,
    folded: OnceCell<Vec<String>>,
}

impl<'r, T> Row<'r, T> {
    fn new(record: &'r T, columns: usize) -> Self {
        Self {
            record,
            columns: std::iter::repeat_with(Column::default)
                .take(columns)
                .collect(),
            texts: OnceCell::new(),
        }
    }
}

/// Gives the tests that ask for the same values one column of the row; tells how many columns
/// there are, and how many terms.
fn share_columns<T>(root: &mut Node<T>) -> (usize, usize) {
    let mut tests = Vec::new();
    let terms = root.tests(&mut tests);
    let mut asked: BTreeMap<_, Vec<&mut Test<T>>> = BTreeMap::new();
    for test in tests {
        let of = (test.field.path, test.key.clone());
        asked.entry(of).or_default().push(test);
    }
    let mut columns = 0;
    for tests in asked.into_values().filter(|tests| tests.len() > 1) {
        for test in tests {
            test.column = Some(columns);
        }
        columns += 1;
    }
    (columns, terms)
}

impl<T> Node<T> {
    /// Its tests; tells how many terms there are, of whatever sort.
    fn tests<'n>(&'n mut self, tests: &mut Vec<&'n mut Test<T>>) -> usize {
        match self {
            Self::And(nodes) | Self::Or(nodes) => {
                nodes.iter_mut().map(|node| node.tests(tests)).sum()
            }
            Self::Not(node) => node.tests(tests),
            Self::Every | Self::Anywhere(_) => 1,
            Self::Test(test) => {
                tests.push(test);
                1
            }
        }
    }
}

impl<T: Queryable> Node<T> {
    fn matches(&self, row: &Row<'_, T>) -> bool {
        match self {
            Self::Every => true,
            Self::And(nodes) => nodes.iter().all(|node| node.matches(row)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(row)),
            Self::Not(node) => !node.matches(row),
            Self::Anywhere(sought) => {
                let texts = row.texts.get_or_init(|| folded_texts(row.record));
                sought.fits(texts)
            }
            Self::Test(test) => test.matches(row),
        }
    }

    /// The negation, with a double one undone.
    fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    fn all(nodes: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        Self::And(flat)
    }

    fn any(nodes: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        Self::Or(flat)
    }
}

/// All folded texts and names of a row, one a line: no fold holds a line break, so nothing is
/// found across two of them.
fn folded_texts<T: Queryable>(row: &T) -> String {
    let mut texts = String::new();
    for field in T::FIELDS
        .iter()
        .filter(|field| matches!(field.kind, Type::Text | Type::Name))
    {
        (field.get)(row).any(None, |value| {
            if let Value::Text(text) = value {
                texts.push('\n');
                texts.push_str(&fold(text));
            }
            false
        });
    }
    texts
}

impl<T: Queryable> Test<T> {
    fn matches(&self, row: &Row<'_, T>) -> bool {
        match self.column.and_then(|at| row.columns.get(at)) {
            Some(column) => {
                let values = column.values.get_or_init(|| (self.field.get)(row.record));
                self.holds(values, Some(column))
            }
            None => self.holds(&(self.field.get)(row.record), None),
        }
    }

    fn holds(&self, values: &Values<'_>, column: Option<&Column<'_>>) -> bool {
        let key = self.key.as_deref();
        let composed = |meets: &dyn Fn(&str) -> bool| {
            any_text(values, key, column.map(|it| &it.composed), nfc, meets)
        };
        match &self.ask {
            // a map whose only entries are empty still has entries
            Ask::Present => match (values, key) {
                (Values::Map(map), None) => !map.is_empty(),
                (values, key) => values.any(key, |_| true),
            },
            Ask::Key(sought) => match values {
                Values::Map(map) => map.contains_key(sought),
                _ => false,
            },
            Ask::Compare(comparator, Constant::Text(constant)) => {
                let order = |text: &str| compares(text.cmp(constant), *comparator);
                match self.field.kind {
                    Type::Text | Type::Name => composed(&order),
                    // what is composed by its nature is not copied
                    _ => any_text(values, key, None, nfc, &order),
                }
            }
            Ask::Compare(comparator, constant) => values.any(key, |value| {
                let order = match (value, constant) {
                    (Value::Integer(a), Constant::Integer(b)) => a.cmp(b),
                    (Value::Boolean(a), Constant::Boolean(b)) => a.cmp(b),
                    (Value::Date(a), Constant::Date(b)) => a.cmp(b),
                    (Value::Timestamp(a), Constant::Timestamp(b)) => a.cmp(b),
                    _ => return false,
                };
                compares(order, *comparator)
            }),
            Ask::Fits(pattern) => composed(&|text| pattern.fits(text)),
            Ask::FitsFolded(pattern) => {
                let folded = column.map(|it| &it.folded);
                any_text(values, key, folded, |text| fold(text).into(), &|text| {
                    pattern.fits(text)
                })
            }
        }
    }
}

/// Whether some text meets the condition in this form; kept in the column, where there is one.
fn any_text(
    values: &Values<'_>,
    key: Option<&str>,
    kept: Option<&OnceCell<Vec<String>>>,
    form: impl Fn(&str) -> Cow<'_, str>,
    meets: &dyn Fn(&str) -> bool,
) -> bool {
    let Some(kept) = kept else {
        return values.any(
            key,
            |value| matches!(value, Value::Text(text) if meets(&form(text))),
        );
    };
    let all = kept.get_or_init(|| {
        let mut all = Vec::new();
        values.any(key, |value| {
            if let Value::Text(text) = value {
                all.push(form(text).into_owned());
            }
            false
        });
        all
    });
    all.iter().any(|text| meets(text))
}

fn compares(order: Ordering, comparator: Comparator) -> bool {
    match comparator {
        Comparator::Equal | Comparator::Has => order.is_eq(),
        Comparator::NotEqual => order.is_ne(),
        Comparator::LessThan => order.is_lt(),
        Comparator::LessThanOrEqual => order.is_le(),
        Comparator::GreaterThan => order.is_gt(),
        Comparator::GreaterThanOrEqual => order.is_ge(),
    }
}

// === canonical text ===

impl<T> fmt::Display for Node<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_char('*'),
            Self::And(nodes) => join(f, nodes, " AND "),
            Self::Or(nodes) => join(f, nodes, " OR "),
            Self::Not(node) => match **node {
                Self::And(_) | Self::Or(_) => write!(f, "NOT ({node})"),
                _ => write!(f, "NOT {node}"),
            },
            Self::Anywhere(sought) => quote(f, &sought.text),
            Self::Test(test) => test.fmt(f),
        }
    }
}

fn join<T>(f: &mut fmt::Formatter<'_>, nodes: &[Node<T>], between: &str) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        // an OR needs no parentheses inside an AND, since it binds tighter
        match node {
            Node::And(_) => write!(f, "({node})")?,
            _ => write!(f, "{node}")?,
        }
    }
    Ok(())
}

impl<T> fmt::Display for Test<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.field.map_name(), &self.key) {
            (Some(map), Some(key)) => {
                write!(f, "{map}.")?;
                quote(f, key)?;
            }
            (Some(map), None) => f.write_str(map)?,
            (None, _) => f.write_str(self.field.path)?,
        }
        match &self.ask {
            Ask::Present => f.write_str(":*"),
            Ask::Key(key) => {
                f.write_char(':')?;
                quote(f, key)
            }
            Ask::Compare(comparator, constant) => {
                if self.field.repeated {
                    f.write_char(':')?;
                } else {
                    write!(f, " {comparator} ")?;
                }
                match constant {
                    Constant::Text(text) => quote(f, text),
                    Constant::Integer(number) => write!(f, "{number}"),
                    Constant::Boolean(flag) => write!(f, "{flag}"),
                    Constant::Date(date) => write!(f, "\"{date}\""),
                    Constant::Timestamp(at) => write!(f, "\"{at}\""),
                }
            }
            Ask::Fits(pattern) => {
                f.write_str(if self.field.repeated { ":" } else { " = " })?;
                quote(f, &pattern.to_string())
            }
            Ask::FitsFolded(pattern) => {
                f.write_char(':')?;
                // containment is what `:` means on a single text: no stars there
                if self.field.repeated {
                    quote(f, &pattern.to_string())
                } else {
                    quote(f, &pattern.text)
                }
            }
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::{Date, Timestamp};
    use crate::state::query::schema::fixture::{Thing, things};

    fn thing() -> Thing {
        Thing {
            id: "dinh-danh".into(),
            display_name: "Nền tảng Định danh điện tử".into(),
            symbol: "G02.01.03".into(),
            state: "ISSUED",
            level: Some(4),
            shared: true,
            issue_date: Some(Date::parse("2025-09-23").unwrap()),
            create_time: Some(Timestamp::parse("2025-09-23T08:00:00+07:00").unwrap()),
            agency: "agencies/bo-cong-an".into(),
            coordinators: vec!["agencies/bo-y-te".into(), "agencies/bo-tu-phap".into()],
            aliases: vec!["VNeID".into(), "Thẻ căn cước".into()],
            labels: [
                ("env".into(), "prod".into()),
                ("cấp độ".into(), String::new()),
            ]
            .into(),
        }
    }

    fn passes(filter: &str) -> bool {
        Filter::<Thing>::parse(filter).unwrap().matches(&thing())
    }

    /// Position, reason and message of a refusal.
    fn refusal(filter: &str) -> (usize, &'static str, String) {
        match Filter::<Thing>::parse(filter) {
            Err(Error::Invalid(violations)) => {
                let violation = violations.iter().next().unwrap();
                assert_eq!(violation.field, "filter");
                let (at, text) = violation
                    .english
                    .strip_prefix("at character ")
                    .and_then(|rest| rest.split_once(": "))
                    .unwrap_or(("0", &violation.english));
                (at.parse().unwrap(), violation.reason, text.to_owned())
            }
            other => panic!("`{filter}` gives {other:?}"),
        }
    }

    #[test]
    fn filters_that_match() {
        for filter in [
            "",
            "  ",
            "*",
            r#"display_name = "Nền tảng Định danh điện tử""#,
            "display_name = \"Nê\u{300}n tảng*\"",
            r#"display_name = "*điện tử""#,
            r#"display_name = "*Định*""#,
            "display_name:dinh",
            r#"display_name:"DINH  DANH dien""#,
            "display_name:*",
            r#"display_name != "Định danh""#,
            "document.symbol = G02.01.03",
            "document.symbol > G02",
            "document.symbol:g02",
            "state = ISSUED",
            r#"state = "ISSUED""#,
            "state != DRAFT",
            "state:ISSUED",
            "state = (DRAFT OR ISSUED)",
            "state != (DRAFT OR SUBMITTED)",
            "level = 4",
            "level >= 4",
            "level > -30",
            "level < 5",
            "NOT level > 4",
            "-level:5",
            "shared = true",
            "shared != false",
            "issue_date = 2025-09-23",
            r#"issue_date = "2025-09-23""#,
            "issue_date >= 2025-09-01",
            r#"create_time = "2025-09-23T01:00:00Z""#,
            r#"create_time < "2025-09-24T00:00:00Z""#,
            "agency = agencies/bo-cong-an",
            r#"agency = "agencies/bo-*""#,
            "coordinators:agencies/bo-y-te",
            "coordinators:*",
            "NOT coordinators:agencies/bo-a",
            "aliases:vneid",
            r#"aliases:"the can cuoc""#,
            r#"aliases:"the*""#,
            "labels.env = prod",
            "labels:env",
            "labels.env:*",
            "labels:*",
            r#"labels:"cấp độ""#,
            r#"labels."cấp độ" = """#,
            r#"NOT labels."cấp độ":*"#,
            "labels.size != big",
            "dinh",
            "dinh danh prod",
            r#""can cuoc""#,
            "NOT khong",
            // an OR binds tighter than AND
            "level = 4 OR level = 1 AND state = ISSUED OR state = DRAFT",
            "state = ISSUED level = 4",
            "(state = DRAFT AND level = 4) OR shared = true",
        ] {
            assert!(passes(filter), "{filter}");
        }
    }

    #[test]
    fn filters_that_do_not_match() {
        for filter in [
            "display_name = dinh",
            r#"display_name = "Nền tảng định danh điện tử""#,
            "display_name = \"\"",
            r#"aliases:"can cuoc""#,
            "aliases:the",
            "state = DRAFT",
            "level != 4",
            "shared = false",
            "issue_date > 2025-09-23",
            "labels.size = big",
            "labels:size",
            "labels.size:*",
            "khong",
            "dinh khong",
            "coordinators:agencies/bo-cong-an",
            // reads as level = 1 AND (…)
            "level = 1 AND shared = true OR state = ISSUED",
            // not found across two texts
            r#""tu g02""#,
        ] {
            assert!(!passes(filter), "{filter}");
        }
    }

    #[test]
    fn absent_values_match_only_negations() {
        let empty = Thing::default();
        let passes = |filter| Filter::<Thing>::parse(filter).unwrap().matches(&empty);
        for filter in [
            "level != 4",
            "NOT level < 4",
            "agency = \"\"",
            "NOT issue_date:*",
        ] {
            assert!(passes(filter), "{filter}");
        }
        for filter in [
            "level < 4",
            "issue_date:*",
            "agency:*",
            "labels:*",
            "state = DRAFT",
        ] {
            assert!(!passes(filter), "{filter}");
        }
    }

    #[test]
    fn refusals_name_place_and_cure() {
        for (filter, at, reason, part) in [
            (
                "stat = ISSUED",
                1,
                "FILTER_UNKNOWN_FIELD",
                "`document.symbol`, `state`",
            ),
            (
                "điện AND đ.x = 1",
                10,
                "FILTER_UNKNOWN_FIELD",
                "unknown field `đ.x`",
            ),
            (
                "\"state\" = ISSUED",
                1,
                "FILTER_UNKNOWN_FIELD",
                "unknown field `\"state\"`",
            ),
            ("-nope:1", 1, "FILTER_UNKNOWN_FIELD", "`nope`"),
            (
                "level = 4 AND state = issued",
                23,
                "FILTER_TYPE",
                "`DRAFT`, `SUBMITTED`, `ISSUED`",
            ),
            ("level = 2.5", 9, "FILTER_TYPE", "`42`"),
            ("level = 2.5 AND x = 1", 9, "FILTER_TYPE", "`42`"),
            ("level > 1 AND state = 2.5", 23, "FILTER_TYPE", "`DRAFT`"),
            ("level = \"4\"", 9, "FILTER_TYPE", "`42`"),
            ("shared = yes", 10, "FILTER_TYPE", "`true`, `false`"),
            ("issue_date = 23/9/2025", 14, "FILTER_TYPE", "`2025-09-23`"),
            ("create_time > 2025-09-23", 15, "FILTER_TYPE", "+07:00"),
            (
                "create_time > 2025-09-23T00:00:00Z",
                28,
                "FILTER_SYNTAX",
                "put quotes",
            ),
            ("agency = bo-y-te", 10, "FILTER_TYPE", "`agencies/{agency}`"),
            (
                "display_name < \"B\"",
                1,
                "FILTER_TYPE",
                "`<` does not apply",
            ),
            ("state >= DRAFT", 1, "FILTER_TYPE", "`>=` does not apply"),
            ("shared > false", 1, "FILTER_TYPE", "a boolean"),
            ("agency > agencies/a", 1, "FILTER_TYPE", "a resource name"),
            (
                "coordinators = agencies/a",
                1,
                "FILTER_TYPE",
                "`coordinators:value`",
            ),
            (
                "coordinators != agencies/a",
                1,
                "FILTER_TYPE",
                "`coordinators:value`",
            ),
            ("labels = x", 1, "FILTER_TYPE", "name a key"),
            (
                "regex(state, 'a')",
                1,
                "FILTER_UNSUPPORTED",
                "no function `regex`",
            ),
            (
                "level = abs(4)",
                9,
                "FILTER_UNSUPPORTED",
                "no function `abs`",
            ),
            ("đ NOT(level = 4)", 3, "FILTER_SYNTAX", "write a space"),
            ("(a)AND b", 4, "FILTER_SYNTAX", "a space before"),
            (
                "level = (4 OR shared = true)",
                15,
                "FILTER_UNSUPPORTED",
                "inside the value",
            ),
            ("level =", 8, "FILTER_SYNTAX", "ends"),
            ("(level = 4", 1, "FILTER_SYNTAX", "is not closed"),
            (
                "đ (level = 4))",
                14,
                "FILTER_SYNTAX",
                "no parenthesis is open",
            ),
            ("đ AND \"x", 7, "FILTER_SYNTAX", "not closed"),
            ("a AND AND", 7, "FILTER_SYNTAX", "a condition is missing"),
        ] {
            let (found_at, found_reason, message) = refusal(filter);
            assert_eq!(
                (found_at, found_reason),
                (at, reason),
                "{filter}: {message}"
            );
            assert!(message.contains(part), "{filter}: {message}");
        }
    }

    #[test]
    fn habits_of_other_languages_are_told_what_to_write() {
        for (filter, at, part) in [
            // operators
            (
                "state = DRAFT or state = ISSUED",
                15,
                "write `OR` instead of `or`",
            ),
            ("đ and level = 4", 3, "write `AND` instead of `and`"),
            ("And", 1, "put it in quotes: `\"And\"`"),
            ("not level = 4", 1, "write `NOT` instead of `not`"),
            ("state = (DRAFT or ISSUED)", 16, "write `OR`"),
            ("not(level = 4)", 1, "write `NOT`"),
            ("state = DRAFT or(level = 4)", 15, "write `OR`"),
            ("level = 4 && shared = true", 11, "write `AND`"),
            ("level = 4&&shared = true", 10, "write `AND`"),
            ("đ || shared = true", 3, "write `OR`"),
            ("a | b", 3, "write `OR`"),
            ("a & b", 3, "write `AND`"),
            ("!shared = true", 1, "write `NOT ` instead of `!`"),
            ("!(level = 4)", 1, "write `NOT `"),
            ("level == 4", 7, "write `=` instead of `==`"),
            ("level === 4", 7, "write `=`"),
            ("level <> 4", 7, "write `!=`"),
            ("level !== 4", 7, "write `!=`"),
            ("level =< 4", 7, "write `<=`"),
            ("level => 4", 7, "write `>=`"),
            ("level > = 4", 7, "write `>=` instead of `> =`"),
            ("level ! = 4", 7, "write `!=`"),
            ("level := 4", 7, "write `=`"),
            ("display_name ~ \"a\"", 14, "write `:` instead of `~`"),
            ("display_name =~ \"a\"", 15, "write `:`"),
            ("display_name~a", 13, "write `:`"),
            ("level = 4, shared = true", 10, "`AND` or `OR` between"),
            ("state = (DRAFT, ISSUED)", 15, "write `OR` instead of `,`"),
            ("state = [DRAFT]", 9, "write `(A OR B)`"),
            (
                "state = ISSUED và level = 4",
                16,
                "write `AND` instead of `và`",
            ),
            // words
            ("state IN (DRAFT, ISSUED)", 7, "write `state = (A OR B)`"),
            ("state in (DRAFT)", 7, "write `state = (A OR B)`"),
            ("state in(DRAFT)", 7, "write `state = (A OR B)`"),
            ("state NOT IN (DRAFT)", 11, "write `state != (A OR B)`"),
            ("nope in (DRAFT)", 6, "write `field = (A OR B)`"),
            ("displayName LIKE '%a%'", 13, "`displayName:\"part\"`"),
            (
                "document.symbol like 'a%'",
                17,
                "`document.symbol = \"beginning*\"`",
            ),
            ("level IS NULL", 7, "`NOT level:*`"),
            ("level is not null", 7, "`level:*`"),
            ("nope is null", 6, "`NOT field:*`"),
            ("level BETWEEN 1 AND 2", 7, "`level >= A AND level <= B`"),
            ("display_name contains 'a'", 14, "`display_name:\"A\"`"),
            ("level eq 4", 7, "write `=`"),
            ("WHERE level = 4", 1, "the condition alone"),
            ("where level = 4", 1, "the condition alone"),
            ("level = 4 order by level", 11, "`order_by`"),
            ("level = 4 LIMIT 10", 11, "`page_size`"),
            // values
            ("level = NULL", 9, "write `NOT level:*`"),
            ("display_name != null", 17, "write `display_name:*`"),
            ("labels.env = null", 14, "write `NOT labels.env:*`"),
            ("display_name = '%dinh%'", 16, "`display_name = \"*dinh*\"`"),
            ("display_name = \"%dinh\"", 16, "write `*` instead of `%`"),
            ("display_name:\"%dinh%\"", 14, "write `*` instead of `%`"),
            // marks
            ("display_name = “dinh danh”", 16, "the straight quote"),
            ("display_name = ‘dinh’", 16, "the straight quote"),
            ("`state` = ISSUED", 1, "no quote around a field"),
            ("display_name = «dinh»", 16, "the straight quote"),
            ("level ＝ 4", 7, "write `=` instead of `＝`"),
            ("level≥4", 6, "write `>=`"),
            ("level ≠ 4", 7, "write `!=`"),
            ("（level = 4）", 1, "write `(`"),
            ("level：4", 6, "write `:`"),
            ("level = −4", 9, "write `-`"),
        ] {
            let (found_at, reason, message) = refusal(filter);
            assert_eq!(
                (found_at, reason),
                (at, "FILTER_OPERATOR"),
                "{filter}: {message}"
            );
            assert!(message.contains(part), "{filter}: {message}");
        }
        for (filter, at, reason, part) in [
            (
                "displayName:a",
                1,
                "FILTER_UNKNOWN_FIELD",
                "did you mean `display_name`?",
            ),
            (
                "symbol = A",
                1,
                "FILTER_UNKNOWN_FIELD",
                "did you mean `document.symbol`?",
            ),
            (
                "issueDate = 2025-09-23",
                1,
                "FILTER_UNKNOWN_FIELD",
                "`issue_date`?",
            ),
            (
                "\"state\" = ISSUED",
                1,
                "FILTER_UNKNOWN_FIELD",
                "without quotes",
            ),
            ("state = issued", 9, "FILTER_TYPE", "did you mean `ISSUED`?"),
            (
                "state = (DRAFT OR STATE_ISSUED)",
                19,
                "FILTER_TYPE",
                "did you mean `ISSUED`?",
            ),
            (
                "state = 3",
                9,
                "FILTER_TYPE",
                "`DRAFT`, `SUBMITTED`, `ISSUED`",
            ),
            (
                "agency = bo-y-te",
                10,
                "FILTER_TYPE",
                "did you mean `agencies/bo-y-te`?",
            ),
            (
                "coordinators:bo-y-te",
                14,
                "FILTER_TYPE",
                "did you mean `agencies/bo-y-te`?",
            ),
            ("level = \"4\"", 9, "FILTER_TYPE", "did you mean `4`?"),
            ("shared = YES", 10, "FILTER_TYPE", "did you mean `true`?"),
            ("document.symbol > 5", 19, "FILTER_TYPE", "write `\"5\"`"),
            ("labels.size >= 10", 16, "FILTER_TYPE", "not as a number"),
            ("display_name = 5", 16, "FILTER_TYPE", "not as a number"),
            (
                "display_name = Định danh số AND level = 4",
                16,
                "FILTER_SYNTAX",
                "`display_name = \"Định danh số\"`",
            ),
            (
                "document.symbol != 1527/QĐ BKHCN",
                20,
                "FILTER_SYNTAX",
                "\"1527/QĐ BKHCN\"`",
            ),
            (
                "display_name = 'O''Brien'",
                19,
                "FILTER_SYNTAX",
                "one pair of quotes",
            ),
            (
                "display_name = \"dinh”",
                16,
                "FILTER_SYNTAX",
                "the straight quote",
            ),
            (
                "contains(display_name, 'a')",
                1,
                "FILTER_UNSUPPORTED",
                "write `field:\"A\"`",
            ),
        ] {
            let (found_at, found_reason, message) = refusal(filter);
            assert_eq!(
                (found_at, found_reason),
                (at, reason),
                "{filter}: {message}"
            );
            assert!(message.contains(part), "{filter}: {message}");
        }
    }

    #[test]
    fn words_that_look_like_habits_can_be_searched() {
        let parses = |filter| Filter::<Thing>::parse(filter).map(|_| ());
        for filter in [
            "\"or\"",
            "'and'",
            "display_name:or",
            "labels.env = and",
            "labels.size = 3",
            "labels.env = \"null\"",
            "document.symbol = 5",
            "document.symbol > \"5\"",
            "in an",
            "R&D",
            "a|b",
            "M’Nông",
            "display_name = \"“dinh danh”\"",
            "display_name = \"100%\"",
            "display_name = \"*%x\"",
            "display_name:\"%\"",
            "state = ISSUED dinh danh",
            "display_name:dinh danh",
            "display_name = dinh AND danh",
            "display_name = dinh -danh",
            "display_name = dinh level = 4",
            "-(level = 4)",
            "-\"dinh danh\"",
            "is likely",
            "null",
            "dữ liệu và số",
            "a (b OR c)",
        ] {
            assert!(parses(filter).is_ok(), "{filter}: {:?}", parses(filter));
        }
    }

    #[test]
    fn everything_is_bounded() {
        assert_eq!(refusal(&"a".repeat(MAX_BYTES + 1)).1, "FILTER_TOO_LONG");
        let (at, reason, _) = refusal(&format!("{}a{}", "(".repeat(40), ")".repeat(40)));
        assert_eq!((at, reason), (MAX_DEPTH + 1, "FILTER_TOO_LONG"));
        let (at, reason, _) = refusal(&"a ".repeat(MAX_TERMS + 1));
        assert_eq!((at, reason), (2 * MAX_TERMS + 1, "FILTER_TOO_LONG"));
    }

    #[test]
    fn tests_of_one_field_share_a_column() {
        let columns = |filter| Filter::<Thing>::parse(filter).unwrap().columns;
        assert_eq!(columns("level = 1 AND state = DRAFT"), 0);
        assert_eq!(
            columns("display_name:a OR display_name:b OR -display_name = c"),
            1
        );
        assert_eq!(columns("labels.a = x OR labels.b = x"), 0);
        assert_eq!(
            columns("labels.a = x OR labels.a = y OR level = (1 OR 2)"),
            2
        );
        let many: Vec<_> = (0..100).map(|n| format!("display_name:z{n}")).collect();
        let many = Filter::<Thing>::parse(&many.join(" OR ")).unwrap();
        assert_eq!((many.columns, many.terms()), (1, 100));
    }

    #[test]
    fn one_text_for_one_meaning() {
        let canonical = |filter| Filter::<Thing>::parse(filter).unwrap().canonical();
        for (a, b) in [
            (
                "level=4   state : ISSUED",
                "(level = 4) AND (state = 'ISSUED')",
            ),
            ("display_name:\"ĐỊNH  danh\"", "display_name:\"dinh danh\""),
            ("NOT level = 4", "level != 4"),
            ("NOT level != 4", "level = 4"),
            (
                "state = (DRAFT OR ISSUED)",
                "state = DRAFT OR state = ISSUED",
            ),
            ("issue_date = 2025-09-23", "issue_date = '2025-09-23'"),
            (
                "create_time > '2025-09-23T07:00:00+07:00'",
                "create_time > '2025-09-23T00:00:00Z'",
            ),
        ] {
            assert_eq!(canonical(a), canonical(b));
        }
        assert_eq!(
            canonical("level = 1 AND (state = DRAFT level:2 OR -(a b)) labels.x=\"\\\"\""),
            "level = 1 AND state = \"DRAFT\" AND level = 2 OR NOT (\"a\" AND \"b\") \
             AND labels.\"x\" = \"\\\"\""
        );
        assert_eq!(canonical("(a AND b) OR c"), "(\"a\" AND \"b\") OR \"c\"");
    }

    #[test]
    fn equality_is_told_only_when_it_must_hold() {
        let told = |filter, path| {
            Filter::<Thing>::parse(filter)
                .unwrap()
                .equality(path)
                .cloned()
        };
        let agency = Some(Constant::Text("agencies/a".into()));
        assert_eq!(told("agency = agencies/a", "agency"), agency);
        assert_eq!(
            told("level > 1 agency:agencies/a AND (shared = true)", "agency"),
            agency
        );
        assert_eq!(told("coordinators:agencies/a", "coordinators"), agency);
        assert_eq!(
            told("shared = true AND level = 4", "level"),
            Some(Constant::Integer(4))
        );
        for filter in [
            "",
            "agency != agencies/a",
            "agency = agencies/a OR level = 1",
            "agency = \"\"",
            "agency = \"agencies/*\"",
            "agency:*",
            "-agency = agencies/a",
        ] {
            assert_eq!(told(filter, "agency"), None, "{filter}");
        }
    }

    /// Texts that are near to filters, and often are ones.
    fn filters() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "display_name",
            "document.symbol",
            "state",
            "level",
            "shared",
            "issue_date",
            "create_time",
            "agency",
            "coordinators",
            "aliases",
            "labels",
            "labels.a",
            "labels.\"b\"",
            "=",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            ":",
            ":*",
            "AND",
            "OR",
            "NOT",
            "-",
            "(",
            ")",
            " ",
            "*",
            "\"*\"",
            "\"Đ*\"",
            "\"dinh danh\"",
            "\"Định danh\"",
            "ISSUED",
            "DRAFT",
            "2",
            "2.5",
            "true",
            "2025-09-02",
            "\"1970-01-01T00:00:00Z\"",
            "agencies/bo-y-te",
            "\"",
            "'",
            "\\",
            "f(",
            ".",
            ",",
            "đ",
        ]);
        prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
    }

    /// Filters that parse.
    fn sound() -> impl Strategy<Value = String> {
        let term = prop::sample::select(vec![
            "display_name = \"Định danh\"",
            "display_name:dinh",
            "display_name:d",
            "display_name = \"Đ*\"",
            "display_name = \"*i\"",
            "document.symbol >= A",
            "document.symbol:a",
            "state = ISSUED",
            "state != (DRAFT OR SUBMITTED)",
            "level > 0",
            "level = 2",
            "shared = true",
            "issue_date <= 2025-09-02",
            "agency = agencies/bo-y-te",
            "create_time:*",
            "aliases:\"d*\"",
            "aliases:a",
            "aliases:*",
            "labels:a",
            "labels:*",
            "labels.a:d",
            "labels.a:a",
            "labels.b = \"A\"",
            "labels.b = \"D*\"",
            "dinh",
            "*",
            "\"dat dai\"",
            "coordinators:agencies/bo-y-te",
            "agency = \"\"",
        ])
        .prop_map(str::to_owned);
        term.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4)
                    .prop_map(|parts| format!("({})", parts.join(" AND "))),
                prop::collection::vec(inner.clone(), 2..4)
                    .prop_map(|parts| format!("({})", parts.join(" OR "))),
                prop::collection::vec(inner.clone(), 2..4)
                    .prop_map(|parts| format!("({})", parts.join(" "))),
                inner.prop_map(|part| format!("NOT ({part})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_answered(
            text in prop_oneof![any::<String>(), "\\PC{0,60}", filters()], row in things("[a-c]")
        ) {
            match Filter::<Thing>::parse(&text) {
                Ok(filter) => {
                    let canonical = filter.canonical();
                    let again = Filter::<Thing>::parse(&canonical).unwrap();
                    prop_assert_eq!(again.canonical(), canonical);
                    prop_assert_eq!(again.matches(&row), filter.matches(&row));
                }
                Err(Error::Invalid(_)) => {}
                Err(other) => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn not_complements(text in sound(), row in things("[a-c]")) {
            let filter = Filter::<Thing>::parse(&text).unwrap();
            let not = Filter::<Thing>::parse(&format!("NOT ({text})")).unwrap();
            let minus = Filter::<Thing>::parse(&format!("-({text})")).unwrap();
            prop_assert_ne!(filter.matches(&row), not.matches(&row));
            prop_assert_eq!(minus.canonical(), not.canonical());
            prop_assert_ne!(filter.canonical(), not.canonical());
        }

        #[test]
        fn canonical_text_means_the_same(text in sound(), row in things("[a-c]")) {
            let filter = Filter::<Thing>::parse(&text).unwrap();
            let again = Filter::<Thing>::parse(&filter.canonical()).unwrap();
            prop_assert_eq!(again.canonical(), filter.canonical());
            prop_assert_eq!(again.matches(&row), filter.matches(&row));
        }

        #[test]
        fn values_shared_by_terms_are_those_of_each_alone(
            terms in prop::collection::vec(sound(), 1..6), row in things("[a-c]"),
            joint in prop::sample::select(&[" OR ", " AND "][..]),
        ) {
            let terms: Vec<_> = terms.iter().map(|term| format!("({term})")).collect();
            let filter = Filter::<Thing>::parse(&terms.join(joint)).unwrap();
            let alone = filter.root.as_ref().unwrap().matches(&Row::new(&row, 0));
            prop_assert_eq!(filter.matches(&row), alone);
        }

        #[test]
        fn equality_holds_for_all_that_pass(text in sound(), row in things("[a-c]")) {
            let filter = Filter::<Thing>::parse(&text).unwrap();
            if let Some(Constant::Text(agency)) = filter.equality("agency")
                && filter.matches(&row)
            {
                prop_assert_eq!(agency, &row.agency);
            }
        }
    }
}
