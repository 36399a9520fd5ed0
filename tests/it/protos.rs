//! The contract as its users' tools see it: buf lints, formats and builds the protos, and they
//! keep to Google's AIPs (https://google.aip.dev), rule by rule.
//!
//! Each rule names the AIP it comes from, says how many things it looked at (a rule that looks at
//! nothing is broken), and lists what breaks it. `tests/golden/contract.txt` is the shape itself:
//! a line that goes from it is a client that breaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
};

use ndp_registry::pb;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    Value,
    prost::Message as _,
    prost_types::{FileDescriptorSet, source_code_info::Location},
};
use regex::Regex;

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
    /// What is mended in which file, and what buf says of it.
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
        let Some((succeeds, told)) = run_buf(folder.path(), &arguments) else {
            return;
        };
        assert!(!succeeds && told.contains(said), "{before}: {told}");
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
        "AIP-123",
        "a resource has type, pattern, singular and plural",
        resource_types,
    ),
    (
        "AIP-126",
        "an enum begins with its UNSPECIFIED; prefixes only outside messages",
        enum_values,
    ),
    (
        "AIP-127",
        "every method has a path in HTTP, its variables in the request",
        http_paths,
    ),
    (
        "AIP-131",
        "Get takes a required name and answers the resource",
        get_methods,
    ),
    (
        "AIP-132",
        "List takes parent, page, filter and order, and answers a page",
        list_methods,
    ),
    (
        "AIP-133",
        "Create takes the resource and its id, and answers the resource",
        create_methods,
    ),
    (
        "AIP-134",
        "Update takes the resource and a mask, and answers the resource",
        update_methods,
    ),
    (
        "AIP-136",
        "a custom method is a verb on a name, its verb in the path",
        custom_methods,
    ),
    (
        "AIP-140",
        "fields are snake_case words, plural where repeated, unabbreviated",
        field_names,
    ),
    ("AIP-142", "times end in _time, dates in _date", time_fields),
    (
        "AIP-148",
        "a resource has the standard fields, with their types",
        standard_fields,
    ),
    (
        "AIP-154",
        "an etag is a string; custom methods need it of what has one",
        etags,
    ),
    (
        "AIP-155",
        "a mutation takes request_id, a UUID4, and a reason",
        request_ids,
    ),
    (
        "AIP-157",
        "a view is an enum with UNSPECIFIED, BASIC and FULL",
        views,
    ),
    (
        "AIP-158",
        "what answers a page_token takes one, with a page_size",
        pages,
    ),
    ("AIP-163", "a mutation takes validate_only", validate_only),
    (
        "ours",
        "what is read is read at a revision or a time",
        read_at,
    ),
    (
        "AIP-191",
        "files are of one package and named in snake_case",
        files,
    ),
    ("AIP-192", "every element is documented", comments),
    (
        "AIP-203",
        "every field of a request says how it behaves, and so do its rules",
        behaviours,
    ),
    (
        "AIP-216",
        "a state is an enum State of its resource, set by the server",
        states,
    ),
    (
        "AIP-4232",
        "every method has a signature, of fields that there are",
        signatures,
    ),
    (
        "AIP-130",
        "a request is used by one method, and named after it",
        request_names,
    ),
];

