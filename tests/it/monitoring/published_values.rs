//! One call sets every published value of an indicator (a rate, a count, an amount) beside what the
//! registry computes. On the shipped records nothing substantiates them; on synthetic values of
//! agencies that add up to them there is no difference.

use std::collections::BTreeMap;

use ndp_core::records::principals::Role;
use serde_json::{Value, json};

use super::indicators::{create, month, of_country, on_basis};
use crate::harness::{
    Engine, both,
    golden::assert_golden,
    plans::{AGENCY, OTHER_AGENCY, date},
    raw::Raw,
    server::{As, Server},
};

/// Smaller than the list, so that it takes several pages.
const PAGE_SIZE: usize = 15;

/// Every published value that a filter selects, page after page.
async fn published(anyone: &Raw, filter: &str) -> Vec<Value> {
    let mut request = json!({
        "parent": "indicators/-", "filter": format!("basis = PUBLISHED {filter}"),
        "order_by": "period.end, name", "page_size": PAGE_SIZE,
    });
    let mut all = Vec::new();
    loop {
        let page = anyone.ok("ListObservations", request.clone()).await;
        all.extend(page["observations"].as_array().cloned().unwrap_or_default());
        match page["next_page_token"].as_str() {
            None | Some("") => return all,
            Some(token) => request["page_token"] = json!(token),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A number as text, or a dash if none.
fn number(value: &Value) -> &str {
    match text(value) {
        "" => "-",
        number => number,
    }
}

fn day(value: &Value) -> String {
    let part = |part: &str| value[part].as_i64().unwrap();
    format!(
        "{:04}-{:02}-{:02}",
        part("year"),
        part("month"),
        part("day")
    )
}

fn period(it: &Value) -> String {
    let period = &it["period"];
    let end = day(&period["end"]);
    if period["start"].is_null() {
        return end;
    }
    format!("{} to {end}", day(&period["start"]))
}

fn indicator(it: &Value) -> &str {
    text(&it["name"]).split('/').nth(1).unwrap()
}

fn subject(it: &Value) -> &str {
    match text(&it["agency"]) {
        "" => text(&it["scope"]),
        agency => agency,
    }
}

/// A published value, with what is computed beside it, as a readable line.
fn line(it: &Value) -> String {
    let beside = &it["reconciliation"];
    let count = |field: &str| beside[field].as_i64().unwrap();
    let flags: Vec<_> = it["flags"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    let cells = [
        period(it),
        indicator(it).to_owned(),
        subject(it).to_owned(),
        format!(
            "{} {} {}",
            text(&it["basis"]),
            text(&it["qualifier"]),
            text(&it["value"])
        ),
        format!(
            "computed {} ({} / {}), {} of {} agencies, {}",
            number(&beside["computed_value"]),
            number(&beside["computed_numerator"]),
            number(&beside["computed_denominator"]),
            count("summed_agency_count"),
            count("agency_count"),
            number(&beside["computed_basis"]),
        ),
        format!("difference {}", number(&beside["difference"])),
        format!("implied weight {}", number(&it["implied_ministry_weight"])),
        flags.join(", "),
        if it["substantiated"] == true {
            "substantiated"
        } else {
            "not substantiated"
        }
        .to_owned(),
        text(&it["sources"][0]["uri"]).to_owned(),
    ];
    cells.join(" | ")
}

fn table(all: &[Value]) -> String {
    let head = "period | indicator | of | published | computed | difference | weight | flags | \
                evidence | source";
    let lines = all.iter().map(line);
    let lines: Vec<_> = [head.to_owned()].into_iter().chain(lines).collect();
    lines.join("\n") + "\n"
}

// === synthetic values ===

/// Whose synthetic values add up.
#[derive(Clone, Copy)]
enum Of {
    /// All ministries.
    Ministries,
    /// All provinces and cities.
    Localities,
    /// One agency.
    Agency(&'static str),
    /// The country itself: of what does not add up.
    Country,
}

/// What they add up to.
#[derive(Clone, Copy)]
enum Sum {
    /// A count, an amount or a rank.
    Count(i64),
    /// A numerator and a denominator.
    Ratio(i64, i64),
}
use {Of::*, Sum::*};

const MST: Of = Agency("bo-khoa-hoc-va-cong-nghe");
const POLICE: Of = Agency("bo-cong-an");
const OFFICE: Of = Agency("van-phong-chinh-phu");
const FINANCE: Of = Agency("bo-tai-chinh");

/// An indicator, the last day of a period, and who adds up to what.
type History = (&'static str, &'static str, &'static [(Of, Sum)]);

/// Synthetic values that add up to what was published.
const HISTORIES: &[History] = &[
    (
        "5g-population-coverage",
        "2025-07-02",
        &[(MST, Ratio(26_300_000, 101_000_000))],
    ),
    ("5g-stations", "2025-07-02", &[(MST, Count(12_106))]),
    (
        "communes-connected",
        "2025-07-02",
        &[(Localities, Count(3_319))],
    ),
    (
        "digital-economy-share",
        "2025-03-31",
        &[(FINANCE, Ratio(1_872, 10_000))],
    ),
    (
        "digital-economy-share-core",
        "2025-03-31",
        &[(FINANCE, Ratio(863, 10_000))],
    ),
    (
        "digital-economy-share-diffuse",
        "2025-03-31",
        &[(FINANCE, Ratio(1_009, 10_000))],
    ),
    (
        "digital-signature-adults",
        "2025-08-31",
        &[(MST, Ratio(27_082_500, 75_000_000))],
    ),
    (
        "digital-signature-certificates",
        "2025-05-12",
        &[(MST, Count(17_175_876))],
    ),
    (
        "digital-technology-enterprises",
        "2025-07-02",
        &[(MST, Count(73_001))],
    ),
    ("eid-records", "2025-09-24", &[(POLICE, Count(90_000_001))]),
    (
        "full-process-files",
        "2025-03-31",
        &[
            (Ministries, Ratio(340_000, 668_100)),
            (Localities, Ratio(47_200, 331_900)),
        ],
    ),
    (
        "full-process-files",
        "2025-04-30",
        &[
            (Ministries, Ratio(346_209, 668_100)),
            (Localities, Ratio(48_391, 331_900)),
        ],
    ),
    (
        "full-process-procedures",
        "2025-03-31",
        &[
            (Ministries, Ratio(11_000, 26_631)),
            (Localities, Ratio(480_500, 973_369)),
        ],
    ),
    (
        "full-process-procedures",
        "2025-04-30",
        &[
            (Ministries, Ratio(11_475, 26_631)),
            (Localities, Ratio(492_525, 973_369)),
        ],
    ),
    (
        "full-process-procedures-with-files",
        "2025-04-30",
        &[
            (Ministries, Ratio(8_870, 19_835)),
            (Localities, Ratio(497_630, 980_165)),
        ],
    ),
    ("high-tech-enterprises", "2025-07-02", &[(MST, Count(45))]),
    (
        "id-cards-issued",
        "2025-09-24",
        &[(POLICE, Count(21_100_000))],
    ),
    (
        "internet-speed-rank-fixed",
        "2025-09-23",
        &[(Country, Count(13))],
    ),
    (
        "internet-speed-rank-mobile",
        "2025-09-23",
        &[(Country, Count(18))],
    ),
    (
        "on-time-rate",
        "2025-09-10",
        &[(Localities, Ratio(6_006_000, 6_600_000))],
    ),
    (
        "online-files-locality-share",
        "2025-08-28",
        &[
            (Ministries, Ratio(0, 2_002_500)),
            (Localities, Ratio(5_497_500, 5_497_500)),
        ],
    ),
    (
        "online-files-received",
        "2025-08-28",
        &[
            (Ministries, Count(2_002_500)),
            (Localities, Count(5_497_500)),
        ],
    ),
    (
        "online-files-received",
        "2025-09-10",
        &[(Localities, Count(6_612_345))],
    ),
    (
        "online-payments",
        "2025-08-28",
        &[(Ministries, Count(100_000)), (Localities, Count(2_500_000))],
    ),
    (
        "online-payments",
        "2025-09-10",
        &[(Localities, Count(3_000_001))],
    ),
    (
        "online-payments-value",
        "2025-08-28",
        &[
            (Ministries, Count(50_000_000_000)),
            (Localities, Count(1_450_000_000_000)),
        ],
    ),
    (
        "online-payments-value",
        "2025-09-10",
        &[(Localities, Count(1_700_000_000_000))],
    ),
    (
        "portal-files-processed",
        "2025-04-30",
        &[(OFFICE, Count(1_600_001))],
    ),
    ("portal-services", "2025-05-12", &[(OFFICE, Count(3_525))]),
    (
        "procedures-conducted-online",
        "2025-09-24",
        &[(Agency("tinh-tuyen-quang"), Ratio(1_941, 2_031))],
    ),
    (
        "science-technology-enterprises",
        "2025-07-02",
        &[(MST, Count(858))],
    ),
    (
        "vneid-accounts",
        "2025-09-24",
        &[(POLICE, Count(65_000_001))],
    ),
    ("vneid-utilities", "2025-09-24", &[(POLICE, Count(48))]),
    (
        "vneid-visits",
        "2025-09-24",
        &[(POLICE, Count(500_000_001))],
    ),
];

/// Splits a whole number into `of` parts that add up to it.
fn shares(total: i64, of: usize) -> Vec<i64> {
    let of = i64::try_from(of).unwrap();
    (0..of)
        .map(|it| total / of + i64::from(it < total % of))
        .collect()
}

/// A rate in per cent with two digits after the point, halves up.
fn rate(numerator: i64, denominator: i64) -> String {
    let hundredths = (numerator * 20_000 + denominator) / (2 * denominator);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The facts of `of` synthetic values that add up to a sum.
fn facts(sum: Sum, of: usize) -> Vec<Value> {
    match sum {
        Count(total) => {
            let values = shares(total, of).into_iter();
            values.map(|it| json!({"value": it.to_string()})).collect()
        }
        Ratio(above, below) => {
            let parts = shares(above, of).into_iter().zip(shares(below, of));
            parts
                .map(|(above, below)| {
                    json!({
                        "numerator": above.to_string(), "denominator": below.to_string(),
                        "value": rate(above, below),
                    })
                })
                .collect()
        }
    }
}

/// The names of the agencies of a kind.
async fn agencies(anyone: &Raw, kind: &str) -> Vec<String> {
    let request = json!({"filter": format!("kind = {kind}"), "page_size": 1000});
    let list = anyone.ok("ListAgencies", request).await;
    let list = list["agencies"].as_array().unwrap();
    list.iter().map(|it| text(&it["name"]).to_owned()).collect()
}

/// Has a system measure these values for a period, as one change.
async fn measure(
    measurer: &Raw,
    classes: &BTreeMap<&str, Vec<String>>,
    indicator: &str,
    period: &Value,
    all: &[(Of, Sum)],
) {
    let parent = format!("indicators/{indicator}");
    let mut requests = Vec::new();
    for (of, sum) in all {
        let subjects: Vec<_> = match of {
            Ministries => classes["ministries"]
                .iter()
                .map(|it| json!({"agency": it}))
                .collect(),
            Localities => classes["localities"]
                .iter()
                .map(|it| json!({"agency": it}))
                .collect(),
            Agency(id) => vec![json!({"agency": format!("agencies/{id}")})],
            Country => vec![json!({"scope": "COUNTRY"})],
        };
        let facts = facts(*sum, subjects.len());
        for (mut observation, facts) in subjects.into_iter().zip(facts) {
            for (field, value) in facts.as_object().unwrap() {
                observation[field] = value.clone();
            }
            observation["basis"] = json!("MEASURED");
            observation["period"] = period.clone();
            requests.push(json!({"parent": parent, "observation": observation}));
        }
    }
    let request = json!({"parent": parent, "requests": requests});
    measurer.ok("BatchCreateObservations", request).await;
}

both! {
    async fn shipped_values_are_claims_that_are_not_borne_out_here(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let all = published(&anyone, "").await;
        assert_eq!(all.len(), 40);
        assert_golden("published-values.txt", &table(&all));
        for it in &all {
            let beside = &it["reconciliation"];
            assert!(beside["computed_value"].is_null(), "{it}");
            assert!(beside["difference"].is_null(), "{it}");
            assert_ne!(it["substantiated"], true, "{it}");
            // and alone as in the list
            let get = json!({"name": it["name"]});
            assert_eq!(anyone.ok("GetObservation", get).await, *it);
        }
        for (filter, count) in [
            ("AND scope = LOCALITIES", 7),
            ("AND agency:*", 1),
            ("AND qualifier = MORE_THAN", 8),
        ] {
            assert_eq!(published(&anyone, filter).await.len(), count, "{filter}");
        }
        server.stop().await;
    }

    async fn synthetic_values_add_up_to_the_published_ones(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let measurer = server.person("measurer", &[Role::Measurer], None).await;
        let measurer = server.raw(measurer);
        let localities = agencies(&anyone, "PROVINCIAL_PEOPLES_COMMITTEE").await;
        let ministries = agencies(&anyone, "MINISTRY").await;
        assert_eq!((ministries.len(), localities.len()), (14, 34));
        let classes = [("ministries", ministries), ("localities", localities)].into();
        let shipped = published(&anyone, "").await;
        for (id, end, all) in HISTORIES {
            let of = |it: &&Value| indicator(it) == *id && day(&it["period"]["end"]) == *end;
            let claim = shipped.iter().find(of).unwrap_or_else(|| panic!("{id} {end}"));
            measure(&measurer, &classes, id, &claim["period"], all).await;
        }
        let all = published(&anyone, "").await;
        assert_golden("published-values-synthetic.txt", &table(&all));
        let count = |it: &Value| it.as_str().map(|it| it.parse::<f64>().unwrap());
        for it in &all {
            let beside = &it["reconciliation"];
            let (value, computed) = (count(&it["value"]), count(&beside["computed_value"]));
            assert!(computed.is_some(), "{it}");
            if it["qualifier"] == "MORE_THAN" {
                assert!(computed >= value && beside["difference"].is_null(), "{it}");
            } else {
                assert_eq!(count(&beside["difference"]), Some(0.0), "{it}");
            }
        }
        // the scoreboard of the localities has the same sums
        for it in all.iter().filter(|it| it["scope"] == "LOCALITIES") {
            let board = json!({
                "agency_kind": "PROVINCIAL_PEOPLES_COMMITTEE", "basis": "MEASURED",
                "indicators": [format!("indicators/{}", indicator(it))], "period": it["period"],
            });
            let board = anyone.ok("ComputeScoreboard", board).await;
            let (column, beside) = (&board["columns"][0], &it["reconciliation"]);
            for (total, computed) in [
                ("total_value", "computed_value"),
                ("total_numerator", "computed_numerator"),
                ("summed_agency_count", "summed_agency_count"),
                ("agency_count", "agency_count"),
            ] {
                assert_eq!(column[total], beside[computed], "{it}");
            }
        }
        server.stop().await;
    }

    async fn what_stands_beside_a_published_value(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let measurer = server.raw(server.person("measurer", &[Role::Measurer], None).await);
        let mut editors = Vec::new();
        for (id, agency) in [("one", AGENCY), ("other", OTHER_AGENCY)] {
            let editor = server.person(id, &[Role::AgencyEditor], Some(agency)).await;
            editors.push((server.raw(editor), agency));
        }
        steward.ok("CreateIndicator", create("rate")).await;
        let claim = of_country("rate", 8, "PUBLISHED");
        let claim = steward.ok("CreateObservation", claim).await;
        let beside = async || {
            let get = json!({"name": claim["name"]});
            let it = steward.ok("GetObservation", get).await["reconciliation"].clone();
            let fields = ["computed_value", "difference", "computed_basis"];
            let fields = fields.map(|field| number(&it[field]).to_owned()).join(" ");
            format!("{fields} {}", it["summed_agency_count"])
        };
        let write = async |who: &Raw, basis: &str, of: &str, fields: Value| {
            let mut request = on_basis("rate", 8, basis);
            request["observation"]["agency"] = json!(format!("agencies/{of}"));
            for (field, value) in fields.as_object().unwrap() {
                request["observation"][field] = value.clone();
            }
            who.ok("CreateObservation", request).await
        };
        let parts = |numerator: i32| {
            json!({"numerator": numerator.to_string(), "value": numerator.to_string()})
        };
        let mut lines = vec![beside().await];
        // two agencies declare, of which a system measures one: the two are more
        for (editor, agency) in &editors {
            write(editor, "DECLARED", agency, parts(91)).await;
        }
        write(&measurer, "MEASURED", AGENCY, parts(80)).await;
        lines.push(beside().await);
        // as many are measured: that is the stronger
        write(&measurer, "MEASURED", OTHER_AGENCY, parts(90)).await;
        lines.push(beside().await);
        // neither another definition nor period counts, nor what is published of an agency
        write(&measurer, "MEASURED", "bo-y-te", json!({"definition_version": 2})).await;
        write(&measurer, "MEASURED", "bo-y-te", json!({"period": month(7)})).await;
        let source = json!({"sources": [{"note": "thử nghiệm / synthetic"}]});
        write(&steward, "PUBLISHED", "bo-y-te", source).await;
        lines.push(beside().await);
        // a rate without its parts adds nothing
        let bare = json!({"numerator": "", "denominator": "", "value": "50"});
        write(&measurer, "MEASURED", "bo-tu-phap", bare).await;
        lines.push(beside().await);
        // the value of a body below another one is in that one's
        let below = json!({"agency_id": "duoi-bo", "agency": {
            "display_name": "Cục thử nghiệm (synthetic)", "kind": "OTHER",
            "parent_agency": format!("agencies/{AGENCY}"),
        }});
        steward.ok("CreateAgency", below).await;
        write(&measurer, "MEASURED", "duoi-bo", parts(10)).await;
        lines.push(beside().await);
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            - - - 0
            91.00 -0.50 DECLARED 2
            85.00 5.50 MEASURED 2
            85.00 5.50 MEASURED 2
            85.00 5.50 MEASURED 2
            85.00 5.50 MEASURED 2
            ");
        }
        // of an agency: its own on the strongest other basis, and only of what was published
        let own = json!({"parent": "indicators/rate", "filter": "period.end = 2026-08-31"});
        let own = steward.ok("ListObservations", own).await;
        for it in own["observations"].as_array().unwrap() {
            let is_published = it["basis"] == "PUBLISHED";
            assert_eq!(it["reconciliation"].is_object(), is_published, "{it}");
        }
        let mut request = on_basis("rate", 8, "PUBLISHED");
        request["observation"]["period"]["start"] = date([2026, 8, 1]);
        request["observation"]["sources"] = json!([{"note": "thử nghiệm / synthetic"}]);
        request["observation"]["numerator"] = json!("");
        request["observation"]["denominator"] = json!("");
        let own = steward.ok("CreateObservation", request).await;
        let own = &own["reconciliation"];
        let fields = ["computed_value", "difference", "computed_basis", "computed_qualifier"];
        let fields = fields.map(|field| text(&own[field]));
        assert_eq!(fields, ["80.00", "11.00", "MEASURED", "EXACT"]);
        assert_eq!((&own["summed_agency_count"], &own["agency_count"]), (&json!(1), &json!(1)));
        server.stop().await;
    }
}
