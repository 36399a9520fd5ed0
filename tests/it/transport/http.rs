//! HTTP/JSON over the wire: every method by its path answers what gRPC answers, its errors too;
//! what a URL and a body may say; streams as lines and as events.

mod bodies;
mod conditions;
mod reasons;
mod rfc;
mod tables;

use std::time::Duration;

use ndp_core::records::principals::Role;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use tonic::Status;

use crate::{
    contract::protos,
    harness::{
        Engine, both,
        http::{Answer, Reading, send},
        plans::{AGENCY, decision},
        raw::{self, POOL, Raw},
        server::{As, Server},
    },
};

const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: (&str, &str) = ("accept", "text/event-stream");
/// Far more than any of it takes.
const BOUND: Duration = Duration::from_secs(60);

async fn get(server: &Server, path: &str) -> Answer {
    send(&server.address, &format!("GET {path}"), &[], "").await
}

async fn ok(server: &Server, path: &str) -> Value {
    let answer = get(server, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// A request with a body, as a caller.
async fn post(server: &Server, caller: &As, what: &str, body: &Value) -> Answer {
    let headers = [JSON, ("authorization", caller.sent())];
    send(&server.address, what, &headers, &body.to_string()).await
}

/// google.rpc.Status in JSON, as the details of a gRPC error hold it; fields in the names of JSON.
fn status_json(status: &Status) -> Value {
    let descriptor = POOL.get_message_by_name("google.rpc.Status").unwrap();
    let whole = DynamicMessage::decode(descriptor, status.details()).unwrap();
    in_names_of_json(serde_json::to_value(whole).unwrap())
}

/// The same value with each word in the form of a proto field name changed to its JSON name; the
/// names of the agency roles stay, because they are not fields.
fn in_names_of_json(value: Value) -> Value {
    let word = regex::Regex::new("[a-z0-9]+(_[a-z0-9]+)+").unwrap();
    let of_text = |text: &str| {
        let camel = |found: &regex::Captures<'_>| {
            let mut parts = found[0].split('_');
            let first = parts.next().unwrap().to_owned();
            if first == "agency" && ["editor", "approver", "admin"].contains(&&found[0][7..]) {
                return found[0].to_owned();
            }
            parts.fold(first, |camel, part| {
                let (initial, rest) = part.split_at(1);
                camel + &initial.to_ascii_uppercase() + rest
            })
        };
        word.replace_all(text, camel).into_owned()
    };
    match value {
        Value::String(text) => of_text(&text).into(),
        Value::Array(list) => list.into_iter().map(in_names_of_json).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, in_names_of_json(value)))
            .collect(),
        other => other,
    }
}

/// The detail of this type in an error's body.
fn detail<'a>(error: &'a Value, name: &str) -> &'a Value {
    let details = error["details"].as_array().expect("details");
    let type_url = format!("type.googleapis.com/google.rpc.{name}");
    let found = details.iter().find(|it| it["@type"] == *type_url);
    found.unwrap_or_else(|| panic!("no {name} in {error}"))
}

/// The reason, and each field that was wrong: `INVALID_REQUEST: foo PARAMETER_UNKNOWN`.
fn mistakes(answer: &Answer) -> String {
    let error = answer.json();
    assert!(!error["message"].as_str().unwrap().is_empty());
    let vietnamese = detail(&error, "LocalizedMessage");
    assert_eq!(vietnamese["locale"], "vi");
    let reason = detail(&error, "ErrorInfo")["reason"]
        .as_str()
        .unwrap()
        .to_owned();
    if reason != "INVALID_REQUEST" {
        return reason;
    }
    let violations = detail(&error, "BadRequest")["fieldViolations"]
        .as_array()
        .unwrap();
    let lines = violations.iter().map(|it| {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        assert!(!text("description").is_empty());
        assert!(
            !it["localizedMessage"]["message"]
                .as_str()
                .unwrap()
                .is_empty()
        );
        format!("{} {}", text("field"), text("reason"))
            .trim()
            .to_owned()
    });
    lines.collect::<Vec<_>>().join(", ")
}

