//! Summaries count what is held and what the caller may see, and their parts add up; published
//! figures are quoted as they were published.

use std::collections::BTreeMap;

use ndp_core::records::principals::Role;
use ndp_registry::pb::{
    self,
    plan::State,
    platform::{Verification, operation_stage::Stage},
};
use serde_json::{Value, json};
use tonic_types::StatusExt;

use crate::harness::{
    Engine, both,
    plans::Cast,
    raw::violations,
    server::{As, Clients, Server},
    synthetic::{self, fields, reason, revision, steward},
};

fn given_day(year: i32, month: i32, day: i32) -> Value {
    json!({"year": year, "month": month, "day": day})
}

const OF_84: &str = "editions/2618-qd-bkhcn";
const OF_79: &str = "editions/1132-qd-ttg";

async fn summary(clients: &mut Clients, edition: &str, agency: &str) -> pb::ComputeSummaryResponse {
    let request = pb::ComputeSummaryRequest {
        edition: edition.into(),
        agency: agency.into(),
        ..Default::default()
    };
    let answer = clients.monitoring.compute_summary(request).await.unwrap();
    let at = revision(answer.metadata());
    let summary = answer.into_inner();
    assert_eq!(summary.revision, at);
    summary
}

/// Counts by what they count, of one summary or of many together.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    totals: [i32; 5],
    verifications: BTreeMap<i32, i32>,
    operation_stages: BTreeMap<i32, i32>,
    plan_states: BTreeMap<i32, i32>,
}

impl Counts {
    /// Adds a summary, whose lists have to add up to its totals.
    fn add(&mut self, it: &pb::ComputeSummaryResponse) {
        let totals = [
            it.held_platform_count,
            it.complete_platform_count,
            it.retired_platform_count,
            it.issued_plan_platform_count,
            it.plan_count,
        ];
        let totals = totals.map(|total| total.expect("totals are always there"));
        let statuses = it.verification_counts.iter();
        let statuses: Vec<_> = statuses
            .map(|it| (it.verification, it.platform_count))
            .collect();
        let stages = it.operation_stage_counts.iter();
        let stages: Vec<_> = stages
            .map(|it| (it.operation_stage, it.platform_count))
            .collect();
        let states = it.plan_state_counts.iter();
        let states: Vec<_> = states.map(|it| (it.state, it.plan_count)).collect();
        for (list, total) in [
            (&statuses, totals[0]),
            (&stages, totals[0]),
            (&states, totals[4]),
        ] {
            assert_eq!(
                list.iter().map(|(_, count)| count).sum::<i32>(),
                total,
                "{it:?}"
            );
            assert!(list.iter().all(|(_, count)| *count > 0), "{it:?}");
        }
        for (sum, part) in self.totals.iter_mut().zip(totals) {
            *sum += part;
        }
        for (sums, list) in [
            (&mut self.verifications, statuses),
            (&mut self.operation_stages, stages),
            (&mut self.plan_states, states),
        ] {
            for (value, count) in list {
                *sums.entry(value).or_default() += count;
            }
        }
    }

    fn of(it: &pb::ComputeSummaryResponse) -> Self {
        let mut counts = Self::default();
        counts.add(it);
        counts
    }
}

/// Makes two plans of `platforms/ndp-001`: one issued, and a draft after it.
async fn plans(server: &Server) {
    let roles = [Role::AgencyEditor, Role::AgencyApprover];
    let mut one = server.clients(server.person("one", &roles, Some("bo-cong-an")).await);
    let mut two = server.clients(server.person("two", &roles, Some("bo-cong-an")).await);
    let mut draft = async |id: &str| {
        one.plans
            .create_plan(pb::CreatePlanRequest {
                parent: "platforms/ndp-001".into(),
                plan_id: id.into(),
                plan: Some(pb::Plan {
                    display_name: "Kế hoạch thử".into(),
                    ..Default::default()
                }),
                ..Default::default()
            })
            .await
            .unwrap()
            .into_inner()
    };
    let plan = draft("issued").await;
    draft("draft").await;
    let submitted = one.plans.submit_plan(pb::SubmitPlanRequest {
        name: plan.name,
        etag: plan.etag,
        ..Default::default()
    });
    let plan = submitted.await.unwrap().into_inner();
    let issued = two.plans.issue_plan(pb::IssuePlanRequest {
        name: plan.name,
        etag: plan.etag,
        document: Some(synthetic::decision("3/QĐ-TEST")),
        ..Default::default()
    });
    issued.await.unwrap();
}

