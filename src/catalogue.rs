//! The shipped catalogue: `data/`, embedded in the binary and read into a [`Seed`].
//!
//! Nothing is added to the content of the files: empty values stay empty, and each record keeps its
//! original sources. A new registry contains records of all editions. It contains entries only of
//! the requested editions.

mod agencies;
mod editions;
mod figures;
mod indicators;
mod platforms;
mod programmes;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use self::{
    agencies::AgencyRow,
    editions::EditionRow,
    figures::FigureRow,
    indicators::{IndicatorRow, ObservationRow},
    platforms::{EntryRow, NoteRow, first_named},
    programmes::programmes,
};
use ndp_core::{
    names::{AgencyName, EditionName, ProgrammeName, Revision},
    records::{documents::Source, meta::Meta, words::Word},
    rules::seed::Seed,
    text::legible::kept,
    time::{Date, Period, Timestamp},
};

/// The edition whose entries a new registry holds, unless others are configured.
pub const OPENING_EDITION: &str = "2618-qd-bkhcn";

const AGENCIES: &str = include_str!("../data/agencies.csv");
const EDITIONS: &str = include_str!("../data/editions.csv");
const PROGRAMMES: &str = include_str!("../data/programmes.csv");
const FIGURES: &str = include_str!("../data/reported-figures.csv");
const INDICATORS: &str = include_str!("../data/indicators.csv");
const OBSERVATIONS: &str = include_str!("../data/observations.csv");
const ENTRIES: [(&str, &str); 3] = [
    ("1527-qd-bkhcn", include_str!("../data/platforms-1527.csv")),
    ("2618-qd-bkhcn", include_str!("../data/platforms-2618.csv")),
    ("1132-qd-ttg", include_str!("../data/platforms-1132.csv")),
];

/// What the press states about single platforms, in addition to the lists.
const NOTES: &str = include_str!("../data/platform-notes.csv");

/// The editions whose entries are shipped, by id.
pub fn shipped_editions() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|(edition, _)| *edition)
}

/// Reads the records of a new registry with the entries of these editions.
pub fn seed<'a>(editions: impl IntoIterator<Item = &'a str>) -> Result<Seed> {
    let mut asked: Vec<&str> = editions.into_iter().collect();
    // `OPENING_EDITION` comes first if it is among the requested editions.
    asked.sort_by_key(|edition| *edition != OPENING_EDITION);
    ensure!(!asked.is_empty(), "name at least one edition");
    let governance = first_named()?;
    let mut platforms = BTreeMap::new();
    for edition in asked {
        let (_, text) = ENTRIES
            .iter()
            .find(|(shipped, _)| *shipped == edition)
            .with_context(|| format!("no entries of edition `{edition}` are shipped"))?;
        let edition = edition_name(edition)?;
        for row in rows::<EntryRow>(text) {
            row.context("data/platforms")?
                .read_into(&edition, &governance, &mut platforms)?;
        }
    }
    for note in rows::<NoteRow>(NOTES) {
        note.context("data/platform-notes.csv")?
            .read_into(&mut platforms)?;
    }
    let indicators = read(INDICATORS, "data/indicators.csv", IndicatorRow::read)?;
    let observations = read(OBSERVATIONS, "data/observations.csv", |row| {
        ObservationRow::read(row, &indicators)
    })?;
    Ok(Seed {
        agencies: read(AGENCIES, "data/agencies.csv", AgencyRow::read)?,
        editions: read(EDITIONS, "data/editions.csv", EditionRow::read)?,
        platforms: platforms.into_values().collect(),
        programmes: programmes().context("data/programmes.csv")?,
        figures: read(FIGURES, "data/reported-figures.csv", FigureRow::read)?,
        indicators,
        observations,
    })
}

fn read<R, T>(
    text: &'static str,
    file: &'static str,
    convert: impl Fn(R) -> Result<T>,
) -> Result<Vec<T>>
where
    R: for<'de> Deserialize<'de> + 'static,
{
    rows(text)
        .map(|row| convert(row?))
        .collect::<Result<_>>()
        .context(file)
}

fn rows<R>(text: &str) -> impl Iterator<Item = Result<R>> + '_
where
    R: for<'de> Deserialize<'de> + 'static,
{
    csv::Reader::from_reader(text.as_bytes())
        .into_deserialize()
        .map(|row| row.map_err(Into::into))
}

/// Placeholder metadata, until the change that writes the records sets the real values.
pub const UNWRITTEN: Meta = Meta {
    create_time: Timestamp::MIN,
    update_time: Timestamp::MIN,
    revision: Revision::ZERO,
};

// === values ===

/// The value of an enum by its word, as the API has it.
fn word<W: Word>(written: &str) -> Result<W> {
    let place = W::WORDS.iter().position(|word| *word == written);
    let value = place.and_then(|place| W::VALUES.get(place));
    value
        .copied()
        .with_context(|| format!("no word `{written}`"))
}

/// Parses `2026`, `2027–2028` and `01/07/2026`.
fn period(written: &str) -> Result<Period> {
    let year = |text: &str| {
        text.trim()
            .parse::<i32>()
            .with_context(|| format!("year `{text}`"))
    };
    if let Some((first, last)) = written.split_once('–') {
        let (first, last) = (year(first)?, year(last)?);
        let start = Some(Date::new(first, 1, 1)?);
        return Ok(Period::range(
            start,
            Some(Date::new(last, 12, 31)?),
            written,
        )?);
    }
    if let [day, month, of_year] = written.split('/').collect::<Vec<_>>()[..] {
        let day = Date::new(year(of_year)?, month.parse()?, day.parse()?)?;
        return Ok(Period::day(day, written));
    }
    Ok(Period::year(year(written)?, written)?)
}

