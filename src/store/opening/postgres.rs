//! PostgreSQL, directly or through a pooler.
//!
//! Nothing is set for a session: settings of the server, the database or the role may override it,
//! and a pooler in transaction mode shares the connection with other clients. Instead, each
//! transaction begins by setting what its statements depend on.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Postgres, Row as _,
    pool::PoolOptions, postgres::PgConnectOptions,
};
use tokio::time::timeout;

use super::{
    Obstacle, Purpose, READER_ACQUIRE_TIMEOUT, READERS_MAX, WRITER_ACQUIRE_TIMEOUT, When, is_sound,
};
use crate::store::{
    engine::{Engine, On, Pools, silent},
    errors::{chain, is_state},
};

/// One for writing, and one to look up the outcome of a commit on a new connection.
const WRITERS_MAX: u32 = 2;

/// How long the start waits for an unreachable server, and the limit for one connection attempt.
const REACH_TIME: Duration = Duration::from_secs(10);
const ATTEMPT_TIME: Duration = Duration::from_secs(5);
/// Pause after the first failed attempt. Each pause is twice the one before, up to a maximum.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A pooler without a free connection lets the query wait.
const POOLED_TIME: Duration = Duration::from_secs(2);
/// Number of tests whether the pooler assigns connections per transaction. Other clients of the
/// same pooler may disturb a single test.
const POOLED_ROUNDS: u32 = 3;

/// What every transaction sets for itself.
const SETTINGS: &[(&str, &str)] = &[
    // an acknowledged change is on disk
    ("synchronous_commit", "on"),
    // the head's row is locked for one group; another replica's group takes well under a second
    ("lock_timeout", "5s"),
    // a client that stops within a transaction releases the head's row
    ("idle_in_transaction_session_timeout", "30s"),
    // required for the meaning of our string literals and conditions
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    // how the head's digest is read, in a query that is sent with BEGIN
    ("bytea_output", "hex"),
    // a row security policy that hides rows causes an error, never fewer rows
    ("row_security", "off"),
];
/// A group is a few statements of milliseconds each.
const WRITER: &[(&str, &str)] = &[("statement_timeout", "30s")];
/// Loading streams whole tables.
const READER: &[(&str, &str)] = &[("statement_timeout", "5min")];

/// The writer waits for the head's row and then sees the changes that were committed meanwhile.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// All statements of a reader see one state of the database.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Used before the schema is known, with time limits for the queries.
const BEGIN_ASKING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL statement_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '30s'";

const CONNECTING: &str = "connecting";
const BEGINNING: &str = "beginning a transaction";

/// The first query to a server, sent as a simple query, because the pooler may not keep prepared
/// statements of different clients apart.
const FACTS: &str = "SELECT current_setting('server_encoding') AS encoding, \
     current_setting('server_version_num') AS version, \
     pg_is_in_recovery()::text AS standby, \
     current_setting('session_replication_role') AS replication_role, \
     current_setting('fsync') AS fsync, \
     current_schema()::text AS schema, \
     (SELECT nspname::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
      WHERE pg_class.oid = to_regclass('log_head')) AS found, \
     (SELECT string_agg(nspname::text, ', ') \
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
      WHERE relname = 'log_head' AND relkind IN ('r', 'p')) AS elsewhere";

/// How our connections relate to sessions of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pooling {
    /// Each connection has its own session, or a pooler separates prepared statements.
    Kept,
    /// Sessions are shared per transaction, together with other clients' prepared statements.
    Shared,
}

/// Properties of a server that can be served on.
struct Server {
    pooling: Pooling,
    /// Where the tables are, or will be.
    schema: String,
    version: u32,
}

/// The location of the database, for display.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let role = options.get_username();
    let database = options.get_database().unwrap_or(role);
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        // a host that is a directory is the directory of a socket
        None if options.get_host().starts_with('/') => options.get_host().to_owned(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    format!("PostgreSQL, database {database} at {place}, role {role}")
}

pub(super) async fn open(
    options: PgConnectOptions,
    purpose: Purpose,
    place: &str,
) -> Result<Engine, Obstacle> {
    let server = reach(&options, purpose, place).await?;
    let options = match server.pooling {
        Pooling::Kept => options,
        // no statement is cached for the next transaction
        Pooling::Shared => options.statement_cache_capacity(0),
    };
    let begin_read = server.begin(BEGIN_READ, READER);
    let (writers_max, begin_write) = match purpose {
        Purpose::Serve => (WRITERS_MAX, server.begin(BEGIN_WRITE, WRITER)),
        Purpose::Read => (1, Arc::clone(&begin_read)),
    };
    Ok(On::Postgres(Pools {
        writer: pool(writers_max, WRITER_ACQUIRE_TIMEOUT).connect_lazy_with(options.clone()),
        reader: pool(READERS_MAX, READER_ACQUIRE_TIMEOUT).connect_lazy_with(options),
        begin_write,
        begin_read,
    }))
}

