//! What callers write is read: for each field of each message within a request that changes
//! something, the conversion reads it, or the contract says that it is output only.

use std::{collections::BTreeSet, fmt::Debug};

use prost::{Message, Name};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::{
    agencies, assessments, baselines, data_flows, deployments, descriptors::POOL, documents,
    editions, figures, indicators, milestones, observations, plans, platforms, principals,
    programmes, recommendations, reports, tasks, validate::FieldPath,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    names::{FigureName, PlanName},
};

/// Whether callers write a field: those that only the server sets are OUTPUT_ONLY, and the name and
/// the etag say which record is meant.
pub(super) fn is_settable(field: &FieldDescriptor) -> bool {
    let behavior = POOL.get_extension_by_name("google.api.field_behavior");
    let options = field.options();
    let behaviors = options.get_extension(&behavior.expect("an annotation"));
    let behaviors = behaviors.as_list().unwrap_or_default();
    let numbers: Vec<_> = behaviors
        .iter()
        .filter_map(|it| it.as_enum_number())
        .collect();
    let (output_only, identifier) = (3, 8);
    !numbers.contains(&output_only) && !numbers.contains(&identifier) && field.name() != "etag"
}

/// The message of a field that has parts; a date or time is one value, and so is a map.
fn parts(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let whole = [
        "google.type.Date",
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
        "google.protobuf.FieldMask",
    ];
    let message = field.kind().as_message().cloned()?;
    (!field.is_map() && !whole.contains(&message.full_name())).then_some(message)
}

/// The paths to every value below a message.
fn paths(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let mut paths = Vec::new();
    for field in message.fields() {
        match parts(&field) {
            Some(inner) => paths.extend(paths_below(&field, &inner)),
            None => paths.push(vec![field]),
        }
    }
    paths
}

fn paths_below(field: &FieldDescriptor, inner: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let below = paths(inner).into_iter();
    below
        .map(|path| [vec![field.clone()], path].concat())
        .collect()
}

/// A text that the field may have: the name of a record where it refers to one.
fn text(field: &FieldDescriptor) -> String {
    let reference = POOL.get_extension_by_name("google.api.resource_reference");
    let options = field.options();
    let reference = options.get_extension(&reference.expect("an annotation"));
    let kind = reference.as_message().and_then(|it| {
        let kind = it.get_field_by_name("type")?;
        kind.as_str().map(str::to_owned)
    });
    let name = match kind.as_deref() {
        Some("ndp.registry/Agency") => "agencies/a",
        Some("ndp.registry/Edition") => "editions/a",
        Some("ndp.registry/Observation") => "indicators/a/observations/b",
        Some("ndp.registry/Platform") => "platforms/a",
        Some("ndp.registry/Report") => "platforms/a/plans/b/reports/c",
        _ if field.name() == "subject_hash" => return "0".repeat(64),
        // some of these are decimals
        _ if ["value", "numerator", "denominator"].contains(&field.name()) => "5",
        _ => "x",
    };
    name.to_owned()
}

/// A value that no field has by default.
fn value(field: &FieldDescriptor) -> Value {
    if field.is_map() {
        let key = prost_reflect::MapKey::String("a".to_owned());
        return Value::Map([(key, Value::String("x".to_owned()))].into());
    }
    let one = match field.kind() {
        Kind::Message(message) if message.full_name() == "google.type.Date" => {
            Value::Message(dynamic(&pb::Date {
                year: 2026,
                month: 9,
                day: 30,
            }))
        }
        Kind::Message(message) => {
            let mut inner = DynamicMessage::new(message);
            inner.set_field_by_name("seconds", Value::I64(1_790_000_000));
            Value::Message(inner)
        }
        // the first value of some enums is what an absent one means
        Kind::Enum(words) => {
            let mut numbers = words.values().map(|it| it.number());
            Value::EnumNumber(numbers.nth(2).expect("two values"))
        }
        Kind::Bool => Value::Bool(true),
        Kind::Int32 => Value::I32(5),
        Kind::Int64 => Value::I64(5),
        Kind::String => Value::String(text(field)),
        other => panic!("{}: {other:?}", field.full_name()),
    };
    if field.is_list() {
        return Value::List(vec![one]);
    }
    one
}

fn dynamic<M: Message + Name>(message: &M) -> DynamicMessage {
    let descriptor = POOL.get_message_by_name(&M::full_name()).unwrap();
    DynamicMessage::decode(descriptor, &*message.encode_to_vec()).unwrap()
}

/// A message with a value in every field; in the one that a path leads to only if `with` is set. Of
/// a oneof it has the field on the path.
fn whole(message: &MessageDescriptor, path: &[FieldDescriptor], with: bool) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let rest = match path {
            [first] if *first == field && !with => continue,
            [first, ..] if *first != field && shares_oneof(first, &field) => continue,
            [first, rest @ ..] if *first == field => rest,
            _ => &[],
        };
        let value = match parts(&field) {
            Some(inner) => {
                let inner = Value::Message(whole(&inner, rest, with));
                match field.is_list() {
                    true => Value::List(vec![inner]),
                    false => inner,
                }
            }
            None => value(&field),
        };
        made.set_field(&field, value);
    }
    made
}

