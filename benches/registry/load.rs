//! The client: HTTP/2 connections with as many calls at once on each, in one thread of a process
//! of its own. It does not decode what it receives, so that it costs little beside the server,
//! but it reads every status: an error is counted, never a fast success.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request, header};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::process;

/// Window of a stream and of a connection: larger than any answer, so that flow control never
/// waits for the client.
const WINDOW_BYTES: u32 = 8 << 20;

/// One request, ready to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    /// `/package.Service/Method`.
    pub(crate) path: String,
    /// The message's bytes, in base64.
    pub(crate) message: String,
    /// The metadata `authorization`.
    pub(crate) authorization: Option<String>,
    /// Where the message holds 16 hexadecimal digits that must be others in every call.
    pub(crate) counter_at: Option<usize>,
    /// Where it holds a UUID that must be another in every call.
    pub(crate) uuid_at: Option<usize>,
}

impl Call {
    /// A call of `path` with `message`.
    pub(crate) fn new(path: &str, message: &impl prost::Message) -> Self {
        Self {
            path: path.to_owned(),
            message: STANDARD.encode(message.encode_to_vec()),
            authorization: None,
            counter_at: None,
            uuid_at: None,
        }
    }

    /// The request as it is sent.
    pub(crate) fn prepare(&self, address: &str) -> Result<Prepared> {
        let message = STANDARD.decode(&self.message)?;
        let mut frame = BytesMut::with_capacity(message.len() + 5);
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len())?);
        frame.put_slice(&message);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{address}{}", self.path))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        Ok(Prepared {
            request: request.body(())?,
            frame: frame.freeze(),
            counter_at: self.counter_at.map(|at| at + 5),
            uuid_at: self.uuid_at.map(|at| at + 5),
        })
    }
}

/// What the client process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) address: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) connections: usize,
    pub(crate) streams: usize,
    /// Each stream makes one call again and again, and none makes another's.
    pub(crate) own_call: bool,
    /// Another in each process, so that what must differ does.
    pub(crate) seed: u32,
    pub(crate) warm_up_ms: u64,
    pub(crate) measure_ms: u64,
}

/// The results of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Calls answered within the time measured.
    pub(crate) calls: u64,
    /// Calls answered, warm-up included.
    pub(crate) all_calls: u64,
    /// Calls a second.
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Bytes of one answer, on average.
    pub(crate) answer_bytes: f64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

/// A request as it is sent.
pub(crate) struct Prepared {
    request: Request<()>,
    frame: Bytes,
    counter_at: Option<usize>,
    uuid_at: Option<usize>,
}

impl Prepared {
    /// The frame with what must differ set by stream and number.
    pub(crate) fn frame(&self, seed: u32, stream: usize, number: u64) -> Bytes {
        if self.counter_at.is_none() && self.uuid_at.is_none() {
            return self.frame.clone();
        }
        let mut frame = BytesMut::from(&*self.frame);
        let unique = format!(
            "{seed:08x}{:08x}",
            (stream as u64) << 24 | number & 0xff_ffff
        );
        if let Some(digits) = self.counter_at.and_then(|at| frame.get_mut(at..at + 16)) {
            digits.copy_from_slice(unique.as_bytes());
        }
        if let Some(uuid) = self.uuid_at.and_then(|at| frame.get_mut(at..at + 36)) {
            let (a, b) = unique.split_at(8);
            let text = format!("{a}-0000-4000-8000-0000{b}");
            uuid.copy_from_slice(text.as_bytes());
        }
        frame.freeze()
    }
}

/// The client process: a job on standard input, its outcome on standard output.
pub(crate) fn run() -> Result<()> {
    let job: Job = process::job()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(job.run())?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

impl Job {
    async fn run(self) -> Result<Outcome> {
        let job: &'static Self = Box::leak(Box::new(self));
        let calls: Vec<_> = job
            .calls
            .iter()
            .map(|call| call.prepare(&job.address))
            .collect::<Result<_>>()?;
        let calls: &'static [Prepared] = calls.leak();
        let mut connections = Vec::new();
        for _ in 0..job.connections {
            connections.push(connect(&job.address).await?);
        }
        let begin = Instant::now() + Duration::from_millis(job.warm_up_ms);
        let end = begin + Duration::from_millis(job.measure_ms);
        let streams = (0..job.connections * job.streams).zip(connections.iter().cycle());
        let tasks: Vec<_> = streams
            .map(|(stream, connection)| {
                tokio::spawn(repeat(job, calls, connection.clone(), stream, begin, end))
            })
            .collect();
        let mut latencies = Vec::new();
        let mut slow = Vec::new();
        let mut outcome = Outcome::default();
        for task in tasks {
            let mut of_stream = task.await?;
            latencies.append(&mut of_stream.latencies);
            slow.extend(of_stream.last);
            outcome.all_calls += of_stream.all_calls;
            outcome.errors += of_stream.errors;
            outcome.answer_bytes += of_stream.bytes as f64;
            outcome.first_error = outcome.first_error.or(of_stream.first_error);
        }
        let mut measured = Duration::from_millis(job.measure_ms);
        if let Some(longest) = slow.iter().max().filter(|_| latencies.is_empty()) {
            // one call takes longer than that: at least one is measured
            measured = *longest;
            latencies = slow;
        }
        latencies.sort_unstable();
        outcome.calls = latencies.len() as u64;
        outcome.rate = latencies.len() as f64 / measured.as_secs_f64();
        outcome.p50_us = percentile(&latencies, 50);
        outcome.p99_us = percentile(&latencies, 99);
        outcome.answer_bytes /= (outcome.all_calls.max(1)) as f64;
        Ok(outcome)
    }
}

/// The given percentile, in microseconds.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(at).map_or(0.0, |it| it.as_secs_f64() * 1e6)
}