/// A pool whose connections are given back without a transaction.
fn pool(connections_max: u32, acquire_timeout: Duration) -> PoolOptions<Postgres> {
    super::pool(connections_max, acquire_timeout).after_release(
        |connection: &mut PgConnection, _| {
            Box::pin(is_sound(async move {
                // after a failed or abandoned BEGIN, sqlx does not know that the connection is in a
                // transaction, which began before this statement
                let ask = sqlx::raw_sql("SELECT now() = statement_timestamp()");
                ask.fetch_one(connection).await?.try_get(0)
            }))
        },
    )
}

/// Waits until the server answers. An error that does not pass by itself ends the wait immediately.
async fn reach(
    options: &PgConnectOptions,
    purpose: Purpose,
    place: &str,
) -> Result<Server, Obstacle> {
    tracing::info!("connecting to {place}");
    let mut last = None;
    let reached = timeout(REACH_TIME, async {
        let mut pause = PAUSE;
        loop {
            let attempt = timeout(ATTEMPT_TIME, probe(options, purpose)).await;
            let obstacle = match attempt {
                Ok(Ok(server)) => return Ok(server),
                Ok(Err(obstacle)) if !obstacle.passes() => return Err(obstacle),
                Ok(Err(obstacle)) => obstacle,
                Err(_) => Obstacle::Failed(CONNECTING, silent(ATTEMPT_TIME).into()),
            };
            tracing::warn!(error = %obstacle, "cannot serve from {place} yet; trying again");
            last = Some(obstacle);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    });
    match reached.await {
        Ok(reached) => reached,
        Err(_) => {
            Err(last.unwrap_or_else(|| Obstacle::Failed(CONNECTING, silent(REACH_TIME).into())))
        }
    }
}

/// One attempt: connects, queries the properties of the server, and tests the statements that begin
/// a transaction.
async fn probe(options: &PgConnectOptions, purpose: Purpose) -> Result<Server, Obstacle> {
    let mut connection = options.connect().await.when(CONNECTING)?;
    let begun = sqlx::raw_sql(BEGIN_ASKING).execute(&mut connection).await;
    if let Err(error) = &begun
        && is_state(error, "08P01")
    {
        return Err(Obstacle::unfit(
            format!("no transaction begins: {}", chain(error)),
            "if a pooler stands in between, give it `pool_mode` session or transaction",
        ));
    }
    begun.when(BEGINNING)?;
    let server = facts(&mut connection, purpose).await?;
    let ended = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
    ended.when(BEGINNING)?;
    let pooling = pooling(&mut connection, options).await;
    let server = Server {
        pooling: pooling.when("asking how connections are pooled")?,
        ..server
    };
    let (begin, settings, isolation) = match purpose {
        Purpose::Serve => (BEGIN_WRITE, WRITER, "read committed"),
        Purpose::Read => (BEGIN_READ, READER, "repeatable read"),
    };
    let begin = server.begin(begin, settings);
    let settings = SETTINGS.iter().chain(settings).copied();
    let settings = settings.chain([("transaction_isolation", isolation)]);
    let untrue = untrue(&mut connection, begin, settings).await;
    if let Some(name) = untrue.when(BEGINNING)? {
        return Err(Obstacle::unfit(
            format!("the setting `{name}` does not hold in a transaction that sets it"),
            "see what stands between the registry and the server",
        ));
    }
    drop(connection.close().await);
    Ok(server)
}

async fn facts(connection: &mut PgConnection, purpose: Purpose) -> Result<Server, Obstacle> {
    const ASKING: &str = "asking what kind of server it is";
    let row = sqlx::raw_sql(FACTS).fetch_one(connection).await;
    let row = row.when(ASKING)?;
    let fact = |name: &str| row.try_get::<Option<String>, _>(name);
    let text = |name: &str| fact(name).map(Option::unwrap_or_default);
    let encoding = text("encoding").when(ASKING)?;
    if encoding != "UTF8" {
        return Err(Obstacle::unfit(
            format!("the database's encoding is {encoding}, which cannot hold every text"),
            "create it with ENCODING 'UTF8' TEMPLATE template0",
        ));
    }
    if purpose == Purpose::Serve && text("standby").when(ASKING)? == "true" {
        return Err(Obstacle::unfit(
            "the server is a standby, which does not write",
            "connect to the primary; `admin verify` can be run on a standby",
        ));
    }
    let role = text("replication_role").when(ASKING)?;
    if role != "origin" {
        return Err(Obstacle::unfit(
            format!("`session_replication_role` is {role}, which turns foreign keys off"),
            "reset it for the role and the database",
        ));
    }
    if purpose == Purpose::Serve && text("fsync").when(ASKING)? != "on" {
        tracing::warn!("the server's `fsync` is off: a power cut may lose acknowledged changes");
    }
    let (found, elsewhere) = (fact("found").when(ASKING)?, fact("elsewhere").when(ASKING)?);
    let schema = match (found, elsewhere, fact("schema").when(ASKING)?) {
        (Some(found), ..) => found,
        // otherwise, an empty registry in another schema would be served in place of this one
        (None, Some(elsewhere), _) => {
            return Err(Obstacle::unfit(
                format!("the search path does not lead to the registry in schema {elsewhere}"),
                "set the role's `search_path`, or end the URL with `options=-csearch_path=SCHEMA`",
            ));
        }
        (None, None, Some(schema)) => schema,
        (None, None, None) => {
            return Err(Obstacle::unfit(
                "the search path leads to no schema that the role may use",
                "create one and grant the role USAGE and CREATE on it",
            ));
        }
    };
    Ok(Server {
        pooling: Pooling::Kept,
        schema,
        version: text("version").when(ASKING)?.parse().unwrap_or_default(),
    })
}

/// Finds out whether a pooler assigns a session per transaction: checks whether our session stays
/// the same while another connection of ours is in a transaction.
async fn pooling(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
) -> Result<Pooling, sqlx::Error> {
    let mut other = options.connect().await?;
    let mut shared = false;
    for _ in 0..POOLED_ROUNDS {
        let before = session(connection).await?;
        let begun = timeout(POOLED_TIME, sqlx::raw_sql(BEGIN_ASKING).execute(&mut other)).await;
        begun.map_err(|_| silent(POOLED_TIME))??;
        let of_other = session(&mut other).await?;
        shared = of_other == before || {
            // it waits if the other connection holds the only session
            let after = timeout(POOLED_TIME, session(connection)).await;
            !matches!(after, Ok(Ok(after)) if after == before)
        };
        if shared {
            break;
        }
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await?;
    }
    let pooling = if shared && !are_kept_apart(&mut other).await? {
        Pooling::Shared
    } else {
        Pooling::Kept
    };
    drop(other.close().await);
    if shared {
        tracing::info!(
            ?pooling,
            "connections go through a pooler, for each transaction anew"
        );
    }
    Ok(pooling)
}

async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let asked = sqlx::raw_sql("SELECT pg_backend_pid()");
    asked.fetch_one(connection).await?.try_get(0)
}

