//! Plans as projects of the Open Contracting for Infrastructure Data Standard (OC4IDS) 0.9. Only what
//! both know is written; the rest is listed.

use prost_reflect::{DynamicMessage, Value};
use serde_json::{Map, Value as Json, json};

use super::{columns, kinds::Kind};

/// The version of the standard.
const VERSION: &str = "0.9";

/// Who has the identifiers of projects.
const PUBLISHER: &str = "ndp-registry";

/// The columns that become something of a project; others begin with them, as `planned_start.start`
/// does with `planned_start`.
const MAPPED: [&str; 9] = [
    "name",
    "etag",
    "display_name",
    "objectives",
    "scope",
    "lead_unit",
    "coordinating_agencies",
    "planned_start",
    "planned_end",
];

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

fn party(id: &str, role: &str) -> Json {
    json!({"id": id, "name": id, "roles": [role]})
}

fn project(plan: &DynamicMessage, milestones: &[&DynamicMessage]) -> Json {
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
    let mut parties: Vec<Json> = text(plan, "agency")
        .map(|it| party(&it, "publicAuthority"))
        .into_iter()
        .collect();
    if let Some(Value::List(agencies)) = plan
        .get_field_by_name("coordinating_agencies")
        .map(std::borrow::Cow::into_owned)
    {
        let agencies = agencies.iter().filter_map(Value::as_str);
        parties.extend(agencies.map(|it| party(it, "administrativeEntity")));
    }
    put(
        "parties",
        (!parties.is_empty()).then_some(Json::Array(parties)),
    );
    let authority = text(plan, "agency").map(|it| json!({"id": it, "name": it}));
    put("publicAuthority", authority);
    let milestones = milestones.iter().filter_map(|it| {
        let mut milestone = Map::new();
        milestone.insert("id".to_owned(), Json::from(text(it, "name")?));
        milestone.insert("type".to_owned(), Json::from("delivery"));
        for (field, value) in [
            ("title", text(it, "display_name")),
            ("description", text(it, "required_result")),
            ("dueDate", date(it, "due", "end")),
        ] {
            milestone.extend(value.map(|it| (field.to_owned(), Json::from(it))));
        }
        Some(Json::Object(milestone))
    });
    let milestones: Vec<_> = milestones.collect();
    put(
        "milestones",
        (!milestones.is_empty()).then_some(Json::Array(milestones)),
    );
    Json::Object(project)
}

/// The package of these plans with their milestones, and the columns of plans that it has no place
/// for.
pub fn package(
    kind: &Kind,
    plans: &[DynamicMessage],
    milestones: &[DynamicMessage],
    time: &str,
) -> (Vec<u8>, Vec<String>) {
    let projects = plans.iter().map(|plan| {
        let name = text(plan, "name").unwrap_or_default();
        let below = format!("{name}/");
        let own = milestones.iter();
        let own = own.filter(|it| text(it, "name").is_some_and(|it| it.starts_with(&below)));
        project(plan, &own.collect::<Vec<_>>())
    });
    let package = json!({
        "uri": "urn:ndp-registry:plans",
        "publishedDate": time,
        "version": VERSION,
        "publisher": {"name": PUBLISHER},
        "projects": projects.collect::<Vec<_>>(),
    });
    let columns = columns::columns(kind, &|_| 1).into_iter();
    let columns = columns.filter(|it| !MAPPED.contains(&it.top()));
    let unmapped = columns
        .map(|it| columns::without_elements(&it.path()))
        .collect();
    (serde_json::to_vec(&package).unwrap_or_default(), unmapped)
}
