//! State: the whole catalogue in memory at one revision.
//!
//! A State is a value. [`State::apply`] only puts and removes images, so replaying old changes does
//! not need old rules. Its maps share structure between versions, so that publishing a new version
//! costs microseconds and a reader keeps its own version. Derived data (counts, folded text) is
//! kept with the images and can always be computed again from them.

pub mod dossier;
pub mod index;
mod load;
pub mod log;
pub mod maps;
pub mod sight;
pub mod visible;

use std::{borrow::Borrow, ops::Bound, sync::Arc};

use imbl::OrdMap;

use crate::query::search::SearchText;
use crate::{
    change::{Change, Effect, Image},
    names::{AgencyName, EditionName, PlatformName, Revision},
    records::{
        meta::BELOW,
        plans::{Plan, PlanState, Visibility},
        platforms::{Platform, PlatformState, search_text},
    },
    text::{SortKey, sort_key},
    time::Timestamp,
};
use maps::Maps;
use visible::Visible as _;

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
    platforms_by_display_name: OrdMap<DisplayNameKey, Listed>,
    edition_counts: OrdMap<EditionName, EditionCounts>,
    synthetic: bool,
    /// How often the visibility of an existing record has changed since this process started.
    sight_turns: u64,
}

/// Sort key of a platform in the Vietnamese alphabet; empty names come last.
type DisplayNameKey = (SortKey, PlatformName);

/// An entry of the alphabetical index, with the texts that search reads.
#[derive(Clone, Debug)]
struct Listed {
    platform: Arc<Platform>,
    text: SearchText,
}

impl State {
    /// Applies a change, and moves to its revision.
    pub fn apply(&mut self, change: &Change) {
        for effect in &change.effects {
            match effect {
                Effect::Put(image) => self.put(image.clone()),
                Effect::Remove { name } => self.remove(name),
                Effect::Notice(_) => {}
            }
        }
        self.revision = change.revision;
        self.record_time = Some(change.record_time);
    }

    fn put(&mut self, image: Image) {
        // search reads the names of a platform's agency, and the alphabetical index has its old
        // name
        if let Image::Platform(platform) = &image {
            let (key, listed) = self.listed(platform);
            self.put_platform(Arc::clone(platform));
            self.platforms_by_display_name.insert(key, listed);
            return;
        }
        let old = self.maps.put(image.clone());
        if let Some(old) = &old
            && !visible::is_guarded_alike(old, &image)
        {
            self.sight_turns += 1;
        }
        match (image, old) {
            (Image::Agency(agency), Some(Image::Agency(old))) => {
                let (fields, before) = (&agency.fields, &old.fields);
                if fields.display_name != before.display_name
                    || fields.display_name_en != before.display_name_en
                {
                    self.refresh_search_texts(&agency.name);
                }
            }
            (Image::Edition(edition), _) => self.synthetic |= edition.synthetic,
            _ => {}
        }
    }

    /// Changes whenever a caller gains or loses the right to see an existing record. While the
    /// value is the same, a result computed for a caller can be reused.
    pub const fn sight_turns(&self) -> u64 {
        self.sight_turns
    }

    fn remove(&mut self, name: &str) {
        self.sight_turns += 1;
        if let Some(Image::Platform(old)) = self.maps.remove(name) {
            self.count_listings(&old, -1);
            self.remove_from_agency(&old);
            self.platforms_by_display_name
                .remove(&display_name_key(&old));
        }
    }

    /// Adds a platform to everything except the alphabetical index.
    fn put_platform(&mut self, platform: Arc<Platform>) {
        self.count_listings(&platform, 1);
        if let Some(agency) = platform.governing_agency() {
            let of_agency = self.platforms_by_agency.entry(agency.clone()).or_default();
            of_agency.insert(platform.name.clone(), Arc::clone(&platform));
        }
        if let Some(Image::Platform(old)) = self.maps.put(Image::Platform(Arc::clone(&platform))) {
            self.count_listings(&old, -1);
            if old.governing_agency() != platform.governing_agency() {
                self.remove_from_agency(&old);
            }
            if !old.is_guarded_as(&platform) {
                self.sight_turns += 1;
            }
            self.platforms_by_display_name
                .remove(&display_name_key(&old));
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

    /// The entry of a platform in the alphabetical index.
    fn listed(&self, platform: &Arc<Platform>) -> (DisplayNameKey, Listed) {
        let agency = platform.governing_agency();
        let agency = agency.and_then(|name| self.agency(name));
        let listed = Listed {
            platform: Arc::clone(platform),
            text: search_text(platform, agency.map(|agency| &**agency)),
        };
        (display_name_key(platform), listed)
    }

    fn refresh_search_texts(&mut self, agency: &AgencyName) {
        let governed = self.platforms_of(agency).cloned().unwrap_or_default();
        for platform in governed.values() {
            let (key, listed) = self.listed(platform);
            self.platforms_by_display_name.insert(key, listed);
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
            state.maps.put(Image::Plan(Arc::new(counted)));
        }
        state.sight_turns = now.sight_turns;
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
        for (name, image) in past {
            match image {
                Some(image) => state.put(image),
                None => state.remove(&name),
            }
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

    /// The plan of a platform that is in force.
    pub fn issued_plan(&self, platform: &PlatformName) -> Option<&Arc<Plan>> {
        self.plans_of(platform)
            .find(|plan| plan.state == PlanState::Issued)
    }

    /// The etag of a plan as a caller sees it: its own and, where a milestone of it was written
    /// since, the revision of the newest such write. A step that freezes the milestones is then
    /// refused to whoever has not read them as they are. Below a plan that is seen in part nothing
    /// is told.
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

fn display_name_key(platform: &Platform) -> DisplayNameKey {
    (
        sort_key(&platform.fields.display_name),
        platform.name.clone(),
    )
}

/// The records whose names begin with `prefix`. Does not iterate over other records.
fn below<K, V>(map: &OrdMap<K, V>, prefix: String) -> impl Iterator<Item = &V>
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
    prefix: String,
    after: Option<&str>,
) -> impl Iterator<Item = &'a V> + use<'a, K, V>
where
    K: Ord + Clone + Borrow<str>,
    V: Clone,
{
    let start = match after {
        Some(after) if after >= prefix.as_str() => Bound::Excluded(after.to_owned()),
        _ => Bound::Included(prefix.clone()),
    };
    let start = match &start {
        Bound::Excluded(name) => Bound::Excluded(name.as_str()),
        Bound::Included(name) => Bound::Included(name.as_str()),
        Bound::Unbounded => Bound::Unbounded,
    };
    map.range::<_, str>((start, Bound::Unbounded))
        .take_while(move |(name, _)| (*name).borrow().starts_with(&prefix))
        .map(|(_, record)| record)
}
