//! The evidence of a number: the changes that wrote the records that it counts, and the proof that
//! each is in the tree of a checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use super::{Registry, history::log_is_short};
use crate::{admission::who::Who, store::LastWrite};
use ndp_core::{
    error::Error, leaf::Digest, monitoring::counted::Counted, names::Revision,
    query::page::BYTES_MAX,
};

pub use crate::store::Witness;

/// Bytes of a change besides its images and the digests of its effects: its texts and its path.
const CHANGE_BYTES: usize = 8 * 1024;

/// Bytes of a digest in an answer.
const DIGEST_BYTES: usize = 34;

/// The changes behind some of what a number counts.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// How many of the resources it is of: the first of them.
    pub resources: usize,
    /// The changes, oldest first, each with its audit path.
    pub changes: Vec<(Witness, Vec<Digest>)>,
}

impl Registry {
    /// The evidence of the first of these resources, as of a revision, in the tree of a size that
    /// is not below it: of as many as an answer has room for, and at least of one.
    pub async fn evidence(
        &self,
        who: &Who,
        counted: Vec<Counted>,
        at: Revision,
        size: Revision,
    ) -> Result<Evidence, Error> {
        let store = self.store().clone();
        let proving = self.of_tree(who, size, move |tree| async move {
            let names: BTreeSet<&str> = counted
                .iter()
                .flat_map(|it| it.beside.iter().chain([&it.name]))
                .map(String::as_str)
                .collect();
            let names: Vec<_> = names.into_iter().collect();
            let written = store.last_writes(&names, at).await?;
            let (resources, names) = that_fit(&counted, &written)?;
            let witnesses = store.witnesses(&names, at).await?;
            let revisions: Vec<_> = witnesses.iter().map(|it| it.revision).collect();
            let paths = tree.audit_paths(&revisions, size).await?;
            let changes = witnesses.into_iter().zip(paths).collect();
            Ok(Evidence { resources, changes })
        });
        proving.await
    }
}

/// How many of the resources fit into an answer, and the names of their records. Of one that does
/// not fit alone, records that it is counted by are left out.
fn that_fit<'a>(
    counted: &'a [Counted],
    written: &BTreeMap<String, LastWrite>,
) -> Result<(usize, Vec<&'a str>), Error> {
    let (mut names, mut changes) = (BTreeSet::new(), BTreeSet::new());
    let mut bytes = 0;
    for (index, it) in counted.iter().enumerate() {
        let (mut of_names, mut of_changes, mut added) = (Vec::new(), Vec::new(), 0);
        for name in [&it.name].into_iter().chain(&it.beside) {
            let LastWrite {
                revision,
                bytes: image,
                effects,
            } = written.get(name).ok_or_else(log_is_short)?;
            let mut needed = 0;
            if !names.contains(name.as_str()) {
                needed += image + name.len();
            }
            if !changes.contains(revision) && !of_changes.contains(revision) {
                needed += CHANGE_BYTES + effects * DIGEST_BYTES;
            }
            if bytes + added + needed > BYTES_MAX {
                if index > 0 {
                    return Ok((index, names.into_iter().collect()));
                }
                if *name != it.name {
                    continue;
                }
            }
            added += needed;
            of_names.push(name.as_str());
            of_changes.push(*revision);
        }
        bytes += added;
        names.extend(of_names);
        changes.extend(of_changes);
    }
    Ok((counted.len(), names.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, beside: &[&str]) -> Counted {
        Counted {
            name: name.to_owned(),
            beside: beside.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    /// Each record with the bytes of its image, all written by one change.
    fn written(images: &[(&str, usize)]) -> BTreeMap<String, LastWrite> {
        let written = images.iter().map(|(name, bytes)| {
            let written = LastWrite {
                revision: Revision::ZERO.next(),
                bytes: *bytes,
                effects: images.len(),
            };
            ((*name).to_owned(), written)
        });
        written.collect()
    }

    #[test]
    fn what_fits_has_each_record_once() {
        let third = BYTES_MAX / 3;
        let written = written(&[("a", third), ("b", third), ("c", third), ("shared", 1_000)]);
        let counted = ["a", "b", "c"].map(|name| counted(name, &["shared"]));
        let (fitting, names) = that_fit(&counted, &written).unwrap();
        assert_eq!((fitting, names), (2, vec!["a", "b", "shared"]));
    }

    #[test]
    fn of_one_that_does_not_fit_it_alone_is_shown() {
        let written = written(&[("a", BYTES_MAX), ("b", 1_000), ("shared", BYTES_MAX)]);
        let counted = [counted("a", &["shared"]), counted("b", &[])];
        let (fitting, names) = that_fit(&counted, &written).unwrap();
        assert_eq!((fitting, names), (1, vec!["a"]));
    }

    #[test]
    fn a_record_that_the_log_lacks_is_not_passed_over() {
        that_fit(&[counted("a", &[])], &BTreeMap::new()).unwrap_err();
    }
}
