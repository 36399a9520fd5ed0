//! The example in the help of each command: a call that can be made. Its names are those of the
//! shipped catalogue and of the synthetic year that `admin demo` makes; its values follow from the
//! fields. A test reads each example with the command's own parser, and makes the call.

use prost_reflect::{FieldDescriptor, Kind};

use super::{
    contract::{Verb, is_required, reference, words},
    flags::{Flag, Form},
};
use crate::http::{
    routes::Body,
    values::{is_date, is_period},
};

/// Records by which examples are given: the type of the resource, and its name.
const NAMES: &[(&str, &str)] = &[
    ("Agency", "agencies/bo-cong-an"),
    ("ApiKey", "principals/editor/apiKeys/editor-1"),
    (
        "Assessment",
        "platforms/ndp-004/plans/2026/assessments/danh-gia",
    ),
    ("Baseline", "platforms/ndp-005/plans/2026/baselines/1"),
    ("Change", "changes/20"),
    ("Checkpoint", "checkpoint"),
    ("DataFlow", "dataFlows/luong-thu-nghiem-01"),
    (
        "Deployment",
        "platforms/ndp-001/deployments/tinh-thu-nghiem",
    ),
    ("Edition", "editions/2618-qd-bkhcn"),
    ("Figure", "figures/plans-issued-2025-09-23"),
    ("Glossary", "glossary"),
    ("Indicator", "indicators/on-time-rate"),
    ("Milestone", "platforms/ndp-005/plans/2026/milestones/m1"),
    (
        "Observation",
        "indicators/online-files-received/observations/country-2025-07-01-2025-08-28",
    ),
    ("Plan", "platforms/ndp-005/plans/2026"),
    ("Platform", "platforms/ndp-001"),
    ("Principal", "principals/editor"),
    ("Programme", "programmes/nq57-2025"),
    ("Proposal", "platforms/ndp-005/proposals/de-xuat"),
    ("Recommendation", "recommendations/kien-nghi-01"),
    ("Report", "platforms/ndp-005/plans/2026/reports/2026-03"),
    ("Task", "tasks/nhiem-vu-01"),
];

/// Values of fields that their kind does not tell: the name of the field, and the value.
const VALUES: &[(&str, &str)] = &[
    ("issuer", "'Bộ Công an'"),
    ("kind", "tasks"),
    ("language_code", "vi"),
    ("method", "CreatePlan"),
    ("path", "0/000"),
    ("query", "'dinh danh'"),
    ("reason", "'Thử nghiệm'"),
    (
        "sha256",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "sha256s",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    ("symbol", "'123/QĐ-THU'"),
    (
        "newcomers",
        "'{\"principalId\": \"boca-admin\", \"principal\": {\"displayName\": \"Quản trị\", \
         \"roles\": [\"ROLE_AGENCY_ADMIN\"]}}'",
    ),
    ("definitions", "'{\"version\": 1}'"),
    ("names", "platforms/ndp-001"),
    (
        "state_entries",
        "'{\"state\": \"PLANNED\", \"startDate\": \"2026-09-30\"}'",
    ),
    ("successor", "agencies/bo-khoa-hoc-va-cong-nghe"),
    ("terms", "'{\"channel\": \"NDXP\"}'"),
    (
        "requests",
        "'{\"parent\": \"indicators/on-time-rate\", \"observation\": {\"agency\": \
         \"agencies/bo-cong-an\", \"period\": \"2026-09\", \"basis\": \"DECLARED\", \
         \"value\": \"95.5\"}}'",
    ),
    (
        "questions",
        "'{\"method\": \"ndp.registry.v1.PlanService/SubmitPlan\", \
         \"resource\": \"platforms/ndp-005/plans/2026\"}'",
    ),
];

/// What a call needs beside the fields that are always required.
const MORE: &[(&str, &str)] = &[
    ("CreateApiKey", "--display-name 'Khóa thử nghiệm'"),
    (
        "CreateDataFlow",
        "--provider.agency agencies/bo-cong-an --consumer.agency agencies/bo-tai-chinh",
    ),
    (
        "CreateObservation",
        "--agency agencies/bo-cong-an --value 95.5",
    ),
    ("DownloadFile", "--to quyet-dinh.pdf"),
    ("DownloadTemplate", "--lang vi --to tasks.xlsx"),
    ("Export", "--to tasks.csv"),
    (
        "RebaselinePlan",
        "--rebaseline.display-name 'Kế hoạch điều chỉnh'",
    ),
    (
        "SucceedAgency",
        "--succession.start-date 2026-09-30 --succession.document.kind DECISION \
         --succession.document.symbol '123/QĐ-THU' --succession.document.issuer 'Bộ Nội vụ' \
         --succession.document.issue-date 2026-09-30",
    ),
];

/// The parts of a document that say which one it is.
const DOCUMENT: [&str; 5] = ["kind", "symbol", "issuer", "issue_date", "sha256"];

/// The name of a record of this type.
fn name(of: &str) -> Option<&'static str> {
    let found = NAMES.iter().find(|(type_name, _)| *type_name == of);
    found.map(|(_, name)| *name)
}

