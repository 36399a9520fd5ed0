//! How long a list is that a page shows in part: “20 of 57”, with a link to the whole.
//!
//! List methods do not answer a total. Where the answer has a next page, the rows after it are
//! asked for once, up to the largest page, and counted. A list that is longer still is said to have
//! more than that.

use maud::{Markup, html};
use prost::Message;

use super::{
    ask::{Ask, Failed},
    words::Lang,
};
use crate::pb;
use ndp_core::query::page::MAX_SIZE;

/// How many rows of a list a page shows, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    shown: usize,
    counted: usize,
    /// Whether there are more rows than were counted.
    goes_on: bool,
}

impl Extent {
    pub(super) const fn new(shown: usize, counted: usize, goes_on: bool) -> Self {
        Self {
            shown,
            counted,
            goes_on,
        }
    }

    /// Whether the page leaves rows out.
    pub(super) const fn is_part(self) -> bool {
        self.goes_on || self.counted > self.shown
    }

    /// “20 of 57”.
    pub(super) fn text(self, lang: Lang) -> String {
        let of = of(lang, self.counted, self.goes_on);
        format!("{} {of}", lang.count(self.shown))
    }

    /// That a list is shown in part, and where all of it is; empty where nothing is left out.
    pub(super) fn note(self, lang: Lang, href: &str) -> Markup {
        html! {
            @if self.is_part() {
                p.extent {
                    (lang.t("Đang hiện ", "Showing ")) (self.text(lang)) ". "
                    @if !href.is_empty() { a href=(href) { (lang.t("Xem tất cả", "See all")) } }
                }
            }
        }
    }
}

/// “of 57”, or that there are more than were counted.
fn of(lang: Lang, counted: usize, goes_on: bool) -> String {
    let of = match goes_on {
        true => lang.t("trong số hơn", "of more than"),
        false => lang.t("trong số", "of"),
    };
    format!("{of} {}", lang.count(counted))
}

/// A List method whose rows can be counted.
pub(super) trait Listing: Clone + Send {
    type Answer: Message;

    fn call(self, ask: &Ask) -> impl Future<Output = Result<Self::Answer, Failed>> + Send;

    /// The request for the rows after a page: as many as one answer can have.
    fn after(self, page_token: String) -> Self;

    fn row_count(answer: &Self::Answer) -> usize;

    fn next_page_token(answer: &Self::Answer) -> &str;
}

macro_rules! listings {
    ($($request:ident: $service:ident.$method:ident -> $answer:ident.$rows:ident;)*) => {$(
        impl Listing for pb::$request {
            type Answer = pb::$answer;

            async fn call(self, ask: &Ask) -> Result<Self::Answer, Failed> {
                ask.get(ask.$service().$method(self)).await
            }

            fn after(mut self, page_token: String) -> Self {
                self.page_token = page_token;
                self.page_size = i32::try_from(MAX_SIZE).unwrap_or(i32::MAX);
                self
            }

            fn row_count(answer: &Self::Answer) -> usize {
                answer.$rows.len()
            }

            fn next_page_token(answer: &Self::Answer) -> &str {
                &answer.next_page_token
            }
        }
    )*};
}

listings! {
    ListAgenciesRequest: catalogue.list_agencies -> ListAgenciesResponse.agencies;
    ListAttentionItemsRequest:
        monitoring.list_attention_items -> ListAttentionItemsResponse.attention_items;
    ListDataFlowsRequest: integration.list_data_flows -> ListDataFlowsResponse.data_flows;
    ListDeploymentsRequest: integration.list_deployments -> ListDeploymentsResponse.deployments;
    ListFiguresRequest: monitoring.list_figures -> ListFiguresResponse.figures;
    ListIndicatorsRequest: indicators.list_indicators -> ListIndicatorsResponse.indicators;
    ListMilestonesRequest: plans.list_milestones -> ListMilestonesResponse.milestones;
    ListObservationsRequest: indicators.list_observations -> ListObservationsResponse.observations;
    ListPlansRequest: plans.list_plans -> ListPlansResponse.plans;
    ListPlatformsRequest: catalogue.list_platforms -> ListPlatformsResponse.platforms;
    ListProgrammesRequest: tasks.list_programmes -> ListProgrammesResponse.programmes;
    ListRecommendationsRequest:
        recommendations.list_recommendations -> ListRecommendationsResponse.recommendations;
    ListTasksRequest: tasks.list_tasks -> ListTasksResponse.tasks;
    SearchPlatformsRequest: catalogue.search_platforms -> SearchPlatformsResponse.platforms;
}

