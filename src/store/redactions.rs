//! Redactions: reads the history of a resource, rewrites rows of earlier changes, and removes the
//! old bytes from the files of SQLite.
//!
//! The digests of a row stay. Its salt is replaced with its text, because the old text could be
//! guessed from the digest and the salt.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio_stream::StreamExt as _;

use super::{
    CommitError, Encoded, Store,
    engine::{Link, On, on_engine, reading},
    errors::{Failure, corrupt, is_busy},
    images::{self, FORMAT},
    log::{self, ChangeRow, EffectRow, changes_where, effects_where, read_revision},
};
use ndp_core::{
    caller::Person,
    change::{Change, Effect, Image, RedactedChange, RedactedImage, Redaction},
    error::Error,
    hex::{self, read_digest},
    leaf::{self, Digest},
    messages::{Condition, Unavailable},
    names::{PrincipalName, Revision},
    records::documents::Document,
    rules::{
        Decided,
        redactions::{BYTES_MAX, Content, ROWS_MAX, Rewrite, Sought, with_meta},
    },
    time::Timestamp,
};

// === the stored form ===

/// How the stored form of a redaction begins. Other notices begin otherwise.
pub(super) const BEGINS: &str = "{\"redaction\":";

/// What the log stores for a redaction in place of an image.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    redaction: StoredRedaction,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRedaction {
    document: Document,
    changes: Vec<StoredChange>,
}

/// Digests are in hexadecimal digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChange {
    revision: i64,
    header: String,
    images: Vec<(i64, String)>,
}

/// The bytes of a redaction.
pub(super) fn encode(redaction: &Redaction) -> Result<String, Error> {
    let Redaction {
        name,
        document,
        changes,
    } = redaction;
    let changes = changes.iter().map(|change| {
        let images = change.images.iter();
        StoredChange {
            revision: change.revision.get(),
            header: hex::write(&change.header),
            images: images
                .map(|it| (it.ordinal, hex::write(&it.digest)))
                .collect(),
        }
    });
    let stored = Stored {
        redaction: StoredRedaction {
            document: document.clone(),
            changes: changes.collect(),
        },
    };
    serde_json::to_string(&stored)
        .map_err(|error| Error::Bug(format!("encoding a redaction of `{name}`: {error}").into()))
}

/// Reads the bytes of a redaction back.
pub(super) fn decode(
    resource: &str,
    revision: i64,
    format: i64,
    json: &str,
) -> Result<Redaction, Error> {
    let place = format!("effects, redaction of `{resource}` at revision {revision}");
    if format != FORMAT {
        return Err(corrupt(&place, format_args!("unknown format {format}")));
    }
    let Stored { redaction } =
        serde_json::from_str(json).map_err(|error| corrupt(&place, error))?;
    let digest = |text: &str| read_digest(text).ok_or_else(|| corrupt(&place, "a digest"));
    let change = |stored: StoredChange| {
        let image = |(ordinal, text): (i64, String)| {
            digest(&text).map(|digest| RedactedImage { ordinal, digest })
        };
        Ok::<_, Error>(RedactedChange {
            revision: read_revision(&place, stored.revision)?,
            header: digest(&stored.header)?,
            images: stored
                .images
                .into_iter()
                .map(image)
                .collect::<Result<_, _>>()?,
        })
    };
    let changes = redaction.changes.into_iter().map(change);
    Ok(Redaction {
        name: resource.to_owned(),
        document: redaction.document,
        changes: changes.collect::<Result<_, _>>()?,
    })
}

// === what the log says of its rows ===

/// What the rows of redacted changes are verified by, according to the redactions in the log.
#[derive(Debug, Default)]
pub(super) struct Redacted {
    /// The digest of the header, and the change that says so, by revision.
    pub(super) headers: BTreeMap<i64, (Digest, i64)>,
    /// The digest of an effect, by revision and ordinal.
    pub(super) images: BTreeMap<(i64, i64), Digest>,
}

