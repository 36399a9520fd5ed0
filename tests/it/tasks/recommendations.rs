//! Recommendations over the wire: received, taken into review, forwarded, answered or rejected
//! within a term that has a legal basis, and counted for any date as it was. All are synthetic.

use ndp_core::records::principals::{PrincipalKind, Role};
use ndp_registry::pb::{
    self, change_service_client::ChangeServiceClient, watch_changes_request::Start,
    watch_changes_response::Event,
};
use serde_json::{Value, json};

use super::{lifecycle as tasks, programmes};
use crate::harness::{
    Engine, both,
    http::send,
    plans::{AGENCY, Cast, DECISION_DAY, OTHER_AGENCY, date, decision},
    raw::{Raw, violations},
    server::{As, Server},
    sql::Sql,
};

/// A request that records a recommendation of 1 September 2026 for [`AGENCY`], with few fields.
pub(crate) fn create(id: &str) -> Value {
    json!({"recommendation_id": id, "recommendation": {
        "kind": "RECOMMENDATION", "display_name": format!("Kiến nghị thử nghiệm {id}"),
        "content": "Nội dung thử nghiệm", "sender_kind": "CITIZEN",
        "receive_date": date([2026, 9, 1]), "agency": format!("agencies/{AGENCY}"),
    }})
}

/// The usual callers, with the tasks that recommendations name here.
async fn cast_with_tasks(server: &Server) -> Cast {
    let cast = Cast::new(server).await;
    make_tasks(&cast, &["thu-nghiem", "mot", "a"]).await;
    cast
}

async fn make_tasks(cast: &Cast, ids: &[&str]) {
    let programme = programmes::create("kien-nghi");
    let programme = cast.steward.ok("CreateProgramme", programme).await;
    for id in ids {
        cast.steward
            .ok("CreateTask", tasks::create(id, &programme))
            .await;
    }
}

/// The same with every field that a client writes at first.
fn create_full(id: &str) -> Value {
    let mut request = create(id);
    let full = json!({
        "sender_kind": "AGENCY", "sender_agency": format!("agencies/{OTHER_AGENCY}"),
        "source_system": "cong-thu-nghiem", "external_id": format!("so-{id}"),
        "term": {
            "day_count": 15, "day_kind": "WORKING", "forward_day_count": 2,
            "legal_basis": decision(DECISION_DAY), "legal_basis_text": "Điều thử nghiệm",
        },
        "subjects": ["platforms/ndp-001", "tasks/thu-nghiem"],
    });
    for (field, value) in full.as_object().unwrap() {
        request["recommendation"][field] = value.clone();
    }
    request
}

fn step(record: &Value) -> Value {
    json!({"name": record["name"], "etag": record["etag"], "reason": "thử nghiệm"})
}

fn with(record: &Value, fields: Value) -> Value {
    let mut request = step(record);
    for (field, value) in fields.as_object().unwrap() {
        request[field] = value.clone();
    }
    request
}

fn update(record: &Value, fields: Value) -> Value {
    let mut message = json!({"name": record["name"], "etag": record["etag"]});
    for (field, value) in fields.as_object().unwrap() {
        message[field] = value.clone();
    }
    json!({"recommendation": message})
}

/// A request that answers.
pub(crate) fn answer(record: &Value) -> Value {
    with(
        record,
        json!({
            "text": "Trả lời thử nghiệm", "outcome": "ACCEPTED", "document": decision(DECISION_DAY),
        }),
    )
}

/// A recommendation that is RECEIVED.
pub(crate) async fn received(cast: &Cast, id: &str) -> Value {
    cast.steward.ok("CreateRecommendation", create(id)).await
}

/// A recommendation that is IN_REVIEW since 3 September 2026.
pub(crate) async fn reviewed(cast: &Cast, id: &str) -> Value {
    let record = received(cast, id).await;
    let fields = json!({"review_date": date([2026, 9, 3])});
    cast.editor
        .ok("UpdateRecommendation", update(&record, fields))
        .await
}