/// The name of a record whose name has this pattern, as `platforms/*`.
fn of_pattern(pattern: &str) -> Option<&'static str> {
    let fits = |name: &str| {
        let (parts, words) = (pattern.split('/'), name.split('/'));
        parts.clone().count() == words.clone().count()
            && parts
                .zip(words)
                .all(|(part, word)| part == "*" || part == word)
    };
    NAMES.iter().map(|(_, name)| *name).find(|it| fits(it))
}

/// The value of the place of a command.
pub(super) fn place(verb: &Verb) -> Option<String> {
    let place = verb.places().into_iter().next()?;
    let field = place.field.rsplit('.').next().unwrap_or_default();
    let by_name = VALUES.iter().find(|(name, _)| *name == field);
    let value = match by_name.filter(|_| !place.pattern.contains('/')) {
        Some((_, value)) => Some(*value),
        None => of_pattern(&place.pattern),
    };
    Some(value.map_or_else(|| place.pattern.replace('*', "-"), str::to_owned))
}

/// A call of a verb, with what it needs.
pub(super) fn call(verb: &Verb, called: &str, flags: &[Flag]) -> String {
    let mut line = format!("ndp-registry {called}");
    if let Some(place) = place(verb) {
        line.push_str(&format!(" {place}"));
    }
    match verb.route.method.name() {
        "Import" => line.push_str(" tasks.csv --kind tasks --dry-run"),
        "UploadFile" => line.push_str(" quyet-dinh.pdf --media-type application/pdf"),
        _ if matches!(verb.route.body, Body::Raw(_)) => line.push_str(" FILE"),
        _ => {}
    }
    let mut given: Vec<_> = flags.iter().filter(|it| is_needed(it)).collect();
    if verb.name == "update" {
        // an update changes a field
        let is_text = |it: &&Flag| it.path.len() == 2 && it.form == Form::Text;
        let named = |it: &&Flag| is_text(it) && it.name == "display-name";
        let first = given.iter().copied().find(is_text);
        let first = flags.iter().find(named).or(first);
        given = first
            .or_else(|| flags.iter().find(is_text))
            .into_iter()
            .collect();
    }
    for flag in given {
        line.push_str(&format!(" --{}", flag.name));
        if let Some(value) = flag.field().map(|it| value(it, flag.form)) {
            line.push_str(&format!(" {value}"));
        }
    }
    let more = MORE
        .iter()
        .find(|(method, _)| *method == verb.route.method.name());
    if let Some((_, more)) = more {
        line.push_str(&format!(" {more}"));
    }
    line
}

/// Whether a call has to have a field: it and all around it are required, or it says which document
/// a required one is.
fn is_needed(flag: &Flag) -> bool {
    let Some((last, above)) = flag.path.split_last() else {
        return false;
    };
    let is_of_document =
        last.parent_message().name() == "Document" && DOCUMENT.contains(&last.name());
    flag.name != "etag" && above.iter().all(is_required) && (is_required(last) || is_of_document)
}

