//! Facts with dates: what is entered today for an earlier date is answered for that date, and
//! what is entered for today changes nothing before it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ndp_core::{
    records::{plans::PlanMove, principals::Role},
    time::Clock,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, DECISION_DAY, OTHER_AGENCY, date, decision, move_request},
    raw::{Raw, violations},
    server::Server,
};

const EDITION: &str = "editions/2618-qd-bkhcn";
const ASKED: [i32; 3] = [2025, 9, 23];

/// Who governs from a day on.
fn governance(agency: &str, start: [i32; 3]) -> Value {
    json!({"agency": format!("agencies/{agency}"), "start_date": date(start)})
}

/// A plan that was issued on 2 March, with these visibility entries.
async fn issued(cast: &Cast, id: &str, visibilities: Value) -> Value {
    let plan = json!({"display_name": "Kế hoạch thử nghiệm", "visibilities": visibilities});
    let request = json!({"parent": "platforms/ndp-001", "plan_id": id, "plan": plan});
    let plan = cast.editor.ok("CreatePlan", request).await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    let mut request = move_request(PlanMove::Issue, &plan);
    request["document"] = decision([2026, 3, 2]);
    cast.approver.ok("IssuePlan", request).await
}

/// A number that JSON leaves out where it is 0.
fn number(answer: &Value, field: &str) -> i64 {
    answer[field].as_i64().unwrap_or_default()
}

/// On a day as it is known at a revision: how many platforms an agency governs, and the agency
/// that has to act on a platform.
async fn governed(
    raw: &Raw,
    agency: &str,
    platform: &Value,
    day: [i32; 3],
    at: i64,
) -> (i64, Value) {
    let asked = json!({"effective_date": date(day), "read_revision": at});
    let mut request = asked.clone();
    request["agency"] = json!(format!("agencies/{agency}"));
    let summary = raw.ok("ComputeSummary", request).await;
    let mut request = asked;
    let name = platform["name"].as_str().unwrap();
    request["filter"] = json!(format!("platform = \"{name}\" AND kind = MISSING_PLAN"));
    let items = raw.ok("ListAttentionItems", request).await;
    assert_eq!(items["effective_date"], date(day));
    let held = number(&summary, "held_platform_count");
    (held, items["attention_items"][0]["agency"].clone())
}

/// A summary and a page as of a time.
async fn read_at(raw: &Raw, time: &Value) -> (Value, Value) {
    let summary = raw.ok("ComputeSummary", json!({"read_time": time})).await;
    let page = json!({"read_time": time, "page_size": 3, "order_by": "create_time desc"});
    (summary, raw.ok("ListPlatforms", page).await)
}

