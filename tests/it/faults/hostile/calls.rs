//! Calls over HTTP/2 that are held open, left unfinished, not read, or that cost much.

use std::{
    io,
    sync::{Arc, LazyLock},
    time::Duration,
};

use ndp_registry::pb::{self, watch_changes_request::Start};
use prost::Message;
use tokio::{task::JoinSet, time::sleep};
use tonic_health::pb::HealthCheckRequest;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_request::MessageRequest,
};

use super::{
    attack::Attacker,
    frames::{END_STREAM, PAYLOAD_MAX, RST_STREAM, WINDOW_UPDATE, block, enclosed, frame},
    line::{Line, Reads},
};

/// As many as a connection may have open.
const STREAMS: usize = 200;

/// A bound of every loop.
const CALLS_MAX: u64 = 200_000;

/// How soon calls that were refused are made again.
const AGAIN: Duration = Duration::from_millis(500);

/// What the server takes of one body.
const BODY_BYTES: usize = 1 << 20;

const GRPC: &str = "application/grpc";
const WEB: &str = "application/grpc-web+proto";
const JSON: &str = "application/json";

const GET: &str = "/ndp.registry.v1.CatalogueService/GetPlatform";
const CREATE: &str = "/ndp.registry.v1.CatalogueService/CreatePlatform";
const LIST: &str = "/ndp.registry.v1.CatalogueService/ListPlatforms";
const SEARCH: &str = "/ndp.registry.v1.CatalogueService/SearchPlatforms";
const TIMELINE: &str = "/ndp.registry.v1.MonitoringService/ComputeTimeline";
const WATCH: &str = "/ndp.registry.v1.ChangeService/WatchChanges";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const REFLECTION_ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
const HEALTH_WATCH: &str = "/grpc.health.v1.Health/Watch";

/// One call as it is sent.
pub(super) struct Call {
    head: Vec<u8>,
    body: Vec<u8>,
    /// Whether the client ends it.
    ends: bool,
}

