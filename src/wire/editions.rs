//! Conversion of editions between their wire and domain forms, and of comparisons to their wire
//! form.

use super::{
    changes::ToMessage,
    documents::{document, read_document, read_sources, sources},
    validate::FieldPath,
    values::{
        read_date, read_list, read_optional_name, read_text, write_date, write_optional_name,
        write_timestamp,
    },
};
use crate::pb;
use ndp_core::{
    error::Violations,
    monitoring::comparison::{Comparison, Entry, Side},
    names::AgencyName,
    records::{
        editions::{Edition, EditionFields, Group},
        meta::Meta,
        platforms::Listing,
    },
    state::State,
};

impl ToMessage for Edition {
    type Message = pb::Edition;

    fn to_message(&self, _: Option<&AgencyName>, state: &State) -> pb::Edition {
        let counts = state.edition_counts(&self.name);
        edition(self, counts.held, counts.named)
    }
}

/// Reads what a client writes of an edition from the request's field `field`. A decision that is
/// not given reads as an empty one, which the domain refuses.
pub fn edition_fields(
    message: pb::Edition,
    field: &str,
    violations: &mut Violations,
) -> EditionFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Edition {
        name: _,
        display_name,
        decision,
        declared_platform_count,
        held_platform_count: _,
        named_platform_count: _,
        groups,
        previous_edition,
        effective_start_date,
        effective_end_date,
        repealing_edition,
        note,
        sources,
        pinned,
        ndop_mandatory_date,
        synthetic: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    EditionFields {
        display_name: read_text(display_name),
        decision: decision.map(read_document).unwrap_or_default(),
        declared_platform_count,
        groups: read_list(
            groups,
            &path.field("groups"),
            violations,
            |message, _, _| {
                let pb::edition::Group {
                    code,
                    title,
                    declared_platform_count,
                } = message;
                Some(Group {
                    code: read_text(code),
                    title: read_text(title),
                    declared_platform_count,
                })
            },
        ),
        previous_edition: read_optional_name(
            &previous_edition,
            &path.field("previous_edition"),
            violations,
        ),
        effective_start_date: read_date(effective_start_date),
        effective_end_date: read_date(effective_end_date),
        repealing_edition: read_optional_name(
            &repealing_edition,
            &path.field("repealing_edition"),
            violations,
        ),
        pinned,
        note: read_text(note),
        sources: read_sources(sources),
        ndop_mandatory_date: read_date(ndop_mandatory_date),
    }
}

