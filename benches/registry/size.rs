//! What a hundred thousand platforms cost beside 84: to start, to keep, and for each kind of page.

use std::path::Path;

use anyhow::Result;
use ndp_registry::pb;
use serde::Serialize;

use crate::{
    Options,
    bare::{GET_PLATFORM, LIST_PLATFORMS},
    generate::{self, Database, HUGE, LARGE, SMALL},
    load::{Call, answers},
    measure::{Comparison, Question, Seeds, median},
    process::Listening,
};

/// Start and memory.
pub(crate) const START: &str = "start";
/// The same with a million platforms.
pub(crate) const MILLION: &str = "million";
/// The cost of pages.
pub(crate) const PAGES: &str = "pages";

const SEARCH_PLATFORMS: &str = "/ndp.registry.v1.CatalogueService/SearchPlatforms";
const LIST_PLANS: &str = "/ndp.registry.v1.PlanService/ListPlans";

/// A filter on a value that no platform has.
const RARE_VALUE: &str = "exit.outcome = REPLACED";

/// One size of catalogue.
#[derive(Debug, Serialize)]
pub(crate) struct Size {
    platforms: usize,
    /// From the start of the process until it listens; the median of a few.
    start_ms: f64,
    /// Once it has answered calls that need every index.
    resident_bytes: u64,
    /// At its highest, which is while it loads.
    peak_bytes: u64,
    /// All platforms and plans as protobuf messages.
    own_bytes: usize,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Sizes {
    sizes: Vec<Size>,
    /// Memory of one platform with its plan, less their own bytes.
    beyond_own_bytes: Option<f64>,
    /// `ours` is the large catalogue, `theirs` the small one.
    pages: Vec<Comparison>,
}

/// Runs the parts that are asked for, and prints them.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Sizes> {
    let mut sizes = Sizes::default();
    if options.names(MILLION) {
        let small = generate::database(directory, SMALL).await?;
        let huge = generate::database(directory, HUGE).await?;
        print_heading();
        let small = start(&small, SMALL, options.rounds).await?;
        let huge = start(&huge, HUGE, options.rounds).await?;
        print(&small);
        print(&huge);
        print_beyond(beyond(&small, &huge));
        sizes.sizes.extend([small, huge]);
    }
    if !options.wants(START) && !options.wants(PAGES) {
        return Ok(sizes);
    }
    let small = generate::database(directory, SMALL).await?;
    let large = generate::database(directory, LARGE).await?;
    if options.wants(START) {
        print_heading();
        for (database, platforms) in [(&small, SMALL), (&large, LARGE)] {
            let size = start(database, platforms, options.rounds).await?;
            print(&size);
            sizes.sizes.push(size);
        }
        sizes.beyond_own_bytes = match &*sizes.sizes {
            [.., small, large] => Some(beyond(small, large)),
            _ => None,
        };
        if let Some(beyond) = sizes.beyond_own_bytes {
            print_beyond(beyond);
        }
    }
    if options.wants(PAGES) {
        sizes.pages = pages(options, &small, &large)?;
    }
    Ok(sizes)
}

