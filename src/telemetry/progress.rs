//! Progress of long work: one line on a terminal that says what is being done, how much of it is
//! done, how fast, and for how long. It stands below the lines of the log, and is erased at the
//! end. Only what is known is said: without a measure, it is the time alone.

use std::{
    env,
    io::{self, IsTerminal as _},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{lines, lines::lock};
use ndp_core::text::grouped;

/// Time until something is shown: what ends before that needs no progress.
const DELAY: Duration = Duration::from_millis(400);
/// Time between two looks at the work.
const INTERVAL: Duration = Duration::from_millis(200);
/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;
/// Time before a rate is shown: at first it is not meaningful.
const RATE_AFTER: Duration = Duration::from_secs(1);

/// What is counted of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Nothing: only the time is said.
    Time,
    /// Bytes, of how many where that is known.
    Bytes(Option<u64>),
    /// Things that are called so, of how many where that is known.
    Count(&'static str, Option<u64>),
}

/// Progress that is shown until the last clone of it is gone.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Option<Arc<Shown>>);

#[derive(Debug)]
struct Shown(Arc<Work>);

#[derive(Debug)]
struct Work {
    stage: Mutex<Stage>,
    /// What is done of the stage.
    done: AtomicU64,
    /// Whether a decimal comma separates, as in Vietnamese.
    comma: bool,
    ended: Mutex<bool>,
    end: Condvar,
}

#[derive(Debug)]
struct Stage {
    text: String,
    measure: Measure,
    begun: Instant,
}

impl Progress {
    /// Begins to show work. Shows nothing if `quiet`, if standard error is not a terminal or cannot
    /// erase a line, or if `NO_COLOR` asks for plain output.
    pub(crate) fn start(text: &str, measure: Measure, comma: bool, quiet: bool) -> Self {
        let set = |name| env::var_os(name).filter(|it| !it.is_empty());
        let is_dumb = set("TERM").is_none_or(|it| it == "dumb");
        if quiet || is_dumb || set("NO_COLOR").is_some() || !io::stderr().is_terminal() {
            return Self(None);
        }
        let work = Arc::new(Work {
            stage: Mutex::new(Stage {
                text: text.to_owned(),
                measure,
                begun: Instant::now(),
            }),
            done: AtomicU64::new(0),
            comma,
            ended: Mutex::new(false),
            end: Condvar::new(),
        });
        let shown = Arc::clone(&work);
        let thread = thread::Builder::new().name("progress".to_owned());
        // without a thread nothing is shown, and the work goes on
        drop(thread.spawn(move || shown.show()));
        Self(Some(Arc::new(Shown(work))))
    }

    /// The next stage of the work.
    pub(crate) fn stage(&self, text: &str, measure: Measure) {
        let Some(shown) = &self.0 else { return };
        let mut stage = lock(&shown.0.stage);
        shown.0.done.store(0, Ordering::Relaxed);
        *stage = Stage {
            text: text.to_owned(),
            measure,
            begun: Instant::now(),
        };
    }

    /// Adds to what is done of the stage.
    pub(crate) fn add(&self, more: u64) {
        if let Some(shown) = &self.0 {
            shown.0.done.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Sets what is done of the stage.
    pub(crate) fn set(&self, done: u64) {
        if let Some(shown) = &self.0 {
            shown.0.done.store(done, Ordering::Relaxed);
        }
    }

    /// Erases it. What is printed after that stands where it stood.
    pub(crate) fn end(self) {
        if let Some(shown) = &self.0 {
            shown.0.erase();
            super::flush();
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.erase();
    }
}

impl Work {
    fn show(&self) {
        let mut wait = DELAY;
        let mut ended = lock(&self.ended);
        loop {
            let waited = self.end.wait_timeout_while(ended, wait, |ended| !*ended);
            ended = waited.unwrap_or_else(PoisonError::into_inner).0;
            if *ended {
                return;
            }
            let line = self.line();
            // within the lock, so that nothing is drawn after the end
            if let Ok(lines) = lines() {
                lines.set_lowest(&line);
            }
            wait = INTERVAL;
        }
    }

    fn erase(&self) {
        let mut ended = lock(&self.ended);
        *ended = true;
        self.end.notify_all();
        if let Ok(lines) = lines() {
            lines.set_lowest("");
        }
        drop(ended);
    }

    fn line(&self) -> String {
        let columns = terminal_size::terminal_size_of(io::stderr());
        let columns = columns.map_or(COLUMNS, |(width, _)| width.0.into());
        let stage = lock(&self.stage);
        let done = self.done.load(Ordering::Relaxed);
        let line = line(
            &stage.text,
            stage.measure,
            done,
            stage.begun.elapsed(),
            self.comma,
        );
        // the last column would make some terminals begin a line
        cut(&line, columns.saturating_sub(1))
    }
}

/// What is said of a stage.
fn line(text: &str, measure: Measure, done: u64, elapsed: Duration, comma: bool) -> String {
    let mut parts = vec![text.to_owned()];
    let rate = |unit: &dyn Fn(f64) -> String| {
        let rate = (elapsed >= RATE_AFTER && done > 0).then(|| done as f64 / elapsed.as_secs_f64());
        rate.map(|it| format!("{}/s", unit(it)))
    };
    match measure {
        Measure::Time => {}
        Measure::Bytes(all) => {
            let size = |bytes: f64| size(bytes, comma);
            match all {
                Some(all) => parts.push(format!("{} / {}", size(done as f64), size(all as f64))),
                None => parts.push(size(done as f64)),
            }
            parts.extend(rate(&size));
        }
        Measure::Count(what, all) => {
            let mark = if comma { '.' } else { ',' };
            let number = |it: u64| grouped(&it.to_string(), mark);
            match all {
                Some(all) => parts.push(format!("{} / {} {what}", number(done), number(all))),
                None => parts.push(format!("{} {what}", number(done))),
            }
            parts.extend(rate(&|it| number(it.round() as u64)));
        }
    }
    let seconds = elapsed.as_secs();
    parts.push(format!("{}:{:02}", seconds / 60, seconds % 60));
    parts.join("  ")
}

/// A number of bytes, in a unit that suits it.
fn size(bytes: f64, comma: bool) -> String {
    let units = ["B", "KiB", "MiB", "GiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = match unit {
        0 => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    };
    let text = if comma { text.replace('.', ",") } else { text };
    format!("{text} {}", units.get(unit).copied().unwrap_or_default())
}

/// The text cut to a width, in columns of a terminal.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let fits = |letter: &char| {
        used += letter.width().unwrap_or_default();
        used < width
    };
    let cut: String = text.chars().take_while(fits).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_says_what_is_known_of_it() {
        let said = |measure, done, seconds, comma| {
            line(
                "sending",
                measure,
                done,
                Duration::from_secs(seconds),
                comma,
            )
        };
        assert_eq!(said(Measure::Time, 0, 65, false), "sending  1:05");
        let half = Measure::Bytes(Some(3 << 20));
        assert_eq!(
            said(half, 3 << 19, 2, false),
            "sending  1.5 MiB / 3.0 MiB  768.0 KiB/s  0:02"
        );
        assert_eq!(
            said(half, 3 << 19, 2, true),
            "sending  1,5 MiB / 3,0 MiB  768,0 KiB/s  0:02"
        );
        // too early for a rate
        assert_eq!(
            said(Measure::Bytes(None), 512, 0, false),
            "sending  512 B  0:00"
        );
        let rows = Measure::Count("changes", Some(1_234_567));
        assert_eq!(
            said(rows, 12_000, 3, false),
            "sending  12,000 / 1,234,567 changes  4,000/s  0:03"
        );
    }

    #[test]
    fn a_line_is_cut_to_the_terminal() {
        assert_eq!(cut("gửi tệp  1:05", 20), "gửi tệp  1:05");
        assert_eq!(cut("gửi tệp  1:05", 8), "gửi tệp…");
        assert_eq!(cut("gửi tệp", 1), "…");
    }
}
