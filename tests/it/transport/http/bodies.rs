//! Bodies and parameters over the wire: what is counted, given twice, in gzip; dates and enums as
//! people write them. Every form of every kind is in the unit tests of src/http/body.rs.

use std::io::Write as _;

use flate2::{
    Compression,
    write::{GzDecoder, GzEncoder},
};
use ndp_core::records::principals::Role;
use ndp_registry::call::REQUEST_BYTES_MAX;
use serde_json::{Value, json};

use super::{EVENTS, JSON, detail, get, mistakes, ok, post, post_text};
use crate::harness::{
    Engine, both,
    http::{Answer, Reading, send},
    plans::AGENCY,
    server::{As, Server},
};

const CREATE: &str = "POST /v1/platforms/ndp-001/plans?planId=example&validateOnly=true";

fn packed(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn unpacked(data: &[u8]) -> String {
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(data).unwrap();
    String::from_utf8(decoder.finish().unwrap()).unwrap()
}

async fn editor(server: &Server) -> As {
    server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_is_given_once() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let editor = editor(&server).await;
    for (body, expected) in [
        (
            r#"{"displayName": "a", "displayName": "b"}"#,
            "plan.displayName FIELD_REPEATED",
        ),
        (
            r#"{"displayName": "a", "display_name": "a"}"#,
            "plan.displayName FIELD_REPEATED",
        ),
        (
            r#"{"budget": {"amount": {"units": 1, "units": 1}}}"#,
            "plan.budget.amount.units FIELD_REPEATED",
        ),
        (
            r#"{"budget": {"price_year": 2026, "priceYear": 2026}}"#,
            "plan.budget.priceYear FIELD_REPEATED",
        ),
        (
            r#"{"coordinatingAgencies": ["agencies/a", null]}"#,
            "plan.coordinatingAgencies[1] BODY_MALFORMED",
        ),
        (r#"{"lead_unit": 5}"#, "plan.leadUnit BODY_MALFORMED"),
        (r#"{"leed_unit": "x"}"#, "plan.leed_unit FIELD_UNKNOWN"),
    ] {
        let answer = post_text(&server, &editor, CREATE, body).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (400, expected.to_owned()),
            "{body}"
        );
    }
    // a byte order mark is what some editors put before it
    let marked = "\u{FEFF}{\"displayName\": \"Kế hoạch (synthetic)\"}";
    let answer = post_text(&server, &editor, CREATE, marked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_counted_before_anything_is_made_of_them() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let editor = editor(&server).await;
    let many = format!("{{\"sources\": [{}{{}}]}}", "{},".repeat(300_000));
    let deep = format!("{{\"budget\": {}", "{\"a\":".repeat(101));
    for (body, expected) in [(many, "BODY_TOO_COMPLEX"), (deep, "BODY_TOO_DEEP")] {
        let answer = post_text(&server, &editor, CREATE, &body).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (400, expected.to_owned())
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_date_is_one_text_and_an_enum_a_short_one() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let text = ok(
        &server,
        "/v1/platforms:computeSummary?effectiveDate=2026-09-30",
    )
    .await;
    let nested = "effectiveDate.year=2026&effective_date.month=9&effectiveDate.day=30";
    assert_eq!(
        ok(&server, &format!("/v1/platforms:computeSummary?{nested}")).await,
        text
    );
    assert_eq!(
        text["effectiveDate"],
        json!({"year": 2026, "month": 9, "day": 30})
    );
    for (query, expected) in [
        (
            "effectiveDate=01/11/2026",
            "effectiveDate PARAMETER_MALFORMED",
        ),
        (
            "effective_date=2026-11",
            "effectiveDate PARAMETER_MALFORMED",
        ),
        (
            "effectiveDate=2026-02-30",
            "effectiveDate PARAMETER_MALFORMED",
        ),
        (
            "effectiveDate=2026-11-01&effectiveDate.day=2",
            "effectiveDate.day PARAMETER_REPEATED",
        ),
        (
            "effectiveDate=2026-11-01&effectiveDate=2026-11-02",
            "effectiveDate PARAMETER_REPEATED",
        ),
    ] {
        let answer = get(&server, &format!("/v1/platforms:computeSummary?{query}")).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (400, expected.to_owned()),
            "{query}"
        );
        let named = answer.text().contains("2026-11-01") || expected.ends_with("REPEATED");
        assert!(named, "{}", answer.text());
    }
    let full = ok(&server, "/v1/platforms?pageSize=1&view=PLATFORM_VIEW_FULL").await;
    for right in ["FULL", "full", "platform_view_full"] {
        let short = ok(&server, &format!("/v1/platforms?pageSize=1&view={right}")).await;
        assert_eq!(short["platforms"], full["platforms"], "{right}");
    }
    for wrong in ["fuller", "VIEW_FULL", "", "_FULL"] {
        let answer = get(&server, &format!("/v1/platforms?view={wrong}")).await;
        assert_eq!(mistakes(&answer), "view PARAMETER_MALFORMED", "{wrong}");
        assert!(
            answer.text().contains("`PLATFORM_VIEW_FULL`"),
            "{}",
            answer.text()
        );
    }

    let editor = editor(&server).await;
    let plan = |start: Value, end: Value| {
        json!({
            "displayName": "Kế hoạch thử nghiệm (synthetic)",
            "plannedEnd": {"start": start, "end": end, "asWritten": "2026"},
        })
    };
    let text = plan("2026-01-01".into(), "2026-12-31".into());
    let whole = plan(
        json!({"year": 2026, "month": 1, "day": 1}),
        json!({"year": 2026, "month": 12, "day": 31}),
    );
    let answer = post(&server, &editor, CREATE, &text).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["plannedEnd"], whole["plannedEnd"]);
    let answer = post(
        &server,
        &editor,
        CREATE,
        &plan("2026-13-01".into(), Value::Null),
    )
    .await;
    assert_eq!(mistakes(&answer), "plan.plannedEnd.start BODY_MALFORMED");
    assert!(answer.text().contains("2026-11-01"), "{}", answer.text());
    // a period as one text
    for (text, start, end) in [
        ("2026-02-03", "2026-02-03", "2026-02-03"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-02-03/2026-12-31", "2026-02-03", "2026-12-31"),
        ("../2026-12-31", "", "2026-12-31"),
        ("2026-02-03/..", "2026-02-03", ""),
    ] {
        let plan = json!({"displayName": "Kế hoạch thử nghiệm (synthetic)", "plannedEnd": text});
        let answer = post(&server, &editor, CREATE, &plan).await;
        assert_eq!(answer.status, 200, "{text}: {}", answer.text());
        let made = &answer.json()["plannedEnd"];
        let day = |day: &Value| {
            let part = |name: &str| day[name].as_i64();
            let part = |name| part(name).map(|it| format!("{it:02}"));
            let parts: Option<Vec<_>> = ["year", "month", "day"].into_iter().map(part).collect();
            parts.map(|it| it.join("-")).unwrap_or_default()
        };
        assert_eq!(
            (&*day(&made["start"]), &*day(&made["end"])),
            (start, end),
            "{text}"
        );
    }
    for text in ["Quý IV/2026", "2026-13", "2026-12-31/", "..", "2026-00", ""] {
        let plan = json!({"displayName": "Kế hoạch thử nghiệm (synthetic)", "plannedEnd": text});
        let answer = post(&server, &editor, CREATE, &plan).await;
        assert_eq!(
            mistakes(&answer),
            "plan.plannedEnd BODY_MALFORMED",
            "{text}"
        );
    }
    server.stop().await;
}

both! {
    /// The same answer is the same bytes: the keys of a map come in their order.
    async fn maps_are_written_in_order(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let keys: Vec<_> = (0..16).map(|it| format!("k{it:02}")).collect();
        let labels = keys.iter().map(|it| (it.clone(), "x".into()));
        let labels: serde_json::Map<String, Value> = labels.collect();
        let patch = "PATCH /v1/platforms/ndp-001?updateMask=labels";
        let answer = post(&server, &steward, patch, &json!({"labels": labels})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let place = |key: &String| answer.text().find(&format!("\"{key}\"")).unwrap();
        let places: Vec<_> = keys.iter().map(place).collect();
        assert!(places.is_sorted(), "{}", answer.text());
        let refused = get(&server, "/v1/platforms/khong-co").await;
        assert_eq!(get(&server, "/v1/platforms/khong-co").await.text(), refused.text());
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_may_come_in_gzip() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let editor = editor(&server).await;
    let sent = async |coding: &str, body: &[u8]| {
        let headers = [
            JSON,
            ("authorization", editor.sent()),
            ("content-encoding", coding),
        ];
        send(&server.address, CREATE, &headers, body).await
    };
    let plan = r#"{"displayName": "Kế hoạch thử nghiệm (synthetic)"}"#.as_bytes();
    for (coding, body) in [
        ("gzip", packed(plan)),
        ("X-GZIP", packed(plan)),
        ("identity, gzip", packed(plan)),
        ("identity", plan.to_vec()),
    ] {
        let answer = sent(coding, &body).await;
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        assert_eq!(
            answer.json()["displayName"],
            "Kế hoạch thử nghiệm (synthetic)"
        );
    }
    for coding in ["br", "deflate", "gzip, gzip", "gzip, br", "zstd"] {
        let answer = sent(coding, &packed(plan)).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (415, "CODING_UNSUPPORTED".into()),
            "{coding}"
        );
        assert_eq!(answer.header("accept-encoding"), Some("gzip, identity"));
    }
    for body in [
        plan.to_vec(),
        packed(plan)[..20].to_vec(),
        [packed(plan), b"x".to_vec()].concat(),
    ] {
        let answer = sent("gzip", &body).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (400, "content-encoding MALFORMED".into())
        );
    }
    // its unpacked size counts
    let padded = |len: usize| {
        let mut body = plan.to_vec();
        body.resize(len, b' ');
        packed(&body)
    };
    let answer = sent("gzip", &padded(REQUEST_BYTES_MAX)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for len in [REQUEST_BYTES_MAX + 1, 64 * REQUEST_BYTES_MAX] {
        let answer = sent("gzip", &padded(len)).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (413, "MESSAGE_TOO_LARGE".into())
        );
    }
    // any other media type is refused, and `accept` names the one that the server reads
    for kind in [
        "text/plain",
        "application/jsonp",
        "application/json; charset=latin1",
    ] {
        let headers = [("content-type", kind), ("authorization", editor.sent())];
        let answer = send(&server.address, CREATE, &headers, plan).await;
        assert_eq!(
            (answer.status, mistakes(&answer)),
            (415, "MEDIA_TYPE_UNSUPPORTED".into()),
            "{kind}"
        );
        assert_eq!(answer.header("accept"), Some("application/json"));
    }
    for kind in [
        "Application/JSON",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
    ] {
        let headers = [("content-type", kind), ("authorization", editor.sent())];
        let answer = send(&server.address, CREATE, &headers, plan).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
    server.stop().await;
}

fn coding(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    answer.header("content-encoding")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_in_gzip_for_those_who_take_it() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let list = "GET /v1/platforms?pageSize=84";
    let small = "GET /v1/platforms?pageSize=1";
    let one = "GET /v1/platforms/ndp-001?view=FULL";
    let nothing = "GET /v1/nothing";
    let plain = get(&server, "/v1/platforms?pageSize=84").await;
    for (what, accepted, expected) in [
        (list, "gzip", Some("gzip")),
        (list, "br;q=1.0, gzip;q=0.8, *;q=0.1", Some("gzip")),
        (list, "*", Some("gzip")),
        (list, "gzip;q=0", None),
        (list, "identity, gzip;q=0.5", None),
        (list, "br", None),
        (list, "", None),
        // fits into a packet or two without compression
        (small, "gzip", None),
        (nothing, "gzip", None),
        // its strong etag holds for the uncompressed bytes
        (one, "gzip", None),
        // the client accepts no other encoding
        (small, "gzip, identity;q=0", Some("gzip")),
        (nothing, "gzip, *;q=0", Some("gzip")),
        (one, "gzip, *;q=0", Some("gzip")),
    ] {
        let answer = send(&server.address, what, &[("accept-encoding", accepted)], "").await;
        assert_eq!(coding(&answer), expected, "{what} {accepted}");
        let text = match expected {
            None => answer.text().to_owned(),
            Some(_) => unpacked(&answer.body),
        };
        let json: Value = serde_json::from_str(&text).unwrap();
        assert!(json.is_object());
        if what == list && expected.is_some() {
            assert!(answer.body.len() * 2 < plain.body.len());
            // the list has one page: a page token would differ from answer to answer
            assert_eq!(json, plain.json());
        }
        if what == one {
            let strong = answer.header("etag").unwrap().starts_with('"');
            assert_eq!(strong, expected.is_none());
        }
    }
    let none = [("accept-encoding", "br, identity;q=0")];
    let answer = send(&server.address, list, &none, "").await;
    assert_eq!(
        (answer.status, mistakes(&answer)),
        (406, "NOT_ACCEPTABLE".into())
    );
    let head = [("accept-encoding", "gzip")];
    let head = send(&server.address, "HEAD /v1/platforms?pageSize=84", &head, "").await;
    assert_eq!((head.status, coding(&head)), (200, Some("gzip")));
    // what is written by an answer in gzip is written once
    let document = [("accept-encoding", "gzip")];
    let document = send(&server.address, "GET /openapi.json", &document, "").await;
    assert_eq!(coding(&document), Some("gzip"));
    let document: Value = serde_json::from_str(&unpacked(&document.body)).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    server.stop().await;
}

/// Each message can be read when it comes, in either form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_in_gzip_are_read_message_by_message() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let steward = server.person("steward", &[Role::Steward], None).await;
    let steward = server.raw(steward);
    for accept in [("accept", "application/x-ndjson"), EVENTS] {
        let newest = server.registry.revision().get();
        let watch = format!("GET /v1/changes:watch?start=RESUME&resumeRevision={newest}");
        let headers = [accept, ("accept-encoding", "gzip")];
        let mut stream = Reading::open(&server.address, &watch, &headers, "").await;
        assert_eq!(stream.header("content-encoding"), Some("gzip"));
        let mut decoder = GzDecoder::new(Vec::new());
        for id in ["thu-mot", "thu-hai"] {
            let id = format!("{id}-{}", &accept.1[..4]);
            super::agency(&steward, &id).await;
            let name = format!("\"agencies/{id}\"");
            // nothing more is sent, and yet it is whole
            loop {
                let part = stream.part().await.expect("the stream goes on");
                decoder.write_all(&part).unwrap();
                decoder.flush().unwrap();
                let text = std::str::from_utf8(decoder.get_ref()).unwrap();
                if text.contains(&name) && text.ends_with('\n') {
                    break;
                }
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_in_no_form_is_not_acceptable() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    for (what, accept, status) in [
        ("GET /v1/platforms/ndp-001", "*/*", 200),
        (
            "GET /v1/platforms/ndp-001",
            "text/html, application/*;q=0.1",
            200,
        ),
        ("GET /v1/platforms/ndp-001", "text/html", 406),
        ("GET /v1/platforms/ndp-001", "application/json;q=0", 406),
        ("GET /v1/platforms/ndp-001", "application/xml", 406),
        ("GET /v1/changes:watch?start=BEGINNING", "text/html", 406),
        // an unknown path is not found, in any media type
        ("GET /v1/nothing", "text/html", 404),
    ] {
        let answer = send(&server.address, what, &[("accept", accept)], "").await;
        assert_eq!(answer.status, status, "{what} {accept}: {}", answer.text());
        if status == 406 {
            assert_eq!(mistakes(&answer), "NOT_ACCEPTABLE");
        }
    }
    server.stop().await;
}

/// The words of google.rpc as HTTP has them; which limit it is, the error says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_are_too_large_are_refused() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let large = "x".repeat(17_000);
    let answer = send(
        &server.address,
        "GET /v1/platforms",
        &[("x-large", &large)],
        "",
    )
    .await;
    assert_eq!(answer.status, 431, "{}", answer.text());
    assert_eq!(mistakes(&answer), "LIMIT_REACHED");
    let error = answer.json();
    let limit = &detail(&error, "ErrorInfo")["metadata"]["limit"];
    assert_eq!(limit, "request_headers");
    assert_eq!(answer.header("retry-after"), None);
    server.stop().await;
}
