//! Observations: values of indicators, one at a time or as a batch. Who may write one depends on
//! its basis: what an agency declares, another person confirms, a system measures, or an official
//! body has published.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    caller::{Caller, Person},
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{AgencyName, IndicatorName, ObservationName},
    records::{
        indicators::{Indicator, IndicatorKind, Span, check_subject},
        meta::Meta,
        observations::{Basis, Draft, Grounds, Observation, Subject},
        principals::Role,
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, indicators::check_span},
    state::State,
};

/// Length of a generated id of a value: a series may have a million values.
pub const OBSERVATION_ID_LENGTH: usize = 12;

/// A value to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: ObservationName,
    /// Whether the caller chose the id.
    pub named: bool,
    /// What to write.
    pub draft: Draft,
}

/// What identifies a value apart from its revisions: of the values with one key, one is current.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SeriesKey {
    indicator: IndicatorName,
    subject: Subject,
    span: Span,
    basis: Basis,
    definition: u8,
}

impl SeriesKey {
    fn of(observation: &Observation) -> Option<Self> {
        Some(Self {
            indicator: observation.indicator(),
            subject: observation.subject()?,
            span: observation.span(),
            basis: observation.basis,
            definition: observation.definition,
        })
    }
}

impl Entry {
    /// The value that was written for the entry, given its revision and a State that holds it; else
    /// the value as it would be written into that State.
    pub fn written(&self, state: &State, meta: Meta) -> Option<Arc<Observation>> {
        let indicator = state.indicator(&self.name.parent())?;
        let place = self.series_key(indicator)?;
        let at = (place.basis, place.definition);
        let written = state.value_of(
            &place.indicator,
            &place.subject,
            place.span,
            at,
            meta.revision,
        );
        if let Some(written) = written {
            return Some(Arc::clone(written));
        }
        let declared = declared(state, &place).map(|it| it.name.clone());
        let confirms = declared.filter(|_| place.basis == Basis::Confirmed);
        Some(Arc::new(self.record(&place, confirms, None, meta)))
    }

    /// Its place, as far as the draft is well formed.
    fn series_key(&self, indicator: &Indicator) -> Option<SeriesKey> {
        let draft = &self.draft;
        let period = draft.period.as_ref()?;
        let end = period.end?;
        let definition = match draft.definition_version {
            0 => indicator.fields.definition_on(end),
            version => indicator.fields.definition(version),
        };
        Some(SeriesKey {
            indicator: indicator.name.clone(),
            subject: Subject::of(draft.agency.as_ref(), draft.scope)?,
            span: Span {
                end,
                start: period.start,
            },
            basis: draft.basis,
            definition: u8::try_from(definition?.version).ok()?,
        })
    }

    fn record(
        &self,
        place: &SeriesKey,
        confirms: Option<ObservationName>,
        declared_by: Option<Person>,
        meta: Meta,
    ) -> Observation {
        let draft = &self.draft;
        let as_written = draft.period.as_ref().map(|it| it.as_written.clone());
        let grounds = Grounds {
            period_as_written: as_written.unwrap_or_default(),
            statement: draft.statement.clone(),
            evidence: draft.evidence.clone(),
            sources: draft.sources.clone(),
            replaces: draft.replaces.clone(),
            correction_reason: draft.correction_reason.clone(),
            confirms,
            declared_by,
        };
        Observation {
            name: self.name.clone(),
            agency: draft.agency.clone(),
            scope: draft.scope,
            start: place.span.start,
            end: place.span.end,
            definition: place.definition,
            basis: draft.basis,
            qualifier: draft.qualifier,
            numerator: draft.numerator,
            denominator: draft.denominator,
            value: draft.value,
            grounds: (grounds != Grounds::default()).then(|| Box::new(grounds)),
            meta,
        }
    }

