//! Baselines (kế hoạch gốc): what a plan promised, in its original wording. Number 1 is made
//! when the plan is issued, each further one by a rebaseline that a second person approved; none
//! ever changes, so that a plan is held to every promise it made.

use serde::{Deserialize, Serialize};

use std::borrow::Cow;

use crate::{
    caller::Caller,
    caller::Person,
    names::{BaselineName, MilestoneName, PlanName},
    query::{
        fields::{Below, agency_of_plan, created, named, updated},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        Kind,
        budgets::Budget,
        documents::Document,
        edit::{Fields as _, Mask},
        meta::Meta,
        milestones::MilestoneFields,
        plans::PlanFields,
        stored::stored,
        texts::{Reader, Texts},
    },
    state::visible::{Parents, Visible},
    time::{Date, Period, Timestamp},
};

/// Most baselines of one plan.
pub(crate) const BASELINES_MAX: usize = 100;

stored! {
    /// A milestone as a baseline has it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct BaselineMilestone {
        /// Resource name of the milestone.
        pub milestone: MilestoneName,
        /// Title.
        pub display_name: String,
        /// What has to be there for it to be complete.
        pub required_result: String,
        /// When it is due; none for a regular task.
        pub due: Option<Period>,
        /// Its share of the plan beside the others', at least 1.
        pub weight: i32,
    }
}

stored! {
    /// Who approved a baseline, and when.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Approval {
        /// Who; none once redacted.
        pub person: Option<Person>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
    }
}

stored! {
    /// What a plan promised when it was issued or rebaselined (kế hoạch gốc); it never changes.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Baseline {
        /// Resource name.
        pub name: BaselineName,
        /// Its number, from 1.
        pub number: i32,
        /// The civil date from which it holds: its document's day of issue.
        pub effective_date: Date,
        /// The milestones promised, by name; those dropped before are not among them.
        pub milestones: Vec<BaselineMilestone>,
        pub budget: Option<Budget>,
        /// When work begins.
        pub planned_start: Option<Period>,
        /// When it is to be done.
        pub planned_end: Option<Period>,
        /// The document that made it: of the plan, or of the rebaseline.
        pub document: Option<Box<Document>>,
        /// Why the previous baseline was replaced; empty for number 1.
        pub reason: String,
        /// Who approved it.
        pub approval: Approval,
        /// Book-keeping.
        pub meta: Meta,
    }
}

/// How a rebaseline changes one milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub enum MilestoneChange {
    /// A new one.
    Add {
        /// Name it is to have.
        milestone: MilestoneName,
        /// What it promises.
        fields: MilestoneFields,
    },
    /// It promises something else.
    Update {
        /// Resource name of the milestone.
        milestone: MilestoneName,
        /// New values.
        fields: MilestoneFields,
        /// The fields to write; the others stay.
        mask: Mask,
    },
    /// It is dropped.
    Drop {
        /// Resource name of the milestone.
        milestone: MilestoneName,
    },
}

impl MilestoneChange {
    /// Which milestone.
    pub const fn milestone(&self) -> &MilestoneName {
        match self {
            Self::Add { milestone, .. }
            | Self::Update { milestone, .. }
            | Self::Drop { milestone } => milestone,
        }
    }
}

stored! {
    /// What a rebaseline would change, as it is proposed.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Rebaseline {
        pub plan: PlanName,
        /// Milestones that change; each at most once.
        pub milestone_changes: Vec<MilestoneChange>,
        /// New values of the plan.
        pub fields: PlanFields,
        /// The fields of the plan to write; the others stay.
        pub mask: Vec<String>,
        /// The document that decided it.
        pub document: Document,
    }
}

impl Texts for Rebaseline {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            plan: _,
            milestone_changes,
            fields,
            mask,
            document,
        } = self;
        reader.field("milestone_changes", milestone_changes);
        fields.texts_of(mask, reader);
        reader.field("document", document);
    }
}

impl Texts for MilestoneChange {
    fn texts(&self, reader: &mut Reader<'_>) {
        match self {
            Self::Add { milestone, fields } => reader.within("milestone", |reader| {
                reader.field("name", milestone.id());
                fields.texts(reader);
            }),
            Self::Update {
                milestone: _,
                fields,
                mask,
            } => reader.within("milestone", |reader| fields.texts_of(mask, reader)),
            Self::Drop { milestone: _ } => {}
        }
    }
}

impl Visible for Baseline {
    const GUARD: Option<Kind> = Some(Kind::Plan);

    /// Callers who see the whole plan see it whole. Other callers see it if the plan is issued and
    /// PUBLIC, but not who approved it.
    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let audience = self.audience(at);
        if audience.sees_all(caller) {
            return Some(Cow::Borrowed(self));
        }
        audience.public_since?;
        let mut shown = self.clone();
        shown.approval.person = None;
        shown.meta = audience.public_meta(self.meta);
        Some(Cow::Owned(shown))
    }
}

impl Queryable for Below<Baseline> {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, BaselineName),
        Field::new("number", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.number))
        })
        .orderable(),
        Field::new("effective_date", Type::Date, |r: &Self| {
            Values::one(r.effective_date)
        })
        .orderable(),
        Field::new("document.symbol", Type::Text, |r: &Self| {
            Values::option(r.document.as_ref().map(|it| &*it.symbol))
        }),
        Field::new("approve_time", Type::Timestamp, |r: &Self| {
            Values::one(r.approval.record_time)
        })
        .orderable(),
        agency_of_plan!(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
