//! Redaction by law over the wire: a text is removed from every place that shows or keeps it, the
//! log still verifies, and an altered row is still found. All data is synthetic.

use std::{fs, path::Path};

use ndp_core::records::{plans::PlanMove, principals::Role};
use ndp_registry::{
    pb::{
        self, change_service_client::ChangeServiceClient, watch_changes_request::Start,
        watch_changes_response::Event,
    },
    store::{Store, beside},
};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Streaming};

use crate::{
    faults::command,
    harness::{
        Engine, both,
        plans::{Cast, DECISION_DAY, decision},
        raw::{Raw, reason, violations},
        server::{As, Server},
        sql::Sql,
    },
};

/// The text to redact. Bytes that no id, name or other text of the tests has.
const TEXT: &str = "Nguyễn Văn \"Thử\" (synthetic) QX7";
/// A part of it that is ASCII, to look for it in bytes of any form.
const PART: &str = "(synthetic) QX7";
const MARK: &str = "[REDACTED]";

/// A server with an issued plan that had the text in two of its images and in a reason.
struct Scene {
    server: Server,
    cast: Cast,
    admin: Raw,
    auditor: As,
    plan: String,
    /// The change that wrote the text first, and gave it as its reason.
    wrote: i64,
}

async fn revision(raw: &Raw) -> i64 {
    let request = json!({"order_by": "revision desc", "page_size": 1});
    let page = raw.ok("ListChanges", request).await;
    page["changes"][0]["revision"].as_i64().unwrap()
}

impl Scene {
    async fn new(url: &str) -> Self {
        let server = Server::start(url).await;
        let cast = Cast::new(&server).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let admin = server.person("admin", &[Role::Admin], None).await;
        let draft = cast.draft("ndp-001", "x").await;
        let written = json!({
            "plan": {"name": draft["name"], "etag": draft["etag"],
                "display_name": format!("Kế hoạch của {TEXT}"),
                "scope": format!("Giao {TEXT} phụ trách"), "objectives": "Khác"},
            "update_mask": "displayName,scope,objectives",
            "reason": format!("theo đề nghị của {TEXT}"),
            "request_id": "7c1f3a52-0f35-4f43-9a30-1f1f3b8b5c11",
        });
        let written = cast.editor.ok("UpdatePlan", written).await;
        let raw = server.raw(auditor.clone());
        let wrote = revision(&raw).await;
        let plan = cast.step(PlanMove::Submit, &written).await.unwrap();
        cast.step(PlanMove::Issue, &plan).await.unwrap();
        Self {
            admin: server.raw(admin),
            plan: draft["name"].as_str().unwrap().to_owned(),
            auditor,
            server,
            cast,
            wrote,
        }
    }

    fn request(&self) -> Value {
        json!({
            "names": [self.plan], "text": TEXT, "document": decision(DECISION_DAY),
            "reason": "thử nghiệm",
            "request_id": "7c1f3a52-0f35-4f43-9a30-1f1f3b8b5c12",
        })
    }
}

async fn watch(server: &Server, caller: As) -> Streaming<pb::WatchChangesResponse> {
    let request = pb::WatchChangesRequest {
        start: Start::Beginning.into(),
        ..Default::default()
    };
    let mut client = ChangeServiceClient::new(server.intercepted(caller));
    client.watch_changes(request).await.unwrap().into_inner()
}

/// The changes up to a revision, as a watcher from the beginning gets them.
async fn watched(server: &Server, caller: As, up_to: i64) -> Vec<pb::Change> {
    let mut stream = watch(server, caller).await;
    let mut changes = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(Event::Change(change)) = message.event {
            changes.push(change);
        }
        if message.revision >= up_to {
            break;
        }
    }
    changes
}

/// Everything that shows the plan, now and as it was.
async fn shown(scene: &Scene, server: &Server) -> String {
    let raw = server.raw(scene.auditor.clone());
    let mut all = String::new();
    let newest = revision(&raw).await;
    for past in scene.wrote..=newest {
        let get = json!({"name": scene.plan, "read_revision": past});
        all += &raw.ok("GetPlan", get).await.to_string();
        let list = json!({"parent": "platforms/-", "read_revision": past});
        all += &raw.ok("ListPlans", list).await.to_string();
        let name = format!("changes/{past}");
        all += &raw.ok("GetChange", json!({"name": name})).await.to_string();
    }
    all += &raw
        .ok("GetPlan", json!({"name": scene.plan}))
        .await
        .to_string();
    all += &raw
        .ok("ListChanges", json!({"page_size": 1000}))
        .await
        .to_string();
    let filter = json!({"parent": "platforms/-", "filter": "\"QX7\""});
    all += &raw.ok("ListPlans", filter).await.to_string();
    for change in watched(server, scene.auditor.clone(), newest).await {
        all += &String::from_utf8_lossy(&change.encode_to_vec());
    }
    all
}

