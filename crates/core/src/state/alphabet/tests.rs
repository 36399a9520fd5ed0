//! The alphabet and the search of a State against walks over all its platforms: synthetic names,
//! edits, removals, and earlier versions that are kept.

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    change::Image,
    effort::Effort,
    names::{AgencyName, Revision},
    query::search::{Alphabetical, Query, search, tests::defined},
    records::{
        Record as _,
        agencies::{Agency, AgencyFields},
        meta::Meta,
        platforms::{Exit, ExitOutcome, Governance, Governed, PlatformFields, PlatformState},
    },
    state::{
        State,
        blocks::{FEW, RECORDS_MAX},
    },
    time::Timestamp,
};

const NAMES: [&str; 12] = [
    "Nền tảng số",
    "Nền tảng số 2",
    "Nền tảng số 10",
    "Nen tang so",
    "Nền tảng đất đai",
    "Định danh điện tử",
    "đinh danh",
    "Dữ liệu dân cư",
    "e-KYC",
    "Kỹ thuật",
    "Ðề án",
    "",
];
const AGENCIES: [&str; 4] = ["Bộ Công an", "Bộ Y tế", "Tỉnh Nền Tảng", ""];
const QUERIES: [&str; 14] = [
    "nen tang",
    "nền tảng",
    "nền tang số",
    "so",
    "số 1",
    "n",
    "dinh danh",
    "đinh",
    "kic",
    "bo y te",
    "cong an so",
    "p-1",
    "tang nen",
    "khong co",
];

/// A synthetic edit.
#[derive(Clone, Debug)]
enum Edit {
    Put(usize, usize, usize, bool),
    Remove(usize),
    NameAgency(usize, usize),
    /// Keeps the State as it is, with what it answers.
    Keep,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let put = (0..180_usize, 0..12_usize, 0..3_usize, any::<bool>());
    let edit = prop_oneof![
        12 => put.prop_map(|(id, name, agency, left)| Edit::Put(id, name, agency, left)),
        8 => (0..180_usize).prop_map(Edit::Remove),
        1 => (0..3_usize, 0..4_usize).prop_map(|(agency, name)| Edit::NameAgency(agency, name)),
        1 => Just(Edit::Keep),
    ];
    prop::collection::vec(edit, 0..90)
}

fn meta() -> Meta {
    Meta::created(Timestamp::MIN, Revision::ZERO)
}

fn agency_name(number: usize) -> AgencyName {
    AgencyName::from_id(&format!("a{number}")).unwrap()
}

fn agency(number: usize, name: usize) -> Image {
    Image::Agency(Arc::new(Agency {
        name: agency_name(number),
        fields: AgencyFields {
            display_name: AGENCIES[name].into(),
            ..AgencyFields::default()
        },
        meta: meta(),
    }))
}

fn name(id: usize) -> PlatformName {
    PlatformName::from_id(&format!("p-{id}")).unwrap()
}

fn platform(id: usize, display_name: usize, agency: usize, left: bool) -> Image {
    Image::Platform(Arc::new(Platform {
        name: name(id),
        fields: PlatformFields {
            display_name: NAMES[display_name].into(),
            governance: vec![Governance {
                agency: Some(agency_name(agency)),
                ..Governance::default()
            }],
            ..PlatformFields::default()
        },
        stage_records: Vec::new(),
        exit: left.then(|| {
            Box::new(Exit {
                reason: String::new(),
                outcome: ExitOutcome::Discontinued,
                decision: None,
                successor: None,
                exit_date: None,
            })
        }),
        past_exits: Vec::new(),
        moved_listings: Vec::new(),
        public_write: None,
        meta: meta(),
    }))
}

impl Alphabetical for Governed<'_> {
    fn resource_name(&self) -> &str {
        self.platform.resource_name()
    }

    fn vietnamese_name(&self) -> &str {
        self.platform.vietnamese_name()
    }
}

impl Alphabetical for &Platform {
    fn resource_name(&self) -> &str {
        (**self).resource_name()
    }

    fn vietnamese_name(&self) -> &str {
        (**self).vietnamese_name()
    }
}

fn active(platform: &Platform) -> bool {
    platform.state() == PlatformState::Active
}

/// What a search finds by its definition.
fn walked(state: &State, query: &Query) -> Vec<PlatformName> {
    let platforms = state.platforms().values();
    let rows = platforms.filter(|it| active(it)).map(|platform| {
        let agency = platform.governing_agency();
        let agency = agency.and_then(|name| state.agency(name)).map(|it| &**it);
        Governed { platform, agency }
    });
    let found = defined(rows.collect(), query).into_iter();
    found.map(|it| it.platform.name.clone()).collect()
}

