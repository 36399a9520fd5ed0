//! One call compares every shipped figure with what the registry computes: on the shipped records
//! nothing substantiates them, on synthetic records that add up to them there is no difference.
//! Where nothing can be compared, the answer says why.

use std::sync::Arc;

use ndp_core::time::Date;
use ndp_registry::{cli::story, store::Store};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{
    Engine, both,
    golden::assert_golden,
    plans::{AGENCY, Cast, date, decision},
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

/// A number, or a dash if none.
fn number(value: &Value) -> String {
    value
        .as_i64()
        .map_or_else(|| "-".into(), |it| it.to_string())
}

/// A reconciliation as a readable line.
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

// === synthetic tasks ===

type Day = [i32; 3];

/// How many tasks are made at once.
const AT_ONCE: usize = 32;

/// Synthetic tasks of one kind: none of their days is after the clock's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tasks {
    /// How many.
    count: usize,
    /// The day on which they were assigned.
    assigned: Day,
    /// When they are due; none for regular tasks.
    due: Option<Day>,
    /// When work on them begins.
    start: Option<Day>,
    /// When they were complete, as reported and confirmed; none for those that still are to be
    /// done.
    completed: Option<Day>,
}

impl Tasks {
    fn completed(self, day: Day) -> Self {
        Self {
            completed: Some(day),
            ..self
        }
    }

    fn starting(self, day: Day) -> Self {
        Self {
            start: Some(day),
            ..self
        }
    }
}

/// Tasks assigned in January 2025 and due on a day.
fn due(count: usize, day: Day) -> Tasks {
    Tasks {
        count,
        assigned: [2025, 1, 10],
        due: Some(day),
        ..Tasks::default()
    }
}

/// Tasks without a due date.
fn regular(count: usize) -> Tasks {
    Tasks {
        due: None,
        ..due(count, [2025, 1, 10])
    }
}

/// Makes synthetic tasks of a programme over the wire, many at once: the steward assigns and
/// confirms them, an editor of their lead agency reports those completed.
pub(crate) async fn make_tasks(cast: &Arc<Cast>, programme: &str, all: &[Tasks]) {
    let all: Vec<_> = all
        .iter()
        .flat_map(|of| std::iter::repeat_n(*of, of.count))
        .enumerate()
        .collect();
    let mut making = JoinSet::new();
    for worker in 0..AT_ONCE {
        let (cast, programme) = (Arc::clone(cast), programme.to_owned());
        let own: Vec<_> = all.iter().skip(worker).step_by(AT_ONCE).copied().collect();
        making.spawn(async move {
            for (number, of) in own {
                make_task(&cast, &programme, number, &of).await;
            }
        });
    }
    making.join_all().await;
}

async fn make_task(cast: &Cast, programme: &str, number: usize, of: &Tasks) {
    let mut task = json!({
        "code": format!("TN-{number:04}"),
        "display_name": format!("Nhiệm vụ thử nghiệm {number} (synthetic)"),
        "programmes": [programme],
        "assigning_document": decision(of.assigned),
        "assigning_agency": "agencies/bo-khoa-hoc-va-cong-nghe",
        "agency": format!("agencies/{AGENCY}"),
    });
    if let Some(day) = of.due {
        task["due"] = json!({"start": date(day), "end": date(day)});
    }
    if let Some(day) = of.start {
        task["start_date"] = date(day);
    }
    let task = cast.steward.ok("CreateTask", json!({"task": task})).await;
    let Some(day) = of.completed else {
        return;
    };
    let report = json!({
        "name": task["name"], "etag": task["etag"], "completion_date": date(day),
        "note": "thử nghiệm / synthetic",
    });
    let reported = cast.editor.ok("ReportTask", report).await;
    let confirm = json!({"name": reported["name"], "etag": reported["etag"]});
    cast.steward.ok("ConfirmTask", confirm).await;
}

/// A synthetic programme.
async fn make_programme(steward: &Raw, id: &str) -> String {
    let programme = json!({
        "display_name": format!("Chương trình {id} (thử nghiệm / synthetic)"),
        "documents": [decision([2025, 1, 10])],
    });
    let request = json!({"programme_id": id, "programme": programme});
    let made = steward.ok("CreateProgramme", request).await;
    made["name"].as_str().unwrap().to_owned()
}

