//! The limited resources of the server, as error details, the log and the metrics name them: a
//! closed list, with texts in both languages.

/// A limited resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Calls in a second.
    CallRate,
    /// Calls that are being answered, until their last byte is sent.
    CallsInFlight,
    /// Bytes of one call's headers.
    RequestHeaders,
    /// Bytes of request bodies that are being received.
    RequestBytes,
    /// Bytes of answers that are not sent yet.
    AnswerBytes,
    /// Open watches.
    Watchers,
    /// Open connections.
    Connections,
    /// Commands that wait for the writer.
    WriterQueue,
    /// Work over many records that is running or queued.
    Turns,
    /// Work that one call may cause.
    Cost,
}

/// The callers that share a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All callers together.
    All,
    /// One caller: a principal, or an address without a key.
    Caller,
}

impl Scope {
    /// Its name for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Caller => "caller",
        }
    }
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CallRate,
        Self::CallsInFlight,
        Self::RequestHeaders,
        Self::RequestBytes,
        Self::AnswerBytes,
        Self::Watchers,
        Self::Connections,
        Self::WriterQueue,
        Self::Turns,
        Self::Cost,
    ];

    /// Its name for machines: in error details and as a label of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallRate => "call_rate",
            Self::CallsInFlight => "calls_in_flight",
            Self::RequestHeaders => "request_headers",
            Self::RequestBytes => "request_bytes",
            Self::AnswerBytes => "answer_bytes",
            Self::Watchers => "watchers",
            Self::Connections => "connections",
            Self::WriterQueue => "writer_queue",
            Self::Turns => "turns",
            Self::Cost => "cost",
        }
    }

    /// Whether the same call may succeed later. Otherwise the caller has to ask for less.
    pub const fn passes(self) -> bool {
        !matches!(self, Self::RequestHeaders | Self::Cost)
    }

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
            Self::AnswerBytes => format!(
                "too many bytes of answers{of} are not read yet, at most {most}; read them and try \
                 again"
            ),
            Self::Watchers => {
                format!("too many watches{of} are open, at most {most}; try again later")
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
            Self::AnswerBytes => format!(
                "dung lượng trả lời chưa được đọc{of} đã đạt giới hạn ({most} byte); hãy đọc rồi \
                 thử lại"
            ),
            Self::Watchers => {
                format!("số luồng theo dõi đang mở{of} đã đạt giới hạn ({most}); hãy thử lại sau")
            }
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
