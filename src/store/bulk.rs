//! Writes rows of several tables at once: on PostgreSQL in one statement, on SQLite in one query of
//! several statements. Either is one round trip, to the database or to the thread that runs it.
//!
//! A row is a list of columns with their values, so that each table is described once, in
//! `tables.rs`, and a column cannot be separated from its value.

use sqlx::{PgConnection, QueryBuilder, SqliteConnection, query_builder::Separated};

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

macro_rules! push_cell {
    ($builder:expr, $push:ident, $cell:expr) => {
        match $cell {
            Cell::Text(value) => $builder.$push(value),
            Cell::OptionalText(value) => $builder.$push(value),
            Cell::Integer(value) => $builder.$push(value),
            Cell::Bytes(value) => $builder.$push(value),
            Cell::OptionalBytes(value) => $builder.$push(value),
        }
    };
}

macro_rules! push_update {
    ($statement:expr, $update:expr) => {{
        let Update { table, from, set } = $update;
        $statement.push(format!(" UPDATE {table} SET "));
        let mut from = Some(from);
        let mut list = $statement.separated(", ");
        for (column, cell) in set {
            list.push(format!("{column} = "));
            let Some(from) = from.take() else {
                push_cell!(list, push_bind_unseparated, cell);
                continue;
            };
            // NULL, which the column refuses, if it has another value
            list.push_unseparated(format!("CASE WHEN {column} = "));
            push_cell!(list, push_bind_unseparated, from);
            list.push_unseparated(" THEN ");
            push_cell!(list, push_bind_unseparated, cell);
            list.push_unseparated(" END");
        }
    }};
}

/// Rows for a table, in a write.
#[derive(Debug)]
pub(super) struct Insert<'a> {
    pub(super) table: &'a str,
    /// If given, a row whose key exists is updated instead.
    pub(super) key: Option<&'static str>,
    pub(super) rows: Vec<Row<'a>>,
}

impl Insert<'_> {
    /// The statement before and after its rows.
    fn frame(&self) -> (String, String) {
        let columns: Vec<_> = self.rows.first().into_iter().flatten().collect();
        let columns: Vec<&str> = columns.into_iter().map(|it| it.0).collect();
        let head = format!("INSERT INTO {} ({}) ", self.table, columns.join(", "));
        let tail = self.key.map(|key| on_conflict(key, &columns));
        (head, tail.unwrap_or_default())
    }
}

/// An update of the only row of a table.
#[derive(Debug)]
pub(super) struct Update<'a> {
    pub(super) table: &'static str,
    /// The value of the first of the columns; the update fails if it is another.
    pub(super) from: Cell<'a>,
    /// The columns to set. The first takes no NULL.
    pub(super) set: Row<'a>,
}

/// What follows a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The transaction continues.
    Open,
    /// It is committed, on SQLite: in PostgreSQL, only statements without values can be sent
    /// together.
    Commit,
}

/// Inserts rows.
pub(super) async fn insert(
    link: &mut Link<'_>,
    table: &str,
    rows: Vec<Row<'_>>,
) -> Result<(), sqlx::Error> {
    let key = None;
    write(link, vec![Insert { table, key, rows }], None, End::Open).await
}

/// Inserts rows into several tables and then updates, in one round trip on PostgreSQL, and on
/// SQLite in one for each [`ROWS_MAX`] rows.
pub(super) async fn write(
    link: &mut Link<'_>,
    mut inserts: Vec<Insert<'_>>,
    update: Option<Update<'_>>,
    end: End,
) -> Result<(), sqlx::Error> {
    inserts.retain(|insert| !insert.rows.is_empty());
    match link {
        On::Sqlite(connection) => write_sqlite(connection, inserts, update, end).await,
        On::Postgres(connection) => write_postgres(connection, inserts, update).await,
    }
}

async fn write_sqlite(
    connection: &mut SqliteConnection,
    inserts: Vec<Insert<'_>>,
    mut update: Option<Update<'_>>,
    end: End,
) -> Result<(), sqlx::Error> {
    let frames: Vec<_> = inserts.iter().map(Insert::frame).collect();
    let mut rest: Vec<_> = inserts
        .into_iter()
        .map(|insert| insert.rows.into_iter())
        .collect();
    loop {
        let mut statement = QueryBuilder::new("");
        for ((head, tail), rows) in frames.iter().zip(&mut rest) {
            let count = statement_rows(rows.len());
            if count == 0 {
                continue;
            }
            statement.push(head);
            let chunk = rows.by_ref().take(count);
            statement.push_values(chunk, |mut row: Separated<'_, _, _>, cells| {
                for (_, cell) in cells {
                    push_cell!(row, push_bind, cell);
                }
            });
            statement.push(tail).push(";");
        }
        let is_last = rest.iter().all(|rows| rows.len() == 0);
        if is_last && let Some(update) = update.take() {
            push_update!(statement, update);
        }
        if is_last && end == End::Commit {
            statement.push("; COMMIT");
        }
        statement.build().execute(&mut *connection).await?;
        if is_last {
            return Ok(());
        }
    }
}

async fn write_postgres(
    connection: &mut PgConnection,
    inserts: Vec<Insert<'_>>,
    update: Option<Update<'_>>,
) -> Result<(), sqlx::Error> {
    let mut statement = QueryBuilder::new("");
    for (number, insert) in inserts.into_iter().enumerate() {
        let (head, tail) = insert.frame();
        let before = if number == 0 { "WITH" } else { "," };
        statement.push(format!(
            "{before} i{number} AS ({head}SELECT * FROM UNNEST("
        ));
        let mut list = statement.separated(", ");
        for array in arrays(insert.rows)? {
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
        statement.push(format!("){tail})"));
    }
    match update {
        Some(update) => push_update!(statement, update),
        None => {
            statement.push(" SELECT");
        }
    }
    statement.build().execute(&mut *connection).await?;
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