/// The rows of all redactions of the log.
async fn rows(mut link: Link<'_>) -> Result<Vec<EffectRow>, Failure> {
    const REDACTIONS: &str = effects_where!("kind = 'notice' AND image LIKE $1");
    Ok(on_engine!(&mut link, connection => {
        let begins = format!("{BEGINS}%");
        sqlx::query_as(REDACTIONS).bind(begins).fetch_all(&mut **connection).await
    })?)
}

async fn all(link: Link<'_>) -> Result<Vec<Redaction>, Failure> {
    let rows = rows(link).await?;
    let read = rows.into_iter().map(|row| {
        let json = row.image.as_deref().unwrap_or_default();
        decode(&row.resource, row.revision, row.format, json)
    });
    Ok(read.collect::<Result<_, _>>()?)
}

/// Reads all redactions of the log. They are verified with the other effects.
pub(super) async fn redacted(link: Link<'_>) -> Result<Redacted, Failure> {
    let rows = rows(link).await?;
    let mut redacted = Redacted::default();
    for row in rows {
        let json = row.image.as_deref().unwrap_or_default();
        // one that cannot be read is a finding of its own
        let Ok(read) = decode(&row.resource, row.revision, row.format, json) else {
            continue;
        };
        for change in read.changes {
            let revision = change.revision.get();
            redacted
                .headers
                .insert(revision, (change.header, row.revision));
            for image in change.images {
                redacted
                    .images
                    .insert((revision, image.ordinal), image.digest);
            }
        }
    }
    Ok(redacted)
}

// === reading the history ===

/// An image that was written once.
#[derive(Debug)]
pub struct WrittenImage(EffectRow);

impl WrittenImage {
    /// The revision that wrote it.
    pub fn revision(&self) -> Result<Revision, Error> {
        read_revision("effects", self.0.revision)
    }

    /// The place of its effect in the change.
    pub const fn ordinal(&self) -> i64 {
        self.0.ordinal
    }

    /// The bytes of the image.
    pub fn json(&self) -> &str {
        self.0.image.as_deref().unwrap_or_default()
    }

    /// The salt of its digest.
    pub fn salt(&self) -> &[u8] {
        self.0.salt.as_deref().unwrap_or_default()
    }

    /// Whether this could be the image.
    pub fn reads(&self, json: &str) -> bool {
        let EffectRow {
            resource,
            revision,
            format,
            ..
        } = &self.0;
        images::decode("effects", resource, *revision, *format, json).is_ok()
    }

    /// The digest of its effect with another image.
    pub fn digest_with(&self, salt: &[u8], json: &str) -> Digest {
        let image = leaf::image_digest(salt, Some(json));
        leaf::effect_digest(&self.0.kind, &self.0.resource, self.0.format, &image)
    }
}

/// The header of a change.
#[derive(Debug)]
pub struct WrittenHeader(ChangeRow);

impl WrittenHeader {
    pub fn revision(&self) -> Result<Revision, Error> {
        read_revision("changes", self.0.revision)
    }

    /// The person named by a system.
    pub fn actor(&self) -> Option<&str> {
        self.0.actor.as_deref()
    }

    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Whether its request had an id.
    pub const fn has_request(&self) -> bool {
        self.0.request_digest.is_some()
    }

    /// The salt of its digest.
    pub fn salt(&self) -> &[u8] {
        self.0.salt()
    }

    /// The digest of the header with other texts.
    pub fn digest_with(
        &self,
        salt: &[u8],
        actor: Option<&str>,
        reason: &str,
        request_digest: Option<&Digest>,
    ) -> Digest {
        let header = leaf::Header {
            actor,
            reason,
            request_digest: request_digest.map(<[u8; 32]>::as_slice),
            ..self.0.header()
        };
        leaf::header_digest(salt, &header)
    }
}

