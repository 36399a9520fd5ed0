//! Onboarding an agency: the agency where the registry has none, its first principals and a key
//! for each, in one change.

use std::{sync::Arc, time::Duration};

use crate::{
    error::{Error, Violations},
    messages::Rule,
    names::{AgencyName, ApiKeyName, PrincipalName},
    records::{
        agencies::{Agency, AgencyFields},
        meta::Meta,
        principals::{ApiKey, ApiKeyFields, KeyHash, Principal, PrincipalFields, Role},
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, agencies,
        asking::users_of,
        deciding::exists,
        principals::{check_identities, expiring},
    },
    state::State,
};

/// OnboardAgency. Names and secrets were made by the caller of `decide`.
#[derive(Clone, Debug)]
pub struct OnboardAgency {
    /// Resource name of the agency.
    pub agency: AgencyName,
    /// What to write of it, where the registry has none of that name.
    pub new_agency: Option<AgencyFields>,
    /// Its first principals, at least one.
    pub newcomers: Vec<Newcomer>,
}

/// A principal that is made, and its key.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// Name it is to have.
    pub name: PrincipalName,
    /// Whether the caller chose its id; else it is random.
    pub id_chosen: bool,
    /// What to write; its agency is the one onboarded.
    pub fields: PrincipalFields,
    /// Name its key is to have.
    pub key: ApiKeyName,
    /// What to write of the key.
    pub key_fields: ApiKeyFields,
    /// How long the key works, in place of `key_fields.expire_time`.
    pub ttl: Option<Duration>,
    /// Hash of the key's secret.
    pub hash: KeyHash,
}

impl Texts for OnboardAgency {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            agency,
            new_agency,
            newcomers,
        } = self;
        reader.field("name", agency.id());
        if let Some(fields) = new_agency {
            reader.field("agency", fields);
        }
        reader.within("newcomers", |reader| {
            for (i, newcomer) in newcomers.iter().enumerate() {
                reader.entry(i, newcomer);
            }
        });
    }
}

impl Texts for Newcomer {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            name,
            id_chosen,
            fields,
            key: _,
            key_fields,
            ttl: _,
            hash: _,
        } = self;
        reader.id("principal_id", id_chosen.then(|| name.id()));
        reader.field("principal", fields);
        reader.field("api_key", key_fields);
    }
}

impl Command for OnboardAgency {
    type Output = Principal;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "OnboardAgency"
    }

    /// An administrator makes principals; the steward makes agencies.
    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        if !asking.caller.has(Role::Admin) {
            return Err(asking.lacks(Role::Admin));
        }
        for newcomer in &self.newcomers {
            asking.makes_key(&newcomer.key_fields)?;
        }
        match &self.new_agency {
            Some(_) => asking.steward(),
            None => asking.find::<Agency>(&self.agency).map(drop),
        }
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Principal>, Error> {
        let name = &self.agency;
        if let Some(agency) = self.made(deciding.created()) {
            deciding.check_free::<Agency>(name)?;
            agencies::check_fields(deciding, name, &agency.fields)?;
            deciding.put(agency);
        }
        let mut violations = Violations::new();
        for (i, newcomer) in self.newcomers.iter().enumerate() {
            self.check_newcomer(deciding.state, i, newcomer, &mut violations);
        }
        if !self.newcomers.iter().any(is_admin) && !has_admin(deciding.state, name) {
            violations.add("newcomers", Rule::AgencyAdminMissing);
        }
        violations.into_result()?;
        let mut first = None;
        for (i, newcomer) in self.newcomers.iter().enumerate() {
            newcomer.check_free(deciding)?;
            let path = format!("newcomers[{i}].api_key");
            let (principal, key) = newcomer.records(deciding.created(), &path)?;
            deciding.put(key);
            deciding
                .key_hashes
                .push((newcomer.key.clone(), newcomer.hash));
            match first {
                None => first = Some(Arc::new(principal)),
                Some(_) => deciding.put(principal),
            }
        }
        first.ok_or_else(|| Error::Bug("an onboarding of nobody".into()))
    }
}

impl OnboardAgency {
    /// The agency that is made, if any.
    pub fn made(&self, meta: Meta) -> Option<Agency> {
        Some(Agency {
            name: self.agency.clone(),
            fields: self.new_agency.clone()?,
            meta,
        })
    }

    fn check_newcomer(
        &self,
        state: &State,
        i: usize,
        newcomer: &Newcomer,
        violations: &mut Violations,
    ) {
        let path = format!("newcomers[{i}].principal");
        newcomer.fields.check(&path, violations);
        check_identities(state, &newcomer.name, &newcomer.fields, &path, violations);
        for (k, identity) in newcomer.fields.identities.iter().enumerate() {
            let mut others = self.newcomers.iter().take(i);
            if others.any(|other| other.fields.identities.contains(identity)) {
                violations.add(format!("{path}.identities[{k}]"), Rule::IdentityRepeated);
            }
        }
        let mut roles = newcomer.fields.roles.iter();
        if let Some(role) = roles.find(|role| !role.is_of_agency()) {
            let role = role.to_string();
            violations.add(format!("{path}.roles"), Rule::RoleOfNoAgency { role });
        }
        let agency = newcomer.fields.agency.as_ref();
        if agency != Some(&self.agency) {
            let agency = self.agency.to_string();
            violations.add(format!("{path}.agency"), Rule::OtherAgency { agency });
        }
        let mut others = self.newcomers.iter().take(i);
        if others.any(|other| other.name == newcomer.name) {
            let path = format!("newcomers[{i}].principal_id");
            violations.add(path, Rule::PrincipalRepeated);
        }
    }
}

impl Newcomer {
    /// The principal and its key, as they are made. `path` is the field that holds the key.
    pub fn records(&self, meta: Meta, path: &str) -> Result<(Principal, ApiKey), Error> {
        let principal = Principal {
            name: self.name.clone(),
            fields: self.fields.clone(),
            disabled: false,
            meta,
        };
        let key = ApiKey {
            name: self.key.clone(),
            fields: expiring(&self.key_fields, self.ttl, meta.create_time, path)?,
            revoke_time: None,
            meta,
        };
        Ok((principal, key))
    }

    /// Refuses names that are taken.
    fn check_free(&self, deciding: &Deciding<'_>) -> Result<(), Error> {
        if self.name == PrincipalName::system() {
            return Err(exists::<Principal>(&self.name));
        }
        deciding.check_free::<Principal>(&self.name)?;
        deciding.check_free::<ApiKey>(&self.key)
    }
}

fn is_admin(newcomer: &Newcomer) -> bool {
    newcomer.fields.roles.contains(&Role::AgencyAdmin)
}

/// Whether someone keeps the principals of an agency already.
fn has_admin(state: &State, agency: &AgencyName) -> bool {
    users_of(state, agency).any(|principal| {
        let roles = &principal.fields.roles;
        roles.contains(&Role::AgencyAdmin)
    })
}
