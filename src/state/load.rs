//! A State made from all its images at once: what takes long, folding texts and making keys of the
//! alphabet, is shared out over the cores, and the maps are filled so that they stay small.

use std::{num::NonZero, sync::Arc, thread};

use super::{DisplayNameKey, Listed, State};
use crate::domain::{change::Image, names::Revision, platforms::Platform, time::Timestamp};

impl State {
    /// The State that the images of the current tables make.
    pub fn load(
        revision: Revision,
        record_time: Option<Timestamp>,
        images: impl IntoIterator<Item = Image>,
    ) -> Self {
        let mut state = Self::default();
        let (mut platforms, mut others) = (Vec::new(), Vec::new());
        for image in images {
            match image {
                // A platform's search text names its agency, so agencies come first.
                Image::Agency(_) => state.put(image),
                Image::Platform(platform) => platforms.push(platform),
                other => others.push(other),
            }
        }
        let mut listed = state.listed_all(&platforms);
        listed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (key, listed) in alternating(listed) {
            state.platforms_by_display_name.insert(key, listed);
        }
        platforms.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for platform in alternating(platforms) {
            state.put_platform(platform);
        }
        others.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        for image in alternating(others) {
            state.put(image);
        }
        state.revision = revision;
        state.record_time = record_time;
        state
    }

    fn listed_all(&self, platforms: &[Arc<Platform>]) -> Vec<(DisplayNameKey, Listed)> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let share = platforms.len().div_ceil(cores).max(1);
        let listed = |platforms: &[Arc<Platform>]| -> Vec<_> {
            platforms.iter().map(|it| self.listed(it)).collect()
        };
        thread::scope(|scope| {
            let mut shares = platforms.chunks(share);
            let first = shares.next().unwrap_or_default();
            let others: Vec<_> = shares
                .map(|platforms| scope.spawn(move || listed(platforms)))
                .collect();
            let mut all = listed(first);
            for other in others {
                match other.join() {
                    Ok(listed) => all.extend(listed),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            all
        })
    }
}

/// Every second of the items, and then the others. Put into a map in their order, they leave its
/// leaves half full, since a full one is split in the middle and its first half never met again;
/// this way the second half of the items fills them up.
fn alternating<T>(items: Vec<T>) -> impl Iterator<Item = T> {
    let mut later = Vec::with_capacity(items.len() / 2);
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
