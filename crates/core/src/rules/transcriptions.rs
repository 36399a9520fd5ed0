//! Transcribing: who records plans and stages for an agency that has no principals yet, and how the
//! agency confirms them later.
//!
//! Two persons are needed here too: the person who submits a plan does not issue it, and only the
//! steward issues one that was transcribed. Once the agency has a principal, only its own
//! principals act for it.

use std::sync::Arc;

use crate::{
    error::Error,
    messages::Condition,
    names::{AgencyName, PlanName, PlatformName},
    records::{
        plans::Plan,
        principals::Role,
        texts::{Reader, Texts},
        transcriptions::{Confirmation, Transcription},
    },
    rules::{Asking, Command, Deciding, asking::users_of, deciding::check_etag},
};

/// ConfirmTranscription.
#[derive(Clone, Debug)]
pub struct ConfirmTranscription {
    /// The plan.
    pub name: PlanName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ConfirmTranscription {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ConfirmTranscription {
    type Output = Plan;
    type Found<'a> = &'a Plan;

    fn method(&self) -> &'static str {
        "ConfirmTranscription"
    }

    /// Those who may issue a plan of the agency.
    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Plan, Error> {
        let plan: &Plan = asking.find(&self.name)?;
        asking.on_plan(Role::AgencyApprover, plan)?;
        Ok(plan)
    }

    fn decide<'a>(&self, plan: &'a Plan, deciding: &mut Deciding<'a>) -> Result<Arc<Plan>, Error> {
        check_etag(plan, &self.etag)?;
        let refused = |condition| Err(Error::refused(plan.name.as_str(), condition));
        let Some(transcription) = plan.transcription.as_deref() else {
            return refused(Condition::NotTranscribed);
        };
        if transcription.confirmation.is_some() {
            return refused(Condition::TranscriptionConfirmed);
        }
        Ok(Arc::new(Plan {
            transcription: Some(Box::new(Transcription {
                confirmation: Some(Confirmation {
                    person: Some(deciding.person.clone()),
                    record_time: deciding.now,
                }),
                ..transcription.clone()
            })),
            meta: deciding.updated(plan.meta),
            ..plan.clone()
        }))
    }
}

/// The side that a caller writes for, with the rights of an editor of an agency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// For its own agency.
    Agency,
    /// For an agency that has no principals yet, from published documents.
    Transcriber,
}

impl Asking<'_> {
    /// Whether the caller may transcribe for the agency: it has no principals yet.
    pub(super) fn transcribes_for(&self, agency: &AgencyName) -> bool {
        let appointed = self.caller.has(Role::Transcriber) || self.caller.has(Role::Steward);
        appointed && users_of(self.state, agency).next().is_none()
    }

    /// The side that the caller writes for when it writes plans of a platform that this agency
    /// governs. Refuses a caller who may not write them.
    pub(super) fn writes_for(
        &self,
        agency: &AgencyName,
        platform: &PlatformName,
    ) -> Result<Writer, Error> {
        if self.caller.has_on(Role::AgencyEditor, agency, platform) {
            return Ok(Writer::Agency);
        }
        if self.transcribes_for(agency) {
            return Ok(Writer::Transcriber);
        }
        self.in_agency(Role::AgencyEditor, agency)
            .map(|()| Writer::Agency)
    }

    /// The same for a plan: a transcriber writes what was transcribed and is not confirmed.
    pub(super) fn writes_plan(&self, plan: &Plan) -> Result<(), Error> {
        if plan.is_being_transcribed() {
            let platform = plan.name.parent();
            return self.writes_for(&plan.agency, &platform).map(drop);
        }
        self.on_plan(Role::AgencyEditor, plan)
    }
}
