//! A cache of the encoded messages of recently read records. The bytes stay valid as long as the
//! record does not change.
//!
//! The cache has a fixed number of places, found by the record's address and the view. A record
//! that finds no free place replaces another. Therefore the size is bounded and no lock is needed.
//! Entries are never mixed up: a place keeps its record alive, so no other record can have the
//! same address.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use prost::Message;

use crate::wire::{
    encoded::{Encoded, Payload as _},
    requests::View,
};
use ndp_core::names::Revision;

/// How many encoded messages are kept, as a power of two.
const PLACES_BITS: u32 = 12;

/// Larger messages are not kept; so all of them take 32 MiB at most.
const BYTES_MAX: usize = 8 * 1024;

/// Encoded messages `M` of records `T`.
pub(super) struct Encodings<T, M> {
    places: Box<[ArcSwapOption<Kept<T, M>>]>,
    /// The newest redaction known when the messages were kept.
    redacted: AtomicI64,
}

struct Kept<T, M> {
    record: Arc<T>,
    view: View,
    message: Encoded<M>,
}

impl<T, M> Default for Encodings<T, M> {
    fn default() -> Self {
        let places = (0..1_usize << PLACES_BITS).map(|_| ArcSwapOption::empty());
        Self {
            places: places.collect(),
            redacted: AtomicI64::new(0),
        }
    }
}

impl<T, M> fmt::Debug for Encodings<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encodings({})", self.places.len())
    }
}

impl<T, M: Message> Encodings<T, M> {
    /// Forgets the records and messages from before a redaction. They are not read again, but they
    /// have the text.
    pub(super) fn forget_before(&self, redacted: Revision) {
        let redacted = redacted.get();
        // a call that began before the redaction does not bring its time back
        if self.redacted.fetch_max(redacted, Ordering::Relaxed) < redacted {
            self.places.iter().for_each(|place| place.store(None));
        }
    }

    /// The message of a record in a view. `convert` builds it if it is not in the cache.
    pub(super) fn get(
        &self,
        record: &Arc<T>,
        view: View,
        convert: impl FnOnce(&T, View) -> M,
    ) -> Encoded<M> {
        let first = place(Arc::as_ptr(record).addr(), view);
        let mut free = first;
        for place in [first ^ 1, first] {
            let Some(place_of) = self.places.get(place) else {
                continue;
            };
            match &*place_of.load() {
                Some(kept) if kept.view == view && Arc::ptr_eq(&kept.record, record) => {
                    return kept.message.clone();
                }
                Some(_) => {}
                None => free = place,
            }
        }
        let message = Encoded::new(&convert(record, view));
        if message.encoded_len() <= BYTES_MAX
            && let Some(place) = self.places.get(free)
        {
            place.store(Some(Arc::new(Kept {
                record: Arc::clone(record),
                view,
                message: message.clone(),
            })));
        }
        message
    }
}

/// Spreads addresses, whose lowest bits are equal, over the places.
fn place(address: usize, view: View) -> usize {
    let key = address as u64 ^ u64::from(view == View::Full);
    let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES_BITS);
    usize::try_from(spread).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_made_once_and_never_anothers() {
        let encodings = Encodings::<u64, u64>::default();
        let records: Vec<_> = (0..20_000).map(Arc::new).collect();
        let times = |view| if view == View::Full { 1 } else { 1000 };
        for record in records.iter().chain(&records) {
            for view in [View::Basic, View::Full] {
                let message = encodings.get(record, view, |number, view| number * times(view));
                let expected = **record * times(view);
                let mut bytes = Vec::new();
                message.write(&mut bytes);
                assert_eq!(bytes, expected.encode_to_vec());
            }
        }
        let one = Arc::new(7);
        encodings.get(&one, View::Full, |number, _| *number);
        encodings.get(&one, View::Full, |_, _| unreachable!("it is kept"));
    }
}
