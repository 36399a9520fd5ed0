//! Recommendations on a date: the standing of each, and the counts of an agency that is to answer,
//! with separate counts of those not public yet. What one recommendation adds to the counts of a
//! date is a pure function of it alone. The counts of today are updated by adding differences.

use imbl::OrdMap;

use crate::{
    change::{Change, Effect},
    effort::Effort,
    monitoring::{
        kept::{Kept, Shares},
        series::{Series, Sum, indexes_of_change},
        tally::Clearance,
    },
    names::{AgencyName, RecommendationName},
    records::{
        recommendations::{Answer, Decision, Recommendation, RecommendationState, TermEntry},
        words::words,
    },
    state::State,
    time::Date,
};

words! {
    /// The standing of a recommendation on a date.
    pub enum RecommendationStanding {
        /// Answered within its term, or answered without a term.
        AnsweredOnTime = 1 "ANSWERED_ON_TIME",
        /// Answered after its term.
        AnsweredLate = 2 "ANSWERED_LATE",
        /// Not answered, and its term is not over.
        Waiting = 3 "WAITING",
        /// Not answered, and its term is over.
        Overdue = 4 "OVERDUE",
        Rejected = 5 "REJECTED",
    }
}

/// A recommendation on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// Its state then.
    pub state: RecommendationState,
    /// Its standing then.
    pub standing: RecommendationStanding,
    /// The agency that was to answer.
    pub agency: Option<&'a AgencyName>,
    /// The answer that was current then.
    pub answer: Option<&'a Answer>,
    /// The term in force then, or when it was answered.
    pub term: Option<&'a TermEntry>,
    /// Days from its receipt to its answer or rejection, or to the date.
    pub days: i64,
    /// Whether each forwarding was within the term for forwarding; `None` if it was never
    /// forwarded, or there is no such term.
    pub forwarded_in_time: Option<bool>,
}

impl Recommendation {
    /// Its standing on a date; `None` before it was received.
    pub fn standing_on(&self, date: Date) -> Option<Standing<'_>> {
        let received = self.received();
        if date < received {
            return None;
        }
        let decision = self.decision_on(date);
        let state = match (decision, self.reviewed()) {
            (Some(decision), _) => decision.state(),
            (None, Some(reviewed)) if reviewed <= date => RecommendationState::InReview,
            (None, _) => RecommendationState::Received,
        };
        let until = match (decision, state) {
            (Some(it), RecommendationState::Answered | RecommendationState::Rejected) => {
                it.decision_date
            }
            _ => date,
        };
        let term = self.term_on(until);
        let is_late = term.is_some_and(|it| it.answer_due_date < until);
        let standing = match (state, is_late) {
            (RecommendationState::Rejected, _) => RecommendationStanding::Rejected,
            (RecommendationState::Answered, false) => RecommendationStanding::AnsweredOnTime,
            (RecommendationState::Answered, true) => RecommendationStanding::AnsweredLate,
            (_, false) => RecommendationStanding::Waiting,
            (_, true) => RecommendationStanding::Overdue,
        };
        let forwards = self.forwards.iter();
        let forwards = forwards.filter(|it| it.forward_date <= date);
        let in_time = forwards.filter_map(|it| it.in_time());
        Some(Standing {
            state,
            standing,
            agency: self.holder_on(date),
            answer: decision.and_then(|it| it.answer.as_deref()),
            term,
            days: received.days_until(until),
            forwarded_in_time: in_time.reduce(|one, other| one && other),
        })
    }

    /// The agency that was to answer on a date.
    pub fn holder_on(&self, date: Date) -> Option<&AgencyName> {
        let after = self.forwards.iter().find(|it| it.forward_date > date);
        after.map_or_else(|| self.holder(), |next| Some(&next.previous_agency))
    }

    /// Whether everyone could see it on a date.
    pub fn is_public_on(&self, date: Date) -> bool {
        self.reviewed().is_some_and(|day| day <= date)
    }

    /// Whether callers with this clearance see it as it was on a date.
    pub(crate) fn is_seen_on(&self, date: Date, clearance: &Clearance) -> bool {
        self.is_public_on(date)
            || *clearance == Clearance::All
            || self.insiders().into_iter().any(|it| clearance.covers(it))
    }

    fn decision_on(&self, date: Date) -> Option<&Decision> {
        let mut newest_first = self.decisions.iter().rev();
        newest_first.find(|it| it.decision_date <= date)
    }

    fn term_on(&self, date: Date) -> Option<&TermEntry> {
        let mut newest_first = self.terms.iter().rev();
        newest_first.find(|it| it.start_date <= date)
    }

    /// The days from which what is counted of it may differ from the day before.
    fn days_of_change(&self) -> impl Iterator<Item = Date> {
        let terms = self.terms.iter();
        let terms = terms.flat_map(|it| [it.start_date, it.answer_due_date.plus_days(1)]);
        let forwards = self.forwards.iter().map(|it| it.forward_date);
        let decisions = self.decisions.iter().map(|it| it.decision_date);
        let tasks = self.fields.tasks.iter().filter_map(|it| it.link_date);
        let days = [self.received()].into_iter().chain(self.reviewed());
        days.chain(terms)
            .chain(forwards)
            .chain(decisions)
            .chain(tasks)
    }
}

