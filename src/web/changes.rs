//! The log: who did what, when and why; and one change with what it wrote.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed, Names},
    called::{and_above, called, title},
    differences::{Difference, compared, differences, record_of},
    parts::{ROWS, document, left_out, nothing, quoted, record, table},
    words::{Lang, NONE},
};
use crate::{
    pb::{self, change::effect::Kind},
    wire::glossary::{heading, label, method_label},
};

/// Records of a change that its row names.
const NAMED: usize = 3;

/// Records of a change that its page shows, and those that are printed, as the style sheet has it.
const EFFECTS: usize = 20;
pub(super) const EFFECTS_PRINTED: usize = 6;

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let resource = ask.address.get("resource");
    let answer = listed(ask, resource, ROWS).await?;
    // by revision, and not by a token, which would say when the page was read
    let last = answer.changes.last().map(|it| it.revision.to_string());
    let before = last.filter(|_| !answer.next_page_token.is_empty());
    let rows = rows(ask, &answer.changes).await?;
    let title = match resource {
        "" => lang.t("Thay đổi", "Changes").to_owned(),
        resource => {
            let names = called(ask, and_above(resource).map(str::to_owned).collect()).await?;
            let called = title(&names, lang, resource);
            format!("{} {called}", lang.t("Lịch sử của", "History of"))
        }
    };
    Ok(Made {
        title: title.clone(),
        main: html! {
            section.wide {
                h1 { (title) }
                @if !resource.is_empty() {
                    p { (record(ask, resource, lang.t("Xem bản ghi", "See the record"))) }
                }
                (rows)
                @if let Some(before) = before {
                    p.ends {
                        a rel="next" href=(ask.address.again("before", &before)) {
                            (lang.t("Trang sau", "Next page"))
                        }
                    }
                }
            }
        },
    })
}

/// The last changes, of a record where one is named; before the revision that the address names.
pub(super) async fn listed(
    ask: &Ask,
    resource: &str,
    page_size: i32,
) -> Result<pb::ListChangesResponse, Failed> {
    let mut limits = Vec::new();
    if !resource.is_empty() {
        limits.push(format!("resources:{}", quoted(resource)));
    }
    // the log is read as it is, so a page of the past leaves out what came later
    if ask.is_pinned() {
        limits.push(format!("revision <= {}", ask.revision));
    }
    if let Ok(before) = ask.address.get("before").parse::<u64>() {
        limits.push(format!("revision < {before}"));
    }
    let request = pb::ListChangesRequest {
        page_size,
        page_token: String::new(),
        filter: limits.join(" AND "),
        order_by: "revision desc".to_owned(),
    };
    ask.get(ask.changes().list_changes(request)).await
}

pub(super) async fn rows(ask: &Ask, changes: &[pb::Change]) -> Result<Markup, Failed> {
    let lang = ask.lang();
    if changes.is_empty() {
        return Ok(nothing(lang));
    }
    let mut named = BTreeSet::new();
    for change in changes {
        named.insert(change.agency.clone());
        for effect in change.effects.iter().take(NAMED) {
            named.extend(and_above(&effect.resource).map(str::to_owned));
        }
    }
    let names = called(ask, named).await?;
    let heads = [
        (lang.t("Phiên bản", "Revision"), true),
        (lang.t("Thời điểm ghi", "Recorded"), false),
        (lang.t("Thao tác", "What was done"), false),
        (lang.t("Bản ghi", "Records"), false),
        (lang.t("Người thực hiện", "Who did it"), false),
        (lang.t("Lý do", "Reason"), false),
    ];
    let rows = html! {
        @for change in changes {
            @let number = lang.number(change.revision);
            tr {
                td.number { (record(ask, &change.name, &number)) }
                td.date { (lang.time(change.record_time.as_ref())) }
                td { (method(lang, change)) }
                td {
                    @for (index, effect) in change.effects.iter().take(NAMED).enumerate() {
                        @if index > 0 { ", " }
                        (record(ask, &effect.resource, &title(&names, lang, &effect.resource)))
                    }
                    @let others = change.effects.len().saturating_sub(NAMED);
                    @if others > 0 {
                        ", " (lang.t("và ", "and ")) (lang.count(others))
                        (lang.t(" bản ghi khác", " more"))
                    }
                }
                td { (who(lang, change, &names)) }
                td { (change.reason) }
            }
        }
    };
    let title = lang.t("Thay đổi", "Changes");
    Ok(html! { div.items { (table(lang, title, &heads, &rows)) } })
}

/// What the glossary calls the method of a change.
pub(super) fn method(lang: Lang, change: &pb::Change) -> &str {
    match method_label(&change.method) {
        Some((vietnamese, english)) => lang.either(vietnamese, english, NONE),
        None if change.method.is_empty() => NONE,
        None => &change.method,
    }
}

