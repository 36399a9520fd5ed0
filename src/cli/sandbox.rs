//! `ndp-registry serve --sandbox`: a registry for developers of other systems to try their programs
//! on. Its data is synthetic, its keys are the same everywhere and open to all, and it is reset
//! at each midnight in Vietnam.
//!
//! A new day is a new database, and so a new log: clients meet what they meet when a database was
//! restored. Calls and watches end with UNAVAILABLE, and a position of the day before is refused
//! with LOG_DIVERGED. The port stays open, and connections wait meanwhile.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::interval;

use crate::{
    admission::turns::TurnLimits,
    cli::story,
    config::ServerOptions,
    registry::{
        Bounds, Registry, WriterTask,
        authenticate::{KeyHashes, NewKey},
        entropy::OsEntropy,
    },
    server::{self, Ended, Listeners, Stop},
    store::{DatabaseUrl, Store, beside},
};
use ndp_core::{
    caller::Caller,
    change::Image,
    names::{AgencyName, ApiKeyName, PrincipalName},
    records::{
        editions::SYNTHETIC,
        principals::{ApiKeyFields, Principal, PrincipalFields, PrincipalKind, Role},
    },
    rules::{
        AnyCommand, Request,
        principals::{CreateApiKey, CreatePrincipal},
    },
    time::{Clock, Date},
};

/// The agency that the principals with an agency's role belong to.
const AGENCY: &str = "co-quan-thu-nghiem-1";

/// How often the clock is looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The end of the name of the file in which the next day is made.
const NEXT: &str = ".next";

/// A key that everyone may use.
#[derive(Debug)]
pub struct OpenKey {
    /// The role of its principal.
    pub role: Role,
    /// The key, as a caller sends it.
    pub secret: String,
    principal: PrincipalName,
    name: ApiKeyName,
    key: NewKey,
}

/// The open keys, one for each role. They are public, so each begins the same on every machine.
pub fn open_keys() -> Result<Vec<OpenKey>> {
    let keys = Role::ALL.into_iter().map(|role| {
        let id = role.as_str().trim_start_matches("ROLE_");
        let id = format!("sandbox-{}", id.to_lowercase().replace('_', "-"));
        let principal = PrincipalName::from_id(&id).context("a principal's name")?;
        let key = NewKey::known(&id, "open");
        Ok(OpenKey {
            role,
            secret: key.secret.clone(),
            name: ApiKeyName::from_id(&principal, &id).context("a key's name")?,
            principal,
            key,
        })
    });
    keys.collect()
}

/// Whether an open key works in this database, or did before it was revoked.
pub fn is_sandbox(hashes: &KeyHashes) -> Result<bool> {
    let keys = open_keys()?;
    Ok(keys.iter().any(|it| hashes.holds(&it.name, &it.key.hash)))
}

/// What a server runs on.
pub type Opened = (Registry, WriterTask, Store);

/// Where a sandbox is kept, and the clock that tells its days.
pub struct Sandbox {
    file: PathBuf,
    clock: Arc<dyn Clock>,
    turns: TurnLimits,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Sandbox");
        debug.field("file", &self.file).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// The sandbox in this file.
    pub fn new(file: &Path, clock: Arc<dyn Clock>, turns: TurnLimits) -> Self {
        Self {
            file: file.to_owned(),
            clock,
            turns,
        }
    }

    fn today(&self) -> Date {
        self.clock.now().date_in_vietnam()
    }

    fn next(&self) -> PathBuf {
        beside(&self.file, NEXT)
    }

    /// Opens the sandbox of today as it was left. Makes a new one if there is none, or if it is of
    /// an earlier day. Refuses a database that is not a sandbox, and leaves it unchanged.
    pub async fn open(&self) -> Result<Opened> {
        let made = if self.file.exists() {
            Some(self.day().await?)
        } else {
            None
        };
        if made.is_none_or(|day| day < self.today()) {
            self.make().await?;
            self.replace()?;
        }
        self.start(&self.file).await
    }

    /// Serves one day after the other, until a request to stop.
    pub async fn serve(
        &self,
        opened: Opened,
        listeners: &Listeners,
        stop: &mut impl Stop,
        shutdown_seconds: u64,
        options: &ServerOptions,
    ) -> Result<()> {
        let mut opened = opened;
        loop {
            let (registry, writer, store) = opened;
            let day = {
                let snapshot = registry.read();
                let principals = snapshot.state.principals().values();
                day_made(principals.map(|it| &**it))?
            };
            let served = server::serve(
                registry,
                writer,
                listeners.shared()?,
                stop,
                shutdown_seconds,
                options.clone(),
                self.day_is_over(day),
            )
            .await;
            store.close().await;
            match served? {
                Ended::Stopped => return Ok(()),
                Ended::Over => {}
            }
            self.replace()?;
            opened = self.start(&self.file).await?;
            tracing::info!(day = %self.today(), "the sandbox has begun anew");
        }
    }

