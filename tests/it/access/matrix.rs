//! Every method by every role: who may call it, as one table.
//!
//! Each call is valid and, where it would write, only validated: so all callers meet the same
//! registry, and what differs is who they are. The table is `matrix.txt`; a method that is not in
//! [`cases`] fails the test.

use std::collections::BTreeSet;

use ndp_core::records::{
    plans::{PlanMove, PlanState},
    principals::Role,
};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::permissions::Compared;
use crate::{
    catalogue::{data_flows, deployments},
    harness::{
        Engine, both,
        plans::{AGENCY, Cast, DECISION_DAY, OTHER_AGENCY, date, decision, move_request},
        raw::{Raw, methods},
        server::{As, Server},
    },
    monitoring::indicators,
    tasks::{lifecycle as tasks, programmes, recommendations},
};

/// An agency that governs platforms and has no principals.
pub(crate) const UNMANNED: &str = "bo-tai-chinh";

/// What the requests are about.
pub(crate) struct Fixture {
    draft: Value,
    submitted: Value,
    issued: Value,
    restricted: Value,
    draft_milestone: Value,
    milestone: Value,
    completed: Value,
    completed_plan: Value,
    unmanned: Value,
    transcribed: Value,
    transcribed_submitted: Value,
    own_transcribed: Value,
    report: Value,
    assessment: Value,
    proposal: Value,
    rebaseline: Value,
    principal: Value,
    steward: Value,
    platform: Value,
    retired: Value,
    agency: Value,
    edition: Value,
    programme: Value,
    own_programme: Value,
    tasks: [Value; 3],
    indicator: Value,
    value: Value,
    deployment: Value,
    received: Value,
    reviewed: Value,
    answered: Value,
    data_flow: Value,
    unit: Value,
    key: String,
}

impl Fixture {
    pub(crate) async fn new(server: &Server) -> Self {
        let own_transcribed = transcribed_early(server).await;
        let cast = Cast::new(server).await;
        server
            .person("target", &[Role::AgencyEditor], Some(AGENCY))
            .await;
        let auditor = server.raw(server.person("watcher", &[Role::Auditor], None).await);
        let get = async |method: &str, name: &str| auditor.ok(method, json!({"name": name})).await;
        let keys = json!({"parent": "principals/target"});
        let keys = auditor.ok("ListApiKeys", keys).await;
        let retire = json!({
            "name": "platforms/ndp-013",
            "etag": get("GetPlatform", "platforms/ndp-013").await["etag"],
            "exit": exit(),
        });
        let mut restricted = cast.draft("ndp-003", "restricted").await;
        restricted["visibilities"] = json!([{"visibility": "RESTRICTED"}]);
        let restricted = with_records(&cast, &restricted).await;
        let issued = cast.draft("ndp-002", "issued").await;
        let issued = with_records(&cast, &issued).await;
        let draft = cast.draft("ndp-001", "draft").await;
        let completed = completed(&cast).await;
        let retired = retired(server, &cast).await;
        let (unmanned, transcribed, transcribed_submitted) = transcribed(server).await;
        let mut own = programmes::create("own");
        own["programme"]["assigning_agency"] = json!("agencies/bo-cong-an");
        let own_programme = cast.steward.ok("CreateProgramme", own).await;
        let unit = json!({
            "agency_id": "cuc-thu", "agency": {
                "display_name": "Đơn vị thử", "kind": "OTHER",
                "parent_agency": format!("agencies/{AGENCY}"),
            },
        });
        let to_rebase = cast.plan_in("ndp-004", "rebased", PlanState::Issued).await;
        Self {
            draft_milestone: milestone(&cast, &draft).await,
            milestone: get(
                "GetMilestone",
                "platforms/ndp-002/plans/issued/milestones/x",
            )
            .await,
            report: get("GetReport", "platforms/ndp-002/plans/issued/reports/x").await,
            assessment: get(
                "GetAssessment",
                "platforms/ndp-002/plans/issued/assessments/x",
            )
            .await,
            completed,
            completed_plan: cast.plan_in("ndp-006", "done", PlanState::Completed).await,
            unmanned,
            transcribed,
            transcribed_submitted,
            own_transcribed,
            retired,
            rebaseline: cast.editor.ok("RebaselinePlan", rebased(&to_rebase)).await["proposal"]
                .clone(),
            draft: get("GetPlan", draft["name"].as_str().unwrap()).await,
            submitted: cast
                .plan_in("ndp-001", "submitted", PlanState::Submitted)
                .await,
            issued,
            restricted,
            proposal: cast.steward.ok("RetirePlatform", retire).await["proposal"].clone(),
            principal: get("GetPrincipal", "principals/target").await,
            steward: get("GetPrincipal", "principals/cast-steward").await,
            platform: get("GetPlatform", "platforms/ndp-012").await,
            agency: get("GetAgency", "agencies/bo-cong-an").await,
            edition: get("GetEdition", "editions/2618-qd-bkhcn").await,
            programme: cast
                .steward
                .ok("CreateProgramme", programmes::create("x"))
                .await,
            tasks: tasks::in_each_state(&cast, &own_programme).await,
            own_programme,
            indicator: cast
                .steward
                .ok("CreateIndicator", indicators::create("x"))
                .await,
            value: cast
                .editor
                .ok("CreateObservation", indicators::declared("x", 7))
                .await,
            deployment: cast
                .editor
                .ok("UpdateDeployment", deployments::report(AGENCY))
                .await,
            received: recommendations::received(&cast, "received").await,
            reviewed: recommendations::reviewed(&cast, "reviewed").await,
            answered: recommendations::answered(&cast, "answered").await,
            data_flow: cast
                .steward
                .ok("CreateDataFlow", data_flows::create("x"))
                .await,
            unit: cast.steward.ok("CreateAgency", unit).await,
            key: keys["api_keys"][0]["name"].as_str().unwrap().to_owned(),
        }
    }
}

