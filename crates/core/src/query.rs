//! The query language of the registry: which fields a resource may be filtered and ordered by,
//! the AIP-160 filter, the AIP-132 order, keyset pages, page tokens and search without
//! diacritics. It works on any type that declares its fields once ([`schema::Queryable`]). The
//! visibility rules redact the rows first, so a filter reads only what its caller may see.

pub mod fields;
pub mod filter;
pub mod list;
pub mod order;
pub mod page;
pub mod schema;
pub mod search;
pub mod token;

pub use filter::Filter;
pub use list::Query;
pub use order::{Direction, Order};
pub use page::{Cursor, Page, page, page_in_order, page_size, page_sorted};
pub use schema::{Constant, Field, Queryable, Type, Value, Values};
