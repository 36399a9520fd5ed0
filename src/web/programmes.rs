//! Programmes: the list, and one with its documents and period, its tasks by how they stand, and
//! those that are not done.

use maud::html;

use super::{
    Made,
    ask::{Ask, Failed},
    changes::{listed as listed_changes, rows as change_rows},
    extent::first_rows,
    lists::list_page,
    parts::{
        ROWS, document, fact, history, nothing, of_day, quoted, record, sources, table, task_parts,
        text,
    },
    picture::{self, Tone, toned},
    tasks::{request as task_request, rows as task_rows},
    words::NONE,
};
use crate::pb;

/// Tasks that the page shows, by their due date.
const TASKS: i32 = 30;

/// The request for the programmes that this filter leaves.
pub(super) fn request(ask: &Ask, filter: &str, page_size: i32) -> pb::ListProgrammesRequest {
    pb::ListProgrammesRequest {
        page_size,
        filter: filter.to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListProgrammesRequest {
        page_token: ask.address.get("page").to_owned(),
        ..request(ask, filter, ROWS)
    };
    let answer = ask.get(ask.tasks().list_programmes(request)).await?;
    let agencies = answer.programmes.iter().map(|it| &*it.assigning_agency);
    let names = ask.names(agencies.filter(|it| !it.is_empty())).await?;
    let heads = [
        (lang.t("Chương trình", "Programme"), false),
        (lang.t("Cơ quan giao", "Assigning agency"), false),
        (lang.t("Thời gian thực hiện", "Period"), false),
        (lang.t("Số nhiệm vụ công bố", "Tasks declared"), true),
    ];
    let rows = html! {
        @for one in &answer.programmes {
            @let name = lang.either(&one.display_name, &one.display_name_en, &one.name);
            tr {
                td.what { (record(ask, &one.name, name)) }
                td {
                    (record(ask, &one.assigning_agency, names.of(&one.assigning_agency, lang)))
                }
                td.date { (lang.period(one.period.as_ref())) }
                td.number {
                    (one.declared_task_count.map_or(NONE.to_owned(), |it| lang.number(it.into())))
                }
            }
        }
    };
    let title = lang.t("Chương trình", "Programmes");
    let rows = match answer.programmes.is_empty() {
        true => nothing(lang),
        false => table(lang, title, &heads, &rows),
    };
    let files = ask.address.files("/v1/programmes", filter);
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let name = format!("programmes/{id}");
    let request = pb::GetProgrammeRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let programme = ask.get(ask.tasks().get_programme(request)).await?;
    let request = pb::ComputeSummaryRequest {
        programme: name.clone(),
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let summary = ask.get(ask.monitoring().compute_summary(request)).await?;
    let counts = summary.tasks.unwrap_or_default();
    let filter = format!("programmes:{}", quoted(&name));
    let open = format!("{filter} AND (state = OPEN OR state = REPORTED)");
    let (listed, extent) = first_rows(ask, task_request(ask, &open, TASKS)).await?;
    let mut named: Vec<&str> = vec![&programme.assigning_agency];
    named.extend(listed.tasks.iter().map(|it| &*it.agency));
    let names = ask
        .names(named.into_iter().filter(|it| !it.is_empty()))
        .await?;
    let changes = listed_changes(ask, &name, 10).await?;
    let changes = change_rows(ask, &changes.changes).await?;
    let title = lang.either(&programme.display_name, &programme.display_name_en, &name);
    let assigning = &programme.assigning_agency;
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                p.kind { (lang.t("Chương trình", "Programme")) }
                h1 { (title) }
                (text(&programme.description))
            }
            section {
                h2 { (lang.t("Thông tin", "Facts")) }
                dl {
                    @if programme.period.is_some() {
                        dt { (lang.t("Thời gian", "Period")) }
                        dd { (lang.period(programme.period.as_ref())) }
                    }
                    dt { (lang.t("Cơ quan giao", "Assigning agency")) }
                    dd {
                        @if assigning.is_empty() {
                            (toned(Tone::Missing, lang.t("chưa rõ", "not known")))
                        } @else { (record(ask, assigning, names.of(assigning, lang))) }
                    }
                    @for one in &programme.documents {
                        dt { (lang.t("Văn bản", "Document")) }
                        dd { (document(lang, Some(one))) }
                    }
                    @for (term, count) in [
                        (lang.t("Số nhiệm vụ công bố", "Tasks declared"),
                            programme.declared_task_count),
                        (lang.t("Số nhiệm vụ không công khai", "Tasks withheld"),
                            programme.withheld_task_count),
                    ] {
                        @if let Some(count) = count { (fact(term, &lang.number(count.into()))) }
                    }
                }
                (sources(lang, &programme.sources))
            }
            section {
                h2 {
                    a href=(ask.address.with("/tasks", &[("filter", &filter)])) {
                        (lang.t("Nhiệm vụ", "Tasks"))
                    }
                    span.of { " " (lang.number(counts.task_count().into())) }
                }
                (picture::stacked(lang, title, &task_parts(ask, &counts, &filter)))
            }
            section.wide {
                h2 {
                    a href=(ask.address.with("/tasks", &[("filter", &open)])) {
                        (lang.t("Nhiệm vụ chưa hoàn thành, theo thời hạn",
                            "Tasks that are not done, by due date"))
                    }
                }
                (of_day(ask))
                (task_rows(ask, &listed.tasks, &names))
                (extent.note(lang, &ask.address.with("/tasks", &[("filter", &open)])))
            }
            section.wide.later {
                h2 { (lang.t("Thay đổi gần nhất", "Latest changes")) }
                (changes)
                (history(ask, &name))
            }
        },
    })
}
