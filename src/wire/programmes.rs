//! Conversion of programmes between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{document, period, read_document, read_period, read_sources, sources},
    validate::FieldPath,
    values::{read_optional_name, read_text, write_optional_name, write_timestamp},
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

/// Reads what a client writes of a programme.
pub fn programme_fields(
    message: pb::Programme,
    field: &str,
    violations: &mut Violations,
) -> ProgrammeFields {
    let path = FieldPath::ROOT.field(field);
    let path = path.field("assigning_agency");
    let pb::Programme {
        name: _,
        display_name,
        display_name_en,
        description,
        documents,
        period,
        assigning_agency,
        declared_task_count,
        withheld_task_count,
        sources,
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
        assigning_agency: read_optional_name(&assigning_agency, &path, violations),
        declared_task_count,
        withheld_task_count,
        sources: read_sources(sources),
    }
}

pub fn programme(record: &Programme) -> pb::Programme {
    let Programme { name, fields, meta } = record;
    let ProgrammeFields {
        display_name,
        display_name_en,
        description,
        documents,
        period: time,
        assigning_agency,
        declared_task_count,
        withheld_task_count,
        sources: published,
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
        assigning_agency: write_optional_name(assigning_agency.as_ref()),
        declared_task_count: *declared_task_count,
        withheld_task_count: *withheld_task_count,
        sources: sources(published),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}
