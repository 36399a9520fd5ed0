//! `ndp-registry admin key create|list|revoke`: runs directly on the database, as
//! `principals/system`. The log records the operating system's user as the acting person. A running
//! server follows within a second.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::output;
use crate::{
    admission::turns::TurnLimits,
    config::DatabaseArgs,
    pb,
    registry::{Registry, authenticate::NewKey},
    telemetry,
    wire::{methods, validate::Validate as _, values::read_text},
};
use ndp_core::{
    caller::Caller,
    names::{AgencyName, ApiKeyName, PrincipalName},
    records::{
        principals::{ApiKeyFields, PrincipalFields, PrincipalKind, Role},
        words::Word,
    },
    rules::{
        self, Request,
        principals::{CreateApiKey, CreatePrincipal, RevokeApiKey},
    },
    text::legible::{Lines, fault, kept},
    time::Timestamp,
};

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  ndp-registry admin key list")]
pub(super) enum Command {
    /// Make a key and print it, this once, on standard output
    ///
    /// The principal is made where it does not exist, with the roles and the agency given. Where
    /// it exists, roles and agency must be left out: UpdatePrincipal changes them.
    Create(Create),
    /// List keys: name, state, expiry, roles, what it is for
    List(List),
    /// Revoke a key: within a second it works nowhere
    Revoke(Revoke),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ndp-registry admin key create --principal admin --role ROLE_ADMIN"
)]
pub(super) struct Create {
    /// Id of the principal that calls with it, as boca-editor
    #[arg(long, value_name = "ID", value_parser = principal)]
    principal: PrincipalName,
    /// Role of a new principal, once for each: ROLE_AGENCY_EDITOR, ROLE_AGENCY_APPROVER,
    /// ROLE_AGENCY_ADMIN (these three with --agency), ROLE_STEWARD, ROLE_AUDITOR, ROLE_ADMIN,
    /// ROLE_TRANSCRIBER, ROLE_MEASURER; in any case, and without ROLE_ too
    #[arg(long = "role", value_name = "ROLE", value_parser = word::<Role>)]
    roles: Vec<Role>,
    /// Id of the agency that a new principal's agency roles hold in, as bo-cong-an
    #[arg(long, value_name = "ID", value_parser = agency)]
    agency: Option<AgencyName>,
    /// Whether a new principal is one person (PERSON), or a system that names the acting person in
    /// the metadata ndp-actor (SYSTEM)
    #[arg(long, value_name = "KIND", value_parser = word::<PrincipalKind>,
          default_value_t = PrincipalKind::Person)]
    kind: PrincipalKind,
    /// What the key is for
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        value_parser = note
    )]
    note: String,
    /// When it expires, as 2027-12-31T23:59:59+07:00; never if left out
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Timestamp>,
    /// Let it open feeds, and nothing else
    #[arg(long)]
    feed: bool,
    /// Let it only read
    #[arg(long)]
    read_only: bool,
    /// Limit it to a service or a method, once for each, as ndp.registry.v1.PlanService/GetPlan
    #[arg(long = "method", value_name = "NAME", value_parser = method)]
    methods: Vec<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ndp-registry admin key list")]
pub(super) struct List {
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ndp-registry admin key revoke principals/editor/apiKeys/editor-1"
)]
pub(super) struct Revoke {
    /// Name of the key, as `admin key list` prints it: principals/ID/apiKeys/ID
    #[arg(value_parser = key_name)]
    name: ApiKeyName,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// A value of an enum of the API, but for the one that means "not stated".
pub(super) fn word<W: Word>(text: &str) -> Result<W, String> {
    let stated = W::parse(text).filter(|word| word.number() != 0);
    stated.ok_or_else(|| format!("write one of {}", W::stated().join(", ")))
}

const NO_ID: &str =
    "an id is 1 to 63 lower-case letters, digits and hyphens, for example boca-editor";

pub(super) fn principal(text: &str) -> Result<PrincipalName, &'static str> {
    PrincipalName::from_id(text).ok_or(NO_ID)
}

pub(super) fn agency(text: &str) -> Result<AgencyName, &'static str> {
    AgencyName::from_id(text).ok_or(NO_ID)
}

fn method(text: &str) -> Result<String, &'static str> {
    let exists = match text.contains('/') {
        true => methods::ours(text).is_some(),
        false => methods::is_our_service(text),
    };
    let name = exists.then(|| text.to_owned());
    name.ok_or("write a service as ndp.registry.v1.PlanService, or a method after it and a /")
}

fn key_name(text: &str) -> Result<ApiKeyName, &'static str> {
    ApiKeyName::parse(text).ok_or("write principals/ID/apiKeys/ID, as `admin key list` prints it")
}

