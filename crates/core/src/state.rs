//! State: the whole catalogue in memory at one revision.
//!
//! A State is a value. [`State::apply`] only puts and removes images, so replaying old changes does
//! not need old rules. Its maps share structure between versions, so that publishing a new version
//! costs microseconds and a reader keeps its own version. Derived data (counts, indexes) is kept
//! with the images and can always be computed again from them.

mod alphabet;
pub(crate) mod blocks;
pub mod flows;
pub mod index;
mod load;
pub mod log;
pub mod maps;
pub mod on_date;
mod reach;
mod recommendations;
pub mod seen;
pub mod series;
mod sets;
mod tasks;
mod values;
pub mod visible;

use std::{borrow::Borrow, ops::Bound, sync::Arc};

use imbl::OrdMap;

use crate::{
    change::{Change, Effect, Image},
    names::{AgencyName, EditionName, PlanName, PlatformName, PrincipalName, Revision},
    records::{
        Agency, DataFlow, Observation, Principal, Recommendation, Record as _, Task,
        identities::Identity,
        meta::BELOW,
        plans::{Plan, PlanState, Visibility},
        platforms::{Platform, PlatformState},
    },
    time::Timestamp,
};
use alphabet::Alphabet;
use maps::Maps;
use reach::Places;
use series::AllSeries;
use sets::Sets;
use tasks::TaskIndex;
use values::ByValues;
use visible::Visible as _;

/// A past State is indexed again where at least one in this many plans changed since.
const MANY: usize = 8;

/// How many platforms an edition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EditionCounts {
    /// Platforms with a listing in it.
    pub held: i32,
    /// Those whose Vietnamese name as listed is known.
    pub named: i32,
}

/// Every record at one revision.
#[derive(Clone, Debug, Default)]
pub struct State {
    revision: Revision,
    record_time: Option<Timestamp>,
    maps: Maps,
    platforms_by_agency: OrdMap<AgencyName, OrdMap<PlatformName, Arc<Platform>>>,
    places: Places,
    alphabet: Alphabet,
    platform_values: ByValues<Platform>,
    plan_values: ByValues<Plan>,
    /// The plans of other platforms that also cover a platform.
    covering_plans: Sets<PlatformName, PlanName>,
    task_index: TaskIndex,
    edition_counts: OrdMap<EditionName, EditionCounts>,
    series: AllSeries,
    recommendations_by_source: recommendations::BySource,
    flows_by_party: flows::ByParty,
    principals_by_identity: Sets<Identity, PrincipalName>,
    synthetic: bool,
    /// How often the visibility of an existing record has changed since this process started.
    visibility_changes: u64,
}

impl State {
    /// Applies a change, and moves to its revision.
    pub fn apply(&mut self, change: &Change) {
        for effect in &change.effects {
            match effect {
                Effect::Put(image) => self.put(image.clone()),
                Effect::Remove { name } => self.remove(name),
                Effect::Notice(_) | Effect::Redaction(_) => {}
            }
        }
        self.revision = change.revision;
        self.record_time = Some(change.record_time);
    }

    fn put(&mut self, image: Image) {
        self.put_with(image, true);
    }

