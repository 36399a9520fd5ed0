//! Lists: every declared field filters and orders, and the protos name these fields; pages make
//! up the whole, whatever is written between them; views show what they say; a page never
//! outgrows what a client reads.

use std::collections::{BTreeMap, BTreeSet};

use ndp_registry::{
    domain::text::compare_names,
    pb,
    state::query::schema::{Constant, Field, Queryable, Type, Values},
};
use prost::Message;
use prost_reflect::DescriptorPool;
use tonic::{Code, Status};

use super::given::{self, create, fields, get, reason, steward};
use crate::harness::{Engine, both, server::{Clients, Server}};

/// What a list is asked: filter, order, page size, page token.
#[derive(Clone, Default)]
struct Asked {
    filter: String,
    order_by: String,
    page_size: i32,
    page_token: String,
}

type Named = Result<(Vec<String>, String), Status>;

/// A list by its method: the names on the page, and the next page's token.
macro_rules! list {
    ($clients:expr, $asked:expr, $service:ident.$method:ident, $request:ident, $records:ident
        $(, $field:ident: $value:expr)*) => {{
        let Asked { filter, order_by, page_size, page_token } = $asked;
        let request = pb::$request {
            filter, order_by, page_size, page_token, $($field: $value,)* ..Default::default()
        };
        $clients.$service.$method(request).await.map(|response| {
            let message = response.into_inner();
            let names = message.$records.into_iter().map(|it| it.name).collect();
            (names, message.next_page_token)
        })
    }};
}

async fn agencies(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, catalogue.list_agencies, ListAgenciesRequest, agencies)
}

async fn editions(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, catalogue.list_editions, ListEditionsRequest, editions)
}

async fn platforms(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, catalogue.list_platforms, ListPlatformsRequest, platforms,
        show_retired: true)
}

async fn plans(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, plans.list_plans, ListPlansRequest, plans,
        parent: "platforms/-".into())
}

async fn proposals(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, plans.list_proposals, ListProposalsRequest, proposals,
        parent: "platforms/-".into())
}

async fn figures(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, monitoring.list_figures, ListFiguresRequest, figures)
}

async fn principals(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, access.list_principals, ListPrincipalsRequest, principals)
}

async fn api_keys(clients: &mut Clients, asked: Asked) -> Named {
    list!(clients, asked, access.list_api_keys, ListApiKeysRequest, api_keys,
        parent: "principals/-".into())
}

// === what the schema declares ===

/// The values of a field in a record; of a map, those of its keys.
fn values<T>(field: &Field<T>, record: &T) -> Vec<(Option<String>, Constant)> {
    let plain = |value: Constant| (None, value);
    match (field.get)(record) {
        Values::Absent => Vec::new(),
        Values::One(value) => vec![plain(value.into_constant())],
        Values::Texts(texts) => texts.iter().cloned().map(Constant::Text).map(plain).collect(),
        Values::Many(values) => {
            values.into_iter().map(|value| plain(value.into_constant())).collect()
        }
        Values::Map(map) => map
            .iter()
            .map(|(key, value)| (Some(key.clone()), Constant::Text(value.clone())))
            .collect(),
    }
    .into_iter()
    .filter(|(_, value)| *value != Constant::Text(String::new()))
    .collect()
}

/// A filter that asks for one value of a field.
fn filter_for<T>(field: &Field<T>, key: Option<&str>, value: &Constant) -> String {
    let path = match key {
        Some(key) => format!("{}{key}", field.path.trim_end_matches('*')),
        None => field.path.to_owned(),
    };
    let operator = if field.repeated { ":" } else { "=" };
    match (value, field.kind) {
        (Constant::Text(text), Type::Enum(_) | Type::Resource(_)) => {
            format!("{path} {operator} {text}")
        }
        (Constant::Text(text), _) => format!("{path} {operator} {text:?}"),
        (Constant::Integer(number), _) => format!("{path} {operator} {number}"),
        (Constant::Boolean(flag), _) => format!("{path} {operator} {flag}"),
        (Constant::Date(date), _) => format!("{path} {operator} {date}"),
        (Constant::Timestamp(time), _) => format!("{path} {operator} \"{time}\""),
    }
}

