//! SQL behind the registry's back: what a fault is planted with, and what the database says itself.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::until;

/// A connection of the test's own to a database of either engine.
pub(crate) enum Sql {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Sql {
    pub(crate) async fn connect(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            Self::Sqlite(SqliteConnection::connect(url).await.unwrap())
        } else {
            Self::Postgres(PgConnection::connect(url).await.unwrap())
        }
    }

    /// Whether it is SQLite.
    pub(crate) const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Runs statements.
    pub(crate) async fn run(&mut self, sql: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = match self {
            Self::Sqlite(connection) => statements.execute(connection).await.map(|_| ()),
            Self::Postgres(connection) => statements.execute(connection).await.map(|_| ()),
        };
        done.unwrap_or_else(|error| panic!("`{sql}` failed: {error}"));
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        let number = match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
                query.fetch_one(connection).await
            }
            Self::Postgres(connection) => {
                let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
                query.fetch_one(connection).await
            }
        };
        number.unwrap_or_else(|error| panic!("`{sql}` failed: {error}"))
    }

    /// The texts that a query answers.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        let texts = match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_all(connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(query).fetch_all(connection).await,
        };
        texts.unwrap_or_else(|error| panic!("`{sql}` failed: {error}"))
    }

    /// Each table with each of its columns, but the one of the schema's steps.
    pub(crate) async fn columns(&mut self) -> BTreeSet<(String, String)> {
        let columns = match self {
            Self::Sqlite(_) => {
                "SELECT tables.name || '.' || columns.name
                 FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'"
            }
            Self::Postgres(_) => {
                "SELECT table_name || '.' || column_name FROM information_schema.columns
                 JOIN information_schema.tables USING (table_schema, table_name)
                 WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
            }
        };
        let columns = self.texts(columns).await;
        let columns = columns.iter().filter_map(|it| it.split_once('.'));
        let columns = columns.filter(|(table, _)| *table != "ndp_migrations");
        columns
            .map(|(table, column)| (table.to_owned(), column.to_owned()))
            .collect()
    }

    /// From now on, this connection writes what foreign keys would refuse.
    pub(crate) async fn without_foreign_keys(&mut self) {
        let off = match self {
            Self::Sqlite(_) => "PRAGMA foreign_keys = OFF",
            Self::Postgres(_) => "SET session_replication_role = replica",
        };
        self.run(off).await;
    }

    /// A statement with 32 zero bytes for each `{zeros}`.
    pub(crate) fn with_zeros(&self, sql: &str) -> String {
        let zeros = match self {
            Self::Sqlite(_) => "zeroblob(32)",
            Self::Postgres(_) => "decode(repeat('00', 32), 'hex')",
        };
        sql.replace("{zeros}", zeros)
    }

    /// Closes the connection and waits until it is closed.
    pub(crate) async fn close(self) {
        let closed = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
        closed.unwrap();
    }

    /// Takes the lock that every writer begins with, and holds it until [`Sql::let_go`].
    pub(crate) async fn hold_the_log(&mut self) {
        match self {
            Self::Sqlite(_) => self.run("BEGIN IMMEDIATE").await,
            Self::Postgres(_) => {
                self.run("BEGIN").await;
                self.run("SELECT revision FROM log_head FOR UPDATE").await;
            }
        }
    }

    /// Waits until a writer waits for the lock that is held. Only PostgreSQL reports this; on
    /// SQLite the function returns at once.
    pub(crate) async fn is_waited_for(&mut self) {
        let waiting = "SELECT count(*) FROM pg_locks
                       WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
        if !self.is_sqlite() {
            let waited = async || self.number(waiting).await > 0;
            until("a writer waits for the log", waited).await;
        }
    }

    /// Releases the lock.
    pub(crate) async fn let_go(&mut self) {
        self.run("ROLLBACK").await;
    }
}
