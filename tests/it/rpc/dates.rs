//! Facts with dates: what is entered today for an earlier date is answered for that date, and
//! what is entered for today changes nothing before it.

use ndp_registry::domain::principals::Role;
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{AGENCY, OTHER_AGENCY, date, decision},
    raw::{Raw, violations},
    server::Server,
};

const EDITION: &str = "editions/2618-qd-bkhcn";
const ASKED: [i32; 3] = [2025, 9, 23];

/// Who governs from a day on.
fn governance(agency: &str, start: [i32; 3]) -> Value {
    json!({"agency": format!("agencies/{agency}"), "start_date": date(start)})
}

/// A number that JSON leaves out where it is 0.
fn number(answer: &Value, field: &str) -> i64 {
    answer[field].as_i64().unwrap_or_default()
}

/// On a day as it is known at a revision: how many platforms an agency governs, and the agency
/// that has to act on a platform.
async fn governed(
    raw: &Raw,
    agency: &str,
    platform: &Value,
    day: [i32; 3],
    at: i64,
) -> (i64, Value) {
    let asked = json!({"effective_date": date(day), "read_revision": at});
    let mut request = asked.clone();
    request["agency"] = json!(format!("agencies/{agency}"));
    let summary = raw.ok("GetSummary", request).await;
    let mut request = asked;
    let name = platform["name"].as_str().unwrap();
    request["filter"] = json!(format!("platform = \"{name}\" AND kind = MISSING_PLAN"));
    let items = raw.ok("ListAttentionItems", request).await;
    assert_eq!(items["effective_date"], date(day));
    let held = number(&summary, "held_platform_count");
    (held, items["attention_items"][0]["agency"].clone())
}

both! {
    async fn an_agency_entered_today_governs_from_the_day_of_its_decision(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let anyone = server.raw(Default::default());
        let platform = json!({"display_name": "Nền tảng thử (made up)", "record_status": "VERIFIED",
            "listings": [{"edition": EDITION}]});
        let platform = steward.ok("CreatePlatform", json!({"platform": platform})).await;
        assert!(platform.get("governance").is_none(), "{platform}");
        let before = server.registry.revision().get();
        let (held, nobody) = governed(&anyone, OTHER_AGENCY, &platform, ASKED, 0).await;
        assert!(nobody.is_null());
        let update = async |entries: Value| {
            let platform = json!({"name": platform["name"], "governance": entries});
            steward.ok("UpdatePlatform", json!({"platform": platform})).await
        };

        // transcribed a year later, from a decision of 15 September
        let mut entry = governance(OTHER_AGENCY, [2025, 9, 15]);
        entry["document"] = decision([2025, 9, 15]);
        entry["sources"] = json!([{"note": "thử nghiệm"}]);
        let written = update(json!([entry])).await;
        assert_eq!(written["governance"], json!([entry]));
        let other = json!(format!("agencies/{OTHER_AGENCY}"));
        assert_eq!(written["governing_agency"], other);
        let ask = async |day, at| governed(&anyone, OTHER_AGENCY, &platform, day, at).await;
        assert_eq!(ask(ASKED, 0).await, (held + 1, other.clone()));
        assert_eq!(ask([2025, 9, 14], 0).await, (held, Value::Null));
        // what was known before is answered as before
        assert_eq!(ask(ASKED, before).await, (held, Value::Null));

        // a transfer of today changes nothing for the past
        let first = server.registry.revision().get();
        let today = [2026, 10, 1];
        let moved = update(json!([entry, governance(AGENCY, today)])).await;
        assert_eq!(moved["governing_agency"], format!("agencies/{AGENCY}"));
        assert_eq!(ask(ASKED, 0).await, (held + 1, other.clone()));
        assert_eq!(ask([2026, 9, 30], 0).await, (held + 1, other.clone()));
        assert_eq!(ask(today, 0).await, (held, json!(format!("agencies/{AGENCY}"))));
        assert_eq!(ask(today, first).await, (held + 1, other.clone()));

        // one learned of later still stands between them
        let third = governance("bo-tai-chinh", [2026, 1, 1]);
        update(json!([entry, third, governance(AGENCY, today)])).await;
        assert_eq!(ask(ASKED, 0).await, (held + 1, other.clone()));
        assert_eq!(ask([2026, 3, 1], 0).await, (held, json!("agencies/bo-tai-chinh")));
        assert_eq!(ask([2026, 3, 1], first).await, (held + 1, other));
        server.stop().await;
    }

    async fn entries_of_governance_are_in_order_and_of_no_day_to_come(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let refused = async |entries: Value| {
            let platform = json!({"name": "platforms/ndp-020", "governance": entries});
            let status = steward.err("UpdatePlatform", json!({"platform": platform})).await;
            violations(&status)
        };
        let undated = json!({"agency": format!("agencies/{AGENCY}")});
        let of = |day| governance(AGENCY, day);
        assert_eq!(
            refused(json!([of([2026, 2, 1]), of([2026, 1, 1])])).await,
            "platform.governance[1].start_date OUT_OF_RANGE"
        );
        assert_eq!(
            refused(json!([of([2026, 2, 1]), undated])).await,
            "platform.governance[1].start_date REQUIRED"
        );
        assert_eq!(
            refused(json!([undated, of([2026, 10, 2])])).await,
            "platform.governance[1].start_date OUT_OF_RANGE"
        );
        let many: Vec<_> = (1..=51).map(|year| of([1949 + year, 1, 1])).collect();
        assert_eq!(refused(json!(many)).await, "platform.governance TOO_MANY_ITEMS");
        // `governing_agency` is what comes of the list
        let platform = json!({"name": "platforms/ndp-020",
            "governing_agency": format!("agencies/{AGENCY}"), "operating_unit": "Đơn vị thử"});
        let written = steward.ok("UpdatePlatform", json!({"platform": platform})).await;
        assert!(written.get("governing_agency").is_none(), "{written}");
        server.stop().await;
    }
}
