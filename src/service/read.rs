//! The call within a request; and the common parts of reads: the revision or time as of which they
//! answer, the page that they follow, and the look-up of one record by its name, as the caller may
//! see it.

use std::{borrow::Cow, sync::Arc};

use tonic::Request;

use super::Services;
use crate::{
    call::Call,
    wire::{requests, validate::Validate},
};
use ndp_core::{
    change::At,
    error::Error,
    messages::Unauthenticated,
    names::ResourceName,
    state::{State, visible::Visible},
    time::Date,
};

/// A request that names the revision or time as of which to answer: `build.rs` writes it for each
/// that has the fields `read_revision` and `read_time`.
pub(super) trait AsOf: Validate {
    /// The revision or time in them.
    fn as_of(&self) -> Result<At, Error>;

    /// Its `page_token`; empty where it has none.
    fn page_token(&self) -> &str;
}

/// Takes the call out of a request, without checking the message.
pub(super) fn open<T>(request: Request<T>) -> Result<(Call, T), Error> {
    let (_, mut extensions, message) = request.into_parts();
    match extensions.remove::<Call>() {
        Some(call) => Ok((call, message)),
        // Denied by default: no layer identified the caller.
        None => Err(Error::Unauthenticated(Unauthenticated::Missing)),
    }
}

/// Takes the call out of a request, and checks the message against its field rules.
pub(super) fn open_checked<T: Validate>(request: Request<T>) -> Result<(Call, T), Error> {
    let (call, message) = open(request)?;
    message.check()?;
    Ok((call, message))
}

impl Services {
    /// The civil date in Vietnam.
    pub(super) fn today(&self) -> Date {
        self.registry().clock().now().date_in_vietnam()
    }

    /// Takes the call out of a read, on the data that it asks for, and checks the message by its
    /// field rules.
    pub(super) async fn open_read<T: AsOf>(&self, request: Request<T>) -> Result<(Call, T), Error> {
        let (call, message) = open_checked(request)?;
        let call = self.reading(call, &message).await?;
        Ok((call, message))
    }

    /// The call on the data that a read asks for: after its page, as of its revision or time.
    pub(super) async fn reading<T: AsOf>(&self, call: Call, message: &T) -> Result<Call, Error> {
        let at = message.as_of()?;
        let call = call
            .after_page(&self.registry, message.page_token())
            .await?;
        call.at(&self.registry, at).await
    }

    /// The same as [`Self::open_dated`], to count in what the caller may see then and now.
    pub(super) async fn open_counted<T: AsOf>(
        &self,
        request: Request<T>,
    ) -> Result<(Call, Date, T), Error> {
        let (mut call, date, message) = self.open_dated(request).await?;
        if !Arc::ptr_eq(&call.snapshot, &call.now) {
            let guarded = self
                .registry()
                .guarded(&call.who, &call.snapshot, &call.now);
            call.snapshot = Box::pin(guarded).await?;
        }
        Ok((call, date, message))
    }

    /// The same as [`Self::open_read`], with the civil date in Vietnam that the answer is of.
    pub(super) async fn open_dated<T: AsOf>(
        &self,
        request: Request<T>,
    ) -> Result<(Call, Date, T), Error> {
        let (call, message) = self.open_read(request).await?;
        let time = match call.at {
            At::Now => self.registry().clock().now(),
            At::Time(time) => time,
            At::Revision(_) => match call.state().record_time() {
                Some(time) => time,
                None => self.registry().clock().now(),
            },
        };
        Ok((call, time.date_in_vietnam(), message))
    }
}

/// What the caller sees of the record that the request's field `name` names; `find` looks it up.
pub(super) fn get<'a, N: ResourceName, T: Visible>(
    call: &'a Call,
    name: &str,
    find: impl FnOnce(&'a State, &N) -> Option<&'a Arc<T>>,
) -> Result<Cow<'a, T>, Error> {
    let name: N = requests::name(name, "name")?;
    self::find(call, &name, find)
}

/// What the caller sees of the record of this name; `find` looks it up.
pub(super) fn find<'a, N: ResourceName, T: Visible>(
    call: &'a Call,
    name: &N,
    find: impl FnOnce(&'a State, &N) -> Option<&'a Arc<T>>,
) -> Result<Cow<'a, T>, Error> {
    find(call.state(), name)
        .and_then(|record| call.sees(&**record))
        .ok_or_else(|| Error::NotFound {
            kind: N::KIND,
            name: name.to_string(),
        })
}
