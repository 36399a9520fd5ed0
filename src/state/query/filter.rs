//! The `filter` of a list request: AIP-160 text, checked against the fields a type declares and
//! compiled to a predicate.
//!
//! What the AIP leaves open is decided here. `OR` binds tighter than `AND`; words side by side
//! are joined by `AND`. `!=` is `NOT … =`, so it matches rows without a value; every other
//! comparison needs one, and an empty text is none. On text `=` compares NFC and takes `*` at
//! either end, `:` is containment without regard to diacritics and case; on a repeated field `:`
//! asks for an element. A literal that stands alone is looked for in every text and name.

use std::{borrow::Cow, cell::OnceCell, fmt, fmt::Write as _};

use aip_160::{Arg, Comparable, Comparator, Expression, FilterError, Member};

use super::schema::{Constant, Field, Queryable, Type, Value, Values};
use crate::domain::{
    error::Error,
    text::{fold, nfc},
    time::{Date, Timestamp},
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
}

enum Node<T: 'static> {
    /// A bare `*`: every row.
    Every,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// Folded text to be found in some text or name.
    Anywhere(String),
    Test(Test<T>),
}

/// What is asked of one field.
struct Test<T: 'static> {
    field: &'static Field<T>,
    /// The key, when the field is a map and one entry is meant.
    key: Option<String>,
    ask: Ask,
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
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let (text, open_start) = text
            .strip_prefix('*')
            .map_or((text, false), |rest| (rest, true));
        let (text, open_end) = text
            .strip_suffix('*')
            .map_or((text, false), |rest| (rest, true));
        Self {
            text: text.to_owned(),
            open_start,
            open_end,
        }
    }

    const fn is_exact(&self) -> bool {
        !self.open_start && !self.open_end
    }

    fn fits(&self, value: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => value == self.text,
            (false, true) => value.starts_with(&self.text),
            (true, false) => value.ends_with(&self.text),
            (true, true) => value.contains(&self.text),
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
        Self { root: None }
    }

    /// Parses and checks the text; blank text is no filter.
    pub fn parse(source: &str) -> Result<Self, Error> {
        if source.len() > MAX_BYTES {
            return Err(Error::invalid(
                "filter",
                "FILTER_TOO_LONG",
                format!("longer than {MAX_BYTES} bytes; ask for less at once"),
                format!("dài quá {MAX_BYTES} byte; hãy rút gọn bộ lọc"),
            ));
        }
        let parsed = aip_160::parse_filter_with_max_depth(source, MAX_DEPTH)
            .map_err(|error| not_parsed(source, &error))?;
        let Some(expression) = parsed.expression else {
            return Ok(Self::everything());
        };
        let mut compiler = Compiler {
            places: Places::new(source),
            terms: 0,
        };
        Ok(Self {
            root: Some(compiler.expression(&expression)?),
        })
    }

    /// Whether every row passes.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Whether the row passes.
    pub fn matches(&self, row: &T) -> bool {
        let texts = OnceCell::new();
        self.root
            .as_ref()
            .is_none_or(|root| root.matches(row, &texts))
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

impl<T: Queryable> Node<T> {
    fn matches(&self, row: &T, texts: &OnceCell<String>) -> bool {
        match self {
            Self::Every => true,
            Self::And(nodes) => nodes.iter().all(|node| node.matches(row, texts)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(row, texts)),
            Self::Not(node) => !node.matches(row, texts),
            Self::Anywhere(sought) => texts
                .get_or_init(|| folded_texts(row))
                .contains(sought.as_str()),
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
    fn matches(&self, row: &T) -> bool {
        let values = (self.field.get)(row);
        let key = self.key.as_deref();
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
            Ask::Compare(comparator, constant) => {
                values.any(key, |value| compares(value, *comparator, constant))
            }
            Ask::Fits(pattern) => values.any(
                key,
                |value| matches!(value, Value::Text(text) if pattern.fits(&nfc(text))),
            ),
            Ask::FitsFolded(pattern) => values.any(
                key,
                |value| matches!(value, Value::Text(text) if pattern.fits(&fold(text))),
            ),
        }
    }
}

fn compares(value: &Value<'_>, comparator: Comparator, constant: &Constant) -> bool {
    let order = match (value, constant) {
        (Value::Text(a), Constant::Text(b)) => nfc(a).as_ref().cmp(b),
        (Value::Integer(a), Constant::Integer(b)) => a.cmp(b),
        (Value::Boolean(a), Constant::Boolean(b)) => a.cmp(b),
        (Value::Date(a), Constant::Date(b)) => a.cmp(b),
        (Value::Timestamp(a), Constant::Timestamp(b)) => a.cmp(b),
        _ => return false,
    };
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
            Self::Anywhere(text) => quote(f, text),
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

// === the type checker ===

struct Compiler<'s> {
    places: Places<'s>,
    terms: usize,
}

/// The right side of a restriction.
struct Literal {
    text: String,
    quoted: bool,
    at: usize,
}

impl Compiler<'_> {
    fn expression<T: Queryable>(&mut self, expression: &Expression) -> Result<Node<T>, Error> {
        match expression {
            Expression::And(parts) | Expression::Sequence(parts) => {
                let nodes: Result<_, _> = parts.iter().map(|part| self.expression(part)).collect();
                Ok(Node::all(nodes?))
            }
            Expression::Or(parts) => {
                let nodes: Result<_, _> = parts.iter().map(|part| self.expression(part)).collect();
                Ok(Node::any(nodes?))
            }
            Expression::Not(part) => Ok(self.expression(part)?.negated()),
            Expression::Global(comparable) => {
                let literal = self.literal(comparable)?;
                self.count(literal.at)?;
                if !literal.quoted && literal.text == "*" {
                    return Ok(Node::Every);
                }
                let folded = fold(&literal.text);
                Ok(if folded.is_empty() {
                    Node::Every
                } else {
                    Node::Anywhere(folded)
                })
            }
            Expression::Restriction(restriction) => {
                let member = self.member(&restriction.comparable)?;
                let at = self.places.of_member(member);
                let (field, key) = self.field::<T>(member, at)?;
                let key = key.as_deref();
                match &restriction.arg {
                    Arg::Comparable(comparable) => {
                        let literal = self.literal(comparable)?;
                        self.test(field, key, at, restriction.comparator, &literal)
                    }
                    Arg::Composite(values) => {
                        // `a != (b OR c)` is neither b nor c
                        if restriction.comparator == Comparator::NotEqual {
                            let equal =
                                self.composite(field, key, at, Comparator::Equal, values)?;
                            return Ok(equal.negated());
                        }
                        self.composite(field, key, at, restriction.comparator, values)
                    }
                }
            }
        }
    }

    /// `state = (DRAFT OR ISSUED)`: the comparison is carried to each value.
    fn composite<T: Queryable>(
        &mut self,
        field: &'static Field<T>,
        key: Option<&str>,
        at: usize,
        comparator: Comparator,
        values: &Expression,
    ) -> Result<Node<T>, Error> {
        let mut each = |parts: &[Expression]| -> Result<Vec<Node<T>>, Error> {
            parts
                .iter()
                .map(|part| self.composite(field, key, at, comparator, part))
                .collect()
        };
        match values {
            Expression::And(parts) | Expression::Sequence(parts) => Ok(Node::all(each(parts)?)),
            Expression::Or(parts) => Ok(Node::any(each(parts)?)),
            Expression::Not(part) => {
                Ok(self.composite(field, key, at, comparator, part)?.negated())
            }
            Expression::Global(comparable) => {
                let literal = self.literal(comparable)?;
                self.test(field, key, at, comparator, &literal)
            }
            Expression::Restriction(inner) => {
                let at = match &inner.comparable {
                    Comparable::Member(member) => self.places.of_member(member),
                    Comparable::Function(_) => at,
                };
                Err(self.refuse(
                    at,
                    "FILTER_UNSUPPORTED",
                    "a comparison cannot stand inside the value of another",
                    "không được đặt phép so sánh bên trong giá trị của phép so sánh khác",
                ))
            }
        }
    }

    /// The field a member names, and the key when it is an entry of a map.
    fn field<T: Queryable>(
        &self,
        member: &Member,
        at: usize,
    ) -> Result<(&'static Field<T>, Option<String>), Error> {
        let path = member.field_path();
        let named =
            |field: &&Field<T>| Some(field.map_name().unwrap_or(field.path)) == path.as_deref();
        if let Some(field) = T::FIELDS.iter().find(named) {
            return Ok((field, None));
        }
        if !member.value.is_quoted() {
            // keys may be quoted, as in labels."cấp độ", and may hold dots
            let mut rest = member.fields.iter().map(aip_160::Value::as_str);
            let mut prefix = member.value.as_str().to_owned();
            loop {
                let found = T::FIELDS
                    .iter()
                    .find(|field| field.map_name() == Some(&prefix));
                let Some(segment) = rest.next() else { break };
                if let Some(field) = found {
                    let mut key = segment.to_owned();
                    for segment in rest {
                        key.push('.');
                        key.push_str(segment);
                    }
                    return Ok((field, Some(nfc(&key).into_owned())));
                }
                prefix.push('.');
                prefix.push_str(segment);
            }
        }
        let mut known = String::new();
        for field in T::FIELDS {
            let between = if known.is_empty() { "" } else { ", " };
            let _ = write!(known, "{between}`{}`", field.path);
        }
        Err(self.refuse(
            at,
            "FILTER_UNKNOWN_FIELD",
            &format!("unknown field `{member}`; the fields are {known}"),
            &format!("không có trường `{member}`; các trường lọc được là {known}"),
        ))
    }

    fn test<T: Queryable>(
        &mut self,
        field: &'static Field<T>,
        key: Option<&str>,
        at: usize,
        comparator: Comparator,
        literal: &Literal,
    ) -> Result<Node<T>, Error> {
        self.count(at)?;
        let node = |ask| {
            Node::Test(Test {
                field,
                key: key.map(Into::into),
                ask,
            })
        };
        let has = comparator == Comparator::Has;
        if has && literal.text == "*" {
            return Ok(node(Ask::Present));
        }
        if comparator == Comparator::NotEqual && !field.repeated {
            return Ok(self
                .test(field, key, at, Comparator::Equal, literal)?
                .negated());
        }
        let name = field.map_name().unwrap_or(field.path);
        if field.map_name().is_some() && key.is_none() {
            if has {
                return Ok(node(Ask::Key(nfc(&literal.text).into_owned())));
            }
            return Err(self.refuse(
                at,
                "FILTER_TYPE",
                &format!("`{name}` is a map; name a key, as `{name}.key = \"value\"`"),
                &format!("`{name}` là một bảng; hãy nêu khóa, ví dụ `{name}.key = \"value\"`"),
            ));
        }
        if field.repeated && !has {
            return Err(self.refuse(
                at,
                "FILTER_TYPE",
                &format!("`{name}` is repeated; ask for an element with `{name}:value`"),
                &format!("`{name}` có nhiều giá trị; hãy hỏi từng phần tử bằng `{name}:value`"),
            ));
        }
        let equality = has || comparator == Comparator::Equal;
        let ordered = matches!(
            field.kind,
            Type::Text | Type::Integer | Type::Date | Type::Timestamp
        );
        if !equality && !ordered {
            let (english, vietnamese) = (field.kind.english(), field.kind.vietnamese());
            return Err(self.refuse(
                at,
                "FILTER_TYPE",
                &format!("`{comparator}` does not apply to `{name}`, {english}; use `=` or `:`"),
                &format!(
                    "`{comparator}` không dùng được cho `{name}` ({vietnamese}); hãy dùng `=` \
                     hoặc `:`"
                ),
            ));
        }
        let comparator = if has { Comparator::Equal } else { comparator };
        match field.kind {
            Type::Text | Type::Name if has => {
                let pattern = if field.repeated {
                    let pattern = Pattern::parse(&fold(&literal.text));
                    Pattern {
                        text: pattern.text.trim().to_owned(),
                        ..pattern
                    }
                } else {
                    // stars say nothing more here, since containment is asked for already
                    let text = fold(&literal.text).trim_matches(['*', ' ']).to_owned();
                    Pattern {
                        text,
                        open_start: true,
                        open_end: true,
                    }
                };
                Ok(node(if pattern.text.is_empty() {
                    Ask::Present
                } else {
                    Ask::FitsFolded(pattern)
                }))
            }
            Type::Text | Type::Name | Type::Resource(_) if equality => {
                let pattern = Pattern::parse(&nfc(&literal.text));
                if pattern.text.is_empty() {
                    // equal to nothing is to be absent, like anything to be present
                    let present = node(Ask::Present);
                    return Ok(if pattern.is_exact() {
                        present.negated()
                    } else {
                        present
                    });
                }
                if !pattern.is_exact() {
                    return Ok(node(Ask::Fits(pattern)));
                }
                if let Type::Resource(shape) = field.kind
                    && !has_shape(&pattern.text, shape)
                {
                    return Err(self.mistyped(field, literal, &format!("`{shape}`")));
                }
                Ok(node(Ask::Compare(comparator, Constant::Text(pattern.text))))
            }
            _ => {
                let constant = self.constant(field, literal)?;
                Ok(node(Ask::Compare(comparator, constant)))
            }
        }
    }

    fn constant<T>(&self, field: &Field<T>, literal: &Literal) -> Result<Constant, Error> {
        let text = literal.text.as_str();
        let read = match field.kind {
            Type::Text | Type::Name | Type::Resource(_) => {
                Some(Constant::Text(nfc(text).into_owned()))
            }
            Type::Enum(values) => {
                let known = values.contains(&text);
                known.then(|| Constant::Text(text.to_owned()))
            }
            Type::Integer if !literal.quoted => text.parse().ok().map(Constant::Integer),
            Type::Boolean if !literal.quoted => text.parse().ok().map(Constant::Boolean),
            Type::Integer | Type::Boolean => None,
            Type::Date => Date::parse(text).ok().map(Constant::Date),
            Type::Timestamp => Timestamp::parse(text).ok().map(Constant::Timestamp),
        };
        read.ok_or_else(|| match field.kind {
            Type::Enum(values) => {
                self.mistyped(field, literal, &format!("`{}`", values.join("`, `")))
            }
            Type::Integer => self.mistyped(field, literal, "`42`"),
            Type::Boolean => self.mistyped(field, literal, "`true`, `false`"),
            Type::Timestamp => self.mistyped(field, literal, "`\"2025-09-23T08:00:00+07:00\"`"),
            _ => self.mistyped(field, literal, "`2025-09-23`"),
        })
    }

    fn mistyped<T>(&self, field: &Field<T>, literal: &Literal, right: &str) -> Error {
        let (path, kind) = (field.path, field.kind);
        let written = if literal.quoted {
            format!("\"{}\"", literal.text)
        } else {
            literal.text.clone()
        };
        self.refuse(
            literal.at,
            "FILTER_TYPE",
            &format!(
                "`{written}` does not fit `{path}`, {}: {right}",
                kind.english()
            ),
            &format!(
                "`{written}` không hợp với `{path}` ({}): {right}",
                kind.vietnamese()
            ),
        )
    }

    fn literal(&mut self, comparable: &Comparable) -> Result<Literal, Error> {
        let member = self.member(comparable)?;
        let at = self.places.of_member(member);
        if let Some(text) = member.field_path() {
            // dots part a bare value, as in the identification code G02.01.03
            return Ok(Literal {
                text,
                quoted: false,
                at,
            });
        }
        if member.is_simple() {
            let text = member.value.as_str().to_owned();
            return Ok(Literal {
                text,
                quoted: true,
                at,
            });
        }
        Err(self.refuse(
            at,
            "FILTER_SYNTAX",
            "put quotes around the whole value",
            "hãy đặt toàn bộ giá trị trong dấu ngoặc kép",
        ))
    }

    fn member<'e>(&mut self, comparable: &'e Comparable) -> Result<&'e Member, Error> {
        match comparable {
            Comparable::Member(member) => Ok(member),
            Comparable::Function(function) => {
                let name = function.name.join(".");
                let at = self
                    .places
                    .of_text(function.name.first().map_or("", String::as_str));
                let (english, vietnamese) = if matches!(name.as_str(), "AND" | "OR" | "NOT") {
                    (
                        format!("write a space between `{name}` and `(`"),
                        format!("hãy viết dấu cách giữa `{name}` và `(`"),
                    )
                } else {
                    (
                        format!("there is no function `{name}`, nor any other"),
                        format!("không có hàm `{name}` và bộ lọc không dùng hàm nào"),
                    )
                };
                Err(self.refuse(at, "FILTER_UNSUPPORTED", &english, &vietnamese))
            }
        }
    }

    fn count(&mut self, at: usize) -> Result<(), Error> {
        self.terms += 1;
        if self.terms <= MAX_TERMS {
            return Ok(());
        }
        Err(self.refuse(
            at,
            "FILTER_TOO_LONG",
            &format!("more than {MAX_TERMS} restrictions; ask for less at once"),
            &format!("nhiều hơn {MAX_TERMS} điều kiện; hãy rút gọn bộ lọc"),
        ))
    }

    fn refuse(&self, at: usize, reason: &'static str, english: &str, vietnamese: &str) -> Error {
        refuse(self.places.source, at, reason, english, vietnamese)
    }
}