    /// Whether the caller may write a value on this basis; `path` is the field with the value.
    fn permit<'a>(&self, asking: &Asking<'a>, path: &str) -> Result<&'a Indicator, Error> {
        let indicator: &Indicator = asking.find(&self.name.parent())?;
        let draft = &self.draft;
        match (draft.basis, &draft.agency) {
            (Basis::Published, _) => asking.steward()?,
            (Basis::Measured, agency) => permit_measuring(asking, agency.as_ref())?,
            (Basis::Confirmed, _) if asking.caller.has(Role::Steward) => {}
            (Basis::Confirmed, Some(agency)) => asking.in_agency(Role::AgencyApprover, agency)?,
            (Basis::Declared, Some(agency)) => asking.in_agency(Role::AgencyEditor, agency)?,
            (Basis::Confirmed | Basis::Declared, None) => {
                return Err(Error::invalid(
                    format!("{path}.agency"),
                    Rule::AgencyOfBasisMissing,
                ));
            }
        }
        Ok(indicator)
    }

    /// The value, if every rule holds. A broken rule of a field leaves a violation.
    fn decide(
        &self,
        indicator: &Indicator,
        deciding: &Deciding<'_>,
        path: &str,
        violations: &mut Violations,
    ) -> Result<Option<(Observation, SeriesKey)>, Error> {
        let draft = &self.draft;
        if self.named {
            deciding.check_free::<Observation>(&self.name)?;
        }
        let before = violations.iter().len();
        check_subject(draft.agency.as_ref(), draft.scope, path, violations);
        let agency = format!("{path}.agency");
        deciding.check_agency(draft.agency.as_ref(), &agency, violations);
        let published = draft.basis == Basis::Published;
        check_span(
            &indicator.fields,
            draft.period.as_ref(),
            !published,
            deciding.today(),
            &format!("{path}.period"),
            violations,
        );
        self.check_value(indicator, path, violations);
        if published && draft.sources.is_empty() {
            violations.add(format!("{path}.sources"), Rule::SourceMissing);
        }
        if violations.iter().len() > before {
            return Ok(None);
        }
        let Some(place) = self.series_key(indicator) else {
            violations.add(
                format!("{path}.definition_version"),
                Rule::DefinitionNotFound {
                    version: draft.definition_version,
                },
            );
            return Ok(None);
        };
        let state = deciding.state;
        self.check_replaced(state, &place, path, violations)?;
        let closed = indicator.closing(place.span).is_some();
        let corrects = closed || draft.replaces.is_some();
        if corrects && draft.correction_reason.trim().is_empty() {
            let path = format!("{path}.correction_reason");
            violations.add(path, Rule::ValueCorrectionReasonMissing);
        }
        let confirms = match draft.basis {
            Basis::Confirmed if draft.value.is_some() => {
                let declared = self.check_declared(deciding, &place, path, violations)?;
                declared.map(|it| it.name.clone())
            }
            _ => None,
        };
        let declared_by = (draft.basis == Basis::Declared).then(|| deciding.person.clone());
        let record = self.record(&place, confirms, declared_by, deciding.created());
        Ok(Some((record, place)))
    }

    fn check_value(&self, indicator: &Indicator, path: &str, violations: &mut Violations) {
        let draft = &self.draft;
        if draft.value.is_none() && draft.replaces.is_none() {
            violations.add(format!("{path}.value"), Rule::ValueMissing);
        }
        let most = indicator.fields.places();
        if draft.value.is_some_and(|it| it.places() > most) {
            violations.add(format!("{path}.value"), Rule::TooManyDecimals { most });
        }
        let ratio = indicator.fields.kind == IndicatorKind::Ratio;
        let (numerator, denominator) = (draft.numerator, draft.denominator);
        for (field, part) in [("numerator", numerator), ("denominator", denominator)] {
            if part.is_some() && (!ratio || draft.value.is_none()) {
                violations.add(format!("{path}.{field}"), Rule::PartOfNoRatio);
            }
        }
        match (numerator, denominator) {
            (Some(_), None) => {
                violations.add(format!("{path}.denominator"), Rule::OtherPartMissing);
            }
            (None, Some(_)) => {
                violations.add(format!("{path}.numerator"), Rule::OtherPartMissing);
            }
            (Some(_), Some(below)) if !below.is_positive() => {
                violations.add(format!("{path}.denominator"), Rule::DenominatorNotPositive);
            }
            _ => {}
        }
    }

    /// A value that replaces the current one has to name it.
    fn check_replaced(
        &self,
        state: &State,
        place: &SeriesKey,
        path: &str,
        violations: &mut Violations,
    ) -> Result<(), Error> {
        let standing = state.standing_value(
            &place.indicator,
            &place.subject,
            place.span,
            place.basis,
            place.definition,
        );
        let path = format!("{path}.replaces");
        match (&self.draft.replaces, standing) {
            (None, None) => {}
            (None, Some(standing)) => {
                let observation = standing.name.to_string();
                return Err(Error::refused(
                    standing.name.as_str(),
                    Condition::PeriodIsObserved { observation },
                ));
            }
            (Some(replaces), Some(standing)) if *replaces == standing.name => {}
            (Some(replaces), standing) => match (state.observation(replaces), standing) {
                (None, _) => violations.add(
                    path,
                    Rule::ObservationNotFound {
                        name: replaces.to_string(),
                    },
                ),
                (Some(other), Some(standing)) if SeriesKey::of(other).as_ref() == Some(place) => {
                    let by = standing.name.to_string();
                    return Err(Error::refused(
                        other.name.as_str(),
                        Condition::ObservationIsReplaced { by },
                    ));
                }
                (Some(_), _) => violations.add(path, Rule::ReplacesAnother),
            },
        }
        Ok(())
    }

    /// The declared value that a confirmation repeats, which another person must have declared.
    fn check_declared<'a>(
        &self,
        deciding: &Deciding<'a>,
        place: &SeriesKey,
        path: &str,
        violations: &mut Violations,
    ) -> Result<Option<&'a Observation>, Error> {
        let Some(declared) = declared(deciding.state, place) else {
            let path = format!("{path}.basis");
            violations.add(path, Rule::NothingDeclared);
            return Ok(None);
        };
        let draft = &self.draft;
        for (field, same) in [
            ("value", draft.value == declared.value),
            ("numerator", draft.numerator == declared.numerator),
            ("denominator", draft.denominator == declared.denominator),
            ("qualifier", draft.qualifier == declared.qualifier),
        ] {
            if !same {
                let name = declared.name.to_string();
                let path = format!("{path}.{field}");
                violations.add(path, Rule::NotAsDeclared { name });
            }
        }
        let by = declared.grounds().declared_by.as_ref();
        deciding.check_second_person(by, declared.name.as_str())?;
        Ok(Some(declared))
    }
}

