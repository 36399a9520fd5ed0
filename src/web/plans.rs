//! Implementation plans and their milestones, as lists.

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed, Names},
    lists::whole,
    parts::{ROWS, days_late, document, nothing, plan_tone, rating, record, table},
    picture::toned,
    words::{NONE, read},
};
use crate::pb;

// === plans ===

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let answer = listed_plans(ask, filter, ROWS).await?;
    let names = answer
        .plans
        .iter()
        .flat_map(|it| [&*it.agency, platform_of(&it.name)]);
    let names = ask.names(names).await?;
    let rows = plan_rows(ask, &answer.plans, &names);
    let files = ask.address.files("/v1/platforms/-/plans", filter);
    let title = lang.t("Kế hoạch triển khai", "Implementation plans");
    Ok(whole(ask, title, &rows, &answer.next_page_token, &files))
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
        lang,
        lang.t("Kế hoạch triển khai", "Implementation plans"),
        &heads,
        &rows,
    )
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

// === milestones ===

pub(super) async fn milestones(ask: &Ask) -> Result<Made, Failed> {
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
    let files = ask
        .address
        .files("/v1/platforms/-/plans/-/milestones", filter);
    let rows = table(lang, title, &heads, &rows);
    Ok(whole(ask, title, &rows, &answer.next_page_token, &files))
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
