//! Writes `impl Validate` for every message of our package, and refuses request fields without
//! a bound: every text, list and map that a caller can send has a maximum size.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::{
    rules::{self, Ignore, ItemRules, Rules, enum_table},
    schema::{Problems, Schema, is_false, message_of, oneof_of, screaming, snake, upper_camel},
};

/// Messages of others whose rules are written by hand, in `src/wire/validate/foreign.rs`.
const FOREIGN: [&str; 6] = [
    "google.protobuf.Duration",
    "google.protobuf.Empty",
    "google.protobuf.FieldMask",
    "google.protobuf.Timestamp",
    "google.type.Date",
    "google.type.Money",
];

/// The code of the whole package.
pub(crate) fn generate(schema: &Schema, problems: &mut Problems) -> String {
    let mut code = String::from(
        "use ndp_core::error::Violations;\n\
         use crate::wire::validate::{self, FieldPath, Validate};\n",
    );
    for message in schema.our_messages() {
        code.push_str(&message_code(schema, &message, problems));
    }
    for values in schema.enums() {
        let table = enum_table(values.full_name());
        if code.contains(&format!("values: {table},")) {
            let _ = writeln!(code, "\nstatic {table}: &[(i32, &str)] = &[");
            for value in values.values() {
                let _ = writeln!(code, "    ({}, {:?}),", value.number(), value.name());
            }
            code.push_str("];\n");
        }
    }
    code
}

fn message_code(schema: &Schema, message: &MessageDescriptor, problems: &mut Problems) -> String {
    if let Some(rules) = schema.message_rules(message) {
        for (rule, _) in rules.fields() {
            let problem = format!("the rule `message.{}` is not enforced", rule.name());
            problems.add(message.parent_file().name(), message.full_name(), &problem);
        }
    }
    let mut body = Vec::new();
    let mut done = Vec::new();
    for field in in_order(message) {
        match oneof_of(&field) {
            Some(oneof) if done.contains(&oneof) => {}
            Some(oneof) => {
                body.extend(oneof_code(schema, &oneof, problems));
                done.push(oneof);
            }
            None => body.extend(field_code(schema, &field, problems)),
        }
    }
    let of_type = schema.rust_type(message).unwrap_or_default();
    let unused = if body.is_empty() { "_" } else { "" };
    let mut code = format!("\nimpl Validate for {of_type} {{\n");
    let _ = writeln!(
        code,
        "    fn validate(&self, {unused}path: &FieldPath<'_>, {unused}out: &mut Violations) {{"
    );
    for line in body {
        let _ = writeln!(code, "        {line}");
    }
    code.push_str("    }\n}\n");
    code
}

/// The fields in the order of the proto, in which violations are reported.
pub(crate) fn in_order(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let protos = &message.descriptor_proto().field;
    protos
        .iter()
        .filter_map(|field| message.get_field_by_name(field.name()))
        .collect()
}

// === fields ===

fn field_code(schema: &Schema, field: &FieldDescriptor, problems: &mut Problems) -> Vec<String> {
    let rules = rules::read(schema, field, problems);
    if !schema.is_checked(field) {
        return Vec::new();
    }
    check_bounds(schema, field, &rules, problems);
    if rules.ignore == Ignore::Always {
        return Vec::new();
    }
    let place = format!("self.{}", snake(field.name()));
    let required = "validate::required(path, out);".to_owned();
    let lines = if let Some(items) = &rules.items {
        let walk = entries_code(schema, field, &rules, items);
        unless_zero(walk, &Kind::String, &place, &rules, required)
    } else if field.supports_presence() {
        let checks = value_code(schema, &field.kind(), &rules, "value", field);
        match (checks.is_empty(), rules.required) {
            (true, false) => Vec::new(),
            (true, true) => block(&format!("if {place}.is_none()"), vec![required]),
            (false, false) => block(&format!("if let Some(value) = &{place}"), checks),
            (false, true) => if_else(&format!("let Some(value) = &{place}"), checks, required),
        }
    } else {
        let checks = value_code(schema, &field.kind(), &rules, &format!("&{place}"), field);
        unless_zero(checks, &field.kind(), &place, &rules, required)
    };
    at(field.name(), &rules, lines)
}

