//! The type checker of a filter: each restriction is held against the field it names, and what
//! passes becomes a predicate.
//!
//! Every refusal names the character where the fault stands and what would be right there.

use std::fmt::Write as _;

use aip_160::{Arg, Comparable, Comparator, Expression, Member};

use super::{
    Ask, MAX_TERMS, Node, Pattern, Test,
    place::{Places, refuse},
};
use crate::{
    domain::{
        error::Error,
        text::{fold, nfc},
        time::{Date, Timestamp},
    },
    state::query::schema::{Constant, Field, Queryable, Type},
};

/// Checks the tree of one filter.
pub(super) struct Checker<'s> {
    places: Places<'s>,
    terms: usize,
}

/// The right side of a restriction.
struct Literal {
    text: String,
    quoted: bool,
    at: usize,
}

impl<'s> Checker<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            places: Places::new(source),
            terms: 0,
        }
    }

    /// The predicate of an expression.
    pub(super) fn expression<T: Queryable>(
        &mut self,
        expression: &Expression,
    ) -> Result<Node<T>, Error> {
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
                Err(self.refuse(
                    at,
                    "FILTER_UNSUPPORTED",
                    &format!("there is no function `{name}`, nor any other"),
                    &format!("không có hàm `{name}` và bộ lọc không dùng hàm nào"),
                ))
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
        refuse(self.places.source(), at, reason, english, vietnamese)
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
