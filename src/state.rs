//! State: the whole catalogue in memory at one revision.
//!
//! A State is a value. [`State::apply`] only puts and removes images, so old history needs no old
//! rules; its maps share structure between versions, so that publishing a new one costs
//! microseconds and a reader keeps the one it began with. What is derived from the images
//! (counts, folded text) is kept beside them and can always be made again from them.

pub mod attention;
pub mod comparison;
mod load;
pub mod quality;
pub mod query;
pub mod reconcile;
pub mod records;
pub mod sight;
pub mod standing;
pub mod summary;
pub mod tally;
pub mod timeline;
pub mod turning;
pub mod visible;

use std::{borrow::Borrow, ops::Bound, sync::Arc};

use imbl::OrdMap;

use crate::domain::{
    agencies::Agency,
    assessments::Assessment,
    baselines::Baseline,
    change::{Change, Effect, Image},
    editions::Edition,
    figures::Figure,
    milestones::Milestone,
    names::{
        AgencyName, ApiKeyName, AssessmentName, BaselineName, EditionName, FigureName,
        MilestoneName, PlanName, PlatformName, PrincipalName, ProposalName, ReportName, Revision,
    },
    plans::{Plan, PlanState, Visibility},
    platforms::{Platform, PlatformState},
    principals::{ApiKey, Principal},
    proposals::Proposal,
    reports::Report,
    text::{SortKey, sort_key},
    time::Timestamp,
};
use query::search::{self, SearchText};
use visible::Visible;

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
    agencies: OrdMap<AgencyName, Arc<Agency>>,
    editions: OrdMap<EditionName, Arc<Edition>>,
    platforms: OrdMap<PlatformName, Arc<Platform>>,
    platforms_by_agency: OrdMap<AgencyName, OrdMap<PlatformName, Arc<Platform>>>,
    platforms_by_display_name: OrdMap<DisplayNameKey, Listed>,
    plans: OrdMap<PlanName, Arc<Plan>>,
    milestones: OrdMap<MilestoneName, Arc<Milestone>>,
    baselines: OrdMap<BaselineName, Arc<Baseline>>,
    reports: OrdMap<ReportName, Arc<Report>>,
    assessments: OrdMap<AssessmentName, Arc<Assessment>>,
    proposals: OrdMap<ProposalName, Arc<Proposal>>,
    figures: OrdMap<FigureName, Arc<Figure>>,
    principals: OrdMap<PrincipalName, Arc<Principal>>,
    api_keys: OrdMap<ApiKeyName, Arc<ApiKey>>,
    edition_counts: OrdMap<EditionName, EditionCounts>,
    made_up: bool,
    /// How often it changed, since this process began, who sees a record that was there.
    sight_turns: u64,
}

/// The place of a platform in the Vietnamese alphabet; empty names come last.
type DisplayNameKey = (SortKey, PlatformName);

/// A platform in the alphabet, with what search reads of it.
#[derive(Clone, Debug)]
struct Listed {
    platform: Arc<Platform>,
    text: SearchText,
}