fn shares_oneof(one: &FieldDescriptor, other: &FieldDescriptor) -> bool {
    let oneofs = one.containing_oneof().zip(other.containing_oneof());
    oneofs.is_some_and(|(one, other)| one == other)
}

/// Compares the fields that a conversion reads with those that the contract lets callers write.
fn check<M: Message + Name + Default, R: Debug>(
    checked: &mut BTreeSet<String>,
    read: impl Fn(M, &mut Violations) -> R,
) {
    let message = POOL.get_message_by_name(&M::full_name()).unwrap();
    let said = |path: &[FieldDescriptor], with: bool| {
        let made = whole(&message, path, with).encode_to_vec();
        let mut violations = Violations::new();
        let read = read(M::decode(&*made).unwrap(), &mut violations);
        format!("{read:?} {violations:?}")
    };
    // the service replaces a subject by its hash before any conversion
    let sealed = pb::principal::TokenSubject::full_name() + ".subject";
    for path in paths(&message) {
        if path.last().is_some_and(|field| field.full_name() == sealed) {
            continue;
        }
        let named: Vec<_> = path.iter().map(|field| field.name().to_owned()).collect();
        let settable = path.iter().all(is_settable);
        assert_eq!(
            said(&path, true) != said(&path, false),
            settable,
            "{}.{}: whether it is read, and whether it is not OUTPUT_ONLY",
            message.full_name(),
            named.join(".")
        );
    }
    checked.insert(message.full_name().to_owned());
}

#[test]
fn a_field_is_read_or_said_to_be_output_only() {
    let mut checked = BTreeSet::new();
    macro_rules! check {
        ($($message:path: $read:expr;)*) => {$(
            check::<$message, _>(&mut checked, $read);
        )*};
    }
    check! {
        pb::Agency: |it, violations| agencies::agency_fields(it, "it", violations);
        pb::ApiKey: |it, _| principals::api_key_fields(it);
        pb::Assessment: |it, _| assessments::assessment_fields(it);
        pb::DataFlow: |it, violations| data_flows::data_flow_fields(it, "it", violations);
        pb::Deployment: |it, _| deployments::deployment_fields(it);
        pb::Document: |it, _| documents::read_document(it);
        pb::Edition: |it, violations| editions::edition_fields(it, "it", violations);
        pb::Evidence: |it, _| documents::read_evidence(vec![it]);
        pb::Indicator: |it, violations| indicators::indicator_fields(it, "it", violations);
        pb::Milestone: |it, _| milestones::milestone_fields(it);
        pb::Period: |it, _| documents::read_period(it);
        pb::Plan: |it, violations| plans::plan_fields(it, "it", violations);
        pb::Platform: |it, violations| platforms::platform_fields(it, "it", violations);
        pb::Principal: |it, violations| principals::principal_fields(it, "it", violations);
        pb::Programme: |it, violations| programmes::programme_fields(it, "it", violations);
        pb::Recommendation: |it, violations| {
            recommendations::recommendation_fields(it, "it", violations)
        };
        pb::Report: |it, violations| reports::report_fields(it, "it", violations);
        pb::Task: |it, violations| tasks::task_fields(it, "it", violations);
    }
    check(&mut checked, |it: pb::Figure, violations| {
        let name = FigureName::from_id("a").unwrap();
        figures::figure_fields(it, name, "it", violations)
    });
    check(&mut checked, |it: pb::platform::Reinstatement, _| {
        platforms::reinstatement_fields(it)
    });
    check(&mut checked, |it: pb::Observation, violations| {
        observations::draft(it, &FieldPath::ROOT.field("it"), violations)
    });
    // a value, which is above
    checked.insert(pb::CreateObservationRequest::full_name());
    check(&mut checked, |it: pb::agency::Succession, violations| {
        agencies::succession_fields(it, "it", violations)
    });
    // a principal and a key, which are above
    checked.insert(pb::onboard_agency_request::Newcomer::full_name());
    check(&mut checked, |it: pb::platform::Exit, violations| {
        platforms::exit_fields(it, "it", violations)
    });
    // a mask of its own names what a rebaseline writes, which its own tests are about
    let rebaseline = pb::Rebaseline::full_name();
    let plan = PlanName::parse("platforms/a/plans/b").unwrap();
    let mut violations = Violations::new();
    baselines::rebaseline_fields(pb::Rebaseline::default(), plan, "it", &mut violations);
    checked.insert(rebaseline);

    let mut sent = BTreeSet::new();
    let methods = POOL
        .services()
        .flat_map(|it| it.methods().collect::<Vec<_>>());
    let requests = methods.map(|method| method.input());
    for request in requests.filter(|it| it.get_field_by_name("validate_only").is_some()) {
        for inner in request.fields().filter_map(|field| parts(&field)) {
            sent.insert(inner.full_name().to_owned());
        }
    }
    assert_eq!(checked, sent, "check every message that a write takes");
}
