//! Kill -9 at any moment: a write that was answered is in the database; one that was not is there
//! in full or not at all. Repeating it with the same request id answers as if nothing had happened.

use std::time::{Duration, Instant};

use ndp_registry::pb;
use rand::RngExt;
use tokio::{sync::watch, task::JoinSet};
use tonic::{Code, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{BOUND, PLATFORM, Served, command, create, make_key, rename, revision_in};
use crate::harness::{
    Engine,
    postgres::{Cluster, Stop},
    process::Signal,
    server::{As, Clients},
    sql::Sql,
};

const WRITERS: usize = 6;
/// How long rounds go on in every run of the tests.
const ROUNDS_TIME: Duration = Duration::from_secs(14);
/// How many they are at least.
const ROUNDS_MIN: usize = 3;
/// How many they are with `tests/run --long`.
const ROUNDS_LONG: usize = 200;

/// What a writer sent.
enum Asked {
    Create(Box<pb::CreatePlanRequest>),
    Update(Box<pb::UpdatePlanRequest>),
}

/// The answer to a write: the image, and the revision that holds it.
#[derive(Debug, PartialEq)]
struct Acknowledged {
    plan: pb::Plan,
    revision: i64,
}

impl Asked {
    async fn send(&self, clients: &mut Clients) -> Result<Acknowledged, Status> {
        let response = match self {
            Self::Create(request) => clients.plans.create_plan(request.as_ref().clone()).await,
            Self::Update(request) => clients.plans.update_plan(request.as_ref().clone()).await,
        };
        response.map(|response: Response<pb::Plan>| Acknowledged {
            revision: revision_in(&response),
            plan: response.into_inner(),
        })
    }

    fn request_id(&self) -> &str {
        match self {
            Self::Create(request) => &request.request_id,
            Self::Update(request) => &request.request_id,
        }
    }
}

/// One writer's work in one round: what was answered, in order, and what was not.
struct Written {
    answered: Vec<(Asked, Acknowledged)>,
    unanswered: (Asked, Status),
}

/// Makes a plan and renames it again and again, until a call fails.
async fn write(id: String, mut clients: Clients, count: watch::Sender<u32>) -> Written {
    let mut answered = Vec::new();
    let mut asked = Asked::Create(Box::new(create(&id)));
    loop {
        match asked.send(&mut clients).await {
            Ok(answer) => answered.push((asked, answer)),
            Err(status) => {
                return Written {
                    answered,
                    unanswered: (asked, status),
                };
            }
        }
        count.send_modify(|count| *count += 1);
        let step = answered.len();
        asked = Asked::Update(Box::new(rename(
            &id,
            format!("{id}, lần sửa {step} (synthetic)"),
        )));
    }
}

/// Starts the writers, breaks something after a random number of answers, and collects.
async fn break_while_writing(
    server: &Served,
    editor: &As,
    round: usize,
    break_it: impl FnOnce(),
) -> Vec<Written> {
    let (count, mut counted) = watch::channel(0);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let id = format!("r{round}-w{writer}");
        writers.spawn(write(id, server.clients(editor), count.clone()));
    }
    let moment = rand::rng().random_range(1..80);
    let reached = counted.wait_for(|count| *count >= moment);
    drop(tokio::time::timeout(BOUND, reached).await.unwrap().unwrap());
    tokio::task::block_in_place(break_it);
    let all = tokio::time::timeout(BOUND, writers.join_all()).await;
    all.expect("the writers did not learn that it broke")
}

/// The revision that holds a request, from the log itself.
async fn revision_of(sql: &mut Sql, asked: &Asked) -> Option<i64> {
    let of = format!("FROM changes WHERE request_id = '{}'", asked.request_id());
    match sql.number(&format!("SELECT count(*) {of}")).await {
        0 => None,
        1 => Some(sql.number(&format!("SELECT revision {of}")).await),
        more => panic!("{more} changes for one request id"),
    }
}

/// What the database holds of it, with no server running or none able to write.
async fn look_into_the_log(url: &str, written: &[Written]) -> Vec<Option<i64>> {
    let mut sql = Sql::connect(url).await;
    // a transaction of the killed process has ended once this is held
    sql.hold_the_log().await;
    let mut unanswered = Vec::new();
    for Written {
        answered,
        unanswered: (asked, _),
    } in written
    {
        for (asked, answer) in answered {
            assert_eq!(
                revision_of(&mut sql, asked).await,
                Some(answer.revision),
                "an acknowledged change is lost"
            );
        }
        unanswered.push(revision_of(&mut sql, asked).await);
    }
    let newest = sql.number("SELECT max(revision) FROM changes").await;
    assert_eq!(
        sql.number("SELECT count(*) FROM changes").await,
        newest,
        "a gap"
    );
    assert_eq!(sql.number("SELECT revision FROM log_head").await, newest);
    sql.let_go().await;
    unanswered
}

