//! Pages of any kind of record, with the arguments of AIP-132 and AIP-158.

use std::{
    borrow::{Borrow, Cow},
    ops::Deref,
    sync::Arc,
};

use imbl::OrdMap;

use super::Services;
use crate::{call::Call, wire::encoded::Payload};
use ndp_core::{
    effort::{COST_BYTES, Effort},
    error::Error,
    query::{
        fields::Below,
        list::{Arguments, Query},
        page::{BYTES_MAX, Cursor, Page},
        schema::Queryable,
        search::Alphabetical,
        token::{self, Binding},
    },
    state::{State, visible::Visible},
};

/// A request with these arguments: `build.rs` writes it for each that has the four fields.
pub(super) trait Lists {
    fn arguments(&self) -> Arguments<'_>;
}

/// A record as a caller sees it.
pub(super) struct Seen<'a, T> {
    record: &'a Arc<T>,
    /// Where the caller does not see the whole of it. Boxed, as rows are moved about.
    part: Option<Box<T>>,
}

impl<'a, T: Visible> Seen<'a, T> {
    /// What a caller sees of a record; `None` if the caller may not know that it exists.
    pub(super) fn of(record: &'a Arc<T>, call: &Call) -> Option<Self> {
        let part = match call.sees(&**record)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(part) => Some(Box::new(part)),
        };
        Some(Self { record, part })
    }

    /// The record itself, where the caller sees the whole of it.
    pub(super) fn whole(&self) -> Option<&'a Arc<T>> {
        self.part.is_none().then_some(self.record)
    }
}

impl<T> Borrow<T> for Seen<'_, T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Alphabetical> Alphabetical for Seen<'_, T> {
    fn resource_name(&self) -> &str {
        (**self).resource_name()
    }

    fn vietnamese_name(&self) -> &str {
        (**self).vietnamese_name()
    }
}

impl<T> Deref for Seen<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.part.as_deref().unwrap_or(self.record)
    }
}

/// What a caller sees of a record; `None` if the caller may not know that it exists.
pub(super) fn shared<T: Visible>(record: &Arc<T>, call: &Call) -> Option<Arc<T>> {
    Some(match call.sees(&**record)? {
        Cow::Borrowed(_) => Arc::clone(record),
        Cow::Owned(redacted) => Arc::new(redacted),
    })
}

/// The same of a record below a plan, with the agency of the plan.
fn below<T: Visible>(record: &Arc<T>, call: &Call) -> Option<Below<T>> {
    let record = shared(record, call)?;
    let agency = record.agency(call.state());
    Some(Below { record, agency })
}

/// The page of a query as the caller sees it: `rows` holds at least its records and, where they
/// come `in_order`, none of those before it.
pub(super) fn page<'a, T: Visible + Queryable + 'a>(
    query: &Query<T>,
    call: &Call,
    effort: &Effort,
    in_order: bool,
    rows: impl Iterator<Item = &'a Arc<T>>,
    keep: impl Fn(&T) -> bool,
) -> Page<Seen<'a, T>> {
    let rows = effort.rows(rows.filter(|record| keep(record)), query.row_cost());
    query.page(in_order, rows.filter_map(|record| Seen::of(record, call)))
}

