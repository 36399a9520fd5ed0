//! Recommendations (phản ánh, kiến nghị, sáng kiến, giải pháp): what was received, who has to
//! answer it within which term, and the outcome. Every fact has its own day, so that the answer for
//! a past date does not change. Of a sender only the kind is kept, and the name of an agency.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::{AgencyName, RecommendationName},
    query::{
        fields::{created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::{Document, Evidence, Needs, check_named},
        edit::parts,
        meta::{Meta, record_fields},
        stored::stored,
        texts::{no_texts, texts},
        words::words,
    },
    state::visible::{Parents, Visible},
    time::{Date, Timestamp},
};

/// Most times that one recommendation is forwarded.
pub(crate) const FORWARDS_MAX: usize = 20;

/// Most decisions on one recommendation: answers, rejections and reopenings.
pub(crate) const DECISIONS_MAX: usize = 40;

/// Most successive terms of one recommendation.
pub(crate) const TERMS_MAX: usize = 20;

words! {
    /// The kinds of recommendation.
    pub enum RecommendationKind {
        /// Phản ánh.
        Feedback = 1 "FEEDBACK",
        /// Kiến nghị.
        Recommendation = 2 "RECOMMENDATION",
        /// Sáng kiến.
        Initiative = 3 "INITIATIVE",
        /// Giải pháp.
        Solution = 4 "SOLUTION",
    }
}

words! {
    /// The kind of its sender.
    pub enum SenderKind {
        /// Công dân.
        Citizen = 1 "CITIZEN",
        /// Doanh nghiệp.
        Enterprise = 2 "ENTERPRISE",
        /// Chuyên gia, nhà khoa học.
        Expert = 3 "EXPERT",
        /// Tổ chức.
        Organisation = 4 "ORGANISATION",
        /// Cơ quan.
        Agency = 5 "AGENCY",
    }
}

words! {
    /// Which days a term counts.
    pub enum DayKind = Calendar {
        /// Ngày.
        Calendar = 1 "CALENDAR",
        /// Ngày làm việc.
        Working = 2 "WORKING",
    }
}

words! {
    /// A step in handling a recommendation, apart from forwarding and decisions.
    pub enum StepKind {
        /// Sàng lọc tính hợp lệ.
        Screened = 1 "SCREENED",
        /// Đánh giá sơ bộ.
        Assessed = 2 "ASSESSED",
        /// Hội đồng xem xét.
        Reviewed = 3 "REVIEWED",
        /// Công nhận.
        Recognised = 4 "RECOGNISED",
        /// Giao thực hiện.
        Assigned = 5 "ASSIGNED",
    }
}

words! {
    /// The states of a recommendation.
    pub enum RecommendationState {
        /// Đã tiếp nhận.
        Received = 1 "RECEIVED",
        /// Đang xem xét.
        InReview = 2 "IN_REVIEW",
        /// Đã trả lời.
        Answered = 3 "ANSWERED",
        /// Từ chối.
        Rejected = 4 "REJECTED",
    }
}

words! {
    /// The outcome of an answer.
    pub enum Outcome {
        /// Tiếp thu.
        Accepted = 1 "ACCEPTED",
        /// Tiếp thu một phần.
        Partly = 2 "PARTLY",
        /// Không tiếp thu.
        NotAccepted = 3 "NOT_ACCEPTED",
    }
}

words! {
    /// Why a recommendation is rejected.
    pub enum Ground {
        /// Trùng nội dung.
        Duplicate = 1 "DUPLICATE",
        /// Không thuộc phạm vi.
        OutOfScope = 2 "OUT_OF_SCOPE",
        /// Không hợp lệ.
        Invalid = 3 "INVALID",
    }
}

stored! {
    /// The time within which an answer is due, and its legal basis.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Term {
        /// Days from the day of receipt, at least 1.
        pub day_count: i32,
        /// Which days.
        pub day_kind: DayKind,
        /// Working days from receipt within which it has to be forwarded, if another agency is to
        /// answer; 0 if no rule sets a number.
        pub forward_day_count: i32,
        /// The document that sets the term.
        pub legal_basis: Option<Box<Document>>,
        /// What sets it, if that is not a document that can be named.
        pub legal_basis_text: String,
        /// The document that moved the due date; `None` for the first term.
        pub document: Option<Box<Document>>,
    }
}

parts! {
    Term {
        day_count: i32,
        day_kind: DayKind,
        forward_day_count: i32,
        legal_basis: Option<Box<Document>>,
        legal_basis_text: String,
        document: Option<Box<Document>>,
    }
}