both! {
    async fn an_agency_entered_today_governs_from_the_day_of_its_decision(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let anyone = server.raw(Default::default());
        let platform = json!({"display_name": "Nền tảng thử (synthetic)", "verification": "VERIFIED",
            "listings": [{"edition": EDITION}, {"edition": "editions/1527-qd-bkhcn"}]});
        let platform = steward.ok("CreatePlatform", json!({"platform": platform})).await;
        assert!(platform.get("governance").is_none(), "{platform}");
        let before = server.registry.revision().get();
        let (held, nobody) = governed(&anyone, OTHER_AGENCY, &platform, ASKED, 0).await;
        assert!(nobody.is_null());
        let update = async |entries: Value| {
            let platform = json!({"name": platform["name"], "governance": entries});
            steward.ok("UpdatePlatform", json!({"platform": platform})).await
        };

        // transcribed a year later, from a decision of 15 September
        let mut entry = governance(OTHER_AGENCY, [2025, 9, 15]);
        entry["document"] = decision([2025, 9, 15]);
        entry["sources"] = json!([{"note": "thử nghiệm"}]);
        let written = update(json!([entry])).await;
        assert_eq!(written["governance"], json!([entry]));
        let other = json!(format!("agencies/{OTHER_AGENCY}"));
        assert_eq!(written["governing_agency"], other);
        let ask = async |day, at| governed(&anyone, OTHER_AGENCY, &platform, day, at).await;
        assert_eq!(ask(ASKED, 0).await, (held + 1, other.clone()));
        assert_eq!(ask([2025, 9, 14], 0).await, (held, Value::Null));
        // what was known before is answered as before
        assert_eq!(ask(ASKED, before).await, (held, Value::Null));

        // a transfer of today changes nothing for the past
        let first = server.registry.revision().get();
        let today = [2026, 10, 1];
        let moved = update(json!([entry, governance(AGENCY, today)])).await;
        assert_eq!(moved["governing_agency"], format!("agencies/{AGENCY}"));
        assert_eq!(ask(ASKED, 0).await, (held + 1, other.clone()));
        assert_eq!(ask([2026, 9, 30], 0).await, (held + 1, other.clone()));
        assert_eq!(ask(today, 0).await, (held, json!(format!("agencies/{AGENCY}"))));
        assert_eq!(ask(today, first).await, (held + 1, other.clone()));

        // one that was recorded later is still between them
        let third = governance("bo-tai-chinh", [2026, 1, 1]);
        update(json!([entry, third, governance(AGENCY, today)])).await;
        assert_eq!(ask(ASKED, 0).await, (held + 1, other.clone()));
        assert_eq!(ask([2026, 3, 1], 0).await, (held, json!("agencies/bo-tai-chinh")));
        assert_eq!(ask([2026, 3, 1], first).await, (held + 1, other));
        server.stop().await;
    }

    async fn a_time_close_to_now_is_answered_alike_each_time(engine: Engine) {
        let url = engine.url();
        let servers = [Server::start(&url).await, Server::start(&url).await];
        let steward = servers[0].person("steward", &[Role::Steward], None).await;
        let written = AtomicBool::new(false);
        let now = Instant::now();
        servers.iter().for_each(|server| server.clock.run(now));
        let write = async |server: &Server| {
            let steward = server.raw(steward.clone());
            while !written.load(Ordering::SeqCst) {
                let platform = json!({"display_name": "Thử (synthetic)",
                    "verification": "VERIFIED", "listings": [{"edition": EDITION}]});
                // the id that is next may be taken by the other server in the meantime
                drop(steward.call("CreatePlatform", json!({"platform": platform})).await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ask = async {
            let mut answers = Vec::new();
            for batch in 0..10 {
                let mut asking = JoinSet::new();
                for number in 0..6 {
                    let server = &servers[(batch + number) % 2];
                    let (raw, clock) = (server.raw(Default::default()), Arc::clone(&server.clock));
                    asking.spawn(async move {
                        let wait = Duration::from_millis(7 * number as u64);
                        tokio::time::sleep(wait).await;
                        let time = json!(clock.now().to_string());
                        let first = read_at(&raw, &time).await;
                        let again = read_at(&raw, &time).await;
                        assert_eq!(first, again, "{time}");
                        (time, first)
                    });
                }
                answers.extend(asking.join_all().await);
            }
            written.store(true, Ordering::SeqCst);
            answers
        };
        let [one, two] = &servers;
        let ((), (), answers) = tokio::join!(write(one), write(two), ask);
        assert_eq!(answers.len(), 60);
        let held = answers.iter().map(|(_, (summary, _))| number(summary, "held_platform_count"));
        assert!(held.clone().max() > held.min(), "nothing was written meanwhile");
        let raws = [one, two].map(|server| server.raw(Default::default()));
        for (number, (time, answer)) in answers.iter().enumerate() {
            assert_eq!(read_at(&raws[number % 2], time).await, *answer, "{time}");
        }
        let future = json!({"read_time": "2027-01-01T00:00:00Z"});
        let status = servers[0].raw(Default::default()).err("ComputeSummary", future).await;
        assert_eq!(violations(&status), "read_time OUT_OF_RANGE");
        for server in servers {
            server.stop().await;
        }
    }

    async fn a_stage_in_words_alone_counts_from_its_document_or_its_first_record(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let anyone = server.raw(Default::default());
        let before = server.registry.revision().get();
        // how many platforms are in operation on a day
        let count = async |day: [i32; 3], at: i64| {
            let request = json!({"effective_date": date(day), "read_revision": at});
            let summary = anyone.ok("ComputeSummary", request).await;
            let counts = summary["operation_stage_counts"].as_array().unwrap().clone();
            let mut counts = counts.iter().filter(|it| it["operation_stage"] == "OPERATION");
            counts.next().map_or(0, |it| number(it, "platform_count"))
        };
        let update = async |fields: Value| {
            let mut platform = fields;
            platform["name"] = json!("platforms/ndp-020");
            steward.ok("UpdatePlatform", json!({"platform": platform})).await
        };
        let words = |words: &str| {
            json!({"operation_stages": [{"stage": "OPERATION", "reached": {"as_written": words}}]})
        };
        let written = update(words("đã vận hành")).await;
        let recorded = written["operation_stages"][0]["record_time"].clone();
        assert_eq!(recorded, written["update_time"]);
        let counts = async || [
            count([2026, 9, 1], 0).await,
            count([2026, 9, 30], 0).await,
            count([2026, 10, 1], 0).await,
        ];
        assert_eq!(counts().await, [0, 0, 1]);

        // later writes, of the words as of anything else, do not move the day
        server.clock.advance(3 * 86_400);
        update(json!({"display_name_en": "Synthetic"})).await;
        let written = update(words("đã đi vào vận hành")).await;
        assert_eq!(written["operation_stages"][0]["record_time"], recorded);
        assert_eq!(counts().await, [0, 0, 1]);

        // a document that says so has a day of its own
        let mut dated = words("đã vận hành");
        dated["operation_stages"][0]["document"] = decision([2026, 9, 30]);
        update(dated).await;
        assert_eq!(counts().await, [0, 1, 1]);

        // a changed date gets a new record time, and the stage counts as reached from its `end`
        let mut dated = words("tháng 9 năm 2026");
        dated["operation_stages"][0]["reached"]["end"] = date([2026, 9, 1]);
        let written = update(dated).await;
        assert_eq!(written["operation_stages"][0]["record_time"], written["update_time"]);
        assert_eq!(counts().await, [1, 1, 1]);
        assert_eq!(count([2026, 10, 1], before).await, 0);
        server.stop().await;
    }

    async fn a_cycle_measures_reports_from_its_own_day(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(Default::default());
        let plan = issued(&cast, "p", json!([])).await;
        let issued = server.registry.revision().get();
        let freshness = async |day: [i32; 3], at: i64| {
            let request = json!({"effective_date": date(day), "read_revision": at});
            let summary = anyone.ok("ComputeSummary", request).await;
            assert_eq!(number(&summary, "reporting_plan_count"), 1);
            summary["freshness_counts"][0]["freshness"].as_str().unwrap().to_owned()
        };
        let update = async |cycles: Value| {
            cast.rebaselined(&plan, json!({"reporting_cycles": cycles})).await
        };
        let (june, today) = ([2026, 6, 20], [2026, 10, 1]);
        assert_eq!(freshness(june, 0).await, "STALE");

        // another cycle of today, and nothing else of the past
        let yearly = |start: [i32; 3]| json!({"interval": "YEARLY", "start_date": date(start)});
        let written = update(json!([yearly(today)])).await;
        let mut decided = yearly(today);
        decided["document"] = decision(DECISION_DAY);
        assert_eq!(written["reporting_cycle"], decided, "by the document of the rebaseline");
        assert_eq!(freshness(june, 0).await, "STALE");
        assert_eq!(freshness([2026, 9, 30], 0).await, "STALE");
        assert_eq!(freshness(today, 0).await, "CURRENT");

        // the same, entered for the past
        let mut entry = yearly([2026, 6, 1]);
        entry["document"] = decision([2026, 5, 20]);
        update(json!([entry])).await;
        assert_eq!(freshness(june, 0).await, "CURRENT");
        assert_eq!(freshness([2026, 5, 31], 0).await, "STALE");
        assert_eq!(freshness(june, issued).await, "STALE");
        server.stop().await;
    }

    async fn a_plan_shown_today_was_not_shown_before(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(Default::default());
        let restricted = json!({"visibility": "RESTRICTED"});
        let plan = issued(&cast, "p", json!([restricted])).await;
        let hidden = server.registry.revision().get();
        let monitored = async |raw: &Raw, day: [i32; 3], at: i64| {
            let request = json!({"effective_date": date(day), "read_revision": at});
            let summary = raw.ok("ComputeSummary", request).await;
            number(&summary, "monitored_plan_count")
        };
        let update = async |entries: Value| {
            cast.rebaselined(&plan, json!({"visibilities": entries})).await
        };
        let public = |start: [i32; 3]| json!({"visibility": "PUBLIC", "start_date": date(start)});
        let (june, today) = ([2026, 6, 20], [2026, 10, 1]);
        assert_eq!(monitored(&anyone, today, 0).await, 0);
        let written = update(json!([restricted, public(today)])).await;
        assert_eq!(written["visibility"], "PUBLIC");
        assert_eq!(monitored(&anyone, today, 0).await, 1);
        assert_eq!(monitored(&anyone, june, 0).await, 0);
        update(json!([restricted, public([2026, 6, 1])])).await;
        assert_eq!(monitored(&anyone, june, 0).await, 1);
        assert_eq!(monitored(&anyone, [2026, 5, 31], 0).await, 0);
        assert_eq!(monitored(&anyone, june, hidden).await, 0);
        // a caller that may not see the plan now may not see it as of an earlier day either
        let again = json!({"visibility": "RESTRICTED", "start_date": date(today)});
        update(json!([restricted, public([2026, 6, 1]), again])).await;
        assert_eq!(monitored(&anyone, june, 0).await, 0);
        assert_eq!(monitored(&cast.steward, june, 0).await, 1);
        server.stop().await;
    }

    async fn entries_of_governance_are_in_order_and_of_no_day_to_come(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let refused = async |entries: Value| {
            let platform = json!({"name": "platforms/ndp-020", "governance": entries});
            let status = steward.err("UpdatePlatform", json!({"platform": platform})).await;
            violations(&status)
        };
        let undated = json!({"agency": format!("agencies/{AGENCY}")});
        let of = |day| governance(AGENCY, day);
        assert_eq!(
            refused(json!([of([2026, 2, 1]), of([2026, 1, 1])])).await,
            "platform.governance[1].start_date OUT_OF_RANGE"
        );
        assert_eq!(
            refused(json!([of([2026, 2, 1]), undated])).await,
            "platform.governance[1].start_date REQUIRED"
        );
        assert_eq!(
            refused(json!([undated, of([2026, 10, 2])])).await,
            "platform.governance[1].start_date OUT_OF_RANGE"
        );
        let many: Vec<_> = (1..=51).map(|year| of([1949 + year, 1, 1])).collect();
        assert_eq!(refused(json!(many)).await, "platform.governance TOO_MANY_ITEMS");
        // `governing_agency` is what comes of the list
        let platform = json!({"name": "platforms/ndp-020",
            "governing_agency": format!("agencies/{AGENCY}"), "operating_unit": "Đơn vị thử"});
        let written = steward.ok("UpdatePlatform", json!({"platform": platform})).await;
        assert!(written.get("governing_agency").is_none(), "{written}");
        server.stop().await;
    }
}
