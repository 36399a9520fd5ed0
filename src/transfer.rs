//! Records as files: the columns of each kind, files of rows that become requests, and records that
//! become files.
//!
//! Everything here follows from the descriptors of the contract, so that a new kind of record and a
//! new field need no code here. What a row does is decided by the method that writes its kind.

pub mod annex;
pub mod columns;
pub mod kinds;
pub mod oc4ids;
pub mod rows;
pub mod sheets;
pub mod values;
pub mod workbook;
pub mod written;

/// Most rows of one import.
pub const ROWS_MAX: usize = 100_000;

/// Most rows of an import that is written in one transaction.
pub const ATOMIC_ROWS_MAX: usize = 5_000;

/// Rows of a group of an import that is not.
pub const GROUP_ROWS: usize = 500;

/// Most records of an export.
pub const RECORDS_MAX: usize = 100_000;

/// Most records of an export as a workbook, which is made in memory.
pub const WORKBOOK_RECORDS_MAX: usize = 20_000;

/// Most columns of a file.
pub const COLUMNS_MAX: usize = 2_000;

/// Most bytes of one row.
pub const ROW_BYTES_MAX: usize = 512 * 1024;

/// For a fuzzer: what is done with the bytes of a file before any row is decided.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz_import(kind: &str, bytes: &[u8]) {
    use std::io::{Seek as _, Write as _};

    let Some(kind) = kinds::find(kind) else {
        return;
    };
    let Ok(mut file) = tempfile::tempfile() else {
        return;
    };
    if file.write_all(bytes).is_err() || file.rewind().is_err() {
        return;
    }
    let read = |item| {
        if let sheets::Item::Row(row) = item {
            let mut record = rows::Record::new(kind, None);
            let problems = row.fill(&mut record);
            if problems.is_empty() {
                drop(record.differences());
            }
        }
        true
    };
    drop(sheets::read(file, sheets::About::Kind(Some(kind)), read));
}
