//! JSON Schemas of messages, enums and fields, as proto JSON writes them, each once by its name.

use std::collections::{BTreeMap, HashMap};

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor,
    FileDescriptor, Kind, MessageDescriptor, ReflectMessage, Value as Proto,
};
use serde_json::{Map, Value, json};

use crate::wire::{
    descriptors::{Comments, name_within},
    validate::lines::{LINE, LINES},
};

/// `google.api.FieldBehavior`.
const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;
const INPUT_ONLY: i32 = 4;

/// The patterns of texts without Unicode classes, which not every JSON Schema reader supports. They
/// list only the refused characters that are likely to occur.
const LINE_JSON: &str =
    r"^[^\x00-\x1F\x7F-\x9F\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]*$";
const LINES_JSON: &str =
    r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]*$";

/// What a UUID looks like.
const UUID: &str = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";

/// Schemas, and what they are made from.
#[derive(Debug)]
pub(super) struct Schemas {
    pool: DescriptorPool,
    rules: Option<ExtensionDescriptor>,
    behavior: Option<ExtensionDescriptor>,
    /// The comment before each element, by file and path in its descriptor.
    comments: Comments,
    /// The variable of each collection in the patterns of resources: `apiKeys`, `api_key`.
    variables: HashMap<String, String>,
    made: BTreeMap<String, Value>,
}

/// Sets a keyword of a schema, or a field of any other object.
pub(super) fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value.into());
    }
}

/// Adds a description where there is one.
pub(super) fn described(schema: &mut Value, comment: String) {
    if !comment.is_empty() {
        set(schema, "description", comment);
    }
}

impl Schemas {
    pub(super) fn new(pool: &DescriptorPool) -> Self {
        Self {
            pool: pool.clone(),
            rules: pool.get_extension_by_name("buf.validate.field"),
            behavior: pool.get_extension_by_name("google.api.field_behavior"),
            comments: Comments::of(pool.file_descriptor_protos()),
            variables: variables(pool),
            made: BTreeMap::new(),
        }
    }

    /// The comment before an element, with one line per paragraph.
    pub(super) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> String {
        self.comments.at(file, path).to_owned()
    }

    /// The name of the id in a collection.
    pub(super) fn variable(&self, collection: &str) -> String {
        let variable = self.variables.get(collection).cloned();
        variable.unwrap_or_else(|| "id".to_owned())
    }

    /// All schemas that were requested, by name.
    pub(super) fn finish(self) -> Map<String, Value> {
        self.made.into_iter().collect()
    }

    /// The schema of google.rpc.Status.
    pub(super) fn status(&mut self) -> Value {
        let status = self.pool.get_message_by_name("google.rpc.Status");
        status.map_or_else(|| json!({}), |status| self.message(&status))
    }

    // === options ===

    fn behaves(&self, field: &FieldDescriptor, behavior: i32) -> bool {
        let options = field.options();
        self.behavior.as_ref().is_some_and(|extension| {
            let list = options.get_extension(extension);
            let list = list.as_list().unwrap_or_default();
            list.iter().any(|it| it.as_enum_number() == Some(behavior))
        })
    }

    pub(super) fn is_required(&self, field: &FieldDescriptor) -> bool {
        self.behaves(field, REQUIRED)
    }

    pub(super) fn is_output_only(&self, field: &FieldDescriptor) -> bool {
        self.behaves(field, OUTPUT_ONLY)
    }

    fn rules(&self, field: &FieldDescriptor) -> Option<DynamicMessage> {
        let rules = self.rules.as_ref()?;
        let options = field.options();
        let has = options.has_extension(rules);
        has.then(|| options.get_extension(rules).as_message().cloned())
            .flatten()
    }

    /// The pattern of segment `at` in the rule of a resource name, if the rule has `of` segments.
    pub(super) fn segment(&self, field: &FieldDescriptor, at: usize, of: usize) -> Option<String> {
        let rules = within(&self.rules(field)?, "string")?;
        let pattern = get(&rules, "pattern")?.as_str()?.to_owned();
        let inside = pattern.strip_prefix('^')?.strip_suffix('$')?;
        let inside = match inside
            .strip_prefix('(')
            .and_then(|it| it.strip_suffix(")?"))
        {
            Some(optional) if optional.contains('/') => optional,
            _ => inside,
        };
        let segments: Vec<_> = inside.split('/').collect();
        let segment = segments.get(at).filter(|_| segments.len() == of);
        segment.map(|it| (*it).to_owned())
    }

    // === messages and enums ===