/// An edition, with what the registry counts of it: the entries it holds, and of those the ones
/// known by their name as listed.
pub fn edition(
    record: &Edition,
    held_platform_count: i32,
    named_platform_count: i32,
) -> pb::Edition {
    let Edition {
        name,
        fields,
        synthetic,
        meta,
    } = record;
    let EditionFields {
        display_name,
        decision,
        declared_platform_count,
        groups,
        previous_edition,
        effective_start_date,
        effective_end_date,
        repealing_edition,
        pinned,
        note,
        sources: read_in,
        ndop_mandatory_date,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Edition {
        name: name.as_str().to_owned(),
        display_name: display_name.clone(),
        decision: Some(document(decision)),
        declared_platform_count: *declared_platform_count,
        held_platform_count,
        named_platform_count,
        groups: groups.iter().map(group).collect(),
        previous_edition: write_optional_name(previous_edition.as_ref()),
        effective_start_date: write_date(*effective_start_date),
        effective_end_date: write_date(*effective_end_date),
        repealing_edition: write_optional_name(repealing_edition.as_ref()),
        note: note.clone(),
        sources: sources(read_in),
        pinned: *pinned,
        ndop_mandatory_date: write_date(*ndop_mandatory_date),
        synthetic: *synthetic,
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn group(record: &Group) -> pb::edition::Group {
    let Group {
        code,
        title,
        declared_platform_count,
    } = record;
    pb::edition::Group {
        code: code.clone(),
        title: title.clone(),
        declared_platform_count: *declared_platform_count,
    }
}

/// What became of the platforms between two editions.
pub fn edition_comparison(record: &Comparison) -> pb::CompareEditionsResponse {
    let Comparison {
        base,
        target,
        conclusive,
        added,
        kept,
        renamed,
        regrouped,
        dropped,
        unresolved,
        likely_same,
    } = record;
    let Side {
        edition: base_edition,
        declared: base_declared,
        held: base_held,
        known: _, // said by `conclusive`
    } = base;
    let Side {
        edition: target_edition,
        declared: target_declared,
        held: target_held,
        known: _,
    } = target;
    pb::CompareEditionsResponse {
        base_edition: base_edition.as_str().to_owned(),
        target_edition: target_edition.as_str().to_owned(),
        base_declared_platform_count: *base_declared,
        base_held_platform_count: *base_held,
        target_declared_platform_count: *target_declared,
        target_held_platform_count: *target_held,
        conclusive: *conclusive,
        added: added.iter().map(entry).collect(),
        kept: kept.iter().map(entry).collect(),
        renamed: renamed.iter().map(entry).collect(),
        regrouped: regrouped.iter().map(entry).collect(),
        dropped: dropped.iter().map(entry).collect(),
        unresolved: unresolved.iter().map(entry).collect(),
        likely_matches: likely_same.iter().map(entry).collect(),
    }
}

fn entry(record: &Entry) -> pb::compare_editions_response::Entry {
    let Entry {
        platform,
        base,
        target,
        likely_same,
    } = record;
    let (base_display_name, base_group) = as_listed(base.as_ref());
    let (target_display_name, target_group) = as_listed(target.as_ref());
    pb::compare_editions_response::Entry {
        platform: platform.as_str().to_owned(),
        matching_platform: write_optional_name(likely_same.as_ref()),
        base_display_name,
        target_display_name,
        base_group,
        target_group,
    }
}

/// Name and group in one edition; both empty where it does not list the platform.
fn as_listed(listing: Option<&Listing>) -> (String, String) {
    match listing {
        Some(Listing {
            edition: _,
            list_number: _,
            group,
            display_name,
            membership: _,
            sources: _,
        }) => (display_name.clone(), group.clone()),
        None => (String::new(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;
    use crate::wire::arbitrary;
    use ndp_core::names::EditionName;

    fn any_fields() -> impl Strategy<Value = EditionFields> {
        let group = (arbitrary::text(), arbitrary::text(), any::<i32>()).prop_map(
            |(code, title, declared_platform_count)| Group {
                code,
                title,
                declared_platform_count,
            },
        );
        let date = || option::of(arbitrary::date());
        (
            (arbitrary::text(), arbitrary::document(), any::<i32>()),
            vec(group, 0..3),
            option::of(arbitrary::name()),
            (date(), date(), option::of(arbitrary::name())),
            (
                any::<bool>(),
                arbitrary::text(),
                arbitrary::sources(),
                date(),
            ),
        )
            .prop_map(
                |(title, groups, previous_edition, force, rest)| EditionFields {
                    display_name: title.0,
                    decision: title.1,
                    declared_platform_count: title.2,
                    groups,
                    previous_edition,
                    effective_start_date: force.0,
                    effective_end_date: force.1,
                    repealing_edition: force.2,
                    pinned: rest.0,
                    note: rest.1,
                    sources: rest.2,
                    ndop_mandatory_date: rest.3,
                },
            )
    }

    proptest! {
        #[test]
        fn fields_survive_the_wire(fields in any_fields(), meta in arbitrary::meta()) {
            let record = Edition {
                name: EditionName::parse("editions/2618").unwrap(),
                fields,
                synthetic: true,
                meta,
            };
            let mut violations = Violations::new();
            let message = arbitrary::over_the_wire(&edition(&record, 84, 80));
            prop_assert_eq!(message.held_platform_count, 84);
            prop_assert_eq!(message.named_platform_count, 80);
            let fields = edition_fields(message, "edition", &mut violations);
            prop_assert_eq!(violations, Violations::new());
            prop_assert_eq!(fields, record.fields);
        }
    }

    #[test]
    fn bad_values_are_reported_with_their_paths() {
        let message = pb::Edition {
            previous_edition: "editions/".to_owned(),
            repealing_edition: "platforms/a".to_owned(),
            ..Default::default()
        };
        let mut violations = Violations::new();
        edition_fields(message, "edition", &mut violations);
        let reported: Vec<_> = violations
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.rule.reason()))
            .collect();
        insta::assert_snapshot!(reported.join("\n"), @r"
        edition.previous_edition PATTERN
        edition.repealing_edition PATTERN
        ");
    }
}
