//! Programmes over the wire: kept by the steward with the documents that set them up, read by
//! everyone, and followed like any record.

use ndp_core::records::principals::Role;
use ndp_registry::pb::{
    self, change_service_client::ChangeServiceClient, watch_changes_request::Start,
    watch_changes_response::Event,
};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    http::send,
    plans::{date, decision},
    raw::{Raw, violations},
    server::{As, Server},
    sql::Sql,
};

/// A request that makes a programme with every field.
pub(crate) fn create(id: &str) -> Value {
    json!({"programme_id": id, "programme": {
        "display_name": "Nhiệm vụ năm 2025 theo Nghị quyết thử nghiệm",
        "display_name_en": "Synthetic tasks of 2025",
        "description": "Mục tiêu thử nghiệm\nGiải pháp thử nghiệm",
        "documents": [decision([2024, 12, 22]), decision([2025, 1, 9])],
        "period": {
            "start": date([2025, 1, 1]), "end": date([2025, 12, 31]), "as_written": "năm 2025",
        },
        "declared_task_count": 12, "withheld_task_count": 0,
        "sources": [{"note": "thử nghiệm"}],
    }})
}

async fn steward(server: &Server) -> (As, Raw) {
    let caller = server.person("steward", &[Role::Steward], None).await;
    (caller.clone(), server.raw(caller))
}

/// What the request is refused for when a field of the programme has this value.
async fn refused(raw: &Raw, field: &str, value: Value) -> String {
    let mut request = create("refused");
    request["programme"][field] = value;
    violations(&raw.err("CreateProgramme", request).await)
}

