-- Files that records cite (minh chứng, văn bản), by their SHA-256 in 64 lower-case hexadecimal
-- digits. The log has no bytes of files: what a record cites is in its image, whether the file is
-- here or not.

-- What is known of each file. `media_type` is read from its content. `place` is `database` where
-- its bytes are in `file_parts`, and `outside` where they are in the place that --files names.
-- `scanned` is 1 where the scanner of files found nothing in it.
CREATE TABLE files (
    sha256 TEXT NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
    place TEXT NOT NULL CHECK (place IN ('database', 'outside')),
    scanned INTEGER NOT NULL CHECK (scanned IN (0, 1)),
    create_time INTEGER NOT NULL
) STRICT;

-- The bytes of a file, in parts of one length; the last may be shorter.
CREATE TABLE file_parts (
    sha256 TEXT NOT NULL REFERENCES files (sha256),
    ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
    bytes BLOB NOT NULL,
    PRIMARY KEY (sha256, ordinal)
) STRICT;

-- Who uploaded a file, and when last. `actor` is the person named by a system.
CREATE TABLE file_uploads (
    sha256 TEXT NOT NULL REFERENCES files (sha256),
    principal TEXT NOT NULL,
    actor TEXT,
    size_bytes INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    PRIMARY KEY (sha256, principal)
) STRICT;
-- What one principal uploaded in a day.
CREATE INDEX file_uploads_principal ON file_uploads (principal, create_time);
