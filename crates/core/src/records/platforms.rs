//! Platforms (nền tảng số): the entries of the catalogue, their listings, stages and exits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::{AgencyName, EditionName, PlatformName},
    query::{
        fields::{created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
        search::{Alphabetical, Searchable, TextSource},
    },
    records::{
        agencies::Agency,
        dated::dated,
        documents::{Document, Source, check_named},
        edit::parts,
        meta::{Meta, PublicWrite, record_fields},
        stored::stored,
        texts::texts,
        words::{Word, words},
    },
    state::visible::{Audience, Parents, Visible},
    time::{Date, Period, Timestamp, check_period},
};

words! {
    /// The users that a platform serves.
    pub enum Classification = Unspecified {
        /// Not known.
        Unspecified = 0 "CLASSIFICATION_UNSPECIFIED",
        /// Nền tảng số quốc gia.
        National = 1 "NATIONAL",
        /// Nền tảng số dùng chung của ngành.
        Sector = 2 "SECTOR",
        /// Nền tảng số dùng chung của lĩnh vực.
        Field = 3 "FIELD",
        /// Nền tảng số dùng chung của vùng.
        Region = 4 "REGION",
    }
}

words! {
    /// A level of government.
    pub enum DeploymentLevel {
        /// Trung ương.
        Central = 1 "CENTRAL",
        /// Cấp tỉnh.
        Province = 2 "PROVINCE",
        /// Cấp xã.
        Commune = 3 "COMMUNE",
    }
}

words! {
    /// How data is shared.
    pub enum DataSharingChannel {
        /// The sharing platform of the National Data Centre.
        Ndop = 1 "NDOP",
        /// The national integration and sharing platform.
        Ndxp = 2 "NDXP",
        /// The local government service platform.
        Lgsp = 3 "LGSP",
        /// An API of its own.
        Api = 4 "API",
    }
}

words! {
    /// The quality of the source of a record.
    pub enum Verification = Unspecified {
        /// Not stated; refused when a platform is written.
        Unspecified = 0 "VERIFICATION_UNSPECIFIED",
        /// Checked against the decision's own text.
        Verified = 1 "VERIFIED",
        /// The name is official, as the press gives it.
        FromPress = 2 "FROM_PRESS",
        /// From a third party's copy of the decision.
        ThirdPartyCopy = 3 "THIRD_PARTY_COPY",
        /// Known in translation only.
        TranslatedNameOnly = 4 "TRANSLATED_NAME_ONLY",
        /// The annex that names it has not been transcribed.
        PendingAnnex = 5 "PENDING_ANNEX",
    }
}

words! {
    /// How well the sources confirm that an edition lists a platform.
    pub enum Membership = Unspecified {
        /// Not stated.
        Unspecified = 0 "MEMBERSHIP_UNSPECIFIED",
        /// The decision's text, or a copy of it, lists it.
        Stated = 1 "STATED",
        /// A report on this edition repeats the entry.
        Reported = 2 "REPORTED",
        /// Stated for an earlier edition only.
        Inferred = 3 "INFERRED",
    }
}

stored! {
    /// A platform's place in one edition.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Listing {
        pub edition: EditionName,
        /// Its number in the list as printed; empty when not seen.
        pub list_number: String,
        /// Code of its group; empty when none or not known.
        pub group: String,
        /// Its Vietnamese name as listed; empty when not known.
        pub display_name: String,
        /// How well the sources confirm that the edition lists the platform.
        pub membership: Membership,
        /// Where it was read.
        pub sources: Vec<Source>,
    }
}

words! {
    /// A step towards operation, in order.
    pub enum Stage {
        /// Đang xây dựng.
        Development = 1 "DEVELOPMENT",
        /// Thí điểm.
        Pilot = 2 "PILOT",
        /// Đã vận hành.
        Operation = 3 "OPERATION",
    }
}

stored! {
    /// When a stage was planned and reached.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct OperationStage {
        /// The step.
        pub stage: Stage,
        /// When it is planned for.
        pub planned: Option<Period>,
        /// When it was reached; an end alone means: by that day.
        pub reached: Option<Period>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
        /// Where it was read.
        pub sources: Vec<Source>,
    }
}

stored! {
    /// Since when the registry has a stage recorded as reached.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct StageRecord {
        pub stage: Stage,
        /// When it was recorded, with the dates that it has now.
        pub record_time: Timestamp,
        /// Whether it was transcribed for the governing agency, which has not written it since.
        pub transcribed: bool,
    }
}

