//! Data stored outside the log: hashes of API keys, and the secrets that all processes share.

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
const REPLACE_SECRET: &str = "INSERT INTO secrets (name, value) VALUES ($1, $2) \
                              ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// A secret of 32 random bytes, the same for every process on the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Authenticates page tokens.
    PageToken,
    /// Hashes the subjects of tokens. Records depend on it, so it is part of every copy.
    Subject,
    /// Seals the cookies of browsers.
    Cookie,
}

impl Secret {
    const fn name(self) -> &'static str {
        match self {
            Self::PageToken => "page_token",
            Self::Subject => "subject",
            Self::Cookie => "cookie",
        }
    }
}

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

/// A secret, if it was made.
pub(super) async fn secret(
    mut link: Link<'_>,
    secret: Secret,
) -> Result<Option<[u8; 32]>, Failure> {
    let name = secret.name();
    let value: Option<Vec<u8>> = on_engine!(&mut link, connection => {
        let statement = sqlx::query_scalar(READ_SECRET).bind(name);
        statement.fetch_optional(&mut **connection).await
    })?;
    let Some(value) = value else {
        return Ok(None);
    };
    let value = value.as_slice().try_into();
    let wrong = |_| corrupt(format_args!("secrets, `{name}`"), "has not 32 bytes");
    Ok(Some(value.map_err(wrong)?))
}

/// Stores a secret, unless there is one.
pub(super) async fn make_secret(
    link: Link<'_>,
    secret: Secret,
    candidate: [u8; 32],
) -> Result<(), sqlx::Error> {
    write_secret(link, MAKE_SECRET, secret, candidate).await
}

/// Stores a secret, in place of the one that is there.
pub(super) async fn replace_secret(
    link: Link<'_>,
    secret: Secret,
    value: [u8; 32],
) -> Result<(), sqlx::Error> {
    write_secret(link, REPLACE_SECRET, secret, value).await
}

async fn write_secret(
    mut link: Link<'_>,
    statement: &'static str,
    secret: Secret,
    value: [u8; 32],
) -> Result<(), sqlx::Error> {
    on_engine!(&mut link, connection => {
        let statement = sqlx::query(statement).bind(secret.name()).bind(value.as_slice());
        statement.execute(&mut **connection).await.map(|_| ())
    })
}