/// A recommendation that is ANSWERED.
pub(crate) async fn answered(cast: &Cast, id: &str) -> Value {
    let record = reviewed(cast, id).await;
    cast.approver
        .ok("AnswerRecommendation", answer(&record))
        .await
}

/// Three of them, so that every field is in some and not in others; one of them is late.
pub(crate) async fn of_every_field(all: &Raw, cast: &Cast) {
    make_tasks(cast, &["thu-nghiem"]).await;
    let full = all.ok("CreateRecommendation", create_full("a")).await;
    let fields = json!({
        "review_date": date([2026, 9, 3]),
        "steps": [{"kind": "SCREENED", "step_date": date([2026, 9, 4]), "note": "thử"}],
        "tasks": [{"task": "tasks/thu-nghiem", "link_date": date([2026, 9, 20])}],
    });
    let full = cast
        .editor
        .ok("UpdateRecommendation", update(&full, fields))
        .await;
    cast.approver
        .ok("AnswerRecommendation", answer(&full))
        .await;
    let rejected = received(cast, "b").await;
    let reject = with(&rejected, json!({"ground": "INVALID"}));
    cast.approver.ok("RejectRecommendation", reject).await;
    let mut late = create("c");
    late["recommendation"]["term"] = json!({"day_count": 5, "legal_basis_text": "thử"});
    all.ok("CreateRecommendation", late).await;
}

async fn get(caller: &Raw, record: &Value) -> Value {
    caller
        .ok("GetRecommendation", json!({"name": record["name"]}))
        .await
}

/// The counts of a date, of an agency or of all, that are not 0.
async fn counts(caller: &Raw, agency: &str, on: [i32; 3]) -> String {
    let request = json!({"agency": agency, "effective_date": date(on)});
    let summary = caller.ok("ComputeSummary", request).await;
    let counts = summary["recommendations"].as_object().unwrap();
    assert_eq!(counts.len(), 11, "{counts:?}");
    let counted = counts.iter().filter(|(_, count)| **count != json!(0));
    let counted = counted.map(|(name, count)| format!("{} {count}", name.replace("_count", "")));
    counted.collect::<Vec<_>>().join(", ")
}

