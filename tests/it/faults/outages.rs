//! A database that is locked, that loses connections, that says nothing: calls end within bounds,
//! reads go on, and afterwards all is as if nothing had been.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ndp_core::{error::Error, records::principals::Role, rules::Ids};
use ndp_registry::{
    catalogue::OPENING_EDITION,
    pb::{self, change_service_client::ChangeServiceClient},
    registry::{Entropy, QUEUE_MAX, Registry, entropy::OsEntropy, recent::Following},
};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};
use tonic::Code;
use tonic_types::StatusExt;

use super::{
    AGENCY, BOUND, PLATFORM, Waiting, create, making,
    proxy::{Proxy, Wire},
    queue, reason, rename, revision_in,
};
use crate::harness::{
    Engine, both,
    postgres::Cluster,
    server::{As, Clients, Server},
    sql::Sql,
    until,
};

async fn editor(server: &Server) -> Clients {
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    server.clients(editor)
}

fn platform() -> pb::GetPlatformRequest {
    pb::GetPlatformRequest {
        name: PLATFORM.into(),
        ..pb::GetPlatformRequest::default()
    }
}

/// Puts commands into the queue until it refuses one.
pub(crate) fn fill(registry: &Registry) -> Vec<Waiting> {
    let mut waiting = Vec::new();
    loop {
        match queue(registry, making(None)) {
            Ok(queued) => waiting.push(queued),
            Err(answer) => {
                let full = answer.unwrap_err();
                assert!(
                    matches!(full, Error::Exhausted { most, .. } if most == QUEUE_MAX as u64),
                    "{full:?}"
                );
                return waiting;
            }
        }
    }
}

/// Holds the writer up where it draws a salt, while it is shut.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar, AtomicBool)>);

impl Gate {
    pub(crate) fn shut(&self, shut: bool) {
        let (is_shut, opened, _) = &*self.0;
        *is_shut.lock().unwrap() = shut;
        opened.notify_all();
    }

    /// Waits until the writer is held up.
    pub(crate) async fn holds(&self) {
        until("the writer is held up", async || {
            self.0.2.load(Ordering::SeqCst)
        })
        .await;
    }
}

impl Ids for Gate {
    fn id(&mut self, length: usize) -> String {
        OsEntropy.id(length)
    }
}

impl Entropy for Gate {
    fn salt(&mut self) -> [u8; 16] {
        let (is_shut, opened, holds) = &*self.0;
        let shut = is_shut.lock().unwrap();
        holds.store(*shut, Ordering::SeqCst);
        drop(opened.wait_while(shut, |shut| *shut).unwrap());
        OsEntropy.salt()
    }
}

both! {
    async fn a_lock_held_elsewhere_is_waited_for_within_bounds(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut editor = editor(&server).await;
        let mut other = Sql::connect(&engine.url()).await;
        other.hold_the_log().await;
        let mut writing = editor.clone();
        let request = create("late");
        let asked = request.clone();
        let write = tokio::spawn(async move { writing.plans.create_plan(asked).await });
        editor.catalogue.get_platform(platform()).await.unwrap();
        let refused = tokio::time::timeout(BOUND, write).await.unwrap().unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        assert_eq!(reason(&refused), "STORE_UNAVAILABLE");
        assert!(refused.get_details_retry_info().is_some());
        editor.catalogue.get_platform(platform()).await.unwrap();
        let revision = server.registry.revision();
        other.let_go().await;
        let answer = editor.plans.create_plan(request).await.unwrap();
        let answered = revision_in(&answer);
        assert_eq!(answered, revision.get() + 1);
        drop(editor);
        server.stop().await;
    }

    async fn a_full_queue_refuses_at_once(engine: Engine) {
        let url = engine.url();
        let gate = Gate::default();
        let server = Server::start_drawing(&url, Box::new(gate.clone())).await;
        let mut editor = editor(&server).await;
        let mut other = Sql::connect(&url).await;
        let before = other.number("SELECT revision FROM log_head").await;
        gate.shut(true);
        // the writer is held up with one in its hands, and takes no other
        let mut waiting: Vec<_> = queue(&server.registry, making(None)).into_iter().collect();
        gate.holds().await;
        waiting.extend(fill(&server.registry));
        assert_eq!(waiting.len(), 1 + QUEUE_MAX);
        let refused = editor.plans.create_plan(create("refused")).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(reason(&refused), "LIMIT_REACHED");
        assert!(refused.get_details_retry_info().is_some());
        let quota = refused.get_details_quota_failure().unwrap();
        assert_eq!(quota.violations[0].subject, "writer_queue");
        editor.catalogue.get_platform(platform()).await.unwrap();
        gate.shut(false);
        let mut written = 0;
        for waiting in waiting {
            match tokio::time::timeout(BOUND, waiting).await.unwrap() {
                Ok(_) => written += 1,
                Err(error) => assert!(matches!(error, Error::Unavailable { .. }), "{error:?}"),
            }
        }
        let after = other.number("SELECT revision FROM log_head").await;
        assert_eq!(after - before, written);
        assert!(written > 0);
        let refused = format!("'{PLATFORM}/plans/refused'");
        let refused = format!("SELECT count(*) FROM plans WHERE name = {refused}");
        assert_eq!(other.number(&refused).await, 0);
        editor.plans.create_plan(create("refused")).await.unwrap();
        drop(editor);
        server.stop().await;
    }
}

