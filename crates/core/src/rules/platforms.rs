//! Platforms: what the catalogue says of them, and how they leave it.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::PlatformName,
    records::{
        dated,
        plans::Plan,
        platforms::{
            AGENCY_FIELDS, Exit, ExitOutcome, PAST_EXITS_MAX, PastExit, Platform, PlatformFields,
            PlatformState, Reinstatement,
        },
        principals::Role,
        proposals::{Action, Proposal},
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, deciding::check_etag, update::editable},
    state::State,
};
/// What the registry's own platform ids begin with.
const ID_PREFIX: &str = "ndp-";
/// The field of a platform that says which units write its plans.
const DELEGATIONS: &str = "delegations";
/// The field of a platform that is transcribed for an agency without principals.
const STAGES: &str = "operation_stages";

/// CreatePlatform.
#[derive(Clone, Debug)]
pub struct CreatePlatform {
    /// Name it is to have; the smallest free number when absent.
    pub name: Option<PlatformName>,
    /// What to write.
    pub fields: PlatformFields,
}

impl Texts for CreatePlatform {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.id("platform_id", name.as_ref().map(PlatformName::id));
        reader.field("platform", fields);
    }
}

impl Command for CreatePlatform {
    type Output = Platform;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreatePlatform"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Platform>, Error> {
        let Self { name, fields } = self;
        let name = match name {
            Some(name) => name.clone(),
            None => next_name(deciding.state)?,
        };
        deciding.check_free::<Platform>(&name)?;
        check_fields(deciding, fields)?;
        if !fields.delegations.is_empty() {
            let path = format!("platform.{DELEGATIONS}");
            return Err(Error::invalid(path, Rule::DelegationsOfNew));
        }
        let mut platform = Platform {
            name,
            fields: fields.clone(),
            stage_records: Vec::new(),
            exit: None,
            past_exits: Vec::new(),
            moved_listings: Vec::new(),
            public_write: None,
            meta: deciding.created(),
        };
        platform.record_stages(None, deciding.now);
        Ok(Arc::new(platform))
    }
}

editable!(Platform PlatformFields "platform");

pub type UpdatePlatform = Update<Platform>;

impl Command for UpdatePlatform {
    type Output = Platform;
    type Found<'a> = &'a Platform;

    fn method(&self) -> &'static str {
        "UpdatePlatform"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Platform, Error> {
        let platform: &Platform = asking.find(&self.name)?;
        let differing = platform.fields.differing(&self.merged(platform));
        permit_fields(asking, platform, &differing)?;
        Ok(platform)
    }

    fn decide<'a>(
        &self,
        platform: &'a Platform,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Platform>, Error> {
        let mut new = self.edit(platform, deciding)?;
        check_active(platform)?;
        new.record_stages(Some(platform), deciding.now);
        self.check_stages(platform, &mut new, &deciding.asking)?;
        check_fields(deciding, &new.fields)?;
        check_delegations(deciding, &platform.fields, &new.fields)?;
        if new.governing_agency() != platform.governing_agency() {
            transfer(deciding, &new)?;
        }
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

impl UpdatePlatform {
    /// Stages that are written for the governing agency name their document, and say that they are
    /// transcribed until the agency writes them.
    fn check_stages(
        &self,
        old: &Platform,
        new: &mut Platform,
        asking: &Asking<'_>,
    ) -> Result<(), Error> {
        let Some(agency) = old.governing_agency() else {
            return Ok(());
        };
        let of_stages = |path: &String| path.split('.').next() == Some(STAGES);
        if !self.mask.iter().any(of_stages) {
            return Ok(());
        }
        let transcribed = !asking.caller.has_in(Role::AgencyEditor, agency);
        new.mark_stages(old, transcribed);
        if !transcribed {
            return Ok(());
        }
        let mut violations = Violations::new();
        for (i, step) in new.fields.operation_stages.iter().enumerate() {
            if step.document.is_none() && !old.fields.operation_stages.contains(step) {
                let path = format!("platform.{STAGES}[{i}].document");
                violations.add(path, Rule::TranscriptionSourceMissing);
            }
        }
        violations.into_result()
    }
}

/// RetirePlatform: proposes that a platform leaves the catalogue.
#[derive(Clone, Debug)]
pub struct RetirePlatform {
    /// Resource name of the platform.
    pub name: PlatformName,
    /// The exit record it is to get.
    pub exit: Exit,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for RetirePlatform {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("exit", &self.exit);
    }
}

impl Command for RetirePlatform {
    type Output = Proposal;
    type Found<'a> = &'a Platform;

