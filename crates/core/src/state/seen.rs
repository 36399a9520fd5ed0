//! A change as one caller sees it: the effects that the caller may see, whole or in part, and who
//! acted only if the caller may know. A resource that becomes hidden from the caller appears as
//! removed, with its name only. An effect on a hidden resource, or only on withheld parts, is left
//! out. Images follow the visibility rules of both their own time and now: see [`super::visible`].

use crate::{
    caller::{Caller, Reach},
    change::{Change, Effect, Image, Notice, Redaction},
    names::{AgencyName, PrincipalName},
    records::principals::Role,
    state::{
        State,
        visible::{Ancestry, Parents, SeenRecord, agency_of, is_shown_to, visible, visible_at},
    },
};

/// One resource touched, as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenEffect {
    /// Resource name.
    pub resource: String,
    /// The resource after the change; `None` if it was removed or became hidden from the caller.
    pub after: Option<SeenRecord>,
    /// The resource before it.
    pub before: Option<SeenRecord>,
    /// A statement about it, if the change writes nothing of it.
    pub statement: Option<Statement>,
}

/// What a change states of a resource that it does not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A computed value changed at the start of a day.
    Notice(Notice),
    /// Texts of it were redacted in earlier changes.
    Redaction(Redaction),
}

/// A change as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenChange<'a> {
    /// The change. Show its effects only from `effects`.
    pub change: &'a Change,
    /// Whether the caller may see who acted, by which request and for what reason.
    pub shows_who: bool,
    /// The effects that the caller may see; never empty.
    pub effects: Vec<SeenEffect>,
}

/// The part of the log that a reader wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Names of resources, `-` for any id; all when empty.
    pub resources: Vec<String>,
    /// The agency that resources belong to; any when absent.
    pub agency: Option<AgencyName>,
}

impl Interest {
    /// Whether it is about this resource, before or after a change.
    fn covers(&self, name: &str, before: Then<'_>, after: Then<'_>) -> bool {
        let named = self.resources.is_empty()
            || self
                .resources
                .iter()
                .any(|pattern| is_named_by(name, pattern));
        let belongs = self.agency.as_ref().is_none_or(|agency| {
            before.agency().as_ref() == Some(agency) || after.agency().as_ref() == Some(agency)
        });
        named && belongs
    }

    /// Whether it leaves nothing of a change out.
    pub fn covers_change(&self, past: &Past<'_>) -> bool {
        (self.resources.is_empty() && self.agency.is_none())
            || past
                .effects()
                .all(|(name, before, after)| self.covers(name, before, after))
    }

    /// Whether it is about this resource as `state` has it.
    pub fn covers_image(&self, state: &State, image: &Image) -> bool {
        let (none, image) = (Then::new(None, state), Then::new(Some(image), state));
        self.covers(image.name().unwrap_or_default(), none, image)
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

/// A change of the log, with what decides who sees it.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    pub change: &'a Change,
    /// Each resource that it touches as it was before, or nothing where [`needs_before`] says so.
    pub before: &'a [Option<Image>],
    /// The parents of those resources.
    pub ancestry: &'a Ancestry,
}

impl<'a> Past<'a> {
    /// Each effect: its resource, before and after.
    fn effects(&self) -> impl Iterator<Item = (&'a str, Then<'a>, Then<'a>)> + use<'a> {
        let Self {
            change,
            before,
            ancestry,
        } = *self;
        let before = before.iter().map(Option::as_ref);
        let before = before.chain(std::iter::repeat(None));
        let effects = change.effects.iter().zip(before);
        effects.map(|(effect, before)| {
            let after = match effect {
                Effect::Put(image) => Some(image),
                Effect::Remove { .. } | Effect::Notice(_) | Effect::Redaction(_) => None,
            };
            let before = Then::new(before, ancestry.before());
            (effect.name(), before, Then::new(after, ancestry.after()))
        })
    }
}

/// A resource as it was at a point of the log, if it existed, and its parent then.
#[derive(Clone, Copy)]
struct Then<'a> {
    image: Option<&'a Image>,
    parents: &'a dyn Parents,
}

impl<'a> Then<'a> {
    const fn new(image: Option<&'a Image>, parents: &'a dyn Parents) -> Self {
        Self { image, parents }
    }

    fn name(self) -> Option<&'a str> {
        self.image.map(Image::name)
    }

    fn agency(self) -> Option<AgencyName> {
        agency_of(self.image?, self.parents)
    }

    /// Whether it belonged to this agency, or was shown to it.
    fn concerns(self, agency: &AgencyName) -> bool {
        self.agency().as_ref() == Some(agency)
            || self.image.is_some_and(|image| is_shown_to(image, agency))
    }

    /// What `caller` saw of it then.
    fn visible(self, caller: &Caller) -> Option<SeenRecord> {
        visible(self.parents, caller, self.image?)
    }

