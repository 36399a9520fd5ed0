//! The proof of a record as of a revision: the change that last wrote it, with the salts and bytes
//! that its digests are computed from.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;

use super::{
    Store,
    bulk::BINDS_MAX,
    engine::{FetchedRow, Link, on_engine, reading},
    errors::corrupt,
    log::{ChangeRow, EffectRow, changes_where, read_digest, read_revision, read_time},
};
use ndp_core::{error::Error, leaf::Digest, names::Revision, time::Timestamp};

const OPERATION: &str = "reading the changes behind records";

/// Where the log has a record as of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWrite {
    /// The change that wrote it.
    pub revision: Revision,
    /// Bytes of its image.
    pub bytes: usize,
    /// How many effects the change has.
    pub effects: usize,
}

/// A change, as its header digest is made of it, with some of its effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub revision: Revision,
    /// When it was recorded.
    pub record_time: Timestamp,
    pub principal: String,
    /// The person named by a system.
    pub actor: Option<String>,
    pub agency: Option<String>,
    pub method: String,
    pub request_id: Option<String>,
    /// The digest of the request.
    pub request_digest: Option<Vec<u8>>,
    pub reason: String,
    /// The salt of the header.
    pub salt: Vec<u8>,
    /// The newest change that redacted texts of it. Its texts do not fit its digests any more.
    pub redaction: Option<Revision>,
    /// The digest of each effect.
    pub digests: Vec<Digest>,
    /// The requested effects, with the inputs of their digests.
    pub opened: Vec<OpenedEffect>,
}

/// An effect with the inputs of its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedEffect {
    /// Its place among the effects of the change.
    pub ordinal: i32,
    /// The stored word for its kind.
    pub kind: String,
    /// Resource name.
    pub resource: String,
    /// Format of the image.
    pub format: i64,
    /// The image as it was first written.
    pub image: String,
    pub salt: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct LastWriteRow {
    resource: String,
    revision: i64,
    bytes: Option<i64>,
    effects: i64,
}

const LAST_WRITE: &str = "past.resource, past.revision, \
     CAST(octet_length(past.image) AS BIGINT) AS bytes, \
     (SELECT COUNT(*) FROM effects AS other WHERE other.revision = past.revision) AS effects";
const OPENED: &str = "past.revision, past.ordinal, past.kind, past.resource, past.format, \
     past.image, past.salt, past.digest";

impl Store {
    /// Where the log has each of these records as of a revision, by name.
    pub async fn last_writes(
        &self,
        names: &[&str],
        at: Revision,
    ) -> Result<BTreeMap<String, LastWrite>, Error> {
        let rows = reading!(self.engine, link => last::<LastWriteRow>(link, LAST_WRITE, names, at));
        let rows = self.outages.during(rows, OPERATION)?;
        let written = rows.into_iter().map(|row| {
            let count = |number: i64| usize::try_from(number).unwrap_or_default();
            let written = LastWrite {
                revision: read_revision("effects", row.revision)?,
                bytes: count(row.bytes.unwrap_or_default()),
                effects: count(row.effects),
            };
            Ok((row.resource, written))
        });
        written.collect()
    }

    /// The changes that last wrote these records as of a revision, oldest first.
    pub async fn witnesses(&self, names: &[&str], at: Revision) -> Result<Vec<Witness>, Error> {
        let opened = reading!(self.engine, link => last::<EffectRow>(link, OPENED, names, at));
        let mut opened = self.outages.during(opened, OPERATION)?;
        opened.sort_unstable_by_key(|it| (it.revision, it.ordinal));
        let mut revisions: Vec<_> = opened.iter().map(|it| it.revision).collect();
        revisions.dedup();
        let changes = reading!(self.engine, link => of_revisions::<ChangeRow>(
            link,
            changes_where!("revision IN ("),
            "revision",
            &revisions,
        ));
        let changes = self.outages.during(changes, OPERATION)?;
        let digests = reading!(self.engine, link => of_revisions::<(i64, Vec<u8>)>(
            link,
            "SELECT revision, digest FROM effects WHERE revision IN (",
            "revision, ordinal",
            &revisions,
        ));
        let digests = self.outages.during(digests, OPERATION)?;
        let (mut opened, mut digests) = (
            opened.into_iter().peekable(),
            digests.into_iter().peekable(),
        );
        let mut witnesses = Vec::with_capacity(changes.len());
        for change in changes {
            let mut witness = read(change)?;
            let revision = witness.revision.get();
            while let Some((_, digest)) = digests.next_if(|(of, _)| *of <= revision) {
                witness.digests.push(read_digest("effects", &digest)?);
            }
            while let Some(effect) = opened.next_if(|it| it.revision <= revision) {
                witness.opened.extend(open(effect)?);
            }
            witnesses.push(witness);
        }
        Ok(witnesses)
    }
}

