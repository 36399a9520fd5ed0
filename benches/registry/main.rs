//! The registry's speed as ratios: `cargo bench`, or `cargo bench -- get` for a part, or
//! `cargo bench -- hostile PING` for an attack. The parts `million`, `tasks`, `observations`,
//! `import` and `crowd` take minutes, and run only if they are named; `--records N` has fewer tasks
//! or observations than a million, or fewer rows of a file than 100,000.
//!
//! The server is the real binary with everything on, beside a bare tonic service that answers the
//! same bytes under the same settings. Clients are in a process of their own. Rounds alternate
//! between the two servers, so that other load on the machine affects both; what is printed is the
//! median over rounds and, of ratios, the least and the greatest. Any error fails the run.
//!
//! The part `etcd` puts etcd in the place of the bare service, with the same records.
//!
//! The figures are also written to `target/bench/figures.json`. All data but the shipped catalogue
//! is synthetic, see `generate.rs`.

mod bare;
mod compare;
mod etcd;
mod floor;
mod generate;
mod hostile;
mod import;
mod load;
mod measure;
mod observations;
mod past;
mod process;
mod size;
mod summary;
mod tasks;
mod tree;
mod watch;
mod web;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// As the server's, so that the bare service has no other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the command line asks for.
#[derive(Debug)]
struct Options {
    /// Parts to run, by what their names contain; all when empty.
    parts: Vec<String>,
    /// How often each measurement is made.
    rounds: usize,
    /// How long each takes.
    measure: Duration,
    /// How many tasks, observations or rows there are.
    records: usize,
}

impl Options {
    fn read(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            parts: Vec::new(),
            rounds: 5,
            measure: Duration::from_millis(700),
            records: generate::HUGE,
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| argument.clone());
            match argument.as_str() {
                "--rounds" => options.rounds = value()?.parse()?,
                "--milliseconds" => options.measure = Duration::from_millis(value()?.parse()?),
                "--records" => options.records = value()?.parse()?,
                // cargo's own
                "--bench" => {}
                flag if flag.starts_with('-') => anyhow::bail!(
                    "`{flag}`: there are --rounds N, --milliseconds N and --records N, and parts: \
                     {}",
                    PARTS.join(", ")
                ),
                _ => options.parts.push(argument),
            }
        }
        ensure!(options.rounds > 0, "--rounds 0");
        ensure!(options.records > 0, "--records 0");
        // an attack is named after the part `hostile`
        for part in &options.parts {
            let known = PARTS.iter().any(|name| name.contains(part.as_str()));
            let known = known || (options.wants(hostile::HOSTILE) && hostile::knows(part));
            ensure!(known, "no part `{part}`; there are {}", PARTS.join(", "));
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.parts.is_empty() || self.names(name)
    }

    /// Whether a part is named, as those must be that take minutes.
    fn names(&self, name: &str) -> bool {
        self.parts.iter().any(|part| name.contains(part.as_str()))
    }
}

/// Every part, in the order they run.
const PARTS: [&str; 22] = [
    compare::GET,
    compare::GET_WITH_KEY,
    compare::LIST_BASIC,
    compare::LIST_FULL,
    compare::LIST_FILTERED,
    compare::UPDATE,
    compare::UPDATE_WITH_ID,
    tree::TREE,
    etcd::ETCD,
    watch::WATCH,
    watch::CROWD,
    floor::FLOOR,
    size::START,
    size::MILLION,
    size::PAGES,
    past::PAST,
    summary::SUMMARY,
    tasks::TASKS,
    observations::OBSERVATIONS,
    import::IMPORT,
    web::WEB,
    hostile::HOSTILE,
];

/// Where databases are kept between runs, and figures written.
fn directory() -> Result<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let directory = target.context("no target directory")?.join("bench");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match std::env::var(process::ROLE).as_deref() {
        Ok("client") => load::run(),
        Ok("watchers") => watch::watchers(),
        Ok(hostile::ATTACKERS) => hostile::attackers(),
        Ok(hostile::SINK) => hostile::sink(),
        Ok(hostile::HONEST) => hostile::honest(),
        Ok("bare") => bare::run(&arguments.next().context("a file of answers")?),
        _ => report(&Options::read(arguments)?),
    }
}

fn report(options: &Options) -> Result<()> {
    let directory = directory()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let cores = std::thread::available_parallelism()?.get();
    println!(
        "{cores} cores, {} rounds, medians; synthetic data",
        options.rounds
    );
    let comparisons = runtime.block_on(compare::run(options, &directory))?;
    let tree = runtime.block_on(tree::run(options, &directory))?;
    let etcd = runtime.block_on(etcd::run(options, &directory))?;
    let watches = runtime.block_on(watch::run(options, &directory))?;
    let floors = runtime.block_on(floor::run(options, &directory))?;
    let sizes = runtime.block_on(size::run(options, &directory))?;
    let pasts = runtime.block_on(past::run(options, &directory))?;
    let summaries = runtime.block_on(summary::run(options, &directory))?;
    let tasks = runtime.block_on(tasks::run(options, &directory))?;
    let observations = runtime.block_on(observations::run(options, &directory))?;
    let imports = runtime.block_on(import::run(options, &directory))?;
    let web = runtime.block_on(web::run(options, &directory))?;
    let hostile = runtime.block_on(hostile::run(options, &directory))?;
    let figures = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "cores": cores,
        "rounds": options.rounds,
        "milliseconds": options.measure.as_millis(),
        "comparisons": comparisons,
        "tree": tree,
        "etcd": etcd,
        "watches": watches,
        "floors": floors,
        "sizes": sizes,
        "past": pasts,
        "summaries": summaries,
        "tasks": tasks,
        "observations": observations,
        "imports": imports,
        "web": web,
        "hostile": hostile,
    });
    let path = directory.join("figures.json");
    std::fs::write(&path, serde_json::to_string_pretty(&figures)?)?;
    println!("\nfigures: {}", path.display());
    Ok(())
}