/// Whether a pooler renames prepared statements so that those of different connections do not
/// conflict. Uses a prepared statement within a transaction.
async fn are_kept_apart(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let ours = "SELECT count(*) FROM pg_prepared_statements \
         WHERE name LIKE 'sqlx%' AND statement LIKE '%FROM pg_prepared_statements%'";
    match sqlx::query_scalar::<_, i64>(ours)
        .fetch_one(connection)
        .await
    {
        Ok(count) => Ok(count == 0),
        // another client left a statement of that name
        Err(error) if is_state(&error, "42P05") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The first setting that differs from the value that the begin statement has set.
async fn untrue(
    connection: &mut PgConnection,
    begin: Arc<str>,
    settings: impl Iterator<Item = (&str, &str)>,
) -> Result<Option<String>, sqlx::Error> {
    let wanted: Vec<_> = settings
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    let ask = format!(
        "SELECT name FROM (VALUES {}) AS wanted (name, value) WHERE current_setting(name) <> value",
        wanted.join(", ")
    );
    let mut tx = connection.begin_with(AssertSqlSafe(begin)).await?;
    let row = sqlx::raw_sql(AssertSqlSafe(ask))
        .fetch_optional(&mut *tx)
        .await?;
    tx.rollback().await?;
    row.map(|row| row.try_get(0)).transpose()
}

impl Server {
    /// The statements that begin a transaction.
    fn begin(&self, begin: &str, settings: &[(&str, &str)]) -> Arc<str> {
        let mut text = begin.to_owned();
        // the timeout comes first, because until then another client's value applies
        for (name, value) in settings.iter().chain(SETTINGS) {
            let _ = write!(text, "; SET LOCAL {name} = '{value}'");
        }
        if self.version >= 170_000 {
            text.push_str("; SET LOCAL transaction_timeout = 0");
        }
        // temporary tables come last, because otherwise they would hide ours
        let schema = self.schema.replace('"', "\"\"");
        let _ = write!(text, "; SET LOCAL search_path = \"{schema}\", pg_temp");
        if self.pooling == Pooling::Shared {
            // other clients' prepared statements may use the names that we need
            text.push_str("; DEALLOCATE ALL");
        }
        Arc::from(text)
    }
}