/// Checks the text by the rules of the field that it is stored in.
pub(super) fn note(text: &str) -> Result<String, String> {
    let key = pb::ApiKey {
        display_name: text.to_owned(),
        ..pb::ApiKey::default()
    };
    key.check().map_err(|error| error.to_string())?;
    Ok(read_text(key.display_name))
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let database = match &command {
        Command::Create(create) => &create.database,
        Command::List(list) => &list.database,
        Command::Revoke(revoke) => &revoke.database,
    };
    let config = super::begin(database)?;
    if !matches!(command, Command::Create(_)) {
        super::must_exist(&config)?;
    }
    let (registry, writer, store) = super::open(&config, TurnLimits::default()).await?;
    let result = match command {
        Command::Create(create) => create.run(&registry).await,
        Command::List(_) => list(&registry),
        Command::Revoke(revoke) => revoke.run(&registry).await,
    };
    super::close(registry, writer, store).await?;
    result.map(|()| ExitCode::SUCCESS)
}

impl Create {
    async fn run(self, registry: &Registry) -> anyhow::Result<()> {
        let principal = self.principal.clone();
        let mut requests = Vec::new();
        if registry.read().state.principal(&principal).is_none() {
            requests.push(request(self.principal()));
        } else if !self.roles.is_empty() || self.agency.is_some() {
            bail!(
                "`{principal}` already exists: omit --role and --agency to create another key for \
                 it, or change its roles with UpdatePrincipal"
            );
        }
        let (name, key) = NewKey::of(&principal)?;
        let fields = ApiKeyFields {
            display_name: self.note,
            expire_time: self.expires,
            feed: self.feed,
            read_only: self.read_only,
            methods: self.methods,
        };
        requests.push(request(CreateApiKey {
            name: name.clone(),
            id_chosen: false,
            fields,
            ttl: None,
            hash: key.hash,
        }));
        let new_principal = requests.len() > 1;
        let lost =
            format!("the key printed above is no good, unless `admin key list` shows {name}");
        make_keys(registry, &format!("{}\n", key.secret), requests, &lost).await?;
        if new_principal {
            telemetry::say(&format!("made {principal}"));
            if self.roles.is_empty() {
                telemetry::say(&format!(
                    "note: {principal} has no role, so its key opens nothing; give one with \
                     UpdatePrincipal"
                ));
            }
        }
        telemetry::say(&format!("made {name}; the key above is shown this once"));
        Ok(())
    }

    fn principal(&self) -> CreatePrincipal {
        let mut roles = self.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        let fields = PrincipalFields {
            display_name: String::new(),
            kind: self.kind,
            agency: self.agency.clone(),
            roles,
            grants: Vec::new(),
            identities: Vec::new(),
        };
        CreatePrincipal {
            name: Some(self.principal.clone()),
            fields,
        }
    }
}

fn list(registry: &Registry) -> anyhow::Result<()> {
    let snapshot = registry.read();
    let mut lines = String::new();
    for key in snapshot.state.api_keys().values() {
        let principal = snapshot.state.principal(&key.name.parent());
        let roles = principal
            .map(|it| it.fields.roles.clone())
            .unwrap_or_default();
        let roles: Vec<_> = roles.into_iter().map(Role::as_str).collect();
        let state = match (key.revoke_time, principal.is_some_and(|it| it.disabled)) {
            (Some(_), _) => "REVOKED",
            (None, true) => "DISABLED",
            (None, false) => "ACTIVE",
        };
        let expires = key
            .fields
            .expire_time
            .map_or_else(|| "never".to_owned(), |time| time.to_string());
        lines.push_str(&format!(
            "{}\t{state}\texpires {expires}\t{}\t{}\n",
            key.name,
            roles.join(","),
            key.fields.display_name
        ));
    }
    output::print(lines)
}

impl Revoke {
    async fn run(self, registry: &Registry) -> anyhow::Result<()> {
        let name = self.name;
        let request = request(RevokeApiKey { name: name.clone() });
        registry.submit(caller(), request).await?;
        telemetry::say(&format!("revoked {name}"));
        Ok(())
    }
}

/// Prints keys before creating them, so that no valid key exists that could not be printed. Before
/// that, it checks that the requests that create them are allowed. `lost` is the error where one
/// fails after that.
pub(super) async fn make_keys(
    registry: &Registry,
    keys: &str,
    requests: Vec<Request>,
    lost: &str,
) -> anyhow::Result<()> {
    registry.preview_all(&caller(), &requests)?;
    // Only keys go to standard output, so that a script can read them.
    output::hand_over(keys).context("no key was made, for nobody would have seen it")?;
    for request in requests {
        let made = registry.submit(caller(), request).await;
        made.with_context(|| lost.to_owned())?;
    }
    Ok(())
}

pub(super) fn caller() -> Caller {
    let actor = std::env::var("USER").ok();
    let actor = actor.filter(|user| fault(user, Lines::One).is_none());
    let actor = actor.map(|user| kept(&user).into_owned());
    let actor = actor.filter(|user| !user.is_empty());
    Caller::System { actor }
}

pub(super) fn request(command: impl rules::Command) -> Request {
    Request {
        command: Box::new(command),
        request_id: None,
        reason: "by the command line".to_owned(),
    }
}