/// The history of a resource that contains a text.
#[derive(Debug)]
pub struct Written {
    /// The change that last wrote the resource.
    pub newest: Revision,
    /// The images that may have the text, oldest first.
    pub images: Vec<WrittenImage>,
    /// The headers of their changes, and those that have the text themselves, oldest first.
    pub headers: Vec<WrittenHeader>,
}

/// Reads the history of a resource before a revision that contains a text. `rows` and `bytes`
/// count what was read so far, and are limited.
async fn written(
    mut link: Link<'_>,
    resource: &str,
    text: &Sought,
    before: Revision,
    (rows, bytes): (&mut usize, &mut usize),
) -> Result<Written, Failure> {
    const IMAGES: &str = effects_where!("resource = $1 AND kind = 'put'");
    const HEADERS: &str = concat!(
        changes_where!("revision IN (SELECT revision FROM effects WHERE resource = $1)"),
        " ORDER BY revision"
    );
    let mut written = Written {
        newest: Revision::ZERO,
        images: Vec::new(),
        headers: Vec::new(),
    };
    let mut limit = |revision: i64, more: usize| {
        *rows += 1;
        *bytes += more;
        if *rows <= ROWS_MAX && *bytes <= BYTES_MAX {
            return Ok(());
        }
        let too_large = Condition::RedactionTooLarge {
            rows: ROWS_MAX,
            bytes: BYTES_MAX,
            before: read_revision("effects", revision)?,
        };
        Err(Error::refused(resource, too_large))
    };
    on_engine!(&mut link, connection => {
        let mut found = sqlx::query_as(IMAGES).bind(resource).fetch(&mut **connection);
        while let Some(row) = found.next().await {
            let row: EffectRow = row?;
            written.newest = read_revision("effects", row.revision)?;
            let json = row.image.as_deref().unwrap_or_default();
            if row.revision < before.get() && text.may_be_in(json) {
                limit(row.revision, json.len())?;
                written.images.push(WrittenImage(row));
            }
        }
        Ok::<_, Failure>(())
    })?;
    let images: Vec<i64> = written.images.iter().map(|it| it.0.revision).collect();
    on_engine!(&mut link, connection => {
        let mut found = sqlx::query_as(HEADERS).bind(resource).fetch(&mut **connection);
        while let Some(row) = found.next().await {
            let row: ChangeRow = row?;
            let of_image = images.binary_search(&row.revision).is_ok();
            let texts = [Some(row.reason.as_str()), row.actor.as_deref()];
            let has_text = texts.into_iter().flatten().any(|it| text.is_in(it));
            if of_image || has_text && row.revision < before.get() {
                limit(row.revision, row.reason.len())?;
                written.headers.push(WrittenHeader(row));
            }
        }
        Ok::<_, Failure>(())
    })?;
    Ok(written)
}

impl Store {
    /// The history of each resource before a revision that contains a text.
    pub async fn written(
        &self,
        resources: &[&str],
        text: &Sought,
        before: Revision,
    ) -> Result<Vec<Written>, Error> {
        let (mut rows, mut bytes) = (0, 0);
        let mut all = Vec::with_capacity(resources.len());
        for resource in resources {
            let read = reading!(self.engine, link => {
                written(link, resource, text, before, (&mut rows, &mut bytes))
            });
            let read = self.outages.during(read, "reading the history of a record");
            all.push(read?);
        }
        Ok(all)
    }
}

// === rewriting ===

