//! The commands that call a server, with the real binary against a real server: what people read in
//! both languages, what programs read, and what the exit codes say.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use ndp_core::{records::principals::Role, time::Date};
use ndp_registry::{
    admission::turns::Work,
    cli::story,
    client::{self, Language},
    config::{ClientCa, ServerOptions, TlsFiles},
    server::tls::Tls,
    store::Store,
};
use regex::Regex;
use serde_json::Value;
use tokio::task::block_in_place;

use crate::{
    harness::{
        Engine,
        certificates::Authority,
        golden::assert_golden,
        process::{Process, Signal, Stream, To, binary_directory, clear_settings, registry},
        server::{As, Server},
        tools, until,
    },
    operations::cli::{Ended, ended},
    transfer::interrupted::hold,
};

const BOUND: Duration = Duration::from_secs(60);
const AGENCY: &str = "bo-cong-an";
const PLAN: &str = "platforms/ndp-001/plans/thu";

/// Someone at a terminal of 80 columns, with a configuration directory of their own.
pub(crate) struct Person {
    address: String,
    key: Option<String>,
    language: &'static str,
    directory: tempfile::TempDir,
}

impl Person {
    pub(crate) fn anonymous(server: &Server) -> Self {
        Self {
            address: server.address.clone(),
            key: None,
            language: "C",
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn with(server: &Server, caller: &As) -> Self {
        let key = caller.sent().trim_start_matches("Bearer ").to_owned();
        Self {
            key: Some(key),
            ..Self::anonymous(server)
        }
    }

    pub(crate) fn environment(&self) -> Vec<(&str, &str)> {
        let mut environment = vec![
            ("XDG_CONFIG_HOME", self.directory.path().to_str().unwrap()),
            ("COLUMNS", "80"),
            ("LC_ALL", self.language),
            ("NDP_SERVER", &self.address),
        ];
        environment.extend(self.key.as_deref().map(|key| ("NDP_KEY", key)));
        environment.retain(|(_, value)| !value.is_empty());
        environment
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        block_in_place(|| ended(&Process::start(arguments, &self.environment())))
    }

    /// What succeeds prints.
    pub(crate) fn prints(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Writes what succeeds prints into a file, as it is.
    pub(crate) fn saves(&self, arguments: &[&str], path: &Path) {
        let mut command = registry(arguments);
        command.envs(self.environment());
        let file = fs::File::create(path).unwrap();
        let process = Process::spawn_to(command, To::Elsewhere(file.into()), To::Lines);
        let ended = block_in_place(|| ended(&process));
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    }

    /// A file of this person.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same at a terminal that speaks Vietnamese.
    pub(crate) fn in_vietnamese(&self) -> Self {
        Self {
            address: self.address.clone(),
            key: self.key.clone(),
            language: "vi_VN.UTF-8",
            directory: tempfile::tempdir().unwrap(),
        }
    }
}

/// The text without what each run says otherwise: how long ago something was, and ids of keys.
fn timeless(text: &str) -> String {
    let ago = Regex::new(r"\(\d+ [^()]+ (ago|trước)\)|\(in \d+ [a-z]+\)|\(\d+ [^()]+ nữa\)");
    let text = ago.unwrap().replace_all(text, "(…)").into_owned();
    let key = Regex::new("apiKeys/[a-z0-9]+").unwrap();
    key.replace_all(&text, "apiKeys/…").into_owned()
}

async fn started(engine: &Engine) -> Server {
    Server::start(&engine.url()).await
}

/// An editor and an approver of one agency.
pub(crate) async fn two(server: &Server) -> (Person, Person) {
    let editor = server
        .person("cli-editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let approver = server
        .person("cli-approver", &[Role::AgencyApprover], Some(AGENCY))
        .await;
    (
        Person::with(server, &editor),
        Person::with(server, &approver),
    )
}

/// Writes the plan of the tests, as a draft with one milestone.
pub(crate) fn draft(editor: &Person) {
    let plan = [
        "plan",
        "create",
        "ndp-001",
        "--plan-id",
        "thu",
        "--display-name",
        "Kế hoạch thử",
    ];
    editor.prints(&plan);
    let milestone = [
        "milestone",
        "create",
        PLAN,
        "--milestone-id",
        "moc",
        "--display-name",
        "Vận hành thử",
        "--required-result",
        "Biên bản",
        "--due",
        "2026-12-31",
    ];
    editor.prints(&milestone);
}

#[test]
fn every_method_is_a_noun_and_a_verb() {
    let mut whole = client::commands(clap::Command::new("ndp-registry"), Language::English);
    whole.build();
    let mut text = String::new();
    for noun in whole.get_subcommands().filter(|it| it.get_name() != "help") {
        let about =
            |it: &clap::Command| it.get_about().map(ToString::to_string).unwrap_or_default();
        let places = |it: &clap::Command| {
            let places = it.get_positionals().map(|it| format!(" {}", it.get_id()));
            places.collect::<String>().replace("place/", "")
        };
        writeln!(text, "{}{}  {}", noun.get_name(), places(noun), about(noun)).unwrap();
        for verb in noun.get_subcommands().filter(|it| it.get_name() != "help") {
            writeln!(
                text,
                "  {}{}  {}",
                verb.get_name(),
                places(verb),
                about(verb)
            )
            .unwrap();
        }
    }
    assert_golden("cli/commands.txt", &text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_read_tables_in_both_languages() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let (editor, _) = two(&server).await;
    draft(&editor);
    let mut text = String::new();
    for language in ["C", "vi_VN.UTF-8"] {
        let person = Person {
            language,
            ..Person::with(&server, &As::key(editor.key.as_deref().unwrap()))
        };
        for arguments in [
            &[
                "platform",
                "list",
                "--limit",
                "5",
                "--order-by",
                "display_name",
            ][..],
            &["platform", "get", "ndp-002"],
            &[
                "agency",
                "list",
                "--filter",
                "kind = MINISTRY",
                "--limit",
                "3",
            ],
            &["plan", "get", PLAN],
            &["search", "dinh danh"],
            &["summary"],
            &[
                "timeline",
                "--start-date",
                "2026-09-01",
                "--interval",
                "week",
                "--metrics",
                "platforms_held,plans",
            ],
            &["attention", "--limit", "3"],
            &["changes", "--limit", "2"],
            &["whoami"],
            &["permissions", "SubmitPlan", "IssuePlan", "--resource", PLAN],
            &["permissions", "--resource", PLAN],
            &["permissions", "Submit"],
            &["quality", "--limit", "2"],
            &["reconcile", "--limit", "2"],
            &["diff", "5", "7"],
            &["plan", "get", "platforms/ndp-001/plans/khong-co"],
            &["plan", "create", "ndp-001", "--planned-end", "tomorrow"],
        ] {
            let ended = person.run(arguments);
            writeln!(
                text,
                "$ ndp-registry {} → {}",
                arguments.join(" "),
                ended.code
            )
            .unwrap();
            text.push_str(&timeless(&ended.stdout));
            text.push_str(&ended.stderr);
            text.push('\n');
            assert!(!ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'));
        }
    }
    assert_golden("cli/tables.txt", &text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_read_the_same_records_in_every_form() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let person = Person::anonymous(&server);
    let form = |form| {
        let list = ["platform", "list", "--limit", "600", "-o", form];
        person.prints(&list)
    };
    let json: Vec<Value> = serde_json::from_str(&form("json")).unwrap();
    let names: Vec<_> = json.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 84);
    let jsonl = form("jsonl");
    let lines: Vec<Value> = jsonl
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(lines, json);
    let yaml = form("yaml");
    assert_eq!(yaml.matches("- name: platforms/").count(), 84);
    let csv = form("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let first = reader
        .headers()
        .unwrap()
        .iter()
        .position(|it| it == "name")
        .unwrap();
    let records: Vec<_> = reader
        .records()
        .map(|it| it.unwrap()[first].to_owned())
        .collect();
    assert_eq!(records, names);
    // pages come until the limit, which is said
    let some = person.run(&["platform", "list", "--limit", "3", "-o", "jsonl"]);
    assert_eq!((some.stdout.lines().count(), some.code), (3, 0));
    assert!(some.stderr.contains("there are more"), "{}", some.stderr);
    assert_eq!(person.prints(&["plan", "list", "-o", "json"]).trim(), "[]");
    let one: Value =
        serde_json::from_str(&person.prints(&["platform", "get", "ndp-001", "-o", "json"]))
            .unwrap();
    assert_eq!(one["name"], "platforms/ndp-001");

    // who reads only the beginning breaks nothing
    for arguments in [&["platform", "list", "-o", "jsonl"][..], &["summary"]] {
        let mut command = registry(arguments);
        command.envs(person.environment());
        let process = Process::spawn_to(command, To::broken_pipe(), To::Lines);
        block_in_place(|| assert!(process.wait(BOUND).success()));
        assert!(!process.printed(Stream::Stderr).contains("error"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_send_the_etag_the_mask_and_a_preview() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let (editor, approver) = two(&server).await;
    draft(&editor);
    // a preview writes nothing
    let update = ["plan", "update", PLAN, "--lead-unit", "Đơn vị B"];
    let preview = editor.prints(&[&update[..], &["--dry-run"]].concat());
    assert_eq!(preview, "  + lead_unit: Đơn vị B\n");
    let get = |field: &str| {
        let json = editor.prints(&["plan", "get", PLAN, "-o", "json"]);
        serde_json::from_str::<Value>(&json).unwrap()[field].clone()
    };
    assert_eq!(get("leadUnit"), Value::Null);
    editor.prints(&update);
    assert_eq!(get("leadUnit"), "Đơn vị B");
    // what the mask names and no flag gives is cleared
    editor.prints(&["plan", "update", PLAN, "--update-mask", "lead_unit"]);
    assert_eq!(get("leadUnit"), Value::Null);
    let none = editor.run(&["plan", "update", PLAN]);
    assert!(
        none.code == 64 && none.message().contains("nothing to change"),
        "{}",
        none.stderr
    );
    let body = editor.directory.path().join("plan.json");
    fs::write(&body, r#"{"displayName": "Kế hoạch từ tệp"}"#).unwrap();
    let body = format!("@{}", body.display());
    editor.prints(&[
        "plan",
        "update",
        PLAN,
        "--body",
        &body,
        "--lead-unit",
        "Đơn vị C",
    ]);
    assert_eq!(get("displayName"), "Kế hoạch từ tệp");
    assert_eq!(get("leadUnit"), "Đơn vị C");

    // each refusal has its exit code
    let stale = editor.run(&["plan", "submit", PLAN, "--etag", "old"]);
    assert_eq!(stale.code, 75, "{}", stale.stderr);
    editor.prints(&["plan", "submit", PLAN]);
    let again = editor.run(&["plan", "submit", PLAN]);
    assert_eq!(again.code, 65, "{}", again.stderr);
    let denied =
        Person::anonymous(&server).run(&["plan", "create", "ndp-001", "--display-name", "x"]);
    assert_eq!(denied.code, 77, "{}", denied.stderr);
    let exists = editor.run(&[
        "plan",
        "create",
        "ndp-001",
        "--plan-id",
        "thu",
        "--display-name",
        "x",
    ]);
    assert_eq!(exists.code, 73, "{}", exists.stderr);
    let wrong = approver.run(&["plan", "issue", PLAN, "--document.symbol", "1", "-v"]);
    assert_eq!(wrong.code, 65);
    assert!(
        wrong.stderr.contains("--document.") && wrong.stderr.contains("reason: "),
        "{}",
        wrong.stderr
    );
    approver.prints(&[
        "plan",
        "issue",
        PLAN,
        "--document.kind",
        "decision",
        "--document.symbol",
        "1/QĐ-THU",
        "--document.issuer",
        "Cơ quan thử nghiệm",
        "--document.issue-date",
        "2026-09-30",
        "--document.sha256",
        &"0".repeat(64),
    ]);
    assert_eq!(get("state"), "ISSUED");

    // what a second person decides is one command
    let rebaseline = editor.prints(&[
        "plan",
        "rebaseline",
        PLAN,
        "--reason",
        "Chậm",
        "--rebaseline.milestone-changes",
        r#"{"kind": "UPDATE", "updateMask": "due", "milestone": {
            "name": "platforms/ndp-001/plans/thu/milestones/moc", "due": "2027-03-31"}}"#,
        "--rebaseline.document.kind",
        "decision",
        "--rebaseline.document.symbol",
        "2/QĐ-THU",
        "--rebaseline.document.issuer",
        "Cơ quan thử nghiệm",
        "--rebaseline.document.issue-date",
        "2026-10-01",
        "--rebaseline.document.sha256",
        &"0".repeat(64),
        "-o",
        "json",
    ]);
    let rebaseline: Value = serde_json::from_str(&rebaseline).unwrap();
    let proposal = rebaseline["proposal"]["name"].as_str().unwrap();
    approver.prints(&["proposal", "approve", proposal]);
    let milestone = editor.prints(&["milestone", "get", &format!("{PLAN}/milestones/moc")]);
    assert!(milestone.contains("2027-03-31"), "{milestone}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_edited_as_yaml() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let (editor, _) = two(&server).await;
    draft(&editor);
    let script = editor.directory.path().join("editor");
    let edit = |text: &str| {
        fs::write(&script, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        let environment = [
            editor.environment(),
            vec![("EDITOR", script.to_str().unwrap())],
        ]
        .concat();
        block_in_place(|| {
            ended(&Process::start(
                &["plan", "edit", PLAN, "-o", "json"],
                &environment,
            ))
        })
    };
    let edited = edit("sed -i 's/Kế hoạch thử/Kế hoạch đã sửa/' \"$1\"").succeeded();
    let edited: Value = serde_json::from_str(&edited.stdout).unwrap();
    assert_eq!(edited["displayName"], "Kế hoạch đã sửa");
    let same = edit("true").succeeded();
    assert!(
        same.stderr.contains("nothing changed") && same.stdout.is_empty(),
        "{}",
        same.stderr
    );
    let failed = edit("exit 3");
    assert_eq!(failed.code, 1, "{}", failed.stderr);
    // what was typed is not lost
    let wrong = edit("echo 'bogus: 1' >> \"$1\"");
    assert_eq!(wrong.code, 64, "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("what you wrote is in "),
        "{}",
        wrong.stderr
    );
    let kept = wrong
        .stderr
        .lines()
        .find_map(|it| it.split("what you wrote is in ").nth(1))
        .unwrap();
    assert!(fs::read_to_string(kept).unwrap().contains("bogus"));
    fs::remove_file(kept).unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_keeps_a_server_and_a_key() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let (mut editor, _) = two(&server).await;
    let said = editor.prints(&["login", "work"]);
    assert!(
        said.starts_with("work: principals/cli-editor at "),
        "{said}"
    );
    let file = editor.directory.path().join("ndp-registry/profiles.toml");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // the profile alone says where and who
    let key = editor.key.take().unwrap();
    editor.address.clear();
    let whoami = editor.prints(&["whoami", "-o", "json"]);
    assert!(whoami.contains("principals/cli-editor"), "{whoami}");
    // and goes to no other server
    let elsewhere = editor.run(&["whoami", "--server", &format!("http://{}", server.address)]);
    assert!(!elsewhere.succeeded().stdout.contains("cli-editor"));
    let other = editor.run(&["whoami", "--profile", "home"]);
    assert!(
        other.code == 1 && other.stderr.contains("it has: work"),
        "{}",
        other.stderr
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let open = editor.run(&["whoami"]);
    assert!(
        open.code == 1 && open.stderr.contains("chmod 600"),
        "{}",
        open.stderr
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, format!("[profiles.work]\nkey = \"{key}\nserver = 1")).unwrap();
    let broken = editor.run(&["whoami"]);
    assert!(
        broken.code == 1 && !broken.stderr.contains(&key),
        "{}",
        broken.stderr
    );
    // a key that is not known is not stored
    fs::remove_file(&file).unwrap();
    editor.address.clone_from(&server.address);
    editor.key = Some("ndp_wrong_key".to_owned());
    assert_eq!(editor.run(&["login"]).code, 77);
    assert!(!file.exists());
    // a key from a file
    let key_file = editor.directory.path().join("key");
    fs::write(&key_file, format!("{key}\n")).unwrap();
    let whoami = editor.prints(&["whoami", "--key-file", key_file.to_str().unwrap()]);
    assert!(whoami.contains("principals/cli-editor"), "{whoami}");
    // it does not go over a network in the clear
    let far = editor.run(&["whoami", "--server", "http://192.0.2.1:1"]);
    assert!(
        far.code == 64 && far.stderr.contains("unencrypted"),
        "{}",
        far.stderr
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_checked_both_ways() {
    let engine = Engine::sqlite();
    let authority = Authority::new();
    let pair = authority.issue("server", 2099);
    let files = TlsFiles {
        certificate: pair.certificate,
        key: pair.key,
        client_ca: Some(ClientCa {
            file: authority.root(),
            required: true,
        }),
    };
    let tls = Tls::open(files).unwrap();
    let server = Server::start_encrypted(&engine.url(), tls, ServerOptions::default()).await;
    let person = Person {
        address: format!("https://{}", server.address),
        ..Person::anonymous(&server)
    };
    let own = authority.issue("client", 2099);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (root, certificate, key) = (
        text(&authority.root()),
        text(&own.certificate),
        text(&own.key),
    );
    let trusted = ["summary", "--ca", &root];
    let shown = ["--client-certificate", &certificate, "--client-key", &key];
    person.prints(&[&trusted[..], &shown].concat());
    // without a certificate of its own, and without the issuer of the server's
    for arguments in [&trusted[..], &[&["summary"][..], &shown].concat()] {
        let refused = person.run(arguments);
        assert_eq!(refused.code, 69, "{arguments:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("cannot be reached"),
            "{}",
            refused.stderr
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_prints_each_change_with_its_proof() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let (editor, _) = two(&server).await;
    let checkpoint: Value =
        serde_json::from_str(&editor.prints(&["checkpoint", "get", "-o", "json"])).unwrap();
    let key = checkpoint["publicKeys"][0].as_str().unwrap();
    let kept = editor.directory.path().join("checkpoint");
    let watch = [
        "watch",
        "--start",
        "beginning",
        "--verify",
        key,
        "--checkpoint",
        kept.to_str().unwrap(),
    ];
    let process = Process::start(&watch, &editor.environment());
    block_in_place(|| process.wait_for_line("CreateApiKey", BOUND));
    editor.prints(&[
        "plan",
        "create",
        "ndp-001",
        "--plan-id",
        "thu",
        "--display-name",
        "Thử",
    ]);
    let line = block_in_place(|| process.wait_for_line("CreatePlan", BOUND));
    assert!(
        line.contains("principals/cli-editor") && line.contains(PLAN),
        "{line}"
    );
    process.signal(Signal::Int);
    let code = block_in_place(|| process.wait(BOUND).code());
    assert_eq!(code, Some(130));
    // the next one goes on from the checkpoint; another log's key or checkpoint proves nothing
    let note = fs::read_to_string(&kept).unwrap();
    assert!(note.starts_with("ndp-registry/"), "{note}");
    fs::write(&kept, note.replacen('\n', "\n9", 1)).unwrap();
    let forged = editor.run(&watch);
    assert!(
        forged.code == 65 && forged.stderr.contains("signed it"),
        "{}",
        forged.stderr
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_in_groups_that_is_stopped_goes_on_by_the_same_command() {
    const ROWS: usize = 2_000;
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let steward = server.person("steward", &[Role::Steward], None).await;
    let person = Person::with(&server, &steward);
    let file = person.path("platforms.csv");
    // rows without names, of a kind that only names tell apart
    let mut text = "display_name,verification\n".to_owned();
    for number in 0..ROWS {
        writeln!(text, "Nền tảng giả định số {number},FROM_PRESS").unwrap();
    }
    fs::write(&file, text).unwrap();
    let import = [
        "import",
        file.to_str().unwrap(),
        "--kind",
        "platforms",
        "--chunked",
        "-o",
        "json",
    ];
    let before = server.registry.revision();
    let process = Process::start(&import, &person.environment());
    server.moved_on(before).await;
    process.signal(Signal::Int);
    let code = block_in_place(|| process.wait(BOUND).code());
    assert_eq!(code, Some(130), "it was to be stopped between two groups");
    let received = process.printed(Stream::Stderr);
    assert!(
        received.contains("run the same command to go on"),
        "{received}"
    );
    let answer: Value = serde_json::from_str(&person.prints(&import)).unwrap();
    let count = |field: &str| answer[field].as_u64().unwrap_or_default();
    assert_eq!(answer["state"], "WRITTEN", "{answer}");
    assert_eq!(count("createdCount") + count("unchangedCount"), ROWS as u64);
    assert!(count("unchangedCount") >= 500, "{answer}");
    let list = ["platform", "list", "--limit", "100000", "-o", "jsonl"];
    assert_eq!(person.prints(&list).lines().count(), 84 + ROWS);

    // a file that is mended goes on by the request id that is said
    let wrong = "display_name,verification\nMột (synthetic),FROM_PRESS\n,FROM_PRESS\n";
    fs::write(&file, wrong).unwrap();
    let refused = person.run(&import);
    assert_eq!(refused.code, 65, "{}", refused.stderr);
    let id = refused.stderr.split("--request-id ").nth(1).unwrap().trim();
    fs::write(&file, wrong.replace("\n,", "\nHai (synthetic),")).unwrap();
    for expected in [["2", ""], ["", "2"]] {
        let answer = person.prints(&[&import[..], &["--request-id", &id[..36]]].concat());
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let counts = ["createdCount", "unchangedCount"].map(|it| match &answer[it] {
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        });
        assert_eq!(counts, expected);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_says_its_request_id_where_it_is_asked_to() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let (editor, _) = two(&server).await;
    draft(&editor);
    let update = ["plan", "update", PLAN, "--lead-unit", "Đơn vị B"];
    let quiet = editor.run(&update).succeeded();
    assert!(!quiet.stderr.contains("request id"), "{}", quiet.stderr);
    let said = editor
        .run(&["plan", "submit", PLAN, "--verbose"])
        .succeeded();
    let id = said
        .stderr
        .trim()
        .strip_prefix("note: request id ")
        .unwrap();
    let filter = "method = \"SubmitPlan\"";
    let changes = editor.prints(&["changes", "--filter", filter, "-o", "json"]);
    assert!(changes.contains(id), "{id}: {changes}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_both_ways() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let (editor, _) = two(&server).await;
    let file = editor.directory.path().join("van-ban.txt");
    let text = "Văn bản thử nghiệm\n".repeat(40_000);
    fs::write(&file, &text).unwrap();
    let sent = editor.prints(&[
        "file",
        "upload",
        file.to_str().unwrap(),
        "--media-type",
        "text/plain",
        "-o",
        "json",
    ]);
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let digest = sent["sha256"].as_str().unwrap();
    assert_eq!(editor.prints(&["file", "download", digest]), text);
    server.stop().await;
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    assert_golden("cli/refused.txt", &refused("C"));
}

#[test]
fn what_makes_no_sense_is_refused_in_vietnamese_too() {
    let said = refused("vi_VN.UTF-8");
    assert_golden("cli/refused-vi.txt", &said);
    // the flag counts before the locale
    let asked = ["plan", "list", "--bogus", "--lang", "en"];
    let asked = ended(&Process::start(&asked, &[("LC_ALL", "vi_VN.UTF-8")]));
    assert!(
        asked.message().contains("unexpected argument"),
        "{}",
        asked.stderr
    );
    let asked = ["plan", "list", "--bogus", "--lang=vi"];
    let asked = ended(&Process::start(&asked, &[("LC_ALL", "C")]));
    assert_eq!(asked.code, 64);
    assert!(
        asked.stderr.contains("không có tham số '--bogus'"),
        "{}",
        asked.stderr
    );
}

/// What a terminal with this locale shows for arguments that do not make a request.
fn refused(locale: &str) -> String {
    let nowhere = tempfile::tempdir().unwrap();
    let environment = [
        ("XDG_CONFIG_HOME", nowhere.path().to_str().unwrap()),
        ("NDP_SERVER", "127.0.0.1:1"),
        ("COLUMNS", "80"),
        ("LC_ALL", locale),
    ];
    let mut text = String::new();
    for arguments in [
        &["platfrom", "list"][..],
        &["platform", "lst"],
        &["platform"],
        &["plan", "get"],
        &["plan", "list", "--bogus", "1"],
        &["plan", "list", "-o", "xml"],
        &["platform", "create", "--verification", "maybe"],
        &["milestone", "create", PLAN, "--due", "31/12/2026"],
        &["milestone", "create", PLAN, "--weight", "much"],
        &["platform", "create", "--labels", "a"],
        &["platform", "create", "--body", "{\"displayNam\": \"x\"}"],
        &["platform", "create", "--body", "@/not/there.json"],
        &["diff", "5", "5"],
        &["whoami", "--server", "ftp://a"],
        &["completions", "tcsh"],
        &["summary", "--timeout", "0"],
        &["summary", "--timeout", "long"],
        &["summary", "--lang", "fr"],
        &["summary", "--client-key", "key.pem"],
        &["search", "a", "b"],
        &["admin", "backp"],
        &["admin", "restore"],
        &["summary"],
    ] {
        let ended = ended(&Process::start(arguments, &environment));
        assert_eq!(ended.stdout, "", "{arguments:?}");
        let line = format!("$ ndp-registry {} → {}", arguments.join(" "), ended.code);
        writeln!(text, "{line}\n{}\n", ended.stderr.trim_end()).unwrap();
    }
    text
}

/// The example of a command.
struct Example {
    line: String,
    /// Whether it only reads.
    reads: bool,
    /// Whether it can be tried without writing.
    dry: bool,
}

/// The examples of the commands below one.
fn examples(command: &clap::Command, found: &mut Vec<Example>) {
    for inner in command
        .get_subcommands()
        .filter(|it| it.get_name() != "help")
    {
        let is_group = inner.get_subcommands().any(|it| it.get_name() != "help");
        let help = inner
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let (_, line) = help.split_once("Example:\n  ").unwrap_or_default();
        let has = |name| inner.get_arguments().any(|it| it.get_id() == name);
        if !is_group {
            found.push(Example {
                line: line.to_owned(),
                // a write has a question to answer
                reads: !has("yes"),
                dry: has("dry-run") && !line.contains("--dry-run"),
            });
        }
        examples(inner, found);
    }
}

/// Examples that need what only the registry or the caller can make.
const NOT_RUN: &[&str] = &[
    "completions",
    "login",
    "watch",
    "change watch",
    // the registry draws these ids, so a record of this name does not exist and has no etag
    "assessment get",
    "assessment withdraw",
    "key get",
    "proposal get",
    "proposal approve",
    "proposal reject",
    "proposal cancel",
    // a file, and a part of the log, that are not there
    "file download",
    "tile download",
];

/// Examples of reads answer, on the shipped catalogue or the synthetic year; those of writes have
/// values that the registry takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_can_be_run() {
    let shipped = Engine::sqlite();
    let shipped = started(&shipped).await;
    let demo = Engine::sqlite();
    let store = Store::open(&demo.url(), uuid::Uuid::new_v4())
        .await
        .unwrap();
    let end = Date::parse("2026-10-31").unwrap();
    story::make(store.clone(), end).await.unwrap();
    store.close().await;
    let demo = Server::start_later(&demo.url(), 40 * 24 * 60 * 60).await;
    let mut people = Vec::new();
    for server in [&shipped, &demo] {
        for (id, role) in [("editor", Role::Steward), ("reader", Role::Auditor)] {
            people.push(Person::with(
                server,
                &server.person(id, &[role], None).await,
            ));
        }
    }
    let mut found = Vec::new();
    let mut whole = client::commands(clap::Command::new("ndp-registry"), Language::English);
    whole.build();
    examples(&whole, &mut found);
    let mut failed = String::new();
    for Example { line, reads, dry } in found {
        let called = line.trim_start_matches("ndp-registry ");
        if NOT_RUN.iter().any(|it| called.starts_with(it)) || called.contains(" edit ") {
            continue;
        }
        let mut said = String::new();
        let runs = people.iter().any(|person| {
            let directory = tempfile::tempdir().unwrap();
            let dry = if dry { " --dry-run" } else { "" };
            let line = match reads {
                true => line.clone(),
                false => format!("{line}{dry} --verbose"),
            };
            let mut command = std::process::Command::new("sh");
            clear_settings(&mut command);
            let path = std::env::var("PATH").unwrap_or_default();
            command
                .args(["-c", &line])
                .env("PATH", format!("{}:{path}", binary_directory().display()))
                .envs(person.environment())
                .current_dir(directory.path());
            let ended = block_in_place(|| ended(&Process::spawn(command)));
            said.push_str(&ended.stderr);
            let is_wrong = ended.stderr.contains("code: InvalidArgument");
            match reads {
                true => ended.code == 0,
                false => ended.code != 64 && !is_wrong,
            }
        });
        if !runs {
            writeln!(failed, "{line}\n{said}").unwrap();
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
    shipped.stop().await;
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_has_its_name_once_all_of_it_has_come() {
    let engine = Engine::sqlite();
    let server = started(&engine).await;
    let person = Person::anonymous(&server);
    let export = ["export", "--kind", "platforms", "--format", "json_lines"];
    let direct = person.prints(&export);
    let file = person.path("platforms.jsonl");
    fs::write(&file, "what was there").unwrap();
    let to = ["--to", file.to_str().unwrap()];
    let said = person.run(&[&export[..], &to].concat()).succeeded();
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains("84 records"), "{}", said.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), direct);

    // what is refused leaves what was there, and nothing beside it
    let beside = || fs::read_dir(person.path("")).unwrap().count();
    let before = beside();
    let parent = [&export[..], &["--parent", "agencies/no"], &to].concat();
    assert_eq!(person.run(&parent).code, 65);
    let unchanged = || {
        assert_eq!(fs::read_to_string(&file).unwrap(), direct);
        assert_eq!(beside(), before);
    };
    unchanged();
    // so does Ctrl-C, here while the server waits for room to read records
    let held = hold(&server).await;
    let arguments = [&export[..], &to].concat();
    let exporting = Process::start(&arguments, &person.environment());
    let turns = server.registry.turns();
    let waits = async || turns.waiting(Work::Records) == 1 && beside() == before + 1;
    until("the export waits", waits).await;
    exporting.signal(Signal::Int);
    assert_eq!(block_in_place(|| ended(&exporting)).code, 130);
    drop(held);
    unchanged();
    let nowhere = person.path("none/platforms.jsonl");
    let nowhere = person.run(&[&export[..], &["--to", nowhere.to_str().unwrap()]].concat());
    assert_eq!(nowhere.code, 1);
    assert!(
        nowhere.message().contains("cannot write"),
        "{}",
        nowhere.stderr
    );
    server.stop().await;
}

/// Every help has an example, and it is one of its own command.
#[test]
fn every_help_has_an_example() {
    fn walk(command: &clap::Command, path: &str) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let (_, example) = help.split_once("Example:\n  ").unwrap_or_default();
        assert!(example.starts_with(path), "`{path}`: {help}");
        let below = command
            .get_subcommands()
            .filter(|it| it.get_name() != "help");
        for inner in below {
            walk(inner, &format!("{path} {}", inner.get_name()));
        }
    }
    let mut whole = client::commands(clap::Command::new("ndp-registry"), Language::English);
    whole.build();
    for command in whole.get_subcommands().filter(|it| it.get_name() != "help") {
        walk(command, &format!("ndp-registry {}", command.get_name()));
    }
}

#[test]
fn shells_complete_nouns_verbs_flags_and_values() {
    for shell in ["bash", "zsh", "fish"] {
        let script = ended(&Process::start(&["completions", shell], &[]))
            .succeeded()
            .stdout;
        for word in [
            "milestone",
            "rebaseline",
            "dry-run",
            "AGENCY_EDITOR",
            "backup",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    for (shell, program) in tools::shells() {
        let script = directory.path().join(format!("_ndp-registry.{shell}"));
        let completions = ended(&Process::start(&["completions", shell], &[]));
        fs::write(&script, completions.succeeded().stdout).unwrap();
        for (words, expected) in [
            (&["mileston"][..], "milestone"),
            (&["milestone", "cr"], "create"),
            (&["attention-item", "li"], "list"),
            (&["plan", "submit", "--dry"], "--dry-run"),
            (&["plan", "list", "--output", "jso"], "jsonl"),
        ] {
            let mut command = std::process::Command::new(&program);
            match shell {
                "bash" => command.args(["--norc", "-c", ASK_BASH]),
                "zsh" => command.args(["-f", "-c", ASK_ZSH]),
                _ => command.args(["--no-config", "-c", ASK_FISH]),
            };
            command
                .arg(&script)
                .args([expected, "ndp-registry"])
                .args(words);
            command.env("ZSH", &program).env("HOME", directory.path());
            let answer = ended(&Process::spawn(command));
            let offered = answer.stdout.split_whitespace().any(|it| it == expected);
            assert!(
                offered,
                "{shell} {words:?}: {}{}",
                answer.stdout, answer.stderr
            );
        }
    }
}

/// Loads completions, and asks them as the shell would.
const ASK_BASH: &str = r#"
    source "$0"; shift
    function=$(complete -p ndp-registry); function=${function#*-F }; function=${function%% *}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    "$function" "$1" "${@: -1}" "${@: -2:1}"
    printf '%s\n' "${COMPREPLY[@]}"
"#;

/// The same in a terminal of its own, because zsh completes in its line editor alone.
const ASK_ZSH: &str = r#"
    zmodload zsh/zpty; expected=$1; shift
    zpty z "$ZSH -f -i"
    zpty -w z "PS1=rea''dy; autoload -U compinit; compinit -u -D; source $0"
    zpty -w z "compdef _ndp-registry ndp-registry; PS1=set''up; print"
    zpty -r z line '*setup*'
    zpty -w -n z "$*"$'\t\t'
    zpty -r z line "*$expected*" && print -r -- "$expected"
"#;

const ASK_FISH: &str = "source $argv[1]; complete -C (string join -- ' ' $argv[3..])";