/// Declares the counts: each a number of recommendations.
macro_rules! counts {
    ($($(#[$about:meta])* $count:ident,)+) => {
        /// The counts of a date.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct RecommendationCounts {
            $($(#[$about])* pub $count: i32,)+
        }

        impl RecommendationCounts {
            /// Adds other counts, multiplied by `times`: 1 adds them, -1 subtracts them.
            pub const fn merge(&mut self, other: &Self, times: i32) {
                $(self.$count += other.$count * times;)+
            }
        }
    };
}

counts! {
    /// Received by then.
    received,
    /// Of those, under review or answered.
    in_scope,
    /// Forwarded once or more.
    forwarded,
    /// Of those, forwarded once or more after the term for forwarding.
    forwarded_late,
    /// Answered in time.
    answered_on_time,
    answered_late,
    /// Waiting for an answer, in time.
    waiting,
    /// Waiting for an answer, after the term.
    overdue,
    rejected,
    /// Those that led to a task.
    tasks_made,
    /// Those whose term counts working days of a year that is not in the calendar.
    calendar_unknown,
}

impl RecommendationCounts {
    /// Answered, in time or late.
    pub const fn answered(&self) -> i32 {
        self.answered_on_time + self.answered_late
    }

    fn of(record: &Recommendation, date: Date) -> Self {
        let mut counts = Self::default();
        let Some(on) = record.standing_on(date) else {
            return counts;
        };
        counts.received = 1;
        let in_scope = matches!(
            on.state,
            RecommendationState::InReview | RecommendationState::Answered
        );
        counts.in_scope = i32::from(in_scope);
        let forwarded = record.forwards.iter().any(|it| it.forward_date <= date);
        counts.forwarded = i32::from(forwarded);
        counts.forwarded_late = i32::from(on.forwarded_in_time == Some(false));
        let standing = match on.standing {
            RecommendationStanding::AnsweredOnTime => &mut counts.answered_on_time,
            RecommendationStanding::AnsweredLate => &mut counts.answered_late,
            RecommendationStanding::Waiting => &mut counts.waiting,
            RecommendationStanding::Overdue => &mut counts.overdue,
            RecommendationStanding::Rejected => &mut counts.rejected,
        };
        *standing = 1;
        let mut tasks = record.fields.tasks.iter().filter_map(|it| it.link_date);
        counts.tasks_made = i32::from(tasks.any(|day| day <= date));
        counts.calendar_unknown = i32::from(on.term.is_some_and(|it| !it.calendar_known));
        counts
    }
}

// === the counts of a day, kept up to date ===

/// What one recommendation adds to the counts of a date.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Share {
    counts: RecommendationCounts,
    agency: Option<AgencyName>,
    /// Who may see it, if not everyone.
    insiders: Option<Vec<AgencyName>>,
}

impl Share {
    fn of(record: &Recommendation, date: Date) -> Self {
        let hidden = || record.insiders().into_iter().cloned().collect();
        Self {
            counts: RecommendationCounts::of(record, date),
            agency: record.holder_on(date).cloned(),
            insiders: (!record.is_public_on(date)).then(hidden),
        }
    }
}

/// Which recommendations a part counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Audience {
    Public,
    HiddenFromOthers(AgencyName),
    AllHidden,
}

/// The counts of one date, for every agency and every clearance.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    date: Date,
    parts: OrdMap<(Option<AgencyName>, Audience), RecommendationCounts>,
}

