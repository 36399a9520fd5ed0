//! Plans and stages of an agency that has no principals yet: recorded from published documents by
//! the steward's side, marked, issued by a second person, and confirmed by the agency later.

use ndp_core::records::{plans::PlanMove, principals::Role};
use serde_json::{Value, json};

use crate::{
    access::matrix::UNMANNED,
    harness::{
        Engine, both,
        plans::{DECISION_DAY, date, decision, move_request},
        raw::{Raw, violations},
        server::{As, Server},
    },
};

/// A platform of the agency without principals.
async fn platform(caller: &Raw) -> Value {
    let list = json!({"filter": format!("governing_agency = \"agencies/{UNMANNED}\"")});
    let listed = caller.ok("ListPlatforms", list).await;
    caller
        .ok(
            "GetPlatform",
            json!({"name": listed["platforms"][0]["name"]}),
        )
        .await
}

fn plan_of(platform: &Value, source: Value) -> Value {
    json!({
        "parent": platform["name"], "transcription_source": source,
        "plan": {"display_name": "Kế hoạch thử nghiệm"},
    })
}

both! {
    async fn a_plan_is_transcribed_issued_by_a_second_person_and_confirmed(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let writer = server.raw(server.person("writer", &[Role::Transcriber], None).await);
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let anyone = server.raw(As::default());
        let platform = platform(&anyone).await;
        for (source, wrong) in [
            (Value::Null, "transcription_source REQUIRED"),
            (
                json!({"symbol": "1/QĐ-TEST"}),
                "transcription_source.issuer REQUIRED\ntranscription_source.issue_date REQUIRED",
            ),
            (decision([2026, 10, 2]), "transcription_source.issue_date OUT_OF_RANGE"),
        ] {
            let status = writer.err("CreatePlan", plan_of(&platform, source)).await;
            assert_eq!(violations(&status), wrong);
        }
        let source = decision(DECISION_DAY);
        // taken ids do not reveal plans that one who transcribes may not see
        let mut named = plan_of(&platform, source.clone());
        named["plan_id"] = json!("p");
        let status = writer.err("CreatePlan", named).await;
        assert_eq!(violations(&status), "plan_id NOT_ALLOWED");
        let plan = writer.ok("CreatePlan", plan_of(&platform, source.clone())).await;
        let transcription = &plan["transcription"];
        assert_eq!(transcription["source"], source);
        assert_eq!(transcription["principal"], "principals/writer");
        assert!(transcription.get("confirmation").is_none(), "{plan}");
        let milestone = json!({
            "parent": plan["name"], "milestone_id": "x",
            "milestone": {"display_name": "Mốc thử", "due": {"end": date([2026, 12, 31])}},
        });
        let milestone = writer.ok("CreateMilestone", milestone).await;
        let weight = json!({"milestone": {"name": milestone["name"], "weight": 2}});
        writer.ok("UpdateMilestone", weight).await;
        let scope = json!({"plan": {"name": plan["name"], "scope": "Phạm vi thử"}});
        let plan = writer.ok("UpdatePlan", scope).await;
        // only its author and the steward see it
        for caller in [&writer, &steward] {
            caller.ok("GetPlan", json!({"name": plan["name"]})).await;
            caller.ok("GetMilestone", json!({"name": milestone["name"]})).await;
        }
        let hidden = json!({"name": plan["name"]});
        assert_eq!(anyone.refusal("GetPlan", hidden).await, "NotFound RESOURCE_NOT_FOUND");
        let plan = writer.ok("SubmitPlan", move_request(PlanMove::Submit, &plan)).await;
        // the second person: who transcribes does not issue, and who submitted does not either
        let issue = move_request(PlanMove::Issue, &plan);
        let refused = writer.refusal("IssuePlan", issue.clone()).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        let plan = steward.ok("IssuePlan", issue).await;
        assert_eq!(plan["state"], "ISSUED");
        // marked for everyone, without saying who
        let seen = anyone.ok("GetPlan", json!({"name": plan["name"]})).await;
        let mut public = plan["transcription"].clone();
        public.as_object_mut().unwrap().remove("principal");
        assert_eq!(seen["transcription"], public);
        let summary = anyone.ok("ComputeSummary", json!({})).await;
        assert_eq!(summary["issued_plan_platform_count"], 1);

        // the agency has a principal now, so only its own act for it
        let roles = [Role::AgencyApprover];
        let own = server.raw(server.person("own", &roles, Some(UNMANNED)).await);
        for (caller, method, request) in [
            (&writer, "UpdatePlan", json!({"plan": {"name": plan["name"], "lead_unit": "x"}})),
            (&writer, "CreatePlan", plan_of(&platform, source.clone())),
            (&steward, "CreatePlan", plan_of(&platform, source.clone())),
        ] {
            let refused = caller.refusal(method, request).await;
            assert_eq!(refused, "PermissionDenied PERMISSION_DENIED", "{method}");
        }
        let confirm = json!({"name": plan["name"], "etag": plan["etag"], "reason": "đúng"});
        let refused = steward.refusal("ConfirmTranscription", confirm.clone()).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        let confirmed = own.ok("ConfirmTranscription", confirm).await;
        let confirmation = &confirmed["transcription"]["confirmation"];
        assert_eq!(confirmation["principal"], "principals/own");
        let seen = anyone.ok("GetPlan", json!({"name": plan["name"]})).await;
        let seen = &seen["transcription"]["confirmation"];
        assert_eq!(seen["record_time"], confirmation["record_time"]);
        assert!(seen.get("principal").is_none(), "{seen}");
        let again = json!({"name": plan["name"], "etag": confirmed["etag"]});
        let refused = own.refusal("ConfirmTranscription", again).await;
        assert_eq!(refused, "FailedPrecondition TRANSCRIPTION_CONFIRMED");
        server.stop().await;
    }

    async fn a_steward_alone_cannot_issue_what_it_transcribed(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let [one, two] = ["one", "two"];
        let one = server.raw(server.person(one, &[Role::Steward], None).await);
        let two = server.raw(server.person(two, &[Role::Steward], None).await);
        let platform = platform(&one).await;
        let plan = plan_of(&platform, decision(DECISION_DAY));
        let plan = one.ok("CreatePlan", plan).await;
        let plan = one.ok("SubmitPlan", move_request(PlanMove::Submit, &plan)).await;
        let issue = move_request(PlanMove::Issue, &plan);
        let refused = one.refusal("IssuePlan", issue.clone()).await;
        assert_eq!(refused, "FailedPrecondition SECOND_PERSON_NEEDED");
        two.ok("IssuePlan", issue).await;
        server.stop().await;
    }

    async fn an_agency_with_people_of_its_own_transcribes_nothing(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let roles = [Role::AgencyEditor, Role::AgencyApprover];
        let own = server.raw(server.person("own", &roles, Some(UNMANNED)).await);
        let platform = platform(&own).await;
        let request = plan_of(&platform, decision(DECISION_DAY));
        let status = own.err("CreatePlan", request).await;
        assert_eq!(violations(&status), "transcription_source NOT_ALLOWED");
        let plan = own.ok("CreatePlan", plan_of(&platform, Value::Null)).await;
        assert!(plan.get("transcription").is_none(), "{plan}");
        let confirm = json!({"name": plan["name"], "etag": plan["etag"]});
        let refused = own.refusal("ConfirmTranscription", confirm).await;
        assert_eq!(refused, "FailedPrecondition NOT_TRANSCRIBED");
        // the steward does not write in it, not even once its agency has no principals left
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let admin = server.raw(server.person("admin", &[Role::Admin], None).await);
        let it = admin.ok("GetPrincipal", json!({"name": "principals/own"})).await;
        let disable = json!({"name": it["name"], "etag": it["etag"]});
        admin.ok("DisablePrincipal", disable).await;
        let update = json!({"plan": {"name": plan["name"], "scope": "x"}});
        let refused = steward.refusal("UpdatePlan", update).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        server.stop().await;
    }

    async fn stages_are_transcribed_with_their_document(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let writer = server.raw(server.person("writer", &[Role::Transcriber], None).await);
        let platform = platform(&writer).await;
        let pilot = |document: Value| json!({
            "stage": "PILOT", "document": document,
            "reached": {"end": date([2026, 9, 1]), "as_written": "1/9/2026"},
        });
        let update = |field: &str, value: Value| json!({
            "platform": {"name": platform["name"], field: value},
        });
        let bare = update("operation_stages", json!([pilot(Value::Null)]));
        let status = writer.err("UpdatePlatform", bare).await;
        assert_eq!(violations(&status), "platform.operation_stages[0].document REQUIRED");
        for (field, value) in [
            ("operating_unit", json!("Đơn vị thử")), ("display_name_en", json!("Synthetic")),
        ] {
            let refused = writer.refusal("UpdatePlatform", update(field, value)).await;
            assert_eq!(refused, "PermissionDenied PERMISSION_DENIED", "{field}");
        }
        let stages = json!([pilot(decision(DECISION_DAY))]);
        let written = writer.ok("UpdatePlatform", update("operation_stages", stages.clone())).await;
        assert_eq!(written["operation_stages"][0]["transcribed"], true);
        assert_eq!(written["operation_stage"], "PILOT");
        // what its agency writes is its own, also where it says the same
        let own = server.person("own", &[Role::AgencyEditor], Some(UNMANNED)).await;
        let own = server.raw(own);
        let unit = update("operating_unit", json!("Đơn vị thử"));
        let kept = own.ok("UpdatePlatform", unit).await;
        assert_eq!(kept["operation_stages"][0]["transcribed"], true);
        let refused = update("operation_stages", stages.clone());
        let refused = writer.refusal("UpdatePlatform", refused).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        let taken = own.ok("UpdatePlatform", update("operation_stages", stages)).await;
        assert!(taken["operation_stages"][0].get("transcribed").is_none(), "{taken}");
        server.stop().await;
    }

    async fn the_steward_appoints_who_transcribes(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let create = |roles: &[&str]| json!({"principal": {"kind": "PERSON", "roles": roles}});
        for roles in [&["ROLE_TRANSCRIBER", "ROLE_AUDITOR"][..], &["ROLE_STEWARD"], &[]] {
            let refused = steward.refusal("CreatePrincipal", create(roles)).await;
            assert_eq!(refused, "PermissionDenied PERMISSION_DENIED", "{roles:?}");
        }
        let made = steward.ok("CreatePrincipal", create(&["ROLE_TRANSCRIBER"])).await;
        let key = json!({"parent": made["name"], "api_key": {}});
        let key = steward.ok("CreateApiKey", key).await;
        let writer = server.raw(As::key(key["secret"].as_str().unwrap()));
        let it = writer.ok("IdentifyCaller", json!({})).await;
        assert_eq!(it["roles"], json!(["ROLE_TRANSCRIBER"]));
        // it keeps them, and gives them nothing else
        let listed = steward.ok("ListPrincipals", json!({})).await;
        let names = listed["principals"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|it| it["name"].clone()).collect();
        assert!(names.contains(&made["name"]) && names.len() == 2, "{listed}");
        let roles = json!({"name": made["name"], "roles": ["ROLE_ADMIN"]});
        let roles = json!({"principal": roles, "update_mask": "roles"});
        let refused = steward.refusal("UpdatePrincipal", roles).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        steward.ok("RevokeApiKey", json!({"name": key["name"]})).await;
        let disable = json!({"name": made["name"], "etag": made["etag"]});
        steward.ok("DisablePrincipal", disable).await;
        server.stop().await;
    }
}
