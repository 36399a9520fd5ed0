//! One bad command in a group costs itself only, and a group costs one commit.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use ndp_core::{
    error::Error,
    names::{ApiKeyName, PrincipalName},
    records::principals::{ApiKeyFields, KeyHash, PrincipalFields, PrincipalKind, Role},
    rules::{
        AnyCommand, Ids, Request,
        principals::{CreateApiKey, CreatePrincipal},
    },
    time::{Clock, Timestamp},
};
use ndp_registry::{
    catalogue, pb,
    registry::{Entropy, Outcome, Registry, WriterTask, entropy::OsEntropy},
    store::Store,
};
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;

use super::{AGENCY, PLATFORM, create, making, queue, reason, with_id};
use crate::harness::{Engine, both, postgres::Cluster, server::Server, sql::Sql};

/// A clock that goes on by a microsecond each time it is looked at: the changes of one group, and
/// no others, have the same time.
#[derive(Debug, Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let micros = self.0.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_micros(1_790_000_000_000_000 + micros).unwrap()
    }
}

/// Panics where an id is asked for.
struct NoIds;

impl Ids for NoIds {
    fn id(&mut self, _length: usize) -> String {
        panic!("no id (synthetic: this panic is planted)")
    }
}

impl Entropy for NoIds {
    fn salt(&mut self) -> [u8; 16] {
        OsEntropy.salt()
    }
}

async fn start(url: &str, entropy: Box<dyn Entropy>) -> (Registry, WriterTask, Store) {
    let store = Store::open(url, Uuid::new_v4()).await.unwrap();
    let clock = Arc::new(Ticking::default());
    let (registry, writer) = Registry::start(store.clone(), clock, entropy)
        .await
        .unwrap();
    let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
    registry.seed(seed).await.unwrap();
    (registry, writer, store)
}

async fn stop(registry: Registry, writer: WriterTask, store: Store) {
    drop(registry);
    writer.await.unwrap().unwrap();
    store.close().await;
}

/// Has these commands wait in the queue together, while another process holds the log.
async fn together(
    url: &str,
    registry: &Registry,
    requests: impl IntoIterator<Item = Request>,
) -> Vec<Result<Outcome, Error>> {
    let mut other = Sql::connect(url).await;
    other.hold_the_log().await;
    let waiting: Vec<_> = requests
        .into_iter()
        .map(|it| queue(registry, it).unwrap())
        .collect();
    other.let_go().await;
    let mut answers = Vec::new();
    for waiting in waiting {
        answers.push(waiting.await);
    }
    answers
}

/// A trigger that fails each insert of the plan `marked`; `how` is the action of SQLite's RAISE.
async fn plant(url: &str, how: &str) {
    let marked = format!("NEW.name = '{PLATFORM}/plans/marked'");
    let mut sql = Sql::connect(url).await;
    if sql.is_sqlite() {
        sql.run(&format!(
            "CREATE TRIGGER planted BEFORE INSERT ON records WHEN {marked}
             BEGIN SELECT RAISE({how}, 'planted by a test'); END"
        ))
        .await;
    } else {
        sql.run(&format!(
            "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE 'planted by a test'; END $$;
             CREATE TRIGGER planted BEFORE INSERT ON records FOR EACH ROW WHEN ({marked})
             EXECUTE FUNCTION planted()"
        ))
        .await;
    }
}

