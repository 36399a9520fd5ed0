//! Between protobuf and the domain: what a request may look like, what its masks mean, both
//! directions of every message, and errors as gRPC statuses.
//!
//! Reading a client's message never fails half way: what is wrong is collected with its path,
//! and whatever was read beside a violation is not to be used. Every field of both sides is
//! named, so that a new one breaks the build until someone decides what it means here.

pub mod agencies;
pub mod assessments;
pub mod baselines;
pub mod changes;
pub mod documents;
pub mod editions;
pub mod encoded;
pub mod figures;
pub mod mask;
pub mod milestones;
pub mod monitoring;
pub mod nested;
pub mod plans;
pub mod platforms;
pub mod principals;
pub mod proposals;
pub mod reports;
pub mod requests;
pub mod status;
pub mod validate;
pub mod values;
mod words;

/// What `build.rs` made of the field rules and field behaviours of our protos.
#[expect(
    clippy::clone_on_copy,
    reason = "prost makes a message without fields Copy"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/ndp.registry.v1.rules.rs"));
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
#[expect(clippy::use_self, reason = "prost names a message within itself")]
pub mod fixture;
