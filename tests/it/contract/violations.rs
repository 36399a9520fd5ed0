//! Every `buf.validate` rule of every request, broken over the wire: one value that breaks it, made
//! from the descriptors, and the answer names the field and the rule, in English and Vietnamese.
//!
//! A rule that this file does not know fails it, as it fails the build of the server.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor,
    ReflectMessage, Value,
};
use regex::Regex;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    contract::protos::{behaviour, inner, rules_of},
    harness::{
        Engine,
        raw::{POOL, Raw},
        server::{As, Server},
    },
};

/// One rule of one field, and what breaks it.
struct Case {
    /// From the request to the field.
    place: Vec<Step>,
    /// The value there; `None` if the rule is that a value is required.
    value: Option<Value>,
    /// The field as the answer calls it.
    path: String,
    reason: &'static str,
}

#[derive(Clone)]
enum Step {
    Field(FieldDescriptor),
    /// The first item of the field.
    Item(FieldDescriptor),
    /// The entry of the field under this key.
    Entry(FieldDescriptor, String),
}

impl Case {
    /// A request that breaks the rule.
    fn request(&self, method: &MethodDescriptor) -> DynamicMessage {
        let mut request = DynamicMessage::new(method.input());
        self.apply(&mut request);
        request
    }

    fn apply(&self, request: &mut DynamicMessage) {
        put(request, &self.place, self.value.clone());
        // of a resource only the fields that an update touches are checked
        let mask = request.descriptor().get_field_by_name("update_mask");
        if let (Some(mask), Some((_, below))) = (mask, self.path.split_once('.')) {
            let end = below.find(['.', '[']).unwrap_or(below.len());
            if let Value::Message(mask) = request.get_field_mut(&mask)
                && let Some(Value::List(paths)) = mask.get_field_by_name_mut("paths")
            {
                paths.push(Value::String(below[..end].to_owned()));
            }
        }
    }

    /// The field of the request that it is about, or of the resource in it.
    fn top(&self) -> &str {
        let end = self.path.find(['.', '[']).unwrap_or(self.path.len());
        &self.path[..end]
    }
}

fn put(message: &mut DynamicMessage, place: &[Step], value: Option<Value>) {
    let Some((step, rest)) = place.split_first() else {
        return;
    };
    match step {
        Step::Field(field) if rest.is_empty() => match value {
            Some(value) => message.set_field(field, value),
            None => message.clear_field(field),
        },
        Step::Field(field) => match message.get_field_mut(field) {
            Value::Message(inner) => put(inner, rest, value),
            other => panic!("{other:?}"),
        },
        Step::Item(field) => {
            let mut item = match field.kind() {
                Kind::Message(inner) => Value::Message(DynamicMessage::new(inner)),
                _ => Value::Bool(false),
            };
            match (&mut item, rest.is_empty()) {
                (_, true) => item = value.expect("an item is there"),
                (Value::Message(inner), false) => put(inner, rest, value),
                (other, _) => panic!("{other:?}"),
            }
            message.set_field(field, Value::List(vec![item]));
        }
        Step::Entry(field, key) => {
            let value = value.expect("an entry is there");
            let entries = HashMap::from([(MapKey::String(key.clone()), value)]);
            message.set_field(field, Value::Map(entries));
        }
    }
}

// === what breaks the rules ===

/// Texts that some pattern takes, of which each that has one takes one.
const SAMPLES: &[&str] = &[
    "",
    "a",
    "agencies/a",
    "editions/a",
    "platforms/a",
    "platforms/a/plans/b",
    "principals/a",
    "tasks/a",
    "recommendations/a",
    "programmes/a",
    "indicators/a",
    "dataFlows/a",
    "ndp.registry.v1.PlanService/GetPlan",
    "1",
    "1.5",
    "0000000000000000000000000000000000000000000000000000000000000000",
];

/// Texts of which each pattern refuses one.
const REFUSED: &[&str] = &["!", "UPPER/case", "a b", "", "-/-/-/-"];

#[derive(Default)]
struct Walk {
    cases: Vec<Case>,
    /// The messages on the way, for those that hold themselves.
    within: Vec<String>,
    seen: BTreeMap<String, usize>,
}

impl Walk {
    fn message(&mut self, message: &MessageDescriptor, place: &[Step], path: &str) {
        let name = message.full_name().to_owned();
        if self.within.contains(&name) || name.starts_with("google.") {
            return;
        }
        self.within.push(name);
        for field in message.fields() {
            if !behaviour(&field).contains(&"OUTPUT_ONLY") {
                self.field(&field, place, path);
            }
        }
        self.within.pop();
    }

