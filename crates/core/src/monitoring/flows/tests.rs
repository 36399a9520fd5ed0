//! What is computed of data flows, against slow and obvious counts over synthetic records; and the
//! law that past answers do not change, over synthetic commands.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    caller::{Caller, Credential, Known, Person, Reach},
    monitoring::{
        attention::{Item, Kind},
        tally::{Clearance, CountScope, Tally},
    },
    names::{ApiKeyName, EditionName, PlatformName, PrincipalName, Revision},
    records::{
        agencies::{Agency, AgencyFields, AgencyKind},
        data_flows::{Confirmation, DataFlowFields, OrganisationKind, Party, StateEntry, Term},
        documents::Source,
        editions::{Edition, EditionFields},
        meta::Meta,
        platforms::{Governance, PlatformFields},
        principals::Role,
    },
    rules::{
        AnyCommand, Ids, Request, Update,
        data_flows::{ConfirmDataFlow, CreateDataFlow},
        decide,
    },
    time::Timestamp,
};

const KINDS: [AgencyKind; 3] = [
    AgencyKind::Ministry,
    AgencyKind::ProvincialPeoplesCommittee,
    AgencyKind::Other,
];

fn day(offset: i32) -> Date {
    Date::parse("2026-01-01").unwrap().plus_days(offset)
}

fn time(offset: i32) -> Timestamp {
    Timestamp::parse(&format!("{}T09:00:00+07:00", day(offset))).unwrap()
}

fn meta() -> Meta {
    Meta::created(time(0), Revision::new(1).unwrap())
}

fn agency(number: usize) -> AgencyName {
    AgencyName::from_id(&format!("a{}", number % 3)).unwrap()
}

fn platform(number: usize) -> PlatformName {
    PlatformName::from_id(&format!("p{}", number % 3)).unwrap()
}

fn flow(number: usize) -> DataFlowName {
    DataFlowName::from_id(&format!("f{number}")).unwrap()
}

// === synthetic records ===

fn an_agency(number: usize, kind: AgencyKind) -> Image {
    Image::Agency(Arc::new(Agency {
        name: agency(number),
        fields: AgencyFields {
            kind,
            ..AgencyFields::default()
        },
        meta: meta(),
    }))
}

fn an_edition(from: Option<i32>) -> Image {
    Image::Edition(Arc::new(Edition {
        name: EditionName::from_id("e").unwrap(),
        fields: EditionFields {
            ndop_mandatory_date: from.map(day),
            ..EditionFields::default()
        },
        synthetic: true,
        meta: meta(),
    }))
}

/// A platform that these agencies govern, the later ones from these days on.
fn a_platform(number: usize, first: Option<usize>, later: &[(usize, i32)]) -> Image {
    let mut governance = vec![Governance {
        agency: first.map(agency),
        ..Governance::default()
    }];
    governance.extend(later.iter().map(|(of, start)| Governance {
        agency: Some(agency(*of)),
        start_date: Some(day(*start)),
        ..Governance::default()
    }));
    Image::Platform(Arc::new(Platform {
        name: platform(number),
        fields: PlatformFields {
            governance,
            ..PlatformFields::default()
        },
        stage_records: Vec::new(),
        exit: None,
        past_exits: Vec::new(),
        moved_listings: Vec::new(),
        public_write: None,
        meta: meta(),
    }))
}

fn any_day() -> impl Strategy<Value = i32> {
    0..60
}

fn any_platform() -> impl Strategy<Value = Image> {
    (
        0..3_usize,
        option::of(0..3_usize),
        vec((0..3_usize, any_day()), 0..2),
    )
        .prop_map(|(number, first, mut later)| {
            later.sort_by_key(|(_, start)| *start);
            later.dedup_by_key(|(_, start)| *start);
            a_platform(number, first, &later)
        })
}

fn any_provider() -> impl Strategy<Value = Party> {
    (any::<bool>(), 0..3_usize).prop_map(|(is_platform, number)| Party {
        platform: is_platform.then(|| platform(number)),
        agency: (!is_platform).then(|| agency(number)),
        system: if is_platform { "" } else { "Hệ thống" }.into(),
        ..Party::default()
    })
}

