//! Recommendations. The agency that is to answer takes one into review, forwards, answers or
//! rejects it; only the steward reopens what was decided. The days on which terms end are computed
//! when they are written, by the calendar that the command brings.

use std::sync::Arc;

use crate::{
    calendar::{Calendar, End},
    caller::Caller,
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{AgencyName, IndicatorName, PlanName, PlatformName, RecommendationName, TaskName},
    records::{
        documents::{Document, Needs},
        principals::Role,
        recommendations::{
            Answer, DECISIONS_MAX, DayKind, Decision, FORWARDS_MAX, Forward, Ground,
            Recommendation, RecommendationFields, RecommendationState, Rejection, TERMS_MAX, Term,
            TermEntry,
        },
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, deciding::check_etag, update::editable},
    state::State,
    time::Date,
};

use RecommendationState::{Answered, InReview, Received, Rejected};

impl<'a> Asking<'a> {
    /// A recommendation that the caller's agency is to answer, if the caller may work on it.
    fn recommendation_held(&self, name: &RecommendationName) -> Result<&'a Recommendation, Error> {
        let record: &Recommendation = self.find(name)?;
        self.works_for(holder(record)?).map(|()| record)
    }

    /// The same, if the caller may decide on it.
    fn recommendation_to_decide(
        &self,
        name: &RecommendationName,
    ) -> Result<&'a Recommendation, Error> {
        let record: &Recommendation = self.find(name)?;
        self.in_agency(Role::AgencyApprover, holder(record)?)?;
        Ok(record)
    }
}

fn holder(record: &Recommendation) -> Result<&AgencyName, Error> {
    let missing = || Error::Bug(format!("`{}` has no agency", record.name).into());
    record.holder().ok_or_else(missing)
}

// === creating ===

/// CreateRecommendation.
#[derive(Clone, Debug)]
pub struct CreateRecommendation {
    /// Name it is to have; a random id when absent.
    pub name: Option<RecommendationName>,
    /// What to write.
    pub fields: RecommendationFields,
    /// The calendar of working days.
    pub calendar: Arc<Calendar>,
}

impl Texts for CreateRecommendation {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            name,
            fields,
            calendar: _,
        } = self;
        reader.id(
            "recommendation_id",
            name.as_ref().map(RecommendationName::id),
        );
        reader.field("recommendation", fields);
    }
}

impl CreateRecommendation {
    /// Whether the caller edits for the agency that is to answer or for the one that sent it, or is
    /// the system of a portal, which records recommendations for any agency.
    fn is_of(&self, caller: &Caller) -> bool {
        let fields = &self.fields;
        let agencies = [&fields.agency, &fields.sender_agency]
            .into_iter()
            .flatten();
        let mut agencies = agencies.filter(|agency| caller.has_in(Role::AgencyEditor, agency));
        let portal = matches!(caller, Caller::Known(known) if known.is_system)
            && caller.has(Role::AgencyEditor)
            && !fields.external_id.is_empty();
        portal || agencies.next().is_some()
    }
}

impl Command for CreateRecommendation {
    type Output = Recommendation;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateRecommendation"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        if self.is_of(asking.caller) {
            return Ok(());
        }
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Recommendation>, Error> {
        let name = deciding
            .free_name::<Recommendation>(self.name.as_ref(), RecommendationName::from_id)?;
        let mut fields = self.fields.clone();
        let mut violations = Violations::new();
        check_fields(&mut fields, None, deciding, &mut violations);
        deciding.check_agency(
            fields.agency.as_ref(),
            "recommendation.agency",
            &mut violations,
        );
        if fields
            .term
            .as_ref()
            .is_some_and(|term| term.document.is_some())
        {
            violations.add("recommendation.term.document", Rule::FirstTermNotMoved);
        }
        violations.into_result()?;
        let received = fields.receive_date.unwrap_or(deciding.today());
        let term = fields.term.iter();
        let terms = term.map(|term| entry(term, received, received, &self.calendar));
        Ok(Arc::new(Recommendation {
            name,
            recorder: deciding.caller.agency().cloned(),
            terms: terms.collect(),
            forwards: Vec::new(),
            decisions: Vec::new(),
            fields,
            meta: deciding.created(),
        }))
    }
}

