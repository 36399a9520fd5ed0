//! Checks whether SQLite's files are still the ones that were opened. A file that was removed or
//! replaced under a running server still accepts writes, and those writes are lost.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::opening::beside;

/// The files of an open database.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    path: PathBuf,
    file: Option<Inode>,
    wal: Option<Inode>,
}

/// Device and inode number of a file.
type Inode = (u64, u64);

fn inode(path: &Path) -> Option<Inode> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

impl Identity {
    /// The files as they are now; a write has made the write-ahead log.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            file: inode(path),
            wal: inode(&beside(path, "-wal")),
            path: path.to_owned(),
        }
    }

    /// The file that is missing or was replaced; `None` when all files are unchanged.
    pub(super) fn lost(&self) -> Option<PathBuf> {
        let wal = beside(&self.path, "-wal");
        if inode(&self.path) != self.file {
            Some(self.path.clone())
        } else if inode(&wal) != self.wal {
            Some(wal)
        } else {
            None
        }
    }
}