/// The first milestone of a draft.
async fn milestone(cast: &Cast, plan: &Value) -> Value {
    let milestone = json!({"display_name": "Mốc thử nghiệm"});
    let request = json!({"parent": plan["name"], "milestone_id": "x", "milestone": milestone});
    cast.editor.ok("CreateMilestone", request).await
}

/// A milestone of a plan in force, completed.
async fn completed(cast: &Cast) -> Value {
    let plan = cast.draft("ndp-005", "completed").await;
    let it = milestone(cast, &plan).await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    cast.step(PlanMove::Issue, &plan).await.unwrap();
    let request = json!({"name": it["name"], "etag": it["etag"]});
    cast.editor.ok("CompleteMilestone", request).await
}

/// A platform of an agency without principals, and two plans that a transcriber wrote for it: one
/// being written, one submitted.
async fn transcribed(server: &Server) -> (Value, Value, Value) {
    let writer = server.raw(server.person("writer", &[Role::Transcriber], None).await);
    let list = json!({"filter": format!("governing_agency = \"agencies/{UNMANNED}\"")});
    let platform = writer.ok("ListPlatforms", list).await["platforms"][0].clone();
    let platform = writer
        .ok("GetPlatform", json!({"name": platform["name"]}))
        .await;
    let draft = async || {
        let request = json!({
            "parent": platform["name"], "plan": {"display_name": "Thử"},
            "transcription_source": decision(DECISION_DAY),
        });
        writer.ok("CreatePlan", request).await
    };
    let [first, second] = [draft().await, draft().await];
    let second = writer
        .ok("SubmitPlan", move_request(PlanMove::Submit, &second))
        .await;
    (platform, first, second)
}

/// A plan of [`AGENCY`], transcribed before the agency has anybody.
async fn transcribed_early(server: &Server) -> Value {
    let early = server.raw(server.person("early", &[Role::Steward], None).await);
    let request = json!({
        "parent": "platforms/ndp-011", "plan": {"display_name": "Thử"},
        "transcription_source": decision(DECISION_DAY),
    });
    early.ok("CreatePlan", request).await
}

