//! Clients that read slowly or not at all, flood, never finish what they ask, or only connect:
//! each harms only itself, and an honest client beside it is still served. Latencies are printed;
//! the test asserts that every call of the honest client is answered while the other is there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ndp_core::{names::Revision, records::principals::Role, rules::principals::RevokeApiKey};
use ndp_registry::{
    catalogue,
    pb::{
        self, change_service_client::ChangeServiceClient, watch_changes_request::Start,
        watch_changes_response::Event,
    },
    registry::recent::Following,
};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, tcp::OwnedReadHalf},
    sync::watch,
    task::JoinHandle,
};
use tonic::{
    Code, Status, Streaming,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use super::{BOUND, PLATFORM, reason};
use crate::harness::{
    Engine, all_changes, both,
    frames::{self, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, frame},
    plans::Cast,
    raw::Raw,
    server::{As, Clients, Server},
};

// === the honest client ===

/// Reads and writes on a connection of its own, all the time that a bad client is there.
struct Honest {
    rounds: watch::Receiver<u64>,
    stop: Arc<AtomicBool>,
    working: JoinHandle<(Vec<Duration>, Vec<Duration>)>,
}

impl Honest {
    async fn begin(server: &Server, what: &'static str) -> Self {
        let id = format!("honest-{}", what.replace(' ', "-"));
        let steward = server.person(&id, &[Role::Steward], None).await;
        let channel = connect(server, |endpoint| endpoint).await;
        let mut clients = Clients::new(&channel, steward);
        let (count, rounds) = watch::channel(0);
        let stop = Arc::<AtomicBool>::default();
        let stopping = Arc::clone(&stop);
        let working = tokio::spawn(async move {
            let (mut reads, mut writes) = (Vec::new(), Vec::new());
            while !stopping.load(Ordering::Relaxed) {
                for _ in 0..5 {
                    let began = Instant::now();
                    let get = pb::GetPlatformRequest {
                        name: PLATFORM.into(),
                        ..Default::default()
                    };
                    clients.catalogue.get_platform(get).await.unwrap();
                    reads.push(began.elapsed());
                }
                let began = Instant::now();
                let number = writes.len();
                clients
                    .catalogue
                    .update_platform(rename(number, what))
                    .await
                    .unwrap();
                writes.push(began.elapsed());
                count.send_modify(|count| *count += 1);
            }
            (reads, writes)
        });
        Self {
            rounds,
            stop,
            working,
        }
    }

    /// Waits until the client has finished `rounds` more rounds of five reads and a write.
    async fn is_served(&mut self, rounds: u64) {
        let wanted = *self.rounds.borrow() + rounds;
        let served = self.rounds.wait_for(|rounds| *rounds >= wanted);
        let served = tokio::time::timeout(BOUND, served).await;
        served
            .expect("the honest client is not served")
            .expect("a call failed");
    }

    async fn end(self, what: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let (reads, writes) = self.working.await.unwrap();
        println!(
            "beside {what}: {} reads {}, {} writes {}",
            reads.len(),
            described(reads),
            writes.len(),
            described(writes)
        );
    }
}

fn described(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    format!("p50 {:?} p99 {:?}", at(50), at(99))
}

fn rename(number: usize, what: &str) -> pb::UpdatePlatformRequest {
    pb::UpdatePlatformRequest {
        platform: Some(pb::Platform {
            name: PLATFORM.into(),
            display_name: format!("Lần sửa {number} bên cạnh {what} (synthetic)"),
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn connect(server: &Server, with: impl FnOnce(Endpoint) -> Endpoint) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    with(endpoint).connect().await.unwrap()
}

// === watchers who do not read ===

type Watch = Streaming<pb::WatchChangesResponse>;

/// A connection with small stream windows: a client that does not read soon stops the sender.
async fn narrow(server: &Server) -> Channel {
    let narrow = |endpoint: Endpoint| {
        let endpoint = endpoint.initial_stream_window_size(2048);
        endpoint.initial_connection_window_size(16 << 20)
    };
    connect(server, narrow).await
}

async fn watch_from(channel: &Channel, revision: i64) -> Watch {
    let channel = InterceptedService::new(channel.clone(), As::default());
    let request = pb::WatchChangesRequest {
        start: if revision == 0 {
            Start::Beginning
        } else {
            Start::Resume
        }
        .into(),
        resume_revision: revision,
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 300,
            nanos: 0,
        }),
        ..Default::default()
    };
    let watch = ChangeServiceClient::new(channel)
        .watch_changes(request)
        .await;
    watch.unwrap().into_inner()
}

/// Reads until this revision, which the caller may see. Returns the revisions that were received.
async fn read_until(watch: &mut Watch, last: i64) -> Result<Vec<i64>, (Vec<i64>, Status)> {
    let mut revisions = Vec::new();
    while revisions.last() != Some(&last) {
        let message = tokio::time::timeout(BOUND, watch.message()).await;
        match message.expect("nothing came") {
            Ok(message) => match message.expect("an end without a status").event {
                Some(Event::Change(change)) => revisions.push(change.revision),
                other => panic!("{other:?}"),
            },
            Err(status) => return Err((revisions, status)),
        }
    }
    Ok(revisions)
}

/// Everything that the public sees of the log, by ListChanges.
async fn public(server: &Server) -> Vec<i64> {
    let request = pb::ListChangesRequest {
        page_size: 500,
        ..Default::default()
    };
    let listed = all_changes(server.intercepted(As::default()), request).await;
    listed.iter().map(|change| change.revision).collect()
}

async fn write(steward: &Raw, changes: usize) -> i64 {
    let mut revision = 0;
    for number in 0..changes {
        let platform = json!({"name": "platforms/ndp-002",
            "display_name": format!("Lần sửa {number} (synthetic)")});
        let answer = steward
            .ok("UpdatePlatform", json!({"platform": platform}))
            .await;
        revision = answer["revision"].as_i64().unwrap();
    }
    revision
}

async fn small_ring(engine: &Engine, stalled_after: Duration) -> Server {
    let following = Following {
        bytes_max: 128 * 1024,
        stalled_after,
        ..Following::default()
    };
    Server::start_following(&engine.url(), &[catalogue::OPENING_EDITION], following).await
}

fn ring_has(server: &Server, after: i64) -> bool {
    let after = Revision::new(after).unwrap();
    server.registry.read().recent.after(after, 1).is_some()
}

// === frames by hand ===

/// The headers of a GetPlatform, none of them in a table.
fn headers(stream: u32) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let block = [
        // POST, http, :path, :authority, content-type, te
        vec![0x83, 0x86, 0x04],
        text("/ndp.registry.v1.CatalogueService/GetPlatform"),
        vec![0x01],
        text("localhost"),
        vec![0x0f, 0x10],
        text("application/grpc"),
        vec![0x00],
        text("te"),
        text("trailers"),
    ];
    frame(HEADERS, END_HEADERS, stream, &block.concat())
}

/// The message of a GetPlatform, with its length.
fn message() -> Vec<u8> {
    let request = pb::GetPlatformRequest {
        name: PLATFORM.into(),
        ..Default::default()
    };
    let message = prost::Message::encode_to_vec(&request);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &message].concat()
}

