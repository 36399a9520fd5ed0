//! Indicators: the list, and one with its definition, its values over time and by agency.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    Made,
    ask::{Ask, Failed},
    comparison::ranking,
    extent::first_rows,
    lists::list_page,
    parts::{
        ROWS, document, downloads, downloads_in_part, fact, history, nothing, record, table, text,
    },
    picture::{Series, Tone, lines, toned},
    words::{NONE, read},
};
use crate::pb::{self, observation::Finality};

/// Values that a page is made of, the newest first.
const VALUES: i32 = 400;

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListIndicatorsRequest {
        page_size: ROWS,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        order_by: "display_name".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let answer = ask.get(ask.indicators().list_indicators(request)).await?;
    let heads = [
        (lang.t("Chỉ tiêu", "Indicator"), false),
        (lang.t("Đơn vị tính", "Unit"), false),
        (lang.t("Loại kỳ", "Type of period"), false),
        (lang.t("Mục tiêu gần nhất", "Latest target"), false),
    ];
    let rows = html! {
        @for one in &answer.indicators {
            @let name = lang.either(&one.display_name, &one.display_name_en, &one.name);
            tr {
                td.what { (record(ask, &one.name, name)) }
                td { (lang.value("Indicator.Unit", one.unit().as_str_name())) }
                td { (lang.value("Indicator.PeriodType", one.period_type().as_str_name())) }
                td {
                    @match one.targets.last() {
                        Some(target) => {
                            (lang.decimal(&target.value)) " "
                            (lang.t("đến ", "by ")) (lang.date(target.target_date))
                        }
                        None => (NONE),
                    }
                }
            }
        }
    };
    let title = lang.t("Chỉ tiêu", "Indicators");
    let rows = match answer.indicators.is_empty() {
        true => nothing(lang),
        false => table(lang, title, &heads, &rows),
    };
    let files = ask.address.files("/v1/indicators", filter);
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
    let name = format!("indicators/{id}");
    let request = pb::GetIndicatorRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let indicator = ask.get(ask.indicators().get_indicator(request)).await?;
    let request = pb::ListObservationsRequest {
        parent: name.clone(),
        page_size: VALUES,
        order_by: "period.end desc".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let (observed, extent) = first_rows(ask, request).await?;
    let observations = observed.observations;
    let newest = newest(&observations);
    let names = ask.names(newest.iter().map(|it| &*it.agency)).await?;
    let of_agencies = observations.iter().find(|it| !it.agency.is_empty());
    let ranking = ranking(ask, &indicator, of_agencies).await?;
    let title = lang.either(&indicator.display_name, &indicator.display_name_en, &name);
    let unit = lang.value("Indicator.Unit", indicator.unit().as_str_name());
    let mut rows: Vec<_> = newest.iter().collect();
    rows.sort_by_key(|it| names.of(&it.agency, lang).to_lowercase());
    let files = ask.address.files(&format!("/v1/{name}/observations"), "");
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                p.kind { (lang.t("Chỉ tiêu", "Indicator")) ", " (unit) }
                h1 { (title) }
                (text(&indicator.description))
            }
            section {
                h2 { (lang.t("Số liệu theo kỳ", "Values by period")) }
                (series(ask, &observations, title))
            }
            section {
                h2 { (lang.t("Định nghĩa", "Definition")) }
                (definitions(ask, &indicator))
            }
            section.wide {
                h2 { (lang.t("Theo cơ quan, kỳ gần nhất", "By agency, latest period")) }
                @if rows.is_empty() { (nothing(lang)) } @else {
                    (ranking)
                    (values(ask, &rows, &names))
                }
                @if extent.is_part() {
                    p.extent {
                        (lang.t("Trang này dùng ", "This page has ")) (extent.text(lang))
                        (lang.t(
                            " giá trị, tính từ kỳ mới nhất; cơ quan chỉ có giá trị cũ hơn không \
                             hiện ở đây.",
                            " values, of the latest periods; an agency that has only older ones \
                             is not shown.",
                        ))
                    }
                }
                p.ends {
                    @if extent.is_part() { (downloads_in_part(lang, &files)) }
                    @else { (downloads(lang, &files)) }
                }
                (history(ask, &name))
            }
        },
    })
}

/// The newest value of each agency; the values are given with the newest first.
fn newest(observations: &[pb::Observation]) -> Vec<pb::Observation> {
    let mut seen = BTreeMap::new();
    for one in observations.iter().filter(|it| !it.agency.is_empty()) {
        seen.entry(one.agency.clone())
            .or_insert_with(|| one.clone());
    }
    seen.into_values().collect()
}

