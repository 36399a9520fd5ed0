//! People's paths: a body takes over from another, a unit writes for the agency above it, a deputy
//! stands in for a time, the last administrator stays, and a principal leaves.

use ndp_core::records::{plans::PlanMove, principals::Role};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, DECISION_DAY, OTHER_AGENCY, date, decision, move_request},
    raw::{Raw, violations},
    server::{As, Server},
};

const DENIED: &str = "PermissionDenied PERMISSION_DENIED";
const UNSEEN: &str = "NotFound RESOURCE_NOT_FOUND";
const OLD: &str = "agencies/bo-cong-an";
const NEW: &str = "agencies/bo-y-te";
/// Seconds of a day.
const DAY: i64 = 86_400;

fn get(name: &Value) -> Value {
    json!({"name": name})
}

fn scope(plan: &Value, text: &str) -> Value {
    json!({"plan": {"name": plan["name"], "scope": text}, "update_mask": "scope"})
}

async fn succession(caller: &Raw, successor: &str) -> Value {
    let agency = caller.ok("GetAgency", json!({"name": OLD})).await;
    json!({
        "name": OLD, "etag": agency["etag"], "reason": "hợp nhất (thử nghiệm)",
        "succession": {
            "successor": successor, "start_date": date(DECISION_DAY),
            "document": decision(DECISION_DAY),
        },
    })
}

/// How many platforms an agency governs on a day, as everyone counts them.
async fn held(caller: &Raw, agency: &str, day: [i32; 3]) -> i64 {
    let request = json!({"agency": agency, "effective_date": date(day)});
    let summary = caller.ok("ComputeSummary", request).await;
    summary["held_platform_count"].as_i64().unwrap_or_default()
}

/// A unit below the agency of the cast.
async fn unit(cast: &Cast, id: &str) -> String {
    let request = json!({
        "agency_id": id,
        "agency": {"display_name": "Đơn vị thử", "kind": "OTHER", "parent_agency": OLD},
    });
    let unit = cast.steward.ok("CreateAgency", request).await;
    unit["name"].as_str().unwrap().to_owned()
}

/// The platform with these delegations, as a request.
fn delegated(platform: &str, delegations: Value) -> Value {
    let platform = json!({"name": format!("platforms/{platform}"), "delegations": delegations});
    json!({"platform": platform, "update_mask": "delegations", "reason": "giao việc"})
}

