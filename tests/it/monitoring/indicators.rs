//! Indicators and their values over the wire: who writes what on which basis, how a value is
//! replaced and never edited, what is computed from it, batches, closed periods and the scoreboard.

use std::collections::BTreeSet;

use ndp_core::records::principals::Role;
use ndp_registry::pb::{
    self, change_service_client::ChangeServiceClient, watch_changes_request::Start,
    watch_changes_response::Event,
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

/// A request that makes an indicator with every field: a monthly rate.
pub(crate) fn create(id: &str) -> Value {
    json!({"indicator_id": id, "indicator": {
        "display_name": "Tỷ lệ thử nghiệm", "display_name_en": "Synthetic rate",
        "description": "Chỉ tiêu thử nghiệm\nhai dòng",
        "unit": "PERCENT", "kind": "RATIO", "direction": "HIGHER",
        "accumulation": "IN_PERIOD", "period_type": "MONTH", "decimals": 2,
        "definitions": [
            {
                "version": 1,
                "numerator": "hồ sơ thử đúng hạn", "numerator_en": "synthetic on time",
                "denominator": "hồ sơ thử", "denominator_en": "synthetic files",
                "source_system": "Hệ thống thử", "verification": "thử", "accuracy": "thử",
                "limits": "thử", "compensation": "thử", "sources": [{"note": "thử nghiệm"}],
            },
            {
                "version": 2, "start_date": date([2026, 9, 1]),
                "document": decision([2026, 8, 1]), "numerator": "cách tính thử khác",
            },
        ],
        "targets": [
            {
                "agency": format!("agencies/{AGENCY}"), "target_date": date([2026, 8, 31]),
                "value": "95", "document": decision([2026, 1, 2]),
            },
            {
                "scope": "COUNTRY", "target_date": date([2026, 12, 31]), "value": "98.5",
                "sources": [{"note": "thử nghiệm"}],
            },
        ],
    }})
}

/// A month of 2026.
pub(crate) fn month(month: i32) -> Value {
    let last = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
    json!({"start": date([2026, month, 1]), "end": date([2026, month, last])})
}

/// A value of the first agency in a month.
pub(crate) fn on_basis(indicator: &str, of: i32, basis: &str) -> Value {
    json!({"parent": format!("indicators/{indicator}"), "observation": {
        "agency": format!("agencies/{AGENCY}"), "period": month(of), "basis": basis,
        "numerator": "91", "denominator": "100", "value": "91.00",
    }})
}

pub(crate) fn declared(indicator: &str, of: i32) -> Value {
    on_basis(indicator, of, "DECLARED")
}

/// A value of the whole country in a month.
pub(crate) fn of_country(indicator: &str, of: i32, basis: &str) -> Value {
    of_scope(indicator, of, basis, "COUNTRY", "90.5")
}

fn of_scope(indicator: &str, of: i32, basis: &str, scope: &str, value: &str) -> Value {
    json!({"parent": format!("indicators/{indicator}"), "observation": {
        "scope": scope, "period": month(of), "basis": basis, "value": value,
        "sources": [{"note": "thử nghiệm"}],
    }})
}

/// A scoreboard of the ministries in July.
pub(crate) fn board(indicators: &[&str]) -> Value {
    let names = indicators.iter().map(|it| format!("indicators/{it}"));
    json!({
        "agency_kind": "MINISTRY", "indicators": names.collect::<Vec<_>>(),
        "period": month(7), "basis": "DECLARED",
    })
}

struct Cast {
    editor: Raw,
    approver: Raw,
    both: Raw,
    steward: Raw,
    meter: Raw,
    measurer: Raw,
    anyone: Raw,
}

impl Cast {
    async fn new(server: &Server) -> Self {
        let as_one = async |id: &str, roles: &[Role], agency| {
            server.raw(server.person(id, roles, agency).await)
        };
        let agency = Some(AGENCY);
        let cast = Self {
            editor: as_one("editor", &[Role::AgencyEditor], agency).await,
            approver: as_one("approver", &[Role::AgencyApprover], agency).await,
            both: as_one("both", &[Role::AgencyEditor, Role::AgencyApprover], agency).await,
            steward: as_one("steward", &[Role::Steward], None).await,
            meter: as_one("meter", &[Role::Measurer], agency).await,
            measurer: as_one("measurer", &[Role::Measurer], None).await,
            anyone: server.raw(As::default()),
        };
        cast.steward.ok("CreateIndicator", create("rate")).await;
        cast
    }
}

/// The value's request with other fields.
fn with(mut request: Value, fields: &[(&str, Value)]) -> Value {
    for (field, value) in fields {
        request["observation"][field] = value.clone();
    }
    request
}

fn of_agency(request: Value, agency: &str) -> Value {
    with(request, &[("agency", json!(format!("agencies/{agency}")))])
}

/// A rate of an agency, in per cent, with a denominator of a hundred.
fn rate(agency: &str, of: i32, numerator: i32) -> Value {
    let fields = [
        ("numerator", json!(numerator.to_string())),
        ("value", json!(format!("{numerator}"))),
    ];
    of_agency(with(on_basis("rate", of, "MEASURED"), &fields), agency)
}

both! {
    async fn an_indicator_is_kept_by_the_steward(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let get = json!({"name": "indicators/rate"});
        let made = cast.anyone.ok("GetIndicator", get.clone()).await;
        let sent = &create("rate")["indicator"];
        for field in sent.as_object().unwrap().keys().filter(|it| *it != "targets") {
            assert_eq!(made[field], sent[field], "{field}");
        }
        assert_eq!(made["targets"][1]["value"], "98.5");
        let listed = json!({"filter": "name = \"indicators/rate\""});
        let listed = cast.anyone.ok("ListIndicators", listed).await;
        assert_eq!(listed["indicators"], json!([made]));
        let update = |fields: Value| {
            let mut indicator = fields;
            indicator["name"] = json!("indicators/rate");
            json!({"indicator": indicator})
        };
        let named = update(json!({"display_name": "Tên sau", "etag": made["etag"]}));
        let renamed = cast.steward.ok("UpdateIndicator", named.clone()).await;
        assert_eq!(renamed["display_name"], "Tên sau");
        let stale = cast.steward.refusal("UpdateIndicator", named).await;
        assert_eq!(stale, "Aborted ETAG_NOT_CURRENT");

        // a definition may change until a value follows it
        let mut definitions = made["definitions"].clone();
        definitions[1]["numerator"] = json!("cách tính thử thứ ba");
        let changed = update(json!({"definitions": definitions}));
        cast.steward.ok("UpdateIndicator", changed).await;
        cast.editor.ok("CreateObservation", declared("rate", 9)).await;
        let mut lines = Vec::new();
        for fields in [
            json!({"definitions": made["definitions"]}),
            json!({"unit": "COUNT", "kind": "TOTAL"}),
            json!({"accumulation": "AS_OF"}),
        ] {
            let refused = cast.steward.err("UpdateIndicator", update(fields)).await;
            lines.push(violations(&refused));
        }
        let mut others = made["definitions"].clone();
        others[0]["limits"] = json!("chưa có số liệu theo định nghĩa này");
        others[1]["numerator"] = json!("cách tính thử thứ ba");
        cast.steward.ok("UpdateIndicator", update(json!({"definitions": others}))).await;
        for (field, value) in [
            ("display_name", json!("")),
            ("unit", json!("UNIT_UNSPECIFIED")),
            ("decimals", json!(7)),
            ("definitions", json!([])),
            ("definitions", json!([{"version": 2}])),
            ("definitions", json!([{"version": 1}, {"version": 2}])),
            ("targets", json!([{"target_date": date([2026, 1, 1]), "value": "5"}])),
            ("targets", json!([{
                "scope": "COUNTRY", "target_date": date([2026, 1, 1]), "value": "5,5",
                "sources": [{"note": "thử"}],
            }])),
        ] {
            let mut request = create("refused");
            request["indicator"][field] = value;
            lines.push(violations(&cast.steward.err("CreateIndicator", request).await));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            indicator.definitions[1] IMMUTABLE
            indicator.unit IMMUTABLE
            indicator.kind IMMUTABLE
            indicator.accumulation IMMUTABLE
            indicator.display_name REQUIRED
            indicator.unit NOT_ALLOWED
            indicator.decimals OUT_OF_RANGE
            indicator.definitions TOO_FEW_ITEMS
            indicator.definitions[0].version OUT_OF_RANGE
            indicator.definitions[1].start_date REQUIRED
            indicator.targets[0].agency REQUIRED
            indicator.targets[0].sources REQUIRED
            indicator.targets[0].value PATTERN
            ");
        }
        server.stop().await;
    }

    async fn a_value_is_written_by_those_who_may_on_its_basis(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let denied = "PermissionDenied PERMISSION_DENIED";
        let refusal = async |who: &Raw, request: Value| {
            who.refusal("CreateObservation", request).await
        };
        // another agency's, or another role's
        let other = of_agency(declared("rate", 8), OTHER_AGENCY);
        assert_eq!(refusal(&cast.editor, other).await, denied);
        for who in [&cast.approver, &cast.steward, &cast.meter, &cast.measurer] {
            assert_eq!(refusal(who, declared("rate", 8)).await, denied);
        }
        // nothing is confirmed before it is declared
        let early = on_basis("rate", 8, "CONFIRMED");
        let early = cast.approver.err("CreateObservation", early).await;
        assert_eq!(violations(&early), "observation.basis NOT_ALLOWED");

        let made = cast.both.ok("CreateObservation", declared("rate", 8)).await;
        assert_eq!(made["basis"], "DECLARED");
        assert_eq!(made["finality"], "PROVISIONAL");
        // a person cannot confirm what they declared, nor confirm a different value
        let confirmed = on_basis("rate", 8, "CONFIRMED");
        let alone = refusal(&cast.both, confirmed.clone()).await;
        assert_eq!(alone, "FailedPrecondition SECOND_PERSON_NEEDED");
        let better = with(confirmed.clone(), &[("value", json!("92"))]);
        let better = cast.approver.err("CreateObservation", better).await;
        assert_eq!(violations(&better), "observation.value NOT_ALLOWED");
        let confirmed = cast.approver.ok("CreateObservation", confirmed).await;
        assert_eq!(confirmed["confirms"], made["name"]);
        // all values exist side by side
        let measured = on_basis("rate", 8, "MEASURED");
        cast.meter.ok("CreateObservation", measured).await;
        let elsewhere = of_agency(on_basis("rate", 8, "MEASURED"), OTHER_AGENCY);
        assert_eq!(refusal(&cast.meter, elsewhere.clone()).await, denied);
        let country = of_country("rate", 8, "MEASURED");
        assert_eq!(refusal(&cast.meter, country.clone()).await, denied);
        cast.measurer.ok("CreateObservation", elsewhere).await;
        cast.measurer.ok("CreateObservation", country).await;
        assert_eq!(refusal(&cast.measurer, of_country("rate", 8, "PUBLISHED")).await, denied);
        cast.steward.ok("CreateObservation", of_country("rate", 8, "PUBLISHED")).await;
        let list = json!({"parent": "indicators/rate", "order_by": "basis, name"});
        let list = cast.anyone.ok("ListObservations", list).await;
        assert_eq!(list["observations"].as_array().unwrap().len(), 6);
        // and a measuring key does nothing else
        assert_eq!(cast.measurer.refusal("CreateIndicator", create("no")).await, denied);
        assert_eq!(server.store.verify().await.unwrap().findings, []);
        server.stop().await;
    }

    async fn what_a_value_lacks_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let half = json!({"start": date([2026, 8, 1]), "end": date([2026, 8, 20])});
        let mut lines = Vec::new();
        for fields in [
            vec![("scope", json!("COUNTRY"))],
            vec![("period", json!({"end": date([2026, 8, 31])}))],
            vec![("period", json!({"start": date([2026, 8, 1])}))],
            vec![("period", half.clone())],
            vec![("period", month(10))],
            vec![("definition_version", json!(3))],
            vec![("value", json!(""))],
            vec![("value", json!("91,5"))],
            vec![("value", json!("091"))],
            vec![("value", json!("91.123"))],
            vec![("denominator", json!(""))],
            vec![("denominator", json!("0"))],
            vec![("replaces", json!("indicators/rate/observations/none"))],
            vec![("basis", json!("BASIS_UNSPECIFIED"))],
        ] {
            let request = with(declared("rate", 8), &fields);
            let refused = cast.editor.err("CreateObservation", request).await;
            lines.push(violations(&refused));
        }
        let unsourced = with(of_country("rate", 8, "PUBLISHED"), &[("sources", json!([]))]);
        lines.push(violations(&cast.steward.err("CreateObservation", unsourced).await));
        let odd = with(of_country("rate", 8, "PUBLISHED"), &[("period", half)]);
        cast.steward.ok("CreateObservation", odd).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            observation.scope NOT_ALLOWED
            observation.period.start REQUIRED
            observation.period.end OUT_OF_RANGE
            observation.period.end REQUIRED
            observation.period.end OUT_OF_RANGE
            observation.period.end OUT_OF_RANGE
            observation.definition_version REFERENCE_NOT_FOUND
            observation.value REQUIRED
            observation.numerator NOT_ALLOWED
            observation.denominator NOT_ALLOWED
            observation.value PATTERN
            observation.value PATTERN
            observation.value OUT_OF_RANGE
            observation.denominator REQUIRED
            observation.denominator OUT_OF_RANGE
            observation.replaces REFERENCE_NOT_FOUND
            observation.correction_reason REQUIRED
            observation.basis NOT_ALLOWED
            observation.sources REQUIRED
            ");
        }
        server.stop().await;
    }

    async fn a_value_is_replaced_and_never_edited(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let first = cast.editor.ok("CreateObservation", declared("rate", 8)).await;
        let again = cast.editor.refusal("CreateObservation", declared("rate", 8)).await;
        assert_eq!(again, "FailedPrecondition PERIOD_IS_OBSERVED");
        let correction = |value: Value, replaces: &Value| {
            let fields = [
                ("value", value), ("replaces", replaces.clone()),
                ("correction_reason", json!("đính chính thử")),
                ("numerator", json!("")), ("denominator", json!("")),
            ];
            with(declared("rate", 8), &fields)
        };
        let unsaid = with(correction(json!("92"), &first["name"]), &[
            ("correction_reason", json!("")),
        ]);
        let unsaid = cast.editor.err("CreateObservation", unsaid).await;
        assert_eq!(violations(&unsaid), "observation.correction_reason REQUIRED");
        let second = correction(json!("92"), &first["name"]);
        let second = cast.editor.ok("CreateObservation", second).await;
        let late = correction(json!("93"), &first["name"]);
        let late = cast.editor.refusal("CreateObservation", late).await;
        assert_eq!(late, "FailedPrecondition OBSERVATION_IS_REPLACED");

        let get = |it: &Value| json!({"name": it["name"]});
        let shown = cast.anyone.ok("GetObservation", get(&first)).await;
        assert_eq!((&shown["value"], &shown["replacement"]), (&json!("91.00"), &second["name"]));
        let list = async |all: bool| {
            let request = json!({"parent": "indicators/-", "show_replaced": all,
                "filter": format!("agency = \"agencies/{AGENCY}\" AND period.end >= 2026-01-01"),
                "order_by": "name"});
            let list = cast.anyone.ok("ListObservations", request).await;
            let list = list["observations"].as_array().cloned().unwrap_or_default();
            let names = list.iter().map(|it| it["name"].as_str().unwrap().to_owned());
            names.collect::<BTreeSet<_>>()
        };
        let names = |all: &[&Value]| {
            let names = all.iter().map(|it| it["name"].as_str().unwrap().to_owned());
            names.collect::<BTreeSet<_>>()
        };
        assert_eq!(list(false).await, names(&[&second]));
        assert_eq!(list(true).await, names(&[&first, &second]));

        // retracted: it counts nowhere, and earlier revisions keep it
        let back = correction(json!(""), &second["name"]);
        let back = cast.editor.ok("CreateObservation", back).await;
        assert_eq!(list(false).await, names(&[]));
        assert_eq!(list(true).await.len(), 3);
        let mut then = json!({"name": second["name"], "read_revision": second["revision"]});
        assert_eq!(cast.anyone.ok("GetObservation", then.clone()).await, second);
        then["name"] = back["name"].clone();
        let unborn = cast.anyone.refusal("GetObservation", then).await;
        assert_eq!(unborn, "NotFound RESOURCE_NOT_FOUND");

        let mut sql = Sql::connect(&engine.url()).await;
        let counted = sql.number(
            "SELECT count(*) FROM observations WHERE period_end = '2026-08-31' \
             AND agency = 'agencies/bo-cong-an' AND basis = 'DECLARED' AND value = '91.00'",
        );
        assert_eq!(counted.await, 1);
        let counted = sql.number("SELECT count(*) FROM indicators WHERE unit = 'PERCENT' \
             AND name = 'indicators/rate' AND period_type = 'MONTH'");
        assert_eq!(counted.await, 1);
        assert_eq!(server.store.verify().await.unwrap().findings, []);
        let answer = send(&server.address, "GET /v1/indicators/rate", &[], "").await.json();
        assert_eq!(answer["displayName"], "Tỷ lệ thử nghiệm");
        server.stop().await;
    }

    async fn what_follows_from_a_value_is_computed(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        cast.editor.ok("CreateObservation", declared("rate", 7)).await;
        let wrong = with(declared("rate", 8), &[("value", json!("93"))]);
        let wrong = cast.editor.ok("CreateObservation", wrong).await;
        assert_eq!(wrong["recomputed_value"], "91.00");
        assert_eq!(wrong["recomputation_agrees"], false);
        assert_eq!(wrong["flags"], json!(["DISAGREES_WITH_PARTS"]));
        assert_eq!((&wrong["difference"], &wrong["target_gap"]), (&json!("2.00"), &json!("-2")));
        // another definition: no change across it
        let next = cast.editor.ok("CreateObservation", declared("rate", 9)).await;
        assert_eq!(next["definition_version"], 2);
        assert_eq!(next["recomputation_agrees"], true);
        assert_eq!(next["difference"].as_str().unwrap_or_default(), "");

        // the shares of the ministries that the published rates of April 2025 imply
        for (id, weight) in [
            ("full-process-procedures", "2.7"),
            ("full-process-procedures-with-files", "2.0"),
            ("full-process-files", "66.8"),
        ] {
            let name = format!("indicators/{id}/observations/country-2025-04-01-2025-04-30");
            let it = cast.anyone.ok("GetObservation", json!({"name": name})).await;
            assert_eq!(it["implied_ministry_weight"], weight, "{id}");
            assert_eq!(it["flags"].as_array().map_or(0, Vec::len), 0, "{id}");
        }
        let name = "indicators/full-process-files/observations/country-2025-04-01-2025-04-30";
        let april = cast.anyone.ok("GetObservation", json!({"name": name})).await;
        assert_eq!(april["difference"], "0.74");

        // a whole outside the span of its parts, and one whose weights moved
        let publish = async |of: i32, scope: &str, value: &str| {
            let request = of_scope("rate", of, "PUBLISHED", scope, value);
            cast.steward.ok("CreateObservation", request).await
        };
        publish(5, "MINISTRIES", "80").await;
        publish(5, "LOCALITIES", "60").await;
        assert_eq!(publish(5, "COUNTRY", "65").await["implied_ministry_weight"], "25.0");
        publish(6, "MINISTRIES", "80").await;
        publish(6, "LOCALITIES", "60").await;
        let moved = publish(6, "COUNTRY", "79").await;
        assert_eq!(moved["flags"], json!(["IMPLIED_WEIGHT_MOVED"]));
        publish(7, "MINISTRIES", "80").await;
        publish(7, "LOCALITIES", "60").await;
        let outside = publish(7, "COUNTRY", "81").await;
        assert_eq!(outside["flags"], json!(["OUTSIDE_PARTS"]));
        assert_eq!(outside["value"], "81", "flagged, not corrected");
        server.stop().await;
    }

    async fn a_closed_period_stays_quotable(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let value = cast.editor.ok("CreateObservation", declared("rate", 8)).await;
        let indicator = json!({"name": "indicators/rate"});
        let indicator = cast.anyone.ok("GetIndicator", indicator).await;
        let close_of = |of: i32, it: &Value| {
            json!({"name": "indicators/rate", "etag": it["etag"], "period": month(of)})
        };
        let close = close_of(8, &indicator);
        let refused = cast.editor.refusal("ClosePeriod", close.clone()).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        let open = close_of(10, &indicator);
        let open = cast.steward.err("ClosePeriod", open).await;
        assert_eq!(violations(&open), "period.end OUT_OF_RANGE");
        let closed = cast.steward.ok("ClosePeriod", close.clone()).await;
        let revision = closed["closed_periods"][0]["close_revision"].clone();
        assert_eq!(revision, closed["revision"]);
        let stale = cast.steward.refusal("ClosePeriod", close).await;
        assert_eq!(stale, "Aborted ETAG_NOT_CURRENT");
        let twice = cast.steward.refusal("ClosePeriod", close_of(8, &closed)).await;
        assert_eq!(twice, "FailedPrecondition PERIOD_IS_CLOSED");

        let get = json!({"name": value["name"]});
        let shown = cast.anyone.ok("GetObservation", get.clone()).await;
        assert_eq!(shown["finality"], "CLOSED");
        // a later value needs a reason
        let late = rate(OTHER_AGENCY, 8, 70);
        let unsaid = cast.measurer.err("CreateObservation", late.clone()).await;
        assert_eq!(violations(&unsaid), "observation.correction_reason REQUIRED");
        let late = with(late, &[("correction_reason", json!("gửi muộn thử"))]);
        let late = cast.measurer.ok("CreateObservation", late).await;
        assert_eq!(late["finality"], "AFTER_CLOSING");
        let correction = with(declared("rate", 8), &[
            ("value", json!("92")), ("numerator", json!("92")),
            ("replaces", value["name"].clone()), ("correction_reason", json!("thử")),
        ]);
        cast.editor.ok("CreateObservation", correction).await;
        let mut quoted = get;
        quoted["read_revision"] = revision;
        let quoted = cast.anyone.ok("GetObservation", quoted).await;
        assert_eq!((&quoted["value"], &quoted["finality"]), (&json!("91.00"), &json!("CLOSED")));
        assert_eq!(quoted["replacement"].as_str().unwrap_or_default(), "");
        server.stop().await;
    }

    async fn a_batch_is_one_change_or_none(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let batch = |requests: &[Value]| {
            json!({"parent": "indicators/rate", "requests": requests})
        };
        let before = server.registry.revision();
        let wrong = batch(&[
            rate(AGENCY, 8, 90), rate(AGENCY, 8, 91), rate(OTHER_AGENCY, 8, 80),
            with(rate(OTHER_AGENCY, 7, 80), &[("value", json!("1.2345"))]),
        ]);
        let wrong = cast.measurer.err("BatchCreateObservations", wrong).await;
        let mut part = batch(&[rate(AGENCY, 8, 90), rate(OTHER_AGENCY, 8, 90)]);
        part["requests"][1]["reason"] = json!("thử");
        part["requests"][1]["parent"] = json!("indicators/on-time-rate");
        let part = cast.measurer.err("BatchCreateObservations", part).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(violations(&wrong) + "\n" + &violations(&part), @r"
            requests[1].observation NOT_UNIQUE
            requests[3].observation.value OUT_OF_RANGE
            requests[1].reason NOT_ALLOWED
            requests[1].parent NOT_ALLOWED
            ");
        }
        let denied = batch(&[rate(AGENCY, 8, 90), rate(OTHER_AGENCY, 8, 90)]);
        let denied = cast.meter.refusal("BatchCreateObservations", denied).await;
        assert_eq!(denied, "PermissionDenied PERMISSION_DENIED");
        assert_eq!(server.registry.revision(), before);

        let mut good = batch(&[rate(AGENCY, 8, 90), rate(OTHER_AGENCY, 8, 80)]);
        good["request_id"] = json!("5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958");
        let mut trial = good.clone();
        trial["validate_only"] = json!(true);
        trial.as_object_mut().unwrap().remove("request_id");
        let trial = cast.measurer.ok("BatchCreateObservations", trial).await;
        assert_eq!(server.registry.revision(), before);
        let made = cast.measurer.ok("BatchCreateObservations", good.clone()).await;
        let again = cast.measurer.ok("BatchCreateObservations", good).await;
        assert_eq!(again, made);
        for (answer, values) in [(&trial, ["90", "80"]), (&made, ["90", "80"])] {
            let list = answer["observations"].as_array().unwrap();
            let list: Vec<_> = list.iter().map(|it| it["value"].as_str().unwrap()).collect();
            assert_eq!(list, values);
        }
        assert_eq!(server.registry.revision(), before.next());
        server.stop().await;
    }

    async fn a_thousand_values_are_one_change(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let mut indicator = create("daily");
        indicator["indicator"]["accumulation"] = json!("AS_OF");
        indicator["indicator"]["period_type"] = json!("PERIOD_TYPE_UNSPECIFIED");
        cast.steward.ok("CreateIndicator", indicator).await;
        // as large as a request of 1 MiB allows
        let statement = "số liệu thử nghiệm ".repeat(30);
        let value = |number: usize| {
            let (year, rest) = (2020 + number / 336, number % 336);
            let (month, day) = (rest / 28 + 1, rest % 28 + 1);
            json!({"parent": "indicators/daily", "observation": {
                "agency": format!("agencies/{AGENCY}"), "basis": "MEASURED",
                "period": {"end": date([year as i32, month as i32, day as i32])},
                "value": "99.99", "numerator": "999999999999", "denominator": "1000000000000",
                "statement": statement, "sources": [{"note": "nguồn thử"}],
            }})
        };
        let requests: Vec<_> = (0..1_000).map(value).collect();
        let mut request = json!({"parent": "indicators/daily", "requests": requests});
        let made = cast.measurer.ok("BatchCreateObservations", request.clone()).await;
        assert_eq!(made["observations"].as_array().unwrap().len(), 1_000);

        let mut watch = ChangeServiceClient::new(server.intercepted(As::default()));
        let asked = pb::WatchChangesRequest {
            start: Start::Beginning.into(),
            resources: vec!["indicators/daily/observations/-".to_owned()],
            ..Default::default()
        };
        let mut watch = watch.watch_changes(asked).await.unwrap().into_inner();
        let change = loop {
            if let Some(Event::Change(change)) = watch.message().await.unwrap().unwrap().event {
                break change;
            }
        };
        assert_eq!(change.effects.len(), 1_000);
        drop(watch);
        let name = json!({"name": change.name});
        let read = cast.steward.ok("GetChange", name).await;
        assert_eq!(read["effects"].as_array().unwrap().len(), 1_000);

        request["requests"].as_array_mut().unwrap().push(value(1_000));
        let many = cast.measurer.err("BatchCreateObservations", request).await;
        assert_eq!(violations(&many), "requests TOO_MANY_ITEMS");

        // its timeline, page by page
        let list = json!({"parent": "indicators/daily", "order_by": "period.end desc",
            "page_size": 2});
        let page = cast.anyone.ok("ListObservations", list.clone()).await;
        let days = |page: &Value| {
            let list = page["observations"].as_array().unwrap().clone();
            list.iter().map(|it| it["period"]["end"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(days(&page), [date([2022, 12, 20]), date([2022, 12, 19])]);
        let mut next = list;
        next["page_token"] = page["next_page_token"].clone();
        let page = cast.anyone.ok("ListObservations", next).await;
        assert_eq!(days(&page), [date([2022, 12, 18]), date([2022, 12, 17])]);
        assert_eq!(page["observations"][0]["difference"], "0.00");
        server.stop().await;
    }

    async fn agencies_of_one_class_are_put_beside_each_other(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let values = [
            rate("bo-cong-an", 7, 90), rate("bo-y-te", 7, 95), rate("bo-noi-vu", 7, 90),
            rate("bo-tai-chinh", 7, 60), rate("bo-cong-an", 6, 85),
            // of another class
            rate("tinh-tuyen-quang", 7, 99),
        ];
        let batch = json!({"parent": "indicators/rate", "requests": values});
        cast.measurer.ok("BatchCreateObservations", batch).await;
        let mut ask = board(&["rate"]);
        ask["basis"] = json!("MEASURED");
        ask["comparison_period"] = month(6);
        ask["page_size"] = json!(3);
        let rows = |answer: &Value| {
            let rows = answer["rows"].as_array().unwrap().clone();
            let rows = rows.iter().map(|row| {
                let cell = &row["cells"][0];
                let agency = row["agency"].as_str().unwrap().replace("agencies/", "");
                let rank = cell["rank"].as_i64().unwrap_or_default();
                let change = cell["difference"].as_str().unwrap_or_default();
                let missing = cell["missing"].as_bool().unwrap_or_default();
                format!("{agency} {rank} {change}{}", if missing { "missing" } else { "" })
            });
            rows.collect::<Vec<_>>()
        };
        let first = cast.anyone.ok("ComputeScoreboard", ask.clone()).await;
        assert_eq!(rows(&first), ["bo-y-te 1 ", "bo-cong-an 2 5", "bo-noi-vu 2 "]);
        let column = &first["columns"][0];
        assert_eq!(column["reported_agency_count"], 4);
        assert_eq!(column["summed_agency_count"], 4);
        assert!(column["agency_count"].as_i64().unwrap() > 4, "n of m");
        assert_eq!(column["total_numerator"], "335");
        assert_eq!(column["total_denominator"], "400");
        assert_eq!(column["total_value"], "83.75");
        ask["page_token"] = first["next_page_token"].clone();
        let second = cast.anyone.ok("ComputeScoreboard", ask.clone()).await;
        assert_eq!(rows(&second)[0], "bo-tai-chinh 4 ");
        assert!(rows(&second)[1].ends_with(" 0 missing"), "{second}");
        ask.as_object_mut().unwrap().remove("page_token");
        ask["page_size"] = json!(1_000);

        // another definition is refused, and marked where it is asked for; so is another basis
        let other = with(rate("bo-xay-dung", 7, 99), &[("definition_version", json!(2))]);
        cast.measurer.ok("CreateObservation", other).await;
        cast.editor.ok("CreateObservation", declared("rate", 7)).await;
        let refused = cast.anyone.refusal("ComputeScoreboard", ask.clone()).await;
        assert_eq!(refused, "FailedPrecondition DEFINITIONS_DIFFER");
        ask["allow_mixed"] = json!(true);
        let mixed = cast.anyone.ok("ComputeScoreboard", ask.clone()).await;
        let cell = &mixed["rows"][0]["cells"][0];
        assert_eq!(mixed["rows"][0]["agency"], "agencies/bo-xay-dung");
        assert_eq!((&cell["rank"], &cell["other_definition"]), (&json!(1), &json!(true)));
        assert_eq!(mixed["columns"][0]["mixed"], true);
        let mut declared = board(&["rate", "on-time-rate"]);
        let strict = cast.anyone.ok("ComputeScoreboard", declared.clone()).await;
        assert_eq!(strict["columns"][0]["reported_agency_count"], 1);
        assert_eq!(strict["columns"].as_array().unwrap().len(), 2);
        declared["allow_mixed"] = json!(true);
        let mixed = cast.anyone.ok("ComputeScoreboard", declared).await;
        let top = &mixed["rows"][0]["cells"][0];
        assert_eq!((&top["basis"], &top["other_basis"]), (&json!("MEASURED"), &json!(true)));

        // over HTTP
        let path = "GET /v1/indicators:computeScoreboard?agencyKind=MINISTRY&basis=DECLARED\
            &indicators=indicators/rate&period.start=2026-07-01&period.end=2026-07-31";
        let answer = send(&server.address, path, &[], "").await.json();
        assert_eq!(answer["rows"][0]["agency"], format!("agencies/{AGENCY}"));
        let none = board(&["none"]);
        let none = cast.anyone.err("ComputeScoreboard", none).await;
        assert_eq!(violations(&none), "indicators[0] REFERENCE_NOT_FOUND");
        server.stop().await;
    }

    async fn what_indicators_need_needs_attention(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let received = async || {
            let filter = "kind = \"MISSING_OBSERVATION\" OR kind = \"OFF_TARGET\" \
                OR kind = \"BASIS_CHANGED\" OR kind = \"IMPLAUSIBLE_AGGREGATE\"";
            let request = json!({"filter": filter, "order_by": "kind, agency"});
            let items = cast.anyone.ok("ListAttentionItems", request).await;
            let items = items["attention_items"].as_array().cloned().unwrap_or_default();
            let items = items.iter().map(|it| {
                let agency = it["agency"].as_str().unwrap_or("-").replace("agencies/", "");
                let since = &it["start_date"];
                let day = [&since["year"], &since["month"], &since["day"]];
                let day = day.map(ToString::to_string).join("-");
                format!("{} {agency} {day}", it["kind"].as_str().unwrap())
            });
            items.collect::<BTreeSet<_>>()
        };
        let items = |all: &[&str]| all.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        // 1 October: that of August was due on 14 September, by the agency with a target
        assert_eq!(received().await, items(&["MISSING_OBSERVATION bo-cong-an 2026-9-15"]));
        cast.editor.ok("CreateObservation", declared("rate", 7)).await;
        assert_eq!(received().await, items(&["MISSING_OBSERVATION bo-cong-an 2026-9-15"]));
        cast.meter.ok("CreateObservation", rate(AGENCY, 8, 91)).await;
        assert_eq!(received().await, items(&[
            "OFF_TARGET bo-cong-an 2026-8-31", "BASIS_CHANGED bo-cong-an 2026-10-1",
        ]));
        let fine = with(declared("rate", 8), &[("value", json!("96")), ("numerator", json!("96"))]);
        cast.editor.ok("CreateObservation", fine).await;
        // the measured value counts
        assert_eq!(received().await, items(&["OFF_TARGET bo-cong-an 2026-8-31"]));
        for (scope, value) in [("MINISTRIES", "80"), ("LOCALITIES", "60"), ("COUNTRY", "81")] {
            let request = of_scope("rate", 8, "PUBLISHED", scope, value);
            cast.steward.ok("CreateObservation", request).await;
        }
        assert_eq!(received().await, items(&[
            "OFF_TARGET bo-cong-an 2026-8-31", "IMPLAUSIBLE_AGGREGATE - 2026-10-1",
        ]));

        let quality = json!({"agency": format!("agencies/{AGENCY}")});
        let quality = cast.anyone.ok("ComputeDataQuality", quality).await;
        let failing = quality["failing_records"].as_array().unwrap();
        let failing = failing.iter().find(|it| {
            it["resource"].as_str().unwrap().starts_with("indicators/rate/")
        });
        let rules = &failing.unwrap()["failures"];
        assert_eq!(rules.as_array().unwrap().len(), 1);
        assert_eq!(rules[0]["rule"], "OBSERVED_IN_TIME");
        server.stop().await;
    }
}