    /// Puts an image; of a plan not into `plan_values` unless `values` is set.
    fn put_with(&mut self, image: Image, values: bool) {
        if let Image::Platform(platform) = image {
            match self.put_platform(Arc::clone(&platform)) {
                Some(old) => {
                    self.alphabet.replace(&old, Arc::clone(&platform));
                    self.platform_values.replace(&old, platform);
                }
                None => {
                    self.alphabet.insert(Arc::clone(&platform));
                    self.platform_values.insert(platform);
                }
            }
            return;
        }
        let old = self.maps.put(image.clone());
        if let Some(old) = &old
            && !visible::is_guarded_alike(old, &image)
        {
            self.visibility_changes += 1;
        }
        match image {
            Image::Agency(agency) => {
                let old = old.and_then(Agency::of_image);
                self.places.agency(old.as_deref(), Some(&agency));
                let named_alike = old.is_some_and(|old| {
                    let (now, before) = (&agency.fields, &old.fields);
                    now.display_name == before.display_name
                        && now.display_name_en == before.display_name_en
                });
                if !named_alike {
                    self.forget_texts(&agency.name);
                }
            }
            Image::Edition(edition) => self.synthetic |= edition.synthetic,
            Image::Plan(plan) => {
                let old = old.and_then(Plan::of_image);
                if let Some(old) = &old {
                    self.uncover(old);
                }
                self.cover(&plan);
                match old {
                    _ if !values => {}
                    Some(old) => self.plan_values.replace(&old, plan),
                    None => self.plan_values.insert(plan),
                }
            }
            Image::Task(task) => {
                if let Some(old) = old.and_then(Task::of_image) {
                    self.task_index.remove(&old);
                }
                self.task_index.insert(&task);
            }
            Image::Observation(observation) => {
                if let Some(old) = old.and_then(Observation::of_image) {
                    self.series.remove(&old);
                }
                self.series.insert(observation);
            }
            Image::Recommendation(recommendation) => {
                if let Some(old) = old.and_then(Recommendation::of_image) {
                    self.recommendations_by_source.remove(&old);
                }
                self.recommendations_by_source.insert(&recommendation);
            }
            Image::Principal(principal) => {
                let index = &mut self.principals_by_identity;
                if let Some(old) = old.and_then(Principal::of_image) {
                    index.remove(&old.fields.identities, &old.name);
                }
                index.insert(&principal.fields.identities, &principal.name);
            }
            Image::DataFlow(flow) => {
                let old = old.and_then(DataFlow::of_image);
                self.flows_by_party.replace(old.as_deref(), Some(&flow));
            }
            _ => {}
        }
    }

    /// Changes whenever a caller gains or loses the right to see an existing record. While the
    /// value is the same, a result computed for a caller can be reused.
    pub const fn visibility_changes(&self) -> u64 {
        self.visibility_changes
    }

    fn remove(&mut self, name: &str) {
        self.remove_with(name, true);
    }

    /// Removes a record; a plan not from `plan_values` unless `values` is set.
    fn remove_with(&mut self, name: &str, values: bool) {
        self.visibility_changes += 1;
        match self.maps.remove(name) {
            Some(Image::Platform(old)) => {
                self.count_listings(&old, -1);
                self.remove_from_agency(&old);
                self.places.platform(Some(&old), None);
                self.alphabet.remove(&old);
                self.platform_values.remove(&old);
            }
            Some(Image::Plan(old)) => {
                self.uncover(&old);
                if values {
                    self.plan_values.remove(&old);
                }
            }
            Some(Image::Task(old)) => self.task_index.remove(&old),
            Some(Image::Principal(old)) => {
                let index = &mut self.principals_by_identity;
                index.remove(&old.fields.identities, &old.name);
            }
            Some(Image::Observation(old)) => self.series.remove(&old),
            Some(Image::Recommendation(old)) => self.recommendations_by_source.remove(&old),
            Some(Image::DataFlow(old)) => self.flows_by_party.replace(Some(&*old), None),
            Some(Image::Agency(old)) => {
                self.places.agency(Some(&old), None);
                self.forget_texts(&old.name);
            }
            _ => {}
        }
    }

    fn cover(&mut self, plan: &Plan) {
        let covered = plan.fields.covered_platforms.iter();
        let covered = covered.map(|it| &it.platform);
        self.covering_plans.insert(covered, &plan.name);
    }

    fn uncover(&mut self, plan: &Plan) {
        let covered = plan.fields.covered_platforms.iter();
        let covered = covered.map(|it| &it.platform);
        self.covering_plans.remove(covered, &plan.name);
    }

    /// The plans of other platforms that are, or were, for a platform as well.
    pub(crate) fn plans_covering(
        &self,
        platform: &PlatformName,
    ) -> impl Iterator<Item = &Arc<Plan>> {
        let names = self.covering_plans.of(platform);
        names.filter_map(|name| self.plan(name))
    }