/// Forty in a group, one of them marked; answers those of the others.
async fn one_of_forty_fails(url: &str, how: &str) {
    let server = Server::start(url).await;
    plant(url, how).await;
    let before = server.registry.revision();
    let ids: Vec<_> = (0..40)
        .map(|n| {
            if n == 17 {
                "marked".to_owned()
            } else {
                format!("n{n}")
            }
        })
        .collect();
    let requests = ids.iter().map(|id| making(Some(id)));
    let answers = together(url, &server.registry, requests).await;
    let mut expected = before;
    for (id, answer) in ids.iter().zip(answers) {
        if id == "marked" {
            assert!(matches!(answer, Err(Error::Bug(_))), "{answer:?}");
        } else {
            expected = expected.next();
            assert_eq!(answer.unwrap().revision, expected, "{id}");
        }
    }
    assert_eq!(server.registry.revision(), expected);

    // the caller learns of an incident, and of nothing internal
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let mut editor = server.clients(editor);
    let refused = editor
        .plans
        .create_plan(create("marked"))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Internal, "INTERNAL")
    );
    assert!(refused.get_details_request_info().is_some());
    assert!(
        !refused.message().contains("planted"),
        "{}",
        refused.message()
    );
    editor.plans.create_plan(create("after")).await.unwrap();
    for id in ids {
        let get = pb::GetPlanRequest {
            name: format!("{PLATFORM}/plans/{id}"),
            ..pb::GetPlanRequest::default()
        };
        let got = editor.plans.get_plan(get).await;
        assert_eq!(got.is_ok(), id != "marked", "{id}");
    }
    let report = server.store.verify().await.unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.revision, server.registry.revision());
    server.stop().await;
}

both! {
    async fn a_statement_that_fails_costs_its_own_command_only(engine: Engine) {
        one_of_forty_fails(&engine.url(), "ABORT").await;
    }

    async fn many_writers_share_a_commit(engine: Engine) {
        let url = engine.url();
        let (registry, writer, store) = start(&url, Box::new(OsEntropy)).await;
        let before = registry.revision().get();
        let requests = (0..64).map(|n| making(Some(&format!("n{n}"))));
        let answers = together(&url, &registry, requests).await;
        let revisions: Vec<_> =
            answers.into_iter().map(|answer| answer.unwrap().revision.get()).collect();
        assert_eq!(revisions, (before + 1..=before + 64).collect::<Vec<_>>());
        let mut sql = Sql::connect(&url).await;
        let since = format!("FROM changes WHERE revision > {before}");
        let commits = format!("SELECT count(DISTINCT record_time) {since}");
        // the first may have been taken alone, before the others were in the queue
        assert!(sql.number(&commits).await <= 2);
        assert_eq!(sql.number(&format!("SELECT count(*) {since}")).await, 64);
        stop(registry, writer, store).await;
    }

    async fn a_panic_costs_its_own_command_only(engine: Engine) {
        let url = engine.url();
        let (registry, writer, store) = start(&url, Box::new(NoIds)).await;
        let before = registry.revision();
        // a plan without an id of its own is given one
        let requests = [Some("a"), Some("b"), None, Some("c")].map(making);
        let answers = together(&url, &registry, requests).await;
        let revisions: Vec<_> = answers
            .iter()
            .map(|answer| answer.as_ref().ok().map(|it| it.revision.get() - before.get()))
            .collect();
        assert_eq!(revisions, [Some(1), Some(2), None, Some(3)]);
        assert!(matches!(answers[2], Err(Error::Bug(_))), "{:?}", answers[2]);
        stop(registry, writer, store).await;
    }

    /// An image blanked by law, or damaged, cannot be answered again.
    async fn an_answer_that_is_gone_costs_its_own_command_only(engine: Engine) {
        let url = engine.url();
        let (registry, writer, store) = start(&url, Box::new(OsEntropy)).await;
        let asked = || with_id(making(Some("blanked")), Uuid::from_u128(1));
        let first = together(&url, &registry, [asked()]).await.remove(0).unwrap();
        let mut sql = Sql::connect(&url).await;
        let revision = first.revision;
        let blank = "UPDATE effects SET image = NULL, salt = NULL WHERE revision =";
        sql.run(&format!("{blank} {revision}")).await;
        let neighbour = |n: u128| with_id(making(Some(&format!("n{n}"))), Uuid::from_u128(n));
        let requests = [neighbour(2), asked(), neighbour(3)];
        let answers = together(&url, &registry, requests).await;
        assert!(answers[0].is_ok(), "{:?}", answers[0]);
        assert!(matches!(answers[1], Err(Error::Bug(_))), "{:?}", answers[1]);
        assert!(answers[2].is_ok(), "{:?}", answers[2]);
        stop(registry, writer, store).await;
    }
}

