//! Data stored outside the log: hashes of API keys, and the keys that all processes share.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;

use super::{
    bulk::BINDS_MAX,
    engine::{Link, on_engine},
    errors::{Failure, corrupt},
};
use ndp_core::{error::Error, names::ApiKeyName, records::principals::KeyHash};

const ALL_HASHES: &str = "SELECT api_key, hash FROM key_hashes";
const READ_SECRET: &str = "SELECT value FROM secrets WHERE name = $1";
const MAKE_SECRET: &str =
    "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
/// Authenticates page tokens.
const PAGE_TOKEN_KEY: &str = "page_token";

/// The hashes of these keys, in their order. A key without a hash is left out.
pub(super) async fn key_hashes(
    mut link: Link<'_>,
    names: &[ApiKeyName],
) -> Result<Vec<(ApiKeyName, KeyHash)>, Failure> {
    let mut found: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for chunk in names.chunks(BINDS_MAX) {
        let rows: Vec<(String, Vec<u8>)> = on_engine!(&mut link, connection => {
            let mut statement =
                QueryBuilder::new("SELECT api_key, hash FROM key_hashes WHERE api_key IN (");
            let mut list = statement.separated(", ");
            for name in chunk {
                list.push_bind(name.as_str());
            }
            statement.push(")");
            statement.build_query_as().fetch_all(&mut **connection).await
        })?;
        found.extend(rows);
    }
    let mut hashes = Vec::with_capacity(found.len());
    for name in names {
        if let Some(hash) = found.get(name.as_str()) {
            hashes.push((name.clone(), read_hash(name.as_str(), hash)?));
        }
    }
    Ok(hashes)
}

/// The hashes of all keys.
pub(super) async fn all_key_hashes(
    mut link: Link<'_>,
) -> Result<Vec<(ApiKeyName, KeyHash)>, Failure> {
    let rows: Vec<(String, Vec<u8>)> = on_engine!(&mut link, connection => {
        sqlx::query_as(ALL_HASHES).fetch_all(&mut **connection).await
    })?;
    let mut hashes = Vec::with_capacity(rows.len());
    for (name, hash) in rows {
        let hash = read_hash(&name, &hash)?;
        let name = ApiKeyName::parse(&name)
            .ok_or_else(|| corrupt(format_args!("key_hashes, `{name}`"), "names no API key"))?;
        hashes.push((name, hash));
    }
    Ok(hashes)
}

fn read_hash(name: &str, bytes: &[u8]) -> Result<KeyHash, Error> {
    let hash = bytes.try_into();
    hash.map(KeyHash)
        .map_err(|_| corrupt(format_args!("key_hashes, `{name}`"), "has not 32 bytes"))
}

/// The key that authenticates page tokens, if there is one.
pub(super) async fn page_token_key(mut link: Link<'_>) -> Result<Option<[u8; 32]>, Failure> {
    let value: Option<Vec<u8>> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(READ_SECRET).bind(PAGE_TOKEN_KEY);
        statement.fetch_optional(&mut **connection).await
    })?;
    let Some(value) = value else {
        return Ok(None);
    };
    let key = value.as_slice().try_into();
    let wrong = |_| {
        corrupt(
            format_args!("secrets, `{PAGE_TOKEN_KEY}`"),
            "has not 32 bytes",
        )
    };
    Ok(Some(key.map_err(wrong)?))
}

/// Stores the key that authenticates page tokens, unless there is one.
pub(super) async fn make_page_token_key(
    mut link: Link<'_>,
    candidate: [u8; 32],
) -> Result<(), sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query(MAKE_SECRET)
            .bind(PAGE_TOKEN_KEY)
            .bind(candidate.as_slice());
        statement.execute(&mut **connection).await.map(|_| ())
    })
}
