//! Writes many rows at once: on PostgreSQL in one statement, so one round trip, however many there
//! are.
//!
//! A row is a list of columns with their values, so that each table is described once, in
//! `tables.rs`, and a column cannot be separated from its value.

use sqlx::{QueryBuilder, query_builder::Separated};

use super::engine::{Link, On, on_engine};

/// Bound values in one statement: SQLite takes 32,766 and PostgreSQL 65,535.
pub(super) const BINDS_MAX: usize = 32_000;

/// Most rows in one statement of SQLite.
const ROWS_MAX: usize = 128;

/// SQLite has no arrays, and parsing a statement of many rows costs more than running it. So the
/// rows are split into a multiple of this number and a remainder. There are few statement shapes,
/// each prepared once and cached, and at most two statements for up to [`ROWS_MAX`] rows.
const ROWS_STEP: usize = 8;

/// Number of rows in SQLite's next statement when `rows` rows remain.
const fn statement_rows(rows: usize) -> usize {
    if rows >= ROWS_MAX {
        ROWS_MAX
    } else if rows > ROWS_STEP {
        rows - rows % ROWS_STEP
    } else {
        rows
    }
}

/// Most values in one list: as many as a group has commands.
const LISTED_MAX: usize = 256;

/// The values of a list, which may repeat a value, split into chunks of few different lengths: the
/// last value is repeated until the length is a power of two.
pub(super) fn padded<T>(values: &[T]) -> impl Iterator<Item = Vec<&T>> {
    values.chunks(LISTED_MAX).map(|chunk| {
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

/// Inserts rows. If `key` is given, a row whose key exists is updated instead.
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
    match link {
        On::Sqlite(connection) => {
            let mut rows = rows.into_iter();
            while rows.len() > 0 {
                let count = statement_rows(rows.len());
                let chunk: Vec<Row<'_>> = rows.by_ref().take(count).collect();
                let mut statement = QueryBuilder::new(&head);
                statement.push_values(chunk, |mut row: Separated<'_, _, _>, cells| {
                    for (_, cell) in cells {
                        bind!(row, cell);
                    }
                });
                statement.push(&tail);
                statement.build().execute(&mut **connection).await?;
            }
        }
        On::Postgres(connection) => {
            let arrays = arrays(rows)?;
            let mut statement = QueryBuilder::new(&head);
            statement.push("SELECT * FROM UNNEST(");
            let mut list = statement.separated(", ");
            for array in arrays {
                match array {
                    Array::Text(values) => {
                        list.push_bind(values).push_unseparated("::TEXT[]");
                    }
                    Array::Integer(values) => {
                        list.push_bind(values).push_unseparated("::BIGINT[]");
                    }
                    Array::Bytes(values) => {
                        list.push_bind(values).push_unseparated("::BYTEA[]");
                    }
                }
            }
            statement.push(")").push(&tail);
            statement.build().execute(&mut **connection).await?;
        }
    }
    Ok(())
}

/// The values of one column.
enum Array<'a> {
    Text(Vec<Option<&'a str>>),
    Integer(Vec<i64>),
    Bytes(Vec<Option<&'a [u8]>>),
}

/// The columns of rows.
fn arrays(rows: Vec<Row<'_>>) -> Result<Vec<Array<'_>>, sqlx::Error> {
    let mut arrays = Vec::new();
    let first = rows.first().into_iter().flatten();
    arrays.extend(first.map(|(_, cell)| match cell {
        Cell::Text(_) | Cell::OptionalText(_) => Array::Text(Vec::with_capacity(rows.len())),
        Cell::Integer(_) => Array::Integer(Vec::with_capacity(rows.len())),
        Cell::Bytes(_) | Cell::OptionalBytes(_) => Array::Bytes(Vec::with_capacity(rows.len())),
    }));
    for row in rows {
        for (array, (_, cell)) in arrays.iter_mut().zip(row) {
            match (array, cell) {
                (Array::Text(values), Cell::Text(value)) => values.push(Some(value)),
                (Array::Text(values), Cell::OptionalText(value)) => values.push(value),
                (Array::Integer(values), Cell::Integer(value)) => values.push(value),
                (Array::Bytes(values), Cell::Bytes(value)) => values.push(Some(value)),
                (Array::Bytes(values), Cell::OptionalBytes(value)) => values.push(value),
                (_, cell) => {
                    let message = format!("{cell:?} is not of its column's type");
                    return Err(sqlx::Error::Encode(message.into()));
                }
            }
        }
    }
    Ok(arrays)
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
