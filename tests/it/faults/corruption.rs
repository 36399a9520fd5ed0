//! `check`: reports ok for what the registry wrote, and finds what others changed in the database.

use ndp_core::records::principals::Role;
use ndp_registry::{
    pb,
    registry::{Registry, check::check, entropy::OsEntropy},
    store::Store,
};
use rand::RngExt;

use super::{AGENCY, PLATFORM, command, create, rename};
use crate::harness::{
    Engine, both,
    server::{MORNING, ManualClock, Server},
    sql::Sql,
};

/// Writes a random history; some of its calls are refused.
async fn live_a_little(server: &Server) {
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let admin = server.person("admin", &[Role::Admin], None).await;
    let mut editor = server.clients(editor);
    let mut admin = server.clients(admin);
    for n in 0..120 {
        let id = format!("p{}", rand::rng().random_range(0..12));
        let name = format!("{PLATFORM}/plans/{id}");
        match rand::rng().random_range(0..5) {
            0 => drop(editor.plans.create_plan(create(&id)).await),
            1 | 2 => {
                let text = format!("lần sửa {n} (made up)");
                drop(editor.plans.update_plan(rename(&id, text)).await);
            }
            3 => {
                let read = pb::GetPlanRequest {
                    name: name.clone(),
                    ..Default::default()
                };
                if let Ok(plan) = editor.plans.get_plan(read).await {
                    let submit = pb::SubmitPlanRequest {
                        name,
                        etag: plan.into_inner().etag,
                        ..Default::default()
                    };
                    drop(editor.plans.submit_plan(submit).await);
                }
            }
            _ => {
                let principal = pb::CreatePrincipalRequest {
                    principal_id: id,
                    principal: Some(pb::Principal {
                        display_name: "Người thử nghiệm (made up)".into(),
                        kind: pb::principal::Kind::Person.into(),
                        roles: vec![pb::Role::Auditor.into()],
                        ..Default::default()
                    }),
                    ..Default::default()
                };
                drop(admin.access.create_principal(principal).await);
            }
        }
    }
    editor.plans.create_plan(create("last")).await.unwrap();
}

both! {
    async fn what_is_loaded_is_what_the_log_says(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        live_a_little(&server).await;
        let lived = server.registry.read();
        assert!(lived.state.revision().get() > 20, "{}", lived.state.revision());
        assert_eq!(check(&server.store).await.unwrap().findings, [""; 0]);
        server.stop().await;

        let store = Store::open(&url, uuid::Uuid::new_v4()).await.unwrap();
        let clock = ManualClock::at(MORNING);
        let started = Registry::start(store.clone(), clock, Box::new(OsEntropy)).await;
        let (registry, writer) = started.unwrap();
        let loaded = registry.read();
        assert_eq!(loaded.state.revision(), lived.state.revision());
        assert_eq!(loaded.state.plans(), lived.state.plans());
        assert_eq!(loaded.state.platforms(), lived.state.platforms());
        assert_eq!(loaded.state.principals(), lived.state.principals());
        assert_eq!(loaded.state.api_keys(), lived.state.api_keys());
        drop((registry, loaded));
        writer.await.unwrap().unwrap();
        store.close().await;
    }

    async fn planted_corruption_is_found(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        live_a_little(&server).await;
        server.stop().await;
        let (code, said, _) = command(&["check"], &url);
        assert_eq!((code, said.starts_with("ok: ")), (Some(0), true), "{said}");

        let last = format!("resource = '{PLATFORM}/plans/last'");
        let row = format!("name = '{PLATFORM}/plans/last'");
        let image = "image = replace(image, 'Kế hoạch', 'Kế hoach')";
        let back = "image = replace(image, 'Kế hoach', 'Kế hoạch')";
        let dangling = format!("image = replace(image, 'agencies/{AGENCY}', 'agencies/khong-co')");
        let mended = format!("image = replace(image, 'agencies/khong-co', 'agencies/{AGENCY}')");
        let plan = format!("`{PLATFORM}/plans/last`");
        // what is done, how it is undone, what is said of it
        let planted = [
            (
                format!("UPDATE effects SET {image} WHERE {last}"),
                format!("UPDATE effects SET {back} WHERE {last}"),
                "the image is not the one its digest was made of",
            ),
            (
                format!("UPDATE records SET {image} WHERE {row}"),
                format!("UPDATE records SET {back} WHERE {row}"),
                "differs between the log and its table",
            ),
            (
                format!("UPDATE records SET {dangling} WHERE {row}"),
                format!("UPDATE records SET {mended} WHERE {row}"),
                "names `agencies/khong-co`, which does not exist",
            ),
            (
                format!("UPDATE effects SET revision = 1, ordinal = 9999 WHERE {last}"),
                format!(
                    "UPDATE effects SET ordinal = 0, revision =
                     (SELECT max(revision) FROM changes) WHERE {last}"
                ),
                "effect",
            ),
            (
                format!("DELETE FROM effects WHERE {last}"),
                String::new(),
                "is in its table, but not in the log",
            ),
        ];
        let mut sql = Sql::connect(&url).await;
        for (damage, mend, finding) in planted {
            sql.run(&damage).await;
            let (code, said, errors) = command(&["check"], &url);
            assert_eq!(code, Some(65), "{damage}\n{said}{errors}");
            assert!(said.starts_with("NOT OK: revision "), "{said}");
            assert!(said.contains(finding) && said.contains(&plan), "{damage}\n{said}");
            if !mend.is_empty() {
                sql.run(&mend).await;
            }
        }
    }
}
