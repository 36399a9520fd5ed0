//! Files in and out: files that records cite, and records as files.

mod files;
mod records;