fn text(written: &str) -> String {
    kept(written).into_owned()
}

fn date(written: &str) -> Result<Option<Date>> {
    optional(written, |written| Ok(Date::parse(written)?))
}

fn optional<T>(written: &str, read: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    if written.is_empty() {
        Ok(None)
    } else {
        read(written).map(Some)
    }
}

fn agency_name(id: &str) -> Result<AgencyName> {
    AgencyName::from_id(id).with_context(|| format!("agency id `{id}`"))
}

fn programme_name(id: &str) -> Result<ProgrammeName> {
    ProgrammeName::from_id(id).with_context(|| format!("programme id `{id}`"))
}

fn edition_name(id: &str) -> Result<EditionName> {
    EditionName::from_id(id).with_context(|| format!("edition id `{id}`"))
}

/// Parses addresses separated by blanks, or one source as plain text.
fn sources(written: &str) -> Vec<Source> {
    let is_uri = |part: &str| part.starts_with("https://") || part.starts_with("http://");
    if written.is_empty() {
        Vec::new()
    } else if written.split_whitespace().all(is_uri) {
        written
            .split_whitespace()
            .map(|uri| Source {
                uri: uri.to_owned(),
                note: String::new(),
            })
            .collect()
    } else {
        vec![Source {
            uri: String::new(),
            note: text(written),
        }]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ndp_core::{
        error::Violations,
        records::{indicators::Accumulation, platforms::Platform},
    };

    use super::*;

    #[test]
    fn the_opening_edition_holds_what_it_declares() {
        let seed = seed([OPENING_EDITION]).unwrap();
        let opening = seed
            .editions
            .iter()
            .find(|edition| edition.name.id() == OPENING_EDITION)
            .unwrap();
        let declared = opening.fields.declared_platform_count;
        assert_eq!(seed.platforms.len(), usize::try_from(declared).unwrap());
        let named = |p: &&Platform| !p.fields.display_name.is_empty();
        assert_eq!(seed.platforms.iter().filter(named).count(), 14);
        assert_eq!(seed.editions.len(), 3);
        assert_eq!(seed.agencies.len(), 63);
        assert_eq!(seed.programmes.len(), 3);
        assert_eq!(seed.figures.len(), 13);
    }

    #[test]
    fn shipped_indicators_and_their_values_keep_the_rules() {
        let seed = seed([OPENING_EDITION]).unwrap();
        assert_eq!((seed.indicators.len(), seed.observations.len()), (29, 40));
        let mut violations = Violations::new();
        for indicator in &seed.indicators {
            indicator.fields.check(&mut violations);
        }
        assert!(violations.is_empty(), "{violations:?}");
        for value in &seed.observations {
            let mut indicators = seed.indicators.iter();
            let indicator = indicators.find(|it| it.name == value.indicator()).unwrap();
            let as_of = indicator.fields.accumulation == Accumulation::AsOf;
            assert_eq!(value.start.is_none(), as_of, "{}", value.name);
            assert!(value.value.unwrap().places() <= indicator.fields.places());
            assert!(!value.grounds().sources.is_empty());
        }
    }

    #[test]
    fn all_editions_together_keep_one_record_a_platform() {
        let seed = seed(shipped_editions()).unwrap();
        assert_eq!(seed.platforms.len(), 84 + 67);
        let platform = seed
            .platforms
            .iter()
            .find(|p| p.name.id() == "ndp-014")
            .unwrap();
        assert_eq!(platform.fields.listings.len(), 2);
        // Unknown in the sources of the opening edition, stated by the later list.
        let [governance] = &*platform.fields.governance else {
            panic!("{:?}", platform.fields.governance);
        };
        let agency = governance.agency.as_ref().map(|name| name.id());
        assert_eq!(agency, Some("bo-cong-an"));
        assert_eq!(governance.start_date, Date::new(2026, 6, 24).ok());
        let document = governance.document.as_ref().unwrap();
        assert_eq!(document.symbol, "1132/QĐ-TTg");
        assert_eq!(platform.fields.display_name, "Cổng Dịch vụ công quốc gia");
        let noted = seed.platforms.iter().filter(|it| {
            let mut sources = it.fields.sources.iter();
            sources.any(|source| !source.uri.is_empty() && !source.note.is_empty())
        });
        assert_eq!(noted.count(), 3);
    }

    #[test]
    fn programmes_and_figures_keep_the_rules_of_their_records() {
        let seed = seed([OPENING_EDITION]).unwrap();
        let today = Date::new(2026, 11, 1).unwrap();
        let mut violations = Violations::new();
        for programme in &seed.programmes {
            programme.fields.check(&mut violations);
        }
        let names: BTreeSet<_> = seed.figures.iter().map(|it| &it.name).collect();
        assert_eq!(names.len(), seed.figures.len());
        for figure in &seed.figures {
            figure.check(today, &mut violations);
            assert!(
                figure.sources.iter().all(|it| !it.uri.is_empty()),
                "{figure:?}"
            );
            let mut programmes = seed.programmes.iter().map(|it| &it.name);
            let named = figure.programme.as_ref();
            assert!(
                named.is_none_or(|named| programmes.any(|it| it == named)),
                "{figure:?}"
            );
        }
        violations.into_result().unwrap();
    }

    #[test]
    fn an_edition_that_is_not_shipped_is_named() {
        let error = seed(["1-qd-x"]).unwrap_err();
        assert!(error.to_string().contains("1-qd-x"), "{error}");
    }
}
