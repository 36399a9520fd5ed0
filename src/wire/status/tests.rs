//! Every kind of error as a client reads it, and that none is too long for its trailers.

use std::{
    fmt::Write as _,
    io,
    sync::{Arc, Mutex},
};

use super::*;
use ndp_core::{
    messages::{Condition, Unauthenticated, Unavailable},
    names::{ApiKeyName, PlanName, PlatformName, ResourceName as _, Revision},
    reasons::{self, Location},
};

const INCIDENT: Uuid = Uuid::from_u128(0x123e4567_e89b_42d3_a456_426614174000);

fn status_of(error: Error) -> Status {
    explain(error, || INCIDENT)
}

/// The code with a name of google.rpc.Code.
fn named(name: &str) -> Code {
    let code = (0..=16).map(Code::from);
    let spelled =
        |code: &Code| heck::ToShoutySnakeCase::to_shouty_snake_case(&*format!("{code:?}"));
    code.into_iter().find(|code| spelled(code) == name).unwrap()
}

/// One of every variant, and of every fixed text.
fn every_error() -> Vec<Error> {
    let mut errors = vec![
        Error::invalid(
            "plan.budget.price_year",
            Rule::NotBetween {
                min: "1990".to_owned(),
                max: "2100".to_owned(),
                is: "7".to_owned(),
            },
        ),
        Error::NotFound {
            kind: PlatformName::KIND,
            name: "platforms/ndp-001".to_owned(),
        },
        Error::AlreadyExists {
            kind: ApiKeyName::KIND,
            name: "principals/p/apiKeys/k".to_owned(),
        },
        Error::Stale {
            kind: PlanName::KIND,
            name: "platforms/ndp-001/plans/2026".to_owned(),
            etag: "r7".to_owned(),
        },
        Error::refused("platforms/ndp-001/plans/2026", Condition::PlanIsFrozen),
        Error::RequestIdReused {
            request_id: INCIDENT.to_string(),
        },
        Error::Denied {
            action: "IssuePlan",
            needs: "an `ROLE_AGENCY_APPROVER` of `agencies/bo-y-te`".to_owned(),
            needs_vi: "vai trò `ROLE_AGENCY_APPROVER` của `agencies/bo-y-te`".to_owned(),
        },
        Error::CrossSite,
        Error::Stalled { seconds: 60 },
        Error::out_of_range(
            "read_revision",
            Rule::AfterNewest {
                newest: Revision::new(7).unwrap(),
            },
        ),
        Error::Bug("while applying revision 7: no such column: x".into()),
    ];
    for why in [
        Unauthenticated::Missing,
        Unauthenticated::KeyExpired,
        Unauthenticated::KeyRevoked,
        Unauthenticated::FeedKey,
        Unauthenticated::NotFeedKey,
        Unauthenticated::PrincipalDisabled,
        Unauthenticated::PrincipalMoved,
        Unauthenticated::CertificateAmbiguous,
        Unauthenticated::CertificateExpired,
        Unauthenticated::IdentityRemoved,
        Unauthenticated::TokenExpired,
        Unauthenticated::TokenNotYetValid,
        Unauthenticated::TokenMalformed,
        Unauthenticated::TokenTooLong { most: 8192 },
        Unauthenticated::TokenIssuer,
        Unauthenticated::TokenAudience,
        Unauthenticated::TokenAlgorithm,
        Unauthenticated::TokenKey,
        Unauthenticated::TokenSignature,
        Unauthenticated::Session,
        Unauthenticated::SignInUnknown,
        Unauthenticated::SignInAnswer,
        Unauthenticated::SignInCode,
        Unauthenticated::SignInRefused,
        Unauthenticated::Invalid,
    ] {
        errors.push(Error::Unauthenticated(why));
    }
    for why in [
        Unavailable::ClockBehindLog,
        Unavailable::ClockJumped,
        Unavailable::CredentialsNotChecked,
        Unavailable::FileNotScanned,
        Unavailable::Files,
        Unavailable::IssuerKeys,
        Unavailable::IssuerAnswer,
        Unavailable::OutcomeUnknown,
        Unavailable::RevisionNotReached,
        Unavailable::ShuttingDown,
        Unavailable::Store,
    ] {
        errors.push(Error::Unavailable(why));
    }
    for limit in Limit::ALL {
        for scope in [Scope::All, Scope::Caller] {
            let most = 60;
            errors.push(Error::Exhausted { limit, scope, most });
        }
    }
    errors.push(Error::DeadlineExceeded {
        given: Duration::from_millis(250),
    });
    errors
}

