//! Published figures: the list, and one beside what the registry counts, part by part.

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed},
    lists::list_page,
    parts::{ROWS, fact, history, host, nothing, outside, quoted, record, sources, table},
    words::{Lang, NONE},
};
use crate::{pb, wire::glossary::label};

/// Sources of a figure that its row names; its page names all.
const SOURCES: usize = 2;

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let answer = reconciled(ask, filter, ROWS, ask.address.get("page")).await?;
    let rows = rows(ask, &answer.reconciliations);
    let files = ask.address.files("/v1/figures", filter);
    let title = lang.t("Số liệu đã công bố", "Published figures");
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The figures that this filter leaves, the newest first, each beside what is computed.
pub(super) async fn reconciled(
    ask: &Ask,
    filter: &str,
    page_size: i32,
    page_token: &str,
) -> Result<pb::ReconcileFiguresResponse, Failed> {
    let request = pb::ReconcileFiguresRequest {
        page_size,
        page_token: page_token.to_owned(),
        filter: filter.to_owned(),
        order_by: "figure_date desc".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    ask.get(ask.monitoring().reconcile_figures(request)).await
}

pub(super) fn rows(ask: &Ask, all: &[pb::Reconciliation]) -> Markup {
    let lang = ask.lang();
    if all.is_empty() {
        return nothing(lang);
    }
    let heads = [
        (lang.t("Ngày của số liệu", "Date of the figure"), false),
        (lang.t("Nội dung số liệu", "Subject"), false),
        (lang.t("Đã công bố", "Published"), true),
        (lang.t("Tính được", "Computed"), true),
        (lang.t("Chênh lệch", "Difference"), true),
        (lang.t("Nguồn, ghi chú", "Source, note"), false),
    ];
    let rows = html! {
        @for one in all {
            @if let Some(figure) = &one.figure {
                tr {
                    td.date { (lang.date(figure.figure_date)) }
                    td.what {
                        (record(ask, &figure.name, subject(lang, figure)))
                        @if lang == Lang::En && !figure.statement.is_empty() {
                            span.small { (figure.statement) }
                        }
                    }
                    td.number { (published(ask, figure)) }
                    td.number { (computed(ask, one)) }
                    td.number {
                        (one.difference.map_or(NONE.to_owned(), |it| lang.signed(it)))
                    }
                    td {
                        @for (index, source) in figure.sources.iter().take(SOURCES).enumerate() {
                            @if index > 0 { ", " }
                            (outside(&source.uri, host(&source.uri)))
                        }
                        @let others = figure.sources.len().saturating_sub(SOURCES);
                        @if others > 0 {
                            ", " (lang.t("và ", "and ")) (others)
                            (lang.t(" nguồn khác", " more"))
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
        lang,
        lang.t("Số liệu đã công bố", "Published figures"),
        &heads,
        &rows,
    )
}

fn subject(lang: Lang, figure: &pb::Figure) -> &'static str {
    lang.value("Figure.Subject", figure.subject().as_str_name())
}

fn published(ask: &Ask, figure: &pb::Figure) -> Markup {
    let lang = ask.lang();
    html! {
        (qualified(ask, figure.qualifier())) (lang.number(figure.value))
        @if let Some(total) = figure.total { "/" (lang.number(total)) }
    }
}

/// What is computed, as a link to the last change behind it.
fn computed(ask: &Ask, one: &pb::Reconciliation) -> Markup {
    let lang = ask.lang();
    let computed = one
        .computed_value
        .map_or(NONE.to_owned(), |it| lang.number(it));
    html! {
        @match one.change_revisions.last() {
            Some(revision) => (record(ask, &format!("changes/{revision}"), &computed)),
            None => (computed),
        }
    }
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

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let name = format!("figures/{id}");
    let request = pb::GetFigureRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let figure = ask.get(ask.monitoring().get_figure(request)).await?;
    let filter = format!("name = {}", quoted(&name));
    let answer = reconciled(ask, &filter, 1, "").await?;
    let one = answer
        .reconciliations
        .into_iter()
        .next()
        .unwrap_or_default();
    let named = [&*figure.agency, &figure.edition, &figure.programme];
    let names = ask.names(named).await?;
    let title = subject(lang, &figure);
    let day = lang.date(figure.figure_date);
    Ok(Made {
        title: format!("{title}, {day}"),
        main: html! {
            section.opening {
                p.kind { (lang.t("Số liệu đã công bố", "Published figure")) }
                h1 { (title) ", " (day) }
                @if lang == Lang::En && !figure.statement.is_empty() {
                    p.lead { "“" (figure.statement) "”" }
                }
                @if !one.note_text.is_empty() {
                    p.warning role="note" {
                        (lang.either(&one.note_text_vi, &one.note_text, ""))
                    }
                }
            }
            section {
                h2 { (lang.t("Công bố và tính được", "Published and computed")) }
                dl {
                    dt { (lang.t("Đã công bố", "Published")) }
                    dd { (published(ask, &figure)) }
                    dt { (lang.t("Tính được", "Computed")) }
                    dd { (computed(ask, &one)) }
                    dt { (lang.t("Chênh lệch", "Difference")) }
                    dd { (one.difference.map_or(NONE.to_owned(), |it| lang.signed(it))) }
                }
            }
            section {
                h2 { (lang.t("Thông tin", "Facts")) }
                dl {
                    @if !figure.edition.is_empty() {
                        dt { (lang.t("Danh mục", "Edition")) }
                        dd { (record(ask, &figure.edition, names.of(&figure.edition, lang))) }
                    }
                    @if !figure.programme.is_empty() {
                        dt { (lang.t("Chương trình", "Programme")) }
                        dd { (record(ask, &figure.programme,
                            names.of(&figure.programme, lang))) }
                    }
                    @if !figure.agency.is_empty() {
                        dt { (lang.t("Cơ quan", "Agency")) }
                        dd { (record(ask, &figure.agency, names.of(&figure.agency, lang))) }
                    }
                    @if figure.period.is_some() {
                        dt { (lang.t("Kỳ của số liệu", "Period")) }
                        dd { (lang.period(figure.period.as_ref())) }
                    }
                    (fact(lang.t("Hệ thống được đếm kết nối", "System whose connections it counts"),
                        &figure.system))
                }
                (sources(lang, &figure.sources))
            }
            @if !one.parts.is_empty() {
                section.wide {
                    h2 { (lang.t("Đối chiếu từng phần", "Part by part")) }
                    (parts(ask, &one))
                }
            }
            (history(ask, &name))
        },
    })
}

/// What a publisher's category is called; as it is written where its form is not a known one.
fn category(lang: Lang, code: &str) -> String {
    let states = "Milestone.Standing.State";
    if let Some(it) = label(states, code) {
        return lang
            .either(&it.display_name, &it.display_name_en, code)
            .to_owned();
    }
    let known = match code {
        "COMPLETED" => Some(lang.t("Đã hoàn thành", "Completed")),
        "IN_PROGRESS" => Some(lang.t("Đang thực hiện", "In progress")),
        "NOT_COMPLETED" => Some(lang.t("Chưa hoàn thành", "Not completed")),
        _ => None,
    };
    if let Some(known) = known {
        return known.to_owned();
    }
    if let Some(group) = code.strip_prefix("GROUP_") {
        return format!("{} {group}", lang.t("Nhóm", "Group"));
    }
    let due = code.strip_prefix("DUE_").and_then(|it| it.split_once('_'));
    if let Some((year, month)) = due {
        return format!("{} {month}/{year}", lang.t("Đến hạn trong tháng", "Due in"));
    }
    code.replace('_', " ")
}

fn parts(ask: &Ask, one: &pb::Reconciliation) -> Markup {
    let lang = ask.lang();
    let heads = [
        (
            lang.t("Hạng mục của nơi công bố", "Category of the publisher"),
            false,
        ),
        (lang.t("Đã công bố", "Published"), true),
        (lang.t("Tính được", "Computed"), true),
        (lang.t("Chênh lệch", "Difference"), true),
    ];
    let rows = html! {
        @for part in &one.parts {
            tr {
                th scope="row" { (category(lang, &part.category)) }
                td.number { (lang.number(part.published_value)) }
                td.number { (part.computed_value.map_or(NONE.to_owned(), |it| lang.number(it))) }
                td.number { (part.difference.map_or(NONE.to_owned(), |it| lang.signed(it))) }
            }
        }
    };
    table(
        lang,
        lang.t("Đối chiếu từng phần", "Part by part"),
        &heads,
        &rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_reads_as_words() {
        for (code, vietnamese, english) in [
            ("COMPLETED", "Đã hoàn thành", "Completed"),
            (
                "COMPLETED_ON_TIME",
                "Hoàn thành đúng hạn",
                "Completed on time",
            ),
            (
                "DUE_2025_09",
                "Đến hạn trong tháng 09/2025",
                "Due in 09/2025",
            ),
            ("GROUP_A", "Nhóm A", "Group A"),
            ("Chậm_tiến độ", "Chậm tiến độ", "Chậm tiến độ"),
        ] {
            assert_eq!(category(Lang::Vi, code), vietnamese);
            assert_eq!(category(Lang::En, code), english);
        }
    }
}
