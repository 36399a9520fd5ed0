//! README.md does what it says: its commands are typed into a shell and their output compared.
//!
//! A fenced block marked `console` holds commands, lines that start with `$ ` and go on after a
//! trailing backslash or within single quotes, each followed by the output to expect, if the
//! README shows any; `...` matches any text, and on a line of its own any number of lines. All
//! blocks run in one bash, in order, as a reader would type them; a command that serves runs beside
//! it until the next one that does. A command that fails must show the error it fails with, and one
//! that shows an error must fail.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Write as _},
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::harness::{
    process::{Process, Signal, binary_directory, clear_settings},
    tools,
};

/// Where the README's server listens; the test's listens on a free port instead.
const README_PORT: &str = ":50051";
/// The option that says so, for a command that leaves it at its default.
const LISTEN: &str = "--listen 127.0.0.1:0";
/// Part of the line in which the server says that it listens, and on which port.
const LISTENING: &str = "listening on";
/// Far more than any command of a README should take a reader.
const BOUND: Duration = Duration::from_secs(60);
/// What a reader has beside them in the clone.
const FOLDERS: [&str; 3] = ["proto", "data", "docs"];

/// Commands that are not run, by how they start, and why not.
const SKIPPED: &[(&str, &str)] = &[("tests/run", "it runs this very test")];

/// Commands of docs/clients.md, each where the program it needs is there.
#[test]
fn commands_that_generate_clients_work() {
    let text = fs::read_to_string(tools::repository().join("docs/clients.md")).unwrap();
    let mut steps = steps(&text).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        steps.len() > 8,
        "blocks of commands are marked `console`: {}",
        steps.len()
    );
    let mut programs = vec![("ndp-registry", binary_directory().join("ndp-registry"))];
    let scripts = TempDir::new().unwrap();
    for (name, find) in [
        ("protoc", tools::protoc as fn() -> _),
        ("buf", tools::buf),
        ("python3", tools::python_of_tools),
    ] {
        let Some(program) = find() else {
            // with the command that shows what it made
            while let Some(at) = steps.iter().position(|it| it.command.starts_with(name)) {
                steps.drain(at..(at + 2).min(steps.len()));
            }
            continue;
        };
        programs.push((name, called_in_place(&scripts, name, &program)));
    }
    run(&steps, &programs).unwrap_or_else(|error| panic!("docs/clients.md:{error}"));
}

#[test]
fn readme_commands_work() {
    let readme = fs::read_to_string(tools::repository().join("README.md")).unwrap();
    let steps = steps(&readme).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        steps.len() > 15,
        "blocks of commands are marked `console`: {}",
        steps.len()
    );
    as_written("README.md", &steps).unwrap_or_else(|error| panic!("{error}"));
}

/// The commands of each page of docs/, in a registry of its own that the README's section "Run" has
/// started.
#[test]
fn commands_of_the_pages_work() {
    let docs = tools::repository().join("docs");
    let readme = fs::read_to_string(tools::repository().join("README.md")).unwrap();
    let (run, _) = readme.split_once("\n## Look\n").unwrap();
    let mut pages: Vec<_> = fs::read_dir(&docs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // the commands of clients.md need no server, but generators
        .filter(|page| page.ends_with(".md") && page != "clients.md")
        .collect();
    pages.sort();
    let (mut errors, mut tried) = (Vec::new(), 0);
    for page in pages {
        let text = fs::read_to_string(docs.join(&page)).unwrap();
        assert!(!text.contains("```sh"), "docs/{page}: mark it `console`");
        let own = steps(&text).unwrap_or_else(|error| panic!("docs/{page}: {error}"));
        if own.is_empty() {
            continue;
        }
        let mut all = steps(run).unwrap();
        all.extend(own);
        tried += 1;
        errors.extend(as_written(&format!("docs/{page}"), &all).err());
    }
    assert!(tried > 20, "pages with commands: {tried}");
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// A program that calls another where it is. A link would not do for Python, which finds its
/// packages by the place it is called at.
fn called_in_place(scripts: &TempDir, name: &str, program: &Path) -> PathBuf {
    let script = scripts.path().join(name);
    let text = format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display());
    write_program(&script, &text);
    script
}

/// Runs the commands where the programs they need are there.
fn as_written(page: &str, steps: &[Step]) -> Result<(), String> {
    let mut programs = vec![("ndp-registry", binary_directory().join("ndp-registry"))];
    let scripts = TempDir::new().unwrap();
    for (name, find) in [
        ("grpcurl", tools::grpcurl as fn() -> _),
        ("buf", tools::buf),
        ("curl", tools::curl),
        ("openssl", tools::openssl),
        ("python3", tools::python_of_tools),
    ] {
        let word = |it: &Step| it.command.split_whitespace().any(|word| word == name);
        if steps.iter().any(word) {
            let Some(program) = find() else { return Ok(()) };
            programs.push((name, called_in_place(&scripts, name, &program)));
        }
    }
    run(steps, &programs).map_err(|error| format!("{page}:{error}"))
}

/// A command of the README, and the output it shows.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
}

