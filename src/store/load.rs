//! Loading: everything that the State is made of, as of one moment. Images are decoded on blocking
//! threads while more of them are read, a bounded number ahead.

use std::{collections::VecDeque, num::NonZero, thread};

use sqlx::{FromRow, Row};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;

use super::{
    Loaded,
    engine::{Tx, on_engine},
    errors::Failure,
    images, log, secrets,
};
use ndp_core::{change::Image, error::Error, names::SharedNames};

/// Number of images decoded in one batch: large enough to be worth a thread, small enough to use
/// little memory compared to the State.
const BATCH: usize = 256;

/// Borrowed from the row: the JSON is read in place.
#[derive(sqlx::FromRow)]
struct ImageRow<'r> {
    name: &'r str,
    revision: i64,
    format: i64,
    image: &'r str,
}

/// Reads the head, every image and every key hash within one snapshot.
pub(super) async fn load(snapshot: &mut Tx<'_>) -> Result<Loaded, Failure> {
    const RECORDS: &str = "SELECT name, revision, format, image FROM records";
    let head = log::head(snapshot.link()).await?;
    let mut decoding = Decoding::default();
    on_engine!(snapshot, tx => {
        // decoded while the rows arrive: the bytes of all images at once would be as large as the
        // State
        let mut rows = sqlx::query(RECORDS).fetch(&mut **tx);
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = rows.next().await {
            batch.push(row?);
            if batch.len() == BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                decoding.add(full).await?;
            }
        }
        decoding.add(batch).await
    })?;
    let key_hashes = secrets::all_key_hashes(snapshot.link()).await?;
    Ok(Loaded {
        head,
        images: decoding.finish().await?,
        key_hashes,
    })
}

/// Batches that are being decoded, and the images of earlier batches.
#[derive(Default)]
struct Decoding {
    images: Vec<Image>,
    batches: VecDeque<JoinHandle<Decoded>>,
    /// From completed batches: each thread takes one and returns it.
    names: Vec<SharedNames>,
}

type Decoded = (Result<Vec<Image>, Failure>, SharedNames);

impl Decoding {
    async fn add<R>(&mut self, rows: Vec<R>) -> Result<(), Failure>
    where
        R: Row,
        for<'r> ImageRow<'r>: FromRow<'r, R>,
    {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        if self.batches.len() > threads {
            self.take_oldest().await?;
        }
        let names = self.names.pop().unwrap_or_default();
        let batch = tokio::task::spawn_blocking(move || decode(&rows, names));
        self.batches.push_back(batch);
        Ok(())
    }

    async fn take_oldest(&mut self) -> Result<(), Failure> {
        if let Some(oldest) = self.batches.pop_front() {
            let (images, names) = oldest
                .await
                .map_err(|error| Error::Bug(format!("decoding images: {error}").into()))?;
            self.images.extend(images?);
            self.names.push(names);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<Image>, Failure> {
        while !self.batches.is_empty() {
            self.take_oldest().await?;
        }
        Ok(self.images)
    }
}

fn decode<R: Row>(rows: &[R], mut names: SharedNames) -> Decoded
where
    for<'r> ImageRow<'r>: FromRow<'r, R>,
{
    let read = |row| {
        let ImageRow {
            name,
            revision,
            format,
            image,
        } = ImageRow::from_row(row)?;
        Ok(images::decode("records", name, revision, format, image)?)
    };
    let images = names.while_reading(|| rows.iter().map(read).collect());
    (images, names)
}
