//! Editions: the decisions with a catalogue, and one with what it changed against the one before.

use http::StatusCode;
use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed, Names},
    extent::Extent,
    parts::{
        ROWS, columns, document, ends, history, left_out, prose, quoted, record, sources, table,
        text,
    },
    words::NONE,
};
use crate::pb;

/// Platforms of each kind of change that a page names.
const ENTRIES: usize = 100;

/// A list of at most this many platforms is open from the beginning.
const OPEN: usize = 12;

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let request = pb::ListEditionsRequest {
        page_size: ROWS,
        page_token: ask.address.get("page").to_owned(),
        order_by: "decision.issue_date desc".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let answer = ask.get(ask.catalogue().list_editions(request)).await?;
    let heads = [
        (lang.t("Danh mục", "Edition"), false),
        (lang.t("Văn bản", "Decision"), false),
        (
            lang.t("Số nền tảng văn bản công bố", "Platforms declared"),
            true,
        ),
        (
            lang.t("Số nền tảng có trong hệ thống", "Platforms held here"),
            true,
        ),
        (lang.t("Có hiệu lực từ", "In force from"), false),
        (lang.t("Hết hiệu lực", "In force until"), false),
    ];
    let rows = html! {
        @for one in &answer.editions {
            tr {
                td.what {
                    (record(ask, &one.name, &one.display_name))
                    @if one.pinned {
                        span.small { (lang.t("danh mục mặc định", "the default")) }
                    }
                }
                td { (document(lang, one.decision.as_ref())) }
                td.number { (declared(ask, one)) }
                td.number { (lang.number(one.held_platform_count.into())) }
                td.date { (lang.date(one.effective_start_date)) }
                td.date { (lang.date(one.effective_end_date)) }
            }
        }
    };
    let title = lang.t("Danh mục nền tảng", "Editions of the catalogue");
    let files = ask.address.files("/v1/editions", "");
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.wide {
                h1 { (title) }
                (table(lang, title, &heads, &rows))
                (ends(ask, &answer.next_page_token, &files))
            }
        },
    })
}

fn declared(ask: &Ask, edition: &pb::Edition) -> String {
    match edition.declared_platform_count {
        0 => NONE.to_owned(),
        count => ask.lang().number(count.into()),
    }
}

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let name = format!("editions/{id}");
    let request = pb::GetEditionRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let edition = ask.get(ask.catalogue().get_edition(request)).await?;
    let compared = if edition.previous_edition.is_empty() {
        Ok(None)
    } else {
        let request = pb::CompareEditionsRequest {
            base_edition: edition.previous_edition.clone(),
            target_edition: name.clone(),
            read_revision: ask.at_revision(),
            read_time: ask.time(),
        };
        let compared = ask.get(ask.catalogue().compare_editions(request)).await;
        match compared {
            // too little is held of one of them
            Err(failed) if failed.code == StatusCode::BAD_REQUEST => {
                Err(failed.text(lang).to_owned())
            }
            compared => Ok(Some(compared?)),
        }
    };
    let others = [&edition.previous_edition, &edition.repealing_edition];
    let names = ask.names(others.map(|it| &**it)).await?;
    let listed = format!("listings.edition:{}", quoted(&name));
    let title = &edition.display_name;
    Ok(Made {
        title: title.clone(),
        main: html! {
            section.opening {
                p.kind { (lang.t("Danh mục", "Edition")) }
                h1 { (title) }
                p.lead { (document(lang, edition.decision.as_ref())) }
                (text(&edition.note))
            }
            section {
                h2 { (lang.t("Số nền tảng", "Platforms")) }
                dl {
                    dt { (lang.t("Số văn bản công bố", "Declared by the decision")) }
                    dd { (declared(ask, &edition)) }
                    dt { (lang.t("Số có trong hệ thống", "Held here")) }
                    dd { a href=(ask.address.with("/platforms", &[("filter", &listed)])) {
                        (lang.number(edition.held_platform_count.into()))
                    } }
                    dt { (lang.t("Chênh lệch", "Difference")) }
                    dd {
                        @if edition.declared_platform_count == 0 { (NONE) } @else {
                            (lang.signed(i64::from(edition.declared_platform_count)
                                - i64::from(edition.held_platform_count)))
                        }
                    }
                    dt { (lang.t("Thời gian hiệu lực", "In force")) }
                    dd {
                        (lang.date(edition.effective_start_date)) " – "
                        (lang.date(edition.effective_end_date))
                    }
                    @if !edition.repealing_edition.is_empty() {
                        dt { (lang.t("Bị thay thế bởi", "Repealed by")) }
                        dd { (record(ask, &edition.repealing_edition,
                            names.of(&edition.repealing_edition, lang))) }
                    }
                }
                (sources(lang, &edition.sources))
            }
            @if !edition.groups.is_empty() {
                section {
                    h2 { (lang.t("Các nhóm của danh mục", "Groups of the edition")) }
                    ul {
                        @for group in &edition.groups {
                            li {
                                a href=(ask.address.with("/platforms", &[("filter",
                                    &format!("{listed} AND listings.group:{}",
                                        quoted(&group.code)))])) {
                                    (group.code)
                                    @if !group.title.is_empty() { ". " (group.title) }
                                }
                                @if group.declared_platform_count > 0 {
                                    " (" (lang.number(group.declared_platform_count.into())) ")"
                                }
                            }
                        }
                    }
                }
            }
            @match &compared {
                Ok(None) => {},
                Ok(Some(compared)) => (comparison(ask, compared, &names)),
                Err(why) => section.wide {
                    h2 {
                        (lang.t("So với ", "Against "))
                        (record(ask, &edition.previous_edition,
                            names.of(&edition.previous_edition, lang)))
                    }
                    p.warning role="note" { (prose(why)) }
                },
            }
            (history(ask, &name))
        },
    })
}

