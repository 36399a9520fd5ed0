//! Positions of the log: a database that was restored, replaced or failed over is never taken for
//! the one that was served; what is backed up comes back as a log of its own.

use std::{fs, time::Duration};

use ndp_registry::pb::{
    self, change_service_client::ChangeServiceClient, watch_changes_request::Start,
};
use tonic::{Code, Request, Response, Status, metadata::AsciiMetadataValue};

use crate::{
    faults::{AGENCY, BOUND, Served, command, create, make_key, reason, rename, revision_in},
    harness::{
        Engine, both,
        process::{Signal, Stream},
        server::{As, Clients, Server},
        sql::Sql,
    },
};

type Watch = tonic::Streaming<pb::WatchChangesResponse>;

async fn plan(clients: &mut Clients, id: &str) -> pb::Plan {
    clients
        .plans
        .create_plan(create(id))
        .await
        .unwrap()
        .into_inner()
}

/// What an answer says of its point of the log.
async fn position(clients: &mut Clients) -> String {
    let answer = clients
        .access
        .identify_caller(pb::IdentifyCallerRequest::default())
        .await
        .unwrap();
    let position = answer
        .metadata()
        .get("ndp-position")
        .unwrap()
        .to_str()
        .unwrap();
    let revision = format!("{}-", revision_in(&answer));
    assert!(position.starts_with(&revision), "{position}");
    position.to_owned()
}

fn resume(position: &str) -> pb::WatchChangesRequest {
    pb::WatchChangesRequest {
        start: Start::Resume.into(),
        resume_position: position.to_owned(),
        ..Default::default()
    }
}

/// The changes of the log, two on a page.
async fn changes(
    served: &Served,
    caller: &As,
    page_token: &str,
) -> Result<Response<pb::ListChangesResponse>, Status> {
    let caller = caller.clone();
    let mut client = ChangeServiceClient::with_interceptor(served.channel.clone(), caller);
    let request = pb::ListChangesRequest {
        page_size: 2,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    client.list_changes(request).await
}

/// The plans as of a revision, or now, one on a page.
fn plans(read_revision: i64, page_token: &str) -> pb::ListPlansRequest {
    pb::ListPlansRequest {
        parent: "platforms/-".into(),
        page_size: 1,
        page_token: page_token.to_owned(),
        read_revision,
        ..Default::default()
    }
}

/// The page tokens of a list of changes, of plans now and of plans as of this revision.
async fn tokens(served: &Served, editor: &As, revision: i64) -> [String; 3] {
    let mut clients = served.clients(editor);
    let of_changes = changes(served, editor, "").await.unwrap();
    let now = clients.plans.list_plans(plans(0, "")).await.unwrap();
    let then = clients.plans.list_plans(plans(revision, "")).await;
    [
        of_changes.into_inner().next_page_token,
        now.into_inner().next_page_token,
        then.unwrap().into_inner().next_page_token,
    ]
}

/// What becomes of them: the reasons of refusals, or nothing.
async fn continued(
    served: &Served,
    editor: &As,
    revision: i64,
    [of_changes, now, then]: &[String; 3],
) -> [Option<String>; 3] {
    let mut clients = served.clients(editor);
    let refusal = |error: Status| reason(&error).to_string();
    [
        changes(served, editor, of_changes).await.err().map(refusal),
        clients
            .plans
            .list_plans(plans(0, now))
            .await
            .err()
            .map(refusal),
        clients
            .plans
            .list_plans(plans(revision, then))
            .await
            .err()
            .map(refusal),
    ]
}

/// Remembers the head of the log, and returns its revision.
async fn remember_head(sql: &mut Sql) -> i64 {
    sql.run("CREATE TABLE head_then AS SELECT * FROM log_head")
        .await;
    sql.number("SELECT revision FROM head_then").await
}

/// Takes back every change after the remembered head, as a failover to a standby that lacks them.
async fn fail_over(sql: &mut Sql, kept: i64) {
    for table in ["effects", "changes", "records"] {
        sql.run(&format!("DELETE FROM {table} WHERE revision > {kept}"))
            .await;
    }
    sql.run("DELETE FROM log_head").await;
    sql.run("INSERT INTO log_head SELECT * FROM head_then")
        .await;
}

async fn watch(
    served: &Served,
    caller: &As,
    from: pb::WatchChangesRequest,
) -> Result<Watch, Status> {
    let caller = caller.clone();
    let mut client = ChangeServiceClient::with_interceptor(served.channel.clone(), caller);
    Ok(client.watch_changes(from).await?.into_inner())
}

async fn next(watch: &mut Watch) -> pb::WatchChangesResponse {
    let message = tokio::time::timeout(BOUND, watch.message()).await;
    message
        .expect("nothing came")
        .unwrap()
        .expect("the watch ended")
}

/// A call that must be answered at a position or later.
fn at_least<T>(message: T, position: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = AsciiMetadataValue::try_from(position).unwrap();
    request.metadata_mut().insert("ndp-min-revision", value);
    request
}

async fn ends(served: &Served, why: &str) {
    let status = tokio::task::block_in_place(|| served.process.wait(BOUND));
    let said = served.process.printed(Stream::Stderr);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.lines()
            .any(|line| line.starts_with("error: ") && line.contains(why)),
        "{said}"
    );
}

