//! Counts of deployments: on one date, kept up to date change by change, and on many.
//!
//! What one deployment adds is a function of itself, of its platform's lists and of the agencies
//! above its own. Deployments of platforms that are in the same lists are summed together, for each
//! agency and for all, so that a summary reads only a few sums, however many deployments exist.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::{
        kept::{Kept, Shares},
        tally::{CountScope, is_in},
    },
    names::{AgencyName, DeploymentName, EditionName, PlatformName},
    records::{
        agencies::{Agency, AgencyKind, LEVELS_MAX},
        deployments::{Deployment, DeploymentStage},
        platforms::{Platform, PlatformState},
    },
    state::{State, on_date::platform_state_on},
    time::Date,
};

/// What is counted of deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentCounts {
    stages: [i32; 1 + DeploymentStage::ALL.len()],
    /// Those that are confirmed.
    pub confirmed: i32,
    /// Those that are late.
    pub late: i32,
    /// Those with a late report.
    pub stale: i32,
    /// Those with an earlier system kept after its last day.
    pub duplicates: i32,
    /// How many are OPERATING in each province.
    provinces: OrdMap<AgencyName, i32>,
}

impl DeploymentCounts {
    /// All of them.
    pub fn total(&self) -> i32 {
        self.stages.iter().sum()
    }

    /// Those at a stage; `None` where none is known.
    pub fn at(&self, stage: Option<DeploymentStage>) -> i32 {
        let index = stage.map_or(0, |stage| stage.ordinal() + 1);
        self.stages.get(index).copied().unwrap_or_default()
    }

    /// The provinces where at least one is OPERATING, by itself or in a commune.
    pub fn operating_provinces(&self) -> i32 {
        i32::try_from(self.provinces.len()).unwrap_or(i32::MAX)
    }

    fn merge(&mut self, other: &Self, times: i32) {
        for (cell, other) in self.stages.iter_mut().zip(other.stages) {
            *cell += other * times;
        }
        for (cell, other) in [
            (&mut self.confirmed, other.confirmed),
            (&mut self.late, other.late),
            (&mut self.stale, other.stale),
            (&mut self.duplicates, other.duplicates),
        ] {
            *cell += other * times;
        }
        for (province, number) in &other.provinces {
            let sum = self.provinces.get(province).copied().unwrap_or_default();
            match sum + number * times {
                0 => self.provinces.remove(province),
                sum => self.provinces.insert(province.clone(), sum),
            };
        }
    }

    fn is_zero(&self) -> bool {
        self.total() == 0
    }

    /// What one deployment adds on a date.
    fn of(state: &State, deployment: &Deployment, date: Date) -> Option<Self> {
        let standing = deployment.standing_on(date)?;
        let mut counts = Self {
            confirmed: i32::from(standing.confirmed),
            late: i32::from(standing.late.is_some()),
            stale: i32::from(standing.is_stale()),
            duplicates: i32::from(standing.duplicate_since.is_some()),
            ..Self::default()
        };
        let stage = standing.stage();
        let index = stage.map_or(0, |stage| stage.ordinal() + 1);
        if let Some(cell) = counts.stages.get_mut(index) {
            *cell = 1;
        }
        if stage == Some(DeploymentStage::Operating)
            && let Some(province) = deployment.name.agency().and_then(|it| state.province(&it))
        {
            counts.provinces.insert(province.clone(), 1);
        }
        Some(counts)
    }
}

/// The lists that a platform is in on a date: each with an edition, and a group of it.
type Lists = Vec<(Option<EditionName>, Option<Arc<str>>)>;

/// The lists of a platform; none where it is not in the catalogue.
fn lists(state: &State, platform: &Platform, date: Date) -> Lists {
    let mut lists = Lists::new();
    if platform_state_on(platform, date) != PlatformState::Active {
        return lists;
    }
    if state.is_listed_on(platform, date) {
        lists.push((None, None));
    }
    for listing in &platform.fields.listings {
        let edition = Some(listing.edition.clone());
        if !listing.group.is_empty() {
            lists.push((edition.clone(), Some(listing.group.as_str().into())));
        }
        lists.push((edition, None));
    }
    lists.sort_unstable();
    lists.dedup();
    lists
}

/// What one deployment adds, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::monitoring) struct Share {
    lists: Lists,
    agency: Option<AgencyName>,
    counts: DeploymentCounts,
}

impl Share {
    fn of(state: &State, deployment: &Deployment, lists: &Lists, date: Date) -> Option<Self> {
        Some(Self {
            lists: lists.clone(),
            agency: deployment.name.agency(),
            counts: DeploymentCounts::of(state, deployment, date)?,
        })
    }
}

/// What a change may alter, as it was before the change.
#[derive(Debug)]
pub(in crate::monitoring) struct Before {
    /// The shares of some deployments.
    shares: Shares<DeploymentTally>,
    /// How many provinces the change adds.
    provinces: i32,
}

