//! SQLite: a file that this process serves, or one that it only reads.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection as _, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    Obstacle, READER_ACQUIRE_TIMEOUT, READERS_MAX, WRITER_ACQUIRE_TIMEOUT, When, is_sound,
};
use crate::store::{
    engine::{Engine, On, Pools},
    errors::is_busy,
};

/// SQLite has one writer at a time.
const WRITERS_MAX: u32 = 1;
/// Number of rows that SQLite's thread may read ahead. At the default of 50, the thread and the
/// reader constantly wait for each other.
const ROWS_AHEAD: usize = 256;
/// How long SQLite waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Number of pages after which the write-ahead log is copied into the file, 16 MiB. A page that
/// many groups write is then copied once for many of them.
const WAL_PAGES: &str = "4000";
/// Maximum bytes of the write-ahead log after it is reset, also 16 MiB.
const WAL_BYTES: &str = "16777216";
/// Attempts to open the file. When two processes create the same file, enabling the write-ahead log
/// fails immediately, not after the busy timeout.
const OPEN_ATTEMPTS_MAX: u32 = 50;
const OPEN_PAUSE: Duration = Duration::from_millis(100);

const OPENING: &str = "opening the file";

pub(super) async fn to_serve(options: SqliteConnectOptions) -> Result<Engine, Obstacle> {
    let path = options.get_filename();
    refuse_directory(path)?;
    make_file(path)?;
    warn_of_others(path);
    let wal = beside(path, "-wal");
    let has_wal = fs::metadata(&wal).is_ok_and(|it| it.len() > 0);
    if has_wal && !is_in_wal_mode(path) {
        return Err(Obstacle::unfit(
            format!(
                "`{}` is the write-ahead log of another database",
                wal.display()
            ),
            "move it away; make a database of a backup by `admin restore`, not by copying files",
        ));
    }
    let options = options.busy_timeout(BUSY_TIMEOUT).foreign_keys(true);
    if has_wal {
        // It was not closed properly, and the write-ahead log may belong to another state of the
        // file. Checked read-only: closing a writer would merge the two.
        let reader = pool(1, READER_ACQUIRE_TIMEOUT);
        let reader = reader.connect_lazy_with(options.clone().read_only(true));
        let whole = is_whole(&reader).await;
        reader.close().await;
        whole?;
    }
    let writer = options
        .clone()
        // a file that was removed under the server must not be replaced by a new, empty one
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // every commit is on disk before it is acknowledged
        .synchronous(SqliteSynchronous::Full)
        // rollback data for a statement of many rows stays in memory, because it is never needed
        // after the statement
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", WAL_PAGES)
        .pragma("journal_size_limit", WAL_BYTES);
    let mut attempt = 1;
    let writer = loop {
        let connecting = pool(WRITERS_MAX, WRITER_ACQUIRE_TIMEOUT).connect_with(writer.clone());
        match connecting.await {
            Err(error) if attempt < OPEN_ATTEMPTS_MAX && is_busy(&error) => {
                if attempt % 10 == 1 {
                    tracing::warn!(%error, "waiting for another process to let go of the database");
                }
                attempt += 1;
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            outcome => break outcome.when(OPENING)?,
        }
    };
    let reader = options.read_only(true).row_buffer_size(ROWS_AHEAD);
    let reader = pool(READERS_MAX, READER_ACQUIRE_TIMEOUT).connect_lazy_with(reader);
    keeps_what_it_promises(&writer).await?;
    // SQLite refuses a deferred BEGIN that reads and then writes immediately while another writer
    // is busy, regardless of the busy timeout
    Ok(engine(writer, reader, "BEGIN IMMEDIATE"))
}

/// A pool whose connections are given back without a transaction.
fn pool(connections_max: u32, acquire_timeout: Duration) -> PoolOptions<Sqlite> {
    super::pool(connections_max, acquire_timeout).after_release(
        |connection: &mut SqliteConnection, _| {
            Box::pin(is_sound(async move {
                connection.ping().await?;
                // when the disk is full, SQLite ends a transaction by itself. sqlx does not notice
                // and would refuse every later BEGIN on this connection
                // (`a_transaction_that_sqlite_ended_by_itself_costs_one_connection`)
                Ok(!connection.is_in_transaction())
            }))
        },
    )
}

/// Whether the file header says that the file uses a write-ahead log (bytes 18 and 19). A backup
/// that was copied over another file does not.
fn is_in_wal_mode(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    // a newly created file has no header, and no write-ahead log either
    read.is_ok() && header.ends_with(&[2, 2])
}

/// Refuses a file whose pages are of different moments: some are damaged, an index is not that of
/// its table, a change is missing, or the records are not what the log says.
async fn is_whole(reader: &SqlitePool) -> Result<(), Obstacle> {
    // a registry that was not closed while its tables were made has none, or not all
    const HAS_LOG: &str = "SELECT count(*) = 4 FROM sqlite_schema \
         WHERE name IN ('log_head', 'changes', 'effects', 'records')";
    const AGREES: &str = "WITH newest AS (\
             SELECT resource, kind, max(revision) AS revision FROM effects \
             WHERE kind <> 'notice' GROUP BY resource\
         ) SELECT (SELECT count(*) FROM changes) IS (SELECT revision FROM log_head) \
         AND (SELECT count(*) FROM records) = (SELECT count(*) FROM newest WHERE kind = 'put') \
         AND NOT EXISTS (\
             SELECT 1 FROM newest LEFT JOIN records ON name = resource \
             WHERE newest.kind = 'put' AND records.revision IS NOT newest.revision\
         )";
    let checked = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(reader);
    let mut found: String = checked.await.when(OPENING)?;
    if found == "ok" {
        let has_log = sqlx::query_scalar(HAS_LOG).fetch_one(reader);
        if !has_log.await.when(OPENING)? {
            return Ok(());
        }
        let agrees = sqlx::query_scalar(AGREES).fetch_one(reader);
        if agrees.await.when(OPENING)? {
            return Ok(());
        }
        "the records are not those of the log".clone_into(&mut found);
    }
    Err(Obstacle::unfit(
        format!("its pages do not belong together: {found}"),
        "was another file copied over it? Restore a backup by `admin restore`",
    ))
}

/// Some file systems do not support SQLite's write-ahead log. SQLite then works without one and
/// does not report it.
async fn keeps_what_it_promises(writer: &SqlitePool) -> Result<(), Obstacle> {
    let asked = async {
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(writer)
            .await?;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(writer)
            .await?;
        Ok::<_, sqlx::Error>((mode, synchronous))
    };
    match asked.await.when(OPENING)? {
        (mode, 2) if mode == "wal" => Ok(()),
        (mode, synchronous) => Err(Obstacle::unfit(
            format!("it is in journal mode `{mode}` with synchronous {synchronous}, not `wal` 2"),
            "keep the file on a local disk",
        )),
    }
}

/// Opens a file to read it unchanged. If no process has it open, it is read without locks, because
/// reading a write-ahead log creates files next to it, which a read-only directory does not allow.
pub(super) async fn to_read(
    options: SqliteConnectOptions,
) -> Result<(Engine, Option<Untouched>), Obstacle> {
    let path = options.get_filename().to_owned();
    refuse_directory(&path)?;
    warn_of_others(&path);
    if let Err(error) = fs::File::open(&path) {
        return Err(Obstacle::unfit(
            format!("it cannot be read: {error}"),
            "name a file that this user may read",
        ));
    }
    let wal = beside(&path, "-wal");
    let in_use = wal.exists() || beside(&path, "-journal").exists();
    let options = options
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
        .read_only(true);
    let open = |immutable| {
        let options = options.clone().immutable(immutable);
        pool(1, READER_ACQUIRE_TIMEOUT).connect_lazy_with(options)
    };
    let mut as_it_lies = !in_use;
    let mut untouched = Untouched::of(&path);
    let mut reader = open(as_it_lies);
    let mut readable = is_readable(&reader).await;
    if readable.is_err() && in_use && is_empty(&wal) {
        as_it_lies = true;
        untouched = Untouched::of(&path);
        reader = open(as_it_lies);
        readable = is_readable(&reader).await;
    }
    readable.when(OPENING)?;
    let engine = engine(reader.clone(), reader, "BEGIN");
    Ok((engine, Some(untouched).filter(|_| as_it_lies)))
}

/// The state of a file that is read without locks, to detect a write by another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Untouched {
    path: PathBuf,
    /// Length, and time of the last write in seconds and nanoseconds.
    file: Option<(u64, i64, i64)>,
    /// Bytes in the write-ahead log.
    wal: u64,
}

