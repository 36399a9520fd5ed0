//! An error in opening a database says which one, what it answered and what to do, without the
//! password.

use std::{fs, os::unix::fs::PermissionsExt};

use ndp_registry::store::Store;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use super::{LOG_ID, append, change, execute, open, refusal};
use crate::{
    faults::BOUND,
    harness::{
        Engine, both,
        postgres::Cluster,
        process::{Process, Stream},
        sql::Sql,
    },
};

/// Runs a command of the real binary that cannot open its database, with no log; what it printed.
fn refused_by(command: &[&str], url: &str) -> String {
    let arguments = [command, &["--database", url]].concat();
    let process = Process::start(&arguments, &[("NDP_LOG_LEVEL", "off")]);
    let status = tokio::task::block_in_place(|| process.wait(BOUND));
    assert_eq!(status.code(), Some(1));
    assert_eq!(process.printed(Stream::Stdout), "");
    process.printed(Stream::Stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_another_program_is_recognised() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let text = path("text");
    fs::write(&text, "no database, and longer than a header\n".repeat(99)).unwrap();
    let torn = path("torn.db");
    Store::open(&format!("sqlite:{torn}"), LOG_ID)
        .await
        .unwrap()
        .close()
        .await;
    let mut bytes = fs::read(&torn).unwrap();
    bytes[100..].fill(0xff);
    fs::write(&torn, bytes).unwrap();
    let other = path("other.db");
    let mut sql = Sql::connect(&format!("sqlite:{other}?mode=rwc")).await;
    sql.run("CREATE TABLE notes (text TEXT)").await;
    for (path, said) in [
        (
            directory.path().display().to_string(),
            "it is a directory; name a file in it",
        ),
        (
            path("absent/registry.db"),
            "the file cannot be made: No such file or directory",
        ),
        (text, "file is not a database; name the file of a registry"),
        (
            torn,
            "malformed; the file is damaged: stop the registry and restore a backup",
        ),
        (
            other,
            "it is the database of another program; give the registry one of its own",
        ),
    ] {
        let refused = refusal(&format!("sqlite:{path}")).await;
        assert!(
            refused.starts_with(&format!("SQLite, file {path}: ")),
            "{refused}"
        );
        assert!(refused.contains(said), "{refused}");
        if path.ends_with("text") {
            let printed = refused_by(&["serve"], &format!("sqlite:{path}"));
            assert!(printed.contains(said), "{printed}");
        }
    }
    // and nothing was put into it
    let tables = "SELECT count(*) FROM sqlite_master";
    assert_eq!(sql.number(tables).await, 1);
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_only() {
    let engine = Engine::sqlite();
    let store = open(&engine).await;
    append(&store, &[change(1, Vec::new())]).await;
    let mut modes = Vec::new();
    for entry in fs::read_dir(engine.directory().unwrap()).unwrap() {
        modes.push(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777);
    }
    assert_eq!(modes, [0o600; 3]);
}

both! {
    async fn an_altered_schema_is_refused_with_words(engine: Engine) {
        open(&engine).await.close().await;
        let alter = "UPDATE ndp_migrations SET checksum = description WHERE version = 1";
        let alter = match engine {
            Engine::Sqlite(..) => alter.into(),
            Engine::Postgres(_) => alter.replace("description", "convert_to(description, 'UTF8')"),
        };
        execute(&engine, &alter).await;
        let refused = refusal(&engine.url()).await;
        let said = "step 1 of its schema is not the one of this release; run the build that made";
        assert!(refused.contains(said), "{refused}");
        let printed = refused_by(&["admin", "verify"], &engine.url());
        assert!(printed.contains(said), "{printed}");
    }

    async fn the_steps_of_another_program_are_not_gone_on_with(engine: Engine) {
        open(&engine).await.close().await;
        execute(&engine, "DROP TABLE log_head").await;
        let refused = refusal(&engine.url()).await;
        assert!(refused.contains("it is the database of another program"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_postgresql_refuses_is_reported_with_what_to_do() {
    let started = tokio::task::block_in_place(|| Cluster::start_with(&[]));
    let Some(cluster) = started else { return };
    for statement in [
        "CREATE ROLE app LOGIN PASSWORD 'hunter2'",
        "CREATE ROLE locked NOLOGIN PASSWORD 'hunter2'",
        "CREATE DATABASE registry TEMPLATE template0",
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'",
        "ALTER ROLE app SET search_path = nowhere",
    ] {
        cluster.execute(statement).await;
    }
    cluster.ask_for_passwords().await;
    let refused = async |role, password, database, said: &[&str]| {
        let url = cluster.url_of(role, password, database);
        let refused = refusal(&url).await;
        for said in [
            &format!("database {database} at "),
            &format!("role {role}: "),
        ] {
            assert!(refused.contains(said), "{refused}");
        }
        for said in said {
            assert!(refused.contains(said), "{refused}");
        }
        assert!(!refused.contains("hunter"), "{refused}");
        url
    };
    let wrong = ["SQLSTATE 28P01", "give the password that the role has now"];
    let url = refused("app", "hunter3", "registry", &wrong).await;
    let printed = refused_by(&["admin", "key", "list"], &url);
    assert!(
        printed.contains(wrong[1]) && !printed.contains("hunter"),
        "{printed}"
    );
    refused("nobody", "hunter2", "registry", &["SQLSTATE 28P01"]).await;
    refused(
        "locked",
        "hunter2",
        "registry",
        &["not permitted to log in", "may log in"],
    )
    .await;
    refused(
        "app",
        "hunter2",
        "absent",
        &["SQLSTATE 3D000", "or create it"],
    )
    .await;
    refused(
        "app",
        "hunter2",
        "latin",
        &["encoding is LATIN1", "ENCODING 'UTF8'"],
    )
    .await;
    let said = "the search path leads to no schema that the role may use; create one";
    refused("app", "hunter2", "registry", &[said]).await;
    cluster.execute("ALTER ROLE app RESET search_path").await;
    let said = ["SQLSTATE 42501", "grant the role CREATE on the schema"];
    refused("app", "hunter2", "registry", &said).await;

    // an empty registry is not made beside the one that is there
    let owned = cluster.url("registry");
    Store::open(&owned, LOG_ID).await.unwrap().close().await;
    let mut sql = Sql::connect(&owned).await;
    sql.run("CREATE SCHEMA app AUTHORIZATION app; ALTER ROLE app SET search_path = app")
        .await;
    let said = "the search path does not lead to the registry in schema public";
    refused("app", "hunter2", "registry", &[said]).await;
    // a role that may not change the schema serves one that is up to date
    sql.run(
        "ALTER ROLE app RESET search_path;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app",
    )
    .await;
    let url = cluster.url_of("app", "hunter2", "registry");
    let store = Store::open(&url, LOG_ID).await.unwrap();
    append(&store, &[change(1, Vec::new())]).await;
    store.close().await;
}

/// A server that accepts and says nothing, and one that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_waited_for_at_the_start_is_said_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept: Vec<TcpStream> = Vec::new();
        while let Ok((mut stream, _)) = silent.accept().await {
            // libpq's request for TLS is read, and never answered
            drop(stream.read_u8().await);
            kept.push(stream);
        }
    });
    let absent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let absent_port = absent.local_addr().unwrap().port();
    drop(absent);
    for (port, reason) in [(silent_port, "no answer in 5 s"), (absent_port, "refused")] {
        let url = format!("postgres://app:hunter2@127.0.0.1:{port}/registry");
        let arguments = ["admin", "verify", "--database", &url];
        let process = Process::start(&arguments, &[]);
        let place = format!("PostgreSQL, database registry at 127.0.0.1:{port}, role app");
        let waiting = || {
            process.wait_for_line(&format!("connecting to {place}"), BOUND);
            let again = format!("cannot serve from {place} yet");
            let line = process.wait_for_line(&again, BOUND);
            assert!(line.contains(reason), "{line}");
            process.wait(BOUND)
        };
        let status = tokio::task::block_in_place(waiting);
        assert_eq!(status.code(), Some(1));
        let said = process.printed(Stream::Stderr);
        let (_, error) = said.split_once("error: ").unwrap();
        assert!(error.contains(&place) && error.contains(reason), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

/// A standby does not write, and the registry says so before it tries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_not_served_from_and_can_be_checked() {
    let started = tokio::task::block_in_place(|| Cluster::start_with(&[]));
    let Some(cluster) = started else { return };
    let database = cluster.database(None).await;
    let store = Store::open(&database.url, LOG_ID).await.unwrap();
    append(&store, &[change(1, Vec::new())]).await;
    let standby = tokio::task::block_in_place(|| cluster.standby());
    let url = standby.url(&database.name);
    let refused = refusal(&url).await;
    let said = "the server is a standby, which does not write; connect to the primary";
    assert!(refused.contains(said), "{refused}");
    let (code, said, errors) = crate::faults::command(&["admin", "verify"], &url);
    assert_eq!(code, Some(0), "{errors}");
    assert!(said.starts_with("ok: revision 1, 1 changes"), "{said}");
    store.close().await;
}
