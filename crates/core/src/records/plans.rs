//! Plans (kế hoạch triển khai): what an agency undertakes for its platform, and the states of
//! that undertaking. The table of moves is here and nowhere else.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    caller::Person,
    error::Violations,
    messages::Rule,
    names::{AgencyName, PlanName, PlatformName},
    query::{
        fields::{STANDING_COST, created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        budgets::Budget,
        dated::{self, dated},
        documents::Document,
        edit::parts,
        meta::{Meta, PublicWrite, record_fields},
        principals::Role,
        stored::stored,
        texts::{no_texts, texts},
        transcriptions::Transcription,
        words::{Word as _, words},
    },
    state::State,
    state::visible::{Audience, Parents, Visible, sees_all_of},
    time::{Date, Period, Timestamp, check_period},
};

words! {
    /// The states of a plan.
    pub enum PlanState {
        /// Being written.
        Draft = 1 "DRAFT",
        /// Handed in, and frozen.
        Submitted = 2 "SUBMITTED",
        /// Returned for correction.
        Returned = 3 "RETURNED",
        /// Withdrawn before it was issued.
        Withdrawn = 4 "WITHDRAWN",
        /// In force.
        Issued = 5 "ISSUED",
        /// Carried out.
        Completed = 6 "COMPLETED",
        /// Replaced by the next plan issued.
        Superseded = 7 "SUPERSEDED",
        /// Ended by a document.
        Revoked = 8 "REVOKED",
        /// Recorded in error.
        Annulled = 9 "ANNULLED",
    }
}

/// What moves a plan from state to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanMove {
    /// SubmitPlan.
    Submit,
    /// ReturnPlan.
    Return,
    /// IssuePlan.
    Issue,
    /// CompletePlan.
    Complete,
    /// WithdrawPlan.
    Withdraw,
    /// Another plan of the platform was issued.
    Supersede,
    /// The plan that superseded it was annulled.
    Restore,
    /// RevokePlan.
    Revoke,
    /// ReopenPlan.
    Reopen,
    /// AnnulPlan.
    Annul,
}

impl PlanState {
    /// Where a move leads from here; `None` where it is not allowed.
    pub const fn after(self, step: PlanMove) -> Option<Self> {
        use PlanMove::{
            Annul, Complete, Issue, Reopen, Restore, Return, Revoke, Submit, Supersede, Withdraw,
        };
        match (self, step) {
            (Self::Draft | Self::Returned, Submit) => Some(Self::Submitted),
            (Self::Submitted, Return) => Some(Self::Returned),
            (Self::Submitted, Issue) => Some(Self::Issued),
            (Self::Draft | Self::Submitted | Self::Returned, Withdraw) => Some(Self::Withdrawn),
            (Self::Issued, Complete) => Some(Self::Completed),
            (Self::Issued, Supersede) => Some(Self::Superseded),
            (Self::Issued, Revoke) => Some(Self::Revoked),
            (Self::Issued, Annul) => Some(Self::Annulled),
            (Self::Superseded, Restore) | (Self::Completed | Self::Revoked, Reopen) => {
                Some(Self::Issued)
            }
            (
                Self::Draft | Self::Returned,
                Return | Issue | Complete | Supersede | Revoke | Annul | Restore | Reopen,
            )
            | (
                Self::Submitted,
                Submit | Complete | Supersede | Revoke | Annul | Restore | Reopen,
            )
            | (Self::Issued, Submit | Return | Issue | Withdraw | Restore | Reopen)
            | (Self::Withdrawn | Self::Annulled | Self::Superseded, Reopen)
            | (
                Self::Withdrawn | Self::Completed | Self::Revoked | Self::Annulled,
                Submit | Return | Issue | Complete | Withdraw | Supersede | Revoke | Annul
                | Restore,
            )
            | (
                Self::Superseded,
                Submit | Return | Issue | Complete | Withdraw | Supersede | Revoke | Annul,
            ) => None,
        }
    }

    /// Whether the public may know that a plan in this state exists: it was issued once.
    pub const fn was_issued(self) -> bool {
        match self {
            Self::Draft | Self::Submitted | Self::Returned | Self::Withdrawn => false,
            Self::Issued | Self::Completed | Self::Superseded | Self::Revoked | Self::Annulled => {
                true
            }
        }
    }