/// A platform that has left the catalogue.
async fn retired(server: &Server, cast: &Cast) -> Value {
    let second = server.raw(server.person("second", &[Role::Steward], None).await);
    let get = json!({"name": "platforms/ndp-050"});
    let platform = cast.steward.ok("GetPlatform", get.clone()).await;
    let retire = json!({"name": get["name"], "etag": platform["etag"], "exit": exit()});
    let proposal = cast.steward.ok("RetirePlatform", retire).await["proposal"].clone();
    let approve = json!({"name": proposal["name"], "etag": proposal["etag"]});
    second.ok("ApproveProposal", approve).await;
    second.ok("GetPlatform", get).await
}

/// A draft taken into force, with one record of each kind below it.
async fn with_records(cast: &Cast, plan: &Value) -> Value {
    let mut plan = plan.clone();
    plan["reporting_cycles"] = json!([{"cutoff_day": 1}]);
    let plan = cast.editor.ok("UpdatePlan", json!({"plan": plan})).await;
    milestone(cast, &plan).await;
    let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
    let plan = cast.step(PlanMove::Issue, &plan).await.unwrap();
    let report = json!({"parent": plan["name"], "report_id": "x", "report": report()});
    cast.editor.ok("CreateReport", report).await;
    let assessment = assessment();
    let request = json!({"parent": plan["name"], "assessment_id": "x", "assessment": assessment});
    cast.steward.ok("CreateAssessment", request).await;
    plan
}

/// A synthetic report on the period that ends on the test clock's day.
fn report() -> Value {
    json!({
        "period_end_date": date([2026, 10, 1]), "rating": "RATING_ON_TRACK",
        "results": "Kết quả thử nghiệm",
    })
}

fn assessment() -> Value {
    json!({"rating": "RATING_ON_TRACK", "rubric_version": "thử nghiệm 1"})
}

fn rebased(plan: &Value) -> Value {
    json!({
        "name": plan["name"], "etag": plan["etag"], "reason": "thử nghiệm",
        "rebaseline": {"budget": {"price_year": 2027}, "document": decision(DECISION_DAY)},
    })
}

/// A synthetic end of a platform.
fn exit() -> Value {
    json!({"reason": "thử nghiệm", "outcome": "DISCONTINUED", "decision": decision(DECISION_DAY)})
}

/// A method, on what where that matters, and a request that is valid.
pub(crate) type Case = (&'static str, &'static str, Value);

