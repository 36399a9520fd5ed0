//! Deployments: an agency reports how far it has a platform in use. The agency above it, or the
//! steward if there is none, confirms the report and never reports for it.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{AgencyName, DeploymentName, PlatformName, ResourceName as _},
    records::{
        agencies::Agency,
        deployments::{
            ConfirmedSpan, Deployment, DeploymentConfirmation, DeploymentFields, Filing, KEPT_MAX,
        },
        plans::ReportingCycle,
        platforms::Platform,
        principals::Role,
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, Update,
        deciding::check_etag,
        platforms,
        transcriptions::Writer,
        update::{Editable as _, editable},
    },
    state::State,
    time::Date,
};

editable!(Deployment DeploymentFields "deployment");

/// UpdateDeployment.
#[derive(Clone, Debug)]
pub struct UpdateDeployment {
    /// Which, and its new values.
    pub update: Update<Deployment>,
    /// Whether to create it if it is missing, with all fields; the mask is then ignored.
    pub allow_missing: bool,
}

/// What an update is based on: the deployment, if there is one, and the side that the caller
/// writes for.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    old: Option<&'a Deployment>,
    writer: Writer,
}

impl Texts for UpdateDeployment {
    fn texts(&self, reader: &mut Reader<'_>) {
        if self.allow_missing {
            // the mask is ignored when the record is created
            reader.field(Deployment::FIELD, &self.update.fields);
        } else {
            self.update.texts(reader);
        }
    }
}

impl Command for UpdateDeployment {
    type Output = Deployment;
    type Found<'a> = Found<'a>;

    fn method(&self) -> &'static str {
        "UpdateDeployment"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Found<'a>, Error> {
        let name = &self.update.name;
        let agency = agency_of(name)?;
        let found = asking.find::<Deployment>(name);
        let old = if self.allow_missing {
            asking.find::<Platform>(&name.parent())?;
            asking.find::<Agency>(&agency)?;
            found.ok()
        } else {
            Some(found?)
        };
        let writer = asking.reports_for(&agency, &name.parent())?;
        Ok(Found { old, writer })
    }

    fn decide<'a>(
        &self,
        Found { old, writer }: Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Deployment>, Error> {
        let today = deciding.today();
        let (name, transcribed) = (&self.update.name, writer == Writer::Transcriber);
        let Some(old) = old else {
            platforms::check_active(deciding.asking.find(&name.parent())?)?;
            let fields = self.update.fields.clone();
            check_fields(&fields, None, transcribed, deciding)?;
            let mut new = Deployment {
                name: name.clone(),
                fields,
                writer: deciding.person.clone(),
                transcribed,
                filings: Vec::new(),
                confirmation: None,
                confirmed_spans: Vec::new(),
                meta: deciding.created(),
            };
            note_filing(&mut new, today);
            return Ok(Arc::new(new));
        };
        let mut new = self.update.edit(old, deciding)?;
        check_fields(&new.fields, Some(&old.fields), transcribed, deciding)?;
        new.writer = deciding.person.clone();
        new.transcribed = transcribed;
        note_filing(&mut new, today);
        if let Some(confirmation) = new.confirmation.take() {
            let start_date = confirmation.record_time.date_in_vietnam();
            if start_date < today {
                let end_date = today;
                let span = ConfirmedSpan {
                    start_date,
                    end_date,
                };
                keep(&mut new.confirmed_spans, span);
            }
        }
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.update.texts_of_record(state, reader);
    }
}

