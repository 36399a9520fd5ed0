//! What needs attention in the deployments of a platform: a stage past its planned date, a month
//! without a report, an earlier system kept after its last day.

use super::{Items, Kind, Subject};
use crate::{
    effort::Effort,
    records::{deployments::Deployment, platforms::Platform},
    state::State,
    time::Date,
};

impl Items {
    pub(super) fn of_deployments(&mut self, state: &State, platform: &Platform, effort: &Effort) {
        for deployment in effort.rows(state.deployments_of(&platform.name), 1) {
            self.of_deployment(platform, deployment);
        }
    }

    fn of_deployment(&mut self, platform: &Platform, deployment: &Deployment) {
        let Some(standing) = deployment.standing_on(self.on) else {
            return;
        };
        let agency = deployment.name.agency();
        let of = Subject {
            platform,
            agency: agency.as_ref(),
            head: None,
        };
        let stale = standing.filing.filter(|it| it.freshness.is_late());
        let found: [(Kind, Option<Date>); 3] = [
            (Kind::DeploymentLate, standing.late.map(|(_, since)| since)),
            (
                Kind::DeploymentStale,
                stale.map(|it| it.due_date.plus_days(1)),
            ),
            (Kind::DuplicateSystem, standing.duplicate_since),
        ];
        for (kind, since) in found {
            if let Some(since) = since {
                let title = &platform.fields.display_name;
                self.add(kind, &of, deployment.name.as_str(), title, since);
            }
        }
    }
}
