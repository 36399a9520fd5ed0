//! What an agency has to do, as feeds that a key opens, and reports in the layout of documents.

use std::io::{Cursor, Read as _};

use ndp_core::records::{plans::PlanMove, principals::Role};
use serde_json::{Value, json};

use super::indicators;
use crate::{
    catalogue::deployments,
    harness::{
        Engine, both,
        http::send,
        plans::{AGENCY, Cast, OTHER_AGENCY, date, decision, move_request},
        raw::{Raw, violations},
        server::{As, Server},
    },
    tasks::{lifecycle as tasks, programmes, recommendations},
};

const DAY: i64 = 86_400;

/// An issued plan with a milestone due on each of these days, reported on each month.
async fn issued(cast: &Cast, id: &str, visibility: &str, due: &[[i32; 3]]) -> Value {
    let plan = json!({
        "display_name": format!("Kế hoạch thử nghiệm {id}"),
        "visibilities": [{"visibility": visibility}], "reporting_cycles": [{"filing_days": 20}],
        "accountable_head": {"office": "Cục trưởng Cục thử nghiệm"},
    });
    let request = json!({"parent": format!("platforms/{id}"), "plan_id": "p", "plan": plan});
    let plan = cast.editor.ok("CreatePlan", request).await;
    for (i, day) in due.iter().enumerate() {
        let milestone = json!({
            "display_name": format!("Mốc {i} <b> & của {id}"), "required_result": "Biên bản",
            "due": {"end": date(*day)},
        });
        let request = json!({"parent": plan["name"], "milestone_id": format!("m{i}"),
            "milestone": milestone});
        cast.editor.ok("CreateMilestone", request).await;
    }
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    let mut request = move_request(PlanMove::Issue, &plan);
    request["document"] = decision([2026, 9, 1]);
    cast.approver.ok("IssuePlan", request).await
}

/// A task that [`AGENCY`] leads and [`OTHER_AGENCY`] assigns, with other fields.
async fn task(cast: &Cast, programme: &Value, id: &str, due: [i32; 3], fields: Value) -> Value {
    let mut request = tasks::create(id, programme);
    request["task"]["assigning_agency"] = json!(format!("agencies/{OTHER_AGENCY}"));
    request["task"]["due"] = json!({"end": date(due)});
    for (field, value) in fields.as_object().unwrap() {
        request["task"][field] = value.clone();
    }
    cast.steward.ok("CreateTask", request).await
}

fn step(record: &Value) -> Value {
    json!({"name": record["name"], "etag": record["etag"], "reason": "thử nghiệm (synthetic)"})
}

/// What an agency is reminded of, as this caller sees it.
async fn reminders(caller: &Raw, agency: &str) -> Vec<String> {
    let request = json!({"agency": format!("agencies/{agency}")});
    got(&caller.ok("ComputeReminders", request).await)
}

fn got(answer: &Value) -> Vec<String> {
    let list = answer["reminders"].as_array();
    let line = |it: &Value| {
        let resource = it["resource"].as_str().unwrap().replace("platforms/", "");
        let left = it["days_left"].as_i64().unwrap_or_default();
        format!("{} {resource} {left}", it["kind"].as_str().unwrap())
    };
    list.into_iter().flatten().map(line).collect()
}

