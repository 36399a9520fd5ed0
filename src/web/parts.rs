//! What several pages show in the same way: records by their links, documents, sources, states with
//! their colour, tables and lists, and what stands below a list.

use maud::{Markup, html};

use super::{
    address::Files,
    ask::Ask,
    picture::{Part, Tone, toned},
    words::{Lang, NONE, read},
};
use crate::pb::{
    self, milestone::standing::State as Standing, recommendation::standing::State as Answering,
};
use ndp_core::time::Date;

/// Rows of a page of a list.
pub(super) const ROWS: i32 = 50;

/// The resource at the top of a name, as the platform of a plan or the indicator of an observation.
pub(super) fn top_of(resource: &str) -> &str {
    let mut ends = resource.match_indices('/').map(|(at, _)| at);
    let end = ends.nth(1).unwrap_or(resource.len());
    resource.get(..end).unwrap_or(resource)
}

/// The path of the page that shows a record, or the record that it is part of; empty where no page
/// does.
pub(super) fn path_of(resource: &str) -> String {
    let parts: Vec<_> = resource.split('/').collect();
    match parts.as_slice() {
        [
            kind @ ("agencies" | "platforms" | "tasks" | "indicators" | "editions"
            | "recommendations" | "programmes" | "figures" | "changes"),
            id,
            ..,
        ] => format!("/{kind}/{id}"),
        _ => String::new(),
    }
}

/// A record as a link to its page, or to its history where it has no page.
pub(super) fn record(ask: &Ask, resource: &str, text: &str) -> Markup {
    let path = path_of(resource);
    let href = match &*path {
        "" => ask.address.with("/changes", &[("resource", resource)]),
        path => ask.address.to(path),
    };
    let text = if text.is_empty() { resource } else { text };
    html! {
        @if resource.is_empty() { (NONE) } @else { a href=(href) { (text) } }
    }
}

/// The way to what happened to a record.
pub(super) fn history(ask: &Ask, resource: &str) -> Markup {
    let lang = ask.lang();
    html! {
        p.history {
            a href=(ask.address.with("/changes", &[("resource", resource)])) {
                (lang.t("Lịch sử thay đổi của bản ghi này", "History of this record"))
            }
            " · "
            a href={ "/v1/" (resource) } { "JSON" }
        }
    }
}

/// A link to another site; only the text where the address is not one of the web.
pub(super) fn outside(uri: &str, text: &str) -> Markup {
    let is_web = uri.starts_with("https://") || uri.starts_with("http://");
    html! {
        @if is_web { a href=(uri) rel="noreferrer external" { (text) } } @else { (text) }
    }
}

/// A document as texts cite it.
pub(super) fn document(lang: Lang, document: Option<&pb::Document>) -> Markup {
    let Some(document) = document else {
        return html! { (NONE) };
    };
    let mut text = lang
        .value("Document.Kind", document.kind().as_str_name())
        .to_owned();
    if document.kind() == pb::document::Kind::Unspecified {
        text.clear();
    }
    text = format!("{text} {}", document.symbol).trim().to_owned();
    if let Some(date) = read(document.issue_date) {
        let on = lang.t("ngày", "of");
        text = format!("{text} {on} {}", lang.day(date));
    }
    if text.is_empty() {
        text.clone_from(&document.title);
    }
    html! {
        (outside(&document.uri, &text))
        @if !document.issuer.is_empty() { " (" (document.issuer) ")" }
    }
}

/// Where something is known from.
pub(super) fn sources(lang: Lang, sources: &[pb::Source]) -> Markup {
    html! {
        @if !sources.is_empty() {
            p.sources {
                (lang.t("Nguồn: ", "Sources: "))
                @for (index, source) in sources.iter().enumerate() {
                    @if index > 0 { "; " }
                    @let text = if source.note.is_empty() { host(&source.uri) }
                        else { &source.note };
                    (outside(&source.uri, text))
                }
                "."
            }
        }
    }
}

