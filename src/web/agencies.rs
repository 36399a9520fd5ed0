//! Agencies: how each stands, and what waits on one.

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed},
    comparison,
    lists::{attention_rows, of_agency},
    parts::{days_late, downloads, history, nothing, record, stage, table, task_parts},
    picture::{self, Part, Tone, share, toned},
    plans::{listed_plans, plan_rows, platform_of},
    words::NONE,
};
use crate::pb;

/// All agencies have a row; those of communes have theirs in the file.
const AGENCIES: i32 = 1000;
const SHOWN: usize = 60;

pub(super) async fn summaries(ask: &Ask) -> Result<Vec<pb::AgencySummary>, Failed> {
    Ok(answered(ask).await?.agency_summaries)
}

async fn answered(ask: &Ask) -> Result<pb::ComputeAgencySummariesResponse, Failed> {
    let request = pb::ComputeAgencySummariesRequest {
        page_size: AGENCIES,
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    ask.get(ask.monitoring().compute_agency_summaries(request))
        .await
}

type Counts = pb::agency_summary::Counts;

/// A column of the list: what the glossary calls it, and its field.
type Column = (&'static str, fn(&Counts) -> Option<i32>);

const COLUMNS: [Column; 8] = [
    ("held_platform_count", |it| it.held_platform_count),
    ("issued_plan_platform_count", |it| {
        it.issued_plan_platform_count
    }),
    ("operating_platform_count", |it| it.operating_platform_count),
    ("overdue_milestone_count", |it| it.overdue_milestone_count),
    ("late_report_plan_count", |it| it.late_report_plan_count),
    ("task_count", |it| it.task_count),
    ("completed_task_count", |it| it.completed_task_count),
    ("overdue_task_count", |it| it.overdue_task_count),
];

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let answer = answered(ask).await?;
    let has = |counts: &Counts| COLUMNS.iter().any(|(_, get)| get(counts).unwrap_or(0) > 0);
    let mut rows: Vec<_> = answer
        .agency_summaries
        .iter()
        .filter(|it| it.counts.as_ref().is_some_and(has))
        .collect();
    // what is overdue first, then by name
    let late = |it: &pb::AgencySummary| {
        let counts = it.counts.unwrap_or_default();
        counts.overdue_task_count() + counts.overdue_milestone_count()
    };
    rows.sort_by(|a, b| {
        let by_name = || a.agency_display_name.cmp(&b.agency_display_name);
        late(b).cmp(&late(a)).then_with(by_name)
    });
    let others = answer.agency_summaries.len() - rows.len();
    let cut = rows.len().saturating_sub(SHOWN);
    let name = |field| lang.figure("AgencySummary.Counts", field);
    let mut heads = vec![(lang.t("Cơ quan", "Agency"), false)];
    heads.extend(COLUMNS.map(|(field, _)| (name(field), true)));
    let numbers = |counts: Option<Counts>| {
        let counts = counts.unwrap_or_default();
        html! {
            @for (field, get) in COLUMNS {
                @let count = get(&counts).map_or(NONE.to_owned(), |it| lang.number(it.into()));
                @let alarming = field.contains("overdue") || field.contains("late");
                td.number class=[(alarming && get(&counts).unwrap_or(0) > 0).then_some("alarm")] {
                    (count)
                }
            }
        }
    };
    let body = html! {
        @for row in rows.iter().take(SHOWN) {
            @let display = lang.either(
                &row.agency_display_name, &row.agency_display_name_en,
                lang.t("Chưa rõ cơ quan chủ quản", "No governing agency known"));
            tr {
                th scope="row" {
                    @if row.agency.is_empty() { (display) }
                    @else { (record(ask, &row.agency, display)) }
                }
                (numbers(row.counts))
            }
        }
        tr.total {
            th scope="row" { (lang.t("Tổng số", "All together")) }
            (numbers(answer.total_counts))
        }
    };
    let title = lang.t("Cơ quan", "Agencies");
    let files = ask.address.table(
        "/v1/platforms:computeAgencySummaries",
        &[("effectiveDate", &ask.asked_date())],
    );
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.wide {
                h1 { (title) }
                p.lead {
                    (lang.t(
                        "Xếp theo số mốc, nhiệm vụ quá hạn, rồi theo tên. Không có điểm tổng hợp.",
                        "By milestones and tasks overdue, then by name. There is no total score.",
                    ))
                }
                (table(lang, title, &heads, &body))
                p.ends {
                    @if cut > 0 {
                        (lang.number(i64::try_from(cut).unwrap_or_default()))
                        (lang.t(" cơ quan khác có trong tệp tải về.",
                            " more agencies are in the file."))
                        " "
                    }
                    @if others > 0 {
                        (lang.number(i64::try_from(others).unwrap_or_default()))
                        (lang.t(" cơ quan chưa có nền tảng, mốc hay nhiệm vụ nào.",
                            " agencies have no platform, milestone or task yet."))
                        " "
                    }
                    (downloads(lang, &files))
                }
            }
        },
    })
}

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let name = format!("agencies/{id}");
    let request = pb::GetAgencyRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let agency = ask.get(ask.catalogue().get_agency(request)).await?;
    let request = pb::ComputeSummaryRequest {
        agency: name.clone(),
        edition: "editions/-".to_owned(),
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let summary = ask.get(ask.monitoring().compute_summary(request)).await?;
    let request = pb::ComputeRemindersRequest {
        agency: name.clone(),
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let reminders = ask.get(ask.monitoring().compute_reminders(request)).await?;
    let request = pb::ListAttentionItemsRequest {
        page_size: 15,
        filter: of_agency("agency", &name),
        order_by: "level desc, day_count desc".to_owned(),
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let attention = ask
        .get(ask.monitoring().list_attention_items(request))
        .await?;
    let request = pb::ListPlatformsRequest {
        page_size: 60,
        filter: of_agency("governing_agency", &name),
        order_by: "display_name".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let platforms = ask.get(ask.catalogue().list_platforms(request)).await?;
    let plans = listed_plans(ask, &of_agency("agency", &name), 40).await?;
    let names = plans.plans.iter();
    let names = names.flat_map(|it| [platform_of(&it.name), &*it.agency]);
    let names = ask.names(names.filter(|it| !it.is_empty())).await?;
    let request = pb::ComputeDataQualityRequest {
        agency: name.clone(),
        edition: "editions/-".to_owned(),
        page_size: 1,
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let quality = ask
        .get(ask.monitoring().compute_data_quality(request))
        .await?;
    let indicators = comparison::of_agency(ask, &agency).await?;
    let title = lang.either(&agency.display_name, &agency.display_name_en, &name);
    let kind = lang.value("Agency.Kind", agency.kind().as_str_name());
    let tasks = summary.tasks.clone().unwrap_or_default();
    let led = of_agency("agency", &name);
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                p.kind { (kind) }
                h1 { (title) }
                @if !agency.parent_agency.is_empty() {
                    p { (lang.t("Trực thuộc ", "Below "))
                        (record(ask, &agency.parent_agency, "")) }
                }
            }
            section {
                h2 { (lang.t("Đang chờ cơ quan này", "What waits on this agency")) }
                (waiting(ask, &reminders))
            }
            section {
                h2 { a href=(ask.address.with("/tasks", &[("filter", &led)])) {
                    (lang.t("Nhiệm vụ cơ quan chủ trì", "Tasks that it leads"))
                } span.of { " " (lang.number(tasks.task_count().into())) } }
                (picture::stacked(
                    lang, lang.t("Nhiệm vụ", "Tasks"), &task_parts(ask, &tasks, &led)))
                h2 { (lang.t("Mốc nhiệm vụ của các kế hoạch", "Milestones of its plans")) }
                (picture::stacked(
                    lang, lang.t("Mốc nhiệm vụ", "Milestones"),
                    &milestone_parts(ask, &summary, &of_agency("agency", &name))))
            }
            @if !attention.attention_items.is_empty() {
                section.wide {
                    h2 { a href=(ask.address.with(
                        "/attention", &[("filter", &of_agency("agency", &name))])) {
                        (lang.t("Việc cần chú ý", "What needs attention"))
                    } }
                    (attention_rows(ask, &attention.attention_items))
                }
            }
            section.wide {
                h2 { a href=(ask.address.with("/platforms",
                    &[("filter", &of_agency("governing_agency", &name))])) {
                    (lang.t("Nền tảng cơ quan chủ quản", "Platforms that it governs"))
                } span.of {
                    " " (lang.number(summary.held_platform_count().into()))
                } }
                @if platforms.platforms.is_empty() { (nothing(lang)) } @else {
                    ul.columns {
                        @for one in &platforms.platforms {
                            li {
                                (record(ask, &one.name, lang.either(
                                    &one.display_name, &one.display_name_en, &one.name)))
                                " " (stage(lang, one.operation_stage()))
                            }
                        }
                    }
                }
            }
            @if !plans.plans.is_empty() {
                section.wide {
                    h2 { (lang.t("Kế hoạch và ba đánh giá", "Plans and their three ratings")) }
                    (plan_rows(ask, &plans.plans, &names))
                }
            }
            (indicators)
            section.wide {
                h2 { (lang.t("Chất lượng dữ liệu theo sáu tiêu chí",
                    "Data quality by the six criteria")) }
                (criteria(ask, &quality))
                (history(ask, &name))
            }
        },
    })
}

