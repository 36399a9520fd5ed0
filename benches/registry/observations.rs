//! What a million values of indicators cost: a batch of a thousand as one change, bytes each, to
//! start, in memory; and the cost of a scoreboard and of pages of values, compared with a plain
//! read.

use std::{path::Path, time::Instant};

use anyhow::Result;
use ndp_registry::pb;
use serde::Serialize;

use crate::{
    Options,
    generate::{self, AGENCY, Database, INDICATORS, SMALL},
    load::{Call, answers},
    measure::{Beside, Held, beside, get, median},
    process::Listening,
};

/// The part's name. It takes minutes, and runs only if it is named.
pub(crate) const OBSERVATIONS: &str = "observations";

const COMPUTE_SCOREBOARD: &str = "/ndp.registry.v1.MonitoringService/ComputeScoreboard";
const LIST_OBSERVATIONS: &str = "/ndp.registry.v1.IndicatorService/ListObservations";
const BATCH_CREATE_OBSERVATIONS: &str = "/ndp.registry.v1.IndicatorService/BatchCreateObservations";

/// Values of a batch: the most there may be.
const BATCH: usize = 1000;
/// Batches written in each round.
const BATCHES: usize = 10;

/// The results.
#[derive(Debug, Serialize)]
pub(crate) struct Observations {
    held: Held,
    /// A batch of a thousand, as one change.
    batch_ms: f64,
    beside: Vec<Beside>,
}

/// Runs the part if it is named, and prints its results.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Option<Observations>> {
    if !options.names(OBSERVATIONS) {
        return Ok(None);
    }
    let count = options.records;
    let small = generate::database(directory, SMALL).await?;
    let large = generate::with_observations(directory, count).await?;
    let waited = [scoreboard(1)?, values("-", "qualifier = AT_MOST", "")];
    let held = Held::measure(options, OBSERVATIONS, count, (&small, &large), &waited).await?;
    let batch_ms = batches(options, directory, &large).await?;
    println!("a batch of {BATCH} as one change: {batch_ms:.1} ms");
    let beside = beside(options, &large, questions()?).await?;
    Ok(Some(Observations {
        held,
        batch_ms,
        beside,
    }))
}

/// Milliseconds of a batch beside the values that are there.
async fn batches(options: &Options, directory: &Path, database: &Database) -> Result<f64> {
    let (_removed, file) = database.copy(directory)?;
    let server = Listening::registry(&file)?;
    answers(&server.address, &[get(database)]).await?;
    let mut times = Vec::new();
    for batch in 0..options.rounds.min(3) * BATCHES {
        let call = Call {
            authorization: Some(format!("Bearer {}", database.key)),
            ..Call::new(BATCH_CREATE_OBSERVATIONS, &values_of(batch)?)
        };
        let began = Instant::now();
        answers(&server.address, &[call]).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

/// A batch of values that are not there yet.
fn values_of(batch: usize) -> Result<pb::BatchCreateObservationsRequest> {
    let values = generate::more_observations(batch * BATCH, BATCH)?;
    let requests = values.into_iter();
    let requests = requests.map(|(parent, observation)| pb::CreateObservationRequest {
        parent,
        observation: Some(observation),
        ..Default::default()
    });
    Ok(pb::BatchCreateObservationsRequest {
        parent: "indicators/-".to_owned(),
        requests: requests.collect(),
        ..Default::default()
    })
}

/// The scoreboard of the provinces by the first indicators, for the newest day.
fn scoreboard(indicators: usize) -> Result<Call> {
    let day = generate::newest_day()?;
    let names = INDICATORS.iter().take(indicators);
    let request = pb::ComputeScoreboardRequest {
        agency_kind: pb::agency::Kind::ProvincialPeoplesCommittee.into(),
        indicators: names.map(|it| format!("indicators/{it}")).collect(),
        period: Some(pb::Period {
            start: day,
            end: day,
            ..Default::default()
        }),
        basis: pb::observation::Basis::Measured.into(),
        ..Default::default()
    };
    Ok(Call::new(COMPUTE_SCOREBOARD, &request))
}

fn values(indicator: &str, filter: &str, order_by: &str) -> Call {
    let request = pb::ListObservationsRequest {
        parent: format!("indicators/{indicator}"),
        page_size: 50,
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        ..Default::default()
    };
    Call::new(LIST_OBSERVATIONS, &request)
}

fn questions() -> Result<[(&'static str, Call); 6]> {
    let [first, ..] = INDICATORS;
    let agency = format!("agency = \"agencies/{AGENCY}\"");
    Ok([
        ("scoreboard", scoreboard(1)?),
        ("scoreboard of all", scoreboard(INDICATORS.len())?),
        ("page of 50", values("-", "", "")),
        ("page of 50 of an agency", values(first, &agency, "")),
        ("its newest 50", values(first, &agency, "period.end desc")),
        ("50 published", values("-", "basis = PUBLISHED", "")),
    ])
}