/// What of the text the tables and the views over them have.
async fn stored(url: &str) -> Vec<String> {
    let mut sql = Sql::connect(url).await;
    let mut found = Vec::new();
    for texts in [
        "SELECT image FROM records",
        "SELECT coalesce(image, '') FROM effects",
        "SELECT reason || coalesce(actor, '') FROM changes",
        "SELECT display_name FROM plans",
    ] {
        let texts = sql.texts(texts).await;
        found.extend(texts.into_iter().filter(|it| it.contains(PART)));
    }
    sql.close().await;
    found
}

/// Whether the files of an SQLite database have the text.
fn in_files(engine: &Engine) -> bool {
    let url = engine.url();
    let Some(path) = url.strip_prefix("sqlite:") else {
        return false;
    };
    let path = Path::new(path.split('?').next().unwrap());
    [path.to_owned(), beside(path, "-wal")].iter().any(|file| {
        let bytes = fs::read(file).unwrap_or_default();
        bytes.windows(PART.len()).any(|it| it == PART.as_bytes())
    })
}

async fn inclusion(raw: &Raw, revision: i64, size: i64) -> Value {
    let request = json!({"name": format!("changes/{revision}"), "tree_size": size});
    raw.ok("ProveInclusion", request).await
}

both! {
    async fn a_text_goes_from_everywhere_and_the_log_verifies(engine: Engine) {
        let scene = Scene::new(&engine.url()).await;
        let other = Server::start(&engine.url()).await;
        let servers = [&scene.server, &other];
        let raw = scene.server.raw(scene.auditor.clone());
        let newest = revision(&raw).await;
        for server in servers {
            assert!(shown(&scene, server).await.contains("QX7"), "shown before, and cached");
        }
        assert!(!stored(&engine.url()).await.is_empty());
        let proof = inclusion(&raw, scene.wrote, newest).await;

        let mut checked = scene.request();
        checked["validate_only"] = json!(true);
        let checked = scene.admin.ok("RedactText", checked).await;
        assert_eq!(revision(&raw).await, newest, "only checked");
        let redacted = scene.admin.ok("RedactText", scene.request()).await;
        let by = format!("changes/{}", newest + 1);
        assert_eq!(redacted["redacting_change"], *by);
        assert_eq!(redacted["resources"], checked["resources"]);
        assert_eq!(checked.get("redacting_change"), None);
        // its first write, its submission and its issue
        let changes = [0, 1, 2].map(|after| format!("changes/{}", scene.wrote + after));
        assert_eq!(redacted["resources"], json!([{"resource": scene.plan, "changes": changes}]));
        assert_eq!(stored(&engine.url()).await, Vec::<String>::new());
        assert!(!in_files(&engine));
        assert_eq!(scene.admin.ok("RedactText", scene.request()).await, redacted, "repeated");

        let mut revisions = other.registry.revisions();
        let followed = revisions.wait_for(|it| it.get() > newest);
        drop(tokio::time::timeout(crate::faults::BOUND, followed).await.unwrap().unwrap());
        for server in servers {
            let all = shown(&scene, server).await;
            assert!(!all.contains("QX7"), "{all}");
            let received = watched(server, scene.auditor.clone(), newest + 1).await;
            let find = |revision: i64| received.iter().find(|it| it.revision == revision).unwrap();
            let wrote = find(scene.wrote);
            assert_eq!(wrote.redacting_change, by);
            assert_eq!(wrote.reason, format!("theo đề nghị của {MARK}"));
            let Some(pb::record::Record::Plan(plan)) =
                wrote.effects[0].new_record.clone().unwrap().record
            else {
                panic!("a plan");
            };
            assert_eq!(plan.scope, format!("Giao {MARK} phụ trách"));
            assert_eq!(plan.objectives, "Khác");
            let redacting = find(newest + 1);
            assert_eq!(redacting.redacting_change, "");
            let redaction = redacting.effects[1].redaction.clone().unwrap();
            assert_eq!(redacting.effects[1].kind(), pb::change::effect::Kind::Redacted);
            assert_eq!(redaction.changes, changes);
            assert_eq!(redaction.document.unwrap().symbol, "1/QĐ-TEST");
            assert_eq!(find(scene.wrote - 1).redacting_change, "");
        }

        let after = inclusion(&raw, scene.wrote, newest).await;
        assert_eq!(after, proof, "the leaf, its digests and the root are as they were");
        // the request had the text, so nothing is kept that it could be compared with
        let retried = json!({
            "plan": {"name": scene.plan, "scope": "x"}, "update_mask": "scope",
            "request_id": "7c1f3a52-0f35-4f43-9a30-1f1f3b8b5c11",
        });
        let retried = scene.cast.editor.err("UpdatePlan", retried).await;
        assert_eq!(reason(&retried), "REQUEST_ID_REUSED");
        other.stop().await;
        scene.server.stop().await;
        let (code, said, errors) = command(&["admin", "verify"], &engine.url());
        assert_eq!(code, Some(0), "{said}{errors}");
    }

    async fn an_altered_redacted_row_is_found(engine: Engine) {
        let scene = Scene::new(&engine.url()).await;
        let mut sql = Sql::connect(&engine.url()).await;
        let wrote = scene.wrote;
        sql.run(&format!("CREATE TABLE kept AS SELECT image, salt FROM effects
            WHERE revision = {wrote} AND ordinal = 0")).await;
        scene.admin.ok("RedactText", scene.request()).await;
        scene.server.stop().await;
        let effect = format!("effects, revision {wrote}, effect 0");
        let header = format!("changes, revision {wrote}: the header is not the one that change");
        let of_effect = format!("WHERE revision = {wrote} AND ordinal = 0");
        for (damage, expected) in [
            (format!("UPDATE effects SET image = replace(image, 'Giao', 'Theo') {of_effect}"),
                &effect),
            // what was redacted is back, as from an older copy
            (format!("UPDATE effects SET image = (SELECT image FROM kept), \
                salt = (SELECT salt FROM kept) {of_effect}"), &effect),
            (format!("UPDATE changes SET reason = 'other' WHERE revision = {wrote}"), &header),
        ] {
            for table in ["changes", "effects"] {
                sql.run(&format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
            }
            sql.run(&damage).await;
            let findings = findings(&engine.url()).await;
            assert!(findings[0].starts_with(&**expected), "{damage}: {findings:?}");
            sql.without_foreign_keys().await;
            for table in ["changes", "effects"] {
                sql.run(&format!("DELETE FROM {table}; INSERT INTO {table} \
                    SELECT * FROM saved_{table}; DROP TABLE saved_{table}")).await;
            }
        }
        assert_eq!(findings(&engine.url()).await, Vec::<String>::new());
        sql.close().await;
    }

    async fn a_file_in_use_is_erased_by_the_repeated_call(engine: Engine) {
        let scene = Scene::new(&engine.url()).await;
        let mut reader = Sql::connect(&engine.url()).await;
        let is_sqlite = reader.is_sqlite();
        reader.run("BEGIN").await;
        assert!(reader.number("SELECT count(*) FROM changes").await > 0);
        let first = scene.admin.call("RedactText", scene.request()).await;
        assert_eq!(first.as_ref().err().map(reason), is_sqlite.then(|| "NOT_ERASED".to_owned()));
        assert_eq!(in_files(&engine), is_sqlite);
        reader.run("COMMIT").await;
        reader.close().await;
        scene.admin.ok("RedactText", scene.request()).await;
        assert!(!in_files(&engine));
        assert_eq!(stored(&engine.url()).await, Vec::<String>::new());
        scene.server.stop().await;
    }

    async fn an_older_backup_is_redacted_at_its_restore(engine: Engine) {
        let scene = Scene::new(&engine.url()).await;
        let directory = tempfile::tempdir().unwrap();
        let backup = directory.path().join("backup.db");
        let backup = backup.to_str().unwrap();
        let (code, said, errors) = command(&["admin", "backup", backup], &engine.url());
        assert_eq!(code, Some(0), "{said}{errors}");
        scene.admin.ok("RedactText", scene.request()).await;
        scene.server.stop().await;
        let as_it_was = Engine::sqlite();
        let (code, said, errors) = command(&["admin", "restore", backup], &as_it_was.url());
        assert_eq!(code, Some(0), "{said}{errors}");
        assert!(!stored(&as_it_was.url()).await.is_empty());

        let restored = Engine::sqlite();
        let newer = engine.url();
        let arguments = ["admin", "restore", backup, "--redactions-of", &newer];
        let (code, said, errors) = command(&arguments, &restored.url());
        assert_eq!(code, Some(0), "{said}{errors}");
        assert_eq!(stored(&restored.url()).await, Vec::<String>::new());
        assert!(!in_files(&restored));
        assert_eq!(findings(&restored.url()).await, Vec::<String>::new());
        let server = Server::start(&restored.url()).await;
        let raw = server.raw(scene.auditor.clone());
        let plan = raw.ok("GetPlan", json!({"name": scene.plan})).await;
        assert_eq!(plan["scope"], format!("Giao {MARK} phụ trách"));
        let change = raw.ok("GetChange", json!({"name": format!("changes/{}", scene.wrote)})).await;
        let newest = revision(&raw).await;
        assert_eq!(change["redacting_change"], format!("changes/{newest}"));
        server.stop().await;
    }

    async fn what_cannot_be_redacted_is_refused(engine: Engine) {
        let scene = Scene::new(&engine.url()).await;
        let with = |changes: Value| {
            let mut request = scene.request();
            for (key, value) in changes.as_object().unwrap() {
                request[key] = value.clone();
            }
            request
        };
        for caller in [&scene.cast.editor, &scene.cast.steward] {
            let status = caller.err("RedactText", scene.request()).await;
            assert_eq!((status.code(), &*reason(&status)),
                (Code::PermissionDenied, "PERMISSION_DENIED"));
        }
        let hidden = scene.cast.draft("ndp-002", "hidden").await;
        for (changes, expected) in [
            (json!({"names": ["platforms/ndp-002"]}), "TEXT_NOT_FOUND"),
            (json!({"names": [scene.plan, "platforms/ndp-002"]}), "TEXT_NOT_FOUND"),
            (json!({"names": [hidden["name"]]}), "RESOURCE_NOT_FOUND"),
            (json!({"names": ["platforms/nowhere"]}), "RESOURCE_NOT_FOUND"),
            // of the document of its issue
            (json!({"text": "2026-09"}), "TEXT_IN_IDENTIFIER"),
            (json!({"text": "ndp-001"}), "TEXT_IN_IDENTIFIER"),
        ] {
            let status = scene.admin.err("RedactText", with(changes.clone())).await;
            assert_eq!(reason(&status), expected, "{changes}");
            assert!(!format!("{status:?}").contains("QX7"));
        }
        let unsigned = json!({"title": "Văn bản thử nghiệm"});
        for (changes, expected) in [
            (json!({"text": "REDACTED"}), "text TEXT_IS_MARK"),
            (json!({"text": "  ab  "}), "text TOO_SHORT"),
            (json!({"reason": format!("vì {TEXT}")}), "reason TEXT_REPEATED"),
            (json!({"reason": ""}), "reason REQUIRED"),
            (json!({"document": unsigned}), "document.issue_date REQUIRED"),
        ] {
            let status = scene.admin.err("RedactText", with(changes.clone())).await;
            assert!(violations(&status).contains(expected), "{}", violations(&status));
        }
        let mut titled = decision(DECISION_DAY);
        titled["title"] = json!(TEXT);
        let status = scene.admin.err("RedactText", with(json!({"document": titled}))).await;
        assert!(violations(&status).contains("document.title TEXT_REPEATED"));
        scene.server.stop().await;
    }

    async fn the_rest_of_a_long_history_is_redacted_later(engine: Engine) {
        let scene = Scene::new(&engine.url()).await;
        let part = |before: i64| {
            let mut request = scene.request();
            request["end_revision"] = json!(before);
            request.as_object_mut().unwrap().remove("request_id");
            request
        };
        let first = scene.admin.ok("RedactText", part(scene.wrote + 1)).await;
        let changes = |answer: &Value| answer["resources"][0]["changes"].clone();
        assert_eq!(changes(&first), json!([format!("changes/{}", scene.wrote)]));
        let rest = scene.admin.ok("RedactText", part(0)).await;
        let later = [1, 2].map(|after| format!("changes/{}", scene.wrote + after));
        assert_eq!(changes(&rest), json!(later));
        assert_eq!(stored(&engine.url()).await, Vec::<String>::new());
        let status = scene.admin.err("RedactText", part(0)).await;
        assert_eq!(reason(&status), "TEXT_NOT_FOUND");
        scene.server.stop().await;
        assert_eq!(findings(&engine.url()).await, Vec::<String>::new());
    }
}

async fn findings(url: &str) -> Vec<String> {
    let store = Store::open_to_read(url).await.unwrap();
    let verified = store.verify().await.unwrap();
    store.close().await;
    verified.findings.iter().map(ToString::to_string).collect()
}
