//! The protos as the generators see them: names in Rust, options, and what a request reaches.

use std::collections::BTreeSet;

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, OneofDescriptor, Value,
};

/// Everything wrong with the protos, reported together.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// Adds one about a field, or another thing with a full name, of a file.
    pub(crate) fn add(&mut self, file: &str, subject: &str, problem: &str) {
        self.0.push(format!("{file}: {subject}: {problem}"));
    }

    /// Adds one about a field.
    pub(crate) fn field(&mut self, field: &FieldDescriptor, problem: &str) {
        self.add(field.parent_file().name(), field.full_name(), problem);
    }

    /// `Err` with one line each when there are any.
    pub(crate) fn into_result(self) -> Result<(), String> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0.join("\n"))
        }
    }
}

/// `google.api.field_behavior`, as far as it decides something. An etag (AIP-154) counts as an
/// identifier: it says which version is meant and is never updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    Mutable,
    Immutable,
    Identifier,
    OutputOnly,
}

/// The descriptors of one package of ours and of what it imports.
#[derive(Debug)]
pub(crate) struct Schema {
    pool: DescriptorPool,
    package: String,
    /// Rust module of each package with generated types.
    rust: Vec<(String, String)>,
    field_behavior: ExtensionDescriptor,
    field_rules: ExtensionDescriptor,
    message_rules: ExtensionDescriptor,
    oneof_rules: ExtensionDescriptor,
    reachable: BTreeSet<String>,
}

impl Schema {
    /// Reads the pool. Fails when the options' own protos are not in it.
    pub(crate) fn new(
        pool: DescriptorPool,
        package: &str,
        rust: &[(&str, &str)],
    ) -> Result<Self, String> {
        let extension = |name: &str| {
            pool.get_extension_by_name(name)
                .ok_or_else(|| format!("no proto imports `{name}`"))
        };
        let mut schema = Self {
            package: package.into(),
            rust: rust
                .iter()
                .map(|(proto, rust)| ((*proto).into(), (*rust).into()))
                .collect(),
            field_behavior: extension("google.api.field_behavior")?,
            field_rules: extension("buf.validate.field")?,
            message_rules: extension("buf.validate.message")?,
            oneof_rules: extension("buf.validate.oneof")?,
            reachable: BTreeSet::new(),
            pool,
        };
        schema.reach();
        Ok(schema)
    }

    /// Notes every message that a caller can send, through fields the server does not ignore.
    fn reach(&mut self) {
        let requests = self.messages(&self.package).into_iter();
        let requests = requests.filter(|message| message.name().ends_with("Request"));
        let services = self
            .pool
            .services()
            .filter(|s| s.package_name() == self.package);
        let inputs = services.flat_map(|s| s.methods().map(|m| m.input()).collect::<Vec<_>>());
        let mut open: Vec<MessageDescriptor> = requests.chain(inputs).collect();
        while let Some(message) = open.pop() {
            if self.reachable.insert(message.full_name().into()) {
                for field in message.fields().filter(|f| self.is_checked(f)) {
                    open.extend(message_of(&field));
                }
            }
        }
    }

    /// The messages of a package, without map entries, in the order of the protos.
    pub(crate) fn messages(&self, package: &str) -> Vec<MessageDescriptor> {
        let ours = |m: &MessageDescriptor| m.package_name() == package && !m.is_map_entry();
        self.pool.all_messages().filter(ours).collect()
    }

    /// The messages of our package.
    pub(crate) fn our_messages(&self) -> Vec<MessageDescriptor> {
        self.messages(&self.package)
    }

    /// Every enum of every package.
    pub(crate) fn enums(&self) -> impl Iterator<Item = EnumDescriptor> {
        self.pool.all_enums()
    }

    /// Whether a message is of our package.
    pub(crate) fn is_ours(&self, message: &MessageDescriptor) -> bool {
        message.package_name() == self.package
    }

