//! Tallies: counts of the records of a date, per edition, group and agency, with separate parts for
//! public and for hidden records.
//!
//! A platform's [`contribution`] to the counts of a date is a pure function of its own records and
//! of the plans that cover it. A tally is the sum of all contributions. To update it, the
//! platform's old contribution is subtracted and the new one is added. There is one sum of public
//! records, one of hidden records for each agency that may see them, and one of all hidden records.
//! A caller's counts are the public part plus the hidden parts that the caller may see.

use std::{borrow::Borrow, sync::Arc};

use imbl::OrdMap;

use crate::{
    caller::Caller,
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::{
        deployments::counts::{self, DeploymentTally},
        flows::FlowTally,
        freshness::Freshness,
        kept::{Kept, Shares},
        recommendations::{self, RecommendationCounts},
        series::Sum,
        standing::{Phase, PlanRecords, PlanStanding, StandingState, plan_state_on},
        tasks::TaskTally,
    },
    names::{AgencyName, EditionName, PlanName, PlatformName},
    records::{
        plans::{Plan, PlanState},
        platforms::{Platform, PlatformState, Stage, Verification},
        reports::Rating,
    },
    state::{
        State,
        on_date::{governing_agency_on, platform_state_on, stage_on},
    },
    time::Date,
};

/// The cost of counting one platform and all records below it, in units of work.
pub(super) const COUNT_COST: usize = 8;

/// The source of a rating of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rater {
    /// Its agency.
    Declared,
    /// The steward.
    Assured,
    /// The registry.
    Computed,
}

/// One thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Platforms in the catalogue.
    Platforms,
    /// Those with a complete record.
    Complete,
    /// Platforms that left.
    Retired,
    /// Platforms in the catalogue with a verification.
    Verification(Verification),
    /// Platforms in the catalogue by furthest stage reached.
    Stage(Option<Stage>),
    /// Platforms in the catalogue with a plan that is ISSUED or COMPLETED.
    WithIssuedPlan,
    /// Plans of platforms in the catalogue.
    Plans,
    /// Those in a state.
    PlanState(PlanState),
    /// Plans in force whose records the caller may see.
    Monitored,
    /// Monitored plans by rating; `None` for plans without one.
    Rating(Rater, Option<Rating>),
    /// Monitored plans whose ratings disagree.
    Diverging,
    /// Monitored plans that are to be reported on: those ISSUED.
    Reporting,
    /// Those by freshness.
    Freshness(Freshness),
    /// Milestones promised by monitored plans.
    Milestones,
    /// Those in a state.
    Milestone(StandingState),
    /// Claims of monitored plans.
    Claims,
    /// Those without evidence that can be checked.
    Unsubstantiated,
}

const SIZE: usize = 3 + 6 + 4 + 1 + 1 + 9 + 1 + 12 + 1 + 1 + 4 + 1 + 7 + 2;

impl Count {
    const fn index(self) -> usize {
        const fn rating(rating: Option<Rating>) -> usize {
            match rating {
                None => 0,
                Some(rating) => rating.ordinal() + 1,
            }
        }
        match self {
            Self::Platforms => 0,
            Self::Complete => 1,
            Self::Retired => 2,
            Self::Verification(it) => 3 + it.ordinal(),
            Self::Stage(None) => 9,
            Self::Stage(Some(stage)) => 10 + stage.ordinal(),
            Self::WithIssuedPlan => 13,
            Self::Plans => 14,
            Self::PlanState(state) => 15 + state.ordinal(),
            Self::Monitored => 24,
            Self::Rating(Rater::Declared, value) => 25 + rating(value),
            Self::Rating(Rater::Assured, value) => 29 + rating(value),
            Self::Rating(Rater::Computed, value) => 33 + rating(value),
            Self::Diverging => 37,
            Self::Reporting => 38,
            Self::Freshness(freshness) => 39 + freshness.ordinal(),
            Self::Milestones => 43,
            Self::Milestone(state) => 44 + state.ordinal(),
            Self::Claims => 51,
            Self::Unsubstantiated => 52,
        }
    }
}

/// Counts of everything that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts([i32; SIZE]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; SIZE])
    }
}

impl Counts {
    /// One count.
    pub fn get(&self, count: Count) -> i32 {
        self.0.get(count.index()).copied().unwrap_or_default()
    }

