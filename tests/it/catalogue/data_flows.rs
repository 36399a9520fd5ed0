//! Data flows over the wire: written by either side, confirmed by the other, counted by class and
//! channel, and followed like any record. All of it is synthetic.

use std::collections::BTreeMap;

use ndp_core::records::principals::Role;
use ndp_registry::{
    catalogue,
    pb::{
        self, change_service_client::ChangeServiceClient, watch_changes_request::Start,
        watch_changes_response::Event,
    },
};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    http::send,
    plans::{AGENCY, OTHER_AGENCY, date, decision},
    raw::{Raw, violations},
    server::{As, Server},
    sql::Sql,
};

const DAY: i64 = 86_400;
/// What the flow of [`create`] shares: a platform that [`AGENCY`] governs.
const PROVIDER: &str = "platforms/ndp-001";

fn state(state: &str, day: [i32; 3]) -> Value {
    json!({"state": state, "start_date": date(day), "reason": "thử nghiệm"})
}

/// A request that makes a flow with every field, between two agencies.
pub(crate) fn create(id: &str) -> Value {
    json!({"data_flow_id": id, "data_flow": {
        "display_name": "Dữ liệu thử nghiệm (synthetic)",
        "data_kinds": ["Loại thử nghiệm 1", "Loại thử nghiệm 2"],
        "provider": {"platform": PROVIDER},
        "consumer": {"agency": format!("agencies/{OTHER_AGENCY}"), "system": "Hệ thống thử"},
        "terms": [
            {"channel": "API"},
            {
                "channel": "NDXP", "mandatory": true, "start_date": date([2026, 9, 1]),
                "document": decision([2026, 8, 20]), "sources": [{"note": "thử nghiệm"}],
            },
        ],
        "state_entries": [{
            "state": "ACTIVE", "start_date": date([2026, 9, 1]), "reason": "thử nghiệm",
            "document": decision([2026, 8, 20]), "sources": [{"note": "thử nghiệm"}],
        }],
        "evidence": [{"note": "thử nghiệm"}],
        "sources": [{"note": "thử nghiệm"}],
    }})
}

/// A flow to an organisation that has no agency record, with few fields.
pub(crate) fn to_organisation(id: &str, name: &str, kind: &str) -> Value {
    json!({"data_flow_id": id, "data_flow": {
        "display_name": "Dữ liệu thử nghiệm (synthetic)",
        "provider": {"platform": PROVIDER},
        "consumer": {"organisation": name, "organisation_kind": kind},
        "terms": [{"channel": "NDOP"}],
        "state_entries": [state("ACTIVE", [2026, 9, 1])],
        "sources": [{"note": "thử nghiệm"}],
    }})
}

/// The states of a flow, and that it is suspended after them.
pub(crate) fn suspended(flow: &Value) -> Value {
    and(flow, "state_entries", state("SUSPENDED", [2026, 9, 20]))
}

/// An editor and an approver of the provider's agency, the same of the consumer's, and the steward.
struct People {
    editor: Raw,
    approver: Raw,
    other_editor: Raw,
    other_approver: Raw,
    steward: Raw,
    key: As,
}

impl People {
    async fn new(server: &Server) -> Self {
        let person = async |id: &str, role: Role, agency| server.person(id, &[role], agency).await;
        let key = person("editor", Role::AgencyEditor, Some(AGENCY)).await;
        let approver = person("approver", Role::AgencyApprover, Some(AGENCY)).await;
        let other_editor = person("other-editor", Role::AgencyEditor, Some(OTHER_AGENCY)).await;
        let other = person("other-approver", Role::AgencyApprover, Some(OTHER_AGENCY)).await;
        let steward = person("steward", Role::Steward, None).await;
        Self {
            editor: server.raw(key.clone()),
            approver: server.raw(approver),
            other_editor: server.raw(other_editor),
            other_approver: server.raw(other),
            steward: server.raw(steward),
            key,
        }
    }
}

fn confirm(flow: &Value) -> Value {
    json!({"name": flow["name"], "etag": flow["etag"]})
}

