//! The contract as its users' tools see it: buf lints, formats and builds the protos, and Google's
//! api-linter finds that they keep to the AIPs (https://google.aip.dev), but for the exceptions of
//! `proto/api-linter.json`, each with its reason and the elements that it is for.
//!
//! `RULES` are what neither tool looks at. Each says how many things it looked at (a rule that
//! looks at nothing is broken), and lists what breaks it. `tests/golden/contract.txt` is the shape
//! itself: a line that goes from it is a client that breaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
};

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    MethodDescriptor, Value,
};
use regex::Regex;
use serde::Deserialize;

use crate::harness::{golden::assert_golden, raw::POOL, tools};

const PACKAGE: &str = "ndp.registry.v1";

// === buf ===

/// Runs buf in a folder: whether it succeeds, and what it says; none where it is left out.
fn run_buf(folder: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let buf = tools::buf()?;
    let cache = tempfile::tempdir().unwrap();
    let output = Command::new(buf)
        .args(arguments)
        .current_dir(folder)
        .env("BUF_CACHE_DIR", cache.path())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8(said).expect("buf speaks UTF-8"),
    ))
}

fn buf(arguments: &[&str]) {
    let Some((succeeds, said)) = run_buf(tools::repository(), arguments) else {
        return;
    };
    assert!(succeeds, "buf {} says:\n{said}", arguments.join(" "));
}

#[test]
fn buf_lint_finds_nothing() {
    buf(&["lint"]);
}

#[test]
fn buf_format_would_change_nothing() {
    buf(&["format", "--diff", "--exit-code", "--path", "proto/ndp"]);
}

#[test]
fn buf_builds_them() {
    buf(&["build", "-o", "/dev/null"]);
}

/// See buf.yaml for what it is compared with, and when that is renewed.
#[test]
fn buf_breaking_finds_nothing() {
    buf(&["breaking", "--against", "proto/baseline.binpb"]);
}

