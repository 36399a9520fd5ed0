//! The command line, with the real binary: what a person reads, what a script gets, and what is
//! refused before anything was made.

use std::{collections::BTreeMap, fs, net::TcpListener, process::Command, time::Duration};

use ndp_core::records::plans::{PlanMove, PlanState};
use ndp_registry::pb::{
    self, access_service_client::AccessServiceClient,
    catalogue_service_client::CatalogueServiceClient,
};
use serde_json::Value;
use tonic::{Request, transport::Endpoint};

use crate::harness::{
    Engine, both,
    golden::assert_golden,
    plans::{Cast, move_request},
    process::{Process, Signal, Stream, clear_settings},
    server::Server,
    sha256,
    sql::Sql,
    until,
};

/// Far more than a command needs.
const BOUND: Duration = Duration::from_secs(60);

/// What a command came to.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary to its end. The help is as wide as in a terminal of a hundred columns.
fn ndp(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let environment = [environment, &[("COLUMNS", "100")]].concat();
    ended(&Process::start(arguments, &environment))
}

pub(crate) fn ended(process: &Process) -> Ended {
    let code = process.wait(BOUND).code().unwrap();
    Ended {
        code,
        stdout: process.printed(Stream::Stdout),
        stderr: process.printed(Stream::Stderr),
    }
}

impl Ended {
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// The lines that report the failure, without the log before them.
    pub(crate) fn message(&self) -> &str {
        let start = self.stderr.find("error: ").unwrap_or_default();
        self.stderr[start..].trim_end()
    }
}

/// An empty directory, and the URL of a database in it that is not there.
fn nowhere() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/registry.db", directory.path().display());
    (directory, url)
}

/// Every command, as a person types it.
pub(crate) const COMMANDS: &[&str] = &[
    "",
    "serve",
    "admin",
    "admin key",
    "admin key create",
    "admin key list",
    "admin key revoke",
    "admin load",
    "admin onboard",
    "admin verify",
    "admin verify-document",
    "admin backup",
    "admin restore",
    "admin demo",
    "descriptor",
    "milestone",
    "milestone create",
    "watch",
    "login",
    "permissions",
    "diff",
    "completions",
];

#[test]
fn help_is_what_a_person_would_like_to_read() {
    let mut pages = String::new();
    for command in COMMANDS {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let page = ndp(&arguments, &[]).succeeded().stdout;
        assert!(page.contains("Example:\n  ndp-registry "), "{page}");
        pages.push_str(&format!(
            "$ ndp-registry {}\n\n{page}\n",
            arguments.join(" ")
        ));
    }
    // clap leaves blanks at the ends of lines
    let lines: Vec<_> = pages.lines().map(str::trim_end).collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 100));
    assert_golden("help.txt", &format!("{}\n", lines.join("\n").trim_end()));
}

#[test]
fn help_is_in_vietnamese_where_that_is_asked_for() {
    let page = |arguments: &str, environment: &[(&str, &str)]| {
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        ndp(&arguments, environment).succeeded().stdout
    };
    let vietnamese = [("NDP_LANG", "vi")];
    let mut pages = String::new();
    for command in ["", "plan", "plan create", "import"] {
        let called = format!("{command} --help");
        let said = page(&called, &vietnamese);
        assert_eq!(page(&format!("--lang vi {called}"), &[]), said);
        assert_eq!(page(&called, &[("LC_ALL", "vi_VN.UTF-8")]), said);
        assert_ne!(page(&called, &[]), said);
        pages.push_str(&format!("$ ndp-registry {}\n\n{said}\n", called.trim()));
    }
    assert_eq!(
        page("help plan create", &vietnamese),
        page("plan create --help", &vietnamese)
    );
    // who runs a server reads English
    assert_eq!(page("serve --help", &vietnamese), page("serve --help", &[]));
    assert_eq!(
        page("--lang vi serve --help", &[]),
        page("serve --help", &[])
    );
    assert_eq!(page("help serve", &vietnamese), page("help serve", &[]));
    let lines: Vec<_> = pages.lines().map(str::trim_end).collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 100));
    assert_golden("help-vi.txt", &format!("{}\n", lines.join("\n").trim_end()));
}

