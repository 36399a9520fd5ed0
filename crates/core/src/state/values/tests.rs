//! Lists by the values of fields against walks, for each field that is declared.

use std::collections::BTreeSet;

use super::*;
use crate::{
    caller::Caller,
    change::Image,
    names::{AgencyName, EditionName, PlanName, PlatformName, Revision},
    position::Position,
    query::{
        list::Arguments,
        page::page_size,
        token::{Binding, TokenKey},
    },
    records::{
        budgets::Budget,
        documents::Document,
        meta::Meta,
        plans::{Coverage, Plan, PlanFields, PlanState, StateEntry, Visibility, VisibilityEntry},
        platforms::{
            Classification, DataSharingChannel, DeploymentLevel, Exit, ExitOutcome, Governance,
            Listing, Membership, OperationStage, Platform, PlatformFields, Security, Stage,
            Verification,
        },
    },
    state::{State, visible::Visible},
    time::{Date, Period, Timestamp},
};

const COUNT: usize = 1000;

fn moment(number: usize) -> Timestamp {
    let micros = i64::try_from(number).unwrap();
    Timestamp::from_micros(1_700_000_000_000_000 + micros).unwrap()
}

fn agency(number: usize) -> AgencyName {
    AgencyName::from_id(&format!("a{number}")).unwrap()
}

fn day(number: usize) -> Date {
    let number = i32::try_from(number).unwrap();
    Date::parse("2025-01-01").unwrap().plus_days(number)
}

fn platform_name(number: usize) -> PlatformName {
    PlatformName::from_id(&format!("p{number:04}")).unwrap()
}

/// A synthetic platform; one in a hundred has a value in every field.
fn platform(number: usize) -> Platform {
    let mut platform = Platform {
        name: platform_name(number),
        fields: PlatformFields {
            display_name: format!("Nền tảng {number}"),
            ..PlatformFields::default()
        },
        stage_records: Vec::new(),
        exit: None,
        past_exits: Vec::new(),
        moved_listings: Vec::new(),
        public_write: None,
        meta: Meta::created(moment(number), Revision::ZERO),
    };
    if number % 100 != 7 {
        return platform;
    }
    let few = number / 100;
    platform.fields = PlatformFields {
        display_name_en: format!("Platform {number}"),
        governance: vec![Governance {
            agency: Some(agency(few)),
            ..Governance::default()
        }],
        operating_unit: format!("Cục {few}"),
        coordinating_agencies: vec![agency(few), agency(few + 1)],
        classification: Classification::National,
        deployment_levels: DeploymentLevel::ALL.to_vec(),
        listings: vec![Listing {
            edition: EditionName::from_id(&format!("e{few}")).unwrap(),
            list_number: String::new(),
            group: format!("Nhóm \"{few}\""),
            display_name: String::new(),
            membership: Membership::Stated,
            sources: Vec::new(),
        }],
        operation_stages: vec![OperationStage {
            stage: Stage::Pilot,
            planned: None,
            reached: Some(Period::day(day(few), "")),
            document: None,
            sources: Vec::new(),
        }],
        security: Some(Security {
            level: 3,
            approval: None,
        }),
        data_sharing_channels: vec![DataSharingChannel::Lgsp],
        verification: Verification::Verified,
        labels: [("mã".to_owned(), format!("số {few}"))].into(),
        ..platform.fields
    };
    platform.exit = Some(Box::new(Exit {
        reason: String::new(),
        outcome: ExitOutcome::Replaced,
        decision: None,
        successor: Some(platform_name(few)),
        exit_date: None,
    }));
    platform
}

