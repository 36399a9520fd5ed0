//! Conversion of figures between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{period as write_period, read_period, read_sources, sources},
    validate::FieldPath,
    values::{
        read_date, read_enum, read_optional_name, read_text, write_date, write_enum,
        write_optional_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    names::{AgencyName, FigureName, Revision},
    records::{
        figures::{Figure, Part, Subject},
        meta::Meta,
    },
    state::State,
    time::Timestamp,
};

wire_words! {
    Subject = pb::figure::Subject;
}

impl ToMessage for Figure {
    type Message = pb::Figure;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Figure {
        figure(self)
    }
}

/// Reads the figure that is to have this name from the request's field `field`; its book-keeping
/// is set when it is written. `None` has left a violation behind.
pub fn figure_fields(
    message: pb::Figure,
    name: FigureName,
    field: &str,
    violations: &mut Violations,
) -> Option<Figure> {
    let path = &FieldPath::ROOT.field(field);
    let pb::Figure {
        name: _,
        figure_date,
        subject,
        edition,
        value,
        total,
        breakdown,
        statement,
        sources,
        create_time: _,
        update_time: _,
        revision: _,
        programme,
        qualifier,
        period,
        scope,
        agency,
        system,
    } = message;
    let figure_date = read_date(figure_date);
    let subject = read_enum(subject);
    let edition = read_optional_name(&edition, &path.field("edition"), violations);
    let programme = read_optional_name(&programme, &path.field("programme"), violations);
    let agency = read_optional_name(&agency, &path.field("agency"), violations);
    let sources = read_sources(sources);
    let breakdown = breakdown.into_iter().map(|message| {
        let pb::figure::Part { category, value } = message;
        Part {
            category: read_text(category),
            value,
        }
    });
    Some(Figure {
        name,
        figure_date: figure_date?,
        subject: subject?,
        edition,
        programme,
        system: read_text(system),
        scope: read_enum(scope),
        agency,
        period: period.map(read_period),
        value,
        qualifier: read_enum(qualifier).unwrap_or_default(),
        total,
        breakdown: breakdown.collect(),
        statement: read_text(statement),
        sources,
        meta: Meta::created(Timestamp::MIN, Revision::ZERO),
    })
}

pub fn figure(record: &Figure) -> pb::Figure {
    let Figure {
        name,
        figure_date,
        subject,
        edition,
        programme,
        system,
        scope,
        agency,
        period,
        value,
        qualifier,
        total,
        breakdown,
        statement,
        sources: read_in,
        meta,
    } = record;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Figure {
        name: name.as_str().to_owned(),
        figure_date: write_date(Some(*figure_date)),
        subject: write_enum(*subject),
        edition: write_optional_name(edition.as_ref()),
        value: *value,
        total: *total,
        breakdown: breakdown.iter().map(part).collect(),
        statement: statement.clone(),
        sources: sources(read_in),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
        programme: write_optional_name(programme.as_ref()),
        qualifier: write_enum(*qualifier),
        period: period.as_ref().map(write_period),
        scope: write_optional_enum(*scope),
        agency: write_optional_name(agency.as_ref()),
        system: system.clone(),
    }
}

fn part(record: &Part) -> pb::figure::Part {
    let Part { category, value } = record;
    pb::figure::Part {
        category: category.clone(),
        value: *value,
    }
}
