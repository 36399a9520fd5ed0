//! What became of the platforms between two editions.
//!
//! A listing whose Vietnamese name is not known proves nothing about the other edition, so a
//! platform known only by such a listing is unresolved: neither added nor dropped. So is one that
//! may be an entry of the other edition that has no name or is not held. Two records, each of one
//! edition and both of one name, are likely the same platform: a person decides that.

use std::collections::BTreeMap;

use crate::{
    effort::Effort,
    error::Error,
    messages::Condition,
    names::{EditionName, PlatformName, ResourceName as _},
    records::platforms::Listing,
    state::State,
    text,
};

/// One platform, as each edition lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub platform: PlatformName,
    /// Its listing in the base edition.
    pub base: Option<Listing>,
    /// Its listing in the target edition.
    pub target: Option<Listing>,
    /// The other record, if the listing in the target edition is another record's.
    pub likely_same: Option<PlatformName>,
}

/// Maximum size of a comparison, in bytes as [`Entry::bytes`] counts them. It fits an answer of the
/// usual 4 MiB, and is many times the size of the published editions.
const BYTES_MAX: usize = 7 * 512 * 1024;

impl Entry {
    /// The bytes of its texts and an allowance for each field. An entry that is both renamed and
    /// regrouped is listed twice, so it counts as two.
    fn bytes(&self) -> usize {
        let listings = [&self.base, &self.target];
        let listed = listings.into_iter().flatten();
        if self.base.is_none() && self.target.is_none() {
            return 0;
        }
        let texts = listed.map(|it| it.display_name.len() + it.group.len());
        2 * (self.platform.as_str().len() + 24 + texts.sum::<usize>())
    }
}

fn too_long() -> Error {
    Error::refused("editions", Condition::ComparisonTooLong)
}

/// How far one side is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    pub edition: EditionName,
    /// How many platforms it declares.
    pub declared: i32,
    /// How many of those are held.
    pub held: i32,
    /// Whether all of those are held under a known name.
    pub known: bool,
}

/// The comparison; each list in the order of platform names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The earlier edition.
    pub base: Side,
    /// The later edition.
    pub target: Side,
    /// Whether all declared entries of both are held under a known name, and no two records are
    /// likely the same platform.
    pub conclusive: bool,
    /// In the target only.
    pub added: Vec<Entry>,
    /// In both, under the same name however spelled and in the same group as far as known.
    pub kept: Vec<Entry>,
    /// In both, under names that differ.
    pub renamed: Vec<Entry>,
    /// In both, in groups that differ.
    pub regrouped: Vec<Entry>,
    /// In the base only.
    pub dropped: Vec<Entry>,
    /// In one only, so that it may be an entry of the other that is not known.
    pub unresolved: Vec<Entry>,
    /// In both under one name, but as two records.
    pub likely_same: Vec<Entry>,
}

impl State {
    /// Compares two editions; refused where one of them holds no entry.
    pub fn compare_editions(
        &self,
        base: &EditionName,
        target: &EditionName,
        effort: &Effort,
    ) -> Result<Comparison, Error> {
        let (base, target) = (self.side(base)?, self.side(target)?);
        let mut comparison = Comparison {
            conclusive: base.known && target.known,
            added: Vec::new(),
            kept: Vec::new(),
            renamed: Vec::new(),
            regrouped: Vec::new(),
            dropped: Vec::new(),
            unresolved: Vec::new(),
            likely_same: Vec::new(),
            base,
            target,
        };
        let mut bytes = 0;
        let mut only = Only::default();
        for platform in effort.rows(self.platforms().values(), 4) {
            let entry = Entry {
                platform: platform.name.clone(),
                base: platform.listing(&comparison.base.edition).cloned(),
                target: platform.listing(&comparison.target.edition).cloned(),
                likely_same: None,
            };
            bytes += entry.bytes();
            if bytes > BYTES_MAX {
                return Err(too_long());
            }
            if entry.base.is_some() != entry.target.is_some() {
                only.add(entry, &platform.fields.display_name);
            } else {
                comparison.sort_in(entry);
            }
        }
        comparison.sort_in_only(self, only);
        Ok(comparison)
    }

