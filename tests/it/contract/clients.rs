//! The clients under `clients/`: each is built from the protos with the commands of its README, and
//! does against a live server what a ministry's system needs. A proxy between client and server
//! lets a test cut the connection.
//!
//! What they print is compared with what the server answers the test itself. A client whose
//! language the machine lacks is left out, as other tools are.

mod build;
mod proxy;

use std::{fmt::Write as _, fs, time::Duration};

use ndp_registry::pb::{self, change_service_client::ChangeServiceClient};
use tokio::task::block_in_place;
use tonic::Response;
use tonic_types::StatusExt;

use self::{
    build::Client,
    proxy::{Fate, Proxy},
};
use crate::{
    faults::{AGENCY, PLATFORM, Served, command, create, rename},
    harness::{
        Engine,
        certificates::Authority,
        process::{Process, Signal, Stream},
        server::{As, Clients},
        tools::{self, repository},
    },
};

/// A guard against waiting for ever: a Chromium or a Java on a busy machine takes its time.
const BOUND: Duration = Duration::from_secs(300);

static GO: Client = Client::new("go", &["./ndp-client"], &[tools::go, tools::buf]);
static PYTHON: Client = Client::new("python", &[".venv/bin/python", "main.py"], &[tools::python]);
static JAVA: Client = Client::new(
    "java",
    &["java", "-jar", "target/ndp-client.jar"],
    &[tools::maven],
);
static TYPESCRIPT: Client =
    Client::new("typescript", &["node", "dist/src/main.js"], &[tools::node]);

/// Every client is put to the same tests.
macro_rules! in_each_language {
    ($($test:ident),+ $(,)?) => {
        in_each_language!(@ go GO, $($test),+);
        in_each_language!(@ python PYTHON, $($test),+);
        in_each_language!(@ java JAVA, $($test),+);
        in_each_language!(@ typescript TYPESCRIPT, $($test),+);
    };
    (@ $language:ident $client:ident, $($test:ident),+) => {
        mod $language {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if tokio::task::block_in_place(|| super::$client.build()).is_some() {
                        super::$test(&super::$client).await;
                    }
                }
            )+
        }
    };
}

in_each_language!(
    lists_all_pages,
    does_nothing_twice_when_answers_are_lost,
    tells_what_an_error_says_in_vietnamese,
    watches_across_restarts_each_change_once,
    tells_that_the_log_diverged,
    says_which_server_does_not_answer,
    speaks_tls_and_shows_its_certificate,
);

/// Those that keep a checkpoint, and refuse a log that does not continue it.
mod keeping {
    use super::{GO, PYTHON, refuses_another_history};

    in_each_language!(@ go GO, refuses_another_history);
    in_each_language!(@ python PYTHON, refuses_another_history);
}

/// A registry that can be restarted under its clients, with the key of an editor.
struct Registry {
    engine: Engine,
    proxy: Proxy,
    key: String,
    /// Options of `serve`, and the one that runs.
    options: Vec<String>,
    served: Option<Served>,
}

impl Registry {
    /// A registry that is not started yet; connections to it wait until it is.
    async fn new() -> Self {
        let engine = Engine::sqlite();
        let editor = ["--principal", "editor", "--role", "agency_editor"];
        let arguments = [&["admin", "key", "create", "--agency", AGENCY][..], &editor].concat();
        let (code, key, said) = command(&arguments, &engine.url());
        assert_eq!(code, Some(0), "{said}");
        Self {
            engine,
            proxy: Proxy::start().await,
            key: key.trim().to_owned(),
            options: Vec::new(),
            served: None,
        }
    }

    async fn started() -> Self {
        let mut registry = Self::new().await;
        registry.start().await;
        registry
    }

    async fn start(&mut self) {
        let options: Vec<_> = self.options.iter().map(String::as_str).collect();
        let served = Served::start_with(&self.engine.url(), &options).await;
        self.proxy.lead_to(Some(served.address.clone()));
        self.served = Some(served);
    }

