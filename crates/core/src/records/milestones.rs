//! Milestones (mốc nhiệm vụ): what a plan promises to deliver, by when, and what became of it.
//! From the day its plan is issued what was promised moves only by rebaseline; completing and
//! dropping are facts, recorded when they happen. Nothing here is a status: that is computed, for
//! any date asked about.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::MilestoneName,
    query::{
        fields::{Below, STANDING_COST, agency_of_plan, created, named, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        Kind,
        documents::{Document, Evidence},
        meta::{Meta, record_fields},
        stored::stored,
        undoings::{Undoing, withhold_person},
        words::words,
    },
    state::visible::{Parents, Visible, with_meta},
    time::{Date, Period, Timestamp, check_period},
};

/// Most milestones of one plan, dropped ones included.
pub const MILESTONES_MAX: usize = 200;

record_fields! {
    /// What an agency writes of a milestone.
    pub struct MilestoneFields {
        /// Title in Vietnamese.
        pub display_name: String,
        /// The document that assigned it.
        pub assigning_document: Option<Box<Document>>,
        /// What has to be there for it to be complete.
        pub required_result: String,
        /// When it is due; none for a regular task, which has no due date.
        pub due: Option<Period>,
        /// Its share of the plan beside the others'; 0 for 1.
        pub weight: i32,
        /// The unit that answers for it.
        pub accountable_unit: String,
    }
}

/// The fields of a milestone that can still change once its plan is ISSUED.
pub(crate) const FIELDS_AFTER_ISSUE: &[&str] = &["accountable_unit"];

words! {
    /// The states of a milestone.
    pub enum MilestoneState {
        /// Still to be done.
        Open = 1 "OPEN",
        /// Done.
        Completed = 2 "COMPLETED",
        Dropped = 3 "DROPPED",
    }
}

stored! {
    /// That a milestone was completed.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Completion {
        /// The Vietnamese civil date on which it was complete.
        pub completion_date: Date,
        /// The evidence; empty where it was only claimed.
        pub evidence: Vec<Evidence>,
        /// When the registry recorded it, in this form.
        pub record_time: Timestamp,
    }
}

impl Completion {
    /// Whether some of the evidence can be checked.
    pub fn is_substantiated(&self) -> bool {
        self.evidence.iter().any(Evidence::is_substantiated)
    }
}

stored! {
    /// The dropping of a milestone.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Dropping {
        /// The civil date from which it no longer counts: the document's day of issue, else the day
        /// of recording.
        pub drop_date: Date,
        pub reason: String,
        /// The document that decided it.
        pub document: Option<Box<Document>>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

stored! {
    /// A promise of a plan with its due date, and what became of it (mốc nhiệm vụ).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Milestone {
        /// Resource name.
        pub name: MilestoneName,
        /// What the agency writes of it.
        pub fields: MilestoneFields,
        /// That it was completed.
        pub completion: Option<Box<Completion>>,
        /// How it was dropped.
        pub dropping: Option<Box<Dropping>>,
        /// The last time that its completion was taken back.
        pub reopening: Option<Box<Undoing>>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Milestone {
    /// The state it is in.
    pub fn state(&self) -> MilestoneState {
        match (&self.dropping, &self.completion) {
            (Some(_), _) => MilestoneState::Dropped,
            (None, Some(_)) => MilestoneState::Completed,
            (None, None) => MilestoneState::Open,
        }
    }
}

impl MilestoneFields {
    /// Its share of the plan beside the others', at least 1.
    pub fn weight(&self) -> i32 {
        self.weight.max(1)
    }

    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, path: &str, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add(format!("{path}.display_name"), Rule::MilestoneNameMissing);
        }
        check_period(self.due.as_ref(), &format!("{path}.due"), violations);
        if self.due.as_ref().is_some_and(|due| due.end.is_none()) {
            violations.add(format!("{path}.due.end"), Rule::DueEndMissing);
        }
    }
}

impl Visible for Milestone {
    const GUARD: Option<Kind> = Some(Kind::Plan);

    /// Callers who see the whole plan see it. Other callers see it if the plan is issued and
    /// PUBLIC, unless the milestone was dropped before the issue was recorded.
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let audience = self.audience(at);
        if audience.sees_all(caller) {
            return Some(Cow::Borrowed(self));
        }
        let since = audience.public_since?;
        let dropping = self.dropping.as_ref();
        if dropping.is_some_and(|it| it.record_time < since) {
            return None;
        }
        let meta = audience.public_meta(self.meta);
        let shown = with_meta(self, meta, |shown| &mut shown.meta);
        let undoing = self.reopening.as_deref();
        Some(withhold_person(shown, |it| &mut it.reopening, undoing))
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.dropping.is_some() == other.dropping.is_some()
    }
}

impl Queryable for Below<Milestone> {
    const ANSWER_COST: usize = STANDING_COST;

    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, MilestoneName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("assigning_document.symbol", Type::Text, |r: &Self| {
            Values::option(r.fields.assigning_document.as_ref().map(|it| &*it.symbol))
        }),
        Field::new("due.start", Type::Date, |r: &Self| {
            Values::option(r.fields.due.as_ref().and_then(|due| due.start))
        }),
        Field::new("due.end", Type::Date, |r: &Self| {
            Values::option(r.fields.due.as_ref().and_then(|due| due.end))
        })
        .orderable(),
        Field::new("weight", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.fields.weight()))
        })
        .orderable()
        .set_where(|r| r.fields.weight != 0),
        Field::new("accountable_unit", Type::Name, |r: &Self| {
            Values::one(&*r.fields.accountable_unit)
        })
        .orderable(),
        Field::new("state", words::<MilestoneState>(), |r: &Self| {
            Values::one(r.state().as_str())
        })
        .orderable(),
        Field::new("completion.completion_date", Type::Date, |r: &Self| {
            Values::option(r.completion.as_ref().map(|it| it.completion_date))
        })
        .orderable(),
        Field::new("completion.substantiated", Type::Boolean, |r: &Self| {
            Values::option(r.completion.as_ref().map(|it| it.is_substantiated()))
        }),
        Field::new("dropping.drop_date", Type::Date, |r: &Self| {
            Values::option(r.dropping.as_ref().map(|it| it.drop_date))
        }),
        agency_of_plan!(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
