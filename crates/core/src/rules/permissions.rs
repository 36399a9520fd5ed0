//! Whether a caller may use a method on a resource, without calling it: runs the `permit` of the
//! method's command, or the rule of the read. A `permit` that depends on the request runs for
//! several requests; if the results differ, the answer is conditional.

use std::sync::Arc;

use crate::{
    caller::{Caller, Known, Scope},
    error::Error,
    names::{
        AgencyName, ApiKeyName, DataFlowName, FigureName, IndicatorName, ObservationName,
        PrincipalName, ProgrammeName, ResourceName, Revision,
    },
    records::{
        Agency, Assessment, Baseline, DataFlow, Deployment, Edition, Figure, Indicator, Milestone,
        Observation, Plan, Platform, Principal, Programme, Proposal, Recommendation, Record,
        Report, Task,
        agencies::Succession,
        baselines::Rebaseline,
        data_flows::{DataFlowFields, FlowState, Party, Side, StateEntry},
        figures::Subject,
        meta::Meta,
        observations::{Basis, Draft, Qualifier},
        plans::PlanMove,
        platforms::{Delegation, Exit, ExitOutcome, PlatformFields},
        principals::{ApiKey, ApiKeyFields, KeyHash, PrincipalFields, Role},
        programmes::ProgrammeFields,
        recommendations::{Answer, Ground, Outcome, RecommendationFields, Rejection},
        tasks::TaskFields,
    },
    rules::{
        AnyCommand, Asking, Called,
        agencies::{CreateAgency, SucceedAgency},
        assessments::{CreateAssessment, WithdrawAssessment},
        baselines::RebaselinePlan,
        data_flows::{ConfirmDataFlow, CreateDataFlow},
        deployments::{ConfirmDeployment, UpdateDeployment},
        editions::CreateEdition,
        figures::CreateFigure,
        files::permit_upload,
        indicators::{ClosePeriod, CreateIndicator},
        milestones::{CompleteMilestone, CreateMilestone, DropMilestone, ReopenMilestone},
        observations::{BatchCreateObservations, CreateObservation, Entry},
        onboarding::OnboardAgency,
        permit_access_reads, permit_call, permit_denial_reads, permit_evidence_reads,
        plans::{CreatePlan, MovePlan},
        platforms::{CreatePlatform, ReinstatePlatform, RetirePlatform},
        principals::{
            CreateApiKey, CreatePrincipal, DisablePrincipal, OVERLAP_DEFAULT, RevokeApiKey,
            RotateApiKey,
        },
        programmes::CreateProgramme,
        proposals::{CancelProposal, DecideProposal, Decision},
        recommendations::{
            AnswerRecommendation, CreateRecommendation, ForwardRecommendation,
            RejectRecommendation, ReopenRecommendation, UpdateRecommendation,
        },
        redactions::RedactText,
        reports::{CreateReport, WithdrawReport},
        tasks::{
            ConfirmTask, CreateTask, DropTask, MoveTaskDue, ReopenTask, ReportTask, ReturnTask,
        },
        transcriptions::ConfirmTranscription,
        update::{Editable, Update},
    },
    state::{State, maps::Mapped, visible::Visible},
    time::{Date, Timestamp},
};

/// Most questions of one call.
pub const QUESTIONS_MAX: usize = 100;

/// Whether a caller may use a method on a resource.
#[derive(Debug)]
pub enum Permission {
    /// Whatever else the request says.
    Allowed,
    /// Refused with this error, or, where that depends on the request, with one like it.
    Denied(Error),
    /// What else the request says decides.
    Conditional,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// The method is not known.
    Method,
    /// The method takes no such resource.
    Resource,
}

type RuleResult<T = Asks> = Result<T, Unanswerable>;

/// The rule that a method applies to its caller.
enum Asks {
    /// The `permit` of commands that differ in the fields it depends on.
    Writes(Vec<Box<dyn AnyCommand>>),
    /// The rule of a read.
    Reads(Result<(), Error>),
    /// Something that the newest records do not determine.
    Content,
}

