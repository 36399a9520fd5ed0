//! Past records: before a change, at a revision, or at a time; and which changes touched a record.
//!
//! All queries read `effects` by an index. Their cost depends on the requested records and the
//! changes since then. The whole index of resources is read only where much of it is since then.

use sqlx::QueryBuilder;

use super::{
    bulk::BINDS_MAX,
    engine::{Link, on_engine},
    errors::Failure,
    images,
    log::{read_revision, read_time},
};
use ndp_core::{change::Image, names::Revision, time::Timestamp};

/// A resource as it was at some revision; no image where it did not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Resource name.
    pub resource: String,
    /// The image then.
    pub image: Option<Image>,
}

/// The same row as the database returns it, not decoded yet.
#[derive(sqlx::FromRow)]
pub(super) struct PastRow {
    resource: String,
    revision: Option<i64>,
    format: Option<i64>,
    image: Option<String>,
}

impl PastRow {
    pub(super) fn read(self) -> Result<Past, Failure> {
        let Self {
            resource,
            revision,
            format,
            image,
        } = self;
        let image = match (revision, format, image) {
            (Some(revision), Some(format), Some(json)) => Some(images::decode(
                "effects", &resource, revision, format, &json,
            )?),
            _ => None,
        };
        Ok(Past { resource, image })
    }
}

/// Each resource as it was before a revision, in the requested order.
pub(super) async fn images_before(
    mut link: Link<'_>,
    asked: &[(&str, Revision)],
) -> Result<Vec<PastRow>, sqlx::Error> {
    let mut found = Vec::with_capacity(asked.len());
    for chunk in asked.chunks(BINDS_MAX / 3) {
        let rows: Vec<PastRow> = on_engine!(&mut link, connection => {
            let mut statement = QueryBuilder::new("WITH asked (ordinal, resource, revision) AS (");
            statement.push_values((0_i64..).zip(chunk), |mut row, (ordinal, (name, revision))| {
                row.push_bind(ordinal).push_bind(*name).push_bind(revision.get());
            });
            statement.push(
                ") SELECT asked.resource, past.revision, past.format, past.image \
                 FROM asked LEFT JOIN effects AS past ON past.resource = asked.resource \
                 AND past.revision = (SELECT MAX(earlier.revision) FROM effects AS earlier \
                 WHERE earlier.resource = asked.resource AND earlier.revision < asked.revision \
                 AND earlier.kind <> 'notice') AND past.kind <> 'notice' \
                 ORDER BY asked.ordinal",
            );
            statement.build_query_as().fetch_all(&mut **connection).await
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// The resources of some effects after a revision, as they were at that revision. A resource of
/// which there are only notices is as it is now.
macro_rules! touched {
    ($touched:literal) => {
        // One change puts a resource once, so a revision has at most one effect on it, besides
        // notices.
        concat!(
            "WITH touched AS (SELECT DISTINCT ",
            $touched,
            " AS resource FROM effects WHERE revision > $1) \
             SELECT touched.resource, past.revision, past.format, past.image \
             FROM touched LEFT JOIN effects AS past ON past.resource = touched.resource \
             AND past.revision = (SELECT MAX(earlier.revision) FROM effects AS earlier \
             WHERE earlier.resource = touched.resource AND earlier.revision <= $1 \
             AND earlier.kind <> 'notice') AND past.kind <> 'notice'"
        )
    };
}

/// By the revisions of effects: the cost depends on the number of effects since then. SQLite would
/// read all effects by their resources, to find each resource once, without the empty text.
const TOUCHED_LATELY: &str = touched!("resource || ''");
/// By the index of resources and revisions, without a look at the effects themselves.
const TOUCHED: &str = touched!("resource");
/// Reading one effect takes as long as reading this many entries of the index.
const EFFECT_COST: i64 = 4;

/// Every resource that was touched after a revision, as it was at that revision; `newest` is about
/// the newest revision.
pub(super) async fn touched_after(
    mut link: Link<'_>,
    revision: Revision,
    newest: Revision,
) -> Result<Vec<PastRow>, Failure> {
    let since = newest.get().saturating_sub(revision.get());
    let touched = match since < newest.get() / EFFECT_COST {
        true => TOUCHED_LATELY,
        false => TOUCHED,
    };
    let rows: Vec<PastRow> = on_engine!(&mut link, connection => {
        sqlx::query_as(touched).bind(revision.get()).fetch_all(&mut **connection).await
    })?;
    Ok(rows)
}

/// The newest revision recorded at a time or before it; zero before the first.
pub(super) async fn revision_at(mut link: Link<'_>, time: Timestamp) -> Result<Revision, Failure> {
    // Finds the newest by time in the index of times; times never decrease.
    const REVISION_AT: &str = "SELECT revision FROM changes WHERE record_time <= $1 \
         ORDER BY record_time DESC, revision DESC LIMIT 1";
    let found: Option<i64> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(REVISION_AT).bind(time.as_micros());
        statement.fetch_optional(&mut **connection).await
    })?;
    Ok(read_revision("changes", found.unwrap_or_default())?)
}

/// When a revision was recorded.
pub(super) async fn record_time(
    mut link: Link<'_>,
    revision: Revision,
) -> Result<Option<Timestamp>, Failure> {
    let found: Option<i64> = on_engine!(&mut link, connection => {
        sqlx::query_scalar("SELECT record_time FROM changes WHERE revision = $1")
            .bind(revision.get())
            .fetch_optional(&mut **connection)
            .await
    })?;
    Ok(found
        .map(|micros| read_time("changes", micros))
        .transpose()?)
}

/// The next revisions that touched a resource, `after` excluded, at most `limit`.
pub(super) async fn revisions_of(
    mut link: Link<'_>,
    resource: &str,
    after: Revision,
    limit: usize,
) -> Result<Vec<Revision>, Failure> {
    const UP: &str = "SELECT revision FROM effects WHERE resource = $1 AND revision > $2 \
         ORDER BY revision LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<i64> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(UP).bind(resource).bind(after.get()).bind(limit);
        statement.fetch_all(&mut **connection).await
    })?;
    let read = found
        .into_iter()
        .map(|number| read_revision("effects", number));
    Ok(read.collect::<Result<_, _>>()?)
}
