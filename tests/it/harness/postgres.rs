//! A private PostgreSQL for the tests: one cluster a run, one fresh database a test.
//!
//! The cluster lives in a temporary directory, listens on a Unix socket there and nowhere else,
//! and forgets durability (`fsync=off`); a test that kills the database starts its own with
//! [`Cluster::start_with`]. A watchdog process stops the cluster and removes the directory when
//! the test process ends, however it ends: libtest offers no hook, and statics are not dropped.

use std::{
    cmp::Reverse,
    collections::HashMap,
    env, fs,
    io::{Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, LazyLock, Mutex, Once,
        atomic::{AtomicU64, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use super::{left_out, tools::in_path};

const USER: &str = "ndp";
const PORT: u16 = 5432;
/// The longest socket path of Linux is 107 bytes; `.s.PGSQL.5432.lock` takes 19 of them.
const DIRECTORY_LENGTH: usize = 88;

/// Stops the cluster and removes its directory once the test process is gone: `read` returns
/// when the last write end of the pipe closes, and only the test process holds one. The signals
/// are those that a terminal sends to everything it started. The removal is repeated because an
/// `initdb` cut short may still be writing.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
read -r _ || :
"$1/pg_ctl" -D "$2/data" -m immediate -w stop
for _ in 1 2 3 4 5; do rm -rf "$2" && exit; sleep 1; done
"#;

/// Ways to stop a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// Sessions are ended, everything is written.
    Fast,
    /// As after a loss of power: the next start recovers from the write-ahead log.
    Immediate,
}

/// A running PostgreSQL; stopped and removed when dropped, or with the test process.
pub(crate) struct Cluster {
    directory: PathBuf,
    programs: PathBuf,
    /// The user that its processes run as; PostgreSQL refuses root.
    owner: Option<(u32, u32)>,
    /// Held for its closing: the watchdog waits for that.
    pipe: Option<ChildStdin>,
    watchdog: Child,
}

impl Cluster {
    /// Starts a cluster of the caller's own, as [`Cluster::start`] with `name=value` settings on
    /// top, as `fsync=on`; none when PostgreSQL is left out.
    pub(crate) fn start_with(settings: &[&str]) -> Option<Self> {
        let cluster = Self::prepare(programs()?);
        // Set the C locale and UTF-8 regardless of the environment: C sorts like SQLite's BINARY,
        // and the encoding is never SQL_ASCII.
        let arguments = [
            "--no-sync",
            "-A",
            "trust",
            "-U",
            USER,
            "-E",
            "UTF8",
            "--no-locale",
        ];
        cluster.run("initdb", &arguments);
        cluster.configure(&[
            "max_connections = 200",
            "fsync = off",
            "full_page_writes = off",
        ]);
        cluster.configure(settings);
        cluster.start_again();
        Some(cluster)
    }

    /// A standby that follows this cluster, and can be read.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::prepare(self.programs.clone());
        let primary = self.directory.to_str().unwrap();
        let arguments = ["-h", primary, "-U", USER, "-R", "-c", "fast", "--no-sync"];
        standby.run("pg_basebackup", &arguments);
        standby.configure(&["hot_standby = on"]);
        standby.start_again();
        standby
    }

    /// A directory, and who removes it, with nothing in it yet.
    fn prepare(programs: PathBuf) -> Self {
        let (directory, owner) = make_directory();
        let watchdog = command(Path::new("/bin/sh"), &directory, owner)
            .args(["-c", WATCHDOG, "watchdog"])
            .args([&programs, &directory])
            // out of the terminal's reach
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut watchdog = watchdog.expect("/bin/sh starts");
        let pipe = watchdog.stdin.take();
        Self {
            directory,
            programs,
            owner,
            pipe,
            watchdog,
        }
    }

    /// Adds `name=value` settings, of which a later one wins, and where it listens.
    fn configure(&self, settings: &[&str]) {
        let mut configuration = format!(
            "listen_addresses = ''\n\
             unix_socket_directories = '{}'\n\
             port = {PORT}\n",
            self.directory.display()
        );
        for setting in settings {
            configuration.push_str(setting);
            configuration.push('\n');
        }
        let file = self.directory.join("data/postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(configuration.as_bytes()).unwrap();
    }

    /// Asks every role but the cluster's own for its password.
    pub(crate) async fn ask_for_passwords(&self) {
        let rules = format!("local all {USER} trust\nlocal all all scram-sha-256\n");
        fs::write(self.directory.join("data/pg_hba.conf"), rules).unwrap();
        self.execute("SELECT pg_reload_conf()").await;
    }

    /// Restarts it on a port of this machine, with TLS from these files. From then on it refuses
    /// connections without TLS.
    pub(crate) fn encrypt(&self, port: u16, certificate: &Path, key: &Path) {
        let data = self.directory.join("data");
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = data.join(name);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = self.owner {
                chown(&to, Some(user), Some(group)).unwrap();
            }
        }
        fs::write(
            data.join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 trust\n",
        )
        .unwrap();
        let port = format!("port = {port}");
        self.configure(&["ssl = on", "listen_addresses = '127.0.0.1'", &port]);
        self.stop(Stop::Fast);
        self.start_again();
    }

    /// Where a role with a password connects to one of its databases.
    pub(crate) fn url_of(&self, role: &str, password: &str, database: &str) -> String {
        let url = self.url(database);
        url.replacen(USER, &format!("{role}:{password}"), 1)
    }

    /// A program of our own in its directory, as its owner.
    pub(super) fn command(&self, program: &Path) -> Command {
        command(program, &self.directory, self.owner)
    }

    /// Stops it; its databases stay, for [`Cluster::start_again`].
    pub(crate) fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        self.run("pg_ctl", &["-m", mode, "-w", "-t", "60", "stop"]);
    }

    /// Starts it after a [`Cluster::stop`], and returns once it accepts connections.
    pub(crate) fn start_again(&self) {
        let log = self.directory.join("log");
        let log = log.to_str().unwrap();
        self.run("pg_ctl", &["-l", log, "-w", "-t", "60", "start"]);
    }

    /// Everything the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// The directory of everything, the socket included.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where to connect to one of its databases; `postgres` always exists.
    pub(crate) fn url(&self, database: &str) -> String {
        // a URL needs a host to have a user; the query's directory is what counts
        format!(
            "postgres://{USER}@localhost:{PORT}/{database}?host={}",
            percent_encode(&self.directory)
        )
    }

    /// A new database, empty or a copy of another.
    pub(crate) async fn database(&self, template: Option<&str>) -> PgDatabase {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.create(&name, template.unwrap_or("template0")).await;
        PgDatabase {
            url: self.url(&name),
            name,
        }
    }

    async fn create(&self, name: &str, template: &str) {
        self.execute(&format!(
            r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#
        ))
        .await;
    }

    /// Runs a statement as its owner.
    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let done = connection.execute(AssertSqlSafe(sql.to_owned())).await;
        done.unwrap_or_else(|error| panic!("`{sql}` failed: {error}"));
        connection.close().await.unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.directory.join("output");
        // a file, not a pipe: the server that pg_ctl leaves behind inherits it
        let file = fs::File::create(&output).unwrap();
        let status = command(&self.programs.join(program), &self.directory, self.owner)
            .arg("-D")
            .arg(self.directory.join("data"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .status();
        let status = status.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
        if !status.success() {
            let mut said = String::new();
            fs::File::open(&output)
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!(
                "{program} failed, {status}:\n{said}\nthe server's log:\n{}",
                self.log()
            );
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.pipe = None;
        drop(self.watchdog.wait());
    }
}

/// A database of one test; it goes with its cluster.
#[derive(Debug)]
pub(crate) struct PgDatabase {
    /// Where to connect, in the form that sqlx and libpq read.
    pub(crate) url: String,
    /// Its name in the cluster.
    pub(crate) name: String,
}

static SHARED: LazyLock<Option<Cluster>> = LazyLock::new(|| Cluster::start_with(&[]));

/// A fresh empty database of the run's cluster; none when PostgreSQL is left out.
pub(crate) async fn database() -> Option<PgDatabase> {
    Some(SHARED.as_ref()?.database(None).await)
}

/// A fresh database that holds what `fill` put into the first of this name: migrations run once
/// and are copied from then on, in a tenth of the time.
pub(crate) async fn template(name: &str, fill: impl AsyncFnOnce(&str)) -> Option<PgDatabase> {
    static FILLED: LazyLock<Mutex<HashMap<String, Arc<OnceCell<()>>>>> =
        LazyLock::new(Mutex::default);
    let cluster = SHARED.as_ref()?;
    let template = format!("template_{name}");
    let cell = {
        let mut filled = FILLED
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        Arc::clone(filled.entry(template.clone()).or_default())
    };
    cell.get_or_init(async || {
        // a test that failed half way may have left one; WITH (FORCE) since PostgreSQL 13
        let drop = format!(r#"DROP DATABASE IF EXISTS "{template}" WITH (FORCE)"#);
        cluster.execute(&drop).await;
        cluster.create(&template, "template0").await;
        fill(&cluster.url(&template)).await;
        // a database in use cannot be copied, and a pool closes its connections in its own time
        let disconnect = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{template}'"
        );
        cluster.execute(&disconnect).await;
    })
    .await;
    Some(cluster.database(Some(&template)).await)
}

/// The directory of PostgreSQL's own programs; none when they are left out.
fn programs() -> Option<PathBuf> {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(find_programs);
    static SAID: Once = Once::new();
    if FOUND.is_none() {
        left_out(&SAID, "tests on PostgreSQL", "no initdb found");
    }
    FOUND.clone()
}

fn find_programs() -> Option<PathBuf> {
    if let Some(named) = env::var_os("NDP_TEST_PG_BIN").filter(|it| !it.is_empty()) {
        return Some(PathBuf::from(named)).filter(|it| it.join("initdb").is_file());
    }
    if let Some(initdb) = in_path("initdb") {
        // the link of a packager leads to where pg_ctl is
        return Some(initdb.canonicalize().ok()?.parent()?.to_owned());
    }
    // Debian keeps them out of PATH, a directory a version
    let mut found: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let programs = entry.ok()?.path().join("bin");
            let version: u32 = programs.parent()?.file_name()?.to_str()?.parse().ok()?;
            programs
                .join("initdb")
                .is_file()
                .then_some((Reverse(version), programs))
        })
        .collect();
    found.sort();
    found.into_iter().next().map(|(_, programs)| programs)
}

