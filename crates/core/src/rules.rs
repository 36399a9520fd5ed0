//! What callers may ask for, and what it does: one file a feature, one struct a command. Pure: no
//! IO, no clock, no randomness of its own.
//!
//! The checks run in this order. A caller without credentials is UNAUTHENTICATED. A record that the
//! caller may not see is not found. A command that the caller may not run is PERMISSION_DENIED.
//! Afterwards, `decide` checks whether the records allow the command.

pub mod agencies;
mod asking;
pub mod assessments;
pub mod baselines;
mod deciding;
pub mod editions;
pub mod figures;
pub mod milestones;
pub mod personal;
pub mod plans;
pub mod platforms;
pub mod principals;
pub mod programmes;
pub mod proposals;
pub mod reports;
pub mod seed;
pub mod update;

use std::{fmt::Debug, sync::Arc};

use crate::{
    caller::Caller,
    change::{Change, Effect, RequestId},
    error::Error,
    messages::Condition,
    records::{
        Record,
        sizes::{CHANGE_BYTES_MAX, RECORD_BYTES_MAX},
        texts::{Reader, Texts},
    },
    state::{State, visible::note_public_write},
    time::Timestamp,
};

use self::personal::check_personal_data;
pub use self::{
    asking::{Asking, denied, permit_access_reads},
    deciding::{Deciding, Ids},
    update::Update,
};

/// What a caller asks to be changed, parsed and well formed.
pub trait Command: Texts + Debug + Send + Sync + 'static {
    /// The kind of record that the method returns.
    type Answer: Record;

    /// The records that `permit` found and `decide` needs.
    type Found<'a>;

    /// The method's name, as the log keeps it.
    fn method(&self) -> &'static str;

    /// Whether the caller may ask for it.
    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Self::Found<'a>, Error>;

    /// What it changes: returns the record that the method returns, and puts the others.
    fn decide<'a>(
        &self,
        found: Self::Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Self::Answer>, Error>;

    /// The texts that the record already has, by the paths of the fields that the command writes.
    fn texts_before(&self, _: &State, _: &mut Reader<'_>) {}
}

/// A [`Command`] of any type.
pub trait AnyCommand: Debug + Send + Sync {
    /// As [`Command::method`].
    fn method(&self) -> &'static str;

    /// As [`Command::permit`].
    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error>;

    /// As [`Command::decide`], if the caller is permitted and the texts have no personal data. The
    /// effects begin with the record that the method returns.
    fn decide(&self, deciding: &mut Deciding<'_>) -> Result<(), Error>;

    /// The texts that it would write, by the paths of their fields.
    fn texts(&self, reader: &mut Reader<'_>);

    /// As [`Command::texts_before`].
    fn texts_before(&self, state: &State, reader: &mut Reader<'_>);
}

impl<C: Command> AnyCommand for C {
    fn method(&self) -> &'static str {
        Command::method(self)
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        Command::permit(self, asking).map(drop)
    }

    fn decide(&self, deciding: &mut Deciding<'_>) -> Result<(), Error> {
        let found = Command::permit(self, &deciding.asking)?;
        check_personal_data(self, deciding)?;
        let answer = Command::decide(self, found, deciding)?;
        let answer = Effect::Put(C::Answer::into_image(answer));
        deciding.effects.insert(0, answer);
        Ok(())
    }

    fn texts(&self, reader: &mut Reader<'_>) {
        Texts::texts(self, reader);
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        Command::texts_before(self, state, reader);
    }
}

/// A command with what came around it.
#[derive(Debug)]
pub struct Request {
    /// What to change.
    pub command: Box<dyn AnyCommand>,
    /// The caller's request id, for safe retries.
    pub request_id: Option<RequestId>,
    /// The reason given.
    pub reason: String,
}

impl Request {
    /// Whether the caller may ask for it.
    pub fn permit(&self, state: &State, caller: &Caller) -> Result<(), Error> {
        let asking = Asking::new(state, caller, self.command.method())?;
        self.command.permit(&asking)
    }
}

/// Says what `request` changes, or why it is refused.
pub fn decide(
    state: &State,
    caller: &Caller,
    request: &Request,
    now: Timestamp,
    ids: &mut dyn Ids,
) -> Result<Change, Error> {
    let command = &*request.command;
    let asking = Asking::new(state, caller, command.method())?;
    let mut deciding = Deciding::new(asking, now, &request.reason, ids)?;
    command.decide(&mut deciding)?;
    let Deciding {
        person,
        revision,
        reason,
        mut effects,
        key_hash,
        ..
    } = deciding;
    for effect in &mut effects {
        if let Effect::Put(image) = effect {
            note_public_write(image, state);
        }
    }
    check_sizes(&effects)?;
    Ok(Change {
        revision,
        record_time: now,
        person,
        agency: caller.agency().cloned(),
        method: command.method().into(),
        request_id: request.request_id,
        reason: reason.into_owned(),
        effects,
        key_hash,
    })
}

/// Refuses a record or a change that would be too large to be read again within bounds.
fn check_sizes(effects: &[Effect]) -> Result<(), Error> {
    let mut all = 0;
    for effect in effects {
        let Effect::Put(image) = effect else { continue };
        let bytes = image.stored_bytes();
        all += bytes;
        if bytes > RECORD_BYTES_MAX {
            return Err(Error::refused(
                image.name(),
                Condition::RecordTooLarge {
                    bytes,
                    most: RECORD_BYTES_MAX,
                },
            ));
        }
    }
    if all > CHANGE_BYTES_MAX {
        return Err(Error::refused(
            effects.first().map_or("", Effect::name),
            Condition::ChangeTooLarge {
                bytes: all,
                most: CHANGE_BYTES_MAX,
            },
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        change::Image,
        names::{AgencyName, Revision},
        records::{
            agencies::{Agency, AgencyFields},
            meta::Meta,
        },
    };

    fn put(bytes: usize) -> Effect {
        Effect::Put(Image::Agency(Arc::new(Agency {
            name: AgencyName::from_id("made-up").unwrap(),
            fields: AgencyFields {
                display_name: "x".repeat(bytes),
                ..AgencyFields::default()
            },
            meta: Meta::created(Timestamp::MIN, Revision::ZERO),
        })))
    }

    #[test]
    fn what_would_be_too_large_to_read_again_is_refused() {
        let reason = |effects: &[Effect]| match check_sizes(effects) {
            Ok(()) => None,
            Err(Error::Refused(refusal)) => Some(refusal.condition.reason().name()),
            Err(other) => panic!("{other}"),
        };
        let large = RECORD_BYTES_MAX - 1024;
        assert_eq!(reason(&[put(large)]), None);
        assert_eq!(reason(&[put(RECORD_BYTES_MAX)]), Some("RECORD_TOO_LARGE"));
        let many: Vec<_> = (0..=CHANGE_BYTES_MAX / large).map(|_| put(large)).collect();
        assert_eq!(reason(&many), Some("CHANGE_TOO_LARGE"));
    }
}
