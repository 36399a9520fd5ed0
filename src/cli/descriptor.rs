//! `ndp-registry descriptor`.

use std::{io::IsTerminal, process::ExitCode};

use anyhow::bail;

use super::output;
use crate::pb;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    if std::io::stdout().is_terminal() {
        bail!("the descriptor set is binary: write it to a file, `ndp-registry descriptor > FILE`");
    }
    output::print(pb::FILE_DESCRIPTOR_SET)?;
    Ok(ExitCode::SUCCESS)
}
