//! The type checker of a filter: it checks each restriction against the field it names, and turns
//! valid restrictions into predicates.
//!
//! Every refusal names the position of the mistake and what to write instead.

use std::fmt::Write as _;

use aip_160::{Arg, Comparable, Comparator, Expression, Member};

use crate::{
    error::Error,
    names::{is_id, whole},
    near::{nearest, snake_case},
    query::{
        filter::{
            Ask, MAX_TERMS, Node, Pattern, Test,
            literals::{Literals, refuse},
        },
        schema::{Constant, Field, Queryable, Type},
    },
    reasons::{self, Reason},
    records::words::find,
    text::{fold, legible::kept},
    time::{Date, Timestamp},
};
/// Checks the tree of one filter.
pub(super) struct Checker<'s> {
    places: Literals<'s>,
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
            places: Literals::new(source),
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
                    Node::Anywhere(Pattern::containing(&folded))
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
                    reasons::FILTER_UNSUPPORTED,
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
                    return Ok((field, Some(kept(&key).into_owned())));
                }
                prefix.push('.');
                prefix.push_str(segment);
            }
        }
        Err(self.unknown_field::<T>(member, at))
    }

    fn unknown_field<T: Queryable>(&self, member: &Member, at: usize) -> Error {
        let mut known = String::new();
        for field in T::FIELDS {
            let between = if known.is_empty() { "" } else { ", " };
            let _ = write!(known, "{between}`{}`", field.path);
        }
        let (mut hint, mut hint_vi) = (String::new(), String::new());
        let typed = member.value.as_str();
        let typed = member.field_path().unwrap_or_else(|| typed.to_owned());
        let paths = T::FIELDS.iter().map(|field| field.path);
        if member.value.is_quoted() {
            hint = "; write a field without quotes".to_owned();
            hint_vi = "; tên trường viết không có ngoặc kép".to_owned();
        } else if let Some(near) = nearest(&typed, paths) {
            hint = format!(" (did you mean `{near}`?)");
            hint_vi = format!(" (có phải là `{near}`?)");
        }
        self.refuse(
            at,
            reasons::FILTER_UNKNOWN_FIELD,
            &format!("unknown field `{member}`{hint}; the fields are {known}"),
            &format!("không có trường `{member}`{hint_vi}; các trường lọc được là {known}"),
        )
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
                column: None,
            })
        };
        let has = comparator == Comparator::Has;
        if has && literal.text == "*" {
            return Ok(node(Ask::Present));
        }
        if comparator == Comparator::NotEqual && !field.repeated {
            self.check_null(field, key, comparator, literal)?;
            return Ok(self
                .test(field, key, at, Comparator::Equal, literal)?
                .negated());
        }
        let name = field.map_name().unwrap_or(field.path);
        self.check_habit(field, key, comparator, literal)?;
        if field.map_name().is_some() && key.is_none() {
            if has {
                return Ok(node(Ask::Key(kept(&literal.text).into_owned())));
            }
            return Err(self.refuse(
                at,
                reasons::FILTER_TYPE,
                &format!("`{name}` is a map; name a key, as `{name}.key = \"value\"`"),
                &format!("`{name}` là một bảng; hãy nêu khóa, ví dụ `{name}.key = \"value\"`"),
            ));
        }
        if field.repeated && !has {
            return Err(self.refuse(
                at,
                reasons::FILTER_TYPE,
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
                reasons::FILTER_TYPE,
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
                    Pattern::new(pattern.text.trim(), pattern.open_start, pattern.open_end)
                } else {
                    // stars add nothing here, because `:` already means containment
                    Pattern::containing(fold(&literal.text).trim_matches(['*', ' ']))
                };
                Ok(node(if pattern.text.is_empty() {
                    Ask::Present
                } else {
                    Ask::FitsFolded(pattern)
                }))
            }
            Type::Text | Type::Name | Type::Resource(_) if equality => {
                // a text is compared in its stored form; a resource name has one spelling
                let pattern = match field.kind {
                    Type::Resource(_) => Pattern::parse(&literal.text),
                    _ => Pattern::parse(&kept(&literal.text)),
                };
                if pattern.text.is_empty() {
                    // equal to the empty text means absent; matching `*` means present
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
                    let whole = shape.split_once('{').map(|(collection, _)| collection);
                    let whole = whole.map(|it| format!("{it}{}", pattern.text));
                    let near = whole.as_deref().filter(|it| has_shape(it, shape));
                    return Err(self.mistyped(field, literal, near, &format!("`{shape}`")));
                }
                Ok(node(Ask::Compare(comparator, Constant::Text(pattern.text))))
            }
            _ => {
                let constant = self.constant(field, literal)?;
                Ok(node(Ask::Compare(comparator, constant)))
            }
        }
    }

    /// Refuses `NULL`, which does not exist in AIP-160.
    fn check_null<T>(
        &self,
        field: &Field<T>,
        key: Option<&str>,
        comparator: Comparator,
        literal: &Literal,
    ) -> Result<(), Error> {
        let null = ["null", "nil", "none", "undefined"];
        let is_null = null.iter().any(|it| it.eq_ignore_ascii_case(&literal.text));
        let is_value = match field.kind {
            Type::Enum(words) => find(words.iter().copied(), &literal.text).is_some(),
            _ => false,
        };
        if literal.quoted || !is_null || is_value {
            return Ok(());
        }
        let (name, found) = (shown(field, key), &literal.text);
        let right = match comparator {
            Comparator::NotEqual => format!("{name}:*"),
            _ => format!("NOT {name}:*"),
        };
        Err(self.refuse(
            literal.at,
            reasons::FILTER_OPERATOR,
            &format!(
                "write `{right}` instead of a comparison with `{found}`; if the value is this \
                 word, put it in quotes: `\"{found}\"`"
            ),
            &format!(
                "hãy viết `{right}` thay cho phép so sánh với `{found}`; nếu giá trị chính là từ \
                 này, hãy đặt trong ngoặc kép: `\"{found}\"`"
            ),
        ))
    }

    /// Refuses values whose comparison would surprise the author of the filter.
    fn check_habit<T>(
        &self,
        field: &Field<T>,
        key: Option<&str>,
        comparator: Comparator,
        literal: &Literal,
    ) -> Result<(), Error> {
        self.check_null(field, key, comparator, literal)?;
        if !matches!(field.kind, Type::Text | Type::Name) {
            return Ok(());
        }
        let (name, text) = (shown(field, key), literal.text.as_str());
        let has = comparator == Comparator::Has;
        // `%part%`, as SQL has it
        let inner = text.trim_matches(['*', ' ']);
        let percent = inner.len() > 1 && inner.starts_with('%');
        if percent && (inner.ends_with('%') || !(has || text.starts_with('*'))) {
            let right = inner.trim_matches('%');
            return Err(self.refuse(
                literal.at,
                reasons::FILTER_OPERATOR,
                &format!("write `*` instead of `%` at either end: `{name} = \"*{right}*\"`"),
                &format!("hãy viết `*` thay cho `%` ở hai đầu: `{name} = \"*{right}*\"`"),
            ));
        }
        let is_number = !literal.quoted && text.parse::<f64>().is_ok_and(f64::is_finite);
        let is_order = !(has || comparator == Comparator::Equal);
        if is_number && !has && (is_order || field.kind == Type::Name) {
            let (english, vietnamese) = (field.kind.english(), field.kind.vietnamese());
            return Err(self.refuse(
                literal.at,
                reasons::FILTER_TYPE,
                &format!(
                    "`{name}` is {english}, which is compared letter by letter and not as a \
                     number; write `\"{text}\"` if that is meant"
                ),
                &format!(
                    "`{name}` là {vietnamese}, được so sánh theo từng ký tự chứ không theo giá \
                     trị số; nếu đúng ý, hãy viết `\"{text}\"`"
                ),
            ));
        }
        Ok(())
    }

    fn constant<T>(&self, field: &Field<T>, literal: &Literal) -> Result<Constant, Error> {
        let text = literal.text.as_str();
        let read = match field.kind {
            Type::Text | Type::Name => Some(Constant::Text(kept(text).into_owned())),
            Type::Resource(_) => Some(Constant::Text(text.to_owned())),
            Type::Enum(words) => find(words.iter().copied(), text)
                .and_then(|at| words.get(at))
                .map(|word| Constant::Text((*word).to_owned())),
            Type::Integer if !literal.quoted => whole(text).map(Constant::Integer),
            Type::Boolean if !literal.quoted => text.parse().ok().map(Constant::Boolean),
            Type::Integer | Type::Boolean => None,
            Type::Date => Date::parse(text).ok().map(Constant::Date),
            Type::Timestamp => Timestamp::parse(text).ok().map(Constant::Timestamp),
        };
        read.ok_or_else(|| match field.kind {
            Type::Enum(values) => {
                let near = nearest(text, values.iter().copied());
                self.mistyped(field, literal, near, &format!("`{}`", values.join("`, `")))
            }
            Type::Integer => {
                let number = text.parse::<i64>().ok().map(|_| text);
                self.mistyped(field, literal, number, "`42`")
            }
            Type::Boolean => {
                let lower = text.to_lowercase();
                let near = match lower.as_str() {
                    "true" | "yes" | "1" | "t" | "y" => Some("true"),
                    "false" | "no" | "0" | "f" | "n" => Some("false"),
                    _ => None,
                };
                self.mistyped(field, literal, near, "`true`, `false`")
            }
            Type::Timestamp => {
                self.mistyped(field, literal, None, "`\"2025-09-23T08:00:00+07:00\"`")
            }
            _ => self.mistyped(field, literal, None, "`2025-09-23`"),
        })
    }

    /// Refuses a value. `near` is the value that was probably meant; `right` names valid values.
    fn mistyped<T>(
        &self,
        field: &Field<T>,
        literal: &Literal,
        near: Option<&str>,
        right: &str,
    ) -> Error {
        let (path, kind) = (field.path, field.kind);
        let written = if literal.quoted {
            format!("\"{}\"", literal.text)
        } else {
            literal.text.clone()
        };
        let (mut hint, mut hint_vi) = (String::new(), String::new());
        if let Some(near) = near {
            hint = format!(" (did you mean `{near}`?)");
            hint_vi = format!(" (có phải là `{near}`?)");
        }
        let (english, vietnamese) = (kind.english(), kind.vietnamese());
        self.refuse(
            literal.at,
            reasons::FILTER_TYPE,
            &format!("`{written}` does not fit `{path}`, {english}{hint}; write {right}"),
            &format!(
                "`{written}` không hợp với `{path}` ({vietnamese}){hint_vi}; hãy viết {right}"
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
            reasons::FILTER_SYNTAX,
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
                let right = match snake_case(&name).as_str() {
                    "contains" | "has" | "like" | "match" | "regex" => "field:\"A\"",
                    "starts_with" | "startswith" => "field = \"A*\"",
                    "ends_with" | "endswith" => "field = \"*A\"",
                    _ => "field = value",
                };
                Err(self.refuse(
                    at,
                    reasons::FILTER_UNSUPPORTED,
                    &format!(
                        "there is no function `{name}`: filters have no functions; write `{right}`"
                    ),
                    &format!("không có hàm `{name}`: bộ lọc không dùng hàm; hãy viết `{right}`"),
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
            reasons::FILTER_TOO_LONG,
            &format!("more than {MAX_TERMS} restrictions; ask for less at once"),
            &format!("nhiều hơn {MAX_TERMS} điều kiện; hãy rút gọn bộ lọc"),
        ))
    }

    fn refuse(&self, at: usize, reason: Reason, english: &str, vietnamese: &str) -> Error {
        refuse(self.places.source(), at, reason, english, vietnamese)
    }
}

/// The field as a filter names it.
fn shown<T>(field: &Field<T>, key: Option<&str>) -> String {
    match (field.map_name(), key) {
        (Some(map), Some(key)) => format!("{map}.{key}"),
        (map, _) => map.unwrap_or(field.path).to_owned(),
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
                        is_id(segment)
                    } else {
                        segment == shape
                    }
                })
}