    /// The principal that an identity outside the registry belongs to.
    pub fn principal_of(&self, identity: &Identity) -> Option<&Arc<Principal>> {
        let mut names = self.principals_by_identity.of(identity);
        names.find_map(|name| self.principal(name))
    }

    /// Puts a platform everywhere except in the orders with an index. Returns its earlier version.
    fn put_platform(&mut self, platform: Arc<Platform>) -> Option<Arc<Platform>> {
        self.count_listings(&platform, 1);
        self.add_to_agency(Arc::clone(&platform));
        let old = self.maps.put(Image::Platform(Arc::clone(&platform)));
        let old = old.and_then(Platform::of_image);
        self.places.platform(old.as_deref(), Some(&platform));
        let old = old?;
        self.count_listings(&old, -1);
        if old.governing_agency() != platform.governing_agency() {
            self.remove_from_agency(&old);
        }
        if !old.is_guarded_as(&platform) {
            self.visibility_changes += 1;
        }
        Some(old)
    }

    fn add_to_agency(&mut self, platform: Arc<Platform>) {
        if let Some(agency) = platform.governing_agency() {
            let of_agency = self.platforms_by_agency.entry(agency.clone()).or_default();
            of_agency.insert(platform.name.clone(), platform);
        }
    }

    fn remove_from_agency(&mut self, platform: &Platform) {
        if let Some(agency) = platform.governing_agency()
            && let Some(of_agency) = self.platforms_by_agency.get_mut(agency)
        {
            of_agency.remove(&platform.name);
        }
    }

    fn count_listings(&mut self, platform: &Platform, by: i32) {
        for listing in &platform.fields.listings {
            let counts = self
                .edition_counts
                .entry(listing.edition.clone())
                .or_default();
            counts.held += by;
            if !listing.display_name.is_empty() {
                counts.named += by;
            }
        }
    }

    /// Has the search read the names of an agency again.
    fn forget_texts(&mut self, agency: &AgencyName) {
        let governed = self.platforms_by_agency.get(agency).cloned();
        for platform in governed.unwrap_or_default().values() {
            self.alphabet.forget_index(platform);
        }
    }

    /// A past State for counting. A record that is not public in `now` counts as if it had not been
    /// public then. A record that has moved to another agency counts as if it had belonged to that
    /// agency then.
    pub fn guarded_as(&self, now: &Self) -> Self {
        let mut state = self.clone();
        for plan in now.plans().values() {
            let Some(then) = self.plan(&plan.name) else {
                continue;
            };
            let restricted = plan.visibility() == Visibility::Restricted;
            let narrower = restricted && then.visibility() == Visibility::Public;
            if !narrower && plan.agency == then.agency {
                continue;
            }
            let mut counted = (**then).clone();
            counted.agency.clone_from(&plan.agency);
            if restricted {
                counted.restrict();
            }
            let counted = Arc::new(counted);
            state.plan_values.replace(then, Arc::clone(&counted));
            state.maps.put(Image::Plan(counted));
        }
        state.visibility_changes = now.visibility_changes;
        state
    }

    /// The State at an earlier revision, given every resource that changed since then as it was at
    /// that revision.
    pub fn reverted(
        &self,
        revision: Revision,
        record_time: Option<Timestamp>,
        past: impl IntoIterator<Item = (String, Option<Image>)>,
    ) -> Self {
        let mut state = self.clone();
        let past: Vec<_> = past.into_iter().collect();
        // one after another, many plans would cost more than all of them at once
        let few = past.len() < self.plans().len() / MANY;
        for (name, image) in past {
            match image {
                Some(image) => state.put_with(image, few),
                None => state.remove_with(&name, few),
            }
        }
        if !few {
            let plans = state.plans().iter();
            let plans = plans.map(|(name, plan)| (name.clone(), Arc::clone(plan)));
            state.plan_values = ByValues::load(plans);
        }
        state.revision = revision;
        state.record_time = record_time;
        state
    }