both! {
    async fn a_summary_counts_the_edition_in_force_an_edition_an_agency_or_all(engine: Engine) {
        let all = ["1527-qd-bkhcn", "2618-qd-bkhcn", "1132-qd-ttg"];
        let server = Server::start_with(&engine.url(), &all).await;
        let mut anyone = server.anonymous();
        let in_force = summary(&mut anyone, "", "").await;
        assert_eq!((&*in_force.edition, &*in_force.agency), (OF_79, ""));
        assert_eq!(summary(&mut anyone, OF_79, "").await, in_force);
        let opening = summary(&mut anyone, OF_84, "").await;
        assert_eq!(opening.declared_platform_count, Some(84));
        let status = |status: Verification, count| (i32::from(status), count);
        // 14 known by the press, one of them without an agency; the other list completes it
        assert_eq!(Counts::of(&opening), Counts {
            totals: [84, 14, 0, 0, 0],
            verifications: [
                status(Verification::FromPress, 14),
                status(Verification::TranslatedNameOnly, 4),
                status(Verification::PendingAnnex, 66),
            ].into(),
            operation_stages: [(Stage::Unspecified.into(), 84)].into(),
            plan_states: BTreeMap::new(),
        });
        let later = summary(&mut anyone, OF_79, "").await;
        assert_eq!(later.declared_platform_count, Some(79));
        let counts = Counts::of(&later);
        assert_eq!(counts.totals[0], 79);
        assert_eq!(counts.operation_stages[&Stage::Operation.into()], 10, "as the list says");
        let whole = summary(&mut anyone, "editions/-", "").await;
        assert_eq!((&*whole.edition, whole.declared_platform_count), ("editions/-", None));
        assert_eq!(whole.held_platform_count, Some(84 + 67));
        let one = summary(&mut anyone, OF_84, "agencies/bo-tai-chinh").await;
        assert_eq!((&*one.edition, &*one.agency), (OF_84, "agencies/bo-tai-chinh"));
        assert_eq!((one.declared_platform_count, one.held_platform_count), (None, Some(4)));
        let none = summary(&mut anyone, OF_84, "agencies/bo-y-te").await;
        assert_eq!(Counts::of(&none), Counts::default());

        for (edition, agency) in
            [("editions/khong-co", ""), ("", "agencies/khong-co"), ("editions/-", "agencies/x")]
        {
            let request = pb::ComputeSummaryRequest {
                edition: edition.into(),
                agency: agency.into(),
                ..Default::default()
            };
            let error = anyone.monitoring.compute_summary(request).await.unwrap_err();
            assert_eq!(reason(&error), "NotFound RESOURCE_NOT_FOUND");
            let details = error.get_error_details();
            let missing = &details.resource_info().unwrap().resource_name;
            assert!([edition, agency].contains(&&**missing), "{missing}");
        }
        let malformed = pb::ComputeSummaryRequest {
            edition: "2618-qd-bkhcn".into(),
            agency: "agencies/-".into(),
            ..Default::default()
        };
        let error = anyone.monitoring.compute_summary(malformed).await.unwrap_err();
        let got = fields(&error);
        assert!(got[0].starts_with("edition ") && got[1].starts_with("agency "), "{got:?}");
        // an agency's id may begin with a digit, as CreateAgency takes it
        let mut keeper = steward(&server, "steward").await;
        keeper.catalogue.create_agency(pb::CreateAgencyRequest {
            agency_id: "9-thu".into(),
            agency: Some(synthetic::agency("Cơ quan thử nghiệm")),
            ..Default::default()
        }).await.unwrap();
        summary(&mut anyone, "", "agencies/9-thu").await;
        server.stop().await;
    }

    async fn the_agencies_and_what_has_none_add_up_to_the_whole(engine: Engine) {
        let all = ["1527-qd-bkhcn", "2618-qd-bkhcn", "1132-qd-ttg"];
        let server = Server::start_with(&engine.url(), &all).await;
        let mut keeper = steward(&server, "steward").await;
        plans(&server).await;
        let agencies = keeper.catalogue.list_agencies(pb::ListAgenciesRequest {
            page_size: 1000,
            ..Default::default()
        }).await.unwrap().into_inner().agencies;
        for edition in ["", OF_84, OF_79, "editions/1527-qd-bkhcn", "editions/-"] {
            let mut sum = Counts::default();
            for agency in &agencies {
                sum.add(&summary(&mut keeper, edition, &agency.name).await);
            }
            let listed = match edition {
                "" => format!("listings.edition:{OF_79} AND "),
                "editions/-" => String::new(),
                edition => format!("listings.edition:{edition} AND "),
            };
            let without = keeper.catalogue.list_platforms(pb::ListPlatformsRequest {
                filter: format!("{listed}NOT governing_agency:*"),
                page_size: 1000,
                ..Default::default()
            }).await.unwrap().into_inner().platforms;
            for platform in without {
                sum.totals[0] += 1;
                *sum.verifications.entry(platform.verification).or_default() += 1;
                *sum.operation_stages.entry(platform.operation_stage).or_default() += 1;
            }
            let whole = Counts::of(&summary(&mut keeper, edition, "").await);
            assert!(whole.totals[0] > 0 && whole.totals[4] > 0, "{edition}: {whole:?}");
            assert_eq!(sum, whole, "{edition}");
        }
        server.stop().await;
    }

    async fn a_hidden_plan_counts_for_those_alone_who_may_see_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        plans(&server).await;
        let mut anyone = server.anonymous();
        let mut keeper = steward(&server, "steward").await;
        let mut agencys = synthetic::editor(&server, "editor", "bo-cong-an").await;
        let mut other = synthetic::editor(&server, "other", "bo-tai-chinh").await;
        let state = |state: State, count| (i32::from(state), count);
        for clients in [&mut anyone, &mut other] {
            let counts = Counts::of(&summary(clients, "", "").await);
            assert_eq!(counts.totals[3..], [1, 1]);
            assert_eq!(counts.plan_states, [state(State::Issued, 1)].into());
        }
        for clients in [&mut keeper, &mut agencys] {
            let counts = Counts::of(&summary(clients, "", "").await);
            assert_eq!(counts.totals[3..], [1, 2]);
            let both = [state(State::Draft, 1), state(State::Issued, 1)];
            assert_eq!(counts.plan_states, both.into());
        }
        server.stop().await;
    }

    async fn a_platform_that_left_counts_apart(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut first = steward(&server, "first").await;
        let mut second = steward(&server, "second").await;
        let name = "platforms/ndp-005";
        let etag = synthetic::get(&mut first, name).await.etag;
        let proposal = first.catalogue.retire_platform(pb::RetirePlatformRequest {
            name: name.into(),
            etag,
            exit: Some(pb::platform::Exit {
                reason: "thử nghiệm".into(),
                outcome: pb::platform::exit::Outcome::Discontinued.into(),
                decision: Some(synthetic::decision("2/QĐ-TEST")),
                ..Default::default()
            }),
            ..Default::default()
        }).await.unwrap().into_inner().proposal.unwrap();
        second.plans.approve_proposal(pb::ApproveProposalRequest {
            name: proposal.name,
            etag: proposal.etag,
            ..Default::default()
        }).await.unwrap();
        let mut anyone = server.anonymous();
        for (agency, totals) in [
            ("", [83, 12, 1, 0, 0]),
            ("agencies/bo-cong-an", [12, 12, 1, 0, 0]),
            ("agencies/bo-tai-chinh", [4, 0, 0, 0, 0]),
        ] {
            let counts = Counts::of(&summary(&mut anyone, "", agency).await);
            assert_eq!(counts.totals, totals, "{agency}");
        }
        server.stop().await;
    }

    async fn a_figure_is_recorded_once_with_its_source(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let figure = |fields: Value| {
            let mut figure = json!({
                "figure_date": {"year": 2026, "month": 9, "day": 30}, "subject": "PLANS_ISSUED",
                "value": 3, "total": 79, "statement": "synthetic",
                "sources": [{"uri": "https://example.invalid/tin", "note": "thử nghiệm"}],
            });
            for (field, value) in fields.as_object().unwrap() {
                figure[field] = value.clone();
            }
            json!({"figure_id": "synthetic", "figure": figure})
        };
        let mut lines = Vec::new();
        for fields in [
            json!({"figure_date": null}),
            json!({"figure_date": {"year": 2026, "month": 10, "day": 2}}),
            json!({"subject": "SUBJECT_UNSPECIFIED"}),
            json!({"value": -1}),
            json!({"total": 2}),
            json!({"edition": "editions/khong-co"}),
            json!({"sources": []}),
            json!({"programme": "programmes/khong-co"}),
            json!({"subject": "TASKS", "programme": "programmes/khong-co"}),
            json!({"subject": "TASKS", "edition": OF_84}),
            json!({"system": "Hệ thống thử"}),
            json!({"scope": "COUNTRY", "agency": "agencies/bo-cong-an"}),
            json!({"agency": "agencies/khong-co"}),
            json!({"scope": 9}),
            json!({"qualifier": 9}),
            json!({"subject": "TASKS_DUE"}),
            json!({"period": {"end": given_day(2026, 9, 1)}}),
            json!({"period": {"start": given_day(2026, 9, 1)}}),
            json!({"period": {"start": given_day(2026, 9, 2), "end": given_day(2026, 9, 1)}}),
            json!({"period": {"start": given_day(2026, 9, 2), "end": given_day(2026, 10, 1)}}),
            json!({"breakdown": [{"category": "A"}, {"category": "B"}, {"category": "A"}]}),
        ] {
            lines.push(violations(&cast.steward.err("CreateFigure", figure(fields)).await));
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            figure.figure_date REQUIRED
            figure.figure_date OUT_OF_RANGE
            figure.subject NOT_ALLOWED
            figure.value OUT_OF_RANGE
            figure.total OUT_OF_RANGE
            figure.edition REFERENCE_NOT_FOUND
            figure.sources TOO_FEW_ITEMS
            figure.programme NOT_ALLOWED
            figure.programme REFERENCE_NOT_FOUND
            figure.programme REFERENCE_NOT_FOUND
            figure.edition NOT_ALLOWED
            figure.system NOT_ALLOWED
            figure.scope NOT_ALLOWED
            figure.agency REFERENCE_NOT_FOUND
            figure.scope UNKNOWN_VALUE
            figure.qualifier UNKNOWN_VALUE
            figure.period REQUIRED
            figure.period.start REQUIRED
            figure.period.end REQUIRED
            figure.period.end OUT_OF_RANGE
            figure.period.end OUT_OF_RANGE
            figure.breakdown[2].category NOT_UNIQUE
            ");
        }
        let fields = json!({
            "breakdown": [{"category": "IN_TIME", "value": 2}],
            "subject": "TASKS_DUE", "programme": "programmes/nq57-2025",
            "agency": "agencies/bo-cong-an", "qualifier": "MORE_THAN",
            "period": {
                "start": given_day(2026, 10, 1), "end": given_day(2026, 12, 31),
                "as_written": "quý IV",
            },
        });
        let made = cast.steward.ok("CreateFigure", figure(fields.clone())).await;
        assert_eq!((&made["value"], &made["total"]), (&json!(3), &json!(79)));
        for (field, value) in fields.as_object().unwrap() {
            assert_eq!(made[field], *value, "{field}");
        }
        let get = json!({"name": "figures/synthetic"});
        assert_eq!(server.raw(As::default()).ok("GetFigure", get).await, made);
        assert_eq!(
            cast.steward.refusal("CreateFigure", figure(json!({}))).await,
            "AlreadyExists RESOURCE_ALREADY_EXISTS"
        );
        server.stop().await;
    }

    async fn figures_are_quoted_with_their_sources(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut anyone = server.anonymous();
        let figures = anyone.monitoring.list_figures(pb::ListFiguresRequest::default()).await;
        let figures = figures.unwrap().into_inner().figures;
        assert_eq!(figures.len(), 13);
        for figure in &figures {
            let request = pb::GetFigureRequest { name: figure.name.clone(), ..Default::default() };
            let got = anyone.monitoring.get_figure(request).await.unwrap().into_inner();
            assert_eq!(got, *figure);
            assert!(!got.sources.is_empty() && got.sources.iter().all(|it| !it.uri.is_empty()));
        }
        let name = "figures/plans-issued-2025-09-23";
        let issued = figures.iter().find(|it| it.name == name).unwrap();
        assert_eq!((issued.value, issued.total, &*issued.edition), (21, Some(84), OF_84));
        assert_eq!(issued.subject(), pb::figure::Subject::PlansIssued);
        assert_eq!(issued.figure_date, Some(synthetic::date(2025, 9, 23)));
        let later = figures.iter().find(|it| it.name == "figures/tasks-2025-12-04").unwrap();
        let parts: Vec<_> = later.breakdown.iter().map(|it| (&*it.category, it.value)).collect();
        assert_eq!(parts, [
            ("COMPLETED", 601), ("ON_SCHEDULE", 404), ("OVERDUE", 104), ("REGULAR", 178),
        ]);
        let request = pb::GetFigureRequest {
            name: "figures/khong-co".into(),
            ..Default::default()
        };
        let error = anyone.monitoring.get_figure(request).await.unwrap_err();
        assert_eq!(reason(&error), "NotFound RESOURCE_NOT_FOUND");
        server.stop().await;
    }
}