/// What becomes of a command.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    /// Runs beside the others until the next of its kind.
    Serve(String),
    /// Is typed into the shell.
    Run(String),
    /// Is not run.
    Skip(&'static str),
}

/// Whether a command goes on in the next line: after a backslash, or within single quotes.
fn is_unfinished(command: &str) -> bool {
    command.ends_with('\\') || command.matches('\'').count() % 2 == 1
}

/// The commands of all `console` blocks.
fn steps(markdown: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    // the indentation of the current block (a block may be in a list), and whether it is ours
    let mut block: Option<(usize, bool)> = None;
    let mut first = true;
    let mut lines = (1..).zip(markdown.lines());
    while let Some((number, whole)) = lines.next() {
        let trimmed = whole.trim_start();
        let Some((indentation, ours)) = block else {
            if let Some(language) = trimmed.strip_prefix("```") {
                block = Some((whole.len() - trimmed.len(), language.trim() == "console"));
                first = true;
            }
            continue;
        };
        if trimmed.trim_end() == "```" {
            block = None;
        } else if ours {
            let indented = |line: &str| line.get(indentation..).unwrap_or_default().to_owned();
            let line = indented(whole);
            if let Some(command) = line.strip_prefix("$ ") {
                let mut command = command.to_owned();
                while is_unfinished(&command) {
                    let Some((_, more)) = lines.next() else { break };
                    command.push('\n');
                    command.push_str(&indented(more));
                }
                steps.push(Step {
                    line: number,
                    command,
                    expected: Vec::new(),
                });
                first = false;
            } else if first {
                return Err(format!(
                    "README.md:{number}: a console block starts with `$ `"
                ));
            } else if let Some(step) = steps.last_mut() {
                step.expected.push(line.trim_end().to_owned());
            }
        }
    }
    for step in &mut steps {
        trim(&mut step.expected);
    }
    Ok(steps)
}

/// What to do with a command; `cargo run` becomes the binary that is built already.
fn action(command: &str) -> Result<Action, String> {
    let starts = |prefix: &str| {
        let rest = command.strip_prefix(prefix);
        rest.is_some_and(|it| it.is_empty() || it.starts_with(char::is_whitespace))
    };
    if let Some((_, reason)) = SKIPPED.iter().find(|(prefix, _)| starts(prefix)) {
        return Ok(Action::Skip(reason));
    }
    // `NAME=value ndp-registry …`
    let program = command
        .split_inclusive(char::is_whitespace)
        .take_while(|word| word.split_once('=').is_some_and(|(name, _)| is_name(name)))
        .map(str::len)
        .sum();
    let (settings, program) = command.split_at(program);
    let program = match program.strip_prefix("cargo ") {
        None => program.to_owned(),
        Some(cargo) => match cargo.strip_prefix("run").map(|it| it.split_once(" -- ")) {
            Some(Some((_, arguments))) => format!("ndp-registry {arguments}"),
            _ => {
                return Err(format!(
                    "`{command}` is not known to tests/it/repository/readme.rs"
                ));
            }
        },
    };
    let mut words = program.split_whitespace();
    if (words.next(), words.next()) != (Some("ndp-registry"), Some("serve")) {
        return Ok(Action::Run(format!("{settings}{program}")));
    }
    let mut serve = program
        .trim_end_matches(['&', ' '])
        .replace(README_PORT, ":0");
    if serve == program.trim_end_matches(['&', ' ']) {
        serve = format!("{serve} {LISTEN}");
    }
    Ok(Action::Serve(format!("{settings}{serve}")))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '_')
}