/// Whether `caller` may use a method on a resource: its `name`, or the `parent` of what it lists or
/// makes; empty for a method that takes neither. What `onlooker` may not know of does not exist.
pub fn permission(
    state: &State,
    caller: &Caller,
    onlooker: &Caller,
    called: &Called,
    resource: &str,
) -> Result<Permission, Unanswerable> {
    let question = Question {
        state,
        caller,
        onlooker,
        resource,
    };
    let asks = question.asks(called.name)?;
    if let Err(error) = permit_call(caller, called) {
        return Ok(Permission::Denied(error));
    }
    Ok(match asks {
        Asks::Content => Permission::Conditional,
        Asks::Reads(Ok(())) => Permission::Allowed,
        Asks::Reads(Err(error)) => Permission::Denied(error),
        Asks::Writes(commands) => question.permits(&commands),
    })
}

struct Question<'a> {
    state: &'a State,
    caller: &'a Caller,
    onlooker: &'a Caller,
    resource: &'a str,
}

macro_rules! writes {
    ($($command:expr),+ $(,)?) => {
        Asks::Writes(vec![$(Box::new($command)),+])
    };
}

impl Question<'_> {
    fn permits(&self, commands: &[Box<dyn AnyCommand>]) -> Permission {
        let permits = |command: &dyn AnyCommand| {
            let asking = Asking::new(self.state, self.caller, command.method())?;
            command.permit(&asking.shown_to(self.onlooker))
        };
        let (mut allowed, mut denied) = (false, None);
        for command in commands {
            match permits(&**command) {
                Ok(()) => allowed = true,
                Err(error) => denied = denied.or(Some(error)),
            }
        }
        match denied {
            None => Permission::Allowed,
            Some(_) if allowed => Permission::Conditional,
            Some(error) => Permission::Denied(error),
        }
    }

    /// The rule of the method.
    fn asks(&self, method: &str) -> RuleResult {
        let groups = [
            Self::reads,
            Self::writes_access,
            Self::writes_plan,
            Self::writes_below_plan,
            Self::writes_catalogue,
            Self::writes_task,
            Self::writes_indicator,
            Self::writes_integration,
            Self::writes_recommendation,
        ];
        let mut found = groups.iter().map(|group| group(self, method));
        let found = found.find(|it| !matches!(it, Err(Unanswerable::Method)));
        found.unwrap_or(Err(Unanswerable::Method))
    }

    fn reads(&self, method: &str) -> RuleResult {
        let known = permit_access_reads(self.caller);
        let with = |asks: RuleResult| match &known {
            Ok(()) => asks,
            Err(error) => asks.map(|_| Asks::Reads(Err(error.clone()))),
        };
        match method {
            "GetAgency" => self.sees::<Agency>(),
            "GetEdition" => self.sees::<Edition>(),
            "GetPlatform" => self.sees::<Platform>(),
            "GetPlan" => self.sees::<Plan>(),
            "GetMilestone" => self.sees::<Milestone>(),
            "GetBaseline" => self.sees::<Baseline>(),
            "GetReport" | "RenderReport" => self.sees::<Report>(),
            "GetAssessment" => self.sees::<Assessment>(),
            "GetProposal" => self.sees::<Proposal>(),
            "GetFigure" => self.sees::<Figure>(),
            "GetProgramme" => self.sees::<Programme>(),
            "GetTask" => self.sees::<Task>(),
            "GetIndicator" => self.sees::<Indicator>(),
            "GetObservation" => self.sees::<Observation>(),
            "GetDeployment" => self.sees::<Deployment>(),
            "GetRecommendation" => self.sees::<Recommendation>(),
            "GetDataFlow" => self.sees::<DataFlow>(),
            "GetPrincipal" => with(self.sees::<Principal>()),
            "GetApiKey" => with(self.sees::<ApiKey>()),
            "ListMilestones" | "ListBaselines" | "ListReports" | "ListAssessments" => {
                self.lists_below::<Plan>()
            }
            "ListObservations" => self.lists_below::<Indicator>(),
            "ListApiKeys" => with(self.lists_below::<Principal>()),
            "ListPlans" | "ListProposals" | "ListDeployments" => self.lists_of_any::<Platform>(),
            "ListPrincipals" => with(public(self.resource.is_empty())),
            "ListDenials" => self
                .nothing()
                .map(|()| Asks::Reads(permit_denial_reads(self.caller))),
            "ProveMetric" => self
                .nothing()
                .map(|()| Asks::Reads(permit_evidence_reads(self.caller))),
            "UploadFile" => self
                .nothing()
                .map(|()| Asks::Reads(permit_upload(self.caller).map(drop))),
            // the methods that write its rows decide
            "Import" => with(self.nothing().map(|()| Asks::Content)),
            // whether a record cites it, and whether a past change touched what the caller sees
            "DownloadFile" | "GetChange" => Ok(Asks::Content),
            "GetGlossary" => public(["", "glossary"].contains(&self.resource)),
            "GetCheckpoint" => public(["", "checkpoint"].contains(&self.resource)),
            "ProveInclusion" => {
                let change = self.resource.strip_prefix("changes/");
                public(change.and_then(Revision::parse).is_some())
            }
            "BatchGetPlatforms"
            | "CheckFiles"
            | "CompareEditions"
            | "ComputeAgencySummaries"
            | "ComputeConnections"
            | "ComputeDataQuality"
            | "ComputeReminders"
            | "ComputeScoreboard"
            | "ComputeSummary"
            | "ComputeTimeline"
            | "ComputeWeeklyReport"
            | "DownloadTemplate"
            | "DownloadTile"
            | "Export"
            | "IdentifyCaller"
            | "ListAgencies"
            | "ListAttentionItems"
            | "ListChanges"
            | "ListDataFlows"
            | "ListEditions"
            | "ListFigures"
            | "ListIndicators"
            | "ListPlatforms"
            | "ListProgrammes"
            | "ListRecommendations"
            | "ListTasks"
            | "ProveConsistency"
            | "ReconcileFigures"
            | "SearchPlatforms"
            | "TestPermissions"
            | "WatchChanges" => public(self.resource.is_empty()),
            _ => Err(Unanswerable::Method),
        }
    }

    // === reads ===

    fn sees<T: Mapped + Visible>(&self) -> RuleResult {
        let name: T::Name = self.name()?;
        let seen = Asking::unchecked(self.state, self.caller).shown_to(self.onlooker);
        Ok(Asks::Reads(seen.find::<T>(&name).map(drop)))
    }

    /// A list whose parent must be there, unless it is of every parent.
    fn lists_below<T: Mapped + Visible>(&self) -> RuleResult {
        match self.sees::<T>() {
            Err(Unanswerable::Resource) => self.lists_of_any::<T>(),
            sees => sees,
        }
    }

    /// A list that is empty for a parent that does not exist.
    fn lists_of_any<T: Record>(&self) -> RuleResult {
        let one = self.resource.replace("/-", "/x");
        public(T::Name::parse(&one).is_some())
    }

    // === requests ===

    /// The resource, for a method that takes one of this kind.
    fn name<N: ResourceName>(&self) -> RuleResult<N> {
        N::parse(self.resource).ok_or(Unanswerable::Resource)
    }

    /// For a method that takes none.
    fn nothing(&self) -> RuleResult<()> {
        self.resource
            .is_empty()
            .then_some(())
            .ok_or(Unanswerable::Resource)
    }

    fn update<R: Editable>(&self) -> RuleResult<Update<R>> {
        self.update_of(R::Fields::default(), &[])
    }

    fn update_of<R: Editable>(&self, fields: R::Fields, mask: &[&str]) -> RuleResult<Update<R>> {
        Ok(Update {
            name: self.name()?,
            fields,
            mask: mask.iter().map(|field| (*field).to_owned()).collect(),
            etag: None,
        })
    }

    /// The agencies that the caller may act for, and one that it may not.
    fn agencies(&self) -> impl Iterator<Item = AgencyName> {
        let known = match self.caller {
            Caller::Known(known) => Some(known),
            Caller::Anonymous | Caller::System { .. } => None,
        };
        let own = known.into_iter().flat_map(|known| {
            let Known { agency, reach, .. } = known;
            agency
                .iter()
                .chain(&reach.predecessors)
                .chain(&reach.units)
                .cloned()
        });
        own.chain(placeholder().ok())
    }

    fn writes_access(&self, method: &str) -> RuleResult {
        Ok(match method {
            "CreatePrincipal" => {
                self.nothing()?;
                let transcriber = PrincipalFields {
                    roles: vec![Role::Transcriber],
                    ..PrincipalFields::default()
                };
                let editors = self.agencies().map(|agency| PrincipalFields {
                    agency: Some(agency),
                    roles: vec![Role::AgencyEditor],
                    ..PrincipalFields::default()
                });
                let fields = [PrincipalFields::default(), transcriber];
                any_of(fields.into_iter().chain(editors), |fields| {
                    CreatePrincipal { name: None, fields }
                })
            }
            "UpdatePrincipal" => {
                let admin = PrincipalFields {
                    roles: vec![Role::Admin],
                    ..PrincipalFields::default()
                };
                writes![
                    self.update::<Principal>()?,
                    self.update_of::<Principal>(admin, &["roles"])?,
                ]
            }
            "DisablePrincipal" => writes![DisablePrincipal {
                name: self.name()?,
                etag: String::new(),
            }],
            "CreateApiKey" => {
                let principal: PrincipalName = self.name()?;
                let name = ApiKeyName::from_id(&principal, "x").ok_or(Unanswerable::Resource)?;
                let own = self.caller.scope().cloned().unwrap_or_default();
                any_of([Scope::default(), own].into_iter(), |scope| CreateApiKey {
                    name: name.clone(),
                    id_chosen: false,
                    fields: ApiKeyFields {
                        read_only: scope.read_only,
                        methods: scope.methods,
                        ..ApiKeyFields::default()
                    },
                    ttl: None,
                    hash: KeyHash([0; 32]),
                })
            }
            "RotateApiKey" => writes![RotateApiKey {
                name: self.name()?,
                new: placeholder()?,
                id_chosen: false,
                overlap: OVERLAP_DEFAULT,
                ttl: None,
                hash: KeyHash([0; 32]),
            }],
            "RevokeApiKey" => writes![RevokeApiKey { name: self.name()? }],
            "RedactText" => {
                self.nothing()?;
                writes![RedactText::of_nothing()]
            }
            "OnboardAgency" => {
                let agency: AgencyName = self.name()?;
                let is_there = self.state.agency(&agency).is_some();
                let with = |new_agency| OnboardAgency {
                    agency: agency.clone(),
                    new_agency,
                    newcomers: Vec::new(),
                };
                match is_there {
                    true => writes![with(None)],
                    false => writes![with(Some(Default::default())), with(None)],
                }
            }
            _ => return Err(Unanswerable::Method),
        })
    }

    fn writes_plan(&self, method: &str) -> RuleResult {
        let step = match method {
            "CreatePlan" => {
                return Ok(writes![CreatePlan {
                    platform: self.name()?,
                    name: None,
                    fields: Default::default(),
                    source: None,
                }]);
            }
            "UpdatePlan" => return Ok(writes![self.update::<Plan>()?]),
            "RebaselinePlan" => {
                return Ok(writes![RebaselinePlan {
                    rebaseline: Rebaseline {
                        plan: self.name()?,
                        milestone_changes: Vec::new(),
                        fields: Default::default(),
                        mask: Vec::new(),
                        document: Default::default(),
                    },
                    etag: String::new(),
                }]);
            }
            "ConfirmTranscription" => {
                return Ok(writes![ConfirmTranscription {
                    name: self.name()?,
                    etag: String::new(),
                }]);
            }
            "SubmitPlan" => PlanMove::Submit,
            "ReturnPlan" => PlanMove::Return,
            "IssuePlan" => PlanMove::Issue,
            "CompletePlan" => PlanMove::Complete,
            "WithdrawPlan" => PlanMove::Withdraw,
            "RevokePlan" => PlanMove::Revoke,
            "ReopenPlan" => PlanMove::Reopen,
            "AnnulPlan" => PlanMove::Annul,
            _ => return Err(Unanswerable::Method),
        };
        Ok(writes![MovePlan {
            name: self.name()?,
            step,
            document: None,
            etag: String::new(),
        }])
    }

    fn writes_below_plan(&self, method: &str) -> RuleResult {
        let etag = String::new();
        Ok(match method {
            "CreateMilestone" => writes![CreateMilestone {
                plan: self.name()?,
                name: None,
                fields: Default::default(),
            }],
            "UpdateMilestone" => writes![self.update::<Milestone>()?],
            "CompleteMilestone" => writes![CompleteMilestone {
                name: self.name()?,
                completion_date: None,
                evidence: Vec::new(),
                etag,
            }],
            "ReopenMilestone" => writes![ReopenMilestone {
                name: self.name()?,
                etag,
            }],
            "DropMilestone" => writes![DropMilestone {
                name: self.name()?,
                document: None,
                etag,
            }],
            "CreateReport" => writes![CreateReport {
                plan: self.name()?,
                name: None,
                fields: Default::default(),
            }],
            "WithdrawReport" => writes![WithdrawReport {
                name: self.name()?,
                etag,
            }],
            "CreateAssessment" => writes![CreateAssessment {
                plan: self.name()?,
                name: None,
                fields: Default::default(),
            }],
            "WithdrawAssessment" => writes![WithdrawAssessment {
                name: self.name()?,
                etag,
            }],
            _ => return Err(Unanswerable::Method),
        })
    }

    fn writes_catalogue(&self, method: &str) -> RuleResult {
        let etag = String::new();
        let decided = |decision| {
            Ok(writes![DecideProposal {
                name: self.name()?,
                decision,
                etag: String::new(),
            }])
        };
        Ok(match method {
            "CreateAgency" => writes![CreateAgency {
                name: self.nothing().and_then(|()| placeholder())?,
                fields: Default::default(),
            }],
            "UpdateAgency" => writes![self.update::<Agency>()?],
            "SucceedAgency" => writes![SucceedAgency {
                name: self.name()?,
                succession: Succession {
                    successor: placeholder()?,
                    start_date: None,
                    document: None,
                    scope: String::new(),
                },
                platforms: Vec::new(),
                etag,
            }],
            "CreateEdition" => writes![CreateEdition {
                name: self.nothing().and_then(|()| placeholder())?,
                fields: Default::default(),
            }],
            "UpdateEdition" => writes![self.update::<Edition>()?],
            "CreatePlatform" => {
                self.nothing()?;
                writes![CreatePlatform {
                    name: None,
                    fields: Default::default(),
                }]
            }
            "UpdatePlatform" => self.updates_platform()?,
            "RetirePlatform" => writes![RetirePlatform {
                name: self.name()?,
                exit: Exit {
                    reason: String::new(),
                    outcome: ExitOutcome::Discontinued,
                    decision: None,
                    successor: None,
                    exit_date: None,
                },
                etag,
            }],
            "ReinstatePlatform" => writes![ReinstatePlatform {
                name: self.name()?,
                reinstatement: Default::default(),
                etag,
            }],
            "ApproveProposal" => decided(Decision::Approve)?,
            "RejectProposal" => decided(Decision::Reject)?,
            "CancelProposal" => writes![CancelProposal {
                name: self.name()?,
                etag,
            }],
            "CreateFigure" => writes![CreateFigure {
                figure: self
                    .nothing()
                    .and_then(|()| figure().ok_or(Unanswerable::Resource))?,
            }],
            _ => return Err(Unanswerable::Method),
        })
    }

    /// An update of nothing, of a field of the steward's, of one of its agency's, and of the
    /// delegations: values that no record has.
    fn updates_platform(&self) -> RuleResult {
        let text = || "\u{0}".to_owned();
        let fields = PlatformFields {
            display_name: text(),
            operating_unit: text(),
            delegations: vec![Delegation {
                unit: placeholder()?,
                start_date: None,
                end_date: None,
                document: None,
                includes_approval: false,
            }],
            ..PlatformFields::default()
        };
        let of = |mask: &[&str]| self.update_of::<Platform>(fields.clone(), mask);
        Ok(writes![
            of(&[])?,
            of(&["display_name"])?,
            of(&["operating_unit"])?,
            of(&["delegations"])?,
        ])
    }

    fn writes_task(&self, method: &str) -> RuleResult {
        let etag = String::new();
        Ok(match method {
            "CreateProgramme" => {
                self.nothing()?;
                let name: ProgrammeName = placeholder()?;
                self.of_any_agency(|assigning_agency| CreateProgramme {
                    name: name.clone(),
                    fields: ProgrammeFields {
                        assigning_agency,
                        ..ProgrammeFields::default()
                    },
                })
            }
            "UpdateProgramme" => writes![self.update::<Programme>()?],
            "CreateTask" => {
                self.nothing()?;
                self.of_any_agency(|assigning_agency| CreateTask {
                    name: None,
                    fields: TaskFields {
                        assigning_agency,
                        ..TaskFields::default()
                    },
                })
            }
            "UpdateTask" => writes![self.update::<Task>()?],
            "MoveTaskDue" => writes![MoveTaskDue {
                name: self.name()?,
                due: None,
                document: None,
                etag,
            }],
            "ReportTask" => writes![ReportTask {
                name: self.name()?,
                completion_date: None,
                evidence: Vec::new(),
                note: String::new(),
                etag,
            }],
            "ConfirmTask" => writes![ConfirmTask {
                name: self.name()?,
                etag,
            }],
            "ReturnTask" => writes![ReturnTask {
                name: self.name()?,
                etag,
            }],
            "ReopenTask" => writes![ReopenTask {
                name: self.name()?,
                etag,
            }],
            "DropTask" => writes![DropTask {
                name: self.name()?,
                document: None,
                erroneous: false,
                etag,
            }],
            _ => return Err(Unanswerable::Method),
        })
    }

    fn writes_indicator(&self, method: &str) -> RuleResult {
        Ok(match method {
            "CreateIndicator" => writes![CreateIndicator {
                name: self.nothing().and_then(|()| placeholder())?,
                fields: Default::default(),
            }],
            "UpdateIndicator" => writes![self.update::<Indicator>()?],
            "ClosePeriod" => writes![ClosePeriod {
                name: self.name()?,
                etag: String::new(),
                period: None,
            }],
            "CreateObservation" => {
                let indicator = self.name()?;
                let entries = self.entries(&indicator)?;
                any_of(entries.into_iter(), |entry| CreateObservation { entry })
            }
            "BatchCreateObservations" => {
                let of_each = self.resource == "indicators/-";
                let any = || self.state.indicators().keys().next().cloned();
                let indicator = match of_each {
                    true => any().map_or_else(placeholder, Ok)?,
                    false => self.name()?,
                };
                let entries = self.entries(&indicator)?;
                any_of(entries.into_iter(), |entry| BatchCreateObservations {
                    entries: vec![entry],
                })
            }
            _ => return Err(Unanswerable::Method),
        })
    }

    /// New values of an indicator, of every basis and of several agencies.
    fn entries(&self, indicator: &IndicatorName) -> RuleResult<Vec<Entry>> {
        let name = ObservationName::from_id(indicator, "x").ok_or(Unanswerable::Resource)?;
        let of = |basis, agency| Entry {
            name: name.clone(),
            named: false,
            draft: Draft {
                agency,
                scope: None,
                period: None,
                definition_version: 0,
                basis,
                qualifier: Qualifier::default(),
                numerator: None,
                denominator: None,
                value: None,
                statement: String::new(),
                evidence: Vec::new(),
                sources: Vec::new(),
                replaces: None,
                correction_reason: String::new(),
            },
        };
        let mut entries = vec![of(Basis::Published, None), of(Basis::Measured, None)];
        for agency in self.agencies() {
            for basis in [Basis::Measured, Basis::Confirmed, Basis::Declared] {
                entries.push(of(basis, Some(agency.clone())));
            }
        }
        Ok(entries)
    }

    fn writes_integration(&self, method: &str) -> RuleResult {
        let etag = String::new();
        Ok(match method {
            "UpdateDeployment" => {
                let of = |allow_missing| {
                    Ok(UpdateDeployment {
                        update: self.update::<Deployment>()?,
                        allow_missing,
                    })
                };
                writes![of(true)?, of(false)?]
            }
            "ConfirmDeployment" => writes![ConfirmDeployment {
                name: self.name()?,
                etag,
            }],
            "CreateDataFlow" => {
                self.nothing()?;
                let name: DataFlowName = placeholder()?;
                self.of_any_agency(|agency| CreateDataFlow {
                    name: name.clone(),
                    fields: DataFlowFields {
                        provider: agency.map(|agency| Party {
                            agency: Some(agency),
                            ..Party::default()
                        }),
                        ..DataFlowFields::default()
                    },
                })
            }
            "UpdateDataFlow" => self.updates_data_flow()?,
            "ConfirmDataFlow" => {
                let name = self.name()?;
                let sides = [None, Some(Side::Provider), Some(Side::Consumer)];
                any_of(sides.into_iter(), |side| ConfirmDataFlow {
                    name: Clone::clone(&name),
                    side,
                    etag: String::new(),
                })
            }
            _ => return Err(Unanswerable::Method),
        })
    }

    /// An update of nothing, of the states and of whether the flow is annulled.
    fn updates_data_flow(&self) -> RuleResult {
        let of = |annulled, field| {
            let fields = DataFlowFields {
                annulled,
                state_entries: vec![StateEntry {
                    state: FlowState::Planned,
                    start_date: None,
                    document: None,
                    reason: "\u{0}".to_owned(),
                    sources: Vec::new(),
                }],
                ..DataFlowFields::default()
            };
            self.update_of::<DataFlow>(fields, &[field])
        };
        Ok(writes![
            self.update::<DataFlow>()?,
            of(false, "state_entries")?,
            of(false, "annulled")?,
            of(true, "annulled")?,
        ])
    }

    fn writes_recommendation(&self, method: &str) -> RuleResult {
        let (etag, calendar) = (String::new(), Arc::default());
        Ok(match method {
            "CreateRecommendation" => {
                self.nothing()?;
                let portal = RecommendationFields {
                    external_id: "x".to_owned(),
                    ..RecommendationFields::default()
                };
                let of_agencies = self.agencies().map(|agency| RecommendationFields {
                    agency: Some(agency),
                    ..RecommendationFields::default()
                });
                let fields = [RecommendationFields::default(), portal];
                any_of(fields.into_iter().chain(of_agencies), |fields| {
                    CreateRecommendation {
                        name: None,
                        fields,
                        calendar: Arc::clone(&calendar),
                    }
                })
            }
            "UpdateRecommendation" => writes![UpdateRecommendation {
                update: self.update::<Recommendation>()?,
                calendar,
            }],
            "ForwardRecommendation" => writes![ForwardRecommendation {
                name: self.name()?,
                agency: placeholder()?,
                forward_date: None,
                document: None,
                etag,
                calendar,
            }],
            "AnswerRecommendation" => writes![AnswerRecommendation {
                name: self.name()?,
                answer: Answer {
                    text: String::new(),
                    outcome: Outcome::Accepted,
                    document: None,
                    evidence: Vec::new(),
                },
                answer_date: None,
                etag,
            }],
            "RejectRecommendation" => writes![RejectRecommendation {
                name: self.name()?,
                rejection: Rejection {
                    ground: Ground::OutOfScope,
                    original: None,
                },
                reject_date: None,
                etag,
            }],
            "ReopenRecommendation" => writes![ReopenRecommendation {
                name: self.name()?,
                reopen_date: None,
                etag,
            }],
            _ => return Err(Unanswerable::Method),
        })
    }

    /// The command of no agency, and of each of several.
    fn of_any_agency<C: crate::rules::Command>(
        &self,
        command: impl Fn(Option<AgencyName>) -> C,
    ) -> Asks {
        let agencies = self.agencies().map(Some);
        any_of(std::iter::once(None).chain(agencies), command)
    }
}