/// Whether a resource name has the segments of a pattern; every name has an empty one's.
fn has_shape(name: &str, pattern: &str) -> bool {
    pattern.is_empty()
        || name.split('/').count() == pattern.split('/').count()
            && name
                .split('/')
                .zip(pattern.split('/'))
                .all(|(segment, shape)| {
                    if shape.starts_with('{') {
                        !segment.is_empty()
                    } else {
                        segment == shape
                    }
                })
}

// === positions ===

/// Where the literals of a filter stand.
///
/// The parser keeps no positions, but its tree has the literals in the order of the text; so the
/// text is cut into literals once more, and each is found by walking along.
struct Places<'s> {
    source: &'s str,
    literals: std::vec::IntoIter<Place<'s>>,
    last: usize,
}

struct Place<'s> {
    at: usize,
    /// The bare text; nothing when quoted.
    bare: Option<&'s str>,
}

impl<'s> Places<'s> {
    fn new(source: &'s str) -> Self {
        let mut literals = Vec::new();
        cut(source, |piece| match piece {
            Piece::Bare(at, text) => literals.push(Place {
                at,
                bare: Some(text),
            }),
            Piece::Quoted(at) => literals.push(Place { at, bare: None }),
            Piece::Mark(..) => {}
        });
        Self {
            source,
            literals: literals.into_iter(),
            last: 0,
        }
    }