/// How many sessions are ended before the writers are left alone.
const SESSIONS_ENDED: i64 = 25;

/// A server whose way to PostgreSQL leads through a wire that can be cut.
async fn behind_a_wire() -> Option<(Cluster, Proxy, Server, String)> {
    behind_a_wire_following(Following::default()).await
}

async fn behind_a_wire_following(following: Following) -> Option<(Cluster, Proxy, Server, String)> {
    let cluster = tokio::task::block_in_place(|| Cluster::start_with(&[]))?;
    let database = cluster.database(None).await;
    let proxy = Proxy::start(cluster.directory().join(".s.PGSQL.5432")).await;
    let url = format!("postgres://ndp@127.0.0.1:{}/{}", proxy.port, database.name);
    let server = Server::start_following(&url, &[OPENING_EDITION], following).await;
    Some((cluster, proxy, server, database.url))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_in_the_log() {
    let Some((_cluster, proxy, server, url)) = behind_a_wire().await else {
        return;
    };
    let mut editor = editor(&server).await;
    let mut sql = Sql::connect(&url).await;
    for round in 0..5 {
        // the commit succeeded, and its answer was lost
        proxy.set(Wire::LoseAnswer);
        let request = create(&format!("answer-lost-{round}"));
        let answer = editor.plans.create_plan(request.clone()).await.unwrap();
        proxy.is_sound().await;
        let revision = revision_in(&answer);
        let again = editor.plans.create_plan(request).await.unwrap();
        assert_eq!(revision_in(&again), revision);
        assert_eq!(again.into_inner(), answer.into_inner());

        // the commit was lost
        proxy.set(Wire::LoseCommit);
        let request = create(&format!("commit-lost-{round}"));
        let before = server.registry.revision();
        let refused = editor.plans.create_plan(request.clone()).await.unwrap_err();
        proxy.is_sound().await;
        assert_eq!(refused.code(), Code::Unavailable);
        assert_eq!(reason(&refused), "STORE_UNAVAILABLE");
        assert_eq!(server.registry.revision(), before);
        editor.plans.create_plan(request).await.unwrap();
    }
    let plans = sql.number("SELECT count(*) FROM plans").await;
    assert_eq!(plans, 10);
    assert_eq!(server.store.verify().await.unwrap().findings, []);
    drop(editor);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_is_recognised_and_reads_go_on() {
    let Some((_cluster, proxy, server, _)) = behind_a_wire().await else {
        return;
    };
    let mut editor = editor(&server).await;
    let mut readiness = server.registry.readiness();
    proxy.set(Wire::Silent);
    let not_ready = readiness.wait_for(|ready| !ready);
    drop(
        tokio::time::timeout(BOUND, not_ready)
            .await
            .expect("health stays good")
            .unwrap(),
    );
    editor.catalogue.get_platform(platform()).await.unwrap();
    proxy.set(Wire::Sound);
    let ready = readiness.wait_for(|ready| *ready);
    drop(
        tokio::time::timeout(BOUND, ready)
            .await
            .expect("health stays bad")
            .unwrap(),
    );
    editor.plans.create_plan(create("after")).await.unwrap();
    drop(editor);
    server.stop().await;
}

/// While the log cannot be read, the server cannot learn that a key was revoked elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_from_the_log_no_key_is_honoured_for_long() {
    let following = Following {
        honoured_for: Duration::from_secs(2),
        ..Following::default()
    };
    let Some((_cluster, proxy, server, _)) = behind_a_wire_following(following).await else {
        return;
    };
    let key = server.person("auditor", &[Role::Auditor], None).await;
    let known = server.raw(key.clone());
    let anonymous = server.raw(As::default());
    let get = || json!({"name": PLATFORM});
    let watching = async |caller: As| {
        let channel = server.intercepted(caller);
        let request = pb::WatchChangesRequest {
            heartbeat_interval: Some(prost_types::Duration {
                seconds: 1,
                nanos: 0,
            }),
            ..Default::default()
        };
        let watch = ChangeServiceClient::new(channel)
            .watch_changes(request)
            .await;
        watch.map(tonic::Response::into_inner)
    };
    let mut of_key = None;
    until("a key is honoured", async || {
        of_key = watching(key.clone()).await.ok();
        of_key.is_some() && known.call("GetPlatform", get()).await.is_ok()
    })
    .await;
    let mut public = watching(As::default()).await.unwrap();
    proxy.set(Wire::Silent);
    until("keys are not honoured", async || {
        let refused = known.call("GetPlatform", get()).await.err();
        refused.is_some_and(|status| {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert_eq!(reason(&status), "CREDENTIALS_NOT_CHECKED");
            true
        })
    })
    .await;
    // a wrong key gets the same error: the server cannot check it
    let wrong = As::key("ndp_aaaaaaaaaaaa_x");
    let refused = server
        .raw(wrong)
        .call("IdentifyCaller", json!({}))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIALS_NOT_CHECKED");
    anonymous.ok("GetPlatform", get()).await;
    let mut of_key = of_key.unwrap();
    let ended = tokio::time::timeout(BOUND, async {
        loop {
            if let Err(status) = of_key.message().await {
                return status;
            }
        }
    });
    let ended = ended.await.expect("its watch goes on");
    assert_eq!(reason(&ended), "CREDENTIALS_NOT_CHECKED");
    let heartbeat = tokio::time::timeout(BOUND, public.message()).await;
    heartbeat.expect("a public watch ended").unwrap();
    proxy.set(Wire::Sound);
    until("a key is honoured again", async || {
        known.call("GetPlatform", get()).await.is_ok()
    })
    .await;
    drop((of_key, public));
    server.stop().await;
}

/// Sessions are ended at any moment, mostly in the middle of commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_acknowledged_change_is_there_once_however_sessions_end() {
    let Some(engine) = Engine::postgres().await else {
        return;
    };
    let server = Server::start(&engine.url()).await;
    let mut sql = Sql::connect(&engine.url()).await;
    // a commit that takes a while, so that sessions end within it
    sql.run(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(0.005); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION dawdle()",
    )
    .await;
    let clients = editor(&server).await;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let mut clients = clients.clone();
        writers.spawn(async move {
            let id = format!("w{writer}");
            clients = ask_until_answered(clients, &id, None).await;
            for step in 0..40 {
                clients = ask_until_answered(clients, &id, Some(step)).await;
            }
        });
    }
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'ndp-registry'
        AND query = 'COMMIT' AND state = 'active' AND random() < 0.2";
    let mut ended = 0;
    let bound = Instant::now() + BOUND;
    while ended < SESSIONS_ENDED {
        assert!(Instant::now() < bound, "no session commits any more");
        ended += sql.number(end).await;
    }
    let all = tokio::time::timeout(BOUND, writers.join_all()).await;
    all.expect("the writers do not get on");
    // 4 plans made, each renamed 40 times: each request is in the log once
    let changes = "SELECT count(*) FROM changes WHERE request_id IS NOT NULL";
    assert_eq!(sql.number(changes).await, 4 * 41);
    assert_eq!(server.store.verify().await.unwrap().findings, []);
    drop(clients);
    server.stop().await;
}

/// Sends one request, with one id, until it is answered; only UNAVAILABLE is asked again.
async fn ask_until_answered(mut clients: Clients, id: &str, step: Option<u32>) -> Clients {
    let (make, edit) = match step {
        None => (Some(create(id)), None),
        Some(step) => (
            None,
            Some(rename(id, format!("lần sửa {step} (synthetic)"))),
        ),
    };
    loop {
        let answer = match (&make, &edit) {
            (Some(make), _) => clients.plans.create_plan(make.clone()).await,
            (_, Some(edit)) => clients.plans.update_plan(edit.clone()).await,
            (None, None) => return clients,
        };
        match answer {
            Ok(_) => return clients,
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
    }
}
