//! The annex of a decision becomes an edition: which platform each of its rows is.
//!
//! A row is matched by the platform that a person wrote into it; else by its number in the edition,
//! where the name is the same; else by its name, however that is spelled. A name that is only near
//! to others is never taken for one of them: a person has to say so.

use std::collections::{BTreeMap, BTreeSet};

use ndp_core::{
    names::{EditionName, PlatformName},
    near::{NAME_CHARS_MAX, extends_name, name_distance, shares_words, telling_words},
    records::platforms::Platform,
    state::State,
    text::name_key,
};
use prost_reflect::{DynamicMessage, Value};

use super::{
    columns::PLATFORM,
    headers::Table,
    kinds::{self, Kind},
    record::Record,
    rows::Row,
};

/// The list of a platform's entries.
const LISTINGS: &str = "listings";
/// The fields of an entry.
const EDITION: &str = "edition";
const NUMBER: &str = "list_number";
const GROUP: &str = "group";
const NAME: &str = "display_name";
const MEMBERSHIP: &str = "membership";
/// The membership of what the decision itself lists.
const STATED: i32 = 1;

/// How it is known what a platform is called.
const VERIFICATION: &str = "verification";
/// From the decision itself.
const VERIFIED: i32 = 1;

/// What a person writes for a platform that is not there yet.
const NEW: &str = "new";

/// Most platforms that are proposed for one row.
const CANDIDATES_MAX: usize = 5;

/// The columns of an annex: those of an entry of a platform.
pub fn table(platforms: &Kind) -> Option<Table> {
    let listings = platforms.message.get_field_by_name(LISTINGS)?;
    Some(Table::of_annex(listings.kind().as_message()?.clone()))
}

/// The platforms that rows are matched to.
#[derive(Debug)]
pub struct Annex {
    edition: EditionName,
    by_number: BTreeMap<String, PlatformName>,
    /// By the keys of all names that a platform has or had in an edition.
    by_name: BTreeMap<String, Named>,
    /// The platforms that rows make, by the keys of their names.
    made: BTreeMap<String, PlatformName>,
    /// The platforms of the edition before, and of this one, that no row is yet.
    missing: BTreeSet<PlatformName>,
    /// Those that some row is.
    found: BTreeSet<PlatformName>,
}

/// The platforms that have or had one name.
#[derive(Debug)]
struct Named {
    platforms: BTreeSet<PlatformName>,
    /// What of the name is not said of many platforms.
    words: BTreeSet<String>,
}

/// Which platform a row is.
#[derive(Debug, PartialEq, Eq)]
pub enum Match {
    /// This one.
    Platform(PlatformName),
    /// One that is not there yet.
    New,
    /// A person has to say which of these, or none.
    Unconfirmed(Vec<PlatformName>),
    /// The column names a platform that does not exist.
    Unknown,
}

