//! The real binary as a process among others: with streams that are closed, full or never read,
//! signals at any time, few open files, and databases that keep it waiting or cannot be opened.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use ndp_registry::pb::{self, catalogue_service_client::CatalogueServiceClient};
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::harness::{
    Engine, both,
    http::send,
    process::{Process, Signal, Stream, To, registry},
    sql::Sql,
    until,
};

/// A failure guard, not a promise.
const BOUND: Duration = Duration::from_secs(60);

/// The binary's own arguments in a shell that does something first.
fn in_shell(script: &str, arguments: &[&str]) -> Command {
    let binary = registry(arguments);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).arg(binary.get_program());
    command.args(arguments);
    for (name, value) in binary.get_envs() {
        if value.is_none() {
            command.env_remove(name);
        }
    }
    command
}

/// What a command came to, with standard output going somewhere else.
fn received(arguments: &[&str], stdout: To) -> (i32, String) {
    let process = Process::spawn_to(registry(arguments), stdout, To::Lines);
    let code = process.wait(BOUND).code().unwrap();
    (code, process.printed(Stream::Stderr))
}

fn ndp(arguments: &[&str]) -> (i32, String, String) {
    let process = Process::start(arguments, &[]);
    let code = process.wait(BOUND).code().unwrap();
    let stdout = process.printed(Stream::Stdout);
    (code, stdout, process.printed(Stream::Stderr))
}

/// Where a server says in its log that it listens.
fn address(server: &Process) -> String {
    let line = server.wait_for_line("listening address=", BOUND);
    line.rsplit('=').next().unwrap().to_owned()
}

