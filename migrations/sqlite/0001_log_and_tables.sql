-- The registry's first schema. PostgreSQL has the same tables with the same meaning.
-- Times are microseconds since 1970-01-01T00:00:00Z, dates are ISO 8601 text (2025-09-23),
-- resources go by their full names (platforms/ndp-001), enums by the words of the API.

-- Marks the file as a registry's: `NDPR` in ASCII.
PRAGMA application_id = 1313099858;

-- The head of the log: which log this is, its newest revision, that one's time and digest. Every
-- writer locks this one row first. `format` is the format of what is stored; a release that does
-- not know it must not touch the database.
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log_id TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    record_time INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    format INTEGER NOT NULL
) STRICT;

-- The log: one row for each accepted command, numbered without gaps, never changed. Who acted
-- (`actor` is the person named by a system), for which agency, by which method and request, why.
-- `leaf_hash` is over `header_digest` and the digests of the effects; `digest` chains it to the
-- change before, so that two logs differ from the first change in which they differ.
CREATE TABLE changes (
    revision INTEGER PRIMARY KEY CHECK (revision > 0),
    record_time INTEGER NOT NULL,
    principal TEXT NOT NULL,
    actor TEXT,
    agency TEXT,
    method TEXT NOT NULL,
    request_id TEXT,
    request_digest BLOB CHECK (length(request_digest) = 32),
    reason TEXT NOT NULL,
    salt BLOB,
    header_digest BLOB NOT NULL CHECK (length(header_digest) = 32),
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    CHECK ((request_id IS NULL) = (request_digest IS NULL))
) STRICT;
-- A request id is used once by a principal; this also finds the change that answered it.
CREATE UNIQUE INDEX changes_request ON changes (principal, request_id)
    WHERE request_id IS NOT NULL;
-- What the registry knew at a time.
CREATE INDEX changes_record_time ON changes (record_time);

-- What each change did: the whole image of each resource after it (put), its removal (remove) or
-- a notice. `image` is JSON in the bytes first written, `format` its format; `digest` is
-- over kind, resource, format and a digest of salt and image, so that an image can be blanked by
-- law and the log still verifies.
CREATE TABLE effects (
    revision INTEGER NOT NULL REFERENCES changes (revision) DEFERRABLE INITIALLY DEFERRED,
    ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
    kind TEXT NOT NULL CHECK (kind IN ('put', 'remove', 'notice')),
    resource TEXT NOT NULL,
    format INTEGER NOT NULL,
    image TEXT,
    salt BLOB,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (revision, ordinal)
) STRICT;
-- The history of one resource.
CREATE INDEX effects_resource ON effects (resource, revision);

-- The newest image of each resource. `kind` is the plural of its type, as `api_keys`; `format` is
-- the format of the image, which may be older than the newest one.
CREATE TABLE records (
    name TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;

-- SHA-256 of each API key's secret. Outside the log, so that a reader or a copy of the log
-- has nothing of keys.
CREATE TABLE key_hashes (
    api_key TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Keys that all processes of this registry share, as the one that authenticates page tokens.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
