//! Agencies, editions, platforms and what belongs to a platform: deployments and data flows.

pub(crate) mod data_flows;
pub(crate) mod deployments;
mod editions;
mod names;
mod records;