// === updating ===

editable!(Recommendation RecommendationFields "recommendation");

/// UpdateRecommendation.
#[derive(Clone, Debug)]
pub struct UpdateRecommendation {
    /// What to write.
    pub update: Update<Recommendation>,
    /// The calendar of working days.
    pub calendar: Arc<Calendar>,
}

impl Texts for UpdateRecommendation {
    fn texts(&self, reader: &mut Reader<'_>) {
        self.update.texts(reader);
    }
}

/// The fields that may still be written once a recommendation is answered or rejected: what
/// happened to it afterwards.
const FIELDS_AFTER_DECISION: [&str; 2] = ["steps", "tasks"];

impl Command for UpdateRecommendation {
    type Output = Recommendation;
    type Found<'a> = &'a Recommendation;

    fn method(&self) -> &'static str {
        "UpdateRecommendation"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Recommendation, Error> {
        asking.recommendation_held(&self.update.name)
    }

    fn decide<'a>(
        &self,
        record: &'a Recommendation,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Recommendation>, Error> {
        let mut new = self.update.edit(record, deciding)?;
        let differing = record.fields.differing(&new.fields);
        let state = record.state();
        let mut fixed = differing.iter();
        let fixed = fixed.find(|field| !FIELDS_AFTER_DECISION.contains(field));
        if matches!(state, Answered | Rejected)
            && let Some(field) = fixed
        {
            let condition = Condition::RecommendationDecided {
                state: state.as_str(),
                field: (*field).to_owned(),
            };
            return Err(Error::refused(record.name.as_str(), condition));
        }
        let mut violations = Violations::new();
        for (field, rule, is_fixed) in [
            ("receive_date", Rule::ReceiveDateImmutable, true),
            ("agency", Rule::AgencyByForwarding, true),
            ("review_date", Rule::ReviewDateImmutable, state != Received),
        ] {
            if is_fixed && differing.contains(&field) {
                violations.add(format!("recommendation.{field}"), rule);
            }
        }
        check_fields(&mut new.fields, Some(record), deciding, &mut violations);
        if differing.contains(&"term") {
            new.terms = self.terms(record, &new.fields, deciding, &mut violations);
        }
        violations.into_result()?;
        if new.terms.len() > TERMS_MAX {
            return Err(full(record, "terms", "thời hạn", TERMS_MAX));
        }
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.update.texts_of_record(state, reader);
    }
}

impl UpdateRecommendation {
    /// The terms, including the one in the fields. A term that moves the due date needs a document
    /// of its own, and holds from that document's day.
    fn terms(
        &self,
        record: &Recommendation,
        fields: &RecommendationFields,
        deciding: &Deciding<'_>,
        violations: &mut Violations,
    ) -> Vec<TermEntry> {
        let mut terms = record.terms.clone();
        let received = record.received();
        match (terms.pop(), &fields.term) {
            (None, None) => {}
            (None, Some(term)) => {
                if term.document.is_some() {
                    violations.add("recommendation.term.document", Rule::FirstTermNotMoved);
                }
                terms.push(entry(term, received, received, &self.calendar));
            }
            (Some(_), None) => violations.add("recommendation.term", Rule::TermKept),
            (Some(last), Some(term)) => {
                let new = entry(term, received, last.start_date, &self.calendar);
                if new.answer_due_date == last.answer_due_date {
                    terms.push(new);
                    return terms;
                }
                let path = "recommendation.term.document";
                let document = term.document.as_deref();
                let document = document.filter(|_| term.document != last.term.document);
                if document.is_none() {
                    violations.add(path, Rule::DueMovedWithoutDocument);
                }
                let needs = document.map(|_| Needs::Identity);
                let start_date = deciding.check_document(document, needs, None, path, violations);
                if start_date < last.start_date {
                    let first = last.start_date;
                    violations.add(format!("{path}.issue_date"), Rule::BeforeTerm { first });
                }
                terms.push(last);
                terms.push(TermEntry { start_date, ..new });
            }
        }
        terms
    }
}

