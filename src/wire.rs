//! Conversion between protobuf and the domain: the field rules of requests, the meaning of their
//! masks, every message in both directions, and errors as gRPC statuses.
//!
//! Reading a client's message collects all violations with their paths and does not stop at the
//! first. If there is any violation, the values that were read must not be used. Every field of
//! both sides is named, so that a new field breaks the build until its conversion is defined here.

pub mod agencies;
pub mod assessments;
pub mod baselines;
pub mod changes;
pub mod data_flows;
pub mod deployments;
pub mod descriptors;
pub mod documents;
pub mod dynamic;
pub mod editions;
pub mod encoded;
pub mod figures;
pub mod files;
pub mod glossary;
pub mod indicators;
pub mod mask;
pub mod methods;
pub mod milestones;
pub mod monitoring;
pub mod nested;
pub mod observations;
pub mod plans;
pub mod platforms;
pub mod principals;
mod printed;
pub mod programmes;
pub mod proposals;
pub mod recommendations;
pub mod reminders;
pub mod report_page;
pub mod reports;
pub mod requests;
pub mod scoreboard;
pub mod sign_in_page;
pub mod status;
pub mod tasks;
mod transcriptions;
mod undoings;
pub mod validate;
pub mod values;
pub mod weekly;
mod words;

/// The field rules that `build.rs` generates from our protos.
mod generated {
    include!(concat!(env!("OUT_DIR"), "/ndp.registry.v1.rules.rs"));
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
#[expect(clippy::use_self, reason = "prost names a message within itself")]
pub mod fixture;
#[cfg(test)]
mod written;
