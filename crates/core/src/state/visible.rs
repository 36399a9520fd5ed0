//! Visibility: one rule per kind of record, applied on every path: get, list, count, search,
//! history, watch and error. A caller sees a record whole, sees it with parts withheld, or does not
//! learn that it exists. No record repeats who may see it: the rule asks its parent. An image of
//! the past is visible only if both the rule at that time and the current rule allow it. The rule
//! at that time asks the parent as it was then: in a past State, or, for a change of the log, as
//! the log has it before and after that change ([`Ancestry`]). A parent that is missing hides what
//! is below it. The times and revisions of withheld changes are withheld too.

use std::{
    borrow::{Borrow as _, Cow},
    sync::Arc,
};

use crate::{
    caller::Caller,
    change::{Change, Effect, Image},
    kinds,
    names::AgencyName,
    on_image,
    records::{
        Kind, Record,
        agencies::Agency,
        assessments::Assessment,
        baselines::Baseline,
        editions::Edition,
        figures::Figure,
        meta::{Meta, PublicWrite},
        milestones::Milestone,
        plans::{Plan, PlanFields, PlanState, Visibility},
        platforms::Platform,
        principals::{ApiKey, Principal, Role},
        proposals::Proposal,
        reports::Report,
    },
    state::{State, maps::Mapped},
    time::Timestamp,
};

/// Who may see the records below one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The agency that the parent belongs to.
    pub agency: Option<AgencyName>,
    /// When the issue of a plan was recorded that everyone may see whole.
    pub public_since: Option<Timestamp>,
    /// The write since which everyone may see it whole.
    pub published: Option<PublicWrite>,
}

impl Audience {
    fn of_agency(agency: Option<&AgencyName>) -> Self {
        Self {
            agency: agency.cloned(),
            ..Self::default()
        }
    }

    fn of_plan(plan: &Plan) -> Self {
        Self {
            agency: Some(plan.agency.clone()),
            public_since: plan.public_since(),
            published: plan.published,
        }
    }

    /// The audience that a record gives to those below it.
    fn below(image: &Image) -> Self {
        match image {
            Image::Plan(plan) => Self::of_plan(plan),
            Image::Platform(platform) => Self::of_agency(platform.governing_agency()),
            Image::Principal(principal) => Self::of_agency(principal.fields.agency.as_ref()),
            _ => Self::default(),
        }
    }

    /// The metadata that everyone may see of a record: drafting begins before the public may know
    /// of it, and what was written while it was hidden appears as of when it was published.
    fn public_meta(&self, meta: Meta) -> Meta {
        let unseen = self
            .published
            .filter(|write| meta.revision < write.revision);
        let mut shown = meta.as_of(unseen);
        if let Some(since) = self.public_since {
            shown.create_time = shown.create_time.max(since);
        }
        shown
    }
}

/// Where the audience of a record below another is looked up.
pub trait Parents {
    /// The audience that the record of this kind and name gives to those below it: nobody's where
    /// it does not exist.
    fn audience(&self, kind: Kind, name: &str) -> Audience;
}

impl Parents for State {
    fn audience(&self, kind: Kind, name: &str) -> Audience {
        let found = match kind {
            Kind::Plan => self.plans().get(name).map(|plan| Audience::of_plan(plan)),
            Kind::Platform => {
                let platform = self.platforms().get(name);
                platform.map(|it| Audience::of_agency(it.governing_agency()))
            }
            Kind::Principal => {
                let principal = self.principals().get(name);
                principal.map(|it| Audience::of_agency(it.fields.agency.as_ref()))
            }
            _ => None,
        };
        found.unwrap_or_default()
    }
}

/// The parents of the records that one change touches, as they were at one point of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Audiences(Vec<(String, Audience)>);

impl Parents for Audiences {
    fn audience(&self, _: Kind, name: &str) -> Audience {
        let mut audiences = self.0.iter();
        let found = audiences.find(|(of, _)| of == name);
        found.map(|(_, it)| it.clone()).unwrap_or_default()
    }
}

/// The parents of the records that one change touches, before it and after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ancestry {
    before: Audiences,
    after: Audiences,
}

impl Ancestry {
    /// Of a change; `before` holds each of [`parents_of`] as it was before the change.
    pub fn new(change: &Change, before: impl IntoIterator<Item = Option<Image>>) -> Self {
        let mut ancestry = Self::default();
        for (name, image) in parents_of(change).into_iter().zip(before) {
            let mut effects = change.effects.iter().rev();
            let written = effects.find_map(|effect| match effect {
                Effect::Put(image) if image.name() == name => Some(Audience::below(image)),
                Effect::Remove { name: removed } if removed == name => Some(Audience::default()),
                _ => None,
            });
            let then = image.as_ref().map(Audience::below).unwrap_or_default();
            let after = written.unwrap_or_else(|| then.clone());
            ancestry.before.0.push((name.to_owned(), then));
            ancestry.after.0.push((name.to_owned(), after));
        }
        ancestry
    }

