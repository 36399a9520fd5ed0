//! The store: the log and the tables of the current state, on SQLite and PostgreSQL.
//!
//! The store keeps the registry's decisions and returns them unchanged. It knows no rules, callers
//! or clock. A write transaction holds the log's lock from its first statement to its end, so
//! revisions have no gaps and a reader never sees part of a change. After a failed statement, a
//! transaction can only be rolled back (`a_failed_transaction_never_commits`).
//!
//! The store has no cache, because caches of different replicas would disagree.

mod bulk;
mod copy;
mod engine;
mod errors;
mod evidence;
mod files;
mod history;
mod identity;
mod images;
mod key_uses;
mod load;
mod log;
mod migrations;
mod opening;
mod redactions;
mod secrets;
mod tables;
mod tree;
mod upkeep;
mod url;
mod verify;

use std::{path::PathBuf, sync::Arc, time::Duration};

use uuid::Uuid;

#[cfg(any(test, fuzzing))]
pub(crate) use self::images::fuzz as fuzz_image;
use self::{
    bulk::End,
    engine::{Engine, Link, On, Pooled, Tx, Writing, answered, reading},
    errors::{Failure, Outages},
    history::PastRow,
    identity::Identity,
    opening::{Obstacle, Opened, Purpose, Untouched, When as _},
};
pub use self::{
    errors::CommitError,
    evidence::{LastWrite, OpenedEffect, Witness},
    files::{FilePlace, PART_BYTES, StoredFile},
    history::Past,
    log::Appended,
    log::Encoded,
    opening::OpenError,
    opening::beside,
    redactions::{Written, WrittenHeader, WrittenImage},
    secrets::Secret,
    tree::{LeafEntry, TreeHash},
    upkeep::Writable,
    url::DatabaseUrl,
};
use ndp_core::{
    change::{Change, Image},
    error::Error,
    leaf::Digest,
    names::{ApiKeyName, PrincipalName, Revision},
    records::principals::KeyHash,
    rules::Decided,
    time::Timestamp,
};

/// How long closing waits. No acknowledged change depends on it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The head of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The id of the log.
    pub log_id: Uuid,
    /// The newest revision; zero in an empty log.
    pub revision: Revision,
    /// When it was recorded; the year 1970 in an empty log.
    pub record_time: Timestamp,
    /// Its chained digest.
    pub digest: Digest,
}

/// The head, and the time on the database's own clock when it was read.
#[derive(Clone, Copy, Debug)]
pub struct HeadAndTime {
    /// The head of the log.
    pub head: Head,
    /// None on SQLite, whose clock is the process's.
    pub database_time: Option<Timestamp>,
}

/// Everything that the State is made of, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The head of the log.
    pub head: Head,
    /// Every record.
    pub images: Vec<Image>,
    /// The hash of every API key.
    pub key_hashes: Vec<(ApiKeyName, KeyHash)>,
}

/// The change that a request id made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The principal that sent the request.
    pub principal: PrincipalName,
    pub id: Uuid,
    /// The digest of the request.
    pub digest: [u8; 32],
    /// The revision it made.
    pub revision: Revision,
    /// The record that was written, unless the first effect was not an image.
    pub image: Option<Image>,
}

/// What verifying the whole database found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The newest revision, by the head.
    pub revision: Revision,
    /// Changes read.
    pub changes: u64,
    /// Effects read.
    pub effects: u64,
    /// Records compared with the log.
    pub records: u64,
    /// What is wrong: first in the log, oldest first, then in the tables beside it.
    pub findings: Vec<Finding>,
    /// How many findings are left out of the list.
    pub more: u64,
}

/// Something wrong in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub table: &'static str,
    /// The row, in words.
    pub row: String,
    /// The column, where it is known that it is this one.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub problem: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            table,
            row,
            column,
            problem,
        } = self;
        match column {
            Some(column) => write!(f, "{table}, {row}, column {column}: {problem}"),
            None => write!(f, "{table}, {row}: {problem}"),
        }
    }
}

/// One database; a cheap handle on its pools.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
    place: Arc<str>,
    outages: Outages,
    untouched: Option<Untouched>,
    identity: Option<Identity>,
}

impl Store {
    /// As [`Store::open_at`], for a URL as text.
    pub async fn open(url: &str, log_id: Uuid) -> Result<Self, OpenError> {
        let url = DatabaseUrl::parse(url).map_err(OpenError::url)?;
        Self::open_at(&url, log_id).await
    }