/// Values of the country and of classes of agencies over time. The table says which are
/// provisional.
fn series(ask: &Ask, observations: &[pb::Observation], title: &str) -> Markup {
    use pb::observation::Scope;
    let lang = ask.lang();
    let scoped: Vec<_> = observations
        .iter()
        .filter(|it| it.agency.is_empty() && it.value.parse::<f64>().is_ok())
        .collect();
    // periods that end on the same day share a place on the axis
    let mut ends: Vec<_> = scoped
        .iter()
        .filter_map(|it| read(it.period.as_ref()?.end))
        .collect();
    ends.sort_unstable();
    ends.dedup();
    if ends.is_empty() {
        return html! {
            p { (toned(Tone::Missing, lang.t("Chưa có số liệu toàn quốc hoặc theo khối.",
                "No value of the country or a class of agencies."))) }
        };
    }
    let heads: Vec<_> = ends.iter().map(|it| lang.month(*it)).collect();
    let scopes = [
        (Scope::Country, Tone::Going),
        (Scope::Ministries, Tone::Done),
        (Scope::Localities, Tone::Soon),
    ];
    let all = scopes.into_iter().filter_map(|(scope, tone)| {
        let of: Vec<_> = scoped.iter().filter(|it| it.scope() == scope).collect();
        if of.is_empty() {
            return None;
        }
        let at = |end| of.iter().find(|it| read(it.period.and_end()) == Some(end));
        let values = ends
            .iter()
            .map(|end| at(*end).and_then(|it| it.value.parse().ok()));
        let texts = ends.iter().map(|end| match at(*end) {
            None => NONE.to_owned(),
            Some(it) if it.finality() == Finality::Provisional => {
                format!(
                    "{} {}",
                    lang.decimal(&it.value),
                    lang.t("(tạm tính)", "(provisional)")
                )
            }
            Some(it) => lang.decimal(&it.value),
        });
        Some(Series {
            name: lang
                .value("Observation.Scope", scope.as_str_name())
                .to_owned(),
            tone,
            values: values.collect(),
            texts: texts.collect(),
        })
    });
    let all: Vec<_> = all.collect();
    lines(lang, title, &heads, &all)
}

/// The last day of a period that may be absent.
trait End {
    fn and_end(&self) -> Option<pb::Date>;
}

impl End for Option<pb::Period> {
    fn and_end(&self) -> Option<pb::Date> {
        self.as_ref()?.end
    }
}

fn values(ask: &Ask, rows: &[&pb::Observation], names: &super::ask::Names) -> Markup {
    let lang = ask.lang();
    let heads = [
        (lang.t("Cơ quan", "Agency"), false),
        (lang.t("Kỳ số liệu", "Period"), false),
        (lang.t("Giá trị", "Value"), true),
        (lang.t("Tử số/mẫu số", "Numerator/denominator"), true),
        (lang.t("Mục tiêu", "Target"), true),
        (lang.t("Căn cứ của số liệu", "Basis"), false),
    ];
    let body = html! {
        @for one in rows {
            @let basis = lang.value("Observation.Basis", one.basis().as_str_name());
            @let last = lang.value("Observation.Finality", one.finality().as_str_name());
            tr {
                th scope="row" { (record(ask, &one.agency, names.of(&one.agency, lang))) }
                td.date { (lang.period(one.period.as_ref())) }
                td.number {
                    @if one.value.is_empty() { (NONE) } @else { (lang.decimal(&one.value)) }
                }
                td.number {
                    @if one.numerator.is_empty() { (NONE) } @else {
                        (lang.decimal(&one.numerator)) "/" (lang.decimal(&one.denominator))
                    }
                }
                td.number {
                    @if one.target_value.is_empty() { (NONE) } @else {
                        (lang.decimal(&one.target_value))
                    }
                }
                td { (basis) span.small { (last) } }
            }
        }
    };
    table(lang, lang.t("Theo cơ quan", "By agency"), &heads, &body)
}

/// The newest definition.
fn definitions(ask: &Ask, indicator: &pb::Indicator) -> Markup {
    let lang = ask.lang();
    let Some(it) = indicator.definitions.last() else {
        return nothing(lang);
    };
    html! {
        dl {
            dt { (lang.t("Phiên bản định nghĩa", "Version")) }
            dd {
                (it.version)
                @if it.start_date.is_some() {
                    ", " (lang.t("từ ", "from ")) (lang.date(it.start_date))
                }
            }
            dt { (lang.t("Văn bản", "Document")) }
            dd { (document(lang, it.document.as_ref())) }
            (fact(lang.t("Tử số", "Numerator"),
                lang.either(&it.numerator, &it.numerator_en, "")))
            (fact(lang.t("Mẫu số", "Denominator"),
                lang.either(&it.denominator, &it.denominator_en, "")))
            (fact(lang.t("Nguồn số liệu", "Source of the values"), &it.source_system))
            (fact(lang.t("Cách kiểm tra", "Verification"), &it.verification))
            (fact(lang.t("Độ chính xác", "Accuracy"), &it.accuracy))
            (fact(lang.t("Hạn chế", "Limits"), &it.limits))
            (fact(lang.t("Cách bù đắp", "Compensation"), &it.compensation))
        }
        (super::parts::sources(lang, &it.sources))
    }
}
