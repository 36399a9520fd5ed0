//! The public keys of one issuer: read in the background and, for a key that is not known, at most
//! once a minute. While they cannot be read, those that were read last stay in use.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use arc_swap::ArcSwapOption;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use serde::Deserialize;
use tokio::{sync::Mutex, time::timeout};

use super::{fetch::Source, settings::Issuer};
use ndp_core::{
    error::Error,
    messages::{Unauthenticated, Unavailable},
    time::Timestamp,
};

/// How often keys are read in the background.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How long after an attempt to read keys the next one follows that an unknown key, or the failure
/// of the attempt, asks for.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// How long reading may take.
const READ_TIME: Duration = Duration::from_secs(5);

/// Most keys of one issuer that are kept.
const KEYS_MAX: usize = 64;

/// The keys, and where they are read from.
pub(super) struct Keys {
    name: String,
    source: Source,
    set: ArcSwapOption<Vec<Key>>,
    /// How often a key that had been published was no longer.
    withdrawals: AtomicU64,
    attempt: std::sync::Mutex<Option<Attempt>>,
    /// Held while keys are read.
    reading: Arc<Mutex<()>>,
}

/// The last attempt to read the keys.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    time: Timestamp,
    failed: bool,
}

/// A key that verifies signatures.
struct Key {
    jwk: Jwk,
    decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    pub(super) fn open(issuer: &Issuer) -> anyhow::Result<Self> {
        Ok(Self {
            name: issuer.name.clone(),
            source: Source::open(&issuer.keys, issuer.ca.as_deref())?,
            set: ArcSwapOption::empty(),
            withdrawals: AtomicU64::new(0),
            attempt: std::sync::Mutex::new(None),
            reading: Arc::default(),
        })
    }

    /// How often keys were withdrawn. Tokens that were verified before count no more then.
    pub(super) fn withdrawals(&self) -> u64 {
        self.withdrawals.load(Ordering::Acquire)
    }

    /// Whether the background task is to read the keys.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        match self.last() {
            Some(Attempt { time, failed }) => {
                let interval = if failed {
                    RETRY_INTERVAL
                } else {
                    REFRESH_INTERVAL
                };
                is_past(time, interval, now)
            }
            None => true,
        }
    }

    /// The key that a token names. If there is none, reads the keys, unless they were read in the
    /// last minute.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<DecodingKey, Error> {
        if let Some(key) = self.known(id, algorithm) {
            return Ok(key);
        }
        self.refresh(now).await;
        if let Some(key) = self.known(id, algorithm) {
            return Ok(key);
        }
        if self.set.load().is_none() {
            return Err(Error::Unavailable(Unavailable::IssuerKeys));
        }
        Err(Error::Unauthenticated(Unauthenticated::TokenKey))
    }

    /// The key of this id, or the only one where a token names none.
    fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let set = self.set.load();
        let mut fitting = set.iter().flat_map(|set| set.iter()).filter(|key| {
            key.is_for(algorithm) && (id.is_none() || key.jwk.common.key_id.as_deref() == id)
        });
        let key = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then(|| key.decoding.clone())
    }

    /// Reads the keys, unless they were read in the last minute. Callers wait for one attempt, and
    /// it goes on without them.
    pub(super) async fn refresh(self: &Arc<Self>, now: Timestamp) {
        let one = Arc::clone(&self.reading).lock_owned().await;
        let last = self.last();
        if last.is_some_and(|last| !is_past(last.time, RETRY_INTERVAL, now)) {
            return;
        }
        let this = Arc::clone(self);
        let reading = tokio::spawn(async move {
            this.read(now).await;
            drop(one);
        });
        // it fails only while the process ends
        drop(reading.await);
    }

    async fn read(&self, now: Timestamp) {
        let read = match timeout(READ_TIME, self.source.read()).await {
            Ok(Ok(document)) => parse(&document),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(anyhow::anyhow!("no answer within {READ_TIME:?}")),
        };
        let failed = read.is_err();
        let before = self.last();
        let mut attempt = self.attempt();
        *attempt = Some(Attempt { time: now, failed });
        drop(attempt);
        let issuer = &*self.name;
        match read {
            Ok(set) => {
                let count = set.len();
                let old = self.set.swap(Some(Arc::new(set)));
                let new = self.set.load();
                let is_there = |key: &Key| {
                    let mut keys = new.iter().flat_map(|set| set.iter());
                    keys.any(|other| other.jwk == key.jwk)
                };
                if old
                    .iter()
                    .flat_map(|set| set.iter())
                    .any(|key| !is_there(key))
                {
                    self.withdrawals.fetch_add(1, Ordering::AcqRel);
                }
                if before.is_none_or(|before| before.failed) {
                    tracing::info!(issuer, count, "the keys of an issuer of tokens were read");
                }
            }
            // once for each outage
            Err(error) if before.is_none_or(|before| !before.failed) => {
                let error = format!("{error:#}");
                tracing::warn!(
                    issuer,
                    error,
                    "the keys of an issuer of tokens cannot be read; tried again each minute"
                );
            }
            Err(_) => {}
        }
    }

    fn last(&self) -> Option<Attempt> {
        *self.attempt()
    }

    fn attempt(&self) -> std::sync::MutexGuard<'_, Option<Attempt>> {
        let attempt = self.attempt.lock();
        attempt.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Key {
    /// A key of a set; `None` if it does not verify signatures of an asymmetric algorithm.
    fn read(jwk: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let is_for_signatures = match &jwk.common.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            Some(_) => false,
        };
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        let symmetric = decoding.family() == AlgorithmFamily::Hmac;
        (is_for_signatures && !symmetric).then_some(Self { jwk, decoding })
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        let pinned = self.jwk.common.key_algorithm;
        self.decoding.family() == algorithm.family()
            && pinned.is_none_or(|pinned| pinned == algorithm.into())
    }
}

/// Reads a JWK set (RFC 7517). Keys of other uses and kinds are left out.
fn parse(document: &[u8]) -> anyhow::Result<Vec<Key>> {
    let document: Document = serde_json::from_slice(document).context("it is not a JWK set")?;
    let count = document.keys.len();
    ensure!(
        count <= KEYS_MAX,
        "it has {count} keys, more than {KEYS_MAX}"
    );
    let keys: Vec<_> = document.keys.into_iter().filter_map(Key::read).collect();
    ensure!(!keys.is_empty(), "no key in it verifies signatures");
    Ok(keys)
}

/// Reads bytes as a JWK set.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(bytes: &[u8]) {
    if let Ok(keys) = parse(bytes) {
        assert!((1..=KEYS_MAX).contains(&keys.len()));
    }
}

/// Whether `interval` has passed since `time`; also if the clock was moved back that far.
fn is_past(time: Timestamp, interval: Duration, now: Timestamp) -> bool {
    let passed = now.as_micros().abs_diff(time.as_micros());
    u128::from(passed) >= interval.as_micros()
}
