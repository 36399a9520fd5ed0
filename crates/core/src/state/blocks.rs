//! Records of one kind in an order, in blocks that share structure between versions of the State.
//! What is indexed of the records of a block is computed when it is first needed, and kept until
//! one of them changes.

use std::{
    cmp::Ordering,
    fmt,
    ops::Bound,
    sync::{Arc, OnceLock},
};

use imbl::OrdMap;

/// Records of a block: one bit each, the first is the lowest.
pub(crate) type Members = u64;

/// The most records in a block.
pub(crate) const RECORDS_MAX: usize = 64;

/// A block with fewer records is joined with the next, where both fit.
pub(super) const FEW: usize = RECORDS_MAX / 4;

/// The positions of the members, ascending.
pub(crate) fn members(mut of: Members) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let first = of.trailing_zeros();
        // clears the lowest bit; ends when no bit is left
        of &= of.checked_sub(1)?;
        usize::try_from(first).ok()
    })
}

/// An order of records, and what is indexed of them.
pub(super) trait Order {
    type Record;
    /// A position in the order.
    type Position: Ord + Clone;
    /// What is indexed of the records of a block.
    type Index;

    /// The position of a record.
    fn position(record: &Self::Record) -> Self::Position;

    /// Compares the positions of two records.
    fn compare(one: &Self::Record, other: &Self::Record) -> Ordering;

    /// Whether the same is indexed of both.
    fn is_indexed_as(one: &Self::Record, other: &Self::Record) -> bool;
}

/// Records that follow one another.
pub(super) struct Block<O: Order> {
    records: Vec<Arc<O::Record>>,
    /// Shared by the versions of the block of which the same is indexed.
    index: Arc<OnceLock<O::Index>>,
}

impl<O: Order> Clone for Block<O> {
    fn clone(&self) -> Self {
        Self {
            records: self.records.clone(),
            index: Arc::clone(&self.index),
        }
    }
}

impl<O: Order> Default for Block<O> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl<O: Order> Block<O> {
    fn new(records: Vec<Arc<O::Record>>) -> Self {
        Self {
            records,
            index: Arc::default(),
        }
    }

    /// Drops its index, so that it is made again. One that is not made yet and not shared is kept.
    fn forget(&mut self) {
        if Arc::get_mut(&mut self.index).is_none_or(|index| index.get().is_some()) {
            self.index = Arc::default();
        }
    }

    /// Where the record is, or where it would be.
    fn find(&self, record: &O::Record) -> Result<usize, usize> {
        self.records.binary_search_by(|it| O::compare(it, record))
    }

    fn passed(&self, position: &O::Position) -> usize {
        self.records
            .partition_point(|it| O::position(it) <= *position)
    }

    /// Its records, in order.
    pub(super) fn records(&self) -> &[Arc<O::Record>] {
        &self.records
    }

    /// Whether its index was needed.
    pub(super) fn is_indexed(&self) -> bool {
        self.index.get().is_some()
    }

    /// Its index, which `make` makes of the records.
    pub(super) fn index<'a>(
        &'a self,
        make: impl FnOnce(&'a [Arc<O::Record>]) -> O::Index,
    ) -> &'a O::Index {
        self.index.get_or_init(|| make(&self.records))
    }
}

/// Records in an order.
pub(super) struct Blocks<O: Order> {
    /// By a place that is not after the first record of the block, but after all before it.
    blocks: OrdMap<O::Position, Arc<Block<O>>>,
}

impl<O: Order> Clone for Blocks<O> {
    fn clone(&self) -> Self {
        Self {
            blocks: self.blocks.clone(),
        }
    }
}

impl<O: Order> Default for Blocks<O> {
    fn default() -> Self {
        Self {
            blocks: OrdMap::new(),
        }
    }
}

impl<O: Order> fmt::Debug for Blocks<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks")
            .field("count", &self.blocks.len())
            .finish_non_exhaustive()
    }
}

impl<O: Order> Blocks<O> {
    /// Of records that are in order.
    pub(super) fn load(sorted: impl Iterator<Item = (O::Position, Arc<O::Record>)>) -> Self {
        let mut blocks = Vec::new();
        let mut sorted = sorted.peekable();
        while let Some((position, _)) = sorted.peek() {
            let position = position.clone();
            let mut records = Vec::with_capacity(RECORDS_MAX);
            records.extend(sorted.by_ref().take(RECORDS_MAX).map(|(_, it)| it));
            blocks.push((position, Arc::new(Block::new(records))));
        }
        Self {
            blocks: blocks.into_iter().collect(),
        }
    }

