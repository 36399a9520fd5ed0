//! Assessments (đánh giá): how the steward sees a plan, by which rubric, on what evidence. Nothing
//! edits one; the latest counts, and all stay.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::AssessmentName,
    query::{
        fields::{Below, agency_of_plan, created, named, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        Kind,
        documents::Evidence,
        meta::{Meta, record_fields},
        reports::Rating,
        stored::stored,
        undoings::{Undoing, withhold_person},
        words::words,
    },
    state::visible::{Parents, Visible, with_meta},
    time::Date,
};

/// Most assessments of one plan.
pub(crate) const ASSESSMENTS_MAX: usize = 1_000;

words! {
    /// The states of an assessment.
    pub enum AssessmentState {
        /// Recorded, and it counts.
        Recorded = 1 "RECORDED",
        /// It was recorded in error.
        Withdrawn = 2 "WITHDRAWN",
    }
}

record_fields! {
    /// What the steward writes of an assessment.
    pub struct AssessmentFields {
        /// The day that it assesses; never absent in a record.
        pub assessment_date: Option<Date>,
        /// How the plan is going, as assured; never absent in a record.
        pub rating: Option<Rating>,
        /// The rubric, and its edition.
        pub rubric_version: String,
        /// What was found.
        pub findings: String,
        pub evidence: Vec<Evidence>,
    }
}

stored! {
    /// What the steward found of a plan on a day, by a rubric (đánh giá).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Assessment {
        /// Resource name.
        pub name: AssessmentName,
        /// What the steward wrote.
        pub fields: AssessmentFields,
        /// That it was recorded in error.
        pub withdrawal: Option<Box<Undoing>>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Assessment {
    /// The state it is in.
    pub const fn state(&self) -> AssessmentState {
        match self.withdrawal {
            Some(_) => AssessmentState::Withdrawn,
            None => AssessmentState::Recorded,
        }
    }

    /// Whether some of the evidence can be checked.
    pub fn is_substantiated(&self) -> bool {
        self.fields.evidence.iter().any(Evidence::is_substantiated)
    }
}

impl AssessmentFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        if self.rating.is_none() {
            violations.add("assessment.rating", Rule::RatingMissing);
        }
        if self.rubric_version.trim().is_empty() {
            violations.add("assessment.rubric_version", Rule::RubricMissing);
        }
    }
}

impl Visible for Assessment {
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

impl Queryable for Below<Assessment> {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, AssessmentName),
        Field::new("assessment_date", Type::Date, |r: &Self| {
            Values::option(r.fields.assessment_date)
        })
        .orderable(),
        Field::new("rating", words::<Rating>(), |r: &Self| {
            Values::option(r.fields.rating.map(Rating::as_str))
        })
        .orderable(),
        Field::new("rubric_version", Type::Text, |r: &Self| {
            Values::one(&*r.fields.rubric_version)
        })
        .orderable(),
        Field::new("state", words::<AssessmentState>(), |r: &Self| {
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
