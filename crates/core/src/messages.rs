//! What users read when something goes wrong: every text of an error in English and Vietnamese,
//! with its reason and its typed arguments. No other file has such texts, except the explanations
//! of the filter and order languages, which are beside their parsers.
//!
//! English texts are lower case, without a full stop, and say what to do. Vietnamese texts read as
//! an official would write them, with the words of `docs/glossary.md`. No text carries a secret,
//! SQL or a path of the machine.

use std::fmt;

use crate::{
    error::{Error, Violation},
    limits::{Limit, Scope},
    names::Revision,
    reasons::*,
    time::{Date, Timestamp},
};

/// Declares a closed set of messages: the reason of each, its name, its arguments, and its text in
/// both languages as the arguments of [`format!`].
macro_rules! messages {
    (
        $(#[$about:meta])*
        $set:ident
        $(
            $reason:expr => $message:ident $({ $($argument:ident: $type:ty),+ $(,)? })?:
            ($($english:tt)+),
            ($($vietnamese:tt)+);
        )+
    ) => {
        $(#[$about])*
        pub enum $set {
            $(
                #[doc = stringify!($($english)+)]
                $message $({ $(
                    #[doc = "Stands in the text."]
                    $argument: $type,
                )+ })?,
            )+
        }

        impl $set {
            /// The stable reason.
            pub fn reason(&self) -> Reason {
                match self {
                    $(Self::$message $({ $($argument),+ })? => {
                        $($(let _ = $argument;)+)?
                        $reason
                    })+
                }
            }

            /// What is wrong and what to do, in English.
            pub fn english(&self) -> String {
                match self {
                    $(Self::$message $({ $($argument),+ })? => {
                        $($(let _ = $argument;)+)?
                        format!($($english)+)
                    })+
                }
            }

            /// The same in Vietnamese.
            pub fn vietnamese(&self) -> String {
                match self {
                    // a language may leave out an argument
                    $(Self::$message $({ $($argument),+ })? => {
                        $($(let _ = $argument;)+)?
                        format!($($vietnamese)+)
                    })+
                }
            }
        }
    };
}

messages! {
    /// A rule that a field of a request breaks.
    #[derive(Clone, Debug, PartialEq, Eq)]
    Rule

    ORDER_TOO_LONG => OrderTooLong { most: usize }:
        ("has more than {most} fields; name fewer"),
        ("có hơn {most} trường; hãy nêu ít hơn");
    QUERY_BLANK => QueryBlank:
        ("no word to search for; write at least one letter or digit"),
        ("không có từ để tìm; hãy nhập ít nhất một chữ cái hoặc chữ số");
    TEXT_IS_MARK => TextIsMark { mark: &'static str }:
        ("overlaps `{mark}`, which stands where a text was redacted; give more of the text"),
        ("trùng với `{mark}`, ký hiệu thay cho nội dung đã xóa; hãy ghi đầy đủ hơn");
    TEXT_REPEATED => TextRepeated:
        ("has the text that is to be redacted, and would bring it into the log again; leave it \
          out"),
        ("có nội dung cần xóa và sẽ lại đưa nội dung đó vào nhật ký; hãy bỏ đi");
    REQUIRED => RedactionReasonMissing:
        ("say why the text is redacted, without the text"),
        ("hãy ghi lý do xóa, không nhắc lại nội dung cần xóa");
    REQUIRED => FileEmpty:
        ("the file is empty; send its bytes"),
        ("tệp rỗng; hãy gửi nội dung tệp");
    FILE_TOO_LARGE => FileTooLarge { most: u64 }:
        ("the file is larger than {most} bytes; send a smaller one"),
        ("tệp lớn hơn {most} byte; hãy gửi tệp nhỏ hơn");
    FILE_TYPE => FileTypeNotAllowed:
        ("the content is none of PDF, DOCX, XLSX, ODT, PNG, JPEG, or text in UTF-8; convert the \
          file to one of them"),
        ("nội dung không phải PDF, DOCX, XLSX, ODT, PNG, JPEG hoặc văn bản UTF-8; hãy chuyển tệp \
          sang một trong các định dạng này");
    FILE_TYPE => FileTypeDiffers { found: &'static str }:
        ("differs from the content, which is `{found}`; send that type, or none"),
        ("khác với nội dung, vốn là `{found}`; hãy ghi đúng loại này hoặc bỏ trống");
    NOT_ALLOWED => FileStatedLate:
        ("the first message of the stream says this; remove it from the others"),
        ("chỉ ghi trong thông điệp đầu tiên của luồng; hãy bỏ khỏi các thông điệp sau");
    FILE_DIGEST => FileDigestDiffers { found: String }:
        ("is not the digest of what arrived, which is `{found}`; send the file again"),
        ("không phải mã băm của nội dung nhận được là `{found}`; hãy gửi lại tệp");
    UNKNOWN_VALUE => KindUnknown { kind: String, near: Option<String>, kinds: String }:
        (
            "no kind of record is called `{kind}`{}; one of {kinds}",
            did_you_mean(near.as_deref())
        ),
        (
            "không có loại bản ghi `{kind}`{}; hãy chọn một trong {kinds}",
            did_you_mean_vi(near.as_deref())
        );
    FILE_UNREADABLE => FileNotUtf8 { line: u64 }:
        ("line {line} is not in UTF-8; save the file as CSV in UTF-8, or as XLSX"),
        ("dòng {line} không phải UTF-8; hãy lưu tệp dạng CSV UTF-8 hoặc XLSX");
    FILE_UNREADABLE => QuoteOpen { line: u64 }:
        ("the row that begins in line {line} opens a quotation mark and never closes it; close it"),
        ("dòng bắt đầu từ dòng {line} có dấu ngoặc kép mở mà không đóng; hãy đóng lại");
    FILE_UNREADABLE => FileMalformed { about: String }:
        ("the file cannot be read: {about}; save it again, or as CSV in UTF-8"),
        ("không đọc được tệp: {about}; hãy lưu lại, hoặc lưu dạng CSV UTF-8");
    FILE_UNREADABLE => WorkbookTooLarge { most_mib: u64 }:
        (
            "the workbook is larger than {most_mib} MiB when it is unpacked, or has too many \
             parts; split it, or save it as CSV"
        ),
        (
            "tệp bảng tính lớn hơn {most_mib} MiB khi giải nén, hoặc có quá nhiều phần; hãy chia \
             nhỏ hoặc lưu dạng CSV"
        );
    FILE_UNREADABLE => WorkbookTextsTooLarge { most_mib: u64 }:
        (
            "the texts of the workbook are larger than {most_mib} MiB when they are unpacked; \
             split it, or save it as CSV"
        ),
        (
            "văn bản trong tệp bảng tính lớn hơn {most_mib} MiB khi giải nén; hãy chia nhỏ hoặc \
             lưu dạng CSV"
        );
    FILE_UNREADABLE => WorkbookUnsafe:
        ("the workbook declares XML entities, which no spreadsheet program writes; save it again"),
        ("tệp bảng tính khai báo thực thể XML, điều mà phần mềm bảng tính không làm; hãy lưu lại");
    FILE_UNREADABLE => FileWithoutHeader { kind: String }:
        ("has no header in its first rows; name columns of `{kind}`, as the template has them"),
        ("không có dòng tiêu đề ở đầu; hãy ghi tên cột của `{kind}` như trong tệp mẫu");
    TOO_MANY_ITEMS => TooManyRows { most: usize }:
        ("has more than {most} rows; split the file, or set `chunked` where it is not set"),
        ("có hơn {most} dòng; hãy chia nhỏ tệp, hoặc đặt `chunked` nếu chưa đặt");
    FILE_TOO_LARGE => RowsTooLarge { most_mib: u64 }:
        ("has rows with more than {most_mib} MiB of text; split the file, or set `chunked`"),
        ("có các dòng với hơn {most_mib} MiB văn bản; hãy chia nhỏ tệp, hoặc đặt `chunked`");
    TOO_MANY_ITEMS => TooManyRecords { most: usize }:
        ("would have more than {most} records; give a `filter`, or another `format`"),
        ("có hơn {most} bản ghi; hãy đặt `filter`, hoặc chọn `format` khác");
    TOO_MANY_ITEMS => TooManyColumns { most: usize }:
        ("has more than {most} columns; use JSON_LINES for records with such long lists"),
        ("có hơn {most} cột; hãy dùng JSON_LINES cho bản ghi có danh sách dài như vậy");
    TOO_LONG => CellTooLong { most: usize }:
        ("a cell has more than {most} characters; use CSV or JSON_LINES"),
        ("một ô có hơn {most} ký tự; hãy dùng CSV hoặc JSON_LINES");
    NOT_ALLOWED => ParentNotTaken { kind: String }:
        ("`{kind}` are not below other records; leave it out"),
        ("`{kind}` không nằm dưới bản ghi khác; hãy bỏ trống");
    NOT_ALLOWED => FormatNotTaken { kind: String }:
        ("`{kind}` have no such form; use CSV, XLSX or JSON_LINES"),
        ("`{kind}` không có dạng tệp này; hãy dùng CSV, XLSX hoặc JSON_LINES");
    FIELD_UNKNOWN => ColumnUnknown { header: String, near: Option<String> }:
        (
            "no column is called `{header}`{}; correct the header or remove the column",
            did_you_mean(near.as_deref())
        ),
        (
            "không có cột `{header}`{}; hãy sửa tiêu đề hoặc bỏ cột",
            did_you_mean_vi(near.as_deref())
        );
    FIELD_UNKNOWN => CellWithoutHeader { value: String }:
        ("`{value}` is in a column without a header; name the column or remove the value. In CSV a \
          text with the separator in it needs quotation marks"),
        ("`{value}` nằm ở cột không có tiêu đề; hãy ghi tiêu đề hoặc bỏ giá trị. Trong CSV, văn \
          bản có chứa dấu phân cách phải đặt trong dấu ngoặc kép");
    FIELD_REPEATED => ColumnRepeated { cell: String }:
        ("the column comes twice, first in `{cell}`; remove one of them"),
        ("cột bị lặp, lần đầu ở `{cell}`; hãy bỏ một cột");
    NOT_UNIQUE => RowRepeated { row: u32 }:
        ("row {row} is about the same record; keep one of them"),
        ("dòng {row} cũng về bản ghi này; hãy giữ một dòng");
    CELL_UNREADABLE => CellNotADate { value: String }:
        ("`{value}` is not a date; write 31/12/2025 or 2025-12-31"),
        ("`{value}` không phải ngày; hãy viết 31/12/2025 hoặc 2025-12-31");
    CELL_UNREADABLE => CellNotANumber { value: String }:
        ("`{value}` is not a number; write digits, as 1250 or 12,5"),
        ("`{value}` không phải số; hãy viết bằng chữ số, như 1250 hoặc 12,5");
    CELL_UNREADABLE => CellNotWhole { value: String }:
        ("`{value}` is not a whole number; write digits alone, as 1250"),
        ("`{value}` không phải số nguyên; hãy chỉ viết chữ số, như 1250");
    CELL_UNREADABLE => CellNumberTooLarge { value: String }:
        ("`{value}` is larger than any number here; check the digits and the unit"),
        ("`{value}` lớn hơn mọi số có thể ghi ở đây; hãy kiểm tra lại chữ số và đơn vị");
    CELL_UNREADABLE => CellNotYesOrNo { value: String }:
        ("`{value}` is neither yes nor no; write `true` or `false`"),
        ("`{value}` không phải có hoặc không; hãy viết `có` hoặc `không`");
    CELL_UNREADABLE => CellFormulaFailed { value: String }:
        ("the formula gives `{value}`; correct it or write its value"),
        ("công thức cho kết quả `{value}`; hãy sửa hoặc ghi giá trị");
    CELL_UNREADABLE => CellFormulaUncomputed:
        ("the file has no value of this formula; save it with a spreadsheet program, or write the \
          value"),
        ("tệp không lưu kết quả của công thức này; hãy mở và lưu lại bằng phần mềm bảng tính, hoặc \
          ghi giá trị");
    CELL_UNREADABLE => CellNotJson { about: String }:
        ("is not JSON of this field: {about}"),
        ("không phải JSON của trường này: {about}");
    UNKNOWN_VALUE => CellValueUnknown { value: String, near: Option<String>, values: String }:
        (
            "`{value}` is not one of {values}{}",
            did_you_mean(near.as_deref())
        ),
        (
            "`{value}` không thuộc {values}{}",
            did_you_mean_vi(near.as_deref())
        );
    IMMUTABLE => NeverChanges { kind: String }:
        ("records of `{kind}` are never changed; leave it as it is, or write a new record"),
        ("bản ghi `{kind}` không thay đổi được; hãy giữ nguyên, hoặc ghi bản ghi mới");
    AMBIGUOUS => KeyAmbiguous { names: String }:
        ("{names} have the same code or number; name the one that is meant"),
        ("{names} có cùng mã hoặc số; hãy ghi tên bản ghi đúng");
    AMBIGUOUS => TitleAmbiguous { title: String, names: String }:
        ("`{title}` is what {names} are called; write the name of the one that is meant"),
        ("{names} cùng có tên gọi `{title}`; hãy ghi tên bản ghi đúng");
    REFERENCE_NOT_FOUND => TitleUnknown {
        title: String,
        collection: String,
        near: Option<String>,
    }:
        (
            "none of the {collection} is called `{title}`{}; write what it is called, or its name \
             as `{collection}/ID`",
            did_you_mean(near.as_deref())
        ),
        (
            "không có bản ghi nào thuộc `{collection}` tên là `{title}`{}; hãy ghi đúng tên gọi, \
             hoặc tên bản ghi dạng `{collection}/ID`",
            did_you_mean_vi(near.as_deref())
        );
    REQUIRED => ParentMissing:
        ("name the record above in the column `parent`, or the record itself in `name`"),
        ("hãy ghi bản ghi cấp trên ở cột `parent`, hoặc tên bản ghi ở cột `name`");
    AMBIGUOUS => NameIsNear { near: String }:
        (
            "the name is near to that of {near}; a person writes which one is meant into the \
             column `platform`, or `new`"
        ),
        (
            "tên gần giống với {near}; cần người xác nhận: ghi nền tảng đúng vào cột `platform`, \
             hoặc ghi `new`"
        );
    REQUIRED => AgencyNameMissing:
        ("give the official name in Vietnamese"),
        ("hãy ghi tên chính thức bằng tiếng Việt");
    REQUIRED => AgencyKindMissing:
        ("specify the kind of body, for example `MINISTRY`"),
        ("hãy ghi loại cơ quan, ví dụ `MINISTRY`");
    NOT_ALLOWED => NoCodeToConfirm:
        ("there is no code to confirm; give `identification_code`"),
        ("không có mã để xác nhận; hãy ghi `identification_code`");
    REQUIRED => RatingMissing:
        ("specify how the plan is going, for example `RATING_ON_TRACK`"),
        ("hãy ghi đánh giá tiến độ, ví dụ `RATING_ON_TRACK`");
    REQUIRED => RubricMissing:
        ("specify the rubric and its version"),
        ("hãy ghi bộ tiêu chí đánh giá và phiên bản");
    REQUIRED => StartMissing:
        ("give the day from which it holds; only the first entry may hold from the beginning"),
        ("hãy ghi ngày bắt đầu áp dụng; chỉ mục đầu tiên được bỏ trống");
    OUT_OF_RANGE => StartNotInOrder { last: Date }:
        ("must be after {last}, the start of the entry before it; list the entries oldest first"),
        ("phải sau ngày {last} là ngày bắt đầu của mục trước; hãy xếp mục cũ nhất lên đầu");
    OUT_OF_RANGE => StartInFuture { today: Date }:
        ("must not be after today ({today}); record it on that day"),
        ("không được sau ngày hôm nay ({today}); hãy ghi vào đúng ngày đó");
    REQUIRED => EditionNameMissing:
        ("give the title of the list"),
        ("hãy ghi tên danh mục");
    REQUIRED => DecisionSymbolMissing:
        ("give the symbol of the decision that issued the list"),
        ("hãy ghi số, ký hiệu quyết định ban hành danh mục");
    NOT_UNIQUE => GroupRepeated { group: String }:
        ("group `{group}` is given twice; remove one"),
        ("nhóm `{group}` bị lặp lại; hãy bỏ một");
    OUT_OF_RANGE => InForceNotInOrder:
        ("the last day in force must not be before the first"),
        ("ngày hết hiệu lực không được trước ngày có hiệu lực");
    OUT_OF_RANGE => InFuture { today: Date }:
        ("must not be after today ({today})"),
        ("không được sau ngày hôm nay ({today})");
    OUT_OF_RANGE => TotalTooSmall:
        ("the total must not be less than the value"),
        ("tổng số không được nhỏ hơn giá trị");
    NOT_ALLOWED => NotCoverable { agency: String }:
        ("must be another platform in the catalogue that `{agency}` governs; a platform of \
          another agency needs a plan of its own"),
        ("phải là một nền tảng khác đang có trong danh mục do `{agency}` chủ quản; nền tảng của \
          cơ quan khác cần kế hoạch riêng");
    NOT_UNIQUE => CoveredTwice:
        ("the platform is named twice for the same days; remove one entry"),
        ("nền tảng được ghi hai lần cho cùng thời gian; hãy bỏ một mục");
    NOT_ALLOWED => CoverageRemoved:
        ("an entry of a plan that is ISSUED stays as it began; give it an `end_date` instead"),
        ("mục của kế hoạch đã ban hành được giữ nguyên; hãy ghi `end_date` cho mục đó");
    NOT_ALLOWED => NotOfSubject { subject: &'static str }:
        ("is not for a figure of {subject}; leave it out"),
        ("không dùng cho số liệu loại {subject}; hãy bỏ trống");
    REQUIRED => DuePeriodMissing:
        ("give the month or period in which the tasks fall due"),
        ("hãy ghi tháng hoặc kỳ mà nhiệm vụ đến hạn");
    REQUIRED => FigurePeriodOpen:
        ("give both days of the period, or leave the period out"),
        ("hãy ghi cả ngày đầu và ngày cuối của kỳ, hoặc bỏ trống kỳ");
    OUT_OF_RANGE => AfterFigureDate { date: Date }:
        ("must not be after the figure's date ({date}): nothing has happened then"),
        ("không được sau ngày của số liệu ({date}) vì khi đó chưa phát sinh");
    REQUIRED => SourceMissing:
        ("specify where it was published"),
        ("hãy ghi nguồn công bố");
    REQUIRED => MilestoneNameMissing:
        ("give the title of the milestone"),
        ("hãy ghi tên mốc nhiệm vụ");
    REQUIRED => DueEndMissing:
        ("give the last day, or leave `due` unset for a regular task"),
        ("hãy ghi ngày cuối cùng, hoặc bỏ trống `due` nếu là nhiệm vụ thường xuyên");
    REQUIRED => IndicatorNameMissing:
        ("give the name of the indicator in Vietnamese"),
        ("hãy ghi tên chỉ tiêu bằng tiếng Việt");
    OUT_OF_RANGE => VersionNotInOrder { number: i32 }:
        ("must be {number}: versions count up from 1, in the order of the list"),
        ("phải là {number}: các phiên bản được đánh số từ 1 theo thứ tự trong danh sách");
    IMMUTABLE => IndicatorObserved:
        ("cannot be changed, because the indicator has values; create another indicator"),
        ("không thể thay đổi vì chỉ tiêu đã có số liệu; hãy tạo chỉ tiêu khác");
    IMMUTABLE => DefinitionObserved { version: i32 }:
        ("version {version} has values, so it stays as it is; add a new version instead"),
        ("phiên bản {version} đã có số liệu nên được giữ nguyên; hãy thêm phiên bản mới");
    REQUIRED => SubjectMissing:
        ("name an agency, or give a scope such as `COUNTRY`"),
        ("hãy nêu cơ quan, hoặc ghi phạm vi, ví dụ `COUNTRY`");
    NOT_ALLOWED => SubjectTwice:
        ("give either an agency or a scope"),
        ("chỉ được nêu cơ quan hoặc phạm vi");
    REQUIRED => AgencyOfBasisMissing:
        ("a value that is DECLARED or CONFIRMED is of an agency; name it"),
        ("số liệu DECLARED hoặc CONFIRMED phải của một cơ quan; hãy nêu cơ quan đó");
    REQUIRED => TargetGroundsMissing:
        ("give the document that sets the target, or where it was read"),
        ("hãy dẫn văn bản giao mục tiêu, hoặc ghi nguồn");
    REQUIRED => ValuePeriodEndMissing:
        ("give the last day of the period of the value"),
        ("hãy ghi ngày cuối của kỳ số liệu");
    REQUIRED => ValuePeriodStartMissing:
        ("give the first day of the period of the value"),
        ("hãy ghi ngày đầu của kỳ số liệu");
    NOT_ALLOWED => StartOfAsOf:
        ("the indicator says how things stand on a day; give that day as `end` only"),
        ("chỉ tiêu này tính tại một ngày; hãy chỉ ghi ngày đó vào `end`");
    OUT_OF_RANGE => PeriodNotOfType { kind: &'static str, start: Date, end: Date }:
        ("must be a whole period of the type {kind}, as {start} to {end}"),
        ("phải là trọn một kỳ loại {kind}, ví dụ từ {start} đến {end}");
    REFERENCE_NOT_FOUND => DefinitionNotFound { version: i32 }:
        ("the indicator has no version {version} of its definition for this period"),
        ("chỉ tiêu không có phiên bản định nghĩa {version} cho kỳ này");
    REQUIRED => ValueMissing:
        ("give the value; only one that takes an earlier value back has none"),
        ("hãy ghi giá trị; chỉ số liệu thu hồi số liệu trước mới được bỏ trống");
    OUT_OF_RANGE => TooManyDecimals { most: u32 }:
        ("has more than {most} digits after the point, which the indicator does not allow"),
        ("có hơn {most} chữ số thập phân, vượt mức chỉ tiêu cho phép");
    PATTERN => DecimalForm:
        ("must be a decimal of at most 18 digits such as `39.46`, with at most 6 after the point"),
        ("phải là số thập phân tối đa 18 chữ số, ví dụ `39.46`, tối đa 6 chữ số thập phân");
    NOT_ALLOWED => PartOfNoRatio:
        ("only a value of an indicator of the kind RATIO has a numerator and a denominator"),
        ("chỉ giá trị của chỉ tiêu loại RATIO mới có tử số và mẫu số");
    REQUIRED => OtherPartMissing:
        ("give both the numerator and the denominator, or neither"),
        ("hãy ghi cả tử số và mẫu số, hoặc bỏ trống cả hai");
    OUT_OF_RANGE => DenominatorNotPositive:
        ("must be above 0"),
        ("phải lớn hơn 0");
    REQUIRED => ValueCorrectionReasonMissing:
        ("give the reason: the value replaces another, or comes after its period was closed"),
        ("hãy ghi lý do: số liệu thay thế số liệu khác, hoặc được ghi sau khi đã chốt kỳ");
    REFERENCE_NOT_FOUND => ObservationNotFound { name: String }:
        ("there is no value `{name}`; ListObservations shows those there are"),
        ("không có số liệu `{name}`; ListObservations liệt kê các số liệu");
    NOT_ALLOWED => ReplacesAnother:
        ("a value replaces one of the same indicator, agency or scope, period, basis and \
          definition"),
        ("số liệu chỉ thay thế số liệu cùng chỉ tiêu, cơ quan hoặc phạm vi, kỳ, căn cứ và định \
          nghĩa");
    NOT_ALLOWED => NothingDeclared:
        ("the agency has declared no value for this period, so there is nothing to confirm"),
        ("cơ quan chưa khai báo số liệu của kỳ này nên không có gì để xác nhận");
    NOT_ALLOWED => NotAsDeclared { name: String }:
        ("differs from the declared value `{name}`; a confirmation repeats it"),
        ("khác với số liệu đã khai báo `{name}`; số liệu xác nhận phải giống như vậy");
    NOT_UNIQUE => ObservationIdRepeated:
        ("the id is given twice in the batch; give another one"),
        ("id bị lặp lại trong lô; hãy ghi id khác");
    NOT_ALLOWED => PartOfBatch:
        ("give it once for the whole batch, not for each value"),
        ("hãy ghi một lần cho cả lô, không ghi cho từng số liệu");
    NOT_ALLOWED => ParentOfBatch { parent: String }:
        ("must be `{parent}`, the parent of the batch"),
        ("phải là `{parent}`, là cấp trên của lô");
    REQUIRED => ScoreboardPeriodMissing:
        ("give the last day of the period to compare"),
        ("hãy ghi ngày cuối của kỳ cần so sánh");
    REFERENCE_NOT_FOUND => IndicatorNotFound { name: String }:
        ("there is no indicator `{name}`; ListIndicators shows those there are"),
        ("không có chỉ tiêu `{name}`; ListIndicators liệt kê các chỉ tiêu");
    REQUIRED => AsOfMissing:
        ("give the day that it is of"),
        ("hãy ghi ngày của số liệu");
    OUT_OF_RANGE => AfterAsOf { as_of: Date }:
        ("must not be after {as_of}, the `report_date` of the record; only what is planned may"),
        ("không được sau ngày {as_of} là `report_date` của bản ghi; chỉ nội dung dự kiến mới được");
    REQUIRED => ReachedMissing:
        ("give the day on which the stage was reached, or the period as the document has it"),
        ("hãy ghi ngày đạt giai đoạn, hoặc khoảng thời gian đúng như văn bản");
    OUT_OF_RANGE => StageBeforeLast { last: Date }:
        ("must not be before {last}, when an earlier entry was reached; list the oldest first"),
        ("không được trước ngày {last} của mục đứng trước; hãy xếp mục cũ nhất lên đầu");
    REQUIRED => PlannedEndMissing:
        ("give the last day of the period in which the stage is to be reached"),
        ("hãy ghi ngày cuối của thời hạn dự kiến đạt giai đoạn");
    REQUIRED => MovedWithoutDocument:
        ("the date was moved; give the document that decided it, with its `issuer`, `symbol` and \
          `issue_date`"),
        ("thời hạn đã thay đổi; hãy ghi văn bản quyết định, gồm `issuer`, `symbol` và \
          `issue_date`");
    NOT_ALLOWED => PlannedEntryGone:
        ("leaves out or changes what was planned before: keep each recorded entry, and add another \
          with its `start_date` and the document that moves the date"),
        ("bỏ hoặc sửa nội dung dự kiến đã ghi: hãy giữ nguyên từng mục, và thêm mục mới kèm \
          `start_date` và văn bản thay đổi thời hạn");
    OUT_OF_RANGE => DoneExceedsTotal:
        ("must not be more than `total`"),
        ("không được lớn hơn `total`");
    NOT_UNIQUE => CoverageRepeated:
        ("the unit is given twice for one day; remove one"),
        ("đơn vị tính bị lặp lại trong cùng một ngày; hãy bỏ một");
    REQUIRED => LegacyStartMissing:
        ("give the day from which this holds of the earlier system"),
        ("hãy ghi ngày bắt đầu áp dụng đối với hệ thống cũ");
    REQUIRED => KeptUntilMissing:
        ("give the last day on which the system is kept"),
        ("hãy ghi ngày cuối cùng còn giữ hệ thống cũ");
    NOT_ALLOWED => KeptUntilNotAllowed:
        ("is for a system that is KEPT only; leave it out"),
        ("chỉ dùng cho hệ thống còn được giữ (KEPT); hãy bỏ trống");
    REQUIRED => KeptReasonMissing:
        ("say why the system is kept beside the platform"),
        ("hãy nêu lý do vẫn giữ hệ thống cũ song song với nền tảng");
    OUT_OF_RANGE => AsOfBeforeLast { last: Date }:
        ("must not be before {last}, the day of what is recorded already"),
        ("không được trước ngày {last} của nội dung đã ghi");
    REQUIRED => EntryCorrectionReasonMissing { field: &'static str }:
        ("`{field}` leaves out or changes an entry that is recorded; give the reason for the \
          correction"),
        ("`{field}` bỏ hoặc sửa một mục đã ghi; hãy ghi lý do đính chính");
    REQUIRED => ProgrammeNameMissing:
        ("give the title in Vietnamese"),
        ("hãy ghi tên bằng tiếng Việt");
    REQUIRED => TaskNameMissing:
        ("give the title of the task"),
        ("hãy ghi tên nhiệm vụ");
    REQUIRED => TaskCodeMissing:
        ("give the code by which the assigning side knows the task"),
        ("hãy ghi mã nhiệm vụ của bên giao");
    REQUIRED => TaskProgrammeMissing:
        ("name the programme that the task belongs to"),
        ("hãy ghi chương trình của nhiệm vụ");
    REQUIRED => AssigningAgencyMissing:
        ("name the agency that assigns the task"),
        ("hãy ghi cơ quan giao nhiệm vụ");
    NOT_UNIQUE => AgencyRepeated:
        ("the agency is named twice; remove one"),
        ("cơ quan bị lặp lại; hãy bỏ một");
    NOT_UNIQUE => ProgrammeRepeated:
        ("the programme is named twice; remove one"),
        ("chương trình bị lặp lại; hãy bỏ một");
    NOT_UNIQUE => TaskCodeTaken { task: String, programme: String }:
        ("`{task}` has this code in `{programme}`; give another code, or change that task"),
        ("`{task}` đã dùng mã này trong `{programme}`; hãy dùng mã khác hoặc sửa nhiệm vụ đó");
    NOT_ALLOWED => ProgrammeOfOther:
        ("only the steward, and the agency that assigns the programme's tasks, add tasks to it"),
        ("chỉ đơn vị quản lý danh mục và cơ quan giao của chương trình được thêm nhiệm vụ");
    IMMUTABLE => DueMovesByDocument:
        ("a due date moves by MoveTaskDue only, with the document that moves it"),
        ("thời hạn chỉ được điều chỉnh bằng MoveTaskDue kèm văn bản điều chỉnh");
    REQUIRED => DueUnchanged:
        ("the task has this due date already; give another"),
        ("nhiệm vụ đã có thời hạn này; hãy ghi thời hạn khác");
    OUT_OF_RANGE => BeforeTaskDue { first: Date }:
        ("must not be before {first}, the day of the document that set what this one changes"),
        ("không được trước ngày {first} là ngày của văn bản mà văn bản này thay đổi");
    NOT_ALLOWED => DropTwice:
        ("a task is dropped by a document or as entered in error; leave one out"),
        ("nhiệm vụ được hủy bỏ theo văn bản hoặc do nhập nhầm; hãy bỏ một");
    REFERENCE_NOT_FOUND => ReferenceNotFound { name: String }:
        ("`{name}` does not exist"),
        ("`{name}` không tồn tại");
    NOT_ALLOWED => MilestoneNotPublic:
        ("must be a milestone of an issued plan that everyone sees"),
        ("phải là mốc nhiệm vụ của kế hoạch đã ban hành và công khai");
    NOT_ALLOWED => NotPlatformOfMilestone:
        ("must be the platform of `milestone`, or empty"),
        ("phải là nền tảng của `milestone`, hoặc để trống");
    NOT_ALLOWED => TaskAboveItself:
        ("a task cannot be above itself"),
        ("một nhiệm vụ không thể là cấp trên của chính nó");
    OUT_OF_RANGE => TaskTooDeep { most: usize }:
        ("there would be more than {most} tasks above one another; name a higher task"),
        ("sẽ có quá {most} cấp nhiệm vụ; hãy chọn nhiệm vụ cấp cao hơn");
    NOT_ALLOWED => NotProgrammesOfParent:
        ("must be the programmes of `parent`, so that the two are never counted together"),
        ("phải trùng với các chương trình của `parent` để không bị tính hai lần");
    NOT_ALLOWED => ParentInError:
        ("the task was entered in error; name another"),
        ("nhiệm vụ này đã bị hủy do nhập nhầm; hãy chọn nhiệm vụ khác");
    REQUIRED => RecommendationKindMissing:
        ("specify what it is, for example `RECOMMENDATION`"),
        ("hãy ghi loại, ví dụ `RECOMMENDATION`");
    REQUIRED => RecommendationNameMissing:
        ("give its title"),
        ("hãy ghi tiêu đề");
    REQUIRED => RecommendationContentMissing:
        ("write what it says, without anything that identifies its sender"),
        ("hãy ghi nội dung, không kèm thông tin về người gửi");
    REQUIRED => SenderKindMissing:
        ("specify the kind of its sender, for example `CITIZEN`"),
        ("hãy ghi loại người gửi, ví dụ `CITIZEN`");
    REQUIRED => ReceiveDateMissing:
        ("give the day on which it was received"),
        ("hãy ghi ngày tiếp nhận");
    REQUIRED => AnsweringAgencyMissing:
        ("name the agency that is to answer"),
        ("hãy ghi cơ quan phải trả lời");
    REQUIRED => SenderAgencyMissing:
        ("name the agency that sent it"),
        ("hãy ghi cơ quan gửi");
    NOT_ALLOWED => SenderAgencyNotAllowed:
        ("goes with the sender kind `AGENCY` only; nothing is kept of other senders"),
        ("chỉ ghi khi loại người gửi là `AGENCY`; không lưu thông tin của người gửi khác");
    REQUIRED => SourceSystemMissing:
        ("name the system that gave the `external_id`"),
        ("hãy ghi hệ thống đã cấp `external_id`");
    NOT_UNIQUE => ExternalIdTaken:
        ("another recommendation has this number of this `source_system`; update that one"),
        ("đã có phản ánh, kiến nghị khác với số này của `source_system`; hãy cập nhật bản ghi đó");
    OUT_OF_RANGE => BeforeReceipt { received: Date }:
        ("must not be before {received}, when it was received"),
        ("không được trước ngày tiếp nhận {received}");
    OUT_OF_RANGE => StepNotInOrder { last: Date }:
        ("must not be before {last}, the day of a step before it; list the steps oldest first"),
        ("không được trước ngày {last} của bước trước; hãy xếp bước cũ nhất lên đầu");
    NOT_UNIQUE => TaskRepeated { task: String }:
        ("`{task}` is linked twice; remove one"),
        ("`{task}` bị lặp lại; hãy bỏ một");
    NOT_UNIQUE => SubjectRepeated { name: String }:
        ("`{name}` is named twice; remove one"),
        ("`{name}` bị lặp lại; hãy bỏ một");
    REFERENCE_NOT_FOUND => SubjectNotFound { name: String }:
        ("`{name}` does not exist, or is a plan that was never issued"),
        ("`{name}` không tồn tại, hoặc là kế hoạch chưa từng ban hành");
    REQUIRED => TermMissing:
        ("give the days of the term, 1 or more"),
        ("hãy ghi số ngày của thời hạn, từ 1 trở lên");
    REQUIRED => LegalBasisMissing:
        ("give the document that sets the term, or say in `legal_basis_text` what sets it"),
        ("hãy ghi văn bản quy định thời hạn, hoặc nêu căn cứ ở `legal_basis_text`");
    NOT_ALLOWED => FirstTermNotMoved:
        ("is for a term that moves a due date; give the first term's document in `legal_basis`"),
        ("chỉ dùng khi thời hạn được điều chỉnh; hãy ghi văn bản của thời hạn đầu ở `legal_basis`");
    REQUIRED => DueMovedWithoutDocument:
        ("the due date moves; give the document that decided it, not that of an earlier move"),
        ("thời hạn trả lời thay đổi; hãy ghi văn bản quyết định việc này, không dùng lại văn bản \
          của lần trước");
    OUT_OF_RANGE => BeforeTerm { first: Date }:
        ("must not be before {first}, from when the current term holds"),
        ("không được trước ngày {first} là ngày thời hạn hiện tại bắt đầu áp dụng");
    NOT_ALLOWED => TermKept:
        ("a term that was set is changed, not removed"),
        ("thời hạn đã ghi chỉ được sửa, không được bỏ");
    IMMUTABLE => ReceiveDateImmutable:
        ("the day of receipt cannot be changed; reject the recommendation as INVALID and record it \
          anew"),
        ("không thể đổi ngày tiếp nhận; hãy từ chối với lý do INVALID rồi ghi lại");
    IMMUTABLE => AgencyByForwarding:
        ("changes by ForwardRecommendation only"),
        ("chỉ thay đổi bằng ForwardRecommendation");
    IMMUTABLE => ReviewDateImmutable:
        ("is set once, while the recommendation is RECEIVED"),
        ("chỉ ghi một lần, khi đang ở trạng thái RECEIVED");
    NOT_ALLOWED => ForwardedToItself:
        ("is the agency that has it already; name another one"),
        ("đang là cơ quan giữ phản ánh, kiến nghị này; hãy ghi cơ quan khác");
    OUT_OF_RANGE => BeforeLastStep { first: Date }:
        ("must not be before {first}, when it was last received, reviewed, forwarded or decided"),
        ("không được trước ngày {first} là ngày tiếp nhận, xem xét, chuyển hoặc xử lý gần nhất");
    REQUIRED => AnswerTextMissing:
        ("write the answer"),
        ("hãy ghi nội dung trả lời");
    REQUIRED => OriginalMissing:
        ("name the recommendation that it repeats"),
        ("hãy ghi phản ánh, kiến nghị mà nó trùng");
    NOT_ALLOWED => OriginalNotAllowed:
        ("goes with the ground `DUPLICATE` only"),
        ("chỉ ghi khi lý do là `DUPLICATE`");
    REFERENCE_NOT_FOUND => OriginalNotFound { name: String }:
        ("`{name}` is not another recommendation that was taken into review and not rejected"),
        ("`{name}` không phải phản ánh, kiến nghị khác đã được xem xét và không bị từ chối");
    REQUIRED => DataFlowNameMissing:
        ("say which data it is, in Vietnamese"),
        ("hãy ghi tên dữ liệu bằng tiếng Việt");
    REQUIRED => PartyMissing:
        ("name the party: one of `platform`, `agency` and `organisation`"),
        ("hãy ghi một bên: `platform`, `agency` hoặc `organisation`");
    NOT_ALLOWED => PartyTwice:
        ("names several parties; give one of `platform`, `agency` and `organisation`"),
        ("ghi nhiều bên; chỉ ghi một trong `platform`, `agency` và `organisation`");
    NOT_ALLOWED => ProviderIsOrganisation:
        ("is for a consumer; a provider is a platform, or a system of an agency"),
        ("chỉ dùng cho bên nhận; bên cung cấp là một nền tảng hoặc hệ thống của một cơ quan");
    NOT_ALLOWED => SystemOfNoAgency:
        ("is the system of an agency; name the agency, or leave it out"),
        ("là hệ thống của một cơ quan; hãy ghi cơ quan đó, hoặc bỏ trống");
    REQUIRED => SystemMissing:
        ("say which system of the agency shares the data"),
        ("hãy ghi hệ thống của cơ quan cung cấp dữ liệu");
    REQUIRED => OrganisationKindMissing:
        ("specify the kind of organisation, for example `STATE_ENTERPRISE`"),
        ("hãy ghi loại tổ chức, ví dụ `STATE_ENTERPRISE`");
    NOT_ALLOWED => OrganisationKindOfNone:
        ("is the kind of an organisation; give `organisation`, or leave it out"),
        ("là loại của một tổ chức; hãy ghi `organisation`, hoặc bỏ trống");
    NOT_ALLOWED => PartiesAreOne:
        ("is the same party as the provider; name another one"),
        ("trùng với bên cung cấp; hãy ghi bên khác");
    REQUIRED => MandateDocumentMissing:
        ("give the document that makes it mandatory"),
        ("hãy ghi văn bản quy định việc chia sẻ bắt buộc");
    REQUIRED => StateDateMissing:
        ("give the day from which the flow is in this state"),
        ("hãy ghi ngày luồng dữ liệu bắt đầu ở trạng thái này");
    REQUIRED => StateGroundMissing:
        ("say why the flow is in this state, or give a document or a source"),
        ("hãy ghi lý do của trạng thái này, hoặc văn bản, nguồn");
    NOT_ALLOWED => StateAfterEnd:
        ("comes after ENDED; create another flow"),
        ("đứng sau ENDED; hãy lập luồng dữ liệu khác");
    NOT_UNIQUE => StateRepeated:
        ("is the state of the entry before it; remove one"),
        ("trùng với trạng thái của mục trước; hãy bỏ một");
    NOT_ALLOWED => PlannedNotFirst:
        ("comes after another state; only the first entry may be PLANNED"),
        ("đứng sau trạng thái khác; chỉ mục đầu tiên được là PLANNED");
    NOT_ALLOWED => AnnulledAtFirst:
        ("is for a flow that is recorded already; leave it out"),
        ("chỉ dùng cho luồng dữ liệu đã ghi nhận; hãy bỏ trống");
    REQUIRED => FlowSourceMissing:
        ("is required: who records a flow for others names the published document that it was \
          read in"),
        ("phải có: người ghi hộ luồng dữ liệu phải nêu văn bản đã công bố");
    NOT_ALLOWED => StateOfConsumer:
        ("is not the consumer's to record: give one state, the provider's side moves it"),
        ("không do bên nhận ghi: chỉ ghi một trạng thái, bên cung cấp cập nhật trạng thái");
    IMMUTABLE => PartyImmutable:
        ("the parties of a flow cannot be changed; create another flow"),
        ("không thể đổi các bên của luồng dữ liệu; hãy lập luồng dữ liệu khác");
    NOT_ALLOWED => EntryKept:
        ("must stay as it was; add a new entry at the end, or have the steward correct this one"),
        ("phải giữ nguyên; hãy thêm mục mới ở cuối, hoặc đề nghị đơn vị quản lý danh mục đính \
          chính");
    REFERENCE_NOT_FOUND => PlatformNotFound { name: String }:
        ("`{name}` does not exist; ListPlatforms lists the platforms"),
        ("`{name}` không tồn tại; ListPlatforms liệt kê các nền tảng");
    REQUIRED => PlanNameMissing:
        ("give the title of the plan"),
        ("hãy ghi tên kế hoạch");
    OUT_OF_RANGE => PlannedNotInOrder:
        ("the planned end must not be before the planned start"),
        ("thời điểm kết thúc không được trước thời điểm bắt đầu kế hoạch");
    PATTERN => CurrencyMalformed:
        ("give the ISO 4217 code of the currency, for example `VND`"),
        ("hãy ghi mã tiền tệ theo ISO 4217, ví dụ `VND`");
    OUT_OF_RANGE => AmountOutOfRange:
        ("the amount must not be negative"),
        ("số tiền không được âm");
    OUT_OF_RANGE => DongHasNoFraction:
        ("the đồng has no smaller unit; leave `nanos` unset"),
        ("đồng Việt Nam không có đơn vị nhỏ hơn; hãy bỏ trống `nanos`");
    OUT_OF_RANGE => LineCurrencyOther { currency: String }:
        ("must be `{currency}`, as the rest of the budget"),
        ("phải là `{currency}` như phần còn lại của kinh phí");
    OUT_OF_RANGE => LinesExceedAmount { sum: String, amount: String }:
        ("the lines add up to {sum}, more than the amount of {amount}; correct a line or the \
          amount"),
        ("tổng các dòng là {sum}, vượt số tiền {amount}; hãy sửa một dòng hoặc số tiền");
    REQUIRED => VerificationMissing:
        ("specify how well the record is known, for example `VERIFIED`"),
        ("hãy ghi mức độ xác thực của bản ghi, ví dụ `VERIFIED`");
    REQUIRED => PlatformNameMissing:
        ("give the official Vietnamese name, or set `verification` to `PENDING_ANNEX` or \
          `TRANSLATED_NAME_ONLY`"),
        ("hãy ghi tên chính thức bằng tiếng Việt, hoặc ghi `verification` là `PENDING_ANNEX` \
          hay `TRANSLATED_NAME_ONLY`");
    NOT_UNIQUE => ListingRepeated { edition: String }:
        ("`{edition}` lists the platform twice; remove one listing"),
        ("`{edition}` liệt kê nền tảng này hai lần; hãy bỏ một");
    NOT_UNIQUE => StageRepeated:
        ("the stage is given twice; remove one"),
        ("giai đoạn bị lặp lại; hãy bỏ một");
    REQUIRED => ExitSuccessorMissing:
        ("name the platform that replaces it, or the record that is kept"),
        ("hãy ghi nền tảng thay thế, hoặc bản ghi được giữ lại");
    REQUIRED => ExitDecisionMissing:
        ("give the document that decided it"),
        ("hãy ghi văn bản quyết định việc này");
    REQUIRED => PrincipalKindMissing:
        ("specify `PERSON` or `SYSTEM`"),
        ("hãy ghi `PERSON` hoặc `SYSTEM`");
    REQUIRED => RoleNeedsAgency { role: String }:
        ("the role `{role}` applies within an agency; name the agency"),
        ("vai trò `{role}` gắn với một cơ quan; hãy ghi cơ quan đó");
    REQUIRED => PeriodEndMissing:
        ("give the last day of the reporting period"),
        ("hãy ghi ngày cuối của kỳ báo cáo");
    REQUIRED => ResultsMissing:
        ("describe what was done in the period"),
        ("hãy ghi kết quả đạt được trong kỳ");
    NOT_ALLOWED => LeadsBack:
        ("leads back to this edition; name another one"),
        ("dẫn trở lại chính danh mục này; hãy ghi danh mục khác");
    NOT_ALLOWED => OwnParent:
        ("an agency cannot be its own parent"),
        ("một cơ quan không thể là cấp trên của chính nó");
    OUT_OF_RANGE => BeforeIssue { issued: Date }:
        ("must not be before {issued}, when the plan was issued"),
        ("không được trước ngày {issued}, khi kế hoạch được ban hành");
    REQUIRED => RebaselineEmpty:
        ("specify what changes: milestones, or fields of the plan with other values than now"),
        ("hãy ghi nội dung điều chỉnh: mốc nhiệm vụ, hoặc trường của kế hoạch với giá trị mới");
    REQUIRED => MilestoneUnchanged:
        ("the milestone has these values already; change a field, or leave the milestone out"),
        ("mốc nhiệm vụ đã có các giá trị này; hãy sửa một trường hoặc bỏ mốc này ra");
    NOT_ALLOWED => MaskWithoutUpdate:
        ("is for UPDATE only; leave it out"),
        ("chỉ dùng cho UPDATE; hãy bỏ trống");
    NOT_ALLOWED => DropWithFields { fields: String }:
        ("DROP takes `name` only; leave out {fields}, or use UPDATE"),
        ("DROP chỉ cần `name`; hãy bỏ {fields}, hoặc dùng UPDATE");
    NOT_ALLOWED => NotOfPlan { plan: String }:
        ("must be a milestone of `{plan}`"),
        ("phải là một mốc nhiệm vụ của `{plan}`");
    NOT_UNIQUE => MilestoneRepeated:
        ("the milestone is changed twice; remove one change"),
        ("mốc nhiệm vụ bị lặp lại; hãy bỏ một");
    REFERENCE_NOT_FOUND => AgencyNotFound { name: String }:
        ("`{name}` does not exist; ListAgencies lists the agencies"),
        ("`{name}` không tồn tại; ListAgencies liệt kê các cơ quan");
    REFERENCE_NOT_FOUND => EditionNotFound { name: String }:
        ("`{name}` does not exist; ListEditions lists the editions"),
        ("`{name}` không tồn tại; ListEditions liệt kê các danh mục");
    REFERENCE_NOT_FOUND => ProgrammeNotFound { name: String }:
        ("`{name}` does not exist; ListProgrammes lists the programmes"),
        ("`{name}` không tồn tại; ListProgrammes liệt kê các chương trình");
    NOT_UNIQUE => OtherEditionPinned { edition: String }:
        ("`{edition}` is pinned, and only one edition may be; clear its `pinned` first"),
        ("`{edition}` đang được ghim, mà chỉ một danh mục được ghim; hãy bỏ `pinned` của danh mục \
          đó trước");
    REQUIRED => CorrectionReasonMissing:
        ("the milestone is already completed; give the reason for the correction"),
        ("mốc nhiệm vụ đã được ghi nhận hoàn thành; hãy ghi lý do đính chính");
    REQUIRED => AgencyAdminMissing:
        ("must have someone with the role ROLE_AGENCY_ADMIN, because the agency has nobody yet who \
          keeps its principals"),
        ("phải có người giữ vai trò ROLE_AGENCY_ADMIN vì cơ quan chưa có ai quản lý chủ thể");
    REQUIRED => SuccessionStartMissing:
        ("give the day from which the successor takes over"),
        ("hãy ghi ngày cơ quan kế thừa bắt đầu tiếp nhận");
    NOT_ALLOWED => OwnSuccessor:
        ("an agency cannot take over from itself, nor from one that took over from it"),
        ("một cơ quan không thể kế thừa chính mình hoặc cơ quan đã kế thừa mình");
    REQUIRED => PlatformsOfPartMissing:
        ("name the platforms that move, because the succession has a `scope`; leave `scope` empty \
          if the successor takes over the whole agency"),
        ("hãy ghi các nền tảng được chuyển vì việc kế thừa có `scope`; nếu kế thừa toàn bộ cơ \
          quan thì bỏ trống `scope`");
    NOT_ALLOWED => NotGovernedBy { agency: String }:
        ("is not a platform that `{agency}` governs; ListPlatforms with \
          `governing_agency = \"{agency}\"` lists them"),
        ("không phải nền tảng do `{agency}` chủ quản; ListPlatforms với \
          `governing_agency = \"{agency}\"` liệt kê các nền tảng này");
    REQUIRED => DelegationStartMissing:
        ("give the day from which the unit writes the plans"),
        ("hãy ghi ngày đơn vị bắt đầu được giao lập kế hoạch");
    NOT_ALLOWED => UnitNotBelow { agency: String }:
        ("is not a unit below `{agency}`, which governs the platform; the steward sets its \
          `parent_agency`"),
        ("không phải đơn vị trực thuộc `{agency}` là cơ quan chủ quản nền tảng; đơn vị quản lý \
          danh mục ghi `parent_agency` của đơn vị");
    NOT_ALLOWED => DelegationsOfNew:
        ("the governing agency delegates its plans once the platform is there; leave it out"),
        ("cơ quan chủ quản giao việc sau khi đã có nền tảng; hãy bỏ trống");
    OUT_OF_RANGE => OverlapTooLong:
        ("the old key works for at most 30 days beside the new one; give less"),
        ("khóa cũ dùng song song với khóa mới tối đa 30 ngày; hãy ghi ít hơn");
    FIELD_CONTRADICTED => MethodsOfFeed:
        ("a key for feeds is limited to them already; leave it empty"),
        ("khóa cho nguồn tin vốn chỉ dùng cho nguồn tin; hãy bỏ trống");
    UNKNOWN_VALUE => NoSuchMethodOrService:
        ("no service has this method; write a service as `ndp.registry.v1.PlanService`, a method \
          as `ndp.registry.v1.PlanService/GetPlan`"),
        ("không có phương thức này; hãy ghi dịch vụ như `ndp.registry.v1.PlanService`, phương thức \
          như `ndp.registry.v1.PlanService/GetPlan`");
    UNKNOWN_VALUE => NoSuchMethod:
        ("no service has this method; write it as `ndp.registry.v1.PlanService/IssuePlan`"),
        ("không dịch vụ nào có phương thức này; hãy ghi như \
          `ndp.registry.v1.PlanService/IssuePlan`");
    NOT_ALLOWED => NotItsResource:
        ("is not what the method takes as `name` or `parent`; leave it empty where it takes none"),
        ("không phải là `name` hoặc `parent` mà phương thức nhận; hãy để trống nếu không có");
    REQUIRED => GrantDateMissing:
        ("a role for a time has a first and a last day; give both"),
        ("vai trò có thời hạn phải có ngày bắt đầu và ngày kết thúc; hãy ghi cả hai");
    NOT_ALLOWED => RoleOfNoAgency { role: String }:
        ("has the role {role}, which is not one of an agency; give it with UpdatePrincipal"),
        ("có vai trò {role} không thuộc cơ quan; hãy cấp vai trò này bằng UpdatePrincipal");
    NOT_ALLOWED => OtherAgency { agency: String }:
        ("is not the agency that is onboarded; leave it out or write `{agency}`"),
        ("không phải cơ quan đang được đưa vào hệ thống; hãy bỏ trống hoặc ghi `{agency}`");
    NOT_UNIQUE => IdentityRepeated:
        ("the identity is given twice; remove one"),
        ("định danh bị lặp lại; hãy bỏ một");
    NOT_UNIQUE => IdentityTaken:
        ("the identity belongs to another principal; remove it there first"),
        ("định danh này thuộc một chủ thể khác; hãy gỡ khỏi chủ thể đó trước");
    REQUIRED => IdentityMissing:
        ("give a name of a certificate, or a subject of tokens"),
        ("hãy ghi một tên trong chứng thư hoặc một chủ thể của mã thông báo truy cập");
    REQUIRED => TokenSubjectMissing:
        ("give `subject`, or the `subject_hash` that was read before"),
        ("hãy ghi `subject`, hoặc `subject_hash` đã đọc trước đó");
    REFERENCE_NOT_FOUND => IssuerUnknown { known: String }:
        ("is no issuer that this server accepts; it accepts {known}"),
        ("không phải tổ chức phát hành mà máy chủ này chấp nhận; máy chủ chấp nhận {known}");
    NOT_UNIQUE => PrincipalRepeated:
        ("is given twice; each newcomer is another principal"),
        ("bị lặp lại; mỗi người mới là một chủ thể riêng");
    REQUIRED => TranscriptionSourceMissing:
        ("is required: what is recorded for an agency that has nobody yet names the published \
          document that it was read in"),
        ("phải có: nội dung ghi hộ cơ quan chưa có người dùng phải nêu văn bản đã công bố");
    NOT_ALLOWED => TranscriptionOfOwn:
        ("is not allowed: an agency's own plan is not transcribed; leave it out"),
        ("không dùng được: kế hoạch do chính cơ quan lập không phải ghi hộ; hãy bỏ trống");
    REQUIRED => ReinstatementDocumentMissing:
        ("is required, as it was for the exit: give the document that decided the return"),
        ("phải có, như khi rời danh mục: hãy ghi văn bản quyết định việc trở lại");
    NOT_ALLOWED => DuplicateNeverLeft:
        ("is not allowed for a duplicate, which never left the catalogue; leave it out"),
        ("không dùng cho bản ghi trùng vì bản ghi đó chưa từng ra khỏi danh mục; hãy bỏ trống");
    OUT_OF_RANGE => ReturnBeforeExit { left: Date }:
        ("must be after {left}, when the platform left; leave it out if it never did"),
        ("phải sau ngày {left}, khi nền tảng ra khỏi danh mục; nếu thực tế chưa ra thì bỏ trống");
    PERSONAL_DATA => PersonalData {
        english: &'static str,
        vietnamese: &'static str,
        position: usize,
    }:
        ("has what reads as {english} at position {position}; leave it out: people appear by \
          their office only, and an amount has its unit beside it"),
        ("có nội dung giống {vietnamese} ở vị trí {position}; hãy bỏ đi: cá nhân chỉ được ghi \
          theo chức vụ, còn số lượng, số tiền phải kèm đơn vị");
    OUT_OF_RANGE => BeforePlanInForce { first: Date }:
        ("must not be before {first}, when the plan in force was issued"),
        ("không được trước ngày {first}, khi kế hoạch đang có hiệu lực được ban hành");
    REFERENCE_NOT_FOUND => GroupNotFound { edition: String, group: String }:
        ("`{edition}` has no group `{group}`"),
        ("`{edition}` không có nhóm `{group}`");
    NOT_ALLOWED => PrincipalIdNotAllowed:
        ("only the role `ROLE_ADMIN` chooses the id of a principal; leave it empty for a random \
          one"),
        ("chỉ vai trò `ROLE_ADMIN` được chọn id của chủ thể; hãy để trống để hệ thống tự đặt");
    NOT_ALLOWED => PlanIdNotAllowed:
        ("is not chosen by those who transcribe; leave it empty for a random one"),
        ("không do người ghi hộ chọn; hãy để trống để hệ thống tự đặt");
    IMMUTABLE => PrincipalKindImmutable:
        ("the kind of a principal cannot be changed; create another principal"),
        ("không thể đổi loại chủ thể; hãy tạo chủ thể khác");
    OUT_OF_RANGE => ExpiryNotInFuture:
        ("must end in the future, before the year 10000"),
        ("phải kết thúc trong tương lai, trước năm 10000");
    REFERENCE_NOT_FOUND => ReportNotFound { report: String }:
        ("the plan has no report `{report}`; ListReports shows those it has"),
        ("kế hoạch không có báo cáo `{report}`; ListReports liệt kê báo cáo");
    NOT_ALLOWED => PeriodOfCorrection:
        ("must be the period of the report that it corrects"),
        ("báo cáo đính chính phải cùng kỳ với báo cáo được đính chính");
    OUT_OF_RANGE => CompletedBefore { day: Date }:
        ("the plan was completed on {day}, before the period"),
        ("kế hoạch đã hoàn thành ngày {day}, trước kỳ báo cáo");
    OUT_OF_RANGE => BeforeEdition { first: Date }:
        ("must not be before {first}, when the edition takes effect"),
        ("không được trước {first} là ngày danh mục có hiệu lực");
    *reason => Located { reason: Reason, character: usize, english: String, vietnamese: String }:
        ("at character {character}: {english}"),
        ("tại ký tự {character}: {vietnamese}");
    PAGE_TOKEN_INVALID => PageTokenMalformed:
        ("is not a page token that this method gave out; send `next_page_token` as it was \
          received, or start again without a page token"),
        ("không phải mã trang do phương thức này cấp; hãy gửi đúng `next_page_token` đã nhận, \
          hoặc bắt đầu lại không kèm mã trang");
    PAGE_TOKEN_INVALID => PageTokenOfOthers { names: String }:
        ("was given out for another value of {names}; repeat the arguments of the first page, or \
          start again without a page token"),
        ("được cấp cho giá trị khác của {names}; hãy giữ nguyên các tham số của trang đầu, hoặc \
          bắt đầu lại không kèm mã trang");
    UNKNOWN_VALUE => GroupWithoutEdition:
        ("each edition has its own groups; name the edition too"),
        ("mỗi danh mục có các nhóm riêng; hãy ghi cả danh mục");
    UNKNOWN_VALUE => EditionWithoutGroups { edition: String }:
        ("`{edition}` has no groups; leave `group` empty"),
        ("`{edition}` không chia nhóm; hãy để trống `group`");
    UNKNOWN_VALUE => GroupUnknown {
        edition: String,
        group: String,
        near: Option<String>,
        known: String,
    }:
        ("`{edition}` has no group `{group}`{}; its groups are \
          {known}", did_you_mean(near.as_deref())),
        ("`{edition}` không có nhóm `{group}`{}; các nhóm là \
          {known}", did_you_mean_vi(near.as_deref()));
    REQUIRED => IssuerMissing:
        ("give the issuing body as printed"),
        ("hãy ghi cơ quan ban hành đúng như bản in");
    REQUIRED => SymbolMissing:
        ("give the document's symbol as printed, for example `2618/QĐ-BKHCN`"),
        ("hãy ghi số, ký hiệu văn bản đúng như bản in, ví dụ `2618/QĐ-BKHCN`");
    REQUIRED => IssueDateMissing:
        ("give the date of issue of the document"),
        ("hãy ghi ngày ban hành văn bản");
    REQUIRED => DigestMissing:
        ("give the SHA-256 of the document's file, 64 lower-case hexadecimal digits"),
        ("hãy ghi mã băm SHA-256 của tệp văn bản, 64 chữ số thập lục phân viết thường");
    OUT_OF_RANGE => NoPeriodEnds { end: Date, near: Date }:
        ("no reporting period of the plan ends on {end}; the next one ends {near}"),
        ("không có kỳ báo cáo nào kết thúc ngày {end}; kỳ gần nhất là {near}");
    OUT_OF_RANGE => PeriodNotOver { today: Date, end: Date }:
        ("must not be after today ({today}); the period ends on {end}"),
        ("không được sau ngày hôm nay ({today}); kỳ báo cáo kết thúc ngày {end}");
    OUT_OF_RANGE => PeriodBeforeIssue { issued: Date }:
        ("the plan was issued on {issued}, after the period; report on a later period"),
        ("kế hoạch được ban hành ngày {issued}, sau kỳ báo cáo; hãy báo cáo kỳ sau");
    error.reason() => Time { error: TimeError }:
        ("{}", error.english()),
        ("{}", error.vietnamese());
    fault.reason() => Text { fault: Fault }:
        ("{}", fault.english()),
        ("{}", fault.vietnamese());
    REQUIRED => EtagMissing:
        ("is required; read the record and send its `etag`"),
        ("là bắt buộc; hãy đọc bản ghi rồi gửi `etag` của bản ghi đó");
    REQUIRED => ReasonMissing:
        ("is required; say why, in a sentence that the log keeps"),
        ("là bắt buộc; hãy nêu lý do bằng một câu, sẽ được lưu vào nhật ký");
    REQUIRED => DocumentMissing:
        ("is required; send the document that decides this, with its `issuer`, `symbol` and \
          `issue_date`"),
        ("là bắt buộc; hãy gửi văn bản quyết định việc này, gồm `issuer`, `symbol` và \
          `issue_date`");
    REQUIRED => QueryMissing:
        ("is required; write the words to search for"),
        ("là bắt buộc; hãy ghi các từ cần tìm");
    REQUIRED => Missing:
        ("is required; set it"),
        ("là bắt buộc; hãy điền trường này");
    REQUIRED => OneOfMissing { names: String }:
        ("one of {names} is required; set it"),
        ("phải điền một trong: {names}");
    PATTERN => Pattern { pattern: &'static str }:
        ("must match the pattern `{pattern}`"),
        ("phải khớp với mẫu `{pattern}`");
    PATTERN => NameForm { form: String }:
        ("must have the form `{form}`; an id is 1 to 63 lower-case letters, digits and hyphens, \
          without a hyphen at either end"),
        ("phải có dạng `{form}`; id gồm 1 đến 63 chữ cái thường không dấu, chữ số và dấu gạch \
          nối, không có dấu gạch nối ở đầu hay cuối");
    PATTERN => NameForms { forms: String }:
        ("must be one of the resource names `{forms}`; `|` stands between alternatives, `(…)?` \
          may be left out, and an id is 1 to 63 lower-case letters, digits and hyphens, without \
          a hyphen at either end"),
        ("phải là một trong các tên tài nguyên `{forms}`; `|` ngăn cách các lựa chọn, phần trong \
          `(…)?` có thể bỏ, id gồm 1 đến 63 chữ cái thường không dấu, chữ số và dấu gạch nối, \
          không có dấu gạch nối ở đầu hay cuối");
    TOO_SHORT => TooShort { least: Quantity, has: u64 }:
        ("must have at least {}, but has {has}", least.english()),
        ("phải có ít nhất {}, hiện có {has}", least.vietnamese());
    TOO_LONG => TooLong { most: Quantity, has: u64 }:
        ("must have at most {}, but has {has}; shorten it", most.english()),
        ("chỉ được có tối đa {}, hiện có {has}; hãy rút ngắn", most.vietnamese());
    TOO_FEW_ITEMS => TooFewItems { least: Quantity, has: u64 }:
        ("must have at least {}, but has {has}", least.english()),
        ("phải có ít nhất {}, hiện có {has}", least.vietnamese());
    TOO_MANY_ITEMS => TooManyItems { most: Quantity, has: u64 }:
        ("must have at most {}, but has {has}", most.english()),
        ("chỉ được có tối đa {}, hiện có {has}", most.vietnamese());
    UNKNOWN_PATH => StarBesideOthers:
        ("has `*` beside other paths; send `*` alone or leave it out"),
        ("có `*` cùng với đường dẫn khác; hãy chỉ gửi `*` hoặc bỏ nó đi");
    UNKNOWN_PATH => PathsInOne { path: String }:
        ("has `{path}` as one path; send each path as an element of its own"),
        ("có `{path}` là một đường dẫn; hãy gửi mỗi đường dẫn thành một phần tử");
    UNKNOWN_PATH => PathUnknown { path: String, near: Option<String>, fields: String }:
        ("has the unknown path `{path}`{}; the fields are {fields}", did_you_mean(near.as_deref())),
        (
            "có đường dẫn không tồn tại `{path}`{}; các trường là {fields}",
            did_you_mean_vi(near.as_deref())
        );
    UNKNOWN_PATH => PathWithin { path: String, field: String, whole: String }:
        ("has the path `{path}` inside `{field}`, which is only replaced whole; send `{whole}`"),
        ("có đường dẫn `{path}` nằm trong `{field}`, trường chỉ thay được toàn bộ; hãy gửi \
          `{whole}`");
    TOO_MANY_ITEMS => TooManyPaths { most: usize, has: usize }:
        ("must have at most {most} paths, but has {has}; name whole messages or send `*`"),
        ("chỉ được có tối đa {most} đường dẫn, hiện có {has}; hãy ghi tên cả thông điệp hoặc gửi \
          `*`");
    PREFIX => Prefix { prefix: &'static str }:
        ("must begin with `{prefix}`"),
        ("phải bắt đầu bằng `{prefix}`");
    NOT_ALLOWED => NotTheOne { value: String }:
        ("must be {value}"),
        ("phải là {value}");
    NOT_ALLOWED => NotWithin { values: String }:
        ("must be one of {values}"),
        ("phải là một trong: {values}");
    NOT_ALLOWED => Within { values: String }:
        ("must not be one of {values}; choose another value"),
        ("không được là một trong: {values}; hãy chọn giá trị khác");
    NOT_A_UUID => NotAUuid:
        ("must be a UUID with hyphens, for example `123e4567-e89b-42d3-a456-426614174000`; make \
          a new one for each request, and repeat it only to retry that request"),
        ("phải là một UUID có dấu gạch nối, ví dụ `123e4567-e89b-42d3-a456-426614174000`; hãy \
          tạo mã mới cho mỗi yêu cầu và chỉ dùng lại khi gửi lại đúng yêu cầu đó");
    NOT_A_URI => NotAUri:
        ("must be a URI with a scheme, for example `https://example.gov.vn/van-ban/1`; \
          percent-encode spaces and accented letters"),
        ("phải là một URI có lược đồ, ví dụ `https://example.gov.vn/van-ban/1`; hãy mã hóa phần \
          trăm khoảng trắng và chữ có dấu");
    NOT_A_URI => NotAPage:
        ("must be the address of a page, as `https://example.gov.vn/van-ban/1`: http or https, a \
          host in ASCII, no user name; percent-encode spaces and accented letters"),
        ("phải là địa chỉ một trang, ví dụ `https://example.gov.vn/van-ban/1`: http hoặc https, \
          tên máy chủ viết bằng ASCII, không có tên người dùng; hãy mã hóa phần trăm khoảng \
          trắng và chữ có dấu");
    OUT_OF_RANGE => NotBetween { min: String, max: String, is: String }:
        ("must be from {min} to {max}, is {is}"),
        ("phải từ {min} đến {max}, hiện là {is}");
    OUT_OF_RANGE => TooSmall { min: String, is: String }:
        ("must be at least {min}, is {is}"),
        ("phải từ {min} trở lên, hiện là {is}");
    OUT_OF_RANGE => TooGreat { max: String, is: String }:
        ("must be at most {max}, is {is}"),
        ("phải không quá {max}, hiện là {is}");
    OUT_OF_RANGE => NotFinite { is: String }:
        ("must be a finite number, is {is}"),
        ("phải là một số hữu hạn, hiện là {is}");
    OUT_OF_RANGE => HeartbeatOutOfRange:
        ("must be from 1 second to 300 seconds, or absent for 10 seconds"),
        ("phải từ 1 giây đến 300 giây, hoặc để trống để nhận mỗi 10 giây");
    OUT_OF_RANGE => SignsDiffer:
        ("must have the same sign as the integer part"),
        ("phải cùng dấu với phần nguyên");
    UNKNOWN_VALUE => NotDefined { number: i32, names: String }:
        ("is {number}, which is not defined; use one of {names}"),
        ("có giá trị không tồn tại {number}; hãy dùng một trong: {names}");
    NOT_UNIQUE => SameAs { first: String }:
        ("is the same as `{first}`; remove one of them"),
        ("trùng với `{first}`; hãy bỏ một trong hai");
    NOT_UNIQUE => KeyRepeated:
        ("the key is given twice, in composed and in decomposed letters; remove one"),
        ("khóa bị lặp lại dưới dạng chữ dựng sẵn và chữ tổ hợp; hãy bỏ một");
    PARTIAL_DATE => PartialDate:
        ("must be a complete date: give year, month and day, or leave the date unset"),
        ("phải là một ngày đầy đủ: hãy ghi năm, tháng và ngày, hoặc bỏ trống trường này");
    REQUIRED => FigureDateMissing:
        ("give the date that the figure is for"),
        ("hãy ghi ngày của số liệu");
    REQUIRED => FirstDateMissing:
        ("give the first date"),
        ("hãy ghi ngày đầu tiên");
    OUT_OF_RANGE => EndBeforeStart:
        ("must not be before `start_date`"),
        ("không được trước `start_date`");
    TOO_MANY_POINTS => TooManyPoints { most: usize }:
        ("gives more than {most} dates; choose a longer interval or a shorter period"),
        ("cho hơn {most} ngày; hãy chọn bước dài hơn hoặc khoảng thời gian ngắn hơn");
    NOT_ALLOWED => ReadTwice:
        ("give either `read_revision` or `read_time`"),
        ("chỉ ghi một trong hai: `read_revision` hoặc `read_time`");
    OUT_OF_RANGE => AfterNewest { newest: Revision }:
        ("must be at most {newest}, the newest revision"),
        ("không được quá {newest} là phiên bản mới nhất");
    OUT_OF_RANGE => AboveTreeSize { size: Revision }:
        ("must be at most {size}, the size of the later tree"),
        ("không được quá {size} là kích thước của cây sau");
    OUT_OF_RANGE => TreeWithoutChange { revision: Revision }:
        ("must be at least {revision}: a smaller tree does not have the change"),
        ("phải từ {revision} trở lên: cây nhỏ hơn không có thay đổi này");
    OUT_OF_RANGE => BeforeLog { first: Timestamp }:
        ("must not be before {first}, when the log begins"),
        ("không được trước {first} là lúc bắt đầu nhật ký");
    OUT_OF_RANGE => AfterAnswer { today: Date }:
        ("must not be after {today}, the date of the answer"),
        ("không được sau {today} là ngày của câu trả lời");
    OUT_OF_RANGE => ReadTimeInFuture { now: Timestamp }:
        ("must not be in the future; it is now {now}"),
        ("không được ở tương lai; hiện là {now}");
    ANSWER_TOO_LARGE => AnswerTooLarge { size: usize, most: usize }:
        ("these platforms make up {size} bytes, more than {most}; ask for fewer, or for the view \
          BASIC"),
        ("các nền tảng này chiếm {size} byte, vượt quá {most}; hãy yêu cầu ít hơn, hoặc dùng \
          view BASIC");
    ORDER_TOO_LONG => OrderOfChanges:
        ("changes are ordered by `revision` or `revision desc` alone"),
        ("các thay đổi chỉ sắp xếp được theo `revision` hoặc `revision desc`");
    NOT_ALLOWED => ResumeOnly { field: &'static str }:
        ("goes with `start` RESUME only; set that, or leave `{field}` out"),
        ("chỉ dùng cùng `start` là RESUME; hãy đặt giá trị đó, hoặc bỏ `{field}`");
    NOT_ALLOWED => ResumeTwice:
        ("goes without `resume_position`, which says the revision"),
        ("không dùng cùng `resume_position`, vì trường đó đã có số phiên bản");
    PARAMETER_MALFORMED => NotSentByUs:
        ("is not one that this service has sent"),
        ("không phải là giá trị do dịch vụ này gửi");
    OUT_OF_RANGE => MinRevisionMalformed:
        ("must be a revision, a whole number of 0 or more as `ndp-revision` writes it, or a \
          position as `ndp-position` writes it"),
        ("phải là số phiên bản, số nguyên từ 0 trở lên viết như trong `ndp-revision`, hoặc vị \
          trí viết như trong `ndp-position`");
    MALFORMED => TimeoutMalformed:
        ("must be at most 8 digits and a unit (H, M, S, m, u or n), for example `250m`"),
        ("phải gồm tối đa 8 chữ số và một đơn vị (H, M, S, m, u hoặc n), ví dụ `250m`");
    NOT_ALLOWED => ActorOfPerson:
        ("this principal is a person; remove the metadata `ndp-actor`, which only systems send"),
        ("chủ thể này là một người; hãy bỏ metadata `ndp-actor`, chỉ hệ thống mới gửi");
    PATTERN => ActorMalformed { most: usize }:
        ("give the staff or account code of the person who acts, never a name: 1 to {most} \
          letters without marks, digits, `.`, `_` and `-`, as `CB-0142`"),
        ("hãy ghi mã cán bộ hoặc mã tài khoản của người thực hiện, không ghi họ tên: 1 đến \
          {most} chữ cái không dấu, chữ số, `.`, `_` và `-`, ví dụ `CB-0142`");
    PERSONAL_DATA => ActorIsPersonal { english: &'static str, vietnamese: &'static str }:
        ("reads as {english}; give a staff or account code instead"),
        ("giống {vietnamese}; hãy ghi mã cán bộ hoặc mã tài khoản");
    OUT_OF_RANGE => AllowanceLength { most: usize }:
        ("must say why in 1 to {most} UTF-8 characters"),
        ("phải ghi lý do bằng 1 đến {most} ký tự UTF-8");
    BODY_MALFORMED => BodyOfWrongType { form: String }:
        ("has a value of the wrong type; write {form}"),
        ("có giá trị sai kiểu; hãy ghi {form}");
    BODY_MALFORMED => BodyNotOf { message: String, problem: String }:
        ("the body is not JSON of `{message}`: {problem}"),
        ("nội dung không phải JSON của `{message}`: {problem}");
    BODY_MALFORMED => BodyNeedsList:
        ("is a list; write [ … ]"),
        ("là một danh sách; hãy ghi [ … ]");
    BODY_MALFORMED => BodyNeedsMap:
        ("has keys and values; write {{ … }}"),
        ("gồm khóa và giá trị; hãy ghi {{ … }}");
    BODY_MALFORMED => BodyHasNull:
        ("is null, which is no value; remove it"),
        ("là null, tức không có giá trị; hãy bỏ đi");
    BODY_TOO_COMPLEX => BodyTooComplex { most: usize }:
        ("the body has more than {most} values; send less in one call"),
        ("nội dung có hơn {most} giá trị; hãy gửi ít hơn trong một lần gọi");
    BODY_TOO_DEEP => BodyTooDeep { most: usize }:
        ("the body has more than {most} levels of objects and lists"),
        ("nội dung có hơn {most} tầng đối tượng và danh sách lồng nhau");
    BODY_UNEXPECTED => BodyUnexpected:
        ("this method takes no body; send its fields as query parameters"),
        ("phương thức này không nhận nội dung; hãy gửi các trường bằng tham số truy vấn");
    REQUIRED => BodyMissing:
        ("is required; send it as the JSON body"),
        ("là bắt buộc; hãy gửi trong nội dung, dạng JSON");
    FIELD_UNKNOWN => FieldUnknown { message: String }:
        ("is not a field of `{message}`; remove it"),
        ("không phải là trường của `{message}`; hãy bỏ đi");
    FIELD_REPEATED => FieldRepeated:
        ("must not be repeated, in either spelling; send it once"),
        ("không được lặp lại, dù theo cách viết nào; hãy gửi một lần");
    FIELD_CONTRADICTED => FieldContradicted { other: String }:
        ("cannot be set together with `{other}`; give one of them"),
        ("không dùng cùng `{other}`; hãy ghi một trong hai");
    PATH_CONTRADICTED => PathContradicted:
        ("differs from the value in the URL path; remove it from the body"),
        ("khác với giá trị trong đường dẫn URL; hãy bỏ trường này khỏi nội dung");
    TOO_MANY_PARAMETERS => TooManyParameters { most: usize }:
        ("has more than {most} parameters; send fewer"),
        ("có hơn {most} tham số; hãy gửi ít hơn");
    PARAMETER_MALFORMED => ParameterNotUtf8:
        ("has a parameter that is not UTF-8; percent-encode its UTF-8 bytes"),
        ("có tham số không phải UTF-8; hãy mã hóa phần trăm các byte UTF-8");
    PARAMETER_UNKNOWN => ParameterUnknown:
        ("is not a parameter of this method; remove it"),
        ("không phải là tham số của phương thức này; hãy bỏ đi");
    PARAMETER_NOT_TEXT => ParameterNotText:
        ("is a message; set its fields, for example `parent.child=value`"),
        ("là một thông điệp; hãy ghi từng trường, ví dụ `parent.child=value`");
    PARAMETER_REPEATED => ParameterRepeated:
        ("must not be repeated; send it once"),
        ("không được lặp lại; hãy gửi một lần");
    PARAMETER_CONTRADICTED => ParameterContradicted { other: String }:
        ("cannot be set together with `{other}`; give one of them"),
        ("không dùng cùng `{other}`; hãy ghi một trong hai");
    PARAMETER_MALFORMED => ParameterMalformed { form: String }:
        ("has a value of the wrong type; write {form}"),
        ("có giá trị sai kiểu; hãy ghi {form}");
    PARAMETER_MALFORMED => EventIdMalformed:
        ("is not a position; send the id of the last event received, or remove the header"),
        ("không phải là vị trí; hãy gửi id của sự kiện cuối cùng đã nhận, hoặc bỏ header này");
    MALFORMED => GzipMalformed:
        ("is gzip, but the body is not, or is cut off; compress it again"),
        ("là gzip, nhưng nội dung không phải gzip hoặc bị cắt; hãy nén lại");
    MALFORMED => SecondsMalformed:
        ("write seconds, with a point before a fraction, for example 2.5; 0 is a time that is \
          over"),
        ("hãy ghi số giây, dùng dấu chấm trước phần lẻ, ví dụ 2.5; 0 là đã hết thời gian");
    MALFORMED => EtagsMalformed:
        ("write tags in quotes as `etag` has them, with commas between them, or `*`"),
        ("hãy ghi các etag trong dấu ngoặc kép như `etag` đã trả về, cách nhau bằng dấu phẩy, \
          hoặc `*`");
    CONDITION_UNSUPPORTED => IfNoneMatchOfWrite:
        ("is a condition of GET only; remove it: a method that creates never overwrites"),
        ("chỉ dùng với GET; hãy bỏ đi: lệnh tạo không bao giờ ghi đè bản ghi");
    CONDITION_UNSUPPORTED => IfMatchWithoutEtag:
        ("is not supported: this method compares no etag; remove it"),
        ("không được hỗ trợ: phương thức này không so sánh etag; hãy bỏ đi");
    CONDITION_UNSUPPORTED => IfMatchOfAny:
        ("must name the etag that was read; this method does not accept `*`"),
        ("phải ghi etag đã đọc: phương thức này không nhận `*`");
    ETAG_CONTRADICTED => EtagContradicted:
        ("differs from the `etag` in the body; send one of the two"),
        ("khác với `etag` trong nội dung; hãy gửi một trong hai");
}

messages! {
    /// A condition that the registry's state does not meet, so that a well-formed request is
    /// refused.
    #[derive(Clone, Debug, PartialEq, Eq)]
    Condition

    FILE_REFUSED => FileRefused:
        ("the scanner refused the file, so it is not kept; see that it holds no malware"),
        ("phần mềm quét đã từ chối tệp nên tệp không được lưu; hãy kiểm tra mã độc trong tệp");
    TEXT_NOT_FOUND => TextNotFound:
        ("the text is in no image of this resource and in no reason of a change to it; give it \
          exactly as it is shown, and leave out resources that do not have it"),
        ("nội dung này không có trong bản ghi, kể cả các bản trước, và lý do của các thay đổi; \
          hãy ghi đúng như đang hiển thị và bỏ những bản ghi không có nội dung này");
    TEXT_IN_IDENTIFIER => TextInIdentifier { field: String }:
        ("in `{field}` the text is a part of a name, a word of the contract, a date or a digest, \
          which cannot be redacted; give more of the text, so that it is free text only"),
        ("tại `{field}`, nội dung này là một phần của tên định danh, giá trị quy định, ngày hoặc \
          mã băm nên không thể xóa; hãy ghi đầy đủ hơn để chỉ khớp phần văn bản tự do");
    REDACTION_TOO_LARGE => RedactionTooLarge { rows: usize, bytes: usize, before: Revision }:
        ("more than {rows} rows or {bytes} bytes of the log have the text; name fewer resources, \
          or give `end_revision` {before} first and then redact the rest"),
        ("nội dung này có trong hơn {rows} dòng hoặc {bytes} byte của nhật ký; hãy nêu ít bản ghi \
          hơn, hoặc ghi `end_revision` {before} trước, sau đó xóa phần còn lại");
    REDACTION_OVERTAKEN => RedactionOvertaken:
        ("it was written while its history was read; send the request again"),
        ("bản ghi vừa được ghi trong lúc đọc lịch sử; hãy gửi lại yêu cầu");
    COMPARISON_TOO_LONG => ComparisonTooLong:
        ("the two editions list more platforms than one answer can hold; read the platforms of \
          each with ListPlatforms and compare their `listings`"),
        ("hai danh mục có nhiều nền tảng hơn mức một trả lời có thể chứa; hãy đọc các nền tảng \
          của từng danh mục bằng ListPlatforms rồi so sánh `listings`");
    EDITION_NOT_HELD => EditionNotHeld { name: String }:
        ("the registry has no entries of `{name}`, so there is nothing to compare"),
        ("chưa có mục nào của `{name}` trong hệ thống nên không thể so sánh");
    RECORD_TOO_LARGE => RecordTooLarge { bytes: usize, most: usize }:
        ("the record would take {bytes} bytes, at most {most} are allowed; shorten its texts and \
          lists, and refer to documents by `uri`"),
        ("bản ghi sẽ chiếm {bytes} byte, chỉ được tối đa {most}; hãy rút gọn nội dung và danh \
          sách, dẫn văn bản bằng `uri`");
    CHANGE_TOO_LARGE => ChangeTooLarge { bytes: usize, most: usize }:
        ("the records that this changes would take {bytes} bytes, at most {most} are allowed; \
          shorten them first"),
        ("các bản ghi bị thay đổi sẽ chiếm {bytes} byte, chỉ được tối đa {most}; hãy rút gọn \
          chúng trước");
    SECOND_PERSON_NEEDED => SecondPersonNeeded:
        ("the person who requested this cannot approve it; another person must"),
        ("người đã đề nghị không được phê duyệt; phải do người khác phê duyệt");
    ACTOR_NEEDED => ActorNeeded:
        ("this requires two people, so a system must name the acting person in the metadata \
          `ndp-actor`"),
        ("việc này cần hai người, nên hệ thống phải ghi người thực hiện trong metadata \
          `ndp-actor`");
    PLAN_IS_FULL => PlanIsFull { held: usize, what: String, what_vi: String, most: usize }:
        ("the plan has {held} {what}; it may have {most}"),
        ("kế hoạch đã có {held} {what_vi}; chỉ được có {most}");
    PERIOD_IS_OBSERVED => PeriodIsObserved { observation: String }:
        ("`{observation}` is the value of this period; name it in `replaces` to correct it"),
        ("kỳ này đã có số liệu `{observation}`; hãy nêu trong `replaces` để đính chính");
    OBSERVATION_IS_REPLACED => ObservationIsReplaced { by: String }:
        ("the value was replaced by `{by}`; replace that one instead"),
        ("số liệu này đã được thay thế bằng `{by}`; hãy thay thế số liệu đó");
    PERIOD_IS_CLOSED => PeriodIsClosed { end: Date }:
        ("the period that ends on {end} is closed already"),
        ("kỳ kết thúc ngày {end} đã được chốt");
    INDICATOR_IS_FULL => ClosingsFull { most: usize }:
        ("the indicator has {most} closed periods; create another indicator"),
        ("chỉ tiêu đã có {most} kỳ được chốt; hãy tạo chỉ tiêu khác");
    DEFINITIONS_DIFFER => DefinitionsDiffer { agency: String, version: i32, other: i32 }:
        ("the value of `{agency}` follows definition {other}, the others follow {version}; set \
          `allow_mixed` to compare them all the same"),
        ("số liệu của `{agency}` theo định nghĩa {other}, các số liệu khác theo định nghĩa \
          {version}; hãy đặt `allow_mixed` nếu vẫn muốn so sánh");
    MILESTONE_IS_COMPLETED => MilestoneIsCompleted:
        ("the milestone is COMPLETED, so what it promised cannot be changed"),
        ("mốc nhiệm vụ đã hoàn thành nên nội dung cam kết được giữ nguyên");
    PLAN_IN_FORCE => PlanInForce { plan: String }:
        ("`{plan}` is in force, and a platform has one plan in force at a time"),
        ("`{plan}` đang có hiệu lực, và mỗi nền tảng chỉ có một kế hoạch có hiệu lực");
    DEPLOYMENT_CONFIRMED => DeploymentConfirmed:
        ("the deployment is confirmed as it stands; it needs another confirmation once its agency \
          writes it again"),
        ("bản ghi triển khai đã được xác nhận; chỉ xác nhận lại sau khi cơ quan cập nhật");
    NOT_TRANSCRIBED => NotTranscribed:
        ("the plan was written by its agency, so there is nothing to confirm"),
        ("kế hoạch do chính cơ quan lập nên không có gì cần xác nhận");
    TRANSCRIPTION_CONFIRMED => TranscriptionConfirmed:
        ("the agency confirmed the plan already"),
        ("cơ quan đã xác nhận kế hoạch này");
    MILESTONE_NOT_COMPLETED => MilestoneNotCompleted { state: &'static str }:
        ("the milestone is {state}; only a COMPLETED one can be reopened"),
        ("mốc nhiệm vụ đang ở trạng thái {state}; chỉ mở lại được mốc đã hoàn thành");
    RECORD_IS_WITHDRAWN => ReportIsWithdrawn:
        ("the report was withdrawn and counts nowhere; file a new report on the period instead"),
        ("báo cáo này đã được rút và không còn được tính; hãy lập báo cáo mới cho kỳ này");
    RECORD_IS_WITHDRAWN => AssessmentIsWithdrawn:
        ("the assessment was withdrawn and counts nowhere; make a new one instead"),
        ("đánh giá này đã được rút và không còn được tính; hãy lập đánh giá mới");
    PLATFORM_IS_ACTIVE => PlatformIsActive { name: String }:
        ("`{name}` is in the catalogue; only a platform that has left can be reinstated"),
        ("`{name}` đang có trong danh mục; chỉ khôi phục được nền tảng đã ra khỏi danh mục");
    PLATFORM_HISTORY_FULL => PlatformHistoryFull { most: usize }:
        ("the platform has come back {most} times; create a new one instead"),
        ("nền tảng đã trở lại danh mục {most} lần; hãy lập bản ghi mới thay thế");
    TASK_STATE => TaskState { state: &'static str, needed: String }:
        ("the task is {state}; this method needs one of {needed}"),
        ("nhiệm vụ đang ở trạng thái {state}; phương thức này cần một trong {needed}");
    TASK_FOLLOWS_MILESTONE => TaskFollowsMilestone { milestone: String }:
        ("the completion of the task is read from `{milestone}`; complete that, or clear \
          `milestone` first"),
        ("kết quả của nhiệm vụ được lấy từ `{milestone}`; hãy ghi nhận hoàn thành mốc đó, hoặc bỏ \
          `milestone` trước");
    TASK_HAS_CHILDREN => TaskHasChildren:
        ("there are tasks below this one in the same programmes; clear their `parent` first"),
        ("còn nhiệm vụ con trong cùng chương trình; hãy bỏ `parent` của chúng trước");
    TASK_IS_FULL => TaskDueMovesFull { most: usize }:
        ("the due date has been moved {most} times; drop the task and create a new one"),
        ("thời hạn đã được điều chỉnh {most} lần; hãy hủy nhiệm vụ và lập nhiệm vụ mới");
    TASK_IS_FULL => TaskReturnsFull { most: usize }:
        ("{most} reports of the task were returned; confirm this one, or drop the task"),
        ("đã trả lại {most} báo cáo của nhiệm vụ; hãy xác nhận báo cáo này hoặc hủy nhiệm vụ");
    TASK_IS_FULL => TaskLeadsFull { most: usize }:
        ("the task has had {most} lead agencies; drop it and create a new one"),
        ("nhiệm vụ đã qua {most} cơ quan chủ trì; hãy hủy và lập nhiệm vụ mới");
    DATA_FLOW_IS_CONFIRMED => DataFlowIsConfirmed:
        ("the agency has confirmed the flow already"),
        ("cơ quan đã xác nhận luồng dữ liệu này");
    DATA_FLOW_IS_ANNULLED => DataFlowIsAnnulled:
        ("the flow was recorded in error and counts nowhere; create another one, or have the \
          steward clear `annulled`"),
        ("luồng dữ liệu này đã ghi nhầm và không được tính; hãy lập luồng dữ liệu khác, hoặc đề \
          nghị đơn vị quản lý danh mục bỏ `annulled`");
    DATA_FLOW_IS_FULL => DataFlowIsFull { most: usize }:
        ("the flow may have {most} confirmations; end it and create another one"),
        ("luồng dữ liệu chỉ được có {most} lần xác nhận; hãy kết thúc và lập luồng khác");
    MILESTONE_IS_DROPPED => MilestoneIsDropped:
        ("the milestone is DROPPED; create a new one instead"),
        ("mốc nhiệm vụ đã bị hủy bỏ; hãy lập mốc mới thay thế");
    PLATFORM_WITHOUT_AGENCY => PlatformWithoutAgency:
        ("the platform has no governing agency, so it cannot have plans; the steward must add it \
          to `governance` first"),
        ("nền tảng chưa có cơ quan chủ quản nên chưa lập được kế hoạch; đơn vị quản lý danh mục \
          cần ghi vào `governance` trước");
    PLAN_NOT_ISSUED => PlanNotIssued { state: &'static str }:
        ("the plan is {state}; this method requires an ISSUED plan"),
        ("kế hoạch đang ở trạng thái {state}; phương thức này cần kế hoạch đã ban hành");
    PLAN_HISTORY_FULL => PlanHistoryFull { most: usize }:
        ("the plan has been through {most} states; end it and create a new one"),
        ("kế hoạch đã qua {most} trạng thái; hãy kết thúc và lập kế hoạch mới");
    PLAN_IS_FROZEN => PlanIsFrozen:
        ("the plan is SUBMITTED and cannot be changed; use ReturnPlan to send it back for changes"),
        ("kế hoạch đã trình nên không sửa được; hãy dùng ReturnPlan để trả lại");
    PLAN_IS_ISSUED => PlanIsIssued { field: String, place: String }:
        ("the plan is ISSUED, so `{field}` changes only by a document and a second person; propose \
          it with RebaselinePlan, in `{place}`"),
        ("kế hoạch đã ban hành nên `{field}` chỉ thay đổi khi có văn bản và người thứ hai phê \
          duyệt; hãy đề nghị bằng RebaselinePlan, tại `{place}`");
    PLAN_HAS_ENDED => PlanHasEnded { state: &'static str }:
        ("the plan is {state} and cannot be changed; create a new one"),
        ("kế hoạch ở trạng thái {state} nên không sửa được; hãy lập kế hoạch mới");
    PLAN_STATE => PlanState { state: &'static str, method: &'static str, from: String }:
        ("the plan is {state}; {method} requires one that is {from}"),
        ("kế hoạch đang ở trạng thái {state}; {method} cần trạng thái {from}");
    PLATFORM_HAS_PLANS => PlatformHasPlans:
        ("the platform has plans, and a plan needs an agency that answers for it; name the new \
          governing agency"),
        ("nền tảng đã có kế hoạch, mà kế hoạch phải có cơ quan chịu trách nhiệm; hãy ghi cơ quan \
          chủ quản mới");
    PLATFORM_HAS_LIVE_PLANS => PlatformHasLivePlans { plan: String, state: &'static str }:
        ("`{plan}` is {state}; complete, revoke or withdraw it first"),
        ("`{plan}` đang ở trạng thái {state}; hãy kết thúc trước");
    SUCCESSOR_NOT_ACTIVE => SuccessorNotActive { successor: String }:
        ("the successor `{successor}` is not another platform in the catalogue"),
        ("`{successor}` không phải một nền tảng khác trong danh mục");
    BOTH_ARE_LISTED => BothAreListed { name: String, successor: String, edition: String }:
        ("`{edition}` lists both `{name}` and `{successor}`, so they are two entries; correct \
          the listings first if they are not"),
        ("`{edition}` liệt kê cả `{name}` và `{successor}` nên đây là hai mục; nếu không phải, \
          hãy sửa danh sách trước");
    PLATFORM_NOT_ACTIVE => PlatformNotActive { name: String }:
        ("`{name}` has left the catalogue"),
        ("`{name}` đã ra khỏi danh mục");
    RECOMMENDATION_STATE => RecommendationState {
        state: &'static str,
        method: &'static str,
        from: String,
    }:
        ("the recommendation is {state}; {method} requires one that is {from}"),
        ("phản ánh, kiến nghị đang ở trạng thái {state}; {method} cần trạng thái {from}");
    RECOMMENDATION_STATE => RecommendationDecided { state: &'static str, field: String }:
        ("the recommendation is {state}, so `{field}` cannot be changed; the steward can reopen \
          it"),
        ("phản ánh, kiến nghị ở trạng thái {state} nên không sửa được `{field}`; đơn vị quản lý \
          danh mục có thể mở lại");
    RECOMMENDATION_IS_FULL => RecommendationIsFull { what: String, what_vi: String, most: usize }:
        ("the recommendation has {most} {what} and may have no more; create a new one instead"),
        ("phản ánh, kiến nghị đã có {most} {what_vi} là mức tối đa; hãy lập bản ghi mới thay thế");
    KEY_IS_EXPIRED => KeyIsExpired:
        ("the key has expired; create a new one"),
        ("khóa này đã hết hạn; hãy tạo khóa mới");
    KEY_IS_REVOKED => KeyIsRevoked:
        ("the key is already revoked"),
        ("khóa này đã bị thu hồi");
    LAST_ADMIN => LastAdmin:
        ("this is the last active administrator; create another one first"),
        ("đây là quản trị viên cuối cùng còn hoạt động; hãy tạo quản trị viên khác trước");
    LAST_AGENCY_ADMIN => LastAgencyAdmin { agency: String }:
        ("this is the last administrator of `{agency}`; give someone else there the role \
          ROLE_AGENCY_ADMIN first, or ask an administrator of the registry or of the agency above"),
        ("đây là quản trị viên cuối cùng của `{agency}`; hãy giao vai trò ROLE_AGENCY_ADMIN cho \
          người khác trước, hoặc đề nghị quản trị viên hệ thống hay cơ quan cấp trên thực hiện");
    AGENCY_SUCCEEDED => AgencySucceeded { successor: String }:
        ("`{successor}` took over the whole agency already; correct `successions` with \
          UpdateAgency if that is wrong"),
        ("`{successor}` đã kế thừa toàn bộ cơ quan; nếu chưa đúng, hãy sửa `successions` bằng \
          UpdateAgency");
    AGENCY_HISTORY_FULL => AgencyHistoryFull { most: usize }:
        ("the agency has {most} successions, as many as it may have"),
        ("cơ quan đã có {most} lần kế thừa, là mức tối đa");
    TOO_MANY_TO_MOVE => TooManyToMove { count: usize, most: usize }:
        ("the agency governs {count} platforms, and one call moves at most {most}: name a part of \
          them in `platforms`, and repeat with the same succession for the rest"),
        ("cơ quan chủ quản {count} nền tảng, mỗi lần chỉ chuyển tối đa {most}: hãy ghi một phần ở \
          `platforms`, rồi gọi lại với cùng nội dung kế thừa cho phần còn lại");
    GOVERNED_SINCE => GovernedSince { name: String, since: Date }:
        ("`{name}` is governed by the agency since {since}, not before the day of the succession; \
          correct its `governance` or name the other platforms in `platforms`"),
        ("`{name}` do cơ quan chủ quản từ {since}, không trước ngày kế thừa; hãy sửa \
          `governance` của nền tảng hoặc ghi các nền tảng khác ở `platforms`");
    GOVERNANCE_FULL => GovernanceFull { name: String, most: usize }:
        ("`{name}` has {most} entries in `governance`, as many as it may have"),
        ("`{name}` đã có {most} mục ở `governance`, là mức tối đa");
    PRINCIPAL_IS_DISABLED => PrincipalIsDisabled:
        ("the principal is disabled for good; make another one"),
        ("chủ thể này đã bị vô hiệu hóa vĩnh viễn; hãy tạo chủ thể khác");
    PROPOSAL_DECIDED => ProposalDecided:
        ("the proposal is already decided"),
        ("đề xuất này đã được quyết định");
    PROPOSAL_PENDING => ProposalPending { proposal: String }:
        ("`{proposal}` is pending; approve, reject or cancel it first"),
        ("`{proposal}` đang chờ; hãy phê duyệt, từ chối hoặc hủy trước");
    PROPOSAL_OUTDATED => ProposalOutdated:
        ("what it would change is no longer what it shows, because a record has changed since; \
          reject it and propose it again"),
        ("nội dung sẽ thay đổi không còn như đề xuất đã nêu, vì hồ sơ đã được sửa sau đó; hãy từ \
          chối và đề nghị lại");
    REPORT_IS_CORRECTED => ReportIsCorrected { by: String }:
        ("the report is already corrected by `{by}`; correct or withdraw that one instead"),
        ("báo cáo này đã được đính chính bởi `{by}`; hãy đính chính hoặc rút báo cáo đó");
    PERIOD_IS_REPORTED => PeriodIsReported { report: String }:
        ("`{report}` reports on this period; name it in `corrects` to correct it"),
        ("kỳ này đã có báo cáo `{report}`; ghi tên đó ở `corrects` để đính chính");
    LOG_NOT_EMPTY => LogNotEmpty:
        ("only an empty log can be seeded"),
        ("chỉ có thể nạp dữ liệu ban đầu khi nhật ký còn trống");
    LOG_DIVERGED => LogDiverged:
        ("this position is not in the log of this registry: its database was restored, replaced \
          or failed over since, or a sandbox has begun anew. Forget what was read after the \
          restored point, and read anew: lists without a page token, WatchChanges with SNAPSHOT"),
        ("vị trí này không có trong nhật ký của hệ thống: cơ sở dữ liệu đã được khôi phục, thay \
          thế hoặc chuyển đổi dự phòng, hoặc môi trường thử nghiệm đã được làm mới. Hãy bỏ dữ \
          liệu đã đọc sau điểm khôi phục và đọc lại từ đầu: danh sách không kèm mã trang, \
          WatchChanges với SNAPSHOT");
    SIGNING_KEY_MISSING => SigningKeyMissing:
        ("this server has no key to sign checkpoints with; its operator names a file with \
          `--signing-key`"),
        ("máy chủ này chưa có khóa ký điểm kiểm tra; người vận hành cần chỉ ra tệp khóa bằng \
          `--signing-key`");
    DATABASE_NOT_EMPTY => DatabaseNotEmpty:
        ("the database holds a registry already; name one that is empty or not there"),
        ("cơ sở dữ liệu đã có dữ liệu; hãy chọn cơ sở dữ liệu trống");
    FILE_NOT_MADE => FileNotMade { why: String }:
        ("the file cannot be made: {why}"),
        ("không tạo được tệp: {why}");
    STORE_FORMAT_UNKNOWN => StoreFormatUnknown { format: i64, known: i64 }:
        ("the log has format {format}, this release knows {known}; run the release that wrote it"),
        ("nhật ký có định dạng {format}, phiên bản này chỉ biết định dạng {known}; hãy chạy \
          phiên bản đã ghi nhật ký");
}

messages! {
    /// Why credentials are missing or not valid.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    Unauthenticated

    CREDENTIALS_MISSING => Missing:
        ("this method needs an API key: send metadata `authorization: Bearer <key>`"),
        ("phương thức này cần khóa API: hãy gửi metadata `authorization: Bearer <khóa>`");
    CERTIFICATE_AMBIGUOUS => CertificateAmbiguous:
        ("the names in the client certificate belong to different principals; use a certificate \
          with the names of one"),
        ("các tên trong chứng thư của bên gọi thuộc nhiều chủ thể khác nhau; hãy dùng chứng thư \
          chỉ có tên của một chủ thể");
    CERTIFICATE_EXPIRED => CertificateExpired:
        ("the client certificate has expired; connect with a new one"),
        ("chứng thư của bên gọi đã hết hạn; hãy kết nối lại với chứng thư mới");
    IDENTITY_REMOVED => IdentityRemoved:
        ("the identity no longer belongs to the principal; an administrator can add it again"),
        ("định danh này không còn thuộc chủ thể; quản trị viên có thể thêm lại");
    TOKEN_EXPIRED => TokenExpired:
        ("the token has expired; get a new one from its issuer"),
        ("mã thông báo truy cập đã hết hạn; hãy lấy mã mới từ tổ chức phát hành");
    TOKEN_NOT_YET_VALID => TokenNotYetValid:
        ("the token is not valid yet; check the clocks of its issuer and of this server"),
        ("mã thông báo truy cập chưa có hiệu lực; hãy kiểm tra đồng hồ của tổ chức phát hành và \
          của máy chủ này");
    TOKEN_INVALID => TokenMalformed:
        ("the token is not a signed JWT with `iss`, `sub`, `aud` and `exp`; get an access token of \
          the issuer"),
        ("mã thông báo truy cập không phải JWT có chữ ký với `iss`, `sub`, `aud` và `exp`; hãy lấy \
          access token của tổ chức phát hành");
    TOKEN_INVALID => TokenTooLong { most: usize }:
        ("the token is longer than {most} bytes; have its issuer leave claims out"),
        ("mã thông báo truy cập dài hơn {most} byte; hãy yêu cầu tổ chức phát hành bớt thông tin \
          trong mã");
    TOKEN_INVALID => TokenIssuer:
        ("this server accepts no tokens of the `iss` in this one"),
        ("máy chủ này không chấp nhận mã thông báo truy cập có `iss` như vậy");
    TOKEN_INVALID => TokenAudience:
        ("the token is for another audience; get one whose `aud` is this registry"),
        ("mã thông báo truy cập dành cho hệ thống khác; hãy lấy mã có `aud` là hệ thống này");
    TOKEN_INVALID => TokenAlgorithm:
        ("the token is signed by an algorithm that this server does not accept of its issuer"),
        ("thuật toán ký của mã thông báo truy cập không được máy chủ này chấp nhận cho tổ chức \
          phát hành đó");
    TOKEN_INVALID => TokenKey:
        ("the token is signed by a key that its issuer does not publish; get a new one"),
        ("mã thông báo truy cập được ký bằng khóa mà tổ chức phát hành không công bố; hãy lấy mã \
          mới");
    TOKEN_INVALID => TokenSignature:
        ("the signature of the token is wrong; send it as its issuer gave it"),
        ("chữ ký của mã thông báo truy cập không đúng; hãy gửi nguyên mã do tổ chức phát hành cấp");
    SESSION_INVALID => Session:
        ("the sign-in of this browser is over, or not one of this server's; sign in again at \
          `/sign-in`"),
        ("phiên đăng nhập của trình duyệt này đã kết thúc hoặc không thuộc máy chủ này; hãy đăng \
          nhập lại tại `/sign-in`");
    SIGN_IN_INVALID => SignInUnknown:
        ("this sign-in was not begun in this browser, was begun again since, or took more than 10 \
          minutes; begin it again"),
        ("lượt đăng nhập này không bắt đầu từ trình duyệt này, đã được bắt đầu lại sau đó hoặc kéo \
          dài quá 10 phút; hãy đăng nhập lại từ đầu");
    SIGN_IN_INVALID => SignInAnswer:
        ("the answer of the issuer does not belong to this sign-in; begin it again"),
        ("phản hồi của tổ chức phát hành không thuộc lượt đăng nhập này; hãy đăng nhập lại từ đầu");
    SIGN_IN_INVALID => SignInCode:
        ("the issuer does not accept the code of this sign-in, which holds once and for a short \
          time; begin it again"),
        ("tổ chức phát hành không chấp nhận mã của lượt đăng nhập này, vì mã chỉ dùng một lần \
          trong thời gian ngắn; hãy đăng nhập lại từ đầu");
    SIGN_IN_INVALID => SignInRefused:
        ("the issuer did not sign you in; begin again, or ask the issuer for access"),
        ("tổ chức phát hành không cho đăng nhập; hãy thử lại từ đầu hoặc liên hệ tổ chức đó để \
          được cấp quyền");
    CREDENTIALS_INVALID => Invalid:
        ("the credentials are not valid; check the API key"),
        ("thông tin xác thực không hợp lệ; hãy kiểm tra khóa API");
    KEY_EXPIRED => KeyExpired:
        ("the API key has expired; create a new one"),
        ("khóa API đã hết hạn; hãy tạo khóa mới");
    KEY_REVOKED => KeyRevoked:
        ("the API key was revoked; create a new one"),
        ("khóa API đã bị thu hồi; hãy tạo khóa mới");
    KEY_FOR_FEEDS_ONLY => FeedKey:
        ("this API key opens feeds only, as the parameter `key`; use another one here"),
        ("khóa API này chỉ dùng để mở nguồn tin, qua tham số `key`; hãy dùng khóa khác");
    KEY_NOT_FOR_FEEDS => NotFeedKey:
        ("this API key does not open feeds; create one with `feed` set, which opens nothing else"),
        ("khóa API này không mở được nguồn tin; hãy tạo khóa có `feed`, loại khóa này không dùng \
          vào việc khác");
    PRINCIPAL_MOVED => PrincipalMoved:
        ("the principal was moved to another agency while the call went on; call again"),
        ("chủ thể đã chuyển sang cơ quan khác trong khi cuộc gọi đang chạy; hãy gọi lại");
    PRINCIPAL_DISABLED => PrincipalDisabled:
        ("the principal of these credentials is disabled for good; an administrator can make \
          another"),
        ("chủ thể của thông tin xác thực này đã bị vô hiệu hóa hẳn; quản trị viên có thể tạo chủ \
          thể khác");
}

messages! {
    /// Why the same request may succeed later.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    Unavailable

    STORE_UNAVAILABLE => Store:
        ("the database cannot be reached at the moment; retry"),
        ("tạm thời không kết nối được cơ sở dữ liệu; hãy thử lại");
    FILE_NOT_SCANNED => FileNotScanned:
        ("the scanner of files does not work at the moment, so no file is kept; retry"),
        ("phần mềm quét tệp tạm thời không hoạt động nên không nhận tệp; hãy thử lại");
    FILES_UNAVAILABLE => Files:
        ("the place where files are kept cannot be reached at the moment; retry"),
        ("tạm thời không kết nối được nơi lưu tệp; hãy thử lại");
    ISSUER_UNAVAILABLE => IssuerKeys:
        ("the keys of the token's issuer cannot be read at the moment; retry"),
        ("tạm thời không đọc được khóa của tổ chức phát hành mã thông báo truy cập; hãy thử lại");
    ISSUER_UNAVAILABLE => IssuerAnswer:
        ("the issuer does not answer as it should at the moment; begin the sign-in again later"),
        ("tổ chức phát hành tạm thời không phản hồi đúng; hãy đăng nhập lại sau");
    OUTCOME_UNKNOWN => OutcomeUnknown:
        ("the outcome is unknown: send the request again with the same request id to learn it"),
        ("chưa rõ kết quả: hãy gửi lại với cùng mã yêu cầu (`request_id`) để biết kết quả");
    REVISION_NOT_REACHED => RevisionNotReached:
        ("this server has not reached the revision asked for yet; retry"),
        ("máy chủ này chưa cập nhật đến phiên bản được yêu cầu; hãy thử lại");
    LOG_REDACTED => LogRedacted:
        ("texts of messages that waited to be sent were redacted; resume after the last position"),
        ("nội dung của thông điệp đang chờ gửi đã bị xóa theo quy định; hãy tiếp tục từ vị trí \
          cuối");
    NOT_ERASED => NotErased:
        ("the text is redacted, but the database file may still have its bytes, because it is in \
          use; send the request again with the same request id"),
        ("nội dung đã được xóa khỏi bản ghi, nhưng tệp cơ sở dữ liệu đang được dùng nên có thể \
          vẫn còn dữ liệu cũ; hãy gửi lại với cùng mã yêu cầu (`request_id`)");
    SHUTTING_DOWN => ShuttingDown:
        ("the server is shutting down; retry"),
        ("máy chủ đang dừng; hãy thử lại");
    CLOCK_BEHIND_LOG => ClockBehindLog:
        ("the clock is more than a minute behind the newest change, so nothing is recorded: an \
          operator must set the clock right; retry then"),
        ("đồng hồ chậm hơn bản ghi thay đổi mới nhất trên một phút nên tạm thời không ghi thay \
          đổi nào: người vận hành cần chỉnh lại đồng hồ, sau đó hãy thử lại");
    CLOCK_JUMPED => ClockJumped:
        ("the clock has jumped, so nothing is recorded: an operator must set the clock right or, \
          if it is right now, restart the server; retry then"),
        ("đồng hồ đã thay đổi đột ngột nên tạm thời không ghi thay đổi nào: người vận hành cần \
          chỉnh lại đồng hồ, hoặc khởi động lại máy chủ nếu đồng hồ đã đúng, sau đó hãy thử lại");
    CREDENTIALS_NOT_CHECKED => CredentialsNotChecked:
        ("this server has lost its database for so long that it cannot tell whether credentials \
          still hold; retry, or read without credentials what is public"),
        ("máy chủ mất kết nối với cơ sở dữ liệu quá lâu nên không kiểm tra được khóa; hãy thử \
          lại, hoặc đọc dữ liệu công khai mà không dùng khóa");
}

messages! {
    /// Why a request was refused before its method was reached.
    #[derive(Clone, Debug, PartialEq, Eq)]
    Protocol

    MESSAGE_TOO_LARGE => MessageTooLarge { most: usize }:
        ("the message is larger than {most} bytes; send less in one call"),
        ("thông điệp lớn hơn {most} byte; hãy gửi ít hơn trong một lần gọi");
    MESSAGE_TOO_COMPLEX => MessageTooComplex { most: usize }:
        ("the request holds more than {most} messages; send fewer in one call"),
        ("yêu cầu chứa hơn {most} thông điệp con; hãy gửi ít hơn trong một lần gọi");
    COMPRESSION_UNSUPPORTED => CompressionUnsupported:
        ("the message is compressed in a way that is not supported; use `gzip`, or send it as it \
          is"),
        ("thông điệp được nén theo cách không được hỗ trợ; hãy dùng `gzip` hoặc gửi không nén");
    COMPRESSION_UNDECLARED => CompressionUndeclared:
        ("the message is marked as compressed, but `grpc-encoding` does not say how"),
        ("thông điệp được đánh dấu là đã nén nhưng `grpc-encoding` không cho biết cách nén");
    METHOD_UNKNOWN => MethodUnknown:
        ("there is no such method; `grpcurl -plaintext ADDRESS list` lists the services"),
        ("không có phương thức này; `grpcurl -plaintext ADDRESS list` liệt kê các dịch vụ");
    MESSAGE_MALFORMED => FlagMalformed:
        ("the byte before a message's length must be 0, or 1 for a compressed one"),
        ("byte đứng trước độ dài thông điệp phải là 0, hoặc 1 nếu thông điệp được nén");
    MESSAGE_MALFORMED => CompressionMalformed:
        ("the message is not compressed as `grpc-encoding` says, or is cut off"),
        ("thông điệp không được nén theo `grpc-encoding`, hoặc bị cắt cụt");
    MESSAGE_MALFORMED => MessageCutOff:
        ("the request ends within a message"),
        ("yêu cầu kết thúc giữa một thông điệp");
    MESSAGE_MALFORMED => MessageUnreadable { problem: String }:
        ("the request cannot be read as the message that the method takes: {problem}"),
        ("không đọc được yêu cầu theo thông điệp mà phương thức nhận");
    MESSAGE_MALFORMED => WebMalformed:
        ("the request is not encoded as gRPC-Web; check its base64 and its frames"),
        ("yêu cầu không được mã hóa đúng theo gRPC-Web; hãy kiểm tra base64 và các khung");
    MESSAGE_MISSING => MessageMissing:
        ("the request has no message; send one, which may be empty"),
        ("yêu cầu không có thông điệp; hãy gửi một thông điệp, có thể để trống");
    BODY_INCOMPLETE => RequestCutOff:
        ("the request did not arrive completely; send it again"),
        ("yêu cầu không đến đầy đủ; hãy gửi lại");
    BODY_INCOMPLETE => BodyLate:
        ("the body did not arrive completely in time; send it again"),
        ("nội dung không đến đủ trong thời gian cho phép; hãy gửi lại");
    SERVICE_UNKNOWN => ServiceUnknown:
        ("there is no such service; leave `service` empty to ask about the whole server"),
        ("không có dịch vụ này; hãy để trống `service` để hỏi về toàn bộ máy chủ");
    TOO_MANY_REQUESTS => TooManyRequests { most: u32 }:
        ("a stream has at most {most} requests; open another"),
        ("mỗi luồng có tối đa {most} yêu cầu; hãy mở luồng khác");
    URL_TOO_LONG => UrlTooLong { most: usize }:
        ("the query is longer than {most} bytes; shorten it"),
        ("phần truy vấn dài hơn {most} byte; hãy rút ngắn");
    MEDIA_TYPE_UNSUPPORTED => MediaTypeUnsupported { media_type: &'static str }:
        ("the body must be {media_type} in UTF-8; send `content-type: {media_type}`"),
        ("nội dung phải là {media_type}, mã UTF-8; hãy gửi `content-type: {media_type}`");
    CODING_UNSUPPORTED => CodingUnsupported:
        ("the body has a content coding that is not supported; send gzip, or no coding"),
        ("nội dung được nén theo cách không được hỗ trợ; hãy gửi gzip hoặc không nén");
    HOST_MALFORMED => HostMalformed:
        ("a request in HTTP/1.1 must have one header `host`; send it once"),
        ("yêu cầu HTTP/1.1 phải có đúng một header `host`; hãy gửi một lần");
    PATH_UNKNOWN => PathUnknown:
        ("there is no method at this path; `/openapi.json` lists the paths"),
        ("không có phương thức nào ở đường dẫn này; `/openapi.json` liệt kê các đường dẫn");
    VERB_UNKNOWN => VerbUnknown { verbs: String }:
        ("this path accepts only {verbs}"),
        ("đường dẫn này chỉ nhận {verbs}");
    NOT_ACCEPTABLE => NotAcceptable { header: String, offered: String }:
        ("`{header}` excludes every form of the answer; accept one of {offered}"),
        ("`{header}` loại trừ mọi dạng trả lời; hãy chấp nhận một trong các dạng {offered}");
    INTERNAL => Incident { incident: String }:
        ("internal error; report it with the incident id `{incident}`"),
        ("lỗi nội bộ; hãy báo lỗi kèm mã sự cố `{incident}`");
    ETAG_NOT_CURRENT => IfMatchFails:
        ("the record differs from what `if-match` names; read it again"),
        ("bản ghi khác với bản mà `if-match` nêu; hãy đọc lại");
}

messages! {
    /// Why a text or number is not a valid time or date.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    TimeError

    PATTERN => TimestampSyntax:
        ("not an RFC 3339 timestamp; write it as `2025-09-23T08:00:00+07:00`"),
        ("không phải thời điểm theo RFC 3339; hãy viết như `2025-09-23T08:00:00+07:00`");
    OUT_OF_RANGE => TimestampRange:
        ("the time must be in the years 1 to 9999"),
        ("thời điểm phải trong khoảng từ năm 1 đến năm 9999");
    PATTERN => DateSyntax:
        ("not a date; write it as `2025-09-23`"),
        ("không phải ngày hợp lệ; hãy viết như `2025-09-23`");
    OUT_OF_RANGE => DateRange:
        ("the date must be in the years 1900 to 2200"),
        ("ngày phải trong khoảng từ năm 1900 đến năm 2200");
    OUT_OF_RANGE => NoSuchPart:
        ("there is no such month or quarter"),
        ("không có tháng hoặc quý này trong năm");
    OUT_OF_RANGE => EndBeforeStart:
        ("the period ends before it starts; exchange the two dates"),
        ("ngày kết thúc trước ngày bắt đầu; hãy đổi chỗ hai ngày cho nhau");
}

messages! {
    /// What is wrong with the characters of a text; positions are in characters from 1.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    Fault

    CONTROL_CHARACTER => Hidden { position: usize, character: char }:
        ("has the invisible character U+{:04X} at position {position}; remove \
          it", u32::from(*character)),
        ("có ký tự ẩn U+{:04X} ở vị trí {position}; hãy xóa ký tự này", u32::from(*character));
    LINE_BREAK => Break { position: usize }:
        ("must be one line, and has a line break or tab at position {position}; write a space \
          instead"),
        ("phải nằm trên một dòng, nhưng có dấu xuống dòng hoặc tab ở vị trí {position}; hãy thay \
          bằng dấu cách");
    LONE_MARK => Mark { position: usize, character: char }:
        ("has the mark U+{:04X} at position {position} without a letter before it; write the \
          letter, or remove the mark", u32::from(*character)),
        ("có dấu U+{:04X} ở vị trí {position} mà không có chữ cái đứng trước; hãy thêm chữ cái \
          hoặc xóa dấu", u32::from(*character));
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english())
    }
}

impl std::error::Error for TimeError {}

// === limits ===

impl Limit {
    /// Says which limit was reached and what to do, in English.
    pub fn english(self, scope: Scope, most: u64) -> String {
        let of = match scope {
            Scope::All => "",
            Scope::Caller => " of one caller",
        };
        match self {
            Self::CallRate => {
                format!("more than {most} calls a second by one caller; try again later")
            }
            Self::WrongKeys => format!(
                "more than {most} wrong secrets a second for this API key; check the key, and try \
                 again later"
            ),
            Self::RequestHeaders => {
                format!("the headers are larger than {most} bytes; send less")
            }
            Self::Cost => format!(
                "the call takes more work than one call may cause ({most} units); ask for less: \
                 fewer terms in the filter, fewer dates or a smaller page"
            ),
            Self::CallsInFlight => {
                format!("too many calls in flight{of}, at most {most}; try again later")
            }
            Self::RequestBytes => format!(
                "too many bytes of requests{of} are being received, at most {most}; try again later"
            ),
            Self::FileBytes => format!(
                "too many bytes of files{of} are being received, at most {most}; try again later"
            ),
            Self::Files => format!(
                "the registry keeps at most {most} bytes of files; an operator can raise \
                 --files-size"
            ),
            Self::FilesOfDay => {
                format!("one caller may upload at most {most} bytes of files a day; go on tomorrow")
            }
            Self::AnswerBytes => format!(
                "too many bytes of answers{of} are not read yet, at most {most}; read them and try \
                 again"
            ),
            Self::Watchers => {
                format!("too many watches{of} are open, at most {most}; try again later")
            }
            Self::SignIns => {
                format!("too many sign-ins{of} wait for issuers, at most {most}; try again later")
            }
            Self::Connections => {
                format!("too many connections{of} are open, at most {most}; try again later")
            }
            Self::WriterQueue => {
                format!("too many commands wait to be written, at most {most}; try again later")
            }
            Self::Turns => format!(
                "too many calls{of} that look at many records wait for their turn, at most {most}; \
                 try again later"
            ),
        }
    }

    /// The same in Vietnamese.
    pub fn vietnamese(self, scope: Scope, most: u64) -> String {
        let of = match scope {
            Scope::All => "",
            Scope::Caller => " của một bên gọi",
        };
        match self {
            Self::CallRate => {
                format!("một bên gọi đã gọi quá {most} lần mỗi giây; hãy thử lại sau")
            }
            Self::WrongKeys => format!(
                "hơn {most} lần mỗi giây dùng khóa API này với phần bí mật sai; hãy kiểm tra khóa \
                 rồi thử lại sau"
            ),
            Self::RequestHeaders => {
                format!("phần đầu (header) của yêu cầu lớn hơn {most} byte; hãy gửi ít hơn")
            }
            Self::Cost => format!(
                "yêu cầu cần nhiều xử lý hơn mức cho phép của một lần gọi ({most} đơn vị); hãy \
                 giảm số điều kiện lọc, số ngày hoặc số dòng của một trang"
            ),
            Self::CallsInFlight => {
                format!("số lần gọi đang xử lý{of} đã đạt giới hạn ({most}); hãy thử lại sau")
            }
            Self::RequestBytes => format!(
                "dung lượng yêu cầu đang nhận{of} đã đạt giới hạn ({most} byte); hãy thử lại sau"
            ),
            Self::FileBytes => format!(
                "dung lượng tệp đang nhận{of} đã đạt giới hạn ({most} byte); hãy thử lại sau"
            ),
            Self::Files => format!(
                "hệ thống chỉ lưu tối đa {most} byte tệp; người vận hành có thể tăng --files-size"
            ),
            Self::FilesOfDay => format!(
                "một bên gọi chỉ được tải lên tối đa {most} byte tệp mỗi ngày; hãy tiếp tục vào \
                 ngày mai"
            ),
            Self::AnswerBytes => format!(
                "dung lượng trả lời chưa được đọc{of} đã đạt giới hạn ({most} byte); hãy đọc rồi \
                 thử lại"
            ),
            Self::Watchers => {
                format!("số luồng theo dõi đang mở{of} đã đạt giới hạn ({most}); hãy thử lại sau")
            }
            Self::SignIns => format!(
                "số lượt đăng nhập đang chờ tổ chức phát hành{of} đã đạt giới hạn ({most}); hãy \
                 thử lại sau"
            ),
            Self::Connections => {
                format!("số kết nối đang mở{of} đã đạt giới hạn ({most}); hãy thử lại sau")
            }
            Self::WriterQueue => {
                format!("số lệnh chờ ghi đã đạt giới hạn ({most}); hãy thử lại sau")
            }
            Self::Turns => format!(
                "số yêu cầu phải duyệt nhiều bản ghi{of} đang chờ đến lượt đã đạt giới hạn \
                 ({most}); hãy thử lại sau"
            ),
        }
    }
}

// === whole errors ===

impl Error {
    /// The stable reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Invalid(_) => INVALID_REQUEST,
            Self::NotFound { .. } => RESOURCE_NOT_FOUND,
            Self::AlreadyExists { .. } => RESOURCE_ALREADY_EXISTS,
            Self::Stale { .. } => ETAG_NOT_CURRENT,
            Self::Refused(refusal) => refusal.condition.reason(),
            Self::RequestIdReused { .. } => REQUEST_ID_REUSED,
            Self::Unauthenticated(why) => why.reason(),
            Self::Denied { .. } => PERMISSION_DENIED,
            Self::CrossSite => CROSS_SITE_REQUEST,
            Self::Exhausted { .. } => LIMIT_REACHED,
            Self::Stalled { .. } => READER_STALLED,
            Self::DeadlineExceeded { .. } => DEADLINE_EXCEEDED,
            Self::OutOfRange(_) => OUT_OF_RANGE,
            Self::Unavailable(why) => why.reason(),
            Self::Bug(_) => INTERNAL,
        }
    }

    /// What is wrong and what to do, in English.
    pub fn english(&self) -> String {
        match self {
            Self::Invalid(violations) => {
                let texts: Vec<_> = violations.iter().map(Violation::english).collect();
                texts.join("; ")
            }
            Self::NotFound { kind, name } => format!("{} `{name}` was not found", kind.english),
            Self::AlreadyExists { kind, name } => {
                format!("{} `{name}` already exists", kind.english)
            }
            Self::Stale { kind, name, .. } => format!(
                "{} `{name}` has changed since its etag was read; read it again",
                kind.english
            ),
            Self::Refused(refusal) => refusal.condition.english(),
            Self::RequestIdReused { request_id } => {
                format!("request id `{request_id}` was used for another request; use a new one")
            }
            Self::Unauthenticated(why) => why.english(),
            Self::Denied { action, needs, .. } => format!("`{action}` requires {needs}"),
            Self::CrossSite => {
                "a signed-in browser sent this from a page of another site; send it \
                                from a page of this registry, or with an API key"
                    .to_owned()
            }
            Self::Exhausted { limit, scope, most } => limit.english(*scope, *most),
            Self::Stalled { seconds } => format!(
                "the client read nothing from this stream for {seconds} s; resume after the last \
                 revision received"
            ),
            Self::DeadlineExceeded { given } => format!(
                "the deadline of {} ms has passed; a write may still have been made: send it again \
                 with the same request id to learn the outcome",
                given.as_millis()
            ),
            Self::OutOfRange(violation) => violation.english(),
            Self::Unavailable(why) => why.english(),
            Self::Bug(_) => "internal error".to_owned(),
        }
    }

    /// The same in Vietnamese.
    pub fn vietnamese(&self) -> String {
        match self {
            Self::Invalid(violations) => {
                let texts: Vec<_> = violations.iter().map(Violation::vietnamese).collect();
                texts.join("; ")
            }
            Self::NotFound { kind, name } => {
                format!("không tìm thấy {} `{name}`", kind.vietnamese)
            }
            Self::AlreadyExists { kind, name } => {
                format!("{} `{name}` đã tồn tại", kind.vietnamese)
            }
            Self::Stale { kind, name, .. } => format!(
                "{} `{name}` đã thay đổi kể từ khi etag được đọc; hãy đọc lại",
                kind.vietnamese
            ),
            Self::Refused(refusal) => refusal.condition.vietnamese(),
            Self::RequestIdReused { request_id } => {
                format!("mã yêu cầu `{request_id}` đã dùng cho một yêu cầu khác; hãy dùng mã mới")
            }
            Self::Unauthenticated(why) => why.vietnamese(),
            Self::Denied {
                action, needs_vi, ..
            } => format!("`{action}` cần {needs_vi}"),
            Self::CrossSite => "yêu cầu này do trang của một trang mạng khác gửi qua trình duyệt \
                                đã đăng nhập; hãy gửi từ trang của hệ thống này hoặc dùng khóa API"
                .to_owned(),
            Self::Exhausted { limit, scope, most } => limit.vietnamese(*scope, *most),
            Self::Stalled { seconds } => format!(
                "bên gọi không đọc luồng này trong {seconds} giây; hãy tiếp tục sau phiên bản cuối \
                 cùng đã nhận"
            ),
            Self::DeadlineExceeded { given } => format!(
                "đã quá thời hạn {} ms của lần gọi; lệnh ghi vẫn có thể đã được thực hiện: hãy gửi \
                 lại với cùng mã yêu cầu (`request_id`) để biết kết quả",
                given.as_millis()
            ),
            Self::OutOfRange(violation) => violation.vietnamese(),
            Self::Unavailable(why) => why.vietnamese(),
            Self::Bug(_) => "lỗi nội bộ".to_owned(),
        }
    }
}

impl Violation {
    /// The field and what is wrong with it, in English.
    pub fn english(&self) -> String {
        self.at_field(&self.rule.english())
    }

    /// The same in Vietnamese.
    pub fn vietnamese(&self) -> String {
        self.at_field(&self.rule.vietnamese())
    }

    fn at_field(&self, text: &str) -> String {
        if self.field.is_empty() {
            text.to_owned()
        } else {
            format!("`{}`: {text}", self.field)
        }
    }
}

/// What follows as many violations as one message holds, in English and Vietnamese.
pub fn and_more(rest: usize) -> (String, String) {
    (
        format!("; and {rest} more"),
        format!("; và {rest} lỗi khác"),
    )
}

// === parts of texts ===

/// How many of what, as `2 characters`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// How many.
    pub count: u64,
    /// Of what.
    pub unit: Unit,
}

/// What lengths are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode code points.
    Characters,
    Bytes,
    /// Bytes of a text in UTF-8.
    BytesOfText,
    /// Entries of a list or map.
    Items,
}

impl Quantity {
    fn english(self) -> String {
        let (noun, rest) = match self.unit {
            Unit::Characters => ("character", ""),
            Unit::Bytes => ("byte", ""),
            Unit::BytesOfText => ("byte", " in UTF-8"),
            Unit::Items => ("item", ""),
        };
        let plural = if self.count == 1 { "" } else { "s" };
        format!("{} {noun}{plural}{rest}", self.count)
    }

    fn vietnamese(self) -> String {
        let noun = match self.unit {
            Unit::Characters => "ký tự",
            Unit::Bytes => "byte",
            Unit::BytesOfText => "byte (UTF-8)",
            Unit::Items => "mục",
        };
        format!("{} {noun}", self.count)
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

fn did_you_mean_vi(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(" (có phải là `{near}`?)"))
}
