//! A record as the registry holds it and as a row wants it: what differs, and the requests of the
//! methods that create and change it.

use std::collections::BTreeSet;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage as _, Value,
};

use super::{
    columns::{self, Column, ETAG, Language, NAME, Step},
    kinds::Kind,
    values,
};

/// A record as it is and as a row wants it.
#[derive(Debug)]
pub struct Record {
    kind: &'static Kind,
    /// What the registry holds; none for a new one.
    held: Option<DynamicMessage>,
    wanted: DynamicMessage,
    /// The fields that the row has columns for.
    named: BTreeSet<String>,
}

impl Record {
    /// A record that the registry holds, or a new one.
    pub fn new(kind: &'static Kind, held: Option<DynamicMessage>) -> Self {
        let held = held.map(|mut held| {
            project(&mut held);
            held
        });
        let empty = || DynamicMessage::new(kind.message.clone());
        Self {
            kind,
            wanted: held.clone().unwrap_or_else(empty),
            held,
            named: BTreeSet::new(),
        }
    }

    /// Whether the registry holds it.
    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Sets the value of a column.
    pub fn set(&mut self, column: &Column, value: Option<Value>) {
        self.named.insert(column.top().to_owned());
        set(&mut self.wanted, &column.steps, value);
    }

    /// Sets a text of the record itself.
    pub fn set_text(&mut self, field: &str, text: &str) {
        // every record has these fields
        let value = Value::String(text.to_owned());
        drop(self.wanted.try_set_field_by_name(field, value));
    }

    /// A text of the record itself.
    pub fn text(&self, field: &str) -> String {
        let value = self.wanted.get_field_by_name(field);
        let text = value.and_then(|it| it.as_str().map(str::to_owned));
        text.unwrap_or_default()
    }

    /// The wanted record.
    pub const fn wanted(&self) -> &DynamicMessage {
        &self.wanted
    }

    /// The same, to be changed.
    pub const fn wanted_mut(&mut self) -> &mut DynamicMessage {
        &mut self.wanted
    }

    /// Notes that a field was written directly.
    pub fn note(&mut self, field: &str) {
        self.named.insert(field.to_owned());
    }

    pub(super) fn set_json(
        &mut self,
        fields: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), String> {
        let json = serde_json::Value::Object(fields.clone());
        let read = DynamicMessage::deserialize(self.kind.message.clone(), json);
        let mut read = read.map_err(|error| error.to_string())?;
        project(&mut read);
        for name in fields.keys() {
            let by_name = self.kind.message.get_field_by_name(name);
            let field = by_name.or_else(|| self.kind.message.get_field_by_json_name(name));
            let Some(field) = field.filter(columns::is_written) else {
                continue;
            };
            self.named.insert(field.name().to_owned());
            match read.has_field(&field) {
                true => self
                    .wanted
                    .set_field(&field, read.get_field(&field).into_owned()),
                false => self.wanted.clear_field(&field),
            }
        }
        Ok(())
    }

    /// Removes what holds nothing: messages of empty cells, and elements at the ends of lists.
    pub fn settle(&mut self) {
        tidy(&mut self.wanted);
        if let Some(held) = &mut self.held {
            tidy(held);
        }
    }

    /// The fields that the row changes.
    pub fn changed(&self) -> Vec<FieldDescriptor> {
        let Some(held) = &self.held else {
            return Vec::new();
        };
        let fields = self.kind.message.fields();
        let fields = fields.filter(|it| ![NAME, ETAG].contains(&it.name()));
        let fields = fields.filter(|it| self.named.contains(it.name()));
        let differ = |field: &FieldDescriptor| {
            held.has_field(field) != self.wanted.has_field(field)
                || held.get_field(field) != self.wanted.get_field(field)
        };
        fields.filter(differ).collect()
    }

    /// The values that the row changes: path, before and after.
    pub fn differences(&self) -> Vec<(String, String, String)> {
        let Some(held) = &self.held else {
            return Vec::new();
        };
        let changed: BTreeSet<_> = self.changed().into_iter().map(|it| it.number()).collect();
        let elements = |path: &str| longest(held, path).max(longest(&self.wanted, path));
        let columns = columns::columns(self.kind, &elements).into_iter();
        let columns = columns.filter(|it| {
            let top = it.steps.first().map(|(field, _)| field.number());
            top.is_some_and(|top| changed.contains(&top))
        });
        let shown = |record: &DynamicMessage, column: &Column| {
            let value = get(record, &column.steps);
            values::write(value.as_ref(), column, Language::Paths).shown_written()
        };
        let differences = columns.map(|it| (it.path(), shown(held, &it), shown(&self.wanted, &it)));
        differences
            .filter(|(_, before, after)| before != after)
            .collect()
    }

    /// The request that creates the record, below `parent` and with this id.
    pub fn creating(&self, parent: &str, id: &str, reason: &str) -> Option<DynamicMessage> {
        let Some(create) = &self.kind.create else {
            let mut request = self.updating(reason)?;
            let missing = Value::Bool(true);
            drop(request.try_set_field_by_name("allow_missing", missing));
            return Some(request);
        };
        let mut request = DynamicMessage::new(create.input());
        let id_field = format!("{}_id", self.kind.field);
        for (field, text) in [("parent", parent), (&*id_field, id), ("reason", reason)] {
            if !text.is_empty() {
                let text = Value::String(text.to_owned());
                // a kind without this field has no such text
                drop(request.try_set_field_by_name(field, text));
            }
        }
        let record = Value::Message(self.wanted.clone());
        request
            .try_set_field_by_name(&self.kind.field, record)
            .ok()?;
        Some(request)
    }