    /// Whether it still needs someone's work: not ended in any way.
    pub(crate) const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Draft | Self::Submitted | Self::Returned | Self::Issued
        )
    }
}

impl PlanMove {
    /// The method's name.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Submit => "SubmitPlan",
            Self::Return => "ReturnPlan",
            Self::Issue | Self::Supersede => "IssuePlan",
            Self::Complete => "CompletePlan",
            Self::Withdraw => "WithdrawPlan",
            Self::Revoke => "RevokePlan",
            Self::Reopen => "ReopenPlan",
            Self::Annul | Self::Restore => "AnnulPlan",
        }
    }
}

/// Number of entries in `state_history` from which a plan can no longer be submitted. Moves that
/// end the plan still fit.
pub const STATES_MAX: usize = 200;

words! {
    /// Who sees a plan once it is issued.
    #[derive(Default)]
    pub enum Visibility {
        /// Everyone sees all of it.
        #[default]
        Public = 1 "PUBLIC",
        /// Everyone sees its existence and document only.
        Restricted = 2 "RESTRICTED",
    }
}

stored! {
    /// One state of a plan, and since when.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct StateEntry {
        /// The state entered.
        pub state: PlanState,
        /// The civil date from which it holds.
        pub effective_date: Date,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// The agency that acted; none for the steward.
        pub agency: Option<AgencyName>,
        /// Who acted; none once redacted.
        pub person: Option<Person>,
        /// The document that moved it.
        pub document: Option<Box<Document>>,
        /// The reason given.
        pub reason: String,
    }
}

stored! {
    /// Who answers for a plan, by office.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Head {
        pub office: String,
        /// Name as printed on a published document.
        pub person: String,
    }
}

parts! {
    Head { office: String, person: String }
}

stored! {
    /// Who sees a plan from a day on.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct VisibilityEntry {
        /// Who sees it.
        pub visibility: Visibility,
        /// From this day on; from the beginning when absent.
        pub start_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
    }
}

dated!(VisibilityEntry);

stored! {
    /// How often progress is reported from a day on.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct CycleEntry {
        /// How often.
        pub cycle: ReportingCycle,
        /// From this day on; from the beginning when absent.
        pub start_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
    }
}

dated!(CycleEntry);

stored! {
    /// Another platform that a plan also covers, and from when to when.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Coverage {
        pub platform: PlatformName,
        /// From this day on; as long as the plan is in force when absent.
        pub start_date: Option<Date>,
        /// No longer from this day on.
        pub end_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
    }
}

impl Coverage {
    /// Whether another entry is of the same platform on a day of this one.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let starts_before_end = |it: &Self, other: &Self| match (it.start_date, other.end_date) {
            (Some(start), Some(end)) => start < end,
            (None, _) | (_, None) => true,
        };
        self.platform == other.platform
            && starts_before_end(self, other)
            && starts_before_end(other, self)
    }

    /// Whether it holds on a date.
    fn holds_on(&self, on: Date) -> bool {
        self.start_date.is_none_or(|day| day <= on) && self.end_date.is_none_or(|day| on < day)
    }
}

words! {
    /// The length of a reporting period.
    pub enum Interval = Monthly {
        /// Hằng tháng.
        Monthly = 1 "MONTHLY",
        /// Hằng quý.
        Quarterly = 2 "QUARTERLY",
        /// Sáu tháng.
        HalfYearly = 3 "HALF_YEARLY",
        /// Hằng năm.
        Yearly = 4 "YEARLY",
    }
}

stored! {
    /// How often progress is reported.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ReportingCycle {
        /// The length of a period.
        pub interval: Interval,
        /// The last day of a period within its last month, 1 to 28; 0 for the 14th.
        pub cutoff_day: i32,
        /// Days after the cut-off within which the report is due.
        pub filing_days: i32,
    }
}

impl Interval {
    /// Months of a period.
    pub const fn months(self) -> i32 {
        match self {
            Self::Monthly => 1,
            Self::Quarterly => 3,
            Self::HalfYearly => 6,
            Self::Yearly => 12,
        }
    }
}

impl ReportingCycle {
    /// The cut-off where a plan states none: Decree 09/2019/NĐ-CP counts a month from the 15th to
    /// the 14th.
    pub(crate) const DEFAULT_CUTOFF_DAY: i32 = 14;