#[test]
fn buf_breaking_names_what_a_client_would_lose() {
    /// What is fixed in which file, and buf's finding about it.
    const BREAKS: &[(&str, &str, &str, &str)] = &[
        (
            "plans",
            "string objectives =",
            "string goals =",
            "\"objectives\" to \"goals\"",
        ),
        (
            "plan_service",
            "rpc SubmitPlan(",
            "rpc HandInPlan(",
            "RPC \"SubmitPlan\"",
        ),
        (
            "platforms",
            "int64 revision =",
            "int32 revision =",
            "\"int64\" to \"int32\"",
        ),
        (
            "changes",
            "REMOVED = 2;",
            "GONE = 2;",
            "\"REMOVED\" to \"GONE\"",
        ),
    ];
    let repository = tools::repository();
    for (file, before, after, said) in BREAKS {
        let folder = tempfile::tempdir().unwrap();
        copy(&repository.join("proto"), &folder.path().join("proto"));
        fs::copy(repository.join("buf.yaml"), folder.path().join("buf.yaml")).unwrap();
        let changed = folder
            .path()
            .join(format!("proto/ndp/registry/v1/{file}.proto"));
        let text = fs::read_to_string(&changed).unwrap();
        assert!(text.contains(before), "{file}: {before}");
        fs::write(&changed, text.replacen(before, after, 1)).unwrap();
        let arguments = ["breaking", "--against", "proto/baseline.binpb"];
        let Some((succeeds, received)) = run_buf(folder.path(), &arguments) else {
            return;
        };
        assert!(!succeeds && received.contains(said), "{before}: {received}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

// === the shape ===

#[test]
fn the_contract_changes_only_on_purpose() {
    let mut lines = String::new();
    for service in POOL.services().filter(|it| it.package_name() == PACKAGE) {
        for method in service.methods() {
            let (verb, path, body) = http(&method).unwrap_or_default();
            writeln!(
                lines,
                "rpc {}.{}({}) returns ({}) {verb} {path} {body}",
                service.name(),
                method.name(),
                method.input().name(),
                method.output().name(),
            )
            .unwrap();
        }
    }
    for message in messages() {
        let name = short(message.full_name());
        if message.fields().len() == 0 {
            writeln!(lines, "message {name} {{}}").unwrap();
        }
        for field in message.fields() {
            let number = field.number();
            let kind = type_of(&field);
            writeln!(lines, "field {name}.{} = {number} {kind}", field.name()).unwrap();
        }
    }
    for one in enums() {
        let name = short(one.full_name());
        for value in one.values() {
            writeln!(lines, "value {name}.{} = {}", value.name(), value.number()).unwrap();
        }
    }
    assert_golden("contract.txt", &lines.replace(" \n", "\n"));
}

fn type_of(field: &FieldDescriptor) -> String {
    let kind = |field: &FieldDescriptor| match field.kind() {
        Kind::Message(message) => short(message.full_name()).to_owned(),
        Kind::Enum(one) => short(one.full_name()).to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    match field.kind() {
        Kind::Message(entry) if field.is_map() => format!(
            "map<{}, {}>",
            kind(&entry.map_entry_key_field()),
            kind(&entry.map_entry_value_field())
        ),
        _ if field.is_list() => format!("repeated {}", kind(field)),
        Kind::Message(_) => kind(field),
        _ if field.supports_presence() => format!("optional {}", kind(field)),
        _ => kind(field),
    }
}

// === api-linter ===

/// An entry of `proto/api-linter.json`: a configuration of api-linter, which passes over `reason`
/// and `elements`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    reason: String,
    included_paths: Vec<String>,
    disabled_rules: Vec<String>,
    /// `Message.field`, or `*.field` for that of any message.
    elements: Vec<String>,
}

/// What api-linter finds: each rule, and the element that breaks it.
fn lint(arguments: &[&str]) -> Option<BTreeSet<(String, String)>> {
    let linter = tools::api_linter()?;
    let files = POOL.files().map(|it| it.name().to_owned());
    let output = Command::new(linter)
        .args(["--proto-path=.", "--output-format=json"])
        .args(arguments)
        .args(files.filter(|it| it.starts_with("ndp/")))
        .current_dir(tools::repository().join("proto"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "api-linter says:\n{said}");
    let files: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let elements = elements();
    let problems = files.iter().flat_map(|file| {
        let path = file["file_path"].as_str().unwrap();
        let problems = file["problems"].as_array().into_iter().flatten();
        problems.map(move |problem| (path, problem))
    });
    let found = problems.map(|(path, problem)| {
        let line = problem["location"]["start_position"]["line_number"].as_i64();
        let line = i32::try_from(line.unwrap()).unwrap() - 1;
        let around = |it: &&Element| it.file == path && (it.first..=it.last).contains(&line);
        let innermost = elements
            .iter()
            .filter(around)
            .min_by_key(|it| it.last - it.first);
        let element = innermost.map_or(path, |it| short(&it.name)).to_owned();
        (problem["rule_id"].as_str().unwrap().to_owned(), element)
    });
    Some(found.collect())
}

/// Where something of the contract is written.
struct Element {
    name: String,
    file: String,
    first: i32,
    last: i32,
}

fn elements() -> Vec<Element> {
    let element = |file: &FileDescriptor, path: &[i32], name: &str| {
        let info = file.file_descriptor_proto().source_code_info.as_ref();
        let location = info.unwrap().location.iter().find(|it| *it.path == *path);
        let span = &location.unwrap().span;
        Element {
            name: name.to_owned(),
            file: file.name().to_owned(),
            first: span[0],
            // a span on one line has three numbers
            last: if span.len() == 3 { span[0] } else { span[2] },
        }
    };
    let methods = methods().map(|it| {
        let file = it.parent_service().parent_file();
        element(&file, it.path(), it.full_name())
    });
    let messages = messages().map(|it| element(&it.parent_file(), it.path(), it.full_name()));
    let fields = fields().map(|it| element(&it.parent_file(), it.path(), it.full_name()));
    let enums = enums().map(|it| element(&it.parent_file(), it.path(), it.full_name()));
    methods.chain(messages).chain(fields).chain(enums).collect()
}

#[test]
fn api_linter_finds_nothing() {
    let found = lint(&["--config=api-linter.json", "--ignore-comment-disables"]);
    assert_eq!(found.unwrap_or_default(), BTreeSet::new());
}

/// An exception is for the elements it names and no others, and goes when they do.
#[test]
fn each_exception_is_needed() {
    let Some(mut found) = lint(&["--ignore-comment-disables"]) else {
        return;
    };
    let path = tools::repository().join("proto/api-linter.json");
    let exceptions: Vec<Exception> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut unneeded = Vec::new();
    for Exception {
        reason,
        included_paths,
        disabled_rules,
        elements,
    } in exceptions
    {
        assert!(
            reason.ends_with('.') && !included_paths.is_empty(),
            "{reason}"
        );
        let mut broken_rules = BTreeSet::new();
        for pattern in elements {
            let fits = |element: &str| match pattern.strip_prefix('*') {
                Some(end) => element.ends_with(end),
                None => element == pattern,
            };
            let before = found.len();
            found.retain(|(rule, element)| {
                let excepted = fits(element) && disabled_rules.contains(rule);
                if excepted {
                    broken_rules.insert(rule.clone());
                }
                !excepted
            });
            if found.len() == before {
                unneeded.push(pattern);
            }
        }
        let kept = |rule: &String| !broken_rules.contains(rule);
        unneeded.extend(disabled_rules.into_iter().filter(kept));
    }
    assert_eq!(found, BTreeSet::new(), "no exception names these");
    assert_eq!(unneeded, [""; 0], "take these out of proto/api-linter.json");
}

// === the rules ===

/// What a rule has looked at, and what breaks it.
#[derive(Default)]
struct Findings {
    seen: usize,
    broken: Vec<String>,
}

impl Findings {
    fn check(&mut self, holds: bool, what: &str, expected: &str) {
        self.seen += 1;
        if !holds {
            self.broken.push(format!("{}: {expected}", short(what)));
        }
    }
}

type Rule = (&'static str, &'static str, fn(&mut Findings));

const RULES: &[Rule] = &[
    (
        "AIP-122",
        "a reference names a resource, and its pattern is that resource's",
        references,
    ),
    (
        "AIP-126",
        "enums carry prefixes outside messages, and only there",
        enum_values,
    ),
    (
        "AIP-127",
        "every method has a path in HTTP of its own, its variables in the request",
        http_paths,
    ),
    (
        "AIP-140",
        "what is repeated is plural; a day ends in _date",
        field_names,
    ),
    (
        "AIP-148",
        "a resource has the standard fields, with their types",
        standard_fields,
    ),
    (
        "AIP-154",
        "custom methods need the etag of what has one",
        etags,
    ),
    (
        "AIP-155, 163",
        "a mutation takes request_id, reason and validate_only",
        mutations_take,
    ),
    (
        "the log",
        "what is read is read at a revision or a time",
        read_at,
    ),
    (
        "AIP-203",
        "every field says how it behaves, and so do its rules and its comment",
        behaviours,
    ),
    (
        "AIP-126",
        "what a caller sends as an enum is one of its values, and stated where it has to be",
        sent_enums,
    ),
];

#[test]
fn the_protos_keep_the_rules_that_no_tool_looks_at() {
    let mut broken = String::new();
    for (aip, promise, rule) in RULES {
        let mut findings = Findings::default();
        rule(&mut findings);
        assert!(findings.seen > 0, "{aip} ({promise}) looked at nothing");
        for one in findings.broken {
            writeln!(broken, "{aip}: {one} ({promise})").unwrap();
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

/// Fields that a reference cannot express: the name of a resource of one of several kinds, a path
/// of C2SP tlog-tiles, and the full name of a method.
const NO_REFERENCE: &[&str] = &[
    "ndp.registry.v1.ComputeConnectionsRequest.provider",
    "ndp.registry.v1.DownloadTileRequest.path",
    "ndp.registry.v1.TestPermissionsRequest.Question.method",
];

fn references(found: &mut Findings) {
    const ID: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
    let ids = Regex::new(r"\{\w+\}").unwrap();
    let resources: BTreeMap<_, _> = resources().map(|(type_, it, _)| (type_, it)).collect();
    for field in fields() {
        let pattern = rules_of(&field).and_then(|rules| text_at(&rules, &["string", "pattern"]));
        let reference = extension(&field.options(), "google.api.resource_reference");
        let known_word = resources
            .values()
            .flat_map(|it| [text(it, "singular"), text(it, "plural")])
            .any(|word| {
                let word = snake(&word);
                field.name() == word || field.name().ends_with(&format!("_{word}"))
            });
        // a text of several lines is not a name, even if its field is called so
        let is_prose = pattern.as_ref().is_some_and(|it| it.contains("\\t"));
        let is_text = field.kind() == Kind::String && !is_prose;
        // a group or an action may be called as a resource is; a string that is one names it
        let says_so = pattern
            .as_ref()
            .is_some_and(|it| it.contains('/') && !it.contains("http"))
            && !NO_REFERENCE.contains(&field.full_name());
        let Some(reference) = reference else {
            let holds = !is_text || !(known_word || says_so);
            found.check(holds, field.full_name(), "needs a resource_reference");
            continue;
        };
        let child = text(&reference, "child_type");
        let type_ = [text(&reference, "type"), child.clone()].concat();
        let Some(resource) = resources.get(&type_) else {
            found.check(
                false,
                field.full_name(),
                &format!("no resource is `{type_}`"),
            );
            continue;
        };
        let mut name = list(resource, "pattern").concat();
        if !child.is_empty() {
            // of the parent: what comes before the last collection
            let parts: Vec<_> = name.split('/').collect();
            name = parts[..parts.len() - 2].join("/");
        }
        let id = match type_.as_str() {
            "ndp.registry/Change" => "(0|[1-9][0-9]{0,18})",
            _ => ID,
        };
        let exact = ids.replace_all(&name, id).into_owned();
        let any = any_of(&exact.split('/').step_by(2).collect::<Vec<_>>());
        let allowed = [
            format!("^{exact}$"),
            format!("^({exact})?$"),
            format!("^{any}$"),
            format!("^({any})?$"),
        ];
        if let Some(pattern) = pattern {
            let holds = allowed.contains(&pattern);
            found.check(
                holds,
                field.full_name(),
                &format!("its pattern should be `^{exact}$`"),
            );
        }
    }
}

/// Pattern of a parent in these collections, any of which may be read across (AIP-159): what is
/// below a `-` is read across too.
fn any_of(collections: &[&str]) -> String {
    const ID: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
    let [first, rest @ ..] = collections else {
        return String::new();
    };
    if rest.is_empty() {
        return format!("{first}/(-|{ID})");
    }
    let across: Vec<_> = rest.iter().map(|it| format!("/{it}/-")).collect();
    format!("{first}/(-{}|{ID}/{})", across.concat(), any_of(rest))
}

fn enum_values(found: &mut Findings) {
    for one in enums() {
        let prefix = format!("{}_", snake(one.name()).to_uppercase());
        for value in one.values().filter(|it| it.number() != 0) {
            let prefixed = value.name().starts_with(&prefix);
            let holds = prefixed == one.parent_message().is_none();
            found.check(holds, value.full_name(), "prefixed outside messages only");
        }
    }
}

fn http_paths(found: &mut Findings) {
    let variable = Regex::new(r"\{([\w.]+)=").unwrap();
    let mut paths = BTreeSet::new();
    for method in methods() {
        let name = method.full_name();
        let Some((verb, path, body)) = http(&method) else {
            found.check(false, name, "needs google.api.http");
            continue;
        };
        found.check(
            path.starts_with("/v1/"),
            name,
            "its path should begin with /v1/",
        );
        // `{name=…}` of two methods differ where what they match does
        let unnamed = variable.replace_all(&path, "{").into_owned();
        found.check(
            paths.insert((verb.clone(), unnamed)),
            name,
            "its path is another's too",
        );
        let in_request = variable.captures_iter(&path).all(|it| {
            let mut message = method.input();
            it[1]
                .split('.')
                .all(|part| match message.get_field_by_name(part) {
                    Some(field) => {
                        if let Kind::Message(inner) = field.kind() {
                            message = inner;
                        }
                        true
                    }
                    None => false,
                })
        });
        found.check(
            in_request,
            name,
            "a variable of its path is no field of the request",
        );
        let holds = match verb.as_str() {
            "get" => body.is_empty(),
            _ => body == "*" || method.input().get_field_by_name(&body).is_some(),
        };
        found.check(holds, name, "a body, of all or of one field, but for GET");
    }
}

fn field_names(found: &mut Findings) {
    // plural without an s
    const PLURALS: [&str; 9] = [
        "breakdown",
        "evidence",
        "governance",
        "added",
        "kept",
        "renamed",
        "regrouped",
        "dropped",
        "unresolved",
    ];
    for field in fields() {
        let name = field.name();
        if field.is_list() {
            let plural =
                name.ends_with('s') || PLURALS.contains(&name) || name.ends_with("_history");
            found.check(plural, field.full_name(), "plural, because it is repeated");
        }
        // a period is nothing but its two days
        if type_of(&field) == "google.type.Date" && field.parent_message().name() != "Period" {
            found.check(name.ends_with("_date"), field.full_name(), "ends in _date");
        }
    }
}

fn standard_fields(found: &mut Findings) {
    for (_, _, message) in resources() {
        // the log's entries never change and have a `record_time`; a checkpoint is made for each
        // request, and the glossary is that of the release
        if ["Change", "Checkpoint", "Glossary"].contains(&message.name()) {
            continue;
        }
        for (name, kind) in [
            ("create_time", "google.protobuf.Timestamp"),
            ("update_time", "google.protobuf.Timestamp"),
            ("revision", "int64"),
        ] {
            let field = message.get_field_by_name(name);
            let holds =
                field.is_some_and(|it| type_of(&it) == kind && behaviour(&it) == ["OUTPUT_ONLY"]);
            found.check(
                holds,
                message.full_name(),
                &format!("needs {name}, OUTPUT_ONLY"),
            );
        }
    }
}

fn etags(found: &mut Findings) {
    for method in mutations().filter(|it| http(it).is_some_and(|(_, _, body)| body == "*")) {
        let named = method.input().get_field_by_name("name");
        let type_ = named.and_then(|it| extension(&it.options(), "google.api.resource_reference"));
        let type_ = type_.map(|it| text(&it, "type"));
        let moved = resources().find(|(it, ..)| Some(it) == type_.as_ref());
        // onboarding writes no agency that is there already
        if method.name() == "OnboardAgency" {
            continue;
        }
        // revoking a key needs no etag: it is right after any other change
        if moved.is_some_and(|(_, _, it)| it.get_field_by_name("etag").is_some()) {
            takes(found, &method, "etag", "string", "REQUIRED");
        }
    }
}

fn mutations_take(found: &mut Findings) {
    for method in mutations() {
        takes(found, &method, "request_id", "string", "OPTIONAL");
        takes(found, &method, "validate_only", "bool", "OPTIONAL");
        // required where the record shows nothing else
        let reason = method.input().get_field_by_name("reason");
        let is_text = reason.is_some_and(|it| type_of(&it) == "string");
        found.check(is_text, method.full_name(), "takes a reason");
    }
}

fn read_at(found: &mut Findings) {
    for method in methods() {
        let reads = http(&method).is_some_and(|(verb, ..)| verb == "get");
        // the caller is the current one, the content of the log never changes, the glossary is that
        // of the release, and files and denials are not part of the log
        let timeless = [
            "CheckFiles",
            "DownloadFile",
            "DownloadTemplate",
            "DownloadTile",
            "IdentifyCaller",
            "GetChange",
            "GetCheckpoint",
            "GetGlossary",
            "ListChanges",
            "ListDenials",
            "ProveConsistency",
            "ProveInclusion",
            "WatchChanges",
        ];
        if reads && !timeless.contains(&method.name()) {
            takes(found, &method, "read_revision", "int64", "OPTIONAL");
            takes(
                found,
                &method,
                "read_time",
                "google.protobuf.Timestamp",
                "OPTIONAL",
            );
        }
    }
}

fn behaviours(found: &mut Findings) {
    for field in fields() {
        let (name, behaviour) = (field.full_name(), behaviour(&field));
        found.check(!behaviour.is_empty(), name, "needs a field_behavior");
        if behaviour == ["OUTPUT_ONLY"] {
            continue;
        }
        let required = behaviour.contains(&"REQUIRED");
        // a resource's are checked with the mask of the update
        let by_rule = !required || field.parent_message().name().ends_with("Request");
        if let Some(refused) = refuses_empty(&field).filter(|it| *it != required && by_rule) {
            let says = if refused { "is refused" } else { "may be" };
            found.check(false, name, &format!("{says} empty: its behavior is wrong"));
        }
        let received = comment_of(&field).trim_end().ends_with("Required.");
        found.check(
            !received || required,
            name,
            "its comment says that it is required",
        );
    }
}

/// What is missing of a record's own fields, the core says, as a mask may leave them out.
fn sent_enums(found: &mut Findings) {
    for field in fields().filter(|it| matches!(it.kind(), Kind::Enum(_))) {
        if behaviour(&field) == ["OUTPUT_ONLY"] || is_only_answered(field.parent_message()) {
            continue;
        }
        let rules = rules_of(&field).unwrap_or_else(|| panic!("{field:?} has no rules"));
        let rules = match inner(&rules, "repeated") {
            Some(repeated) => inner(&repeated, "items").unwrap(),
            None => rules,
        };
        let one = inner(&rules, "enum").unwrap();
        let known = one.get_field_by_name("defined_only").unwrap().as_bool();
        found.check(
            known == Some(true),
            field.full_name(),
            "needs `defined_only`",
        );
        let own = resource_of(field.parent_message()).is_some();
        let stated = field.is_list() || (behaviour(&field).contains(&"REQUIRED") && !own);
        let refused = one.get_field_by_name("not_in").unwrap();
        let refused = refused.as_list().unwrap().contains(&Value::I32(0));
        found.check(!stated || refused, field.full_name(), "needs `not_in: [0]`");
    }
}

/// Whether no request holds the message.
fn is_only_answered(message: &MessageDescriptor) -> bool {
    let mut held = BTreeSet::new();
    let mut next: Vec<_> = methods().map(|it| it.input()).collect();
    while let Some(one) = next.pop() {
        if held.insert(one.full_name().to_owned()) {
            let sent = one.fields().filter(|it| behaviour(it) != ["OUTPUT_ONLY"]);
            next.extend(sent.filter_map(|it| it.kind().as_message().cloned()));
        }
    }
    !held.contains(message.full_name())
}

// === reading the descriptors ===

fn short(name: &str) -> &str {
    name.strip_prefix("ndp.registry.v1.").unwrap_or(name)
}

fn messages() -> impl Iterator<Item = MessageDescriptor> {
    let ours = |it: &MessageDescriptor| it.package_name() == PACKAGE && !it.is_map_entry();
    POOL.all_messages().filter(ours)
}

fn fields() -> impl Iterator<Item = FieldDescriptor> {
    messages().flat_map(|message| message.fields().collect::<Vec<_>>())
}

fn enums() -> impl Iterator<Item = EnumDescriptor> {
    POOL.all_enums().filter(|it| it.package_name() == PACKAGE)
}

fn methods() -> impl Iterator<Item = MethodDescriptor> {
    let ours = POOL.services().filter(|it| it.package_name() == PACKAGE);
    ours.flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// The methods that write into the log: every one that is not a GET, and takes one message.
fn mutations() -> impl Iterator<Item = MethodDescriptor> {
    let writes = |it: &MethodDescriptor| http(it).is_some_and(|(verb, ..)| verb != "get");
    // its questions are messages, which no URL holds
    let reads_a_body = |it: &MethodDescriptor| it.name() == "TestPermissions";
    methods().filter(move |it| writes(it) && !it.is_client_streaming() && !reads_a_body(it))
}

pub(crate) fn extension(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let extension = POOL.get_extension_by_name(name).unwrap();
    let has = options.has_extension(&extension);
    has.then(|| {
        options
            .get_extension(&extension)
            .as_message()
            .unwrap()
            .clone()
    })
}

fn resource_of(message: &MessageDescriptor) -> Option<DynamicMessage> {
    extension(&message.options(), "google.api.resource")
}

/// Type, options and message of each resource.
fn resources() -> impl Iterator<Item = (String, DynamicMessage, MessageDescriptor)> {
    messages().filter_map(|message| {
        let resource = resource_of(&message)?;
        Some((text(&resource, "type"), resource, message))
    })
}

/// Verb, path and body in HTTP.
pub(crate) fn http(method: &MethodDescriptor) -> Option<(String, String, String)> {
    let rule = extension(&method.options(), "google.api.http")?;
    let verbs = ["get", "post", "patch", "put", "delete"];
    let verb = verbs
        .into_iter()
        .find(|verb| rule.has_field_by_name(verb))?;
    Some((verb.to_owned(), text(&rule, verb), text(&rule, "body")))
}

/// The field that is the whole answer over HTTP, if there is one.
pub(crate) fn response_body(method: &MethodDescriptor) -> Option<String> {
    let rule = extension(&method.options(), "google.api.http")?;
    Some(text(&rule, "response_body")).filter(|it| !it.is_empty())
}

pub(crate) fn behaviour(field: &FieldDescriptor) -> Vec<&'static str> {
    let extension = POOL
        .get_extension_by_name("google.api.field_behavior")
        .unwrap();
    let options = field.options();
    let all = options.get_extension(&extension);
    let name = |value: &Value| match value.as_enum_number() {
        Some(1) => "OPTIONAL",
        Some(2) => "REQUIRED",
        Some(3) => "OUTPUT_ONLY",
        Some(4) => "INPUT_ONLY",
        Some(5) => "IMMUTABLE",
        Some(8) => "IDENTIFIER",
        other => panic!("{}: field behaviour {other:?}", field.full_name()),
    };
    all.as_list().unwrap().iter().map(name).collect()
}

pub(crate) fn rules_of(field: &FieldDescriptor) -> Option<DynamicMessage> {
    extension(&field.options(), "buf.validate.field")
}

/// A message of rules within others.
pub(crate) fn inner(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let has = rules.has_field_by_name(name);
    has.then(|| {
        rules
            .get_field_by_name(name)
            .unwrap()
            .as_message()
            .unwrap()
            .clone()
    })
}

/// Whether the field's rules refuse it empty; nothing where they do not speak of it.
fn refuses_empty(field: &FieldDescriptor) -> Option<bool> {
    let rules = rules_of(field)?;
    // IGNORE_IF_ZERO_VALUE
    if number(&rules, "ignore") == 1 {
        return Some(false);
    }
    if rules.has_field_by_name("required") {
        return Some(true);
    }
    if let Some(text_rules) = inner(&rules, "string") {
        let pattern = text(&text_rules, "pattern");
        // the patterns of texts take an empty one
        let refused = text_rules.has_field_by_name("min_len")
            || !pattern.is_empty()
                && !pattern.contains("\\p{C}")
                && !Regex::new(&pattern).unwrap().is_match("");
        return Some(refused);
    }
    if let Some(repeated) = inner(&rules, "repeated") {
        return Some(repeated.has_field_by_name("min_items"));
    }
    if let Some(one) = inner(&rules, "enum") {
        let refused = one.get_field_by_name("not_in").unwrap();
        return Some(
            refused
                .as_list()
                .unwrap()
                .iter()
                .any(|it| it.as_i32() == Some(0)),
        );
    }
    None
}

fn comment_of(field: &FieldDescriptor) -> String {
    let file = field.parent_file();
    let info = file
        .file_descriptor_proto()
        .source_code_info
        .as_ref()
        .unwrap();
    let location = info.location.iter().find(|it| *it.path == *field.path());
    location
        .map(|it| it.leading_comments().to_owned())
        .unwrap_or_default()
}

/// Checks that the method's request has a field of this type and behaviour.
fn takes(
    found: &mut Findings,
    method: &MethodDescriptor,
    name: &str,
    kind: &str,
    expected: &'static str,
) {
    let field = method.input().get_field_by_name(name);
    let holds = field.is_some_and(|it| type_of(&it) == kind && behaviour(&it) == [expected]);
    found.check(
        holds,
        method.full_name(),
        &format!("takes `{name}`, {kind}, {expected}"),
    );
}

fn text(message: &DynamicMessage, name: &str) -> String {
    let value = message.get_field_by_name(name).unwrap();
    value.as_str().unwrap().to_owned()
}

fn text_at(message: &DynamicMessage, path: &[&str]) -> Option<String> {
    let (last, path) = path.split_last()?;
    let mut message = message.clone();
    for name in path {
        if !message.has_field_by_name(name) {
            return None;
        }
        let inner = message.get_field_by_name(name)?.as_message()?.clone();
        message = inner;
    }
    message
        .has_field_by_name(last)
        .then(|| text(&message, last))
}

fn number(message: &DynamicMessage, name: &str) -> i32 {
    message
        .get_field_by_name(name)
        .unwrap()
        .as_enum_number()
        .unwrap()
}

fn list(message: &DynamicMessage, name: &str) -> Vec<String> {
    let value = message.get_field_by_name(name).unwrap();
    let texts = value.as_list().unwrap().iter();
    texts.map(|it| it.as_str().unwrap().to_owned()).collect()
}

fn snake(name: &str) -> String {
    heck::ToSnakeCase::to_snake_case(name)
}