impl Services {
    /// Runs work over the records that a call reads, charged to the caller's share. Small work runs
    /// at once, larger work in a turn. Therefore `work` may be called twice.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        call: &Call,
        work: impl Fn(&Call, &Effort) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let working = call.clone();
        let turns = self.registry().turns();
        let work = move |effort: &Effort| work(&working, effort);
        turns.run(&call.who, work).await?
    }

    /// A page of the records of `map` whose names begin with `prefix`, as the caller may see
    /// them. `binding` holds the method and any other arguments that select the records.
    pub(super) async fn list<K, T, M>(
        &self,
        call: &Call,
        map: fn(&State) -> &OrdMap<K, Arc<T>>,
        prefix: String,
        binding: Binding,
        arguments: &Arguments<'_>,
        convert: impl Fn(&State, &Seen<'_, T>) -> M + Send + 'static,
    ) -> Result<(Vec<M>, String), Error>
    where
        K: Ord + Clone + Borrow<str> + 'static,
        T: Visible + Queryable,
        M: Payload + Send + 'static,
    {
        let query = self.query::<T>(binding.with("parent", &prefix), arguments)?;
        let binding = query.binding.clone();
        let listing = self.work(call, move |call, effort| {
            let state = call.state();
            let rows = query.rows(map(state), &prefix);
            let page = page(&query, call, effort, query.by_name(), rows, |_| true);
            let convert = |record: &Seen<'_, T>| convert(state, record);
            let place = |record: &Seen<'_, T>| query.order.cursor(record);
            Ok(fitted(page, effort, T::ANSWER_COST, convert, place))
        });
        Ok(self.sealed(&binding, listing.await?))
    }

    /// The same for the records below plans, which are filtered by their plan's agency too.
    pub(super) async fn list_below<K, T, M>(
        &self,
        call: &Call,
        map: fn(&State) -> &OrdMap<K, Arc<T>>,
        prefix: String,
        binding: Binding,
        arguments: &Arguments<'_>,
        convert: impl Fn(&State, &Below<T>) -> M + Send + 'static,
    ) -> Result<(Vec<M>, String), Error>
    where
        K: Ord + Clone + Borrow<str> + 'static,
        T: Visible,
        Below<T>: Queryable,
        M: Payload + Send + 'static,
    {
        let binding = binding.with("parent", &prefix);
        let query = self.query::<Below<T>>(binding, arguments)?;
        self.list_rows(call, map, prefix, query, below, convert)
            .await
    }

    /// A page of rows that are made of the records of `map` whose names begin with `prefix`. `row`
    /// makes a row of what the caller may see of a record.
    pub(super) async fn list_rows<K, T, R, M>(
        &self,
        call: &Call,
        map: fn(&State) -> &OrdMap<K, Arc<T>>,
        prefix: String,
        query: Query<R>,
        row: impl Fn(&Arc<T>, &Call) -> Option<R> + Send + 'static,
        convert: impl Fn(&State, &R) -> M + Send + 'static,
    ) -> Result<(Vec<M>, String), Error>
    where
        K: Ord + Clone + Borrow<str> + 'static,
        T: Visible,
        R: Queryable,
        M: Payload + Send + 'static,
    {
        let binding = query.binding.clone();
        let listing = self.work(call, move |call, effort| {
            let state = call.state();
            let rows = query.rows(map(state), &prefix);
            let rows = effort.rows(rows, query.row_cost());
            let rows = rows.filter_map(|record| row(record, call));
            let page = query.page(query.by_name(), rows);
            let convert = |row: &R| convert(state, row);
            let place = |row: &R| query.order.cursor(row);
            Ok(fitted(page, effort, R::ANSWER_COST, convert, place))
        });
        Ok(self.sealed(&binding, listing.await?))
    }

    /// Reads and checks the arguments of a List.
    pub(super) fn query<T: Queryable>(
        &self,
        binding: Binding,
        arguments: &Arguments<'_>,
    ) -> Result<Query<T>, Error> {
        Query::read(self.registry().token_key(), binding, arguments)
    }

    /// A page, with the token of the page after it.
    pub(super) fn sealed<M>(
        &self,
        binding: &Binding,
        (messages, next): (Vec<M>, Option<Cursor>),
    ) -> (Vec<M>, String) {
        (messages, self.seal_token(binding, next.as_ref()))
    }

    pub(super) fn open_token(
        &self,
        binding: &Binding,
        page_token: &str,
    ) -> Result<Option<Cursor>, Error> {
        token::after(self.registry().token_key(), binding, page_token)
    }

    pub(super) fn seal_token(&self, binding: &Binding, next: Option<&Cursor>) -> String {
        next.map_or_else(String::new, |next| {
            token::seal(self.registry().token_key(), binding, next)
        })
    }
}

/// The messages of a page up to the size limit, each at a cost of `units`, and the cursor of the
/// next page. `place` returns the position of a row in the order.
pub(super) fn fitted<R, M: Payload>(
    page: Page<R>,
    effort: &Effort,
    units: usize,
    convert: impl Fn(&R) -> M,
    place: impl Fn(&R) -> Cursor,
) -> (Vec<M>, Option<Cursor>) {
    let mut messages = Vec::with_capacity(page.items.len());
    let mut bytes = 0;
    let mut last = None;
    for row in effort.rows(&page.items, units) {
        let message = convert(row);
        let length = message.encoded_len();
        effort.spend(length / COST_BYTES);
        bytes += length;
        if bytes > BYTES_MAX && last.is_some() {
            return (messages, last.map(place));
        }
        messages.push(message);
        last = Some(row);
    }
    (messages, page.next)
}