/// The counts of one date, for every scope.
#[derive(Clone, Debug)]
pub struct DeploymentTally {
    date: Date,
    parts: OrdMap<Lists, OrdMap<Option<AgencyName>, DeploymentCounts>>,
    /// Provinces known.
    pub provinces: i32,
}

impl DeploymentTally {
    /// Counts all deployments.
    pub(in crate::monitoring) fn new(state: &State, date: Date, effort: &Effort) -> Self {
        let agencies = state.agencies().values();
        let provinces = agencies.filter(|it| is_province(it, date)).count();
        let mut tally = Self {
            date,
            parts: OrdMap::new(),
            provinces: i32::try_from(provinces).unwrap_or(i32::MAX),
        };
        let mut known: Option<(PlatformName, Lists)> = None;
        for deployment in effort.rows(state.deployments().values(), 2) {
            let name = deployment.name.parent();
            let lists = match &known {
                Some((of, lists)) if *of == name => lists,
                _ => {
                    let platform = state.platform(&name);
                    let lists = platform.map(|it| lists(state, it, date));
                    &known.insert((name, lists.unwrap_or_default())).1
                }
            };
            if let Some(share) = Share::of(state, deployment, lists, date) {
                tally.count(&share, 1);
            }
        }
        tally
    }

    /// The counts of a scope; its agency is the one that deploys.
    pub fn counts(&self, count_scope: &CountScope) -> DeploymentCounts {
        let list = (count_scope.edition.clone(), count_scope.group.clone());
        let mut counts = DeploymentCounts::default();
        for (lists, agencies) in &self.parts {
            if lists.contains(&list)
                && let Some(part) = agencies.get(&count_scope.agency)
            {
                counts.merge(part, 1);
            }
        }
        counts
    }

    /// What a change may alter, taken from the State before it; `None` if that is everything. The
    /// caller handles the first day of an edition.
    pub(in crate::monitoring) fn before(&self, state: &State, change: &Change) -> Option<Before> {
        let date = self.date;
        let mut touched: Vec<DeploymentName> = Vec::new();
        let mut provinces = 0;
        for effect in &change.effects {
            match effect {
                Effect::Put(Image::Deployment(it)) => touched.push(it.name.clone()),
                Effect::Put(Image::Platform(new)) => {
                    let old = state.platform(&new.name);
                    let old = old.map(|old| lists(state, old, date));
                    if old.is_some_and(|old| old != lists(state, new, date)) {
                        let below = state.deployments_of(&new.name);
                        touched.extend(below.map(|it| it.name.clone()));
                    }
                }
                Effect::Put(Image::Agency(new)) => {
                    let old = state.agency(&new.name);
                    provinces += i32::from(is_province(new, date));
                    provinces -= i32::from(old.is_some_and(|old| is_province(old, date)));
                    // the agencies below it may now belong to another province
                    let moved = old.is_some_and(|old| {
                        let (old, new) = (&old.fields, &new.fields);
                        (old.kind, &old.parent_agency) != (new.kind, &new.parent_agency)
                    });
                    if moved && !state.deployments().is_empty() {
                        return None;
                    }
                }
                Effect::Put(_) | Effect::Notice(_) | Effect::Redaction(_) => {}
                Effect::Remove { name } => match DeploymentName::parse(name) {
                    Some(name) => touched.push(name),
                    None if name.starts_with("agencies/") => return None,
                    None => {
                        let platform = PlatformName::parse(name);
                        let below = platform.iter().flat_map(|it| state.deployments_of(it));
                        touched.extend(below.map(|it| it.name.clone()));
                    }
                },
            }
        }
        Some(Before {
            shares: self.shares(state, touched),
            provinces,
        })
    }

    /// Updates the tally to the State after the change.
    pub(in crate::monitoring) fn advance(&mut self, before: Before, after: &State) {
        self.provinces += before.provinces;
        self.advance_shares(before.shares, after);
    }
}

impl Kept for DeploymentTally {
    type Name = DeploymentName;
    type Share = Share;

    fn share(&self, state: &State, name: &DeploymentName) -> Option<Share> {
        let platform = state.platform(&name.parent())?;
        let lists = lists(state, platform, self.date);
        Share::of(state, state.deployment(name)?, &lists, self.date)
    }

    fn count(&mut self, share: &Share, times: i32) {
        if share.lists.is_empty() {
            return;
        }
        let agencies = self.parts.entry(share.lists.clone()).or_default();
        for agency in [None, share.agency.clone()] {
            let sum = agencies.entry(agency.clone()).or_default();
            sum.merge(&share.counts, times);
            if sum.is_zero() {
                agencies.remove(&agency);
            }
        }
        if agencies.is_empty() {
            self.parts.remove(&share.lists);
        }
    }
}

