//! What every list promises: a field is present where the answer has it, and a page token holds
//! for the arguments of its first page, all of them.

use std::collections::BTreeSet;

use ndp_core::records::{
    plans::{PlanMove, PlanState},
    principals::Role,
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MethodDescriptor, ReflectMessage as _, Value as Field};
use serde_json::{Value, json};

use super::lists::named_in_comment;
use crate::{
    catalogue::{data_flows, deployments},
    harness::{
        Engine, both,
        plans::{Cast, DECISION_DAY, date, decision},
        raw::{POOL, Raw, methods, reason, violations},
        server::{As, Server},
    },
    monitoring::indicators,
    tasks::{lifecycle as tasks, programmes, recommendations},
};

/// At least two synthetic records of every kind, some with every field and some with few.
pub(crate) async fn world(server: &Server) -> Raw {
    let roles = [Role::Admin, Role::Steward];
    let all = server.raw(server.person("all", &roles, None).await);
    let cast = Cast::new(server).await;
    let full = json!({"platform_id": "full", "platform": {
        "display_name": "Nền tảng thử nghiệm (synthetic)", "display_name_en": "Synthetic platform",
        "governing_agency": "agencies/bo-cong-an", "operating_unit": "Đơn vị thử",
        "coordinating_agencies": ["agencies/bo-y-te"], "classification": "SECTOR",
        "deployment_levels": ["CENTRAL"], "verification": "VERIFIED",
        "listings": [{"edition": "editions/1132-qd-ttg", "group": "A", "membership": "STATED"}],
        "operation_stages": [{"stage": "PILOT", "reached": {"end": date([2026, 1, 1])}}],
        "security": {"level": 3}, "data_sharing_channels": ["NDXP"], "labels": {"thu": "một"},
    }});
    all.ok("CreatePlatform", full).await;
    for id in ["a", "b"] {
        all.ok("CreateProgramme", programmes::create(id)).await;
        all.ok("CreateIndicator", indicators::create(id)).await;
    }
    tasks::several(&all).await;
    let value = json!({"parent": "indicators/a", "observation_id": "x", "observation": {
        "agency": "agencies/bo-cong-an", "period": indicators::month(8), "basis": "DECLARED",
        "qualifier": "ROUNDED", "value": "91", "statement": "Nói thử"}});
    cast.editor.ok("CreateObservation", value.clone()).await;
    let mut corrected = value;
    corrected["observation_id"] = json!("y");
    corrected["observation"]["replaces"] = json!("indicators/a/observations/x");
    corrected["observation"]["correction_reason"] = json!("thử");
    cast.editor.ok("CreateObservation", corrected).await;
    for agency in ["bo-cong-an", "bo-tai-chinh"] {
        let caller = if agency == "bo-cong-an" {
            &cast.editor
        } else {
            &all
        };
        caller
            .ok("UpdateDeployment", deployments::report(agency))
            .await;
    }
    recommendations::of_every_field(&all, &cast).await;
    let flow = all.ok("CreateDataFlow", data_flows::create("a")).await;
    let confirm = json!({"name": flow["name"], "etag": flow["etag"]});
    cast.approver.ok("ConfirmDataFlow", confirm).await;
    let other = data_flows::to_organisation("b", "Viễn thông thử", "TELECOM");
    all.ok("CreateDataFlow", other).await;
    let milestone = |id: &str, fields: Value| {
        let mut milestone = json!({"display_name": "Mốc thử"});
        for (name, value) in fields.as_object().unwrap() {
            milestone[name] = value.clone();
        }
        json!({"milestone_id": id, "milestone": milestone})
    };
    for (id, platform) in [("a", "ndp-001"), ("b", "ndp-002")] {
        let plan = cast.draft(platform, id).await;
        for (id, fields) in [
            ("x", json!({})),
            (
                "y",
                json!({"weight": 2, "accountable_unit": "Vụ thử",
                "due": {"end": date([2027, 1, 31])}}),
            ),
        ] {
            let mut request = milestone(id, fields);
            request["parent"] = plan["name"].clone();
            cast.editor.ok("CreateMilestone", request).await;
        }
        let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
        let issue = json!({"name": plan["name"], "etag": plan["etag"],
            "document": decision([2026, 8, 1])});
        let plan = cast.approver.ok("IssuePlan", issue).await;
        let percent = if id == "a" { 0 } else { 50 };
        let report = json!({"parent": plan["name"], "report": {
            "rating": "RATING_ON_TRACK", "percent": percent, "period_end_date": date([2026, 9, 14]),
            "results": "Kết quả thử", "difficulties": "Vướng mắc thử",
            "recommendations": "Kiến nghị thử"}});
        cast.editor.ok("CreateReport", report).await;
        let assessment = json!({"parent": plan["name"], "assessment": {
            "rating": "RATING_AT_RISK", "rubric_version": "thử 1"}});
        cast.steward.ok("CreateAssessment", assessment).await;
    }
    cast.plan_in("ndp-003", "c", PlanState::Draft).await;
    for name in ["platforms/ndp-050", "platforms/ndp-051"] {
        let platform = all.ok("GetPlatform", json!({"name": name})).await;
        let retire = json!({"name": name, "etag": platform["etag"], "exit": {
            "reason": "thử", "outcome": "DISCONTINUED", "decision": decision(DECISION_DAY)}});
        all.ok("RetirePlatform", retire).await;
    }
    for _ in 0..5 {
        server
            .raw(As::default())
            .err("ListPrincipals", json!({}))
            .await;
    }
    all
}

