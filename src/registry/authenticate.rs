//! Whose call it is: from its credentials and the metadata `ndp-actor` to a [`Caller`].
//!
//! A key reads `ndp_<id>_<secret>`: the id finds the record, the secret's SHA-256 is compared in
//! constant time. The secret has 256 random bits, so it needs no slow hash.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use imbl::OrdMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    entropy::OsEntropy,
    uses::{Hour, LastUse},
};
use ndp_core::{
    caller::{Caller, Credential, External, KeySession, Known, Person, Scope},
    error::Error,
    messages::{Rule, Unauthenticated},
    names::{ApiKeyName, PrincipalName, is_id},
    personal,
    records::{
        identities::{Means, Proof},
        principals::{KeyHash, Principal, PrincipalKind},
    },
    rules::{Ids as _, personal::HEADER},
    state::State,
    text::legible::{self, Lines},
    time::Timestamp,
};

/// Longest code of an acting person.
pub const ACTOR_LENGTH_MAX: usize = 64;

/// Longest text that says why personal data is let through, in characters.
pub const ALLOWANCE_LENGTH_MAX: usize = 500;

/// What a caller says of itself in headers, beside its key.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The code of the person who acts through a system.
    pub actor: Option<String>,
    /// Why it lets personal data through.
    pub allows_personal_data: Option<Box<str>>,
}

/// How long credentials stay valid without a poll of the log. After this time, a key that another
/// process revoked gives no access here. Longer than a failover of the database takes.
pub const HONOURED_FOR: Duration = Duration::from_secs(60);

/// What every key begins with, so that a leaked one is recognised by scanners.
const KEY_PREFIX: &str = "ndp_";

/// Length of a key's id.
pub const KEY_ID_LENGTH: usize = 12;

/// Hashes of all keys, found by the keys' ids, and when each was last used here.
#[derive(Clone, Default)]
pub struct KeyHashes(OrdMap<Arc<str>, Entry>);

#[derive(Clone)]
struct Entry {
    name: ApiKeyName,
    hash: KeyHash,
    used: Arc<LastUse>,
}

impl fmt::Debug for KeyHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHashes({})", self.0.len())
    }
}

impl KeyHashes {
    /// Adds the hash of one key.
    pub fn insert(&mut self, name: ApiKeyName, hash: KeyHash) {
        let used = Arc::default();
        let id = name.id().into();
        self.0.insert(id, Entry { name, hash, used });
    }

    /// The hour in which a key was last used here.
    pub fn last_use(&self, name: &ApiKeyName) -> Option<Hour> {
        self.0.get(name.id())?.used.noted()
    }

    /// The keys that were used since their uses were last written, and in which hour.
    pub fn unwritten_uses(&self) -> Vec<(ApiKeyName, Hour)> {
        let unwritten = |entry: &Entry| Some((entry.name.clone(), entry.used.unwritten()?));
        self.0.values().filter_map(unwritten).collect()
    }

    /// Notes that these uses are written.
    pub fn note_written(&self, uses: &[(ApiKeyName, Hour)]) {
        for (name, hour) in uses {
            if let Some(entry) = self.0.get(name.id()) {
                entry.used.note_written(*hour);
            }
        }
    }

    /// Whether this is the hash of that key.
    pub fn holds(&self, name: &ApiKeyName, hash: &KeyHash) -> bool {
        let found = self.0.get(name.id());
        found.is_some_and(|entry| entry.name == *name && entry.hash == *hash)
    }

    /// Whether the key's hash is there.
    pub fn contains(&self, name: &ApiKeyName) -> bool {
        self.0.contains_key(name.id())
    }
}

