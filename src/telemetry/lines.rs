//! The writer of log lines: a separate thread writes them to standard error, so that no other
//! thread waits for the disk, pipe or terminal behind it.
//!
//! Lines are written in batches: a line waits for a few milliseconds, but a warning or an error
//! does not wait. If standard error is not read, up to `BYTES_MAX` bytes are queued. Further
//! lines are dropped and counted, and a log line reports their number when there is room again.
//!
//! On a terminal one line can stand below all others and be replaced, as for the progress of long
//! work. Each write erases it, and draws it again below what was written.

use std::{
    fmt, io,
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// How long a line waits for others, and the delay before a retry if standard error would block.
const WAIT: Duration = Duration::from_millis(5);

/// Maximum number of queued bytes. As many more may be in the batch that is being written.
const BYTES_MAX: usize = 256 * 1024;

/// How long the end of the process may be delayed if standard error is not read.
const END_TIME: Duration = Duration::from_secs(1);

/// Returns to the begin of the line of a terminal, and erases it.
const ERASE: &[u8] = b"\r\x1b[K";

/// Lines of this process that were dropped.
static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Lines of this process that were dropped, for its metrics.
pub(super) fn dropped() -> Counter {
    DROPPED.clone()
}

/// The queue of log lines of this process. Clones share the queue.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Signals that lines are queued.
    some: Condvar,
    /// Signals that lines were written.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// Whether the queue must be written without delay.
    urgent: bool,
    /// Whether a batch is being written.
    writing: bool,
    /// Number of dropped lines that are not reported yet.
    dropped: u64,
    /// Whether the last write failed.
    broken: bool,
    /// The line that stands below the others; empty for none.
    lowest: String,
    /// Whether it differs from what the terminal shows.
    is_stale: bool,
    /// Whether the terminal shows one.
    is_drawn: bool,
    /// Whether no further one is drawn, because the process ends.
    ended: bool,
}

impl State {
    /// Whether dropped lines must be reported and the last write succeeded.
    const fn owes(&self) -> bool {
        self.dropped > 0 && !self.broken
    }

    const fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.writing && !self.owes() && !self.is_stale
    }

    fn drop_lines(&mut self, count: u64) {
        self.dropped += count;
        DROPPED.inc_by(count);
    }
}

impl Lines {
    /// Starts the thread that writes to standard error.
    pub(super) fn start() -> io::Result<Self> {
        let lines = Self(Arc::default());
        let writer = lines.clone();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || writer.write())?;
        Ok(lines)
    }

    fn write(&self) {
        let mut taken = Vec::new();
        loop {
            let dropped = self.take(&mut taken);
            if dropped > 0 {
                // an ordinary log line in place of the dropped ones
                tracing::warn!(
                    lines = dropped,
                    "lines were dropped: standard error was not read"
                );
            }
            let written = write_whole(&mut io::stderr(), &taken);
            self.wrote(written.map_err(|(_, at)| taken.get(at..).unwrap_or_default()));
            taken.clear();
        }
    }

    /// Waits for lines and takes them. Returns how many lines were dropped after them.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let state = lock(&self.0.state);
        let nothing =
            |state: &mut State| state.waiting.is_empty() && !state.owes() && !state.is_stale;
        let state = self.0.some.wait_while(state, nothing);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let patient = |state: &mut State| !state.urgent;
        let waited = self.0.some.wait_timeout_while(state, WAIT, patient);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(taken, &mut state.waiting);
        if state.is_drawn {
            taken.splice(0..0, ERASE.iter().copied());
        }
        taken.extend_from_slice(state.lowest.as_bytes());
        state.is_drawn = !state.lowest.is_empty();
        state.is_stale = false;
        state.urgent = false;
        state.writing = true;
        if state.broken {
            0
        } else {
            std::mem::take(&mut state.dropped)
        }
    }

    /// Records the result of a write. On an error, the unwritten rest counts as dropped.
    fn wrote(&self, written: Result<(), &[u8]>) {
        let mut state = lock(&self.0.state);
        state.writing = false;
        state.broken = written.is_err();
        if let Err(rest) = written {
            let lines = rest.split_inclusive(|it| *it == b'\n').count();
            state.drop_lines(lines as u64);
        }
        drop(state);
        self.0.done.notify_all();
    }

    /// Adds a line, or drops it if the queue is full.
    pub(super) fn add(&self, line: &[u8], urgent: bool) {
        let mut state = lock(&self.0.state);
        if state.waiting.len() + line.len() > BYTES_MAX {
            state.drop_lines(1);
            return;
        }
        let news = state.waiting.is_empty() || (urgent && !state.urgent);
        state.waiting.extend_from_slice(line);
        state.urgent |= urgent;
        drop(state);
        if news {
            self.0.some.notify_one();
        }
    }

    /// Sets the line that stands below the others; an empty one erases it.
    pub(super) fn set_lowest(&self, line: &str) {
        let mut state = lock(&self.0.state);
        if state.ended || state.lowest == line {
            return;
        }
        line.clone_into(&mut state.lowest);
        state.is_stale = true;
        state.urgent = true;
        drop(state);
        self.0.some.notify_one();
    }

    /// Erases that line, and draws none from then on.
    pub(super) fn end_lowest(&self) {
        let mut state = lock(&self.0.state);
        state.is_stale |= !state.lowest.is_empty();
        state.lowest.clear();
        state.ended = true;
        state.urgent = true;
        drop(state);
        self.0.some.notify_one();
    }

    /// Waits, at most `END_TIME`, until all lines are written.
    pub(super) fn flush(&self) {
        let mut state = lock(&self.0.state);
        state.urgent = true;
        self.0.some.notify_one();
        let busy = |state: &mut State| !state.is_idle();
        drop(self.0.done.wait_timeout_while(state, END_TIME, busy));
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes all bytes, even if `out` is non-blocking. On an error, returns it with the number of
/// bytes written.
pub(crate) fn write_whole(
    out: &mut impl io::Write,
    bytes: &[u8],
) -> Result<(), (io::Error, usize)> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return Err((io::ErrorKind::WriteZero.into(), at)),
            Ok(written) => at += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(WAIT),
            Err(error) => return Err((error, at)),
        }
    }
    Ok(())
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            lines: self,
            urgent: true,
        }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line<'a> {
        Line {
            lines: self,
            urgent: *of.level() <= Level::WARN,
        }
    }
}

/// A writer for one line. An urgent line does not wait for others.
#[derive(Debug)]
pub(super) struct Line<'a> {
    lines: &'a Lines,
    urgent: bool,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.add(bytes, self.urgent);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Formats a line as the library does for people, but without colours and spans. Many calls log a
/// line, and the check for colours at each word would cost as much as the rest.
#[derive(Debug)]
pub(super) struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        writer.write_str(match *event.metadata().level() {
            Level::ERROR => " ERROR ",
            Level::WARN => "  WARN ",
            Level::INFO => "  INFO ",
            Level::DEBUG => " DEBUG ",
            Level::TRACE => " TRACE ",
        })?;
        context.format_fields(writer.by_ref(), event)?;
        writer.write_char('\n')
    }
}