    fn field(&mut self, field: &FieldDescriptor, place: &[Step], path: &str) {
        let separator = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{separator}{}", field.name());
        let at = |step: Step| [place, &[step]].concat();
        if let Some(rules) = &rules_of(field) {
            let place = at(Step::Field(field.clone()));
            if field.is_list() {
                self.list(field, rules, &place, &path);
            } else if field.is_map() {
                self.map(field, rules, &place, &path);
            } else {
                self.value(&field.kind(), rules, &place, &path);
            }
        }
        if let Kind::Message(inner) = field.kind()
            && !field.is_map()
        {
            if field.is_list() {
                self.message(
                    &inner,
                    &at(Step::Item(field.clone())),
                    &format!("{path}[0]"),
                );
            } else {
                self.message(&inner, &at(Step::Field(field.clone())), &path);
            }
        }
    }

    fn add(
        &mut self,
        rule: &str,
        place: &[Step],
        path: &str,
        reason: &'static str,
        value: Option<Value>,
    ) {
        *self.seen.entry(rule.to_owned()).or_default() += 1;
        self.cases.push(Case {
            place: place.to_vec(),
            value,
            path: path.to_owned(),
            reason,
        });
    }

    /// The rules of one value: of a field, an item, a key or a value of a map.
    fn value(&mut self, kind: &Kind, rules: &DynamicMessage, place: &[Step], path: &str) {
        let set: Vec<_> = rules
            .fields()
            .map(|(field, value)| (field, value.clone()))
            .collect();
        let skips_zero = set
            .iter()
            .any(|(field, value)| field.name() == "ignore" && value.as_enum_number() == Some(1));
        for (field, value) in set {
            match (field.name(), value) {
                ("ignore", _) => {}
                ("required", _) => self.add("required", place, path, "REQUIRED", None),
                ("string", Value::Message(rules)) => self.text(&rules, skips_zero, place, path),
                ("enum", Value::Message(rules)) => self.enumeration(&rules, place, path),
                ("int32" | "int64" | "uint32" | "double", Value::Message(rules)) => {
                    self.number(kind, &rules, place, path);
                }
                (other, _) => panic!("{path}: this test does not know the rule `{other}`"),
            }
        }
    }

    fn text(&mut self, rules: &DynamicMessage, skips_zero: bool, place: &[Step], path: &str) {
        let text = |value: String| Some(Value::String(value));
        let number = |name: &str| {
            let has = rules.has_field_by_name(name);
            has.then(|| rules.get_field_by_name(name).unwrap().as_u64().unwrap() as usize)
        };
        let most = number("max_len")
            .or(number("max_bytes"))
            .unwrap_or(usize::MAX);
        for (field, value) in rules.fields() {
            let name = field.name();
            let rule = format!("string.{name}");
            let (reason, broken) = match (name, value) {
                ("min_len", value) => {
                    let least = value.as_u64().unwrap() as usize;
                    if skips_zero && least == 1 {
                        continue;
                    }
                    let reason = if least == 1 { "REQUIRED" } else { "TOO_SHORT" };
                    (reason, "a".repeat(least - 1))
                }
                ("max_len" | "max_bytes", value) => {
                    ("TOO_LONG", "a".repeat(value.as_u64().unwrap() as usize + 1))
                }
                // of one line, or of several
                ("pattern", value) if value.as_str().unwrap().contains("\\p{C}") => {
                    ("CONTROL_CHARACTER", "a\u{202E}".to_owned())
                }
                ("pattern", _) if rules.has_field_by_name("uri") => {
                    ("NOT_A_URI", "https:///".to_owned())
                }
                ("pattern", value) => {
                    let pattern = Regex::new(value.as_str().unwrap()).unwrap();
                    let refused = REFUSED.iter().find(|it| {
                        let zero = it.is_empty() && skips_zero;
                        !zero && it.len() <= most && !pattern.is_match(it)
                    });
                    let refused = refused.unwrap_or_else(|| panic!("{path}: {pattern}"));
                    ("PATTERN", (*refused).to_owned())
                }
                ("uuid", _) => ("NOT_A_UUID", "x".to_owned()),
                ("uri", _) => ("NOT_A_URI", "x".to_owned()),
                ("prefix", _) => ("PREFIX", "!".to_owned()),
                ("const" | "in", _) => ("NOT_ALLOWED", "no such value".to_owned()),
                (other, _) => panic!("{path}: this test does not know `string.{other}`"),
            };
            self.add(&rule, place, path, reason, text(broken));
        }
    }

