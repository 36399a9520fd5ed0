//! Loading: everything that the State is made of, as of one moment.

use sqlx::AssertSqlSafe;
use tokio_stream::StreamExt as _;

use super::{
    Loaded,
    engine::{Tx, on_engine},
    errors::Failure,
    images::{self, Kind},
    log, secrets,
};
use crate::domain::change::Image;

#[derive(sqlx::FromRow)]
struct ImageRow {
    name: String,
    revision: i64,
    format: i64,
    image: String,
}

/// Reads the head, every image and every key hash within one snapshot.
pub(super) async fn load(mut snapshot: Tx<'_>) -> Result<Loaded, Failure> {
    let head = log::head(snapshot.link()).await?;
    let mut images = Vec::new();
    for kind in Kind::ALL {
        images_of(&mut snapshot, kind, &mut images).await?;
    }
    let key_hashes = secrets::all_key_hashes(snapshot.link()).await?;
    snapshot.commit().await?;
    Ok(Loaded {
        head,
        images,
        key_hashes,
    })
}

async fn images_of(
    snapshot: &mut Tx<'_>,
    kind: Kind,
    images: &mut Vec<Image>,
) -> Result<(), Failure> {
    let table = kind.table();
    let select = format!("SELECT name, revision, format, image FROM {table}");
    on_engine!(snapshot, tx => {
        // read while it arrives: the bytes of all images at once would be as large as the State
        let mut rows = sqlx::query_as(AssertSqlSafe(select)).fetch(&mut **tx);
        while let Some(row) = rows.next().await {
            let ImageRow { name, revision, format, image } = row?;
            images.push(images::decode(table, &name, revision, format, &image)?);
        }
    });
    Ok(())
}
