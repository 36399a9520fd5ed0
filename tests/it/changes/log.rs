//! The log in the open: what each caller reads and follows of it, and reads of the past.

use std::{sync::Arc, time::Duration};

use ndp_core::{
    caller::Caller,
    change::At,
    names::{ApiKeyName, PlanName, PlatformName, ResourceName, Revision},
    on_kind,
    records::{
        Kind, Record,
        plans::{PlanFields, PlanState},
        principals::Role,
    },
    rules::{self, plans::UpdatePlan, principals::RevokeApiKey},
    time::Clock as _,
};
use ndp_registry::{
    catalogue::OPENING_EDITION,
    pb::{
        self, change::effect::Kind as EffectKind, change_service_client::ChangeServiceClient,
        watch_changes_request::Start, watch_changes_response::Event,
    },
    registry::{Registry, recent::Following},
};
use serde_json::json;
use tokio::task::JoinSet;
use tonic::{Code, Request, Streaming};

use crate::{
    faults::{PLATFORM, making, revision_in},
    harness::{
        Engine, all_changes, both,
        http::send,
        plans::{AGENCY, Cast, OTHER_AGENCY},
        raw::{reason, violations},
        server::{As, Server, elsewhere},
        sql::Sql,
    },
};

/// A guard against waiting for ever; nothing takes nearly as long.
const BOUND: Duration = Duration::from_secs(30);

type Watch = Streaming<pb::WatchChangesResponse>;

async fn watch(server: &Server, caller: As, request: pb::WatchChangesRequest) -> Watch {
    let channel = server.intercepted(caller);
    ChangeServiceClient::new(channel)
        .watch_changes(request)
        .await
        .unwrap()
        .into_inner()
}

fn from(start: Start) -> pb::WatchChangesRequest {
    pb::WatchChangesRequest {
        start: start.into(),
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..Default::default()
    }
}

fn after(revision: i64) -> pb::WatchChangesRequest {
    pb::WatchChangesRequest {
        resume_revision: revision,
        ..from(Start::Resume)
    }
}

async fn next(watch: &mut Watch) -> pb::WatchChangesResponse {
    let message = tokio::time::timeout(BOUND, watch.message())
        .await
        .expect("nothing came");
    message.unwrap().expect("the watch ended without a status")
}

/// The next change, heartbeats passed over.
async fn next_change(watch: &mut Watch) -> pb::Change {
    loop {
        if let Some(Event::Change(change)) = next(watch).await.event {
            return change;
        }
    }
}

async fn end(watch: &mut Watch) -> tonic::Status {
    let until_end = async {
        loop {
            match watch.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the watch ended without a status"),
                Err(status) => return status,
            }
        }
    };
    tokio::time::timeout(BOUND, until_end)
        .await
        .expect("the watch did not end")
}

/// Everything up to the newest revision that this caller sees, from a watch.
async fn follow(watch: &mut Watch, registry: &Registry) -> Vec<pb::Change> {
    let newest = registry.revision().get();
    let mut seen = Vec::new();
    loop {
        let message = next(watch).await;
        if let Some(Event::Change(change)) = message.event {
            seen.push(change);
        }
        if message.revision >= newest {
            return seen;
        }
    }
}

/// Everything that this caller sees, on small pages.
async fn list(server: &Server, caller: As, order_by: &str, filter: &str) -> Vec<pb::Change> {
    let request = pb::ListChangesRequest {
        page_size: 3,
        order_by: order_by.into(),
        filter: filter.into(),
        ..Default::default()
    };
    all_changes(server.intercepted(caller), request).await
}

fn revisions(changes: &[pb::Change]) -> Vec<i64> {
    changes.iter().map(|change| change.revision).collect()
}

