-- Recommendations (phản ánh, kiến nghị): what was received, who answers, and the last decision.
CREATE VIEW recommendations AS
SELECT
    name,
    image #>> '{fields,kind}' AS kind,
    image #>> '{fields,display_name}' AS display_name,
    image #>> '{fields,sender_kind}' AS sender_kind,
    image #>> '{fields,sender_agency}' AS sender_agency,
    image #>> '{fields,source_system}' AS source_system,
    image #>> '{fields,external_id}' AS external_id,
    image #>> '{fields,receive_date}' AS receive_date,
    image #>> '{fields,agency}' AS agency,
    image #>> '{fields,review_date}' AS review_date,
    image #>> '{terms,-1,answer_due_date}' AS answer_due_date,
    image #>> '{decisions,-1,decision_date}' AS decision_date,
    image #>> '{decisions,-1,answer,outcome}' AS answer_outcome,
    image #>> '{decisions,-1,rejection,ground}' AS rejection_ground,
    image #>> '{meta,create_time}' AS create_time,
    image #>> '{meta,update_time}' AS update_time,
    revision,
    image
FROM (
    SELECT name, revision, image::JSONB AS image FROM records WHERE kind = 'recommendations'
) AS record;
