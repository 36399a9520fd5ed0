//! Deployments of the synthetic year: in one synthetic province and two communes below it, with
//! every state that a deployment can have.

use anyhow::{Context as _, Result};

use super::{
    APPROVER, EDITOR, STEWARD, Story, agency, decision, evidence, period, platform, source,
};
use ndp_core::{
    names::{AgencyName, DeploymentName},
    records::{
        agencies::{AgencyFields, AgencyKind},
        deployments::{
            Coverage, CoverageUnit, DeploymentFields,
            DeploymentStage::{self, NotStarted, Operating, Pilot, Preparing, Stopped},
            Disposition, LegacySystem, StageEntry, StagePlan,
        },
        edit::Edit as _,
        editions::SYNTHETIC,
    },
    rules::{
        Update,
        agencies::CreateAgency,
        deployments::{ConfirmDeployment, UpdateDeployment},
    },
    time::Date,
};

const PROVINCE: &str = "tinh-thu-nghiem";
const COMMUNES: [&str; 2] = ["xa-thu-nghiem", "phuong-thu-nghiem"];
const REASON: &str = "cập nhật triển khai thử nghiệm (synthetic)";

/// The course of one deployment.
struct Course {
    platform: usize,
    agency: AgencyName,
    /// The days on which it was reported, each with the stage reached then.
    reports: &'static [(&'static str, DeploymentStage)],
    /// When it was to be in operation.
    planned: &'static str,
    /// Communes that have it in use at the end.
    done: i32,
    /// The last day on which an earlier system is kept.
    kept: Option<&'static str>,
    confirmed: bool,
}

impl Story {
    pub(super) fn deployments(&mut self) -> Result<()> {
        let first = self.date("2025-01-06")?;
        let province = AgencyName::from_id(PROVINCE).context("no agency's name")?;
        self.place(first, &province, ["Tỉnh thử nghiệm", "Test province"], None)?;
        let communes = COMMUNES.map(AgencyName::from_id);
        for (number, commune) in communes.iter().enumerate() {
            let commune = commune.as_ref().context("no agency's name")?;
            let number = number + 1;
            let titles = [
                format!("Xã thử nghiệm {number}"),
                format!("Test commune {number}"),
            ];
            self.place(
                first,
                commune,
                titles.each_ref().map(|it| &**it),
                Some(&province),
            )?;
        }
        let [Some(one), Some(two)] = communes else {
            return Ok(());
        };
        let course = |platform, agency: &AgencyName, reports, planned| Course {
            platform,
            agency: agency.clone(),
            reports,
            planned,
            done: 0,
            kept: None,
            confirmed: false,
        };
        let courses = [
            // in operation, every commune, confirmed by the steward
            Course {
                done: 100,
                confirmed: true,
                ..course(
                    0,
                    &province,
                    &[
                        ("2025-03-10", Preparing),
                        ("2025-06-20", Pilot),
                        ("2025-10-20", Operating),
                    ],
                    "2025-12-31",
                )
            },
            // in operation, with an earlier system kept after its last day
            Course {
                done: 60,
                kept: Some("2025-08-31"),
                ..course(
                    1,
                    &province,
                    &[("2025-05-12", Pilot), ("2025-10-20", Operating)],
                    "2025-12-31",
                )
            },
            // late
            course(
                2,
                &province,
                &[("2025-04-01", NotStarted), ("2025-10-20", Preparing)],
                "2025-09-30",
            ),
            // no report for months
            Course {
                done: 12,
                ..course(3, &province, &[("2025-06-01", Pilot)], "2026-03-31")
            },
            // stopped
            course(
                4,
                &province,
                &[("2025-02-20", Pilot), ("2025-07-15", Stopped)],
                "2025-09-30",
            ),
            // communes: one confirmed by its province, one not
            Course {
                confirmed: true,
                ..course(
                    0,
                    &one,
                    &[("2025-07-01", Pilot), ("2025-10-21", Operating)],
                    "2025-12-31",
                )
            },
            course(0, &two, &[("2025-10-21", Pilot)], "2025-12-31"),
            course(1, &two, &[("2025-10-22", Preparing)], "2025-12-31"),
            // a ministry's own
            course(2, &agency(0)?, &[("2025-10-23", Operating)], "2025-12-31"),
        ];
        courses.iter().try_for_each(|course| self.course(course))
    }