impl State {
    /// Moves on to the next revision.
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
        match image {
            Image::Agency(agency) => {
                let name = agency.name.clone();
                let old = self.agencies.insert(name.clone(), Arc::clone(&agency));
                let renamed = old.is_some_and(|old| {
                    old.fields.display_name != agency.fields.display_name
                        || old.fields.display_name_en != agency.fields.display_name_en
                });
                if renamed {
                    self.refresh_search_texts(&name);
                }
            }
            Image::Edition(edition) => {
                self.made_up |= edition.is_made_up();
                self.editions.insert(edition.name.clone(), edition);
            }
            Image::Platform(platform) => {
                let (key, listed) = self.listed(&platform);
                self.put_platform(platform);
                self.platforms_by_display_name.insert(key, listed);
            }
            Image::Plan(plan) => {
                let old = self.plans.insert(plan.name.clone(), Arc::clone(&plan));
                self.note_guard(old.as_ref(), &plan);
            }
            Image::Milestone(milestone) => {
                let old = self
                    .milestones
                    .insert(milestone.name.clone(), Arc::clone(&milestone));
                self.note_guard(old.as_ref(), &milestone);
            }
            Image::Baseline(baseline) => {
                let old = self
                    .baselines
                    .insert(baseline.name.clone(), Arc::clone(&baseline));
                self.note_guard(old.as_ref(), &baseline);
            }
            Image::Report(report) => {
                let old = self
                    .reports
                    .insert(report.name.clone(), Arc::clone(&report));
                self.note_guard(old.as_ref(), &report);
            }
            Image::Assessment(assessment) => {
                let old = self
                    .assessments
                    .insert(assessment.name.clone(), Arc::clone(&assessment));
                self.note_guard(old.as_ref(), &assessment);
            }
            Image::Proposal(proposal) => {
                let old = self
                    .proposals
                    .insert(proposal.name.clone(), Arc::clone(&proposal));
                self.note_guard(old.as_ref(), &proposal);
            }
            Image::Figure(figure) => {
                self.figures.insert(figure.name.clone(), figure);
            }
            Image::Principal(principal) => {
                let old = self
                    .principals
                    .insert(principal.name.clone(), Arc::clone(&principal));
                self.note_guard(old.as_ref(), &principal);
            }
            Image::ApiKey(key) => {
                let old = self.api_keys.insert(key.name.clone(), Arc::clone(&key));
                self.note_guard(old.as_ref(), &key);
            }
        }
    }

    fn note_guard<T: Visible>(&mut self, old: Option<&Arc<T>>, new: &Arc<T>) {
        if old.is_some_and(|old| !old.is_guarded_as(new)) {
            self.sight_turns += 1;
        }
    }

    /// The same as long as nobody gained or lost the sight of a record that was there: what was
    /// made for a caller may be used again.
    pub const fn sight_turns(&self) -> u64 {
        self.sight_turns
    }

    fn remove(&mut self, name: &str) {
        self.sight_turns += 1;
        if let Some(old) = self.platforms.remove(name) {
            self.count_listings(&old, -1);
            self.remove_from_agency(&old);
            self.platforms_by_display_name
                .remove(&display_name_key(&old));
        }
        self.agencies.remove(name);
        self.editions.remove(name);
        self.plans.remove(name);
        self.milestones.remove(name);
        self.baselines.remove(name);
        self.reports.remove(name);
        self.assessments.remove(name);
        self.proposals.remove(name);
        self.figures.remove(name);
        self.principals.remove(name);
        self.api_keys.remove(name);
    }

    /// Puts a platform everywhere but into the alphabet.
    fn put_platform(&mut self, platform: Arc<Platform>) {
        self.count_listings(&platform, 1);
        if let Some(agency) = platform.governing_agency() {
            let of_agency = self.platforms_by_agency.entry(agency.clone()).or_default();
            of_agency.insert(platform.name.clone(), Arc::clone(&platform));
        }
        if let Some(old) = self.platforms.get(&platform.name).cloned() {
            self.count_listings(&old, -1);
            if old.governing_agency() != platform.governing_agency() {
                self.remove_from_agency(&old);
            }
            self.platforms_by_display_name
                .remove(&display_name_key(&old));
        }
        self.platforms.insert(platform.name.clone(), platform);
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

    /// A platform as the alphabet and search know it.
    fn listed(&self, platform: &Arc<Platform>) -> (DisplayNameKey, Listed) {
        let agency = platform.governing_agency();
        let agency = agency.and_then(|name| self.agency(name));
        let listed = Listed {
            platform: Arc::clone(platform),
            text: records::search_text(platform, agency.map(|agency| &**agency)),
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

    /// A resource of any kind, by its name.
    pub fn image(&self, name: &str) -> Option<Image> {
        let mut collections = name.split('/').step_by(2);
        let (outer, inner) = (collections.next()?, collections.next());
        if let Some(innermost) = collections.next() {
            return match (outer, inner, innermost) {
                ("platforms", Some("plans"), "milestones") => {
                    self.milestones.get(name).cloned().map(Image::Milestone)
                }
                ("platforms", Some("plans"), "baselines") => {
                    self.baselines.get(name).cloned().map(Image::Baseline)
                }
                ("platforms", Some("plans"), "reports") => {
                    self.reports.get(name).cloned().map(Image::Report)
                }
                ("platforms", Some("plans"), "assessments") => {
                    self.assessments.get(name).cloned().map(Image::Assessment)
                }
                _ => None,
            };
        }
        match (outer, inner) {
            ("agencies", None) => self.agencies.get(name).cloned().map(Image::Agency),
            ("editions", None) => self.editions.get(name).cloned().map(Image::Edition),
            ("platforms", None) => self.platforms.get(name).cloned().map(Image::Platform),
            ("platforms", Some("plans")) => self.plans.get(name).cloned().map(Image::Plan),
            ("platforms", Some("proposals")) => {
                self.proposals.get(name).cloned().map(Image::Proposal)
            }
            ("figures", None) => self.figures.get(name).cloned().map(Image::Figure),
            ("principals", None) => self.principals.get(name).cloned().map(Image::Principal),
            ("principals", Some("apiKeys")) => self.api_keys.get(name).cloned().map(Image::ApiKey),
            _ => None,
        }
    }

    /// The same State of the past, to count in: what is not for everyone `now` counts as if it had
    /// not been then, and what went to another agency as if it had been that one's.
    pub fn guarded_as(&self, now: &Self) -> Self {
        let mut state = self.clone();
        for plan in now.plans.values() {
            let Some(then) = self.plans.get(&plan.name) else {
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
            state.plans.insert(plan.name.clone(), Arc::new(counted));
        }
        state.sight_turns = now.sight_turns;
        state
    }

    /// The same State as it was at an earlier revision, given every resource that was touched
    /// since as it was then.
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

    /// An agency.
    pub fn agency(&self, name: &AgencyName) -> Option<&Arc<Agency>> {
        self.agencies.get(name)
    }

    /// All agencies, by name.
    pub const fn agencies(&self) -> &OrdMap<AgencyName, Arc<Agency>> {
        &self.agencies
    }

    /// An edition.
    pub fn edition(&self, name: &EditionName) -> Option<&Arc<Edition>> {
        self.editions.get(name)
    }

    /// All editions, by name.
    pub const fn editions(&self) -> &OrdMap<EditionName, Arc<Edition>> {
        &self.editions
    }

    /// The edition that answers where a request names none.
    pub fn opening_edition(&self) -> Option<&Arc<Edition>> {
        self.editions.values().find(|edition| edition.opening)
    }

    /// Whether an edition is made up, and with it what there is to answer.
    pub const fn is_made_up(&self) -> bool {
        self.made_up
    }

    /// How many platforms an edition holds.
    pub fn edition_counts(&self, name: &EditionName) -> EditionCounts {
        self.edition_counts.get(name).copied().unwrap_or_default()
    }

    /// A platform's own record, also one that was merged into another.
    pub fn platform(&self, name: &PlatformName) -> Option<&Arc<Platform>> {
        self.platforms.get(name)
    }

    /// The record that an id resolves to: its own, or the one that it was merged into.
    pub fn resolve_platform(&self, name: &PlatformName) -> Option<&Arc<Platform>> {
        let mut platform = self.platforms.get(name)?;
        // A record that stays may be merged in turn; it never leads back, because what a record
        // is merged into is active at that time.
        for _ in 0..self.platforms.len() {
            match platform.merged_into() {
                Some(stays) => platform = self.platforms.get(stays)?,
                None => return Some(platform),
            }
        }
        None
    }

    /// All platforms, by name.
    pub const fn platforms(&self) -> &OrdMap<PlatformName, Arc<Platform>> {
        &self.platforms
    }

    /// The platforms that an agency governs, by name; `None` where there never was one.
    pub fn platforms_of(
        &self,
        agency: &AgencyName,
    ) -> Option<&OrdMap<PlatformName, Arc<Platform>>> {
        self.platforms_by_agency.get(agency)
    }

    /// All platforms by the Vietnamese alphabet and then by name, those without a name last; from
    /// the first on, or from the one after this place.
    pub fn platforms_by_display_name<'a>(
        &'a self,
        after: Option<(&str, PlatformName)>,
    ) -> impl Iterator<Item = &'a Arc<Platform>> + use<'a> {
        let start = match after {
            Some((display_name, name)) => Bound::Excluded((sort_key(display_name), name)),
            None => Bound::Unbounded,
        };
        let range = self
            .platforms_by_display_name
            .range((start, Bound::Unbounded));
        range.map(|(_, listed)| &listed.platform)
    }

    /// All platforms for a search, in the same order; `after` is the place of the page before.
    pub fn searched_platforms<'a>(
        &'a self,
        after: Option<(&str, PlatformName)>,
    ) -> impl Iterator<Item = search::Row<'a, &'a Arc<Platform>>> + use<'a> {
        let last_passed = after.map(|(display_name, name)| (sort_key(display_name), name));
        let mut passed = last_passed.is_some();
        self.platforms_by_display_name
            .iter()
            .map(move |(key, Listed { platform, text })| {
                passed = passed && last_passed.as_ref().is_some_and(|last| key <= last);
                search::Row {
                    text,
                    record: platform,
                    passed,
                }
            })
    }

    /// A plan.
    pub fn plan(&self, name: &PlanName) -> Option<&Arc<Plan>> {
        self.plans.get(name)
    }

    /// All plans, by name.
    pub const fn plans(&self) -> &OrdMap<PlanName, Arc<Plan>> {
        &self.plans
    }

    /// The plans of one platform, by name.
    pub fn plans_of(&self, platform: &PlatformName) -> impl Iterator<Item = &Arc<Plan>> {
        below(&self.plans, PlanName::prefix(platform))
    }

    /// The plan of a platform that is in force.
    pub fn issued_plan(&self, platform: &PlatformName) -> Option<&Arc<Plan>> {
        self.plans_of(platform)
            .find(|plan| plan.state == PlanState::Issued)
    }

    /// A milestone.
    pub fn milestone(&self, name: &MilestoneName) -> Option<&Arc<Milestone>> {
        self.milestones.get(name)
    }

    /// All milestones, by name.
    pub const fn milestones(&self) -> &OrdMap<MilestoneName, Arc<Milestone>> {
        &self.milestones
    }

    /// The milestones of one plan, by name.
    pub fn milestones_of(&self, plan: &PlanName) -> impl Iterator<Item = &Arc<Milestone>> {
        below(&self.milestones, MilestoneName::prefix(plan))
    }

    /// A baseline.
    pub fn baseline(&self, name: &BaselineName) -> Option<&Arc<Baseline>> {
        self.baselines.get(name)
    }

    /// All baselines, by name.
    pub const fn baselines(&self) -> &OrdMap<BaselineName, Arc<Baseline>> {
        &self.baselines
    }

    /// The baselines of one plan, by name.
    pub fn baselines_of(&self, plan: &PlanName) -> impl Iterator<Item = &Arc<Baseline>> {
        below(&self.baselines, BaselineName::prefix(plan))
    }

    /// A report.
    pub fn report(&self, name: &ReportName) -> Option<&Arc<Report>> {
        self.reports.get(name)
    }

    /// All reports, by name.
    pub const fn reports(&self) -> &OrdMap<ReportName, Arc<Report>> {
        &self.reports
    }

    /// The reports of one plan, by name.
    pub fn reports_of(&self, plan: &PlanName) -> impl Iterator<Item = &Arc<Report>> {
        below(&self.reports, ReportName::prefix(plan))
    }

    /// An assessment.
    pub fn assessment(&self, name: &AssessmentName) -> Option<&Arc<Assessment>> {
        self.assessments.get(name)
    }

    /// All assessments, by name.
    pub const fn assessments(&self) -> &OrdMap<AssessmentName, Arc<Assessment>> {
        &self.assessments
    }

    /// The assessments of one plan, by name.
    pub fn assessments_of(&self, plan: &PlanName) -> impl Iterator<Item = &Arc<Assessment>> {
        below(&self.assessments, AssessmentName::prefix(plan))
    }

    /// A proposal.
    pub fn proposal(&self, name: &ProposalName) -> Option<&Arc<Proposal>> {
        self.proposals.get(name)
    }

    /// All proposals, by name.
    pub const fn proposals(&self) -> &OrdMap<ProposalName, Arc<Proposal>> {
        &self.proposals
    }

    /// The proposals of one platform, by name.
    pub fn proposals_of(&self, platform: &PlatformName) -> impl Iterator<Item = &Arc<Proposal>> {
        below(&self.proposals, ProposalName::prefix(platform))
    }

    /// A figure.
    pub fn figure(&self, name: &FigureName) -> Option<&Arc<Figure>> {
        self.figures.get(name)
    }

    /// All figures, by name.
    pub const fn figures(&self) -> &OrdMap<FigureName, Arc<Figure>> {
        &self.figures
    }

    /// A principal.
    pub fn principal(&self, name: &PrincipalName) -> Option<&Arc<Principal>> {
        self.principals.get(name)
    }

    /// All principals, by name.
    pub const fn principals(&self) -> &OrdMap<PrincipalName, Arc<Principal>> {
        &self.principals
    }

    /// An API key.
    pub fn api_key(&self, name: &ApiKeyName) -> Option<&Arc<ApiKey>> {
        self.api_keys.get(name)
    }

    /// All API keys, by name.
    pub const fn api_keys(&self) -> &OrdMap<ApiKeyName, Arc<ApiKey>> {
        &self.api_keys
    }

    /// The API keys of one principal, by name.
    pub fn api_keys_of(&self, principal: &PrincipalName) -> impl Iterator<Item = &Arc<ApiKey>> {
        below(&self.api_keys, ApiKeyName::prefix(principal))
    }

    /// How many platforms are in the catalogue.
    pub fn active_platforms(&self) -> impl Iterator<Item = &Arc<Platform>> {
        self.platforms
            .values()
            .filter(|platform| platform.state() == PlatformState::Active)
    }

    /// Every image, in the order of kinds and names: for comparing two States.
    pub fn images(&self) -> impl Iterator<Item = Image> + '_ {
        let agencies = self.agencies.values().cloned().map(Image::Agency);
        let editions = self.editions.values().cloned().map(Image::Edition);
        let platforms = self.platforms.values().cloned().map(Image::Platform);
        let plans = self.plans.values().cloned().map(Image::Plan);
        let milestones = self.milestones.values().cloned().map(Image::Milestone);
        let baselines = self.baselines.values().cloned().map(Image::Baseline);
        let reports = self.reports.values().cloned().map(Image::Report);
        let assessments = self.assessments.values().cloned().map(Image::Assessment);
        let proposals = self.proposals.values().cloned().map(Image::Proposal);
        let figures = self.figures.values().cloned().map(Image::Figure);
        let principals = self.principals.values().cloned().map(Image::Principal);
        let api_keys = self.api_keys.values().cloned().map(Image::ApiKey);
        agencies
            .chain(editions)
            .chain(platforms)
            .chain(plans)
            .chain(milestones)
            .chain(baselines)
            .chain(reports)
            .chain(assessments)
            .chain(proposals)
            .chain(figures)
            .chain(principals)
            .chain(api_keys)
    }
}

fn display_name_key(platform: &Platform) -> DisplayNameKey {
    (
        sort_key(&platform.fields.display_name),
        platform.name.clone(),
    )
}

/// The records whose names begin with `prefix`, found without walking the others.
fn below<K, V>(map: &OrdMap<K, V>, prefix: String) -> impl Iterator<Item = &V>
where
    K: Ord + Clone + Borrow<str>,
    V: Clone,
{
    rows(map, prefix, None)
}

/// The records whose names begin with `prefix` and come after `after`, in the order of names;
/// found without walking the others.
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
