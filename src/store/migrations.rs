//! Migrates the schema to this release, also when two processes start at once, and checks whether a
//! schema is of this release.

use std::{borrow::Cow, sync::LazyLock};

use sqlx::{
    Executor as _, PgConnection,
    migrate::{MigrateError, Migrator},
};
use uuid::Uuid;

use super::{
    engine::{Engine, Link, On, Tx, on_engine},
    errors::Failure,
    log,
    opening::{Obstacle, When},
};

static SQLITE: LazyLock<Migrator> = LazyLock::new(|| unlocked(sqlx::migrate!("migrations/sqlite")));
static POSTGRES: LazyLock<Migrator> =
    LazyLock::new(|| unlocked(sqlx::migrate!("migrations/postgres")));

/// Marks a file as a registry's: `NDPR` in ASCII. The first step sets it.
const SQLITE_APPLICATION_ID: i64 = 0x4e44_5052;

/// The key of the advisory lock. Any number that no other program uses.
const LOCK: i64 = 0x6e64_705f_7265_6769;

/// Whether a table of this name exists on the search path.
const SQLITE_HAS: &str = "SELECT count(*) FROM sqlite_master WHERE name = $1";
const POSTGRES_HAS: &str = "SELECT count(*) FROM pg_class WHERE oid = to_regclass($1)";
/// Whether there is any table.
const SQLITE_HAS_ANY: &str =
    "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

const APPLIED: &str = "SELECT version, checksum, success FROM ndp_migrations ORDER BY version";

const MIGRATING: &str = "migrating the database";
const READING: &str = "reading the schema's version";

/// The table of steps that have run. It is our own: another program may use sqlx's in the same
/// schema.
const STEPS: &str = "ndp_migrations";

/// sqlx's own lock is released before the transaction ends, and stays held when the transaction
/// fails.
fn unlocked(mut migrator: Migrator) -> Migrator {
    migrator.set_locking(false);
    migrator.dangerous_set_table_name(STEPS);
    migrator
}

/// The migration state of a database's schema.
enum Schema {
    /// There is no schema.
    Absent,
    /// Steps are missing; this is the first.
    Behind(i64),
    /// It is the schema of this release.
    Current,
}

/// Runs the pending steps and creates the head of a new log, all in one transaction. A role that
/// may not change the schema can serve a schema that is up to date.
pub(super) async fn run(engine: &Engine, log_id: Uuid) -> Result<(), Obstacle> {
    let mut tx = engine.begin().await.when(MIGRATING)?;
    // on SQLite, BEGIN IMMEDIATE keeps a second process waiting
    if let On::Postgres(tx) = &mut tx {
        lock(tx).await.when(MIGRATING)?;
    }
    match schema(tx.link()).await? {
        Schema::Current => {}
        Schema::Absent | Schema::Behind(_) => migrate(&mut tx).await?,
    }
    let made = log::make_head(tx.link(), log_id).await;
    made.when(MIGRATING)?;
    tx.commit().await.when(MIGRATING)
}

/// Refuses a database whose schema is not of this release. For databases that are only read.
pub(super) async fn verify(engine: &Engine) -> Result<(), Obstacle> {
    let mut tx = engine.snapshot().await.when(READING)?;
    match schema(tx.link()).await? {
        Schema::Current => Ok(()),
        Schema::Absent => Err(Obstacle::unfit(
            "there is no registry in it",
            "name the database of one",
        )),
        Schema::Behind(step) => Err(Obstacle::unfit(
            format!("its schema is of an older release: step {step} is missing"),
            "start `serve` of this release on it once, or run the release that wrote it",
        )),
    }
}

async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // a migration may rewrite a large table while a second process waits for it
    connection
        .execute("SET LOCAL lock_timeout = '600s'; SET LOCAL statement_timeout = '600s'")
        .await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(connection).await.map(|_| ())
}

async fn migrate(tx: &mut Tx<'_>) -> Result<(), Obstacle> {
    let migrated = match tx {
        On::Sqlite(tx) => SQLITE.run_direct(None, &mut **tx, false).await,
        On::Postgres(tx) => POSTGRES.run_direct(None, &mut **tx, false).await,
    };
    migrated.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            Obstacle::Failed(MIGRATING, Failure::Sql(error))
        }
        other => Obstacle::unfit(format!("{MIGRATING}: {other}"), ""),
    })
}

/// The migration state of the schema. Refuses a schema that this release cannot have created and
/// cannot migrate.
async fn schema(mut link: Link<'_>) -> Result<Schema, Obstacle> {
    let is_ours = has(&mut link, "log_head").await.when(READING)?;
    let has_steps = has(&mut link, STEPS).await.when(READING)?;
    let mark = mark(&mut link).await.when(READING)?;
    if !is_ours || !has_steps || mark != SQLITE_APPLICATION_ID {
        let others = match &mut link {
            On::Sqlite(connection) => {
                let any = sqlx::query_scalar::<_, i64>(SQLITE_HAS_ANY);
                let any = any.fetch_one(&mut **connection).await.when(READING)? > 0;
                any || mark != 0
            }
            // other programs may have tables in the same schema, but not the same steps
            On::Postgres(_) => is_ours || has_steps,
        };
        return if others {
            Err(Obstacle::unfit(
                "it is the database of another program",
                "give the registry one of its own",
            ))
        } else {
            Ok(Schema::Absent)
        };
    }
    let applied: Vec<(i64, Vec<u8>, bool)> = on_engine!(&mut link, connection => {
        sqlx::query_as(APPLIED).fetch_all(&mut **connection).await
    })
    .when(READING)?;
    let steps = match &link {
        On::Sqlite(_) => &*SQLITE,
        On::Postgres(_) => &*POSTGRES,
    };
    compare(steps, &applied)
}

/// The program that a SQLite file is marked for. Always ours on PostgreSQL, whose databases have no
/// mark.
async fn mark(link: &mut Link<'_>) -> Result<i64, sqlx::Error> {
    match link {
        On::Sqlite(connection) => {
            let mark = sqlx::query_scalar("PRAGMA application_id");
            mark.fetch_one(&mut **connection).await
        }
        On::Postgres(_) => Ok(SQLITE_APPLICATION_ID),
    }
}

async fn has(link: &mut Link<'_>, table: &str) -> Result<bool, sqlx::Error> {
    let count: i64 = match link {
        On::Sqlite(connection) => {
            let has = sqlx::query_scalar(SQLITE_HAS).bind(table);
            has.fetch_one(&mut **connection).await?
        }
        On::Postgres(connection) => {
            let has = sqlx::query_scalar(POSTGRES_HAS).bind(table);
            has.fetch_one(&mut **connection).await?
        }
    };
    Ok(count > 0)
}

fn compare(steps: &Migrator, applied: &[(i64, Vec<u8>, bool)]) -> Result<Schema, Obstacle> {
    for (version, checksum, success) in applied {
        let Some(step) = steps.iter().find(|step| step.version == *version) else {
            return Err(Obstacle::unfit(
                format!("a newer release has changed the database: step {version}"),
                "run that release",
            ));
        };
        if !success || step.checksum != Cow::Borrowed(checksum.as_slice()) {
            return Err(Obstacle::unfit(
                format!("step {version} of its schema is not the one of this release"),
                "run the build that made it, or restore a backup of a released one",
            ));
        }
    }
    let missing = steps
        .iter()
        .find(|step| applied.iter().all(|(version, ..)| *version != step.version));
    Ok(missing.map_or(Schema::Current, |step| Schema::Behind(step.version)))
}
