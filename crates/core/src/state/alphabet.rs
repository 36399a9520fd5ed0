//! The platforms by the Vietnamese alphabet, in blocks that share structure between versions of the
//! State. Each block indexes the texts of its platforms when a search first needs them, and keeps
//! the index until one of them changes. A sort key is kept for a block only, since the key of a
//! name takes more memory than the name.

use std::{
    cmp::Ordering,
    ops::Bound,
    sync::{Arc, OnceLock},
};

use imbl::OrdMap;

use crate::{
    names::PlatformName,
    query::search::{RECORDS_MAX, Texts},
    records::{
        agencies::Agency,
        platforms::{Governed, Platform},
    },
    text::{SortKey, compare_names, sort_key},
};

/// A place in the alphabet, and among platforms of one display name. Empty display names come last.
pub(super) type Place = (SortKey, Option<PlatformName>);

/// The place of a platform.
pub(super) fn place_of(platform: &Platform) -> Place {
    let name = platform.name.clone();
    (sort_key(&platform.fields.display_name), Some(name))
}

/// A block with fewer platforms is joined with the next, where both fit.
const FEW: usize = RECORDS_MAX / 4;

/// Platforms that follow one another.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    platforms: Vec<Arc<Platform>>,
    /// Shared by the versions of the block that have the same texts.
    texts: Arc<OnceLock<Texts>>,
}

impl Block {
    /// Where the platform is, or where it would be.
    fn find(&self, platform: &Platform) -> Result<usize, usize> {
        self.platforms.binary_search_by(|it| compare(it, platform))
    }

    /// Its platforms, in order.
    pub(super) fn platforms(&self) -> &[Arc<Platform>] {
        &self.platforms
    }

    /// Whether its texts are indexed.
    pub(super) fn is_read(&self) -> bool {
        self.texts.get().is_some()
    }

    /// The indexed texts. `agency` finds the agency of a platform.
    pub(super) fn texts<'a>(
        &'a self,
        agency: impl Fn(&Platform) -> Option<&'a Agency>,
    ) -> &'a Texts {
        self.texts.get_or_init(|| {
            let governed = |platform: &'a Arc<Platform>| Governed {
                platform,
                agency: agency(platform),
            };
            let records: Vec<_> = self.platforms.iter().map(governed).collect();
            Texts::new(&records)
        })
    }
}

fn compare(one: &Platform, other: &Platform) -> Ordering {
    compare_names(&one.fields.display_name, &other.fields.display_name)
        .then_with(|| one.name.cmp(&other.name))
}

/// All platforms.
#[derive(Clone, Debug, Default)]
pub(super) struct Alphabet {
    /// By a place that is not after the first platform of the block, but after all before it.
    blocks: OrdMap<Place, Arc<Block>>,
}

impl Alphabet {
    /// Of platforms that are in order.
    pub(super) fn load(sorted: impl Iterator<Item = (Place, Arc<Platform>)>) -> Self {
        let mut blocks = Vec::new();
        let mut sorted = sorted.peekable();
        while let Some((place, _)) = sorted.peek() {
            let place = place.clone();
            let mut platforms = Vec::with_capacity(RECORDS_MAX);
            platforms.extend(sorted.by_ref().take(RECORDS_MAX).map(|(_, it)| it));
            let block = Block {
                platforms,
                ..Block::default()
            };
            blocks.push((place, Arc::new(block)));
        }
        Self {
            blocks: blocks.into_iter().collect(),
        }
    }

    /// Adds a platform that it does not have.
    pub(super) fn insert(&mut self, platform: Arc<Platform>) {
        let place = place_of(&platform);
        let block = self.block_at(&place);
        let block = Arc::make_mut(block);
        block.texts = Arc::default();
        let at = block.find(&platform).unwrap_or_else(|at| at);
        block.platforms.insert(at, platform);
        if block.platforms.len() > RECORDS_MAX {
            let platforms = block.platforms.split_off(RECORDS_MAX / 2);
            self.add(Block {
                platforms,
                ..Block::default()
            });
        }
    }

