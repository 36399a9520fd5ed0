//! What commands print on standard output: whole, or with an error where it cannot be written.
//! What is said about it goes to standard error, by `telemetry::say`. `println!` would panic.

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

/// Prints. Whoever read and reads no more, as `head` does, has had enough: that is no error.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    ended(write(bytes.as_ref()))
}

/// What became of something printed.
pub(super) fn ended(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Prints what is lost unless somebody reads it: that nobody can is an error, too.
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

/// Whether standard output is the device that forgets everything; a closed one has become it by
/// the time that `main` runs.
fn leads_nowhere() -> io::Result<bool> {
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
    let null = fs::metadata("/dev/null")?;
    Ok(out.file_type().is_char_device() && out.rdev() == null.rdev())
}
