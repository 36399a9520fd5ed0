//! Commands that depend on each other and wait together: none is acknowledged on the strength of
//! another that was not written, was written by another process, or had answered the same request.

use ndp_core::{
    error::Error,
    names::{PlanName, PlatformName},
    records::plans::PlanFields,
    rules::{Request, plans::UpdatePlan},
};
use ndp_registry::{
    registry::{Outcome, Registry, WriterTask, entropy::OsEntropy},
    store::Store,
};
use uuid::Uuid;

use super::{
    BOUND, PLATFORM, Waiting, making,
    proxy::{Proxy, Wire},
    queue, with_id,
};
use crate::harness::{
    Engine, both,
    postgres::Cluster,
    server::{MORNING, ManualClock, Server},
    sql::Sql,
};

/// A second process on the database of a seeded one.
struct Process {
    registry: Registry,
    writer: WriterTask,
    store: Store,
}

impl Process {
    async fn start(url: &str) -> Self {
        let store = Store::open(url, Uuid::new_v4()).await.unwrap();
        let clock = ManualClock::at(MORNING);
        let started = Registry::start(store.clone(), clock, Box::new(OsEntropy));
        let (registry, writer) = started.await.unwrap();
        Self {
            registry,
            writer,
            store,
        }
    }

    fn queue(&self, request: Request) -> Waiting {
        queue(&self.registry, request).unwrap()
    }

    async fn stop(self) {
        assert_eq!(self.store.verify().await.unwrap().findings, []);
        drop(self.registry);
        self.writer.await.unwrap().unwrap();
        self.store.close().await;
    }
}

fn renaming(id: &str) -> Request {
    let platform = PlatformName::parse(PLATFORM).unwrap();
    Request {
        command: Box::new(UpdatePlan {
            name: PlanName::from_id(&platform, id).unwrap(),
            fields: PlanFields {
                display_name: "Kế hoạch thử, tên mới (synthetic)".into(),
                ..PlanFields::default()
            },
            mask: vec!["display_name".to_owned()],
            etag: None,
        }),
        request_id: None,
        reason: String::new(),
    }
}

async fn answer(waiting: Waiting) -> Result<Outcome, Error> {
    tokio::time::timeout(BOUND, waiting)
        .await
        .expect("no answer")
}

/// Makes the commit of each transaction that inserts the plan `marked` fail: a trigger breaks a
/// foreign key that is checked at commit.
async fn plant(sql: &mut Sql) {
    let marked = format!("NEW.name = '{PLATFORM}/plans/marked'");
    sql.run(
        "CREATE TABLE broken (
            revision BIGINT REFERENCES changes (revision) DEFERRABLE INITIALLY DEFERRED
        )",
    )
    .await;
    let list = "INSERT INTO broken VALUES (1000000);";
    if sql.is_sqlite() {
        sql.run(&format!(
            "CREATE TRIGGER planted AFTER INSERT ON records WHEN {marked} BEGIN {list} END"
        ))
        .await;
    } else {
        sql.run(&format!(
            "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN {list} RETURN NULL; END $$;
             CREATE TRIGGER planted AFTER INSERT ON records FOR EACH ROW WHEN ({marked})
             EXECUTE FUNCTION planted()"
        ))
        .await;
    }
}

