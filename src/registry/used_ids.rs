//! Request ids that the log may have. Almost every id is new, and a Bloom filter that says so saves
//! the writer a query within the transaction of each group.
//!
//! The ids of the changes before the start are read beside the writer. Until they are read, every
//! id is looked up.

use std::{sync::Weak, time::Duration};

use fastbloom::BloomFilter;
use foldhash::fast::RandomState;
use tokio::{sync::oneshot, time::sleep};
use uuid::Uuid;

use super::Published;
use crate::store::Store;
use ndp_core::names::PrincipalName;

/// Ids that the first filter has room for: 153 KiB. Each further filter has twice the room, so a
/// log of a billion ids has 15.
const FIRST_ROOM: usize = 1 << 16;

/// The share of new ids that one filter takes for used: so small that hardly any group of commands
/// has to look one up.
const FALSE_POSITIVES: f64 = 0.0001;

/// Ids read from the log at a time.
const BATCH: usize = 4096;

/// Pause after the log could not be read.
const PAUSE: Duration = Duration::from_secs(60);

/// A set of ids of principals' requests, which may wrongly say that it has an id, and never that
/// it has not.
#[derive(Default)]
struct Filters {
    filters: Vec<BloomFilter<RandomState>>,
    /// For how many ids the last filter still has room.
    room: usize,
}

impl Filters {
    fn insert(&mut self, principal: &PrincipalName, id: Uuid) {
        if self.room == 0 {
            self.room = FIRST_ROOM << self.filters.len();
            let filter = BloomFilter::with_false_pos(FALSE_POSITIVES)
                .hasher(RandomState::default())
                .expected_items(self.room);
            self.filters.push(filter);
        }
        self.room -= 1;
        if let Some(filter) = self.filters.last_mut() {
            filter.insert(&(principal.as_str(), id));
        }
    }

    fn may_have(&self, principal: &PrincipalName, id: Uuid) -> bool {
        let asked = (principal.as_str(), id);
        self.filters.iter().any(|filter| filter.contains(&asked))
    }
}

/// The request ids of the whole log, as the writer knows them.
pub(super) struct UsedIds {
    before: Before,
    /// Of changes that this process wrote, tried to write, or followed.
    since: Filters,
}

/// Of the changes before this process started.
enum Before {
    Reading(oneshot::Receiver<Filters>),
    Read(Filters),
}

impl UsedIds {
    /// Ids of a log whose older ones are sent once they are read.
    fn new(read: oneshot::Receiver<Filters>) -> Self {
        Self {
            before: Before::Reading(read),
            since: Filters::default(),
        }
    }

    /// Notes an id that the log has or is about to have.
    pub(super) fn note(&mut self, principal: &PrincipalName, id: Uuid) {
        self.since.insert(principal, id);
    }

    /// Whether the log may have an id; false only if it has not.
    pub(super) fn may_have(&mut self, principal: &PrincipalName, id: Uuid) -> bool {
        if let Before::Reading(receiver) = &mut self.before
            && let Ok(read) = receiver.try_recv()
        {
            self.before = Before::Read(read);
        }
        match &self.before {
            Before::Reading(_) => true,
            Before::Read(before) => {
                before.may_have(principal, id) || self.since.may_have(principal, id)
            }
        }
    }
}

/// The ids of a log, and the task that reads those it has now. The task ends with the registry.
pub(super) fn of_log(
    store: Store,
    published: Weak<Published>,
) -> (UsedIds, impl Future<Output = ()>) {
    let (send, receiver) = oneshot::channel();
    (UsedIds::new(receiver), read(store, published, send))
}

async fn read(store: Store, published: Weak<Published>, send: oneshot::Sender<Filters>) {
    let mut filters = Filters::default();
    let mut after = None;
    while published.strong_count() > 0 {
        match store.request_ids(after.as_ref(), BATCH).await {
            Ok(ids) => {
                for (principal, id) in &ids {
                    filters.insert(principal, *id);
                }
                let is_last = ids.len() < BATCH;
                after = ids.into_iter().last().or(after);
                if is_last {
                    // the writer may have ended
                    drop(send.send(filters));
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "request ids could not be read; each one is looked up");
                sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn principal(number: u8) -> PrincipalName {
        PrincipalName::parse(&format!("principals/synthetic-{number}")).unwrap()
    }

    proptest! {
        /// An id that was noted, before the start or since, is never taken for new.
        #[test]
        fn no_used_id_is_ruled_out(
            before in prop::collection::vec((0..3u8, any::<u128>()), 0..200),
            since in prop::collection::vec((0..3u8, any::<u128>()), 0..200),
        ) {
            let (send, receiver) = oneshot::channel();
            let mut used = UsedIds::new(receiver);
            let mut read = Filters::default();
            for (number, id) in &before {
                read.insert(&principal(*number), Uuid::from_u128(*id));
            }
            send.send(read).ok().unwrap();
            for (number, id) in &since {
                used.note(&principal(*number), Uuid::from_u128(*id));
            }
            for (number, id) in before.iter().chain(&since) {
                prop_assert!(used.may_have(&principal(*number), Uuid::from_u128(*id)));
            }
        }
    }

    #[test]
    fn new_ids_are_ruled_out_in_filters_of_growing_room() {
        let mut filters = Filters::default();
        let ids = u128::try_from(FIRST_ROOM * 4).unwrap();
        for id in 0..ids {
            filters.insert(&principal(1), Uuid::from_u128(id));
        }
        assert_eq!(filters.filters.len(), 3);
        assert!((0..ids).all(|id| filters.may_have(&principal(1), Uuid::from_u128(id))));
        // of another principal, and of none; the last filter is not full
        for (number, from) in [(2, 0), (1, ids)] {
            let taken = (from..from + 200_000)
                .filter(|id| filters.may_have(&principal(number), Uuid::from_u128(*id)));
            let taken = taken.count();
            assert!((1..200).contains(&taken), "{taken} of 200,000");
        }
    }

    #[test]
    fn every_id_is_looked_up_until_the_log_is_read() {
        let (send, receiver) = oneshot::channel();
        let mut used = UsedIds::new(receiver);
        assert!(used.may_have(&principal(1), Uuid::nil()));
        send.send(Filters::default()).ok().unwrap();
        assert!(!used.may_have(&principal(1), Uuid::nil()));
        used.note(&principal(1), Uuid::nil());
        assert!(used.may_have(&principal(1), Uuid::nil()));
        assert!(!used.may_have(&principal(2), Uuid::nil()));
    }

    #[test]
    fn every_id_is_looked_up_if_the_log_cannot_be_read() {
        let (send, receiver) = oneshot::channel();
        drop(send);
        assert!(UsedIds::new(receiver).may_have(&principal(1), Uuid::nil()));
    }
}