#[test]
fn the_version_is_the_crates() {
    let version = ndp(&["--version"], &[]).succeeded().stdout;
    assert_eq!(
        version,
        concat!("ndp-registry ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

both! {
    async fn keys_are_made_listed_and_revoked_on_a_fresh_database(engine: Engine) {
        let url = engine.url();
        let key = |arguments: &str| {
            let arguments = arguments.split_whitespace();
            ndp(&arguments.chain(["--database", &url]).collect::<Vec<_>>(), &[])
        };
        let made = key("admin key create --principal admin --role admin --note first").succeeded();
        let secret = made.stdout.trim_end();
        // alone on its line, for `KEY=$(ndp-registry admin key create …)`
        assert!(secret.starts_with("ndp_") && !secret.contains(char::is_whitespace), "{secret}");
        assert!(!made.stderr.contains(secret));
        assert!(made.stderr.contains("shown this once"), "{}", made.stderr);
        // the 84 are there: who comes first is not the server's business
        assert!(made.stderr.contains("loaded the shipped catalogue"), "{}", made.stderr);

        let again = key("admin key create --principal admin --role steward");
        assert_eq!((again.code, again.stdout.as_str()), (1, ""));
        assert!(again.message().contains("omit --role and --agency"), "{}", again.message());
        let second = key("admin key create --principal admin --expires 2099-12-31T23:59:59+07:00");
        let second = second.succeeded().stdout;
        let listed = key("admin key list").succeeded().stdout;
        assert!(!listed.contains(secret) && !listed.contains(second.trim_end()), "{listed}");
        let lines: Vec<Vec<_>> = listed.lines().map(|it| it.split('\t').collect()).collect();
        assert_eq!(lines.len(), 2, "{listed}");
        let first = lines.iter().find(|it| it[4] == "first").unwrap();
        assert_eq!(first[1..4], ["ACTIVE", "expires never", "ROLE_ADMIN"]);
        assert!(listed.contains("expires 2099-12-31T16:59:59.000000Z"), "{listed}");

        key(&format!("admin key revoke {}", first[0])).succeeded();
        let listed = key("admin key list").succeeded().stdout;
        assert!(listed.contains(&format!("{}\tREVOKED", first[0])), "{listed}");
        let twice = key(&format!("admin key revoke {}", first[0]));
        assert_eq!(twice.code, 1);
        assert!(twice.message().contains("revoked"), "{}", twice.message());

        let checked = key("admin verify").succeeded().stdout;
        assert!(checked.starts_with("ok: revision 5, 5 changes"), "{checked}");
    }

    async fn a_backup_takes_the_place_of_no_other_file(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        let backup = || ndp(&["admin", "backup", file.to_str().unwrap(), "--database", &url], &[]);
        assert!(backup().succeeded().stdout.starts_with("backed up: "));
        let made = fs::read(&file).unwrap();
        let again = backup();
        assert_eq!(again.code, 1);
        assert!(again.message().contains("it is there already"), "{}", again.stderr);
        assert!(fs::read(&file).unwrap() == made, "the first backup is another one");
        // no partial file is left either
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    async fn a_document_is_found_by_its_digest(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let cast = Cast::new(&server).await;
        let plan = cast.plan_in("ndp-001", "cited", PlanState::Submitted).await;
        let mut issue = move_request(PlanMove::Issue, &plan);
        let digest = sha256(b"decision");
        issue["document"]["sha256"] = digest.clone().into();
        cast.approver.ok("IssuePlan", issue).await;
        server.stop().await;
        let folder = tempfile::tempdir().unwrap();
        let run = |content: &str| {
            let file = folder.path().join("decision.pdf");
            fs::write(&file, content).unwrap();
            let file = file.to_str().unwrap();
            ndp(&["admin", "verify-document", file, "--database", &url], &[])
        };
        let found = run("decision").succeeded().stdout;
        assert!(found.starts_with(&format!("sha256 {digest}, 8 bytes")), "{found}");
        assert!(found.contains("platforms/ndp-001/plans/cited  issuing_document"), "{found}");
        assert_eq!(run("another file").code, 65);
    }

    async fn an_agency_is_onboarded_by_one_command(engine: Engine) {
        let url = engine.url();
        let run = |arguments: &str| {
            let arguments = arguments.split_whitespace();
            ndp(&arguments.chain(["--database", &url]).collect::<Vec<_>>(), &[])
        };
        let people = "admin onboard --agency bo-cong-an --admin boca-admin --editor boca-editor \
                      --approver boca-approver --editor boca-admin";
        let made = run(people).succeeded();
        let lines: Vec<Vec<_>> = made.stdout.lines().map(|it| it.split('\t').collect()).collect();
        assert_eq!(lines.len(), 3, "{}", made.stdout);
        assert!(lines.iter().all(|it| it[1].starts_with("ndp_")), "{}", made.stdout);
        let listed = run("admin key list").succeeded().stdout;
        for (id, roles) in [
            ("boca-admin", "ROLE_AGENCY_EDITOR,ROLE_AGENCY_ADMIN"),
            ("boca-editor", "ROLE_AGENCY_EDITOR"),
            ("boca-approver", "ROLE_AGENCY_APPROVER"),
        ] {
            assert!(lines.iter().any(|it| it[0] == id), "{}", made.stdout);
            let line = listed.lines().find(|it| it.starts_with(&format!("principals/{id}/")));
            assert!(line.unwrap().contains(roles), "{listed}");
        }
        // one change beside the catalogue, and nothing where it cannot be
        let again = run(people);
        assert_eq!((again.code, again.stdout.as_str()), (1, ""));
        let nobody = run("admin onboard --agency bo-cong-an");
        assert!(nobody.message().contains("name someone"), "{}", nobody.message());
        let new = "admin onboard --agency thu --name Thử --kind other --admin thu-admin";
        run(new).succeeded();
        let checked = run("admin verify").succeeded().stdout;
        assert!(checked.starts_with("ok: revision 3, 3 changes"), "{checked}");
    }
}

/// Only PostgreSQL can have it wait in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_ended_leaves_no_file() {
    let Some(engine) = Engine::postgres().await else {
        return;
    };
    let url = engine.url();
    Server::start(&url).await.stop().await;
    let mut other = Sql::connect(&url).await;
    other.run("BEGIN").await;
    other
        .run("LOCK TABLE effects IN ACCESS EXCLUSIVE MODE")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    let arguments = [
        "admin",
        "backup",
        file.to_str().unwrap(),
        "--database",
        &url,
    ];
    for (signal, code) in [(Signal::Int, 130), (Signal::Term, 143)] {
        let running = Process::start(&arguments, &[]);
        let beside = || fs::read_dir(folder.path()).unwrap().count();
        until("the copy begins, in a directory of its own", async || {
            beside() == 1
        })
        .await;
        running.signal(signal);
        assert_eq!(tokio::task::block_in_place(|| ended(&running)).code, code);
        assert_eq!(beside(), 0);
    }
    other.let_go().await;
}

#[test]
fn a_key_that_cannot_be_made_says_why() {
    let (_directory, url) = nowhere();
    let mut got = String::new();
    for arguments in [
        "--principal x --role boss",
        "--principal Admin_x --role admin",
        "--principal x --role agency_editor",
        "--principal x --role agency_editor --agency bo-thu-nghiem",
        "--principal x --role agency_editor --agency Bộ",
        "--principal x --role admin --expires tomorrow",
        "--principal system --role admin",
        "--role admin",
    ] {
        let all = ["admin key create", arguments].join(" ");
        let all: Vec<_> = all.split_whitespace().chain(["--database", &url]).collect();
        let ended = ndp(&all, &[]);
        assert_eq!(ended.stdout, "");
        got.push_str(&format!(
            "$ {arguments} → {}\n{}\n\n",
            ended.code,
            ended.message()
        ));
    }
    assert_golden("cli/keys.txt", &got);
    let listed = ndp(&["admin", "key", "list", "--database", &url], &[]).succeeded();
    assert_eq!(listed.stdout, "");
}

// === settings ===

/// A mistake in each setting, by its name in the file; the password is not to be seen anywhere.
const MISTAKES: &[(&str, &str)] = &[
    ("database", "mysql://ndp:hunter2@host/db"),
    ("catalogue", "2618-qd-bkhcn,1-x"),
    ("log_format", "xml"),
    ("log_level", "inf"),
    ("listen", "everywhere"),
    ("insecure", "perhaps"),
    ("shutdown_seconds", "301"),
];

#[test]
fn every_mistake_is_reported_at_once_wherever_it_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let options: Vec<_> = MISTAKES
        .iter()
        .map(|(name, value)| format!("--{}={value}", name.replace('_', "-")))
        .collect();
    let mut arguments = vec!["serve"];
    arguments.extend(options.iter().map(String::as_str));
    let by_option = ndp(&arguments, &[]);

    let variables: Vec<_> = MISTAKES
        .iter()
        .map(|(name, value)| (format!("NDP_{}", name.to_uppercase()), *value))
        .collect();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, it)| (name.as_str(), *it))
        .collect();
    let by_variable = ndp(&["serve"], &variables);

    let file = directory.path().join("ndp.toml");
    let lines = MISTAKES
        .iter()
        .map(|(name, value)| format!("{name} = \"{value}\"\n"));
    fs::write(&file, lines.collect::<String>()).unwrap();
    let by_file = ndp(&["serve", "--config", file.to_str().unwrap()], &[]);
    let by_named_file = ndp(&["serve"], &[("NDP_CONFIG", file.to_str().unwrap())]);

    insta::assert_snapshot!(by_option.message(), @r###"
    error: 7 mistakes in the settings:
      database: write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME
      catalogue: `1-x` is not shipped; shipped: 1527-qd-bkhcn, 2618-qd-bkhcn, 1132-qd-ttg
      log_format: `xml` is not a log format; write `human` or `json`
      log_level: `inf` is not a level; write off, error, warn, info, debug, trace, or MODULE=LEVEL
      listen: `everywhere` is not an address with a port; write it as 127.0.0.1:50051 or [::1]:50051
      insecure: `perhaps` is not a boolean; write `true` or `false`
      shutdown_seconds: `301` is not a number of seconds from 0 to 300
    "###);
    for ended in [&by_variable, &by_file, &by_named_file] {
        assert_eq!(ended.stderr, by_option.stderr);
    }
    for ended in [by_option, by_variable, by_file, by_named_file] {
        assert_eq!((ended.code, ended.stdout.as_str()), (64, ""));
        assert!(!ended.stderr.contains("hunter2"));
    }
    let help = ndp(&["serve", "--help"], &variables).succeeded().stdout;
    assert!(!help.contains("hunter2"));
}

#[test]
fn an_option_goes_before_a_variable_before_the_file_before_the_default() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ndp.toml");
    fs::write(&file, "listen = \"192.0.2.3:3\"\n").unwrap();
    let file = file.to_str().unwrap();
    let variable = ("NDP_LISTEN", "192.0.2.2:2");
    let listen = |arguments: &[&str], environment: &[(&str, &str)]| {
        // addresses that others can reach are refused, and the refusal names the one that counts;
        // the other mistake keeps the default from being served
        let all = [&["serve", "--log-format", "xml"], arguments].concat();
        let ended = ndp(&all, environment);
        assert_eq!(ended.code, 64);
        let lines: Vec<_> = ended.stderr.lines().map(str::trim_start).collect();
        let line = lines.iter().find_map(|line| line.strip_prefix("listen: `"));
        line.map(|it| it.split('`').next().unwrap().to_owned())
    };
    let option = ["--config", file, "--listen", "192.0.2.1:1"];
    assert_eq!(listen(&option, &[variable]).as_deref(), Some("192.0.2.1:1"));
    assert_eq!(
        listen(&option[..2], &[variable]).as_deref(),
        Some("192.0.2.2:2")
    );
    assert_eq!(listen(&option[..2], &[]).as_deref(), Some("192.0.2.3:3"));
    assert_eq!(listen(&[], &[]), None);
}