both! {
    async fn what_depends_on_a_commit_that_fails_is_decided_anew(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        let mut other = Sql::connect(&url).await;
        plant(&mut other).await;
        let process = Process::start(&url).await;
        let before = process.registry.revision();
        other.hold_the_log().await;
        let marked = process.queue(making(Some("marked")));
        other.is_waited_for().await;
        let renamed = process.queue(renaming("marked"));
        let neighbour = process.queue(making(Some("neighbour")));
        other.let_go().await;
        let marked = answer(marked).await;
        assert!(matches!(marked, Err(Error::Bug(_))), "{marked:?}");
        let renamed = answer(renamed).await;
        assert!(matches!(renamed, Err(Error::NotFound { .. })), "{renamed:?}");
        assert_eq!(answer(neighbour).await.unwrap().revision, before.next());
        assert_eq!(process.registry.revision(), before.next());
        let revision = other.number("SELECT revision FROM log_head").await;
        assert_eq!(revision, before.next().get());
        process.stop().await;
    }

    async fn what_waits_is_decided_after_what_another_process_wrote(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        let one = Process::start(&url).await;
        let two = Process::start(&url).await;
        let before = one.registry.revision();
        let mut other = Sql::connect(&url).await;
        other.hold_the_log().await;
        let waiting = [
            one.queue(making(Some("same"))),
            one.queue(making(Some("of-one"))),
            two.queue(making(Some("same"))),
            two.queue(making(Some("of-two"))),
        ];
        other.let_go().await;
        let mut answers = Vec::new();
        for waiting in waiting {
            answers.push(answer(waiting).await);
        }
        let (first, second) = (&answers[0], &answers[2]);
        assert_eq!(first.is_ok() as u8 + second.is_ok() as u8, 1, "{answers:?}");
        let refused = if first.is_ok() { second } else { first };
        assert!(matches!(refused, Err(Error::AlreadyExists { .. })), "{refused:?}");
        let mut revisions: Vec<_> =
            answers.iter().flatten().map(|it| it.revision.get() - before.get()).collect();
        revisions.sort_unstable();
        assert_eq!(revisions, [1, 2, 3]);
        one.stop().await;
        two.stop().await;
    }

    async fn a_request_repeated_while_it_is_written_is_answered_once(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        let process = Process::start(&url).await;
        let before = process.registry.revision();
        let mut other = Sql::connect(&url).await;
        other.hold_the_log().await;
        let request = || with_id(making(Some("once")), Uuid::from_u128(1));
        let first = process.queue(request());
        other.is_waited_for().await;
        let again = process.queue(request());
        let after = process.queue(making(Some("after")));
        other.let_go().await;
        let first = answer(first).await.unwrap();
        let again = answer(again).await.unwrap();
        assert_eq!((first.revision, first.replayed), (before.next(), false));
        assert_eq!((again.revision, again.replayed), (before.next(), true));
        assert_eq!(again.image, first.image);
        assert_eq!(answer(after).await.unwrap().revision, before.next().next());
        process.stop().await;
    }
}

/// The commit is lost with its connection, or only its answer is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_doubt_is_looked_up_for_all_who_share_it() {
    let Some(cluster) = tokio::task::block_in_place(|| Cluster::start_with(&[])) else {
        return;
    };
    let database = cluster.database(None).await;
    Server::start(&database.url).await.stop().await;
    let proxy = Proxy::start(cluster.directory().join(".s.PGSQL.5432")).await;
    let url = format!("postgres://ndp@127.0.0.1:{}/{}", proxy.port, database.name);
    let process = Process::start(&url).await;
    let mut other = Sql::connect(&database.url).await;
    for (wire, id) in [(Wire::LoseCommit, "lost"), (Wire::LoseAnswer, "unheard")] {
        let before = process.registry.revision().get();
        other.hold_the_log().await;
        let made = process.queue(making(Some(id)));
        // who comes before it has the lock shares its commit
        other.is_waited_for().await;
        let renamed = process.queue(renaming(id));
        let neighbour = process.queue(making(None));
        proxy.set(wire);
        other.let_go().await;
        let answers = [
            answer(made).await,
            answer(renamed).await,
            answer(neighbour).await,
        ];
        let revisions = answers
            .each_ref()
            .map(|answer| answer.as_ref().ok().map(|it| it.revision.get() - before));
        if wire == Wire::LoseCommit {
            let lost = |it: &Result<_, _>| matches!(it, Err(Error::Unavailable { .. }));
            assert!(answers.iter().all(lost), "{answers:?}");
        } else {
            assert_eq!(revisions, [Some(1), Some(2), Some(3)]);
        }
        let after = answer(process.queue(making(None))).await.unwrap();
        let written = revisions.iter().flatten().count() as i64;
        assert_eq!(after.revision.get(), before + written + 1);
        proxy.is_sound().await;
    }
    process.stop().await;
}
