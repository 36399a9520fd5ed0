//! Conversion of programmes between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{document, period, read_document, read_period},
    validate::FieldPath,
    values::{read_list, read_text, write_timestamp},
};
use crate::pb;
use ndp_core::{
    error::Violations,
    names::AgencyName,
    records::{
        meta::Meta,
        programmes::{Programme, ProgrammeFields},
    },
    state::State,
};

impl ToMessage for Programme {
    type Message = pb::Programme;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Programme {
        programme(self)
    }
}

/// Reads what a client writes of a programme from the request's field `field`.
pub fn programme_fields(
    message: pb::Programme,
    field: &str,
    violations: &mut Violations,
) -> ProgrammeFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Programme {
        name: _,
        display_name,
        display_name_en,
        description,
        documents,
        period,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    let read = |message, path: &FieldPath<'_>, violations: &mut Violations| {
        Some(read_document(message, path, violations))
    };
    ProgrammeFields {
        display_name: read_text(display_name),
        display_name_en: read_text(display_name_en),
        description: read_text(description),
        documents: read_list(documents, &path.field("documents"), violations, read),
        period: period.map(|it| read_period(it, &path.field("period"), violations)),
    }
}

/// A programme.
pub fn programme(record: &Programme) -> pb::Programme {
    let Programme { name, fields, meta } = record;
    let ProgrammeFields {
        display_name,
        display_name_en,
        description,
        documents,
        period: time,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Programme {
        name: name.as_str().to_owned(),
        display_name: display_name.clone(),
        display_name_en: display_name_en.clone(),
        description: description.clone(),
        documents: documents.iter().map(document).collect(),
        period: time.as_ref().map(period),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}
