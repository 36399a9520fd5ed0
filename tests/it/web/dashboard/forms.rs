//! The signed-in pages that write: a browser without a script signs in with an API key, opens a
//! form, looks at what it will change, and sends it; and what of that is refused.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use ndp_core::records::{plans::PlanMove, principals::Role};
use serde_json::{Value, json};
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::{
    access::matrix::UNMANNED,
    harness::{
        Engine, both,
        http::{Answer, Reading, send},
        plans::{AGENCY, Cast, OTHER_AGENCY, date, decision, move_request},
        server::{As, Server},
    },
};

const SESSION: &str = "__Host-ndp-session";
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const ENCODED: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser that is signed in.
pub(super) struct Visitor<'a> {
    server: &'a Server,
    pub(super) cookie: String,
}

type Fields = BTreeMap<String, String>;

fn encoded(fields: &Fields) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Posts the form of the sign-in.
async fn sign_in(server: &Server, headers: &[(&str, &str)], key: &str, back: &str) -> Answer {
    let fields = [("key", key), ("return", back)];
    let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut all = vec![ENCODED];
    all.extend_from_slice(headers);
    let body = encoded(&Fields::from(fields));
    send(&server.address, "POST /sign-in", &all, body).await
}

pub(super) fn key(caller: &As) -> &str {
    caller.sent().strip_prefix("Bearer ").unwrap()
}

impl<'a> Visitor<'a> {
    pub(super) async fn new(server: &'a Server, caller: &As) -> Self {
        let answer = sign_in(server, &[SAME], key(caller), "/work").await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert_eq!(answer.header("location"), Some("/work"));
        let cookie = answer.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with(SESSION), "{cookie}");
        Self { server, cookie }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let headers = [("cookie", &*self.cookie)];
        send(&self.server.address, &format!("GET {path}"), &headers, "").await
    }

    async fn post_with(&self, path: &str, headers: &[(&str, &str)], fields: &Fields) -> Answer {
        let mut all = vec![ENCODED, ("cookie", &*self.cookie)];
        all.extend_from_slice(headers);
        let what = format!("POST {path}");
        send(&self.server.address, &what, &all, encoded(fields)).await
    }

    async fn post(&self, path: &str, step: &str, fields: &Fields) -> Answer {
        let mut fields = fields.clone();
        fields.insert("-step".to_owned(), step.to_owned());
        self.post_with(path, &[SAME], &fields).await
    }

    /// The fields of a form as it is opened, with these filled in.
    async fn open(&self, path: &str, typed: &[(&str, &str)]) -> Fields {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        let mut fields = hidden(page.text());
        for (name, text) in typed {
            let named = format!(" name=\"{name}\"");
            assert!(page.text().contains(&named), "{path} has no {name}");
            fields.insert((*name).to_owned(), (*text).to_owned());
        }
        fields
    }

    /// From a form to the page that says that it is done; answers both pages.
    pub(super) async fn way(&self, path: &str, typed: &[(&str, &str)]) -> (String, String) {
        let fields = self.open(path, typed).await;
        let preview = self.post(path, "preview", &fields).await;
        assert_eq!(preview.status, 200, "{path}: {}", preview.text());
        let sent = hidden(preview.text());
        for (name, text) in typed {
            assert_eq!(sent[*name], text.replace("\r\n", "\n"), "{path}: {name}");
        }
        let done = self.post(path, "send", &sent).await;
        assert_eq!(done.status, 303, "{path}: {}", done.text());
        let location = done.header("location").unwrap().to_owned();
        let again = self.post(path, "send", &sent).await;
        assert_eq!(
            (again.status, again.header("location")),
            (303, Some(&*location)),
            "sent twice: {}",
            again.text()
        );
        let page = self.get(&location).await;
        assert_eq!(page.status, 200, "{location}: {}", page.text());
        assert!(page.text().contains("class=\"done\""), "{location}");
        (preview.text().to_owned(), page.text().to_owned())
    }
}

/// The hidden fields of the form of a page.
fn hidden(page: &str) -> Fields {
    let form = page.split("class=\"act-form\"").nth(1).expect("a form");
    let form = form.split("</form>").next().unwrap();
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    let inputs = inputs.map(|it| {
        let (name, rest) = it.split_once("\" value=\"").unwrap();
        let value = rest.split('"').next().unwrap();
        (name.to_owned(), unescaped(value))
    });
    inputs.collect()
}

