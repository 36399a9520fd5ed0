//! The `filter` of a list request: AIP-160 text, checked against the fields a type declares and
//! compiled to a predicate.
//!
//! This module decides what the AIP leaves open. `OR` binds tighter than `AND`; words side by side
//! are joined by `AND`. `!=` is `NOT … =`, so it matches rows without a value; every other
//! comparison needs a value, and an empty text does not count as one. On text, `=` compares NFC
//! and takes `*` at either end, and `:` is containment without regard to diacritics and case. On a
//! repeated field `:` asks for an element. `field:*` asks whether the field is present: not at its
//! default or, where it is `optional`, set. A literal without a field is searched for in every text
//! and name.

mod check;
mod habits;
mod literals;

use std::{
    borrow::Cow, cell::OnceCell, cmp::Ordering, collections::BTreeMap, fmt, fmt::Write as _,
};

use aip_160::Comparator;
use memchr::memmem::Finder;

use self::check::Checker;
use crate::{
    error::Error,
    query::schema::{Constant, Field, Queryable, Type, Value, Values},
    text::{fold, nfc},
};

/// Most restrictions in one filter: each may be tried on every row.
pub(crate) const MAX_TERMS: usize = 100;

/// Deepest nesting of parentheses: the parser calls itself for each.
pub(crate) const MAX_DEPTH: usize = 32;

/// A compiled filter.
pub struct Filter<T: 'static> {
    root: Option<Node<T>>,
    /// Number of fields, or keys of map fields, that several tests read.
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

/// A test of one field.
struct Test<T: 'static> {
    field: &'static Field<T>,
    /// The key, when the field is a map and one entry is meant.
    key: Option<String>,
    ask: Ask,
    /// The column of the row that holds the values, if other tests read them too.
    column: Option<usize>,
}

enum Ask {
    /// There is a value.
    Present,
    /// The map has this key.
    Key(String),
    /// A value compares to the constant with this operator.
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

    /// Parses and checks the text. Blank text gives the filter that every row passes.
    pub fn parse(source: &str) -> Result<Self, Error> {
        let Some(expression) = literals::parse::<T>(source)? else {
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

    /// Maximum number of terms evaluated on a row.
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
        self.asked(path)
            .find_map(|test| match (&test.key, &test.ask) {
                (None, Ask::Compare(Comparator::Equal, value)) => Some(value),
                _ => None,
            })
    }

    /// All of them, each with its key when one entry of a map is meant. Texts of a repeated field
    /// are folded.
    pub(crate) fn equalities(&self, path: &str) -> impl Iterator<Item = (Option<&str>, Value<'_>)> {
        self.asked(path).filter_map(|test| {
            let value = match &test.ask {
                Ask::Compare(Comparator::Equal, value) => value.as_value(),
                Ask::FitsFolded(pattern) if test.field.repeated && pattern.is_exact() => {
                    Value::Text(pattern.text.as_str().into())
                }
                _ => return None,
            };
            Some((test.key.as_deref(), value))
        })
    }

    /// The tests of a field in the outermost conjunction.
    fn asked(&self, path: &str) -> impl Iterator<Item = &Test<T>> {
        let terms = match &self.root {
            Some(Node::And(terms)) => terms.as_slice(),
            Some(single) => std::slice::from_ref(single),
            None => &[],
        };
        terms.iter().filter_map(move |term| match term {
            Node::Test(test) if test.field.path == path => Some(test),
            _ => None,
        })
    }
}

impl<T: Queryable> fmt::Debug for Filter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.canonical()).finish()
    }
}

/// A row, with the values that several terms read. Each value is read and folded only once.
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

/// Assigns one column of the row to all tests that read the same values. Returns the number of
/// columns and the number of terms.
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
    /// Adds the tests below this node to `tests`. Returns the number of terms of every kind.
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
        if let (Ask::Present, Some(set)) = (&self.ask, self.field.set) {
            return set(row.record);
        }
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
            Ask::Present => self.field.is_present(values, key),
            Ask::Key(sought) => match values {
                Values::Map(map) => map.contains_key(sought),
                _ => false,
            },
            Ask::Compare(comparator, Constant::Text(constant)) => {
                let order = |text: &str| compares(text.cmp(constant), *comparator);
                match self.field.kind {
                    Type::Text | Type::Name => composed(&order),
                    // text that is already in NFC is not copied
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
mod tests;
