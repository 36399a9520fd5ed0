-- Indicators (chỉ tiêu) and their values (số liệu chỉ tiêu).
CREATE VIEW indicators AS
SELECT
    name,
    image ->> '$.fields.display_name' AS display_name,
    image ->> '$.fields.display_name_en' AS display_name_en,
    image ->> '$.fields.unit' AS unit,
    image ->> '$.fields.kind' AS kind,
    image ->> '$.fields.direction' AS direction,
    image ->> '$.fields.accumulation' AS accumulation,
    image ->> '$.fields.period_type' AS period_type,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'indicators';

CREATE VIEW observations AS
SELECT
    name,
    image ->> '$.agency' AS agency,
    image ->> '$.scope' AS scope,
    image ->> '$.start' AS period_start,
    image ->> '$.end' AS period_end,
    image ->> '$.definition' AS definition_version,
    image ->> '$.basis' AS basis,
    image ->> '$.qualifier' AS qualifier,
    image ->> '$.numerator' AS numerator,
    image ->> '$.denominator' AS denominator,
    image ->> '$.value' AS value,
    image ->> '$.grounds.statement' AS statement,
    image ->> '$.grounds.replaces' AS replaces,
    image ->> '$.meta.create_time' AS create_time,
    image ->> '$.meta.update_time' AS update_time,
    revision,
    image
FROM records WHERE kind = 'observations';