both! {
    async fn a_successor_has_the_platforms_the_plans_and_the_rights(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let someone = async |id: &str, role| {
            server.raw(server.person(id, &[role], Some(OTHER_AGENCY)).await)
        };
        let editor = someone("new-editor", Role::AgencyEditor).await;
        let approver = someone("new-approver", Role::AgencyApprover).await;
        let keeper = someone("new-keeper", Role::AgencyAdmin).await;
        let own = json!({"name": "platforms/ndp-050", "governance": [{"agency": NEW}]});
        let own = json!({"platform": own, "update_mask": "governance"});
        cast.steward.ok("UpdatePlatform", own).await;
        let draft = cast.draft("ndp-001", "draft").await;
        let (draft, anyone) = (&draft, server.raw(As::default()));
        assert_eq!(editor.refusal("GetPlan", get(&draft["name"])).await, UNSEEN);
        let (before, today) = ([2026, 9, 29], [2026, 10, 1]);
        let had = held(&anyone, OLD, today).await;
        let others = held(&anyone, NEW, today).await;
        assert_eq!((had, held(&anyone, OLD, before).await), (13, 13));

        // an invalid value is reported with its field
        let right = succession(&cast.steward, NEW).await;
        let wrong = |change: &dyn Fn(&mut Value)| {
            let mut request = right.clone();
            change(&mut request);
            request
        };
        for (request, received) in [
            (
                wrong(&|it| it["succession"]["start_date"] = date([2026, 10, 2])),
                "succession.start_date OUT_OF_RANGE",
            ),
            (
                wrong(&|it| it["succession"]["start_date"] = Value::Null),
                "succession.start_date REQUIRED",
            ),
            (
                wrong(&|it| it["succession"]["successor"] = json!(OLD)),
                "succession.successor NOT_ALLOWED",
            ),
            (
                wrong(&|it| it["succession"]["successor"] = json!("agencies/nonesuch")),
                "succession.successor REFERENCE_NOT_FOUND",
            ),
            (
                wrong(&|it| it["succession"]["scope"] = json!("một phần")),
                "platforms REQUIRED",
            ),
            (
                wrong(&|it| it["platforms"] = json!(["platforms/ndp-001", "platforms/ndp-050"])),
                "platforms[1] NOT_ALLOWED",
            ),
        ] {
            let status = cast.steward.err("SucceedAgency", request).await;
            assert_eq!(violations(&status), received);
        }
        for caller in [&editor, &keeper, &cast.approver] {
            assert_eq!(caller.refusal("SucceedAgency", right.clone()).await, DENIED);
        }

        // one change moves everything
        let revision = server.registry.revision();
        let known = cast.editor.ok("GetPlan", get(&draft["name"])).await;
        let mut checked = right.clone();
        checked["validate_only"] = json!(true);
        cast.steward.ok("SucceedAgency", checked).await;
        assert_eq!(server.registry.revision(), revision);
        let agency = cast.steward.ok("SucceedAgency", right.clone()).await;
        assert_eq!(server.registry.revision(), revision.next());
        assert_eq!(agency["successions"][0]["successor"], NEW);
        assert_eq!(held(&anyone, OLD, today).await, 0);
        assert_eq!(held(&anyone, NEW, today).await, had + others);
        // a past date answers as before
        assert_eq!(held(&anyone, OLD, before).await, had);
        let platform = anyone.ok("GetPlatform", json!({"name": "platforms/ndp-001"})).await;
        assert_eq!(platform["governing_agency"], NEW);
        assert_eq!(platform["governance"][0]["agency"], OLD);
        assert_eq!(platform["governance"][1]["start_date"], date(DECISION_DAY));

        // its principals act on the plans, and read their history
        let plan = editor.ok("GetPlan", get(&draft["name"])).await;
        assert_eq!(plan["agency"], NEW);
        let past = json!({"name": draft["name"], "read_revision": revision.to_string()});
        assert_eq!(editor.ok("GetPlan", past).await["agency"], OLD);
        editor.ok("UpdatePlan", scope(draft, "Phạm vi mới")).await;
        let plan = editor.ok("GetPlan", get(&draft["name"])).await;
        // those of the old body read what it had, and write nothing
        assert_eq!(cast.editor.ok("GetPlan", get(&draft["name"])).await, plan);
        let listed = cast.editor.ok("ListPlans", json!({"parent": "platforms/ndp-001"})).await;
        assert_eq!(listed["plans"][0]["name"], draft["name"]);
        let refused = cast.editor.err("UpdatePlan", scope(draft, "Phạm vi cũ")).await;
        assert!(refused.message().contains(NEW), "{refused}");
        let create = json!({"parent": "platforms/ndp-001", "plan": {"display_name": "Thử"}});
        assert_eq!(cast.editor.refusal("CreatePlan", create.clone()).await, DENIED);
        let own = editor.ok("CreatePlan", json!({
            "parent": "platforms/ndp-050", "plan": {"display_name": "Thử"},
        })).await;
        assert_eq!(cast.editor.refusal("GetPlan", get(&own["name"])).await, UNSEEN);
        let plan = editor.ok("SubmitPlan", move_request(PlanMove::Submit, &plan)).await;
        let issue = move_request(PlanMove::Issue, &plan);
        assert_eq!(cast.approver.refusal("IssuePlan", issue.clone()).await, DENIED);
        approver.ok("IssuePlan", issue).await;
        assert_ne!(known["agency"], plan["agency"]);

        // the successor's administrator takes the old body's principals over
        let name = json!("principals/cast-editor");
        let it = keeper.ok("GetPrincipal", get(&name)).await;
        let moved = json!({"name": name, "agency": NEW, "etag": it["etag"]});
        let moved = json!({"principal": moved, "update_mask": "agency"});
        keeper.ok("UpdatePrincipal", moved).await;
        cast.editor.ok("CreatePlan", create).await;

        // no other body takes the same body over, and cycles are refused
        let again = succession(&cast.steward, "agencies/bo-tai-chinh").await;
        let refusal = cast.steward.refusal("SucceedAgency", again).await;
        assert_eq!(refusal, "FailedPrecondition AGENCY_SUCCEEDED");
        let mut back = succession(&cast.steward, OLD).await;
        let other = cast.steward.ok("GetAgency", json!({"name": NEW})).await;
        (back["name"], back["etag"]) = (json!(NEW), other["etag"].clone());
        let status = cast.steward.err("SucceedAgency", back).await;
        assert_eq!(violations(&status), "succession.successor NOT_ALLOWED");

        // the steward takes back a wrong entry
        let agency = json!({"agency": {"name": OLD}, "update_mask": "successions"});
        cast.steward.ok("UpdateAgency", agency).await;
        let platform = json!({"name": "platforms/ndp-001", "governance": [{"agency": OLD}]});
        let platform = json!({"platform": platform, "update_mask": "governance"});
        cast.steward.ok("UpdatePlatform", platform).await;
        let plan = cast.approver.ok("GetPlan", get(&draft["name"])).await;
        cast.approver.ok("CompletePlan", move_request(PlanMove::Complete, &plan)).await;
        let refusal = keeper.refusal("GetPrincipal", json!({"name": "principals/cast-approver"}));
        assert_eq!(refusal.await, UNSEEN);
        server.stop().await;
    }

    async fn a_succession_moves_platforms_in_portions(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let mut request = succession(&cast.steward, NEW).await;
        request["platforms"] = json!(["platforms/ndp-001"]);
        cast.steward.ok("SucceedAgency", request.clone()).await;
        let refusal = cast.steward.refusal("SucceedAgency", request.clone()).await;
        assert_eq!(refusal, "Aborted ETAG_NOT_CURRENT");
        let governing = async |id: &str| {
            let platform = json!({"name": format!("platforms/{id}")});
            cast.steward.ok("GetPlatform", platform).await["governing_agency"].clone()
        };
        assert_eq!(governing("ndp-001").await, NEW);
        assert_eq!(governing("ndp-002").await, OLD);
        // the rights are those of the whole body already
        let editor = server.person("new-editor", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        let create = json!({"parent": "platforms/ndp-002", "plan": {"display_name": "Thử"}});
        server.raw(editor).ok("CreatePlan", create.clone()).await;
        assert_eq!(cast.editor.refusal("CreatePlan", create).await, DENIED);
        let agency = cast.steward.ok("GetAgency", json!({"name": OLD})).await;
        request["etag"] = agency["etag"].clone();
        request["platforms"] = json!([]);
        let agency = cast.steward.ok("SucceedAgency", request).await;
        assert_eq!(agency["successions"].as_array().unwrap().len(), 1);
        assert_eq!(governing("ndp-002").await, NEW);

        // a transfer of some tasks gives no rights except those over its platforms
        let other = cast.steward.ok("GetAgency", json!({"name": NEW})).await;
        let part = json!({
            "name": NEW, "etag": other["etag"], "platforms": ["platforms/ndp-003"],
            "succession": {
                "successor": "agencies/bo-tai-chinh", "start_date": date([2026, 10, 1]),
                "document": decision([2026, 10, 1]), "scope": "Nền tảng thử",
            },
        });
        cast.steward.ok("SucceedAgency", part).await;
        assert_eq!(governing("ndp-003").await, "agencies/bo-tai-chinh");
        assert_eq!(governing("ndp-002").await, NEW);
        server.stop().await;
    }

    async fn a_succession_that_does_not_fit_is_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let refused = async || {
            let request = succession(&cast.steward, NEW).await;
            cast.steward.refusal("SucceedAgency", request).await
        };
        let governed = async |entries: Vec<Value>| {
            let platform = json!({"name": "platforms/ndp-001", "governance": entries});
            let request = json!({"platform": platform, "update_mask": "governance"});
            cast.steward.ok("UpdatePlatform", request).await;
        };
        let entry = |number: i32| {
            let (month, day) = (1 + number / 28, 1 + number % 28);
            json!({"agency": OLD, "start_date": date([2026, month, day])})
        };
        governed((0..50).map(entry).collect()).await;
        assert_eq!(refused().await, "FailedPrecondition GOVERNANCE_FULL");
        governed(vec![json!({"agency": OLD, "start_date": date(DECISION_DAY)})]).await;
        assert_eq!(refused().await, "FailedPrecondition GOVERNED_SINCE");
        governed(vec![json!({"agency": OLD})]).await;

        // more platforms than one call moves
        for number in 0..88 {
            let create = json!({"platform": {
                "display_name": format!("Nền tảng thử nghiệm số {number} (synthetic)"),
                "verification": "VERIFIED", "sources": [{"note": "thử nghiệm"}],
                "governance": [{"agency": OLD}],
            }});
            cast.steward.ok("CreatePlatform", create).await;
        }
        assert_eq!(refused().await, "FailedPrecondition TOO_MANY_TO_MOVE");
        let mut part = succession(&cast.steward, NEW).await;
        part["platforms"] = json!(["platforms/ndp-001"]);
        part["validate_only"] = json!(true);
        cast.steward.ok("SucceedAgency", part).await;

        // as many successions, each of a part, as a record holds
        let parts: Vec<_> = (0..20)
            .map(|number| json!({"successor": NEW, "scope": format!("phần {number}")}))
            .collect();
        let agency = json!({"agency": {"name": OLD, "successions": parts}});
        cast.steward.ok("UpdateAgency", agency).await;
        assert_eq!(refused().await, "FailedPrecondition AGENCY_HISTORY_FULL");
        server.stop().await;
    }

    async fn a_unit_writes_what_is_delegated_to_it_and_no_more(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let keeper = server.person("keeper", &[Role::AgencyAdmin], Some(AGENCY)).await;
        let keeper = server.raw(keeper);
        let foreign = server.person("foreign", &[Role::AgencyAdmin], Some(OTHER_AGENCY)).await;
        let foreign = server.raw(foreign);
        let unit = unit(&cast, "cuc-thu").await;

        // the administrator of the agency makes and limits the unit's principals
        let principal = |agency: &str, roles: &[&str]| json!({
            "principal": {"kind": "PERSON", "agency": agency, "roles": roles},
        });
        let editing = principal(&unit, &["ROLE_AGENCY_EDITOR"]);
        assert_eq!(foreign.refusal("CreatePrincipal", editing.clone()).await, DENIED);
        let steward = principal(&unit, &["ROLE_STEWARD"]);
        assert_eq!(keeper.refusal("CreatePrincipal", steward).await, DENIED);
        let made = keeper.ok("CreatePrincipal", editing).await;
        assert_eq!(foreign.refusal("GetPrincipal", get(&made["name"])).await, UNSEEN);
        let of_unit = json!({"filter": "agency = \"agencies/cuc-thu\""});
        let listed = keeper.ok("ListPrincipals", of_unit).await;
        assert_eq!(listed["principals"][0]["name"], made["name"]);
        let key = json!({"parent": made["name"], "api_key": {}});
        let key = keeper.ok("CreateApiKey", key).await;
        let editor = server.raw(As::key(key["secret"].as_str().unwrap()));
        let approver = server.person("unit-approver", &[Role::AgencyApprover], Some("cuc-thu"));
        let approver = server.raw(approver.await);

        // nothing is delegated yet
        let draft = cast.draft("ndp-001", "draft").await;
        let create = |platform: &str| json!({
            "parent": format!("platforms/{platform}"), "plan": {"display_name": "Thử"},
        });
        assert_eq!(editor.refusal("GetPlan", get(&draft["name"])).await, UNSEEN);
        assert_eq!(editor.refusal("CreatePlan", create("ndp-001")).await, DENIED);

        // who may delegate, and to whom
        let entry = json!({
            "unit": unit, "start_date": date([2026, 10, 1]), "end_date": date([2026, 10, 2]),
        });
        let request = delegated("ndp-001", json!([entry]));
        for caller in [&cast.editor, &cast.steward, &foreign, &editor] {
            assert_eq!(caller.refusal("UpdatePlatform", request.clone()).await, DENIED);
        }
        let mut more = request.clone();
        more["platform"]["operating_unit"] = json!("Đơn vị thử");
        more["update_mask"] = json!("delegations,operatingUnit");
        assert_eq!(cast.approver.refusal("UpdatePlatform", more).await, DENIED);
        for (wrong, received) in [
            (
                json!({"unit": NEW, "start_date": date([2026, 10, 1])}),
                "platform.delegations[0].unit NOT_ALLOWED",
            ),
            (
                json!({"unit": "agencies/nonesuch", "start_date": date([2026, 10, 1])}),
                "platform.delegations[0].unit REFERENCE_NOT_FOUND",
            ),
            (json!({"unit": unit}), "platform.delegations[0].start_date REQUIRED"),
            (
                json!({
                    "unit": unit, "start_date": date([2026, 10, 2]),
                    "end_date": date([2026, 10, 1]),
                }),
                "platform.delegations[0].end_date OUT_OF_RANGE",
            ),
        ] {
            let request = delegated("ndp-001", json!([wrong]));
            let status = keeper.err("UpdatePlatform", request).await;
            assert_eq!(violations(&status), received);
        }
        cast.approver.ok("UpdatePlatform", request).await;

        // the unit sees and writes the plans of this platform, and of no other
        let plan = editor.ok("GetPlan", get(&draft["name"])).await;
        assert_eq!(plan, cast.editor.ok("GetPlan", get(&draft["name"])).await);
        let listed = editor.ok("ListPlans", json!({"parent": "platforms/-"})).await;
        assert_eq!(listed["plans"][0]["name"], draft["name"]);
        let plan = editor.ok("CreatePlan", create("ndp-001")).await;
        assert_eq!(plan["agency"], OLD);
        assert_eq!(editor.refusal("CreatePlan", create("ndp-002")).await, DENIED);
        let milestone = json!({"parent": plan["name"], "milestone": {"display_name": "Mốc thử"}});
        let milestone = editor.ok("CreateMilestone", milestone).await;
        approver.ok("GetMilestone", get(&milestone["name"])).await;
        let filter = json!({"filter": "method = \"CreateMilestone\""});
        let changes = async |caller: &Raw| {
            let list = caller.ok("ListChanges", filter.clone()).await;
            list["changes"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(changes(&editor).await, 1);
        assert_eq!(changes(&cast.editor).await, 1);
        assert_eq!(changes(&foreign).await, 0);
        let plan = editor.ok("GetPlan", get(&plan["name"])).await;
        let plan = editor.ok("SubmitPlan", move_request(PlanMove::Submit, &plan)).await;

        // approving stays with the agency, unless it delegates that too
        let issue = move_request(PlanMove::Issue, &plan);
        assert_eq!(approver.refusal("IssuePlan", issue.clone()).await, DENIED);
        assert_eq!(editor.refusal("IssuePlan", issue.clone()).await, DENIED);
        let mut entry = entry;
        entry["includes_approval"] = json!(true);
        keeper.ok("UpdatePlatform", delegated("ndp-001", json!([entry]))).await;
        let plan = approver.ok("IssuePlan", issue).await;
        let mut complete = move_request(PlanMove::Complete, &plan);
        complete["validate_only"] = json!(true);
        approver.ok("CompletePlan", complete.clone()).await;

        // from the day after the last, it has no effect
        server.clock.advance(2 * DAY);
        assert_eq!(editor.refusal("GetPlan", get(&draft["name"])).await, UNSEEN);
        assert_eq!(editor.refusal("CreatePlan", create("ndp-001")).await, DENIED);
        assert_eq!(approver.refusal("CompletePlan", complete).await, DENIED);
        assert_eq!(changes(&editor).await, 0);
        server.stop().await;
    }

    async fn a_delegation_follows_the_successor_and_not_a_transfer(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let unit = unit(&cast, "cuc-thu").await;
        let editor = server.person("unit-editor", &[Role::AgencyEditor], Some("cuc-thu")).await;
        let editor = server.raw(editor);
        let entry = json!({"unit": unit, "start_date": date([2026, 10, 1])});
        for platform in ["ndp-001", "ndp-002"] {
            let request = delegated(platform, json!([entry]));
            cast.approver.ok("UpdatePlatform", request).await;
        }
        let create = |platform: &str| json!({
            "parent": format!("platforms/{platform}"), "plan": {"display_name": "Thử"},
        });
        editor.ok("CreatePlan", create("ndp-001")).await;
        let moved = json!({"name": "platforms/ndp-001", "governance": [
            {"agency": OLD}, {"agency": NEW, "start_date": date([2026, 10, 1])},
        ]});
        let moved = json!({"platform": moved, "update_mask": "governance"});
        cast.steward.ok("UpdatePlatform", moved).await;
        assert_eq!(editor.refusal("CreatePlan", create("ndp-001")).await, DENIED);
        let request = succession(&cast.steward, NEW).await;
        cast.steward.ok("SucceedAgency", request).await;
        for platform in ["ndp-001", "ndp-002"] {
            editor.ok("CreatePlan", create(platform)).await;
        }
        let keeper = server.person("new-keeper", &[Role::AgencyAdmin], Some(OTHER_AGENCY)).await;
        let keeper = server.raw(keeper);
        keeper.ok("GetPrincipal", json!({"name": "principals/unit-editor"})).await;
        server.stop().await;
    }

    async fn a_deputy_approves_for_a_time(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let keeper = server.person("keeper", &[Role::AgencyAdmin], Some(AGENCY)).await;
        let keeper = server.raw(keeper);
        let deputy = server.raw(server.person("deputy", &[], Some(AGENCY)).await);
        let draft = cast.draft("ndp-001", "draft").await;
        let plan = cast.step(PlanMove::Submit, &draft).await.unwrap();
        let mut issue = move_request(PlanMove::Issue, &plan);
        issue["validate_only"] = json!(true);
        let grant = |role: &str| json!({
            "principal": {"name": "principals/deputy", "grants": [{
                "role": role, "start_date": date([2026, 10, 2]), "end_date": date([2026, 10, 3]),
                "reason": "người duyệt đi công tác (thử nghiệm)",
            }]},
            "update_mask": "grants",
        });
        for (field, value, received) in [
            ("reason", json!(""), "principal.grants[0].reason REQUIRED"),
            ("end_date", Value::Null, "principal.grants[0].end_date REQUIRED"),
            ("end_date", date([2026, 10, 1]), "principal.grants[0].end_date OUT_OF_RANGE"),
        ] {
            let mut request = grant("ROLE_AGENCY_APPROVER");
            request["principal"]["grants"][0][field] = value;
            let status = keeper.err("UpdatePrincipal", request).await;
            assert_eq!(violations(&status), received);
        }
        // only roles that it could also give permanently
        for role in ["ROLE_STEWARD", "ROLE_AUDITOR", "ROLE_ADMIN"] {
            assert_eq!(keeper.refusal("UpdatePrincipal", grant(role)).await, DENIED);
        }
        keeper.ok("UpdatePrincipal", grant("ROLE_AGENCY_APPROVER")).await;
        let roles = async || deputy.ok("IdentifyCaller", json!({})).await["roles"].clone();
        assert_eq!(roles().await, Value::Null);
        assert_eq!(deputy.refusal("IssuePlan", issue.clone()).await, UNSEEN);
        server.clock.advance(DAY);
        assert_eq!(roles().await, json!(["ROLE_AGENCY_APPROVER"]));
        deputy.ok("IssuePlan", issue.clone()).await;
        server.clock.advance(2 * DAY);
        assert_eq!(deputy.refusal("IssuePlan", issue).await, UNSEEN);
        server.stop().await;
    }

    async fn an_agency_keeps_an_administrator(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let only = server.person("only", &[Role::AgencyAdmin], Some(AGENCY)).await;
        let only = server.raw(only);
        let admin = server.raw(server.person("admin", &[Role::Admin], None).await);
        let it = only.ok("GetPrincipal", json!({"name": "principals/only"})).await;
        let disable = json!({"name": it["name"], "etag": it["etag"]});
        let resign = json!({"principal": {"name": it["name"]}, "update_mask": "roles"});
        // a temporary deputy does not count as a permanent administrator
        let deputy = json!({"principal": {
            "kind": "PERSON", "agency": OLD, "grants": [{
                "role": "ROLE_AGENCY_ADMIN", "start_date": date([2026, 10, 1]),
                "end_date": date([2026, 10, 9]), "reason": "thử nghiệm",
            }],
        }});
        only.ok("CreatePrincipal", deputy).await;
        for (method, request) in [("DisablePrincipal", &disable), ("UpdatePrincipal", &resign)] {
            let refusal = only.refusal(method, request.clone()).await;
            assert_eq!(refusal, "FailedPrecondition LAST_AGENCY_ADMIN");
            let mut checked = request.clone();
            checked["validate_only"] = json!(true);
            admin.ok(method, checked).await;
        }
        // the administrator of a unit can be closed from above
        let unit = unit(&cast, "cuc-thu").await;
        server.person("below", &[Role::AgencyAdmin], Some("cuc-thu")).await;
        let it = only.ok("GetPrincipal", json!({"name": "principals/below"})).await;
        assert_eq!(it["agency"], unit);
        only.ok("DisablePrincipal", json!({"name": it["name"], "etag": it["etag"]})).await;
        // another one first, then it may go; an administrator brings one back
        let second = json!({"principal": {
            "kind": "PERSON", "agency": OLD, "roles": ["ROLE_AGENCY_ADMIN"],
        }});
        only.ok("CreatePrincipal", second).await;
        only.ok("UpdatePrincipal", resign).await;
        assert_eq!(only.refusal("DisablePrincipal", disable).await, DENIED);
        let onboard = json!({"name": OLD, "newcomers": [{"principal": {
            "kind": "PERSON", "roles": ["ROLE_AGENCY_ADMIN"],
        }}]});
        admin.ok("OnboardAgency", onboard).await;
        server.stop().await;
    }

    async fn one_who_leaves_is_closed_in_one_call_and_what_waits_is_found(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let keeper = server.person("keeper", &[Role::AgencyAdmin], Some(AGENCY)).await;
        let keeper = server.raw(keeper);
        let editor = server.person("leaver", &[Role::AgencyEditor], Some(AGENCY)).await;
        let leaver = server.raw(editor);
        let draft = cast.draft("ndp-001", "plan").await;
        let plan = cast.step(PlanMove::Submit, &draft).await.unwrap();
        let plan = cast.step(PlanMove::Issue, &plan).await.unwrap();
        let rebaseline = json!({
            "name": plan["name"], "etag": plan["etag"], "reason": "thử nghiệm",
            "rebaseline": {"budget": {"price_year": 2027}, "document": decision(DECISION_DAY)},
        });
        let proposal = &leaver.ok("RebaselinePlan", rebaseline).await["proposal"];
        let key = json!({"parent": "principals/leaver", "api_key": {}});
        keeper.ok("CreateApiKey", key).await;
        let it = keeper.ok("GetPrincipal", json!({"name": "principals/leaver"})).await;
        let revision = server.registry.revision();
        keeper.ok("DisablePrincipal", json!({"name": it["name"], "etag": it["etag"]})).await;
        assert_eq!(server.registry.revision(), revision.next());
        let refusal = leaver.refusal("IdentifyCaller", json!({})).await;
        assert_eq!(refusal, "Unauthenticated PRINCIPAL_DISABLED");
        let keys = keeper.ok("ListApiKeys", json!({"parent": it["name"]})).await;
        let keys = keys["api_keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        assert!(keys.iter().all(|key| key["state"] == "REVOKED"), "{keys:?}");
        // its proposals stay pending, and the administrator cancels them
        let waiting = json!({
            "parent": "platforms/-",
            "filter": "state = PENDING AND requested.principal = \"principals/leaver\"",
        });
        let list = keeper.ok("ListProposals", waiting.clone()).await;
        assert_eq!(list["proposals"][0]["name"], proposal["name"]);
        let cancel = json!({
            "name": proposal["name"], "etag": proposal["etag"], "reason": "người lập đã nghỉ",
        });
        keeper.ok("CancelProposal", cancel).await;
        let list = keeper.ok("ListProposals", waiting).await;
        assert_eq!(list["proposals"], Value::Null);
        server.stop().await;
    }
}
