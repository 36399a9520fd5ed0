//! Cells and the values of fields: what people write into a spreadsheet, read leniently where it
//! can mean one thing only, and written so that it is read again as it was.

use std::borrow::Cow;

use ndp_core::{
    messages::Rule,
    near::{nearest, snake_case},
    text::{fold, legible::kept},
    time::Date,
};
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, Value};

use super::columns::{Column, Form, Language};
use crate::wire::glossary::label_within;

/// Days of a date as a spreadsheet counts them: 2 January 1900 to 31 December 2199.
const SERIALS: std::ops::RangeInclusive<f64> = 2.0..=109_574.0;

/// Where a spreadsheet begins to count days, for dates after its leap day that never was.
const DAY_ZERO: (i32, i32, i32) = (1899, 12, 30);

/// A cell as a file has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// A date.
    Date(Date),
    /// What a formula gives that failed, as `#REF!`.
    Failed(String),
    /// A formula whose value the file does not have.
    Uncomputed,
}

impl Cell {
    /// The cell of this text.
    pub fn text(text: String) -> Self {
        match text.trim().is_empty() {
            true => Self::Empty,
            false => Self::Text(text),
        }
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Failed(text) => text.len() + 32,
            Self::Empty | Self::Number(_) | Self::Bool(_) | Self::Date(_) | Self::Uncomputed => 32,
        }
    }

    /// The text of it, as a person sees it.
    pub fn shown(&self) -> String {
        match self {
            Self::Empty | Self::Uncomputed => String::new(),
            Self::Text(text) | Self::Failed(text) => text.trim().chars().take(60).collect(),
            Self::Number(number) => decimal(*number),
            Self::Bool(yes) => yes.to_string(),
            Self::Date(date) => date.to_string(),
        }
    }
}

// === reading ===

/// The value of a cell; `None` for an empty one.
pub fn read(cell: &Cell, column: &Column) -> Result<Option<Value>, Rule> {
    if let Cell::Failed(value) = cell {
        let value = value.clone();
        return Err(Rule::CellFormulaFailed { value });
    }
    if *cell == Cell::Uncomputed {
        return Err(Rule::CellFormulaUncomputed);
    }
    if *cell == Cell::Empty {
        return Ok(None);
    }
    if !column.is_list {
        return single(cell, column).map(Some);
    }
    let Cell::Text(text) = cell else {
        return single(cell, column).map(|value| Some(Value::List(vec![value])));
    };
    let text = plain(text);
    // a name or the name of a value has none of these
    let separators: &[char] = match &column.form {
        Form::Enum(_) => &['\n', '\r', ';'],
        _ if column.names.is_some() => &['\n', '\r', ';', ','],
        _ => &['\n', '\r'],
    };
    let items = text
        .split(separators)
        .map(str::trim)
        .filter(|it| !it.is_empty());
    let items = items.map(|item| single(&Cell::Text(item.to_owned()), column));
    Ok(Some(Value::List(items.collect::<Result<_, _>>()?)))
}