/// A term with the day on which it ends.
fn entry(term: &Term, received: Date, start_date: Date, calendar: &Calendar) -> TermEntry {
    let end = match term.day_kind {
        DayKind::Working => calendar.after_working_days(received, term.day_count),
        DayKind::Calendar => End {
            date: received.plus_days(term.day_count),
            known: true,
        },
    };
    TermEntry {
        start_date,
        term: term.clone(),
        answer_due_date: end.date,
        calendar_known: end.known,
    }
}

/// Adds a violation for each rule that the fields break, and gives new links to tasks their day.
fn check_fields(
    fields: &mut RecommendationFields,
    record: Option<&Recommendation>,
    deciding: &Deciding<'_>,
    violations: &mut Violations,
) {
    let today = deciding.today();
    for link in &mut fields.tasks {
        link.link_date.get_or_insert(today);
    }
    fields.check(today, violations);
    let sender = fields.sender_agency.as_ref();
    deciding.check_agency(sender, "recommendation.sender_agency", violations);
    let taken = deciding.state.recommendation_of_source(fields);
    if taken.is_some_and(|name| record.is_none_or(|record| record.name != *name)) {
        violations.add("recommendation.external_id", Rule::ExternalIdTaken);
    }
    for (i, link) in fields.tasks.iter().enumerate() {
        if !is_task(deciding.state, &link.task) {
            let name = link.task.clone();
            let path = format!("recommendation.tasks[{i}].task");
            violations.add(path, Rule::SubjectNotFound { name });
        }
    }
    for (i, subject) in fields.subjects.iter().enumerate() {
        let path = format!("recommendation.subjects[{i}]");
        let name = subject.clone();
        if fields.subjects.iter().take(i).any(|other| other == subject) {
            violations.add(path, Rule::SubjectRepeated { name });
        } else if !is_subject(deciding.state, subject) {
            violations.add(path, Rule::SubjectNotFound { name });
        }
    }
}

/// Whether a recommendation may refer to this resource: everyone must be allowed to know of it.
fn is_subject(state: &State, name: &str) -> bool {
    if let Some(name) = PlatformName::parse(name) {
        return state.platform(&name).is_some();
    }
    if let Some(name) = PlanName::parse(name) {
        return state.plan(&name).is_some_and(|it| it.state.was_issued());
    }
    if let Some(name) = IndicatorName::parse(name) {
        return state.indicator(&name).is_some();
    }
    is_task(state, name)
}

fn is_task(state: &State, name: &str) -> bool {
    TaskName::parse(name).is_some_and(|name| state.task(&name).is_some())
}

// === forwarding ===

/// ForwardRecommendation.
#[derive(Clone, Debug)]
pub struct ForwardRecommendation {
    /// Resource name of the recommendation.
    pub name: RecommendationName,
    /// The agency that is to answer.
    pub agency: AgencyName,
    /// The day on which it takes effect; today if absent.
    pub forward_date: Option<Date>,
    pub document: Option<Box<Document>>,
    /// The etag that was read.
    pub etag: String,
    /// The calendar of working days.
    pub calendar: Arc<Calendar>,
}

impl Texts for ForwardRecommendation {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.field("document", &self.document);
    }
}

impl Command for ForwardRecommendation {
    type Output = Recommendation;
    type Found<'a> = &'a Recommendation;

    fn method(&self) -> &'static str {
        "ForwardRecommendation"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Recommendation, Error> {
        asking.recommendation_held(&self.name)
    }