stored! {
    /// A step that was taken.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Step {
        /// The kind of step.
        pub kind: StepKind,
        /// The civil date on which it was taken.
        pub step_date: Option<Date>,
        pub document: Option<Box<Document>>,
        /// The result.
        pub note: String,
    }
}

stored! {
    /// A task that a recommendation led to.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TaskLink {
        /// Its resource name, `tasks/{task}`.
        pub task: String,
        /// The civil date on which it was assigned.
        pub link_date: Option<Date>,
    }
}

record_fields! {
    /// The fields of a recommendation that agencies write.
    pub struct RecommendationFields {
        pub kind: Option<RecommendationKind>,
        /// Title.
        pub display_name: String,
        /// Its content, without any data of its sender.
        pub content: String,
        /// The kind of its sender.
        pub sender_kind: Option<SenderKind>,
        /// The agency that sent it.
        pub sender_agency: Option<AgencyName>,
        /// The system that received it.
        pub source_system: String,
        /// Its number in that system.
        pub external_id: String,
        /// The civil date on which it was received; cannot change.
        pub receive_date: Option<Date>,
        /// The agency that is to answer; changes by being forwarded.
        pub agency: Option<AgencyName>,
        /// The time within which it is to answer.
        pub term: Option<Term>,
        /// The records that it is about, by resource name.
        pub subjects: Vec<String>,
        /// The civil date on which it was taken into review; set once.
        pub review_date: Option<Date>,
        /// Steps that were taken, oldest first.
        pub steps: Vec<Step>,
        /// The tasks that it led to.
        pub tasks: Vec<TaskLink>,
    }
}

stored! {
    /// A term, and the day from which it holds.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TermEntry {
        /// The civil date from which it holds: that of receipt, or that of the document that moved
        /// the due date.
        pub start_date: Date,
        pub term: Term,
        /// The last day on which an answer is in time.
        pub answer_due_date: Date,
        /// Whether the calendar of working days had data for each year that was counted.
        pub calendar_known: bool,
    }
}

stored! {
    /// The forwarding of a recommendation to another agency, which is to answer.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Forward {
        /// Its civil date.
        pub forward_date: Date,
        /// The agency that forwarded it.
        pub previous_agency: AgencyName,
        /// The agency that received it.
        pub agency: AgencyName,
        /// The last day on which forwarding was in time; `None` if no term sets one.
        pub due_date: Option<Date>,
        /// Whether the calendar of working days had data for each year that was counted for it.
        pub calendar_known: bool,
        pub document: Option<Box<Document>>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// The reason given.
        pub reason: String,
    }
}

stored! {
    /// An answer.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Answer {
        pub text: String,
        pub outcome: Outcome,
        /// The document that holds it.
        pub document: Option<Box<Document>>,
        pub evidence: Vec<Evidence>,
    }
}

stored! {
    /// A rejection.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Rejection {
        pub ground: Ground,
        /// For a duplicate, the recommendation that it repeats.
        pub original: Option<RecommendationName>,
    }
}

stored! {
    /// A decision: an answer, a rejection, or neither where it was reopened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Decision {
        /// The civil date from which it holds.
        pub decision_date: Date,
        pub answer: Option<Box<Answer>>,
        pub rejection: Option<Rejection>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// The reason given.
        pub reason: String,
    }
}