/// Who made a change, as far as this caller may see.
fn who(lang: Lang, change: &pb::Change, names: &Names) -> Markup {
    let principal = change.principal.trim_start_matches("principals/");
    html! {
        @if !principal.is_empty() { (principal) }
        @if !change.actor.is_empty() { " (" (change.actor) ")" }
        @if !change.agency.is_empty() {
            span.small { (names.of(&change.agency, lang)) }
        }
    }
}

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let request = pb::GetChangeRequest {
        name: format!("changes/{id}"),
    };
    let change = ask.get(ask.changes().get_change(request)).await?;
    let title = format!(
        "{} {}",
        lang.t("Thay đổi", "Change"),
        lang.number(change.revision)
    );
    let effects = change.effects.iter().take(EFFECTS);
    let differing: Vec<_> = effects.map(|it| (it, differing(lang, it))).collect();
    let named = differing.iter().flat_map(|(effect, all)| {
        let within = all.iter().flat_map(Difference::resources);
        within.chain(and_above(&effect.resource).map(str::to_owned))
    });
    let named = named.chain([change.agency.clone()]).collect();
    let names = called(ask, named).await?;
    Ok(Made {
        title: title.clone(),
        main: html! {
            section.opening {
                p.kind { (method(lang, &change)) }
                h1 { (title) }
                dl.row {
                    dt { (lang.t("Thời điểm ghi", "Recorded")) }
                    dd { (lang.time(change.record_time.as_ref())) }
                    dt { (lang.t("Người thực hiện", "Who did it")) }
                    dd { (who(lang, &change, &names)) }
                    @if !change.reason.is_empty() {
                        dt { (lang.t("Lý do", "Reason")) }
                        dd { (change.reason) }
                    }
                }
                p {
                    a href={ "/v1/changes/" (id) } { "JSON" } " · "
                    a href={ "/v1/changes/" (id) ":proveInclusion" } {
                        (lang.t("Bằng chứng thay đổi có trong nhật ký",
                            "Proof that it is in the log"))
                    }
                }
            }
            @for (effect, differing) in &differing {
                section.wide.effect { (shown(ask, effect, differing, &names)) }
            }
            @if change.effects.len() > EFFECTS {
                p.small {
                    (lang.count(change.effects.len() - EFFECTS))
                    (lang.t(" bản ghi khác có trong JSON.", " more records are in the JSON."))
                }
            }
            (left_out(lang, EFFECTS_PRINTED, change.effects.len()))
        },
    })
}

/// What a field is called that a notice names by its path.
fn aspect(lang: Lang, path: &str) -> &str {
    let field = path.rsplit('.').next().unwrap_or(path);
    heading(field).map_or(path, |(vietnamese, english)| lang.t(vietnamese, english))
}

/// A value in a notice about a record: of one of the enums that time alone changes, or a bool.
fn noted<'a>(lang: Lang, resource: &str, value: &'a str) -> &'a str {
    let of = match resource {
        it if it.starts_with("recommendations/") => "Recommendation.Standing.State",
        it if it.contains("/milestones/") || it.starts_with("tasks/") => "Milestone.Standing.State",
        _ => "Plan.Freshness",
    };
    match value {
        "true" => lang.t("có", "yes"),
        "false" => lang.t("không", "no"),
        _ => match label(of, value) {
            Some(it) => lang.either(&it.display_name, &it.display_name_en, value),
            None => value,
        },
    }
}

/// The fields of a record that a change wrote.
fn differing(lang: Lang, effect: &pb::change::Effect) -> Vec<Difference> {
    let record = |it: &Option<pb::Record>| it.as_ref().and_then(record_of);
    let (old, new) = (record(&effect.old_record), record(&effect.new_record));
    differences(lang, old.as_ref(), new.as_ref())
}

/// What a change did to one record.
fn shown(
    ask: &Ask,
    effect: &pb::change::Effect,
    differing: &[Difference],
    names: &Names,
) -> Markup {
    let lang = ask.lang();
    let kind = effect.kind();
    let word = lang.value("Change.Effect.Kind", kind.as_str_name());
    html! {
        @let called = title(names, lang, &effect.resource);
        h2 { (record(ask, &effect.resource, &called)) }
        p { (word) @if called != effect.resource { ", " code { (effect.resource) } } }
        @if let Some(notice) = &effect.notice {
            @let value = |value| noted(lang, &effect.resource, value);
            p { (aspect(lang, &notice.aspect)) ": " (value(&notice.old_value)) " → "
                (value(&notice.new_value)) }
        }
        @if let Some(redaction) = &effect.redaction {
            p { (document(lang, redaction.document.as_ref())) }
        }
        @if kind == Kind::Put { (compared(ask, differing, names)) }
    }
}