fn any_of<T, C: crate::rules::Command>(
    contents: impl Iterator<Item = T>,
    command: impl Fn(T) -> C,
) -> Asks {
    let boxed = |content| Box::new(command(content)) as Box<dyn AnyCommand>;
    Asks::Writes(contents.map(boxed).collect())
}

/// A read of what everyone may see, if the method takes the resource.
fn public(takes_it: bool) -> RuleResult {
    match takes_it {
        true => Ok(Asks::Reads(Ok(()))),
        false => Err(Unanswerable::Resource),
    }
}

/// A name that `permit` does not look up.
fn placeholder<N: ResourceName>() -> RuleResult<N> {
    let parts = N::FORM.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { "x" } else { part });
    N::parse(&parts.collect::<Vec<_>>().join("/")).ok_or(Unanswerable::Resource)
}

fn figure() -> Option<Figure> {
    let name: FigureName = placeholder().ok()?;
    let time = Timestamp::from_micros(0).ok()?;
    Some(Figure {
        name,
        figure_date: Date::new(2000, 1, 1).ok()?,
        subject: Subject::Tasks,
        edition: None,
        programme: None,
        system: String::new(),
        scope: None,
        agency: None,
        period: None,
        value: 0,
        qualifier: Default::default(),
        total: None,
        breakdown: Vec::new(),
        statement: String::new(),
        sources: Vec::new(),
        meta: Meta::created(time, Default::default()),
    })
}
