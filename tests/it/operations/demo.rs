//! The synthetic year, as a newcomer meets it: what it answers, on any date and as known at any
//! revision, and that it says everywhere that it is synthetic.

use std::collections::BTreeSet;

use ndp_core::{
    text::legible::{Lines, fault},
    time::Date,
};
use ndp_registry::{cli::story as demo, store::Store};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    raw::Raw,
    server::{As, Server},
};

/// When the year is over.
const YEAR_END: &str = "2025-11-01T00:00:00Z";

/// The last day of the year as the published numbers have it.
fn end() -> Date {
    Date::parse("2025-10-31").unwrap()
}

pub(crate) async fn made(url: &str) -> Server {
    let store = Store::open(url, uuid::Uuid::new_v4()).await.unwrap();
    demo::make(store.clone(), end()).await.unwrap();
    let last = store.head().await.unwrap().revision;
    store.close().await;
    let server = Server::start(url).await;
    // the server first records the notices for the days since the last synthetic change
    server.moved_on(last).await;
    server
}

pub(crate) fn day(text: &str) -> Value {
    let parts: Vec<i32> = text.split('-').map(|it| it.parse().unwrap()).collect();
    json!({"year": parts[0], "month": parts[1], "day": parts[2]})
}

async fn summary(anyone: &Raw, on: &str) -> Value {
    anyone
        .ok("ComputeSummary", json!({"effective_date": day(on)}))
        .await
}

fn operating(summary: &Value) -> i64 {
    let stages = summary["operation_stage_counts"].as_array().unwrap();
    let operating = stages
        .iter()
        .find(|it| it["operation_stage"] == "OPERATION");
    operating.map_or(0, |it| it["platform_count"].as_i64().unwrap())
}

/// The last revision recorded before a moment.
async fn revision_before(anyone: &Raw, time: &str) -> i64 {
    let summary = anyone
        .ok("ComputeSummary", json!({"read_time": time}))
        .await;
    summary["revision"].as_i64().unwrap()
}

