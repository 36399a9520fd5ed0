//! What a cell names another record by: its resource name, its id, or what people call it, as
//! `Bộ Y tế` or `Ministry of Health`. Rows then hold resource names only.
//!
//! A name that several records have, or none, is a problem of the cell: nothing is guessed.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use ndp_core::{
    caller::Caller,
    messages::Rule,
    near::name_distance,
    state::{State, visible::Visible},
    text::name_key,
};
use prost_reflect::DynamicMessage;

use super::kinds::Kind;

/// What people call records, by the collection: read from the registry when a cell first needs it.
#[derive(Debug, Default)]
pub struct Titles {
    read: HashMap<&'static str, Called>,
    /// How many texts were compared with all titles.
    compared: usize,
}

/// Most titles that a text is compared with, and most texts of an import that are.
const COMPARED_MAX: usize = 5_000;
const NEAR_MAX: usize = 100;

/// Most parts between commas of what one record is called.
const COMMAS_MAX: usize = 8;

/// The records of a collection that the caller may see.
#[derive(Debug, Default)]
struct Called {
    names: BTreeSet<String>,
    /// The names of the records that have a title, by its [`name_key`].
    by_title: BTreeMap<String, BTreeSet<String>>,
}

impl Called {
    fn put<'a>(&mut self, name: &str, titles: impl IntoIterator<Item = &'a str>) {
        self.names.insert(name.to_owned());
        for title in titles.into_iter().filter(|it| !it.is_empty()) {
            let names = self.by_title.entry(name_key(title)).or_default();
            names.insert(name.to_owned());
        }
    }
}

/// Whether the records of a collection may be called by a title.
pub fn have_titles(collection: &str) -> bool {
    read(&State::default(), &Caller::Anonymous, collection).is_some()
}

/// The fields that hold titles of a new or changed record.
const TITLES: [&str; 2] = ["display_name", "display_name_en"];

/// The records that may be called by a title, as far as the caller may see them; `None` for a
/// collection whose records are called by their names alone.
fn read(state: &State, caller: &Caller, collection: &str) -> Option<Called> {
    let mut called = Called::default();
    macro_rules! each {
        ($records:ident, $one:ident => $titles:expr) => {
            for $one in state.$records().values() {
                if $one.visible(caller, state).is_some() {
                    called.put($one.name.as_str(), $titles);
                }
            }
        };
    }
    match collection {
        "agencies" => each!(agencies, it => [
            &*it.fields.display_name,
            &it.fields.display_name_en,
            &it.fields.identification_code,
        ]),
        "editions" => each!(editions, it => [&*it.fields.display_name, &it.fields.decision.symbol]),
        "indicators" => {
            each!(indicators, it => [&*it.fields.display_name, &it.fields.display_name_en]);
        }
        "platforms" => each!(platforms, it => {
            let listed = it.fields.listings.iter().map(|it| &*it.display_name);
            listed.chain([&*it.fields.display_name, &it.fields.display_name_en])
        }),
        "programmes" => {
            each!(programmes, it => [&*it.fields.display_name, &it.fields.display_name_en]);
        }
        _ => return None,
    }
    Some(called)
}

impl Titles {
    /// Adds what a row calls its record, for the rows after it.
    pub fn add(&mut self, kind: &Kind, record: &DynamicMessage, name: &str) {
        if let Some(called) = self.read.get_mut(&*kind.collection) {
            let titles = TITLES.map(|field| record.get_field_by_name(field));
            let titles = titles.iter().flatten().filter_map(|it| it.as_str());
            called.put(name, titles);
        }
    }
}

/// The titles of an import, and the data that a row is tried on.
#[derive(Debug)]
pub struct References<'a> {
    /// What is known so far.
    pub titles: &'a mut Titles,
    /// The records.
    pub state: &'a State,
    /// Who sees them.
    pub caller: &'a Caller,
}

impl References<'_> {
    /// The names of the records of this collection that a text may be about: one, where it is a
    /// name already or where the rules of the field say what is wrong with it.
    fn found(&mut self, collection: &'static str, text: &str) -> Vec<String> {
        let is_name = text.strip_prefix(collection);
        if is_name.is_some_and(|it| it.starts_with('/')) {
            return vec![text.to_owned()];
        }
        let called = match self.titles.read.entry(collection) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(none) => match read(self.state, self.caller, collection) {
                Some(called) => none.insert(called),
                None => return vec![text.to_owned()],
            },
        };
        if let Some(names) = called.by_title.get(&name_key(text)) {
            return names.iter().cloned().collect();
        }
        let by_id = format!("{collection}/{text}");
        called.names.get(&by_id).cloned().into_iter().collect()
    }

    /// The name of the record of this collection that a text of a cell is about.
    pub fn find(&mut self, collection: &'static str, text: &str) -> Result<String, Rule> {
        let found = self.found(collection, text);
        self.only(collection, text, found)
    }

    /// The only record of those that a text may be about.
    fn only(
        &mut self,
        collection: &'static str,
        text: &str,
        mut found: Vec<String>,
    ) -> Result<String, Rule> {
        match found.len() {
            0 => Err(Rule::TitleUnknown {
                title: text.to_owned(),
                collection: collection.to_owned(),
                near: self.near(collection, text),
            }),
            1 => Ok(found.remove(0)),
            _ => {
                let names: Vec<_> = found.iter().map(|it| format!("`{it}`")).collect();
                Err(Rule::TitleAmbiguous {
                    title: text.to_owned(),
                    names: names.join(", "),
                })
            }
        }
    }

    /// The record that was probably meant.
    fn near(&mut self, collection: &'static str, text: &str) -> Option<String> {
        let titles = &self.titles.read.get(collection)?.by_title;
        if titles.len() > COMPARED_MAX || self.titles.compared == NEAR_MAX {
            return None;
        }
        self.titles.compared += 1;
        let key = name_key(text);
        let near = titles
            .iter()
            .filter_map(|(known, names)| Some((name_distance(&key, known)?, names.first()?)));
        let (_, name) = near.min()?;
        Some(name.clone())
    }

    /// The names of a list of records, a line each. A comma is between two records or within what
    /// one is called, as in `Bộ Văn hóa, Thể thao và Du lịch`: the longest that is known is taken.
    pub fn find_all(&mut self, collection: &'static str, text: &str) -> Result<String, Rule> {
        let mut names = Vec::new();
        for line in text.split(['\n', '\r', ';']) {
            let parts: Vec<_> = line.split(',').collect();
            let mut rest = parts.as_slice();
            while !rest.is_empty() {
                let longest = (1..=rest.len().min(COMMAS_MAX)).rev().find_map(|count| {
                    let (taken, after) = rest.split_at_checked(count)?;
                    let called = taken.join(",").trim().to_owned();
                    let found = self.found(collection, &called);
                    (count == 1 || !found.is_empty()).then_some((called, found, after))
                });
                let Some((called, found, after)) = longest else {
                    break;
                };
                if !called.is_empty() {
                    names.push(self.only(collection, &called, found)?);
                }
                rest = after;
            }
        }
        Ok(names.join("\n"))
    }
}
