//! Progress reports over the wire: one a period of the plan's cycle, corrected by a later one, and
//! none of them ever changed.

use ndp_core::records::plans::{PlanMove, PlanState};
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{Cast, date, decision},
    raw::violations,
    server::{As, Server},
};

fn report(end: [i32; 3]) -> Value {
    json!({
        "period_end_date": date(end), "rating": "RATING_AT_RISK", "percent": 40,
        "results": "Kết quả thử nghiệm (synthetic)", "difficulties": "Khó khăn thử nghiệm",
        "recommendations": "Kiến nghị thử nghiệm",
    })
}

/// A plan with this reporting cycle, issued on a day.
async fn issued(cast: &Cast, id: &str, cycle: Value, day: [i32; 3]) -> Value {
    let plan =
        json!({"display_name": format!("Kế hoạch thử nghiệm {id}"), "reporting_cycles": [cycle]});
    let request = json!({"parent": "platforms/ndp-001", "plan_id": id, "plan": plan});
    let plan = cast.editor.ok("CreatePlan", request).await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    let request = json!({
        "name": plan["name"], "etag": plan["etag"], "document": decision(day),
    });
    cast.approver.ok("IssuePlan", request).await
}

fn filed(plan: &Value, report: &Value) -> Value {
    json!({"parent": plan["name"], "report": report})
}

