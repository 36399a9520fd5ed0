-- What plans are held to: milestones, baselines, reports and assessments; and proposals to
-- rebaseline. SQLite has the same tables with the same meaning. `public` says whether
-- everyone sees the record, as it does all of its plan.

-- Milestones (mốc nhiệm vụ). Late after `due_end_date`; regular without one. Whether it is late
-- depends on the day asked about, so no column says so.
CREATE TABLE milestones (
    name TEXT COLLATE "C" PRIMARY KEY,
    plan TEXT COLLATE "C" NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT COLLATE "C" NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public BOOLEAN NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('OPEN', 'COMPLETED', 'DROPPED')),
    due_start_date TEXT COLLATE "C",
    due_end_date TEXT COLLATE "C",
    weight BIGINT NOT NULL CHECK (weight BETWEEN 1 AND 1000),
    accountable_unit TEXT COLLATE "C" NOT NULL,
    completion_date TEXT COLLATE "C",
    substantiated BOOLEAN NOT NULL,
    drop_date TEXT COLLATE "C",
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL,
    CHECK ((state = 'COMPLETED') = (completion_date IS NOT NULL)),
    CHECK ((state = 'DROPPED') = (drop_date IS NOT NULL))
);
CREATE INDEX milestones_plan ON milestones (plan);

-- Baselines (kế hoạch gốc): numbered per plan from 1, each made once.
CREATE TABLE baselines (
    name TEXT COLLATE "C" PRIMARY KEY,
    plan TEXT COLLATE "C" NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT COLLATE "C" NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public BOOLEAN NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    effective_date TEXT COLLATE "C" NOT NULL,
    milestone_count BIGINT NOT NULL,
    budget_currency TEXT COLLATE "C",
    budget_units BIGINT,
    budget_nanos BIGINT,
    document_symbol TEXT COLLATE "C",
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL,
    UNIQUE (plan, number)
);

-- Progress reports (báo cáo tiến độ). A report is corrected once, by a report of its own.
CREATE TABLE reports (
    name TEXT COLLATE "C" PRIMARY KEY,
    plan TEXT COLLATE "C" NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT COLLATE "C" NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public BOOLEAN NOT NULL,
    period_end_date TEXT COLLATE "C" NOT NULL,
    rating TEXT COLLATE "C" NOT NULL CHECK (rating IN ('ON_TRACK', 'AT_RISK', 'OFF_TRACK')),
    percent BIGINT NOT NULL CHECK (percent BETWEEN 0 AND 100),
    substantiated BOOLEAN NOT NULL,
    corrects TEXT COLLATE "C" UNIQUE REFERENCES reports (name) DEFERRABLE INITIALLY DEFERRED,
    corrected_by TEXT COLLATE "C" REFERENCES reports (name) DEFERRABLE INITIALLY DEFERRED,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);
CREATE INDEX reports_plan ON reports (plan);

-- Assessments (đánh giá) by the steward.
CREATE TABLE assessments (
    name TEXT COLLATE "C" PRIMARY KEY,
    plan TEXT COLLATE "C" NOT NULL REFERENCES plans (name) DEFERRABLE INITIALLY DEFERRED,
    agency TEXT COLLATE "C" NOT NULL REFERENCES agencies (name) DEFERRABLE INITIALLY DEFERRED,
    public BOOLEAN NOT NULL,
    assessment_date TEXT COLLATE "C" NOT NULL,
    rating TEXT COLLATE "C" NOT NULL CHECK (rating IN ('ON_TRACK', 'AT_RISK', 'OFF_TRACK')),
    rubric_version TEXT COLLATE "C" NOT NULL,
    substantiated BOOLEAN NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    format BIGINT NOT NULL,
    image TEXT COLLATE "C" NOT NULL
);
CREATE INDEX assessments_plan ON assessments (plan);

-- A proposal may be to rebaseline a plan.
ALTER TABLE proposals DROP CONSTRAINT proposals_action_check;
ALTER TABLE proposals ADD CONSTRAINT proposals_action_check
    CHECK (action IN ('RETIREMENT', 'REBASELINE'));