/// Synthetic tasks that add up to every figure of tasks that was published, in the programme that a
/// figure names or else in one of their own.
fn histories() -> [(&'static str, Vec<Tasks>); 6] {
    let year_end = [2025, 12, 31];
    [
        // 1,287 on 4 December; 11 more, and 1,227 completed, on 25 December
        (
            "nq57-2025",
            vec![
                due(601, [2025, 11, 30]).completed([2025, 11, 1]),
                due(404, year_end).completed([2025, 12, 20]),
                due(104, [2025, 11, 30]).completed([2025, 12, 15]),
                regular(118).completed([2025, 12, 22]),
                regular(60),
                Tasks {
                    assigned: [2025, 12, 10],
                    ..due(11, year_end)
                },
            ],
        ),
        // 33 late on 31 July; 370 of 944 completed, 248 of them (67%) in time, on 13 November
        (
            "nq71-cp-2025",
            vec![
                due(12, [2025, 6, 30]).completed([2025, 7, 15]),
                due(21, [2025, 7, 30]).completed([2025, 8, 20]),
                due(89, [2025, 9, 30]).completed([2025, 10, 10]),
                due(248, [2025, 10, 31]).completed([2025, 10, 1]),
                due(574, year_end),
            ],
        ),
        (
            "kh02-bcdtw",
            vec![
                due(32, [2025, 10, 31]).completed([2025, 10, 30]),
                due(18, [2025, 10, 31]).completed([2025, 11, 10]),
                due(20, year_end),
            ],
        ),
        (
            "tasks-2025-09-23",
            vec![
                due(270, [2025, 8, 31]).completed([2025, 8, 30]),
                due(80, [2025, 8, 31]),
                due(100, year_end),
                due(102, year_end).starting([2025, 10, 1]),
                regular(100),
            ],
        ),
        (
            "tasks-due-2025-09-24",
            vec![
                due(10, [2025, 9, 10]),
                due(86, [2025, 9, 30]),
                due(121, [2025, 10, 31]),
                due(121, [2025, 11, 30]),
                due(121, year_end),
                // neither is due in the rest of the year
                due(7, [2025, 8, 31]),
                due(5, [2025, 9, 30]).completed([2025, 9, 1]),
            ],
        ),
        ("tasks-2025-09-24", vec![due(60, year_end)]),
    ]
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
                "upper-bound",
                with(json!({"value": 90, "qualifier": "LESS_THAN"})),
                [json!(84), Value::Null, json!("BOUND_REACHED")],
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
                with(json!({"value": 20, "agency": format!("agencies/{AGENCY}")})),
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

    async fn the_synthetic_year_adds_up_to_the_published_platforms(engine: Engine) {
        let url = engine.url();
        let store = Store::open(&url, uuid::Uuid::new_v4()).await.unwrap();
        story::make(store.clone(), Date::parse("2025-10-31").unwrap()).await.unwrap();
        let last = store.head().await.unwrap().revision;
        store.close().await;
        let server = Server::start(&url).await;
        server.moved_on(last).await;
        let anyone = server.raw(As::default());
        let all = reconciled(&anyone, "edition = \"editions/2618-qd-bkhcn\"").await;
        for (name, value, total) in [
            ("plans-issued-2025-09-23", 21, json!(84)),
            ("platforms-listed-2025-09-23", 84, json!(null)),
            ("platforms-operating-2025-10-31", 28, json!(84)),
        ] {
            let it = of(&all, name);
            assert_eq!((&it["computed_value"], &it["difference"]), (&json!(value), &json!(0)));
            assert_eq!((&it["figure"]["total"], &it["computed_total"]), (&total, &total));
            assert!(!it["change_revisions"].as_array().unwrap().is_empty(), "{it}");
        }
        // as it was known in September, October had not come
        let then = json!({
            "read_time": "2025-09-30T00:00:00Z", "filter": "figure_date > 2025-10-01",
        });
        let then = anyone.ok("ReconcileFigures", then).await;
        let then = then["reconciliations"].as_array().unwrap();
        assert!(then.iter().all(|it| it["note"] == "DATE_AHEAD"), "{then:?}");
        server.stop().await;
    }

    async fn synthetic_tasks_add_up_to_the_published_ones(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Arc::new(Cast::new(&server).await);
        let shipped = reconciled(&cast.steward, "").await;
        for (id, tasks) in histories() {
            let name = if id.starts_with("tasks-") {
                // a copy of the published figure that names the programme
                let name = make_programme(&cast.steward, id).await;
                let mut copy = of(&shipped, id)["figure"].clone();
                for field in ["name", "create_time", "update_time", "revision"] {
                    copy.as_object_mut().unwrap().remove(field);
                }
                copy["programme"] = json!(name);
                copy["statement"] = json!("synthetic");
                figure(&cast.steward, &format!("synthetic-{id}"), copy).await;
                name
            } else {
                format!("programmes/{id}")
            };
            make_tasks(&cast, &name, &tasks).await;
        }
        let anyone = server.raw(As::default());
        let all = reconciled(&anyone, "programme:*").await;
        assert_golden("published-synthetic.txt", &table(&all));
        for it in &all {
            assert_eq!(it["difference"], 0, "{it}");
            let parts = it["parts"].as_array().cloned().unwrap_or_default();
            assert!(parts.iter().all(|part| part["difference"] == 0), "{it}");
            assert!(!it["change_revisions"].as_array().unwrap().is_empty(), "{it}");
        }
        let late = of(&all, "tasks-late-2025-07-31")["parts"].as_array().unwrap();
        let states: Vec<_> = late.iter().map(|it| &it["summed_states"]).collect();
        assert_eq!(states, [&json!(["COMPLETED_LATE"]), &json!(["OVERDUE"])]);
        // the summary of the programme counts the same
        let on = json!({
            "effective_date": date([2025, 12, 4]), "programme": "programmes/nq57-2025",
        });
        let summary = anyone.ok("ComputeSummary", on).await;
        assert_eq!(summary["tasks"]["task_count"], 1287, "{summary}");
        server.stop().await;
    }
}
