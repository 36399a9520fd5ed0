//! The command line in a real terminal, which tmux keeps: how wide it is, its colors, the question
//! before a decision, and Ctrl-C.

use std::{path::PathBuf, process::Command};

use ndp_core::records::principals::Role;
use ndp_registry::admission::turns::Work;
use serde_json::{Value, json};
use tokio::task::block_in_place;
use unicode_width::UnicodeWidthStr as _;

use super::client::{Person, two};
use crate::{
    harness::{
        Engine,
        process::{binary_directory, clear_settings},
        server::Server,
        tools, until,
    },
    transfer::interrupted::hold,
};

const PLAN: &str = "platforms/ndp-001/plans/thu";

/// A terminal in which someone types into a shell; gone when dropped.
struct Terminal {
    tmux: PathBuf,
    directory: tempfile::TempDir,
}

impl Terminal {
    /// None where tmux is left out.
    fn open(person: &Person, width: u16) -> Option<Self> {
        let terminal = Self {
            tmux: tools::tmux()?,
            directory: tempfile::tempdir().unwrap(),
        };
        let mut command = terminal.command();
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", binary_directory().display()))
            .env("PS1", "> ")
            .envs(person.environment())
            .env_remove("COLUMNS")
            .env_remove("NO_COLOR");
        command.args(["new-session", "-d", "-y", "200", "-x", &width.to_string()]);
        assert!(command.arg("sh").status().unwrap().success());
        Some(terminal)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.tmux);
        clear_settings(&mut command);
        command
            .args(["-f", "/dev/null", "-u"])
            .env("TMUX_TMPDIR", self.directory.path())
            .env_remove("TMUX");
        command
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = block_in_place(|| self.command().args(arguments).output().unwrap());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn types(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.press("Enter");
    }

    /// What is shown, once this is part of it.
    async fn shows(&self, text: &str) -> String {
        let what = format!("the terminal shows `{text}`");
        let shown = std::cell::RefCell::new(String::new());
        until(&what, async || {
            *shown.borrow_mut() = self.tmux(&["capture-pane", "-p"]);
            shown.borrow().contains(text)
        })
        .await;
        shown.into_inner()
    }

