//! Rows of a list as they come, page by page, in each form.

use csv::WriterBuilder;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor};

use super::{
    failure::Failure,
    request::text_at,
    screen::{Form, NOT_SHOWN, Screen, print, yaml},
};
use crate::http::{csv::Columns, json::Message};

/// Fields that say most, in the order they are shown; then the others as the protos have them.
const FIRST: [&str; 8] = [
    "name",
    "revision",
    "level",
    "kind",
    "display_name",
    "symbol",
    "state",
    "method",
];

/// Of a record within a row, what is shown beside its name, and what after all else.
const WITHIN: [&str; 3] = ["value", "figure_date", "subject"];
const LAST: [&str; 2] = ["figure_date", "subject"];

/// Rows of a list, printed page by page.
pub(super) struct Rows {
    screen: Screen,
    row: MessageDescriptor,
    /// Whether there may be any number of them.
    is_list: bool,
    columns: Option<Vec<Column>>,
    /// How many were printed.
    count: usize,
}

impl Rows {
    pub(super) const fn new(screen: Screen, row: MessageDescriptor, is_list: bool) -> Self {
        Self {
            screen,
            row,
            is_list,
            columns: None,
            count: 0,
        }
    }

    /// Prints some.
    pub(super) fn page(&mut self, rows: &[DynamicMessage]) -> Result<(), Failure> {
        let first = self.count == 0;
        let mut text = String::new();
        match self.screen.form {
            Form::Table => {
                if rows.is_empty() {
                    return Ok(());
                }
                let screen = self.screen;
                let columns = self
                    .columns
                    .get_or_insert_with(|| columns(&screen, &self.row, rows));
                let head: Vec<_> = columns.iter().map(|it| it.label(&screen)).collect();
                let lines = rows.iter().map(|row| {
                    let cells = columns.iter().map(|it| it.cell(&screen, row));
                    cells.map(Option::unwrap_or_default).collect::<Vec<_>>()
                });
                let lines: Vec<_> = lines.collect();
                let below = rows.iter().map_while(|row| to_do(&screen, row));
                let below: Vec<_> = below.collect();
                text = screen.table_with(&head, &lines, &below, first);
            }
            Form::Json => {
                for (at, row) in rows.iter().enumerate() {
                    let pretty = serde_json::to_string_pretty(&Message(row));
                    let pretty = pretty.map_err(anyhow::Error::from)?;
                    if !self.is_list {
                        text.push_str(&pretty);
                        continue;
                    }
                    let before = if self.count + at == 0 {
                        "[\n  "
                    } else {
                        ",\n  "
                    };
                    text.push_str(before);
                    // a line feed within a text is written as \n
                    text.push_str(&pretty.replace('\n', "\n  "));
                }
                if !self.is_list {
                    text.push('\n');
                }
            }
            Form::Jsonl => {
                for row in rows {
                    text.push_str(
                        &serde_json::to_string(&Message(row)).map_err(anyhow::Error::from)?,
                    );
                    text.push('\n');
                }
            }
            Form::Yaml if self.is_list => {
                for row in rows {
                    text.push_str(&yaml(&[Message(row)])?);
                }
            }
            Form::Yaml => {
                for row in rows {
                    text.push_str(&yaml(&Message(row))?);
                }
            }
            Form::Csv => {
                let columns = Columns::new(&self.row);
                let mut writer = WriterBuilder::new().from_writer(Vec::new());
                if first {
                    writer
                        .write_record(columns.names())
                        .map_err(anyhow::Error::from)?;
                }
                for row in rows {
                    writer
                        .write_record(columns.cells(row))
                        .map_err(anyhow::Error::from)?;
                }
                let bytes = writer
                    .into_inner()
                    .map_err(|error| anyhow::anyhow!("{error}"))?;
                text = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        self.count += rows.len().max(usize::from(self.screen.form == Form::Csv));
        print(&text)
    }

    /// After the last page.
    pub(super) fn end(self) -> Result<(), Failure> {
        let text = match (self.screen.form, self.is_list, self.count) {
            (Form::Json, true, 0) | (Form::Yaml, true, 0) => "[]\n",
            (Form::Json, true, _) => "\n]\n",
            (Form::Csv, _, 0) => return Self { count: 0, ..self }.header(),
            _ => "",
        };
        print(text)
    }

    /// The head alone.
    fn header(mut self) -> Result<(), Failure> {
        self.page(&[])
    }
}

/// Of an item that someone has to act on: what it is about, who acts, and how. They are shown
/// whole, below the columns.
const TO_DO: [&str; 6] = [
    "resource",
    "agency",
    "agency_display_name",
    "accountable_head",
    "action",
    "action_vi",
];

/// What an item is about, whose it is and what to do; none of other rows.
fn to_do(screen: &Screen, row: &DynamicMessage) -> Option<String> {
    let action = text_at(row, screen.language.of("action", "action_vi"))?;
    let named = text_at(row, "agency_display_name")?;
    let agency = Some(named).filter(|it| !it.is_empty());
    let agency = agency.or_else(|| text_at(row, "agency"))?;
    let office = text_at(row, "accountable_head.office").filter(|it| !it.is_empty());
    let office = office.map(|it| format!(" ({it})")).unwrap_or_default();
    let resource = text_at(row, "resource")?;
    Some(match agency.is_empty() {
        true => format!("{resource}\n{action}"),
        false => format!("{resource}\n{agency}{office}: {action}"),
    })
}

/// A column of a table: a field of the rows, or of a record within them.
#[derive(Debug)]
struct Column {
    field: FieldDescriptor,
    within: Option<FieldDescriptor>,
}

impl Column {
    fn label(&self, screen: &Screen) -> String {
        screen.label(self.within.as_ref().unwrap_or(&self.field))
    }

    /// What a row has in it, in one line.
    fn cell(&self, screen: &Screen, row: &DynamicMessage) -> Option<String> {
        let value = row
            .has_field(&self.field)
            .then(|| row.get_field(&self.field))?;
        match &self.within {
            None => screen.column(&self.field, &value),
            Some(field) => {
                let record = value.as_message().filter(|it| it.has_field(field))?;
                screen.column(field, &record.get_field(field))
            }
        }
    }
}

/// The columns of a table: fields in one line that any of the rows has, what says most first.
fn columns(screen: &Screen, row: &MessageDescriptor, rows: &[DynamicMessage]) -> Vec<Column> {
    let is_to_do = row.get_field_by_name("action").is_some();
    let mut fields: Vec<_> = row
        .fields()
        .filter(|field| !is_to_do || !TO_DO.contains(&field.name()))
        .filter(|field| screen.language.shows(row, field) && !NOT_SHOWN.contains(&field.name()))
        .collect();
    let place = |field: &FieldDescriptor| {
        let named = FIRST.iter().position(|it| *it == field.name());
        // of a resource that has a name, its revision says little
        let is_late = field.name().ends_with("_time")
            || field.name() == "revision" && row.get_field_by_name("name").is_some();
        match named {
            _ if is_late => FIRST.len() + 2,
            Some(place) => place,
            None if field.is_list() => FIRST.len() + 1,
            None => FIRST.len(),
        }
    };
    fields.sort_by_key(place);
    let columns = fields.into_iter().flat_map(|field| {
        let kind = field.kind();
        let record = kind.as_message().filter(|_| !field.is_list());
        let record = record.filter(|it| it.get_field_by_name("name").is_some());
        let within = WITHIN
            .iter()
            .filter_map(|name| record?.get_field_by_name(name));
        let parts: Vec<_> = std::iter::once(None).chain(within.map(Some)).collect();
        parts.into_iter().map(move |within| Column {
            field: field.clone(),
            within,
        })
    });
    let shown = columns.filter(|it| rows.iter().any(|row| it.cell(screen, row).is_some()));
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by_key(|it| {
        it.within
            .as_ref()
            .is_some_and(|it| LAST.contains(&it.name()))
    });
    shown
}