/// Runs them in order, up to the first that does not do what the README shows.
fn run(steps: &[Step], programs: &[(&str, PathBuf)]) -> Result<(), String> {
    let mut session = Session::start(programs);
    // the server beside the shell, and `:port`
    let mut server: Option<(Process, String)> = None;
    for step in steps {
        let complain = |what: String| format!("{}: $ {}\n{what}", step.line, step.command);
        let here = |text: &str| match &server {
            Some((_, port)) => text.replace(README_PORT, port),
            None => text.to_owned(),
        };
        match action(&step.command).map_err(complain)? {
            Action::Skip(_) => {}
            Action::Run(command) => {
                let (got, status) = session.run(&here(&command)).map_err(complain)?;
                let expected: Vec<_> = step.expected.iter().map(|line| here(line)).collect();
                let failed = (status != 0) != shows_an_error(&expected);
                let other = !expected.is_empty() && !matches(&expected, &got);
                if failed || other {
                    let mut what = format!("exit status {status}\nexpected:\n");
                    expected
                        .iter()
                        .for_each(|line| writeln!(what, "  {line}").unwrap());
                    what.push_str("got:\n");
                    got.iter()
                        .for_each(|line| writeln!(what, "  {line}").unwrap());
                    return Err(complain(what));
                }
            }
            Action::Serve(command) => {
                // First end the old server: it may have the same files open. Use TERM, not the INT
                // that Ctrl-C sends: programs ignore INT when the tests run in the background.
                if let Some((old, _)) = server.take() {
                    old.signal(Signal::Term);
                    old.wait(BOUND);
                }
                let process = session.serve(&command).map_err(complain)?;
                let line = process.wait_for_line(LISTENING, BOUND);
                let port = last_port(&line)
                    .ok_or_else(|| complain(format!("no port in its line `{line}`")))?;
                for expected in step.expected.iter().filter(|line| !line.is_empty()) {
                    let expected = expected.replace(README_PORT, &port);
                    let wanted = format!("the README's line `{expected}`");
                    process.wait_for_lines(&wanted, BOUND, |lines| {
                        let here = |(_, line): &&(_, String)| line_matches(&expected, line);
                        (expected.trim() == "...")
                            .then_some(())
                            .or(lines.iter().find(here).map(|_| ()))
                    });
                }
                server = Some((process, port));
            }
        }
    }
    Ok(())
}

/// Whether the README means the command to fail: grpcurl says `ERROR:`, our own `error:`.
fn shows_an_error(expected: &[String]) -> bool {
    expected
        .iter()
        .any(|line| line.starts_with("ERROR:") || line.starts_with("error:"))
}

/// `:41234` of `listening on 127.0.0.1:41234`.
fn last_port(line: &str) -> Option<String> {
    line.rsplit(':').find_map(|rest| {
        let digits = rest
            .find(|it: char| !it.is_ascii_digit())
            .unwrap_or(rest.len());
        let port: u16 = rest[..digits].parse().ok()?;
        (port != 0).then(|| format!(":{port}"))
    })
}

/// A bash that keeps its directory and variables from command to command.
struct Session {
    bash: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    number: usize,
    _directory: TempDir,
}

