//! The shipped catalogue: `data/`, embedded in the binary and read into a [`Seed`].
//!
//! Nothing is added to the content of the files: empty values stay empty, and each record keeps its
//! original sources. A new registry contains records of all editions. It contains entries only of
//! the requested editions.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use ndp_core::{
    names::{
        AgencyName, EditionName, FigureName, IndicatorName, ObservationName, PlatformName,
        ProgrammeName, Revision,
    },
    records::{
        agencies::{Agency, AgencyFields, AgencyKind},
        documents::{Document, DocumentKind, Source},
        editions::{Edition, EditionFields, Group},
        figures::{Figure, Part},
        indicators::{Definition, Indicator, IndicatorFields, Target},
        meta::Meta,
        observations::{Basis, Grounds, Observation, Qualifier, Scope},
        platforms::{
            Governance, Listing, Membership, OperationStage, Platform, PlatformFields, Stage,
            Verification,
        },
        programmes::{Programme, ProgrammeFields},
        words::Word,
    },
    rules::seed::Seed,
    text::{legible::kept, same_name},
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

// === agencies ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgencyRow {
    agency: String,
    kind: String,
    name_vi: String,
    name_en: String,
    identification_code: String,
    code_note: String,
}

impl AgencyRow {
    fn read(self) -> Result<Agency> {
        let kind = match &*self.kind {
            "MINISTRY" => AgencyKind::Ministry,
            "MINISTERIAL_AGENCY" => AgencyKind::MinisterialAgency,
            "GOVERNMENT_AGENCY" => AgencyKind::GovernmentAgency,
            "PARTY_BODY" => AgencyKind::PartyBody,
            "NATIONAL_ASSEMBLY_BODY" => AgencyKind::NationalAssemblyBody,
            "PRESIDENCY_BODY" => AgencyKind::PresidencyBody,
            "JUDICIAL_BODY" => AgencyKind::JudicialBody,
            "STATE_AUDIT" => AgencyKind::StateAudit,
            "FATHERLAND_FRONT" => AgencyKind::FatherlandFront,
            "PROVINCIAL_PEOPLES_COMMITTEE" => AgencyKind::ProvincialPeoplesCommittee,
            other => return Err(anyhow!("agency kind `{other}`")),
        };
        Ok(Agency {
            name: agency_name(&self.agency)?,
            fields: AgencyFields {
                display_name: text(&self.name_vi),
                display_name_en: text(&self.name_en),
                kind,
                identification_code: self.identification_code,
                identification_code_confirmed: false,
                identification_code_note: text(&self.code_note),
                parent_agency: None,
                successions: Vec::new(),
            },
            meta: UNWRITTEN,
        })
    }
}

// === editions ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditionRow {
    edition: String,
    decision_number: String,
    issue_date: String,
    issuer: String,
    title_vi: String,
    declared_platform_count: i32,
    groups: String,
    previous_edition: String,
    effective_start_date: String,
    repealing_edition: String,
    note: String,
    sources: String,
}

impl EditionRow {
    fn read(self) -> Result<Edition> {
        let title = text(&self.title_vi);
        Ok(Edition {
            name: edition_name(&self.edition)?,
            synthetic: false,
            fields: EditionFields {
                display_name: title.clone(),
                decision: Document {
                    kind: DocumentKind::Decision,
                    symbol: text(&self.decision_number),
                    title,
                    issuer: text(&self.issuer),
                    issue_date: date(&self.issue_date)?,
                    ..Document::default()
                },
                declared_platform_count: self.declared_platform_count,
                groups: groups(&self.groups)?,
                previous_edition: optional(&self.previous_edition, edition_name)?,
                effective_start_date: date(&self.effective_start_date)?,
                effective_end_date: None,
                repealing_edition: optional(&self.repealing_edition, edition_name)?,
                pinned: false,
                note: text(&self.note),
                sources: sources(&self.sources),
                ndop_mandatory_date: None,
            },
            meta: UNWRITTEN,
        })
    }
}

/// Parses `A:17 B:62`.
fn groups(written: &str) -> Result<Vec<Group>> {
    let group = |part: &str| {
        let (code, count) = part
            .split_once(':')
            .with_context(|| format!("group `{part}`"))?;
        Ok(Group {
            code: code.to_owned(),
            title: String::new(),
            declared_platform_count: count.parse()?,
        })
    };
    written.split_whitespace().map(group).collect()
}

// === platforms ===

/// The earliest known governance for each pair of platform and agency, from the issue date of the
/// first list that names the agency. Entries with inferred membership are not used.
type FirstNamed = BTreeMap<(String, String), Governance>;

