//! Visibility: one rule per kind of record, applied on every path: get, list, count, search,
//! history, watch and error. A caller sees a record whole, sees it with parts withheld, or does not
//! learn that it exists. An image of the past is visible only if both the rule at that time and the
//! current rule allow it. The times and revisions of withheld changes are withheld too.

use std::{borrow::Cow, sync::Arc};

use crate::domain::{
    agencies::Agency,
    assessments::Assessment,
    baselines::Baseline,
    caller::Caller,
    change::Image,
    editions::Edition,
    figures::Figure,
    kinds::{Record, kinds, on_image},
    milestones::Milestone,
    names::AgencyName,
    plans::{Audience, Plan, PlanFields, PlanState, Visibility},
    platforms::Platform,
    principals::{ApiKey, Principal, Role},
    proposals::Proposal,
    reports::Report,
};

use super::{State, maps::Mapped};

/// A record that a caller may see whole, in part or not at all.
pub trait Visible: Mapped {
    /// What `caller` sees of it; `None` when the caller may not know that it exists.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>>;

    /// The same record as `state` holds it.
    fn as_in<'a>(&self, state: &'a State) -> Option<&'a Self> {
        Self::all(state).get(self.name()).map(|record| &**record)
    }

    /// What `caller` sees of it as an image of the past. `now` is the current record.
    fn visible_since(&self, now: &Self, caller: &Caller) -> Option<Cow<'_, Self>> {
        now.visible(caller)?;
        self.visible(caller)
    }

    /// What `caller` sees of it while `now` is the newest State; `None` if `now` no longer has the
    /// record.
    fn visible_at(&self, now: &State, caller: &Caller) -> Option<Cow<'_, Self>> {
        self.visible_since(self.as_in(now)?, caller)
    }

    /// The agency that it belongs to.
    fn agency(&self) -> Option<&AgencyName>;

    /// Whether the same callers see it and `other`.
    fn is_guarded_as(&self, other: &Self) -> bool;
}

/// What `caller` sees of an image as it is written.
pub fn visible(caller: &Caller, image: &Image) -> Option<Image> {
    seen(caller, None, image)
}

/// What `caller` sees of an image of the past while `now` is the newest State.
pub fn visible_at(now: &State, caller: &Caller, image: &Image) -> Option<Image> {
    seen(caller, Some(now), image)
}

fn seen(caller: &Caller, now: Option<&State>, image: &Image) -> Option<Image> {
    fn of<T: Visible>(caller: &Caller, now: Option<&State>, record: &Arc<T>) -> Option<Arc<T>> {
        let seen = match now {
            None => record.visible(caller),
            Some(now) => record.visible_at(now, caller),
        };
        seen.map(|seen| match seen {
            Cow::Borrowed(_) => Arc::clone(record),
            Cow::Owned(redacted) => Arc::new(redacted),
        })
    }
    on_image!(image, record => of(caller, now, record).map(Record::into_image))
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
    fn visible(&self, _: &Caller) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }

    fn agency(&self) -> Option<&AgencyName> {
        None
    }

    fn is_guarded_as(&self, _: &Self) -> bool {
        true
    }
}

impl Visible for Edition {
    fn visible(&self, _: &Caller) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }

    fn agency(&self) -> Option<&AgencyName> {
        None
    }

    fn is_guarded_as(&self, _: &Self) -> bool {
        true
    }
}

impl Visible for Figure {
    fn visible(&self, _: &Caller) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }

    fn agency(&self) -> Option<&AgencyName> {
        None
    }

    fn is_guarded_as(&self, _: &Self) -> bool {
        true
    }
}

impl Visible for Platform {
    /// Everyone sees platforms; the security level is not shown to anonymous callers.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
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

    fn agency(&self) -> Option<&AgencyName> {
        self.governing_agency()
    }

    fn is_guarded_as(&self, _: &Self) -> bool {
        true
    }
}

impl Visible for Plan {
    /// Before a plan is issued, only its agency, the steward and auditors see it. Then everyone
    /// sees it or, if it is restricted, its existence and document. Only callers who see everything
    /// see who acted and what was written before the plan was issued.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        if sees_all_of(caller, &self.agency) {
            return Some(Cow::Borrowed(self));
        }
        self.state
            .was_issued()
            .then(|| Cow::Owned(shown_plan(self, self.visibility())))
    }

    /// Callers who could see the whole plan then and can see it now see it whole. Other callers see
    /// the public part. This part is restricted if the plan was restricted then or is now.
    fn visible_since(&self, now: &Self, caller: &Caller) -> Option<Cow<'_, Self>> {
        let (seen, seen_now) = (self.visible(caller)?, now.visible(caller)?);
        if matches!(seen_now, Cow::Borrowed(_)) {
            return Some(seen);
        }
        let restricted = [self, now]
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

    fn agency(&self) -> Option<&AgencyName> {
        Some(&self.agency)
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
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        if sees_all_of(caller, &self.audience.agency) {
            return Some(Cow::Borrowed(self));
        }
        let since = self.audience.public_since?;
        if self
            .dropping
            .as_ref()
            .is_some_and(|it| it.record_time < since)
        {
            return None;
        }
        if self.meta.create_time >= since {
            return Some(Cow::Borrowed(self));
        }
        // Drafting begins before the public may know of it.
        let mut shown = self.clone();
        shown.meta.create_time = since;
        Some(Cow::Owned(shown))
    }

    fn visible_since(&self, now: &Self, caller: &Caller) -> Option<Cow<'_, Self>> {
        now.visible(caller)?;
        self.visible(unless_outside(caller, &now.audience.agency))
    }

    fn agency(&self) -> Option<&AgencyName> {
        Some(&self.audience.agency)
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.audience == other.audience && self.dropping.is_some() == other.dropping.is_some()
    }
}

