//! Files of rows: CSV, JSON Lines and workbooks, read row by row, so that memory holds one row and
//! what a workbook repeats.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read, Seek as _, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx};
use ndp_core::{error::Error, messages::Rule, time::Date};

use super::{
    ROW_BYTES_MAX, annex, archive,
    headers::Table,
    kinds::{self, Kind},
    rows::{Content, Problem, Row},
    sheet::Sheet,
    values::Cell,
};

/// The field of the request that has the file.
pub(super) const FILE: &str = "chunk";

/// Rows at the beginning of a sheet among which the header is looked for.
pub(super) const HEADER_ROWS: usize = 20;

/// Most of a file that is looked at for what separates its values.
const LOOK_BYTES: usize = 64 * 1024;

/// What a sheet's rows are about.
#[derive(Clone, Copy, Debug)]
pub enum About {
    /// Records of this kind, or of the kind that a sheet is named after.
    Kind(Option<&'static Kind>),
    /// Entries of an edition.
    Annex,
}

impl About {
    pub(super) fn table(self, kind: &Kind) -> Table {
        match self {
            Self::Kind(_) => Table::of(kind),
            Self::Annex => annex::table(kind).unwrap_or_else(|| Table::of(kind)),
        }
    }
}

/// What a file has, in order.
#[derive(Clone, Debug)]
pub enum Item {
    /// The header of a sheet.
    Header(SheetHeader),
    /// A row.
    Row(Row),
}

/// The header of a sheet.
#[derive(Clone, Debug)]
pub struct SheetHeader {
    /// Name of the sheet; empty for a file without sheets.
    pub sheet: String,
    /// Its row.
    pub number: u32,
    /// The kind of its records.
    pub kind: &'static Kind,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// Columns that are not read.
    pub ignored: Vec<String>,
}

/// Reads a file; `each` takes what it has, and returns whether to go on.
pub fn read(mut file: File, about: About, mut each: impl FnMut(Item) -> bool) -> Result<(), Error> {
    let mut start = Vec::new();
    let look = file
        .by_ref()
        .take(LOOK_BYTES as u64)
        .read_to_end(&mut start);
    look.and_then(|_| file.seek(SeekFrom::Start(0)))
        .map_err(|error| malformed(&error))?;
    if start.starts_with(b"PK\x03\x04") {
        archive::check(&mut file)?;
        let file = BufReader::new(file);
        // a defect of the reader is one of the file to its sender
        let reading = AssertUnwindSafe(|| workbook(file, about, &mut each));
        let read = catch_unwind(reading);
        return read.unwrap_or_else(|_| Err(malformed(&"its parts do not fit together")));
    }
    if start.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(malformed(&"it is of the old form XLS, or encrypted"));
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    let after_mark = (start.len() - text.len()) as u64;
    file.seek(SeekFrom::Start(after_mark))
        .map_err(|error| malformed(&error))?;
    let first = text.iter().find(|it| !it.is_ascii_whitespace());
    if first == Some(&b'{') && matches!(about, About::Kind(_)) {
        return json_lines(file, named(about)?, &mut each);
    }
    values(file, text, about, &mut each)
}

pub(super) fn malformed(about: &dyn std::fmt::Display) -> Error {
    let about = about.to_string().chars().take(200).collect();
    Error::invalid(FILE, Rule::FileMalformed { about })
}

/// The kind of a file without sheets.
fn named(about: About) -> Result<&'static Kind, Error> {
    match about {
        About::Kind(Some(kind)) => Ok(kind),
        About::Kind(None) => kinds::named(""),
        About::Annex => kinds::named("platforms"),
    }
}

// === values with something between them ===

