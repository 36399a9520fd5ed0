//! Conversion of changes, and of records of any kind, to their wire form.

use prost::Message as _;

use super::{
    documents::document,
    values::{write_optional_name, write_timestamp},
};
use crate::pb::{self, change::effect::Kind, record::Record as Kinds};
use ndp_core::{
    caller::Person,
    change::{Change, Image, Notice, RedactedChange, Redaction},
    kinds,
    names::{AgencyName, Revision},
    records::{Record, sizes::MESSAGE_BYTES_MAX},
    state::{
        State,
        seen::{SeenChange, SeenEffect, Statement},
        visible::SeenRecord,
    },
};

/// A record of one kind as a message.
pub(super) trait ToMessage: Record {
    /// The message of its kind.
    type Message;

    /// The message; `agency` is the one that the record belongs to. What `state` counts of it is
    /// as of then.
    fn to_message(&self, agency: Option<&AgencyName>, state: &State) -> Self::Message;
}

/// A resource of any kind.
pub fn record(seen: &SeenRecord, state: &State) -> pb::Record {
    let agency = seen.agency.as_ref();
    macro_rules! message {
        (
            ()
            $($record:ident $one:ident $many:ident $name:ident $words:tt $(($($parent:tt)*))?;)+
        ) => {
            match &seen.image {
                $(Image::$record(record) => Kinds::$record(record.to_message(agency, state)),)+
            }
        };
    }
    pb::Record {
        record: Some(kinds!(message!())),
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
        effects: _,    // those that are seen
        key_hashes: _, // never shown
        redaction,
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
            statement,
        } = effect;
        let kind = match (&statement, &after) {
            (Some(Statement::Notice(_)), _) => Kind::Notice,
            (Some(Statement::Redaction(_)), _) => Kind::Redacted,
            (None, Some(_)) => Kind::Put,
            (None, None) => Kind::Removed,
        };
        let (notice, redaction) = match statement {
            Some(Statement::Notice(it)) => (Some(notice(it)), None),
            Some(Statement::Redaction(it)) => (None, Some(self::redaction(&it))),
            None => (None, None),
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
            notice,
            redaction,
        });
        old.push(before.filter(|_| with_before));
    }
    for (effect, before) in seen.iter_mut().zip(old) {
        effect.old_record = fitting(before.map(|seen| record(&seen, state)), &mut room);
    }
    pb::Change {
        name: name(*revision),
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
        redacting_change: redaction.map(name).unwrap_or_default(),
    }
}

/// The resource name of a change.
pub fn name(revision: Revision) -> String {
    format!("changes/{revision}")
}

fn notice(notice: Notice) -> pb::change::Notice {
    pb::change::Notice {
        aspect: notice.aspect.as_str().to_owned(),
        old_value: notice.from,
        new_value: notice.to,
    }
}

fn redaction(redaction: &Redaction) -> pb::change::Redaction {
    pb::change::Redaction {
        document: Some(document(&redaction.document)),
        changes: redacted_changes(&redaction.changes),
    }
}

/// The names of redacted changes.
pub fn redacted_changes(changes: &[RedactedChange]) -> Vec<String> {
    changes.iter().map(|it| name(it.revision)).collect()
}