    /// What `caller` sees of it while `now` is the newest State.
    fn visible_at(self, now: &State, caller: &Caller) -> Option<SeenRecord> {
        visible_at(self.parents, now, caller, self.image?)
    }
}

/// Whether the images before a change are needed to decide what `caller` sees of it. They are if
/// a resource may have become hidden from the caller or left its interest.
pub fn needs_before(caller: &Caller, interest: &Interest, past: &Past<'_>) -> bool {
    let parents = past.ancestry.after();
    past.change.effects.iter().any(|effect| match effect {
        Effect::Put(image) => {
            interest
                .agency
                .as_ref()
                .is_some_and(|it| agency_of(image, parents).as_ref() != Some(it))
                || visible(parents, caller, image).is_none()
        }
        Effect::Remove { .. } | Effect::Notice(_) | Effect::Redaction(_) => true,
    })
}

/// The properties of a caller that decide what it sees of one change. Callers with equal viewpoints
/// see the same. Properties that do not matter to the change are left out, so that few viewpoints
/// serve many callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewpoint {
    anonymous: bool,
    oversees: bool,
    keeps_principals: bool,
    transcribes: bool,
    /// The caller's agency, if the change concerns that agency or a resource that belongs to it
    /// now, and whether the caller administers the agency.
    agency: Option<(AgencyName, bool)>,
    /// The principal, if the change is about it or made by it.
    itself: Option<PrincipalName>,
    /// The caller's agency, and the caller's reach; `None` if the reach is empty.
    reach: Option<(Option<AgencyName>, Reach)>,
}

impl Viewpoint {
    /// The viewpoint of `caller` on a change while `now` is the newest State.
    pub fn of(now: &State, caller: &Caller, past: &Past<'_>) -> Self {
        let change = past.change;
        let any = |wanted: &dyn Fn(Then<'_>) -> bool| {
            past.effects()
                .any(|(_, before, after)| wanted(before) || wanted(after))
        };
        let agency = caller.agency().filter(|agency| {
            caller.is_of(agency)
                && (change.agency.as_ref() == Some(agency)
                    || any(&|then| then.concerns(agency))
                    || change.effects.iter().any(|effect| {
                        let image = now.image(effect.name());
                        Then::new(image.as_ref(), now).concerns(agency)
                    }))
        });
        let itself = caller.person().map(|person| person.principal);
        let itself = itself.filter(|it| {
            change.person.principal == *it
                || any(&|then| match then.image {
                    Some(Image::Principal(principal)) => principal.name == *it,
                    Some(Image::ApiKey(key)) => key.name.parent() == *it,
                    _ => false,
                })
        });
        Self {
            anonymous: caller.is_anonymous(),
            oversees: caller.oversees(),
            keeps_principals: caller.has(Role::Admin) || caller.has(Role::Auditor),
            transcribes: caller.has(Role::Transcriber),
            agency: agency.map(|agency| (agency.clone(), caller.has_in(Role::AgencyAdmin, agency))),
            itself,
            reach: caller
                .reach()
                .filter(|reach| **reach != Reach::default())
                .map(|reach| (caller.agency().cloned(), reach.clone())),
        }
    }
}

/// The change as `caller` sees it while `now` is the newest State; `None` where it may see no
/// effect that it is interested in.
pub fn see<'a>(
    now: &State,
    caller: &Caller,
    interest: &Interest,
    past: &Past<'a>,
) -> Option<SeenChange<'a>> {
    let change = past.change;
    let mut seen = Vec::new();
    for (effect, (name, before, after)) in change.effects.iter().zip(past.effects()) {
        if !interest.covers(name, before, after) {
            continue;
        }
        let statement = match effect {
            Effect::Notice(notice) => Some(Statement::Notice(notice.clone())),
            Effect::Redaction(redaction) => Some(Statement::Redaction(redaction.clone())),
            Effect::Put(_) | Effect::Remove { .. } => None,
        };
        if statement.is_some() {
            if is_seen_whole(before.visible_at(now, caller).as_ref()) {
                seen.push(SeenEffect {
                    resource: name.to_owned(),
                    after: None,
                    before: None,
                    statement,
                });
            }
            continue;
        }
        let remains = after.visible(caller).is_some();
        let known = before.visible(caller).is_some();
        let after = after.visible_at(now, caller);
        let shown = match &after {
            // of an older revision where only what is withheld was written
            Some(seen) => seen.image.meta().revision == change.revision,
            None => known && !remains,
        };
        if shown {
            let before = before.visible_at(now, caller);
            seen.push(SeenEffect {
                resource: name.to_owned(),
                after,
                before,
                statement: None,
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
    (!seen.is_empty()).then_some(SeenChange {
        change,
        shows_who,
        effects: seen,
    })
}

/// Whether the caller sees the resource, and nothing of it is withheld.
fn is_seen_whole(seen: Option<&SeenRecord>) -> bool {
    seen.is_some_and(|seen| match &seen.image {
        Image::Plan(plan) => !plan.redacted,
        _ => true,
    })
}