    /// Before the change.
    pub fn before(&self) -> &dyn Parents {
        &self.before
    }

    /// After it.
    pub fn after(&self) -> &dyn Parents {
        &self.after
    }
}

/// The parents that say who may see the records that a change touches, each once.
pub fn parents_of(change: &Change) -> Vec<&str> {
    let mut parents = Vec::new();
    for effect in &change.effects {
        if let Some(name) = Kind::of_name(effect.name())
            .filter(|kind| parent_kind(*kind).is_some())
            .and_then(|_| parent_of(effect.name()))
            && !parents.contains(&name)
        {
            parents.push(name);
        }
    }
    parents
}

/// The kind of the parent that says who may see records of a kind; none where the record itself
/// says it.
const fn parent_kind(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::Milestone | Kind::Baseline | Kind::Report | Kind::Assessment => Some(Kind::Plan),
        Kind::Proposal => Some(Kind::Platform),
        Kind::ApiKey => Some(Kind::Principal),
        Kind::Agency
        | Kind::Edition
        | Kind::Platform
        | Kind::Plan
        | Kind::Figure
        | Kind::Principal => None,
    }
}

/// The name without its last collection and id.
fn parent_of(name: &str) -> Option<&str> {
    name.rsplitn(3, '/').nth(2)
}

/// A record that a caller may see whole, in part or not at all.
pub trait Visible: Mapped {
    /// What `caller` sees of it while its parent is as `at` has it; `None` when the caller may not
    /// know that it exists.
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>>;

    /// The same record as `state` holds it.
    fn as_in<'a>(&self, state: &'a State) -> Option<&'a Self> {
        Self::all(state).get(self.name()).map(|record| &**record)
    }

    /// Who may see it, as its parent says.
    fn audience(&self, at: &dyn Parents) -> Audience {
        let parent = parent_kind(Self::KIND).zip(parent_of(self.name().borrow()));
        parent.map_or_else(Audience::default, |(kind, name)| at.audience(kind, name))
    }

    /// What `caller` sees of it as an image of the past, when its parent was as `then` has it.
    /// `record` is the same record in `now`, the newest State. Below a plan, a caller who does not
    /// see the whole plan now sees what everyone saw then.
    fn visible_since(
        &self,
        then: &dyn Parents,
        record: &Self,
        now: &State,
        caller: &Caller,
    ) -> Option<Cow<'_, Self>> {
        record.visible(caller, now)?;
        let outside = parent_kind(Self::KIND) == Some(Kind::Plan)
            && !sees_all_of(caller, record.agency(now).as_ref());
        self.visible(if outside { &OUTSIDER } else { caller }, then)
    }

    /// What `caller` sees of it as an image of `then` while `now` is the newest State; `None` if
    /// `now` no longer has the record.
    fn visible_at(
        &self,
        then: &dyn Parents,
        now: &State,
        caller: &Caller,
    ) -> Option<Cow<'_, Self>> {
        self.visible_since(then, self.as_in(now)?, now, caller)
    }

    /// The agency that it belongs to: its own, or its parent's.
    fn agency(&self, at: &dyn Parents) -> Option<AgencyName> {
        self.audience(at).agency
    }

    /// Whether the same callers see it and `other`, and the records below them.
    fn is_guarded_as(&self, _other: &Self) -> bool {
        true
    }
}

/// A record as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRecord {
    /// The record, without what is withheld.
    pub image: Image,
    /// The agency that it belonged to.
    pub agency: Option<AgencyName>,
}

/// What `caller` sees of an image as it is written, while its parent is as `at` has it.
pub fn visible(at: &dyn Parents, caller: &Caller, image: &Image) -> Option<SeenRecord> {
    seen(at, None, caller, image)
}

/// What `caller` sees of an image of `then` while `now` is the newest State.
pub fn visible_at(
    then: &dyn Parents,
    now: &State,
    caller: &Caller,
    image: &Image,
) -> Option<SeenRecord> {
    seen(then, Some(now), caller, image)
}