#[rustfmt::skip]
pub(crate) fn cases(it: &Fixture) -> Vec<Case> {
    let named = |it: &Value| json!({"name": it["name"]});
    let parent = |name: &str| json!({"parent": name});
    let below = |it: &Value, rest: &str| {
        json!({"name": format!("{}/{rest}", it["name"].as_str().unwrap())})
    };
    let corrected = |it: &Value| {
        let mut report = report();
        report["corrects"] = below(it, "reports/x")["name"].clone();
        report
    };
    let move_of = |it: &Value| {
        json!({"name": it["name"], "etag": it["etag"], "reason": "thử nghiệm"})
    };
    // without a mask, what is set is written
    let update = |kind: &str, it: &Value, field: &str, value: &Value| {
        json!({kind: {"name": it["name"], "etag": it["etag"], field: value}})
    };
    let principal = |agency: &str, role: &[&str]| json!({
        "principal": {"kind": "PERSON", "agency": agency, "roles": role},
    });
    let (own, other) = ("agencies/bo-cong-an", json!("agencies/bo-y-te"));
    let newcomer = json!({"kind": "PERSON", "roles": ["ROLE_AGENCY_ADMIN"]});
    let auditor = json!(["ROLE_AUDITOR"]);
    let text = json!("thử nghiệm");
    let unit = update("milestone", &it.milestone, "accountable_unit", &text);
    let platform = |field: &str| update("platform", &it.platform, field, &text);
    let [open, reported, completed] = &it.tasks;
    let with = |it: &Value, field: &str, value: Value| {
        let mut request = move_of(it);
        request[field] = value;
        request
    };
    let mut own_programme = programmes::create("new");
    own_programme["programme"]["assigning_agency"] = json!(own);
    let mut cases: Vec<Case> = vec![
        ("GetAgency", "", named(&it.agency)),
        ("ListAgencies", "", json!({})),
        ("CreateAgency", "", json!({
            "agency_id": "new", "agency": {"display_name": "Thử", "kind": "OTHER"},
        })),
        ("UpdateAgency", "", update("agency", &it.agency, "display_name_en", &text)),
        ("SucceedAgency", "", json!({
            "name": it.agency["name"], "etag": it.agency["etag"], "succession": {
                "successor": other, "start_date": date(DECISION_DAY),
                "document": decision(DECISION_DAY),
            },
            "platforms": [it.platform["name"]],
        })),
        ("GetEdition", "", named(&it.edition)),
        ("ListEditions", "", json!({})),
        ("CreateEdition", "", json!({
            "edition_id": "new",
            "edition": {"display_name": "Thử", "decision": decision(DECISION_DAY)},
        })),
        ("UpdateEdition", "", update("edition", &it.edition, "note", &text)),
        ("CompareEditions", "", json!({
            "base_edition": it.edition["name"], "target_edition": it.edition["name"],
        })),
        ("GetPlatform", "", named(&it.platform)),
        ("ListPlatforms", "", json!({})),
        ("CreatePlatform", "", json!({"platform": {
            "display_name": "Nền tảng thử nghiệm", "verification": "VERIFIED",
            "sources": [{"note": "thử nghiệm"}],
        }})),
        ("UpdatePlatform", "the steward's", platform("display_name_en")),
        ("UpdatePlatform", "its agency's", platform("operating_unit")),
        ("UpdatePlatform", "delegated", update("platform", &it.platform, "delegations",
            &json!([{"unit": it.unit["name"], "start_date": date(DECISION_DAY)}]))),
        ("BatchGetPlatforms", "", json!({"names": [it.platform["name"]]})),
        ("SearchPlatforms", "", json!({"query": "dinh danh"})),
        ("RetirePlatform", "", json!({
            "name": it.platform["name"], "etag": it.platform["etag"],
            "exit": exit(),
        })),
        ("ReinstatePlatform", "", json!({
            "name": it.retired["name"], "etag": it.retired["etag"], "reason": "thử nghiệm",
            "reinstatement": {"document": decision(DECISION_DAY)},
        })),

        ("GetProgramme", "", named(&it.programme)),
        ("ListProgrammes", "", json!({})),
        ("CreateProgramme", "", programmes::create("new")),
        ("CreateProgramme", "own", own_programme),
        ("UpdateProgramme", "", update("programme", &it.programme, "display_name_en", &text)),
        ("UpdateProgramme", "own",
            update("programme", &it.own_programme, "display_name_en", &text)),
        ("GetTask", "", named(open)),
        ("ListTasks", "", json!({})),
        ("CreateTask", "", tasks::create("new", &it.own_programme)),
        ("UpdateTask", "", update("task", open, "required_result", &text)),
        ("MoveTaskDue", "", with(open, "document", decision(DECISION_DAY))),
        ("ReportTask", "", move_of(open)),
        ("ConfirmTask", "", move_of(reported)),
        ("ReturnTask", "", move_of(reported)),
        ("ReopenTask", "", move_of(completed)),
        ("DropTask", "", with(open, "erroneous", json!(true))),

        ("GetIndicator", "", named(&it.indicator)),
        ("ListIndicators", "", json!({})),
        ("CreateIndicator", "", indicators::create("new")),
        ("UpdateIndicator", "", update("indicator", &it.indicator, "display_name_en", &text)),
        ("ClosePeriod", "", json!({
            "name": it.indicator["name"], "etag": it.indicator["etag"],
            "period": indicators::month(7),
        })),
        ("GetObservation", "", named(&it.value)),
        ("ListObservations", "", parent("indicators/-")),
        ("CreateObservation", "declared", indicators::declared("x", 8)),
        ("CreateObservation", "confirmed", indicators::on_basis("x", 7, "CONFIRMED")),
        ("CreateObservation", "measured", indicators::on_basis("x", 7, "MEASURED")),
        ("CreateObservation", "measured, of all", indicators::of_country("x", 7, "MEASURED")),
        ("CreateObservation", "published", indicators::of_country("x", 7, "PUBLISHED")),
        ("BatchCreateObservations", "declared", json!({
            "parent": it.indicator["name"], "requests": [indicators::declared("x", 8)],
        })),
        ("ComputeScoreboard", "", indicators::board(&["x"])),

        ("GetDeployment", "", named(&it.deployment)),
        ("ListDeployments", "", parent("platforms/-")),
        ("UpdateDeployment", "", update("deployment", &it.deployment, "evidence",
            &json!([{"note": "thử nghiệm"}]))),
        ("UpdateDeployment", "transcribed", deployments::report(UNMANNED)),
        ("ConfirmDeployment", "", move_of(&it.deployment)),

        ("GetRecommendation", "received", named(&it.received)),
        ("GetRecommendation", "in review", named(&it.reviewed)),
        ("ListRecommendations", "", json!({})),
        ("CreateRecommendation", "", recommendations::create("new")),
        ("UpdateRecommendation", "received", update(
            "recommendation", &it.received, "display_name", &text,
        )),
        ("UpdateRecommendation", "in review", update(
            "recommendation", &it.reviewed, "display_name", &text,
        )),
        ("ForwardRecommendation", "received", with(&it.received, "agency", other.clone())),
        ("ForwardRecommendation", "in review", with(&it.reviewed, "agency", other.clone())),
        ("AnswerRecommendation", "in review", recommendations::answer(&it.reviewed)),
        ("RejectRecommendation", "received", with(&it.received, "ground", json!("INVALID"))),
        ("RejectRecommendation", "in review", with(
            &it.reviewed, "ground", json!("OUT_OF_SCOPE"),
        )),
        ("ReopenRecommendation", "answered", move_of(&it.answered)),

        ("GetDataFlow", "", named(&it.data_flow)),
        ("ListDataFlows", "", json!({})),
        ("CreateDataFlow", "", data_flows::create("new")),
        ("UpdateDataFlow", "", update("data_flow", &it.data_flow, "display_name", &text)),
        ("UpdateDataFlow", "its state", update("data_flow", &it.data_flow, "state_entries",
            &data_flows::suspended(&it.data_flow))),
        ("ConfirmDataFlow", "", move_of(&it.data_flow)),

        // a stream of one message; the log does not have it
        ("UploadFile", "", json!({"chunk": "dGjhu60="})),
        ("CheckFiles", "", json!({"sha256s": ["0".repeat(64)]})),
        // the same; a header without rows
        ("Import", "", json!({"kind": "tasks", "validate_only": true, "chunk": "Y29kZQo="})),

        ("GetPlan", "draft", named(&it.draft)),
        ("GetPlan", "issued", named(&it.issued)),
        ("GetPlan", "restricted", named(&it.restricted)),
        ("ListPlans", "", parent("platforms/-")),
        ("CreatePlan", "", json!({"parent": "platforms/ndp-001", "plan": {"display_name": "Thử"}})),
        ("UpdatePlan", "draft", update("plan", &it.draft, "scope", &text)),
        ("UpdatePlan", "issued", update("plan", &it.issued, "lead_unit", &text)),
        ("UpdatePlan", "restricted", update("plan", &it.restricted, "lead_unit", &text)),
        ("SubmitPlan", "draft", move_of(&it.draft)),
        ("ReturnPlan", "submitted", move_of(&it.submitted)),
        ("IssuePlan", "submitted", move_request(PlanMove::Issue, &it.submitted)),
        ("WithdrawPlan", "submitted", move_of(&it.submitted)),
        ("CompletePlan", "issued", move_of(&it.issued)),
        ("RevokePlan", "issued", move_request(PlanMove::Revoke, &it.issued)),
        ("ReopenPlan", "completed", move_of(&it.completed_plan)),
        ("AnnulPlan", "issued", move_of(&it.issued)),
        ("CreatePlan", "transcribed", json!({
            "parent": it.unmanned["name"], "plan": {"display_name": "Thử"},
            "transcription_source": decision(DECISION_DAY),
        })),
        ("UpdatePlan", "transcribed", update("plan", &it.transcribed, "scope", &text)),
        ("IssuePlan", "transcribed", move_request(PlanMove::Issue, &it.transcribed_submitted)),
        ("UpdatePlatform", "transcribed", update("platform", &it.unmanned, "operation_stages",
            &json!([{"stage": "PILOT", "document": decision(DECISION_DAY)}]))),
        ("ConfirmTranscription", "", move_of(&it.own_transcribed)),
        ("RebaselinePlan", "issued", rebased(&it.issued)),
        ("GetMilestone", "draft", named(&it.draft_milestone)),
        ("GetMilestone", "issued", named(&it.milestone)),
        ("GetMilestone", "restricted", below(&it.restricted, "milestones/x")),
        ("ListMilestones", "", parent("platforms/-/plans/-")),
        ("ListMilestones", "draft", parent(it.draft["name"].as_str().unwrap())),
        ("CreateMilestone", "draft", json!({
            "parent": it.draft["name"], "milestone": {"display_name": "Thử"},
        })),
        ("UpdateMilestone", "draft", update("milestone", &it.draft_milestone, "weight", &json!(2))),
        ("UpdateMilestone", "issued", unit),
        ("CompleteMilestone", "issued", move_of(&it.milestone)),
        ("DropMilestone", "draft", move_of(&it.draft_milestone)),
        ("DropMilestone", "issued", move_request(PlanMove::Revoke, &it.milestone)),
        ("ReopenMilestone", "issued", move_of(&it.completed)),
        ("GetBaseline", "issued", below(&it.issued, "baselines/1")),
        ("GetBaseline", "restricted", below(&it.restricted, "baselines/1")),
        ("ListBaselines", "", parent("platforms/-/plans/-")),
        ("GetReport", "issued", below(&it.issued, "reports/x")),
        ("GetReport", "restricted", below(&it.restricted, "reports/x")),
        ("RenderReport", "issued", below(&it.issued, "reports/x")),
        ("RenderReport", "restricted", below(&it.restricted, "reports/x")),
        ("ListReports", "", parent("platforms/-/plans/-")),
        ("CreateReport", "issued", json!({
            "parent": it.issued["name"], "report": corrected(&it.issued),
        })),
        ("CreateReport", "restricted", json!({
            "parent": it.restricted["name"], "report": corrected(&it.restricted),
        })),
        ("WithdrawReport", "issued", move_of(&it.report)),
        ("GetAssessment", "issued", below(&it.issued, "assessments/x")),
        ("GetAssessment", "restricted", below(&it.restricted, "assessments/x")),
        ("ListAssessments", "", parent("platforms/-/plans/-")),
        ("CreateAssessment", "issued", json!({
            "parent": it.issued["name"], "assessment": assessment(),
        })),
        ("WithdrawAssessment", "issued", move_of(&it.assessment)),
        ("GetProposal", "", named(&it.proposal)),
        ("ListProposals", "", parent("platforms/-")),
        ("ApproveProposal", "retirement", move_of(&it.proposal)),
        ("ApproveProposal", "rebaseline", move_of(&it.rebaseline)),
        ("RejectProposal", "retirement", move_of(&it.proposal)),
        ("RejectProposal", "rebaseline", move_of(&it.rebaseline)),
        ("CancelProposal", "rebaseline", move_of(&it.rebaseline)),

        ("ComputeSummary", "", json!({})),
        ("ComputeTimeline", "", json!({
            "start_date": {"year": 2026, "month": 9, "day": 1},
        })),
        ("ComputeAgencySummaries", "", json!({})),
        ("ComputeWeeklyReport", "", json!({})),
        ("ComputeReminders", "", json!({"agency": "agencies/bo-cong-an"})),
        ("ComputeConnections", "", json!({})),
        ("ListAttentionItems", "", json!({})),
        ("ComputeDataQuality", "", json!({})),
        ("ReconcileFigures", "", json!({})),
        ("GetFigure", "", json!({"name": "figures/platforms-listed-2025-09-23"})),
        ("ListFigures", "", json!({})),
        ("GetGlossary", "", json!({"name": "glossary"})),
        ("CreateFigure", "", json!({"figure_id": "new", "figure": {
            "figure_date": date([2026, 9, 30]), "subject": "PLANS_ISSUED", "value": 1,
            "sources": [{"note": "thử nghiệm"}],
        }})),

        ("GetChange", "the first", json!({"name": "changes/1"})),
        ("ListChanges", "", json!({})),
        ("RedactText", "", json!({
            "names": [it.platform["name"]], "text": it.platform["display_name"],
            "document": decision(DECISION_DAY), "reason": "thử nghiệm",
        })),
        ("GetCheckpoint", "", json!({"name": "checkpoint"})),
        ("ProveInclusion", "", json!({"name": "changes/1"})),
        ("ProveConsistency", "", json!({"old_tree_size": 1})),
        ("DownloadTile", "", json!({"path": "0/000.p/1"})),

        ("IdentifyCaller", "", json!({})),
        ("TestPermissions", "", json!({"questions": [
            {"method": "ndp.registry.v1.AccessService/IdentifyCaller"},
        ]})),
        ("TestPermissions", "another's", json!({
            "principal": "principals/target",
            "questions": [{"method": "ndp.registry.v1.AccessService/IdentifyCaller"}],
        })),
        ("GetPrincipal", "editor", named(&it.principal)),
        ("GetPrincipal", "steward", named(&it.steward)),
        ("ListPrincipals", "", json!({})),
        ("CreatePrincipal", "editor", principal(own, &["ROLE_AGENCY_EDITOR"])),
        ("CreatePrincipal", "of a unit", principal(
            it.unit["name"].as_str().unwrap(), &["ROLE_AGENCY_EDITOR"],
        )),
        ("CreatePrincipal", "steward", principal(own, &["ROLE_STEWARD"])),
        ("CreatePrincipal", "transcriber", principal("", &["ROLE_TRANSCRIBER"])),
        ("CreatePrincipal", "measurer", principal("", &["ROLE_MEASURER"])),
        ("CreatePrincipal", "its measurer", principal(own, &["ROLE_MEASURER"])),
        ("CreatePrincipal", "no roles", principal("", &[])),
        ("UpdatePrincipal", "editor", update("principal", &it.principal, "display_name", &text)),
        ("UpdatePrincipal", "its role", update("principal", &it.principal, "roles", &auditor)),
        ("UpdatePrincipal", "its agency", update("principal", &it.principal, "agency", &other)),
        ("UpdatePrincipal", "steward", update("principal", &it.steward, "display_name", &text)),
        ("DisablePrincipal", "editor", move_of(&it.principal)),
        ("DisablePrincipal", "steward", move_of(&it.steward)),
        ("OnboardAgency", "", json!({
            "name": other, "newcomers": [{"principal": newcomer}],
        })),
        ("GetApiKey", "editor's", json!({"name": it.key})),
        ("ListApiKeys", "editor's", parent("principals/target")),
        ("ListApiKeys", "of all", parent("principals/-")),
        ("CreateApiKey", "editor's", json!({"parent": "principals/target", "api_key": {}})),
        ("CreateApiKey", "steward's", json!({"parent": "principals/cast-steward", "api_key": {}})),
        ("RotateApiKey", "editor's", json!({"name": it.key})),
        ("RevokeApiKey", "editor's", json!({"name": it.key})),
        ("ListDenials", "", json!({})),
        ("ProveMetric", "", json!({"metric": "PLATFORMS_HELD"})),
    ];
    let writes: BTreeSet<_> = methods().into_iter()
        .filter(|method| method.input().get_field_by_name("validate_only").is_some())
        .map(|method| method.name().to_owned())
        .collect();
    for (method, _, request) in &mut cases {
        if writes.contains(*method) {
            request["validate_only"] = json!(true);
        }
    }
    cases
}