/// A value that a field takes.
fn value(field: &FieldDescriptor, form: Form) -> String {
    if let Some((_, value)) = VALUES.iter().find(|(name, _)| *name == field.name())
        && !matches!(field.kind(), Kind::Enum(_))
    {
        return (*value).to_owned();
    }
    if let Some(name) = reference(field).and_then(|it| name(&it)) {
        return name.to_owned();
    }
    match (form, field.kind()) {
        (Form::Json, _) => "'{}'".to_owned(),
        (Form::Pair, _) => "khoa=gia-tri".to_owned(),
        (_, Kind::Enum(one)) => {
            let first = words(&one).into_iter().next();
            first.map(|(_, short)| short).unwrap_or_default()
        }
        (_, Kind::Bool) => "true".to_owned(),
        (_, Kind::Bytes) => "AA==".to_owned(),
        (_, Kind::String) if field.name().ends_with("_id") => "thu-nghiem".to_owned(),
        (_, Kind::String) => "'Thử nghiệm'".to_owned(),
        (_, Kind::Message(message)) if is_date(&message) => "2026-09-30".to_owned(),
        (_, Kind::Message(message)) if is_period(&message) => "2026-09".to_owned(),
        (_, Kind::Message(message)) => match message.name() {
            "Timestamp" => "2026-09-30T09:00:00+07:00".to_owned(),
            "Duration" => "86400s".to_owned(),
            _ => "display_name".to_owned(),
        },
        _ => "1".to_owned(),
    }
}

/// The words of a line, as a shell has them: what stands between single quotes is one, and what
/// follows `>` is where the output goes.
#[cfg(test)]
pub(crate) fn split(line: &str) -> Vec<String> {
    let (line, _) = line.split_once(" > ").unwrap_or((line, ""));
    let mut words = vec![String::new()];
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (at, word) in part.split(' ').enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(word);
        }
    }
    words.retain(|it| !it.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use clap::{ArgMatches, Command};

    use super::*;
    use crate::client::{
        commands, contract::CONTRACT, flags::flags, language::Language, request::make,
    };

    #[test]
    fn each_example_makes_a_request() {
        let given = |line: &str| -> ArgMatches {
            let whole = commands::add_to(Command::new("ndp-registry"), Language::English);
            let given = whole.try_get_matches_from(split(line));
            given.unwrap_or_else(|error| panic!("{line}\n{error}"))
        };
        let mut calls: Vec<_> = CONTRACT
            .short()
            .map(|(name, verb)| (name.to_owned(), verb))
            .collect();
        for noun in CONTRACT.nouns() {
            let verbs = CONTRACT.verbs(noun);
            calls.extend(verbs.map(|verb| (format!("{noun} {}", verb.name), verb)));
        }
        for (called, verb) in calls {
            let flags = flags(verb);
            let line = call(verb, &called, &flags);
            let given = given(&line);
            let (_, mut inner) = given.subcommand().unwrap();
            if let Some((_, verb)) = inner.subcommand() {
                inner = verb;
            }
            let made = make(verb, &flags, inner).and_then(|mut made| made.complete(verb));
            made.unwrap_or_else(|failure| panic!("{line}\n{failure}"));
        }
    }

    #[test]
    fn every_resource_has_an_example() {
        let all = crate::wire::descriptors::POOL.all_messages();
        let resources = all.filter(|it| it.package_name() == "ndp.registry.v1");
        for message in resources.filter(|it| it.get_field_by_name("name").is_some()) {
            let pattern = crate::client::contract::pattern(&message);
            let Some(pattern) = pattern else { continue };
            assert!(
                of_pattern(&pattern).is_some(),
                "{}: {pattern}",
                message.name()
            );
            let name = name(message.name()).unwrap();
            assert_eq!(of_pattern(&pattern), Some(name));
        }
    }
}
