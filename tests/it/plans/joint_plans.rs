//! One plan for several platforms: each counts as having an issued plan while the plan is in force
//! for it, and the plan counts once.

use ndp_core::records::plans::PlanMove;
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, DECISION_DAY, OTHER_AGENCY, date, decision, move_request},
    raw::{Raw, violations},
    server::{As, Server},
};

const TODAY: [i32; 3] = [2026, 10, 1];
const EDITION: &str = "editions/2618-qd-bkhcn";
/// The edition whose platforms need a plan today.
const IN_FORCE: &str = "editions/1132-qd-ttg";

/// A platform of an agency, in addition to those of the catalogue.
async fn platform(cast: &Cast, id: &str, agency: &str) -> String {
    let fields = json!({
        "display_name": format!("Nền tảng thử nghiệm {id}"), "verification": "VERIFIED",
        "governance": [{"agency": format!("agencies/{agency}"), "start_date": date([2025, 1, 1])}],
        "listings": [{"edition": EDITION}, {"edition": IN_FORCE}],
    });
    let request = json!({"platform_id": id, "platform": fields});
    let made = cast.steward.ok("CreatePlatform", request).await;
    made["name"].as_str().unwrap().to_owned()
}

async fn draft(cast: &Cast, id: &str, covered: Value) -> Value {
    let plan = json!({"display_name": "Kế hoạch thử nghiệm", "covered_platforms": covered});
    let request = json!({"parent": "platforms/ndp-001", "plan_id": id, "plan": plan});
    cast.editor.ok("CreatePlan", request).await
}

/// Platforms with an issued plan, and plans that are ISSUED, on a day.
async fn counted(raw: &Raw, day: [i32; 3]) -> (i64, i64) {
    let answer = raw
        .ok(
            "ComputeSummary",
            json!({"effective_date": date(day), "edition": EDITION}),
        )
        .await;
    let platforms = answer["issued_plan_platform_count"]
        .as_i64()
        .unwrap_or_default();
    let states = answer["plan_state_counts"].as_array();
    let issued = states
        .into_iter()
        .flatten()
        .find(|it| it["state"] == "ISSUED");
    let plans = issued.and_then(|it| it["plan_count"].as_i64());
    // as the timeline has them
    let timeline = raw
        .ok(
            "ComputeTimeline",
            json!({
                    "start_date": date([2026, 9, 1]), "end_date": date(day), "interval": "DAY",
            "edition": EDITION,
                    "metrics": ["PLATFORMS_WITH_ISSUED_PLAN"],
                }),
        )
        .await;
    let last = timeline["points"].as_array().unwrap().last().unwrap();
    assert_eq!(
        last["counts"][0].as_i64().unwrap_or_default(),
        platforms,
        "{timeline}"
    );
    (platforms, plans.unwrap_or_default())
}

/// Of these platforms, those without a plan.
async fn missing<'a>(raw: &Raw, of: &[&'a str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in of {
        let filter = format!("platform = \"{name}\" AND kind = MISSING_PLAN");
        let items = raw
            .ok("ListAttentionItems", json!({"filter": filter}))
            .await;
        if items.get("attention_items").is_some() {
            found.push(*name);
        }
    }
    found
}