    fn enumeration(&mut self, rules: &DynamicMessage, place: &[Step], path: &str) {
        for (field, value) in rules.fields() {
            let rule = format!("enum.{}", field.name());
            let (reason, number) = match (field.name(), value) {
                ("defined_only", _) => ("UNKNOWN_VALUE", 9_999),
                ("not_in", Value::List(list)) => ("NOT_ALLOWED", list[0].as_i32().unwrap()),
                (other, _) => panic!("{path}: this test does not know `enum.{other}`"),
            };
            self.add(&rule, place, path, reason, Some(Value::EnumNumber(number)));
        }
    }

    fn number(&mut self, kind: &Kind, rules: &DynamicMessage, place: &[Step], path: &str) {
        for (field, value) in rules.fields() {
            let beyond = match field.name() {
                "gte" => -1,
                "lte" => 1,
                "gt" | "lt" => 0,
                other => panic!("{path}: this test does not know the bound `{other}`"),
            };
            let value = match (kind, value) {
                (Kind::Int32, Value::I32(it)) => Value::I32(it + beyond),
                (Kind::Int64, Value::I64(it)) => Value::I64(it + i64::from(beyond)),
                (Kind::Double, Value::F64(it)) => Value::F64(it + f64::from(beyond)),
                (kind, value) => panic!("{path}: {kind:?} {value:?}"),
            };
            let rule = format!("number.{}", field.name());
            self.add(&rule, place, path, "OUT_OF_RANGE", Some(value));
        }
    }

    fn list(
        &mut self,
        field: &FieldDescriptor,
        rules: &DynamicMessage,
        place: &[Step],
        path: &str,
    ) {
        let Some(rules) = inner(rules, "repeated") else {
            panic!("{path}: this test knows only rules of `repeated`");
        };
        let of_items = inner(&rules, "items");
        let sample = sample(&field.kind(), of_items.as_ref());
        for (rule, value) in rules.fields() {
            let name = format!("repeated.{}", rule.name());
            let items = |count: usize| Some(Value::List(vec![sample.clone(); count]));
            match rule.name() {
                "min_items" => self.add(&name, place, path, "TOO_FEW_ITEMS", items(0)),
                "max_items" => {
                    let most = value.as_u64().unwrap() as usize;
                    self.add(&name, place, path, "TOO_MANY_ITEMS", items(most + 1));
                }
                "unique" => {
                    self.add(&name, place, &format!("{path}[1]"), "NOT_UNIQUE", items(2));
                }
                "items" => {
                    let (_, before) = place.split_last().unwrap();
                    let place = [before, &[Step::Item(field.clone())]].concat();
                    let of_items = of_items.clone().unwrap();
                    self.value(&field.kind(), &of_items, &place, &format!("{path}[0]"));
                }
                other => panic!("{path}: this test does not know `repeated.{other}`"),
            }
        }
    }

    fn map(&mut self, field: &FieldDescriptor, rules: &DynamicMessage, place: &[Step], path: &str) {
        let Some(rules) = inner(rules, "map") else {
            panic!("{path}: this test knows only rules of `map`");
        };
        let (_, before) = place.split_last().unwrap();
        for (rule, value) in rules.fields() {
            match rule.name() {
                "max_pairs" => {
                    let most = value.as_u64().unwrap();
                    let entry = |number| (MapKey::String(format!("a{number}")), text("a"));
                    let entries = Value::Map((0..=most).map(entry).collect());
                    self.add(
                        "map.max_pairs",
                        place,
                        path,
                        "TOO_MANY_ITEMS",
                        Some(entries),
                    );
                }
                "keys" => {
                    let known = self.cases.len();
                    let rules = inner(&rules, "keys").unwrap();
                    self.value(&Kind::String, &rules, place, path);
                    for case in &mut self.cases[known..] {
                        let Some(Value::String(key)) = case.value.replace(text("a")) else {
                            panic!("a key is a text");
                        };
                        case.path = shown(path, &key);
                        case.place = [before, &[Step::Entry(field.clone(), key)]].concat();
                    }
                }
                "values" => {
                    let rules = inner(&rules, "values").unwrap();
                    let place = [before, &[Step::Entry(field.clone(), "a".into())]].concat();
                    self.value(&Kind::String, &rules, &place, &shown(path, "a"));
                }
                other => panic!("{path}: this test does not know `map.{other}`"),
            }
        }
    }
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

/// An entry of a map, as the answer calls it; a long key is cut.
fn shown(path: &str, key: &str) -> String {
    format!("{path}[\"{}", key.chars().take(64).collect::<String>())
}

/// A value that its own rules do not refuse.
fn sample(kind: &Kind, rules: Option<&DynamicMessage>) -> Value {
    match kind {
        Kind::Message(message) => Value::Message(DynamicMessage::new(message.clone())),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::String => {
            let rules = rules.and_then(|it| inner(it, "string"));
            let pattern = rules.and_then(|it| Some(it.get_field_by_name("pattern")?.into_owned()));
            let pattern = pattern.and_then(|it| Regex::new(it.as_str()?).ok());
            let takes =
                |it: &&&str| !it.is_empty() && pattern.as_ref().is_none_or(|p| p.is_match(it));
            text(
                SAMPLES
                    .iter()
                    .find(takes)
                    .expect("a sample for the pattern"),
            )
        }
        other => panic!("no sample of {other:?}"),
    }
}

// === over the wire ===

/// The violations as `path REASON`, each of which must have a text in both languages.
fn received(status: &Status, what: &str) -> BTreeSet<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status:?}");
    let details = status.get_error_details();
    let bad = details
        .bad_request()
        .unwrap_or_else(|| panic!("{what}: no BadRequest"));
    let lines = bad.field_violations.iter().map(|it| {
        let vietnamese = it.localized_message.as_ref().expect("words in Vietnamese");
        assert_eq!(vietnamese.locale, "vi", "{what}");
        assert!(
            !vietnamese.message.is_empty() && !it.description.is_empty(),
            "{what}"
        );
        assert_ne!(vietnamese.message, it.description, "{what}");
        format!("{} {}", it.field, it.reason)
    });
    lines.collect()
}

