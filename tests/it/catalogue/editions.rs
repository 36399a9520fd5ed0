//! Which edition answers by default, what an answer of another one says, and records of two
//! editions that are likely one platform.

use ndp_core::records::principals::Role;
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::date,
    raw::{Raw, violations},
    server::{As, Server},
};

const OF_84: &str = "editions/2618-qd-bkhcn";
const OF_79: &str = "editions/1132-qd-ttg";
/// The day from which the second repeals the first, and the day before.
const REPEAL: [i32; 3] = [2026, 6, 24];
const BEFORE: [i32; 3] = [2026, 6, 23];

/// The edition of an answer, the one in force, and the records that its warnings lead to.
fn received(answer: &Value) -> (String, String, Vec<String>) {
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
    let resources = warnings
        .iter()
        .map(|it| it["resource"].as_str().unwrap().to_owned());
    (
        text("edition"),
        text("effective_edition"),
        resources.collect(),
    )
}

fn expected(edition: &str, in_force: &str, warned: &[&str]) -> (String, String, Vec<String>) {
    let warned = warned.iter().map(|it| (*it).to_owned());
    (edition.to_owned(), in_force.to_owned(), warned.collect())
}

/// The resources of the attention items of a kind.
async fn items(raw: &Raw, mut request: Value, kind: &str) -> Vec<Value> {
    request["filter"] = json!(format!("kind = {kind}"));
    request["page_size"] = json!(1000);
    let answer = raw.ok("ListAttentionItems", request).await;
    answer["attention_items"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

both! {
    async fn the_edition_in_force_on_the_date_answers(engine: Engine) {
        let editions = ["2618-qd-bkhcn", "1132-qd-ttg"];
        let server = Server::start_with(&engine.url(), &editions).await;
        let anyone = server.raw(As::default());
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let summary = async |request: Value| received(&anyone.ok("ComputeSummary", request).await);
        let on = |day: [i32; 3]| json!({"effective_date": date(day)});
        assert_eq!(summary(json!({})).await, expected(OF_79, OF_79, &[]));
        assert_eq!(summary(on(REPEAL)).await, expected(OF_79, OF_79, &[]));
        assert_eq!(summary(on(BEFORE)).await, expected(OF_84, OF_84, &[]));
        let repealed = expected(OF_84, OF_79, &[OF_79]);
        assert_eq!(summary(json!({"edition": OF_84})).await, repealed);
        let early = json!({"edition": OF_84, "effective_date": date(BEFORE)});
        assert_eq!(summary(early).await, expected(OF_84, OF_84, &[]));
        let all = json!({"edition": "editions/-"});
        assert_eq!(summary(all).await, expected("editions/-", OF_79, &[]));
        // every answer of an edition says so
        let since = json!({"edition": OF_84, "start_date": date(REPEAL)});
        assert_eq!(received(&anyone.ok("ComputeTimeline", since).await), repealed);
        for method in ["ComputeAgencySummaries", "ComputeDataQuality", "ListAttentionItems"] {
            let request = json!({"edition": OF_84});
            assert_eq!(received(&anyone.ok(method, request).await), repealed, "{method}");
            let default = anyone.ok(method, json!({})).await;
            assert_eq!(received(&default), expected(OF_79, OF_79, &[]), "{method}");
        }

        // a plan is owed by an edition that is not over
        let missing = async |request: Value| items(&anyone, request, "MISSING_PLAN").await.len();
        assert_eq!(missing(json!({})).await, 79);
        assert_eq!(missing(json!({"edition": OF_84})).await, 12, "those that both editions list");
        assert_eq!(missing(on(BEFORE)).await, 84);

        // the steward's choice answers instead, and what was answered before stays
        let then = server.registry.revision().get();
        let pin = |edition: &str, pinned: bool| {
            let edition = json!({"name": edition, "pinned": pinned});
            json!({"edition": edition, "update_mask": "pinned"})
        };
        steward.ok("UpdateEdition", pin(OF_84, true)).await;
        assert_eq!(summary(json!({})).await, repealed);
        let past = json!({"read_revision": then});
        assert_eq!(summary(past).await, expected(OF_79, OF_79, &[]));
        let second = steward.err("UpdateEdition", pin(OF_79, true)).await;
        assert_eq!(violations(&second), "edition.pinned NOT_UNIQUE");
        steward.ok("UpdateEdition", pin(OF_84, false)).await;
        steward.ok("UpdateEdition", pin(OF_79, true)).await;
        // also for a date before its first day, which it lists nothing on
        let refused = anyone.refusal("ComputeSummary", on(BEFORE)).await;
        assert_eq!(refused, "OutOfRange OUT_OF_RANGE");
        server.stop().await;
    }

    async fn an_edition_without_entries_answers_nothing_and_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let anyone = server.raw(As::default());
        let summary = anyone.ok("ComputeSummary", json!({})).await;
        assert_eq!(received(&summary), expected(OF_84, OF_79, &[OF_79]));
        let warning = &summary["warnings"][0];
        assert_eq!(warning["kind"], "EDITION_NOT_IN_FORCE");
        assert_eq!(warning["text"], format!(
            "the answer is of `{OF_84}`, which is not in force on 2026-10-01; `{OF_79}` is, and \
             none of its entries is held here"
        ));
        let vietnamese = warning["text_vi"].as_str().unwrap();
        assert!(vietnamese.starts_with("kết quả thuộc"));
        let report = anyone.ok("ComputeWeeklyReport", json!({})).await;
        let report = report["text"].as_str().unwrap();
        assert!(report.contains(&format!("Lưu ý: {vietnamese}.")), "{report}");
        assert_eq!(items(&anyone, json!({}), "MISSING_PLAN").await, [json!(null); 0]);
        server.stop().await;
    }

    async fn names_that_meet_are_for_a_person_to_decide(engine: Engine) {
        let editions = ["2618-qd-bkhcn", "1132-qd-ttg"];
        let server = Server::start_with(&engine.url(), &editions).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let request = json!({"base_edition": OF_84, "target_edition": OF_79});
        let compare = async || steward.ok("CompareEditions", request.clone()).await;
        let count = |compared: &Value, list: &str| compared[list].as_array().map_or(0, Vec::len);
        let before = compare().await;
        // five pending entries get names: three of records of the later edition, two of none
        let mut named = Vec::new();
        for (pending, other) in [
            ("ndp-080", Some("ndp-085")),
            ("ndp-081", Some("ndp-086")),
            ("ndp-082", Some("ndp-151")),
            ("ndp-083", None),
            ("ndp-084", None),
        ] {
            let name = match other {
                Some(other) => {
                    let get = json!({"name": format!("platforms/{other}")});
                    let name = &steward.ok("GetPlatform", get).await["display_name"];
                    name.as_str().unwrap().to_uppercase()
                }
                None => format!("Nền tảng {pending} (thử nghiệm)"),
            };
            let platform = json!({
                "name": format!("platforms/{pending}"), "display_name": name,
                "listings": [{"edition": OF_84, "display_name": name}],
            });
            steward.ok("UpdatePlatform", json!({"platform": platform})).await;
            if let Some(other) = other {
                named.push((format!("platforms/{pending}"), format!("platforms/{other}")));
            }
        }
        let after = compare().await;
        let pairs = after["likely_matches"].as_array().unwrap().iter();
        let pairs: Vec<_> = pairs
            .map(|it| ["platform", "matching_platform"].map(|it2| it[it2].clone()))
            .collect();
        let expected: Vec<_> = named.iter().map(|(a, b)| [json!(a), json!(b)]).collect();
        assert_eq!(pairs, expected);
        for pair in after["likely_matches"].as_array().unwrap() {
            assert!(pair["target_display_name"].as_str().is_some_and(|it| !it.is_empty()));
        }
        // only the two that no entry of the later edition is named like are dropped
        assert_eq!(count(&after, "dropped"), count(&before, "dropped") + 2);
        assert_eq!(count(&after, "unresolved"), count(&before, "unresolved") - 5 - 3);
        // and both records of a name need someone's attention
        let found = items(&steward, json!({"edition": "editions/-"}), "LIKELY_DUPLICATE").await;
        let found: Vec<_> = found
            .iter()
            .map(|it| (it["resource"].clone(), it["other_resource"].clone()))
            .collect();
        for (a, b) in &named {
            assert!(found.contains(&(json!(a), json!(b))), "{found:?}");
            assert!(found.contains(&(json!(b), json!(a))), "{found:?}");
        }
        assert_eq!(found.len(), 2 * named.len());
        server.stop().await;
    }
}
