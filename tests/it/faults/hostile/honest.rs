//! Honest callers beside an attack: from another address without a key, from the attackers' own
//! with one, and a steward who writes. Each call has to be answered; the latencies are reported.

use std::{
    error::Error as _,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ndp_registry::pb;
use tokio::{net::TcpSocket, sync::watch, task::JoinSet};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{ELSEWHERE, HOSTILE, server::Attacked};
use crate::{
    faults::BOUND,
    harness::{
        http::send_on,
        server::{As, Clients},
    },
};

const PLATFORM: &str = "platforms/ndp-001";

/// How long one call may take: a guard, not a promise.
const CALL_BOUND: Duration = Duration::from_secs(60);

/// Between two rounds of a caller.
const PAUSE: Duration = Duration::from_millis(5);

/// How often a caller may reconnect for one call.
const RETRIES_MAX: usize = 20;

/// The most faults reported for one caller, and the most characters of one.
const TOLD_MAX: usize = 3;
const ERROR_MAX: usize = 200;

/// Callers at work.
pub(super) struct Honest {
    callers: JoinSet<()>,
    rounds: Vec<watch::Receiver<u64>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    faults: Mutex<Vec<String>>,
    latencies: Mutex<Vec<Duration>>,
    retries: AtomicUsize,
}

/// Why a call was not answered.
#[derive(Debug)]
#[expect(dead_code, reason = "it is shown")]
enum Wrong {
    /// The connection was closed, or could not be opened.
    Connection(String),
    /// The server answered with an error.
    Refused(String),
}

impl From<Status> for Wrong {
    fn from(status: Status) -> Self {
        let received = format!(
            "{:?} {} {:?}",
            status.code(),
            status.message(),
            status.source()
        );
        // what the transport says has a source; what the server says has none
        match status.source() {
            Some(_) => Self::Connection(received),
            None => Self::Refused(received),
        }
    }
}

/// What a caller does in each round.
#[derive(Clone, Copy)]
enum Does {
    Reads,
    Asks,
    Writes,
}

/// One of them.
struct Caller {
    who: &'static str,
    address: std::net::SocketAddr,
    from: Ipv4Addr,
    key: Option<As>,
    does: Does,
    shared: Arc<Shared>,
}

impl Honest {
    pub(super) fn begin(server: &Attacked) -> Self {
        let shared = Arc::<Shared>::default();
        let mut honest = Self {
            callers: JoinSet::new(),
            rounds: Vec::new(),
            shared: Arc::clone(&shared),
        };
        for (who, from, key, does) in [
            (
                "without a key, from elsewhere",
                ELSEWHERE,
                None,
                Does::Reads,
            ),
            (
                "with a key, beside the attackers",
                HOSTILE,
                Some(&server.editor),
                Does::Asks,
            ),
            (
                "the steward, from elsewhere",
                ELSEWHERE,
                Some(&server.steward),
                Does::Writes,
            ),
        ] {
            honest.work(Caller {
                who,
                address: server.address(),
                from,
                key: key.cloned(),
                does,
                shared: Arc::clone(&shared),
            });
        }
        honest
    }

    fn work(&mut self, caller: Caller) {
        let (count, rounds) = watch::channel(0);
        self.rounds.push(rounds);
        self.callers.spawn(async move {
            while !caller.shared.stop.load(Ordering::Relaxed) {
                caller.round().await;
                count.send_modify(|count| *count += 1);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Waits until each caller has begun and ended `rounds` more rounds from now on.
    pub(super) async fn is_served(&mut self, rounds: u64, faults: &mut Vec<String>) {
        for done in &mut self.rounds {
            // the round under way began before, and does not count
            let wanted = *done.borrow() + rounds + 1;
            let served = done.wait_for(|rounds| *rounds >= wanted);
            match tokio::time::timeout(BOUND * 2, served).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => faults.push("an honest caller has given up".into()),
                Err(_) => faults.push("an honest caller is not served".into()),
            }
        }
    }

    /// Clears the latencies and retries so far, but not the faults.
    pub(super) fn forget(&self) {
        self.shared.latencies.lock().unwrap().clear();
        self.shared.retries.store(0, Ordering::Relaxed);
    }

    /// Moves the faults so far into `faults`, and returns the latencies as text.
    pub(super) fn latencies(&self, faults: &mut Vec<String>) -> String {
        faults.append(&mut self.shared.faults.lock().unwrap());
        let mut latencies = self.shared.latencies.lock().unwrap().clone();
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        format!(
            "{} calls, p50 {:.1?}, p99 {:.1?}, {} connected anew",
            latencies.len(),
            at(50),
            at(99),
            self.shared.retries.load(Ordering::Relaxed)
        )
    }

    /// Stops the callers after their current round.
    pub(super) async fn end(mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.callers.join_next().await {
            ended.unwrap();
        }
    }
}

impl Caller {
    /// Has a call answered, or says why it was not.
    ///
    /// From the attackers' address, a new connection may be closed in favor of a newer one before
    /// its first call arrives. The caller then reconnects, as clients do. It retries no refusal.
    async fn call<F>(&self, what: &str, call: impl Fn() -> F)
    where
        F: Future<Output = Result<(), Wrong>>,
    {
        let began = Instant::now();
        let calling = async {
            let mut tries = 0;
            loop {
                match call().await {
                    Err(Wrong::Connection(_)) if self.from == HOSTILE && tries < RETRIES_MAX => {
                        tries += 1;
                        self.shared.retries.fetch_add(1, Ordering::Relaxed);
                    }
                    outcome => return outcome,
                }
            }
        };
        let answered = tokio::time::timeout(CALL_BOUND, calling).await;
        self.shared.latencies.lock().unwrap().push(began.elapsed());
        let wrong = match answered {
            Ok(Ok(())) => return,
            Ok(Err(wrong)) => format!("{wrong:?}").chars().take(ERROR_MAX).collect(),
            Err(_) => format!("no answer within {CALL_BOUND:?}"),
        };
        let mut faults = self.shared.faults.lock().unwrap();
        if faults.iter().filter(|it| it.starts_with(self.who)).count() < TOLD_MAX {
            faults.push(format!("{}: {what}: {wrong}", self.who));
        }
    }

    /// Clients on a connection of their own.
    async fn connect(&self) -> Result<(Clients, Channel), Wrong> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let endpoint = endpoint.local_address(Some(self.from.into()));
        let connected = endpoint.connect().await;
        let channel = connected.map_err(|error| Wrong::Connection(format!("{error:?}")))?;
        let clients = Clients::new(&channel, self.key.clone().unwrap_or_default());
        Ok((clients, channel))
    }

    /// GET of HTTP/1.1, on a connection of its own.
    async fn get(&self, what: &str) -> Result<(), Wrong> {
        let asking = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((self.from, 0).into())?;
            let connection = socket.connect(self.address).await?;
            let key = self.key.as_ref().map(|key| ("authorization", key.sent()));
            send_on(connection, what, key.as_slice(), "").await
        };
        let asked: std::io::Result<_> = asking.await;
        match asked {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(Wrong::Refused(format!(
                "{} {}",
                answer.status,
                answer.text()
            ))),
            Err(error) => Err(Wrong::Connection(format!("{error:?}"))),
        }
    }

    async fn round(&self) {
        match self.does {
            Does::Reads => {
                self.call("reads and a check", || self.reads()).await;
                self.call("a read", || self.get("GET /v1/platforms/ndp-001"))
                    .await;
            }
            Does::Asks => {
                self.call("IdentifyCaller", || self.asks_who_it_is()).await;
                self.call("principals:identifyCaller", || {
                    self.get("GET /v1/principals:identifyCaller")
                })
                .await;
            }
            Does::Writes => self.call("a write and a search", || self.writes()).await,
        }
    }

    async fn reads(&self) -> Result<(), Wrong> {
        let (mut clients, channel) = self.connect().await?;
        let get = pb::GetPlatformRequest {
            name: PLATFORM.into(),
            ..Default::default()
        };
        clients.catalogue.get_platform(get).await?;
        let list = pb::ListPlatformsRequest {
            page_size: 10,
            ..Default::default()
        };
        clients.catalogue.list_platforms(list).await?;
        let check = HealthCheckRequest::default();
        HealthClient::new(channel).check(check).await?;
        Ok(())
    }

    async fn asks_who_it_is(&self) -> Result<(), Wrong> {
        let (mut clients, _) = self.connect().await?;
        let answer = clients
            .access
            .identify_caller(pb::IdentifyCallerRequest {})
            .await?;
        assert_eq!(answer.into_inner().principal, "principals/editor");
        Ok(())
    }

    async fn writes(&self) -> Result<(), Wrong> {
        let (mut clients, _) = self.connect().await?;
        let update = pb::UpdatePlatformRequest {
            platform: Some(pb::Platform {
                name: PLATFORM.into(),
                // another at each write, with too few digits to be a number of a person
                display_name: format!(
                    "Nền tảng bị tấn công, {} (synthetic)",
                    rand::random::<u16>()
                ),
                ..Default::default()
            }),
            ..Default::default()
        };
        clients.catalogue.update_platform(update).await?;
        let list = pb::ListPlatformsRequest {
            filter: "display_name:\"dữ liệu\"".into(),
            ..Default::default()
        };
        clients.catalogue.list_platforms(list).await?;
        Ok(())
    }
}
