//! Reading the text of a filter: its bounds, the parser's refusals in our words, and the place of
//! each literal, which the parser's tree does not keep.

use std::borrow::Cow;

use aip_160::{Expression, FilterError, Member, Value};

use super::{MAX_BYTES, MAX_DEPTH};
use crate::domain::error::Error;

/// Parses the text; nothing when it is blank.
pub(super) fn parse(source: &str) -> Result<Option<Expression>, Error> {
    if source.len() > MAX_BYTES {
        return Err(Error::invalid(
            "filter",
            "FILTER_TOO_LONG",
            format!("longer than {MAX_BYTES} bytes; ask for less at once"),
            format!("dài quá {MAX_BYTES} byte; hãy rút gọn bộ lọc"),
        ));
    }
    if let Some((at, keyword)) = glued_keyword(source) {
        return Err(refuse(
            source,
            at,
            "FILTER_SYNTAX",
            &format!("write a space between `{keyword}` and `(`"),
            &format!("hãy viết dấu cách giữa `{keyword}` và `(`"),
        ));
    }
    match aip_160::parse_filter_with_max_depth(source, MAX_DEPTH) {
        Ok(filter) => Ok(filter.expression),
        Err(error) => Err(not_parsed(source, &error)),
    }
}

/// The first `NOT(` or the like, which the grammar takes for a function: the parser would then
/// complain of what stands inside.
fn glued_keyword(source: &str) -> Option<(usize, &str)> {
    let (mut keyword, mut glued) = (None, None);
    cut(source, |piece| match (keyword.take(), piece) {
        (Some((at, text)), Piece::Mark('(', _)) => glued = glued.or(Some((at, text))),
        (_, Piece::Bare(at, text @ ("AND" | "OR" | "NOT"))) => keyword = Some((at, text)),
        _ => {}
    });
    glued
}

fn not_parsed(source: &str, error: &FilterError) -> Error {
    let (at, english) = match error {
        FilterError::Syntax { offset, message } => (*offset, message.as_str()),
        FilterError::TooDeep { .. } => {
            let (mut depth, mut at) = (0_usize, None);
            cut(source, |piece| match piece {
                Piece::Mark('(', here) => {
                    depth += 1;
                    if depth > MAX_DEPTH && at.is_none() {
                        at = Some(here);
                    }
                }
                Piece::Mark(')', _) => depth = depth.saturating_sub(1),
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
pub(super) fn refuse(
    source: &str,
    at: usize,
    reason: &'static str,
    english: &str,
    vietnamese: &str,
) -> Error {
    let character = source.get(..at).map_or(0, |before| before.chars().count()) + 1;
    Error::invalid(
        "filter",
        reason,
        format!("at character {character}: {english}"),
        format!("tại ký tự {character}: {vietnamese}"),
    )
}

/// Where the literals of a filter stand.
///
/// The parser keeps no positions, but its tree has the literals in the order of the text; so the
/// text is cut into literals once more, and each is found by walking along.
pub(super) struct Places<'s> {
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
    pub(super) fn new(source: &'s str) -> Self {
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

    pub(super) const fn source(&self) -> &'s str {
        self.source
    }

    /// The byte where the member starts.
    pub(super) fn of_member(&mut self, member: &Member) -> usize {
        let start = self.of_value(&member.value);
        for value in &member.fields {
            self.of_value(value);
        }
        start
    }

    fn of_value(&mut self, value: &Value) -> usize {
        match value {
            Value::String(_) => self.find(|place| place.bare.is_none()),
            Value::Text(text) => {
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

    /// The byte where the bare text stands.
    pub(super) fn of_text(&mut self, text: &str) -> usize {
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
    Mark(char, usize),
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
            c if is_mark(c) => piece(Piece::Mark(c, at)),
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
