//! What a server loads is what the log says, after a random history.

use ndp_core::records::principals::Role;
use ndp_registry::{
    pb,
    registry::{Registry, entropy::OsEntropy},
    store::Store,
};
use rand::RngExt;

use super::{AGENCY, PLATFORM, create, rename};
use crate::harness::{
    Engine, both,
    server::{MORNING, ManualClock, Server},
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
                let text = format!("lần sửa {n} (synthetic)");
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
                        display_name: "Người thử nghiệm (synthetic)".into(),
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
        assert_eq!(server.store.verify().await.unwrap().findings, []);
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
}