stored! {
    /// What was sent in, and what became of it (phản ánh, kiến nghị).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Recommendation {
        /// Resource name.
        pub name: RecommendationName,
        /// The fields that agencies write.
        pub fields: RecommendationFields,
        /// The agency that recorded it, which sees it; `None` for the steward.
        pub recorder: Option<AgencyName>,
        /// Its terms, oldest first; the last is that of the fields.
        pub terms: Vec<TermEntry>,
        /// How it was forwarded, oldest first.
        pub forwards: Vec<Forward>,
        /// What was decided, oldest first.
        pub decisions: Vec<Decision>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

texts! {
    Term {
        texts: legal_basis legal_basis_text document; uris: ;
        none: day_count day_kind forward_day_count;
    }
    Step { texts: document note; uris: ; none: kind step_date; }
    Answer { texts: text document evidence; uris: ; none: outcome; }
}

no_texts! { TaskLink }

impl Decision {
    /// The state after this decision.
    pub const fn state(&self) -> RecommendationState {
        match (&self.answer, &self.rejection) {
            (Some(_), _) => RecommendationState::Answered,
            (None, Some(_)) => RecommendationState::Rejected,
            (None, None) => RecommendationState::InReview,
        }
    }
}

impl Forward {
    /// Whether it was forwarded in time; `None` if no term for forwarding exists.
    pub fn in_time(&self) -> Option<bool> {
        self.due_date.map(|due| self.forward_date <= due)
    }
}

impl Answer {
    /// Whether the document or some of the evidence can be checked.
    pub fn is_substantiated(&self) -> bool {
        let by_document = || {
            self.document
                .as_ref()
                .is_some_and(|it| it.is_substantiated())
        };
        self.evidence.iter().any(Evidence::is_substantiated) || by_document()
    }
}

impl Recommendation {
    /// The state it is in.
    pub fn state(&self) -> RecommendationState {
        match (self.decisions.last(), self.fields.review_date) {
            (Some(decision), _) => decision.state(),
            (None, Some(_)) => RecommendationState::InReview,
            (None, None) => RecommendationState::Received,
        }
    }

    /// The civil date on which it was received.
    pub fn received(&self) -> Date {
        let recorded = || self.meta.create_time.date_in_vietnam();
        self.fields.receive_date.unwrap_or_else(recorded)
    }

    /// The first civil date on which it was under review; `None` if it never was.
    pub fn reviewed(&self) -> Option<Date> {
        let reopened = || {
            let mut decisions = self.decisions.iter();
            decisions.find(|it| it.state() == RecommendationState::InReview)
        };
        let first = self.fields.review_date;
        first.or_else(|| reopened().map(|it| it.decision_date))
    }

    /// Whether everyone sees it: it was taken into review once.
    pub fn is_public(&self) -> bool {
        self.reviewed().is_some()
    }

    /// The agency that is to answer.
    pub const fn holder(&self) -> Option<&AgencyName> {
        self.fields.agency.as_ref()
    }

    /// The current term.
    pub fn term(&self) -> Option<&TermEntry> {
        self.terms.last()
    }

    /// The agencies that see it before everyone does, each once: those that had to answer it, and
    /// the one that recorded it.
    pub fn insiders(&self) -> Vec<&AgencyName> {
        let before = self.forwards.iter().map(|it| &it.previous_agency);
        let all = self.holder().into_iter().chain(before);
        let mut insiders: Vec<_> = all.chain(self.recorder.as_ref()).collect();
        insiders.sort_unstable();
        insiders.dedup();
        insiders
    }

    /// The current answer, and its day.
    pub fn answer(&self) -> Option<(Date, &Answer)> {
        let last = self.decisions.last()?;
        Some((last.decision_date, last.answer.as_deref()?))
    }

    /// The current rejection, and its day.
    pub fn rejection(&self) -> Option<(Date, &Rejection)> {
        let last = self.decisions.last()?;
        Some((last.decision_date, last.rejection.as_ref()?))
    }
}

impl RecommendationFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, today: Date, violations: &mut Violations) {
        let mut require = |present: bool, field: &str, rule: Rule| {
            if !present {
                violations.add(format!("recommendation.{field}"), rule);
            }
        };
        require(self.kind.is_some(), "kind", Rule::RecommendationKindMissing);
        let named = !self.display_name.trim().is_empty();
        require(named, "display_name", Rule::RecommendationNameMissing);
        let described = !self.content.trim().is_empty();
        require(described, "content", Rule::RecommendationContentMissing);
        require(
            self.sender_kind.is_some(),
            "sender_kind",
            Rule::SenderKindMissing,
        );
        require(
            self.receive_date.is_some(),
            "receive_date",
            Rule::ReceiveDateMissing,
        );
        require(
            self.agency.is_some(),
            "agency",
            Rule::AnsweringAgencyMissing,
        );
        match (self.sender_kind, &self.sender_agency) {
            (Some(SenderKind::Agency), None) => {
                violations.add("recommendation.sender_agency", Rule::SenderAgencyMissing);
            }
            (Some(kind), Some(_)) if kind != SenderKind::Agency => {
                violations.add("recommendation.sender_agency", Rule::SenderAgencyNotAllowed);
            }
            _ => {}
        }
        if !self.external_id.is_empty() && self.source_system.is_empty() {
            violations.add("recommendation.source_system", Rule::SourceSystemMissing);
        }
        if self.receive_date.is_some_and(|day| day > today) {
            violations.add("recommendation.receive_date", Rule::InFuture { today });
        }
        if let Some(term) = &self.term {
            term.check("recommendation.term", violations);
        }
        let received = self.receive_date.unwrap_or(Date::MIN);
        let mut happened = |date: Option<Date>, path: String| match date {
            Some(day) if day > today => violations.add(path, Rule::InFuture { today }),
            Some(day) if day < received => {
                violations.add(path, Rule::BeforeReceipt { received });
            }
            _ => {}
        };
        happened(self.review_date, "recommendation.review_date".to_owned());
        for (i, step) in self.steps.iter().enumerate() {
            happened(
                step.step_date,
                format!("recommendation.steps[{i}].step_date"),
            );
        }
        for (i, link) in self.tasks.iter().enumerate() {
            happened(
                link.link_date,
                format!("recommendation.tasks[{i}].link_date"),
            );
        }
        for (i, step) in self.steps.iter().enumerate() {
            let path = format!("recommendation.steps[{i}]");
            check_named(step.document.as_deref(), &path, violations);
            let before = self
                .steps
                .iter()
                .take(i)
                .filter_map(|it| it.step_date)
                .max();
            if let (Some(last), Some(day)) = (before, step.step_date)
                && day < last
            {
                violations.add(format!("{path}.step_date"), Rule::StepNotInOrder { last });
            }
        }
        for (i, link) in self.tasks.iter().enumerate() {
            if self.tasks.iter().take(i).any(|it| it.task == link.task) {
                let path = format!("recommendation.tasks[{i}].task");
                violations.add(
                    path,
                    Rule::TaskRepeated {
                        task: link.task.clone(),
                    },
                );
            }
        }
    }
}