fn first_named() -> Result<FirstNamed> {
    let mut named = FirstNamed::new();
    // oldest first
    for (edition, text) in ENTRIES {
        let decision = rows::<EditionRow>(EDITIONS)
            .find_map(|row| row.ok().filter(|row| row.edition == edition))
            .with_context(|| format!("edition `{edition}`"))?;
        let decision = decision.read()?.fields.decision;
        for row in rows::<EntryRow>(text) {
            let row = row?;
            if row.governing_agency.is_empty() || row.membership()? == Membership::Inferred {
                continue;
            }
            let key = (row.platform.clone(), row.governing_agency.clone());
            let entry = Governance {
                agency: Some(agency_name(&row.governing_agency)?),
                start_date: decision.issue_date,
                document: Some(Box::new(decision.clone())),
                sources: row.sources(),
            };
            named.entry(key).or_insert(entry);
        }
    }
    Ok(named)
}

/// A row of any of the three lists. Besides the common columns, each list has its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryRow {
    platform: String,
    edition: String,
    name_vi: String,
    #[serde(default)]
    name_en: String,
    governing_agency: String,
    #[serde(default)]
    verification: String,
    #[serde(default)]
    membership: Option<String>,
    #[serde(default)]
    group: String,
    #[serde(default)]
    label_in_copy: String,
    #[serde(default)]
    operating_time_text: String,
    #[serde(default, rename = "match")]
    name_match: String,
    sources: String,
}

impl EntryRow {
    /// Adds the entry's listing to its platform. The first edition that lists a platform provides
    /// its record, and later editions only fill in missing values.
    fn read_into(
        self,
        edition: &EditionName,
        governance: &FirstNamed,
        platforms: &mut BTreeMap<PlatformName, Platform>,
    ) -> Result<()> {
        ensure!(
            self.edition == edition.id(),
            "an entry of `{}` in the wrong file",
            self.edition
        );
        let name = PlatformName::from_id(&self.platform)
            .with_context(|| format!("platform id `{}`", self.platform))?;
        let sources = self.sources();
        let listing = Listing {
            edition: edition.clone(),
            // The numbering of the original annex is not available.
            list_number: String::new(),
            group: self.group.clone(),
            display_name: text(&self.name_vi),
            membership: self.membership()?,
            sources: sources.clone(),
        };
        let stage = operation_stage(&self.operating_time_text, edition, &sources)?;
        let governed = governance.get(&(self.platform.clone(), self.governing_agency.clone()));
        ensure!(
            governed.is_some() || self.governing_agency.is_empty(),
            "no list names the agency of `{}`",
            self.platform
        );
        let platform = match platforms.entry(name.clone()) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Platform {
                name,
                fields: PlatformFields {
                    display_name: text(&self.name_vi),
                    display_name_en: text(&self.name_en),
                    verification: self.verification()?,
                    sources,
                    ..PlatformFields::default()
                },
                stage_records: Vec::new(),
                exit: None,
                past_exits: Vec::new(),
                moved_listings: Vec::new(),
                public_write: None,
                meta: UNWRITTEN,
            }),
        };
        platform.fields.listings.push(listing);
        platform.fields.operation_stages.extend(stage);
        if platform.fields.governance.is_empty() {
            platform.fields.governance.extend(governed.cloned());
        }
        Ok(())
    }

    fn sources(&self) -> Vec<Source> {
        let mut sources = sources(&self.sources);
        if !self.label_in_copy.is_empty() {
            for source in &mut sources {
                source.note = format!(
                    "{}; label in the copy: {}; match: {}",
                    source.note, self.label_in_copy, self.name_match
                );
            }
        }
        sources
    }

    fn verification(&self) -> Result<Verification> {
        Ok(match &*self.verification {
            "FROM_PRESS" => Verification::FromPress,
            "THIRD_PARTY_COPY" => Verification::ThirdPartyCopy,
            "TRANSLATED_NAME_ONLY" => Verification::TranslatedNameOnly,
            "PENDING_ANNEX" => Verification::PendingAnnex,
            // The list of 55 has no such column: all of its entries are from press reports.
            "" if self.name_vi.is_empty() => Verification::TranslatedNameOnly,
            "" => Verification::FromPress,
            other => return Err(anyhow!("verification `{other}`")),
        })
    }

    fn membership(&self) -> Result<Membership> {
        Ok(match self.membership.as_deref() {
            // The file without this column is a copy of the decision itself, which lists the
            // platform.
            None => Membership::Stated,
            Some("STATED") => Membership::Stated,
            Some("REPORTED") => Membership::Reported,
            Some("INFERRED") => Membership::Inferred,
            Some("") => Membership::Unspecified,
            Some(other) => return Err(anyhow!("membership `{other}`")),
        })
    }
}

