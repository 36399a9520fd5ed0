//! The pages of the dashboard: what they answer over HTTP, that they show what their caller may see
//! and keep their answer, and how they are in a real browser, on the shipped catalogue and on the
//! demo.

mod browser;
mod forms;
mod large;

use std::collections::{BTreeSet, VecDeque};

use ndp_core::records::principals::Role;
use ndp_registry::{
    catalogue::OPENING_EDITION,
    config::{Limits, ServerOptions},
};
use serde_json::json;

use crate::{
    harness::{
        Engine, both,
        http::{Answer, send},
        plans::AGENCY,
        server::{As, Server},
    },
    operations::demo,
};

/// Each page that needs no record.
pub(super) const PAGES: [&str; 18] = [
    "/",
    "/platforms",
    "/agencies",
    "/tasks",
    "/indicators",
    "/recommendations",
    "/editions",
    "/weekly",
    "/changes",
    "/attention",
    "/figures",
    "/plans",
    "/milestones",
    "/deployments",
    "/flows",
    "/programmes",
    "/about",
    "/search?q=dinh+danh",
];

/// Most bytes of a page.
const BYTES_MAX: usize = 100 * 1024;

/// Links that are followed from one page to the next.
const FOLLOWED: usize = 150;

async fn get(server: &Server, path: &str) -> Answer {
    send(&server.address, &format!("GET {path}"), &[], "").await
}

/// The addresses of this server in a page.
fn links(page: &str) -> impl Iterator<Item = String> {
    let parts = page.split(" href=\"").skip(1);
    let links = parts.filter_map(|it| it.split('"').next());
    links
        .filter(|it| it.starts_with('/'))
        .map(|it| it.replace("&amp;", "&"))
}

/// Follows the links from the first page: each answers, and says what a page has to say.
async fn walk(server: &Server, synthetic: bool) {
    let mut waiting: VecDeque<String> = PAGES.iter().map(|it| (*it).to_owned()).collect();
    let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
    // one page of a kind is followed to the others
    let mut kinds = BTreeSet::new();
    let mut read = 0;
    while let Some(path) = waiting.pop_front() {
        let answer = get(server, &path).await;
        assert!(
            answer.status == 200 || answer.status == 303,
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
        let others = ["/v1/", "/assets/", "/openapi.json", "/sign-in"];
        if others.iter().any(|it| path.starts_with(it)) {
            continue;
        }
        read += 1;
        if answer.status == 303 {
            continue;
        }
        let page = answer.text();
        assert!(page.len() < BYTES_MAX, "{path}: {} bytes", page.len());
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"vi\">") || path.contains("lang=en"));
        assert_eq!(page.contains("class=\"synthetic\""), synthetic, "{path}");
        assert!(
            !page.contains("style=\""),
            "{path}: a style within the page"
        );
        assert!(
            !page.contains("UNSPECIFIED"),
            "{path}: a value without a word"
        );
        for link in links(page) {
            let parts: Vec<_> = link.splitn(3, ['/', '?']).collect();
            let kind = parts[1].to_owned();
            let many = kinds.iter().filter(|(it, _)| *it == kind).count();
            if known.len() < FOLLOWED && many < 12 && known.insert(link.clone()) {
                kinds.insert((kind, link.clone()));
                waiting.push_back(link);
            }
        }
    }
    assert!(read > 60, "{read}");
}

