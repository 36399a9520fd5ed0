//! A private PgBouncer in front of a cluster of the tests; ended when dropped.

use std::{fs, sync::Once, time::Duration};

use super::{
    postgres::{Cluster, percent_encode},
    process::Process,
    tools::pgbouncer,
};

/// A failure guard, not a promise.
const BOUND: Duration = Duration::from_secs(30);

/// A pooler for all databases of a cluster.
pub(crate) struct Pooler {
    url: String,
    _process: Process,
}

impl Pooler {
    /// Starts one with this pool mode and `name=value` settings on top; none when PgBouncer is
    /// left out.
    pub(crate) fn start(cluster: &Cluster, mode: &str, settings: &[&str]) -> Option<Self> {
        static SAID: Once = Once::new();
        let program = pgbouncer(&SAID)?;
        // beside the cluster's own socket, under another port
        let directory = cluster.directory();
        let configuration = format!(
            "[databases]\n* = host={directory} port=5432\n\
             [pgbouncer]\nunix_socket_dir = {directory}\nlisten_port = 6432\n\
             auth_type = trust\nauth_file = {directory}/users\npool_mode = {mode}\n{}\n",
            settings.join("\n"),
            directory = directory.display(),
        );
        fs::write(directory.join("users"), "\"ndp\" \"\"\n").unwrap();
        fs::write(directory.join("pgbouncer.ini"), configuration).unwrap();
        let mut command = cluster.command(&program);
        command.arg(directory.join("pgbouncer.ini"));
        let process = Process::spawn(command);
        process.wait_for_line("process up", BOUND);
        let directory = percent_encode(directory);
        Some(Self {
            url: format!("postgres://ndp@localhost:6432/DATABASE?host={directory}"),
            _process: process,
        })
    }

    /// Where to connect to a database through it.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url.replacen("DATABASE", database, 1)
    }
}
