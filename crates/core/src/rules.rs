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
pub mod data_flows;
mod deciding;
pub mod deployments;
mod differences;
pub mod editions;
pub mod figures;
pub mod files;
pub mod indicators;
pub mod milestones;
pub mod observations;
pub mod onboarding;
pub mod permissions;
pub mod personal;
pub mod plans;
pub mod platforms;
pub mod principals;
pub mod programmes;
pub mod proposals;
pub mod recommendations;
pub mod redactions;
pub mod reports;
pub mod seed;
pub mod tasks;
pub mod transcriptions;
pub mod update;

use std::{fmt::Debug, sync::Arc};

use crate::{
    caller::Caller,
    change::{Change, Effect, Image, RequestId},
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
    asking::{
        Asking, Called, denied, permit_access_reads, permit_call, permit_denial_reads,
        permit_evidence_reads, permit_permission_tests,
    },
    deciding::{Deciding, ID_LENGTH, Ids},
    redactions::Rewrite,
    update::Update,
};

/// What a caller asks to be changed, parsed and well formed.
pub trait Command: Texts + Debug + Send + Sync + 'static {
    /// The kind of record that the method returns.
    type Output: Record;

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
    ) -> Result<Arc<Self::Output>, Error>;

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
        let answer = Effect::Put(C::Output::into_image(answer));
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

/// A change that was decided.
#[derive(Debug)]
pub struct Decided {
    pub change: Change,
    /// The stored form of each record that the change puts, in the order of its effects.
    pub stored: Vec<String>,
    /// The rows of earlier changes that it rewrites. Only a redaction has any.
    pub rewrites: Arc<[Rewrite]>,
}

impl Decided {
    /// A change whose records may be of any size.
    pub fn of(change: Change) -> Result<Self, Error> {
        let stored = puts(&change).map(Image::stored);
        Ok(Self {
            stored: stored.collect::<Result<_, _>>()?,
            change,
            rewrites: Arc::default(),
        })
    }
}

/// The records that a change puts.
fn puts(change: &Change) -> impl Iterator<Item = &Image> {
    change.effects.iter().filter_map(|effect| match effect {
        Effect::Put(image) => Some(image),
        Effect::Remove { .. } | Effect::Notice(_) | Effect::Redaction(_) => None,
    })
}

/// Refuses a record or a change that would be too large to be read again within bounds. `records`
/// are the names of the records, with their sizes.
fn check_sizes<'a>(records: impl IntoIterator<Item = (&'a str, usize)>) -> Result<(), Error> {
    let mut records = records.into_iter().peekable();
    let first = records.peek().map_or("", |(name, _)| name);
    let mut all = 0;
    for (name, bytes) in records {
        if bytes > RECORD_BYTES_MAX {
            let most = RECORD_BYTES_MAX;
            return Err(Error::refused(
                name,
                Condition::RecordTooLarge { bytes, most },
            ));
        }
        all += bytes;
    }
    if all > CHANGE_BYTES_MAX {
        let (bytes, most) = (all, CHANGE_BYTES_MAX);
        return Err(Error::refused(
            first,
            Condition::ChangeTooLarge { bytes, most },
        ));
    }
    Ok(())
}

/// Says what `request` changes, or why it is refused.
pub fn decide(
    state: &State,
    caller: &Caller,
    request: &Request,
    now: Timestamp,
    ids: &mut dyn Ids,
) -> Result<Decided, Error> {
    let command = &*request.command;
    let asking = Asking::new(state, caller, command.method())?;
    let mut deciding = Deciding::new(asking, now, &request.reason, ids)?;
    command.decide(&mut deciding)?;
    let Deciding {
        person,
        revision,
        reason,
        mut effects,
        key_hashes,
        rewrites,
        ..
    } = deciding;
    for effect in &mut effects {
        if let Effect::Put(image) = effect {
            note_public_write(image, state);
        }
    }
    let mut decided = Decided::of(Change {
        revision,
        record_time: now,
        person,
        agency: caller.agency().cloned(),
        method: command.method().into(),
        request_id: request.request_id,
        reason: reason.into_owned(),
        effects,
        key_hashes,
        redaction: None,
    })?;
    decided.rewrites = rewrites;
    let sizes = decided.stored.iter().map(String::len);
    check_sizes(puts(&decided.change).map(Image::name).zip(sizes))?;
    Ok(decided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_too_large_to_read_again_is_refused() {
        let reason = |bytes: &[usize]| {
            let records = bytes.iter().map(|bytes| ("agencies/synthetic", *bytes));
            match check_sizes(records) {
                Ok(()) => None,
                Err(Error::Refused(refusal)) => Some(refusal.condition.reason().name()),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(reason(&[RECORD_BYTES_MAX]), None);
        assert_eq!(reason(&[RECORD_BYTES_MAX + 1]), Some("RECORD_TOO_LARGE"));
        let half = CHANGE_BYTES_MAX / 2;
        assert_eq!(reason(&[half, half]), None);
        assert_eq!(reason(&[half, half, 1]), Some("CHANGE_TOO_LARGE"));
    }
}
