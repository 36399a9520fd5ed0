//! Every answer, of reads and of writes, is made from the one snapshot whose position it carries,
//! and says whether the registry is synthetic.

use std::collections::BTreeSet;

use ndp_core::records::{editions::SYNTHETIC, principals::Role};
use ndp_registry::pb::{self, change_service_client::ChangeServiceClient};
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use tonic::{Response, metadata::MetadataMap};

use crate::{
    access::matrix::{Fixture, callers, cases},
    harness::{
        Engine, both,
        plans::{DECISION_DAY, decision},
        raw::{Raw, json, methods},
        server::{As, Server},
    },
};

/// What every answer says of the data that it was made from.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    revision: i64,
    position: String,
    synthetic: bool,
}

fn stamp(metadata: &MetadataMap) -> Stamp {
    let text = |name| metadata.get(name).map(|it| it.to_str().unwrap());
    let position = text("ndp-position").expect("every answer has a position");
    let revision = text("ndp-revision").expect("every answer has a revision");
    assert!(position.starts_with(&format!("{revision}-")), "{position}");
    let synthetic = text("ndp-synthetic");
    assert!(matches!(synthetic, None | Some("true")), "{synthetic:?}");
    Stamp {
        revision: revision.parse().unwrap(),
        position: position.to_owned(),
        synthetic: synthetic.is_some(),
    }
}

async fn steward(server: &Server) -> Raw {
    server.raw(
        server
            .person("keeper-of-lists", &[Role::Steward], None)
            .await,
    )
}

fn edition(id: &str, name: &str) -> Value {
    json!({"edition_id": id, "edition": {
        "display_name": name, "decision": decision(DECISION_DAY),
        "groups": [{"code": "A"}],
    }})
}

fn renamed(id: &str, note: &str) -> Value {
    json!({"edition": {"name": format!("editions/{id}"), "note": note}})
}

/// A platform that an edition lists.
fn listed(id: &str, edition: &str) -> Value {
    json!({"platform_id": id, "platform": {
        "display_name": "Nền tảng thử nghiệm", "verification": "VERIFIED",
        "sources": [{"note": "thử nghiệm"}],
        "listings": [{"edition": format!("editions/{edition}"), "group": "A",
            "membership": "STATED"}],
    }})
}

/// The same record as of the revision of an answer has to be that answer.
async fn is_of_its_revision(caller: &Raw, kind: &str, answer: &Response<DynamicMessage>) {
    let of = stamp(answer.metadata());
    let record = json(answer.get_ref());
    let get = json!({"name": record["name"], "read_revision": of.revision});
    let read = caller.respond(&format!("Get{kind}"), get).await.unwrap();
    assert_eq!(stamp(read.metadata()), of, "{record}");
    let mut shown = record.clone();
    // only the answer that makes a key shows it
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(json(read.get_ref()), shown);
}

both! {
    async fn every_answer_carries_a_position_and_whether_it_is_synthetic(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let fixture = Fixture::new(&server).await;
        let callers = callers(&server).await;
        let cases = cases(&fixture);
        let steward = steward(&server).await;
        for synthetic in [false, true] {
            if synthetic {
                let name = format!("Danh mục thử nghiệm {SYNTHETIC}");
                let answer = steward.respond("CreateEdition", edition("thu", &name)).await;
                assert!(stamp(answer.unwrap().metadata()).synthetic);
            }
            let mut watches = ChangeServiceClient::new(server.intercepted(As::default()));
            let watch = watches.watch_changes(pb::WatchChangesRequest::default()).await.unwrap();
            let newest = stamp(watch.metadata());
            assert_eq!(newest.synthetic, synthetic);
            for (method, on, request) in &cases {
                let mut answered = false;
                for (_, caller) in &callers {
                    if let Ok(answer) = caller.respond(method, request.clone()).await {
                        assert_eq!(stamp(answer.metadata()), newest, "{method} {on}");
                        answered = true;
                        break;
                    }
                }
                assert!(answered, "nobody is answered: {method} {on}");
            }
        }
        server.stop().await;
    }

    /// Of every kind of record, as methods of all kinds write it.
    async fn a_write_answers_as_a_read_at_its_revision(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let fixture = Fixture::new(&server).await;
        let callers = callers(&server).await;
        let others = ["Baseline", "Change", "Checkpoint", "Glossary"];
        let kinds: BTreeSet<_> = methods().iter()
            .filter_map(|it| it.name().strip_prefix("Get").map(str::to_owned))
            .filter(|kind| !others.contains(&kind.as_str()))
            .collect();
        let mut written = BTreeSet::new();
        for (method, _, mut request) in cases(&fixture) {
            let output = methods().into_iter().find(|it| it.name() == method).unwrap().output();
            let kind = output.name().to_owned();
            if request.get("validate_only").is_none() || !kinds.contains(&kind) {
                continue;
            }
            request["validate_only"] = json!(false);
            for (_, caller) in &callers {
                // a request that is valid alone may be refused because of an earlier one
                let Ok(answer) = caller.respond(method, request.clone()).await else { continue };
                assert_eq!(stamp(answer.metadata()).revision, server.registry.revision().get());
                // some who may write principals and keys may not read them
                let readers = std::iter::once(caller).chain(callers.iter().map(|(_, it)| it));
                for reader in readers {
                    let get = json!({"name": json(answer.get_ref())["name"]});
                    if reader.call(&format!("Get{kind}"), get).await.is_ok() {
                        is_of_its_revision(reader, &kind, &answer).await;
                        written.insert(kind.clone());
                        break;
                    }
                }
                break;
            }
        }
        assert_eq!(written, kinds);
        server.stop().await;
    }

    /// Commands that arrive together share a group: each answers what it found, not what the ones
    /// after it did.
    async fn a_write_answers_from_its_own_revision_among_others(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = steward(&server).await;
        steward.ok("CreateEdition", edition("nhom", "Danh mục thử nghiệm")).await;
        let mut writes = Vec::new();
        for number in 0..30 {
            for (method, request) in [
                ("UpdateEdition", renamed("nhom", &format!("thử nghiệm {number}"))),
                ("CreatePlatform", listed(&format!("moi-{number}"), "nhom")),
            ] {
                let writer = steward.clone();
                let writing = async move { (method, writer.respond(method, request).await) };
                writes.push(tokio::spawn(writing));
            }
        }
        let mut seen = BTreeSet::new();
        for write in writes {
            let (method, answer) = write.await.unwrap();
            let answer = answer.unwrap();
            if method == "UpdateEdition" {
                let held = json(answer.get_ref())["held_platform_count"].clone();
                seen.insert(held.as_i64().unwrap_or_default());
                is_of_its_revision(&steward, "Edition", &answer).await;
            }
        }
        assert!(seen.len() > 1, "no platform was listed between two updates: {seen:?}");
        server.stop().await;
    }

    async fn a_replay_answers_from_the_revision_that_it_repeats(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = steward(&server).await;
        steward.ok("CreateEdition", edition("lai", "Danh mục thử nghiệm")).await;
        let mut request = renamed("lai", "thử nghiệm");
        request["request_id"] = json!("123e4567-e89b-42d3-a456-426614174000");
        let first = steward.respond("UpdateEdition", request.clone()).await.unwrap();
        steward.ok("CreatePlatform", listed("sau", "lai")).await;
        let again = steward.respond("UpdateEdition", request).await.unwrap();
        assert_eq!(json(again.get_ref()), json(first.get_ref()));
        assert_eq!(stamp(again.metadata()), stamp(first.metadata()));
        is_of_its_revision(&steward, "Edition", &again).await;
        server.stop().await;
    }
}
