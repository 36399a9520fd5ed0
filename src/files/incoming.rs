//! A file that arrives: its bytes go to a file without a name, which is gone when this is dropped.

use sha2::{Digest as _, Sha256};
use tokio::{fs::File, io::AsyncWriteExt as _};

use super::sniff::Sniffer;
use crate::admission::pool::Share;
use ndp_core::{
    error::Error,
    hex,
    messages::{Rule, Unavailable},
};

/// The field of the request that has the bytes.
pub(super) const CHUNK: &str = "chunk";

/// A file that is being received.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    digest: Sha256,
    size: u64,
    size_max: u64,
    sniffer: Sniffer,
    /// Charged for what is on disk.
    share: Share,
}

/// A file that has arrived and is not kept.
#[derive(Debug)]
pub struct Received {
    /// Its bytes, from the first.
    pub file: std::fs::File,
    /// SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
    /// What is charged for it until this is dropped.
    pub share: Share,
}

/// A file that has arrived.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) file: File,
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) sniffer: Sniffer,
    pub(super) share: Share,
}

impl Incoming {
    pub(super) async fn new(share: Share, size_max: u64) -> Result<Self, Error> {
        let made = tokio::task::spawn_blocking(tempfile::tempfile).await;
        let made = made.map_err(|error| Error::Bug(format!("receiving a file: {error}").into()))?;
        Ok(Self {
            file: File::from_std(made.map_err(|error| no_room(&error))?),
            digest: Sha256::new(),
            size: 0,
            size_max,
            sniffer: Sniffer::default(),
            share,
        })
    }

    /// Adds the next bytes.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.size += chunk.len() as u64;
        if self.size > self.size_max {
            let most = self.size_max;
            return Err(Error::invalid(CHUNK, Rule::FileTooLarge { most }));
        }
        self.share.grow(chunk.len())?;
        self.digest.update(chunk);
        self.sniffer.read(chunk);
        let written = self.file.write_all(chunk).await;
        written.map_err(|error| no_room(&error))
    }

    /// Ends the file, to be read here and not kept.
    pub async fn received(self) -> Result<Received, Error> {
        self.not_empty()?.received_or_empty().await
    }

    /// The same of a file that may be empty.
    pub async fn received_or_empty(self) -> Result<Received, Error> {
        let Arrived {
            file,
            sha256,
            size,
            share,
            ..
        } = self.end_or_empty().await?;
        let mut file = file.into_std().await;
        let rewound = std::io::Seek::rewind(&mut file);
        rewound.map_err(|error| no_room(&error))?;
        Ok(Received {
            file,
            sha256,
            size,
            share,
        })
    }

    /// Ends the file.
    pub(super) async fn end(self) -> Result<Arrived, Error> {
        self.not_empty()?.end_or_empty().await
    }

    fn not_empty(self) -> Result<Self, Error> {
        match self.size {
            0 => Err(Error::invalid(CHUNK, Rule::FileEmpty)),
            _ => Ok(self),
        }
    }

    async fn end_or_empty(mut self) -> Result<Arrived, Error> {
        self.file.flush().await.map_err(|error| no_room(&error))?;
        Ok(Arrived {
            file: self.file,
            sha256: hex::write(&self.digest.finalize()),
            size: self.size,
            sniffer: self.sniffer,
            share: self.share,
        })
    }
}

/// The directory for temporary files is full or cannot be written.
pub(super) fn no_room(error: &std::io::Error) -> Error {
    tracing::warn!(%error, "a file that arrives cannot be written; see TMPDIR");
    Error::Unavailable(Unavailable::Files)
}
