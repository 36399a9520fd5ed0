//! `ndp-registry descriptor`.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{Context, bail};

use crate::pb;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    if out.is_terminal() {
        bail!("the descriptor set is binary: write it to a file, `ndp-registry descriptor > FILE`");
    }
    let written = out.write_all(pb::FILE_DESCRIPTOR_SET);
    written
        .and_then(|()| out.flush())
        .context("writing the descriptor set")?;
    Ok(ExitCode::SUCCESS)
}