/// The host in an address, without `www.`.
pub(super) fn host(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host)
}

pub(super) const fn standing_tone(state: Standing) -> Tone {
    match state {
        Standing::CompletedOnTime => Tone::Done,
        Standing::CompletedLate => Tone::DoneLate,
        Standing::OnSchedule => Tone::Going,
        Standing::Overdue => Tone::Late,
        Standing::NotYetDue | Standing::Regular | Standing::Dropped => Tone::None,
        Standing::Unspecified => Tone::Missing,
    }
}

pub(super) fn standing(lang: Lang, state: Standing) -> Markup {
    let word = lang.value("Milestone.Standing.State", state.as_str_name());
    toned(standing_tone(state), word)
}

pub(super) const fn answering_tone(state: Answering) -> Tone {
    match state {
        Answering::AnsweredOnTime => Tone::Done,
        Answering::AnsweredLate => Tone::DoneLate,
        Answering::Waiting => Tone::Going,
        Answering::Overdue => Tone::Late,
        Answering::Rejected => Tone::None,
        Answering::Unspecified => Tone::Missing,
    }
}

pub(super) const fn rating_tone(rating: pb::Rating) -> Tone {
    match rating {
        pb::Rating::OnTrack => Tone::Done,
        pb::Rating::AtRisk => Tone::Soon,
        pb::Rating::OffTrack => Tone::Late,
        pb::Rating::Unspecified => Tone::Missing,
    }
}

pub(super) fn rating(lang: Lang, rating: pb::Rating) -> Markup {
    toned(
        rating_tone(rating),
        lang.value("Rating", rating.as_str_name()),
    )
}

pub(super) const fn stage_tone(stage: pb::platform::operation_stage::Stage) -> Tone {
    use pb::platform::operation_stage::Stage;
    match stage {
        Stage::Operation => Tone::Done,
        Stage::Pilot => Tone::Soon,
        Stage::Development => Tone::Going,
        Stage::Unspecified => Tone::Missing,
    }
}

pub(super) fn stage(lang: Lang, stage: pb::platform::operation_stage::Stage) -> Markup {
    let word = lang.value("Platform.OperationStage.Stage", stage.as_str_name());
    toned(stage_tone(stage), word)
}

pub(super) const fn deployment_tone(stage: pb::deployment::Stage) -> Tone {
    use pb::deployment::Stage;
    match stage {
        Stage::Operating => Tone::Done,
        Stage::Pilot => Tone::Soon,
        Stage::Preparing => Tone::Going,
        Stage::NotStarted | Stage::Stopped => Tone::None,
        Stage::Unspecified => Tone::Missing,
    }
}

pub(super) const fn level_tone(level: pb::attention_item::Level) -> Tone {
    use pb::attention_item::Level;
    match level {
        Level::Urgent => Tone::Late,
        Level::Warning => Tone::Soon,
        Level::Notice => Tone::Going,
        Level::Unspecified => Tone::None,
    }
}

pub(super) const fn plan_tone(state: pb::plan::State) -> Tone {
    use pb::plan::State;
    match state {
        State::Completed => Tone::Done,
        State::Issued => Tone::Going,
        State::Submitted => Tone::Soon,
        State::Returned => Tone::Late,
        State::Draft | State::Withdrawn | State::Superseded | State::Revoked | State::Annulled => {
            Tone::None
        }
        State::Unspecified => Tone::Missing,
    }
}

/// Tasks by how they stand, as parts of a bar.
pub(super) fn task_parts(ask: &Ask, counts: &pb::TaskCounts, filter: &str) -> Vec<Part> {
    let lang = ask.lang();
    let href = ask.address.with("/tasks", &[("filter", filter)]);
    let states = counts.state_counts.iter().map(|it| Part {
        tone: standing_tone(it.state()),
        word: lang
            .value("Milestone.Standing.State", it.state().as_str_name())
            .to_owned(),
        count: i64::from(it.task_count),
        href: href.clone(),
    });
    states.collect()
}

