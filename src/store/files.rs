//! Files that records cite: the facts about each, who uploaded it, and its bytes if they are kept
//! in the database. Outside the log.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, QueryBuilder, SqliteConnection};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use super::{
    Store,
    engine::{Link, On, Tx, answered, on_engine, reading},
    errors::{Failure, corrupt},
};
use ndp_core::{caller::Person, error::Error, names::PrincipalName, time::Timestamp};

/// Bytes of a part of a file in the database; the last part of a file may be shorter.
pub const PART_BYTES: usize = 256 * 1024;

const READ: &str = "SELECT sha256, media_type, size_bytes, place, scanned, create_time FROM files";
const TOTAL: &str = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM files";
const OF_DAY: &str = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM file_uploads \
     WHERE principal = $1 AND create_time >= $2";
const UPLOADED: &str = "SELECT COUNT(*) FROM file_uploads WHERE sha256 = $1 AND principal = $2";
const READ_PART: &str = "SELECT bytes FROM file_parts WHERE sha256 = $1 AND ordinal = $2";
const MAKE: &str = "INSERT INTO files \
     (sha256, media_type, size_bytes, place, scanned, create_time) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sha256) DO NOTHING";
const MAKE_PART: &str = "INSERT INTO file_parts (sha256, ordinal, bytes) VALUES ($1, $2, $3)";
const MAKE_UPLOAD: &str = "INSERT INTO file_uploads \
     (sha256, principal, actor, size_bytes, create_time) \
     VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (sha256, principal) DO UPDATE SET create_time = excluded.create_time";
const CITED_IN_LOG: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM effects \
     WHERE image LIKE '%' || $1 || '%' LIMIT 1) AS cited";
const REMOVE: [&str; 3] = [
    "DELETE FROM file_parts WHERE sha256 = $1",
    "DELETE FROM file_uploads WHERE sha256 = $1",
    "DELETE FROM files WHERE sha256 = $1",
];

/// Where the bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// In the database.
    Database,
    /// In the place that `--files` names.
    Outside,
}

impl FilePlace {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Outside => "outside",
        }
    }
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its type, by its content.
    pub media_type: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Where its bytes are.
    pub place: FilePlace,
    /// Whether a scanner found nothing in it.
    pub scanned: bool,
    /// When it was first uploaded.
    pub create_time: Timestamp,
}

type Row = (String, String, i64, String, i64, i64);

fn read_file(row: Row) -> Result<StoredFile, Error> {
    let (sha256, media_type, size_bytes, place, scanned, create_time) = row;
    let address = format!("files, `{sha256}`");
    let size_bytes = u64::try_from(size_bytes);
    let time = Timestamp::from_micros(create_time);
    Ok(StoredFile {
        media_type,
        size_bytes: size_bytes.map_err(|error| corrupt(&address, error))?,
        place: match &*place {
            "database" => FilePlace::Database,
            "outside" => FilePlace::Outside,
            _ => return Err(corrupt(&address, "is nowhere")),
        },
        scanned: scanned != 0,
        create_time: time.map_err(|error| corrupt(&address, error))?,
        sha256,
    })
}

