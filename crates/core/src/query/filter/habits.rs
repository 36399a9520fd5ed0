//! Habits of other languages in a filter: operators and words of SQL and of programming
//! languages, typographic quotes, full-width marks.
//!
//! AIP-160 reads most of them as words to search for, so the result would be empty without an
//! explanation. Each is refused with its position and with what to write instead. To search for
//! such a word, put it in quotes, where it is ordinary text.

use crate::{
    error::Error,
    near::snake_case,
    query::{
        filter::literals::{Piece, cut, refuse},
        schema::{Queryable, Type},
    },
    reasons::{self, Reason},
};
/// An operator or word that is not of the filter language.
const OPERATOR: Reason = reasons::FILTER_OPERATOR;
const SYNTAX: Reason = reasons::FILTER_SYNTAX;

/// A token of a filter. White space is not a token.
#[derive(Clone, Copy)]
struct Token<'s> {
    at: usize,
    end: usize,
    kind: Kind<'s>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind<'s> {
    Bare(&'s str),
    Quoted {
        closed: bool,
    },
    /// Characters of operators side by side, as `==`.
    Operator,
    Dot,
    Comma,
    Open,
    Close,
}

/// What to write instead, in both languages.
struct Right {
    en: String,
    vi: String,
}

fn both(en: &str, vi: &str) -> Right {
    let (en, vi) = (en.to_owned(), vi.to_owned());
    Right { en, vi }
}

/// A piece of filter syntax, which is the same in both languages.
fn code(text: impl AsRef<str>) -> Right {
    let text = format!("`{}`", text.as_ref());
    Right {
        en: text.clone(),
        vi: text,
    }
}

/// Which parenthesis is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Function,
    Value,
    Terms,
}

/// Refuses the first habit of another language.
pub(super) fn check<T: Queryable>(source: &str) -> Result<(), Error> {
    let scan = Scan {
        source,
        tokens: tokens(source),
        kind_of: |path| {
            let path = snake_case(path);
            let field = T::FIELDS.iter().find(|field| {
                field.path == path
                    || field.map_name().is_some_and(|map| {
                        let rest = path.strip_prefix(map);
                        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    })
            });
            field.map(|field| (field.kind, field.repeated))
        },
    };
    scan.check()
}

struct Scan<'s> {
    source: &'s str,
    tokens: Vec<Token<'s>>,
    /// Returns the type of the field at a path, and whether it is repeated.
    kind_of: fn(&str) -> Option<(Type, bool)>,
}

