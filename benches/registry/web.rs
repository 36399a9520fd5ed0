//! What the pages of the dashboard cost beside calls: pages a second of the first page, the list of
//! platforms and a platform, beside ComputeSummary and GetPlatform on the same server in the same
//! run; and how long the first byte of the first page takes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ndp_registry::pb;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Options,
    bare::GET_PLATFORM,
    generate::{self, SMALL},
    load::Call,
    measure::{Question, Seeds, median},
    process::Listening,
};

/// The part's name.
pub(crate) const WEB: &str = "web";

const COMPUTE_SUMMARY: &str = "/ndp.registry.v1.MonitoringService/ComputeSummary";

/// Connections that ask for pages at once, as many as the calls beside them.
const CONNECTIONS: usize = 4;

/// First bytes that are timed.
const FIRST_BYTES: usize = 50;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A page, by its path.
#[derive(Debug, Serialize)]
struct Page {
    path: String,
    pages_per_second: f64,
    bytes: usize,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Web {
    pages: Vec<Page>,
    summaries_per_second: f64,
    gets_per_second: f64,
    /// Of the first page, the server being warm: medians, and the longest.
    first_byte_ms: f64,
    first_byte_longest_ms: f64,
}

/// Runs the part where it is asked for, and prints it.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Option<Web>> {
    if !options.wants(WEB) {
        return Ok(None);
    }
    let database = generate::database(directory, SMALL).await?;
    let server = Listening::registry(&database.file)?;
    let platform = database.platforms.first().context("a platform")?;
    let paths = [
        "/".to_owned(),
        "/platforms".to_owned(),
        format!("/{platform}"),
    ];
    let mut found = Web::default();
    let mut rates = vec![Vec::new(); paths.len()];
    let (mut summaries, mut gets) = (Vec::new(), Vec::new());
    let mut bytes = vec![0; paths.len()];
    let mut seeds = Seeds::new();
    let summary = Call::new(COMPUTE_SUMMARY, &pb::ComputeSummaryRequest::default());
    let get = pb::GetPlatformRequest {
        name: platform.clone(),
        ..Default::default()
    };
    let get = Call::new(GET_PLATFORM, &get);
    for _ in 0..options.rounds {
        for (at, path) in paths.iter().enumerate() {
            let (rate, length) = pages(&server.address, path, options.measure).await?;
            rates.get_mut(at).context("a path")?.push(rate);
            *bytes.get_mut(at).context("a path")? = length;
        }
        for (call, rates) in [(&summary, &mut summaries), (&get, &mut gets)] {
            let question = Question {
                part: WEB,
                calls: std::slice::from_ref(call),
                own_call: false,
                concurrency: (CONNECTIONS, 1),
                rounds: 1,
                measure: options.measure,
            };
            rates.push(question.ask(&server, seeds.next())?.rate);
        }
    }
    found.summaries_per_second = median(summaries);
    found.gets_per_second = median(gets);
    let mut first = Vec::new();
    for _ in 0..FIRST_BYTES {
        first.push(first_byte(&server.address).await?);
    }
    found.first_byte_longest_ms = first.iter().copied().fold(0.0, f64::max);
    found.first_byte_ms = median(first);
    println!("\n{:<24} {:>12} {:>10}", "page", "a second", "bytes");
    for ((path, rates), bytes) in paths.into_iter().zip(rates).zip(bytes) {
        let rate = median(rates);
        println!("{path:<24} {rate:>12.0} {bytes:>10}");
        found.pages.push(Page {
            path,
            pages_per_second: rate,
            bytes,
        });
    }
    println!(
        "ComputeSummary {:.0} a second, GetPlatform {:.0}; first byte of `/` {:.2} ms, \
         longest {:.2}",
        found.summaries_per_second,
        found.gets_per_second,
        found.first_byte_ms,
        found.first_byte_longest_ms
    );
    Ok(Some(found))
}

/// Pages a second over a few connections that stay open, and the bytes of one.
async fn pages(address: &str, path: &str, measure: Duration) -> Result<(f64, usize)> {
    let began = Instant::now();
    let asking = (0..CONNECTIONS).map(|_| async {
        let mut connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        let (mut count, mut bytes) = (0_usize, 0);
        while began.elapsed() < measure {
            bytes = page(&mut connection, path).await?;
            count += 1;
        }
        anyhow::Ok((count, bytes))
    });
    let asked = futures_util::future::try_join_all(asking).await?;
    let count: usize = asked.iter().map(|(count, _)| count).sum();
    let bytes = asked.first().map_or(0, |(_, bytes)| *bytes);
    Ok((count as f64 / began.elapsed().as_secs_f64(), bytes))
}

/// Asks for a page and reads it whole; its bytes without the head.
async fn page(connection: &mut TcpStream, path: &str) -> Result<usize> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: registry.example\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(128 * 1024);
    loop {
        let read = timeout(PATIENCE, connection.read_buf(&mut answer)).await??;
        ensure!(read > 0, "{path}: the answer ended early");
        let Some(end) = answer.windows(4).position(|it| it == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_lowercase();
        ensure!(head.starts_with("http/1.1 200"), "{path}: {head}");
        let length = head.split("content-length: ").nth(1).context("a length")?;
        let length: usize = length.lines().next().unwrap_or_default().trim().parse()?;
        if answer.len() >= end + 4 + length {
            return Ok(length);
        }
    }
}

/// Milliseconds until the first byte of the first page, on an open connection.
async fn first_byte(address: &str) -> Result<f64> {
    let mut connection = TcpStream::connect(address).await?;
    connection.set_nodelay(true)?;
    page(&mut connection, "/about").await?;
    let began = Instant::now();
    let request = b"GET / HTTP/1.1\r\nhost: registry.example\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await?;
    timeout(PATIENCE, connection.read_u8()).await??;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}
