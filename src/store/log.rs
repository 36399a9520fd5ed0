//! The log: its head, appending a group of changes, reading them back, finding the change that
//! a request id made.
//!
//! A change is two kinds of rows, `changes` and `effects`. The log only grows and a group becomes
//! visible as a whole, so rows of both read one after the other belong together.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{AssertSqlSafe, FromRow as _, QueryBuilder};
use tokio_stream::StreamExt as _;
use uuid::Uuid;

use super::{
    Head, HeadAndTime, Replay,
    bulk::{self, Cell, End, Insert, Row, Update},
    engine::{Link, On, on_engine},
    errors::{Failure, corrupt},
    images::{self, FORMAT},
    redactions,
    tables::{self, Last},
};
use ndp_core::{
    caller::Person,
    change::{Change, Effect, Image, RequestId},
    error::Error,
    leaf::{self, Digest, GENESIS},
    messages::Condition,
    names::{AgencyName, PrincipalName, Revision},
    rules::{Decided, redactions::Rewrite},
    time::Timestamp,
};

// === the head ===

macro_rules! head {
    ($database_time:literal, $from:literal) => {
        concat!(
            "SELECT log_id, revision, record_time, digest, format, ",
            $database_time,
            " AS database_time FROM ",
            $from
        )
    };
}

/// The time of PostgreSQL's own clock. SQLite has none: its clock is this process's.
macro_rules! postgres_head {
    ($from:literal) => {
        head!(
            "(extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT",
            $from
        )
    };
}

const SQLITE_HEAD: &str = head!("NULL", "log_head");
const POSTGRES_HEAD: &str = postgres_head!("log_head");
/// PostgreSQL evaluates the outer row once the inner one is locked. In one query, the time might be
/// that before the wait for the lock.
const POSTGRES_LOCK: &str = postgres_head!("(SELECT * FROM log_head FOR UPDATE) AS locked");
const MAKE_HEAD: &str = "INSERT INTO log_head (one, log_id, revision, record_time, digest, format) \
     VALUES (1, $1, 0, 0, $2, $3) ON CONFLICT (one) DO NOTHING";
#[derive(sqlx::FromRow)]
struct HeadRow {
    log_id: String,
    revision: i64,
    record_time: i64,
    digest: Vec<u8>,
    format: i64,
    database_time: Option<i64>,
}

/// The head; refused when the format is not known.
pub(super) async fn head(link: Link<'_>) -> Result<Head, Failure> {
    Ok(head_and_time(link).await?.head)
}

/// The head and the time; refused when the format is not known.
pub(super) async fn head_and_time(mut link: Link<'_>) -> Result<HeadAndTime, Failure> {
    let row: HeadRow = match &mut link {
        On::Sqlite(connection) => {
            sqlx::query_as(SQLITE_HEAD)
                .fetch_one(&mut **connection)
                .await?
        }
        On::Postgres(connection) => {
            sqlx::query_as(POSTGRES_HEAD)
                .fetch_one(&mut **connection)
                .await?
        }
    };
    Ok(row.read()?)
}

/// Begins a transaction by this statement and, in the same round trip, does what
/// [`head_and_time`] does, with the head locked until the transaction ends, and the time as of
/// then. On SQLite `BEGIN IMMEDIATE` locks it.
pub(super) async fn begin(mut link: Link<'_>, begin: &str) -> Result<HeadAndTime, Failure> {
    let row = match &mut link {
        On::Sqlite(connection) => {
            let both = AssertSqlSafe(format!("{begin}; {SQLITE_HEAD}"));
            sqlx::query_as(both).fetch_one(&mut **connection).await?
        }
        On::Postgres(connection) => {
            let both = AssertSqlSafe(format!("{begin}; {POSTGRES_LOCK}"));
            let row = sqlx::raw_sql(both).fetch_one(&mut **connection).await?;
            HeadRow::from_row(&row)?
        }
    };
    Ok(row.read()?)
}