impl Call {
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// The call of this number; no two of an attack have the same.
pub(super) type Made = fn(u64) -> Call;

// === what is done with calls ===

/// Keeps as many open on a connection as it may have; one that is refused is made again.
pub(super) async fn hold(it: &Attacker, reads: Reads, made: Made) -> io::Result<()> {
    let mut line = it.line(reads).await?;
    let mut numbers = numbers(it);
    loop {
        fill_up(it, &mut line, &mut numbers, made).await?;
        it.is_placed();
        tokio::select! {
            ended = line.ended() => return ended,
            () = sleep(AGAIN) => {}
        }
    }
}

/// The same, and lets a byte of each answer come now and then.
pub(super) async fn crumbs(it: &Attacker, made: Made) -> io::Result<()> {
    let mut line = it.line(Reads::Window(0)).await?;
    let mut numbers = numbers(it);
    loop {
        fill_up(it, &mut line, &mut numbers, made).await?;
        it.is_placed();
        tokio::select! {
            ended = line.ended() => return ended,
            () = sleep(AGAIN) => {}
        }
        let crumb = |stream| frame(WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes());
        let crumbs: Vec<_> = line.open_streams().into_iter().map(crumb).collect();
        line.send(&crumbs.concat()).await?;
    }
}

fn numbers(it: &Attacker) -> std::ops::Range<u64> {
    let first = it.number * CALLS_MAX;
    first..first + CALLS_MAX
}

async fn fill_up(
    it: &Attacker,
    line: &mut Line,
    numbers: &mut std::ops::Range<u64>,
    made: Made,
) -> io::Result<()> {
    let open = line.open_streams().len();
    for number in numbers.take(STREAMS.saturating_sub(open)) {
        make(line, &made(number)).await?;
        it.sent().await;
    }
    Ok(())
}

/// Makes a call whose body fits one frame, or whose sender may wait for the server.
pub(super) async fn make(line: &mut Line, call: &Call) -> io::Result<()> {
    let flags = if call.ends { END_STREAM } else { 0 };
    if call.body.len() <= PAYLOAD_MAX {
        line.call_with(&call.head, &call.body, flags).await?;
    } else {
        let stream = line.call(0, &call.head).await?;
        line.body(stream, &call.body, flags).await?;
    }
    Ok(())
}

/// Sends long bodies on all streams at once, as far as the server takes them, and holds them.
pub(super) async fn fill(it: &Attacker, made: Made) -> io::Result<()> {
    fill_reading(it, Reads::All, made).await
}

/// The same, and reads no answer.
pub(super) async fn fill_unread(it: &Attacker, made: Made) -> io::Result<()> {
    fill_reading(it, Reads::Window(0), made).await
}

async fn fill_reading(it: &Attacker, reads: Reads, made: Made) -> io::Result<()> {
    let mut line = it.line(reads).await?;
    let mut streams = Vec::new();
    for number in numbers(it).take(STREAMS) {
        let call = made(number);
        streams.push((line.call(0, &call.head).await?, call));
        it.sent().await;
    }
    let line = Arc::new(line);
    let mut bodies = JoinSet::new();
    for (stream, call) in streams {
        let line = Arc::clone(&line);
        let flags = if call.ends { END_STREAM } else { 0 };
        bodies.spawn(async move { line.body(stream, &call.body, flags).await });
    }
    // a server that takes no more of one is in place, too
    let sent = async { while bodies.join_next().await.is_some() {} };
    drop(tokio::time::timeout(Duration::from_secs(3), sent).await);
    it.is_placed();
    line.ended().await
}

/// Makes calls as fast as the server answers them, at most `at_once` at a time.
pub(super) async fn ask(it: &Attacker, at_once: usize, made: Made) -> io::Result<()> {
    let mut line = it.line(Reads::All).await?;
    for number in numbers(it) {
        line.room(at_once).await?;
        make(&mut line, &made(number)).await?;
        it.sent().await;
        it.is_placed();
    }
    line.ended().await
}

// === calls ===

fn head(verb: &str, path: &str, content_type: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![
        (":method", verb),
        (":scheme", "http"),
        (":path", path),
        (":authority", "registry.invalid"),
        ("content-type", content_type),
        ("te", "trailers"),
    ];
    fields.extend_from_slice(more);
    block(&fields)
}

fn whole(path: &str, message: &impl Message, more: &[(&str, &str)]) -> Call {
    Call {
        head: head("POST", path, GRPC, more),
        body: enclosed(&message.encode_to_vec()),
        ends: true,
    }
}

fn get() -> pb::GetPlatformRequest {
    pb::GetPlatformRequest {
        name: "platforms/ndp-001".into(),
        ..Default::default()
    }
}

/// The first bytes of a message that does not go on.
fn half(path: &str, content_type: &str) -> Call {
    let whole = enclosed(&get().encode_to_vec());
    Call {
        head: head("POST", path, content_type, &[]),
        body: whole.into_iter().take(9).collect(),
        ends: false,
    }
}

pub(super) fn half_message(_: u64) -> Call {
    half(GET, GRPC)
}

pub(super) fn half_web(_: u64) -> Call {
    half(GET, WEB)
}

pub(super) fn half_health(_: u64) -> Call {
    half(HEALTH_CHECK, GRPC)
}

pub(super) fn half_reflection(number: u64) -> Call {
    half(reflection_path(number), GRPC)
}

pub(super) fn half_json(_: u64) -> Call {
    Call {
        head: head("POST", "/v1/platforms", JSON, &[]),
        body: b"{\"displayName\": \"N".to_vec(),
        ends: false,
    }
}

const FAR: (&str, &str) = ("ndp-min-revision", "9000000000");

pub(super) fn far_revision(_: u64) -> Call {
    whole(GET, &get(), &[FAR])
}

pub(super) fn far_revision_json(_: u64) -> Call {
    get_json("/v1/platforms/ndp-001", &[FAR])
}

fn get_json(path: &str, more: &[(&str, &str)]) -> Call {
    Call {
        head: head("GET", path, JSON, more),
        body: Vec::new(),
        ends: true,
    }
}

pub(super) fn wrong_key(number: u64) -> Call {
    let key = format!("Bearer ndp_{number:012}_{number:043}");
    whole(GET, &get(), &[("authorization", &key)])
}

pub(super) fn past_list(number: u64) -> Call {
    let request = pb::ListPlatformsRequest {
        page_size: 1,
        // of the opening edition there are more changes, of a small catalogue fewer
        read_revision: 1 + (number % 20_000) as i64,
        ..Default::default()
    };
    whole(LIST, &request, &[])
}

/// All of a message of a megabyte but its last byte.
fn short(path: &str, content_type: &str) -> Call {
    let mut body = enclosed(&vec![0; BODY_BYTES]);
    body.pop();
    Call {
        head: head("POST", path, content_type, &[]),
        body,
        ends: false,
    }
}

/// The length of a message of a megabyte, and nothing of it.
pub(super) fn announced(_: u64) -> Call {
    Call {
        head: head("POST", CREATE, GRPC, &[]),
        body: vec![0, 0, 0x10, 0, 0],
        ends: false,
    }
}

/// A message that is marked as compressed, without an encoding.
pub(super) fn undeclared(_: u64) -> Call {
    let mut call = whole(GET, &get(), &[]);
    if let Some(compressed) = call.body.first_mut() {
        *compressed = 1;
    }
    call
}

pub(super) fn short_message(_: u64) -> Call {
    short(CREATE, GRPC)
}

pub(super) fn short_web(_: u64) -> Call {
    short(CREATE, WEB)
}

pub(super) fn short_reflection(_: u64) -> Call {
    short(REFLECTION, GRPC)
}

pub(super) fn short_json(_: u64) -> Call {
    let mut body = long_json();
    body.pop();
    Call {
        head: head("POST", "/v1/platforms", JSON, &[]),
        body,
        ends: false,
    }
}

/// A body of JSON as long as may be.
pub(super) fn long_json() -> Vec<u8> {
    let (begin, end) = ("{\"displayName\": \"", "\"}");
    let text = "a".repeat(BODY_BYTES - begin.len() - end.len());
    [begin, &text, end].concat().into_bytes()
}

// Bodies of a megabyte are made once: a debug build would make them more slowly than the server
// reads them.

/// A megabyte of gzip that would be 158 as it was: a byte and repetitions of it, in the fixed
/// code (RFC 1951, 3.2.6).
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bits = Bits::default();
    // one block, the last, in the fixed code
    bits.put(0b011, 3);
    // a literal of zero: 00110000
    bits.put(0b0000_1100, 8);
    while bits.bytes.len() < BODY_BYTES - 64 {
        // 258 bytes from one back: 11000101 and 00000, codes have their first bit first
        bits.put(0b1010_0011, 8);
        bits.put(0, 5);
    }
    let mut message = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    message.extend(bits.bytes);
    let mut body = enclosed(&message);
    if let Some(compressed) = body.first_mut() {
        *compressed = 1;
    }
    body
});