    /// Adds a record that it does not have.
    pub(super) fn insert(&mut self, record: Arc<O::Record>) {
        let position = O::position(&record);
        let block = self.block_at(&position);
        let block = Arc::make_mut(block);
        block.forget();
        let at = block.find(&record).unwrap_or_else(|at| at);
        block.records.insert(at, record);
        if block.records.len() > RECORDS_MAX {
            let records = block.records.split_off(RECORDS_MAX / 2);
            if let Some(first) = records.first() {
                let position = O::position(first);
                self.blocks.insert(position, Arc::new(Block::new(records)));
            }
        }
    }

    /// Puts a newer version of a record in the place of the one that it has.
    pub(super) fn replace(&mut self, old: &O::Record, new: Arc<O::Record>) {
        if O::compare(old, &new).is_ne() {
            self.remove(old);
            self.insert(new);
            return;
        }
        let block = Arc::make_mut(self.block_at(&O::position(old)));
        if !O::is_indexed_as(old, &new) {
            block.forget();
        }
        let at = block.find(old).ok();
        if let Some(here) = at.and_then(|at| block.records.get_mut(at)) {
            *here = new;
        }
    }

    /// Removes a record.
    pub(super) fn remove(&mut self, record: &O::Record) {
        let position = O::position(record);
        let block = Arc::make_mut(self.block_at(&position));
        let Ok(at) = block.find(record) else {
            return;
        };
        block.records.remove(at);
        block.forget();
        if block.records.len() < FEW {
            self.join(&position);
        }
    }

    /// Has the block of a record indexed again, as what is indexed of it beside it has changed.
    pub(super) fn forget_index(&mut self, record: &O::Record) {
        // also if there is no index yet: an earlier version may still make one, of the old content
        Arc::make_mut(self.block_at(&O::position(record))).forget();
    }

    /// The block that a record of this place belongs to.
    fn block_at(&mut self, position: &O::Position) -> &mut Arc<Block<O>> {
        let key = match self.blocks.get_prev(position) {
            Some((key, _)) => key.clone(),
            None => {
                // the first block has all before it, too
                let first = self.blocks.get_min().map(|(key, _)| key.clone());
                let block = first.and_then(|first| self.blocks.remove(&first));
                self.blocks
                    .insert(position.clone(), block.unwrap_or_default());
                position.clone()
            }
        };
        self.blocks.entry(key).or_default()
    }

    /// Joins the block of a place, which has few records, with the next.
    fn join(&mut self, position: &O::Position) {
        let Some(key) = self.blocks.get_prev(position).map(|(key, _)| key.clone()) else {
            return;
        };
        let few = self.blocks.remove(&key).unwrap_or_default();
        let next = self.blocks.get_next(position);
        let next = next.filter(|(_, next)| few.records.len() + next.records.len() <= 3 * FEW);
        if let Some((next, _)) = next.map(|(next, block)| (next.clone(), block)) {
            let more = self.blocks.remove(&next).unwrap_or_default();
            let records = few.records.iter().chain(&more.records).cloned();
            let block = Arc::new(Block::new(records.collect()));
            self.blocks.insert(key, block);
        } else if !few.records.is_empty() {
            self.blocks.insert(key, few);
        }
    }

    /// The blocks, in order, and how many records of each are not after `position`.
    pub(super) fn iter(
        &self,
        position: Option<O::Position>,
    ) -> impl Iterator<Item = (&Block<O>, usize)> + use<'_, O> {
        let home = self.home(position.as_ref());
        self.blocks.iter().map(move |(key, block)| {
            let passed = match (&home, &position) {
                (Some(home), _) if key < home => block.records.len(),
                (Some(home), Some(position)) if key == home => block.passed(position),
                _ => 0,
            };
            (&**block, passed)
        })
    }

    /// The blocks that have records after `position`, in order, and how many are not after it.
    pub(super) fn rest(
        &self,
        position: Option<O::Position>,
    ) -> impl Iterator<Item = (&Block<O>, usize)> + use<'_, O> {
        let home = self.home(position.as_ref());
        let start = home.map_or(Bound::Unbounded, Bound::Included);
        let mut position = position;
        let blocks = self.blocks.range((start, Bound::Unbounded));
        blocks.map(move |(_, block)| {
            // only the first block has records that are not after it
            let passed = position
                .take()
                .map_or(0, |position| block.passed(&position));
            (&**block, passed)
        })
    }

    /// The key of the block that has the records next to a place.
    fn home(&self, position: Option<&O::Position>) -> Option<O::Position> {
        let (key, _) = self.blocks.get_prev(position?)?;
        Some(key.clone())
    }

    /// The records after a place, in order.
    pub(super) fn after(
        &self,
        position: Option<O::Position>,
    ) -> impl Iterator<Item = &Arc<O::Record>> + use<'_, O> {
        let blocks = self.rest(position);
        blocks.flat_map(|(block, passed)| block.records.iter().skip(passed))
    }
}

#[cfg(test)]
impl<O: Order> Blocks<O> {
    /// How many blocks there are.
    pub(super) fn count(&self) -> usize {
        self.blocks.len()
    }
}
