//! AccessService over the wire: whose call it is, keys and their secrets, who keeps principals,
//! and requests that come twice.

use std::time::Duration;

use ndp_core::{
    caller::{Caller, Credential, Known, Person},
    change::RequestId,
    error::Error,
    hex::read_digest,
    names::{AgencyName, ApiKeyName, PlatformName, PrincipalName},
    records::{
        plans::PlanFields,
        principals::{PrincipalFields, PrincipalKind, Role},
    },
    rules::{
        Request,
        plans::CreatePlan,
        principals::{RevokeApiKey, UpdatePrincipal},
    },
};
use ndp_registry::registry::authenticate::{Claims, Presented, authenticate};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, SqliteConnection};
use tonic::Code;

use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast, OTHER_AGENCY},
    process::{Process, Signal, Stream},
    raw::{Raw, learned, violations},
    server::{As, Server},
    sha256,
};

const BOUND: Duration = Duration::from_secs(30);

/// A read that needs no credentials.
async fn read(caller: As, server: &Server) -> Result<Value, tonic::Status> {
    server.raw(caller).call("ComputeSummary", json!({})).await
}

/// `CODE REASON` of such a call, which has to be refused.
async fn refused(caller: As, server: &Server) -> String {
    server
        .raw(caller)
        .refusal("ComputeSummary", json!({}))
        .await
}

/// A new key of a principal: the answer, and how to call with it.
async fn new_key(keeper: &Raw, principal: &str, fields: Value) -> (Value, As) {
    let request = json!({"parent": format!("principals/{principal}"), "api_key": fields});
    let key = keeper.ok("CreateApiKey", request).await;
    let caller = As::key(key["secret"].as_str().unwrap());
    (key, caller)
}

async fn admin(server: &Server) -> Raw {
    server.raw(server.person("admin", &[Role::Admin], None).await)
}

/// The key of a person that is about to move.
async fn moved_key(server: &Server, roles: &[Role]) -> String {
    let caller = server.person("mover", roles, Some(AGENCY)).await;
    caller.sent().strip_prefix("Bearer ").unwrap().to_owned()
}

/// A principal as a call of it is identified now.
fn known(server: &Server, id: &str) -> Caller {
    let snapshot = server.registry.read();
    let state = &snapshot.state;
    let name = PrincipalName::from_id(id).unwrap();
    let principal = state.principal(&name).unwrap();
    Caller::Known(Known {
        reach: ndp_core::caller::Reach::default(),
        person: Person {
            principal: name.clone(),
            actor: None,
        },
        is_system: false,
        agency: principal.fields.agency.clone(),
        roles: principal.fields.roles.clone(),
        credential: Credential::ApiKey(state.api_keys_of(&name).next().unwrap().name.clone()),
        scope: Default::default(),
        allows_personal_data: None,
    })
}