fn whole(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Store {
    /// What is known of these files, by their digests. Those that are not kept are left out.
    pub async fn files(&self, digests: &[&str]) -> Result<BTreeMap<String, StoredFile>, Error> {
        let operation = "reading files";
        if digests.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = reading!(self.engine, link => rows_of(link, digests));
        let rows = self.outages.during(rows, operation)?;
        let files = rows.into_iter().map(read_file);
        let files = files.map(|file| file.map(|it| (it.sha256.clone(), it)));
        files.collect()
    }

    /// What is known of a file.
    pub async fn file(&self, sha256: &str) -> Result<Option<StoredFile>, Error> {
        Ok(self.files(&[sha256]).await?.remove(sha256))
    }

    /// Files after a digest, in the order of digests; if a time is given, only those not uploaded
    /// since.
    pub async fn files_after(
        &self,
        after: &str,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<StoredFile>, Error> {
        let before = before.map_or(i64::MAX, Timestamp::as_micros);
        let rows = reading!(self.engine, link => rows_after(link, after, before, limit));
        let rows = self.outages.during(rows, "reading files")?;
        rows.into_iter().map(read_file).collect()
    }

    /// Bytes of all files.
    pub async fn files_size(&self) -> Result<u64, Error> {
        let size = reading!(self.engine, link => total(link));
        let size = self.outages.during(size, "counting files")?;
        Ok(size.try_into().unwrap_or_default())
    }

    /// Number of parts that are in the database.
    pub async fn file_part_count(&self) -> Result<u64, Error> {
        let count = reading!(self.engine, link => part_count(link));
        let count = self.outages.during(count, "counting parts of files")?;
        Ok(count.try_into().unwrap_or_default())
    }

    /// Bytes of the files that a principal uploaded since a time.
    pub async fn uploaded_since(
        &self,
        principal: &PrincipalName,
        since: Timestamp,
    ) -> Result<u64, Error> {
        let (principal, since) = (principal.as_str(), since.as_micros());
        let size = reading!(self.engine, link => of_day(link, principal, since));
        let size = self.outages.during(size, "counting files")?;
        Ok(size.try_into().unwrap_or_default())
    }

    /// Whether a principal uploaded a file.
    pub async fn has_uploaded(
        &self,
        sha256: &str,
        principal: &PrincipalName,
    ) -> Result<bool, Error> {
        let principal = principal.as_str();
        let count = reading!(self.engine, link => uploaded(link, sha256, principal));
        Ok(self.outages.during(count, "reading files")? > 0)
    }

    /// A part of a file in the database; `None` if it does not exist.
    pub async fn file_part(&self, sha256: &str, ordinal: u64) -> Result<Option<Vec<u8>>, Error> {
        let ordinal = whole(ordinal);
        let part = reading!(self.engine, link => part(link, sha256, ordinal));
        self.outages.during(part, "reading a file")
    }

    /// Whether a record cites a file, now or before. Reads the whole log.
    pub async fn is_file_cited(&self, sha256: &str) -> Result<bool, Error> {
        let count = reading!(self.engine, link => cited(link, sha256));
        Ok(self.outages.during(count, "searching the log for a file")? > 0)
    }

    /// Keeps a file, and records who uploaded it and when; if the file is kept already, only that.
    /// `bytes` are read only if they belong in the database.
    pub async fn keep_file(
        &self,
        file: &StoredFile,
        bytes: &mut File,
        by: &Person,
        now: Timestamp,
    ) -> Result<(), Error> {
        let operation = "keeping a file";
        let kept = self.write_file(file, bytes, by, now).await;
        self.outages.during(kept, operation)
    }

    /// Begins a transaction beside the log's writer, which keeps the only connection of SQLite's
    /// pool for itself: there, on a connection that is then in `own`.
    pub(super) async fn begin_beside<'a>(
        &self,
        own: &'a mut Option<SqliteConnection>,
    ) -> Result<Tx<'a>, Failure> {
        match &self.engine {
            On::Sqlite(pools) => {
                let own = own.insert(pools.writer.connect_options().connect().await?);
                let begin = AssertSqlSafe(Arc::clone(&pools.begin_write));
                Ok(On::Sqlite(own.begin_with(begin).await?))
            }
            On::Postgres(_) => self.engine.begin().await,
        }
    }

    async fn write_file(
        &self,
        file: &StoredFile,
        bytes: &mut File,
        by: &Person,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut own = None;
        let mut tx = self.begin_beside(&mut own).await?;
        let made = answered(make(tx.link(), file)).await?;
        if made && file.place == FilePlace::Database {
            let unread = |error: std::io::Error| {
                Failure::Other(Error::Bug(
                    format!("reading what was received: {error}").into(),
                ))
            };
            bytes.rewind().await.map_err(unread)?;
            let mut ordinal = 0;
            loop {
                let mut part = Vec::with_capacity(PART_BYTES);
                let mut rest = (&mut *bytes).take(PART_BYTES as u64);
                rest.read_to_end(&mut part).await.map_err(unread)?;
                if part.is_empty() {
                    break;
                }
                answered(make_part(tx.link(), &file.sha256, ordinal, &part)).await?;
                ordinal += 1;
            }
        }
        answered(make_upload(tx.link(), file, by, now)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes the entry of a file, and its bytes if they are in the database.
    pub async fn remove_file(&self, sha256: &str) -> Result<(), Error> {
        let removed = async {
            let mut own = None;
            let mut tx = self.begin_beside(&mut own).await?;
            answered(remove(tx.link(), sha256)).await?;
            tx.commit().await?;
            Ok::<_, Failure>(())
        };
        self.outages.during(removed.await, "removing a file")
    }
}

async fn rows_of(mut link: Link<'_>, digests: &[&str]) -> Result<Vec<Row>, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let mut statement = QueryBuilder::new(format!("{READ} WHERE sha256 IN ("));
        let mut list = statement.separated(", ");
        for digest in digests {
            list.push_bind(*digest);
        }
        statement.push(")");
        statement.build_query_as().fetch_all(&mut **connection).await
    })
}

