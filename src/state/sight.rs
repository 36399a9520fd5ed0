//! A change as one caller sees it: the effects it may see, whole or in part, and nothing of who
//! acted unless it may know. What leaves the caller's sight arrives as a removal; what was never
//! in it leaves no trace.

use std::borrow::Cow;

use crate::domain::{
    caller::Caller,
    change::{Change, Effect, Image, Notice},
    names::AgencyName,
    time::Timestamp,
};

use super::{
    query::schema::{Field, Queryable, Type, Values},
    visible::visible,
};

/// One resource touched, as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenEffect {
    /// Resource name.
    pub resource: String,
    /// The resource after the change; none where it is gone, or gone from the caller's sight.
    pub after: Option<Image>,
    /// The resource before it.
    pub before: Option<Image>,
    /// What the turn of a day told on it.
    pub notice: Option<Notice>,
}

/// A change as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenChange<'a> {
    /// The change; its effects are not to be shown from here.
    pub change: &'a Change,
    /// Whether who acted, by which request and why may be shown.
    pub shows_who: bool,
    /// The effects that the caller may see; never empty.
    pub effects: Vec<SeenEffect>,
}

/// What of the log a reader wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Names of resources, `-` for any id; all when empty.
    pub resources: Vec<String>,
    /// The agency that resources belong to; any when absent.
    pub agency: Option<AgencyName>,
}

impl Interest {
    /// Whether it is about this resource, before or after a change.
    fn covers(&self, name: &str, before: Option<&Image>, after: Option<&Image>) -> bool {
        let named = self.resources.is_empty()
            || self
                .resources
                .iter()
                .any(|pattern| is_named_by(name, pattern));
        let belongs = self.agency.as_ref().is_none_or(|agency| {
            let of = |image: Option<&Image>| image.and_then(agency_of) == Some(agency);
            of(before) || of(after)
        });
        named && belongs
    }

    /// Whether it is about this resource as it is.
    pub fn covers_image(&self, image: &Image) -> bool {
        self.covers(image.name(), None, Some(image))
    }
}

/// Whether a pattern such as `platforms/-/plans/-` names the resource.
fn is_named_by(name: &str, pattern: &str) -> bool {
    let mut parts = name.split('/');
    let mut wanted = pattern.split('/');
    loop {
        match (parts.next(), wanted.next()) {
            (None, None) => return true,
            (Some(part), Some(wanted)) if wanted == part || wanted == "-" => {}
            _ => return false,
        }
    }
}

/// The agency that a resource belongs to.
fn agency_of(image: &Image) -> Option<&AgencyName> {
    match image {
        Image::Platform(platform) => platform.fields.governing_agency.as_ref(),
        Image::Plan(plan) => Some(&plan.agency),
        Image::Milestone(milestone) => Some(&milestone.audience.agency),
        Image::Baseline(baseline) => Some(&baseline.audience.agency),
        Image::Report(report) => Some(&report.audience.agency),
        Image::Assessment(assessment) => Some(&assessment.audience.agency),
        Image::Proposal(proposal) => proposal.agency.as_ref(),
        Image::Principal(principal) => principal.fields.agency.as_ref(),
        Image::ApiKey(key) => key.agency.as_ref(),
        Image::Agency(_) | Image::Edition(_) | Image::Figure(_) => None,
    }
}

/// The change as `caller` sees it; `None` where it may see no effect that it is interested in.
/// `before` has one image for each effect.
pub fn see<'a>(
    caller: &Caller,
    interest: &Interest,
    change: &'a Change,
    before: &[Option<Image>],
) -> Option<SeenChange<'a>> {
    let mut effects = Vec::new();
    for (effect, before) in change.effects.iter().zip(before) {
        let (name, after) = match effect {
            Effect::Put(image) => (image.name(), Some(image)),
            Effect::Remove { name } => (name.as_str(), None),
            Effect::Notice(notice) => {
                if interest.covers(&notice.name, before.as_ref(), None)
                    && before.as_ref().is_some_and(|it| is_seen_whole(caller, it))
                {
                    effects.push(SeenEffect {
                        resource: notice.name.clone(),
                        after: None,
                        before: None,
                        notice: Some(notice.clone()),
                    });
                }
                continue;
            }
        };
        if !interest.covers(name, before.as_ref(), after) {
            continue;
        }
        let after = after.and_then(|image| visible(caller, image));
        let before = before.as_ref().and_then(|image| visible(caller, image));
        if after.is_some() || before.is_some() {
            effects.push(SeenEffect {
                resource: name.to_owned(),
                after,
                before,
                notice: None,
            });
        }
    }
    let of_agency = change
        .agency
        .as_ref()
        .is_some_and(|agency| caller.is_of(agency));
    let itself = caller
        .person()
        .is_some_and(|it| it.principal == change.person.principal);
    let shows_who = caller.oversees() || of_agency || itself;
    (!effects.is_empty()).then_some(SeenChange {
        change,
        shows_who,
        effects,
    })
}

/// Whether the caller sees the resource, and nothing of it is withheld.
fn is_seen_whole(caller: &Caller, image: &Image) -> bool {
    visible(caller, image).is_some_and(|seen| match seen {
        Image::Plan(plan) => !plan.redacted,
        _ => true,
    })
}

/// What a list of changes can be filtered by: no more than the caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeFacts {
    name: String,
    revision: i64,
    record_time: Timestamp,
    method: String,
    agency: Option<String>,
    principal: Option<String>,
    resources: Vec<String>,
}

impl From<&SeenChange<'_>> for ChangeFacts {
    fn from(seen: &SeenChange<'_>) -> Self {
        let SeenChange {
            change,
            shows_who,
            effects,
        } = seen;
        Self {
            name: format!("changes/{}", change.revision),
            revision: change.revision.get(),
            record_time: change.record_time,
            method: change.method.to_string(),
            agency: change.agency.as_ref().map(ToString::to_string),
            principal: shows_who.then(|| change.person.principal.to_string()),
            resources: effects
                .iter()
                .map(|effect| effect.resource.clone())
                .collect(),
        }
    }
}

impl Queryable for ChangeFacts {
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("revision", Type::Integer, |r: &Self| {
            Values::one(r.revision)
        })
        .orderable(),
        Field::new("record_time", Type::Timestamp, |r: &Self| {
            Values::one(r.record_time)
        }),
        Field::new("method", Type::Text, |r: &Self| Values::one(&*r.method)),
        Field::new("agency", Type::Resource("agencies/{agency}"), |r: &Self| {
            Values::option(r.agency.as_deref())
        }),
        Field::new(
            "principal",
            Type::Resource("principals/{principal}"),
            |r: &Self| Values::option(r.principal.as_deref()),
        ),
        Field::new("resources", Type::Resource(""), |r: &Self| {
            Values::Texts(&r.resources)
        })
        .repeated(),
    ];

    fn name(&self) -> Cow<'_, str> {
        (&*self.name).into()
    }
}
