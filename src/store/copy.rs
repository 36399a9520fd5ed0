//! Backups: copies a whole database of either engine into one SQLite file, and creates a new
//! database from such a file.

use ndp_core::messages::Condition;
use std::{fmt::Display, os::unix::fs::OpenOptionsExt as _, path::Path};

use sqlx::{AssertSqlSafe, Row as _};
use tokio_stream::StreamExt as _;

use super::{
    Head, Store,
    bulk::{self, Cell, End},
    engine::{On, Tx, Writing, on_engine},
    errors::Failure,
    log,
    opening::plain,
    secrets::{self, Secret},
};
use ndp_core::error::Error;

/// A column, and how its values are read.
#[derive(Clone, Copy, Debug)]
enum Column {
    Text(&'static str),
    Integer(&'static str),
    Bytes(&'static str),
}
use Column::{Bytes, Integer, Text};

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Text(name) | Integer(name) | Bytes(name) => name,
        }
    }
}

/// The tables to copy, in this order. A test compares the list with the schema. Of the secrets only
/// the one that records depend on is copied, so page tokens are not valid in the copy; nor are
/// cached hashes copied, which are made again.
const TABLES: &[(&str, &[Column])] = &[
    (
        "changes",
        &[
            Integer("revision"),
            Integer("record_time"),
            Text("principal"),
            Text("actor"),
            Text("agency"),
            Text("method"),
            Text("request_id"),
            Bytes("request_digest"),
            Text("reason"),
            Bytes("salt"),
            Bytes("header_digest"),
            Bytes("leaf_hash"),
            Bytes("digest"),
            Integer("redaction"),
        ],
    ),
    (
        "effects",
        &[
            Integer("revision"),
            Integer("ordinal"),
            Text("kind"),
            Text("resource"),
            Integer("format"),
            Text("image"),
            Bytes("salt"),
            Bytes("digest"),
        ],
    ),
    (
        "records",
        &[
            Text("name"),
            Text("kind"),
            Integer("revision"),
            Integer("format"),
            Text("image"),
        ],
    ),
    ("key_hashes", &[Text("api_key"), Bytes("hash")]),
    ("api_key_uses", &[Text("api_key"), Integer("use_hour")]),
    (
        "files",
        &[
            Text("sha256"),
            Text("media_type"),
            Integer("size_bytes"),
            Text("place"),
            Integer("scanned"),
            Integer("create_time"),
        ],
    ),
    (
        "file_parts",
        &[Text("sha256"), Integer("ordinal"), Bytes("bytes")],
    ),
    (
        "file_uploads",
        &[
            Text("sha256"),
            Text("principal"),
            Text("actor"),
            Integer("size_bytes"),
            Integer("create_time"),
        ],
    ),
];

/// Most rows that are copied at a time, and most bytes.
const ROWS_MAX: usize = 256;
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// A value that is being copied.
enum Value {
    Text(Option<String>),
    Integer(i64),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Integer(_) => 8,
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
        }
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Text(text) => Cell::OptionalText(text.as_deref()),
            Self::Integer(number) => Cell::Integer(*number),
            Self::Bytes(bytes) => Cell::OptionalBytes(bytes.as_deref()),
        }
    }
}

/// Copies every table as of one snapshot. `heard` hears how many rows are copied so far.
async fn copy(
    from: &mut Tx<'_>,
    to: &mut Writing<'_>,
    heard: &(dyn Fn(u64) + Sync),
) -> Result<Head, Failure> {
    let mut copied = 0;
    for (table, columns) in TABLES {
        let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
        let select = format!("SELECT {} FROM {table} ORDER BY 1, 2", names.join(", "));
        let mut rows: Vec<Vec<Value>> = Vec::new();
        let mut bytes = 0;
        on_engine!(&mut *from, tx => {
            let mut found = sqlx::query(AssertSqlSafe(select)).fetch(&mut **tx);
            while let Some(row) = found.next().await {
                let row = row?;
                let mut values = Vec::with_capacity(columns.len());
                for (index, column) in columns.iter().enumerate() {
                    values.push(match column {
                        Text(_) => Value::Text(row.try_get(index)?),
                        Integer(_) => Value::Integer(row.try_get(index)?),
                        Bytes(_) => Value::Bytes(row.try_get(index)?),
                    });
                }
                bytes += values.iter().map(Value::len).sum::<usize>();
                rows.push(values);
                if rows.len() == ROWS_MAX || bytes > BYTES_MAX {
                    insert(to, table, columns, &rows).await?;
                    copied += rows.len() as u64;
                    heard(copied);
                    rows.clear();
                    bytes = 0;
                }
            }
            Ok::<_, Failure>(())
        })?;
        insert(to, table, columns, &rows).await?;
        copied += rows.len() as u64;
        heard(copied);
    }
    if let Some(value) = secrets::secret(from.link(), Secret::Subject).await? {
        secrets::replace_secret(to.link(), Secret::Subject, value).await?;
    }
    log::head(from.link()).await
}

