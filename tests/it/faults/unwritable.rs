//! Health reports that no change can be written, reads go on, and health recovers without a
//! caller's help; the server's log gives the reason once.

use ndp_core::records::principals::Role;
use ndp_registry::pb::ComputeSummaryRequest;
use tokio::sync::watch;
use tonic::Code;

use super::{AGENCY, BOUND, Served, command, create, make_key, reason};
use crate::harness::{Engine, both, postgres::Cluster, process::Stream, server::Server, sql::Sql};

async fn becomes(readiness: &mut watch::Receiver<bool>, wanted: bool) {
    let waited = tokio::time::timeout(BOUND, readiness.wait_for(|ready| *ready == wanted)).await;
    drop(
        waited
            .unwrap_or_else(|_| panic!("health never says {wanted}"))
            .unwrap(),
    );
}

both! {
    async fn a_lock_that_nobody_gives_up_shows_in_health(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut editor = server.clients(editor);
        let mut readiness = server.registry.readiness();
        let mut other = Sql::connect(&engine.url()).await;
        other.hold_the_log().await;
        let refused = editor.plans.create_plan(create("held")).await.unwrap_err();
        assert_eq!((refused.code(), &*reason(&refused)), (Code::Unavailable, "STORE_UNAVAILABLE"));
        becomes(&mut readiness, false).await;
        editor.monitoring.compute_summary(ComputeSummaryRequest::default()).await.unwrap();
        other.let_go().await;
        becomes(&mut readiness, true).await;
        editor.plans.create_plan(create("free")).await.unwrap();
        drop(editor);
        server.stop().await;
    }
}

/// Health reports the fault although no caller tries to write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_connections_or_rights_shows_in_health() {
    let started = tokio::task::block_in_place(|| Cluster::start_with(&[]));
    let Some(cluster) = started else { return };
    let database = cluster.database(None).await;
    cluster.execute("CREATE ROLE app LOGIN").await;
    let owned = format!("ALTER DATABASE {} OWNER TO app", database.name);
    cluster.execute(&owned).await;
    let url = database.url.replacen("ndp@", "app@", 1);
    let server = Server::start(&url).await;
    let mut readiness = server.registry.readiness();
    let mut sql = Sql::connect(&database.url).await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'";
    for (take, give) in [
        (
            "ALTER ROLE app CONNECTION LIMIT 0",
            "ALTER ROLE app CONNECTION LIMIT -1",
        ),
        (
            "REVOKE UPDATE ON log_head FROM app",
            "GRANT UPDATE ON log_head TO app",
        ),
    ] {
        sql.run(take).await;
        sql.number(end).await;
        becomes(&mut readiness, false).await;
        server
            .anonymous()
            .monitoring
            .compute_summary(ComputeSummaryRequest::default())
            .await
            .unwrap();
        sql.run(give).await;
        becomes(&mut readiness, true).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_was_changed_is_logged_once_and_can_be_changed_back() {
    let started = tokio::task::block_in_place(|| Cluster::start_with(&[]));
    let Some(cluster) = started else { return };
    let database = cluster.database(None).await;
    cluster
        .execute("CREATE ROLE app LOGIN PASSWORD 'hunter2'")
        .await;
    let owned = format!("ALTER DATABASE {} OWNER TO app", database.name);
    cluster.execute(&owned).await;
    cluster.ask_for_passwords().await;
    let url = cluster.url_of("app", "hunter2", &database.name);
    let served = Served::start_with(&url, &["--log-level", "info"]).await;
    let (editor, _) = make_key(&url, "editor");
    let mut editor = served.clients(&editor);
    let request = create("before");
    crate::harness::until("the key is known", async || {
        editor.plans.create_plan(request.clone()).await.is_ok()
    })
    .await;

    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'";
    cluster.execute("ALTER ROLE app PASSWORD 'hunter3'").await;
    cluster.execute(end).await;
    for number in 0..10 {
        let request = create(&format!("during-{number}"));
        let refused = editor.plans.create_plan(request).await.unwrap_err();
        assert_eq!(
            (refused.code(), &*reason(&refused)),
            (Code::Unavailable, "STORE_UNAVAILABLE")
        );
    }
    let not_ready = "the log cannot be read; not ready";
    tokio::task::block_in_place(|| served.process.wait_for_line(not_ready, BOUND));
    let log = served.process.printed(Stream::Stderr);
    let beginning: Vec<_> = log
        .lines()
        .filter(|line| line.contains("beginning a write") && line.contains("SQLSTATE 28P01"))
        .collect();
    assert_eq!(beginning.len(), 1, "{log}");
    assert!(
        beginning[0].contains("give the password that the role has now"),
        "{log}"
    );
    assert!(!log.contains("hunter"), "{log}");

    cluster.execute("ALTER ROLE app PASSWORD 'hunter2'").await;
    let ready = "the log can be read again; ready";
    tokio::task::block_in_place(|| served.process.wait_for_line(ready, BOUND));
    editor.plans.create_plan(create("after")).await.unwrap();
    let (code, said, errors) = command(&["admin", "verify"], &url);
    assert_eq!(code, Some(0), "{said}{errors}");
}
