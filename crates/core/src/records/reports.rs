//! Progress reports (báo cáo tiến độ): what an agency says of its plan, one a reporting period.
//! Nothing edits a report; a later one corrects it, and both stay.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::ReportName,
    query::{
        fields::{Below, agency_of_plan, created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        Kind,
        documents::Evidence,
        meta::{Meta, record_fields},
        stored::stored,
        undoings::{Undoing, withhold_person},
        words::words,
    },
    state::visible::{Parents, Visible, with_meta},
    time::Date,
};

/// Most reports of one plan, corrected ones included.
pub(crate) const REPORTS_MAX: usize = 1_000;

words! {
    /// How a plan is going, as its agency, the steward or the registry's own count rates it.
    pub enum Rating {
        /// Đúng tiến độ.
        OnTrack = 1 "RATING_ON_TRACK",
        /// Có nguy cơ chậm.
        AtRisk = 2 "RATING_AT_RISK",
        /// Chậm tiến độ.
        OffTrack = 3 "RATING_OFF_TRACK",
    }
}

words! {
    /// The states of a report.
    pub enum ReportState {
        /// Filed, and it counts.
        Filed = 1 "FILED",
        /// Another report took its place.
        Corrected = 2 "CORRECTED",
        /// It was filed in error.
        Withdrawn = 3 "WITHDRAWN",
    }
}

record_fields! {
    /// What an agency writes of a report.
    pub struct ReportFields {
        /// Last day of the reporting period.
        pub period_end_date: Option<Date>,
        /// How the plan is going, as declared.
        pub rating: Option<Rating>,
        /// How much of the plan is done, 0 to 100, as declared.
        pub percent: i32,
        /// What was done.
        pub results: String,
        /// Obstacles.
        pub difficulties: String,
        /// Requests to others.
        pub recommendations: String,
        pub evidence: Vec<Evidence>,
        /// The report it takes the place of.
        pub corrects: Option<ReportName>,
    }
}

stored! {
    /// An agency's report on a plan for one period (báo cáo tiến độ).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Report {
        /// Resource name.
        pub name: ReportName,
        /// What the agency wrote; period and rating are always there.
        pub fields: ReportFields,
        /// The report that took its place.
        pub corrected_by: Option<ReportName>,
        /// That it was filed in error.
        pub withdrawal: Option<Box<Undoing>>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Report {
    /// The state it is in.
    pub fn state(&self) -> ReportState {
        match (&self.withdrawal, &self.corrected_by) {
            (Some(_), _) => ReportState::Withdrawn,
            (None, Some(_)) => ReportState::Corrected,
            (None, None) => ReportState::Filed,
        }
    }

    /// Whether some of the evidence can be checked.
    pub fn is_substantiated(&self) -> bool {
        self.fields.evidence.iter().any(Evidence::is_substantiated)
    }
}

impl ReportFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        if self.period_end_date.is_none() {
            violations.add("report.period_end_date", Rule::PeriodEndMissing);
        }
        if self.rating.is_none() {
            violations.add("report.rating", Rule::RatingMissing);
        }
        if self.results.trim().is_empty() {
            violations.add("report.results", Rule::ResultsMissing);
        }
    }
}

impl Visible for Report {
    const GUARD: Option<Kind> = Some(Kind::Plan);

    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let audience = self.audience(at);
        if audience.sees_all(caller) {
            return Some(Cow::Borrowed(self));
        }
        audience.public_since?;
        let meta = audience.public_meta(self.meta);
        let shown = with_meta(self, meta, |shown| &mut shown.meta);
        let undoing = self.withdrawal.as_deref();
        Some(withhold_person(shown, |it| &mut it.withdrawal, undoing))
    }
}

impl Queryable for Below<Report> {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, ReportName),
        Field::new("period_end_date", Type::Date, |r: &Self| {
            Values::option(r.fields.period_end_date)
        })
        .orderable(),
        Field::new("rating", words::<Rating>(), |r: &Self| {
            Values::option(r.fields.rating.map(Rating::as_str))
        })
        .orderable(),
        Field::new("percent", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.fields.percent))
        })
        .orderable(),
        Field::new("corrects", resource::<ReportName>(), |r: &Self| {
            Values::option(r.fields.corrects.as_ref().map(|name| name.as_str()))
        }),
        Field::new("correction", resource::<ReportName>(), |r: &Self| {
            Values::option(r.corrected_by.as_ref().map(|name| name.as_str()))
        }),
        Field::new("state", words::<ReportState>(), |r: &Self| {
            Values::one(r.state().as_str())
        })
        .orderable(),
        Field::new("substantiated", Type::Boolean, |r: &Self| {
            Values::one(r.is_substantiated())
        }),
        agency_of_plan!(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