impl Annex {
    /// Of an edition, among these platforms.
    pub fn new<'a>(
        state: &State,
        edition: &EditionName,
        platforms: impl Iterator<Item = &'a Platform>,
    ) -> Self {
        let held = state.edition(edition);
        let before = held.and_then(|it| it.fields.previous_edition.clone());
        let mut annex = Self {
            edition: edition.clone(),
            by_number: BTreeMap::new(),
            by_name: BTreeMap::new(),
            made: BTreeMap::new(),
            missing: BTreeSet::new(),
            found: BTreeSet::new(),
        };
        for platform in platforms {
            let listings = platform.fields.listings.iter();
            let names = listings.map(|it| &it.display_name);
            for name in names.chain([&platform.fields.display_name]) {
                if !name.is_empty() {
                    let named = annex.by_name.entry(name_key(name));
                    let named = named.or_insert_with_key(|key| Named {
                        platforms: BTreeSet::new(),
                        words: telling_words(key),
                    });
                    named.platforms.insert(platform.name.clone());
                }
            }
            let listed = platform.listing(edition);
            if let Some(listing) = listed.filter(|it| !it.list_number.is_empty()) {
                let number = listing.list_number.clone();
                annex.by_number.insert(number, platform.name.clone());
            }
            let was_listed = before.as_ref().and_then(|before| platform.listing(before));
            if listed.or(was_listed).is_some() {
                annex.missing.insert(platform.name.clone());
            }
        }
        annex
    }

    /// The edition.
    pub const fn edition(&self) -> &EditionName {
        &self.edition
    }

    /// The same, where rows were matched before.
    #[must_use]
    pub fn without_rows_of(mut self, earlier: Self) -> Self {
        self.missing.retain(|it| !earlier.found.contains(it));
        self.found = earlier.found;
        self
    }

    /// Which platform a row is.
    pub fn find(&mut self, row: &Row) -> Match {
        let found = self.matched(row);
        if let Match::Platform(name) = &found {
            self.missing.remove(name);
            self.found.insert(name.clone());
        }
        found
    }

    /// Adds the platform that a row makes, so that its name again is not taken for another one.
    pub fn add(&mut self, row: &Row, name: &str) {
        let said = row.text(PLATFORM);
        if let Some(name) = PlatformName::parse(name).filter(|_| said.is_empty()) {
            self.made.insert(name_key(&row.text(NAME)), name);
        }
    }

    fn matched(&self, row: &Row) -> Match {
        let said = row.text(PLATFORM);
        if said.eq_ignore_ascii_case(NEW) {
            return Match::New;
        }
        if !said.is_empty() {
            let name = PlatformName::parse(&said).or_else(|| PlatformName::from_id(&said));
            return name.map_or(Match::Unknown, Match::Platform);
        }
        let name = row.text(NAME);
        let key = name_key(&name);
        // the same entry twice, or two of one name: a person knows
        if let Some(made) = self.made.get(&key) {
            return Match::Unconfirmed(vec![made.clone()]);
        }
        let same = self.by_name.get(&key).map(|it| &it.platforms);
        if let Some(numbered) = self.by_number.get(&row.text(NUMBER))
            && same.is_some_and(|same| same.contains(numbered))
        {
            return Match::Platform(numbered.clone());
        }
        if let Some(same) = same {
            let mut all = same.iter();
            return match (all.next(), all.next()) {
                (Some(only), None) => Match::Platform(only.clone()),
                _ => Match::Unconfirmed(same.iter().take(CANDIDATES_MAX).cloned().collect()),
            };
        }
        let numbered = self.by_number.get(&row.text(NUMBER)).into_iter();
        let mut near: Vec<_> = numbered.map(|it| (usize::MAX, it)).collect();
        let words = telling_words(&key);
        for (known, named) in &self.by_name {
            let alike = || extends_name(&key, known) || shares_words(&words, &named.words);
            let farthest = || alike().then_some(NAME_CHARS_MAX);
            if let Some(distance) = name_distance(&key, known).or_else(farthest) {
                near.extend(named.platforms.iter().map(|it| (distance, it)));
            }
        }
        near.sort();
        let mut seen = BTreeSet::new();
        near.retain(|(_, name)| seen.insert(*name));
        let near = near.into_iter().take(CANDIDATES_MAX);
        match near.len() {
            0 => Match::New,
            _ => Match::Unconfirmed(near.map(|(_, name)| name.clone()).collect()),
        }
    }

    /// The platforms of the edition before that no row is.
    pub fn missing(&self) -> impl Iterator<Item = &PlatformName> {
        self.missing.iter()
    }

    /// Puts the entry of a row into the record of its platform.
    pub fn fill(&self, row: &Row, record: &mut Record) {
        let text = |field| row.text(field);
        if record.text(NAME).is_empty() && !text(NAME).is_empty() {
            record.set_text(NAME, &text(NAME));
            record.note(NAME);
            // the decision itself says what it is called
            let verified = Value::EnumNumber(VERIFIED);
            drop(
                record
                    .wanted_mut()
                    .try_set_field_by_name(VERIFICATION, verified),
            );
            record.note(VERIFICATION);
        }
        record.note(LISTINGS);
        let kind = kinds::find("platforms");
        let field = kind.and_then(|it| it.message.get_field_by_name(LISTINGS));
        let Some(field) = field else { return };
        let of = field.kind();
        let Some(message) = of.as_message() else {
            return;
        };
        let wanted = record.wanted_mut();
        if !wanted.has_field(&field) {
            wanted.set_field(&field, Value::List(Vec::new()));
        }
        let Value::List(listings) = wanted.get_field_mut(&field) else {
            return;
        };
        let edition = self.edition.to_string();
        let is_of = |it: &Value| {
            let of = it.as_message().and_then(|it| it.get_field_by_name(EDITION));
            of.is_some_and(|of| of.as_str() == Some(&edition))
        };
        let at = listings.iter().position(is_of).unwrap_or_else(|| {
            listings.push(Value::Message(DynamicMessage::new(message.clone())));
            listings.len() - 1
        });
        let Some(Value::Message(listing)) = listings.get_mut(at) else {
            return;
        };
        for (field, text) in [
            (EDITION, edition),
            (NUMBER, text(NUMBER)),
            (GROUP, text(GROUP)),
            (NAME, text(NAME)),
        ] {
            if !text.is_empty() {
                // an entry has these fields
                drop(listing.try_set_field_by_name(field, Value::String(text)));
            }
        }
        let stated = Value::EnumNumber(STATED);
        drop(listing.try_set_field_by_name(MEMBERSHIP, stated));
    }
}
