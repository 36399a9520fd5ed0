//! Keyset pages: a page starts after the last row of the previous page. The row is identified by
//! its values in the order and its name, not by its position.
//!
//! Therefore a row whose order key and match stay the same is never skipped or repeated while other
//! rows are added, removed or changed. A row is anything that borrows as a `T`: a reference into
//! the State, or the redacted copy from the visibility rules, which filter and order then read.

use std::{borrow::Borrow, cmp::Ordering, collections::BinaryHeap, fmt};

use serde::{Deserialize, Serialize};

use crate::query::{
    filter::Filter,
    order::{Direction, Order},
    schema::{Constant, Queryable},
};

/// A page is cut before its records exceed this many bytes. This is a quarter below the default
/// limit of clients, which leaves room for a single larger record.
pub const BYTES_MAX: usize = 3 * 1024 * 1024;

/// Rows on a page when the caller names no number.
pub(crate) const DEFAULT_SIZE: usize = 50;

/// Maximum number of rows on a page. A larger number is reduced to it, as AIP-158 requires.
pub const MAX_SIZE: usize = 1000;

/// The value of one field of the order; nothing where the row has none.
pub type KeyValue = Option<Constant>;

/// The place of a row in an order: plain values, not collation keys, which can differ between
/// releases of the collation tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The values of the order's fields.
    #[serde(rename = "v")]
    pub values: Vec<KeyValue>,
    /// The resource name.
    #[serde(rename = "n")]
    pub name: String,
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The rows, in order.
    pub items: Vec<R>,
    /// The place of the last row when more follow.
    pub next: Option<Cursor>,
}

/// The number of rows for a request's `page_size`.
pub fn page_size(asked: i32) -> usize {
    match usize::try_from(asked) {
        // the contract refuses a negative one
        Ok(0) | Err(_) => DEFAULT_SIZE,
        Ok(size) => size.min(MAX_SIZE),
    }
}

/// A page of rows that are sorted by resource name and start with the first row. If the requested
/// order is by resource name, this walks the rows; otherwise it sorts them.
///
/// With [`Order::name_alone`] the caller can instead start its map after the cursor and use
/// [`page_in_order`]. The cost is then that of the page, without the rows before it.
pub fn page<T: Queryable, R: Borrow<T>>(
    rows: impl IntoIterator<Item = R>,
    filter: &Filter<T>,
    order: &Order<T>,
    after: Option<&Cursor>,
    size: usize,
) -> Page<R> {
    if order.name_alone() != Some(Direction::Ascending) {
        return page_sorted(rows, filter, order, after, size);
    }
    let rest = rows.into_iter().skip_while(|row| {
        after.is_some_and(|cursor| order.compare_to(row.borrow(), cursor).is_le())
    });
    page_in_order(rest, filter, order, size)
}

/// A page of rows that are already in the order and start after the cursor. Stops at the first row
/// after the page.
pub fn page_in_order<T: Queryable, R: Borrow<T>>(
    rows: impl IntoIterator<Item = R>,
    filter: &Filter<T>,
    order: &Order<T>,
    size: usize,
) -> Page<R> {
    let matching = rows.into_iter().filter(|row| filter.matches(row.borrow()));
    cut(
        matching.take(size.saturating_add(1)).collect(),
        size,
        |row| order.cursor(row.borrow()),
    )
}

/// A page of rows in any order. Keeps the first rows in a heap of the page's size.
pub fn page_sorted<T: Queryable, R: Borrow<T>>(
    rows: impl IntoIterator<Item = R>,
    filter: &Filter<T>,
    order: &Order<T>,
    after: Option<&Cursor>,
    size: usize,
) -> Page<R> {
    let mut first = First::new(size.saturating_add(1), |a: &R, b: &R| {
        order.compare(a.borrow(), b.borrow())
    });
    for row in rows {
        let ahead =
            after.is_none_or(|cursor| order.compare_to(row.borrow(), cursor) == Ordering::Greater);
        // a check against the heap is cheaper than most filters
        if ahead && first.wants(&row) && filter.matches(row.borrow()) {
            first.push(row);
        }
    }
    cut(first.into_sorted(), size, |row| order.cursor(row.borrow()))
}

/// Cuts the rows to the page size. A surplus row means that another page follows.
pub fn cut<R>(mut items: Vec<R>, size: usize, place: impl Fn(&R) -> Cursor) -> Page<R> {
    let more = items.len() > size;
    items.truncate(size);
    let next = if more { items.last().map(place) } else { None };
    Page { items, next }
}

/// Keeps the first entries of many by a comparison, in a heap that drops its greatest entry.
pub(super) struct First<E, F> {
    limit: usize,
    compare: F,
    heap: BinaryHeap<Entry<E, F>>,
}

struct Entry<E, F> {
    entry: E,
    compare: F,
}

impl<E, F: Fn(&E, &E) -> Ordering + Copy> First<E, F> {
    pub(super) const fn new(limit: usize, compare: F) -> Self {
        Self {
            limit,
            compare,
            heap: BinaryHeap::new(),
        }
    }