fn values(
    file: File,
    start: &[u8],
    about: About,
    each: &mut dyn FnMut(Item) -> bool,
) -> Result<(), Error> {
    let kind = named(about)?;
    let (delimiter, skipped) = delimiter(start);
    let ends_quoted = ends_quoted(&file).map_err(|error| malformed(&error))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(BufReader::new(file));
    let mut sheet = Sheet::new(String::new(), kind, about);
    let mut record = csv::ByteRecord::new();
    // the reader leaves out blank lines, which a spreadsheet shows as rows
    let (mut number, mut next_line) = (0, 1);
    // the line where a value of several lines began, if such a value came last
    let mut open = None;
    loop {
        let more = reader.read_byte_record(&mut record);
        if !more.map_err(|error| malformed(&error))? {
            break;
        }
        let line = record.position().map_or(next_line, csv::Position::line);
        let breaks = record.iter().flatten().filter(|it| **it == b'\n').count();
        number += 1 + line.saturating_sub(next_line);
        next_line = line + 1 + breaks as u64;
        if skipped && number == 1 {
            continue;
        }
        let last = record.iter().next_back();
        open = last.filter(|it| it.contains(&b'\n')).map(|_| line);
        if record.as_slice().len() > ROW_BYTES_MAX {
            return Err(row_too_long(line));
        }
        let mut cells = Vec::with_capacity(record.len());
        for (place, field) in record.iter().enumerate() {
            let text = std::str::from_utf8(field);
            let text = text.map_err(|_| Error::invalid(FILE, Rule::FileNotUtf8 { line }))?;
            match Cell::text(text.to_owned()) {
                Cell::Empty => {}
                cell => cells.push((place, cell)),
            }
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if !sheet.take(number, cells, each)? {
            return Ok(());
        }
    }
    match open.filter(|_| !ends_quoted) {
        Some(line) => Err(Error::invalid(FILE, Rule::QuoteOpen { line })),
        None => sheet.end(each),
    }
}

/// Whether the last line of a file ends with a quotation mark.
fn ends_quoted(mut file: &File) -> std::io::Result<bool> {
    let at = file.stream_position()?;
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(
        size.saturating_sub(LOOK_BYTES as u64).max(at),
    ))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    file.seek(SeekFrom::Start(at))?;
    let last = end.iter().rfind(|it| !it.is_ascii_whitespace());
    Ok(last == Some(&b'"'))
}

fn row_too_long(line: u64) -> Error {
    malformed(&format!("line {line} has more than {ROW_BYTES_MAX} bytes"))
}

/// What separates the values: what comes most often in one of the first lines, outside quotes. And
/// whether the first line only says so, as `sep=;`.
fn delimiter(start: &[u8]) -> (u8, bool) {
    if let Some(rest) = start.strip_prefix(b"sep=")
        && let Some(delimiter) = rest.first()
        && rest.get(1).is_some_and(|it| matches!(it, b'\r' | b'\n'))
    {
        return (*delimiter, true);
    }
    let mut best = (0, b',');
    let mut counts = [(0, b','), (0, b';'), (0, b'\t')];
    let (mut quoted, mut lines) = (false, 0);
    for byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                for count in &mut counts {
                    if count.0 > best.0 {
                        best = *count;
                    }
                    count.0 = 0;
                }
                lines += 1;
                if lines == HEADER_ROWS {
                    break;
                }
            }
            byte if !quoted => {
                for count in &mut counts {
                    count.0 += u32::from(count.1 == *byte);
                }
            }
            _ => {}
        }
    }
    for count in counts {
        if count.0 > best.0 {
            best = count;
        }
    }
    (best.1, false)
}

// === JSON Lines ===

fn json_lines(
    file: File,
    kind: &'static Kind,
    each: &mut dyn FnMut(Item) -> bool,
) -> Result<(), Error> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut limited = reader.by_ref().take(ROW_BYTES_MAX as u64 + 1);
        let read = limited.read_until(b'\n', &mut line);
        if read.map_err(|error| malformed(&error))? == 0 {
            break;
        }
        if line.len() > ROW_BYTES_MAX {
            return Err(row_too_long(number.into()));
        }
        let text = std::str::from_utf8(&line).map_err(|_| {
            let line = number.into();
            Error::invalid(FILE, Rule::FileNotUtf8 { line })
        })?;
        if text.trim().is_empty() {
            continue;
        }
        let fields = serde_json::from_str(text).map_err(|error| {
            let about = format!("line {number}: {error}");
            Error::invalid(FILE, Rule::FileMalformed { about })
        })?;
        let row = Row {
            kind,
            sheet: String::new(),
            number,
            content: Content::Json(fields),
            problems: Vec::new(),
        };
        if !each(Item::Row(row)) {
            return Ok(());
        }
    }
    Ok(())
}

