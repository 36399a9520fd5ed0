//! Plans of the synthetic year, with their milestones, reports and assessments, and the platforms
//! that go into operation.

use anyhow::{Context as _, Result};

use super::{
    APPROVER, EDITOR, STEWARD, Story, decision, evidence, head_of_agency, milestone, period, plan,
    platform, source,
};
use ndp_core::{
    names::{PlanName, ReportName},
    records::{
        assessments::AssessmentFields,
        baselines::{MilestoneChange, Rebaseline},
        editions::SYNTHETIC,
        milestones::MilestoneFields,
        plans::{CycleEntry, PlanFields, PlanMove, ReportingCycle, Visibility, VisibilityEntry},
        platforms::{OperationStage, PlatformFields, Stage},
        proposals::ProposalState,
        reports::{Rating, ReportFields},
    },
    rules::{
        assessments::CreateAssessment,
        baselines::RebaselinePlan,
        milestones::{CompleteMilestone, CreateMilestone},
        plans::{CreatePlan, MovePlan},
        platforms::UpdatePlatform,
        proposals::{DecideProposal, Decision},
        reports::CreateReport,
    },
    time::Date,
};

/// Days between two milestones of a plan.
const STEP_DAYS: i32 = 40;
/// Number of milestones of a plan that have a due date.
const STEPS: i32 = 4;

impl Story {
    /// The plans of the year: 21 issued by 23 September, and 28 platforms in operation at its end.
    pub(super) fn plans(&mut self) -> Result<()> {
        let year = &*self.year.clone();
        // 21 platforms with a plan issued by 23 September, and three more in October.
        let first = self.date("2024-11-18")?;
        for number in 0..21 {
            let day = first.plus_days(i32::try_from(number)? * 15);
            self.issued_plan(number, year, day)?;
        }
        for number in 21..24 {
            let day = self
                .date("2025-10-02")?
                .plus_days(i32::try_from(number - 21)? * 7);
            self.issued_plan(number, year, day)?;
        }
        // One plan is superseded by a second, and one is completed.
        let day = self.date("2025-06-16")?;
        self.issued_plan(0, &format!("{year}-second"), day)?;
        let done = plan(1, year)?;
        let day = self.date("2025-09-22")?;
        self.step(day, APPROVER, done, PlanMove::Complete, Some("HT"));
        // A plan that was issued earlier and is no longer in force on 23 September.
        let day = self.date("2025-02-10")?;
        self.issued_plan(30, "revoked", day)?;
        let revoked = plan(30, "revoked")?;
        let day = self.date("2025-07-10")?;
        self.step(day, APPROVER, revoked, PlanMove::Revoke, Some("BB"));
        let day = self.date("2025-08-05")?;
        self.issued_plan(31, "mistaken", day)?;
        let mistaken = plan(31, "mistaken")?;
        let day = self.date("2025-09-10")?;
        self.step(day, STEWARD, mistaken, PlanMove::Annul, None);
        // Plans that are not issued yet.
        for number in 24..30 {
            let day = self
                .date("2025-08-20")?
                .plus_days(i32::try_from(number - 24)? * 9);
            self.draft(number, year, day)?;
            if number < 27 {
                let name = plan(number, year)?;
                self.step(
                    day.plus_days(2),
                    EDITOR,
                    name.clone(),
                    PlanMove::Submit,
                    None,
                );
                if number == 26 {
                    self.step(day.plus_days(4), STEWARD, name, PlanMove::Return, None);
                }
            }
        }
        let day = self.date("2025-03-03")?;
        self.draft(32, "given-up", day)?;
        let given_up = plan(32, "given-up")?;
        let day = self.date("2025-04-07")?;
        self.step(day, EDITOR, given_up, PlanMove::Withdraw, None);
        // 28 in operation by 31 October.
        for number in 0..28 {
            let day = self
                .date("2024-12-02")?
                .plus_days(i32::try_from(number)? * 12);
            self.in_operation(number + 3, day)?;
        }
        self.rebaseline(4)
    }

    fn step(
        &mut self,
        day: Date,
        who: &'static str,
        name: PlanName,
        step: PlanMove,
        document: Option<&'static str>,
    ) {
        let reason = "lịch sử thử nghiệm (synthetic)";
        self.event(day, who, reason, move |state| {
            let plan = state.plan(&name).context("no such plan")?;
            Ok(Box::new(MovePlan {
                name: name.clone(),
                step,
                document: document.map(|symbol| Box::new(decision(symbol, day))),
                etag: state.plan_etag(plan),
            }))
        });
    }

