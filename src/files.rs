//! Files that records cite: where their bytes are kept, what may be kept, and how a file arrives.
//!
//! A file is identified by the SHA-256 of its bytes, so it is kept once even if several callers
//! upload it. It is received into an unnamed file of the operating system, so that memory holds one
//! chunk of it; its size, digest and type are known before it is kept. Who may upload and read is
//! decided elsewhere.

mod incoming;
mod kept;
mod outside;
mod scan;
mod sniff;

use std::{fmt, fs, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use tokio::sync::Semaphore;

pub use crate::store::StoredFile;
use crate::{
    admission::{pool::Pool, who::Who},
    store::Store,
};
pub use incoming::{Incoming, Received};
pub use kept::{Chunks, Verified};
use ndp_core::{error::Error, limits::Limit};
use outside::Outside;
use scan::Scanner;

const MIB: u64 = 1024 * 1024;

/// How many files of the largest size one caller may send at a time, and how many callers may.
const OF_CALLER: u64 = 3;
const CALLERS: u64 = 8;

/// Where the bytes of new files are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Location {
    /// In the database.
    #[default]
    Database,
    /// In this directory.
    Directory(PathBuf),
}

/// For a fuzzer: what the type of a file is by its content, in one piece or two.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz_type(content: &[u8]) {
    let mut whole = sniff::Sniffer::default();
    whole.read(content);
    let mut halves = sniff::Sniffer::default();
    let (first, second) = content.split_at(content.len() / 2);
    halves.read(first);
    halves.read(second);
    assert_eq!(whole.media_type(""), halves.media_type(""));
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("database"),
            Self::Directory(path) => write!(f, "directory:{}", path.display()),
        }
    }
}

impl Location {
    /// Makes the directory if it does not exist.
    fn make(&self) -> anyhow::Result<()> {
        let Self::Directory(path) = self else {
            return Ok(());
        };
        let made = fs::create_dir_all(path);
        made.with_context(|| format!("cannot keep files in `{}`", path.display()))
    }

    /// Parses what `--files` gives.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "database" => Some(Self::Database),
            Some(("directory", path)) if !path.is_empty() => Some(Self::Directory(path.into())),
            _ => None,
        }
    }
}

/// What may be kept, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The place of the bytes.
    pub place: Location,
    /// Largest size of a file, in bytes.
    pub size_max: u64,
    /// Largest size of all files together, in bytes.
    pub total_max: u64,
    /// Most bytes that one principal uploads in a day in Vietnam.
    pub day_max: u64,
    /// Command that scans a file: it reads the file from its standard input and exits with 0 where
    /// it finds nothing.
    pub scan: Option<String>,
    /// Days after which a file is removed that no record has ever cited.
    pub uncited_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            place: Location::Database,
            size_max: 20 * MIB,
            total_max: 10 * 1024 * MIB,
            day_max: 500 * MIB,
            scan: None,
            uncited_days: 30,
        }
    }
}

/// The files of a registry; a cheap handle.
#[derive(Clone, Debug)]
pub struct Files(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    outside: Option<Outside>,
    scanner: Option<Scanner>,
    settings: Settings,
    incoming: Pool,
    /// Writes into the database one after the other, so that the log's writer finds a connection.
    writing: Semaphore,
}

impl Files {
    /// The files of this store. Fails if the place cannot be used; makes a missing directory.
    pub fn open(store: &Store, settings: &Settings) -> anyhow::Result<Self> {
        settings.place.make()?;
        Self::opened(store, settings)
    }

    /// The same, for reading only.
    pub fn open_to_read(store: &Store, place: &Location) -> anyhow::Result<Self> {
        let settings = Settings {
            place: place.clone(),
            ..Settings::default()
        };
        Self::opened(store, &settings)
    }

    fn opened(store: &Store, settings: &Settings) -> anyhow::Result<Self> {
        let one = settings.size_max.saturating_mul(OF_CALLER);
        let [all, one] =
            [one.saturating_mul(CALLERS), one].map(|it| usize::try_from(it).unwrap_or(usize::MAX));
        Ok(Self(Arc::new(Inner {
            store: store.clone(),
            outside: Outside::open(&settings.place)?,
            scanner: settings.scan.as_deref().map(Scanner::new),
            settings: settings.clone(),
            incoming: Pool::new(Limit::FileBytes, all, one),
            writing: Semaphore::new(1),
        })))
    }

    /// A file that a caller begins to send.
    pub async fn begin(&self, who: Who) -> Result<Incoming, Error> {
        let share = self.0.incoming.take(who, 0)?;
        Incoming::new(share, self.0.settings.size_max).await
    }
}
