//! Reconciliation: compares published figures with what the registry computes for the same date.

use crate::{
    effort::Effort,
    monitoring::{
        standing::StandingState,
        tally::{Count, Place, Sight, contribution},
    },
    names::{PlanName, Revision},
    records::{
        figures::{Figure, Subject},
        plans::PlanState,
        platforms::Stage,
        words::words,
    },
    state::{State, dossier::stage_on},
    time::{Date, Timestamp},
};

words! {
    /// What is counted of the milestones of plans in force.
    pub enum Category {
        /// Those completed, in time or late.
        Completed = 1 "COMPLETED",
        /// Those on schedule, also those not yet due.
        OnSchedule = 2 "ON_SCHEDULE",
        /// Those overdue.
        Overdue = 3 "OVERDUE",
        /// Those without a due date.
        Regular = 4 "REGULAR",
    }
}

/// The basis of a computed number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A record as of this revision.
    Record(Revision),
    /// The issue of a plan, recorded at this time.
    Issue(PlanName, Timestamp),
}

/// The values that the registry computes for a figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Computed {
    /// The number; `None` if the registry lacks the figure's edition or the date is in the future.
    pub value: Option<i64>,
    /// Parts of the number, for those of the figure's categories that the registry knows.
    pub parts: Vec<(Category, i64)>,
    /// The basis of the number.
    pub grounds: Vec<Ground>,
}

impl State {
    /// Computes the value of a figure for its date and edition, from the records that callers with
    /// this sight may count. `today` is the date of the read.
    pub fn reconcile(
        &self,
        figure: &Figure,
        sight: &Sight,
        today: Date,
        effort: &Effort,
    ) -> Computed {
        let held = figure
            .edition
            .as_ref()
            .is_none_or(|name| self.edition(name).is_some());
        if !held || figure.figure_date > today {
            return Computed::default();
        }
        let place = Place {
            edition: figure.edition.clone(),
            ..Place::default()
        };
        let on = figure.figure_date;
        let mut computed = Computed {
            value: Some(0),
            ..Computed::default()
        };
        let mut parts = [0_i64; 4];
        for platform in self.active_in(&place, on, effort) {
            let record = Ground::Record(platform.public_meta().revision);
            match figure.subject {
                Subject::PlatformsListed => computed.count(1, [record]),
                Subject::PlatformsOperating => {
                    if stage_on(platform, on) == Some(Stage::Operation) {
                        computed.count(1, [record]);
                    }
                }
                Subject::PlansIssued => {
                    let own = self.plans_in_force(&platform.name, on).next();
                    let plan = own.or_else(|| self.covering_plan_on(&platform.name, on));
                    if let Some(plan) = plan {
                        let mut entries = plan.state_history.iter();
                        let entry = entries.find(|entry| entry.state == PlanState::Issued);
                        let ground =
                            entry.map(|entry| Ground::Issue(plan.name.clone(), entry.record_time));
                        computed.count(1, ground);
                    }
                }
                Subject::Tasks => {
                    let counts = contribution(self, platform, on).seen(sight);
                    let dropped = counts.get(Count::Milestone(StandingState::Dropped));
                    let tasks = counts.get(Count::Milestones) - dropped;
                    computed.count(i64::from(tasks), None);
                    let state = |state| i64::from(counts.get(Count::Milestone(state)));
                    let values = [
                        state(StandingState::CompletedOnTime) + state(StandingState::CompletedLate),
                        state(StandingState::OnSchedule) + state(StandingState::NotYetDue),
                        state(StandingState::Overdue),
                        state(StandingState::Regular),
                    ];
                    for (part, value) in parts.iter_mut().zip(values) {
                        *part += value;
                    }
                }
            }
        }
        if figure.subject == Subject::Tasks {
            computed.parts = Category::ALL.into_iter().zip(parts).collect();
        }
        computed
    }
}

impl Computed {
    fn count(&mut self, number: i64, grounds: impl IntoIterator<Item = Ground>) {
        self.value = Some(self.value.unwrap_or_default() + number);
        self.grounds.extend(grounds);
    }
}