/// A number of days that something is late by, or is still ahead where it is negative.
pub(super) fn days_late(lang: Lang, days: i64) -> String {
    match days {
        0 => lang.t("hôm nay", "today").to_owned(),
        1 => lang.t("1 ngày", "1 day").to_owned(),
        2.. => format!("{} {}", lang.number(days), lang.t("ngày", "days")),
        _ => format!("{} {}", lang.t("còn", "in"), days_late(lang, -days)),
    }
}

/// Where the next rows of a list are, and the list as a file.
pub(super) fn ends(ask: &Ask, next_page_token: &str, files: &Files) -> Markup {
    let lang = ask.lang();
    html! {
        p.ends {
            @if !ask.address.get("page").is_empty() {
                a href=(ask.address.again("page", "")) {
                    (lang.t("Về đầu danh sách", "To the beginning of the list"))
                }
            }
            @if !next_page_token.is_empty() {
                a rel="next" href=(ask.address.again("page", next_page_token)) {
                    (lang.t("Trang sau", "Next page"))
                }
            }
            @if next_page_token.is_empty() { (downloads(lang, files)) }
            @else { (downloads_in_part(lang, files)) }
        }
    }
}

/// Links to what is seen as files.
pub(super) fn downloads(lang: Lang, files: &Files) -> Markup {
    html! {
        (download(lang, &files.csv, "CSV"))
        (download(lang, &files.xlsx, "XLSX"))
    }
}

/// The same of a list that may have more rows than a CSV file, which is one page of an answer.
pub(super) fn downloads_in_part(lang: Lang, files: &Files) -> Markup {
    let csv = lang.t("CSV, 1.000 dòng đầu", "CSV, the first 1,000 rows");
    html! {
        (download(lang, &files.csv, csv))
        (download(lang, &files.xlsx, "XLSX"))
    }
}

fn download(lang: Lang, href: &str, format: &str) -> Markup {
    html! {
        @if !href.is_empty() {
            a href=(href) { (lang.t("Tải về", "Download")) " (" (format) ")" }
        }
    }
}

/// The form that limits a list.
pub(super) fn limits(ask: &Ask) -> Markup {
    let lang = ask.lang();
    let label = lang.t("Lọc danh sách", "Limit the list");
    html! {
        form.limits action=(ask.address.path) method="get" {
            @for (name, value) in ask.address.own_but(&["filter", "page", "from", "done"]) {
                input type="hidden" name=(name) value=(value);
            }
            @for (name, value) in ask.address.as_of() {
                input type="hidden" name=(name) value=(value);
            }
            label for="filter" { (label) }
            input #filter type="search" name="filter" value=(ask.address.get("filter"))
                maxlength="2000"
                placeholder=(lang.t("từ cần tìm, không cần dấu", "words, without diacritics too"));
            button { (lang.t("Lọc", "Limit")) }
            @if !ask.address.get("filter").is_empty() {
                a href=(ask.address.again("filter", "")) { (lang.t("Bỏ lọc", "No limit")) }
            }
        }
    }
}

/// On a page for another day: that this part of it is of the day of what is read, because its
/// method takes no day.
pub(super) fn of_day(ask: &Ask) -> Markup {
    let lang = ask.lang();
    let differs = ask.date() != ask.read_date();
    html! {
        @if differs {
            p.small {
                (lang.t("Phần này chỉ có theo dữ liệu của ngày ", "This part is only known as of "))
                (lang.day(ask.read_date())) "."
            }
        }
    }
}

/// That a list has nothing.
pub(super) fn nothing(lang: Lang) -> Markup {
    html! { p.none { (lang.t("Chưa có bản ghi nào.", "There is no record.")) } }
}

/// What the style sheet writes below a table on paper, where it has more rows than a sheet has room
/// for.
pub(super) const fn not_printed(lang: Lang) -> &'static str {
    lang.t(
        "… Các dòng tiếp theo có ở trang này trên mạng và trong tệp tải về.",
        "… More rows are on this page online, and in its file.",
    )
}

