//! Whether SQLite's files are still those that were opened. A file that was removed or replaced
//! under a running server still takes writes that nobody will find.

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

/// Device and number of a file.
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

    /// Which of the files is gone or another one; none where all are as they were.
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