    /// Whether a request can hold this message.
    pub(crate) fn is_reachable(&self, message: &MessageDescriptor) -> bool {
        self.reachable.contains(message.full_name())
    }

    /// Whether the server looks at the field in a request.
    pub(crate) fn is_checked(&self, field: &FieldDescriptor) -> bool {
        self.behavior(field) != Behavior::OutputOnly
    }

    /// Who may write the field.
    pub(crate) fn behavior(&self, field: &FieldDescriptor) -> Behavior {
        let options = field.options();
        let value = options.get_extension(&self.field_behavior);
        let behaviors = value.as_list().unwrap_or_default();
        let has = |number| behaviors.iter().any(|b| b.as_enum_number() == Some(number));
        // Numbers of google.api.FieldBehavior.
        if has(3) {
            Behavior::OutputOnly
        } else if has(8) || field.name() == "etag" {
            Behavior::Identifier
        } else if has(5) {
            Behavior::Immutable
        } else {
            Behavior::Mutable
        }
    }

    /// `(buf.validate.field)`.
    pub(crate) fn field_rules(&self, field: &FieldDescriptor) -> Option<DynamicMessage> {
        rules_in(&field.options(), &self.field_rules)
    }

    /// `(buf.validate.message)`.
    pub(crate) fn message_rules(&self, message: &MessageDescriptor) -> Option<DynamicMessage> {
        rules_in(&message.options(), &self.message_rules)
    }

    /// `(buf.validate.oneof)`.
    pub(crate) fn oneof_rules(&self, oneof: &OneofDescriptor) -> Option<DynamicMessage> {
        rules_in(&oneof.options(), &self.oneof_rules)
    }

    // === names in Rust ===

    /// Path of a message's struct; `None` for one of a package without generated types.
    pub(crate) fn rust_type(&self, message: &MessageDescriptor) -> Option<String> {
        let module = self.rust_module(message)?;
        Some(format!("{module}::{}", upper_camel(message.name())))
    }

    /// Path of the enum of a oneof.
    pub(crate) fn rust_oneof(&self, oneof: &OneofDescriptor) -> Option<String> {
        let message = oneof.parent_message();
        let module = self.rust_module(message)?;
        Some(format!(
            "{module}::{}::{}",
            snake(message.name()),
            upper_camel(oneof.name())
        ))
    }

    fn rust_module(&self, message: &MessageDescriptor) -> Option<String> {
        match message.parent_message() {
            Some(parent) => Some(format!(
                "{}::{}",
                self.rust_module(&parent)?,
                snake(parent.name())
            )),
            None => {
                let package = message.package_name();
                self.rust
                    .iter()
                    .find(|(p, _)| p == package)
                    .map(|(_, rust)| rust.clone())
            }
        }
    }
}

fn rules_in(options: &DynamicMessage, extension: &ExtensionDescriptor) -> Option<DynamicMessage> {
    if !options.has_extension(extension) {
        return None;
    }
    options.get_extension(extension).as_message().cloned()
}

/// The message type of a field, of its items, or of its map's values.
pub(crate) fn message_of(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            entry.map_entry_value_field().kind().as_message().cloned()
        }
        Kind::Message(message) => Some(message),
        _ => None,
    }
}

/// The oneof that a field is a member of, but not the synthetic one of an `optional` field.
pub(crate) fn oneof_of(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}

/// Whether a rule says nothing, as `required: false`.
pub(crate) fn is_false(value: &Value) -> bool {
    value.as_bool() == Some(false)
}

/// A field or module as prost names it.
pub(crate) fn snake(name: &str) -> String {
    identifier(name.to_snake_case())
}

/// A type or variant as prost names it.
pub(crate) fn upper_camel(name: &str) -> String {
    identifier(name.to_upper_camel_case())
}

/// A static as we name it.
pub(crate) fn screaming(name: &str) -> String {
    name.to_snake_case().to_uppercase()
}

fn identifier(name: String) -> String {
    match name.as_str() {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => format!("r#{name}"),
        "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        _ => name,
    }
}