    /// The last day of a period within its last month.
    pub(crate) const fn cutoff(self) -> i32 {
        if self.cutoff_day == 0 {
            Self::DEFAULT_CUTOFF_DAY
        } else {
            self.cutoff_day
        }
    }

    /// Whether a period ends on `date`.
    pub(crate) fn ends_on(self, date: Date) -> bool {
        date.day() == self.cutoff() && date.month() % self.interval.months() == 0
    }

    /// The end of the period that `date` lies in; none after the year 2200.
    pub fn period_end(self, date: Date) -> Option<Date> {
        self.end_from(self.cutoff_month(date))
    }

    /// The end of the last period that was over before the one that `date` lies in; none before
    /// the year 1900.
    pub fn last_period_end(self, date: Date) -> Option<Date> {
        self.end_from(self.cutoff_month(date) - self.interval.months())
    }

    /// The day on which the period that ends on `end` began.
    pub fn period_start(self, end: Date) -> Date {
        let before = end.year() * 12 + end.month() - 1 - self.interval.months();
        let before = Date::new(before.div_euclid(12), before.rem_euclid(12) + 1, end.day());
        before.map_or(Date::MIN, |last| last.plus_days(1))
    }

    /// The last day on which a report on the period that ends on `end` is in time.
    pub(crate) fn filing_due(self, end: Date) -> Date {
        end.plus_days(self.filing_days)
    }

    /// The month of the first cut-off day from `date` on, counted from the year 0.
    fn cutoff_month(self, date: Date) -> i32 {
        date.year() * 12 + date.month() - 1 + i32::from(date.day() > self.cutoff())
    }

    /// The cut-off in `month`, counted from the year 0, or in the first month after it in which a
    /// period ends.
    fn end_from(self, month: i32) -> Option<Date> {
        let months = self.interval.months();
        let last = month + (months - 1 - month.rem_euclid(months));
        Date::new(last.div_euclid(12), last.rem_euclid(12) + 1, self.cutoff()).ok()
    }
}

record_fields! {
    /// What an agency writes of a plan.
    pub struct PlanFields {
        /// Title in Vietnamese.
        pub display_name: String,
        /// What it is to achieve.
        pub objectives: String,
        /// What it covers.
        pub scope: String,
        /// Who answers for it (người đứng đầu chịu trách nhiệm).
        pub accountable_head: Option<Box<Head>>,
        /// The unit in the lead.
        pub lead_unit: String,
        /// Agencies that take part.
        pub coordinating_agencies: Vec<AgencyName>,
        /// The other platforms that it covers.
        pub covered_platforms: Vec<Coverage>,
        /// Money set aside.
        pub budget: Option<Budget>,
        /// When work begins.
        pub planned_start: Option<Period>,
        /// When it is to be done.
        pub planned_end: Option<Period>,
        /// Who sees it once issued, from when on, oldest first.
        pub visibilities: Vec<VisibilityEntry>,
        /// How often progress is reported from when on, oldest first.
        pub reporting_cycles: Vec<CycleEntry>,
    }
}

/// The fields of an ISSUED plan that can still change without a rebaseline.
pub(crate) const FIELDS_AFTER_ISSUE: &[&str] =
    &["accountable_head", "lead_unit", "coordinating_agencies"];

/// The fields that a baseline keeps beside the milestones.
pub(crate) const PROMISED_FIELDS: &[&str] = &["budget", "planned_start", "planned_end"];