impl Session {
    /// In an empty directory with the folders of the clone, these programs first in `PATH`.
    fn start(programs: &[(&str, PathBuf)]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("ndp-readme-")
            .tempdir()
            .unwrap();
        let bin = directory.path().join("bin");
        let clone = directory.path().join("ndp-registry");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&clone).unwrap();
        for (name, program) in programs {
            symlink(program, bin.join(name)).unwrap();
        }
        for folder in FOLDERS {
            let original = tools::repository().join(folder);
            assert!(original.is_dir(), "{folder}");
            symlink(original, clone.join(folder)).unwrap();
        }
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        clear_settings(&mut command);
        command
            .args(["--noprofile", "--norc"])
            .current_dir(&clone)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", directory.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            // a group of its own, ended as one
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut bash = command.spawn().expect("bash starts");
        let mut stdin = bash.stdin.take().unwrap();
        stdin.write_all(b"exec 2>&1\n").unwrap();
        let mut stdout = BufReader::new(bash.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut line = Vec::new();
            while stdout
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line)
                    .trim_end_matches('\n')
                    .to_owned();
                if sender.send(text).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Self {
            bash,
            stdin,
            lines,
            number: 0,
            _directory: directory,
        }
    }

    /// The lines a command prints, and its exit status.
    fn run(&mut self, command: &str) -> Result<(Vec<String>, i32), String> {
        self.number += 1;
        let end = format!("end of command {} of the README", self.number);
        let quoted = command.replace('\'', r"'\''");
        // a line break of our own first: the output may end without one
        let typed = format!("eval '{quoted}' </dev/null; printf '\\n{end}: %d\\n' $?\n");
        self.stdin
            .write_all(typed.as_bytes())
            .map_err(|error| error.to_string())?;
        let mut got = Vec::new();
        loop {
            let line = self.lines.recv_timeout(BOUND).map_err(|error| {
                format!(
                    "no end of it within {BOUND:?} ({error}); so far:\n{}",
                    got.join("\n")
                )
            })?;
            if let Some(status) = line.strip_prefix(&end).and_then(|it| it.strip_prefix(": ")) {
                trim(&mut got);
                return Ok((
                    got,
                    status
                        .parse()
                        .map_err(|_| format!("exit status {status}"))?,
                ));
            }
            got.push(line.trim_end().to_owned());
        }
    }

    /// Starts a command beside the shell, where the shell is and with what it exports.
    fn serve(&mut self, command: &str) -> Result<Process, String> {
        let directory = self.run("pwd")?.0.join("\n");
        let exported = self.run("env -0")?.0.join("\n");
        let mut bash = Command::new("bash");
        bash.args([
            "--noprofile",
            "--norc",
            "-c",
            &format!("exec env {command}"),
        ])
        .current_dir(directory)
        .env_clear()
        .envs(exported.split('\0').filter_map(|it| it.split_once('=')));
        Ok(Process::spawn(bash))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // also kills the processes that the shell still runs
        let kill = format!("kill -KILL -{}", self.bash.id());
        drop(
            Command::new("/bin/sh")
                .args(["-c", &kill])
                .stderr(Stdio::null())
                .status(),
        );
        drop(self.bash.wait());
    }
}

fn trim(lines: &mut Vec<String>) {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
}

/// Whether the output is what the README shows.
fn matches(expected: &[String], got: &[String]) -> bool {
    match expected {
        [] => got.is_empty(),
        [any, rest @ ..] if any.trim() == "..." => {
            (0..=got.len()).any(|skipped| matches(rest, &got[skipped..]))
        }
        [line, rest @ ..] => got
            .split_first()
            .is_some_and(|(g, more)| line_matches(line, g) && matches(rest, more)),
    }
}

fn line_matches(expected: &str, got: &str) -> bool {
    let Some((start, rest)) = expected.split_once("...") else {
        return expected == got;
    };
    let Some(got) = got.strip_prefix(start) else {
        return false;
    };
    let ends = got.char_indices().map(|(at, _)| at).chain([got.len()]);
    ends.into_iter().any(|at| line_matches(rest, &got[at..]))
}

/// Runs a test README whose registry is a script.
fn run_synthetic(markdown: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let registry = |name: &str| -> PathBuf {
        let path = directory.path().join(name);
        let script = "#!/bin/sh\n\
            echo \"ndp-registry $* for ${NDP_WHO:-nobody}\"\n\
            [ \"$1\" = serve ] || exit 0\n\
            echo '2026-01-02T03:04:05Z listening on 127.0.0.1:4321' >&2\n\
            echo 'now type: grpcurl -plaintext 127.0.0.1:4321 list'\n\
            exec sleep 600\n";
        write_program(&path, script);
        path
    };
    run(
        &steps(markdown)?,
        &[("ndp-registry", registry("synthetic"))],
    )
}

fn write_program(path: &Path, script: &str) {
    // written by another process: a file that we held open for writing while another test forks
    // could not be executed (ETXTBSY)
    let mut shell = Command::new("/bin/sh");
    let shell = shell
        .args(["-c", "cat >\"$1\" && chmod +x \"$1\"", "write"])
        .arg(path);
    let mut shell = shell.stdin(Stdio::piped()).spawn().unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(shell.wait().unwrap().success());
}