/// The current declared value of a place.
fn declared<'a>(state: &'a State, place: &SeriesKey) -> Option<&'a Observation> {
    let declared = state.standing_value(
        &place.indicator,
        &place.subject,
        place.span,
        Basis::Declared,
        place.definition,
    );
    declared.map(|it| &**it).filter(|it| it.value.is_some())
}

/// A measuring system writes values of its agency; without an agency, those of every agency.
fn permit_measuring(asking: &Asking<'_>, agency: Option<&AgencyName>) -> Result<(), Error> {
    let of = match asking.caller {
        Caller::Known(known) => known.agency.as_ref(),
        Caller::System { .. } | Caller::Anonymous => None,
    };
    match (of, agency) {
        _ if !asking.caller.has(Role::Measurer) => Err(asking.lacks(Role::Measurer)),
        (None, _) => Ok(()),
        (Some(of), Some(agency)) if of == agency => Ok(()),
        (Some(_), Some(agency)) => {
            let role = Role::Measurer;
            Err(asking.denied(
                format!("the role `{role}` of `{agency}`, or without an agency"),
                format!("vai trò `{role}` của `{agency}`, hoặc không thuộc cơ quan nào"),
            ))
        }
        (Some(_), None) => {
            let role = Role::Measurer;
            Err(asking.denied(
                format!("the role `{role}` without an agency"),
                format!("vai trò `{role}` không thuộc cơ quan nào"),
            ))
        }
    }
}

