//! Baselines over the wire: made by the issue, then only by a rebaseline that two people carry, and
//! each stays as it was made.

use ndp_core::records::{plans::PlanMove, principals::Role};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, DECISION_DAY, date, decision},
    raw::violations,
    server::{As, Server},
};

/// A plan with three milestones, one of them regular, issued the day before today.
async fn issued(cast: &Cast, id: &str) -> Value {
    let plan = json!({
        "display_name": format!("Kế hoạch thử nghiệm {id}"),
        "budget": {"amount": {"currency_code": "VND", "units": 5_000_000_000_i64}},
        "planned_end": {"end": date([2027, 12, 31]), "as_written": "hết năm 2027"},
    });
    let request = json!({"parent": "platforms/ndp-001", "plan_id": id, "plan": plan});
    let plan = cast.editor.ok("CreatePlan", request).await;
    for (id, due) in [
        ("a", json!({"end": date([2026, 12, 31])})),
        ("b", json!({"end": date([2027, 6, 30])})),
        ("c", Value::Null),
    ] {
        let milestone = json!({
            "display_name": format!("Mốc {id}"), "due": due, "required_result": "biên bản",
            "weight": 2, "accountable_unit": "Phòng thử nghiệm",
        });
        let request = json!({"parent": plan["name"], "milestone_id": id, "milestone": milestone});
        cast.editor.ok("CreateMilestone", request).await;
    }
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    cast.step(PlanMove::Issue, &plan).await.unwrap()
}

fn milestone_of(plan: &Value, id: &str) -> String {
    format!("{}/milestones/{id}", plan["name"].as_str().unwrap())
}

/// Moves one milestone, adds one, gives one up, and raises the budget.
fn rebaseline(plan: &Value) -> Value {
    json!({
        "milestone_changes": [
            {"kind": "UPDATE", "milestone": {
                "name": milestone_of(plan, "a"), "display_name": "Mốc a, dời", "weight": 5,
                "due": {"end": date([2027, 3, 31])}, "required_result": "quyết định",
            }},
            {"kind": "ADD", "milestone": {
                "name": milestone_of(plan, "d"), "display_name": "Mốc d",
                "due": {"end": date([2027, 9, 30])},
            }},
            {"kind": "DROP", "milestone": {"name": milestone_of(plan, "b")}},
        ],
        "budget": {"amount": {"currency_code": "VND", "units": 6_000_000_000_i64}},
        "planned_end": {"end": date([2028, 3, 31])},
        "document": decision([2026, 10, 1]),
    })
}

fn proposed(plan: &Value) -> Value {
    json!({
        "name": plan["name"], "etag": plan["etag"], "reason": "vướng mặt bằng",
        "rebaseline": rebaseline(plan),
    })
}

fn decided(proposal: &Value) -> Value {
    json!({"name": proposal["name"], "etag": proposal["etag"], "reason": "đồng ý"})
}

