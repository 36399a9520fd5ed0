//! Builds a client with the commands of its README: in a copy below the target directory, so that
//! the clone stays clean, and again only when its inputs change.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::harness::{
    process::{Process, Stream, binary_directory, clear_settings},
    sha256,
    tools::{self, repository},
};

/// Far more than a build takes that downloads everything.
const BOUND: Duration = Duration::from_secs(900);

/// A client under `clients/`.
pub(super) struct Client {
    /// Its folder.
    pub(super) folder: &'static str,
    /// How its README runs it.
    pub(super) program: &'static [&'static str],
    /// The programs that it is built and run with.
    pub(super) tools: &'static [fn() -> Option<PathBuf>],
    built: OnceLock<Result<PathBuf, String>>,
}

impl Client {
    pub(super) const fn new(
        folder: &'static str,
        program: &'static [&'static str],
        tools: &'static [fn() -> Option<PathBuf>],
    ) -> Self {
        Self {
            folder,
            program,
            tools,
            built: OnceLock::new(),
        }
    }

    /// Builds it, once in a run of the tests; none when a tool is left out.
    pub(super) fn build(&self) -> Option<&Path> {
        let tools: Option<Vec<_>> = self.tools.iter().map(|tool| tool()).collect();
        let path = path_with(&tools?);
        let built = self.built.get_or_init(|| build(self, &path));
        Some(built.as_ref().unwrap_or_else(|error| panic!("{error}")))
    }

    /// The program, to be given arguments; none when it is left out.
    pub(super) fn command(&self, server: &str, key: &str) -> Option<Command> {
        let (program, arguments) = self.program.split_first().unwrap();
        self.run(program, arguments, server, key)
    }

    /// A program in its folder; none when it is left out.
    pub(super) fn run(
        &self,
        program: &str,
        arguments: &[&str],
        server: &str,
        key: &str,
    ) -> Option<Command> {
        let place = self.build()?;
        let tools: Vec<_> = self.tools.iter().filter_map(|tool| tool()).collect();
        let path = path_with(&tools);
        // a program of the folder, or one of PATH
        let program = if program.contains('/') {
            place.join(program)
        } else {
            tools::in_one_of(&path, program).unwrap_or_else(|| program.into())
        };
        let mut command = Command::new(program);
        clear_settings(&mut command);
        command
            .args(arguments)
            .current_dir(place)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("NDP_SERVER", server)
            .env("NDP_KEY", key);
        Some(command)
    }
}

/// `PATH` with the directories of these programs first.
fn path_with(tools: &[PathBuf]) -> OsString {
    let first = tools.iter().filter_map(|it| it.parent()).map(PathBuf::from);
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.chain(env::split_paths(&rest))).unwrap()
}

/// The commands that come before the program itself, in a README's first console block.
fn steps<'a>(readme: &'a str, program: &str) -> Vec<&'a str> {
    let block = readme.split("```console\n").nth(1).unwrap_or_default();
    let block = block.split("```").next().unwrap_or_default();
    block
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .take_while(|command| !command.starts_with(program))
        .collect()
}

fn build(client: &Client, path: &OsStr) -> Result<PathBuf, String> {
    let folder = client.folder;
    let started = Instant::now();
    let root = binary_directory().with_file_name("clients");
    let place = root.join("clients").join(folder);
    let inputs = Inputs::of(folder);
    let stamp = root.join(format!("{folder}.built"));
    let before = fs::read_to_string(&stamp).unwrap_or_default();
    let now = inputs.manifest();
    if before == now {
        return Ok(place);
    }
    inputs.copy(&root, &before);
    let readme = fs::read_to_string(place.join("README.md")).map_err(|error| error.to_string())?;
    let steps = steps(&readme, &client.program.join(" "));
    if steps.is_empty() {
        return Err(format!("clients/{folder}/README.md tells no command"));
    }
    for step in steps {
        let mut command = Command::new("bash");
        clear_settings(&mut command);
        command
            .args(["--noprofile", "--norc", "-euc", step])
            .current_dir(&place)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("BUF_CACHE_DIR", root.join("buf"))
            // the copy lies in someone else's work tree
            .env("GOFLAGS", "-buildvcs=false");
        let process = Process::spawn(command);
        let status = process.wait(BOUND);
        if !status.success() {
            return Err(format!(
                "clients/{folder}/README.md: $ {step}\n{status}\n{}{}",
                process.printed(Stream::Stdout),
                process.printed(Stream::Stderr)
            ));
        }
    }
    fs::write(&stamp, now).map_err(|error| error.to_string())?;
    // not `eprintln!`: libtest captures that, and shows it for failed tests only
    let line = format!(
        "clients/{folder}: built in {} s\n",
        started.elapsed().as_secs()
    );
    std::io::stderr()
        .write_all(line.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(place)
}

/// The files that a client is built from, by their paths from the root, and their bytes.
struct Inputs(BTreeMap<PathBuf, Vec<u8>>);

impl Inputs {
    fn of(folder: &str) -> Self {
        let folder = Path::new("clients").join(folder);
        let ignored = fs::read_to_string(repository().join(&folder).join(".gitignore")).unwrap();
        let mut found = Self(BTreeMap::new());
        found.add(Path::new("proto"), &|_| false);
        found.add(&folder, &|path| {
            let within = path.strip_prefix(&folder).unwrap();
            ignored.lines().any(|line| {
                let named = line.trim_end_matches('/');
                match named.strip_prefix('/') {
                    Some(named) => within == Path::new(named),
                    None => within.ends_with(named),
                }
            })
        });
        found
    }

    fn add(&mut self, folder: &Path, is_ignored: &dyn Fn(&Path) -> bool) {
        for entry in fs::read_dir(repository().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if is_ignored(&path) {
                continue;
            }
            if entry.path().is_dir() {
                self.add(&path, is_ignored);
            } else {
                self.0.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }

    /// A line a file: its digest and its path.
    fn manifest(&self) -> String {
        let line =
            |(path, bytes): (&PathBuf, &Vec<u8>)| format!("{} {}\n", sha256(bytes), path.display());
        self.0.iter().map(line).collect()
    }

    /// Makes the copy the same, and leaves what is the same alone: tools go by its time.
    fn copy(&self, root: &Path, before: &str) {
        for old in before.lines().filter_map(|line| line.split_once(' ')) {
            // the protos are other clients' too; one that is gone is gone for them as well
            if !self.0.contains_key(Path::new(old.1)) {
                let _ = fs::remove_file(root.join(old.1));
            }
        }
        for (path, bytes) in &self.0 {
            let copy = root.join(path);
            if fs::read(&copy).is_ok_and(|it| it == *bytes) {
                continue;
            }
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            // by a rename: another client may be reading the protos
            let partial = tempfile::NamedTempFile::new_in(copy.parent().unwrap()).unwrap();
            fs::write(partial.path(), bytes).unwrap();
            partial.persist(&copy).unwrap();
        }
    }
}