    /// The revision it is at.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// When that revision was recorded; `None` before the first.
    pub const fn record_time(&self) -> Option<Timestamp> {
        self.record_time
    }

    /// Whether any edition, and therefore the data in responses, is fictitious.
    pub const fn is_synthetic(&self) -> bool {
        self.synthetic
    }

    /// How many platforms an edition holds.
    pub fn edition_counts(&self, name: &EditionName) -> EditionCounts {
        self.edition_counts.get(name).copied().unwrap_or_default()
    }

    /// The record that an id resolves to: its own record, or the one that it was merged into.
    pub fn resolve_platform(&self, name: &PlatformName) -> Option<&Arc<Platform>> {
        let mut platform = self.platforms().get(name)?;
        // A merge target may itself be merged later. There are no cycles, because a record can be
        // merged only into an active record.
        for _ in 0..self.platforms().len() {
            match platform.merged_into() {
                Some(stays) => platform = self.platforms().get(stays)?,
                None => return Some(platform),
            }
        }
        None
    }

    /// The platforms that an agency governs, by name; `None` when it never governed any.
    pub fn platforms_of(
        &self,
        agency: &AgencyName,
    ) -> Option<&OrdMap<PlatformName, Arc<Platform>>> {
        self.platforms_by_agency.get(agency)
    }

    /// The agency above another.
    pub fn parent_agency(&self, agency: &AgencyName) -> Option<&AgencyName> {
        self.agency(agency)?.fields.parent_agency.as_ref()
    }

    /// The plan of a platform that is in force.
    pub fn issued_plan(&self, platform: &PlatformName) -> Option<&Arc<Plan>> {
        self.plans_of(platform)
            .find(|plan| plan.state == PlanState::Issued)
    }

    /// The etag of a plan as a caller sees it: its own and, where a milestone of it was written
    /// since, the revision of the newest such write. A step that freezes the milestones is then
    /// refused to callers that have not read their current values. For callers who see only a part
    /// of the plan, the etag depends on the plan alone.
    pub fn plan_etag(&self, plan: &Plan) -> String {
        let own = plan.meta.etag();
        if plan.redacted {
            return own;
        }
        let milestones = self.milestones_of(&plan.name);
        let newest = milestones.map(|it| it.meta.revision).max();
        match newest.filter(|newest| *newest > plan.meta.revision) {
            Some(newest) => format!("{own}{BELOW}{newest}"),
            None => own,
        }
    }

    /// The platforms that are in the catalogue.
    pub fn active_platforms(&self) -> impl Iterator<Item = &Arc<Platform>> {
        self.platforms()
            .values()
            .filter(|platform| platform.state() == PlatformState::Active)
    }
}

/// The records whose names begin with `prefix`. Does not iterate over other records.
fn below<'a, K, V>(
    map: &'a OrdMap<K, V>,
    prefix: &str,
) -> impl Iterator<Item = &'a V> + use<'a, K, V>
where
    K: Ord + Clone + Borrow<str>,
    V: Clone,
{
    rows(map, prefix, None)
}

/// The records whose names begin with `prefix` and come after `after`, ordered by name. Does not
/// iterate over other records.
pub fn rows<'a, K, V>(
    map: &'a OrdMap<K, V>,
    prefix: &str,
    after: Option<&str>,
) -> impl Iterator<Item = &'a V> + use<'a, K, V>
where
    K: Ord + Clone + Borrow<str>,
    V: Clone,
{
    let start = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    // an end, found once, instead of a look at each name
    let end = following(prefix);
    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    map.range::<_, str>((start, end)).map(|(_, record)| record)
}

/// The first text after all that begin with `prefix`; `None` if there is none.
fn following(prefix: &str) -> Option<String> {
    let mut chars = prefix.chars();
    let last = u32::from(chars.next_back()?);
    let mut following = chars.as_str().to_owned();
    following.push(char::from_u32(last + 1)?);
    Some(following)
}
