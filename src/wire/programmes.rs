//! Conversion of programmes between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{document, period, read_document, read_period},
    values::{read_text, write_timestamp},
};
use crate::pb;
use ndp_core::{
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

/// Reads what a client writes of a programme.
pub fn programme_fields(message: pb::Programme) -> ProgrammeFields {
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
    ProgrammeFields {
        display_name: read_text(display_name),
        display_name_en: read_text(display_name_en),
        description: read_text(description),
        documents: documents.into_iter().map(read_document).collect(),
        period: period.map(read_period),
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
