//! Deployments over the wire: reported by their agency, confirmed by the one above, computed for
//! any date, counted, listed, followed.

use ndp_core::records::principals::Role;
use serde_json::{Value, json};

use crate::{
    access::matrix::UNMANNED,
    harness::{
        Engine, both,
        http::send,
        plans::{AGENCY, date, decision},
        raw::{Raw, violations},
        server::{As, Server},
        sql::Sql,
    },
};

/// A city of the shipped catalogue.
const CITY: &str = "tp-ha-noi";
/// A synthetic commune below it.
const COMMUNE: &str = "xa-thu-nghiem";

fn name(agency: &str) -> String {
    format!("platforms/ndp-001/deployments/{agency}")
}

fn reached(stage: &str, day: [i32; 3]) -> Value {
    json!({"stage": stage, "reached": {"end": date(day)}})
}

fn planned(stage: &str, end: [i32; 3]) -> Value {
    json!({"stage": stage, "planned": {"end": date(end)}})
}

fn covered(done: i32, total: i32, day: [i32; 3]) -> Value {
    json!({"unit": "COMMUNES", "done": done, "total": total, "count_date": date(day)})
}

/// A request that makes a synthetic deployment with every field, as of the day before the clock's.
pub(crate) fn report(agency: &str) -> Value {
    let mut kept = json!({
        "display_name": "Hệ thống cũ", "disposition": "KEPT", "start_date": date([2026, 8, 1]),
        "end_date": date([2026, 9, 15]), "reason": "Chuyển dữ liệu",
    });
    kept["document"] = decision([2026, 7, 31]);
    let mut plan = planned("OPERATING", [2026, 9, 20]);
    plan["document"] = decision([2026, 1, 2]);
    plan["start_date"] = date([2026, 1, 2]);
    let mut pilot = reached("PILOT", [2026, 8, 31]);
    pilot["evidence"] = json!([{"note": "ảnh màn hình"}]);
    pilot["sources"] = json!([{"note": "báo cáo thử"}]);
    json!({"allow_missing": true, "deployment": {
        "name": name(agency),
        "stages": [reached("PREPARING", [2026, 8, 1]), pilot],
        "planned_stages": [planned("PILOT", [2026, 8, 31]), plan],
        "coverages": [covered(10, 126, [2026, 8, 31]), covered(40, 126, [2026, 9, 30])],
        "legacy_systems": [kept],
        "evidence": [{"note": "thử"}],
        "sources": [{"note": "thử nghiệm (synthetic)"}],
        "report_date": date([2026, 9, 30]),
    }})
}

struct People {
    steward: Raw,
    /// Editor and approver of the city.
    city: Raw,
    approver: Raw,
    /// Editor of the commune.
    commune: Raw,
    anyone: Raw,
}

/// A city, and a synthetic commune below it, each with principals.
async fn people(server: &Server) -> People {
    let roles = [Role::Steward];
    let steward = server.raw(server.person("steward", &roles, None).await);
    let commune = json!({"agency_id": COMMUNE, "agency": {
        "display_name": "UBND xã thử nghiệm (synthetic)", "kind": "COMMUNE_PEOPLES_COMMITTEE",
        "parent_agency": format!("agencies/{CITY}"),
    }});
    steward.ok("CreateAgency", commune).await;
    let person = async |id: &str, role, agency: &str| {
        server.raw(server.person(id, &[role], Some(agency)).await)
    };
    People {
        city: person("city", Role::AgencyEditor, CITY).await,
        approver: person("approver", Role::AgencyApprover, CITY).await,
        commune: person("commune", Role::AgencyEditor, COMMUNE).await,
        anyone: server.raw(As::default()),
        steward,
    }
}

fn get(agency: &str) -> Value {
    json!({"name": name(agency)})
}

fn get_on(agency: &str, day: [i32; 3]) -> Value {
    json!({"name": name(agency), "effective_date": date(day)})
}