    fn draft(&mut self, number: usize, id: &str, day: Date) -> Result<()> {
        let name = plan(number, id)?;
        let last = day.plus_days(STEP_DAYS * STEPS + 21);
        let fields = PlanFields {
            display_name: format!("Kế hoạch thử nghiệm {:02} {SYNTHETIC}", number + 1),
            objectives: format!("Mục tiêu thử nghiệm {SYNTHETIC}"),
            accountable_head: Some(Box::new(head_of_agency())),
            lead_unit: format!("Đơn vị thử nghiệm {SYNTHETIC}"),
            planned_start: Some(period(day)),
            planned_end: Some(period(last)),
            visibilities: (number == 2)
                .then(|| VisibilityEntry {
                    visibility: Visibility::Restricted,
                    ..VisibilityEntry::default()
                })
                .into_iter()
                .collect(),
            reporting_cycles: vec![CycleEntry {
                cycle: ReportingCycle {
                    filing_days: 5,
                    ..ReportingCycle::default()
                },
                ..CycleEntry::default()
            }],
            ..PlanFields::default()
        };
        let of = name.clone();
        self.event(day, EDITOR, "", move |_| {
            Ok(Box::new(CreatePlan {
                platform: of.parent(),
                name: Some(of.clone()),
                fields: fields.clone(),
                source: None,
            }))
        });
        for step in 0..=STEPS {
            let milestone = milestone(&name, step)?;
            let fields = step_fields(number, step, day);
            let name = name.clone();
            self.event(day, EDITOR, "", move |_| {
                Ok(Box::new(CreateMilestone {
                    plan: name.clone(),
                    name: Some(milestone.clone()),
                    fields: fields.clone(),
                }))
            });
        }
        Ok(())
    }

    /// A plan that is drafted, submitted and issued on a day, and its later events until the end of
    /// the year, or until it is superseded or revoked.
    fn issued_plan(&mut self, number: usize, id: &str, issued: Date) -> Result<()> {
        let name = plan(number, id)?;
        let drafted = issued.plus_days(-14);
        self.draft(number, id, drafted)?;
        self.step(
            drafted.plus_days(5),
            EDITOR,
            name.clone(),
            PlanMove::Submit,
            None,
        );
        self.step(issued, APPROVER, name.clone(), PlanMove::Issue, Some("BH"));
        let last = match (number, id) {
            (0, id) if id == self.year => self.date("2025-06-15")?,
            (1, _) => self.date("2025-09-21")?,
            (30, _) => self.date("2025-07-09")?,
            (31, _) => self.date("2025-09-09")?,
            _ => self.date("2025-10-31")?,
        };
        self.completions(number, &name, drafted, last)?;
        self.reports(number, &name, issued, last)?;
        if number.is_multiple_of(3) {
            self.assessments(number, &name, issued, last);
        }
        Ok(())
    }

    /// Alternates between milestones that are completed on time, completed late, and left open.
    fn completions(
        &mut self,
        number: usize,
        name: &PlanName,
        drafted: Date,
        last: Date,
    ) -> Result<()> {
        for step in 1..=STEPS {
            let turn = (number + usize::try_from(step)?) % 5;
            let late = match turn {
                0 | 1 => -3,
                2 => 0,
                3 => 12,
                // Left open, and overdue later.
                _ => continue,
            };
            let day = due(drafted, step).plus_days(late);
            if day > last {
                continue;
            }
            let milestone = milestone(name, step)?;
            let evidence = (turn != 1).then(|| evidence(day));
            self.event(day, EDITOR, "", move |state| {
                let record = state.milestone(&milestone).context("no such milestone")?;
                Ok(Box::new(CompleteMilestone {
                    name: milestone.clone(),
                    completion_date: Some(day),
                    evidence: evidence.clone().into_iter().collect(),
                    etag: record.meta.etag(),
                }))
            });
        }
        Ok(())
    }

    /// Monthly reports. Some agencies stop reporting, some report late, and one corrects a report.
    fn reports(&mut self, number: usize, name: &PlanName, issued: Date, last: Date) -> Result<()> {
        let cycle = ReportingCycle::default();
        let mut end = cycle.period_end(issued).context("no reporting period")?;
        let mut count = 0;
        loop {
            let filed = end.plus_days(if number % 4 == 1 { 9 } else { 3 });
            if filed > last || (number % 7 == 3 && count >= 2) {
                return Ok(());
            }
            count += 1;
            let id = format!("{:04}-{:02}", end.year(), end.month());
            let report = ReportName::from_id(name, &id).context("no report's name")?;
            let fields = ReportFields {
                period_end_date: Some(end),
                rating: Some(if number % 5 == 2 && count > 3 {
                    Rating::AtRisk
                } else {
                    Rating::OnTrack
                }),
                percent: if number % 6 == 5 {
                    40
                } else {
                    (count * 12).min(100)
                },
                results: format!("Kết quả thử nghiệm kỳ {id} {SYNTHETIC}"),
                evidence: if number.is_multiple_of(2) {
                    vec![evidence(end)]
                } else {
                    Vec::new()
                },
                ..ReportFields::default()
            };
            let first = (report.clone(), fields.clone());
            let plan = name.clone();
            self.event(filed, EDITOR, "", move |_| {
                Ok(Box::new(CreateReport {
                    plan: plan.clone(),
                    name: Some(first.0.clone()),
                    fields: first.1.clone(),
                }))
            });
            if number == 6 && count == 3 {
                let corrected = ReportFields {
                    rating: Some(Rating::OffTrack),
                    corrects: Some(report),
                    ..fields
                };
                let plan = name.clone();
                self.event(
                    filed.plus_days(4),
                    EDITOR,
                    "đính chính (synthetic)",
                    move |_| {
                        Ok(Box::new(CreateReport {
                            plan: plan.clone(),
                            name: ReportName::from_id(&plan, &format!("{id}-corrected")),
                            fields: corrected.clone(),
                        }))
                    },
                );
            }
            end = cycle
                .period_end(end.plus_days(1))
                .context("no reporting period")?;
        }
    }

