//! `ndp-registry admin onboard`: an agency's first principals and their keys, in one change,
//! directly on the database, as `principals/system`.

use std::process::ExitCode;

use anyhow::bail;

use super::key::{agency, make_keys, note, principal, request, time, word};
use crate::{
    admission::turns::TurnLimits,
    config::DatabaseArgs,
    registry::{Registry, authenticate::NewKey},
    telemetry,
};
use ndp_core::{
    names::{AgencyName, PrincipalName},
    records::{
        agencies::{AgencyFields, AgencyKind},
        principals::{ApiKeyFields, PrincipalFields, PrincipalKind, Role},
    },
    rules::onboarding::{Newcomer, OnboardAgency},
    time::Timestamp,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ndp-registry admin onboard --agency bo-cong-an --admin boca-admin"
)]
pub(super) struct Args {
    /// Id of the agency, as bo-cong-an
    #[arg(long, value_name = "ID", value_parser = agency)]
    agency: AgencyName,
    /// Official name of an agency that the registry does not have; with --kind
    #[arg(long, value_name = "TEXT", requires = "kind", value_parser = note)]
    name: Option<String>,
    /// Its kind: MINISTRY, PROVINCIAL_PEOPLES_COMMITTEE and others
    #[arg(long, value_name = "KIND", requires = "name", value_parser = word::<AgencyKind>)]
    kind: Option<AgencyKind>,
    /// Id of a new principal that keeps the agency's principals and keys, as boca-admin
    #[arg(long = "admin", value_name = "ID", value_parser = principal)]
    admins: Vec<PrincipalName>,
    /// Id of a new principal that writes and submits plans
    #[arg(long = "editor", value_name = "ID", value_parser = principal)]
    editors: Vec<PrincipalName>,
    /// Id of a new principal that issues plans; another person than the one who submits
    #[arg(long = "approver", value_name = "ID", value_parser = principal)]
    approvers: Vec<PrincipalName>,
    /// When the keys expire, as 2027-12-31T23:59:59+07:00; never if left out
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    let (registry, writer, store) = super::open(&config, TurnLimits::default()).await?;
    let result = args.run(&registry).await;
    super::close(registry, writer, store).await?;
    result.map(|()| ExitCode::SUCCESS)
}

impl Args {
    /// Prints a line for each key, with its principal.
    async fn run(self, registry: &Registry) -> anyhow::Result<()> {
        let (mut newcomers, mut lines) = (Vec::new(), String::new());
        for (name, roles) in self.roles() {
            let (newcomer, secret) = self.newcomer(&name, roles)?;
            lines.push_str(&format!("{}\t{secret}\n", name.id()));
            newcomers.push(newcomer);
        }
        if newcomers.is_empty() {
            bail!("name someone: --admin, --editor, --approver");
        }
        let new_agency = self.name.map(|display_name| AgencyFields {
            display_name,
            kind: self.kind.unwrap_or_default(),
            ..AgencyFields::default()
        });
        let command = OnboardAgency {
            agency: self.agency.clone(),
            new_agency,
            newcomers,
        };
        let lost = "the keys printed above are no good, unless `admin key list` shows them";
        make_keys(registry, &lines, vec![request(command)], lost).await?;
        telemetry::say(&format!(
            "onboarded {}; the keys above are shown this once",
            self.agency
        ));
        Ok(())
    }

    /// Each principal once, with the roles that the options give it.
    fn roles(&self) -> Vec<(PrincipalName, Vec<Role>)> {
        let mut all: Vec<(PrincipalName, Vec<Role>)> = Vec::new();
        for (names, role) in [
            (&self.editors, Role::AgencyEditor),
            (&self.approvers, Role::AgencyApprover),
            (&self.admins, Role::AgencyAdmin),
        ] {
            for name in names {
                match all.iter_mut().find(|(known, _)| known == name) {
                    Some((_, roles)) if roles.contains(&role) => {}
                    Some((_, roles)) => roles.push(role),
                    None => all.push((name.clone(), vec![role])),
                }
            }
        }
        all
    }

    /// A principal to make, and the secret of its key.
    fn newcomer(
        &self,
        name: &PrincipalName,
        roles: Vec<Role>,
    ) -> anyhow::Result<(Newcomer, String)> {
        let (key, new) = NewKey::of(name)?;
        let newcomer = Newcomer {
            name: name.clone(),
            id_chosen: true,
            fields: PrincipalFields {
                display_name: String::new(),
                kind: PrincipalKind::Person,
                agency: Some(self.agency.clone()),
                roles,
                grants: Vec::new(),
                identities: Vec::new(),
            },
            key,
            key_fields: ApiKeyFields {
                display_name: String::new(),
                expire_time: self.expires,
                ..ApiKeyFields::default()
            },
            ttl: None,
            hash: new.hash,
        };
        Ok((newcomer, new.secret))
    }
}
