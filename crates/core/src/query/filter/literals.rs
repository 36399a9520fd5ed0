//! Reads the text of a filter: checks its limits, rewords the parser's errors, and finds the
//! position of each literal, which the parser's tree does not keep.

use aip_160::{Expression, FilterError, Member, Value};

use crate::{
    error::Error,
    messages::Rule,
    query::{
        filter::{MAX_DEPTH, habits},
        schema::Queryable,
    },
    reasons::{self, Reason},
};

/// Parses the text of a filter of `T`; nothing when it is blank.
pub(super) fn parse<T: Queryable>(source: &str) -> Result<Option<Expression>, Error> {
    habits::check::<T>(source)?;
    match aip_160::parse_filter_with_max_depth(source, MAX_DEPTH) {
        Ok(filter) => Ok(filter.expression),
        Err(error) => Err(not_parsed(source, &error)),
    }
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
                reasons::FILTER_TOO_LONG,
                &format!("parentheses nested deeper than {MAX_DEPTH}; write it flatter"),
                &format!("ngoặc lồng nhau quá {MAX_DEPTH} cấp; hãy viết phẳng hơn"),
            );
        }
        _ => (0, ""),
    };
    let (english, vietnamese) = words(source, at, english);
    refuse(source, at, reasons::FILTER_SYNTAX, english, vietnamese)
}

/// The parser's error at a byte, reworded in both languages.
fn words(source: &str, at: usize, error: &str) -> (&'static str, &'static str) {
    let rest = source.get(at..).unwrap_or_default();
    let keyword = |it: &str| rest.starts_with(it);
    if error.starts_with("unexpected keyword") {
        return (
            "a condition is missing beside this keyword; to search for the word itself, put it \
             in quotes",
            "thiếu điều kiện bên cạnh từ khóa này; nếu muốn tìm chính từ này, hãy đặt trong ngoặc \
             kép",
        );
    }
    if ["AND", "OR", "NOT"].into_iter().any(keyword) {
        return (
            "write a space before this keyword",
            "hãy viết dấu cách trước từ khóa này",
        );
    }
    match error {
        "unexpected end of filter" => (
            "the filter ends where a value is missing; add it, as `\"\"` for an empty one",
            "bộ lọc kết thúc khi còn thiếu một giá trị; hãy thêm giá trị, nếu rỗng thì viết \
             `\"\"`",
        ),
        "unterminated string" => ("the quote is not closed", "dấu ngoặc kép chưa được đóng"),
        "a function name cannot be quoted" => (
            "write `AND` or `OR` between a value and `(`",
            "hãy viết `AND` hoặc `OR` giữa giá trị và `(`",
        ),
        "expected ')'" => (
            "the arguments of a function end here without `)`; filters have no functions",
            "phần đối số của hàm kết thúc mà thiếu `)`; bộ lọc không có hàm",
        ),
        "expected a value" => (
            "a field or value is missing; put quotes around a value that holds spaces, quotes or \
             any of `.,:()=<>!`",
            "thiếu tên trường hoặc giá trị; hãy đặt trong dấu ngoặc kép giá trị có dấu cách, dấu \
             ngoặc hoặc một trong các dấu `.,:()=<>!`",
        ),
        _ => (
            "the filter cannot go on like this; write `AND` or `OR` between two conditions, and \
             put quotes around a value that holds spaces, quotes or any of `.,:()=<>!`",
            "bộ lọc không thể viết tiếp như thế này; hãy viết `AND` hoặc `OR` giữa hai điều kiện, \
             và đặt trong dấu ngoặc kép giá trị có dấu cách, dấu ngoặc hoặc một trong các dấu \
             `.,:()=<>!`",
        ),
    }
}

/// Refuses the filter at a byte offset. The error reports the position in characters, from 1.
pub(super) fn refuse(
    source: &str,
    at: usize,
    reason: Reason,
    english: &str,
    vietnamese: &str,
) -> Error {
    let character = source.get(..at).map_or(0, |before| before.chars().count()) + 1;
    let rule = Rule::Located {
        reason,
        character,
        english: english.to_owned(),
        vietnamese: vietnamese.to_owned(),
    };
    Error::invalid("filter", rule)
}

/// The positions of the literals of a filter.
///
/// The parser keeps no positions, but its tree has the literals in the order of the text.
/// Therefore the text is split into literals again, and each literal of the tree is matched in
/// order.
pub(super) struct Literals<'s> {
    source: &'s str,
    literals: std::vec::IntoIter<Literal<'s>>,
    last: usize,
}

struct Literal<'s> {
    at: usize,
    /// The bare text; nothing when quoted.
    bare: Option<&'s str>,
}

impl<'s> Literals<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let mut literals = Vec::new();
        cut(source, |piece| match piece {
            Piece::Bare(at, text) => literals.push(Literal {
                at,
                bare: Some(text),
            }),
            Piece::Quoted(at, ..) => literals.push(Literal { at, bare: None }),
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

    /// The byte where the bare text begins.
    pub(super) fn of_text(&mut self, text: &str) -> usize {
        self.find(|place| {
            place
                .bare
                .is_some_and(|bare| bare == text || bare.strip_prefix('-') == Some(text))
        })
    }

    fn find(&mut self, is_it: impl Fn(&Literal<'_>) -> bool) -> usize {
        // between two literals of the tree only AND, OR, NOT and `-` can be
        if let Some(place) = self.literals.by_ref().find(is_it) {
            self.last = place.at;
        }
        self.last
    }
}

/// A piece of a filter, and the byte where it begins.
pub(super) enum Piece<'s> {
    Bare(usize, &'s str),
    /// Where it begins and ends, and whether its quote is closed.
    Quoted(usize, usize, bool),
    Mark(char, usize),
}

/// Cuts a filter into literals and marks, as the parser does.
pub(super) fn cut<'s>(source: &'s str, mut piece: impl FnMut(Piece<'s>)) {
    let mut chars = source.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' | '\'' => {
                let mut end = None;
                while let Some((here, inner)) = chars.next() {
                    if inner == '\\' {
                        chars.next();
                    } else if inner == c {
                        end = Some(here + c.len_utf8());
                        break;
                    }
                }
                piece(Piece::Quoted(
                    at,
                    end.unwrap_or(source.len()),
                    end.is_some(),
                ));
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
