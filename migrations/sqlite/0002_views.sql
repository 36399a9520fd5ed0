-- The records as tables with columns, for people who read them with SQL. The registry itself never
-- reads a view, and grants none to other users: they show drafts. Enums are the words of the API,
-- times and dates are ISO 8601 text, and an absent value is null. The whole record is in `image`.

-- Agencies (cơ quan).
CREATE VIEW agencies AS
SELECT
    name,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.fields.display_name_en' AS display_name_en,
    image ->> '$.fields.kind' AS kind,
    image ->> '$.fields.identification_code' AS identification_code,
    coalesce(image ->> '$.fields.identification_code_confirmed', 0)
        AS identification_code_confirmed,
    image ->> '$.fields.parent_agency' AS parent_agency,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'agencies';

-- Editions of the catalogue (danh mục), one for each decision.
CREATE VIEW editions AS
SELECT
    name,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.fields.decision.symbol' AS decision_symbol,
    image ->> '$.fields.decision.issue_date' AS decision_issue_date,
    coalesce(image ->> '$.fields.declared_platform_count', 0) AS declared_platform_count,
    image ->> '$.fields.previous_edition' AS previous_edition,
    image ->> '$.fields.repealing_edition' AS repealing_edition,
    image ->> '$.fields.effective_start_date' AS effective_start_date,
    image ->> '$.fields.effective_end_date' AS effective_end_date,
    coalesce(image ->> '$.fields.pinned', 0) AS pinned,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'editions';

-- Platforms (nền tảng số). `exit_outcome` is null for one in the catalogue.
CREATE VIEW platforms AS
SELECT
    name,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.fields.display_name_en' AS display_name_en,
    image ->> '$.fields.governance[#-1].agency' AS governing_agency,
    image ->> '$.fields.operating_unit' AS operating_unit,
    image ->> '$.fields.classification' AS classification,
    coalesce(image ->> '$.fields.security.level', 0) AS security_level,
    image ->> '$.fields.verification' AS verification,
    image ->> '$.exit.outcome' AS exit_outcome,
    image ->> '$.exit.exit_date' AS exit_date,
    image ->> '$.exit.successor' AS successor,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'platforms';

-- Plans (kế hoạch triển khai). Dates are the first and last day of the periods planned.
CREATE VIEW plans AS
SELECT
    name,
    substr(name, 1, instr(name, '/plans/') - 1) AS platform,
    image ->> '$.agency' AS agency,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.state' AS state,
    coalesce(image ->> '$.fields.visibilities[#-1].visibility', 'PUBLIC') AS visibility,
    image ->> '$.fields.planned_start.start' AS planned_start_date,
    image ->> '$.fields.planned_end.end' AS planned_end_date,
    image ->> '$.fields.budget.amount.currency_code' AS budget_currency,
    coalesce(image ->> '$.fields.budget.amount.units', 0) AS budget_units,
    coalesce(image ->> '$.fields.budget.amount.nanos', 0) AS budget_nanos,
    image ->> '$.issuing_document.symbol' AS issuing_symbol,
    image ->> '$.issuing_document.issue_date' AS issue_date,
    image ->> '$.superseding_plan' AS superseding_plan,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'plans';

-- Milestones (mốc nhiệm vụ). Late after `due_end_date`; regular without one. Whether it is late
-- depends on the day asked about, so no column says so.
CREATE VIEW milestones AS
SELECT
    name,
    substr(name, 1, instr(name, '/milestones/') - 1) AS plan,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.fields.due.start' AS due_start_date,
    image ->> '$.fields.due.end' AS due_end_date,
    coalesce(image ->> '$.fields.weight', 1) AS weight,
    image ->> '$.fields.accountable_unit' AS accountable_unit,
    CASE
        WHEN image ->> '$.completion' IS NOT NULL THEN 'COMPLETED'
        WHEN image ->> '$.dropping' IS NOT NULL THEN 'DROPPED'
        ELSE 'OPEN'
    END AS state,
    image ->> '$.completion.completion_date' AS completion_date,
    image ->> '$.dropping.drop_date' AS drop_date,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'milestones';

