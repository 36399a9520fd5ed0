//! Pages of any kind of record: the arguments of AIP-132 and AIP-158, read once.

use std::{borrow::Cow, sync::Arc};

use imbl::OrdMap;
use prost::Message;

use super::{Services, call::Call};
use crate::{
    domain::error::Error,
    state::{
        query::{
            filter::Filter,
            order::{Direction, Order},
            page::{self, Cursor},
            schema::Queryable,
            token::{self, Binding},
        },
        rows,
        visible::Visible,
    },
};

/// A page is cut before its records exceed this many bytes: a quarter below what clients read by
/// default, so that a single record, however large, has room.
pub(super) const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The arguments that every List has.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    pub(super) page_size: i32,
    pub(super) page_token: &'a str,
    pub(super) filter: &'a str,
    pub(super) order_by: &'a str,
}

/// The arguments of a List message; all of them have the same four fields.
macro_rules! arguments {
    ($message:expr) => {
        $crate::service::list::Arguments {
            page_size: $message.page_size,
            page_token: &$message.page_token,
            filter: &$message.filter,
            order_by: &$message.order_by,
        }
    };
}
pub(super) use arguments;

impl Services {
    /// A page of the records of `map` whose names begin with `prefix`, as the caller may see
    /// them. `binding` holds the method and whatever else decides which records there are.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one query")]
    pub(super) fn list<K, T, M>(
        &self,
        call: &Call,
        map: &OrdMap<K, Arc<T>>,
        prefix: String,
        binding: Binding,
        arguments: &Arguments<'_>,
        keep: impl Fn(&T) -> bool,
        convert: impl Fn(&T) -> M,
    ) -> Result<(Vec<M>, String), Error>
    where
        K: Ord + Clone + std::borrow::Borrow<str>,
        T: Visible + Queryable,
        M: Message,
    {
        let size = page::page_size(arguments.page_size)?;
        let filter = Filter::<T>::parse(arguments.filter)?;
        let order = Order::<T>::parse(arguments.order_by, "name")?;
        let binding = binding
            .with(&prefix)
            .with(filter.canonical())
            .with(order.canonical());
        let after = self.open_token(&binding, arguments.page_token)?;
        let by_name = order.name_alone() == Some(Direction::Ascending);
        let start = after
            .as_ref()
            .filter(|_| by_name)
            .map(|cursor| cursor.name.as_str());
        let seen = rows(map, prefix, start)
            .filter(|record| keep(record))
            .filter_map(|record| record.visible(&call.caller));
        let page = if by_name {
            page::page_in_order::<T, Cow<'_, T>>(seen, &filter, &order, size)
        } else {
            page::page_sorted::<T, Cow<'_, T>>(seen, &filter, &order, after.as_ref(), size)
        };
        let (messages, last) = fit(&page.items, |record| convert(record));
        let next = last.map(|record| order.cursor(record)).or(page.next);
        Ok((messages, self.seal_token(&binding, next.as_ref())))
    }

    pub(super) fn open_token(
        &self,
        binding: &Binding,
        page_token: &str,
    ) -> Result<Option<Cursor>, Error> {
        if page_token.is_empty() {
            return Ok(None);
        }
        token::open(self.registry().token_key(), binding.as_bytes(), page_token).map(Some)
    }

    pub(super) fn seal_token(&self, binding: &Binding, next: Option<&Cursor>) -> String {
        next.map_or_else(String::new, |next| {
            token::seal(self.registry().token_key(), binding.as_bytes(), next)
        })
    }
}

/// The messages of a page's first rows, at least one, as far as they fit together; and the last
/// row of them where others had to be left out.
pub(super) fn fit<R, M: Message>(rows: &[R], convert: impl Fn(&R) -> M) -> (Vec<M>, Option<&R>) {
    let mut messages = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    let mut last = None;
    for row in rows {
        let message = convert(row);
        bytes += message.encoded_len();
        if bytes > PAGE_BYTES_MAX && last.is_some() {
            return (messages, last);
        }
        messages.push(message);
        last = Some(row);
    }
    (messages, None)
}
