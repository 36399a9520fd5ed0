//! Search over platforms, agencies, tasks, recommendations and indicators; without case and
//! diacritics, as the API searches.

use maud::{Markup, html};

use super::{
    Made,
    address::Files,
    ask::{Ask, Failed},
    extent::{Extent, first_rows},
    parts::{columns, ends, quoted, record},
    recommendations::request as recommendation_request,
    tasks::request as task_request,
};
use crate::pb;

/// Records of each kind that are shown, and of one kind alone.
const FOUND: i32 = 20;
const FOUND_OF_KIND: i32 = 100;

/// The parameter that asks for one kind alone, and its one value: the other kinds have a list that
/// can be limited by the same words.
const KIND: &str = "kind";
const AGENCIES: &str = "agencies";

/// Records of one kind that were found.
struct Found {
    title: &'static str,
    /// Name and title of each.
    records: Vec<(String, String)>,
    extent: Extent,
    /// Where all of them are.
    href: String,
}

pub(super) async fn page(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let asked = ask.address.get("q").trim();
    let title = lang.t("Tìm kiếm", "Search");
    if asked.is_empty() {
        return Ok(Made {
            title: title.to_owned(),
            main: html! {
                section.wide {
                    h1 { (title) }
                    p { (lang.t("Nhập từ cần tìm ở ô phía trên; không cần gõ dấu.",
                        "Type words in the field above; diacritics are not needed.")) }
                }
            },
        });
    }
    // the words as one string each, so that none of them is read as an operator
    let words: Vec<_> = asked.split_whitespace().map(quoted).collect();
    let words = words.join(" ");
    let content = if ask.address.get(KIND) == AGENCIES {
        agencies_alone(ask, &words).await?
    } else {
        all_kinds(ask, asked, &words).await?
    };
    Ok(Made {
        title: format!("{title}: {asked}"),
        main: html! {
            section.wide {
                h1 { (title) ": “" (asked) "”" }
                (content)
            }
        },
    })
}

fn agency_request(ask: &Ask, words: &str, page_size: i32) -> pb::ListAgenciesRequest {
    pb::ListAgenciesRequest {
        page_size,
        filter: words.to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

async fn agencies_alone(ask: &Ask, words: &str) -> Result<Markup, Failed> {
    let lang = ask.lang();
    let request = pb::ListAgenciesRequest {
        page_token: ask.address.get("page").to_owned(),
        ..agency_request(ask, words, FOUND_OF_KIND)
    };
    let answer = ask.get(ask.catalogue().list_agencies(request)).await?;
    let found = answer.agencies.into_iter();
    let found = found.map(|it| (it.name, it.display_name, it.display_name_en));
    let records = named(ask, found);
    Ok(html! {
        h2 { (lang.t("Cơ quan", "Agencies")) }
        @if records.is_empty() { (nothing(ask)) } @else { (list(ask, &records)) }
        (ends(ask, &answer.next_page_token, &Files::default()))
    })
}

async fn all_kinds(ask: &Ask, asked: &str, words: &str) -> Result<Markup, Failed> {
    let lang = ask.lang();
    let of_words = |path: &str| ask.address.with(path, &[("filter", words)]);
    let mut all = Vec::new();

    let request = pb::SearchPlatformsRequest {
        query: asked.to_owned(),
        page_size: FOUND,
        show_retired: true,
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let (answer, extent) = first_rows(ask, request).await?;
    let found = answer.platforms.into_iter();
    all.push(Found {
        title: lang.t("Nền tảng", "Platforms"),
        records: named(
            ask,
            found.map(|it| (it.name, it.display_name, it.display_name_en)),
        ),
        extent,
        href: of_words("/platforms"),
    });

    let (answer, extent) = first_rows(ask, agency_request(ask, words, FOUND)).await?;
    let found = answer.agencies.into_iter();
    all.push(Found {
        title: lang.t("Cơ quan", "Agencies"),
        records: named(
            ask,
            found.map(|it| (it.name, it.display_name, it.display_name_en)),
        ),
        extent,
        href: ask.address.again(KIND, AGENCIES),
    });

    let (answer, extent) = first_rows(ask, task_request(ask, words, FOUND)).await?;
    let found = answer.tasks.into_iter();
    all.push(Found {
        title: lang.t("Nhiệm vụ", "Tasks"),
        records: found.map(|it| (it.name, it.display_name)).collect(),
        extent,
        href: of_words("/tasks"),
    });

    let (answer, extent) = first_rows(ask, recommendation_request(ask, words, FOUND)).await?;
    let found = answer.recommendations.into_iter();
    all.push(Found {
        title: lang.t("Kiến nghị", "Recommendations"),
        records: found.map(|it| (it.name, it.display_name)).collect(),
        extent,
        href: of_words("/recommendations"),
    });

    let request = pb::ListIndicatorsRequest {
        page_size: FOUND,
        filter: words.to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let (answer, extent) = first_rows(ask, request).await?;
    let found = answer.indicators.into_iter();
    all.push(Found {
        title: lang.t("Chỉ tiêu", "Indicators"),
        records: named(
            ask,
            found.map(|it| (it.name, it.display_name, it.display_name_en)),
        ),
        extent,
        href: of_words("/indicators"),
    });

    Ok(html! {
        @if all.iter().all(|it| it.records.is_empty()) { (nothing(ask)) }
        @for found in all.iter().filter(|it| !it.records.is_empty()) {
            h2 { (found.title) }
            (list(ask, &found.records))
            (found.extent.note(lang, &found.href))
        }
    })
}

/// Names and titles in the language of the page, from the titles in both.
fn named(
    ask: &Ask,
    found: impl Iterator<Item = (String, String, String)>,
) -> Vec<(String, String)> {
    let titled = found.map(|(name, vietnamese, english)| {
        let title = ask.lang().either(&vietnamese, &english, &name).to_owned();
        (name, title)
    });
    titled.collect()
}

fn list(ask: &Ask, records: &[(String, String)]) -> Markup {
    let items = html! {
        @for (resource, title) in records { li { (record(ask, resource, title)) } }
    };
    columns(ask.lang(), records.len(), &items)
}

fn nothing(ask: &Ask) -> Markup {
    let lang = ask.lang();
    html! { p.none { (lang.t("Không tìm thấy bản ghi nào.", "Nothing was found.")) } }
}
