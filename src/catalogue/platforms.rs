//! The entries of the editions, from which the platforms are made, and what the press adds.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use super::{
    EDITIONS, ENTRIES, UNWRITTEN, agency_name, date, editions::EditionRow, period, rows, sources,
    text,
};
use ndp_core::{
    names::{EditionName, PlatformName},
    records::{
        documents::Source,
        platforms::{
            Governance, Listing, Membership, OperationStage, Platform, PlatformFields, Stage,
            Verification,
        },
    },
    text::same_name,
    time::Period,
};

/// The earliest known governance for each pair of platform and agency, from the issue date of the
/// first list that names the agency. Entries with inferred membership are not used.
pub(super) type FirstNamed = BTreeMap<(String, String), Governance>;

pub(super) fn first_named() -> Result<FirstNamed> {
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
pub(super) struct EntryRow {
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
    pub(super) fn read_into(
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
pub(super) struct NoteRow {
    platform: String,
    uri: String,
    note: String,
}

impl NoteRow {
    /// Adds the source to its platform, if an asked edition lists that.
    pub(super) fn read_into(self, platforms: &mut BTreeMap<PlatformName, Platform>) -> Result<()> {
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