both! {
    async fn a_watch_from_the_beginning_and_every_list_are_the_same_log(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let stranger = server.person("stranger", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        cast.plan_in("ndp-001", "issued", PlanState::Issued).await;
        cast.draft("ndp-002", "draft").await;
        for caller in [As::default(), auditor.clone(), stranger] {
            let mut watched = watch(&server, caller.clone(), from(Start::Beginning)).await;
            let watched = follow(&mut watched, &server.registry).await;
            let listed = list(&server, caller.clone(), "", "").await;
            assert_eq!(watched, listed);
            let mut downwards = list(&server, caller.clone(), "revision desc", "").await;
            downwards.reverse();
            assert_eq!(downwards, listed);
            // those of one record are found without looking at the others
            for resource in ["platforms/ndp-001", "platforms/ndp-001/plans/issued"] {
                let touches = |change: &&pb::Change| {
                    change.effects.iter().any(|effect| effect.resource == resource)
                };
                let wanted: Vec<_> = listed.iter().filter(touches).cloned().collect();
                let filter = format!("resources:\"{resource}\"");
                let found = list(&server, caller.clone(), "", &filter).await;
                assert_eq!(found, wanted);
                let mut found = list(&server, caller.clone(), "revision desc", &filter).await;
                found.reverse();
                assert_eq!(found, wanted);
            }
        }
        let all = list(&server, auditor.clone(), "", "").await;
        let newest = server.registry.revision().get();
        assert_eq!(revisions(&all), (1..=newest).collect::<Vec<_>>());
        let of_plan = "resources:\"platforms/ndp-001/plans/issued\" AND method = \"IssuePlan\"";
        let of_plan = list(&server, auditor, "", of_plan).await;
        assert_eq!(of_plan.len(), 1);
        assert_eq!(of_plan[0].method, "IssuePlan");
        assert_eq!(of_plan[0].principal, "principals/cast-approver");

        // To the public the plan begins when it is issued, and the change names only an agency.
        let public = list(&server, As::default(), "", "").await;
        assert_eq!(revisions(&public), [1, of_plan[0].revision]);
        assert_eq!(public[1].agency, format!("agencies/{AGENCY}"));
        assert_eq!((&*public[1].principal, &*public[1].reason), ("", ""));
        server.stop().await;
    }

    async fn a_revision_to_resume_after_goes_with_no_other_start(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut client = ChangeServiceClient::new(server.intercepted(As::default()));
        for start in [Start::Unspecified, Start::Now, Start::Beginning, Start::Snapshot] {
            let request = pb::WatchChangesRequest { resume_revision: 1, ..from(start) };
            let status = client.watch_changes(request).await.unwrap_err();
            assert_eq!(violations(&status), "resume_revision NOT_ALLOWED", "{start:?}");
            assert!(status.message().contains("`start` RESUME"), "{}", status.message());
        }
        // over HTTP, by default and by name
        for query in ["resumeRevision=1", "resumeRevision=1&start=NOW"] {
            let path = format!("GET /v1/changes:watch?{query}");
            let answer = send(&server.address, &path, &[], String::new()).await;
            assert_eq!(answer.status, 400, "{}", answer.text());
            assert!(answer.text().contains("resumeRevision"), "{}", answer.text());
        }
        let mut watched = watch(&server, As::default(), after(0)).await;
        assert_eq!(next_change(&mut watched).await.revision, 1);
        server.stop().await;
    }

    async fn a_watch_resumes_exactly_after_any_revision_also_after_a_restart(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let cast = Cast::new(&server).await;
        cast.plan_in("ndp-001", "a", PlanState::Completed).await;
        let mut whole = watch(&server, auditor.clone(), from(Start::Beginning)).await;
        let whole = revisions(&follow(&mut whole, &server.registry).await);
        for (at, revision) in whole.iter().enumerate() {
            if *revision == server.registry.revision().get() {
                break;
            }
            let mut rest = watch(&server, auditor.clone(), after(*revision)).await;
            let rest = revisions(&follow(&mut rest, &server.registry).await);
            assert_eq!(rest, whole[at + 1..]);
        }
        drop(cast);
        server.stop().await;
        // Nothing is in memory any more: the log is read.
        let server = Server::start(&url).await;
        let mut again = watch(&server, auditor.clone(), from(Start::Beginning)).await;
        assert_eq!(revisions(&follow(&mut again, &server.registry).await), whole);
        let beyond = after(server.registry.revision().get() + 1);
        let mut client = ChangeServiceClient::new(server.intercepted(auditor));
        let mut beyond = Request::new(beyond);
        beyond.set_timeout(Duration::from_secs(2));
        let refused = client.watch_changes(beyond).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        server.stop().await;
    }

    async fn a_watch_of_nothing_that_can_be_is_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        cast.draft("ndp-001", "hidden").await;
        let mut client = ChangeServiceClient::new(server.intercepted(As::default()));
        let mut refused = async |resources: &[&str], agency: &str| {
            let request = pb::WatchChangesRequest {
                resources: resources.iter().map(|&it| it.into()).collect(),
                agency: agency.into(),
                ..from(Start::Now)
            };
            client.watch_changes(request).await.err()
        };
        let status = refused(&[], "agencies/khong-co").await.unwrap();
        assert_eq!(reason(&status), "RESOURCE_NOT_FOUND");
        assert_eq!(status.message(), "agency `agencies/khong-co` was not found");
        let status = refused(&[], "khong-co").await.unwrap();
        assert_eq!(violations(&status), "agency PATTERN");
        for wrong in [
            "platform/ndp-001",
            "ndp-001",
            "platforms",
            "platforms/",
            "platforms/NDP",
            "platforms/*",
            "plans/a",
            "platforms/-/milestones/-",
            "editions/-/platforms/-",
            "platforms/-/plans/-/milestones/-/x/-",
        ] {
            let status = refused(&["platforms/-", wrong], "").await.unwrap();
            assert_eq!(violations(&status), "resources[1] PATTERN", "{wrong}");
            assert!(status.message().contains("platforms/{id}"), "{}", status.message());
        }
        // what is hidden and what is not there are watched alike
        let mut names = vec!["platforms/ndp-001/plans/hidden", "platforms/ndp-001/plans/none"];
        // and so is any kind, by a name with `-` for each id
        let all = Kind::ALL.map(|kind| {
            let form = on_kind!(kind, T => <<T as Record>::Name as ResourceName>::FORM).split('/');
            let parts = form.map(|part| if part.starts_with('{') { "-" } else { part });
            parts.collect::<Vec<_>>().join("/")
        });
        names.extend(all.iter().map(String::as_str));
        let refused = refused(&names, &format!("agencies/{AGENCY}")).await;
        assert!(refused.is_none(), "the pattern of `resources` leaves a kind out: {refused:?}");
        server.stop().await;
    }

    /// Whether a hidden plan exists, and how often it was changed, shows in no page.
    async fn changes_of_a_hidden_resource_read_like_those_of_a_missing_one(engine: Engine) {
        // more than one call looks at of the whole log
        const CHANGES: usize = 5_100;
        let server = Server::start(&engine.url()).await;
        let name = PlanName::parse(&format!("{PLATFORM}/plans/hidden")).unwrap();
        server.as_system(making(Some("hidden")).command).await;
        for batch in (0..CHANGES).collect::<Vec<_>>().chunks(500) {
            let mut writing = JoinSet::new();
            for number in batch {
                let request = rules::Request {
                    command: Box::new(UpdatePlan {
                        name: name.clone(),
                        fields: PlanFields {
                            display_name: format!("Kế hoạch thử {number} (synthetic)"),
                            ..PlanFields::default()
                        },
                        mask: vec!["display_name".to_owned()],
                        etag: None,
                    }),
                    request_id: None,
                    reason: String::new(),
                };
                let registry = server.registry.clone();
                let caller = Caller::System { actor: None };
                writing.spawn(async move { registry.submit(caller, request).await });
            }
            while let Some(written) = writing.join_next().await {
                written.unwrap().unwrap();
            }
        }
        let mut client = ChangeServiceClient::new(server.intercepted(As::default()));
        for order_by in ["revision", "revision desc"] {
            for missing in ["hidden", "missing"] {
                let request = pb::ListChangesRequest {
                    order_by: order_by.into(),
                    filter: format!("resources:\"{PLATFORM}/plans/{missing}\""),
                    ..Default::default()
                };
                let page = client.list_changes(request).await.unwrap().into_inner();
                let seen = (page.changes.len(), page.next_page_token.is_empty());
                assert_eq!(seen, (0, true), "{missing}, {order_by}");
            }
        }
        // those who may see it read its changes
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let mut client = ChangeServiceClient::new(server.intercepted(auditor));
        let request = pb::ListChangesRequest {
            page_size: 3,
            filter: format!("resources:\"{name}\""),
            ..Default::default()
        };
        let page = client.list_changes(request).await.unwrap().into_inner();
        assert_eq!((page.changes.len(), page.next_page_token.is_empty()), (3, false));
        server.stop().await;
    }

    async fn a_snapshot_is_everything_as_it_is_then_what_follows(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        cast.draft("ndp-001", "hidden").await;
        let request = pb::WatchChangesRequest {
            resources: vec!["platforms/-".into(), "platforms/-/plans/-".into()],
            ..from(Start::Snapshot)
        };
        let mut anonymous = watch(&server, As::default(), request).await;
        let mut records = Vec::new();
        loop {
            let Some(Event::Snapshot(part)) = next(&mut anonymous).await.event else {
                panic!("something before the snapshot is complete")
            };
            records.extend(part.records);
            if part.complete {
                break;
            }
        }
        assert_eq!(records.len(), 84);
        let plan = cast.plan_in("ndp-002", "seen", PlanState::Issued).await;
        let change = next_change(&mut anonymous).await;
        assert_eq!(change.effects[0].resource, plan["name"].as_str().unwrap());
        server.stop().await;
    }

    async fn what_leaves_a_callers_sight_arrives_as_a_removal(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let own = server.person("own", &[Role::AgencyEditor], Some(AGENCY)).await;
        let draft = cast.draft("ndp-001", "draft").await;
        let request = pb::WatchChangesRequest {
            agency: format!("agencies/{AGENCY}"),
            ..from(Start::Now)
        };
        let mut watched = watch(&server, own, request).await;
        let platform = json!({
            "name": "platforms/ndp-001",
            "governance": [{"agency": format!("agencies/{OTHER_AGENCY}")}],
        });
        cast.steward.ok("UpdatePlatform", json!({"platform": platform})).await;
        let change = next_change(&mut watched).await;
        let of_draft = change
            .effects
            .iter()
            .find(|effect| effect.resource == draft["name"].as_str().unwrap())
            .unwrap();
        assert_eq!(of_draft.kind(), EffectKind::Removed);
        assert!(of_draft.new_record.is_none());
        server.stop().await;
    }

    async fn a_watch_ends_with_its_key_and_with_the_server(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let mut of_key = watch(&server, auditor, from(Start::Now)).await;
        let mut anonymous = watch(&server, As::default(), from(Start::Now)).await;
        assert!(matches!(next(&mut anonymous).await.event, Some(Event::Heartbeat(_))));
        let key: ApiKeyName =
            server.registry.read().state.api_keys().keys().next().unwrap().clone();
        server.as_system(Box::new(RevokeApiKey { name: key })).await;
        assert_eq!(end(&mut of_key).await.code(), Code::Unauthenticated);
        let stopped = tokio::spawn(server.stop());
        assert_eq!(end(&mut anonymous).await.code(), Code::Unavailable);
        stopped.await.unwrap();
    }

    async fn one_change_is_read_with_what_was_before(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let steward_raw = server.raw(steward.clone());
        let name = |name: &str| json!({"platform": {"name": "platforms/ndp-001",
            "display_name": name}, "reason": "thử nghiệm"});
        steward_raw.ok("UpdatePlatform", name("Tên thử nghiệm một")).await;
        let two = steward_raw.ok("UpdatePlatform", name("Tên thử nghiệm hai")).await;
        let change = format!("changes/{}", two["revision"]);
        let mut client = ChangeServiceClient::new(server.intercepted(steward));
        let request = pb::GetChangeRequest { name: change };
        let change = client.get_change(request).await.unwrap().into_inner();
        assert_eq!(change.reason, "thử nghiệm");
        let display_name = |record: &Option<pb::Record>| match record.as_ref()?.record.as_ref()? {
            pb::record::Record::Platform(platform) => Some(platform.display_name.clone()),
            _ => None,
        };
        let effect = &change.effects[0];
        assert_eq!(display_name(&effect.old_record).unwrap(), "Tên thử nghiệm một");
        assert_eq!(display_name(&effect.new_record).unwrap(), "Tên thử nghiệm hai");
        for missing in ["changes/0", "changes/999999"] {
            let request = pb::GetChangeRequest { name: missing.into() };
            assert_eq!(client.get_change(request).await.unwrap_err().code(), Code::NotFound);
        }
        server.stop().await;
    }

    async fn every_answer_of_the_past_is_the_one_given_then(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let cast = Cast::new(&server).await;
        let mut auditor = server.clients(server.person("auditor", &[Role::Auditor], None).await);
        let mut given = Vec::new();
        let mut ask = async |at: i64| {
            let list = pb::ListPlansRequest {
                parent: "platforms/-".into(),
                read_revision: at,
                view: pb::PlanView::Full.into(),
                ..Default::default()
            };
            let plans = auditor.plans.list_plans(list).await.unwrap();
            let summary = pb::ComputeSummaryRequest { read_revision: at, ..Default::default() };
            let summary = auditor.monitoring.compute_summary(summary).await.unwrap();
            let (one, other) = (revision_in(&plans), revision_in(&summary));
            assert_eq!(one, other);
            (one, plans.into_inner(), summary.into_inner())
        };
        for (platform, state) in [
            ("ndp-001", PlanState::Submitted),
            ("ndp-002", PlanState::Issued),
            ("ndp-002", PlanState::Issued),
            ("ndp-003", PlanState::Annulled),
        ] {
            let id = format!("plan-{}", given.len());
            cast.plan_in(platform, &id, state).await;
            given.push(ask(0).await);
        }
        for (revision, plans, summary) in &given {
            let again = ask(*revision).await;
            assert_eq!(again, (*revision, plans.clone(), summary.clone()));
        }
        server.stop().await;
    }

    async fn a_walk_at_one_revision_is_exact_while_others_write(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let mut anonymous = server.anonymous();
        let at = server.registry.revision().get();
        let mut walked = Vec::new();
        let mut page_token = String::new();
        for round in 0.. {
            let request = pb::ListPlatformsRequest {
                page_size: 10,
                page_token,
                order_by: "display_name desc".into(),
                read_revision: at,
                ..Default::default()
            };
            let page = anonymous.catalogue.list_platforms(request).await.unwrap().into_inner();
            walked.extend(page.platforms.into_iter().map(|it| (it.name, it.display_name)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            let name = PlatformName::from_id(&format!("ndp-{:03}", 1 + round * 7 % 84)).unwrap();
            let platform = json!({"name": name.as_str(), "display_name": format!("Ư {round}")});
            steward.ok("UpdatePlatform", json!({"platform": platform})).await;
            steward.ok("CreatePlatform", json!({"platform": {
                "display_name": format!("A thử nghiệm {round}"), "verification": "VERIFIED",
            }})).await;
        }
        assert_eq!(walked.len(), 84);
        assert!(walked.iter().all(|(_, name)| !name.starts_with("Ư ") && !name.starts_with("A ")));
        server.stop().await;
    }

    async fn a_log_shorter_than_what_was_served_is_never_taken_for_its_end(engine: Engine) {
        let url = engine.url();
        let following = Following { bytes_max: 1, ..Following::default() };
        let server = Server::start_following(&url, &[OPENING_EDITION], following).await;
        let cast = Cast::new(&server).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        cast.plan_in("ndp-001", "a", PlanState::Issued).await;
        let newest = server.registry.revision().get();
        // behind the registry's back, and behind the head, which alone is looked at
        let mut sql = Sql::connect(&url).await;
        let lost = newest - 2;
        for table in ["effects", "changes"] {
            sql.run(&format!("DELETE FROM {table} WHERE revision > {lost}")).await;
        }
        let mut watched = watch(&server, auditor.clone(), after(lost)).await;
        let status = end(&mut watched).await;
        assert_eq!((status.code(), &*reason(&status)), (Code::Unavailable, "STORE_UNAVAILABLE"));
        let mut client = ChangeServiceClient::new(server.intercepted(auditor));
        let status = client.list_changes(pb::ListChangesRequest::default()).await.unwrap_err();
        assert_eq!((status.code(), &*reason(&status)), (Code::Unavailable, "STORE_UNAVAILABLE"));
        server.stop().await;
    }

    async fn a_read_of_the_past_is_made_once_whoever_gives_up(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        cast.plan_in("ndp-001", "a", PlanState::Issued).await;
        let newest = server.registry.revision().get();
        let read = |revision: i64| {
            let registry = server.registry.clone();
            let at = At::Revision(Revision::new(revision).unwrap());
            async move { registry.read_at(elsewhere(), at, BOUND).await }
        };
        // each is abandoned as soon as it has begun, and waits for the one before it
        for revision in (1..newest).cycle().take(100) {
            let begun = tokio::time::timeout(Duration::ZERO, read(revision)).await;
            drop(begun);
        }
        for revision in 1..newest {
            let (one, other) = tokio::join!(read(revision), read(revision));
            let (one, other) = (one.unwrap(), other.unwrap());
            assert!(Arc::ptr_eq(&one, &other), "made twice");
            assert_eq!(one.state.revision().get(), revision);
        }
        server.stop().await;
    }

    /// The clock of the tests stands still between two reads, so that changes are made at the very
    /// time that is read.
    async fn what_was_read_at_a_time_stays_while_others_write(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let read = async |time| {
            let read = server.registry.read_at(elsewhere(), At::Time(time), BOUND).await;
            read.unwrap().state.revision()
        };
        let mut answers = Vec::new();
        for _ in 0..12 {
            server.clock.advance(1);
            let mut writing = JoinSet::new();
            for _ in 0..4 {
                let registry = server.registry.clone();
                let caller = Caller::System { actor: None };
                writing.spawn(async move { registry.submit(caller, making(None)).await.unwrap() });
            }
            let time = server.clock.now();
            answers.push((time, read(time).await));
            writing.join_all().await;
        }
        for (time, revision) in answers {
            assert_eq!(read(time).await, revision, "at {time}");
        }
        server.stop().await;
    }

    async fn a_time_that_no_answer_can_be_given_for_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut anonymous = server.anonymous();
        let mut at = async |seconds: i64| {
            let now = server.registry.read().state.record_time().unwrap().as_micros();
            let time = prost_types::Timestamp { seconds: now / 1_000_000 + seconds, nanos: 0 };
            let request = pb::ComputeSummaryRequest { read_time: Some(time), ..Default::default() };
            anonymous.monitoring.compute_summary(request).await
        };
        assert_eq!(at(0).await.unwrap().into_inner().held_platform_count, Some(84));
        let before = at(-1).await.unwrap_err();
        assert_eq!(before.code(), Code::OutOfRange);
        assert!(before.message().contains("2026-10-01T02:00:00"), "{}", before.message());
        assert_eq!(at(1).await.unwrap_err().code(), Code::InvalidArgument);
        server.stop().await;
    }

    async fn a_read_waits_for_the_revision_it_asks_for(engine: Engine) {
        let url = engine.url();
        let one = Server::start(&url).await;
        let two = Server::start(&url).await;
        let steward = one.raw(one.person("steward", &[Role::Steward], None).await);
        let platform = json!({"display_name": "Thử nghiệm", "verification": "VERIFIED"});
        let made = steward.ok("CreatePlatform", json!({"platform": platform})).await;
        let name = made["name"].as_str().unwrap().to_owned();
        let mut on_two = two.anonymous();
        let read = |revision: &str| {
            let message = pb::GetPlatformRequest { name: name.clone(), ..Default::default() };
            let mut request = tonic::Request::new(message);
            request.metadata_mut().insert("ndp-min-revision", revision.parse().unwrap());
            request.set_timeout(BOUND);
            request
        };
        let revision = made["revision"].to_string();
        on_two.catalogue.get_platform(read(&revision)).await.unwrap();
        let mut request = read("999999");
        request.set_timeout(Duration::from_millis(200));
        let late = on_two.catalogue.get_platform(request).await.unwrap_err();
        assert!(
            matches!(late.code(), Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded),
            "{late}"
        );
        let wrong = on_two.catalogue.get_platform(read("many")).await.unwrap_err();
        assert_eq!(wrong.code(), Code::InvalidArgument);
        one.stop().await;
        two.stop().await;
    }
}
