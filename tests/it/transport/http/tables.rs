//! Pages as CSV over the wire: what a spreadsheet opens, all of it page by page, and nothing in it
//! that a spreadsheet would compute.

use ndp_core::records::principals::Role;
use serde_json::json;

use super::{get, ok, post};
use crate::{
    harness::{
        Engine, both,
        http::{Answer, send},
        server::Server,
    },
    transport::http::mistakes,
};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The rows of a table, the names of its columns first.
fn rows(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/csv; charset=utf-8; header=present"));
    let text = answer.text().strip_prefix(BYTE_ORDER_MARK).unwrap();
    // RFC 4180: each line ends so, the last one too
    assert!(text.ends_with("\r\n"), "{text}");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        row.iter().map(str::to_owned).collect()
    });
    rows.collect()
}

/// One column of it.
fn column<'a>(rows: &'a [Vec<String>], name: &str) -> Vec<&'a str> {
    let at = rows[0].iter().position(|it| it == name).unwrap();
    rows[1..].iter().map(|row| &*row[at]).collect()
}

/// The path of the next page, by the header that names it.
fn next(answer: &Answer, path: &str) -> Option<String> {
    let link = answer.header("link")?;
    let query = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    Some(format!("{path}{query}"))
}

both! {
    async fn a_table_has_every_row_of_the_list(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let whole = get(&server, "/v1/platforms?format=csv&orderBy=name").await;
        let disposition = whole.header("content-disposition");
        assert_eq!(disposition, Some("attachment; filename=\"platforms.csv\""));
        assert_eq!(whole.header("link"), None);
        assert_eq!(whole.header("cache-control"), Some("no-store"));
        let whole = rows(&whole);
        assert_eq!(whole.len(), 1 + 84);
        let json = ok(&server, "/v1/platforms?pageSize=100&orderBy=name").await;
        let json = json["platforms"].as_array().unwrap();
        for field in ["name", "display_name", "governing_agency"] {
            let camel = json.iter().map(|it| match field {
                "display_name" => &it["displayName"],
                "governing_agency" => &it["governingAgency"],
                _ => &it["name"],
            });
            let expected: Vec<_> = camel.map(|it| it.as_str().unwrap_or_default()).collect();
            assert_eq!(column(&whole, field), expected, "{field}");
        }
        // page by page it is the same, with the same columns
        let path = "/v1/platforms";
        let mut at = Some(format!("{path}?page_size=30&order_by=name"));
        let mut pages = Vec::new();
        while let Some(asked) = at {
            let headers = [("accept", "text/csv")];
            let answer = send(&server.address, &format!("GET {asked}"), &headers, "").await;
            at = next(&answer, path);
            let name = answer.header("content-disposition").unwrap();
            assert_eq!(name.contains("-continues"), at.is_some(), "{name}");
            let page = rows(&answer);
            assert_eq!(page[0], whole[0]);
            pages.push(page.len() - 1);
        }
        assert_eq!(pages, [30, 30, 24]);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_are_plain_and_compute_nothing() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let steward = server.person("steward", &[Role::Steward], None).await;
    let agency = json!({
        "displayName": "=HYPERLINK(\"x\")", "displayNameEn": "a, \"b\"", "kind": "OTHER",
    });
    let made = post(
        &server,
        &steward,
        "POST /v1/agencies?agencyId=synthetic",
        &agency,
    )
    .await;
    assert_eq!(made.status, 200, "{}", made.text());
    let answer = get(&server, "/v1/agencies?format=csv&filter=name%3D*synthetic").await;
    let table = rows(&answer);
    assert_eq!(table.len(), 2, "{table:?}");
    assert_eq!(column(&table, "display_name"), ["'=HYPERLINK(\"x\")"]);
    assert_eq!(column(&table, "display_name_en"), ["a, \"b\""]);
    assert!(
        answer.text().contains("\"a, \"\"b\"\"\""),
        "{}",
        answer.text()
    );
    assert_eq!(column(&table, "kind"), ["OTHER"]);
    // a date in one cell, a part in columns, a list of parts as JSON
    let editions = rows(&get(&server, "/v1/editions?format=csv").await);
    let dates = column(&editions, "decision.issue_date");
    assert!(dates.contains(&"2025-09-11"), "{dates:?}");
    let groups = column(&editions, "groups");
    let read = |it: &&str| serde_json::from_str::<Vec<serde_json::Value>>(it).is_ok();
    assert!(
        groups.iter().filter(|it| !it.is_empty()).all(read),
        "{groups:?}"
    );
    // every list is available as a table, and errors keep their usual form
    let auditor = server.person("auditor", &[Role::Auditor], None).await;
    let key = [("authorization", auditor.sent())];
    for path in [
        "/v1/changes",
        "/v1/attentionItems",
        "/v1/figures:reconcile",
        "/v1/platforms:computeDataQuality",
        "/v1/platforms:search?query=dinh",
        "/v1/platforms/-/plans",
        "/v1/principals",
        "/v1/programmes",
        "/v1/indicators",
        "/v1/indicators/-/observations",
        "/v1/recommendations",
        "/v1/dataFlows",
    ] {
        let mark = if path.contains('?') { '&' } else { '?' };
        let asked = format!("GET {path}{mark}format=csv");
        let answer = send(&server.address, &asked, &key, "").await;
        assert!(!rows(&answer).is_empty(), "{path}");
    }
    for (path, status, received) in [
        (
            "/v1/platforms?format=xml",
            400,
            "format PARAMETER_MALFORMED",
        ),
        (
            "/v1/platforms/ndp-001?format=csv",
            400,
            "format PARAMETER_UNKNOWN",
        ),
        (
            "/v1/platforms?format=csv&filter=(",
            400,
            "filter FILTER_SYNTAX",
        ),
    ] {
        let answer = get(&server, path).await;
        assert_eq!(
            (answer.status, &*mistakes(&answer)),
            (status, received),
            "{path}"
        );
    }
    let json = get(&server, "/v1/platforms?format=json&pageSize=1").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    server.stop().await;
}