both! {
    async fn a_recommendation_goes_its_way(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        let anyone = server.raw(As::default());
        let other = [Role::AgencyEditor, Role::AgencyApprover];
        let other = server.raw(server.person("other", &other, Some(OTHER_AGENCY)).await);

        let mut trial = create_full("mot");
        trial["validate_only"] = json!(true);
        cast.steward.ok("CreateRecommendation", trial).await;
        let mut request = create_full("mot");
        request["request_id"] = json!("5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958");
        let made = other.ok("CreateRecommendation", request.clone()).await;
        assert_eq!(other.ok("CreateRecommendation", request).await, made);
        let sent = &create_full("mot")["recommendation"];
        for (field, value) in sent.as_object().unwrap() {
            if field != "term" {
                assert_eq!(&made[field], value, "{field}");
            }
        }
        // from Tuesday 1 September: 2 September is a holiday, and 15 days are counted in all
        assert_eq!(made["answer_due_date"], date([2026, 9, 23]));
        assert_eq!(made["state"], "RECEIVED");
        assert_eq!(made["term_calendar_known"], true);
        assert_eq!(made["standing"]["state"], "OVERDUE", "a month later");

        // hidden until it is taken into review, except from the agencies involved
        assert_eq!(get(&other, &made).await, made);
        assert_eq!(get(&cast.editor, &made).await["name"], made["name"]);
        let hidden = anyone.refusal("GetRecommendation", json!({"name": made["name"]})).await;
        assert_eq!(hidden, "NotFound RESOURCE_NOT_FOUND");
        let listed = async |caller: &Raw| {
            let list = caller.ok("ListRecommendations", json!({})).await;
            list["recommendations"].as_array().map_or(0, Vec::len)
        };
        assert_eq!((listed(&anyone).await, listed(&other).await), (0, 1));
        let early = cast.approver.refusal("AnswerRecommendation", answer(&made)).await;
        assert_eq!(early, "FailedPrecondition RECOMMENDATION_STATE");

        let forwarded = cast.editor.ok("ForwardRecommendation", with(&made, json!({
            "agency": format!("agencies/{OTHER_AGENCY}"), "forward_date": date([2026, 9, 7]),
            "document": decision(DECISION_DAY),
        }))).await;
        // two working days after 1 September are over on Friday 4 September
        let forward = &forwarded["forwards"][0];
        assert_eq!((&forward["due_date"], &forward["punctual"]),
            (&date([2026, 9, 4]), &json!(false)));
        assert_eq!(forwarded["agency"], format!("agencies/{OTHER_AGENCY}"));
        assert_eq!(forwarded["answer_due_date"], made["answer_due_date"]);
        assert_eq!(forwarded["standing"]["punctually_forwarded"], false);
        // the agency that forwarded it still sees it, and cannot decide on it
        assert_eq!(get(&cast.editor, &made).await["etag"], forwarded["etag"]);
        let again = with(&forwarded, json!({"agency": format!("agencies/{AGENCY}")}));
        let denied = cast.editor.refusal("ForwardRecommendation", again).await;
        assert_eq!(denied, "PermissionDenied PERMISSION_DENIED");

        let reviewed = other.ok("UpdateRecommendation", update(&forwarded, json!({
            "review_date": date([2026, 9, 8]),
            "steps": [{"kind": "SCREENED", "step_date": date([2026, 9, 8])},
                {"kind": "RECOGNISED", "step_date": date([2026, 9, 14])}],
        }))).await;
        assert_eq!(reviewed["state"], "IN_REVIEW");
        let seen = get(&anyone, &made).await;
        assert_eq!(seen["etag"], reviewed["etag"]);
        // what was written while it was hidden stays hidden
        let past = json!({"name": made["name"], "read_revision": made["revision"]});
        let hidden = anyone.refusal("GetRecommendation", past.clone()).await;
        assert_eq!(hidden, "NotFound RESOURCE_NOT_FOUND");
        assert_eq!(other.ok("GetRecommendation", past).await["state"], "RECEIVED");

        // a moved due date needs a document, from whose day it holds
        let longer = json!({"term": {"day_count": 20, "day_kind": "WORKING",
            "legal_basis_text": "Điều thử nghiệm"}});
        let refused = other.err("UpdateRecommendation", update(&reviewed, longer.clone())).await;
        assert_eq!(violations(&refused), "recommendation.term.document REQUIRED");
        let mut moved = longer;
        moved["term"]["document"] = decision([2026, 9, 22]);
        let moved = other.ok("UpdateRecommendation", update(&reviewed, moved)).await;
        assert_eq!(moved["answer_due_date"], date([2026, 9, 30]));
        assert_eq!(moved["terms"][1]["start_date"], date([2026, 9, 22]));
        assert_eq!(moved["terms"].as_array().unwrap().len(), 2);

        let answered = other.ok("AnswerRecommendation", with(&moved, json!({
            "text": "Trả lời thử nghiệm", "outcome": "PARTLY", "answer_date": date([2026, 9, 29]),
            "document": decision([2026, 9, 29]), "evidence": [{"note": "thử"}],
        }))).await;
        assert_eq!((&answered["state"], &answered["answer"]["outcome"]),
            (&json!("ANSWERED"), &json!("PARTLY")));
        let standing = &answered["standing"];
        assert_eq!((&standing["state"], &standing["waited_day_count"]),
            (&json!("ANSWERED_ON_TIME"), &json!(28)));
        assert_eq!(
            other.refusal("UpdateRecommendation", update(&answered, json!({"content": "x"}))).await,
            "FailedPrecondition RECOMMENDATION_STATE"
        );
        let linked = other.ok("UpdateRecommendation", update(&answered, json!({
            "tasks": [{"task": "tasks/mot"}],
        }))).await;
        assert_eq!(linked["tasks"][0]["link_date"], date([2026, 10, 1]));

        // only the steward reopens it, from a day on
        let denied = other.refusal("ReopenRecommendation", step(&linked)).await;
        assert_eq!(denied, "PermissionDenied PERMISSION_DENIED");
        let reopened = cast.steward.ok("ReopenRecommendation", with(&linked, json!({
            "reopen_date": date([2026, 9, 30]),
        }))).await;
        assert_eq!((&reopened["state"], reopened.get("answer")), (&json!("IN_REVIEW"), None));
        assert_eq!(reopened["decisions"].as_array().unwrap().len(), 2);
        assert_eq!(reopened["decisions"][0]["answer"], answered["answer"]);
        assert_eq!(reopened["standing"]["state"], "OVERDUE");
        assert_eq!(
            cast.steward.refusal("ReopenRecommendation", step(&reopened)).await,
            "FailedPrecondition RECOMMENDATION_STATE"
        );
        let stale = other.refusal("AnswerRecommendation", answer(&linked)).await;
        assert_eq!(stale, "Aborted ETAG_NOT_CURRENT");

        // each date is answered as it was
        let everyone = |on| counts(&anyone, "", on);
        assert_eq!(everyone([2026, 9, 7]).await, "");
        assert_eq!(counts(&cast.steward, "", [2026, 9, 7]).await,
            "forwarded 1, late_forwarded 1, received 1, waiting 1");
        let first = format!("agencies/{AGENCY}");
        let second = format!("agencies/{OTHER_AGENCY}");
        assert_eq!(counts(&cast.steward, &first, [2026, 9, 6]).await, "received 1, waiting 1");
        assert_eq!(counts(&cast.steward, &first, [2026, 9, 7]).await, "");
        assert_eq!(counts(&anyone, &second, [2026, 9, 29]).await,
            "answered_on_time 1, eligible 1, forwarded 1, late_forwarded 1, received 1");
        assert_eq!(everyone([2026, 10, 1]).await,
            "eligible 1, forwarded 1, late_forwarded 1, overdue 1, received 1, task_made 1");
        server.stop().await;
    }

    async fn what_a_recommendation_lacks_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        cast.steward.ok("CreateRecommendation", create_full("there")).await;
        let draft = cast.draft("ndp-001", "draft").await;
        let steps = |day| json!([{"kind": "SCREENED", "step_date": date(day)}]);
        let mut lines = Vec::new();
        for (field, value) in [
            ("kind", json!("KIND_UNSPECIFIED")),
            ("display_name", json!("")),
            ("content", json!("x".repeat(4001))),
            ("content", json!("Gọi tôi theo số 0912345678")),
            ("sender_kind", json!("AGENCY")),
            ("sender_agency", json!("agencies/bo-y-te")),
            ("external_id", json!("1")),
            ("receive_date", json!(null)),
            ("receive_date", date([2026, 10, 2])),
            ("agency", json!("")),
            ("agency", json!("agencies/none")),
            ("term", json!({"legal_basis_text": "thử"})),
            ("term", json!({"day_count": 5})),
            ("term", json!({"day_count": 5, "legal_basis": {"symbol": "1/QĐ-THU"}})),
            ("term", json!({"day_count": 5, "legal_basis_text": "thử",
                "document": decision(DECISION_DAY)})),
            ("subjects", json!(["platforms/none"])),
            ("subjects", json!([draft["name"]])),
            ("subjects", json!(["agencies/bo-y-te"])),
            ("subjects", json!(["platforms/ndp-001", "platforms/ndp-001"])),
            ("review_date", date([2026, 8, 31])),
            ("steps", steps([2026, 10, 2])),
            ("steps", json!([steps([2026, 9, 4])[0], steps([2026, 9, 3])[0]])),
            ("steps", json!([{"kind": "SCREENED"}])),
            ("tasks", json!([{"task": "tasks/a"}, {"task": "tasks/a"}])),
            ("tasks", json!([{"task": "a"}])),
        ] {
            let mut request = create("refused");
            if value.is_null() {
                request["recommendation"].as_object_mut().unwrap().remove(field);
            } else {
                request["recommendation"][field] = value;
            }
            lines.push(violations(&cast.steward.err("CreateRecommendation", request).await));
        }
        let mut again = create_full("again");
        again["recommendation"]["external_id"] = json!("so-there");
        lines.push(violations(&cast.steward.err("CreateRecommendation", again).await));

        let kept = reviewed(&cast, "kept").await;
        for fields in [
            json!({"receive_date": date([2026, 9, 2])}),
            json!({"agency": "agencies/bo-y-te"}),
            json!({"review_date": date([2026, 9, 4])}),
        ] {
            let refused = cast.editor.err("UpdateRecommendation", update(&kept, fields)).await;
            lines.push(violations(&refused));
        }
        for (method, fields) in [
            ("ForwardRecommendation", json!({"agency": format!("agencies/{AGENCY}")})),
            ("ForwardRecommendation", json!({"agency": "agencies/none"})),
            ("ForwardRecommendation", json!({
                "agency": "agencies/bo-y-te", "forward_date": date([2026, 8, 31]),
            })),
            ("AnswerRecommendation", json!({"text": "x", "outcome": "OUTCOME_UNSPECIFIED"})),
            ("AnswerRecommendation", json!({"text": " ", "outcome": "ACCEPTED"})),
            ("AnswerRecommendation", json!({
                "text": "x", "outcome": "ACCEPTED", "answer_date": date([2026, 9, 2]),
            })),
            ("AnswerRecommendation", json!({
                "text": "x", "outcome": "ACCEPTED", "answer_date": date([2026, 10, 2]),
            })),
            ("RejectRecommendation", json!({"ground": "DUPLICATE"})),
            ("RejectRecommendation", json!({"ground": "DUPLICATE", "original": kept["name"]})),
            ("RejectRecommendation", json!({
                "ground": "DUPLICATE", "original": "recommendations/there",
            })),
            ("RejectRecommendation", json!({
                "ground": "INVALID", "original": "recommendations/there",
            })),
            ("RejectRecommendation", json!({"ground": "INVALID", "reason": ""})),
        ] {
            let refused = cast.approver.err(method, with(&kept, fields)).await;
            lines.push(violations(&refused));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            recommendation.kind REQUIRED
            recommendation.display_name REQUIRED
            recommendation.content TOO_LONG
            recommendation.content PERSONAL_DATA
            recommendation.sender_agency REQUIRED
            recommendation.sender_agency NOT_ALLOWED
            recommendation.source_system REQUIRED
            recommendation.receive_date REQUIRED
            recommendation.receive_date OUT_OF_RANGE
            recommendation.agency PATTERN
            recommendation.agency REFERENCE_NOT_FOUND
            recommendation.term.day_count OUT_OF_RANGE
            recommendation.term.legal_basis REQUIRED
            recommendation.term.legal_basis.issuer REQUIRED
            recommendation.term.legal_basis.issue_date REQUIRED
            recommendation.term.document NOT_ALLOWED
            recommendation.subjects[0] REFERENCE_NOT_FOUND
            recommendation.subjects[0] REFERENCE_NOT_FOUND
            recommendation.subjects[0] PATTERN
            recommendation.subjects[1] NOT_UNIQUE
            recommendation.review_date OUT_OF_RANGE
            recommendation.steps[0].step_date OUT_OF_RANGE
            recommendation.steps[1].step_date OUT_OF_RANGE
            recommendation.steps[0].step_date REQUIRED
            recommendation.tasks[1].task NOT_UNIQUE
            recommendation.tasks[0].task PATTERN
            recommendation.external_id NOT_UNIQUE
            recommendation.receive_date IMMUTABLE
            recommendation.agency IMMUTABLE
            recommendation.review_date IMMUTABLE
            agency NOT_ALLOWED
            agency REFERENCE_NOT_FOUND
            forward_date OUT_OF_RANGE
            outcome NOT_ALLOWED
            text REQUIRED
            answer_date OUT_OF_RANGE
            answer_date OUT_OF_RANGE
            original REQUIRED
            original REFERENCE_NOT_FOUND
            original REFERENCE_NOT_FOUND
            original NOT_ALLOWED
            reason REQUIRED
            ");
        }
        server.stop().await;
    }

    async fn a_year_that_the_calendar_does_not_know_is_a_warning(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        let mut request = create("nam-truoc");
        let record = &mut request["recommendation"];
        record["receive_date"] = date([2025, 12, 30]);
        record["term"] = json!({"day_count": 2, "day_kind": "WORKING",
            "legal_basis": decision([2025, 6, 16])});
        let made = cast.editor.ok("CreateRecommendation", request).await;
        // 1 January is off by law each year
        assert_eq!(made["answer_due_date"], date([2026, 1, 2]));
        assert_eq!(made["term_calendar_known"], false);
        assert_eq!(counts(&cast.editor, "", [2026, 1, 2]).await,
            "calendar_unknown 1, received 1, waiting 1");
        // Tết of 2026 is in the calendar
        let mut request = create("tet");
        let record = &mut request["recommendation"];
        record["receive_date"] = date([2026, 2, 13]);
        record["term"] = json!({"day_count": 1, "day_kind": "WORKING",
            "legal_basis": decision([2025, 6, 16])});
        let made = cast.editor.ok("CreateRecommendation", request).await;
        assert_eq!(made["answer_due_date"], date([2026, 2, 23]));
        assert_eq!(made["term_calendar_known"], true);
        server.stop().await;
    }

    async fn agencies_and_portals_record_for_themselves(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        let portal = [Role::AgencyEditor];
        let portal =
            server.principal("portal", PrincipalKind::System, &portal, Some("bo-tai-chinh")).await;
        let portal = server.raw(portal);
        let other = [Role::AgencyEditor];
        let other = server.raw(server.person("other", &other, Some(OTHER_AGENCY)).await);
        cast.editor.ok("CreateRecommendation", create("own")).await;
        let denied = other.refusal("CreateRecommendation", create("others")).await;
        assert_eq!(denied, "PermissionDenied PERMISSION_DENIED");
        other.ok("CreateRecommendation", create_full("sent")).await;
        let denied = portal.refusal("CreateRecommendation", create("unnumbered")).await;
        assert_eq!(denied, "PermissionDenied PERMISSION_DENIED");
        let mut numbered = create_full("");
        let request = numbered.as_object_mut().unwrap();
        request.remove("recommendation_id");
        let made = portal.ok("CreateRecommendation", numbered).await;
        assert_eq!(made["name"].as_str().unwrap().len(), "recommendations/".len() + 8);
        // it sees what it has recorded, and decides nothing
        assert_eq!(get(&portal, &made).await["name"], made["name"]);
        let denied = portal.refusal("ForwardRecommendation", with(&made, json!({
            "agency": format!("agencies/{OTHER_AGENCY}"),
        }))).await;
        assert_eq!(denied, "PermissionDenied PERMISSION_DENIED");
        server.stop().await;
    }

    async fn what_was_rejected_counts_as_such_and_can_be_put_back(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        let anyone = server.raw(As::default());
        let kept = reviewed(&cast, "kept").await;
        let repeats = reviewed(&cast, "repeats").await;
        let rejected = cast.approver.ok("RejectRecommendation", with(&repeats, json!({
            "ground": "DUPLICATE", "original": kept["name"],
            "reject_date": date([2026, 9, 10]),
        }))).await;
        assert_eq!(rejected["rejection"]["original"], kept["name"]);
        assert_eq!(rejected["decisions"][0]["reason"], "thử nghiệm");
        assert_eq!(get(&anyone, &rejected).await["standing"]["state"], "REJECTED");
        assert_eq!(counts(&anyone, "", [2026, 9, 9]).await, "eligible 2, received 2, waiting 2");
        assert_eq!(counts(&anyone, "", [2026, 9, 10]).await,
            "eligible 1, received 2, rejected 1, waiting 1");
        // one that was never in review stays hidden when it is rejected
        let hidden = received(&cast, "hidden").await;
        let reject = with(&hidden, json!({"ground": "OUT_OF_SCOPE"}));
        let hidden = cast.approver.ok("RejectRecommendation", reject).await;
        let received = anyone.refusal("GetRecommendation", json!({"name": hidden["name"]})).await;
        assert_eq!(received, "NotFound RESOURCE_NOT_FOUND");
        let reopened = cast.steward.ok("ReopenRecommendation", step(&hidden)).await;
        assert_eq!(reopened["state"], "IN_REVIEW");
        assert_eq!(get(&anyone, &reopened).await["etag"], reopened["etag"]);
        server.stop().await;
    }

    async fn a_recommendation_is_full_where_it_was_forwarded_often(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        let other = [Role::AgencyEditor];
        let other = server.raw(server.person("other", &other, Some(OTHER_AGENCY)).await);
        let mut record = received(&cast, "often").await;
        for turn in 0..20 {
            let (from, to) = match turn % 2 {
                0 => (&cast.editor, OTHER_AGENCY),
                _ => (&other, AGENCY),
            };
            let forward = with(&record, json!({"agency": format!("agencies/{to}")}));
            record = from.ok("ForwardRecommendation", forward).await;
        }
        let once_more = with(&record, json!({"agency": format!("agencies/{OTHER_AGENCY}")}));
        assert_eq!(
            cast.editor.refusal("ForwardRecommendation", once_more).await,
            "FailedPrecondition RECOMMENDATION_IS_FULL"
        );
        server.stop().await;
    }

    async fn late_ones_are_in_timelines_attention_and_quality(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        let anyone = server.raw(As::default());
        let mut request = create("late");
        request["recommendation"]["term"] = json!({"day_count": 10, "legal_basis_text": "thử"});
        let late = cast.steward.ok("CreateRecommendation", request).await;
        let review = json!({"review_date": date([2026, 9, 3])});
        let late = cast.editor.ok("UpdateRecommendation", update(&late, review)).await;

        let timeline = json!({
            "interval": "DAY", "start_date": date([2026, 9, 2]), "end_date": date([2026, 9, 13]),
            "metrics": ["RECOMMENDATIONS", "RECOMMENDATIONS_ANSWERED", "RECOMMENDATIONS_OVERDUE",
                "PLATFORMS_HELD"],
        });
        let timeline = anyone.ok("ComputeTimeline", timeline).await;
        let points = timeline["points"].as_array().unwrap();
        let at = |index: usize| points[index]["counts"].clone();
        assert_eq!((at(0), at(1)), (json!([0, 0, 0, 84]), json!([1, 0, 0, 84])));
        assert_eq!((at(9), at(10)), (json!([1, 0, 0, 84]), json!([1, 0, 1, 84])));

        let items = json!({"filter": "kind = \"UNANSWERED_RECOMMENDATION\""});
        let items = anyone.ok("ListAttentionItems", items).await;
        let item = &items["attention_items"][0];
        assert_eq!(item["resource"], late["name"]);
        assert_eq!((&item["start_date"], &item["day_count"]), (&date([2026, 9, 12]), &json!(19)));
        assert_eq!(item["agency"], late["agency"]);
        assert_eq!(item.get("platform"), None);

        let quality = json!({"criterion": "LIVE", "page_size": 1000});
        let quality = anyone.ok("ComputeDataQuality", quality).await;
        let failing = quality["failing_records"].as_array().unwrap();
        let failing = failing.iter().find(|it| it["resource"] == late["name"]).unwrap();
        assert_eq!(failing["failures"],
            json!([{"criterion": "LIVE", "rule": "ANSWERED_IN_TERM"}]));

        let answer = with(&late, json!({"text": "Trả lời", "outcome": "NOT_ACCEPTED"}));
        cast.approver.ok("AnswerRecommendation", answer).await;
        assert_eq!(counts(&anyone, "", [2026, 10, 1]).await,
            "answered_late 1, eligible 1, received 1");
        let quality = json!({"criterion": "CORRECT", "page_size": 1000, "agency": late["agency"]});
        let quality = anyone.ok("ComputeDataQuality", quality).await;
        let failing = quality["failing_records"].as_array().unwrap();
        let failing = failing.iter().find(|it| it["resource"] == late["name"]).unwrap();
        assert_eq!(failing["failures"],
            json!([{"criterion": "CORRECT", "rule": "ANSWERED_WITH_DOCUMENT"}]));
        let items = json!({"filter": "kind = \"UNANSWERED_RECOMMENDATION\""});
        let items = anyone.ok("ListAttentionItems", items).await;
        assert_eq!(items.get("attention_items"), None);
        server.stop().await;
    }

    async fn a_recommendation_is_followed_checked_and_read_with_sql(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = cast_with_tasks(&server).await;
        let other = server.person("other", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        let third = server.person("third", &[Role::AgencyEditor], Some("bo-tai-chinh")).await;
        // recorded by one agency for another; a third sees nothing of it until it is in review
        let made = server.raw(other.clone()).ok("CreateRecommendation", create_full("x")).await;
        let mut watches = Vec::new();
        for caller in [other, third, As::default()] {
            let mut client = ChangeServiceClient::new(server.intercepted(caller));
            let request = pb::WatchChangesRequest {
                start: Start::Beginning.into(),
                resources: vec!["recommendations/-".to_owned()],
                ..Default::default()
            };
            watches.push(client.watch_changes(request).await.unwrap().into_inner());
        }
        let review = json!({"review_date": date([2026, 9, 3])});
        let reviewed = cast.editor.ok("UpdateRecommendation", update(&made, review)).await;
        let mut first = Vec::new();
        for watch in &mut watches {
            let change = loop {
                let event = watch.message().await.unwrap().unwrap().event;
                if let Some(Event::Change(change)) = event {
                    break change;
                }
            };
            first.push((change.method.clone(), change.revision));
            let record = change.effects[0].new_record.clone().unwrap().record.unwrap();
            assert!(matches!(record, pb::record::Record::Recommendation(_)), "{record:?}");
        }
        let revision = |of: &Value| of["revision"].as_i64().unwrap();
        assert_eq!(first[0], ("CreateRecommendation".to_owned(), revision(&made)));
        let seen = ("UpdateRecommendation".to_owned(), revision(&reviewed));
        assert_eq!(first[1..], [seen.clone(), seen]);
        drop(watches);

        let address = &server.address;
        let path = "GET /v1/recommendations/x";
        let read = send(address, path, &[], "").await.json();
        assert_eq!(read["answerDueDate"], made["answer_due_date"]);
        cast.approver.ok("AnswerRecommendation", answer(&reviewed)).await;

        let mut sql = Sql::connect(&engine.url()).await;
        let counted = sql.number(
            "SELECT count(*) FROM recommendations WHERE name = 'recommendations/x' \
             AND agency = 'agencies/bo-cong-an' AND receive_date = '2026-09-01' \
             AND answer_due_date = '2026-09-23' AND answer_outcome = 'ACCEPTED'",
        );
        assert_eq!(counted.await, 1);
        assert_eq!(server.store.verify().await.unwrap().findings, []);
        server.stop().await;
    }
}
