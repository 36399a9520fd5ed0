//! The first page: the five main numbers, the most urgent items, tasks by programme and over time,
//! the provinces, and what was published beside what is computed.

use maud::{Markup, html};
use url::form_urlencoded::Serializer;

use super::{
    Made,
    acts::may,
    ask::{Ask, Failed},
    extent::{Extent, first_rows},
    figures::{reconciled, rows as figure_rows},
    lists::{attention_request, attention_rows},
    parts::{columns, path_of, record, task_parts},
    picture::{self, Series, Tile, Tone, share, toned},
    programmes::request as programme_request,
    words::{Both, NONE, both, read},
};
use crate::{
    pb::{
        self,
        compute_timeline_request::{Interval, Metric},
        milestone::standing::State as Standing,
        platform::operation_stage::Stage,
    },
    wire::{
        validate::Validate as _,
        values::{read_date, write_date},
    },
};

/// Programmes that have a bar of their own.
const PROGRAMMES: i32 = 6;
/// Items that need attention first.
const WORST: i32 = 10;
/// Months of the lines, and the published figures that are compared.
const MONTHS: i32 = 12;
const FIGURES: i32 = 8;

const METRICS: [Metric; 7] = [
    Metric::PlatformsWithIssuedPlan,
    Metric::PlatformsOperating,
    Metric::TasksCompleted,
    Metric::TasksOverdue,
    Metric::RecommendationsOverdue,
    Metric::MilestonesCompleted,
    Metric::MilestonesOverdue,
];

pub(super) async fn page(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let request = pb::ComputeSummaryRequest {
        effective_date: ask.effective_date(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let summary = ask.get(ask.monitoring().compute_summary(request)).await?;
    let edition = edition(ask, &summary.edition).await?;
    let timeline = timeline(ask, &edition).await?;
    let (programmes, programmes_extent) = programmes(ask).await?;
    let request = attention_request(ask, "", WORST);
    let worst = ask
        .get(ask.monitoring().list_attention_items(request))
        .await?;
    let attention = attention_rows(ask, &worst.attention_items).await?;
    let measure = Measure::asked(ask);
    let tiles = provinces(ask, measure).await?;
    let proofs = proofs(ask).await?;
    let figures = reconciled(ask, "", FIGURES, "").await?;
    let figures_extent = figures_extent(ask, &figures).await?;
    let title = lang.t("Tổng quan", "Overview");
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            (opening(ask, &edition, &summary))
            (numbers(ask, &summary, &timeline))
            section.wide {
                h2 { a href=(ask.address.to("/attention")) {
                    (lang.t("Mười việc cần xử lý trước", "The ten items to act on first"))
                } }
                @if worst.attention_items.is_empty() {
                    p.none { (lang.t("Không có việc nào.", "There is none.")) }
                } @else {
                    (attention)
                }
            }
            (tasks(ask, &summary, &programmes, programmes_extent))
            (over_time(ask, &summary, &timeline))
            section.wide {
                h2 { (lang.t("Tỉnh, thành phố: ", "Provinces and cities: "))
                    (lang.of_text(measure.word)) }
                p.ways-to {
                    @for (index, one) in MEASURES.iter().enumerate() {
                        @if index > 0 { " · " }
                        @if one.key == measure.key { strong { (lang.of_text(one.word)) } } @else {
                            a href=(ask.address.again(TILES, one.key)) { (lang.of_text(one.word)) }
                        }
                    }
                }
                @if tiles.is_empty() {
                    p.none { (lang.t("Chưa có cơ quan cấp tỉnh nào.",
                        "No provincial agency is recorded.")) }
                } @else { (picture::tiles(lang, &tiles)) }
            }
            section.wide {
                h2 { a href=(ask.address.to("/figures")) {
                    (lang.t("Số đã công bố, số tính được và chênh lệch",
                        "Published, computed, and the difference"))
                } }
                (figure_rows(ask, &figures.reconciliations))
                (figures_extent.note(lang, &ask.address.to("/figures")))
            }
            (proofs)
        },
    })
}