both! {
    async fn it_ends_with_the_published_counts(engine: Engine) {
        let server = made(&engine.url()).await;
        let anyone = server.raw(As::default());
        let on_the_day = summary(&anyone, "2025-09-23").await;
        assert_eq!(on_the_day["held_platform_count"], 84);
        assert_eq!(on_the_day["issued_plan_platform_count"], 21);
        assert_eq!(on_the_day["synthetic"], true);
        assert_eq!(operating(&summary(&anyone, "2025-10-31").await), 28);
        assert_eq!(operating(&summary(&anyone, "2025-10-20").await), 27);

        // the plan recorded in error: by what is known now it was never issued, by what was
        // known then it was
        let now = summary(&anyone, "2025-09-01").await;
        let known = revision_before(&anyone, "2025-09-02T00:00:00Z").await;
        let then = anyone.ok("ComputeSummary", json!({
            "effective_date": day("2025-09-01"), "read_revision": known,
        })).await;
        let issued = |it: &Value| it["issued_plan_platform_count"].as_i64().unwrap();
        assert_eq!(issued(&then), issued(&now) + 1);
        // reading by revision and reading by time give the same count
        let read = anyone.ok("ComputeSummary", json!({"read_revision": known})).await;
        let again = anyone.ok("ComputeSummary", json!({"read_time": "2025-09-02T00:00:00Z"})).await;
        assert_eq!(read["issued_plan_platform_count"],
            again["issued_plan_platform_count"]);

        // out of range: a day after the last one known, and a day or time before the first record
        for (request, received) in [
            (json!({"effective_date": day("2027-01-01")}), "2026-10-01"),
            (json!({"read_revision": known, "effective_date": day("2025-10-01")}), "2025-09-01"),
            (json!({"effective_date": day("2024-10-31")}), "2024-11-01"),
            (json!({"read_time": "2024-01-01T00:00:00Z"}), "2024-11-01"),
        ] {
            let status = anyone.err("ComputeSummary", request.clone()).await;
            assert_eq!(status.code(), tonic::Code::OutOfRange, "{request}");
            assert!(status.message().contains(received), "{request}: {}", status.message());
        }
        server.stop().await;
    }

    /// It ends in the month before it is made: the same year, moved to other days.
    async fn it_ends_a_month_ago_at_most(engine: Engine) {
        for (today, last) in [
            ("2026-10-01", "2026-09-30"),
            ("2026-03-31", "2026-02-28"),
            ("2025-11-30", "2025-10-31"),
        ] {
            let today = Date::parse(today).unwrap();
            assert_eq!(demo::end_before(today).unwrap(), Date::parse(last).unwrap());
        }
        let url = engine.url();
        let store = Store::open(&url, uuid::Uuid::new_v4()).await.unwrap();
        let end = Date::parse("2026-09-30").unwrap();
        demo::make(store.clone(), end).await.unwrap();
        let newest = store.head().await.unwrap().record_time.date_in_vietnam();
        store.close().await;
        assert!(newest <= end && newest.plus_days(31) > end, "{newest}");
        let server = Server::start(&url).await;
        let anyone = server.raw(As::default());
        assert_eq!(operating(&summary(&anyone, "2026-09-30").await), 28);
        // 23 September of the year as the demo writes it
        let issued = summary(&anyone, "2026-08-23").await;
        assert_eq!(issued["issued_plan_platform_count"], 21);
        server.stop().await;
    }

    /// The parts of each count add up to it, and each state that the year is to show occurs.
    async fn its_counts_add_up(engine: Engine) {
        let server = made(&engine.url()).await;
        let anyone = server.raw(As::default());
        let summary = anyone.ok("ComputeSummary", json!({"read_time": YEAR_END})).await;
        let number = |value: &Value| value.as_i64().unwrap_or_default();
        for (total, parts, part) in [
            ("/held_platform_count", "/verification_counts", "platform_count"),
            ("/held_platform_count", "/operation_stage_counts", "platform_count"),
            ("/plan_count", "/plan_state_counts", "plan_count"),
            ("/monitored_plan_count", "/rating_counts", "declared_plan_count"),
            ("/monitored_plan_count", "/rating_counts", "assured_plan_count"),
            ("/monitored_plan_count", "/rating_counts", "computed_plan_count"),
            ("/reporting_plan_count", "/freshness_counts", "plan_count"),
            ("/milestone_count", "/milestone_state_counts", "milestone_count"),
            ("/tasks/task_count", "/tasks/state_counts", "task_count"),
            ("/deployments/deployment_count", "/deployments/stage_counts", "deployment_count"),
            ("/data_flows/flow_count", "/data_flows/state_counts", "flow_count"),
        ] {
            let of = |path: &str| summary.pointer(path).unwrap_or_else(|| panic!("no {path}"));
            let parts = of(parts).as_array().unwrap();
            let sum: i64 = parts.iter().map(|it| number(&it[part])).sum();
            assert_eq!((sum, sum > 0), (number(of(total)), true), "{total} by {part}");
        }
        for (path, field, shown) in [
            ("/plan_state_counts", "state", "ISSUED COMPLETED SUPERSEDED REVOKED ANNULLED"),
            ("/freshness_counts", "freshness", "CURRENT OVERDUE STALE"),
            ("/milestone_state_counts", "state",
                "COMPLETED_ON_TIME COMPLETED_LATE ON_SCHEDULE OVERDUE REGULAR"),
            ("/tasks/state_counts", "state",
                "COMPLETED_ON_TIME COMPLETED_LATE ON_SCHEDULE OVERDUE REGULAR"),
            ("/deployments/stage_counts", "stage", "PREPARING PILOT OPERATING STOPPED"),
        ] {
            let counts = summary.pointer(path).unwrap().as_array().unwrap();
            let found: Vec<_> = counts.iter().map(|it| it[field].as_str().unwrap()).collect();
            assert_eq!(found.join(" "), shown, "{path}");
        }
        let recommendations = &summary["recommendations"];
        let parts = ["answered_on_time", "answered_late", "waiting", "overdue", "rejected"];
        let parts = parts.map(|it| number(&recommendations[format!("{it}_count")]));
        assert_eq!(parts.iter().sum::<i64>(), number(&recommendations["received_count"]));
        server.stop().await;
    }

    /// Lists have what the counts say, in the order asked for, and only texts that can be read.
    async fn its_lists_have_what_its_counts_say(engine: Engine) {
        let server = made(&engine.url()).await;
        let anyone = server.raw(As::default());
        let items = anyone.ok("ListAttentionItems", json!({
            "read_time": YEAR_END, "order_by": "day_count desc", "page_size": 1000,
        })).await;
        let items = items["attention_items"].as_array().unwrap();
        assert!(items.is_sorted_by_key(|it| -it["day_count"].as_i64().unwrap_or_default()));
        let kinds: BTreeSet<_> = items.iter().map(|it| it["kind"].as_str().unwrap()).collect();
        for kind in ["OVERDUE_MILESTONE", "STALE_REPORT", "MISSING_PLAN", "DIVERGING_RATINGS",
            "UNCHANGED", "PENDING_ANNEX", "UNSUBSTANTIATED", "OVERDUE_TASK", "TASK_WITHOUT_LEAD",
            "UNANSWERED_RECOMMENDATION", "FLOW_ONE_SIDED", "FLOW_SUSPENDED"] {
            assert!(kinds.contains(kind), "{kind} is not in {kinds:?}");
        }
        let summary = anyone.ok("ComputeSummary", json!({"read_time": YEAR_END})).await;
        let overdue = items.iter().filter(|it| it["kind"] == "OVERDUE_MILESTONE").count();
        let states = summary["milestone_state_counts"].as_array().unwrap();
        let counted = states.iter().find(|it| it["state"] == "OVERDUE").unwrap();
        assert_eq!(counted["milestone_count"], overdue);

        let quality = anyone.ok("ComputeDataQuality", json!({
            "read_time": YEAR_END, "criterion": "LIVE", "page_size": 1000,
        })).await;
        let failing = quality["failing_records"].as_array().unwrap();
        let of = |it: &Value| it["criterion"] == "LIVE";
        assert!(!failing.is_empty());
        assert!(failing.iter().all(|it| it["failures"].as_array().unwrap().iter().all(of)));
        let broken: usize = failing.iter().map(|it| it["failures"].as_array().unwrap().len()).sum();
        let score = quality["scores"].as_array().unwrap().iter().find(|it| of(it)).unwrap();
        let passed = score["passed_rule_count"].as_i64().unwrap();
        let checked = score["checked_rule_count"].as_i64().unwrap();
        assert_eq!((checked - passed, checked > 0), (i64::try_from(broken).unwrap(), true));

        let plan = "platforms/ndp-005/plans/2025";
        let whole = anyone.ok("GetPlan", json!({"name": plan, "read_time": YEAR_END})).await;
        let list = json!({"parent": plan, "read_time": YEAR_END});
        let milestones = anyone.ok("ListMilestones", list).await;
        let milestones = milestones["milestones"].as_array().unwrap();
        assert_eq!(whole["standing"]["milestone_count"], milestones.len());
        for count in whole["standing"]["milestone_state_counts"].as_array().unwrap() {
            let with = milestones.iter().filter(|it| it["standing"]["state"] == count["state"]);
            assert_eq!(count["milestone_count"], with.count(), "{count}");
        }
        for answer in [summary, quality, whole, json!(items), json!(milestones)] {
            assert_eq!(fault(&serde_json::to_string_pretty(&answer).unwrap(), Lines::Many), None);
        }
        server.stop().await;
    }

    /// Of the two published figures that the year ends with, nothing is left unexplained.
    async fn its_published_figures_are_borne_out(engine: Engine) {
        let server = made(&engine.url()).await;
        let anyone = server.raw(As::default());
        let answer = anyone.ok("ReconcileFigures", json!({
            "filter": "subject = PLANS_ISSUED OR subject = PLATFORMS_OPERATING",
        })).await;
        let compared = answer["reconciliations"].as_array().unwrap();
        let numbers: Vec<_> = compared
            .iter()
            .map(|it| (it["figure"]["value"].clone(), it["computed_value"].clone()))
            .collect();
        assert_eq!(numbers, [(json!(21), json!(21)), (json!(28), json!(28))]);
        server.stop().await;
    }

    async fn a_timeline_has_the_summaries_of_its_dates(engine: Engine) {
        let server = made(&engine.url()).await;
        let anyone = server.raw(As::default());
        let timeline = anyone.ok("ComputeTimeline", json!({
            "start_date": day("2025-01-31"), "end_date": day("2025-10-31"), "interval": "MONTH",
            "metrics": ["PLATFORMS_WITH_ISSUED_PLAN", "PLATFORMS_OPERATING"],
        })).await;
        let points = timeline["points"].as_array().unwrap();
        assert_eq!(points.len(), 10);
        assert_eq!(points[1]["effective_date"], day("2025-02-28"));
        for point in points {
            let request = json!({"effective_date": point["effective_date"]});
            let summary = anyone.ok("ComputeSummary", request).await;
            let count = |at: usize| point["counts"][at].as_i64().unwrap();
            assert_eq!(Some(count(0)), summary["issued_plan_platform_count"].as_i64());
            assert_eq!(count(1), operating(&summary));
        }
        for (request, received) in [
            (json!({}), "InvalidArgument"),
            (json!({"start_date": day("2025-10-31"), "end_date": day("2025-01-01")}),
                "InvalidArgument"),
            (json!({"start_date": day("2024-11-01"), "interval": "DAY"}), "InvalidArgument"),
            (json!({"start_date": day("2024-10-01")}), "OutOfRange"),
        ] {
            let status = anyone.err("ComputeTimeline", request.clone()).await;
            assert_eq!(format!("{:?}", status.code()), received, "{request}");
        }
        server.stop().await;
    }

    async fn pages_of_what_needs_attention_are_the_whole(engine: Engine) {
        let server = made(&engine.url()).await;
        let anyone = server.raw(As::default());
        for (method, list) in
            [("ListAttentionItems", "attention_items"), ("ComputeDataQuality", "failing_records")]
        {
            let whole = anyone.ok(method, json!({"page_size": 1000})).await;
            let whole = whole[list].as_array().unwrap();
            assert!(whole.len() > 50, "{method}: {}", whole.len());
            let (mut walked, mut token) = (Vec::new(), String::new());
            loop {
                let request = json!({"page_size": 17, "page_token": token});
                let page = anyone.ok(method, request).await;
                walked.extend(page[list].as_array().unwrap().clone());
                token = page["next_page_token"].as_str().unwrap_or_default().to_owned();
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(&walked, whole, "{method}");
        }
        server.stop().await;
    }

    /// What is answered of a revision, and of its time, is what was answered at it.
    async fn what_was_answered_then_is_what_is_answered_of_then(engine: Engine) {
        use ndp_core::records::plans::PlanMove;
        let server = Server::start(&engine.url()).await;
        let cast = crate::harness::plans::Cast::new(&server).await;
        let anyone = server.raw(As::default());
        let mut given = Vec::new();
        let mut plan = cast.draft("ndp-001", "then").await;
        cast.editor.ok("CreateMilestone", json!({
            "parent": plan["name"], "milestone_id": "one", "milestone": {
                "display_name": "Mốc thử nghiệm (synthetic)",
                "due": {"end": day("2026-10-20"), "as_written": "20/10/2026"},
            },
        })).await;
        for step in [Some(PlanMove::Submit), Some(PlanMove::Issue), None, Some(PlanMove::Annul)] {
            server.clock.advance(9 * 86_400);
            if let Some(step) = step {
                plan = cast.step(step, &plan).await.unwrap();
            } else {
                // a change elsewhere: time alone has made the milestone overdue
                cast.draft("ndp-002", "elsewhere").await;
            }
            let revision = server.registry.revision().get();
            let time = server.registry.read().state.record_time().unwrap().to_string();
            for caller in [&anyone, &cast.steward, &cast.editor] {
                let summary = caller.ok("ComputeSummary", json!({})).await;
                let quality = caller.ok("ComputeDataQuality", json!({"page_size": 1000})).await;
                let items = json!({"filter": "platform = \"platforms/ndp-001\""});
                let items = caller.ok("ListAttentionItems", items).await;
                given.push((revision, time.clone(), caller.clone(), [summary, quality, items]));
            }
        }
        let stale = &given[6].3[0]["milestone_state_counts"][0]["state"];
        assert_eq!(stale, "OVERDUE", "{:?}", given[6].3[0]);
        for (revision, time, caller, answers) in &given {
            for at in [json!({"read_revision": revision}), json!({"read_time": time})] {
                let (mut items, mut quality) = (at.clone(), at.clone());
                items["filter"] = json!("platform = \"platforms/ndp-001\"");
                quality["page_size"] = json!(1000);
                let again = [
                    caller.ok("ComputeSummary", at.clone()).await,
                    caller.ok("ComputeDataQuality", quality).await,
                    caller.ok("ListAttentionItems", items).await,
                ];
                assert_eq!(&again, answers);
            }
        }
        server.stop().await;
    }

    async fn it_says_that_it_is_synthetic_and_leaves_other_databases_alone(engine: Engine) {
        let url = engine.url();
        let server = made(&url).await;
        let anyone = server.raw(As::default());
        let response = anyone.respond("ListPlans", json!({"parent": "platforms/-"})).await.unwrap();
        assert_eq!(response.metadata().get("ndp-synthetic").unwrap(), "true");
        for (method, request, list) in [
            ("ListPlatforms", json!({"page_size": 1000}), "platforms"),
            ("ListPlans", json!({"parent": "platforms/-", "page_size": 1000}), "plans"),
            ("ListAgencies", json!({"page_size": 1000}), "agencies"),
            ("ListEditions", json!({}), "editions"),
            ("ListMilestones", json!({"parent": "platforms/-/plans/-", "page_size": 1000}),
                "milestones"),
            ("ListRecommendations", json!({"page_size": 1000}), "recommendations"),
        ] {
            let listed = anyone.ok(method, request).await;
            let records = listed[list].as_array().unwrap();
            assert!(!records.is_empty());
            for record in records {
                // of a RESTRICTED plan the title is withheld
                let name = record["display_name"].as_str().unwrap_or_default();
                let withheld = record["redacted"] == true;
                assert!(withheld || name.ends_with("(thử nghiệm / synthetic)"), "{record}");
            }
        }
        server.stop().await;
        let store = Store::open(&url, uuid::Uuid::new_v4()).await.unwrap();
        let refused = demo::make(store.clone(), end()).await.unwrap_err().to_string();
        store.close().await;
        assert!(refused.contains("not empty"), "{refused}");
    }

    async fn the_shipped_figures_are_claims_that_nothing_here_bears_out(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let answer = anyone.ok("ReconcileFigures", json!({})).await;
        let of = |name: &str| {
            let all = answer["reconciliations"].as_array().unwrap();
            let found = all.iter().find(|it| it["figure"]["name"] == name);
            found.unwrap().clone()
        };
        let issued = of("figures/plans-issued-2025-09-23");
        assert_eq!(issued["figure"]["value"], 21);
        assert_eq!((&issued["computed_value"], &issued["difference"]), (&json!(0), &json!(21)));
        let listed = of("figures/platforms-listed-2025-09-23");
        assert_eq!((&listed["computed_value"], &listed["difference"]), (&json!(84), &json!(0)));
        assert_eq!(listed["change_revisions"], json!([1]));
        let on_the_day = summary(&anyone, "2025-09-23").await;
        assert_eq!(on_the_day["issued_plan_platform_count"], 0);
        assert_eq!(on_the_day["synthetic"], Value::Null);
        server.stop().await;
    }
}
