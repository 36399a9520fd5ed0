//! What a number of a summary counts: each resource by its name, and the records that it is counted
//! by. It comes from the code that computes the number.

use crate::{
    effort::Effort,
    monitoring::{
        tally::{Added, COUNT_COST, Clearance, Count, CountScope, Counts, count_platform, is_in},
        tasks::{TaskNumbers, TaskScope},
    },
    names::EditionName,
    records::platforms::Platform,
    state::State,
    time::Date,
};

/// A resource that a number counts once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// Resource name.
    pub name: String,
    /// Names of other records that it is counted by.
    pub beside: Vec<String>,
}

impl State {
    /// The platforms or plans that a number of a scope counts on a date, by name. `read` reads the
    /// number, and adds up counts that each have a resource once.
    pub fn counted(
        &self,
        count_scope: &CountScope,
        clearance: &Clearance,
        on: Date,
        read: fn(&Counts) -> i32,
        effort: &Effort,
    ) -> Vec<Counted> {
        let edition = count_scope.edition.as_ref().map(EditionName::to_string);
        let mut counted = Vec::new();
        for platform in effort.rows(self.platforms().values(), COUNT_COST) {
            if !is_in(self, platform, count_scope, on) {
                continue;
            }
            let covered = self.covering_plan_on(&platform.name, on).is_some();
            let plans = self.plans_of(&platform.name).map(|plan| (&**plan, plan));
            let add = |added: Added<'_>| {
                let mut counts = Counts::default();
                counts.add(added.count, added.number);
                let is_seen = added.hidden.is_none_or(|agency| clearance.covers(agency));
                if is_seen && read(&counts) > 0 {
                    counted.push(self.counted_as(platform, &added, edition.clone(), on));
                }
            };
            count_platform(
                platform,
                covered,
                plans,
                |it| self.plan_records(it),
                on,
                add,
            );
        }
        counted.sort_unstable();
        counted
    }

    fn counted_as(
        &self,
        platform: &Platform,
        added: &Added<'_>,
        edition: Option<String>,
        on: Date,
    ) -> Counted {
        let (name, other) = match added.plan {
            Some(plan) => (plan.to_string(), Some(platform.name.to_string())),
            None if added.count == Count::WithIssuedPlan => {
                let own = self.plans_in_force(&platform.name, on).next();
                let plan = own.or_else(|| self.covering_plan_on(&platform.name, on));
                (
                    platform.name.to_string(),
                    plan.map(|it| it.name.to_string()),
                )
            }
            None => (platform.name.to_string(), None),
        };
        Counted {
            name,
            beside: other.into_iter().chain(edition).collect(),
        }
    }

    /// The tasks that a number counts on a date, by name. `read` is as for [`State::counted`].
    pub fn counted_tasks(
        &self,
        count_scope: &TaskScope,
        on: Date,
        read: fn(&TaskNumbers) -> i32,
        effort: &Effort,
    ) -> Vec<Counted> {
        let tasks = self.tasks_in(count_scope, on, effort);
        let tasks = tasks.filter(|task| read(&self.numbers_of_task(task, on)) > 0);
        let counted = tasks.map(|task| {
            let milestone = task.fields.milestone.as_ref();
            Counted {
                name: task.name.to_string(),
                beside: milestone
                    .map_or_else(Vec::new, |it| vec![it.to_string(), it.parent().to_string()]),
            }
        });
        let mut counted: Vec<_> = counted.collect();
        counted.sort_unstable();
        counted
    }
}