fn waiting(ask: &Ask, reminders: &pb::ComputeRemindersResponse) -> Markup {
    let lang = ask.lang();
    if reminders.reminders.is_empty() {
        return html! {
            p.none { (lang.t("Không có việc đến hạn trong bảy ngày tới hoặc đã quá hạn.",
                "Nothing falls due within seven days or is overdue.")) }
        };
    }
    let heads = [
        (lang.t("Việc", "What"), false),
        (lang.t("Hạn", "Due"), false),
        (lang.t("Còn lại", "Left"), false),
    ];
    let rows = html! {
        @for one in reminders.reminders.iter().take(20) {
            @let kind = one.kind().as_str_name();
            @let left = i64::from(one.days_left());
            tr {
                td.what {
                    (record(ask, &one.resource, &one.display_name))
                    span.small {
                        (lang.value("ComputeRemindersResponse.Reminder.Kind", kind))
                    }
                }
                td.date { (lang.date(one.due_date)) }
                td {
                    @if left < 0 {
                        (toned(Tone::Late, &format!(
                            "{} {}", lang.t("quá hạn", "overdue"), days_late(lang, -left))))
                    } @else {
                        (toned(Tone::Soon, &days_late(lang, -left)))
                    }
                }
            }
        }
    };
    let title = lang.t("Việc đến hạn", "What is due");
    html! {
        (table(lang, title, &heads, &rows))
        @if reminders.total_size > 20 {
            p.small {
                (lang.number(i64::from(reminders.total_size) - 20))
                (lang.t(" việc khác", " more"))
            }
        }
    }
}