fn unescaped(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A task by its name, and an editor of [`AGENCY`] who may report on it.
async fn task_to_report(server: &Server) -> (Cast, String, As) {
    let cast = Cast::new(server).await;
    programme(&cast).await;
    let name = task(&cast, "mot").await;
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    (cast, name, editor)
}

/// A task that [`OTHER_AGENCY`] assigns and [`AGENCY`] leads.
pub(super) async fn task(cast: &Cast, id: &str) -> String {
    let request = json!({"task_id": id, "task": {
        "code": format!("THU_{id}"),
        "display_name": format!("Nhiệm vụ thử nghiệm {id}"),
        "programmes": ["programmes/thu"],
        "assigning_document": decision([2026, 9, 1]),
        "assigning_agency": format!("agencies/{OTHER_AGENCY}"),
        "agency": format!("agencies/{AGENCY}"),
        "due": {"end": date([2026, 12, 31])},
        "required_result": "Kết quả <b>thử nghiệm</b>",
    }});
    let made = cast.steward.ok("CreateTask", request).await;
    made["name"].as_str().unwrap().to_owned()
}

pub(super) async fn programme(cast: &Cast) {
    let request = json!({"programme_id": "thu", "programme": {
        "display_name": "Chương trình thử nghiệm", "documents": [decision([2025, 1, 9])]}});
    cast.steward.ok("CreateProgramme", request).await;
}

/// A plan that was issued in August, with a milestone.
async fn plan(cast: &Cast, id: &str) -> String {
    let request = json!({"parent": "platforms/ndp-001", "plan_id": id, "plan": {
        "display_name": "Kế hoạch thử nghiệm", "reporting_cycles": [{}]}});
    let plan = cast.editor.ok("CreatePlan", request).await;
    let milestone = json!({"parent": plan["name"], "milestone_id": "m", "milestone": {
        "display_name": "Mốc thử nghiệm", "due": {"end": date([2026, 12, 31])}}});
    cast.editor.ok("CreateMilestone", milestone).await;
    cast.step(PlanMove::Submit, &plan).await.unwrap();
    let plan = cast
        .editor
        .ok("GetPlan", json!({"name": plan["name"]}))
        .await;
    let mut issue = move_request(PlanMove::Issue, &plan);
    issue["document"] = decision([2026, 8, 1]);
    let plan = cast.approver.ok("IssuePlan", issue).await;
    plan["name"].as_str().unwrap().to_owned()
}

async fn recommendation(cast: &Cast, id: &str) -> String {
    let request = json!({"recommendation_id": id, "recommendation": {
        "kind": "RECOMMENDATION", "display_name": format!("Kiến nghị thử nghiệm {id}"),
        "content": "Nội dung thử nghiệm", "sender_kind": "CITIZEN",
        "receive_date": date([2026, 9, 1]), "agency": format!("agencies/{AGENCY}")}});
    let made = cast.steward.ok("CreateRecommendation", request).await;
    made["name"].as_str().unwrap().to_owned()
}

async fn get(cast: &Cast, method: &str, name: &str) -> Value {
    cast.steward.ok(method, json!({"name": name})).await
}

both! {
    async fn a_browser_signs_in_with_a_key_and_keeps_none(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let page = send(&server.address, "GET /sign-in?return=/work", &[], "").await;
        assert!(page.text().contains("name=\"return\" value=\"/work\""), "{}", page.text());
        assert!(page.text().contains("type=\"password\""));
        let visitor = Visitor::new(&server, &editor).await;
        let secret = key(&editor);
        assert!(!visitor.cookie.contains(secret));
        let sealed = visitor.cookie.split_once('=').unwrap().1;
        let sealed = base64::Engine::decode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD, sealed).unwrap();
        let sealed = String::from_utf8_lossy(&sealed);
        let (_, random) = secret.rsplit_once('_').unwrap();
        assert!(!sealed.contains(random), "{sealed}");
        let whoami = "/v1/principals:identifyCaller";
        let received = visitor.get(whoami).await.json();
        assert_eq!(received["principal"], "principals/editor");
        assert!(received["apiKey"].as_str().unwrap().starts_with("principals/editor/apiKeys/"));
        assert!(visitor.get("/").await.text().contains("Đăng xuất"));

        // a refused attempt does not sign in
        let shape = format!("ndp_{}_{}", "a".repeat(12), "b".repeat(43));
        for (key, back, headers, expected) in [
            (&*shape, "/", vec![SAME], (403, "CREDENTIALS_INVALID")),
            ("", "/", vec![SAME], (403, "CREDENTIALS_INVALID")),
            ("a.b.c", "/", vec![SAME], (403, "CREDENTIALS_INVALID")),
            (secret, "https://evil.example", vec![SAME], (400, "INVALID_REQUEST")),
            (secret, "//evil.example", vec![SAME], (400, "INVALID_REQUEST")),
            (secret, "/", vec![], (403, "CROSS_SITE_REQUEST")),
            (secret, "/", vec![("sec-fetch-site", "cross-site")], (403, "CROSS_SITE_REQUEST")),
        ] {
            let answer = sign_in(&server, &headers, key, back).await;
            assert!(answer.text().contains(expected.1), "{key}: {}", answer.text());
            assert_eq!(answer.status, expected.0, "{key}");
            assert!(answer.header("set-cookie").is_none() && !answer.text().contains(secret));
        }

        // a session ends with its key, and by itself
        let watch = "GET /v1/changes:watch?start=NOW";
        let headers = [("cookie", &*visitor.cookie)];
        let mut open = Reading::open(&server.address, watch, &headers, "").await;
        assert!(open.part().await.is_some(), "it has begun");
        server.clock.advance(8 * 3600 - 1);
        assert_eq!(visitor.get(whoami).await.status, 200);
        server.clock.advance(1);
        let ended = visitor.get(whoami).await;
        assert_eq!(ended.status, 401);
        assert!(ended.text().contains("SESSION_INVALID"), "{}", ended.text());
        let mut rest = Vec::new();
        while let Some(part) = open.part().await {
            rest.extend_from_slice(&part);
        }
        let rest = String::from_utf8(rest).unwrap();
        assert!(rest.contains("\"SESSION_INVALID\""), "{rest}");
        let again = Visitor::new(&server, &editor).await;
        let admin = server.raw(server.person("admin", &[Role::Admin], None).await);
        admin.ok("RevokeApiKey", json!({"name": received["apiKey"]})).await;
        let ended = again.get(whoami).await;
        assert!(ended.text().contains("KEY_REVOKED"), "{}", ended.text());
        server.stop().await;
    }

    async fn guessing_at_the_form_is_limited_as_elsewhere(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let (id, _) = key(&editor).rsplit_once('_').unwrap();
        let wrong = format!("{id}_{}", "b".repeat(43));
        // all at once, so that the time which they take gives little back
        let guesses = (0..60).map(|_| sign_in(&server, &[SAME], &wrong, "/"));
        let answers = join_all(guesses).await;
        let slowed: Vec<_> = answers.iter().filter(|it| it.status == 429).collect();
        assert!(slowed.iter().all(|it| it.text().contains("LIMIT_REACHED")));
        assert!((1..=50).contains(&slowed.len()), "{}", slowed.len());
        let refused = answers.iter().filter(|it| it.status == 403).count();
        assert_eq!(answers.len() - slowed.len(), refused);
        let right = sign_in(&server, &[SAME], key(&editor), "/").await;
        assert_eq!(right.status, 303, "the right one is never refused");
        server.stop().await;
    }

    async fn a_task_is_reported_returned_and_confirmed(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (cast, name, editor) = task_to_report(&server).await;
        let approver = [Role::AgencyApprover];
        let approver = server.person("approver", &approver, Some(OTHER_AGENCY)).await;
        let (reports, confirms) =
            (Visitor::new(&server, &editor).await, Visitor::new(&server, &approver).await);

        let page = reports.get(&format!("/{name}")).await;
        let path = format!("/{name}:report");
        assert!(page.text().contains(&path), "the page leads to the form");
        assert!(!page.text().contains(&format!("/{name}:confirm")));
        let work = reports.get("/work").await;
        assert!(work.text().contains(&path), "{}", work.text());
        let form = reports.get(&path).await;
        assert!(form.text().contains("Kết quả &lt;b&gt;thử nghiệm&lt;/b&gt;"), "escaped");
        let (preview, done) = reports.way(&path, &[
            ("note", "Đã xong \"việc\" <1>\r\nvà bàn giao"),
            ("completion_date", "2026-09-20"),
            ("evidence[0].document.symbol", "7/BB-THU"),
            ("reason", "thử nghiệm"),
        ]).await;
        for text in ["Tình trạng", "Đang thực hiện", "Đã báo cáo, chờ xác nhận", "20/09/2026",
            "Báo cáo hoàn thành · Minh chứng 1 · Văn bản · Số và ký hiệu", "7/BB-THU"] {
            assert!(preview.contains(text), "{text}: {preview}");
        }
        assert!(done.contains("Báo cáo hoàn thành nhiệm vụ"), "{done}");
        let written = get(&cast, "GetTask", &name).await;
        assert_eq!(written["state"], "REPORTED");
        assert_eq!(written["report"]["note"], "Đã xong \"việc\" <1>\nvà bàn giao");
        assert_eq!(written["report"]["evidence"][0]["document"]["symbol"], "7/BB-THU");
        let changes = json!({"filter": format!("resources:\"{name}\"")});
        let changes = cast.steward.ok("ListChanges", changes).await;
        assert_eq!(changes["changes"].as_array().unwrap().len(), 2, "sent twice, written once");
        assert_eq!(changes["changes"][1]["reason"], "thử nghiệm");

        // it is done: nothing to report, and who reported cannot confirm
        let late = reports.get(&path).await;
        assert_eq!(late.status, 409);
        assert!(late.text().contains("“Đã báo cáo, chờ xác nhận”"), "{}", late.text());
        assert!(!late.text().contains("act-form"));
        let back = format!("/{name}:return");
        let refused = confirms.open(&back, &[]).await;
        let refused = confirms.post(&back, "preview", &refused).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.text().contains("aria-invalid=\"true\""), "{}", refused.text());
        confirms.way(&back, &[("reason", "Thiếu biên bản")]).await;
        assert_eq!(get(&cast, "GetTask", &name).await["state"], "OPEN");
        reports.way(&path, &[("note", "Đã bổ sung")]).await;
        let work = confirms.get("/work").await;
        assert!(work.text().contains(&format!("/{name}:confirm")), "{}", work.text());
        confirms.way(&format!("/{name}:confirm"), &[]).await;
        assert_eq!(get(&cast, "GetTask", &name).await["state"], "COMPLETED");
        server.stop().await;
    }

    async fn a_plan_gets_its_report_and_its_milestone(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let name = plan(&cast, "ke-hoach").await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let editor = Visitor::new(&server, &editor).await;
        let page = editor.get("/platforms/ndp-001").await;
        for path in [format!("/{name}:report"), format!("/{name}/milestones/m:complete")] {
            assert!(page.text().contains(&path), "{path}");
        }
        let path = format!("/{name}:report");
        let form = editor.get(&path).await;
        assert!(form.text().contains("value=\"2026-08-14\""), "the period that is owed");
        let (preview, done) = editor.way(&path, &[
            ("report.period_end_date", "2026-09-14"),
            ("report.rating", "RATING_AT_RISK"),
            ("report.percent", "40"),
            ("report.results", "Đã chạy thử"),
            ("report.evidence[0].note", "Ảnh chụp"),
        ]).await;
        for text in ["14/09/2026", "Có nguy cơ chậm", "Đã chạy thử", "40"] {
            assert!(preview.contains(text), "{text}: {preview}");
        }
        assert!(done.contains("Nộp báo cáo tiến độ"), "{done}");
        let reports = cast.editor.ok("ListReports", json!({"parent": name})).await;
        let reports = reports["reports"].as_array().unwrap();
        assert_eq!(reports.len(), 1, "sent twice, written once");
        assert_eq!(reports[0]["rating"], "RATING_AT_RISK");
        assert_eq!(reports[0]["percent"], 40);
        let milestone = format!("{name}/milestones/m");
        let path = format!("/{milestone}:complete");
        editor.way(&path, &[("completion_date", "2026-09-30")]).await;
        let milestone = get(&cast, "GetMilestone", &milestone).await;
        assert_eq!(milestone["state"], "COMPLETED");
        server.stop().await;
    }

    async fn a_plan_is_submitted_returned_and_issued(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-002", "nhap").await;
        let name = plan["name"].as_str().unwrap();
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let approver = server.person("approver", &[Role::AgencyApprover], Some(AGENCY)).await;
        let editor = Visitor::new(&server, &editor).await;
        let approver = Visitor::new(&server, &approver).await;
        let submit = format!("/{name}:submit");
        editor.way(&submit, &[]).await;
        approver.way(&format!("/{name}:return"), &[("reason", "Thiếu mục tiêu")]).await;
        assert_eq!(get(&cast, "GetPlan", name).await["state"], "RETURNED");
        editor.way(&submit, &[]).await;
        approver.way(&format!("/{name}:issue"), &[
            ("document.kind", "DECISION"),
            ("document.symbol", "9/QĐ-THU"),
            ("document.issuer", "Cơ quan thử nghiệm"),
            ("document.issue_date", "2026-09-30"),
            ("document.sha256", &"0".repeat(64)),
        ]).await;
        let issued = get(&cast, "GetPlan", name).await;
        assert_eq!(issued["state"], "ISSUED");
        assert_eq!(issued["issuing_document"]["symbol"], "9/QĐ-THU");
        server.stop().await;
    }

    async fn a_proposal_is_decided_by_a_second_person(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let name = plan(&cast, "ke-hoach").await;
        let approver = server.person("approver", &[Role::AgencyApprover], Some(AGENCY)).await;
        let approver = Visitor::new(&server, &approver).await;
        for (verb, typed, state) in [
            ("reject", vec![("reason", "Chưa rõ")], "REJECTED"),
            ("approve", vec![], "APPROVED"),
        ] {
            let plan = get(&cast, "GetPlan", &name).await;
            let proposed = cast.editor.ok("RebaselinePlan", json!({
                "name": name, "etag": plan["etag"], "reason": "thử nghiệm", "rebaseline": {
                    "display_name": "Kế hoạch có tên mới", "document": decision([2026, 9, 30])},
            })).await;
            let proposal = proposed["proposal"]["name"].as_str().unwrap();
            let path = format!("/{proposal}:{verb}");
            let work = approver.get("/work").await;
            assert!(work.text().contains(&path), "{}", work.text());
            let form = approver.get(&path).await;
            let text = form.text();
            assert!(text.contains("Kế hoạch có tên mới"), "what it changes: {text}");
            approver.way(&path, &typed).await;
            assert_eq!(get(&cast, "GetProposal", proposal).await["state"], state);
        }
        server.stop().await;
    }

    async fn a_plan_that_was_transcribed_is_confirmed_by_its_agency(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let writer = server.raw(server.person("writer", &[Role::Transcriber], None).await);
        let keeper = server.raw(server.person("keeper", &[Role::Steward], None).await);
        let list = json!({"filter": format!("governing_agency = \"agencies/{UNMANNED}\"")});
        let listed = writer.ok("ListPlatforms", list).await;
        let platform = listed["platforms"][0]["name"].as_str().unwrap();
        let plan = writer.ok("CreatePlan", json!({
            "parent": platform, "transcription_source": decision([2026, 9, 30]),
            "plan": {"display_name": "Kế hoạch được ghi hộ"},
        })).await;
        let plan = writer.ok("SubmitPlan", move_request(PlanMove::Submit, &plan)).await;
        let plan = keeper.ok("IssuePlan", move_request(PlanMove::Issue, &plan)).await;
        let name = plan["name"].as_str().unwrap();
        let path = format!("/{name}:confirmTranscription");
        let page = send(&server.address, &format!("GET /{platform}"), &[], "").await;
        assert!(page.text().contains("cơ quan chưa xác nhận"), "{}", page.text());
        assert!(!page.text().contains(&path), "nobody is signed in");
        let editor = server.person("editor", &[Role::AgencyEditor], Some(UNMANNED)).await;
        let approver = server.person("approver", &[Role::AgencyApprover], Some(UNMANNED)).await;
        let editor = Visitor::new(&server, &editor).await;
        let approver = Visitor::new(&server, &approver).await;
        assert_eq!(editor.get(&path).await.status, 403);
        for page in [format!("/{platform}"), "/work".to_owned()] {
            assert!(!editor.get(&page).await.text().contains(&path), "{page}");
            let page = approver.get(&page).await;
            assert!(page.text().contains(&path), "{}", page.text());
        }
        let (preview, done) = approver.way(&path, &[("reason", "Đúng với văn bản")]).await;
        assert!(preview.contains("Việc ghi hộ · Xác nhận · Chủ thể"), "{preview}");
        assert!(done.contains("Xác nhận nội dung ghi hộ"), "{done}");
        assert!(done.contains("cơ quan đã xác nhận"), "{done}");
        let confirmed = keeper.ok("GetPlan", json!({"name": name})).await;
        let confirmation = &confirmed["transcription"]["confirmation"];
        assert_eq!(confirmation["principal"], "principals/approver");
        let late = approver.get(&path).await;
        assert_eq!(late.status, 409);
        assert!(late.text().contains("cơ quan đã xác nhận"), "{}", late.text());
        assert!(!approver.get("/work").await.text().contains(&path));
        server.stop().await;
    }

    async fn what_waits_is_counted_and_all_of_it_is_a_page(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        programme(&cast).await;
        for number in 0..25 {
            task(&cast, &format!("so-{number}")).await;
        }
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let editor = Visitor::new(&server, &editor).await;
        let forms = |page: &Answer| page.text().matches(":report\"").count();
        let work = editor.get("/work").await;
        assert!(work.text().contains("Đang hiện 20 trong số 25."), "{}", work.text());
        assert_eq!(forms(&work), 20);
        let english = editor.get("/work?lang=en").await;
        assert!(english.text().contains("Showing 20 of 25."), "{}", english.text());
        let way = "/work?section=tasks-to-report";
        assert!(work.text().contains(way), "{}", work.text());
        let all = editor.get(way).await;
        assert_eq!(forms(&all), 25);
        assert!(!all.text().contains("Đang hiện"), "{}", all.text());
        assert!(all.text().contains("Không in 19 trong số 25 mục."), "{}", all.text());
        // what the caller may not do is not counted
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let auditor = Visitor::new(&server, &auditor).await;
        assert!(!auditor.get("/work").await.text().contains("Đang hiện"));
        server.stop().await;
    }

    async fn a_form_that_is_sent_again_shows_its_first_answer(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (cast, name, editor) = task_to_report(&server).await;
        let editor = Visitor::new(&server, &editor).await;
        let path = format!("/{name}:report");
        let fields = editor.open(&path, &[("note", "Đã bàn giao")]).await;
        let sent = hidden(editor.post(&path, "preview", &fields).await.text());
        let send = || editor.post(&path, "send", &sent);
        let answers = join_all([send(), send()]).await;
        let locations: Vec<_> = answers.iter().map(|it| it.header("location")).collect();
        assert!(locations[0].is_some() && locations[0] == locations[1], "{locations:?}");
        // also of two at once, of which the first takes the right to send it
        let both = [Role::AgencyEditor, Role::AgencyApprover];
        let both = server.person("both", &both, Some(AGENCY)).await;
        let both = Visitor::new(&server, &both).await;
        let forward = format!("/{}:forward", recommendation(&cast, "mot").await);
        let other = format!("agencies/{OTHER_AGENCY}");
        let page = both.get(&forward).await;
        let called = get(&cast, "GetAgency", &other).await["display_name"].clone();
        let choice = format!("<option value=\"{}\">", called.as_str().unwrap());
        assert!(page.text().contains(&choice), "{}", page.text());
        let fields = both.open(&forward, &[("agency", &other)]).await;
        let forwarding = hidden(both.post(&forward, "preview", &fields).await.text());
        let send = || both.post(&forward, "send", &forwarding);
        let answers = join_all([send(), send()]).await;
        for answer in &answers {
            assert_eq!(answer.status, 303, "{}", answer.text());
            assert_eq!(answer.header("location"), answers[0].header("location"));
        }
        // also when the right to send it was lost in between
        let admin = server.raw(server.person("admin", &[Role::Admin], None).await);
        let principal = admin.ok("GetPrincipal", json!({"name": "principals/editor"})).await;
        admin.ok("UpdatePrincipal", json!({
            "principal": {"name": "principals/editor", "etag": principal["etag"],
                "roles": ["ROLE_AUDITOR"]},
            "update_mask": "roles",
        })).await;
        let again = editor.post(&path, "send", &sent).await;
        assert_eq!(again.header("location"), locations[0], "{}", again.text());
        let changes = json!({"filter": format!("resources:\"{name}\"")});
        let changes = cast.steward.ok("ListChanges", changes).await;
        assert_eq!(changes["changes"].as_array().unwrap().len(), 2, "written once");
        server.stop().await;
    }

    async fn a_recommendation_is_answered_forwarded_or_rejected(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let approver = server.person("approver", &[Role::AgencyApprover], Some(AGENCY)).await;
        let editor = Visitor::new(&server, &editor).await;
        let approver = Visitor::new(&server, &approver).await;
        let name = recommendation(&cast, "mot").await;
        let review = format!("/{name}:review");
        let who = if editor.get(&review).await.status == 200 { &editor } else { &approver };
        who.way(&review, &[("recommendation.review_date", "2026-09-10")]).await;
        let work = editor.get("/work").await;
        assert!(work.text().contains(&format!("/{name}")), "{}", work.text());
        let answer = format!("/{name}:answer");
        let who = if editor.get(&answer).await.status == 200 { &editor } else { &approver };
        let (preview, _) = who.way(&answer, &[
            ("text", "Đã tiếp thu"), ("outcome", "ACCEPTED"), ("answer_date", "2026-09-30"),
        ]).await;
        assert!(preview.contains("Đã tiếp thu"), "{preview}");
        let written = get(&cast, "GetRecommendation", &name).await;
        assert_eq!(written["answer"]["outcome"], "ACCEPTED");
        let name = recommendation(&cast, "hai").await;
        let path = format!("/{name}:forward");
        let other = format!("agencies/{OTHER_AGENCY}");
        let called = get(&cast, "GetAgency", &other).await["display_name"].clone();
        let called = called.as_str().unwrap();
        let who = if editor.get(&path).await.status == 200 { &editor } else { &approver };
        // an agency is chosen and shown by what it is called
        let fields = who.open(&path, &[("agency", called)]).await;
        let preview = who.post(&path, "preview", &fields).await;
        assert_eq!(hidden(preview.text())["agency"], other, "{}", preview.text());
        let link = format!("href=\"/{other}\">{called}</a>");
        assert!(preview.text().contains(&link), "{link}: {}", preview.text());
        let edited = who.post(&path, "edit", &hidden(preview.text())).await;
        assert!(edited.text().contains(&format!("value=\"{called}\"")), "{}", edited.text());
        let fields = who.open(&path, &[("agency", "Cơ quan không có")]).await;
        let refused = who.post(&path, "preview", &fields).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains("Không có cơ quan nào tên như vậy"));
        who.way(&path, &[("agency", &other)]).await;
        assert_eq!(get(&cast, "GetRecommendation", &name).await["agency"], other);
        let name = recommendation(&cast, "ba").await;
        let path = format!("/{name}:reject");
        let who = if editor.get(&path).await.status == 200 { &editor } else { &approver };
        who.way(&path, &[("ground", "INVALID"), ("reason", "Không có nội dung")]).await;
        assert_eq!(get(&cast, "GetRecommendation", &name).await["state"], "REJECTED");
        server.stop().await;
    }

    async fn what_is_wrong_stands_at_its_field_in_the_language_of_the_page(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (cast, name, editor) = task_to_report(&server).await;
        let editor = Visitor::new(&server, &editor).await;
        let path = format!("/{name}:report");
        let typed = [
            ("note", "Điều đã nhập"),
            ("completion_date", "2026-12-24"),
            ("evidence[0].document.uri", "không phải địa chỉ"),
        ];
        for (lang, at_date, at_uri) in [("vi", "sau", "http"), ("en", "after", "http")] {
            let path = format!("{path}?lang={lang}");
            let mut fields = editor.open(&path, &typed).await;
            let refused = editor.post(&path, "preview", &fields).await;
            assert_eq!(refused.status, 400, "{}", refused.text());
            let error = |page: &str, id: &str| -> String {
                let found = page.split(&format!("<span class=\"wrong\" id=\"{id}-error\">")).nth(1);
                let found = found.unwrap_or_else(|| panic!("nothing at {id}: {page}"));
                found.split("</span>").next().unwrap().to_owned()
            };
            // the form of a value is checked first, and rules afterwards
            let uri = error(refused.text(), "f-evidence-0--document-uri");
            assert!(uri.contains(at_uri), "{uri}");
            assert!(refused.text().contains("Điều đã nhập"), "kept");
            assert!(refused.text().contains("value=\"2026-12-24\""), "kept");
            assert_eq!(hidden(refused.text())["-etag"], fields["-etag"]);
            fields.remove("evidence[0].document.uri");
            let refused = editor.post(&path, "preview", &fields).await;
            assert_eq!(refused.status, 400);
            let day = error(refused.text(), "f-completion-date");
            assert!(day.contains(at_date), "{lang}: {day}");
            // in the words of the form, not of the API
            assert!(!day.contains("2026-"), "{lang}: {day}");
            // what is sent unseen is refused in the same way
            let refused = editor.post(&path, "send", &fields).await;
            assert_eq!(refused.status, 400);
            error(refused.text(), "f-completion-date");
        }
        assert_eq!(get(&cast, "GetTask", &name).await["state"], "OPEN");
        server.stop().await;
    }

    async fn what_changed_meanwhile_is_shown_and_nothing_typed_is_lost(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (cast, name, editor) = task_to_report(&server).await;
        let editor = Visitor::new(&server, &editor).await;
        let path = format!("/{name}:report");
        let fields = editor.open(&path, &[("note", "Điều đã nhập")]).await;
        let preview = editor.post(&path, "preview", &fields).await;
        let sent = hidden(preview.text());
        cast.steward.ok("UpdateTask", json!({
            "task": {"name": name, "required_result": "Kết quả mới"},
            "update_mask": "requiredResult",
        })).await;
        let stale = editor.post(&path, "send", &sent).await;
        assert_eq!(stale.status, 409, "{}", stale.text());
        for text in ["Người khác vừa ghi bản ghi này", "Kết quả mới", "Điều đã nhập"] {
            assert!(stale.text().contains(text), "{text}: {}", stale.text());
        }
        assert_eq!(get(&cast, "GetTask", &name).await["state"], "OPEN");
        let mut again = hidden(stale.text());
        assert_ne!(again["-etag"], fields["-etag"]);
        again.insert("note".to_owned(), "Điều đã nhập".to_owned());
        let preview = editor.post(&path, "preview", &again).await;
        let edited = editor.post(&path, "edit", &hidden(preview.text())).await;
        assert!(edited.text().contains("Điều đã nhập"), "{}", edited.text());
        let done = editor.post(&path, "send", &hidden(preview.text())).await;
        assert_eq!(done.status, 303, "{}", done.text());
        server.stop().await;
    }

    async fn a_form_is_sent_by_who_opened_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        programme(&cast).await;
        let name = task(&cast, "mot").await;
        let (other_task, path) = (task(&cast, "hai").await, format!("/{name}:report"));
        let editor = server.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let stranger = server.person("stranger", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        let visitor = Visitor::new(&server, &editor).await;
        let fields = visitor.open(&path, &[("note", "x")]).await;
        let preview = visitor.post(&path, "preview", &fields).await;
        let sent = hidden(preview.text());
        let refused = async |visitor: &Visitor<'_>, headers: &[(&str, &str)], fields: &Fields| {
            let mut fields = fields.clone();
            fields.insert("-step".to_owned(), "send".to_owned());
            let answer = visitor.post_with(&path, headers, &fields).await;
            assert!(!answer.text().contains("class=\"done\""));
            answer.status
        };
        let token = |token: &str| {
            let mut fields = sent.clone();
            fields.insert("-token".to_owned(), token.to_owned());
            fields
        };
        // no token, another one, one of another form, and one of another session of the same
        assert_eq!(refused(&visitor, &[SAME], &token("")).await, 403);
        assert_eq!(refused(&visitor, &[SAME], &token(&"A".repeat(43))).await, 403);
        let others = visitor.open(&format!("/{other_task}:report"), &[]).await;
        assert_eq!(refused(&visitor, &[SAME], &token(&others["-token"])).await, 403);
        server.clock.advance(1);
        let again = Visitor::new(&server, &editor).await;
        assert_eq!(refused(&again, &[SAME], &sent).await, 403);
        // a page of another site
        for headers in [
            vec![],
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "same-site")],
            vec![("origin", "https://evil.example")],
        ] {
            assert_eq!(refused(&visitor, &headers, &sent).await, 403, "{headers:?}");
        }
        // who may not report sees no form, and cannot send one
        let stranger = Visitor::new(&server, &stranger).await;
        let page = stranger.get(&path).await;
        assert_eq!(page.status, 403);
        assert!(!page.text().contains("act-form"), "{}", page.text());
        assert!(page.text().contains("“Người soạn của cơ quan”"), "{}", page.text());
        assert!(!page.text().contains("ROLE_"), "{}", page.text());
        assert!(!stranger.get(&format!("/{name}")).await.text().contains(&path));
        assert_eq!(refused(&stranger, &[SAME], &sent).await, 403);
        // nobody is signed in
        let anyone = send(&server.address, &format!("GET {path}"), &[], "").await;
        assert_eq!(anyone.status, 401);
        let back: String = byte_serialize(path.as_bytes()).collect();
        assert!(anyone.text().contains(&format!("/sign-in?return={back}")), "{}", anyone.text());
        let posted = [ENCODED, SAME];
        let body = encoded(&sent);
        let anyone = send(&server.address, &format!("POST {path}"), &posted, &body).await;
        assert_eq!(anyone.status, 401);
        // another verb, and another type
        let headers = [("cookie", &*visitor.cookie), SAME];
        let answer = send(&server.address, &format!("PUT {path}"), &headers, "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST")));
        let headers = [("cookie", &*visitor.cookie), SAME, ("content-type", "application/json")];
        let answer = send(&server.address, &format!("POST {path}"), &headers, "{}").await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(get(&cast, "GetTask", &name).await["state"], "OPEN");
        // and the right one, with what it was refused for
        let done = visitor.post(&path, "send", &sent).await;
        assert_eq!(done.status, 303, "{}", done.text());
        server.stop().await;
    }

    async fn what_was_typed_outlives_the_session(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (_, name, editor) = task_to_report(&server).await;
        let visitor = Visitor::new(&server, &editor).await;
        let path = format!("/{name}:report");
        let fields = visitor.open(&path, &[("note", "Điều đã nhập")]).await;
        let sent = hidden(visitor.post(&path, "preview", &fields).await.text());
        server.clock.advance(24 * 60 * 60);
        let kept = visitor.post(&path, "send", &sent).await;
        assert_eq!(kept.status, 401, "{}", kept.text());
        let back: String = byte_serialize(path.as_bytes()).collect();
        assert!(kept.text().contains(&format!("/sign-in?return={back}")), "{}", kept.text());
        let again = Visitor::new(&server, &editor).await;
        let form = again.post(&path, "edit", &hidden(kept.text())).await;
        assert_eq!(form.status, 403);
        for text in ["Điều đã nhập", "được mở ở phiên đăng nhập khác"] {
            assert!(form.text().contains(text), "{text}: {}", form.text());
        }
        let mut fields = hidden(form.text());
        fields.insert("note".to_owned(), "Điều đã nhập".to_owned());
        let preview = again.post(&path, "preview", &fields).await;
        let done = again.post(&path, "send", &hidden(preview.text())).await;
        assert_eq!(done.status, 303, "{}", done.text());
        // nothing that another site sends is shown
        let foreign = [ENCODED, ("sec-fetch-site", "cross-site")];
        let body = encoded(&sent);
        let anyone = send(&server.address, &format!("POST {path}"), &foreign, &body).await;
        assert_eq!(anyone.status, 401);
        assert!(!anyone.text().contains("Điều đã nhập"), "{}", anyone.text());
        server.stop().await;
    }

    async fn a_right_that_was_lost_is_refused_when_the_form_is_sent(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (cast, name, editor) = task_to_report(&server).await;
        let visitor = Visitor::new(&server, &editor).await;
        let path = format!("/{name}:report");
        let fields = visitor.open(&path, &[("note", "Điều đã nhập")]).await;
        let sent = hidden(visitor.post(&path, "preview", &fields).await.text());
        let admin = server.raw(server.person("admin", &[Role::Admin], None).await);
        let principal = admin.ok("GetPrincipal", json!({"name": "principals/editor"})).await;
        admin.ok("UpdatePrincipal", json!({
            "principal": {"name": "principals/editor", "etag": principal["etag"],
                "roles": ["ROLE_AUDITOR"]},
            "update_mask": "roles",
        })).await;
        let refused = visitor.post(&path, "send", &sent).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert!(refused.text().contains("Chưa có gì được ghi"), "{}", refused.text());
        assert!(refused.text().contains("Điều đã nhập"), "kept");
        assert_eq!(get(&cast, "GetTask", &name).await["state"], "OPEN");
        server.stop().await;
    }
}
