//! Positions: points of a log that are distinguishable from points of any other log.

use std::fmt;

use uuid::Uuid;

use crate::{
    error::Error,
    leaf::{Digest, GENESIS},
    messages::Condition,
    names::Revision,
};

/// Bytes of the chained digest that a position carries.
const DIGEST_BYTES: usize = 8;

/// A point of a log: the log id, a revision, and the first bytes of that change's chained digest.
/// As text: `{revision}-{log id}-{digest}`, the last two in 32 and 16 lower-case hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The id of the log.
    pub log_id: Uuid,
    pub revision: Revision,
    digest: [u8; DIGEST_BYTES],
}

impl Position {
    /// The position of a log at a revision with this chained digest.
    pub fn new(log_id: Uuid, revision: Revision, digest: &Digest) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        Self {
            log_id,
            revision,
            digest: [a, b, c, d, e, f, g, h],
        }
    }

    /// The position of the same log before its first change.
    pub fn genesis(&self) -> Self {
        Self::new(self.log_id, Revision::ZERO, &GENESIS)
    }

    /// Parses a position; `None` when the text is not valid.
    pub fn parse(text: &str) -> Option<Self> {
        let (revision, rest) = text.split_once('-')?;
        let (log_id, digest) = rest.split_once('-')?;
        let position = Self {
            log_id: Uuid::try_parse(log_id).ok()?,
            revision: Revision::parse(revision)?,
            digest: u64::from_str_radix(digest, 16).ok()?.to_be_bytes(),
        };
        // only the canonical form is valid
        (position.to_string() == text).then_some(position)
    }
}

impl Position {
    /// Bytes of a position in binary form.
    pub const BYTES: usize = 16 + 8 + DIGEST_BYTES;

    /// The binary form: the log id, the revision as a big-endian number, the digest.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let revision = self.revision.get().to_be_bytes();
        let parts = [self.log_id.as_bytes().as_slice(), &revision, &self.digest];
        let mut bytes = [0; Self::BYTES];
        for (filled, byte) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *filled = *byte;
        }
        bytes
    }

    /// Reads the binary form; `None` when the revision is not valid.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (log_id, rest) = bytes.split_first_chunk()?;
        let (revision, digest) = rest.split_first_chunk()?;
        Some(Self {
            log_id: Uuid::from_bytes(*log_id),
            revision: Revision::new(i64::from_be_bytes(*revision))?,
            digest: digest.try_into().ok()?,
        })
    }

    /// The error for a position that is not in the log.
    pub fn diverged(&self) -> Error {
        Error::refused(self.to_string(), Condition::LogDiverged)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = u64::from_be_bytes(self.digest);
        write!(
            f,
            "{}-{}-{digest:016x}",
            self.revision,
            self.log_id.simple()
        )
    }
}

/// What a client sends to name a point of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A revision of the log that the server serves.
    Revision(Revision),
    /// A position, which belongs to one log.
    Position(Position),
}

impl Point {
    /// Parses a revision, as `42`, or a position.
    pub fn parse(text: &str) -> Option<Self> {
        let revision = Revision::parse(text).map(Self::Revision);
        revision.or_else(|| Position::parse(text).map(Self::Position))
    }

    pub const fn revision(&self) -> Revision {
        match self {
            Self::Revision(revision) => *revision,
            Self::Position(position) => position.revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_one_spelling() {
        let log_id = Uuid::from_u128(0xab);
        let position = Position::new(log_id, Revision::new(42).unwrap(), &[7; 32]);
        let text = "42-000000000000000000000000000000ab-0707070707070707";
        assert_eq!(position.to_string(), text);
        assert_eq!(Position::parse(text), Some(position));
        assert_eq!(Position::from_bytes(&position.to_bytes()), Some(position));
        assert_eq!(Position::from_bytes(&[0xff; Position::BYTES]), None);
        assert_eq!(Point::parse(text).map(|it| it.revision().get()), Some(42));
        assert_eq!(Point::parse("42").map(|it| it.revision().get()), Some(42));
        for other in [
            "",
            "042",
            "-1",
            "42-",
            "42-ab-07",
            "42-000000000000000000000000000000AB-0707070707070707",
            "42-000000000000000000000000000000ab-+707070707070707",
            "42-000000000000000000000000000000ab-070707070707070707",
            "42-000000000000000000000000000000ab-0707070707070707-",
        ] {
            assert_eq!(Point::parse(other), None, "{other}");
        }
    }
}