both! {
    async fn a_report_is_of_a_period_that_is_over(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let mut lines = Vec::new();
        // today is 1 October 2026
        for (cycle, asked) in [
            (json!({}), vec![
                [2026, 9, 14], [2026, 8, 14], [2026, 7, 14], [2026, 10, 14], [2026, 9, 30],
            ]),
            (json!({"interval": "QUARTERLY"}), vec![[2026, 9, 14], [2026, 8, 14], [2026, 12, 14]]),
            (json!({"interval": "HALF_YEARLY", "cutoff_day": 20}), vec![
                [2026, 6, 20], [2026, 9, 20], [2026, 6, 14],
            ]),
            (json!({"interval": "YEARLY", "cutoff_day": 28}), vec![[2025, 12, 28], [2026, 12, 28]]),
        ] {
            let id = format!("plan-{}", lines.len());
            let plan = issued(&cast, &id, cycle.clone(), [2026, 8, 1]).await;
            lines.push(cycle.to_string());
            for end in asked {
                let answer = cast.editor.call("CreateReport", filed(&plan, &report(end))).await;
                let outcome = match answer {
                    Ok(answer) => {
                        assert_eq!(answer["period_end_date"], date(end));
                        "filed".to_owned()
                    }
                    Err(status) => {
                        assert_eq!(violations(&status), "report.period_end_date OUT_OF_RANGE");
                        let (_, received) = status.message().split_once(": ").unwrap();
                        received.replace("no reporting period of the plan", "none")
                    }
                };
                lines.push(format!("{end:?} {outcome}"));
            }
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r#"
            {}
            [2026, 9, 14] filed
            [2026, 8, 14] filed
            [2026, 7, 14] the plan was issued on 2026-08-01, after the period; report on a later period
            [2026, 10, 14] must not be after today (2026-10-01); the period ends on 2026-10-14
            [2026, 9, 30] none ends on 2026-09-30; the next one ends 2026-10-14
            {"interval":"QUARTERLY"}
            [2026, 9, 14] filed
            [2026, 8, 14] none ends on 2026-08-14; the next one ends 2026-09-14
            [2026, 12, 14] must not be after today (2026-10-01); the period ends on 2026-12-14
            {"cutoff_day":20,"interval":"HALF_YEARLY"}
            [2026, 6, 20] the plan was issued on 2026-08-01, after the period; report on a later period
            [2026, 9, 20] none ends on 2026-09-20; the next one ends 2026-12-20
            [2026, 6, 14] none ends on 2026-06-14; the next one ends 2026-06-20
            {"cutoff_day":28,"interval":"YEARLY"}
            [2025, 12, 28] the plan was issued on 2026-08-01, after the period; report on a later period
            [2026, 12, 28] must not be after today (2026-10-01); the period ends on 2026-12-28
            "#);
        }
        server.stop().await;
    }

    async fn a_report_is_corrected_by_another_and_both_stay(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast, "plan", json!({}), [2026, 7, 1]).await;
        let other = cast.plan_in("ndp-002", "other", PlanState::Issued).await;
        let first = cast.editor.ok("CreateReport", filed(&plan, &report([2026, 8, 14]))).await;
        assert_eq!(
            cast.editor.refusal("CreateReport", filed(&plan, &report([2026, 8, 14]))).await,
            "FailedPrecondition PERIOD_IS_REPORTED"
        );
        let mut correction = report([2026, 9, 14]);
        correction["corrects"] = first["name"].clone();
        correction["rating"] = json!("RATING_OFF_TRACK");
        let status = cast.editor.err("CreateReport", filed(&plan, &correction)).await;
        assert_eq!(violations(&status), "report.period_end_date NOT_ALLOWED");
        correction["period_end_date"] = date([2026, 8, 14]);
        let status = cast.editor.err("CreateReport", filed(&other, &correction)).await;
        assert_eq!(violations(&status), "report.corrects REFERENCE_NOT_FOUND");
        let second = cast.editor.ok("CreateReport", filed(&plan, &correction)).await;
        assert_eq!(second["corrects"], first["name"]);
        let get = json!({"name": first["name"]});
        let now = server.raw(As::default()).ok("GetReport", get.clone()).await;
        assert_eq!(now["correction"], second["name"]);
        for field in ["period_end_date", "rating", "percent", "results", "difficulties"] {
            assert_eq!(now[field], first[field], "{field}");
        }
        assert_eq!(
            cast.editor.refusal("CreateReport", filed(&plan, &correction)).await,
            "FailedPrecondition REPORT_IS_CORRECTED"
        );
        correction["corrects"] = second["name"].clone();
        cast.editor.ok("CreateReport", filed(&plan, &correction)).await;
        // a report counts where no other corrects it
        let list = json!({"parent": plan["name"], "filter": "NOT correction:*"});
        let standing = cast.editor.ok("ListReports", list).await;
        assert_eq!(standing["reports"].as_array().unwrap().len(), 1);
        assert_eq!(standing["reports"][0]["corrects"], second["name"]);
        let past = json!({"name": first["name"], "read_revision": first["revision"]});
        assert_eq!(cast.editor.ok("GetReport", past).await, first);
        server.stop().await;
    }

    async fn the_last_report_follows_the_plans_completion(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast, "plan", json!({}), [2026, 7, 1]).await;
        let request = json!({
            "name": plan["name"], "etag": plan["etag"], "document": decision([2026, 8, 20]),
        });
        cast.approver.ok("CompletePlan", request).await;
        cast.editor.ok("CreateReport", filed(&plan, &report([2026, 9, 14]))).await;
        server.clock.advance(30 * 24 * 3600);
        let status = cast.editor.err("CreateReport", filed(&plan, &report([2026, 10, 14]))).await;
        assert_eq!(violations(&status), "report.period_end_date OUT_OF_RANGE");
        cast.editor.ok("CreateReport", filed(&plan, &report([2026, 8, 14]))).await;
        server.stop().await;
    }

    async fn a_report_is_checked_field_by_field(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = issued(&cast, "plan", json!({}), [2026, 7, 1]).await;
        let mut lines = Vec::new();
        for (field, value) in [
            ("period_end_date", Value::Null),
            ("period_end_date", json!({"year": 2026, "month": 9})),
            ("rating", json!("RATING_UNSPECIFIED")),
            ("percent", json!(101)),
            ("results", json!("")),
            ("difficulties", json!("ă".repeat(5001))),
            ("corrects", json!("platforms/ndp-001/plans/plan")),
            ("evidence", json!(vec![json!({}); 21])),
            ("evidence", json!([{"file": {"uri": ""}}])),
        ] {
            let mut report = report([2026, 9, 14]);
            report[field] = value;
            lines.push(violations(&cast.editor.err("CreateReport", filed(&plan, &report)).await));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            report.period_end_date REQUIRED
            report.period_end_date PARTIAL_DATE
            report.rating REQUIRED
            report.percent OUT_OF_RANGE
            report.results REQUIRED
            report.difficulties TOO_LONG
            report.corrects PATTERN
            report.evidence TOO_MANY_ITEMS
            report.evidence[0].file.uri NOT_A_URI
            ");
        }
        let evidence = json!([{"file": {
            "uri": "https://example.invalid/x", "sha256": "2".repeat(64), "size_bytes": 7,
        }}]);
        let mut with_evidence = report([2026, 9, 14]);
        with_evidence["evidence"] = evidence;
        let mut request = filed(&plan, &with_evidence);
        request["report_id"] = json!("thang-9");
        let made = cast.editor.ok("CreateReport", request).await;
        assert_eq!(made["substantiated"], true);
        assert!(made["name"].as_str().unwrap().ends_with("/reports/thang-9"));
        let list = json!({
            "parent": "platforms/-/plans/-", "order_by": "period_end_date desc, percent",
            "filter": "rating = RATING_AT_RISK AND substantiated = true AND percent < 50",
        });
        let list = cast.steward.ok("ListReports", list).await;
        assert_eq!(list["reports"], json!([made]));
        server.stop().await;
    }
}
