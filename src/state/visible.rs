//! Who sees what: one rule per kind of record, asked on every path — get, list, count, search and
//! error alike. A record is seen whole, seen with parts withheld, or not known to exist.

use std::{borrow::Cow, sync::Arc};

use crate::domain::{
    agencies::Agency,
    assessments::Assessment,
    baselines::Baseline,
    caller::Caller,
    change::Image,
    editions::Edition,
    figures::Figure,
    milestones::Milestone,
    names::AgencyName,
    plans::{Audience, Plan, PlanFields, PlanState, Visibility},
    platforms::Platform,
    principals::{ApiKey, Principal, Role},
    proposals::Proposal,
    reports::Report,
};

/// A record that a caller may see whole, in part or not at all.
pub trait Visible: Clone {
    /// What `caller` sees of it; `None` when the caller may not know that it exists.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>>;
}

/// What `caller` sees of an image.
pub fn visible(caller: &Caller, image: &Image) -> Option<Image> {
    fn of<T: Visible>(caller: &Caller, record: &Arc<T>) -> Option<Arc<T>> {
        record.visible(caller).map(|seen| match seen {
            Cow::Borrowed(_) => Arc::clone(record),
            Cow::Owned(redacted) => Arc::new(redacted),
        })
    }
    match image {
        Image::Agency(agency) => of(caller, agency).map(Image::Agency),
        Image::Edition(edition) => of(caller, edition).map(Image::Edition),
        Image::Platform(platform) => of(caller, platform).map(Image::Platform),
        Image::Plan(plan) => of(caller, plan).map(Image::Plan),
        Image::Milestone(milestone) => of(caller, milestone).map(Image::Milestone),
        Image::Baseline(baseline) => of(caller, baseline).map(Image::Baseline),
        Image::Report(report) => of(caller, report).map(Image::Report),
        Image::Assessment(assessment) => of(caller, assessment).map(Image::Assessment),
        Image::Proposal(proposal) => of(caller, proposal).map(Image::Proposal),
        Image::Figure(figure) => of(caller, figure).map(Image::Figure),
        Image::Principal(principal) => of(caller, principal).map(Image::Principal),
        Image::ApiKey(key) => of(caller, key).map(Image::ApiKey),
    }
}

impl Visible for Agency {
    fn visible(&self, _: &Caller) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Visible for Edition {
    fn visible(&self, _: &Caller) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Visible for Figure {
    fn visible(&self, _: &Caller) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Visible for Platform {
    /// Everyone sees platforms; the security level is not shown to anonymous callers.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        if self.fields.security.is_none() || !caller.is_anonymous() {
            return Some(Cow::Borrowed(self));
        }
        let mut shown = self.clone();
        shown.fields.security = None;
        Some(Cow::Owned(shown))
    }
}

impl Visible for Plan {
    /// Before it is issued its agency, the steward and auditors; from then on everyone, or, where
    /// it is restricted, everyone its existence and document. Who acted and what was written
    /// before it was issued stay with those who see everything.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        if sees_all_of(caller, &self.agency) {
            return Some(Cow::Borrowed(self));
        }
        if !self.state.was_issued() {
            return None;
        }
        let restricted = self.fields.visibility == Visibility::Restricted;
        let mut shown = self.clone();
        shown.state_history.retain(|entry| entry.state.was_issued());
        for entry in &mut shown.state_history {
            entry.person = None;
            if restricted || !matches!(entry.state, PlanState::Revoked | PlanState::Annulled) {
                entry.reason.clear();
            }
        }
        // Drafting begins before the public may know of it.
        if let Some(first) = shown.state_history.first() {
            shown.meta.create_time = first.record_time;
        }
        if restricted {
            shown.fields = PlanFields {
                visibility: Visibility::Restricted,
                ..PlanFields::default()
            };
            shown.redacted = true;
        }
        Some(Cow::Owned(shown))
    }
}

impl Visible for Milestone {
    /// Those who see all of its plan; but one given up before the plan was issued was promised to
    /// nobody outside.
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
}

impl Visible for Baseline {
    /// Those who see all of its plan; who approved it as who acted on the plan.
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        if sees_all_of(caller, &self.audience.agency) {
            return Some(Cow::Borrowed(self));
        }
        self.audience.public_since?;
        let mut shown = self.clone();
        shown.approval.person = None;
        Some(Cow::Owned(shown))
    }
}

impl Visible for Report {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        sees_children_of(caller, &self.audience).then_some(Cow::Borrowed(self))
    }
}

impl Visible for Assessment {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        sees_children_of(caller, &self.audience).then_some(Cow::Borrowed(self))
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
}

impl Visible for Principal {
    fn visible(&self, caller: &Caller) -> Option<Cow<'_, Self>> {
        let itself = caller
            .person()
            .is_some_and(|person| person.principal == self.name);
        (itself || keeps_principals_of(caller, self.fields.agency.as_ref()))
            .then_some(Cow::Borrowed(self))
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