/// Moves the head on from a revision; fails if it is at another.
pub(super) fn move_head(from: Revision, to: &Head) -> Update<'_> {
    Update {
        table: "log_head",
        from: Cell::Integer(from.get()),
        set: vec![
            ("revision", Cell::Integer(to.revision.get())),
            ("record_time", Cell::Integer(to.record_time.as_micros())),
            ("digest", Cell::Bytes(&to.digest)),
        ],
    }
}

/// Creates the head of a new log. Leaves an existing head unchanged.
pub(super) async fn make_head(mut link: Link<'_>, log_id: Uuid) -> Result<(), sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query(MAKE_HEAD)
            .bind(log_id.to_string())
            .bind(GENESIS.as_slice())
            .bind(FORMAT);
        statement.execute(&mut **connection).await.map(|_| ())
    })
}

impl HeadRow {
    fn read(self) -> Result<HeadAndTime, Error> {
        let Self {
            log_id,
            revision,
            record_time,
            digest,
            format,
            database_time,
        } = self;
        if format != FORMAT {
            return Err(Error::refused(
                "store",
                Condition::StoreFormatUnknown {
                    format,
                    known: FORMAT,
                },
            ));
        }
        let head = Head {
            log_id: Uuid::try_parse(&log_id).map_err(|error| corrupt("log_head.log_id", error))?,
            revision: read_revision("log_head", revision)?,
            record_time: read_time("log_head", record_time)?,
            digest: read_digest("log_head", &digest)?,
        };
        let database_time = database_time.map(|time| read_time("clock_timestamp()", time));
        Ok(HeadAndTime {
            head,
            database_time: database_time.transpose()?,
        })
    }
}

// === appending ===

/// A change as stored in the log.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The change. It has no key hash: those are not in the log.
    pub change: Change,
    pub leaf_hash: Digest,
    /// Its chained digest.
    pub digest: Digest,
    /// Bytes of its images.
    pub bytes: usize,
}

/// A change with the bytes of its images, encoded before the log is locked.
#[derive(Clone, Debug)]
pub struct Encoded {
    change: Change,
    /// One for each effect.
    images: Vec<EncodedImage>,
    /// Rows of earlier changes that it rewrites.
    rewrites: Arc<[Rewrite]>,
    request_id: Option<String>,
    salt: [u8; 16],
    header_digest: Digest,
    leaf_hash: Digest,
    digest: Digest,
}

#[derive(Clone, Debug)]
struct EncodedImage {
    json: Option<String>,
    salt: [u8; 16],
    digest: [u8; 32],
}

impl Encoded {
    /// Encodes a change that follows the change with the chained digest `before`, with new salts.
    pub fn new(
        decided: Decided,
        before: &Digest,
        salt: &mut (dyn FnMut() -> [u8; 16] + Send),
    ) -> Result<Self, Error> {
        let Decided {
            change,
            stored,
            rewrites,
        } = decided;
        let mut stored = stored.into_iter();
        let mut images = Vec::with_capacity(change.effects.len());
        for effect in &change.effects {
            let json = match effect {
                Effect::Put(_) => Some(stored.next().ok_or_else(unstored)?),
                Effect::Remove { name: _ } => None,
                Effect::Notice(notice) => Some(images::encode_notice(notice)?),
                Effect::Redaction(redaction) => Some(redactions::encode(redaction)?),
            };
            let salt = salt();
            let image = leaf::image_digest(&salt, json.as_deref());
            images.push(EncodedImage {
                digest: leaf::effect_digest(kind(effect), effect.name(), FORMAT, &image),
                json,
                salt,
            });
        }
        let salt = salt();
        let header_digest = leaf::header_digest(&salt, &(&change).into());
        let leaf_hash = leaf::leaf_hash(&header_digest, images.iter().map(|it| &it.digest));
        Ok(Self {
            salt,
            header_digest,
            leaf_hash,
            digest: leaf::chained(before, &leaf_hash),
            request_id: change.request_id.map(|request| request.id.to_string()),
            change,
            images,
            rewrites,
        })
    }

    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// Its chained digest.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Bytes of its images.
    pub fn bytes(&self) -> usize {
        let images = self.images.iter().filter_map(|it| it.json.as_ref());
        images.map(String::len).sum()
    }

