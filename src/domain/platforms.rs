//! Platforms (nền tảng số): the entries of the catalogue, their listings, stages and exits.

use std::collections::BTreeMap;

use super::{
    dated::dated,
    documents::{Document, Source},
    error::Violations,
    names::{AgencyName, EditionName, PlatformName},
    record::{Meta, PublicWrite, record_fields},
    time::{Date, Period, Timestamp},
};

/// Whom a platform serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Classification {
    /// Not known.
    #[default]
    Unspecified,
    /// Nền tảng số quốc gia.
    National,
    /// Nền tảng số dùng chung của ngành.
    Sector,
    /// Nền tảng số dùng chung của lĩnh vực.
    Field,
    /// Nền tảng số dùng chung của vùng.
    Region,
}

/// A level of government.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentLevel {
    /// Trung ương.
    Central,
    /// Cấp tỉnh.
    Province,
    /// Cấp xã.
    Commune,
}

/// How data is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSharingChannel {
    /// The sharing platform of the National Data Centre.
    Ndop,
    /// The national integration and sharing platform.
    Ndxp,
    /// The local government service platform.
    Lgsp,
    /// An API of its own.
    Api,
}

/// How well a record is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordStatus {
    /// Not stated; refused when a platform is written.
    #[default]
    Unspecified,
    /// Checked against the decision's own text.
    Verified,
    /// The name is official, as the press gives it.
    FromPress,
    /// From a third party's copy of the decision.
    ThirdPartyCopy,
    /// Known in translation only.
    TranslatedNameOnly,
    /// The annex that names it has not been transcribed.
    PendingAnnex,
}

impl RecordStatus {
    /// All of them, the best known first.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::Verified,
        Self::FromPress,
        Self::ThirdPartyCopy,
        Self::TranslatedNameOnly,
        Self::PendingAnnex,
    ];
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Development, Self::Pilot, Self::Operation];
}

/// How far the sources bear out that an edition lists a platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// Not stated.
    #[default]
    Unspecified,
    /// The decision's text, or a copy of it, lists it.
    Stated,
    /// A report on this edition repeats the entry.
    Reported,
    /// Stated for an earlier edition only.
    Inferred,
}

/// A platform's place in one edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The edition.
    pub edition: EditionName,
    /// Its number in the list as printed; empty when not seen.
    pub list_number: String,
    /// Code of its group; empty when none or not known.
    pub group: String,
    /// Its Vietnamese name as listed; empty when not known.
    pub display_name: String,
    /// How far the membership is borne out.
    pub membership: Membership,
    /// Where it was read.
    pub sources: Vec<Source>,
}

/// A step towards operation, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Đang xây dựng.
    Development,
    /// Thí điểm.
    Pilot,
    /// Đã vận hành.
    Operation,
}

/// When a stage was planned and reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationStage {
    /// The step.
    pub stage: Stage,
    /// When it is planned for.
    pub planned: Option<Period>,
    /// When it was reached; an end alone means: by that day.
    pub reached: Option<Period>,
    /// The document that says so.
    pub document: Option<Box<Document>>,
    /// Where it was read.
    pub sources: Vec<Source>,
}

/// Since when the registry has a stage recorded as reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageRecord {
    /// The stage.
    pub stage: Stage,
    /// When it was recorded, with the dates that it has now.
    pub record_time: Timestamp,
}

/// Security level of the information system (Decree 85/2016/NĐ-CP), 1 to 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// 1 to 5.
    pub level: i32,
    /// The document that approved it.
    pub approval: Option<Box<Document>>,
}

/// A page of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// An absolute URI.
    pub uri: String,
    /// What is found there.
    pub title: String,
}

/// Who governs a platform from a day on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Governance {
    /// The agency; none where none is known to govern it from that day on.
    pub agency: Option<AgencyName>,
    /// From this day on; from the beginning when absent.
    pub start_date: Option<Date>,
    /// The document that says so.
    pub document: Option<Box<Document>>,
    /// Where it was read.
    pub sources: Vec<Source>,
}

dated!(Governance);

/// What became of a platform that left the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitOutcome {
    /// Another platform took its place.
    Replaced,
    /// It went on as part of another.
    Integrated,
    /// It was given up, or never built.
    Discontinued,
    /// It goes on outside the catalogue.
    Delisted,
    /// The record was a second one of the same platform.
    Duplicate,
}

