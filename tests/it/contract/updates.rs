//! Updates: what a mask writes, whose fields are whose, and what makes a write safe to repeat:
//! etags, request ids, `validate_only`.

use std::collections::BTreeMap;

use ndp_core::{
    names::Revision,
    records::{edit::Edit, platforms::PlatformFields, principals::Role},
};
use ndp_registry::pb;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{
    Engine, both,
    server::Server,
    synthetic::{self, create, fields, get, mask, reason, revision},
};

fn update_agency(agency: pb::Agency, paths: &[&str]) -> pb::UpdateAgencyRequest {
    pb::UpdateAgencyRequest {
        agency: Some(agency),
        update_mask: mask(paths),
        ..Default::default()
    }
}

fn update_edition(edition: pb::Edition, paths: &[&str]) -> pb::UpdateEditionRequest {
    pb::UpdateEditionRequest {
        edition: Some(edition),
        update_mask: mask(paths),
        ..Default::default()
    }
}

fn update(platform: pb::Platform, paths: &[&str]) -> pb::UpdatePlatformRequest {
    pb::UpdatePlatformRequest {
        platform: Some(platform),
        update_mask: mask(paths),
        ..Default::default()
    }
}

/// A platform message that names its record and nothing else.
fn named(name: &str) -> pb::Platform {
    pb::Platform {
        name: name.into(),
        ..Default::default()
    }
}

fn security(level: i32, title: &str) -> Option<pb::platform::Security> {
    let approval = pb::Document {
        title: title.into(),
        ..synthetic::decision("7/QĐ-TEST")
    };
    Some(pb::platform::Security {
        level,
        approval: Some(approval),
    })
}

