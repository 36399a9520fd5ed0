//! Conversion of baselines, which clients can only read, to their wire form, and of proposed
//! rebaselines in both directions.

use prost::{Message, Name};
use prost_types::FieldMask;

use super::{
    changes::ToMessage,
    documents::{document, period, read_document},
    mask,
    milestones::{milestone_fields, promised},
    plans::{budget, coverage, read_plan, reporting_cycle, visibility},
    principals::person,
    validate::FieldPath,
    values::{read_list, read_name, write_date, write_optional_name, write_timestamp},
};
use crate::pb::{self, rebaseline::milestone_change::Kind};
use ndp_core::{
    error::{Error, Violations},
    messages::Rule,
    names::{AgencyName, MilestoneName, PlanName},
    records::{
        baselines::{Approval, Baseline, BaselineMilestone, MilestoneChange, Rebaseline},
        edit::{Edit as _, FieldNode, Mask},
        meta::Meta,
        milestones::MilestoneFields,
        plans::PlanFields,
    },
    state::State,
};

impl ToMessage for Baseline {
    type Message = pb::Baseline;

    fn to_message(&self, agency: Option<&AgencyName>, _: &State) -> pb::Baseline {
        baseline(self, agency)
    }
}

/// Reads what a rebaseline of a plan would change from the request's field `field`.
pub fn rebaseline_fields(
    message: pb::Rebaseline,
    plan: PlanName,
    field: &str,
    violations: &mut Violations,
) -> Rebaseline {
    let path = &FieldPath::ROOT.field(field);
    let place = &path.field("update_mask");
    let mask = message.update_mask.as_ref();
    let mask = read_mask(mask, &message, PlanFields::PARTS, place, violations);
    let pb::Rebaseline {
        plan: _,
        milestone_changes,
        budget,
        planned_start,
        planned_end,
        document,
        display_name,
        objectives,
        scope,
        visibilities,
        reporting_cycles,
        covered_platforms,
        update_mask: _,
    } = message;
    let fields = pb::Plan {
        budget,
        planned_start,
        planned_end,
        display_name,
        objectives,
        scope,
        visibilities,
        reporting_cycles,
        covered_platforms,
        ..pb::Plan::default()
    };
    Rebaseline {
        plan,
        milestone_changes: read_list(
            milestone_changes,
            &path.field("milestone_changes"),
            violations,
            read_change,
        ),
        fields: read_plan(fields, path, violations),
        mask,
        document: document.map(read_document).unwrap_or_default(),
    }
}