stored! {
    /// How one agency implements one or more platforms (kế hoạch triển khai).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Plan {
        /// Resource name.
        pub name: PlanName,
        /// The agency that answers for it: the platform's governing agency.
        pub agency: AgencyName,
        /// What the agency writes of it.
        pub fields: PlanFields,
        /// The document that issued it.
        pub issuing_document: Option<Box<Document>>,
        /// The state it is in.
        pub state: PlanState,
        /// All its states, oldest first.
        pub state_history: Vec<StateEntry>,
        /// That it was transcribed for its agency.
        pub transcription: Option<Box<Transcription>>,
        /// The plan that took its place.
        pub superseding_plan: Option<PlanName>,
        /// Whether fields were withheld; never so in a stored image.
        #[serde_with(skip_apply)]
        #[serde(skip)]
        pub redacted: bool,
        /// The last write that everyone may know of; none where that is the last of all.
        pub public_write: Option<PublicWrite>,
        /// The write since which everyone may see it whole, with the records below it; none while
        /// they may not.
        pub published: Option<PublicWrite>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Plan {
    /// The book-keeping that everyone may see.
    pub(crate) const fn public_meta(&self) -> Meta {
        self.meta.as_of(self.public_write)
    }

    /// When its issue was recorded, if everyone may see it whole, with the records below it.
    pub(crate) fn public_since(&self) -> Option<Timestamp> {
        let mut entries = self.state_history.iter();
        entries
            .find(|entry| entry.state.was_issued())
            .filter(|_| self.visibility() == Visibility::Public)
            .map(|entry| entry.record_time)
    }

    /// The date from which the plan was in force; `None` if it was never issued. A plan is issued
    /// once; later ISSUED entries restore it after it was superseded.
    pub fn issue_date(&self) -> Option<Date> {
        let mut entries = self.state_history.iter();
        entries
            .find(|entry| entry.state == PlanState::Issued)
            .map(|entry| entry.effective_date)
    }

    /// The reporting cycle that applies on a date.
    pub fn cycle_on(&self, on: Date) -> ReportingCycle {
        dated::on(&self.fields.reporting_cycles, on)
            .map(|entry| entry.cycle)
            .unwrap_or_default()
    }

    /// Whether it covers another platform on a date on which it is in force.
    pub(crate) fn covers_on(&self, platform: &PlatformName, on: Date) -> bool {
        let mut covered = self.fields.covered_platforms.iter();
        covered.any(|it| it.platform == *platform && it.holds_on(on))
    }

    /// The days on which it begins or ceases to cover another platform.
    pub(crate) fn coverage_days(&self) -> impl Iterator<Item = Date> {
        let covered = self.fields.covered_platforms.iter();
        covered.flat_map(|it| [it.start_date, it.end_date].into_iter().flatten())
    }

    /// Who sees the plan now. The last entry applies, because no entry starts in the future.
    pub fn visibility(&self) -> Visibility {
        let last = self.fields.visibilities.last();
        last.map(|entry| entry.visibility).unwrap_or_default()
    }

    /// Whether everyone may see how the plan stood on a date: it was PUBLIC then and is PUBLIC now.
    pub(crate) fn is_public_on(&self, on: Date) -> bool {
        let then = dated::on(&self.fields.visibilities, on);
        let then = then.map(|entry| entry.visibility).unwrap_or_default();
        then == Visibility::Public && self.visibility() == Visibility::Public
    }

    /// Makes the plan RESTRICTED on every date.
    pub fn restrict(&mut self) {
        self.fields.visibilities = vec![VisibilityEntry {
            visibility: Visibility::Restricted,
            ..VisibilityEntry::default()
        }];
    }

    /// Whether it was transcribed for its agency, which has not confirmed it.
    pub(crate) fn is_being_transcribed(&self) -> bool {
        let transcription = self.transcription.as_ref();
        transcription.is_some_and(|it| it.confirmation.is_none())
    }

    /// Whether the caller sees everything of it: as [`Audience::sees_all`], without a copy.
    fn is_whole_for(&self, caller: &Caller) -> bool {
        sees_all_of(caller, Some(&self.agency))
            || caller.is_entrusted(&self.agency, self.name.as_str())
            || (self.is_being_transcribed() && caller.has(Role::Transcriber))
    }

    /// Who submitted it last.
    pub(crate) fn submitter(&self) -> Option<&Person> {
        let mut entries = self.state_history.iter().rev();
        entries
            .find(|entry| entry.state == PlanState::Submitted)?
            .person
            .as_ref()
    }
}

impl PlanFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, path: &str, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add(format!("{path}.display_name"), Rule::PlanNameMissing);
        }
        check_span(
            self.planned_start.as_ref(),
            self.planned_end.as_ref(),
            path,
            violations,
        );
        if let Some(budget) = &self.budget {
            budget.check(&format!("{path}.budget"), violations);
        }
    }
}

/// Adds a violation if one of the periods is not in order, or if the plan would end before it
/// starts.
fn check_span(
    start: Option<&Period>,
    end: Option<&Period>,
    path: &str,
    violations: &mut Violations,
) {
    check_period(start, &format!("{path}.planned_start"), violations);
    check_period(end, &format!("{path}.planned_end"), violations);
    if let (Some(start), Some(end)) = (start, end)
        && let (Some(first), Some(last)) = (start.start, end.end)
        && last < first
    {
        violations.add(format!("{path}.planned_end"), Rule::PlannedNotInOrder);
    }
}