/// CreateObservation.
#[derive(Clone, Debug)]
pub struct CreateObservation {
    /// The value.
    pub entry: Entry,
}

impl Texts for CreateObservation {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Entry { name, named, draft } = &self.entry;
        reader.id("observation_id", named.then(|| name.id()));
        reader.field("observation", draft);
    }
}

impl Command for CreateObservation {
    type Output = Observation;
    type Found<'a> = &'a Indicator;

    fn method(&self) -> &'static str {
        "CreateObservation"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Indicator, Error> {
        self.entry.permit(asking, "observation")
    }

    fn decide<'a>(
        &self,
        indicator: &'a Indicator,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Observation>, Error> {
        let mut violations = Violations::new();
        let path = "observation";
        let decided = self
            .entry
            .decide(indicator, deciding, path, &mut violations)?;
        violations.into_result()?;
        let decided = decided.ok_or_else(|| Error::Bug("a value without its facts".into()))?;
        Ok(Arc::new(decided.0))
    }
}

/// BatchCreateObservations: all values or none, as one change.
#[derive(Clone, Debug)]
pub struct BatchCreateObservations {
    /// The values, at least one.
    pub entries: Vec<Entry>,
}

/// Most violations that a batch is answered with.
const VIOLATIONS_MAX: usize = 100;

impl Texts for BatchCreateObservations {
    fn texts(&self, reader: &mut Reader<'_>) {
        for (i, entry) in self.entries.iter().enumerate() {
            reader.within(&format!("requests[{i}]"), |reader| {
                reader.id("observation_id", entry.named.then(|| entry.name.id()));
                reader.field("observation", &entry.draft);
            });
        }
    }
}

impl Command for BatchCreateObservations {
    type Output = Observation;
    type Found<'a> = Vec<&'a Indicator>;

    fn method(&self) -> &'static str {
        "BatchCreateObservations"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Vec<&'a Indicator>, Error> {
        let entries = self.entries.iter().enumerate();
        entries
            .map(|(i, entry)| entry.permit(asking, &format!("requests[{i}].observation")))
            .collect()
    }

    fn decide<'a>(
        &self,
        indicators: Vec<&'a Indicator>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Observation>, Error> {
        let mut violations = Violations::new();
        let (mut places, mut names) = (BTreeMap::new(), BTreeSet::new());
        let mut records = Vec::with_capacity(self.entries.len());
        for (i, (entry, indicator)) in self.entries.iter().zip(indicators).enumerate() {
            let path = format!("requests[{i}].observation");
            let decided = entry.decide(indicator, deciding, &path, &mut violations)?;
            if violations.iter().len() >= VIOLATIONS_MAX {
                break;
            }
            let Some((record, place)) = decided else {
                continue;
            };
            let first = places.entry(place).or_insert(i);
            if *first != i {
                let first = format!("requests[{first}].observation");
                violations.add(path, Rule::SameAs { first });
            }
            let is_new = names.insert(&entry.name);
            if entry.named && !is_new {
                let path = format!("requests[{i}].observation_id");
                violations.add(path, Rule::ObservationIdRepeated);
            }
            records.push(record);
        }
        violations.into_result()?;
        let mut records = records.into_iter();
        let first = records
            .next()
            .ok_or_else(|| Error::invalid("requests", Rule::Missing))?;
        for record in records {
            deciding.put(record);
        }
        Ok(Arc::new(first))
    }
}
