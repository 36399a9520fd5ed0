//! Details on the errors that tonic makes before our code is reached: an unknown method, a
//! message that is too large or cannot be decoded. Every error a client sees has a stable reason.

use http::Response;
use tonic::{Code, Status};

use crate::{
    service::REQUEST_BYTES_MAX,
    wire::status::{message_too_large, refused},
};

/// The response as it is, or, where it is an error without details, with them.
pub fn explain<R: Default>(response: Response<R>) -> Response<R> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    if status.code() == Code::Ok || !status.details().is_empty() {
        return response;
    }
    match explained(&status) {
        Some(explained) => explained.into_http(),
        None => response,
    }
}

fn explained(status: &Status) -> Option<Status> {
    let message = status.message();
    let too_large = message.contains("message length too large");
    Some(match status.code() {
        Code::OutOfRange | Code::ResourceExhausted if too_large => {
            message_too_large(REQUEST_BYTES_MAX)
        }
        Code::Unimplemented if message.contains("compressed") => refused(
            Code::Unimplemented,
            "COMPRESSION_UNSUPPORTED",
            "the message is compressed, which is not supported; send it as it is",
            "thông điệp đã được nén, máy chủ không hỗ trợ; hãy gửi không nén",
        ),
        Code::Unimplemented => refused(
            Code::Unimplemented,
            "METHOD_UNKNOWN",
            "there is no such method; `grpcurl -plaintext ADDRESS list` shows those there are",
            "không có phương thức này; `grpcurl -plaintext ADDRESS list` liệt kê các phương thức",
        ),
        Code::Internal if message.contains("decode") => refused(
            Code::InvalidArgument,
            "MESSAGE_MALFORMED",
            &format!("the request is not the message that the method takes: {message}"),
            "yêu cầu không phải thông điệp mà phương thức nhận",
        ),
        _ => return None,
    })
}