/// The last effect on each of these records as of a revision, besides notices.
async fn last<T: FetchedRow>(
    mut link: Link<'_>,
    columns: &str,
    names: &[&str],
    at: Revision,
) -> Result<Vec<T>, sqlx::Error> {
    let mut found = Vec::with_capacity(names.len());
    for chunk in names.chunks(BINDS_MAX - 1) {
        let rows: Vec<T> = on_engine!(&mut link, connection => {
            let mut statement = QueryBuilder::new("WITH asked (resource) AS (");
            statement.push_values(chunk, |mut row, name| {
                row.push_bind(*name);
            });
            statement.push(") SELECT ").push(columns).push(
                " FROM asked JOIN effects AS past ON past.resource = asked.resource \
                 AND past.revision = (SELECT MAX(earlier.revision) FROM effects AS earlier \
                 WHERE earlier.resource = asked.resource AND earlier.kind <> 'notice' \
                 AND earlier.revision <= ",
            );
            statement.push_bind(at.get()).push(") AND past.kind <> 'notice'");
            statement.build_query_as().fetch_all(&mut **connection).await
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// Rows of these revisions, in an order that begins with the revision. `select` ends where they are
/// listed.
async fn of_revisions<T: FetchedRow>(
    mut link: Link<'_>,
    select: &str,
    order: &str,
    revisions: &[i64],
) -> Result<Vec<T>, sqlx::Error> {
    let mut found = Vec::new();
    // sorted, so that the chunks are too
    for chunk in revisions.chunks(BINDS_MAX) {
        let rows: Vec<T> = on_engine!(&mut link, connection => {
            let mut statement = QueryBuilder::new(select);
            let mut listed = statement.separated(", ");
            for revision in chunk {
                listed.push_bind(*revision);
            }
            statement.push(") ORDER BY ").push(order);
            statement.build_query_as().fetch_all(&mut **connection).await
        })?;
        found.extend(rows);
    }
    Ok(found)
}

fn read(row: ChangeRow) -> Result<Witness, Error> {
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
        salt,
        header_digest: _, // is made of the others
        leaf_hash: _,     // is made of the digests
        digest: _,        // the chain is not proven
        redaction,
    } = row;
    Ok(Witness {
        revision: read_revision("changes", revision)?,
        record_time: read_time("changes", record_time)?,
        principal,
        actor,
        agency,
        method,
        request_id,
        request_digest,
        reason,
        salt: salt.unwrap_or_default(),
        redaction: match redaction {
            0 => None,
            other => Some(read_revision("changes", other)?),
        },
        digests: Vec::new(),
        opened: Vec::new(),
    })
}

/// `None` for an effect without an image.
fn open(row: EffectRow) -> Result<Option<OpenedEffect>, Error> {
    let EffectRow {
        revision: _, // of the change
        ordinal,
        kind,
        resource,
        format,
        image,
        salt,
        digest: _, // among those of the change
    } = row;
    let ordinal = i32::try_from(ordinal).map_err(|error| corrupt("effects.ordinal", error))?;
    Ok(image.zip(salt).map(|(image, salt)| OpenedEffect {
        ordinal,
        kind,
        resource,
        format,
        image,
        salt,
    }))
}