// === workbooks ===

fn workbook(
    file: BufReader<File>,
    about: About,
    each: &mut dyn FnMut(Item) -> bool,
) -> Result<(), Error> {
    let workbook: Result<Xlsx<_>, _> = Xlsx::new(file);
    let mut workbook = workbook.map_err(|error| malformed(&error))?;
    let sheets = workbook.sheets_metadata().iter();
    let sheets =
        sheets.filter(|it| it.typ == SheetType::WorkSheet && it.visible == SheetVisible::Visible);
    let names: Vec<String> = sheets.map(|it| it.name.clone()).collect();
    let is_named = |name: &&String| kinds::find(name).is_some();
    let any_named = matches!(about, About::Kind(_)) && names.iter().any(|it| is_named(&it));
    for name in names {
        let kind = match kinds::find(&name) {
            Some(kind) if any_named => kind,
            _ if any_named => {
                let Some(near) = kinds::near(&name) else {
                    continue;
                };
                if !each(Item::Header(misnamed(name, near))) {
                    return Ok(());
                }
                continue;
            }
            _ => named(about)?,
        };
        let reader = workbook.worksheet_cells_reader(&name);
        let mut reader = reader.map_err(|error| malformed(&error))?;
        let mut sheet = Sheet::new(name, kind, about);
        let (mut row, mut cells, mut bytes) = (0, Vec::new(), 0);
        loop {
            let next = reader.next_cell_with_formula_metadata();
            let next = next.map_err(|error| malformed(&error))?;
            let at = next.as_ref().map(|it| it.pos);
            if at.is_none_or(|(number, _)| number != row) {
                let cells = std::mem::take(&mut cells);
                bytes = 0;
                if !cells.is_empty() && !sheet.take(row.saturating_add(1), cells, each)? {
                    return Ok(());
                }
            }
            let (Some((number, place)), Some(next)) = (at, next) else {
                break;
            };
            row = number;
            let value = match (&next.value, &next.formula) {
                (DataRef::Empty, Some(_)) => Cell::Uncomputed,
                (value, _) => cell(value),
            };
            match value {
                Cell::Empty => {}
                cell => {
                    bytes += cell.bytes();
                    if bytes > ROW_BYTES_MAX {
                        return Err(row_too_long(u64::from(row) + 1));
                    }
                    cells.push((place as usize, cell));
                }
            }
        }
        sheet.end(each)?;
    }
    Ok(())
}

/// The header of a sheet whose name is nearly that of a kind.
fn misnamed(sheet: String, near: &'static Kind) -> SheetHeader {
    let rule = kinds::unknown(&sheet);
    SheetHeader {
        sheet,
        number: 1,
        kind: near,
        problems: vec![Problem::of_rule(String::new(), String::new(), &rule)],
        ignored: Vec::new(),
    }
}

fn cell(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::String(text) => Cell::text(text.clone()),
        DataRef::SharedString(text) => Cell::text((*text).to_owned()),
        DataRef::Bool(yes) => Cell::Bool(*yes),
        DataRef::DateTime(time) if time.is_duration() => Cell::Number(time.as_f64()),
        DataRef::DateTime(time) => {
            let (year, month, day, ..) = time.to_ymd_hms_milli();
            match Date::new(year.into(), month.into(), day.into()) {
                Ok(date) => Cell::Date(date),
                Err(_) => Cell::Number(time.as_f64()),
            }
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::text(text.clone()),
        DataRef::Error(failed) => Cell::Failed(failed.to_string()),
    }
}
