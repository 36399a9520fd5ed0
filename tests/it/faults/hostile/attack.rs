//! An attack: connections from one address of this machine, each of which does one thing and does
//! it again when it is cut off; and the list of all attacks.
//!
//! Tests let a few connections loose, enough to overfill a share; the bench lets loose as many as
//! were once enough to bring the server down. Every loop is bounded in number and ends with
//! [`Running`]; nothing leaves the loopback.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{net::TcpStream, sync::watch, task::JoinSet, time::sleep};

use super::{
    calls,
    line::{Line, Reads, Target},
    sockets,
};

/// How often one that is cut off comes back, and after how long.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(20);

/// What one connection does until it is cut off.
pub(crate) type Does = fn(Attacker) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// One way to harm a server.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// As many as were once enough for a server with the default limits.
    pub(crate) connections: usize,
    /// Enough to overfill a share.
    pub(crate) few: usize,
    pub(super) does: Does,
    /// The limits, any of which may refuse it: what the metrics call them. None where there is
    /// nothing to refuse, or the transport does it.
    pub(crate) limits: &'static [&'static str],
}

/// One connection of an attack.
#[derive(Clone)]
pub(crate) struct Attacker {
    target: Target,
    /// Which of the connections it is.
    pub(super) number: u64,
    /// Between two calls; none where the server's answers set the pace.
    pause: Option<Duration>,
    placed: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

/// The results so far.
#[derive(Default)]
pub(crate) struct Tally {
    connected: AtomicU64,
    sent: AtomicU64,
    cut: AtomicU64,
    placed: watch::Sender<usize>,
}

impl Tally {
    /// Connections that were opened.
    pub(crate) fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    /// Calls, or packs of frames, that were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How often one was cut off, or found no way in.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

/// An attack that goes on until this is dropped.
pub(crate) struct Running {
    tasks: JoinSet<()>,
    tally: Arc<Tally>,
    connections: usize,
}

impl Attack {
    /// Starts the attack with this many connections. Once they are in place, they make at most
    /// `rate` calls a second in all.
    pub(crate) fn begin(&self, target: Target, connections: usize, rate: Option<f64>) -> Running {
        let tally = Arc::<Tally>::default();
        let of_one = |rate: f64| Duration::from_secs_f64(connections as f64 / rate.max(1.0));
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let attacker = Attacker {
                target,
                number: number as u64,
                pause: rate.map(of_one),
                placed: Arc::default(),
                tally: Arc::clone(&tally),
            };
            let does = self.does;
            tasks.spawn(async move {
                for _ in 0..TRIES {
                    // however it ends, the server had enough of it
                    drop(does(attacker.clone()).await);
                    attacker.tally.cut.fetch_add(1, Ordering::Relaxed);
                    attacker.is_placed();
                    sleep(attacker.pause.unwrap_or_default().max(PAUSE)).await;
                }
            });
        }
        Running {
            tasks,
            tally,
            connections,
        }
    }
}

impl Running {
    /// Waits until each connection has done what it came for, or was cut off.
    pub(crate) async fn in_place(&self) {
        let mut placed = self.tally.placed.subscribe();
        let all = placed.wait_for(|placed| *placed >= self.connections);
        drop(all.await);
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Ends it: all its connections are closed.
    pub(crate) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Attacker {
    /// A connection that has greeted the server over HTTP/2.
    pub(super) async fn line(&self, reads: Reads) -> io::Result<Line> {
        let line = Line::open(&self.target, reads).await?;
        self.tally.connected.fetch_add(1, Ordering::Relaxed);
        Ok(line)
    }

    /// A connection on which nothing was said.
    pub(super) async fn socket(&self) -> io::Result<TcpStream> {
        let socket = self.target.connect().await?;
        self.tally.connected.fetch_add(1, Ordering::Relaxed);
        Ok(socket)
    }

    /// Counts what was sent, and waits where there is a pace to keep.
    pub(super) async fn sent(&self) {
        self.tally.sent.fetch_add(1, Ordering::Relaxed);
        match self.pause.filter(|_| self.placed.load(Ordering::Relaxed)) {
            Some(pause) => sleep(pause).await,
            None => tokio::task::yield_now().await,
        }
    }

    /// It has done what it came for, and only goes on with it.
    pub(super) fn is_placed(&self) {
        if !self.placed.swap(true, Ordering::Relaxed) {
            self.tally.placed.send_modify(|placed| *placed += 1);
        }
    }
}

/// A family of attacks: what is kept back, or done too much of.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) attacks: &'static [Attack],
}

macro_rules! attacks {
    ($($name:literal $connections:literal $few:literal $room:ident::$does:ident
        ($($argument:expr),*) $limits:expr;)+) => {
        &[$(Attack {
            name: $name,
            connections: $connections,
            few: $few,
            does: |it| Box::pin(async move { $room::$does(&it $(, $argument)*).await }),
            limits: &$limits,
        }),+]
    };
}

const IN_FLIGHT: &str = "calls_in_flight";
const REQUEST_BYTES: &str = "request_bytes";
const ANSWER_BYTES: &str = "answer_bytes";
const WATCHERS: &str = "watchers";
const RATE: &str = "call_rate";
const TURNS: &str = "heavy_work";
const HEADERS: &str = "request_headers";
const FRAMES: &str = "frames";

/// Every attack: its name, connections in the wild and in a test, what each does, and the limits
/// that may refuse it.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        name: "calls that never end",
        attacks: attacks! {
            "endless bodies, gRPC" 21 6 calls::hold(Reads::All, calls::half_message) [IN_FLIGHT];
            "endless bodies, JSON" 21 6 calls::hold(Reads::All, calls::half_json) [IN_FLIGHT];
            "endless bodies, gRPC-Web" 21 6 calls::hold(Reads::All, calls::half_web) [IN_FLIGHT];
            "endless bodies, reflection" 21 6
                calls::hold(Reads::All, calls::half_reflection) [IN_FLIGHT, WATCHERS];
            "endless bodies, health" 21 6 calls::hold(Reads::All, calls::half_health) [IN_FLIGHT];
            "a far ndp-min-revision" 21 6
                calls::hold(Reads::All, calls::far_revision) [IN_FLIGHT, RATE];
            "a far ndp-min-revision, JSON" 21 6
                calls::hold(Reads::All, calls::far_revision_json) [IN_FLIGHT, RATE];
            "keys that nobody has" 21 6 calls::hold(Reads::All, calls::wrong_key) [IN_FLIGHT, RATE];
            "reads of many revisions" 21 6
                calls::hold(Reads::All, calls::past_list) [IN_FLIGHT, RATE, TURNS, "cost"];
        },
    },
    Family {
        name: "bodies that are almost whole",
        attacks: attacks! {
            "a byte short of 1 MB, JSON" 6 2
                calls::fill(calls::short_json) [REQUEST_BYTES, IN_FLIGHT];
            "a byte short of 1 MB, JSON over HTTP/1.1" 250 64
                sockets::unfinished_json() [REQUEST_BYTES];
            "a byte short of 1 MB, gRPC" 6 2
                calls::fill(calls::short_message) [REQUEST_BYTES, IN_FLIGHT];
            "a megabyte announced, gRPC" 6 2
                calls::hold(Reads::All, calls::announced) [REQUEST_BYTES, IN_FLIGHT];
            "a byte short of 1 MB, gRPC-Web" 6 2
                calls::fill(calls::short_web) [REQUEST_BYTES, IN_FLIGHT];
            "a byte short of 1 MB, reflection" 6 2
                calls::fill(calls::short_reflection) [REQUEST_BYTES, IN_FLIGHT, WATCHERS];
            "gzip bombs" 16 4 calls::ask(16, calls::bomb) [];
        },
    },
    Family {
        name: "streams that are counted nowhere",
        attacks: attacks! {
            "health watches" 100 6
                calls::hold(Reads::All, calls::health_watch) [WATCHERS, IN_FLIGHT];
            "reflection streams" 100 6
                calls::hold(Reads::All, calls::reflection_stream) [WATCHERS, IN_FLIGHT];
            "watches" 100 6 calls::hold(Reads::All, calls::watch_now) [WATCHERS, IN_FLIGHT];
            "reflection, answers not read" 1 1
                calls::fill_unread(calls::many_reflections) [];
            "reflection, the socket not read" 4 2
                calls::hold(Reads::Nothing, calls::few_reflections) [];
        },
    },
    Family {
        name: "answers that are not read",
        attacks: attacks! {
            "no window" 100 8 calls::hold(Reads::Window(0), calls::list) [ANSWER_BYTES, IN_FLIGHT];
            "a window of crumbs" 100 8
                calls::crumbs(calls::list) [ANSWER_BYTES, IN_FLIGHT];
            "no window, JSON over HTTP/2" 100 8
                calls::hold(Reads::Window(0), calls::list_json) [ANSWER_BYTES, IN_FLIGHT, TURNS];
            "no window, gRPC-Web" 100 8
                calls::hold(Reads::Window(0), calls::list_web) [ANSWER_BYTES, IN_FLIGHT];
            "the socket not read" 100 8
                calls::hold(Reads::Nothing, calls::list) [ANSWER_BYTES, IN_FLIGHT];
            "JSON over HTTP/1.1 not read" 250 200
                sockets::unread_json() [ANSWER_BYTES, IN_FLIGHT, TURNS];
            "watches from the beginning" 100 6
                calls::hold(Reads::Window(0), calls::watch_beginning) [WATCHERS, IN_FLIGHT];
            "watches of a snapshot" 100 6
                calls::hold(Reads::Window(0), calls::watch_snapshot) [WATCHERS, IN_FLIGHT];
            "event streams over HTTP/1.1" 250 100 sockets::unread_events() [];
        },
    },
    Family {
        name: "connections that do nothing",
        attacks: attacks! {
            "idle HTTP/2" 4200 600 sockets::idle() [];
            "not a byte" 4200 600 sockets::silent() [];
            "half a preface" 4200 600 sockets::half_preface() [];
            "half a head, byte by byte" 4200 600 sockets::slow_head() [];
            "a body, byte by byte" 4200 600 sockets::slow_body() [];
            "opened and closed" 32 16 sockets::churn() [];
            "a port scan" 32 16 sockets::scan() [];
        },
    },
    Family {
        name: "frames without end",
        attacks: attacks! {
            "PING" 8 2 sockets::flood(sockets::Flood::Ping) [FRAMES];
            "SETTINGS" 8 2 sockets::flood(sockets::Flood::Settings) [FRAMES];
            "PRIORITY" 8 2 sockets::flood(sockets::Flood::Priority) [FRAMES];
            "WINDOW_UPDATE" 8 2 sockets::flood(sockets::Flood::WindowUpdate) [FRAMES];
            "DATA that is empty" 8 2 sockets::flood(sockets::Flood::EmptyData) [];
            "CONTINUATION" 8 2 sockets::flood(sockets::Flood::Continuation) [];
            "streams reset at once" 8 2 sockets::flood(sockets::Flood::Reset) [];
            "data of one byte" 8 2 sockets::flood(sockets::Flood::Crumbs) [];
            "calls that are refused" 8 2 calls::ask(200, calls::small) [];
            "frames of no known type" 8 2 sockets::flood(sockets::Flood::Unknown) [FRAMES];
        },
    },
    Family {
        name: "calls that cost much",
        attacks: attacks! {
            "empty messages, JSON" 16 4 calls::ask(4, calls::empty_json) [];
            "empty messages, protobuf" 16 4 calls::ask(4, calls::empty_messages) [];
            "JSON that is deep" 16 4 calls::ask(4, calls::deep_json) [];
            "filters of a hundred terms" 16 8 calls::ask(100, calls::costly_filter) [];
            "searches of 41 words" 16 8 calls::ask(100, calls::costly_search) [];
            "lists of the past" 16 8 calls::ask(100, calls::past_list) [];
            "timelines" 16 8 calls::ask(100, calls::timeline) [];
            "keys that nobody has, at rate" 16 8 calls::ask(100, calls::wrong_key) [];
        },
    },
    Family {
        name: "headers",
        attacks: attacks! {
            "17,000 bytes, gRPC" 16 4 calls::ask(100, calls::long_header) [HEADERS];
            "17,000 bytes, JSON" 16 4 calls::ask(100, calls::long_header_json) [HEADERS];
            "many, gRPC" 16 4 calls::ask(100, calls::many_headers) [HEADERS];
            "90,000 bytes" 16 4 calls::ask(100, calls::huge_header) [];
        },
    },
];