    fn method(&self) -> &'static str {
        "RetirePlatform"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Platform, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        platform: &'a Platform,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Proposal>, Error> {
        let Self { name, exit, etag } = self;
        check_etag(platform, etag)?;
        deciding.check_actor_named(name.as_str())?;
        let mut exit = exit.clone();
        if exit.exit_date.is_none() {
            let decision = exit.decision.as_ref();
            let issued = decision.and_then(|decision| decision.issue_date);
            exit.exit_date = Some(issued.unwrap_or_else(|| deciding.today()));
        }
        deciding.propose(name, Action::Retirement(Box::new(exit)), |_| true)
    }
}

/// The steward writes every field; the governing agency writes its own fields. Its delegations are
/// written by approvers of its plans, or by administrators of its principals.
fn permit_fields(
    asking: &Asking<'_>,
    platform: &Platform,
    differing: &[&'static str],
) -> Result<(), Error> {
    let agency = platform.governing_agency();
    let edits = agency.is_some_and(|agency| asking.caller.has_in(Role::AgencyEditor, agency));
    let keeps = asking.caller.has(Role::Steward);
    let transcribes = agency.is_some_and(|agency| asking.transcribes_for(agency));
    let (editor, steward) = (Role::AgencyEditor, Role::Steward);
    let (approver, admin) = (Role::AgencyApprover, Role::AgencyAdmin);
    let delegates = agency.is_some_and(|agency| {
        let has = |role| asking.caller.has_in(role, agency);
        has(approver) || has(admin)
    });
    let only_delegates = delegates && differing == [DELEGATIONS];
    if !edits && !keeps && !transcribes && !only_delegates {
        return Err(match agency {
            Some(agency) => asking.denied(
                format!("the role `{steward}`, or `{editor}` of `{agency}`"),
                format!("vai trò `{steward}`, hoặc `{editor}` của `{agency}`"),
            ),
            None => asking.lacks(steward),
        });
    }
    for field in differing {
        let may = if *field == DELEGATIONS {
            delegates
        } else if AGENCY_FIELDS.contains(field) {
            edits || (keeps && agency.is_none()) || (transcribes && *field == STAGES)
        } else {
            keeps
        };
        if may {
            continue;
        }
        return Err(match agency {
            Some(agency) if *field == DELEGATIONS => asking.denied(
                format!("the role `{approver}` or `{admin}` of `{agency}` for the field `{field}`"),
                format!(
                    "vai trò `{approver}` hoặc `{admin}` của `{agency}` đối với trường `{field}`"
                ),
            ),
            Some(agency) if AGENCY_FIELDS.contains(field) => asking.denied(
                format!("the role `{editor}` of `{agency}` for the field `{field}`"),
                format!("vai trò `{editor}` của `{agency}` đối với trường `{field}`"),
            ),
            _ => asking.denied(
                format!("the role `{steward}` for the field `{field}`"),
                format!("vai trò `{steward}` đối với trường `{field}`"),
            ),
        });
    }
    Ok(())
}

/// The smallest number from 1 that no platform id uses, so that an id that a caller chose
/// blocks only its own number. Platforms are public, so the number reveals nothing.
fn next_name(state: &State) -> Result<PlatformName, Error> {
    let platforms = state.platforms();
    // one of `len + 1` numbers is always free
    let mut taken = vec![false; platforms.len() + 1];
    for name in platforms.keys() {
        let number = name.id().strip_prefix(ID_PREFIX);
        let number = number.and_then(|digits| digits.parse::<usize>().ok());
        let place = number.and_then(|number| taken.get_mut(number.checked_sub(1)?));
        if let Some(place) = place {
            *place = true;
        }
    }
    let next = taken.iter().take_while(|taken| **taken).count() + 1;
    PlatformName::from_id(&format!("{ID_PREFIX}{next:03}"))
        .ok_or_else(|| Error::Bug("a platform number that is not an id".into()))
}

/// Moves the platform's plans to its new governing agency. All else follows its parent.
pub(super) fn transfer(deciding: &mut Deciding<'_>, platform: &Platform) -> Result<(), Error> {
    let state = deciding.state;
    let name = &platform.name;
    let agency = platform.governing_agency();
    for plan in state.plans_of(name) {
        let Some(agency) = agency.cloned() else {
            return Err(Error::refused(name.as_str(), Condition::PlatformHasPlans));
        };
        deciding.put(Plan {
            agency,
            meta: deciding.updated(plan.meta),
            ..(**plan).clone()
        });
    }
    Ok(())
}

/// A new delegation must be to a unit below the agency that governs the platform.
fn check_delegations(
    deciding: &Deciding<'_>,
    old: &PlatformFields,
    new: &PlatformFields,
) -> Result<(), Error> {
    let mut violations = Violations::new();
    let Some(agency) = new.governing_agency() else {
        return Ok(());
    };
    for (i, delegation) in new.delegations.iter().enumerate() {
        let unit = &delegation.unit;
        let field = format!("platform.{DELEGATIONS}[{i}].unit");
        deciding.check_agency(Some(unit), &field, &mut violations);
        let known = old.delegations.iter().any(|it| it.unit == *unit);
        let exists = deciding.state.agency(unit).is_some();
        if exists && !known && !deciding.state.is_below(unit, agency, deciding.today()) {
            let agency = agency.to_string();
            violations.add(field, Rule::UnitNotBelow { agency });
        }
    }
    violations.into_result()
}

fn check_fields(deciding: &Deciding<'_>, fields: &PlatformFields) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check(&mut violations);
    let path = "platform.governance";
    dated::check(&fields.governance, path, deciding.today(), &mut violations);
    for (i, entry) in fields.governance.iter().enumerate() {
        let field = format!("platform.governance[{i}].agency");
        deciding.check_agency(entry.agency.as_ref(), &field, &mut violations);
    }
    for (i, agency) in fields.coordinating_agencies.iter().enumerate() {
        let field = format!("platform.coordinating_agencies[{i}]");
        deciding.check_agency(Some(agency), &field, &mut violations);
    }
    for (i, listing) in fields.listings.iter().enumerate() {
        let field = format!("platform.listings[{i}].edition");
        deciding.check_edition(Some(&listing.edition), &field, &mut violations);
        let edition = deciding.state.edition(&listing.edition);
        let groups = edition.map(|it| &*it.fields.groups);
        let groups = groups.unwrap_or_default();
        let known = groups.iter().any(|group| group.code == listing.group);
        if !listing.group.is_empty() && !groups.is_empty() && !known {
            violations.add(
                format!("platform.listings[{i}].group"),
                Rule::GroupNotFound {
                    edition: listing.edition.to_string(),
                    group: listing.group.clone(),
                },
            );
        }
    }
    violations.into_result()
}

/// Checks that run when a retirement is proposed and again when it is approved.
fn check_retirement(state: &State, platform: &Platform, exit: &Exit) -> Result<(), Error> {
    check_active(platform)?;
    let mut violations = Violations::new();
    exit.check(&mut violations);
    violations.into_result()?;
    let name = &platform.name;
    if let Some(plan) = state.plans_of(name).find(|plan| plan.state.is_live()) {
        return Err(Error::refused(
            name.as_str(),
            Condition::PlatformHasLivePlans {
                plan: plan.name.to_string(),
                state: plan.state.as_str(),
            },
        ));
    }
    let Some(successor) = &exit.successor else {
        return Ok(());
    };
    let stays = state.platform(successor);
    match stays.map(|stays| stays.state()) {
        Some(PlatformState::Active) if successor != name => {}
        _ => {
            return Err(Error::refused(
                successor.as_str(),
                Condition::SuccessorNotActive {
                    successor: successor.to_string(),
                },
            ));
        }
    }
    if exit.outcome == ExitOutcome::Duplicate {
        let twice =
            platform.fields.listings.iter().find(|listing| {
                stays.is_some_and(|stays| stays.listing(&listing.edition).is_some())
            });
        if let Some(listing) = twice {
            return Err(Error::refused(
                name.as_str(),
                Condition::BothAreListed {
                    name: name.to_string(),
                    successor: successor.to_string(),
                    edition: listing.edition.to_string(),
                },
            ));
        }
    }
    Ok(())
}

/// Carries an approved retirement out: the exit record, and for a duplicate its places in editions
/// move to the record that stays.
pub(super) fn retire(
    deciding: &mut Deciding<'_>,
    name: &PlatformName,
    exit: &Exit,
) -> Result<(), Error> {
    let platform: &Platform = deciding.asking.find(name)?;
    check_retirement(deciding.state, platform, exit)?;
    let mut retired = platform.clone();
    retired.exit = Some(Box::new(exit.clone()));
    retired.meta = deciding.updated(retired.meta);
    if exit.outcome == ExitOutcome::Duplicate
        && let Some(successor) = &exit.successor
    {
        let mut stays = deciding.asking.find::<Platform>(successor)?.clone();
        let moved = retired.fields.listings.iter();
        retired.moved_listings = moved.map(|listing| listing.edition.clone()).collect();
        stays.fields.listings.append(&mut retired.fields.listings);
        stays.meta = deciding.updated(stays.meta);
        deciding.put(stays);
    }
    deciding.put(retired);
    Ok(())
}

/// ReinstatePlatform: proposes that a platform which left the catalogue is in it again.
#[derive(Clone, Debug)]
pub struct ReinstatePlatform {
    /// Resource name of the platform.
    pub name: PlatformName,
    /// How it comes back.
    pub reinstatement: Reinstatement,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ReinstatePlatform {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("reinstatement", &self.reinstatement);
    }
}

impl Command for ReinstatePlatform {
    type Output = Proposal;
    type Found<'a> = &'a Platform;

    fn method(&self) -> &'static str {
        "ReinstatePlatform"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Platform, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        platform: &'a Platform,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Proposal>, Error> {
        let Self {
            name,
            reinstatement,
            etag,
        } = self;
        check_etag(platform, etag)?;
        deciding.check_actor_named(name.as_str())?;
        let action = Action::Reinstatement(Box::new(reinstatement.clone()));
        deciding.propose(name, action, |_| true)
    }
}

