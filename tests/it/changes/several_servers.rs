//! Several processes on one database: each serves what the others wrote within a second, and
//! ends when the database was replaced, was restored, or has a newer log format.

use std::time::Duration;

use ndp_core::{caller::Caller, records::principals::Role};
use ndp_registry::pb;
use tokio::task::JoinSet;
use tonic::Code;

use crate::{
    faults::{AGENCY, BOUND, Served, command, create, make_key, making, reason, revision_in},
    harness::{
        Engine, both,
        process::{Process, Stream},
        server::Server,
        sql::Sql,
        until,
    },
    transport::sample,
};

/// What is promised. The clock starts once the writer was answered, so a slow machine may take
/// it a little further: not a timed assertion, but the bound of a wait.
const FOLLOWED: Duration = Duration::from_secs(5);

both! {
    async fn what_one_writes_the_other_serves(engine: Engine) {
        let url = engine.url();
        let one = Server::start(&url).await;
        let two = Server::start(&url).await;
        let editor = one.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        for (n, (from, to)) in [(&one, &two), (&two, &one)].into_iter().enumerate() {
            // the key, then the plan
            let known = from.registry.revision();
            let mut revisions = to.registry.revisions();
            let reached = revisions.wait_for(|it| *it >= known);
            drop(tokio::time::timeout(FOLLOWED, reached).await.unwrap().unwrap());
            let mut writing = from.clients(editor.clone());
            let answer = writing.plans.create_plan(create(&format!("n{n}"))).await.unwrap();
            let revision = revision_in(&answer);
            let reached = revisions.wait_for(|it| it.get() >= revision);
            let reached = tokio::time::timeout(FOLLOWED, reached).await;
            drop(reached.expect("the other process does not follow").unwrap());
            let plan = answer.into_inner();
            let read = pb::GetPlanRequest { name: plan.name.clone(), ..Default::default() };
            let mut reading = to.clients(editor.clone());
            assert_eq!(reading.plans.get_plan(read).await.unwrap().into_inner(), plan);
        }
        one.stop().await;
        two.stop().await;
    }

    async fn a_request_id_is_known_to_each_server_of_its_database(engine: Engine) {
        let url = engine.url();
        let one = Server::start(&url).await;
        let editor = one.person("editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut first = one.clients(editor.clone()).plans;
        let before = create("before");
        let plan = first.create_plan(before.clone()).await.unwrap().into_inner();
        // its start is after the change
        let two = Server::start(&url).await;
        let mut second = two.clients(editor).plans;
        let lookups = || sample(&two, "ndp_writer_request_id_lookups_total").unwrap();
        until("a new id is not looked up", async || {
            let checked = pb::CreatePlanRequest { validate_only: true, ..create("none") };
            let looked_up = lookups();
            second.create_plan(checked).await.unwrap();
            lookups() == looked_up
        })
        .await;
        let looked_up = lookups();
        let revision = two.registry.revision();
        assert_eq!(second.create_plan(before.clone()).await.unwrap().into_inner(), plan);
        let other = pb::CreatePlanRequest { request_id: before.request_id, ..create("other") };
        let reused = second.create_plan(other).await.unwrap_err();
        assert_eq!(reason(&reused), "REQUEST_ID_REUSED");
        // what the other server writes while this one runs, and what this one writes itself
        let since = create("since");
        let plan = first.create_plan(since.clone()).await.unwrap().into_inner();
        let own = create("own");
        let own_plan = second.create_plan(own.clone()).await.unwrap().into_inner();
        assert_eq!(second.create_plan(since).await.unwrap().into_inner(), plan);
        assert_eq!(second.create_plan(own).await.unwrap().into_inner(), own_plan);
        assert!(lookups() >= looked_up + 4.0, "an id of the log was taken for new");
        assert_eq!(two.registry.revision().get(), revision.get() + 2);
        one.stop().await;
        two.stop().await;
    }

    async fn what_two_write_at_once_is_in_one_order(engine: Engine) {
        let url = engine.url();
        let (one, two) = (Server::start(&url).await, Server::start(&url).await);
        let before = one.registry.revision().get();
        let mut writing = JoinSet::new();
        for registry in [&one.registry, &two.registry] {
            for _ in 0..4 {
                let registry = registry.clone();
                writing.spawn(async move {
                    let mut revisions = Vec::new();
                    for _ in 0..6 {
                        let caller = Caller::System { actor: None };
                        let written = registry.submit(caller, making(None)).await.unwrap();
                        revisions.push(written.revision.get());
                    }
                    revisions
                });
            }
        }
        let each = writing.join_all().await;
        assert!(each.iter().all(|it| it.is_sorted()), "{each:?}");
        let mut all = each.concat();
        all.sort_unstable();
        assert_eq!(all, (before + 1..=before + 48).collect::<Vec<_>>());
        for server in [one, two] {
            let mut revisions = server.registry.revisions();
            let reached = revisions.wait_for(|it| it.get() == before + 48);
            drop(tokio::time::timeout(FOLLOWED, reached).await.unwrap().unwrap());
            assert_eq!(server.store.verify().await.unwrap().findings, []);
            server.stop().await;
        }
    }

    async fn a_key_of_the_command_line_works_and_stops_on_the_running_server(engine: Engine) {
        let url = engine.url();
        let server = Server::start_now(&url).await;
        let mut revisions = server.registry.revisions();
        let before = server.registry.revision().get();
        let (editor, name) = make_key(&url, "editor");
        // the principal, then its key
        let followed = revisions.wait_for(|it| it.get() == before + 2);
        drop(tokio::time::timeout(FOLLOWED, followed).await.unwrap().unwrap());
        let mut editor = server.clients(editor);
        let me = editor.access.identify_caller(pb::IdentifyCallerRequest::default()).await.unwrap();
        assert_eq!(me.into_inner().principal, "principals/editor");
        editor.plans.create_plan(create("n")).await.unwrap();

        let (code, _, said) = command(&["admin", "key", "revoke", &name], &url);
        assert_eq!(code, Some(0), "{said}");
        let followed = revisions.wait_for(|it| it.get() == before + 4);
        drop(tokio::time::timeout(FOLLOWED, followed).await.unwrap().unwrap());
        let again = editor.access.identify_caller(pb::IdentifyCallerRequest::default()).await;
        let refused = again.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(reason(&refused), "KEY_REVOKED");
        drop(editor);
        server.stop().await;
    }

    async fn two_that_seed_at_once_make_one_seed(engine: Engine) {
        let url = engine.url();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &url];
        let servers = [(); 3].map(|()| Process::start(&arguments, &[]));
        for server in &servers {
            tokio::task::block_in_place(|| server.wait_for_line("84 platforms", BOUND));
        }
        let mut sql = Sql::connect(&url).await;
        assert_eq!(sql.number("SELECT count(*) FROM changes").await, 1);
        assert_eq!(sql.number("SELECT revision FROM log_head").await, 1);
        let seeded = servers.iter().filter(|server| {
            server.printed(Stream::Stderr).contains("loaded the shipped catalogue")
        });
        assert_eq!(seeded.count(), 1);
    }

    async fn another_log_in_the_database_ends_the_process(engine: Engine) {
        let url = engine.url();
        let damages = [
            "UPDATE log_head SET log_id = '00000000-0000-4000-8000-000000000001'",
            "UPDATE log_head SET revision = 0",
        ];
        for damage in damages {
            let server = Served::start(&url).await;
            let mut sql = Sql::connect(&url).await;
            sql.run(damage).await;
            let status = tokio::task::block_in_place(|| server.process.wait(BOUND));
            assert_eq!(status.code(), Some(1));
            let said = server.process.printed(Stream::Stderr);
            let error = said.lines().find(|line| line.starts_with("error: ")).unwrap();
            assert!(error.contains("the database was replaced or restored"), "{said}");
            assert!(error.contains("start the server again"), "{said}");
        }
    }

    async fn a_log_that_a_newer_release_took_over_ends_the_process(engine: Engine) {
        let url = engine.url();
        let server = Served::start(&url).await;
        let mut sql = Sql::connect(&url).await;
        sql.run("UPDATE log_head SET format = 99").await;
        let status = tokio::task::block_in_place(|| server.process.wait(BOUND));
        assert_eq!(status.code(), Some(1));
        let said = server.process.printed(Stream::Stderr);
        assert!(said.contains("error: the log has format 99"), "{said}");
    }
}