both! {
    async fn every_link_of_the_catalogue_answers(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        walk(&server, false).await;
        server.stop().await;
    }

    async fn every_link_of_the_demo_answers(engine: Engine) {
        let server = demo::made(&engine.url()).await;
        walk(&server, true).await;
        server.stop().await;
    }

    async fn a_link_keeps_its_answer(engine: Engine) {
        let server = demo::made(&engine.url()).await;
        let lasting = get(&server, "/?known=now").await;
        assert_eq!(lasting.status, 303);
        let lasting = lasting.header("location").unwrap().to_owned();
        assert!(lasting.contains("known=2026-10-01T02%3A00%3A00"), "{lasting}");
        server.clock.advance(60);
        let revision = server.registry.read().state.revision().get();
        let mut kept = vec![lasting];
        let first = async |kind: &str| {
            let answer = get(&server, &format!("/v1/{kind}?pageSize=1")).await.json();
            format!("/{}", answer[kind][0]["name"].as_str().unwrap())
        };
        let mut paths = ["/", "/changes", "/tasks", "/agencies", "/platforms"].map(str::to_owned);
        kept.extend(paths.iter_mut().map(|path| format!("{path}?known={revision}&lang=vi")));
        for kind in [
            "platforms", "agencies", "tasks", "indicators", "recommendations", "programmes",
            "figures", "editions",
        ] {
            let path = first(kind).await;
            kept.push(format!("{path}?known={revision}&lang=vi"));
            kept.push(format!("{path}?date=2026-09-15&known={revision}&lang=vi"));
        }
        for path in PAGES {
            let more = if path.contains('?') { '&' } else { '?' };
            kept.push(format!("{path}{more}date=2026-09-15&known={revision}&lang=en"));
        }
        let mut before = Vec::new();
        for path in &kept {
            let answer = get(&server, path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            before.push(answer.body);
        }
        let now = get(&server, "/changes").await.body;
        server.person("someone", &[Role::Auditor], None).await;
        let steward = server.raw(server.person("keeper", &[Role::Steward], None).await);
        steward.ok("CreateAgency", json!({
            "agency_id": "sau-nay", "agency": {"display_name": "Cơ quan ghi sau", "kind": "OTHER"},
        })).await;
        server.clock.advance(3 * 86_400);
        for (path, before) in kept.iter().zip(before) {
            let after = get(&server, path).await;
            assert_eq!(String::from_utf8(before).unwrap(), after.text(), "{path}");
        }
        assert_ne!(get(&server, "/changes").await.body, now);
        server.stop().await;
    }

    async fn a_page_answers_for_another_day_or_says_that_it_does_not(engine: Engine) {
        let server = demo::made(&engine.url()).await;
        let first = async |kind: &str| {
            let answer = get(&server, &format!("/v1/{kind}?pageSize=1")).await.json();
            format!("/{}", answer[kind][0]["name"].as_str().unwrap())
        };
        let day = "Tính đến ngày <strong>15/09/2026</strong>";
        let refusal = "Trang này không trả lời theo ngày 15/09/2026.";
        for path in ["/", "/agencies", "/attention", "/deployments", "/weekly"] {
            let page = get(&server, &format!("{path}?date=2026-09-15")).await;
            assert!(page.text().contains(day), "{path}: {}", page.text());
            assert!(!page.text().contains(refusal), "{path}");
            assert!(page.text().contains("name=\"date\" max"), "{path}");
        }
        for kind in [
            "platforms", "tasks", "indicators", "recommendations", "figures", "editions",
        ] {
            let path = first(kind).await;
            let page = get(&server, &format!("{path}?date=2026-09-15")).await;
            assert!(page.text().contains(refusal), "{path}: {}", page.text());
            assert!(!page.text().contains(day), "{path}");
            assert!(!page.text().contains("name=\"date\" max"), "{path}");
            let page = get(&server, &path).await;
            assert!(!page.text().contains("Trang này không trả lời"), "{path}");
        }
        // counts take a day, records do not: each part says which it is of
        for path in [first("agencies").await, first("programmes").await] {
            let page = get(&server, &format!("{path}?date=2026-09-15")).await;
            assert!(page.text().contains(day), "{path}: {}", page.text());
            let part = "Phần này chỉ có theo dữ liệu của ngày 01/10/2026.";
            assert!(page.text().contains(part), "{path}: {}", page.text());
            assert!(!get(&server, &path).await.text().contains(part), "{path}");
        }
        server.stop().await;
    }

    async fn a_list_in_part_says_how_long_it_is(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let words = "%22uy%22+%22ban%22+%22nhan%22+%22dan%22";
        let agencies = format!("/v1/agencies?pageSize=1000&filter={words}");
        let agencies = get(&server, &agencies).await.json();
        let all = agencies["agencies"].as_array().unwrap().len();
        assert!((21..100).contains(&all), "{all}");
        let page = get(&server, "/search?q=uy+ban+nhan+dan").await;
        let part = format!("Đang hiện 20 trong số {all}.");
        assert!(page.text().contains(&part), "{}", page.text());
        let english = get(&server, "/search?q=uy+ban+nhan+dan&lang=en").await;
        let part = format!("Showing 20 of {all}.");
        assert!(english.text().contains(&part), "{}", english.text());
        let way = links(page.text()).find(|it| it.contains("kind=agencies")).unwrap();
        let page = get(&server, &way).await;
        let count = links(page.text()).filter(|it| it.starts_with("/agencies/")).count();
        assert_eq!(count, all, "{}", page.text());
        let left_out = format!("Không in {} trong số {all} mục.", all - 20);
        assert!(page.text().contains(&left_out), "{}", page.text());
        let figures = get(&server, "/v1/figures?pageSize=1000").await.json();
        let figures = figures["figures"].as_array().unwrap().len();
        assert!(figures > 8, "{figures}");
        let page = get(&server, "/").await;
        let part = format!("Đang hiện 8 trong số {figures}.");
        assert!(page.text().contains(&part), "{part}: {}", page.text());
        // a list of a record stays of that record when it is limited
        let page = get(&server, "/deployments?platform=platforms/ndp-001").await;
        let hidden = "<input type=\"hidden\" name=\"platform\" value=\"platforms/ndp-001\">";
        assert!(page.text().contains(hidden), "{}", page.text());
        server.stop().await;
    }

    async fn a_page_has_a_tag_of_what_it_depends_on(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let reader = server.person("reader", &[Role::Auditor], None).await;
        let first = get(&server, "/platforms").await;
        let tag = first.header("etag").unwrap().to_owned();
        let asked = async |more: &[(&str, &str)]| {
            let mut headers = vec![("if-none-match", &*tag)];
            headers.extend_from_slice(more);
            send(&server.address, "GET /platforms", &headers, "").await.status
        };
        assert_eq!(asked(&[]).await, 304);
        assert_eq!(asked(&[("accept-language", "en")]).await, 200, "another language");
        assert_eq!(asked(&[("authorization", reader.sent())]).await, 200, "another caller");
        server.clock.advance(86_400);
        assert_eq!(asked(&[]).await, 200, "another day");
        let again = get(&server, "/platforms").await;
        assert_ne!(again.header("etag"), Some(&*tag));
        let tag = again.header("etag").unwrap().to_owned();
        server.person("other", &[Role::Auditor], None).await;
        let headers = [("if-none-match", &*tag)];
        let after = send(&server.address, "GET /platforms", &headers, "").await;
        assert_eq!(after.status, 200, "another revision");
        server.stop().await;
    }

    async fn what_is_seen_is_a_file_and_a_number_has_its_bundle(engine: Engine) {
        let server = demo::made(&engine.url()).await;
        let find = |page: &Answer, what: &str| {
            let found = links(page.text()).find(|it| it.contains(what));
            found.unwrap_or_else(|| panic!("no {what}: {}", page.text()))
        };
        let page = get(&server, "/tasks?filter=state+%3D+COMPLETED").await;
        let file = get(&server, &find(&page, "format=csv")).await;
        assert_eq!(file.status, 200);
        let rows = file.text().lines().count();
        let book = get(&server, &find(&page, "format=XLSX")).await;
        assert_eq!(book.status, 200);
        assert!(book.body.starts_with(b"PK"), "a workbook");
        let count = book.header("content-disposition").unwrap_or_default().to_owned();
        assert!(count.contains(".xlsx"), "{count}");
        assert!(rows > 1);
        // what was recorded later is in neither
        let known = server.registry.read().state.revision().get();
        let page = get(&server, &format!("/tasks?known={known}")).await;
        for what in ["format=csv", "format=XLSX"] {
            assert!(find(&page, what).contains(&format!("readRevision={known}")), "{what}");
        }
        assert!(!get(&server, "/").await.text().contains("proveMetric"), "not for everyone");
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let headers = [("authorization", auditor.sent())];
        let page = send(&server.address, "GET /", &headers, "").await;
        let bundles: Vec<_> = links(page.text()).filter(|it| it.contains("proveMetric")).collect();
        assert_eq!(bundles.len(), 11, "{bundles:?}");
        for path in bundles {
            let bundle = send(&server.address, &format!("GET {path}"), &headers, "").await;
            assert_eq!(bundle.status, 200, "{path}: {}", bundle.text());
            assert!(bundle.json()["checkpoint"].is_object(), "{path}");
        }
        server.stop().await;
    }

    async fn a_reader_chooses_the_measure_and_the_ranking(engine: Engine) {
        let server = demo::made(&engine.url()).await;
        let page = get(&server, "/").await;
        let tiles = |page: &Answer| page.text().split("class=\"tiles\"").nth(1).unwrap().to_owned();
        let choice = links(page.text()).find(|it| it.contains("tiles=tasks-overdue")).unwrap();
        let other = get(&server, &choice).await;
        assert_ne!(tiles(&page), tiles(&other));
        assert!(other.text().contains("<strong>nhiệm vụ quá hạn</strong>"), "{}", other.text());
        let answer = get(&server, "/v1/indicators/-/observations?pageSize=1000").await.json();
        let observations = answer["observations"].as_array().unwrap();
        let of_agency = observations.iter().find(|it| it["agency"].is_string()).unwrap();
        let name = of_agency["name"].as_str().unwrap();
        let indicator = name.split('/').take(2).collect::<Vec<_>>().join("/");
        let page = get(&server, &format!("/{indicator}")).await;
        assert!(!page.text().contains("aria-sort"), "nobody asked for a ranking");
        let mut ranked = 0;
        for path in links(page.text()).filter(|it| it.contains("rank=")) {
            let page = get(&server, &path).await;
            assert_eq!(page.status, 200, "{path}");
            ranked += usize::from(page.text().contains("aria-sort=\"ascending\""));
            if let Some(sorted) = links(page.text()).find(|it| it.contains("sort=name")) {
                assert_eq!(get(&server, &sorted).await.status, 200);
            }
        }
        assert!(ranked > 0, "{}", page.text());
        let agency = of_agency["agency"].as_str().unwrap();
        let page = get(&server, &format!("/{agency}")).await;
        assert!(page.text().contains("class=\"charts\""), "{}", page.text());
        assert!(page.text().contains("Trung vị của khối"), "{}", page.text());
        server.stop().await;
    }

    async fn a_page_shows_what_its_caller_may_see(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        server.raw(editor.clone()).ok("CreatePlan", json!({
            "parent": "platforms/ndp-001", "plan_id": "draft", "plan": {
                "display_name": "<script>alert(\"bản nháp\")</script>", "lead_unit": "Đơn vị"},
        })).await;
        let page = get(&server, "/platforms/ndp-001").await;
        assert!(!page.text().contains("bản nháp"), "a draft is its agency's");
        let headers = [("authorization", editor.sent())];
        let own = send(&server.address, "GET /platforms/ndp-001", &headers, "").await;
        assert!(own.text().contains("&lt;script&gt;alert(&quot;bản nháp&quot;)"), "escaped");
        assert!(!own.text().contains("<script>alert"));
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_strict_and_says_what_is_wrong() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let page = get(&server, "/").await;
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
             img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-cache"),
        (
            "vary",
            "accept-encoding, accept-language, authorization, cookie",
        ),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let head = send(&server.address, "HEAD /", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let posted = send(&server.address, "POST /", &[], "").await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
    for (path, status, text) in [
        ("/platforms/nowhere", 404, "Không có trang này"),
        ("/platforms/%3Cb%3E", 400, "Yêu cầu không đúng"),
        ("/?date=someday", 400, "2026-09-30"),
        ("/?known=-1", 400, "phiên bản"),
        ("/?date=2030-01-01", 400, "Yêu cầu không đúng"),
        ("/changes?known=999999", 400, ""),
        ("/tasks?filter=frob+%3D+1", 400, "frob"),
        ("/tasks?page=x", 400, ""),
    ] {
        let answer = get(&server, path).await;
        let page = answer.text();
        assert!(
            answer.status == status || (status == 400 && answer.status == 404),
            "{path}: {} {page}",
            answer.status
        );
        assert!(page.contains(text), "{path}: {page}");
        assert!(page.contains("<html lang=\"vi\">"), "{path}");
        assert!(answer.header("etag").is_none(), "{path}");
    }
    let english = get(&server, "/platforms/nowhere?lang=en").await;
    assert!(english.text().contains("There is no such page"));
    // a path that is of no page: a person reads why, and a program as of any other
    let person = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    for (language, text) in [
        ("vi", "Không có trang này"),
        ("en", "There is no such page"),
    ] {
        for path in ["/nowhere", "/platforms/a/b", "/nowhere/"] {
            let headers = [person, ("accept-language", language)];
            let answer = send(&server.address, &format!("GET {path}"), &headers, "").await;
            assert_eq!(answer.status, 404, "{path}");
            let page = answer.text();
            assert!(
                page.contains(text) && page.contains("action=\"/search\""),
                "{page}"
            );
            assert!(
                page.contains(&format!("<html lang=\"{language}\">")),
                "{page}"
            );
        }
    }
    for (path, headers) in [("/nowhere", vec![]), ("/v1/nowhere", vec![person])] {
        let answer = send(&server.address, &format!("GET {path}"), &headers, "").await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{path}"
        );
    }
    let wrong = As::authorization("Bearer ndp_wrong");
    let headers = [("authorization", wrong.sent())];
    let refused = send(&server.address, "GET /", &headers, "").await;
    assert_eq!(refused.status, 401);
    let packed = [("accept-encoding", "gzip")];
    let packed = send(&server.address, "GET /", &packed, "").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let asset = links(page.text())
        .find(|it| it.contains(".css?v="))
        .unwrap();
    let style = get(&server, &asset).await;
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_of_a_page_is_paid() {
    let engine = Engine::sqlite();
    let options = ServerOptions {
        limits: Limits {
            calls_per_second: 20,
            ..Limits::default()
        },
        ..ServerOptions::default()
    };
    let server = Server::start_allowing(&engine.url(), &[OPENING_EDITION], options).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let answer = get(&server, "/").await;
        statuses.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            break;
        }
    }
    // far fewer pages than calls: each is made of several
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    server.stop().await;
}