no_texts! { ReportingCycle }

texts! {
    VisibilityEntry { texts: document; uris: ; none: visibility start_date; }
    CycleEntry { texts: document; uris: ; none: cycle start_date; }
    Coverage { texts: document; uris: ; none: platform start_date end_date; }
    Head { texts: office person; uris: ; none: ; }
}

impl Visible for Plan {
    /// Before a plan is issued, only its agency, the steward and auditors see it. Then everyone
    /// sees it or, if it is restricted, its existence and document. Only callers who see everything
    /// see who acted and what was written before the plan was issued.
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        if self.is_whole_for(caller) {
            return Some(Cow::Borrowed(self));
        }
        self.state
            .was_issued()
            .then(|| Cow::Owned(shown_plan(self, self.visibility())))
    }

    /// Callers who could see the whole plan then and can see it now see it whole. Other callers see
    /// the public part. This part is restricted if the plan was restricted then or is now.
    fn visible_since(
        &self,
        then: &dyn Parents,
        record: &Self,
        now: &State,
        caller: &Caller,
    ) -> Option<Cow<'_, Self>> {
        let (seen, seen_now) = (self.visible(caller, then)?, record.visible(caller, now)?);
        if matches!(seen_now, Cow::Borrowed(_)) {
            return Some(seen);
        }
        let restricted = [self, record]
            .iter()
            .any(|plan| plan.visibility() == Visibility::Restricted);
        let visibility = if restricted {
            Visibility::Restricted
        } else {
            Visibility::Public
        };
        self.state
            .was_issued()
            .then(|| Cow::Owned(shown_plan(self, visibility)))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        Some(self.agency.clone())
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        let of = |plan: &Self| {
            let issued = plan.state.was_issued();
            let transcribed = plan.is_being_transcribed();
            (plan.agency.clone(), plan.visibility(), issued, transcribed)
        };
        of(self) == of(other)
    }

    fn audience_below(&self) -> Audience {
        Audience {
            platform: Some(self.name.parent()),
            agency: Some(self.agency.clone()),
            public_since: self.public_since(),
            published: self.published,
            transcribed: self.is_being_transcribed(),
            of_transcriber: false,
        }
    }
}

/// The public part of an issued plan.
fn shown_plan(plan: &Plan, visibility: Visibility) -> Plan {
    let restricted = visibility == Visibility::Restricted;
    let mut shown = plan.clone();
    shown.state_history.retain(|entry| entry.state.was_issued());
    for entry in &mut shown.state_history {
        entry.person = None;
        if restricted || !matches!(entry.state, PlanState::Revoked | PlanState::Annulled) {
            entry.reason.clear();
        }
    }
    if let Some(transcription) = &mut shown.transcription {
        transcription.withhold_people();
    }
    shown.meta = plan.public_meta();
    shown.public_write = None;
    // Drafting begins before the public may know of it.
    if let Some(first) = shown.state_history.first() {
        shown.meta.create_time = first.record_time;
    }
    if restricted {
        shown.fields = PlanFields::default();
        shown.transcription = None;
        shown.restrict();
        shown.redacted = true;
    }
    shown
}

