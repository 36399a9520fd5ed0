//! Milestones over the wire: what they promise moves until the plan is issued, what became of them
//! is recorded while it is in force, and a claim says whether it can be checked.

use ndp_core::records::plans::{PlanMove, PlanState};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{Cast, DECISION_DAY, date, decision},
    raw::{Raw, reason, violations},
    server::{As, Server},
};

/// A synthetic milestone of a plan, made while it is a draft.
async fn milestone(cast: &Cast, plan: &Value, id: &str, fields: Value) -> Value {
    let mut milestone = json!({"display_name": format!("Mốc thử nghiệm {id}")});
    for (field, value) in fields.as_object().unwrap() {
        milestone[field] = value.clone();
    }
    let request = json!({"parent": plan["name"], "milestone_id": id, "milestone": milestone});
    cast.editor.ok("CreateMilestone", request).await
}

async fn issue(cast: &Cast, plan: &Value) -> Value {
    let plan = cast.step(PlanMove::Submit, plan).await.unwrap();
    cast.step(PlanMove::Issue, &plan).await.unwrap()
}

async fn again(caller: &Raw, method: &str, record: &Value) -> Value {
    caller.ok(method, json!({"name": record["name"]})).await
}

fn names(list: &Value, records: &str) -> Vec<String> {
    let records = list[records].as_array().cloned().unwrap_or_default();
    let names = records.iter().map(|it| it["name"].as_str().unwrap());
    names
        .map(|it| it.rsplit('/').next().unwrap().to_owned())
        .collect()
}

