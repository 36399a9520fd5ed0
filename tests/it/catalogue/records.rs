//! The catalogue over the wire: records made and read, editions compared on the shipped lists,
//! platforms found, and platforms that leave with a record of it.

use ndp_core::records::principals::{PrincipalKind, Role};
use ndp_registry::pb::{self, platform::exit::Outcome};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{
    Engine, both,
    server::{As, Clients, Server},
    synthetic::{self, create, fields, get, reason, revision, steward},
};

const OF_55: &str = "editions/1527-qd-bkhcn";
const OF_84: &str = "editions/2618-qd-bkhcn";
const OF_79: &str = "editions/1132-qd-ttg";

async fn held(clients: &mut Clients) -> Vec<(String, i32, i32, i32)> {
    let listed = clients
        .catalogue
        .list_editions(pb::ListEditionsRequest::default())
        .await;
    let mut counts = Vec::new();
    for it in listed.unwrap().into_inner().editions {
        let request = pb::GetEditionRequest {
            name: it.name.clone(),
            ..Default::default()
        };
        let got = clients
            .catalogue
            .get_edition(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(got, it, "Get and List answer the same");
        counts.push((
            it.name,
            it.declared_platform_count,
            it.held_platform_count,
            it.named_platform_count,
        ));
    }
    counts
}

async fn compare(
    clients: &mut Clients,
    base: &str,
    target: &str,
) -> Result<pb::CompareEditionsResponse, tonic::Status> {
    let request = pb::CompareEditionsRequest {
        base_edition: base.into(),
        target_edition: target.into(),
        ..Default::default()
    };
    let compared = clients.catalogue.compare_editions(request).await;
    compared.map(tonic::Response::into_inner)
}

fn entries(list: &[pb::compare_editions_response::Entry]) -> Vec<&str> {
    list.iter()
        .map(|it| it.platform.trim_start_matches("platforms/ndp-"))
        .collect()
}

/// The lists of a comparison, in counts.
fn counts(it: &pb::CompareEditionsResponse) -> [usize; 6] {
    [
        &it.added,
        &it.kept,
        &it.renamed,
        &it.regrouped,
        &it.dropped,
        &it.unresolved,
    ]
    .map(Vec::len)
}

async fn search(clients: &mut Clients, query: &str) -> Vec<String> {
    let request = pb::SearchPlatformsRequest {
        query: query.into(),
        page_size: 1000,
        ..Default::default()
    };
    let found = clients
        .catalogue
        .search_platforms(request)
        .await
        .unwrap()
        .into_inner();
    found.platforms.into_iter().map(|it| it.name).collect()
}

/// The names of the platforms listed.
async fn listed(clients: &mut Clients, filter: &str, show_retired: bool) -> Vec<String> {
    let request = pb::ListPlatformsRequest {
        filter: filter.into(),
        page_size: 1000,
        show_retired,
        ..Default::default()
    };
    let listed = clients
        .catalogue
        .list_platforms(request)
        .await
        .unwrap()
        .into_inner();
    listed.platforms.into_iter().map(|it| it.name).collect()
}

fn exit(outcome: Outcome, successor: &str) -> pb::platform::Exit {
    pb::platform::Exit {
        reason: "lý do thử nghiệm".into(),
        outcome: outcome.into(),
        decision: Some(synthetic::decision("2/QĐ-TEST")),
        successor: successor.into(),
        exit_date: None,
    }
}

/// Proposes that a platform leave.
async fn propose(
    clients: &mut Clients,
    name: &str,
    exit: pb::platform::Exit,
) -> Result<pb::Proposal, tonic::Status> {
    let etag = get(clients, name).await.etag;
    let request = pb::RetirePlatformRequest {
        name: name.into(),
        etag,
        exit: Some(exit),
        reason: "vì sao".into(),
        ..Default::default()
    };
    let proposed = clients.catalogue.retire_platform(request).await;
    proposed.map(|it| it.into_inner().proposal.unwrap())
}

async fn approve(
    clients: &mut Clients,
    proposal: &pb::Proposal,
) -> Result<pb::Proposal, tonic::Status> {
    let request = pb::ApproveProposalRequest {
        name: proposal.name.clone(),
        etag: proposal.etag.clone(),
        reason: "đồng ý".into(),
        ..Default::default()
    };
    let approved = clients.plans.approve_proposal(request).await;
    approved.map(tonic::Response::into_inner)
}

both! {
    async fn records_are_made_once_and_read_by_everyone(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        let mut anyone = server.anonymous();
        let creation = pb::CreateAgencyRequest {
            agency_id: "9-co-quan".into(),
            agency: Some(pb::Agency {
                name: "agencies/another".into(),
                revision: 77,
                ..synthetic::agency("Cơ quan thử nghiệm")
            }),
            ..Default::default()
        };
        let answer = keeper.catalogue.create_agency(creation.clone()).await.unwrap();
        let at = revision(answer.metadata());
        let made = answer.into_inner();
        assert_eq!((&*made.name, made.revision), ("agencies/9-co-quan", at));
        assert_eq!(made.create_time, made.update_time);
        let request = pb::GetAgencyRequest { name: made.name.clone(), ..Default::default() };
        assert_eq!(anyone.catalogue.get_agency(request).await.unwrap().into_inner(), made);
        let error = keeper.catalogue.create_agency(creation.clone()).await.unwrap_err();
        assert_eq!(reason(&error), "AlreadyExists RESOURCE_ALREADY_EXISTS");
        let resource = error.get_error_details();
        let resource = resource.resource_info().unwrap();
        assert_eq!(resource.resource_type, "ndp.registry/Agency");
        assert_eq!(resource.resource_name, made.name);
        for id in ["", "Hoa", "-a", "a-", "a_b", "đ", &"a".repeat(64)] {
            let wrong = pb::CreateAgencyRequest { agency_id: id.into(), ..creation.clone() };
            let error = keeper.catalogue.create_agency(wrong).await.unwrap_err();
            assert!(fields(&error)[0].starts_with("agency_id "), "{id}: {error:?}");
        }
        // every mistake at once
        let wrong = pb::CreateAgencyRequest {
            agency_id: "thu".into(),
            agency: Some(pb::Agency { kind: 99, ..synthetic::agency(&"đ".repeat(301)) }),
            reason: "x".repeat(1001),
            ..Default::default()
        };
        let error = keeper.catalogue.create_agency(wrong).await.unwrap_err();
        let mut received = fields(&error);
        received.sort();
        assert_eq!(received.len(), 3, "{received:?}");
        assert!(received[0].starts_with("agency.display_name TOO_LONG"), "{received:?}");
        assert!(received[1].starts_with("agency.kind "), "{received:?}");
        assert!(received[2].starts_with("reason TOO_LONG"), "{received:?}");

        let edition = pb::CreateEditionRequest {
            edition_id: "thu-nghiem".into(),
            edition: Some(pb::Edition {
                previous_edition: OF_79.into(),
                ..synthetic::edition("1/QĐ-TEST")
            }),
            ..Default::default()
        };
        let made = keeper.catalogue.create_edition(edition.clone()).await.unwrap().into_inner();
        let request = pb::GetEditionRequest { name: made.name.clone(), ..Default::default() };
        assert_eq!(anyone.catalogue.get_edition(request).await.unwrap().into_inner(), made);
        let error = keeper.catalogue.create_edition(edition).await.unwrap_err();
        assert_eq!(reason(&error), "AlreadyExists RESOURCE_ALREADY_EXISTS");
        let error = keeper.catalogue.create_edition(pb::CreateEditionRequest {
            edition_id: "khac".into(),
            edition: Some(pb::Edition {
                previous_edition: "editions/khong-co".into(),
                repealing_edition: "editions/khong-co".into(),
                ..synthetic::edition("1/QĐ-TEST")
            }),
            ..Default::default()
        }).await.unwrap_err();
        let received = fields(&error);
        assert_eq!(received, [
            "edition.previous_edition REFERENCE_NOT_FOUND",
            "edition.repealing_edition REFERENCE_NOT_FOUND",
        ]);
        // neither leads back to where it began, over one edition or two
        let error = keeper.catalogue.update_edition(pb::UpdateEditionRequest {
            edition: Some(pb::Edition {
                name: OF_79.into(),
                previous_edition: made.name,
                repealing_edition: OF_79.into(),
                ..Default::default()
            }),
            ..Default::default()
        }).await.unwrap_err();
        let received = fields(&error);
        assert_eq!(received, [
            "edition.previous_edition NOT_ALLOWED",
            "edition.repealing_edition NOT_ALLOWED",
        ]);
        server.stop().await;
    }

    async fn a_platform_without_an_id_gets_the_smallest_free_number(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        let it = || synthetic::platform("Nền tảng thử nghiệm");
        let mut ids = Vec::new();
        for id in ["", "", "thu-nghiem", "ndp-200", "ndp-9", "ndp-x", ""] {
            ids.push(create(&mut keeper, id, it()).await.name);
        }
        assert_eq!(ids, [
            "ndp-085", "ndp-086", "thu-nghiem", "ndp-200", "ndp-9", "ndp-x", "ndp-087",
        ].map(|id| format!("platforms/{id}")));
        let error = keeper.catalogue.create_platform(pb::CreatePlatformRequest {
            platform: Some(it()),
            platform_id: "ndp-001".into(),
            ..Default::default()
        }).await.unwrap_err();
        assert_eq!(reason(&error), "AlreadyExists RESOURCE_ALREADY_EXISTS");
        // a refusal lists every mistake
        let mut wrong = it();
        wrong.governance = vec![synthetic::governance("khong-co", None)];
        wrong.coordinating_agencies = vec!["agencies/bo-y-te".into(), "agencies/khong".into()];
        wrong.listings = vec![
            synthetic::listing("editions/khong-co", ""),
            pb::platform::Listing { group: "C".into(), ..synthetic::listing(OF_79, "") },
            synthetic::listing(OF_79, ""),
        ];
        let error = keeper.catalogue.create_platform(pb::CreatePlatformRequest {
            platform: Some(wrong),
            ..Default::default()
        }).await.unwrap_err();
        let mut received = fields(&error);
        received.sort();
        assert_eq!(received, [
            "platform.coordinating_agencies[1] REFERENCE_NOT_FOUND",
            "platform.governance[0].agency REFERENCE_NOT_FOUND",
            "platform.listings[0].edition REFERENCE_NOT_FOUND",
            "platform.listings[1].group REFERENCE_NOT_FOUND",
            "platform.listings[2].edition NOT_UNIQUE",
        ]);
        server.stop().await;
    }

    async fn an_edition_says_how_many_of_its_entries_are_held(engine: Engine) {
        let of = |name: &str, declared, held, named| (name.to_owned(), declared, held, named);
        for (editions, expected) in [
            (
                &["2618-qd-bkhcn"][..],
                [of(OF_79, 79, 0, 0), of(OF_55, 55, 0, 0), of(OF_84, 84, 84, 14)],
            ),
            (
                &["1527-qd-bkhcn", "2618-qd-bkhcn"],
                [of(OF_79, 79, 0, 0), of(OF_55, 55, 17, 13), of(OF_84, 84, 84, 14)],
            ),
            (
                &["1527-qd-bkhcn", "2618-qd-bkhcn", "1132-qd-ttg"],
                [of(OF_79, 79, 79, 79), of(OF_55, 55, 17, 13), of(OF_84, 84, 84, 14)],
            ),
        ] {
            let engine = engine.another().await;
            let server = Server::start_with(&engine.url(), editions).await;
            let mut anyone = server.anonymous();
            assert_eq!(held(&mut anyone).await, expected);
            // what is not held cannot be compared
            for (name, _, held, _) in &expected {
                let compared = compare(&mut anyone, OF_84, name).await;
                if *held > 0 {
                    compared.unwrap();
                    continue;
                }
                let error = compared.unwrap_err();
                assert_eq!(reason(&error), "FailedPrecondition EDITION_NOT_HELD");
                let error = compare(&mut anyone, name, OF_84).await.unwrap_err();
                let details = error.get_error_details();
                let failed = &details.precondition_failure().unwrap().violations[0];
                assert_eq!(failed.subject, *name);
            }
            server.stop().await;
        }
    }

    async fn the_shipped_editions_compare_as_their_lists_do(engine: Engine) {
        let all = ["1527-qd-bkhcn", "2618-qd-bkhcn", "1132-qd-ttg"];
        let server = Server::start_with(&engine.url(), &all).await;
        let mut anyone = server.anonymous();

        let it = compare(&mut anyone, OF_55, OF_84).await.unwrap();
        // added, kept, renamed, regrouped, dropped, unresolved: counted in the lists by hand
        assert_eq!(counts(&it), [0, 17, 0, 0, 0, 67]);
        assert_eq!(entries(&it.unresolved)[0], "014", "it may be one of the 38");
        assert_eq!((it.base_declared_platform_count, it.base_held_platform_count), (55, 17));
        assert_eq!((it.target_declared_platform_count, it.target_held_platform_count), (84, 84));
        assert!(!it.conclusive, "38 of the 55 are not held");

        let it = compare(&mut anyone, OF_84, OF_79).await.unwrap();
        assert_eq!(counts(&it), [0, 9, 3, 0, 2, 137]);
        assert_eq!(entries(&it.kept), [
            "001", "002", "003", "004", "006", "008", "009", "013", "014",
        ]);
        assert_eq!(entries(&it.dropped), ["005", "007"]);
        assert_eq!(entries(&it.renamed), ["010", "011", "012"]);
        assert_eq!(it.renamed[1].base_display_name, "Hệ thống từ điển dữ liệu dùng chung quốc gia");
        assert_eq!(it.renamed[1].target_display_name, "Nền tảng số từ điển dữ liệu dùng chung");
        assert_eq!((&*it.renamed[1].base_group, &*it.renamed[1].target_group), ("", "A"));
        // case does not rename: `Cổng Dịch vụ công` is listed as `Cổng dịch vụ công`
        let of_014 = it.kept.iter().find(|it| it.platform == "platforms/ndp-014").unwrap();
        assert_ne!(of_014.base_display_name, of_014.target_display_name);
        assert_eq!(entries(&it.unresolved).first(), Some(&"015"));
        assert!(entries(&it.unresolved).contains(&"085"), "it may be one of the 70");
        assert!(!it.conclusive, "70 names of the 84 are not known");

        let it = compare(&mut anyone, OF_55, OF_79).await.unwrap();
        assert_eq!(counts(&it), [0, 8, 3, 0, 2, 72]);
        let it = compare(&mut anyone, OF_79, OF_79).await.unwrap();
        assert_eq!(counts(&it), [0, 79, 0, 0, 0, 0]);
        assert!(it.conclusive, "all 79 are held and named");
        let error = compare(&mut anyone, OF_84, "editions/khong-co").await.unwrap_err();
        assert_eq!(reason(&error), "NotFound RESOURCE_NOT_FOUND");
        let error = compare(&mut anyone, "", "platforms/x").await.unwrap_err();
        assert_eq!(fields(&error).len(), 2);
        // another group regroups
        let mut keeper = steward(&server, "steward").await;
        let name = "platforms/ndp-085";
        let mut platform = get(&mut keeper, name).await;
        let edition = pb::CreateEditionRequest {
            edition_id: "thu".into(),
            edition: Some(synthetic::edition("1/QĐ-TEST")),
            ..Default::default()
        };
        keeper.catalogue.create_edition(edition).await.unwrap();
        let listed_name = platform.listings[0].display_name.to_uppercase();
        platform.listings.push(pb::platform::Listing {
            group: "Z".into(),
            ..synthetic::listing("editions/thu", &listed_name)
        });
        keeper.catalogue.update_platform(pb::UpdatePlatformRequest {
            platform: Some(platform),
            update_mask: synthetic::mask(&["listings"]),
            ..Default::default()
        }).await.unwrap();
        let it = compare(&mut anyone, OF_79, "editions/thu").await.unwrap();
        assert_eq!(counts(&it), [0, 0, 0, 1, 0, 78]);
        server.stop().await;
    }

    async fn a_batch_answers_all_in_the_order_asked_or_none(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut anyone = server.anonymous();
        let batch = |ids: &[&str]| pb::BatchGetPlatformsRequest {
            names: ids.iter().map(|id| format!("platforms/{id}")).collect(),
            ..Default::default()
        };
        let asked = ["ndp-084", "ndp-001", "ndp-019", "ndp-001"];
        let answer = anyone.catalogue.batch_get_platforms(batch(&asked)).await.unwrap();
        let platforms = answer.into_inner().platforms;
        let names: Vec<_> = platforms.iter().map(|it| it.name.clone()).collect();
        assert_eq!(names, batch(&asked).names);
        assert_eq!(platforms[1], get(&mut anyone, "platforms/ndp-001").await);
        let missing = batch(&["ndp-001", "khong-co", "cung-khong"]);
        let error = anyone.catalogue.batch_get_platforms(missing).await.unwrap_err();
        assert_eq!(reason(&error), "NotFound RESOURCE_NOT_FOUND");
        let details = error.get_error_details();
        assert_eq!(details.resource_info().unwrap().resource_name, "platforms/khong-co");
        let malformed = batch(&["ndp-001", "-", "A"]);
        let error = anyone.catalogue.batch_get_platforms(malformed).await.unwrap_err();
        let received: Vec<_> = fields(&error).iter().map(|it| it[..8].to_owned()).collect();
        assert_eq!(received, ["names[1]", "names[2]"]);
        for count in [0, 1001] {
            let error = anyone.catalogue.batch_get_platforms(batch(&vec!["a"; count])).await;
            assert!(fields(&error.unwrap_err())[0].starts_with("names "), "{count}");
        }
        server.stop().await;
    }

    async fn platforms_are_found_without_diacritics_or_case(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut anyone = server.anonymous();
        let identity = search(&mut anyone, "dinh danh").await;
        assert_eq!(identity, ["platforms/ndp-001"]);
        // decomposed, as some keyboards write it
        for query in [
            "ĐỊNH DANH", "Đi\u{323}nh danh", "danh định", "xác thực, định", "identification",
        ] {
            assert_eq!(search(&mut anyone, query).await, identity, "{query}");
        }
        assert_eq!(search(&mut anyone, "ndp-042").await, ["platforms/ndp-042"]);
        assert_eq!(search(&mut anyone, "không có từ này").await, [""; 0]);
        // by the name of the agency that governs them, also once that changes
        let governed = listed(&mut anyone, "governing_agency = agencies/bo-tai-chinh", false).await;
        assert_eq!(governed.len(), 4);
        let mut found = search(&mut anyone, "bo tai chinh").await;
        found.sort();
        assert_eq!(found, governed);
        let mut keeper = steward(&server, "steward").await;
        keeper.catalogue.update_agency(pb::UpdateAgencyRequest {
            agency: Some(pb::Agency {
                name: "agencies/bo-tai-chinh".into(),
                display_name: "Bộ Ngân khố (synthetic)".into(),
                ..Default::default()
            }),
            ..Default::default()
        }).await.unwrap();
        assert_eq!(search(&mut anyone, "BỘ NGÂN KHỐ").await.len(), 4);
        assert_eq!(search(&mut anyone, "bo tai chinh").await, [""; 0]);
        // pages of a search make up the whole
        let whole = search(&mut anyone, "quoc gia").await;
        assert!(whole.len() > 5, "{whole:?}");
        let mut walked = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = anyone.catalogue.search_platforms(pb::SearchPlatformsRequest {
                query: "quoc gia".into(),
                page_size: 2,
                page_token,
                ..Default::default()
            }).await.unwrap().into_inner();
            assert!(page.platforms.len() <= 2);
            walked.extend(page.platforms.into_iter().map(|it| it.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(walked, whole);
        for query in ["", "  ", " ,-", &"đ".repeat(201)] {
            let request = pb::SearchPlatformsRequest { query: query.into(), ..Default::default() };
            let error = anyone.catalogue.search_platforms(request).await.unwrap_err();
            assert!(fields(&error)[0].starts_with("query "), "{query:?}: {error:?}");
        }
        server.stop().await;
    }

    async fn a_platform_leaves_when_a_second_steward_approves(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut first = steward(&server, "first").await;
        let mut second = steward(&server, "second").await;
        let mut anyone = server.anonymous();
        let name = "platforms/ndp-005";
        let replaced = exit(Outcome::Replaced, "platforms/ndp-006");

        let proposal = propose(&mut first, name, replaced.clone()).await.unwrap();
        assert_eq!(proposal.state(), pb::proposal::State::Pending);
        let asked = proposal.requested.clone().unwrap();
        assert_eq!((&*asked.principal, &*asked.reason), ("principals/first", "vì sao"));
        // nothing has changed for anyone until then, and one is pending at a time
        assert_eq!(get(&mut anyone, name).await.state(), pb::platform::State::Active);
        let error = propose(&mut second, name, replaced.clone()).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition PROPOSAL_PENDING");
        let error = approve(&mut first, &proposal).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition SECOND_PERSON_NEEDED");
        let error = approve(&mut anyone, &proposal).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated);
        let mut editor = synthetic::editor(&server, "editor", "bo-cong-an").await;
        let error = approve(&mut editor, &proposal).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
        let late = pb::Proposal { etag: "r0".into(), ..proposal.clone() };
        let error = approve(&mut second, &late).await.unwrap_err();
        assert_eq!(reason(&error), "Aborted ETAG_NOT_CURRENT");

        // rejected, with a reason; asked for again, and approved
        let reject = |reason: &str| pb::RejectProposalRequest {
            name: proposal.name.clone(),
            etag: proposal.etag.clone(),
            reason: reason.into(),
            ..Default::default()
        };
        let error = second.plans.reject_proposal(reject("")).await.unwrap_err();
        assert!(fields(&error)[0].starts_with("reason "), "{error:?}");
        let rejected = second.plans.reject_proposal(reject("chưa đủ")).await.unwrap().into_inner();
        assert_eq!(rejected.state(), pb::proposal::State::Rejected);
        assert_eq!(rejected.decided.clone().unwrap().reason, "chưa đủ");
        assert_eq!(get(&mut anyone, name).await.state(), pb::platform::State::Active);
        let error = approve(&mut second, &rejected).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition PROPOSAL_DECIDED");
        let proposal = propose(&mut first, name, replaced.clone()).await.unwrap();
        let approved = approve(&mut second, &proposal).await.unwrap();
        assert_eq!(approved.state(), pb::proposal::State::Approved);
        assert_eq!(approved.decided.unwrap().principal, "principals/second");

        let left = get(&mut anyone, name).await;
        assert_eq!(left.state(), pb::platform::State::Retired);
        assert_eq!(left.exit, Some(pb::platform::Exit {
            exit_date: Some(synthetic::date(2026, 9, 30)),
            ..replaced.clone()
        }), "without a day it is the decision's day of issue");
        // it is listed, searched and written no longer, unless asked for
        assert_eq!(listed(&mut anyone, "", false).await.len(), 83);
        assert_eq!(listed(&mut anyone, "", true).await.len(), 84);
        assert_eq!(listed(&mut anyone, "state = RETIRED", true).await, [name]);
        assert_eq!(listed(&mut anyone, "exit.successor = platforms/ndp-006", true).await, [name]);
        assert_eq!(search(&mut anyone, "thu dien tu phuc vu").await, [""; 0]);
        let found = anyone.catalogue.search_platforms(pb::SearchPlatformsRequest {
            query: "thu dien tu phuc vu".into(),
            show_retired: true,
            ..Default::default()
        }).await.unwrap().into_inner();
        assert_eq!(found.platforms[0].name, name);
        let error = propose(&mut first, name, replaced.clone()).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition PLATFORM_NOT_ACTIVE");
        let error = first.catalogue.update_platform(pb::UpdatePlatformRequest {
            platform: Some(pb::Platform {
                name: name.into(),
                display_name: "Tên khác".into(),
                ..Default::default()
            }),
            ..Default::default()
        }).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition PLATFORM_NOT_ACTIVE");
        // an id is never used again
        let error = first.catalogue.create_platform(pb::CreatePlatformRequest {
            platform: Some(synthetic::platform("Nền tảng khác")),
            platform_id: "ndp-005".into(),
            ..Default::default()
        }).await.unwrap_err();
        assert_eq!(error.code(), Code::AlreadyExists);

        // successors are other platforms of the catalogue
        for successor in ["platforms/ndp-007", "platforms/khong-co", name] {
            let exit = exit(Outcome::Integrated, successor);
            let error = propose(&mut first, "platforms/ndp-007", exit).await.unwrap_err();
            assert_eq!(reason(&error), "FailedPrecondition SUCCESSOR_NOT_ACTIVE", "{successor}");
        }
        for outcome in [Outcome::Replaced, Outcome::Integrated, Outcome::Duplicate] {
            let error = propose(&mut first, "platforms/ndp-007", exit(outcome, "")).await;
            assert_eq!(fields(&error.unwrap_err()), ["exit.successor REQUIRED"]);
        }
        let undecided = pb::platform::Exit { decision: None, ..exit(Outcome::Delisted, "") };
        let error = propose(&mut first, "platforms/ndp-007", undecided).await.unwrap_err();
        assert_eq!(fields(&error), ["exit.decision REQUIRED"]);
        server.stop().await;
    }

    async fn a_system_names_who_acts_and_the_same_actor_is_no_second_person(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let roles = [Role::Steward];
        let one = server.principal("one", PrincipalKind::System, &roles, None).await;
        let two = server.principal("two", PrincipalKind::System, &roles, None).await;
        let mut nameless = server.clients(one.clone());
        let mut asks = server.clients(one.actor("nguyen-van-a"));
        let mut same = server.clients(two.actor("Nguyen-Van-A"));
        let mut other = server.clients(two.actor("tran-thi-b"));
        let name = "platforms/ndp-005";
        let delisted = || exit(Outcome::Delisted, "");
        let error = propose(&mut nameless, name, delisted()).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition ACTOR_NEEDED");
        let proposal = propose(&mut asks, name, delisted()).await.unwrap();
        assert_eq!(proposal.requested.clone().unwrap().actor, "nguyen-van-a");
        let error = approve(&mut nameless, &proposal).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition ACTOR_NEEDED");
        for clients in [&mut asks, &mut same] {
            let error = approve(clients, &proposal).await.unwrap_err();
            assert_eq!(reason(&error), "FailedPrecondition SECOND_PERSON_NEEDED");
        }
        let mut person = steward(&server, "nguyen-van-a").await;
        let error = approve(&mut person, &proposal).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition SECOND_PERSON_NEEDED");
        approve(&mut other, &proposal).await.unwrap();
        server.stop().await;
    }

    async fn a_platform_with_live_plans_stays(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut first = steward(&server, "first").await;
        let mut second = steward(&server, "second").await;
        let mut editor = synthetic::editor(&server, "editor", "bo-cong-an").await;
        let name = "platforms/ndp-005";
        let proposal = propose(&mut first, name, exit(Outcome::Delisted, "")).await.unwrap();
        let plan = editor.plans.create_plan(pb::CreatePlanRequest {
            parent: name.into(),
            plan: Some(pb::Plan { display_name: "Kế hoạch thử".into(), ..Default::default() }),
            ..Default::default()
        }).await.unwrap().into_inner();
        // what was allowed when it was asked for is checked again when it is approved
        let error = approve(&mut second, &proposal).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition PLATFORM_HAS_LIVE_PLANS");
        let error = propose(&mut first, "platforms/ndp-005", exit(Outcome::Delisted, "")).await;
        assert_eq!(reason(&error.unwrap_err()), "FailedPrecondition PLATFORM_HAS_LIVE_PLANS");
        editor.plans.withdraw_plan(pb::WithdrawPlanRequest {
            name: plan.name,
            etag: plan.etag,
            ..Default::default()
        }).await.unwrap();
        approve(&mut second, &proposal).await.unwrap();
        let error = editor.plans.create_plan(pb::CreatePlanRequest {
            parent: name.into(),
            plan: Some(pb::Plan { display_name: "Kế hoạch thử".into(), ..Default::default() }),
            ..Default::default()
        }).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition PLATFORM_NOT_ACTIVE");
        server.stop().await;
    }

    async fn a_duplicate_is_merged_into_the_record_that_stays(engine: Engine) {
        let both = ["2618-qd-bkhcn", "1132-qd-ttg"];
        let server = Server::start_with(&engine.url(), &both).await;
        let mut first = steward(&server, "first").await;
        let mut second = steward(&server, "second").await;
        let mut anyone = server.anonymous();
        let before = compare(&mut anyone, OF_84, OF_79).await.unwrap();
        let held_before = held(&mut anyone).await;
        let summary = |edition: &str| pb::ComputeSummaryRequest {
            edition: edition.into(),
            ..Default::default()
        };
        let whole = anyone.monitoring.compute_summary(summary("editions/-")).await.unwrap();
        let whole = whole.into_inner();

        // two entries of one list are two platforms
        let error = propose(&mut first, "platforms/ndp-002", pb::platform::Exit {
            decision: None,
            ..exit(Outcome::Duplicate, "platforms/ndp-001")
        }).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition BOTH_ARE_LISTED");

        // the annex of 2618 shows (synthetic) that ndp-019 is what 1132 lists as ndp-085
        let gone = get(&mut anyone, "platforms/ndp-085").await;
        let duplicate = pb::platform::Exit {
            decision: None,
            ..exit(Outcome::Duplicate, "platforms/ndp-019")
        };
        let proposal = propose(&mut first, &gone.name, duplicate).await.unwrap();
        approve(&mut second, &proposal).await.unwrap();
        let stays = get(&mut anyone, "platforms/ndp-019").await;
        assert_eq!(stays.listings.last(), gone.listings.last(), "its places move");
        assert_eq!(stays.listings.len(), 2);
        // its id resolves, one by one and in a batch
        assert_eq!(get(&mut anyone, &gone.name).await, stays);
        let batch = pb::BatchGetPlatformsRequest {
            names: vec![gone.name.clone(), stays.name.clone()],
            ..Default::default()
        };
        let answer = anyone.catalogue.batch_get_platforms(batch).await.unwrap().into_inner();
        assert_eq!(answer.platforms, [stays.clone(), stays.clone()]);
        // its own record is found where it is asked for
        assert_eq!(listed(&mut anyone, "state = MERGED", true).await, [&*gone.name]);
        assert!(!listed(&mut anyone, "", false).await.contains(&gone.name));

        // neither an exit nor a drop: two unresolved entries become one that is kept
        let after = compare(&mut anyone, OF_84, OF_79).await.unwrap();
        let [added, kept, renamed, regrouped, dropped, unresolved] = counts(&before);
        assert_eq!(
            counts(&after),
            [added, kept + 1, renamed, regrouped, dropped, unresolved - 2]
        );
        assert_eq!(held(&mut anyone).await, held_before, "each entry counts once");
        let merged = anyone.monitoring.compute_summary(summary("editions/-")).await.unwrap();
        let merged = merged.into_inner();
        assert_eq!(merged.held_platform_count, whole.held_platform_count.map(|all| all - 1));
        assert_eq!(merged.retired_platform_count, Some(0));
        let of_79 = anyone.monitoring.compute_summary(summary(OF_79)).await.unwrap().into_inner();
        assert_eq!((of_79.held_platform_count, of_79.retired_platform_count), (Some(79), Some(0)));

        // the record that stays may be merged in turn: every id leads to the last
        let third = create(&mut first, "thu", synthetic::platform("Nền tảng thử nghiệm")).await;
        let duplicate = pb::platform::Exit {
            decision: None,
            ..exit(Outcome::Duplicate, &third.name)
        };
        let proposal = propose(&mut first, &stays.name, duplicate).await.unwrap();
        approve(&mut second, &proposal).await.unwrap();
        let last = get(&mut anyone, &third.name).await;
        assert_eq!(last.listings.len(), 2);
        for name in [&gone.name, &stays.name] {
            assert_eq!(get(&mut anyone, name).await, last);
        }
        server.stop().await;
        // and so it is after a restart
        let server = Server::start(&engine.url()).await;
        assert_eq!(get(&mut server.anonymous(), &gone.name).await, last);
        server.stop().await;
    }

    async fn text_is_composed_and_what_nobody_can_read_is_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        let decomposed = "Nê\u{300}n ta\u{309}ng thư\u{309} nghiê\u{323}m";
        let made = create(&mut keeper, "", pb::Platform {
            labels: [("thu".to_owned(), decomposed.to_owned())].into(),
            operation_stages: vec![pb::platform::OperationStage {
                stage: 1,
                planned: Some(pb::Period { as_written: decomposed.into(), ..Default::default() }),
                ..Default::default()
            }],
            ..synthetic::platform(decomposed)
        }).await;
        let composed = "Nền tảng thử nghiệm";
        assert_eq!(made.display_name, composed);
        assert_eq!(made.labels["thu"], composed);
        let planned = made.operation_stages[0].planned.as_ref().unwrap();
        assert_eq!(planned.as_written, composed);
        assert_eq!(get(&mut keeper, &made.name).await, made);
        for filter in [decomposed, composed] {
            let filter = format!("display_name = \"{filter}\"");
            assert_eq!(listed(&mut keeper, &filter, false).await, [&*made.name]);
        }
        for hidden in ["\u{0}", "\u{1b}[31m", "\u{202e}", "\u{feff}", "\u{85}"] {
            let bad = format!("Nền{hidden} tảng");
            let error = keeper.catalogue.create_platform(pb::CreatePlatformRequest {
                platform: Some(pb::Platform {
                    sources: vec![pb::Source::default(), pb::Source {
                        note: bad.clone(),
                        ..Default::default()
                    }],
                    labels: [("thu".to_owned(), bad.clone())].into(),
                    ..synthetic::platform(&bad)
                }),
                reason: bad,
                ..Default::default()
            }).await.unwrap_err();
            let received = fields(&error);
            for field in ["platform.display_name", "platform.sources[1].note", "reason"] {
                let expected = format!("{field} CONTROL_CHARACTER");
                assert!(received.contains(&expected), "{hidden:?}: {received:?}");
            }
            assert!(received.iter().any(|it| it.starts_with("platform.labels[")), "{received:?}");
        }
        // limits count characters, and say whose
        let long = synthetic::platform(&"ệ".repeat(500));
        create(&mut keeper, "", long).await;
        let error = keeper.catalogue.create_platform(pb::CreatePlatformRequest {
            platform: Some(synthetic::platform(&"ệ".repeat(501))),
            ..Default::default()
        }).await.unwrap_err();
        assert_eq!(fields(&error), ["platform.display_name TOO_LONG"]);
        let error = keeper.catalogue.create_platform(pb::CreatePlatformRequest {
            platform: Some(synthetic::platform(&"x".repeat(2 * 1024 * 1024))),
            ..Default::default()
        }).await.unwrap_err();
        assert_eq!(reason(&error), "ResourceExhausted MESSAGE_TOO_LARGE");
        server.stop().await;
    }

    async fn every_response_carries_the_revision(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        let at = server.registry.revision().get();
        macro_rules! revisions {
            ($($service:ident.$method:ident($request:expr),)+) => {$(
                // what is refused says so with details, and the revision too
                let said = match keeper.$service.$method($request).await {
                    Ok(response) => revision(response.metadata()),
                    Err(error) => {
                        reason(&error);
                        revision(error.metadata())
                    }
                };
                assert_eq!(said, at, stringify!($method));
            )+};
        }
        let name = || "platforms/ndp-001".to_owned();
        revisions! {
            catalogue.get_agency(pb::GetAgencyRequest {
                name: "agencies/bo-y-te".into(), ..Default::default()
            }),
            catalogue.get_agency(pb::GetAgencyRequest::default()),
            catalogue.list_agencies(pb::ListAgenciesRequest::default()),
            catalogue.create_agency(pb::CreateAgencyRequest::default()),
            catalogue.update_agency(pb::UpdateAgencyRequest::default()),
            catalogue.get_edition(pb::GetEditionRequest {
                name: OF_84.into(), ..Default::default()
            }),
            catalogue.list_editions(pb::ListEditionsRequest::default()),
            catalogue.create_edition(pb::CreateEditionRequest::default()),
            catalogue.update_edition(pb::UpdateEditionRequest::default()),
            catalogue.compare_editions(pb::CompareEditionsRequest {
                base_edition: OF_84.into(), target_edition: OF_84.into(), ..Default::default()
            }),
            catalogue.get_platform(pb::GetPlatformRequest { name: name(), ..Default::default() }),
            catalogue.list_platforms(pb::ListPlatformsRequest::default()),
            catalogue.create_platform(pb::CreatePlatformRequest::default()),
            catalogue.update_platform(pb::UpdatePlatformRequest::default()),
            catalogue.batch_get_platforms(pb::BatchGetPlatformsRequest {
                names: vec![name()], ..Default::default()
            }),
            catalogue.search_platforms(pb::SearchPlatformsRequest {
                query: "nền".into(), ..Default::default()
            }),
            catalogue.retire_platform(pb::RetirePlatformRequest::default()),
            monitoring.compute_summary(pb::ComputeSummaryRequest::default()),
            monitoring.get_figure(pb::GetFigureRequest {
                name: "figures/khong-co".into(), ..Default::default()
            }),
            monitoring.list_figures(pb::ListFiguresRequest::default()),
        }
        // credentials that do not hold, too
        let mut stranger = server.clients(As::key("x"));
        let error = stranger.catalogue.list_agencies(pb::ListAgenciesRequest::default()).await;
        let error = error.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated);
        assert_eq!(revision(error.metadata()), at);
        server.stop().await;
    }
}
