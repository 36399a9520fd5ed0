//! Lines of the log on their way out: what happens at one time is written together, by a thread of
//! its own, so that no call waits for the disk or terminal of another's line.
//!
//! A line waits for a few milliseconds at most. Warnings and errors do not wait, nor does what is
//! before them; nor do lines that are more than may wait: whoever makes them writes them.

use std::{
    fmt,
    io::{self, Write as _},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// How long a line waits for others.
const WAIT: Duration = Duration::from_millis(5);

/// Bytes that may wait.
const BYTES_MAX: usize = 256 * 1024;

/// The lines of this process; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Vec<u8>>,
    some: Condvar,
    /// Held by whoever writes, so that lines stay in their order; empty otherwise.
    writing: Mutex<Vec<u8>>,
    /// Whether lines wait no longer.
    ending: AtomicBool,
}

impl Lines {
    /// Starts the thread that writes them to standard error.
    pub(super) fn start() -> io::Result<Self> {
        let lines = Self(Arc::default());
        let writer = lines.clone();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || {
            loop {
                writer.wait();
                thread::sleep(WAIT);
                writer.flush();
            }
        })?;
        Ok(lines)
    }

    fn wait(&self) {
        let waiting = lock(&self.0.waiting);
        let some = self.0.some.wait_while(waiting, |it| it.is_empty());
        drop(some);
    }

    /// Writes what waits. What cannot be written is lost: there is nowhere to say so.
    pub(super) fn flush(&self) {
        let mut writing = lock(&self.0.writing);
        std::mem::swap(&mut *writing, &mut *lock(&self.0.waiting));
        drop(io::stderr().write_all(&writing));
        writing.clear();
    }

    /// Writes what waits; from now on lines do not.
    pub(super) fn end(&self) {
        self.0.ending.store(true, Ordering::Relaxed);
        self.flush();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            lines: self,
            waits: false,
        }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line<'a> {
        Line {
            lines: self,
            waits: *of.level() > Level::WARN,
        }
    }
}

/// One line, and whether it waits for others.
#[derive(Debug)]
pub(super) struct Line<'a> {
    lines: &'a Lines,
    waits: bool,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shared = &self.lines.0;
        let mut waiting = lock(&shared.waiting);
        let first = waiting.is_empty();
        waiting.extend_from_slice(bytes);
        let full = waiting.len() > BYTES_MAX;
        drop(waiting);
        if full || !self.waits || shared.ending.load(Ordering::Relaxed) {
            self.lines.flush();
        } else if first {
            shared.some.notify_one();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line as the library writes it for a person, for a file that knows no colours: every call
/// has one, and looking for colours at each word costs as much as the rest.
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
        if let Some(scope) = context.event_scope() {
            for span in scope.from_root() {
                writer.write_str(span.metadata().name())?;
                let extensions = span.extensions();
                let fields = extensions.get::<FormattedFields<N>>();
                if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
                    writer.write_char('{')?;
                    writer.write_str(fields)?;
                    writer.write_char('}')?;
                }
                writer.write_char(':')?;
            }
            writer.write_char(' ')?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writer.write_char('\n')
    }
}
