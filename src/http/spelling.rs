//! Field paths in errors, converted to the names of JSON, such as `plan.leadUnit`.
//!
//! The methods report errors in the names of the protos, which gRPC uses. This module converts
//! every error that is sent as JSON: the field of each violation, and the fields of the request
//! and of other messages of its package that the texts name. The descriptors define which words
//! are fields.

use prost_reflect::{Kind, MessageDescriptor};
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

/// Fields whose values use the names of the protos in both protocols (AIP-132, AIP-160). Texts
/// about them keep these names.
const IN_PROTO_NAMES: [&str; 2] = ["filter", "order_by"];

/// The status of a call with this request, in the names of JSON.
pub(super) fn status(status: &Status, request: &MessageDescriptor) -> Status {
    let mut details = status.get_error_details();
    let package = request.package_name();
    let all = request.parent_pool().all_messages();
    let all = all.filter(|it| it.package_name() == package);
    let scopes: Vec<_> = std::iter::once(request.clone()).chain(all).collect();
    let mut message = status.message().to_owned();
    let mut about_names = false;
    let mut localized = details.localized_message().map(|it| it.message.clone());
    if let Some(bad) = details.bad_request().cloned() {
        let mut violations = bad.field_violations;
        for one in &mut violations {
            let in_names = IN_PROTO_NAMES.contains(&one.field.as_str());
            about_names |= in_names;
            if let Some(field) = path(request, &one.field) {
                // in the texts that sum up all violations, each starts with its field
                let (from, to) = (format!("`{}`:", one.field), format!("`{field}`:"));
                message = message.replace(&from, &to);
                localized = localized.map(|text| text.replace(&from, &to));
                one.field = field;
            }
            if !in_names {
                one.description = words(&one.description, &scopes);
                if let Some(text) = &mut one.localized_message {
                    text.message = words(&text.message, &scopes);
                }
            }
        }
        details.set_bad_request(violations);
    }
    if !about_names {
        message = words(&message, &scopes);
        localized = localized.map(|text| words(&text, &scopes));
    }
    if let (Some(text), Some(message)) = (localized, details.localized_message().cloned()) {
        details.set_localized_message(message.locale, text);
    }
    if let Some(info) = details.error_info().cloned() {
        let mut metadata = info.metadata;
        if let Some(field) = metadata.get_mut("field")
            && let Some(spelled) = path(request, field)
        {
            *field = spelled;
        }
        details.set_error_info(info.reason, info.domain, metadata);
    }
    if let Some(failure) = details.precondition_failure().cloned() {
        let mut violations = failure.violations;
        for one in &mut violations {
            one.description = words(&one.description, &scopes);
        }
        details.set_precondition_failure(violations);
    }
    rebuilt(status, message, details)
}

fn rebuilt(status: &Status, message: String, details: ErrorDetails) -> Status {
    if status.details().is_empty() {
        return Status::new(status.code(), message);
    }
    Status::with_error_details(status.code(), message, details)
}

/// The path of a field in the names of JSON, from either spelling; `None` if it is not a field.
pub(super) fn path(message: &MessageDescriptor, path: &str) -> Option<String> {
    let mut spelled = String::with_capacity(path.len());
    let mut message = Some(message.clone());
    let mut rest = path;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let inside = message.take()?;
        let field = inside.get_field_by_name(name);
        let field = field.or_else(|| inside.get_field_by_json_name(name))?;
        spelled.push_str(field.json_name());
        message = match field.kind() {
            Kind::Message(entry) if field.is_map() => own(&entry.map_entry_value_field().kind()),
            kind => own(&kind),
        };
        rest = after;
        if rest.starts_with('[') {
            // a key may have brackets and dots itself
            let end = match rest.starts_with("[\"") {
                true => rest.rfind("\"]").map(|at| at + 2)?,
                false => rest.find(']').map(|at| at + 1)?,
            };
            let (place, after) = rest.split_at(end);
            spelled.push_str(place);
            rest = after;
        }
        if rest.is_empty() {
            return Some(spelled);
        }
        rest = rest.strip_prefix('.')?;
        spelled.push('.');
    }
}

