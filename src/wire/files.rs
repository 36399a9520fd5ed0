//! Conversion of stored files to their wire form.

use super::values::write_timestamp;
use crate::pb;
use ndp_core::time::Timestamp;

/// What is known of a file.
pub fn file(
    sha256: &str,
    media_type: &str,
    size_bytes: u64,
    scanned: bool,
    create_time: Timestamp,
) -> pb::StoredFile {
    pb::StoredFile {
        sha256: sha256.to_owned(),
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        media_type: media_type.to_owned(),
        uri: format!("/v1/files/{sha256}"),
        scanned,
        create_time: Some(write_timestamp(create_time)),
    }
}
