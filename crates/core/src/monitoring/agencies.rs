//! The counts of every agency at once, on one date or on two.

use crate::{
    effort::Effort,
    monitoring::{
        tally::{Clearance, CountScope, Counts, Tally},
        tasks::{TaskLead, TaskNumbers, TaskScope},
    },
    names::AgencyName,
    state::State,
};

/// The counts of what one agency governs, and of the tasks that it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgencyCounts {
    /// The agency; absent for what none governs.
    pub agency: Option<AgencyName>,
    /// On the date asked about.
    pub counts: Counts,
    /// On the other date, if one was asked about.
    pub compared: Option<Counts>,
    /// The tasks on the date asked about.
    pub tasks: TaskNumbers,
    /// The tasks on the other date.
    pub compared_tasks: Option<TaskNumbers>,
}

/// What agencies, and then what none governs, come after, in the order of the rows.
pub const NO_AGENCY: &str = "~";

impl AgencyCounts {
    /// Its place in the order.
    pub fn key(&self) -> &str {
        self.agency.as_ref().map_or(NO_AGENCY, AgencyName::as_str)
    }
}

impl State {
    /// The counts of every agency in a scope, by the agencies' names, and of what none governs, so
    /// that they add up to those of the scope.
    pub fn counts_by_agency(
        &self,
        count_scope: &CountScope,
        clearance: &Clearance,
        tally: &Tally,
        compared: Option<&Tally>,
        effort: &Effort,
    ) -> Vec<AgencyCounts> {
        let of = |count_scope: &CountScope| {
            let lead = count_scope.agency.clone();
            let tasks = TaskScope {
                programme: None,
                lead: lead.map_or(TaskLead::Nobody, TaskLead::Agency),
            };
            AgencyCounts {
                agency: count_scope.agency.clone(),
                counts: tally.counts(count_scope, clearance),
                compared: compared.map(|it| it.counts(count_scope, clearance)),
                tasks: tally.tasks().counts(&tasks).numbers,
                compared_tasks: compared.map(|it| it.tasks().counts(&tasks).numbers),
            }
        };
        let mut rest = of(&CountScope {
            agency: None,
            ..count_scope.clone()
        });
        let mut rows = Vec::with_capacity(self.agencies().len() + 1);
        for name in effort.rows(self.agencies().keys(), 1) {
            let row = of(&CountScope {
                agency: Some(name.clone()),
                ..count_scope.clone()
            });
            rest.counts.merge(&row.counts, -1);
            if let (Some(rest), Some(row)) = (&mut rest.compared, &row.compared) {
                rest.merge(row, -1);
            }
            rows.push(row);
        }
        rows.push(rest);
        rows
    }
}
