//! Baselines, which clients read only.

use super::{
    documents::{document, period},
    plans::budget,
    principals::person,
    values::{write_date, write_timestamp},
};
use crate::{
    domain::{
        baselines::{Approval, Baseline, BaselineMilestone},
        plans::Audience,
        record::Meta,
    },
    pb,
};

/// A baseline.
pub fn baseline(record: &Baseline) -> pb::Baseline {
    let Baseline {
        name,
        audience,
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
    let Audience {
        agency,
        public_since: _,
    } = audience;
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
        agency: agency.as_str().to_owned(),
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
