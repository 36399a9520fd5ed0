//! The shortest way through the registry: a plan from draft to issued, seen by everyone then.

use ndp_core::records::principals::Role;
use ndp_registry::pb::{self, plan::State};

use crate::harness::{
    Engine, both,
    plans::{DECISION_DAY, document},
    server::Server,
};

both! {
    async fn a_plan_is_drafted_submitted_and_issued(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let editor = server.person("editor", &[Role::AgencyEditor], Some("bo-cong-an")).await;
        let approver = server.person("approver", &[Role::AgencyApprover], Some("bo-cong-an")).await;
        let mut editor = server.clients(editor);
        let mut approver = server.clients(approver);
        let mut anonymous = server.anonymous();

        let plan = editor.plans.create_plan(pb::CreatePlanRequest {
            parent: "platforms/ndp-001".into(),
            plan_id: "first".into(),
            plan: Some(pb::Plan { display_name: "Kế hoạch thử".into(), ..Default::default() }),
            ..Default::default()
        }).await.unwrap().into_inner();
        assert_eq!(plan.state(), State::Draft);
        let get = pb::GetPlanRequest { name: plan.name.clone(), ..Default::default() };
        let hidden = anonymous.plans.get_plan(get.clone()).await.unwrap_err();
        assert_eq!(hidden.code(), tonic::Code::NotFound);

        let plan = editor.plans.submit_plan(pb::SubmitPlanRequest {
            name: plan.name,
            etag: plan.etag,
            ..Default::default()
        }).await.unwrap().into_inner();
        let plan = approver.plans.issue_plan(pb::IssuePlanRequest {
            name: plan.name,
            etag: plan.etag,
            document: Some(document("1/QĐ-TEST", DECISION_DAY)),
            ..Default::default()
        }).await.unwrap().into_inner();
        assert_eq!(plan.state(), State::Issued);

        let seen = anonymous.plans.get_plan(get).await.unwrap().into_inner();
        assert_eq!(seen.state(), State::Issued);
        let [.., last] = &seen.state_history[..] else { panic!("{seen:?}") };
        assert_eq!(last.state(), State::Issued);
        assert!(seen.state_history.iter().all(|entry| entry.principal.is_empty()));
        let request = pb::ComputeSummaryRequest::default();
        let summary = anonymous.monitoring.compute_summary(request).await;
        let summary = summary.unwrap().into_inner();
        assert_eq!(summary.declared_platform_count, Some(84));
        assert_eq!(summary.issued_plan_platform_count, Some(1));
        server.stop().await;
    }
}