impl Term {
    fn check(&self, path: &str, violations: &mut Violations) {
        if self.day_count < 1 {
            violations.add(format!("{path}.day_count"), Rule::TermMissing);
        }
        match &self.legal_basis {
            Some(document) => {
                let path = format!("{path}.legal_basis");
                document.check(Needs::Identity, &path, violations);
            }
            None if self.legal_basis_text.trim().is_empty() => {
                violations.add(format!("{path}.legal_basis"), Rule::LegalBasisMissing);
            }
            None => {}
        }
    }
}

impl Visible for Recommendation {
    /// Everyone sees it once it was taken into review. Before that, only the agencies that had to
    /// answer it, the agency that recorded it, and callers who see everything.
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        let sees = self.is_public()
            || caller.oversees()
            || self.insiders().into_iter().any(|it| caller.is_of(it));
        sees.then_some(Cow::Borrowed(self))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.holder().cloned()
    }

    fn is_shown_to(&self, agency: &AgencyName) -> bool {
        self.insiders().contains(&agency)
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.is_public() == other.is_public() && self.insiders() == other.insiders()
    }
}

impl Queryable for Recommendation {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, RecommendationName),
        Field::new("kind", words::<RecommendationKind>(), |r: &Self| {
            Values::option(r.fields.kind.map(RecommendationKind::as_str))
        })
        .orderable(),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("content", Type::Text, |r: &Self| {
            Values::one(&*r.fields.content)
        }),
        Field::new("sender_kind", words::<SenderKind>(), |r: &Self| {
            Values::option(r.fields.sender_kind.map(SenderKind::as_str))
        }),
        Field::new("sender_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.fields.sender_agency.as_ref().map(|name| name.as_str()))
        }),
        Field::new("source_system", Type::Text, |r: &Self| {
            Values::one(&*r.fields.source_system)
        }),
        Field::new("external_id", Type::Text, |r: &Self| {
            Values::one(&*r.fields.external_id)
        }),
        Field::new("receive_date", Type::Date, |r: &Self| {
            Values::option(r.fields.receive_date)
        })
        .orderable(),
        Field::new("agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.holder().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("subjects", Type::Resource(""), |r: &Self| {
            Values::Texts(&r.fields.subjects)
        })
        .repeated(),
        Field::new("review_date", Type::Date, |r: &Self| {
            Values::option(r.fields.review_date)
        })
        .orderable(),
        Field::new("tasks.task", Type::Text, |r: &Self| {
            Values::many(r.fields.tasks.iter().map(|it| &*it.task))
        })
        .repeated(),
        Field::new("state", words::<RecommendationState>(), |r: &Self| {
            Values::one(r.state().as_str())
        })
        .orderable(),
        Field::new("answer_due_date", Type::Date, |r: &Self| {
            Values::option(r.term().map(|it| it.answer_due_date))
        })
        .orderable(),
        Field::new("answer.answer_date", Type::Date, |r: &Self| {
            Values::option(r.answer().map(|(day, _)| day))
        })
        .orderable(),
        Field::new("answer.outcome", words::<Outcome>(), |r: &Self| {
            Values::option(r.answer().map(|(_, it)| it.outcome.as_str()))
        }),
        Field::new("rejection.ground", words::<Ground>(), |r: &Self| {
            Values::option(r.rejection().map(|(_, it)| it.ground.as_str()))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