/// What an edition changed against the one before.
fn comparison(ask: &Ask, it: &pb::CompareEditionsResponse, names: &Names) -> Markup {
    let lang = ask.lang();
    let kinds = [
        (lang.t("Thêm mới", "Added"), &it.added),
        (lang.t("Đổi tên", "Renamed"), &it.renamed),
        (lang.t("Chuyển nhóm", "In another group"), &it.regrouped),
        (lang.t("Đưa ra khỏi danh mục", "Dropped"), &it.dropped),
        (lang.t("Giữ nguyên", "Kept"), &it.kept),
        (lang.t("Chưa xác định", "Unresolved"), &it.unresolved),
        (
            lang.t("Có thể trùng", "Likely the same"),
            &it.likely_matches,
        ),
    ];
    let href = ask.address.api(
        "/v1/editions:compare",
        &[
            ("baseEdition", &it.base_edition),
            ("targetEdition", &it.target_edition),
        ],
    );
    html! {
        section.wide {
            h2 {
                (lang.t("So với ", "Against "))
                (record(ask, &it.base_edition, names.of(&it.base_edition, lang)))
            }
            @if !it.conclusive {
                p.warning role="note" {
                    (lang.t(
                        "Chưa đủ dữ liệu của hai danh mục để kết luận nền tảng nào được đưa ra.",
                        "Too little of both editions is held to say which platforms were dropped.",
                    ))
                }
            }
            @for (word, entries) in kinds {
                @if !entries.is_empty() {
                    @let shown = entries.len().min(ENTRIES);
                    details.compared open[entries.len() <= OPEN] {
                        summary {
                            (word) ": "
                            (lang.count(entries.len()))
                        }
                        (columns(lang, shown, &html! {
                            @for entry in entries.iter().take(ENTRIES) {
                                @let name = lang.either(
                                    &entry.target_display_name, &entry.base_display_name,
                                    &entry.platform);
                                @let name = if name.is_empty() { &entry.base_display_name }
                                    else { name };
                                li {
                                    (record(ask, &entry.platform, name))
                                    @if !entry.base_display_name.is_empty()
                                        && entry.base_display_name != name {
                                        span.small {
                                            (lang.t("trước: ", "before: "))
                                            (entry.base_display_name)
                                        }
                                    }
                                }
                            }
                        }))
                        (Extent::new(shown, entries.len(), false).note(lang, &href))
                    }
                    @if entries.len() > OPEN { (left_out(lang, 0, entries.len())) }
                }
            }
        }
    }
}