    /// A synthetic province or commune.
    fn place(
        &mut self,
        day: Date,
        name: &AgencyName,
        [title, title_en]: [&str; 2],
        parent: Option<&AgencyName>,
    ) -> Result<()> {
        let kind = match parent {
            None => AgencyKind::ProvincialPeoplesCommittee,
            Some(_) => AgencyKind::CommunePeoplesCommittee,
        };
        let fields = AgencyFields {
            display_name: format!("{title} {SYNTHETIC}"),
            display_name_en: format!("{title_en} {SYNTHETIC}"),
            kind,
            parent_agency: parent.cloned(),
            ..AgencyFields::default()
        };
        let name = name.clone();
        self.event(day, STEWARD, REASON, move |_| {
            let (name, fields) = (name.clone(), fields.clone());
            Ok(Box::new(CreateAgency { name, fields }))
        });
        Ok(())
    }

    fn course(&mut self, course: &Course) -> Result<()> {
        let platform = platform(course.platform)?;
        let name = DeploymentName::from_id(&platform, course.agency.id());
        let name = name.context("no deployment's name")?;
        let planned = self.date(course.planned)?;
        let kept = course.kept.map(|day| self.date(day)).transpose()?;
        let mut fields = DeploymentFields {
            planned_stages: vec![StagePlan {
                stage: Operating,
                planned: Some(period(planned)),
                start_date: None,
                document: None,
            }],
            sources: vec![source("báo cáo thử nghiệm")],
            ..DeploymentFields::default()
        };
        let mut last = None;
        for (number, (day, stage)) in course.reports.iter().enumerate() {
            let day = self.date(day)?;
            last = Some(day);
            fields.report_date = Some(day);
            fields.stages.push(StageEntry {
                stage: *stage,
                reached: Some(period(day)),
                evidence: vec![evidence(day)],
                sources: Vec::new(),
            });
            if course.done > 0 && number + 1 == course.reports.len() {
                fields.coverages.push(Coverage {
                    unit: CoverageUnit::Communes,
                    done: course.done,
                    total: 100,
                    count_date: Some(day),
                });
            }
            if let (0, Some(end)) = (number, kept) {
                fields.legacy_systems.push(LegacySystem {
                    display_name: format!("Hệ thống cũ thử nghiệm {SYNTHETIC}"),
                    disposition: Disposition::Kept,
                    start_date: Some(day),
                    end_date: Some(end),
                    reason: format!("chuyển dữ liệu thử nghiệm {SYNTHETIC}"),
                    document: Some(Box::new(decision("HT", day))),
                });
            }
            let (name, fields) = (name.clone(), fields.clone());
            self.event(day, EDITOR, REASON, move |_| {
                Ok(Box::new(UpdateDeployment {
                    update: Update {
                        name: name.clone(),
                        fields: fields.clone(),
                        mask: DeploymentFields::PARTS
                            .iter()
                            .map(|part| part.name.to_owned())
                            .collect(),
                        etag: None,
                    },
                    allow_missing: true,
                }))
            });
        }
        if let (true, Some(day)) = (course.confirmed, last) {
            self.event(day.plus_days(2), APPROVER, REASON, move |state| {
                let deployment = state.deployment(&name).context("no such deployment")?;
                Ok(Box::new(ConfirmDeployment {
                    name: name.clone(),
                    etag: deployment.meta.etag(),
                }))
            });
        }
        Ok(())
    }
}
