//! `ndp-registry protos`: the contract as files, for generators of code.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};

use super::output;
use crate::pb;

/// The file of the descriptor set.
const DESCRIPTOR_SET: &str = "registry.binpb";

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ndp-registry protos --out contract")]
pub(super) struct Args {
    /// Folder to write into; it is made, and must be empty where it is there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let out = &args.out;
    let shown = out.display();
    fs::create_dir_all(out).with_context(|| format!("cannot make `{shown}`"))?;
    let mut entries = fs::read_dir(out).with_context(|| format!("cannot read `{shown}`"))?;
    if entries.next().is_some() {
        bail!("`{shown}` is not empty: name a new folder");
    }
    let set = [(DESCRIPTOR_SET, pb::FILE_DESCRIPTOR_SET)];
    let protos = pb::PROTOS
        .iter()
        .map(|(name, text)| (*name, text.as_bytes()));
    for (name, bytes) in protos.chain(set) {
        let file = out.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make `{shown}`"))?;
        }
        fs::write(&file, bytes).with_context(|| format!("cannot write `{}`", file.display()))?;
    }
    output::print(format!(
        "{} protos and {DESCRIPTOR_SET} are in {shown}\n",
        pb::PROTOS.len()
    ))?;
    Ok(ExitCode::SUCCESS)
}