/// A synthetic plan; one in a hundred has a value in every field, and is hidden from the public, or
/// shown in part.
fn plan(number: usize) -> Plan {
    let mut plan = Plan {
        name: PlanName::from_id(&platform_name(number), "2026").unwrap(),
        agency: agency(100),
        fields: PlanFields {
            display_name: format!("Kế hoạch {number}"),
            ..PlanFields::default()
        },
        issuing_document: None,
        state: PlanState::Issued,
        state_history: vec![StateEntry {
            state: PlanState::Issued,
            effective_date: day(number),
            record_time: moment(number),
            agency: None,
            person: None,
            document: None,
            reason: String::new(),
        }],
        superseding_plan: None,
        transcription: None,
        public_write: None,
        published: None,
        redacted: false,
        meta: Meta::created(moment(number), Revision::ZERO),
    };
    if number % 100 != 7 {
        return plan;
    }
    let few = number / 100;
    plan.agency = agency(few);
    plan.fields = PlanFields {
        lead_unit: format!("Vụ {few}"),
        coordinating_agencies: vec![agency(few)],
        budget: Some(Budget {
            amount: None,
            price_year: 2026,
            source: String::new(),
            ..Budget::default()
        }),
        planned_start: Some(Period::day(day(few), "")),
        planned_end: Some(Period::day(day(few + 1), "")),
        covered_platforms: vec![Coverage {
            platform: PlatformName::from_id(&format!("covered-{few}")).unwrap(),
            start_date: None,
            end_date: None,
            document: None,
        }],
        visibilities: vec![VisibilityEntry {
            visibility: Visibility::Restricted,
            start_date: None,
            document: None,
        }],
        ..plan.fields
    };
    plan.issuing_document = Some(Box::new(Document {
        symbol: format!("{few}/QĐ-THỬ"),
        issue_date: Some(day(few)),
        ..Document::default()
    }));
    if few.is_multiple_of(2) {
        plan.state = PlanState::Superseded;
    } else {
        plan.state = PlanState::Draft;
        plan.state_history.clear();
    }
    plan
}

fn state() -> State {
    let platforms = (0..COUNT).map(|it| Image::Platform(Arc::new(platform(it))));
    let plans = (0..COUNT).map(|it| Image::Plan(Arc::new(plan(it))));
    State::load(Revision::ZERO, None, platforms.chain(plans))
}

fn query<T: Queryable>(filter: &str, order_by: &str) -> Query<T> {
    let position = Position::new(uuid::Uuid::nil(), Revision::ZERO, &Default::default());
    let arguments = Arguments {
        page_size: i32::MAX,
        page_token: "",
        filter,
        order_by,
    };
    Query::read(
        &TokenKey::new([7; 32]),
        Binding::new("List", position),
        &arguments,
    )
    .unwrap()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

/// Each value that the records have in a field, as a filter asks for it.
fn filters<T: Queryable>(field: &Field<T>, records: &[&T]) -> BTreeSet<String> {
    let mut filters = BTreeSet::new();
    for record in records {
        let values = (field.get)(record);
        if let Values::Map(map) = &values {
            let map_name = field.path.trim_end_matches(".*");
            for (of, text) in *map {
                filters.insert(format!("{map_name}.{} = {}", quoted(of), quoted(text)));
            }
            continue;
        }
        values.any(None, |value| {
            let constant = match value {
                Value::Text(text) if matches!(field.kind, Type::Enum(_)) => text.to_string(),
                Value::Text(text) => quoted(text),
                Value::Integer(number) => number.to_string(),
                Value::Boolean(flag) => flag.to_string(),
                Value::Date(date) => quoted(&date.to_string()),
                Value::Timestamp(time) => quoted(&time.to_string()),
            };
            let equals = if field.repeated { ":" } else { "=" };
            filters.insert(format!("{} {equals} {constant}", field.path));
            false
        });
    }
    filters
}

/// For each declared field: that a list which asks for a value finds what a walk finds, and looks
/// at little else. Returns the fields that it walks for.
fn check<T: Record + Queryable + Visible + std::fmt::Debug>(
    state: &State,
    rows: impl for<'a> Fn(&'a State, &Query<T>, &'a Effort) -> (bool, Rows<'a, T>),
) -> Vec<&'static str> {
    let system = Caller::System { actor: None };
    let few: Vec<&T> = T::all(state).values().map(|it| &**it).collect();
    let few: Vec<&T> = few.into_iter().skip(7).step_by(100).collect();
    let mut walked = Vec::new();
    for field in T::FIELDS {
        let filters = filters(field, &few);
        assert!(!filters.is_empty(), "{}", field.path);
        for filter in filters {
            for order_by in ["", "display_name", "name desc"] {
                let query = query::<T>(&filter, order_by);
                let effort = Effort::unlimited();
                let (_, looked_at) = rows(state, &query, &effort);
                let looked_at = looked_at.count();
                let all = T::all(state).values();
                let with = all.filter(|it| query.filter.matches(it)).count();
                let is_bounded = looked_at <= with + COUNT / 50;
                if order_by.is_empty() && !is_bounded && walked.last() != Some(&field.path) {
                    walked.push(field.path);
                }
                for caller in [&Caller::Anonymous, &system] {
                    let see =
                        |it: &Arc<T>| it.visible(caller, state).map(std::borrow::Cow::into_owned);
                    let (in_order, rows) = rows(state, &query, &effort);
                    let found = query.page::<T>(in_order, rows.filter_map(see)).items;
                    let all = T::all(state).values().filter_map(see);
                    let expected = query.page::<T>(order_by.is_empty(), all).items;
                    assert!(expected.len() < page_size(i32::MAX));
                    assert_eq!(found, expected, "{filter}, ordered by {order_by:?}");
                }
            }
        }
    }
    walked
}

