//! A proposal shows its changes to the person who decides, and nothing else is carried out.

use ndp_core::records::plans::{PlanMove, PlanState};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{Cast, DECISION_DAY, date, decision},
    raw::POOL,
    server::{As, Server},
};

/// An ISSUED plan with one milestone, `a`, that has every field.
async fn issued(cast: &Cast) -> Value {
    let plan = json!({
        "display_name": "Kế hoạch thử nghiệm", "scope": "Toàn quốc (thử nghiệm)",
        "budget": {
            "amount": {"currency_code": "VND", "units": 5_000_000_000_i64},
            "source": "Ngân sách (thử nghiệm)",
        },
    });
    let request = json!({"parent": "platforms/ndp-001", "plan_id": "plan", "plan": plan});
    let plan = cast.editor.ok("CreatePlan", request).await;
    let milestone = json!({
        "display_name": "Mốc a", "required_result": "biên bản", "weight": 2,
        "due": {"end": date([2026, 12, 31]), "as_written": "Quý IV/2026"},
        "accountable_unit": "Phòng thử nghiệm",
    });
    let request = json!({"parent": plan["name"], "milestone_id": "a", "milestone": milestone});
    cast.editor.ok("CreateMilestone", request).await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    cast.step(PlanMove::Issue, &plan).await.unwrap()
}

fn milestone_of(plan: &Value) -> String {
    format!("{}/milestones/a", plan["name"].as_str().unwrap())
}

/// A rebaseline of the plan as it is now.
async fn proposed(cast: &Cast, plan: &Value, mut rebaseline: Value) -> Value {
    let plan = cast
        .editor
        .ok("GetPlan", json!({"name": plan["name"]}))
        .await;
    rebaseline["document"] = decision(DECISION_DAY);
    let request = json!({
        "name": plan["name"], "etag": plan["etag"], "reason": "thử nghiệm",
        "rebaseline": rebaseline,
    });
    cast.editor.ok("RebaselinePlan", request).await["proposal"].clone()
}

/// An update of the milestone with these values and paths.
fn update(plan: &Value, mut milestone: Value, mask: &str) -> Value {
    milestone["name"] = json!(milestone_of(plan));
    json!({"milestone_changes": [
        {"kind": "UPDATE", "milestone": milestone, "update_mask": mask},
    ]})
}

fn decided(proposal: &Value) -> Value {
    json!({"name": proposal["name"], "etag": proposal["etag"], "reason": "đồng ý"})
}

/// Whether a path leads to a field of the record in the contract.
fn is_in_contract(resource: &str, path: &str) -> bool {
    let kind = match resource.rsplit('/').nth(1).unwrap() {
        "platforms" => "Platform",
        "plans" => "Plan",
        _ => "Milestone",
    };
    let mut message = POOL.get_message_by_name(&format!("ndp.registry.v1.{kind}"));
    path.split('.').all(|name| {
        let name = name.split('[').next().unwrap();
        let within = message.take();
        let field = within.and_then(|message| message.get_field_by_name(name));
        message = field
            .as_ref()
            .and_then(|field| field.kind().as_message().cloned());
        field.is_some()
    })
}