fn single(cell: &Cell, column: &Column) -> Result<Value, Rule> {
    match &column.form {
        Form::Text => Ok(Value::String(match cell {
            // as the registry keeps it, so that another spelling does not count as a change
            Cell::Text(text) => kept(&plain(text)).into_owned(),
            other => other.shown(),
        })),
        Form::Decimal => {
            let value = || cell.shown();
            let number = match cell {
                Cell::Number(number) => Some(decimal(*number)),
                Cell::Text(text) => read_decimal(plain(text).trim()),
                _ => None,
            };
            let number = number.map(Value::String);
            number.ok_or_else(|| Rule::CellNotANumber { value: value() })
        }
        Form::Integer => {
            let number = match cell {
                Cell::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                    // exact below 2^53
                    Some(*number as i64)
                }
                Cell::Text(text) => read_integer(plain(text).trim()),
                _ => None,
            };
            let read = number.and_then(|it| integer(it, column.field()));
            let value = cell.shown();
            read.ok_or_else(|| match read_decimal(plain(&value).trim()) {
                Some(number) if number.contains('.') => Rule::CellNotWhole { value },
                Some(_) => Rule::CellNumberTooLarge { value },
                None => Rule::CellNotANumber { value },
            })
        }
        Form::Bool => {
            let yes = match cell {
                Cell::Bool(yes) => Some(*yes),
                Cell::Number(number) if *number == 1.0 => Some(true),
                Cell::Number(number) if *number == 0.0 => Some(false),
                Cell::Text(text) => match &*fold(plain(text).trim()) {
                    "true" | "yes" | "co" | "x" | "1" | "dung" => Some(true),
                    "false" | "no" | "khong" | "0" | "sai" => Some(false),
                    _ => None,
                },
                _ => None,
            };
            yes.map(Value::Bool).ok_or_else(|| Rule::CellNotYesOrNo {
                value: cell.shown(),
            })
        }
        Form::Enum(of) => read_enum(cell, of),
        Form::Date => {
            let date = match cell {
                Cell::Date(date) => Some(*date),
                Cell::Number(serial) => of_serial(*serial),
                Cell::Text(text) => read_date(plain(text).trim()),
                _ => None,
            };
            let date = date.ok_or_else(|| Rule::CellNotADate {
                value: cell.shown(),
            })?;
            Ok(date_value(date, column.field()))
        }
        Form::Json => read_json(&cell.shown_whole(), column.field()),
    }
}

impl Cell {
    fn shown_whole(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => plain(text),
            other => Cow::Owned(other.shown()),
        }
    }
}

/// A text without the apostrophe that keeps a spreadsheet from reading it as something else.
pub fn plain(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text.strip_prefix('\'').unwrap_or(text))
}

/// A number with the digits that a spreadsheet shows, of which there are 15 at most.
pub fn decimal(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{rounded}")
}

/// A decimal number with a point or a comma, and marks between thousands.
fn read_decimal(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", &*text),
    };
    let marks: Vec<char> = digits
        .chars()
        .filter(|it| matches!(it, '.' | ','))
        .collect();
    let (whole, part) = match *marks.as_slice() {
        [] => (digits.to_owned(), None),
        // one mark is of the decimals
        [mark] => {
            let (whole, part) = digits.split_once(mark)?;
            (whole.to_owned(), Some(part))
        }
        [first, .., last] if first != last => {
            let (whole, part) = digits.rsplit_once(last)?;
            (grouped(whole, first)?, Some(part))
        }
        [first, ..] => (grouped(digits, first)?, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !are_digits(&whole) || part.is_some_and(|part| !are_digits(part)) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    Some(match part {
        None => format!("{sign}{whole}"),
        Some(part) => format!("{sign}{whole}.{part}"),
    })
}

/// Digits in groups of three without the marks between them.
fn grouped(text: &str, mark: char) -> Option<String> {
    let mut groups = text.split(mark);
    let first = groups.next().filter(|it| (1..=3).contains(&it.len()))?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

fn read_integer(text: &str) -> Option<i64> {
    let text: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, &*text),
    };
    let mark = digits.chars().find(|it| matches!(it, '.' | ','))?;
    let digits = grouped(digits, mark)?;
    let is_number = digits.bytes().all(|it| it.is_ascii_digit());
    is_number
        .then(|| digits.parse::<i64>().ok())?
        .map(|it| sign * it)
}

fn integer(number: i64, field: Option<&FieldDescriptor>) -> Option<Value> {
    Some(match field?.kind() {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number.try_into().ok()?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number.try_into().ok()?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number.try_into().ok()?),
        _ => Value::I64(number),
    })
}

