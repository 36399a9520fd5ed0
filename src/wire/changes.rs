//! Conversion of changes, and of records of any kind, to their wire form.

use prost::Message as _;

use super::{
    agencies, assessments, baselines, editions, figures, milestones, plans, platforms, principals,
    proposals, reports,
    requests::View,
    values::{write_optional_name, write_timestamp},
};
use crate::pb::{self, change::effect::Kind, record::Record as Kinds};
use ndp_core::{
    caller::Person,
    change::{Change, Image},
    records::sizes::MESSAGE_BYTES_MAX,
    state::{
        State,
        sight::{SeenChange, SeenEffect},
        visible::SeenRecord,
    },
};

/// A resource of any kind. An edition counts what `state` holds of it.
pub fn record(seen: &SeenRecord, state: &State) -> pb::Record {
    let agency = seen.agency.as_ref();
    let record = match &seen.image {
        Image::Agency(agency) => Kinds::Agency(agencies::agency(agency)),
        Image::Edition(edition) => {
            let counts = state.edition_counts(&edition.name);
            Kinds::Edition(editions::edition(edition, counts.held, counts.named))
        }
        Image::Platform(platform) => Kinds::Platform(platforms::platform(platform, View::Full)),
        Image::Plan(plan) => Kinds::Plan(plans::plan(plan, View::Full)),
        Image::Milestone(milestone) => Kinds::Milestone(milestones::milestone(milestone, agency)),
        Image::Baseline(baseline) => Kinds::Baseline(baselines::baseline(baseline, agency)),
        Image::Report(report) => Kinds::Report(reports::report(report, agency)),
        Image::Assessment(assessment) => {
            Kinds::Assessment(assessments::assessment(assessment, agency))
        }
        Image::Proposal(proposal) => Kinds::Proposal(proposals::proposal(proposal)),
        Image::Figure(figure) => Kinds::Figure(figures::figure(figure)),
        Image::Principal(principal) => Kinds::Principal(principals::principal(principal)),
        Image::ApiKey(key) => Kinds::ApiKey(principals::api_key(key, None)),
    };
    pb::Record {
        record: Some(record),
    }
}

/// The new records of a change always fit a message; old records get the room that they leave
/// below this many bytes.
const RECORDS_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 512 * 1024;

/// The old record, if it fits into the remaining room.
fn fitting(record: Option<pb::Record>, room: &mut usize) -> Option<pb::Record> {
    let record = record?;
    *room = room.checked_sub(record.encoded_len())?;
    Some(record)
}

/// A change as its caller sees it. `with_before` adds the old records; only the read of a single
/// change sets it.
pub fn change(seen: SeenChange<'_>, state: &State, with_before: bool) -> pb::Change {
    let SeenChange {
        change,
        shows_who,
        effects,
    } = seen;
    let Change {
        revision,
        record_time,
        person: Person { principal, actor },
        agency,
        method,
        request_id,
        reason,
        effects: _,  // those that are seen
        key_hash: _, // shown to nobody
    } = change;
    let who = |text: &str| {
        if shows_who {
            text.to_owned()
        } else {
            String::new()
        }
    };
    let mut room = RECORDS_BYTES_MAX;
    let (mut seen, mut old) = (Vec::with_capacity(effects.len()), Vec::new());
    for effect in effects {
        let SeenEffect {
            resource,
            after,
            before,
            notice,
        } = effect;
        let kind = match (&notice, &after) {
            (Some(_), _) => Kind::Notice,
            (None, Some(_)) => Kind::Put,
            (None, None) => Kind::Removed,
        };
        seen.push(pb::change::Effect {
            resource,
            kind: kind.into(),
            new_record: after.map(|seen| {
                let record = record(&seen, state);
                room = room.saturating_sub(record.encoded_len());
                record
            }),
            old_record: None,
            notice: notice.map(|notice| pb::change::Notice {
                aspect: notice.aspect.as_str().to_owned(),
                old_value: notice.from,
                new_value: notice.to,
            }),
        });
        old.push(before.filter(|_| with_before));
    }
    for (effect, before) in seen.iter_mut().zip(old) {
        effect.old_record = fitting(before.map(|seen| record(&seen, state)), &mut room);
    }
    pb::Change {
        name: format!("changes/{revision}"),
        revision: revision.get(),
        record_time: Some(write_timestamp(*record_time)),
        method: method.to_string(),
        agency: write_optional_name(agency.as_ref()),
        principal: who(principal.as_str()),
        actor: who(actor.as_deref().unwrap_or_default()),
        request_id: request_id
            .map(|request| who(&request.id.to_string()))
            .unwrap_or_default(),
        reason: who(reason),
        effects: seen,
    }
}