    /// Waits until the day is over and the next one is made.
    async fn day_is_over(&self, day: Date) {
        let mut polls = interval(POLL_INTERVAL);
        loop {
            polls.tick().await;
            if self.today() <= day {
                continue;
            }
            match self.make().await {
                Ok(()) => return,
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the next day could not be made; trying again");
                }
            }
        }
    }

    /// The day on which the sandbox in the file was made.
    async fn day(&self) -> Result<Date> {
        let url = url(&self.file)?;
        let store = Store::open_to_read_at(&url).await;
        let store = store.with_context(|| format!("cannot open `{url}`"))?;
        let loaded = store.load().await;
        store.close().await;
        let loaded = loaded?;
        if !is_sandbox(&loaded.key_hashes.into_iter().collect())? {
            bail!(
                "`{url}` is not a sandbox's, and a sandbox is emptied each day: name a file of its \
                 own, `--database sqlite:sandbox.db`"
            );
        }
        day_made(loaded.images.iter().filter_map(|image| match image {
            Image::Principal(principal) => Some(&**principal),
            _ => None,
        }))
    }

    /// Makes the next day in a file beside the sandbox's.
    async fn make(&self) -> Result<()> {
        let next = self.next();
        remove(&next)?;
        let store = Store::open_at(&url(&next)?, uuid::Uuid::new_v4()).await?;
        let written = story::make(store.clone(), story::end_before(self.today())?).await;
        store.close().await;
        written?;
        let (registry, writer, store) = self.start(&next).await?;
        let opened = open_to_all(&registry).await;
        drop(registry);
        writer.await??;
        store.close().await;
        opened
    }

    /// Replaces the sandbox, which is not open, with that of the next day.
    fn replace(&self) -> Result<()> {
        remove(&self.file)?;
        let (from, to) = (self.next(), &self.file);
        fs::rename(&from, to).with_context(|| format!("`{}` to `{}`", from.display(), to.display()))
    }

    async fn start(&self, file: &Path) -> Result<Opened> {
        let store = Store::open_at(&url(file)?, uuid::Uuid::new_v4()).await?;
        let bounds = Bounds {
            turns: self.turns,
            ..Bounds::default()
        };
        let clock = Arc::clone(&self.clock);
        let entropy = Box::new(OsEntropy);
        let (registry, writer) =
            Registry::start_within(store.clone(), clock, entropy, bounds).await?;
        Ok((registry, writer, store))
    }
}

/// The day on which a sandbox with these principals was made.
fn day_made<'a>(mut principals: impl Iterator<Item = &'a Principal>) -> Result<Date> {
    let keys = open_keys()?;
    let found = principals.find(|it| keys.iter().any(|key| key.principal == it.name));
    let found = found.context("the sandbox lacks its principals")?;
    Ok(found.meta.create_time.date_in_vietnam())
}

/// Makes a principal and its open key for each role.
async fn open_to_all(registry: &Registry) -> Result<()> {
    for OpenKey {
        role,
        principal,
        name,
        key,
        ..
    } in open_keys()?
    {
        let fields = PrincipalFields {
            identities: Vec::new(),
            display_name: format!("Sandbox {SYNTHETIC}"),
            kind: PrincipalKind::Person,
            agency: AgencyName::from_id(AGENCY).filter(|_| role.is_of_agency()),
            roles: vec![role],
            grants: Vec::new(),
        };
        let commands: [Box<dyn AnyCommand>; 2] = [
            Box::new(CreatePrincipal {
                name: Some(principal),
                fields,
            }),
            Box::new(CreateApiKey {
                name,
                id_chosen: false,
                fields: ApiKeyFields {
                    display_name: format!("Sandbox {SYNTHETIC}"),
                    ..ApiKeyFields::default()
                },
                ttl: None,
                hash: key.hash,
            }),
        ];
        for command in commands {
            let request = Request {
                command,
                request_id: None,
                reason: "open to everyone, in a sandbox".to_owned(),
            };
            let caller = Caller::System { actor: None };
            registry.submit(caller, request).await?;
        }
    }
    Ok(())
}

fn url(file: &Path) -> Result<DatabaseUrl> {
    let text = file.to_str().context("a path that is not UTF-8")?;
    DatabaseUrl::parse(&format!("sqlite:{text}")).map_err(anyhow::Error::msg)
}

/// Removes a database and the files that SQLite keeps beside it.
fn remove(file: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm"] {
        let file = beside(file, end);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove `{}`", file.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