/// Whether `a` comes no later than `b` in the ascending order of a field.
fn in_order(kind: Type, a: &Constant, b: &Constant) -> bool {
    match (a, b) {
        (Constant::Text(a), Constant::Text(b)) => match kind {
            Type::Name => compare_names(a, b).is_le(),
            Type::Enum(all) => {
                let place = |value: &str| all.iter().position(|it| *it == value).unwrap();
                place(a) <= place(b)
            }
            Type::Resource(_) => a.split('/').le(b.split('/')),
            _ => a <= b,
        },
        (Constant::Integer(a), Constant::Integer(b)) => a <= b,
        (Constant::Boolean(a), Constant::Boolean(b)) => a <= b,
        (Constant::Date(a), Constant::Date(b)) => a <= b,
        (Constant::Timestamp(a), Constant::Timestamp(b)) => a <= b,
        other => panic!("{other:?} are not of one type"),
    }
}

/// Filters by every value that any field has, and orders by every field that says it can be,
/// both ways; the records of `rows` are the truth. Each field has to have a value somewhere, or
/// nothing would be shown of it.
async fn every_declared_field_holds<T: Queryable>(
    clients: &mut Clients,
    rows: Vec<T>,
    list: impl AsyncFn(&mut Clients, Asked) -> Named,
) {
    let everything = Asked { page_size: 1000, ..Asked::default() };
    let all: BTreeSet<_> = rows.iter().map(|row| row.name().into_owned()).collect();
    for field in T::FIELDS {
        let mut expected = BTreeMap::<String, BTreeSet<String>>::new();
        for row in &rows {
            for (key, value) in values(field, row) {
                let filter = filter_for(field, key.as_deref(), &value);
                expected.entry(filter).or_default().insert(row.name().into_owned());
            }
        }
        assert!(!expected.is_empty(), "no record has a value of `{}`", field.path);
        // a few of them show it; the names alone are dozens
        for (filter, expected) in expected.into_iter().take(5) {
            let asked = Asked { filter: filter.clone(), ..everything.clone() };
            let (found, _) = list(clients, asked).await.unwrap_or_else(|it| panic!("{it:?}"));
            assert_eq!(BTreeSet::from_iter(found), expected, "{filter}");
        }
        for descending in [false, true] {
            let order_by = format!("{}{}", field.path, if descending { " desc" } else { "" });
            let asked = Asked { order_by: order_by.clone(), ..everything.clone() };
            let listed = list(clients, asked).await;
            if !field.orderable {
                let refused = fields(&listed.unwrap_err());
                assert!(refused[0].starts_with("order_by "), "{order_by}: {refused:?}");
                continue;
            }
            let (listed, _) = listed.unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(BTreeSet::from_iter(listed.iter().cloned()), all, "{order_by}");
            let keys = listed.iter().map(|name| {
                let row = rows.iter().find(|row| row.name() == **name).unwrap();
                values(field, row).pop().map(|(_, value)| value)
            });
            let keys: Vec<_> = keys.collect();
            for pair in keys.windows(2) {
                let ordered = match (&pair[0], &pair[1]) {
                    (Some(a), Some(b)) if descending => in_order(field.kind, b, a),
                    (Some(a), Some(b)) => in_order(field.kind, a, b),
                    // what has no value comes last, both ways
                    (a, b) => a.is_some() || b.is_none(),
                };
                assert!(ordered, "{order_by}: {pair:?}");
            }
        }
    }
    let unknown = Asked { filter: "nope = 1".into(), ..Asked::default() };
    let error = list(clients, unknown).await.unwrap_err();
    assert_eq!(fields(&error), ["filter FILTER_UNKNOWN_FIELD"]);
    let unknown = Asked { order_by: "nope".into(), ..Asked::default() };
    assert!(fields(&list(clients, unknown).await.unwrap_err())[0].starts_with("order_by "));
}

