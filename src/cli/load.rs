//! `ndp-registry admin load`: the shipped entries of an edition into a registry that is not new.

use std::process::ExitCode;

use anyhow::{Context, bail};

use super::{key, output};
use crate::{admission::turns::TurnLimits, catalogue, config::DatabaseArgs, registry::Registry};
use ndp_core::{
    names::{EditionName, Revision},
    records::platforms::Platform,
    rules::{
        AnyCommand, Request,
        platforms::{CreatePlatform, UpdatePlatform},
    },
    state::State,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ndp-registry admin load 1132-qd-ttg")]
pub(super) struct Args {
    /// Id of a shipped edition, as 1132-qd-ttg
    edition: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    super::must_exist(&config)?;
    let seed = catalogue::seed([&*args.edition])?;
    let edition = EditionName::from_id(&args.edition).context("an edition's id")?;
    let (registry, writer, store) = super::open(&config, TurnLimits::default()).await?;
    let loaded = load(&registry, &edition, &seed.platforms).await;
    super::close(registry, writer, store).await?;
    let Loaded {
        made,
        listed,
        held,
        revision,
    } = loaded?;
    output::print(format!(
        "loaded: {edition}, {made} platforms made, {listed} that were held now listed in it, \
         {held} listed before; revision {revision}\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What became of the entries.
#[derive(Debug, Default)]
struct Loaded {
    made: usize,
    listed: usize,
    held: usize,
    revision: Revision,
}

/// Writes each entry as a change of its own. What is there already stays, so that a load that was
/// interrupted is run again.
async fn load(
    registry: &Registry,
    edition: &EditionName,
    entries: &[Platform],
) -> anyhow::Result<Loaded> {
    if registry.read().state.edition(edition).is_none() {
        bail!("the registry has no {edition}; record it with CreateEdition first");
    }
    let mut loaded = Loaded::default();
    for entry in entries {
        let (count, command) = match command(&registry.read().state, edition, entry) {
            Some((true, command)) => (&mut loaded.made, command),
            Some((false, command)) => (&mut loaded.listed, command),
            None => {
                loaded.held += 1;
                continue;
            }
        };
        *count += 1;
        let request = Request {
            command,
            request_id: None,
            reason: format!("load of {edition} by the command line"),
        };
        let submitted = registry.submit(key::caller(), request).await;
        submitted.with_context(|| entry.name.to_string())?;
    }
    loaded.revision = registry.revision();
    Ok(loaded)
}

/// What writes an entry, and whether it makes the platform; none where it is listed already.
fn command(
    state: &State,
    edition: &EditionName,
    entry: &Platform,
) -> Option<(bool, Box<dyn AnyCommand>)> {
    let Some(held) = state.platform(&entry.name) else {
        return Some((
            true,
            Box::new(CreatePlatform {
                name: Some(entry.name.clone()),
                fields: entry.fields.clone(),
            }),
        ));
    };
    if held.listing(edition).is_some() {
        return None;
    }
    let mut fields = held.fields.clone();
    fields.listings.extend(entry.listing(edition).cloned());
    Some((
        false,
        Box::new(UpdatePlatform {
            name: entry.name.clone(),
            fields,
            mask: vec!["listings".to_owned()],
            etag: Some(held.meta.etag()),
        }),
    ))
}

/// The asked editions of which no platform of the registry has a listing.
pub(super) fn missing<'a>(state: &State, asked: &'a [String]) -> Vec<&'a str> {
    let lists = |id: &str| {
        let edition = EditionName::from_id(id);
        edition.is_some_and(|edition| {
            let mut platforms = state.platforms().values();
            platforms.any(|platform| platform.listing(&edition).is_some())
        })
    };
    let asked = asked.iter().map(String::as_str);
    asked.filter(|id| !lists(id)).collect()
}
