//! Reading the whole log from its first change, and verifying what can be verified without
//! knowing what it means: numbering, times, digests, images that can be read.

use super::{
    Finding, Verified,
    engine::Tx,
    errors::Failure,
    images,
    log::{self, ChangeRow, EffectRow},
};
use crate::domain::{change::Change, error::Error, names::Revision};

/// Changes read at a time.
const BATCH: usize = 200;
/// A log that was damaged throughout is as well described by its first findings.
const FINDINGS_MAX: usize = 1_000;

/// Folds the log as one snapshot has it.
pub(super) async fn fold(
    snapshot: &mut Tx<'_>,
    mut visit: impl FnMut(Change) -> Result<(), Error>,
) -> Result<Verified, Failure> {
    let head = log::head(snapshot.link()).await?;
    let mut verified = Verified::default();
    let mut after = Revision::ZERO;
    let mut previous_time = i64::MIN;
    while after < head.revision {
        let rows = log::rows_after(snapshot.link(), after, BATCH).await?;
        if rows.is_empty() {
            break;
        }
        for (change, effects) in rows {
            verified.check(after, previous_time, &change, &effects);
            verified.changes += 1;
            verified.effects += effects.len() as u64;
            previous_time = change.record_time;
            let revision = log::read_revision("changes", change.revision)?;
            match log::decode(change, effects) {
                Ok(change) => visit(change)?,
                Err(error) => verified.find(revision, None, describe(&error)),
            }
            after = revision;
        }
    }
    if after != head.revision {
        let problem = format!("the log ends here, its head says {}", head.revision);
        verified.find(after, None, problem);
    } else if after > Revision::ZERO && previous_time != head.record_time.as_micros() {
        verified.find(after, None, "its time is not that of the head".into());
    }
    Ok(verified)
}

impl Verified {
    fn check(
        &mut self,
        after: Revision,
        previous_time: i64,
        change: &ChangeRow,
        effects: &[EffectRow],
    ) {
        let Ok(revision) = log::read_revision("changes", change.revision) else {
            return;
        };
        if revision != after.next() {
            self.find(revision, None, format!("follows revision {after}"));
        }
        if change.record_time < previous_time {
            self.find(revision, None, "is older than the change before it".into());
        }
        for (expected, effect) in (0_i64..).zip(effects) {
            let resource = || Some(effect.resource.clone());
            if effect.ordinal != expected {
                self.find(
                    revision,
                    resource(),
                    format!("effect {expected} is missing"),
                );
            }
            // an image blanked by law keeps its digest, and has nothing left to compare
            let Some(salt) = &effect.salt else { continue };
            if images::digest(salt, effect.image.as_deref()) != *effect.digest {
                let problem = "the image is not the one its digest was made of";
                self.find(revision, resource(), problem.into());
            }
        }
    }

    fn find(&mut self, revision: Revision, resource: Option<String>, problem: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding {
                revision,
                resource,
                problem,
            });
        }
    }
}

fn describe(error: &Error) -> String {
    match error {
        Error::Bug(text) => text.to_string(),
        other => other.to_string(),
    }
}
