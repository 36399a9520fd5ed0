//! The scanner of files: a command that the operator sets, as `clamdscan -`.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use ndp_core::{
    error::Error,
    messages::{Condition, Unavailable},
};

/// How long a scan may take.
const TIME: Duration = Duration::from_secs(30);

/// Interval between two checks whether the command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Scans at a time.
const AT_A_TIME: usize = 2;

/// Exit code for a file in which something was found; any other but 0 is a failure of the scanner.
const FOUND: i32 = 1;

/// The scanner.
#[derive(Debug)]
pub(super) struct Scanner {
    command: String,
    places: Arc<Semaphore>,
}

impl Scanner {
    pub(super) fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            places: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// Refuses a file in which the command finds something. The command reads the file from its
    /// standard input; its environment has PATH alone, because ours may hold a password.
    pub(super) async fn scan(&self, file: File, sha256: &str) -> Result<(), Error> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let command = self.command.clone();
        let scanned = tokio::task::spawn_blocking(move || {
            let _place = place;
            run(&command, file)
        });
        let scanned = scanned.await;
        let scanned = scanned.unwrap_or_else(|error| Err(error.to_string()));
        match scanned {
            Ok(0) => Ok(()),
            Ok(FOUND) => {
                tracing::warn!(sha256, "the scanner refused a file; it is not kept");
                Err(Error::refused(
                    format!("files/{sha256}"),
                    Condition::FileRefused,
                ))
            }
            Ok(code) => Err(failed(&format!("exit code {code}"))),
            Err(why) => Err(failed(&why)),
        }
    }
}

fn failed(why: &str) -> Error {
    tracing::error!(
        why,
        "the scanner of files failed; no file is kept until it works"
    );
    Error::Unavailable(Unavailable::FileNotScanned)
}

/// Runs the command on a file, and returns its exit code.
fn run(command: &str, mut file: File) -> Result<i32, String> {
    let failed = |error: std::io::Error| error.to_string();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        shell.env("PATH", path);
    }
    shell
        .stdin(Stdio::from(file))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = shell.spawn().map_err(failed)?;
    let begun = Instant::now();
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => return status.code().ok_or_else(|| status.to_string()),
            None if begun.elapsed() < TIME => thread::sleep(LOOK),
            None => {
                // it may have ended meanwhile
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer in {} s", TIME.as_secs()));
            }
        }
    }
}
