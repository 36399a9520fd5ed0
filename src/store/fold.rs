//! Reads the whole log from its first change and verifies everything that needs no domain rules:
//! numbering, times, digests, and that images can be read.

use super::{
    Finding, Verified,
    engine::Tx,
    errors::Failure,
    log::{self, Appended, ChangeRow, EffectRow},
};
use ndp_core::{
    change::Change,
    error::Error,
    leaf::{self, Digest, GENESIS},
    names::Revision,
};

/// Changes read at a time.
const BATCH: usize = 200;
/// The first findings describe a log that is damaged throughout well enough.
const FINDINGS_MAX: usize = 1_000;

/// Folds the log as of one snapshot.
pub(super) async fn fold(
    snapshot: &mut Tx<'_>,
    mut visit: impl FnMut(Change) -> Result<(), Error>,
) -> Result<Verified, Failure> {
    let head = log::head(snapshot.link()).await?;
    let mut verified = Verified::default();
    let mut after = Revision::ZERO;
    let mut previous_time = i64::MIN;
    let mut chain = GENESIS;
    while after < head.revision {
        let rows = log::rows_after(snapshot.link(), after, BATCH).await?;
        if rows.is_empty() {
            break;
        }
        for (change, effects) in rows {
            let revision = log::read_revision("changes", change.revision)?;
            verified.check(revision, after, previous_time, &change, &effects);
            verified.check_digests(revision, &mut chain, &change, &effects);
            verified.changes += 1;
            verified.effects += effects.len() as u64;
            previous_time = change.record_time;
            let (salt, header) = (change.salt.clone(), change.header_digest.clone());
            match log::decode(change, effects) {
                Ok(Appended { change, .. }) => {
                    let made = salt.map(|salt| leaf::header_digest(&salt, &change));
                    if made.is_some_and(|made| made.as_slice() != &*header) {
                        let problem = "the header is not the one its digest was made of";
                        verified.find(revision, None, problem.into());
                    }
                    visit(change)?;
                }
                Err(error) => verified.find(revision, None, describe(&error)),
            }
            after = revision;
        }
    }
    if after != head.revision {
        let problem = format!("the log ends here, its head says {}", head.revision);
        verified.find(after, None, problem);
    } else {
        if after > Revision::ZERO && previous_time != head.record_time.as_micros() {
            verified.find(after, None, "its time is not that of the head".into());
        }
        if chain != head.digest {
            verified.find(after, None, "its digest is not that of the head".into());
        }
    }
    Ok(verified)
}

impl Verified {
    fn check(
        &mut self,
        revision: Revision,
        after: Revision,
        previous_time: i64,
        change: &ChangeRow,
        effects: &[EffectRow],
    ) {
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
            // an image blanked by law keeps its digest; there is no content left to compare
            let Some(salt) = &effect.salt else { continue };
            let image = leaf::image_digest(salt, effect.image.as_deref());
            let digest = leaf::effect_digest(&effect.kind, &effect.resource, effect.format, &image);
            if digest.as_slice() != &*effect.digest {
                let problem = "the image is not the one its digest was made of";
                self.find(revision, resource(), problem.into());
            }
        }
    }

    /// Checks that the leaf hash covers the digests, and that it is chained to the change before.
    fn check_digests(
        &mut self,
        revision: Revision,
        chain: &mut Digest,
        change: &ChangeRow,
        effects: &[EffectRow],
    ) {
        let digest = |bytes: &[u8]| Digest::try_from(bytes).unwrap_or_default();
        let effects: Vec<_> = effects.iter().map(|it| digest(&it.digest)).collect();
        let leaf = leaf::leaf_hash(&digest(&change.header_digest), &effects);
        if leaf.as_slice() != &*change.leaf_hash {
            let problem = "its leaf hash is not over its digests";
            self.find(revision, None, problem.into());
        }
        *chain = leaf::chained(chain, &digest(&change.leaf_hash));
        if chain.as_slice() != &*change.digest {
            let problem = "its digest is not chained to the change before";
            self.find(revision, None, problem.into());
        }
        *chain = digest(&change.digest);
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