    /// The request that changes the record; none of a kind that never changes.
    pub fn updating(&self, reason: &str) -> Option<DynamicMessage> {
        let update = self.kind.update.as_ref()?;
        let mut request = DynamicMessage::new(update.input());
        let record = Value::Message(self.wanted.clone());
        request
            .try_set_field_by_name(&self.kind.field, record)
            .ok()?;
        drop(request.try_set_field_by_name("reason", Value::String(reason.to_owned())));
        if self.is_held() {
            let mask = request.descriptor().get_field_by_name("update_mask")?;
            let mut paths = DynamicMessage::new(mask.kind().as_message()?.clone());
            let names = self
                .changed()
                .into_iter()
                .map(|it| Value::String(it.name().to_owned()));
            paths
                .try_set_field_by_name("paths", Value::List(names.collect()))
                .ok()?;
            request.set_field(&mask, Value::Message(paths));
        }
        Some(request)
    }
}

/// Whether the kind's new records must be named.
pub fn needs_id(kind: &Kind) -> bool {
    let id_field = format!("{}_id", kind.field);
    kind.create.as_ref().is_none_or(|create| {
        let field = create.input().get_field_by_name(&id_field);
        field.is_some_and(|it| columns::is_required(&it))
    })
}

/// The value at a path; `None` where it is not set.
pub fn get(record: &DynamicMessage, steps: &[Step]) -> Option<Value> {
    let ((field, element), rest) = steps.split_first()?;
    if !record.has_field(field) {
        return None;
    }
    let value = record.get_field(field);
    let value = match element {
        Some(element) => value.as_list()?.get(element - 1)?,
        None => &*value,
    };
    match rest {
        [] => Some(value.clone()),
        rest => get(value.as_message()?, rest),
    }
}

fn set(record: &mut DynamicMessage, steps: &[Step], value: Option<Value>) {
    let Some(((field, element), rest)) = steps.split_first() else {
        return;
    };
    if rest.is_empty() {
        match value {
            Some(value) => drop(record.try_set_field(field, value)),
            None => record.clear_field(field),
        }
        return;
    }
    // an empty cell makes no message
    if value.is_none() && get(record, steps).is_none() {
        return;
    }
    let kind = field.kind();
    let Some(message) = kind.as_message() else {
        return;
    };
    let empty = || Value::Message(DynamicMessage::new(message.clone()));
    if field.is_list() && !record.has_field(field) {
        record.set_field(field, Value::List(Vec::new()));
    }
    let place = match (record.get_field_mut(field), element) {
        (Value::List(items), Some(element)) => {
            while items.len() < *element {
                items.push(empty());
            }
            items.get_mut(element - 1)
        }
        (value, _) => Some(value),
    };
    if let Some(Value::Message(inner)) = place {
        set(inner, rest, value);
    }
}

/// The length of the longest list at a path of columns, over all elements of lists around it.
pub fn longest(record: &DynamicMessage, path: &str) -> usize {
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let name = first.split('[').next().unwrap_or_default();
    let Some(field) = record.descriptor().get_field_by_name(name) else {
        return 0;
    };
    if !record.has_field(&field) {
        return 0;
    }
    let value = record.get_field(&field);
    let below = |value: &Value| {
        let inner = value.as_message();
        inner.map_or(0, |inner| longest(inner, &rest.join(".")))
    };
    match (value.as_list(), rest.is_empty()) {
        (Some(items), true) => items.len(),
        (Some(items), false) => items.iter().map(below).max().unwrap_or_default(),
        (None, true) => 0,
        (None, false) => below(&value),
    }
}

/// Keeps what callers write of a record, and nothing that holds no value.
pub fn settled(record: &mut DynamicMessage) {
    project(record);
    tidy(record);
}

/// Keeps what callers write of a message.
fn project(message: &mut DynamicMessage) {
    let set: Vec<_> = message.fields().map(|(field, _)| field).collect();
    for field in set {
        if !columns::is_written(&field) {
            message.clear_field(&field);
            continue;
        }
        each(message, &field, &mut project);
    }
}

/// Clears messages without a value, and those at the end of a list.
fn tidy(message: &mut DynamicMessage) {
    let set: Vec<_> = message.fields().map(|(field, _)| field).collect();
    for field in set {
        each(message, &field, &mut tidy);
        let is_empty = match message.get_field_mut(&field) {
            Value::List(items) if field.kind().as_message().is_some() => {
                let holds = |item: &Value| item.as_message().is_none_or(is_something);
                let kept = items.iter().rposition(holds).map_or(0, |last| last + 1);
                items.truncate(kept);
                items.is_empty()
            }
            Value::Message(inner) => !is_something(inner) && has_parts(inner.descriptor()),
            _ => false,
        };
        if is_empty {
            message.clear_field(&field);
        }
    }
}

/// Whether a message is one that columns are made of; the others say something by being there.
fn has_parts(message: MessageDescriptor) -> bool {
    message.package_name() != "google.protobuf"
}

fn is_something(message: &DynamicMessage) -> bool {
    message.fields().next().is_some()
}

fn each(
    message: &mut DynamicMessage,
    field: &FieldDescriptor,
    work: &mut dyn FnMut(&mut DynamicMessage),
) {
    if field.is_map() || field.kind().as_message().is_none() {
        return;
    }
    match message.get_field_mut(field) {
        Value::Message(inner) => work(inner),
        Value::List(items) => {
            for item in items {
                if let Value::Message(inner) = item {
                    work(inner);
                }
            }
        }
        _ => {}
    }
}
