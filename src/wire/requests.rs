//! The parts that requests of many methods share: names, ids, views, request ids, and the revision
//! or time of a read. Each function names the field it reads, and fails with [`Error::Invalid`]
//! there. `validate` usually reports the same violations first.

use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use super::values::read_text as text;
use super::{
    validate::FieldPath,
    values::{ID, name_form, read_name, read_timestamp},
};
use crate::pb;
use ndp_core::{
    change::{At, RequestId},
    error::{Error, Violations},
    messages::Rule,
    names::{ResourceName, Revision},
};

/// How much of each record an answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// What the view's comment in the proto lists.
    Basic,
    /// Everything the caller may see.
    Full,
}

// === names and ids ===

/// A required resource name.
pub fn name<N: ResourceName>(name: &str, field: &str) -> Result<N, Error> {
    let mut violations = Violations::new();
    let read = read_name(name, &FieldPath::ROOT.field(field), &mut violations);
    read.ok_or(Error::Invalid(violations))
}

/// A resource name that may be empty.
pub fn optional_name<N: ResourceName>(name: &str, field: &str) -> Result<Option<N>, Error> {
    if name.is_empty() {
        Ok(None)
    } else {
        self::name(name, field).map(Some)
    }
}

/// The resource names of a batch. Every invalid one gives a violation.
pub fn names<N: ResourceName>(names: &[String], field: &str) -> Result<Vec<N>, Error> {
    let mut violations = Violations::new();
    let path = FieldPath::ROOT.field(field);
    let read = names
        .iter()
        .enumerate()
        .filter_map(|(index, name)| read_name(name, &path.item(index), &mut violations))
        .collect();
    violations.into_result().map(|()| read)
}

/// A parent, or `None` for every parent, written `platforms/-` (AIP-159).
pub fn parent<N: ResourceName>(name: &str, field: &str) -> Result<Option<N>, Error> {
    if name.strip_prefix(N::COLLECTION) == Some("/-") {
        Ok(None)
    } else {
        self::name(name, field).map(Some)
    }
}

/// The name that a client's id gives a new resource: `new_name(&id, "agency_id",
/// AgencyName::from_id)`.
pub fn new_name<N>(
    id: &str,
    field: &str,
    from_id: impl FnOnce(&str) -> Option<N>,
) -> Result<N, Error> {
    from_id(id).ok_or_else(|| Error::invalid(field, name_form(ID)))
}

/// The same where the registry chooses an id for an empty one.
pub fn optional_new_name<N>(
    id: &str,
    field: &str,
    from_id: impl FnOnce(&str) -> Option<N>,
) -> Result<Option<N>, Error> {
    if id.is_empty() {
        Ok(None)
    } else {
        new_name(id, field, from_id).map(Some)
    }
}

/// The etag that was read; `None` for any.
pub fn etag(etag: String) -> Option<String> {
    (!etag.is_empty()).then_some(etag)
}

// === views ===

/// The view in field `view`; `default` where it is not set. The contract has no other numbers.
pub fn platform_view(number: i32, default: View) -> View {
    match pb::PlatformView::try_from(number) {
        Ok(pb::PlatformView::Basic) => View::Basic,
        Ok(pb::PlatformView::Full) => View::Full,
        Ok(pb::PlatformView::Unspecified) | Err(_) => default,
    }
}

/// The view in field `view`; `default` where it is not set. The contract has no other numbers.
pub fn plan_view(number: i32, default: View) -> View {
    match pb::PlanView::try_from(number) {
        Ok(pb::PlanView::Basic) => View::Basic,
        Ok(pb::PlanView::Full) => View::Full,
        Ok(pb::PlanView::Unspecified) | Err(_) => default,
    }
}

// === request ids ===

/// The request id of a call of `method` with the whole request `message`; `None` where the caller
/// gave none. `id` is its field.
///
/// The digest is SHA-256 over the method, a zero byte and the re-encoded message. The same
/// fields give the same bytes, because maps are ordered and unknown fields are dropped. An id in
/// upper case is the same id, so the message gets it in lower case first.
pub fn request_id<M: Message>(
    method: &str,
    message: &mut M,
    id: fn(&mut M) -> &mut String,
) -> Result<Option<RequestId>, Error> {
    let given = id(message);
    if given.is_empty() {
        return Ok(None);
    }
    // a nil id means that the client did not generate one
    let Some(uuid) = Uuid::try_parse(given).ok().filter(|id| !id.is_nil()) else {
        return Err(Error::invalid("request_id", Rule::NotAUuid));
    };
    given.make_ascii_lowercase();
    let digest = Sha256::new()
        .chain_update(method)
        .chain_update([0])
        .chain_update(message.encode_to_vec())
        .finalize();
    Ok(Some(RequestId {
        id: uuid,
        digest: digest.into(),
    }))
}

// === as of when ===