fn seen(
    then: &dyn Parents,
    now: Option<&State>,
    caller: &Caller,
    image: &Image,
) -> Option<SeenRecord> {
    fn of<T: Visible>(
        then: &dyn Parents,
        now: Option<&State>,
        caller: &Caller,
        record: &Arc<T>,
    ) -> Option<Arc<T>> {
        let seen = match now {
            None => record.visible(caller, then),
            Some(now) => record.visible_at(then, now, caller),
        };
        seen.map(|seen| match seen {
            Cow::Borrowed(_) => Arc::clone(record),
            Cow::Owned(redacted) => Arc::new(redacted),
        })
    }
    let shown = on_image!(image, record => of(then, now, caller, record).map(Record::into_image));
    shown.map(|image| SeenRecord {
        agency: agency_of(&image, then),
        image,
    })
}

/// The agency that a resource belongs to.
pub fn agency_of(image: &Image, at: &dyn Parents) -> Option<AgencyName> {
    on_image!(image, record => record.agency(at))
}

/// Whether those who see one image may see the other: two images of one record.
pub fn is_guarded_alike(one: &Image, other: &Image) -> bool {
    macro_rules! alike {
        (() $($record:ident $one:ident $many:ident $name:ident $(($($rest:tt)*))?;)+) => {
            match (one, other) {
                $((Image::$record(one), Image::$record(other)) => one.is_guarded_as(other),)+
                _ => false,
            }
        };
    }
    kinds!(alike!())
}

impl Visible for Agency {
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Visible for Edition {
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Visible for Figure {
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Visible for Platform {
    /// Everyone sees platforms; the security level is not shown to anonymous callers.
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        let is_public = self.fields.security.is_none() && self.public_write.is_none();
        if is_public || !caller.is_anonymous() {
            return Some(Cow::Borrowed(self));
        }
        let mut shown = self.clone();
        shown.fields.security = None;
        shown.meta = self.public_meta();
        shown.public_write = None;
        Some(Cow::Owned(shown))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.governing_agency().cloned()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.governing_agency() == other.governing_agency()
    }
}

impl Visible for Plan {
    /// Before a plan is issued, only its agency, the steward and auditors see it. Then everyone
    /// sees it or, if it is restricted, its existence and document. Only callers who see everything
    /// see who acted and what was written before the plan was issued.
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        if sees_all_of(caller, Some(&self.agency)) {
            return Some(Cow::Borrowed(self));
        }
        self.state
            .was_issued()
            .then(|| Cow::Owned(shown_plan(self, self.visibility())))
    }

    /// Callers who could see the whole plan then and can see it now see it whole. Other callers see
    /// the public part. This part is restricted if the plan was restricted then or is now.
    fn visible_since(
        &self,
        then: &dyn Parents,
        record: &Self,
        now: &State,
        caller: &Caller,
    ) -> Option<Cow<'_, Self>> {
        let (seen, seen_now) = (self.visible(caller, then)?, record.visible(caller, now)?);
        if matches!(seen_now, Cow::Borrowed(_)) {
            return Some(seen);
        }
        let restricted = [self, record]
            .iter()
            .any(|plan| plan.visibility() == Visibility::Restricted);
        let visibility = if restricted {
            Visibility::Restricted
        } else {
            Visibility::Public
        };
        self.state
            .was_issued()
            .then(|| Cow::Owned(shown_plan(self, visibility)))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        Some(self.agency.clone())
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        let of = |plan: &Self| {
            let issued = plan.state.was_issued();
            (plan.agency.clone(), plan.visibility(), issued)
        };
        of(self) == of(other)
    }
}

impl Visible for Milestone {
    /// Callers who see the whole plan see it. Other callers see it if the plan is issued and
    /// PUBLIC, unless the milestone was dropped before the issue was recorded.
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let audience = self.audience(at);
        if sees_all_of(caller, audience.agency.as_ref()) {
            return Some(Cow::Borrowed(self));
        }
        let since = audience.public_since?;
        let dropping = self.dropping.as_ref();
        if dropping.is_some_and(|it| it.record_time < since) {
            return None;
        }
        let meta = audience.public_meta(self.meta);
        Some(with_meta(self, meta, |shown| &mut shown.meta))
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.dropping.is_some() == other.dropping.is_some()
    }
}

impl Visible for Baseline {
    /// Callers who see the whole plan see it whole. Other callers see it if the plan is issued and
    /// PUBLIC, but not who approved it.
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let audience = self.audience(at);
        if sees_all_of(caller, audience.agency.as_ref()) {
            return Some(Cow::Borrowed(self));
        }
        audience.public_since?;
        let mut shown = self.clone();
        shown.approval.person = None;
        shown.meta = audience.public_meta(self.meta);
        Some(Cow::Owned(shown))
    }
}

