//! The start of a day: a state that changes with time alone is recorded once, by any process that
//! runs, and is shown to callers that may see it.

use std::time::{Duration, Instant};

use ndp_core::{
    change::Effect,
    effort::Effort,
    monitoring::tally::{Clearance, CountScope, Tally},
    names::Revision,
    records::plans::PlanMove,
    time::Clock as _,
};
use ndp_registry::pb::{
    self, change::effect::Kind, change_service_client::ChangeServiceClient,
    watch_changes_request::Start, watch_changes_response::Event,
};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, date, decision},
    raw::Raw,
    server::{As, Server, elsewhere},
    until,
};

/// A guard against waiting for ever.
const BOUND: Duration = Duration::from_secs(30);
const DAY: i64 = 86_400;

/// A plan in force with one milestone, due on 5 October 2026, four days after the clock's day.
async fn issued(cast: &Cast, platform: &str, visibility: &str) -> Value {
    let mut plan = cast.draft(platform, "turning").await;
    plan["visibilities"] = json!([{"visibility": visibility}]);
    plan["reporting_cycles"] = json!([{"cutoff_day": 8, "filing_days": 3}]);
    let plan = cast.editor.ok("UpdatePlan", json!({"plan": plan})).await;
    cast.editor
        .ok(
            "CreateMilestone",
            json!({"parent": plan["name"], "milestone_id": "one", "milestone": {
                "display_name": "Mốc thử nghiệm (synthetic)",
                "due": {"end": date([2026, 10, 5]), "as_written": "5/10/2026"},
            }}),
        )
        .await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    cast.step(PlanMove::Issue, &plan).await.unwrap()
}

/// Every notice of the log so far.
async fn notices(server: &Server) -> Vec<(i64, String, String, String)> {
    let logged = server
        .registry
        .changes_after(elsewhere(), Revision::ZERO, 10_000, |_| false)
        .await
        .unwrap();
    let mut notices = Vec::new();
    for logged in logged {
        for effect in &logged.change.effects {
            if let Effect::Notice(notice) = effect {
                assert_eq!(logged.change.method, "TurnDay");
                assert_eq!(logged.change.person.principal.as_str(), "principals/system");
                notices.push((
                    logged.change.revision.get(),
                    notice.name.clone(),
                    notice.from.clone(),
                    notice.to.clone(),
                ));
            }
        }
    }
    notices
}

fn received(change: &pb::Change) -> Vec<(String, String, String)> {
    let effects = change.effects.iter();
    effects
        .map(|effect| {
            assert_eq!(effect.kind(), Kind::Notice);
            assert!(effect.new_record.is_none());
            let notice = effect.notice.clone().unwrap();
            (effect.resource.clone(), notice.old_value, notice.new_value)
        })
        .collect()
}

