//! Plans in any state, made over the wire by the people who make them: an editor and an approver
//! of one agency, and the steward. All of it is synthetic.

use ndp_core::{
    caller::{Caller, Credential, Known, Person},
    names::{AgencyName, ApiKeyName, PrincipalName},
    records::{
        plans::{PlanMove, PlanState},
        principals::Role,
    },
};
use ndp_registry::pb;
use serde_json::{Value, json};
use tonic::Status;

use super::{raw::Raw, server::Server};

/// The agency whose plans they are, in the opening edition the governing agency of `ndp-001` to
/// `ndp-013`.
pub(crate) const AGENCY: &str = "bo-cong-an";
/// Another one.
pub(crate) const OTHER_AGENCY: &str = "bo-y-te";
/// The day of [`decision`], the day before the test clock's.
pub(crate) const DECISION_DAY: [i32; 3] = [2026, 9, 30];

/// The moves a client can ask for.
pub(crate) const MOVES: [PlanMove; 8] = [
    PlanMove::Submit,
    PlanMove::Return,
    PlanMove::Issue,
    PlanMove::Complete,
    PlanMove::Withdraw,
    PlanMove::Revoke,
    PlanMove::Reopen,
    PlanMove::Annul,
];

/// One of several people with every role that plans need in an agency, for `decide` without a wire.
pub(crate) fn with_every_role(who: usize, agency: Option<&AgencyName>) -> Caller {
    let principal = PrincipalName::from_id(&format!("person-{who}")).unwrap();
    Caller::Known(Known {
        reach: ndp_core::caller::Reach::default(),
        credential: Credential::ApiKey(ApiKeyName::from_id(&principal, "key").unwrap()),
        scope: Default::default(),
        person: Person {
            principal,
            actor: None,
        },
        allows_personal_data: None,
        is_system: false,
        agency: agency.cloned(),
        roles: vec![Role::AgencyEditor, Role::AgencyApprover, Role::Steward],
    })
}

/// Who makes plans.
pub(crate) struct Cast {
    pub(crate) editor: Raw,
    pub(crate) approver: Raw,
    pub(crate) steward: Raw,
}

/// A date as JSON.
pub(crate) fn date([year, month, day]: [i32; 3]) -> Value {
    json!({"year": year, "month": month, "day": day})
}

/// A synthetic decision of this day.
pub(crate) fn decision(day: [i32; 3]) -> Value {
    json!({
        "kind": "DECISION",
        "symbol": "1/QĐ-TEST",
        "issuer": "Cơ quan thử nghiệm (synthetic)",
        "issue_date": date(day),
        "sha256": "0".repeat(64),
    })
}

/// A synthetic decision of this symbol and day, as generated clients send it.
pub(crate) fn document(symbol: &str, [year, month, day]: [i32; 3]) -> pb::Document {
    pb::Document {
        kind: pb::document::Kind::Decision.into(),
        symbol: symbol.into(),
        issuer: "Cơ quan thử nghiệm (synthetic)".into(),
        issue_date: Some(pb::Date { year, month, day }),
        sha256: "0".repeat(64),
        ..Default::default()
    }
}

/// The request of a move, with a document where the method takes one.
pub(crate) fn move_request(step: PlanMove, plan: &Value) -> Value {
    let mut request = json!({"name": plan["name"], "etag": plan["etag"], "reason": "thử nghiệm"});
    if matches!(
        step,
        PlanMove::Issue | PlanMove::Revoke | PlanMove::Complete | PlanMove::Reopen
    ) {
        request["document"] = decision(DECISION_DAY);
    }
    request
}

impl Cast {
    pub(crate) async fn new(server: &Server) -> Self {
        let [editor, approver] = [Role::AgencyEditor, Role::AgencyApprover].map(|role| [role]);
        let editor = server.person("cast-editor", &editor, Some(AGENCY)).await;
        let approver = server
            .person("cast-approver", &approver, Some(AGENCY))
            .await;
        let steward = server.person("cast-steward", &[Role::Steward], None).await;
        Self {
            editor: server.raw(editor),
            approver: server.raw(approver),
            steward: server.raw(steward),
        }
    }

    /// A new plan of a platform.
    pub(crate) async fn draft(&self, platform: &str, id: &str) -> Value {
        let request = json!({
            "parent": format!("platforms/{platform}"),
            "plan_id": id,
            "plan": {"display_name": format!("Kế hoạch thử nghiệm {id}")},
        });
        self.editor.ok("CreatePlan", request).await
    }

    /// An ISSUED plan with other values, by a rebaseline that the editor proposes and the approver
    /// approves.
    pub(crate) async fn rebaselined(&self, plan: &Value, mut rebaseline: Value) -> Value {
        let get = json!({"name": plan["name"]});
        let etag = &self.editor.ok("GetPlan", get.clone()).await["etag"];
        rebaseline["document"] = decision(DECISION_DAY);
        let request = json!({
            "name": plan["name"], "etag": etag, "reason": "thử nghiệm", "rebaseline": rebaseline,
        });
        let proposal = &self.editor.ok("RebaselinePlan", request).await["proposal"];
        let approve = json!({"name": proposal["name"], "etag": proposal["etag"]});
        self.approver.ok("ApproveProposal", approve).await;
        self.editor.ok("GetPlan", get).await
    }

    /// Moves a plan with its milestones as they are now, as someone who may.
    pub(crate) async fn step(&self, step: PlanMove, plan: &Value) -> Result<Value, Status> {
        let plan = self
            .steward
            .ok("GetPlan", json!({"name": plan["name"]}))
            .await;
        self.step_as_read(step, &plan).await
    }

    /// The same with the etag that was read.
    pub(crate) async fn step_as_read(&self, step: PlanMove, plan: &Value) -> Result<Value, Status> {
        let who = match step {
            PlanMove::Submit | PlanMove::Withdraw => &self.editor,
            PlanMove::Annul => &self.steward,
            _ => &self.approver,
        };
        who.call(step.method(), move_request(step, plan)).await
    }

    /// A new plan of a platform, taken to a state; SUPERSEDED by one named `{id}-next`.
    pub(crate) async fn plan_in(&self, platform: &str, id: &str, state: PlanState) -> Value {
        use PlanMove::{Annul, Complete, Issue, Return, Revoke, Submit, Withdraw};
        let steps: &[PlanMove] = match state {
            PlanState::Draft => &[],
            PlanState::Submitted => &[Submit],
            PlanState::Returned => &[Submit, Return],
            PlanState::Withdrawn => &[Withdraw],
            PlanState::Issued | PlanState::Superseded => &[Submit, Issue],
            PlanState::Completed => &[Submit, Issue, Complete],
            PlanState::Revoked => &[Submit, Issue, Revoke],
            PlanState::Annulled => &[Submit, Issue, Annul],
        };
        let mut plan = self.draft(platform, id).await;
        for step in steps {
            plan = self.step(*step, &plan).await.unwrap();
        }
        if state == PlanState::Superseded {
            let mut next = self.draft(platform, &format!("{id}-next")).await;
            for step in steps {
                next = self.step(*step, &next).await.unwrap();
            }
            let get = json!({"name": plan["name"]});
            plan = self.editor.ok("GetPlan", get).await;
        }
        assert_eq!(plan["state"], state.as_str());
        plan
    }
}
