//! Deployments (triển khai): how far one agency has a platform in use, as that agency reports.
//!
//! What changes over time is a list of dated entries, so that a later write does not change the
//! answer for an earlier date.

use std::borrow::Cow;

use crate::{
    caller::{Caller, Person},
    error::Violations,
    messages::Rule,
    names::{AgencyName, DeploymentName, Revision},
    records::{
        documents::{Document, Evidence, Source, check_named},
        meta::{Meta, record_fields},
        stored::stored,
        texts::{no_texts, texts},
        words::words,
    },
    state::visible::{Parents, Visible},
    time::{Date, Period, Timestamp, check_period},
};

/// Most reports and most confirmed spans that a deployment keeps: ten years of one a month. The
/// oldest is removed when another is added.
pub(crate) const KEPT_MAX: usize = 120;

words! {
    /// How far the deployment has come. The first four are in order.
    pub enum DeploymentStage {
        /// Chưa triển khai.
        NotStarted = 1 "NOT_STARTED",
        /// Đang chuẩn bị.
        Preparing = 2 "PREPARING",
        /// Thí điểm.
        Pilot = 3 "PILOT",
        /// Đã vận hành.
        Operating = 4 "OPERATING",
        /// Đã dừng.
        Stopped = 5 "STOPPED",
    }
}

words! {
    /// What coverage is counted in.
    pub enum CoverageUnit {
        /// Xã, phường, đặc khu.
        Communes = 1 "COMMUNES",
        /// Bệnh viện.
        Hospitals = 2 "HOSPITALS",
        /// Trạm y tế.
        HealthStations = 3 "HEALTH_STATIONS",
        /// Trường học.
        Schools = 4 "SCHOOLS",
        /// Cơ quan, đơn vị.
        Offices = 5 "OFFICES",
        /// Cán bộ, công chức, viên chức.
        Officials = 6 "OFFICIALS",
        /// Doanh nghiệp.
        Enterprises = 7 "ENTERPRISES",
        /// Hộ gia đình.
        Households = 8 "HOUSEHOLDS",
    }
}

words! {
    /// What happens to a system that the platform is to replace.
    pub enum Disposition {
        /// Đã thay thế.
        Replaced = 1 "REPLACED",
        /// Tạm giữ đến một ngày.
        Kept = 2 "KEPT",
        /// Đang chuyển đổi.
        Migrating = 3 "MIGRATING",
    }
}

stored! {
    /// A stage that was reached.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct StageEntry {
        pub stage: DeploymentStage,
        /// When it was reached; a period with an end only means: by that day.
        pub reached: Option<Period>,
        pub evidence: Vec<Evidence>,
        /// Where it was read.
        pub sources: Vec<Source>,
    }
}

impl StageEntry {
    /// The day from which it counts: the last day of the period, or its first if it has no last.
    pub fn day(&self) -> Option<Date> {
        let reached = self.reached.as_ref()?;
        reached.end.or(reached.start)
    }
}

stored! {
    /// When a stage is to be reached, as planned from a day on.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct StagePlan {
        pub stage: DeploymentStage,
        /// When it is to be reached; it is late after the last day of this period.
        pub planned: Option<Period>,
        /// Planned so from this day on; from the beginning when absent.
        pub start_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
    }
}

stored! {
    /// How many units had it in use on a day, out of how many.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Coverage {
        /// What is counted.
        pub unit: CoverageUnit,
        /// The units that have it in use.
        pub done: i32,
        /// All units.
        pub total: i32,
        /// The day of the count.
        pub count_date: Option<Date>,
    }
}

stored! {
    /// What happens to an earlier system, from a day on.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct LegacySystem {
        /// What the system is called.
        pub display_name: String,
        /// What happens to it.
        pub disposition: Disposition,
        /// From this day on.
        pub start_date: Option<Date>,
        /// The last day on which it is kept.
        pub end_date: Option<Date>,
        pub reason: String,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
    }
}

record_fields! {
    /// The fields of a deployment that its agency writes.
    pub struct DeploymentFields {
        /// The stages reached, oldest first.
        pub stages: Vec<StageEntry>,
        /// When stages are to be reached.
        pub planned_stages: Vec<StagePlan>,
        /// How many units have it in use.
        pub coverages: Vec<Coverage>,
        /// The earlier systems.
        pub legacy_systems: Vec<LegacySystem>,
        pub evidence: Vec<Evidence>,
        /// Where it was read.
        pub sources: Vec<Source>,
        /// The day that the record describes.
        pub report_date: Option<Date>,
    }
}