/// The security levels that there are. The contract names the same.
pub const SECURITY_LEVELS: RangeInclusive<i32> = 1..=5;

stored! {
    /// Security level of the information system (Decree 85/2016/NĐ-CP), 1 to 5.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Security {
        /// 1 to 5.
        pub level: i32,
        /// The document that approved it.
        pub approval: Option<Box<Document>>,
    }
}

parts! { Security { level: i32, approval: Option<Box<Document>> } }

stored! {
    /// A page of the platform.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Link {
        /// An absolute URI.
        pub uri: String,
        /// What is found there.
        pub title: String,
    }
}

stored! {
    /// Who governs a platform from a day on.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Governance {
        /// The agency; none where none is known to govern it from that day on.
        pub agency: Option<AgencyName>,
        /// From this day on; from the beginning when absent.
        pub start_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
        /// Where it was read.
        pub sources: Vec<Source>,
    }
}

dated!(Governance);

/// Most entries of `governance`. The contract names the same.
pub(crate) const GOVERNANCE_MAX: usize = 50;

stored! {
    /// A delegation: a unit below the governing agency writes the platform's plans for it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Delegation {
        pub unit: AgencyName,
        /// From this day on.
        pub start_date: Option<Date>,
        /// The last day; without an end when absent.
        pub end_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
        /// Whether the unit also approves: issues, returns, completes and revokes.
        pub includes_approval: bool,
    }
}

impl Delegation {
    /// Whether it holds on a date.
    pub fn holds_on(&self, on: Date) -> bool {
        self.start_date.is_some_and(|start| start <= on)
            && self.end_date.is_none_or(|end| on <= end)
    }
}

words! {
    /// What became of a platform that left the catalogue.
    pub enum ExitOutcome {
        /// Another platform took its place.
        Replaced = 1 "REPLACED",
        /// It went on as part of another.
        Integrated = 2 "INTEGRATED",
        /// It was abandoned, or never built.
        Discontinued = 3 "DISCONTINUED",
        /// It continues outside the catalogue.
        Delisted = 4 "DELISTED",
        /// The record was a second one of the same platform.
        Duplicate = 5 "DUPLICATE",
    }
}

stored! {
    /// How a platform left the catalogue; kept instead of a deletion.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Exit {
        pub reason: String,
        /// What became of it.
        pub outcome: ExitOutcome,
        /// The document that decided it.
        pub decision: Option<Document>,
        /// The platform that took its place, or the record that stays.
        pub successor: Option<PlatformName>,
        /// The first day on which it does not count.
        pub exit_date: Option<Date>,
    }
}

/// Most exits of one platform that were taken back.
pub const PAST_EXITS_MAX: usize = 10;

stored! {
    /// That a platform which left the catalogue is in it again.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Reinstatement {
        /// The document that decided it.
        pub document: Option<Box<Document>>,
        /// The first day on which it counts again; none where it never left.
        pub return_date: Option<Date>,
    }
}

stored! {
    /// An exit that was taken back.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PastExit {
        /// The exit record.
        pub exit: Exit,
        /// How it came back.
        pub reinstatement: Reinstatement,
        /// When the registry recorded that.
        pub record_time: Timestamp,
        /// The reason given.
        pub reason: String,
    }
}

impl PastExit {
    /// The day on which it left and the day on which it was back; none where it never left.
    fn span(&self) -> Option<(Date, Date)> {
        let left = self.exit.exit_date.unwrap_or(Date::MIN);
        Some((left, self.reinstatement.return_date?))
    }

    /// Whether the platform was out of the catalogue on a date.
    pub(crate) fn holds_on(&self, on: Date) -> bool {
        self.span()
            .is_some_and(|(left, back)| left <= on && on < back)
    }

    /// The days on which that changes.
    pub(crate) fn days(&self) -> impl Iterator<Item = Date> + use<> {
        self.span()
            .into_iter()
            .flat_map(|(left, back)| [left, back])
    }
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
        /// The users that it serves.
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
        /// The quality of the source of the record.
        pub verification: Verification,
        /// Where its facts were read.
        pub sources: Vec<Source>,
        /// The steward's labels.
        pub labels: BTreeMap<String, String>,
        /// The units that write its plans for the governing agency.
        pub delegations: Vec<Delegation>,
    }
}

/// The fields of a platform that its governing agency keeps; all others are the steward's.
pub(crate) const AGENCY_FIELDS: &[&str] = &[
    "operating_unit",
    "deployment_levels",
    "operation_stages",
    "security",
    "data_sharing_channels",
    "links",
];

