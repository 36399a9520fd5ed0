//! The reach of callers from the indexes, against a slow search through all records.

use std::{collections::BTreeSet, sync::Arc};

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    change::Image,
    names::Revision,
    records::{
        agencies::{AgencyFields, AgencyKind, Succession},
        meta::Meta,
        platforms::{Delegation, Governance, PlatformFields},
    },
    time::Timestamp,
};

const AGENCIES: usize = 6;
const PLATFORMS: usize = 4;

fn meta() -> Meta {
    let time = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
    Meta::created(time, Revision::new(1).unwrap())
}

fn agency_name(number: usize) -> AgencyName {
    AgencyName::from_id(&format!("a{number}")).unwrap()
}

fn day(number: i32) -> Date {
    Date::parse("2025-01-01").unwrap().plus_days(number)
}

fn any_agency() -> impl Strategy<Value = AgencyName> {
    (0..AGENCIES).prop_map(agency_name)
}

/// An agency; parents and successors may lead in circles.
fn agency() -> impl Strategy<Value = Agency> {
    let succession = (any_agency(), option::weighted(0.9, 0..6), any::<bool>()).prop_map(
        |(successor, start, whole)| Succession {
            successor,
            start_date: start.map(day),
            document: None,
            scope: if whole {
                String::new()
            } else {
                "một phần".into()
            },
        },
    );
    let parent = option::weighted(0.7, any_agency());
    (any_agency(), parent, vec(succession, 0..2)).prop_map(|(name, parent_agency, successions)| {
        Agency {
            name,
            fields: AgencyFields {
                kind: AgencyKind::Other,
                parent_agency,
                successions,
                ..AgencyFields::default()
            },
            meta: meta(),
        }
    })
}

fn platform() -> impl Strategy<Value = Platform> {
    let delegation = (any_agency(), 0..6, option::of(0..6), any::<bool>()).prop_map(
        |(unit, start, end, includes_approval)| Delegation {
            unit,
            start_date: Some(day(start)),
            end_date: end.map(day),
            document: None,
            includes_approval,
        },
    );
    (0..PLATFORMS, vec(any_agency(), 0..3), vec(delegation, 0..3)).prop_map(
        |(number, governs, delegations)| Platform {
            name: PlatformName::from_id(&format!("p{number}")).unwrap(),
            fields: PlatformFields {
                governance: governs
                    .into_iter()
                    .map(|agency| Governance {
                        agency: Some(agency),
                        ..Governance::default()
                    })
                    .collect(),
                delegations,
                ..PlatformFields::default()
            },
            stage_records: Vec::new(),
            exit: None,
            past_exits: Vec::new(),
            moved_listings: Vec::new(),
            public_write: None,
            meta: meta(),
        },
    )
}

/// The chain of bodies that took over from an agency.
fn heirs(state: &State, agency: &AgencyName, on: Date) -> BTreeSet<AgencyName> {
    let mut heirs = BTreeSet::new();
    let mut at = agency.clone();
    while let Some(next) = state.agency(&at).and_then(|it| it.successor_on(on)) {
        if !heirs.insert(next.clone()) {
            break;
        }
        at = next.clone();
    }
    heirs
}

/// The platforms that a caller of `agency` sees beside those that it governs, and what it does
/// there.
fn slow(state: &State, agency: &AgencyName, on: Date) -> BTreeSet<(PlatformName, bool, bool)> {
    let all = || (0..AGENCIES).map(agency_name);
    let own: Vec<_> = all()
        .filter(|it| it == agency || heirs(state, it, on).contains(agency))
        .collect();
    let mut found = BTreeSet::new();
    for platform in state.platforms().values() {
        let Some(governs) = platform.governing_agency().filter(|it| !own.contains(it)) else {
            continue;
        };
        for own in &own {
            let held = platform.fields.delegations.iter().filter(|it| {
                it.unit == *own && it.holds_on(on) && state.is_below(own, governs, on)
            });
            let held: Vec<_> = held.collect();
            let governed = platform.fields.governance.iter();
            let governed = governed
                .map(|it| it.agency.as_ref())
                .any(|it| it == Some(own));
            if !held.is_empty() || (governed && heirs(state, own, on).contains(governs)) {
                let approves = held.iter().any(|it| it.includes_approval);
                found.insert((platform.name.clone(), !held.is_empty(), approves));
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn reach_is_what_all_records_say(
        agencies in vec(agency(), 0..12), platforms in vec(platform(), 0..8), removed in 0..3usize,
        on in 0..6,
    ) {
        let on = day(on);
        // written one after another, later ones over earlier ones, and some removed
        let mut state = State::default();
        let agencies = agencies.into_iter().map(|it| Image::Agency(Arc::new(it)));
        let platforms = platforms.into_iter().map(|it| Image::Platform(Arc::new(it)));
        for image in agencies.chain(platforms) {
            state.put(image);
        }
        for number in 0..removed {
            state.remove(&format!("agencies/a{number}"));
            state.remove(&format!("platforms/p{number}"));
        }
        let loaded = State::load(Revision::new(1).unwrap(), None, state.images());
        for agency in (0..AGENCIES).map(agency_name) {
            let reach = state.reach_of(Some(&agency), &[Role::AgencyAdmin], on);
            prop_assert_eq!(&reach, &loaded.reach_of(Some(&agency), &[Role::AgencyAdmin], on));
            let predecessors: BTreeSet<_> = reach.predecessors.iter().cloned().collect();
            let expected: BTreeSet<_> = (0..AGENCIES)
                .map(agency_name)
                .filter(|it| *it != agency && heirs(&state, it, on).contains(&agency))
                .collect();
            prop_assert_eq!(predecessors.len(), reach.predecessors.len());
            prop_assert_eq!(predecessors, expected);
            let entrusted: BTreeSet<_> = reach
                .entrusted
                .iter()
                .map(|it| (it.platform.clone(), it.writes, it.approves))
                .collect();
            prop_assert_eq!(entrusted, slow(&state, &agency, on));
            // a principal without an agency role gets nothing from it
            prop_assert_eq!(state.reach_of(Some(&agency), &[Role::Auditor], on), Reach::default());
        }
    }
}
