-- The registry's first schema. SQLite has the same tables with the same meaning; text
-- is ordered by its bytes (COLLATE "C"), as there.
-- Times are microseconds since 1970-01-01T00:00:00Z, dates are ISO 8601 text (2025-09-23),
-- resources go by their full names (platforms/ndp-001), enums by the words of the API.

-- The head of the log: which log this is, its newest revision and that revision's time. Every
-- writer locks this one row first. `format` is the format of what is stored; a release that does
-- not know it must not touch the database.
CREATE TABLE log_head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    log_id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL CHECK (revision >= 0),
    record_time BIGINT NOT NULL,
    format BIGINT NOT NULL
);

-- The log: one row for each accepted command, numbered without gaps, never changed. Who acted
-- (`actor` is the person named by a system), for which agency, by which method and request, why.
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
    CHECK ((request_id IS NULL) = (request_digest IS NULL))
);
-- A request id is used once by a principal; this also finds the change that answered it.
CREATE UNIQUE INDEX changes_request ON changes (principal, request_id)
    WHERE request_id IS NOT NULL;
-- What the registry knew at a time.
CREATE INDEX changes_record_time ON changes (record_time);

-- What each change did: the whole image of each resource after it (put), its removal (remove) or
-- a notice. `image` is JSON in the bytes first written, `format` its format; `digest` is
-- SHA-256 over salt and image, so that an image can be blanked by law and the log still verifies.
CREATE TABLE effects (
    revision BIGINT NOT NULL REFERENCES changes (revision),
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

-- From here on the current state, one row a record: what the newest change left of it. Each row
-- carries the revision that wrote it and the whole record as JSON (`image`); the columns before
-- them are for reading. Foreign keys are checked at commit: the records of one change may name
-- each other.

-- Agencies (cơ quan).
CREATE TABLE agencies (
    name TEXT COLLATE "C" PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    display_name_en TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN (
        'UNSPECIFIED', 'MINISTRY', 'MINISTERIAL_AGENCY', 'GOVERNMENT_AGENCY', 'PARTY_BODY',
        'NATIONAL_ASSEMBLY_BODY', 'PRESIDENCY_BODY', 'JUDICIAL_BODY', 'STATE_AUDIT',
        'FATHERLAND_FRONT', 'PROVINCIAL_PEOPLES_COMMITTEE', 'OTHER')),
    identification_code TEXT COLLATE "C" NOT NULL,
    identification_code_confirmed BOOLEAN NOT NULL,
    parent_agency TEXT COLLATE "C" REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);

-- Editions of the catalogue (danh mục), one for each decision.
CREATE TABLE editions (
    name TEXT COLLATE "C" PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    decision_symbol TEXT COLLATE "C" NOT NULL,
    decision_issue_date TEXT COLLATE "C",
    declared_platform_count BIGINT NOT NULL,
    previous_edition TEXT COLLATE "C" REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    repealed_by TEXT COLLATE "C" REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    in_force_start_date TEXT COLLATE "C",
    in_force_end_date TEXT COLLATE "C",
    opening BOOLEAN NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);

-- Platforms (nền tảng số). `operation_stage` is the furthest stage reached.
CREATE TABLE platforms (
    name TEXT COLLATE "C" PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    display_name_en TEXT COLLATE "C" NOT NULL,
    governing_agency TEXT COLLATE "C" REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    operating_unit TEXT COLLATE "C" NOT NULL,
    classification TEXT COLLATE "C" NOT NULL CHECK (classification IN (
        'UNSPECIFIED', 'NATIONAL', 'SECTOR', 'FIELD', 'REGION')),
    operation_stage TEXT COLLATE "C" CHECK (operation_stage IN (
        'DEVELOPMENT', 'PILOT', 'OPERATION')),
    security_level BIGINT CHECK (security_level BETWEEN 1 AND 5),
    record_status TEXT COLLATE "C" NOT NULL CHECK (record_status IN (
        'UNSPECIFIED', 'VERIFIED', 'FROM_PRESS', 'THIRD_PARTY_COPY', 'TRANSLATED_NAME_ONLY',
        'PENDING_ANNEX')),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('ACTIVE', 'RETIRED', 'MERGED')),
    exit_outcome TEXT COLLATE "C" CHECK (exit_outcome IN (
        'REPLACED', 'INTEGRATED', 'DISCONTINUED', 'DELISTED', 'DUPLICATE')),
    exit_date TEXT COLLATE "C",
    successor TEXT COLLATE "C" REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL,
    CHECK ((state = 'ACTIVE') = (exit_outcome IS NULL))
);

