//! Search over platforms, agencies, tasks, recommendations and indicators; without case and
//! diacritics, as the API searches.

use maud::html;

use super::{
    Made,
    ask::{Ask, Failed},
    parts::{quoted, record},
};
use crate::pb;

/// Records of each kind that are shown.
const FOUND: i32 = 20;

/// Records of one kind: name and title.
type Records<'a> = Vec<(&'a str, &'a str)>;

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
    let request = pb::SearchPlatformsRequest {
        query: asked.to_owned(),
        page_size: FOUND,
        show_retired: true,
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let platforms = ask.get(ask.catalogue().search_platforms(request)).await?;
    // the words as one string each, so that none of them is read as an operator
    let words: Vec<_> = asked.split_whitespace().map(quoted).collect();
    let words = words.join(" ");
    let request = pb::ListAgenciesRequest {
        page_size: FOUND,
        filter: words.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let agencies = ask.get(ask.catalogue().list_agencies(request)).await?;
    let request = pb::ListTasksRequest {
        page_size: FOUND,
        filter: words.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let tasks = ask.get(ask.tasks().list_tasks(request)).await?;
    let request = pb::ListRecommendationsRequest {
        page_size: FOUND,
        filter: words.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let recommendations = ask
        .get(ask.recommendations().list_recommendations(request))
        .await?;
    let request = pb::ListIndicatorsRequest {
        page_size: FOUND,
        filter: words.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let indicators = ask.get(ask.indicators().list_indicators(request)).await?;
    let kinds: [(&str, &str, Records<'_>); 5] = [
        (
            lang.t("Nền tảng", "Platforms"),
            "/platforms",
            platforms
                .platforms
                .iter()
                .map(|it| {
                    let name = lang.either(&it.display_name, &it.display_name_en, &it.name);
                    (&*it.name, name)
                })
                .collect(),
        ),
        (
            lang.t("Cơ quan", "Agencies"),
            "",
            agencies
                .agencies
                .iter()
                .map(|it| {
                    let name = lang.either(&it.display_name, &it.display_name_en, &it.name);
                    (&*it.name, name)
                })
                .collect(),
        ),
        (
            lang.t("Nhiệm vụ", "Tasks"),
            "/tasks",
            tasks
                .tasks
                .iter()
                .map(|it| (&*it.name, &*it.display_name))
                .collect(),
        ),
        (
            lang.t("Kiến nghị", "Recommendations"),
            "/recommendations",
            recommendations
                .recommendations
                .iter()
                .map(|it| (&*it.name, &*it.display_name))
                .collect(),
        ),
        (
            lang.t("Chỉ tiêu", "Indicators"),
            "/indicators",
            indicators
                .indicators
                .iter()
                .map(|it| {
                    let name = lang.either(&it.display_name, &it.display_name_en, &it.name);
                    (&*it.name, name)
                })
                .collect(),
        ),
    ];
    let nothing = kinds.iter().all(|(_, _, found)| found.is_empty());
    Ok(Made {
        title: format!("{title}: {asked}"),
        main: html! {
            section.wide {
                h1 { (title) ": “" (asked) "”" }
                @if nothing {
                    p.none { (lang.t("Không tìm thấy bản ghi nào.", "Nothing was found.")) }
                }
                @for (word, path, found) in &kinds {
                    @if !found.is_empty() {
                        h2 { (word) }
                        ul.columns {
                            @for (resource, name) in found { li { (record(ask, resource, name)) } }
                        }
                        @if i32::try_from(found.len()).is_ok_and(|it| it == FOUND)
                            && !path.is_empty() {
                            p.ends {
                                a href=(ask.address.with(path, &[("filter", &words)])) {
                                    (lang.t("Xem tất cả", "See all"))
                                }
                            }
                        }
                    }
                }
            }
        },
    })
}