/// Rewrites rows of earlier changes, as the change `by` says. Refused if one was rewritten since it
/// was read.
pub(super) async fn rewrite(
    link: &mut Link<'_>,
    by: Revision,
    rewrites: &[Rewrite],
) -> Result<(), Failure> {
    const IMAGE: &str = "UPDATE effects SET image = $1, salt = $2 \
         WHERE revision = $3 AND ordinal = $4 AND salt = $5";
    const HEADER: &str = "UPDATE changes \
         SET actor = $1, reason = $2, request_digest = $3, salt = $4, redaction = $5 \
         WHERE revision = $6 AND salt = $7";
    for rewrite in rewrites {
        let Rewrite {
            revision,
            salt_before,
            salt,
            content,
        } = rewrite;
        let rewritten = on_engine!(&mut *link, connection => match content {
            Content::Image { ordinal, image } => {
                let update = sqlx::query(IMAGE).bind(image).bind(salt.as_slice());
                let update = update.bind(revision.get()).bind(ordinal);
                let update = update.bind(salt_before.as_slice());
                update.execute(&mut **connection).await?.rows_affected()
            }
            Content::Header { actor, reason, request_digest } => {
                let digest = request_digest.as_ref().map(<[u8; 32]>::as_slice);
                let update = sqlx::query(HEADER).bind(actor.as_deref()).bind(reason);
                let update = update.bind(digest).bind(salt.as_slice()).bind(by.get());
                let update = update.bind(revision.get()).bind(salt_before.as_slice());
                update.execute(&mut **connection).await?.rows_affected()
            }
        });
        if rewritten != 1 {
            let name = format!("changes/{revision}");
            return Err(Error::refused(name, Condition::RedactionOvertaken).into());
        }
    }
    Ok(())
}

// === an older copy ===

/// A row of the log in two databases: in an older copy, and as it was redacted since.
struct Pair {
    older: (ChangeRow, Vec<EffectRow>),
    newer: (ChangeRow, Vec<EffectRow>),
}

impl Pair {
    /// Whether both are the same change of one log, by the digest that a redaction leaves, with
    /// other contents.
    fn differs(&self) -> bool {
        let (older, newer) = (&self.older.0, &self.newer.0);
        older.digest == newer.digest && older.salt() != newer.salt()
    }

    /// Whether one of these images differs. The header of another resource of the same change may
    /// have been replaced before.
    fn images_differ(&self, ordinals: &BTreeSet<i64>) -> bool {
        let salts = |rows: &[EffectRow]| {
            let listed = rows.iter().filter(|it| ordinals.contains(&it.ordinal));
            listed.map(|it| it.salt.clone()).collect::<Vec<_>>()
        };
        self.older.0.digest == self.newer.0.digest && salts(&self.older.1) != salts(&self.newer.1)
    }

    /// Replaces the header and these images in the older copy. Returns the digests of what is there
    /// then.
    fn rewrite(
        &self,
        ordinals: impl Iterator<Item = i64>,
        rewrites: &mut Vec<Rewrite>,
    ) -> Result<RedactedChange, Error> {
        let (older, newer) = (&self.older.0, &self.newer.0);
        let revision = read_revision("changes", newer.revision)?;
        let mut change = RedactedChange {
            revision,
            header: leaf::header_digest(newer.salt(), &newer.header()),
            images: Vec::new(),
        };
        let request_digest = newer.request_digest.as_deref().map(Digest::try_from);
        let request_digest = request_digest.transpose();
        let request_digest = request_digest.map_err(|_| corrupt("changes", "request_digest"))?;
        // where another resource of the same change brought the header, it is the same again
        rewrites.push(Rewrite {
            revision,
            salt_before: older.salt().to_vec(),
            salt: salt_of(newer.salt())?,
            content: Content::Header {
                actor: newer.actor.clone(),
                reason: newer.reason.clone(),
                request_digest,
            },
        });
        for ordinal in ordinals {
            let find = |rows: &[EffectRow]| rows.iter().find(|it| it.ordinal == ordinal).cloned();
            let (Some(older), Some(newer)) = (find(&self.older.1), find(&self.newer.1)) else {
                continue;
            };
            let image = WrittenImage(newer);
            let digest = image.digest_with(image.salt(), image.json());
            change.images.push(RedactedImage { ordinal, digest });
            rewrites.push(Rewrite {
                revision,
                salt_before: older.salt.unwrap_or_default(),
                salt: salt_of(image.salt())?,
                content: Content::Image {
                    ordinal,
                    image: image.json().to_owned(),
                },
            });
        }
        Ok(change)
    }
}

