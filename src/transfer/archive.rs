//! The archive that a workbook is: what it would unpack to is measured before anything of it is
//! read.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom},
};

use ndp_core::{error::Error, messages::Rule};

use super::sheets::{FILE, malformed};

/// Most bytes that a workbook unpacks to.
const UNPACKED_MAX: u64 = 192 * 1024 * 1024;

/// Most bytes of a part of it that is kept in memory, as the texts of all cells are.
const KEPT_MAX: u64 = 64 * 1024 * 1024;

/// Parts of a workbook that are read cell by cell.
const SHEETS: &str = "xl/worksheets/";

/// Most files in a workbook.
const PARTS_MAX: usize = 1_000;

/// Refuses an archive that unpacks to too much, whatever it declares, or declares entities of XML.
pub(super) fn check(file: &mut File) -> Result<(), Error> {
    let too_large = || {
        let most_mib = UNPACKED_MAX / (1024 * 1024);
        Error::invalid(FILE, Rule::WorkbookTooLarge { most_mib })
    };
    let too_many_texts = || {
        let most_mib = KEPT_MAX / (1024 * 1024);
        Error::invalid(FILE, Rule::WorkbookTextsTooLarge { most_mib })
    };
    let archive = zip::ZipArchive::new(BufReader::new(&mut *file));
    let mut archive = archive.map_err(|error| malformed(&error))?;
    if archive.len() > PARTS_MAX {
        return Err(too_large());
    }
    let mut left = UNPACKED_MAX;
    let mut buffer = vec![0; 64 * 1024];
    for index in 0..archive.len() {
        let part = archive.by_index(index);
        let mut part = part.map_err(|error| malformed(&error))?;
        if part.size() > left {
            return Err(too_large());
        }
        let is_kept = part.name().map_or(true, |it| !it.starts_with(SHEETS));
        let mut room = if is_kept { KEPT_MAX } else { UNPACKED_MAX };
        // the end of the piece before, in which a declaration may begin
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let read = part.read(&mut buffer).map_err(|error| malformed(&error))?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(too_large)?;
            room = room.checked_sub(read as u64).ok_or_else(too_many_texts)?;
            tail.extend_from_slice(buffer.get(..read).unwrap_or_default());
            if declares_entities(&tail) {
                return Err(Error::invalid(FILE, Rule::WorkbookUnsafe));
            }
            tail.drain(..tail.len().saturating_sub(DOCTYPE.len() - 1));
        }
    }
    file.seek(SeekFrom::Start(0))
        .map(drop)
        .map_err(|error| malformed(&error))
}

const DOCTYPE: &[u8] = b"<!DOCTYPE";

fn declares_entities(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|it| *it == b'<') {
        rest = rest.get(at..).unwrap_or_default();
        let start = rest.get(..DOCTYPE.len()).unwrap_or_default();
        if start.eq_ignore_ascii_case(DOCTYPE) || start.starts_with(b"<!ENTITY") {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}