    /// A reference to the schema of a message, or the schema itself of one that is a text.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        match message.full_name() {
            "google.protobuf.Timestamp" => return json!({"type": "string", "format": "date-time"}),
            "google.protobuf.Duration" => {
                return json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$"});
            }
            "google.protobuf.FieldMask" => return json!({"type": "string"}),
            _ => {}
        }
        let name = name(message.full_name());
        if !self.made.contains_key(&name) {
            // the entry is reserved first, because a message may contain itself
            self.made.insert(name.clone(), Value::Null);
            let schema = match message.full_name() {
                "google.protobuf.Any" => json!({
                    "type": "object",
                    "description": "A message of the type that `@type` names, with its fields.",
                    "properties": {"@type": {"type": "string"}},
                    "required": ["@type"],
                    "additionalProperties": true,
                }),
                _ => self.object(message, &[], false),
            };
            self.made.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// Whether the request has a required field that is not in `bound`.
    pub(super) fn needs(&self, message: &MessageDescriptor, bound: &[String]) -> bool {
        let mut fields = message.fields();
        fields.any(|it| self.is_required(&it) && !bound.iter().any(|name| name == it.name()))
    }

    /// A request without the fields that its path fills.
    pub(super) fn body(
        &mut self,
        message: &MessageDescriptor,
        name: &str,
        bound: &[String],
    ) -> Value {
        let schema = self.object(message, bound, true);
        self.made.insert(name.to_owned(), schema);
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn object(&mut self, message: &MessageDescriptor, without: &[String], request: bool) -> Value {
        let mut properties = Map::new();
        let mut required: Vec<&str> = Vec::new();
        let fields: Vec<_> = message.fields().collect();
        let kept = |field: &&FieldDescriptor| !without.iter().any(|it| it == field.name());
        for field in fields.iter().filter(kept) {
            let mut schema = self.field(field);
            described(
                &mut schema,
                self.comment(&field.parent_file(), field.path()),
            );
            if self.is_output_only(field) {
                set(&mut schema, "readOnly", true);
            }
            if self.behaves(field, INPUT_ONLY) {
                set(&mut schema, "writeOnly", true);
            }
            // an answer omits empty fields, so only requests have required fields
            if request && self.is_required(field) {
                required.push(field.json_name());
            }
            properties.insert(field.json_name().to_owned(), schema);
        }
        let mut schema = json!({"type": "object"});
        described(
            &mut schema,
            self.comment(&message.parent_file(), message.path()),
        );
        if !properties.is_empty() {
            set(&mut schema, "properties", properties);
        }
        if !required.is_empty() {
            set(&mut schema, "required", required);
        }
        schema
    }

    fn enumeration(&mut self, one: &EnumDescriptor) -> Value {
        let name = name(one.full_name());
        if !self.made.contains_key(&name) {
            let names: Vec<_> = one.values().map(|it| it.name().to_owned()).collect();
            let mut text = self.comment(&one.parent_file(), one.path());
            for value in one.values() {
                let comment = self.comment(&one.parent_file(), value.path());
                text.push_str(&format!("\n- `{}`: {comment}", value.name()));
            }
            let mut schema = json!({"type": "string", "enum": names});
            described(&mut schema, text);
            self.made.insert(name.clone(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    // === fields ===

    /// The schema of a field with its rules.
    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let rules = self.rules(field);
        if field.is_map() {
            return self.map(field, rules.as_ref());
        }
        if !field.is_list() {
            return self.value(&field.kind(), rules.as_ref());
        }
        let rules = rules.and_then(|it| within(&it, "repeated"));
        let of_items = rules.as_ref().and_then(|it| within(it, "items"));
        let mut schema = json!({
            "type": "array",
            "items": self.value(&field.kind(), of_items.as_ref()),
        });
        if let Some(rules) = &rules {
            copy(rules, "min_items", &mut schema, "minItems");
            copy(rules, "max_items", &mut schema, "maxItems");
            copy(rules, "unique", &mut schema, "uniqueItems");
        }
        schema
    }

    fn map(&mut self, field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> Value {
        let entry = field.kind();
        let value = entry
            .as_message()
            .map(MessageDescriptor::map_entry_value_field);
        let rules = rules.and_then(|it| within(it, "map"));
        let of_values = rules.as_ref().and_then(|it| within(it, "values"));
        let values = value.map_or_else(
            || json!({}),
            |value| self.value(&value.kind(), of_values.as_ref()),
        );
        let mut schema = json!({"type": "object", "additionalProperties": values});
        if let Some(rules) = &rules {
            copy(rules, "max_pairs", &mut schema, "maxProperties");
        }
        let keys = rules.as_ref().and_then(|it| within(it, "keys"));
        if let Some(keys) = keys {
            let names = self.value(&Kind::String, Some(&keys));
            set(&mut schema, "propertyNames", names);
        }
        schema
    }

    fn value(&mut self, kind: &Kind, rules: Option<&DynamicMessage>) -> Value {
        let within = |name: &str| rules.and_then(|it| within(it, name));
        match kind {
            Kind::String => text(within("string").as_ref(), may_be_empty(rules)),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                integer("int32", within("int32").as_ref())
            }
            Kind::Uint32 | Kind::Fixed32 => {
                let mut schema = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
                bounds(within("uint32").as_ref(), &mut schema);
                schema
            }
            // proto JSON writes 64-bit integers as text, for readers with 53-bit numbers
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                let rules = within("int64");
                let least = rules
                    .and_then(|it| get(&it, "gte"))
                    .and_then(|it| it.as_i64());
                let sign = if least.is_some_and(|it| it >= 0) {
                    ""
                } else {
                    "-?"
                };
                let pattern = format!("^{sign}[0-9]{{1,19}}$");
                json!({"type": "string", "format": "int64", "pattern": pattern})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"})
            }
            Kind::Float | Kind::Double => {
                let mut schema = json!({"type": "number"});
                bounds(within("double").as_ref(), &mut schema);
                schema
            }
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(one) => self.enumeration(one),
            Kind::Message(message) => self.message(message),
        }
    }
}

/// IGNORE_IF_ZERO_VALUE.
fn may_be_empty(rules: Option<&DynamicMessage>) -> bool {
    let ignore = rules.and_then(|it| get(it, "ignore"));
    ignore.and_then(|it| it.as_enum_number()) == Some(1)
}

fn text(rules: Option<&DynamicMessage>, may_be_empty: bool) -> Value {
    let mut schema = json!({"type": "string"});
    let Some(rules) = rules else { return schema };
    copy(rules, "len", &mut schema, "minLength");
    copy(rules, "len", &mut schema, "maxLength");
    copy(rules, "min_len", &mut schema, "minLength");
    // never more characters than bytes
    copy(rules, "max_bytes", &mut schema, "maxLength");
    copy(rules, "max_len", &mut schema, "maxLength");
    copy(rules, "const", &mut schema, "const");
    copy(rules, "in", &mut schema, "enum");
    let pattern = get(rules, "pattern").and_then(|it| it.as_str().map(str::to_owned));
    if let Some(pattern) = pattern {
        let pattern = match pattern.as_str() {
            LINE => LINE_JSON.to_owned(),
            LINES => LINES_JSON.to_owned(),
            _ => pattern,
        };
        let pattern = match may_be_empty {
            true => format!("^$|{pattern}"),
            false => pattern,
        };
        set(&mut schema, "pattern", pattern);
    }
    for (rule, form) in [("uuid", UUID), ("uri", ".+")] {
        if get(rules, rule).and_then(|it| it.as_bool()) == Some(true) {
            // a format cannot express that the value may be empty
            if may_be_empty {
                if schema.get("pattern").is_none() {
                    set(&mut schema, "pattern", format!("^({form})?$"));
                }
            } else {
                set(&mut schema, "format", rule);
            }
        }
    }
    schema
}

fn integer(format: &str, rules: Option<&DynamicMessage>) -> Value {
    let mut schema = json!({"type": "integer", "format": format});
    bounds(rules, &mut schema);
    schema
}

fn bounds(rules: Option<&DynamicMessage>, schema: &mut Value) {
    let Some(rules) = rules else { return };
    copy(rules, "gte", schema, "minimum");
    copy(rules, "lte", schema, "maximum");
    copy(rules, "gt", schema, "exclusiveMinimum");
    copy(rules, "lt", schema, "exclusiveMaximum");
}

/// Copies a rule, if it is set, to a keyword.
fn copy(rules: &DynamicMessage, rule: &str, schema: &mut Value, keyword: &str) {
    if let Some(value) = get(rules, rule) {
        set(schema, keyword, plain(&value));
    }
}

fn plain(value: &Proto) -> Value {
    match value {
        Proto::Bool(it) => (*it).into(),
        Proto::I32(it) => (*it).into(),
        Proto::I64(it) => (*it).into(),
        Proto::U32(it) => (*it).into(),
        Proto::U64(it) => (*it).into(),
        Proto::F64(it) => (*it).into(),
        Proto::String(it) => it.as_str().into(),
        Proto::List(list) => list.iter().map(plain).collect::<Vec<_>>().into(),
        _ => Value::Null,
    }
}

/// The value of a field in a message of options, if it is set.
fn get(message: &DynamicMessage, name: &str) -> Option<Proto> {
    let field = message.descriptor().get_field_by_name(name)?;
    let has = message.has_field(&field);
    has.then(|| message.get_field(&field).into_owned())
}

fn within(message: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    match get(message, name)? {
        Proto::Message(inner) => Some(inner),
        _ => None,
    }
}

/// `ndp.registry.v1.Plan.State` is `PlanState`, `google.type.Date` is `GoogleTypeDate`.
fn name(full_name: &str) -> String {
    let short = name_within(full_name).unwrap_or(full_name);
    let mut name = String::new();
    for part in short.split('.') {
        let mut characters = part.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(characters.as_str());
    }
    name
}

fn variables(pool: &DescriptorPool) -> HashMap<String, String> {
    let mut variables = HashMap::new();
    let Some(resource) = pool.get_extension_by_name("google.api.resource") else {
        return variables;
    };
    for message in pool.all_messages() {
        let options = message.options();
        if !options.has_extension(&resource) {
            continue;
        }
        let resource = options.get_extension(&resource);
        let patterns = resource.as_message().and_then(|it| get(it, "pattern"));
        for pattern in patterns
            .as_ref()
            .and_then(|it| it.as_list())
            .unwrap_or_default()
        {
            let parts: Vec<_> = pattern.as_str().unwrap_or_default().split('/').collect();
            for pair in parts.chunks_exact(2) {
                if let [collection, variable] = pair {
                    let variable = variable.trim_matches(['{', '}']);
                    variables.insert((*collection).to_owned(), variable.to_owned());
                }
            }
        }
    }
    variables
}
