//! `If-Match`, `If-None-Match` and `ETag` (RFC 9110 §8.8.3, §13), as every method with an etag has
//! them.

use ndp_core::records::{plans::PlanState, principals::Role};
use serde_json::{Value, json};

use super::{JSON, detail, get, mistakes};
use crate::harness::{
    Engine, both,
    http::{Answer, send},
    plans::{AGENCY, Cast},
    server::{As, Server},
};

/// A request with these headers, as a caller.
async fn with(
    server: &Server,
    caller: &As,
    what: &str,
    more: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let mut headers = vec![JSON, ("authorization", caller.sent())];
    headers.extend(more);
    send(&server.address, what, &headers, &body.to_string()).await
}

fn outcome(answer: &Answer) -> String {
    match answer.status {
        200 => "200".to_owned(),
        status => format!("{status} {}", mistakes(answer)),
    }
}

fn quoted(etag: &Value) -> String {
    format!("\"{}\"", etag.as_str().unwrap())
}

both! {
    async fn a_record_is_written_where_it_is_what_if_match_names(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let patch = "PATCH /v1/agencies/bo-y-te?updateMask=displayNameEn";
        let path = "/v1/agencies/bo-y-te";
        let read = get(&server, path).await;
        let first = read.header("etag").unwrap().to_owned();
        assert_eq!(first, quoted(&read.json()["etag"]));
        let body = |text: &str| json!({"displayNameEn": text});
        let written = with(&server, &steward, patch, &[("if-match", &first)], &body("one")).await;
        assert_eq!(written.status, 200, "{}", written.text());
        let second = written.header("etag").unwrap().to_owned();
        assert_eq!(second, quoted(&written.json()["etag"]));
        assert_ne!(first, second);

        let list = format!("{first} , W/\"x\",{second}");
        let weak = format!("W/{second}");
        let pair = [first.as_str(), second.as_str()];
        let own = second.trim_matches('"');
        let was = first.trim_matches('"');
        let never = "412 ETAG_NOT_CURRENT";
        // tags, etag in the body, outcome of a preview
        for (lines, etag, expected) in [
            (&[first.as_str()][..], "", never),
            (&[second.as_str()], "", "200"),
            (&[list.as_str()], "", "200"),
            (&pair, "", "200"),
            (&["\"r0\", \"x\""], "", never),
            // weak tags match nothing here (RFC 9110 §13.1.1)
            (&[weak.as_str()], "", never),
            (&["\"\""], "", never),
            (&["*"], "", "200"),
            (&["*"], own, "200"),
            (&["*"], was, never),
            (&[second.as_str()], own, "200"),
            (&[list.as_str()], own, "200"),
            (&[first.as_str()], was, never),
            (&[list.as_str()], was, never),
            (&[second.as_str()], was, "400 if-match ETAG_CONTRADICTED"),
            (&[first.as_str()], own, "400 if-match ETAG_CONTRADICTED"),
            (&[weak.as_str()], own, "400 if-match ETAG_CONTRADICTED"),
            (&[own], "", "400 if-match MALFORMED"),
            (&[""], "", "400 if-match MALFORMED"),
            (&["\"r1"], "", "400 if-match MALFORMED"),
            (&["*, \"r1\""], "", "400 if-match MALFORMED"),
            // in the body alone
            (&[], was, "409 ETAG_NOT_CURRENT"),
            (&[], own, "200"),
            (&[], "", "200"),
        ] {
            let headers: Vec<_> = lines.iter().map(|it| ("if-match", *it)).collect();
            let what = format!("{patch}&validateOnly=true");
            let body = json!({"displayNameEn": "two", "etag": etag});
            let answer = with(&server, &steward, &what, &headers, &body).await;
            assert_eq!(outcome(&answer), expected, "{lines:?} {etag}");
            // a preview has no version
            assert_eq!(answer.header("etag"), None);
        }
        let stale = with(&server, &steward, patch, &[("if-match", &first)], &body("two")).await;
        assert_eq!(outcome(&stale), never);
        let received = stale.json();
        let current = &detail(&received, "ErrorInfo")["metadata"]["etag"];
        assert_eq!(quoted(current), second);
        assert_eq!(get(&server, path).await.json()["displayNameEn"], "one");
        let one_of = [("if-match", list.as_str())];
        let written = with(&server, &steward, patch, &one_of, &body("three")).await;
        assert_eq!(outcome(&written), "200");
        assert_eq!(get(&server, path).await.json()["displayNameEn"], "three");

        let none = [("if-none-match", "*")];
        let received = with(&server, &steward, patch, &none, &body("four")).await;
        assert_eq!(outcome(&received), "400 if-none-match CONDITION_UNSUPPORTED");
        // a method without an etag does not act as if it compared one
        let create = "POST /v1/agencies?agencyId=thu";
        let agency = json!({"displayName": "Cơ quan thử (synthetic)", "kind": "OTHER"});
        let received = with(&server, &steward, create, &[("if-match", &second)], &agency).await;
        assert_eq!(outcome(&received), "400 if-match CONDITION_UNSUPPORTED");
        let made = with(&server, &steward, create, &[], &agency).await;
        assert_eq!(made.header("etag"), Some(&*quoted(&made.json()["etag"])));
        // nor does a record that is not there turn into a condition that does not hold
        let gone = "PATCH /v1/agencies/khong-co?updateMask=displayNameEn";
        let received = with(&server, &steward, gone, &[("if-match", "*")], &body("five")).await;
        assert_eq!(outcome(&received), "404 RESOURCE_NOT_FOUND");
        server.stop().await;
    }

    async fn custom_methods_take_the_etag_from_if_match(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let create = "POST /v1/platforms/ndp-001/plans?planId=example";
        let draft = json!({"displayName": "Kế hoạch thử nghiệm (synthetic)"});
        let made = with(&server, &editor, create, &[], &draft).await;
        let tag = made.header("etag").unwrap().to_owned();
        let submit = "POST /v1/platforms/ndp-001/plans/example:submit";
        for (condition, body, expected) in [
            ("*", json!({}), "400 if-match CONDITION_UNSUPPORTED"),
            ("\"r0\"", json!({}), "412 ETAG_NOT_CURRENT"),
            ("W/\"r0\"", json!({}), "412 ETAG_NOT_CURRENT"),
            (&*tag, json!({"etag": "r0"}), "400 if-match ETAG_CONTRADICTED"),
            (&*tag, json!({}), "200"),
            (&*tag, json!({}), "412 ETAG_NOT_CURRENT"),
        ] {
            let received = with(&server, &editor, submit, &[("if-match", condition)], &body).await;
            assert_eq!(outcome(&received), expected, "{condition} {body}");
        }
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_answers_what_is_new_alone() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let path = "GET /v1/platforms/ndp-001";
    let whole = get(&server, "/v1/platforms/ndp-001").await;
    let tag = whole.header("etag").unwrap();
    let weak = format!("W/{tag}");
    let list = format!("\"x\", {tag}");
    for (name, value, expected) in [
        ("if-none-match", tag, 304),
        ("if-none-match", &weak, 304),
        ("if-none-match", &list, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"x\"", 200),
        ("if-none-match", "x", 400),
        ("if-match", tag, 200),
        ("if-match", &list, 200),
        ("if-match", "*", 200),
        ("if-match", &weak, 412),
        ("if-match", "\"x\"", 412),
        ("if-match", "x", 400),
        // ignored: the resource has no modification date (RFC 9110 §13.1.3)
        ("if-modified-since", "Sun, 01 Nov 2099 00:00:00 GMT", 200),
    ] {
        for verb in ["GET", "HEAD"] {
            let what = path.replace("GET", verb);
            let answer = send(&server.address, &what, &[(name, value)], "").await;
            assert_eq!(answer.status, expected, "{verb} {name}: {value}");
            if [200, 304].contains(&expected) {
                assert_eq!(answer.header("etag"), Some(tag));
                assert_eq!(answer.header("ndp-revision"), whole.header("ndp-revision"));
            }
            if expected == 304 {
                assert_eq!(
                    (answer.body.len(), answer.header("content-type")),
                    (0, None)
                );
                assert_eq!(answer.header("cache-control"), Some("no-store"));
            } else if verb == "GET" && expected > 200 {
                mistakes(&answer);
            }
        }
    }
    // both: the first that does not hold
    let both = [("if-match", "\"x\""), ("if-none-match", tag)];
    assert_eq!(send(&server.address, path, &both, "").await.status, 412);
    // what has no version has none to be compared
    for path in [
        "GET /v1/platforms?pageSize=1",
        "GET /v1/changes:watch?start=BEGINNING",
    ] {
        let received = send(&server.address, path, &[("if-match", tag)], "").await;
        assert_eq!(outcome(&received), "412 ETAG_NOT_CURRENT", "{path}");
    }
    let list = [("if-none-match", tag)];
    let list = send(&server.address, "GET /v1/platforms?pageSize=1", &list, "").await;
    assert_eq!((list.status, list.header("etag")), (200, None));
    server.stop().await;
}

/// Whether a plan is late changes with the day, without a write to the plan.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_computed_for_a_day_is_another_the_next_day() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let cast = Cast::new(&server).await;
    let plan = cast.plan_in("ndp-001", "example", PlanState::Issued).await;
    let path = "/v1/platforms/ndp-001/plans/example";
    let today = get(&server, path).await;
    let tag = today.header("etag").unwrap().to_owned();
    let etag = plan["etag"].as_str().unwrap();
    assert!(
        tag.starts_with(&format!("\"{etag};")),
        "{tag} of {}",
        today.text()
    );
    let what = format!("GET {path}");
    let known = [("if-none-match", &*tag)];
    assert_eq!(send(&server.address, &what, &known, "").await.status, 304);
    server.clock.advance(24 * 60 * 60);
    let tomorrow = send(&server.address, &what, &known, "").await;
    assert_eq!(tomorrow.status, 200);
    assert_eq!(tomorrow.json()["etag"], etag);
    assert_ne!(tomorrow.header("etag"), Some(&*tag));
    // the record is the same: a write may name it by either, and a read by the etag too
    let approver = server
        .person("approver", &[Role::AgencyApprover], Some(AGENCY))
        .await;
    let complete = format!("POST {path}:complete");
    for condition in [tag, format!("\"{etag}\"")] {
        let condition = [("if-match", &*condition)];
        assert_eq!(
            send(&server.address, &what, &condition[..], "")
                .await
                .status,
            if condition[0].1.contains(';') {
                412
            } else {
                200
            }
        );
        let body = json!({"validateOnly": true});
        let received = with(&server, &approver, &complete, &condition, &body).await;
        assert_ne!(received.status, 412, "{}", received.text());
        assert!(!received.text().contains("ETAG"), "{}", received.text());
    }
    server.stop().await;
}
