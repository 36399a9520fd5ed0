//! Bytes of files outside the database: in a directory.

use std::{ops::Range, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use object_store::{
    GetOptions, ObjectStore, ObjectStoreExt as _, buffered::BufWriter, local::LocalFileSystem,
    path::Path,
};
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
};

use super::Location;
use ndp_core::{error::Error, messages::Unavailable};

/// The place.
#[derive(Debug)]
pub(super) struct Outside(Arc<dyn ObjectStore>);

impl Outside {
    /// Opens the place; `None` if it is the database.
    pub(super) fn open(place: &Location) -> anyhow::Result<Option<Self>> {
        match place {
            Location::Database => Ok(None),
            Location::Directory(path) => {
                let opened = LocalFileSystem::new_with_prefix(path);
                let opened = opened
                    .with_context(|| format!("cannot read the files in `{}`", path.display()))?;
                Ok(Some(Self(Arc::new(opened.with_fsync(true)))))
            }
        }
    }

    /// Writes a file, completely or not at all.
    pub(super) async fn put(&self, sha256: &str, bytes: &mut File) -> Result<(), Error> {
        let written = async {
            bytes.rewind().await?;
            let mut writer = BufWriter::new(Arc::clone(&self.0), path(sha256));
            match tokio::io::copy(bytes, &mut writer).await {
                Ok(_) => writer.shutdown().await,
                Err(error) => {
                    // the first error is the one to report
                    let _ = writer.abort().await;
                    Err(error)
                }
            }
        };
        written.await.map_err(|error| unreachable(&error))
    }

    /// The bytes of a file; `None` if there is not a file of this name and size.
    pub(super) async fn read(
        &self,
        sha256: &str,
        size: u64,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, Error> {
        let options = GetOptions {
            range: Some(range.into()),
            ..GetOptions::default()
        };
        let found = match self.0.get_opts(&path(sha256), options).await {
            Ok(found) if found.meta.size != size => return Ok(None),
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // the file is shorter than its recorded size
            Err(error @ object_store::Error::Generic { .. }) => {
                tracing::error!(sha256, %error, "a file cannot be read");
                Ok(None)
            }
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// Removes a file; succeeds if it does not exist.
    pub(super) async fn remove(&self, sha256: &str) -> Result<(), Error> {
        match self.0.delete(&path(sha256)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(unreachable(&error)),
        }
    }
}

/// Two digits first, so that no directory gets too many entries.
fn path(sha256: &str) -> Path {
    let first = sha256.get(..2).unwrap_or_default();
    Path::from(format!("{first}/{sha256}"))
}

fn unreachable(error: &dyn std::error::Error) -> Error {
    tracing::warn!(%error, "the place of files cannot be reached");
    Error::Unavailable(Unavailable::Files)
}
