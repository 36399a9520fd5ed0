//! The next group is drafted while one is written: nothing of a draft is acknowledged when what
//! it was drafted on did not come about, was overtaken, or had answered the same request before.

use ndp_registry::{
    domain::{
        error::Error,
        names::{PlanName, PlatformName},
        plans::PlanFields,
    },
    registry::{Entropy, Outcome, Registry, WriterTask, check::check, entropy::OsEntropy},
    rules::{Ids, Request, plans::UpdatePlan},
    store::Store,
};
use tokio::sync::watch;
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

/// Counts the images that are encoded, each with its salt: how a test knows what is drafted.
struct Counting(watch::Sender<usize>);

impl Ids for Counting {
    fn id(&mut self, length: usize) -> String {
        OsEntropy.id(length)
    }
}

impl Entropy for Counting {
    fn salt(&mut self) -> [u8; 16] {
        self.0.send_modify(|drafted| *drafted += 1);
        OsEntropy.salt()
    }
}

/// A second process on the database of a seeded one.
struct Process {
    registry: Registry,
    writer: WriterTask,
    store: Store,
    drafted: watch::Receiver<usize>,
}

impl Process {
    async fn start(url: &str) -> Self {
        let store = Store::open(url, Uuid::new_v4()).await.unwrap();
        let (sender, drafted) = watch::channel(0);
        let clock = ManualClock::at(MORNING);
        let entropy = Box::new(Counting(sender));
        let (registry, writer) = Registry::start(store.clone(), clock, entropy)
            .await
            .unwrap();
        Self {
            registry,
            writer,
            store,
            drafted,
        }
    }

    /// Queues a command, and returns once it is drafted.
    async fn drafted(&mut self, request: Request) -> Waiting {
        let before = *self.drafted.borrow_and_update();
        let waiting = queue(&self.registry, request).unwrap();
        let drafted = self.drafted.wait_for(|drafted| *drafted > before);
        drop(
            tokio::time::timeout(BOUND, drafted)
                .await
                .expect("nothing is drafted")
                .unwrap(),
        );
        waiting
    }

    async fn stop(self) {
        assert_eq!(check(&self.store).await.unwrap().findings, [""; 0]);
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
                display_name: "Kế hoạch thử, tên mới (made up)".into(),
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
    async fn what_was_drafted_on_a_commit_that_fails_is_decided_anew(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        let mut other = Sql::connect(&url).await;
        plant(&mut other).await;
        let mut process = Process::start(&url).await;
        let before = process.registry.revision();
        other.hold_the_log().await;
        let marked = process.drafted(making(Some("marked"))).await;
        other.is_waited_for().await;
        // it is being written, so these are drafted on it
        let renamed = process.drafted(renaming("marked")).await;
        let neighbour = process.drafted(making(Some("neighbour"))).await;
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

    async fn a_draft_that_another_process_overtook_is_decided_anew(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        let mut one = Process::start(&url).await;
        let mut two = Process::start(&url).await;
        let before = one.registry.revision();
        let mut other = Sql::connect(&url).await;
        other.hold_the_log().await;
        let waiting = [
            one.drafted(making(Some("same"))).await,
            one.drafted(making(Some("of-one"))).await,
            two.drafted(making(Some("same"))).await,
            two.drafted(making(Some("of-two"))).await,
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
        let mut process = Process::start(&url).await;
        let before = process.registry.revision();
        let mut other = Sql::connect(&url).await;
        other.hold_the_log().await;
        let request = || with_id(making(Some("once")), Uuid::from_u128(1));
        let first = process.drafted(request()).await;
        other.is_waited_for().await;
        // drafted on the first, it is refused: the plan is there
        let again = queue(&process.registry, request()).unwrap();
        let after = process.drafted(making(Some("after"))).await;
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
async fn what_was_drafted_on_an_unknown_commit_waits_for_the_truth() {
    let Some(cluster) = tokio::task::block_in_place(|| Cluster::start_with(&[])) else {
        return;
    };
    let database = cluster.database(None).await;
    Server::start(&database.url).await.stop().await;
    let proxy = Proxy::start(cluster.directory().join(".s.PGSQL.5432")).await;
    let url = format!("postgres://ndp@127.0.0.1:{}/{}", proxy.port, database.name);
    let mut process = Process::start(&url).await;
    let mut other = Sql::connect(&database.url).await;
    for (wire, id) in [(Wire::LoseCommit, "lost"), (Wire::LoseAnswer, "unheard")] {
        let before = process.registry.revision().get();
        other.hold_the_log().await;
        let made = process.drafted(making(Some(id))).await;
        // until then, who comes shares its commit
        other.is_waited_for().await;
        let renamed = process.drafted(renaming(id)).await;
        let neighbour = process.drafted(making(None)).await;
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
            assert!(
                matches!(answers[0], Err(Error::Unavailable { .. })),
                "{answers:?}"
            );
            assert!(
                matches!(answers[1], Err(Error::NotFound { .. })),
                "{answers:?}"
            );
            assert_eq!(revisions, [None, None, Some(1)]);
        } else {
            assert_eq!(revisions, [Some(1), Some(2), Some(3)]);
        }
        proxy.is_sound().await;
    }
    process.stop().await;
}
