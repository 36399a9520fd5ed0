//! The real binary as a process: started, watched line by line, signalled, waited for.
//!
//! Nothing here sleeps or polls: reader threads and a waiter thread wake the test that waits for a
//! line or for the end. Every wait has a bound; at the bound it shows all output so far.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

/// Where a line was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Signals that tests send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// Asks to end.
    Term,
    /// Ends it on the spot.
    Kill,
    /// What Ctrl-C sends.
    Int,
    /// Its terminal is gone.
    Hup,
    /// The reader of a pipe has closed it.
    Pipe,
    /// Its meaning is up to the program.
    Usr1,
    /// Its meaning is up to the program.
    Usr2,
    /// Suspends the process.
    Stop,
    /// Resumes a suspended process.
    Cont,
}

/// Where one of its streams goes.
pub(crate) enum To {
    /// To the test, line by line.
    Lines,
    /// To the test, which leaves it until [`Process::read_stderr`].
    Unread,
    /// Somewhere else.
    Elsewhere(Stdio),
}

impl To {
    /// A file or device, to write to.
    pub(crate) fn file(path: &str) -> Self {
        let file = std::fs::OpenOptions::new().write(true).open(path);
        Self::Elsewhere(file.unwrap().into())
    }

    /// A pipe whose reading end is closed.
    pub(crate) fn broken_pipe() -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Self::Elsewhere(writer.into())
    }
}

/// A process of the test; killed when dropped.
pub(crate) struct Process {
    id: u32,
    what: String,
    shared: Arc<Shared>,
    unread: Mutex<Option<ChildStderr>>,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    lines: Vec<(Stream, String)>,
    /// How many of its two streams have ended.
    ended: u8,
    status: Option<ExitStatus>,
}

impl Process {
    /// Runs the registry's binary with these arguments and environment on top of ours, less
    /// every `NDP_` variable.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = registry(arguments);
        command.envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Runs any command.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_to(command, To::Lines, To::Lines)
    }

    /// Runs any command, with its streams going wherever.
    pub(crate) fn spawn_to(mut command: Command, stdout: To, stderr: To) -> Self {
        let what = format!("{command:?}");
        let unread = matches!(stderr, To::Unread);
        let stdio = |to| match to {
            To::Lines | To::Unread => Stdio::piped(),
            To::Elsewhere(stdio) => stdio,
        };
        command
            .stdin(Stdio::null())
            .stdout(stdio(stdout))
            .stderr(stdio(stderr));
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{what} does not start: {error}"));
        // or its end of a pipe would be held here, too
        drop(command);
        let shared = Arc::new(Shared::default());
        let mut stderr = child.stderr.take();
        let unread = stderr.take_if(|_| unread);
        let id = child.id();
        shared.clone().read(Stream::Stdout, child.stdout.take());
        shared.clone().read(Stream::Stderr, stderr);
        let waiting = Arc::clone(&shared);
        thread::spawn(move || {
            let status = child.wait().unwrap();
            waiting.change(|progress| progress.status = Some(status));
        });
        Self {
            id,
            what,
            shared,
            unread: Mutex::new(unread),
        }
    }

    /// Begins to read what was left unread.
    pub(crate) fn read_stderr(&self) {
        let unread = self.unread.lock().unwrap().take();
        self.shared.change(|progress| progress.ended -= 1);
        self.shared.clone().read(Stream::Stderr, unread);
    }

    /// Its id.
    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    /// Waits until a line contains `pattern`, and returns the first that does.
    pub(crate) fn wait_for_line(&self, pattern: &str, bound: Duration) -> String {
        let wanted = format!("a line with `{pattern}`");
        self.wait_for(&wanted, bound, |progress| {
            let line = progress
                .lines
                .iter()
                .find(|(_, line)| line.contains(pattern));
            line.map(|(_, line)| line.clone())
        })
    }

    /// Waits until the lines so far satisfy `found`, and returns what it found.
    pub(crate) fn wait_for_lines<T>(
        &self,
        wanted: &str,
        bound: Duration,
        found: impl Fn(&[(Stream, String)]) -> Option<T>,
    ) -> T {
        self.wait_for(wanted, bound, |progress| found(&progress.lines))
    }

    /// Waits until it has ended and everything it printed was read.
    pub(crate) fn wait(&self, bound: Duration) -> ExitStatus {
        self.wait_for("its end", bound, |progress| {
            progress.status.filter(|_| progress.ended == 2)
        })
    }

    /// What it has printed so far on one stream.
    pub(crate) fn printed(&self, stream: Stream) -> String {
        let progress = self.shared.lock();
        let mut text = String::new();
        for (_, line) in progress.lines.iter().filter(|(from, _)| *from == stream) {
            writeln!(text, "{line}").unwrap();
        }
        text
    }

    /// Sends a signal; no harm when it has ended already.
    pub(crate) fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Kill => "KILL",
            Signal::Int => "INT",
            Signal::Hup => "HUP",
            Signal::Pipe => "PIPE",
            Signal::Usr1 => "USR1",
            Signal::Usr2 => "USR2",
            Signal::Stop => "STOP",
            Signal::Cont => "CONT",
        };
        // not to one known to have ended: its id may be another's by now
        let progress = self.shared.lock();
        if progress.status.is_none() {
            // the shell's own `kill`: a crate for it would be compiled for this line alone
            let sent = Command::new("/bin/sh")
                .args(["-c", r#"kill -"$1" "$2" 2>/dev/null"#, "kill", name])
                .arg(self.id.to_string())
                .status();
            sent.unwrap();
        }
    }

    fn wait_for<T>(
        &self,
        wanted: &str,
        bound: Duration,
        found: impl Fn(&Progress) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + bound;
        let mut progress = self.shared.lock();
        loop {
            if let Some(found) = found(&progress) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let over = progress.ended == 2 && progress.status.is_some();
            if over || left.is_zero() {
                let why = match progress.status {
                    Some(status) => format!("it has ended, {status}"),
                    None => format!("{bound:?} are over"),
                };
                let mut printed = String::new();
                for (stream, line) in &progress.lines {
                    writeln!(printed, "  {stream:?}: {line}").unwrap();
                }
                drop(progress);
                panic!(
                    "waited for {wanted} of {}, but {why}; it printed:\n{printed}",
                    self.what
                );
            }
            progress = self
                .shared
                .changed
                .wait_timeout(progress, left)
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
        // what it held is free for the next one; a bound in case the kernel keeps it
        let ended = self.shared.changed.wait_timeout_while(
            self.shared.lock(),
            Duration::from_secs(5),
            |progress| progress.status.is_none(),
        );
        drop(ended);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn read(self: Arc<Self>, stream: Stream, pipe: Option<impl Read + Send + 'static>) {
        let Some(pipe) = pipe else {
            return self.change(|progress| progress.ended += 1);
        };
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches(['\n', '\r']).to_owned();
                self.change(|progress| progress.lines.push((stream, text)));
                line.clear();
            }
            self.change(|progress| progress.ended += 1);
        });
    }
}

/// The registry's binary with these arguments, without the `NDP_` variables of the test run.
pub(crate) fn registry(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndp-registry"));
    command.args(arguments);
    clear_settings(&mut command);
    command
}

/// Removes the `NDP_` variables that the registry would inherit from the test run.
pub(crate) fn clear_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NDP_") {
            command.env_remove(name);
        }
    }
}

/// The directory of the registry's binary that Cargo built for the tests.
pub(crate) fn binary_directory() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ndp-registry"))
        .parent()
        .unwrap()
}
