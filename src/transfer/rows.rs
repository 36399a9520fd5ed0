//! Rows of a file: what their cells say, put into a record, and what is wrong with them.

use std::sync::Arc;

use ndp_core::{
    error::{Error, Violation},
    messages::Rule,
    reasons::Reason,
};

use super::{
    columns::{Column, NAME},
    kinds::Kind,
    record::Record,
    references::References,
    values::{self, Cell},
};

/// A row of a file.
#[derive(Clone, Debug)]
pub struct Row {
    /// The kind of its record.
    pub kind: &'static Kind,
    /// Name of its sheet; empty for a file without sheets.
    pub sheet: String,
    /// Its number in the sheet, from 1.
    pub number: u32,
    /// What it says.
    pub content: Content,
    /// What is wrong with it as it was read, before its record is decided.
    pub problems: Vec<Problem>,
}

/// What a row says.
#[derive(Clone, Debug)]
pub enum Content {
    /// The cells of these columns, each of which has its place from 0.
    Cells {
        /// The columns.
        columns: Arc<[(usize, Column)]>,
        /// One cell for each.
        cells: Vec<Cell>,
    },
    /// A record as JSON.
    Json(serde_json::Map<String, serde_json::Value>),
}

/// Something that is wrong with a row or a cell.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The cell, as `C7`; empty for a row.
    pub cell: String,
    /// The path of the column, or what the header has.
    pub column: String,
    /// The stable reason.
    pub reason: Reason,
    /// What is wrong and what to do, in English.
    pub english: String,
    /// The same in Vietnamese.
    pub vietnamese: String,
}

impl Problem {
    /// A rule that a cell breaks.
    pub fn of_rule(cell: String, column: String, rule: &Rule) -> Self {
        Self {
            cell,
            column,
            reason: rule.reason(),
            english: rule.english(),
            vietnamese: rule.vietnamese(),
        }
    }

    /// An error about the row as a whole.
    pub fn of_error(error: &Error) -> Self {
        Self {
            cell: String::new(),
            column: String::new(),
            reason: error.reason(),
            english: error.english(),
            vietnamese: error.vietnamese(),
        }
    }
}

/// The name of a cell.
pub fn cell_name(column: usize, row: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    let letters: String = letters.iter().rev().collect();
    format!("{letters}{row}")
}

