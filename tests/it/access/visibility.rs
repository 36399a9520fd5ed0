//! Who sees what, on every path a caller can take: a hidden record looks as if it did not exist,
//! and no other request reveals a withheld field.

use std::{collections::BTreeSet, sync::Arc};

use ndp_core::{
    caller::{Caller, Credential, Entrusted, Known, Person, Reach},
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::{summary::Scope, tally::Tally},
    names::{
        AgencyName, ApiKeyName, AssessmentName, BaselineName, MilestoneName, PlanName,
        PlatformName, PrincipalName, ProposalName, ReportName, Revision,
    },
    records::{
        assessments::{Assessment, AssessmentFields},
        baselines::{Approval, Baseline, MilestoneChange, Rebaseline},
        documents::Document,
        meta::Meta,
        milestones::{Dropping, Milestone, MilestoneFields},
        plans::{Plan, PlanFields, PlanMove, PlanState, StateEntry, Visibility, VisibilityEntry},
        platforms::{Exit, ExitOutcome, Governance, Platform, Security},
        principals::{ApiKey, ApiKeyFields, Principal, PrincipalFields, PrincipalKind, Role},
        proposals::{Act, Action, Proposal, ProposalState},
        reports::{Rating, Report, ReportFields},
    },
    rules::{
        AnyCommand, Ids, Request,
        assessments::CreateAssessment,
        baselines::RebaselinePlan,
        decide,
        milestones::{CompleteMilestone, CreateMilestone, DropMilestone, UpdateMilestone},
        plans::{CreatePlan, MovePlan, UpdatePlan},
        reports::CreateReport,
    },
    state::{
        State,
        seen::{Interest, Past, Viewpoint, needs_before, see},
        visible::{Ancestry, parents_of, visible},
    },
    time::{Date, Timestamp},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, MOVES, OTHER_AGENCY, date, decision, move_request},
    raw::{Raw, learned},
    server::{As, MORNING, Server},
};

/// Callers who may not know of the agency's plans before they are issued.
async fn outsiders(server: &Server) -> Vec<(&'static str, Raw)> {
    let mut outsiders = vec![("anonymous", server.raw(As::default()))];
    let elsewhere = [Role::AgencyEditor, Role::AgencyApprover, Role::AgencyAdmin];
    for (id, roles, agency) in [
        ("elsewhere", &elsewhere[..], Some(OTHER_AGENCY)),
        ("roleless", &[], Some(AGENCY)),
        ("keeper-of-keys", &[Role::Admin], None),
    ] {
        let caller = server.person(id, roles, agency).await;
        outsiders.push((id, server.raw(caller)));
    }
    outsiders
}

/// Everything an agency can write of a plan.
fn full(id: &str) -> Value {
    json!({
        "display_name": format!("Kế hoạch mật {id} (thử nghiệm)"),
        "objectives": "Mục tiêu mật",
        "scope": "Phạm vi mật",
        "accountable_head": {"office": "Cục trưởng mật"},
        "lead_unit": "Cục mật",
        "coordinating_agencies": ["agencies/bo-y-te"],
        "budget": {"price_year": 2026, "source": "Ngân sách mật"},
        "planned_start": {"start": date([2027, 1, 1]), "end": date([2027, 1, 31])},
        "planned_end": {"start": date([2028, 1, 1]), "end": date([2028, 12, 31])},
        "reporting_cycles": [{"interval": "QUARTERLY", "cutoff_day": 20}],
    })
}

/// A plan with all of this, taken along these moves.
async fn made(
    cast: &Cast,
    platform: &str,
    id: &str,
    visibility: &str,
    moves: &[PlanMove],
) -> Value {
    let mut plan = full(id);
    plan["visibilities"] = json!([{"visibility": visibility}]);
    let parent = format!("platforms/{platform}");
    let request = json!({"parent": parent, "plan_id": id, "plan": plan, "reason": "soạn thảo mật"});
    let mut plan = cast.editor.ok("CreatePlan", request).await;
    for step in moves {
        plan = cast.step(*step, &plan).await.unwrap();
    }
    plan
}

fn names(list: &Value) -> Vec<&str> {
    let plans = list["plans"].as_array();
    let plans = plans.into_iter().flatten();
    plans.map(|plan| plan["name"].as_str().unwrap()).collect()
}