    async fn restart(&mut self, signal: Signal) {
        self.proxy.lead_to(None);
        let served = self.served.take().unwrap();
        served.process.signal(signal);
        block_in_place(|| served.process.wait(BOUND));
        self.start().await;
    }

    /// The test's own way to it, as the editor.
    fn editor(&self) -> Clients {
        self.served.as_ref().unwrap().clients(&As::key(&self.key))
    }

    /// Starts a client with these arguments.
    fn client(&self, client: &Client, arguments: &[&str]) -> Process {
        let mut command = client.command(&self.proxy.url, &self.key).unwrap();
        command.args(arguments);
        Process::spawn(command)
    }

    /// Each platform as clients print it.
    async fn platforms(&self) -> Vec<String> {
        let request = pb::ListPlatformsRequest {
            page_size: 1000,
            ..Default::default()
        };
        let all = self.editor().catalogue.list_platforms(request).await;
        let platforms = all.unwrap().into_inner().platforms;
        let line = |it: pb::Platform| format!("{} {}", it.name, it.display_name);
        let lines: Vec<_> = platforms.into_iter().map(line).collect();
        // more than a page has unless it is asked for more
        assert!(lines.len() > 50, "{} platforms", lines.len());
        lines.iter().map(|it| it.trim_end().to_owned()).collect()
    }

    /// What the log has of a plan, as clients print it but for the rest of the position.
    async fn changes_of(&self, plan: &str) -> Vec<String> {
        let request = pb::ListChangesRequest {
            filter: format!("resources:\"{plan}\""),
            page_size: 1000,
            ..Default::default()
        };
        let channel = self.served.as_ref().unwrap().channel.clone();
        let mut client = ChangeServiceClient::with_interceptor(channel, As::key(&self.key));
        let page = client.list_changes(request).await.unwrap();
        let changes = page.into_inner().changes;
        let line = |it: &pb::Change| format!("{} {} {plan}", it.revision, it.method);
        changes.iter().map(line).collect()
    }

    /// What clients print of the refusal of [`REFUSED`] after its first line.
    async fn refusal(&self) -> String {
        let [parent, plan_id, display_name] = REFUSED.map(str::to_owned);
        let request = pb::CreatePlanRequest {
            parent,
            plan_id,
            plan: Some(pb::Plan {
                display_name,
                ..Default::default()
            }),
            ..Default::default()
        };
        let refusal = self.editor().plans.create_plan(request).await.unwrap_err();
        let mut expected = String::new();
        for violation in refusal.get_details_bad_request().unwrap().field_violations {
            let message = violation.localized_message.unwrap().message;
            writeln!(expected, "field {}: {message}", violation.field).unwrap();
        }
        let localized = refusal.get_details_localized_message().unwrap();
        writeln!(expected, "vi: {}", localized.message).unwrap();
        expected
    }
}

/// The position of a response.
fn position_in<T>(response: &Response<T>) -> String {
    let position = response.metadata().get("ndp-position").unwrap();
    position.to_str().unwrap().to_owned()
}

/// A printed change with its revision alone.
fn with_revision(line: &str) -> String {
    let (position, rest) = line.split_once(' ').unwrap();
    let (revision, _) = position.split_once('-').unwrap();
    format!("{revision} {rest}")
}

fn lines(printed: &str) -> Vec<String> {
    printed.lines().map(|it| it.trim_end().to_owned()).collect()
}

async fn lists_all_pages(client: &Client) {
    let registry = Registry::started().await;
    let process = registry.client(client, &["platforms"]);
    let status = block_in_place(|| process.wait(BOUND));
    let printed = process.printed(Stream::Stdout);
    assert!(status.success(), "{}", process.printed(Stream::Stderr));
    assert_eq!(lines(&printed), registry.platforms().await);
}

