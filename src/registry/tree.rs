//! The log as an RFC 6962 tree: the change with revision n is its leaf n - 1. Roots, proofs and
//! tiles of any size up to the newest revision.
//!
//! Nothing of it is written with a change. Above the leaves, one hash for 256 is kept in a table.
//! Missing hashes are computed from the level below when needed, 256 at a time, and written in the
//! background.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tlog_tiles::{
    Error as TreeError, Hash, HashReader, Tile, prove_record, prove_tree, split_stored_hash_index,
    tree_hash,
};

use tokio::time::sleep;

use super::{
    Published,
    history::{lock, log_is_short},
};
use crate::store::{LeafEntry, Store, TreeHash};
use ndp_core::{error::Error, leaf::Digest, names::Revision};

/// The height of tiles, as C2SP tlog-tiles fixes it.
const TILE_HEIGHT: u8 = 8;

/// The hashes of a whole tile.
const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// The levels of tiles that a log of 2^63 changes has.
const LEVELS: u8 = 8;

/// Interval between two steps of background work.
const STEP_INTERVAL: Duration = Duration::from_secs(1);

/// Most hashes of level 1 that one step computes: those of 16,384 changes.
const STEP: u64 = 64;

/// Most computed hashes that wait to be written. Further ones are computed again when needed.
const UNWRITTEN_MAX: usize = 65_536;

/// Most hashes that one step writes.
const WRITTEN_MAX: usize = 256;

/// The tree of a log.
#[derive(Debug)]
pub(super) struct Tree {
    store: Store,
    /// Computed hashes that are not in the table yet, by level and position.
    unwritten: Mutex<BTreeMap<(u8, u64), Digest>>,
    /// Where the next step begins, in hashes of level 1.
    next: AtomicU64,
}

/// A proof that a change is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The size of the tree.
    pub size: Revision,
    pub root: Digest,
    /// What the leaf is the hash of.
    pub entry: LeafEntry,
    pub leaf: Digest,
    /// The audit path, from the leaf up.
    pub path: Vec<Digest>,
}

/// A proof that a tree begins with all of an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The size and the root of the earlier tree.
    pub old: (Revision, Digest),
    /// The size and the root of the later tree.
    pub new: (Revision, Digest),
    /// The proof.
    pub path: Vec<Digest>,
}

/// Some of the stored form of a tree, by names of C2SP tlog-tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePart {
    /// The level of tiles; `None` for the entries of the leaves.
    pub level: Option<u8>,
    /// The first of its hashes or entries.
    pub start: u64,
    /// How many.
    pub width: u64,
}

impl TilePart {
    /// Reads `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        // the library panics at a level above these, and at a part without hashes
        let level = match level {
            "entries" => "data",
            level => level
                .parse()
                .ok()
                .filter(|it: &u8| *it < 64)
                .map(|_| level)?,
        };
        let part = rest.rsplit_once(".p/");
        if part.is_some_and(|(_, width)| width.parse() == Ok(0_u32)) {
            return None;
        }
        let tile = Tile::from_path(&format!("tile/{TILE_HEIGHT}/{level}/{rest}")).ok()?;
        Some(Self {
            level: (!tile.is_data()).then_some(tile.level()),
            start: tile.level_index().checked_mul(TILE_WIDTH)?,
            width: tile.width().into(),
        })
    }

    /// The size of the smallest tree that has it; `None` if no log can be so long.
    pub fn needs(self) -> Option<Revision> {
        let hashes = u128::from(self.start) + u128::from(self.width);
        let level = self.level.unwrap_or_default();
        let leaves = (level < LEVELS).then(|| hashes << (TILE_HEIGHT * level))?;
        Revision::new(i64::try_from(leaves).ok()?)
    }
}

/// The leaves of a tree.
fn leaves(size: Revision) -> u64 {
    u64::try_from(size.get()).unwrap_or_default()
}

fn bug(error: &TreeError) -> Error {
    Error::Bug(format!("the log's tree: {error}").into())
}

/// The hashes that a computation reads, by their index.
enum Reading {
    /// Notes which they are.
    Wanted(RefCell<Vec<u64>>),
    /// Has them.
    Known(HashMap<u64, Hash>),
}