impl ChangeRow {
    fn salt(&self) -> &[u8] {
        self.salt.as_deref().unwrap_or_default()
    }
}

fn salt_of(bytes: &[u8]) -> Result<[u8; 16], Error> {
    bytes
        .try_into()
        .map_err(|_| corrupt("salt", "has not 16 bytes"))
}

impl Store {
    /// One change of the log, as its rows are.
    async fn rows_of(
        &self,
        revision: Revision,
    ) -> Result<Option<(ChangeRow, Vec<EffectRow>)>, Error> {
        let before = revision.previous().unwrap_or_default();
        let rows = reading!(self.engine, link => log::rows_after(link, before, 1));
        let rows = self.outages.during(rows, "reading the log")?;
        let is_it = |row: &(ChangeRow, Vec<EffectRow>)| row.0.revision == revision.get();
        Ok(rows.into_iter().next().filter(is_it))
    }

    /// The redactions of the log, oldest first.
    pub async fn redactions(&self) -> Result<Vec<Redaction>, Error> {
        let read = reading!(self.engine, link => all(link));
        self.outages.during(read, "reading redactions")
    }

    /// Redacts what `newer`, a later state of the same log, has redacted and this database still
    /// has, as after the restore of an older backup. It is recorded in changes of the system, one a
    /// resource, with the document that ordered it. Returns how many there are.
    pub async fn redact_as(
        &self,
        newer: &Self,
        now: Timestamp,
        salt: &mut (dyn FnMut() -> [u8; 16] + Send),
    ) -> Result<usize, Error> {
        let mut resources: BTreeMap<String, Listed> = BTreeMap::new();
        for redaction in newer.redactions().await? {
            let listed = resources.entry(redaction.name).or_default();
            listed.document = redaction.document;
            for change in redaction.changes {
                let ordinals = listed.changes.entry(change.revision).or_default();
                ordinals.extend(change.images.iter().map(|it| it.ordinal));
            }
        }
        let mut written = 0;
        for (name, listed) in resources {
            let (redaction, rewrites) = self.missed(newer, name, listed).await?;
            if redaction.changes.is_empty() {
                continue;
            }
            self.append_missed(redaction, rewrites, now, salt).await?;
            written += 1;
        }
        Ok(written)
    }

    /// The redaction of a resource, of the changes that this database has as they were before.
    async fn missed(
        &self,
        newer: &Self,
        name: String,
        listed: Listed,
    ) -> Result<(Redaction, Vec<Rewrite>), Error> {
        let mut rewrites = Vec::new();
        let mut redaction = Redaction {
            name,
            document: listed.document,
            changes: Vec::new(),
        };
        for (revision, ordinals) in listed.changes {
            let older = self.rows_of(revision).await?;
            let (Some(older), Some(newer)) = (older, newer.rows_of(revision).await?) else {
                continue;
            };
            let pair = Pair { older, newer };
            if pair.differs() || pair.images_differ(&ordinals) {
                let change = pair.rewrite(ordinals.into_iter(), &mut rewrites)?;
                redaction.changes.push(change);
            }
        }
        Ok((redaction, rewrites))
    }

