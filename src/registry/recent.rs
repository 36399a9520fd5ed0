//! The newest changes, kept in memory for all who follow the log.
//!
//! All readers share one ring. It is part of the snapshot, so a reader walks it without a lock and
//! does not block others. A reader that fell behind the oldest change reads from the log instead.
//! The encoded message of a change is built once for all callers that see the same of it, and is
//! kept with the newest changes.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use imbl::Vector;

use super::{authenticate::HONOURED_FOR, history::lock};
use crate::store::Appended;
use ndp_core::{
    caller::Caller,
    change::{Change, Effect, Image},
    leaf::Digest,
    names::Revision,
    state::{
        State,
        seen::{Past, Viewpoint},
        visible::{Ancestry, parents_of},
    },
};

/// How the log is followed.
#[derive(Clone, Copy, Debug)]
pub struct Following {
    /// Most bytes of records that the ring holds, as they are stored: before and after each change.
    /// In memory they take about as much.
    pub bytes_max: usize,
    /// A watcher that accepts no message for this long is considered stalled.
    pub stalled_after: Duration,
    /// How long credentials are honoured after the last poll of the log.
    pub honoured_for: Duration,
}

impl Default for Following {
    fn default() -> Self {
        Self {
            bytes_max: 32 * 1024 * 1024,
            stalled_after: Duration::from_secs(60),
            honoured_for: HONOURED_FOR,
        }
    }
}

/// Number of newest changes whose shared bytes are kept: the changes that up-to-date followers
/// read.
const SHARED_MAX: usize = 512;

/// Sights of one change whose bytes are kept: the public, the steward, the agencies it is about.
const SIGHTS_MAX: usize = 8;

/// The message for callers of one viewpoint about a change; `None` where they see nothing of it.
#[derive(Debug, Default)]
struct Shared {
    /// The value of `State::visibility_changes` when these messages were built.
    changes: u64,
    kept: Vec<(Viewpoint, Option<Bytes>)>,
}

/// A change, with each resource as it was before it.
#[derive(Debug)]
pub struct Logged {
    pub change: Change,
    /// Its chained digest.
    pub digest: Digest,
    /// Bytes of its images as they are stored.
    pub(super) bytes: usize,
    before: OnceLock<Vec<Option<Image>>>,
    ancestry: Ancestry,
    /// `None` if nothing is cached: the change was read from the log, or is no longer among the
    /// newest.
    shared: Mutex<Option<Shared>>,
}

impl Logged {
    /// A change of the ring.
    fn new(state: &State, change: Change, digest: Digest, bytes: usize) -> Self {
        let names = change.effects.iter().map(Effect::name);
        let before: Vec<_> = names.map(|name| state.image(name)).collect();
        let parents = parents_of(&change).into_iter();
        let ancestry = Ancestry::new(&change, parents.map(|name| state.image(name)));
        Self {
            change,
            digest,
            bytes,
            before: OnceLock::from(before),
            ancestry,
            shared: Mutex::new(Some(Shared::default())),
        }
    }

    /// A change that was read from the log, with each of its parents as it was before it. The
    /// earlier records are looked up only when needed.
    pub(super) fn read(appended: Appended, parents: Vec<Option<Image>>) -> Self {
        let Appended {
            change,
            leaf_hash: _,
            digest,
            bytes,
        } = appended;
        Self {
            ancestry: Ancestry::new(&change, parents),
            change,
            digest,
            bytes,
            before: OnceLock::new(),
            shared: Mutex::new(None),
        }
    }

    /// Approximate bytes in memory: a fixed part, the images, and as much for the earlier records.
    pub(super) const fn memory(&self) -> usize {
        1024 + 2 * self.bytes
    }

    /// One for each effect, `None` where there was no resource. Empty until it is looked up.
    pub fn before(&self) -> &[Option<Image>] {
        self.before.get().map_or(&[], Vec::as_slice)
    }

    /// The change, with what decides who sees it.
    pub fn past(&self) -> Past<'_> {
        Past {
            change: &self.change,
            before: self.before(),
            ancestry: &self.ancestry,
        }
    }

    pub(super) fn has_before(&self) -> bool {
        self.before.get().is_some()
    }

    pub(super) fn set_before(&self, before: Vec<Option<Image>>) {
        // another reader may have set the same value first
        drop(self.before.set(before));
    }

    /// The result of `make` for this caller, while `now` is the newest State. It is built once for
    /// all callers that see the same of the change, so it must depend on nothing else. A result is
    /// not reused after the visibility of a record has changed.
    pub fn shared(
        &self,
        now: &State,
        caller: &Caller,
        make: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        let mut shared = lock(&self.shared);
        let Some(Shared { changes, kept }) = shared.as_mut() else {
            drop(shared);
            return make();
        };
        if *changes != now.visibility_changes() {
            *changes = now.visibility_changes();
            kept.clear();
        }
        let viewpoint = Viewpoint::of(now, caller, &self.past());
        if let Some((_, bytes)) = kept.iter().find(|(of, _)| *of == viewpoint) {
            return bytes.clone();
        }
        // Under the lock: concurrent readers wait for the first one and do not build it again.
        let bytes = make();
        if kept.len() < SIGHTS_MAX {
            kept.push((viewpoint, bytes.clone()));
        }
        bytes
    }

    fn forget_shared(&self) {
        *lock(&self.shared) = None;
    }
}

/// The ring: changes without a gap, oldest first.
#[derive(Clone, Debug)]
pub struct Recent {
    changes: Vector<Arc<Logged>>,
    bytes: usize,
    bytes_max: usize,
}

impl Recent {
    /// An empty ring.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            changes: Vector::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Adds a change that `state` does not hold yet, and removes the oldest changes.
    pub(super) fn push(&mut self, state: &State, change: &Change, digest: Digest, bytes: usize) {
        let logged = Logged::new(state, change.clone(), digest, bytes);
        self.bytes += logged.memory();
        self.changes.push_back(Arc::new(logged));
        let old = self.changes.len().checked_sub(SHARED_MAX + 1);
        if let Some(old) = old.and_then(|old| self.changes.get(old)) {
            old.forget_shared();
        }
        while self.bytes > self.bytes_max && self.changes.len() > 1 {
            if let Some(oldest) = self.changes.pop_front() {
                self.bytes -= oldest.memory();
            }
        }
    }

    /// Forgets all changes.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.bytes_max);
    }

    /// The chained digest at a revision, where memory still has it.
    pub fn digest(&self, revision: Revision) -> Option<Digest> {
        let found = self.after(revision.previous()?, 1)?;
        Some(found.first()?.digest)
    }

    /// The changes after a revision, at most `limit`; `None` where the oldest of them is gone.
    pub fn after(&self, revision: Revision, limit: usize) -> Option<Vec<Arc<Logged>>> {
        let oldest = self.changes.front()?.change.revision;
        let skip = revision.next().get().checked_sub(oldest.get())?;
        let skip = usize::try_from(skip).ok()?;
        let end = self.changes.len().min(skip.saturating_add(limit));
        // by index: an up-to-date follower takes one or two of thousands
        Some(
            (skip..end)
                .filter_map(|at| self.changes.get(at).cloned())
                .collect(),
        )
    }
}