/// The date of a spreadsheet's number of days.
fn of_serial(serial: f64) -> Option<Date> {
    if !SERIALS.contains(&serial) {
        return None;
    }
    let (year, month, day) = DAY_ZERO;
    let zero = jiff::civil::Date::new(year as i16, month as i8, day as i8).ok()?;
    let days = jiff::Span::new().try_days(serial.floor() as i64).ok()?;
    let date = zero.checked_add(days).ok()?;
    Date::new(date.year().into(), date.month().into(), date.day().into()).ok()
}

/// A date as `31/12/2025`, `2025-12-31`, either with a time after it, or a number of days.
pub fn read_date(text: &str) -> Option<Date> {
    let day = text.split([' ', 'T']).next()?;
    if let Ok(date) = Date::parse(day) {
        return Some(date);
    }
    if day.len() == 5
        && let Ok(serial) = day.parse()
    {
        return of_serial(serial);
    }
    let mut parts = day.split(['/', '-', '.']);
    let (first, month, last) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || month.len() > 2 {
        return None;
    }
    let (year, day) = match (first.len(), last.len()) {
        (4, 1 | 2) => (first, last),
        (1 | 2, 4) => (last, first),
        _ => return None,
    };
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn date_value(date: Date, field: Option<&FieldDescriptor>) -> Value {
    let Some(Kind::Message(message)) = field.map(FieldDescriptor::kind) else {
        return Value::String(date.to_string());
    };
    let mut value = DynamicMessage::new(message);
    for (field, number) in [
        ("year", date.year()),
        ("month", date.month()),
        ("day", date.day()),
    ] {
        // a Date has these fields
        drop(value.try_set_field_by_name(field, Value::I32(number)));
    }
    Value::Message(value)
}

/// The names of a value: in the contract, in Vietnamese and in English.
fn names(of: &EnumDescriptor, value: &str) -> [String; 3] {
    let label = label_within(of, value);
    let (vietnamese, english) = label.map_or((value, value), |it| {
        (&*it.display_name, &*it.display_name_en)
    });
    [value.to_owned(), vietnamese.to_owned(), english.to_owned()]
}

/// The values that a cell may name: not the unspecified one.
pub fn choices(of: &EnumDescriptor, language: Language) -> Vec<String> {
    let values = of.values().filter(|it| it.number() != 0);
    let values = values.map(|it| called(of, it.name(), language));
    values.collect()
}

fn called(of: &EnumDescriptor, value: &str, language: Language) -> String {
    let [name, vietnamese, english] = names(of, value);
    match language {
        Language::Paths => name,
        Language::Vietnamese => vietnamese,
        Language::English => english,
    }
}

fn read_enum(cell: &Cell, of: &EnumDescriptor) -> Result<Value, Rule> {
    let shown = cell.shown_whole().trim().to_owned();
    let folded = fold(&shown);
    let typed = snake_case(&shown).to_uppercase();
    let all = || of.values().map(|it| (it.number(), names(of, it.name())));
    let exact = |(_, names): &(i32, [String; 3])| names.contains(&shown) || names[0] == typed;
    let close = |(_, names): &(i32, [String; 3])| names.iter().any(|it| fold(it) == folded);
    let found = all().find(exact).or_else(|| {
        let mut found = all().filter(close);
        // one that is called alike without its marks is not guessed at
        found.next().filter(|_| found.next().is_none())
    });
    match found {
        Some((number, _)) => Ok(Value::EnumNumber(number)),
        None => {
            let values = choices(of, Language::Paths);
            let listed: Vec<_> = values.iter().map(|it| format!("`{it}`")).collect();
            let known: Vec<_> = all().flat_map(|(_, names)| names).collect();
            let near = nearest(&shown, known.iter().map(String::as_str));
            Err(Rule::CellValueUnknown {
                near: near.map(str::to_owned),
                values: listed.join(", "),
                value: cell.shown(),
            })
        }
    }
}

/// A value of a field from JSON.
fn read_json(text: &str, field: Option<&FieldDescriptor>) -> Result<Value, Rule> {
    let failed = |about: String| Rule::CellNotJson { about };
    let json: serde_json::Value =
        serde_json::from_str(text.trim()).map_err(|error| failed(error.to_string()))?;
    let Some(field) = field else {
        return Err(failed("no field".to_owned()));
    };
    let json = match field.is_list() && !json.is_array() {
        true => serde_json::Value::Array(vec![json]),
        false => json,
    };
    let around = serde_json::json!({ (field.name()): json });
    let read = DynamicMessage::deserialize(field.parent_message().clone(), around);
    let read = read.map_err(|error| failed(error.to_string()))?;
    match read.get_field(field).into_owned() {
        Value::List(mut items) => items.pop().ok_or_else(|| failed("nothing".to_owned())),
        value => Ok(value),
    }
}

// === writing ===

/// The cell of a value; `None` for a field that is not set.
pub fn write(value: Option<&Value>, column: &Column, language: Language) -> Cell {
    let Some(value) = value else {
        return Cell::Empty;
    };
    match value {
        Value::List(items) if items.is_empty() => Cell::Empty,
        Value::List(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|it| written(it, column, language))
                .collect();
            let items: Vec<_> = items.iter().map(Cell::shown_written).collect();
            Cell::Text(neutral(&items.join("\n")).into_owned())
        }
        value => match written(value, column, language) {
            Cell::Text(text) if text.is_empty() => Cell::Empty,
            Cell::Text(text) if matches!(column.form, Form::Text | Form::Json) => {
                Cell::Text(neutral(&text).into_owned())
            }
            cell => cell,
        },
    }
}

