//! Synthetic records that are valid, callers that write them, and what an answer says of itself.

use ndp_core::records::principals::Role;
use ndp_registry::pb;
use tonic::{Code, Status, metadata::MetadataMap};
use tonic_types::StatusExt;

use crate::harness::{
    plans::{DECISION_DAY, document},
    server::{Clients, Server},
};

/// A synthetic decision of the day before the clock's.
pub(crate) fn decision(symbol: &str) -> pb::Document {
    document(symbol, DECISION_DAY)
}

pub(crate) fn date(year: i32, month: i32, day: i32) -> pb::Date {
    pb::Date { year, month, day }
}

/// A synthetic agency.
pub(crate) fn agency(display_name: &str) -> pb::Agency {
    pb::Agency {
        display_name: display_name.into(),
        kind: pb::agency::Kind::Other.into(),
        ..Default::default()
    }
}

/// A synthetic edition.
pub(crate) fn edition(symbol: &str) -> pb::Edition {
    pb::Edition {
        display_name: "Danh mục thử nghiệm (synthetic)".into(),
        decision: Some(decision(symbol)),
        declared_platform_count: 3,
        ..Default::default()
    }
}

/// A synthetic platform.
pub(crate) fn platform(display_name: &str) -> pb::Platform {
    pb::Platform {
        display_name: display_name.into(),
        verification: pb::platform::Verification::Verified.into(),
        ..Default::default()
    }
}

/// A synthetic place in an edition.
pub(crate) fn listing(edition: &str, display_name: &str) -> pb::platform::Listing {
    pb::platform::Listing {
        edition: edition.into(),
        display_name: display_name.into(),
        ..Default::default()
    }
}

/// Who governs a platform, from a day on or from the beginning.
pub(crate) fn governance(agency: &str, start_date: Option<pb::Date>) -> pb::platform::Governance {
    pb::platform::Governance {
        agency: format!("agencies/{agency}"),
        start_date,
        ..Default::default()
    }
}

pub(crate) fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask {
        paths: paths.iter().map(|&path| path.into()).collect(),
    })
}

/// A steward of this id, with a key.
pub(crate) async fn steward(server: &Server, id: &str) -> Clients {
    server.clients(server.person(id, &[Role::Steward], None).await)
}

/// An editor of the agency `agencies/{agency}`, with a key.
pub(crate) async fn editor(server: &Server, id: &str, agency: &str) -> Clients {
    let roles = [Role::AgencyEditor];
    server.clients(server.person(id, &roles, Some(agency)).await)
}

/// Writes a platform under this id; the next number where it is empty.
pub(crate) async fn create(clients: &mut Clients, id: &str, it: pb::Platform) -> pb::Platform {
    let request = pb::CreatePlatformRequest {
        platform: Some(it),
        platform_id: id.into(),
        ..Default::default()
    };
    let created = clients.catalogue.create_platform(request).await;
    created.unwrap().into_inner()
}

/// Reads a platform whole.
pub(crate) async fn get(clients: &mut Clients, name: &str) -> pb::Platform {
    let request = pb::GetPlatformRequest {
        name: name.into(),
        ..Default::default()
    };
    let got = clients.catalogue.get_platform(request).await;
    got.unwrap().into_inner()
}

// === what an answer says ===

/// The revision in `ndp-revision`.
pub(crate) fn revision(metadata: &MetadataMap) -> i64 {
    let revision = metadata.get("ndp-revision").expect("no `ndp-revision`");
    revision.to_str().unwrap().parse().unwrap()
}

/// Code and stable reason, as `Aborted ETAG_NOT_CURRENT`; every error has both, words in
/// Vietnamese and the revision it was decided at.
pub(crate) fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().expect("no ErrorInfo");
    let localized = details.localized_message().expect("no LocalizedMessage");
    assert_eq!(localized.locale, "vi");
    assert!(!localized.message.is_empty() && !status.message().is_empty());
    revision(status.metadata());
    format!("{:?} {}", status.code(), info.reason)
}

/// The fields of a bad request with their reasons, as `platform.labels TOO_MANY_ITEMS`.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    reason(status);
    let details = status.get_error_details();
    let bad = details.bad_request().expect("no BadRequest");
    bad.field_violations
        .iter()
        .map(|it| format!("{} {}", it.field, it.reason))
        .collect()
}
