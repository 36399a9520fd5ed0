//! Size limits of stored records and changes, so that all stored data can be read, listed and
//! watched within bounded memory.

use std::io;

use serde::Serialize;

/// Maximum bytes of one record: the content of one request, and what its longest lists repeat from
/// other records.
pub const RECORD_BYTES_MAX: usize = 1536 * 1024;

/// Maximum bytes of all records of one change. A response has a smaller limit: of a change that
/// touches hundreds of records, it contains as many as fit.
pub const CHANGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The size in bytes of a record in stored form.
pub fn stored_bytes(record: &impl Serialize) -> usize {
    let mut count = Count(0);
    // writing to the counter cannot fail, so the count is complete
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