/// Reads a mask that is not the update's own: the paths that it names, each below `parts`.
fn read_mask<M: Message + Name>(
    mask: Option<&FieldMask>,
    message: &M,
    parts: &'static [FieldNode],
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Mask {
    match mask::resolve(mask, message, parts, &path.to_string()) {
        Ok(mask) => mask,
        Err(Error::Invalid(unknown)) => {
            violations.append(unknown);
            Mask::new()
        }
        // every message is described
        Err(_) => Mask::new(),
    }
}

fn read_change(
    message: pb::rebaseline::MilestoneChange,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<MilestoneChange> {
    let pb::rebaseline::MilestoneChange {
        kind,
        milestone,
        update_mask,
    } = message;
    let mut message = milestone.unwrap_or_default();
    let (within, place) = (&path.field("milestone"), &path.field("update_mask"));
    let name = std::mem::take(&mut message.name);
    let name: Option<MilestoneName> = read_name(&name, &within.field("name"), violations);
    let (update, given) = (kind == Kind::Update as i32, update_mask.as_ref());
    if !update && given.is_some_and(|mask| !mask.paths.is_empty()) {
        violations.add(place.to_string(), Rule::MaskWithoutUpdate);
    }
    let given = given.filter(|_| update);
    let mask = read_mask(given, &message, MilestoneFields::PARTS, place, violations);
    let fields = milestone_fields(message);
    let milestone = name?;
    match Kind::try_from(kind) {
        Ok(Kind::Add) => Some(MilestoneChange::Add { milestone, fields }),
        Ok(Kind::Update) => Some(MilestoneChange::Update {
            milestone,
            fields,
            mask,
        }),
        Ok(Kind::Drop) => {
            if !mask.is_empty() {
                let fields: Vec<_> = mask.iter().map(|name| format!("`{name}`")).collect();
                let fields = fields.join(", ");
                violations.add(within.to_string(), Rule::DropWithFields { fields });
            }
            Some(MilestoneChange::Drop { milestone })
        }
        // the contract refuses them
        Ok(Kind::Unspecified) | Err(_) => None,
    }
}

/// What a rebaseline would change.
pub(super) fn rebaseline(record: &Rebaseline) -> pb::Rebaseline {
    let Rebaseline {
        plan,
        milestone_changes,
        fields,
        mask,
        document: by,
    } = record;
    let PlanFields {
        display_name,
        objectives,
        scope,
        accountable_head: _, // changed without a rebaseline
        lead_unit: _,
        coordinating_agencies: _,
        covered_platforms,
        budget: money,
        planned_start,
        planned_end,
        visibilities,
        reporting_cycles,
    } = fields;
    pb::Rebaseline {
        plan: plan.as_str().to_owned(),
        milestone_changes: milestone_changes.iter().map(change).collect(),
        budget: money.as_ref().map(budget),
        planned_start: planned_start.as_ref().map(period),
        planned_end: planned_end.as_ref().map(period),
        document: Some(document(by)),
        display_name: display_name.clone(),
        objectives: objectives.clone(),
        scope: scope.clone(),
        visibilities: visibilities.iter().map(visibility).collect(),
        reporting_cycles: reporting_cycles.iter().map(reporting_cycle).collect(),
        covered_platforms: covered_platforms.iter().map(coverage).collect(),
        update_mask: write_mask(mask),
    }
}

fn change(record: &MilestoneChange) -> pb::rebaseline::MilestoneChange {
    let (kind, milestone, mask) = match record {
        MilestoneChange::Add { fields, .. } => (Kind::Add, promised(fields), None),
        MilestoneChange::Update { fields, mask, .. } => {
            (Kind::Update, promised(fields), write_mask(mask))
        }
        MilestoneChange::Drop { .. } => (Kind::Drop, pb::Milestone::default(), None),
    };
    pb::rebaseline::MilestoneChange {
        kind: kind.into(),
        milestone: Some(pb::Milestone {
            name: record.milestone().as_str().to_owned(),
            ..milestone
        }),
        update_mask: mask,
    }
}

/// A mask that names no path is absent, and is not read as one that was left out: then nothing is
/// set either.
fn write_mask(mask: &Mask) -> Option<FieldMask> {
    let paths = mask.clone();
    (!paths.is_empty()).then_some(FieldMask { paths })
}

/// A baseline of a plan of this agency.
pub fn baseline(record: &Baseline, agency: Option<&AgencyName>) -> pb::Baseline {
    let Baseline {
        name,
        number,
        effective_date,
        milestones,
        budget: money,
        planned_start,
        planned_end,
        document: by,
        reason,
        approval,
        meta,
    } = record;
    let Approval {
        person: approver,
        record_time,
    } = approval;
    let (principal, actor) = person(approver.as_ref());
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    pb::Baseline {
        name: name.as_str().to_owned(),
        number: *number,
        effective_date: write_date(Some(*effective_date)),
        milestones: milestones.iter().map(milestone).collect(),
        budget: money.as_ref().map(budget),
        planned_start: planned_start.as_ref().map(period),
        planned_end: planned_end.as_ref().map(period),
        document: by.as_deref().map(document),
        reason: reason.clone(),
        principal,
        actor,
        approve_time: Some(write_timestamp(*record_time)),
        agency: write_optional_name(agency),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn milestone(record: &BaselineMilestone) -> pb::baseline::Milestone {
    let BaselineMilestone {
        milestone,
        display_name,
        required_result,
        due,
        weight,
    } = record;
    pb::baseline::Milestone {
        milestone: milestone.as_str().to_owned(),
        display_name: display_name.clone(),
        required_result: required_result.clone(),
        due: due.as_ref().map(period),
        weight: *weight,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;
    use crate::wire::arbitrary;
    use ndp_core::records::budgets::{Budget, Money};

    fn any_fields() -> impl Strategy<Value = MilestoneFields> {
        (
            [(); 3].map(|()| arbitrary::text()),
            option::of(arbitrary::document().prop_map(Box::new)),
            option::of(arbitrary::period()),
            any::<i32>(),
        )
            .prop_map(|(texts, assigning_document, due, weight)| {
                let [display_name, required_result, accountable_unit] = texts;
                MilestoneFields {
                    display_name,
                    assigning_document,
                    required_result,
                    due,
                    weight,
                    accountable_unit,
                }
            })
    }

    fn any_change() -> impl Strategy<Value = MilestoneChange> {
        let name = "[a-z][a-z0-9]{0,8}".prop_map(|id| {
            let plan = PlanName::parse("platforms/ndp-001/plans/2026").unwrap();
            MilestoneName::from_id(&plan, &id).unwrap()
        });
        (name, 0..3, any_fields()).prop_map(|(milestone, kind, fields)| match kind {
            0 => MilestoneChange::Add { milestone, fields },
            1 => MilestoneChange::Update {
                milestone,
                fields,
                mask: vec!["weight".to_owned(), "due.end".to_owned()],
            },
            _ => MilestoneChange::Drop { milestone },
        })
    }

    proptest! {
        #[test]
        fn a_rebaseline_survives_the_wire(
            milestone_changes in vec(any_change(), 0..3),
            units in option::of(any::<i64>()),
            periods in (option::of(arbitrary::period()), option::of(arbitrary::period())),
            document in arbitrary::document(),
        ) {
            let plan = PlanName::parse("platforms/ndp-001/plans/2026").unwrap();
            let record = Rebaseline {
                plan: plan.clone(),
                milestone_changes,
                fields: PlanFields {
                    budget: units.map(|units| Budget {
                        amount: Some(Money { currency_code: "VND".to_owned(), units, nanos: 0 }),
                        ..Budget::default()
                    }),
                    planned_start: periods.0,
                    planned_end: periods.1,
                    ..PlanFields::default()
                },
                mask: vec!["scope".to_owned(), "planned_end".to_owned()],
                document,
            };
            let message = arbitrary::over_the_wire(&rebaseline(&record));
            let mut violations = Violations::new();
            let read = rebaseline_fields(message, plan, "rebaseline", &mut violations);
            prop_assert_eq!(violations, Violations::new());
            prop_assert_eq!(read, record);
        }
    }
}