    /// Opens a database and migrates its schema to this release. A missing SQLite file is created.
    /// A new log gets `log_id`. A log of an unknown format is refused.
    pub async fn open_at(url: &DatabaseUrl, log_id: Uuid) -> Result<Self, OpenError> {
        let store = Self::opened(opening::open(url, Purpose::Serve).await?, Some(log_id)).await?;
        store.ending_as_its_head_says().await
    }

    /// As [`Store::open_to_read_at`], for a URL as text.
    pub async fn open_to_read(url: &str) -> Result<Self, OpenError> {
        let url = DatabaseUrl::parse(url).map_err(OpenError::url)?;
        Self::open_to_read_at(&url).await
    }

    /// Opens a database to read it unchanged; it may be a read-only copy or a standby. A database
    /// that is not of this release is refused. Nothing is written.
    pub async fn open_to_read_at(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let store = Self::open_to_verify_at(url).await?;
        store.ending_as_its_head_says().await
    }

    /// As [`Store::open_to_read_at`], also where the log does not end as its head says.
    pub async fn open_to_verify_at(url: &DatabaseUrl) -> Result<Self, OpenError> {
        Self::opened(opening::open(url, Purpose::Read).await?, None).await
    }

    async fn ending_as_its_head_says(self) -> Result<Self, OpenError> {
        match self.check_end().await {
            Ok(()) => Ok(self),
            Err(obstacle) => {
                self.close().await;
                Err(OpenError::new(&self.place, &obstacle))
            }
        }
    }

    async fn opened(opened: Opened, log_id: Option<Uuid>) -> Result<Self, OpenError> {
        let Opened {
            engine,
            place,
            untouched,
        } = opened;
        let mut store = Self {
            engine,
            place: place.into(),
            outages: Outages::default(),
            untouched,
            identity: None,
        };
        let fit = match log_id {
            Some(log_id) => migrations::run(&store.engine, log_id).await,
            None => migrations::verify(&store.engine).await,
        };
        match fit {
            Ok(()) => {
                if let (Some(_), On::Sqlite(pools)) = (log_id, &store.engine) {
                    let options = pools.writer.connect_options();
                    store.identity = Some(Identity::of(options.get_filename()));
                }
                Ok(store)
            }
            Err(obstacle) => {
                store.close().await;
                Err(OpenError::new(&store.place, &obstacle))
            }
        }
    }

    /// The engine and the location of the database, for display; without a password.
    pub fn describe(&self) -> &str {
        &self.place
    }

    /// The SQLite file that was removed or replaced since it was opened; `None` when no file was.
    pub fn lost_file(&self) -> Option<PathBuf> {
        self.identity.as_ref()?.lost()
    }

    /// Whether the data that was read is one consistent state. A file that no process had open is
    /// read without locks, so it may have been written meanwhile.
    pub fn was_untouched(&self) -> bool {
        self.untouched.as_ref().is_none_or(Untouched::holds)
    }

    /// The current head of the log.
    pub async fn head(&self) -> Result<Head, Error> {
        Ok(self.head_and_time().await?.head)
    }

    /// The same with the database's time.
    pub async fn head_and_time(&self) -> Result<HeadAndTime, Error> {
        let head_and_time = reading!(self.engine, link => log::head_and_time(link));
        self.outages.during(head_and_time, "reading the head")
    }

    /// Refuses a log whose last change does not match its head.
    async fn check_end(&self) -> Result<(), Obstacle> {
        const READING: &str = "reading the log's head";
        let head = reading!(self.engine, link => log::head(link)).when(READING)?;
        let last = reading!(self.engine, link => log::digest(link, head.revision));
        if last.when(READING)? == Some(head.digest) {
            return Ok(());
        }
        Err(Obstacle::unfit(
            format!(
                "its log does not end at revision {} as its head says",
                head.revision
            ),
            "run `admin verify`; restore a backup by `admin restore`",
        ))
    }