/// Counts frames by their kind until the server hangs up.
async fn count(mut from: OwnedReadHalf) -> [usize; 16] {
    let mut counts = [0; 16];
    while let Ok(Some((kind, ..))) = frames::next(&mut from).await {
        counts[usize::from(kind).min(15)] += 1;
    }
    counts
}

both! {
    async fn a_watcher_who_reads_slowly_loses_nothing(engine: Engine) {
        let server = small_ring(&engine, Duration::from_secs(60)).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let mut slow = watch_from(&narrow(&server).await, 0).await;
        let mut honest = Honest::begin(&server, "a slow watcher").await;
        let last = write(&steward, 120).await;
        honest.is_served(5).await;
        assert!(!ring_has(&server, 1), "the ring still holds what it has not read");
        // it reads at last, while more is written
        let more = tokio::spawn(async move { write(&steward, 60).await });
        let mut seen = read_until(&mut slow, last).await.unwrap();
        let last = more.await.unwrap();
        seen.extend(read_until(&mut slow, last).await.unwrap());
        honest.end("a slow watcher").await;
        let listed = public(&server).await;
        let to_last = listed.iter().position(|revision| *revision == last).unwrap();
        assert_eq!(seen, listed[..=to_last]);
        drop(slow);
        server.stop().await;
    }

    async fn what_waits_for_a_revoked_key_is_let_go_of(engine: Engine) {
        const WAITING: usize = 16;
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "long").await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let channel = InterceptedService::new(narrow(&server).await, auditor);
        let request = pb::WatchChangesRequest {
            start: Start::Now.into(),
            heartbeat_interval: Some(prost_types::Duration { seconds: 300, nanos: 0 }),
            ..Default::default()
        };
        let watch = ChangeServiceClient::new(channel).watch_changes(request).await;
        let mut watch = watch.unwrap().into_inner();
        // so large that the transport takes few of them ahead of the reader
        for number in 0..2 * WAITING {
            let scope = format!("{number} {}", "ầ".repeat(9_000));
            let plan = json!({"name": plan["name"], "objectives": scope, "scope": scope});
            cast.editor.ok("UpdatePlan", json!({"plan": plan})).await;
        }
        let key = server.registry.read().state.api_keys().keys()
            .find(|key| key.parent().id() == "auditor").unwrap().clone();
        server.as_system(Box::new(RevokeApiKey { name: key })).await;
        let (seen, status) = read_until(&mut watch, i64::MAX).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        assert_eq!(reason(&status), "KEY_REVOKED");
        // the watch sent no waiting change, and gave the revision to resume from
        assert!(seen.len() < WAITING, "{} were sent after the key was revoked", seen.len());
        let resume = status.metadata().get("ndp-revision").unwrap().to_str().unwrap();
        let resume: i64 = resume.parse().unwrap();
        assert!(seen.iter().all(|revision| *revision <= resume), "{seen:?} {resume}");
        drop(watch);
        server.stop().await;
    }

    async fn a_watcher_who_stops_reading_is_ended_and_costs_little(engine: Engine) {
        let stalled_after = Duration::from_millis(200);
        let server = small_ring(&engine, stalled_after).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let channel = narrow(&server).await;
        let mut stalled = watch_from(&channel, 0).await;
        let mut honest = Honest::begin(&server, "a stalled watcher").await;
        // more than anything on the way could hold
        let last = write(&steward, 120).await;
        let began = Instant::now();
        while began.elapsed() < 5 * stalled_after {
            honest.is_served(1).await;
        }
        let (seen, status) = read_until(&mut stalled, last).await.unwrap_err();
        honest.end("a stalled watcher").await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert_eq!(reason(&status), "READER_STALLED", "{status:?}");
        // the changes kept for the watcher: those in its queue and in the windows
        assert!((1..=40).contains(&seen.len()), "{} were kept for it", seen.len());
        let listed = public(&server).await;
        assert_eq!(seen, listed[..seen.len()]);
        // The watcher resumes where it stopped and has lost nothing. On a machine that stalls for
        // as long, it can be refused again; it still makes progress.
        let mut resumed = *seen.last().unwrap();
        let mut rest = Vec::new();
        loop {
            let mut again = watch_from(&channel, resumed).await;
            match read_until(&mut again, last).await {
                Ok(more) => {
                    rest.extend(more);
                    break;
                }
                Err((more, status)) => {
                    assert_eq!(reason(&status), "READER_STALLED", "{status:?}");
                    resumed = *more.last().expect("it does not get on");
                    rest.extend(more);
                }
            }
        }
        let to_last = listed.iter().position(|revision| *revision == last).unwrap();
        assert_eq!(rest, listed[seen.len()..=to_last]);
        drop((stalled, channel));
        server.stop().await;
    }

    async fn many_who_fall_behind_at_once_hold_up_nobody(engine: Engine) {
        const SLOW: usize = 60;
        let server = small_ring(&engine, Duration::from_secs(60)).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let channel = narrow(&server).await;
        let mut slow = Vec::new();
        for _ in 0..SLOW {
            slow.push(watch_from(&channel, 0).await);
        }
        let wide = connect(&server, |endpoint| endpoint).await;
        let mut quick = watch_from(&wide, 0).await;
        let mut honest = Honest::begin(&server, "slow watchers").await;
        let first = write(&steward, 150).await;
        assert!(!ring_has(&server, 1), "nobody has fallen behind");
        let mut seen = read_until(&mut quick, first).await.unwrap();
        // all of them turn to the log, and the writer and the others go on
        let reading: Vec<_> = slow
            .into_iter()
            .map(|mut slow| tokio::spawn(async move {
                let seen = read_until(&mut slow, first).await.unwrap();
                (slow, seen)
            }))
            .collect();
        let last = write(&steward, 20).await;
        seen.extend(read_until(&mut quick, last).await.unwrap());
        honest.is_served(5).await;
        honest.end("slow watchers").await;
        let listed = public(&server).await;
        let to = |revision| listed.iter().position(|it| *it == revision).unwrap();
        assert_eq!(seen, listed[..=to(last)]);
        for reading in reading {
            let (_, seen) = reading.await.unwrap();
            assert_eq!(seen, listed[..=to(first)]);
        }
        drop((quick, channel, wide));
        server.stop().await;
    }

    async fn a_flood_of_calls_drowns_its_own_connection(engine: Engine) {
        const FLOOD: u32 = 20_000;
        let server = Server::start(&engine.url()).await;
        let mut honest = Honest::begin(&server, "a flood").await;
        let (from, mut to) = frames::connect(&server.address).await.into_split();
        let counting = tokio::spawn(count(from));
        let flooding = tokio::spawn(async move {
            let message = message();
            let mut sent = 0;
            for call in 0..FLOOD {
                let stream = 2 * call + 1;
                let data = frame(DATA, END_STREAM, stream, &message);
                if to.write_all(&[headers(stream), data].concat()).await.is_err() {
                    break;
                }
                sent += 1;
            }
            drop(to.shutdown().await);
            sent
        });
        honest.is_served(20).await;
        let sent = tokio::time::timeout(BOUND, flooding).await.expect("it floods on").unwrap();
        let counts = tokio::time::timeout(BOUND, counting).await;
        let counts = counts.expect("it is not let go").unwrap();
        honest.is_served(5).await;
        honest.end("a flood").await;
        let [answered, refused] = [HEADERS, RST_STREAM].map(|kind| counts[usize::from(kind)]);
        let gone = counts[usize::from(GOAWAY)];
        println!("of {sent} calls {answered} frames of headers, {refused} reset, {gone} GOAWAY");
        // never more at once than is allowed: it was answered, refused or hung up on
        assert!(answered > 0 || refused > 0 || gone > 0, "{counts:?}");
        server.stop().await;
    }

    async fn calls_that_never_end_hold_up_nobody(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut honest = Honest::begin(&server, "calls without end").await;
        // half a message on each of many streams, and the connection stays open
        let mut endless = frames::connect(&server.address).await;
        for call in 0..100 {
            let stream = 2 * call + 1;
            let half = frame(DATA, 0, stream, &message()[..9]);
            endless.write_all(&[headers(stream), half].concat()).await.unwrap();
        }
        // a whole call on the same connection is answered all the same
        let whole = frame(DATA, END_STREAM, 201, &message());
        endless.write_all(&[headers(201), whole].concat()).await.unwrap();
        frames::wait_for(&mut endless, HEADERS, 201).await;
        honest.is_served(10).await;

        // one complete call, after which the client closes its sending side
        let mut half_closed = frames::connect(&server.address).await;
        let whole = frame(DATA, END_STREAM, 1, &message());
        half_closed.write_all(&[headers(1), whole].concat()).await.unwrap();
        half_closed.shutdown().await.unwrap();
        let (from, _to) = half_closed.into_split();
        let ended = tokio::time::timeout(BOUND, count(from)).await;
        ended.expect("the server keeps a connection that is closed");
        honest.is_served(10).await;
        honest.end("calls without end").await;
        drop(endless);
        server.stop().await;
    }

    async fn connections_that_say_nothing_hold_up_nobody(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut silent = Vec::new();
        for number in 0..100 {
            let mut raw = TcpStream::connect(&server.address).await.unwrap();
            // some begin, and say nothing more
            raw.write_all(&PREFACE[..number % PREFACE.len()]).await.unwrap();
            silent.push(raw);
        }
        let mut honest = Honest::begin(&server, "silent connections").await;
        honest.is_served(20).await;
        // new connections are taken as before
        for _ in 0..10 {
            let channel = connect(&server, |endpoint| endpoint).await;
            let get = pb::GetPlatformRequest { name: PLATFORM.into(), ..Default::default() };
            let mut clients = Clients::new(&channel, As::default());
            clients.catalogue.get_platform(get).await.unwrap();
        }
        honest.end("silent connections").await;
        drop(silent);
        server.stop().await;
    }
}