/// Gives every field of every kind of record a value somewhere; all of it made up.
async fn furnish(server: &Server, steward: &mut Clients) {
    let agency = pb::Agency {
        display_name_en: "Made-up agency".into(),
        parent_agency: "agencies/bo-cong-an".into(),
        ..given::agency("Cơ quan thử nghiệm")
    };
    steward.catalogue.create_agency(pb::CreateAgencyRequest {
        agency_id: "thu".into(),
        agency: Some(agency),
        ..Default::default()
    }).await.unwrap();
    server.clock.advance(60);
    create(steward, "full", pb::Platform {
        display_name_en: "Made-up platform".into(),
        operating_unit: "Đơn vị thử".into(),
        coordinating_agencies: vec!["agencies/bo-y-te".into(), "agencies/thu".into()],
        classification: pb::platform::Classification::Sector.into(),
        deployment_levels: vec![1, 3],
        listings: vec![pb::platform::Listing {
            group: "A".into(),
            membership: pb::platform::listing::Membership::Stated.into(),
            ..given::listing("editions/1132-qd-ttg", "Nền tảng thử")
        }],
        operation_stages: vec![pb::platform::OperationStage {
            stage: pb::platform::operation_stage::Stage::Pilot.into(),
            reached: Some(pb::Period { end: Some(given::date(2026, 1, 1)), ..Default::default() }),
            ..Default::default()
        }],
        security: Some(pb::platform::Security { level: 3, approval: None }),
        data_sharing_channels: vec![2, 4],
        labels: [("thu".to_owned(), "một".to_owned()), ("b".to_owned(), "hai".to_owned())].into(),
        ..given::platform("Nền tảng thử nghiệm")
    }).await;
    let mut second = given::steward(server, "second").await;
    let leaving = create(steward, "leaving", given::platform("Nền tảng ra khỏi danh mục")).await;
    let proposal = steward.catalogue.retire_platform(pb::RetirePlatformRequest {
        name: leaving.name,
        etag: leaving.etag,
        exit: Some(pb::platform::Exit {
            reason: "thử nghiệm".into(),
            outcome: pb::platform::exit::Outcome::Replaced.into(),
            decision: Some(given::decision("2/QĐ-TEST")),
            successor: "platforms/full".into(),
            ..Default::default()
        }),
        ..Default::default()
    }).await.unwrap().into_inner();
    server.clock.advance(60);
    second.plans.approve_proposal(pb::ApproveProposalRequest {
        name: proposal.name,
        etag: proposal.etag,
        ..Default::default()
    }).await.unwrap();
    // plans: one issued, one drafted
    use ndp_registry::domain::principals::Role;
    let roles = [Role::AgencyEditor, Role::AgencyApprover];
    let mut one = server.clients(server.person("one", &roles, Some("bo-cong-an")).await);
    let mut two = server.clients(server.person("two", &roles, Some("bo-cong-an")).await);
    for (id, title) in [("a", "Kế hoạch thử"), ("b", "Đề án thử")] {
        let plan = pb::Plan {
            display_name: title.into(),
            lead_unit: "Đơn vị thử".into(),
            coordinating_agencies: vec!["agencies/bo-y-te".into()],
            planned_start: Some(pb::Period {
                start: Some(given::date(2026, 1, 1)),
                ..Default::default()
            }),
            planned_end: Some(pb::Period {
                end: Some(given::date(2027, 12, 31)),
                ..Default::default()
            }),
            ..Default::default()
        };
        let plan = one.plans.create_plan(pb::CreatePlanRequest {
            parent: "platforms/ndp-001".into(),
            plan_id: id.into(),
            plan: Some(plan),
            ..Default::default()
        }).await.unwrap().into_inner();
        if id == "b" {
            continue;
        }
        let (name, etag) = (plan.name, plan.etag);
        let request = pb::SubmitPlanRequest { name, etag, ..Default::default() };
        let plan = one.plans.submit_plan(request).await.unwrap().into_inner();
        two.plans.issue_plan(pb::IssuePlanRequest {
            name: plan.name,
            etag: plan.etag,
            document: Some(given::decision("3/QĐ-TEST")),
            ..Default::default()
        }).await.unwrap();
    }
}

both! {
    async fn every_declared_field_filters_and_orders(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        furnish(&server, &mut keeper).await;
        use ndp_registry::domain::principals::Role;
        let roles = [Role::Admin, Role::Steward];
        let mut all = server.clients(server.person("all", &roles, None).await);
        let snapshot = server.registry.read();
        let state = &snapshot.state;
        let own = |it: &_| -> Vec<_> { rows_of(it) };
        every_declared_field_holds(&mut all, own(state.agencies()), agencies).await;
        every_declared_field_holds(&mut all, rows_of(state.editions()), editions).await;
        every_declared_field_holds(&mut all, rows_of(state.platforms()), platforms).await;
        every_declared_field_holds(&mut all, rows_of(state.proposals()), proposals).await;
        every_declared_field_holds(&mut all, rows_of(state.figures()), figures).await;
        every_declared_field_holds(&mut all, rows_of(state.principals()), principals).await;
        drop(snapshot);
        server.stop().await;
    }
}

fn rows_of<K: Ord + Clone, T: Clone>(map: &imbl::OrdMap<K, std::sync::Arc<T>>) -> Vec<T> {
    map.values().map(|it| T::clone(it)).collect()
}
