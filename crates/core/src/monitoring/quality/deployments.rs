//! The data quality of deployments, each a record of its own: correct, complete and live.

use super::{Checks, Criterion, Quality, Rule};
use crate::{
    effort::Effort,
    monitoring::tally::CountScope,
    records::{deployments::Deployment, platforms::Platform},
    state::State,
    time::Date,
};

impl State {
    /// Adds the deployments of the platforms of a scope; for an agency, the ones that it deploys.
    pub(super) fn add_deployments(
        &self,
        quality: &mut Quality,
        count_scope: &CountScope,
        on: Date,
        effort: &Effort,
    ) {
        let everyones = CountScope {
            agency: None,
            ..count_scope.clone()
        };
        if self.deployments().is_empty() {
            return;
        }
        for platform in self.active_in(&everyones, on, effort) {
            for deployment in effort.rows(self.deployments_of(&platform.name), 1) {
                if count_scope.agency.is_none() || count_scope.agency == deployment.name.agency() {
                    check(quality, platform, deployment, on);
                }
            }
        }
    }
}

fn check(quality: &mut Quality, platform: &Platform, deployment: &Deployment, on: Date) {
    let Some(standing) = deployment.standing_on(on) else {
        return;
    };
    let fields = &deployment.fields;
    let mut rules = Checks::default();
    let sourced = !fields.sources.is_empty() || !fields.evidence.is_empty();
    rules.check(Criterion::Correct, Rule::Sourced, sourced);
    rules.check(Criterion::Correct, Rule::Confirmed, standing.confirmed);
    rules.check(Criterion::Complete, Rule::Staged, standing.stage.is_some());
    let covered = !fields.coverages_on(on).is_empty();
    rules.check(Criterion::Complete, Rule::Covered, covered);
    if standing.filing.is_some() {
        rules.check(Criterion::Live, Rule::ReportedInTime, !standing.is_stale());
    }
    let agency = deployment.name.agency();
    let title = &platform.fields.display_name;
    quality.add(rules.of(deployment.name.as_str(), title, agency.as_ref()));
}