    /// A consistent snapshot of the store as of now. It does not show later writes, and does not
    /// block other connections.
    async fn snapshot(&self) -> Result<Tx<'static>, Error> {
        let mut attempt = 1;
        let snapshot = loop {
            let outcome = self.engine.snapshot().await;
            if !engine::try_again(&mut attempt, &outcome) {
                break outcome;
            }
        };
        self.outages.during(snapshot, "beginning to read")
    }

    /// Everything that the State is made of.
    pub async fn load(&self) -> Result<Loaded, Error> {
        let mut snapshot = self.snapshot().await?;
        let loaded = load::load(&mut snapshot).await;
        self.outages.during(loaded, "loading the state")
    }

    /// Decodes rows on another thread: there may be thousands of them at some microseconds each,
    /// and the calling threads serve calls.
    async fn decoded<T: Send + 'static, E: Into<Failure> + Send + 'static>(
        &self,
        operation: &'static str,
        decode: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Error> {
        let decoded = tokio::task::spawn_blocking(decode).await;
        let decoded =
            decoded.map_err(|error| Error::Bug(format!("{operation}: {error}").into()))?;
        self.outages.during(decoded, operation)
    }

    /// The changes after a revision, oldest first, at most `limit`. They carry no key hashes,
    /// because the log has none; request those by the names of the keys.
    pub async fn changes_after(
        &self,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Appended>, Error> {
        let operation = "reading the log";
        let rows = reading!(self.engine, link => log::rows_after(link, after, limit));
        let rows = self.outages.during(rows, operation)?;
        let decode = move || log::decode_after(rows, after);
        self.decoded(operation, decode).await
    }

    /// The chained digest at a revision; none where the log has no such revision.
    pub async fn digest(&self, revision: Revision) -> Result<Option<Digest>, Error> {
        let digest = reading!(self.engine, link => log::digest(link, revision));
        self.outages.during(digest, "reading a digest of the log")
    }

    /// The hashes of these API keys, in their order. Keys without a hash are left out.
    pub async fn key_hashes(
        &self,
        names: &[ApiKeyName],
    ) -> Result<Vec<(ApiKeyName, KeyHash)>, Error> {
        let hashes = reading!(self.engine, link => secrets::key_hashes(link, names));
        self.outages.during(hashes, "reading key hashes")
    }

    /// Principals and the request ids of their changes, at most `limit` after one, in an order of
    /// the database.
    pub async fn request_ids(
        &self,
        after: Option<&(PrincipalName, Uuid)>,
        limit: usize,
    ) -> Result<Vec<(PrincipalName, Uuid)>, Error> {
        let ids = reading!(self.engine, link => log::request_ids(link, after, limit));
        self.outages.during(ids, "reading request ids")
    }

    /// A secret of the database: the stored one. If none is stored, `candidate` is stored first.
    pub async fn secret(&self, secret: Secret, candidate: [u8; 32]) -> Result<[u8; 32], Error> {
        let operation = "reading a secret";
        let stored = reading!(self.engine, link => secrets::secret(link, secret));
        if let Some(value) = self.outages.during(stored, operation)? {
            return Ok(value);
        }
        let operation = "making a secret";
        let made = self.make_secret(secret, candidate).await;
        let value = self.outages.during(made, operation)?;
        value.ok_or_else(|| Error::Bug(format!("{operation}: it is not there").into()))
    }

    async fn make_secret(
        &self,
        secret: Secret,
        candidate: [u8; 32],
    ) -> Result<Option<[u8; 32]>, Failure> {
        let mut tx = self.engine.begin().await?;
        secrets::make_secret(tx.link(), secret, candidate).await?;
        let value = secrets::secret(tx.link(), secret).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// Begins a write and takes the log's lock.
    pub async fn begin(&self) -> Result<WriteTx<'static>, Error> {
        let operation = "beginning a write";
        let mut attempt = 1;
        loop {
            let outcome = answered(self.lock()).await;
            if !engine::try_again(&mut attempt, &outcome) {
                return self.outages.during(outcome, operation);
            }
        }
    }

    async fn lock(&self) -> Result<WriteTx<'static>, Failure> {
        let writing = Writing::on(self.engine.writer().await?);
        WriteTx::begin(writing, self).await
    }

    /// As [`Store::begin`], on a connection that the session keeps. `None` when that connection is
    /// broken and the caller must request another one.
    pub async fn begin_in<'s>(
        &self,
        session: &'s mut Session,
    ) -> Result<Option<WriteTx<'s>>, Error> {
        let operation = "beginning a write";
        let begun = answered(async {
            let pooled = match &mut session.kept {
                Some(pooled) => pooled,
                none => none.insert(self.engine.writer().await?),
            };
            WriteTx::begin(Writing::within(pooled), self).await
        });
        match begun.await {
            Err(failure) if engine::is_broken(&failure) => Ok(None),
            begun => self.outages.during(begun, operation).map(Some),
        }
    }

    /// Each resource as it was before a revision, in the requested order; `None` where it did not
    /// exist.
    pub async fn images_before(
        &self,
        asked: &[(&str, Revision)],
    ) -> Result<Vec<Option<Image>>, Error> {
        let operation = "reading records before a change";
        let rows = reading!(self.engine, link => history::images_before(link, asked));
        let rows = self.outages.during(rows, operation)?;
        let image = |row: PastRow| row.read().map(|past| past.image);
        let decode = move || rows.into_iter().map(image).collect();
        self.decoded(operation, decode).await
    }

    /// Every resource that was touched after a revision, as it was at that revision.
    /// `newest` is about the newest revision.
    pub async fn touched_after(
        &self,
        revision: Revision,
        newest: Revision,
    ) -> Result<Vec<Past>, Error> {
        let operation = "reading the records of a revision";
        let rows = reading!(self.engine, link => {
            history::touched_after(link, revision, newest)
        });
        let rows = self.outages.during(rows, operation)?;
        let decode = move || rows.into_iter().map(PastRow::read).collect();
        self.decoded(operation, decode).await
    }

    /// The newest revision recorded at a time or before it; zero before the first.
    pub async fn revision_at(&self, time: Timestamp) -> Result<Revision, Error> {
        let revision = reading!(self.engine, link => history::revision_at(link, time));
        self.outages
            .during(revision, "reading the revision of a time")
    }

    /// When a revision was recorded; `None` when the revision does not exist.
    pub async fn record_time(&self, revision: Revision) -> Result<Option<Timestamp>, Error> {
        let time = reading!(self.engine, link => history::record_time(link, revision));
        self.outages.during(time, "reading the time of a revision")
    }

    /// The changes between two revisions, both excluded, that touched a resource: at most `limit`
    /// of the oldest or of the newest, oldest first; without key hashes.
    pub async fn changes_of(
        &self,
        resource: &str,
        between: (Revision, Revision),
        newest: bool,
        limit: usize,
    ) -> Result<Vec<Appended>, Error> {
        let operation = "reading the changes of a record";
        let rows = reading!(self.engine, link => {
            log::changes_of(link, resource, between, newest, limit)
        });
        let rows = self.outages.during(rows, operation)?;
        let decode = |(change, effects)| log::decode(change, effects);
        let decode = move || rows.into_iter().map(decode).collect();
        self.decoded(operation, decode).await
    }

    /// The next revisions after one that touched a resource.
    pub async fn revisions_of(
        &self,
        resource: &str,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, Error> {
        let revisions = reading!(self.engine, link => {
            history::revisions_of(link, resource, after, limit)
        });
        self.outages
            .during(revisions, "reading the changes of a record")
    }

    /// Verifies the whole database as of now. What is wrong is listed, and does not end the
    /// reading. Keeps one copy of the newest images in memory.
    pub async fn verify(&self) -> Result<Verified, Error> {
        self.verify_with(&[], &|_, _| {}).await
    }

    /// The same, and that the log's tree has these roots at these sizes. `heard` hears how many
    /// changes are verified, and of how many.
    pub async fn verify_with(
        &self,
        roots: &[(Revision, Digest)],
        heard: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Verified, Error> {
        let mut snapshot = self.snapshot().await?;
        let verified = verify::verify(&mut snapshot, roots, heard).await;
        self.outages.during(verified, "verifying the database")
    }

    /// Closes all connections, waiting for those in use, but not for one that never answers.
    pub async fn close(&self) {
        if tokio::time::timeout(CLOSE_TIMEOUT, self.engine.close())
            .await
            .is_err()
        {
            tracing::warn!("connections are left to the database to close");
        }
    }
}

/// A connection kept from one write to the next: asking the pool for it costs as much as a
/// statement, and more where the machine is busy. To be released after anything but a commit, so
/// that the pool looks at it.
#[derive(Debug, Default)]
pub struct Session {
    kept: Option<Pooled>,
}

impl Session {
    /// Gives the connection back.
    pub fn release(&mut self) {
        self.kept = None;
    }
}

/// A write that holds the log's lock; rolled back when dropped, which costs the connection.
#[derive(Debug)]
pub struct WriteTx<'c> {
    tx: Writing<'c>,
    head: Head,
    database_time: Option<Timestamp>,
    // False from the beginning of each statement until it has succeeded, so also after one whose
    // future was dropped. PostgreSQL answers a COMMIT of a failed transaction with ROLLBACK, and
    // sqlx reports that as success: without this, an acknowledged write could be lost.
    sound: bool,
    outages: Outages,
}

