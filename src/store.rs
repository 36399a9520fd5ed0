//! The store: the log and the tables of the current state, on SQLite and PostgreSQL.
//!
//! It keeps what the registry decides and hands it back unchanged; it knows no rule, no caller
//! and no clock. A write transaction holds the log's lock from its first statement to its end, so
//! revisions have no gaps and a reader never meets half a change; after a statement that failed,
//! a transaction can only be rolled back (`a_failed_transaction_never_commits`).
//!
//! Nothing is cached here: replicas would disagree.

mod bulk;
mod engine;
mod errors;
mod fold;
mod history;
mod images;
mod load;
mod log;
mod migrations;
mod secrets;
mod tables;

use std::time::Duration;

use uuid::Uuid;

use self::{
    engine::{Engine, Link, Pooled, Tx, answered, reading},
    errors::{During, Failure},
    history::PastRow,
};
pub use self::{errors::CommitError, history::Past, log::Encoded};
use crate::domain::{
    change::{Change, Image},
    error::Error,
    names::{ApiKeyName, PrincipalName, Revision},
    principals::KeyHash,
    time::Timestamp,
};

/// How long closing waits: nothing that was acknowledged depends on it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log this is.
    pub log_id: Uuid,
    /// The newest revision; zero in an empty log.
    pub revision: Revision,
    /// When it was recorded; the year 1970 in an empty log.
    pub record_time: Timestamp,
}

/// Everything that the State is made of, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Where the log ended.
    pub head: Head,
    /// Every record there is.
    pub images: Vec<Image>,
    /// The hash of every API key.
    pub key_hashes: Vec<(ApiKeyName, KeyHash)>,
}

/// The change that a request id made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Whose request it was.
    pub principal: PrincipalName,
    /// Its id.
    pub id: Uuid,
    /// The digest of what was asked.
    pub digest: [u8; 32],
    /// The revision it made.
    pub revision: Revision,
    /// The record then written, unless the first effect was no image.
    pub image: Option<Image>,
}

/// What reading the whole log came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Changes read.
    pub changes: u64,
    /// Effects read.
    pub effects: u64,
    /// What is wrong, oldest first: the first thousand.
    pub findings: Vec<Finding>,
}

/// Something wrong in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The change.
    pub revision: Revision,
    /// The resource, where it is about one.
    pub resource: Option<String>,
    /// What is wrong.
    pub problem: String,
}

/// One database; a cheap handle on its pools.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
}

impl Store {
    /// Opens `sqlite:path` (made when it is not there) or `postgres://…` and brings its schema
    /// up to this release. A new log gets `log_id`; a log of an unknown format is refused.
    pub async fn open(url: &str, log_id: Uuid) -> Result<Self, Error> {
        let engine = Engine::open(url).await?;
        let opened = migrations::run(&engine, log_id).await;
        let store = Self { engine };
        match opened {
            Ok(()) => {
                store.head().await?;
                Ok(store)
            }
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// The engine and where the database is, for a human; without a password.
    pub fn describe(&self) -> String {
        self.engine.describe()
    }

    /// Where the log ends now.
    pub async fn head(&self) -> Result<Head, Error> {
        reading!(self.engine, "reading the head", link => log::head(link))
    }

    /// Everything that the State is made of.
    pub async fn load(&self) -> Result<Loaded, Error> {
        let operation = "loading the state";
        let mut attempt = 1;
        let snapshot = loop {
            let outcome = self.engine.snapshot().await.map_err(Failure::from);
            if !engine::try_again(&mut attempt, &outcome) {
                break outcome.during(operation)?;
            }
        };
        load::load(snapshot).await.during(operation)
    }

    /// The changes after a revision, oldest first, at most `limit`. They carry no key hashes:
    /// those are not in the log, ask for them by the keys' names.
    pub async fn changes_after(&self, after: Revision, limit: usize) -> Result<Vec<Change>, Error> {
        reading!(self.engine, "reading the log", link => log::changes_after(link, after, limit))
    }

    /// The hashes of these API keys, in their order, of those that have one.
    pub async fn key_hashes(
        &self,
        names: &[ApiKeyName],
    ) -> Result<Vec<(ApiKeyName, KeyHash)>, Error> {
        reading!(self.engine, "reading key hashes", link => secrets::key_hashes(link, names))
    }

    /// The key that authenticates page tokens: the one stored, which is `candidate` if there was
    /// none.
    pub async fn page_token_key(&self, candidate: [u8; 32]) -> Result<[u8; 32], Error> {
        let operation = "reading the page token key";
        let stored = reading!(self.engine, operation, link => secrets::page_token_key(link));
        if let Some(key) = stored? {
            return Ok(key);
        }
        let operation = "making the page token key";
        let mut tx = self.engine.begin().await.during(operation)?;
        let made = secrets::make_page_token_key(tx.link(), candidate).await;
        made.during(operation)?;
        let key = secrets::page_token_key(tx.link()).await.during(operation)?;
        tx.commit().await.during(operation)?;
        key.ok_or_else(|| Error::Bug(format!("{operation}: it is not there").into()))
    }

    /// Begins a write and takes the log's lock.
    pub async fn begin(&self) -> Result<WriteTx<'static>, Error> {
        let operation = "beginning a write";
        let mut attempt = 1;
        loop {
            let outcome = answered(self.lock()).await;
            if !engine::try_again(&mut attempt, &outcome) {
                return outcome.during(operation);
            }
        }
    }

    async fn lock(&self) -> Result<WriteTx<'static>, Failure> {
        WriteTx::lock(self.engine.begin().await?).await
    }