fn update(flow: &Value, field: &str, value: &Value) -> Value {
    json!({
        "data_flow": {"name": flow["name"], "etag": flow["etag"], field: value},
        "update_mask": field.split('_').enumerate().map(|(i, part)| match i {
            0 => part.to_owned(),
            _ => part[..1].to_uppercase() + &part[1..],
        }).collect::<String>(),
    })
}

/// The flow's list with another entry.
fn and(flow: &Value, field: &str, entry: Value) -> Value {
    let mut list = flow[field].as_array().unwrap().clone();
    list.push(entry);
    json!(list)
}

/// The confirmations of both sides.
fn said(flow: &Value) -> [&str; 2] {
    ["provider_confirmation", "consumer_confirmation"].map(|it| flow[it]["state"].as_str().unwrap())
}

/// Counts of a list, by their words.
fn by(counts: &Value, list: &str, word: &str, count: &str) -> BTreeMap<String, i64> {
    let entries = counts[list].as_array().into_iter().flatten();
    let entries = entries.map(|it| {
        let word = it[word].as_str().unwrap().to_owned();
        (word, it[count].as_i64().unwrap_or_default())
    });
    entries.collect()
}

fn counted<const N: usize>(counts: [(&str, i64); N]) -> BTreeMap<String, i64> {
    counts.map(|(word, count)| (word.to_owned(), count)).into()
}