#[test]
fn a_file_that_cannot_be_read_says_where_and_shows_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ndp.toml");
    let path = file.to_str().unwrap();
    let mut got = String::new();
    for text in [
        "log_level = \"info\"\ndatabase = \"postgres://ndp:hunter2@host/db\n",
        "lisen = \"127.0.0.1:1\"\nshutdown_seconds = 1.5\n[catalogue]\n",
    ] {
        fs::write(&file, text).unwrap();
        let ended = ndp(&["serve", "--config", path], &[]);
        assert_eq!(ended.code, 64);
        got.push_str(&ended.message().replace(path, "ndp.toml"));
        got.push('\n');
    }
    fs::remove_file(&file).unwrap();
    let ended = ndp(&["serve", "--config", path], &[]);
    assert_eq!(ended.code, 64);
    got.push_str(&ended.message().replace(path, "ndp.toml"));
    assert!(!got.contains("hunter2"));
    assert_golden("cli/files.txt", &got);
}

#[test]
fn arguments_that_make_no_sense_end_as_mistakes_in_the_settings_do() {
    for arguments in [
        &["serve", "--bogus"][..],
        &["serve", "extra"],
        &["admin", "key"],
        &[],
        &["verfiy"],
    ] {
        let ended = ndp(arguments, &[]);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (64, ""),
            "{arguments:?}"
        );
        assert!(
            ended.stderr.contains("Usage: ndp-registry"),
            "{}",
            ended.stderr
        );
    }
}