    /// Adds `number` to a count.
    pub fn add(&mut self, count: Count, number: i32) {
        if let Some(cell) = self.0.get_mut(count.index()) {
            *cell += number;
        }
    }

    /// Adds other counts, multiplied by `times`: 1 adds them, -1 subtracts them.
    pub fn merge(&mut self, other: &Self, times: i32) {
        for (cell, other) in self.0.iter_mut().zip(other.0) {
            *cell += other * times;
        }
    }

    /// Whether all counts are zero.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|cell| *cell == 0)
    }
}

impl Sum for Counts {
    fn add(&mut self, other: &Self, times: i32) {
        self.merge(other, times);
    }
}

/// Which hidden records a caller may see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clearance {
    /// None.
    Public,
    /// Those of one agency.
    Agency(AgencyName),
    All,
}

impl Clearance {
    /// That of a caller.
    pub fn of(caller: &Caller) -> Self {
        if caller.oversees() {
            return Self::All;
        }
        match caller.agency() {
            Some(agency) if caller.is_of(agency) => Self::Agency(agency.clone()),
            _ => Self::Public,
        }
    }

    /// Whether it includes the hidden records of an agency.
    pub fn covers(&self, agency: &AgencyName) -> bool {
        match self {
            Self::Public => false,
            Self::Agency(own) => own == agency,
            Self::All => true,
        }
    }

    /// Whether it includes the records below an issued plan, as they were on a date.
    pub(crate) fn monitors(&self, plan: &Plan, on: Date) -> bool {
        plan.is_public_on(on) || self.covers(&plan.agency)
    }
}

/// Which platforms are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountScope {
    /// Those that an edition lists; all when absent.
    pub edition: Option<EditionName>,
    /// Those it lists in a group; all when absent.
    pub group: Option<Arc<str>>,
    /// Those that an agency governs; all when absent.
    pub agency: Option<AgencyName>,
}

/// What one platform adds to the counts of a date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contribution {
    /// Who governs it then.
    pub agency: Option<AgencyName>,
    /// What everyone may count.
    pub public: Counts,
    /// What callers may count only if they see the hidden records of the agency.
    pub hidden: Vec<(AgencyName, Counts)>,
}

impl Contribution {
    /// What those with this clearance may count.
    pub fn seen(&self, clearance: &Clearance) -> Counts {
        let mut counts = self.public.clone();
        for (agency, hidden) in &self.hidden {
            if clearance.covers(agency) {
                counts.merge(hidden, 1);
            }
        }
        counts
    }

    /// What everyone may count, or those who see the hidden records of an agency.
    fn part(&mut self, hidden: Option<&AgencyName>) -> &mut Counts {
        match hidden {
            None => &mut self.public,
            Some(agency) => self.hidden_of(agency),
        }
    }

    fn hidden_of(&mut self, agency: &AgencyName) -> &mut Counts {
        // Most platforms have plans of one agency only.
        let at = self.hidden.iter().position(|(of, _)| of == agency);
        let at = at.unwrap_or_else(|| {
            self.hidden.push((agency.clone(), Counts::default()));
            self.hidden.len() - 1
        });
        match self.hidden.get_mut(at) {
            Some((_, counts)) => counts,
            None => &mut self.public,
        }
    }
}

impl State {
    /// The platforms of a scope that were in the catalogue on a date.
    pub(super) fn active_in<'a>(
        &'a self,
        count_scope: &'a CountScope,
        on: Date,
        effort: &'a Effort,
    ) -> impl Iterator<Item = &'a Arc<Platform>> {
        let platforms = effort.rows(self.platforms().values(), COUNT_COST);
        platforms.filter(move |platform| {
            platform_state_on(platform, on) == PlatformState::Active
                && is_in(self, platform, count_scope, on)
        })
    }

    /// The plans of a platform that are in force on a date.
    pub(super) fn plans_in_force<'a>(
        &'a self,
        platform: &'a PlatformName,
        on: Date,
    ) -> impl Iterator<Item = &'a Arc<Plan>> {
        self.plans_of(platform)
            .filter(move |plan| is_in_force(plan, on))
    }

    /// The plan of another platform that is in force for this one on a date.
    pub(super) fn covering_plan_on(&self, platform: &PlatformName, on: Date) -> Option<&Arc<Plan>> {
        let mut plans = self.plans_covering(platform);
        plans.find(|plan| is_in_force(plan, on) && plan.covers_on(platform, on))
    }
}

