//! Lists: every declared field filters and orders, and the protos name these fields; pages make
//! up the whole list, also with writes between them; views show what they say; a page is never
//! larger than a client reads.

use std::collections::{BTreeMap, BTreeSet};

use ndp_core::{
    query::schema::{Constant, Field, Queryable, Type, Values},
    records::principals::Role,
    text::compare_names,
};
use ndp_registry::pb;
use prost::Message;
use prost_reflect::DescriptorPool;
use tonic::Status;

use crate::harness::{
    Engine, both,
    raw::{POOL, methods, reason},
    server::{Clients, Server},
    synthetic::{self, create, fields, get, steward},
};

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
    list!(
        clients,
        asked,
        catalogue.list_agencies,
        ListAgenciesRequest,
        agencies
    )
}

async fn editions(clients: &mut Clients, asked: Asked) -> Named {
    list!(
        clients,
        asked,
        catalogue.list_editions,
        ListEditionsRequest,
        editions
    )
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
    list!(
        clients,
        asked,
        monitoring.list_figures,
        ListFiguresRequest,
        figures
    )
}

async fn principals(clients: &mut Clients, asked: Asked) -> Named {
    list!(
        clients,
        asked,
        access.list_principals,
        ListPrincipalsRequest,
        principals
    )
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
        Values::Texts(texts) => texts
            .iter()
            .cloned()
            .map(Constant::Text)
            .map(plain)
            .collect(),
        Values::Many(values) => values
            .into_iter()
            .map(|value| plain(value.into_constant()))
            .collect(),
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
    let everything = Asked {
        page_size: 1000,
        ..Asked::default()
    };
    let all: BTreeSet<_> = rows.iter().map(|row| row.name().into_owned()).collect();
    for field in T::FIELDS {
        let mut expected = BTreeMap::<String, BTreeSet<String>>::new();
        for row in &rows {
            for (key, value) in values(field, row) {
                let filter = filter_for(field, key.as_deref(), &value);
                expected
                    .entry(filter)
                    .or_default()
                    .insert(row.name().into_owned());
            }
        }
        assert!(
            !expected.is_empty(),
            "no record has a value of `{}`",
            field.path
        );
        // a few of them show it; the names alone are dozens
        for (filter, expected) in expected.into_iter().take(5) {
            let asked = Asked {
                filter: filter.clone(),
                ..everything.clone()
            };
            let (found, _) = list(clients, asked)
                .await
                .unwrap_or_else(|it| panic!("{it:?}"));
            assert_eq!(BTreeSet::from_iter(found), expected, "{filter}");
        }
        for descending in [false, true] {
            let order_by = format!("{}{}", field.path, if descending { " desc" } else { "" });
            let asked = Asked {
                order_by: order_by.clone(),
                ..everything.clone()
            };
            let listed = list(clients, asked).await;
            if !field.orderable {
                let refused = fields(&listed.unwrap_err());
                assert!(
                    refused[0].starts_with("order_by "),
                    "{order_by}: {refused:?}"
                );
                continue;
            }
            let (listed, _) = listed.unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(
                BTreeSet::from_iter(listed.iter().cloned()),
                all,
                "{order_by}"
            );
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
    let unknown = Asked {
        filter: "nope = 1".into(),
        ..Asked::default()
    };
    let error = list(clients, unknown).await.unwrap_err();
    assert_eq!(fields(&error), ["filter FILTER_UNKNOWN_FIELD"]);
    let unknown = Asked {
        order_by: "nope".into(),
        ..Asked::default()
    };
    assert!(fields(&list(clients, unknown).await.unwrap_err())[0].starts_with("order_by "));
}

/// Gives every field of every kind of record a synthetic value somewhere.
async fn furnish(server: &Server, steward: &mut Clients) {
    let agency = pb::Agency {
        display_name_en: "Synthetic agency".into(),
        parent_agency: "agencies/bo-cong-an".into(),
        ..synthetic::agency("Cơ quan thử nghiệm")
    };
    steward
        .catalogue
        .create_agency(pb::CreateAgencyRequest {
            agency_id: "thu".into(),
            agency: Some(agency),
            ..Default::default()
        })
        .await
        .unwrap();
    server.clock.advance(60);
    create(
        steward,
        "full",
        pb::Platform {
            display_name_en: "Synthetic platform".into(),
            operating_unit: "Đơn vị thử".into(),
            coordinating_agencies: vec!["agencies/bo-y-te".into(), "agencies/thu".into()],
            classification: pb::platform::Classification::Sector.into(),
            deployment_levels: vec![1, 3],
            listings: vec![pb::platform::Listing {
                group: "A".into(),
                membership: pb::platform::listing::Membership::Stated.into(),
                ..synthetic::listing("editions/1132-qd-ttg", "Nền tảng thử")
            }],
            operation_stages: vec![pb::platform::OperationStage {
                stage: pb::platform::operation_stage::Stage::Pilot.into(),
                reached: Some(pb::Period {
                    end: Some(synthetic::date(2026, 1, 1)),
                    ..Default::default()
                }),
                ..Default::default()
            }],
            security: Some(pb::platform::Security {
                level: 3,
                approval: None,
            }),
            data_sharing_channels: vec![2, 4],
            labels: [
                ("thu".to_owned(), "một".to_owned()),
                ("b".to_owned(), "hai".to_owned()),
            ]
            .into(),
            ..synthetic::platform("Nền tảng thử nghiệm")
        },
    )
    .await;
    let mut second = synthetic::steward(server, "second").await;
    let leaving = create(
        steward,
        "leaving",
        synthetic::platform("Nền tảng ra khỏi danh mục"),
    )
    .await;
    let proposal = steward
        .catalogue
        .retire_platform(pb::RetirePlatformRequest {
            name: leaving.name,
            etag: leaving.etag,
            exit: Some(pb::platform::Exit {
                reason: "thử nghiệm".into(),
                outcome: pb::platform::exit::Outcome::Replaced.into(),
                decision: Some(synthetic::decision("2/QĐ-TEST")),
                successor: "platforms/full".into(),
                ..Default::default()
            }),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner()
        .proposal
        .unwrap();
    server.clock.advance(60);
    second
        .plans
        .approve_proposal(pb::ApproveProposalRequest {
            name: proposal.name,
            etag: proposal.etag,
            ..Default::default()
        })
        .await
        .unwrap();
    server
        .clients(server.person("admin", &[Role::Admin], None).await)
        .access
        .create_api_key(pb::CreateApiKeyRequest {
            parent: "principals/second".into(),
            api_key: Some(pb::ApiKey {
                display_name: "Khóa thử".into(),
                expiration: Some(pb::api_key::Expiration::ExpireTime(
                    prost_types::Timestamp {
                        seconds: 1_900_000_000,
                        nanos: 0,
                    },
                )),
                ..Default::default()
            }),
            ..Default::default()
        })
        .await
        .unwrap();
    // plans: one issued, one drafted
    let roles = [Role::AgencyEditor, Role::AgencyApprover];
    let mut one = server.clients(server.person("one", &roles, Some("bo-cong-an")).await);
    let mut two = server.clients(server.person("two", &roles, Some("bo-cong-an")).await);
    for (id, title) in [("a", "Kế hoạch thử"), ("b", "Đề án thử")] {
        let plan = pb::Plan {
            display_name: title.into(),
            lead_unit: "Đơn vị thử".into(),
            budget: Some(pb::plan::Budget {
                price_year: 2026,
                ..Default::default()
            }),
            coordinating_agencies: vec!["agencies/bo-y-te".into()],
            covered_platforms: vec![pb::plan::Coverage {
                platform: "platforms/ndp-002".into(),
                ..Default::default()
            }],
            planned_start: Some(pb::Period {
                start: Some(synthetic::date(2026, 1, 1)),
                ..Default::default()
            }),
            planned_end: Some(pb::Period {
                end: Some(synthetic::date(2027, 12, 31)),
                ..Default::default()
            }),
            ..Default::default()
        };
        let plan = one
            .plans
            .create_plan(pb::CreatePlanRequest {
                parent: "platforms/ndp-001".into(),
                plan_id: id.into(),
                plan: Some(plan),
                ..Default::default()
            })
            .await
            .unwrap()
            .into_inner();
        if id == "b" {
            continue;
        }
        let (name, etag) = (plan.name, plan.etag);
        let request = pb::SubmitPlanRequest {
            name,
            etag,
            ..Default::default()
        };
        let plan = one.plans.submit_plan(request).await.unwrap().into_inner();
        two.plans
            .issue_plan(pb::IssuePlanRequest {
                name: plan.name,
                etag: plan.etag,
                document: Some(synthetic::decision("3/QĐ-TEST")),
                ..Default::default()
            })
            .await
            .unwrap();
    }
}

both! {
    async fn every_declared_field_filters_and_orders(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        furnish(&server, &mut keeper).await;
        let roles = [Role::Admin, Role::Steward];
        let mut all = server.clients(server.person("all", &roles, None).await);
        // of the figures that are shipped none is of one agency, and none of a scope
        let country = pb::observation::Scope::Country;
        for (id, scope, agency) in [("mot", None, "agencies/bo-y-te"), ("hai", Some(country), "")] {
            let figure = pb::Figure {
                figure_date: Some(synthetic::date(2026, 9, 30)),
                subject: pb::figure::Subject::PlansIssued.into(),
                scope: scope.map_or(0, Into::into),
                agency: agency.into(),
                sources: vec![pb::Source { note: "thử".into(), ..Default::default() }],
                ..Default::default()
            };
            let request = pb::CreateFigureRequest {
                figure: Some(figure),
                figure_id: id.into(),
                ..Default::default()
            };
            keeper.monitoring.create_figure(request).await.unwrap();
        }
        let snapshot = server.registry.read();
        let state = &snapshot.state;
        every_declared_field_holds(&mut all, rows_of(state.agencies()), agencies).await;
        every_declared_field_holds(&mut all, rows_of(state.editions()), editions).await;
        every_declared_field_holds(&mut all, rows_of(state.platforms()), platforms).await;
        every_declared_field_holds(&mut all, rows_of(state.plans()), plans).await;
        every_declared_field_holds(&mut all, rows_of(state.proposals()), proposals).await;
        every_declared_field_holds(&mut all, rows_of(state.figures()), figures).await;
        every_declared_field_holds(&mut all, rows_of(state.principals()), principals).await;
        every_declared_field_holds(&mut all, rows_of(state.api_keys()), api_keys).await;
        drop(snapshot);
        server.stop().await;
    }
}

fn rows_of<K: Ord + Clone, T: Clone>(map: &imbl::OrdMap<K, std::sync::Arc<T>>) -> Vec<T> {
    map.values().map(|it| T::clone(it)).collect()
}

// === the contract names the same fields ===

/// The fields that the comment of a request's field lists after `Fields:`.
pub(crate) fn named_in_comment(pool: &DescriptorPool, request: &str, field: &str) -> Vec<String> {
    let name = format!("ndp.registry.v1.{request}");
    let message = pool.get_message_by_name(&name).unwrap();
    let field = message.get_field_by_name(field).unwrap();
    let file = message.parent_file();
    let file = file.file_descriptor_proto();
    let locations = &file.source_code_info.as_ref().unwrap().location;
    let location = locations.iter().find(|it| it.path == field.path()).unwrap();
    let (_, list) = location.leading_comments().split_once("Fields:").unwrap();
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn assert_named<T: Queryable>(pool: &DescriptorPool, method: &str) -> String {
    let request = &format!("{method}Request");
    let path = |field: &Field<T>| field.path.replace('*', "{key}");
    let declared: Vec<_> = T::FIELDS.iter().map(path).collect();
    assert_eq!(
        named_in_comment(pool, request, "filter"),
        declared,
        "{request}"
    );
    let orderable = T::FIELDS.iter().filter(|field| field.orderable);
    let orderable: Vec<_> = orderable.map(path).collect();
    assert_eq!(
        named_in_comment(pool, request, "order_by"),
        orderable,
        "{request}"
    );
    assert_presence::<T>(pool, request);
    method.to_owned()
}

/// A default makes a field present only where the proto has it as `optional`; an enum's first
/// value is its unspecified one, or left out of the schema.
fn assert_presence<T: Queryable>(pool: &DescriptorPool, request: &str) {
    let kind = request
        .trim_start_matches("List")
        .trim_end_matches("sRequest");
    let kind = match kind {
        "Agencie" => "Agency",
        other => other,
    };
    for field in T::FIELDS {
        if (kind, field.path) == ("Change", "resources") {
            // what its effects name
            continue;
        }
        let name = format!("ndp.registry.v1.{kind}");
        let mut message = pool.get_message_by_name(&name).unwrap();
        let mut parts = field.path.trim_end_matches(".*").split('.').peekable();
        while let Some(part) = parts.next() {
            let it = message.get_field_by_name(part);
            let it = it.unwrap_or_else(|| panic!("{kind} has no `{}`", field.path));
            if parts.peek().is_some() {
                message = it.kind().as_message().unwrap().clone();
                continue;
            }
            let optional = it.supports_presence() && it.kind().as_message().is_none();
            assert_eq!(field.optional, optional, "{kind}.{}", field.path);
            if let (Type::Enum(values), Some(of)) = (field.kind, it.kind().as_enum()) {
                let zero = of.get_value(0).unwrap();
                let unspecified = values.iter().position(|it| *it == zero.name());
                assert!(
                    matches!(unspecified, None | Some(0)),
                    "{kind}.{}",
                    field.path
                );
            }
        }
    }
}

#[test]
fn each_lists_proto_names_exactly_the_declared_fields() {
    use ndp_core::monitoring::{attention::Item, deployments::DeploymentRow};
    use ndp_core::records::{
        agencies::Agency,
        assessments::Assessment,
        baselines::Baseline,
        data_flows::FlowRow,
        editions::Edition,
        figures::Figure,
        indicators::Indicator,
        milestones::Milestone,
        observations::Observation,
        plans::Plan,
        platforms::Platform,
        principals::{ApiKey, Principal},
        programmes::Programme,
        proposals::Proposal,
        recommendations::Recommendation,
        reports::Report,
        tasks::Task,
    };
    use ndp_core::{query::fields::Below, state::log::ChangeFacts};
    use ndp_registry::call::denials::Denial;
    let compared = BTreeSet::from([
        assert_named::<Agency>(&POOL, "ListAgencies"),
        assert_named::<Edition>(&POOL, "ListEditions"),
        assert_named::<Platform>(&POOL, "ListPlatforms"),
        assert_named::<Plan>(&POOL, "ListPlans"),
        assert_named::<Below<Milestone>>(&POOL, "ListMilestones"),
        assert_named::<Below<Baseline>>(&POOL, "ListBaselines"),
        assert_named::<Below<Report>>(&POOL, "ListReports"),
        assert_named::<Below<Assessment>>(&POOL, "ListAssessments"),
        assert_named::<Proposal>(&POOL, "ListProposals"),
        assert_named::<Figure>(&POOL, "ListFigures"),
        assert_named::<Programme>(&POOL, "ListProgrammes"),
        assert_named::<Task>(&POOL, "ListTasks"),
        assert_named::<Indicator>(&POOL, "ListIndicators"),
        assert_named::<Observation>(&POOL, "ListObservations"),
        assert_named::<DeploymentRow>(&POOL, "ListDeployments"),
        assert_named::<Recommendation>(&POOL, "ListRecommendations"),
        assert_named::<FlowRow>(&POOL, "ListDataFlows"),
        assert_named::<Principal>(&POOL, "ListPrincipals"),
        assert_named::<ApiKey>(&POOL, "ListApiKeys"),
        assert_named::<ChangeFacts>(&POOL, "ListChanges"),
        assert_named::<Item>(&POOL, "ListAttentionItems"),
        assert_named::<Denial>(&POOL, "ListDenials"),
    ]);
    let methods = methods().into_iter().map(|method| method.name().to_owned());
    let lists: BTreeSet<_> = methods.filter(|name| name.starts_with("List")).collect();
    assert_eq!(compared, lists, "compare the fields of every list");
}

// === pages ===

/// Walks a list page by page; the names of each page.
async fn walk(
    clients: &mut Clients,
    asked: Asked,
    list: impl AsyncFn(&mut Clients, Asked) -> Named,
) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut page_token = String::new();
    loop {
        let asked = Asked {
            page_token,
            ..asked.clone()
        };
        let (page, next) = list(clients, asked).await.unwrap();
        pages.push(page);
        if next.is_empty() {
            return pages;
        }
        page_token = next;
        assert!(pages.len() < 100, "the walk does not end");
    }
}

async fn active(clients: &mut Clients, asked: Asked) -> Named {
    list!(
        clients,
        asked,
        catalogue.list_platforms,
        ListPlatformsRequest,
        platforms
    )
}

both! {
    async fn pages_of_seven_make_up_the_eighty_four_in_every_order(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut anyone = server.anonymous();
        for order_by in [
            "", "name", "name desc", "display_name", "display_name desc", "display_name_en",
            "governing_agency, display_name desc", "verification desc, name desc",
            "create_time", "update_time desc, verification",
        ] {
            let asked = Asked { order_by: order_by.into(), page_size: 7, ..Asked::default() };
            let whole = Asked { page_size: 84, ..asked.clone() };
            let (whole, rest) = active(&mut anyone, whole).await.unwrap();
            assert_eq!((whole.len(), &*rest), (84, ""), "{order_by}");
            assert_eq!(BTreeSet::from_iter(&whole).len(), 84, "{order_by}");
            let pages = walk(&mut anyone, asked, active).await;
            assert_eq!(pages.len(), 12, "{order_by}");
            assert_eq!(pages.concat(), whole, "{order_by}");
        }
        // a number of names that the last page does not fill, and one that no page does
        let known = Asked { filter: "display_name:*".into(), page_size: 5, ..Asked::default() };
        let pages = walk(&mut anyone, known, active).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 4]);
        let none = Asked { filter: "name = platforms/khong-co".into(), ..Asked::default() };
        assert_eq!(walk(&mut anyone, none, active).await, [[""; 0]]);
        // the page size may change between pages; it is 50 by default and at most 1,000
        let (first, token) = active(&mut anyone, Asked::default()).await.unwrap();
        assert_eq!(first.len(), 50);
        let rest = Asked { page_size: i32::MAX, page_token: token, ..Asked::default() };
        let (rest, token) = active(&mut anyone, rest).await.unwrap();
        assert_eq!((rest.len(), &*token), (34, ""));
        for page_size in [-1, i32::MIN] {
            let negative = Asked { page_size, ..Asked::default() };
            let refused = fields(&active(&mut anyone, negative).await.unwrap_err());
            assert!(refused[0].starts_with("page_size "), "{refused:?}");
        }
        server.stop().await;
    }

    async fn a_walk_skips_and_repeats_nothing_while_others_write(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        for order_by in ["name", "display_name_en desc", "verification, name desc"] {
            let asked = Asked { order_by: order_by.into(), page_size: 20, ..Asked::default() };
            let whole = Asked { page_size: 1000, ..asked.clone() };
            let (before, _) = active(&mut keeper, whole.clone()).await.unwrap();
            let (mut walked, mut token) = active(&mut keeper, asked.clone()).await.unwrap();
            while !token.is_empty() {
                // behind the cursor, before it, and one that stays where it is
                let it = synthetic::platform("Nền tảng thử nghiệm");
                create(&mut keeper, "", it.clone()).await;
                create(&mut keeper, &format!("a{}", server.registry.revision()), it).await;
                keeper.catalogue.update_platform(pb::UpdatePlatformRequest {
                    platform: Some(pb::Platform {
                        name: walked[0].clone(),
                        labels: [("thu".to_owned(), token.chars().take(9).collect())].into(),
                        ..Default::default()
                    }),
                    ..Default::default()
                }).await.unwrap();
                let next = Asked { page_token: token, ..asked.clone() };
                let (page, next) = active(&mut keeper, next).await.unwrap();
                walked.extend(page);
                token = next;
            }
            let old: BTreeSet<_> = before.iter().collect();
            let seen: Vec<_> = walked.iter().filter(|name| old.contains(name)).collect();
            assert_eq!(seen, before.iter().collect::<Vec<_>>(), "{order_by}");
            assert_eq!(BTreeSet::from_iter(&walked).len(), walked.len(), "{order_by}");
        }
        server.stop().await;
    }

    async fn a_token_holds_for_its_own_arguments_only(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut anyone = server.anonymous();
        let refused = ["page_token PAGE_TOKEN_INVALID"];
        let asked = Asked {
            filter: "verification = PENDING_ANNEX".into(),
            order_by: "display_name".into(),
            page_size: 7,
            ..Asked::default()
        };
        let (_, page_token) = active(&mut anyone, asked.clone()).await.unwrap();
        let asked = Asked { page_token: page_token.clone(), ..asked };
        active(&mut anyone, asked.clone()).await.unwrap();
        for other in [
            Asked { filter: "verification = FROM_PRESS".into(), ..asked.clone() },
            Asked { filter: String::new(), ..asked.clone() },
            Asked { order_by: "display_name desc".into(), ..asked.clone() },
            Asked { order_by: String::new(), ..asked.clone() },
        ] {
            let by_order = other.order_by != asked.order_by;
            let error = active(&mut anyone, other).await.unwrap_err();
            assert_eq!(fields(&error), refused);
            let changed = if by_order { "`order_by`" } else { "`filter`" };
            let received = format!("another value of {changed};");
            assert!(error.message().contains(&received), "{}", error.message());
        }
        // the same filter otherwise written is the same
        let spaced = Asked { filter: " verification=PENDING_ANNEX ".into(), ..asked.clone() };
        active(&mut anyone, spaced).await.unwrap();
        let request = |view: pb::PlatformView, show_retired| pb::ListPlatformsRequest {
            filter: asked.filter.clone(),
            order_by: asked.order_by.clone(),
            page_token: page_token.clone(),
            view: view.into(),
            show_retired,
            ..Default::default()
        };
        for other in [
            request(pb::PlatformView::Full, false),
            request(pb::PlatformView::Basic, true),
        ] {
            assert_eq!(fields(&anyone.catalogue.list_platforms(other).await.unwrap_err()), refused);
        }
        // the default said aloud is the same
        let basic = request(pb::PlatformView::Basic, false);
        anyone.catalogue.list_platforms(basic).await.unwrap();

        // nor for another method, nor changed, nor forged
        let plain = Asked { page_size: 1, ..Asked::default() };
        let (_, of_agencies) = agencies(&mut anyone, plain.clone()).await.unwrap();
        let (_, of_platforms) = active(&mut anyone, plain.clone()).await.unwrap();
        let crossed = Asked { page_token: of_agencies, ..plain.clone() };
        assert_eq!(fields(&active(&mut anyone, crossed).await.unwrap_err()), refused);
        let crossed = Asked { page_token: of_platforms.clone(), ..plain.clone() };
        assert_eq!(fields(&agencies(&mut anyone, crossed).await.unwrap_err()), refused);
        let search = |page_token: &str| pb::SearchPlatformsRequest {
            query: "quốc gia".into(),
            page_size: 1,
            page_token: page_token.into(),
            ..Default::default()
        };
        let crossed = anyone.catalogue.search_platforms(search(&of_platforms)).await;
        assert_eq!(fields(&crossed.unwrap_err()), refused);
        let found = anyone.catalogue.search_platforms(search("")).await.unwrap().into_inner();
        let other = pb::SearchPlatformsRequest {
            query: "dữ liệu".into(),
            ..search(&found.next_page_token)
        };
        assert_eq!(fields(&anyone.catalogue.search_platforms(other).await.unwrap_err()), refused);
        let other = pb::SearchPlatformsRequest {
            view: pb::PlatformView::Full.into(),
            ..search(&found.next_page_token)
        };
        assert_eq!(fields(&anyone.catalogue.search_platforms(other).await.unwrap_err()), refused);
        for at in 0..of_platforms.len() {
            let mut tampered = of_platforms.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let page_token = String::from_utf8(tampered).unwrap();
            let tampered = Asked { page_token, ..plain.clone() };
            let error = active(&mut anyone, tampered).await.unwrap_err();
            match at {
                // the log's id, whose last bits share a character with the revision
                2..22 => assert_eq!(reason(&error), "LOG_DIVERGED", "{at}"),
                22 if reason(&error) == "LOG_DIVERGED" => {}
                _ => assert_eq!(fields(&error), refused, "{at}"),
            }
        }
        for page_token in ["x", "AA", "=", "đ", "\"", &of_platforms[1..]] {
            let synthetic = Asked { page_token: page_token.into(), ..plain.clone() };
            assert_eq!(fields(&active(&mut anyone, synthetic).await.unwrap_err()), refused);
        }
        // a token outlives a restart: the key is the database's
        server.stop().await;
        let server = Server::start(&engine.url()).await;
        active(&mut server.anonymous(), asked).await.unwrap();
        server.stop().await;
    }

    async fn names_are_ordered_by_the_vietnamese_alphabet_and_empty_ones_come_last(
        engine: Engine
    ) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        // synthetic; in the order of the alphabet: a ă â … d đ e ê … o ô ơ … u ư, then the tones
        let ordered = [
            "an", "Án", "ăn", "Ân", "Bình", "Chè", "da", "Dân", "đa", "Đà", "Đất", "em", "Êm",
            "oi", "Ôi", "ơi", "Uy", "ưu", "ý",
        ];
        for (index, name) in ordered.iter().enumerate() {
            let id = format!("thu-{}", (index * 7) % ordered.len());
            let labels = [("thu".to_owned(), "thứ tự".to_owned())].into();
            let it = pb::Platform { labels, ..synthetic::platform(name) };
            create(&mut keeper, &id, it).await;
        }
        for id in ["thu-y", "thu-z"] {
            create(&mut keeper, id, pb::Platform {
                verification: pb::platform::Verification::PendingAnnex.into(),
                labels: [("thu".to_owned(), "thứ tự".to_owned())].into(),
                ..Default::default()
            }).await;
        }
        let ascending: Vec<_> = ordered.iter().copied().chain(["", ""]).collect();
        let descending: Vec<_> = ordered.iter().rev().copied().chain(["", ""]).collect();
        for (order_by, expected) in
            [("display_name", ascending), ("display_name desc", descending)]
        {
            for page_size in [4, 100] {
                let mut listed = Vec::new();
                let mut page_token = String::new();
                loop {
                    let page = keeper.catalogue.list_platforms(pb::ListPlatformsRequest {
                        filter: "labels.thu = \"thứ tự\"".into(),
                        order_by: order_by.into(),
                        page_size,
                        page_token,
                        ..Default::default()
                    }).await.unwrap().into_inner();
                    listed.extend(page.platforms.into_iter().map(|it| it.display_name));
                    page_token = page.next_page_token;
                    if page_token.is_empty() {
                        break;
                    }
                }
                assert_eq!(listed, expected, "{order_by} by {page_size}");
            }
        }
        server.stop().await;
    }
}

// === views ===

/// The names of the fields that a message carries, as protobuf knows it.
fn carried(message: &pb::Platform) -> BTreeSet<String> {
    let descriptor = POOL
        .get_message_by_name("ndp.registry.v1.Platform")
        .unwrap();
    let bytes = message.encode_to_vec();
    let message = prost_reflect::DynamicMessage::decode(descriptor, &*bytes).unwrap();
    message
        .fields()
        .map(|(field, _)| field.name().to_owned())
        .collect()
}

both! {
    async fn the_basic_view_carries_what_its_comment_lists(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        furnish(&server, &mut keeper).await;
        use pb::PlatformView::{Basic, Full, Unspecified};
        let basic: BTreeSet<String> = [
            "name", "display_name", "display_name_en", "operation_stage", "verification",
            "state", "etag", "create_time", "update_time", "revision",
        ].map(str::to_owned).into();
        let full = carried(&get(&mut keeper, "platforms/full").await);
        assert!(full.is_superset(&basic) && full.len() > basic.len() + 5, "{full:?}");
        let mut anyone = server.anonymous();
        let name = "platforms/full".to_owned();
        for (view, of_get, of_list) in [
            (Unspecified, &full, &basic), (Basic, &basic, &basic), (Full, &full, &full),
        ] {
            let view = i32::from(view);
            let request = pb::GetPlatformRequest { name: name.clone(), view, ..Default::default() };
            let it = keeper.catalogue.get_platform(request.clone()).await.unwrap().into_inner();
            assert_eq!(carried(&it), *of_get);
            let it = anyone.catalogue.get_platform(request).await.unwrap().into_inner();
            let mut public = of_get.clone();
            public.remove("security");
            assert_eq!(carried(&it), public, "security is not shown to anonymous callers");
            let it = keeper.catalogue.batch_get_platforms(pb::BatchGetPlatformsRequest {
                names: vec![name.clone()],
                view,
                ..Default::default()
            }).await.unwrap().into_inner();
            assert_eq!(carried(&it.platforms[0]), *of_get);
            let it = keeper.catalogue.list_platforms(pb::ListPlatformsRequest {
                filter: "name = platforms/full".into(),
                view,
                ..Default::default()
            }).await.unwrap().into_inner();
            assert_eq!(carried(&it.platforms[0]), *of_list);
            let it = keeper.catalogue.search_platforms(pb::SearchPlatformsRequest {
                query: "full".into(),
                view,
                ..Default::default()
            }).await.unwrap().into_inner();
            assert_eq!(carried(&it.platforms[0]), *of_list);
        }
        // an anonymous caller cannot find out the level by a filter either
        let by_level = |clients: Clients| async move {
            let asked = Asked { filter: "security.level = 3".into(), ..Asked::default() };
            active(&mut { clients }, asked).await.unwrap().0
        };
        assert_eq!(by_level(anyone.clone()).await, [""; 0]);
        assert_eq!(by_level(keeper.clone()).await, ["platforms/full"]);
        let unknown = pb::GetPlatformRequest { name, view: 9, ..Default::default() };
        let error = anyone.catalogue.get_platform(unknown).await.unwrap_err();
        assert!(fields(&error)[0].starts_with("view "), "{error:?}");
        server.stop().await;
    }

    async fn a_page_never_outgrows_what_a_client_reads(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        let source = pb::Source {
            uri: format!("https://example.test/{}", "x".repeat(1900)),
            note: "ệ".repeat(1000),
        };
        let sources = vec![source; 50];
        let mut names = Vec::new();
        for number in 0..12 {
            let it = pb::Platform {
                sources: sources.clone(),
                ..synthetic::platform("Nền tảng lớn (synthetic)")
            };
            names.push(create(&mut keeper, &format!("lon-{number:02}"), it).await.name);
        }
        // one that is larger than any request: written field by field
        let listing = |edition: &str| pb::platform::Listing {
            sources: sources.clone(),
            ..synthetic::listing(&format!("editions/{edition}"), "Nền tảng lớn (synthetic)")
        };
        let stage = |stage| pb::platform::OperationStage {
            stage,
            sources: sources.clone(),
            ..Default::default()
        };
        let huge = create(&mut keeper, "lon-huge", pb::Platform {
            listings: ["1527-qd-bkhcn", "2618-qd-bkhcn", "1132-qd-ttg"].map(listing).into(),
            ..synthetic::platform("Nền tảng lớn (synthetic)")
        }).await;
        keeper.catalogue.update_platform(pb::UpdatePlatformRequest {
            platform: Some(pb::Platform {
                name: huge.name.clone(),
                operation_stages: [1, 2, 3].map(stage).into(),
                ..Default::default()
            }),
            ..Default::default()
        }).await.unwrap();
        names.push(huge.name);

        let mut listed = Vec::new();
        let mut pages = 0;
        let mut page_token = String::new();
        loop {
            let page = keeper.catalogue.list_platforms(pb::ListPlatformsRequest {
                filter: "display_name:\"nen tang lon\"".into(),
                view: pb::PlatformView::Full.into(),
                page_size: 1000,
                page_token,
                ..Default::default()
            }).await.unwrap().into_inner();
            assert!(page.encoded_len() <= 4 * 1024 * 1024);
            listed.extend(page.platforms.into_iter().map(|it| it.name));
            pages += 1;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!((&listed, pages), (&names, 2));
        let mut found = Vec::new();
        let mut pages = 0;
        let mut page_token = String::new();
        loop {
            let page = keeper.catalogue.search_platforms(pb::SearchPlatformsRequest {
                query: "nen tang lon".into(),
                view: pb::PlatformView::Full.into(),
                page_size: 1000,
                page_token,
                ..Default::default()
            }).await.unwrap().into_inner();
            assert!(page.encoded_len() <= 4 * 1024 * 1024);
            found.extend(page.platforms.into_iter().map(|it| it.name));
            pages += 1;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!((&found, pages), (&names, 2));
        // a batch is all or nothing, so what cannot be answered is refused with a way out
        let mut batch = pb::BatchGetPlatformsRequest { names, ..Default::default() };
        let error = keeper.catalogue.batch_get_platforms(batch.clone()).await.unwrap_err();
        assert_eq!(fields(&error), ["names ANSWER_TOO_LARGE"]);
        batch.view = pb::PlatformView::Basic.into();
        let answer = keeper.catalogue.batch_get_platforms(batch).await.unwrap().into_inner();
        assert_eq!(answer.platforms.len(), 13);
        server.stop().await;
    }
}