fn any_consumer() -> impl Strategy<Value = Party> {
    (0..3_usize, 0..3_usize).prop_map(|(kind, number)| match kind {
        0 => Party {
            platform: Some(platform(number)),
            ..Party::default()
        },
        1 => Party {
            agency: Some(agency(number)),
            ..Party::default()
        },
        _ => Party {
            organisation: ["Tổng công ty A", "tổng  công ty a", "Công ty B"][number].into(),
            organisation_kind: [OrganisationKind::StateEnterprise, OrganisationKind::Telecom]
                [number / 2],
            ..Party::default()
        },
    })
}

/// Some days in order, each with a value.
fn dated<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(i32, T)>> {
    vec((any_day(), of), 1..4).prop_map(|mut list| {
        list.sort_by_key(|(start, _)| *start);
        list.dedup_by_key(|(start, _)| *start);
        list
    })
}

fn any_flow() -> impl Strategy<Value = Image> {
    let states = dated(select(&FlowState::ALL[..]));
    let terms = dated((select(&Channel::ALL[..]), any::<bool>()));
    let confirmation = (select(&Side::ALL[..]), any_day(), option::of(any_day()));
    let parties = (any_provider(), any_consumer());
    (
        0..5_usize,
        parties,
        states,
        terms,
        vec(confirmation, 0..4),
        0..8_usize,
    )
        .prop_map(
            |(number, (provider, consumer), states, terms, confirmations, annulled)| {
                let confirmation = |(side, start, lapse): (Side, i32, Option<i32>)| Confirmation {
                    side,
                    agency: agency(0),
                    person: None,
                    record_time: time(start),
                    lapse_time: lapse.map(|later| time(start + later)),
                };
                Image::DataFlow(Arc::new(DataFlow {
                    name: flow(number),
                    fields: DataFlowFields {
                        display_name: "Dữ liệu".into(),
                        provider: Some(provider),
                        consumer: Some(consumer),
                        terms: terms.into_iter().map(a_term).collect(),
                        state_entries: states.into_iter().map(an_entry).collect(),
                        annulled: annulled == 0,
                        ..DataFlowFields::default()
                    },
                    confirmations: confirmations.into_iter().map(confirmation).collect(),
                    creator: None,
                    editor: None,
                    meta: meta(),
                }))
            },
        )
}

fn a_term((start, (channel, mandatory)): (i32, (Channel, bool))) -> Term {
    Term {
        channel,
        mandatory,
        start_date: Some(day(start)),
        document: None,
        sources: Vec::new(),
    }
}

fn an_entry((start, state): (i32, FlowState)) -> StateEntry {
    StateEntry {
        state,
        start_date: Some(day(start)),
        document: None,
        reason: "thử".into(),
        sources: Vec::new(),
    }
}

fn any_image() -> impl Strategy<Value = Image> {
    prop_oneof![
        6 => any_flow(),
        2 => any_platform(),
        1 => (0..3_usize, select(&KINDS[..])).prop_map(|(number, kind)| an_agency(number, kind)),
        1 => option::of(any_day()).prop_map(an_edition),
    ]
}

fn state_of(images: Vec<Image>) -> State {
    let mut all = vec![an_edition(Some(20))];
    all.extend((0..3).map(|number| an_agency(number, KINDS[number])));
    all.extend((0..3).map(|number| a_platform(number, Some(number), &[])));
    all.extend(images);
    State::load(Revision::new(1).unwrap(), Some(time(0)), all)
}

fn change(revision: i64, images: Vec<Image>) -> Change {
    Change {
        revision: Revision::new(revision).unwrap(),
        record_time: time(0),
        person: Person {
            principal: PrincipalName::system(),
            actor: None,
        },
        agency: None,
        method: "Test".into(),
        request_id: None,
        reason: String::new(),
        effects: images.into_iter().map(Effect::Put).collect(),
        key_hashes: Vec::new(),
        redaction: None,
    }
}

fn every_scope() -> Vec<FlowScope> {
    let mut scopes = vec![FlowScope::All];
    for number in 0..3 {
        scopes.push(FlowScope::Agency(agency(number)));
        scopes.push(FlowScope::Provider(agency(number).to_string()));
        scopes.push(FlowScope::Provider(platform(number).to_string()));
    }
    scopes
}