fn oneof_code(schema: &Schema, oneof: &OneofDescriptor, problems: &mut Problems) -> Vec<String> {
    let place = format!("self.{}", snake(oneof.name()));
    let of_type = schema.rust_oneof(oneof).unwrap_or_default();
    let mut lines = Vec::new();
    let mut required_members = Vec::new();
    for field in oneof.fields() {
        let rules = rules::read(schema, &field, problems);
        let variant = format!("{of_type}::{}", upper_camel(field.name()));
        let mut checks = Vec::new();
        if schema.is_checked(&field) {
            check_bounds(schema, &field, &rules, problems);
            if rules.ignore != Ignore::Always {
                checks = value_code(schema, &field.kind(), &rules, "value", &field);
                if rules.required {
                    let missing = format!("if !matches!({place}, Some({variant}(_)))");
                    let path = format!("&path.field({:?})", field.name());
                    let call = format!("validate::required({path}, out);");
                    required_members.extend(block(&missing, vec![call]));
                }
            }
        }
        if !checks.is_empty() {
            let checks = with_path(field.name(), &rules, checks);
            lines.extend(block(
                &format!("if let Some({variant}(value)) = &{place}"),
                checks,
            ));
        }
    }
    let rules = schema.oneof_rules(oneof);
    let rules = rules
        .iter()
        .flat_map(|rules| rules.fields().filter(|(_, value)| !is_false(value)));
    let mut required = false;
    for (rule, _) in rules {
        match rule.name() {
            "required" => required = true,
            name => {
                let problem = format!("the rule `oneof.{name}` is not enforced");
                problems.add(oneof.parent_file().name(), oneof.full_name(), &problem);
            }
        }
    }
    if required {
        let members: Vec<_> = oneof
            .fields()
            .map(|field| field.name().to_owned())
            .collect();
        let path = format!("&path.field({:?})", oneof.name());
        let call = format!("validate::required_oneof(&{members:?}, {path}, out);");
        lines.extend(block(&format!("if {place}.is_none()"), vec![call]));
    }
    lines.extend(required_members);
    lines
}

/// The checks of one value; `value` is an expression for a reference to it.
fn value_code(
    schema: &Schema,
    kind: &Kind,
    rules: &Rules,
    value: &str,
    field: &FieldDescriptor,
) -> Vec<String> {
    if rules.ignore == Ignore::Always {
        return Vec::new();
    }
    let checks = rules.checks.iter();
    let mut lines: Vec<String> = checks
        .map(|check| check.replace("{value}", value).replace("{path}", "path"))
        .collect();
    if let (Kind::Message(_), Some(message)) = (kind, message_of(field))
        && (schema.is_ours(&message) || FOREIGN.contains(&message.full_name()))
    {
        lines.push(format!("{value}.validate(path, out);"));
    }
    lines
}

fn entries_code(
    schema: &Schema,
    field: &FieldDescriptor,
    rules: &Rules,
    items: &ItemRules,
) -> Vec<String> {
    let place = format!("self.{}", snake(field.name()));
    let each = |kind: &Kind, rules: &Rules, value: &str| {
        let lines = value_code(schema, kind, rules, value, field);
        match rules.ignore {
            Ignore::IfZeroValue if !lines.is_empty() => block(
                &format!("if {}", nonzero(kind, &format!("(*{value})"))),
                lines,
            ),
            _ => lines,
        }
    };
    let mut inner = Vec::new();
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let mut lines = each(&Kind::String, &items.keys, "key");
            let values = each(
                &entry.map_entry_value_field().kind(),
                &items.values,
                "value",
            );
            let value = if values.is_empty() { "_" } else { "value" };
            lines.extend(values);
            lines.insert(0, "let path = &path.key(key);".into());
            inner.extend(
                items
                    .keys
                    .statics
                    .iter()
                    .chain(&items.values.statics)
                    .cloned(),
            );
            inner.extend(block(&format!("for (key, {value}) in &{place}"), lines));
        }
        kind => {
            let mut lines = each(&kind, &items.values, "value");
            if !lines.is_empty() {
                lines.insert(0, "let path = &path.item(index);".into());
                inner.extend(items.values.statics.iter().cloned());
                let walk = format!("for (index, value) in {place}.iter().enumerate()");
                inner.extend(block(&walk, lines));
            }
        }
    }
    if items.unique {
        inner.push(format!("validate::unique(&{place}, path, out);"));
    }
    let counted = format!(
        "{}.check({place}.len(), path, out)",
        screaming(field.name())
    );
    match (rules.statics.is_empty(), inner.is_empty()) {
        (true, _) => inner,
        (false, true) => vec![format!("let _ = {counted};")],
        (false, false) => block(&format!("if {counted}"), inner),
    }
}

/// `lines` under what `required` and `ignore` say of a field without presence. A list is unset
/// when it is empty, like a string.
fn unless_zero(
    lines: Vec<String>,
    kind: &Kind,
    place: &str,
    rules: &Rules,
    required: String,
) -> Vec<String> {
    let zero = zero(kind, place);
    match (rules.required, rules.ignore, lines.is_empty()) {
        (true, _, true) => block(&format!("if {zero}"), vec![required]),
        (true, _, false) => {
            let mut code = block(&format!("if {zero}"), vec![required]);
            code.pop();
            code.push("} else {".into());
            code.extend(indent(lines));
            code.push("}".into());
            code
        }
        (false, Ignore::IfZeroValue, false) => {
            block(&format!("if {}", nonzero(kind, place)), lines)
        }
        (false, ..) => lines,
    }
}

