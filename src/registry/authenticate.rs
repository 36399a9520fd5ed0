//! Whose call it is: from the metadata `authorization` and `ndp-actor` to a [`Caller`].
//!
//! A key reads `ndp_<id>_<secret>`: the id finds the record, the secret's SHA-256 is compared in
//! constant time. The secret has 256 random bits, so it needs no slow hash.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use imbl::OrdMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    domain::{
        caller::{Caller, Known, Person},
        error::Error,
        names::ApiKeyName,
        principals::{KeyHash, PrincipalKind},
        text::legible::{self, Lines},
        time::Timestamp,
    },
    state::State,
};

/// Longest name of an acting person, in characters.
pub const ACTOR_LENGTH_MAX: usize = 200;

/// What every key begins with, so that a leaked one is recognised by scanners.
const KEY_PREFIX: &str = "ndp_";

/// Length of a key's id.
pub const KEY_ID_LENGTH: usize = 12;

/// Hashes of all keys, found by the keys' ids.
#[derive(Clone, Default)]
pub struct KeyHashes(OrdMap<Arc<str>, (ApiKeyName, KeyHash)>);

impl fmt::Debug for KeyHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHashes({})", self.0.len())
    }
}

impl KeyHashes {
    /// Adds the hash of one key.
    pub fn insert(&mut self, name: ApiKeyName, hash: KeyHash) {
        self.0.insert(name.id().into(), (name, hash));
    }

    /// Whether the key's hash is there.
    pub fn contains(&self, name: &ApiKeyName) -> bool {
        self.0.contains_key(name.id())
    }
}

/// A new key: what its owner gets once, and the hash that is kept.
pub struct NewKey {
    /// The whole key, `ndp_<id>_<secret>`.
    pub secret: String,
    /// What is kept of it.
    pub hash: KeyHash,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey(…)")
    }
}

impl NewKey {
    /// The key of this id from 256 random bits.
    pub fn new(id: &str, random: [u8; 32]) -> Self {
        let secret = format!("{KEY_PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(random));
        let hash = hash_of(&secret);
        Self { secret, hash }
    }
}

fn hash_of(key: &str) -> KeyHash {
    KeyHash(Sha256::digest(key.as_bytes()).into())
}

/// Says whose call it is. Without `authorization` it is anonymous; with one that does not hold it
/// is refused, never taken for anonymous.
pub fn authenticate(
    state: &State,
    hashes: &KeyHashes,
    authorization: Option<&str>,
    actor: Option<&str>,
    now: Timestamp,
) -> Result<Caller, Error> {
    let Some(authorization) = authorization else {
        return match actor {
            None => Ok(Caller::Anonymous),
            Some(_) => Err(Error::Unauthenticated {
                reason: "CREDENTIALS_MISSING",
            }),
        };
    };
    let invalid = Error::Unauthenticated {
        reason: "CREDENTIALS_INVALID",
    };
    let (scheme, key) = authorization
        .split_once(' ')
        .ok_or_else(|| invalid.clone())?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid);
    }
    let key = key.trim();
    let id = key
        .strip_prefix(KEY_PREFIX)
        .and_then(|rest| rest.split_once('_'))
        .map(|(id, _)| id)
        .ok_or_else(|| invalid.clone())?;
    // An id that is not there costs what a wrong secret costs, so that neither is told apart.
    let found = hashes.0.get(id);
    let kept = found.map_or(KeyHash([0; 32]), |(_, hash)| *hash);
    let holds = bool::from(kept.0.ct_eq(&hash_of(key).0));
    match found {
        Some((name, _)) if holds => known(state, name, actor.map(str::to_owned), now),
        Some(_) | None => Err(invalid),
    }
}

/// The same caller as a later State knows it: roles may have changed, a key been revoked.
pub fn renew(state: &State, caller: &Caller, now: Timestamp) -> Result<Caller, Error> {
    match caller {
        Caller::Anonymous | Caller::System { .. } => Ok(caller.clone()),
        Caller::Known(was) => known(state, &was.api_key, was.person.actor.clone(), now),
    }
}

fn known(
    state: &State,
    key: &ApiKeyName,
    actor: Option<String>,
    now: Timestamp,
) -> Result<Caller, Error> {
    let refuse = |reason| Err(Error::Unauthenticated { reason });
    let Some(record) = state.api_key(key) else {
        return refuse("CREDENTIALS_INVALID");
    };
    if record.revoke_time.is_some() {
        return refuse("KEY_REVOKED");
    }
    if record.fields.expire_time.is_some_and(|time| time <= now) {
        return refuse("KEY_EXPIRED");
    }
    let Some(principal) = state.principal(&key.parent()) else {
        return refuse("CREDENTIALS_INVALID");
    };
    if principal.disabled {
        return refuse("PRINCIPAL_DISABLED");
    }
    let is_system = principal.fields.kind == PrincipalKind::System;
    let actor = actor
        .map(|actor| check_actor(&actor, is_system))
        .transpose()?;
    Ok(Caller::Known(Known {
        person: Person {
            principal: principal.name.clone(),
            actor,
        },
        is_system,
        agency: principal.fields.agency.clone(),
        roles: principal.fields.roles.clone(),
        api_key: key.clone(),
    }))
}

fn check_actor(actor: &str, is_system: bool) -> Result<String, Error> {
    if !is_system {
        return Err(Error::invalid(
            "ndp-actor",
            "NOT_ALLOWED",
            "this principal is a person; remove the metadata `ndp-actor`, which only systems send",
            "chủ thể này là một người; hãy bỏ metadata `ndp-actor`, chỉ hệ thống mới gửi",
        ));
    }
    let fault = legible::fault(actor, Lines::One);
    if let Some(fault) = fault {
        return Err(Error::invalid(
            "ndp-actor",
            fault.reason(),
            fault.english(),
            fault.vietnamese(),
        ));
    }
    let kept = legible::kept(actor);
    if kept.is_empty() || kept.chars().count() > ACTOR_LENGTH_MAX {
        return Err(Error::invalid(
            "ndp-actor",
            "OUT_OF_RANGE",
            format!("must name the acting person in 1 to {ACTOR_LENGTH_MAX} UTF-8 characters"),
            format!("phải ghi người thực hiện bằng 1 đến {ACTOR_LENGTH_MAX} ký tự UTF-8"),
        ));
    }
    Ok(kept.into_owned())
}