#[test]
fn every_error_has_its_code_reason_and_vietnamese() {
    let mut golden = String::new();
    for error in every_error() {
        let status = status_of(error);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        let localized = details.localized_message().unwrap();
        assert_eq!(info.domain, "ndp.registry");
        let reason = reasons::ALL.iter().find(|it| it.name() == info.reason);
        if let Location::Code(code) = reason.unwrap().location() {
            assert_eq!(status.code(), named(code), "{}", info.reason);
        }
        assert_eq!(localized.locale, "vi");
        let _ = writeln!(golden, "{:?} {}", status.code(), info.reason);
        let _ = writeln!(golden, "  en {}", status.message());
        let _ = writeln!(golden, "  vi {}", localized.message);
        let mut metadata: Vec<_> = info.metadata.iter().collect();
        metadata.sort();
        for (key, value) in metadata {
            let _ = writeln!(golden, "  {key} = {value}");
        }
    }
    insta::assert_snapshot!(golden, @r"
    InvalidArgument INVALID_REQUEST
      en `plan.budget.price_year`: must be from 1990 to 2100, is 7
      vi `plan.budget.price_year`: phải từ 1990 đến 2100, hiện là 7
      violation_count = 1
    NotFound RESOURCE_NOT_FOUND
      en platform `platforms/ndp-001` was not found
      vi không tìm thấy nền tảng `platforms/ndp-001`
      resource = platforms/ndp-001
    AlreadyExists RESOURCE_ALREADY_EXISTS
      en API key `principals/p/apiKeys/k` already exists
      vi khóa API `principals/p/apiKeys/k` đã tồn tại
      resource = principals/p/apiKeys/k
    Aborted ETAG_NOT_CURRENT
      en plan `platforms/ndp-001/plans/2026` has changed since its etag was read; read it again
      vi kế hoạch `platforms/ndp-001/plans/2026` đã thay đổi kể từ khi etag được đọc; hãy đọc lại
      etag = r7
      resource = platforms/ndp-001/plans/2026
    FailedPrecondition PLAN_IS_FROZEN
      en the plan is SUBMITTED and cannot be changed; use ReturnPlan to send it back for changes
      vi kế hoạch đã trình nên không sửa được; hãy dùng ReturnPlan để trả lại
      resource = platforms/ndp-001/plans/2026
    InvalidArgument REQUEST_ID_REUSED
      en request id `123e4567-e89b-42d3-a456-426614174000` was used for another request; use a new one
      vi mã yêu cầu `123e4567-e89b-42d3-a456-426614174000` đã dùng cho một yêu cầu khác; hãy dùng mã mới
      request_id = 123e4567-e89b-42d3-a456-426614174000
    PermissionDenied PERMISSION_DENIED
      en `IssuePlan` requires an `ROLE_AGENCY_APPROVER` of `agencies/bo-y-te`
      vi `IssuePlan` cần vai trò `ROLE_AGENCY_APPROVER` của `agencies/bo-y-te`
      action = IssuePlan
      needs = an `ROLE_AGENCY_APPROVER` of `agencies/bo-y-te`
    PermissionDenied CROSS_SITE_REQUEST
      en a signed-in browser sent this from a page of another site; send it from a page of this registry, or with an API key
      vi yêu cầu này do trang của một trang mạng khác gửi qua trình duyệt đã đăng nhập; hãy gửi từ trang của hệ thống này hoặc dùng khóa API
    ResourceExhausted READER_STALLED
      en the client read nothing from this stream for 60 s; resume after the last revision received
      vi bên gọi không đọc luồng này trong 60 giây; hãy tiếp tục sau phiên bản cuối cùng đã nhận
    OutOfRange OUT_OF_RANGE
      en `read_revision`: must be at most 7, the newest revision
      vi `read_revision`: không được quá 7 là phiên bản mới nhất
      field = read_revision
    Internal INTERNAL
      en internal error; report it with the incident id `123e4567-e89b-42d3-a456-426614174000`
      vi lỗi nội bộ; hãy báo lỗi kèm mã sự cố `123e4567-e89b-42d3-a456-426614174000`
      incident = 123e4567-e89b-42d3-a456-426614174000
    Unauthenticated CREDENTIALS_MISSING
      en this method needs an API key: send metadata `authorization: Bearer <key>`
      vi phương thức này cần khóa API: hãy gửi metadata `authorization: Bearer <khóa>`
    Unauthenticated KEY_EXPIRED
      en the API key has expired; create a new one
      vi khóa API đã hết hạn; hãy tạo khóa mới
    Unauthenticated KEY_REVOKED
      en the API key was revoked; create a new one
      vi khóa API đã bị thu hồi; hãy tạo khóa mới
    Unauthenticated KEY_FOR_FEEDS_ONLY
      en this API key opens feeds only, as the parameter `key`; use another one here
      vi khóa API này chỉ dùng để mở nguồn tin, qua tham số `key`; hãy dùng khóa khác
    Unauthenticated KEY_NOT_FOR_FEEDS
      en this API key does not open feeds; create one with `feed` set, which opens nothing else
      vi khóa API này không mở được nguồn tin; hãy tạo khóa có `feed`, loại khóa này không dùng vào việc khác
    Unauthenticated PRINCIPAL_DISABLED
      en the principal of these credentials is disabled for good; an administrator can make another
      vi chủ thể của thông tin xác thực này đã bị vô hiệu hóa hẳn; quản trị viên có thể tạo chủ thể khác
    Unauthenticated PRINCIPAL_MOVED
      en the principal was moved to another agency while the call went on; call again
      vi chủ thể đã chuyển sang cơ quan khác trong khi cuộc gọi đang chạy; hãy gọi lại
    Unauthenticated CERTIFICATE_AMBIGUOUS
      en the names in the client certificate belong to different principals; use a certificate with the names of one
      vi các tên trong chứng thư của bên gọi thuộc nhiều chủ thể khác nhau; hãy dùng chứng thư chỉ có tên của một chủ thể
    Unauthenticated CERTIFICATE_EXPIRED
      en the client certificate has expired; connect with a new one
      vi chứng thư của bên gọi đã hết hạn; hãy kết nối lại với chứng thư mới
    Unauthenticated IDENTITY_REMOVED
      en the identity no longer belongs to the principal; an administrator can add it again
      vi định danh này không còn thuộc chủ thể; quản trị viên có thể thêm lại
    Unauthenticated TOKEN_EXPIRED
      en the token has expired; get a new one from its issuer
      vi mã thông báo truy cập đã hết hạn; hãy lấy mã mới từ tổ chức phát hành
    Unauthenticated TOKEN_NOT_YET_VALID
      en the token is not valid yet; check the clocks of its issuer and of this server
      vi mã thông báo truy cập chưa có hiệu lực; hãy kiểm tra đồng hồ của tổ chức phát hành và của máy chủ này
    Unauthenticated TOKEN_INVALID
      en the token is not a signed JWT with `iss`, `sub`, `aud` and `exp`; get an access token of the issuer
      vi mã thông báo truy cập không phải JWT có chữ ký với `iss`, `sub`, `aud` và `exp`; hãy lấy access token của tổ chức phát hành
    Unauthenticated TOKEN_INVALID
      en the token is longer than 8192 bytes; have its issuer leave claims out
      vi mã thông báo truy cập dài hơn 8192 byte; hãy yêu cầu tổ chức phát hành bớt thông tin trong mã
    Unauthenticated TOKEN_INVALID
      en this server accepts no tokens of the `iss` in this one
      vi máy chủ này không chấp nhận mã thông báo truy cập có `iss` như vậy
    Unauthenticated TOKEN_INVALID
      en the token is for another audience; get one whose `aud` is this registry
      vi mã thông báo truy cập dành cho hệ thống khác; hãy lấy mã có `aud` là hệ thống này
    Unauthenticated TOKEN_INVALID
      en the token is signed by an algorithm that this server does not accept of its issuer
      vi thuật toán ký của mã thông báo truy cập không được máy chủ này chấp nhận cho tổ chức phát hành đó
    Unauthenticated TOKEN_INVALID
      en the token is signed by a key that its issuer does not publish; get a new one
      vi mã thông báo truy cập được ký bằng khóa mà tổ chức phát hành không công bố; hãy lấy mã mới
    Unauthenticated TOKEN_INVALID
      en the signature of the token is wrong; send it as its issuer gave it
      vi chữ ký của mã thông báo truy cập không đúng; hãy gửi nguyên mã do tổ chức phát hành cấp
    Unauthenticated SESSION_INVALID
      en the sign-in of this browser is over, or not one of this server's; sign in again at `/sign-in`
      vi phiên đăng nhập của trình duyệt này đã kết thúc hoặc không thuộc máy chủ này; hãy đăng nhập lại tại `/sign-in`
    Unauthenticated SIGN_IN_INVALID
      en this sign-in was not begun in this browser, was begun again since, or took more than 10 minutes; begin it again
      vi lượt đăng nhập này không bắt đầu từ trình duyệt này, đã được bắt đầu lại sau đó hoặc kéo dài quá 10 phút; hãy đăng nhập lại từ đầu
    Unauthenticated SIGN_IN_INVALID
      en the answer of the issuer does not belong to this sign-in; begin it again
      vi phản hồi của tổ chức phát hành không thuộc lượt đăng nhập này; hãy đăng nhập lại từ đầu
    Unauthenticated SIGN_IN_INVALID
      en the issuer does not accept the code of this sign-in, which holds once and for a short time; begin it again
      vi tổ chức phát hành không chấp nhận mã của lượt đăng nhập này, vì mã chỉ dùng một lần trong thời gian ngắn; hãy đăng nhập lại từ đầu
    Unauthenticated SIGN_IN_INVALID
      en the issuer did not sign you in; begin again, or ask the issuer for access
      vi tổ chức phát hành không cho đăng nhập; hãy thử lại từ đầu hoặc liên hệ tổ chức đó để được cấp quyền
    Unauthenticated CREDENTIALS_INVALID
      en the credentials are not valid; check the API key
      vi thông tin xác thực không hợp lệ; hãy kiểm tra khóa API
    Unavailable CLOCK_BEHIND_LOG
      en the clock is more than a minute behind the newest change, so nothing is recorded: an operator must set the clock right; retry then
      vi đồng hồ chậm hơn bản ghi thay đổi mới nhất trên một phút nên tạm thời không ghi thay đổi nào: người vận hành cần chỉnh lại đồng hồ, sau đó hãy thử lại
    Unavailable CLOCK_JUMPED
      en the clock has jumped, so nothing is recorded: an operator must set the clock right or, if it is right now, restart the server; retry then
      vi đồng hồ đã thay đổi đột ngột nên tạm thời không ghi thay đổi nào: người vận hành cần chỉnh lại đồng hồ, hoặc khởi động lại máy chủ nếu đồng hồ đã đúng, sau đó hãy thử lại
    Unavailable CREDENTIALS_NOT_CHECKED
      en this server has lost its database for so long that it cannot tell whether credentials still hold; retry, or read without credentials what is public
      vi máy chủ mất kết nối với cơ sở dữ liệu quá lâu nên không kiểm tra được khóa; hãy thử lại, hoặc đọc dữ liệu công khai mà không dùng khóa
    Unavailable FILE_NOT_SCANNED
      en the scanner of files does not work at the moment, so no file is kept; retry
      vi phần mềm quét tệp tạm thời không hoạt động nên không nhận tệp; hãy thử lại
    Unavailable FILES_UNAVAILABLE
      en the place where files are kept cannot be reached at the moment; retry
      vi tạm thời không kết nối được nơi lưu tệp; hãy thử lại
    Unavailable ISSUER_UNAVAILABLE
      en the keys of the token's issuer cannot be read at the moment; retry
      vi tạm thời không đọc được khóa của tổ chức phát hành mã thông báo truy cập; hãy thử lại
    Unavailable ISSUER_UNAVAILABLE
      en the issuer does not answer as it should at the moment; begin the sign-in again later
      vi tổ chức phát hành tạm thời không phản hồi đúng; hãy đăng nhập lại sau
    Unavailable OUTCOME_UNKNOWN
      en the outcome is unknown: send the request again with the same request id to learn it
      vi chưa rõ kết quả: hãy gửi lại với cùng mã yêu cầu (`request_id`) để biết kết quả
    Unavailable REVISION_NOT_REACHED
      en this server has not reached the revision asked for yet; retry
      vi máy chủ này chưa cập nhật đến phiên bản được yêu cầu; hãy thử lại
    Unavailable SHUTTING_DOWN
      en the server is shutting down; retry
      vi máy chủ đang dừng; hãy thử lại
    Unavailable STORE_UNAVAILABLE
      en the database cannot be reached at the moment; retry
      vi tạm thời không kết nối được cơ sở dữ liệu; hãy thử lại
    ResourceExhausted LIMIT_REACHED
      en more than 60 calls a second by one caller; try again later
      vi một bên gọi đã gọi quá 60 lần mỗi giây; hãy thử lại sau
      limit = call_rate
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en more than 60 calls a second by one caller; try again later
      vi một bên gọi đã gọi quá 60 lần mỗi giây; hãy thử lại sau
      limit = call_rate
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many calls in flight, at most 60; try again later
      vi số lần gọi đang xử lý đã đạt giới hạn (60); hãy thử lại sau
      limit = calls_in_flight
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many calls in flight of one caller, at most 60; try again later
      vi số lần gọi đang xử lý của một bên gọi đã đạt giới hạn (60); hãy thử lại sau
      limit = calls_in_flight
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en more than 60 wrong secrets a second for this API key; check the key, and try again later
      vi hơn 60 lần mỗi giây dùng khóa API này với phần bí mật sai; hãy kiểm tra khóa rồi thử lại sau
      limit = wrong_keys
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en more than 60 wrong secrets a second for this API key; check the key, and try again later
      vi hơn 60 lần mỗi giây dùng khóa API này với phần bí mật sai; hãy kiểm tra khóa rồi thử lại sau
      limit = wrong_keys
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en the headers are larger than 60 bytes; send less
      vi phần đầu (header) của yêu cầu lớn hơn 60 byte; hãy gửi ít hơn
      limit = request_headers
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en the headers are larger than 60 bytes; send less
      vi phần đầu (header) của yêu cầu lớn hơn 60 byte; hãy gửi ít hơn
      limit = request_headers
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many bytes of requests are being received, at most 60; try again later
      vi dung lượng yêu cầu đang nhận đã đạt giới hạn (60 byte); hãy thử lại sau
      limit = request_bytes
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many bytes of requests of one caller are being received, at most 60; try again later
      vi dung lượng yêu cầu đang nhận của một bên gọi đã đạt giới hạn (60 byte); hãy thử lại sau
      limit = request_bytes
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many bytes of answers are not read yet, at most 60; read them and try again
      vi dung lượng trả lời chưa được đọc đã đạt giới hạn (60 byte); hãy đọc rồi thử lại
      limit = answer_bytes
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many bytes of answers of one caller are not read yet, at most 60; read them and try again
      vi dung lượng trả lời chưa được đọc của một bên gọi đã đạt giới hạn (60 byte); hãy đọc rồi thử lại
      limit = answer_bytes
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many bytes of files are being received, at most 60; try again later
      vi dung lượng tệp đang nhận đã đạt giới hạn (60 byte); hãy thử lại sau
      limit = file_bytes
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many bytes of files of one caller are being received, at most 60; try again later
      vi dung lượng tệp đang nhận của một bên gọi đã đạt giới hạn (60 byte); hãy thử lại sau
      limit = file_bytes
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en the registry keeps at most 60 bytes of files; an operator can raise --files-size
      vi hệ thống chỉ lưu tối đa 60 byte tệp; người vận hành có thể tăng --files-size
      limit = files
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en the registry keeps at most 60 bytes of files; an operator can raise --files-size
      vi hệ thống chỉ lưu tối đa 60 byte tệp; người vận hành có thể tăng --files-size
      limit = files
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en one caller may upload at most 60 bytes of files a day; go on tomorrow
      vi một bên gọi chỉ được tải lên tối đa 60 byte tệp mỗi ngày; hãy tiếp tục vào ngày mai
      limit = files_of_day
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en one caller may upload at most 60 bytes of files a day; go on tomorrow
      vi một bên gọi chỉ được tải lên tối đa 60 byte tệp mỗi ngày; hãy tiếp tục vào ngày mai
      limit = files_of_day
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many watches are open, at most 60; try again later
      vi số luồng theo dõi đang mở đã đạt giới hạn (60); hãy thử lại sau
      limit = watchers
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many watches of one caller are open, at most 60; try again later
      vi số luồng theo dõi đang mở của một bên gọi đã đạt giới hạn (60); hãy thử lại sau
      limit = watchers
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many connections are open, at most 60; try again later
      vi số kết nối đang mở đã đạt giới hạn (60); hãy thử lại sau
      limit = connections
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many connections of one caller are open, at most 60; try again later
      vi số kết nối đang mở của một bên gọi đã đạt giới hạn (60); hãy thử lại sau
      limit = connections
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many sign-ins wait for issuers, at most 60; try again later
      vi số lượt đăng nhập đang chờ tổ chức phát hành đã đạt giới hạn (60); hãy thử lại sau
      limit = sign_ins
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many sign-ins of one caller wait for issuers, at most 60; try again later
      vi số lượt đăng nhập đang chờ tổ chức phát hành của một bên gọi đã đạt giới hạn (60); hãy thử lại sau
      limit = sign_ins
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many commands wait to be written, at most 60; try again later
      vi số lệnh chờ ghi đã đạt giới hạn (60); hãy thử lại sau
      limit = writer_queue
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many commands wait to be written, at most 60; try again later
      vi số lệnh chờ ghi đã đạt giới hạn (60); hãy thử lại sau
      limit = writer_queue
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en too many calls that look at many records wait for their turn, at most 60; try again later
      vi số yêu cầu phải duyệt nhiều bản ghi đang chờ đến lượt đã đạt giới hạn (60); hãy thử lại sau
      limit = heavy_work
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en too many calls of one caller that look at many records wait for their turn, at most 60; try again later
      vi số yêu cầu phải duyệt nhiều bản ghi của một bên gọi đang chờ đến lượt đã đạt giới hạn (60); hãy thử lại sau
      limit = heavy_work
      most = 60
      scope = caller
    ResourceExhausted LIMIT_REACHED
      en the call takes more work than one call may cause (60 units); ask for less: fewer terms in the filter, fewer dates or a smaller page
      vi yêu cầu cần nhiều xử lý hơn mức cho phép của một lần gọi (60 đơn vị); hãy giảm số điều kiện lọc, số ngày hoặc số dòng của một trang
      limit = cost
      most = 60
      scope = all
    ResourceExhausted LIMIT_REACHED
      en the call takes more work than one call may cause (60 units); ask for less: fewer terms in the filter, fewer dates or a smaller page
      vi yêu cầu cần nhiều xử lý hơn mức cho phép của một lần gọi (60 đơn vị); hãy giảm số điều kiện lọc, số ngày hoặc số dòng của một trang
      limit = cost
      most = 60
      scope = caller
    DeadlineExceeded DEADLINE_EXCEEDED
      en the deadline of 250 ms has passed; a write may still have been made: send it again with the same request id to learn the outcome
      vi đã quá thời hạn 250 ms của lần gọi; lệnh ghi vẫn có thể đã được thực hiện: hãy gửi lại với cùng mã yêu cầu (`request_id`) để biết kết quả
      given_ms = 250
    ");
}

#[test]
fn every_error_has_the_details_of_its_code() {
    let mut golden = String::new();
    for error in every_error() {
        let status = status_of(error);
        let details = status.get_error_details();
        let _ = writeln!(golden, "{:?}", status.code());
        for one in details
            .bad_request()
            .iter()
            .flat_map(|b| &b.field_violations)
        {
            let localized = one.localized_message.as_ref().map(|text| &*text.message);
            let _ = writeln!(
                golden,
                "  field {} {}: {} / {}",
                one.field,
                one.reason,
                one.description,
                localized.unwrap_or_default()
            );
        }
        if let Some(resource) = details.resource_info() {
            let of_type = &resource.resource_type;
            let _ = writeln!(golden, "  resource {of_type} {}", resource.resource_name);
        }
        for one in details
            .precondition_failure()
            .iter()
            .flat_map(|p| &p.violations)
        {
            let of_type = &one.r#type;
            let _ = writeln!(
                golden,
                "  precondition {of_type} {}: {}",
                one.subject, one.description
            );
        }
        for one in details.quota_failure().iter().flat_map(|q| &q.violations) {
            let _ = writeln!(golden, "  quota {}: {}", one.subject, one.description);
        }
        if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
            let _ = writeln!(golden, "  retry after {delay:?}");
        }
        if let Some(request) = details.request_info() {
            let _ = writeln!(golden, "  request {}", request.request_id);
        }
    }
    insta::assert_snapshot!(golden, @r"
    InvalidArgument
      field plan.budget.price_year OUT_OF_RANGE: must be from 1990 to 2100, is 7 / phải từ 1990 đến 2100, hiện là 7
    NotFound
      resource ndp.registry/Platform platforms/ndp-001
    AlreadyExists
      resource ndp.registry/ApiKey principals/p/apiKeys/k
    Aborted
      resource ndp.registry/Plan platforms/ndp-001/plans/2026
      precondition ETAG_NOT_CURRENT platforms/ndp-001/plans/2026: plan `platforms/ndp-001/plans/2026` has changed since its etag was read; read it again
    FailedPrecondition
      precondition PLAN_IS_FROZEN platforms/ndp-001/plans/2026: the plan is SUBMITTED and cannot be changed; use ReturnPlan to send it back for changes
    InvalidArgument
      field request_id REQUEST_ID_REUSED: request id `123e4567-e89b-42d3-a456-426614174000` was used for another request; use a new one / mã yêu cầu `123e4567-e89b-42d3-a456-426614174000` đã dùng cho một yêu cầu khác; hãy dùng mã mới
    PermissionDenied
    PermissionDenied
    ResourceExhausted
      retry after 1s
    OutOfRange
      field read_revision OUT_OF_RANGE: must be at most 7, the newest revision / không được quá 7 là phiên bản mới nhất
    Internal
      request 123e4567-e89b-42d3-a456-426614174000
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unauthenticated
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    Unavailable
      retry after 1s
    ResourceExhausted
      quota call_rate: more than 60 calls a second by one caller; try again later
      retry after 1s
    ResourceExhausted
      quota call_rate: more than 60 calls a second by one caller; try again later
      retry after 1s
    ResourceExhausted
      quota calls_in_flight: too many calls in flight, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota calls_in_flight: too many calls in flight of one caller, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota wrong_keys: more than 60 wrong secrets a second for this API key; check the key, and try again later
      retry after 1s
    ResourceExhausted
      quota wrong_keys: more than 60 wrong secrets a second for this API key; check the key, and try again later
      retry after 1s
    ResourceExhausted
      quota request_headers: the headers are larger than 60 bytes; send less
    ResourceExhausted
      quota request_headers: the headers are larger than 60 bytes; send less
    ResourceExhausted
      quota request_bytes: too many bytes of requests are being received, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota request_bytes: too many bytes of requests of one caller are being received, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota answer_bytes: too many bytes of answers are not read yet, at most 60; read them and try again
      retry after 1s
    ResourceExhausted
      quota answer_bytes: too many bytes of answers of one caller are not read yet, at most 60; read them and try again
      retry after 1s
    ResourceExhausted
      quota file_bytes: too many bytes of files are being received, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota file_bytes: too many bytes of files of one caller are being received, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota files: the registry keeps at most 60 bytes of files; an operator can raise --files-size
    ResourceExhausted
      quota files: the registry keeps at most 60 bytes of files; an operator can raise --files-size
    ResourceExhausted
      quota files_of_day: one caller may upload at most 60 bytes of files a day; go on tomorrow
    ResourceExhausted
      quota files_of_day: one caller may upload at most 60 bytes of files a day; go on tomorrow
    ResourceExhausted
      quota watchers: too many watches are open, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota watchers: too many watches of one caller are open, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota connections: too many connections are open, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota connections: too many connections of one caller are open, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota sign_ins: too many sign-ins wait for issuers, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota sign_ins: too many sign-ins of one caller wait for issuers, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota writer_queue: too many commands wait to be written, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota writer_queue: too many commands wait to be written, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota heavy_work: too many calls that look at many records wait for their turn, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota heavy_work: too many calls of one caller that look at many records wait for their turn, at most 60; try again later
      retry after 1s
    ResourceExhausted
      quota cost: the call takes more work than one call may cause (60 units); ask for less: fewer terms in the filter, fewer dates or a smaller page
    ResourceExhausted
      quota cost: the call takes more work than one call may cause (60 units); ask for less: fewer terms in the filter, fewer dates or a smaller page
    DeadlineExceeded
    ");
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_bug_is_logged_and_the_client_sees_its_incident_id_only() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let status = tracing::subscriber::with_default(subscriber, || {
        status_of(Error::Bug("no such column: secret".into()))
    });
    assert!(!format!("{status:?}").contains("secret"));
    assert!(status.message().contains(&INCIDENT.to_string()));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    for text in ["ERROR", "secret", &INCIDENT.to_string()] {
        assert!(log.contains(text), "{text} in {log}");
    }
}

/// Bytes of the trailers that a status takes.
fn trailers(status: Status) -> usize {
    let response = status.into_http::<String>();
    let headers = response.headers().iter();
    headers
        .filter(|(name, _)| name.as_str().starts_with("grpc-"))
        .map(|(name, value)| name.as_str().len() + value.len() + 32)
        .sum()
}

/// A rule whose texts are as long as those of any, and so is its reason.
fn endless(text: &str) -> Rule {
    let reasons = reasons::ALL.iter().copied();
    Rule::Located {
        reason: reasons.max_by_key(|it| it.name().len()).unwrap(),
        character: 1,
        english: text.to_owned(),
        vietnamese: text.to_owned(),
    }
}

#[test]
fn statuses_are_bounded() {
    for letter in ["x", "ệ", " "] {
        let long = letter.repeat(5_000);
        let mut violations = Violations::new();
        for index in 0..100 {
            violations.add(format!("{long}[{index}]"), endless(&long));
        }
        let errors = [
            Error::Invalid(violations),
            Error::NotFound {
                kind: ApiKeyName::KIND,
                name: long.clone(),
            },
            Error::AlreadyExists {
                kind: ApiKeyName::KIND,
                name: long.clone(),
            },
            Error::Stale {
                kind: ApiKeyName::KIND,
                name: long.clone(),
                etag: long.clone(),
            },
            Error::refused(&*long, Condition::FileNotMade { why: long.clone() }),
            Error::RequestIdReused {
                request_id: long.clone(),
            },
            Error::Denied {
                action: "ApproveProposal",
                needs: long.clone(),
                needs_vi: long.clone(),
            },
            Error::out_of_range("read_revision", endless(&long)),
        ];
        for error in errors {
            let status = status_of(error);
            let (code, size) = (status.code(), trailers(status));
            assert!(
                size <= 7 * 1024,
                "{code:?} of `{letter}` takes {size} bytes"
            );
        }
    }
}

#[test]
fn violations_that_do_not_fit_are_counted() {
    let mut violations = Violations::new();
    for index in 0..100 {
        violations.add(format!("platform.listings[{index}].edition"), Rule::Missing);
    }
    let status = status_of(Error::Invalid(violations));
    let details = status.get_error_details();
    let listed = details.bad_request().unwrap().field_violations.len();
    let omitted = &details.error_info().unwrap().metadata["omitted_violation_count"];
    assert!(listed >= 10, "{listed}");
    assert_eq!(listed + omitted.parse::<usize>().unwrap(), 100);
    assert!(status.message().ends_with(" more"), "{}", status.message());
    let localized = details.localized_message().unwrap();
    assert!(localized.message.ends_with(" lỗi khác"));
    assert!(localized.message.contains("`platform.listings[0].edition`"));
}

#[test]
fn texts_are_cut_between_letters() {
    assert_eq!(cut("Định danh", 20), "Định danh");
    assert_eq!(cut("Định danh", 8), "Đị…");
    assert_eq!(cut("ệệ", 1), "…");
}