impl Cell {
    /// The cell in a file of text.
    pub fn shown_written(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => other.shown(),
        }
    }
}

fn written(value: &Value, column: &Column, language: Language) -> Cell {
    match (&column.form, value) {
        (Form::Json, value) => Cell::Text(json(value, column)),
        (Form::Enum(_), Value::EnumNumber(0)) => Cell::Empty,
        (Form::Enum(of), Value::EnumNumber(number)) => match of.get_value(*number) {
            Some(value) => Cell::Text(called(of, value.name(), language)),
            None => Cell::Text(number.to_string()),
        },
        (Form::Date, Value::Message(date)) => {
            let part = |name| {
                let part = date.get_field_by_name(name);
                part.and_then(|it| it.as_i32()).unwrap_or_default()
            };
            let (year, month, day) = (part("year"), part("month"), part("day"));
            match Date::new(year, month, day) {
                Ok(date) => Cell::Date(date),
                Err(_) => Cell::Text(format!("{year:04}-{month:02}-{day:02}")),
            }
        }
        (_, Value::String(text)) => Cell::Text(text.clone()),
        (_, Value::Bool(yes)) => Cell::Bool(*yes),
        (_, Value::I32(number)) => Cell::Text(number.to_string()),
        (_, Value::I64(number)) => Cell::Text(number.to_string()),
        (_, Value::U32(number)) => Cell::Text(number.to_string()),
        (_, Value::U64(number)) => Cell::Text(number.to_string()),
        (_, other) => Cell::Text(format!("{other:?}")),
    }
}

/// A value as JSON of its field.
fn json(value: &Value, column: &Column) -> String {
    let Some(field) = column.field() else {
        return String::new();
    };
    let mut around = DynamicMessage::new(field.parent_message().clone());
    let set = match column.is_list {
        true => Value::List(vec![value.clone()]),
        false => value.clone(),
    };
    // the value was read from this field
    drop(around.try_set_field(field, set));
    let mut json = serde_json::to_value(&around).unwrap_or_default();
    let json = json.get_mut(field.json_name()).map(serde_json::Value::take);
    let json = match json {
        Some(serde_json::Value::Array(mut items)) if column.is_list => items.pop(),
        json => json,
    };
    json.unwrap_or_default().to_string()
}

