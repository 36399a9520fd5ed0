//! Visibility: one rule per kind of record, in its record's file, applied on every path: get, list,
//! count, search, history, watch and error. A caller sees a record whole, sees it with parts
//! withheld, or does not learn that it exists. No record repeats who may see it: the rule asks its
//! parent. An image of the past is visible only if both the rule at that time and the current rule
//! allow it. The rule at that time asks the parent as it was then: in a past State, or, for a
//! change of the log, as the log has it before and after that change ([`Ancestry`]). A parent that
//! is missing hides what is below it. The times and revisions of withheld changes are withheld too.

use std::{
    borrow::{Borrow as _, Cow},
    sync::Arc,
};

use crate::{
    caller::Caller,
    change::{Change, Effect, Image},
    kinds,
    names::{AgencyName, PlatformName},
    on_image, on_kind,
    records::{
        Kind, Record,
        meta::{Meta, PublicWrite},
        principals::Role,
    },
    state::{State, maps::Mapped},
    time::Timestamp,
};

/// Who may see the records below one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The platform, for records that belong to one.
    pub platform: Option<PlatformName>,
    /// The agency that the parent belongs to.
    pub agency: Option<AgencyName>,
    /// When the issue of a plan was recorded that everyone may see whole.
    pub public_since: Option<Timestamp>,
    /// The write since which everyone may see it whole.
    pub published: Option<PublicWrite>,
    /// Whether transcribers see it: it is a plan that they record for an agency.
    pub transcribed: bool,
    /// Whether it is a principal that transcribes or measures, which the steward manages.
    pub of_transcriber: bool,
}

impl Audience {
    /// Those of an agency, before anything is public.
    pub(crate) fn of_agency(agency: Option<&AgencyName>) -> Self {
        Self {
            agency: agency.cloned(),
            ..Self::default()
        }
    }

    /// Whether the caller sees everything about the records below.
    pub(crate) fn sees_all(&self, caller: &Caller) -> bool {
        let entrusted = || {
            let place = self.agency.as_ref().zip(self.platform.as_ref());
            place.is_some_and(|(agency, platform)| caller.is_entrusted(agency, platform.as_str()))
        };
        sees_all_of(caller, self.agency.as_ref())
            || entrusted()
            || (self.transcribed && caller.has(Role::Transcriber))
    }

    /// The metadata that everyone may see of a record: drafting begins before the public may know
    /// of it, and what was written while it was hidden appears as of when it was published.
    pub(crate) fn public_meta(&self, meta: Meta) -> Meta {
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
    /// The audience that the record of this kind and name gives to those below it: empty if it
    /// does not exist.
    fn audience(&self, kind: Kind, name: &str) -> Audience;
}

impl Parents for State {
    fn audience(&self, kind: Kind, name: &str) -> Audience {
        fn of<T: Visible>(state: &State, name: &str) -> Option<Audience> {
            T::all(state).get(name).map(|it| it.audience_below())
        }
        on_kind!(kind, T => of::<T>(self, name)).unwrap_or_default()
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
                Effect::Put(image) if image.name() == name => Some(audience_below(image)),
                Effect::Remove { name: removed } if removed == name => Some(Audience::default()),
                _ => None,
            });
            let then = image.as_ref().map(audience_below).unwrap_or_default();
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

/// The parents that decide who may see the records that a change touches, each once.
pub fn parents_of(change: &Change) -> Vec<&str> {
    let mut parents = Vec::new();
    for effect in &change.effects {
        if let Some(name) = Kind::of_name(effect.name())
            .filter(|kind| on_kind!(*kind, T => T::GUARD).is_some())
            .and_then(|_| parent_of(effect.name()))
            && !parents.contains(&name)
        {
            parents.push(name);
        }
    }
    parents
}

/// The audience that a record gives to those below it.
fn audience_below(image: &Image) -> Audience {
    on_image!(image, record => record.audience_below())
}

/// The name without its last collection and id.
fn parent_of(name: &str) -> Option<&str> {
    name.rsplitn(3, '/').nth(2)
}

/// A record that a caller may see whole, in part or not at all.
pub trait Visible: Mapped {
    /// The kind of the parent that decides who may see it; `None` if the record itself decides.
    const GUARD: Option<Kind> = None;

    /// What `caller` sees of it while its parent is as `at` has it; `None` when the caller may not
    /// know that it exists.
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>>;

    /// The same record as `state` holds it.
    fn as_in<'a>(&self, state: &'a State) -> Option<&'a Self> {
        Self::all(state).get(self.name()).map(|record| &**record)
    }

    /// Who may see it, as its parent says.
    fn audience(&self, at: &dyn Parents) -> Audience {
        let parent = Self::GUARD.zip(parent_of(self.name().borrow()));
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
        let outside = Self::GUARD == Some(Kind::Plan) && !record.audience(now).sees_all(caller);
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

    /// Who may see the records below it.
    fn audience_below(&self) -> Audience {
        Audience::default()
    }

    /// The agency that it belongs to: its own, or its parent's.
    fn agency(&self, at: &dyn Parents) -> Option<AgencyName> {
        self.audience(at).agency
    }

    /// Whether the members of an agency, to which it does not belong, may see more of it than
    /// everyone. Such a kind overrides it, so that watchers of that agency are handled separately.
    fn is_shown_to(&self, _agency: &AgencyName) -> bool {
        false
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
pub(crate) fn agency_of(image: &Image, at: &dyn Parents) -> Option<AgencyName> {
    on_image!(image, record => record.agency(at))
}

/// Whether an agency, to which a resource does not belong, may see more of it than everyone.
pub(crate) fn is_shown_to(image: &Image, agency: &AgencyName) -> bool {
    on_image!(image, record => record.is_shown_to(agency))
}

/// Whether every caller who sees one image may see the other: two images of one record.
pub(crate) fn is_guarded_alike(one: &Image, other: &Image) -> bool {
    macro_rules! alike {
        (
            ()
            $($record:ident $one:ident $many:ident $name:ident $words:tt $(($($parent:tt)*))?;)+
        ) => {
            match (one, other) {
                $((Image::$record(one), Image::$record(other)) => one.is_guarded_as(other),)+
                _ => false,
            }
        };
    }
    kinds!(alike!())
}

/// A record that everyone may see, with the metadata that everyone may see.
pub(crate) fn with_meta<T: Record>(
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

/// Records, when a record is written, the last write that changed its public part, and of a plan
/// the write that made it public.
pub(crate) fn note_public_write(image: &mut Image, state: &State) {
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
pub(crate) static OUTSIDER: Caller = Caller::Anonymous;

pub(crate) fn sees_all_of(caller: &Caller, agency: Option<&AgencyName>) -> bool {
    caller.oversees() || agency.is_some_and(|agency| caller.is_of(agency))
}