/// Whether an agency is a province or city on a date: no other has taken over all of it.
fn is_province(agency: &Agency, date: Date) -> bool {
    let mut successions = agency.fields.successions.iter();
    agency.fields.kind == AgencyKind::ProvincialPeoplesCommittee
        && !successions
            .any(|it| it.scope.is_empty() && it.start_date.is_none_or(|start| start <= date))
}

impl State {
    /// The province or city that an agency is, or is below.
    fn province<'a>(&'a self, agency: &AgencyName) -> Option<&'a AgencyName> {
        let mut at = self.agency(agency)?;
        for _ in 0..LEVELS_MAX {
            if at.fields.kind == AgencyKind::ProvincialPeoplesCommittee {
                return Some(&at.name);
            }
            at = self.agency(at.fields.parent_agency.as_ref()?)?;
        }
        None
    }

    /// The counts of the deployments of a scope by a scan over every one, without a tally.
    pub fn deployments_by_scan(&self, count_scope: &CountScope, date: Date) -> DeploymentCounts {
        let mut counts = DeploymentCounts::default();
        let everyones = CountScope {
            agency: None,
            ..count_scope.clone()
        };
        for deployment in self.deployments().values() {
            let agency = deployment.name.agency();
            let platform = self.platform(&deployment.name.parent());
            let counted = platform.is_some_and(|platform| {
                platform_state_on(platform, date) == PlatformState::Active
                    && is_in(self, platform, &everyones, date)
            });
            if counted
                && (count_scope.agency.is_none() || count_scope.agency == agency)
                && let Some(share) = DeploymentCounts::of(self, deployment, date)
            {
                counts.merge(&share, 1);
            }
        }
        counts
    }

    /// How many deployments of a scope were OPERATING on each of these dates, in order: a pass over
    /// the deployments, and one over the dates.
    pub fn operating_deployments(
        &self,
        count_scope: &CountScope,
        dates: &[Date],
        effort: &Effort,
    ) -> Vec<i32> {
        let mut changes = vec![0; dates.len() + 1];
        let everyones = CountScope {
            agency: None,
            ..count_scope.clone()
        };
        let mut known: Option<(PlatformName, Vec<(usize, usize)>)> = None;
        for deployment in effort.rows(self.deployments().values(), 1) {
            if count_scope.agency.is_some() && count_scope.agency != deployment.name.agency() {
                continue;
            }
            let name = deployment.name.parent();
            let listed = match &known {
                Some((of, listed)) if *of == name => listed,
                _ => {
                    let listed = self.listed_spans(&name, &everyones, dates);
                    effort.spend(listed.len());
                    &known.insert((name, listed)).1
                }
            };
            for (start, end) in operating_spans(deployment, dates) {
                for (from, until) in listed {
                    let (start, end) = (start.max(*from), end.min(*until));
                    if start < end {
                        // both are within the list
                        changes.get_mut(start).into_iter().for_each(|it| *it += 1);
                        changes.get_mut(end).into_iter().for_each(|it| *it -= 1);
                    }
                }
            }
        }
        changes.pop();
        let mut sum = 0;
        for change in &mut changes {
            sum += *change;
            *change = sum;
        }
        changes
    }

    /// The spans of the dates, by index, on which a platform was in the catalogue and in a scope.
    fn listed_spans(
        &self,
        name: &PlatformName,
        count_scope: &CountScope,
        dates: &[Date],
    ) -> Vec<(usize, usize)> {
        let (Some(platform), Some(first), Some(last)) =
            (self.platform(name), dates.first(), dates.last())
        else {
            return Vec::new();
        };
        let mut spans: Vec<(usize, usize)> = Vec::new();
        let indexes_of_change = self.indexes_of_change(platform, &[], *first, *last, dates);
        let ends = indexes_of_change
            .iter()
            .skip(1)
            .copied()
            .chain([dates.len()]);
        for (start, end) in indexes_of_change.iter().copied().zip(ends) {
            let Some(date) = dates.get(start) else {
                continue;
            };
            if platform_state_on(platform, *date) == PlatformState::Active
                && is_in(self, platform, count_scope, *date)
            {
                spans.push((start, end));
            }
        }
        spans
    }
}

/// The spans of the dates, by index, on which a deployment was OPERATING.
fn operating_spans(
    deployment: &Deployment,
    dates: &[Date],
) -> impl Iterator<Item = (usize, usize)> {
    let stages = &deployment.fields.stages;
    let index = |day: Option<Date>| day.map_or(0, |day| dates.partition_point(|date| *date < day));
    stages.iter().enumerate().filter_map(move |(i, entry)| {
        let next = stages.get(i + 1);
        let end = next.map_or(dates.len(), |next| index(next.day()));
        (entry.stage == DeploymentStage::Operating).then(|| (index(entry.day()), end))
    })
}
