//! Where the contract and the core both have a rule for a value, its caller gets one violation.
//! The golden file has each kind of rule with its field and its words.

use ndp_core::{
    names::AgencyName,
    records::{
        milestones::MILESTONES_MAX, plans::PlanState, platforms::SECURITY_LEVELS, principals::Role,
    },
};
use serde_json::{Value, json};
use tonic_types::StatusExt as _;

use crate::{
    contract::protos::{inner, rules_of},
    harness::{
        Engine, both,
        golden::assert_golden,
        plans::{Cast, DECISION_DAY, date, decision},
        raw::POOL,
        server::Server,
    },
};

/// A method, and a request that breaks one rule.
type Case = (&'static str, Value);

fn lists() -> Vec<Case> {
    let list = |field: &str, value: Value| ("ListPlatforms", json!({field: value}));
    let terms: Vec<_> = (0..101).map(|n| format!("z{n}")).collect();
    let fields = "name, name, display_name, display_name, name, name, name, name, name";
    vec![
        // in bytes: `đ` has two
        list("filter", json!("đ".repeat(2049))),
        list("filter", json!(terms.join(" "))),
        list(
            "filter",
            json!(format!("{}a{}", "(".repeat(40), ")".repeat(40))),
        ),
        list("order_by", json!("a".repeat(501))),
        list("order_by", json!(fields)),
        list("page_size", json!(-1)),
        list("page_token", json!("a".repeat(16_385))),
        list("page_token", json!("a")),
        list("view", json!(9)),
        list("read_revision", json!(-1)),
        ("ListPlans", json!({"parent": "platforms/-", "view": 9})),
        ("ListPlans", json!({"parent": "agencies/a"})),
        ("GetPlatform", json!({"name": ""})),
        ("GetPlatform", json!({"name": "platforms/A"})),
        (
            "BatchGetPlatforms",
            json!({"names": ["platforms/a", "plans/a"]}),
        ),
        ("ComputeTimeline", json!({})),
        (
            "ComputeTimeline",
            json!({"start_date": date([2026, 9, 1]), "metrics": [0]}),
        ),
    ]
}

fn ids() -> Vec<Case> {
    let agency = |id: &str, request_id: &str| {
        let agency = json!({"display_name": "Thử", "kind": "OTHER"});
        let request = json!({"agency_id": id, "request_id": request_id, "agency": agency});
        ("CreateAgency", request)
    };
    let key = |expiration: Value| {
        let request = json!({"parent": "principals/all", "api_key": expiration});
        ("CreateApiKey", request)
    };
    let renamed = json!({"platform": {"name": "platforms/A"}, "update_mask": "labels"});
    vec![
        agency("", ""),
        agency("A", ""),
        // the name of a record within a request
        ("UpdatePlatform", renamed),
        key(json!({"ttl": "-1s"})),
        key(json!({"expire_time": "0001-01-01T00:00:00Z"})),
        agency("a", "123e4567e89b42d3a456426614174000"),
        agency("a", "00000000-0000-0000-0000-000000000000"),
    ]
}

fn records() -> Vec<Case> {
    let report = |field: &str, value: Value| {
        let mut report = json!({
            "period_end_date": date([2026, 10, 1]), "rating": "RATING_ON_TRACK", "results": "Thử",
        });
        report[field] = value;
        (
            "CreateReport",
            json!({"parent": "platforms/ndp-001/plans/x", "report": report}),
        )
    };
    let assessment = |rating: Value| {
        let assessment = json!({"rating": rating, "rubric_version": "1"});
        let parent = "platforms/ndp-001/plans/x";
        (
            "CreateAssessment",
            json!({"parent": parent, "assessment": assessment}),
        )
    };
    let figure = |field: &str, value: Value| {
        let mut figure = json!({
            "figure_date": date([2026, 9, 30]), "subject": "PLANS_ISSUED", "value": 1,
            "sources": [{"note": "thử"}],
        });
        figure[field] = value;
        (
            "CreateFigure",
            json!({"figure_id": "new", "figure": figure}),
        )
    };
    let platform = |field: &str, value: Value| {
        let mut platform = json!({
            "display_name": "Nền tảng thử", "verification": "VERIFIED",
            "sources": [{"note": "thử"}],
        });
        platform[field] = value;
        ("CreatePlatform", json!({"platform": platform}))
    };
    let budget = |amount: Value| {
        let plan = json!({"display_name": "Thử", "budget": {"amount": amount, "price_year": 2026}});
        (
            "CreatePlan",
            json!({"parent": "platforms/ndp-001", "plan": plan}),
        )
    };
    let rebaseline = json!({
        "document": decision(DECISION_DAY), "milestone_changes": [
            {"milestone": {"name": "platforms/ndp-001/plans/x/milestones/a"}},
        ],
    });
    vec![
        report("rating", json!(0)),
        report("rating", json!(99)),
        report("period_end_date", Value::Null),
        report("period_end_date", date([2026, 9, 0])),
        report("period_end_date", date([2026, 9, 31])),
        report("period_end_date", date([1899, 1, 1])),
        report("results", json!("")),
        report("results", json!("a".repeat(5001))),
        assessment(json!(0)),
        assessment(json!(99)),
        figure("figure_date", Value::Null),
        figure("subject", json!(0)),
        figure("subject", json!(99)),
        figure("value", json!(-1)),
        platform("verification", json!(0)),
        platform("verification", json!(99)),
        platform("security", json!({"level": 6})),
        platform("operation_stages", json!([{"stage": 0}])),
        platform("deployment_levels", json!([0])),
        budget(json!({"currency_code": "vnd", "units": 1})),
        budget(json!({"currency_code": "VND", "units": -1})),
        budget(json!({"currency_code": "VND", "units": 1, "nanos": 1})),
        budget(json!({"currency_code": "VND", "units": 1, "nanos": -1})),
        (
            "RebaselinePlan",
            json!({
                "name": "platforms/ndp-001/plans/x", "etag": "a", "reason": "thử",
                "rebaseline": rebaseline,
            }),
        ),
    ]
}

both! {
    async fn each_rule_speaks_with_one_voice(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        // a plan that reports and assessments can be of
        cast.plan_in("ndp-001", "x", PlanState::Issued).await;
        let roles = [Role::Steward, Role::Admin];
        let steward = server.raw(server.person("all", &roles, None).await);
        let mut received = String::new();
        for (method, request) in lists().into_iter().chain(ids()).chain(records()) {
            let caller = match method {
                "CreatePlan" | "CreateReport" | "RebaselinePlan" => &cast.editor,
                _ => &steward,
            };
            let status = caller.err(method, request.clone()).await;
            let details = status.get_details_bad_request();
            let violations = details.unwrap_or_else(|| panic!("{method} {request}: {status:?}"));
            let [it] = &violations.field_violations[..] else {
                panic!("{method} {request}: {violations:?}")
            };
            let line = format!("{method} {} {}: {}\n", it.field, it.reason, it.description);
            received.push_str(&line);
        }
        assert_golden("rules.txt", &received);
        server.stop().await;
    }
}

/// What the contract and the core both have to know is the same in both.
#[test]
fn the_limits_of_the_contract_are_those_of_the_core() {
    let rules = |name: &str, kinds: &[&str]| {
        let (message, field) = name.split_once(' ').unwrap();
        let message = POOL.get_message_by_name(&format!("ndp.registry.v1.{message}"));
        let field = message.unwrap().get_field_by_name(field).unwrap();
        let rules = rules_of(&field).unwrap();
        kinds
            .iter()
            .fold(rules, |rules, kind| inner(&rules, kind).unwrap())
    };
    let level = rules("Platform.Security level", &["int32"]);
    let bounds = ["gte", "lte"].map(|it| level.get_field_by_name(it).unwrap().as_i32().unwrap());
    assert_eq!(bounds[0]..=bounds[1], SECURITY_LEVELS);
    let changes = rules("Rebaseline milestone_changes", &["repeated"]);
    let most = changes.get_field_by_name("max_items").unwrap().as_u64();
    assert_eq!(most, Some(MILESTONES_MAX as u64));
    let id = rules("CreateAgencyRequest agency_id", &["string"]);
    let longest = id.get_field_by_name("max_len").unwrap().as_u64().unwrap();
    let named = |length: u64| AgencyName::from_id(&"a".repeat(length as usize));
    assert!(named(longest).is_some() && named(longest + 1).is_none());
}
