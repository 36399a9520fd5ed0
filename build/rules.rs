//! `buf.validate.FieldRules` read into rules that `wire::validate` has. A rule that is not read
//! here is reported as a problem, never skipped.

#[path = "../src/wire/validate/lines.rs"]
pub(crate) mod lines;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use regex_syntax::hir::{Hir, Look};

use self::lines::{LINE, LINES, WEB};
use super::schema::{Problems, Schema, is_false, screaming};

/// `buf.validate.Ignore`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ignore {
    #[default]
    Unspecified,
    IfZeroValue,
    Always,
}

/// The rules of one value: a field, an item, a map's key or value.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) required: bool,
    pub(crate) ignore: Ignore,
    /// Statics to declare: `static NAME: Type = …;`.
    pub(crate) statics: Vec<String>,
    /// Calls that check a value, with `{value}` for a reference to it, `{path}` for its path.
    pub(crate) checks: Vec<String>,
    /// Whether something bounds the size of the value, or it has a fixed one.
    pub(crate) bounded: bool,
    /// Whether a rule limits the characters of a text.
    pub(crate) spelled: bool,
    pub(crate) items: Option<Box<ItemRules>>,
}

/// The rules of a repeated field or a map beyond those of its entries.
#[derive(Debug, Default)]
pub(crate) struct ItemRules {
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
    pub(crate) unique: bool,
    /// Of the items, or of a map's values.
    pub(crate) values: Rules,
    /// Of a map's keys.
    pub(crate) keys: Rules,
}

/// Reads the rules of a field.
pub(crate) fn read(schema: &Schema, field: &FieldDescriptor, problems: &mut Problems) -> Rules {
    let options = schema.field_rules(field);
    let mut reader = Reader { field, problems };
    if field.is_list() || field.is_map() {
        reader.entries(options.as_ref())
    } else {
        reader.value(
            options.as_ref(),
            &field.kind(),
            &screaming(field.name()),
            true,
        )
    }
}

