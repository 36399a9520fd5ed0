//! The log's Merkle tree: its leaves, which are in the log, and the cache of hashes above them.
//!
//! The hashes here are those that tiles of C2SP tlog-tiles have: of level 0 the leaf hashes of the
//! changes, and of each level above it one for 256 of the level below.

use super::{
    Store,
    bulk::{self, Cell, End, Insert, Row},
    engine::{Link, Tx, answered, on_engine, reading},
    errors::{Failure, corrupt},
    log::read_digest,
};
use ndp_core::{error::Error, leaf::Digest};

/// The leaf at an index is the change with the next revision.
const LEAVES: &str = "SELECT revision - 1, leaf_hash FROM changes \
     WHERE revision > $1 AND revision <= $2 ORDER BY revision";
const HEADERS: &str = "SELECT revision - 1, header_digest FROM changes \
     WHERE revision > $1 AND revision <= $2 ORDER BY revision";
const EFFECTS: &str = "SELECT revision - 1, digest FROM effects \
     WHERE revision > $1 AND revision <= $2 ORDER BY revision, ordinal";
const CACHED: &str = "SELECT position, hash FROM tree_hashes \
     WHERE level = $1 AND position >= $2 AND position < $3 ORDER BY position";

/// A hash at a level of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHash {
    /// The level of tiles.
    pub level: u8,
    /// How many complete subtrees of this level are before it.
    pub position: u64,
    pub hash: Digest,
}

/// What a leaf is the hash of, and what anyone may know: digests of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafEntry {
    /// The digest of its header.
    pub header: Digest,
    /// The digest of each effect.
    pub effects: Vec<Digest>,
}

type HashRow = (i64, Vec<u8>);

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store {
    /// At most `count` hashes of a level, from a position: at level 0 all that the log has, at
    /// other levels those in the cache.
    pub async fn tree_hashes(
        &self,
        level: u8,
        position: u64,
        count: u64,
    ) -> Result<Vec<TreeHash>, Error> {
        let (from, to) = (whole(position), whole(position.saturating_add(count)));
        let rows = match level {
            0 => reading!(self.engine, link => between(link, LEAVES, from, to)),
            _ => reading!(self.engine, link => cached(link, level, from, to)),
        };
        let rows = self.outages.during(rows, "reading hashes of the log")?;
        let place = if level == 0 { "changes" } else { "tree_hashes" };
        let hash = |(position, hash): HashRow| {
            Ok(TreeHash {
                level,
                position: read_position(place, position)?,
                hash: read_digest(place, &hash)?,
            })
        };
        rows.into_iter().map(hash).collect()
    }

    /// The entries of at most `count` leaves, from an index.
    pub async fn leaf_entries(&self, index: u64, count: u64) -> Result<Vec<LeafEntry>, Error> {
        let operation = "reading leaf entries";
        let (from, to) = (whole(index), whole(index.saturating_add(count)));
        let headers = reading!(self.engine, link => between(link, HEADERS, from, to));
        let headers = self.outages.during(headers, operation)?;
        let effects = reading!(self.engine, link => between(link, EFFECTS, from, to));
        let mut effects = self
            .outages
            .during(effects, operation)?
            .into_iter()
            .peekable();
        let mut entries = Vec::with_capacity(headers.len());
        for (index, header) in headers {
            let mut own = Vec::new();
            while let Some((_, digest)) = effects.next_if(|(of, _)| *of <= index) {
                own.push(read_digest("effects", &digest)?);
            }
            entries.push(LeafEntry {
                header: read_digest("changes", &header)?,
                effects: own,
            });
        }
        Ok(entries)
    }

    /// Puts hashes into the cache, beside the writer of changes.
    pub async fn keep_tree_hashes(&self, hashes: &[TreeHash]) -> Result<(), Error> {
        let kept = self.write_tree_hashes(hashes).await;
        self.outages.during(kept, "keeping hashes of the log")
    }

    async fn write_tree_hashes(&self, hashes: &[TreeHash]) -> Result<(), Failure> {
        let mut own = None;
        let mut tx: Tx<'_> = self.begin_beside(&mut own).await?;
        let rows = hashes.iter().map(|it| -> Row<'_> {
            vec![
                ("level", Cell::Integer(it.level.into())),
                ("position", Cell::Integer(whole(it.position))),
                ("hash", Cell::Bytes(&it.hash)),
            ]
        });
        let insert = Insert {
            table: "tree_hashes",
            key: Some("level, position"),
            rows: rows.collect(),
        };
        let mut link = tx.link();
        answered(bulk::write(&mut link, vec![insert], None, End::Open)).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn between(
    mut link: Link<'_>,
    statement: &'static str,
    after: i64,
    to: i64,
) -> Result<Vec<HashRow>, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query_as(statement).bind(after).bind(to);
        statement.fetch_all(&mut **connection).await
    })
}

async fn cached(
    mut link: Link<'_>,
    level: u8,
    from: i64,
    to: i64,
) -> Result<Vec<HashRow>, sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query_as(CACHED).bind(i64::from(level)).bind(from).bind(to);
        statement.fetch_all(&mut **connection).await
    })
}

fn read_position(place: &str, position: i64) -> Result<u64, Error> {
    u64::try_from(position).map_err(|_| corrupt(place, format_args!("position {position}")))
}