    /// The byte where the member starts.
    fn of_member(&mut self, member: &Member) -> usize {
        let start = self.of_value(&member.value);
        for value in &member.fields {
            self.of_value(value);
        }
        start
    }

    fn of_value(&mut self, value: &aip_160::Value) -> usize {
        match value {
            aip_160::Value::String(_) => self.find(|place| place.bare.is_none()),
            aip_160::Value::Text(text) => {
                // the parser joins a number with its fraction
                let mut parts = text.split('.');
                let start = self.of_text(parts.next().unwrap_or_default());
                for part in parts {
                    self.of_text(part);
                }
                start
            }
        }
    }

    fn of_text(&mut self, text: &str) -> usize {
        self.find(|place| {
            place
                .bare
                .is_some_and(|bare| bare == text || bare.strip_prefix('-') == Some(text))
        })
    }

    fn find(&mut self, is_it: impl Fn(&Place<'_>) -> bool) -> usize {
        // between two literals of the tree only AND, OR, NOT and `-` can stand
        if let Some(place) = self.literals.by_ref().find(is_it) {
            self.last = place.at;
        }
        self.last
    }
}

enum Piece<'s> {
    Bare(usize, &'s str),
    Quoted(usize),
    Mark(usize, char),
}

/// Cuts a filter into literals and marks, as the parser does.
fn cut<'s>(source: &'s str, mut piece: impl FnMut(Piece<'s>)) {
    let mut chars = source.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' | '\'' => {
                piece(Piece::Quoted(at));
                while let Some((_, inner)) = chars.next() {
                    if inner == '\\' {
                        chars.next();
                    } else if inner == c {
                        break;
                    }
                }
            }
            c if is_mark(c) => piece(Piece::Mark(at, c)),
            _ => {
                let mut end = at + c.len_utf8();
                while let Some((next, c)) = chars.next_if(|(_, c)| !is_mark(*c)) {
                    end = next + c.len_utf8();
                }
                piece(Piece::Bare(at, source.get(at..end).unwrap_or_default()));
            }
        }
    }
}