both! {
    async fn a_caller_learns_who_it_is(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anonymous = server.raw(As::default()).ok("IdentifyCaller", json!({})).await;
        assert_eq!(anonymous, json!({"revision": 1}));
        let roles = [Role::AgencyEditor, Role::Auditor];
        let person = server.person("person", &roles, Some(AGENCY)).await;
        let mut it = server.raw(person).ok("IdentifyCaller", json!({})).await;
        let key = it["api_key"].take();
        assert!(key.as_str().unwrap().starts_with("principals/person/apiKeys/"), "{key}");
        assert_eq!(it, json!({
            "principal": "principals/person",
            "agency": "agencies/bo-cong-an",
            "agency_display_name": "Bộ Công an",
            "roles": ["ROLE_AGENCY_EDITOR", "ROLE_AUDITOR"],
            "api_key": null,
            "revision": 3,
        }));
        let system = server.principal("system-a", PrincipalKind::System, &[], None).await;
        let it = server.raw(system.actor("CB-0142")).ok("IdentifyCaller", json!({})).await;
        assert_eq!(it["principal"], "principals/system-a");
        assert_eq!(it["actor"], "CB-0142");
        assert_eq!(it["roles"], json!(null));
        server.stop().await;
    }

    async fn credentials_that_do_not_hold_are_refused_even_where_none_are_needed(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        server.person("person", &[], None).await;
        let (key, _) = new_key(&keeper, "person", json!({})).await;
        let secret = key["secret"].as_str().unwrap();
        let (id, random) = secret.strip_prefix("ndp_").unwrap().split_once('_').unwrap();
        assert_eq!(key["name"], format!("principals/person/apiKeys/{id}"));
        assert_eq!(random.len(), 43, "256 bits in base64");
        let wrong_secret = format!("Bearer ndp_{id}_{}", "A".repeat(43));
        let unknown_id = format!("Bearer ndp_aaaaaaaaaaaa_{random}");
        for wrong in [
            "", " ", "Bearer", "Bearer ", "Bearer x", "Bearer ndp_", "Bearer ndp_x", "Bearer ndp__",
            secret, &format!("Basic {secret}"), &format!("Bearer {secret}x"), "Bearer ndp_é_é",
            &format!("Bearer {}", secret.to_uppercase()),
            &format!("Bearer {}", secret.trim_end_matches(|c| c != '_')),
            &format!("Bearer {}", "x".repeat(4000)), &wrong_secret, &unknown_id,
        ] {
            let refusal = refused(As::authorization(wrong), &server).await;
            assert_eq!(refusal, "Unauthenticated CREDENTIALS_INVALID", "{wrong}");
        }
        // the answer does not reveal whether a key exists
        let wrong_secret = read(As::authorization(&wrong_secret), &server).await.unwrap_err();
        let unknown_id = read(As::authorization(&unknown_id), &server).await.unwrap_err();
        assert_eq!(learned(&wrong_secret), learned(&unknown_id));
        for right in [format!("Bearer {secret}"), format!("bearer {secret}")] {
            read(As::authorization(&right), &server).await.unwrap();
        }
        let unnamed = As::default().actor("CB-0142");
        assert_eq!(refused(unnamed, &server).await, "Unauthenticated CREDENTIALS_MISSING");
        server.stop().await;
    }

    async fn only_a_system_says_who_acts_and_by_a_code(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let person = server.person("person", &[], None).await;
        let status = read(person.actor("CB-0142"), &server).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(violations(&status), "ndp-actor NOT_ALLOWED");
        let system = server.principal("system-a", PrincipalKind::System, &[], None).await;
        let longest = "b".repeat(64);
        for (sent, known) in [
            ("CB-0142", "CB-0142"),
            ("vanthu.bca_2", "vanthu.bca_2"),
            ("CB%2D0142", "CB-0142"),
            ("  CB-0142 ", "CB-0142"),
            (&longest, &longest),
        ] {
            let it = server.raw(system.actor(sent)).ok("IdentifyCaller", json!({})).await;
            assert_eq!(it["actor"], known);
        }
        let too_long = "b".repeat(65);
        for wrong in [
            "", "  ", "%20", "%0A", "B%0AC", "B%00", "B%7F", "B%C2%85C", "%FF", &too_long, "-a",
            "Trần Thị B", "Tran Thi B", "Tr%E1%BA%A7n", "b@example.vn", "CB/1",
        ] {
            let status = read(system.actor(wrong), &server).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{wrong}");
            assert_eq!(violations(&status), "ndp-actor PATTERN", "{wrong}");
        }
        for wrong in ["0912345678", "0912-345-678", "001099012345", "84912345678"] {
            let status = read(system.actor(wrong), &server).await.unwrap_err();
            assert_eq!(violations(&status), "ndp-actor PERSONAL_DATA", "{wrong}");
        }
        server.stop().await;
    }

    async fn a_keys_secret_is_shown_once(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        server.person("person", &[], None).await;
        let request = json!({
            "parent": "principals/person",
            "api_key": {"display_name": "Khoá thử nghiệm"},
            "request_id": "8b8bba0e-28ac-4bd3-9df9-0c3bfbd6a0b0",
        });
        let mut only_checked = request.clone();
        only_checked["validate_only"] = json!(true);
        let checked = keeper.ok("CreateApiKey", only_checked).await;
        assert_eq!(checked["secret"], json!(null));
        let mut key = keeper.ok("CreateApiKey", request.clone()).await;
        let caller = As::key(key["secret"].take().as_str().unwrap());
        key.as_object_mut().unwrap().remove("secret");
        assert_eq!(keeper.ok("CreateApiKey", request).await, key, "a replay");
        assert_eq!(keeper.ok("GetApiKey", json!({"name": key["name"]})).await, key);
        let list = keeper.ok("ListApiKeys", json!({"parent": "principals/person"})).await;
        assert_eq!(list["api_keys"].as_array().unwrap().len(), 2);
        assert!(!list.to_string().contains("secret"), "{list}");
        let it = server.raw(caller.clone()).ok("IdentifyCaller", json!({})).await;
        assert_eq!(it["api_key"], key["name"]);
        // its owner sees it, and may give it up; from that moment it does not work
        let revoke = json!({"name": key["name"]});
        let revoked = server.raw(caller.clone()).ok("RevokeApiKey", revoke.clone()).await;
        assert_eq!(revoked["state"], "REVOKED");
        assert_eq!(revoked["revoke_time"], "2026-10-01T02:00:00Z");
        assert_eq!(refused(caller, &server).await, "Unauthenticated KEY_REVOKED");
        let refusal = keeper.refusal("RevokeApiKey", revoke).await;
        assert_eq!(refusal, "FailedPrecondition KEY_IS_REVOKED");
        server.stop().await;
    }

    async fn a_key_may_have_an_id_that_was_chosen(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        server.person("person", &[], None).await;
        let named = |id: &str| json!({
            "parent": "principals/person", "api_key": {}, "api_key_id": id,
        });
        let key = keeper.ok("CreateApiKey", named("reports")).await;
        assert_eq!(key["name"], "principals/person/apiKeys/reports");
        let caller = As::key(key["secret"].as_str().unwrap());
        let it = server.raw(caller).ok("IdentifyCaller", json!({})).await;
        assert_eq!(it["api_key"], key["name"]);
        let again = keeper.refusal("CreateApiKey", named("reports")).await;
        assert_eq!(again, "AlreadyExists RESOURCE_ALREADY_EXISTS");
        for (id, reason) in [("Reports", "PATTERN"), ("0912345678", "PERSONAL_DATA")] {
            let status = keeper.err("CreateApiKey", named(id)).await;
            assert_eq!(violations(&status), format!("api_key_id {reason}"), "{id}");
        }
        server.stop().await;
    }

    async fn a_key_ends_when_it_expires_or_its_principal_is_disabled(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        server.person("person", &[], None).await;
        let until = |time: &str| json!({"expire_time": time});
        for past in ["2026-10-01T01:59:59Z", "2026-10-01T02:00:00Z"] {
            let request = json!({"parent": "principals/person", "api_key": until(past)});
            let status = keeper.err("CreateApiKey", request).await;
            assert_eq!(violations(&status), "api_key.expire_time OUT_OF_RANGE", "{past}");
        }
        let (_, brief) = new_key(&keeper, "person", until("2026-10-01T03:00:00Z")).await;
        let (_, lasting) = new_key(&keeper, "person", json!({})).await;
        let (hour, timed) = new_key(&keeper, "person", json!({"ttl": "3600s"})).await;
        let hour = keeper.ok("GetApiKey", json!({"name": hour["name"]})).await;
        assert_eq!(hour["expire_time"], "2026-10-01T03:00:00Z");
        assert!(hour.get("ttl").is_none(), "{hour}");
        for never in ["0s", "-1s", "300000000000s"] {
            let request = json!({"parent": "principals/person", "api_key": {"ttl": never}});
            let status = keeper.err("CreateApiKey", request).await;
            assert_eq!(violations(&status), "api_key.ttl OUT_OF_RANGE", "{never}");
        }
        server.clock.advance(3599);
        read(brief.clone(), &server).await.unwrap();
        read(timed.clone(), &server).await.unwrap();
        server.clock.advance(1);
        assert_eq!(refused(brief, &server).await, "Unauthenticated KEY_EXPIRED");
        assert_eq!(refused(timed, &server).await, "Unauthenticated KEY_EXPIRED");
        read(lasting.clone(), &server).await.unwrap();
        let it = keeper.ok("GetPrincipal", json!({"name": "principals/person"})).await;
        let request = json!({"name": it["name"], "etag": it["etag"]});
        let it = keeper.ok("DisablePrincipal", request).await;
        assert_eq!(it["state"], "DISABLED");
        assert_eq!(refused(lasting, &server).await, "Unauthenticated PRINCIPAL_DISABLED");
        let request = json!({"name": it["name"], "etag": it["etag"]});
        let refusal = keeper.refusal("DisablePrincipal", request).await;
        assert_eq!(refusal, "FailedPrecondition PRINCIPAL_IS_DISABLED");
        let request = json!({"parent": it["name"], "api_key": {}});
        let refusal = keeper.refusal("CreateApiKey", request).await;
        assert_eq!(refusal, "FailedPrecondition PRINCIPAL_IS_DISABLED");
        server.stop().await;
    }

    async fn an_agency_keeps_its_own_people_and_gives_no_more_than_it_has(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = server.person("keeper", &[Role::AgencyAdmin], Some(AGENCY)).await;
        let keeper = server.raw(keeper);
        let other = server.person("foreign", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        drop(other);
        let mixed = [Role::AgencyEditor, Role::Auditor];
        server.person("mixed", &mixed, Some(AGENCY)).await;
        let create = |agency: &str, roles: &[&str]| json!({
            "principal": {"kind": "PERSON", "agency": agency, "roles": roles},
        });
        let (own, foreign) = ("agencies/bo-cong-an", "agencies/bo-y-te");
        let request = create(own, &["ROLE_AGENCY_EDITOR", "ROLE_AGENCY_ADMIN"]);
        let new = keeper.ok("CreatePrincipal", request).await;
        let new_id = new["name"].as_str().unwrap().strip_prefix("principals/").unwrap().to_owned();
        let (_, caller) = new_key(&keeper, &new_id, json!({})).await;
        let it = server.raw(caller.clone()).ok("IdentifyCaller", json!({})).await;
        assert_eq!(it["agency"], own);
        for (agency, roles) in [
            (own, &["ROLE_AGENCY_EDITOR", "ROLE_AUDITOR"][..]),
            (own, &["ROLE_STEWARD"]),
            (own, &["ROLE_ADMIN"]),
            (foreign, &["ROLE_AGENCY_EDITOR"]),
            (foreign, &[]),
            ("", &[]),
        ] {
            let refusal = keeper.refusal("CreatePrincipal", create(agency, roles)).await;
            assert_eq!(refusal, "PermissionDenied PERMISSION_DENIED", "{agency} {roles:?}");
        }
        // nor by changing someone afterwards, or by a key of one who has more
        let update = |name: &Value, field: &str, value: Value| {
            json!({"principal": {"name": name, field: value}, "update_mask": field})
        };
        for request in [
            update(&new["name"], "roles", json!(["ROLE_STEWARD"])),
            update(&new["name"], "agency", json!(foreign)),
            update(&json!("principals/mixed"), "roles", json!(["ROLE_AGENCY_EDITOR"])),
        ] {
            let refusal = keeper.refusal("UpdatePrincipal", request).await;
            assert_eq!(refusal, "PermissionDenied PERMISSION_DENIED");
        }
        let request = json!({"parent": "principals/mixed", "api_key": {}});
        let refusal = keeper.refusal("CreateApiKey", request).await;
        assert_eq!(refusal, "PermissionDenied PERMISSION_DENIED");
        // people of other agencies are not there at all
        let list = keeper.ok("ListPrincipals", json!({})).await;
        let listed = list["principals"].as_array().unwrap().iter().map(|it| &it["name"]);
        let listed: Vec<_> = listed.collect();
        let mut expected = ["principals/keeper", "principals/mixed", new["name"].as_str().unwrap()];
        expected.sort_unstable();
        assert_eq!(listed, expected);
        // taken ids do not reveal them: a caller that does not see everyone may choose no id
        for id in ["foreign", "nobody", "system", "keeper"] {
            for validate_only in [false, true] {
                let mut request = create(own, &[]);
                request["principal_id"] = json!(id);
                request["validate_only"] = json!(validate_only);
                let refused = keeper.err("CreatePrincipal", request).await;
                assert_eq!(violations(&refused), "principal_id NOT_ALLOWED", "{id}");
            }
        }
        let admin = admin(&server).await;
        let other = admin.ok("GetPrincipal", json!({"name": "principals/foreign"})).await;
        let disable = json!({"name": other["name"], "etag": other["etag"]});
        for (method, request) in [
            ("GetPrincipal", json!({"name": "principals/foreign"})),
            ("ListApiKeys", json!({"parent": "principals/foreign"})),
            ("CreateApiKey", json!({"parent": "principals/foreign", "api_key": {}})),
            ("DisablePrincipal", disable),
            ("UpdatePrincipal", update(&json!("principals/foreign"), "roles", json!([]))),
        ] {
            let of_foreign = learned(&keeper.err(method, request.clone()).await);
            let text = request.to_string().replace("foreign", "nobody");
            let of_nobody = serde_json::from_str(&text).unwrap();
            let of_nobody = learned(&keeper.err(method, of_nobody).await);
            assert_eq!(of_foreign.replace("foreign", "nobody"), of_nobody);
        }
        // moved to another agency by an administrator, with their keys
        let request = update(&new["name"], "agency", json!(foreign));
        admin.ok("UpdatePrincipal", request).await;
        let refusal = keeper.refusal("ListApiKeys", json!({"parent": new["name"]})).await;
        assert_eq!(refusal, "NotFound RESOURCE_NOT_FOUND");
        let it = server.raw(caller).ok("IdentifyCaller", json!({})).await;
        assert_eq!(it["agency"], foreign);
        server.stop().await;
    }

    async fn the_last_administrator_stays_and_a_kind_never_changes(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        let it = keeper.ok("GetPrincipal", json!({"name": "principals/admin"})).await;
        let disable = json!({"name": it["name"], "etag": it["etag"]});
        let resign = json!({"principal": {"name": it["name"]}, "update_mask": "roles"});
        for (method, request) in [("DisablePrincipal", &disable), ("UpdatePrincipal", &resign)] {
            let refusal = keeper.refusal(method, request.clone()).await;
            assert_eq!(refusal, "FailedPrecondition LAST_ADMIN");
        }
        let create = json!({
            "principal_id": "second",
            "principal": {"kind": "SYSTEM", "roles": ["ROLE_ADMIN"]},
        });
        let second = keeper.ok("CreatePrincipal", create).await;
        for kind in ["PERSON", "KIND_UNSPECIFIED"] {
            let changed = json!({"name": second["name"], "kind": kind});
            let request = json!({"principal": changed, "update_mask": "kind"});
            let status = keeper.err("UpdatePrincipal", request).await;
            assert_eq!(violations(&status), "principal.kind IMMUTABLE", "{kind}");
        }
        let same = json!({"name": second["name"], "kind": "SYSTEM", "display_name": "Thử"});
        let request = json!({"principal": same, "update_mask": "*"});
        // all fields: its role goes too, which it may while another administrator stays
        keeper.ok("UpdatePrincipal", request).await;
        let refusal = keeper.refusal("DisablePrincipal", disable).await;
        assert_eq!(refusal, "FailedPrecondition LAST_ADMIN");
        let create = |id: &str, principal: Value| {
            json!({"principal_id": id, "principal": principal})
        };
        for (request, wrong) in [
            (create("x", json!({})), "principal.kind REQUIRED"),
            (
                create("x", json!({"kind": "PERSON", "roles": ["ROLE_AGENCY_EDITOR"]})),
                "principal.agency REQUIRED",
            ),
            (
                create("x", json!({"kind": "PERSON", "agency": "agencies/nonesuch"})),
                "principal.agency REFERENCE_NOT_FOUND",
            ),
        ] {
            let status = keeper.err("CreatePrincipal", request).await;
            assert_eq!(violations(&status), wrong);
        }
        for taken in ["admin", "system"] {
            let request = create(taken, json!({"kind": "PERSON"}));
            let refusal = keeper.refusal("CreatePrincipal", request).await;
            assert_eq!(refusal, "AlreadyExists RESOURCE_ALREADY_EXISTS", "{taken}");
        }
        server.stop().await;
    }

    async fn a_request_id_is_its_principals_and_a_replay_is_authorized_anew(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        let [first, second] = ["first", "second"];
        let editors = [Role::AgencyEditor];
        let caller = server.raw(server.person(first, &editors, Some(AGENCY)).await);
        let another = server.raw(server.person(second, &editors, Some(AGENCY)).await);
        let create = |title: &str| json!({
            "parent": "platforms/ndp-001",
            "plan": {"display_name": title},
            "request_id": "8b8bba0e-28ac-4bd3-9df9-0c3bfbd6a0b0",
        });
        let plan = caller.ok("CreatePlan", create("Thử")).await;
        let before = server.registry.revision();
        assert_eq!(caller.ok("CreatePlan", create("Thử")).await, plan);
        let refusal = caller.refusal("CreatePlan", create("Khác")).await;
        assert_eq!(refusal, "InvalidArgument REQUEST_ID_REUSED");
        assert_eq!(server.registry.revision(), before);
        let theirs = another.ok("CreatePlan", create("Thử")).await;
        assert_ne!(theirs["name"], plan["name"]);

        // the answer of that time, though the plan has moved on
        let submit = json!({"name": plan["name"], "etag": plan["etag"]});
        caller.ok("SubmitPlan", submit).await;
        assert_eq!(caller.ok("CreatePlan", create("Thử")).await, plan);

        let resign = json!({"principal": {"name": "principals/first"}, "update_mask": "roles"});
        keeper.ok("UpdatePrincipal", resign).await;
        let refusal = caller.refusal("CreatePlan", create("Thử")).await;
        assert_eq!(refusal, "PermissionDenied PERMISSION_DENIED");
        server.stop().await;
    }

    async fn a_replay_after_a_transfer_is_no_internal_error(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        let cast = Cast::new(&server).await;
        let editor = [Role::AgencyEditor];
        let caller = server.raw(server.person("mover", &editor, Some(AGENCY)).await);
        let create = json!({
            "parent": "platforms/ndp-001",
            "plan": {"display_name": "Thử"},
            "request_id": "8b8bba0e-28ac-4bd3-9df9-0c3bfbd6a0b0",
        });
        caller.ok("CreatePlan", create.clone()).await;
        let moved = json!({"name": "platforms/ndp-001",
            "governance": [{"agency": "agencies/bo-y-te"}]});
        let request = json!({"platform": moved, "update_mask": "governance"});
        cast.steward.ok("UpdatePlatform", request).await;
        let moved = json!({"name": "principals/mover", "agency": "agencies/bo-y-te"});
        let request = json!({"principal": moved, "update_mask": "agency"});
        keeper.ok("UpdatePrincipal", request).await;
        // what was written then was the first agency's
        let refusal = caller.refusal("CreatePlan", create).await;
        assert_eq!(refusal, "NotFound RESOURCE_NOT_FOUND");
        server.stop().await;
    }

    async fn who_calls_is_asked_again_when_a_command_is_decided(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        let editors = [Role::AgencyEditor];
        server.person("editor", &editors, Some(AGENCY)).await;
        let (key, _) = new_key(&keeper, "editor", json!({})).await;
        let known = || {
            let snapshot = server.registry.read();
            let presented = Presented::Key(key["secret"].as_str().unwrap());
            let now = server.registry.clock().now();
            let hashes = &snapshot.key_hashes;
            let claims = Claims::default();
            authenticate(&snapshot.state, hashes, &presented, claims, now).unwrap()
        };
        let create = || Request {
            command: Box::new(CreatePlan {
                platform: PlatformName::from_id("ndp-001").unwrap(),
                name: None,
                fields: PlanFields { display_name: "Thử".into(), ..Default::default() },
                source: None,
            }),
            request_id: None,
            reason: String::new(),
        };
        // as a call does it: identified first, then queued; in between the role goes, then the key
        let caller = known();
        server.registry.submit(caller.clone(), create()).await.unwrap();
        let update = |roles: &[Role]| Box::new(UpdatePrincipal {
            name: PrincipalName::from_id("editor").unwrap(),
            fields: PrincipalFields { roles: roles.to_vec(), ..Default::default() },
            mask: vec!["roles".to_owned()],
            etag: None,
        });
        server.as_system(update(&[])).await;
        let denied = server.registry.submit(caller.clone(), create()).await;
        assert!(matches!(denied, Err(Error::Denied { .. })), "{denied:?}");
        server.as_system(update(&editors)).await;
        server.registry.submit(caller.clone(), create()).await.unwrap();
        let name = ApiKeyName::parse(key["name"].as_str().unwrap()).unwrap();
        server.as_system(Box::new(RevokeApiKey { name })).await;
        let refused = server.registry.submit(caller, create()).await;
        let reason = |error| match error {
            Err(Error::Unauthenticated(why)) => why.reason().name(),
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(refused), "KEY_REVOKED");
        server.stop().await;
    }

    /// Between identification and decision a principal may move: the answer is that of who it is
    /// when the command is decided, and never an internal error.
    async fn whoever_moved_meanwhile_is_answered_as_who_it_is_now(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editors = [Role::AgencyEditor];
        let movers = As::key(&moved_key(&server, &editors).await);
        let cast = Cast::new(&server).await;
        let mover = server.raw(movers);
        let identified = known(&server, "mover");
        let create = |platform: &str, id: u128| Request {
            command: Box::new(CreatePlan {
                platform: PlatformName::from_id(platform).unwrap(),
                name: None,
                fields: PlanFields { display_name: "Thử".into(), ..Default::default() },
                source: None,
            }),
            request_id: Some(RequestId { id: uuid::Uuid::from_u128(id), digest: [7; 32] }),
            reason: String::new(),
        };
        let first = server.registry.submit(identified.clone(), create("ndp-001", 1)).await;
        first.unwrap();
        let moved = Box::new(UpdatePrincipal {
            name: PrincipalName::from_id("mover").unwrap(),
            fields: PrincipalFields {
                agency: AgencyName::from_id(OTHER_AGENCY),
                ..Default::default()
            },
            mask: vec!["agency".to_owned()],
            etag: None,
        });
        server.as_system(moved).await;
        // as the call was identified it was of the first agency, and it is of the second
        let denied = server.registry.submit(identified.clone(), create("ndp-001", 2)).await;
        assert!(matches!(denied, Err(Error::Denied { .. })), "{denied:?}");
        let replayed = server.registry.submit(identified.clone(), create("ndp-001", 1)).await;
        assert!(matches!(replayed, Err(Error::Denied { .. })), "{replayed:?}");
        let platform = json!({"name": "platforms/ndp-002",
            "governance": [{"agency": format!("agencies/{OTHER_AGENCY}")}]});
        cast.steward.ok("UpdatePlatform", json!({"platform": platform})).await;
        let written = server.registry.submit(identified.clone(), create("ndp-002", 3)).await;
        let written = written.unwrap();
        let name = written.image.name().to_owned();
        mover.ok("GetPlan", json!({"name": name})).await;
        let preview = server.registry.preview(identified.clone(), create("ndp-002", 4)).await;
        let preview = preview.unwrap();
        assert!(preview.image.name().starts_with("platforms/ndp-002/plans/"));
        let refused = server.registry.preview(identified, create("ndp-001", 5)).await;
        assert!(matches!(refused, Err(Error::Denied { .. })), "{refused:?}");
        server.stop().await;
    }

    async fn no_secret_is_kept_and_no_hash_outside_its_table(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = admin(&server).await;
        server.person("person", &[], None).await;
        let (key, caller) = new_key(&keeper, "person", json!({"display_name": "Khoá thử"})).await;
        server.raw(caller).ok("IdentifyCaller", json!({})).await;
        keeper.ok("RevokeApiKey", json!({"name": key["name"]})).await;
        let secret = key["secret"].as_str().unwrap().to_owned();
        server.stop().await;

        // after `ndp_`, the id and `_`
        let random = &secret[17..];
        let hex = sha256(secret.as_bytes());
        let hash = read_digest(&hex).unwrap();
        let texts = texts(&engine).await;
        assert!(texts.iter().any(|text| text.contains("Khoá thử")), "the key itself is there");
        for text in &texts {
            let text = text.to_lowercase();
            assert!(!text.contains(&random.to_lowercase()), "{text}");
            assert!(!text.contains(&hex), "{text}");
        }
        if let Some(directory) = engine.directory() {
            let mut hashes = 0;
            for file in directory.read_dir().unwrap() {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                let found = |what: &[u8]| bytes.windows(what.len()).any(|it| it == what);
                assert!(!found(random.as_bytes()));
                hashes += usize::from(found(&hash));
            }
            assert_eq!(hashes, 1, "the hash is where it is looked up");
        }
    }
}

/// Every text and every blob, in hexadecimal, of the log and of the table of keys.
async fn texts(engine: &Engine) -> Vec<String> {
    let mut statements = vec![
        "SELECT principal || coalesce(actor, '') || method || coalesce(request_id, '') || reason \
         FROM changes"
            .to_owned(),
        "SELECT resource || coalesce(image, '') FROM effects".to_owned(),
        "SELECT name || image FROM records".to_owned(),
    ];
    match engine {
        Engine::Sqlite(..) => {
            statements.push("SELECT hex(coalesce(request_digest, '')) FROM changes".to_owned());
            statements
                .push("SELECT hex(coalesce(salt, '')) || hex(digest) FROM effects".to_owned());
            let mut connection = SqliteConnection::connect(&engine.url()).await.unwrap();
            let mut texts = Vec::new();
            for statement in statements {
                let statement = sqlx::AssertSqlSafe(statement);
                let rows: Vec<String> = sqlx::query_scalar(statement)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                texts.extend(rows);
            }
            connection.close().await.unwrap();
            texts
        }
        Engine::Postgres(_) => {
            statements
                .push("SELECT coalesce(encode(request_digest, 'hex'), '') FROM changes".to_owned());
            statements.push(
                "SELECT coalesce(encode(salt, 'hex'), '') || encode(digest, 'hex') FROM effects"
                    .to_owned(),
            );
            let mut connection = PgConnection::connect(&engine.url()).await.unwrap();
            let mut texts = Vec::new();
            for statement in statements {
                let statement = sqlx::AssertSqlSafe(statement);
                let rows: Vec<String> = sqlx::query_scalar(statement)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                texts.extend(rows);
            }
            connection.close().await.unwrap();
            texts
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_reaches_the_log_output() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let key = Process::start(
        &[
            "admin",
            "key",
            "create",
            "--database",
            &url,
            "--principal",
            "admin",
            "--role",
            "admin",
        ],
        &[],
    );
    assert!(key.wait(BOUND).success(), "{}", key.printed(Stream::Stderr));
    let printed = key.printed(Stream::Stdout);
    let secret = printed
        .split_whitespace()
        .find(|word| word.starts_with("ndp_"));
    let secret = secret.expect("the key is printed once").to_owned();
    assert!(!key.printed(Stream::Stderr).contains(&secret));
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database",
        &url,
        "--log-level",
        "trace",
    ];
    let serve = Process::start(&serve, &[]);
    let line = serve.wait_for_line("is listening on", BOUND);
    let address = line.rsplit_once(' ').unwrap().1.to_owned();
    let admin = Raw::connect(&address, As::key(&secret)).await;
    let (_, new) = new_key(&admin, "admin", json!({})).await;
    Raw::connect(&address, new)
        .await
        .ok("IdentifyCaller", json!({}))
        .await;
    let wrong = format!("{secret}x");
    let refused = Raw::connect(&address, As::key(&wrong)).await;
    refused.err("IdentifyCaller", json!({})).await;
    serve.signal(Signal::Term);
    assert!(serve.wait(BOUND).success());
    let log = serve.printed(Stream::Stdout) + &serve.printed(Stream::Stderr);
    assert!(log.contains("principals/admin"), "calls are logged:\n{log}");
    assert!(!log.contains(&secret[17..]), "a secret is in the log");
    assert!(!log.contains("Bearer"), "credentials are in the log");
}
