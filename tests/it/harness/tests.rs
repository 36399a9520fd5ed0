//! The harness tested by itself, so that a test that fails blames the registry rightly.

use std::{process::Command, time::Duration};

use sqlx::{
    Connection, Executor, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};

use crate::harness::{
    Engine, both,
    postgres::{self, Cluster, Stop},
    process::{Process, Signal, Stream},
};

const BOUND: Duration = Duration::from_secs(20);

both! {
    /// A database is there, and empty, whichever engine.
    async fn an_engine_answers(engine: Engine) {
        let sql = "CREATE TABLE t (text TEXT); INSERT INTO t VALUES ('nền tảng số')";
        let read = "SELECT text FROM t";
        let text: String = match &engine {
            Engine::Sqlite(..) => {
                let options: SqliteConnectOptions = engine.url().parse().unwrap();
                let options = options.create_if_missing(true);
                let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                connection.execute(sql).await.unwrap();
                connection.fetch_one(read).await.unwrap().get(0)
            }
            Engine::Postgres(_) => {
                let mut connection = PgConnection::connect(&engine.url()).await.unwrap();
                connection.execute(sql).await.unwrap();
                connection.fetch_one(read).await.unwrap().get(0)
            }
        };
        assert_eq!(text, "nền tảng số");
        let files = engine.directory().map(|it| it.read_dir().unwrap().count());
        assert_eq!(files, matches!(engine, Engine::Sqlite(..)).then_some(1));
    }

    async fn the_next_of_one_macro_too(engine: Engine) {
        let url = engine.url();
        assert!(url.starts_with("sqlite:/") || url.starts_with("postgres://ndp@"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_filled_once_and_copied() {
    let fill = async |url: &str| {
        let mut connection = PgConnection::connect(url).await.unwrap();
        // a second filling of the same database would fail here; the connection is left open
        connection
            .execute("CREATE TABLE filled (n INT)")
            .await
            .unwrap();
    };
    let Some(first) = postgres::template("harness", fill).await else {
        return;
    };
    let second = postgres::template("harness", fill).await.unwrap();
    assert_ne!(first.name, second.name);
    for (database, rows) in [(&first, 1_i64), (&second, 1), (&first, 2)] {
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        connection
            .execute("INSERT INTO filled VALUES (1)")
            .await
            .unwrap();
        let count: i64 = connection
            .fetch_one("SELECT count(*) FROM filled")
            .await
            .unwrap()
            .get(0);
        assert_eq!(count, rows, "{}", database.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_ones_own_is_killed_and_recovers() {
    let Some(cluster) = Cluster::start_with(&["fsync = on"]) else {
        return;
    };
    let database = cluster.database(None).await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let fsync: String = connection.fetch_one("SHOW fsync").await.unwrap().get(0);
    assert_eq!(fsync, "on");
    let insert = "CREATE TABLE kept (n INT); INSERT INTO kept VALUES (1)";
    connection.execute(insert).await.unwrap();

    cluster.stop(Stop::Immediate);
    assert!(PgConnection::connect(&database.url).await.is_err());
    cluster.start_again();
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let kept: i32 = connection
        .fetch_one("SELECT n FROM kept")
        .await
        .unwrap()
        .get(0);
    assert_eq!(kept, 1);
    assert!(
        cluster.log().contains("automatic recovery in progress"),
        "{}",
        cluster.log()
    );

    connection.close().await.unwrap();
    cluster.stop(Stop::Fast);
    let directory = cluster.directory().to_owned();
    drop(cluster);
    assert!(!directory.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_databases_are_made_at_once() {
    let all = tokio::join!(
        postgres::database(),
        postgres::database(),
        postgres::database()
    );
    let (Some(first), Some(_second), Some(third)) = all else {
        return;
    };
    assert_ne!(first.name, third.name);
    let mut connection = PgConnection::connect(&third.url).await.unwrap();
    let row = connection
        .fetch_one("SELECT current_database()")
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>(0), third.name);
}

fn shell(script: &str) -> Process {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    Process::spawn(command)
}

#[test]
fn lines_are_waited_for_and_kept_apart() {
    let process = shell("echo one; echo two >&2; echo three; exec sleep 60");
    assert_eq!(process.wait_for_line("hre", BOUND), "three");
    assert_eq!(process.wait_for_line("two", BOUND), "two");
    assert_eq!(process.printed(Stream::Stdout), "one\nthree\n");
    assert_eq!(process.printed(Stream::Stderr), "two\n");
}

#[test]
fn signals_arrive() {
    // TERM: the tests may be started with other signals ignored, and a shell cannot trap ignored
    // signals.
    let script = "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 1 & wait; done";
    let process = shell(script);
    process.wait_for_line("ready", BOUND);
    process.signal(Signal::Term);
    process.wait_for_line("asked", BOUND);
}

#[test]
fn an_end_is_waited_for() {
    let process = shell("echo last; exit 3");
    assert_eq!(process.wait(BOUND).code(), Some(3));
    // no harm
    process.signal(Signal::Kill);
    assert_eq!(process.printed(Stream::Stdout), "last\n");
}

#[test]
#[should_panic(expected = "but it has ended, exit status: 0; it printed:\n  Stdout: other")]
fn a_line_that_never_comes_fails_with_what_came() {
    shell("echo other").wait_for_line("this", BOUND);
}

#[test]
#[should_panic(expected = "but 10ms are over")]
fn a_wait_is_bounded() {
    shell("exec sleep 60").wait(Duration::from_millis(10));
}

#[test]
fn the_binary_starts() {
    let process = Process::start(&["--version"], &[("NDP_LOG", "info")]);
    assert!(
        process.wait(BOUND).success(),
        "{}",
        process.printed(Stream::Stderr)
    );
}
