//! What a command does: `decide` says it as a change, or says why not. Pure: no IO, no clock, no
//! randomness of its own. One file per feature holds the rules.

mod access;
mod assessments;
mod baselines;
mod catalogue;
mod figures;
mod milestones;
pub mod personal;
mod plans;
mod proposals;
mod reports;
mod seed;

use crate::domain::{
    caller::{Caller, Person},
    change::{Change, Effect, Image},
    command::{Command, Precondition, Request},
    error::{Error, Violations},
    names::{AgencyName, ApiKeyName, Revision},
    principals::KeyHash,
    record::Meta,
    sizes::{CHANGE_BYTES_MAX, RECORD_BYTES_MAX},
    time::{Date, Timestamp},
};
use crate::state::{State, visible::note_public_write};

use self::personal::check_personal_data;
use super::access::permit;

/// Source of generated ids.
pub trait Ids: Send {
    /// `length` characters, lower-case letters and digits, the first a letter.
    fn id(&mut self, length: usize) -> String;
}

/// Length of a generated id. It is random, because a sequential number would reveal hidden drafts.
/// It has 8 characters, because it must be unique only below one platform.
const ID_LENGTH: usize = 8;

/// Says what `request` changes, or why it is refused.
pub fn decide(
    state: &State,
    caller: &Caller,
    request: &Request,
    now: Timestamp,
    ids: &mut dyn Ids,
) -> Result<Change, Error> {
    permit(state, caller, &request.command)?;
    let person = caller.person().ok_or(Error::Unauthenticated {
        reason: "CREDENTIALS_MISSING",
    })?;
    let reason = check_personal_data(state, caller, request)?;
    let mut deciding = Deciding {
        state,
        caller,
        person,
        now,
        revision: state.revision().next(),
        reason: &reason,
        ids,
        effects: Vec::new(),
        key_hash: None,
    };
    deciding.command(&request.command)?;
    let Deciding {
        person,
        revision,
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
        method: request.command.method_name().into(),
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
                "RECORD_TOO_LARGE",
                image.name(),
                format!(
                    "the record would take {bytes} bytes, at most {RECORD_BYTES_MAX} are allowed; \
                     shorten its texts and lists, and refer to documents by `uri`"
                ),
                format!(
                    "bản ghi sẽ chiếm {bytes} byte, chỉ được tối đa {RECORD_BYTES_MAX}; hãy rút \
                     gọn nội dung và danh sách, dẫn văn bản bằng `uri`"
                ),
            ));
        }
    }
    if all > CHANGE_BYTES_MAX {
        return Err(Error::refused(
            "CHANGE_TOO_LARGE",
            effects.first().map_or("", Effect::name),
            format!(
                "the records that this changes would take {all} bytes, at most \
                 {CHANGE_BYTES_MAX} are allowed; shorten them first"
            ),
            format!(
                "các bản ghi bị thay đổi sẽ chiếm {all} byte, chỉ được tối đa \
                 {CHANGE_BYTES_MAX}; hãy rút gọn chúng trước"
            ),
        ));
    }
    Ok(())
}

/// One command being decided.
struct Deciding<'a> {
    state: &'a State,
    caller: &'a Caller,
    person: Person,
    now: Timestamp,
    revision: Revision,
    reason: &'a str,
    ids: &'a mut dyn Ids,
    effects: Vec<Effect>,
    key_hash: Option<(ApiKeyName, KeyHash)>,
}