    async fn append_missed(
        &self,
        redaction: Redaction,
        rewrites: Vec<Rewrite>,
        now: Timestamp,
        salt: &mut (dyn FnMut() -> [u8; 16] + Send),
    ) -> Result<(), Error> {
        let tx = self.begin().await?;
        let head = *tx.head();
        let (revision, record_time) = (head.revision.next(), now.max(head.record_time));
        let mut effects = Vec::new();
        let newest = redaction.changes.last();
        if let Some(newest) = newest
            && let Some(image) = redacted_image(&redaction.name, newest.revision, &rewrites)?
            && self.newest_of(&redaction.name).await? == Some(newest.revision)
        {
            let meta = image.meta().updated(record_time, revision);
            effects.push(Effect::Put(with_meta(image, meta)));
        }
        effects.push(Effect::Redaction(redaction));
        let mut decided = Decided::of(Change {
            revision,
            record_time,
            person: Person {
                principal: PrincipalName::system(),
                actor: None,
            },
            agency: None,
            method: "RedactText".into(),
            request_id: None,
            reason: "as in the log that was restored, after the backup".to_owned(),
            effects,
            key_hashes: Vec::new(),
            redaction: None,
        })?;
        decided.rewrites = rewrites.into();
        let encoded = Encoded::new(decided, &head.digest, salt)?;
        let committed = tx.commit_with(&[encoded]).await;
        committed.map_err(|error| match error {
            CommitError::RolledBack(error) | CommitError::Unknown(error) => error,
        })
    }

    /// The change that last wrote a resource.
    async fn newest_of(&self, resource: &str) -> Result<Option<Revision>, Error> {
        const NEWEST: &str = "SELECT revision FROM records WHERE name = $1";
        let read = reading!(self.engine, link => newest(link, NEWEST, resource));
        self.outages.during(read, "reading a record")
    }
}

async fn newest(
    mut link: Link<'_>,
    statement: &'static str,
    resource: &str,
) -> Result<Option<Revision>, Failure> {
    let found: Option<i64> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(statement).bind(resource);
        statement.fetch_optional(&mut **connection).await
    })?;
    let read = found.map(|revision| read_revision("records", revision));
    Ok(read.transpose()?)
}

/// What a log has redacted of one resource: the ordinals of its images, by change.
#[derive(Default)]
struct Listed {
    document: Document,
    changes: BTreeMap<Revision, BTreeSet<i64>>,
}

/// The image of a resource that a change wrote, as it is to be; `None` where it is not rewritten.
fn redacted_image(
    resource: &str,
    revision: Revision,
    rewrites: &[Rewrite],
) -> Result<Option<Image>, Error> {
    for rewrite in rewrites {
        if let Content::Image { image, .. } = &rewrite.content
            && rewrite.revision == revision
        {
            let number = revision.get();
            return images::decode("effects", resource, number, FORMAT, image).map(Some);
        }
    }
    Ok(None)
}

// === the old bytes ===

/// How long to wait for writers and readers that use the file.
const ERASE_WAIT: Duration = Duration::from_secs(10);

impl Store {
    /// Removes deleted and overwritten bytes from the files of SQLite. Earlier writes of a record
    /// left bytes in free pages too, so the whole file is rewritten. On PostgreSQL that is an
    /// operator's task, because it locks the tables.
    pub async fn erase_overwritten(&self) -> Result<(), Error> {
        let On::Sqlite(pools) = &self.engine else {
            return Ok(());
        };
        let options = pools.writer.connect_options();
        let options = sqlx::sqlite::SqliteConnectOptions::clone(&options);
        let options = options.busy_timeout(ERASE_WAIT);
        let erased = async {
            // the copy that SQLite makes may be larger than the memory
            let mut connection = options.pragma("temp_store", "FILE").connect().await?;
            let erased = erase(&mut connection).await;
            connection.close().await?;
            erased
        };
        match erased.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Unavailable(Unavailable::NotErased)),
            Err(error) if is_busy(&error) => Err(Error::Unavailable(Unavailable::NotErased)),
            Err(error) => {
                let operation = "erasing overwritten bytes";
                self.outages.during(Err(Failure::from(error)), operation)
            }
        }
    }
}

/// Returns whether the write-ahead log is empty afterwards.
async fn erase(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql("VACUUM").execute(&mut *connection).await?;
    let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut *connection)
        .await?;
    Ok(busy == 0)
}
