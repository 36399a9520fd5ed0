//! Implementation plans and their milestones, as lists.

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed, Names},
    lists::list_page,
    parts::{ROWS, days_late, document, nothing, plan_tone, rating, record, table, top_of},
    picture::toned,
    words::{NONE, read},
};
use crate::pb;

// === plans ===

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let parent = parent(ask, "platform", "platforms/-");
    let request = pb::ListPlansRequest {
        page_token: ask.address.get("page").to_owned(),
        ..plan_request(ask, parent, filter, ROWS)
    };
    let answer = ask.get(ask.plans().list_plans(request)).await?;
    let names = answer
        .plans
        .iter()
        .flat_map(|it| [&*it.agency, top_of(&it.name)]);
    let names = ask.names(names).await?;
    let rows = plan_rows(ask, &answer.plans, &names);
    let files = ask.address.files(&format!("/v1/{parent}/plans"), filter);
    let title = lang.t("Kế hoạch triển khai", "Implementation plans");
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The record whose list the address asks for with this parameter, else all.
pub(super) fn parent<'a>(ask: &'a Ask, parameter: &str, all: &'a str) -> &'a str {
    match ask.address.get(parameter) {
        "" => all,
        parent => parent,
    }
}

/// The request for the plans of a platform, or of all, that this filter leaves.
pub(super) fn plan_request(
    ask: &Ask,
    parent: &str,
    filter: &str,
    page_size: i32,
) -> pb::ListPlansRequest {
    pb::ListPlansRequest {
        parent: parent.to_owned(),
        page_size,
        filter: filter.to_owned(),
        order_by: "display_name".to_owned(),
        view: pb::PlanView::Full.into(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

pub(super) fn plan_rows(ask: &Ask, plans: &[pb::Plan], names: &Names) -> Markup {
    let lang = ask.lang();
    if plans.is_empty() {
        return nothing(lang);
    }
    let heads = [
        (lang.t("Nền tảng, kế hoạch", "Platform, plan"), false),
        (lang.t("Trạng thái", "State"), false),
        (lang.t("Cơ quan tự đánh giá", "Declared rating"), false),
        (
            lang.t("Đơn vị quản lý danh mục đánh giá", "Assured rating"),
            false,
        ),
        (lang.t("Hệ thống tính", "Computed rating"), false),
        (lang.t("Tình trạng báo cáo", "Reports"), false),
        (lang.t("Số ngày chậm", "Days late"), true),
    ];
    let rows = html! {
        @for plan in plans {
            @let standing = plan.standing.clone().unwrap_or_default();
            @let platform = top_of(&plan.name);
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
    let parent = parent(ask, "plan", "platforms/-/plans/-");
    let request = pb::ListMilestonesRequest {
        page_token: ask.address.get("page").to_owned(),
        ..milestone_request(ask, parent, filter, ROWS)
    };
    let answer = ask.get(ask.plans().list_milestones(request)).await?;
    let names = answer.milestones.iter().map(|it| top_of(&it.name));
    let names = ask.names(names).await?;
    let heads = [
        (lang.t("Mốc nhiệm vụ", "Milestone"), false),
        (lang.t("Thời hạn", "Due"), false),
        (lang.t("Tình trạng", "Standing"), false),
        (lang.t("Số ngày chậm", "Days late"), true),
    ];
    let rows = html! {
        @for one in &answer.milestones {
            @let platform = top_of(&one.name);
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
        .files(&format!("/v1/{parent}/milestones"), filter);
    let rows = table(lang, title, &heads, &rows);
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The request for the milestones of a plan, or of all, that this filter leaves, by due date.
pub(super) fn milestone_request(
    ask: &Ask,
    parent: &str,
    filter: &str,
    page_size: i32,
) -> pb::ListMilestonesRequest {
    pb::ListMilestonesRequest {
        parent: parent.to_owned(),
        page_size,
        filter: filter.to_owned(),
        order_by: "due.end".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}