/// The revision or time as of which a read answers.
pub fn read_at(read_revision: i64, read_time: Option<prost_types::Timestamp>) -> Result<At, Error> {
    let Some(time) = read_time else {
        let revision = Revision::new(read_revision).unwrap_or_default();
        return Ok(if revision == Revision::ZERO {
            At::Now
        } else {
            At::Revision(revision)
        });
    };
    let mut violations = Violations::new();
    if read_revision != 0 {
        violations.add("read_time", Rule::ReadTwice);
    }
    violations.into_result()?;
    Ok(read_timestamp(Some(time)).map_or(At::Now, At::Time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndp_core::{
        names::{EditionName, PlanName, PlatformName},
        time::Timestamp,
    };

    fn reported<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
        match result.unwrap_err() {
            Error::Invalid(violations) => violations
                .iter()
                .map(|violation| format!("{} {}", violation.field, violation.rule.reason()))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_and_parents_are_read() {
        let platform = PlatformName::parse("platforms/ndp-001").unwrap();
        assert_eq!(
            name::<PlatformName>("platforms/ndp-001", "name").unwrap(),
            platform
        );
        assert_eq!(
            parent::<PlatformName>("platforms/-", "parent").unwrap(),
            None
        );
        assert_eq!(
            parent("platforms/ndp-001", "parent").unwrap(),
            Some(platform)
        );
        assert_eq!(optional_name::<EditionName>("", "edition").unwrap(), None);
        for wrong in ["", "platforms/", "platforms/--", "editions/-", "-"] {
            assert!(parent::<PlatformName>(wrong, "parent").is_err(), "{wrong}");
        }
        let batch = ["platforms/a", "platforms/", "plans/x"].map(str::to_owned);
        assert_eq!(
            reported(names::<PlatformName>(&batch, "names")),
            ["names[1] PATTERN", "names[2] PATTERN"]
        );
    }

    #[test]
    fn ids_give_names() {
        let platform = PlatformName::parse("platforms/ndp-001").unwrap();
        let plan = |id| optional_new_name(id, "plan_id", |id| PlanName::from_id(&platform, id));
        assert_eq!(plan("").unwrap(), None);
        assert_eq!(
            plan("2026").unwrap().unwrap().as_str(),
            "platforms/ndp-001/plans/2026"
        );
        assert_eq!(reported(plan("A")), ["plan_id PATTERN"]);
        assert_eq!(
            reported(new_name("", "edition_id", EditionName::from_id)),
            ["edition_id PATTERN"]
        );
    }

    #[test]
    fn views_have_a_default() {
        assert_eq!(platform_view(0, View::Full), View::Full);
        assert_eq!(platform_view(1, View::Full), View::Basic);
        assert_eq!(plan_view(2, View::Basic), View::Full);
    }

    #[test]
    fn a_request_id_covers_method_and_message() {
        const ID: &str = "123e4567-e89b-42d3-a456-426614174000";
        let message = pb::RevokeApiKeyRequest {
            name: "principals/p/apiKeys/k".to_owned(),
            request_id: ID.to_owned(),
            ..Default::default()
        };
        let other = pb::RevokeApiKeyRequest {
            reason: "mất khóa".to_owned(),
            ..message.clone()
        };
        let read = |method, message: &pb::RevokeApiKeyRequest| {
            request_id(method, &mut message.clone(), |message| {
                &mut message.request_id
            })
        };
        let first = read("RevokeApiKey", &message).unwrap().unwrap();
        assert_eq!(read("RevokeApiKey", &message).unwrap().unwrap(), first);
        assert_eq!(first.id.to_string(), ID);
        for (method, message) in [("RevokeApiKey", &other), ("RevokeApiKe", &message)] {
            let another = read(method, message).unwrap().unwrap();
            assert_ne!(first.digest, another.digest);
        }
        let with = |id: &str| pb::RevokeApiKeyRequest {
            request_id: id.to_owned(),
            ..message.clone()
        };
        let upper = read("RevokeApiKey", &with(&ID.to_uppercase()));
        assert_eq!(upper.unwrap().unwrap(), first);
        assert_eq!(read("RevokeApiKey", &with("")).unwrap(), None);
        let nil = with("00000000-0000-0000-0000-000000000000");
        assert_eq!(
            reported(read("RevokeApiKey", &nil)),
            ["request_id NOT_A_UUID"]
        );
    }

    #[test]
    fn a_read_is_of_now_a_revision_or_a_time() {
        assert_eq!(read_at(0, None).unwrap(), At::Now);
        assert_eq!(
            read_at(7, None).unwrap(),
            At::Revision(Revision::new(7).unwrap())
        );
        let time = prost_types::Timestamp {
            seconds: 1,
            nanos: 0,
        };
        assert_eq!(
            read_at(0, Some(time)).unwrap(),
            At::Time(Timestamp::from_micros(1_000_000).unwrap())
        );
        assert_eq!(reported(read_at(7, Some(time))), ["read_time NOT_ALLOWED"]);
    }
}