impl Visible for Report {
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let audience = self.audience(at);
        if sees_all_of(caller, audience.agency.as_ref()) {
            return Some(Cow::Borrowed(self));
        }
        audience.public_since?;
        let meta = audience.public_meta(self.meta);
        Some(with_meta(self, meta, |shown| &mut shown.meta))
    }
}

impl Visible for Assessment {
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let audience = self.audience(at);
        if sees_all_of(caller, audience.agency.as_ref()) {
            return Some(Cow::Borrowed(self));
        }
        audience.public_since?;
        let meta = audience.public_meta(self.meta);
        Some(with_meta(self, meta, |shown| &mut shown.meta))
    }
}

impl Visible for Proposal {
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        sees_all_of(caller, self.audience(at).agency.as_ref()).then_some(Cow::Borrowed(self))
    }
}

impl Visible for Principal {
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        let itself = caller
            .person()
            .is_some_and(|person| person.principal == self.name);
        (itself || keeps_principals_of(caller, self.fields.agency.as_ref()))
            .then_some(Cow::Borrowed(self))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.fields.agency.clone()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.fields.agency == other.fields.agency
    }
}

impl Visible for ApiKey {
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let its_own = caller
            .person()
            .is_some_and(|person| person.principal == self.name.parent());
        (its_own || keeps_principals_of(caller, self.audience(at).agency.as_ref()))
            .then_some(Cow::Borrowed(self))
    }
}

/// A record that everyone may see, with the metadata that everyone may see.
fn with_meta<T: Record>(
    record: &T,
    meta: Meta,
    place: impl FnOnce(&mut T) -> &mut Meta,
) -> Cow<'_, T> {
    if *record.meta() == meta {
        return Cow::Borrowed(record);
    }
    let mut shown = record.clone();
    *place(&mut shown) = meta;
    Cow::Owned(shown)
}

/// The public part of an issued plan.
fn shown_plan(plan: &Plan, visibility: Visibility) -> Plan {
    let restricted = visibility == Visibility::Restricted;
    let mut shown = plan.clone();
    shown.state_history.retain(|entry| entry.state.was_issued());
    for entry in &mut shown.state_history {
        entry.person = None;
        if restricted || !matches!(entry.state, PlanState::Revoked | PlanState::Annulled) {
            entry.reason.clear();
        }
    }
    shown.meta = plan.public_meta();
    shown.public_write = None;
    // Drafting begins before the public may know of it.
    if let Some(first) = shown.state_history.first() {
        shown.meta.create_time = first.record_time;
    }
    if restricted {
        shown.fields = PlanFields::default();
        shown.restrict();
        shown.redacted = true;
    }
    shown
}

/// Records, when a record is written, the last write that changed its public part, and of a plan
/// the write that made it public.
pub fn note_public_write(image: &mut Image, state: &State) {
    /// The last public write, if the current write changes only withheld parts.
    macro_rules! public_write {
        ($old:expr, $new:ident) => {{
            let mut alike = (**$new).clone();
            $old.and_then(|old| {
                (alike.meta, alike.public_write) = (old.meta, old.public_write);
                let last = old.public_write.unwrap_or_else(|| old.meta.into());
                is_changed_unseen(&**old, &alike, state).then_some(last)
            })
        }};
    }
    match image {
        Image::Platform(platform) => {
            let write = public_write!(state.platform(&platform.name), platform);
            Arc::make_mut(platform).public_write = write;
        }
        Image::Plan(plan) => {
            let old = state.plan(&plan.name);
            let published = old.and_then(|old| old.public_since().and(old.published));
            let since = plan.public_since();
            let new = Arc::make_mut(plan);
            new.published = since.map(|_| published.unwrap_or_else(|| new.meta.into()));
            let write = public_write!(state.plan(&plan.name), plan);
            Arc::make_mut(plan).public_write = write;
        }
        _ => {}
    }
}

/// Whether a public record was changed without a change to its public part.
fn is_changed_unseen<T: Visible + PartialEq>(old: &T, new: &T, state: &State) -> bool {
    let seen = old.visible(&OUTSIDER, state);
    seen.is_some() && new != old && new.visible(&OUTSIDER, state) == seen
}

/// A caller who sees only what is public.
static OUTSIDER: Caller = Caller::Anonymous;

fn sees_all_of(caller: &Caller, agency: Option<&AgencyName>) -> bool {
    caller.oversees() || agency.is_some_and(|agency| caller.is_of(agency))
}

fn keeps_principals_of(caller: &Caller, agency: Option<&AgencyName>) -> bool {
    caller.has(Role::Admin)
        || caller.has(Role::Auditor)
        || agency.is_some_and(|agency| caller.has_in(Role::AgencyAdmin, agency))
}