fn is_in_force(plan: &Plan, on: Date) -> bool {
    Phase::of(plan_state_on(plan, on)) == Phase::InForce
}

/// What a platform adds to the counts of a date: of its own records, and of the plans that cover
/// it.
pub fn contribution(state: &State, platform: &Platform, on: Date) -> Contribution {
    let plans = state.plans_of(&platform.name).map(|plan| (&**plan, plan));
    let covered = state.covering_plan_on(&platform.name, on).is_some();
    contribution_by(
        platform,
        covered,
        plans,
        |plan| state.plan_records(plan),
        on,
    )
}

/// The same with the plans given, and a function that returns the records of a plan. The function
/// is called only for plans in force. `covered` is whether the plan of another platform is in force
/// for this one.
pub(super) fn contribution_by<'a, K, D: Borrow<PlanRecords<'a>>>(
    platform: &Platform,
    covered: bool,
    plans: impl Iterator<Item = (&'a Plan, K)>,
    plan_records: impl Fn(K) -> D,
    on: Date,
) -> Contribution {
    let mut of = Contribution {
        agency: governing_agency_on(platform, on).cloned(),
        ..Contribution::default()
    };
    count_platform(platform, covered, plans, plan_records, on, |added| {
        of.part(added.hidden).add(added.count, added.number);
    });
    of
}

/// Something that is added to a count.
pub(super) struct Added<'a> {
    /// The agency whose hidden records a caller has to see to count it; `None` for everyone.
    pub(super) hidden: Option<&'a AgencyName>,
    pub(super) count: Count,
    /// How much.
    pub(super) number: i32,
    /// The plan it is added for; `None` for the platform itself.
    pub(super) plan: Option<&'a PlanName>,
}

/// Calls `add` with everything that a platform adds to the counts of a date. The arguments are
/// those of [`contribution_by`].
pub(super) fn count_platform<'a, K, D: Borrow<PlanRecords<'a>>>(
    platform: &Platform,
    covered: bool,
    plans: impl Iterator<Item = (&'a Plan, K)>,
    plan_records: impl Fn(K) -> D,
    on: Date,
    mut add: impl FnMut(Added<'_>),
) {
    let mut count = |count, number| {
        add(Added {
            hidden: None,
            count,
            number,
            plan: None,
        });
    };
    match platform_state_on(platform, on) {
        PlatformState::Active => {}
        PlatformState::Retired => return count(Count::Retired, 1),
        PlatformState::Merged => return,
    }
    let complete = platform.is_named() && governing_agency_on(platform, on).is_some();
    count(Count::Platforms, 1);
    count(Count::Complete, i32::from(complete));
    count(Count::Verification(platform.fields.verification), 1);
    count(Count::Stage(stage_on(platform, on)), 1);
    let mut issued = covered;
    for (plan, key) in plans {
        let Some(plan_state) = plan_state_on(plan, on) else {
            continue;
        };
        let mut count = |is_public: bool, count, number| {
            add(Added {
                hidden: (!is_public).then_some(&plan.agency),
                count,
                number,
                plan: Some(&plan.name),
            });
        };
        // A plan that was not issued on the date was hidden then, and its past stays hidden.
        let was_issued = plan_state.was_issued();
        count(was_issued, Count::Plans, 1);
        count(was_issued, Count::PlanState(plan_state), 1);
        if Phase::of(Some(plan_state)) == Phase::InForce {
            issued = true;
            let standing = plan_records(key).borrow().standing_on(on);
            let is_public = plan.is_public_on(on);
            count_standing(&standing, |it, number| count(is_public, it, number));
        }
    }
    add(Added {
        hidden: None,
        count: Count::WithIssuedPlan,
        number: i32::from(issued),
        plan: None,
    });
}

fn count_standing(standing: &PlanStanding, mut add: impl FnMut(Count, i32)) {
    add(Count::Monitored, 1);
    for (rater, rating) in [
        (Rater::Declared, standing.declared),
        (Rater::Assured, standing.assured),
        (Rater::Computed, standing.computed),
    ] {
        add(Count::Rating(rater, rating), 1);
    }
    add(Count::Diverging, i32::from(standing.is_diverging()));
    if let Some(filing) = &standing.filing {
        add(Count::Reporting, 1);
        add(Count::Freshness(filing.freshness), 1);
    }
    for milestone in &standing.milestones {
        add(Count::Milestones, 1);
        add(Count::Milestone(milestone.state), 1);
    }
    add(Count::Claims, standing.claims);
    add(Count::Unsubstantiated, standing.unsubstantiated);
}

/// What one platform adds to a tally, and in which scopes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Share {
    of: Contribution,
    count_scopes: Vec<CountScope>,
}

impl Share {
    fn of(state: &State, platform: &Platform, on: Date) -> Self {
        let of = contribution(state, platform, on);
        let count_scopes = count_scopes(state, platform, &of, on);
        Self { of, count_scopes }
    }
}

/// The parts of a tally that a change may alter, as they were before the change.
#[derive(Debug)]
pub struct Before {
    /// The shares of some platforms; `None` for those of all.
    platforms: Option<Shares<Tally>>,
    tasks: Shares<TaskTally>,
    /// What is counted of deployments; `None` for all of it.
    deployments: Option<counts::Before>,
    recommendations: Shares<recommendations::Tally>,
    /// The shares of some data flows; `None` for those of all.
    flows: Option<Shares<FlowTally>>,
}

/// Which records a part of a tally counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Audience {
    Public,
    Hidden(AgencyName),
    AllHidden,
}