/// A sourced statement on a platform, which is kept as one of its sources.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteRow {
    platform: String,
    uri: String,
    note: String,
}

impl NoteRow {
    /// Adds the source to its platform, if an asked edition lists that.
    fn read_into(self, platforms: &mut BTreeMap<PlatformName, Platform>) -> Result<()> {
        let name = PlatformName::from_id(&self.platform)
            .with_context(|| format!("platform id `{}`", self.platform))?;
        if let Some(platform) = platforms.get_mut(&name) {
            platform.fields.sources.push(Source {
                uri: self.uri,
                note: text(&self.note),
            });
        }
        Ok(())
    }
}

/// The text by which a list states that a platform already operates.
const OPERATING: &str = "Đã vận hành";

fn operation_stage(
    written: &str,
    edition: &EditionName,
    sources: &[Source],
) -> Result<Option<OperationStage>> {
    if written.is_empty() {
        return Ok(None);
    }
    let mut stage = OperationStage {
        stage: Stage::Operation,
        planned: None,
        reached: None,
        document: None,
        sources: sources.to_vec(),
    };
    if same_name(written, OPERATING) {
        // The list states it, so it holds by the day of issue. The start date is not stated.
        let by = rows::<EditionRow>(EDITIONS)
            .find_map(|row| row.ok().filter(|row| row.edition == edition.id()))
            .map_or(Ok(None), |row| date(&row.issue_date))?;
        stage.reached = Some(Period {
            start: None,
            end: by,
            as_written: text(written),
        });
    } else {
        stage.planned = Some(period(written)?);
    }
    Ok(Some(stage))
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

// === programmes ===

/// One document of a programme. The first row of a programme also has its names and its year.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgrammeRow {
    programme: String,
    name_vi: String,
    name_en: String,
    year: String,
    kind: String,
    symbol: String,
    title_vi: String,
    issuer: String,
    signatory: String,
    issue_date: String,
    uri: String,
    /// Where the document's symbol and date were read. It stays in the file, because a document has
    /// an address only where its text is.
    source: String,
}

fn programmes() -> Result<Vec<Programme>> {
    let mut programmes: Vec<Programme> = Vec::new();
    for row in rows::<ProgrammeRow>(PROGRAMMES) {
        let row = row?;
        let symbol = &row.symbol;
        ensure!(!row.source.is_empty(), "`{symbol}` without a source");
        let document = Document {
            kind: word(&row.kind)?,
            symbol: text(symbol),
            title: text(&row.title_vi),
            issuer: text(&row.issuer),
            signatory: text(&row.signatory),
            issue_date: date(&row.issue_date)?,
            uri: row.uri,
            ..Document::default()
        };
        let name = programme_name(&row.programme)?;
        if let Some(programme) = programmes.iter_mut().find(|it| it.name == name) {
            programme.fields.documents.push(document);
            continue;
        }
        programmes.push(Programme {
            name,
            fields: ProgrammeFields {
                display_name: text(&row.name_vi),
                display_name_en: text(&row.name_en),
                documents: vec![document],
                period: optional(&row.year, period)?,
                ..ProgrammeFields::default()
            },
            meta: UNWRITTEN,
        });
    }
    Ok(programmes)
}

// === figures ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FigureRow {
    figure_date: String,
    subject: String,
    edition: String,
    programme: String,
    system: String,
    scope: String,
    agency: String,
    period_start: String,
    period_end: String,
    period_text: String,
    value: i64,
    qualifier: String,
    total: Option<i64>,
    breakdown: String,
    statement: String,
    source: String,
}

impl FigureRow {
    fn read(self) -> Result<Figure> {
        let subject = word(&self.subject)?;
        let (start, end) = (date(&self.period_start)?, date(&self.period_end)?);
        let period = match (start, end) {
            (None, None) => None,
            _ => Some(Period::range(start, end, text(&self.period_text))?),
        };
        let id = format!(
            "{}-{}",
            self.subject.to_lowercase().replace('_', "-"),
            self.figure_date
        );
        let part = |part: &str| {
            let (category, value) = part
                .split_once(':')
                .with_context(|| format!("part `{part}`"))?;
            Ok(Part {
                category: category.to_owned(),
                value: value.parse()?,
            })
        };
        Ok(Figure {
            name: FigureName::from_id(&id).with_context(|| format!("figure id `{id}`"))?,
            figure_date: date(&self.figure_date)?.context("a figure has a date")?,
            subject,
            edition: optional(&self.edition, edition_name)?,
            programme: optional(&self.programme, programme_name)?,
            system: text(&self.system),
            scope: optional(&self.scope, word)?,
            agency: optional(&self.agency, agency_name)?,
            period,
            value: self.value,
            qualifier: word(&self.qualifier)?,
            total: self.total,
            breakdown: self
                .breakdown
                .split_whitespace()
                .map(part)
                .collect::<Result<_>>()?,
            statement: text(&self.statement),
            sources: sources(&self.source),
            meta: UNWRITTEN,
        })
    }
}