impl Queryable for Plan {
    const ANSWER_COST: usize = STANDING_COST;

    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, PlanName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("agency", resource::<AgencyName>(), |r: &Self| {
            Values::one(r.agency.as_str())
        })
        .orderable(),
        Field::new("state", words::<PlanState>(), |r: &Self| {
            Values::one(r.state.as_str())
        })
        .orderable(),
        Field::new("visibility", words::<Visibility>(), |r: &Self| {
            Values::one(r.visibility().word())
        }),
        Field::new("lead_unit", Type::Text, |r: &Self| {
            Values::one(&*r.fields.lead_unit)
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
        Field::new(
            "covered_platforms.platform",
            resource::<PlatformName>(),
            |r: &Self| {
                let covered = r.fields.covered_platforms.iter();
                Values::many(covered.map(|it| it.platform.as_str()))
            },
        )
        .repeated(),
        Field::new("issuing_document.symbol", Type::Text, |r: &Self| {
            Values::option(
                r.issuing_document
                    .as_ref()
                    .map(|document| &*document.symbol),
            )
        }),
        Field::new("issuing_document.issue_date", Type::Date, |r: &Self| {
            Values::option(
                r.issuing_document
                    .as_ref()
                    .and_then(|document| document.issue_date),
            )
        })
        .orderable(),
        Field::new("planned_start.start", Type::Date, |r: &Self| {
            Values::option(
                r.fields
                    .planned_start
                    .as_ref()
                    .and_then(|period| period.start),
            )
        }),
        Field::new("planned_end.end", Type::Date, |r: &Self| {
            Values::option(r.fields.planned_end.as_ref().and_then(|period| period.end))
        })
        .orderable(),
        Field::new("budget.price_year", Type::Integer, |r: &Self| {
            let year = r
                .fields
                .budget
                .as_ref()
                .map(|budget| i64::from(budget.price_year));
            Values::option(year.filter(|year| *year != 0))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_moves_is_the_documented_one() {
        use PlanMove::{
            Annul, Complete, Issue, Restore, Return, Revoke, Submit, Supersede, Withdraw,
        };
        let mut allowed = Vec::new();
        for from in PlanState::ALL {
            for step in [
                Submit, Return, Issue, Complete, Withdraw, Supersede, Revoke, Annul, Restore,
            ] {
                if let Some(to) = from.after(step) {
                    allowed.push(format!("{} -{step:?}-> {}", from.as_str(), to.as_str()));
                }
            }
        }
        insta::assert_snapshot!(allowed.join("\n"), @r"
        DRAFT -Submit-> SUBMITTED
        DRAFT -Withdraw-> WITHDRAWN
        SUBMITTED -Return-> RETURNED
        SUBMITTED -Issue-> ISSUED
        SUBMITTED -Withdraw-> WITHDRAWN
        RETURNED -Submit-> SUBMITTED
        RETURNED -Withdraw-> WITHDRAWN
        ISSUED -Complete-> COMPLETED
        ISSUED -Supersede-> SUPERSEDED
        ISSUED -Revoke-> REVOKED
        ISSUED -Annul-> ANNULLED
        SUPERSEDED -Restore-> ISSUED
        ");
    }

    #[test]
    fn reporting_periods_end_on_the_cut_off() {
        let date = |text| Date::parse(text).unwrap();
        let cycle = |interval, cutoff_day| ReportingCycle {
            interval,
            cutoff_day,
            filing_days: 0,
        };
        for (interval, cutoff, on, last, start, end) in [
            (
                Interval::Monthly,
                0,
                "2026-03-14",
                "2026-02-14",
                "2026-02-15",
                "2026-03-14",
            ),
            (
                Interval::Monthly,
                0,
                "2026-12-15",
                "2026-12-14",
                "2026-12-15",
                "2027-01-14",
            ),
            (
                Interval::Monthly,
                28,
                "2026-03-01",
                "2026-02-28",
                "2026-03-01",
                "2026-03-28",
            ),
            (
                Interval::Quarterly,
                0,
                "2026-03-15",
                "2026-03-14",
                "2026-03-15",
                "2026-06-14",
            ),
            (
                Interval::HalfYearly,
                0,
                "2026-01-01",
                "2025-12-14",
                "2025-12-15",
                "2026-06-14",
            ),
            (
                Interval::Yearly,
                20,
                "2026-12-20",
                "2025-12-20",
                "2025-12-21",
                "2026-12-20",
            ),
        ] {
            let cycle = cycle(interval, cutoff);
            assert_eq!(
                cycle.period_end(date(on)),
                Some(date(end)),
                "{interval:?} {on}"
            );
            assert_eq!(
                cycle.last_period_end(date(on)),
                Some(date(last)),
                "{interval:?} {on}"
            );
            assert_eq!(
                cycle.period_start(date(end)),
                date(start),
                "{interval:?} {on}"
            );
            assert!(cycle.ends_on(date(end)) && !cycle.ends_on(date(start)));
        }
        assert_eq!(cycle(Interval::Monthly, 0).period_end(Date::MAX), None);
        assert_eq!(cycle(Interval::Monthly, 0).last_period_end(Date::MIN), None);
        assert_eq!(
            cycle(Interval::Monthly, 0).period_start(Date::MIN),
            Date::MIN
        );
    }
}
