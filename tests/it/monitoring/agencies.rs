//! The counts of all agencies in one call are those that ComputeSummary answers for each, on both
//! dates and for every caller; the report of a week is made of them, and its paths answer its
//! numbers.

use std::collections::BTreeMap;

use ndp_core::{records::principals::Role, time::Date};
use ndp_registry::{cli::story, store::Store};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    http::send,
    raw::{Raw, violations},
    server::{As, Server},
};

const LAST: &str = "2025-10-31";
const BEFORE: &str = "2025-10-24";
const OWN: &str = "co-quan-thu-nghiem-3";

async fn year(url: &str) -> Server {
    let store = Store::open(url, uuid::Uuid::new_v4()).await.unwrap();
    story::make(store.clone(), Date::parse(LAST).unwrap())
        .await
        .unwrap();
    let last = store.head().await.unwrap().revision;
    store.close().await;
    let server = Server::start(url).await;
    server.moved_on(last).await;
    server
}

fn day(text: &str) -> Value {
    let parts: Vec<i32> = text.split('-').map(|it| it.parse().unwrap()).collect();
    json!({"year": parts[0], "month": parts[1], "day": parts[2]})
}

/// The numbers of a row, as a summary has them.
fn numbers(summary: &Value) -> BTreeMap<&'static str, i64> {
    let number = |it: &Value| it.as_i64().unwrap_or_default();
    let of = |list: &str, key: &str, words: &[&str], count: &str| {
        let items = summary[list].as_array().into_iter().flatten();
        let found = items.filter(|it| words.contains(&it[key].as_str().unwrap_or_default()));
        found.map(|it| number(&it[count])).sum::<i64>()
    };
    let plans = |word| of("plan_state_counts", "state", &[word], "plan_count");
    let milestones =
        |words: &[&str]| of("milestone_state_counts", "state", words, "milestone_count");
    let stage = of(
        "operation_stage_counts",
        "operation_stage",
        &["OPERATION"],
        "platform_count",
    );
    let late = of(
        "freshness_counts",
        "freshness",
        &["OVERDUE", "STALE"],
        "plan_count",
    );
    let done = milestones(&["COMPLETED_ON_TIME", "COMPLETED_LATE"]);
    let mut numbers: BTreeMap<_, _> = [
        ("operating_platform_count", stage),
        ("issued_plan_count", plans("ISSUED")),
        ("completed_plan_count", plans("COMPLETED")),
        ("completed_milestone_count", done),
        ("overdue_milestone_count", milestones(&["OVERDUE"])),
        ("late_report_plan_count", late),
    ]
    .into();
    for total in [
        "held_platform_count",
        "retired_platform_count",
        "issued_plan_platform_count",
        "plan_count",
        "milestone_count",
        "diverging_plan_count",
        "unsubstantiated_claim_count",
    ] {
        numbers.insert(total, number(&summary[total]));
    }
    numbers
}

/// The same of what is answered for an agency.
fn counts(row: &Value) -> BTreeMap<String, i64> {
    let fields = row.as_object().unwrap().iter();
    // tasks have a summary of their own: `tasks::lifecycle`
    let fields = fields.filter(|(name, _)| !name.ends_with("task_count"));
    fields
        .map(|(name, count)| (name.clone(), count.as_i64().unwrap_or_default()))
        .collect()
}

