//! Conversion of undoings to their wire form. Clients never write one.

use super::{principals::person, values::write_timestamp};
use crate::pb;
use ndp_core::records::undoings::Undoing;

/// That something was taken back.
pub(super) fn undoing(record: &Undoing) -> pb::Undoing {
    let Undoing {
        person: by,
        record_time,
        reason,
    } = record;
    let (principal, actor) = person(by.as_ref());
    pb::Undoing {
        principal,
        actor,
        record_time: Some(write_timestamp(*record_time)),
        reason: reason.clone(),
    }
}
