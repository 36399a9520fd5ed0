//! Workbooks: of records, and templates to fill in, with lists of values and explanations.

use ndp_core::{error::Error, messages::Rule};
use prost_reflect::DynamicMessage;
use rust_xlsxwriter::{
    DataValidation, DataValidationRule, ExcelDateTime, Format, Formula, Note, Workbook, Worksheet,
    XlsxError,
};

use super::{
    columns::{self, Column, ETAG, Form, Language, NAME, PARENT},
    kinds::Kind,
    record, references, rows,
    values::{self, Cell},
};
use crate::wire::descriptors::Comments;

/// Rows of a template that have lists of values.
const TEMPLATE_ROWS: u32 = 1_000;

/// Most characters of a cell.
const CELL_MAX: usize = 32_767;

/// Most characters of a message beside a cell.
const MESSAGE_MAX: usize = 250;

/// Most characters of the title of such a message.
const TITLE_MAX: usize = 32;

/// Most values that the note of a header lists.
const NOTE_CHOICES: usize = 12;

/// The width of such a note, and the height of a line of it, in pixels.
const NOTE_WIDTH: u32 = 320;
const NOTE_LINE: u32 = 18;

/// The background of the header of a column that must be filled in.
const REQUIRED_COLOR: u32 = 0xFF_F2_CC;

/// Records of the shipped catalogue, to show how a record is named.
const EXAMPLES: [&str; 5] = [
    "agencies/bo-cong-an",
    "editions/2618-qd-bkhcn",
    "indicators/on-time-rate",
    "platforms/ndp-001",
    "programmes/nq57-2025",
];

const WIDTH: f64 = 24.0;

fn failed(error: XlsxError) -> Error {
    match error {
        XlsxError::MaxStringLengthExceeded => {
            Error::invalid("format", Rule::CellTooLong { most: CELL_MAX })
        }
        other => Error::Bug(format!("writing a workbook: {other}").into()),
    }
}

/// A workbook of the records of one kind.
pub struct Writer {
    book: Workbook,
    columns: Vec<Column>,
    language: Language,
    row: u32,
    date: Format,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} rows)", self.row)
    }
}

impl Writer {
    /// A workbook with a header.
    pub fn new(kind: &Kind, columns: Vec<Column>, language: Language) -> Result<Self, Error> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        header(sheet, kind, &columns, language).map_err(failed)?;
        Ok(Self {
            book,
            columns,
            language,
            row: 0,
            date: Format::new().set_num_format("dd/mm/yyyy"),
        })
    }

    /// Adds a record.
    pub fn record(&mut self, record: &DynamicMessage) -> Result<(), Error> {
        self.row += 1;
        let sheet = self.book.worksheet_from_index(0).map_err(failed)?;
        for (place, column) in (0_u16..).zip(&self.columns) {
            let value = record::get(record, &column.steps);
            let cell = values::write(value.as_ref(), column, self.language);
            put(sheet, self.row, place, &cell, column, &self.date).map_err(failed)?;
        }
        Ok(())
    }

    /// The bytes of the workbook.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        self.book.save_to_buffer().map_err(failed)
    }
}

fn put(
    sheet: &mut Worksheet,
    row: u32,
    place: u16,
    cell: &Cell,
    column: &Column,
    date: &Format,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty | Cell::Uncomputed => {}
        Cell::Bool(yes) => {
            sheet.write_boolean(row, place, *yes)?;
        }
        Cell::Number(number) => {
            sheet.write_number(row, place, *number)?;
        }
        Cell::Date(day) => {
            let year = u16::try_from(day.year()).unwrap_or_default();
            let [month, on] = [day.month(), day.day()].map(|it| u8::try_from(it).unwrap_or(1));
            let time = ExcelDateTime::from_ymd(year, month, on)?;
            sheet.write_datetime_with_format(row, place, &time, date)?;
        }
        Cell::Text(text) | Cell::Failed(text) => {
            match number(text, &column.form) {
                Some(number) if !column.is_list => sheet.write_number(row, place, number)?,
                _ => sheet.write_string(row, place, text)?,
            };
        }
    }
    Ok(())
}

/// The number of a text that is read again as it was.
fn number(text: &str, form: &Form) -> Option<f64> {
    if !matches!(form, Form::Integer | Form::Decimal) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    (values::decimal(number) == text).then_some(number)
}

fn header(
    sheet: &mut Worksheet,
    kind: &Kind,
    columns: &[Column],
    language: Language,
) -> Result<(), XlsxError> {
    sheet.set_name(&kind.collection)?;
    let bold = Format::new().set_bold().set_text_wrap();
    for (place, column) in (0_u16..).zip(columns) {
        sheet.write_string_with_format(0, place, column.header(language), &bold)?;
        sheet.set_column_width(place, WIDTH)?;
    }
    sheet.set_freeze_panes(1, 1)?;
    Ok(())
}

/// The template of a kind.
pub fn template(kind: &Kind, language: Language) -> Result<Vec<u8>, Error> {
    write_template(kind, language).map_err(failed)
}

