//! Details on the errors that tonic makes before our code is reached: an unknown method, a
//! message that is too large or cannot be decoded. Every error a client sees has a stable reason.

use http::Response;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::service::REQUEST_BYTES_MAX;

/// The domain of the reasons in ErrorInfo.
const DOMAIN: &str = "ndp.registry";

/// The response as it is, or, where it is an error without details, with them.
pub fn explain<R: Default>(response: Response<R>) -> Response<R> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    if status.code() == Code::Ok || !status.details().is_empty() {
        return response;
    }
    let Some((code, reason, english, vietnamese)) = explanation(&status) else {
        return response;
    };
    let mut details = ErrorDetails::new();
    details
        .set_error_info(reason, DOMAIN, std::collections::HashMap::new())
        .set_localized_message("vi", vietnamese);
    Status::with_error_details(code, english, details).into_http()
}

fn explanation(status: &Status) -> Option<(Code, &'static str, String, String)> {
    let message = status.message();
    let too_large = message.contains("message length too large");
    Some(match status.code() {
        // tonic says OUT_OF_RANGE; the gRPC specification says RESOURCE_EXHAUSTED.
        Code::OutOfRange | Code::ResourceExhausted if too_large => (
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
            format!("the message is larger than {REQUEST_BYTES_MAX} bytes; send less in one call"),
            format!(
                "thông điệp lớn hơn {REQUEST_BYTES_MAX} byte; hãy gửi ít hơn trong một lần gọi"
            ),
        ),
        Code::Unimplemented if message.contains("compressed") => (
            Code::Unimplemented,
            "COMPRESSION_UNSUPPORTED",
            "the message is compressed, which is not supported; send it as it is".to_owned(),
            "thông điệp đã được nén, máy chủ không hỗ trợ; hãy gửi không nén".to_owned(),
        ),
        Code::Unimplemented => (
            Code::Unimplemented,
            "METHOD_UNKNOWN",
            "there is no such method; `grpcurl -plaintext ADDRESS list` shows those there are"
                .to_owned(),
            "không có phương thức này; `grpcurl -plaintext ADDRESS list` liệt kê các phương thức"
                .to_owned(),
        ),
        Code::Internal if message.contains("decode") => (
            Code::InvalidArgument,
            "MESSAGE_MALFORMED",
            format!("the request is not the message that the method takes: {message}"),
            "yêu cầu không phải thông điệp mà phương thức nhận".to_owned(),
        ),
        _ => return None,
    })
}
