//! How large records and changes may be as they are stored, so that whatever is stored can be read,
//! listed and watched within bounded memory.

use std::io;

use serde::Serialize;

/// Most bytes of one record: what one request may say, and what the longest lists of it repeat of
/// other records.
pub const RECORD_BYTES_MAX: usize = 1536 * 1024;

/// Most bytes of all records of one change. A response carries fewer: a change that touches
/// hundreds of records is sent with as many of them as fit.
pub const CHANGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The bytes of a record as it is stored.
pub fn stored_bytes(record: &impl Serialize) -> usize {
    let mut count = Count(0);
    // nothing that is written here fails: the count is the size of what could be written
    drop(serde_json::to_writer(&mut count, record));
    count.0
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
