//! What was recorded in error is taken back, by the one who may, with a reason: it stays readable,
//! counts nowhere from then on, and what was answered by the knowledge of then stays as it was.

use ndp_core::records::{
    plans::{PlanMove, PlanState},
    platforms::PAST_EXITS_MAX,
    principals::Role,
};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, DECISION_DAY, date, decision},
    raw::{Raw, reason, violations},
    server::{As, Server},
};

/// The day of the test clock.
const TODAY: [i32; 3] = [2026, 10, 1];

/// A plan in force since 1 July, with a milestone due in August.
async fn issued(cast: &Cast, id: &str) -> Value {
    let plan = cast.draft("ndp-001", id).await;
    let milestone = json!({"display_name": "Mốc thử", "due": {"end": date([2026, 8, 31])}});
    let request = json!({"parent": plan["name"], "milestone_id": "x", "milestone": milestone});
    cast.editor.ok("CreateMilestone", request).await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    let issue = json!({
        "name": plan["name"], "etag": plan["etag"], "document": decision([2026, 7, 1]),
    });
    cast.approver.ok("IssuePlan", issue).await
}

async fn again(caller: &Raw, method: &str, record: &Value) -> Value {
    caller.ok(method, json!({"name": record["name"]})).await
}

/// The request that takes a record back.
fn undo(record: &Value) -> Value {
    json!({"name": record["name"], "etag": record["etag"], "reason": "ghi nhầm"})
}

/// What every method of undoing guarantees; returns what it wrote.
async fn undone(server: &Server, caller: &Raw, method: &str, record: &Value) -> Value {
    let mut request = undo(record);
    request["reason"] = json!("");
    let status = caller.err(method, request.clone()).await;
    assert_eq!(violations(&status), "reason REQUIRED");
    request["reason"] = json!("ghi nhầm");
    request["etag"] = json!("r0");
    let refused = caller.refusal(method, request.clone()).await;
    assert_eq!(refused, "Aborted ETAG_NOT_CURRENT");
    request["etag"] = record["etag"].clone();
    let before = server.registry.revision();
    request["validate_only"] = json!(true);
    let previewed = caller.ok(method, request.clone()).await;
    assert_eq!(server.registry.revision(), before);
    request["validate_only"] = json!(false);
    request["request_id"] = json!("5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958");
    let written = caller.ok(method, request.clone()).await;
    assert_eq!(previewed["state"], written["state"]);
    assert_eq!(caller.ok(method, request).await, written);
    assert_eq!(server.registry.revision(), before.next());
    written
}

/// Who took it back, when and why: all of it for callers who see all of the plan.
async fn assert_says(
    server: &Server,
    cast: &Cast,
    get: &str,
    record: &Value,
    field: &str,
    by: &str,
) {
    let seen = again(&cast.editor, get, record).await;
    assert_eq!(seen[field]["principal"], format!("principals/{by}"));
    assert_eq!(seen[field]["reason"], "ghi nhầm");
    assert!(seen[field]["record_time"].is_string(), "{seen}");
    let anyone = again(&server.raw(As::default()), get, record).await;
    let mut public = seen[field].clone();
    public.as_object_mut().unwrap().remove("principal");
    assert_eq!(anyone[field], public);
}

async fn summary(caller: &Raw, revision: i64) -> Value {
    let request = json!({"effective_date": date(TODAY), "read_revision": revision});
    let mut summary = caller.ok("ComputeSummary", request).await;
    // says of which revision it is, not what was counted
    summary.as_object_mut().unwrap().remove("revision");
    summary
}

/// The rating counts of a summary: declared, assured and computed, by rating.
fn ratings(summary: &Value) -> Vec<String> {
    let counts = summary["rating_counts"].as_array().unwrap().iter();
    counts.map(ToString::to_string).collect()
}

