//! Records as files: the columns of each kind, files of rows that become requests, and records that
//! become files.
//!
//! Everything here follows from the descriptors of the contract, so that a new kind of record and a
//! new field need no code here. What a row does is decided by the method that writes its kind.

pub mod annex;
mod archive;
pub mod columns;
pub mod headers;
pub mod keys;
pub mod kinds;
pub mod oc4ids;
pub mod record;
pub mod references;
pub mod rows;
mod sheet;
pub mod sheets;
pub mod values;
pub mod workbook;
pub mod written;

/// Most rows of one import.
pub const ROWS_MAX: usize = 100_000;

/// Most rows of an import that is written in one transaction.
pub const ATOMIC_ROWS_MAX: usize = 5_000;

/// Most bytes of such rows. A workbook may repeat a long text in many cells at little cost.
pub const ATOMIC_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Rows of a group of an import that is not.
pub const GROUP_ROWS: usize = 500;

/// Bytes of rows after which a group has no more of them.
pub const GROUP_BYTES: usize = 16 * 1024 * 1024;

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
            let mut record = record::Record::new(kind, None);
            let problems = row.fill(&mut record);
            if problems.is_empty() {
                drop(record.differences());
            }
        }
        true
    };
    drop(sheets::read(file, sheets::About::Kind(Some(kind)), read));
}

/// For a fuzzer: a workbook of one sheet with these rows, as XML.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz_workbook(rows: &[u8]) -> Vec<u8> {
    use std::io::{Cursor, Write as _};

    use zip::write::{SimpleFileOptions, ZipWriter};

    const TYPES: &str = "http://schemas.openxmlformats.org/package/2006/content-types";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let types = format!("<Types xmlns=\"{TYPES}\"/>");
    let root = format!(
        "<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"r1\" \
         Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>\
         <sheet name=\"tasks\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let relations = format!(
        "<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"r1\" \
         Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
    );
    let start = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>");
    let sheet = [start.as_bytes(), rows, b"</sheetData></worksheet>"].concat();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, part) in [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", &sheet),
    ] {
        // writing into memory does not fail
        drop(archive.start_file(name, SimpleFileOptions::default()));
        drop(archive.write_all(part));
    }
    archive.finish().map(Cursor::into_inner).unwrap_or_default()
}
