//! Checks that the registry matches its log: folds the log from the first change and compares the
//! result, record by record, with the table of records. Every resource that a record names must
//! exist, because no foreign key enforces that.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::{self, Finding, Store};
use ndp_core::{
    change::{Effect, Image},
    error::Error,
    names::{PrincipalName, Revision},
};

/// Maximum number of findings that are kept.
const FINDINGS_MAX: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The last revision of the log.
    pub revision: Revision,
    /// Changes read.
    pub changes: u64,
    /// Effects read, their digests verified.
    pub effects: u64,
    /// Records compared.
    pub records: usize,
    /// What is wrong; empty when nothing is.
    pub findings: Vec<String>,
}

/// Folds the log and compares, both as of one moment. Takes one pass over the log and one copy of
/// the records in memory.
pub async fn check(store: &Store) -> Result<Report, Error> {
    let mut moment = store.moment().await?;
    let loaded = moment.load().await?;
    let mut folded: BTreeMap<String, Image> = BTreeMap::new();
    let verified = moment
        .fold(|change| {
            for effect in change.effects {
                match effect {
                    Effect::Put(image) => {
                        folded.insert(image.name().to_owned(), image);
                    }
                    Effect::Remove { name } => {
                        folded.remove(&name);
                    }
                    Effect::Notice(_) => {}
                }
            }
            Ok(())
        })
        .await?;
    let mut report = Report {
        revision: loaded.head.revision,
        changes: verified.changes,
        effects: verified.effects,
        records: folded.len(),
        findings: verified.findings.iter().map(describe).collect(),
    };
    let exists: BTreeSet<String> = loaded
        .images
        .iter()
        .map(|it| it.name().to_owned())
        .collect();
    for image in &loaded.images {
        for named in store::names_in(image)? {
            if !exists.contains(&*named) && *named != *PrincipalName::system().as_str() {
                let name = image.name();
                report.find(format!("`{name}` names `{named}`, which does not exist"));
            }
        }
    }
    for image in loaded.images {
        let name = image.name().to_owned();
        match folded.remove(&name) {
            Some(by_log) if by_log == image => {}
            Some(_) => report.find(format!("`{name}` differs between the log and its table")),
            None => report.find(format!("`{name}` is in its table, but not in the log")),
        }
    }
    for name in folded.into_keys() {
        report.find(format!("`{name}` is in the log, but not in its table"));
    }
    Ok(report)
}

fn describe(finding: &Finding) -> String {
    let Finding {
        revision,
        resource,
        problem,
    } = finding;
    match resource {
        Some(resource) => format!("revision {revision}, `{resource}`: {problem}"),
        None => format!("revision {revision}: {problem}"),
    }
}

impl Report {
    fn find(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}
