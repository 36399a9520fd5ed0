//! Data quality: đúng, đủ, sạch, sống, thống nhất, dùng chung. Each criterion is a few rules over
//! the fields of a record; those of a platform also ask its plans in force. A rule that does not
//! apply to a record is not counted for it. A score is the number of rules that pass, out of those
//! that apply.

mod deployments;
mod flows;
mod observations;
mod recommendations;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    effort::Effort,
    monitoring::{
        attention::Namesakes,
        standing::PlanStanding,
        tally::{Clearance, CountScope},
    },
    names::AgencyName,
    records::{
        platforms::{Classification, Membership, Platform, Stage, Verification},
        words::words,
    },
    state::{State, on_date::governing_agency_on},
    text,
    time::Date,
};

/// Days without an update after which a record is no longer live.
pub(crate) const LIVE_DAYS: i64 = 365;

words! {
    /// The criteria of data quality.
    pub enum Criterion {
        /// Đúng.
        Correct = 1 "CORRECT",
        /// Đủ.
        Complete = 2 "COMPLETE",
        /// Sạch.
        Clean = 3 "CLEAN",
        /// Sống.
        Live = 4 "LIVE",
        /// Thống nhất.
        Consistent = 5 "CONSISTENT",
        /// Dùng chung.
        Shared = 6 "SHARED",
    }
}

words! {
    /// The rules, each of one criterion.
    pub enum Rule {
        /// The verification is VERIFIED.
        Verified = 1 "VERIFIED",
        /// It has a source.
        Sourced = 2 "SOURCED",
        /// The decision's text states each listing; counted for each.
        MembershipStated = 3 "MEMBERSHIP_STATED",
        /// The Vietnamese name is known.
        Named = 4 "NAMED",
        /// The governing agency is known.
        Governed = 5 "GOVERNED",
        /// The operating unit is known.
        Operated = 6 "OPERATED",
        /// The classification is known.
        Classified = 7 "CLASSIFIED",
        /// An operation stage is known.
        Staged = 8 "STAGED",
        /// A plan is in force.
        Planned = 9 "PLANNED",
        /// Names have no blanks at their ends, and none doubled.
        Tidy = 10 "TIDY",
        /// No other platform has the same Vietnamese name, as text.proto says what is the same.
        Unique = 11 "UNIQUE",
        /// No link is there twice.
        LinksOnce = 12 "LINKS_ONCE",
        /// It was written in the last 365 days.
        WrittenInAYear = 13 "WRITTEN_IN_A_YEAR",
        /// The plan's freshness is neither OVERDUE nor STALE; counted for each plan.
        ReportedInTime = 14 "REPORTED_IN_TIME",
        /// Each listing has the same name, as text.proto says; counted for each.
        NamedAsListed = 15 "NAMED_AS_LISTED",
        /// No stage was reached after a later one; counted for each pair.
        StagesInOrder = 16 "STAGES_IN_ORDER",
        /// The plan's ratings do not diverge; counted for each plan.
        RatingsAgree = 17 "RATINGS_AGREE",
        /// A data-sharing channel is known.
        Channelled = 18 "CHANNELLED",
        /// A deployment level is known.
        Deployed = 19 "DEPLOYED",
        /// A link is known.
        Linked = 20 "LINKED",
        /// The report has evidence that can be checked.
        TaskSubstantiated = 21 "TASK_SUBSTANTIATED",
        /// The lead agency is known.
        TaskLed = 22 "TASK_LED",
        /// The office that is accountable for the task is known.
        TaskHeaded = 23 "TASK_HEADED",
        /// The required result is known.
        TaskResultStated = 24 "TASK_RESULT_STATED",
        /// No report waits for the assigning side for more than 5 weekdays.
        TaskAnswered = 25 "TASK_ANSWERED",
        /// The task is not due after the one that it is a part of.
        TaskDueWithinParent = 26 "TASK_DUE_WITHIN_PARENT",
        /// The last value of an agency's series agrees with its numerator and denominator.
        Recomputed = 35 "RECOMPUTED",
        /// The series has a value of the last period that is due.
        Observed = 36 "OBSERVED",
        /// Its last value came within 14 days after its period.
        ObservedInTime = 37 "OBSERVED_IN_TIME",
        /// How many units have it in use is known.
        Covered = 30 "COVERED",
        /// The agency above, or the steward, confirmed it.
        Confirmed = 31 "CONFIRMED",
        /// Of a recommendation that is not rejected: its term is known, with its legal basis.
        Termed = 41 "TERMED",
        /// Of a recommendation that is not rejected: it is neither OVERDUE nor ANSWERED_LATE.
        AnsweredInTerm = 42 "ANSWERED_IN_TERM",
        /// Of a recommendation that is answered: a document holds the answer.
        AnsweredWithDocument = 43 "ANSWERED_WITH_DOCUMENT",
        /// The platform declares the channel that its data flows use; counted for each.
        ChannelsAsFlows = 50 "CHANNELS_AS_FLOWS",
        /// A data flow uses the channel that the platform declares; counted for each.
        ChannelsUsed = 51 "CHANNELS_USED",
    }
}

