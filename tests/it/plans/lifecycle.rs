//! PlanService over the wire: the states and what moves them, documents and dates, the second
//! person, ids and etags.

use ndp_core::records::{
    plans::{PlanMove, PlanState, STATES_MAX},
    principals::{PrincipalKind, Role},
};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, DECISION_DAY, MOVES, date, decision, move_request},
    raw::{reason, violations},
    server::Server,
};

const PLATFORM: &str = "ndp-001";

/// A row of a table that a person can read.
fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<_> = cells
        .into_iter()
        .map(|cell| format!("{cell:<10}"))
        .collect();
    cells.join(" ").trim_end().to_owned()
}

/// `document` with some of its fields replaced; `null` clears a field.
fn with(mut document: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    for (name, value) in fields {
        document[name] = value;
    }
    document
}

both! {
    async fn a_plan_moves_as_documented_and_not_otherwise(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let header = ["from \\ by".to_owned()].into_iter();
        let header = header.chain(MOVES.iter().map(|step| format!("{step:?}")));
        let mut table = vec![row(header)];
        // one plan for all that is refused: it must stay as it is. The one that is ISSUED comes
        // last, or the next issued would supersede it
        let mut order = PlanState::ALL.to_vec();
        order.sort_by_key(|state| *state == PlanState::Issued);
        for state in order {
            let id = format!("steady-{}", state.as_str().to_lowercase());
            let steady = cast.plan_in(PLATFORM, &id, state).await;
            let mut cells = vec![state.as_str().to_owned()];
            for step in MOVES {
                let before = server.registry.revision();
                let cell = match state.after(step) {
                    None => {
                        let status = cast.step(step, &steady).await.unwrap_err();
                        assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}");
                        assert_eq!(reason(&status), "PLAN_STATE");
                        assert_eq!(server.registry.revision(), before);
                        let get = json!({"name": steady["name"]});
                        assert_eq!(cast.editor.ok("GetPlan", get).await, steady);
                        "-".to_owned()
                    }
                    Some(_) => {
                        let id = format!("{state:?}-{step:?}").to_lowercase();
                        let plan = cast.plan_in("ndp-002", &id, state).await;
                        let moved = cast.step(step, &plan).await.unwrap();
                        assert_ne!(moved["etag"], plan["etag"]);
                        let get = json!({"name": moved["name"]});
                        assert_eq!(cast.editor.ok("GetPlan", get).await, moved);
                        let history = moved["state_history"].as_array().unwrap();
                        let last = history.last().unwrap();
                        assert_eq!(last["state"], moved["state"]);
                        assert_eq!(last["reason"], "thử nghiệm");
                        let mut whole = plan["state_history"].as_array().unwrap().clone();
                        whole.push(last.clone());
                        assert_eq!(*history, whole);
                        moved["state"].as_str().unwrap().to_owned()
                    }
                };
                cells.push(cell);
            }
            table.push(row(cells));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(table.join("\n"), @r"
            from \ by  Submit     Return     Issue      Complete   Withdraw   Revoke     Reopen     Annul
            DRAFT      SUBMITTED  -          -          -          WITHDRAWN  -          -          -
            SUBMITTED  -          RETURNED   ISSUED     -          WITHDRAWN  -          -          -
            RETURNED   SUBMITTED  -          -          -          WITHDRAWN  -          -          -
            WITHDRAWN  -          -          -          -          -          -          -          -
            COMPLETED  -          -          -          -          -          -          ISSUED     -
            SUPERSEDED -          -          -          -          -          -          -          -
            REVOKED    -          -          -          -          -          -          ISSUED     -
            ANNULLED   -          -          -          -          -          -          -          -
            ISSUED     -          -          -          COMPLETED  -          REVOKED    -          ANNULLED
            ");
        }
        server.stop().await;
    }

    async fn a_plan_is_mended_until_it_is_handed_in_and_little_after(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let fields = [
            ("displayName", json!({"display_name": "Tên mới (thử nghiệm)"})),
            ("objectives", json!({"objectives": "Mục tiêu (thử nghiệm)"})),
            ("scope", json!({"scope": "Phạm vi (thử nghiệm)"})),
            ("budget", json!({"budget": {"price_year": 2026}})),
            ("plannedStart", json!({"planned_start": {"start": date([2027, 1, 1])}})),
            ("plannedEnd", json!({"planned_end": {"end": date([2028, 1, 1])}})),
            ("accountableHead", json!({"accountable_head": {"office": "Cục trưởng"}})),
            ("leadUnit", json!({"lead_unit": "Cục thử nghiệm"})),
            ("coordinatingAgencies", json!({"coordinating_agencies": ["agencies/bo-y-te"]})),
            ("visibilities", json!({"visibilities": [{"visibility": "RESTRICTED"}]})),
            ("reportingCycles", json!({"reporting_cycles": [{"interval": "QUARTERLY"}]})),
        ];
        let mut lines = Vec::new();
        for state in PlanState::ALL {
            let id = state.as_str().to_lowercase();
            let mut plan = cast.plan_in(PLATFORM, &id, state).await;
            let (mut written, mut refused) = (Vec::new(), Vec::new());
            for (mask, values) in &fields {
                let plan_with = with(
                    json!({"name": plan["name"], "etag": plan["etag"]}),
                    values.clone(),
                );
                let request = json!({"plan": plan_with, "update_mask": mask});
                let before = server.registry.revision();
                match cast.editor.call("UpdatePlan", request).await {
                    Ok(updated) => {
                        for (field, value) in values.as_object().unwrap() {
                            let now = &updated[field];
                            assert!(contains(now, value), "{field}: {now} after {value}");
                        }
                        plan = updated;
                        written.push(*mask);
                    }
                    Err(status) => {
                        assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}");
                        assert_eq!(server.registry.revision(), before);
                        refused.push(reason(&status));
                    }
                }
            }
            refused.dedup();
            let count = match written.len() {
                0 => "nothing".to_owned(),
                count if count == fields.len() => "everything".to_owned(),
                _ => written.join(" "),
            };
            lines.push(format!("{id}: {count}"));
            lines.extend(refused);
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            draft: everything
            submitted: nothing
            PLAN_IS_FROZEN
            returned: everything
            withdrawn: nothing
            PLAN_HAS_ENDED
            issued: accountableHead leadUnit coordinatingAgencies
            PLAN_IS_ISSUED
            completed: nothing
            PLAN_HAS_ENDED
            superseded: nothing
            PLAN_HAS_ENDED
            revoked: nothing
            PLAN_HAS_ENDED
            annulled: nothing
            PLAN_HAS_ENDED
            ");
        }
        server.stop().await;
    }

    async fn issuing_names_all_that_its_document_lacks(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.plan_in(PLATFORM, "p", PlanState::Submitted).await;
        let request = move_request(PlanMove::Issue, &plan);
        let before = server.registry.revision();
        let refuse = async |document: Value| {
            let request = with(request.clone(), json!({"document": document}));
            let status = cast.approver.err("IssuePlan", request).await;
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
            violations(&status)
        };
        assert_eq!(refuse(json!(null)).await, "document REQUIRED");
        assert_eq!(
            refuse(json!({})).await,
            "document.issuer REQUIRED\ndocument.symbol REQUIRED\n\
             document.issue_date REQUIRED\ndocument.sha256 REQUIRED"
        );
        // nine in the morning of 1 October in Vietnam is still the day before in most of the world
        let tomorrow = json!({"sha256": "", "symbol": "", "issue_date": date([2026, 10, 2])});
        assert_eq!(
            refuse(with(decision(DECISION_DAY), tomorrow)).await,
            "document.symbol REQUIRED\ndocument.sha256 REQUIRED\n\
             document.issue_date OUT_OF_RANGE"
        );
        let digest = |sha256: &str| with(decision(DECISION_DAY), json!({"sha256": sha256}));
        for wrong in ["0".repeat(63), "A".repeat(64), "g".repeat(64)] {
            let found = refuse(digest(&wrong)).await;
            assert!(found.starts_with("document.sha256 "), "{wrong}: {found}");
        }
        let no_such_day = json!({"issue_date": date([2026, 2, 30])});
        let found = refuse(with(decision(DECISION_DAY), no_such_day)).await;
        assert_eq!(found, "document.issue_date.day OUT_OF_RANGE");
        assert_eq!(server.registry.revision(), before);

        let today = with(request.clone(), json!({"document": decision([2026, 10, 1])}));
        let issued = cast.approver.ok("IssuePlan", today).await;
        assert_eq!(issued["issuing_document"], decision([2026, 10, 1]));
        assert_eq!(issued["state_history"][2]["effective_date"], date([2026, 10, 1]));
        server.stop().await;
    }

    async fn the_next_plan_supersedes_the_last_in_one_change(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let old = cast.plan_in(PLATFORM, "old", PlanState::Issued).await;
        let new = cast.plan_in(PLATFORM, "new", PlanState::Submitted).await;
        let request = move_request(PlanMove::Issue, &new);

        // a document older than the one in force cannot have replaced it
        let earlier = with(request.clone(), json!({"document": decision([2026, 9, 29])}));
        let status = cast.approver.err("IssuePlan", earlier).await;
        assert_eq!(violations(&status), "document.issue_date OUT_OF_RANGE");

        let today = with(request, json!({"document": decision([2026, 10, 1])}));
        let new = cast.approver.ok("IssuePlan", today).await;
        let old = cast.editor.ok("GetPlan", json!({"name": old["name"]})).await;
        assert_eq!(old["state"], "SUPERSEDED");
        assert_eq!(old["superseding_plan"], new["name"]);
        assert_eq!(old["revision"], new["revision"]);
        let last = old["state_history"].as_array().unwrap().last().unwrap();
        assert_eq!(last["effective_date"], date([2026, 10, 1]));
        assert_eq!(last["document"], decision([2026, 10, 1]));
        let summary = server.raw(Default::default()).ok("ComputeSummary", json!({})).await;
        assert_eq!(summary["issued_plan_platform_count"], 1);

        // another platform's plan is left alone, and so is one that has ended
        cast.plan_in("ndp-002", "elsewhere", PlanState::Issued).await;
        let get = json!({"name": new["name"]});
        assert_eq!(cast.editor.ok("GetPlan", get.clone()).await["state"], "ISSUED");
        let done = cast.step(PlanMove::Complete, &new).await;
        let status = done.unwrap_err();
        assert_eq!(violations(&status), "document.issue_date OUT_OF_RANGE");
        let request = json!({"name": new["name"], "etag": new["etag"]});
        cast.approver.ok("CompletePlan", request).await;
        cast.plan_in(PLATFORM, "third", PlanState::Issued).await;
        assert_eq!(cast.editor.ok("GetPlan", get).await["state"], "COMPLETED");
        server.stop().await;
    }

    async fn a_plan_sent_to_and_fro_too_often_can_only_be_ended(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let mut plan = cast.draft(PLATFORM, "p").await;
        let refused = loop {
            match cast.step(PlanMove::Submit, &plan).await {
                Ok(submitted) => {
                    plan = cast.step(PlanMove::Return, &submitted).await.unwrap();
                }
                Err(status) => break status,
            }
        };
        assert_eq!(reason(&refused), "PLAN_HISTORY_FULL");
        let states = plan["state_history"].as_array().unwrap().len();
        assert!((STATES_MAX..STATES_MAX + 3).contains(&states), "{states}");
        let plan = cast.step(PlanMove::Withdraw, &plan).await.unwrap();
        assert_eq!(plan["state"], "WITHDRAWN");
        server.stop().await;
    }

    async fn annulling_a_plan_restores_the_one_it_superseded(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anyone = server.raw(Default::default());
        let mut plans = Vec::new();
        for (id, day) in [("a", [2026, 3, 2]), ("b", [2026, 5, 4]), ("c", [2026, 7, 6])] {
            let plan = cast.plan_in(PLATFORM, id, PlanState::Submitted).await;
            let request = move_request(PlanMove::Issue, &plan);
            let request = with(request, json!({"document": decision(day)}));
            plans.push(cast.approver.ok("IssuePlan", request).await);
        }
        let get = async |plan: &Value| anyone.ok("GetPlan", json!({"name": plan["name"]})).await;
        // on each date: platforms with a plan in force, and whether this one is said to lack one
        let answers = async |at: i64| {
            let mut answers = Vec::new();
            for day in [[2026, 1, 1], [2026, 4, 1], [2026, 6, 1], [2026, 8, 1], [2026, 10, 1]] {
                let request = json!({"effective_date": date(day), "read_revision": at});
                let summary = anyone.ok("ComputeSummary", request.clone()).await;
                let request = with(request, json!({
                    "filter": format!("kind=MISSING_PLAN AND platform=\"platforms/{PLATFORM}\""),
                }));
                let items = anyone.ok("ListAttentionItems", request).await;
                let missing = items["attention_items"].as_array().map_or(0, Vec::len);
                answers.push((summary["issued_plan_platform_count"].clone(), missing));
            }
            answers
        };
        let before = server.registry.revision().get();
        let received = answers(before).await;
        let held = [0, 1, 1, 1, 1].map(|count| (json!(count), 1 - count));
        assert_eq!(received, held);

        for (successor, restored) in [(2, 1), (1, 0)] {
            let plan = get(&plans[successor]).await;
            let annulled = cast.step(PlanMove::Annul, &plan).await.unwrap();
            assert_eq!(annulled["state"], "ANNULLED");
            let plan = get(&plans[restored]).await;
            assert_eq!(plan["state"], "ISSUED");
            assert!(plan.get("superseding_plan").is_none(), "{plan}");
            assert_eq!(plan["revision"], annulled["revision"]);
            let history = plan["state_history"].as_array().unwrap();
            let [.., superseded, issued] = &**history else { panic!("{plan}") };
            assert_eq!(issued["effective_date"], superseded["effective_date"]);
            // the restored plan takes the place of the annulled one, so the counts do not change
            assert_eq!(answers(0).await, held);
        }
        assert_eq!(answers(before).await, received);

        // the first plan superseded none: once it is annulled, the platform has no plan
        let plan = get(&plans[0]).await;
        cast.step(PlanMove::Annul, &plan).await.unwrap();
        let lacking = [1, 1, 1, 0, 0].map(|missing| (json!(0), missing));
        assert_eq!(answers(0).await, lacking, "none is owed by an edition that was repealed");
        assert_eq!(answers(before).await, received);
        server.stop().await;
    }

    async fn an_end_has_the_day_of_its_document_and_none_before_the_issue(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        for (method, platform) in [("CompletePlan", "ndp-003"), ("RevokePlan", "ndp-004")] {
            let plan = cast.plan_in(platform, "p", PlanState::Issued).await;
            let request = json!({"name": plan["name"], "etag": plan["etag"]});
            for day in [[2026, 9, 29], [2026, 10, 2]] {
                let dated = with(request.clone(), json!({"document": decision(day)}));
                let status = cast.approver.err(method, dated).await;
                assert_eq!(violations(&status), "document.issue_date OUT_OF_RANGE", "{method}");
            }
            let dated = with(request, json!({"document": decision(DECISION_DAY)}));
            let ended = cast.approver.ok(method, dated).await;
            let last = ended["state_history"].as_array().unwrap().last().unwrap();
            assert_eq!(last["effective_date"], date(DECISION_DAY), "{method}");
            assert_eq!(last["document"], decision(DECISION_DAY), "{method}");
            // the document that issued it stays
            assert_eq!(ended["issuing_document"], decision(DECISION_DAY), "{method}");
        }
        // completing takes no document, and is then of today; revoking takes one
        let plan = cast.plan_in("ndp-005", "p", PlanState::Issued).await;
        let request = json!({"name": plan["name"], "etag": plan["etag"]});
        let status = cast.approver.err("RevokePlan", request.clone()).await;
        assert_eq!(violations(&status), "document REQUIRED");
        let done = cast.approver.ok("CompletePlan", request).await;
        assert_eq!(done["state_history"][3]["effective_date"], date([2026, 10, 1]));
        // withdrawn, returned and annulled on the day in Vietnam: half past midnight there
        server.clock.advance(15 * 3600 + 1800);
        let plan = cast.plan_in("ndp-005", "late", PlanState::Withdrawn).await;
        assert_eq!(plan["state_history"][1]["effective_date"], date([2026, 10, 2]));
        server.stop().await;
    }

    async fn whoever_submitted_a_plan_cannot_issue_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let both_roles = [Role::AgencyEditor, Role::AgencyApprover];
        let first = server.person("nguyen-van-a", &both_roles, Some(AGENCY)).await;
        let first = server.raw(first);
        let second = server.raw(server.person("second", &both_roles, Some(AGENCY)).await);
        let system = server
            .principal("system-a", PrincipalKind::System, &both_roles, Some(AGENCY))
            .await;
        let draft = async |id: &str| {
            let parent = format!("platforms/{PLATFORM}");
            let plan = json!({"display_name": "Kế hoạch thử nghiệm"});
            let request = json!({"parent": parent, "plan_id": id, "plan": plan});
            second.ok("CreatePlan", request).await
        };
        let submit = |plan: &Value| move_request(PlanMove::Submit, plan);
        let issue = |plan: &Value| move_request(PlanMove::Issue, plan);

        // the same principal
        let plan = draft("persons").await;
        let plan = first.ok("SubmitPlan", submit(&plan)).await;
        let refusal = first.refusal("IssuePlan", issue(&plan)).await;
        assert_eq!(refusal, "FailedPrecondition SECOND_PERSON_NEEDED");
        // returned and submitted by another: now the first is the second person
        let plan = second.ok("ReturnPlan", move_request(PlanMove::Return, &plan)).await;
        let plan = second.ok("SubmitPlan", submit(&plan)).await;
        let refusal = second.refusal("IssuePlan", issue(&plan)).await;
        assert_eq!(refusal, "FailedPrecondition SECOND_PERSON_NEEDED");
        first.ok("IssuePlan", issue(&plan)).await;

        // a system has to name the person that it acts for
        let plan = draft("systems").await;
        let unnamed = server.raw(system.clone());
        let refusal = unnamed.refusal("SubmitPlan", submit(&plan)).await;
        assert_eq!(refusal, "FailedPrecondition ACTOR_NEEDED");
        let plan = server.raw(system.actor("CB-0142")).ok("SubmitPlan", submit(&plan)).await;
        assert_eq!(plan["state_history"][1]["actor"], "CB-0142");
        let refusal = unnamed.refusal("IssuePlan", issue(&plan)).await;
        assert_eq!(refusal, "FailedPrecondition ACTOR_NEEDED");
        for same in ["CB-0142", "cb-0142", " CB-0142 "] {
            let same = server.raw(system.actor(same));
            let refusal = same.refusal("IssuePlan", issue(&plan)).await;
            assert_eq!(refusal, "FailedPrecondition SECOND_PERSON_NEEDED");
        }
        let other = server.raw(system.actor("CB-0143"));
        other.ok("IssuePlan", issue(&plan)).await;

        // the same person once by their own key, once through the system
        let plan = draft("mixed").await;
        let plan = first.ok("SubmitPlan", submit(&plan)).await;
        for same in ["nguyen-van-a", "Nguyen-Van-A"] {
            let same = server.raw(system.actor(same));
            let refusal = same.refusal("IssuePlan", issue(&plan)).await;
            assert_eq!(refusal, "FailedPrecondition SECOND_PERSON_NEEDED");
        }
        other.ok("IssuePlan", issue(&plan)).await;
        server.stop().await;
    }

    async fn ids_are_the_callers_choice_or_random_and_never_used_again(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let create = |id: &str| json!({
            "parent": format!("platforms/{PLATFORM}"),
            "plan_id": id,
            "plan": {"display_name": "Kế hoạch thử nghiệm"},
        });
        let chosen = cast.editor.ok("CreatePlan", create("chosen")).await;
        assert_eq!(chosen["name"], "platforms/ndp-001/plans/chosen");
        let mut ids = std::collections::BTreeSet::new();
        for _ in 0..5 {
            let plan = cast.editor.ok("CreatePlan", create("")).await;
            let name = plan["name"].as_str().unwrap().to_owned();
            let id = name.strip_prefix("platforms/ndp-001/plans/").unwrap();
            let simple = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            assert!(id.len() == 8 && id.chars().all(simple), "{id}");
            ids.insert(id.to_owned());
        }
        assert_eq!(ids.len(), 5);
        cast.step(PlanMove::Withdraw, &chosen).await.unwrap();
        let refusal = cast.editor.refusal("CreatePlan", create("chosen")).await;
        assert_eq!(refusal, "AlreadyExists RESOURCE_ALREADY_EXISTS");
        for wrong in ["Chosen", "-a", "a-", "a b", "ă", "a/b", &"a".repeat(64)] {
            let status = cast.editor.err("CreatePlan", create(wrong)).await;
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{wrong}");
            assert!(violations(&status).starts_with("plan_id "), "{wrong}");
        }
        server.stop().await;
    }

    async fn a_move_needs_the_etag_that_was_read(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        for step in MOVES {
            let from = PlanState::ALL.into_iter().find(|state| state.after(step).is_some());
            let id = format!("{step:?}").to_lowercase();
            let plan = cast.plan_in(PLATFORM, &id, from.unwrap()).await;
            let missing = with(plan.clone(), json!({"etag": ""}));
            let status = cast.step_as_read(step, &missing).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{step:?}");
            assert!(violations(&status).starts_with("etag "), "{step:?}");
            let stale = with(plan.clone(), json!({"etag": "r1"}));
            let status = cast.step_as_read(step, &stale).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::Aborted, "{step:?}");
            assert_eq!(reason(&status), "ETAG_NOT_CURRENT");
            if [PlanMove::Return, PlanMove::Annul].contains(&step) {
                let silent = with(move_request(step, &plan), json!({"reason": ""}));
                let status = cast.steward.err(step.method(), silent).await;
                assert!(violations(&status).starts_with("reason "), "{step:?}");
            }
            cast.step(step, &plan).await.unwrap();
        }
        server.stop().await;
    }

    async fn validate_only_answers_a_move_and_writes_nothing(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let old = cast.plan_in(PLATFORM, "old", PlanState::Issued).await;
        let plan = cast.plan_in(PLATFORM, "p", PlanState::Submitted).await;
        let before = server.registry.revision();
        let request = with(move_request(PlanMove::Issue, &plan), json!({"validate_only": true}));
        assert_eq!(cast.approver.ok("IssuePlan", request).await["state"], "ISSUED");
        assert_eq!(server.registry.revision(), before);
        for plan in [old, plan] {
            assert_eq!(cast.editor.ok("GetPlan", json!({"name": plan["name"]})).await, plan);
        }
        server.stop().await;
    }
}

/// Whether `whole` has what `part` has, and perhaps more.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|it| contains(it, value))),
        _ => whole == part,
    }
}