/// A temporary directory owned by the user that PostgreSQL will run as.
fn make_directory() -> (PathBuf, Option<(u32, u32)>) {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("ndp-pg-").disable_cleanup(true);
    let mut parent = env::temp_dir();
    // the owner of the new directory shows whether the tests run as root
    let made = builder.tempdir_in(&parent).unwrap();
    let root = fs::metadata(made.path()).unwrap().uid() == 0;
    let reached = parent
        .ancestors()
        .all(|it| fs::metadata(it).is_ok_and(|it| it.mode() & 1 == 1));
    if made.path().as_os_str().len() <= DIRECTORY_LENGTH && (!root || reached) {
        return (made.path().to_owned(), owner(made.path(), root));
    }
    fs::remove_dir(made.path()).unwrap();
    parent = PathBuf::from("/tmp");
    let made = builder.tempdir_in(&parent).unwrap();
    (made.path().to_owned(), owner(made.path(), root))
}

fn owner(directory: &Path, root: bool) -> Option<(u32, u32)> {
    if !root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let (user, group) = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| {
            let fields: Vec<_> = users
                .lines()
                .map(|line| line.split(':').collect::<Vec<_>>())
                .find(|fields| fields[0] == name)?;
            Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
        })
        .expect("PostgreSQL refuses root, and there is no user `postgres` or `nobody`");
    chown(directory, Some(user), Some(group)).unwrap();
    Some((user, group))
}

/// A command that runs in `directory` as its owner.
fn command(program: &Path, directory: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    for (name, _) in env::vars_os() {
        // PGDATA, PGPORT, PGOPTIONS and their like are of another cluster
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
}

/// A path as part of a URL; every byte that could mean something else there is escaped.
pub(super) fn percent_encode(path: &Path) -> String {
    let mut encoded = String::new();
    for byte in path
        .to_str()
        .expect("the temporary directory is UTF-8")
        .bytes()
    {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