/// The columns: a name, and who calls.
pub(crate) async fn callers(server: &Server) -> Vec<(String, Raw)> {
    let mut callers = vec![("anonymous".to_owned(), server.raw(As::default()))];
    let mut add = async |name: &str, roles: &[Role], agency| {
        let id = format!("caller-{}", name.trim_end_matches('*'));
        let id = if name.ends_with('*') {
            id + "-elsewhere"
        } else {
            id
        };
        let caller = server.person(&id, roles, agency).await;
        callers.push((name.to_owned(), server.raw(caller)));
    };
    add("nobody", &[], Some(AGENCY)).await;
    for (name, role) in [
        ("editor", Role::AgencyEditor),
        ("approver", Role::AgencyApprover),
        ("keeper", Role::AgencyAdmin),
    ] {
        add(name, &[role], Some(AGENCY)).await;
        add(&format!("{name}*"), &[role], Some(OTHER_AGENCY)).await;
    }
    for role in [Role::Steward, Role::Auditor, Role::Admin, Role::Transcriber] {
        let name = role.as_str().trim_start_matches("ROLE_").to_lowercase();
        add(&name, &[role], None).await;
    }
    add("meter", &[Role::Measurer], Some(AGENCY)).await;
    add("measurer", &[Role::Measurer], None).await;
    callers
}