both! {
    async fn what_is_due_within_a_week_and_what_is_late_is_listed_by_day(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        // today is 1 October 2026
        issued(&cast, "ndp-001", "PUBLIC", &[
            [2026, 9, 20], [2026, 10, 1], [2026, 10, 8], [2026, 10, 9],
        ]).await;
        issued(&cast, "ndp-002", "RESTRICTED", &[[2026, 10, 2]]).await;
        let request = json!({"agency": format!("agencies/{AGENCY}")});
        let seen = anyone.ok("ComputeReminders", request.clone()).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(got(&seen).join("\n"), @r"
            MILESTONE_DUE ndp-001/plans/p/milestones/m0 -11
            MILESTONE_DUE ndp-001/plans/p/milestones/m1 0
            REPORT_DUE ndp-001/plans/p 3
            MILESTONE_DUE ndp-001/plans/p/milestones/m2 7
            ");
        }
        let whole = cast.editor.ok("ComputeReminders", request.clone()).await;
        let hidden: Vec<_> = got(&whole).into_iter().filter(|it| it.contains("ndp-002")).collect();
        assert_eq!(hidden.len(), 2, "{hidden:?}");
        // one answer asked for twice is one answer
        let mut again = request.clone();
        again["read_revision"] = whole["revision"].clone();
        assert_eq!(cast.editor.ok("ComputeReminders", again.clone()).await,
            cast.editor.ok("ComputeReminders", again).await);
        // what is done is not listed any more
        let name = "platforms/ndp-001/plans/p/milestones/m0";
        let milestone = cast.editor.ok("GetMilestone", json!({"name": name})).await;
        cast.editor.ok("CompleteMilestone", json!({"name": name, "etag": milestone["etag"],
            "completion_date": date([2026, 9, 30])})).await;
        let seen = anyone.ok("ComputeReminders", request.clone()).await;
        assert!(!got(&seen).iter().any(|it| it.contains("m0")), "{seen}");
        let mut before = request;
        before["effective_date"] = date([2026, 9, 12]);
        let seen = anyone.ok("ComputeReminders", before).await;
        assert!(got(&seen).is_empty(), "m0 was due in more than a week: {seen}");
        let other = json!({"agency": format!("agencies/{OTHER_AGENCY}")});
        assert!(got(&anyone.ok("ComputeReminders", other).await).is_empty());
        let nobody = anyone.refusal("ComputeReminders", json!({"agency": "agencies/none"})).await;
        assert_eq!(nobody, "NotFound RESOURCE_NOT_FOUND");
        let later = json!({"agency": format!("agencies/{AGENCY}"),
            "effective_date": date([2026, 10, 2])});
        let status = anyone.err("ComputeReminders", later).await;
        assert_eq!(violations(&status), "effective_date OUT_OF_RANGE");
        server.stop().await;
    }

    async fn a_feed_is_opened_by_its_own_key_which_opens_nothing_else(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        issued(&cast, "ndp-001", "RESTRICTED", &[[2026, 10, 4], [2026, 9, 2]]).await;
        let admin = server.raw(server.person("keeper", &[Role::Admin], None).await);
        let reader = json!({"principal_id": "reader", "principal": {
            "display_name": "Lịch phòng thử nghiệm", "kind": "SYSTEM",
            "agency": format!("agencies/{AGENCY}"), "roles": ["ROLE_AGENCY_EDITOR"]}});
        let reader = admin.ok("CreatePrincipal", reader).await;
        let key = async |feed: bool| {
            let request = json!({"parent": reader["name"], "api_key": {"feed": feed}});
            admin.ok("CreateApiKey", request).await["secret"].as_str().unwrap().to_owned()
        };
        let (feed, other) = (key(true).await, key(false).await);
        let path = format!("GET /v1/agencies/{AGENCY}:computeReminders");
        let get = async |query: &str| {
            send(&server.address, &format!("{path}?{query}"), &[], "").await
        };

        let calendar = get(&format!("format=ics&key={feed}")).await;
        assert_eq!(calendar.status, 200, "{}", calendar.text());
        assert_eq!(calendar.header("content-type"), Some("text/calendar; charset=utf-8"));
        let text = calendar.text().replace("\r\n ", "");
        assert!(text.starts_with("BEGIN:VCALENDAR\r\n"), "{text}");
        assert!(text.contains("DTSTART;VALUE=DATE:20261004"), "{text}");
        assert!(text.contains("TRIGGER:-PT259200S"), "{text}");
        assert!(text.contains("Mốc 0 <b> & của ndp-001"), "{text}");
        assert_eq!(calendar.text(), get(&format!("format=ics&key={feed}")).await.text());
        let atom = get(&format!("key={feed}&format=atom")).await;
        assert_eq!(atom.header("content-type"), Some("application/atom+xml"));
        assert!(atom.text().contains("Mốc 0 &lt;b&gt; &amp; của ndp-001"), "{}", atom.text());
        assert!(atom.text().contains("quá hạn từ 03/09/2026"), "{}", atom.text());
        // without it, only what everyone may see
        let open = get("format=ics").await;
        assert!(!open.text().contains("ndp-001"), "{}", open.text());

        for (asked, reason) in [
            (get(&format!("key={other}")).await, "KEY_NOT_FOR_FEEDS"),
            (get("key=ndp_aaaaaaaaaaaa_bbbb").await, "CREDENTIALS_INVALID"),
            (get("key=").await, "CREDENTIALS_INVALID"),
        ] {
            assert_eq!(asked.status, 401, "{}", asked.text());
            assert!(asked.text().contains(reason), "{}", asked.text());
        }
        let bearer = [("authorization", &*format!("Bearer {feed}"))];
        let refused = send(&server.address, "GET /v1/principals:identifyCaller", &bearer, "").await;
        assert_eq!(refused.status, 401);
        assert!(refused.text().contains("KEY_FOR_FEEDS_ONLY"), "{}", refused.text());
        // no other path takes it
        let elsewhere = format!("GET /v1/platforms?key={feed}");
        assert_eq!(send(&server.address, &elsewhere, &[], "").await.status, 400);
        // a key that is revoked opens nothing any more
        let keys = admin.ok("ListApiKeys", json!({"parent": reader["name"]})).await;
        let keys = keys["api_keys"].as_array().unwrap();
        let feed_key = keys.iter().find(|it| it["feed"] == true).unwrap();
        admin.ok("RevokeApiKey", json!({"name": feed_key["name"]})).await;
        let revoked = get(&format!("format=ics&key={feed}")).await;
        assert!(revoked.text().contains("KEY_REVOKED"), "{}", revoked.text());
        server.stop().await;
    }

    async fn a_task_is_a_reminder_of_the_side_that_has_to_act(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        let programme = programmes::create("giao");
        let programme = cast.steward.ok("CreateProgramme", programme).await;
        let make = async |id, due, fields| task(&cast, &programme, id, due, fields).await;
        // today is Thursday, 1 October 2026
        make("late", [2026, 9, 30], json!({})).await;
        make("soon", [2026, 10, 8], json!({})).await;
        make("later", [2026, 10, 9], json!({})).await;
        make("not-begun", [2026, 10, 6], json!({"start_date": date([2026, 10, 5])})).await;
        make("regular", [2026, 10, 1], json!({"due": null})).await;
        make("no-lead", [2026, 10, 3], json!({"agency": ""})).await;
        let whole = make("whole", [2026, 10, 2], json!({})).await;
        make("part", [2026, 10, 4], json!({"parent": whole["name"]})).await;
        let dropped = make("dropped", [2026, 10, 2], json!({})).await;
        let mut drop = step(&dropped);
        drop["document"] = decision([2026, 9, 20]);
        cast.steward.ok("DropTask", drop).await;
        let waits = make("waits", [2026, 9, 29], json!({})).await;
        let mut report = step(&waits);
        report["completion_date"] = date([2026, 9, 29]);
        let waits = cast.editor.ok("ReportTask", report.clone()).await;
        let lead = reminders(&anyone, AGENCY).await;
        let assigning = reminders(&anyone, OTHER_AGENCY).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(format!("{}\n\n{}", lead.join("\n"), assigning.join("\n")), @r"
            TASK_DUE tasks/late -1
            TASK_DUE tasks/part 3
            TASK_DUE tasks/not-begun 5
            TASK_DUE tasks/soon 7

            TASK_DUE tasks/no-lead 2
            TASK_CONFIRMATION_DUE tasks/waits 7
            ");
        }
        // a feed names each task by an id that stays
        let path = format!("GET /v1/agencies/{AGENCY}:computeReminders");
        let get = async |query: &str| {
            let answer = send(&server.address, &format!("{path}?{query}"), &[], "").await;
            answer.text().replace("\r\n ", "")
        };
        let atom = get("format=atom").await;
        let late = "tasks/late:TASK_DUE:2026-09-30:2026-10-01</id>";
        assert!(atom.contains(late), "{atom}");
        assert!(atom.contains("(quá hạn từ 01/10/2026)"), "{atom}");
        assert!(atom.contains("<category term=\"TASK_DUE\"/>"), "{atom}");
        let calendar = get("format=ics").await;
        let soon = "UID:tasks/soon:TASK_DUE:2026-10-08@tag:";
        assert_eq!(calendar.matches(soon).count(), 1, "{calendar}");
        let summary = "SUMMARY:Hoàn thành nhiệm vụ và báo cáo: Nhiệm vụ thử nghiệm (synthetic)";
        assert!(calendar.contains(summary), "{calendar}");
        assert!(get("effectiveDate=2026-09-29").await.contains("\"tasks/late\""), "due next day");

        // returned, it is its lead's again
        let returned = cast.steward.ok("ReturnTask", step(&waits)).await;
        let of = async |agency, id: &str| {
            let all = reminders(&anyone, agency).await;
            all.into_iter().find(|it| it.contains(id)).unwrap_or_default()
        };
        assert_eq!(of(AGENCY, "waits").await, "TASK_DUE tasks/waits -2");
        assert_eq!(of(OTHER_AGENCY, "waits").await, "");
        // reported again, and not confirmed in time
        report["etag"] = returned["etag"].clone();
        let waits = cast.editor.ok("ReportTask", report).await;
        server.clock.advance(8 * DAY);
        assert_eq!(of(OTHER_AGENCY, "waits").await, "TASK_CONFIRMATION_DUE tasks/waits -1");
        cast.steward.ok("ConfirmTask", step(&waits)).await;
        assert_eq!(of(OTHER_AGENCY, "waits").await, "");
        assert_eq!(of(AGENCY, "waits").await, "");
        server.stop().await;
    }

    async fn one_calendar_has_all_due_dates_of_an_agency(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        // with a term until 5 October; hidden until it is taken into review
        let mut request = recommendations::create("hidden");
        request["recommendation"]["receive_date"] = date([2026, 9, 20]);
        request["recommendation"]["term"] = json!({"day_count": 15, "legal_basis_text": "thử"});
        let hidden = cast.steward.ok("CreateRecommendation", request).await;
        let without_term = recommendations::create("without-term");
        cast.steward.ok("CreateRecommendation", without_term).await;
        let mut report = deployments::report(AGENCY);
        let systems = &mut report["deployment"]["legacy_systems"];
        let mut other = systems[0].clone();
        other["display_name"] = json!("Hệ thống cũ khác");
        systems.as_array_mut().unwrap().push(other);
        cast.editor.ok("UpdateDeployment", report).await;
        cast.steward.ok("CreateIndicator", indicators::create("rate")).await;
        let seen = reminders(&cast.editor, AGENCY).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(seen.join("\n"), @r"
            OBSERVATION_DUE indicators/rate -17
            LEGACY_SYSTEM_DUE ndp-001/deployments/bo-cong-an -16
            DEPLOYMENT_STAGE_DUE ndp-001/deployments/bo-cong-an -11
            RECOMMENDATION_DUE recommendations/hidden 4
            ");
        }
        let public = reminders(&anyone, AGENCY).await;
        assert_eq!(public, [&seen[..3], &seen[4..]].concat(), "without what is hidden");
        let review = json!({"name": hidden["name"], "etag": hidden["etag"],
            "review_date": date([2026, 9, 30])});
        let hidden = cast.editor.ok("UpdateRecommendation", json!({"recommendation": review}));
        let hidden = hidden.await;
        assert_eq!(reminders(&anyone, AGENCY).await, seen);

        // what was done is gone; what follows comes a week before it is due
        cast.approver.ok("AnswerRecommendation", recommendations::answer(&hidden)).await;
        cast.editor.ok("CreateObservation", indicators::declared("rate", 8)).await;
        server.clock.advance(6 * DAY);
        let seen = reminders(&anyone, AGENCY).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(seen.join("\n"), @r"
            LEGACY_SYSTEM_DUE ndp-001/deployments/bo-cong-an -22
            DEPLOYMENT_STAGE_DUE ndp-001/deployments/bo-cong-an -17
            OBSERVATION_DUE indicators/rate 7
            ");
        }
        server.clock.advance(33 * DAY);
        let seen = reminders(&anyone, AGENCY).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(seen.join("\n"), @r"
            LEGACY_SYSTEM_DUE ndp-001/deployments/bo-cong-an -55
            DEPLOYMENT_STAGE_DUE ndp-001/deployments/bo-cong-an -50
            OBSERVATION_DUE indicators/rate -26
            DEPLOYMENT_REPORT_DUE ndp-001/deployments/bo-cong-an 5
            ");
        }
        let path = format!("GET /v1/agencies/{AGENCY}:computeReminders?format=ics");
        let calendar = send(&server.address, &path, &[], "").await.text().replace("\r\n ", "");
        let summary = "SUMMARY:Cập nhật tình hình triển khai kỳ đến 14/11/2026: ";
        assert!(calendar.contains(summary), "{calendar}");
        server.stop().await;
    }

    async fn a_report_is_rendered_as_a_page_and_as_a_document(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        issued(&cast, "ndp-001", "PUBLIC", &[[2026, 9, 10], [2026, 12, 31]]).await;
        let report = json!({
            "period_end_date": date([2026, 9, 14]), "rating": "RATING_AT_RISK", "percent": 40,
            "results": "Dòng một <i>\nDòng hai", "recommendations": "Kiến nghị thử nghiệm",
            "evidence": [{"document": decision([2026, 9, 10])}],
        });
        let request = json!({"parent": "platforms/ndp-001/plans/p", "report_id": "r",
            "report": report});
        let made = cast.editor.ok("CreateReport", request).await;
        let path = format!("GET /v1/{}:render", made["name"].as_str().unwrap());
        let get = async |query: &str| {
            send(&server.address, &format!("{path}{query}"), &[], "").await
        };
        let page = get("?format=html").await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        for part in [
            "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "BỘ CÔNG AN", "BÁO CÁO", "Dòng một &lt;i&gt;",
            "<p>Dòng hai</p>", "40%", "10/09/2026", "Quá hạn", "CỤC TRƯỞNG CỤC THỬ NGHIỆM",
            "Kiến nghị thử nghiệm",
        ] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        let file = get("?format=docx").await;
        assert!(file.header("content-type").unwrap().ends_with("wordprocessingml.document"));
        let mut archive = zip::ZipArchive::new(Cursor::new(file.body.clone())).unwrap();
        let mut text = String::new();
        archive.by_name("word/document.xml").unwrap().read_to_string(&mut text).unwrap();
        for part in ["Dòng một &lt;i&gt;", "Quá hạn", "CỤC TRƯỞNG CỤC THỬ NGHIỆM"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(get("?format=docx").await.body, file.body, "the same file each time");
        let missing = get("x").await;
        assert_eq!(missing.status, 404);
        server.stop().await;
    }
}
