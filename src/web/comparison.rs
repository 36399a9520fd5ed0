//! Indicators of agencies side by side: the lines of one agency with its targets and the median of
//! its class, and, where a reader asks for it, the ranking of a class by one indicator. There is
//! no score over several.
//!
//! The median is the one number that a page makes itself: the middle one of the values that
//! ComputeScoreboard answers.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    ask::{Ask, Failed, named},
    extent::{Extent, Window, first_rows},
    parts::{not_printed, nothing, of_day, record, top_of},
    picture::{Series, Tone, lines},
    words::{Lang, NONE, read},
};
use crate::pb::{self, agency::Kind, observation::Basis};
use ndp_core::time::Date;

/// Values of an agency that are read, the newest first.
const VALUES: i32 = 200;
/// Indicators of an agency that have a chart, and those when all are asked for.
const INDICATORS: usize = 6;
const ALL_INDICATORS: usize = 30;
/// Periods, the newest first, that have a median.
const PERIODS: usize = 4;

/// The parameter that asks for the charts of all indicators.
const CHARTS: &str = "indicators";

/// Most agencies of a class that is ranked or has a median: one page of the scoreboard. There are
/// more communes.
const CLASS: i32 = 1000;

/// The period and basis that values must share to be compared.
#[derive(Clone, Debug, PartialEq)]
struct Compared {
    period: pb::Period,
    basis: Basis,
}

impl Compared {
    fn like(one: &pb::Observation) -> Option<Self> {
        Some(Self {
            period: one.period.clone()?,
            basis: one.basis(),
        })
    }
}