// === the slow and obvious counts ===

/// Who governs a platform on a date, by looking at each entry.
fn governs(state: &State, name: &PlatformName, on: Date) -> Option<AgencyName> {
    let mut found = None;
    for entry in &state.platform(name).unwrap().fields.governance {
        if entry.start_date.is_none_or(|start| start <= on) {
            found = entry.agency.clone();
        }
    }
    found
}

fn acts(state: &State, party: &Party, on: Date) -> Option<AgencyName> {
    match &party.platform {
        Some(name) => governs(state, name, on),
        None => party.agency.clone(),
    }
}

/// The state of a flow on a date; `None` if it does not exist.
fn state_by_words(flow: &DataFlow, on: Date) -> Option<FlowState> {
    let mut found = None;
    for entry in &flow.fields.state_entries {
        if entry.start_date.unwrap() <= on {
            found = Some(entry.state);
        }
    }
    found.filter(|_| !flow.fields.annulled)
}

fn is_in(state: &State, flow: &DataFlow, scope: &FlowScope, on: Date) -> bool {
    let provider = flow.fields.provider.as_ref().unwrap();
    let consumer = flow.fields.consumer.as_ref().unwrap();
    let provides = acts(state, provider, on);
    match scope {
        FlowScope::All => true,
        FlowScope::Agency(name) => {
            provides.as_ref() == Some(name) || acts(state, consumer, on).as_ref() == Some(name)
        }
        FlowScope::Provider(name) => {
            provides.is_some_and(|it| it.as_str() == name)
                || provider
                    .platform
                    .as_ref()
                    .is_some_and(|it| it.as_str() == name)
        }
    }
}

/// What is counted, by its name.
fn counted_by_words(state: &State, scope: &FlowScope, on: Date) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut add = |name: String| *counts.entry(name).or_insert(0) += 1;
    let mut parties = BTreeSet::new();
    for flow in state.data_flows().values() {
        let Some(now) = state_by_words(flow, on).filter(|_| is_in(state, flow, scope, on)) else {
            continue;
        };
        add(now.to_string());
        let consumer = flow.fields.consumer.as_ref().unwrap();
        let confirmed = |side| {
            flow.confirmations.iter().any(|it| {
                let lapsed = it
                    .lapse_time
                    .is_some_and(|time| time.date_in_vietnam() <= on);
                it.side == side && it.record_time.date_in_vietnam() <= on && !lapsed
            })
        };
        let provider_says = confirmed(Side::Provider);
        let consumer_says = confirmed(Side::Consumer);
        let can = consumer.organisation.is_empty();
        if now != FlowState::Ended {
            let said = match (provider_says, consumer_says, can) {
                (true, true, _) | (true, false, false) => "confirmed",
                (true, false, true) | (false, true, _) => "one-sided",
                (false, false, _) => "unconfirmed",
            };
            add(said.into());
        }
        if now != FlowState::Active {
            continue;
        }
        let mut term = None;
        for it in &flow.fields.terms {
            if it.start_date.unwrap() <= on {
                term = Some(it);
            }
        }
        if let Some(term) = term {
            add(format!("through {}", term.channel));
            let editions = state.editions().values();
            let required = editions
                .filter_map(|it| it.fields.ndop_mandatory_date)
                .any(|it| it <= on);
            if term.mandatory && term.channel != Channel::Ndop && required {
                add("off channel".into());
            }
        }
        let acting = acts(state, consumer, on);
        let class = match &acting {
            Some(name) => match state.agency(name).unwrap().fields.kind {
                AgencyKind::Ministry => "MINISTRY",
                AgencyKind::ProvincialPeoplesCommittee => "LOCALITY",
                _ => "OTHER",
            },
            None => match consumer.organisation_kind {
                OrganisationKind::StateEnterprise => "STATE_ENTERPRISE",
                OrganisationKind::Telecom => "TELECOM",
                _ => "OTHER",
            },
        };
        add(format!("to {class}"));
        let spaces = consumer.organisation.to_lowercase().replace("  ", " ");
        let party = acting.map(|it| it.to_string()).unwrap_or(spaces);
        let party = consumer
            .platform
            .as_ref()
            .filter(|_| party.is_empty())
            .map_or(party, |it| it.to_string());
        if parties.insert((class, party)) {
            add(format!("party {class}"));
        }
    }
    counts
}

