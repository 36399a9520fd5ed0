-- Programmes (chương trình): what tasks are assigned under.
CREATE VIEW programmes AS
SELECT
    name,
    image #>> '{fields,display_name}' AS display_name,
    image #>> '{fields,display_name_en}' AS display_name_en,
    image #>> '{fields,documents,0,symbol}' AS document_symbol,
    image #>> '{fields,documents,0,issue_date}' AS document_issue_date,
    image #>> '{fields,period,start}' AS period_start,
    image #>> '{fields,period,end}' AS period_end,
    image #>> '{meta,create_time}' AS create_time,
    image #>> '{meta,update_time}' AS update_time,
    revision,
    image
FROM (
    SELECT name, revision, image::JSONB AS image FROM records WHERE kind = 'programmes'
) AS record;
