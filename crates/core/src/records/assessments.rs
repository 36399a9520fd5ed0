//! Assessments (đánh giá): how the steward sees a plan, by which rubric, on what evidence. Nothing
//! edits one; the latest counts, and all stay.

use crate::{
    error::Violations,
    messages::Rule,
    names::AssessmentName,
    records::{
        documents::Evidence,
        meta::{Meta, record_fields},
        reports::Rating,
        stored::stored,
    },
    time::Date,
};

/// Most assessments of one plan.
pub const ASSESSMENTS_MAX: usize = 1_000;

record_fields! {
    /// What the steward writes of an assessment.
    pub struct AssessmentFields {
        /// The day it speaks of; never absent in a record.
        pub assessment_date: Option<Date>,
        /// How the plan is going, as assured; never absent in a record.
        pub rating: Option<Rating>,
        /// By which edition of which rubric.
        pub rubric_version: String,
        /// What was found.
        pub findings: String,
        /// What shows it.
        pub evidence: Vec<Evidence>,
    }
}

stored! {
    /// One assessment.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Assessment {
        /// Resource name.
        pub name: AssessmentName,
        /// What the steward wrote.
        pub fields: AssessmentFields,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Assessment {
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