pub(super) fn bomb(_: u64) -> Call {
    Call {
        head: head("POST", CREATE, GRPC, &[("grpc-encoding", "gzip")]),
        body: BOMB.clone(),
        ends: true,
    }
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// How many of the last byte's are taken.
    taken: u32,
}

impl Bits {
    /// Appends the lowest `count` bits, the lowest first.
    fn put(&mut self, bits: u32, count: u32) {
        for bit in 0..count {
            if self.taken.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((bits >> bit & 1) << (self.taken % 8)) as u8;
            }
            self.taken += 1;
        }
    }
}

pub(super) fn health_watch(_: u64) -> Call {
    let request = HealthCheckRequest {
        service: String::new(),
    };
    whole(HEALTH_WATCH, &request, &[])
}

fn reflection() -> Vec<u8> {
    // in the longest of all files
    let symbol = "buf.validate.FieldRules".to_owned();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(symbol)),
    };
    enclosed(&request.encode_to_vec())
}

/// Both versions in turn.
fn reflection_path(number: u64) -> &'static str {
    if number.is_multiple_of(2) {
        REFLECTION
    } else {
        REFLECTION_ALPHA
    }
}

fn reflections(count: usize, number: u64) -> Call {
    let path = reflection_path(number);
    Call {
        head: head("POST", path, GRPC, &[]),
        body: reflection().repeat(count),
        ends: false,
    }
}

/// One question, and the stream stays open.
pub(super) fn reflection_stream(number: u64) -> Call {
    reflections(1, number)
}

pub(super) fn few_reflections(number: u64) -> Call {
    reflections(20, number)
}

/// The call, which its client ends.
pub(super) fn ended(call: Call) -> Call {
    Call { ends: true, ..call }
}

pub(super) fn many_reflections(number: u64) -> Call {
    reflections(5_000, number)
}

fn watch(start: Start) -> Call {
    let request = pb::WatchChangesRequest {
        start: start.into(),
        ..Default::default()
    };
    whole(WATCH, &request, &[])
}

pub(super) fn watch_now(_: u64) -> Call {
    watch(Start::Now)
}

pub(super) fn watch_beginning(_: u64) -> Call {
    watch(Start::Beginning)
}