    /// Puts a newer version of a platform in the place of the one that it has.
    pub(super) fn replace(&mut self, old: &Platform, new: Arc<Platform>) {
        if old.fields.display_name != new.fields.display_name {
            self.remove(old);
            self.insert(new);
            return;
        }
        let block = Arc::make_mut(self.block_at(&place_of(old)));
        if !old.is_searched_as(&new) {
            block.texts = Arc::default();
        }
        let at = block.find(old).ok();
        if let Some(here) = at.and_then(|at| block.platforms.get_mut(at)) {
            *here = new;
        }
    }

    /// Removes a platform.
    pub(super) fn remove(&mut self, platform: &Platform) {
        let place = place_of(platform);
        let block = Arc::make_mut(self.block_at(&place));
        let Ok(at) = block.find(platform) else {
            return;
        };
        block.platforms.remove(at);
        block.texts = Arc::default();
        if block.platforms.len() < FEW {
            self.join(&place);
        }
    }

    /// Has the texts of a platform read again, as those of its agency have changed.
    pub(super) fn forget_texts(&mut self, platform: &Platform) {
        let block = self.block_at(&place_of(platform));
        if block.is_read() {
            Arc::make_mut(block).texts = Arc::default();
        }
    }

    /// The block that a platform of this place belongs to.
    fn block_at(&mut self, place: &Place) -> &mut Arc<Block> {
        let key = match self.blocks.get_prev(place) {
            Some((key, _)) => key.clone(),
            None => {
                // the first block has all before it, too
                let first = self.blocks.get_min().map(|(key, _)| key.clone());
                let block = first.and_then(|first| self.blocks.remove(&first));
                self.blocks.insert(place.clone(), block.unwrap_or_default());
                place.clone()
            }
        };
        self.blocks.entry(key).or_default()
    }

    /// Adds a block that is not empty.
    fn add(&mut self, block: Block) {
        if let Some(first) = block.platforms.first() {
            let place = place_of(first);
            self.blocks.insert(place, Arc::new(block));
        }
    }

    /// Joins the block of a place, which has few platforms, with the next.
    fn join(&mut self, place: &Place) {
        let Some(key) = self.blocks.get_prev(place).map(|(key, _)| key.clone()) else {
            return;
        };
        let few = self.blocks.remove(&key).unwrap_or_default();
        let next = self.blocks.get_next(place);
        let next = next.filter(|(_, next)| few.platforms.len() + next.platforms.len() <= 3 * FEW);
        if let Some((next, _)) = next.map(|(next, block)| (next.clone(), block)) {
            let more = self.blocks.remove(&next).unwrap_or_default();
            let platforms = few.platforms.iter().chain(&more.platforms).cloned();
            let block = Block {
                platforms: platforms.collect(),
                ..Block::default()
            };
            self.blocks.insert(key, Arc::new(block));
        } else if !few.platforms.is_empty() {
            self.blocks.insert(key, few);
        }
    }

    /// The blocks, in order, and how many platforms of each are not after `place`.
    pub(super) fn blocks(&self, place: Option<Place>) -> impl Iterator<Item = (&Block, usize)> {
        let home = place.as_ref().and_then(|place| self.blocks.get_prev(place));
        let home = home.map(|(key, _)| key.clone());
        self.blocks.iter().map(move |(key, block)| {
            let passed = match (&home, &place) {
                (Some(home), _) if key < home => block.platforms.len(),
                (Some(home), Some(place)) if key == home => block
                    .platforms
                    .partition_point(|platform| place_of(platform) <= *place),
                _ => 0,
            };
            (&**block, passed)
        })
    }

    /// The platforms after a place, in order.
    pub(super) fn after(&self, place: Option<Place>) -> impl Iterator<Item = &Arc<Platform>> {
        let home = place.as_ref().and_then(|place| self.blocks.get_prev(place));
        let start = home.map_or(Bound::Unbounded, |(key, _)| Bound::Included(key.clone()));
        let mut place = place;
        self.blocks
            .range((start, Bound::Unbounded))
            .flat_map(move |(_, block)| {
                // only the first block has platforms that are not after it
                let passed = place.take().map_or(0, |place| {
                    block.platforms.partition_point(|it| place_of(it) <= place)
                });
                block.platforms.iter().skip(passed)
            })
    }
}

#[cfg(test)]
mod tests;
