//! Which fields of the records effects change: a proposal shows them to the person who decides.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    change::{Effect, Image},
    error::Error,
    on_image,
    records::proposals::FieldChange,
    state::State,
};

/// Book-keeping, which says nothing of what is proposed.
const LEFT_OUT: &[&str] = &[
    "name",
    "meta",
    "public_write",
    "published",
    "record_time",
    "moved_listings",
];

/// Parts of the stored form that the contract does not have: their fields are one level higher.
const UNNAMED: &[&str] = &["fields", "cycle"];

/// The values that differ between the records of `state` and the effects, in the order of the
/// effects. A baseline is left out, because it repeats what the plan and its milestones promise.
pub(super) fn differences(state: &State, effects: &[Effect]) -> Result<Vec<FieldChange>, Error> {
    let mut found = Differences::default();
    for effect in effects {
        let Effect::Put(image) = effect else { continue };
        if matches!(image, Image::Baseline(_)) {
            continue;
        }
        let before = state.image(image.name());
        let before = before.as_ref().map_or(Ok(Value::Null), fields)?;
        found.resource = image.name().to_owned();
        found.compare("", &before, &fields(image)?);
    }
    Ok(found.list)
}

fn fields(image: &Image) -> Result<Value, Error> {
    on_image!(image, record => serde_json::to_value(&**record))
        .map_err(|error| Error::Bug(format!("encoding `{}`: {error}", image.name()).into()))
}

#[derive(Default)]
struct Differences {
    resource: String,
    list: Vec<FieldChange>,
}

impl Differences {
    fn compare(&mut self, path: &str, before: &Value, after: &Value) {
        if before == after {
            return;
        }
        let (old, new) = (before.as_object(), after.as_object());
        if old.or(new).is_some() {
            let names = [old, new].into_iter().flatten().flat_map(|it| it.keys());
            for name in names.collect::<BTreeSet<_>>() {
                if LEFT_OUT.contains(&name.as_str()) {
                    continue;
                }
                let within = match (path, UNNAMED.contains(&name.as_str())) {
                    (_, true) => path.to_owned(),
                    ("", false) => name.clone(),
                    (_, false) => format!("{path}.{name}"),
                };
                self.compare(&within, part(before, name), part(after, name));
            }
            return;
        }
        let (old, new) = (before.as_array(), after.as_array());
        if old.or(new).is_some() {
            let length = |list: Option<&Vec<Value>>| list.map_or(0, Vec::len);
            for index in 0..length(old).max(length(new)) {
                let within = format!("{path}[{index}]");
                self.compare(&within, part(before, index), part(after, index));
            }
            return;
        }
        self.list.push(FieldChange {
            resource: self.resource.clone(),
            path: path.to_owned(),
            before: written(before),
            after: written(after),
        });
    }
}

/// A field or an item; null if none.
fn part(value: &Value, index: impl serde_json::value::Index) -> &Value {
    value.get(index).unwrap_or(&Value::Null)
}

/// A value as a person reads it; empty if none.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
