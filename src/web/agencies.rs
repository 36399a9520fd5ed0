//! Agencies: how each stands, and what waits on one.

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed},
    comparison,
    extent::{Extent, Window, first_rows},
    lists::{attention_request, attention_rows, of_agency},
    parts::{
        columns, days_late, downloads, downloads_in_part, history, nothing, of_day, record, stage,
        table, task_parts, top_of,
    },
    picture::{self, Part, Tone, share, toned},
    plans::{plan_request, plan_rows},
    words::NONE,
};
use crate::pb;

/// Rows of the list of agencies on one page.
const AGENCIES: usize = 60;

/// Items of attention, platforms and plans that the page of an agency shows.
const ATTENTION: i32 = 15;
const PLATFORMS: i32 = 60;
const PLANS: i32 = 40;

/// Reminders that the page of an agency shows, and those that it shows when it is asked for all.
const REMINDERS: usize = 20;
const ALL_REMINDERS: usize = 200;

/// The parameter that asks for all reminders.
const WAITING: &str = "waiting";

/// Agencies of one answer, and answers that are read. A country of communes has about 3,500.
const SUMMARIES: i32 = 1000;
const ANSWERS_MAX: usize = 6;

/// Rows of a CSV file, which is one page of an answer.
const FILE_ROWS: usize = 1000;