/// How a platform left the catalogue; kept instead of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Why.
    pub reason: String,
    /// What became of it.
    pub outcome: ExitOutcome,
    /// The document that decided it.
    pub decision: Option<Document>,
    /// The platform that took its place, or the record that stays.
    pub successor: Option<PlatformName>,
    /// The day from which it counts as gone.
    pub exit_date: Option<Date>,
}

record_fields! {
    /// What clients write of a platform.
    pub struct PlatformFields {
        /// Official name in Vietnamese; empty while not known.
        pub display_name: String,
        /// Name in English.
        pub display_name_en: String,
        /// Who governs it (cơ quan chủ quản) from when on, oldest first.
        pub governance: Vec<Governance>,
        /// The unit that operates it.
        pub operating_unit: String,
        /// Agencies that take part.
        pub coordinating_agencies: Vec<AgencyName>,
        /// Whom it serves.
        pub classification: Classification,
        /// The levels it is deployed to.
        pub deployment_levels: Vec<DeploymentLevel>,
        /// Its places in editions.
        pub listings: Vec<Listing>,
        /// Steps towards operation.
        pub operation_stages: Vec<OperationStage>,
        /// Security level; not shown to anonymous callers.
        pub security: Option<Security>,
        /// How its data is shared.
        pub data_sharing_channels: Vec<DataSharingChannel>,
        /// Its pages.
        pub links: Vec<Link>,
        /// How well the record is known.
        pub record_status: RecordStatus,
        /// Where its facts were read.
        pub sources: Vec<Source>,
        /// The steward's labels.
        pub labels: BTreeMap<String, String>,
    }
}

/// The fields of a platform that its governing agency keeps; all others are the steward's.
pub const AGENCY_FIELDS: &[&str] = &[
    "operating_unit",
    "deployment_levels",
    "operation_stages",
    "security",
    "data_sharing_channels",
    "links",
];

/// Whether a platform is in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformState {
    /// It is.
    Active,
    /// It left.
    Retired,
    /// Its record was a duplicate.
    Merged,
}

/// One platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Resource name.
    pub name: PlatformName,
    /// What clients write of it.
    pub fields: PlatformFields,
    /// Since when each stage is recorded as reached.
    pub stage_records: Vec<StageRecord>,
    /// How it left the catalogue.
    pub exit: Option<Box<Exit>>,
    /// The last write that everyone may know of; none where that is the last of all.
    pub public_write: Option<PublicWrite>,
    /// Book-keeping.
    pub meta: Meta,
}

impl Platform {
    /// The book-keeping that everyone may see.
    pub const fn public_meta(&self) -> Meta {
        self.meta.as_of(self.public_write)
    }

    /// Whether it is in the catalogue.
    pub fn state(&self) -> PlatformState {
        match &self.exit {
            None => PlatformState::Active,
            Some(exit) if exit.outcome == ExitOutcome::Duplicate => PlatformState::Merged,
            Some(_) => PlatformState::Retired,
        }
    }

    /// The agency that governs it now: no entry begins on a day to come.
    pub fn governing_agency(&self) -> Option<&AgencyName> {
        self.fields.governing_agency()
    }

    /// Records at `now` what stages were reached, where the platform was `before` so: one that was
    /// recorded already, and is not given other dates, stays recorded since then.
    pub fn record_stages(&mut self, before: Option<&Self>, now: Timestamp) {
        let steps = self.fields.operation_stages.iter();
        let record = |step: &OperationStage| {
            let reached = step.reached.as_ref()?;
            let known = before.and_then(|before| {
                let mut steps = before.fields.operation_stages.iter();
                let old = steps.find(|it| it.stage == step.stage)?.reached.as_ref()?;
                let undated = reached.start.is_none() && reached.end.is_none();
                let kept = undated || (reached.start, reached.end) == (old.start, old.end);
                before.stage_record(step.stage).filter(|_| kept)
            });
            Some(StageRecord {
                stage: step.stage,
                record_time: known.unwrap_or(now),
            })
        };
        self.stage_records = steps.filter_map(record).collect();
    }

    /// Since when a stage is recorded as reached.
    pub fn stage_record(&self, stage: Stage) -> Option<Timestamp> {
        let mut records = self.stage_records.iter();
        Some(records.find(|it| it.stage == stage)?.record_time)
    }

    /// Each stage reached, with the day from which it counts: the last day of the period given,
    /// the first where there is no last, the day of issue of the document where there is neither;
    /// but no later than the day on which the stage was recorded, by when it was reached.
    pub fn stage_days(&self) -> impl Iterator<Item = (Stage, Date)> {
        self.fields.operation_stages.iter().filter_map(|step| {
            let reached = step.reached.as_ref()?;
            let recorded = self.stage_record(step.stage)?.date_in_vietnam();
            let issued = step.document.as_ref().and_then(|it| it.issue_date);
            let day = reached.end.or(reached.start).or(issued);
            Some((step.stage, day.unwrap_or(recorded).min(recorded)))
        })
    }

