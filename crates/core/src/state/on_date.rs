//! The situation on a date, from one State: a platform's dated lists and the standing of its
//! plans.

use crate::{
    monitoring::standing::PlanRecords,
    names::AgencyName,
    records::{
        dated,
        plans::Plan,
        platforms::{PastExit, Platform, PlatformState, Stage},
    },
    state::State,
    time::Date,
};

impl State {
    /// A plan with all that counts below it: not what was withdrawn.
    pub fn plan_records<'a>(&'a self, plan: &'a Plan) -> PlanRecords<'a> {
        PlanRecords {
            milestones: self.milestones_of(&plan.name).map(|it| &**it).collect(),
            reports: self
                .reports_of(&plan.name)
                .map(|it| &**it)
                .filter(|it| it.withdrawal.is_none())
                .collect(),
            assessments: self
                .assessments_of(&plan.name)
                .map(|it| &**it)
                .filter(|it| it.withdrawal.is_none())
                .collect(),
            ..self.baselines_below(plan)
        }
    }

    /// A plan with its baselines only, which is enough to compute the standing of a milestone.
    pub fn baselines_below<'a>(&'a self, plan: &'a Plan) -> PlanRecords<'a> {
        let mut baselines: Vec<_> = self.baselines_of(&plan.name).map(|it| &**it).collect();
        baselines.sort_by_key(|baseline| baseline.number);
        PlanRecords {
            plan,
            milestones: Vec::new(),
            reports: Vec::new(),
            assessments: Vec::new(),
            baselines,
        }
    }

    /// Whether a platform was known by a date: its record had been made, or an edition that lists
    /// it had been decided. A listing counts from the first day of its edition.
    pub(crate) fn is_listed_on(&self, platform: &Platform, on: Date) -> bool {
        let mut listings = platform.fields.listings.iter();
        platform.meta.create_time.date_in_vietnam() <= on
            || listings.any(|listing| match self.edition(&listing.edition) {
                Some(edition) => edition.first_day().is_none_or(|day| day <= on),
                None => true,
            })
    }
}

/// Whether a platform was in the catalogue on a date. A record now known to be a duplicate never
/// was. A platform that left is RETIRED from its exit date on, until it came back.
pub(crate) fn platform_state_on(platform: &Platform, on: Date) -> PlatformState {
    let was_away = platform.past_exits.iter().any(|it| it.holds_on(on));
    match (platform.state(), &platform.exit) {
        (PlatformState::Merged, _) => PlatformState::Merged,
        _ if was_away => PlatformState::Retired,
        (PlatformState::Retired, Some(exit)) if exit.exit_date.is_some_and(|day| day > on) => {
            PlatformState::Active
        }
        (state, _) => state,
    }
}

/// Who governed a platform on a date.
pub fn governing_agency_on(platform: &Platform, on: Date) -> Option<&AgencyName> {
    dated::on(&platform.fields.governance, on)?.agency.as_ref()
}

/// The furthest stage that a platform had reached by a date.
pub(crate) fn stage_on(platform: &Platform, on: Date) -> Option<Stage> {
    let days = platform.stage_days();
    days.filter(|(_, day)| *day <= on)
        .map(|(stage, _)| stage)
        .max()
}

/// The dates on which a platform's own values may change.
pub(crate) fn days_of_change(platform: &Platform) -> impl Iterator<Item = Date> {
    let governed = platform.fields.governance.iter();
    let left = platform.exit.as_ref().and_then(|exit| exit.exit_date);
    governed
        .filter_map(|entry| entry.start_date)
        .chain(platform.stage_days().map(|(_, day)| day))
        .chain(left)
        .chain(platform.past_exits.iter().flat_map(PastExit::days))
}