impl<'c> WriteTx<'c> {
    async fn begin(mut tx: Writing<'c>, store: &Store) -> Result<Self, Failure> {
        let HeadAndTime {
            head,
            database_time,
        } = log::begin(tx.link(), store.engine.begin_write()).await?;
        Ok(Self {
            tx,
            head,
            database_time,
            sound: true,
            outages: store.outages.clone(),
        })
    }

    /// Where the log ends, what this transaction appended included.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The time on the database's own clock, taken under the lock; none on SQLite.
    pub const fn database_time(&self) -> Option<Timestamp> {
        self.database_time
    }

    /// As [`Store::changes_after`].
    pub async fn changes_after(
        &mut self,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Appended>, Error> {
        let operation = "reading the log";
        let link = self.enter(operation)?;
        let changes = answered(log::changes_after(link, after, limit)).await;
        self.leave(changes, operation)
    }

    /// As [`Store::key_hashes`].
    pub async fn key_hashes(
        &mut self,
        names: &[ApiKeyName],
    ) -> Result<Vec<(ApiKeyName, KeyHash)>, Error> {
        let operation = "reading key hashes";
        let link = self.enter(operation)?;
        let hashes = answered(secrets::key_hashes(link, names)).await;
        self.leave(hashes, operation)
    }

    /// The changes that these request ids made; those that made none are left out.
    pub async fn replays(&mut self, asked: &[(PrincipalName, Uuid)]) -> Result<Vec<Replay>, Error> {
        let operation = "looking up request ids";
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let link = self.enter(operation)?;
        let replays = answered(log::replays(link, asked)).await;
        self.leave(replays, operation)
    }

    /// Appends changes that follow on the head, with a new salt for each effect, and brings the
    /// tables up to them.
    pub async fn append(
        &mut self,
        changes: &[Change],
        salt: &mut (dyn FnMut() -> [u8; 16] + Send),
    ) -> Result<(), Error> {
        let mut encoded: Vec<Encoded> = Vec::with_capacity(changes.len());
        for change in changes {
            let before = *encoded.last().map_or(&self.head.digest, Encoded::digest);
            encoded.push(Encoded::new(Decided::of(change.clone())?, &before, salt)?);
        }
        self.append_encoded(&encoded).await
    }

    /// As [`WriteTx::append`], of changes that were encoded before.
    pub async fn append_encoded(&mut self, changes: &[Encoded]) -> Result<(), Error> {
        let operation = "appending changes";
        let head = self.head;
        let link = self.enter(operation)?;
        let appended = answered(log::append(link, &head, changes, End::Open)).await;
        self.head = self.leave(appended, operation)?;
        Ok(())
    }

    /// Commits; refused after a statement that failed or was not waited for.
    pub async fn commit(self) -> Result<(), CommitError> {
        if !self.sound {
            return Err(CommitError::RolledBack(unsound("committing")));
        }
        let committed = answered(self.tx.commit()).await;
        self.outages.at_commit(committed.map_err(Failure::from))
    }

    /// Does what [`WriteTx::append_encoded`] does and then [`WriteTx::commit`], in one round trip
    /// where the engine can.
    pub async fn commit_with(mut self, changes: &[Encoded]) -> Result<(), CommitError> {
        if let On::Postgres(_) = self.tx.link() {
            let appended = self.append_encoded(changes).await;
            appended.map_err(CommitError::RolledBack)?;
            return self.commit().await;
        }
        let head = self.head;
        let link = self.enter("committing");
        let link = link.map_err(CommitError::RolledBack)?;
        let committed = answered(log::append(link, &head, changes, End::Commit)).await;
        self.outages.at_commit(committed)?;
        self.tx.ended();
        Ok(())
    }

    /// Ends without a commit. If that fails, the connection is closed, which has the same effect.
    pub async fn roll_back(self) {
        drop(answered(self.tx.roll_back()).await);
    }

    fn enter(&mut self, operation: &str) -> Result<Link<'_>, Error> {
        if !std::mem::replace(&mut self.sound, false) {
            return Err(unsound(operation));
        }
        Ok(self.tx.link())
    }

    fn leave<T>(
        &mut self,
        outcome: Result<T, Failure>,
        operation: &'static str,
    ) -> Result<T, Error> {
        self.sound = outcome.is_ok();
        self.outages.during(outcome, operation)
    }
}

fn unsound(operation: &str) -> Error {
    Error::Bug(format!("{operation}: an earlier statement of the transaction failed").into())
}
