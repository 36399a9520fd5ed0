//! The registry of 84 platforms beside the bare service that answers the same bytes.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ndp_registry::pb;
use prost_types::FieldMask;

use crate::{
    Options,
    bare::{self, Answers, GET_PLATFORM, LIST_PLATFORMS, UPDATE_PLAN},
    generate::{self, Database, SMALL},
    load::{Call, answers},
    measure::{CONCURRENCY, Comparison, Question, Seeds},
    process::Listening,
};

/// Parts of a run, by their names.
pub(crate) const GET: &str = "get";
/// With an API key, as ministries' systems call.
pub(crate) const GET_WITH_KEY: &str = "get-key";
/// The page of 84, as a list shows it.
pub(crate) const LIST_BASIC: &str = "list-84-basic";
/// The page of 84 with everything.
pub(crate) const LIST_FULL: &str = "list-84-full";
/// The platforms of one agency.
pub(crate) const LIST_FILTERED: &str = "list-filtered";
/// Durable updates of different plans.
pub(crate) const UPDATE: &str = "update";
/// With a request id each, for safe retries.
pub(crate) const UPDATE_WITH_ID: &str = "update-id";

/// Runs the parts that are asked for, and prints them.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Vec<Comparison>> {
    let parts = [
        GET,
        GET_WITH_KEY,
        LIST_BASIC,
        LIST_FULL,
        LIST_FILTERED,
        UPDATE,
        UPDATE_WITH_ID,
    ];
    let mut comparisons = Vec::new();
    if !parts.iter().any(|part| options.wants(part)) {
        return Ok(comparisons);
    }
    let database = generate::database(directory, SMALL).await?;
    let (copy, file) = database.copy(directory)?;
    let registry = Listening::registry(&file)?;
    let mut seeds = Seeds::new();
    print_heading("bare");
    for part in parts.into_iter().filter(|part| options.wants(part)) {
        let calls = calls(part, &database)?;
        let updates = part.starts_with(UPDATE);
        let bare = bare_of(&registry, &calls, updates, copy.path()).await?;
        for concurrency in CONCURRENCY {
            let question = Question {
                part,
                calls: &calls,
                own_call: updates,
                concurrency,
                rounds: options.rounds,
                measure: options.measure,
            };
            let comparison = question.compare(&registry, &bare, &mut seeds)?;
            print(&comparison);
            comparisons.push(comparison);
        }
    }
    Ok(comparisons)
}

/// Prints the heading of comparisons with a server.
pub(crate) fn print_heading(other: &str) {
    println!(
        "\n{:<14} {:>5} {:>9} {:>9}  {:<18} {:>15} {:>15}  {:>13}  {:<18}",
        "part",
        "calls",
        "ours/s",
        format!("{other}/s"),
        "ratio",
        "ours p50/p99",
        format!("{other} p50/p99"),
        "cpu us a call",
        "cpu ratio"
    );
}

/// Prints a comparison.
pub(crate) fn print(comparison: &Comparison) {
    let Comparison {
        part,
        concurrency,
        ours,
        theirs,
        rate_ratio,
        cpu_ratio,
    } = comparison;
    let latency = |p50: f64, p99: f64| format!("{p50:.0}/{p99:.0}");
    println!(
        "{part:<14} {concurrency:>5} {:>9.0} {:>9.0}  {:<18} {:>15} {:>15}  {:>13}  {:<18}",
        ours.rate,
        theirs.rate,
        rate_ratio.to_string(),
        latency(ours.p50_us, ours.p99_us),
        latency(theirs.p50_us, theirs.p99_us),
        format!("{:.1}/{:.1}", ours.cpu_us, theirs.cpu_us),
        cpu_ratio.to_string(),
    );
}

/// A bare service that answers these calls with the bytes that the registry does.
async fn bare_of(
    registry: &Listening,
    calls: &[Call],
    updates: bool,
    directory: &Path,
) -> Result<Listening> {
    let path = &calls.first().context("no call")?.path;
    let ours = answers(&registry.address, calls).await?;
    let pairs = calls.iter().zip(&ours);
    let messages = pairs.map(|(call, message)| {
        let key = bare::key(path, &STANDARD.decode(&call.message)?)?;
        Ok((key, STANDARD.encode(message)))
    });
    let file = directory.join("answers.json");
    let content = Answers {
        path: path.clone(),
        messages: messages.collect::<Result<_>>()?,
    };
    std::fs::write(&file, serde_json::to_vec(&content)?)?;
    let bare = Listening::bare(&file)?;
    let theirs = answers(&bare.address, calls).await?;
    ensure!(
        theirs == ours,
        "{path}: the bare service answers other bytes"
    );
    // an update's answer is of another revision and time each time
    let again = answers(&registry.address, calls).await?;
    ensure!(updates || again == ours, "{path}: not the same bytes twice");
    Ok(bare)
}

/// The calls of a part.
pub(crate) fn calls(part: &str, database: &Database) -> Result<Vec<Call>> {
    let list = |filter: &str, view| {
        let request = pb::ListPlatformsRequest {
            page_size: 100,
            filter: filter.to_owned(),
            view,
            ..Default::default()
        };
        vec![Call::new(LIST_PLATFORMS, &request)]
    };
    let authorization = Some(format!("Bearer {}", database.key));
    Ok(match part {
        GET | GET_WITH_KEY => {
            let get = |name: &String| {
                let request = pb::GetPlatformRequest {
                    name: name.clone(),
                    ..Default::default()
                };
                Call::new(GET_PLATFORM, &request)
            };
            let mut calls: Vec<_> = database.platforms.iter().map(get).collect();
            if part == GET_WITH_KEY {
                for call in &mut calls {
                    call.authorization.clone_from(&authorization);
                }
            }
            calls
        }
        LIST_BASIC => list("", 0),
        LIST_FULL => list("", pb::PlatformView::Full.into()),
        LIST_FILTERED => list(r#"governing_agency = "agencies/bo-cong-an""#, 0),
        UPDATE | UPDATE_WITH_ID => database
            .plans
            .iter()
            .map(|name| update(name, part == UPDATE_WITH_ID, authorization.clone()))
            .collect::<Result<_>>()?,
        _ => anyhow::bail!("no part `{part}`"),
    })
}

/// An update of one text of a plan, to another value in each call.
fn update(plan: &str, with_id: bool, authorization: Option<String>) -> Result<Call> {
    const COUNTER: &str = "0123456789abcdef";
    const ID: &str = "01234567-0123-4123-8123-0123456789ab";
    let request = pb::UpdatePlanRequest {
        plan: Some(pb::Plan {
            name: plan.to_owned(),
            objectives: format!(
                "Dữ liệu giả định để đo tốc độ: {COUNTER}, {}",
                generate::PROSE
            ),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["objectives".to_owned()],
        }),
        request_id: if with_id { ID } else { "" }.to_owned(),
        reason: "synthetic for the benchmark".to_owned(),
        ..Default::default()
    };
    let message = prost::Message::encode_to_vec(&request);
    let at = |text: &str| {
        let mut windows = message.windows(text.len());
        windows.position(|window| window == text.as_bytes())
    };
    Ok(Call {
        authorization,
        counter_at: Some(at(COUNTER).context("no counter")?),
        uuid_at: at(ID),
        ..Call::new(UPDATE_PLAN, &request)
    })
}
