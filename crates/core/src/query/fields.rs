//! What the fields of records for filters and orders have in common. Each kind declares its own in
//! its record's file; paths and enum values are those of the proto, where each List request names
//! the same fields.

use std::{ops::Deref, sync::Arc};

use crate::{
    names::{AgencyName, ResourceName},
    query::schema::Type,
    records::words::Word,
};

/// The type of a field whose values are words.
pub const fn words<W: Word>() -> Type {
    Type::Enum(W::WORDS)
}

/// The type of a field whose values are names of one kind.
pub const fn resource<N: ResourceName>() -> Type {
    Type::Resource(N::FORM)
}

/// A plan's standing is computed from all records below the plan.
pub(crate) const STANDING_COST: usize = 16;

/// The name of a record.
macro_rules! named {
    ($type:ty, $name:ty) => {
        Field::<$type>::new("name", crate::query::fields::resource::<$name>(), |r| {
            Values::one(r.name.as_str())
        })
        .orderable()
    };
}

/// When a record was made.
macro_rules! created {
    ($type:ty) => {
        Field::<$type>::new("create_time", Type::Timestamp, |r| {
            Values::one(r.meta.create_time)
        })
        .orderable()
    };
}

/// When a record was last written.
macro_rules! updated {
    ($type:ty) => {
        Field::<$type>::new("update_time", Type::Timestamp, |r| {
            Values::one(r.meta.update_time)
        })
        .orderable()
    };
}

/// A record below a plan, with the agency that is responsible for the plan.
#[derive(Clone, Debug)]
pub struct Below<T> {
    pub record: Arc<T>,
    /// The plan's agency.
    pub agency: Option<AgencyName>,
}

impl<T> Deref for Below<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.record
    }
}

/// The agency that is responsible for the plan of a record below it.
macro_rules! agency_of_plan {
    () => {
        Field::new(
            "agency",
            crate::query::fields::resource::<crate::names::AgencyName>(),
            |r: &Self| Values::option(r.agency.as_ref().map(|name| name.as_str())),
        )
        .orderable()
    };
}
pub(crate) use {agency_of_plan, created, named, updated};