    fn side(&self, name: &EditionName) -> Result<Side, Error> {
        let edition = self.edition(name).ok_or_else(|| Error::NotFound {
            kind: EditionName::KIND,
            name: name.to_string(),
        })?;
        let counts = self.edition_counts(name);
        let declared = edition.fields.declared_platform_count;
        if counts.held == 0 {
            return Err(Error::refused(
                name.as_str(),
                Condition::EditionNotHeld {
                    name: name.to_string(),
                },
            ));
        }
        Ok(Side {
            edition: name.clone(),
            declared,
            held: counts.held,
            known: counts.held == declared && counts.named == counts.held,
        })
    }
}

/// The entries of one of the editions only.
#[derive(Default)]
struct Only {
    entries: Vec<Entry>,
    /// By what all spellings of a name share: the places of those of the base, and of the target.
    named: BTreeMap<String, [Vec<usize>; 2]>,
}

impl Only {
    /// Adds an entry. The platform's own name replaces one that the listing does not have.
    fn add(&mut self, entry: Entry, display_name: &str) {
        let listing = entry.base.as_ref().or(entry.target.as_ref());
        let listed = listing.map_or("", |it| &*it.display_name);
        let name = if listed.is_empty() {
            display_name
        } else {
            listed
        };
        if !name.is_empty() {
            let sides = self.named.entry(text::name_key(name)).or_default();
            let [base, target] = sides;
            let side = if entry.base.is_some() { base } else { target };
            side.push(self.entries.len());
        }
        self.entries.push(entry);
    }
}

impl Comparison {
    /// Sorts in what is in one of the editions only: those of one name in pairs.
    fn sort_in_only(&mut self, state: &State, only: Only) {
        let Only { mut entries, named } = only;
        let mut paired = vec![false; entries.len()];
        let record = |entry: &Entry| state.platform(&entry.platform);
        for [base, mut target] in named.into_values() {
            for place in base {
                let one = entries.get(place).and_then(record);
                let found = target.iter().position(|other| {
                    let other = entries.get(*other).and_then(record);
                    one.zip(other).is_some_and(|(one, other)| one.may_be(other))
                });
                let Some(other) = found.map(|found| target.remove(found)) else {
                    continue;
                };
                let matching = entries.get(other).cloned();
                if let (Some(entry), Some(matching)) = (entries.get_mut(place), matching) {
                    entry.target = matching.target;
                    entry.likely_same = Some(matching.platform);
                }
                for place in [place, other] {
                    if let Some(paired) = paired.get_mut(place) {
                        *paired = true;
                    }
                }
            }
        }
        for (entry, paired) in entries.into_iter().zip(paired) {
            match (entry.likely_same.is_some(), paired) {
                (true, _) => self.likely_same.push(entry),
                (false, true) => {}
                (false, false) => self.sort_in(entry),
            }
        }
        self.conclusive &= self.likely_same.is_empty();
    }

    fn sort_in(&mut self, entry: Entry) {
        match (&entry.base, &entry.target) {
            (None, None) => {}
            (Some(listing), None) if listing.display_name.is_empty() => self.unresolved.push(entry),
            (None, Some(listing)) if listing.display_name.is_empty() => self.unresolved.push(entry),
            (Some(_), None) if !self.target.known => self.unresolved.push(entry),
            (None, Some(_)) if !self.base.known => self.unresolved.push(entry),
            (Some(_), None) => self.dropped.push(entry),
            (None, Some(_)) => self.added.push(entry),
            (Some(base), Some(target)) => {
                let renamed = differ(&base.display_name, &target.display_name);
                let regrouped = differ(&base.group, &target.group);
                match (renamed, regrouped) {
                    (false, false) => self.kept.push(entry),
                    (true, false) => self.renamed.push(entry),
                    (false, true) => self.regrouped.push(entry),
                    (true, true) => {
                        self.renamed.push(entry.clone());
                        self.regrouped.push(entry);
                    }
                }
            }
        }
    }
}

/// Whether two texts differ by more than spelling; what is not known differs from nothing.
fn differ(a: &str, b: &str) -> bool {
    !a.is_empty() && !b.is_empty() && !text::same_name(a, b)
}