impl Tally {
    /// Counts all recommendations.
    pub(super) fn new(state: &State, date: Date, effort: &Effort) -> Self {
        let mut tally = Self {
            date,
            parts: OrdMap::new(),
        };
        for record in effort.rows(state.recommendations().values(), 1) {
            tally.count(&Share::of(record, date), 1);
        }
        tally
    }

    /// The counts of the recommendations that an agency is to answer, or of all, for callers with
    /// this clearance.
    pub(super) fn counts(
        &self,
        agency: Option<&AgencyName>,
        clearance: &Clearance,
    ) -> RecommendationCounts {
        let part = |part: Audience| {
            let counts = self.parts.get(&(agency.cloned(), part));
            counts.copied().unwrap_or_default()
        };
        let mut counts = part(Audience::Public);
        match clearance {
            Clearance::Public => {}
            Clearance::Agency(own) => {
                counts.merge(&part(Audience::HiddenFromOthers(own.clone())), 1)
            }
            Clearance::All => counts.merge(&part(Audience::AllHidden), 1),
        }
        counts
    }

    /// What a change may alter, taken from the State before it.
    pub(super) fn before(&self, state: &State, change: &Change) -> Shares<Self> {
        let names = change.effects.iter().filter_map(touched);
        self.shares(state, names.collect())
    }

    fn add(&mut self, agency: Option<AgencyName>, part: Audience, share: &Share, times: i32) {
        let key = (agency, part);
        let sum = self.parts.entry(key.clone()).or_default();
        sum.merge(&share.counts, times);
        if *sum == RecommendationCounts::default() {
            self.parts.remove(&key);
        }
    }
}

impl Kept for Tally {
    type Name = RecommendationName;
    type Share = Share;

    fn share(&self, state: &State, name: &RecommendationName) -> Option<Share> {
        Some(Share::of(state.recommendation(name)?, self.date))
    }

    fn count(&mut self, share: &Share, times: i32) {
        let agencies = [None, share.agency.clone()];
        let of_agency = usize::from(share.agency.is_some());
        for agency in agencies.into_iter().take(1 + of_agency) {
            let Some(insiders) = &share.insiders else {
                self.add(agency, Audience::Public, share, times);
                continue;
            };
            for insider in insiders {
                let part = Audience::HiddenFromOthers(insider.clone());
                self.add(agency.clone(), part, share, times);
            }
            self.add(agency, Audience::AllHidden, share, times);
        }
    }
}

/// The recommendation that an effect writes or removes.
fn touched(effect: &Effect) -> Option<RecommendationName> {
    match effect {
        Effect::Put(_) | Effect::Remove { .. } => RecommendationName::parse(effect.name()),
        Effect::Notice(_) | Effect::Redaction(_) => None,
    }
}

// === any date ===

impl State {
    /// The counts of a date by a scan over every recommendation, without a stored tally.
    pub fn recommendation_counts_by_scan(
        &self,
        agency: Option<&AgencyName>,
        clearance: &Clearance,
        date: Date,
    ) -> RecommendationCounts {
        let mut counts = RecommendationCounts::default();
        for record in self.recommendations().values() {
            counts.merge(&counted(record, agency, clearance, date), 1);
        }
        counts
    }

    /// The same on dates in order. What a recommendation adds is computed only after each day on
    /// which it may change.
    pub fn recommendation_timeline(
        &self,
        agency: Option<&AgencyName>,
        clearance: &Clearance,
        dates: &[Date],
        effort: &Effort,
    ) -> Vec<RecommendationCounts> {
        let mut series = Series::new(dates, effort);
        for record in effort.rows(self.recommendations().values(), 1) {
            series.add(
                indexes_of_change(record.days_of_change(), dates),
                1,
                |date| counted(record, agency, clearance, date),
            );
        }
        series.sums()
    }
}

impl Sum for RecommendationCounts {
    fn add(&mut self, other: &Self, times: i32) {
        self.merge(other, times);
    }
}

/// What a recommendation adds to the counts of an agency on a date.
fn counted(
    record: &Recommendation,
    agency: Option<&AgencyName>,
    clearance: &Clearance,
    date: Date,
) -> RecommendationCounts {
    let asked = agency.is_none_or(|agency| record.holder_on(date) == Some(agency));
    if asked && record.is_seen_on(date, clearance) {
        RecommendationCounts::of(record, date)
    } else {
        RecommendationCounts::default()
    }
}

#[cfg(test)]
mod tests;