both! {
    async fn an_agency_reports_and_everyone_reads_how_it_stands(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let People { city, anyone, .. } = people(&server).await;
        let missing = anyone.refusal("GetDeployment", get(CITY)).await;
        assert_eq!(missing, "NotFound RESOURCE_NOT_FOUND");
        let mut without = report(CITY);
        without["allow_missing"] = json!(false);
        let refused = city.refusal("UpdateDeployment", without).await;
        assert_eq!(refused, "NotFound RESOURCE_NOT_FOUND");
        let mut nowhere = report(CITY);
        nowhere["deployment"]["name"] = json!(name("khong-co"));
        let refused = city.refusal("UpdateDeployment", nowhere).await;
        assert_eq!(refused, "NotFound RESOURCE_NOT_FOUND");
        let mut trial = report(CITY);
        trial["validate_only"] = json!(true);
        city.ok("UpdateDeployment", trial).await;
        let mut request = report(CITY);
        request["request_id"] = json!("5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4959");
        let made = city.ok("UpdateDeployment", request.clone()).await;
        assert_eq!(city.ok("UpdateDeployment", request).await, made);
        let seen = anyone.ok("GetDeployment", get(CITY)).await;
        assert_eq!(seen, made);
        let sent = &report(CITY)["deployment"];
        for field in ["stages", "planned_stages", "legacy_systems", "sources", "report_date"] {
            assert_eq!(made[field], sent[field], "{field}");
        }
        assert_eq!(made["agency"], json!(format!("agencies/{CITY}")));
        assert!(made.get("parent_agency").is_none());

        // its standing today, and on days before
        let standing = &made["standing"];
        assert_eq!(standing["effective_date"], date([2026, 10, 1]));
        assert_eq!(standing["stage"], "PILOT");
        assert_eq!(standing["stage_date"], date([2026, 8, 31]));
        let coverage = json!([{"unit": "COMMUNES", "done": 40, "total": 126, "percent": 31,
            "count_date": date([2026, 9, 30])}]);
        assert_eq!(standing["coverages"], coverage);
        assert_eq!(standing["freshness"], "CURRENT");
        assert_eq!(standing["report_due_date"], date([2026, 11, 14]));
        assert_eq!(standing["late"], true);
        assert_eq!(standing["late_stage"], "OPERATING");
        assert_eq!(standing["late_start_date"], date([2026, 9, 21]));
        assert_eq!(standing["duplicate_system"], true);
        let on = async |day| {
            let read = anyone.ok("GetDeployment", get_on(CITY, day)).await;
            read["standing"].clone()
        };
        let then = on([2026, 9, 15]).await;
        assert_eq!(then["stage"], "PILOT");
        assert_eq!(then["coverages"][0]["done"], 10);
        assert!(then.get("late").is_none() && then.get("duplicate_system").is_none(), "{then}");
        assert!(then.get("freshness").is_none(), "not reported on yet: {then}");
        assert_eq!(on([2026, 8, 30]).await["stage"], "PREPARING");
        assert_eq!(on([2026, 7, 31]).await, Value::Null, "nothing was known");
        let tomorrow = anyone.refusal("GetDeployment", get_on(CITY, [2026, 10, 2])).await;
        assert_eq!(tomorrow, "OutOfRange OUT_OF_RANGE");
        server.stop().await;
    }

    async fn a_later_report_leaves_the_answers_before_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let People { city, anyone, .. } = people(&server).await;
        let made = city.ok("UpdateDeployment", report(CITY)).await;
        let first = made["revision"].clone();
        let days = [[2026, 8, 15], [2026, 9, 15], [2026, 9, 25], [2026, 9, 30]];
        let answers = async |read_revision: &Value| {
            let mut answers = Vec::new();
            for day in days {
                let mut request = get_on(CITY, day);
                request["read_revision"] = read_revision.clone();
                let read = anyone.ok("GetDeployment", request).await;
                answers.push(read["standing"].clone());
            }
            answers
        };
        let before = answers(&first).await;
        // the date of the plan moves by a document, the stage by an entry
        server.clock.advance(20 * 86_400);
        let mut moved = planned("OPERATING", [2026, 10, 31]);
        moved["start_date"] = date([2026, 10, 10]);
        let mut stages = made["stages"].as_array().unwrap().clone();
        let mut plans = made["planned_stages"].as_array().unwrap().clone();
        stages.push(reached("OPERATING", [2026, 10, 20]));
        plans.push(moved.clone());
        let update = |fields: Value, mask: &str| {
            let mut deployment = fields;
            deployment["name"] = json!(name(CITY));
            json!({"deployment": deployment, "update_mask": mask})
        };
        let fields = json!({"planned_stages": plans.clone(), "report_date": date([2026, 10, 20])});
        let status = city.err("UpdateDeployment", update(fields.clone(),
            "plannedStages,reportDate")).await;
        assert_eq!(violations(&status), "deployment.planned_stages[2].document REQUIRED");
        moved["document"] = decision([2026, 10, 9]);
        plans[2] = moved;
        let written = city.ok("UpdateDeployment", update(json!({
            "planned_stages": plans.clone(), "stages": stages, "report_date": date([2026, 10, 20]),
        }), "plannedStages,stages,reportDate")).await;
        assert_eq!(written["standing"]["stage"], "OPERATING");
        assert!(written["standing"].get("late").is_none(), "{written}");
        assert_eq!(answers(&json!(0)).await, before, "by what is known now");
        assert_eq!(answers(&first).await, before, "by what was known then");

        // planned entries stay; reached stages are corrected only with a reason
        let gone = update(json!({"planned_stages": [plans[0], plans[2]]}), "plannedStages");
        let status = city.err("UpdateDeployment", gone).await;
        assert_eq!(violations(&status), "deployment.planned_stages NOT_ALLOWED");
        let fewer = json!({"stages": [reached("PILOT", [2026, 8, 30])]});
        let mut corrected = update(fewer, "stages");
        let status = city.err("UpdateDeployment", corrected.clone()).await;
        assert_eq!(violations(&status), "reason REQUIRED");
        corrected["reason"] = json!("ghi nhầm");
        city.ok("UpdateDeployment", corrected).await;
        assert_eq!(answers(&first).await, before, "by what was known then");
        server.stop().await;
    }

    async fn a_month_without_a_report_is_stale(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let People { city, anyone, .. } = people(&server).await;
        city.ok("UpdateDeployment", report(CITY)).await;
        // the month from 15 October to 14 November has no report
        server.clock.advance(46 * 86_400);
        let freshness = async |day| {
            let read = anyone.ok("GetDeployment", get_on(CITY, day)).await;
            read["standing"]["freshness"].clone()
        };
        assert_eq!(freshness([2026, 11, 14]).await, "CURRENT");
        assert_eq!(freshness([2026, 11, 15]).await, "OVERDUE");
        let items = json!({"edition": "editions/-", "filter": "kind = DEPLOYMENT_STALE"});
        let found = anyone.ok("ListAttentionItems", items.clone()).await;
        let item = &found["attention_items"][0];
        assert_eq!(item["resource"], json!(name(CITY)));
        assert_eq!(item["agency"], json!(format!("agencies/{CITY}")));
        assert_eq!(item["start_date"], date([2026, 11, 15]));
        assert_eq!(found["attention_items"].as_array().unwrap().len(), 1);
        let today = json!({"name": name(CITY), "report_date": date([2026, 11, 16])});
        city.ok("UpdateDeployment", json!({"deployment": today})).await;
        assert_eq!(freshness([2026, 11, 16]).await, "CURRENT");
        assert_eq!(freshness([2026, 11, 15]).await, "OVERDUE", "it was then");
        let found = anyone.ok("ListAttentionItems", items).await;
        assert!(found.get("attention_items").is_none(), "{found}");
        // the other items of this deployment
        for (kind, since) in [
            ("DEPLOYMENT_LATE", [2026, 9, 21]), ("DUPLICATE_SYSTEM", [2026, 9, 16]),
        ] {
            let items = json!({"edition": "editions/-", "filter": format!("kind = {kind}")});
            let found = anyone.ok("ListAttentionItems", items).await;
            assert_eq!(found["attention_items"][0]["start_date"], date(since), "{kind}");
        }
        server.stop().await;
    }

    async fn a_province_confirms_its_communes_and_never_reports_for_them(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = people(&server).await;
        let denied = "PermissionDenied PERMISSION_DENIED";
        for caller in [&it.city, &it.approver, &it.steward] {
            let refused = caller.refusal("UpdateDeployment", report(COMMUNE)).await;
            assert_eq!(refused, denied, "only the commune reports");
        }
        let made = it.commune.ok("UpdateDeployment", report(COMMUNE)).await;
        assert_eq!(made["parent_agency"], json!(format!("agencies/{CITY}")));
        for caller in [&it.city, &it.approver, &it.steward] {
            let refused = caller.refusal("UpdateDeployment", report(COMMUNE)).await;
            assert_eq!(refused, denied, "nor later");
        }
        let confirm = |it: &Value| json!({"name": it["name"], "etag": it["etag"]});
        for caller in [&it.city, &it.commune, &it.steward] {
            let refused = caller.refusal("ConfirmDeployment", confirm(&made)).await;
            assert_eq!(refused, denied, "the approver of the province confirms");
        }
        let confirmed = it.approver.ok("ConfirmDeployment", confirm(&made)).await;
        let confirmation = &confirmed["confirmation"];
        assert_eq!(confirmation["confirmed_revision"], made["revision"]);
        assert_eq!(confirmation["stage"], "PILOT");
        assert_eq!(confirmation["coverages"][0]["done"], 40);
        assert_eq!(confirmation["report_date"], date([2026, 9, 30]));
        assert_eq!(confirmation["agency"], json!(format!("agencies/{CITY}")));
        assert_eq!(confirmed["standing"]["confirmed"], true);
        let again = it.approver.refusal("ConfirmDeployment", confirm(&confirmed)).await;
        assert_eq!(again, "FailedPrecondition DEPLOYMENT_CONFIRMED");
        let stale = it.approver.refusal("ConfirmDeployment", confirm(&made)).await;
        assert_eq!(stale, "Aborted ETAG_NOT_CURRENT");

        // a later write ends it, and the days before stay confirmed
        server.clock.advance(2 * 86_400);
        let later = json!({"name": made["name"], "report_date": date([2026, 10, 3])});
        let written = it.commune.ok("UpdateDeployment", json!({"deployment": later})).await;
        assert!(written.get("confirmation").is_none(), "{written}");
        assert!(written["standing"].get("confirmed").is_none(), "{written}");
        for day in [[2026, 10, 1], [2026, 10, 2]] {
            let then = it.anyone.ok("GetDeployment", get_on(COMMUNE, day)).await;
            assert_eq!(then["standing"]["confirmed"], true);
        }
        // without an agency above, the steward confirms; the writer never
        let roles = [Role::AgencyEditor, Role::AgencyApprover];
        let both = server.person("both", &roles, Some(CITY)).await;
        let both = server.raw(both);
        let of_city = both.ok("UpdateDeployment", report(CITY)).await;
        let refused = both.refusal("ConfirmDeployment", confirm(&of_city)).await;
        assert_eq!(refused, denied);
        let confirmed = it.steward.ok("ConfirmDeployment", confirm(&of_city)).await;
        assert!(confirmed["confirmation"].get("agency").is_none(), "{confirmed}");
        // one person may belong to both sides
        let all = [Role::AgencyApprover, Role::Steward];
        let twofold = server.raw(server.person("twofold", &all, Some(CITY)).await);
        let own = json!({"name": name(CITY), "report_date": date([2026, 10, 3])});
        let own = twofold.ok("UpdateDeployment", json!({"deployment": own})).await;
        let refused = twofold.refusal("ConfirmDeployment", confirm(&own)).await;
        assert_eq!(refused, "FailedPrecondition SECOND_PERSON_NEEDED");
        server.stop().await;
    }

    async fn a_province_keeps_the_principals_of_its_communes(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        people(&server).await;
        let admin = |agency: &'static str, id: &'static str| {
            let server = &server;
            async move {
                let roles = [Role::AgencyAdmin];
                server.raw(server.person(id, &roles, Some(agency)).await)
            }
        };
        let city = admin(CITY, "keeper").await;
        let other = admin("tp-hue", "other-keeper").await;
        let commune = admin(COMMUNE, "commune-keeper").await;
        let newcomer = |agency: &str| json!({"principal": {
            "kind": "PERSON", "agency": format!("agencies/{agency}"),
            "roles": ["ROLE_AGENCY_EDITOR"],
        }});
        let made = city.ok("CreatePrincipal", newcomer(COMMUNE)).await;
        let get = json!({"name": made["name"]});
        assert_eq!(city.ok("GetPrincipal", get.clone()).await, made);
        let key = json!({"parent": made["name"], "api_key": {}});
        city.ok("CreateApiKey", key.clone()).await;
        let keys = city.ok("ListApiKeys", json!({"parent": made["name"]})).await;
        assert_eq!(keys["api_keys"].as_array().unwrap().len(), 1);
        let hidden = other.refusal("GetPrincipal", get).await;
        assert_eq!(hidden, "NotFound RESOURCE_NOT_FOUND");
        for (caller, agency) in [(&other, COMMUNE), (&commune, CITY)] {
            let refused = caller.refusal("CreatePrincipal", newcomer(agency)).await;
            assert_eq!(refused, "PermissionDenied PERMISSION_DENIED", "{agency}");
        }
        server.stop().await;
    }

    async fn an_agency_without_people_is_transcribed(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let mut bare = report(UNMANNED);
        bare["deployment"]["sources"] = json!([]);
        let status = steward.err("UpdateDeployment", bare).await;
        assert_eq!(violations(&status), "deployment.sources REQUIRED");
        let made = steward.ok("UpdateDeployment", report(UNMANNED)).await;
        assert_eq!(made["transcribed"], true);
        let confirm = json!({"name": made["name"], "etag": made["etag"]});
        let refused = steward.refusal("ConfirmDeployment", confirm).await;
        assert_eq!(refused, "FailedPrecondition SECOND_PERSON_NEEDED");
        let roles = [Role::AgencyEditor];
        let own = server.raw(server.person("own", &roles, Some(UNMANNED)).await);
        let refused = steward.refusal("UpdateDeployment", report(UNMANNED)).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        let own = own.ok("UpdateDeployment", report(UNMANNED)).await;
        assert!(own.get("transcribed").is_none(), "{own}");
        server.stop().await;
    }

    async fn what_a_deployment_breaks_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let People { city, .. } = people(&server).await;
        let mut lines = Vec::new();
        let kept = &report(CITY)["deployment"]["legacy_systems"][0];
        let legacy = |field: &str, value: Value| {
            let mut entry = kept.clone();
            entry[field] = value;
            json!([entry])
        };
        let mut again = kept.clone();
        again.as_object_mut().unwrap().remove("document");
        let started = json!({"stage": "PILOT", "planned": {"start": date([2026, 1, 1])}});
        let twice = [planned("PILOT", [2026, 1, 1]), planned("PILOT", [2026, 2, 1])];
        for (field, value) in [
            ("report_date", Value::Null),
            ("report_date", date([2026, 10, 2])),
            ("stages", json!([reached("STAGE_UNSPECIFIED", [2026, 1, 1])])),
            ("stages", json!([{"stage": "PILOT"}])),
            ("stages", json!([{"stage": "PILOT", "reached": {"as_written": "năm nay"}}])),
            ("stages", json!([reached("PILOT", [2026, 10, 1])])),
            ("stages", json!([reached("PILOT", [2026, 8, 2]), reached("OPERATING", [2026, 8, 1])])),
            ("stages", json!(vec![reached("PILOT", [2026, 8, 2]); 31])),
            ("planned_stages", json!([planned("STOPPED", [2026, 12, 31])])),
            ("planned_stages", json!([started])),
            ("planned_stages", json!(twice)),
            ("coverages", json!([covered(127, 126, [2026, 9, 1])])),
            ("coverages", json!([covered(-1, 126, [2026, 9, 1])])),
            ("coverages", json!([covered(0, 0, [2026, 9, 1])])),
            ("coverages", json!([covered(1, 2, [2026, 10, 1])])),
            ("coverages", json!([covered(1, 2, [2026, 9, 1]), covered(2, 2, [2026, 9, 1])])),
            ("legacy_systems", legacy("end_date", Value::Null)),
            ("legacy_systems", legacy("reason", json!(""))),
            ("legacy_systems", legacy("disposition", json!("REPLACED"))),
            ("legacy_systems", legacy("start_date", date([2026, 10, 1]))),
            ("legacy_systems", legacy("display_name", json!(""))),
            ("legacy_systems", json!([kept.clone(), again])),
        ] {
            let mut request = report(CITY);
            request["deployment"][field] = value;
            let status = city.err("UpdateDeployment", request).await;
            let received = violations(&status).replace(&format!("\ndeployment.{field}"), ", ");
            lines.push(received);
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            deployment.report_date REQUIRED
            deployment.report_date OUT_OF_RANGE
            deployment.stages[0].stage NOT_ALLOWED
            deployment.stages[0].reached REQUIRED
            deployment.stages[0].reached REQUIRED
            deployment.stages[0].reached.end OUT_OF_RANGE
            deployment.stages[1].reached.end OUT_OF_RANGE
            deployment.stages TOO_MANY_ITEMS
            deployment.planned_stages[0].stage NOT_ALLOWED
            deployment.planned_stages[0].planned.end REQUIRED
            deployment.planned_stages[1].start_date REQUIRED, [1].document REQUIRED
            deployment.coverages[0].done OUT_OF_RANGE
            deployment.coverages[0].done OUT_OF_RANGE
            deployment.coverages[0].total OUT_OF_RANGE
            deployment.coverages[0].count_date OUT_OF_RANGE
            deployment.coverages[1] NOT_UNIQUE
            deployment.legacy_systems[0].end_date REQUIRED
            deployment.legacy_systems[0].reason REQUIRED
            deployment.legacy_systems[0].end_date NOT_ALLOWED
            deployment.legacy_systems[0].start_date OUT_OF_RANGE, [0].end_date OUT_OF_RANGE
            deployment.legacy_systems[0].display_name REQUIRED
            deployment.legacy_systems[1].document REQUIRED
            ");
        }
        server.stop().await;
    }

    async fn deployments_are_counted_listed_and_scored(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = people(&server).await;
        let all = json!({"edition": "editions/-"});
        let counts = async |request: Value| {
            it.anyone.ok("ComputeSummary", request).await["deployments"].clone()
        };
        let none = counts(all.clone()).await;
        assert_eq!((&none["deployment_count"], &none["province_count"]), (&json!(0), &json!(34)));
        it.city.ok("UpdateDeployment", report(CITY)).await;
        let mut operating = report(COMMUNE);
        let stages = json!([reached("OPERATING", [2026, 9, 10])]);
        operating["deployment"]["stages"] = stages.clone();
        operating["deployment"]["legacy_systems"] = json!([]);
        let made = it.commune.ok("UpdateDeployment", operating).await;
        let confirm = json!({"name": made["name"], "etag": made["etag"]});
        it.approver.ok("ConfirmDeployment", confirm).await;
        let ministry = server.person("ministry", &[Role::AgencyEditor], Some(AGENCY)).await;
        let ministry = server.raw(ministry);
        let mut own = report(AGENCY);
        own["deployment"]["stages"] = stages;
        ministry.ok("UpdateDeployment", own).await;
        let received = counts(all).await;
        let received = |field: &str| received[field].clone();
        let stages = json!([
            {"stage": "PILOT", "deployment_count": 1},
            {"stage": "OPERATING", "deployment_count": 2},
        ]);
        assert_eq!(received("stage_counts"), stages);
        for (field, number) in [
            ("deployment_count", 3), ("operating_province_count", 1), ("province_count", 34),
            ("confirmed_deployment_count", 1), ("late_deployment_count", 1),
            ("stale_deployment_count", 0), ("duplicate_system_deployment_count", 2),
        ] {
            assert_eq!(received(field), number, "{field}");
        }
        let of = |agency: &str| json!({"agency": format!("agencies/{agency}")});
        assert_eq!(counts(of(CITY)).await["deployment_count"], 1, "those that it deploys");
        assert_eq!(counts(of("bo-y-te")).await["deployment_count"], 0);
        let mut past = of(COMMUNE);
        past["effective_date"] = date([2026, 9, 9]);
        assert_eq!(counts(past.clone()).await["deployment_count"], 0, "not known by then");
        past["effective_date"] = date([2026, 9, 10]);
        assert_eq!(counts(past).await["operating_province_count"], 1);

        let timeline = it.anyone.ok("ComputeTimeline", json!({
            "start_date": date([2026, 9, 8]), "end_date": date([2026, 9, 12]),
            "interval": "DAY", "metrics": ["DEPLOYMENTS_OPERATING", "PLANS"],
        })).await;
        let points = timeline["points"].as_array().unwrap();
        let operating = points.iter().map(|it| it["counts"][0].as_i64().unwrap());
        assert_eq!(operating.collect::<Vec<_>>(), [0, 0, 2, 2, 2]);

        let list = async |parent: &str, filter: &str| {
            let request = json!({"parent": parent, "filter": filter});
            let listed = it.anyone.ok("ListDeployments", request).await;
            let listed = listed["deployments"].as_array().into_iter().flatten();
            let ids = listed.map(|it| it["name"].as_str().unwrap().rsplit('/').next().unwrap());
            ids.map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        let everything = format!("{AGENCY} {CITY} {COMMUNE}");
        for (parent, filter, found) in [
            ("platforms/-", "", &*everything),
            ("platforms/ndp-001", "", &*everything),
            ("platforms/ndp-002", "", ""),
            ("platforms/-", "standing.stage = PILOT", CITY),
            ("platforms/-", "parent_agency = \"agencies/tp-ha-noi\"", COMMUNE),
            ("platforms/-", "agency = \"agencies/tp-ha-noi\"", CITY),
            ("platforms/-", "standing.confirmed = true", COMMUNE),
            ("platforms/-", "standing.late = true AND standing.freshness = CURRENT", CITY),
        ] {
            assert_eq!(list(parent, filter).await, found, "{parent} {filter}");
        }
        let nowhere = json!({"parent": "platforms/khong-co"});
        let refused = it.anyone.refusal("ListDeployments", nowhere).await;
        assert_eq!(refused, "NotFound RESOURCE_NOT_FOUND");
        let early = json!({
            "parent": "platforms/-", "effective_date": date([2026, 8, 10]),
            "filter": "standing.stage = PREPARING",
        });
        let early = it.anyone.ok("ListDeployments", early).await;
        assert_eq!(early["deployments"].as_array().unwrap().len(), 1);

        let scored = it.anyone.ok("ComputeDataQuality", of(CITY)).await;
        let record = &scored["failing_records"][0];
        assert_eq!(record["resource"], json!(name(CITY)));
        let failures = json!([{"criterion": "CORRECT", "rule": "CONFIRMED"}]);
        assert_eq!(record["failures"], failures);
        server.stop().await;
    }

    async fn a_platform_that_left_takes_its_deployments_out_of_the_counts(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = people(&server).await;
        let second = server.raw(server.person("second", &[Role::Steward], None).await);
        it.city.ok("UpdateDeployment", report(CITY)).await;
        let counted = async || {
            let all = json!({"edition": "editions/-"});
            let received = it.anyone.ok("ComputeSummary", all).await;
            received["deployments"]["deployment_count"].clone()
        };
        assert_eq!(counted().await, 1);
        let platform = it.anyone.ok("GetPlatform", json!({"name": "platforms/ndp-001"})).await;
        let retire = json!({"name": platform["name"], "etag": platform["etag"], "exit": {
            "reason": "thử", "outcome": "DISCONTINUED", "decision": decision([2026, 9, 30])}});
        let proposal = it.steward.ok("RetirePlatform", retire).await["proposal"].clone();
        let approve = json!({"name": proposal["name"], "etag": proposal["etag"]});
        second.ok("ApproveProposal", approve).await;
        assert_eq!(counted().await, 0);
        // an existing deployment can still be written, for example as stopped; none is created
        let stopped = json!({"name": name(CITY), "report_date": date([2026, 10, 1])});
        it.city.ok("UpdateDeployment", json!({"deployment": stopped})).await;
        let refused = it.commune.refusal("UpdateDeployment", report(COMMUNE)).await;
        assert_eq!(refused, "FailedPrecondition PLATFORM_NOT_ACTIVE");
        server.stop().await;
    }

    async fn a_deployment_is_served_over_http_checked_and_read_with_sql(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = people(&server).await;
        let caller = server.person("http", &[Role::AgencyEditor], Some(CITY)).await;
        it.city.ok("UpdateDeployment", report(CITY)).await;
        let address = &server.address;
        let path = format!("/v1/{}", name(CITY));
        let read = send(address, &format!("GET {path}"), &[], "").await.json();
        assert_eq!(read["standing"]["stage"], "PILOT");
        let headers = [("authorization", caller.sent()), ("content-type", "application/json")];
        let body = json!({"reportDate": {"year": 2026, "month": 10, "day": 1}}).to_string();
        let what = format!("PATCH {path}?updateMask=reportDate");
        let patched = send(address, &what, &headers, body).await;
        assert_eq!(patched.status, 200);
        let mut sql = Sql::connect(&engine.url()).await;
        let counted = sql.number(
            "SELECT count(*) FROM deployments WHERE platform = 'platforms/ndp-001' \
             AND agency = 'agencies/tp-ha-noi' AND last_stage = 'PILOT' \
             AND last_stage_end = '2026-08-31' AND report_date = '2026-10-01' \
             AND legacy_disposition = 'KEPT' AND legacy_end_date = '2026-09-15' \
             AND confirm_time IS NULL",
        );
        assert_eq!(counted.await, 1);
        assert_eq!(server.store.verify().await.unwrap().findings, []);
        server.stop().await;
    }
}