-- Baselines (kế hoạch gốc): numbered per plan from 1, each made once.
CREATE VIEW baselines AS
SELECT
    name,
    substr(name, 1, instr(name, '/baselines/') - 1) AS plan,
    coalesce(image ->> '$.number', 0) AS number,
    image ->> '$.effective_date' AS effective_date,
    coalesce(json_array_length(image, '$.milestones'), 0) AS milestone_count,
    image ->> '$.budget.amount.currency_code' AS budget_currency,
    coalesce(image ->> '$.budget.amount.units', 0) AS budget_units,
    coalesce(image ->> '$.budget.amount.nanos', 0) AS budget_nanos,
    image ->> '$.document.symbol' AS document_symbol,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'baselines';

-- Progress reports (báo cáo tiến độ). A report is corrected once, by a report of its own.
CREATE VIEW reports AS
SELECT
    name,
    substr(name, 1, instr(name, '/reports/') - 1) AS plan,
    image ->> '$.fields.period_end_date' AS period_end_date,
    image ->> '$.fields.rating' AS rating,
    coalesce(image ->> '$.fields.percent', 0) AS percent,
    image ->> '$.fields.corrects' AS corrects,
    image ->> '$.corrected_by' AS corrected_by,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'reports';

-- Assessments (đánh giá) of a plan by the steward.
CREATE VIEW assessments AS
SELECT
    name,
    substr(name, 1, instr(name, '/assessments/') - 1) AS plan,
    image ->> '$.fields.assessment_date' AS assessment_date,
    image ->> '$.fields.rating' AS rating,
    image ->> '$.fields.rubric_version' AS rubric_version,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'assessments';

-- Proposals (đề xuất): what needs a second person.
CREATE VIEW proposals AS
SELECT
    name,
    substr(name, 1, instr(name, '/proposals/') - 1) AS platform,
    image ->> '$.agency' AS agency,
    image ->> '$.state' AS state,
    (SELECT key FROM json_each(image, '$.action')) AS action,
    image ->> '$.requested.person.principal' AS requested_by,
    image ->> '$.requested.record_time' AS requested_time,
    image ->> '$.decided.person.principal' AS decided_by,
    image ->> '$.decided.record_time' AS decided_time,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'proposals';

-- Officially published counts (số liệu công bố).
CREATE VIEW figures AS
SELECT
    name,
    image ->> '$.figure_date' AS figure_date,
    image ->> '$.subject' AS subject,
    image ->> '$.edition' AS edition,
    image ->> '$.programme' AS programme,
    image ->> '$.system' AS system,
    image ->> '$.scope' AS scope,
    image ->> '$.agency' AS agency,
    image ->> '$.period.start' AS period_start,
    image ->> '$.period.end' AS period_end,
    coalesce(image ->> '$.value', 0) AS value,
    image ->> '$.qualifier' AS qualifier,
    image ->> '$.total' AS total,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'figures';

-- Principals: who may call.
CREATE VIEW principals AS
SELECT
    name,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.fields.kind' AS kind,
    image ->> '$.fields.agency' AS agency,
    (SELECT group_concat(value, ' ') FROM json_each(image, '$.fields.roles')) AS roles,
    coalesce(image ->> '$.disabled', 0) AS disabled,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'principals';

-- API keys. Their hashes are in a table of their own.
CREATE VIEW api_keys AS
SELECT
    name,
    substr(name, 1, instr(name, '/apiKeys/') - 1) AS principal,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.agency' AS agency,
    image ->> '$.fields.expire_time' AS expire_time,
    image ->> '$.revoke_time' AS revoke_time,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'api_keys';

-- The place of each platform in each edition that lists it.
CREATE VIEW listings AS
SELECT
    records.name AS platform,
    listing.value ->> '$.edition' AS edition,
    listing.value ->> '$.list_number' AS list_number,
    listing.value ->> '$.group' AS group_code,
    listing.value ->> '$.display_name' AS display_name,
    listing.value ->> '$.membership' AS membership
FROM records, json_each(records.image, '$.fields.listings') AS listing
WHERE records.kind = 'platforms';