    /// As [`Store::begin`], on a connection that the session keeps; `None` where that connection
    /// turned out to be broken, and another is to be asked for.
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
            WriteTx::lock(pooled.begin().await?).await
        });
        match begun.await {
            Err(failure) if engine::is_broken(&failure) => Ok(None),
            begun => begun.during(operation).map(Some),
        }
    }

    /// Each resource as it was before a revision, in the order asked for; `None` where there was
    /// none.
    pub async fn images_before(
        &self,
        asked: &[(&str, Revision)],
    ) -> Result<Vec<Option<Image>>, Error> {
        reading!(self.engine, "reading records before a change", link => {
            history::images_before(link, asked)
        })
    }

    /// Every resource that was touched after a revision, as it was at that revision.
    pub async fn touched_after(&self, revision: Revision) -> Result<Vec<Past>, Error> {
        let operation = "reading the records of a revision";
        let rows = reading!(self.engine, operation, link => {
            history::touched_after(link, revision)
        })?;
        // Thousands at the worst, each some microseconds: not on a thread that answers calls.
        let read = move || {
            rows.into_iter()
                .map(PastRow::read)
                .collect::<Result<_, _>>()
        };
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|error| Error::Bug(format!("{operation}: {error}").into()))?;
        read.during(operation)
    }

    /// The newest revision recorded at a time or before it; zero before the first.
    pub async fn revision_at(&self, time: Timestamp) -> Result<Revision, Error> {
        reading!(self.engine, "reading the revision of a time", link => {
            history::revision_at(link, time)
        })
    }

    /// When a revision was recorded; `None` where there is no such revision.
    pub async fn record_time(&self, revision: Revision) -> Result<Option<Timestamp>, Error> {
        reading!(self.engine, "reading the time of a revision", link => {
            history::record_time(link, revision)
        })
    }

    /// The changes between two revisions, both excluded, that touched a resource: at most `limit`
    /// of the oldest or of the newest, oldest first; without key hashes.
    pub async fn changes_of(
        &self,
        resource: &str,
        between: (Revision, Revision),
        newest: bool,
        limit: usize,
    ) -> Result<Vec<Change>, Error> {
        reading!(self.engine, "reading the changes of a record", link => {
            log::changes_of(link, resource, between, newest, limit)
        })
    }

    /// The next revisions after one that touched a resource.
    pub async fn revisions_of(
        &self,
        resource: &str,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, Error> {
        reading!(self.engine, "reading the changes of a record", link => {
            history::revisions_of(link, resource, after, limit)
        })
    }

    /// Reads the whole log as of now in order, verifies each change and hands it to `visit`;
    /// what is wrong with the log is listed, and does not end the reading.
    pub async fn fold(
        &self,
        visit: impl FnMut(Change) -> Result<(), Error>,
    ) -> Result<Verified, Error> {
        let head = self.head().await?;
        fold::fold(&self.engine, &head, visit).await
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

/// A write that holds the log's lock; rolled back when dropped.
#[derive(Debug)]
pub struct WriteTx<'c> {
    tx: Tx<'c>,
    head: Head,
    // False from the beginning of each statement until it has succeeded, so also after one whose
    // future was dropped. PostgreSQL answers a COMMIT of a failed transaction with ROLLBACK, and
    // sqlx reports that as success: without this, an acknowledged write could be lost.
    sound: bool,
}

impl<'c> WriteTx<'c> {
    async fn lock(mut tx: Tx<'c>) -> Result<Self, Failure> {
        let head = log::lock_head(tx.link()).await?;
        Ok(Self {
            tx,
            head,
            sound: true,
        })
    }

    /// Where the log ends, what this transaction appended included.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// As [`Store::changes_after`].
    pub async fn changes_after(
        &mut self,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Change>, Error> {
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
        let encode = |change: &Change| Encoded::new(change.clone(), salt);
        let encoded: Vec<Encoded> = changes.iter().map(encode).collect::<Result<_, _>>()?;
        self.append_encoded(&encoded).await
    }

    /// As [`WriteTx::append`], of changes that were encoded before.
    pub async fn append_encoded(&mut self, changes: &[Encoded]) -> Result<(), Error> {
        let operation = "appending changes";
        let head = self.head;
        let link = self.enter(operation)?;
        let appended = answered(log::append(link, &head, changes)).await;
        self.head = self.leave(appended, operation)?;
        Ok(())
    }

    /// Commits; refused after a statement that failed or was not waited for.
    pub async fn commit(self) -> Result<(), CommitError> {
        if !self.sound {
            return Err(CommitError::RolledBack(unsound("committing")));
        }
        let committed = answered(self.tx.commit()).await;
        committed.map_err(|error| errors::commit_error(&error))
    }

    fn enter(&mut self, operation: &str) -> Result<Link<'_>, Error> {
        if !std::mem::replace(&mut self.sound, false) {
            return Err(unsound(operation));
        }
        Ok(self.tx.link())
    }

    fn leave<T>(&mut self, outcome: Result<T, Failure>, operation: &str) -> Result<T, Error> {
        self.sound = outcome.is_ok();
        outcome.during(operation)
    }
}

fn unsound(operation: &str) -> Error {
    Error::Bug(format!("{operation}: an earlier statement of the transaction failed").into())
}