impl FromIterator<(ApiKeyName, KeyHash)> for KeyHashes {
    fn from_iter<I: IntoIterator<Item = (ApiKeyName, KeyHash)>>(hashes: I) -> Self {
        let mut all = Self::default();
        for (name, hash) in hashes {
            all.insert(name, hash);
        }
        all
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
    /// A random key of a principal, with a random id, and its name.
    pub fn of(principal: &PrincipalName) -> Result<(ApiKeyName, Self), Error> {
        let id = OsEntropy.id(KEY_ID_LENGTH);
        let name = ApiKeyName::from_id(principal, &id)
            .ok_or_else(|| Error::Bug(format!("`{id}` is no id").into()))?;
        Ok((name, Self::random(&id)))
    }

    /// A random key of this id, from 256 bits.
    pub fn random(id: &str) -> Self {
        Self::known(id, &URL_SAFE_NO_PAD.encode(OsEntropy.secret()))
    }

    /// The key of this id with a secret that is known, and so none.
    pub fn known(id: &str, secret: &str) -> Self {
        let secret = format!("{KEY_PREFIX}{id}_{secret}");
        let hash = hash_of(&secret);
        Self { secret, hash }
    }
}

fn hash_of(key: &str) -> KeyHash {
    KeyHash(Sha256::digest(key.as_bytes()).into())
}

/// The credentials of a call.
#[derive(Clone, Debug)]
pub enum Presented<'a> {
    /// None.
    Nothing,
    /// An API key.
    Key(&'a str),
    /// The session of a browser that signed in with an API key.
    KeySession(KeySession),
    /// A verified certificate or token, and what it proves.
    Proof(Arc<Proof>),
}

/// The secret in a value of `authorization`.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, secret) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Identifies the caller. Without credentials, or with an identity that belongs to no principal,
/// the caller is anonymous. Invalid credentials are refused and never treated as anonymous.
pub fn authenticate(
    state: &State,
    hashes: &KeyHashes,
    presented: &Presented<'_>,
    claims: Claims,
    now: Timestamp,
) -> Result<Caller, Error> {
    match presented {
        Presented::Nothing => claims.anonymous(),
        Presented::Key(key) => with_key(state, hashes, key, Use::Calls, claims.checked()?, now),
        Presented::KeySession(session) => {
            let used = hashes.0.get(session.key.id());
            let credential = Credential::KeySession(Box::new(session.clone()));
            let owner = session.key.parent();
            let caller = known(
                state,
                &owner,
                credential,
                Use::Calls,
                claims.checked()?,
                now,
            )?;
            used.iter().for_each(|it| it.used.note(now));
            Ok(caller)
        }
        Presented::Proof(proof) => {
            let owner = |identity| Some((identity, state.principal_of(identity)?));
            let mut owners = proof.identities.iter().filter_map(owner);
            let Some((identity, owner)) = owners.next() else {
                return claims.anonymous();
            };
            if owners.any(|(_, other)| other.name != owner.name) {
                return Err(Error::Unauthenticated(
                    Unauthenticated::CertificateAmbiguous,
                ));
            }
            let credential = Credential::External(Box::new(External {
                means: proof.means,
                identity: identity.clone(),
                expire_time: proof.expire_time,
            }));
            known(
                state,
                &owner.name,
                credential,
                Use::Calls,
                claims.checked()?,
                now,
            )
        }
    }
}

/// The id in a key, whether such a key exists or not.
pub fn key_id(key: &str) -> Option<&str> {
    let (id, _) = key.strip_prefix(KEY_PREFIX)?.split_once('_')?;
    is_id(id).then_some(id)
}

/// Identifies the owner of a feed's key.
pub fn authenticate_feed(
    state: &State,
    hashes: &KeyHashes,
    key: &str,
    now: Timestamp,
) -> Result<Caller, Error> {
    with_key(state, hashes, key, Use::Feed, Claims::default(), now)
}

/// The owner of a key, which is used by that.
fn with_key(
    state: &State,
    hashes: &KeyHashes,
    key: &str,
    used: Use,
    claims: Claims,
    now: Timestamp,
) -> Result<Caller, Error> {
    let entry = verified(hashes, key)?;
    let owner = entry.name.parent();
    let credential = Credential::ApiKey(entry.name.clone());
    let caller = known(state, &owner, credential, used, claims, now)?;
    entry.used.note(now);
    Ok(caller)
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Calls of any method.
    Calls,
    Feed,
}

/// What is kept of a key, if its secret is right.
fn verified<'a>(hashes: &'a KeyHashes, key: &str) -> Result<&'a Entry, Error> {
    let invalid = Error::Unauthenticated(Unauthenticated::Invalid);
    let id = key_id(key).ok_or_else(|| invalid.clone())?;
    // An unknown id takes as long as a wrong secret, so that timing does not reveal which ids
    // exist.
    let found = hashes.0.get(id);
    let kept = found.map_or(KeyHash([0; 32]), |entry| entry.hash);
    let holds = bool::from(kept.0.ct_eq(&hash_of(key).0));
    match found {
        Some(entry) if holds => Ok(entry),
        Some(_) | None => Err(invalid),
    }
}

/// Updates a caller from a later State: its roles may have changed, or its credential may no longer
/// hold.
pub fn renew(state: &State, caller: &Caller, now: Timestamp) -> Result<Caller, Error> {
    match caller {
        Caller::Anonymous | Caller::System { .. } => Ok(caller.clone()),
        Caller::Known(was) => {
            let claims = Claims {
                actor: was.person.actor.clone(),
                allows_personal_data: was.allows_personal_data.clone(),
            };
            let credential = was.credential.clone();
            known(
                state,
                &was.person.principal,
                credential,
                Use::Calls,
                claims,
                now,
            )
        }
    }
}

fn known(
    state: &State,
    principal: &PrincipalName,
    credential: Credential,
    used: Use,
    claims: Claims,
    now: Timestamp,
) -> Result<Caller, Error> {
    let Some(principal) = state.principal(principal) else {
        return Err(Error::Unauthenticated(Unauthenticated::Invalid));
    };
    let holds = match &credential {
        Credential::ApiKey(name) => check_key(state, name, used, now),
        Credential::KeySession(session) if session.expire_time <= now => {
            Err(Unauthenticated::Session)
        }
        Credential::KeySession(session) => check_key(state, &session.key, used, now),
        Credential::External(proved) => check_identity(principal, proved, now).map(|()| None),
    };
    if principal.disabled {
        return Err(Error::Unauthenticated(Unauthenticated::PrincipalDisabled));
    }
    let scope = holds.map_err(Error::Unauthenticated)?;
    acting(state, principal, (credential, scope), claims, now)
}

