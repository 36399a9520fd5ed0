-- The registry's first schema. SQLite has the same tables with the same meaning; text
-- is ordered by its bytes (COLLATE "C"), as there.
-- Times are microseconds since 1970-01-01T00:00:00Z, dates are ISO 8601 text (2025-09-23),
-- resources go by their full names (platforms/ndp-001), enums by the words of the API.

-- The head of the log: which log this is, its newest revision, that one's time and digest. Every
-- writer locks this one row first. `format` is the format of what is stored; a release that does
-- not know it must not touch the database.
CREATE TABLE log_head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    log_id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 0),
    record_time BIGINT NOT NULL,
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    format BIGINT NOT NULL
);

-- The log: one row for each accepted command, numbered without gaps, never changed. Who acted
-- (`actor` is the person named by a system), for which agency, by which method and request, why.
-- `leaf_hash` is over `header_digest` and the digests of the effects; `digest` chains it to the
-- change before, so that two logs differ from the first change in which they differ.
CREATE TABLE changes (
    revision BIGINT PRIMARY KEY CHECK (revision > 0),
    record_time BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C",
    agency TEXT COLLATE "C",
    method TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C",
    request_digest BYTEA CHECK (length(request_digest) = 32),
    reason TEXT COLLATE "C" NOT NULL,
    salt BYTEA,
    header_digest BYTEA NOT NULL CHECK (length(header_digest) = 32),
    leaf_hash BYTEA NOT NULL CHECK (length(leaf_hash) = 32),
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    CHECK ((request_id IS NULL) = (request_digest IS NULL))
);
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
    revision BIGINT NOT NULL REFERENCES changes (revision) DEFERRABLE INITIALLY DEFERRED,
    ordinal BIGINT NOT NULL CHECK (ordinal >= 0),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('put', 'remove', 'notice')),
    resource TEXT COLLATE "C" NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C",
    salt BYTEA,
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (revision, ordinal)
);
-- The history of one resource.
CREATE INDEX effects_resource ON effects (resource, revision);

-- The newest image of each resource. `kind` is the plural of its type, as `api_keys`; `format` is
-- the format of the image, which may be older than the newest one.
CREATE TABLE records (
    name TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);

-- SHA-256 of each API key's secret. Outside the log, so that a reader or a copy of the log
-- has nothing of keys.
CREATE TABLE key_hashes (
    api_key TEXT COLLATE "C" PRIMARY KEY,
    hash BYTEA NOT NULL CHECK (length(hash) = 32)
);

-- Keys that all processes of this registry share, as the one that authenticates page tokens.
CREATE TABLE secrets (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);
