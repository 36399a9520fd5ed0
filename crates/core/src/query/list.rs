//! A List request that was read: which rows, in which order, and after which row.

use std::{borrow::Borrow, sync::Arc};

use imbl::OrdMap;

use crate::{
    error::Error,
    query::{
        filter::Filter,
        order::{Direction, Order},
        page::{Cursor, Page, page_in_order, page_size, page_sorted},
        schema::Queryable,
        token::{self, Binding, TokenKey},
    },
    state::rows,
};

/// The arguments that every List has.
#[derive(Debug)]
pub struct Arguments<'a> {
    /// Rows on a page; zero for the default.
    pub page_size: i32,
    /// The token of the page; empty for the first.
    pub page_token: &'a str,
    /// Which rows.
    pub filter: &'a str,
    /// In which order; empty for that of the names.
    pub order_by: &'a str,
}

/// A List request that was read.
#[derive(Debug)]
pub struct Query<T: Queryable> {
    size: usize,
    /// Which rows.
    pub filter: Filter<T>,
    /// In which order.
    pub order: Order<T>,
    /// What the tokens of its pages are bound to.
    pub binding: Binding,
    /// The place that the page before ended at.
    pub after: Option<Cursor>,
}

impl<T: Queryable> Query<T> {
    /// Reads and checks the arguments. `binding` holds what else selects the rows.
    pub fn read(
        key: &TokenKey,
        binding: Binding,
        arguments: &Arguments<'_>,
    ) -> Result<Self, Error> {
        let size = page_size(arguments.page_size);
        let filter = Filter::<T>::parse(arguments.filter)?;
        let order = Order::<T>::parse(arguments.order_by, "name")?;
        let binding = binding
            .with("filter", filter.canonical())
            .with("order_by", order.canonical());
        let after = token::after(key, &binding, arguments.page_token)?;
        Ok(Self {
            size,
            filter,
            order,
            binding,
            after,
        })
    }

    /// Cost of looking at one row, in units of work.
    pub fn row_cost(&self) -> usize {
        T::ROW_COST + self.filter.terms() + self.order.terms()
    }

    /// Whether the order is that of the names.
    pub fn by_name(&self) -> bool {
        self.order.name_alone() == Some(Direction::Ascending)
    }

    /// The rows of `map` whose names begin with `prefix`, without those before the page where the
    /// order is that of the map.
    pub fn rows<'a, K, V>(
        &self,
        map: &'a OrdMap<K, Arc<V>>,
        prefix: &str,
    ) -> impl Iterator<Item = &'a Arc<V>> + use<'a, K, V, T>
    where
        K: Ord + Clone + Borrow<str>,
        V: Clone,
    {
        let after = self.after.as_ref().filter(|_| self.by_name());
        rows(map, prefix, after.map(|cursor| cursor.name.as_str()))
    }

    /// The page of these rows: at least those of the query and, where they come `in_order`, none
    /// of those before the page.
    pub fn page<R: Borrow<T>>(&self, in_order: bool, rows: impl Iterator<Item = R>) -> Page<R> {
        if in_order {
            page_in_order(rows, &self.filter, &self.order, self.size)
        } else {
            page_sorted(
                rows,
                &self.filter,
                &self.order,
                self.after.as_ref(),
                self.size,
            )
        }
    }
}