/// How many of the published figures are shown. They are counted by themselves, without being
/// reconciled again.
async fn figures_extent(ask: &Ask, shown: &pb::ReconcileFiguresResponse) -> Result<Extent, Failed> {
    let shown_count = shown.reconciliations.len();
    if shown.next_page_token.is_empty() {
        return Ok(Extent::new(shown_count, shown_count, false));
    }
    let request = pb::ListFiguresRequest {
        page_size: 1000,
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let all = ask.get(ask.monitoring().list_figures(request)).await?;
    let goes_on = !all.next_page_token.is_empty();
    Ok(Extent::new(shown_count, all.figures.len(), goes_on))
}

/// The bundles of the numbers that have one, for callers who may read them.
async fn proofs(ask: &Ask) -> Result<Markup, Failed> {
    let lang = ask.lang();
    if !may(ask, "MonitoringService/ProveMetric").await? {
        return Ok(html! {});
    }
    let numbers = (0..=i32::from(u8::MAX)).filter_map(|it| Metric::try_from(it).ok());
    let proved = numbers.filter(|metric| {
        let request = pb::ProveMetricRequest {
            metric: i32::from(*metric),
            ..Default::default()
        };
        // the contract refuses a metric that has no proof
        request.check().is_ok()
    });
    let proved: Vec<_> = proved.collect();
    let (day, revision) = (ask.date().to_string(), ask.revision.to_string());
    Ok(html! {
        section.wide.later {
            h2 { (lang.t("Bộ bằng chứng của các số", "Proof bundles of the numbers")) }
            p { (lang.t(
                "Mỗi tệp có số, các bản ghi được đếm và bằng chứng chúng có trong nhật ký đã ký.",
                "Each file has the number, the records it counts, and the proof that they are in \
                 the log that was signed.",
            )) }
            (columns(lang, proved.len(), &html! {
                @for metric in &proved {
                    @let name = metric.as_str_name();
                    li {
                        a download={ (name.to_lowercase()) ".json" } href=(bundle(&[
                            ("metric", name), ("pageSize", "100"),
                            ("effectiveDate", &day), ("readRevision", &revision),
                        ])) { (lang.value("ComputeTimelineRequest.Metric", name)) }
                    }
                }
            }))
        }
    })
}

fn bundle(parameters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    let query = query.extend_pairs(parameters).finish();
    format!("/v1/platforms:proveMetric?{query}")
}

/// What the tiles of the provinces show: a part of a whole.
struct Measure {
    /// The value of [`TILES`] that asks for it.
    key: &'static str,
    word: Both,
    tone: Tone,
    part: fn(&pb::agency_summary::Counts) -> i32,
    whole: fn(&pb::agency_summary::Counts) -> i32,
}

/// The parameter that chooses the measure of the tiles.
const TILES: &str = "tiles";

static MEASURES: [Measure; 5] = [
    Measure {
        key: "tasks-completed",
        word: both("nhiệm vụ đã hoàn thành", "tasks completed"),
        tone: Tone::Going,
        part: pb::agency_summary::Counts::completed_task_count,
        whole: pb::agency_summary::Counts::task_count,
    },
    Measure {
        key: "tasks-overdue",
        word: both("nhiệm vụ quá hạn", "tasks overdue"),
        tone: Tone::Late,
        part: pb::agency_summary::Counts::overdue_task_count,
        whole: pb::agency_summary::Counts::task_count,
    },
    Measure {
        key: "milestones-completed",
        word: both("mốc đã hoàn thành", "milestones completed"),
        tone: Tone::Going,
        part: pb::agency_summary::Counts::completed_milestone_count,
        whole: pb::agency_summary::Counts::milestone_count,
    },
    Measure {
        key: "milestones-overdue",
        word: both("mốc quá hạn", "milestones overdue"),
        tone: Tone::Late,
        part: pb::agency_summary::Counts::overdue_milestone_count,
        whole: pb::agency_summary::Counts::milestone_count,
    },
    Measure {
        key: "platforms-operating",
        word: both("nền tảng đã vận hành", "platforms in operation"),
        tone: Tone::Done,
        part: pb::agency_summary::Counts::operating_platform_count,
        whole: pb::agency_summary::Counts::held_platform_count,
    },
];

impl Measure {
    /// The measure that the address asks for, else the first.
    fn asked(ask: &Ask) -> &'static Self {
        let [first, rest @ ..] = &MEASURES;
        let key = ask.address.get(TILES);
        rest.iter().find(|it| it.key == key).unwrap_or(first)
    }
}

