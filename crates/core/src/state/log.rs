//! Lists of the log: what they can be filtered by and in which order they come.

use std::borrow::Cow;

use super::seen::SeenChange;
use crate::{
    error::Error,
    messages::Rule,
    query::{
        filter::Filter,
        order::{Direction, Order},
        schema::{Constant, Field, Queryable, Type, Values},
    },
    time::Timestamp,
};

/// Which changes are listed, and in which order.
#[derive(Debug)]
pub struct LogQuery {
    /// Selects changes by what the caller sees of them.
    pub filter: Filter<ChangeFacts>,
    /// Whether the newest change comes first.
    pub newest_first: bool,
}

impl LogQuery {
    /// Reads the filter and the order, which is by revision.
    pub fn parse(filter: &str, order_by: &str) -> Result<Self, Error> {
        let filter = Filter::parse(filter)?;
        let order = Order::<ChangeFacts>::parse(order_by, "revision")?;
        // the name of a change is its revision
        let direction = order.name_alone();
        let direction = direction.or_else(|| order.one_field().map(|(_, direction)| direction));
        let direction =
            direction.ok_or_else(|| Error::invalid("order_by", Rule::OrderOfChanges))?;
        Ok(Self {
            filter,
            newest_first: direction == Direction::Descending,
        })
    }

    /// The only record that the filter selects: the log finds its changes by its name.
    pub fn resource(&self) -> Option<&str> {
        match self.filter.equality("resources") {
            Some(Constant::Text(name)) => Some(name),
            _ => None,
        }
    }
}

/// What a list of changes can be filtered by: no more than the caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeFacts {
    name: String,
    revision: i64,
    record_time: Timestamp,
    method: String,
    agency: Option<String>,
    principal: Option<String>,
    resources: Vec<String>,
}

impl From<&SeenChange<'_>> for ChangeFacts {
    fn from(seen: &SeenChange<'_>) -> Self {
        let SeenChange {
            change,
            shows_who,
            effects,
        } = seen;
        Self {
            name: format!("changes/{}", change.revision),
            revision: change.revision.get(),
            record_time: change.record_time,
            method: change.method.to_string(),
            agency: change.agency.as_ref().map(ToString::to_string),
            principal: shows_who.then(|| change.person.principal.to_string()),
            resources: effects
                .iter()
                .map(|effect| effect.resource.clone())
                .collect(),
        }
    }
}

impl Queryable for ChangeFacts {
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("revision", Type::Integer, |r: &Self| {
            Values::one(r.revision)
        })
        .orderable(),
        Field::new("record_time", Type::Timestamp, |r: &Self| {
            Values::one(r.record_time)
        }),
        Field::new("method", Type::Text, |r: &Self| Values::one(&*r.method)),
        Field::new("agency", Type::Resource("agencies/{agency}"), |r: &Self| {
            Values::option(r.agency.as_deref())
        }),
        Field::new(
            "principal",
            Type::Resource("principals/{principal}"),
            |r: &Self| Values::option(r.principal.as_deref()),
        ),
        Field::new("resources", Type::Resource(""), |r: &Self| {
            Values::Texts(&r.resources)
        })
        .repeated(),
    ];

    fn name(&self) -> Cow<'_, str> {
        (&*self.name).into()
    }
}