    fn decide<'a>(
        &self,
        record: &'a Recommendation,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Recommendation>, Error> {
        check_etag(record, &self.etag)?;
        check_state(record, self.method(), &[Received, InReview])?;
        if record.forwards.len() >= FORWARDS_MAX {
            return Err(full(record, "forwardings", "lần chuyển", FORWARDS_MAX));
        }
        let from = holder(record)?;
        let mut violations = Violations::new();
        deciding.check_agency(Some(&self.agency), "agency", &mut violations);
        if self.agency == *from {
            violations.add("agency", Rule::ForwardedToItself);
        }
        let last = record.forwards.last().map(|it| it.forward_date);
        let got = last.unwrap_or(record.received());
        let first = got.max(record.decisions.last().map_or(got, |it| it.decision_date));
        let day = check_day(
            self.forward_date,
            "forward_date",
            first,
            deciding,
            &mut violations,
        );
        if let Some(document) = &self.document {
            document.check(Needs::Identity, "document", &mut violations);
        }
        violations.into_result()?;
        let days = record.fields.term.as_ref().map(|it| it.forward_day_count);
        let days = days.filter(|days| *days > 0);
        let end = days.map(|days| self.calendar.after_working_days(got, days));
        let mut new = Recommendation {
            meta: deciding.updated(record.meta),
            ..record.clone()
        };
        new.fields.agency = Some(self.agency.clone());
        new.forwards.push(Forward {
            forward_date: day,
            previous_agency: from.clone(),
            agency: self.agency.clone(),
            due_date: end.map(|end| end.date),
            calendar_known: end.is_none_or(|end| end.known),
            document: self.document.clone(),
            record_time: deciding.now,
            reason: deciding.reason(),
        });
        Ok(Arc::new(new))
    }
}

// === deciding ===

/// AnswerRecommendation.
#[derive(Clone, Debug)]
pub struct AnswerRecommendation {
    /// Resource name of the recommendation.
    pub name: RecommendationName,
    pub answer: Answer,
    /// The day on which it takes effect; today if absent.
    pub answer_date: Option<Date>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for AnswerRecommendation {
    fn texts(&self, reader: &mut Reader<'_>) {
        // its fields are those of the request
        self.answer.texts(reader);
    }
}

impl Command for AnswerRecommendation {
    type Output = Recommendation;
    type Found<'a> = &'a Recommendation;

    fn method(&self) -> &'static str {
        "AnswerRecommendation"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Recommendation, Error> {
        asking.recommendation_to_decide(&self.name)
    }

    fn decide<'a>(
        &self,
        record: &'a Recommendation,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Recommendation>, Error> {
        check_etag(record, &self.etag)?;
        check_state(record, self.method(), &[InReview])?;
        let mut violations = Violations::new();
        if self.answer.text.trim().is_empty() {
            violations.add("text", Rule::AnswerTextMissing);
        }
        if let Some(document) = &self.answer.document {
            document.check(Needs::Identity, "document", &mut violations);
        }
        let first = last_day(record);
        let day = check_day(
            self.answer_date,
            "answer_date",
            first,
            deciding,
            &mut violations,
        );
        violations.into_result()?;
        let answer = Some(Box::new(self.answer.clone()));
        decided(record, day, answer, None, deciding)
    }
}

