//! API keys over the wire: what a key is limited to, when it was last used, its rotation, how open
//! streams end with it, and what wrong secrets meet.

use std::time::Duration;

use ndp_core::records::principals::Role;
use ndp_registry::{
    admission::proxies::Proxies,
    catalogue::OPENING_EDITION,
    config::ServerOptions,
    pb::{
        self, change_service_client::ChangeServiceClient, file_service_client::FileServiceClient,
        watch_changes_request::Start,
    },
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::{
    faults::command,
    harness::{
        Engine, both,
        http::send,
        plans::{AGENCY, OTHER_AGENCY},
        raw::{Raw, reason, violations},
        server::{As, Server},
        sha256,
        sql::Sql,
    },
};

/// A guard against waiting for ever; nothing takes nearly as long.
const BOUND: Duration = Duration::from_secs(30);

const DENIED: &str = "PermissionDenied PERMISSION_DENIED";
const PLATFORM: &str = "platforms/ndp-001";

async fn keeper(server: &Server) -> Raw {
    server.raw(server.person("keeper", &[Role::Admin], None).await)
}

/// A new key of a principal: the answer, and how to call with it.
async fn new_key(keeper: &Raw, principal: &str, fields: Value) -> (Value, As) {
    let request = json!({"parent": format!("principals/{principal}"), "api_key": fields});
    let key = keeper.ok("CreateApiKey", request).await;
    let caller = As::key(key["secret"].as_str().unwrap());
    (key, caller)
}

async fn last_used(caller: &Raw, key: &Value) -> Value {
    let key = caller.ok("GetApiKey", json!({"name": key["name"]})).await;
    key["last_used_time"].clone()
}

/// A watch without a message for as long as the test takes.
async fn watch(server: &Server, caller: &As) -> Streaming<pb::WatchChangesResponse> {
    let heartbeat = prost_types::Duration {
        seconds: 300,
        nanos: 0,
    };
    let request = pb::WatchChangesRequest {
        start: Start::Now.into(),
        resources: vec!["editions/-".to_owned()],
        heartbeat_interval: Some(heartbeat),
        ..Default::default()
    };
    let mut client = ChangeServiceClient::new(server.intercepted(caller.clone()));
    client.watch_changes(request).await.unwrap().into_inner()
}

async fn end(mut watch: Streaming<pb::WatchChangesResponse>) -> String {
    let ended = tokio::time::timeout(BOUND, watch.message()).await;
    let status = ended
        .expect("the watch goes on")
        .expect_err("the stream goes on");
    format!("{:?} {}", status.code(), reason(&status))
}

/// Concurrent calls with this key, each from another address.
fn guesses(server: &Server, key: &str) -> Vec<JoinHandle<Result<(), Status>>> {
    let of = |number: u8| {
        let mut request = Request::new(pb::IdentifyCallerRequest {});
        let received = format!("192.0.2.{number}").parse().unwrap();
        request.metadata_mut().insert("x-forwarded-for", received);
        let mut access = server.clients(As::key(key)).access;
        tokio::spawn(async move { access.identify_caller(request).await.map(|_| ()) })
    };
    (0..60).map(of).collect()
}

both! {
    async fn a_key_may_be_limited_to_reading_and_to_methods(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = keeper(&server).await;
        server.person("steward", &[Role::Steward], None).await;
        let get = json!({"name": PLATFORM});
        let platform = json!({"name": PLATFORM, "display_name_en": "x"});
        let update = json!({"platform": platform, "validate_only": true});
        let of = async |fields: Value| {
            let (key, caller) = new_key(&keeper, "steward", fields).await;
            (key, server.raw(caller.clone()), caller)
        };
        let (key, reader, _) = of(json!({"read_only": true})).await;
        assert_eq!(key["read_only"], true);
        reader.ok("GetPlatform", get.clone()).await;
        let status = reader.err("UpdatePlatform", update.clone()).await;
        assert_eq!(status.code(), Code::PermissionDenied);
        assert!(status.message().contains("only reads"), "{}", status.message());

        let methods = json!([
            "ndp.registry.v1.PlanService", "ndp.registry.v1.CatalogueService/UpdatePlatform",
        ]);
        let (key, some, caller) = of(json!({"methods": methods})).await;
        assert_eq!(key["methods"], methods);
        some.ok("UpdatePlatform", update.clone()).await;
        some.ok("ListPlans", json!({"parent": PLATFORM})).await;
        some.ok("IdentifyCaller", json!({})).await;
        let status = some.err("GetPlatform", get.clone()).await;
        assert_eq!(status.code(), Code::PermissionDenied);
        // every protocol, and streams
        let headers = [("authorization", caller.sent())];
        let answer = send(&server.address, "GET /v1/platforms/ndp-001", &headers, "").await;
        assert_eq!(answer.status, 403);
        let mut changes = ChangeServiceClient::new(server.intercepted(caller));
        let watch = changes.watch_changes(pb::WatchChangesRequest::default()).await;
        assert_eq!(watch.unwrap_err().code(), Code::PermissionDenied);
        // TestPermissions answers the same refusals as the calls
        let questions = json!([
            {"method": "ndp.registry.v1.CatalogueService/GetPlatform", "resource": PLATFORM},
            {"method": "ndp.registry.v1.PlanService/ListPlans", "resource": PLATFORM},
        ]);
        let received = some.ok("TestPermissions", json!({"questions": questions})).await;
        let vietnamese = status.get_details_localized_message().unwrap().message;
        assert_eq!(received["answers"][0]["message"], status.message());
        assert_eq!(received["answers"][0]["message_vi"], vietnamese);
        assert_eq!(received["answers"][1]["permission"], "ALLOWED");
        // both limits together
        let limits = json!({"read_only": true, "methods": ["ndp.registry.v1.CatalogueService"]});
        let (_, both, _) = of(limits).await;
        both.ok("GetPlatform", get).await;
        assert_eq!(both.refusal("UpdatePlatform", update).await, DENIED);
        assert_eq!(both.refusal("ListPlans", json!({"parent": PLATFORM})).await, DENIED);
        let auditor = server.raw(server.person("auditor", &[Role::Auditor], None).await);
        // by the command line
        let (service, url) = ("ndp.registry.v1.CatalogueService", engine.url());
        let create = ["admin", "key", "create", "--principal", "steward"];
        let create = [&create[..], &["--read-only", "--method"]].concat();
        let (code, made, said) = command(&[&create[..], &[service]].concat(), &url);
        assert_eq!(code, Some(0), "{said}");
        let made = server.raw(As::key(made.trim()));
        made.ok("GetPlatform", json!({"name": PLATFORM})).await;
        let (code, ..) = command(&[&create[..], &["ndp.registry.v1.Catalogue"]].concat(), &url);
        assert_eq!(code, Some(64));
        // auditors see the attempts
        let denials = auditor.ok("ListDenials", json!({})).await;
        let denial = &denials["denials"][0];
        assert_eq!(denial["method"], "ndp.registry.v1.PlanService/ListPlans");
        assert_eq!(denial["principal"], "principals/steward");
        server.stop().await;
    }

    async fn a_limited_key_makes_no_key_that_opens_more(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = keeper(&server).await;
        let access = "ndp.registry.v1.AccessService";
        let (_, caller) = new_key(&keeper, "keeper", json!({"methods": [access]})).await;
        let limited = server.raw(caller);
        let (wide, _) = new_key(&keeper, "keeper", json!({})).await;
        let create = |fields: Value| json!({"parent": "principals/keeper", "api_key": fields});
        let get = format!("{access}/GetApiKey");
        for fields in [json!({}), json!({"read_only": true}), json!({"methods": [
            access, "ndp.registry.v1.PlanService/GetPlan",
        ]})] {
            assert_eq!(limited.refusal("CreateApiKey", create(fields)).await, DENIED);
        }
        let rotate = json!({"name": wide["name"]});
        assert_eq!(limited.refusal("RotateApiKey", rotate).await, DENIED);
        let newcomer = json!({"principal": {"kind": "PERSON", "roles": ["ROLE_AGENCY_ADMIN"]}});
        let onboard = json!({"name": "agencies/bo-y-te", "newcomers": [newcomer]});
        assert_eq!(limited.refusal("OnboardAgency", onboard).await, DENIED);
        for fields in [json!({"methods": [access]}), json!({"methods": [get]})] {
            limited.ok("CreateApiKey", create(fields)).await;
        }
        // a name that does not exist would permit nothing, so it is refused
        for (fields, received) in [
            (json!({"methods": ["ndp.registry.v1.PlansService"]}), "methods[0] UNKNOWN_VALUE"),
            (json!({"methods": [get, format!("{access}/Get")]}), "methods[1] UNKNOWN_VALUE"),
            (json!({"methods": ["GetPlan"]}), "methods[0] PATTERN"),
            (json!({"methods": [access], "feed": true}), "methods FIELD_CONTRADICTED"),
        ] {
            let status = keeper.err("CreateApiKey", create(fields)).await;
            assert_eq!(violations(&status), format!("api_key.{received}"));
        }
        server.stop().await;
    }

    async fn the_hour_of_a_last_use_is_seen_everywhere_and_written_once(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let keeper_key = server.person("keeper", &[Role::Admin], None).await;
        let keeper = server.raw(keeper_key.clone());
        server.person("person", &[], None).await;
        let (used, caller) = new_key(&keeper, "person", json!({})).await;
        let (unused, _) = new_key(&keeper, "person", json!({})).await;
        let revision = server.registry.revision();
        let person = server.raw(caller);
        server.clock.advance(600);
        for _ in 0..3 {
            person.ok("IdentifyCaller", json!({})).await;
        }
        let hour = json!("2026-10-01T02:00:00Z");
        assert_eq!(last_used(&keeper, &used).await, hour);
        assert_eq!(last_used(&keeper, &unused).await, Value::Null);
        // a read of the past does not say it
        let past = json!({"name": used["name"], "read_revision": revision.get()});
        assert_eq!(keeper.ok("GetApiKey", past).await["last_used_time"], Value::Null);
        server.registry.write_key_uses().await.unwrap();
        assert!(server.registry.read().key_hashes.unwritten_uses().is_empty());
        // another use in the same hour leaves nothing to write, one in the next hour does
        person.ok("IdentifyCaller", json!({})).await;
        assert!(server.registry.read().key_hashes.unwritten_uses().is_empty());
        let other = Server::start_later(&url, 600).await;
        let elsewhere = other.raw(keeper_key.clone());
        assert_eq!(last_used(&elsewhere, &used).await, hour);
        let list = json!({"parent": "principals/person"});
        let listed = elsewhere.ok("ListApiKeys", list).await;
        let listed: Vec<_> = listed["api_keys"].as_array().unwrap().iter()
            .filter(|key| key["last_used_time"] == hour)
            .map(|key| &key["name"])
            .collect();
        assert_eq!(listed, [&used["name"]]);
        server.clock.advance(3600);
        person.ok("IdentifyCaller", json!({})).await;
        let revision_after = server.registry.revision();
        server.stop().await;
        // the server that stopped wrote it; the log has none of it
        let next = json!("2026-10-01T03:00:00Z");
        assert_eq!(last_used(&elsewhere, &used).await, next);
        assert_eq!(revision_after, revision);
        // a use that is older than the one written does not replace it
        let name = used["name"].as_str().unwrap();
        other.registry.store().write_key_uses(&[(name, 1)]).await.unwrap();
        assert_eq!(last_used(&elsewhere, &used).await, next);
        other.stop().await;
        let mut sql = Sql::connect(&url).await;
        let rows = format!("SELECT count(*) FROM api_key_uses WHERE api_key = '{name}'");
        assert_eq!(sql.number(&rows).await, 1);
    }

    async fn a_key_is_rotated_with_an_overlap(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = keeper(&server).await;
        server.person("portal", &[Role::Steward], None).await;
        let limits = json!({
            "display_name": "Khóa thử", "ttl": "8640000s", "read_only": true,
            "methods": ["ndp.registry.v1.AccessService"],
        });
        let (old, old_caller) = new_key(&keeper, "portal", limits).await;
        let works = async |caller: &As| {
            let caller = server.raw(caller.clone());
            match caller.call("IdentifyCaller", json!({})).await {
                Ok(it) => it["api_key"].as_str().unwrap().to_owned(),
                Err(status) => reason(&status),
            }
        };
        let request = json!({
            "name": old["name"], "api_key_id": "next", "reason": "thay khóa định kỳ",
            "request_id": "7b8e8f2c-1c5e-4d2b-9f43-0a6f3b7f0a01", "overlap": "3600s",
        });
        // its own principal does not make keys
        let owner = server.raw(server.person("owner", &[], None).await);
        let unseen = "NotFound RESOURCE_NOT_FOUND";
        assert_eq!(owner.refusal("RotateApiKey", request.clone()).await, unseen);
        let mut checked = request.clone();
        checked["validate_only"] = json!(true);
        checked["request_id"] = Value::Null;
        assert_eq!(keeper.ok("RotateApiKey", checked).await["secret"], Value::Null);
        server.clock.advance(60);
        let mut new = keeper.ok("RotateApiKey", request.clone()).await;
        let new_caller = As::key(new["secret"].take().as_str().unwrap());
        new.as_object_mut().unwrap().remove("secret");
        assert_eq!(new["name"], "principals/portal/apiKeys/next");
        for field in ["display_name", "read_only", "methods"] {
            assert_eq!(new[field], old[field], "{field}");
        }
        // as long as the old one was made for: a hundred days
        assert_eq!(new["expire_time"], "2027-01-09T02:01:00Z");
        assert_eq!(keeper.ok("RotateApiKey", request).await, new, "a replay");
        let name = |key: &Value| key["name"].as_str().unwrap().to_owned();
        assert_eq!(works(&old_caller).await, name(&old));
        assert_eq!(works(&new_caller).await, name(&new));
        let ending = keeper.ok("GetApiKey", json!({"name": old["name"]})).await;
        assert_eq!(ending["expire_time"], "2026-10-01T03:01:00Z");
        server.clock.advance(3600);
        assert_eq!(works(&old_caller).await, "KEY_EXPIRED");
        assert_eq!(works(&new_caller).await, name(&new));
        let rotations = json!({"filter": "method = \"RotateApiKey\""});
        let changes = keeper.ok("ListChanges", rotations).await;
        assert_eq!(changes["changes"][0]["reason"], "thay khóa định kỳ");
        assert_eq!(changes["changes"].as_array().unwrap().len(), 1);

        // an expired key, a revoked one, and bounds
        let rotate = |key: &Value, overlap: &str| json!({"name": key["name"], "overlap": overlap});
        let refused = keeper.refusal("RotateApiKey", rotate(&old, "60s")).await;
        assert_eq!(refused, "FailedPrecondition KEY_IS_EXPIRED");
        for overlap in ["2592001s", "-1s"] {
            let status = keeper.err("RotateApiKey", rotate(&new, overlap)).await;
            assert_eq!(violations(&status), "overlap OUT_OF_RANGE");
        }
        let mut never = rotate(&new, "60s");
        never["ttl"] = json!("0s");
        let status = keeper.err("RotateApiKey", never).await;
        assert_eq!(violations(&status), "ttl OUT_OF_RANGE");
        // without an overlap the old one ends at once; without a word it has a week
        let newest = keeper.ok("RotateApiKey", rotate(&new, "0s")).await;
        assert_eq!(works(&new_caller).await, "KEY_EXPIRED");
        keeper.ok("RotateApiKey", json!({"name": newest["name"]})).await;
        let newest = keeper.ok("GetApiKey", json!({"name": newest["name"]})).await;
        assert_eq!(newest["expire_time"], "2026-10-08T03:01:00Z");
        // a rotation never makes a key last longer
        let (brief, _) = new_key(&keeper, "portal", json!({"ttl": "60s"})).await;
        keeper.ok("RotateApiKey", json!({"name": brief["name"]})).await;
        let brief = keeper.ok("GetApiKey", json!({"name": brief["name"]})).await;
        assert_eq!(brief["expire_time"], "2026-10-01T03:02:00Z");
        keeper.ok("RevokeApiKey", json!({"name": brief["name"]})).await;
        let refused = keeper.refusal("RotateApiKey", rotate(&brief, "60s")).await;
        assert_eq!(refused, "FailedPrecondition KEY_IS_REVOKED");
        server.stop().await;
    }

    async fn open_watches_end_with_what_let_them_in(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let other = Server::start(&url).await;
        let keeper = keeper(&server).await;
        let editor = [Role::AgencyEditor];
        let mut watches = Vec::new();
        for id in ["revoked", "disabled", "expired", "moved"] {
            server.person(id, &editor, Some(AGENCY)).await;
            let fields = json!({"ttl": if id == "expired" { "600s" } else { "6000s" }});
            let (key, caller) = new_key(&keeper, id, fields).await;
            watches.push((key, watch(&server, &caller).await, watch(&other, &caller).await));
        }
        keeper.ok("RevokeApiKey", json!({"name": watches[0].0["name"]})).await;
        let record = async |id: &str| {
            keeper.ok("GetPrincipal", json!({"name": format!("principals/{id}")})).await
        };
        let disabled = record("disabled").await;
        let disable = json!({"name": disabled["name"], "etag": disabled["etag"]});
        keeper.ok("DisablePrincipal", disable).await;
        let moved = json!({
            "name": "principals/moved", "agency": format!("agencies/{OTHER_AGENCY}"),
        });
        keeper.ok("UpdatePrincipal", json!({"principal": moved, "update_mask": "agency"})).await;
        server.clock.advance(600);
        other.clock.advance(600);
        let received = ["KEY_REVOKED", "PRINCIPAL_DISABLED", "KEY_EXPIRED", "PRINCIPAL_MOVED"];
        for ((_, here, there), received) in watches.into_iter().zip(received) {
            let received = format!("Unauthenticated {received}");
            assert_eq!(end(here).await, received);
            assert_eq!(end(there).await, received, "at another server");
        }
        server.stop().await;
        other.stop().await;
    }

    async fn a_download_ends_with_its_key(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let keeper = keeper(&server).await;
        server.person("steward", &[Role::Steward], None).await;
        let (key, caller) = new_key(&keeper, "steward", json!({})).await;
        let mut files = FileServiceClient::new(server.intercepted(caller));
        // larger than what the transport holds for a client that does not read
        let mut content = b"%PDF-1.7\n% synthetic\n".to_vec();
        content.resize(16 * 1024 * 1024, b'x');
        let sha256 = sha256(&content);
        let parts: Vec<_> = content.chunks(512 * 1024).map(|chunk| pb::UploadFileRequest {
            chunk: chunk.to_vec(),
            ..Default::default()
        }).collect();
        files.upload_file(tokio_stream::iter(parts)).await.unwrap();
        let request = pb::DownloadFileRequest { sha256 };
        let mut sent = files.download_file(request).await.unwrap().into_inner();
        sent.next().await.unwrap().unwrap();
        keeper.ok("RevokeApiKey", json!({"name": key["name"]})).await;
        let end = tokio::time::timeout(BOUND, async {
            while let Some(part) = sent.next().await {
                if let Err(status) = part {
                    return Some(reason(&status));
                }
            }
            None
        });
        assert_eq!(end.await.unwrap().as_deref(), Some("KEY_REVOKED"));
        server.stop().await;
    }

    async fn who_guesses_at_a_key_is_slowed_and_who_has_it_is_not(engine: Engine) {
        let options = ServerOptions {
            trusted_proxies: Proxies::new(vec!["127.0.0.0/8".parse().unwrap()]),
            ..ServerOptions::default()
        };
        let server = Server::start_allowing(&engine.url(), &[OPENING_EDITION], options).await;
        let keeper = keeper(&server).await;
        server.person("person", &[], None).await;
        let (key, _) = new_key(&keeper, "person", json!({})).await;
        let right = key["secret"].as_str().unwrap();
        let id = right.split('_').nth(1).unwrap();
        for id in [id, "aaaaaaaaaaaa"] {
            let wrong = format!("ndp_{id}_{}", "A".repeat(43));
            // all at once, so that the time which they take gives little back
            let (wrong, right) = (guesses(&server, &wrong), guesses(&server, right));
            for answer in right {
                answer.await.unwrap().expect("the right secret is never refused");
            }
            let mut slowed = 0;
            for answer in wrong {
                let status = answer.await.unwrap().unwrap_err();
                let info = status.get_details_error_info().unwrap();
                match status.code() {
                    Code::Unauthenticated => {}
                    Code::ResourceExhausted => {
                        assert_eq!(info.metadata["limit"], "wrong_keys", "{status:?}");
                        slowed += 1;
                    }
                    _ => panic!("{status:?}"),
                }
            }
            assert!((1..=50).contains(&slowed), "{slowed} of 60 were refused at once");
        }
        let auditor = server.raw(server.person("auditor", &[Role::Auditor], None).await);
        let filter = json!({"filter": "reason = \"LIMIT_REACHED\"", "page_size": 1});
        let denials = auditor.ok("ListDenials", filter).await;
        let address = denials["denials"][0]["address"].as_str().unwrap();
        assert!(address.starts_with("192.0.2."), "{denials}");
        let refused = server.metrics.encode().unwrap();
        let refused = refused.lines().find(|line| line.contains("limit=\"wrong_keys\""));
        let count = refused.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        assert!(count.is_some_and(|count| count >= 2.0), "{refused:?}");
        server.stop().await;
    }
}
