//! docs/reference.md: the contract in one page, made from the protos' comments, options and rules,
//! and kept in step with them by this test. `INSTA_UPDATE=always` rewrites it.

use std::{collections::BTreeSet, fmt::Write as _};

use ndp_core::reasons::{self, Location};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    MethodDescriptor, ReflectMessage, ServiceDescriptor, Value,
};

use crate::{
    contract::{
        generator::rules::lines::{LINE, LINES, WEB},
        protos,
    },
    harness::{golden::assert_file, raw::POOL},
};

const PACKAGE: &str = "ndp.registry.v1";

/// The page as it grows.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        writeln!(self.0, "{}", line.as_ref()).unwrap();
    }

    fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.line(text);
            self.line("");
        }
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        self.line(format!("## {}\n", service.name()));
        self.paragraph(&comment(&service.parent_file(), service.path()));
        for method in service.methods() {
            self.method(&method);
        }
    }

    fn errors(&mut self) {
        self.line("## Errors\n");
        self.paragraph(
            "Every error is a google.rpc.Status with an `ErrorInfo` of the domain `ndp.registry`, \
             whose `reason` is one of these, and with a message in English and a \
             `LocalizedMessage` in Vietnamese. INVALID_REQUEST also has a `BadRequest` with one \
             violation for each field, whose `reason` is one of those of fields.",
        );
        self.line("| reason | code | when |\n|---|---|---|");
        for reason in reasons::ALL {
            let place = match reason.location() {
                Location::Field => "of a field",
                Location::Code(code) => code,
            };
            let (name, meaning) = (reason.name(), reason.meaning());
            self.line(format!("| `{name}` | {place} | {meaning} |"));
        }
        self.line("");
    }

    fn method(&mut self, method: &MethodDescriptor) {
        let input = method.input();
        let output = method.output();
        let stream = if method.is_server_streaming() {
            "stream of "
        } else {
            ""
        };
        self.line(format!("### {}\n", method.name()));
        let answer = link(output.full_name());
        if let Some((verb, path, body)) = protos::http(method) {
            let body = match body.as_str() {
                "" => String::new(),
                "*" => ", all other fields in the body".to_owned(),
                field => format!(", `{field}` in the body"),
            };
            let verb = verb.to_uppercase();
            self.line(format!(
                "`{verb} {path}`{body}; answers {stream}{answer}.\n"
            ));
        } else {
            self.line(format!("Answers {stream}{answer}.\n"));
        }
        let file = method.parent_service().parent_file();
        self.paragraph(&comment(&file, method.path()));
        self.fields(&input);
    }

    fn message(&mut self, message: &MessageDescriptor) {
        self.line(format!("### {}\n", short(message.full_name())));
        self.paragraph(&comment(&message.parent_file(), message.path()));
        if let Some(resource) = protos::extension(&message.options(), "google.api.resource") {
            let pattern = resource.get_field_by_name("pattern").unwrap();
            let pattern = pattern.as_list().unwrap()[0].as_str().unwrap().to_owned();
            self.line(format!("Resource `{pattern}`.\n"));
        }
        self.fields(message);
    }

    fn fields(&mut self, message: &MessageDescriptor) {
        if message.fields().len() == 0 {
            return;
        }
        self.line("| field | type | |\n|---|---|---|");
        for field in message.fields() {
            let mut received = comment(&field.parent_file(), field.path());
            let behavior = protos::behaviour(&field);
            // OPTIONAL is what a field is unless it says otherwise
            for word in behavior.iter().filter(|it| **it != "OPTIONAL") {
                if *word != "REQUIRED" || !received.ends_with("Required.") {
                    write!(received, " *{word}*.").unwrap();
                }
            }
            if let Some(oneof) = field.containing_oneof().filter(|it| !it.is_synthetic()) {
                write!(received, " One of `{}`.", oneof.name()).unwrap();
            }
            if let Some(rules) = protos::extension(&field.options(), "buf.validate.field") {
                let mut all = Vec::new();
                self::rules(&rules, "", &mut all);
                if !all.is_empty() {
                    write!(received, " Rules: {}.", all.join(", ")).unwrap();
                }
            }
            let received = received.replace('\n', " ").replace('|', "\\|");
            self.line(format!(
                "| `{}` | {} | {received} |",
                field.name(),
                type_of(&field)
            ));
        }
        self.line("");
    }

    fn enumeration(&mut self, one: &EnumDescriptor) {
        self.line(format!("### {}\n", short(one.full_name())));
        self.paragraph(&comment(&one.parent_file(), one.path()));
        self.line("| value | number | |\n|---|---|---|");
        for value in one.values() {
            let received = comment(&one.parent_file(), value.path()).replace('|', "\\|");
            self.line(format!(
                "| `{}` | {} | {received} |",
                value.name(),
                value.number()
            ));
        }
        self.line("");
    }
}

