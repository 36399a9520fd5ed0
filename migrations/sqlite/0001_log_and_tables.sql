-- The registry's first schema. PostgreSQL has the same tables with the same meaning.
-- Times are microseconds since 1970-01-01T00:00:00Z, dates are ISO 8601 text (2025-09-23),
-- resources go by their full names (platforms/ndp-001), enums by the words of the API.

-- The head of the log: which log this is, its newest revision and that revision's time. Every
-- writer locks this one row first. `format` is the format of what is stored; a release that does
-- not know it must not touch the database.
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    log_id TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    record_time INTEGER NOT NULL,
    format INTEGER NOT NULL
) STRICT;

-- The log: one row for each accepted command, numbered without gaps, never changed. Who acted
-- (`actor` is the person named by a system), for which agency, by which method and request, why.
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
    CHECK ((request_id IS NULL) = (request_digest IS NULL))
) STRICT;
-- A request id is used once by a principal; this also finds the change that answered it.
CREATE UNIQUE INDEX changes_request ON changes (principal, request_id)
    WHERE request_id IS NOT NULL;
-- What the registry knew at a time.
CREATE INDEX changes_record_time ON changes (record_time);

-- What each change did: the whole image of each resource after it (put), its removal (remove) or
-- a notice. `image` is JSON in the bytes first written, `format` its format; `digest` is
-- SHA-256 over salt and image, so that an image can be blanked by law and the log still verifies.
CREATE TABLE effects (
    revision INTEGER NOT NULL REFERENCES changes (revision),
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

-- From here on the current state, one row a record: what the newest change left of it. Each row
-- carries the revision that wrote it and the whole record as JSON (`image`); the columns before
-- them are for reading. Foreign keys are checked at commit: the records of one change may name
-- each other.

-- Agencies (cơ quan).
CREATE TABLE agencies (
    name TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    display_name_en TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'UNSPECIFIED', 'MINISTRY', 'MINISTERIAL_AGENCY', 'GOVERNMENT_AGENCY', 'PARTY_BODY',
        'NATIONAL_ASSEMBLY_BODY', 'PRESIDENCY_BODY', 'JUDICIAL_BODY', 'STATE_AUDIT',
        'FATHERLAND_FRONT', 'PROVINCIAL_PEOPLES_COMMITTEE', 'OTHER')),
    identification_code TEXT NOT NULL,
    identification_code_confirmed INTEGER NOT NULL CHECK (identification_code_confirmed IN (0, 1)),
    parent_agency TEXT REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;

-- Editions of the catalogue (danh mục), one for each decision.
CREATE TABLE editions (
    name TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    decision_symbol TEXT NOT NULL,
    decision_issue_date TEXT,
    declared_platform_count INTEGER NOT NULL,
    previous_edition TEXT REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    repealed_by TEXT REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    in_force_start_date TEXT,
    in_force_end_date TEXT,
    opening INTEGER NOT NULL CHECK (opening IN (0, 1)),
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;

-- Platforms (nền tảng số). `operation_stage` is the furthest stage reached.
CREATE TABLE platforms (
    name TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    display_name_en TEXT NOT NULL,
    governing_agency TEXT REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    operating_unit TEXT NOT NULL,
    classification TEXT NOT NULL CHECK (classification IN (
        'UNSPECIFIED', 'NATIONAL', 'SECTOR', 'FIELD', 'REGION')),
    operation_stage TEXT CHECK (operation_stage IN ('DEVELOPMENT', 'PILOT', 'OPERATION')),
    security_level INTEGER CHECK (security_level BETWEEN 1 AND 5),
    record_status TEXT NOT NULL CHECK (record_status IN (
        'UNSPECIFIED', 'VERIFIED', 'FROM_PRESS', 'THIRD_PARTY_COPY', 'TRANSLATED_NAME_ONLY',
        'PENDING_ANNEX')),
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'RETIRED', 'MERGED')),
    exit_outcome TEXT CHECK (exit_outcome IN (
        'REPLACED', 'INTEGRATED', 'DISCONTINUED', 'DELISTED', 'DUPLICATE')),
    exit_date TEXT,
    successor TEXT REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL,
    CHECK ((state = 'ACTIVE') = (exit_outcome IS NULL))
) STRICT;

-- The place of each platform in each edition that lists it.
CREATE TABLE listings (
    platform TEXT NOT NULL REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    edition TEXT NOT NULL REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    list_number TEXT NOT NULL,
    group_code TEXT NOT NULL,
    display_name TEXT NOT NULL,
    membership TEXT NOT NULL CHECK (membership IN (
        'UNSPECIFIED', 'STATED', 'REPORTED', 'INFERRED')),
    PRIMARY KEY (platform, edition)
) STRICT;
CREATE INDEX listings_edition ON listings (edition);

-- Plans (kế hoạch triển khai). Dates are the first and last day of the periods planned.
CREATE TABLE plans (
    name TEXT NOT NULL PRIMARY KEY,
    platform TEXT NOT NULL REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    display_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'DRAFT', 'SUBMITTED', 'RETURNED', 'WITHDRAWN', 'ISSUED', 'COMPLETED', 'SUPERSEDED',
        'REVOKED', 'ANNULLED')),
    visibility TEXT NOT NULL CHECK (visibility IN ('PUBLIC', 'RESTRICTED')),
    planned_start_date TEXT,
    planned_end_date TEXT,
    budget_currency TEXT,
    budget_units INTEGER,
    budget_nanos INTEGER,
    issuing_symbol TEXT,
    issue_date TEXT,
    superseded_by TEXT REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;
CREATE INDEX plans_platform ON plans (platform);

-- Proposals (đề xuất): what needs a second person.
CREATE TABLE proposals (
    name TEXT NOT NULL PRIMARY KEY,
    platform TEXT NOT NULL REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'APPROVED', 'REJECTED')),
    action TEXT NOT NULL CHECK (action IN ('RETIREMENT')),
    requested_by TEXT NOT NULL,
    requested_time INTEGER NOT NULL,
    decided_by TEXT,
    decided_time INTEGER,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL,
    CHECK ((state = 'PENDING') = (decided_time IS NULL))
) STRICT;
CREATE INDEX proposals_platform ON proposals (platform);

-- Figures (số liệu công bố): counts as officials published them.
CREATE TABLE figures (
    name TEXT NOT NULL PRIMARY KEY,
    figure_date TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN (
        'PLATFORMS_LISTED', 'PLANS_ISSUED', 'PLATFORMS_OPERATING', 'TASKS')),
    edition TEXT REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    value INTEGER NOT NULL,
    total INTEGER,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;

-- Principals (chủ thể): who may call. `roles` are words with a space between them.
CREATE TABLE principals (
    name TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('UNSPECIFIED', 'PERSON', 'SYSTEM')),
    agency TEXT REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    roles TEXT NOT NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;

-- API keys of principals; their hashes are in `key_hashes`.
CREATE TABLE api_keys (
    name TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL REFERENCES principals (name) DEFERRABLE INITIALLY DEFERRED,
    display_name TEXT NOT NULL,
    expire_time INTEGER,
    revoke_time INTEGER,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;
CREATE INDEX api_keys_principal ON api_keys (principal);

-- SHA-256 of each API key's secret. Outside the log, so that whoever reads or copies the log
-- learns nothing of keys.
CREATE TABLE key_hashes (
    api_key TEXT NOT NULL PRIMARY KEY REFERENCES api_keys (name) DEFERRABLE INITIALLY DEFERRED,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Keys that all processes of this registry share, as the one that authenticates page tokens.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
