//! The pinned Python tools of tests/python, which users of the contract have: validators, fuzzers
//! and generators of clients.

use std::{path::Path, process::Command, time::Duration};

use super::{
    process::{Process, Stream},
    tools,
};

/// Far more than any of them takes.
const BOUND: Duration = Duration::from_secs(900);

/// A folder of one test in which they run; what they generate into `generated` can be imported.
pub(crate) struct Python {
    bin: std::path::PathBuf,
    directory: tempfile::TempDir,
}

impl Python {
    /// None when the tools are left out.
    pub(crate) fn new() -> Option<Self> {
        let bin = tools::python_tools()?;
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("generated")).unwrap();
        Some(Self { bin, directory })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// Runs one of the tools, which has to succeed; what it prints.
    pub(crate) fn run(&self, tool: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.bin.join(tool));
        // the tools call each other by name
        let path = std::env::var("PATH").unwrap();
        command
            .args(arguments)
            .current_dir(self.folder())
            .env("PATH", format!("{}:{path}", self.bin.display()))
            .env("PYTHONPATH", self.folder().join("generated"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("NO_COLOR", "1");
        let process = Process::spawn(command);
        let ended = process.wait(BOUND);
        let printed = process.printed(Stream::Stdout) + &process.printed(Stream::Stderr);
        assert!(ended.success(), "{tool}:\n{printed}");
        printed
    }

    /// Runs a program of tests/python.
    pub(crate) fn program(&self, name: &str, arguments: &[&str]) -> String {
        let program = tools::repository().join("tests/python").join(name);
        let program = program.to_str().unwrap();
        self.run("python", &[&[program], arguments].concat())
    }
}
