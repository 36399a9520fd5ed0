//! Sign-in by tokens (JWT) of other issuers: whether a token is of an issuer that the settings
//! accept, and which identity it proves. To whom the identity belongs is the registry's business.
//! A browser signs in at an issuer or with an API key, and has a cookie in place of either
//! (`browser`).
//!
//! A signature costs more than most calls, so verified tokens are kept until they expire, and a
//! call whose token is not known yet is verified only after its address was charged. A subject
//! leaves this module as a keyed hash, and nothing else of a token does but its expiry.

pub mod browser;
mod fetch;
mod keys;
pub mod settings;
mod token;
mod verified;

use std::{fmt, sync::Arc};

use futures_util::future::join_all;
use sha2::{Digest as _, Sha256};

use self::{
    browser::{Browsers, Client},
    keys::Keys,
    settings::Issuer,
    token::{Said, Token},
    verified::Verified,
};
use ndp_core::{
    error::Error,
    messages::{Rule, Unauthenticated},
    records::identities::{Identity, Means, Proof, SubjectHash, SubjectKey},
    time::Timestamp,
};

/// The digest of a token, under which its proof is kept.
type TokenDigest = [u8; 32];

/// The issuers that are accepted, their keys, and the tokens that were verified. Clones share it.
#[derive(Clone)]
pub struct SignIn(Arc<Inner>);

struct Inner {
    subject_key: SubjectKey,
    issuers: Vec<Accepted>,
    /// The longest token of any issuer.
    token_bytes_max: usize,
    verified: Verified,
    /// How browsers sign in.
    browsers: Browsers,
}

/// An issuer, its keys, and the registry as its client.
struct Accepted {
    issuer: Issuer,
    keys: Arc<Keys>,
    client: Option<Client>,
}

impl Accepted {
    /// What a token says that this issuer issued for one of these audiences.
    async fn verify(
        &self,
        token: &Token<'_>,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Said, Error> {
        let most = self.issuer.token_bytes;
        if token.text.len() > most {
            return Err(Error::Unauthenticated(Unauthenticated::TokenTooLong {
                most,
            }));
        }
        if !self.issuer.algorithms.contains(&token.algorithm) {
            return Err(Error::Unauthenticated(Unauthenticated::TokenAlgorithm));
        }
        let key = self
            .keys
            .find(token.key_id.as_deref(), token.algorithm, now);
        let key = key.await?;
        let said = token.verify(&self.issuer, audiences, &key, now);
        said.map_err(Error::Unauthenticated)
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers = self.0.issuers.iter().map(|it| &it.issuer);
        f.debug_list().entries(issuers).finish()
    }
}

impl SignIn {
    /// Accepts tokens of these issuers, and signs browsers in where it is said how. Reads no keys
    /// yet.
    pub fn open(
        issuers: &[Issuer],
        subject_key: SubjectKey,
        browsers: Browsers,
    ) -> anyhow::Result<Self> {
        let accepted = issuers.iter().map(|issuer| {
            let keys = Arc::new(Keys::open(issuer)?);
            let client = Client::open(issuer)?;
            let issuer = issuer.clone();
            Ok(Accepted {
                issuer,
                keys,
                client,
            })
        });
        let issuers_by_use = accepted.collect::<anyhow::Result<Vec<_>>>()?;
        let longest = issuers.iter().map(|it| it.token_bytes).max();
        Ok(Self(Arc::new(Inner {
            subject_key,
            issuers: issuers_by_use,
            token_bytes_max: longest.unwrap_or_default(),
            verified: Verified::default(),
            browsers,
        })))
    }

    /// Reads the keys of those issuers whose keys are due to be read.
    pub async fn refresh_keys(&self, now: Timestamp) {
        let due = self.0.issuers.iter().filter(|it| it.keys.is_due(now));
        join_all(due.map(|it| it.keys.refresh(now))).await;
    }

    /// Whether a bearer's secret is a token, rather than an API key.
    pub fn is_token(&self, bearer: &str) -> bool {
        !self.0.issuers.is_empty() && bearer.matches('.').count() == 2
    }

    /// What a token that was verified before proves; `None` for one that was not.
    pub fn known_proof(&self, token: &str, now: Timestamp) -> Result<Option<Arc<Proof>>, Error> {
        // hashing is the only work that is not charged to a caller yet
        if token.len() > self.0.token_bytes_max {
            return Ok(None);
        }
        let Some(known) = self.0.verified.get(&digest(token)) else {
            return Ok(None);
        };
        let keys = self.0.issuers.get(known.issuer).map(|it| &it.keys);
        if keys.is_none_or(|keys| keys.withdrawals() != known.withdrawals) {
            return Ok(None);
        }
        if known.proof.expire_time <= now {
            return Err(Error::Unauthenticated(Unauthenticated::TokenExpired));
        }
        Ok(Some(known.proof))
    }

    /// Verifies a token, and keeps what it proves. Reads the issuer's keys anew for a key that is
    /// not known.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Proof>, Error> {
        if let Some(proof) = self.known_proof(token, now)? {
            return Ok(proof);
        }
        let outcome = self.verify_anew(token, now).await;
        if let Err(error) = &outcome {
            // never the token or its claims
            tracing::debug!(error = error.english(), "a token was refused");
        }
        outcome
    }

    async fn verify_anew(&self, text: &str, now: Timestamp) -> Result<Arc<Proof>, Error> {
        let most = self.0.token_bytes_max;
        if text.len() > most {
            return Err(Error::Unauthenticated(Unauthenticated::TokenTooLong {
                most,
            }));
        }
        let token = Token::read(text).map_err(Error::Unauthenticated)?;
        let mut issuers = self.0.issuers.iter().enumerate();
        let Some((index, accepted)) = issuers.find(|(_, it)| it.issuer.issuer == token.issuer)
        else {
            return Err(Error::Unauthenticated(Unauthenticated::TokenIssuer));
        };
        // read before the key: a key that is withdrawn meanwhile costs one more verification
        let withdrawals = accepted.keys.withdrawals();
        let Issuer {
            name, audiences, ..
        } = &accepted.issuer;
        let Said {
            subject,
            expire_time,
            ..
        } = accepted.verify(&token, audiences, now).await?;
        let identity = self.identity(name, &subject);
        let proof = Arc::new(Proof {
            means: Means::Token,
            identities: vec![identity],
            expire_time,
        });
        let known = verified::Known {
            proof: Arc::clone(&proof),
            issuer: index,
            withdrawals,
        };
        self.0.verified.insert(digest(text), known);
        Ok(proof)
    }

    fn identity(&self, issuer: &str, subject: &str) -> Identity {
        Identity::TokenSubject {
            issuer: issuer.to_owned(),
            subject: self.0.subject_key.hash(issuer, subject),
        }
    }

    /// The hash of a subject of an issuer that is accepted.
    pub fn hash(&self, issuer: &str, subject: &str) -> Result<SubjectHash, Rule> {
        let mut names = self.0.issuers.iter().map(|it| &*it.issuer.name);
        if names.any(|name| name == issuer) {
            return Ok(self.0.subject_key.hash(issuer, subject));
        }
        let names = self
            .0
            .issuers
            .iter()
            .map(|it| format!("`{}`", it.issuer.name));
        let names: Vec<_> = names.collect();
        let known = match &*names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        Err(Rule::IssuerUnknown { known })
    }
}

/// Reads bytes as what issuers and their clients send: tokens, claims and keys.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    token::fuzz(bytes);
    keys::fuzz(bytes);
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}