impl Untouched {
    fn of(path: &Path) -> Self {
        let file = fs::metadata(path).ok();
        let wal = fs::metadata(beside(path, "-wal"));
        Self {
            path: path.to_owned(),
            file: file.map(|it| (it.len(), it.mtime(), it.mtime_nsec())),
            wal: wal.map_or(0, |it| it.len()),
        }
    }

    /// Whether the file is unchanged since then.
    pub(in crate::store) fn holds(&self) -> bool {
        Self::of(&self.path) == *self
    }
}

async fn is_readable(reader: &SqlitePool) -> Result<i64, sqlx::Error> {
    let tables = sqlx::query_scalar("SELECT count(*) FROM sqlite_master");
    tables.fetch_one(reader).await
}

fn engine(writer: SqlitePool, reader: SqlitePool, begin_write: &str) -> Engine {
    On::Sqlite(Pools {
        writer,
        reader,
        begin_write: Arc::from(begin_write),
        begin_read: Arc::from("BEGIN"),
    })
}

fn refuse_directory(path: &Path) -> Result<(), Obstacle> {
    if path.is_dir() {
        return Err(Obstacle::unfit(
            "it is a directory",
            "name a file in it, as sqlite:DIRECTORY/registry.db",
        ));
    }
    Ok(())
}

/// Creates the file if it is missing, readable by its owner only, because it holds hashes of keys
/// and drafts. SQLite gives the files next to it the same mode.
fn make_file(path: &Path) -> Result<(), Obstacle> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Obstacle::unfit(
            format!("the file cannot be made: {error}"),
            "see that its directory exists and that this user may write it",
        )),
    }
}

/// Warns if users other than the owner can access the file. The mode is not changed.
fn warn_of_others(path: &Path) {
    const OTHERS: u32 = 0o077;
    let mode = fs::metadata(path).map_or(0, |it| it.mode());
    if mode & OTHERS != 0 {
        let mode = format!("{:04o}", mode & 0o7777);
        let file = path.display();
        tracing::warn!(%file, mode, "other users can reach the database; chmod 600 mends that");
    }
}

/// The path in a form that SQLite does not interpret as a URI.
pub(in crate::store) fn plain(path: &Path) -> PathBuf {
    let uri = path.to_str().is_some_and(|it| it.starts_with("file:"));
    if uri {
        Path::new(".").join(path)
    } else {
        path.to_owned()
    }
}

/// The path of one of the files that SQLite keeps next to the database.
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.len() == 0)
}