struct Reader<'a> {
    field: &'a FieldDescriptor,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn unsupported(&mut self, rule: &str) {
        let problem = format!("the rule `{rule}` is not enforced by the generator in build/");
        self.problems.field(self.field, &problem);
    }

    /// The rules set in a message of rules. Extensions are predefined rules: not supported.
    fn set(&mut self, rules: Option<&DynamicMessage>) -> Vec<(String, Value)> {
        let Some(rules) = rules else {
            return Vec::new();
        };
        for (extension, _) in rules.extensions() {
            self.unsupported(extension.full_name());
        }
        for unknown in rules.unknown_fields() {
            self.unsupported(&format!("number {}", unknown.number()));
        }
        let set = rules.fields().filter(|(_, value)| !is_false(value));
        // `example` documents and rules nothing.
        let set = set.filter(|(rule, _)| rule.name() != "example");
        let mut set: Vec<_> = set
            .map(|(r, v)| (r.number(), r.name().into(), v.clone()))
            .collect();
        set.sort_by_key(|(number, ..)| *number);
        set.into_iter()
            .map(|(_, name, value)| (name, value))
            .collect()
    }

    /// `required`, `ignore` and the one message of typed rules, which has to be `expected`.
    fn common(
        &mut self,
        options: Option<&DynamicMessage>,
        expected: &str,
        is_field: bool,
    ) -> (Rules, Option<DynamicMessage>) {
        let mut rules = Rules::default();
        let mut typed = None;
        // `bool.const = false` is a rule, so its message is kept though all in it is false.
        for (name, value) in self.set(options) {
            match (name.as_str(), &value) {
                ("required", _) if is_field => rules.required = true,
                ("ignore", value) => match value.as_enum_number() {
                    Some(0) => {}
                    Some(1) => rules.ignore = Ignore::IfZeroValue,
                    Some(3) => rules.ignore = Ignore::Always,
                    _ => self.unsupported("ignore"),
                },
                (name, Value::Message(message)) if name == expected => {
                    typed = Some(message.clone());
                }
                (name, _) => self.unsupported(name),
            }
        }
        (rules, typed)
    }

    fn value(
        &mut self,
        options: Option<&DynamicMessage>,
        kind: &Kind,
        name: &str,
        is_field: bool,
    ) -> Rules {
        let expected = match kind {
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::Bool => "bool",
            Kind::Int32 => "int32",
            Kind::Int64 => "int64",
            Kind::Uint32 => "uint32",
            Kind::Uint64 => "uint64",
            Kind::Double => "double",
            Kind::Enum(_) => "enum",
            _ => "",
        };
        let (mut rules, typed) = self.common(options, expected, is_field);
        let typed = typed.as_ref();
        rules.bounded = !matches!(kind, Kind::String | Kind::Bytes);
        match kind {
            Kind::String => self.text(typed, name, &mut rules),
            Kind::Bytes => self.bytes(typed, name, &mut rules),
            Kind::Bool => self.boolean(typed, &mut rules),
            Kind::Int32 => self.number(typed, name, "i32", &mut rules),
            Kind::Int64 => self.number(typed, name, "i64", &mut rules),
            Kind::Uint32 => self.number(typed, name, "u32", &mut rules),
            Kind::Uint64 => self.number(typed, name, "u64", &mut rules),
            Kind::Double => self.number(typed, name, "f64", &mut rules),
            Kind::Enum(values) => self.enumeration(typed, name, values.full_name(), &mut rules),
            _ => {}
        }
        rules
    }

    // === repeated fields and maps ===

    fn entries(&mut self, options: Option<&DynamicMessage>) -> Rules {
        let is_map = self.field.is_map();
        let expected = if is_map { "map" } else { "repeated" };
        let (mut rules, typed) = self.common(options, expected, true);
        let mut items = ItemRules::default();
        let (mut of_keys, mut of_values) = (None, None);
        for (name, value) in self.set(typed.as_ref()) {
            match (name.as_str(), &value) {
                ("min_items" | "min_pairs", value) => items.min = value.as_u64(),
                ("max_items" | "max_pairs", value) => items.max = value.as_u64(),
                ("unique", _) => items.unique = true,
                ("items" | "values", Value::Message(message)) => of_values = Some(message.clone()),
                ("keys", Value::Message(message)) => of_keys = Some(message.clone()),
                (name, _) => self.unsupported(&format!("{expected}.{name}")),
            }
        }
        let name = screaming(self.field.name());
        let mut kind = self.field.kind();
        if let (true, Kind::Message(entry)) = (is_map, self.field.kind()) {
            if entry.map_entry_key_field().kind() != Kind::String {
                self.problems
                    .field(self.field, "keys of a map have to be strings");
            }
            kind = entry.map_entry_value_field().kind();
            items.keys = self.value(
                of_keys.as_ref(),
                &Kind::String,
                &format!("{name}_KEY"),
                false,
            );
        }
        let suffix = if is_map { "VALUE" } else { "ITEM" };
        items.values = self.value(
            of_values.as_ref(),
            &kind,
            &format!("{name}_{suffix}"),
            false,
        );
        if items.unique && matches!(kind, Kind::Double | Kind::Float | Kind::Message(_)) {
            self.unsupported("repeated.unique");
        }
        let (min, max) = (items.min.unwrap_or(0), items.max);
        let of_type = "validate::Items";
        if items.min.is_some() || max.is_some() {
            rules.statics.push(format!(
                "static {name}: {of_type} = {of_type} {{ min: {min}, max: {max:?} }};"
            ));
        }
        rules.bounded = max.is_some();
        rules.items = Some(Box::new(items));
        rules
    }

    // === single values ===

    fn text(&mut self, typed: Option<&DynamicMessage>, name: &str, rules: &mut Rules) {
        let mut parts = Vec::new();
        let mut web = false;
        for (rule, value) in self.set(typed) {
            let spells = ["pattern", "const", "in", "uuid", "uri"];
            rules.spelled |= spells.contains(&rule.as_str());
            let bounds = match (rule.as_str(), &value) {
                ("len", Value::U64(len)) => {
                    parts.push(format!("min_len: {len}, max_len: Some({len})"));
                    true
                }
                ("min_len", Value::U64(min)) => {
                    parts.push(format!("min_len: {min}"));
                    false
                }
                ("max_len" | "max_bytes", Value::U64(max)) => {
                    parts.push(format!("{rule}: Some({max})"));
                    true
                }
                ("pattern", Value::String(pattern)) if pattern == LINE => {
                    parts.push("lines: validate::Lines::One".into());
                    false
                }
                ("pattern", Value::String(pattern)) if pattern == LINES => {
                    parts.push("lines: validate::Lines::Many".into());
                    false
                }
                ("pattern", Value::String(pattern)) if pattern == WEB => {
                    web = true;
                    false
                }
                ("pattern", Value::String(pattern)) => {
                    parts.push(format!("pattern: Some(&{name}_PATTERN)"));
                    let (pattern, is_bounded) = self.pattern(pattern);
                    rules.statics.push(format!(
                        "static {name}_PATTERN: validate::Pattern = \
                         validate::Pattern::new({pattern:?});"
                    ));
                    is_bounded
                }
                ("prefix", Value::String(prefix)) => {
                    parts.push(format!("prefix: {prefix:?}"));
                    false
                }
                ("const", Value::String(value)) => {
                    parts.push(format!("within: &[{value:?}]"));
                    true
                }
                ("in" | "not_in", Value::List(values)) => {
                    let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
                    let part = if rule == "in" { "within" } else { "not_in" };
                    parts.push(format!("{part}: &{values:?}"));
                    rule == "in"
                }
                ("uuid", _) => {
                    parts.push("format: Some(validate::Format::Uuid)".into());
                    true
                }
                ("uri", _) => {
                    let format = if web { "Web" } else { "Uri" };
                    parts.push(format!("format: Some(validate::Format::{format})"));
                    web = false;
                    false
                }
                (rule, _) => {
                    self.unsupported(&format!("string.{rule}"));
                    false
                }
            };
            rules.bounded |= bounds;
        }
        if web {
            self.unsupported("string.pattern of a page's address without string.uri");
        }
        // Every string is checked for legibility, rules or no rules.
        if parts.is_empty() {
            rules
                .checks
                .push("validate::Text::ANY.check({value}, {path}, out);".into());
        } else {
            declare(name, "Text", &parts, "Text::ANY", rules);
        }
    }

    /// Compiles a pattern, rewritten for Rust. Returns also whether it bounds the text's length.
    fn pattern(&mut self, pattern: &str) -> (String, bool) {
        let compiled = ascii_classes(pattern).and_then(|pattern| {
            let error = |error: &dyn std::error::Error| format!("does not compile: {error}");
            regex::Regex::new(&pattern).map_err(|e| error(&e))?;
            let hir = regex_syntax::parse(&pattern).map_err(|e| error(&e))?;
            Ok((pattern, is_bounded(&hir)))
        });
        compiled.unwrap_or_else(|problem| {
            self.problems
                .field(self.field, &format!("the pattern `{pattern}` {problem}"));
            (String::new(), true)
        })
    }

    fn bytes(&mut self, typed: Option<&DynamicMessage>, name: &str, rules: &mut Rules) {
        let (mut min, mut max) = (0, None);
        for (rule, value) in self.set(typed) {
            match (rule.as_str(), value.as_u64()) {
                ("len", Some(len)) => (min, max) = (len, Some(len)),
                ("max_len", Some(len)) => max = Some(len),
                (rule, _) => self.unsupported(&format!("bytes.{rule}")),
            }
        }
        if max.is_some() {
            rules.bounded = true;
            let parts = [format!("min_len: {min}"), format!("max_len: {max:?}")];
            declare(name, "Bytes", &parts, "", rules);
        }
    }

    fn boolean(&mut self, typed: Option<&DynamicMessage>, rules: &mut Rules) {
        let Some(typed) = typed else { return };
        self.set(Some(typed));
        // Not through `set`, for which `false` says nothing.
        for (rule, value) in typed.fields() {
            match (rule.name(), value.as_bool()) {
                ("const", Some(expected)) => rules.checks.push(format!(
                    "validate::constant({{value}}, {expected}, {{path}}, out);"
                )),
                ("example", _) => {}
                (rule, _) => self.unsupported(&format!("bool.{rule}")),
            }
        }
    }

    fn number(
        &mut self,
        typed: Option<&DynamicMessage>,
        name: &str,
        rust: &str,
        rules: &mut Rules,
    ) {
        let (mut min, mut max, mut within) = (None, None, Vec::new());
        for (rule, value) in self.set(typed) {
            let integer = rust != "f64";
            match (rule.as_str(), &value) {
                ("finite", _) => {
                    rules
                        .checks
                        .push("validate::finite({value}, {path}, out);".into());
                }
                ("gte", value) => min = literal(value, 0),
                ("lte", value) => max = literal(value, 0),
                ("gt", value) if integer => min = literal(value, 1),
                ("lt", value) if integer => max = literal(value, -1),
                ("const", value) if integer => within.extend(literal(value, 0)),
                ("in", Value::List(values)) if integer => {
                    within.extend(values.iter().filter_map(|value| literal(value, 0)));
                }
                (rule, _) => self.unsupported(&format!("{}.{rule}", self.field_kind())),
            }
        }
        if let (Some(min), Some(max)) = (&min, &max)
            && number_of(min) > number_of(max)
        {
            // In protovalidate such a pair means everything outside the range.
            self.unsupported("a range whose upper bound is below its lower bound");
        }
        let some = |bound: Option<String>| bound.map(|value| format!("Some({value})"));
        let mut parts = Vec::new();
        parts.extend(some(min).map(|min| format!("min: {min}")));
        parts.extend(some(max).map(|max| format!("max: {max}")));
        if !within.is_empty() {
            parts.push(format!("within: &[{}]", within.join(", ")));
        }
        if !parts.is_empty() {
            declare(
                name,
                &format!("Number<{rust}>"),
                &parts,
                "Number::ANY",
                rules,
            );
        }
    }

    fn field_kind(&self) -> String {
        format!("{:?}", self.field.kind()).to_lowercase()
    }

    fn enumeration(
        &mut self,
        typed: Option<&DynamicMessage>,
        name: &str,
        values: &str,
        rules: &mut Rules,
    ) {
        let (mut defined_only, mut within, mut not_in) = (false, Vec::new(), Vec::new());
        for (rule, value) in self.set(typed) {
            let numbers = |value: &Value| -> Vec<i32> {
                value
                    .as_list()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_i32)
                    .collect()
            };
            match (rule.as_str(), &value) {
                ("defined_only", _) => defined_only = true,
                ("const", value) => within.extend(value.as_i32()),
                ("in", value) => within = numbers(value),
                ("not_in", value) => not_in = numbers(value),
                (rule, _) => self.unsupported(&format!("enum.{rule}")),
            }
        }
        if defined_only || !within.is_empty() || !not_in.is_empty() {
            let parts = [
                format!("values: {}", enum_table(values)),
                format!("defined_only: {defined_only}"),
                format!("within: &{within:?}"),
                format!("not_in: &{not_in:?}"),
            ];
            declare(name, "Enumeration", &parts, "", rules);
        }
    }
}

