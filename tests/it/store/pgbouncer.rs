//! Through PgBouncer, in each of its modes.

use std::sync::Arc;

use ndp_core::records::principals::Role;
use ndp_registry::store::Store;

use super::{LOG_ID, append_to, bare, change, refusal, revision};
use crate::{
    faults::{AGENCY, create},
    harness::{pgbouncer::Pooler, postgres::Cluster, server::Server},
};

fn pooled(mode: &str, settings: &[&str]) -> Option<(Cluster, Pooler)> {
    tokio::task::block_in_place(|| {
        let cluster = Cluster::start_with(&[])?;
        let pooler = Pooler::start(&cluster, mode, settings)?;
        Some((cluster, pooler))
    })
}

/// Two processes write, and read, at the same time; what each transaction set held.
async fn write_and_read(mode: &str, settings: &[&str]) {
    let Some((cluster, pooler)) = pooled(mode, settings) else {
        return;
    };
    let database = cluster.database(None).await;
    let off = format!(
        "ALTER DATABASE {} SET synchronous_commit = off",
        database.name
    );
    cluster.execute(&off).await;
    let url = pooler.url(&database.name);
    let one = Server::start(&url).await;
    let two = Store::open(&url, LOG_ID).await.unwrap();
    let three = Store::open(&url, LOG_ID).await.unwrap();
    let editor = one
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let mut editor = one.clients(editor);
    let before = one.registry.revision().get();
    let mut tasks = Vec::new();
    for (task, store) in [two, three].into_iter().map(Arc::new).enumerate() {
        tasks.push(tokio::spawn(async move {
            for _ in 0..20 {
                let mut tx = store.begin().await.unwrap();
                let head = *tx.head();
                let next = head.revision.next().get();
                let mut change = change(next, vec![bare(&format!("synthetic-{task}"), next)]);
                // not before what the server wrote
                change.record_time = change.record_time.max(head.record_time);
                append_to(&mut tx, &[change]).await.unwrap();
                tx.commit().await.unwrap();
                store.changes_after(head.revision, 10).await.unwrap();
                store.load().await.unwrap();
            }
            store.close().await;
        }));
    }
    for number in 0..20 {
        editor
            .plans
            .create_plan(create(&format!("p{number}")))
            .await
            .unwrap();
    }
    for task in tasks {
        task.await.unwrap();
    }
    let report = one.store.verify().await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.revision, revision(before + 60));
    let (code, said, errors) = crate::faults::command(&["admin", "verify"], &url);
    assert_eq!(code, Some(0), "{said}{errors}");
    drop(editor);
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_of_sessions_is_served_through() {
    write_and_read("session", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_of_transactions_is_served_through() {
    write_and_read("transaction", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_with_one_session_for_transactions_is_served_through() {
    write_and_read("transaction", &["default_pool_size = 1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_of_statements_is_refused_with_words() {
    let Some((cluster, pooler)) = pooled("statement", &[]) else {
        return;
    };
    let database = cluster.database(None).await;
    let refused = refusal(&pooler.url(&database.name)).await;
    assert!(
        refused.contains("transaction blocks not allowed"),
        "{refused}"
    );
    assert!(
        refused.contains("give it `pool_mode` session or transaction"),
        "{refused}"
    );
}