// === indicators ===

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IndicatorRow {
    indicator: String,
    name_vi: String,
    name_en: String,
    unit: String,
    kind: String,
    direction: String,
    accumulation: String,
    decimals: i32,
    numerator_vi: String,
    numerator_en: String,
    denominator_vi: String,
    denominator_en: String,
    limits: String,
    definition_source: String,
    target_date: String,
    target_value: String,
    target_source: String,
}

impl IndicatorRow {
    /// Its only definition is in the words of the source, and empty if the source has none.
    fn read(self) -> Result<Indicator> {
        let target = date(&self.target_date)?.map(|target_date| {
            let value = self.target_value.parse();
            anyhow::Ok(Target {
                agency: None,
                scope: Some(Scope::Country),
                target_date,
                value: value.with_context(|| format!("target `{}`", self.target_value))?,
                document: None,
                sources: sources(&self.target_source),
            })
        });
        let definition = Definition {
            version: 1,
            numerator: text(&self.numerator_vi),
            numerator_en: text(&self.numerator_en),
            denominator: text(&self.denominator_vi),
            denominator_en: text(&self.denominator_en),
            limits: text(&self.limits),
            sources: sources(&self.definition_source),
            ..Definition::default()
        };
        Ok(Indicator {
            name: IndicatorName::from_id(&self.indicator)
                .with_context(|| format!("indicator id `{}`", self.indicator))?,
            fields: IndicatorFields {
                display_name: text(&self.name_vi),
                display_name_en: text(&self.name_en),
                unit: word(&self.unit)?,
                kind: word(&self.kind)?,
                direction: word(&self.direction)?,
                accumulation: word(&self.accumulation)?,
                decimals: self.decimals,
                definitions: vec![definition],
                targets: target.transpose()?.into_iter().collect(),
                ..IndicatorFields::default()
            },
            closings: Vec::new(),
            meta: UNWRITTEN,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObservationRow {
    indicator: String,
    scope: String,
    agency: String,
    period_start: String,
    period_end: String,
    value: String,
    unit: String,
    qualifier: String,
    basis: String,
    statement: String,
    source: String,
}

impl ObservationRow {
    fn read(self, indicators: &[Indicator]) -> Result<Observation> {
        let indicator = indicators
            .iter()
            .find(|it| it.name.id() == self.indicator)
            .with_context(|| format!("no indicator `{}`", self.indicator))?;
        ensure!(
            indicator.fields.unit.as_str() == self.unit && self.basis == Basis::Published.as_str(),
            "`{}`: {} {}",
            self.indicator,
            self.unit,
            self.basis
        );
        let agency = optional(&self.agency, agency_name)?;
        let subject = match &agency {
            Some(agency) => agency.id().to_owned(),
            None => self.scope.to_lowercase(),
        };
        let period = [&*self.period_start, &*self.period_end];
        let period = period.iter().filter(|it| !it.is_empty()).copied();
        let id = [&*subject].into_iter().chain(period);
        let id = id.collect::<Vec<_>>().join("-");
        let value = self.value.parse();
        let grounds = Grounds {
            statement: text(&self.statement),
            sources: sources(&self.source),
            ..Grounds::default()
        };
        Ok(Observation {
            name: ObservationName::from_id(&indicator.name, &id)
                .with_context(|| format!("observation id `{id}`"))?,
            scope: optional(&self.scope, word)?,
            agency,
            start: date(&self.period_start)?,
            end: date(&self.period_end)?.context("an observation has a last day")?,
            definition: 1,
            basis: Basis::Published,
            qualifier: word::<Qualifier>(&self.qualifier)?,
            numerator: None,
            denominator: None,
            value: Some(value.with_context(|| format!("value `{}`", self.value))?),
            grounds: Some(Box::new(grounds)),
            meta: UNWRITTEN,
        })
    }
}

/// The value of an enum by its word, as the API has it.
fn word<W: Word>(written: &str) -> Result<W> {
    let place = W::WORDS.iter().position(|word| *word == written);
    let value = place.and_then(|place| W::VALUES.get(place));
    value
        .copied()
        .with_context(|| format!("no word `{written}`"))
}

// === values ===

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

    use ndp_core::{error::Violations, records::indicators::Accumulation};

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