words! {
    /// Whether a platform is in the catalogue.
    pub enum PlatformState {
        /// It is.
        Active = 1 "ACTIVE",
        /// It left.
        Retired = 2 "RETIRED",
        /// Its record was a duplicate.
        Merged = 3 "MERGED",
    }
}

stored! {
    /// A national digital platform, as the editions list it (nền tảng số quốc gia).
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
        /// The exits that were taken back, oldest first.
        pub past_exits: Vec<PastExit>,
        /// The editions in whose lists its place went to the record that stays, when it was merged.
        pub moved_listings: Vec<EditionName>,
        /// The last write that everyone may know of; none where that is the last of all.
        pub public_write: Option<PublicWrite>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Platform {
    /// The book-keeping that everyone may see.
    pub(crate) const fn public_meta(&self) -> Meta {
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

    /// The agency that governs the platform now. The last entry applies, because no entry starts in
    /// the future.
    pub fn governing_agency(&self) -> Option<&AgencyName> {
        self.fields.governing_agency()
    }

    /// The agencies that are involved in its plans but do not govern it now: units to which the
    /// plans are delegated, and agencies that governed it before.
    pub(crate) fn involved(&self) -> impl Iterator<Item = &AgencyName> {
        let now = self.governing_agency();
        let before = self.fields.governance.iter();
        let before = before.filter_map(|entry| entry.agency.as_ref());
        let units = self.fields.delegations.iter().map(|it| &it.unit);
        units.chain(before.filter(move |agency| Some(*agency) != now))
    }

    /// Records at `now` which stages are reached. A stage that `before` has as reached keeps its
    /// record time, unless the update gives it other dates.
    pub(crate) fn record_stages(&mut self, before: Option<&Self>, now: Timestamp) {
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
                transcribed: before.is_some_and(|it| it.is_transcribed(step)),
            })
        };
        self.stage_records = steps.filter_map(record).collect();
    }

    /// Since when a stage is recorded as reached.
    pub fn stage_record(&self, stage: Stage) -> Option<Timestamp> {
        Some(self.record_of(stage)?.record_time)
    }

    /// What is recorded of a stage that is reached.
    pub fn record_of(&self, stage: Stage) -> Option<&StageRecord> {
        self.stage_records.iter().find(|it| it.stage == stage)
    }

    /// Whether this same step is here, and was transcribed.
    fn is_transcribed(&self, step: &OperationStage) -> bool {
        let same = self.fields.operation_stages.contains(step);
        same && self.record_of(step.stage).is_some_and(|it| it.transcribed)
    }

    /// Marks the steps that `before` does not have as transcribed, or all of them as the agency's
    /// own.
    pub(crate) fn mark_stages(&mut self, before: &Self, transcribed: bool) {
        let steps = &self.fields.operation_stages;
        for record in &mut self.stage_records {
            let mut steps = steps.iter().filter(|step| step.stage == record.stage);
            let is_new = steps.any(|step| !before.fields.operation_stages.contains(step));
            record.transcribed = transcribed && (is_new || record.transcribed);
        }
    }

    /// Each stage reached, with the day from which it counts: the last day of the given period,
    /// or its first day if it has no last day, or the document's day of issue if it has neither.
    /// The day is never later than the day on which the stage was recorded as reached.
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
    pub(crate) fn merged_into(&self) -> Option<&PlatformName> {
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

    /// Whether two records of one name may be one platform: no edition lists both, and they are not
    /// known to be of two agencies.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let mut listings = self.fields.listings.iter();
        let agencies = self.governing_agency().zip(other.governing_agency());
        agencies.is_none_or(|(one, other)| one == other)
            && !listings.any(|it| other.listing(&it.edition).is_some())
    }

    /// Whether its name is known, from a text that names it.
    pub fn is_named(&self) -> bool {
        !self.fields.display_name.is_empty()
            && matches!(
                self.fields.verification,
                Verification::Verified | Verification::FromPress | Verification::ThirdPartyCopy
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
            self.verification,
            Verification::TranslatedNameOnly | Verification::PendingAnnex
        );
        if self.verification == Verification::Unspecified {
            violations.add("platform.verification", Rule::VerificationMissing);
        } else if self.display_name.trim().is_empty() && !nameless {
            violations.add("platform.display_name", Rule::PlatformNameMissing);
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
                    Rule::ListingRepeated {
                        edition: listing.edition.to_string(),
                    },
                );
            }
        }
        // a mask may take the level of a message that has none
        if let Some(Security { level: is, .. }) = &self.security
            && !SECURITY_LEVELS.contains(is)
        {
            let [min, max] = [SECURITY_LEVELS.start(), SECURITY_LEVELS.end()].map(i32::to_string);
            let is = is.to_string();
            violations.add("platform.security.level", Rule::NotBetween { min, max, is });
        }
        for (i, delegation) in self.delegations.iter().enumerate() {
            let path = format!("platform.delegations[{i}]");
            let Delegation {
                start_date,
                end_date,
                document,
                ..
            } = delegation;
            if start_date.is_none() {
                violations.add(format!("{path}.start_date"), Rule::DelegationStartMissing);
            }
            if end_date.is_some() && end_date < start_date {
                violations.add(format!("{path}.end_date"), Rule::EndBeforeStart);
            }
            check_named(document.as_deref(), &path, violations);
        }
        for (i, step) in self.operation_stages.iter().enumerate() {
            for (period, field) in [(&step.planned, "planned"), (&step.reached, "reached")] {
                let path = format!("platform.operation_stages[{i}].{field}");
                check_period(period.as_ref(), &path, violations);
            }
            if self
                .operation_stages
                .iter()
                .take(i)
                .any(|earlier| earlier.stage == step.stage)
            {
                violations.add(
                    format!("platform.operation_stages[{i}].stage"),
                    Rule::StageRepeated,
                );
            }
            let path = format!("platform.operation_stages[{i}]");
            check_named(step.document.as_deref(), &path, violations);
        }
    }
}