// times are left out: to some callers a record shows an earlier one
const WALKED: [&str; 2] = ["create_time", "update_time"];

#[test]
fn a_filter_on_any_field_of_platforms_looks_at_few() {
    let walked = check::<Platform>(&state(), |state, query, effort| {
        state.platforms_for(query, effort)
    });
    assert_eq!(walked, WALKED);
}

#[test]
fn a_filter_on_any_field_of_plans_looks_at_few() {
    let walked = check::<Plan>(&state(), |state, query, effort| {
        state.plans_for("", query, effort)
    });
    assert_eq!(walked, WALKED);
}

#[test]
fn a_plan_of_another_platform_is_not_found_by_its_name() {
    let state = state();
    let name = plan(5).name;
    let query = query::<Plan>(&format!("name = {}", quoted(name.as_str())), "");
    let effort = Effort::unlimited();
    for (of, found) in [(5, 1), (6, 0)] {
        let prefix = PlanName::prefix(&platform_name(of));
        assert_eq!(state.plans_for(&prefix, &query, &effort).1.count(), found);
    }
}

#[test]
fn pages_by_values_go_on_after_any_record() {
    let state = state();
    for after in [0, 6, 7, 63, 64, 506, 507, 508, 999] {
        let mut query = query::<Platform>("classification = NATIONAL", "");
        query.after = Some(query.order.cursor(&platform(after)));
        let effort = Effort::unlimited();
        let (in_order, rows) = state.platforms_for(&query, &effort);
        let found = query
            .page::<Platform>(in_order, rows.map(|it| (**it).clone()))
            .items;
        let found: Vec<_> = found.into_iter().map(|it| it.name).collect();
        let later = (after + 1..COUNT).filter(|number| number % 100 == 7);
        assert_eq!(
            found,
            later.map(platform_name).collect::<Vec<_>>(),
            "{after}"
        );
    }
}

#[test]
fn the_index_follows_what_is_written() {
    let mut state = state();
    let national = |state: &State| {
        let query = query::<Platform>("classification = NATIONAL", "");
        let effort = Effort::unlimited();
        let (_, rows) = state.platforms_for(&query, &effort);
        rows.filter(|it| query.filter.matches(it))
            .map(|it| it.name.clone())
            .collect::<Vec<_>>()
    };
    let before = national(&state);
    let earlier = state.clone();
    let mut other = platform(8);
    other.fields.classification = Classification::National;
    state.put(Image::Platform(Arc::new(other)));
    state.remove(platform_name(107).as_str());
    let mut expected = before.clone();
    expected.insert(1, platform_name(8));
    expected.retain(|it| *it != platform_name(107));
    assert_eq!(national(&state), expected);
    assert_eq!(
        national(&earlier),
        before,
        "an earlier version stays as it was"
    );
}