/// What it finds by the index, in pages.
fn searched(state: &State, query: &Query, size: usize) -> Vec<PlatformName> {
    let effort = Effort::unlimited();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let blocks = state.searched_platforms(query, after.as_ref(), &effort);
        let page = search(blocks, query, after.as_ref(), size, |it| {
            active(it).then_some(&**it)
        });
        found.extend(page.items.into_iter().map(|hit| hit.row.name.clone()));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Everything that the alphabet answers: the order, and each search.
fn answers(state: &State, size: usize) -> Vec<(&'static str, Vec<PlatformName>)> {
    let names = |platforms: &mut dyn Iterator<Item = &Arc<Platform>>| -> Vec<_> {
        platforms.map(|it| it.name.clone()).collect()
    };
    let mut answers = vec![("", names(&mut state.alphabet.after(None)))];
    for text in QUERIES {
        let query = Query::parse(text).unwrap();
        answers.push((text, searched(state, &query, size)));
    }
    answers
}

/// The same by walks.
fn expected(state: &State) -> Vec<(&'static str, Vec<PlatformName>)> {
    let mut sorted: Vec<_> = state.platforms().values().collect();
    sorted.sort_by(|a, b| ByAlphabet::compare(a, b));
    let sorted = sorted.into_iter().map(|it| it.name.clone());
    let mut answers = vec![("", sorted.collect())];
    for text in QUERIES {
        answers.push((text, walked(state, &Query::parse(text).unwrap())));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_index_finds_what_a_walk_finds(
        loaded in prop::collection::btree_map(0..180_usize, (0..12_usize, 0..3_usize), 0..150),
        edits in edits(), size in 1..40_usize,
    ) {
        let agencies = (0..3).map(|number| agency(number, number));
        let platforms = loaded
            .into_iter()
            .map(|(id, (name, agency))| platform(id, name, agency, id.is_multiple_of(7)));
        let mut state = State::load(Revision::ZERO, None, platforms.chain(agencies));
        let mut kept = vec![(state.clone(), expected(&state))];
        // which resources were written since the last version that is kept
        let mut touched = BTreeSet::new();
        for edit in edits {
            match edit {
                Edit::Put(id, name, agency, left) => {
                    let image = platform(id, name, agency, left);
                    touched.insert(image.name().to_owned());
                    state.put(image);
                }
                Edit::Remove(id) => {
                    touched.insert(name(id).to_string());
                    state.remove(name(id).as_str());
                }
                Edit::NameAgency(number, name) => {
                    let image = agency(number, name);
                    touched.insert(image.name().to_owned());
                    state.put(image);
                }
                Edit::Keep => {
                    prop_assert_eq!(answers(&state, size), expected(&state));
                    kept.push((state.clone(), expected(&state)));
                    touched.clear();
                }
            }
        }
        prop_assert_eq!(answers(&state, size), expected(&state));
        for (block, _) in state.alphabet.iter(None) {
            prop_assert!(block.records().len() <= RECORDS_MAX);
        }
        if let Some((before, answered)) = kept.last() {
            let past = touched.into_iter().map(|name| (name.clone(), before.image(&name)));
            let past = state.reverted(Revision::ZERO, None, past);
            prop_assert_eq!(&answers(&past, size), answered);
        }
        for (before, answered) in kept {
            prop_assert_eq!(answers(&before, size), answered);
        }
    }

    #[test]
    fn the_alphabet_goes_on_after_any_place(
        loaded in prop::collection::btree_map(0..180_usize, 0..12_usize, 0..150),
        id in 0..180_usize, name in 0..12_usize,
    ) {
        let platforms = loaded.into_iter().map(|(id, name)| platform(id, name, 0, false));
        let state = State::load(Revision::ZERO, None, platforms);
        let last = Platform::of_image(platform(id, name, 0, false)).unwrap();
        let place = Some(ByAlphabet::position(&last));
        let all: Vec<_> = state.alphabet.after(None).collect();
        let after = |it: &&Arc<Platform>| ByAlphabet::compare(it, &last).is_gt();
        let rest: Vec<_> = all.iter().copied().filter(after).collect();
        let passed: usize = state.alphabet.iter(place.clone()).map(|(_, passed)| passed).sum();
        prop_assert_eq!(passed, all.len() - rest.len());
        prop_assert_eq!(state.alphabet.after(place).collect::<Vec<_>>(), rest);
    }
}

#[test]
fn blocks_that_have_become_small_are_joined() {
    let all = (0..6400).map(|id| platform(id, id % 12, 0, false));
    let mut state = State::load(Revision::ZERO, None, all);
    assert_eq!(state.alphabet.count(), 100);
    for id in (0..6400).filter(|id| id % 64 != 0) {
        state.remove(name(id).as_str());
    }
    assert_eq!(state.alphabet.after(None).count(), 100);
    let left = state.alphabet.count();
    assert!(left <= 2 + 2 * 100 / FEW, "{left} blocks");
    for id in (0..6400).filter(|id| id % 64 == 0) {
        state.remove(name(id).as_str());
    }
    assert_eq!(state.alphabet.count(), 0);
}

#[test]
fn an_earlier_version_keeps_the_names_of_its_agencies() {
    let images = [agency(0, 0), platform(1, 0, 0, false)];
    let earlier = State::load(Revision::ZERO, None, images);
    let mut later = earlier.clone();
    later.put(agency(0, 1));
    // neither was searched before, so that both might share what the first of them reads
    let query = |text| Query::parse(text).unwrap();
    assert_eq!(searched(&earlier, &query("cong an"), 9), [name(1)]);
    assert_eq!(searched(&later, &query("cong an"), 9), []);
    assert_eq!(searched(&later, &query("y te"), 9), [name(1)]);
}