/// As SQLite does when the disk is full: sqlx does not learn of it and assumes an open transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_sqlite_ended_by_itself_costs_one_connection() {
    let engine = Engine::sqlite();
    one_of_forty_fails(&engine.url(), "ROLLBACK").await;
}

/// The statements that a PostgreSQL has logged for the session that appended last: those of its
/// last transaction, by their first words.
fn last_appended(log: &str) -> Vec<String> {
    // "1234 LOG:  execute sqlx_s_1: INSERT INTO …", or "1234 LOG:  statement: BEGIN …"
    let statements = log.lines().filter_map(|line| {
        let (session, said) = line.split_once(" LOG:  ")?;
        let (how, statement) = said.split_once(": ")?;
        let logged = how.starts_with("execute") || how == "statement";
        logged.then_some((session, statement))
    });
    let statements: Vec<_> = statements.collect();
    let appends = |(_, statement): &(&str, &str)| statement.contains("INSERT INTO changes");
    let (session, _) = *statements
        .iter()
        .rfind(|it| appends(it))
        .expect("an append");
    let own: Vec<_> = statements
        .iter()
        .filter(|it| it.0 == session)
        .copied()
        .collect();
    let append = own.iter().rposition(appends).unwrap();
    let begin = own[..append]
        .iter()
        .rposition(|it| it.1.starts_with("BEGIN"))
        .unwrap();
    let commit = own.iter().rposition(|it| it.1 == "COMMIT").unwrap();
    own[begin..=commit]
        .iter()
        .map(|(_, statement)| {
            let words = statement.split(' ').filter(|it| it.len() > 1);
            words.take(3).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// A group costs PostgreSQL a fixed number of round trips, independent of its contents: all its
/// rows are written in one statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_costs_few_statements() {
    let settings = ["log_statement = all", "log_line_prefix = '%p '"];
    let started = tokio::task::block_in_place(|| Cluster::start_with(&settings));
    let Some(cluster) = started else { return };
    let url = cluster.database(None).await.url;
    let (registry, writer, store) = start(&url, Box::new(OsEntropy)).await;
    let principal = PrincipalName::from_id("synthetic").unwrap();
    let key = |id: &str| {
        Box::new(CreateApiKey {
            name: ApiKeyName::from_id(&principal, id).unwrap(),
            id_chosen: false,
            fields: ApiKeyFields::default(),
            ttl: None,
            hash: KeyHash([7; 32]),
        })
    };
    let fields = PrincipalFields {
        display_name: "Hệ thống thử (synthetic)".into(),
        kind: PrincipalKind::System,
        agency: None,
        roles: vec![Role::Auditor],
        grants: Vec::new(),
        identities: Vec::new(),
    };
    let command = |command: Box<dyn AnyCommand>| Request {
        command,
        request_id: None,
        reason: String::new(),
    };
    let create = Box::new(CreatePrincipal {
        name: Some(principal.clone()),
        fields,
    });
    // new ids may be known to be new, without a look at the log
    let used = Uuid::new_v4();
    let first = queue(&registry, with_id(making(None), used)).unwrap();
    let first = first.await.unwrap();
    // more rows than one page of values, in every table
    let mut mixed = vec![command(create), command(key("abcdefghijkl"))];
    mixed.extend((0..200).map(|_| with_id(making(None), Uuid::new_v4())));
    mixed.push(with_id(making(None), used));
    // refused: it is there already
    mixed.push(command(key("abcdefghijkl")));
    let answers = together(&url, &registry, mixed).await;
    let accepted: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(accepted.len(), 203, "{:?}", answers.last());
    assert_eq!(accepted[202].revision, first.revision);
    let statements = last_appended(&cluster.log());
    insta::assert_snapshot!(statements.join("\n"), @r"
    BEGIN ISOLATION LEVEL
    WITH asked (principal,
    WITH i0 AS
    COMMIT
    ");
    stop(registry, writer, store).await;
}