impl<'s> Scan<'s> {
    fn check(&self) -> Result<(), Error> {
        let mut open: Vec<(usize, Around)> = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                Kind::Bare(text) => {
                    self.check_characters(token, text)?;
                    self.check_word(index, text)?;
                    self.check_value(index)?;
                    self.check_glued(index)?;
                }
                Kind::Quoted { closed: true } => self.check_glued(index)?,
                Kind::Quoted { closed: false } => return Err(self.not_closed(token)),
                Kind::Operator => self.check_operator(index)?,
                Kind::Dot => {}
                Kind::Comma => self.check_comma(token, open.last().map(|(_, around)| *around))?,
                Kind::Open => open.push((token.at, self.around(index))),
                Kind::Close => {
                    if open.pop().is_none() {
                        return Err(self.refuse(
                            token.at,
                            SYNTAX,
                            "no parenthesis is open here; remove this one or add `(` before it",
                            "chỗ này không có ngoặc nào đang mở; hãy bỏ dấu này hoặc thêm `(` ở \
                             phía trước",
                        ));
                    }
                }
            }
        }
        match open.last() {
            None => Ok(()),
            Some((at, _)) => Err(self.refuse(
                *at,
                SYNTAX,
                "this parenthesis is not closed; add `)`",
                "ngoặc này chưa được đóng; hãy thêm `)`",
            )),
        }
    }

    // === tokens around another ===

    fn token(&self, index: Option<usize>) -> Option<&Token<'s>> {
        self.tokens.get(index?)
    }

    fn before(&self, index: usize) -> Option<&Token<'s>> {
        self.token(index.checked_sub(1))
    }

    fn after(&self, index: usize) -> Option<&Token<'s>> {
        self.token(index.checked_add(1))
    }

    fn bare(token: Option<&Token<'s>>) -> Option<&'s str> {
        match token?.kind {
            Kind::Bare(text) => Some(text),
            _ => None,
        }
    }

    fn text(&self, token: &Token<'_>) -> &'s str {
        self.source.get(token.at..token.end).unwrap_or_default()
    }

    /// Whether the token is alone: it is not a field, a value or part of a path.
    fn is_alone(&self, index: usize) -> bool {
        let joins = |token: Option<&Token<'_>>| {
            token.is_some_and(|it| matches!(it.kind, Kind::Operator | Kind::Dot))
        };
        !joins(self.before(index)) && !joins(self.after(index))
    }

    /// The path that ends before the token, if one does.
    fn path_before(&self, index: usize) -> Option<&'s str> {
        let last = index.checked_sub(1)?;
        Self::bare(self.token(Some(last)))?;
        let mut first = last;
        while let (Some(Kind::Dot), Some(segment)) = (
            self.before(first).map(|it| it.kind),
            first
                .checked_sub(2)
                .filter(|it| Self::bare(self.token(Some(*it))).is_some()),
        ) {
            first = segment;
        }
        let (from, to) = (self.token(Some(first))?.at, self.token(Some(last))?.end);
        self.source.get(from..to)
    }

    /// The field before the token.
    fn field_before(&self, index: usize) -> Option<&'s str> {
        self.path_before(index)
            .filter(|path| (self.kind_of)(path).is_some())
    }

    fn around(&self, index: usize) -> Around {
        let Some(before) = self.before(index) else {
            return Around::Terms;
        };
        let touches = self
            .token(Some(index))
            .is_some_and(|it| it.at == before.end);
        match before.kind {
            Kind::Operator => Around::Value,
            Kind::Bare(text) if touches && text != "-" => Around::Function,
            _ => Around::Terms,
        }
    }

    fn refuse(&self, at: usize, reason: Reason, english: &str, vietnamese: &str) -> Error {
        refuse(self.source, at, reason, english, vietnamese)
    }

    /// Refuses something that the filter language writes differently.
    fn instead(&self, at: usize, found: &str, right: &Right) -> Error {
        let Right { en, vi } = right;
        self.refuse(
            at,
            OPERATOR,
            &format!("write {en} instead of `{found}`"),
            &format!("hãy viết {vi} thay cho `{found}`"),
        )
    }

    /// The same for a word. It may be meant as a search term, so the error says how to quote it.
    fn word(&self, at: usize, found: &str, right: &Right) -> Error {
        let Right { en, vi } = right;
        self.refuse(
            at,
            OPERATOR,
            &format!(
                "write {en} instead of `{found}`; to search for the word itself, put it in \
                 quotes: `\"{found}\"`"
            ),
            &format!(
                "hãy viết {vi} thay cho `{found}`; nếu muốn tìm chính từ này, hãy đặt trong ngoặc \
                 kép: `\"{found}\"`"
            ),
        )
    }

    // === operators ===

    fn check_operator(&self, index: usize) -> Result<(), Error> {
        let Some(token) = self.token(Some(index)) else {
            return Ok(());
        };
        let found = self.text(token);
        let next = self.after(index).filter(|it| it.kind == Kind::Operator);
        if let Some(next) = next {
            // `< =`, `= !`: an operator split by a space
            let joined = format!("{found}{}", self.text(next));
            let parts = self.source.get(token.at..next.end).unwrap_or_default();
            let right = is_operator(&joined).then(|| code(&joined));
            if let Some(right) = right.or_else(|| foreign_operator(&joined)) {
                return Err(self.instead(token.at, parts, &right));
            }
        }
        match foreign_operator(found) {
            Some(right) => Err(self.instead(token.at, found, &right)),
            None => Ok(()),
        }
    }

    fn check_comma(&self, token: &Token<'_>, around: Option<Around>) -> Result<(), Error> {
        match around {
            Some(Around::Function) => Ok(()),
            Some(Around::Value) => Err(self.instead(token.at, ",", &code("OR"))),
            Some(Around::Terms) | None => {
                let right = both(
                    "`AND` or `OR` between two conditions, or quotes around the whole value,",
                    "`AND` hoặc `OR` giữa hai điều kiện, hoặc ngoặc kép quanh toàn bộ giá trị,",
                );
                Err(self.instead(token.at, ",", &right))
            }
        }
    }

    // === characters ===

    /// Refuses operators inside a word, and marks that keyboards and word processors substitute.
    fn check_characters(&self, token: &Token<'_>, text: &str) -> Result<(), Error> {
        for (operator, right) in [("&&", "AND"), ("||", "OR")] {
            if let Some(at) = text.find(operator) {
                return Err(self.instead(token.at + at, operator, &code(right)));
            }
        }
        if matches!(text, "&" | "|") {
            let right = if text == "&" { "AND" } else { "OR" };
            return Err(self.word(token.at, text, &code(right)));
        }
        for (at, c) in text.char_indices() {
            let right = match c {
                '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '＂' => {
                    both("the straight quote `\"`", "dấu ngoặc kép thẳng `\"`")
                }
                // inside a word it is an apostrophe
                '‘' | '’' | '‚' | '‛' | '′' | '＇' | '`' | '´' if at == 0 => both(
                    "the straight quote `\"` around a value, and no quote around a field,",
                    "dấu ngoặc kép thẳng `\"` quanh giá trị, còn tên trường thì không có ngoặc,",
                ),
                '＝' => code("="),
                '≠' => code("!="),
                '＜' => code("<"),
                '＞' => code(">"),
                '≤' => code("<="),
                '≥' => code(">="),
                '：' => code(":"),
                '！' | '¬' => code("NOT "),
                '＆' | '∧' => code("AND"),
                '｜' | '∨' => code("OR"),
                '（' => code("("),
                '）' => code(")"),
                '＊' => code("*"),
                '，' | '、' => both("`AND` or `OR`", "`AND` hoặc `OR`"),
                '－' | '−' if at == 0 => code("-"),
                _ => continue,
            };
            return Err(self.instead(token.at + at, c.encode_utf8(&mut [0; 4]), &right));
        }
        if text.starts_with(['[', '{']) {
            let found = text.get(..1).unwrap_or_default();
            return Err(self.instead(token.at, found, &code("(A OR B)")));
        }
        Ok(())
    }

    fn not_closed(&self, token: &Token<'_>) -> Error {
        if self.text(token).contains(['“', '”', '„', '″']) {
            return self.refuse(
                token.at,
                SYNTAX,
                "the quote is not closed; close it with the straight quote `\"` that opened it",
                "dấu ngoặc kép chưa được đóng; hãy đóng bằng dấu ngoặc thẳng `\"` như khi mở",
            );
        }
        self.refuse(
            token.at,
            SYNTAX,
            "the quote is not closed; write a quote inside a value as `\\\"`",
            "dấu ngoặc kép chưa được đóng; dấu ngoặc kép bên trong giá trị viết là `\\\"`",
        )
    }

    /// A quoted text that touches the next one, or a word: `'it''s'`, `N"x"`.
    fn check_glued(&self, index: usize) -> Result<(), Error> {
        let (Some(token), Some(next)) = (self.token(Some(index)), self.after(index)) else {
            return Ok(());
        };
        let both = (token.kind, next.kind);
        let quoted = matches!(
            both,
            (Kind::Quoted { .. }, Kind::Bare(_) | Kind::Quoted { .. })
        ) || matches!(both, (Kind::Bare(text), Kind::Quoted { .. }) if text != "-");
        if !quoted || token.end != next.at {
            return Ok(());
        }
        Err(self.refuse(
            next.at,
            SYNTAX,
            "put one pair of quotes around the whole value, and write a quote inside it as `\\\"` \
             or `\\'`; between two conditions write a space",
            "hãy đặt toàn bộ giá trị trong một cặp ngoặc kép, dấu ngoặc bên trong viết là `\\\"` \
             hoặc `\\'`; giữa hai điều kiện phải có dấu cách",
        ))
    }

    // === values ===

    /// A value of several words without quotes: only the first would be compared.
    fn check_value(&self, index: usize) -> Result<(), Error> {
        let Some(operator) = index.checked_sub(1) else {
            return Ok(());
        };
        let is_equality = self
            .token(Some(operator))
            .is_some_and(|it| matches!(self.text(it), "=" | "!=") && it.kind == Kind::Operator);
        let field = self.path_before(operator);
        let is_text = matches!(
            field.and_then(self.kind_of),
            Some((Type::Text | Type::Name, false))
        );
        if !(is_equality && is_text) {
            return Ok(());
        }
        let mut last = index;
        while let (Some(Kind::Dot), Some(next)) =
            (self.after(last).map(|it| it.kind), last.checked_add(2))
        {
            last = next;
        }
        let mut end = None;
        while let Some(text) = Self::bare(self.after(last)) {
            let next = last + 1;
            if !self.is_alone(next) || is_keyword(text) || text.starts_with(['-', '*']) {
                break;
            }
            end = self.token(Some(next)).map(|it| it.end);
            last = next;
        }
        let (Some(field), Some(first), Some(end)) = (field, self.token(Some(index)), end) else {
            return Ok(());
        };
        let value = self.source.get(first.at..end).unwrap_or_default();
        Err(self.refuse(
            first.at,
            SYNTAX,
            &format!(
                "put quotes around a value of several words: `{field} = \"{value}\"`; to search \
                 for the other words too, write `AND` before them"
            ),
            &format!(
                "hãy đặt giá trị gồm nhiều từ trong ngoặc kép: `{field} = \"{value}\"`; nếu muốn \
                 tìm thêm các từ sau, hãy viết `AND` trước chúng"
            ),
        ))
    }

    // === words ===

    fn check_word(&self, index: usize, text: &str) -> Result<(), Error> {
        let Some(token) = self.token(Some(index)) else {
            return Ok(());
        };
        if let Some(tilde) = text.find('~') {
            self.check_tilde(index, token, text, tilde)?;
        }
        if !self.is_alone(index) {
            return Ok(());
        }
        let lower = text.to_lowercase();
        let opens = self.after(index).filter(|it| it.kind == Kind::Open);
        match lower.as_str() {
            "and" | "or" | "not" => {
                let upper = lower.to_uppercase();
                if text != upper {
                    return Err(self.word(token.at, text, &code(upper)));
                }
                return match opens.filter(|it| it.at == token.end) {
                    None => Ok(()),
                    Some(_) => Err(self.refuse(
                        token.at,
                        SYNTAX,
                        &format!("write a space between `{text}` and `(`"),
                        &format!("hãy viết dấu cách giữa `{text}` và `(`"),
                    )),
                };
            }
            "và" | "hoặc" if self.ends_condition(index) => {
                let right = if lower == "và" { "AND" } else { "OR" };
                return Err(self.word(token.at, text, &code(right)));
            }
            _ => {}
        }
        self.check_sql(index, token, text, &lower, opens.is_some())
    }

    /// `~`, `=~` and the like, which are part of a word here.
    fn check_tilde(
        &self,
        index: usize,
        token: &Token<'_>,
        text: &str,
        tilde: usize,
    ) -> Result<(), Error> {
        let touches = |it: &&Token<'_>| it.kind == Kind::Operator && it.end == token.at;
        let after_operator = tilde == 0 && self.before(index).filter(touches).is_some();
        let after_field = match text.get(..tilde) {
            Some("") => self.field_before(index).is_some(),
            Some(field) => (self.kind_of)(field).is_some(),
            None => false,
        };
        if after_operator || after_field {
            return Err(self.instead(token.at + tilde, "~", &code(":")));
        }
        Ok(())
    }

    /// Whether a condition ends before the token: a value, or a closed parenthesis.
    fn ends_condition(&self, index: usize) -> bool {
        let is = |back: usize, kind: fn(&Kind<'_>) -> bool| {
            let token = self.token(index.checked_sub(back));
            token.is_some_and(|it| kind(&it.kind))
        };
        is(1, |kind| *kind == Kind::Close) || is(2, |kind| *kind == Kind::Operator)
    }

    fn check_sql(
        &self,
        index: usize,
        token: &Token<'_>,
        text: &str,
        lower: &str,
        opens: bool,
    ) -> Result<(), Error> {
        let next = Self::bare(self.after(index)).map(str::to_lowercase);
        let next = next.as_deref();
        let shouted = text.chars().all(char::is_uppercase);
        // the token before `IN`, or before `NOT IN`
        let negated =
            Self::bare(self.before(index)).is_some_and(|it| it.eq_ignore_ascii_case("not"));
        let field = match index.checked_sub(1).filter(|_| negated) {
            Some(not) => self.field_before(not),
            None => self.field_before(index),
        };
        let after_field = field.is_some();
        let is_field = |path: &str| (self.kind_of)(path).is_some();
        let field = field.unwrap_or("field");
        let not = if negated { "NOT " } else { "" };
        let right = match lower {
            "in" if (after_field || opens) && negated => code(format!("{field} != (A OR B)")),
            "in" if after_field || opens => code(format!("{field} = (A OR B)")),
            "like" | "ilike" if after_field || shouted => both(
                &format!("`{not}{field}:\"part\"` or `{not}{field} = \"beginning*\"`"),
                &format!("`{not}{field}:\"một phần\"` hoặc `{not}{field} = \"phần đầu*\"`"),
            ),
            "is" if next == Some("not") => code(format!("{field}:*")),
            "is" if after_field || next == Some("null") => both(
                &format!("`NOT {field}:*` for no value, or `{field} = value`,"),
                &format!("`NOT {field}:*` nếu là không có giá trị, hoặc `{field} = giá trị`,"),
            ),
            "between" if after_field || shouted => code(format!("{field} >= A AND {field} <= B")),
            "contains" | "includes" | "has" | "match" | "matches" if after_field => {
                code(format!("{not}{field}:\"A\""))
            }
            "startswith" | "starts_with" if after_field => code(format!("{not}{field} = \"A*\"")),
            "endswith" | "ends_with" if after_field => code(format!("{not}{field} = \"*A\"")),
            "eq" | "equals" if after_field => code("="),
            "ne" | "neq" if after_field => code("!="),
            "gt" if after_field => code(">"),
            "ge" | "gte" if after_field => code(">="),
            "lt" if after_field => code("<"),
            "le" | "lte" if after_field => code("<="),
            "where" if index == 0 && (shouted || next.is_some_and(is_field)) => {
                both("the condition alone", "riêng điều kiện")
            }
            "select" if index == 0 && (shouted || opens) => {
                both("the condition alone", "riêng điều kiện")
            }
            "order" if next == Some("by") => both(
                "the order into the field `order_by`",
                "thứ tự vào trường `order_by`",
            ),
            "limit" | "offset" if next.is_some_and(|it| it.parse::<u32>().is_ok()) => both(
                "the number of rows into the field `page_size`",
                "số dòng vào trường `page_size`",
            ),
            _ => return Ok(()),
        };
        Err(self.word(token.at, text, &right))
    }
}