both! {
    async fn what_a_milestone_promises_moves_until_the_plan_is_issued(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let mut lines = Vec::new();
        for state in PlanState::ALL {
            let id = state.as_str().to_lowercase();
            let plan = cast.draft("ndp-001", &id).await;
            let monthly = json!({"name": plan["name"], "reporting_cycles": [{"cutoff_day": 1}]});
            let plan = cast.editor.ok("UpdatePlan", json!({"plan": monthly})).await;
            let one = milestone(&cast, &plan, "one", json!({})).await;
            assert_eq!(one["state"], "OPEN");
            assert_eq!(one["agency"], "agencies/bo-cong-an");
            let mut plan = plan;
            let steps: &[PlanMove] = match state {
                PlanState::Draft => &[],
                PlanState::Submitted => &[PlanMove::Submit],
                PlanState::Returned => &[PlanMove::Submit, PlanMove::Return],
                PlanState::Withdrawn => &[PlanMove::Withdraw],
                PlanState::Issued => &[PlanMove::Submit, PlanMove::Issue],
                PlanState::Completed => &[PlanMove::Submit, PlanMove::Issue, PlanMove::Complete],
                PlanState::Superseded => &[PlanMove::Submit, PlanMove::Issue],
                PlanState::Revoked => &[PlanMove::Submit, PlanMove::Issue, PlanMove::Revoke],
                PlanState::Annulled => &[PlanMove::Submit, PlanMove::Issue, PlanMove::Annul],
            };
            for step in steps {
                plan = cast.step(*step, &plan).await.unwrap();
            }
            if state == PlanState::Superseded {
                let next = cast.draft("ndp-001", "next").await;
                issue(&cast, &next).await;
            }
            let one = again(&cast.editor, "GetMilestone", &one).await;
            let update = |field: &str, value: Value| json!({"milestone": {
                "name": one["name"], "etag": one["etag"], field: value,
            }, "validate_only": true});
            let etag = &one["etag"];
            let asked = [
                ("create", &cast.editor, "CreateMilestone", json!({
                    "parent": plan["name"], "milestone": {"display_name": "Thử"},
                    "validate_only": true,
                })),
                ("due", &cast.editor, "UpdateMilestone", update("due", json!({
                    "end": date([2027, 1, 1]),
                }))),
                ("weight", &cast.editor, "UpdateMilestone", update("weight", json!(5))),
                ("result", &cast.editor, "UpdateMilestone", update("required_result", json!("x"))),
                ("title", &cast.editor, "UpdateMilestone", update("display_name", json!("x"))),
                ("unit", &cast.editor, "UpdateMilestone", update("accountable_unit", json!("x"))),
                ("done", &cast.editor, "CompleteMilestone", json!({
                    "name": one["name"], "etag": etag, "validate_only": true,
                })),
                ("drop", if state.was_issued() { &cast.approver } else { &cast.editor },
                "DropMilestone", json!({
                    "name": one["name"], "etag": etag, "document": decision(DECISION_DAY),
                    "reason": "thử nghiệm", "validate_only": true,
                })),
                ("report", &cast.editor, "CreateReport", json!({
                    "parent": plan["name"], "validate_only": true, "report": {
                        "period_end_date": date([2026, 10, 1]), "rating": "RATING_ON_TRACK",
                        "results": "thử",
                    },
                })),
                ("assess", &cast.steward, "CreateAssessment", json!({
                    "parent": plan["name"], "validate_only": true, "assessment": {
                        "rating": "RATING_ON_TRACK", "rubric_version": "thử 1",
                    },
                })),
                ("rebase", &cast.editor, "RebaselinePlan", json!({
                    "name": plan["name"],
                    "etag": again(&cast.editor, "GetPlan", &plan).await["etag"],
                    "reason": "thử", "validate_only": true, "rebaseline": {
                        "budget": {"price_year": 2027}, "document": decision(DECISION_DAY),
                    },
                })),
            ];
            let before = server.registry.revision();
            let mut cells = vec![format!("{:<11}", state.as_str())];
            if lines.is_empty() {
                let header = asked.iter().map(|(what, ..)| format!("{what:<7}"));
                lines.push(format!("{:<11}{}", "", header.collect::<String>().trim_end()));
            }
            for (what, caller, method, request) in asked {
                let outcome = match caller.call(method, request).await {
                    Ok(_) => "yes".to_owned(),
                    Err(status) => match reason(&status).as_str() {
                        "PLAN_NOT_ISSUED" => "-".to_owned(),
                        "PLAN_IS_FROZEN" => "frozen".to_owned(),
                        "PLAN_IS_ISSUED" => "fixed".to_owned(),
                        "PLAN_HAS_ENDED" => "ended".to_owned(),
                        other => panic!("{state:?} {what}: {other}"),
                    },
                };
                cells.push(format!("{outcome:<7}"));
            }
            lines.push(cells.concat().trim_end().to_owned());
            assert_eq!(server.registry.revision(), before);
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
                       create due    weight result title  unit   done   drop   report assess rebase
            DRAFT      yes    yes    yes    yes    yes    yes    -      yes    -      -      -
            SUBMITTED  frozen frozen frozen frozen frozen frozen frozen frozen frozen frozen frozen
            RETURNED   yes    yes    yes    yes    yes    yes    -      yes    -      -      -
            WITHDRAWN  ended  ended  ended  ended  ended  ended  ended  ended  ended  ended  ended
            ISSUED     fixed  fixed  fixed  fixed  fixed  yes    yes    yes    yes    yes    yes
            COMPLETED  ended  ended  ended  ended  ended  ended  ended  ended  yes    yes    ended
            SUPERSEDED ended  ended  ended  ended  ended  ended  ended  ended  ended  ended  ended
            REVOKED    ended  ended  ended  ended  ended  ended  ended  ended  ended  ended  ended
            ANNULLED   ended  ended  ended  ended  ended  ended  ended  ended  ended  ended  ended
            ");
        }
        server.stop().await;
    }

    async fn a_completion_says_whether_it_can_be_checked(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "plan").await;
        let ids = ["bare", "note", "uri", "file", "named", "unsigned", "kept"];
        for id in ids {
            milestone(&cast, &plan, id, json!({"due": {"end": date([2026, 12, 31])}})).await;
        }
        issue(&cast, &plan).await;
        let file = json!({
            "uri": "https://example.invalid/bien-ban", "sha256": "1".repeat(64), "size_bytes": 5,
        });
        let mut signed = decision(DECISION_DAY);
        signed["signatory"] = json!("Người thử nghiệm (synthetic)");
        let mut kept = json!({"symbol": "2/BB-TEST"});
        for (field, value) in file.as_object().unwrap() {
            kept[field] = value.clone();
        }
        for (id, evidence, substantiated) in [
            ("bare", json!([]), false),
            ("note", json!([{"note": "đã xong"}]), false),
            ("uri", json!([{"file": {"uri": "https://example.invalid/x"}}]), false),
            ("file", json!([{"note": "biên bản"}, {"file": file}]), true),
            ("named", json!([{"document": signed}]), true),
            ("unsigned", json!([{"document": decision(DECISION_DAY)}]), false),
            ("kept", json!([{"document": kept}]), true),
        ] {
            let name = format!("{}/milestones/{id}", plan["name"].as_str().unwrap());
            let it = cast.editor.ok("GetMilestone", json!({"name": name})).await;
            let request = json!({
                "name": name, "etag": it["etag"], "completion_date": date([2026, 9, 1]),
                "evidence": evidence,
            });
            let done = cast.editor.ok("CompleteMilestone", request).await;
            assert_eq!(done["state"], "COMPLETED");
            let completion = &done["completion"];
            assert_eq!(completion["completion_date"], date([2026, 9, 1]));
            assert_eq!(completion["substantiated"] == json!(true), substantiated, "{id}");
            let shown = completion["evidence"].as_array().cloned().unwrap_or_default();
            assert_eq!(shown.len(), evidence.as_array().unwrap().len());
            let any = shown.iter().any(|it| it["substantiated"] == json!(true));
            assert_eq!(any, substantiated, "{id}");
            let seen = server.raw(As::default()).ok("GetMilestone", json!({"name": name})).await;
            assert_eq!(seen["completion"], *completion);
        }
        let list = json!({
            "parent": plan["name"], "filter": "completion.substantiated = false",
            "order_by": "name desc",
        });
        let list = cast.editor.ok("ListMilestones", list).await;
        assert_eq!(names(&list, "milestones"), ["uri", "unsigned", "note", "bare"]);
        server.stop().await;
    }

    async fn completing_again_corrects_and_says_why(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "plan").await;
        let one = milestone(&cast, &plan, "one", json!({})).await;
        issue(&cast, &plan).await;
        let one = again(&cast.editor, "GetMilestone", &one).await;
        let mut request = json!({"name": one["name"], "etag": one["etag"]});
        // the day of recording where none is given; none to come
        request["completion_date"] = date([2026, 10, 2]);
        let status = cast.editor.err("CompleteMilestone", request.clone()).await;
        assert_eq!(violations(&status), "completion_date OUT_OF_RANGE");
        request["completion_date"] = Value::Null;
        let done = cast.editor.ok("CompleteMilestone", request.clone()).await;
        assert_eq!(done["completion"]["completion_date"], date([2026, 10, 1]));
        assert_eq!(
            cast.editor.refusal("CompleteMilestone", request.clone()).await,
            "Aborted ETAG_NOT_CURRENT"
        );
        request["etag"] = done["etag"].clone();
        request["completion_date"] = date([2026, 9, 20]);
        let status = cast.editor.err("CompleteMilestone", request.clone()).await;
        assert_eq!(violations(&status), "reason REQUIRED");
        request["reason"] = json!("ghi nhầm ngày");
        let corrected = cast.editor.ok("CompleteMilestone", request).await;
        assert_eq!(corrected["completion"]["completion_date"], date([2026, 9, 20]));
        // what was recorded before is what the registry knew then
        let past = json!({"name": one["name"], "read_revision": done["revision"]});
        assert_eq!(cast.editor.ok("GetMilestone", past).await, done);
        // a completed milestone cannot be dropped
        let dropping = json!({
            "name": one["name"], "etag": corrected["etag"], "reason": "thử",
            "document": decision(DECISION_DAY),
        });
        assert_eq!(
            cast.approver.refusal("DropMilestone", dropping).await,
            "FailedPrecondition MILESTONE_IS_COMPLETED"
        );
        server.stop().await;
    }

    async fn a_milestone_given_up_stays_and_says_why(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anonymous = server.raw(As::default());
        let plan = cast.draft("ndp-001", "plan").await;
        let early = milestone(&cast, &plan, "early", json!({})).await;
        let late = milestone(&cast, &plan, "late", json!({})).await;
        milestone(&cast, &plan, "stays", json!({})).await;
        let mut request = json!({"name": early["name"], "etag": early["etag"]});
        let status = cast.editor.err("DropMilestone", request.clone()).await;
        assert_eq!(violations(&status), "reason REQUIRED");
        request["reason"] = json!("không cần nữa");
        let dropped = cast.editor.ok("DropMilestone", request).await;
        assert_eq!(dropped["state"], "DROPPED");
        assert_eq!(dropped["dropping"]["drop_date"], date([2026, 10, 1]));
        server.clock.advance(60);
        issue(&cast, &plan).await;
        let baseline = format!("{}/baselines/1", plan["name"].as_str().unwrap());
        let baseline = anonymous.ok("GetBaseline", json!({"name": baseline})).await;
        let promised = baseline["milestones"].as_array().unwrap();
        let promised: Vec<_> = promised.iter().map(|it| it["display_name"].clone()).collect();
        assert_eq!(promised, ["Mốc thử nghiệm late", "Mốc thử nghiệm stays"]);
        // after the issue, only an approver may drop a milestone, and only by a document
        let late = again(&cast.editor, "GetMilestone", &late).await;
        let mut request = json!({"name": late["name"], "etag": late["etag"], "reason": "lý do"});
        assert_eq!(
            cast.editor.refusal("DropMilestone", request.clone()).await,
            "PermissionDenied PERMISSION_DENIED"
        );
        let status = cast.approver.err("DropMilestone", request.clone()).await;
        assert_eq!(
            violations(&status),
            "document.issuer REQUIRED\ndocument.symbol REQUIRED\ndocument.issue_date REQUIRED"
        );
        request["document"] = decision([2026, 10, 2]);
        let status = cast.approver.err("DropMilestone", request.clone()).await;
        assert_eq!(violations(&status), "document.issue_date OUT_OF_RANGE");
        request["document"] = decision(DECISION_DAY);
        let dropped = cast.approver.ok("DropMilestone", request).await;
        assert_eq!(dropped["dropping"]["drop_date"], date(DECISION_DAY));
        assert_eq!(dropped["dropping"]["reason"], "lý do");
        let etag = &dropped["etag"];
        for (caller, method, request) in [
            (&cast.editor, "CompleteMilestone", json!({"name": late["name"], "etag": etag})),
            (&cast.editor, "UpdateMilestone", json!({
                "milestone": {"name": late["name"], "accountable_unit": "x"},
            })),
            (&cast.approver, "DropMilestone", json!({
                "name": late["name"], "etag": etag, "reason": "thử",
                "document": decision(DECISION_DAY),
            })),
        ] {
            assert_eq!(
                caller.refusal(method, request).await,
                "FailedPrecondition MILESTONE_IS_DROPPED"
            );
        }
        // dropped milestones stay listed, but the public never sees one dropped before the issue
        let parent = json!({"parent": plan["name"]});
        let of_agency = cast.editor.ok("ListMilestones", parent.clone()).await;
        assert_eq!(names(&of_agency, "milestones"), ["early", "late", "stays"]);
        let of_all = anonymous.ok("ListMilestones", parent).await;
        assert_eq!(names(&of_all, "milestones"), ["late", "stays"]);
        assert_eq!(of_all["milestones"][0]["dropping"], dropped["dropping"]);
        server.stop().await;
    }

    async fn a_milestone_is_checked_field_by_field(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "plan").await;
        let mut lines = Vec::new();
        for (field, value) in [
            ("display_name", json!(" ")),
            ("display_name", json!("ă".repeat(501))),
            ("required_result", json!("ă".repeat(2001))),
            ("weight", json!(1001)),
            ("weight", json!(-1)),
            ("accountable_unit", json!("x".repeat(301))),
            ("due", json!({"start": date([2026, 1, 1]), "as_written": "từ năm 2026"})),
            ("due", json!({"start": date([2026, 2, 1]), "end": date([2026, 1, 1])})),
            ("assigning_document", json!({"uri": "ftp://example.invalid"})),
        ] {
            let mut milestone = json!({"display_name": "Mốc thử nghiệm"});
            milestone[field] = value;
            let request = json!({"parent": plan["name"], "milestone": milestone});
            lines.push(violations(&cast.editor.err("CreateMilestone", request).await));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            milestone.display_name REQUIRED
            milestone.display_name TOO_LONG
            milestone.required_result TOO_LONG
            milestone.weight OUT_OF_RANGE
            milestone.weight OUT_OF_RANGE
            milestone.accountable_unit TOO_LONG
            milestone.due.end REQUIRED
            milestone.due.end OUT_OF_RANGE
            milestone.assigning_document.uri NOT_A_URI
            ");
        }
        let made = milestone(&cast, &plan, "one", json!({"weight": 3})).await;
        let twice = json!({
            "parent": plan["name"], "milestone_id": "one", "milestone": {"display_name": "x"},
        });
        assert_eq!(
            cast.editor.refusal("CreateMilestone", twice).await,
            "AlreadyExists RESOURCE_ALREADY_EXISTS"
        );
        // a path into a field is merged with the rest of it
        let due = json!({"end": date([2026, 12, 31]), "as_written": "năm 2026"});
        let update = json!({"milestone": {"name": made["name"], "due": due}});
        let updated = cast.editor.ok("UpdateMilestone", update).await;
        assert_eq!((&updated["due"], &updated["weight"]), (&due, &json!(3)));
        let update = json!({
            "milestone": {"name": made["name"], "due": {"start": date([2026, 7, 1])}},
            "update_mask": "due.start",
        });
        let updated = cast.editor.ok("UpdateMilestone", update).await;
        assert_eq!(updated["due"]["as_written"], "năm 2026");
        assert_eq!(updated["due"]["start"], date([2026, 7, 1]));
        // an id of the registry's own, and the same request once
        let request = json!({
            "parent": plan["name"], "milestone": {"display_name": "Mốc khác"},
            "request_id": "5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958",
        });
        let first = cast.editor.ok("CreateMilestone", request.clone()).await;
        let id = first["name"].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!(id.len(), 8);
        assert_eq!(cast.editor.ok("CreateMilestone", request).await, first);
        server.stop().await;
    }

    async fn milestones_are_listed_across_plans(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        for (platform, id, ends) in [
            ("ndp-001", "a", [(2026, 3), (2026, 1)]),
            ("ndp-001", "b", [(2026, 2), (2027, 1)]),
            ("ndp-002", "c", [(2026, 4), (2026, 5)]),
        ] {
            let plan = cast.draft(platform, id).await;
            for (year, month) in ends {
                let due = json!({"due": {"end": date([year, month, 1])}});
                milestone(&cast, &plan, &format!("{id}{year}-{month}"), due).await;
            }
            milestone(&cast, &plan, &format!("{id}-regular"), json!({})).await;
        }
        let ask = async |parent: &str, filter: &str, order: &str| {
            let request = json!({"parent": parent, "filter": filter, "order_by": order});
            names(&cast.editor.ok("ListMilestones", request).await, "milestones")
        };
        let all = "platforms/-/plans/-";
        assert_eq!(
            ask(all, "due.end < \"2026-12-31\"", "due.end").await,
            ["a2026-1", "b2026-2", "a2026-3", "c2026-4", "c2026-5"]
        );
        assert_eq!(
            ask("platforms/ndp-001/plans/-", "due.end > \"2026-01-01\"", "due.end desc").await,
            ["b2027-1", "a2026-3", "b2026-2"]
        );
        assert_eq!(
            ask("platforms/ndp-002/plans/c", "", "").await,
            ["c-regular", "c2026-4", "c2026-5"]
        );
        assert_eq!(ask(all, "NOT due.end > \"1900-01-01\"", "name").await.len(), 3);
        let walk = json!({"parent": all, "page_size": 4, "order_by": "due.end"});
        let first = cast.editor.ok("ListMilestones", walk.clone()).await;
        let mut second = walk;
        second["page_token"] = first["next_page_token"].clone();
        let second = cast.editor.ok("ListMilestones", second).await;
        let mut walked = names(&first, "milestones");
        walked.extend(names(&second, "milestones"));
        let mut third = json!({"parent": all, "page_size": 4, "order_by": "due.end"});
        third["page_token"] = second["next_page_token"].clone();
        let third = cast.editor.ok("ListMilestones", third).await;
        walked.extend(names(&third, "milestones"));
        assert_eq!(walked, ask(all, "", "due.end").await);
        assert_eq!(walked.len(), 9);
        for parent in ["platforms/ndp-001/plans/none", "platforms/none/plans/-"] {
            let refusal = cast.editor.refusal("ListMilestones", json!({"parent": parent})).await;
            assert_eq!(refusal, "NotFound RESOURCE_NOT_FOUND");
        }
        for parent in ["platforms/-/plans/a", "platforms/-", "platforms/ndp-001"] {
            let status = cast.editor.err("ListMilestones", json!({"parent": parent})).await;
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{parent}");
        }
        server.stop().await;
    }

    async fn a_plan_has_room_for_two_hundred(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "plan").await;
        let long = json!({
            "required_result": "ế".repeat(2000),
            "assigning_document": {"title": "ế".repeat(1000)},
        });
        for number in 0..200 {
            milestone(&cast, &plan, &format!("m{number}"), long.clone()).await;
        }
        let request = json!({"parent": plan["name"], "milestone": {"display_name": "x"}});
        assert_eq!(
            cast.editor.refusal("CreateMilestone", request).await,
            "FailedPrecondition PLAN_IS_FULL"
        );
        let issued = issue(&cast, &plan).await;
        let list = json!({"parent": plan["name"], "page_size": 1000});
        let list = server.raw(As::default()).ok("ListMilestones", list).await;
        assert_eq!(list["milestones"].as_array().unwrap().len(), 200);
        // one change holds all that its issue touched
        let change = format!("changes/{}", issued["revision"]);
        let change = cast.steward.ok("GetChange", json!({"name": change})).await;
        let effects = change["effects"].as_array().unwrap();
        // the plan and a baseline of 1.2 MB; the milestones stay as they are
        assert_eq!(effects.len(), 2);
        let baseline = &effects[1]["new_record"]["baseline"];
        assert_eq!(baseline["milestones"].as_array().unwrap().len(), 200);
        let newest = json!({"order_by": "revision desc", "page_size": 3});
        let newest = server.raw(As::default()).ok("ListChanges", newest).await;
        assert_eq!(newest["changes"][0]["name"], change["name"]);
        server.stop().await;
    }
}
