//! The weekly report: the counts of this week beside those of last week, and the agencies with
//! something overdue.

use maud::html;

use super::{
    Made,
    agencies::{percent, summaries},
    ask::{Ask, Failed},
    extent::Extent,
    parts::{downloads, record, table},
    words::{Lang, NONE, read},
};
use crate::{pb, wire::values::write_date};

/// A row of the report: what the glossary calls it, and its field.
type Line = (&'static str, fn(&pb::agency_summary::Counts) -> Option<i32>);

const LINES: [Line; 11] = [
    ("held_platform_count", |it| it.held_platform_count),
    ("issued_plan_platform_count", |it| {
        it.issued_plan_platform_count
    }),
    ("operating_platform_count", |it| it.operating_platform_count),
    ("milestone_count", |it| it.milestone_count),
    ("completed_milestone_count", |it| {
        it.completed_milestone_count
    }),
    ("overdue_milestone_count", |it| it.overdue_milestone_count),
    ("late_report_plan_count", |it| it.late_report_plan_count),
    ("diverging_plan_count", |it| it.diverging_plan_count),
    ("task_count", |it| it.task_count),
    ("completed_task_count", |it| it.completed_task_count),
    ("overdue_task_count", |it| it.overdue_task_count),
];

/// Agencies that fit on the page that is printed.
const AGENCIES: usize = 12;

pub(super) async fn page(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let date = ask.effective_date();
    let before = read(date).map(|it| it.plus_days(-7));
    let answer = match summaries(ask, write_date(before)).await {
        // the edition may be younger than a week
        Err(failed) if failed.code == http::StatusCode::BAD_REQUEST => summaries(ask, None).await?,
        other => other?,
    };
    let total = answer.total_counts.unwrap_or_default();
    let earlier = answer.comparison_total_counts;
    let heads = [
        (lang.t("Nội dung theo dõi", "What is counted"), false),
        (lang.t("Tuần này", "This week"), true),
        (lang.t("Tuần trước", "Last week"), true),
        (lang.t("Tăng, giảm", "Change"), true),
    ];
    let rows = html! {
        @for (field, get) in LINES {
            @let now = i64::from(get(&total).unwrap_or_default());
            @let then = earlier.as_ref().and_then(get).map(i64::from);
            tr {
                // of all agencies, a task that several lead is one
                @let of = if field == "task_count" { "TaskCounts" } else { "AgencySummary.Counts" };
                th scope="row" { (lang.figure(of, field)) }
                td.number { (lang.number(now)) }
                td.number { (then.map_or(NONE.to_owned(), |it| lang.number(it))) }
                td.number { (then.map_or(NONE.to_owned(), |it| lang.signed(now - it))) }
            }
        }
    };
    let late = |it: &pb::AgencySummary| {
        let counts = it.counts.unwrap_or_default();
        i64::from(counts.overdue_task_count()) + i64::from(counts.overdue_milestone_count())
    };
    let mut worst: Vec<_> = answer
        .agency_summaries
        .iter()
        .filter(|it| late(it) > 0)
        .collect();
    worst.sort_by(|a, b| {
        let by_name = || a.agency_display_name.cmp(&b.agency_display_name);
        late(b).cmp(&late(a)).then_with(by_name)
    });
    let of_agencies = [
        (lang.t("Cơ quan", "Agency"), false),
        (lang.t("Mốc quá hạn", "Milestones overdue"), true),
        (lang.t("Nhiệm vụ quá hạn", "Tasks overdue"), true),
        (lang.t("Nhiệm vụ hoàn thành", "Tasks completed"), true),
        (
            lang.t("Quá hạn so với tuần trước", "Overdue since last week"),
            true,
        ),
    ];
    let agencies = html! {
        @for one in worst.iter().take(AGENCIES) {
            @let counts = one.counts.unwrap_or_default();
            @let name = lang.either(&one.agency_display_name, &one.agency_display_name_en,
                lang.t("Chưa rõ cơ quan", "No agency known"));
            @let (done, all) = (
                i64::from(counts.completed_task_count()), i64::from(counts.task_count()));
            tr {
                th scope="row" {
                    @if one.agency.is_empty() { (name) }
                    @else { (record(ask, &one.agency, name)) }
                }
                td.number { (lang.number(counts.overdue_milestone_count().into())) }
                td.number { (lang.number(counts.overdue_task_count().into())) }
                td.number { (lang.number(done)) "/" (lang.number(all)) " "
                    span.small { (percent(ask, done, all)) } }
                td.number {
                    @match one.comparison_counts {
                        Some(then) => {
                            @let then = i64::from(then.overdue_task_count())
                                + i64::from(then.overdue_milestone_count());
                            (lang.signed(late(one) - then))
                        }
                        None => (NONE),
                    }
                }
            }
        }
    };
    let goes_on = !answer.next_page_token.is_empty();
    let extent = Extent::new(worst.len().min(AGENCIES), worst.len(), goes_on);
    let title = lang.t("Báo cáo tuần", "Weekly report");
    let period = before.map_or_else(String::new, |it| lang.day(it.plus_days(1)));
    let compared = before.map_or_else(String::new, |it| it.to_string());
    let files = ask.address.table(
        "/v1/platforms:computeAgencySummaries",
        &[
            ("comparisonDate", &compared),
            ("effectiveDate", &ask.asked_date()),
        ],
    );
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                h1 { (title) }
                p.lead { (period) " – " (lang.date(date)) }
            }
            section.wide {
                h2 { (lang.t("Toàn danh mục", "The whole edition")) }
                (table(lang, title, &heads, &rows))
            }
            section.wide {
                h2 { (lang.t("Cơ quan có việc quá hạn", "Agencies with something overdue")) }
                @if worst.is_empty() {
                    p.none { (lang.t("Không có cơ quan nào.", "There is none.")) }
                } @else { (table(lang, title, &of_agencies, &agencies)) }
                (extent.note(lang, &ask.address.to("/agencies")))
                p.ends {
                    (downloads(lang, &files))
                    @if lang == Lang::Vi {
                        a href="/v1/platforms:computeWeeklyReport?format=html" {
                            "Bản in theo mẫu báo cáo"
                        }
                    }
                }
            }
        },
    })
}