/// Platform, id and title of a plan that is refused.
const REFUSED: [&str; 3] = [PLATFORM, "Không hợp lệ", ""];

/// What becomes of the answers to CreatePlan, its retry and SubmitPlan.
const LOSSES: [Fate; 3] = [Fate::Lost, Fate::Arrives, Fate::Lost];

async fn does_nothing_twice_when_answers_are_lost(client: &Client) {
    let registry = Registry::started().await;
    registry.proxy.decide(&LOSSES);
    let process = registry.client(
        client,
        &["plan", PLATFORM, "synthetic", "Kế hoạch (synthetic)"],
    );
    let status = block_in_place(|| process.wait(BOUND));
    assert!(status.success(), "{}", process.printed(Stream::Stderr));
    assert_eq!(registry.proxy.undone(), 0, "no answer was lost");
    let plan = format!("{PLATFORM}/plans/synthetic");
    let printed = process.printed(Stream::Stdout);
    assert_eq!(printed.trim_end(), format!("{plan} SUBMITTED"));
    let changes = registry.changes_of(&plan).await;
    let methods: Vec<_> = changes.iter().map(|it| it.split(' ').nth(1)).collect();
    assert_eq!(methods, [Some("CreatePlan"), Some("SubmitPlan")]);
    let get = pb::GetPlanRequest {
        name: plan,
        ..Default::default()
    };
    let plan = registry.editor().plans.get_plan(get).await.unwrap();
    assert_eq!(plan.into_inner().display_name, "Kế hoạch (synthetic)");
}

async fn tells_what_an_error_says_in_vietnamese(client: &Client) {
    let registry = Registry::started().await;
    let expected = registry.refusal().await;
    let process = registry.client(client, &[&["plan"][..], &REFUSED].concat());
    let status = block_in_place(|| process.wait(BOUND));
    let printed = process.printed(Stream::Stderr);
    assert_eq!(status.code(), Some(1), "{printed}");
    assert!(printed.starts_with("error: "), "{printed}");
    assert!(printed.contains(" INVALID_REQUEST: "), "{printed}");
    assert!(
        printed.ends_with(&expected),
        "{printed}is not what was expected:\n{expected}"
    );
}

async fn watches_across_restarts_each_change_once(client: &Client) {
    let mut registry = Registry::started().await;
    let first = registry.editor().plans.create_plan(create("watched")).await;
    let before = position_in(&first.unwrap());
    let process = registry.client(client, &["watch", &before]);
    let expected = restart_under(&mut registry, &process, "watched").await;
    process.signal(Signal::Term);
    block_in_place(|| process.wait(BOUND));
    assert_eq!(lines(&process.printed(Stream::Stdout)), expected);
}

/// A registry that is restored from a backup lacks what was written since: a client that has seen
/// it says so, and does not go on as if nothing had happened.
async fn tells_that_the_log_diverged(client: &Client) {
    let mut registry = Registry::started().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("copy.db");
    let path = file.to_str().unwrap();
    let (code, _, said) = command(&["admin", "backup", path], &registry.engine.url());
    assert_eq!(code, Some(0), "{said}");
    let watching = registry.client(client, &["watch"]);
    let lost = registry.editor().plans.create_plan(create("lost")).await;
    let lost = position_in(&lost.unwrap());
    block_in_place(|| watching.wait_for_line(&lost, BOUND));

    registry.engine = Engine::sqlite();
    let (code, _, said) = command(&["admin", "restore", path], &registry.engine.url());
    assert_eq!(code, Some(0), "{said}");
    registry.restart(Signal::Term).await;
    let resumed = registry.client(client, &["watch", &lost]);
    for process in [watching, resumed] {
        let status = block_in_place(|| process.wait(BOUND));
        let printed = process.printed(Stream::Stderr);
        assert_eq!(status.code(), Some(1), "{printed}");
        assert!(printed.contains(" LOG_DIVERGED: "), "{printed}");
        assert!(
            printed.contains("vi: vị trí này không có trong nhật ký"),
            "{printed}"
        );
    }
}