#[test]
fn the_protos_follow_the_aips() {
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
        let is_text = field.kind() == Kind::String;
        // a group or an action may be called as a resource is; a string that is one names it
        let says_so = pattern
            .as_ref()
            .is_some_and(|it| it.contains('/') && !it.contains("http"));
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

fn resource_types(found: &mut Findings) {
    for (type_, resource, message) in resources() {
        let name = message.full_name();
        let expected = format!("ndp.registry/{}", message.name());
        found.check(
            type_ == expected,
            name,
            &format!("its type should be `{expected}`"),
        );
        let (singular, plural) = (text(&resource, "singular"), text(&resource, "plural"));
        let camel = lower_camel(message.name());
        found.check(
            singular == camel,
            name,
            &format!("its singular should be `{camel}`"),
        );
        found.check(!plural.is_empty(), name, "needs a plural");
        let patterns = list(&resource, "pattern");
        let last = format!("{plural}/{{{}}}", snake(&singular));
        let ends = patterns.len() == 1 && patterns[0].ends_with(&last);
        found.check(
            ends,
            name,
            &format!("its one pattern should end in `{last}`"),
        );
        let identifier = message
            .get_field_by_name("name")
            .is_some_and(|it| it.kind() == Kind::String && behaviour(&it) == ["IDENTIFIER"]);
        found.check(
            identifier,
            name,
            "needs a string `name` that is its IDENTIFIER",
        );
    }
}

fn enum_values(found: &mut Findings) {
    for one in enums() {
        let prefix = snake(one.name()).to_uppercase();
        let zero = format!("{prefix}_UNSPECIFIED");
        let first = one.get_value(0).is_some_and(|value| value.name() == zero);
        found.check(first, one.full_name(), &format!("0 should be {zero}"));
        for value in one.values().filter(|it| it.number() != 0) {
            let prefixed = value.name().starts_with(&format!("{prefix}_"));
            let holds = prefixed == one.parent_message().is_none();
            found.check(
                holds,
                value.full_name(),
                "prefixed outside messages, and only there",
            );
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

fn get_methods(found: &mut Findings) {
    for (method, noun) in named("Get") {
        // what is computed has no name
        if ["Summary", "Timeline", "DataQuality"].contains(&&*noun) {
            continue;
        }
        let name = method.full_name();
        let path = http(&method).map(|(verb, path, _)| format!("{verb} {path}"));
        let expected = format!("get /v1/{{name={}}}", wild(&method.output()));
        found.check(
            path == Some(expected.clone()),
            name,
            &format!("its path is `{expected}`"),
        );
        found.check(method.output().name() == noun, name, "answers the resource");
        found.check(
            signature(&method) == "name",
            name,
            "its signature is `name`",
        );
        takes(found, &method, "name", "string", "REQUIRED");
    }
}

fn list_methods(found: &mut Findings) {
    for (method, noun) in named("List") {
        let name = method.full_name();
        let answer = method.output();
        found.check(
            answer.name() == format!("List{noun}Response"),
            name,
            "its answer's name",
        );
        // what needs attention is found by rules, and no resource
        if noun == "AttentionItems" {
            takes(found, &method, "filter", "string", "OPTIONAL");
            takes(found, &method, "order_by", "string", "OPTIONAL");
            continue;
        }
        let first = answer.get_field(1).filter(FieldDescriptor::is_list);
        let resource = first.as_ref().map(FieldDescriptor::kind);
        let Some((Kind::Message(resource), first)) = resource.zip(first) else {
            found.check(false, name, "its answer begins with the repeated resource");
            continue;
        };
        let plural = resource_of(&resource)
            .map(|it| text(&it, "plural"))
            .unwrap_or_default();
        found.check(
            first.name() == snake(&plural),
            name,
            "the resources are called by its plural",
        );
        let nested = wild(&resource).matches('*').count() > 1;
        let parent = if nested { "parent" } else { "" };
        found.check(
            signature(&method) == parent,
            name,
            "its signature is the parent",
        );
        if nested {
            takes(found, &method, "parent", "string", "REQUIRED");
        }
        takes(found, &method, "page_size", "int32", "OPTIONAL");
        takes(found, &method, "page_token", "string", "OPTIONAL");
        takes(found, &method, "filter", "string", "OPTIONAL");
        takes(found, &method, "order_by", "string", "OPTIONAL");
    }
}

fn create_methods(found: &mut Findings) {
    for (method, noun) in named("Create") {
        let name = method.full_name();
        let resource = snake(&noun);
        found.check(method.output().name() == noun, name, "answers the resource");
        takes(found, &method, &resource, &noun, "REQUIRED");
        let body = http(&method).map(|(verb, _, body)| format!("{verb} {body}"));
        let expected = format!("post {resource}");
        found.check(
            body == Some(expected),
            name,
            "POST with the resource as its body",
        );
        let has_id = method.input().get_field_by_name(&format!("{resource}_id"));
        // a key's id is random: a caller that could choose it could guess other ids
        found.check(
            has_id.is_some() || noun == "ApiKey",
            name,
            "takes the new id",
        );
        let nested = wild(&method.output()).matches('*').count() > 1;
        let mut parts = vec![resource.clone()];
        if nested {
            parts.insert(0, "parent".into());
            takes(found, &method, "parent", "string", "REQUIRED");
        }
        parts.extend(has_id.map(|it| it.name().to_owned()));
        found.check(
            signature(&method) == parts.join(","),
            name,
            &parts.join(","),
        );
    }
}

fn update_methods(found: &mut Findings) {
    for (method, noun) in named("Update") {
        let name = method.full_name();
        let resource = snake(&noun);
        found.check(method.output().name() == noun, name, "answers the resource");
        takes(found, &method, &resource, &noun, "REQUIRED");
        takes(
            found,
            &method,
            "update_mask",
            "google.protobuf.FieldMask",
            "OPTIONAL",
        );
        let expected = format!("/v1/{{{resource}.name={}}}", wild(&method.output()));
        let expected = Some(("patch".to_owned(), expected, resource.clone()));
        found.check(
            http(&method) == expected,
            name,
            "PATCH of the resource's name",
        );
        let holds = signature(&method) == format!("{resource},update_mask");
        found.check(holds, name, "its signature is the resource and the mask");
    }
}

fn custom_methods(found: &mut Findings) {
    for method in methods() {
        let standard = ["Get", "List", "Create", "Update", "BatchGet"];
        let (verb, _) = verb_and_noun(&method);
        // who calls is a question about the call, and no resource's
        if standard.contains(&verb.as_str()) || method.name() == "IdentifyCaller" {
            continue;
        }
        let Some((_, path, _)) = http(&method) else {
            continue;
        };
        let suffix = format!(":{}", lower_camel(&verb));
        let holds = path.ends_with(&suffix);
        found.check(
            holds,
            method.full_name(),
            &format!("its path should end in `{suffix}`"),
        );
    }
}

/// Names that break AIP-140 and stay, with the reason; the list may only shrink.
const NAMES_KEPT: &[(&str, &str)] = &[
    (
        "Plan.superseding_plan",
        "the plan's own word for its successor, beside the state SUPERSEDED",
    ),
    (
        "Edition.repealing_edition",
        "bị bãi bỏ bởi: the relation as the documents word it",
    ),
    (
        "Edition.effective_start_date",
        "hiệu lực: to be in force is the term",
    ),
    (
        "Edition.effective_end_date",
        "hiệu lực: to be in force is the term",
    ),
    (
        "Period.as_written",
        "the words of the document, beside what they were read as",
    ),
    (
        "Summary.issued_plan_platform_count",
        "platforms, told from `plan_count`",
    ),
];

fn field_names(found: &mut Findings) {
    let words = Regex::new("^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$").unwrap();
    // each with its whole word; AIP-140 keeps `id`, `uri` and `info` short
    let abbreviations = [
        "cfg",
        "config",
        "desc",
        "dept",
        "doc",
        "docs",
        "img",
        "msg",
        "num",
        "no",
        "nr",
        "org",
        "param",
        "params",
        "pct",
        "pwd",
        "qty",
        "ref",
        "refs",
        "req",
        "res",
        "resp",
        "src",
        "ts",
        "url",
        "urls",
        "val",
        "info",
        "ministry_code",
        "coord",
        "gov",
        "agcy",
    ];
    let prepositions = [
        "after", "as", "at", "before", "between", "by", "for", "from", "in", "of", "on", "over",
        "since", "to", "until", "via", "with", "within",
    ];
    // plural without an s
    let plurals = [
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
    let mut kept: BTreeSet<_> = NAMES_KEPT.iter().map(|(name, _)| *name).collect();
    for field in fields() {
        let name = field.full_name();
        found.check(words.is_match(field.name()), name, "lower-case words");
        let mut parts: Vec<_> = field.name().split('_').collect();
        for part in &parts {
            found.check(!abbreviations.contains(part), name, "write the whole word");
        }
        // the standard fields of AIP-132
        if field.name() != "order_by" && !kept.remove(short(name)) {
            parts.retain(|part| prepositions.contains(part));
            found.check(parts.is_empty(), name, "no prepositions");
        }
        if field.is_list() {
            let plural = field.name().ends_with('s')
                || plurals.contains(&field.name())
                || field.name().ends_with("_history");
            found.check(plural, name, "plural, because it is repeated");
        }
        let is_boolean = field.kind() == Kind::Bool && field.name().starts_with("is_");
        found.check(!is_boolean, name, "no `is_`");
    }
    found.check(kept.is_empty(), "NAMES_KEPT", &format!("take out {kept:?}"));
}

fn time_fields(found: &mut Findings) {
    for field in fields() {
        let Kind::Message(message) = field.kind() else {
            continue;
        };
        let suffix = match message.full_name() {
            "google.protobuf.Timestamp" => "_time",
            "google.type.Date" => "_date",
            _ => continue,
        };
        // a period is nothing but its two days
        let holds = field.name().ends_with(suffix) || field.parent_message().name() == "Period";
        found.check(holds, field.full_name(), &format!("should end in {suffix}"));
    }
}

fn standard_fields(found: &mut Findings) {
    for (_, _, message) in resources() {
        // the log's entries are made once; when is their `record_time`
        if message.name() == "Change" {
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
    for field in fields().filter(|it| it.name() == "etag") {
        found.check(field.kind() == Kind::String, field.full_name(), "a string");
    }
    for (_, _, message) in resources() {
        let updated = named("Update").any(|(method, _)| method.output() == message);
        let has = message.get_field_by_name("etag").is_some();
        found.check(
            has || !updated,
            message.full_name(),
            "can be updated and has no etag",
        );
    }
    for method in mutations().filter(|it| http(it).is_some_and(|(_, _, body)| body == "*")) {
        // revoking a key needs no etag: it is right after any other change
        if method.output().get_field_by_name("etag").is_some() {
            takes(found, &method, "etag", "string", "REQUIRED");
        }
    }
}

fn request_ids(found: &mut Findings) {
    for method in mutations() {
        takes(found, &method, "request_id", "string", "OPTIONAL");
        let field = method.input().get_field_by_name("request_id");
        let info = field.and_then(|it| extension(&it.options(), "google.api.field_info"));
        let format = info.map(|it| number(&it, "format"));
        found.check(
            format == Some(1),
            method.full_name(),
            "request_id has the format UUID4",
        );
        // required where the record shows nothing else
        let reason = method.input().get_field_by_name("reason");
        let is_text = reason.is_some_and(|it| type_of(&it) == "string");
        found.check(is_text, method.full_name(), "takes a reason");
    }
}

fn views(found: &mut Findings) {
    for one in enums().filter(|it| it.name().ends_with("View")) {
        let prefix = snake(one.name()).to_uppercase();
        let names: Vec<_> = one.values().map(|it| it.name().to_owned()).collect();
        let expected = ["UNSPECIFIED", "BASIC", "FULL"].map(|it| format!("{prefix}_{it}"));
        found.check(names == expected, one.full_name(), &expected.join(", "));
    }
    for field in fields().filter(|it| it.name() == "view") {
        let is_view = matches!(field.kind(), Kind::Enum(one) if one.name().ends_with("View"));
        found.check(
            is_view,
            field.full_name(),
            "an enum of its resource's views",
        );
    }
}

fn pages(found: &mut Findings) {
    for method in methods() {
        let answers = method.output().get_field_by_name("next_page_token");
        let takes_one = method.input().get_field_by_name("page_token");
        let holds = answers.is_some() == takes_one.is_some();
        found.check(
            holds,
            method.full_name(),
            "page_token and next_page_token, or neither",
        );
        if let Some(token) = answers {
            found.check(token.kind() == Kind::String, method.full_name(), "a string");
            takes(found, &method, "page_size", "int32", "OPTIONAL");
        }
        let lists = method.name().starts_with("List") || method.name().starts_with("Search");
        found.check(
            takes_one.is_some() || !lists,
            method.full_name(),
            "is answered in pages",
        );
    }
}

fn validate_only(found: &mut Findings) {
    for method in mutations() {
        takes(found, &method, "validate_only", "bool", "OPTIONAL");
    }
}

fn read_at(found: &mut Findings) {
    for method in methods() {
        let reads = http(&method).is_some_and(|(verb, ..)| verb == "get");
        // the caller is who they are now, and what the log holds never changes
        let timeless = ["IdentifyCaller", "GetChange", "ListChanges", "WatchChanges"];
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

fn files(found: &mut Findings) {
    for file in POOL.files().filter(|it| it.name().starts_with("ndp/")) {
        found.check(
            file.package_name() == PACKAGE,
            file.name(),
            "of the one package",
        );
        let name = file.name().rsplit('/').next().unwrap();
        let holds = name
            .bytes()
            .all(|it| matches!(it, b'a'..=b'z' | b'_' | b'.'));
        found.check(holds, file.name(), "named in snake_case");
    }
}

/// Every message, field, oneof, enum, value, service and method has a comment before it.
fn comments(found: &mut Findings) {
    let set = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
    for file in set.file.iter().filter(|it| it.package() == PACKAGE) {
        let locations = &file.source_code_info.as_ref().unwrap().location;
        let comments: BTreeMap<&[i32], &Location> =
            locations.iter().map(|it| (&*it.path, it)).collect();
        for location in locations {
            // pairs of a field of the descriptor and an index: 4 messages (2 fields, 3 messages,
            // 4 enums, 8 oneofs), 5 enums (2 values), 6 services (2 methods)
            let mut inside = 0;
            let is_element = location.path.len() % 2 == 0
                && location.path.chunks(2).all(|step| {
                    let holds = match (inside, step[0]) {
                        (0, 4..=6) | (4, 2..=4 | 8) | (5, 2) | (6, 2) => true,
                        _ => return false,
                    };
                    inside = match (inside, step[0]) {
                        (0, kind) => kind,
                        (4, 3) => 4,
                        (4, 4) => 5,
                        _ => 99,
                    };
                    holds
                });
            if !is_element || location.path.is_empty() {
                continue;
            }
            let comment = comments[&*location.path].leading_comments().trim();
            let place = format!("{}:{}", file.name(), location.span[0] + 1);
            found.check(!comment.is_empty(), &place, "needs a comment");
        }
    }
}

fn behaviours(found: &mut Findings) {
    let mut asked: Vec<_> = methods().map(|it| it.input()).collect();
    let mut seen = BTreeSet::new();
    while let Some(message) = asked.pop() {
        if message.is_map_entry() || !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        for field in message.fields() {
            let behaviour = behaviour(&field);
            let name = field.full_name();
            found.check(!behaviour.is_empty(), name, "needs a field_behavior");
            if behaviour == ["OUTPUT_ONLY"] {
                continue;
            }
            let required = behaviour.contains(&"REQUIRED");
            if let Some(holds) = refuses_empty(&field).filter(|it| *it != required) {
                let says = if holds {
                    "is refused empty"
                } else {
                    "may be empty"
                };
                // a resource's are checked with the mask of the update
                let by_rule = !required || message.name().ends_with("Request");
                found.check(
                    !by_rule,
                    name,
                    &format!("{says}: the field_behavior is wrong"),
                );
            }
            let location = comment_of(&field);
            let told = location.trim_end().ends_with("Required.");
            found.check(
                !told || required,
                name,
                "its comment says that it is required",
            );
            match field.kind() {
                Kind::Message(inner) if inner.package_name() == PACKAGE => asked.push(inner),
                _ => {}
            }
        }
    }
}

fn states(found: &mut Findings) {
    for (_, _, message) in resources() {
        let Some(state) = message.get_field_by_name("state") else {
            continue;
        };
        let name = state.full_name();
        let own = format!("{}.State", message.full_name());
        let is_own = matches!(state.kind(), Kind::Enum(one) if one.full_name() == own);
        found.check(is_own, name, "an enum State of the resource's own");
        found.check(behaviour(&state) == ["OUTPUT_ONLY"], name, "OUTPUT_ONLY");
    }
}

fn signatures(found: &mut Findings) {
    for method in methods() {
        let all = method.options();
        let signature = POOL
            .get_extension_by_name("google.api.method_signature")
            .unwrap();
        let has = all.has_extension(&signature);
        found.check(has, method.full_name(), "needs google.api.method_signature");
        let text = self::signature(&method);
        for part in text.split(',').filter(|it| !it.is_empty()) {
            let field = method.input().get_field_by_name(part);
            found.check(
                field.is_some(),
                method.full_name(),
                &format!("`{part}` is no field"),
            );
        }
    }
}

fn request_names(found: &mut Findings) {
    for method in methods() {
        let expected = format!("{}Request", method.name());
        let holds = method.input().name() == expected;
        found.check(holds, method.full_name(), &format!("takes a {expected}"));
        found.check(!method.is_client_streaming(), method.full_name(), "unary");
    }
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

/// Those that write: everything that is no GET.
fn mutations() -> impl Iterator<Item = MethodDescriptor> {
    methods().filter(|it| http(it).is_some_and(|(verb, ..)| verb != "get"))
}

/// `CreatePlan` as `Create` and `Plan`.
fn verb_and_noun(method: &MethodDescriptor) -> (String, String) {
    let name = method.name();
    let verb = if name.starts_with("BatchGet") {
        "BatchGet".len()
    } else {
        name[1..]
            .find(char::is_uppercase)
            .map_or(name.len(), |at| at + 1)
    };
    (name[..verb].to_owned(), name[verb..].to_owned())
}

fn named(verb: &'static str) -> impl Iterator<Item = (MethodDescriptor, String)> {
    methods().filter_map(move |method| {
        let (found, noun) = verb_and_noun(&method);
        (found == verb).then_some((method, noun))
    })
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

/// A resource's pattern with `*` for each id.
fn wild(message: &MessageDescriptor) -> String {
    let pattern = resource_of(message).map(|it| list(&it, "pattern").concat());
    let ids = Regex::new(r"\{\w+\}").unwrap();
    ids.replace_all(&pattern.unwrap_or_default(), "*")
        .into_owned()
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

fn signature(method: &MethodDescriptor) -> String {
    let extension = POOL
        .get_extension_by_name("google.api.method_signature")
        .unwrap();
    let options = method.options();
    let all = options.get_extension(&extension);
    let all = all.as_list().unwrap();
    all.first()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
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

fn lower_camel(name: &str) -> String {
    heck::ToLowerCamelCase::to_lower_camel_case(name)
}
