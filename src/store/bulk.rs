//! Many rows in one statement: one round trip however large the group.
//!
//! A row is a list of columns with their values, so that a table is written down once, in
//! `tables.rs`, and columns cannot part from their values.

use sqlx::{QueryBuilder, query_builder::Separated};

use super::engine::{Link, on_engine};

/// Bound values in one statement: SQLite takes 32,766 and PostgreSQL 65,535.
pub(super) const BINDS_MAX: usize = 32_000;

/// Most rows in one statement.
const ROWS_MAX: usize = 128;

/// Parsing a statement of many rows costs more than running it, and each statement is a round
/// trip; so rows are cut into a multiple of this and a rest: few shapes, each prepared once and
/// kept, and no more than two statements for what [`ROWS_MAX`] would hold.
const ROWS_STEP: usize = 8;

/// How many of so many rows the next statement takes.
const fn statement_rows(rows: usize) -> usize {
    if rows >= ROWS_MAX {
        ROWS_MAX
    } else if rows > ROWS_STEP {
        rows - rows % ROWS_STEP
    } else {
        rows
    }
}

/// The values of a list that may name one twice, cut so that there are few lengths: the last
/// value is repeated up to a power of two.
pub(super) fn padded<T>(values: &[T]) -> impl Iterator<Item = Vec<&T>> {
    values.chunks(ROWS_MAX).map(|chunk| {
        let last = chunk.last().into_iter().cycle();
        let length = chunk.len().next_power_of_two();
        chunk.iter().chain(last).take(length).collect()
    })
}

/// One value of a row.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    OptionalText(Option<&'a str>),
    Integer(i64),
    Bytes(&'a [u8]),
    OptionalBytes(Option<&'a [u8]>),
}

/// The columns of a row with their values; all rows of a statement have the same columns.
pub(super) type Row<'a> = Vec<(&'static str, Cell<'a>)>;

macro_rules! bind {
    ($separated:expr, $cell:expr) => {
        match $cell {
            Cell::Text(value) => $separated.push_bind(value),
            Cell::OptionalText(value) => $separated.push_bind(value),
            Cell::Integer(value) => $separated.push_bind(value),
            Cell::Bytes(value) => $separated.push_bind(value),
            Cell::OptionalBytes(value) => $separated.push_bind(value),
        }
    };
}

/// Inserts rows; where `key` is given, a row whose key is there takes the new values instead.
pub(super) async fn insert(
    link: &mut Link<'_>,
    table: &str,
    key: Option<&str>,
    rows: Vec<Row<'_>>,
) -> Result<(), sqlx::Error> {
    let columns: Vec<&'static str> = rows.first().into_iter().flatten().map(|it| it.0).collect();
    let head = format!("INSERT INTO {table} ({}) ", columns.join(", "));
    let tail = key
        .map(|key| on_conflict(key, &columns))
        .unwrap_or_default();
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let count = statement_rows(rows.len());
        let chunk: Vec<Row<'_>> = rows.by_ref().take(count).collect();
        on_engine!(link, connection => {
            let mut statement = QueryBuilder::new(&head);
            statement.push_values(chunk, |mut row: Separated<'_, _, _>, cells| {
                for (_, cell) in cells {
                    bind!(row, cell);
                }
            });
            statement.push(&tail);
            statement.build().execute(&mut **connection).await.map(|_| ())
        })?;
    }
    Ok(())
}

fn on_conflict(key: &str, columns: &[&str]) -> String {
    let assignments: Vec<String> = columns
        .iter()
        .filter(|column| **column != key)
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(
        " ON CONFLICT ({key}) DO UPDATE SET {}",
        assignments.join(", ")
    )
}

/// Deletes the rows whose `column` is one of `values`.
pub(super) async fn delete(
    link: &mut Link<'_>,
    table: &str,
    column: &str,
    values: &[&str],
) -> Result<(), sqlx::Error> {
    let head = format!("DELETE FROM {table} WHERE {column} IN (");
    for chunk in padded(values) {
        on_engine!(link, connection => {
            let mut statement = QueryBuilder::new(&head);
            let mut list = statement.separated(", ");
            for value in chunk {
                list.push_bind(*value);
            }
            statement.push(")");
            statement.build().execute(&mut **connection).await.map(|_| ())
        })?;
    }
    Ok(())
}