/// The arguments that a list cannot do without.
fn needed(method: &str) -> Value {
    let parent = match method {
        "ListPlans" | "ListProposals" | "ListDeployments" => "platforms/-",
        "ListMilestones" | "ListBaselines" | "ListReports" | "ListAssessments" => {
            "platforms/-/plans/-"
        }
        "ListApiKeys" => "principals/-",
        "ListObservations" => "indicators/-",
        "ComputeScoreboard" => return indicators::board(&["on-time-rate"]),
        "ListAttentionItems" | "ComputeDataQuality" => {
            return json!({"edition": "editions/2618-qd-bkhcn"});
        }
        "ProveMetric" => {
            return json!({"metric": "PLATFORMS_HELD", "edition": "editions/2618-qd-bkhcn"});
        }
        "SearchPlatforms" => return json!({"query": "nền tảng"}),
        _ => return json!({}),
    };
    json!({"parent": parent})
}

/// The records of an answer.
fn records(answer: &DynamicMessage) -> Vec<DynamicMessage> {
    let descriptor = answer.descriptor();
    let list = descriptor
        .fields()
        .find(|it| it.is_list() && matches!(it.kind(), Kind::Message(_)));
    let list = answer.get_field(&list.unwrap()).into_owned();
    let Field::List(list) = list else {
        panic!("{list:?}")
    };
    let messages = list.into_iter().map(|it| it.as_message().unwrap().clone());
    messages.collect()
}

/// Whether the field is there, as protobuf knows it: of a repeated message, in any.
fn has(message: &DynamicMessage, path: &str) -> bool {
    let (part, rest) = path
        .split_once('.')
        .map_or((path, None), |(a, b)| (a, Some(b)));
    let field = message.descriptor().get_field_by_name(part).unwrap();
    if !message.has_field(&field) {
        return false;
    }
    let Some(rest) = rest else { return true };
    match message.get_field(&field).into_owned() {
        Field::Message(inner) => has(&inner, rest),
        Field::List(list) => list.iter().any(|it| has(it.as_message().unwrap(), rest)),
        other => panic!("{path} goes into {other:?}"),
    }
}

/// Every method that answers pages.
fn paged() -> Vec<MethodDescriptor> {
    let of_pages = |it: &MethodDescriptor| it.input().get_field_by_name("page_token").is_some();
    methods().into_iter().filter(of_pages).collect()
}