both! {
    async fn a_hidden_plan_is_as_if_it_were_not(engine: Engine) {
        use PlanMove::{Return, Submit, Withdraw};
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let outsiders = outsiders(&server).await;
        let anonymous = server.raw(As::default());
        let mut summary = anonymous.ok("ComputeSummary", json!({})).await;
        let mut hidden = Vec::new();
        for (id, moves) in [
            ("draft", &[][..]),
            ("submitted", &[Submit]),
            ("returned", &[Submit, Return]),
            ("withdrawn", &[Withdraw]),
        ] {
            hidden.push(made(&cast, "ndp-001", id, "PUBLIC", moves).await);
        }
        let auditor = server.raw(server.person("watcher", &[Role::Auditor], None).await);
        for insider in [&cast.editor, &cast.approver, &cast.steward, &auditor] {
            let list = insider.ok("ListPlans", json!({"parent": "platforms/-"})).await;
            assert_eq!(names(&list).len(), 4);
        }
        for (who, caller) in &outsiders {
            for filter in [
                "", "state = DRAFT", "NOT state = ISSUED", "lead_unit = \"Cục mật\"",
                "name = \"platforms/ndp-001/plans/draft\"",
            ] {
                for parent in ["platforms/-", "platforms/ndp-001"] {
                    let request = json!({"parent": parent, "filter": filter});
                    let list = caller.ok("ListPlans", request).await;
                    assert_eq!(list, json!({}), "{who}: {filter}");
                }
            }
            let mut counted = caller.ok("ComputeSummary", json!({})).await;
            counted["revision"] = summary["revision"].take();
            summary["revision"] = counted["revision"].clone();
            assert_eq!(counted, summary, "{who}");

            for plan in &hidden {
                for (method, request) in about(plan) {
                    let name = plan["name"].as_str().unwrap();
                    let absent = "platforms/ndp-001/plans/nonesuch";
                    let text = request.to_string().replace(name, absent);
                    let of_absent: Value = serde_json::from_str(&text).unwrap();
                    let of_hidden = learned(&caller.err(&method, request).await);
                    let of_absent = learned(&caller.err(&method, of_absent).await);
                    assert_eq!(of_hidden.replace(name, absent), of_absent, "{who}: {method}");
                }
            }
            // the refusal does not reveal to an outsider whether an id is taken
            for id in ["draft", "free"] {
                let plan = json!({"display_name": "Thử"});
                let request = json!({"parent": "platforms/ndp-001", "plan_id": id, "plan": plan});
                let refusal = caller.refusal("CreatePlan", request).await;
                let expected = match *who {
                    "anonymous" => "Unauthenticated CREDENTIALS_MISSING",
                    _ => "PermissionDenied PERMISSION_DENIED",
                };
                assert_eq!(refusal, expected, "{who}: {id}");
            }
        }
        server.stop().await;
    }

    async fn of_a_restricted_plan_its_existence_and_document_are_known(engine: Engine) {
        use PlanMove::{Issue, Return, Submit};
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let moves = [Submit, Return, Submit];
        let plan = made(&cast, "ndp-001", "mat", "RESTRICTED", &moves).await;
        server.clock.advance(3600);
        let plan = cast.step(Issue, &plan).await.unwrap();
        let get = json!({"name": plan["name"], "view": "PLAN_VIEW_FULL"});
        let seen = server.raw(As::default()).ok("GetPlan", get.clone()).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(serde_json::to_string_pretty(&seen).unwrap(), @r#"
            {
              "agency": "agencies/bo-cong-an",
              "create_time": "2026-10-01T03:00:00Z",
              "etag": "r12-65cbe9c888c00",
              "issuing_document": {
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
              "name": "platforms/ndp-001/plans/mat",
              "redacted": true,
              "revision": 12,
              "state": "ISSUED",
              "state_history": [
                {
                  "agency": "agencies/bo-cong-an",
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
                  "record_time": "2026-10-01T03:00:00Z",
                  "state": "ISSUED"
                }
              ],
              "update_time": "2026-10-01T03:00:00Z",
              "visibilities": [
                {
                  "visibility": "RESTRICTED"
                }
              ],
              "visibility": "RESTRICTED"
            }
            "#);
        }
        for (who, caller) in outsiders(&server).await {
            assert_eq!(caller.ok("GetPlan", get.clone()).await, seen, "{who}");
            let list = json!({"parent": "platforms/-", "view": "PLAN_VIEW_FULL"});
            assert_eq!(caller.ok("ListPlans", list).await, json!({"plans": [seen]}), "{who}");
        }
        assert_eq!(cast.editor.ok("GetPlan", get.clone()).await, plan);
        cast.step(PlanMove::Revoke, &plan).await.unwrap();
        let seen = server.raw(As::default()).ok("GetPlan", get).await;
        assert_eq!(seen["state"], "REVOKED");
        assert!(!seen.to_string().contains("reason"), "{seen}");
        server.stop().await;
    }

    async fn of_an_issued_plan_all_but_who_acted_and_what_came_before(engine: Engine) {
        use PlanMove::{Issue, Return, Revoke, Submit};
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let moves = [Submit, Return, Submit];
        let plan = made(&cast, "ndp-001", "mo", "PUBLIC", &moves).await;
        server.clock.advance(3600);
        let plan = cast.step(Issue, &plan).await.unwrap();
        let plan = cast.step(Revoke, &plan).await.unwrap();
        let get = json!({"name": plan["name"]});
        let mut expected = plan.clone();
        expected["create_time"] = json!("2026-10-01T03:00:00Z");
        let history = plan["state_history"].as_array().unwrap();
        let mut history: Vec<_> = history[4..].to_vec();
        for (entry, state) in history.iter_mut().zip(["ISSUED", "REVOKED"]) {
            assert_eq!(entry["state"], state);
            let entry = entry.as_object_mut().unwrap();
            entry.remove("principal").expect("who acted is there");
            if state == "ISSUED" {
                entry.remove("reason").expect("the reason is there");
            }
        }
        expected["state_history"] = json!(history);
        for (who, caller) in outsiders(&server).await {
            assert_eq!(caller.ok("GetPlan", get.clone()).await, expected, "{who}");
        }
        server.stop().await;
    }

    async fn a_filter_or_an_order_tells_no_more_than_the_records_do(engine: Engine) {
        use PlanMove::{Issue, Submit};
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        // the names order the two restricted ones the other way round than their titles would
        for (platform, id, visibility, moves) in [
            ("ndp-001", "b-mo", "PUBLIC", &[Submit, Issue][..]),
            ("ndp-002", "z-mat", "RESTRICTED", &[Submit, Issue]),
            ("ndp-003", "a-mat", "RESTRICTED", &[Submit, Issue]),
            ("ndp-004", "c-nhap", "PUBLIC", &[]),
            ("ndp-005", "d-nhap", "RESTRICTED", &[Submit]),
        ] {
            made(&cast, platform, id, visibility, moves).await;
            server.clock.advance(60);
        }
        let text = |field: &'static str, value: &'static str| {
            move |plan: &Value| plan[field] == value
        };
        let day = |field: &'static str, end: &'static str| {
            move |plan: &Value| plan[field][end]["year"].as_i64().is_some_and(|year| year >= 2027)
        };
        type Says = Box<dyn Fn(&Value) -> bool>;
        let laws: Vec<(&str, Says)> = vec![
            ("display_name:\"ke hoach mat\"", Box::new(|plan| plan["display_name"].is_string())),
            ("lead_unit = \"Cục mật\"", Box::new(text("lead_unit", "Cục mật"))),
            ("visibility = RESTRICTED", Box::new(text("visibility", "RESTRICTED"))),
            ("state = SUBMITTED", Box::new(text("state", "SUBMITTED"))),
            ("agency = \"agencies/bo-cong-an\"", Box::new(text("agency", "agencies/bo-cong-an"))),
            ("coordinating_agencies:\"agencies/bo-y-te\"", Box::new(|plan| {
                plan["coordinating_agencies"] == json!(["agencies/bo-y-te"])
            })),
            ("budget.price_year = 2026", Box::new(|plan| plan["budget"]["price_year"] == 2026)),
            ("planned_start.start >= \"2027-01-01\"", Box::new(day("planned_start", "start"))),
            ("planned_end.end >= \"2027-01-01\"", Box::new(day("planned_end", "end"))),
            ("issuing_document.symbol = \"1/QĐ-TEST\"", Box::new(|plan| {
                plan["issuing_document"]["symbol"] == "1/QĐ-TEST"
            })),
            ("create_time > \"2026-10-01T02:01:30Z\"", Box::new(|plan| {
                plan["create_time"].as_str() > Some("2026-10-01T02:01:30Z")
            })),
        ];
        let mut callers = outsiders(&server).await;
        callers.push(("editor", cast.editor.clone()));
        callers.push(("steward", cast.steward.clone()));
        for (who, caller) in callers {
            let ask = async |filter: &str, order_by: &str| {
                let view = "PLAN_VIEW_FULL";
                let parent = "platforms/-";
                let request = json!({
                    "parent": parent, "filter": filter, "order_by": order_by, "view": view,
                });
                caller.ok("ListPlans", request).await
            };
            let all = ask("", "").await;
            let plans = all["plans"].as_array().unwrap();
            let insider = ["editor", "steward"].contains(&who);
            assert_eq!(plans.len(), if insider { 5 } else { 3 }, "{who}");
            for (filter, says) in &laws {
                let not = format!("NOT {filter}");
                for (filter, negated) in [(*filter, false), (not.as_str(), true)] {
                    let said = plans.iter().filter(|plan| says(plan) != negated);
                    let said = said.map(|plan| plan["name"].as_str().unwrap());
                    let said: BTreeSet<_> = said.collect();
                    let found = ask(filter, "").await;
                    let found: BTreeSet<_> = names(&found).into_iter().collect();
                    assert_eq!(found, said, "{who}: {filter}");
                }
            }
            for order in [
                "display_name", "display_name desc", "planned_end.end", "planned_end.end desc",
            ] {
                let listed = ask("", order).await;
                let listed = listed["plans"].as_array().unwrap();
                let redacted = listed.iter().filter(|plan| plan["redacted"] == true);
                let redacted = redacted.map(|plan| plan["name"].as_str().unwrap());
                let redacted: Vec<_> = redacted.collect();
                assert_eq!(redacted.len(), if insider { 0 } else { 2 }, "{who}");
                assert!(redacted.is_sorted(), "{who}: {order}: {redacted:?}");
            }
        }
        server.stop().await;
    }

    async fn what_is_withheld_leaves_no_trace_in_the_log_and_no_time(engine: Engine) {
        use PlanMove::{Issue, Submit};
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = made(&cast, "ndp-001", "mat", "RESTRICTED", &[Submit, Issue]).await;
        let name = plan["name"].as_str().unwrap();
        let platform = "platforms/ndp-002";
        let outsiders = outsiders(&server).await;
        let revision = server.registry.revision();
        let look = async |caller: &Raw| {
            let get = json!({"name": name, "view": "PLAN_VIEW_FULL"});
            let list = json!({"parent": "platforms/-", "view": "PLAN_VIEW_FULL"});
            let mut seen = vec![caller.ok("GetPlan", get).await];
            seen.push(caller.ok("ListPlans", list).await);
            let mut counted = caller.ok("ComputeSummary", json!({})).await;
            counted["revision"].take();
            seen.push(counted);
            seen
        };
        let mut before = Vec::new();
        for (_, caller) in &outsiders {
            before.push(look(caller).await);
        }
        let anonymous = server.raw(As::default());
        let platform_before = anonymous.ok("GetPlatform", json!({"name": platform})).await;
        server.clock.advance(3600);
        // a report, an update of what is withheld, a rebaseline, the security level
        let update = json!({"plan": {"name": name, "lead_unit": "Cục khác"}});
        cast.editor.ok("UpdatePlan", update).await;
        let rebaseline = json!({
            "name": name,
            "reason": "điều chỉnh mật",
            "etag": cast.editor.ok("GetPlan", json!({"name": name})).await["etag"],
            "rebaseline": {
                "budget": {"price_year": 2027, "source": "Ngân sách khác"},
                "document": decision([2026, 10, 1]),
            },
        });
        let proposal = cast.editor.ok("RebaselinePlan", rebaseline).await["proposal"].clone();
        let approve = json!({"name": proposal["name"], "etag": proposal["etag"]});
        cast.approver.ok("ApproveProposal", approve).await;
        let level = json!({"level": 4, "approval": decision([2026, 9, 30])});
        for secured in [json!({"name": platform, "security": level}), json!({"name": platform})] {
            let update = json!({"platform": secured, "update_mask": "security"});
            cast.editor.ok("UpdatePlatform", update).await;
            let seen = anonymous.ok("GetPlatform", json!({"name": platform})).await;
            assert_eq!(seen, platform_before, "times and revisions tell of the level");
        }
        for ((who, caller), before) in outsiders.iter().zip(before) {
            assert_eq!(look(caller).await, before, "{who}");
            let filter = format!("revision > {revision}");
            let listed = caller.ok("ListChanges", json!({"filter": filter})).await;
            let changes = listed["changes"].as_array().cloned().unwrap_or_default();
            let about_platform = |change: &Value| change["effects"][0]["resource"] == platform;
            assert!(changes.iter().all(about_platform), "{who}: {listed}");
            // the level is not for anonymous callers alone
            assert_eq!(changes.is_empty(), *who == "anonymous", "{who}: {listed}");
            let resource = json!({"filter": format!("resources:\"{name}\"")});
            let listed = caller.ok("ListChanges", resource).await;
            let methods: Vec<_> = listed["changes"].as_array().unwrap().iter()
                .map(|change| change["method"].as_str().unwrap().to_owned()).collect();
            assert_eq!(methods, ["IssuePlan"], "{who}");
        }
        for number in revision.get() + 1..=server.registry.revision().get() {
            let change = json!({"name": format!("changes/{number}")});
            let refusal = anonymous.refusal("GetChange", change).await;
            assert_eq!(refusal, "NotFound RESOURCE_NOT_FOUND", "{number}");
        }
        let whole = cast.editor.ok("GetPlan", json!({"name": name})).await;
        assert_eq!(whole["lead_unit"], "Cục khác");
        server.stop().await;
    }

    async fn the_past_is_seen_by_the_rule_of_then_and_of_now(engine: Engine) {
        use PlanMove::{Issue, Submit};
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = made(&cast, "ndp-001", "mo", "PUBLIC", &[Submit, Issue]).await;
        let name = plan["name"].as_str().unwrap();
        let then = server.registry.revision().get();
        let own = server.person("own", &[Role::AgencyEditor], Some(AGENCY)).await;
        let own = server.raw(own);
        let drafted = made(&cast, "ndp-002", "nhap", "PUBLIC", &[]).await;
        let drafted = drafted["name"].as_str().unwrap();
        let draft_then = server.registry.revision().get();
        let anonymous = server.raw(As::default());
        let summary = json!({"read_revision": then});
        let counted = anonymous.ok("ComputeSummary", summary.clone()).await;
        assert_eq!(counted["monitored_plan_count"], 1, "{counted}");
        let get = json!({"name": name, "read_revision": then, "view": "PLAN_VIEW_FULL"});
        assert_eq!(anonymous.ok("GetPlan", get.clone()).await["lead_unit"], "Cục mật");
        let baselines = json!({"parent": name, "read_revision": then});
        let listed = anonymous.ok("ListBaselines", baselines.clone()).await;
        assert_eq!(listed["baselines"][0]["number"], 1);
        let restricted = json!({"visibilities": [{"visibility": "RESTRICTED"}]});
        cast.rebaselined(&plan, restricted).await;
        let transfer = json!({"platform": {"name": "platforms/ndp-002",
            "governance": [{"agency": format!("agencies/{OTHER_AGENCY}")}]}});
        cast.steward.ok("UpdatePlatform", transfer).await;
        let seen = anonymous.ok("GetPlan", get.clone()).await;
        assert!(!seen.to_string().contains("mật"), "{seen}");
        assert_eq!((&seen["redacted"], &seen["state"]), (&json!(true), &json!("ISSUED")));
        let view = "PLAN_VIEW_FULL";
        let list = json!({"parent": "platforms/-", "read_revision": then, "view": view});
        assert_eq!(anonymous.ok("ListPlans", list).await, json!({"plans": [seen]}));
        let hidden = json!({"parent": "platforms/-", "read_revision": then,
            "filter": "lead_unit = \"Cục mật\""});
        assert_eq!(anonymous.ok("ListPlans", hidden).await, json!({}));
        assert_eq!(anonymous.ok("ListBaselines", baselines).await, json!({}));
        let whole = cast.editor.ok("GetPlan", get).await;
        assert_eq!(whole["lead_unit"], "Cục mật");
        let counted = anonymous.ok("ComputeSummary", summary.clone()).await;
        assert_eq!(counted["monitored_plan_count"], 0, "{counted}");
        let counted = cast.editor.ok("ComputeSummary", summary).await;
        assert_eq!(counted["monitored_plan_count"], 1, "{counted}");
        // a draft that went to another agency: not for the old one any more, nor for the new then
        let of_draft = json!({"name": drafted, "read_revision": draft_then});
        let new = server.person("new", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        for (who, caller) in [("old", &own), ("new", &server.raw(new))] {
            let refusal = caller.refusal("GetPlan", of_draft.clone()).await;
            assert_eq!(refusal, "NotFound RESOURCE_NOT_FOUND", "{who}");
        }
        cast.steward.ok("GetPlan", of_draft).await;
        // nor do the log's old images show more
        let filter = json!({"filter": format!("resources:\"{name}\"")});
        let listed = anonymous.ok("ListChanges", filter).await;
        assert!(!listed.to_string().contains("mật"), "{listed}");
        let issued = json!({"name": format!("changes/{then}")});
        let issued = anonymous.ok("GetChange", issued).await;
        assert!(!issued.to_string().contains("mật"), "{issued}");
        let of_draft = json!({"filter": format!("resources:\"{drafted}\"")});
        let listed = own.ok("ListChanges", of_draft).await;
        assert!(!listed.to_string().contains("mật"), "{listed}");
        server.stop().await;
    }

    async fn the_security_level_is_not_for_anonymous_callers(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let name = "platforms/ndp-001";
        let get = json!({"name": name, "view": "PLATFORM_VIEW_FULL"});
        let plain = cast.editor.ok("GetPlatform", get.clone()).await;
        let platform = json!({
            "name": name,
            "security": {
                "level": 4,
                "approval": {"symbol": "9/QĐ-MẬT", "issuer": "Cơ quan thử nghiệm"},
            },
        });
        let update = json!({"platform": platform, "update_mask": "security"});
        let whole = cast.editor.ok("UpdatePlatform", update).await;
        assert_eq!(whole["security"]["level"], 4);
        let list = |filter: &str| {
            json!({"filter": filter, "view": "PLATFORM_VIEW_FULL", "page_size": 1000})
        };
        let anonymous = server.raw(As::default());
        let roleless = server.raw(server.person("roleless", &[], None).await);
        for (caller, seen, found) in [(&anonymous, &plain, false), (&roleless, &whole, true)] {
            assert_eq!(caller.ok("GetPlatform", get.clone()).await, *seen);
            let many = caller.ok("BatchGetPlatforms", json!({
                "names": [name], "view": "PLATFORM_VIEW_FULL",
            })).await;
            assert_eq!(many["platforms"][0], *seen);
            let all = caller.ok("ListPlatforms", list("")).await;
            assert_eq!(all["platforms"][0], *seen);
            for filter in ["security.level = 4", "security.level > 0", "NOT security.level < 4"] {
                let listed = caller.ok("ListPlatforms", list(filter)).await;
                let listed = listed["platforms"].as_array().cloned().unwrap_or_default();
                let is_there = listed.iter().any(|platform| platform["name"] == name);
                let others = listed.len() - usize::from(is_there);
                // a platform without a known level counts as not below 4, for every caller
                let expected = if filter.starts_with("NOT") { (true, 83) } else { (found, 0) };
                assert_eq!((is_there, others), expected, "{filter}");
            }
            let hits = caller.ok("SearchPlatforms", json!({"query": "9/QĐ-MẬT"})).await;
            assert_eq!(hits["platforms"], json!(null));
        }
        server.stop().await;
    }
}

/// A request of every method that is about one plan.
fn about(plan: &Value) -> Vec<(String, Value)> {
    let (name, etag) = (&plan["name"], &plan["etag"]);
    let update = |mask: &str, values: Value| {
        let mut plan = json!({"name": name});
        for (field, value) in values.as_object().unwrap() {
            plan[field] = value.clone();
        }
        json!({"plan": plan, "update_mask": mask})
    };
    let mut about = vec![("GetPlan".to_owned(), json!({"name": name}))];
    for step in MOVES {
        about.push((step.method().to_owned(), move_request(step, plan)));
        let stale = json!({"name": name, "etag": "r1"});
        about.push((step.method().to_owned(), move_request(step, &stale)));
    }
    // paths into a field are merged with what it holds: that must not show either
    for (mask, values) in [
        ("displayName", json!({"display_name": "Thử", "etag": etag})),
        ("displayName", json!({"display_name": ""})),
        (
            "accountableHead.office",
            json!({"accountable_head": {"office": "Thử"}}),
        ),
        (
            "plannedEnd.end",
            json!({"planned_end": {"end": date([2027, 12, 31])}}),
        ),
        (
            "plannedStart.end",
            json!({"planned_start": {"end": date([2026, 12, 31])}}),
        ),
        (
            "budget.amount.units",
            json!({"budget": {"amount": {"units": 5}}}),
        ),
    ] {
        about.push(("UpdatePlan".to_owned(), update(mask, values)));
    }
    about
}

// === the law, on any State and any caller ===

struct NoIds;

impl Ids for NoIds {
    fn id(&mut self, _: usize) -> String {
        "aaaaaaaa".to_owned()
    }
}

const AGENCIES: [&str; 2] = [AGENCY, OTHER_AGENCY];

fn now() -> Timestamp {
    Timestamp::parse(MORNING).unwrap()
}

fn any_plan() -> impl Strategy<Value = (usize, PlanState, Visibility, String, i64)> {
    (
        0..AGENCIES.len(),
        select(PlanState::ALL.to_vec()),
        select(vec![Visibility::Public, Visibility::Restricted]),
        "[a-c]{1,2}",
        0..5_i64,
    )
}

fn person() -> Person {
    Person {
        principal: PrincipalName::from_id("writer").unwrap(),
        actor: Some("Người A".into()),
    }
}

/// One record of each kind below a plan; the milestone dropped, some time before or after the
/// plan was issued.
fn records_below(plan: &Plan, text: &str, age: i64) -> [Image; 4] {
    let meta = plan.meta;
    let day = Date::parse("2026-09-30").unwrap();
    let record_time = Timestamp::from_micros(now().as_micros() - (age - 2) * 1_000_000).unwrap();
    let milestone = MilestoneName::from_id(&plan.name, "m0").unwrap();
    [
        Image::Milestone(Arc::new(Milestone {
            name: milestone.clone(),
            fields: MilestoneFields {
                display_name: text.to_owned(),
                ..MilestoneFields::default()
            },
            completion: None,
            dropping: (age > 0).then(|| {
                Box::new(Dropping {
                    drop_date: day,
                    reason: text.to_owned(),
                    document: None,
                    record_time,
                })
            }),
            reopening: None,
            meta,
        })),
        Image::Baseline(Arc::new(Baseline {
            name: BaselineName::from_id(&plan.name, "1").unwrap(),
            number: 1,
            effective_date: day,
            milestones: Vec::new(),
            budget: None,
            planned_start: None,
            planned_end: None,
            document: None,
            reason: text.to_owned(),
            approval: Approval {
                person: Some(person()),
                record_time,
            },
            meta,
        })),
        Image::Report(Arc::new(Report {
            name: ReportName::from_id(&plan.name, "r0").unwrap(),
            fields: ReportFields {
                period_end_date: Some(day),
                rating: Some(Rating::OnTrack),
                results: text.to_owned(),
                ..ReportFields::default()
            },
            corrected_by: None,
            withdrawal: None,
            meta,
        })),
        Image::Assessment(Arc::new(Assessment {
            name: AssessmentName::from_id(&plan.name, "a0").unwrap(),
            fields: AssessmentFields {
                assessment_date: Some(day),
                rating: Some(Rating::OffTrack),
                findings: text.to_owned(),
                ..AssessmentFields::default()
            },
            withdrawal: None,
            meta,
        })),
    ]
}

/// The book-keeping of every record.
fn meta() -> Meta {
    Meta::created(now(), Revision::new(1).unwrap())
}

/// The etag of every record, and one that none has.
fn etags() -> [String; 2] {
    [meta().etag(), "x".to_owned()]
}

/// Two platforms of two agencies, and these plans, each of its platform's agency.
fn state(plans: &[(usize, PlanState, Visibility, String, i64)]) -> State {
    let meta = meta();
    let seed = ndp_registry::catalogue::seed([ndp_registry::catalogue::OPENING_EDITION]).unwrap();
    let mut images: Vec<_> = seed
        .agencies
        .into_iter()
        .map(|it| Image::Agency(it.into()))
        .collect();
    images.extend(
        seed.editions
            .into_iter()
            .map(|it| Image::Edition(it.into())),
    );
    for (owner, mut platform) in seed.platforms.into_iter().take(2).enumerate() {
        platform.fields.governance = vec![Governance {
            agency: AgencyName::from_id(AGENCIES[owner]),
            ..Governance::default()
        }];
        platform.fields.security = Some(Security {
            level: 3,
            approval: None,
        });
        images.push(Image::Platform(Platform { meta, ..platform }.into()));
    }
    for (number, (owner, state, visibility, text, age)) in plans.iter().enumerate() {
        let platform = PlatformName::from_id(["ndp-001", "ndp-002"][*owner]).unwrap();
        let agency = AgencyName::from_id(AGENCIES[*owner]).unwrap();
        let created = Timestamp::from_micros(now().as_micros() - age * 1_000_000).unwrap();
        let entry = |state, record_time| StateEntry {
            state,
            effective_date: Date::parse("2026-09-30").unwrap(),
            record_time,
            agency: Some(agency.clone()),
            person: Some(person()),
            document: None,
            reason: text.clone(),
        };
        let mut state_history = vec![entry(PlanState::Draft, created)];
        if state.was_issued() {
            state_history.push(entry(PlanState::Submitted, now()));
            state_history.push(entry(PlanState::Issued, now()));
        }
        if state_history.last().unwrap().state != *state {
            state_history.push(entry(*state, now()));
        }
        let document = Document {
            symbol: text.clone(),
            ..Document::default()
        };
        let plan = Plan {
            name: PlanName::from_id(&platform, &format!("p{number}")).unwrap(),
            fields: PlanFields {
                display_name: text.clone(),
                visibilities: vec![VisibilityEntry {
                    visibility: *visibility,
                    ..VisibilityEntry::default()
                }],
                ..PlanFields::default()
            },
            issuing_document: state.was_issued().then(|| Box::new(document)),
            agency,
            state: *state,
            state_history,
            superseding_plan: None,
            transcription: None,
            public_write: None,
            published: None,
            redacted: false,
            meta: Meta {
                create_time: created,
                ..meta
            },
        };
        images.extend(records_below(&plan, text, *age));
        images.push(Image::Plan(plan.into()));
    }
    State::load(Revision::new(1).unwrap(), Some(now()), images)
}

fn any_caller() -> impl Strategy<Value = Caller> {
    let roles = subsequence(Role::ALL.to_vec(), 0..=2);
    let known = (roles, 0..AGENCIES.len(), any_reach()).prop_map(|(roles, agency, reach)| {
        let principal = PrincipalName::from_id("asker").unwrap();
        Caller::Known(Known {
            reach,
            credential: Credential::ApiKey(ApiKeyName::from_id(&principal, "key").unwrap()),
            scope: Default::default(),
            person: Person {
                principal,
                actor: None,
            },
            allows_personal_data: None,
            is_system: false,
            agency: AgencyName::from_id(AGENCIES[agency]),
            roles,
        })
    });
    prop_oneof![1 => Just(Caller::Anonymous), 6 => known]
}

/// Mostly none; else any part of what there can be.
fn any_reach() -> impl Strategy<Value = Reach> {
    let agencies = || {
        let agencies = AGENCIES.map(|id| AgencyName::from_id(id).unwrap());
        subsequence(agencies.to_vec(), 0..=1)
    };
    let entrusted = subsequence(vec!["ndp-001", "ndp-002"], 0..=2);
    let entrusted = (entrusted, any::<bool>(), any::<bool>());
    let some = (agencies(), agencies(), agencies(), agencies(), entrusted).prop_map(
        |(successor, predecessors, units, of, (entrusted, writes, approves))| Reach {
            successor: successor.into_iter().next(),
            predecessors,
            units,
            entrusted: entrusted
                .into_iter()
                .map(|platform| Entrusted {
                    platform: PlatformName::from_id(platform).unwrap(),
                    agencies: of.clone(),
                    writes,
                    approves,
                })
                .collect(),
        },
    );
    prop_oneof![2 => Just(Reach::default()), 1 => some]
}

/// What comes of every command about plans, in words.
fn attempts(state: &State, caller: &Caller) -> Vec<String> {
    let mut outcomes = Vec::new();
    let mut attempt = |command: Box<dyn AnyCommand>| {
        let received = format!("{command:?}");
        let request = Request {
            command,
            request_id: None,
            reason: String::new(),
        };
        let decided = decide(state, caller, &request, now(), &mut NoIds);
        let decided = decided.map(|it| it.change);
        let outcome = match decided {
            // a caller that may write a record may also see it
            Ok(change) => format!(
                "{:?}",
                visible(
                    state,
                    caller,
                    match &change.effects[0] {
                        ndp_core::change::Effect::Put(image) => image,
                        other => panic!("{other:?}"),
                    }
                )
            ),
            Err(error) => format!("{error:?}"),
        };
        outcomes.push(format!("{received}: {outcome}"));
    };
    for platform in ["ndp-001", "ndp-002"] {
        let platform = PlatformName::from_id(platform).unwrap();
        for id in ["p0", "p1", "p2", "p3", "p9"] {
            let name = PlanName::from_id(&platform, id).unwrap();
            let fields = PlanFields {
                display_name: "x".into(),
                ..Default::default()
            };
            let named = Some(name.clone());
            let platform = platform.clone();
            attempt(Box::new(CreatePlan {
                platform,
                name: named,
                fields: fields.clone(),
                source: None,
            }));
            attempt(Box::new(UpdatePlan {
                name: name.clone(),
                fields,
                mask: vec!["display_name".to_owned()],
                etag: None,
            }));
            attempt_below(&name, &mut attempt);
            for step in MOVES {
                for etag in etags() {
                    let name = name.clone();
                    attempt(Box::new(MovePlan {
                        name,
                        step,
                        document: None,
                        etag,
                    }));
                }
            }
        }
    }
    outcomes
}

/// Every command about what is below a plan.
fn attempt_below(plan: &PlanName, attempt: &mut impl FnMut(Box<dyn AnyCommand>)) {
    let fields = MilestoneFields {
        display_name: "x".into(),
        ..MilestoneFields::default()
    };
    for id in ["m0", "m9"] {
        let name = MilestoneName::from_id(plan, id).unwrap();
        attempt(Box::new(CreateMilestone {
            plan: plan.clone(),
            name: Some(name.clone()),
            fields: fields.clone(),
        }));
        attempt(Box::new(UpdateMilestone {
            name: name.clone(),
            fields: fields.clone(),
            mask: vec!["accountable_unit".to_owned()],
            etag: None,
        }));
        for etag in etags() {
            attempt(Box::new(CompleteMilestone {
                name: name.clone(),
                completion_date: None,
                evidence: Vec::new(),
                etag: etag.clone(),
            }));
            attempt(Box::new(DropMilestone {
                name: name.clone(),
                document: None,
                etag,
            }));
        }
    }
    for id in ["r0", "r9"] {
        attempt(Box::new(CreateReport {
            plan: plan.clone(),
            name: ReportName::from_id(plan, id),
            fields: ReportFields {
                period_end_date: Date::parse("2026-09-30").ok(),
                rating: Some(Rating::OnTrack),
                results: "x".into(),
                corrects: ReportName::from_id(plan, "r0"),
                ..ReportFields::default()
            },
        }));
    }
    for id in ["a0", "a9"] {
        attempt(Box::new(CreateAssessment {
            plan: plan.clone(),
            name: AssessmentName::from_id(plan, id),
            fields: AssessmentFields {
                rating: Some(Rating::OnTrack),
                rubric_version: "x".into(),
                ..AssessmentFields::default()
            },
        }));
    }
    for etag in etags() {
        attempt(Box::new(RebaselinePlan {
            rebaseline: Rebaseline {
                plan: plan.clone(),
                milestone_changes: vec![MilestoneChange::Drop {
                    milestone: MilestoneName::from_id(plan, "m0").unwrap(),
                }],
                fields: PlanFields::default(),
                mask: Vec::new(),
                document: Document::default(),
            },
            etag,
        }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// The registry answers a caller as one would that never held what the caller may not see.
    #[test]
    fn what_a_caller_does_not_see_makes_no_difference(
        plans in vec(any_plan(), 0..4),
        caller in any_caller(),
    ) {
        let whole = state(&plans);
        let shown = |image: Image| Some(visible(&whole, &caller, &image)?.image);
        let seen: Vec<_> = whole.images().filter_map(shown).collect();
        let seen = State::load(whole.revision(), whole.record_time(), seen);
        // once withheld, nothing more is withheld
        let again = seen.images().map(|image| Some(visible(&seen, &caller, &image)?.image));
        prop_assert_eq!(again.collect::<Vec<_>>(), seen.images().map(Some).collect::<Vec<_>>());
        for scope in [Scope::All, Scope::Default] {
            for agency in [None, AgencyName::from_id(AGENCY)] {
                let effort = Effort::unlimited();
                let of = |state: &State| {
                    let today = now().date_in_vietnam();
                    let agency = agency.as_ref();
                    let counted = state.count_scope(&scope, "", agency, today, &effort).unwrap();
                    state.summary(&caller, counted, &Tally::new(state, today, &effort))
                };
                prop_assert_eq!(of(&whole), of(&seen));
            }
        }
        for (whole, seen) in attempts(&whole, &caller).into_iter().zip(attempts(&seen, &caller)) {
            prop_assert_eq!(whole, seen);
        }
    }
}

// === changes, as callers of one viewpoint see them ===

/// The principals that may call, and that records may be about.
const PRINCIPALS: [&str; 3] = ["asker", "other", "writer"];

fn principal(number: usize) -> PrincipalName {
    PrincipalName::from_id(PRINCIPALS[number]).unwrap()
}

fn any_of_several_callers() -> impl Strategy<Value = Caller> {
    (any_caller(), 0..PRINCIPALS.len()).prop_map(|(mut caller, number)| {
        if let Caller::Known(known) = &mut caller {
            known.person.principal = principal(number);
            let key = ApiKeyName::from_id(&principal(number), "key").unwrap();
            known.credential = Credential::ApiKey(key);
        }
        caller
    })
}

/// Records of every kind, of either agency or of none, and of every principal.
fn images(plans: &[(usize, PlanState, Visibility, String, i64)]) -> Vec<Image> {
    let meta = Meta::created(now(), Revision::new(1).unwrap());
    let mut images: Vec<_> = state(plans).images().collect();
    images.retain(|image| !matches!(image, Image::Agency(it) if !AGENCIES.contains(&it.name.id())));
    let act = || Act {
        person: person(),
        record_time: now(),
        reason: "synthetic".into(),
    };
    for agency in AGENCIES.map(AgencyName::from_id).into_iter().chain([None]) {
        for number in 0..PRINCIPALS.len() {
            let fields = PrincipalFields {
                display_name: "synthetic".into(),
                kind: PrincipalKind::Person,
                agency: agency.clone(),
                roles: Vec::new(),
                grants: Vec::new(),
                identities: Vec::new(),
            };
            images.push(Image::Principal(
                Principal {
                    name: principal(number),
                    fields,
                    disabled: false,
                    meta,
                }
                .into(),
            ));
            images.push(Image::ApiKey(
                ApiKey {
                    name: ApiKeyName::from_id(&principal(number), "key").unwrap(),
                    fields: ApiKeyFields::default(),
                    revoke_time: None,
                    meta,
                }
                .into(),
            ));
        }
    }
    for platform in ["ndp-001", "ndp-002"].map(|id| PlatformName::from_id(id).unwrap()) {
        images.push(Image::Proposal(
            Proposal {
                name: ProposalName::from_id(&platform, "one").unwrap(),
                state: ProposalState::Pending,
                action: Action::Retirement(Box::new(Exit {
                    reason: "synthetic".into(),
                    outcome: ExitOutcome::Discontinued,
                    decision: None,
                    successor: None,
                    exit_date: None,
                })),
                changes: Vec::new(),
                requested: act(),
                decided: None,
                meta,
            }
            .into(),
        ));
    }
    images
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// What is sent of a change is made once for each viewpoint, and without what was before where
    /// that decides nothing: neither may show anyone more, or less.
    #[test]
    fn callers_of_one_sight_see_the_same_change(
        plans in vec(any_plan(), 1..6),
        touched in vec((any::<usize>(), any::<Option<usize>>()), 1..4),
        by in 0..PRINCIPALS.len(),
        acting in 0..=AGENCIES.len(),
        callers in vec(any_of_several_callers(), 12),
        resources in select(vec!["", "platforms/-", "platforms/-/plans/-", "principals/asker"]),
        of_agency in 0..=AGENCIES.len(),
    ) {
        let images = images(&plans);
        let image = |number: usize| images[number % images.len()].clone();
        let agency = |number: usize| AgencyName::from_id(AGENCIES.get(number)?);
        let change = Change {
            revision: Revision::new(1).unwrap(),
            record_time: now(),
            person: Person { principal: principal(by), actor: None },
            agency: agency(acting),
            method: "UpdatePlan".into(),
            request_id: None,
            reason: "synthetic".into(),
            effects: touched.iter().map(|(after, _)| Effect::Put(image(*after))).collect(),
            key_hashes: Vec::new(),
            redaction: None,
        };
        let before: Vec<_> = touched.iter().map(|(_, before)| before.map(image)).collect();
        let now = State::load(change.revision, Some(now()), images.clone());
        let wanted = Interest {
            resources: vec![resources.to_owned(); usize::from(!resources.is_empty())],
            agency: agency(of_agency),
        };
        let all = Interest::default();
        let parents = parents_of(&change).into_iter().map(|name| {
            images.iter().rev().find(|image| image.name() == name).cloned()
        });
        let ancestry = Ancestry::new(&change, parents);
        let past = Past { change: &change, before: &before, ancestry: &ancestry };
        let without = Past { before: &[], ..past };
        for one in &callers {
            let seen = see(&now, one, &all, &past);
            for other in &callers {
                let viewpoint = |of: &Caller| Viewpoint::of(&now, of, &past);
                if viewpoint(one) == viewpoint(other) {
                    prop_assert_eq!(&seen, &see(&now, other, &all, &past));
                }
            }
            if wanted.covers_change(&past) {
                prop_assert_eq!(&seen, &see(&now, one, &wanted, &past));
            }
            for interest in [&all, &wanted] {
                if needs_before(one, interest, &past) {
                    continue;
                }
                let mut seen = see(&now, one, interest, &past);
                for effect in seen.iter_mut().flat_map(|seen| &mut seen.effects) {
                    effect.before = None;
                }
                prop_assert_eq!(seen, see(&now, one, interest, &without));
            }
        }
    }
}
