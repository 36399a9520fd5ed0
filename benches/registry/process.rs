//! The processes of a run: the server, the bare service and the client, and what the kernel says
//! of their memory and time. Only Linux says it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::{Serialize, de::DeserializeOwned};

use crate::load::{Job, Outcome};

/// Which process of a run this is; the one that measures when unset.
pub(crate) const ROLE: &str = "NDP_BENCH_ROLE";

/// A server, killed when dropped.
pub(crate) struct Listening {
    child: Child,
    pub(crate) id: u32,
    pub(crate) address: String,
    /// From its start until it said that it listens.
    pub(crate) started_in: Duration,
}

impl Listening {
    /// The real server on this database, as anyone would run it. Its log goes to `/dev/null`, so
    /// that lines are made, but no disk is measured beside the database's.
    pub(crate) fn registry(database: &Path) -> Result<Self> {
        // one client makes all the calls, so it may make them all; the limit is still looked at
        Self::serve(database, &["--calls-per-second", "1000000"])
    }

    /// The same for as many watchers as there may be.
    pub(crate) fn with_many_watchers(database: &Path) -> Result<Self> {
        let most = "32768";
        let options = [
            "--watchers",
            "--watchers-per-caller",
            "--streams-per-address",
            "--calls-in-flight",
            "--calls-in-flight-per-caller",
            "--calls-per-second",
        ];
        let options: Vec<_> = options.iter().flat_map(|it| [*it, most]).collect();
        Self::serve(database, &options)
    }

    /// The same with the default limits.
    pub(crate) fn with_default_limits(database: &Path) -> Result<Self> {
        Self::serve(database, &[])
    }

    fn serve(database: &Path, options: &[&str]) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndp-registry"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NDP_") {
                command.env_remove(name);
            }
        }
        command
            .arg("serve")
            .args(options)
            .args(["--listen", "127.0.0.1:0", "--database"])
            .arg(format!("sqlite:{}", database.display()))
            .stderr(Stdio::null());
        Self::start(command)
    }

    /// The bare service on a file of answers.
    pub(crate) fn bare(answers: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(ROLE, "bare").arg(answers);
        Self::start(command)
    }

    /// etcd, with its data in a directory.
    pub(crate) fn etcd(program: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg(data);
        Self::start(command)
    }

    /// This program in a role in which it listens.
    pub(crate) fn in_role(role: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(ROLE, role);
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().context("its standard output")?;
        let mut listening = Self {
            id: child.id(),
            child,
            address: String::new(),
            started_in: Duration::ZERO,
        };
        let mut lines = BufReader::new(stdout).lines();
        while listening.address.is_empty() {
            let line = lines
                .next()
                .context("a server ended before it listened")??;
            if let Some((_, address)) = line.split_once(" is listening on ") {
                address.clone_into(&mut listening.address);
                listening.started_in = start.elapsed();
            }
        }
        // it prints more, and must not wait for a reader
        std::thread::spawn(move || lines.for_each(drop));
        Ok(listening)
    }

    /// Resident memory now and at its highest, in bytes.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib: Option<u64> =
                line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            kib.map(|kib| kib * 1024).with_context(|| name.to_owned())
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Counts the highest of its memory from now on.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        Ok(std::fs::write(
            format!("/proc/{}/clear_refs", self.id),
            "5",
        )?)
    }

    /// Processor time of all its threads so far.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let mut nanos = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.id))? {
            let path = thread?.path().join("schedstat");
            // a thread may end in between
            let Ok(text) = std::fs::read_to_string(path) else {
                continue;
            };
            let ran = text.split_whitespace().next().context("schedstat")?;
            nanos += ran.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts this program in another role, with a job on its standard input.
pub(crate) fn begin(role: &str, job: &impl Serialize) -> Result<Child> {
    let mut child = Command::new(std::env::current_exe()?)
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("its standard input")?;
    stdin.write_all(&serde_json::to_vec(job)?)?;
    Ok(child)
}

/// The job that [`begin`] gave this process.
pub(crate) fn job<T: DeserializeOwned>() -> Result<T> {
    Ok(serde_json::from_reader(std::io::stdin().lock())?)
}

/// Runs a client process to its end. An error of any of its calls is one of the run.
pub(crate) fn client(job: &Job) -> Result<Outcome> {
    let output = begin("client", job)?.wait_with_output()?;
    ensure!(output.status.success(), "the client: {}", output.status);
    let outcome: Outcome = serde_json::from_slice(&output.stdout)?;
    ensure!(
        outcome.errors == 0,
        "{} calls failed, the first with {}",
        outcome.errors,
        outcome.first_error.unwrap_or_default()
    );
    ensure!(outcome.calls > 0, "no call was answered in time");
    Ok(outcome)
}
