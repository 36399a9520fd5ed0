//! What a server, a database or a role sets otherwise changes nothing: each transaction sets what
//! it depends on.

use std::sync::Arc;

use super::{append_to, bare, change, execute, open, revision, texts};
use crate::harness::{Engine, postgres::PgDatabase};
use ndp_core::names::Revision;

/// As an operator, or another program in the same database, may have left them.
const HOSTILE: &[&str] = &[
    "default_transaction_isolation = 'serializable'",
    "default_transaction_read_only = on",
    "default_transaction_deferrable = on",
    "synchronous_commit = off",
    "statement_timeout = '50ms'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '1ms'",
    "search_path = elsewhere, public",
    "standard_conforming_strings = off",
    "transform_null_equals = on",
    "row_security = off",
    "bytea_output = escape",
    "\"TimeZone\" = 'Asia/Ho_Chi_Minh'",
    "\"DateStyle\" = 'German, DMY'",
    "\"IntervalStyle\" = 'sql_standard'",
    "extra_float_digits = -15",
    "array_nulls = off",
    "client_min_messages = error",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_defaults_change_nothing() {
    let Some(engine) = Engine::postgres().await else {
        return;
    };
    let first = open(&engine).await;
    let Engine::Postgres(database) = &engine else {
        unreachable!()
    };
    // what a commit finds set, as the statements before it did
    execute(
        &engine,
        "CREATE TABLE seen (setting TEXT);
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO public.seen SELECT name || ' ' || current_setting(name) FROM unnest(ARRAY[
                 'synchronous_commit', 'transaction_isolation', 'statement_timeout',
                 'lock_timeout', 'search_path']) AS name;
             -- longer than a statement may take by default
             IF NEW.revision % 40 = 0 THEN PERFORM pg_sleep(0.2); END IF;
             RETURN NULL;
         END $$;
         CREATE TRIGGER see AFTER INSERT ON changes FOR EACH ROW EXECUTE FUNCTION see()",
    )
    .await;
    let name = &database.name;
    let mut hostile = String::from("CREATE SCHEMA elsewhere;");
    for setting in HOSTILE {
        hostile.push_str(&format!("ALTER DATABASE {name} SET {setting};"));
    }
    execute(&engine, &hostile).await;
    // connections made before go on, those made from now on begin with the new defaults
    let stores = [first, open(&engine).await, open(&engine).await].map(Arc::new);
    let mut tasks = Vec::new();
    for task in 0..6_usize {
        let store = Arc::clone(&stores[task % 3]);
        tasks.push(tokio::spawn(async move {
            for _ in 0..20 {
                let mut tx = store.begin().await.unwrap();
                let next = tx.head().revision.next().get();
                let id = format!("synthetic-{task}");
                append_to(&mut tx, &[change(next, vec![bare(&id, next)])])
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                let after = Revision::new(next - 1).unwrap();
                assert_eq!(store.changes_after(after, 1).await.unwrap().len(), 1);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for store in &stores {
        assert_eq!(store.load().await.unwrap().head.revision, revision(120));
        let verified = store.verify().await.unwrap();
        assert_eq!(verified.findings, []);
    }
    // not in the time that was set
    let patient = Engine::Postgres(PgDatabase {
        url: format!("{}&options=-c%20statement_timeout%3D0", database.url),
        name: name.clone(),
    });
    let seen = "SELECT DISTINCT setting FROM public.seen ORDER BY setting";
    assert_eq!(
        texts(&patient, seen).await,
        [
            "lock_timeout 5s",
            "search_path public, pg_temp",
            "statement_timeout 30s",
            "synchronous_commit on",
            "transaction_isolation read committed",
        ]
    );
}