/// A server of a new registry that is made of a backup.
async fn restore(engine: &Engine, backup: &str) -> (Engine, Served) {
    let restored = engine.another().await;
    let (code, _, error) = command(&["admin", "restore", backup], &restored.url());
    assert_eq!(code, Some(0), "{error}");
    let served = Served::start(&restored.url()).await;
    (restored, served)
}

both! {
    /// As after a failover to a standby that lacked the newest changes.
    async fn another_history_at_the_same_revisions_ends_the_process(engine: Engine) {
        let url = engine.url();
        let (editor, _) = make_key(&url, "editor");
        let one = Served::start(&url).await;
        let mut clients = one.clients(&editor);
        plan(&mut clients, "kept").await;
        let mut sql = Sql::connect(&url).await;
        let kept = remember_head(&mut sql).await;
        plan(&mut clients, "lost-1").await;
        plan(&mut clients, "lost-2").await;
        let lost = position(&mut clients).await;
        one.process.signal(Signal::Stop);
        fail_over(&mut sql, kept).await;

        let two = Served::start(&url).await;
        let mut others = two.clients(&editor);
        plan(&mut others, "other-1").await;
        plan(&mut others, "other-2").await;
        let refused = watch(&two, &editor, resume(&lost)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(&*reason(&refused), "LOG_DIVERGED");
        one.process.signal(Signal::Cont);
        ends(&one, "the database was replaced or restored").await;
        let (code, said, _) = command(&["admin", "verify"], &url);
        assert_eq!(code, Some(0), "{said}");
    }

    async fn a_backup_under_writes_comes_back_as_a_log_of_its_own(engine: Engine) {
        let url = engine.url();
        let (editor, _) = make_key(&url, "editor");
        let served = Served::start(&url).await;
        let mut clients = served.clients(&editor);
        let kept = plan(&mut clients, "kept").await;
        let resumed_later = position(&mut clients).await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("backup one.db");
        let path = file.to_str().unwrap();
        let mut writing = served.clients(&editor);
        let writes = tokio::spawn(async move {
            for number in 0.. {
                if writing.plans.create_plan(create(&format!("w{number}"))).await.is_err() {
                    return;
                }
            }
        });
        let (code, said, error) = command(&["admin", "backup", path], &url);
        assert_eq!(code, Some(0), "{error}");
        assert!(said.starts_with("backed up: ") && said.contains("verified"), "{said}");
        writes.abort();
        let (code, _, error) = command(&["admin", "backup", path], &url);
        assert_eq!(code, Some(1), "a file that is there is kept");
        assert!(error.contains("it is there already"), "{error}");
        drop(served);

        let restored = engine.another().await;
        let (code, said, error) = command(&["admin", "restore", path], &restored.url());
        assert_eq!(code, Some(0), "{error}");
        assert!(said.contains("LOG_DIVERGED"), "{said}");
        let (code, said, _) = command(&["admin", "verify"], &restored.url());
        assert_eq!(code, Some(0), "{said}");
        let (code, _, error) = command(&["admin", "restore", path], &restored.url());
        assert_eq!(code, Some(1), "what is there is kept");
        assert!(error.contains("holds a registry already"), "{error}");

        let served = Served::start(&restored.url()).await;
        let mut clients = served.clients(&editor);
        let get = pb::GetPlanRequest { name: kept.name.clone(), ..Default::default() };
        let read = clients.plans.get_plan(get.clone()).await.unwrap().into_inner();
        assert_eq!(read, kept);
        let refused = watch(&served, &editor, resume(&resumed_later)).await.unwrap_err();
        assert_eq!(&*reason(&refused), "LOG_DIVERGED");
        let refused = clients.plans.get_plan(at_least(get.clone(), &resumed_later)).await;
        assert_eq!(&*reason(&refused.unwrap_err()), "LOG_DIVERGED");
        let ours = position(&mut clients).await;
        clients.plans.get_plan(at_least(get, &ours)).await.unwrap();
        let mut watched = watch(&served, &editor, resume(&ours)).await.unwrap();
        let after = plan(&mut clients, "after").await;
        let message = next(&mut watched).await;
        assert_eq!(message.revision, after.revision);
        assert_eq!(message.position, position(&mut clients).await);
    }

    async fn an_etag_of_a_lost_history_is_stale(engine: Engine) {
        let url = engine.url();
        let (editor, _) = make_key(&url, "editor");
        let served = Served::start(&url).await;
        let mut clients = served.clients(&editor);
        let kept = plan(&mut clients, "kept").await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("copy.db");
        let (code, _, error) = command(&["admin", "backup", file.to_str().unwrap()], &url);
        assert_eq!(code, Some(0), "{error}");
        let lost = clients.plans.update_plan(rename("kept", "Tên đã mất (synthetic)".into())).await;
        let lost = lost.unwrap().into_inner();
        drop(served);

        let (restored, served) = restore(&engine, file.to_str().unwrap()).await;
        let mut clients = served.clients(&editor);
        let other = clients.plans.update_plan(rename("kept", "Tên khác (synthetic)".into())).await;
        let other = other.unwrap().into_inner();
        assert_eq!((other.revision, &other.name), (lost.revision, &lost.name));
        let submit = |etag: &str| pb::SubmitPlanRequest {
            name: kept.name.clone(),
            etag: etag.to_owned(),
            ..Default::default()
        };
        for stale in [&kept.etag, &lost.etag] {
            let refused = clients.plans.submit_plan(submit(stale)).await.unwrap_err();
            let stale = (Code::Aborted, "ETAG_NOT_CURRENT");
            assert_eq!((refused.code(), &*reason(&refused)), stale);
        }
        clients.plans.submit_plan(submit(&other.etag)).await.unwrap();
        drop(restored);
    }

    async fn a_page_token_of_a_lost_history_is_refused(engine: Engine) {
        let url = engine.url();
        let (editor, _) = make_key(&url, "editor");
        let served = Served::start(&url).await;
        let mut clients = served.clients(&editor);
        plan(&mut clients, "kept-1").await;
        let kept = plan(&mut clients, "kept-2").await.revision;
        let of_kept = tokens(&served, &editor, kept).await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("copy.db");
        let (code, _, error) = command(&["admin", "backup", file.to_str().unwrap()], &url);
        assert_eq!(code, Some(0), "{error}");
        let mut sql = Sql::connect(&url).await;
        assert_eq!(remember_head(&mut sql).await, kept);
        let lost = plan(&mut clients, "lost").await.revision;
        let of_lost = tokens(&served, &editor, lost).await;
        assert_eq!(continued(&served, &editor, kept, &of_kept).await, [const { None }; 3]);
        assert_eq!(continued(&served, &editor, lost, &of_lost).await, [const { None }; 3]);
        drop(served);
        fail_over(&mut sql, kept).await;

        let diverged = [const { Some("LOG_DIVERGED") }; 3].map(|it| it.map(str::to_owned));
        let served = Served::start(&url).await;
        plan(&mut served.clients(&editor), "other").await;
        assert_eq!(continued(&served, &editor, kept, &of_kept).await, [const { None }; 3]);
        assert_eq!(continued(&served, &editor, lost, &of_lost).await, diverged);
        drop(served);
        let (restored, served) = restore(&engine, file.to_str().unwrap()).await;
        // the copy is a log of its own
        assert_eq!(continued(&served, &editor, kept, &of_kept).await, diverged);
        let ours = tokens(&served, &editor, kept).await;
        assert_eq!(continued(&served, &editor, kept, &ours).await, [const { None }; 3]);
        drop(restored);
    }

    async fn a_page_from_another_server_knows_the_page_before(engine: Engine) {
        let url = engine.url();
        let (editor, _) = make_key(&url, "editor");
        let (one, two) = (Served::start(&url).await, Served::start(&url).await);
        let (mut here, mut there) = (one.clients(&editor), two.clients(&editor));
        plan(&mut here, "a").await;
        for id in ["b", "c", "d", "e"] {
            plan(&mut here, id).await;
            let page = here.plans.list_plans(plans(0, "")).await.unwrap();
            let before = revision_in(&page);
            let next = plans(0, &page.into_inner().next_page_token);
            let next = there.plans.list_plans(next).await.unwrap();
            assert!(revision_in(&next) >= before, "{id}");
        }
    }

    async fn a_revision_ahead_is_waited_for(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let role = ndp_core::records::principals::Role::AgencyEditor;
        let editor = server.person("editor", &[role], Some(AGENCY)).await;
        let mut clients = server.clients(editor.clone());
        plan(&mut clients, "before").await;
        let ahead = server.registry.revision().get() + 1;
        let resume = pb::WatchChangesRequest {
            start: Start::Resume.into(),
            resume_revision: ahead,
            heartbeat_interval: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
            ..Default::default()
        };
        let read = pb::ListPlansRequest {
            parent: "platforms/-".into(),
            read_revision: ahead,
            ..Default::default()
        };
        let within = |milliseconds| Duration::from_millis(milliseconds);
        let mut short = Request::new(resume.clone());
        short.set_timeout(within(2_000));
        let mut watching = ChangeServiceClient::new(server.intercepted(editor.clone()));
        let refused = watching.watch_changes(short).await.unwrap_err();
        let not_reached = (Code::Unavailable, "REVISION_NOT_REACHED");
        assert_eq!((refused.code(), &*reason(&refused)), not_reached);
        // whether there is such a revision is known once the log was looked at
        let refused = clients.plans.list_plans(read.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::OutOfRange);

        let mut writing = server.clients(editor);
        let (watched, _) = tokio::join!(
            watching.watch_changes(resume),
            plan(&mut writing, "awaited"),
        );
        // the refusal was not permanent
        let listed = clients.plans.list_plans(read).await.unwrap();
        assert_eq!(listed.into_inner().plans.len(), 2);
        let message = next(&mut watched.unwrap().into_inner()).await;
        assert_eq!(message.revision, ahead);
        drop((watching, clients, writing));
        server.stop().await;
    }
}

/// A SQLite registry with a plan, and the path of its file.
async fn sqlite() -> (Engine, Served, As, String) {
    let engine = Engine::sqlite();
    let (editor, _) = make_key(&engine.url(), "editor");
    let served = Served::start(&engine.url()).await;
    plan(&mut served.clients(&editor), "first").await;
    let path = engine.url().trim_start_matches("sqlite:").to_owned();
    (engine, served, editor, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_takes_no_more_writes() {
    for end in ["", "-wal"] {
        let (engine, served, editor, path) = sqlite().await;
        let file = format!("{path}{end}");
        fs::rename(&file, format!("{file}.moved")).unwrap();
        let written = served
            .clients(&editor)
            .plans
            .create_plan(create("lost"))
            .await;
        assert!(written.is_err(), "acknowledged what nobody will find");
        ends(&served, "was removed or replaced").await;
        drop(engine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_loss_of_the_write_ahead_log() {
    let (engine, served, _, path) = sqlite().await;
    for end in ["-wal", "-shm"] {
        fs::remove_file(format!("{path}{end}")).unwrap();
    }
    ends(&served, "was removed or replaced").await;
    let (code, said, error) = command(&["admin", "verify"], &engine.url());
    assert_eq!(code, Some(0), "{said} {error}");
    let mut sql = Sql::connect(&engine.url()).await;
    let plans = "SELECT count(*) FROM records WHERE kind = 'plans'";
    assert_eq!(sql.number(plans).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_the_write_ahead_log_of_another_file_is_not_served() {
    let (engine, served, _, path) = sqlite().await;
    let backup = format!("{path}.backup");
    let (code, _, error) = command(&["admin", "backup", &backup], &engine.url());
    assert_eq!(code, Some(0), "{error}");
    served.process.signal(Signal::Kill);
    tokio::task::block_in_place(|| served.process.wait(BOUND));
    assert!(fs::metadata(format!("{path}-wal")).unwrap().len() > 0);
    fs::copy(&backup, &path).unwrap();
    let (code, _, error) = command(&["admin", "key", "list"], &engine.url());
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("is the write-ahead log of another database"),
        "{error}"
    );
    fs::remove_file(format!("{path}-wal")).unwrap();
    let (code, said, error) = command(&["admin", "verify"], &engine.url());
    assert_eq!(code, Some(0), "{said} {error}");
}

/// A copy that `cp` made of the file of a running server, put back beside what the killed server
/// left. Without a reset of the write-ahead log since the copy, SQLite makes the newest state of
/// it. Otherwise pages that were written between the copy and the reset may be in neither file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_copy_beside_the_write_ahead_log_of_a_later_state_is_never_served_in_part() {
    // plans renamed and plans made between the copy and the reset, if there is a reset; whether
    // pages are surely lost
    for (renamed, made, reset, is_torn) in [
        (0, 0, false, Some(false)),
        (1, 3, false, Some(false)),
        (1, 0, true, Some(true)),
        (0, 1, true, None),
        (0, 40, true, Some(true)),
    ] {
        let what = format!("{renamed} renamed, {made} made, reset {reset}");
        let (engine, served, editor, path) = sqlite().await;
        let mut clients = served.clients(&editor);
        // more than fits on one page lies between the plan that is renamed and the last one
        for number in 0..20 {
            plan(&mut clients, &format!("before-{number}")).await;
        }
        let mut sql = Sql::connect(&engine.url()).await;
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        sql.run(checkpoint).await;
        let copy = format!("{path}.copy");
        fs::copy(&path, &copy).unwrap();
        for number in 0..renamed {
            let title = format!("Tên mới {number} (synthetic)");
            let renaming = clients.plans.update_plan(rename("first", title));
            renaming.await.unwrap();
        }
        for number in 0..made {
            plan(&mut clients, &format!("between-{number}")).await;
        }
        if reset {
            sql.run(checkpoint).await;
        }
        sql.close().await;
        plan(&mut clients, "after").await;
        served.process.signal(Signal::Kill);
        tokio::task::block_in_place(|| served.process.wait(BOUND));
        assert!(fs::metadata(format!("{path}-wal")).unwrap().len() > 0);
        fs::copy(&copy, &path).unwrap();
        let (code, _, error) = command(&["admin", "key", "list"], &engine.url());
        assert_eq!(
            code,
            Some(i32::from(is_torn.unwrap_or(code == Some(1)))),
            "{what}: {error}"
        );
        if code == Some(1) {
            let received =
                error.contains("do not belong together") && error.contains("`admin restore`");
            assert!(received, "{what}: {error}");
            // the refusal has merged nothing
            let again = command(&["admin", "key", "list"], &engine.url());
            assert_eq!((again.0, again.2), (code, error), "{what}");
        } else {
            let (code, said, error) = command(&["admin", "verify"], &engine.url());
            assert_eq!(code, Some(0), "{what}: {said} {error}");
            let mut sql = Sql::connect(&engine.url()).await;
            let plans = "SELECT count(*) FROM records WHERE kind = 'plans'";
            assert_eq!(sql.number(plans).await, 1 + 20 + made + 1, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_another_program_is_left_alone() {
    for sql in [
        "CREATE TABLE notes (text TEXT)",
        "CREATE TABLE _sqlx_migrations (version BIGINT)",
        "PRAGMA application_id = 7",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let url = format!(
            "sqlite:{}?mode=rwc",
            directory.path().join("other.db").display()
        );
        Sql::connect(&url).await.run(sql).await;
        let (code, _, error) =
            command(&["admin", "key", "list"], url.trim_end_matches("?mode=rwc"));
        assert_eq!(code, Some(1), "{sql}: {error}");
        assert!(
            error.contains("it is the database of another program"),
            "{sql}: {error}"
        );
    }
}