fn write_template(kind: &Kind, language: Language) -> Result<Vec<u8>, XlsxError> {
    let columns = columns::of_template(kind);
    let vietnamese = language == Language::Vietnamese;
    let mut book = Workbook::new();
    header(book.add_worksheet(), kind, &columns, language)?;

    // the lists are in a sheet of their own, as those within a validation have to be short
    let mut lists = Worksheet::new();
    lists.set_name("values")?;
    lists.set_hidden(true);
    let bold = Format::new().set_bold();
    let mut help = Worksheet::new();
    help.set_name(if vietnamese {
        "Hướng dẫn"
    } else {
        "Explanations"
    })?;
    let titles: [&str; 6] = match vietnamese {
        true => [
            "Cột",
            "Trường",
            "Bắt buộc",
            "Cách ghi",
            "Giá trị được dùng",
            "Giải thích (tiếng Anh)",
        ],
        false => [
            "Column",
            "Field",
            "Required",
            "How to write it",
            "Allowed values",
            "Explanation",
        ],
    };
    for (place, title) in (0_u16..).zip(titles) {
        help.write_string_with_format(0, place, title, &bold)?;
        help.set_column_width(place, if place == 5 { 100.0 } else { WIDTH })?;
    }
    let comments = Comments::read();
    let wrapped = Format::new().set_text_wrap();
    // what must be filled in stands out
    let required = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_background_color(REQUIRED_COLOR);
    for (place, column) in (0_u16..).zip(&columns) {
        let how = how(column, vietnamese);
        let title = column.header(language);
        let mut rule = DataValidation::new()
            .set_input_title(first(&title, TITLE_MAX))?
            .set_input_message(first(&how, MESSAGE_MAX))?;
        if let Some(wrong) = wrong(&column.form, vietnamese) {
            let title = if vietnamese {
                "Giá trị không hợp lệ"
            } else {
                "Not valid"
            };
            rule = rule.set_error_title(title)?.set_error_message(wrong)?;
        }
        let choices = match &column.form {
            Form::Enum(of) if !column.is_list => values::choices(of, language),
            Form::Bool if vietnamese => vec!["có".to_owned(), "không".to_owned()],
            Form::Bool => vec!["true".to_owned(), "false".to_owned()],
            _ => Vec::new(),
        };
        if !choices.is_empty() {
            for (row, choice) in (0_u32..).zip(&choices) {
                lists.write_string(row, place, choice)?;
            }
            let letters = rows::cell_name(place.into(), 1);
            let letters = letters.trim_end_matches('1');
            let last = choices.len();
            let range = format!("=values!${letters}$1:${letters}${last}");
            rule = rule.allow_list_formula(Formula::new(range));
        } else if column.form == Form::Date {
            let first = ExcelDateTime::from_ymd(1900, 1, 2)?;
            rule = rule.allow_date(DataValidationRule::GreaterThan(first));
        } else if column.form == Form::Integer && !column.is_list {
            rule = rule.allow_decimal_number(DataValidationRule::GreaterThan(-1e15));
        }
        let sheet = book.worksheet_from_index(0)?;
        sheet.add_data_validation(1, place, TEMPLATE_ROWS, place, &rule)?;
        let note = note(column, &how, &choices, vietnamese);
        sheet.insert_note(0, place, &note)?;
        if column.is_required() {
            sheet.write_string_with_format(0, place, title.as_str(), &required)?;
        }
        let row = u32::from(place) + 1;
        help.write_string(row, 0, title)?;
        help.write_string(row, 1, column.path())?;
        let is_required = match (column.is_required(), vietnamese) {
            (true, true) => "có",
            (true, false) => "yes",
            (false, _) => "",
        };
        help.write_string(row, 2, is_required)?;
        help.write_string(row, 3, how)?;
        help.write_string_with_format(row, 4, choices.join("\n"), &wrapped)?;
        let comment = column.field().map(|it| comments.of_field(it));
        help.write_string(row, 5, comment.unwrap_or_default())?;
    }
    book.push_worksheet(help);
    book.push_worksheet(lists);
    book.save_to_buffer()
}

/// The note of a header: whether it must be filled in, how, and with which values.
fn note(column: &Column, how: &str, choices: &[String], vietnamese: bool) -> Note {
    let mut lines = Vec::new();
    if column.is_required() {
        lines.push(if vietnamese {
            "Bắt buộc"
        } else {
            "Required"
        });
    }
    lines.push(how);
    let more = if vietnamese {
        "… (xem trang Hướng dẫn)"
    } else {
        "… (see Explanations)"
    };
    lines.extend(choices.iter().take(NOTE_CHOICES).map(String::as_str));
    lines.extend((choices.len() > NOTE_CHOICES).then_some(more));
    let height = u32::try_from(lines.len()).map_or(0, |it| (it + 2) * NOTE_LINE);
    let note = Note::new(lines.join("\n")).add_author_prefix(false);
    let note = note.set_author("ndp-registry");
    note.set_width(NOTE_WIDTH).set_height(height)
}