/// Sets a field by its path, `plan.name`.
fn set(request: &mut Value, path: &str, value: &str) {
    let mut place = request;
    for name in path.split('.') {
        place = &mut place[name];
    }
    *place = value.into();
}

both! {
    /// The same request both ways: the answer, or the error with all its details, is the same.
    async fn every_method_answers_what_grpc_answers(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let variable = regex::Regex::new(r"\{([\w.]+)=([^}]+)\}").unwrap();
        let mut answered = 0;
        let mut refused = 0;
        for method in raw::methods() {
            let name = method.name().to_owned();
            // a stream of requests has no form in HTTP/JSON
            let Some((verb, template, body)) = protos::http(&method)
                .filter(|_| !method.is_client_streaming())
            else {
                continue;
            };
            let mut request = json!({});
            if !body.is_empty() && body != "*" {
                request[&body] = json!({});
            }
            let path = variable.replace_all(&template, |it: &regex::Captures<'_>| {
                let value = it[2].replacen('*', "ndp-001", 1).replace('*', "no-such");
                let value = value.replace("editions/ndp-001", "editions/2618-qd-bkhcn");
                let value = value.replace("agencies/ndp-001", "agencies/bo-y-te");
                let value = value.replace("changes/ndp-001", "changes/1");
                set(&mut request, &it[1], &value);
                value
            });
            let has_body = verb != "get";
            let writes = method.input().get_field_by_name("validate_only").is_some();
            if writes {
                // the second of the two would find what the first wrote
                request["validate_only"] = true.into();
            }
            for caller in [None, Some(&steward)] {
                let mut headers = Vec::new();
                headers.extend(caller.map(|it| ("authorization", it.sent())));
                let text = match body.as_str() {
                    "" => "",
                    "*" if writes => r#"{"validateOnly": true}"#,
                    _ => "{}",
                };
                if has_body {
                    headers.push(JSON);
                }
                let in_query = writes && text == "{}";
                let query = if in_query { "?validateOnly=true" } else { "" };
                let what = format!("{} {path}{query}", verb.to_uppercase());
                let answer = send(&server.address, &what, &headers, text).await;
                let of_grpc = |it: &&(String, String)| it.0.to_lowercase().starts_with("grpc-");
                assert_eq!(answer.headers.iter().find(of_grpc), None, "{name}");
                let raw = server.raw(caller.cloned().unwrap_or_default());
                let revision = server.registry.revision().get().to_string();
                assert_eq!(answer.header("ndp-revision"), Some(&*revision), "{name}");
                let part = protos::response_body(&method);
                if let Some(part) = part.filter(|_| answer.status == 200) {
                    let expected = raw.respond(&name, request.clone()).await.unwrap();
                    let expected = serde_json::to_value(expected.get_ref()).unwrap();
                    assert_eq!(expected[&part], answer.text(), "{name}");
                    answered += 1;
                    continue;
                }
                assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
                match raw.respond(&name, request.clone()).await {
                    Ok(expected) => {
                        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
                        let mut expected = serde_json::to_value(expected.get_ref()).unwrap();
                        let mut received = answer.json();
                        // page tokens differ from answer to answer
                        let token = received.as_object_mut().unwrap().remove("nextPageToken");
                        let other = expected.as_object_mut().unwrap().remove("nextPageToken");
                        assert_eq!(token.is_some(), other.is_some(), "{name}");
                        assert_eq!(received, expected, "{name}");
                        answered += 1;
                    }
                    Err(status) => {
                        assert_eq!(answer.json(), status_json(&status), "{name}");
                        assert!(answer.status >= 400, "{name}: {}", answer.status);
                        refused += 1;
                    }
                }
            }
        }
        assert!(answered > 20 && refused > 40, "{answered} answered, {refused} refused");
        server.stop().await;
    }

    async fn a_plan_is_drafted_mended_and_submitted(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let parent = "/v1/platforms/ndp-001/plans";
        let create = format!(
            "POST {parent}?planId=example&request_id=5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958"
        );
        let draft = json!({"displayName": "Kế hoạch thử nghiệm (synthetic)"});
        let created = post(&server, &editor, &create, &draft).await;
        assert_eq!(created.status, 200, "{}", created.text());
        let plan = created.json();
        assert_eq!(plan["name"], "platforms/ndp-001/plans/example");
        assert_eq!(plan["state"], "DRAFT");
        // the same request id answers the same, and writes nothing more
        let again = post(&server, &editor, &create, &draft).await;
        assert_eq!(again.json(), plan);
        assert_eq!(again.header("ndp-revision"), created.header("ndp-revision"));

        // a mask in the names of JSON or of the protos; the proto's names in the body too
        let url = format!("{parent}/example");
        let patch = format!("PATCH {url}?updateMask=leadUnit,accountable_head");
        let body = json!({
            "lead_unit": "Đơn vị thử nghiệm (synthetic)",
            "accountableHead": {"office": "Cục trưởng (synthetic)"},
            "displayName": "not in the mask",
            "name": "platforms/ndp-001/plans/example",
        });
        let patched = post(&server, &editor, &patch, &body).await;
        assert_eq!(patched.status, 200, "{}", patched.text());
        let patched = patched.json();
        assert_eq!(patched["leadUnit"], "Đơn vị thử nghiệm (synthetic)");
        assert_eq!(patched["accountableHead"]["office"], "Cục trưởng (synthetic)");
        assert_eq!(patched["displayName"], "Kế hoạch thử nghiệm (synthetic)");

        let submit = format!("POST {url}:submit");
        let stale = post(&server, &editor, &submit, &json!({"etag": plan["etag"]})).await;
        assert_eq!((stale.status, mistakes(&stale)), (409, "ETAG_NOT_CURRENT".into()));
        let body = json!({"etag": patched["etag"], "reason": "thử nghiệm"});
        let submitted = post(&server, &editor, &submit, &body).await;
        assert_eq!(submitted.json()["state"], "SUBMITTED");
        let written = submitted.json()["revision"].as_str().unwrap().to_owned();
        assert_eq!(submitted.header("ndp-revision"), Some(&*written));

        // the codes of google.rpc as HTTP has them
        let body = json!({"etag": submitted.json()["etag"], "document": decision([2026, 9, 30])});
        let issue = format!("POST {url}:issue");
        let denied = post(&server, &editor, &issue, &body).await;
        assert_eq!((denied.status, mistakes(&denied)), (403, "PERMISSION_DENIED".into()));
        let other = json!({"displayName": "Kế hoạch khác (synthetic)"});
        let taken = post(&server, &editor, &format!("POST {parent}?planId=example"), &other).await;
        assert_eq!((taken.status, mistakes(&taken)), (409, "RESOURCE_ALREADY_EXISTS".into()));
        let frozen = post(&server, &editor, &submit, &json!({"etag": body["etag"]})).await;
        assert_eq!(frozen.status, 400, "{}", frozen.text());
        detail(&frozen.json(), "PreconditionFailure");
        let hidden = get(&server, &url).await;
        assert_eq!((hidden.status, mistakes(&hidden)), (404, "RESOURCE_NOT_FOUND".into()));
        let nobody = send(&server.address, "POST /v1/agencies?agencyId=x", &[JSON],
            r#"{"displayName": "Cơ quan (synthetic)", "kind": "OTHER"}"#).await;
        assert_eq!((nobody.status, mistakes(&nobody)), (401, "CREDENTIALS_MISSING".into()));
        assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
        server.stop().await;
    }

    async fn a_watch_is_read_as_lines_and_as_events(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let watch = "GET /v1/changes:watch?start=BEGINNING&resources=agencies/-";
        let mut lines = Reading::open(&server.address, watch, &[], "").await;
        assert_eq!(lines.status, 200);
        assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
        let first: Value = serde_json::from_str(&lines.line().await.unwrap()).unwrap();
        assert_eq!(first["change"]["revision"], "1");

        // events: resumed after the last one by the header that a browser sends
        let snapshot = "GET /v1/changes:watch?start=SNAPSHOT&resources=agencies/-";
        let mut events = Reading::open(&server.address, snapshot, &[EVENTS], "").await;
        assert_eq!(events.header("content-type"), Some("text/event-stream"));
        assert_eq!(events.header("cache-control"), Some("no-store"));
        let mut records = 0;
        loop {
            let (id, data) = event(&mut events).await;
            let part = &data["snapshot"];
            records += part["records"].as_array().map_or(0, Vec::len);
            // only the whole of it can be resumed after
            assert_eq!(id.is_some(), part["complete"] == true, "{data}");
            if let Some(id) = id {
                assert_eq!(data["position"], *id);
                break;
            }
        }
        assert!(records > 10, "{records} agencies");
        let before = server.registry.revision().get();
        let steward = server.person("steward", &[Role::Steward], None).await;
        let steward = server.raw(steward);
        for id in ["thu-mot", "thu-hai"] {
            agency(&steward, id).await;
        }
        assert_eq!(server.registry.revision().get(), before + 4);
        let mut positions = Vec::new();
        for (revision, expected) in [(before + 3, "thu-mot"), (before + 4, "thu-hai")] {
            let (id, data) = event(&mut events).await;
            assert_eq!(data["revision"], revision.to_string());
            assert_eq!(data["position"], *id.as_ref().unwrap());
            positions.extend(id);
            let effect = &data["change"]["effects"][0];
            assert_eq!(effect["resource"], format!("agencies/{expected}"));
            let line: Value = serde_json::from_str(&lines.line().await.unwrap()).unwrap();
            assert_eq!(line, data);
        }
        drop(events);
        // a position is what was sent; a revision is for a person who types
        let revision = (before + 3).to_string();
        let mut resumed = Vec::new();
        for last in [&positions[0], &revision] {
            let headers = [EVENTS, ("last-event-id", last)];
            let mut events = Reading::open(&server.address, snapshot, &headers, "").await;
            let (id, data) = event(&mut events).await;
            assert_eq!(id.as_ref(), Some(&positions[1]));
            assert_eq!(data["change"]["effects"][0]["resource"], "agencies/thu-hai");
            resumed.push(events);
        }
        let mut events = resumed.pop().unwrap();
        drop(resumed);

        // the end says why
        let stopping = tokio::spawn(server.stop());
        let end: Value = serde_json::from_str(&lines.line().await.unwrap()).unwrap();
        assert_eq!(end["error"]["code"], 14, "{end}");
        assert_eq!(detail(&end["error"], "ErrorInfo")["reason"], "SHUTTING_DOWN");
        assert_eq!(lines.line().await, None);
        assert_eq!(events.line().await.as_deref(), Some("event: status"));
        let (_, status) = event(&mut events).await;
        assert_eq!(status, end["error"]);
        assert_eq!(events.line().await, None);
        drop((lines, events));
        tokio::time::timeout(BOUND, stopping).await.unwrap().unwrap();
    }
}