/// Whether a value without presence counts as unset.
fn zero(kind: &Kind, place: &str) -> String {
    match kind {
        Kind::String | Kind::Bytes => format!("{place}.is_empty()"),
        Kind::Bool => format!("!{place}"),
        Kind::Double | Kind::Float => format!("{place} == 0.0"),
        _ => format!("{place} == 0"),
    }
}

/// The opposite of [`zero`].
pub(crate) fn nonzero(kind: &Kind, place: &str) -> String {
    match kind {
        Kind::String | Kind::Bytes => format!("!{place}.is_empty()"),
        Kind::Bool => place.into(),
        Kind::Double | Kind::Float => format!("{place} != 0.0"),
        _ => format!("{place} != 0"),
    }
}

// === bounds ===

fn check_bounds(schema: &Schema, field: &FieldDescriptor, rules: &Rules, problems: &mut Problems) {
    if !schema.is_reachable(field.parent_message()) {
        return;
    }
    let unbounded = "a request can hold this field, so it needs a bound:";
    if let Some(items) = &rules.items {
        if rules.ignore == Ignore::Always {
            problems.field(field, &format!("{unbounded} IGNORE_ALWAYS takes it away"));
        } else if !rules.bounded {
            let rule = if field.is_map() {
                "map.max_pairs"
            } else {
                "repeated.max_items"
            };
            problems.field(field, &format!("{unbounded} add `{rule}`"));
        }
        let text = "max_len, max_bytes, len, in, const, uuid or a bounded pattern";
        if field.is_map() {
            if is_open(&items.keys, &Kind::String) {
                problems.field(field, &format!("{unbounded} add `map.keys.string` {text}"));
            } else {
                check_characters(field, &items.keys, &Kind::String, problems);
            }
        }
        let kind = match field.kind() {
            Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
            kind => kind,
        };
        if is_open(&items.values, &kind) {
            let rule = if field.is_map() {
                "map.values"
            } else {
                "repeated.items"
            };
            problems.field(field, &format!("{unbounded} add to `{rule}` {text}"));
        } else {
            check_characters(field, &items.values, &kind, problems);
        }
    } else if is_open(rules, &field.kind()) {
        problems.field(
            field,
            &format!(
                "{unbounded} add max_len, max_bytes, len, in, const, uuid or a bounded pattern"
            ),
        );
    } else {
        check_characters(field, rules, &field.kind(), problems);
    }
    if let Some(message) = message_of(field)
        && !schema.is_ours(&message)
        && !FOREIGN.contains(&message.full_name())
    {
        let problem = format!(
            "a request can hold `{}`, whose rules build/validation.rs does not know",
            message.full_name()
        );
        problems.field(field, &problem);
    }
}

/// A text must state which characters it takes, so that clients know.
fn check_characters(field: &FieldDescriptor, rules: &Rules, kind: &Kind, problems: &mut Problems) {
    if *kind == Kind::String && !rules.spelled {
        problems.field(
            field,
            "a request can hold this text, so it says which characters it takes: add `pattern`, as \
             `text.proto` has it for one line and for several",
        );
    }
}

/// Whether a value of this kind has no longest length, or is not looked into.
fn is_open(rules: &Rules, kind: &Kind) -> bool {
    let sized = !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_));
    !sized && (!rules.bounded || rules.ignore == Ignore::Always)
}

// === layout ===

/// The lines in a block of their own, with the field's path and statics.
fn at(name: &str, rules: &Rules, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        lines
    } else {
        block("", with_path(name, rules, lines))
    }
}

fn with_path(name: &str, rules: &Rules, lines: Vec<String>) -> Vec<String> {
    let path = format!("let path = &path.field({name:?});");
    rules
        .statics
        .iter()
        .cloned()
        .chain([path])
        .chain(lines)
        .collect()
}

fn block(head: &str, lines: Vec<String>) -> Vec<String> {
    let head = if head.is_empty() {
        "{".into()
    } else {
        format!("{head} {{")
    };
    [head]
        .into_iter()
        .chain(indent(lines))
        .chain(["}".into()])
        .collect()
}

fn if_else(condition: &str, lines: Vec<String>, otherwise: String) -> Vec<String> {
    let mut code = block(&format!("if {condition}"), lines);
    code.pop();
    code.extend(["} else {".into(), format!("    {otherwise}"), "}".into()]);
    code
}

fn indent(lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| format!("    {line}"))
}