/// Asks everything again, and compares with what was said and what the log held.
async fn ask_again(mut clients: Clients, written: &[Written], in_log: &[Option<i64>]) {
    for (of_one, in_log) in written.iter().zip(in_log) {
        let Written {
            answered,
            unanswered: (asked, _),
        } = of_one;
        let read = pb::GetPlanRequest {
            name: match answered.last() {
                Some((_, answer)) => answer.plan.name.clone(),
                None => continue,
            },
            ..pb::GetPlanRequest::default()
        };
        let held = clients
            .plans
            .get_plan(read.clone())
            .await
            .unwrap()
            .into_inner();
        let answer = asked.send(&mut clients).await.unwrap();
        match in_log {
            Some(revision) => {
                assert_eq!(answer.revision, *revision);
                assert_eq!(held, answer.plan, "what is in the log is in the State");
            }
            None => assert_eq!(Some(&held), answered.last().map(|(_, answer)| &answer.plan)),
        }
        for (asked, answer) in answered {
            assert_eq!(
                &asked.send(&mut clients).await.unwrap(),
                answer,
                "another answer"
            );
        }
        let now = clients.plans.get_plan(read).await.unwrap().into_inner();
        assert_eq!(now, answer.plan, "a replay is not a change");
    }
}

fn is_ok(url: &str) {
    let (code, said, errors) = command(&["admin", "verify"], url);
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(said.starts_with("ok: revision "), "{said}");
}

/// As many rounds as there is time for, but at least `rounds`.
async fn kill_in_a_loop(url: &str, rounds: usize) {
    // before the server, which knows it from the beginning
    let (editor, _) = make_key(url, "editor");
    let mut server = Served::start(url).await;
    let began = Instant::now();
    let mut round = 0;
    let (mut done, mut undone) = (0, 0);
    while round < rounds || began.elapsed() < ROUNDS_TIME {
        round += 1;
        let kill = || {
            server.process.signal(Signal::Kill);
            server.process.wait(BOUND);
        };
        let written = break_while_writing(&server, &editor, round, kill).await;
        let in_log = look_into_the_log(url, &written).await;
        done += in_log.iter().flatten().count();
        undone += in_log.iter().filter(|it| it.is_none()).count();
        is_ok(url);
        server = Served::start(url).await;
        ask_again(server.clients(&editor), &written, &in_log).await;
    }
    println!("{round} rounds; of the calls cut off {done} were done and {undone} were not");
    drop(server);
    is_ok(url);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_on_sqlite() {
    let engine = Engine::sqlite();
    kill_in_a_loop(&engine.url(), ROUNDS_MIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `tests/run --long many_kills`"]
async fn nothing_acknowledged_is_lost_in_many_kills_on_sqlite() {
    let engine = Engine::sqlite();
    kill_in_a_loop(&engine.url(), ROUNDS_LONG).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `tests/run --long many_kills`"]
async fn nothing_acknowledged_is_lost_in_many_kills_on_postgres() {
    on_a_cluster(ROUNDS_LONG).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_on_postgres() {
    on_a_cluster(ROUNDS_MIN).await;
}

/// On a PostgreSQL that syncs, which then goes down too.
async fn on_a_cluster(rounds: usize) {
    let settings = ["fsync=on", "full_page_writes=on"];
    let cluster = tokio::task::block_in_place(|| Cluster::start_with(&settings));
    let Some(cluster) = cluster else { return };
    let database = cluster.database(None).await;
    kill_in_a_loop(&database.url, rounds).await;
    lose_the_database(&cluster, &database.url).await;
}

/// PostgreSQL itself goes down as by a loss of power, and comes back.
async fn lose_the_database(cluster: &Cluster, url: &str) {
    let (editor, _) = make_key(url, "other-editor");
    let server = Served::start(url).await;
    let mut health = HealthClient::new(server.channel.clone());
    let watch = HealthCheckRequest::default();
    let mut health = health.watch(watch).await.unwrap().into_inner();
    let mut becomes = async |wanted: ServingStatus| {
        let becomes =
            async { while health.message().await.unwrap().unwrap().status() != wanted {} };
        let became = tokio::time::timeout(BOUND, becomes).await;
        became.unwrap_or_else(|_| panic!("health did not become {wanted:?}"));
    };
    becomes(ServingStatus::Serving).await;
    let written = break_while_writing(&server, &editor, 0, || cluster.stop(Stop::Immediate)).await;
    for Written { unanswered, .. } in &written {
        assert_eq!(unanswered.1.code(), Code::Unavailable, "{:?}", unanswered.1);
        let reason = super::reason(&unanswered.1);
        assert!(
            ["STORE_UNAVAILABLE", "OUTCOME_UNKNOWN"].contains(&reason.as_str()),
            "{reason}"
        );
    }
    becomes(ServingStatus::NotServing).await;
    let read = pb::GetPlatformRequest {
        name: PLATFORM.into(),
        ..pb::GetPlatformRequest::default()
    };
    let mut clients = server.clients(&editor);
    clients.catalogue.get_platform(read).await.unwrap();
    tokio::task::block_in_place(|| cluster.start_again());
    becomes(ServingStatus::Serving).await;
    let in_log = look_into_the_log(url, &written).await;
    ask_again(server.clients(&editor), &written, &in_log).await;
    drop(server);
    is_ok(url);
}
