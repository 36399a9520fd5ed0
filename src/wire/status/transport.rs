//! Details on the errors that tonic makes before our code is reached: an unknown method, a
//! message that is too large or cannot be decoded. And the errors of the standard services.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use ndp_core::{messages::Protocol, reasons};

use super::protocol;

/// The status with a stable reason, where it is one of tonic's; `limit` is that of messages.
pub fn explained(status: &Status, limit: usize) -> Option<Status> {
    let message = status.message();
    let too_large = [
        "message length too large",
        "Error decompressing: size limit",
    ]
    .iter()
    .any(|it| message.contains(it));
    let refused = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted if too_large => {
            Protocol::MessageTooLarge { most: limit }
        }
        Code::Unimplemented if message.contains("compressed") => Protocol::CompressionUnsupported,
        Code::Unimplemented => Protocol::MethodUnknown,
        Code::Internal if message.contains("compressed-flag but no grpc-encoding") => {
            Protocol::CompressionUndeclared
        }
        Code::Internal if message.contains("invalid compression flag") => Protocol::FlagMalformed,
        Code::Internal if message.contains("Error decompressing") => Protocol::CompressionMalformed,
        Code::Internal if message.contains("Unexpected EOF") => Protocol::MessageCutOff,
        Code::Internal if message.contains("Missing request message") => Protocol::MessageMissing,
        Code::Internal if message.contains("decode") => Protocol::MessageUnreadable {
            problem: message.to_owned(),
        },
        _ => return None,
    };
    Some(protocol(&refused))
}

/// Whether a status refuses a message that is marked as compressed without saying how.
pub fn is_undeclared_compression(status: &Status) -> bool {
    let info = status.get_details_error_info();
    info.is_some_and(|info| info.reason == reasons::COMPRESSION_UNDECLARED.name())
}

/// Codes of errors within a stream, as reflection has them.
pub const INVALID_ARGUMENT: i32 = Code::InvalidArgument as i32;
/// See [`INVALID_ARGUMENT`].
pub const NOT_FOUND: i32 = Code::NotFound as i32;