/// The counts of one date, for every scope and every clearance.
#[derive(Clone, Debug)]
pub struct Tally {
    date: Date,
    parts: OrdMap<(CountScope, Audience), Arc<Counts>>,
    tasks: TaskTally,
    /// The shares of deployments.
    pub deployments: DeploymentTally,
    recommendations: recommendations::Tally,
    flows: FlowTally,
}

impl Tally {
    /// Counts all platforms and tasks.
    pub fn new(state: &State, date: Date, effort: &Effort) -> Self {
        let mut tally = Self {
            date,
            parts: OrdMap::new(),
            tasks: TaskTally::new(state, date, effort),
            deployments: DeploymentTally::new(state, date, effort),
            recommendations: recommendations::Tally::new(state, date, effort),
            flows: FlowTally::new(state, date, effort),
        };
        for platform in effort.rows(state.platforms().values(), COUNT_COST) {
            tally.count(&Share::of(state, platform, date), 1);
        }
        tally
    }

    /// The date it is of.
    pub const fn date(&self) -> Date {
        self.date
    }

    /// The counts of tasks.
    pub const fn tasks(&self) -> &TaskTally {
        &self.tasks
    }

    /// The counts of data flows.
    pub const fn flows(&self) -> &FlowTally {
        &self.flows
    }

    /// The counts of a scope for callers with this clearance.
    pub fn counts(&self, count_scope: &CountScope, clearance: &Clearance) -> Counts {
        let mut counts = self.part(count_scope, Audience::Public);
        match clearance {
            Clearance::Public => {}
            Clearance::Agency(agency) => {
                counts.merge(&self.part(count_scope, Audience::Hidden(agency.clone())), 1);
            }
            Clearance::All => counts.merge(&self.part(count_scope, Audience::AllHidden), 1),
        }
        counts
    }

    /// The counts of the recommendations that an agency is to answer, or of all, for callers with
    /// this clearance.
    pub fn recommendations(
        &self,
        agency: Option<&AgencyName>,
        clearance: &Clearance,
    ) -> RecommendationCounts {
        self.recommendations.counts(agency, clearance)
    }

    fn part(&self, count_scope: &CountScope, part: Audience) -> Counts {
        let counts = self.parts.get(&(count_scope.clone(), part));
        counts.map_or_else(Counts::default, |counts| (**counts).clone())
    }

    /// The parts of the tally that a change may alter, taken from the State before the change.
    pub fn before(&self, state: &State, change: &Change) -> Before {
        let platforms = touched(state, change);
        Before {
            platforms: platforms.map(|names| self.shares(state, names)),
            tasks: self.tasks.before(state, change),
            deployments: self.deployments.before(state, change),
            recommendations: self.recommendations.before(state, change),
            flows: self.flows.before(state, change),
        }
    }

    /// Updates the tally to the State after the change. Returns false if everything must be counted
    /// again.
    pub fn advance(&mut self, before: Before, after: &State) -> bool {
        let Before {
            platforms,
            tasks,
            deployments,
            recommendations,
            flows,
        } = before;
        let (Some(platforms), Some(deployments), Some(flows)) = (platforms, deployments, flows)
        else {
            return false;
        };
        self.deployments.advance(deployments, after);
        self.tasks.advance_shares(tasks, after);
        self.recommendations.advance_shares(recommendations, after);
        self.flows.advance_shares(flows, after);
        self.advance_shares(platforms, after);
        true
    }