#[derive(Default)]
struct OfStream {
    latencies: Vec<Duration>,
    /// What its last call took, whenever that was made.
    last: Option<Duration>,
    all_calls: u64,
    bytes: usize,
    errors: u64,
    first_error: Option<String>,
}

async fn repeat(
    job: &'static Job,
    calls: &'static [Prepared],
    connection: SendRequest<Bytes>,
    stream: usize,
    begin: Instant,
    end: Instant,
) -> OfStream {
    let mut done = OfStream::default();
    let first = if job.own_call { stream } else { stream * 7 };
    for number in 0.. {
        let at = if job.own_call { first } else { first + number };
        let Some(call) = calls.get(at % calls.len()) else {
            return done;
        };
        let frame = call.frame(job.seed, stream, number as u64);
        let started = Instant::now();
        if started >= end {
            break;
        }
        match answer(&connection, call, frame, |part| done.bytes += part.len()).await {
            Ok(_) => {
                let now = Instant::now();
                done.all_calls += 1;
                done.last = Some(now - started);
                if started >= begin && now <= end {
                    done.latencies.push(now - started);
                }
            }
            Err(error) => {
                done.errors += 1;
                done.first_error.get_or_insert(format!("{error:#}"));
                // a connection that is lost would fail without end
                if done.errors > 100 {
                    break;
                }
            }
        }
    }
    done
}

/// A connection of HTTP/2.
pub(crate) async fn connect(address: &str) -> Result<SendRequest<Bytes>> {
    greet(TcpStream::connect(address).await.context("connecting")?).await
}

/// HTTP/2 on a connection that is there.
pub(crate) async fn greet(tcp: TcpStream) -> Result<SendRequest<Bytes>> {
    tcp.set_nodelay(true)?;
    let (send, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES * 4)
        .handshake(tcp)
        .await?;
    tokio::spawn(connection);
    Ok(send)
}

/// Makes one call and hands over the parts of what it answers; returns its `ndp-revision`.
pub(crate) async fn answer(
    connection: &SendRequest<Bytes>,
    call: &Prepared,
    frame: Bytes,
    mut part: impl FnMut(&Bytes),
) -> Result<Option<i64>> {
    let mut connection = connection.clone().ready().await?;
    let (response, mut sending) = connection.send_request(call.request.clone(), false)?;
    sending.send_data(frame, true)?;
    let (head, mut body) = response.await?.into_parts();
    ensure!(head.status == 200, "HTTP status {}", head.status);
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        part(&data);
    }
    match body.trailers().await? {
        Some(trailers) => check(&trailers)?,
        None => check(&head.headers)?,
    }
    let revision = head.headers.get("ndp-revision");
    Ok(revision.and_then(|it| it.to_str().ok()?.parse().ok()))
}

/// The messages of a watch: of each, only the revision and whether it holds a change are read.
pub(crate) struct WatchedFrames {
    body: h2::RecvStream,
    received: BytesMut,
}

impl WatchedFrames {
    /// Begins a watch.
    pub(crate) async fn open(connection: &SendRequest<Bytes>, call: &Prepared) -> Result<Self> {
        let mut connection = connection.clone().ready().await?;
        let (response, mut sending) = connection.send_request(call.request.clone(), false)?;
        sending.send_data(call.frame.clone(), true)?;
        let (head, body) = response.await?.into_parts();
        ensure!(head.status == 200, "HTTP status {}", head.status);
        ensure!(
            !head.headers.contains_key("grpc-status"),
            "{:?}",
            head.headers
        );
        Ok(Self {
            body,
            received: BytesMut::new(),
        })
    }

    /// The revision of the next change.
    pub(crate) async fn next_change(&mut self) -> Result<i64> {
        loop {
            while let Some(message) = self.take() {
                if let Some(revision) = change_in(&message) {
                    return Ok(revision);
                }
            }
            let Some(data) = self.body.data().await else {
                let trailers = self.body.trailers().await?.unwrap_or_default();
                check(&trailers)?;
                anyhow::bail!("the watch ended");
            };
            let data = data?;
            self.body.flow_control().release_capacity(data.len())?;
            self.received.extend_from_slice(&data);
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let head = self.received.first_chunk::<5>()?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        (self.received.len() >= length + 5)
            .then(|| self.received.split_to(length + 5).split_off(5).freeze())
    }
}

/// The revision, field 1, of a message that has a change, field 2.
fn change_in(message: &[u8]) -> Option<i64> {
    let mut rest = message.strip_prefix(&[0x08])?;
    let revision = prost::encoding::decode_varint(&mut rest).ok()?;
    (rest.first() == Some(&0x12)).then_some(revision as i64)
}

fn check(headers: &HeaderMap) -> Result<()> {
    let status = headers.get("grpc-status").context("no grpc-status")?;
    let message = headers.get("grpc-message");
    ensure!(status == "0", "grpc-status {status:?}, {message:?}");
    Ok(())
}

/// Makes each call once, and returns the messages answered.
pub(crate) async fn answers(address: &str, calls: &[Call]) -> Result<Vec<Bytes>> {
    let connection = connect(address).await?;
    let mut messages = Vec::new();
    for call in calls {
        let prepared = call.prepare(address)?;
        let mut body = BytesMut::new();
        let frame = prepared.frame(u32::MAX, messages.len(), 0);
        answer(&connection, &prepared, frame, |part| {
            body.extend_from_slice(part);
        })
        .await
        .with_context(|| call.path.clone())?;
        ensure!(body.len() >= 5, "{}: no message", call.path);
        messages.push(body.freeze().split_off(5));
    }
    Ok(messages)
}