/// The summaries of all agencies, in one answer.
pub(super) async fn summaries(
    ask: &Ask,
    comparison_date: Option<pb::Date>,
) -> Result<pb::ComputeAgencySummariesResponse, Failed> {
    let request = |page_token| pb::ComputeAgencySummariesRequest {
        page_size: SUMMARIES,
        page_token,
        effective_date: ask.effective_date(),
        comparison_date,
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let first = request(String::new());
    let mut all = ask
        .get(ask.monitoring().compute_agency_summaries(first))
        .await?;
    for _ in 1..ANSWERS_MAX {
        if all.next_page_token.is_empty() {
            break;
        }
        let next = request(std::mem::take(&mut all.next_page_token));
        let next = ask
            .get(ask.monitoring().compute_agency_summaries(next))
            .await?;
        all.agency_summaries.extend(next.agency_summaries);
        all.next_page_token = next.next_page_token;
    }
    Ok(all)
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
    let answer = summaries(ask, None).await?;
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
    let window = Window::asked(ask, AGENCIES);
    let goes_on = !answer.next_page_token.is_empty();
    let name = |field| lang.figure("AgencySummary.Counts", field);
    let mut heads = vec![(lang.t("Cơ quan", "Agency"), false)];
    heads.extend(COLUMNS.map(|(field, _)| (name(field), true)));
    let numbers = |counts: Option<Counts>| {
        let counts = counts.unwrap_or_default();
        html! {
            @for (field, get) in COLUMNS {
                @let count = get(&counts).map_or(NONE.to_owned(), |it| lang.number(it.into()));
                @let alarming = field.contains("overdue") || field.contains("late");
                td.number.alarm[alarming && get(&counts).unwrap_or(0) > 0] {
                    (count)
                }
            }
        }
    };
    let body = html! {
        @for row in window.of(&rows) {
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
                (window.note(ask, rows.len(), goes_on))
                p.ends {
                    @if others > 0 {
                        (lang.count(others))
                        (lang.t(" cơ quan chưa có nền tảng, mốc hay nhiệm vụ nào.",
                            " agencies have no platform, milestone or task yet."))
                        " "
                    }
                    @if answer.agency_summaries.len() > FILE_ROWS {
                        (downloads_in_part(lang, &files))
                    } @else { (downloads(lang, &files)) }
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
    let led = of_agency("agency", &name);
    let governed = of_agency("governing_agency", &name);
    let request = attention_request(ask, &led, ATTENTION);
    let (attention, attention_extent) = first_rows(ask, request).await?;
    let attention_items = attention_rows(ask, &attention.attention_items).await?;
    let request = pb::ListPlatformsRequest {
        page_size: PLATFORMS,
        filter: governed.clone(),
        order_by: "display_name".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let (platforms, platforms_extent) = first_rows(ask, request).await?;
    let request = plan_request(ask, "platforms/-", &led, PLANS);
    let (plans, plans_extent) = first_rows(ask, request).await?;
    let names = plans.plans.iter();
    let names = names.flat_map(|it| [top_of(&it.name), &*it.agency]);
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
    let to = |path: &str, filter: &str| ask.address.with(path, &[("filter", filter)]);
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
                h2 { a href=(to("/tasks", &led)) {
                    (lang.t("Nhiệm vụ cơ quan chủ trì", "Tasks that it leads"))
                } span.of { " " (lang.number(tasks.task_count().into())) } }
                (picture::stacked(
                    lang, lang.t("Nhiệm vụ", "Tasks"), &task_parts(ask, &tasks, &led)))
                h2 { (lang.t("Mốc nhiệm vụ của các kế hoạch", "Milestones of its plans")) }
                (picture::stacked(
                    lang, lang.t("Mốc nhiệm vụ", "Milestones"),
                    &milestone_parts(ask, &summary, &led)))
            }
            @if !attention.attention_items.is_empty() {
                section.wide {
                    h2 { a href=(to("/attention", &led)) {
                        (lang.t("Việc cần chú ý", "What needs attention"))
                    } }
                    (attention_items)
                    (attention_extent.note(lang, &to("/attention", &led)))
                }
            }
            section.wide {
                h2 { a href=(to("/platforms", &governed)) {
                    (lang.t("Nền tảng cơ quan chủ quản", "Platforms that it governs"))
                } span.of {
                    " " (lang.number(summary.held_platform_count().into()))
                } }
                (of_day(ask))
                @if platforms.platforms.is_empty() { (nothing(lang)) } @else {
                    (columns(lang, platforms.platforms.len(), &html! {
                        @for one in &platforms.platforms {
                            li {
                                (record(ask, &one.name, lang.either(
                                    &one.display_name, &one.display_name_en, &one.name)))
                                " " (stage(lang, one.operation_stage()))
                            }
                        }
                    }))
                    (platforms_extent.note(lang, &to("/platforms", &governed)))
                }
            }
            @if !plans.plans.is_empty() {
                section.wide {
                    h2 { (lang.t("Kế hoạch và ba đánh giá", "Plans and their three ratings")) }
                    (of_day(ask))
                    (plan_rows(ask, &plans.plans, &names))
                    (plans_extent.note(lang, &to("/plans", &led)))
                }
            }
            (indicators)
            section.wide {
                h2 { (lang.t("Chất lượng dữ liệu theo sáu tiêu chí",
                    "Data quality by the six criteria")) }
                (of_day(ask))
                (criteria(ask, &quality))
                (history(ask, &name))
            }
        },
    })
}

/// What falls due for an agency within seven days, or is overdue.
fn waiting(ask: &Ask, reminders: &pb::ComputeRemindersResponse) -> Markup {
    let lang = ask.lang();
    if reminders.reminders.is_empty() {
        return html! {
            p.none { (lang.t("Không có việc đến hạn trong bảy ngày tới hoặc đã quá hạn.",
                "Nothing falls due within seven days or is overdue.")) }
        };
    }
    let last = lang.t("Hạn cuối", "Last day");
    let heads = [
        (lang.t("Việc đến hạn", "What is due"), false),
        (last, false),
        (lang.t("Thời gian còn lại", "Time left"), false),
    ];
    let wants_all = ask.address.get(WAITING) == "all";
    let most = if wants_all { ALL_REMINDERS } else { REMINDERS };
    let shown = reminders.reminders.len().min(most);
    let all = usize::try_from(reminders.total_size).unwrap_or_default();
    let extent = Extent::new(shown, all, false);
    let href = if wants_all {
        String::new()
    } else {
        ask.address.again(WAITING, "all")
    };
    let rows = html! {
        @for one in reminders.reminders.iter().take(shown) {
            @let kind = one.kind().as_str_name();
            @let left = i64::from(one.days_left());
            tr {
                td.what {
                    (record(ask, &one.resource, &one.display_name))
                    span.small {
                        (lang.value("ComputeRemindersResponse.Reminder.Kind", kind))
                    }
                }
                td.date data-head=(last) { (lang.date(one.due_date)) }
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
        div.items { (table(lang, title, &heads, &rows)) }
        (extent.note(lang, &href))
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

/// Of each of the six criteria, how often its rules apply and how often they are kept.
fn criteria(ask: &Ask, quality: &pb::ComputeDataQualityResponse) -> Markup {
    let lang = ask.lang();
    let heads = [
        (lang.t("Tiêu chí", "Criterion"), false),
        (lang.t("Số lần đạt", "Rules kept"), true),
        (lang.t("Số lần áp dụng quy tắc", "Rules that apply"), true),
        (lang.t("Tỷ lệ đạt", "Share kept"), false),
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
