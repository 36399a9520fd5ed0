//! Agencies.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{AgencyName, PlatformName},
    records::{
        agencies::{Agency, AgencyFields, Succession},
        documents::{Document, Needs},
        platforms::{GOVERNANCE_MAX, Governance, Platform},
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, Update,
        deciding::{check_etag, leads_back},
        platforms,
        update::editable,
    },
    state::State,
    time::Date,
};

/// Most successions of one agency. The contract names the same.
const SUCCESSIONS_MAX: usize = 20;
/// Most platforms that one succession moves, so that it fits a change. The contract names the same.
const MOVED_MAX: usize = 100;

/// CreateAgency.
#[derive(Clone, Debug)]
pub struct CreateAgency {
    /// Name it is to have.
    pub name: AgencyName,
    /// What to write.
    pub fields: AgencyFields,
}

impl Texts for CreateAgency {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.field("agency_id", name.id());
        reader.field("agency", fields);
    }
}

impl Command for CreateAgency {
    type Output = Agency;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateAgency"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Agency>, Error> {
        let Self { name, fields } = self;
        deciding.check_free::<Agency>(name)?;
        check_fields(deciding, name, fields)?;
        Ok(Arc::new(Agency {
            name: name.clone(),
            fields: fields.clone(),
            meta: deciding.created(),
        }))
    }
}

editable!(Agency AgencyFields "agency");

pub type UpdateAgency = Update<Agency>;

impl Command for UpdateAgency {
    type Output = Agency;
    type Found<'a> = &'a Agency;

    fn method(&self) -> &'static str {
        "UpdateAgency"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Agency, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        agency: &'a Agency,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Agency>, Error> {
        let new = self.edit(agency, deciding)?;
        check_fields(deciding, &new.name, &new.fields)?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

/// SucceedAgency: a body takes over from another, with its platforms and their plans.
#[derive(Clone, Debug)]
pub struct SucceedAgency {
    /// The body that ends, or transfers tasks.
    pub name: AgencyName,
    /// The successor, the first day, and the document.
    pub succession: Succession,
    /// The platforms that move; all that the agency governs where empty.
    pub platforms: Vec<PlatformName>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for SucceedAgency {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("succession", &self.succession);
    }
}

impl Command for SucceedAgency {
    type Output = Agency;
    type Found<'a> = &'a Agency;

    fn method(&self) -> &'static str {
        "SucceedAgency"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Agency, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        agency: &'a Agency,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Agency>, Error> {
        check_etag(agency, &self.etag)?;
        let start = self.check(agency, deciding)?;
        let mut new = agency.clone();
        new.meta = deciding.updated(new.meta);
        // a succession that moves further platforms is recorded already
        if !new.fields.successions.contains(&self.succession) {
            if let Some(successor) = agency.successor_on(deciding.today()) {
                let successor = successor.to_string();
                return Err(self.refused(Condition::AgencySucceeded { successor }));
            }
            new.fields.successions.push(self.succession.clone());
        }
        if new.fields.successions.len() > SUCCESSIONS_MAX {
            let most = SUCCESSIONS_MAX;
            return Err(self.refused(Condition::AgencyHistoryFull { most }));
        }
        check_fields(deciding, &new.name, &new.fields)?;
        for platform in self.moved(deciding)? {
            self.take_over(platform, start, deciding)?;
        }
        Ok(Arc::new(new))
    }
}

impl SucceedAgency {
    fn refused(&self, condition: Condition) -> Error {
        Error::refused(self.name.as_str(), condition)
    }