/// A text that no spreadsheet reads as a formula, nor without its first character. [`read`] takes
/// the apostrophe away.
fn neutral(text: &str) -> Cow<'_, str> {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::{columns, headers, kinds};

    fn column(kind: &str, header: &str) -> Column {
        let table = headers::Table::of(kinds::find(kind).unwrap());
        match headers::read(&table, header) {
            Some(headers::Header::Column(column)) => column,
            other => panic!("{header}: {other:?}"),
        }
    }

    fn text(text: &str) -> Cell {
        Cell::text(text.to_owned())
    }

    #[test]
    fn numbers_are_read_with_commas_and_points() {
        for (typed, number) in [
            ("12,5", Some("12.5")),
            ("12.5", Some("12.5")),
            ("1.234,5", Some("1234.5")),
            ("1,234.5", Some("1234.5")),
            ("1.234.567", Some("1234567")),
            ("-0,50", Some("-0.50")),
            ("1 250", Some("1250")),
            ("007", Some("7")),
            ("12,", None),
            ("1.23.4", None),
            ("12%", None),
            ("e5", None),
            ("", None),
        ] {
            assert_eq!(read_decimal(typed).as_deref(), number, "{typed}");
        }
        for (typed, number) in [
            ("1.250", Some(1250)),
            ("-1,250,000", Some(-1_250_000)),
            ("12,5", None),
            ("12", Some(12)),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read_integer(typed), number, "{typed}");
        }
        assert_eq!(decimal(0.1 + 0.2), "0.3");
        assert_eq!(decimal(12.0), "12");
    }

    #[test]
    fn dates_are_read_as_people_and_programs_write_them() {
        let day = Date::new(2025, 12, 31).unwrap();
        for typed in [
            "31/12/2025",
            "31-12-2025",
            "31.12.2025",
            "2025-12-31",
            "2025-12-31T00:00:00",
            "2025/12/31",
            "46022",
        ] {
            assert_eq!(read_date(typed), Some(day), "{typed}");
        }
        for typed in [
            "31/12/25",
            "12/31/2025",
            "31/02/2025",
            "12/2025",
            "1e5",
            "",
            "//",
        ] {
            assert_eq!(read_date(typed), None, "{typed}");
        }
        assert_eq!(of_serial(46022.75), Some(day));
        assert_eq!(of_serial(f64::NAN), None);
        assert_eq!(of_serial(1e300), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let name = column("tasks", "display_name");
        for value in [
            "=1+1",
            "+84",
            "-x",
            "@a",
            "'quoted",
            "''",
            "plain",
            "Bộ; Y tế",
            "a'b",
        ] {
            let value = Value::String(value.to_owned());
            let cell = write(Some(&value), &name, Language::Paths);
            let Cell::Text(shown) = &cell else {
                panic!("{cell:?}")
            };
            assert!(!shown.starts_with(['=', '+', '-', '@']), "{shown}");
            assert_eq!(read(&cell, &name), Ok(Some(value)));
        }
        let programmes = column("tasks", "programmes");
        let list = ["programmes/a", "programmes/b"].map(|it| Value::String(it.to_owned()));
        let list = Value::List(list.into());
        let cell = write(Some(&list), &programmes, Language::Vietnamese);
        assert_eq!(read(&cell, &programmes), Ok(Some(list.clone())));
        assert_eq!(
            read(&text("programmes/a; programmes/b"), &programmes),
            Ok(Some(list))
        );
    }

    #[test]
    fn values_of_enums_have_names_in_both_languages() {
        for kind in kinds::KINDS.iter() {
            for column in columns::of_template(kind) {
                let Form::Enum(of) = &column.form else {
                    continue;
                };
                for language in [Language::Paths, Language::English, Language::Vietnamese] {
                    for (choice, value) in choices(of, language)
                        .into_iter()
                        .zip(of.values().filter(|it| it.number() != 0))
                    {
                        let read = read_enum(&text(&choice), of);
                        assert_eq!(read, Ok(Value::EnumNumber(value.number())), "{choice}");
                    }
                }
            }
        }
    }
}