/// Items of a list in columns that are printed, as the style sheet has it.
pub(super) const COLUMN_ITEMS_PRINTED: usize = 20;

/// A list in columns.
pub(super) fn columns(lang: Lang, length: usize, items: &Markup) -> Markup {
    html! {
        ul.columns { (items) }
        (left_out(lang, COLUMN_ITEMS_PRINTED, length))
    }
}

/// On paper only: how many items of a list are not printed.
pub(super) fn left_out(lang: Lang, printed: usize, length: usize) -> Markup {
    html! {
        @if length > printed {
            p.print-only.left-out {
                (lang.t("Không in ", "Not printed: ")) (lang.count(length - printed))
                (lang.t(" trong số ", " of ")) (lang.count(length))
                (lang.t(" mục.", " items."))
            }
        }
    }
}

/// A table that scrolls by itself where it is wider than the page. Of each column: its heading, and
/// whether it has numbers.
pub(super) fn table(lang: Lang, title: &str, heads: &[(&str, bool)], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(title) data-rest=(not_printed(lang)) {
            table {
                caption.hidden { (title) }
                thead { tr {
                    @for (head, is_number) in heads {
                        th scope="col" class=[is_number.then_some("number")] { (head) }
                    }
                } }
                tbody { (rows) }
            }
        }
    }
}

/// A text of a record, each of its lines as a paragraph.
pub(super) fn text(text: &str) -> Markup {
    html! {
        @for line in text.lines().filter(|it| !it.trim().is_empty()) { p { (line) } }
    }
}

/// A message or a comment of the contract; what it has in backticks is code.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A term and its description, left out where there is nothing to say.
pub(super) fn fact(term: &str, text: &str) -> Markup {
    html! { @if !text.is_empty() { dt { (term) } dd { (text) } } }
}

/// The evidence of a record, as a list.
pub(super) fn evidence(lang: Lang, evidence: &[pb::Evidence]) -> Markup {
    html! {
        ul {
            @for one in evidence {
                li {
                    @if one.document.is_some() { (document(lang, one.document.as_ref())) " " }
                    @if let Some(file) = &one.file {
                        @let short = file.sha256.get(..12).unwrap_or(&file.sha256);
                        (outside(&file.uri, lang.t("tệp", "file")))
                        @if !short.is_empty() { " " code { (short) } } " "
                    }
                    (one.note)
                    @if !one.substantiated {
                        " " (toned(Tone::Missing,
                            lang.t("chưa kiểm tra được", "cannot be checked")))
                    }
                }
            }
        }
    }
}

/// A string of a filter, quoted.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The day of a period that something is due by.
pub(super) fn last_day(period: Option<&pb::Period>) -> Option<Date> {
    read(period?.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_become_links() {
        for uri in ["javascript:alert(1)", "data:text/html,x", "//x", ""] {
            assert_eq!(outside(uri, "<b>").into_string(), "&lt;b&gt;", "{uri}");
        }
        let link = outside("https://x.example/?a=\"", "x").into_string();
        assert!(
            link.contains("href=\"https://x.example/?a=&quot;\""),
            "{link}"
        );
    }

    #[test]
    fn a_record_within_another_is_on_the_page_of_that_one() {
        assert_eq!(path_of("platforms/a/plans/b/milestones/c"), "/platforms/a");
        assert_eq!(path_of("tasks/a"), "/tasks/a");
        assert_eq!(path_of("principals/a"), "");
    }

    #[test]
    fn a_value_is_of_its_indicator() {
        assert_eq!(top_of("indicators/a/observations/b"), "indicators/a");
        assert_eq!(top_of("indicators/a"), "indicators/a");
    }

    #[test]
    fn a_string_cannot_leave_its_quotes() {
        assert_eq!(quoted(r#"a" OR b\"#), r#""a\" OR b\\""#);
    }
}
