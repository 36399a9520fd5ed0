//! Every figure that is shipped comes out of one call beside what the registry computes: on the
//! shipped records as a claim that nothing here bears out, on synthetic ones that add up to it
//! without a difference. Where nothing can be compared, the answer says why.

use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    golden::assert_golden,
    plans::{AGENCY, Cast, date},
    raw::Raw,
    server::{As, Server},
};

/// All reconciliations that a filter selects, by date, in one answer.
async fn reconciled(anyone: &Raw, filter: &str) -> Vec<Value> {
    let request = json!({"filter": filter, "order_by": "figure_date, name", "page_size": 1000});
    let answer = anyone.ok("ReconcileFigures", request).await;
    assert_eq!(answer["next_page_token"], Value::Null);
    let all = answer["reconciliations"].as_array().cloned();
    all.unwrap_or_default()
}

/// A number, or a dash where there is none.
fn number(value: &Value) -> String {
    value
        .as_i64()
        .map_or_else(|| "-".into(), |it| it.to_string())
}

/// A reconciliation as a line that a person reads.
fn line(it: &Value) -> String {
    let figure = &it["figure"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let day = |part: &str| figure["figure_date"][part].as_i64().unwrap();
    let of = ["edition", "programme", "system"].map(|field| text(&figure[field]));
    let beside = |it: &Value, published: &Value| {
        format!(
            "published {}, computed {}, difference {}",
            number(published),
            number(&it["computed_value"]),
            number(&it["difference"])
        )
    };
    let none = Vec::new();
    let parts = it["parts"].as_array().unwrap_or(&none);
    let parts = parts.iter().map(|part| {
        format!(
            "{}: {}",
            text(&part["category"]),
            beside(part, part.get("published_value").unwrap_or(&json!(0)))
        )
    });
    let cells = [
        format!("{:04}-{:02}-{:02}", day("year"), day("month"), day("day")),
        text(&figure["subject"]),
        of.concat(),
        beside(it, &figure["value"]),
        parts.collect::<Vec<_>>().join("; "),
        text(&it["note"]),
        text(&figure["sources"][0]["uri"]),
    ];
    cells.join(" | ")
}

fn table(all: &[Value]) -> String {
    let head = "date | subject | of | value | parts | note | source";
    let lines = all.iter().map(line);
    let lines: Vec<_> = [head.to_owned()].into_iter().chain(lines).collect();
    lines.join("\n") + "\n"
}

/// The figure of this name, with what is computed beside it.
fn of<'a>(all: &'a [Value], name: &str) -> &'a Value {
    let name = format!("figures/{name}");
    let found = all.iter().find(|it| it["figure"]["name"] == *name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// A synthetic figure of the day before the clock's, with these fields.
async fn figure(steward: &Raw, id: &str, fields: Value) -> Value {
    let mut figure = json!({
        "figure_date": date([2026, 9, 30]), "statement": "synthetic",
        "sources": [{"note": "thử nghiệm / synthetic"}],
    });
    for (field, value) in fields.as_object().unwrap() {
        figure[field] = value.clone();
    }
    let request = json!({"figure_id": id, "figure": figure});
    steward.ok("CreateFigure", request).await
}

const OF_84: &str = "editions/2618-qd-bkhcn";

both! {
    async fn shipped_figures_are_claims_that_are_not_borne_out_here(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let all = reconciled(&anyone, "").await;
        assert_eq!(all.len(), 13);
        assert_golden("published.txt", &table(&all));
        for it in &all {
            let is_compared = it["computed_value"].is_number();
            assert_ne!(is_compared, it["note"].is_string(), "{it}");
            assert_eq!(it["note"].is_string(), it["note_text_vi"].is_string(), "{it}");
        }
        for (filter, count) in [
            ("subject = TASKS", 6),
            ("programme = \"programmes/nq57-2025\"", 2),
            ("subject = TASKS AND programme:*", 4),
            ("figure_date >= 2025-11-01 AND figure_date < 2026-01-01", 4),
            ("period.start = 2025-09-01", 1),
            ("system:\"dan cu\"", 1),
            ("qualifier = MORE_THAN", 0),
        ] {
            assert_eq!(reconciled(&anyone, filter).await.len(), count, "{filter}");
        }
        let names = ["kh02-bcdtw", "nq57-2025", "nq71-cp-2025"];
        for name in names {
            let name = format!("programmes/{name}");
            let programme = anyone.ok("GetProgramme", json!({"name": name})).await;
            let documents = programme["documents"].as_array().unwrap();
            assert!(documents.iter().all(|it| it["issue_date"].is_object()), "{programme}");
        }
        server.stop().await;
    }

    async fn the_list_of_79_has_its_groups(engine: Engine) {
        let server = Server::start_with(&engine.url(), &["1132-qd-ttg"]).await;
        let all = reconciled(&server.raw(As::default()), "").await;
        let listed = of(&all, "platforms-listed-2026-06-24");
        assert_eq!((&listed["computed_value"], &listed["difference"]), (&json!(79), &json!(0)));
        let parts = listed["parts"].as_array().unwrap();
        let parts: Vec<_> = parts.iter().map(|it| &it["computed_value"]).collect();
        assert_eq!(parts, [17, 62]);
        assert_eq!(of(&all, "plans-issued-2025-09-23")["note"], "EDITION_NOT_HELD");
        server.stop().await;
    }

    async fn a_figure_says_what_it_is_compared_with(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = Cast::new(&server).await.steward;
        let listed = json!({"subject": "PLATFORMS_LISTED", "edition": OF_84});
        let with = |fields: Value| {
            let mut figure = listed.clone();
            for (field, value) in fields.as_object().unwrap() {
                figure[field] = value.clone();
            }
            figure
        };
        for (id, fields, [computed, difference, note]) in [
            (
                "bound-reached",
                with(json!({"value": 84, "qualifier": "MORE_THAN"})),
                [json!(84), Value::Null, json!("BOUND_REACHED")],
            ),
            (
                "bound-missed",
                with(json!({"value": 90, "qualifier": "MORE_THAN"})),
                [json!(84), json!(6), Value::Null],
            ),
            (
                "rounded",
                with(json!({"value": 80, "qualifier": "ROUNDED"})),
                [json!(84), json!(-4), Value::Null],
            ),
            (
                "of-the-country",
                with(json!({"value": 84, "scope": "COUNTRY"})),
                [json!(84), json!(0), Value::Null],
            ),
            (
                "of-an-agency",
                with(json!({
                    "value": 20, "scope": "AGENCY", "agency": format!("agencies/{AGENCY}"),
                })),
                [json!(13), json!(7), Value::Null],
            ),
            (
                "of-ministries",
                with(json!({"value": 20, "scope": "MINISTRIES"})),
                [Value::Null, Value::Null, json!("SCOPE_NOT_COUNTED")],
            ),
            (
                "connections",
                json!({"subject": "CONNECTIONS", "value": 53}),
                [Value::Null, Value::Null, json!("NO_SYSTEM")],
            ),
        ] {
            figure(&steward, id, fields).await;
            let all = reconciled(&steward, &format!("name = \"figures/{id}\"")).await;
            let [it] = &*all else {
                panic!("{all:?}");
            };
            let answered = [&it["computed_value"], &it["difference"], &it["note"]];
            assert_eq!(answered, [&computed, &difference, &note], "{id}");
        }
        server.stop().await;
    }
}