/// Whether it is an operator of the filter language.
fn is_operator(text: &str) -> bool {
    matches!(text, "=" | "!=" | "<" | "<=" | ">" | ">=" | ":")
}

fn is_keyword(text: &str) -> bool {
    ["AND", "OR", "NOT"]
        .iter()
        .any(|keyword| keyword.eq_ignore_ascii_case(text))
}

/// The equivalent of an operator of another language.
fn foreign_operator(text: &str) -> Option<Right> {
    Some(code(match text {
        "==" | "===" | ":=" | "=:" => "=",
        "::" => ":",
        "<>" | "!==" | "=!" | "><" => "!=",
        "=<" | "!>" => "<=",
        "=>" | "!<" => ">=",
        "!" | "!!" | "!:" => "NOT ",
        _ => return None,
    }))
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut add = |at, end, kind| tokens.push(Token { at, end, kind });
    let mut operator: Option<(usize, usize)> = None;
    cut(source, |piece| {
        if let Piece::Mark('=' | '<' | '>' | '!' | ':', at) = piece {
            match &mut operator {
                Some((_, end)) if *end == at => *end += 1,
                run => {
                    if let Some((from, end)) = run.replace((at, at + 1)) {
                        add(from, end, Kind::Operator);
                    }
                }
            }
            return;
        }
        if let Some((from, end)) = operator.take() {
            add(from, end, Kind::Operator);
        }
        match piece {
            Piece::Bare(at, text) => add(at, at + text.len(), Kind::Bare(text)),
            Piece::Quoted(at, end, closed) => add(at, end, Kind::Quoted { closed }),
            Piece::Mark('.', at) => add(at, at + 1, Kind::Dot),
            Piece::Mark(',', at) => add(at, at + 1, Kind::Comma),
            Piece::Mark('(', at) => add(at, at + 1, Kind::Open),
            Piece::Mark(')', at) => add(at, at + 1, Kind::Close),
            Piece::Mark(..) => {}
        }
    });
    if let Some((from, end)) = operator {
        tokens.push(Token {
            at: from,
            end,
            kind: Kind::Operator,
        });
    }
    tokens
}
