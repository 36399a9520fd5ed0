//! One sheet: its header is looked for among its first rows, and the rows below it are given on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ndp_core::{error::Error, messages::Rule};

use super::{
    COLUMNS_MAX,
    columns::Column,
    headers::{self, Header, Table},
    kinds::Kind,
    rows::{Content, Problem, Row, cell_name},
    sheets::{About, FILE, HEADER_ROWS, Item, SheetHeader},
    values::Cell,
};

/// Most unknown headers of a sheet for which the nearest known one is looked for.
const NEAR_MAX: usize = 50;

/// A sheet whose header is being looked for, or has been found.
pub(super) struct Sheet {
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
    /// A sheet without rows yet.
    pub(super) fn new(name: String, kind: &'static Kind, about: About) -> Self {
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
    pub(super) fn take(
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

    /// Takes what is left where the sheet ends.
    pub(super) fn end(mut self, each: &mut dyn FnMut(Item) -> bool) -> Result<(), Error> {
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
                        near: looks.then(|| headers::near(table, &shown)).flatten(),
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
        let mut header = headers::read(table, &own);
        if header.is_none()
            && let Some((_, group)) = above.iter().rfind(|(at, _)| at <= place)
        {
            header = headers::read(table, &format!("{} / {own}", text(group)));
        }
        labels.push(Label {
            place: *place,
            text: own,
            header,
        });
    }
    for (place, cell) in above {
        if row.iter().all(|(at, _)| at != place) {
            let header = headers::read(table, &text(cell));
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