    fn effects(&self) -> impl Iterator<Item = (i64, &Effect, &EncodedImage)> {
        let pairs = self.change.effects.iter().zip(&self.images);
        (0..)
            .zip(pairs)
            .map(|(ordinal, (effect, image))| (ordinal, effect, image))
    }
}

/// Appends a group that follows on `head`, and returns the new head. Does what `end` says in the
/// same round trip where the engine can.
pub(super) async fn append(
    mut link: Link<'_>,
    head: &Head,
    changes: &[Encoded],
    end: End,
) -> Result<Head, Failure> {
    let Some(last_encoded) = changes.last() else {
        return Ok(*head);
    };
    let newest = &last_encoded.change;
    check_order(head, changes)?;
    let mut effects = Vec::with_capacity(changes.len());
    // PostgreSQL refuses a key twice in one statement, so only the last image of each resource
    let mut last = BTreeMap::new();
    for encoded in changes {
        let revision = encoded.change.revision;
        for (ordinal, effect, image) in encoded.effects() {
            effects.push(effect_row(revision, ordinal, effect, image));
            last.extend(self::last(revision, effect, image));
        }
    }
    for encoded in changes {
        redactions::rewrite(&mut link, encoded.change.revision, &encoded.rewrites).await?;
    }
    let (records, removed) = tables::split(&last)?;
    if !removed.is_empty() {
        bulk::delete(&mut link, "records", "name", &removed).await?;
    }
    let hashes: BTreeMap<&str, &[u8; 32]> = changes
        .iter()
        .flat_map(|encoded| &encoded.change.key_hashes)
        .map(|(name, hash)| (name.as_str(), &hash.0))
        .collect();
    let hashes = hashes
        .into_iter()
        .map(|(name, hash)| vec![("api_key", Cell::Text(name)), ("hash", Cell::Bytes(hash))]);
    let insert = |table, key, rows| Insert { table, key, rows };
    let inserts = vec![
        insert("changes", None, changes.iter().map(change_row).collect()),
        insert("effects", None, effects),
        insert("records", Some("name"), records),
        insert("key_hashes", None, hashes.collect()),
    ];
    let moved = Head {
        log_id: head.log_id,
        revision: newest.revision,
        record_time: newest.record_time,
        digest: last_encoded.digest,
    };
    let update = move_head(head.revision, &moved);
    bulk::write(&mut link, inserts, Some(update), end).await?;
    Ok(moved)
}

fn unstored() -> Error {
    Error::Bug("appending changes: a record without its stored form".into())
}

fn check_order(head: &Head, changes: &[Encoded]) -> Result<(), Error> {
    let (mut revision, mut record_time) = (head.revision, head.record_time);
    let mut before = head.digest;
    for encoded in changes {
        let change = &encoded.change;
        let follows = encoded.digest == leaf::chained(&before, &encoded.leaf_hash);
        before = encoded.digest;
        if !follows || change.revision != revision.next() || change.record_time < record_time {
            let message = format!(
                "appending changes: {} at {} does not follow {revision} at {record_time}",
                change.revision, change.record_time
            );
            return Err(Error::Bug(message.into()));
        }
        (revision, record_time) = (change.revision, change.record_time);
    }
    Ok(())
}

fn change_row(encoded: &Encoded) -> Row<'_> {
    let Change {
        revision,
        record_time,
        person: Person { principal, actor },
        agency,
        method,
        request_id,
        reason,
        effects: _,    // rows of their own
        key_hashes: _, // in a table of its own
        redaction: _,  // none of a new change
    } = &encoded.change;
    let digest = request_id.as_ref().map(|request| request.digest.as_slice());
    vec![
        ("revision", Cell::Integer(revision.get())),
        ("record_time", Cell::Integer(record_time.as_micros())),
        ("principal", Cell::Text(principal.as_str())),
        ("actor", Cell::OptionalText(actor.as_deref())),
        (
            "agency",
            Cell::OptionalText(agency.as_ref().map(|it| it.as_str())),
        ),
        ("method", Cell::Text(method)),
        (
            "request_id",
            Cell::OptionalText(encoded.request_id.as_deref()),
        ),
        ("request_digest", Cell::OptionalBytes(digest)),
        ("reason", Cell::Text(reason)),
        ("salt", Cell::Bytes(&encoded.salt)),
        ("header_digest", Cell::Bytes(&encoded.header_digest)),
        ("leaf_hash", Cell::Bytes(&encoded.leaf_hash)),
        ("digest", Cell::Bytes(&encoded.digest)),
    ]
}