/// A principal as a caller, with a key without limits.
pub fn principal(state: &State, name: &PrincipalName, now: Timestamp) -> Result<Caller, Error> {
    let invalid = || Error::Unauthenticated(Unauthenticated::Invalid);
    let record = state.principal(name).ok_or_else(invalid)?;
    if record.disabled {
        return Err(Error::Unauthenticated(Unauthenticated::PrincipalDisabled));
    }
    // no rule looks at the key's name
    let key = Credential::ApiKey(ApiKeyName::from_id(name, "any").ok_or_else(invalid)?);
    acting(state, record, (key, None), Claims::default(), now)
}

fn acting(
    state: &State,
    principal: &Principal,
    (credential, scope): (Credential, Option<Box<Scope>>),
    claims: Claims,
    now: Timestamp,
) -> Result<Caller, Error> {
    let today = now.date_in_vietnam();
    let roles = principal.fields.roles_on(today);
    let is_system = principal.fields.kind == PrincipalKind::System;
    let Claims {
        actor,
        allows_personal_data,
    } = claims;
    if actor.is_some() && !is_system {
        return Err(Error::invalid("ndp-actor", Rule::ActorOfPerson));
    }
    Ok(Caller::Known(Known {
        person: Person {
            principal: principal.name.clone(),
            actor,
        },
        is_system,
        agency: principal.fields.agency.clone(),
        reach: state.reach_of(principal.fields.agency.as_ref(), &roles, today),
        roles,
        credential,
        scope,
        allows_personal_data,
    }))
}

/// What a key is limited to, if it is one for this use.
fn check_key(
    state: &State,
    name: &ApiKeyName,
    used: Use,
    now: Timestamp,
) -> Result<Option<Box<Scope>>, Unauthenticated> {
    let key = state.api_key(name).ok_or(Unauthenticated::Invalid)?;
    if key.revoke_time.is_some() {
        return Err(Unauthenticated::KeyRevoked);
    }
    if key.fields.expire_time.is_some_and(|time| time <= now) {
        return Err(Unauthenticated::KeyExpired);
    }
    match (used, key.fields.feed) {
        (Use::Calls, false) | (Use::Feed, true) => {}
        (Use::Calls, true) => return Err(Unauthenticated::FeedKey),
        (Use::Feed, false) => return Err(Unauthenticated::NotFeedKey),
    }
    let scope = key.fields.scope();
    Ok((scope != Scope::default()).then(|| Box::new(scope)))
}

fn check_identity(
    principal: &Principal,
    proved: &External,
    now: Timestamp,
) -> Result<(), Unauthenticated> {
    if !principal.fields.identities.contains(&proved.identity) {
        return Err(Unauthenticated::IdentityRemoved);
    }
    if proved.expire_time > now {
        return Ok(());
    }
    Err(match proved.means {
        Means::Certificate => Unauthenticated::CertificateExpired,
        Means::Token => Unauthenticated::TokenExpired,
        Means::Session => Unauthenticated::Session,
    })
}

impl Claims {
    /// A caller without a principal. It cannot claim anything.
    fn anonymous(self) -> Result<Caller, Error> {
        match self {
            Self {
                actor: None,
                allows_personal_data: None,
            } => Ok(Caller::Anonymous),
            Self { .. } => Err(Error::Unauthenticated(Unauthenticated::Missing)),
        }
    }

    /// The same in the form that is kept, once it is found to hold.
    fn checked(self) -> Result<Self, Error> {
        Ok(Self {
            actor: self.actor.map(|it| check_actor(&it)).transpose()?,
            allows_personal_data: self
                .allows_personal_data
                .map(|it| check_allowance(&it))
                .transpose()?,
        })
    }
}

/// A staff or account code: nothing that a person's name or address could be written in.
fn check_actor(actor: &str) -> Result<String, Error> {
    let actor = actor.trim();
    let is_code = actor.starts_with(|c: char| c.is_ascii_alphanumeric())
        && actor.len() <= ACTOR_LENGTH_MAX
        && actor
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if !is_code {
        return Err(Error::invalid(
            "ndp-actor",
            Rule::ActorMalformed {
                most: ACTOR_LENGTH_MAX,
            },
        ));
    }
    if let Some(found) = personal::find(actor) {
        let kind = found.kind;
        return Err(Error::invalid(
            "ndp-actor",
            Rule::ActorIsPersonal {
                english: kind.english(),
                vietnamese: kind.vietnamese(),
            },
        ));
    }
    Ok(actor.to_owned())
}

fn check_allowance(why: &str) -> Result<Box<str>, Error> {
    let fault = legible::fault(why, Lines::One);
    if let Some(fault) = fault {
        return Err(Error::invalid(HEADER, Rule::Text { fault }));
    }
    let why = legible::kept(why);
    if why.is_empty() || why.chars().count() > ALLOWANCE_LENGTH_MAX {
        return Err(Error::invalid(
            HEADER,
            Rule::AllowanceLength {
                most: ALLOWANCE_LENGTH_MAX,
            },
        ));
    }
    Ok(why.into())
}
