-- Tasks (nhiệm vụ): `programme` is the first of those that a task belongs to.
CREATE VIEW tasks AS
SELECT
    name,
    image ->> '$.fields.code' AS code,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.fields.programmes[0]' AS programme,
    image ->> '$.fields.assigning_document.symbol' AS assigning_document_symbol,
    image ->> '$.fields.assigning_document.issue_date' AS assigning_document_issue_date,
    image ->> '$.fields.assigning_agency' AS assigning_agency,
    image ->> '$.fields.agency' AS agency,
    image ->> '$.fields.due.start' AS due_start_date,
    image ->> '$.fields.due.end' AS due_end_date,
    image ->> '$.fields.start_date' AS start_date,
    image ->> '$.fields.parent' AS parent,
    image ->> '$.fields.platform' AS platform,
    image ->> '$.fields.milestone' AS milestone,
    CASE
        WHEN image ->> '$.dropping' IS NOT NULL THEN 'DROPPED'
        WHEN image ->> '$.confirmation' IS NOT NULL THEN 'COMPLETED'
        WHEN image ->> '$.report' IS NOT NULL THEN 'REPORTED'
        ELSE 'OPEN'
    END AS state,
    image ->> '$.report.completion_date' AS report_completion_date,
    image ->> '$.report.record_time' AS report_time,
    image ->> '$.confirmation.record_time' AS confirmation_time,
    coalesce(json_array_length(image, '$.returns'), 0) AS return_count,
    image ->> '$.dropping.drop_date' AS drop_date,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'tasks';
