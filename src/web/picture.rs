//! The five kinds of picture: stacked bar, line, tiles, time bar and matrix. Each is drawn from the
//! rows of a table that stands with it, so that nothing is said by a picture alone. A colour always
//! comes with a word and a pattern; what is missing is hatched, and never zero.

use maud::{Markup, html};

use super::words::{Lang, NONE};
use ndp_core::time::Date;

/// What a part of a picture means. Each has its colour and its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Done,
    DoneLate,
    Going,
    Soon,
    Late,
    None,
    Missing,
}

impl Tone {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::DoneLate,
        Self::Going,
        Self::Soon,
        Self::Late,
        Self::None,
        Self::Missing,
    ];

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DoneLate => "done-late",
            Self::Going => "going",
            Self::Soon => "soon",
            Self::Late => "late",
            Self::None => "none",
            Self::Missing => "missing",
        }
    }

    fn fill(self) -> String {
        format!("url(#p-{})", self.class())
    }
}

/// The patterns of the tones, once a page.
pub(super) fn patterns() -> Markup {
    html! {
        svg.defs width="0" height="0" aria-hidden="true" {
            defs {
                @for tone in Tone::ALL {
                    pattern id={ "p-" (tone.class()) } width="8" height="8"
                        patternUnits="userSpaceOnUse" {
                        rect.{ "b-" (tone.class()) } width="8" height="8" {}
                        @match tone {
                            Tone::Done | Tone::None => {}
                            Tone::DoneLate => path.ink d="M0 8L8 0M-2 2L2-2M6 10L10 6" {},
                            Tone::Going => path.ink d="M0 4H8" {},
                            Tone::Soon => circle.dot cx="4" cy="4" r="1.6" {},
                            Tone::Late => path.ink d="M0 0L8 8M0 8L8 0" {},
                            Tone::Missing => path.ink d="M0 0L8 8M-2 6L2 10M6-2L10 2" {},
                        }
                    }
                }
            }
        }
    }
}

/// A small square of a tone, beside its word.
pub(super) fn swatch(tone: Tone) -> Markup {
    html! {
        svg.swatch viewBox="0 0 16 16" aria-hidden="true" {
            rect width="16" height="16" fill=(tone.fill()) {}
        }
    }
}

/// A word with its tone.
pub(super) fn toned(tone: Tone, word: &str) -> Markup {
    html! { span.toned.{ "t-" (tone.class()) } { (swatch(tone)) (word) } }
}

/// A part of a stacked bar.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) tone: Tone,
    pub(super) word: String,
    pub(super) count: i64,
    pub(super) href: String,
}

/// A bar of the parts of a whole, side by side. The legend below it has the same numbers as text.
pub(super) fn stacked(lang: Lang, title: &str, parts: &[Part]) -> Markup {
    let whole: i64 = parts.iter().map(|it| it.count).sum();
    let parts: Vec<_> = parts.iter().filter(|it| it.count > 0).collect();
    let label = parts.iter().map(|it| format!("{}: {}", it.word, it.count));
    let label = format!("{title}. {}", label.collect::<Vec<_>>().join("; "));
    let mut x = 0.0;
    let bars = parts.iter().map(|part| {
        let width = share(part.count, whole) * 1000.0;
        let bar = (x, width, part.tone);
        x += width;
        bar
    });
    let bars: Vec<_> = bars.collect();
    html! {
        figure.stacked {
            svg.bar viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label=(label) {
                @if whole == 0 {
                    rect width="1000" height="24" fill=(Tone::Missing.fill()) {}
                }
                @for (x, width, tone) in bars {
                    rect x=(at(x)) width=(at((width - 2.0).max(1.0))) height="24"
                        fill=(tone.fill()) {}
                }
            }
            @if whole == 0 {
                p.none { (lang.t("Chưa có dữ liệu", "No data yet")) }
            }
            ul.legend {
                @for part in parts {
                    li {
                        (swatch(part.tone)) (part.word) " "
                        a.count href=(part.href) { (lang.number(part.count)) }
                    }
                }
            }
        }
    }
}

/// A line of a chart, with a value for each date where there is one.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) tone: Tone,
    pub(super) values: Vec<Option<f64>>,
    /// How each value is written.
    pub(super) texts: Vec<String>,
}

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;

