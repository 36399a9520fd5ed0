//! Lists that have no page of their own for a record: what needs attention, published figures,
//! plans, milestones, deployments and data flows.

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed, Names},
    parts::{
        ROWS, days_late, deployment_tone, document, ends, host, level_tone, limits, nothing,
        outside, plan_tone, quoted, rating, record, table,
    },
    picture::{Tone, toned},
    words::{NONE, read},
};
use crate::pb;

/// A list, by its path.
#[derive(Clone, Copy, Debug)]
pub enum List {
    Attention,
    Figures,
    Plans,
    Milestones,
    Deployments,
    Flows,
}

impl List {
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "attention" => Self::Attention,
            "figures" => Self::Figures,
            "plans" => Self::Plans,
            "milestones" => Self::Milestones,
            "deployments" => Self::Deployments,
            "flows" => Self::Flows,
            _ => return None,
        })
    }
}

pub(super) async fn page(ask: &Ask, list: List) -> Result<Made, Failed> {
    match list {
        List::Attention => attention(ask).await,
        List::Figures => figures(ask).await,
        List::Plans => plans(ask).await,
        List::Milestones => milestones(ask).await,
        List::Deployments => deployments(ask).await,
        List::Flows => flows(ask).await,
    }
}

/// A page of a list: its title, the form that limits it, its rows and its ends.
pub(super) fn whole(ask: &Ask, title: &str, rows: &Markup, next: &str, csv: &str) -> Made {
    Made {
        title: title.to_owned(),
        main: html! {
            section.wide {
                h1 { (title) }
                (limits(ask))
                (rows)
                (ends(ask, next, csv))
            }
        },
    }
}

// === what needs attention ===