/// The stored word for the kind of an effect.
const fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Put(_) => "put",
        Effect::Remove { .. } => "remove",
        Effect::Notice(_) | Effect::Redaction(_) => "notice",
    }
}

fn effect_row<'a>(
    revision: Revision,
    ordinal: i64,
    effect: &'a Effect,
    image: &'a EncodedImage,
) -> Row<'a> {
    let EncodedImage { json, salt, digest } = image;
    vec![
        ("revision", Cell::Integer(revision.get())),
        ("ordinal", Cell::Integer(ordinal)),
        ("kind", Cell::Text(kind(effect))),
        ("resource", Cell::Text(effect.name())),
        ("format", Cell::Integer(FORMAT)),
        ("image", Cell::OptionalText(json.as_deref())),
        ("salt", Cell::Bytes(salt)),
        ("digest", Cell::Bytes(digest)),
    ]
}

/// The resulting row of an effect in the tables; none for a notice, which changes no record.
fn last<'a>(
    revision: Revision,
    effect: &'a Effect,
    image: &'a EncodedImage,
) -> Option<(&'a str, Last<'a>)> {
    match (effect, &image.json) {
        (Effect::Put(image), Some(json)) => Some((image.name(), Last::Put(json, revision))),
        (Effect::Put(image), None) => Some((image.name(), Last::Removed)),
        (Effect::Remove { name }, _) => Some((name, Last::Removed)),
        (Effect::Notice(_) | Effect::Redaction(_), _) => None,
    }
}

// === reading ===

macro_rules! changes_where {
    ($condition:expr) => {
        concat!(
            "SELECT revision, record_time, principal, actor, agency, method, request_id, \
             request_digest, reason, salt, header_digest, leaf_hash, digest, redaction \
             FROM changes WHERE ",
            $condition
        )
    };
}

pub(super) use changes_where;

macro_rules! effects_where {
    ($condition:expr) => {
        concat!(
            "SELECT revision, ordinal, kind, resource, format, image, salt, digest \
             FROM effects WHERE ",
            $condition,
            " ORDER BY revision, ordinal"
        )
    };
}

pub(super) use effects_where;

/// Condition: revisions between two others that touched a resource, limited from either end.
macro_rules! revisions_of {
    ($order:literal) => {
        concat!(
            "revision IN (SELECT revision FROM effects \
             WHERE resource = $1 AND revision > $2 AND revision < $3 \
             ORDER BY revision ",
            $order,
            " LIMIT $4)"
        )
    };
}

const CHANGES_AFTER: &str = changes_where!("revision > $1 ORDER BY revision LIMIT $2");
const EFFECTS_BETWEEN: &str = effects_where!("revision > $1 AND revision <= $2");
const OLDEST_OF: [&str; 2] = [
    concat!(changes_where!(revisions_of!("ASC")), " ORDER BY revision"),
    effects_where!(revisions_of!("ASC")),
];
const NEWEST_OF: [&str; 2] = [
    concat!(changes_where!(revisions_of!("DESC")), " ORDER BY revision"),
    effects_where!(revisions_of!("DESC")),
];

