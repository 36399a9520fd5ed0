//! Who sees the records below a plan: callers who see all of the plan, on every path. To everyone
//! else a milestone, a baseline, a report or an assessment is as if it were not there.

use ndp_core::{
    caller::Caller,
    names::{MilestoneName, PlanName, PlatformName},
    records::{
        milestones::{MILESTONES_MAX, MilestoneFields},
        plans::{PlanFields, PlanMove},
        principals::Role,
    },
    rules::{Command, Request, milestones::CreateMilestone, plans::CreatePlan},
};
use ndp_registry::pb::{
    self, change_service_client::ChangeServiceClient, watch_changes_response::Event,
};
use prost::Message;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::Code;

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, DECISION_DAY, OTHER_AGENCY, date, decision},
    raw::{Raw, learned},
    server::{As, Server},
};

/// Get and List of each kind, and its collection.
const KINDS: [(&str, &str, &str); 4] = [
    ("GetMilestone", "ListMilestones", "milestones"),
    ("GetBaseline", "ListBaselines", "baselines"),
    ("GetReport", "ListReports", "reports"),
    ("GetAssessment", "ListAssessments", "assessments"),
];

const ACROSS: &str = "platforms/-/plans/-";

async fn outsiders(server: &Server) -> Vec<(&'static str, Raw)> {
    let mut outsiders = vec![("anonymous", server.raw(As::default()))];
    let elsewhere = [Role::AgencyEditor, Role::AgencyApprover];
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

fn below(plan: &Value, collection: &str, id: &str) -> String {
    format!("{}/{collection}/{id}", plan["name"].as_str().unwrap())
}

async fn draft(cast: &Cast, platform: &str, id: &str, visibility: &str) -> Value {
    let plan = json!({
        "display_name": format!("Kế hoạch thử nghiệm {id}"),
        "visibilities": [{"visibility": visibility}],
        "reporting_cycles": [{"cutoff_day": 1}],
    });
    let parent = format!("platforms/{platform}");
    let request = json!({"parent": parent, "plan_id": id, "plan": plan});
    let plan = cast.editor.ok("CreatePlan", request).await;
    let milestone = json!({"display_name": "Mốc mật", "due": {"end": date([2027, 1, 1])}});
    let request = json!({"parent": plan["name"], "milestone_id": "x", "milestone": milestone});
    cast.editor.ok("CreateMilestone", request).await;
    plan
}

/// A plan in force with one record of each kind below it: `milestones/x`, `baselines/1`,
/// `reports/x`, `assessments/x`.
async fn issued(cast: &Cast, platform: &str, id: &str, visibility: &str) -> Value {
    let plan = draft(cast, platform, id, visibility).await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    let plan = cast.step(PlanMove::Issue, &plan).await.unwrap();
    let report = json!({
        "period_end_date": date([2026, 10, 1]), "rating": "RATING_ON_TRACK", "results": "Mật",
    });
    let request = json!({"parent": plan["name"], "report_id": "x", "report": report});
    cast.editor.ok("CreateReport", request).await;
    let assessment = json!({"rating": "RATING_AT_RISK", "rubric_version": "mật 1"});
    let request = json!({"parent": plan["name"], "assessment_id": "x", "assessment": assessment});
    cast.steward.ok("CreateAssessment", request).await;
    plan
}

/// How many of each kind a caller finds across all plans.
async fn found(caller: &Raw) -> [usize; 4] {
    let mut counts = [0; 4];
    for (count, (_, list, collection)) in counts.iter_mut().zip(KINDS) {
        let list = caller
            .ok(list, json!({"parent": ACROSS, "page_size": 1000}))
            .await;
        *count = list[collection].as_array().map_or(0, Vec::len);
    }
    counts
}

/// A request of every method that is about a record below this plan, with the current etag of its
/// milestone and with another one.
fn about(plan: &Value, current: &Value) -> Vec<(&'static str, Value)> {
    let mut about = Vec::new();
    for (get, _, collection) in KINDS {
        let id = if collection == "baselines" { "1" } else { "x" };
        about.push((get, json!({"name": below(plan, collection, id)})));
    }
    let name = below(plan, "milestones", "x");
    for etag in [current, &json!("x")] {
        about.push(("CompleteMilestone", json!({"name": name, "etag": etag})));
        about.push((
            "DropMilestone",
            json!({
                "name": name, "etag": etag, "reason": "thử", "document": decision(DECISION_DAY),
            }),
        ));
    }
    for (mask, milestone) in [
        ("displayName", json!({"name": name, "display_name": "Thử"})),
        (
            "due.start",
            json!({"name": name, "due": {"start": date([2028, 1, 1])}}),
        ),
    ] {
        about.push((
            "UpdateMilestone",
            json!({"milestone": milestone, "update_mask": mask}),
        ));
    }
    about
}

/// That a caller learns of this plan's records, which the steward sees, just what it would of a
/// plan's that never was.
async fn assert_unknown(who: &str, caller: &Raw, steward: &Raw, plan: &Value) {
    let milestone = json!({"name": below(plan, "milestones", "x")});
    let milestone = steward.ok("GetMilestone", milestone).await;
    let name = plan["name"].as_str().unwrap();
    let absent = "platforms/ndp-001/plans/nonesuch";
    for (method, request) in about(plan, &milestone["etag"]) {
        let text = request.to_string().replace(name, absent);
        let of_absent: Value = serde_json::from_str(&text).unwrap();
        let of_hidden = learned(&caller.err(method, request).await);
        let of_absent = learned(&caller.err(method, of_absent).await);
        assert_eq!(
            of_hidden.replace(name, absent),
            of_absent,
            "{who}: {method}"
        );
    }
}

both! {
    async fn below_a_hidden_plan_nothing_is_known(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let outsiders = outsiders(&server).await;
        let draft_of = draft(&cast, "ndp-001", "draft", "PUBLIC").await;
        let submitted = draft(&cast, "ndp-001", "submitted", "PUBLIC").await;
        cast.step(PlanMove::Submit, &submitted).await.unwrap();
        let withdrawn = draft(&cast, "ndp-001", "withdrawn", "PUBLIC").await;
        cast.step(PlanMove::Withdraw, &withdrawn).await.unwrap();
        for insider in [&cast.editor, &cast.approver, &cast.steward] {
            assert_eq!(found(insider).await, [3, 0, 0, 0]);
        }
        for (who, caller) in &outsiders {
            assert_eq!(found(caller).await, [0; 4], "{who}");
            for parent in [ACROSS, "platforms/ndp-001/plans/-"] {
                for filter in ["", "display_name = \"Mốc mật\"", "due.end > \"2026-01-01\""] {
                    let request = json!({"parent": parent, "filter": filter});
                    let list = caller.ok("ListMilestones", request).await;
                    assert_eq!(list, json!({}), "{who}");
                }
            }
            for plan in [&draft_of, &submitted, &withdrawn] {
                assert_unknown(who, caller, &cast.steward, plan).await;
                let absent = json!({"parent": "platforms/ndp-001/plans/nonesuch"});
                for (_, list, _) in KINDS {
                    let of_hidden = caller.err(list, json!({"parent": plan["name"]})).await;
                    let of_absent = caller.err(list, absent.clone()).await;
                    let name = plan["name"].as_str().unwrap();
                    assert_eq!(
                        learned(&of_hidden).replace(name, absent["parent"].as_str().unwrap()),
                        learned(&of_absent),
                        "{who}: {list}"
                    );
                }
            }
            let changes = caller.ok("ListChanges", json!({"filter": "revision > 1"})).await;
            assert!(!changes.to_string().contains("milestones"), "{who}: {changes}");
        }
        server.stop().await;
    }

    async fn below_a_restricted_plan_nothing_is_known(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast, "ndp-001", "mat", "RESTRICTED").await;
        for insider in [&cast.editor, &cast.approver, &cast.steward] {
            assert_eq!(found(insider).await, [1; 4]);
        }
        for (who, caller) in outsiders(&server).await {
            caller.ok("GetPlan", json!({"name": plan["name"]})).await;
            assert_eq!(found(&caller).await, [0; 4], "{who}");
            assert_unknown(who, &caller, &cast.steward, &plan).await;
            for (_, list, _) in KINDS {
                let list = caller.ok(list, json!({"parent": plan["name"]})).await;
                assert_eq!(list, json!({}), "{who}");
            }
            let changes = caller.ok("ListChanges", json!({"filter": "revision > 1"})).await;
            let changes = changes.to_string();
            for (_, _, collection) in KINDS {
                assert!(!changes.contains(collection), "{who}: {collection}");
            }
        }
        server.stop().await;
    }

    async fn a_plan_that_is_issued_restricted_or_opened_takes_its_records_along(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let anonymous = server.raw(As::default());
        let drafted = draft(&cast, "ndp-001", "plan", "PUBLIC").await;
        let hidden_at = server.registry.revision().get();
        server.clock.advance(3600);
        let plan = cast.step(PlanMove::Submit, &drafted).await.unwrap();
        let plan = cast.step(PlanMove::Issue, &plan).await.unwrap();
        assert_eq!(found(&anonymous).await, [1, 1, 0, 0]);
        // drafting began before the public may know of it, and what was hidden then stays so
        let get = json!({"name": below(&plan, "milestones", "x")});
        let of_agency = cast.editor.ok("GetMilestone", get.clone()).await;
        let mut of_all = anonymous.ok("GetMilestone", get.clone()).await;
        assert_eq!(of_all["create_time"], "2026-10-01T03:00:00Z");
        of_all["create_time"] = of_agency["create_time"].clone();
        // nor when it was written before: it appears as of the issue, which did not write it
        for field in ["revision", "update_time", "etag"] {
            assert_eq!(of_all[field], plan[field], "{field}");
            assert_ne!(of_all[field], of_agency[field], "{field}");
            of_all[field] = of_agency[field].clone();
        }
        assert_eq!(of_all, of_agency);
        assert_eq!(of_agency["create_time"], "2026-10-01T02:00:00Z");
        let mut past = get.clone();
        past["read_revision"] = json!(hidden_at);
        assert_eq!(anonymous.err("GetMilestone", past.clone()).await.code(), Code::NotFound);
        cast.editor.ok("GetMilestone", past).await;

        let seen = async |revision: &Value| {
            let change = json!({"name": format!("changes/{revision}")});
            let change = anonymous.ok("GetChange", change).await;
            let effects = change["effects"].as_array().unwrap().iter();
            let received = effects.map(|effect| {
                let name = effect["resource"].as_str().unwrap();
                format!("{} {}", name.rsplit('/').nth(1).unwrap(), effect["kind"].as_str().unwrap())
            });
            received.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(seen(&plan["revision"]).await, "plans PUT, baselines PUT");
        let show = async |visibility: &str| {
            let entries = json!({"visibilities": [{"visibility": visibility}]});
            let plan = cast.rebaselined(&plan, entries).await;
            (seen(&plan["revision"]).await, found(&anonymous).await)
        };
        // the records below it are not written, so the change names the plan alone
        assert_eq!(show("RESTRICTED").await, ("plans PUT".to_owned(), [0; 4]));
        assert_eq!(show("PUBLIC").await, ("plans PUT".to_owned(), [1, 1, 0, 0]));
        let report = server.store.verify().await.unwrap();
        assert_eq!(report.findings, []);
        server.stop().await;
    }

    async fn records_go_with_their_plan_to_another_agency(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let roles = [Role::AgencyEditor];
        let other = server.raw(server.person("other", &roles, Some(OTHER_AGENCY)).await);
        issued(&cast, "ndp-001", "mat", "RESTRICTED").await;
        let draft = draft(&cast, "ndp-001", "draft", "PUBLIC").await;
        assert_eq!((found(&cast.editor).await, found(&other).await), ([2, 1, 1, 1], [0; 4]));
        let platform = json!({
            "name": "platforms/ndp-001",
            "governance": [{"agency": format!("agencies/{OTHER_AGENCY}")}],
        });
        let moved = cast.steward.ok("UpdatePlatform", json!({"platform": platform})).await;
        assert_eq!((found(&cast.editor).await, found(&other).await), ([0; 4], [2, 1, 1, 1]));
        assert_unknown("the agency before", &cast.editor, &cast.steward, &draft).await;
        let list = json!({
            "parent": ACROSS, "filter": format!("agency = \"agencies/{OTHER_AGENCY}\""),
        });
        let list = other.ok("ListMilestones", list).await;
        assert_eq!(list["milestones"].as_array().unwrap().len(), 2);
        // the new agency may go on with what it now answers for
        let get = json!({"name": below(&draft, "milestones", "x")});
        let milestone = other.ok("GetMilestone", get).await;
        let update = json!({"name": milestone["name"], "etag": milestone["etag"], "weight": 2});
        other.ok("UpdateMilestone", json!({"milestone": update})).await;
        // to the agency before, what it saw is gone
        let change = json!({"name": format!("changes/{}", moved["revision"])});
        let change = cast.editor.ok("GetChange", change).await;
        let effects = change["effects"].as_array().unwrap().iter();
        let gone = effects.filter(|it| it["kind"] == "REMOVED");
        // the draft, and with it its milestone, which no change writes
        assert_eq!(gone.count(), 1);
        server.stop().await;
    }

    async fn a_transfer_is_one_small_change_however_much_is_below(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let roles = [Role::AgencyEditor];
        let newcomer = server.person("other", &roles, Some(OTHER_AGENCY)).await;
        let other = server.raw(newcomer.clone());
        let platform = PlatformName::from_id("ndp-001").unwrap();
        let plans = (0..60).map(|id| PlanName::from_id(&platform, &format!("p{id}")).unwrap());
        let plans: Vec<_> = plans.collect();
        submit_all(&server, plans.iter().map(|plan| CreatePlan {
            platform: platform.clone(),
            name: Some(plan.clone()),
            fields: PlanFields { display_name: "Thử".into(), ..Default::default() },
            source: None,
        }))
        .await;
        for plan in &plans {
            submit_all(&server, (0..MILESTONES_MAX).map(|id| CreateMilestone {
                plan: plan.clone(),
                name: MilestoneName::from_id(plan, &format!("m{id}")),
                fields: MilestoneFields {
                    display_name: "Mốc mật".into(),
                    required_result: "x".repeat(500),
                    ..Default::default()
                },
            }))
            .await;
        }
        assert_eq!(server.registry.read().state.milestones().len(), 60 * MILESTONES_MAX);
        let watch = pb::WatchChangesRequest {
            start: pb::watch_changes_request::Start::Now.into(),
            ..Default::default()
        };
        let mut watch = ChangeServiceClient::new(server.intercepted(newcomer))
            .watch_changes(watch)
            .await
            .unwrap()
            .into_inner();

        let moved = json!({"name": platform.as_str(),
            "governance": [{"agency": format!("agencies/{OTHER_AGENCY}")}]});
        let moved = cast.steward.ok("UpdatePlatform", json!({"platform": moved})).await;
        let received = loop {
            let message = watch.message().await.unwrap().unwrap();
            if let Some(Event::Change(change)) = &message.event {
                assert_eq!(change.name, format!("changes/{}", moved["revision"]));
                break message;
            }
        };
        assert!(received.encoded_len() < 64 * 1024, "{} bytes", received.encoded_len());
        let Some(Event::Change(change)) = received.event else { unreachable!() };
        let touched = change.effects.iter().map(|it| it.resource.as_str());
        assert!(touched.clone().all(|name| name.matches('/').count() <= 3), "{change:?}");
        assert_eq!(touched.count(), 1 + plans.len());

        // the agency after sees the drafts and goes on with them; to the one before they are gone
        let name = format!("{}/milestones/m199", plans[59]);
        let seen = other.ok("GetMilestone", json!({"name": name})).await;
        assert_eq!(seen["agency"], format!("agencies/{OTHER_AGENCY}"));
        let update = json!({"name": name, "etag": seen["etag"], "weight": 2});
        other.ok("UpdateMilestone", json!({"milestone": update})).await;
        assert_eq!(found(&cast.editor).await, [0; 4]);
        let get = cast.editor.err("GetMilestone", json!({"name": name})).await;
        assert_eq!(get.code(), Code::NotFound);
        let update = json!({"milestone": {"name": name, "weight": 3}});
        let update = cast.editor.err("UpdateMilestone", update).await;
        assert_eq!(update.code(), Code::NotFound);
        server.stop().await;
    }
}

/// Has commands written as the registry itself, all of them in as few groups as it makes.
async fn submit_all<C: Command>(server: &Server, commands: impl Iterator<Item = C>) {
    let mut submitted = JoinSet::new();
    for command in commands {
        let registry = server.registry.clone();
        let request = Request {
            command: Box::new(command),
            request_id: None,
            reason: String::new(),
        };
        let caller = Caller::System { actor: None };
        submitted.spawn(async move { registry.submit(caller, request).await.unwrap() });
    }
    submitted.join_all().await;
}
