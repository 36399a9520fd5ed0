-- What plans are held to: milestones, baselines, reports and assessments; and proposals to
-- rebaseline. PostgreSQL has the same tables with the same meaning. `public` says whether
-- everyone sees the record, as it does all of its plan.

-- Milestones (mốc nhiệm vụ). Late after `due_end_date`; regular without one. Whether it is late
-- depends on the day asked about, so no column says so.
CREATE TABLE milestones (
    name TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    display_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('OPEN', 'COMPLETED', 'DROPPED')),
    due_start_date TEXT,
    due_end_date TEXT,
    weight INTEGER NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    accountable_unit TEXT NOT NULL,
    completion_date TEXT,
    substantiated INTEGER NOT NULL CHECK (substantiated IN (0, 1)),
    drop_date TEXT,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL,
    CHECK ((state = 'COMPLETED') = (completion_date IS NOT NULL)),
    CHECK ((state = 'DROPPED') = (drop_date IS NOT NULL))
) STRICT;
CREATE INDEX milestones_plan ON milestones (plan);

-- Baselines (kế hoạch gốc): numbered per plan from 1, each made once.
CREATE TABLE baselines (
    name TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    number INTEGER NOT NULL CHECK (number > 0),
    effective_date TEXT NOT NULL,
    milestone_count INTEGER NOT NULL,
    budget_currency TEXT,
    budget_units INTEGER,
    budget_nanos INTEGER,
    document_symbol TEXT,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL,
    UNIQUE (plan, number)
) STRICT;

-- Progress reports (báo cáo tiến độ). A report is corrected once, by a report of its own.
CREATE TABLE reports (
    name TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    period_end_date TEXT NOT NULL,
    rating TEXT NOT NULL CHECK (rating IN ('ON_TRACK', 'AT_RISK', 'OFF_TRACK')),
    percent INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    substantiated INTEGER NOT NULL CHECK (substantiated IN (0, 1)),
    corrects TEXT UNIQUE REFERENCES reports (name) DEFERRABLE INITIALLY DEFERRED,
    corrected_by TEXT REFERENCES reports (name) DEFERRABLE INITIALLY DEFERRED,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;
CREATE INDEX reports_plan ON reports (plan);

-- Assessments (đánh giá) by the steward.
CREATE TABLE assessments (
    name TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public INTEGER NOT NULL CHECK (public IN (0, 1)),
    assessment_date TEXT NOT NULL,
    rating TEXT NOT NULL CHECK (rating IN ('ON_TRACK', 'AT_RISK', 'OFF_TRACK')),
    rubric_version TEXT NOT NULL,
    substantiated INTEGER NOT NULL CHECK (substantiated IN (0, 1)),
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    format INTEGER NOT NULL,
    image TEXT NOT NULL
) STRICT;
CREATE INDEX assessments_plan ON assessments (plan);

-- A proposal may be to rebaseline a plan. SQLite changes a check only with its table.
CREATE TABLE proposals_with_rebaseline (
    name TEXT NOT NULL PRIMARY KEY,
    platform TEXT NOT NULL REFERENCES platforms (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'APPROVED', 'REJECTED')),
    action TEXT NOT NULL CHECK (action IN ('RETIREMENT', 'REBASELINE')),
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
INSERT INTO proposals_with_rebaseline (
    name, platform, agency, state, action, requested_by, requested_time, decided_by, decided_time,
    create_time, update_time, revision, format, image)
SELECT
    name, platform, agency, state, action, requested_by, requested_time, decided_by, decided_time,
    create_time, update_time, revision, format, image
FROM proposals;
DROP TABLE proposals;
ALTER TABLE proposals_with_rebaseline RENAME TO proposals;
CREATE INDEX proposals_platform ON proposals (platform);