/// The same names with the counts of a tally.
fn named(counts: &FlowCounts) -> BTreeMap<String, usize> {
    let mut named = vec![
        ("confirmed".to_owned(), FlowCount::Confirmed),
        ("one-sided".to_owned(), FlowCount::OneSided),
        ("unconfirmed".to_owned(), FlowCount::Unconfirmed),
        ("off channel".to_owned(), FlowCount::OffChannel),
    ];
    named.extend(FlowState::ALL.map(|it| (it.to_string(), FlowCount::State(it))));
    named.extend(Channel::ALL.map(|it| (format!("through {it}"), FlowCount::Channel(it))));
    named.extend(PartyClass::ALL.map(|it| (format!("to {it}"), FlowCount::ActiveTo(it))));
    named.extend(PartyClass::ALL.map(|it| (format!("party {it}"), FlowCount::Parties(it))));
    let named = named
        .into_iter()
        .filter(|(_, count)| counts.get(*count) != 0);
    named
        .map(|(name, count)| (name, usize::try_from(counts.get(count)).unwrap()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// A tally that is updated change by change equals one built from scratch, and both equal the
    /// obvious count.
    #[test]
    fn a_tally_moved_on_is_the_count_of_everything(
        begin in vec(any_image(), 0..8),
        changes in vec(vec(any_image(), 1..3), 0..12),
        on in any_day(),
    ) {
        let on = day(on);
        let mut state = state_of(begin);
        let mut tally = Tally::new(&state, on, &Effort::unlimited());
        for (revision, images) in (2..).zip(changes) {
            let change = change(revision, images);
            let before = tally.before(&state, &change);
            state.apply(&change);
            if !tally.advance(before, &state) {
                tally = Tally::new(&state, on, &Effort::unlimited());
            }
        }
        let anew = Tally::new(&state, on, &Effort::unlimited());
        for scope in every_scope() {
            let counted = counted_by_words(&state, &scope, on);
            prop_assert_eq!(&named(&tally.flows().counts(&scope).counts), &counted, "{:?}", scope);
            prop_assert_eq!(&named(&anew.flows().counts(&scope).counts), &counted, "{:?}", scope);
        }
    }

    #[test]
    fn a_timeline_has_the_active_flows_of_each_date(
        images in vec(any_image(), 0..12), start in any_day(), step in 1..9_i32, points in 1..12_i32
    ) {
        let state = state_of(images);
        let dates: Vec<_> = (0..points).map(|point| day(start + point * step)).collect();
        for scope in every_scope() {
            let counted = state.active_flows(&scope, &dates, &Effort::unlimited());
            let by_words = dates.iter().map(|date| {
                let counts = counted_by_words(&state, &scope, *date);
                i32::try_from(counts.get("ACTIVE").copied().unwrap_or_default()).unwrap()
            });
            prop_assert_eq!(counted, by_words.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_needs_attention_is_counted_alike(images in vec(any_image(), 0..12), on in any_day()) {
        let (state, on) = (state_of(images), day(on + 40));
        let items = items(&state, on);
        let counts = counted_by_words(&state, &FlowScope::All, on);
        let of = |kind| items.iter().filter(|it| it.kind == kind).count();
        let counted = |name: &str| counts.get(name).copied().unwrap_or_default();
        prop_assert_eq!(of(Kind::FlowOffChannel), counted("off channel"));
        prop_assert_eq!(of(Kind::FlowSuspended), counted("SUSPENDED"));
        // those that were one-sided, by the same side, today and on each of the 31 days before
        let late = |flow: &&Arc<DataFlow>| {
            let said = |on| {
                let there = state_by_words(flow, on).is_some_and(|it| it != FlowState::Ended);
                let sides = Side::ALL.map(|side| flow.confirmations.iter().any(|it| {
                    let lapsed = it.lapse_time.is_some_and(|time| time.date_in_vietnam() <= on);
                    it.side == side && it.record_time.date_in_vietnam() <= on && !lapsed
                }));
                there.then_some(sides)
            };
            let can = flow.fields.consumer.as_ref().unwrap().organisation.is_empty();
            let is = |sides| sides == Some([true, false]) && can || sides == Some([false, true]);
            is(said(on)) && (0..=31).all(|back| said(on.plus_days(-back)) == said(on))
        };
        let late = state.data_flows().values().filter(late).count();
        prop_assert_eq!(of(Kind::FlowOneSided), late);
    }
}

/// The items of flows.
fn items(state: &State, on: Date) -> Vec<Item> {
    let items = state.attention(
        &CountScope::default(),
        &Clearance::All,
        on,
        &Effort::unlimited(),
    );
    items
        .into_iter()
        .filter(|it| it.resource.starts_with("dataFlows/"))
        .collect()
}

// === the law of past answers ===

#[derive(Clone, Debug)]
enum Step {
    Wait(i32),
    Create {
        number: usize,
        consumer: Party,
        start: i32,
        state: FlowState,
    },
    State {
        number: usize,
        start: i32,
        state: FlowState,
    },
    Term {
        number: usize,
        start: i32,
        channel: Channel,
    },
    Rename {
        number: usize,
    },
    Confirm {
        number: usize,
        side: Side,
    },
    Govern {
        start: i32,
        agency: usize,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let state = || select(&FlowState::ALL[..]);
    let flows = || 0..2_usize;
    prop_oneof![
        3 => (1..25).prop_map(Step::Wait),
        4 => (flows(), any_consumer(), any_day(), state()).prop_map(
            |(number, consumer, start, state)| Step::Create { number, consumer, start, state }),
        5 => (flows(), any_day(), state())
            .prop_map(|(number, start, state)| Step::State { number, start, state }),
        3 => (flows(), any_day(), select(&Channel::ALL[..]))
            .prop_map(|(number, start, channel)| Step::Term { number, start, channel }),
        1 => flows().prop_map(|number| Step::Rename { number }),
        5 => (flows(), select(&Side::ALL[..]))
            .prop_map(|(number, side)| Step::Confirm { number, side }),
        1 => (any_day(), 0..3_usize).prop_map(|(start, agency)| Step::Govern { start, agency }),
    ]
}

struct NoIds;

impl Ids for NoIds {
    fn id(&mut self, _: usize) -> String {
        "x".into()
    }
}

fn caller(who: &str, agency: &AgencyName) -> Caller {
    let principal = PrincipalName::from_id(who).unwrap();
    Caller::Known(Known {
        reach: Reach::default(),
        credential: Credential::ApiKey(ApiKeyName::from_id(&principal, "key").unwrap()),
        scope: Default::default(),
        person: Person {
            principal,
            actor: None,
        },
        allows_personal_data: None,
        is_system: false,
        agency: Some(agency.clone()),
        roles: vec![Role::AgencyEditor, Role::AgencyApprover, Role::Steward],
    })
}

/// The command of a step, who asks for it, and the first date on which it may change an answer.
fn said(state: &State, step: &Step, today: i32) -> Option<(Box<dyn AnyCommand>, Caller, Date)> {
    let provider = governs(state, &platform(0), day(today))?;
    let editor = caller("editor", &provider);
    let update = |number: usize, field: &str, change: &dyn Fn(&mut DataFlowFields)| {
        let record = state.data_flow(&flow(number))?;
        let mut fields = record.fields.clone();
        change(&mut fields);
        let mask = vec![field.to_owned()];
        let (name, etag) = (flow(number), None);
        Some(Box::new(Update::<DataFlow> {
            name,
            fields,
            mask,
            etag,
        }) as Box<dyn AnyCommand>)
    };
    match step {
        Step::Wait(_) => None,
        Step::Create {
            number,
            consumer,
            start,
            state,
        } => {
            let fields = DataFlowFields {
                display_name: "Dữ liệu".into(),
                provider: Some(Party {
                    platform: Some(platform(0)),
                    ..Party::default()
                }),
                consumer: Some(consumer.clone()),
                terms: vec![a_term((0, (Channel::Api, false)))],
                state_entries: vec![an_entry((*start, *state))],
                sources: vec![Source {
                    note: "thử".into(),
                    ..Source::default()
                }],
                ..DataFlowFields::default()
            };
            let command = CreateDataFlow {
                name: flow(*number),
                fields,
            };
            Some((Box::new(command), editor, day(*start)))
        }
        Step::State {
            number,
            start,
            state,
        } => {
            let entry = an_entry((*start, *state));
            let change = |fields: &mut DataFlowFields| fields.state_entries.push(entry.clone());
            let command = update(*number, "state_entries", &change)?;
            Some((command, editor, day(*start.min(&today))))
        }
        Step::Term {
            number,
            start,
            channel,
        } => {
            let term = a_term((*start, (*channel, false)));
            let change = |fields: &mut DataFlowFields| fields.terms.push(term.clone());
            let command = update(*number, "terms", &change)?;
            Some((command, editor, day(*start.min(&today))))
        }
        Step::Rename { number } => {
            let change = |fields: &mut DataFlowFields| fields.display_name.push('a');
            let command = update(*number, "display_name", &change)?;
            Some((command, editor, day(today)))
        }
        Step::Confirm { number, side } => {
            let record = state.data_flow(&flow(*number))?;
            let acting = record.party(*side).agency_now(state)?;
            let command = ConfirmDataFlow {
                name: flow(*number),
                side: Some(*side),
                etag: record.meta.etag(),
            };
            Some((Box::new(command), caller("approver", &acting), day(today)))
        }
        Step::Govern { start, agency: of } => {
            let record = state.platform(&platform(0))?;
            let mut fields = record.fields.clone();
            fields.governance.push(Governance {
                agency: Some(agency(*of)),
                start_date: Some(day(*start)),
                ..Governance::default()
            });
            let command = Update::<Platform> {
                name: platform(0),
                fields,
                mask: vec!["governance".into()],
                etag: None,
            };
            Some((Box::new(command), editor, day(*start)))
        }
    }
}

type CountsOfDate = (Vec<FlowCounts>, Vec<(Kind, String, Date)>);

fn answer(state: &State, on: Date) -> CountsOfDate {
    let tally = FlowTally::new(state, on, &Effort::unlimited());
    let scopes = every_scope();
    let counts = scopes.iter().map(|scope| tally.counts(scope).counts);
    // a title is not dated
    let items = items(state, on)
        .into_iter()
        .map(|it| (it.kind, it.resource, it.since));
    (counts.collect(), items.collect())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_later_edit_changes_no_earlier_answer(steps in vec(any_step(), 1..30)) {
        let mut state = state_of(Vec::new());
        let mut today = 10;
        let mut answered: Vec<(State, i32, Vec<CountsOfDate>)> = Vec::new();
        let all = |state: &State, today: i32| -> Vec<CountsOfDate> {
            (0..=today).map(|it| answer(state, day(it))).collect()
        };
        let mut touched: Vec<(Revision, String)> = Vec::new();
        for step in &steps {
            if let Step::Wait(days) = step {
                today += days;
                continue;
            }
            let Some((command, caller, from)) = said(&state, step, today) else { continue };
            let request = Request { command, request_id: None, reason: "thử".into() };
            let decided = decide(&state, &caller, &request, time(today), &mut NoIds);
            let Ok(decided) = decided else { continue };
            let before = all(&state, today);
            touched.extend(decided.change.effects.iter().map(|effect| {
                (decided.change.revision, effect.name().to_owned())
            }));
            answered.push((state.clone(), today, before.clone()));
            state.apply(&decided.change);
            let after = all(&state, today);
            for (offset, (old, new)) in (0..).zip(before.iter().zip(&after)) {
                if day(offset) < from {
                    prop_assert_eq!(old, new, "{:?} changed {}", step, day(offset));
                }
            }
        }
        // by what was known at each revision, reconstructed from the log
        for (then, today, answers) in &answered {
            let later = touched.iter().filter(|(revision, _)| *revision > then.revision());
            let past = later.map(|(_, name)| (name.clone(), then.image(name)));
            let again = state.reverted(then.revision(), then.record_time(), past);
            prop_assert_eq!(&all(&again, *today), answers);
        }
    }
}
