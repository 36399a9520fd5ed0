//! An agency begins in one change: the agency, its first principals and a key for each.

use ndp_core::records::principals::Role;
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    raw::{Raw, violations},
    server::{As, Server},
};

async fn administrator(server: &Server) -> Raw {
    let roles = [Role::Admin, Role::Steward];
    server.raw(server.person("admin", &roles, None).await)
}

fn newcomer(id: &str, roles: &[&str]) -> Value {
    json!({
        "principal_id": id, "api_key": {"display_name": "Khóa đầu tiên"},
        "principal": {"kind": "PERSON", "display_name": "Văn phòng", "roles": roles},
    })
}

const KEEPS: &[&str] = &["ROLE_AGENCY_ADMIN", "ROLE_AGENCY_EDITOR"];
const ISSUES: &[&str] = &["ROLE_AGENCY_APPROVER"];

both! {
    async fn a_new_agency_its_people_and_their_keys_are_one_change(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let admin = administrator(&server).await;
        let mut request = json!({
            "name": "agencies/thu", "agency": {"display_name": "Cơ quan thử", "kind": "OTHER"},
            "newcomers": [newcomer("thu-mot", KEEPS), newcomer("", ISSUES)],
            "request_id": "8b8bba0e-28ac-4bd3-9df9-0c3bfbd6a0b0",
        });
        let before = server.registry.revision();
        request["validate_only"] = json!(true);
        let checked = admin.ok("OnboardAgency", request.clone()).await;
        assert_eq!(server.registry.revision(), before);
        assert_eq!(checked["agency"]["name"], "agencies/thu");
        assert_eq!(checked["newcomers"].as_array().unwrap().len(), 2, "{checked}");
        assert!(!checked.to_string().contains("secret"), "{checked}");
        request["validate_only"] = json!(false);
        let made = admin.ok("OnboardAgency", request.clone()).await;
        assert_eq!(server.registry.revision(), before.next());
        assert_eq!(made["agency"]["display_name"], "Cơ quan thử");
        let newcomers = made["newcomers"].as_array().unwrap();
        let mut callers = Vec::new();
        for newcomer in newcomers {
            let secret = newcomer["api_key"]["secret"].as_str().unwrap();
            let caller = server.raw(As::key(secret));
            let it = caller.ok("IdentifyCaller", json!({})).await;
            assert_eq!(it["agency"], "agencies/thu");
            assert_eq!(it["principal"], newcomer["principal"]["name"]);
            assert_eq!(it["roles"], newcomer["principal"]["roles"]);
            assert_eq!(it["api_key"], newcomer["api_key"]["name"]);
            callers.push((it["principal"].clone(), caller));
        }
        // secrets are shown once: not when the request is repeated
        let again = admin.ok("OnboardAgency", request).await;
        assert!(!again.to_string().contains("secret"), "{again}");
        assert_eq!(again["agency"], made["agency"]);
        let named = |answer: &Value| {
            let newcomers = answer["newcomers"].as_array().unwrap().iter();
            newcomers.map(|it| it["api_key"]["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(named(&again), named(&made));
        // the administrator it got makes the next ones
        let (_, keeper) = callers.iter().find(|(name, _)| name == "principals/thu-mot").unwrap();
        let principal = json!({"principal": {
            "kind": "PERSON", "agency": "agencies/thu", "roles": ISSUES,
        }});
        keeper.ok("CreatePrincipal", principal).await;
        server.stop().await;
    }

    async fn an_onboarding_that_cannot_be_makes_nothing(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let admin = administrator(&server).await;
        let known = "agencies/bo-y-te";
        let before = server.registry.revision();
        for (request, wrong) in [
            (json!({"name": known}), "newcomers TOO_FEW_ITEMS"),
            (
                json!({"name": known, "newcomers": [newcomer("x", ISSUES)]}),
                "newcomers REQUIRED",
            ),
            (
                json!({"name": known, "newcomers": [newcomer("x", &["ROLE_STEWARD"])]}),
                "newcomers[0].principal.roles NOT_ALLOWED\nnewcomers REQUIRED",
            ),
            (
                json!({"name": known, "newcomers": [newcomer("x", KEEPS), newcomer("x", KEEPS)]}),
                "newcomers[1].principal_id NOT_UNIQUE",
            ),
            (
                json!({"name": known, "newcomers": [{"principal": {
                    "kind": "PERSON", "agency": "agencies/bo-cong-an", "roles": KEEPS,
                }}]}),
                "newcomers[0].principal.agency NOT_ALLOWED",
            ),
            (
                json!({"name": known, "newcomers": [{
                    "principal": {"roles": KEEPS}, "api_key": {"ttl": "60s"},
                }]}),
                "newcomers[0].principal.kind REQUIRED",
            ),
            (
                json!({"name": known, "newcomers": [{
                    "principal": {"kind": "PERSON", "roles": KEEPS}, "api_key": {"ttl": "0s"},
                }]}),
                "newcomers[0].api_key.ttl OUT_OF_RANGE",
            ),
            (
                json!({"name": "agencies/thu", "agency": {}, "newcomers": [newcomer("x", KEEPS)]}),
                "agency.display_name REQUIRED\nagency.kind REQUIRED",
            ),
        ] {
            let status = admin.err("OnboardAgency", request.clone()).await;
            assert_eq!(violations(&status), wrong, "{request}");
        }
        let other = json!({"display_name": "Cơ quan thử", "kind": "OTHER"});
        for (request, refusal) in [
            (
                json!({"name": "agencies/thu", "newcomers": [newcomer("x", KEEPS)]}),
                "NotFound RESOURCE_NOT_FOUND",
            ),
            (
                json!({"name": known, "agency": other, "newcomers": [newcomer("x", KEEPS)]}),
                "AlreadyExists RESOURCE_ALREADY_EXISTS",
            ),
            (
                json!({"name": known, "newcomers": [newcomer("admin", KEEPS)]}),
                "AlreadyExists RESOURCE_ALREADY_EXISTS",
            ),
            (
                json!({"name": known, "newcomers": [newcomer("system", KEEPS)]}),
                "AlreadyExists RESOURCE_ALREADY_EXISTS",
            ),
        ] {
            assert_eq!(admin.refusal("OnboardAgency", request).await, refusal);
        }
        assert_eq!(server.registry.revision(), before);
        // a newcomer must be an administrator only if the agency has none
        server.person("keeper", &[Role::AgencyAdmin], Some("bo-y-te")).await;
        let request = json!({"name": known, "newcomers": [newcomer("", ISSUES)]});
        admin.ok("OnboardAgency", request).await;
        server.stop().await;
    }
}
