//! The pages in a real Chromium: accessibility rules, nothing from elsewhere, nothing wider than
//! the window, one sheet of A4, and live without having been loaded again.

use std::{process::Command, time::Duration};

use ndp_core::records::principals::Role;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{
    PAGES,
    forms::{key, programme, task},
};
use crate::{
    harness::{
        Engine,
        golden::assert_golden,
        http::send,
        plans::{AGENCY, Cast},
        process::{Process, Stream},
        server::Server,
        tools,
    },
    operations::demo,
};

const BOUND: Duration = Duration::from_secs(600);

/// Pages of single records of the shipped catalogue.
const OF_CATALOGUE: [&str; 3] = [
    "/platforms/ndp-001",
    "/agencies/bo-cong-an",
    "/editions/2618-qd-bkhcn",
];

fn browse(server: &Server, asks: &[Value]) -> Option<Process> {
    let (node, folder, chromium) = (tools::node()?, tools::dashboard()?, tools::chromium()?);
    let mut command = Command::new(node);
    command.arg(folder.join("browse.mjs")).arg(chromium);
    command.arg(format!("http://{}", server.address));
    command.args(asks.iter().map(Value::to_string));
    Some(Process::spawn(command))
}

/// Checks that nothing is wrong with what was looked at.
fn check(process: &Process, asks: &[Value]) -> Vec<Value> {
    block_in_place(|| process.wait(BOUND));
    let printed = process.printed(Stream::Stdout);
    let answers: Vec<Value> = printed
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(answers.len(), asks.len(), "{printed}");
    let mut wrong = Vec::new();
    for (asked, answer) in asks.iter().zip(&answers) {
        let fine = answer["error"].is_null()
            && answer["status"] == 200
            && answer["lang"] == asked["language"]
            && answer["violations"] == json!([])
            && answer["errors"] == json!([])
            && answer["outside"] == json!([])
            && answer["wide"].as_i64().is_some_and(|it| it <= 0)
            && (asked["print"].is_null() || answer["pages"] == 1);
        if !fine {
            wrong.push(format!("{asked}: {answer:#}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    answers
}

/// Both languages, a phone and a desktop, light and dark, with and without script: each page in
/// two of these, so that each of them meets every page of the other kind.
fn asks<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    let mut asks = Vec::new();
    for (at, path) in paths.into_iter().enumerate() {
        let odd = at % 2 == 1;
        for (width, language, script) in [(390, "vi", odd), (1280, "en", !odd)] {
            asks.push(json!({
                "path": path, "width": width, "language": language, "script": script,
                "dark": odd == (width == 390),
            }));
        }
    }
    asks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_the_catalogue_keep_the_rules_of_accessibility() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let asks = asks(PAGES.into_iter().chain(OF_CATALOGUE));
    if let Some(process) = browse(&server, &asks) {
        check(&process, &asks);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_the_demo_keep_the_rules_of_accessibility() {
    let engine = Engine::sqlite();
    let server = demo::made(&engine.url()).await;
    let first = async |kind: &str| {
        let path = format!("GET /v1/{kind}?pageSize=1");
        let answer = send(&server.address, &path, &[], "").await;
        let name = answer.json()[kind][0]["name"].as_str().unwrap().to_owned();
        format!("/{name}")
    };
    let mut paths = Vec::new();
    for kind in [
        "tasks",
        "indicators",
        "recommendations",
        "agencies",
        "editions",
        "programmes",
        "figures",
    ] {
        paths.push(first(kind).await);
    }
    let plans = "GET /v1/platforms/-/plans?pageSize=1&filter=state%3DISSUED";
    let plans = send(&server.address, plans, &[], "").await.json();
    let plan = plans["plans"][0]["name"].as_str().unwrap();
    let platform = plan.split('/').take(2).collect::<Vec<_>>().join("/");
    paths.push(format!("/{platform}"));
    let paths: Vec<_> = PAGES
        .into_iter()
        .chain(paths.iter().map(|it| &**it))
        .collect();
    let mut asks = asks(paths.iter().copied());
    // each is one sheet of A4
    for (at, path) in paths.into_iter().enumerate() {
        let language = ["vi", "en"][at % 2];
        asks.push(json!({"path": path, "language": language, "print": true}));
    }
    asks.push(json!({"path": "/", "language": "vi", "width": 2560, "height": 1440}));
    if let Some(process) = browse(&server, &asks) {
        check(&process, &asks);
    }
    server.stop().await;
}

/// What a screen reader says of the first page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_page_reads_in_vietnamese() {
    let engine = Engine::sqlite();
    let server = demo::made(&engine.url()).await;
    let asks = [json!({"path": "/", "language": "vi", "tree": true, "script": false})];
    if let Some(process) = browse(&server, &asks) {
        let answers = check(&process, &asks);
        let tree = answers[0]["tree"].as_str().unwrap();
        assert_golden("dashboard-first-page.txt", &format!("{tree}\n"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_follows_the_writes_of_others() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let steward = server.raw(server.person("keeper", &[Role::Steward], None).await);
    let text = "Tên do bên khác vừa ghi";
    let asks = [json!({"follow": "/agencies/bo-cong-an", "text": text})];
    if let Some(process) = browse(&server, &asks) {
        block_in_place(|| process.wait_for_line("following", BOUND));
        steward
            .ok(
                "UpdateAgency",
                json!({
                    "agency": {"name": "agencies/bo-cong-an", "display_name": text},
                    "update_mask": "displayName",
                }),
            )
            .await;
        let seen = block_in_place(|| process.wait_for_line("seen", BOUND));
        let seen: Value = serde_json::from_str(&seen).unwrap();
        assert_eq!(seen["same"], true, "the page was not loaded again");
    }
    server.stop().await;
}

/// A whole way of a person without a script: signs in with a key, reports a task, and is at its
/// page, which says so. Each page on it keeps the rules of accessibility.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_reported_without_a_script() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let cast = Cast::new(&server).await;
    programme(&cast).await;
    for (id, width) in [("mot", 390), ("hai", 1280)] {
        let name = task(&cast, id).await;
        let editor = server
            .person(&format!("editor-{id}"), &[Role::AgencyEditor], Some(AGENCY))
            .await;
        let asks = [json!({"width": width, "language": "vi", "way": [
            ["go", format!("/sign-in?return=/{name}")],
            ["look"],
            ["type", "#key", key(&editor)],
            ["press", "main form button"],
            ["look"],
            ["press", "a.act"],
            ["look"],
            ["type", "#f-evidence-0--document-uri", "không phải địa chỉ"],
            ["type", "#f-note", "Đã bàn giao"],
            ["press", ".act-form .main"],
            ["look"],
            ["go", format!("/{name}:report")],
            ["type", "#f-note", "Đã bàn giao"],
            ["press", ".act-form .main"],
            ["look"],
            ["press", ".act-form .main"],
            ["look"],
            ["go", "/work"],
            ["look"],
        ]})];
        let Some(process) = browse(&server, &asks) else {
            break;
        };
        block_in_place(|| process.wait(BOUND));
        let printed = process.printed(Stream::Stdout);
        let answer: Value = serde_json::from_str(printed.lines().next().unwrap()).unwrap();
        assert_eq!(answer["error"], Value::Null, "{answer:#}");
        let looks = answer["looks"].as_array().unwrap();
        for look in looks {
            assert_eq!(look["violations"], json!([]), "{look:#}");
            assert!(look["wide"].as_i64().unwrap() <= 0, "{look:#}");
        }
        let texts: Vec<_> = looks
            .iter()
            .map(|it| it["text"].as_str().unwrap())
            .collect();
        for (at, text) in [
            (0, "Khóa API"),
            (1, "Báo cáo hoàn thành nhiệm vụ"),
            (2, "Kết quả đạt được"),
            (3, "Chưa gửi được"),
            (4, "Những gì sẽ thay đổi"),
            (5, "Đã ghi: Báo cáo hoàn thành nhiệm vụ"),
            (6, "Việc của tôi"),
        ] {
            assert!(texts[at].contains(text), "{at}: {}", texts[at]);
        }
        let task = cast.steward.ok("GetTask", json!({"name": name})).await;
        assert_eq!(task["report"]["note"], "Đã bàn giao");
    }
    server.stop().await;
}
