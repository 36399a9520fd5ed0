//! Synthetic recommendations in every state: two for each of six courses.

use anyhow::{Context, Result};

use super::{APPROVER, EDITOR, STEWARD, Story, agency, decision, evidence, platform};
use crate::calendar;
use ndp_core::{
    names::RecommendationName,
    records::{
        editions::SYNTHETIC,
        recommendations::{
            Answer, DayKind, Ground, Outcome, Recommendation, RecommendationFields,
            RecommendationKind, Rejection, SenderKind, Step, StepKind, Term,
        },
    },
    rules::{
        Update,
        recommendations::{
            AnswerRecommendation, CreateRecommendation, ForwardRecommendation,
            RejectRecommendation, ReopenRecommendation, UpdateRecommendation,
        },
    },
    state::State,
    time::Date,
};

/// The number of recommendations.
const RECOMMENDATIONS: usize = 12;

const REASON: &str = "phản ánh, kiến nghị thử nghiệm (synthetic)";

fn name(number: usize) -> Result<RecommendationName> {
    let id = format!("kien-nghi-{:02}", number + 1);
    RecommendationName::from_id(&id).context("no recommendation's name")
}

fn held<'a>(state: &'a State, name: &RecommendationName) -> Result<&'a Recommendation> {
    let found = state.recommendation(name);
    found.map(|it| &**it).context("no such recommendation")
}

impl Story {
    pub(super) fn recommendations(&mut self) -> Result<()> {
        let first = self.date("2025-03-10")?;
        for number in 0..RECOMMENDATIONS {
            let day = first.plus_days(i32::try_from(number)? * 19);
            self.received(number, day)?;
            // the first course stays RECEIVED
            match number % 6 {
                0 => {}
                1 => self.taken_into_review(number, day.plus_days(3))?,
                2 => {
                    self.taken_into_review(number, day.plus_days(2))?;
                    self.answered(number, day.plus_days(12))?;
                }
                3 => {
                    self.forwarded(number, day.plus_days(1))?;
                    self.taken_into_review(number, day.plus_days(4))?;
                    self.answered(number, day.plus_days(30))?;
                }
                4 => {
                    self.taken_into_review(number, day.plus_days(2))?;
                    self.rejected(number, day.plus_days(5))?;
                }
                _ => {
                    self.taken_into_review(number, day.plus_days(2))?;
                    self.answered(number, day.plus_days(9))?;
                    self.reopened(number, day.plus_days(15))?;
                }
            }
        }
        Ok(())
    }

    fn received(&mut self, number: usize, day: Date) -> Result<()> {
        let kinds = RecommendationKind::ALL;
        let senders = [
            SenderKind::Citizen,
            SenderKind::Enterprise,
            SenderKind::Expert,
            SenderKind::Organisation,
        ];
        let fields = RecommendationFields {
            kind: kinds.into_iter().cycle().nth(number),
            display_name: format!("Kiến nghị thử nghiệm {:02} {SYNTHETIC}", number + 1),
            content: format!("Nội dung thử nghiệm {SYNTHETIC}"),
            sender_kind: senders.into_iter().cycle().nth(number),
            source_system: "cong-thu-nghiem".to_owned(),
            external_id: format!("so-{:02}", number + 1),
            receive_date: Some(day),
            agency: Some(agency(number % 4)?),
            term: Some(Term {
                day_count: 15,
                day_kind: DayKind::Working,
                forward_day_count: 2,
                legal_basis: Some(Box::new(decision("TH", day.plus_days(-60)))),
                ..Term::default()
            }),
            subjects: vec![platform(number)?.to_string()],
            ..RecommendationFields::default()
        };
        let name = name(number)?;
        self.event(day, STEWARD, REASON, move |_| {
            Ok(Box::new(CreateRecommendation {
                name: Some(name.clone()),
                fields: fields.clone(),
                calendar: calendar::shipped()?,
            }))
        });
        Ok(())
    }

    fn taken_into_review(&mut self, number: usize, day: Date) -> Result<()> {
        let name = name(number)?;
        self.event(day, EDITOR, REASON, move |_| {
            let fields = RecommendationFields {
                review_date: Some(day),
                steps: vec![Step {
                    kind: StepKind::Screened,
                    step_date: Some(day),
                    document: None,
                    note: format!("hợp lệ {SYNTHETIC}"),
                }],
                ..RecommendationFields::default()
            };
            Ok(Box::new(UpdateRecommendation {
                update: Update {
                    name: name.clone(),
                    fields,
                    mask: vec!["review_date".to_owned(), "steps".to_owned()],
                    etag: None,
                },
                calendar: calendar::shipped()?,
            }))
        });
        Ok(())
    }

    fn forwarded(&mut self, number: usize, day: Date) -> Result<()> {
        let (name, to) = (name(number)?, agency(number % 4 + 4)?);
        self.event(day, EDITOR, REASON, move |state| {
            Ok(Box::new(ForwardRecommendation {
                name: name.clone(),
                agency: to.clone(),
                forward_date: Some(day),
                document: None,
                etag: held(state, &name)?.meta.etag(),
                calendar: calendar::shipped()?,
            }))
        });
        Ok(())
    }

    fn answered(&mut self, number: usize, day: Date) -> Result<()> {
        let name = name(number)?;
        self.event(day, APPROVER, REASON, move |state| {
            // one of two answers has no document, which the quality of the data shows
            let documented = number.is_multiple_of(2);
            Ok(Box::new(AnswerRecommendation {
                name: name.clone(),
                answer: Answer {
                    text: format!("Trả lời thử nghiệm {SYNTHETIC}"),
                    outcome: Outcome::Accepted,
                    document: documented.then(|| Box::new(decision("TL", day))),
                    evidence: documented.then(|| evidence(day)).into_iter().collect(),
                },
                answer_date: Some(day),
                etag: held(state, &name)?.meta.etag(),
            }))
        });
        Ok(())
    }

    fn rejected(&mut self, number: usize, day: Date) -> Result<()> {
        let name = name(number)?;
        self.event(day, APPROVER, REASON, move |state| {
            Ok(Box::new(RejectRecommendation {
                name: name.clone(),
                rejection: Rejection {
                    ground: Ground::OutOfScope,
                    original: None,
                },
                reject_date: Some(day),
                etag: held(state, &name)?.meta.etag(),
            }))
        });
        Ok(())
    }

    fn reopened(&mut self, number: usize, day: Date) -> Result<()> {
        let name = name(number)?;
        self.event(day, STEWARD, REASON, move |state| {
            Ok(Box::new(ReopenRecommendation {
                name: name.clone(),
                reopen_date: Some(day),
                etag: held(state, &name)?.meta.etag(),
            }))
        });
        Ok(())
    }
}