/// The next event: id and data.
async fn event(events: &mut Reading) -> (Option<String>, Value) {
    let mut id = None;
    let mut data = None;
    loop {
        let line = events.line().await.expect("an event");
        match line.split_once(": ") {
            Some(("id", value)) => id = Some(value.to_owned()),
            Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
            _ => assert_eq!(line, ""),
        }
        if line.is_empty() {
            return (id, data.expect("data in the event"));
        }
    }
}

async fn agency(steward: &Raw, id: &str) -> Value {
    let agency = json!({"display_name": format!("Cơ quan {id} (synthetic)"), "kind": "OTHER"});
    steward
        .ok("CreateAgency", json!({"agency_id": id, "agency": agency}))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_parameters_of_the_query() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    // pages, in either spelling of a name; `+` and percent both are what forms send
    let first = ok(
        &server,
        "/v1/platforms?pageSize=2&orderBy=display_name+desc",
    )
    .await;
    assert_eq!(first["platforms"].as_array().unwrap().len(), 2);
    let token = first["nextPageToken"].as_str().unwrap();
    let next = format!("/v1/platforms?page_size=1&order_by=display_name%20desc&page_token={token}");
    let next = ok(&server, &next).await;
    assert_ne!(next["platforms"][0], first["platforms"][1]);
    // text with diacritics, quotes and spaces; an enum by its name; a flag
    let found = ok(
        &server,
        "/v1/platforms:search?query=%C4%91%E1%BB%8Bnh%20danh&pageSize=1",
    )
    .await;
    assert_eq!(found["platforms"][0]["name"], "platforms/ndp-001");
    let filter = "governing_agency%20%3D%20%22agencies%2Fbo-cong-an%22";
    let full = "PLATFORM_VIEW_FULL";
    let filtered = ok(
        &server,
        &format!("/v1/platforms?filter={filter}&view={full}"),
    )
    .await;
    let governed = filtered["platforms"].as_array().unwrap();
    assert!(
        !governed.is_empty() && governed[0].get("listings").is_some(),
        "{filtered}"
    );
    assert!(
        governed
            .iter()
            .all(|it| it["governingAgency"] == "agencies/bo-cong-an")
    );
    // repeated, in their order
    let names = "names=platforms/ndp-003&names=platforms%2Fndp-001";
    let batch = ok(&server, &format!("/v1/platforms:batchGet?{names}")).await;
    let names: Vec<_> = batch["platforms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["platforms/ndp-003", "platforms/ndp-001"]);
    // a time, a message's fields, 64 bits
    server.clock.advance(60);
    let steward = server.person("steward", &[Role::Steward], None).await;
    agency(&server.raw(steward), "thu").await;
    let past = get(&server, "/v1/agencies/thu?readTime=2026-10-01T02:00:30Z").await;
    assert_eq!(past.status, 404, "{}", past.text());
    let past = get(&server, "/v1/platforms/ndp-001?readRevision=1").await;
    assert_eq!(past.header("ndp-revision"), Some("1"));
    let now = ok(&server, "/v1/agencies/thu?read_time=2026-10-01T02:01:00Z").await;
    assert_eq!(now["displayName"], "Cơ quan thu (synthetic)");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_url_or_body_may_not_say_is_named() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    for (path, expected) in [
        ("/v1/platforms?colour=red", "colour PARAMETER_UNKNOWN"),
        (
            "/v1/platforms?page_size=two",
            "pageSize PARAMETER_MALFORMED",
        ),
        (
            "/v1/platforms?pageSize=3000000000",
            "pageSize PARAMETER_MALFORMED",
        ),
        ("/v1/platforms?view=2", "view PARAMETER_MALFORMED"),
        (
            "/v1/platforms?readRevision=1.5",
            "readRevision PARAMETER_MALFORMED",
        ),
        (
            "/v1/platforms?readTime=yesterday",
            "readTime PARAMETER_MALFORMED",
        ),
        (
            "/v1/platforms?pageSize=1&page_size=2",
            "pageSize PARAMETER_REPEATED",
        ),
        (
            "/v1/platforms?view.colour=1",
            "view.colour PARAMETER_UNKNOWN",
        ),
        ("/v1/platforms?filter=%FF", "PARAMETER_MALFORMED"),
        // the path fills it
        (
            "/v1/platforms/ndp-001?name=platforms/ndp-002",
            "name PARAMETER_UNKNOWN",
        ),
        (
            "/v1/platforms?colour=red&view=2&pageSize=x",
            "colour PARAMETER_UNKNOWN, view PARAMETER_MALFORMED, pageSize PARAMETER_MALFORMED",
        ),
        // what the method itself refuses
        ("/v1/platforms/UPPER", "name PATTERN"),
        ("/v1/platforms/a%2Fb", "name PATTERN"),
        ("/v1/platforms?page_size=-1", "pageSize OUT_OF_RANGE"),
    ] {
        let answer = get(&server, path).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (400, expected.to_owned()),
            "{path}"
        );
    }
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let create = "POST /v1/platforms/ndp-001/plans?planId=x";
    let patch = "PATCH /v1/platforms/ndp-001/plans/x";
    let submit = "POST /v1/platforms/ndp-001/plans/x:submit";
    for (what, body, expected) in [
        (create, "{", "plan BODY_MALFORMED"),
        (create, "[]", "plan BODY_MALFORMED"),
        (create, "{} {}", "plan BODY_MALFORMED"),
        (
            create,
            r#"{"displayName": 1}"#,
            "plan.displayName BODY_MALFORMED",
        ),
        (create, r#"{"colour": 1}"#, "plan.colour FIELD_UNKNOWN"),
        (
            create,
            r#"{"budget": {"amount": {"units": "x"}}}"#,
            "plan.budget.amount.units BODY_MALFORMED",
        ),
        (
            create,
            r#"{"visibility": "SOME"}"#,
            "plan.visibility BODY_MALFORMED",
        ),
        // nothing at all: the field rules say what is missing
        (create, " ", "plan REQUIRED"),
        (submit, "", "etag REQUIRED"),
        (
            submit,
            r#"{"etag": "r1", "name": "platforms/b/plans/c"}"#,
            "name PATH_CONTRADICTED",
        ),
        (
            patch,
            r#"{"name": "platforms/b/plans/c"}"#,
            "plan.name PATH_CONTRADICTED",
        ),
    ] {
        let headers = [JSON, ("authorization", editor.sent())];
        let answer = send(&server.address, what, &headers, body).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (400, expected.to_owned()),
            "{what} {body}"
        );
    }
    // with `body: "*"` everything is in the body
    let query = format!("{submit}?reason=x");
    let answer = post(&server, &editor, &query, &json!({"etag": "r1"})).await;
    assert_eq!(mistakes(&answer), "reason PARAMETER_UNKNOWN");
    let answer = send(
        &server.address,
        "GET /v1/platforms",
        &[JSON],
        "{\"pageSize\": 1}",
    )
    .await;
    assert_eq!(mistakes(&answer), "BODY_UNEXPECTED");
    let deep = format!("{{\"budget\": {}", "[".repeat(10_000));
    let answer = post_text(&server, &editor, create, &deep).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    server.stop().await;
}