/// Each rule that is set, as `max_len 200`.
fn rules(message: &DynamicMessage, within: &str, all: &mut Vec<String>) {
    for (field, value) in message.fields() {
        let name = field.name();
        match value {
            Value::Message(inner) => {
                let typed = message.descriptor().name() == "FieldRules";
                let within = if typed {
                    String::new()
                } else {
                    format!("{within}{name} ")
                };
                rules(inner, &within, all);
            }
            Value::Bool(true) => all.push(format!("{within}{name}")),
            Value::String(text) if text == LINE => all.push("one line of text".to_owned()),
            Value::String(text) if text == LINES => all.push("lines of text".to_owned()),
            Value::String(text) if text == WEB => all.push("address of a page".to_owned()),
            Value::String(text) => all.push(format!("{within}{name} `{text}`")),
            Value::EnumNumber(1) if name == "ignore" => all.push("unless empty".to_owned()),
            Value::List(list) => {
                let list: Vec<_> = list.iter().map(ToString::to_string).collect();
                all.push(format!("{within}{name} {}", list.join(" ")));
            }
            other => all.push(format!("{within}{name} {other}")),
        }
    }
}

fn type_of(field: &FieldDescriptor) -> String {
    let kind = |field: &FieldDescriptor| match field.kind() {
        Kind::Message(message) => link(message.full_name()),
        Kind::Enum(one) => link(one.full_name()),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    match field.kind() {
        Kind::Message(entry) if field.is_map() => format!(
            "map of {} to {}",
            kind(&entry.map_entry_key_field()),
            kind(&entry.map_entry_value_field())
        ),
        _ if field.is_list() => format!("repeated {}", kind(field)),
        _ => kind(field),
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("ndp.registry.v1.").unwrap_or(name)
}

/// A type of ours with the place where it is described.
fn link(name: &str) -> String {
    if !name.starts_with(PACKAGE) {
        return format!("`{name}`");
    }
    let short = short(name);
    // a request is described below its method
    let heading = short.strip_suffix("Request").filter(|it| !it.contains('.'));
    let anchor = heading.unwrap_or(short).to_lowercase().replace('.', "");
    format!("[{short}](#{anchor})")
}

/// The comment before an element, in one line.
fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file
        .file_descriptor_proto()
        .source_code_info
        .as_ref()
        .unwrap();
    let location = info.location.iter().find(|it| *it.path == *path);
    let received = location.map(|it| it.leading_comments()).unwrap_or_default();
    received.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Messages within messages too, before what is outside them.
fn messages(of: impl Iterator<Item = MessageDescriptor>, all: &mut Vec<MessageDescriptor>) {
    for message in of.filter(|it| !it.is_map_entry()) {
        all.push(message.clone());
        messages(message.child_messages(), all);
    }
}

/// What the file on texts says before anything else.
fn text() -> String {
    // of FileDescriptorProto, the field `syntax`
    const SYNTAX: [i32; 1] = [12];
    let file = POOL.get_file_by_name("ndp/registry/v1/text.proto").unwrap();
    let info = file
        .file_descriptor_proto()
        .source_code_info
        .as_ref()
        .unwrap();
    let location = info.location.iter().find(|it| it.path == SYNTAX).unwrap();
    let comments = location.leading_detached_comments.iter();
    let lines = comments.flat_map(|it| it.lines());
    let lines: Vec<_> = lines.map(|it| it.strip_prefix(' ').unwrap_or(it)).collect();
    assert!(lines.len() > 10, "{lines:?}");
    format!("{}\n", lines.join("\n"))
}

#[test]
fn the_page_is_what_the_protos_say() {
    let mut page = Page::default();
    page.line("# API reference\n");
    page.paragraph(
        "Made from the protos in [proto/](../proto/ndp/registry/v1) by \
         tests/it/contract/reference.rs; do not edit it.\n\n\
         Every method is called over gRPC as `ndp.registry.v1.SERVICE/METHOD`, and \
         over HTTP at its path, with the fields that neither the path nor the body holds as \
         parameters of the query. Rules are those of buf.validate; what breaks one is answered \
         with INVALID_ARGUMENT and the path of the field.",
    );
    let services = POOL.services().filter(|it| it.package_name() == PACKAGE);
    let services: Vec<_> = services.collect();
    let mut requests = BTreeSet::new();
    for service in &services {
        page.service(service);
        requests.extend(
            service
                .methods()
                .map(|it| it.input().full_name().to_owned()),
        );
    }
    page.errors();
    page.line("## Text\n");
    page.line(text());
    page.line("## Types\n");
    for file in POOL.files().filter(|it| it.package_name() == PACKAGE) {
        let mut all = Vec::new();
        messages(file.messages(), &mut all);
        for message in &all {
            if !requests.contains(message.full_name()) {
                page.message(message);
            }
            message.child_enums().for_each(|one| page.enumeration(&one));
        }
        file.enums().for_each(|one| page.enumeration(&one));
    }
    assert_file("docs/reference.md", &format!("{}\n", page.0.trim_end()));
}
