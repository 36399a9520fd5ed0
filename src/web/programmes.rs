//! A programme: its documents and period, its tasks by how they stand, and those that are late.

use maud::html;

use super::{
    Made,
    ask::{Ask, Failed},
    changes::{listed as listed_changes, rows as change_rows},
    parts::{document, fact, history, quoted, record, sources, task_parts, text},
    picture::{self, Tone, toned},
    tasks::{listed as listed_tasks, rows as task_rows},
};
use crate::pb;

/// Tasks that the page shows, by their due date.
const TASKS: i32 = 30;

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
    let listed = listed_tasks(ask, &open, TASKS).await?;
    let mut named: Vec<&str> = vec![&programme.assigning_agency];
    named.extend(listed.tasks.iter().map(|it| &*it.agency));
    let names = ask
        .names(named.into_iter().filter(|it| !it.is_empty()))
        .await?;
    let changes = listed_changes(ask, &name, 10).await?;
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
                (task_rows(ask, &listed.tasks, &names))
            }
            section.wide.later {
                h2 { (lang.t("Thay đổi gần nhất", "Latest changes")) }
                (change_rows(ask, &changes.changes))
                (history(ask, &name))
            }
        },
    })
}
