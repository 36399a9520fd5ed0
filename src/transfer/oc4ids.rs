//! Plans as projects of the Open Contracting for Infrastructure Data Standard (OC4IDS) 0.9. Only
//! what both know is written; the rest is listed.

use prost_reflect::DynamicMessage;
use serde_json::{Map, Value as Json, json};

use super::{columns, kinds::Kind};

/// The version of the standard.
const VERSION: &str = "0.9";

/// Who has the identifiers of projects.
const PUBLISHER: &str = "ndp-registry";

/// The columns that become something of a project; others begin with them, as `planned_start.start`
/// does with `planned_start`.
const MAPPED: [&str; 7] = [
    "name",
    "etag",
    "display_name",
    "objectives",
    "planned_start.start",
    "planned_end.end",
    "budget.amount",
];

/// What is below plans, and has no place in a project either.
const BELOW: &str = "milestones";

/// Whether records of the kind are projects.
pub fn maps(kind: &Kind) -> bool {
    kind.collection == "plans"
}

fn text(record: &DynamicMessage, field: &str) -> Option<String> {
    let value = record.get_field_by_name(field)?;
    value
        .as_str()
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
}

/// A date of a period of a record, as the standard has it.
fn date(record: &DynamicMessage, period: &str, part: &str) -> Option<String> {
    let period = record.get_field_by_name(period)?;
    let date = period.as_message()?.get_field_by_name(part)?;
    let date = date.as_message()?;
    let number = |part| date.get_field_by_name(part).and_then(|it| it.as_i32());
    let (year, month, day) = (number("year")?, number("month")?, number("day")?);
    (year > 0).then(|| format!("{year:04}-{month:02}-{day:02}T00:00:00+07:00"))
}

/// The amount of the budget, where it is in whole units of its currency.
fn budget(plan: &DynamicMessage) -> Option<Json> {
    let budget = plan.get_field_by_name("budget")?;
    let amount = budget.as_message()?.get_field_by_name("amount")?;
    let amount = amount.as_message()?;
    let units = amount.get_field_by_name("units")?.as_i64()?;
    let nanos = amount.get_field_by_name("nanos")?.as_i32()?;
    let currency = text(amount, "currency_code")?;
    (nanos == 0).then(|| json!({"amount": {"amount": units, "currency": currency}}))
}

fn project(plan: &DynamicMessage) -> Json {
    let mut project = Map::new();
    let mut put = |field: &str, value: Option<Json>| {
        if let Some(value) = value {
            project.insert(field.to_owned(), value);
        }
    };
    put("id", text(plan, "name").map(Json::from));
    put("title", text(plan, "display_name").map(Json::from));
    put("description", text(plan, "objectives").map(Json::from));
    let updated = plan.get_field_by_name("update_time");
    let updated = updated.and_then(|it| serde_json::to_value(it.as_message()?).ok());
    put("updated", updated.filter(Json::is_string));
    let mut period = Map::new();
    for (field, value) in [
        ("startDate", date(plan, "planned_start", "start")),
        ("endDate", date(plan, "planned_end", "end")),
    ] {
        period.extend(value.map(|it| (field.to_owned(), Json::from(it))));
    }
    put(
        "period",
        (!period.is_empty()).then_some(Json::Object(period)),
    );
    put("budget", budget(plan));
    let agency = text(plan, "agency");
    let parties = agency.map(|it| json!([{"id": it, "name": it, "roles": ["publicAuthority"]}]));
    put("parties", parties);
    Json::Object(project)
}

/// The package of these plans, and the columns of plans that it has no place for.
pub fn package(kind: &Kind, plans: &[DynamicMessage], time: &str) -> (Vec<u8>, Vec<String>) {
    let package = json!({
        "uri": "urn:ndp-registry:plans",
        "publishedDate": time,
        "version": VERSION,
        "publisher": {"name": PUBLISHER},
        "projects": plans.iter().map(project).collect::<Vec<_>>(),
    });
    let columns = columns::columns(kind, &|_| 1).into_iter();
    let paths = columns.map(|it| columns::without_elements(&it.path()));
    let is_mapped = |path: &String| {
        let mut mapped = MAPPED.iter().filter_map(|it| path.strip_prefix(it));
        mapped.any(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let unmapped = paths.filter(|it| !is_mapped(it)).chain([BELOW.to_owned()]);
    (
        serde_json::to_vec(&package).unwrap_or_default(),
        unmapped.collect(),
    )
}