/// RejectRecommendation.
#[derive(Clone, Debug)]
pub struct RejectRecommendation {
    /// Resource name of the recommendation.
    pub name: RecommendationName,
    /// The ground, and what it repeats.
    pub rejection: Rejection,
    /// The day on which it takes effect; today if absent.
    pub reject_date: Option<Date>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for RejectRecommendation {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for RejectRecommendation {
    type Output = Recommendation;
    type Found<'a> = &'a Recommendation;

    fn method(&self) -> &'static str {
        "RejectRecommendation"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Recommendation, Error> {
        asking.recommendation_to_decide(&self.name)
    }

    fn decide<'a>(
        &self,
        record: &'a Recommendation,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Recommendation>, Error> {
        check_etag(record, &self.etag)?;
        check_state(record, self.method(), &[Received, InReview])?;
        let mut violations = Violations::new();
        let Rejection { ground, original } = &self.rejection;
        match (ground, original) {
            (Ground::Duplicate, None) => {
                violations.add("original", Rule::OriginalMissing);
            }
            (Ground::Duplicate, Some(other)) => {
                // everyone must see the original, so that naming it reveals nothing
                let kept = deciding.state.recommendation(other);
                let kept = kept.filter(|it| it.is_public() && it.state() != Rejected);
                if *other == record.name || kept.is_none() {
                    let name = other.to_string();
                    violations.add("original", Rule::OriginalNotFound { name });
                }
            }
            (Ground::OutOfScope | Ground::Invalid, Some(_)) => {
                violations.add("original", Rule::OriginalNotAllowed);
            }
            (Ground::OutOfScope | Ground::Invalid, None) => {}
        }
        let first = last_day(record);
        let day = check_day(
            self.reject_date,
            "reject_date",
            first,
            deciding,
            &mut violations,
        );
        violations.into_result()?;
        decided(record, day, None, Some(self.rejection.clone()), deciding)
    }
}

/// ReopenRecommendation.
#[derive(Clone, Debug)]
pub struct ReopenRecommendation {
    /// Resource name of the recommendation.
    pub name: RecommendationName,
    /// The day on which it takes effect; today if absent.
    pub reopen_date: Option<Date>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ReopenRecommendation {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ReopenRecommendation {
    type Output = Recommendation;
    type Found<'a> = &'a Recommendation;

    fn method(&self) -> &'static str {
        "ReopenRecommendation"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Recommendation, Error> {
        let record = asking.find(&self.name)?;
        asking.steward()?;
        Ok(record)
    }

    fn decide<'a>(
        &self,
        record: &'a Recommendation,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Recommendation>, Error> {
        check_etag(record, &self.etag)?;
        check_state(record, self.method(), &[Answered, Rejected])?;
        let mut violations = Violations::new();
        let first = last_day(record);
        let day = check_day(
            self.reopen_date,
            "reopen_date",
            first,
            deciding,
            &mut violations,
        );
        violations.into_result()?;
        decided(record, day, None, None, deciding)
    }
}

/// The last day of an event that decided its state.
fn last_day(record: &Recommendation) -> Date {
    let reviewed = record.fields.review_date;
    let forwarded = record.forwards.last().map(|it| it.forward_date);
    let decided = record.decisions.last().map(|it| it.decision_date);
    let days = [reviewed, forwarded, decided].into_iter().flatten();
    days.fold(record.received(), Date::max)
}

/// The day in a field, or today if it is empty. It must not be in the future, nor before
/// `first`.
fn check_day(
    date: Option<Date>,
    field: &str,
    first: Date,
    deciding: &Deciding<'_>,
    violations: &mut Violations,
) -> Date {
    let today = deciding.today();
    let day = date.unwrap_or(today);
    if day > today {
        violations.add(field, Rule::InFuture { today });
    } else if day < first {
        violations.add(field, Rule::BeforeLastStep { first });
    }
    day
}

/// The record with a further decision.
fn decided(
    record: &Recommendation,
    decision_date: Date,
    answer: Option<Box<Answer>>,
    rejection: Option<Rejection>,
    deciding: &Deciding<'_>,
) -> Result<Arc<Recommendation>, Error> {
    if record.decisions.len() >= DECISIONS_MAX {
        return Err(full(record, "decisions", "lần xử lý", DECISIONS_MAX));
    }
    let mut new = Recommendation {
        meta: deciding.updated(record.meta),
        ..record.clone()
    };
    new.decisions.push(Decision {
        decision_date,
        answer,
        rejection,
        record_time: deciding.now,
        reason: deciding.reason(),
    });
    Ok(Arc::new(new))
}

fn check_state(
    record: &Recommendation,
    method: &'static str,
    from: &[RecommendationState],
) -> Result<(), Error> {
    let state = record.state();
    if from.contains(&state) {
        return Ok(());
    }
    let from: Vec<_> = from.iter().map(|it| it.as_str()).collect();
    Err(Error::refused(
        record.name.as_str(),
        Condition::RecommendationState {
            state: state.as_str(),
            method,
            from: from.join(", "),
        },
    ))
}

fn full(record: &Recommendation, what: &str, what_vi: &str, most: usize) -> Error {
    Error::refused(
        record.name.as_str(),
        Condition::RecommendationIsFull {
            what: what.to_owned(),
            what_vi: what_vi.to_owned(),
            most,
        },
    )
}