both! {
    async fn a_mask_says_which_fields_of_an_agency_are_written(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let made = steward.catalogue.create_agency(pb::CreateAgencyRequest {
            agency_id: "co-quan-thu-nghiem".into(),
            agency: Some(pb::Agency {
                display_name_en: "Synthetic agency".into(),
                identification_code: "H99.1".into(),
                identification_code_note: "synthetic".into(),
                parent_agency: "agencies/bo-cong-an".into(),
                ..synthetic::agency("Cơ quan thử nghiệm")
            }),
            ..Default::default()
        }).await.unwrap().into_inner();
        let name = || pb::Agency { name: made.name.clone(), ..Default::default() };

        // no mask: what is set
        let set = pb::Agency { display_name: "Cơ quan thử nghiệm 2".into(), ..name() };
        let two = steward.catalogue.update_agency(update_agency(set, &[])).await;
        let two = two.unwrap().into_inner();
        assert_eq!(two, pb::Agency {
            display_name: "Cơ quan thử nghiệm 2".into(),
            etag: two.etag.clone(),
            revision: two.revision,
            ..made.clone()
        });
        assert!(two.revision > made.revision && two.etag != made.etag);

        // a mask: what it names, though it is empty, and nothing else, though it is set
        let cleared = pb::Agency { display_name: "không ghi".into(), ..name() };
        let paths = ["display_name_en", "identification_code", "name", "create_time", "revision"];
        let three = steward.catalogue.update_agency(update_agency(cleared, &paths)).await;
        let three = three.unwrap().into_inner();
        assert_eq!(three, pb::Agency {
            display_name_en: String::new(),
            identification_code: String::new(),
            etag: three.etag.clone(),
            revision: three.revision,
            ..two
        });

        // fields that only the server sets are ignored, with or without a mask that names them
        let own = pb::Agency {
            create_time: Some(prost_types::Timestamp { seconds: 1, nanos: 1 }),
            update_time: Some(prost_types::Timestamp { seconds: 1, nanos: 1 }),
            revision: 1,
            display_name: "Cơ quan thử nghiệm 3".into(),
            ..name()
        };
        server.clock.advance(60);
        for paths in [&[][..], &["create_time", "update_time", "revision", "display_name"]] {
            let it = steward.catalogue.update_agency(update_agency(own.clone(), paths)).await;
            let it = it.unwrap().into_inner();
            assert_eq!(it.create_time, made.create_time);
            assert!(it.revision > three.revision);
            let later = made.create_time.unwrap().seconds + 60;
            assert_eq!(it.update_time.unwrap().seconds, later);
        }

        // everything: required fields have to be there, the others are cleared
        let all = pb::Agency { display_name: "Cơ quan thử nghiệm 4".into(), ..name() };
        let error = steward.catalogue.update_agency(update_agency(all.clone(), &["*"])).await;
        assert_eq!(fields(&error.unwrap_err()), ["agency.kind REQUIRED"]);
        let all = pb::Agency { kind: pb::agency::Kind::Ministry.into(), ..all };
        let four = steward.catalogue.update_agency(update_agency(all, &["*"])).await;
        let four = four.unwrap().into_inner();
        assert_eq!((&*four.identification_code_note, &*four.parent_agency), ("", ""));
        assert_eq!(four.kind(), pb::agency::Kind::Ministry);

        // required holds after the merge
        let error = steward.catalogue.update_agency(update_agency(name(), &["display_name"])).await;
        assert_eq!(fields(&error.unwrap_err()), ["agency.display_name REQUIRED"]);
        // every unknown path is reported
        let unknown = ["nope", "successions.scope", "displayName", "display_name"];
        let error = steward.catalogue.update_agency(update_agency(name(), &unknown)).await;
        assert_eq!(fields(&error.unwrap_err()), ["update_mask UNKNOWN_PATH"; 3]);
        // nothing of the refused was written
        let got = pb::GetAgencyRequest { name: made.name.clone(), ..Default::default() };
        assert_eq!(steward.catalogue.get_agency(got).await.unwrap().into_inner(), four);
        // an agency cannot be its own parent, and names must refer to existing records
        let child = pb::Agency { parent_agency: made.name.clone(), ..name() };
        let error = steward.catalogue.update_agency(update_agency(child, &[])).await;
        assert_eq!(fields(&error.unwrap_err()), ["agency.parent_agency NOT_ALLOWED"]);
        let nowhere = pb::Agency { parent_agency: "agencies/khong-co".into(), ..name() };
        let error = steward.catalogue.update_agency(update_agency(nowhere, &[])).await;
        assert_eq!(fields(&error.unwrap_err()), ["agency.parent_agency REFERENCE_NOT_FOUND"]);
        let absent = pb::Agency { name: "agencies/khong-co".into(), ..synthetic::agency("x") };
        let error = steward.catalogue.update_agency(update_agency(absent, &[])).await;
        assert_eq!(reason(&error.unwrap_err()), "NotFound RESOURCE_NOT_FOUND");
        server.stop().await;
    }

    async fn a_path_into_an_editions_decision_leaves_the_rest_of_it(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let made = steward.catalogue.create_edition(pb::CreateEditionRequest {
            edition_id: "thu-nghiem".into(),
            edition: Some(synthetic::edition("1/QĐ-TEST")),
            ..Default::default()
        }).await.unwrap().into_inner();
        assert_eq!((made.held_platform_count, made.pinned), (0, false));

        let title = pb::Document { title: "Trích yếu thử".into(), ..Default::default() };
        let it = pb::Edition {
            name: made.name.clone(),
            decision: Some(title),
            held_platform_count: 99,
            synthetic: true,
            ..Default::default()
        };
        let paths = ["decision.title", "held_platform_count", "synthetic"];
        let request = update_edition(it.clone(), &paths);
        let titled = steward.catalogue.update_edition(request).await.unwrap().into_inner();
        let decision = pb::Document {
            title: "Trích yếu thử".into(),
            ..synthetic::decision("1/QĐ-TEST")
        };
        assert_eq!(titled, pb::Edition {
            decision: Some(decision),
            etag: titled.etag.clone(),
            revision: titled.revision,
            ..made
        });

        let request = update_edition(it.clone(), &["decision"]);
        let error = steward.catalogue.update_edition(request).await.unwrap_err();
        assert_eq!(fields(&error), ["edition.decision.symbol REQUIRED"]);
        let request = update_edition(it.clone(), &["decision.symbol"]);
        let error = steward.catalogue.update_edition(request).await.unwrap_err();
        assert_eq!(fields(&error), ["edition.decision.symbol REQUIRED"]);
        let request = update_edition(it, &["decision.nope", "groups.code"]);
        let error = steward.catalogue.update_edition(request).await.unwrap_err();
        assert_eq!(fields(&error), ["update_mask UNKNOWN_PATH"; 2]);
        server.stop().await;
    }

    async fn a_path_into_a_platforms_security_is_merged_and_its_labels_are_replaced(
        engine: Engine
    ) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|&(key, value)| (key.into(), value.into())).collect()
        };
        let made = create(&mut steward, "", pb::Platform {
            security: security(3, "Phê duyệt cấp độ"),
            labels: labels(&[("a", "1"), ("b", "2")]),
            ..synthetic::platform("Nền tảng thử nghiệm")
        }).await;
        assert_eq!(made.name, "platforms/ndp-085");

        let four = pb::platform::Security { level: 4, approval: None };
        let it = pb::Platform {
            security: Some(four),
            labels: labels(&[("c", "3")]),
            ..named(&made.name)
        };
        let request = update(it.clone(), &["security.level", "labels"]);
        let updated = steward.catalogue.update_platform(request).await.unwrap().into_inner();
        assert_eq!(updated.security, security(4, "Phê duyệt cấp độ"));
        assert_eq!(updated.labels, labels(&[("c", "3")]));

        // a level has to be one of the five, also where only the merge shows that it is not
        let request = update(named(&made.name), &["security.level"]);
        let error = steward.catalogue.update_platform(request).await.unwrap_err();
        assert_eq!(fields(&error), ["platform.security.level OUT_OF_RANGE"]);
        let request = update(it.clone(), &["labels.a", "security.approval.nope"]);
        let error = steward.catalogue.update_platform(request).await.unwrap_err();
        assert_eq!(fields(&error), ["update_mask UNKNOWN_PATH"; 2]);
        let bad = pb::Platform {
            labels: labels(&[("Not a key", "x")]),
            ..named(&made.name)
        };
        let error = steward.catalogue.update_platform(update(bad, &[])).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(get(&mut steward, &made.name).await, updated);

        // whole, and gone
        let request = update(named(&made.name), &["security", "labels"]);
        let cleared = steward.catalogue.update_platform(request).await.unwrap().into_inner();
        assert_eq!((cleared.security, cleared.labels.len()), (None, 0));
        // a path into what is not there makes it, but not half of it
        let title = pb::Platform { security: security(0, "Phê duyệt"), ..named(&made.name) };
        let request = update(title, &["security.approval.title"]);
        let error = steward.catalogue.update_platform(request).await.unwrap_err();
        assert_eq!(fields(&error), ["platform.security.level OUT_OF_RANGE"]);
        server.stop().await;
    }

    async fn nested_updates_of_many_callers_at_once_all_land(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let made = create(&mut steward, "", pb::Platform {
            security: security(3, "cũ"),
            ..synthetic::platform("Nền tảng thử nghiệm")
        }).await;
        let new = pb::Document {
            kind: pb::document::Kind::Notice.into(),
            symbol: "8/TB-TEST".into(),
            title: "mới".into(),
            issuer: "mới".into(),
            signatory: "mới".into(),
            signatory_office: "mới".into(),
            issue_date: Some(synthetic::date(2026, 1, 1)),
            effective_date: Some(synthetic::date(2026, 2, 1)),
            uri: "https://example.test/moi".into(),
            sha256: "1".repeat(64),
            size_bytes: 9,
            relations: Vec::new(),
        };
        let new = pb::platform::Security { level: 5, approval: Some(new) };
        let paths = [
            "level", "approval.kind", "approval.symbol", "approval.title", "approval.issuer",
            "approval.signatory", "approval.signatory_office", "approval.issue_date",
            "approval.effective_date", "approval.uri", "approval.sha256", "approval.size_bytes",
        ];
        let mut writing = tokio::task::JoinSet::new();
        for path in paths {
            let mut steward = steward.clone();
            let it = pb::Platform { security: Some(new.clone()), ..named(&made.name) };
            writing.spawn(async move {
                let request = update(it, &[&format!("security.{path}")]);
                steward.catalogue.update_platform(request).await.unwrap();
            });
        }
        writing.join_all().await;
        let got = get(&mut steward, &made.name).await;
        assert_eq!(got.security, Some(new));
        assert_eq!(got.revision, made.revision + paths.len() as i64);
        server.stop().await;
    }

    async fn an_etag_that_is_not_current_is_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let read = get(&mut steward, "platforms/ndp-001").await;
        let label = |value: &str, etag: &str| pb::Platform {
            labels: [("thu".to_owned(), value.to_owned())].into(),
            etag: etag.into(),
            ..named("platforms/ndp-001")
        };
        let mine = steward.catalogue.update_platform(update(label("1", &read.etag), &[])).await;
        let mine = mine.unwrap().into_inner();
        for paths in [&[][..], &["labels"], &["*"]] {
            let late = pb::Platform { labels: label("2", "").labels, ..read.clone() };
            let error = steward.catalogue.update_platform(update(late, paths)).await.unwrap_err();
            assert_eq!(reason(&error), "Aborted ETAG_NOT_CURRENT");
            let details = error.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!(info.metadata["etag"], mine.etag);
            assert_eq!(info.metadata["resource"], "platforms/ndp-001");
            let failed = &details.precondition_failure().unwrap().violations[0];
            assert_eq!((&*failed.r#type, &*failed.subject), ("ETAG_NOT_CURRENT", &*mine.name));
        }
        assert_eq!(get(&mut steward, "platforms/ndp-001").await, mine);
        // a nested merge is not tried again over an etag
        let mut nested = named("platforms/ndp-001");
        nested.etag = read.etag;
        let request = update(nested, &["security.approval"]);
        let error = steward.catalogue.update_platform(request).await.unwrap_err();
        assert_eq!(reason(&error), "Aborted ETAG_NOT_CURRENT");

        let got = pb::GetEditionRequest {
            name: "editions/2618-qd-bkhcn".into(),
            ..Default::default()
        };
        let edition = steward.catalogue.get_edition(got).await.unwrap().into_inner();
        let late = pb::Edition { etag: "r0".into(), ..edition };
        let error = steward.catalogue.update_edition(update_edition(late, &["note"])).await;
        assert_eq!(reason(&error.unwrap_err()), "Aborted ETAG_NOT_CURRENT");
        let late = pb::Agency {
            name: "agencies/bo-cong-an".into(),
            etag: "r0".into(),
            ..synthetic::agency("x")
        };
        let error = steward.catalogue.update_agency(update_agency(late, &[])).await;
        assert_eq!(reason(&error.unwrap_err()), "Aborted ETAG_NOT_CURRENT");
        server.stop().await;
    }

    async fn validate_only_answers_what_would_be_and_writes_nothing(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let before = server.registry.revision();
        let id = uuid::Uuid::new_v4().to_string();
        let asked = pb::CreatePlatformRequest {
            platform: Some(synthetic::platform("Nền tảng thử nghiệm")),
            request_id: id.clone(),
            validate_only: true,
            ..Default::default()
        };
        let answer = steward.catalogue.create_platform(asked.clone()).await.unwrap();
        assert_eq!(revision(answer.metadata()), before.get());
        let would_be = answer.into_inner();
        assert_eq!(would_be.name, "platforms/ndp-085");
        assert_eq!(would_be.state(), pb::platform::State::Active);
        let get = pb::GetPlatformRequest { name: would_be.name.clone(), ..Default::default() };
        let error = steward.catalogue.get_platform(get).await.unwrap_err();
        assert_eq!(reason(&error), "NotFound RESOURCE_NOT_FOUND");

        // the same refusals, and the request id is still free
        let wrong = pb::CreatePlatformRequest {
            platform: Some(pb::Platform::default()),
            ..asked.clone()
        };
        let error = steward.catalogue.create_platform(wrong).await.unwrap_err();
        assert_eq!(fields(&error), ["platform.verification REQUIRED"]);
        let error = server.anonymous().catalogue.create_platform(asked.clone()).await;
        assert_eq!(reason(&error.unwrap_err()), "Unauthenticated CREDENTIALS_MISSING");
        let mut editor = synthetic::editor(&server, "editor", "bo-cong-an").await;
        let error = editor.catalogue.create_platform(asked.clone()).await.unwrap_err();
        assert_eq!(reason(&error), "PermissionDenied PERMISSION_DENIED");
        let before = server.registry.revision();

        let label = pb::Platform {
            labels: [("thu".to_owned(), "1".to_owned())].into(),
            ..named("platforms/ndp-001")
        };
        let request = pb::UpdatePlatformRequest { validate_only: true, ..update(label, &[]) };
        let answer = steward.catalogue.update_platform(request).await.unwrap().into_inner();
        assert_eq!(answer.labels["thu"], "1");
        let retirement = pb::RetirePlatformRequest {
            name: "platforms/ndp-001".into(),
            etag: synthetic::get(&mut steward, "platforms/ndp-001").await.etag,
            exit: Some(pb::platform::Exit {
                reason: "thử nghiệm".into(),
                outcome: pb::platform::exit::Outcome::Delisted.into(),
                decision: Some(synthetic::decision("2/QĐ-TEST")),
                ..Default::default()
            }),
            validate_only: true,
            ..Default::default()
        };
        steward.catalogue.retire_platform(retirement).await.unwrap();
        let edition = pb::CreateEditionRequest {
            edition_id: "thu".into(),
            edition: Some(synthetic::edition("1/QĐ-TEST")),
            validate_only: true,
            ..Default::default()
        };
        steward.catalogue.create_edition(edition).await.unwrap();
        assert_eq!(server.registry.revision(), before);

        let written = pb::CreatePlatformRequest { validate_only: false, ..asked };
        let written = steward.catalogue.create_platform(written).await.unwrap();
        assert_eq!(revision(written.metadata()), before.next().get());
        let written = written.into_inner();
        assert!(!written.etag.is_empty());
        assert_eq!(written, pb::Platform {
            revision: before.next().get(),
            etag: written.etag.clone(),
            ..would_be
        });
        server.stop().await;
    }

    async fn a_replay_answers_the_image_then_written_also_after_a_restart(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = server.person("steward", &[Role::Steward], None).await;
        let mut steward = server.clients(caller.clone());
        let mut other = synthetic::steward(&server, "other").await;
        let id = || uuid::Uuid::new_v4().to_string();
        let creation = pb::CreatePlatformRequest {
            platform: Some(pb::Platform {
                security: security(2, "cũ"),
                ..synthetic::platform("Nền tảng thử nghiệm")
            }),
            request_id: id(),
            reason: "lý do thử nghiệm".into(),
            ..Default::default()
        };
        let created = steward.catalogue.create_platform(creation.clone()).await.unwrap();
        let created = created.into_inner();
        let level = pb::Platform { security: security(4, ""), ..named(&created.name) };
        let nesting = pb::UpdatePlatformRequest {
            request_id: id(),
            ..update(level, &["security.level"])
        };
        let nested = steward.catalogue.update_platform(nesting.clone()).await.unwrap();
        let nested = nested.into_inner();
        let making = pb::CreateAgencyRequest {
            agency_id: "thu".into(),
            agency: Some(synthetic::agency("Cơ quan thử nghiệm")),
            request_id: id(),
            ..Default::default()
        };
        let made = steward.catalogue.create_agency(making.clone()).await.unwrap().into_inner();
        let issuing = pb::CreateEditionRequest {
            edition_id: "thu".into(),
            edition: Some(synthetic::edition("1/QĐ-TEST")),
            request_id: id(),
            ..Default::default()
        };
        let issued = steward.catalogue.create_edition(issuing.clone()).await.unwrap().into_inner();
        // later changes of all of them
        let later = pb::Platform {
            display_name: "Tên sau".into(),
            security: security(5, "mới"),
            ..named(&created.name)
        };
        steward.catalogue.update_platform(update(later, &[])).await.unwrap();
        let later = pb::Agency { name: made.name.clone(), ..synthetic::agency("Tên sau") };
        steward.catalogue.update_agency(update_agency(later, &[])).await.unwrap();

        let mut server = server;
        for restarted in [false, true] {
            if restarted {
                drop((steward, other));
                server.stop().await;
                server = Server::start(&engine.url()).await;
                steward = server.clients(caller.clone());
                other = synthetic::steward(&server, "another").await;
            }
            let before = server.registry.revision();
            let again = steward.catalogue.create_platform(creation.clone()).await.unwrap();
            assert!(revision(again.metadata()) >= created.revision);
            assert_eq!(again.into_inner(), created);
            let again = steward.catalogue.update_platform(nesting.clone()).await.unwrap();
            assert_eq!(again.into_inner(), nested);
            let again = steward.catalogue.create_agency(making.clone()).await.unwrap();
            assert_eq!(again.into_inner(), made);
            let again = steward.catalogue.create_edition(issuing.clone()).await.unwrap();
            assert_eq!(again.into_inner(), issued);
            assert_eq!(server.registry.revision(), before, "a replay writes nothing");

            // another body or another method under the same id
            let body = pb::CreatePlatformRequest { reason: "khác".into(), ..creation.clone() };
            let error = steward.catalogue.create_platform(body).await.unwrap_err();
            assert_eq!(reason(&error), "InvalidArgument REQUEST_ID_REUSED");
            assert_eq!(fields(&error), ["request_id REQUEST_ID_REUSED"]);
            let method = pb::CreateAgencyRequest {
                request_id: creation.request_id.clone(),
                ..making.clone()
            };
            let error = steward.catalogue.create_agency(method).await.unwrap_err();
            assert_eq!(fields(&error), ["request_id REQUEST_ID_REUSED"]);
            // another principal's ids are its own
            let own = pb::CreatePlatformRequest {
                platform: Some(synthetic::platform("Nền tảng của người khác (synthetic)")),
                ..creation.clone()
            };
            let own = other.catalogue.create_platform(own).await.unwrap().into_inner();
            assert_ne!(own.name, created.name);
        }
        // a refusal is not kept: the id may be used for what is right
        let refused = pb::CreatePlatformRequest {
            platform: Some(pb::Platform::default()),
            request_id: id(),
            ..Default::default()
        };
        steward.catalogue.create_platform(refused.clone()).await.unwrap_err();
        let mended = pb::CreatePlatformRequest {
            platform: Some(synthetic::platform("Nền tảng thử nghiệm")),
            ..refused
        };
        steward.catalogue.create_platform(mended).await.unwrap();
        let malformed = pb::CreatePlatformRequest { request_id: "1".into(), ..creation.clone() };
        let error = steward.catalogue.create_platform(malformed).await.unwrap_err();
        assert!(fields(&error)[0].starts_with("request_id "), "{error:?}");

        // the reason is in the log
        let after = Revision::new(created.revision - 1).unwrap();
        let change = server.store.changes_after(after, 1).await.unwrap().remove(0).change;
        assert_eq!((&*change.reason, &*change.method), ("lý do thử nghiệm", "CreatePlatform"));
        server.stop().await;
    }

    async fn each_field_of_a_platform_is_the_stewards_or_its_agencys(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let mut editor = synthetic::editor(&server, "editor", "bo-cong-an").await;
        let mut stranger = synthetic::editor(&server, "stranger", "bo-tai-chinh").await;
        let full = pb::Platform {
            name: String::new(),
            display_name: "Tên mới".into(),
            display_name_en: "Synthetic name".into(),
            governance: vec![synthetic::governance("bo-cong-an", None)],
            operating_unit: "Đơn vị thử".into(),
            coordinating_agencies: vec!["agencies/bo-y-te".into()],
            classification: pb::platform::Classification::Sector.into(),
            deployment_levels: vec![pb::platform::DeploymentLevel::Central.into()],
            listings: vec![synthetic::listing("editions/2618-qd-bkhcn", "Tên khác (synthetic)")],
            operation_stages: vec![pb::platform::OperationStage {
                stage: pb::platform::operation_stage::Stage::Pilot.into(),
                ..Default::default()
            }],
            security: security(3, "thử"),
            data_sharing_channels: vec![pb::platform::DataSharingChannel::Ndop.into()],
            links: vec![pb::platform::Link {
                uri: "https://example.test/".into(),
                title: "thử".into(),
            }],
            verification: pb::platform::Verification::Verified.into(),
            sources: vec![pb::Source { uri: String::new(), note: "thử nghiệm".into() }],
            labels: [("thu".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        };
        let agencys = [
            "operating_unit", "deployment_levels", "operation_stages", "security",
            "data_sharing_channels", "links",
        ];
        // delegations are written by other roles: see people.rs
        let fields_of_both = PlatformFields::PARTS.iter().map(|part| part.name);
        for field in fields_of_both.filter(|field| *field != "delegations") {
            let governed = pb::Platform { name: "platforms/ndp-001".into(), ..full.clone() };
            let governed = || update(governed.clone(), &[field]);
            // an editor of another agency and an anonymous caller may write no field
            let error = stranger.catalogue.update_platform(governed()).await;
            assert_eq!(error.unwrap_err().code(), Code::PermissionDenied, "{field}");
            let error = server.anonymous().catalogue.update_platform(governed()).await;
            assert_eq!(error.unwrap_err().code(), Code::Unauthenticated, "{field}");
            let (keeper, refused) = if agencys.contains(&field) {
                (&mut editor, &mut steward)
            } else {
                (&mut steward, &mut editor)
            };
            {
                let error = refused.catalogue.update_platform(governed()).await.unwrap_err();
                assert_eq!(reason(&error), "PermissionDenied PERMISSION_DENIED", "{field}");
                assert!(error.message().contains(&format!("`{field}`")), "{error:?}");
            }
            let written = keeper.catalogue.update_platform(governed()).await;
            written.unwrap_or_else(|error| panic!("{field}: {error:?}"));

            // where no agency is known, the steward keeps everything
            let alone = pb::Platform { name: "platforms/ndp-019".into(), ..full.clone() };
            if field == "governance" {
                continue;
            }
            let error = editor.catalogue.update_platform(update(alone.clone(), &[field])).await;
            assert_eq!(error.unwrap_err().code(), Code::PermissionDenied, "{field}");
            steward.catalogue.update_platform(update(alone, &[field])).await.unwrap();
        }
        // half of a request is not written
        let both = pb::Platform {
            name: "platforms/ndp-001".into(),
            operating_unit: "Đơn vị khác".into(),
            display_name: "Tên khác".into(),
            ..Default::default()
        };
        let before = get(&mut editor, "platforms/ndp-001").await;
        for caller in [&mut editor, &mut steward] {
            let error = caller.catalogue.update_platform(update(both.clone(), &[])).await;
            assert_eq!(error.unwrap_err().code(), Code::PermissionDenied);
        }
        assert_eq!(get(&mut editor, "platforms/ndp-001").await, before);
        server.stop().await;
    }

    async fn plans_and_proposals_go_with_their_platform_to_its_new_agency(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut steward = synthetic::steward(&server, "steward").await;
        let mut old = synthetic::editor(&server, "old", "bo-cong-an").await;
        let mut new = synthetic::editor(&server, "new", "bo-tai-chinh").await;
        let plan = old.plans.create_plan(pb::CreatePlanRequest {
            parent: "platforms/ndp-001".into(),
            plan: Some(pb::Plan { display_name: "Kế hoạch thử".into(), ..Default::default() }),
            ..Default::default()
        }).await.unwrap().into_inner();
        let seen = pb::GetPlanRequest { name: plan.name.clone(), ..Default::default() };
        assert_eq!(new.plans.get_plan(seen.clone()).await.unwrap_err().code(), Code::NotFound);

        let orphan = update(named("platforms/ndp-001"), &["governance"]);
        let error = steward.catalogue.update_platform(orphan).await.unwrap_err();
        assert_eq!(reason(&error), "FailedPrecondition PLATFORM_HAS_PLANS");

        let mut governance = get(&mut old, "platforms/ndp-001").await.governance;
        let today = Some(synthetic::date(2026, 10, 1));
        governance.push(synthetic::governance("bo-tai-chinh", today));
        let transfer = pb::Platform { governance, ..named("platforms/ndp-001") };
        let moved = steward.catalogue.update_platform(update(transfer, &[])).await.unwrap();
        let at = revision(moved.metadata());
        let moved = moved.into_inner();
        assert_eq!(moved.governing_agency, "agencies/bo-tai-chinh");
        let entries = moved.governance.iter();
        let entries: Vec<_> = entries.map(|it| (&*it.agency, it.start_date)).collect();
        assert_eq!(entries, [
            ("agencies/bo-cong-an", Some(synthetic::date(2025, 6, 29))),
            ("agencies/bo-tai-chinh", today),
        ]);
        assert_eq!(old.plans.get_plan(seen.clone()).await.unwrap_err().code(), Code::NotFound);
        let its = new.plans.get_plan(seen).await.unwrap().into_inner();
        assert_eq!((&*its.agency, its.revision), ("agencies/bo-tai-chinh", at));

        let unit = pb::Platform {
            operating_unit: "Đơn vị thử".into(),
            ..named("platforms/ndp-001")
        };
        let error = old.catalogue.update_platform(update(unit.clone(), &[])).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
        new.catalogue.update_platform(update(unit, &[])).await.unwrap();
        server.stop().await;
    }
}