both! {
    async fn a_completion_recorded_in_error_is_taken_back(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        let plan = issued(&cast, "p").await;
        let name = format!("{}/milestones/x", plan["name"].as_str().unwrap());
        let open = cast.editor.ok("GetMilestone", json!({"name": name})).await;
        assert_eq!(open["standing"]["state"], "OVERDUE");
        let refused = cast.editor.refusal("ReopenMilestone", undo(&open)).await;
        assert_eq!(refused, "FailedPrecondition MILESTONE_NOT_COMPLETED");
        let before = summary(&anyone, 0).await;
        let complete = json!({
            "name": name, "etag": open["etag"], "completion_date": date([2026, 8, 20]),
        });
        let done = cast.editor.ok("CompleteMilestone", complete).await;
        let revision = server.registry.revision().get();
        let counted = summary(&anyone, 0).await;
        assert_ne!(counted, before);
        for other in [&cast.approver, &cast.steward] {
            let refused = other.refusal("ReopenMilestone", undo(&done)).await;
            assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        }
        let reopened = undone(&server, &cast.editor, "ReopenMilestone", &done).await;
        assert_eq!(reopened["state"], "OPEN");
        assert!(reopened.get("completion").is_none(), "{reopened}");
        assert_eq!(reopened["standing"], open["standing"]);
        assert_says(&server, &cast, "GetMilestone", &done, "reopening", "cast-editor").await;
        // as if it had never been completed, on any date; by the knowledge of then it was
        assert_eq!(summary(&anyone, 0).await, before);
        assert_eq!(summary(&anyone, revision).await, counted);
        let past = json!({"name": name, "read_revision": revision});
        assert_eq!(cast.editor.ok("GetMilestone", past).await, done);
        // it can be completed again, and that is not a correction
        let complete = json!({"name": name, "etag": reopened["etag"]});
        let done = cast.editor.ok("CompleteMilestone", complete).await;
        assert_eq!(done["completion"]["completion_date"], date(TODAY));
        assert_eq!(done["reopening"], reopened["reopening"]);
        // once the plan has ended, so have its milestones
        let plan = again(&cast.editor, "GetPlan", &plan).await;
        cast.step(PlanMove::Revoke, &plan).await.unwrap();
        let refused = cast.editor.refusal("ReopenMilestone", undo(&done)).await;
        assert_eq!(refused, "FailedPrecondition PLAN_HAS_ENDED");
        server.stop().await;
    }

    async fn a_report_filed_in_error_is_withdrawn_and_its_period_owed_again(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        let plan = issued(&cast, "p").await;
        let report = |rating: &str, corrects: &Value| json!({
            "parent": plan["name"], "report": {
                "period_end_date": date([2026, 9, 14]), "rating": rating, "results": "Đã làm",
                "corrects": corrects,
            },
        });
        let owed = summary(&anyone, 0).await;
        let first = report("RATING_ON_TRACK", &json!(""));
        let first = cast.editor.ok("CreateReport", first).await;
        assert_eq!(first["state"], "FILED");
        let declared = summary(&anyone, 0).await;
        assert_ne!(ratings(&declared), ratings(&owed));
        let second = report("RATING_OFF_TRACK", &first["name"]);
        let second = cast.editor.ok("CreateReport", second).await;
        let revision = server.registry.revision().get();
        let corrected = summary(&anyone, 0).await;
        let first = again(&cast.editor, "GetReport", &first).await;
        assert_eq!(first["state"], "CORRECTED");
        let refused = cast.editor.refusal("WithdrawReport", undo(&first)).await;
        assert_eq!(refused, "FailedPrecondition REPORT_IS_CORRECTED");
        for other in [&cast.approver, &cast.steward] {
            let refused = other.refusal("WithdrawReport", undo(&second)).await;
            assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        }
        // what it corrected is FILED again
        let withdrawn = undone(&server, &cast.editor, "WithdrawReport", &second).await;
        assert_eq!(withdrawn["state"], "WITHDRAWN");
        assert_eq!(withdrawn["results"], "Đã làm");
        assert_says(&server, &cast, "GetReport", &second, "withdrawal", "cast-editor").await;
        let first = again(&cast.editor, "GetReport", &first).await;
        assert_eq!(first["state"], "FILED");
        assert!(first.get("correction").is_none(), "{first}");
        assert_eq!(summary(&anyone, 0).await, declared);
        let refused = cast.editor.refusal("WithdrawReport", undo(&withdrawn)).await;
        assert_eq!(refused, "FailedPrecondition RECORD_IS_WITHDRAWN");
        let correction = report("RATING_AT_RISK", &second["name"]);
        let refused = cast.editor.refusal("CreateReport", correction).await;
        assert_eq!(refused, "FailedPrecondition RECORD_IS_WITHDRAWN");
        // without it the period has no report, until a new one is filed; also once the plan is over
        let plan = again(&cast.editor, "GetPlan", &plan).await;
        let complete = json!({"name": plan["name"], "etag": plan["etag"]});
        cast.approver.ok("CompletePlan", complete).await;
        cast.editor.ok("WithdrawReport", undo(&first)).await;
        let filed = json!({"parent": plan["name"], "filter": "state = FILED"});
        assert_eq!(cast.editor.ok("ListReports", filed.clone()).await, json!({}));
        let past = json!({"effective_date": date([2026, 9, 20])});
        let then = anyone.ok("ComputeSummary", past).await;
        assert_eq!(ratings(&then), ratings(&owed));
        cast.editor.ok("CreateReport", report("RATING_AT_RISK", &json!(""))).await;
        let stands = cast.editor.ok("ListReports", filed).await;
        assert_eq!(stands["reports"].as_array().unwrap().len(), 1);
        let all = json!({"parent": plan["name"], "order_by": "state desc, name"});
        let all = cast.editor.ok("ListReports", all).await;
        assert_eq!(all["reports"].as_array().unwrap().len(), 3);
        // and by the knowledge of then nothing has changed
        assert_eq!(summary(&anyone, revision).await, corrected);
        server.stop().await;
    }

    async fn an_assessment_recorded_in_error_counts_nowhere(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        let plan = issued(&cast, "p").await;
        let assess = |rating: &str| json!({"parent": plan["name"], "assessment": {
            "rating": rating, "rubric_version": "thử 1",
        }});
        cast.steward.ok("CreateAssessment", assess("RATING_AT_RISK")).await;
        let before = summary(&anyone, 0).await;
        // of two assessments of one day the one recorded last counts
        server.clock.advance(60);
        let wrong = cast.steward.ok("CreateAssessment", assess("RATING_ON_TRACK")).await;
        assert_eq!(wrong["state"], "RECORDED");
        let revision = server.registry.revision().get();
        let counted = summary(&anyone, 0).await;
        assert_ne!(ratings(&counted), ratings(&before));
        for other in [&cast.editor, &cast.approver] {
            let refused = other.refusal("WithdrawAssessment", undo(&wrong)).await;
            assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        }
        let withdrawn = undone(&server, &cast.steward, "WithdrawAssessment", &wrong).await;
        assert_eq!(withdrawn["state"], "WITHDRAWN");
        assert_eq!(withdrawn["rating"], wrong["rating"]);
        assert_says(&server, &cast, "GetAssessment", &wrong, "withdrawal", "cast-steward").await;
        assert_eq!(summary(&anyone, 0).await, before);
        assert_eq!(summary(&anyone, revision).await, counted);
        let refused = cast.steward.refusal("WithdrawAssessment", undo(&withdrawn)).await;
        assert_eq!(refused, "FailedPrecondition RECORD_IS_WITHDRAWN");
        let stands = json!({"parent": plan["name"], "filter": "state = RECORDED"});
        let stands = anyone.ok("ListAssessments", stands).await;
        assert_eq!(stands["assessments"].as_array().unwrap().len(), 1);
        server.stop().await;
    }

    async fn a_restored_plan_counts_with_its_reports_and_baselines(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        let old = issued(&cast, "old").await;
        let report = json!({"parent": old["name"], "report": {
            "period_end_date": date([2026, 9, 14]), "rating": "RATING_AT_RISK", "results": "thử",
        }});
        let report = cast.editor.ok("CreateReport", report).await;
        let rebase = json!({
            "name": old["name"], "etag": old["etag"], "reason": "thử",
            "rebaseline": {"budget": {"price_year": 2027}, "document": decision([2026, 9, 1])},
        });
        let proposal = cast.editor.ok("RebaselinePlan", rebase).await["proposal"].clone();
        cast.approver.ok("ApproveProposal", undo(&proposal)).await;
        let before = summary(&anyone, 0).await;
        let dated = [[2026, 7, 15], [2026, 9, 20], [2026, 9, 30], TODAY];
        let answers = async || {
            let mut answers = Vec::new();
            for day in dated {
                let request = json!({"effective_date": date(day)});
                let mut summary = anyone.ok("ComputeSummary", request.clone()).await;
                summary.as_object_mut().unwrap().remove("revision");
                answers.push(summary);
                let items = anyone.ok("ListAttentionItems", request).await;
                answers.push(items["attention_items"].clone());
            }
            answers
        };
        let received = answers().await;
        let new = cast.plan_in("ndp-001", "new", PlanState::Issued).await;
        assert_ne!(summary(&anyone, 0).await, before);
        cast.step(PlanMove::Annul, &new).await.unwrap();
        // on every date as before, but that there is one more plan, which never was in force
        let now = answers().await;
        for (received, now) in received.iter().zip(&now) {
            for field in [
                "issued_plan_platform_count", "rating_counts", "milestone_state_counts",
                "freshness_counts",
            ] {
                assert_eq!(received.get(field), now.get(field), "{field}");
            }
            if received.is_array() {
                assert_eq!(received, now);
            }
        }
        let old = again(&anyone, "GetPlan", &old).await;
        assert_eq!(old["state"], "ISSUED");
        assert_eq!(old["standing"]["declared_rating"], "RATING_AT_RISK");
        let baselines = anyone.ok("ListBaselines", json!({"parent": old["name"]})).await;
        assert_eq!(baselines["baselines"].as_array().unwrap().len(), 2);
        let kept = again(&anyone, "GetReport", &report).await;
        assert_eq!(kept["state"], "FILED");
        // and it goes on: the next report, and the next rebaseline
        let name = format!("{}/milestones/x", old["name"].as_str().unwrap());
        let milestone = cast.editor.ok("GetMilestone", json!({"name": name})).await;
        cast.editor.ok("CompleteMilestone", undo(&milestone)).await;
        server.stop().await;
    }

    async fn a_plan_that_ended_in_error_is_in_force_again(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(As::default());
        let mut plan = issued(&cast, "p").await;
        for end in [PlanMove::Complete, PlanMove::Revoke] {
            let before = summary(&anyone, 0).await;
            let ended = cast.step(end, &plan).await.unwrap();
            let revision = server.registry.revision().get();
            let after = summary(&anyone, 0).await;
            assert_ne!(after, before);
            if end == PlanMove::Revoke {
                // by a document, as it ended
                let status = cast.approver.err("ReopenPlan", undo(&ended)).await;
                assert_eq!(
                    violations(&status),
                    "document.issuer REQUIRED\ndocument.symbol REQUIRED\n\
                     document.issue_date REQUIRED"
                );
            }
            for other in [&cast.editor, &cast.steward] {
                let refused = other.refusal("ReopenPlan", undo(&ended)).await;
                assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
            }
            plan = cast.step(PlanMove::Reopen, &ended).await.unwrap();
            assert_eq!(plan["state"], "ISSUED");
            let history = plan["state_history"].as_array().unwrap();
            let [.., ended, reopened] = &**history else { panic!("{plan}") };
            assert_eq!(reopened["effective_date"], ended["effective_date"]);
            // as if it had never ended; by the knowledge of then it had
            assert_eq!(summary(&anyone, 0).await, before);
            assert_eq!(summary(&anyone, revision).await, after);
        }
        let ended = cast.step(PlanMove::Complete, &plan).await.unwrap();
        cast.plan_in("ndp-001", "next", PlanState::Issued).await;
        let refused = cast.approver.refusal("ReopenPlan", undo(&ended)).await;
        assert_eq!(refused, "FailedPrecondition PLAN_IN_FORCE");
        server.stop().await;
    }

    async fn whoever_proposed_something_cancels_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let keeper = [Role::AgencyAdmin];
        let keeper = server.raw(server.person("keeper", &keeper, Some(AGENCY)).await);
        let plan = issued(&cast, "p").await;
        let rebase = json!({
            "name": plan["name"], "etag": plan["etag"], "reason": "thử",
            "rebaseline": {"budget": {"price_year": 2027}, "document": decision(DECISION_DAY)},
        });
        let propose = async || {
            cast.editor.ok("RebaselinePlan", rebase.clone()).await["proposal"].clone()
        };
        let proposal = propose().await;
        let refused = cast.editor.refusal("RebaselinePlan", rebase.clone()).await;
        assert_eq!(refused, "FailedPrecondition PROPOSAL_PENDING");
        for other in [&cast.approver, &cast.steward] {
            let status = other.err("CancelProposal", undo(&proposal)).await;
            assert_eq!(reason(&status), "PERMISSION_DENIED");
        }
        let cancelled = undone(&server, &cast.editor, "CancelProposal", &proposal).await;
        assert_eq!(cancelled["state"], "CANCELLED");
        assert_eq!(cancelled["decided"]["principal"], "principals/cast-editor");
        assert_eq!(cancelled["decided"]["reason"], "ghi nhầm");
        let refused = cast.approver.refusal("ApproveProposal", undo(&cancelled)).await;
        assert_eq!(refused, "FailedPrecondition PROPOSAL_DECIDED");
        let refused = cast.editor.refusal("CancelProposal", undo(&cancelled)).await;
        assert_eq!(refused, "FailedPrecondition PROPOSAL_DECIDED");
        // it does not block another; an administrator of the agency cancels for one who has left
        let proposal = propose().await;
        keeper.ok("CancelProposal", undo(&proposal)).await;
        // what a steward proposed is the steward's: the agency has no part in it
        let platform = json!({"name": "platforms/ndp-005"});
        let platform = cast.steward.ok("GetPlatform", platform).await;
        let retire = json!({"name": platform["name"], "etag": platform["etag"], "exit": {
            "reason": "thử", "outcome": "DISCONTINUED", "decision": decision(DECISION_DAY),
        }});
        let proposal = cast.steward.ok("RetirePlatform", retire).await["proposal"].clone();
        let status = keeper.err("CancelProposal", undo(&proposal)).await;
        assert_eq!(reason(&status), "PERMISSION_DENIED");
        cast.steward.ok("CancelProposal", undo(&proposal)).await;
        server.stop().await;
    }

    async fn a_platform_that_left_is_reinstated_by_a_second_steward(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let second = server.raw(server.person("second", &[Role::Steward], None).await);
        let anyone = server.raw(As::default());
        let get = json!({"name": "platforms/ndp-005"});
        let retire = async |day: [i32; 3]| {
            let platform = cast.steward.ok("GetPlatform", get.clone()).await;
            let request = json!({"name": get["name"], "etag": platform["etag"], "exit": {
                "reason": "thử", "outcome": "DISCONTINUED", "decision": decision(day),
            }});
            let proposal = cast.steward.ok("RetirePlatform", request).await["proposal"].clone();
            second.ok("ApproveProposal", undo(&proposal)).await;
        };
        let request = async |reinstatement: Value| {
            let platform = cast.steward.ok("GetPlatform", get.clone()).await;
            let mut request = undo(&platform);
            request["reinstatement"] = reinstatement;
            request
        };
        // platforms held on some dates, by what is known now
        let held = async || {
            let mut held = Vec::new();
            for day in [[2026, 7, 15], [2026, 8, 15], [2026, 9, 15], TODAY] {
                let at = json!({"effective_date": date(day)});
                let summary = anyone.ok("ComputeSummary", at).await;
                held.push(summary["held_platform_count"].as_i64().unwrap());
            }
            held
        };
        let whole = held().await;
        let document = json!({"document": decision([2026, 9, 1])});
        let refused = request(document.clone()).await;
        let refused = cast.steward.refusal("ReinstatePlatform", refused).await;
        assert_eq!(refused, "FailedPrecondition PLATFORM_IS_ACTIVE");
        retire([2026, 8, 1]).await;
        let away = held().await;
        assert_eq!(away, [whole[0], whole[1] - 1, whole[2] - 1, whole[3] - 1]);
        let revision = server.registry.revision().get();
        let received = summary(&anyone, revision).await;
        for (reinstatement, wrong) in [
            (json!({}), "reinstatement.document REQUIRED"),
            (
                json!({"document": {"symbol": "1/QĐ-TEST"}}),
                "reinstatement.document.issuer REQUIRED\n\
                 reinstatement.document.issue_date REQUIRED",
            ),
            (
                json!({"document": decision(DECISION_DAY), "return_date": date([2026, 8, 1])}),
                "reinstatement.return_date OUT_OF_RANGE",
            ),
            (
                json!({"document": decision(DECISION_DAY), "return_date": date([2026, 10, 2])}),
                "reinstatement.return_date OUT_OF_RANGE",
            ),
        ] {
            let status = cast.steward.err("ReinstatePlatform", request(reinstatement).await).await;
            assert_eq!(violations(&status), wrong);
        }
        // it is back from a day on
        let mut back = document.clone();
        back["return_date"] = date([2026, 9, 1]);
        let proposal = cast.steward.ok("ReinstatePlatform", request(back.clone()).await).await;
        let proposal = &proposal["proposal"];
        assert_eq!(proposal["reinstatement"], back);
        assert_eq!(held().await, away);
        let refused = cast.steward.refusal("ApproveProposal", undo(proposal)).await;
        assert_eq!(refused, "FailedPrecondition SECOND_PERSON_NEEDED");
        second.ok("ApproveProposal", undo(proposal)).await;
        assert_eq!(held().await, [whole[0], whole[1] - 1, whole[2], whole[3]]);
        assert_eq!(summary(&anyone, revision).await, received);
        let platform = anyone.ok("GetPlatform", get.clone()).await;
        assert_eq!(platform["state"], "ACTIVE");
        assert!(platform.get("exit").is_none(), "{platform}");
        let past = &platform["past_exits"][0];
        assert_eq!(past["exit"]["exit_date"], date([2026, 8, 1]));
        assert_eq!(past["reinstatement"], back);
        assert_eq!(past["reason"], "ghi nhầm");
        // it left in error: it never did
        retire([2026, 9, 10]).await;
        assert_eq!(held().await, [whole[0], whole[1] - 1, whole[2] - 1, whole[3] - 1]);
        let mut times = 1;
        while times < PAST_EXITS_MAX {
            let proposal = cast.steward.ok("ReinstatePlatform", request(document.clone()).await);
            second.ok("ApproveProposal", undo(&proposal.await["proposal"])).await;
            assert_eq!(held().await, [whole[0], whole[1] - 1, whole[2], whole[3]]);
            retire([2026, 9, 10]).await;
            times += 1;
        }
        let refused = request(document.clone()).await;
        let refused = cast.steward.refusal("ReinstatePlatform", refused).await;
        assert_eq!(refused, "FailedPrecondition PLATFORM_HISTORY_FULL");
        server.stop().await;
    }

    async fn a_duplicate_that_was_none_has_its_places_in_editions_back(engine: Engine) {
        let both = ["2618-qd-bkhcn", "1132-qd-ttg"];
        let server = Server::start_with(&engine.url(), &both).await;
        let cast = Cast::new(&server).await;
        let second = server.raw(server.person("second", &[Role::Steward], None).await);
        let find = async |id: &str| {
            let list = json!({
                "filter": format!("name = platforms/{id}"), "show_retired": true,
                "view": "PLATFORM_VIEW_FULL",
            });
            cast.steward.ok("ListPlatforms", list).await["platforms"][0].clone()
        };
        let [gone, stays] = [find("ndp-085").await, find("ndp-019").await];
        let merge = json!({"name": gone["name"], "etag": gone["etag"], "exit": {
            "reason": "thử", "outcome": "DUPLICATE", "successor": stays["name"],
        }});
        let proposal = cast.steward.ok("RetirePlatform", merge).await["proposal"].clone();
        second.ok("ApproveProposal", undo(&proposal)).await;
        let merged = find("ndp-085").await;
        assert_eq!(merged["state"], "MERGED");
        let mut request = undo(&merged);
        request["reinstatement"] = json!({"return_date": date(DECISION_DAY)});
        let status = cast.steward.err("ReinstatePlatform", request.clone()).await;
        assert_eq!(violations(&status), "reinstatement.return_date NOT_ALLOWED");
        request["reinstatement"] = json!({});
        let proposal = cast.steward.ok("ReinstatePlatform", request).await["proposal"].clone();
        second.ok("ApproveProposal", undo(&proposal)).await;
        let [back, kept] = [find("ndp-085").await, find("ndp-019").await];
        assert_eq!(back["state"], "ACTIVE");
        assert_eq!(back["listings"], gone["listings"]);
        assert_eq!(kept["listings"], stays["listings"]);
        server.stop().await;
    }
}