/// Number of rules that pass, out of those that apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Rules that apply.
    pub checked: i32,
    /// Rules that pass.
    pub passed: i32,
}

impl Score {
    /// Percentage, rounded down, so that 100 means that every rule passes. `None` when no rule
    /// applies.
    pub const fn percent(self) -> Option<i32> {
        match self.checked {
            0 => None,
            checked => Some(self.passed * 100 / checked),
        }
    }

    const fn merge(&mut self, other: Self) {
        self.checked += other.checked;
        self.passed += other.passed;
    }
}

/// A score for each criterion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scores([Score; 6]);

impl Scores {
    /// The score of a criterion.
    pub fn get(&self, criterion: Criterion) -> Score {
        self.0.get(criterion.ordinal()).copied().unwrap_or_default()
    }

    fn merge(&mut self, other: &Self) {
        for (score, other) in self.0.iter_mut().zip(other.0) {
            score.merge(other);
        }
    }
}

/// One rule that a record breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The criterion of the rule.
    pub criterion: Criterion,
    pub rule: Rule,
}

/// The data quality of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordQuality {
    /// Its resource name.
    pub resource: String,
    /// What it is called, in Vietnamese.
    pub display_name: String,
    /// The agency that is responsible for it.
    pub agency: Option<AgencyName>,
    pub scores: Scores,
    /// The rules it breaks.
    pub failures: Vec<Failure>,
}

/// The data quality of the records of a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// The sum over all records.
    pub whole: Scores,
    /// The sum for each agency, and for records without one.
    pub agencies: BTreeMap<Option<AgencyName>, Scores>,
    /// Each record, by name.
    pub records: Vec<RecordQuality>,
}

impl State {
    /// The data quality of a scope on a date, from the records that callers with this clearance may
    /// see.
    pub fn quality(
        &self,
        count_scope: &CountScope,
        clearance: &Clearance,
        on: Date,
        effort: &Effort,
    ) -> Quality {
        let named = self.namesakes(on, effort);
        let mut quality = Quality::default();
        for platform in self.active_in(count_scope, on, effort) {
            quality.add(self.record_quality(platform, &named, clearance, on, effort));
        }
        quality.add_tasks(self, count_scope, on, effort);
        self.add_observations(&mut quality, count_scope, on, effort);
        self.add_deployments(&mut quality, count_scope, on, effort);
        for record in recommendations::records(self, count_scope, clearance, on, effort) {
            quality.add(record);
        }
        quality.records.sort_by(|a, b| a.resource.cmp(&b.resource));
        quality
    }

    fn record_quality(
        &self,
        platform: &Platform,
        named: &Namesakes,
        clearance: &Clearance,
        on: Date,
        effort: &Effort,
    ) -> RecordQuality {
        let mut standings = Vec::new();
        let mut in_force = self.covering_plan_on(&platform.name, on).is_some();
        for plan in self.plans_in_force(&platform.name, on) {
            in_force = true;
            if clearance.monitors(plan, on) {
                standings.push(self.plan_records(plan).standing_on(on));
            }
        }
        let agency = governing_agency_on(platform, on);
        let mut rules = Checks::default();
        rules.correct(platform);
        rules.complete(platform, agency, in_force);
        rules.clean(platform, named);
        rules.live(platform, &standings, on);
        rules.consistent(platform, &standings);
        rules.shared(platform);
        rules.channels(self, platform, on, effort);
        let title = &platform.fields.display_name;
        rules.of(platform.name.as_str(), title, agency)
    }
}

impl Quality {
    fn add(&mut self, record: RecordQuality) {
        self.whole.merge(&record.scores);
        let agency = self.agencies.entry(record.agency.clone());
        agency.or_default().merge(&record.scores);
        self.records.push(record);
    }
}

/// Whether a name has no spaces at its ends, and no double spaces.
fn is_tidy(name: &str) -> bool {
    let chars = || name.chars().map(text::is_blank);
    let doubled = chars()
        .zip(chars().skip(1))
        .any(|pair| pair == (true, true));
    !doubled && name.trim_matches(text::is_blank) == name
}