    fn add(&mut self, count_scope: &CountScope, part: Audience, counts: &Counts, times: i32) {
        if counts.is_zero() {
            return;
        }
        let key = (count_scope.clone(), part);
        let sum = self.parts.entry(key.clone()).or_default();
        Arc::make_mut(sum).merge(counts, times);
        if sum.is_zero() {
            self.parts.remove(&key);
        }
    }
}

impl Kept for Tally {
    type Name = PlatformName;
    type Share = Share;

    fn share(&self, state: &State, name: &PlatformName) -> Option<Share> {
        let platform = state.platform(name)?;
        Some(Share::of(state, platform, self.date))
    }

    fn count(&mut self, share: &Share, times: i32) {
        let of = &share.of;
        for count_scope in &share.count_scopes {
            self.add(count_scope, Audience::Public, &of.public, times);
            for (agency, hidden) in &of.hidden {
                self.add(count_scope, Audience::Hidden(agency.clone()), hidden, times);
                self.add(count_scope, Audience::AllHidden, hidden, times);
            }
        }
    }
}

/// Every scope that a platform is counted in on a date.
fn count_scopes(
    state: &State,
    platform: &Platform,
    of: &Contribution,
    on: Date,
) -> Vec<CountScope> {
    let mut count_scopes = Vec::new();
    let mut count_scope = |edition: Option<&EditionName>, group: Option<Arc<str>>| {
        let everyone = CountScope {
            edition: edition.cloned(),
            group,
            agency: None,
        };
        if of.agency.is_some() {
            count_scopes.push(CountScope {
                agency: of.agency.clone(),
                ..everyone.clone()
            });
        }
        count_scopes.push(everyone);
    };
    if state.is_listed_on(platform, on) {
        count_scope(None, None);
    }
    for listing in &platform.fields.listings {
        count_scope(Some(&listing.edition), None);
        if !listing.group.is_empty() {
            count_scope(Some(&listing.edition), Some(listing.group.as_str().into()));
        }
    }
    count_scopes
}

/// Whether a platform is counted in a scope on a date.
pub(crate) fn is_in(
    state: &State,
    platform: &Platform,
    count_scope: &CountScope,
    on: Date,
) -> bool {
    let listed = match &count_scope.edition {
        None => state.is_listed_on(platform, on),
        Some(edition) => platform.listing(edition).is_some_and(|listing| {
            let group = count_scope.group.as_ref();
            group.is_none_or(|group| **group == *listing.group)
        }),
    };
    let governed = count_scope
        .agency
        .as_ref()
        .is_none_or(|agency| governing_agency_on(platform, on) == Some(agency));
    listed && governed
}

/// The platforms whose counts a change may alter; `None` if it may alter those of any platform.
fn touched(before: &State, change: &Change) -> Option<Vec<PlatformName>> {
    let mut platforms = Vec::new();
    for effect in &change.effects {
        let name = match effect {
            Effect::Put(Image::Edition(edition)) => {
                let old = before.edition(&edition.name).map(|old| old.first_day());
                // Of an edition, the counts depend only on its first day.
                if old != Some(edition.first_day()) {
                    return None;
                }
                continue;
            }
            Effect::Put(Image::Deployment(_)) => continue, // they have a tally of their own
            Effect::Put(image) => image.name(),
            Effect::Remove { name } if name.starts_with("editions/") => {
                return None;
            }
            Effect::Remove { name } => name,
            Effect::Notice(_) | Effect::Redaction(_) => continue,
        };
        let mut segments = name.split('/');
        if segments.next() == Some("platforms")
            && let Some(platform) = segments.next().and_then(PlatformName::from_id)
        {
            platforms.push(platform);
        }
        let plan = PlanName::parse(name);
        let (new, old) = match (effect, plan.and_then(|name| before.plan(&name))) {
            (Effect::Put(Image::Plan(new)), old) => (Some(new), old),
            (_, old) => (None, old),
        };
        let covered = [new, old].into_iter().flatten();
        let covered = covered.flat_map(|plan| &plan.fields.covered_platforms);
        platforms.extend(covered.map(|it| it.platform.clone()));
    }
    Some(platforms)
}