async fn post_text(server: &Server, caller: &As, what: &str, body: &str) -> Answer {
    let headers = [JSON, ("authorization", caller.sent())];
    send(&server.address, what, &headers, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_has_its_own_refusals() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    for (what, status, reason) in [
        ("GET /nothing", 404, "PATH_UNKNOWN"),
        ("GET /v1/", 404, "PATH_UNKNOWN"),
        ("GET /v1/platforms/", 404, "PATH_UNKNOWN"),
        ("GET /v1/platforms/a:frob", 404, "PATH_UNKNOWN"),
        ("GET /v1/platforms/%FF", 404, "PATH_UNKNOWN"),
        (
            "POST /ndp.registry.v1.CatalogueService/GetPlatform",
            404,
            "PATH_UNKNOWN",
        ),
        ("DELETE /v1/platforms/ndp-001", 405, "VERB_UNKNOWN"),
        ("POST /openapi.json", 405, "VERB_UNKNOWN"),
    ] {
        let answer = send(&server.address, what, &[], "").await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (status, reason.to_owned()),
            "{what}"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let refused = send(&server.address, "DELETE /v1/platforms/ndp-001", &[], "").await;
    assert_eq!(refused.header("allow"), Some("GET, PATCH, HEAD, OPTIONS"));
    let asked = send(&server.address, "OPTIONS /v1/platforms", &[], "").await;
    assert_eq!(
        (asked.status, asked.header("allow")),
        (204, Some("GET, POST, HEAD, OPTIONS"))
    );
    let head = send(&server.address, "HEAD /v1/platforms/ndp-001", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.header("ndp-revision").is_some());

    let create = "POST /v1/agencies";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = send(&server.address, create, &form, "{}").await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (415, "MEDIA_TYPE_UNSUPPORTED".into())
    );
    let large = format!("{{\"displayName\": \"{}\"}}", "a".repeat(1024 * 1024));
    let answer = send(&server.address, create, &[JSON], &large).await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (413, "MESSAGE_TOO_LARGE".into())
    );
    let long = format!("/v1/platforms?filter={}", "a".repeat(40_000));
    let answer = get(&server, &long).await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (414, "URL_TOO_LONG".into())
    );
    let resume = [EVENTS, ("last-event-id", "yesterday")];
    let answer = send(&server.address, "GET /v1/changes:watch", &resume, "").await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (400, "last-event-id PARAMETER_MALFORMED".into())
    );
    let never = "GET /v1/changes:watch?start=RESUME&resumeRevision=999";
    let soon = [EVENTS, ("x-server-timeout", "2")];
    let answer = send(&server.address, never, &soon, "").await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (503, "REVISION_NOT_REACHED".into())
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_and_time_are_headers() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let system = ndp_core::records::principals::PrincipalKind::System;
    let caller = server
        .principal("machine", system, &[Role::Auditor], None)
        .await;
    let headers = [
        ("authorization", caller.sent()),
        ("ndp-actor", "CB%2D0142"),
        ("ndp-min-revision", "1"),
    ];
    let who = send(
        &server.address,
        "GET /v1/principals:identifyCaller",
        &headers,
        "",
    )
    .await
    .json();
    assert_eq!(
        (&who["principal"], &who["actor"]),
        (&json!("principals/machine"), &json!("CB-0142"))
    );
    let wrong = [("authorization", "Bearer ndp_wrong")];
    let answer = send(
        &server.address,
        "GET /v1/principals:identifyCaller",
        &wrong,
        "",
    )
    .await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (401, "CREDENTIALS_INVALID".into())
    );
    // a malformed timeout is refused, not ignored
    for time in ["2,5", "abc", "0x1", "-1", "1e3", ".5", ""] {
        let headers = [("x-server-timeout", time)];
        let answer = send(
            &server.address,
            "GET /v1/principals:identifyCaller",
            &headers,
            "",
        )
        .await;
        let received = (answer.status, mistakes(&answer));
        assert_eq!(
            received,
            (400, "x-server-timeout MALFORMED".into()),
            "{time}"
        );
    }
    let twice = [("x-server-timeout", "1"), ("x-server-timeout", "2")];
    let answer = send(
        &server.address,
        "GET /v1/principals:identifyCaller",
        &twice,
        "",
    )
    .await;
    assert_eq!(mistakes(&answer), "x-server-timeout MALFORMED");
    let over = [("x-server-timeout", "0")];
    let answer = send(
        &server.address,
        "GET /v1/principals:identifyCaller",
        &over,
        "",
    )
    .await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (504, "DEADLINE_EXCEEDED".into())
    );
    let enough = [("x-server-timeout", "30.5")];
    let answer = send(
        &server.address,
        "GET /v1/principals:identifyCaller",
        &enough,
        "",
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // a revision that does not come: over by the time given, with one to try again at
    let summary = "GET /v1/platforms:computeSummary";
    let headers = [("ndp-min-revision", "999"), ("x-server-timeout", "0.05")];
    let answer = send(&server.address, summary, &headers, "").await;
    match (answer.status, &*mistakes(&answer)) {
        (503, "REVISION_NOT_REACHED") => assert_eq!(answer.header("retry-after"), Some("1")),
        (504, "DEADLINE_EXCEEDED") => {}
        other => panic!("{other:?}"),
    }
    let headers = [("ndp-min-revision", "999"), ("grpc-timeout", "50m")];
    let answer = send(&server.address, summary, &headers, "").await;
    assert!([503, 504].contains(&answer.status), "{}", answer.status);
    mistakes(&answer);
    server.stop().await;
}