stored! {
    /// The first report for a month.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Filing {
        /// The day that the report described.
        pub report_date: Date,
        /// The Vietnamese day on which it was recorded.
        pub filing_date: Date,
    }
}

stored! {
    /// The confirmation of the record by another agency.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DeploymentConfirmation {
        /// The revision that was confirmed.
        pub revision: Revision,
        /// The stage that it had reached.
        pub stage: Option<DeploymentStage>,
        /// The newest coverage of each unit.
        pub coverages: Vec<Coverage>,
        /// The day that the record described.
        pub report_date: Option<Date>,
        /// The agency whose approver confirmed it; `None` for the steward.
        pub agency: Option<AgencyName>,
        /// Who confirmed it.
        pub person: Person,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

stored! {
    /// Days on which the record was confirmed, until its agency wrote it again.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ConfirmedSpan {
        /// The first day.
        pub start_date: Date,
        /// The first day on which it was no longer confirmed.
        pub end_date: Date,
    }
}

stored! {
    /// How far one agency has a platform in use (triển khai).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Deployment {
        /// Resource name; its id is that of the agency.
        pub name: DeploymentName,
        /// The fields that the agency writes.
        pub fields: DeploymentFields,
        /// Who wrote it last.
        pub writer: Person,
        /// Whether that was for an agency that had no principals yet.
        pub transcribed: bool,
        /// The months reported on, oldest first.
        pub filings: Vec<Filing>,
        /// Its current confirmation.
        pub confirmation: Option<Box<DeploymentConfirmation>>,
        /// When it was confirmed before, oldest first.
        pub confirmed_spans: Vec<ConfirmedSpan>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl DeploymentName {
    /// The agency whose deployment it is.
    pub fn agency(&self) -> Option<AgencyName> {
        AgencyName::from_id(self.id())
    }
}

impl DeploymentFields {
    /// The newest coverage of each unit on a date, by unit.
    pub fn coverages_on(&self, date: Date) -> Vec<&Coverage> {
        let newest = |unit: CoverageUnit| {
            let of_unit = self.coverages.iter().filter(|it| it.unit == unit);
            let known = of_unit.filter(|it| it.count_date.is_some_and(|day| day <= date));
            known.max_by_key(|it| it.count_date)
        };
        CoverageUnit::ALL.into_iter().filter_map(newest).collect()
    }

    /// The stage reached by a date, with the day from which it counts.
    pub fn stage_on(&self, date: Date) -> Option<(DeploymentStage, Date)> {
        let mut newest_first = self.stages.iter().rev();
        newest_first.find_map(|entry| {
            let day = entry.day().filter(|day| *day <= date)?;
            Some((entry.stage, day))
        })
    }

    /// The entry in force for each earlier system on a date, in the order of their first entries.
    pub fn legacy_on(&self, date: Date) -> Vec<&LegacySystem> {
        let begun = |it: &&LegacySystem| it.start_date.is_none_or(|day| day <= date);
        let mut systems: Vec<&LegacySystem> = Vec::new();
        for entry in self.legacy_systems.iter().filter(begun) {
            let name = &entry.display_name;
            match systems.iter_mut().find(|it| it.display_name == *name) {
                // of two entries of one day the later one counts
                Some(known) if known.start_date <= entry.start_date => *known = entry,
                Some(_) => {}
                None => systems.push(entry),
            }
        }
        systems
    }

    /// Adds a violation for each rule of its own that the record breaks. Only planned dates may be
    /// after `report_date`, which may not be after today.
    pub fn check(&self, today: Date, violations: &mut Violations) {
        let Some(as_of) = self.report_date else {
            violations.add("deployment.report_date", Rule::AsOfMissing);
            return;
        };
        if as_of > today {
            violations.add("deployment.report_date", Rule::InFuture { today });
        }
        self.check_stages(as_of, violations);
        self.check_planned(as_of, violations);
        self.check_coverage(as_of, violations);
        self.check_legacy(as_of, violations);
    }

    fn check_stages(&self, as_of: Date, violations: &mut Violations) {
        let mut before = None;
        for (i, entry) in self.stages.iter().enumerate() {
            let path = format!("deployment.stages[{i}].reached");
            check_period(entry.reached.as_ref(), &path, violations);
            match (entry.day(), before) {
                (None, _) => violations.add(path, Rule::ReachedMissing),
                (Some(day), _) if day > as_of => {
                    violations.add(format!("{path}.end"), Rule::AfterAsOf { as_of });
                }
                (Some(day), Some(last)) if day < last => {
                    violations.add(format!("{path}.end"), Rule::StageBeforeLast { last });
                }
                _ => {}
            }
            before = entry.day().max(before);
        }
    }

    fn check_planned(&self, as_of: Date, violations: &mut Violations) {
        for (i, entry) in self.planned_stages.iter().enumerate() {
            let path = format!("deployment.planned_stages[{i}]");
            let planned = format!("{path}.planned");
            check_period(entry.planned.as_ref(), &planned, violations);
            if entry.planned.as_ref().is_none_or(|it| it.end.is_none()) {
                violations.add(format!("{planned}.end"), Rule::PlannedEndMissing);
            }
            check_named(entry.document.as_deref(), &path, violations);
            let start_path = format!("{path}.start_date");
            if entry.start_date.is_some_and(|day| day > as_of) {
                violations.add(&*start_path, Rule::AfterAsOf { as_of });
            }
            let mut earlier = self.planned_stages.iter().take(i);
            let Some(before) = earlier.rfind(|it| it.stage == entry.stage) else {
                continue;
            };
            match (before.start_date, entry.start_date) {
                (_, None) => violations.add(start_path, Rule::StartMissing),
                (Some(last), Some(start)) if start <= last => {
                    violations.add(start_path, Rule::StartNotInOrder { last });
                }
                _ => {}
            }
            if entry.document.is_none() {
                violations.add(format!("{path}.document"), Rule::MovedWithoutDocument);
            }
        }
    }

    fn check_coverage(&self, as_of: Date, violations: &mut Violations) {
        for (i, entry) in self.coverages.iter().enumerate() {
            let path = format!("deployment.coverages[{i}]");
            if entry.done > entry.total {
                violations.add(format!("{path}.done"), Rule::DoneExceedsTotal);
            }
            let day = format!("{path}.count_date");
            match entry.count_date {
                None => violations.add(day, Rule::AsOfMissing),
                Some(date) if date > as_of => violations.add(day, Rule::AfterAsOf { as_of }),
                Some(_) => {}
            }
            let mut earlier = self.coverages.iter().take(i);
            if earlier.any(|it| (it.unit, it.count_date) == (entry.unit, entry.count_date)) {
                violations.add(path, Rule::CoverageRepeated);
            }
        }
    }

    fn check_legacy(&self, as_of: Date, violations: &mut Violations) {
        for (i, entry) in self.legacy_systems.iter().enumerate() {
            let path = format!("deployment.legacy_systems[{i}]");
            let field = |name: &str| format!("{path}.{name}");
            match entry.start_date {
                None => violations.add(field("start_date"), Rule::LegacyStartMissing),
                Some(day) if day > as_of => {
                    violations.add(field("start_date"), Rule::AfterAsOf { as_of });
                }
                Some(_) => {}
            }
            check_named(entry.document.as_deref(), &path, violations);
            match (entry.disposition, entry.end_date) {
                (Disposition::Kept, None) => {
                    violations.add(field("end_date"), Rule::KeptUntilMissing);
                }
                (Disposition::Kept, Some(end)) if entry.start_date.is_some_and(|it| end < it) => {
                    violations.add(field("end_date"), Rule::InForceNotInOrder);
                }
                (Disposition::Kept, Some(_)) | (_, None) => {}
                (_, Some(_)) => violations.add(field("end_date"), Rule::KeptUntilNotAllowed),
            }
            if entry.disposition == Disposition::Kept {
                if entry.reason.trim().is_empty() {
                    violations.add(field("reason"), Rule::KeptReasonMissing);
                }
                let mut earlier = self.legacy_systems.iter().take(i);
                let moved = earlier.any(|it| {
                    it.disposition == Disposition::Kept && it.display_name == entry.display_name
                });
                if moved && entry.document.is_none() {
                    violations.add(field("document"), Rule::MovedWithoutDocument);
                }
            }
        }
    }
}

impl Deployment {
    /// Whether it is confirmed on a date.
    pub fn is_confirmed_on(&self, date: Date) -> bool {
        let now = self.confirmation.as_ref();
        let mut spans = self.confirmed_spans.iter();
        now.is_some_and(|it| it.record_time.date_in_vietnam() <= date)
            || spans.any(|it| it.start_date <= date && date < it.end_date)
    }
}

no_texts! { Coverage }

texts! {
    StageEntry { texts: reached evidence sources; uris: ; none: stage; }
    StagePlan { texts: planned document; uris: ; none: stage start_date; }
    LegacySystem {
        texts: display_name reason document; uris: ; none: disposition start_date end_date;
    }
}

impl Visible for Deployment {
    /// Everyone sees deployments, as they see the stages of a platform.
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.name.agency()
    }
}