async fn rows_after(
    mut link: Link<'_>,
    after: &str,
    before: i64,
    limit: u32,
) -> Result<Vec<Row>, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let text = format!(
            "{READ} WHERE sha256 > $1 AND NOT EXISTS (SELECT 1 FROM file_uploads AS upload \
             WHERE upload.sha256 = files.sha256 AND upload.create_time >= $2) \
             ORDER BY sha256 LIMIT {limit}"
        );
        let statement = sqlx::query_as(AssertSqlSafe(text)).bind(after).bind(before);
        statement.fetch_all(&mut **connection).await
    })
}

async fn part_count(mut link: Link<'_>) -> Result<i64, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let count = sqlx::query_scalar("SELECT count(*) FROM file_parts");
        count.fetch_one(&mut **connection).await
    })
}

async fn total(mut link: Link<'_>) -> Result<i64, sqlx::Error> {
    on_engine!(&mut link, connection => {
        sqlx::query_scalar(TOTAL).fetch_one(&mut **connection).await
    })
}

async fn of_day(mut link: Link<'_>, principal: &str, since: i64) -> Result<i64, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(OF_DAY).bind(principal).bind(since);
        statement.fetch_one(&mut **connection).await
    })
}

async fn uploaded(mut link: Link<'_>, sha256: &str, by: &str) -> Result<i64, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(UPLOADED).bind(sha256).bind(by);
        statement.fetch_one(&mut **connection).await
    })
}

async fn part(
    mut link: Link<'_>,
    sha256: &str,
    ordinal: i64,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(READ_PART).bind(sha256).bind(ordinal);
        statement.fetch_optional(&mut **connection).await
    })
}

async fn cited(mut link: Link<'_>, sha256: &str) -> Result<i64, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(CITED_IN_LOG).bind(sha256);
        statement.fetch_one(&mut **connection).await
    })
}

async fn make(mut link: Link<'_>, file: &StoredFile) -> Result<bool, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query(MAKE)
            .bind(&file.sha256)
            .bind(&file.media_type)
            .bind(whole(file.size_bytes))
            .bind(file.place.as_str())
            .bind(i64::from(file.scanned))
            .bind(file.create_time.as_micros());
        let made = statement.execute(&mut **connection).await?;
        Ok(made.rows_affected() > 0)
    })
}

async fn make_part(
    mut link: Link<'_>,
    sha256: &str,
    ordinal: i64,
    bytes: &[u8],
) -> Result<(), sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query(MAKE_PART).bind(sha256).bind(ordinal).bind(bytes);
        statement.execute(&mut **connection).await.map(|_| ())
    })
}

async fn make_upload(
    mut link: Link<'_>,
    file: &StoredFile,
    by: &Person,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query(MAKE_UPLOAD)
            .bind(&file.sha256)
            .bind(by.principal.as_str())
            .bind(by.actor.as_deref())
            .bind(whole(file.size_bytes))
            .bind(now.as_micros());
        statement.execute(&mut **connection).await.map(|_| ())
    })
}

async fn remove(mut link: Link<'_>, sha256: &str) -> Result<(), sqlx::Error> {
    for statement in REMOVE {
        on_engine!(&mut link, connection => {
            let statement = sqlx::query(statement).bind(sha256);
            statement.execute(&mut **connection).await.map(|_| ())
        })?;
    }
    Ok(())
}
