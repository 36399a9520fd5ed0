//! The pages of lists that are no more than a list, by their paths; and what every page of a list
//! has: the form that limits it, its rows, and the way to the next rows and to files.

use maud::{Markup, html};

use super::{
    Made,
    address::Files,
    ask::{Ask, Failed},
    figures, integration,
    parts::{ROWS, days_late, ends, level_tone, limits, nothing, quoted, record, table},
    picture::toned,
    plans, programmes,
    words::{Lang, NONE},
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
    Programmes,
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
            "programmes" => Self::Programmes,
            _ => return None,
        })
    }
}

pub(super) async fn page(ask: &Ask, list: List) -> Result<Made, Failed> {
    match list {
        List::Attention => attention(ask).await,
        List::Figures => figures::list(ask).await,
        List::Plans => plans::list(ask).await,
        List::Milestones => plans::milestones(ask).await,
        List::Deployments => integration::deployments(ask).await,
        List::Flows => integration::flows(ask).await,
        List::Programmes => programmes::list(ask).await,
    }
}

/// A page of a list, with the token of its next page and its files.
pub(super) fn list_page(ask: &Ask, title: &str, rows: &Markup, next: &str, files: &Files) -> Made {
    Made {
        title: title.to_owned(),
        main: html! {
            section.wide {
                h1 { (title) }
                (limits(ask))
                (rows)
                (ends(ask, next, files))
            }
        },
    }
}

async fn attention(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListAttentionItemsRequest {
        page_token: ask.address.get("page").to_owned(),
        ..attention_request(ask, filter, ROWS)
    };
    let answer = ask
        .get(ask.monitoring().list_attention_items(request))
        .await?;
    let items = &answer.attention_items;
    let rows = if items.is_empty() {
        nothing(lang)
    } else {
        attention_rows(ask, items).await?
    };
    let files = ask.address.table(
        "/v1/attentionItems",
        &[("filter", filter), ("effectiveDate", &ask.asked_date())],
    );
    let title = lang.t("Việc cần chú ý", "What needs attention");
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The request for the items that this filter leaves, the most urgent first.
pub(super) fn attention_request(
    ask: &Ask,
    filter: &str,
    page_size: i32,
) -> pb::ListAttentionItemsRequest {
    pb::ListAttentionItemsRequest {
        page_size,
        filter: filter.to_owned(),
        order_by: "level desc, day_count desc".to_owned(),
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

pub(super) async fn attention_rows(
    ask: &Ask,
    items: &[pb::AttentionItem],
) -> Result<Markup, Failed> {
    let lang = ask.lang();
    // an item says in Vietnamese what its agency and its platform are called
    let mut named: Vec<&str> = Vec::new();
    if lang == Lang::En {
        for item in items {
            named.extend([&*item.agency, &item.platform]);
        }
    }
    let names = ask.names(named).await?;
    let heads = [
        (lang.t("Mức độ khẩn", "Urgency"), false),
        (lang.t("Việc cần chú ý", "What needs attention"), false),
        (
            lang.t("Cơ quan chịu trách nhiệm", "Agency responsible"),
            false,
        ),
        (
            lang.t("Số ngày từ khi phát sinh", "Days since it began"),
            true,
        ),
        (lang.t("Cần làm gì", "What to do"), false),
    ];
    let rows = html! {
        @for item in items {
            @let kind = lang.value("AttentionItem.Kind", item.kind().as_str_name());
            @let level = lang.value("AttentionItem.Level", item.level().as_str_name());
            @let called = names.known(&item.resource, lang).unwrap_or(&item.display_name);
            @let platform = names.known(&item.platform, lang);
            @let platform = platform.unwrap_or(&item.platform_display_name);
            @let agency = names.known(&item.agency, lang);
            @let agency = agency.unwrap_or(&item.agency_display_name);
            @let head = item.accountable_head.as_ref().map_or("", |it| &*it.office);
            tr {
                td { (toned(level_tone(item.level()), level)) }
                td.what {
                    (record(ask, &item.resource, called))
                    span.small {
                        (kind)
                        @if !item.platform_display_name.is_empty() && platform != called {
                            " · " (platform)
                        }
                    }
                }
                td {
                    @if item.agency.is_empty() {
                        (lang.t("Chưa rõ cơ quan", "No agency known"))
                    } @else { (record(ask, &item.agency, agency)) }
                    @if !head.is_empty() { span.small { (head) } }
                }
                td.number { (days_late(lang, item.day_count)) }
                td { (lang.either(&item.action_vi, &item.action, NONE)) }
            }
        }
    };
    let title = lang.t("Việc cần chú ý", "What needs attention");
    Ok(html! { div.items { (table(lang, title, &heads, &rows)) } })
}

/// A filter for the records with this agency in a field.
pub(super) fn of_agency(field: &str, agency: &str) -> String {
    format!("{field} = {}", quoted(agency))
}