    /// The record that stays, where this one was merged as a duplicate.
    pub fn merged_into(&self) -> Option<&PlatformName> {
        self.exit
            .as_ref()
            .filter(|exit| exit.outcome == ExitOutcome::Duplicate)
            .and_then(|exit| exit.successor.as_ref())
    }

    /// The furthest stage reached.
    pub fn operation_stage(&self) -> Option<Stage> {
        let stages = self.fields.operation_stages.iter();
        stages
            .filter(|s| s.reached.is_some())
            .map(|s| s.stage)
            .max()
    }

    /// Its place in an edition.
    pub fn listing(&self, edition: &EditionName) -> Option<&Listing> {
        self.fields
            .listings
            .iter()
            .find(|listing| listing.edition == *edition)
    }

    /// Whether its name is known, from a text that names it.
    pub fn is_named(&self) -> bool {
        !self.fields.display_name.is_empty()
            && matches!(
                self.fields.record_status,
                RecordStatus::Verified | RecordStatus::FromPress | RecordStatus::ThirdPartyCopy
            )
    }
}

impl PlatformFields {
    /// The agency of the newest entry of `governance`.
    pub fn governing_agency(&self) -> Option<&AgencyName> {
        self.governance.last()?.agency.as_ref()
    }

    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        let nameless = matches!(
            self.record_status,
            RecordStatus::TranslatedNameOnly | RecordStatus::PendingAnnex
        );
        if self.record_status == RecordStatus::Unspecified {
            violations.add(
                "platform.record_status",
                "REQUIRED",
                "specify how well the record is known, for example `VERIFIED`",
                "hãy ghi mức độ xác thực của bản ghi, ví dụ `VERIFIED`",
            );
        } else if self.display_name.trim().is_empty() && !nameless {
            violations.add(
                "platform.display_name",
                "REQUIRED",
                "give the official Vietnamese name, or set `record_status` to `PENDING_ANNEX` or \
                 `TRANSLATED_NAME_ONLY`",
                "hãy ghi tên chính thức bằng tiếng Việt, hoặc ghi `record_status` là \
                 `PENDING_ANNEX` hay `TRANSLATED_NAME_ONLY`",
            );
        }
        for (i, listing) in self.listings.iter().enumerate() {
            if self
                .listings
                .iter()
                .take(i)
                .any(|earlier| earlier.edition == listing.edition)
            {
                violations.add(
                    format!("platform.listings[{i}].edition"),
                    "NOT_UNIQUE",
                    format!(
                        "`{}` lists the platform twice; remove one listing",
                        listing.edition
                    ),
                    format!(
                        "`{}` liệt kê nền tảng này hai lần; hãy bỏ một",
                        listing.edition
                    ),
                );
            }
        }
        for (i, step) in self.operation_stages.iter().enumerate() {
            if self
                .operation_stages
                .iter()
                .take(i)
                .any(|earlier| earlier.stage == step.stage)
            {
                violations.add(
                    format!("platform.operation_stages[{i}].stage"),
                    "NOT_UNIQUE",
                    "the stage is given twice; remove one",
                    "giai đoạn bị lặp lại; hãy bỏ một",
                );
            }
            if let Some(document) = &step.document {
                let path = format!("platform.operation_stages[{i}].document");
                document.check(super::documents::Needs::Identity, &path, violations);
            }
        }
    }
}

impl Exit {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        let needs_successor = matches!(
            self.outcome,
            ExitOutcome::Replaced | ExitOutcome::Integrated | ExitOutcome::Duplicate
        );
        if needs_successor && self.successor.is_none() {
            violations.add(
                "exit.successor",
                "REQUIRED",
                "name the platform that replaces it, or the record that is kept",
                "hãy ghi nền tảng thay thế, hoặc bản ghi được giữ lại",
            );
        }
        match &self.decision {
            Some(decision) => decision.check(
                super::documents::Needs::Identity,
                "exit.decision",
                violations,
            ),
            None if self.outcome != ExitOutcome::Duplicate => violations.add(
                "exit.decision",
                "REQUIRED",
                "give the document that decided it",
                "hãy ghi văn bản quyết định việc này",
            ),
            None => {}
        }
    }
}
