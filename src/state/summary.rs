//! Counts of platforms and plans, as one caller may see them.

use std::collections::BTreeMap;

use crate::domain::{
    caller::Caller,
    error::Error,
    names::{AgencyName, EditionName},
    plans::PlanState,
    platforms::{PlatformState, RecordStatus, Stage},
};

use super::{State, visible::Visible};

/// Which edition a summary answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The edition the registry opened with.
    Opening,
    /// One edition.
    Edition(EditionName),
    /// All platforms of the registry.
    All,
}

/// The counts. A platform counts where it is active and in scope; retired ones apart, merged ones
/// nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The edition; all when absent.
    pub edition: Option<EditionName>,
    /// The governing agency; all when absent.
    pub agency: Option<AgencyName>,
    /// Platforms that the edition's decision declares; absent for one agency or all editions.
    pub declared_platforms: Option<i32>,
    /// Platforms held.
    pub held_platforms: i32,
    /// Of those, with a complete record.
    pub complete_platforms: i32,
    /// Platforms that left the catalogue.
    pub retired_platforms: i32,
    /// Held platforms by record status.
    pub record_statuses: BTreeMap<RecordStatus, i32>,
    /// Held platforms by furthest stage reached.
    pub operation_stages: BTreeMap<Option<Stage>, i32>,
    /// Held platforms with a plan that is issued or completed.
    pub platforms_with_issued_plan: i32,
    /// Plans of held platforms.
    pub plans: i32,
    /// Those by state.
    pub plan_states: BTreeMap<PlanState, i32>,
}

impl State {
    /// Counts what `caller` may see of a scope.
    pub fn summary(
        &self,
        caller: &Caller,
        scope: Scope,
        agency: Option<AgencyName>,
    ) -> Result<Summary, Error> {
        let edition = match scope {
            Scope::All => None,
            Scope::Edition(name) => Some(self.edition(&name).ok_or_else(|| Error::NotFound {
                kind: EditionName::KIND,
                name: name.to_string(),
            })?),
            Scope::Opening => Some(self.opening_edition().ok_or_else(|| Error::NotFound {
                kind: EditionName::KIND,
                name: "editions".to_owned(),
            })?),
        };
        if let Some(name) = &agency
            && self.agency(name).is_none()
        {
            return Err(Error::NotFound {
                kind: AgencyName::KIND,
                name: name.to_string(),
            });
        }
        let mut summary = Summary {
            edition: edition.map(|edition| edition.name.clone()),
            declared_platforms: edition
                .filter(|_| agency.is_none())
                .map(|edition| edition.fields.declared_platform_count),
            agency,
            ..Summary::default()
        };
        for platform in self.platforms().values() {
            let listed = edition.is_none_or(|edition| platform.listing(&edition.name).is_some());
            let governed = summary
                .agency
                .as_ref()
                .is_none_or(|agency| platform.fields.governing_agency.as_ref() == Some(agency));
            if !listed || !governed {
                continue;
            }
            match platform.state() {
                PlatformState::Active => {}
                PlatformState::Retired => {
                    summary.retired_platforms += 1;
                    continue;
                }
                PlatformState::Merged => continue,
            }
            summary.held_platforms += 1;
            summary.complete_platforms += i32::from(platform.is_complete());
            *summary
                .record_statuses
                .entry(platform.fields.record_status)
                .or_default() += 1;
            *summary
                .operation_stages
                .entry(platform.operation_stage())
                .or_default() += 1;
            let mut issued = false;
            for plan in self.plans_of(&platform.name) {
                if plan.visible(caller).is_none() {
                    continue;
                }
                summary.plans += 1;
                *summary.plan_states.entry(plan.state).or_default() += 1;
                issued |= matches!(plan.state, PlanState::Issued | PlanState::Completed);
            }
            summary.platforms_with_issued_plan += i32::from(issued);
        }
        Ok(summary)
    }
}
