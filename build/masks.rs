//! Writes `impl Masked`: the table of a message's fields, and the copying of one path.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{
    schema::{Schema, message_of, oneof_of, snake, upper_camel},
    validation::{in_order, nonzero},
};

/// The code of all messages of the packages.
pub(crate) fn generate(schema: &Schema, packages: &[&str]) -> String {
    let messages = packages.iter().flat_map(|package| schema.messages(package));
    messages
        .map(|message| message_code(schema, &message))
        .collect()
}

fn message_code(schema: &Schema, message: &MessageDescriptor) -> String {
    let of_type = schema.rust_type(message).unwrap_or_default();
    let fields = in_order(message);
    let mut code = format!("\nimpl Masked for {of_type} {{\n");

    code.push_str("    const FIELDS: &'static [Field] = &[\n");
    for field in &fields {
        let name = field.name();
        let behavior = schema.behavior(field);
        let nested = match nested(schema, field) {
            Some(nested) if nested == of_type => "Some(Self::fields)".into(),
            Some(nested) => format!("Some(<{nested} as Masked>::fields)"),
            None => "None".into(),
        };
        let _ = writeln!(
            code,
            "        Field {{ name: {name:?}, behavior: Behavior::{behavior:?}, nested: {nested} }},"
        );
    }
    code.push_str("    ];\n\n");

    if fields.is_empty() {
        code.push_str(
            "    fn is_populated(&self, _field: &str) -> bool {\n        false\n    }\n\n",
        );
        code.push_str("    fn copy_path(&mut self, _from: &Self, _path: &str) {}\n}\n");
        return code;
    }
    code.push_str("    fn is_populated(&self, field: &str) -> bool {\n        match field {\n");
    for field in &fields {
        let _ = writeln!(
            code,
            "            {:?} => {},",
            field.name(),
            populated(schema, field)
        );
    }
    code.push_str("            _ => false,\n        }\n    }\n\n");

    code.push_str("    fn copy_path(&mut self, from: &Self, path: &str) {\n");
    let arms = fields.iter().map(|field| {
        let rest = if nested(schema, field).is_some() {
            "rest"
        } else {
            "None"
        };
        (format!("({:?}, {rest})", field.name()), copy(schema, field))
    });
    match arms.collect::<Vec<_>>().as_slice() {
        // A match of one arm would trip clippy.
        [(pattern, copy)] => {
            let copy = copy.trim_end_matches(',');
            let _ = writeln!(
                code,
                "        if let {pattern} = mask::split(path) {{\n            {copy};\n        }}"
            );
        }
        arms => {
            code.push_str("        match mask::split(path) {\n");
            for (pattern, copy) in arms {
                let _ = writeln!(code, "            {pattern} => {copy}");
            }
            code.push_str("            _ => {}\n        }\n");
        }
    }
    code.push_str("    }\n}\n");
    code
}

/// The Rust type of a singular message that paths pass through: one that has a table itself.
fn nested(schema: &Schema, field: &FieldDescriptor) -> Option<String> {
    let message = message_of(field).filter(|_| !field.is_list() && !field.is_map())?;
    schema.rust_type(&message)
}

/// Pattern of a oneof's variant, and the place of the oneof.
fn variant(schema: &Schema, field: &FieldDescriptor) -> Option<(String, String)> {
    let oneof = oneof_of(field)?;
    let of_type = schema.rust_oneof(&oneof)?;
    Some((
        format!("{of_type}::{}", upper_camel(field.name())),
        snake(oneof.name()),
    ))
}

fn populated(schema: &Schema, field: &FieldDescriptor) -> String {
    let place = format!("self.{}", snake(field.name()));
    if let Some((variant, oneof)) = variant(schema, field) {
        format!("matches!(self.{oneof}, Some({variant}(_)))")
    } else if field.is_list() || field.is_map() {
        format!("!{place}.is_empty()")
    } else if field.supports_presence() {
        format!("{place}.is_some()")
    } else {
        nonzero(&field.kind(), &place)
    }
}

fn copy(schema: &Schema, field: &FieldDescriptor) -> String {
    let name = snake(field.name());
    let is_message = nested(schema, field).is_some();
    let is_owned = matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Message(_));
    if let Some((variant, oneof)) = variant(schema, field) {
        if !is_message {
            let value = if is_owned { "value.clone()" } else { "*value" };
            return format!(
                "match &from.{oneof} {{\n\
                 \x20               Some({variant}(value)) => self.{oneof} = Some({variant}({value})),\n\
                 \x20               _ if matches!(self.{oneof}, Some({variant}(_))) => self.{oneof} = None,\n\
                 \x20               _ => {{}}\n\
                 \x20           }},"
            );
        }
        // The member is taken out and put back; another member that is set stays, unless this
        // one takes its place.
        return format!(
            "{{\n\
             \x20               let from = match &from.{oneof} {{\n\
             \x20                   Some({variant}(value)) => Some(value),\n\
             \x20                   _ => None,\n\
             \x20               }};\n\
             \x20               let mut to = None;\n\
             \x20               if let Some({variant}(value)) = &self.{oneof} {{\n\
             \x20                   to = Some(value.clone());\n\
             \x20                   self.{oneof} = None;\n\
             \x20               }}\n\
             \x20               mask::copy_message(&mut to, from, rest);\n\
             \x20               if let Some(value) = to {{\n\
             \x20                   self.{oneof} = Some({variant}(value));\n\
             \x20               }}\n\
             \x20           }}"
        );
    }
    if is_message {
        return format!("mask::copy_message(&mut self.{name}, from.{name}.as_ref(), rest),");
    }
    if is_owned || field.is_list() || field.is_map() {
        format!("self.{name}.clone_from(&from.{name}),")
    } else {
        format!("self.{name} = from.{name},")
    }
}