async fn attention(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListAttentionItemsRequest {
        page_size: ROWS,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        order_by: "level desc, day_count desc".to_owned(),
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let answer = ask
        .get(ask.monitoring().list_attention_items(request))
        .await?;
    let items = &answer.attention_items;
    let rows = if items.is_empty() {
        nothing(lang)
    } else {
        attention_rows(ask, items)
    };
    let csv = ask.address.csv("/v1/attentionItems", &[("filter", filter)]);
    let title = lang.t("Việc cần chú ý", "What needs attention");
    Ok(whole(ask, title, &rows, &answer.next_page_token, &csv))
}

pub(super) fn attention_rows(ask: &Ask, items: &[pb::AttentionItem]) -> Markup {
    let lang = ask.lang();
    let heads = [
        (lang.t("Mức độ", "Level"), false),
        (lang.t("Việc", "What"), false),
        (lang.t("Trách nhiệm", "Whose"), false),
        (lang.t("Số ngày", "Days"), true),
        (lang.t("Cần làm", "What to do"), false),
    ];
    let rows = html! {
        @for item in items {
            @let kind = lang.value("AttentionItem.Kind", item.kind().as_str_name());
            @let level = lang.value("AttentionItem.Level", item.level().as_str_name());
            @let head = item.accountable_head.as_ref().map_or("", |it| &*it.office);
            tr {
                td { (toned(level_tone(item.level()), level)) }
                td.what {
                    (record(ask, &item.resource, &item.display_name))
                    span.small {
                        (kind)
                        @if !item.platform_display_name.is_empty()
                            && item.platform_display_name != item.display_name {
                            " · " (item.platform_display_name)
                        }
                    }
                }
                td {
                    @if item.agency.is_empty() {
                        (lang.t("Chưa rõ cơ quan", "No agency known"))
                    } @else { (record(ask, &item.agency, &item.agency_display_name)) }
                    @if !head.is_empty() { span.small { (head) } }
                }
                td.number { (days_late(lang, item.day_count)) }
                td { (lang.either(&item.action_vi, &item.action, NONE)) }
            }
        }
    };
    table(
        lang.t("Việc cần chú ý", "What needs attention"),
        &heads,
        &rows,
    )
}

// === published figures ===

async fn figures(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ReconcileFiguresRequest {
        page_size: ROWS,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        order_by: "figure_date desc".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let answer = ask.get(ask.monitoring().reconcile_figures(request)).await?;
    let rows = figure_rows(ask, &answer.reconciliations);
    let csv = ask.address.csv("/v1/figures", &[("filter", filter)]);
    let title = lang.t("Số liệu đã công bố", "Published figures");
    Ok(whole(ask, title, &rows, &answer.next_page_token, &csv))
}

pub(super) fn figure_rows(ask: &Ask, all: &[pb::Reconciliation]) -> Markup {
    let lang = ask.lang();
    if all.is_empty() {
        return nothing(lang);
    }
    let heads = [
        (lang.t("Ngày", "Day"), false),
        (lang.t("Nội dung", "Subject"), false),
        (lang.t("Đã công bố", "Published"), true),
        (lang.t("Tính được", "Computed"), true),
        (lang.t("Chênh lệch", "Difference"), true),
        (lang.t("Nguồn, ghi chú", "Source, note"), false),
    ];
    let rows = html! {
        @for one in all {
            @if let Some(figure) = &one.figure {
                @let subject = lang.value("Figure.Subject", figure.subject().as_str_name());
                @let computed = one.computed_value.map_or(NONE.to_owned(), |it| lang.number(it));
                tr {
                    td.date { (lang.date(figure.figure_date)) }
                    td.what {
                        (record(ask, &figure.name, subject))
                        @if lang == super::words::Lang::Vi && !figure.statement.is_empty() {
                            span.small { (figure.statement) }
                        }
                    }
                    td.number {
                        (qualified(ask, figure.qualifier())) (lang.number(figure.value))
                        @if let Some(total) = figure.total { "/" (lang.number(total)) }
                    }
                    td.number {
                        @match one.change_revisions.last() {
                            Some(revision) => {
                                (record(ask, &format!("changes/{revision}"), &computed))
                            }
                            None => (computed),
                        }
                    }
                    td.number {
                        (one.difference.map_or(NONE.to_owned(), |it| lang.signed(it)))
                    }
                    td {
                        @for (index, source) in figure.sources.iter().take(2).enumerate() {
                            @if index > 0 { ", " }
                            (outside(&source.uri, host(&source.uri)))
                        }
                        @if !one.note_text.is_empty() {
                            span.small {
                                (lang.either(&one.note_text_vi, &one.note_text, ""))
                            }
                        }
                    }
                }
            }
        }
    };
    table(
        lang.t("Số liệu đã công bố", "Published figures"),
        &heads,
        &rows,
    )
}

fn qualified(ask: &Ask, qualifier: pb::observation::Qualifier) -> Markup {
    use pb::observation::Qualifier;
    let word = match qualifier {
        Qualifier::Unspecified | Qualifier::Exact => "",
        other => ask
            .lang()
            .value("Observation.Qualifier", other.as_str_name()),
    };
    html! { @if !word.is_empty() { span.small { (word) " " } } }
}

// === plans ===

async fn plans(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let answer = listed_plans(ask, filter, ROWS).await?;
    let names = answer
        .plans
        .iter()
        .flat_map(|it| [&*it.agency, platform_of(&it.name)]);
    let names = ask.names(names).await?;
    let rows = plan_rows(ask, &answer.plans, &names);
    let csv = ask
        .address
        .csv("/v1/platforms/-/plans", &[("filter", filter)]);
    let title = lang.t("Kế hoạch triển khai", "Implementation plans");
    Ok(whole(ask, title, &rows, &answer.next_page_token, &csv))
}

pub(super) async fn listed_plans(
    ask: &Ask,
    filter: &str,
    size: i32,
) -> Result<pb::ListPlansResponse, Failed> {
    let request = pb::ListPlansRequest {
        parent: "platforms/-".to_owned(),
        page_size: size,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        order_by: "display_name".to_owned(),
        view: pb::PlanView::Full.into(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    ask.get(ask.plans().list_plans(request)).await
}

/// The platform in the name of a record below it.
pub(super) fn platform_of(resource: &str) -> &str {
    let end = resource
        .match_indices('/')
        .nth(1)
        .map_or(resource.len(), |(at, _)| at);
    resource.get(..end).unwrap_or(resource)
}

pub(super) fn plan_rows(ask: &Ask, plans: &[pb::Plan], names: &Names) -> Markup {
    let lang = ask.lang();
    if plans.is_empty() {
        return nothing(lang);
    }
    let heads = [
        (lang.t("Nền tảng, kế hoạch", "Platform, plan"), false),
        (lang.t("Trạng thái", "State"), false),
        (lang.t("Tự đánh giá", "Declared"), false),
        (lang.t("Đơn vị quản lý", "Assured"), false),
        (lang.t("Hệ thống tính", "Computed"), false),
        (lang.t("Báo cáo", "Reports"), false),
        (lang.t("Chậm", "Late"), true),
    ];
    let rows = html! {
        @for plan in plans {
            @let standing = plan.standing.clone().unwrap_or_default();
            @let platform = platform_of(&plan.name);
            @let state = lang.value("Plan.State", plan.state().as_str_name());
            @let fresh = lang.value("Plan.Freshness", standing.freshness().as_str_name());
            tr {
                td.what {
                    (record(ask, platform, names.of(platform, lang)))
                    span.small { (plan.display_name) }
                    @if !plan.agency.is_empty() { span.small { (names.of(&plan.agency, lang)) } }
                }
                td { (toned(plan_tone(plan.state()), state)) }
                td { (rating(lang, standing.declared_rating())) }
                td { (rating(lang, standing.assured_rating())) }
                td { (rating(lang, standing.computed_rating())) }
                td { (fresh) }
                td.number {
                    @match standing.slippage_days {
                        Some(days) if days > 0 => (days_late(lang, days.into())),
                        _ => (NONE),
                    }
                }
            }
        }
    };
    table(
        lang.t("Kế hoạch triển khai", "Implementation plans"),
        &heads,
        &rows,
    )
}

// === milestones ===

async fn milestones(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let answer = listed_milestones(ask, filter, ROWS).await?;
    let names = answer.milestones.iter().map(|it| platform_of(&it.name));
    let names = ask.names(names).await?;
    let heads = [
        (lang.t("Mốc nhiệm vụ", "Milestone"), false),
        (lang.t("Thời hạn", "Due"), false),
        (lang.t("Tình trạng", "Standing"), false),
        (lang.t("Số ngày chậm", "Days late"), true),
    ];
    let rows = html! {
        @for one in &answer.milestones {
            @let platform = platform_of(&one.name);
            tr {
                td.what {
                    (record(ask, &one.name, &one.display_name))
                    span.small { (names.of(platform, lang)) }
                }
                td.date { (lang.period(one.due.as_ref())) }
                @if let Some(standing) = &one.standing {
                    td { (super::parts::standing(lang, standing.state())) }
                    td.number {
                        (standing.slippage_days.map_or(NONE.to_owned(), |it| {
                            lang.number(it.into())
                        }))
                    }
                } @else { td { (NONE) } td.number { (NONE) } }
            }
        }
    };
    let title = lang.t("Mốc nhiệm vụ", "Milestones");
    let csv = ask
        .address
        .csv("/v1/platforms/-/plans/-/milestones", &[("filter", filter)]);
    let rows = table(title, &heads, &rows);
    Ok(whole(ask, title, &rows, &answer.next_page_token, &csv))
}

pub(super) async fn listed_milestones(
    ask: &Ask,
    filter: &str,
    size: i32,
) -> Result<pb::ListMilestonesResponse, Failed> {
    let request = pb::ListMilestonesRequest {
        parent: "platforms/-/plans/-".to_owned(),
        page_size: size,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        order_by: "due.end".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    ask.get(ask.plans().list_milestones(request)).await
}

// === deployments ===

async fn deployments(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let parent = match ask.address.get("platform") {
        "" => "platforms/-",
        platform => platform,
    };
    let answer = listed_deployments(ask, parent, filter, ROWS).await?;
    let names = answer.deployments.iter();
    let names = names.flat_map(|it| [&*it.agency, platform_of(&it.name)]);
    let names = ask.names(names).await?;
    let rows = deployment_rows(ask, &answer.deployments, &names);
    let title = lang.t("Triển khai tại các cơ quan, địa phương", "Deployments");
    let path = format!("/v1/{parent}/deployments");
    let csv = ask.address.csv(&path, &[("filter", filter)]);
    Ok(whole(ask, title, &rows, &answer.next_page_token, &csv))
}

pub(super) async fn listed_deployments(
    ask: &Ask,
    parent: &str,
    filter: &str,
    size: i32,
) -> Result<pb::ListDeploymentsResponse, Failed> {
    let request = pb::ListDeploymentsRequest {
        parent: parent.to_owned(),
        page_size: size,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    ask.get(ask.integration().list_deployments(request)).await
}

pub(super) fn deployment_rows(ask: &Ask, all: &[pb::Deployment], names: &Names) -> Markup {
    let lang = ask.lang();
    if all.is_empty() {
        return nothing(lang);
    }
    let heads = [
        (lang.t("Nền tảng", "Platform"), false),
        (lang.t("Cơ quan", "Agency"), false),
        (lang.t("Giai đoạn", "Stage"), false),
        (lang.t("Từ ngày", "Since"), false),
        (lang.t("Phạm vi", "Coverage"), false),
    ];
    let rows = html! {
        @for one in all {
            @let standing = one.standing.clone().unwrap_or_default();
            @let platform = platform_of(&one.name);
            @let stage = lang.value("Deployment.Stage", standing.stage().as_str_name());
            tr {
                td.what { (record(ask, platform, names.of(platform, lang))) }
                td { (record(ask, &one.agency, names.of(&one.agency, lang))) }
                td {
                    (toned(deployment_tone(standing.stage()), stage))
                    @if standing.late {
                        span.small { (lang.t("chậm tiến độ", "late")) }
                    }
                }
                td.date { (lang.date(standing.stage_date)) }
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
    table(lang.t("Triển khai", "Deployments"), &heads, &rows)
}

// === data flows ===

async fn flows(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let answer = listed_flows(ask, filter, ROWS).await?;
    let names = ask.names(flow_names(&answer.data_flows)).await?;
    let rows = flow_rows(ask, &answer.data_flows, &names);
    let csv = ask.address.csv("/v1/dataFlows", &[("filter", filter)]);
    let title = lang.t("Luồng dữ liệu", "Data flows");
    Ok(whole(ask, title, &rows, &answer.next_page_token, &csv))
}

pub(super) async fn listed_flows(
    ask: &Ask,
    filter: &str,
    size: i32,
) -> Result<pb::ListDataFlowsResponse, Failed> {
    let request = pb::ListDataFlowsRequest {
        page_size: size,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    ask.get(ask.integration().list_data_flows(request)).await
}

pub(super) fn flow_names(flows: &[pb::DataFlow]) -> impl Iterator<Item = &str> {
    let parties = flows.iter().flat_map(|it| [&it.provider, &it.consumer]);
    let parties = parties.flatten();
    parties.flat_map(|it| [&*it.platform, &*it.agency])
}

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
        (lang.t("Kênh", "Channel"), false),
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
    table(lang.t("Luồng dữ liệu", "Data flows"), &heads, &rows)
}

/// A filter for what an agency has.
pub(super) fn of_agency(field: &str, agency: &str) -> String {
    format!("{field} = {}", quoted(agency))
}

/// The document that a plan was issued by.
pub(super) fn issued_by(ask: &Ask, plan: &pb::Plan) -> Markup {
    let lang = ask.lang();
    html! {
        (document(lang, plan.issuing_document.as_ref()))
        @if let Some(last) = plan.state_history.last() {
            @if read(last.effective_date).is_some() {
                span.small {
                    (lang.t("trạng thái từ ", "in this state since "))
                    (lang.date(last.effective_date))
                }
            }
        }
    }
}
