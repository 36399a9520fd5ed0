//! Size limits of stored records and changes, so that all stored data can be read, listed and
//! watched within bounded memory.

/// Maximum bytes of one record: the content of one request, and what its longest lists repeat from
/// other records.
pub(crate) const RECORD_BYTES_MAX: usize = 1536 * 1024;

/// Maximum bytes of all records of one change: two of the largest, so that every change fits a
/// message with all the records that it writes. No command rewrites records because of their
/// number.
pub(crate) const CHANGE_BYTES_MAX: usize = 2 * RECORD_BYTES_MAX;

/// Maximum bytes of a message that clients receive by default. What a change has besides its
/// records, and what the wire adds to them, has the rest of it.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
