//! What identifies a record beside its name: the code of a task within a programme, the
//! identification code of an agency, the decision of an edition, the number of a recommendation in
//! the system that took it in. A row without a name is about the record that has its key.
//!
//! Other kinds have no such key: two of the same name may both be meant.

use ndp_core::{names::ProgrammeName, state::State, time::Date};
use prost_reflect::{DynamicMessage, Value};

use super::kinds::Kind;

const AGENCIES: &str = "agencies";
const EDITIONS: &str = "editions";
const RECOMMENDATIONS: &str = "recommendations";
const TASKS: &str = "tasks";

/// Whether records of a kind have such a key.
pub fn has_key(kind: &Kind) -> bool {
    [AGENCIES, EDITIONS, RECOMMENDATIONS, TASKS].contains(&&*kind.collection)
}

/// The names of the records that have the key of this one; none where it says no key.
pub fn find(state: &State, kind: &Kind, record: &DynamicMessage) -> Vec<String> {
    let text = |field| text(record, field);
    match &*kind.collection {
        AGENCIES => {
            let code = text("identification_code");
            let agencies = state.agencies().values().filter(|_| !code.is_empty());
            let found = agencies.filter(|it| it.fields.identification_code == code);
            found.map(|it| it.name.to_string()).collect()
        }
        EDITIONS => {
            let decision = record.get_field_by_name("decision");
            let decision = decision.as_ref().and_then(|it| it.as_message());
            let Some(decision) = decision else {
                return Vec::new();
            };
            // numbers of decisions begin again each year
            let (symbol, day) = (self::text(decision, "symbol"), day(decision));
            let editions = state.editions().values().filter(|_| !symbol.is_empty());
            let found = editions.filter(|it| {
                let held = &it.fields.decision;
                held.symbol == symbol && held.issue_date == day
            });
            found.map(|it| it.name.to_string()).collect()
        }
        RECOMMENDATIONS => {
            let found = state.recommendation_numbered(&text("source_system"), &text("external_id"));
            found.map(ToString::to_string).into_iter().collect()
        }
        TASKS => {
            let (code, programmes) = (text("code"), record.get_field_by_name("programmes"));
            let programmes = programmes.as_ref().and_then(|it| it.as_list());
            let programmes = programmes.into_iter().flatten().filter_map(Value::as_str);
            let programmes = programmes.filter_map(ProgrammeName::parse);
            let mut found: Vec<_> = programmes
                .filter_map(|it| state.task_of_code(&it, &code).map(ToString::to_string))
                .collect();
            found.sort();
            found.dedup();
            found
        }
        _ => Vec::new(),
    }
}

fn text(record: &DynamicMessage, field: &str) -> String {
    let value = record.get_field_by_name(field);
    let text = value
        .as_ref()
        .and_then(|it| it.as_str())
        .unwrap_or_default();
    text.trim().to_owned()
}

fn day(document: &DynamicMessage) -> Option<Date> {
    let date = document.get_field_by_name("issue_date")?;
    let date = date.as_message()?;
    let part = |name| date.get_field_by_name(name)?.as_i32();
    Date::new(part("year")?, part("month")?, part("day")?).ok()
}