async fn insert(
    to: &mut Writing<'_>,
    table: &str,
    columns: &[Column],
    rows: &[Vec<Value>],
) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.iter().map(|values| {
        let cells = columns.iter().zip(values);
        cells
            .map(|(column, value)| (column.name(), value.cell()))
            .collect()
    });
    let rows = rows.collect();
    bulk::insert(&mut to.link(), table, rows).await?;
    Ok(())
}

impl Store {
    /// Copies this database, as of one moment, into one without changes. The target keeps its own
    /// log id. Returns the head of the log at that moment. `heard` hears how many rows are copied.
    pub async fn copy_into(&self, to: &Self, heard: &(dyn Fn(u64) + Sync)) -> Result<Head, Error> {
        let copied = async {
            let mut from = self.engine.snapshot().await?;
            let mut into = Writing::on(to.engine.writer().await?);
            let empty = log::begin(into.link(), to.engine.begin_write()).await?.head;
            if empty.revision.get() > 0 {
                return Err(Failure::from(Error::refused(
                    to.describe(),
                    Condition::DatabaseNotEmpty,
                )));
            }
            let head = copy(&mut from, &mut into, heard).await?;
            let moved = log::move_head(empty.revision, &head);
            bulk::write(&mut into.link(), Vec::new(), Some(moved), End::Open).await?;
            into.commit().await?;
            Ok(head)
        };
        self.outages.during(copied.await, "copying the database")
    }

    /// Writes this database, as it is at one moment, into a new SQLite file. A failure leaves no
    /// file. SQLite copies its own databases itself.
    pub async fn copy_to_file(&self, file: &Path) -> Result<(), Error> {
        let path = plain(file);
        let Some(path) = path.to_str() else {
            return Err(unmade(file, "its name is not UTF-8"));
        };
        let made = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file);
        made.map_err(|error| unmade(file, error))?;
        let copied = self.copy_to_path(path).await;
        if copied.is_err() {
            // the incomplete file is useless, and the first error is the one to report
            drop(std::fs::remove_file(file));
        }
        copied?;
        std::fs::File::open(file)
            .and_then(|file| file.sync_all())
            .map_err(|error| unmade(file, error))
    }

    async fn copy_to_path(&self, path: &str) -> Result<(), Error> {
        match &self.engine {
            On::Sqlite(pools) => {
                let copied = sqlx::query("VACUUM INTO $1")
                    .bind(path)
                    .execute(&pools.reader);
                let copied = copied.await.map(|_| ()).map_err(Failure::from);
                self.outages.during(copied, "copying the database")
            }
            On::Postgres(_) => {
                let head = self.head().await?;
                let to = Self::open(&format!("sqlite:{path}"), head.log_id).await;
                let to = to.map_err(|error| Error::Bug(error.to_string().into()))?;
                let copied = self.copy_into(&to, &|_| {}).await;
                to.close().await;
                copied.map(|_| ())
            }
        }
    }
}

fn unmade(file: &Path, why: impl Display) -> Error {
    Error::refused(
        file.display().to_string(),
        Condition::FileNotMade {
            why: why.to_string(),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sqlx::Connection as _;

    use super::*;

    /// A column that is not copied would be lost by the first restore.
    #[tokio::test]
    async fn everything_but_the_head_secrets_and_caches_is_copied() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("synthetic.db").display());
        let store = Store::open(&url, uuid::Uuid::nil()).await.unwrap();
        store.close().await;
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let columns = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let columns: Vec<(String, String)> = sqlx::query_as(columns)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in columns {
            tables.entry(table).or_default().push(column);
        }
        for kept in ["log_head", "secrets", "tree_hashes", "ndp_migrations"] {
            assert!(tables.remove(kept).is_some(), "{kept}");
        }
        let copied = TABLES.iter().map(|(table, columns)| {
            let columns = columns.iter().map(|it| it.name().to_owned());
            ((*table).to_owned(), columns.collect())
        });
        assert_eq!(tables, copied.collect());
    }
}