    /// Whether the entry would be among the first at this point.
    pub(super) fn wants(&self, entry: &E) -> bool {
        self.heap.len() < self.limit
            || self
                .heap
                .peek()
                .is_some_and(|last| (self.compare)(entry, &last.entry).is_lt())
    }

    /// Adds an entry for which [`Self::wants`] returned true.
    pub(super) fn push(&mut self, entry: E) {
        if self.heap.len() >= self.limit {
            self.heap.pop();
        }
        self.heap.push(Entry {
            entry,
            compare: self.compare,
        });
    }

    pub(super) fn into_sorted(self) -> Vec<E> {
        self.heap
            .into_sorted_vec()
            .into_iter()
            .map(|kept| kept.entry)
            .collect()
    }
}

impl<E, F> fmt::Debug for First<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("First")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<E, F: Fn(&E, &E) -> Ordering> Ord for Entry<E, F> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.compare)(&self.entry, &other.entry)
    }
}

impl<E, F: Fn(&E, &E) -> Ordering> PartialOrd for Entry<E, F> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E, F: Fn(&E, &E) -> Ordering> PartialEq for Entry<E, F> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E, F: Fn(&E, &E) -> Ordering> Eq for Entry<E, F> {}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::query::schema::fixture::{Thing, things};

    #[test]
    fn sizes_follow_aip_158() {
        assert_eq!(page_size(0), 50);
        assert_eq!(page_size(7), 7);
        assert_eq!(page_size(i32::MAX), 1000);
    }

    #[test]
    fn the_last_page_has_no_next() {
        let rows: Vec<_> = ["a", "b", "c"]
            .map(|id| Thing {
                id: id.into(),
                ..Thing::default()
            })
            .into();
        let (filter, order) = (Filter::<Thing>::everything(), Order::<Thing>::by_name());
        let first = page(&rows, &filter, &order, None, 2);
        assert_eq!(first.next.as_ref().unwrap().name, "things/b");
        let second = page(&rows, &filter, &order, first.next.as_ref(), 2);
        assert_eq!((second.items.len(), second.next), (1, None));
        assert_eq!(page(&rows, &filter, &order, None, 3).next, None);
    }

    type Catalogue = BTreeMap<String, Thing>;

    fn catalogue() -> impl Strategy<Value = Catalogue> {
        prop::collection::vec(things("[a-e]{1,2}"), 0..25).prop_map(|things| {
            things
                .into_iter()
                .map(|thing| (thing.id.clone(), thing))
                .collect()
        })
    }

    const FILTERS: [&str; 5] = [
        "",
        "level >= 1",
        "display_name:*",
        "dinh OR shared = true",
        "NOT a",
    ];
    const ORDERS: [&str; 7] = [
        "",
        "name desc",
        "display_name",
        "display_name desc, level",
        "level desc",
        "state, issue_date",
        "create_time desc, document.symbol",
    ];

    proptest! {
        #[test]
        fn pages_are_slices_of_the_sorted_whole(
            catalogue in catalogue(), size in 1..6_usize,
            filter in prop::sample::select(&FILTERS[..]),
            order in prop::sample::select(&ORDERS[..])
        ) {
            let filter = Filter::<Thing>::parse(filter).unwrap();
            let order = Order::<Thing>::parse(order, "").unwrap();
            let mut whole: Vec<_> = catalogue.values().filter(|row| filter.matches(row)).collect();
            whole.sort_by(|a, b| order.compare(a, b));
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let one = page(catalogue.values(), &filter, &order, after.as_ref(), size);
                prop_assert_eq!(
                    &one, &page_sorted(catalogue.values(), &filter, &order, after.as_ref(), size)
                );
                walked.extend(one.items);
                after = one.next;
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(walked, whole);
        }

        #[test]
        fn a_walk_neither_skips_nor_repeats_what_stays(
            catalogues in prop::collection::vec(catalogue(), 1..8), steady in catalogue(),
            size in 1..6_usize,
            filter in prop::sample::select(&FILTERS[..]),
            order in prop::sample::select(&ORDERS[..])
        ) {
            let filter = Filter::<Thing>::parse(filter).unwrap();
            let order = Order::<Thing>::parse(order, "").unwrap();
            let (mut seen, mut after) = (Vec::new(), None);
            let mut changes = catalogues.into_iter().cycle().take(60);
            loop {
                // the steady rows, in company that is another on every page
                let mut now = changes.next().unwrap_or_default();
                now.extend(steady.clone());
                let one = page(now.values(), &filter, &order, after.as_ref(), size);
                prop_assert!(one.items.len() <= size);
                seen.extend(one.items.iter().map(|row| row.id.clone()));
                after = one.next;
                if after.is_none() {
                    break;
                }
            }
            let stayed: Vec<_> = seen.iter().filter(|id| steady.contains_key(*id)).collect();
            let once: BTreeSet<_> = stayed.iter().copied().collect();
            prop_assert_eq!(stayed.len(), once.len(), "a row came twice");
            let matching = steady.values().filter(|row| filter.matches(row)).map(|row| &row.id);
            prop_assert_eq!(once, matching.collect());
        }
    }
}