both! {
    async fn a_field_is_present_where_the_answer_has_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let all = world(&server).await;
        for method in paged() {
            let name = method.name();
            if !name.starts_with("List") {
                continue;
            }
            let mut request = needed(name);
            request["page_size"] = json!(1000);
            match name {
                "ListPlatforms" => {
                    request["view"] = json!("PLATFORM_VIEW_FULL");
                    request["show_retired"] = json!(true);
                }
                "ListPlans" => request["view"] = json!("PLAN_VIEW_FULL"),
                _ => {}
            }
            let everything = all.respond(name, request.clone()).await.unwrap();
            let everything = records(&everything.into_inner());
            assert!(everything.len() > 1, "{name}");
            for field in named_in_comment(&POOL, method.input().name(), "filter") {
                let path = field.trim_end_matches(".{key}");
                let sent_path = match (name, path) {
                    // the resources that a change touched
                    ("ListChanges", "resources") => "effects",
                    (_, path) => path,
                };
                let sent = |record: &&DynamicMessage| has(record, sent_path);
                let expected: BTreeSet<_> =
                    everything.iter().filter(sent).map(|it| it.encode_to_vec()).collect();
                request["filter"] = json!(format!("{path}:*"));
                let found = all.respond(name, request.clone()).await.unwrap().into_inner();
                let found: BTreeSet<_> =
                    records(&found).iter().map(|it| it.encode_to_vec()).collect();
                let counts = (found.len(), expected.len());
                assert!(found == expected, "{name} {path}:* finds {counts:?}");
            }
        }
        // the case that was seen first
        let request = json!({"filter": "classification:*"});
        let listed = all.ok("ListPlatforms", request).await;
        assert_eq!(listed["platforms"].as_array().unwrap().len(), 1, "{listed}");
        server.stop().await;
    }

    async fn a_token_holds_for_all_arguments_of_its_first_page(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let all = world(&server).await;
        let newest = all.ok("ListChanges", json!({"order_by": "revision desc", "page_size": 1}));
        let newest = newest.await["changes"][0].clone();
        // later than the revision and the time that the requests below read at
        server.clock.advance(60);
        for method in paged() {
            let name = method.name();
            let mut first = needed(name);
            first["page_size"] = json!(1);
            let token = |answer: &Value| {
                answer["next_page_token"].as_str().unwrap_or_default().to_owned()
            };
            let page_token = token(&all.ok(name, first.clone()).await);
            assert!(!page_token.is_empty(), "{name}");
            let mut next = first.clone();
            next["page_token"] = json!(page_token);
            next["page_size"] = json!(2);
            all.ok(name, next.clone()).await;
            // of another log: these characters are in the middle of the log's id
            let (begin, rest) = page_token.split_at(8);
            let foreign = if rest.starts_with("AA") { "BB" } else { "AA" };
            let mut request = next.clone();
            request["page_token"] = json!(format!("{begin}{foreign}{}", &rest[2..]));
            assert_eq!(reason(&all.err(name, request).await), "LOG_DIVERGED", "{name}");
            let mut tried = 0;
            for field in method.input().fields() {
                let other = match (field.name(), name) {
                    ("page_size" | "page_token", _) => continue,
                    ("parent", "ListPlans" | "ListProposals" | "ListDeployments") => {
                        json!("platforms/ndp-001")
                    }
                    ("parent", "ListApiKeys") => json!("principals/all"),
                    ("parent", "ListObservations") => json!("indicators/on-time-rate"),
                    ("parent", _) => json!("platforms/ndp-001/plans/-"),
                    ("filter", "ListChanges") => json!("revision > 1"),
                    ("filter", "ListAttentionItems") => json!("day_count >= 0"),
                    ("filter", "ListDenials") => json!("method:\"List\""),
                    ("filter", _) => json!("create_time > \"2020-01-01T00:00:00Z\""),
                    ("order_by", "ListChanges") => json!("revision desc"),
                    ("order_by", "ListAttentionItems") => json!("kind desc"),
                    ("order_by", "ListDenials") => json!("deny_time"),
                    ("order_by", _) => json!("name desc"),
                    ("view", "ListPlans") => json!("PLAN_VIEW_FULL"),
                    ("view", _) => json!("PLATFORM_VIEW_FULL"),
                    ("show_retired" | "show_replaced" | "allow_mixed", _) => json!(true),
                    ("agency_kind", _) => json!("PROVINCIAL_PEOPLES_COMMITTEE"),
                    ("indicators", _) => json!(["indicators/online-payments"]),
                    ("period" | "comparison_period", _) => {
                        json!({"start": date([2026, 6, 1]), "end": date([2026, 6, 30])})
                    }
                    ("basis", _) => json!("CONFIRMED"),
                    // the same words without marks come in another order
                    ("query", _) => json!("nen tang"),
                    ("edition", _) => json!("editions/-"),
                    ("agency", _) => json!("agencies/bo-cong-an"),
                    ("group", _) => json!("A"),
                    ("criterion", _) => json!("CLEAN"),
                    ("metric", _) => json!("PLATFORMS_RETIRED"),
                    ("programme", _) => json!("programmes/another"),
                    ("effective_date" | "comparison_date", _) => date([2026, 9, 30]),
                    ("read_revision", _) => newest["revision"].clone(),
                    ("read_time", _) => newest["record_time"].clone(),
                    (other, _) => panic!("{name} has a new argument `{other}`"),
                };
                let mut request = next.clone();
                request[field.name()] = other.clone();
                let status = all.err(name, request).await;
                assert_eq!(violations(&status), "page_token PAGE_TOKEN_INVALID", "{name}");
                let received = format!("another value of `{}`", field.name());
                assert!(status.message().contains(&received), "{name}: {}", status.message());
                tried += 1;
                // and the other way round
                let mut request = first.clone();
                request[field.name()] = other.clone();
                let Ok(answer) = all.call(name, request.clone()).await else { continue };
                let page_token = token(&answer);
                if !page_token.is_empty() {
                    request["page_token"] = json!(page_token);
                    all.ok(name, request.clone()).await;
                    request[field.name()] = first[field.name()].clone();
                    let status = all.err(name, request).await;
                    assert!(status.message().contains(&received), "{name}: {}", status.message());
                }
            }
            let read_at = method.input().get_field_by_name("read_time").is_some();
            let timeless = ["ListChanges", "ListDenials"].contains(&name);
            assert!(tried >= 2 && (read_at || timeless), "{name}: {tried}");
        }
        server.stop().await;
    }
}
