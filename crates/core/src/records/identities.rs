//! Identities outside the registry (định danh bên ngoài) by which a principal may call: names in
//! client certificates, and subjects of tokens.
//!
//! An issuer's subject may be a citizen, so a subject is kept as a keyed hash only. Two issuers may
//! give one subject to two people: the hash covers the issuer's name too.

use std::fmt;

use hmac::Mac as _;
use serde::{Deserialize, Serialize};

use crate::{
    hex, mac,
    records::texts::{Reader, Texts},
    time::Timestamp,
};

/// An identity, as it is registered and as a caller proves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub enum Identity {
    /// A URI among the subject alternative names of a certificate.
    CertificateUri(String),
    /// A DNS name among them.
    CertificateDns(String),
    /// A subject of tokens.
    TokenSubject {
        /// The name that the settings have for the issuer.
        issuer: String,
        subject: SubjectHash,
    },
}

/// How a caller proves an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// By a client certificate.
    Certificate,
    /// By a token of an issuer.
    Token,
    /// By the session of a browser that signed in at an issuer.
    Session,
}

/// What a client certificate or a token proves about the caller that presents it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How they are proved.
    pub means: Means,
    /// The identities: a certificate may have several names.
    pub identities: Vec<Identity>,
    /// From when on it proves nothing.
    pub expire_time: Timestamp,
}

impl Texts for Identity {
    fn texts(&self, reader: &mut Reader<'_>) {
        match self {
            Self::CertificateUri(uri) => reader.uri("certificate_uri", uri),
            Self::CertificateDns(name) => reader.field("certificate_dns", name),
            Self::TokenSubject {
                issuer: _,
                subject: _,
            } => {}
        }
    }
}

/// The keyed hash of a subject, as 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectHash(String);

impl SubjectHash {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        hex::read_digest(text).map(|_| Self(text.to_owned()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SubjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SubjectHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not 64 lower-case hexadecimal digits")
    }
}

impl From<SubjectHash> for String {
    fn from(hash: SubjectHash) -> Self {
        hash.0
    }
}

/// The secret that subjects are hashed with. Without it, a list of all citizens' numbers would
/// reveal the person behind a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectKey([u8; 32]);

impl SubjectKey {
    /// From the 32 random bytes the store keeps.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash of a subject of an issuer.
    pub fn hash(&self, issuer: &str, subject: &str) -> SubjectHash {
        let mut mac = mac::keyed(self.0);
        mac.update(&(issuer.len() as u64).to_be_bytes());
        mac.update(issuer.as_bytes());
        mac.update(subject.as_bytes());
        SubjectHash(hex::write(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_and_subject_do_not_run_into_each_other() {
        let key = SubjectKey::new([7; 32]);
        let one = key.hash("ab", "c");
        assert_eq!(one, key.hash("ab", "c"));
        assert_ne!(one, key.hash("a", "bc"));
        assert_ne!(one, key.hash("ab", "d"));
        assert_ne!(one, SubjectKey::new([8; 32]).hash("ab", "c"));
    }

    /// By Python: `hmac.new(bytes(32), (5).to_bytes(8, "big") + b"vneid" + b"42", "sha256")`.
    #[test]
    fn the_hash_is_hmac_sha256() {
        let identity = Identity::TokenSubject {
            issuer: "vneid".to_owned(),
            subject: SubjectKey::new([0; 32]).hash("vneid", "42"),
        };
        let stored = serde_json::to_string(&identity).unwrap();
        let digits = "4095d4e29dc28d59e1b5fad25fb8d40171ac27c3498677c04a13a979f3c0529e";
        let token = format!("{{\"issuer\":\"vneid\",\"subject\":\"{digits}\"}}");
        assert_eq!(stored, format!("{{\"TOKEN_SUBJECT\":{token}}}"));
        assert_eq!(serde_json::from_str::<Identity>(&stored).unwrap(), identity);
        let cut = stored.replace("\"}}", "0\"}}");
        assert!(serde_json::from_str::<Identity>(&cut).is_err());
    }
}