/// A registry under one name and key, whose log grows, is rewound, and is forked.
async fn refuses_another_history(client: &Client) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (copy, kept) = (path("copy.db"), path("last-checkpoint"));
    let mut registry = Registry::new().await;
    let key = repository().join("tests/fixtures/signing-key");
    let key = key.to_str().unwrap();
    let options = ["--signing-key", key, "--log-origin", "registry.example/log"];
    registry.options = options.map(str::to_owned).into();
    registry.start().await;
    let public = async |registry: &Registry| {
        let channel = registry.served.as_ref().unwrap().channel.clone();
        let mut client = ChangeServiceClient::with_interceptor(channel, As::default());
        let request = pb::GetCheckpointRequest {
            name: "checkpoint".into(),
        };
        let checkpoint = client.get_checkpoint(request).await.unwrap().into_inner();
        (checkpoint.public_keys[0].clone(), checkpoint.tree_size)
    };
    let (key, size) = public(&registry).await;
    let verify = |registry: &Registry, arguments: &[&str]| {
        let arguments = [&["verify", &kept], arguments].concat();
        let process = registry.client(client, &arguments);
        let status = block_in_place(|| process.wait(BOUND));
        (
            status.code(),
            process.printed(Stream::Stdout),
            process.printed(Stream::Stderr),
        )
    };
    let accepts = |registry: &Registry, size: i64| {
        for change in 1..=size {
            let name = format!("changes/{change}");
            let (code, printed, said) = verify(registry, &[&key, &name]);
            assert_eq!(code, Some(0), "{said}");
            assert!(
                printed.starts_with(&format!("{name}\n{size} ")),
                "{printed}"
            );
        }
    };
    accepts(&registry, size);
    let (code, _, said) = command(&["admin", "backup", &copy], &registry.engine.url());
    assert_eq!(code, Some(0), "{said}");
    let write = async |registry: &Registry, id: &str| {
        registry
            .editor()
            .plans
            .create_plan(create(id))
            .await
            .unwrap();
    };
    for id in ["one", "two", "three"] {
        write(&registry, id).await;
    }
    accepts(&registry, size + 3);
    let last = fs::read_to_string(&kept).unwrap();

    // a key that did not sign it
    let other = key.replace("registry.example", "registry.test");
    let (code, _, said) = verify(&registry, &[&other]);
    assert_eq!(code, Some(1), "{said}");

    registry.engine = Engine::sqlite();
    let (code, _, said) = command(&["admin", "restore", &copy], &registry.engine.url());
    assert_eq!(code, Some(0), "{said}");
    registry.restart(Signal::Term).await;
    for (id, found) in [
        ("four", "the log was rewound"),
        ("five", "the log was rewound"),
        ("six", "the log was forked"),
        ("seven", "the log was forked"),
    ] {
        write(&registry, id).await;
        let (code, printed, said) = verify(&registry, &[&key]);
        assert_eq!((code, &*printed), (Some(1), ""), "{said}");
        assert!(
            said.starts_with("error: ") && said.contains(found),
            "{said}"
        );
        assert!(said.contains("as evidence"), "{said}");
        assert_eq!(fs::read_to_string(&kept).unwrap(), last);
    }
}

async fn says_which_server_does_not_answer(client: &Client) {
    // a port that was free a moment ago
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (server, command, wanted) in [
        (
            nowhere.as_str(),
            "platforms",
            "start one with `ndp-registry serve`",
        ),
        (nowhere.as_str(), "watch", "set NDP_SERVER to the URL"),
        (
            "127.0.0.1:50051",
            "platforms",
            "begins with http:// or https://",
        ),
        ("localhost", "platforms", "NDP_SERVER"),
    ] {
        let mut called = client.command(server, "").unwrap();
        called.arg(command);
        let process = Process::spawn(called);
        let status = block_in_place(|| process.wait(BOUND));
        let printed = process.printed(Stream::Stderr);
        assert_eq!(status.code(), Some(1), "{printed}");
        assert!(printed.starts_with("error: "), "{printed}");
        assert!(
            printed.contains(server) && printed.contains(wanted),
            "{printed}"
        );
        // no stack trace follows
        assert_eq!(lines(&printed).len(), 1, "{printed}");
    }
}