fn cell(method: &str, answer: &Result<Value, Status>) -> &'static str {
    match answer {
        Ok(_) => "yes",
        Err(status) => match status.code() {
            Code::PermissionDenied => "no",
            Code::NotFound => "404",
            Code::Unauthenticated => "401",
            _ => panic!("{method}: the request in `cases` is not valid: {status}"),
        },
    }
}

both! {
    async fn every_method_is_for_the_roles_of_this_table(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let fixture = Fixture::new(&server).await;
        let callers = callers(&server).await;
        let cases = cases(&fixture);
        let known: BTreeSet<_> = cases.iter().map(|(method, ..)| (*method).to_owned()).collect();
        let all: BTreeSet<_> = methods().iter().map(|it| it.name().to_owned()).collect();
        assert_eq!(
            known, all,
            "add a valid request of each new method to `cases` in tests/it/access/matrix.rs, and \
             write into the table who may call it"
        );
        let before = server.registry.revision();
        let row = |name: &str, cells: &[&str]| {
            let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:<9}")).collect();
            format!("{name:<28} {}", cells.join(" ")).trim_end().to_owned()
        };
        let names: Vec<_> = callers.iter().map(|(name, _)| name.as_str()).collect();
        let mut table = vec![row("", &names)];
        let mut compared = Compared::default();
        for (method, on, request) in &cases {
            let mut cells = Vec::new();
            for (i, (_, caller)) in callers.iter().enumerate() {
                let answer = caller.call(method, request.clone()).await;
                cells.push(cell(method, &answer));
                compared.add(i, method, request, answer);
            }
            assert!(cells.contains(&"yes"), "nobody may call {method} {on}");
            table.push(row(format!("{method} {on}").trim_end(), &cells));
        }
        for (i, (name, caller)) in callers.iter().enumerate() {
            compared.with_tested(i, name, caller).await;
        }
        compared.finish();
        assert_eq!(server.registry.revision(), before, "a call that was to be validated wrote");
        let golden = include_str!("matrix.txt").lines();
        let golden = golden.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let golden: BTreeSet<_> = golden.map(str::to_owned).collect();
        let table: BTreeSet<_> = table.into_iter().collect();
        let missing: Vec<_> = golden.difference(&table).cloned().collect();
        let found: Vec<_> = table.difference(&golden).cloned().collect();
        assert!(
            missing.is_empty() && found.is_empty(),
            "tests/it/access/matrix.txt says\n{}\nand the registry does\n{}\nwhere that is meant, \
             write it into the table",
            missing.join("\n"),
            found.join("\n"),
        );
        server.stop().await;
    }
}
