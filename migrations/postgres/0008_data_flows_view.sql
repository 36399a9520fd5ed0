-- Data flows (luồng dữ liệu): who shares which data with whom. The state, the channel and whether it
-- must be shared are those of the last entries.
CREATE VIEW data_flows AS
SELECT
    name,
    image #>> '{fields,display_name}' AS display_name,
    image #>> '{fields,provider,platform}' AS provider_platform,
    image #>> '{fields,provider,agency}' AS provider_agency,
    image #>> '{fields,provider,system}' AS provider_system,
    image #>> '{fields,consumer,platform}' AS consumer_platform,
    image #>> '{fields,consumer,agency}' AS consumer_agency,
    image #>> '{fields,consumer,organisation}' AS consumer_organisation,
    image #>> '{fields,consumer,organisation_kind}' AS consumer_organisation_kind,
    image #>> '{fields,state_entries,-1,state}' AS state,
    image #>> '{fields,state_entries,-1,start_date}' AS state_start_date,
    image #>> '{fields,terms,-1,channel}' AS channel,
    coalesce((image #>> '{fields,terms,-1,mandatory}')::BOOLEAN, FALSE) AS mandatory,
    coalesce((image #>> '{fields,annulled}')::BOOLEAN, FALSE) AS annulled,
    image #>> '{meta,create_time}' AS create_time,
    image #>> '{meta,update_time}' AS update_time,
    revision,
    image
FROM (
    SELECT name, revision, image::JSONB AS image FROM records WHERE kind = 'data_flows'
) AS record;