#[derive(Debug, sqlx::FromRow)]
pub(super) struct ChangeRow {
    pub(super) revision: i64,
    pub(super) record_time: i64,
    pub(super) principal: String,
    pub(super) actor: Option<String>,
    pub(super) agency: Option<String>,
    pub(super) method: String,
    pub(super) request_id: Option<String>,
    pub(super) request_digest: Option<Vec<u8>>,
    pub(super) reason: String,
    pub(super) salt: Option<Vec<u8>>,
    pub(super) header_digest: Vec<u8>,
    pub(super) leaf_hash: Vec<u8>,
    pub(super) digest: Vec<u8>,
    pub(super) redaction: i64,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct EffectRow {
    pub(super) revision: i64,
    pub(super) ordinal: i64,
    pub(super) kind: String,
    pub(super) resource: String,
    pub(super) format: i64,
    pub(super) image: Option<String>,
    pub(super) salt: Option<Vec<u8>>,
    pub(super) digest: Vec<u8>,
}

/// Maximum bytes of images read from the log at a time, besides those of one change.
const READ_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Rows of the log, each change with its effects, as the database returns them: at most `limit`,
/// and fewer when their images are large.
pub(super) async fn rows_after(
    mut link: Link<'_>,
    after: Revision,
    limit: usize,
) -> Result<Vec<(ChangeRow, Vec<EffectRow>)>, sqlx::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let changes: Vec<ChangeRow> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_as(CHANGES_AFTER).bind(after.get()).bind(limit);
        statement.fetch_all(&mut **connection).await
    })?;
    let Some(newest) = changes.last().map(|change| change.revision) else {
        return Ok(Vec::new());
    };
    let mut effects: Vec<EffectRow> = Vec::new();
    let mut bytes = 0;
    let mut last = newest;
    on_engine!(&mut link, connection => {
        let statement = sqlx::query_as(EFFECTS_BETWEEN).bind(after.get()).bind(newest);
        let mut rows = statement.fetch(&mut **connection);
        while let Some(row) = rows.next().await {
            let row: EffectRow = row?;
            let before = effects.last().map(|it| it.revision);
            if let Some(before) = before.filter(|it| bytes > READ_BYTES_MAX && *it < row.revision) {
                last = before;
                break;
            }
            bytes += row.image.as_ref().map_or(0, String::len);
            effects.push(row);
        }
        Ok::<_, sqlx::Error>(())
    })?;
    let mut rows = with_effects(changes, effects);
    rows.retain(|(change, _)| change.revision <= last);
    Ok(rows)
}

fn with_effects(
    changes: Vec<ChangeRow>,
    effects: Vec<EffectRow>,
) -> Vec<(ChangeRow, Vec<EffectRow>)> {
    let mut effects = effects.into_iter().peekable();
    let with_effects = changes.into_iter().map(|change| {
        let mut own = Vec::new();
        while let Some(effect) = effects.next_if(|effect| effect.revision <= change.revision) {
            own.push(effect);
        }
        (change, own)
    });
    with_effects.collect()
}

/// The changes between two revisions, both excluded, that touched a resource: at most `limit` of
/// the oldest or of the newest, oldest first.
pub(super) async fn changes_of(
    mut link: Link<'_>,
    resource: &str,
    between: (Revision, Revision),
    newest: bool,
    limit: usize,
) -> Result<Vec<(ChangeRow, Vec<EffectRow>)>, sqlx::Error> {
    let [changes, effects] = if newest { NEWEST_OF } else { OLDEST_OF };
    let (after, before) = (between.0.get(), between.1.get());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let changes: Vec<ChangeRow> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_as(changes).bind(resource).bind(after).bind(before).bind(limit);
        statement.fetch_all(&mut **connection).await
    })?;
    let effects: Vec<EffectRow> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_as(effects).bind(resource).bind(after).bind(before).bind(limit);
        statement.fetch_all(&mut **connection).await
    })?;
    Ok(with_effects(changes, effects))
}

/// The changes after a revision, in order and without a gap.
pub(super) async fn changes_after(
    link: Link<'_>,
    after: Revision,
    limit: usize,
) -> Result<Vec<Appended>, Failure> {
    Ok(decode_after(rows_after(link, after, limit).await?, after)?)
}

/// Decodes the changes that follow a revision without a gap.
pub(super) fn decode_after(
    rows: Vec<(ChangeRow, Vec<EffectRow>)>,
    after: Revision,
) -> Result<Vec<Appended>, Error> {
    let mut expected = after;
    let mut changes = Vec::with_capacity(rows.len());
    for (change, effects) in rows {
        let appended = decode(change, effects)?;
        expected = expected.next();
        if appended.change.revision != expected {
            let what = format_args!("revision {expected} is missing");
            return Err(corrupt("changes", what));
        }
        changes.push(appended);
    }
    Ok(changes)
}

