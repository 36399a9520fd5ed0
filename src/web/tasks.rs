//! Tasks: the list, and one with its reports, confirmation and due dates.

use maud::{Markup, html};

use super::{
    Made,
    acts::offers,
    ask::{Ask, Failed, Names},
    changes::{listed as listed_changes, rows as change_rows},
    extent::first_rows,
    lists::list_page,
    parts::{
        ROWS, days_late, document, evidence, fact, history, last_day, nothing, quoted, record,
        standing, table, text,
    },
    picture::{Axis, Span, Tone, time_bar, toned},
    recommendations::request as recommendation_request,
    words::{NONE, read},
};
use crate::pb;

/// Recommendations, tasks below it and changes that the page of a task shows.
const RECOMMENDATIONS: i32 = 20;
const BELOW: i32 = 30;
const CHANGES: i32 = 20;

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListTasksRequest {
        page_token: ask.address.get("page").to_owned(),
        ..request(ask, filter, ROWS)
    };
    let answer = ask.get(ask.tasks().list_tasks(request)).await?;
    let names = answer.tasks.iter().map(|it| &*it.agency);
    let names = ask.names(names.filter(|it| !it.is_empty())).await?;
    let rows = rows(ask, &answer.tasks, &names);
    let title = lang.t("Nhiệm vụ", "Tasks");
    let files = ask.address.files("/v1/tasks", filter);
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The request for the tasks that this filter leaves, by their due dates.
pub(super) fn request(ask: &Ask, filter: &str, page_size: i32) -> pb::ListTasksRequest {
    pb::ListTasksRequest {
        page_size,
        filter: filter.to_owned(),
        order_by: "due.end".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

pub(super) fn rows(ask: &Ask, tasks: &[pb::Task], names: &Names) -> Markup {
    let lang = ask.lang();
    if tasks.is_empty() {
        return nothing(lang);
    }
    let due = lang.t("Thời hạn", "Due");
    let heads = [
        (lang.t("Nhiệm vụ", "Task"), false),
        (lang.t("Cơ quan chủ trì", "Lead agency"), false),
        (due, false),
        (lang.t("Tình trạng", "Standing"), false),
        (
            lang.t("Số ngày chậm hoặc còn lại", "Days late, or left"),
            true,
        ),
    ];
    let rows = html! {
        @for task in tasks {
            tr {
                td.what {
                    (record(ask, &task.name, &task.display_name))
                    @if !task.code.is_empty() { span.small { (task.code) } }
                }
                td {
                    @if task.agency.is_empty() {
                        (toned(Tone::Missing, lang.t("chưa giao", "none")))
                    } @else { (record(ask, &task.agency, names.of(&task.agency, lang))) }
                }
                td.date data-head=(due) { (lang.period(task.due.as_ref())) }
                td { (how(ask, task)) }
                td.number { (days(ask, task).unwrap_or_default()) }
            }
        }
    };
    let title = lang.t("Nhiệm vụ", "Tasks");
    html! { div.items { (table(lang, title, &heads, &rows)) } }
}

/// How a task stands.
fn how(ask: &Ask, task: &pb::Task) -> Markup {
    let lang = ask.lang();
    html! {
        @match &task.standing {
            Some(it) => {
                (standing(lang, it.state()))
                @if it.awaiting_confirmation {
                    span.small { (lang.t("đã báo cáo, chờ xác nhận", "reported, unconfirmed")) }
                }
            }
            None => (NONE),
        }
    }
}

/// Days late, or left, where there are some.
fn days(ask: &Ask, task: &pb::Task) -> Option<String> {
    let lang = ask.lang();
    let standing = task.standing.as_ref();
    match standing.map(|it| (it.slippage_days, it.days_left)) {
        Some((Some(late), _)) if late > 0 => Some(days_late(lang, late.into())),
        Some((_, Some(left))) => Some(days_late(lang, -i64::from(left))),
        _ => None,
    }
}

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let name = format!("tasks/{id}");
    let get = pb::GetTaskRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let task = ask.get(ask.tasks().get_task(get)).await?;
    let mut named: Vec<&str> = vec![&task.agency, &task.assigning_agency, &task.platform];
    named.extend(task.coordinating_agencies.iter().map(|it| &**it));
    named.extend(task.programmes.iter().map(|it| &**it));
    let names = ask
        .names(named.into_iter().filter(|it| !it.is_empty()))
        .await?;
    let from_filter = format!("tasks.task:{}", quoted(&name));
    let (from, from_extent) = first_rows(
        ask,
        recommendation_request(ask, &from_filter, RECOMMENDATIONS),
    )
    .await?;
    let below_filter = format!("parent = {}", quoted(&name));
    let (below, below_extent) = first_rows(ask, request(ask, &below_filter, BELOW)).await?;
    let changes = listed_changes(ask, &name, CHANGES).await?;
    let changes = change_rows(ask, &changes.changes).await?;
    let offers = offers(ask, [(&*name, task.state().as_str_name())]).await?;
    let title = &task.display_name;
    Ok(Made {
        title: title.clone(),
        main: html! {
            section.opening {
                p.kind {
                    (lang.t("Nhiệm vụ", "Task"))
                    @if !task.code.is_empty() { " " (task.code) }
                }
                h1 { (title) }
                @let days = days(ask, &task);
                p.lead { (how(ask, &task)) @if let Some(days) = days { " " (days) }
                    @if task.return_count > 0 {
                        ", " (lang.t("báo cáo bị trả lại ", "report returned "))
                        (lang.number(task.return_count.into()))
                        (lang.t(" lần", " times"))
                    }
                }
                (offers.links(ask, &name))
            }
            section {
                h2 { (lang.t("Thông tin", "Facts")) }
                (facts(ask, &task, &names))
            }
            section {
                h2 { (lang.t("Thời hạn", "Due dates")) }
                (dues(ask, &task))
            }
            section.wide {
                h2 { (lang.t("Báo cáo và xác nhận", "Report and confirmation")) }
                (reported(ask, &task))
            }
            @if !below.tasks.is_empty() {
                section.wide {
                    h2 { (lang.t("Nhiệm vụ con", "Tasks below it")) }
                    (rows(ask, &below.tasks, &names))
                    (below_extent.note(
                        lang, &ask.address.with("/tasks", &[("filter", &below_filter)])))
                }
            }
            @if !from.recommendations.is_empty() {
                section.wide {
                    h2 { (lang.t("Xuất phát từ kiến nghị", "Recommendations that it came from")) }
                    ul {
                        @for one in &from.recommendations {
                            li { (record(ask, &one.name, &one.display_name)) }
                        }
                    }
                    (from_extent.note(lang, &ask.address.with(
                        "/recommendations", &[("filter", &from_filter)])))
                }
            }
            section.wide.later {
                h2 { (lang.t("Thay đổi gần nhất", "Latest changes")) }
                (changes)
                (history(ask, &name))
            }
        },
    })
}

fn facts(ask: &Ask, task: &pb::Task, names: &Names) -> Markup {
    let lang = ask.lang();
    let agency = |resource: &str| {
        html! {
            @if resource.is_empty() {
                (toned(Tone::Missing, lang.t("chưa rõ", "not known")))
            } @else { (record(ask, resource, names.of(resource, lang))) }
        }
    };
    html! {
        dl {
            dt { (lang.t("Văn bản giao", "Assigned by")) }
            dd { (document(lang, task.assigning_document.as_ref())) }
            dt { (lang.t("Cơ quan giao", "Assigning agency")) }
            dd { (agency(&task.assigning_agency)) }
            dt { (lang.t("Cơ quan chủ trì", "Lead agency")) }
            dd { (agency(&task.agency)) }
            @if let Some(head) = &task.accountable_head {
                (fact(lang.t("Người đứng đầu", "Accountable"), &head.office))
            }
            @if !task.coordinating_agencies.is_empty() {
                dt { (lang.t("Cơ quan phối hợp", "Coordinating agencies")) }
                dd {
                    @for (index, one) in task.coordinating_agencies.iter().enumerate() {
                        @if index > 0 { ", " }
                        (record(ask, one, names.of(one, lang)))
                    }
                }
            }
            @if !task.programmes.is_empty() {
                dt { (lang.t("Chương trình", "Programmes")) }
                dd {
                    @for (index, one) in task.programmes.iter().enumerate() {
                        @if index > 0 { ", " }
                        (record(ask, one, names.of(one, lang)))
                    }
                }
            }
            @if !task.platform.is_empty() {
                dt { (lang.t("Nền tảng", "Platform")) }
                dd { (record(ask, &task.platform, names.of(&task.platform, lang))) }
            }
            @if !task.parent.is_empty() {
                dt { (lang.t("Nhiệm vụ cấp trên", "Task above it")) }
                dd { (record(ask, &task.parent, &task.parent)) }
            }
            (fact(lang.t("Kết quả phải đạt", "Required result"), &task.required_result))
        }
    }
}

fn dues(ask: &Ask, task: &pb::Task) -> Markup {
    let lang = ask.lang();
    let span = Span {
        first: last_day(task.first_due.as_ref()),
        due: last_day(task.due.as_ref()),
        done: task.report.as_ref().and_then(|it| read(it.completion_date)),
        tone: task
            .standing
            .as_ref()
            .map_or(Tone::None, |it| super::parts::standing_tone(it.state())),
    };
    let days = [span.first, span.due, span.done, read(task.start_date)];
    let axis = Axis::of(days.into_iter().flatten(), ask.date());
    html! {
        (time_bar(lang.t("Thời hạn", "Due dates"), axis, &span))
        p.small { (lang.day(axis.start)) " – " (lang.day(axis.end)) }
        dl {
            dt { (lang.t("Hạn đầu", "First due")) }
            dd { (lang.period(task.first_due.as_ref().or(task.due.as_ref()))) }
            dt { (lang.t("Hạn hiện nay", "Due")) }
            dd { (lang.period(task.due.as_ref())) }
            @for one in &task.due_moves {
                dt { (lang.t("Điều chỉnh", "Moved")) " " (lang.date(one.effective_date)) }
                dd {
                    (lang.period(one.old_due.as_ref())) " → " (lang.period(one.new_due.as_ref()))
                    ". " (document(lang, one.document.as_ref()))
                }
            }
        }
    }
}

fn reported(ask: &Ask, task: &pb::Task) -> Markup {
    let lang = ask.lang();
    html! {
        @match &task.report {
            None => p { (toned(Tone::Missing, lang.t("Chưa có báo cáo hoàn thành.",
                "Its completion is not reported."))) },
            Some(report) => {
                dl {
                    dt { (lang.t("Ngày hoàn thành", "Completed on")) }
                    dd { (lang.date(report.completion_date)) }
                    dt { (lang.t("Ghi lúc", "Recorded")) }
                    dd { (lang.time(report.record_time.as_ref())) }
                    dt { (lang.t("Minh chứng", "Evidence")) }
                    dd {
                        @if report.evidence.is_empty() {
                            (toned(Tone::Missing, lang.t("không có", "none")))
                        } @else { (evidence(lang, &report.evidence)) }
                    }
                }
                (text(&report.note))
            }
        }
        @if let Some(confirmation) = &task.confirmation {
            p {
                (toned(Tone::Done, lang.t("Đã xác nhận", "Confirmed"))) " "
                (lang.time(confirmation.record_time.as_ref()))
            }
        }
        @if let Some(last) = &task.last_return {
            p {
                (toned(Tone::Late, lang.t("Trả lại", "Returned"))) " "
                (lang.time(last.record_time.as_ref())) ": " (last.reason)
            }
        }
    }
}