both! {
    async fn a_flow_is_written_by_one_side_and_confirmed_by_both(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let anyone = server.raw(As::default());
        let mut trial = create("a");
        trial["validate_only"] = json!(true);
        people.editor.ok("CreateDataFlow", trial).await;
        let get = json!({"name": "dataFlows/a"});
        let missing = anyone.refusal("GetDataFlow", get.clone()).await;
        assert_eq!(missing, "NotFound RESOURCE_NOT_FOUND");
        let mut request = create("a");
        request["request_id"] = json!("5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958");
        let made = people.editor.ok("CreateDataFlow", request.clone()).await;
        assert_eq!(people.editor.ok("CreateDataFlow", request).await, made);
        let sent = &create("a")["data_flow"];
        for (field, value) in sent.as_object().unwrap() {
            assert_eq!(&made[field], value, "{field}");
        }
        assert_eq!((&made["state"], &made["channel"]), (&json!("ACTIVE"), &json!("NDXP")));
        assert_eq!(made["mandatory"], true);
        assert_eq!(made["provider_agency"], format!("agencies/{AGENCY}"));
        assert_eq!(made["consumer_agency"], format!("agencies/{OTHER_AGENCY}"));
        assert_eq!(made["consumer_class"], "MINISTRY");
        assert_eq!(said(&made), ["UNCONFIRMED", "UNCONFIRMED"]);
        assert_eq!(anyone.ok("GetDataFlow", get.clone()).await, made);

        // the approver of one side, then of the other
        let once = people.approver.ok("ConfirmDataFlow", confirm(&made)).await;
        assert_eq!(said(&once), ["CONFIRMED", "UNCONFIRMED"]);
        assert_eq!(once["one_sided"], true);
        let again = people.approver.refusal("ConfirmDataFlow", confirm(&once)).await;
        assert_eq!(again, "FailedPrecondition DATA_FLOW_IS_CONFIRMED");
        let stale = people.other_approver.refusal("ConfirmDataFlow", confirm(&made)).await;
        assert_eq!(stale, "Aborted ETAG_NOT_CURRENT");
        let both = people.other_approver.ok("ConfirmDataFlow", confirm(&once)).await;
        assert_eq!(said(&both), ["CONFIRMED", "CONFIRMED"]);
        assert_eq!(both["one_sided"], Value::Null);

        // who confirmed is shown to that agency, the steward and auditors
        let seen = async |raw: &Raw, side: &str| {
            let flow = raw.ok("GetDataFlow", get.clone()).await;
            let listed = raw.ok("ListDataFlows", json!({})).await;
            assert_eq!(listed["data_flows"][0], flow);
            assert_eq!(flow[side]["agency"], both[side]["agency"]);
            flow[side]["principal"].as_str().unwrap_or_default().to_owned()
        };
        let approver = "principals/approver";
        assert_eq!(seen(&anyone, "provider_confirmation").await, "");
        assert_eq!(seen(&people.editor, "provider_confirmation").await, approver);
        assert_eq!(seen(&people.editor, "consumer_confirmation").await, "");
        let other = seen(&people.other_editor, "consumer_confirmation").await;
        assert_eq!(other, "principals/other-approver");
        assert_eq!(seen(&people.steward, "provider_confirmation").await, approver);

        // a change of evidence keeps the confirmation; a change of facts ends it
        let evidence = update(&both, "evidence", &json!([{"note": "khác"}]));
        let shown = people.other_editor.ok("UpdateDataFlow", evidence).await;
        assert_eq!(said(&shown), ["CONFIRMED", "CONFIRMED"]);
        let term = json!({"channel": "NDOP", "start_date": date([2026, 10, 1])});
        let moved = update(&shown, "terms", &and(&shown, "terms", term));
        let moved = people.editor.ok("UpdateDataFlow", moved).await;
        assert_eq!(said(&moved), ["LAPSED", "LAPSED"]);
        assert_ne!(moved["provider_confirmation"]["lapse_time"], Value::Null);
        let once = people.other_approver.ok("ConfirmDataFlow", confirm(&moved)).await;
        assert_eq!(said(&once), ["LAPSED", "CONFIRMED"]);

        // as it was
        let mut past = get;
        past["read_revision"] = made["revision"].clone();
        assert_eq!(anyone.ok("GetDataFlow", past).await, made);
        server.stop().await;
    }

    async fn each_does_its_own_part(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let (editor, other_editor) = (&people.editor, &people.other_editor);
        let by_consumer = other_editor.ok("CreateDataFlow", create("a")).await;
        // a person cannot confirm what they wrote, and an editor cannot confirm
        let denied = "PermissionDenied PERMISSION_DENIED";
        assert_eq!(editor.refusal("ConfirmDataFlow", confirm(&by_consumer)).await, denied);
        assert_eq!(people.steward.refusal("ConfirmDataFlow", confirm(&by_consumer)).await, denied);
        let renamed = update(&by_consumer, "display_name", &json!("Tên khác"));
        let renamed = people.approver.ok("UpdateDataFlow", renamed).await;
        let own = people.approver.refusal("ConfirmDataFlow", confirm(&renamed)).await;
        assert_eq!(own, "FailedPrecondition SECOND_PERSON_NEEDED");
        let made = people.other_approver.ok("CreateDataFlow", create("b")).await;
        let own = people.other_approver.refusal("ConfirmDataFlow", confirm(&made)).await;
        assert_eq!(own, "FailedPrecondition SECOND_PERSON_NEEDED");

        // the provider's side changes the state
        let suspended = suspended(&made);
        let moved = update(&made, "state_entries", &suspended);
        assert_eq!(other_editor.refusal("UpdateDataFlow", moved.clone()).await, denied);
        let moved = editor.ok("UpdateDataFlow", moved).await;
        assert_eq!(moved["state"], "SUSPENDED");
        let mut two = create("c");
        two["data_flow"]["state_entries"] = suspended;
        let received = violations(&other_editor.err("CreateDataFlow", two).await);
        assert_eq!(received, "data_flow.state_entries[1] NOT_ALLOWED");

        // a third agency, and the steward without a source
        let third = server.person("third", &[Role::AgencyEditor], Some("bo-tu-phap")).await;
        let third = server.raw(third);
        assert_eq!(third.refusal("CreateDataFlow", create("d")).await, denied);
        let renamed = update(&moved, "display_name", &json!("Tên khác"));
        assert_eq!(third.refusal("UpdateDataFlow", renamed).await, denied);
        let mut unsourced = create("d");
        unsourced["data_flow"]["sources"] = json!([]);
        let received = violations(&people.steward.err("CreateDataFlow", unsourced).await);
        assert_eq!(received, "data_flow.sources REQUIRED");
        people.steward.ok("CreateDataFlow", create("d")).await;

        // an organisation cannot confirm, and the answer says so
        let request = to_organisation("e", "Tổng công ty thử nghiệm", "STATE_ENTERPRISE");
        let alone = editor.ok("CreateDataFlow", request).await;
        assert_eq!(said(&alone), ["UNCONFIRMED", "NOT_APPLICABLE"]);
        let refused = people.other_approver.refusal("ConfirmDataFlow", confirm(&alone)).await;
        assert_eq!(refused, denied);
        let alone = people.approver.ok("ConfirmDataFlow", confirm(&alone)).await;
        assert_eq!(said(&alone), ["CONFIRMED", "NOT_APPLICABLE"]);
        assert_eq!(alone["one_sided"], Value::Null);

        // one agency on both sides confirms for both
        let mut inside = create("f");
        inside["data_flow"]["consumer"] = json!({"platform": "platforms/ndp-002"});
        let inside = editor.ok("CreateDataFlow", inside).await;
        let inside = people.approver.ok("ConfirmDataFlow", confirm(&inside)).await;
        assert_eq!(said(&inside), ["CONFIRMED", "CONFIRMED"]);
        server.stop().await;
    }

    async fn what_a_flow_lacks_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let mut lines = Vec::new();
        for (field, value) in [
            ("display_name", json!("")),
            ("data_kinds", json!(vec!["một"; 2])),
            ("data_kinds", json!((0..11).map(|it| it.to_string()).collect::<Vec<_>>())),
            ("consumer", json!({})),
            ("consumer", json!({
                "agency": "agencies/bo-y-te", "organisation": "Thử",
                "organisation_kind": "TELECOM",
            })),
            ("consumer", json!({"organisation": "Thử"})),
            ("consumer", json!({"agency": "agencies/bo-y-te", "organisation_kind": "OTHER"})),
            ("consumer", json!({"platform": "platforms/ndp-003", "system": "Thử"})),
            ("consumer", json!({"platform": "platforms/khong-co"})),
            ("consumer", json!({"agency": "agencies/khong-co"})),
            ("consumer", json!({"platform": PROVIDER})),
            ("provider", json!({"agency": format!("agencies/{AGENCY}")})),
            ("provider", json!({
                "organisation": "Thử", "organisation_kind": "TELECOM",
            })),
            ("terms", json!([])),
            ("terms", json!([{"channel": "API", "mandatory": true}])),
            ("terms", json!([{"channel": "CHANNEL_UNSPECIFIED"}])),
            ("terms", json!([{"channel": "API"}, {"channel": "NDOP"}])),
            ("terms", json!([{"channel": "API", "start_date": date([2026, 10, 2])}])),
            ("terms", json!(vec![json!({"channel": "API"}); 51])),
            ("state_entries", json!([{"state": "ACTIVE", "reason": "thử"}])),
            ("state_entries", json!([{"state": "ACTIVE", "start_date": date([2026, 9, 1])}])),
            ("state_entries", json!([
                state("ENDED", [2026, 9, 1]), state("ACTIVE", [2026, 9, 2]),
            ])),
            ("state_entries", json!([
                state("ACTIVE", [2026, 9, 2]), state("ACTIVE", [2026, 9, 1]),
            ])),
            ("state_entries", json!([
                state("ACTIVE", [2026, 9, 1]), state("PLANNED", [2026, 9, 2]),
            ])),
            ("annulled", json!(true)),
        ] {
            let mut request = create("refused");
            request["data_flow"][field] = value;
            lines.push(violations(&people.steward.err("CreateDataFlow", request).await));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            data_flow.display_name REQUIRED
            data_flow.data_kinds[1] NOT_UNIQUE
            data_flow.data_kinds TOO_MANY_ITEMS
            data_flow.consumer REQUIRED
            data_flow.consumer NOT_ALLOWED
            data_flow.consumer.organisation_kind REQUIRED
            data_flow.consumer.organisation_kind NOT_ALLOWED
            data_flow.consumer.system NOT_ALLOWED
            data_flow.consumer.platform REFERENCE_NOT_FOUND
            data_flow.consumer.agency REFERENCE_NOT_FOUND
            data_flow.consumer NOT_ALLOWED
            data_flow.provider.system REQUIRED
            data_flow.provider.organisation NOT_ALLOWED
            data_flow.terms TOO_FEW_ITEMS
            data_flow.terms[0].document REQUIRED
            data_flow.terms[0].channel NOT_ALLOWED
            data_flow.terms[1].start_date REQUIRED
            data_flow.terms[0].start_date OUT_OF_RANGE
            data_flow.terms TOO_MANY_ITEMS
            data_flow.state_entries[0].start_date REQUIRED
            data_flow.state_entries[0].reason REQUIRED
            data_flow.state_entries[1].state NOT_ALLOWED
            data_flow.state_entries[1].start_date OUT_OF_RANGE
            data_flow.state_entries[1].state NOT_UNIQUE
            data_flow.state_entries[1].state NOT_ALLOWED
            data_flow.annulled NOT_ALLOWED
            ");
        }
        server.stop().await;
    }

    async fn what_is_dated_stays_and_a_mistake_counts_nowhere(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let made = people.editor.ok("CreateDataFlow", create("a")).await;
        let refused = async |raw: &Raw, request: Value| {
            violations(&raw.err("UpdateDataFlow", request).await)
        };
        let other = update(&made, "terms", &json!([made["terms"][1]]));
        assert_eq!(refused(&people.editor, other.clone()).await, "data_flow.terms[0] NOT_ALLOWED");
        assert_eq!(refused(&people.steward, other.clone()).await, "reason REQUIRED");
        let mut corrected = other;
        corrected["reason"] = json!("đính chính thử nghiệm");
        let corrected = people.steward.ok("UpdateDataFlow", corrected).await;
        assert_eq!(corrected["terms"].as_array().unwrap().len(), 1);
        let consumer = json!({"agency": "agencies/bo-tu-phap"});
        let moved = update(&made, "consumer", &consumer);
        let moved = json!({"data_flow": {"name": made["name"], "consumer": consumer},
            "update_mask": moved["update_mask"]});
        assert_eq!(refused(&people.editor, moved).await, "data_flow.consumer IMMUTABLE");

        let active = async || {
            let answer = people.editor.ok("ComputeConnections", json!({})).await;
            answer["data_flows"]["flow_count"].as_i64().unwrap()
        };
        assert_eq!(active().await, 1);
        let mut mistaken = update(&corrected, "annulled", &json!(true));
        mistaken["reason"] = json!("ghi nhầm (thử nghiệm)");
        let denied = people.editor.refusal("UpdateDataFlow", mistaken.clone()).await;
        assert_eq!(denied, "PermissionDenied PERMISSION_DENIED");
        let mistaken = people.steward.ok("UpdateDataFlow", mistaken).await;
        assert_eq!(active().await, 0);
        let again = people.approver.refusal("ConfirmDataFlow", confirm(&mistaken)).await;
        assert_eq!(again, "FailedPrecondition DATA_FLOW_IS_ANNULLED");
        let renamed = update(&mistaken, "display_name", &json!("Tên khác"));
        let again = people.editor.refusal("UpdateDataFlow", renamed).await;
        assert_eq!(again, "FailedPrecondition DATA_FLOW_IS_ANNULLED");
        let mut back = update(&mistaken, "annulled", &json!(false));
        back["reason"] = json!("thử nghiệm");
        people.steward.ok("UpdateDataFlow", back).await;
        assert_eq!(active().await, 1);
        server.stop().await;
    }

    async fn a_record_holds_a_hundred_confirmations(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let mut flow = people.editor.ok("CreateDataFlow", create("a")).await;
        for number in 0..50 {
            flow = people.approver.ok("ConfirmDataFlow", confirm(&flow)).await;
            flow = people.other_approver.ok("ConfirmDataFlow", confirm(&flow)).await;
            let name = json!(format!("Dữ liệu thử nghiệm {number}"));
            let renamed = update(&flow, "display_name", &name);
            flow = people.editor.ok("UpdateDataFlow", renamed).await;
        }
        let full = people.approver.refusal("ConfirmDataFlow", confirm(&flow)).await;
        assert_eq!(full, "FailedPrecondition DATA_FLOW_IS_FULL");
        server.stop().await;
    }

    /// The form of a published figure: 15 ministries, 1 enterprise, 3 telecoms and 34 localities.
    async fn the_consumers_of_a_platform_are_counted_by_class(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let anyone = server.raw(As::default());
        let agencies = catalogue::seed([catalogue::OPENING_EDITION]).unwrap().agencies;
        let kinds = ["MINISTRY", "MINISTERIAL_AGENCY", "GOVERNMENT_AGENCY"];
        let ministries = agencies.iter().filter(|it| kinds.contains(&it.fields.kind.as_str()));
        let localities = agencies.iter()
            .filter(|it| it.fields.kind.as_str() == "PROVINCIAL_PEOPLES_COMMITTEE");
        let mut flows = Vec::new();
        for agency in ministries.take(15).chain(localities) {
            let mut request = create(agency.name.id());
            request["data_flow"]["consumer"] = json!({"agency": agency.name.as_str()});
            flows.push(request);
        }
        for (id, name, kind) in [
            ("dn", "Tổng công ty thử nghiệm", "STATE_ENTERPRISE"),
            ("vt-1", "Viễn thông thử nghiệm 1", "TELECOM"),
            ("vt-2", "Viễn thông thử nghiệm 2", "TELECOM"),
            ("vt-3", "Viễn thông thử nghiệm 3", "TELECOM"),
            // the same consumer again, in another spelling
            ("vt-3-lai", "viễn  thông thử nghiệm 3", "TELECOM"),
        ] {
            flows.push(to_organisation(id, name, kind));
        }
        for request in &flows {
            people.steward.ok("CreateDataFlow", request.clone()).await;
        }
        // a flow that is not ACTIVE, and one of another provider
        let mut planned = to_organisation("sap-toi", "Tổ chức thử nghiệm", "OTHER");
        planned["data_flow"]["state_entries"] = json!([state("PLANNED", [2026, 9, 1])]);
        people.steward.ok("CreateDataFlow", planned).await;
        let mut elsewhere = to_organisation("khac", "Tổ chức thử nghiệm", "OTHER");
        elsewhere["data_flow"]["provider"] = json!({
            "agency": format!("agencies/{OTHER_AGENCY}"), "system": "Hệ thống thử nghiệm",
        });
        people.steward.ok("CreateDataFlow", elsewhere).await;

        let path = format!("GET /v1/dataFlows:computeConnections?provider={PROVIDER}");
        let over_http = send(&server.address, &path, &[], "").await.json();
        assert_eq!(over_http["dataFlows"]["partyCount"], 53);
        let answer = anyone.ok("ComputeConnections", json!({"provider": PROVIDER})).await;
        let counts = &answer["data_flows"];
        let classes = by(counts, "party_class_counts", "party_class", "party_count");
        assert_eq!(classes, counted([
            ("MINISTRY", 15), ("STATE_ENTERPRISE", 1), ("TELECOM", 3), ("LOCALITY", 34),
        ]));
        assert_eq!(
            by(counts, "channel_counts", "channel", "active_flow_count"),
            counted([("NDOP", 5), ("NDXP", 49)])
        );
        assert_eq!(
            by(counts, "state_counts", "state", "flow_count"),
            counted([("ACTIVE", 54), ("PLANNED", 1)])
        );
        assert_eq!(counts["unconfirmed_flow_count"], 55);
        let count = async |request: Value| {
            let answer = anyone.ok("ComputeConnections", request).await;
            answer["data_flows"]["party_count"].as_i64().unwrap()
        };
        assert_eq!(count(json!({})).await, 54);
        assert_eq!(count(json!({"provider": format!("agencies/{AGENCY}")})).await, 53);
        assert_eq!(count(json!({"provider": format!("agencies/{OTHER_AGENCY}")})).await, 1);
        let before = json!({"effective_date": date([2026, 8, 31])});
        assert_eq!(count(before).await, 0);
        let missing = json!({"provider": "platforms/khong-co"});
        let missing = anyone.refusal("ComputeConnections", missing).await;
        assert_eq!(missing, "NotFound RESOURCE_NOT_FOUND");
        let later = json!({"effective_date": date([2026, 10, 2])});
        let later = anyone.refusal("ComputeConnections", later).await;
        assert_eq!(later, "OutOfRange OUT_OF_RANGE");

        // the list answers the same, and pages
        let mut listed = BTreeMap::new();
        let mut request = json!({
            "filter": format!("provider.platform = \"{PROVIDER}\" AND state = ACTIVE"),
            "order_by": "consumer_class, name", "page_size": 20,
        });
        loop {
            let page = anyone.ok("ListDataFlows", request.clone()).await;
            for flow in page["data_flows"].as_array().unwrap() {
                let class = flow["consumer_class"].as_str().unwrap().to_owned();
                *listed.entry(class).or_insert(0) += 1;
            }
            request["page_token"] = page["next_page_token"].clone();
            if page["next_page_token"].as_str().unwrap_or_default().is_empty() {
                break;
            }
        }
        assert_eq!(listed, counted([
            ("MINISTRY", 15), ("STATE_ENTERPRISE", 1), ("TELECOM", 4), ("LOCALITY", 34),
        ]));
        for (filter, found) in [
            ("mandatory = true", 49),
            ("channel = NDOP AND consumer_class = TELECOM", 4),
            ("consumer.organisation_kind = STATE_ENTERPRISE", 1),
            ("consumer_confirmation.state = NOT_APPLICABLE", 7),
            ("provider.agency:*", 1),
            ("one_sided = true", 0),
            ("\"thong thu nghiem 2\"", 1),
        ] {
            let request = json!({"filter": filter, "page_size": 1000});
            let answer = anyone.ok("ListDataFlows", request).await;
            let listed = answer["data_flows"].as_array().map_or(0, Vec::len);
            assert_eq!(listed, found, "{filter}");
        }
        server.stop().await;
    }

    async fn summaries_and_items_tell_what_is_open(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let anyone = server.raw(As::default());
        let made = people.editor.ok("CreateDataFlow", create("a")).await;
        people.approver.ok("ConfirmDataFlow", confirm(&made)).await;
        let mut suspended = create("b");
        suspended["data_flow"]["state_entries"] =
            json!([state("ACTIVE", [2026, 9, 1]), state("SUSPENDED", [2026, 9, 20])]);
        people.editor.ok("CreateDataFlow", suspended).await;
        let summary = async |request: Value| {
            anyone.ok("ComputeSummary", request).await["data_flows"].clone()
        };
        let items = async || {
            let kinds = "FLOW_ONE_SIDED OR FLOW_OFF_CHANNEL OR FLOW_SUSPENDED";
            let request = json!({"filter": format!("kind = ({kinds})")});
            let answer = anyone.ok("ListAttentionItems", request).await;
            let items = answer["attention_items"].as_array().cloned().unwrap_or_default();
            let items = items.into_iter().map(|it| {
                let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
                let start = &it["start_date"];
                format!(
                    "{} {} {} {} {}-{}", text("kind"), text("resource"), text("platform"),
                    text("agency"), start["month"], start["day"],
                )
            });
            items.collect::<Vec<_>>()
        };
        let whole = summary(json!({})).await;
        assert_eq!(whole["flow_count"], 2);
        assert_eq!((&whole["one_sided_flow_count"], &whole["suspended_flow_count"]),
            (&json!(1), &json!(1)));
        assert_eq!(whole["off_channel_flow_count"], Value::Null);
        assert_eq!(whole["party_count"], 1);
        for (agency, flows) in [(AGENCY, 2), (OTHER_AGENCY, 2), ("bo-tu-phap", 0)] {
            let of = summary(json!({"agency": format!("agencies/{agency}")})).await;
            assert_eq!(of["flow_count"], flows, "{agency}");
        }
        assert_eq!(items().await, [
            "FLOW_SUSPENDED dataFlows/b platforms/ndp-001 agencies/bo-cong-an 9-20",
        ]);

        // from the day that the steward sets, mandatory data goes through NDOP
        let edition = json!({
            "edition": {"name": "editions/2618-qd-bkhcn",
                "ndop_mandatory_date": date([2026, 9, 15])},
            "update_mask": "ndopMandatoryDate",
        });
        people.steward.ok("UpdateEdition", edition).await;
        let whole = summary(json!({})).await;
        assert_eq!(whole["off_channel_flow_count"], 1);
        assert_eq!(whole["ndop_mandatory_date"], date([2026, 9, 15]));
        let then = summary(json!({"effective_date": date([2026, 9, 14])})).await;
        assert_eq!(then["off_channel_flow_count"], 0);
        assert_eq!(then["suspended_flow_count"], 0);

        // after more than thirty days one side is late
        server.clock.advance(31 * DAY);
        assert_eq!(items().await, [
            "FLOW_OFF_CHANNEL dataFlows/a platforms/ndp-001 agencies/bo-cong-an 9-15",
            "FLOW_ONE_SIDED dataFlows/a platforms/ndp-001 agencies/bo-y-te 10-1",
            "FLOW_SUSPENDED dataFlows/b platforms/ndp-001 agencies/bo-cong-an 9-20",
        ]);

        let timeline = json!({
            "edition": "editions/-", "start_date": date([2026, 8, 30]),
            "end_date": date([2026, 10, 4]), "metrics": ["DATA_FLOWS_ACTIVE"],
            "agency": "agencies/bo-y-te",
        });
        let timeline = anyone.ok("ComputeTimeline", timeline).await;
        let points = timeline["points"].as_array().unwrap();
        let points = points.iter().map(|it| it["counts"][0].as_i64().unwrap());
        assert_eq!(points.collect::<Vec<_>>(), [0, 2, 2, 1, 1, 1]);

        // the channels that a platform declares, compared with its flows
        let failures = async || {
            let request = json!({"edition": "editions/-", "page_size": 1000});
            let quality = anyone.ok("ComputeDataQuality", request).await;
            let records = quality["failing_records"].as_array().unwrap().iter();
            let mut record = records.filter(|it| it["resource"] == PROVIDER);
            let failures = record.next().unwrap()["failures"].as_array().unwrap().clone();
            let rules = failures.iter().map(|it| it["rule"].as_str().unwrap().to_owned());
            rules.filter(|it| it.starts_with("CHANNELS_")).collect::<Vec<_>>()
        };
        assert_eq!(failures().await, ["CHANNELS_AS_FLOWS"]);
        let declared = json!({
            "platform": {"name": PROVIDER, "data_sharing_channels": ["NDXP", "LGSP"]},
            "update_mask": "dataSharingChannels",
        });
        people.editor.ok("UpdatePlatform", declared).await;
        assert_eq!(failures().await, ["CHANNELS_USED"]);
        server.stop().await;
    }

    async fn a_flow_is_followed_checked_and_read_with_sql(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let people = People::new(&server).await;
        let made = people.editor.ok("CreateDataFlow", create("a")).await;
        people.approver.ok("ConfirmDataFlow", confirm(&made)).await;

        let mut watch = ChangeServiceClient::new(server.intercepted(As::default()));
        let request = pb::WatchChangesRequest {
            start: Start::Beginning.into(),
            resources: vec!["dataFlows/-".to_owned()],
            ..Default::default()
        };
        let mut watch = watch.watch_changes(request).await.unwrap().into_inner();
        let mut changes = Vec::new();
        while changes.len() < 2 {
            if let Some(Event::Change(change)) = watch.message().await.unwrap().unwrap().event {
                changes.push(change);
            }
        }
        assert_eq!(changes[0].method, "CreateDataFlow");
        let record = changes[1].effects[0].new_record.clone().unwrap().record.unwrap();
        let pb::record::Record::DataFlow(seen) = record else { panic!("{record:?}") };
        assert_eq!(seen.provider_confirmation.as_ref().unwrap().principal, "");
        assert_eq!(seen.provider_agency, format!("agencies/{AGENCY}"));
        drop(watch);

        let address = &server.address;
        let answer = send(address, "GET /v1/dataFlows/a", &[], "").await.json();
        assert_eq!(answer["displayName"], made["display_name"]);
        let headers = [("authorization", people.key.sent()), ("content-type", "application/json")];
        let body = json!({"displayName": "Tên khác"}).to_string();
        let what = "PATCH /v1/dataFlows/a?updateMask=displayName";
        let patched = send(address, what, &headers, body).await;
        assert_eq!((patched.status, &patched.json()["displayName"]), (200, &json!("Tên khác")));

        let mut sql = Sql::connect(&engine.url()).await;
        let counted = sql.number(
            "SELECT count(*) FROM data_flows WHERE name = 'dataFlows/a' \
             AND display_name = 'Tên khác' AND state = 'ACTIVE' AND channel = 'NDXP' \
             AND state_start_date = '2026-09-01' AND mandatory AND NOT annulled \
             AND consumer_agency = 'agencies/bo-y-te'",
        );
        assert_eq!(counted.await, 1);
        assert_eq!(server.store.verify().await.unwrap().findings, []);
        server.stop().await;
    }
}