both! {
    async fn what_was_promised_changes_by_two_people_and_stays_on_record(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anonymous = server.raw(As::default());
        let plan = issued(&cast, "plan").await;
        let baselines = json!({"parent": plan["name"], "order_by": "number"});
        let first = anonymous.ok("ListBaselines", baselines.clone()).await;
        let first = &first["baselines"][0];
        insta::allow_duplicates! {
            insta::assert_snapshot!(serde_json::to_string_pretty(first).unwrap(), @r#"
            {
              "agency": "agencies/bo-cong-an",
              "approve_time": "2026-10-01T02:00:00Z",
              "budget": {
                "amount": {
                  "currency_code": "VND",
                  "units": 5000000000
                }
              },
              "create_time": "2026-10-01T02:00:00Z",
              "document": {
                "issue_date": {
                  "day": 30,
                  "month": 9,
                  "year": 2026
                },
                "issuer": "Cơ quan thử nghiệm (synthetic)",
                "kind": "DECISION",
                "sha256": "0000000000000000000000000000000000000000000000000000000000000000",
                "symbol": "1/QĐ-TEST"
              },
              "effective_date": {
                "day": 30,
                "month": 9,
                "year": 2026
              },
              "milestones": [
                {
                  "display_name": "Mốc a",
                  "due": {
                    "end": {
                      "day": 31,
                      "month": 12,
                      "year": 2026
                    }
                  },
                  "milestone": "platforms/ndp-001/plans/plan/milestones/a",
                  "required_result": "biên bản",
                  "weight": 2
                },
                {
                  "display_name": "Mốc b",
                  "due": {
                    "end": {
                      "day": 30,
                      "month": 6,
                      "year": 2027
                    }
                  },
                  "milestone": "platforms/ndp-001/plans/plan/milestones/b",
                  "required_result": "biên bản",
                  "weight": 2
                },
                {
                  "display_name": "Mốc c",
                  "milestone": "platforms/ndp-001/plans/plan/milestones/c",
                  "required_result": "biên bản",
                  "weight": 2
                }
              ],
              "name": "platforms/ndp-001/plans/plan/baselines/1",
              "number": 1,
              "planned_end": {
                "as_written": "hết năm 2027",
                "end": {
                  "day": 31,
                  "month": 12,
                  "year": 2027
                }
              },
              "revision": 13,
              "update_time": "2026-10-01T02:00:00Z"
            }
            "#);
        }
        let before = anonymous.ok("GetPlan", json!({"name": plan["name"]})).await;
        let proposal = cast.editor.ok("RebaselinePlan", proposed(&plan)).await["proposal"].clone();
        assert_eq!(proposal["state"], "PENDING");
        assert_eq!(proposal["rebaseline"]["plan"], plan["name"]);
        // nothing moves until another person approves it
        assert_eq!(anonymous.ok("GetPlan", json!({"name": plan["name"]})).await, before);
        let held = anonymous.ok("ListBaselines", baselines.clone()).await;
        assert_eq!(held["baselines"], json!([first]));
        assert_eq!(
            cast.editor.refusal("RebaselinePlan", proposed(&plan)).await,
            "FailedPrecondition PROPOSAL_PENDING"
        );
        assert_eq!(
            cast.editor.refusal("ApproveProposal", decided(&proposal)).await,
            "PermissionDenied PERMISSION_DENIED"
        );
        let approved = cast.approver.ok("ApproveProposal", decided(&proposal)).await;
        assert_eq!(approved["state"], "APPROVED");

        let now = cast.editor.ok("GetPlan", json!({"name": plan["name"]})).await;
        assert_eq!(now["budget"]["amount"]["units"], 6_000_000_000_i64);
        assert_eq!(now["planned_end"]["end"], date([2028, 3, 31]));
        let list = json!({"parent": plan["name"]});
        let list = anonymous.ok("ListMilestones", list).await;
        let held = list["milestones"].as_array().unwrap();
        let got: Vec<_> = held
            .iter()
            .map(|it| format!(
                "{} {} {} {} {} {}",
                it["name"].as_str().unwrap().rsplit('/').next().unwrap(), it["state"],
                it["display_name"], it["due"]["end"]["year"], it["weight"], it["accountable_unit"],
            ))
            .collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(got.join("\n"), @r#"
            a "OPEN" "Mốc a, dời" 2027 5 "Phòng thử nghiệm"
            b "DROPPED" "Mốc b" 2027 2 "Phòng thử nghiệm"
            c "OPEN" "Mốc c" null 2 "Phòng thử nghiệm"
            d "OPEN" "Mốc d" 2027 null null
            "#);
        }
        assert_eq!(held[1]["dropping"]["reason"], "vướng mặt bằng");
        let both = anonymous.ok("ListBaselines", baselines).await;
        let both = both["baselines"].as_array().unwrap();
        assert_eq!((both.len(), &both[0]), (2, first), "number 1 is as it was");
        let second = &both[1];
        let names = second["milestones"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|it| it["milestone"].as_str().unwrap()).collect();
        assert_eq!(names, ["a", "c", "d"].map(|id| milestone_of(&plan, id)));
        assert_eq!(second["number"], 2);
        assert_eq!(second["reason"], "vướng mặt bằng");
        assert_eq!(second["effective_date"], date([2026, 10, 1]));
        assert_eq!(second["budget"], now["budget"]);
        // who approved is for those who may know who acted
        assert_eq!(second["principal"], json!(null));
        let whole = cast.steward.ok("GetBaseline", json!({"name": second["name"]})).await;
        assert_eq!(whole["principal"], "principals/cast-approver");
        // all of it was one change
        let change = format!("changes/{}", approved["revision"]);
        let change = cast.steward.ok("GetChange", json!({"name": change})).await;
        let effects = change["effects"].as_array().unwrap().iter();
        let touched: Vec<_> = effects.map(|it| it["resource"].as_str().unwrap()).collect();
        let collections: Vec<_> = touched.iter().map(|it| it.rsplit('/').nth(1).unwrap()).collect();
        assert_eq!(
            collections,
            ["proposals", "plans", "milestones", "milestones", "milestones", "baselines"]
        );
        server.stop().await;
    }

    async fn a_rebaseline_takes_a_second_person(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let both_roles = [Role::AgencyEditor, Role::AgencyApprover];
        let one = server.raw(server.person("both", &both_roles, Some(AGENCY)).await);
        let plan = issued(&cast, "plan").await;
        let proposal = one.ok("RebaselinePlan", proposed(&plan)).await["proposal"].clone();
        assert_eq!(
            one.refusal("ApproveProposal", decided(&proposal)).await,
            "FailedPrecondition SECOND_PERSON_NEEDED"
        );
        let rejected = cast.steward.ok("RejectProposal", decided(&proposal)).await;
        assert_eq!(rejected["state"], "REJECTED");
        // rejected, it leaves nothing behind, and another may be made; the steward may approve
        let again = cast.approver.ok("RebaselinePlan", proposed(&plan)).await["proposal"].clone();
        cast.steward.ok("ApproveProposal", decided(&again)).await;
        // an approver may ask, and not approve what they asked for
        let plan = cast.editor.ok("GetPlan", json!({"name": plan["name"]})).await;
        let mut more = proposed(&plan);
        more["rebaseline"] = json!({
            "budget": {"price_year": 2027}, "document": decision([2026, 10, 1]),
        });
        let more = cast.approver.ok("RebaselinePlan", more).await["proposal"].clone();
        assert_eq!(
            cast.approver.refusal("ApproveProposal", decided(&more)).await,
            "FailedPrecondition SECOND_PERSON_NEEDED"
        );
        server.stop().await;
    }

    async fn what_can_no_longer_be_carried_out_is_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast, "plan").await;
        let proposal = cast.editor.ok("RebaselinePlan", proposed(&plan)).await["proposal"].clone();
        let a = cast.editor.ok("GetMilestone", json!({"name": milestone_of(&plan, "a")})).await;
        let complete = json!({"name": a["name"], "etag": a["etag"]});
        let done = cast.editor.ok("CompleteMilestone", complete).await;
        let before = server.registry.revision();
        // a promise that was kept meanwhile is not moved
        assert_eq!(
            cast.approver.refusal("ApproveProposal", decided(&proposal)).await,
            "FailedPrecondition MILESTONE_IS_COMPLETED"
        );
        assert_eq!(server.registry.revision(), before);
        let get = json!({"name": a["name"]});
        assert_eq!(cast.editor.ok("GetMilestone", get).await, done);
        cast.approver.ok("RejectProposal", decided(&proposal)).await;
        // what is pending when the plan ends cannot be approved any more
        let read = cast.editor.ok("GetPlan", json!({"name": plan["name"]})).await;
        let mut other = proposed(&read);
        other["rebaseline"]["milestone_changes"].as_array_mut().unwrap().remove(0);
        let other = cast.editor.ok("RebaselinePlan", other).await["proposal"].clone();
        cast.step(PlanMove::Revoke, &plan).await.unwrap();
        assert_eq!(
            cast.approver.refusal("ApproveProposal", decided(&other)).await,
            "FailedPrecondition PLAN_HAS_ENDED"
        );
        server.stop().await;
    }

    async fn a_rebaseline_is_checked_field_by_field(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let elsewhere = issued(&cast, "other").await;
        let plan = issued(&cast, "plan").await;
        let mut lines = Vec::new();
        let changes = |changes: Value| json!({"milestone_changes": changes});
        let name = |id: &str| milestone_of(&plan, id);
        for (what, fields) in [
            ("nothing", json!({})),
            ("document", json!({"document": {"symbol": "1/QĐ"}, "budget": {"price_year": 2027}})),
            ("older", json!({"document": decision([2026, 9, 29]), "budget": {"price_year": 2027}})),
            ("to come", json!({
                "document": decision([2026, 10, 2]), "budget": {"price_year": 2027},
            })),
            ("dong", json!({"budget": {"amount": {"currency_code": "đồng", "units": 1}}})),
            ("span", json!({"planned_start": {"start": date([2029, 1, 1])}})),
            ("kind", changes(json!([{"milestone": {"name": name("a")}}]))),
            ("nameless", changes(json!([{"kind": "DROP", "milestone": {}}]))),
            ("other plan's", changes(json!([
                {"kind": "DROP", "milestone": {"name": milestone_of(&elsewhere, "a")}},
            ]))),
            ("twice", changes(json!([
                {"kind": "DROP", "milestone": {"name": name("a")}},
                {"kind": "UPDATE", "milestone": {"name": name("a"), "display_name": "x"}},
            ]))),
            ("same", changes(json!([
                {"kind": "UPDATE", "milestone": {"name": name("a"), "display_name": "Mốc a"}},
            ]))),
            ("unnamed", changes(json!([{"kind": "UPDATE", "milestone": {"name": name("a")}}]))),
            ("title", changes(json!([{
                "kind": "UPDATE", "milestone": {"name": name("a")}, "update_mask": "displayName",
            }]))),
            ("path", changes(json!([{
                "kind": "UPDATE", "milestone": {"name": name("a")}, "update_mask": "dueDate",
            }]))),
            ("mask", changes(json!([{
                "kind": "DROP", "milestone": {"name": name("a")}, "update_mask": "due",
            }]))),
            ("drop", changes(json!([
                {"kind": "DROP", "milestone": {"name": name("a"), "weight": 1}},
            ]))),
            ("lead", json!({"update_mask": "leadUnit"})),
            ("same budget", json!({"planned_end": {
                "end": date([2027, 12, 31]), "as_written": "hết năm 2027",
            }})),
            ("to start", json!({"visibilities": [
                {"visibility": "RESTRICTED", "start_date": date([2026, 10, 2])},
            ]})),
            ("open end", changes(json!([{"kind": "ADD", "milestone": {
                "name": name("d"), "display_name": "x", "due": {"as_written": "sau này"},
            }}]))),
        ] {
            let mut rebaseline = json!({"document": decision([2026, 10, 1])});
            for (field, value) in fields.as_object().unwrap() {
                rebaseline[field] = value.clone();
            }
            let request = json!({
                "name": plan["name"], "etag": plan["etag"], "reason": "thử",
                "rebaseline": rebaseline,
            });
            let got = violations(&cast.editor.err("RebaselinePlan", request).await);
            let got = got.replace("rebaseline.", "").replace("milestone_changes", "changes");
            lines.push(format!("{what}: {}", got.replace('\n', ", ")));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            nothing: rebaseline REQUIRED
            document: document.issuer REQUIRED, document.issue_date REQUIRED, document.sha256 REQUIRED
            older: document.issue_date OUT_OF_RANGE
            to come: document.issue_date OUT_OF_RANGE
            dong: budget.amount.currency_code PATTERN
            span: planned_end OUT_OF_RANGE
            kind: changes[0].kind NOT_ALLOWED
            nameless: changes[0].milestone.name PATTERN
            other plan's: changes[0].milestone.name NOT_ALLOWED
            twice: changes[1].milestone.name NOT_UNIQUE
            same: changes[0].milestone REQUIRED
            unnamed: changes[0].milestone REQUIRED
            title: changes[0].milestone.display_name REQUIRED
            path: changes[0].update_mask UNKNOWN_PATH
            mask: changes[0].update_mask NOT_ALLOWED
            drop: changes[0].milestone NOT_ALLOWED
            lead: update_mask UNKNOWN_PATH
            same budget: rebaseline REQUIRED
            to start: visibilities[0].start_date OUT_OF_RANGE
            open end: changes[0].milestone.due.end REQUIRED
            ");
        }
        let ask = async |kind: &str, id: &str| {
            let title = if kind == "DROP" { "" } else { "x" };
            let rebaseline = json!({
                "document": decision(DECISION_DAY), "milestone_changes": [
                    {"kind": kind, "milestone": {"name": name(id), "display_name": title}},
                ],
            });
            let request = json!({
                "name": plan["name"], "etag": plan["etag"], "reason": "thử",
                "rebaseline": rebaseline,
            });
            cast.editor.refusal("RebaselinePlan", request).await
        };
        assert_eq!(ask("ADD", "a").await, "AlreadyExists RESOURCE_ALREADY_EXISTS");
        assert_eq!(ask("UPDATE", "none").await, "NotFound RESOURCE_NOT_FOUND");
        assert_eq!(ask("DROP", "none").await, "NotFound RESOURCE_NOT_FOUND");
        let stale = json!({
            "name": plan["name"], "etag": "r1", "reason": "thử", "rebaseline": rebaseline(&plan),
        });
        assert_eq!(cast.editor.refusal("RebaselinePlan", stale).await, "Aborted ETAG_NOT_CURRENT");
        server.stop().await;
    }
}