both! {
    async fn a_programme_is_written_by_the_steward_and_read_by_everyone(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let (_, steward) = steward(&server).await;
        let mut trial = create("nq-2025");
        trial["validate_only"] = json!(true);
        steward.ok("CreateProgramme", trial).await;
        let get = json!({"name": "programmes/nq-2025"});
        let missing = anyone.refusal("GetProgramme", get.clone()).await;
        assert_eq!(missing, "NotFound RESOURCE_NOT_FOUND");
        let mut request = create("nq-2025");
        request["request_id"] = json!("5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958");
        let made = steward.ok("CreateProgramme", request.clone()).await;
        assert_eq!(steward.ok("CreateProgramme", request).await, made);
        let sent = &create("nq-2025")["programme"];
        for field in ["display_name", "display_name_en", "description", "documents", "period"] {
            assert_eq!(made[field], sent[field], "{field}");
        }
        assert_eq!(anyone.ok("GetProgramme", get.clone()).await, made);
        assert_eq!(
            steward.refusal("CreateProgramme", create("nq-2025")).await,
            "AlreadyExists RESOURCE_ALREADY_EXISTS"
        );

        let update = |programme: Value, mask: &str| {
            json!({"programme": programme, "update_mask": mask, "reason": "thử nghiệm"})
        };
        let named = json!({"name": made["name"], "etag": made["etag"], "display_name": "Tên sau"});
        let renamed = steward.ok("UpdateProgramme", update(named.clone(), "displayName")).await;
        assert_eq!(renamed["display_name"], "Tên sau");
        assert_eq!(renamed["documents"], made["documents"]);
        let stale = steward.refusal("UpdateProgramme", update(named, "displayName")).await;
        assert_eq!(stale, "Aborted ETAG_NOT_CURRENT");
        let until = json!({"name": made["name"], "period": {"end": date([2026, 12, 31])}});
        let moved = steward.ok("UpdateProgramme", update(until, "period.end")).await;
        assert_eq!(moved["period"]["start"], made["period"]["start"]);
        assert_eq!(moved["period"]["end"], date([2026, 12, 31]));

        // as it was
        let mut past = get;
        past["read_revision"] = made["revision"].clone();
        assert_eq!(anyone.ok("GetProgramme", past).await, made);
        server.stop().await;
    }

    async fn what_a_programme_lacks_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (_, steward) = steward(&server).await;
        let mut lines = Vec::new();
        for (field, value) in [
            ("display_name", json!("")),
            ("documents", json!([])),
            ("documents", json!(vec![decision([2025, 1, 9]); 21])),
            ("documents", json!([decision([2025, 1, 9]), {"symbol": "2/QĐ-THU"}])),
            ("period", json!({"start": date([2025, 2, 1]), "end": date([2025, 1, 1])})),
            ("period", json!({"end": {"year": 2025}})),
        ] {
            lines.push(refused(&steward, field, value).await);
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            programme.display_name REQUIRED
            programme.documents TOO_FEW_ITEMS
            programme.documents TOO_MANY_ITEMS
            programme.documents[1].issuer REQUIRED
            programme.documents[1].issue_date REQUIRED
            programme.period.end OUT_OF_RANGE
            programme.period.end PARTIAL_DATE
            ");
        }
        server.stop().await;
    }

    async fn programmes_are_listed_page_by_page(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let (_, steward) = steward(&server).await;
        for (id, year) in [("a", 2025), ("b", 2026), ("c", 2024)] {
            let mut request = create(id);
            request["programme"]["period"] = json!({"end": date([year, 12, 31])});
            steward.ok("CreateProgramme", request).await;
        }
        let names = async |request: Value| {
            let answer = anyone.ok("ListProgrammes", request).await;
            let listed = answer["programmes"].as_array().into_iter().flatten();
            let ids = listed.map(|it| it["name"].as_str().unwrap().replace("programmes/", ""));
            // not those that are shipped
            let ids = ids.filter(|id| id.len() == 1);
            (ids.collect::<String>(), answer["next_page_token"].clone())
        };
        let mut by_end = json!({"order_by": "period.end desc", "page_size": 2,
            "filter": "display_name:\"thử nghiệm\""});
        let (first, token) = names(by_end.clone()).await;
        by_end["page_token"] = token;
        let (second, _) = names(by_end).await;
        assert_eq!((&*first, &*second), ("ba", "c"));
        for (filter, found) in [
            ("period.end >= 2025-06-01", "ab"),
            ("documents.issue_date:2025-01-09", "abc"),
            ("documents.symbol:\"none\"", ""),
            ("name = \"programmes/c\"", "c"),
        ] {
            assert_eq!(names(json!({"filter": filter})).await.0, found, "{filter}");
        }
        server.stop().await;
    }

    async fn a_programme_is_followed_checked_and_read_with_sql(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (caller, steward) = steward(&server).await;
        let made = steward.ok("CreateProgramme", create("nq-2025")).await;

        let mut watch = ChangeServiceClient::new(server.intercepted(As::default()));
        let request = pb::WatchChangesRequest {
            start: Start::Beginning.into(),
            resources: vec!["programmes/-".to_owned()],
            ..Default::default()
        };
        let mut watch = watch.watch_changes(request).await.unwrap().into_inner();
        let change = loop {
            if let Some(Event::Change(change)) = watch.message().await.unwrap().unwrap().event
                && change.method != "Seed"
            {
                break change;
            }
        };
        assert_eq!(change.method, "CreateProgramme");
        let record = change.effects[0].new_record.clone().unwrap().record.unwrap();
        let pb::record::Record::Programme(seen) = record else { panic!("{record:?}") };
        assert_eq!(made["etag"], seen.etag);
        drop(watch);

        let address = &server.address;
        let answer = send(address, "GET /v1/programmes/nq-2025", &[], "").await.json();
        assert_eq!(answer["displayName"], made["display_name"]);
        let headers = [("authorization", caller.sent()), ("content-type", "application/json")];
        let body = json!({"displayName": "Tên khác"}).to_string();
        let what = "PATCH /v1/programmes/nq-2025?updateMask=displayName";
        let patched = send(address, what, &headers, body).await;
        assert_eq!((patched.status, &patched.json()["displayName"]), (200, &json!("Tên khác")));

        let mut sql = Sql::connect(&engine.url()).await;
        let counted = sql.number(
            "SELECT count(*) FROM programmes WHERE name = 'programmes/nq-2025' \
             AND display_name = 'Tên khác' AND document_issue_date = '2024-12-22' \
             AND period_start = '2025-01-01' AND period_end = '2025-12-31'",
        );
        assert_eq!(counted.await, 1);
        assert_eq!(server.store.verify().await.unwrap().findings, []);
        server.stop().await;
    }
}
