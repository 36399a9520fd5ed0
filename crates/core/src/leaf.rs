//! The digests of a change: of its header, of each effect, its leaf hash and the chained digest.
//!
//! A leaf entry holds only hashes, so it can be published. Texts and images can be blanked by law,
//! and the log still verifies. Every part is preceded by its length, as 8 bytes, big-endian:
//!
//! - image digest: SHA-256(salt ‖ image), or SHA-256(salt) without an image
//! - effect digest: SHA-256 over effect kind, resource name, format and image digest
//! - header digest: SHA-256(salt ‖ revision, record time in microseconds, principal, actor, agency,
//!   method, request id, request digest, reason); an absent optional part is one zero byte, and a
//!   present optional part follows a byte of one
//! - leaf hash: SHA-256(0x00 ‖ header digest, effect digests), as RFC 6962 hashes a leaf
//! - chained digest: SHA-256(chained digest of the change before ‖ leaf hash), without lengths

use sha2::{Digest as _, Sha256};

use crate::{change::Change, names::AgencyName};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// The chained digest of a log without changes.
pub const GENESIS: Digest = [0; 32];

fn hash<'a>(begin: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let mut hash = Sha256::new();
    hash.update(begin);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The digest of an image, or of the salt alone.
pub fn image_digest(salt: &[u8], image: Option<&str>) -> Digest {
    let hash = Sha256::new().chain_update(salt);
    let image = image.unwrap_or_default();
    hash.chain_update(image).finalize().into()
}

/// The digest of an effect: its kind, for example `put`, and its result for a resource.
pub fn effect_digest(kind: &str, resource: &str, format: i64, image: &Digest) -> Digest {
    let format = format.to_be_bytes();
    hash(&[], [kind.as_bytes(), resource.as_bytes(), &format, image])
}

/// The header of a change, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub revision: i64,
    /// When it was recorded, in microseconds since 1970-01-01T00:00:00Z.
    pub record_time: i64,
    pub principal: &'a str,
    /// The person named by a system.
    pub actor: Option<&'a str>,
    pub agency: Option<&'a str>,
    pub method: &'a str,
    /// The request id, in its 36 characters.
    pub request_id: Option<String>,
    /// The digest of the request.
    pub request_digest: Option<&'a [u8]>,
    pub reason: &'a str,
}

impl<'a> From<&'a Change> for Header<'a> {
    fn from(change: &'a Change) -> Self {
        let request = change.request_id.as_ref();
        Self {
            revision: change.revision.get(),
            record_time: change.record_time.as_micros(),
            principal: change.person.principal.as_str(),
            actor: change.person.actor.as_deref(),
            agency: change.agency.as_ref().map(AgencyName::as_str),
            method: &change.method,
            request_id: request.map(|it| it.id.to_string()),
            request_digest: request.map(|it| it.digest.as_slice()),
            reason: &change.reason,
        }
    }
}

/// The digest of the header of a change.
pub fn header_digest(salt: &[u8], header: &Header<'_>) -> Digest {
    let optional = |part: Option<&[u8]>| match part {
        None => vec![0],
        Some(part) => [&[1], part].concat(),
    };
    let parts = [
        header.revision.to_be_bytes().to_vec(),
        header.record_time.to_be_bytes().to_vec(),
        header.principal.into(),
        optional(header.actor.map(str::as_bytes)),
        optional(header.agency.map(str::as_bytes)),
        header.method.into(),
        optional(header.request_id.as_deref().map(str::as_bytes)),
        optional(header.request_digest),
        header.reason.into(),
    ];
    hash(salt, parts.iter().map(Vec::as_slice))
}

/// The leaf hash of a change: that of its entry, after the zero byte of RFC 6962.
pub fn leaf_hash<'a>(header: &'a Digest, effects: impl IntoIterator<Item = &'a Digest>) -> Digest {
    let hash = Sha256::new().chain_update([0]);
    hash.chain_update(leaf_entry(header, effects))
        .finalize()
        .into()
}

/// The entry of a change in the log's tree.
pub fn leaf_entry<'a>(
    header: &'a Digest,
    effects: impl IntoIterator<Item = &'a Digest>,
) -> Vec<u8> {
    let parts = std::iter::once(header).chain(effects);
    let parts = parts.map(|it| [(it.len() as u64).to_be_bytes().as_slice(), it].concat());
    parts.flatten().collect()
}

/// The chained digest of a change, from that of the change before.
pub fn chained(before: &Digest, leaf: &Digest) -> Digest {
    let hash = Sha256::new().chain_update(before);
    hash.chain_update(leaf).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        caller::Person,
        names::{PrincipalName, Revision},
        time::Timestamp,
    };

    fn hex(digest: Digest) -> String {
        crate::hex::write(&digest)
    }

    fn change(actor: Option<&str>, reason: &str) -> Change {
        Change {
            revision: Revision::ZERO.next(),
            record_time: Timestamp::from_micros(1).unwrap(),
            person: Person {
                principal: PrincipalName::parse("principals/made-up").unwrap(),
                actor: actor.map(str::to_owned),
            },
            agency: None,
            method: "UpdatePlan".into(),
            request_id: None,
            reason: reason.to_owned(),
            effects: Vec::new(),
            key_hashes: Vec::new(),
            redaction: None,
        }
    }

    /// Other programs compute the same digests.
    #[test]
    fn the_layout_does_not_change() {
        let image = image_digest(&[1; 16], Some("{}"));
        let effect = effect_digest("put", "platforms/ndp-001", 1, &image);
        let header = header_digest(&[2; 16], &(&change(Some("CB-1"), "made up")).into());
        let leaf = leaf_hash(&header, [&effect]);
        insta::assert_snapshot!(
            [image, effect, header, leaf, chained(&GENESIS, &leaf)].map(hex).join("\n"),
            @r"
            d355d911d2f26a54dc0366196d99e2ffef085bb9edf7a495a342ea52c2a4c2f3
            f79b211c7bc764f4eaa75be1424b33cf5df2715a0615820a47d879217b3808fb
            145a5b89916281f1e8338105893f1ba7aa27c2ffc1e1a0d42644d7b9ef03da9c
            9fdf35e6157f1e3a0fddb4425d2fafa59a0bdc7d6f96fddc3ade4b1087f7b8f8
            100574ba6ba8b2e98bbb03d0eeb73b2218321a88d3c6c5a135b76a2db0c43dbe
            "
        );
    }

    #[test]
    fn a_leaf_hash_is_that_of_its_entry() {
        let digests = [[1; 32], [2; 32], [3; 32]];
        let entry = leaf_entry(&digests[0], &digests[1..]);
        let of_entry = Sha256::new().chain_update([0]).chain_update(&entry);
        let of_entry: Digest = of_entry.finalize().into();
        assert_eq!(of_entry, leaf_hash(&digests[0], &digests[1..]));
        assert_eq!(entry.len(), 3 * (8 + 32));
    }

    #[test]
    fn no_two_headers_have_one_digest() {
        let digest = |change: Change| header_digest(&[0; 16], &(&change).into());
        let moved = digest(change(Some(""), "a"));
        assert_ne!(moved, digest(change(None, "a")));
        assert_ne!(moved, digest(change(Some("a"), "")));
    }
}
