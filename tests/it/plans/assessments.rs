//! Assessments over the wire: the steward's, dated, by a rubric, and never edited.

use ndp_core::records::plans::PlanState;
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    plans::{Cast, date},
    raw::violations,
    server::{As, Server},
};

both! {
    async fn an_assessment_says_how_the_steward_sees_a_plan(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.plan_in("ndp-001", "plan", PlanState::Issued).await;
        let request = |fields: Value| {
            let mut assessment = json!({
                "rating": "RATING_OFF_TRACK", "rubric_version": "thử 1", "findings": "Nhận định",
            });
            for (field, value) in fields.as_object().unwrap() {
                assessment[field] = value.clone();
            }
            json!({"parent": plan["name"], "assessment": assessment})
        };
        let mut lines = Vec::new();
        for fields in [
            json!({"rating": "RATING_UNSPECIFIED"}),
            json!({"rubric_version": ""}),
            json!({"assessment_date": date([2026, 10, 2])}),
            json!({"assessment_date": date([2026, 9, 29])}),
            json!({"findings": "ă".repeat(5001)}),
        ] {
            let status = cast.steward.err("CreateAssessment", request(fields)).await;
            lines.push(violations(&status));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            assessment.rating REQUIRED
            assessment.rubric_version REQUIRED
            assessment.assessment_date OUT_OF_RANGE
            assessment.assessment_date OUT_OF_RANGE
            assessment.findings TOO_LONG
            ");
        }
        // the day of recording where none is given
        let today = cast.steward.ok("CreateAssessment", request(json!({}))).await;
        assert_eq!(today["assessment_date"], date([2026, 10, 1]));
        assert_eq!(today["substantiated"], json!(null));
        let mut earlier = request(json!({
            "assessment_date": date([2026, 9, 30]), "rating": "RATING_ON_TRACK",
            "evidence": [{"document": {
                "symbol": "3/BB-TEST", "issue_date": date([2026, 9, 30]),
                "signatory": "Người thử nghiệm (synthetic)",
            }}],
        }));
        earlier["assessment_id"] = json!("lan-1");
        let earlier = cast.steward.ok("CreateAssessment", earlier).await;
        assert_eq!(earlier["substantiated"], true);
        let anonymous = server.raw(As::default());
        let get = json!({"name": earlier["name"]});
        assert_eq!(anonymous.ok("GetAssessment", get).await, earlier);
        let list = json!({"parent": plan["name"], "order_by": "assessment_date desc"});
        let list = anonymous.ok("ListAssessments", list).await;
        assert_eq!(list["assessments"], json!([today, earlier]));
        for caller in [&cast.editor, &cast.approver] {
            assert_eq!(
                caller.refusal("CreateAssessment", request(json!({}))).await,
                "PermissionDenied PERMISSION_DENIED"
            );
        }
        server.stop().await;
    }
}