/// Decodes a change from its row and its effects.
pub(super) fn decode(row: ChangeRow, effects: Vec<EffectRow>) -> Result<Appended, Error> {
    let ChangeRow {
        revision,
        record_time,
        principal,
        actor,
        agency,
        method,
        request_id,
        request_digest,
        reason,
        salt: _, // for `verify`, as is the header digest
        header_digest: _,
        leaf_hash,
        digest,
        redaction,
    } = row;
    let address = format!("changes, revision {revision}");
    let no_name = || corrupt(&address, "not a resource name");
    let request_id = match (request_id, request_digest) {
        (Some(id), Some(digest)) => Some(read_request(&address, &id, &digest)?),
        (None, None) => None,
        _ => return Err(corrupt(&address, "a request id without its digest")),
    };
    let leaf_hash = read_digest(&address, &leaf_hash)?;
    let digest = read_digest(&address, &digest)?;
    let images = effects.iter().filter_map(|it| it.image.as_ref());
    let bytes = images.map(String::len).sum();
    let change = Change {
        revision: read_revision(&address, revision)?,
        record_time: read_time(&address, record_time)?,
        person: Person {
            principal: PrincipalName::parse(&principal).ok_or_else(no_name)?,
            actor,
        },
        agency: match agency {
            Some(agency) => Some(AgencyName::parse(&agency).ok_or_else(no_name)?),
            None => None,
        },
        method: method.into(),
        request_id,
        reason,
        effects: effects
            .into_iter()
            .map(decode_effect)
            .collect::<Result<_, _>>()?,
        key_hashes: Vec::new(),
        redaction: match redaction {
            0 => None,
            by => Some(read_revision(&address, by)?),
        },
    };
    Ok(Appended {
        change,
        leaf_hash,
        digest,
        bytes,
    })
}

fn decode_effect(row: EffectRow) -> Result<Effect, Error> {
    let EffectRow {
        revision,
        ordinal: _, // the order they came in
        kind,
        resource,
        format,
        image,
        salt: _,   // for `verify`
        digest: _, // for `verify`
    } = row;
    match (kind.as_str(), image) {
        ("put", Some(json)) => {
            images::decode("effects", &resource, revision, format, &json).map(Effect::Put)
        }
        ("remove", None) => Ok(Effect::Remove { name: resource }),
        ("notice", Some(json)) if json.starts_with(redactions::BEGINS) => {
            redactions::decode(&resource, revision, format, &json).map(Effect::Redaction)
        }
        ("notice", Some(json)) => {
            images::decode_notice(&resource, revision, format, &json).map(Effect::Notice)
        }
        (kind, image) => {
            let has = if image.is_some() { "with" } else { "without" };
            Err(corrupt(
                format_args!("effects, `{resource}` at revision {revision}"),
                format_args!("kind `{kind}` {has} an image"),
            ))
        }
    }
}

fn read_request(address: &str, id: &str, digest: &[u8]) -> Result<RequestId, Error> {
    Ok(RequestId {
        id: Uuid::try_parse(id).map_err(|error| corrupt(address, error))?,
        digest: digest
            .try_into()
            .map_err(|_| corrupt(address, "a digest that has not 32 bytes"))?,
    })
}

/// The chained digest at a revision; none where the log has no such revision.
pub(super) async fn digest(
    mut link: Link<'_>,
    revision: Revision,
) -> Result<Option<Digest>, Failure> {
    if revision == Revision::ZERO {
        return Ok(Some(GENESIS));
    }
    const DIGEST: &str = "SELECT digest FROM changes WHERE revision = $1";
    let found: Option<Vec<u8>> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(DIGEST).bind(revision.get());
        statement.fetch_optional(&mut **connection).await
    })?;
    let read = found.map(|digest| read_digest("changes", &digest));
    Ok(read.transpose()?)
}