/// The values that a proposal shows, one line each.
fn shown(proposal: &Value) -> String {
    let changes = proposal["changes"].as_array().cloned().unwrap_or_default();
    let lines = changes.iter().map(|change| {
        let text = |field: &str| change[field].as_str().unwrap_or_default().to_owned();
        let resource = text("resource");
        assert!(is_in_contract(&resource, &text("path")), "{change}");
        let resource = resource
            .rsplit_once("platforms/ndp-001")
            .unwrap()
            .1
            .to_owned();
        let value = |field: &str| match text(field) {
            value if value.is_empty() => "-".to_owned(),
            value => value,
        };
        format!(
            "{resource} {}: {} -> {}",
            text("path"),
            value("old_value"),
            value("new_value")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

both! {
    async fn an_update_writes_what_it_names_and_shows_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast).await;
        let get = json!({"name": milestone_of(&plan)});
        let before = cast.editor.ok("GetMilestone", get.clone()).await;
        let title = json!({"display_name": "Mốc a, sửa"});
        for (mask, milestone, lines) in [
            // no mask: what is set, and nothing else
            ("", title.clone(), "display_name: Mốc a -> Mốc a, sửa"),
            ("displayName", title, "display_name: Mốc a -> Mốc a, sửa"),
            (
                "due.end", json!({"due": {"end": date([2027, 3, 31])}, "weight": 9}),
                "due.end: 2026-12-31 -> 2027-03-31",
            ),
            (
                "due,weight", json!({}),
                "due.as_written: Quý IV/2026 -> -\ndue.end: 2026-12-31 -> -\nweight: 2 -> -",
            ),
            (
                "*", json!({"display_name": "Mốc a", "due": {"end": date([2026, 12, 31])}}),
                "accountable_unit: Phòng thử nghiệm -> -\ndue.as_written: Quý IV/2026 -> -\n\
                 required_result: biên bản -> -\nweight: 2 -> -",
            ),
        ] {
            let proposal = proposed(&cast, &plan, update(&plan, milestone, mask)).await;
            let lines = lines.split('\n');
            let lines: Vec<_> = lines.map(|it| format!("/plans/plan/milestones/a {it}")).collect();
            assert_eq!(shown(&proposal), lines.join("\n"), "{mask:?}");
            cast.approver.ok("RejectProposal", decided(&proposal)).await;
        }
        // what was approved is what was shown: the due date and the rest stay
        let title = json!({"display_name": "Mốc a, sửa"});
        let proposal = proposed(&cast, &plan, update(&plan, title, "")).await;
        let read = cast.approver.ok("GetProposal", json!({"name": proposal["name"]})).await;
        assert_eq!(read, proposal);
        let approved = cast.approver.ok("ApproveProposal", decided(&proposal)).await;
        assert_eq!(approved["changes"], proposal["changes"]);
        let after = cast.editor.ok("GetMilestone", get).await;
        assert_eq!(after["display_name"], "Mốc a, sửa");
        for field in ["due", "required_result", "weight", "accountable_unit", "standing"] {
            assert_eq!(after[field], before[field], "{field}");
        }
        server.stop().await;
    }

    async fn a_plan_itself_changes_by_paths_and_by_two_people(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anonymous = server.raw(As::default());
        let plan = issued(&cast).await;
        let baselines = json!({"parent": plan["name"]});
        let first = anonymous.ok("ListBaselines", baselines.clone()).await;
        // an update by one person is refused with the name of the right method
        for field in ["reporting_cycles", "visibilities", "display_name", "objectives", "budget"] {
            let value = match field {
                "reporting_cycles" => json!([{"interval": "QUARTERLY"}]),
                "visibilities" => json!([{"visibility": "RESTRICTED"}]),
                "budget" => json!({"price_year": 2026}),
                _ => json!("khác"),
            };
            let mut changed = json!({"name": plan["name"]});
            changed[field] = value.clone();
            let status = cast.editor.err("UpdatePlan", json!({"plan": changed})).await;
            let way = format!("propose it with RebaselinePlan, in `rebaseline.{field}`");
            assert!(status.message().contains(&way), "{}", status.message());
            let proposal = proposed(&cast, &plan, json!({field: value})).await;
            cast.approver.ok("RejectProposal", decided(&proposal)).await;
        }
        let rebaseline = json!({
            "display_name": "Kế hoạch thử nghiệm, sửa",
            "budget": {"amount": {"currency_code": "VND", "units": 6_000_000_000_i64}},
            "visibilities": [{"visibility": "RESTRICTED", "start_date": date(DECISION_DAY)}],
            "reporting_cycles": [{"interval": "QUARTERLY"}],
            "update_mask": "displayName,scope,budget.amount,visibilities,reportingCycles",
        });
        let proposal = proposed(&cast, &plan, rebaseline).await;
        insta::allow_duplicates! {
            let lines = shown(&proposal);
            let lines = lines.lines().filter(|line| !line.contains(".document."));
            insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
            /plans/plan budget.amount.units: 5000000000 -> 6000000000
            /plans/plan display_name: Kế hoạch thử nghiệm -> Kế hoạch thử nghiệm, sửa
            /plans/plan reporting_cycles[0].interval: - -> QUARTERLY
            /plans/plan scope: Toàn quốc (thử nghiệm) -> -
            /plans/plan visibilities[0].start_date: - -> 2026-09-30
            /plans/plan visibilities[0].visibility: - -> RESTRICTED
            ");
        }
        let read = json!({"name": plan["name"]});
        assert_eq!(anonymous.ok("GetPlan", read.clone()).await["visibility"], "PUBLIC");
        cast.approver.ok("ApproveProposal", decided(&proposal)).await;
        let now = anonymous.ok("GetPlan", read.clone()).await;
        assert_eq!((&now["visibility"], &now["redacted"]), (&json!("RESTRICTED"), &json!(true)));
        let whole = cast.editor.ok("GetPlan", read).await;
        assert_eq!(whole["scope"], Value::Null);
        assert_eq!(whole["budget"]["source"], "Ngân sách (thử nghiệm)");
        assert_eq!(whole["budget"]["amount"]["units"], 6_000_000_000_i64);
        assert_eq!(whole["visibilities"][0]["document"], decision(DECISION_DAY));
        // the budget is promised, so there is a further baseline
        let whole = cast.editor.ok("ListBaselines", baselines.clone()).await;
        assert_eq!(whole["baselines"].as_array().unwrap().len(), 2);
        // who sees it is not: no further one
        let show = json!({"visibilities": [{"visibility": "PUBLIC"}]});
        cast.rebaselined(&plan, show).await;
        let public = anonymous.ok("ListBaselines", baselines).await;
        let promised = |list: &Value| list["baselines"][0]["milestones"].clone();
        assert_eq!(promised(&public), promised(&first));
        assert_eq!(public["baselines"].as_array().unwrap().len(), 2);
        server.stop().await;
    }

    async fn what_would_do_something_else_than_it_shows_is_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast).await;
        let unit = json!({"accountable_unit": "Phòng khác"});
        let proposal = proposed(&cast, &plan, update(&plan, unit.clone(), "")).await;
        // an editor may change the unit alone meanwhile
        let mut other = json!({"name": milestone_of(&plan)});
        other["accountable_unit"] = json!("Phòng thứ ba");
        cast.editor.ok("UpdateMilestone", json!({"milestone": other})).await;
        assert_eq!(
            cast.approver.refusal("ApproveProposal", decided(&proposal)).await,
            "FailedPrecondition PROPOSAL_OUTDATED"
        );
        cast.approver.ok("RejectProposal", decided(&proposal)).await;
        let again = proposed(&cast, &plan, update(&plan, unit, "")).await;
        assert!(shown(&again).ends_with(": Phòng thứ ba -> Phòng khác"));
        cast.approver.ok("ApproveProposal", decided(&again)).await;
        server.stop().await;
    }

    async fn a_retirement_shows_what_leaves_and_what_moves(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let second = server.person("second", &[ndp_core::records::principals::Role::Steward], None);
        let second = server.raw(second.await);
        let new = json!({
            "display_name": "Nền tảng thử nghiệm", "verification": "VERIFIED",
            "sources": [{"note": "thử"}],
        });
        let new = json!({"platform_id": "ndp-001-moi", "platform": new});
        cast.steward.ok("CreatePlatform", new).await;
        let old = cast.steward.ok("GetPlatform", json!({"name": "platforms/ndp-001"})).await;
        let retire = json!({
            "name": old["name"], "etag": old["etag"], "exit": {
                "reason": "trùng (thử nghiệm)", "outcome": "DUPLICATE",
                "decision": decision(DECISION_DAY), "successor": "platforms/ndp-001-moi",
            },
        });
        let proposal = cast.steward.ok("RetirePlatform", retire).await["proposal"].clone();
        let lines = shown(&proposal);
        let lines = lines.lines().filter(|it| !it.contains("sources") && !it.contains("decision"));
        let lines: Vec<_> = lines.collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            -moi listings[0].display_name: - -> Nền tảng định danh và xác thực điện tử
            -moi listings[0].edition: - -> editions/2618-qd-bkhcn
            -moi listings[0].membership: - -> REPORTED
             exit.exit_date: - -> 2026-09-30
             exit.outcome: - -> DUPLICATE
             exit.reason: - -> trùng (thử nghiệm)
             exit.successor: - -> platforms/ndp-001-moi
             listings[0].display_name: Nền tảng định danh và xác thực điện tử -> -
             listings[0].edition: editions/2618-qd-bkhcn -> -
             listings[0].membership: REPORTED -> -
            ");
        }
        let approved = second.ok("ApproveProposal", decided(&proposal)).await;
        assert_eq!(approved["changes"], proposal["changes"]);
        server.stop().await;
    }

    async fn a_step_that_freezes_needs_the_milestones_that_were_read(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let draft = cast.draft("ndp-001", "etag").await;
        let name = json!({"name": draft["name"]});
        let read = async || cast.editor.ok("GetPlan", name.clone()).await;
        let step = |plan: &Value| json!({"name": plan["name"], "etag": plan["etag"]});
        assert_eq!(read().await, draft);
        let milestone = json!({"display_name": "Mốc a"});
        let request = json!({"parent": draft["name"], "milestone_id": "a", "milestone": milestone});
        let milestone = cast.editor.ok("CreateMilestone", request).await;
        // a colleague's milestone is not frozen unread; a title does not conflict with it
        let stale = "Aborted ETAG_NOT_CURRENT";
        assert_eq!(cast.editor.refusal("SubmitPlan", step(&draft)).await, stale);
        assert_eq!(cast.editor.refusal("WithdrawPlan", step(&draft)).await, stale);
        let title = json!({
            "name": draft["name"], "etag": draft["etag"], "display_name": "Tên khác",
        });
        let titled = cast.editor.ok("UpdatePlan", json!({"plan": title})).await;
        assert_eq!(titled["etag"], read().await["etag"], "what was answered is current");
        let basic = json!({"parent": "platforms/ndp-001"});
        let unit = json!({"name": milestone["name"], "accountable_unit": "Phòng khác"});
        cast.editor.ok("UpdateMilestone", json!({"milestone": unit})).await;
        assert_eq!(cast.editor.refusal("SubmitPlan", step(&titled)).await, stale);
        let current = read().await;
        let listed = cast.editor.ok("ListPlans", basic).await;
        assert_eq!(listed["plans"][0]["etag"], current["etag"], "in every view");
        let submitted = cast.editor.ok("SubmitPlan", step(&current)).await;
        let issued = cast.step(PlanMove::Issue, &submitted).await.unwrap();
        // a completion is not frozen unread either
        let done = json!({"name": milestone["name"]});
        let done = cast.editor.ok("GetMilestone", done).await;
        cast.editor.ok("CompleteMilestone", step(&done)).await;
        assert_eq!(cast.approver.refusal("CompletePlan", step(&issued)).await, stale);
        cast.approver.ok("CompletePlan", step(&read().await)).await;
        assert_eq!(read().await["state"], PlanState::Completed.as_str());
        server.stop().await;
    }
}