fn tells(received: &BTreeSet<String>, case: &Case) -> bool {
    // a path may be cut, and then ends in an ellipsis or within a key
    received.iter().any(|line| {
        let (path, reason) = line.rsplit_once(' ').unwrap();
        let same = path == case.path || (case.path.contains("[\"") && path.starts_with(&case.path));
        same && reason == case.reason
    })
}

async fn call(raw: &Raw, method: &MethodDescriptor, request: DynamicMessage, what: &str) -> Status {
    match raw.respond_to(method, request).await {
        Err(status) => status,
        Ok(answer) => panic!("{what} answered {:?}", answer.get_ref()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_of_every_request_is_enforced_over_the_wire() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    // field rules come before the question who calls
    let raw = server.raw(As::default());
    let ours = POOL
        .services()
        .filter(|it| it.package_name() == "ndp.registry.v1");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut tried = 0;
    let mut not_named = Vec::new();
    let methods = ours.flat_map(|it| it.methods().collect::<Vec<_>>());
    // the rules of a stream of requests are those of each, and its method's own tests break them
    for method in methods.filter(|it| !it.is_client_streaming()) {
        let mut walk = Walk::default();
        walk.message(&method.input(), &[], "");
        for (rule, count) in walk.seen {
            *seen.entry(rule).or_default() += count;
        }
        for case in &walk.cases {
            let what = format!("{} {} {}", method.name(), case.path, case.reason);
            let status = call(&raw, &method, case.request(&method), &what).await;
            let received = received(&status, &what);
            if !tells(&received, case) {
                not_named.push(format!("{what}; received {received:?}"));
            }
            tried += 1;
        }
        // several wrong fields at once, each of which is reported
        let mut several: Vec<&Case> = Vec::new();
        for case in &walk.cases {
            let top = |it: &&Case| it.top() == case.top();
            if several.len() < 4 && !several.iter().any(top) && case.path.len() < 60 {
                several.push(case);
            }
        }
        let mut request = DynamicMessage::new(method.input());
        several.iter().for_each(|case| case.apply(&mut request));
        if several.len() > 1 {
            let what = format!("{} with {} mistakes", method.name(), several.len());
            let received = received(&call(&raw, &method, request, &what).await, &what);
            for case in several {
                if !tells(&received, case) {
                    not_named.push(format!(
                        "{what}: {} {}; received {received:?}",
                        case.path, case.reason
                    ));
                }
            }
        }
    }
    assert!(
        not_named.is_empty(),
        "{} of {tried}:\n{}",
        not_named.len(),
        not_named.join("\n")
    );
    assert!(tried > 400, "{tried} rules");
    let rules: Vec<_> = seen.keys().map(String::as_str).collect();
    for rule in [
        "enum.defined_only",
        "enum.not_in",
        "map.max_pairs",
        "number.gte",
        "required",
        "repeated.max_items",
        "repeated.unique",
        "string.max_bytes",
        "string.max_len",
        "string.min_len",
        "string.pattern",
        "string.uuid",
    ] {
        assert!(
            rules.contains(&rule),
            "no request has the rule {rule}: {rules:?}"
        );
    }
    server.stop().await;
}
