//! The keys that sign checkpoints: their files, which are made at the first start and never
//! overwritten.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    path::Path,
};

use anyhow::{Context, anyhow};
use tempfile::NamedTempFile;

use super::tls::warn_of_readers;
use crate::{
    config::Signing,
    registry::{
        Registry,
        checkpoints::{Checkpoints, Key, default_origin},
        entropy::OsEntropy,
    },
};

/// Maximum size of a file.
const FILE_BYTES_MAX: u64 = 4096;

/// Opens the keys, and makes those that are not there. The log says their public halves.
pub(super) fn open(registry: &Registry, signing: &Signing) -> anyhow::Result<Checkpoints> {
    let origin = signing.origin.clone();
    let origin = origin.unwrap_or_else(|| default_origin(registry.read().log_id));
    let keys = signing.keys.iter().map(|path| {
        let file = path.display();
        key(path, &origin).with_context(|| format!("cannot use the signing key `{file}`"))
    });
    let keys: Vec<_> = keys.collect::<anyhow::Result<_>>()?;
    let checkpoints = Checkpoints::new(registry.clone(), origin, &keys)?;
    for (path, public) in signing.keys.iter().zip(checkpoints.public_keys()) {
        let file = path.display();
        tracing::info!(%file, public, "checkpoints are signed");
    }
    Ok(checkpoints)
}

fn key(path: &Path, origin: &str) -> anyhow::Result<Key> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let key = Key::new(&OsEntropy.secret());
    match write(path, &key.private(origin))? {
        Made::Here => {
            let file = path.display();
            tracing::info!(%file, "a new signing key was made; keep a copy of it");
            Ok(key)
        }
        Made::Elsewhere => read(path)?.ok_or_else(|| anyhow!("it was there and is gone")),
    }
}

/// The key in a file; `None` if there is no file.
fn read(path: &Path) -> anyhow::Result<Option<Key>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    warn_of_readers(path);
    let mut text = String::new();
    let mut file = file.take(FILE_BYTES_MAX);
    file.read_to_string(&mut text).context("reading it")?;
    let key = Key::parse(text.trim_end());
    // not what the file has: it may be another secret
    let form = "it does not hold one line `PRIVATE+KEY+<name>+<id>+<key>`; name another file";
    key.map(Some).context(form)
}

/// Which process made a file.
enum Made {
    Here,
    Elsewhere,
}

/// Makes a file that no other user can read, as a whole or not at all.
fn write(path: &Path, text: &str) -> anyhow::Result<Made> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    // its mode is 0600
    let mut file = NamedTempFile::new_in(folder).context("making it")?;
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(Made::Elsewhere),
        Err(error) => return Err(error.error).context("making it"),
    }
    // so that the name lasts too
    File::open(folder)?.sync_all()?;
    Ok(Made::Here)
}