    /// What a command shows, and its exit code. With `escapes` also how it is shown.
    async fn ran(&self, line: &str, escapes: bool) -> (String, i32) {
        self.tmux(&["send-keys", "-R"]);
        self.tmux(&["clear-history"]);
        self.types(&format!("{line}; echo \"ended:$?\""));
        self.shows("ended:").await;
        let mut code = None;
        until("a command has ended", async || {
            let shown = self.tmux(&["capture-pane", "-p"]);
            let ended = shown.lines().find_map(|it| it.strip_prefix("ended:"));
            code = ended.and_then(|it| it.trim().parse().ok());
            code.is_some()
        })
        .await;
        let how: &[&str] = if escapes {
            &["capture-pane", "-p", "-e"]
        } else {
            &["capture-pane", "-p"]
        };
        let shown = self.tmux(how);
        // without what was typed
        let lines = shown.lines().filter(|it| !it.contains("ended:"));
        let lines: Vec<_> = lines.filter(|it| !it.trim().is_empty()).collect();
        (lines.join("\n"), code.unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.command().arg("kill-server").status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_as_wide_as_the_terminal_and_colors_are_for_it() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let person = Person::anonymous(&server);
    let Some(terminal) = Terminal::open(&person, 64) else {
        return server.stop().await;
    };
    let list = "ndp-registry platform list --limit 3";
    let widest = |text: &str| text.lines().map(|it| it.width()).max().unwrap();
    let (narrow, code) = terminal.ran(list, false).await;
    assert_eq!(code, 0);
    assert!(narrow.contains("platforms/ndp-001"), "{narrow}");
    let of_table = |text: &str| {
        let lines = text.lines().filter(|it| it.starts_with("platforms/"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert!((40..=64).contains(&widest(&of_table(&narrow))), "{narrow}");
    terminal.tmux(&["resize-window", "-x", "140"]);
    let (wide, _) = terminal.ran(list, false).await;
    assert!((65..=140).contains(&widest(&of_table(&wide))), "{wide}");

    let bold = "\u{1b}[1m";
    let (colored, _) = terminal.ran(list, true).await;
    assert!(colored.contains(bold), "{colored:?}");
    let (plain, _) = terminal.ran(&format!("NO_COLOR=1 {list}"), true).await;
    assert!(
        !plain.contains(bold) && plain.contains("platforms/ndp-001"),
        "{plain:?}"
    );
    let (piped, _) = terminal.ran(&format!("{list} | cat"), true).await;
    assert!(
        !piped.contains(bold) && piped.contains("platforms/ndp-001"),
        "{piped:?}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_asked_for_and_no_changes_nothing() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let (editor, approver) = two(&server).await;
    let Some(terminal) = Terminal::open(&approver, 120) else {
        return server.stop().await;
    };
    let proposal = proposed(&editor, &approver);
    let state = || {
        let read = editor.prints(&["proposal", "get", &proposal, "-o", "json"]);
        serde_json::from_str::<Value>(&read).unwrap()["state"].clone()
    };
    let approve = format!("ndp-registry proposal approve {proposal}; echo \"code:$?\"");
    terminal.types(&approve);
    let asked = terminal.shows("Go on? [y/N]").await;
    // what is decided on is shown before the question
    for part in ["2026-12-31", "2027-03-31", "due.end"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    terminal.types("n");
    let refused = terminal.shows("code:1").await;
    assert!(refused.contains("nothing was written"), "{refused}");
    assert_eq!(state(), "PENDING");
    // Enter alone says no too
    terminal.tmux(&["send-keys", "-R"]);
    terminal.types(&approve);
    terminal.shows("Go on? [y/N]").await;
    terminal.press("Enter");
    terminal.shows("code:1").await;
    assert_eq!(state(), "PENDING");
    terminal.tmux(&["send-keys", "-R"]);
    terminal.types(&approve);
    terminal.shows("Go on? [y/N]").await;
    terminal.types("y");
    terminal.shows("code:0").await;
    assert_eq!(state(), "APPROVED");
    server.stop().await;
}

/// A plan of the tests in force, and a proposal to move its milestone.
fn proposed(editor: &Person, approver: &Person) -> String {
    super::client::draft(editor);
    editor.prints(&["plan", "submit", PLAN]);
    let document = |prefix: &str, symbol: &str| {
        let digest = "0".repeat(64);
        let parts = [
            ("kind", "decision"),
            ("symbol", symbol),
            ("issuer", "Cơ quan thử nghiệm (synthetic)"),
            ("issue-date", "2026-09-30"),
            ("sha256", &digest),
        ];
        let flags =
            parts.map(|(part, value)| [format!("--{prefix}document.{part}"), value.to_owned()]);
        flags.concat()
    };
    let issue = document("", "1/QĐ-TEST");
    let issue = ["plan", "issue", PLAN]
        .into_iter()
        .map(str::to_owned)
        .chain(issue);
    let issue: Vec<_> = issue.collect();
    approver.prints(&issue.iter().map(String::as_str).collect::<Vec<_>>());
    let change = json!({"kind": "UPDATE", "updateMask": "due",
        "milestone": {"name": format!("{PLAN}/milestones/moc"), "due": "2027-03-31"}});
    let change = change.to_string();
    let rebaseline = [
        "plan",
        "rebaseline",
        PLAN,
        "--reason",
        "thử",
        "-o",
        "json",
        "--rebaseline.milestone-changes",
        &change,
    ];
    let rebaseline = rebaseline.into_iter().map(str::to_owned);
    let rebaseline: Vec<_> = rebaseline
        .chain(document("rebaseline.", "2/QĐ-TEST"))
        .collect();
    let answer = editor.prints(&rebaseline.iter().map(String::as_str).collect::<Vec<_>>());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["proposal"]["name"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_shows_how_far_it_is_and_erases_that() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let steward = server.person("steward", &[Role::Steward], None).await;
    let person = Person::with(&server, &steward);
    let file = person.path("platforms.csv");
    std::fs::write(
        &file,
        "display_name,verification\nNền tảng giả định,FROM_PRESS\n",
    )
    .unwrap();
    let Some(terminal) = Terminal::open(&person, 120) else {
        return server.stop().await;
    };
    let import = format!("ndp-registry import {} --kind platforms", file.display());
    // its row waits, and so does it
    let turns = server.registry.turns();
    let held = hold(&server).await;
    terminal.types(&format!("{import}; echo \"code:$?\""));
    terminal.shows("the server works on it").await;
    terminal.press("C-c");
    let ended = terminal.shows("code:130").await;
    assert!(!ended.contains("the server works on it"), "{ended}");
    assert!(ended.contains("to be sure"), "{ended}");
    let waiting = async || turns.waiting(Work::Records) == 0;
    until("the import is gone", waiting).await;

    terminal.tmux(&["send-keys", "-R"]);
    terminal.types(&format!("{import} --lang vi --dry-run; echo \"code:$?\""));
    terminal.shows("máy chủ đang xử lý").await;
    drop(held);
    let ended = terminal.shows("code:0").await;
    assert!(!ended.contains("máy chủ đang xử lý"), "{ended}");

    // what no person reads has no escapes, also where it takes long
    let held = hold(&server).await;
    for quiet in ["--quiet", "--lang en 2> said"] {
        terminal.tmux(&["send-keys", "-R"]);
        let line = format!(
            "cd {}; {import} {quiet}",
            terminal.directory.path().display()
        );
        terminal.types(&format!("{line}; echo \"code:$?\""));
        until("it waits", async || turns.waiting(Work::Records) == 1).await;
        terminal.press("C-c");
        let ended = terminal.shows("code:130").await;
        assert!(!ended.contains("works on it"), "{ended}");
    }
    let said = std::fs::read_to_string(terminal.directory.path().join("said")).unwrap();
    assert!(!said.contains('\x1b'), "{said:?}");
    drop(held);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_at_ctrl_c() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let (editor, _) = two(&server).await;
    let Some(terminal) = Terminal::open(&editor, 120) else {
        return server.stop().await;
    };
    terminal.types("ndp-registry watch --start beginning; echo \"code:$?\"");
    terminal.shows("CreateApiKey").await;
    terminal.press("C-c");
    let ended = terminal.shows("code:130").await;
    assert!(!ended.contains("error"), "{ended}");
    server.stop().await;
}
