//! Who calls, by the headers and the source of a call, and the data that this process must know
//! before it answers.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};

use super::{
    Call,
    deadline::patience,
    metadata::{GRPC_ACCEPT_ENCODING, NDP_ACTOR, NDP_ALLOW_PERSONAL_DATA, NDP_MIN_REVISION},
};
use crate::{
    admission::who::Who,
    registry::{
        Registry,
        authenticate::{Claims, authenticate, authenticate_feed, bearer, key_id},
    },
};
use ndp_core::{
    caller::Caller,
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

/// Identifies the caller. Another process may just have created an unknown key, so such a call
/// waits until the log has been looked at again. A call with a wrong secret waits as long, so that
/// timing does not reveal which ids exist.
///
/// Before the wait, `wrong` is called with the key's id and may refuse the call, so that guessing
/// causes no waits. The secret has been compared before that. So a right secret is refused only
/// while this process does not know the key: up to a second after another process created it.
pub async fn identify(
    registry: &Registry,
    headers: &HeaderMap,
    from: &Who,
    wrong: impl Fn(&str) -> Result<(), Error>,
) -> Result<Call, Error> {
    let charge = || {
        let authorization = headers.get(AUTHORIZATION);
        let key = authorization.and_then(|value| bearer(value.to_str().ok()?));
        key.and_then(key_id).map_or(Ok(()), &wrong)
    };
    twice(registry, || identify_now(registry, headers, from), charge).await
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
            Box::pin(registry.follow()).await;
            find()
        }
        found => found,
    }
}

/// As [`identify`], from the data known now.
pub fn identify_now(registry: &Registry, headers: &HeaderMap, from: &Who) -> Result<Call, Error> {
    let snapshot = registry.read();
    if headers.contains_key(AUTHORIZATION) {
        registry.check_honoured()?;
    }
    let authorization = match headers.get(AUTHORIZATION).map(|value| value.to_str()) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => {
            return Err(Error::Unauthenticated(Unauthenticated::Invalid));
        }
    };
    // the gRPC specification limits metadata to ASCII, but most stacks allow UTF-8, and reasons are
    // Vietnamese. Percent-encoding is accepted too.
    let text = |name| headers.get(name).map(|value| decode(value.as_bytes()));
    let claims = Claims {
        actor: text(&NDP_ACTOR),
        allows_personal_data: text(&NDP_ALLOW_PERSONAL_DATA),
    };
    let caller = authenticate(
        &snapshot.state,
        &snapshot.key_hashes,
        authorization,
        claims,
        registry.clock().now(),
    )?;
    Ok(Call {
        now: Arc::clone(&snapshot),
        snapshot,
        at: At::Now,
        who: Who::principal(&caller).unwrap_or_else(|| from.clone()),
        caller,
        compresses: headers.contains_key(&GRPC_ACCEPT_ENCODING),
        patience: patience(headers),
    })
}

/// Percent-decodes a value. Invalid UTF-8 becomes a control character, which is refused.
fn decode(bytes: &[u8]) -> String {
    let decoded = percent_encoding::percent_decode(bytes);
    decoded
        .decode_utf8()
        .map_or_else(|_| "\u{0}".to_owned(), Cow::into_owned)
}
