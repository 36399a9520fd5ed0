//! Who calls, by the headers and the connection of a call, and the data that this process must know
//! before it answers.

use std::{borrow::Cow, sync::Arc};

use http::{
    HeaderMap, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::{
    Call,
    deadline::patience,
    metadata::{GRPC_ACCEPT_ENCODING, NDP_ACTOR, NDP_ALLOW_PERSONAL_DATA, NDP_MIN_REVISION},
};
use crate::{
    admission::{connection::Connection, who::Who},
    registry::{
        Registry,
        authenticate::{Claims, Presented, authenticate, authenticate_feed, bearer, key_id},
    },
    sign_in::{SignIn, browser::Opened},
};
use ndp_core::{
    caller::{Caller, Credential},
    change::At,
    error::Error,
    messages::{Rule, Unauthenticated},
    position::Point,
};

/// Waits until this process knows the position that `ndp-min-revision` requests, so that a write on
/// one replica can be read on another. Limited by the call's deadline and by a limit of our own.
pub async fn await_revision(
    registry: &Registry,
    headers: &HeaderMap,
    who: &Who,
) -> Result<(), Error> {
    let Some(asked) = headers.get(&NDP_MIN_REVISION) else {
        return Ok(());
    };
    let asked = asked.to_str().ok().and_then(Point::parse);
    let Some(asked) = asked else {
        return Err(Error::invalid(
            "ndp-min-revision",
            Rule::MinRevisionMalformed,
        ));
    };
    if matches!(asked, Point::Revision(revision) if registry.revision() >= revision) {
        return Ok(());
    }
    Box::pin(registry.reach(who, asked, patience(headers))).await?;
    Ok(())
}

/// The session of a browser that a request has the cookie of, carried in its extensions: a cookie
/// is of HTTP, and no metadata of a call.
#[derive(Clone, Debug)]
pub struct Session {
    presented: Result<Presented<'static>, Error>,
    /// What tells it from every other session, and reveals nothing of it.
    pub id: [u8; 32],
}

/// Identifies callers.
#[derive(Clone, Debug)]
pub struct Identifier {
    registry: Registry,
    sign_in: SignIn,
}

impl Identifier {
    /// Callers are principals of this registry, by its keys or as `sign_in` verifies them.
    pub const fn new(registry: Registry, sign_in: SignIn) -> Self {
        Self { registry, sign_in }
    }

    /// The session that a request has a cookie of. Credentials in `authorization` come before it,
    /// and gRPC has none. A browser sends the cookie for pages of other sites too: what may write
    /// has to come from a page of this registry.
    pub fn session<B>(&self, request: &Request<B>) -> Option<Session> {
        let headers = request.headers();
        let kind = headers.get(CONTENT_TYPE);
        let is_grpc = kind.is_some_and(|it| it.as_bytes().starts_with(b"application/grpc"));
        if is_grpc || headers.contains_key(AUTHORIZATION) {
            return None;
        }
        let now = self.registry.clock().now();
        let (opened, id) = self.sign_in.session(headers, now)?;
        let presented = match opened {
            _ if !request.method().is_safe() && !self.sign_in.is_same_origin(headers) => {
                Err(Error::CrossSite)
            }
            Ok(Opened::Identity(proof)) => Ok(Presented::Proof(proof)),
            Ok(Opened::Key(session)) => Ok(Presented::KeySession(session)),
            Err(error) => Err(Error::Unauthenticated(error)),
        };
        Some(Session { presented, id })
    }

    /// Identifies the caller of a call on this connection. A token that is not known yet is
    /// verified. Another process may just have created an unknown key, so a call with one waits
    /// until the log has been looked at again. A call with a wrong secret waits as long, so that
    /// timing does not reveal which ids exist.
    ///
    /// Before the wait, `wrong` is called with the key's id and may refuse the call, so that
    /// guessing causes no waits. The secret has been compared before that. So a right secret is
    /// refused only while this process does not know the key: up to a second after another process
    /// created it.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
        session: Option<&Session>,
        connection: &Connection,
        from: &Who,
        wrong: impl Fn(&str) -> Result<(), Error>,
    ) -> Result<Call, Error> {
        if let Some(token) = self.token(headers) {
            self.registry.check_honoured()?;
            let now = self.registry.clock().now();
            let proof = Box::pin(self.sign_in.verify(token, now)).await?;
            return self.call(headers, Presented::Proof(proof), from);
        }
        let now = || self.identify_now(headers, session, connection, from);
        let charge = || secret(headers).and_then(key_id).map_or(Ok(()), &wrong);
        twice(&self.registry, now, charge).await
    }

    /// The same from what is known now.
    pub fn identify_now(
        &self,
        headers: &HeaderMap,
        session: Option<&Session>,
        connection: &Connection,
        from: &Who,
    ) -> Result<Call, Error> {
        if headers.contains_key(AUTHORIZATION) || session.is_some() {
            self.registry.check_honoured()?;
        }
        let presented = self.presented(headers, session, connection)?;
        self.call(headers, presented, from)
    }

    /// The call of the caller that presents these credentials.
    fn call(
        &self,
        headers: &HeaderMap,
        presented: Presented<'_>,
        from: &Who,
    ) -> Result<Call, Error> {
        let snapshot = self.registry.read();
        // the gRPC specification limits metadata to ASCII, but most stacks allow UTF-8, and reasons
        // are Vietnamese. Percent-encoding is accepted too.
        let text = |name| headers.get(name).map(|value| decode(value.as_bytes()));
        let claims = Claims {
            actor: text(&NDP_ACTOR),
            allows_personal_data: text(&NDP_ALLOW_PERSONAL_DATA).map(Into::into),
        };
        let (state, hashes) = (&snapshot.state, &snapshot.key_hashes);
        let now = self.registry.clock().now();
        let caller = authenticate(state, hashes, &presented, claims, now)?;
        let proved = match (&caller, presented) {
            (Caller::Known(known), _) => match &known.credential {
                Credential::ApiKey(_) | Credential::KeySession(_) => None,
                Credential::External(proved) => {
                    // for a certificate only here: one of no principal needs no poll of the log
                    self.registry.check_honoured()?;
                    Some(proved.identity.clone())
                }
            },
            (_, Presented::Proof(proof)) => proof.identities.first().cloned(),
            (_, Presented::Nothing | Presented::Key(_) | Presented::KeySession(_)) => None,
        };
        Ok(Call {
            now: Arc::clone(&snapshot),
            snapshot,
            at: At::Now,
            who: Who::principal(&caller).unwrap_or_else(|| from.clone()),
            caller,
            proved,
            compresses: headers.contains_key(&GRPC_ACCEPT_ENCODING),
            patience: patience(headers),
            trial: None,
        })
    }

    /// The credentials of a call: those in `authorization`, or else the session of a browser, or
    /// else the client's certificate.
    fn presented<'a>(
        &self,
        headers: &'a HeaderMap,
        session: Option<&Session>,
        connection: &Connection,
    ) -> Result<Presented<'a>, Error> {
        if !headers.contains_key(AUTHORIZATION) {
            if let Some(session) = session {
                return session.presented.clone();
            }
            let certificate = connection.client_certificate();
            return Ok(certificate.map_or(Presented::Nothing, |proof| {
                Presented::Proof(Arc::clone(proof))
            }));
        }
        let invalid = Error::Unauthenticated(Unauthenticated::Invalid);
        let Some(secret) = secret(headers) else {
            return Err(invalid);
        };
        if !self.sign_in.is_token(secret) {
            return Ok(Presented::Key(secret));
        }
        let now = self.registry.clock().now();
        let proof = self.sign_in.known_proof(secret, now)?;
        proof.map(Presented::Proof).ok_or(invalid)
    }

    /// The token of a call.
    fn token<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        secret(headers).filter(|it| self.sign_in.is_token(it))
    }
}