impl Reinstatement {
    /// Adds a violation for each rule that it breaks beside the exit that it takes back.
    pub fn check(&self, exit: &Exit, today: Date, violations: &mut Violations) {
        let path = "reinstatement.document";
        let was_merged = exit.outcome == ExitOutcome::Duplicate;
        match &self.document {
            Some(document) => {
                document.check(super::documents::Needs::Identity, path, violations);
            }
            None if !was_merged => violations.add(path, Rule::ReinstatementDocumentMissing),
            None => {}
        }
        let Some(date) = self.return_date else { return };
        let path = "reinstatement.return_date";
        let left = exit.exit_date.unwrap_or(Date::MIN);
        if was_merged {
            violations.add(path, Rule::DuplicateNeverLeft);
        } else if date > today {
            violations.add(path, Rule::InFuture { today });
        } else if date <= left {
            violations.add(path, Rule::ReturnBeforeExit { left });
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
            violations.add("exit.successor", Rule::ExitSuccessorMissing);
        }
        match &self.decision {
            Some(decision) => decision.check(
                super::documents::Needs::Identity,
                "exit.decision",
                violations,
            ),
            None if self.outcome != ExitOutcome::Duplicate => {
                violations.add("exit.decision", Rule::ExitDecisionMissing)
            }
            None => {}
        }
    }
}

texts! {
    Governance { texts: document sources; uris: ; none: agency start_date; }
    Delegation { texts: document; uris: ; none: unit start_date end_date includes_approval; }
    Listing {
        texts: list_number group display_name sources; uris: ; none: edition membership;
    }
    OperationStage { texts: planned reached document sources; uris: ; none: stage; }
    Security { texts: approval; uris: ; none: level; }
    Link { texts: title; uris: uri; none: ; }
    Reinstatement { texts: document; uris: ; none: return_date; }
    Exit { texts: reason decision; uris: ; none: outcome successor exit_date; }
}

impl Visible for Platform {
    /// Everyone sees platforms; the security level is not shown to anonymous callers.
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        let is_public = self.fields.security.is_none() && self.public_write.is_none();
        if is_public || !caller.is_anonymous() {
            return Some(Cow::Borrowed(self));
        }
        let mut shown = self.clone();
        shown.fields.security = None;
        shown.meta = self.public_meta();
        shown.public_write = None;
        Some(Cow::Owned(shown))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.governing_agency().cloned()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.governing_agency() == other.governing_agency()
            && self.fields.delegations == other.fields.delegations
            && self.involved().eq(other.involved())
    }

    fn audience_below(&self) -> Audience {
        Audience {
            platform: Some(self.name.clone()),
            ..Audience::of_agency(self.governing_agency())
        }
    }
}

const NO_STAGE: &str = "STAGE_UNSPECIFIED";
const STAGE_WORDS: [&str; 4] = {
    let [development, pilot, operation] = Stage::ALL;
    [
        NO_STAGE,
        development.as_str(),
        pilot.as_str(),
        operation.as_str(),
    ]
};
const STAGES: Type = Type::Enum(&STAGE_WORDS);

