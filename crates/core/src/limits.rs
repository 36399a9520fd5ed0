//! The limited resources of the server, as error details, the log and the metrics name them: a
//! closed list, with texts in both languages.

/// A limited resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Calls in a second.
    CallRate,
    /// Calls that are being answered, until their last byte is sent.
    CallsInFlight,
    /// Wrong secrets for one API key, in a second.
    WrongKeys,
    /// Bytes of one call's headers.
    RequestHeaders,
    /// Bytes of request bodies that are being received.
    RequestBytes,
    /// Bytes of answers that are not sent yet.
    AnswerBytes,
    /// Bytes of files that are being received.
    FileBytes,
    /// Bytes of files that are kept.
    Files,
    /// Bytes of files that one caller uploads in a day.
    FilesOfDay,
    /// Open watches.
    Watchers,
    /// Open connections.
    Connections,
    /// Sign-ins of browsers whose issuers are being asked.
    SignIns,
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
    pub const ALL: [Self; 15] = [
        Self::CallRate,
        Self::CallsInFlight,
        Self::WrongKeys,
        Self::RequestHeaders,
        Self::RequestBytes,
        Self::AnswerBytes,
        Self::FileBytes,
        Self::Files,
        Self::FilesOfDay,
        Self::Watchers,
        Self::Connections,
        Self::SignIns,
        Self::WriterQueue,
        Self::Turns,
        Self::Cost,
    ];

    /// Its name for machines: in error details and as a label of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallRate => "call_rate",
            Self::CallsInFlight => "calls_in_flight",
            Self::WrongKeys => "wrong_keys",
            Self::RequestHeaders => "request_headers",
            Self::RequestBytes => "request_bytes",
            Self::AnswerBytes => "answer_bytes",
            Self::FileBytes => "file_bytes",
            Self::Files => "files",
            Self::FilesOfDay => "files_of_day",
            Self::Watchers => "watchers",
            Self::Connections => "connections",
            Self::SignIns => "sign_ins",
            Self::WriterQueue => "writer_queue",
            Self::Turns => "heavy_work",
            Self::Cost => "cost",
        }
    }

    /// Whether the same call may soon succeed. Otherwise the caller has to ask for less, or to wait
    /// for another day or for an operator.
    pub const fn passes(self) -> bool {
        !matches!(
            self,
            Self::RequestHeaders | Self::Cost | Self::Files | Self::FilesOfDay
        )
    }
}
