//! Files of rows: CSV, JSON Lines and workbooks, read row by row, so that memory holds one row and
//! what a workbook repeats. What a workbook would unpack to is measured before it is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead as _, BufReader, Read, Seek as _, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx};
use ndp_core::{error::Error, messages::Rule, time::Date};

use super::{
    COLUMNS_MAX, ROW_BYTES_MAX, annex,
    columns::{self, Column, Header, Table},
    kinds::{self, Kind},
    rows::{Content, Problem, Row, cell_name},
    values::Cell,
};

/// The field of the request that has the file.
const FILE: &str = "chunk";

/// Rows at the beginning of a sheet among which the header is looked for.
const HEADER_ROWS: usize = 20;

/// Most unknown headers of a sheet for which the nearest known one is looked for.
const NEAR_MAX: usize = 50;

/// Most bytes that a workbook unpacks to.
const UNPACKED_MAX: u64 = 192 * 1024 * 1024;

/// Most bytes of a part of it that is kept in memory, as the texts of all cells are.
const KEPT_MAX: u64 = 64 * 1024 * 1024;

/// Parts of a workbook that are read cell by cell.
const SHEETS: &str = "xl/worksheets/";

/// Most files in a workbook.
const PARTS_MAX: usize = 1_000;

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
    fn table(self, kind: &Kind) -> Table {
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
        check_archive(&mut file)?;
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

fn malformed(about: &dyn std::fmt::Display) -> Error {
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

/// Refuses an archive that unpacks to too much, whatever it declares, or declares entities of XML.
fn check_archive(file: &mut File) -> Result<(), Error> {
    let too_large = || {
        let most_mib = UNPACKED_MAX / (1024 * 1024);
        Error::invalid(FILE, Rule::WorkbookTooLarge { most_mib })
    };
    let archive = zip::ZipArchive::new(BufReader::new(&mut *file));
    let mut archive = archive.map_err(|error| malformed(&error))?;
    if archive.len() > PARTS_MAX {
        return Err(too_large());
    }
    let mut left = UNPACKED_MAX;
    let mut buffer = vec![0; 64 * 1024];
    for index in 0..archive.len() {
        let part = archive.by_index(index);
        let mut part = part.map_err(|error| malformed(&error))?;
        if part.size() > left {
            return Err(too_large());
        }
        let is_kept = part.name().map_or(true, |it| !it.starts_with(SHEETS));
        let mut room = if is_kept { KEPT_MAX } else { UNPACKED_MAX };
        // the end of the piece before, in which a declaration may begin
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let read = part.read(&mut buffer).map_err(|error| malformed(&error))?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(too_large)?;
            room = room.checked_sub(read as u64).ok_or_else(too_large)?;
            tail.extend_from_slice(buffer.get(..read).unwrap_or_default());
            if declares_entities(&tail) {
                return Err(Error::invalid(FILE, Rule::WorkbookUnsafe));
            }
            tail.drain(..tail.len().saturating_sub(DOCTYPE.len() - 1));
        }
    }
    file.seek(SeekFrom::Start(0))
        .map(drop)
        .map_err(|error| malformed(&error))
}

const DOCTYPE: &[u8] = b"<!DOCTYPE";

fn declares_entities(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|it| *it == b'<') {
        rest = rest.get(at..).unwrap_or_default();
        let start = rest.get(..DOCTYPE.len()).unwrap_or_default();
        if start.eq_ignore_ascii_case(DOCTYPE) || start.starts_with(b"<!ENTITY") {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

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

// === one sheet ===

/// A sheet whose header is being looked for, or has been found.
struct Sheet {
    name: String,
    kind: &'static Kind,
    about: About,
    /// The first rows, until the header is known.
    first: Vec<(u32, Vec<(usize, Cell)>)>,
    columns: Option<Arc<[(usize, Column)]>>,
    /// The places of columns that have a header.
    headed: BTreeSet<usize>,
}

impl Sheet {
    fn new(name: String, kind: &'static Kind, about: About) -> Self {
        Self {
            name,
            kind,
            about,
            first: Vec::new(),
            columns: None,
            headed: BTreeSet::new(),
        }
    }

    /// Takes the next row; blank ones are left out. Returns whether to go on.
    fn take(
        &mut self,
        number: u32,
        cells: Vec<(usize, Cell)>,
        each: &mut dyn FnMut(Item) -> bool,
    ) -> Result<bool, Error> {
        if cells.is_empty() {
            return Ok(true);
        }
        if cells.len() > COLUMNS_MAX {
            let most = COLUMNS_MAX;
            return Err(Error::invalid(FILE, Rule::TooManyColumns { most }));
        }
        if let Some(columns) = &self.columns {
            return Ok(self.row(Arc::clone(columns), number, cells, each));
        }
        self.first.push((number, cells));
        if self.first.len() < HEADER_ROWS {
            return Ok(true);
        }
        self.begin(each)
    }

    fn end(mut self, each: &mut dyn FnMut(Item) -> bool) -> Result<(), Error> {
        if self.columns.is_none() && !self.first.is_empty() {
            self.begin(each)?;
        }
        Ok(())
    }

    fn row(
        &self,
        columns: Arc<[(usize, Column)]>,
        number: u32,
        cells: Vec<(usize, Cell)>,
        each: &mut dyn FnMut(Item) -> bool,
    ) -> bool {
        let mut given: BTreeMap<_, _> = cells.into_iter().collect();
        let cells = columns
            .iter()
            .map(|(place, _)| given.remove(place).unwrap_or_default());
        let cells: Vec<_> = cells.collect();
        if cells.iter().all(|cell| *cell == Cell::Empty) {
            return true;
        }
        // as where a text with a comma has no quotes, and moves all that comes after it
        let stray = given.iter().find(|(place, _)| !self.headed.contains(place));
        let stray = stray.filter(|_| !matches!(self.about, About::Annex));
        let problems = stray.map(|(place, cell)| {
            let value = cell.shown();
            let rule = Rule::CellWithoutHeader { value };
            Problem::of_rule(cell_name(*place, number), String::new(), &rule)
        });
        each(Item::Row(Row {
            kind: self.kind,
            sheet: self.name.clone(),
            number,
            content: Content::Cells { columns, cells },
            problems: problems.into_iter().collect(),
        }))
    }

    /// Finds the header among the first rows, and takes the rows below it.
    fn begin(&mut self, each: &mut dyn FnMut(Item) -> bool) -> Result<bool, Error> {
        let table = self.about.table(self.kind);
        let first = std::mem::take(&mut self.first);
        let mut best: Option<(usize, usize, Vec<Label>)> = None;
        for (index, (_, row)) in first.iter().enumerate() {
            let above = index.checked_sub(1).and_then(|it| first.get(it));
            let labels = labels(&table, row, above.map(|(_, row)| &**row));
            let known = labels.iter().filter(|it| it.header.is_some()).count();
            if known > best.as_ref().map_or(0, |(known, ..)| *known) {
                best = Some((known, index, labels));
            }
        }
        let Some((_, index, labels)) = best else {
            let kind = self.kind.collection.clone();
            return Err(Error::invalid(FILE, Rule::FileWithoutHeader { kind }));
        };
        let number = first.get(index).map_or(1, |(number, _)| *number);
        let labelled = labels.iter().filter(|it| !it.text.is_empty());
        self.headed = labelled.map(|it| it.place).collect();
        let (header, columns) = self.header(&table, number, labels);
        if !each(Item::Header(header)) {
            return Ok(false);
        }
        let columns: Arc<[_]> = columns.into();
        self.columns = Some(Arc::clone(&columns));
        for (number, cells) in first.into_iter().skip(index + 1) {
            if !self.row(Arc::clone(&columns), number, cells, each) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn header(
        &self,
        table: &Table,
        number: u32,
        labels: Vec<Label>,
    ) -> (SheetHeader, Vec<(usize, Column)>) {
        let mut header = SheetHeader {
            sheet: self.name.clone(),
            number,
            kind: self.kind,
            problems: Vec::new(),
            ignored: Vec::new(),
        };
        let mut columns: Vec<(usize, Column)> = Vec::new();
        for label in labels {
            let cell = cell_name(label.place, number);
            match label.header {
                Some(Header::Column(column)) => {
                    let path = column.path();
                    let mut before = columns.iter();
                    match before.find(|(_, it)| it.path() == path) {
                        None => columns.push((label.place, column)),
                        Some((first, _)) => {
                            let first = cell_name(*first, number);
                            let rule = Rule::ColumnRepeated { cell: first };
                            header.problems.push(Problem::of_rule(cell, path, &rule));
                        }
                    }
                }
                Some(Header::Ignored(path)) => header.ignored.push(path),
                // the annex of a decision has columns of its own
                None if matches!(self.about, About::Annex) => header.ignored.push(label.text),
                None => {
                    let shown: String = label.text.chars().take(100).collect();
                    let looks = header.problems.len() < NEAR_MAX;
                    let rule = Rule::ColumnUnknown {
                        near: looks.then(|| columns::near(table, &shown)).flatten(),
                        header: shown.clone(),
                    };
                    header.problems.push(Problem::of_rule(cell, shown, &rule));
                }
            }
        }
        (header, columns)
    }
}

/// A header cell.
struct Label {
    place: usize,
    text: String,
    header: Option<Header>,
}

/// Reads a row as a header. Where the row above has a cell that was merged over several columns,
/// or over both rows, the two are read together.
fn labels(table: &Table, row: &[(usize, Cell)], above: Option<&[(usize, Cell)]>) -> Vec<Label> {
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    let above = above.unwrap_or_default();
    let mut labels = Vec::new();
    for (place, cell) in row {
        let own = text(cell);
        let mut header = columns::read(table, &own);
        if header.is_none()
            && let Some((_, group)) = above.iter().rfind(|(at, _)| at <= place)
        {
            header = columns::read(table, &format!("{} / {own}", text(group)));
        }
        labels.push(Label {
            place: *place,
            text: own,
            header,
        });
    }
    for (place, cell) in above {
        if row.iter().all(|(at, _)| at != place) {
            let header = columns::read(table, &text(cell));
            labels.extend(header.map(|header| Label {
                place: *place,
                text: text(cell),
                header: Some(header),
            }));
        }
    }
    labels.sort_by_key(|it| it.place);
    labels
}