impl Deciding<'_> {
    fn command(&mut self, command: &Command) -> Result<(), Error> {
        match command {
            Command::CreateAgency { name, fields } => self.create_agency(name, fields),
            Command::UpdateAgency {
                name,
                fields,
                mask,
                precondition,
            } => self.update_agency(name, fields, mask, precondition),
            Command::CreateEdition { name, fields } => self.create_edition(name, fields),
            Command::UpdateEdition {
                name,
                fields,
                mask,
                precondition,
            } => self.update_edition(name, fields, mask, precondition),
            Command::CreatePlatform { name, fields } => self.create_platform(name.as_ref(), fields),
            Command::UpdatePlatform {
                name,
                fields,
                mask,
                precondition,
            } => self.update_platform(name, fields, mask, precondition),
            Command::RetirePlatform { name, exit, etag } => self.retire_platform(name, exit, etag),
            Command::CreatePlan {
                platform,
                name,
                fields,
            } => self.create_plan(platform, name.as_ref(), fields),
            Command::UpdatePlan {
                name,
                fields,
                mask,
                precondition,
            } => self.update_plan(name, fields, mask, precondition),
            Command::MovePlan {
                name,
                step,
                document,
                etag,
            } => self.move_plan(name, *step, document.as_deref(), etag),
            Command::RebaselinePlan { rebaseline, etag } => self.rebaseline_plan(rebaseline, etag),
            Command::CreateMilestone { plan, name, fields } => {
                self.create_milestone(plan, name.as_ref(), fields)
            }
            Command::UpdateMilestone {
                name,
                fields,
                mask,
                precondition,
            } => self.update_milestone(name, fields, mask, precondition),
            Command::CompleteMilestone {
                name,
                completion_date,
                evidence,
                etag,
            } => self.complete_milestone(name, *completion_date, evidence, etag),
            Command::DropMilestone {
                name,
                document,
                etag,
            } => self.drop_milestone(name, document.as_deref(), etag),
            Command::CreateReport { plan, name, fields } => {
                self.create_report(plan, name.as_ref(), fields)
            }
            Command::CreateAssessment { plan, name, fields } => {
                self.create_assessment(plan, name.as_ref(), fields)
            }
            Command::CreateFigure { figure } => self.create_figure(figure),
            Command::DecideProposal {
                name,
                decision,
                etag,
            } => self.decide_proposal(name, *decision, etag),
            Command::CreatePrincipal { name, fields } => {
                self.create_principal(name.as_ref(), fields)
            }
            Command::UpdatePrincipal {
                name,
                fields,
                mask,
                precondition,
            } => self.update_principal(name, fields, mask, precondition),
            Command::DisablePrincipal { name, etag } => self.disable_principal(name, etag),
            Command::CreateApiKey { name, fields, hash } => {
                self.create_api_key(name, fields, *hash)
            }
            Command::RevokeApiKey { name } => self.revoke_api_key(name),
            Command::Seed(seed) => self.seed(seed),
        }
    }

    fn put(&mut self, image: Image) {
        self.effects.push(Effect::Put(image));
    }

    const fn created(&self) -> Meta {
        Meta::created(self.now, self.revision)
    }

    const fn updated(&self, meta: Meta) -> Meta {
        meta.updated(self.now, self.revision)
    }

    /// The name asked for, or one with a random id.
    fn name_or_random<N: Clone>(
        &mut self,
        name: Option<&N>,
        from_id: impl FnOnce(&str) -> Option<N>,
    ) -> Result<N, Error> {
        if let Some(name) = name {
            return Ok(name.clone());
        }
        let id = self.ids.id(ID_LENGTH);
        from_id(&id).ok_or_else(|| Error::Bug(format!("`{id}` is no id").into()))
    }

    fn today(&self) -> Date {
        self.now.date_in_vietnam()
    }

    /// Adds a violation where an agency that a field names does not exist.
    fn check_agency(&self, name: Option<&AgencyName>, field: &str, violations: &mut Violations) {
        if let Some(name) = name
            && self.state.agency(name).is_none()
        {
            violations.add(
                field,
                "REFERENCE_NOT_FOUND",
                format!("`{name}` does not exist; ListAgencies lists the agencies"),
                format!("`{name}` không tồn tại; ListAgencies liệt kê các cơ quan"),
            );
        }
    }
}

/// Refuses when the etag that the caller read is no longer current, or when the record that nested
/// field paths were merged into has changed.
fn check_precondition(
    kind: &'static str,
    name: &str,
    meta: &Meta,
    precondition: &Precondition,
) -> Result<(), Error> {
    let Precondition { etag, merged_at } = precondition;
    if let Some(etag) = etag {
        check_etag(kind, name, meta, etag)?;
    }
    if merged_at.is_some_and(|revision| revision != meta.revision) {
        return Err(stale(kind, name, meta));
    }
    Ok(())
}

fn check_etag(kind: &'static str, name: &str, meta: &Meta, etag: &str) -> Result<(), Error> {
    if etag == meta.etag() {
        Ok(())
    } else {
        Err(stale(kind, name, meta))
    }
}

fn stale(kind: &'static str, name: &str, meta: &Meta) -> Error {
    Error::Stale {
        kind,
        name: name.to_owned(),
        etag: meta.etag(),
    }
}

/// One person may not do both parts of an action that needs two people. A system must name the
/// person it acts for, because otherwise the two cannot be compared.
fn check_second_person(
    caller: &Caller,
    first: Option<&Person>,
    second: &Person,
    subject: &str,
) -> Result<(), Error> {
    check_actor_named(caller, subject)?;
    if first.is_some_and(|first| first.is_same_as(second)) {
        return Err(Error::refused(
            "SECOND_PERSON_NEEDED",
            subject,
            "the person who requested this cannot approve it; another person must",
            "người đã đề nghị không được phê duyệt; phải do người khác phê duyệt",
        ));
    }
    Ok(())
}

fn check_actor_named(caller: &Caller, subject: &str) -> Result<(), Error> {
    match caller {
        Caller::Known(known) if known.is_system && known.person.actor.is_none() => {
            Err(Error::refused(
                "ACTOR_NEEDED",
                subject,
                "this requires two people, so a system must name the acting person in the metadata \
                 `ndp-actor`",
                "việc này cần hai người, nên hệ thống phải ghi người thực hiện trong metadata \
                 `ndp-actor`",
            ))
        }
        Caller::Known(_) | Caller::System { .. } | Caller::Anonymous => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::agencies::{Agency, AgencyFields};

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
            Err(Error::Refused(refusal)) => Some(refusal.reason),
            Err(other) => panic!("{other}"),
        };
        let large = RECORD_BYTES_MAX - 1024;
        assert_eq!(reason(&[put(large)]), None);
        assert_eq!(reason(&[put(RECORD_BYTES_MAX)]), Some("RECORD_TOO_LARGE"));
        let many: Vec<_> = (0..=CHANGE_BYTES_MAX / large).map(|_| put(large)).collect();
        assert_eq!(reason(&many), Some("CHANGE_TOO_LARGE"));
    }
}