/// The first rows of a list, and how long it is.
pub(super) async fn first_rows<T: Listing>(
    ask: &Ask,
    request: T,
) -> Result<(T::Answer, Extent), Failed> {
    let answer = request.clone().call(ask).await?;
    let shown = T::row_count(&answer);
    let token = T::next_page_token(&answer);
    if token.is_empty() {
        return Ok((answer, Extent::new(shown, shown, false)));
    }
    let extent = match request.after(token.to_owned()).call(ask).await {
        Ok(more) => {
            let goes_on = !T::next_page_token(&more).is_empty();
            Extent::new(shown, shown + T::row_count(&more), goes_on)
        }
        // a page that was made does not fail because its rows cannot be counted now
        Err(failed) if failed.is_passing() => Extent::new(shown, shown, true),
        Err(failed) => return Err(failed),
    };
    Ok((answer, extent))
}

/// The parameter that asks for the rows of a long table after this many.
const FROM: &str = "from";

/// Some rows of a table whose rows a page has all read: those that the address asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    from: usize,
    size: usize,
}

impl Window {
    pub(super) fn asked(ask: &Ask, size: usize) -> Self {
        let from = ask.address.get(FROM).parse().unwrap_or_default();
        Self { from, size }
    }

    pub(super) fn of<T>(self, rows: &[T]) -> impl Iterator<Item = &T> {
        rows.iter().skip(self.from).take(self.size)
    }

    /// Which rows these are, and the ways to those before and after; empty where they are all.
    /// `goes_on` says that more rows than were counted were not read.
    pub(super) fn note(self, ask: &Ask, counted: usize, goes_on: bool) -> Markup {
        let lang = ask.lang();
        let Self { from, size } = self;
        let to = (from.saturating_add(size)).min(counted);
        let first = if from < to { from + 1 } else { to };
        let rows = format!("{}–{}", lang.count(first), lang.count(to));
        let again = |from: usize| match from {
            0 => ask.address.again(FROM, ""),
            _ => ask.address.again(FROM, &from.to_string()),
        };
        html! {
            @if from > 0 || to < counted || goes_on {
                p.extent {
                    (lang.t("Đang hiện ", "Showing ")) (rows) " "
                    (of(lang, counted, goes_on)) ". "
                    @if from > 0 {
                        a rel="prev" href=(again(from.saturating_sub(size))) {
                            (lang.t("Trang trước", "Previous page"))
                        } " "
                    }
                    @if to < counted {
                        a rel="next" href=(again(to)) { (lang.t("Trang sau", "Next page")) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_part_says_so_in_both_languages() {
        let part = Extent::new(20, 1057, false);
        assert_eq!(part.text(Lang::Vi), "20 trong số 1.057");
        assert_eq!(part.text(Lang::En), "20 of 1,057");
        let note = part.note(Lang::En, "/tasks").into_string();
        assert!(note.contains("Showing 20 of 1,057."), "{note}");
        assert!(note.contains("href=\"/tasks\""), "{note}");
        let long = Extent::new(20, 1020, true);
        assert_eq!(long.text(Lang::Vi), "20 trong số hơn 1.020");
        assert_eq!(long.text(Lang::En), "20 of more than 1,020");
    }

    #[test]
    fn a_whole_list_says_nothing() {
        let whole = Extent::new(20, 20, false);
        assert_eq!(whole.note(Lang::Vi, "/tasks").into_string(), "");
    }
}