fn named(numbers: BTreeMap<&'static str, i64>) -> BTreeMap<String, i64> {
    let numbers = numbers.into_iter();
    numbers
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

async fn summaries(caller: &Raw) -> (Vec<Value>, Value) {
    let mut rows = Vec::new();
    let mut token = String::new();
    loop {
        let answer = caller
            .ok(
                "ComputeAgencySummaries",
                json!({
                    "effective_date": day(LAST), "comparison_date": day(BEFORE), "page_size": 3,
                    "page_token": token,
                }),
            )
            .await;
        let page = answer["agency_summaries"].as_array().unwrap();
        assert!(page.len() <= 3);
        rows.extend(page.iter().cloned());
        token = answer["next_page_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if token.is_empty() {
            return (rows, answer);
        }
    }
}

both! {
    async fn each_row_is_the_summary_of_its_agency(engine: Engine) {
        let server = year(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(OWN)).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        for caller in [As::default(), editor, steward] {
            let caller = server.raw(caller);
            let (rows, last) = summaries(&caller).await;
            let agencies = caller.ok("ListAgencies", json!({"page_size": 1000})).await;
            let names: Vec<_> = rows.iter().map(|it| &it["agency"]).collect();
            let all = agencies["agencies"].as_array().unwrap().iter();
            let mut expected: Vec<_> = all.map(|it| &it["name"]).collect();
            // what no agency governs
            expected.push(&Value::Null);
            assert_eq!(names, expected);
            let mut sums: BTreeMap<(&str, String), i64> = BTreeMap::new();
            for row in &rows {
                for (date, field) in [(LAST, "counts"), (BEFORE, "comparison_counts")] {
                    let counts = counts(&row[field]);
                    for (name, count) in &counts {
                        *sums.entry((field, name.clone())).or_default() += count;
                    }
                    if row["agency"].is_null() {
                        continue;
                    }
                    let request =
                        json!({"agency": row["agency"], "effective_date": day(date)});
                    let summary = caller.ok("ComputeSummary", request).await;
                    assert_eq!(counts, named(numbers(&summary)), "{} {date}", row["agency"]);
                    assert_eq!(row["agency_display_name"], summary["agency_display_name"]);
                }
            }
            for (date, field, total) in [
                (LAST, "counts", "total_counts"),
                (BEFORE, "comparison_counts", "comparison_total_counts"),
            ] {
                let whole =
                    caller.ok("ComputeSummary", json!({"effective_date": day(date)})).await;
                let whole = named(numbers(&whole));
                assert_eq!(counts(&last[total]), whole);
                let sum = sums.iter().filter(|((of, _), _)| *of == field);
                let sum: BTreeMap<_, _> = sum.map(|((_, it), sum)| (it.clone(), *sum)).collect();
                assert_eq!(sum, whole);
            }
        }
        let anyone = server.raw(As::default());
        for (request, received) in [
            (json!({"comparison_date": day("2027-01-01")}), "comparison_date OUT_OF_RANGE"),
            (json!({"comparison_date": day("2024-01-01")}), "comparison_date OUT_OF_RANGE"),
            (json!({"effective_date": day("2027-01-01")}), "effective_date OUT_OF_RANGE"),
        ] {
            let status = anyone.err("ComputeAgencySummaries", request.clone()).await;
            assert_eq!(violations(&status), received, "{request}");
        }
        server.stop().await;
    }

    async fn every_number_of_a_report_has_the_path_that_answers_it(engine: Engine) {
        let server = year(&engine.url()).await;
        let path = format!("/v1/platforms:computeWeeklyReport?effectiveDate={LAST}");
        let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
        let page = send(&server.address, &format!("GET {path}"), &browser, "").await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        let html = page.text().to_owned();
        assert!(html.contains("đến ngày 31/10/2025"), "{html}");
        assert!(html.contains("DỮ LIỆU THỬ NGHIỆM"), "{html}");
        // each linked number is in the answer of its link
        let link = regex::Regex::new("<a href=\"([^\"]+)\">(-?[0-9]+)</a>").unwrap();
        let mut answers: BTreeMap<String, Value> = BTreeMap::new();
        let mut linked = 0;
        for found in link.captures_iter(&html) {
            linked += 1;
            let path = found[1].replace("&amp;", "&");
            let number: i64 = found[2].parse().unwrap();
            if !answers.contains_key(&path) {
                let answer = send(&server.address, &format!("GET {path}"), &[], "").await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                answers.insert(path.clone(), snake(answer.json()));
            }
            let known = numbers(&answers[&path]);
            assert!(known.values().any(|it| *it == number), "{number}: {path}");
        }
        // ten of the whole, and six of each agency and of all, on two dates
        assert!(linked >= 2 * (10 + 6 * 9), "{linked}");
        // the same as a text, where it is asked for
        let json = send(&server.address, &format!("GET {path}&format=json"), &browser, "").await;
        let json = json.json();
        let text = json["text"].as_str().unwrap();
        assert!(text.starts_with("Báo cáo tuần về nền tảng số, đến ngày 31/10/2025"), "{text}");
        assert!(text.contains("Cơ quan thử nghiệm 1"), "{text}");
        assert_eq!(json["html"], html);
        // the first week has none before it
        let first = path.replace(LAST, "2024-11-03");
        let first = send(&server.address, &format!("GET {first}&format=json"), &[], "").await;
        let first = first.json();
        assert_eq!(first["comparisonDate"], Value::Null);
        assert!(first["text"].as_str().unwrap().contains("chưa có số liệu tuần trước"));
        server.stop().await;
    }
}

/// The names of fields as the contract has them.
fn snake(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(snake).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let mut spelled = String::new();
                for character in name.chars() {
                    if character.is_ascii_uppercase() {
                        spelled.push('_');
                    }
                    spelled.push(character.to_ascii_lowercase());
                }
                (spelled, snake(value))
            });
            Value::Object(fields.collect())
        }
        other => other,
    }
}