/// Checks a reinstatement. Returns the exit that it takes back.
fn check_reinstatement<'a>(
    deciding: &Deciding<'_>,
    platform: &'a Platform,
    reinstatement: &Reinstatement,
) -> Result<&'a Exit, Error> {
    let name = &platform.name;
    let refused = |condition| Err(Error::refused(name.as_str(), condition));
    let Some(exit) = platform.exit.as_deref() else {
        let name = name.to_string();
        return refused(Condition::PlatformIsActive { name });
    };
    let mut violations = Violations::new();
    reinstatement.check(exit, deciding.today(), &mut violations);
    violations.into_result()?;
    if platform.past_exits.len() >= PAST_EXITS_MAX {
        let most = PAST_EXITS_MAX;
        return refused(Condition::PlatformHistoryFull { most });
    }
    // the successor returns the places in editions
    if let Some(successor) = platform.merged_into() {
        let stays = deciding.state.platform(successor);
        if stays.is_none_or(|it| it.state() != PlatformState::Active) {
            let successor = successor.to_string();
            return refused(Condition::SuccessorNotActive { successor });
        }
    }
    Ok(exit)
}

/// Carries an approved reinstatement out: the exit is a past one, and a duplicate has its places in
/// editions back, as far as the record that stayed still has them.
pub(super) fn reinstate(
    deciding: &mut Deciding<'_>,
    name: &PlatformName,
    reinstatement: &Reinstatement,
    reason: &str,
) -> Result<(), Error> {
    let platform: &Platform = deciding.asking.find(name)?;
    let exit = check_reinstatement(deciding, platform, reinstatement)?;
    let mut back = platform.clone();
    back.exit = None;
    back.past_exits.push(PastExit {
        exit: exit.clone(),
        reinstatement: reinstatement.clone(),
        record_time: deciding.now,
        reason: reason.to_owned(),
    });
    back.meta = deciding.updated(back.meta);
    let moved = std::mem::take(&mut back.moved_listings);
    if let Some(successor) = platform.merged_into() {
        let mut stays = deciding.asking.find::<Platform>(successor)?.clone();
        let listings = std::mem::take(&mut stays.fields.listings);
        let (own, kept) = listings
            .into_iter()
            .partition(|listing| moved.contains(&listing.edition));
        (back.fields.listings, stays.fields.listings) = (own, kept);
        stays.meta = deciding.updated(stays.meta);
        deciding.put(stays);
    }
    deciding.put(back);
    Ok(())
}

/// Refuses when the platform has left the catalogue.
pub(super) fn check_active(platform: &Platform) -> Result<(), Error> {
    match platform.state() {
        PlatformState::Active => Ok(()),
        PlatformState::Retired | PlatformState::Merged => {
            let name = &platform.name;
            Err(Error::refused(
                name.as_str(),
                Condition::PlatformNotActive {
                    name: name.to_string(),
                },
            ))
        }
    }
}