pub(super) fn read_digest(place: &str, digest: &[u8]) -> Result<Digest, Error> {
    Digest::try_from(digest).map_err(|_| corrupt(place, "a digest of another length"))
}

pub(super) fn read_revision(address: &str, number: i64) -> Result<Revision, Error> {
    Revision::new(number).ok_or_else(|| corrupt(address, format_args!("revision {number}")))
}

pub(super) fn read_time(address: &str, micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_micros(micros).map_err(|error| corrupt(address, error))
}

// === replays ===

#[derive(sqlx::FromRow)]
struct ReplayRow {
    principal: String,
    request_id: String,
    request_digest: Vec<u8>,
    revision: i64,
    resource: Option<String>,
    format: Option<i64>,
    image: Option<String>,
}

/// The changes that these request ids made, if any.
pub(super) async fn replays(
    mut link: Link<'_>,
    asked: &[(PrincipalName, Uuid)],
) -> Result<Vec<Replay>, Failure> {
    let mut replays = Vec::new();
    for chunk in bulk::padded(asked) {
        let mut rows: Vec<ReplayRow> = on_engine!(&mut link, connection => {
            let mut statement = QueryBuilder::new("WITH asked (principal, request_id) AS (");
            statement.push_values(&chunk, |mut row, (principal, id)| {
                row.push_bind(principal.as_str()).push_bind(id.to_string());
            });
            // CROSS JOIN makes SQLite use this order: each of the few requested ids is looked up in
            // the large index
            statement.push(
                ") SELECT changes.principal, changes.request_id, request_digest, \
                 changes.revision, resource, format, image \
                 FROM asked CROSS JOIN changes \
                 LEFT JOIN effects ON effects.revision = changes.revision AND ordinal = 0 \
                 WHERE changes.principal = asked.principal \
                 AND changes.request_id = asked.request_id \
                 ORDER BY changes.revision",
            );
            statement.build_query_as().fetch_all(&mut **connection).await
        })?;
        // padding may request one id twice
        rows.dedup_by_key(|row| row.revision);
        for row in rows {
            replays.push(row.read()?);
        }
    }
    Ok(replays)
}

/// The smallest request ids after one, in the order of the index that has them: at most `limit`.
pub(super) async fn request_ids(
    mut link: Link<'_>,
    after: Option<&(PrincipalName, Uuid)>,
    limit: usize,
) -> Result<Vec<(PrincipalName, Uuid)>, Failure> {
    const IDS: &str = "SELECT principal, request_id FROM changes \
         WHERE request_id IS NOT NULL AND (principal, request_id) > ($1, $2) \
         ORDER BY principal, request_id LIMIT $3";
    // every name and every id is greater than the empty text
    let (principal, id) = after.map_or_else(Default::default, |(principal, id)| {
        (principal.as_str(), id.to_string())
    });
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(String, String)> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_as(IDS).bind(principal).bind(id).bind(limit);
        statement.fetch_all(&mut **connection).await
    })?;
    let read = |(principal, id): (String, String)| {
        let name = PrincipalName::parse(&principal)
            .ok_or_else(|| corrupt("changes.principal", "a name that is none"))?;
        let id = Uuid::try_parse(&id).map_err(|error| corrupt("changes.request_id", error))?;
        Ok((name, id))
    };
    Ok(rows.into_iter().map(read).collect::<Result<_, Error>>()?)
}

impl ReplayRow {
    fn read(self) -> Result<Replay, Error> {
        let Self {
            principal,
            request_id,
            request_digest,
            revision,
            resource,
            format,
            image,
        } = self;
        let address = format!("changes, revision {revision}");
        let RequestId { id, digest } = read_request(&address, &request_id, &request_digest)?;
        let image: Option<Image> = match (resource, format, image) {
            (Some(resource), Some(format), Some(json)) => Some(images::decode(
                "effects", &resource, revision, format, &json,
            )?),
            _ => None,
        };
        Ok(Replay {
            principal: PrincipalName::parse(&principal)
                .ok_or_else(|| corrupt(&address, "not a resource name"))?,
            id,
            digest,
            revision: read_revision(&address, revision)?,
            image,
        })
    }
}
