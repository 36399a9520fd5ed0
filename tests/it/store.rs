//! The store's contract, on both engines. All data here is synthetic.

mod images;
mod opening;
mod pgbouncer;
mod reading;
mod settings;
mod wal;

use std::{
    future::{Future, ready},
    sync::Arc,
};

use ndp_core::{
    caller::Person,
    change::{Change, Effect, Image, RequestId},
    error::Error,
    messages::Unavailable,
    names::{
        AgencyName, ApiKeyName, AssessmentName, BaselineName, EditionName, FigureName,
        MilestoneName, PlanName, PlatformName, PrincipalName, ProposalName, ReportName, Revision,
    },
    reasons::STORE_FORMAT_UNKNOWN,
    records::{
        Kind,
        agencies::{Agency, AgencyFields, AgencyKind},
        assessments::{Assessment, AssessmentFields},
        baselines::{Approval, Baseline, BaselineMilestone},
        documents::Document,
        editions::{Edition, EditionFields},
        figures::{Figure, Subject},
        meta::Meta,
        milestones::{Completion, Milestone, MilestoneFields},
        observations::Qualifier,
        plans::{Plan, PlanFields, PlanState, StateEntry},
        platforms::{
            Exit, ExitOutcome, Governance, Listing, Membership, Platform, PlatformFields, Security,
            Verification,
        },
        principals::{
            ApiKey, ApiKeyFields, KeyHash, Principal, PrincipalFields, PrincipalKind, Role,
        },
        proposals::{Act, Action, Proposal, ProposalState},
        reports::{Rating, Report, ReportFields},
    },
    rules::Decided,
    time::{Date, Timestamp},
};
use ndp_registry::store::{Appended, CommitError, Encoded, Secret, Store, WriteTx};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::harness::{Engine, both};

const LOG_ID: Uuid = Uuid::from_u128(7);

async fn open(engine: &Engine) -> Store {
    Store::open(&engine.url(), LOG_ID).await.unwrap()
}

/// Why a database is not opened.
async fn refusal(url: &str) -> String {
    Store::open(url, LOG_ID).await.unwrap_err().to_string()
}

/// What the log holds, without its digests.
fn changes(appended: Vec<Appended>) -> Vec<Change> {
    appended.into_iter().map(|it| it.change).collect()
}