pub(super) fn milestone_parts(
    ask: &Ask,
    summary: &pb::ComputeSummaryResponse,
    filter: &str,
) -> Vec<Part> {
    let lang = ask.lang();
    let href = ask.address.with("/milestones", &[("filter", filter)]);
    let states = summary.milestone_state_counts.iter().map(|it| Part {
        tone: super::parts::standing_tone(it.state()),
        word: lang
            .value("Milestone.Standing.State", it.state().as_str_name())
            .to_owned(),
        count: i64::from(it.milestone_count),
        href: href.clone(),
    });
    states.collect()
}

/// The six criteria, as parts kept and not kept of each.
fn criteria(ask: &Ask, quality: &pb::ComputeDataQualityResponse) -> Markup {
    let lang = ask.lang();
    let heads = [
        (lang.t("Tiêu chí", "Criterion"), false),
        (lang.t("Đạt", "Kept"), true),
        (lang.t("Số lần áp dụng", "Rules that apply"), true),
        (lang.t("Tỷ lệ", "Share"), false),
    ];
    let rows = html! {
        @for score in &quality.scores {
            @let word = lang.value(
                "ComputeDataQualityRequest.Criterion", score.criterion().as_str_name());
            tr {
                th scope="row" { (word) }
                td.number { (lang.number(score.passed_rule_count.into())) }
                td.number { (lang.number(score.checked_rule_count.into())) }
                td.meter {
                    @match score.percent {
                        Some(percent) => {
                            svg viewBox="0 0 100 10" preserveAspectRatio="none"
                                aria-hidden="true" {
                                rect.trough width="100" height="10" {}
                                rect width=(percent) height="10" fill="url(#p-going)" {}
                            }
                            (lang.number(percent.into())) "%"
                        }
                        None => (toned(Tone::Missing, lang.t("không áp dụng", "none applies"))),
                    }
                }
            }
        }
    };
    table(
        lang,
        lang.t("Chất lượng dữ liệu", "Data quality"),
        &heads,
        &rows,
    )
}

/// How much of a whole, as a percentage.
pub(super) fn percent(ask: &Ask, part: i64, whole: i64) -> String {
    let lang = ask.lang();
    match whole {
        0 => NONE.to_owned(),
        _ => format!(
            "{}%",
            lang.decimal(&format!("{:.1}", share(part, whole) * 100.0))
        ),
    }
}