/// The key or the token of a call.
fn secret(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

/// Identifies the principal whose feed a key opens, in the same way.
pub async fn identify_feed(
    registry: &Registry,
    key: &str,
    wrong: impl Fn(&str) -> Result<(), Error>,
) -> Result<Caller, Error> {
    registry.check_honoured()?;
    let owner = || {
        let known = registry.read();
        let time = registry.clock().now();
        authenticate_feed(&known.state, &known.key_hashes, key, time)
    };
    let charge = || key_id(key).map_or(Ok(()), &wrong);
    twice(registry, owner, charge).await
}

/// Looks up the owner of a key. If the key is unknown and `charge` does not refuse the call, reads
/// new changes of the log and looks again.
async fn twice<T>(
    registry: &Registry,
    find: impl Fn() -> Result<T, Error>,
    charge: impl Fn() -> Result<(), Error>,
) -> Result<T, Error> {
    match find() {
        Err(Error::Unauthenticated(Unauthenticated::Invalid)) => {
            charge()?;
            Box::pin(registry.catch_up()).await;
            find()
        }
        found => found,
    }
}

/// Percent-decodes a value. Invalid UTF-8 becomes a control character, which is refused.
fn decode(bytes: &[u8]) -> String {
    let decoded = percent_encoding::percent_decode(bytes);
    decoded
        .decode_utf8()
        .map_or_else(|_| "\u{0}".to_owned(), Cow::into_owned)
}