/// Values over time, with the table behind them.
pub(super) fn lines(lang: Lang, title: &str, heads: &[String], series: &[Series]) -> Markup {
    let all = || series.iter().flat_map(|it| it.values.iter().flatten());
    let most = all().copied().fold(0.0, f64::max);
    let top = ceiling(most);
    let last = heads.len().saturating_sub(1).max(1);
    let x = |index: usize| LEFT + (WIDTH - LEFT - RIGHT) * ratio(index, last);
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top);
    let ticks = [0.0, top / 2.0, top];
    let label = series.iter().map(|it| {
        let newest = it.texts.last().map_or(NONE, String::as_str);
        format!("{}: {newest}", it.name)
    });
    let label = format!("{title}. {}", label.collect::<Vec<_>>().join("; "));
    let step = heads.len().div_ceil(6).max(1);
    html! {
        figure.lines {
            svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
                @for tick in ticks {
                    path.grid d={ "M" (LEFT) " " (at(y(tick))) "H" (WIDTH - RIGHT) } {}
                    text.axis x=(LEFT - 6.0) y=(at(y(tick) + 4.0)) text-anchor="end" {
                        (lang.decimal(&at(tick)))
                    }
                }
                @for (index, head) in heads.iter().enumerate() {
                    @if (last - index.min(last)).is_multiple_of(step) {
                        @let anchor = if index == 0 { "start" }
                            else if index == last { "end" } else { "middle" };
                        text.axis x=(at(x(index))) y=(HEIGHT - 8.0) text-anchor=(anchor) {
                            (head)
                        }
                    }
                }
                @for one in series {
                    path.line.{ "l-" (one.tone.class()) } d=(path(&one.values, &x, &y)) {}
                    @for (index, value) in one.values.iter().enumerate() {
                        @if let Some(value) = value {
                            (mark(one.tone, x(index), y(*value)))
                        }
                    }
                }
            }
            ul.legend {
                @for one in series {
                    li {
                        svg.swatch viewBox="0 0 16 16" aria-hidden="true" {
                            path.line.{ "l-" (one.tone.class()) } d="M0 8H16" {}
                            (mark(one.tone, 8.0, 8.0))
                        }
                        (one.name) " " strong { (one.texts.last().map_or(NONE, String::as_str)) }
                    }
                }
            }
            details {
                summary { (lang.t("Bảng số liệu", "Table of the numbers")) }
                div.scroll tabindex="0" role="group" aria-label=(title) {
                    table {
                        caption.hidden { (title) }
                        thead { tr {
                            th scope="col" { (lang.t("Ngày", "Day")) }
                            @for one in series { th.number scope="col" { (one.name) } }
                        } }
                        tbody {
                            @for (index, head) in heads.iter().enumerate().rev() {
                                tr {
                                    th scope="row" { (head) }
                                    @for one in series {
                                        td.number {
                                            (one.texts.get(index).map_or(NONE, String::as_str))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A point of a line. Each tone has another form.
fn mark(tone: Tone, x: f64, y: f64) -> Markup {
    let class = format!("m-{}", tone.class());
    match tone {
        Tone::Late => {
            let d = format!("M{} {}l6 6m0-6l-6 6", at(x - 3.0), at(y - 3.0));
            html! { path.cross.(class) d=(d) {} }
        }
        Tone::Soon | Tone::DoneLate => html! {
            rect.(class) x=(at(x - 3.0)) y=(at(y - 3.0)) width="6" height="6" {}
        },
        Tone::Missing | Tone::None => html! {
            circle.open.(class) cx=(at(x)) cy=(at(y)) r="3.4" {}
        },
        Tone::Done | Tone::Going => html! { circle.(class) cx=(at(x)) cy=(at(y)) r="3" {} },
    }
}

/// The path of a line, which breaks where a value is missing.
fn path(values: &[Option<f64>], x: &impl Fn(usize) -> f64, y: &impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut broken = true;
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else {
            broken = true;
            continue;
        };
        let verb = if broken { 'M' } else { 'L' };
        path.push_str(&format!("{verb}{} {}", at(x(index)), at(y(*value))));
        broken = false;
    }
    path
}

/// A tile of a place, filled as far as its share; no share where nothing is known.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) tone: Tone,
    pub(super) share: Option<f64>,
    pub(super) href: String,
}

/// A tile for each place. The texts in the tiles take the place of a table.
pub(super) fn tiles(lang: Lang, tiles: &[Tile]) -> Markup {
    html! {
        ul.tiles {
            @for tile in tiles {
                li {
                    a href=(tile.href) {
                        svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                            @match tile.share {
                                Some(share) => {
                                    rect.trough width="100" height="10" {}
                                    rect width=(at(share.clamp(0.0, 1.0) * 100.0)) height="10"
                                        fill=(tile.tone.fill()) {}
                                }
                                None => rect width="100" height="10" fill=(Tone::Missing.fill()) {},
                            }
                        }
                        span.name { (tile.name) }
                        span.value {
                            @if tile.share.is_none() { (lang.t("chưa có", "missing")) }
                            @else { (tile.text) }
                        }
                    }
                }
            }
        }
    }
}

/// A row of a time bar.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) first: Option<Date>,
    pub(super) due: Option<Date>,
    pub(super) done: Option<Date>,
    pub(super) tone: Tone,
}

/// The axis of days that the time bars of one table share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) start: Date,
    pub(super) end: Date,
    pub(super) today: Date,
}

impl Axis {
    /// From the first to the last of these days, with today in it.
    pub(super) fn of(days: impl Iterator<Item = Date>, today: Date) -> Self {
        let (mut start, mut end) = (today, today);
        for day in days {
            start = start.min(day);
            end = end.max(day);
        }
        Self {
            start: start.plus_days(-15),
            end: end.plus_days(15),
            today,
        }
    }

    fn x(self, day: Date) -> f64 {
        share(self.start.days_until(day), self.start.days_until(self.end)) * 1000.0
    }
}

/// When something was first due, is due and was done, on an axis of days. The dates stand in the
/// other cells of its row.
pub(super) fn time_bar(label: &str, axis: Axis, span: &Span) -> Markup {
    let due = span.due.map(|it| axis.x(it));
    let first = span.first.map(|it| axis.x(it));
    let done = span.done.map(|it| axis.x(it));
    html! {
        svg.time viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label=(label) {
            path.grid d="M0 10H1000" {}
            @if let (Some(first), Some(due)) = (first, due) {
                @let (from, to) = (first.min(due), first.max(due));
                rect x=(at(from)) y="7" width=(at(to - from)) height="6"
                    fill=(Tone::Late.fill()) {}
            }
            path.today d={ "M" (at(axis.x(axis.today))) " 0V20" } {}
            @if let Some(first) = first {
                path.first d={ "M" (at(first)) " 3V17" } {}
            }
            @if let Some(due) = due {
                rect.{ "f-" (span.tone.class()) } x=(at(due - 6.0)) y="2" width="12" height="16" {}
            }
            @if let Some(done) = done {
                path.tick d={ "M" (at(done)) " 1V19" } {}
            }
        }
    }
}

/// A sign in a cell of a matrix, with its word.
pub(super) fn cell(tone: Tone, word: &str) -> Markup {
    html! { span.cell { (toned(tone, word)) } }
}

/// How much one number is of another.
pub(super) fn share(part: i64, whole: i64) -> f64 {
    match (i32::try_from(part), i32::try_from(whole)) {
        (Ok(part), Ok(whole)) if whole > 0 => f64::from(part) / f64::from(whole),
        _ => 0.0,
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |it: usize| i64::try_from(it).unwrap_or(i64::MAX);
    share(number(part), number(whole))
}

/// A coordinate, to a tenth.
fn at(coordinate: f64) -> String {
    let text = format!("{coordinate:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The next round number, for the top of an axis.
fn ceiling(most: f64) -> f64 {
    let mut unit = 1.0;
    loop {
        for times in [2.0, 4.0, 10.0] {
            if most <= unit * times {
                return unit * times;
            }
        }
        unit *= 10.0;
        if unit > 1e18 {
            return unit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (most, top) in [
            (0.0, 2.0),
            (2.0, 2.0),
            (3.0, 4.0),
            (28.0, 40.0),
            (84.0, 100.0),
        ] {
            assert!((ceiling(most) - top).abs() < f64::EPSILON, "{most}");
        }
    }

    #[test]
    fn a_line_breaks_where_a_value_is_missing() {
        let values = [Some(1.0), None, Some(2.0), Some(3.0)];
        let x = |index: usize| f64::from(i32::try_from(index).unwrap());
        assert_eq!(path(&values, &x, &|y| y), "M0 1M2 2L3 3");
    }

    #[test]
    fn what_is_missing_is_hatched_and_says_so() {
        let tile = Tile {
            name: "<Huế>".to_owned(),
            text: "0".to_owned(),
            tone: Tone::Going,
            share: None,
            href: "/".to_owned(),
        };
        let html = tiles(Lang::Vi, &[tile]).into_string();
        assert!(html.contains("url(#p-missing)"), "{html}");
        assert!(html.contains("chưa có") && !html.contains(">0<"), "{html}");
        assert!(html.contains("&lt;Huế&gt;"), "{html}");
    }
}