// === what prevents a command ===

#[test]
fn a_command_that_makes_nothing_makes_no_database() {
    let (directory, url) = nowhere();
    for arguments in [
        &["admin", "verify"][..],
        &["admin", "key", "list"],
        &["admin", "key", "revoke", "principals/a/apiKeys/b"],
    ] {
        let ended = ndp(&[arguments, &["--database", &url]].concat(), &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
        assert!(
            ended.message().starts_with("error: there is no database `"),
            "{}",
            ended.message()
        );
    }
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_database_that_cannot_be_opened_is_named_without_its_password() {
    let (directory, _) = nowhere();
    let root = directory.path().to_str().unwrap();
    let not_there = format!("sqlite:{root}/not/there.db");
    let a_directory = format!("sqlite:{root}");
    let text = directory.path().join("text");
    fs::write(
        &text,
        "no database, though it is as long as the header of one would be\n".repeat(99),
    )
    .unwrap();
    let no_database = format!("sqlite:{}", text.display());
    let nobody = "postgres://ndp:hunter2@localhost/db?host=/not/there&password=hunter2";
    for (url, shown) in [
        (&*not_there, "there is no directory `"),
        (&*a_directory, "cannot open `sqlite:"),
        (&*no_database, "cannot open `sqlite:"),
        (
            nobody,
            "cannot open `postgres://ndp:PASSWORD@localhost/db?host=/not/there&password=PASSWORD`",
        ),
    ] {
        let ended = ndp(
            &["serve", "--listen", "127.0.0.1:0", "--database", url],
            &[],
        );
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
        assert!(ended.message().contains(shown), "{}", ended.message());
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn a_port_in_use_is_named() {
    let (_directory, url) = nowhere();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let ended = ndp(&["serve", "--listen", &address, "--database", &url], &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    let got = ended.message();
    let expected = format!("error: cannot listen on {address}; is another server running there?");
    assert!(got.starts_with(&expected), "{got}");
}

#[test]
fn an_address_that_others_can_reach_needs_insecure() {
    let (directory, url) = nowhere();
    let arguments = ["serve", "--database", &url, "--listen", "0.0.0.0:0"];
    let ended = ndp(&arguments, &[]);
    assert_eq!(ended.code, 64);
    assert!(
        ended.message().contains("--insecure"),
        "{}",
        ended.message()
    );
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    let server = Process::start(&[&arguments[..], &["--insecure"]].concat(), &[]);
    server.wait_for_line("listening on 0.0.0.0:", BOUND);
    server.signal(Signal::Term);
    assert!(server.wait(BOUND).success());
}

// === serve ===

#[test]
fn what_serve_says_to_type_next_works_when_pasted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ndp.toml");
    fs::write(&file, "database = \"sqlite:by file.db\"\n").unwrap();
    for (settings, database) in [
        (&[][..], "ndp-registry.db"),
        (&["--database", "sqlite:a name's.db"], "a name's.db"),
        // the path is taken literally, even where a URL or SQLite would interpret it
        (&["--database", "sqlite:file:50%20?#.db"], "file:50%20?#.db"),
        (&["--config", "ndp.toml"], "by file.db"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndp-registry"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(settings);
        command.current_dir(&directory);
        clear_settings(&mut command);
        let server = Process::spawn(command);
        let line = server.wait_for_line(" key create ", BOUND);
        assert!(directory.path().join(database).is_file(), "{database}");
        let mut pasted = Command::new("/bin/sh");
        pasted.args(["-c", line.trim()]).current_dir(&directory);
        clear_settings(&mut pasted);
        let pasted = ended(&Process::spawn(pasted)).succeeded();
        assert!(
            pasted.stdout.starts_with("ndp_"),
            "{line}: {}",
            pasted.stdout
        );
        // into the same database: the catalogue was there
        assert!(
            !pasted.stderr.contains("loaded"),
            "{line}: {}",
            pasted.stderr
        );
        server.signal(Signal::Term);
        assert!(server.wait(BOUND).success());
    }
    // a name that is new nowhere: no other file was made
    let databases = directory.path().read_dir().unwrap();
    let names = databases.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|it| it.ends_with(".db")).count(), 4);
}

both! {
    /// `--catalogue` is for a new database; on another it says so, and which command loads it.
    async fn an_edition_is_loaded_into_a_registry_that_is_not_new(engine: Engine) {
        let url = engine.url();
        let run = |arguments: &[&str]| {
            let database = ["--database", &url];
            ndp(&[arguments, &database].concat(), &[])
        };
        run(&["admin", "key", "create", "--principal", "admin", "--role", "admin"]).succeeded();
        let named = ["admin", "key", "list", "--catalogue", "2618-qd-bkhcn,1132-qd-ttg"];
        let got = run(&named).succeeded().stderr;
        assert!(got.contains("no entry of the edition was loaded"), "{got}");
        assert!(got.contains("admin load 1132-qd-ttg"), "{got}");
        assert!(!got.contains("admin load 2618-qd-bkhcn"), "{got}");
        let loaded = run(&["admin", "load", "1132-qd-ttg"]).succeeded().stdout;
        assert!(loaded.starts_with("loaded: editions/1132-qd-ttg, "), "{loaded}");
        // again it finds everything there
        let again = run(&["admin", "load", "1132-qd-ttg"]).succeeded().stdout;
        assert!(again.contains(" 0 platforms made, 0 that were held now listed"), "{again}");
        assert!(again.contains(" 79 listed before"), "{again}");
        assert!(!run(&named).succeeded().stderr.contains("was loaded"));
        // what a new database gets of both editions
        let (_directory, other) = nowhere();
        let both = [("NDP_CATALOGUE", "2618-qd-bkhcn,1132-qd-ttg")];
        let create = ["admin", "key", "create", "--principal", "a", "--role", "admin"];
        ndp(&[&create[..], &["--database", &other]].concat(), &both).succeeded();
        assert_eq!(listings(&url).await, listings(&other).await);
        run(&["admin", "verify"]).succeeded();
        let unknown = run(&["admin", "load", "1-x"]);
        assert_eq!(unknown.code, 1);
        assert!(unknown.message().contains("no entries of edition `1-x`"), "{}", unknown.message());
    }
}

/// Each platform of a database, with the editions that list it.
async fn listings(url: &str) -> BTreeMap<String, Vec<pb::platform::Listing>> {
    let server = Server::start(url).await;
    let request = pb::ListPlatformsRequest {
        page_size: 1000,
        view: pb::PlatformView::Full.into(),
        ..Default::default()
    };
    let platforms = server.anonymous().catalogue.list_platforms(request).await;
    server.stop().await;
    let platforms = platforms.unwrap().into_inner().platforms.into_iter();
    let sorted = platforms.map(|mut it| {
        it.listings.sort_by(|a, b| a.edition.cmp(&b.edition));
        (it.name, it.listings)
    });
    sorted.collect()
}

/// A fast read without a key has no line in the log by default; a slow one has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_without_a_key_is_logged_when_it_is_slow() {
    for (slow_call_ms, lines) in [("3600000", 0), ("0", 1)] {
        let (_directory, url) = nowhere();
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--slow-call-ms",
            slow_call_ms,
        ];
        let server = Process::start(&arguments, &[("NDP_DATABASE", &url)]);
        let line = server.wait_for_line("listening on ", BOUND);
        let address = line.rsplit(' ').next().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut catalogue = CatalogueServiceClient::new(endpoint.connect().await.unwrap());
        let name = "agencies/bo-cong-an".into();
        let request = pb::GetAgencyRequest {
            name,
            ..Default::default()
        };
        catalogue.get_agency(request).await.unwrap();
        server.signal(Signal::Term);
        assert!(server.wait(BOUND).success());
        let log = server.printed(Stream::Stderr);
        assert_eq!(
            log.matches("answered").count(),
            lines,
            "{slow_call_ms}: {log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_json_log_has_one_object_a_line_with_the_call_and_no_secret() {
    let (_directory, url) = nowhere();
    let made = [
        "admin",
        "key",
        "create",
        "--principal",
        "admin",
        "--role",
        "admin",
        "--database",
        &url,
    ];
    let made = ndp(&made, &[]).succeeded();
    let secret = made.stdout.trim_end();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let server = Process::start(
        &arguments,
        &[("NDP_DATABASE", &url), ("NDP_LOG_LEVEL", "debug")],
    );
    let line = server.wait_for_line("listening on ", BOUND);
    let address = line.rsplit(' ').next().unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = endpoint.connect().await.unwrap();

    let mut access = AccessServiceClient::new(channel.clone());
    let with = |authorization: &str| {
        let mut request = Request::new(pb::IdentifyCallerRequest {});
        let value = format!("Bearer {authorization}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    };
    access.identify_caller(with(secret)).await.unwrap();
    let wrong = format!("{secret}x");
    access.identify_caller(with(&wrong)).await.unwrap_err();
    let mut catalogue = CatalogueServiceClient::new(channel);
    let request = pb::GetAgencyRequest {
        name: "agencies/bo-thu-nghiem".into(),
        ..Default::default()
    };
    catalogue.get_agency(request).await.unwrap_err();
    // what everyone may read is logged at `debug`
    let request = pb::GetAgencyRequest {
        name: "agencies/bo-cong-an".into(),
        ..Default::default()
    };
    catalogue.get_agency(request).await.unwrap();
    server.signal(Signal::Term);
    assert!(server.wait(BOUND).success());

    let log = server.printed(Stream::Stderr);
    // the part after the key's id is the secret; the id is a name
    assert!(!log.contains(secret.rsplit('_').next().unwrap()), "{log}");
    let mut calls = String::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        for field in ["timestamp", "level", "target"] {
            assert!(event[field].is_string(), "{line}");
        }
        if event["message"] != "answered" {
            continue;
        }
        assert!(event["latency_us"].is_u64(), "{line}");
        let call: BTreeMap<String, Value> = serde_json::from_value(event.clone()).unwrap();
        let about = ["timestamp", "level", "target", "message", "latency_us"];
        let shown: Vec<_> = call
            .iter()
            .filter(|(name, _)| !about.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        calls.push_str(&format!("{} {}\n", event["level"], shown.join(" ")));
    }
    let calls = calls
        .replace("ndp.registry.v1.", "")
        .replace("Service/", "/");
    insta::assert_snapshot!(calls, @r###"
    "INFO" method="Access/IdentifyCaller" outcome="Ok" principal="principals/admin" revision=3
    "INFO" method="Access/IdentifyCaller" outcome="Unauthenticated" revision=3
    "INFO" method="Catalogue/GetAgency" outcome="NotFound" principal="anonymous" revision=3
    "DEBUG" method="Catalogue/GetAgency" outcome="Ok" principal="anonymous" revision=3
    "###);
}