/// ConfirmDeployment.
#[derive(Clone, Debug)]
pub struct ConfirmDeployment {
    /// Resource name of the deployment.
    pub name: DeploymentName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ConfirmDeployment {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ConfirmDeployment {
    type Output = Deployment;
    /// The deployment, and the agency whose approver confirms it; `None` for the steward.
    type Found<'a> = (&'a Deployment, Option<&'a AgencyName>);

    fn method(&self) -> &'static str {
        "ConfirmDeployment"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Self::Found<'a>, Error> {
        let deployment: &Deployment = asking.find(&self.name)?;
        let above = asking.state.parent_agency(&agency_of(&self.name)?);
        match above {
            Some(above) => asking.in_agency(Role::AgencyApprover, above)?,
            None => asking.steward()?,
        }
        Ok((deployment, above))
    }

    fn decide<'a>(
        &self,
        (deployment, above): Self::Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Deployment>, Error> {
        check_etag(deployment, &self.etag)?;
        let subject = deployment.name.as_str();
        if deployment.confirmation.is_some() {
            return Err(Error::refused(subject, Condition::DeploymentConfirmed));
        }
        deciding.check_second_person(Some(&deployment.writer), subject)?;
        let fields = &deployment.fields;
        let day = fields.report_date.unwrap_or_else(|| deciding.today());
        let confirmation = DeploymentConfirmation {
            revision: deployment.meta.revision,
            stage: fields.stage_on(day).map(|(stage, _)| stage),
            coverages: fields.coverages_on(day).into_iter().cloned().collect(),
            report_date: fields.report_date,
            agency: above.cloned(),
            person: deciding.person.clone(),
            record_time: deciding.now,
        };
        Ok(Arc::new(Deployment {
            confirmation: Some(Box::new(confirmation)),
            meta: deciding.updated(deployment.meta),
            ..deployment.clone()
        }))
    }
}

impl Asking<'_> {
    /// The side that the caller reports for: its own agency, as editor or approver, or an agency
    /// that has no principals yet, from published documents.
    fn reports_for(&self, agency: &AgencyName, platform: &PlatformName) -> Result<Writer, Error> {
        if self.caller.has_in(Role::AgencyApprover, agency) {
            return Ok(Writer::Agency);
        }
        self.writes_for(agency, platform)
    }
}

fn agency_of(name: &DeploymentName) -> Result<AgencyName, Error> {
    name.agency().ok_or_else(|| Error::NotFound {
        kind: DeploymentName::KIND,
        name: name.to_string(),
    })
}

/// Refuses what breaks a rule, and silent changes of recorded entries: a date moves by a further
/// entry with its document, and a correction gives its reason.
fn check_fields(
    fields: &DeploymentFields,
    old: Option<&DeploymentFields>,
    transcribed: bool,
    deciding: &Deciding<'_>,
) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check(deciding.today(), &mut violations);
    if transcribed && fields.sources.is_empty() {
        violations.add("deployment.sources", Rule::TranscriptionSourceMissing);
    }
    if let Some(old) = old {
        check_kept(
            fields,
            old,
            !deciding.reason.trim().is_empty(),
            &mut violations,
        );
    }
    violations.into_result()
}

fn check_kept(
    new: &DeploymentFields,
    old: &DeploymentFields,
    reasoned: bool,
    violations: &mut Violations,
) {
    if let (Some(last), Some(now)) = (old.report_date, new.report_date)
        && now < last
    {
        violations.add("deployment.report_date", Rule::AsOfBeforeLast { last });
    }
    if !holds_all(&new.planned_stages, &old.planned_stages) {
        violations.add("deployment.planned_stages", Rule::PlannedEntryGone);
    }
    for (field, kept) in [
        ("stages", holds_all(&new.stages, &old.stages)),
        ("coverages", holds_all(&new.coverages, &old.coverages)),
        (
            "legacy_systems",
            holds_all(&new.legacy_systems, &old.legacy_systems),
        ),
    ] {
        if !kept && !reasoned {
            violations.add("reason", Rule::EntryCorrectionReasonMissing { field });
        }
    }
}

/// Whether a list has every entry of an earlier one. Most writes add at the end.
fn holds_all<T: PartialEq>(new: &[T], old: &[T]) -> bool {
    new.starts_with(old) || old.iter().all(|entry| new.contains(entry))
}

/// Records the first report for a month.
fn note_filing(new: &mut Deployment, today: Date) {
    let Some(report_date) = new.fields.report_date else {
        return;
    };
    let cycle = ReportingCycle::default();
    let last = new.filings.last();
    let is_first =
        last.is_none_or(|it| cycle.period_end(it.report_date) < cycle.period_end(report_date));
    if is_first {
        let filing = Filing {
            report_date,
            filing_date: today,
        };
        keep(&mut new.filings, filing);
    }
}

/// Adds to a list that keeps its newest entries.
fn keep<T>(list: &mut Vec<T>, entry: T) {
    if list.len() >= KEPT_MAX {
        list.remove(0);
    }
    list.push(entry);
}