/// The limits on calls apply here as well: a caller above its rate is refused, and the answer says
/// when to retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_and_say_when_to_come_again() {
    let engine = Engine::sqlite();
    let mut options = ndp_registry::config::ServerOptions::default();
    options.limits.calls_per_second = 1;
    let editions = [ndp_registry::catalogue::OPENING_EDITION];
    let server = Server::start_allowing(&engine.url(), &editions, options).await;
    let mut refused = None;
    for _ in 0..20 {
        let answer = get(&server, "/v1/platforms/ndp-001").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("twenty calls at once are more than one a second");
    assert_eq!(refused.status, 429, "{}", refused.text());
    let error = refused.json();
    detail(&error, "QuotaFailure");
    assert!(
        detail(&error, "RetryInfo")["retryDelay"]
            .as_str()
            .unwrap()
            .ends_with('s')
    );
    assert!(
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    server.stop().await;
}

/// Pages of sites that are named, and no others, may call HTTP/JSON too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_lets_pages_of_named_sites_call() {
    let engine = Engine::sqlite();
    let page = "https://dashboard.example";
    let options = ndp_registry::config::ServerOptions {
        web_origins: vec![page.parse().unwrap()],
        ..Default::default()
    };
    let editions = [ndp_registry::catalogue::OPENING_EDITION];
    let server = Server::start_allowing(&engine.url(), &editions, options).await;
    let allows = "access-control-allow-origin";
    for (origin, allowed) in [(page, Some(page)), ("https://other.example", None)] {
        let asks = [
            ("origin", origin),
            ("access-control-request-method", "PATCH"),
            (
                "access-control-request-headers",
                "authorization,content-type,if-match,last-event-id",
            ),
        ];
        let path = "OPTIONS /v1/platforms/ndp-001";
        let answer = send(&server.address, path, &asks, "").await;
        assert_eq!(answer.header(allows), allowed, "{origin}");
        if allowed.is_some() {
            let methods = answer.header("access-control-allow-methods").unwrap();
            assert!(
                methods.contains("PATCH") && methods.contains("GET"),
                "{methods}"
            );
            let headers = answer.header("access-control-allow-headers").unwrap();
            assert!(headers.contains("last-event-id"), "{headers}");
            assert!(headers.contains("if-match"), "{headers}");
        }
        let path = "GET /v1/platforms/ndp-001";
        let answer = send(&server.address, path, &[("origin", origin)], "").await;
        assert_eq!(
            (answer.status, answer.header(allows)),
            (200, allowed),
            "{origin}"
        );
    }
    server.stop().await;
}

/// HTTP/2 without TLS, as proxies speak it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_speaks_http_2_too() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let connection = tokio::net::TcpStream::connect(&server.address)
        .await
        .unwrap();
    let (mut client, connection) = h2::client::handshake(connection).await.unwrap();
    let driving = tokio::spawn(connection);
    let uri = format!("http://{}/v1/platforms/ndp-001", server.address);
    let request = tonic::codegen::http::Request::get(uri).body(()).unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let mut body = answer.into_body();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        text.extend_from_slice(&data.unwrap());
    }
    let platform: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(platform["name"], "platforms/ndp-001");
    drop((client, body));
    driving.await.unwrap().unwrap();
    server.stop().await;
}
