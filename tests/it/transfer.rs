//! Files in and out: files that records cite, and records as files.

mod files;
pub(crate) mod interrupted;
mod mistakes;
mod records;
