//! Conversion of agencies between their wire and domain forms.

use super::{
    changes::ToMessage,
    documents::{document, read_document},
    validate::FieldPath,
    values::{
        read_date, read_enum, read_list, read_name, read_optional_name, read_text, write_date,
        write_enum, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    names::AgencyName,
    records::{
        agencies::{Agency, AgencyFields, AgencyKind, Succession},
        meta::Meta,
    },
    state::State,
};

wire_words! {
    AgencyKind = pb::agency::Kind;
}

/// The kind of a request's number; none for an unspecified one.
pub fn kind(number: i32) -> Option<AgencyKind> {
    read_enum(number).filter(|kind| *kind != AgencyKind::Unspecified)
}

impl ToMessage for Agency {
    type Message = pb::Agency;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Agency {
        agency(self)
    }
}

/// Reads what a client writes of an agency from the request's field `field`.
pub fn agency_fields(
    message: pb::Agency,
    field: &str,
    violations: &mut Violations,
) -> AgencyFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Agency {
        name: _,
        display_name,
        display_name_en,
        kind,
        identification_code,
        identification_code_confirmed,
        identification_code_note,
        parent_agency,
        successions,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    AgencyFields {
        display_name: read_text(display_name),
        display_name_en: read_text(display_name_en),
        kind: read_enum(kind).unwrap_or_default(),
        identification_code: read_text(identification_code),
        identification_code_confirmed,
        identification_code_note: read_text(identification_code_note),
        parent_agency: read_optional_name(&parent_agency, &path.field("parent_agency"), violations),
        successions: read_list(
            successions,
            &path.field("successions"),
            violations,
            read_succession,
        ),
    }
}

/// Reads the succession of a request, in its field `field`.
pub fn succession_fields(
    message: pb::agency::Succession,
    field: &str,
    violations: &mut Violations,
) -> Option<Succession> {
    read_succession(message, &FieldPath::ROOT.field(field), violations)
}

fn read_succession(
    message: pb::agency::Succession,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Succession> {
    let pb::agency::Succession {
        successor,
        start_date,
        document,
        scope,
    } = message;
    let successor = read_name(&successor, &path.field("successor"), violations);
    let start_date = read_date(start_date);
    let document = document.map(read_document);
    Some(Succession {
        successor: successor?,
        start_date,
        document,
        scope: read_text(scope),
    })
}

pub fn agency(record: &Agency) -> pb::Agency {
    let Agency { name, fields, meta } = record;
    let AgencyFields {
        display_name,
        display_name_en,
        kind,
        identification_code,
        identification_code_confirmed,
        identification_code_note,
        parent_agency,
        successions,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Agency {
        name: name.as_str().to_owned(),
        display_name: display_name.clone(),
        display_name_en: display_name_en.clone(),
        kind: write_enum(*kind),
        identification_code: identification_code.clone(),
        identification_code_confirmed: *identification_code_confirmed,
        identification_code_note: identification_code_note.clone(),
        parent_agency: write_optional_name(parent_agency.as_ref()),
        successions: successions.iter().map(succession).collect(),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn succession(record: &Succession) -> pb::agency::Succession {
    let Succession {
        successor,
        start_date,
        document: by,
        scope,
    } = record;
    pb::agency::Succession {
        successor: successor.as_str().to_owned(),
        start_date: write_date(*start_date),
        document: by.as_ref().map(document),
        scope: scope.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;
    use crate::wire::arbitrary;
    use ndp_core::names::AgencyName;

    fn any_fields() -> impl Strategy<Value = AgencyFields> {
        let kinds = AgencyKind::ALL.to_vec();
        let succession = (
            arbitrary::name::<AgencyName>(),
            option::of(arbitrary::date()),
            option::of(arbitrary::document()),
            arbitrary::text(),
        )
            .prop_map(|(successor, start_date, document, scope)| Succession {
                successor,
                start_date,
                document,
                scope,
            });
        (
            (arbitrary::text(), arbitrary::text(), select(kinds)),
            (arbitrary::text(), any::<bool>(), arbitrary::text()),
            option::of(arbitrary::name()),
            vec(succession, 0..3),
        )
            .prop_map(|(names, code, parent_agency, successions)| AgencyFields {
                display_name: names.0,
                display_name_en: names.1,
                kind: names.2,
                identification_code: code.0,
                identification_code_confirmed: code.1,
                identification_code_note: code.2,
                parent_agency,
                successions,
            })
    }

    proptest! {
        #[test]
        fn fields_survive_the_wire(fields in any_fields(), meta in arbitrary::meta()) {
            let record = Agency {
                name: AgencyName::parse("agencies/a").unwrap(),
                fields,
                meta,
            };
            let mut violations = Violations::new();
            let message = arbitrary::over_the_wire(&agency(&record));
            let fields = agency_fields(message, "agency", &mut violations);
            prop_assert_eq!(violations, Violations::new());
            prop_assert_eq!(fields, record.fields);
        }
    }
}
