//! Writes the output of commands to standard output: completely, or with an error. Messages about
//! the output go to standard error, through `telemetry::say`. `println!` would panic.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, MetadataExt},
    },
};

use anyhow::Context;

use crate::telemetry::write_whole;

/// Prints. A reader that closes the pipe early, as `head` does, does not cause an error.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    ended(write(bytes.as_ref()))
}

/// Converts the result of printing: a broken pipe is not an error.
pub(super) fn ended(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Prints text that cannot be printed again later, such as a key. It is an error if the output is
/// discarded or the reader is gone.
pub(super) fn hand_over(text: &str) -> anyhow::Result<()> {
    if leads_nowhere().unwrap_or(false) {
        anyhow::bail!("standard output leads nowhere: it is closed, or /dev/null");
    }
    write(text.as_bytes()).context("standard output cannot be written")
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write_whole(&mut out, bytes).map_err(|(error, _)| error)?;
    out.flush()
}

/// Whether standard output is `/dev/null`. A closed standard output has been replaced by it before
/// `main` runs.
fn leads_nowhere() -> io::Result<bool> {
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
    let null = fs::metadata("/dev/null")?;
    Ok(out.file_type().is_char_device() && out.rdev() == null.rdev())
}