fn is_mark(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '.' | '(' | ')' | ',' | '"' | '\'' | '=' | '<' | '>' | '!' | ':'
        )
}

fn not_parsed(source: &str, error: &FilterError) -> Error {
    let (at, english) = match error {
        FilterError::Syntax { offset, message } => (*offset, message.as_str()),
        FilterError::TooDeep { .. } => {
            let (mut depth, mut at) = (0_usize, None);
            cut(source, |piece| match piece {
                Piece::Mark(here, '(') => {
                    depth += 1;
                    if depth > MAX_DEPTH && at.is_none() {
                        at = Some(here);
                    }
                }
                Piece::Mark(_, ')') => depth = depth.saturating_sub(1),
                _ => {}
            });
            return refuse(
                source,
                at.unwrap_or_default(),
                "FILTER_TOO_LONG",
                &format!("parentheses nested deeper than {MAX_DEPTH}; write it flatter"),
                &format!("ngoặc lồng nhau quá {MAX_DEPTH} cấp; hãy viết phẳng hơn"),
            );
        }
        _ => (0, "not a filter"),
    };
    let (english, vietnamese) = match english {
        "unexpected end of filter" => (
            "the filter ends where a value is missing".into(),
            "bộ lọc kết thúc khi còn thiếu một giá trị".into(),
        ),
        "unterminated string" => (
            "the quote is not closed".into(),
            "dấu ngoặc kép chưa được đóng".into(),
        ),
        "expected a value" => (
            "a field or value is missing; put quotes around a value that holds \
             spaces, quotes or any of `.,:()=<>!`"
                .into(),
            "thiếu tên trường hoặc giá trị; hãy đặt trong dấu ngoặc kép giá trị có dấu cách hoặc \
             một trong các dấu `.,:()=<>!`"
                .into(),
        ),
        "unexpected input" => (
            "this does not continue the filter; put quotes around a value that holds \
             spaces, quotes or any of `.,:()=<>!`"
                .into(),
            "không đọc tiếp được từ đây; hãy đặt trong dấu ngoặc kép giá trị có dấu cách hoặc một \
             trong các dấu `.,:()=<>!`"
                .into(),
        ),
        other => (Cow::from(other), format!("cú pháp sai ({other})").into()),
    };
    let vietnamese: Cow<'_, str> = vietnamese;
    refuse(source, at, "FILTER_SYNTAX", &english, &vietnamese)
}