async fn start(database: &Database, platforms: usize, rounds: usize) -> Result<Size> {
    let (mut starts, mut residents, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.min(3) {
        let server = Listening::registry(&database.file)?;
        answers(&server.address, &[get(database)]).await?;
        // the indexes, which are made after the start, belong to the memory
        answers(&server.address, &indexed()).await?;
        let (resident, peak) = server.memory()?;
        starts.push(server.started_in.as_secs_f64() * 1e3);
        residents.push(resident as f64);
        peaks.push(peak as f64);
    }
    Ok(Size {
        platforms,
        start_ms: median(starts),
        resident_bytes: median(residents) as u64,
        peak_bytes: median(peaks) as u64,
        own_bytes: database.own_bytes,
    })
}

fn print_heading() {
    println!(
        "\n{:<10} {:>9} {:>13} {:>9} {:>9}",
        "platforms", "start", "memory", "peak", "own"
    );
}

fn print_beyond(bytes: f64) {
    println!("each platform with its plan: {bytes:.0} bytes beyond its own");
}

fn print(size: &Size) {
    let mib = |bytes: f64| format!("{:.0} MiB", bytes / f64::from(1 << 20));
    println!(
        "{:<10} {:>6.0} ms {:>13} {:>9} {:>9}",
        size.platforms,
        size.start_ms,
        mib(size.resident_bytes as f64),
        mib(size.peak_bytes as f64),
        mib(size.own_bytes as f64),
    );
}

fn beyond(small: &Size, large: &Size) -> f64 {
    let of = |size: &Size| size.resident_bytes as f64 - size.own_bytes as f64;
    (of(large) - of(small)) / (large.platforms - small.platforms) as f64
}

fn get(database: &Database) -> Call {
    let request = pb::GetPlatformRequest {
        name: database.platforms.first().cloned().unwrap_or_default(),
        ..Default::default()
    };
    Call::new(GET_PLATFORM, &request)
}

/// Calls that wait until everything is indexed, and find nothing.
fn indexed() -> [Call; 3] {
    let search = pb::SearchPlatformsRequest {
        query: "zzzz".to_owned(),
        ..Default::default()
    };
    let plans = pb::ListPlansRequest {
        parent: "platforms/-".to_owned(),
        filter: "state = REVOKED".to_owned(),
        ..Default::default()
    };
    [
        Call::new(SEARCH_PLATFORMS, &search),
        list(1, RARE_VALUE, ""),
        Call::new(LIST_PLANS, &plans),
    ]
}

fn list(page_size: i32, filter: &str, order_by: &str) -> Call {
    let request = pb::ListPlatformsRequest {
        page_size,
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        ..Default::default()
    };
    Call::new(LIST_PLATFORMS, &request)
}

fn pages(options: &Options, small: &Database, large: &Database) -> Result<Vec<Comparison>> {
    let search = |query: &str| {
        let request = pb::SearchPlatformsRequest {
            query: query.to_owned(),
            page_size: 10,
            ..Default::default()
        };
        Call::new(SEARCH_PLATFORMS, &request)
    };
    let agency = |id: &str| format!("governing_agency = \"agencies/{id}\"");
    // nothing fits: each term is tried on each row
    let terms: Vec<_> = (0..100)
        .map(|it| format!("display_name:zz{it:02}"))
        .collect();
    let letters: Vec<_> = ('a'..='y').map(String::from).collect();
    // the few of the first agency are lost among the many, those of the second are many
    let questions = [
        ("get", get(small)),
        ("page of 50 by name", list(50, "", "")),
        (
            "page of 10, rare agency",
            list(10, &agency(generate::AGENCY), ""),
        ),
        (
            "page of 4, common agency",
            list(4, &agency("bo-tai-chinh"), ""),
        ),
        ("page of a rare value", list(10, RARE_VALUE, "")),
        ("page of 50 by display_name", list(50, "", "display_name")),
        ("search of one", search("dinh danh va xac thuc")),
        ("search of many", search("so")),
        ("filter of 100 terms", list(10, &terms.join(" OR "), "")),
        ("search of 25 letters", search(&letters.join(" "))),
    ];
    let ours = Listening::registry(&large.file)?;
    let theirs = Listening::registry(&small.file)?;
    println!(
        "\n{:<28} {:>9} {:>9}  {:>17}  {:<18}",
        "one call at a time", "100,000/s", "84/s", "cpu us a call", "cpu ratio"
    );
    let mut comparisons = Vec::new();
    for (part, call) in questions {
        let question = Question {
            part,
            calls: &[call],
            own_call: false,
            concurrency: (1, 1),
            rounds: options.rounds.min(3),
            measure: options.measure / 2,
        };
        let comparison = question.compare(&ours, &theirs, &mut Seeds::new())?;
        println!(
            "{part:<28} {:>9.0} {:>9.0}  {:>17}  {:<18}",
            comparison.ours.rate,
            comparison.theirs.rate,
            format!(
                "{:.1}/{:.1}",
                comparison.ours.cpu_us, comparison.theirs.cpu_us
            ),
            comparison.cpu_ratio.to_string(),
        );
        comparisons.push(comparison);
    }
    Ok(comparisons)
}
