//! Tests of platforms: the round trip through the wire form, and the violations of invalid ones.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
};

use super::*;
use crate::wire::arbitrary;
use ndp_core::names::PlatformName;
use ndp_core::records::platforms::Classification;
use ndp_core::records::platforms::DataSharingChannel;
use ndp_core::records::platforms::DeploymentLevel;
use ndp_core::records::platforms::ExitOutcome;
use ndp_core::records::platforms::Membership;
use ndp_core::records::platforms::Stage;
use ndp_core::records::platforms::Verification;

fn any_listing() -> impl Strategy<Value = Listing> {
    let membership = select(Membership::ALL.to_vec());
    (
        arbitrary::name(),
        [arbitrary::text(), arbitrary::text(), arbitrary::text()],
        membership,
        arbitrary::sources(),
    )
        .prop_map(
            |(edition, [list_number, group, display_name], membership, sources)| Listing {
                edition,
                list_number,
                group,
                display_name,
                membership,
                sources,
            },
        )
}

fn any_stage() -> impl Strategy<Value = OperationStage> {
    (
        select(Stage::ALL.to_vec()),
        option::of(arbitrary::period()),
        option::of(arbitrary::period()),
        option::of(arbitrary::document()),
        arbitrary::sources(),
    )
        .prop_map(
            |(stage, planned, reached, document, sources)| OperationStage {
                stage,
                planned,
                reached,
                document: document.map(Box::new),
                sources,
            },
        )
}

fn any_fields() -> impl Strategy<Value = PlatformFields> {
    let classification = select(Classification::ALL.to_vec());
    let level = select(DeploymentLevel::ALL.to_vec());
    let channel = select(DataSharingChannel::ALL.to_vec());
    let status = select(Verification::ALL.to_vec());
    let security =
        (1..=5, option::of(arbitrary::document())).prop_map(|(level, approval)| Security {
            level,
            approval: approval.map(Box::new),
        });
    let governance = (
        option::of(arbitrary::name()),
        option::of(arbitrary::date()),
        option::of(arbitrary::document()),
        arbitrary::sources(),
    )
        .prop_map(|(agency, start_date, document, sources)| Governance {
            agency,
            start_date,
            document: document.map(Box::new),
            sources,
        });
    let delegation = (
        arbitrary::name(),
        [option::of(arbitrary::date()), option::of(arbitrary::date())],
        option::of(arbitrary::document()),
        any::<bool>(),
    )
        .prop_map(
            |(unit, [start_date, end_date], document, approves)| Delegation {
                unit,
                start_date,
                end_date,
                document: document.map(Box::new),
                includes_approval: approves,
            },
        );
    let link = (arbitrary::text(), arbitrary::text()).prop_map(|(uri, title)| Link { uri, title });
    (
        [arbitrary::text(), arbitrary::text(), arbitrary::text()],
        (
            vec(governance, 0..3),
            arbitrary::names(),
            vec(delegation, 0..3),
        ),
        (classification, vec(level, 0..4)),
        (vec(any_listing(), 0..3), vec(any_stage(), 0..3)),
        (option::of(security), vec(channel, 0..4)),
        (vec(link, 0..3), status, arbitrary::sources()),
        btree_map("[a-z]{1,4}", arbitrary::text(), 0..3),
    )
        .prop_map(|(texts, agencies, serves, places, shares, known, labels)| {
            let [display_name, display_name_en, operating_unit] = texts;
            PlatformFields {
                display_name,
                display_name_en,
                governance: agencies.0,
                operating_unit,
                coordinating_agencies: agencies.1,
                classification: serves.0,
                deployment_levels: serves.1,
                listings: places.0,
                operation_stages: places.1,
                security: shares.0,
                data_sharing_channels: shares.1,
                links: known.0,
                verification: known.1,
                sources: known.2,
                labels,
                delegations: agencies.2,
            }
        })
}