both! {
    async fn idle_processes_tell_of_each_turn_once(engine: Engine) {
        let url = engine.url();
        let one = Server::start(&url).await;
        let cast = Cast::new(&one).await;
        let plan = issued(&cast, "ndp-001", "PUBLIC").await;
        let name = plan["name"].as_str().unwrap().to_owned();
        let milestone = format!("{name}/milestones/one");
        let two = Server::start(&url).await;
        let issued_at = one.registry.revision();
        // without a command: the day begins for both processes, and one of them records it
        for server in [&one, &two] {
            server.clock.advance(5 * DAY);
        }
        one.moved_on(issued_at).await;
        two.moved_on(issued_at).await;
        let overdue = (
            issued_at.next().get(), milestone, "ON_SCHEDULE".to_owned(), "OVERDUE".to_owned(),
        );
        assert_eq!(notices(&one).await, std::slice::from_ref(&overdue));
        // three more days: the report for the period that ended on the 8th is due; the notice is
        // written in the command's group, before the command
        let told_at = one.registry.revision();
        for server in [&one, &two] {
            server.clock.advance(3 * DAY);
        }
        cast.draft("ndp-002", "later").await;
        let logged = one.registry.changes_after(elsewhere(), told_at, 10, |_| false);
        let logged = logged.await.unwrap();
        let methods: Vec<_> = logged.iter().map(|it| it.change.method.to_string()).collect();
        assert_eq!(methods, ["TurnDay", "CreatePlan"]);
        let due = (told_at.next().get(), name, "CURRENT".to_owned(), "DUE".to_owned());
        two.moved_on(told_at.next()).await;
        assert_eq!(notices(&two).await, [overdue, due]);
        one.stop().await;
        two.stop().await;
    }

    async fn a_new_day_is_counted_while_commands_never_cease(engine: Engine) {
        const WRITERS: usize = 32;
        let server = Server::start(&engine.url()).await;
        let counted = || server.registry.read().tally.as_ref().map(|tally| tally.date());
        let cast = Cast::new(&server).await;
        let (ended, end) = tokio::sync::watch::channel(false);
        let writers: Vec<_> = (0..WRITERS).map(|writer| {
            let (raw, end) = (cast.steward.clone(), end.clone());
            tokio::spawn(async move {
                for round in 0.. {
                    if *end.borrow() {
                        return;
                    }
                    raw.ok("UpdatePlatform", json!({"platform": {
                        "name": format!("platforms/ndp-{:03}", 1 + writer),
                        "display_name": format!("Lần sửa {writer} {round} (synthetic)"),
                    }})).await;
                }
            })
        }).collect();
        for _ in 0..3 {
            server.clock.advance(DAY);
            let today = server.clock.now().date_in_vietnam();
            until("the day is counted", async || counted() == Some(today)).await;
            // and by each change that follows
            let from = server.registry.revision();
            server.moved_on(from).await;
            let snapshot = server.registry.read();
            let tally = snapshot.tally.as_ref().expect("it is counted no more");
            let anew = Tally::new(&snapshot.state, today, &Effort::unlimited());
            let count_scope = CountScope::default();
            let counts = |tally: &Tally| tally.counts(&count_scope, &Clearance::All);
            assert_eq!(counts(tally), counts(&anew));
        }
        ended.send_replace(true);
        for writer in writers {
            writer.await.unwrap();
        }
        server.stop().await;
    }

    async fn days_that_passed_while_nothing_ran_are_in_one_change(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast, "ndp-001", "PUBLIC").await;
        let hidden = issued(&cast, "ndp-002", "RESTRICTED").await;
        let auditor = server
            .person("watcher", &[ndp_core::records::principals::Role::Auditor], None)
            .await;
        let editor = [ndp_core::records::principals::Role::AgencyEditor];
        let editor = server.person("turner", &editor, Some(AGENCY)).await;
        let last = server.registry.revision();
        server.stop().await;
        let server = Server::start_later(&url, 40 * DAY).await;
        server.moved_on(last).await;
        let watch = |caller: As| {
            let mut client = ChangeServiceClient::new(server.intercepted(caller));
            async move {
                let request = pb::WatchChangesRequest {
                    start: Start::Resume.into(),
                    resume_revision: last.get(),
                    ..Default::default()
                };
                let mut watch = client.watch_changes(request).await.unwrap().into_inner();
                let message = tokio::time::timeout(BOUND, watch.message()).await;
                match message.unwrap().unwrap().unwrap().event {
                    Some(Event::Change(change)) => change,
                    other => panic!("{other:?}"),
                }
            }
        };
        let of = |plan: &Value| {
            let name = plan["name"].as_str().unwrap().to_owned();
            [
                (format!("{name}/milestones/one"), "ON_SCHEDULE".into(), "OVERDUE".into()),
                (name, "CURRENT".into(), "STALE".into()),
            ]
        };
        // the public receives notices of what it sees whole
        let public = watch(As::default()).await;
        assert_eq!(public.revision, last.next().get());
        assert_eq!(public.method, "TurnDay");
        assert_eq!(received(&public), of(&plan));
        let whole = watch(auditor.clone()).await;
        assert_eq!(received(&whole), [of(&plan), of(&hidden)].concat());
        // and no answer depends on it: the same State with and without
        let anyone = server.raw(As::default());
        let before = json!({"name": plan["name"], "read_revision": last.get()});
        let mut before = anyone.ok("GetPlan", before).await;
        let mut after = anyone.ok("GetPlan", json!({"name": plan["name"]})).await;
        assert_eq!(after["standing"]["freshness"], "STALE");
        assert_eq!(before["standing"]["freshness"], "CURRENT");
        for plan in [&mut before, &mut after] {
            plan["standing"].take();
        }
        assert_eq!(before, after);
        let listed = anyone.ok("ListChanges", json!({"filter": "method = \"TurnDay\""})).await;
        assert_eq!(listed["changes"].as_array().unwrap().len(), 1);
        let change = anyone.ok("GetChange", json!({"name": public.name})).await;
        assert_eq!(change["effects"][0]["notice"]["aspect"], "standing.state");
        let report = server.store.verify().await.unwrap();
        assert_eq!(report.findings, []);
        server.stop().await;
        // a restart on the same day records no further notice
        let server = Server::start_later(&url, 40 * DAY).await;
        let told_at = server.registry.revision();
        day_is_looked_at(&server).await;
        assert_eq!(server.registry.revision(), told_at);
        // a record is what it was, before and at the notice on it, also where the log is asked
        let editor = server.raw(editor);
        let name = &plan["name"];
        let whole = editor.ok("GetPlan", json!({"name": name})).await;
        let updated = editor.ok("UpdatePlan", json!({"plan": {
            "name": name, "etag": whole["etag"], "lead_unit": "Đơn vị khác (synthetic)",
        }})).await;
        let then = json!({"name": name, "read_revision": told_at.get()});
        assert_eq!(editor.ok("GetPlan", then).await, whole);
        server.stop().await;
        let server = Server::start_later(&url, 40 * DAY).await;
        let auditor = server.raw(auditor);
        let change = format!("changes/{}", updated["revision"]);
        let change = auditor.ok("GetChange", json!({"name": change})).await;
        let old = &change["effects"][0]["old_record"]["plan"];
        assert_eq!((&old["name"], &old["etag"]), (&whole["name"], &whole["etag"]));
        server.stop().await;
    }

    async fn each_record_that_a_day_makes_late_is_sent_to_those_who_see_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let agency = format!("agencies/{AGENCY}");
        cast.steward.ok("CreateProgramme", json!({"programme_id": "p", "programme": {
            "display_name": "Chương trình thử nghiệm (synthetic)",
            "documents": [decision([2026, 9, 1])],
        }})).await;
        cast.steward.ok("CreateTask", json!({"task_id": "t", "task": {
            "code": "THU", "display_name": "Nhiệm vụ thử nghiệm (synthetic)",
            "programmes": ["programmes/p"], "assigning_document": decision([2026, 9, 1]),
            "assigning_agency": agency, "agency": agency, "due": {"end": date([2026, 10, 5])},
        }})).await;
        for (id, reviewed) in [("hidden", Value::Null), ("public", date([2026, 9, 30]))] {
            cast.steward.ok("CreateRecommendation", json!({"recommendation_id": id,
                "recommendation": {
                    "kind": "RECOMMENDATION", "display_name": "Kiến nghị (synthetic)",
                    "content": "Nội dung thử nghiệm", "sender_kind": "CITIZEN", "agency": agency,
                    "receive_date": date([2026, 9, 20]), "review_date": reviewed,
                    "term": {"day_count": 15, "legal_basis_text": "thử"},
                },
            })).await;
        }
        let name = format!("platforms/ndp-001/deployments/{AGENCY}");
        cast.editor.ok("UpdateDeployment", json!({"allow_missing": true, "deployment": {
            "name": name, "report_date": date([2026, 9, 30]),
            "stages": [{"stage": "PILOT", "reached": {"end": date([2026, 9, 1])}}],
            "planned_stages": [{"stage": "OPERATING", "planned": {"end": date([2026, 10, 5])}}],
            "legacy_systems": [{"display_name": "Hệ thống cũ", "disposition": "KEPT",
                "start_date": date([2026, 9, 1]), "end_date": date([2026, 10, 3]),
                "reason": "Chuyển dữ liệu"}],
        }})).await;
        let anyone = server.raw(As::default());
        let last = async |caller: &Raw| {
            let request = json!({"filter": "method = \"TurnDay\"", "order_by": "revision desc",
                "page_size": 1});
            let listed = caller.ok("ListChanges", request).await;
            let effects = listed["changes"][0]["effects"].as_array().cloned().unwrap_or_default();
            let line = |it: &Value| {
                let notice = &it["notice"];
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let [aspect, old, new] = ["aspect", "old_value", "new_value"]
                    .map(|field| text(&notice[field]));
                format!("{} {aspect} {old} {new}", text(&it["resource"]))
            };
            effects.iter().map(line).collect::<Vec<_>>()
        };
        let from = server.registry.revision();
        server.clock.advance(5 * DAY);
        server.moved_on(from).await;
        let whole = last(&cast.editor).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(whole.join("\n"), @r"
            tasks/t standing.state ON_SCHEDULE OVERDUE
            recommendations/hidden standing.state WAITING OVERDUE
            recommendations/public standing.state WAITING OVERDUE
            platforms/ndp-001/deployments/bo-cong-an standing.late false true
            platforms/ndp-001/deployments/bo-cong-an standing.duplicate_system false true
            ");
        }
        let mut public = whole;
        public.retain(|line| !line.contains("hidden"));
        assert_eq!(last(&anyone).await, public);
        // the month's report is late after 14 November
        let from = server.registry.revision();
        server.clock.advance(40 * DAY);
        server.moved_on(from).await;
        assert_eq!(last(&anyone).await, [format!("{name} standing.freshness CURRENT OVERDUE")]);
        let read = anyone.ok("GetDeployment", json!({"name": name})).await;
        assert_eq!(read["standing"]["freshness"], "OVERDUE", "as the notice said");
        server.stop().await;
    }

    async fn a_day_without_anything_to_tell_is_not_written(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let last = server.registry.revision();
        server.clock.advance(100 * DAY);
        day_is_looked_at(&server).await;
        assert_eq!(server.registry.revision(), last);
        server.stop().await;
    }
}

/// Waits until the writer has checked the day and has written all notices for it.
async fn day_is_looked_at(server: &Server) {
    // reads of the log: before the day is checked, under the lock before a notice, and once more
    for _ in 0..3 {
        let asked = Instant::now();
        let looked = async || asked.elapsed() > server.registry.lag();
        until("the log is looked at after this", looked).await;
    }
}