/// What a spreadsheet says of a value that it does not take.
const fn wrong(form: &Form, vietnamese: bool) -> Option<&'static str> {
    Some(match (form, vietnamese) {
        (Form::Enum(_) | Form::Bool, true) => "Hãy chọn một giá trị trong danh sách.",
        (Form::Enum(_) | Form::Bool, false) => "Choose a value of the list.",
        (Form::Date, true) => "Hãy ghi một ngày, như 31/12/2025.",
        (Form::Date, false) => "Write a date, as 31/12/2025.",
        (Form::Integer, true) => "Hãy ghi một số nguyên.",
        (Form::Integer, false) => "Write a whole number.",
        _ => return None,
    })
}

/// The first characters of a text.
fn first(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// What the columns are for that stand for no value of a record.
fn role(column: &Column, vietnamese: bool) -> Option<&'static str> {
    // a field of a part, or of a record, may be called as one of them
    let (path, depth) = (column.path(), column.steps.len());
    if depth != usize::from(path != PARENT) {
        return None;
    }
    Some(match (path.as_str(), vietnamese) {
        (NAME, true) => "mã bản ghi đã có; để trống để tìm theo khóa hoặc tạo bản ghi mới",
        (NAME, false) => {
            "the name of a record that is there; empty to find it by its key, or for \
                          a new one"
        }
        (PARENT, true) => "mã bản ghi cấp trên, khi dòng không có mã bản ghi",
        (PARENT, false) => "the record above, for a row without a name",
        (ETAG, true) => "để trống; nếu ghi etag đã đọc thì dòng bị từ chối khi bản ghi đã thay đổi",
        (ETAG, false) => {
            "empty, or the etag that was read: the row is refused if the record was \
                          changed since"
        }
        _ => return None,
    })
}

/// How the values of a column are written.
fn how(column: &Column, vietnamese: bool) -> String {
    if let Some(role) = role(column, vietnamese) {
        return role.to_owned();
    }
    let how = match (&column.form, vietnamese) {
        (Form::Text, false) => "text",
        (Form::Text, true) => "văn bản",
        (Form::Decimal, false) => "a number, as 12.5 or 12,5",
        (Form::Decimal, true) => "số, như 12,5",
        (Form::Integer, false) => "a whole number",
        (Form::Integer, true) => "số nguyên",
        (Form::Bool, false) => "true or false",
        (Form::Bool, true) => "có hoặc không",
        (Form::Enum(_), false) => "one of the list",
        (Form::Enum(_), true) => "một giá trị trong danh sách",
        (Form::Date, false) => "a date, as 31/12/2025",
        (Form::Date, true) => "ngày, như 31/12/2025",
        (Form::Json, false) => "JSON",
        (Form::Json, true) => "JSON",
    };
    let how = match (column.is_list, vietnamese) {
        (false, _) => how.to_owned(),
        (true, false) => format!("a list, one on each line of the cell: {how}"),
        (true, true) => format!("danh sách, mỗi dòng trong ô một mục: {how}"),
    };
    let mut parts = vec![how];
    parts.extend(bounds(column, vietnamese));
    if column.steps.iter().any(|(_, element)| element.is_some()) {
        parts.push(match vietnamese {
            true => "thêm mục bằng cột cùng tên với số 2, 3, …".to_owned(),
            false => "for more, add columns of this name with 2, 3, …".to_owned(),
        });
    }
    parts.join("; ")
}

/// What the rules of a column's field allow.
fn bounds(column: &Column, vietnamese: bool) -> Vec<String> {
    let columns::Bounds {
        characters,
        items,
        numbers,
        names,
    } = columns::bounds(column);
    let name = names.map(|it| {
        let example = EXAMPLES.into_iter().find(|example| {
            let of = example.split_once('/');
            of.is_some_and(|(collection, _)| collection == it)
        });
        let example = example.map_or_else(|| format!("{it}/ID"), str::to_owned);
        match (references::have_titles(it), vietnamese) {
            (true, true) => format!("mã bản ghi, như {example}, hoặc tên gọi của bản ghi"),
            (true, false) => format!("the name of a record, as {example}, or what it is called"),
            (false, true) => format!("mã bản ghi, như {example}"),
            (false, false) => format!("the name of a record, as {example}"),
        }
    });
    let characters = characters.filter(|_| column.form == Form::Text && names.is_none());
    let characters = characters.map(|most| match vietnamese {
        true => format!("tối đa {most} ký tự"),
        false => format!("at most {most} characters"),
    });
    let items = items.map(|most| match vietnamese {
        true => format!("tối đa {most} mục"),
        false => format!("at most {most} items"),
    });
    let number = match (numbers, vietnamese) {
        ((None, None), _) => None,
        ((Some(least), Some(most)), true) => Some(format!("từ {least} đến {most}")),
        ((Some(least), Some(most)), false) => Some(format!("from {least} to {most}")),
        ((Some(least), None), true) => Some(format!("từ {least} trở lên")),
        ((Some(least), None), false) => Some(format!("{least} or more")),
        ((None, Some(most)), true) => Some(format!("tối đa {most}")),
        ((None, Some(most)), false) => Some(format!("at most {most}")),
    };
    [name, characters, items, number]
        .into_iter()
        .flatten()
        .collect()
}