/// The results of the rules for one record.
#[derive(Default)]
struct Checks {
    scores: Scores,
    failures: Vec<Failure>,
}

impl Checks {
    fn of(self, resource: &str, title: &str, agency: Option<&AgencyName>) -> RecordQuality {
        RecordQuality {
            resource: resource.to_owned(),
            display_name: title.to_owned(),
            agency: agency.cloned(),
            scores: self.scores,
            failures: self.failures,
        }
    }

    fn check(&mut self, criterion: Criterion, rule: Rule, kept: bool) {
        if let Some(score) = self.scores.0.get_mut(criterion.ordinal()) {
            score.checked += 1;
            score.passed += i32::from(kept);
        }
        if !kept {
            self.failures.push(Failure { criterion, rule });
        }
    }

    fn correct(&mut self, platform: &Platform) {
        let fields = &platform.fields;
        let verified = fields.verification == Verification::Verified;
        self.check(Criterion::Correct, Rule::Verified, verified);
        self.check(
            Criterion::Correct,
            Rule::Sourced,
            !fields.sources.is_empty(),
        );
        for listing in &fields.listings {
            let stated = listing.membership == Membership::Stated;
            self.check(Criterion::Correct, Rule::MembershipStated, stated);
        }
    }

    fn complete(&mut self, platform: &Platform, agency: Option<&AgencyName>, in_force: bool) {
        let fields = &platform.fields;
        for (rule, kept) in [
            (Rule::Named, !fields.display_name.is_empty()),
            (Rule::Governed, agency.is_some()),
            (Rule::Operated, !fields.operating_unit.is_empty()),
            (
                Rule::Classified,
                fields.classification != Classification::Unspecified,
            ),
            (Rule::Staged, !fields.operation_stages.is_empty()),
            (Rule::Planned, in_force),
        ] {
            self.check(Criterion::Complete, rule, kept);
        }
    }

    fn clean(&mut self, platform: &Platform, named: &Namesakes) {
        let fields = &platform.fields;
        let names = [&fields.display_name, &fields.display_name_en];
        let tidy = names.iter().all(|name| is_tidy(name));
        self.check(Criterion::Clean, Rule::Tidy, tidy);
        if !fields.display_name.is_empty() {
            let alike = named.get(&text::name_key(&fields.display_name));
            let unique = alike.is_none_or(|alike| alike.len() == 1);
            self.check(Criterion::Clean, Rule::Unique, unique);
        }
        let mut links = BTreeSet::new();
        let single = fields.links.iter().all(|link| links.insert(&link.uri));
        if !fields.links.is_empty() {
            self.check(Criterion::Clean, Rule::LinksOnce, single);
        }
    }

    fn live(&mut self, platform: &Platform, standings: &[PlanStanding], on: Date) {
        let written = platform.public_meta().update_time.date_in_vietnam();
        let written = written.days_until(on);
        self.check(Criterion::Live, Rule::WrittenInAYear, written <= LIVE_DAYS);
        for filing in standings.iter().filter_map(|it| it.filing.as_ref()) {
            let reported = !filing.freshness.is_late();
            self.check(Criterion::Live, Rule::ReportedInTime, reported);
        }
    }

    fn consistent(&mut self, platform: &Platform, standings: &[PlanStanding]) {
        let fields = &platform.fields;
        for listing in &fields.listings {
            if !listing.display_name.is_empty() && !fields.display_name.is_empty() {
                let same = text::same_name(&listing.display_name, &fields.display_name);
                self.check(Criterion::Consistent, Rule::NamedAsListed, same);
            }
        }
        let end = |stage: Stage| {
            let step = fields.operation_stages.iter().find(|it| it.stage == stage);
            step.and_then(|step| step.reached.as_ref()?.end)
        };
        for (earlier, later) in [
            (Stage::Development, Stage::Pilot),
            (Stage::Pilot, Stage::Operation),
            (Stage::Development, Stage::Operation),
        ] {
            if let (Some(earlier), Some(later)) = (end(earlier), end(later)) {
                self.check(Criterion::Consistent, Rule::StagesInOrder, earlier <= later);
            }
        }
        for standing in standings {
            let agree = !standing.is_diverging();
            self.check(Criterion::Consistent, Rule::RatingsAgree, agree);
        }
    }

    fn shared(&mut self, platform: &Platform) {
        let fields = &platform.fields;
        for (rule, kept) in [
            (Rule::Channelled, !fields.data_sharing_channels.is_empty()),
            (Rule::Deployed, !fields.deployment_levels.is_empty()),
            (Rule::Linked, !fields.links.is_empty()),
        ] {
            self.check(Criterion::Shared, rule, kept);
        }
    }
}
