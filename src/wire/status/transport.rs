//! Details on the errors that tonic makes before our code is reached: an unknown method, a
//! message that is too large or cannot be decoded. And the errors of the standard services.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{message_too_large, refused};

/// The status with a stable reason, where it is one of tonic's; `limit` is that of messages.
pub fn explained(status: &Status, limit: usize) -> Option<Status> {
    let message = status.message();
    let too_large = [
        "message length too large",
        "Error decompressing: size limit",
    ]
    .iter()
    .any(|it| message.contains(it));
    Some(match status.code() {
        Code::OutOfRange | Code::ResourceExhausted if too_large => message_too_large(limit),
        Code::Unimplemented if message.contains("compressed") => refused(
            Code::Unimplemented,
            "COMPRESSION_UNSUPPORTED",
            "the message is compressed in a way that is not supported; use `gzip`, or send it as \
             it is",
            "thông điệp được nén theo cách không được hỗ trợ; hãy dùng `gzip` hoặc gửi không nén",
        ),
        Code::Unimplemented => refused(
            Code::Unimplemented,
            "METHOD_UNKNOWN",
            "there is no such method; `grpcurl -plaintext ADDRESS list` lists the services",
            "không có phương thức này; `grpcurl -plaintext ADDRESS list` liệt kê các dịch vụ",
        ),
        // The code is the one that gRPC's document on compression asks for.
        Code::Internal if message.contains("compressed-flag but no grpc-encoding") => refused(
            Code::Internal,
            COMPRESSION_UNDECLARED,
            "the message is marked as compressed, but `grpc-encoding` does not say how",
            "thông điệp được đánh dấu là đã nén nhưng `grpc-encoding` không cho biết cách nén",
        ),
        Code::Internal if message.contains("invalid compression flag") => refused(
            Code::InvalidArgument,
            "MESSAGE_MALFORMED",
            "the byte before a message's length must be 0, or 1 for a compressed one",
            "byte đứng trước độ dài thông điệp phải là 0, hoặc 1 nếu thông điệp được nén",
        ),
        Code::Internal if message.contains("Error decompressing") => refused(
            Code::InvalidArgument,
            "MESSAGE_MALFORMED",
            "the message is not compressed as `grpc-encoding` says, or is cut off",
            "thông điệp không được nén theo `grpc-encoding`, hoặc bị cắt cụt",
        ),
        Code::Internal if message.contains("Unexpected EOF") => refused(
            Code::InvalidArgument,
            "MESSAGE_MALFORMED",
            "the request ends within a message",
            "yêu cầu kết thúc giữa một thông điệp",
        ),
        Code::Internal if message.contains("Missing request message") => refused(
            Code::InvalidArgument,
            "MESSAGE_MISSING",
            "the request has no message; send one, which may be empty",
            "yêu cầu không có thông điệp; hãy gửi một thông điệp, có thể để trống",
        ),
        Code::Internal if message.contains("decode") => refused(
            Code::InvalidArgument,
            "MESSAGE_MALFORMED",
            &format!("the request cannot be read as the message that the method takes: {message}"),
            "không đọc được yêu cầu theo thông điệp mà phương thức nhận",
        ),
        _ => return None,
    })
}

const COMPRESSION_UNDECLARED: &str = "COMPRESSION_UNDECLARED";

/// Whether a status refuses a message that is marked as compressed without saying how.
pub fn is_undeclared_compression(status: &Status) -> bool {
    let info = status.get_details_error_info();
    info.is_some_and(|info| info.reason == COMPRESSION_UNDECLARED)
}

/// A request that ended before it was whole: the client reset it or hung up, or its framing is
/// wrong.
pub fn cut_off() -> Status {
    refused(
        Code::Cancelled,
        "BODY_INCOMPLETE",
        "the request did not arrive completely; send it again",
        "yêu cầu không đến đầy đủ; hãy gửi lại",
    )
}

/// A request that is not encoded as gRPC-Web.
pub fn web_malformed() -> Status {
    refused(
        Code::InvalidArgument,
        "MESSAGE_MALFORMED",
        "the request is not encoded as gRPC-Web; check its base64 and its frames",
        "yêu cầu không được mã hóa đúng theo gRPC-Web; hãy kiểm tra base64 và các khung",
    )
}

/// Codes of errors within a stream, as reflection has them.
pub const INVALID_ARGUMENT: i32 = Code::InvalidArgument as i32;
/// See [`INVALID_ARGUMENT`].
pub const NOT_FOUND: i32 = Code::NotFound as i32;

/// Health knows no such service.
pub fn service_unknown() -> Status {
    refused(
        Code::NotFound,
        "SERVICE_UNKNOWN",
        "there is no such service; leave `service` empty to ask about the whole server",
        "không có dịch vụ này; hãy để trống `service` để hỏi về toàn bộ máy chủ",
    )
}

/// A stream of requests had as many as it may.
pub fn too_many_requests(most: u32) -> Status {
    refused(
        Code::ResourceExhausted,
        "TOO_MANY_REQUESTS",
        &format!("a stream has at most {most} requests; open another"),
        &format!("mỗi luồng có tối đa {most} yêu cầu; hãy mở luồng khác"),
    )
}