/// Runs SQL behind the store's back.
async fn execute(engine: &Engine, sql: &str) {
    match engine {
        Engine::Sqlite(..) => {
            let mut connection = SqliteConnection::connect(&engine.url()).await.unwrap();
            let sql = format!("PRAGMA foreign_keys = OFF; {sql}");
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
        }
        Engine::Postgres(_) => {
            let mut connection = PgConnection::connect(&engine.url()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                .execute(&mut connection)
                .await
                .unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// The first column of each row, which must be text.
async fn texts(engine: &Engine, sql: &str) -> Vec<String> {
    let sql = AssertSqlSafe(sql.to_owned());
    match engine {
        Engine::Sqlite(..) => {
            let mut connection = SqliteConnection::connect(&engine.url()).await.unwrap();
            sqlx::query_scalar(sql)
                .fetch_all(&mut connection)
                .await
                .unwrap()
        }
        Engine::Postgres(_) => {
            let mut connection = PgConnection::connect(&engine.url()).await.unwrap();
            sqlx::query_scalar(sql)
                .fetch_all(&mut connection)
                .await
                .unwrap()
        }
    }
}

// === synthetic records ===

fn revision(number: i64) -> Revision {
    Revision::new(number).unwrap()
}

fn time(number: i64) -> Timestamp {
    Timestamp::from_micros(1_750_000_000_000_000 + number).unwrap()
}

fn meta(number: i64) -> Meta {
    Meta::created(time(number), revision(number))
}

fn person() -> Person {
    Person {
        principal: PrincipalName::parse("principals/synthetic").unwrap(),
        actor: Some("Người thử".into()),
    }
}

fn agency(number: i64) -> Image {
    Image::Agency(Arc::new(Agency {
        name: AgencyName::parse("agencies/synthetic").unwrap(),
        fields: AgencyFields {
            display_name: "Cơ quan thử".into(),
            kind: AgencyKind::Ministry,
            ..AgencyFields::default()
        },
        meta: meta(number),
    }))
}

fn edition(number: i64) -> Image {
    Image::Edition(Arc::new(Edition {
        name: EditionName::parse("editions/synthetic").unwrap(),
        fields: EditionFields {
            display_name: "Danh mục thử".into(),
            decision: Document {
                symbol: "0/QĐ-THỬ".into(),
                issue_date: Some(Date::new(2025, 9, 11).unwrap()),
                ..Document::default()
            },
            ..EditionFields::default()
        },
        synthetic: true,
        meta: meta(number),
    }))
}

fn platform(id: &str, number: i64) -> Platform {
    Platform {
        name: PlatformName::from_id(id).unwrap(),
        fields: PlatformFields {
            display_name: "Nền tảng thử".into(),
            verification: Verification::Verified,
            ..PlatformFields::default()
        },
        stage_records: Vec::new(),
        exit: None,
        past_exits: Vec::new(),
        moved_listings: Vec::new(),
        public_write: None,
        meta: meta(number),
    }
}

fn listed(mut platform: Platform, list_number: &str) -> Image {
    platform.fields.governance = vec![Governance {
        agency: AgencyName::parse("agencies/synthetic"),
        ..Governance::default()
    }];
    platform.fields.security = Some(Security {
        level: 3,
        approval: None,
    });
    platform.fields.listings = vec![Listing {
        edition: EditionName::parse("editions/synthetic").unwrap(),
        list_number: list_number.into(),
        group: "A".into(),
        display_name: String::new(),
        membership: Membership::Stated,
        sources: Vec::new(),
    }];
    Image::Platform(Arc::new(platform))
}

fn bare(id: &str, number: i64) -> Image {
    Image::Platform(Arc::new(platform(id, number)))
}

fn plan(number: i64, agency: &str) -> Image {
    Image::Plan(Arc::new(Plan {
        name: PlanName::parse("platforms/ndp-001/plans/synthetic").unwrap(),
        agency: AgencyName::parse(agency).unwrap(),
        fields: PlanFields {
            display_name: "Kế hoạch thử".into(),
            ..PlanFields::default()
        },
        issuing_document: None,
        state: PlanState::Draft,
        state_history: vec![StateEntry {
            state: PlanState::Draft,
            effective_date: Date::new(2025, 9, 23).unwrap(),
            record_time: time(number),
            agency: None,
            person: Some(person()),
            document: None,
            reason: String::new(),
        }],
        superseding_plan: None,
        transcription: None,
        public_write: None,
        published: None,
        redacted: false,
        meta: meta(number),
    }))
}

fn below_plan(number: i64) -> [Image; 4] {
    let plan = PlanName::parse("platforms/ndp-001/plans/synthetic").unwrap();
    let day = Date::new(2025, 9, 23).unwrap();
    let meta = meta(number);
    let milestone = MilestoneName::from_id(&plan, "synthetic").unwrap();
    [
        Image::Milestone(Arc::new(Milestone {
            name: milestone.clone(),
            fields: MilestoneFields {
                display_name: "Mốc thử".into(),
                ..MilestoneFields::default()
            },
            completion: Some(Box::new(Completion {
                completion_date: day,
                evidence: Vec::new(),
                record_time: time(number),
            })),
            dropping: None,
            reopening: None,
            meta,
        })),
        Image::Baseline(Arc::new(Baseline {
            name: BaselineName::from_id(&plan, "1").unwrap(),
            number: 1,
            effective_date: day,
            milestones: vec![BaselineMilestone {
                milestone,
                display_name: "Mốc thử".into(),
                required_result: String::new(),
                due: None,
                weight: 1,
            }],
            budget: None,
            planned_start: None,
            planned_end: None,
            document: None,
            reason: String::new(),
            approval: Approval {
                person: Some(person()),
                record_time: time(number),
            },
            meta,
        })),
        Image::Report(Arc::new(Report {
            name: ReportName::from_id(&plan, "synthetic").unwrap(),
            fields: ReportFields {
                period_end_date: Some(day),
                rating: Some(Rating::AtRisk),
                percent: 40,
                results: "thử".into(),
                ..ReportFields::default()
            },
            corrected_by: None,
            withdrawal: None,
            meta,
        })),
        Image::Assessment(Arc::new(Assessment {
            name: AssessmentName::from_id(&plan, "synthetic").unwrap(),
            fields: AssessmentFields {
                assessment_date: Some(day),
                rating: Some(Rating::OffTrack),
                rubric_version: "thử 1".into(),
                ..AssessmentFields::default()
            },
            withdrawal: None,
            meta,
        })),
    ]
}

fn proposal(number: i64) -> Image {
    let act = Act {
        person: person(),
        record_time: time(number),
        reason: "thử".into(),
    };
    Image::Proposal(Arc::new(Proposal {
        name: ProposalName::parse("platforms/ndp-001/proposals/synthetic").unwrap(),
        state: ProposalState::Approved,
        action: Action::Retirement(Box::new(Exit {
            reason: "thử".into(),
            outcome: ExitOutcome::Discontinued,
            decision: None,
            successor: None,
            exit_date: None,
        })),
        changes: Vec::new(),
        requested: act.clone(),
        decided: Some(act),
        meta: meta(number),
    }))
}

fn figure(number: i64) -> Image {
    Image::Figure(Arc::new(Figure {
        name: FigureName::parse("figures/synthetic").unwrap(),
        figure_date: Date::new(2025, 9, 23).unwrap(),
        subject: Subject::PlansIssued,
        edition: EditionName::parse("editions/synthetic"),
        programme: None,
        system: String::new(),
        scope: None,
        agency: None,
        period: None,
        value: 1,
        qualifier: Qualifier::Exact,
        total: Some(2),
        breakdown: Vec::new(),
        statement: "synthetic".into(),
        sources: Vec::new(),
        meta: meta(number),
    }))
}

fn principal(number: i64) -> Image {
    Image::Principal(Arc::new(Principal {
        name: person().principal,
        fields: PrincipalFields {
            display_name: "Văn phòng thử".into(),
            kind: PrincipalKind::Person,
            agency: AgencyName::parse("agencies/synthetic"),
            roles: vec![Role::AgencyEditor, Role::Auditor],
            grants: Vec::new(),
            identities: Vec::new(),
        },
        disabled: false,
        meta: meta(number),
    }))
}

fn api_key(number: i64) -> ApiKey {
    ApiKey {
        name: ApiKeyName::parse("principals/synthetic/apiKeys/one").unwrap(),
        fields: ApiKeyFields {
            display_name: "khoá thử".into(),
            expire_time: Some(time(9_000_000)),
            ..ApiKeyFields::default()
        },
        revoke_time: None,
        meta: meta(number),
    }
}

fn change(number: i64, images: Vec<Image>) -> Change {
    Change {
        revision: revision(number),
        record_time: time(number),
        person: person(),
        agency: AgencyName::parse("agencies/synthetic"),
        method: "Synthetic".into(),
        request_id: None,
        reason: "thử".into(),
        effects: images.into_iter().map(Effect::Put).collect(),
        key_hashes: Vec::new(),
        redaction: None,
    }
}

fn requested(mut change: Change, id: u128) -> Change {
    change.request_id = Some(RequestId {
        id: Uuid::from_u128(id),
        digest: [9; 32],
    });
    change
}

/// One of each record, as the first change.
fn first_change() -> Change {
    let mut change = change(
        1,
        vec![
            // what names others comes first: foreign keys wait for the commit
            plan(1, "agencies/synthetic"),
            proposal(1),
            listed(platform("ndp-001", 1), "1"),
            agency(1),
            edition(1),
            figure(1),
            Image::ApiKey(Arc::new(api_key(1))),
            principal(1),
        ],
    );
    let below = below_plan(1).map(Effect::Put);
    change.effects.splice(0..0, below);
    change.key_hashes = vec![(api_key(1).name, KeyHash([5; 32]))];
    change
}

async fn append_to(tx: &mut WriteTx<'_>, changes: &[Change]) -> Result<(), Error> {
    let mut salt = 0;
    tx.append(changes, &mut || {
        salt = u8::wrapping_add(salt, 1);
        [salt; 16]
    })
    .await
}

/// Writes and commits a change as the writer does.
async fn commit_with(store: &Store, change: Change) -> Result<(), CommitError> {
    let tx = store.begin().await.unwrap();
    let decided = Decided::of(change).unwrap();
    let encoded = Encoded::new(decided, &tx.head().digest, &mut || [7; 16]).unwrap();
    tx.commit_with(&[encoded]).await
}

async fn append(store: &Store, changes: &[Change]) {
    let mut tx = store.begin().await.unwrap();
    append_to(&mut tx, changes).await.unwrap();
    tx.commit().await.unwrap();
}

fn is_bug(error: &Error) -> bool {
    matches!(error, Error::Bug(_))
}

// === tests ===

both! {
    async fn everything_comes_back(engine: Engine) {
        let store = open(&engine).await;
        assert_eq!(store.head().await.unwrap().revision, Revision::ZERO);
        assert!(store.changes_after(Revision::ZERO, 10).await.unwrap().is_empty());
        let first = first_change();
        let second = change(2, vec![bare("ndp-002", 2)]);
        append(&store, &[first.clone(), second.clone()]).await;

        let head = store.head().await.unwrap();
        assert_eq!((head.log_id, head.revision, head.record_time), (LOG_ID, revision(2), time(2)));
        let mut from_log = first.clone();
        from_log.key_hashes.clear();
        let changes = changes(store.changes_after(Revision::ZERO, 10).await.unwrap());
        assert_eq!(changes, [from_log, second.clone()]);
        assert_eq!(store.changes_after(Revision::ZERO, 1).await.unwrap().len(), 1);
        let rest = self::changes(store.changes_after(revision(1), 10).await.unwrap());
        assert_eq!(rest, std::slice::from_ref(&second));

        // another process finds the same
        let other = open(&engine).await;
        let loaded = other.load().await.unwrap();
        assert_eq!(loaded.head, head);
        assert_eq!(loaded.key_hashes, [(api_key(1).name, KeyHash([5; 32]))]);
        assert_eq!(loaded.images.len(), 13);
        for effect in first.effects.iter().chain(&second.effects) {
            let Effect::Put(image) = effect else { continue };
            assert!(loaded.images.contains(image), "{}", image.name());
        }
        let absent = ApiKeyName::parse("principals/synthetic/apiKeys/two").unwrap();
        let hashes = store.key_hashes(&[absent, api_key(1).name]).await.unwrap();
        assert_eq!(hashes, [(api_key(1).name, KeyHash([5; 32]))]);
        other.close().await;
        store.close().await;
    }

    async fn the_tables_can_be_read(engine: Engine) {
        let store = open(&engine).await;
        append(&store, &[first_change()]).await;
        append(&store, &[change(2, vec![listed(platform("ndp-001", 2), "84")])]).await;
        let listing = "SELECT platforms.name || ' ' || list_number || ' ' || group_code || ' ' || \
             decision_symbol || ' ' || parent.display_name \
             FROM platforms JOIN listings ON platform = platforms.name \
             JOIN editions ON edition = editions.name \
             JOIN agencies parent ON parent.name = governing_agency WHERE security_level = 3";
        assert_eq!(
            texts(&engine, listing).await,
            ["platforms/ndp-001 84 A 0/QĐ-THỬ Cơ quan thử"]
        );
        let roles = "SELECT roles FROM principals";
        assert_eq!(texts(&engine, roles).await, ["ROLE_AGENCY_EDITOR ROLE_AUDITOR"]);
        let held_to = "SELECT plans.name || ' ' || milestones.state || ' ' || completion_date || \
             ' ' || number || ' ' || reports.rating || ' ' || assessments.rating \
             FROM plans JOIN milestones ON milestones.plan = plans.name \
             JOIN baselines ON baselines.plan = plans.name \
             JOIN reports ON reports.plan = plans.name \
             JOIN assessments ON assessments.plan = plans.name WHERE milestone_count = 1";
        assert_eq!(
            texts(&engine, held_to).await,
            ["platforms/ndp-001/plans/synthetic COMPLETED 2025-09-23 1 RATING_AT_RISK \
              RATING_OFF_TRACK"]
        );
    }

    async fn a_removed_record_leaves_its_tables(engine: Engine) {
        let store = open(&engine).await;
        let first = change(1, vec![agency(1), edition(1), listed(platform("ndp-001", 1), "1")]);
        append(&store, &[first]).await;
        let mut removal = change(2, Vec::new());
        removal.effects = vec![Effect::Remove { name: "platforms/ndp-001".into() }];
        append(&store, &[removal.clone()]).await;
        assert_eq!(store.load().await.unwrap().images.len(), 2);
        assert!(texts(&engine, "SELECT platform FROM listings").await.is_empty());
        assert_eq!(changes(store.changes_after(revision(1), 1).await.unwrap()), [removal]);
        let verified = store.verify().await.unwrap();
        assert_eq!(verified.findings, []);
    }

    async fn a_rollback_leaves_no_gap(engine: Engine) {
        let store = open(&engine).await;
        let mut tx = store.begin().await.unwrap();
        append_to(&mut tx, &[change(1, vec![bare("ndp-001", 1)])]).await.unwrap();
        assert_eq!(tx.head().revision, revision(1));
        // others do not see it, and do not wait to read
        assert_eq!(store.head().await.unwrap().revision, Revision::ZERO);
        drop(tx);
        let tx = store.begin().await.unwrap();
        assert_eq!(tx.head().revision, Revision::ZERO);
        drop(tx);
        append(&store, &[change(1, vec![bare("ndp-002", 1)])]).await;
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.images, [bare("ndp-002", 1)]);
    }

    async fn two_processes_write_without_gaps(engine: Engine) {
        let stores = [Arc::new(open(&engine).await), Arc::new(open(&engine).await)];
        let mut tasks = Vec::new();
        for task in 0..8_usize {
            let store = Arc::clone(&stores[task % 2]);
            tasks.push(tokio::spawn(async move {
                for _ in 0..20 {
                    let mut tx = store.begin().await.unwrap();
                    let next = tx.head().revision.next().get();
                    let id = format!("synthetic-{task}");
                    append_to(&mut tx, &[change(next, vec![bare(&id, next)])]).await.unwrap();
                    tx.commit().await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        for store in &stores {
            assert_eq!(store.head().await.unwrap().revision, revision(160));
            assert_eq!(store.changes_after(Revision::ZERO, 1_000).await.unwrap().len(), 160);
        }
        let verified = stores[0].verify().await.unwrap();
        assert_eq!((verified.changes, verified.effects), (160, 160));
        assert_eq!(verified.findings, []);
    }

    async fn one_resource_twice_in_a_group(engine: Engine) {
        let store = open(&engine).await;
        let group = [
            change(1, vec![agency(1), edition(1), listed(platform("ndp-001", 1), "1")]),
            change(2, vec![listed(platform("ndp-001", 2), "2")]),
            change(3, vec![bare("ndp-001", 3)]),
        ];
        append(&store, &group).await;
        assert_eq!(changes(store.changes_after(Revision::ZERO, 10).await.unwrap()), group);
        let loaded = store.load().await.unwrap();
        assert!(loaded.images.contains(&bare("ndp-001", 3)));
        assert_eq!(loaded.images.len(), 3);
        assert!(texts(&engine, "SELECT platform FROM listings").await.is_empty());
    }

    /// More rows than one statement can bind.
    async fn a_large_change(engine: Engine) {
        let store = open(&engine).await;
        let images = (0..5_000).map(|i| bare(&format!("synthetic-{i}"), 1)).collect();
        append(&store, &[change(1, images)]).await;
        assert_eq!(store.load().await.unwrap().images.len(), 5_000);
        let changes = changes(store.changes_after(Revision::ZERO, 1).await.unwrap());
        assert_eq!(changes[0].effects.len(), 5_000);
    }

    async fn changes_of_one_record_are_found_from_either_end(engine: Engine) {
        let store = open(&engine).await;
        let mut changes = vec![first_change()];
        for number in 2..=9 {
            // every other one touches it, as one of two
            let id = if number % 2 == 0 { "ndp-002" } else { "ndp-003" };
            let other = format!("ndp-{number:03}x");
            changes.push(change(number, vec![bare(&other, number), bare(id, number)]));
        }
        append(&store, &changes).await;
        let of = async |between: (i64, i64), newest, limit| {
            let between = (revision(between.0), revision(between.1));
            let found = store.changes_of("platforms/ndp-002", between, newest, limit);
            let found = self::changes(found.await.unwrap());
            for it in &found {
                assert_eq!(*it, changes[usize::try_from(it.revision.get()).unwrap() - 1]);
            }
            found.iter().map(|it| it.revision.get()).collect::<Vec<_>>()
        };
        assert_eq!(of((0, 10), false, 9).await, [2, 4, 6, 8]);
        assert_eq!(of((0, 10), false, 2).await, [2, 4]);
        assert_eq!(of((0, 10), true, 2).await, [6, 8]);
        assert_eq!(of((2, 8), false, 9).await, [4, 6]);
        assert_eq!(of((2, 8), true, 1).await, [6]);
        assert_eq!(of((8, 10), true, 9).await, [0; 0]);
        store.close().await;
    }

    async fn a_request_is_found_again(engine: Engine) {
        let store = open(&engine).await;
        let group = [
            requested(change(1, vec![bare("ndp-001", 1)]), 1),
            requested(change(2, Vec::new()), 2),
            change(3, vec![bare("ndp-001", 3)]),
        ];
        append(&store, &group).await;
        let principal = person().principal;
        let other = PrincipalName::parse("principals/other").unwrap();
        let mut tx = store.begin().await.unwrap();
        let asked = [
            (principal.clone(), Uuid::from_u128(2)),
            (principal.clone(), Uuid::from_u128(1)),
            (principal.clone(), Uuid::from_u128(3)),
            (other, Uuid::from_u128(1)),
        ];
        assert!(tx.replays(&[]).await.unwrap().is_empty());
        let replays = tx.replays(&asked).await.unwrap();
        let found: Vec<_> = replays.iter().map(|it| (it.id.as_u128(), it.revision)).collect();
        assert_eq!(found, [(1, revision(1)), (2, revision(2))]);
        assert_eq!(replays[0].image, Some(bare("ndp-001", 1)));
        assert_eq!((&replays[0].principal, replays[0].digest), (&principal, [9; 32]));
        assert_eq!(replays[1].image, None);
        let mut read = store.request_ids(None, 1).await.unwrap();
        let rest = store.request_ids(read.first(), 9).await.unwrap();
        assert!(store.request_ids(rest.last(), 9).await.unwrap().is_empty());
        read.extend(rest);
        let ids = [1, 2].map(|id| (principal.clone(), Uuid::from_u128(id)));
        assert_eq!(read, ids);
        // the same transaction goes on
        assert_eq!(tx.changes_after(revision(1), 10).await.unwrap().len(), 2);
        assert!(tx.key_hashes(&[api_key(1).name]).await.unwrap().is_empty());
        append_to(&mut tx, &[change(4, Vec::new())]).await.unwrap();
        append_to(&mut tx, &[change(5, Vec::new())]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.head().await.unwrap().revision, revision(5));
    }

    /// Sqlx says `Ok` to a commit that PostgreSQL answered with ROLLBACK.
    async fn a_failed_transaction_never_commits(engine: Engine) {
        let store = open(&engine).await;
        append(&store, &[requested(change(1, Vec::new()), 1)]).await;
        // the request id is taken: an error of the database, swallowed here
        let mut tx = store.begin().await.unwrap();
        let error = append_to(&mut tx, &[requested(change(2, Vec::new()), 1)]).await.unwrap_err();
        assert!(is_bug(&error), "{error:?}");
        let again = append_to(&mut tx, &[change(2, Vec::new())]).await.unwrap_err();
        assert!(is_bug(&again), "{again:?}");
        assert!(tx.changes_after(Revision::ZERO, 1).await.is_err());
        assert!(matches!(tx.commit().await, Err(CommitError::RolledBack(_))));
        // a revision that exists, and one that leaves a gap
        for number in [1, 3] {
            let mut tx = store.begin().await.unwrap();
            let error = append_to(&mut tx, &[change(number, Vec::new())]).await.unwrap_err();
            assert!(is_bug(&error), "{error:?}");
            assert!(matches!(tx.commit().await, Err(CommitError::RolledBack(_))));
        }
        // the same, written and committed at once
        let refused = commit_with(&store, requested(change(2, Vec::new()), 1)).await;
        assert!(matches!(refused, Err(CommitError::RolledBack(Error::Bug(_)))), "{refused:?}");
        // a statement whose answer was not awaited; sometimes a database answers at once
        let next = [change(2, vec![bare("ndp-001", 2)])];
        loop {
            let mut tx = store.begin().await.unwrap();
            let abandoned = tokio::select! {
                biased;
                _ = append_to(&mut tx, &next) => false,
                () = ready(()) => true,
            };
            if abandoned {
                assert!(matches!(tx.commit().await, Err(CommitError::RolledBack(_))));
                break;
            }
        }
        assert_eq!(store.head().await.unwrap().revision, revision(1));
        assert_eq!(store.changes_after(Revision::ZERO, 10).await.unwrap().len(), 1);
        append(&store, &[change(2, Vec::new())]).await;
    }

    async fn what_a_commit_refuses_is_rolled_back(engine: Engine) {
        let store = open(&engine).await;
        let checked_at_commit = "CREATE TABLE named (
            name TEXT REFERENCES records (name) DEFERRABLE INITIALLY DEFERRED
        )";
        execute(&engine, checked_at_commit).await;
        append(&store, &[change(1, vec![bare("ndp-001", 1)])]).await;
        execute(&engine, "INSERT INTO named VALUES ('platforms/ndp-001')").await;
        let mut tx = store.begin().await.unwrap();
        let mut removal = change(2, Vec::new());
        removal.effects = vec![Effect::Remove { name: "platforms/ndp-001".into() }];
        append_to(&mut tx, &[removal.clone()]).await.unwrap();
        let refused = tx.commit().await;
        assert!(matches!(refused, Err(CommitError::RolledBack(Error::Bug(_)))), "{refused:?}");
        let refused = commit_with(&store, removal).await;
        assert!(matches!(refused, Err(CommitError::RolledBack(Error::Bug(_)))), "{refused:?}");
        assert_eq!(store.head().await.unwrap().revision, revision(1));
        append(&store, &[change(2, vec![bare("ndp-001", 2)])]).await;
    }

    async fn a_redacted_plan_is_not_stored(engine: Engine) {
        let store = open(&engine).await;
        let mut image = plan(1, "agencies/synthetic");
        let Image::Plan(plan) = &mut image else { unreachable!() };
        Arc::make_mut(plan).redacted = true;
        let mut tx = store.begin().await.unwrap();
        let error = append_to(&mut tx, &[change(1, vec![image])]).await.unwrap_err();
        assert!(is_bug(&error), "{error:?}");
    }

    /// Waiting for another process's write ends, and may be tried again.
    async fn a_lock_is_waited_for_and_given_up(engine: Engine) {
        let (one, two) = (open(&engine).await, open(&engine).await);
        let held = one.begin().await.unwrap();
        let error = two.begin().await.unwrap_err();
        assert!(
            matches!(error, Error::Unavailable(Unavailable::Store)),
            "{error:?}"
        );
        drop(held);
        append(&two, &[change(1, Vec::new())]).await;
    }

    async fn the_first_page_token_key_wins(engine: Engine) {
        let (one, two) = (open(&engine).await, open(&engine).await);
        let keys = tokio::join!(
            one.secret(Secret::PageToken, [1; 32]),
            two.secret(Secret::PageToken, [2; 32]),
            one.secret(Secret::PageToken, [3; 32]),
        );
        let key = keys.0.unwrap();
        assert_eq!((key, key), (keys.1.unwrap(), keys.2.unwrap()));
        assert_eq!(two.secret(Secret::PageToken, [4; 32]).await.unwrap(), key);
    }

    /// Without it, no subject would match the hashes in a restored registry.
    async fn a_copy_hashes_subjects_alike(engine: Engine) {
        let store = open(&engine).await;
        let secret = store.secret(Secret::Subject, [1; 32]).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("copy.db");
        store.copy_to_file(&file).await.unwrap();
        let url = format!("sqlite:{}", file.display());
        let copy = Store::open(&url, Uuid::from_u128(7)).await.unwrap();
        assert_eq!(copy.secret(Secret::Subject, [2; 32]).await.unwrap(), secret);
        // a new database may have made one of its own already
        let url = format!("sqlite:{}", directory.path().join("new.db").display());
        let new = Store::open(&url, Uuid::from_u128(8)).await.unwrap();
        assert_ne!(new.secret(Secret::Subject, [3; 32]).await.unwrap(), secret);
        copy.copy_into(&new, &|_| {}).await.unwrap();
        assert_eq!(new.secret(Secret::Subject, [4; 32]).await.unwrap(), secret);
    }

    async fn many_open_one_database_at_once(engine: Engine) {
        let mut tasks = Vec::new();
        for number in 0..6 {
            let url = engine.url();
            tasks.push(tokio::spawn(async move {
                let store = Store::open(&url, Uuid::from_u128(number)).await.unwrap();
                store.head().await.unwrap().log_id
            }));
        }
        let mut ids = Vec::new();
        for task in tasks {
            ids.push(task.await.unwrap());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
    }

    async fn an_unknown_format_is_refused(engine: Engine) {
        let store = open(&engine).await;
        execute(&engine, "UPDATE log_head SET format = 2").await;
        let unknown = |error: &Error| matches!(
            error,
            Error::Refused(refusal) if refusal.condition.reason() == STORE_FORMAT_UNKNOWN
        );
        assert!(unknown(&store.head().await.unwrap_err()));
        assert!(unknown(&store.begin().await.unwrap_err()));
        assert!(unknown(&store.load().await.unwrap_err()));
        let refused = refusal(&engine.url()).await;
        assert!(refused.contains("the log has format 2, this release knows 1"), "{refused}");
    }

    async fn a_database_with_missing_steps_is_brought_up(engine: Engine) {
        let store = open(&engine).await;
        append(&store, &[first_change()]).await;
        store.close().await;
        let views = "SELECT viewname FROM pg_views WHERE schemaname = 'public'";
        let views = match engine {
            Engine::Sqlite(..) => "SELECT name FROM sqlite_master WHERE type = 'view'",
            Engine::Postgres(_) => views,
        };
        for view in texts(&engine, views).await {
            execute(&engine, &format!("DROP VIEW {view}")).await;
        }
        for table in ["api_key_uses", "tree_hashes", "file_uploads", "file_parts", "files"] {
            execute(&engine, &format!("DROP TABLE {table}")).await;
        }
        execute(&engine, "ALTER TABLE changes DROP COLUMN redaction").await;
        execute(&engine, "DELETE FROM ndp_migrations WHERE version > 1").await;
        let loaded = open(&engine).await.load().await.unwrap();
        assert_eq!(loaded.head.revision, revision(1));
        assert_eq!(texts(&engine, "SELECT action FROM proposals").await, ["RETIREMENT"]);
    }

    async fn every_kind_has_a_view(engine: Engine) {
        let store = open(&engine).await;
        append(&store, &[first_change()]).await;
        for kind in Kind::ALL {
            let (columns, kind) = ("create_time, update_time, revision, image", kind.as_str());
            let viewed = format!("SELECT name, {columns} FROM {kind} ORDER BY name");
            let kept = format!("SELECT name FROM records WHERE kind = '{kind}' ORDER BY name");
            assert_eq!(texts(&engine, &viewed).await, texts(&engine, &kept).await, "{kind}");
        }
    }

    async fn the_database_of_a_newer_release_is_refused(engine: Engine) {
        open(&engine).await.close().await;
        execute(
            &engine,
            "INSERT INTO ndp_migrations (version, description, success, checksum, \
             execution_time) SELECT 9999, 'synthetic', success, checksum, execution_time \
             FROM ndp_migrations WHERE version = 1",
        )
        .await;
        let refused = refusal(&engine.url()).await;
        let said = "a newer release has changed the database: step 9999; run that release";
        assert!(refused.contains(said), "{refused}");
    }

    async fn a_record_that_names_what_does_not_exist_is_found(engine: Engine) {
        let store = open(&engine).await;
        let records = vec![bare("ndp-001", 1), plan(1, "agencies/khong-co")];
        append(&store, &[change(1, records)]).await;
        let found = store.verify().await.unwrap().findings;
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        let named = "effects, revision 1, `platforms/ndp-001/plans/synthetic`, column image: \
                     names `agencies/khong-co`, which does not exist";
        assert!(found.iter().any(|it| it == named), "{found:?}");
    }

    async fn a_gap_in_the_log_is_not_read_over(engine: Engine) {
        let store = open(&engine).await;
        let group: Vec<_> = (1..=5).map(|i| change(i, vec![bare("ndp-001", i)])).collect();
        append(&store, &group).await;
        execute(
            &engine,
            "DELETE FROM effects WHERE revision = 4; DELETE FROM changes WHERE revision = 4",
        )
        .await;
        let gap = store.changes_after(revision(3), 10).await.unwrap_err();
        assert!(is_bug(&gap), "{gap:?}");
    }

    async fn a_row_that_cannot_be_read_is_named(engine: Engine) {
        let store = open(&engine).await;
        append(&store, &[change(1, vec![bare("ndp-001", 1)])]).await;
        execute(&engine, "UPDATE records SET image = replace(image, 'VERIFIED', 'X')").await;
        let error = store.load().await.unwrap_err();
        let Error::Bug(text) = &error else { panic!("{error:?}") };
        let address = "corrupt: records, `platforms/ndp-001` at revision 1: unknown variant `X`";
        assert!(text.starts_with(address), "{text}");
    }

    async fn a_database_is_described_without_its_password(engine: Engine) {
        let store = open(&engine).await;
        let text = store.describe();
        assert!(text.contains("registry.db") || text.contains("test_"), "{text}");
        assert!(!text.contains("ndp@"), "{text}");
    }
}

#[tokio::test]
async fn connections_that_broke_are_replaced() {
    let Some(engine) = Engine::postgres().await else {
        return;
    };
    let store = open(&engine).await;
    append(&store, &[change(1, Vec::new())]).await;
    // several at once, so that more than one idle connection breaks
    let _ = tokio::join!(store.head(), store.head(), store.head(), store.begin());
    execute(
        &engine,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    assert_eq!(store.head().await.unwrap().revision, revision(1));
    append(&store, &[change(2, Vec::new())]).await;
    assert_eq!(store.load().await.unwrap().head.revision, revision(2));
}

#[tokio::test]
async fn only_two_kinds_of_url_are_taken() {
    const FORM: &str = "write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME";
    for (url, said) in [
        ("", FORM),
        ("registry.db", FORM),
        ("mysql://synthetic:hunter2@host/db", FORM),
        ("sqlite::memory:", "a registry is kept in a file"),
        ("sqlite:a?mode=memory", "no `?name=value` follows it"),
    ] {
        let refused = refusal(url).await;
        assert!(
            refused.starts_with("the database's URL: "),
            "{url}: {refused}"
        );
        assert!(
            refused.contains(said) && !refused.contains("hunter2"),
            "{url}: {refused}"
        );
    }
}

/// The registry runs all of these on several threads.
fn _the_futures_can_be_sent(store: &'static Store, tx: &'static mut WriteTx<'static>) {
    fn sent<T>(_: impl Future<Output = T> + Send) {}
    sent(Store::open("", LOG_ID));
    sent(store.head());
    sent(store.load());
    sent(store.changes_after(Revision::ZERO, 1));
    sent(store.key_hashes(&[]));
    sent(store.secret(Secret::PageToken, [0; 32]));
    sent(store.begin());
    sent(store.verify());
    sent(append_to(tx, &[]));
}
