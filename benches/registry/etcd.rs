//! The registry beside etcd with the same records: a platform read, and a plan written durably. The
//! part is skipped where etcd cannot be built, which takes Go and its modules.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    Options,
    compare::{self, GET, UPDATE},
    generate::{self, SMALL},
    load::{Call, answers},
    measure::{CONCURRENCY, Comparison, Question, Seeds},
    process::Listening,
};

/// The part of a run.
pub(crate) const ETCD: &str = "etcd";

/// `etcdserverpb.PutRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `etcdserverpb.RangeRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// Runs the part where it is asked for, and prints it.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    if !options.wants(ETCD) {
        return Ok(comparisons);
    }
    let program = match build(directory) {
        Ok(program) => program,
        Err(error) => {
            println!("\netcd is skipped: {error:#}");
            return Ok(comparisons);
        }
    };
    let database = generate::database(directory, SMALL).await?;
    let (copy, file) = database.copy(directory)?;
    let registry = Listening::registry(&file)?;
    let etcd = Listening::etcd(&program, &copy.path().join("etcd"))?;
    let mut seeds = Seeds::new();
    compare::print_heading(ETCD);
    for (part, title) in [(GET, "etcd get"), (UPDATE, "etcd put")] {
        let ours = compare::calls(part, &database)?;
        let records = answers(&registry.address, &ours).await?;
        let keys = (0..records.len()).map(|number| format!("{part}/{number}").into_bytes());
        let pairs: Vec<_> = keys.zip(records.iter().map(|it| it.to_vec())).collect();
        let puts = pairs.iter().map(|(key, value)| put(key, value));
        let puts: Vec<_> = puts.collect();
        answers(&etcd.address, &puts).await?;
        let gets = pairs.iter().map(|(key, _)| {
            let key = key.clone();
            Call::new("/etcdserverpb.KV/Range", &RangeRequest { key })
        });
        let theirs = if part == GET { gets.collect() } else { puts };
        for concurrency in CONCURRENCY {
            let question = Question {
                part: title,
                calls: &ours,
                own_call: part == UPDATE,
                concurrency,
                rounds: options.rounds,
                measure: options.measure,
            };
            let comparison = question.compare_with(&registry, &theirs, &etcd, &mut seeds)?;
            compare::print(&comparison);
            comparisons.push(comparison);
        }
    }
    Ok(comparisons)
}

/// A put of a record, with another counter in each call where the record has one.
fn put(key: &[u8], value: &[u8]) -> Call {
    let request = PutRequest {
        key: key.to_vec(),
        value: value.to_vec(),
    };
    let message = prost::Message::encode_to_vec(&request);
    // the counter that `answers` sent
    let counter = format!("{:08x}", u32::MAX);
    let mut windows = message.windows(counter.len());
    let counter_at = windows.position(|window| window == counter.as_bytes());
    Call {
        counter_at,
        message: STANDARD.encode(&message),
        ..Call::new("/etcdserverpb.KV/Put", &request)
    }
}

fn build(directory: &Path) -> Result<std::path::PathBuf> {
    let program = directory.join("etcd");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/etcd");
    let built = Command::new("go")
        .current_dir(source)
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .output()
        .context("running `go`")?;
    let said = String::from_utf8_lossy(&built.stderr);
    anyhow::ensure!(built.status.success(), "`go build`: {}", said.trim());
    Ok(program)
}
