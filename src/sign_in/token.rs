//! One token: reading and verifying it.
//!
//! Accepted is a signed JWT (RFC 7519, RFC 8725) with the claims `iss`, `sub`, `aud` and `exp`.
//! Keys in its header are not looked at, and its times are compared with the registry's clock.

use std::{collections::HashSet, time::Duration};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, dangerous::insecure_decode_claims, decode, decode_header,
    errors::ErrorKind,
};
use serde::Deserialize;

use super::settings::Issuer;
use ndp_core::{messages::Unauthenticated, time::Timestamp};

/// Longest subject, as OpenID Connect limits it.
const SUBJECT_BYTES_MAX: usize = 255;

/// Values of `typ` that a token of access or identity has, in lower case. Other tokens of the same
/// issuer may have the same audience: those of logouts, for example.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// A token that was read, and not verified.
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// Its `iss`.
    pub(super) issuer: String,
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

#[derive(Deserialize)]
struct Issued {
    iss: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
}

/// The claims of a valid token.
pub(super) struct Said {
    pub(super) subject: String,
    pub(super) expire_time: Timestamp,
    /// The sign-in of a browser that it was issued for.
    pub(super) nonce: Option<String>,
    /// The client that it was issued to.
    pub(super) client: Option<String>,
}

impl<'a> Token<'a> {
    /// Reads what decides which keys to verify it with.
    pub(super) fn read(text: &'a str) -> Result<Self, Unauthenticated> {
        let malformed = |_| Unauthenticated::TokenMalformed;
        let header = decode_header(text).map_err(malformed)?;
        let is_type = |typ: &String| TYPES.contains(&&*typ.to_ascii_lowercase());
        if header.crit.is_some() || header.typ.as_ref().is_some_and(|typ| !is_type(typ)) {
            return Err(Unauthenticated::TokenMalformed);
        }
        let Issued { iss } = insecure_decode_claims(text).map_err(malformed)?;
        Ok(Self {
            text,
            issuer: iss,
            algorithm: header.alg,
            key_id: header.kid,
        })
    }

    /// Its claims, if the issuer signed it for one of these audiences and it is valid now.
    pub(super) fn verify(
        &self,
        issuer: &Issuer,
        audiences: &[String],
        key: &DecodingKey,
        now: Timestamp,
    ) -> Result<Said, Unauthenticated> {
        let mut validation = Validation::new(self.algorithm);
        let required = ["iss", "sub", "aud", "exp"];
        validation.required_spec_claims = required.map(str::to_owned).into();
        validation.iss = Some(HashSet::from([issuer.issuer.clone()]));
        validation.aud = Some(audiences.iter().cloned().collect());
        // below, by the registry's clock
        validation.validate_exp = false;
        let decoded = decode::<Claims>(self.text, key, &validation);
        let claims = decoded.map_err(|error| refused(&error))?.claims;
        claims.hold(Duration::from_secs(issuer.clock_skew_seconds), now)
    }
}

impl Claims {
    /// The claims, if the token is valid now.
    fn hold(self, skew: Duration, now: Timestamp) -> Result<Said, Unauthenticated> {
        let Self {
            sub,
            exp,
            nbf,
            iat,
            nonce,
            azp,
        } = self;
        if sub.is_empty() || sub.len() > SUBJECT_BYTES_MAX {
            return Err(Unauthenticated::TokenMalformed);
        }
        let expire_time = time(exp)?
            .plus(skew)
            .ok_or(Unauthenticated::TokenMalformed)?;
        if expire_time <= now {
            return Err(Unauthenticated::TokenExpired);
        }
        // later than now, even if the issuer's clock is that much ahead
        let latest = now.plus(skew).ok_or(Unauthenticated::TokenMalformed)?;
        for begin in [nbf, iat].into_iter().flatten() {
            if time(begin)? > latest {
                return Err(Unauthenticated::TokenNotYetValid);
            }
        }
        Ok(Said {
            subject: sub,
            expire_time,
            nonce,
            client: azp,
        })
    }
}

/// Reads bytes as a token and, since no fuzzer makes a signature, as the claims of one.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(Token::read(text));
    }
    if let (Ok(claims), Ok(now)) = (
        serde_json::from_slice::<Claims>(bytes),
        Timestamp::from_micros(1_790_000_000_000_000),
    ) && let Ok(said) = claims.hold(Duration::from_secs(60), now)
    {
        let length = said.subject.len();
        assert!(said.expire_time > now && (1..=SUBJECT_BYTES_MAX).contains(&length));
    }
}

/// A time in seconds since 1970. One that is further away than the registry's calendar reaches is
/// not a time.
fn time(seconds: f64) -> Result<Timestamp, Unauthenticated> {
    // a value out of range becomes the nearest one, which is refused
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and is checked next"
    )]
    let micros = (seconds * 1e6) as i64;
    Timestamp::from_micros(micros).map_err(|_| Unauthenticated::TokenMalformed)
}

fn refused(error: &jsonwebtoken::errors::Error) -> Unauthenticated {
    match error.kind() {
        ErrorKind::InvalidSignature => Unauthenticated::TokenSignature,
        ErrorKind::InvalidIssuer => Unauthenticated::TokenIssuer,
        ErrorKind::InvalidAudience => Unauthenticated::TokenAudience,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidKeyFormat => {
            Unauthenticated::TokenAlgorithm
        }
        _ => Unauthenticated::TokenMalformed,
    }
}