async fn channel(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

async fn get(channel: &Channel) -> Result<tonic::Response<pb::Platform>, tonic::Status> {
    let request = pb::GetPlatformRequest {
        name: "platforms/ndp-001".into(),
        ..Default::default()
    };
    CatalogueServiceClient::new(channel.clone())
        .get_platform(request)
        .await
}

// === standard output ===

#[test]
fn what_cannot_be_printed_is_an_error_and_what_nobody_reads_is_none() {
    let engine = Engine::sqlite();
    let url = engine.url();
    assert_eq!(
        ndp(&[
            "admin",
            "key",
            "create",
            "--principal",
            "a",
            "--database",
            &url
        ])
        .0,
        0
    );
    let demo = format!("{url}-demo");
    for (number, arguments) in [
        &["admin", "verify", "--database", &url][..],
        &["admin", "key", "list", "--database", &url],
        &["admin", "demo", "--database", &demo],
        &["descriptor"],
        &["--help"],
        &["help", "admin"],
        &["admin", "key", "create", "--help"],
        &["--version"],
    ]
    .into_iter()
    .enumerate()
    {
        let (code, said) = received(arguments, To::broken_pipe());
        assert_eq!(
            (code, said.contains("error")),
            (0, false),
            "{arguments:?}: {said}"
        );
        if arguments.get(1) == Some(&"demo") {
            continue;
        }
        let (code, said) = received(arguments, To::file("/dev/full"));
        assert_eq!(code, 1, "{number} {arguments:?}: {said}");
        let error = "error: standard output cannot be written\n  caused by: No space left";
        assert!(said.contains(error), "{arguments:?}: {said}");
        for script in [r#"exec "$0" "$@" >&-"#, r#"exec "$0" "$@" >&- 2>&-"#] {
            let closed = Process::spawn(in_shell(script, arguments));
            assert_eq!(closed.wait(BOUND).code(), Some(0), "{script} {arguments:?}");
        }
    }
    // standard error cannot be written either: only the exit code reports the failure
    for arguments in [
        &["admin", "verify", "--database", "sqlite:/not/there.db"][..],
        &["verfiy"],
    ] {
        for stderr in [To::file("/dev/full"), To::broken_pipe()] {
            let process = Process::spawn_to(registry(arguments), To::Lines, stderr);
            let code = process.wait(BOUND).code().unwrap();
            assert!([1, 64].contains(&code), "{arguments:?}: {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_serves_whatever_becomes_of_its_standard_output() {
    for stdout in [
        To::broken_pipe(),
        To::file("/dev/full"),
        To::file("/dev/null"),
    ] {
        let engine = Engine::sqlite();
        let url = engine.url();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &url];
        let server = Process::spawn_to(registry(&arguments), stdout, To::Lines);
        let address = tokio::task::block_in_place(|| address(&server));
        get(&channel(&address).await).await.unwrap();
        server.signal(Signal::Term);
        let ended = tokio::task::block_in_place(|| server.wait(BOUND));
        assert_eq!(ended.code(), Some(0), "{}", server.printed(Stream::Stderr));
    }
}

#[test]
fn a_key_that_nobody_saw_is_not_made() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let create = [
        "admin",
        "key",
        "create",
        "--principal",
        "a",
        "--role",
        "admin",
        "--database",
        &url,
    ];
    for stdout in [
        To::broken_pipe(),
        To::file("/dev/full"),
        To::file("/dev/null"),
    ] {
        let (code, said) = received(&create, stdout);
        assert_eq!(code, 1, "{said}");
        let error = "error: no key was made, for nobody would have seen it\n  caused by: ";
        assert!(said.contains(error), "{said}");
    }
    let closed = Process::spawn(in_shell(r#"exec "$0" "$@" >&-"#, &create));
    assert_eq!(closed.wait(BOUND).code(), Some(1));
    let (_, listed, _) = ndp(&["admin", "key", "list", "--database", &url]);
    assert_eq!(listed, "");
    // nor the principal: the same command works as it is
    let (code, secret, said) = ndp(&create);
    assert_eq!((code, secret.starts_with("ndp_")), (0, true), "{said}");
    let (_, listed, _) = ndp(&["admin", "key", "list", "--database", &url]);
    assert_eq!(listed.matches("\tACTIVE\t").count(), 1, "{listed}");
}

// === standard error ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_holds_nothing_up_and_says_later_what_it_lost() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let listen = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let mut arguments = vec!["serve", "--database", &url, "--calls-per-second", "1000000"];
    arguments.extend(listen);
    let mut command = registry(&arguments);
    command.env("NDP_LOG_FORMAT", "json");
    // so that each call has its line
    command.env("NDP_SLOW_CALL_MS", "0");
    let server = Process::spawn_to(command, To::Lines, To::Unread);
    let line = tokio::task::block_in_place(|| server.wait_for_line("listening on", BOUND));
    let address = line.rsplit(' ').next().unwrap();
    let line = tokio::task::block_in_place(|| server.wait_for_line("Metrics are on", BOUND));
    let metrics = line
        .rsplit("//")
        .next()
        .unwrap()
        .trim_end_matches("/metrics")
        .to_owned();
    let channel = channel(address).await;
    let dropped = async || {
        let page = send(&metrics, "GET /metrics", &[], "").await;
        let page = String::from_utf8(page.body).unwrap();
        let line = page
            .lines()
            .find_map(|it| it.strip_prefix("ndp_log_lines_dropped_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    // a line of JSON a call: what waits, what is written and the pipe hold some 2,500 of them
    for _ in 0..20 {
        let mut calls = JoinSet::new();
        for _ in 0..500 {
            let channel = channel.clone();
            calls.spawn(async move { get(&channel).await.map(|_| ()) });
        }
        let answers = tokio::time::timeout(BOUND, calls.join_all()).await;
        for answer in answers.expect("calls wait for the log") {
            answer.unwrap();
        }
    }
    let lost = dropped().await;
    assert!(lost > 0, "the log was not full");
    let mut health = HealthClient::new(channel.clone());
    health.check(HealthCheckRequest::default()).await.unwrap();
    // once it is read, it says how many were lost, and goes on
    server.read_stderr();
    tokio::task::block_in_place(|| {
        server.wait_for_lines("what was lost", BOUND, |lines| {
            lines
                .iter()
                .find(|(_, it)| it.contains("lines were dropped"))
                .cloned()
        })
    });
    let said = server.printed(Stream::Stderr);
    let lines: Vec<_> = said
        .lines()
        .filter(|it| it.contains("lines were dropped"))
        .collect();
    assert_eq!(lines.len(), 1);
    let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    // the line of the call of health, after the page was read, may be one of them
    assert!(
        line["lines"].as_u64().unwrap() >= lost,
        "{line}, {lost} by then"
    );
    get(&channel).await.unwrap();
    server.signal(Signal::Term);
    assert_eq!(
        tokio::task::block_in_place(|| server.wait(BOUND)).code(),
        Some(0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_does_not_keep_a_process_from_ending() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let arguments = ["serve", "--database", &url, "--listen", "127.0.0.1:0"];
    let mut command = registry(&arguments);
    command.env("NDP_LOG_LEVEL", "trace");
    let server = Process::spawn_to(command, To::Lines, To::Unread);
    let line = tokio::task::block_in_place(|| server.wait_for_line("listening on", BOUND));
    let channel = channel(line.rsplit(' ').next().unwrap()).await;
    // more than a pipe holds
    for _ in 0..2000 {
        get(&channel).await.unwrap();
    }
    server.signal(Signal::Term);
    assert_eq!(
        tokio::task::block_in_place(|| server.wait(BOUND)).code(),
        Some(0)
    );
}

// === signals ===

both! {
    async fn a_start_that_waits_ends_on_a_signal(engine: Engine) {
        let url = engine.url();
        let made = ndp(&["admin", "key", "create", "--principal", "a", "--database", &url]);
        assert_eq!(made.0, 0);
        let mut lock = Sql::connect(&url).await;
        lock.run("BEGIN").await;
        lock.run(if lock.is_sqlite() {
            "UPDATE log_head SET revision = revision"
        } else {
            "LOCK TABLE ndp_migrations IN ACCESS EXCLUSIVE MODE"
        }).await;
        for (signal, arguments, code) in [
            (Signal::Term, &["serve", "--listen", "127.0.0.1:0"][..], 0),
            (Signal::Int, &["serve", "--listen", "127.0.0.1:0"], 0),
            (Signal::Term, &["admin", "demo"], 143),
            (Signal::Int, &["admin", "key", "list"], 130),
        ] {
            let process = Process::start(&[arguments, &["--database", &url]].concat(), &[]);
            let ended = tokio::task::block_in_place(|| {
                let line = process.wait_for_line("still connecting to the database", BOUND);
                assert!(line.contains("database="), "{line}");
                process.signal(signal);
                process.wait(BOUND)
            });
            assert_eq!(ended.code(), Some(code), "{arguments:?}");
            assert_eq!(process.printed(Stream::Stdout), "");
        }
        lock.let_go().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_signals_do_not_end_a_server() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let server = Process::start(
        &["serve", "--listen", "127.0.0.1:0", "--database", &url],
        &[],
    );
    let address = tokio::task::block_in_place(|| address(&server));
    for (signal, name) in [
        (Signal::Hup, "SIGHUP"),
        (Signal::Usr1, "SIGUSR1"),
        (Signal::Usr2, "SIGUSR2"),
    ] {
        server.signal(signal);
        tokio::task::block_in_place(|| server.wait_for_line(name, BOUND));
    }
    server.signal(Signal::Pipe);
    get(&channel(&address).await).await.unwrap();
    server.signal(Signal::Term);
    assert_eq!(
        tokio::task::block_in_place(|| server.wait(BOUND)).code(),
        Some(0)
    );
}

// === files ===

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_of_open_files_are_logged_and_others_answered() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--database", &url];
    // an address of its own may have all of them
    arguments.extend(["--trusted-proxy", "127.0.0.1"]);
    let few = in_shell(r#"ulimit -n 200; exec "$0" "$@""#, &arguments);
    let server = Process::spawn(few);
    let line = tokio::task::block_in_place(|| {
        server.wait_for_line("fewer connections than asked for", BOUND)
    });
    for number in [
        "open_files=200",
        "needed=4224",
        "connections=72",
        "asked=4096",
    ] {
        assert!(line.contains(number), "{line}");
    }
    let address = tokio::task::block_in_place(|| address(&server));
    let channel = channel(&address).await;
    get(&channel).await.unwrap();
    let mut idle = Vec::new();
    let received = (0..200).any(|_| {
        let mut one = TcpStream::connect(&address).unwrap();
        one.set_read_timeout(Some(BOUND)).unwrap();
        one.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut said = [0; 64];
        let count = one.read(&mut said).unwrap();
        idle.push(one);
        String::from_utf8_lossy(&said[..count]).contains("too many connections")
    });
    // part of the 72 is kept for callers with a key
    assert!(received && idle.len() <= 72, "{}", idle.len());
    get(&channel).await.unwrap();
    drop(idle);
    server.signal(Signal::Term);
    assert_eq!(
        tokio::task::block_in_place(|| server.wait(BOUND)).code(),
        Some(0)
    );
    let said = server.printed(Stream::Stderr);
    assert!(!said.contains("could not be accepted"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_open_files_is_raised_as_far_as_it_goes() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--database", &url];
    arguments.extend(["--metrics-listen", "127.0.0.1:0", "--connections", "100"]);
    let script = r#"ulimit -S -n 64; ulimit -H -n 400; exec "$0" "$@""#;
    let server = Process::spawn(in_shell(script, &arguments));
    let line = tokio::task::block_in_place(|| server.wait_for_line("Metrics are on", BOUND));
    let metrics = line
        .rsplit("//")
        .next()
        .unwrap()
        .trim_end_matches("/metrics");
    until("the limit is what may be had", async || {
        let page = send(metrics, "GET /metrics", &[], "").await;
        let page = String::from_utf8(page.body).unwrap();
        page.lines().any(|it| it == "process_max_fds 400")
    })
    .await;
    let said = server.printed(Stream::Stderr);
    assert!(!said.contains("fewer connections"), "{said}");
}

#[test]
fn a_database_is_made_for_its_owner_alone() {
    let engine = Engine::sqlite();
    let url = engine.url();
    let file = engine.directory().unwrap().join("registry.db");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &url];
    let server = Process::spawn(in_shell(r#"umask 000; exec "$0" "$@""#, &arguments));
    server.wait_for_line("listening on", BOUND);
    for end in ["", "-wal", "-shm"] {
        let path = file.with_file_name(format!("registry.db{end}"));
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let said = server.printed(Stream::Stderr);
    assert!(!said.contains("other users"), "{said}");
    server.signal(Signal::Term);
    assert!(server.wait(BOUND).success());
    // an existing file keeps its mode, and a warning names it
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, _, said) = ndp(&["admin", "verify", "--database", &url]);
    assert_eq!(code, 0);
    assert!(
        said.contains("other users can reach the database"),
        "{said}"
    );
    assert!(
        said.contains(file.to_str().unwrap()) && said.contains("0644"),
        "{said}"
    );
    assert_eq!(mode(&file), 0o644);
}

// === settings ===

#[test]
fn an_empty_variable_is_not_set() {
    let help = ndp(&["serve", "--help"]).1;
    let variables: Vec<_> = help
        .split(|it: char| !(it.is_ascii_uppercase() || it == '_'))
        .filter(|it| it.starts_with("NDP_"))
        .map(|name| (name, ""))
        .collect();
    assert!(variables.len() > 15, "{variables:?}");
    // the one mistake keeps the defaults from being served
    let process = Process::start(&["serve", "--listen", "nowhere"], &variables);
    assert_eq!(process.wait(BOUND).code(), Some(64));
    let said = process.printed(Stream::Stderr);
    assert!(
        said.starts_with("error: 1 mistake in the settings:\n  listen: "),
        "{said}"
    );
}

#[test]
fn no_part_of_a_password_is_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ndp.toml");
    for password in [
        "hun#ter2secret",
        "12#hunter2",
        "hun?ter2",
        "12/hunter2",
        "hun@ter2/x",
    ] {
        let url = format!("postgres://ndp:{password}@127.0.0.1:1/db");
        fs::write(&file, format!("database = \"{url}\"\n\"{url}\" = 1\n")).unwrap();
        let by_file = ["admin", "verify", "--config", file.to_str().unwrap()];
        let option = format!("--databse={url}");
        for (arguments, variable) in [
            (&["admin", "verify", "--database", &url][..], ""),
            (&["admin", "verify"], "NDP_DATABASE"),
            (&["serve"], "NDP_LISTEN"),
            (&by_file, ""),
            (&["admin", "verify", &url], ""),
            (&["admin", "verify", &option], ""),
            (&["admin", "key", "create", "--principal", &url], ""),
        ] {
            let environment = [(variable, &*url)];
            let environment = if variable.is_empty() {
                &[][..]
            } else {
                &environment
            };
            let process = Process::start(arguments, environment);
            assert_eq!(process.wait(BOUND).code(), Some(64), "{arguments:?}");
            // the name of the directory is random and may have a part of the password by chance
            let said = process
                .printed(Stream::Stderr)
                .replace(file.to_str().unwrap(), "the file");
            let part = said.contains("ter2") || said.contains("hun");
            assert!(!part && !said.contains("12"), "{arguments:?}: {said}");
        }
    }
}

// === what prevents a start ===

/// A server of PostgreSQL's that says no: it takes one connection after the other and answers the
/// start with this error.
fn refusing(code: &'static str, message: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 8];
            stream.read_exact(&mut head).unwrap();
            // no TLS
            stream.write_all(b"N").unwrap();
            stream.read_exact(&mut head).unwrap();
            let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
            let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
            let answer = [&b"E"[..], &length, fields.as_bytes()].concat();
            stream.write_all(&answer).unwrap();
        }
    });
    port
}

/// What a command says of a database that it cannot open, from the error on.
fn refused(url: &str) -> String {
    let (code, stdout, said) = ndp(&["admin", "verify", "--database", url]);
    assert_eq!((code, &*stdout), (1, ""), "{said}");
    let at = said.find("error: ").expect(&said);
    said[at..].to_owned()
}

#[test]
fn a_postgres_that_refuses_or_cannot_be_reached_is_named_with_the_cause() {
    let message = "password authentication failed for user \"ndp\"";
    let port = refusing("28P01", message);
    let url = format!("postgres://ndp:hunter2@127.0.0.1:{port}/db");
    let said = refused(&url);
    let named = format!("error: cannot open `postgres://ndp:PASSWORD@127.0.0.1:{port}/db`\n");
    assert!(said.starts_with(&named), "{said}");
    assert!(
        said.contains("\n  caused by: PostgreSQL, database db at "),
        "{said}"
    );
    assert!(said.contains(message), "{said}");
    // a port that was free a moment ago
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let said = refused(&format!("postgres://ndp:hunter2@127.0.0.1:{free}/db"));
    assert!(said.contains("Connection refused"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_postgres_that_is_silent_is_logged_while_it_is_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://ndp:hunter2@127.0.0.1:{port}/db");
    let server = Process::start(
        &["serve", "--listen", "127.0.0.1:0", "--database", &url],
        &[],
    );
    let shown = format!("database=postgres://ndp:PASSWORD@127.0.0.1:{port}/db");
    server.wait_for_lines("it says so twice", BOUND, |lines| {
        let received = |(_, it): &&(Stream, String)| it.contains("still connecting");
        let received: Vec<_> = lines.iter().filter(received).collect();
        assert!(
            received.iter().all(|(_, it)| it.contains(&shown)),
            "{received:?}"
        );
        (received.len() == 2).then_some(())
    });
    server.signal(Signal::Term);
    assert_eq!(server.wait(BOUND).code(), Some(0));
    let said = server.printed(Stream::Stderr);
    assert!(
        said.contains("stopped before it served") && !said.contains("hunter2"),
        "{said}"
    );
}

both! {
    async fn a_schema_that_was_altered_is_refused_with_the_step(engine: Engine) {
        let url = engine.url();
        let made = ndp(&["admin", "key", "create", "--principal", "a", "--database", &url]);
        assert_eq!(made.0, 0);
        let mut sql = Sql::connect(&url).await;
        let second = "(SELECT checksum FROM ndp_migrations WHERE version = 2)";
        let alter = format!("UPDATE ndp_migrations SET checksum = {second} WHERE version = 1");
        sql.run(&alter).await;
        let said = refused(&url);
        let cause = "step 1 of its schema is not the one of this release";
        assert!(said.contains(cause), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_database_that_does_not_fit_is_refused_with_the_reason() {
    let Some(engine) = Engine::postgres().await else {
        return;
    };
    let url = engine.url();
    let (before, after) = url.split_once("/test_").unwrap();
    let (_, query) = after.split_once('?').unwrap();
    let mut sql = Sql::connect(&url).await;
    sql.run(
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    )
    .await;
    let said = refused(&format!("{before}/latin?{query}"));
    assert!(said.contains("encoding is LATIN1"), "{said}");
    let said = refused(&format!("{before}/nowhere?{query}"));
    assert!(
        said.contains("database \"nowhere\" does not exist"),
        "{said}"
    );
    let said = refused(&url.replace("ndp@", "nobody@"));
    assert!(said.contains("role \"nobody\" does not exist"), "{said}");
}

#[test]
fn a_file_that_is_no_database_is_named_with_the_cause() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().display();
    let text = directory.path().join("text");
    fs::write(
        &text,
        "no database, though it is as long as one would be\n".repeat(99),
    )
    .unwrap();
    let header = directory.path().join("header");
    fs::write(&header, [&b"SQLite format 3\0"[..], &[0xff; 4080]].concat()).unwrap();
    for (name, cause) in [
        ("text", "file is not a database"),
        ("header", "file is not a database"),
        ("", "is a directory"),
    ] {
        let said = refused(&format!("sqlite:{root}/{name}"));
        assert!(
            said.starts_with(&format!("error: cannot open `sqlite:{root}/{name}`\n")),
            "{said}"
        );
        assert!(
            said.contains("  caused by: ") && said.contains(cause),
            "{said}"
        );
    }
}