/// Refuses the filter at a byte, which is told as a character counted from 1.
fn refuse(source: &str, at: usize, reason: &'static str, english: &str, vietnamese: &str) -> Error {
    let character = source.get(..at).map_or(0, |before| before.chars().count()) + 1;
    Error::invalid(
        "filter",
        reason,
        format!("at character {character}: {english}"),
        format!("tại ký tự {character}: {vietnamese}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
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
            ("NOT(level = 4)", 1, "FILTER_UNSUPPORTED", "write a space"),
            (
                "level = (4 OR shared = true)",
                15,
                "FILTER_UNSUPPORTED",
                "inside the value",
            ),
            ("level =", 8, "FILTER_SYNTAX", "ends"),
            ("(level = 4", 11, "FILTER_SYNTAX", "expected ')'"),
            ("đ AND \"x", 7, "FILTER_SYNTAX", "not closed"),
            ("a AND AND", 7, "FILTER_SYNTAX", "unexpected keyword AND"),
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
    fn everything_is_bounded() {
        assert_eq!(refusal(&"a".repeat(MAX_BYTES + 1)).1, "FILTER_TOO_LONG");
        let (at, reason, _) = refusal(&format!("{}a{}", "(".repeat(40), ")".repeat(40)));
        assert_eq!((at, reason), (MAX_DEPTH + 1, "FILTER_TOO_LONG"));
        let (at, reason, _) = refusal(&"a ".repeat(MAX_TERMS + 1));
        assert_eq!((at, reason), (2 * MAX_TERMS + 1, "FILTER_TOO_LONG"));
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
            "display_name = \"Đ*\"",
            "document.symbol >= A",
            "state = ISSUED",
            "state != (DRAFT OR SUBMITTED)",
            "level > 0",
            "level = 2",
            "shared = true",
            "issue_date <= 2025-09-02",
            "agency = agencies/bo-y-te",
            "create_time:*",
            "aliases:\"d*\"",
            "labels:a",
            "labels.b = \"A\"",
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