    /// Checks the succession, and returns the day from which it holds.
    fn check(&self, agency: &Agency, deciding: &Deciding<'_>) -> Result<Date, Error> {
        let Succession {
            successor,
            start_date,
            document,
            scope,
        } = &self.succession;
        let mut violations = Violations::new();
        let today = deciding.today();
        deciding.check_agency(Some(successor), "succession.successor", &mut violations);
        if *successor == agency.name || leads_to_itself(deciding, &agency.name, &self.succession) {
            violations.add("succession.successor", Rule::OwnSuccessor);
        }
        match start_date {
            None => violations.add("succession.start_date", Rule::SuccessionStartMissing),
            Some(start) if *start > today => {
                violations.add("succession.start_date", Rule::StartInFuture { today });
            }
            Some(_) => {}
        }
        document.as_ref().unwrap_or(&Document::default()).check(
            Needs::Identity,
            "succession.document",
            &mut violations,
        );
        if !scope.is_empty() && self.platforms.is_empty() {
            violations.add("platforms", Rule::PlatformsOfPartMissing);
        }
        for (i, name) in self.platforms.iter().enumerate() {
            let platform = deciding.state.platform(name);
            if platform.and_then(|it| it.governing_agency()) != Some(&agency.name) {
                let agency = agency.name.to_string();
                violations.add(format!("platforms[{i}]"), Rule::NotGovernedBy { agency });
            }
        }
        violations.into_result()?;
        start_date.ok_or_else(|| Error::Bug("a succession without a day".into()))
    }

    /// The platforms that move.
    fn moved<'a>(&self, deciding: &Deciding<'a>) -> Result<Vec<&'a Platform>, Error> {
        let governed = deciding.state.platforms_of(&self.name);
        let named = |it: &&Platform| self.platforms.is_empty() || self.platforms.contains(&it.name);
        let governed = governed.into_iter().flat_map(|it| it.values());
        let moved: Vec<_> = governed.map(|it| &**it).filter(named).collect();
        if moved.len() > MOVED_MAX {
            let (count, most) = (moved.len(), MOVED_MAX);
            return Err(self.refused(Condition::TooManyToMove { count, most }));
        }
        Ok(moved)
    }

    /// Moves a platform with its plans to the successor.
    fn take_over(
        &self,
        platform: &Platform,
        start: Date,
        deciding: &mut Deciding<'_>,
    ) -> Result<(), Error> {
        let name = &platform.name;
        let mut new = platform.clone();
        let last = new.fields.governance.last().and_then(|it| it.start_date);
        if let Some(since) = last.filter(|since| *since >= start) {
            let name = name.to_string();
            return Err(self.refused(Condition::GovernedSince { name, since }));
        }
        if new.fields.governance.len() >= GOVERNANCE_MAX {
            let (name, most) = (name.to_string(), GOVERNANCE_MAX);
            return Err(self.refused(Condition::GovernanceFull { name, most }));
        }
        new.fields.governance.push(Governance {
            agency: Some(self.succession.successor.clone()),
            start_date: Some(start),
            document: self.succession.document.clone().map(Box::new),
            sources: Vec::new(),
        });
        new.meta = deciding.updated(new.meta);
        platforms::transfer(deciding, &new)?;
        deciding.put(new);
        Ok(())
    }
}

pub(super) fn check_fields(
    deciding: &Deciding<'_>,
    name: &AgencyName,
    fields: &AgencyFields,
) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check(&mut violations);
    let parent = fields.parent_agency.as_ref();
    deciding.check_agency(parent, "agency.parent_agency", &mut violations);
    let agencies = deciding.state.agencies();
    let above = |it| agencies.get(it)?.fields.parent_agency.as_ref();
    if leads_back(name, parent, agencies.len(), above) {
        violations.add("agency.parent_agency", Rule::OwnParent);
    }
    for (i, succession) in fields.successions.iter().enumerate() {
        let field = format!("agency.successions[{i}].successor");
        deciding.check_agency(Some(&succession.successor), &field, &mut violations);
        if leads_to_itself(deciding, name, succession) {
            violations.add(field, Rule::OwnSuccessor);
        }
    }
    violations.into_result()
}

/// Whether an agency would take over from itself, by way of others.
fn leads_to_itself(deciding: &Deciding<'_>, name: &AgencyName, succession: &Succession) -> bool {
    let (agencies, today) = (deciding.state.agencies(), deciding.today());
    let next = |it| agencies.get(it)?.successor_on(today);
    let first = Some(&succession.successor);
    succession.is_whole_on(today) && leads_back(name, first, agencies.len(), next)
}
