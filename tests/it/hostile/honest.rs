//! Honest callers beside an attack: from another address without a key, from the attackers' own
//! with one, and a steward who writes. Each call has to be answered; how long it took is told.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ndp_registry::pb;
use tokio::{net::TcpSocket, sync::watch, task::JoinSet};
use tonic::transport::{Channel, Endpoint};
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
const PLATFORM_JSON: &str = "GET /v1/platforms/ndp-001";

/// How long one call may take: a guard, not a promise.
const CALL_BOUND: Duration = Duration::from_secs(20);

/// Between two rounds of a caller.
const PAUSE: Duration = Duration::from_millis(5);

/// Faults of one caller that are told, and characters of one.
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
            ("without a key, from elsewhere", ELSEWHERE, None, Does::Reads),
            ("with a key, beside the attackers", HOSTILE, Some(&server.editor), Does::Asks),
            ("the steward, from elsewhere", ELSEWHERE, Some(&server.steward), Does::Writes),
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
                match caller.does {
                    Does::Reads => caller.reads().await,
                    Does::Asks => caller.asks_who_it_is().await,
                    Does::Writes => caller.writes().await,
                }
                count.send_modify(|count| *count += 1);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Waits until each of them has done so many more rounds, begun and ended from now on.
    pub(super) async fn is_served(&mut self, rounds: u64, faults: &mut Vec<String>) {
        for done in &mut self.rounds {
            // the one that is under way began before
            let wanted = *done.borrow() + rounds + 1;
            let served = done.wait_for(|rounds| *rounds >= wanted);
            match tokio::time::timeout(BOUND * 2, served).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => faults.push("an honest caller has given up".into()),
                Err(_) => faults.push("an honest caller is not served".into()),
            }
        }
    }

    /// Lets them end; what they met with, and how long their calls took.
    pub(super) async fn end(mut self, faults: &mut Vec<String>) -> String {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.callers.join_next().await {
            ended.unwrap();
        }
        faults.append(&mut self.shared.faults.lock().unwrap());
        let mut latencies = self.shared.latencies.lock().unwrap();
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        format!(
            "{} calls, p50 {:.1?}, p99 {:.1?}",
            latencies.len(),
            at(50),
            at(99)
        )
    }
}

impl Caller {
    /// Has a call answered, or says why it was not.
    async fn call<T, E: std::fmt::Debug>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        let began = Instant::now();
        let answered = tokio::time::timeout(CALL_BOUND, call).await;
        self.shared.latencies.lock().unwrap().push(began.elapsed());
        let wrong = match answered {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => format!("{error:?}").chars().take(ERROR_MAX).collect(),
            Err(_) => format!("no answer within {CALL_BOUND:?}"),
        };
        let mut faults = self.shared.faults.lock().unwrap();
        if faults.iter().filter(|it| it.starts_with(self.who)).count() < TOLD_MAX {
            faults.push(format!("{}: {what}: {wrong}", self.who));
        }
        None
    }

    /// A connection of its own.
    async fn connect(&self) -> Option<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let endpoint = endpoint.local_address(Some(self.from.into()));
        self.call("connecting", endpoint.connect()).await
    }

    fn clients(&self, channel: &Channel) -> Clients {
        Clients::new(channel, self.key.clone().unwrap_or_default())
    }

    /// The same over HTTP/1.1.
    async fn get_json(&self, what: &str) {
        let getting = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((self.from, 0).into())?;
            let connection = socket.connect(self.address).await?;
            let key = self.key.as_ref().map(|key| ("authorization", key.sent()));
            let answer = send_on(connection, what, key.as_slice(), "").await?;
            match answer.status {
                200 => Ok(()),
                status => Err(std::io::Error::other(format!("{status} {}", answer.text()))),
            }
        };
        self.call(what, getting).await;
    }

    async fn reads(&self) {
        if let Some(channel) = self.connect().await {
            let mut clients = self.clients(&channel);
            let get = pb::GetPlatformRequest {
                name: PLATFORM.into(),
                ..Default::default()
            };
            self.call("GetPlatform", clients.catalogue.get_platform(get))
                .await;
            let list = pb::ListPlatformsRequest {
                page_size: 10,
                ..Default::default()
            };
            self.call("ListPlatforms", clients.catalogue.list_platforms(list))
                .await;
            let mut health = HealthClient::new(channel);
            let check = HealthCheckRequest {
                service: String::new(),
            };
            self.call("Check", health.check(check)).await;
        }
        self.get_json(PLATFORM_JSON).await;
    }

    async fn asks_who_it_is(&self) {
        if let Some(channel) = self.connect().await {
            let mut clients = self.clients(&channel);
            let asking = clients.access.who_am_i(pb::WhoAmIRequest {});
            if let Some(answer) = self.call("WhoAmI", asking).await {
                let principal = answer.into_inner().principal;
                assert_eq!(principal, "principals/editor");
            }
        }
        self.get_json("GET /v1/whoami").await;
    }

    async fn writes(&self) {
        if let Some(channel) = self.connect().await {
            let mut clients = self.clients(&channel);
            let update = pb::UpdatePlatformRequest {
                platform: Some(pb::Platform {
                    name: PLATFORM.into(),
                    display_name: format!("Nền tảng bị tấn công, {:?} (made up)", Instant::now()),
                    ..Default::default()
                }),
                ..Default::default()
            };
            self.call("UpdatePlatform", clients.catalogue.update_platform(update))
                .await;
            let list = pb::ListPlatformsRequest {
                filter: "display_name:\"dữ liệu\"".into(),
                ..Default::default()
            };
            self.call("ListPlatforms", clients.catalogue.list_platforms(list))
                .await;
        }
    }
}