impl HashReader for Reading {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TreeError> {
        match self {
            Self::Wanted(wanted) => {
                wanted.borrow_mut().extend(indexes);
                Ok(vec![Hash::default(); indexes.len()])
            }
            Self::Known(known) => {
                let hashes = indexes.iter().map(|index| known.get(index).copied());
                let hashes: Option<_> = hashes.collect();
                hashes.ok_or(TreeError::IndexesNotInTree)
            }
        }
    }
}

/// Where the hash with an index of `tlog_tiles` is: its level of tiles, and the hashes there that
/// it is computed from.
fn place(index: u64) -> (u8, u64, u64) {
    let (level, position) = split_stored_hash_index(index);
    let within = level % TILE_HEIGHT;
    (level / TILE_HEIGHT, position << within, 1 << within)
}

type Computing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

impl Tree {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            unwritten: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// The hashes at a level of tiles that begin at a position, at most those of one tile.
    fn hashes(&self, level: u8, start: u64, count: u64) -> Computing<'_, Vec<Digest>> {
        // boxed, because it needs the level below
        Box::pin(async move {
            let kept = self.store.tree_hashes(level, start, count).await?;
            let mut kept = kept.into_iter().peekable();
            let mut hashes = Vec::new();
            for position in start..start + count {
                let found = kept.next_if(|it| it.position == position).map(|it| it.hash);
                hashes.push(match found {
                    Some(hash) => hash,
                    None if level == 0 => return Err(log_is_short()),
                    None => self.missing(level, position).await?,
                });
            }
            Ok(hashes)
        })
    }

    /// A hash that is not in the table.
    async fn missing(&self, level: u8, position: u64) -> Result<Digest, Error> {
        let place = (level, position);
        if let Some(hash) = lock(&self.unwritten).get(&place) {
            return Ok(*hash);
        }
        let below = self.hashes(level - 1, position * TILE_WIDTH, TILE_WIDTH);
        let hash = Tile::subtree_hash(&below.await?.concat()).0;
        let mut unwritten = lock(&self.unwritten);
        if unwritten.len() < UNWRITTEN_MAX {
            unwritten.insert(place, hash);
        }
        Ok(hash)
    }

    /// Runs a computation over hashes of the tree: once to learn which it reads, and once with
    /// those.
    async fn compute<T>(
        &self,
        computation: impl Fn(&Reading) -> Result<T, TreeError> + Send,
    ) -> Result<T, Error> {
        let mut indexes = Vec::new();
        let wanted = Reading::Wanted(RefCell::default());
        computation(&wanted).map_err(|error| bug(&error))?;
        if let Reading::Wanted(wanted) = wanted {
            indexes = wanted.into_inner();
        }
        // those of one tile are read together
        let mut tiles: BTreeMap<(u8, u64), (u64, u64)> = BTreeMap::new();
        for (level, start, count) in indexes.iter().map(|index| place(*index)) {
            let span = tiles.entry((level, start / TILE_WIDTH));
            let span = span.or_insert((start, start + count));
            *span = (span.0.min(start), span.1.max(start + count));
        }
        let mut read = HashMap::new();
        for ((level, tile), (start, end)) in tiles {
            let hashes = self.hashes(level, start, end - start).await?;
            read.insert((level, tile), (start, hashes));
        }
        let known = indexes.iter().map(|index| {
            let (level, start, count) = place(*index);
            let (first, hashes) = read.get(&(level, start / TILE_WIDTH))?;
            let skipped = usize::try_from(start - first).ok()?;
            let count = usize::try_from(count).ok()?;
            let hashes = hashes.get(skipped..skipped + count)?;
            Some((*index, Tile::subtree_hash(&hashes.concat())))
        });
        let known: Option<_> = known.collect();
        let known = Reading::Known(known.ok_or_else(|| bug(&TreeError::BadMath))?);
        computation(&known).map_err(|error| bug(&error))
    }

    /// The root of the tree of a size.
    pub(super) async fn root(&self, size: Revision) -> Result<Digest, Error> {
        let size = leaves(size);
        let root = self.compute(|hashes| tree_hash(size, hashes)).await?;
        Ok(root.0)
    }

    /// Proves that a change is in the tree of a size, which is not below its revision.
    pub(super) async fn inclusion(
        &self,
        change: Revision,
        size: Revision,
    ) -> Result<Inclusion, Error> {
        let (index, count) = (leaves(change).saturating_sub(1), leaves(size));
        let proved = self.compute(|hashes| {
            let path = prove_record(count, index, hashes)?;
            Ok((path, tree_hash(count, hashes)?))
        });
        let (path, root) = proved.await?;
        let leaf = self.hashes(0, index, 1).await?;
        let entry = self.store.leaf_entries(index, 1).await?;
        let (Some(leaf), Some(entry)) = (leaf.first(), entry.into_iter().next()) else {
            return Err(log_is_short());
        };
        Ok(Inclusion {
            size,
            root: root.0,
            entry,
            leaf: *leaf,
            path: digests(path),
        })
    }

    /// The audit path of each of these changes in the tree of a size, which is not below their
    /// revisions. Hashes that several need are read once.
    pub(super) async fn audit_paths(
        &self,
        changes: &[Revision],
        size: Revision,
    ) -> Result<Vec<Vec<Digest>>, Error> {
        let count = leaves(size);
        let path = |change: &Revision, hashes: &Reading| {
            prove_record(count, leaves(*change).saturating_sub(1), hashes).map(digests)
        };
        let paths = |hashes: &Reading| changes.iter().map(|it| path(it, hashes)).collect();
        self.compute(paths).await
    }

    /// Proves that the tree of a size begins with that of another size, from 1 to it.
    pub(super) async fn consistency(
        &self,
        old: Revision,
        new: Revision,
    ) -> Result<Consistency, Error> {
        let (before, after) = (leaves(old), leaves(new));
        let proved = self.compute(|hashes| {
            let path = prove_tree(after, before, hashes)?;
            Ok((path, tree_hash(before, hashes)?, tree_hash(after, hashes)?))
        });
        let (path, old_root, new_root) = proved.await?;
        Ok(Consistency {
            old: (old, old_root.0),
            new: (new, new_root.0),
            path: digests(path),
        })
    }

    /// The hashes of a tile.
    pub(super) async fn tile(&self, level: u8, start: u64, width: u64) -> Result<Vec<u8>, Error> {
        let hashes = self.hashes(level, start, width.min(TILE_WIDTH)).await?;
        Ok(hashes.concat())
    }

    /// The entries of leaves.
    pub(super) async fn entries(&self, start: u64, width: u64) -> Result<Vec<LeafEntry>, Error> {
        let width = width.min(TILE_WIDTH);
        let entries = self.store.leaf_entries(start, width).await?;
        if entries.len() as u64 == width {
            Ok(entries)
        } else {
            Err(log_is_short())
        }
    }

    /// Whether a tree of this size may have hashes that are neither in the table nor computed.
    pub(super) fn is_behind(&self, size: Revision) -> bool {
        self.next.load(Ordering::Relaxed) < leaves(size) / TILE_WIDTH
    }

    /// One step towards a tree of this size: computes some of the hashes that the table lacks.
    pub(super) async fn advance(&self, size: Revision) -> Result<(), Error> {
        let whole = leaves(size) / TILE_WIDTH;
        let next = self.next.load(Ordering::Relaxed);
        if next < whole {
            // steps are within a tile, so that they read the rows of one
            let step = STEP.min(whole - next).min(TILE_WIDTH - next % TILE_WIDTH);
            self.hashes(1, next, step).await?;
            self.next.fetch_max(next + step, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes some of the hashes that were computed.
    async fn write(&self) -> Result<(), Error> {
        let written: Vec<_> = {
            let unwritten = lock(&self.unwritten);
            let first = unwritten.iter().take(WRITTEN_MAX);
            first
                .map(|(&(level, position), &hash)| TreeHash {
                    level,
                    position,
                    hash,
                })
                .collect()
        };
        if written.is_empty() {
            return Ok(());
        }
        self.store.keep_tree_hashes(&written).await?;
        let mut unwritten = lock(&self.unwritten);
        for it in written {
            unwritten.remove(&(it.level, it.position));
        }
        Ok(())
    }
}

/// The background work, as long as the registry exists.
pub(super) async fn run(tree: Arc<Tree>, published: Weak<Published>) {
    loop {
        sleep(STEP_INTERVAL).await;
        let Some(published) = published.upgrade() else {
            return;
        };
        let size = published.snapshot.load().state.revision();
        drop(published);
        let kept = async {
            tree.advance(size).await?;
            tree.write().await
        };
        if let Err(error) = kept.await {
            // a reader computes what is missing
            tracing::debug!(%error, "hashes of the log's tree were not written");
        }
    }
}

fn digests(hashes: Vec<Hash>) -> Vec<Digest> {
    hashes.into_iter().map(|it| it.0).collect()
}