async fn scoreboard(
    ask: &Ask,
    kind: Kind,
    indicators: Vec<String>,
    with: &Compared,
) -> Result<pb::ComputeScoreboardResponse, Failed> {
    let request = pb::ComputeScoreboardRequest {
        page_size: CLASS,
        agency_kind: kind.into(),
        indicators,
        period: Some(with.period.clone()),
        basis: with.basis.into(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    ask.get(ask.monitoring().compute_scoreboard(request)).await
}

// === the indicators of an agency ===

/// Lines of the indicators that an agency has values of.
pub(super) async fn of_agency(ask: &Ask, agency: &pb::Agency) -> Result<Markup, Failed> {
    let lang = ask.lang();
    let request = pb::ListObservationsRequest {
        parent: "indicators/-".to_owned(),
        page_size: VALUES,
        filter: super::lists::of_agency("agency", &agency.name),
        order_by: "period.end desc".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let (observed, values_extent) = first_rows(ask, request).await?;
    let mut by_indicator = BTreeMap::<&str, Vec<&pb::Observation>>::new();
    for one in &observed.observations {
        if one.value.parse::<f64>().is_ok() {
            by_indicator.entry(top_of(&one.name)).or_default().push(one);
        }
    }
    let wants_all = ask.address.get(CHARTS) == "all";
    let most = if wants_all {
        ALL_INDICATORS
    } else {
        INDICATORS
    };
    let count = by_indicator.len();
    let shown: Vec<_> = by_indicator.into_iter().take(most).collect();
    if shown.is_empty() {
        return Ok(html! {});
    }
    let extent = Extent::new(shown.len(), count, false);
    let href = if wants_all {
        String::new()
    } else {
        ask.address.again(CHARTS, "all")
    };
    let medians = medians(ask, agency.kind(), &shown).await?;
    let names: Vec<_> = shown.iter().map(|(name, _)| *name).collect();
    let request = pb::ListIndicatorsRequest {
        page_size: 100,
        filter: named(&names),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let indicators = ask.get(ask.indicators().list_indicators(request)).await?;
    Ok(html! {
        section.wide {
            h2 { (lang.t("Chỉ tiêu: giá trị, mục tiêu và trung vị của khối",
                "Indicators: value, target and median of the class")) }
            (of_day(ask))
            div.charts {
                @for (name, observations) in &shown {
                    @let found = indicators.indicators.iter().find(|it| it.name == *name);
                    @let title = found.map_or(*name, |it| {
                        lang.either(&it.display_name, &it.display_name_en, name)
                    });
                    div {
                        h3 { (record(ask, name, title)) }
                        (chart(lang, title, observations, &medians))
                    }
                }
            }
            p.small {
                (lang.t(
                    "Trung vị được tính cho 4 kỳ gần nhất của khối có không quá 1.000 cơ quan.",
                    "The median is of the 4 latest periods, of classes of at most 1,000 agencies.",
                ))
                @if values_extent.is_part() {
                    " " (lang.t("Các biểu đồ dùng ", "The charts have "))
                    (values_extent.text(lang))
                    (lang.t(" giá trị, tính từ mới nhất.", " values, the newest."))
                }
            }
            (extent.note(lang, &href))
        }
    })
}

/// Medians by indicator and last day of the period, of the newest periods.
type Medians = BTreeMap<(String, Date), f64>;

async fn medians(
    ask: &Ask,
    kind: Kind,
    shown: &[(&str, Vec<&pb::Observation>)],
) -> Result<Medians, Failed> {
    let mut asked = Vec::<(Compared, Vec<String>)>::new();
    for (name, observations) in shown {
        for one in observations.iter().take(PERIODS) {
            let Some(with) = Compared::like(one) else {
                continue;
            };
            match asked.iter_mut().find(|(it, _)| *it == with) {
                Some((_, indicators)) if indicators.iter().any(|it| it == name) => {}
                Some((_, indicators)) => indicators.push((*name).to_owned()),
                None => asked.push((with, vec![(*name).to_owned()])),
            }
        }
    }
    asked.sort_by_key(|(it, _)| std::cmp::Reverse(read(it.period.end)));
    let mut medians = Medians::new();
    for (with, indicators) in asked.into_iter().take(PERIODS) {
        let board = match scoreboard(ask, kind, indicators, &with).await {
            Ok(board) if board.next_page_token.is_empty() => board,
            // a class of more than a page, or values by several definitions, have no median
            Ok(_) => continue,
            Err(failed) if failed.code.is_client_error() => continue,
            Err(failed) => return Err(failed),
        };
        let Some(end) = read(with.period.end) else {
            continue;
        };
        for (at, column) in board.columns.iter().enumerate() {
            let cells = board.rows.iter().filter_map(|it| it.cells.get(at));
            let values = cells.filter_map(|it| it.value.parse().ok()).collect();
            if let Some(median) = median(values) {
                medians.insert((column.indicator.clone(), end), median);
            }
        }
    }
    Ok(medians)
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

fn chart(lang: Lang, title: &str, observations: &[&pb::Observation], medians: &Medians) -> Markup {
    let end = |one: &pb::Observation| read(one.period.as_ref()?.end);
    let mut ends: Vec<_> = observations.iter().filter_map(|it| end(it)).collect();
    ends.sort_unstable();
    ends.dedup();
    let at = |day: Date| observations.iter().find(|it| end(it) == Some(day));
    let series = |name: &'static str, tone: Tone, text: &dyn Fn(Date) -> Option<String>| {
        let texts: Vec<_> = ends.iter().map(|day| text(*day)).collect();
        Series {
            name: name.to_owned(),
            tone,
            values: texts.iter().map(|it| it.as_ref()?.parse().ok()).collect(),
            texts: texts
                .iter()
                .map(|it| it.as_ref().map_or(NONE.to_owned(), |it| lang.decimal(it)))
                .collect(),
        }
    };
    let value = |day| at(day).map(|it| it.value.clone());
    let target = |day| {
        let target = at(day).map(|it| it.target_value.clone());
        target.filter(|it| !it.is_empty())
    };
    let indicator = observations.first().map_or("", |it| top_of(&it.name));
    let middle = |day| {
        let median = medians.get(&(indicator.to_owned(), day));
        median.map(|it| shortest(*it))
    };
    let all = [
        series(lang.t("Giá trị", "Value"), Tone::Going, &value),
        series(lang.t("Mục tiêu", "Target"), Tone::Soon, &target),
        series(
            lang.t("Trung vị của khối", "Median of the class"),
            Tone::Done,
            &middle,
        ),
    ];
    let known = |it: &Series| it.values.iter().any(Option::is_some);
    let all: Vec<_> = all.into_iter().filter(known).collect();
    let heads: Vec<_> = ends.iter().map(|it| lang.month(*it)).collect();
    lines(lang, title, &heads, &all)
}

/// A number with two decimals at most.
fn shortest(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

// === a class by one indicator ===

/// Classes of agencies that can be ranked.
const CLASSES: [Kind; 5] = [
    Kind::Ministry,
    Kind::MinisterialAgency,
    Kind::GovernmentAgency,
    Kind::ProvincialPeoplesCommittee,
    Kind::CommunePeoplesCommittee,
];

/// The parameters that ask for a class, and for its order.
const RANK: &str = "rank";
const SORT: &str = "sort";

/// How a ranking is sorted, by the value of the parameter: by rank where it names none.
const BY_NAME: &str = "name";

/// Rows of a ranking on one page.
const RANKED: usize = 100;

/// The ranking of a class by an indicator, where the reader asks for one: on the period and basis
/// of this value.
pub(super) async fn ranking(
    ask: &Ask,
    indicator: &pb::Indicator,
    newest: Option<&pb::Observation>,
) -> Result<Markup, Failed> {
    let lang = ask.lang();
    let Some(with) = newest.and_then(Compared::like) else {
        return Ok(html! {});
    };
    let word = |kind: Kind| lang.value("Agency.Kind", kind.as_str_name());
    let asked = CLASSES
        .into_iter()
        .find(|it| it.as_str_name() == ask.address.get(RANK));
    let choice = html! {
        p.ways-to {
            (lang.t("Xếp hạng theo chỉ tiêu này: ", "Rank by this indicator: "))
            @for (index, kind) in CLASSES.into_iter().enumerate() {
                @if index > 0 { " · " }
                @if asked == Some(kind) { strong { (word(kind)) } } @else {
                    a href=(ask.address.again(RANK, kind.as_str_name())) { (word(kind)) }
                }
            }
        }
    };
    let Some(kind) = asked else {
        return Ok(choice);
    };
    let board = match scoreboard(ask, kind, vec![indicator.name.clone()], &with).await {
        Ok(board) => board,
        Err(failed) if failed.code.is_client_error() => {
            return Ok(html! { (choice) p.warning role="note" { (failed.text(lang)) } });
        }
        Err(failed) => return Err(failed),
    };
    let by_name = ask.address.get(SORT) == BY_NAME;
    let mut rows: Vec<_> = board.rows.iter().collect();
    let name = |it: &pb::compute_scoreboard_response::Row| {
        let name = lang.either(
            &it.agency_display_name,
            &it.agency_display_name_en,
            &it.agency,
        );
        name.to_owned()
    };
    if by_name {
        rows.sort_by_key(|it| name(it).to_lowercase());
    }
    let measure = lang.either(
        &indicator.display_name,
        &indicator.display_name_en,
        &indicator.name,
    );
    let basis = lang.value("Observation.Basis", with.basis.as_str_name());
    let head = |text: &'static str, sort: &'static str, is_sorted: bool| {
        html! {
            th scope="col" aria-sort=[is_sorted.then_some("ascending")] {
                @if is_sorted { (text) } @else {
                    a href=(ask.address.again(SORT, sort)) { (text) }
                }
            }
        }
    };
    let title = lang.t("Xếp hạng", "Ranking");
    let window = Window::asked(ask, RANKED);
    let body = html! {
        @for row in window.of(&rows) {
            @let cell = row.cells.first();
            tr {
                td { (cell.and_then(|it| it.rank).map_or(NONE.to_owned(), |it| it.to_string())) }
                th scope="row" { (record(ask, &row.agency, &name(row))) }
                td.number {
                    @match cell.map(|it| &*it.value).filter(|it| !it.is_empty()) {
                        Some(value) => (lang.decimal(value)),
                        None => (lang.t("chưa có", "missing")),
                    }
                }
            }
        }
    };
    Ok(html! {
        (choice)
        h3 {
            (lang.t("Theo: ", "By: ")) (measure) ", " (lang.period(Some(&with.period))) ", " (basis)
        }
        @if rows.is_empty() { (nothing(lang)) } @else {
            div.scroll tabindex="0" role="group" aria-label=(title)
                data-rest=(not_printed(lang)) {
                table {
                    caption.hidden { (title) }
                    thead { tr {
                        (head(lang.t("Thứ hạng", "Rank"), "", !by_name))
                        (head(lang.t("Cơ quan", "Agency"), BY_NAME, by_name))
                        th.number scope="col" { (lang.t("Giá trị", "Value")) }
                    } }
                    tbody { (body) }
                }
            }
        }
        (window.note(ask, rows.len(), !board.next_page_token.is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_what_is_known() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(vec![4.0, 1.0, 9.0, 5.0]), Some(4.5));
        assert_eq!(shortest(4.5), "4.5");
        assert_eq!(shortest(100.0), "100");
        assert_eq!(shortest(2.0 / 3.0), "0.67");
    }
}