/// Over TLS, and over TLS to a server that wants a certificate of its clients.
async fn speaks_tls_and_shows_its_certificate(client: &Client) {
    let authority = Authority::new();
    let server = authority.issue("server", 2099);
    let own = authority.issue("client", 2099);
    let root = authority.root();
    let engine = Engine::sqlite();
    let ca = ["--tls-client-ca", root.to_str().unwrap()];
    for (options, shows) in [(&[][..], false), (&ca, true)] {
        let url = engine.url();
        let serve = ["serve", "--database", &url, "--listen", "127.0.0.1:0"];
        let arguments = [&serve[..], &server.options(), options].concat();
        let served = Process::start(&arguments, &[]);
        let line = block_in_place(|| served.wait_for_line("listening on", BOUND));
        let address = line.rsplit(' ').next().unwrap();
        let mut command = client.command(&format!("https://{address}"), "").unwrap();
        command.arg("platforms").env("NDP_CA", &root);
        // an empty one would be sent
        command.env_remove("NDP_KEY");
        if shows {
            command.env("NDP_CERTIFICATE", &own.certificate);
            command.env("NDP_CERTIFICATE_KEY", &own.key);
        }
        let process = Process::spawn(command);
        let status = block_in_place(|| process.wait(BOUND));
        let said = process.printed(Stream::Stderr);
        assert!(status.success(), "{said}");
        let listed = lines(&process.printed(Stream::Stdout));
        assert!(listed.len() > 50, "{listed:?}");
        served.signal(Signal::Term);
        assert!(block_in_place(|| served.wait(BOUND)).success());
    }
}

/// Changes a plan while a client watches, while the server is away, and while the client comes
/// back; answers the changes as the log has them and clients print them.
async fn restart_under(registry: &mut Registry, watching: &Process, id: &str) -> Vec<String> {
    let plan = format!("{PLATFORM}/plans/{id}");
    let mut expected = Vec::new();
    for signal in [None, Some(Signal::Term), Some(Signal::Kill)] {
        if let Some(signal) = signal {
            registry.restart(signal).await;
        }
        for turn in 0..5 {
            let title = format!("lần sửa {} (synthetic)", expected.len());
            let renamed = registry.editor().plans.update_plan(rename(id, title)).await;
            let line = format!("{} UpdatePlan {plan}", position_in(&renamed.unwrap()));
            expected.push(line.clone());
            // it surely watches now and, at the last, has seen all there is
            if turn == 1 || turn == 4 {
                block_in_place(|| watching.wait_for_line(&line, BOUND));
            }
        }
    }
    let log = registry.changes_of(&plan).await;
    let updates = |it: &String| it.contains(" UpdatePlan ");
    assert_eq!(
        log.into_iter().filter(updates).collect::<Vec<_>>(),
        expected
            .iter()
            .map(|it| with_revision(it))
            .collect::<Vec<_>>()
    );
    expected
}