impl Queryable for Platform {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, PlatformName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("display_name_en", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name_en)
        })
        .orderable(),
        Field::new("governing_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.governing_agency().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("operating_unit", Type::Text, |r: &Self| {
            Values::one(&*r.fields.operating_unit)
        }),
        Field::new(
            "coordinating_agencies",
            resource::<AgencyName>(),
            |r: &Self| {
                Values::many(
                    r.fields
                        .coordinating_agencies
                        .iter()
                        .map(|name| name.as_str()),
                )
            },
        )
        .repeated(),
        Field::new("classification", words::<Classification>(), |r: &Self| {
            Values::one(r.fields.classification.word())
        }),
        Field::new(
            "deployment_levels",
            words::<DeploymentLevel>(),
            |r: &Self| Values::many(r.fields.deployment_levels.iter().map(|level| level.word())),
        )
        .repeated(),
        Field::new("listings.edition", resource::<EditionName>(), |r: &Self| {
            Values::many(
                r.fields
                    .listings
                    .iter()
                    .map(|listing| listing.edition.as_str()),
            )
        })
        .repeated(),
        Field::new("listings.group", Type::Text, |r: &Self| {
            Values::many(r.fields.listings.iter().map(|listing| &*listing.group))
        })
        .repeated(),
        Field::new("listings.membership", words::<Membership>(), |r: &Self| {
            Values::many(
                r.fields
                    .listings
                    .iter()
                    .map(|listing| listing.membership.word()),
            )
        })
        .repeated(),
        Field::new("operation_stage", STAGES, |r: &Self| {
            Values::one(r.operation_stage().map_or(NO_STAGE, Word::word))
        }),
        Field::new(
            "data_sharing_channels",
            words::<DataSharingChannel>(),
            |r: &Self| Values::many(r.fields.data_sharing_channels.iter().map(|it| it.word())),
        )
        .repeated(),
        Field::new("verification", words::<Verification>(), |r: &Self| {
            Values::one(r.fields.verification.word())
        })
        .orderable(),
        Field::new("security.level", Type::Integer, |r: &Self| {
            Values::option(r.fields.security.as_ref().map(|it| i64::from(it.level)))
        }),
        Field::new("labels.*", Type::Text, |r: &Self| {
            Values::Map(&r.fields.labels)
        }),
        Field::new("state", words::<PlatformState>(), |r: &Self| {
            Values::one(r.state().word())
        }),
        Field::new("exit.outcome", words::<ExitOutcome>(), |r: &Self| {
            Values::option(r.exit.as_ref().map(|exit| exit.outcome.word()))
        }),
        Field::new("exit.successor", resource::<PlatformName>(), |r: &Self| {
            let successor = r.exit.as_ref().and_then(|exit| exit.successor.as_ref());
            Values::option(successor.map(|name| name.as_str()))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Alphabetical for Platform {
    fn resource_name(&self) -> &str {
        self.name.as_str()
    }

    fn vietnamese_name(&self) -> &str {
        &self.fields.display_name
    }
}

/// A platform, and the agency that governs it: a search finds it by either.
#[derive(Clone, Copy, Debug)]
pub struct Governed<'a> {
    pub platform: &'a Platform,
    /// The agency that governs it.
    pub agency: Option<&'a Agency>,
}

impl Searchable for Governed<'_> {
    fn texts<'a>(&'a self, text: &mut dyn FnMut(TextSource, &'a str)) {
        let fields = &self.platform.fields;
        text(TextSource::Name, &fields.display_name);
        text(TextSource::EnglishName, &fields.display_name_en);
        text(TextSource::Id, self.platform.name.id());
        for listing in &fields.listings {
            if listing.display_name != fields.display_name {
                text(TextSource::Other, &listing.display_name);
            }
        }
        text(TextSource::Other, &fields.operating_unit);
        if let Some(agency) = self.agency {
            text(TextSource::Other, &agency.fields.display_name);
            text(TextSource::Other, &agency.fields.display_name_en);
        }
    }
}

impl Platform {
    /// Whether a search finds both by the same texts.
    pub(crate) fn is_searched_as(&self, other: &Self) -> bool {
        let texts = |platform| {
            let mut texts = Vec::new();
            let governed = Governed {
                platform,
                agency: None,
            };
            governed.texts(&mut |part, text| texts.push((part, text.to_owned())));
            texts
        };
        self.governing_agency() == other.governing_agency() && texts(self) == texts(other)
    }
}