/// The message of a field, if JSON shows its fields.
fn own(kind: &Kind) -> Option<MessageDescriptor> {
    let message = kind.as_message()?;
    (message.package_name() != "google.protobuf").then(|| message.clone())
}

/// The text with the fields of these messages in the names of JSON.
fn words(text: &str, scopes: &[MessageDescriptor]) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|it| !is_word(it)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // a word without an underscore is the same in both spellings
        let found = word.contains('_').then(|| {
            let mut found = scopes.iter().filter_map(|scope| path(scope, word));
            found.next()
        });
        match found.flatten() {
            Some(found) => spelled.push_str(&found),
            None => spelled.push_str(word),
        }
        let next = after.find(is_word).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        spelled.push_str(between);
        rest = after;
    }
    spelled
}

/// Whether the character belongs to a path, or to a resource name such as `agencies/bo-y-te`.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '[' | ']' | '-' | '/')
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::wire;
    use ndp_core::{error::Error, messages::Rule};

    fn message(name: &str) -> MessageDescriptor {
        let pool = DescriptorPool::decode(crate::pb::FILE_DESCRIPTOR_SET).unwrap();
        let name = format!("ndp.registry.v1.{name}");
        pool.get_message_by_name(&name).unwrap()
    }

    #[test]
    fn paths_are_spelled_by_their_descriptor() {
        let update = message("UpdatePlanRequest");
        for (from, to) in [
            ("update_mask", Some("updateMask")),
            ("plan.lead_unit", Some("plan.leadUnit")),
            ("plan.leadUnit", Some("plan.leadUnit")),
            ("plan.budget.price_year", Some("plan.budget.priceYear")),
            (
                "plan.coordinating_agencies[3]",
                Some("plan.coordinatingAgencies[3]"),
            ),
            ("plan.no_such", None),
            ("plan.lead_unit.below", None),
            ("grpc-timeout", None),
            ("", None),
        ] {
            assert_eq!(path(&update, from).as_deref(), to, "{from}");
        }
        let platform = message("UpdatePlatformRequest");
        let labels = r#"platform.labels["a.b_c]"]"#;
        assert_eq!(path(&platform, labels).as_deref(), Some(labels));
    }

    #[test]
    fn whatever_an_error_names_of_the_request_is_spelled() {
        let rule = Rule::OneOfMissing {
            names: "`governing_agency`, `agency_editor`, `a/lead_unit`".to_owned(),
        };
        let error = Error::invalid("plan.lead_unit", rule);
        let refused = status(&wire::status::status(error), &message("UpdatePlanRequest"));
        let expected = "`plan.leadUnit`: one of `governingAgency`, `agency_editor`, \
            `a/lead_unit` is required; set it";
        assert_eq!(refused.message(), expected);
        let details = refused.get_error_details();
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!(violation.field, "plan.leadUnit");
        assert_eq!(
            violation.description,
            &expected["`plan.leadUnit`: ".len()..]
        );
        let vietnamese = violation.localized_message.as_ref().unwrap();
        let expected = "phải điền một trong: `governingAgency`, `agency_editor`, `a/lead_unit`";
        assert_eq!(vietnamese.message, expected);
        let vietnamese = details.localized_message().unwrap();
        assert_eq!(vietnamese.message, format!("`plan.leadUnit`: {expected}"));
    }

    /// A filter and an order are written in the names of the protos, and so is what they lack.
    #[test]
    fn what_is_said_about_a_filter_stays_in_the_names_it_takes() {
        for field in IN_PROTO_NAMES {
            let names = "`page_size`".to_owned();
            let error = Error::invalid(field, Rule::OneOfMissing { names });
            let refused = status(&wire::status::status(error), &message("ListPlansRequest"));
            assert!(refused.message().contains("`page_size`"), "{refused:?}");
            let details = refused.get_error_details();
            let violation = &details.bad_request().unwrap().field_violations[0];
            assert_eq!(
                violation.description,
                "one of `page_size` is required; set it"
            );
            let expected = if field == "filter" {
                "filter"
            } else {
                "orderBy"
            };
            assert_eq!(violation.field, expected);
        }
    }
}