impl Visible for Baseline {
    /// Callers who see the whole plan see it whole. Other callers see it if the plan is issued and
    /// PUBLIC, but not who approved it.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        if sees_all_of(caller, &self.audience.agency) {
            return Some(Cow::Borrowed(self));
        }
        self.audience.public_since?;
        let mut shown = self.clone();
        shown.approval.person = None;
        Some(Cow::Owned(shown))
    }

    fn visible_since(&self, now: &Self, caller: &Caller) -> Option<Cow<'_, Self>> {
        now.visible(caller)?;
        self.visible(unless_outside(caller, &now.audience.agency))
    }

    fn agency(&self) -> Option<&AgencyName> {
        Some(&self.audience.agency)
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.audience == other.audience
    }
}

impl Visible for Report {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        sees_children_of(caller, &self.audience).then_some(Cow::Borrowed(self))
    }

    fn visible_since(&self, now: &Self, caller: &Caller) -> Option<Cow<'_, Self>> {
        now.visible(caller)?;
        self.visible(unless_outside(caller, &now.audience.agency))
    }

    fn agency(&self) -> Option<&AgencyName> {
        Some(&self.audience.agency)
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.audience == other.audience
    }
}

impl Visible for Assessment {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        sees_children_of(caller, &self.audience).then_some(Cow::Borrowed(self))
    }

    fn visible_since(&self, now: &Self, caller: &Caller) -> Option<Cow<'_, Self>> {
        now.visible(caller)?;
        self.visible(unless_outside(caller, &now.audience.agency))
    }

    fn agency(&self) -> Option<&AgencyName> {
        Some(&self.audience.agency)
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.audience == other.audience
    }
}

impl Visible for Proposal {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        let of_agency = self
            .agency
            .as_ref()
            .is_some_and(|agency| caller.is_of(agency));
        (caller.oversees() || of_agency).then_some(Cow::Borrowed(self))
    }

    fn agency(&self) -> Option<&AgencyName> {
        self.agency.as_ref()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.agency == other.agency
    }
}

impl Visible for Principal {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        let itself = caller
            .person()
            .is_some_and(|person| person.principal == self.name);
        (itself || keeps_principals_of(caller, self.fields.agency.as_ref()))
            .then_some(Cow::Borrowed(self))
    }

    fn agency(&self) -> Option<&AgencyName> {
        self.fields.agency.as_ref()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.fields.agency == other.fields.agency
    }
}

impl Visible for ApiKey {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        let its_own = caller
            .person()
            .is_some_and(|person| person.principal == self.name.parent());
        (its_own || keeps_principals_of(caller, self.agency.as_ref()))
            .then_some(Cow::Borrowed(self))
    }

    fn agency(&self) -> Option<&AgencyName> {
        self.agency.as_ref()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.agency == other.agency
    }
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

/// Records, when a record is written again, the last write that changed its public part.
pub fn note_public_write(image: &mut Image, state: &State) {
    /// The last public write, if the current write changes only withheld parts.
    macro_rules! public_write {
        ($old:expr, $new:ident) => {{
            let mut alike = (**$new).clone();
            $old.and_then(|old| {
                (alike.meta, alike.public_write) = (old.meta, old.public_write);
                let last = old.public_write.unwrap_or_else(|| old.meta.into());
                is_changed_unseen(&**old, &alike).then_some(last)
            })
        }};
    }
    match image {
        Image::Platform(platform) => {
            let write = public_write!(state.platform(&platform.name), platform);
            Arc::make_mut(platform).public_write = write;
        }
        Image::Plan(plan) => {
            let write = public_write!(state.plan(&plan.name), plan);
            Arc::make_mut(plan).public_write = write;
        }
        _ => {}
    }
}

/// Whether a public record was changed without a change to its public part.
fn is_changed_unseen<T: Visible + PartialEq>(old: &T, new: &T) -> bool {
    let seen = old.visible(&OUTSIDER);
    seen.is_some() && new != old && new.visible(&OUTSIDER) == seen
}

/// A caller who sees only what is public.
static OUTSIDER: Caller = Caller::Anonymous;

/// The caller, or an anonymous caller if the caller does not see all plans of the agency.
fn unless_outside<'a>(caller: &'a Caller, agency: &AgencyName) -> &'a Caller {
    if sees_all_of(caller, agency) {
        caller
    } else {
        &OUTSIDER
    }
}

fn sees_all_of(caller: &Caller, agency: &AgencyName) -> bool {
    caller.oversees() || caller.is_of(agency)
}

/// Whether the caller sees all of the plan that a record below it belongs to.
fn sees_children_of(caller: &Caller, audience: &Audience) -> bool {
    audience.public_since.is_some() || sees_all_of(caller, &audience.agency)
}

fn keeps_principals_of(caller: &Caller, agency: Option<&AgencyName>) -> bool {
    caller.has(Role::Admin)
        || caller.has(Role::Auditor)
        || agency.is_some_and(|agency| caller.has_in(Role::AgencyAdmin, agency))
}