-- The place of each platform in each edition that lists it.
CREATE TABLE listings (
    platform TEXT COLLATE "C" NOT NULL REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    edition TEXT COLLATE "C" NOT NULL REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    list_number TEXT COLLATE "C" NOT NULL,
    group_code TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    membership TEXT COLLATE "C" NOT NULL CHECK (membership IN (
        'UNSPECIFIED', 'STATED', 'REPORTED', 'INFERRED')),
    PRIMARY KEY (platform, edition)
);
CREATE INDEX listings_edition ON listings (edition);

-- Plans (kế hoạch triển khai). Dates are the first and last day of the periods planned.
CREATE TABLE plans (
    name TEXT COLLATE "C" PRIMARY KEY,
    platform TEXT COLLATE "C" NOT NULL REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT COLLATE "C" NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    display_name TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN (
        'DRAFT', 'SUBMITTED', 'RETURNED', 'WITHDRAWN', 'ISSUED', 'COMPLETED', 'SUPERSEDED',
        'REVOKED', 'ANNULLED')),
    visibility TEXT COLLATE "C" NOT NULL CHECK (visibility IN ('PUBLIC', 'RESTRICTED')),
    planned_start_date TEXT COLLATE "C",
    planned_end_date TEXT COLLATE "C",
    budget_currency TEXT COLLATE "C",
    budget_units BIGINT,
    budget_nanos BIGINT,
    issuing_symbol TEXT COLLATE "C",
    issue_date TEXT COLLATE "C",
    superseded_by TEXT COLLATE "C" REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);
CREATE INDEX plans_platform ON plans (platform);

-- Proposals (đề xuất): what needs a second person.
CREATE TABLE proposals (
    name TEXT COLLATE "C" PRIMARY KEY,
    platform TEXT COLLATE "C" NOT NULL REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT COLLATE "C" REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('PENDING', 'APPROVED', 'REJECTED')),
    action TEXT COLLATE "C" NOT NULL CHECK (action IN ('RETIREMENT')),
    requested_by TEXT COLLATE "C" NOT NULL,
    requested_time BIGINT NOT NULL,
    decided_by TEXT COLLATE "C",
    decided_time BIGINT,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL,
    CHECK ((state = 'PENDING') = (decided_time IS NULL))
);
CREATE INDEX proposals_platform ON proposals (platform);

-- Figures (số liệu công bố): counts as officials published them.
CREATE TABLE figures (
    name TEXT COLLATE "C" PRIMARY KEY,
    figure_date TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL CHECK (subject IN (
        'PLATFORMS_LISTED', 'PLANS_ISSUED', 'PLATFORMS_OPERATING', 'TASKS')),
    edition TEXT COLLATE "C" REFERENCES editions (name) DEFERRABLE INITIALLY DEFERRED,
    value BIGINT NOT NULL,
    total BIGINT,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);

-- Principals (chủ thể): who may call. `roles` are words with a space between them.
CREATE TABLE principals (
    name TEXT COLLATE "C" PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('UNSPECIFIED', 'PERSON', 'SYSTEM')),
    agency TEXT COLLATE "C" REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    roles TEXT COLLATE "C" NOT NULL,
    disabled BOOLEAN NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);

-- API keys of principals; their hashes are in `key_hashes`.
CREATE TABLE api_keys (
    name TEXT COLLATE "C" PRIMARY KEY,
    principal TEXT COLLATE "C" NOT NULL REFERENCES principals (name) DEFERRABLE INITIALLY DEFERRED,
    display_name TEXT COLLATE "C" NOT NULL,
    expire_time BIGINT,
    revoke_time BIGINT,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);
CREATE INDEX api_keys_principal ON api_keys (principal);

-- SHA-256 of each API key's secret. Outside the log, so that whoever reads or copies the log
-- learns nothing of keys.
CREATE TABLE key_hashes (
    api_key TEXT COLLATE "C" PRIMARY KEY REFERENCES api_keys (name) DEFERRABLE INITIALLY DEFERRED,
    hash BYTEA NOT NULL CHECK (length(hash) = 32)
);

-- Keys that all processes of this registry share, as the one that authenticates page tokens.
CREATE TABLE secrets (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);
