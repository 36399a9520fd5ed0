//! What became of the platforms between two editions.
//!
//! A listing whose Vietnamese name is not known proves nothing about the other edition, so a
//! platform known only by such a listing is unresolved: neither added nor dropped.

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
    /// The platform.
    pub platform: PlatformName,
    /// Its listing in the base edition.
    pub base: Option<Listing>,
    /// Its listing in the target edition.
    pub target: Option<Listing>,
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
    /// The edition.
    pub edition: EditionName,
    /// How many platforms it declares.
    pub declared: i32,
    /// How many of those are held.
    pub held: i32,
}

/// The comparison; each list in the order of platform names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The earlier edition.
    pub base: Side,
    /// The later edition.
    pub target: Side,
    /// Whether all declared entries of both are held under a known name.
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
    /// In one only, under no known name.
    pub unresolved: Vec<Entry>,
}

impl State {
    /// Compares two editions; refused where one of them holds no entry.
    pub fn compare_editions(
        &self,
        base: &EditionName,
        target: &EditionName,
        effort: &Effort,
    ) -> Result<Comparison, Error> {
        let (base, base_is_known) = self.side(base)?;
        let (target, target_is_known) = self.side(target)?;
        let mut comparison = Comparison {
            conclusive: base_is_known && target_is_known,
            added: Vec::new(),
            kept: Vec::new(),
            renamed: Vec::new(),
            regrouped: Vec::new(),
            dropped: Vec::new(),
            unresolved: Vec::new(),
            base,
            target,
        };
        let mut bytes = 0;
        for platform in effort.rows(self.platforms().values(), 4) {
            let entry = Entry {
                platform: platform.name.clone(),
                base: platform.listing(&comparison.base.edition).cloned(),
                target: platform.listing(&comparison.target.edition).cloned(),
            };
            bytes += entry.bytes();
            if bytes > BYTES_MAX {
                return Err(too_long());
            }
            comparison.sort_in(entry);
        }
        Ok(comparison)
    }

    fn side(&self, name: &EditionName) -> Result<(Side, bool), Error> {
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
        let known = counts.held == declared && counts.named == counts.held;
        Ok((
            Side {
                edition: name.clone(),
                declared,
                held: counts.held,
            },
            known,
        ))
    }
}

impl Comparison {
    fn sort_in(&mut self, entry: Entry) {
        match (&entry.base, &entry.target) {
            (None, None) => {}
            (Some(listing), None) if listing.display_name.is_empty() => self.unresolved.push(entry),
            (None, Some(listing)) if listing.display_name.is_empty() => self.unresolved.push(entry),
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