fn any_exit() -> impl Strategy<Value = Exit> {
    let outcome = select(ExitOutcome::ALL.to_vec());
    (
        arbitrary::text(),
        outcome,
        option::of(arbitrary::document()),
        option::of(arbitrary::name()),
        option::of(arbitrary::date()),
    )
        .prop_map(|(reason, outcome, decision, successor, exit_date)| Exit {
            reason,
            outcome,
            decision,
            successor,
            exit_date,
        })
}

fn record(fields: PlatformFields, exit: Option<Exit>, meta: Meta) -> Platform {
    Platform {
        name: PlatformName::parse("platforms/ndp-001").unwrap(),
        fields,
        stage_records: Vec::new(),
        exit: exit.map(Box::new),
        past_exits: Vec::new(),
        moved_listings: Vec::new(),
        public_write: None,
        meta,
    }
}

proptest! {
    #[test]
    fn fields_survive_the_wire(fields in any_fields(), meta in arbitrary::meta()) {
        let record = record(fields, None, meta);
        let mut violations = Violations::new();
        let message = arbitrary::over_the_wire(&platform(&record, View::Full));
        let fields = platform_fields(message, "platform", &mut violations);
        prop_assert_eq!(violations, Violations::new());
        prop_assert_eq!(fields, record.fields);
    }

    #[test]
    fn exits_survive_the_wire(record in any_exit()) {
        let mut violations = Violations::new();
        let read = exit_fields(arbitrary::over_the_wire(&exit(&record)), "exit", &mut violations);
        prop_assert_eq!(violations, Violations::new());
        prop_assert_eq!(read, Some(record));
    }

    #[test]
    fn the_basic_view_leaves_the_rest_unset(
        fields in any_fields(), exit in option::of(any_exit()), meta in arbitrary::meta(),
    ) {
        let record = record(fields, exit, meta);
        let full = platform(&record, View::Full);
        let expected = pb::Platform {
            name: full.name,
            display_name: full.display_name,
            display_name_en: full.display_name_en,
            governing_agency: full.governing_agency,
            operation_stage: full.operation_stage,
            verification: full.verification,
            state: full.state,
            etag: full.etag,
            create_time: full.create_time,
            update_time: full.update_time,
            revision: full.revision,
            ..Default::default()
        };
        prop_assert_eq!(platform(&record, View::Basic), expected);
    }
}

#[test]
fn bad_values_are_reported_with_their_paths() {
    let listing = |edition: &str, membership| pb::platform::Listing {
        edition: edition.to_owned(),
        membership,
        ..Default::default()
    };
    let message = pb::Platform {
        governance: vec![pb::platform::Governance {
            agency: "bo-y-te".to_owned(),
            ..Default::default()
        }],
        coordinating_agencies: vec!["agencies/a".to_owned(), String::new()],
        listings: vec![
            listing("editions/1527", 1),
            listing("editions/2618", 2),
            listing("platforms/a", 1),
        ],
        labels: [("e\u{301}", "1"), ("é", "2")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Default::default()
    };
    let mut violations = Violations::new();
    platform_fields(message, "platform", &mut violations);
    let reported: Vec<_> = violations
        .iter()
        .map(|violation| format!("{} {}", violation.field, violation.rule.reason()))
        .collect();
    insta::assert_snapshot!(reported.join("\n"), @r#"
    platform.governance[0].agency PATTERN
    platform.coordinating_agencies[1] PATTERN
    platform.listings[2].edition PATTERN
    platform.labels["é"] NOT_UNIQUE
    "#);
}

#[test]
fn an_exit_needs_an_outcome() {
    let message = pb::platform::Exit {
        successor: "platforms/".to_owned(),
        ..Default::default()
    };
    let mut violations = Violations::new();
    assert_eq!(exit_fields(message, "exit", &mut violations), None);
    let reported: Vec<_> = violations
        .iter()
        .map(|v| (&*v.field, v.rule.reason().name()))
        .collect();
    assert_eq!(reported, [("exit.successor", "PATTERN")]);
}