/// The page of the TypeScript client in a real browser: it lists, writes although answers are
/// lost, shows a refusal, and watches across restarts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_in_chromium_lists_writes_and_watches() {
    let Some(chromium) = tools::chromium() else {
        return;
    };
    if block_in_place(|| TYPESCRIPT.build()).is_none() {
        return;
    }
    let mut registry = Registry::new().await;
    registry.proxy.decide(&LOSSES);
    let (url, key) = (&registry.proxy.url, &registry.key);
    let mut browser = TYPESCRIPT
        .run("node", &["web/browser.mjs"], url, key)
        .unwrap();
    browser
        .env("CHROMIUM", chromium)
        .args([PLATFORM, "synthetic", "Kế hoạch (synthetic)"])
        .args(REFUSED);
    let browser = Process::spawn(browser);
    let page = block_in_place(|| browser.wait_for_line("page: ", BOUND));
    // the registry has to know the page before it may be called from there
    let origin = page.strip_prefix("page: ").unwrap().to_owned();
    registry.options = vec!["--web-origin".into(), origin];
    registry.start().await;

    let refusal = registry.refusal().await;
    let last = format!("plan: {}", refusal.lines().next_back().unwrap());
    block_in_place(|| browser.wait_for_line(&last, BOUND));
    assert_eq!(registry.proxy.undone(), 0, "no answer was lost");
    let of = |kind: &str| -> Vec<String> {
        let printed = lines(&browser.printed(Stream::Stdout));
        let of_kind = printed.iter().filter_map(|it| it.strip_prefix(kind));
        of_kind.map(str::to_owned).collect()
    };
    assert_eq!(of("platforms: "), registry.platforms().await);
    let plan = format!("{PLATFORM}/plans/synthetic");
    let said = of("plan: ");
    assert_eq!(said[0], format!("{plan} SUBMITTED"));
    assert!(said[1].contains(" INVALID_REQUEST: "), "{}", said[1]);
    assert_eq!(said[2..].join("\n") + "\n", refusal);
    let log = registry.changes_of(&plan).await;
    let methods: Vec<_> = log.iter().map(|it| it.split(' ').nth(1)).collect();
    assert_eq!(methods, [Some("CreatePlan"), Some("SubmitPlan")]);

    let created = registry.editor().plans.create_plan(create("watched")).await;
    let line = format!("{} CreatePlan", position_in(&created.unwrap()));
    block_in_place(|| browser.wait_for_line(&line, BOUND));
    let expected = restart_under(&mut registry, &browser, "watched").await;
    let changes = of("changes: ");
    let updates = |it: &&String| it.contains(" UpdatePlan ");
    assert_eq!(
        changes.iter().filter(updates).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
    browser.signal(Signal::Term);
    assert!(block_in_place(|| browser.wait(BOUND)).success());
}

#[test]
fn each_readme_tells_how_to_run_its_client() {
    for client in [&GO, &PYTHON, &JAVA, &TYPESCRIPT] {
        let path = repository().join("clients").join(client.folder);
        let readme = fs::read_to_string(path.join("README.md")).unwrap();
        for what in ["platforms", "plan platforms/", "watch"] {
            let wanted = format!("{} {what}", client.program.join(" "));
            let received = |line: &str| line.starts_with("$ ") && line.contains(&wanted);
            assert!(readme.lines().any(received), "{}: {wanted}", client.folder);
        }
    }
}

/// What the page shows of a client is in it, line by line.
#[test]
fn the_page_shows_the_clients_own_code() {
    let page = fs::read_to_string(repository().join("docs/clients.md")).unwrap();
    for (language, file) in [
        ("go", "go/registry.go"),
        ("python", "python/registry.py"),
        ("java", "java/src/main/java/ndpclient/Errors.java"),
        ("ts", "typescript/src/registry.ts"),
    ] {
        let source = fs::read_to_string(repository().join("clients").join(file)).unwrap();
        let unindented = |text: &str| {
            let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
            lines.collect::<Vec<_>>().join("\n")
        };
        let (_, shown) = page.split_once(&format!("```{language}\n")).unwrap();
        let (shown, _) = shown.split_once("```").unwrap();
        let found = unindented(&source).contains(&unindented(shown));
        assert!(
            found,
            "clients/{file} is not as docs/clients.md shows it:\n{shown}"
        );
    }
}