#[test]
fn commands_are_read_from_console_blocks() {
    let markdown = "# One\n\
        ```sh\n$ not this\n```\n\
        ```console\n$ echo a \\\n    b\na b\n\n$ true\n```\n\
        1. in a list\n\
        \u{20}  ```console\n\
        \u{20}  $ echo c\n\
        \u{20}  c\n\
        \u{20}    d\n\
        \u{20}  ```\n";
    let step = |line, command: &str, expected: &[&str]| Step {
        line,
        command: command.to_owned(),
        expected: expected.iter().map(|&it| it.to_owned()).collect(),
    };
    assert_eq!(
        steps(markdown).unwrap(),
        [
            step(6, "echo a \\\n    b", &["a b"]),
            step(10, "true", &[]),
            step(14, "echo c", &["c", "  d"]),
        ]
    );
    let error = steps("```console\nls\n```").unwrap_err();
    assert_eq!(error, "README.md:2: a console block starts with `$ `");
}

#[test]
fn each_command_is_known() {
    let serve = |text: &str| Ok(Action::Serve(text.to_owned()));
    let run = |text: &str| Ok(Action::Run(text.to_owned()));
    assert_eq!(
        action("cargo run --release -- serve"),
        serve("ndp-registry serve --listen 127.0.0.1:0")
    );
    assert_eq!(
        action("NDP_A=1 ndp-registry serve --listen 0.0.0.0:50051 &"),
        serve("NDP_A=1 ndp-registry serve --listen 0.0.0.0:0")
    );
    assert_eq!(
        action("cargo run -- admin key create 'a  b'"),
        run("ndp-registry admin key create 'a  b'")
    );
    assert_eq!(
        action("A=1 B=2 cargo run -- admin verify"),
        run("A=1 B=2 ndp-registry admin verify")
    );
    assert_eq!(action("ls | wc -l"), run("ls | wc -l"));
    assert_eq!(
        action("tests/run postgres"),
        Ok(Action::Skip("it runs this very test"))
    );
    assert!(action("cargo bench").is_err());
    assert!(action("cargo run").is_err());
}

#[test]
fn dots_stand_for_anything() {
    let matches = |expected: &str, got: &str| {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        matches(&lines(expected), &lines(got))
    };
    assert!(matches("a\nb", "a\nb"));
    assert!(!matches("a\nb", "a\nb\nc"));
    assert!(!matches("a\nb\nc", "a\nb"));
    assert!(matches("a\n...\nd", "a\nb\nc\nd"));
    assert!(matches("a\n  ...\nd", "a\nd"));
    assert!(!matches("a\n...\nd", "a\nb\nc"));
    assert!(matches("etag: \"...\", x", "etag: \"đ1\", x"));
    assert!(matches("... b ... b", "a b b b"));
    assert!(!matches("a...c", "abcd"));
}

#[test]
fn a_synthetic_readme_runs() {
    let done = run_synthetic(
        "```console\n\
         $ tests/run\n\
         anything at all\n\
         $ export NDP_WHO='a reader'\n\
         $ mkdir here && cd here\n\
         $ cargo run --release -- serve --data x\n\
         ndp-registry serve --data x --listen 127.0.0.1:0 for a reader\n\
         now type: grpcurl -plaintext 127.0.0.1:50051 list\n\
         $ basename $PWD; echo localhost:50051\n\
         here\n\
         localhost:4321\n\
         $ cat\n\
         $ ndp-registry get 127.0.0.1:50051\n\
         ndp-registry get 127.0.0.1:50051 for ...\n\
         $ echo 'ERROR:' >&2; printf '  Code: NotFound'; (exit 69)\n\
         ERROR:\n\
         ...Code: NotFound\n\
         $ NDP_WHO=another ndp-registry serve\n\
         ...another\n\
         ```\n",
    );
    done.unwrap();
}

#[test]
fn a_command_that_does_something_else_is_shown() {
    let error = run_synthetic("text\n```console\n$ echo a; exit_with 3\nb\n```").unwrap_err();
    assert!(
        error.starts_with("3: $ echo a; exit_with 3\nexit status 127\nexpected:\n  b\ngot:\n  a\n")
    );
    let error = run_synthetic("```console\n$ (exit 4)\n```").unwrap_err();
    assert!(error.contains("exit status 4"), "{error}");
    let error = run_synthetic("```console\n$ echo error: none\nerror: none\n```").unwrap_err();
    assert!(error.contains("exit status 0"), "{error}");
    let error = run_synthetic("```console\n$ exit 4\n```").unwrap_err();
    assert!(error.contains("no end of it"), "{error}");
    let error = run_synthetic("```console\n$ echo 'open\n```").unwrap_err();
    assert!(error.contains("exit status"), "{error}");
}
