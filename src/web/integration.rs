//! How platforms are used and joined: deployments and data flows, as lists.

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed, Names},
    lists::list_page,
    parts::{ROWS, deployment_tone, nothing, record, table, top_of},
    picture::{Tone, toned},
    plans::parent,
    words::NONE,
};
use crate::pb;

// === deployments ===

pub(super) async fn deployments(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let parent = parent(ask, "platform", "platforms/-");
    let request = pb::ListDeploymentsRequest {
        page_token: ask.address.get("page").to_owned(),
        effective_date: ask.effective_date(),
        ..deployment_request(ask, parent, filter, ROWS)
    };
    let answer = ask.get(ask.integration().list_deployments(request)).await?;
    let names = answer.deployments.iter();
    let names = names.flat_map(|it| [&*it.agency, top_of(&it.name)]);
    let names = ask.names(names).await?;
    let rows = deployment_rows(ask, &answer.deployments, &names, true);
    let title = lang.t("Triển khai tại các cơ quan, địa phương", "Deployments");
    let path = format!("/v1/{parent}/deployments");
    let files = ask.address.files(&path, filter);
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The request for the deployments of a platform, or of all, that this filter leaves; as of the day
/// of what is read.
pub(super) fn deployment_request(
    ask: &Ask,
    parent: &str,
    filter: &str,
    page_size: i32,
) -> pb::ListDeploymentsRequest {
    pb::ListDeploymentsRequest {
        parent: parent.to_owned(),
        page_size,
        filter: filter.to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

/// Deployments as a table: of one platform, or each with its platform.
pub(super) fn deployment_rows(
    ask: &Ask,
    all: &[pb::Deployment],
    names: &Names,
    with_platform: bool,
) -> Markup {
    let lang = ask.lang();
    if all.is_empty() {
        return nothing(lang);
    }
    let since = lang.t("Ở giai đoạn này từ", "In this stage since");
    let platform = with_platform.then(|| (lang.t("Nền tảng", "Platform"), false));
    let heads: Vec<_> = platform
        .into_iter()
        .chain([
            (lang.t("Cơ quan", "Agency"), false),
            (lang.t("Giai đoạn", "Stage"), false),
            (since, false),
            (lang.t("Độ phủ", "Coverage"), false),
        ])
        .collect();
    let rows = html! {
        @for one in all {
            @let standing = one.standing.clone().unwrap_or_default();
            @let platform = top_of(&one.name);
            @let stage = lang.value("Deployment.Stage", standing.stage().as_str_name());
            tr {
                @if with_platform {
                    td.what { (record(ask, platform, names.of(platform, lang))) }
                }
                td { (record(ask, &one.agency, names.of(&one.agency, lang))) }
                td {
                    (toned(deployment_tone(standing.stage()), stage))
                    @if standing.late {
                        span.small { (lang.t("chậm tiến độ", "late")) }
                    }
                }
                td.date data-head=(since) { (lang.date(standing.stage_date)) }
                td {
                    @for (index, it) in standing.coverages.iter().enumerate() {
                        @if index > 0 { "; " }
                        @let unit = lang.value(
                            "Deployment.Coverage.Unit", it.unit().as_str_name());
                        (unit) " " (lang.number(it.done.into())) "/" (lang.number(it.total.into()))
                    }
                }
            }
        }
    };
    let title = lang.t("Triển khai", "Deployments");
    html! { div.items { (table(lang, title, &heads, &rows)) } }
}

// === data flows ===

pub(super) async fn flows(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListDataFlowsRequest {
        page_token: ask.address.get("page").to_owned(),
        ..flow_request(ask, filter, ROWS)
    };
    let answer = ask.get(ask.integration().list_data_flows(request)).await?;
    let names = ask.names(flow_names(&answer.data_flows)).await?;
    let rows = flow_rows(ask, &answer.data_flows, &names);
    let files = ask.address.files("/v1/dataFlows", filter);
    let title = lang.t("Luồng dữ liệu", "Data flows");
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The request for the data flows that this filter leaves.
pub(super) fn flow_request(ask: &Ask, filter: &str, page_size: i32) -> pb::ListDataFlowsRequest {
    pb::ListDataFlowsRequest {
        page_size,
        filter: filter.to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

/// The resource names of the parties of data flows.
pub(super) fn flow_names(flows: &[pb::DataFlow]) -> impl Iterator<Item = &str> {
    let parties = flows.iter().flat_map(|it| [&it.provider, &it.consumer]);
    let parties = parties.flatten();
    parties.flat_map(|it| [&*it.platform, &*it.agency])
}

/// A side of a data flow.
pub(super) fn party(ask: &Ask, party: Option<&pb::data_flow::Party>, names: &Names) -> Markup {
    let Some(party) = party else {
        return html! { (NONE) };
    };
    let lang = ask.lang();
    let resource = if party.platform.is_empty() {
        &party.agency
    } else {
        &party.platform
    };
    html! {
        @if resource.is_empty() {
            (if party.organisation.is_empty() { &party.system } else { &party.organisation })
        } @else { (record(ask, resource, names.of(resource, lang))) }
    }
}

pub(super) const fn flow_tone(state: pb::data_flow::State) -> Tone {
    use pb::data_flow::State;
    match state {
        State::Active => Tone::Done,
        State::Testing => Tone::Soon,
        State::Planned => Tone::Going,
        State::Suspended => Tone::Late,
        State::Ended => Tone::None,
        State::Unspecified => Tone::Missing,
    }
}

fn flow_rows(ask: &Ask, flows: &[pb::DataFlow], names: &Names) -> Markup {
    let lang = ask.lang();
    if flows.is_empty() {
        return nothing(lang);
    }
    let heads = [
        (lang.t("Luồng dữ liệu", "Data flow"), false),
        (lang.t("Bên cung cấp", "Provider"), false),
        (lang.t("Bên nhận", "Consumer"), false),
        (lang.t("Kênh chia sẻ", "Channel"), false),
        (lang.t("Trạng thái", "State"), false),
    ];
    let rows = html! {
        @for flow in flows {
            @let tone = flow_tone(flow.state());
            tr {
                td.what { (record(ask, &flow.name, &flow.display_name)) }
                td { (party(ask, flow.provider.as_ref(), names)) }
                td { (party(ask, flow.consumer.as_ref(), names)) }
                td { (lang.value("DataFlow.Term.Channel", flow.channel().as_str_name())) }
                td { (toned(tone, lang.value("DataFlow.State", flow.state().as_str_name()))) }
            }
        }
    };
    table(lang, lang.t("Luồng dữ liệu", "Data flows"), &heads, &rows)
}
