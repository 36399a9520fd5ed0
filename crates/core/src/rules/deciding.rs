//! A command being decided: what it rests on, what it has changed so far, and the checks that
//! several commands share.

use std::{
    borrow::{Borrow, Cow},
    sync::Arc,
};

use crate::{
    caller::{Caller, Person},
    change::{Effect, Image},
    error::{Error, Violations},
    messages::{Condition, Rule, Unauthenticated},
    names::{AgencyName, ApiKeyName, EditionName, ProgrammeName, Revision},
    records::{Record, meta::Meta, principals::KeyHash, undoings::Undoing},
    rules::{Asking, Rewrite},
    state::{State, maps::Mapped},
    time::{Date, Timestamp},
};
/// Source of generated ids.
pub trait Ids: Send {
    /// `length` characters, lower-case letters and digits, the first a letter.
    fn id(&mut self, length: usize) -> String;
}

/// Length of a generated id. It is random, because a sequential number would reveal hidden drafts.
/// It has 8 characters, because it must be unique only below one platform.
pub const ID_LENGTH: usize = 8;

/// One command being decided.
pub struct Deciding<'a> {
    pub(super) asking: Asking<'a>,
    pub(super) state: &'a State,
    pub(super) caller: &'a Caller,
    pub(super) person: Person,
    pub(super) now: Timestamp,
    pub(super) revision: Revision,
    pub(super) reason: Cow<'a, str>,
    ids: &'a mut dyn Ids,
    pub(super) effects: Vec<Effect>,
    pub(super) key_hashes: Vec<(ApiKeyName, KeyHash)>,
    pub(super) rewrites: Arc<[Rewrite]>,
}

impl std::fmt::Debug for Deciding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deciding")
            .field("method", &self.asking.method)
            .finish_non_exhaustive()
    }
}

impl<'a> Deciding<'a> {
    pub(super) fn new(
        asking: Asking<'a>,
        now: Timestamp,
        reason: &'a str,
        ids: &'a mut dyn Ids,
    ) -> Result<Self, Error> {
        let Asking { state, caller, .. } = asking;
        let person = caller
            .person()
            .ok_or(Error::Unauthenticated(Unauthenticated::Missing))?;
        Ok(Self {
            asking,
            state,
            caller,
            person,
            now,
            revision: state.revision().next(),
            reason: Cow::Borrowed(reason),
            ids,
            effects: Vec::new(),
            key_hashes: Vec::new(),
            rewrites: Arc::default(),
        })
    }

    /// The reason given, as it will be in the log.
    pub(super) fn reason(&self) -> String {
        self.reason.clone().into_owned()
    }

    /// That the caller takes something back, for the reason given.
    pub(super) fn undoing(&self) -> Undoing {
        Undoing {
            person: Some(self.person.clone()),
            record_time: self.now,
            reason: self.reason(),
        }
    }

    /// Writes a record that the method does not return.
    pub(super) fn put<T: Record>(&mut self, record: T) {
        self.put_image(T::into_image(Arc::new(record)));
    }

    pub(super) fn put_image(&mut self, image: Image) {
        self.effects.push(Effect::Put(image));
    }

    pub(super) const fn created(&self) -> Meta {
        Meta::created(self.now, self.revision)
    }

    pub(super) const fn updated(&self, meta: Meta) -> Meta {
        meta.updated(self.now, self.revision)
    }

    /// The name asked for, or one with a random id; refused if a record has it.
    pub(super) fn free_name<T: Mapped>(
        &mut self,
        name: Option<&T::Name>,
        from_id: impl FnOnce(&str) -> Option<T::Name>,
    ) -> Result<T::Name, Error> {
        let name = match name {
            Some(name) => name.clone(),
            None => {
                let id = self.ids.id(ID_LENGTH);
                from_id(&id).ok_or_else(|| Error::Bug(format!("`{id}` is not an id").into()))?
            }
        };
        self.check_free::<T>(&name).map(|()| name)
    }

    /// Refuses a name that a record has.
    pub(super) fn check_free<T: Mapped>(&self, name: &T::Name) -> Result<(), Error> {
        if T::all(self.state).contains_key(name) {
            return Err(exists::<T>(name));
        }
        Ok(())
    }

    pub(super) fn today(&self) -> Date {
        self.now.date_in_vietnam()
    }

    /// Adds a violation where an agency that a field names does not exist.
    pub(super) fn check_agency(
        &self,
        name: Option<&AgencyName>,
        field: &str,
        violations: &mut Violations,
    ) {
        if let Some(name) = name
            && self.state.agency(name).is_none()
        {
            violations.add(
                field,
                Rule::AgencyNotFound {
                    name: name.to_string(),
                },
            );
        }
    }

    /// The same for an edition.
    pub(super) fn check_edition(
        &self,
        name: Option<&EditionName>,
        field: &str,
        violations: &mut Violations,
    ) {
        if let Some(name) = name
            && self.state.edition(name).is_none()
        {
            violations.add(
                field,
                Rule::EditionNotFound {
                    name: name.to_string(),
                },
            );
        }
    }

    /// The same for a programme.
    pub(super) fn check_programme(
        &self,
        name: Option<&ProgrammeName>,
        field: &str,
        violations: &mut Violations,
    ) {
        if let Some(name) = name
            && self.state.programme(name).is_none()
        {
            violations.add(
                field,
                Rule::ProgrammeNotFound {
                    name: name.to_string(),
                },
            );
        }
    }

    /// One person may not do both parts of an action that needs two people. A system must name the
    /// person it acts for, because otherwise the two cannot be compared.
    pub(super) fn check_second_person(
        &self,
        first: Option<&Person>,
        subject: &str,
    ) -> Result<(), Error> {
        self.check_actor_named(subject)?;
        if first.is_some_and(|first| first.is_same_as(&self.person)) {
            return Err(Error::refused(subject, Condition::SecondPersonNeeded));
        }
        Ok(())
    }

    pub(super) fn check_actor_named(&self, subject: &str) -> Result<(), Error> {
        match self.caller {
            Caller::Known(known) if known.is_system && known.person.actor.is_none() => {
                Err(Error::refused(subject, Condition::ActorNeeded))
            }
            Caller::Known(_) | Caller::System { .. } | Caller::Anonymous => Ok(()),
        }
    }
}

/// Refuses an etag of an earlier write of the record. The records below it may have changed.
pub(super) fn check_etag<T: Record>(record: &T, etag: &str) -> Result<(), Error> {
    if record.meta().is_etag(etag) {
        return Ok(());
    }
    let current = record.meta().etag();
    let name: &str = record.name().borrow();
    Err(Error::Stale {
        kind: T::KIND.noun(),
        name: name.to_owned(),
        etag: current,
    })
}

pub(super) fn exists<T: Record>(name: &T::Name) -> Error {
    let name: &str = name.borrow();
    Error::AlreadyExists {
        kind: T::KIND.noun(),
        name: name.to_owned(),
    }
}

/// Whether references of one kind lead from `first` back to `start`, in at most `steps` steps.
pub(super) fn leads_back<'a, N: PartialEq>(
    start: &N,
    first: Option<&'a N>,
    steps: usize,
    next: impl Fn(&'a N) -> Option<&'a N>,
) -> bool {
    let mut at = first;
    for _ in 0..=steps {
        match at {
            Some(name) if name == start => return true,
            Some(name) => at = next(name),
            None => return false,
        }
    }
    true
}
