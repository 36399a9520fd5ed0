//! Conversion of transcriptions to their wire form. Clients never write one.

use super::{documents::document, principals::person, values::write_timestamp};
use crate::pb;
use ndp_core::records::transcriptions::{Confirmation, Transcription};

/// That a record was transcribed.
pub(super) fn transcription(record: &Transcription) -> pb::Transcription {
    let Transcription {
        source,
        person: by,
        record_time,
        confirmation: confirmed,
    } = record;
    let (principal, actor) = person(by.as_ref());
    pb::Transcription {
        source: Some(document(source)),
        principal,
        actor,
        record_time: Some(write_timestamp(*record_time)),
        confirmation: confirmed.as_ref().map(confirmation),
    }
}

fn confirmation(record: &Confirmation) -> pb::transcription::Confirmation {
    let Confirmation {
        person: by,
        record_time,
    } = record;
    let (principal, actor) = person(by.as_ref());
    pb::transcription::Confirmation {
        principal,
        actor,
        record_time: Some(write_timestamp(*record_time)),
    }
}