both! {
    async fn a_plan_for_several_platforms_counts_once_and_each_platform_has_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let cast = Cast::new(&server).await;
        let first = platform(&cast, "cov-1", AGENCY).await;
        let second = platform(&cast, "cov-2", AGENCY).await;
        let all = [first.as_str(), second.as_str()];
        let plan = draft(&cast, "several", json!([{"platform": first}])).await;
        assert_eq!(plan["covered_platforms"], json!([{"platform": first}]));
        let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
        assert_eq!(counted(&anyone, TODAY).await, (0, 0), "nothing is issued yet");
        assert_eq!(missing(&anyone, &all).await, all);
        let mut request = move_request(PlanMove::Issue, &plan);
        request["document"] = decision([2026, 9, 10]);
        let plan = cast.approver.ok("IssuePlan", request).await;
        assert_eq!(counted(&anyone, TODAY).await, (2, 1));
        assert_eq!(counted(&anyone, [2026, 9, 10]).await, (2, 1));
        assert_eq!(counted(&anyone, [2026, 9, 9]).await, (0, 0));
        assert_eq!(missing(&anyone, &all).await, [second.as_str()]);
        // it is found from the platform that it covers
        let filter = format!("covered_platforms.platform:\"{first}\"");
        let request = json!({"parent": "platforms/-", "filter": filter});
        let found = anyone.ok("ListPlans", request).await;
        assert_eq!(found["plans"][0]["name"], plan["name"]);
        // published figures are compared with both
        cast.steward.ok("CreateFigure", json!({"figure_id": "thu", "figure": {
            "figure_date": date(TODAY), "subject": "PLANS_ISSUED", "edition": EDITION,
            "value": 5, "statement": "thử nghiệm", "sources": [{"note": "thử nghiệm"}]}})).await;
        let figures = anyone.ok("ReconcileFigures", json!({
            "filter": "name = \"figures/thu\""})).await;
        assert_eq!(figures["reconciliations"][0]["computed_value"].as_i64().unwrap_or(0), 2);

        // another joins by a rebaseline, from the day of its document; earlier dates do not change
        let before = server.registry.revision().get();
        let covered = json!([{"platform": first}, {"platform": second}]);
        let plan = cast.rebaselined(&plan, json!({"covered_platforms": covered})).await;
        let entry = &plan["covered_platforms"][1];
        assert_eq!(entry["start_date"], date(DECISION_DAY));
        assert_eq!(entry["document"]["symbol"], decision(DECISION_DAY)["symbol"]);
        assert_eq!(counted(&anyone, TODAY).await, (3, 1));
        assert_eq!(counted(&anyone, [2026, 9, 29]).await, (2, 1));
        let then = anyone.ok("ComputeSummary", json!({
            "read_revision": before, "edition": EDITION})).await;
        assert_eq!(then["issued_plan_platform_count"], 2);
        // it leaves by an end date, and not by being left out
        let mut ended = plan["covered_platforms"].clone();
        ended[0]["end_date"] = date(TODAY);
        let plan = cast.rebaselined(&plan, json!({"covered_platforms": ended})).await;
        assert_eq!(counted(&anyone, TODAY).await, (2, 1));
        assert_eq!(counted(&anyone, [2026, 9, 30]).await, (3, 1));
        // a plan of its own and one that covers it are one platform with a plan
        let own = json!({"parent": second, "plan_id": "own", "plan": {"display_name": "Riêng"}});
        let own = cast.editor.ok("CreatePlan", own).await;
        let own = cast.step(PlanMove::Submit, &own).await.unwrap();
        let own = cast.step(PlanMove::Issue, &own).await.unwrap();
        assert_eq!(counted(&anyone, TODAY).await, (2, 2));
        // a revoked plan covers nothing from then on
        for plan in [plan, own] {
            let plan = cast.editor.ok("GetPlan", json!({"name": plan["name"]})).await;
            cast.step(PlanMove::Revoke, &plan).await.unwrap();
        }
        assert_eq!(counted(&anyone, TODAY).await.0, 0);
        server.stop().await;
    }

    async fn a_plan_covers_other_platforms_of_its_agency_only(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let own = platform(&cast, "cov-1", AGENCY).await;
        let other = platform(&cast, "cov-2", OTHER_AGENCY).await;
        let mut lines = Vec::new();
        for covered in [
            json!([{"platform": "platforms/ndp-001"}]),
            json!([{"platform": "platforms/none"}]),
            json!([{"platform": other}]),
            json!([{"platform": own}, {"platform": own, "start_date": date([2026, 9, 1])}]),
            json!([{"platform": own, "start_date": date([2026, 9, 2]),
                "end_date": date([2026, 9, 2])}]),
            json!([{"platform": own, "start_date": date([2027, 1, 1])}]),
            json!([{"platform": own, "document": {"symbol": "1/QĐ"}}]),
        ] {
            let plan = json!({"display_name": "Kế hoạch", "covered_platforms": covered});
            let request = json!({"parent": "platforms/ndp-001", "plan": plan});
            lines.push(violations(&cast.editor.err("CreatePlan", request).await));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            plan.covered_platforms[0].platform NOT_ALLOWED
            plan.covered_platforms[0].platform NOT_ALLOWED
            plan.covered_platforms[0].platform NOT_ALLOWED
            plan.covered_platforms[1].platform NOT_UNIQUE
            plan.covered_platforms[0].end_date OUT_OF_RANGE
            plan.covered_platforms[0].start_date OUT_OF_RANGE
            plan.covered_platforms[0].document.issuer REQUIRED
            plan.covered_platforms[0].document.issue_date REQUIRED
            ");
        }
        // two overlapping times of one platform
        let twice = json!([
            {"platform": own, "end_date": date([2026, 5, 1])},
            {"platform": own, "start_date": date([2026, 9, 1])},
        ]);
        let plan = draft(&cast, "twice", twice).await;
        assert_eq!(plan["covered_platforms"].as_array().unwrap().len(), 2);
        // once it is issued, only a rebaseline changes what it covers
        let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
        let plan = cast.step(PlanMove::Issue, &plan).await.unwrap();
        let update = json!({"plan": {"name": plan["name"]}, "update_mask": "coveredPlatforms"});
        let refused = cast.editor.err("UpdatePlan", update).await;
        assert!(refused.message().contains("rebaseline.covered_platforms"), "{refused:?}");
        let rebaseline = json!({
            "covered_platforms": [], "update_mask": "coveredPlatforms",
            "document": decision(DECISION_DAY)});
        let request = json!({"name": plan["name"], "etag": plan["etag"], "reason": "thử nghiệm",
            "rebaseline": rebaseline});
        let refused = violations(&cast.editor.err("RebaselinePlan", request).await);
        assert_eq!(refused, "rebaseline.covered_platforms NOT_ALLOWED");
        server.stop().await;
    }
}