pub(super) fn watch_snapshot(_: u64) -> Call {
    watch(Start::Snapshot)
}

pub(super) fn list(_: u64) -> Call {
    let request = pb::ListPlatformsRequest {
        page_size: 1000,
        view: pb::PlatformView::Full.into(),
        ..Default::default()
    };
    whole(LIST, &request, &[])
}

pub(super) fn page_of_one(_: u64) -> Call {
    let request = pb::ListPlatformsRequest {
        page_size: 1,
        ..Default::default()
    };
    whole(LIST, &request, &[])
}

/// A call that costs nothing to answer.
pub(super) fn small(_: u64) -> Call {
    whole(GET, &get(), &[])
}

pub(super) fn list_web(number: u64) -> Call {
    Call {
        head: head("POST", LIST, WEB, &[]),
        ..list(number)
    }
}

/// Where a long list is in JSON.
pub(super) const LIST_JSON: &str = "/v1/platforms?page_size=1000&view=FULL";

pub(super) fn list_json(_: u64) -> Call {
    get_json(LIST_JSON, &[])
}

fn post_json(body: String) -> Call {
    Call {
        head: head("POST", "/v1/platforms", JSON, &[]),
        body: body.into_bytes(),
        ends: true,
    }
}

pub(super) fn empty_json(_: u64) -> Call {
    let (begin, end) = ("{\"sources\":[{}", "]}");
    let count = (BODY_BYTES - begin.len() - end.len()) / 3;
    post_json([begin, &",{}".repeat(count), end].concat())
}

pub(super) fn deep_json(_: u64) -> Call {
    post_json("[".repeat(BODY_BYTES))
}

static EMPTY_MESSAGES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let platform = pb::Platform {
        sources: vec![pb::Source::default(); BODY_BYTES / 2 - 64],
        ..Default::default()
    };
    let request = pb::CreatePlatformRequest {
        platform: Some(platform),
        ..Default::default()
    };
    enclosed(&request.encode_to_vec())
});

pub(super) fn empty_messages(_: u64) -> Call {
    Call {
        head: head("POST", CREATE, GRPC, &[]),
        body: EMPTY_MESSAGES.clone(),
        ends: true,
    }
}

pub(super) fn costly_filter(number: u64) -> Call {
    let terms: Vec<_> = (0..100)
        .map(|term| format!("display_name:zz{term:02}{}", number % 7))
        .collect();
    let request = pb::ListPlatformsRequest {
        page_size: 1000,
        filter: terms.join(" OR "),
        ..Default::default()
    };
    whole(LIST, &request, &[])
}

pub(super) fn costly_search(number: u64) -> Call {
    let words: Vec<_> = (0..41)
        .map(|word| format!("q{}{}", word % 10, number % 7))
        .collect();
    let request = pb::SearchPlatformsRequest {
        query: words.join(" "),
        ..Default::default()
    };
    whole(SEARCH, &request, &[])
}

pub(super) fn timeline(_: u64) -> Call {
    let date = |year| pb::Date {
        year,
        month: 1,
        day: 1,
    };
    let request = pb::ComputeTimelineRequest {
        start_date: Some(date(2016)),
        end_date: Some(date(2026)),
        ..Default::default()
    };
    whole(TIMELINE, &request, &[])
}

fn long(bytes: usize, call: impl Fn(&[(&str, &str)]) -> Call) -> Call {
    call(&[("x-synthetic", &"x".repeat(bytes))])
}

pub(super) fn long_header(_: u64) -> Call {
    long(17_000, |more| whole(GET, &get(), more))
}

pub(super) fn huge_header(_: u64) -> Call {
    long(90_000, |more| whole(GET, &get(), more))
}

pub(super) fn long_header_json(_: u64) -> Call {
    long(17_000, |more| get_json("/v1/platforms/ndp-001", more))
}

pub(super) fn many_headers(_: u64) -> Call {
    whole(GET, &get(), &[("x-synthetic", "x"); 600])
}

// === frames that flood use ===

/// A call that is reset at once.
pub(super) async fn call_and_reset(line: &mut Line) -> io::Result<()> {
    let stream = begin(line).await?;
    let cancel = 8_u32.to_be_bytes();
    line.send(&frame(RST_STREAM, 0, stream, &cancel)).await
}

/// A call whose body is to come.
pub(super) async fn begin(line: &mut Line) -> io::Result<u32> {
    line.call(0, &half_message(0).head).await
}