/// Name of the table of an enum's values in the generated file.
pub(crate) fn enum_table(full_name: &str) -> String {
    screaming(&full_name.replace('.', "_"))
}

/// A static with its rules, and the call that checks it.
fn declare(name: &str, of_type: &str, parts: &[String], rest: &str, rules: &mut Rules) {
    let literal = of_type.split('<').next().unwrap_or(of_type);
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!(", ..validate::{rest}")
    };
    rules.statics.push(format!(
        "static {name}: validate::{of_type} = validate::{literal} {{ {}{rest} }};",
        parts.join(", ")
    ));
    rules
        .checks
        .push(format!("{name}.check({{value}}, {{path}}, out);"));
}

/// `\d`, `\s` and `\w` written out. RE2, which the other implementations of protovalidate use,
/// takes them for ASCII, Rust for Unicode. What else the two read differently is refused.
fn ascii_classes(pattern: &str) -> Result<String, String> {
    let mut rewritten = String::new();
    let mut in_class = false;
    let mut chars = pattern.chars().peekable();
    while let Some(character) = chars.next() {
        if character == '(' && chars.peek() == Some(&'?') {
            rewritten.push_str("(?");
            chars.next();
            if chars.peek() != Some(&':') {
                return Err("uses `(?`, of which only `(?:` is known here".into());
            }
            continue;
        }
        if character != '\\' {
            match character {
                '[' => in_class = true,
                ']' => in_class = false,
                _ => {}
            }
            rewritten.push(character);
            continue;
        }
        let class = match chars.next() {
            Some('d') => "0-9",
            Some('s') => r"\t\n\f\r ",
            Some('w') => "0-9A-Za-z_",
            Some(class) if class.is_ascii_alphanumeric() && !"nrtf".contains(class) => {
                return Err(format!("uses `\\{class}`; write the characters instead"));
            }
            Some(escaped) => {
                rewritten.extend(['\\', escaped]);
                continue;
            }
            None => return Err("ends with a backslash".into()),
        };
        if in_class {
            rewritten.push_str(class);
        } else {
            rewritten.extend(["[", class, "]"]);
        }
    }
    Ok(rewritten)
}

/// A number as Rust writes it, `step` further.
fn literal(value: &Value, step: i64) -> Option<String> {
    match value {
        Value::I32(value) => Some((i64::from(*value) + step).to_string()),
        Value::U32(value) => Some((i64::from(*value) + step).to_string()),
        Value::I64(value) => Some((i128::from(*value) + i128::from(step)).to_string()),
        Value::U64(value) => Some((i128::from(*value) + i128::from(step)).to_string()),
        Value::F64(value) => Some(format!("{value:?}")),
        _ => None,
    }
}

/// Only compared, so that the loss of the last digits does no harm.
fn number_of(literal: &str) -> f64 {
    literal.parse().unwrap_or(0.0)
}

/// Whether a text that matches has a longest length: anchored at both ends and finite between.
fn is_bounded(pattern: &Hir) -> bool {
    let properties = pattern.properties();
    properties.look_set_prefix().contains(Look::Start)
        && properties.look_set_suffix().contains(Look::End)
        && properties.maximum_len().is_some()
}