async fn edition(ask: &Ask, name: &str) -> Result<pb::Edition, Failed> {
    if name.is_empty() || name == "editions/-" {
        return Ok(pb::Edition::default());
    }
    let request = pb::GetEditionRequest {
        name: name.to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    ask.get(ask.catalogue().get_edition(request)).await
}

/// The months up to the day, or those since the edition's first day.
async fn timeline(ask: &Ask, edition: &pb::Edition) -> Result<pb::ComputeTimelineResponse, Failed> {
    let end = ask.date();
    // a month is a step from the start, so the start is whole months before the end
    let begin = read(edition.effective_start_date);
    let starts = (0..=MONTHS).rev().map(|months| end.plus_months(-months));
    let start = starts
        .filter(|it| begin.is_none_or(|begin| *it >= begin))
        .min();
    let request = pb::ComputeTimelineRequest {
        interval: Interval::Month.into(),
        start_date: write_date(Some(start.unwrap_or(end))),
        end_date: ask.effective_date(),
        metrics: METRICS.map(i32::from).to_vec(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    ask.get(ask.monitoring().compute_timeline(request)).await
}

/// Programmes with the counts of their tasks, and how many there are.
async fn programmes(ask: &Ask) -> Result<(Vec<(pb::Programme, pb::TaskCounts)>, Extent), Failed> {
    let (listed, extent) = first_rows(ask, programme_request(ask, "", PROGRAMMES)).await?;
    let mut all = Vec::new();
    for programme in listed.programmes {
        let request = pb::ComputeSummaryRequest {
            programme: programme.name.clone(),
            effective_date: ask.effective_date(),
            read_revision: ask.at_revision(),
            read_time: ask.time(),
            ..Default::default()
        };
        let summary = ask.get(ask.monitoring().compute_summary(request)).await?;
        all.push((programme, summary.tasks.unwrap_or_default()));
    }
    Ok((all, extent))
}

/// A tile for each province, by this measure.
async fn provinces(ask: &Ask, measure: &Measure) -> Result<Vec<Tile>, Failed> {
    let lang = ask.lang();
    let request = pb::ListAgenciesRequest {
        page_size: 100,
        filter: "kind = PROVINCIAL_PEOPLES_COMMITTEE".to_owned(),
        order_by: "display_name".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let listed = ask.get(ask.catalogue().list_agencies(request)).await?;
    if listed.agencies.is_empty() {
        return Ok(Vec::new());
    }
    let summaries = super::agencies::summaries(ask, None)
        .await?
        .agency_summaries;
    let tiles = listed.agencies.iter().map(|agency| {
        let row = summaries.iter().find(|it| it.agency == agency.name);
        let counts = row.and_then(|it| it.counts).unwrap_or_default();
        let (done, all) = (
            i64::from((measure.part)(&counts)),
            i64::from((measure.whole)(&counts)),
        );
        let name = lang.either(&agency.display_name, &agency.display_name_en, &agency.name);
        Tile {
            name: place(name).to_owned(),
            text: format!("{}/{}", lang.number(done), lang.number(all)),
            tone: measure.tone,
            share: (all > 0).then(|| share(done, all)),
            href: ask.address.to(&path_of(&agency.name)),
        }
    });
    Ok(tiles.collect())
}

/// The province in the name of its committee.
fn place(name: &str) -> &str {
    let before = [
        "Ủy ban nhân dân ",
        "Uỷ ban nhân dân ",
        "People's Committee of ",
        "thành phố ",
        "Thành phố ",
        "tỉnh ",
        "Tỉnh ",
    ];
    before
        .iter()
        .fold(name, |name, it| name.strip_prefix(it).unwrap_or(name))
}

fn opening(ask: &Ask, edition: &pb::Edition, summary: &pb::ComputeSummaryResponse) -> Markup {
    let lang = ask.lang();
    html! {
        section.opening {
            h1 { (lang.t("Nền tảng số quốc gia: tình hình thực hiện",
                "National digital platforms: how it stands")) }
            p.lead {
                @if !edition.name.is_empty() {
                    a href=(ask.address.to(&path_of(&edition.name))) { (edition.display_name) }
                    ": "
                }
                @if let Some(declared) = summary.declared_platform_count {
                    (lang.number(declared.into()))
                    (lang.t(" nền tảng theo văn bản, ", " platforms by the decision, "))
                }
                a href=(ask.address.to("/platforms")) {
                    (lang.number(summary.held_platform_count().into()))
                    (lang.t(" có trong hệ thống", " held here"))
                }
                (lang.t(", trong đó ", ", of which "))
                (lang.number(summary.complete_platform_count().into()))
                (lang.t(" bản ghi đủ tên và cơ quan chủ quản.",
                    " have their name and governing agency."))
            }
            @for warning in &summary.warnings {
                p.warning role="note" {
                    (lang.either(&warning.text_vi, &warning.text, ""))
                }
            }
        }
    }
}

/// The five large numbers.
fn numbers(
    ask: &Ask,
    summary: &pb::ComputeSummaryResponse,
    timeline: &pb::ComputeTimelineResponse,
) -> Markup {
    let lang = ask.lang();
    let tasks = summary.tasks.clone().unwrap_or_default();
    let of = |state: Standing| {
        let found = tasks.state_counts.iter().find(|it| it.state() == state);
        found.map_or(0, |it| i64::from(it.task_count))
    };
    let operating = summary.operation_stage_counts.iter();
    let mut operating = operating.filter(|it| it.operation_stage() == Stage::Operation);
    let operating = operating
        .next()
        .map_or(0, |it| i64::from(it.platform_count));
    let whole = summary
        .declared_platform_count
        .or(summary.held_platform_count);
    let whole = whole.map(i64::from);
    let recommendations = summary.recommendations.unwrap_or_default();
    let in_edition = match &*summary.edition {
        "" | "editions/-" => String::new(),
        edition => format!("listings.edition:\"{edition}\" AND "),
    };
    let (on_time, late) = (of(Standing::CompletedOnTime), of(Standing::CompletedLate));
    let all = [
        Number {
            word: lang.t("Đã ban hành kế hoạch", "Plans issued"),
            count: Some(summary.issued_plan_platform_count().into()),
            of: whole,
            metric: Some(Metric::PlatformsWithIssuedPlan),
            more_is: Tone::Done,
            href: ask.address.with(
                "/plans",
                &[("filter", "state = ISSUED OR state = COMPLETED")],
            ),
        },
        Number {
            word: lang.t("Đã vận hành", "In operation"),
            count: Some(operating),
            of: whole,
            metric: Some(Metric::PlatformsOperating),
            more_is: Tone::Done,
            href: ask.address.with(
                "/platforms",
                &[(
                    "filter",
                    &format!("{in_edition}operation_stage = OPERATION"),
                )],
            ),
        },
        Number {
            word: lang.t("Nhiệm vụ quá hạn", "Tasks overdue"),
            count: tasks.overdue_task_count.map(i64::from),
            of: tasks.task_count.map(i64::from),
            metric: Some(Metric::TasksOverdue),
            more_is: Tone::Late,
            href: ask
                .address
                .with("/attention", &[("filter", "kind = OVERDUE_TASK")]),
        },
        Number {
            word: lang.t("Nhiệm vụ hoàn thành đúng hạn", "Tasks completed on time"),
            count: Some(on_time),
            of: Some(on_time + late),
            metric: None,
            more_is: Tone::Done,
            href: ask
                .address
                .with("/tasks", &[("filter", "state = COMPLETED")]),
        },
        Number {
            word: lang.t("Kiến nghị quá hạn trả lời", "Recommendations overdue"),
            count: recommendations.overdue_count.map(i64::from),
            of: recommendations.eligible_count.map(i64::from),
            metric: Some(Metric::RecommendationsOverdue),
            more_is: Tone::Late,
            href: ask.address.with(
                "/attention",
                &[("filter", "kind = UNANSWERED_RECOMMENDATION")],
            ),
        },
    ];
    html! {
        section.numbers aria-label=(lang.t("Năm số chính", "Five main numbers")) {
            @for number in all { (number.shown(ask, timeline)) }
        }
    }
}

/// One of the five large numbers.
struct Number {
    word: &'static str,
    count: Option<i64>,
    /// The whole that it is a part of.
    of: Option<i64>,
    /// The metric of the timeline that says its change.
    metric: Option<Metric>,
    /// Whether it is good or bad that it grows.
    more_is: Tone,
    /// The list behind it.
    href: String,
}

impl Number {
    fn shown(&self, ask: &Ask, timeline: &pb::ComputeTimelineResponse) -> Markup {
        let lang = ask.lang();
        // the point before the last is a month before it
        let before = self.metric.and_then(|metric| {
            let at = METRICS.iter().position(|it| *it == metric)?;
            let [.., before, last] = timeline.points.as_slice() else {
                return None;
            };
            let count = |point: &pb::compute_timeline_response::Point| {
                point.counts.get(at).copied().map(i64::from)
            };
            Some((count(last)? - count(before)?, before.effective_date))
        });
        html! {
            div.number-card {
                h2 { (self.word) }
                p.big {
                    @match (self.count, self.of) {
                        (None, _) | (_, Some(0)) => {
                            a href=(self.href) aria-label=(lang.t("chưa có dữ liệu", "no data")) {
                                (NONE)
                            }
                        },
                        (Some(count), of) => {
                            a href=(self.href) { (lang.number(count)) }
                            @if let Some(of) = of { span.of { "/" (lang.number(of)) } }
                        },
                    }
                }
                p.change {
                    @if self.of == Some(0) {
                        (toned(Tone::Missing, lang.t("chưa có dữ liệu", "no data yet")))
                    } @else if let Some((change, date)) = before {
                        @let tone = match change {
                            0 => Tone::None,
                            1.. => self.more_is,
                            _ if self.more_is == Tone::Late => Tone::Done,
                            _ => Tone::Late,
                        };
                        span.{ "t-" (tone.class()) } { (lang.signed(change)) }
                        (lang.t(" so với ", " since ")) (lang.date(date))
                    } @else if let (Some(count), Some(of)) = (self.count, self.of) {
                        (super::agencies::percent(ask, count, of))
                        (lang.t(" số nhiệm vụ đã hoàn thành", " of the tasks completed"))
                    } @else { (lang.t("chưa có số tháng trước", "no number of last month")) }
                }
            }
        }
    }
}

fn tasks(
    ask: &Ask,
    summary: &pb::ComputeSummaryResponse,
    programmes: &[(pb::Programme, pb::TaskCounts)],
    programmes_extent: Extent,
) -> Markup {
    let lang = ask.lang();
    let all = summary.tasks.clone().unwrap_or_default();
    let whole = lang.t(
        "Tất cả nhiệm vụ, mỗi nhiệm vụ tính một lần",
        "All tasks, each once",
    );
    html! {
        section {
            h2 { a href=(ask.address.to("/programmes")) {
                (lang.t("Nhiệm vụ theo chương trình", "Tasks by programme"))
            } }
            @for (programme, counts) in programmes {
                @let name = lang.either(
                    &programme.display_name, &programme.display_name_en, &programme.name);
                @let filter = format!("programmes:\"{}\"", programme.name);
                h3 {
                    (record(ask, &programme.name, name))
                    @if counts.task_count() > 0 {
                        span.of { " " (lang.number(counts.task_count().into())) }
                    }
                }
                (picture::stacked(lang, name, &task_parts(ask, counts, &filter)))
            }
            (programmes_extent.note(lang, &ask.address.to("/programmes")))
            h3 { (whole) span.of { " " (lang.number(all.task_count().into())) } }
            (picture::stacked(lang, whole, &task_parts(ask, &all, "")))
        }
    }
}

/// Tasks and platforms by month.
fn over_time(
    ask: &Ask,
    summary: &pb::ComputeSummaryResponse,
    timeline: &pb::ComputeTimelineResponse,
) -> Markup {
    let lang = ask.lang();
    let heads: Vec<_> = timeline
        .points
        .iter()
        .map(|it| read_date(it.effective_date).map_or_else(String::new, |it| lang.month(it)))
        .collect();
    let series = |metric: Metric, tone: Tone| {
        let at = METRICS
            .iter()
            .position(|it| *it == metric)
            .unwrap_or_default();
        let counts = timeline.points.iter().map(|it| it.counts.get(at).copied());
        let counts: Vec<_> = counts.collect();
        Series {
            name: lang
                .value("ComputeTimelineRequest.Metric", metric.as_str_name())
                .to_owned(),
            tone,
            values: counts.iter().map(|it| it.map(f64::from)).collect(),
            texts: counts
                .iter()
                .map(|it| it.map_or(NONE.to_owned(), |it| lang.number(it.into())))
                .collect(),
        }
    };
    let has_tasks = summary.tasks.as_ref().is_some_and(|it| it.task_count() > 0);
    let charts = [
        (
            lang.t("Nhiệm vụ theo tháng", "Tasks by month"),
            has_tasks.then(|| {
                vec![
                    series(Metric::TasksCompleted, Tone::Done),
                    series(Metric::TasksOverdue, Tone::Late),
                ]
            }),
        ),
        (
            lang.t("Nền tảng theo tháng", "Platforms by month"),
            Some(vec![
                series(Metric::PlatformsWithIssuedPlan, Tone::Going),
                series(Metric::PlatformsOperating, Tone::Done),
            ]),
        ),
    ];
    html! {
        section {
            h2 { (lang.t("Diễn biến theo tháng", "Over time")) }
            @for (title, series) in charts {
                h3 { (title) }
                @if let Some(series) = series { (picture::lines(lang, title, &heads, &series)) }
                @else { p { (toned(Tone::Missing, lang.t("chưa có dữ liệu", "no data yet"))) } }
            }
        }
    }
}