    /// The steward assesses a plan every hundred days.
    fn assessments(&mut self, number: usize, name: &PlanName, issued: Date, last: Date) {
        let mut day = issued.plus_days(60);
        let mut count = 0;
        while day <= last {
            count += 1;
            let fields = AssessmentFields {
                assessment_date: Some(day),
                rating: Some(match (number / 3 + count) % 3 {
                    0 => Rating::OffTrack,
                    1 => Rating::OnTrack,
                    _ => Rating::AtRisk,
                }),
                rubric_version: "thử nghiệm 1 (synthetic)".to_owned(),
                findings: format!("Nhận xét thử nghiệm {SYNTHETIC}"),
                evidence: vec![evidence(day)],
            };
            let plan = name.clone();
            self.event(day, STEWARD, "", move |_| {
                Ok(Box::new(CreateAssessment {
                    plan: plan.clone(),
                    name: None,
                    fields: fields.clone(),
                }))
            });
            day = day.plus_days(100);
        }
    }

    fn in_operation(&mut self, number: usize, day: Date) -> Result<()> {
        let name = platform(number)?;
        self.event(day, STEWARD, "", move |state| {
            let record = state.platform(&name).context("no such platform")?;
            let fields = PlatformFields {
                operation_stages: vec![OperationStage {
                    stage: Stage::Operation,
                    planned: None,
                    reached: Some(period(day)),
                    document: None,
                    sources: vec![source("thử nghiệm")],
                }],
                ..PlatformFields::default()
            };
            Ok(Box::new(UpdatePlatform {
                name: name.clone(),
                fields,
                mask: vec!["operation_stages".to_owned()],
                etag: Some(record.meta.etag()),
            }))
        });
        Ok(())
    }

    /// A rebaseline that moves the last milestone of a plan to a later date: proposed by one person
    /// and approved by another.
    fn rebaseline(&mut self, number: usize) -> Result<()> {
        let name = plan(number, &self.year)?;
        let later = self.date("2025-12-15")?;
        let day = self.date("2025-06-09")?;
        let of = name.clone();
        let reason = "điều chỉnh tiến độ thử nghiệm (synthetic)";
        self.event(day, EDITOR, reason, move |state| {
            let plan = state.plan(&of).context("no such plan")?;
            let milestone = milestone(&of, STEPS)?;
            let later = Some(period(later));
            Ok(Box::new(RebaselinePlan {
                rebaseline: Rebaseline {
                    plan: of.clone(),
                    milestone_changes: vec![MilestoneChange::Update {
                        milestone,
                        fields: MilestoneFields {
                            due: later.clone(),
                            ..MilestoneFields::default()
                        },
                        mask: vec!["due".to_owned()],
                    }],
                    fields: PlanFields {
                        planned_end: later,
                        ..PlanFields::default()
                    },
                    mask: vec!["planned_end".to_owned()],
                    document: decision("DC", day),
                },
                etag: state.plan_etag(plan),
            }))
        });
        self.event(day.plus_days(3), APPROVER, reason, move |state| {
            let proposal = state
                .proposals_of(&name.parent())
                .find(|proposal| proposal.state == ProposalState::Pending)
                .context("no proposal")?;
            Ok(Box::new(DecideProposal {
                name: proposal.name.clone(),
                decision: Decision::Approve,
                etag: proposal.meta.etag(),
            }))
        });
        Ok(())
    }
}

/// The due date of a step of a plan that was drafted on a day.
fn due(drafted: Date, step: i32) -> Date {
    drafted.plus_days(14 + STEP_DAYS * step)
}

/// The fields of a step. Step 0 is a regular task.
fn step_fields(number: usize, step: i32, drafted: Date) -> MilestoneFields {
    let day = due(drafted, step);
    MilestoneFields {
        display_name: format!("Nhiệm vụ thử nghiệm {:02}.{step} {SYNTHETIC}", number + 1),
        required_result: format!("Sản phẩm thử nghiệm {SYNTHETIC}"),
        due: (step > 0).then(|| period(day)),
        weight: step.max(1),
        accountable_unit: format!("Đơn vị thử nghiệm {SYNTHETIC}"),
        ..MilestoneFields::default()
    }
}
