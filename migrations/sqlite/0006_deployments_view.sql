-- Deployments (triển khai): how far agencies have platforms in use.
CREATE VIEW deployments AS
SELECT
    name,
    substr(name, 1, instr(name, '/deployments/') - 1) AS platform,
    'agencies/' || substr(name, instr(name, '/deployments/') + 13) AS agency,
    image ->> '$.fields.stages[#-1].stage' AS last_stage,
    image ->> '$.fields.stages[#-1].reached.end' AS last_stage_end,
    image ->> '$.fields.report_date' AS report_date,
    image ->> '$.fields.legacy_systems[#-1].display_name' AS legacy_system,
    image ->> '$.fields.legacy_systems[#-1].disposition' AS legacy_disposition,
    image ->> '$.fields.legacy_systems[#-1].end_date' AS legacy_end_date,
    image ->> '$.confirmation.record_time' AS confirm_time,
    image ->> '$.confirmation.agency' AS confirming_agency,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'deployments';
