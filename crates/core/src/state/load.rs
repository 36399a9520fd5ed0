//! Builds a State from all its images at once. The expensive work, making sort keys, runs on all
//! cores, and the maps are filled in an order that keeps them small.

use std::{iter::Peekable, num::NonZero, sync::Arc, thread};

use crate::{
    change::Image,
    names::Revision,
    records::{Record, platforms::Platform},
    state::{
        State,
        alphabet::{Alphabet, ByAlphabet},
        blocks::Order,
        values::ByValues,
    },
    time::Timestamp,
};

impl State {
    /// Builds the State from the images of the current tables.
    pub fn load(
        revision: Revision,
        record_time: Option<Timestamp>,
        images: impl IntoIterator<Item = Image>,
    ) -> Self {
        let mut state = Self::default();
        let (mut platforms, mut plans, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for image in images {
            match image {
                Image::Platform(platform) => platforms.push(platform),
                Image::Plan(plan) => plans.push(plan),
                other => others.push(other),
            }
        }
        // before the platforms, since an agency that is put has all of its platforms looked at
        others.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        for image in alternating(others) {
            state.put(image);
        }
        state.alphabet = Alphabet::load(merged(placed(&platforms)));
        platforms.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        state.platform_values = ByValues::load(named(&platforms));
        for platform in alternating(platforms.iter()) {
            state.count_listings(platform, 1);
            state.places.platform(None, Some(platform));
            state.maps.put(Image::Platform(Arc::clone(platform)));
        }
        // those of one agency after those of another: each agency has a map
        platforms.sort_by(|a, b| a.governing_agency().cmp(&b.governing_agency()));
        for platform in alternating(platforms) {
            state.add_to_agency(platform);
        }
        plans.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        state.plan_values = ByValues::load(named(&plans));
        for plan in alternating(plans) {
            state.cover(&plan);
            state.maps.put(Image::Plan(plan));
        }
        state.revision = revision;
        state.record_time = record_time;
        state
    }
}

/// Records that are in the order of their names, with them.
fn named<T: Record>(records: &[Arc<T>]) -> impl Iterator<Item = (T::Name, Arc<T>)> {
    records.iter().map(|it| (it.name().clone(), Arc::clone(it)))
}

type Position = <ByAlphabet as Order>::Position;

/// The platforms with their places in the alphabet, as one sorted share per core.
fn placed(platforms: &[Arc<Platform>]) -> Vec<Vec<(Position, Arc<Platform>)>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = platforms.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let shares = platforms.chunks(share).map(|share| {
            scope.spawn(move || {
                let placed = share
                    .iter()
                    .map(|it| (ByAlphabet::position(it), Arc::clone(it)));
                let mut placed: Vec<_> = placed.collect();
                placed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
                placed
            })
        });
        let threads: Vec<_> = shares.collect();
        let placed = threads.into_iter().map(|thread| {
            let placed = thread.join();
            placed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        placed.collect()
    })
}

/// Merges sorted shares by their keys.
fn merged<K: Ord, V>(shares: Vec<Vec<(K, V)>>) -> impl Iterator<Item = (K, V)> {
    let shares = shares.into_iter().map(|share| share.into_iter().peekable());
    let mut shares: Vec<_> = shares.collect();
    std::iter::from_fn(move || {
        let mut first: Option<&mut Peekable<_>> = None;
        for share in &mut shares {
            let Some((key, _)) = share.peek() else {
                continue;
            };
            let ahead = match first.as_mut().and_then(|first| first.peek()) {
                Some((least, _)) => key < least,
                None => true,
            };
            if ahead {
                first = Some(share);
            }
        }
        first?.next()
    })
}

/// Yields every second item, and then the others. Insertion in sorted order would leave the map's
/// leaves half full, because a full leaf is split in the middle and its first half gets no more
/// items. In this order, the later items fill the leaves.
fn alternating<T>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    let mut later = Vec::new();
    let mut items = items.into_iter();
    let mut rest = None;
    std::iter::from_fn(move || {
        if rest.is_none() {
            if let Some(first) = items.next() {
                later.extend(items.next());
                return Some(first);
            }
            rest = Some(std::mem::take(&mut later).into_iter());
        }
        rest.as_mut()?.next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_once() {
        for count in 0..40 {
            let mut all: Vec<_> = alternating(0..count).collect();
            assert!(count < 4 || all.windows(2).any(|pair| pair[1] < pair[0]));
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn shares_are_merged_in_order() {
        let shares = vec![
            vec![(1, 'a'), (4, 'd')],
            vec![],
            vec![(2, 'b'), (3, 'c'), (9, 'e')],
        ];
        let merged: Vec<_> = merged(shares).map(|(_, letter)| letter).collect();
        assert_eq!(merged, ['a', 'b', 'c', 'd', 'e']);
    }
}