impl Row {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        match &self.content {
            Content::Cells { cells, .. } => cells.iter().map(Cell::bytes).sum(),
            Content::Json(fields) => fields.iter().map(|(name, it)| name.len() + json(it)).sum(),
        }
    }

    /// The text of the column with this path; empty for none.
    pub fn text(&self, path: &str) -> String {
        let found = match &self.content {
            Content::Cells { columns, cells } => {
                let mut cells = columns.iter().zip(cells);
                let found = cells.find(|((_, column), _)| column.path() == path);
                let value =
                    found.and_then(|((_, column), cell)| values::read(cell, column).ok().flatten());
                value.and_then(|it| it.as_str().map(str::to_owned))
            }
            Content::Json(fields) => {
                let found = fields.get(path).and_then(|it| it.as_str());
                found.map(str::to_owned)
            }
        };
        found.unwrap_or_default().trim().to_owned()
    }

    /// Has each cell that names other records hold their resource names; the others are a problem,
    /// and then empty. JSON holds resource names already.
    pub fn refer(&mut self, references: &mut References<'_>) {
        let Content::Cells { columns, cells } = &mut self.content else {
            return;
        };
        for ((place, column), cell) in columns.iter().zip(cells) {
            let (Some(collection), Cell::Text(text)) = (column.names, &*cell) else {
                continue;
            };
            let text = values::plain(text);
            if text.trim().is_empty() {
                continue;
            }
            let found = match column.is_list {
                true => references.find_all(collection, &text),
                false => references.find(collection, text.trim()),
            };
            *cell = match found {
                Ok(names) => Cell::Text(names),
                Err(rule) => {
                    let cell = cell_name(*place, self.number);
                    let problem = Problem::of_rule(cell, column.path(), &rule);
                    self.problems.push(problem);
                    Cell::Empty
                }
            };
        }
    }

    /// Puts what the row says into the record; returns what is wrong with it.
    pub fn fill(&self, record: &mut Record) -> Vec<Problem> {
        let mut problems = Vec::new();
        match &self.content {
            Content::Cells { columns, cells } => {
                for ((place, column), cell) in columns.iter().zip(cells) {
                    if column.steps.is_empty() {
                        continue;
                    }
                    match values::read(cell, column) {
                        Ok(value) => record.set(column, value),
                        Err(rule) => {
                            let cell = cell_name(*place, self.number);
                            problems.push(Problem::of_rule(cell, column.path(), &rule));
                        }
                    }
                }
            }
            Content::Json(fields) => {
                if let Err(about) = record.set_json(fields) {
                    let rule = Rule::CellNotJson { about };
                    problems.push(Problem::of_rule(String::new(), String::new(), &rule));
                }
            }
        }
        record.settle();
        problems
    }

    /// The problem of a rule that the column with this path breaks.
    pub fn at(&self, column: &str, rule: &Rule) -> Problem {
        self.of_column(column.to_owned(), rule)
    }

    /// The problem of a violation in the request of the row's record.
    pub fn problem(&self, violation: &Violation) -> Problem {
        let path = column_path(self.kind, &violation.field);
        self.of_column(path, &violation.rule)
    }

    /// The problem of an error about the record, at the column with this path if there is one.
    pub fn refused(&self, column: &str, error: &Error) -> Problem {
        let mut problem = Problem::of_error(error);
        if let Some(cell) = self.cell_of(column) {
            (problem.cell, problem.column) = (cell, column.to_owned());
        }
        problem
    }

    fn of_column(&self, path: String, rule: &Rule) -> Problem {
        let cell = self.cell_of(&path);
        Problem::of_rule(cell.unwrap_or_default(), path, rule)
    }

    /// The cell of a column, or of one that it is in or that is in it.
    fn cell_of(&self, path: &str) -> Option<String> {
        match &self.content {
            Content::Json(_) => None,
            Content::Cells { columns, .. } => {
                let about = |column: &str| {
                    let within = |path: &str, inner: &str| {
                        let rest = inner.strip_prefix(path);
                        rest.is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
                    };
                    within(path, column) || within(column, path)
                };
                let mut columns = columns.iter();
                let found = columns.find(|(_, column)| about(&column.path()));
                found.map(|(place, _)| cell_name(*place, self.number))
            }
        }
    }
}

/// About how much memory JSON takes.
fn json(value: &serde_json::Value) -> usize {
    use serde_json::Value::{Array, Bool, Null, Number, Object, String};
    32 + match value {
        Null | Bool(_) | Number(_) => 0,
        String(text) => text.len(),
        Array(items) => items.iter().map(json).sum(),
        Object(fields) => fields.iter().map(|(name, it)| name.len() + json(it)).sum(),
    }
}

/// The path of a column from that of a field in a request: elements count from 1 here.
fn column_path(kind: &Kind, field: &str) -> String {
    let of_id = field.strip_suffix("_id").is_some_and(|it| it == kind.field);
    if of_id {
        return NAME.to_owned();
    }
    let path = field
        .strip_prefix(&kind.field)
        .and_then(|it| it.strip_prefix('.'));
    let path = path.unwrap_or(field);
    let mut parts = path.split('[');
    let mut counted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(']').unwrap_or((part, ""));
        match number.parse::<usize>() {
            Ok(number) => counted.push_str(&format!("[{}]", number + 1)),
            Err(_) => counted.push_str(&format!("[{number}]")),
        }
        counted.push_str(rest);
    }
    counted
}
