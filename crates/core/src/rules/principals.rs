//! Principals and API keys.

use std::{sync::Arc, time::Duration};

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{ApiKeyName, PrincipalName},
    records::{
        principals::{ApiKey, ApiKeyFields, KeyHash, Principal, PrincipalFields, Role},
        texts::{Reader, Texts},
    },
    rules::{
        Asking, Command, Deciding, Update,
        asking::users_of,
        deciding::{check_etag, exists},
        update::editable,
    },
    state::State,
    time::Timestamp,
};
/// CreatePrincipal.
#[derive(Clone, Debug)]
pub struct CreatePrincipal {
    /// Name it is to have; a random id when absent.
    pub name: Option<PrincipalName>,
    /// What to write.
    pub fields: PrincipalFields,
}

impl Texts for CreatePrincipal {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.id("principal_id", name.as_ref().map(PrincipalName::id));
        reader.field("principal", fields);
    }
}

impl Command for CreatePrincipal {
    type Output = Principal;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreatePrincipal"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.manages(&self.fields)
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Principal>, Error> {
        let Self { name, fields } = self;
        // A caller that may not see every principal could otherwise learn which ids are taken.
        if name.is_some() && !deciding.caller.has(Role::Admin) {
            return Err(Error::invalid("principal_id", Rule::PrincipalIdNotAllowed));
        }
        let name = deciding.free_name::<Principal>(name.as_ref(), PrincipalName::from_id)?;
        if name == PrincipalName::system() {
            return Err(exists::<Principal>(&name));
        }
        check_principal(deciding, &name, fields)?;
        Ok(Arc::new(Principal {
            name,
            fields: fields.clone(),
            disabled: false,
            meta: deciding.created(),
        }))
    }
}

editable!(Principal PrincipalFields "principal");

pub type UpdatePrincipal = Update<Principal>;

impl Command for UpdatePrincipal {
    type Output = Principal;
    type Found<'a> = &'a Principal;

    fn method(&self) -> &'static str {
        "UpdatePrincipal"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Principal, Error> {
        let principal: &Principal = asking.find(&self.name)?;
        asking.manages(&principal.fields)?;
        asking.manages(&self.merged(principal))?;
        Ok(principal)
    }

    fn decide<'a>(
        &self,
        principal: &'a Principal,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Principal>, Error> {
        let new = self.edit(principal, deciding)?;
        if new.fields.kind != principal.fields.kind {
            return Err(Error::invalid(
                "principal.kind",
                Rule::PrincipalKindImmutable,
            ));
        }
        check_principal(deciding, &new.name, &new.fields)?;
        if !new.fields.roles.contains(&Role::Admin) {
            check_other_admin(deciding.state, principal)?;
        }
        if new.fields.agency != principal.fields.agency
            || !new.fields.roles.contains(&Role::AgencyAdmin)
        {
            check_other_agency_admin(deciding, principal)?;
        }
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

/// DisablePrincipal.
#[derive(Clone, Debug)]
pub struct DisablePrincipal {
    /// Resource name of the principal.
    pub name: PrincipalName,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for DisablePrincipal {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for DisablePrincipal {
    type Output = Principal;
    type Found<'a> = &'a Principal;

    fn method(&self) -> &'static str {
        "DisablePrincipal"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Principal, Error> {
        let principal: &Principal = asking.find(&self.name)?;
        asking.manages(&principal.fields).map(|()| principal)
    }

    fn decide<'a>(
        &self,
        principal: &'a Principal,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Principal>, Error> {
        check_etag(principal, &self.etag)?;
        check_enabled(principal)?;
        check_other_admin(deciding.state, principal)?;
        check_other_agency_admin(deciding, principal)?;
        for key in deciding.state.api_keys_of(&principal.name) {
            if key.revoke_time.is_none() {
                deciding.put(revoked(key, deciding));
            }
        }
        Ok(Arc::new(Principal {
            disabled: true,
            meta: deciding.updated(principal.meta),
            ..principal.clone()
        }))
    }
}

/// CreateApiKey. The caller of `decide` made the secret; only its hash is passed.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// Name it is to have.
    pub name: ApiKeyName,
    /// Whether the caller chose its id; else it is random.
    pub id_chosen: bool,
    /// What to write.
    pub fields: ApiKeyFields,
    /// How long it works, in place of `fields.expire_time`.
    pub ttl: Option<Duration>,
    /// Hash of its secret.
    pub hash: KeyHash,
}

impl Texts for CreateApiKey {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            name,
            id_chosen,
            fields,
            ttl: _,
            hash: _,
        } = self;
        reader.id("api_key_id", id_chosen.then(|| name.id()));
        reader.field("api_key", fields);
    }
}

impl Command for CreateApiKey {
    type Output = ApiKey;
    type Found<'a> = &'a Principal;

    fn method(&self) -> &'static str {
        "CreateApiKey"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Principal, Error> {
        let principal: &Principal = asking.find(&self.name.parent())?;
        asking.manages(&principal.fields)?;
        asking.makes_key(&self.fields)?;
        Ok(principal)
    }

    fn decide<'a>(
        &self,
        principal: &'a Principal,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<ApiKey>, Error> {
        check_enabled(principal)?;
        let Self { name, hash, .. } = self;
        deciding.check_free::<ApiKey>(name)?;
        let fields = expiring(&self.fields, self.ttl, deciding.now, "api_key")?;
        Ok(created(name, fields, *hash, deciding))
    }
}

/// A new key, whose hash is written beside it.
fn created(
    name: &ApiKeyName,
    fields: ApiKeyFields,
    hash: KeyHash,
    deciding: &mut Deciding<'_>,
) -> Arc<ApiKey> {
    deciding.key_hashes.push((name.clone(), hash));
    Arc::new(ApiKey {
        name: name.clone(),
        fields,
        revoke_time: None,
        meta: deciding.created(),
    })
}

/// What is written of a key made at `now`. `path` is the field that holds the key.
pub(super) fn expiring(
    fields: &ApiKeyFields,
    ttl: Option<Duration>,
    now: Timestamp,
    path: &str,
) -> Result<ApiKeyFields, Error> {
    let mut fields = fields.clone();
    let field = match ttl {
        Some(ttl) => {
            fields.expire_time = now.plus(ttl);
            "ttl"
        }
        None => "expire_time",
    };
    let expires = ttl.is_some() || fields.expire_time.is_some();
    let within = |field: &str| match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    };
    if expires && fields.expire_time.is_none_or(|time| time <= now) {
        return Err(Error::invalid(within(field), Rule::ExpiryNotInFuture));
    }
    if fields.feed && !fields.methods.is_empty() {
        return Err(Error::invalid(within("methods"), Rule::MethodsOfFeed));
    }
    Ok(fields)
}

/// How long the old key of a rotation works at most.
pub const OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long it works if the request does not say.
pub const OVERLAP_DEFAULT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// RotateApiKey: a new key in place of an old one, which works for a while beside it. The caller of
/// `decide` made the secret; only its hash is passed.
#[derive(Clone, Debug)]
pub struct RotateApiKey {
    /// Resource name of the old key.
    pub name: ApiKeyName,
    /// Name that the new key is to have.
    pub new: ApiKeyName,
    /// Whether the caller chose its id; else it is random.
    pub id_chosen: bool,
    /// How long the old key works from now on.
    pub overlap: Duration,
    /// How long the new key works; as long as the old one was made for, if absent.
    pub ttl: Option<Duration>,
    /// Hash of the new key's secret.
    pub hash: KeyHash,
}

impl Texts for RotateApiKey {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.id("api_key_id", self.id_chosen.then(|| self.new.id()));
    }
}

impl Command for RotateApiKey {
    type Output = ApiKey;
    type Found<'a> = (&'a Principal, &'a ApiKey);

    fn method(&self) -> &'static str {
        "RotateApiKey"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Self::Found<'a>, Error> {
        let principal: &Principal = asking.find(&self.name.parent())?;
        let key: &ApiKey = asking.find(&self.name)?;
        asking.manages(&principal.fields)?;
        asking.makes_key(&key.fields)?;
        Ok((principal, key))
    }

    fn decide<'a>(
        &self,
        (principal, old): Self::Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<ApiKey>, Error> {
        check_enabled(principal)?;
        let Self { new, hash, .. } = self;
        let now = deciding.now;
        let refused = |condition| Err(Error::refused(old.name.as_str(), condition));
        if old.revoke_time.is_some() {
            return refused(Condition::KeyIsRevoked);
        }
        if old.fields.expire_time.is_some_and(|time| time <= now) {
            return refused(Condition::KeyIsExpired);
        }
        deciding.check_free::<ApiKey>(new)?;
        let lifetime = old.fields.expire_time.map(|end| {
            let micros = end.as_micros() - old.meta.create_time.as_micros();
            Duration::from_micros(micros.unsigned_abs())
        });
        let of_new = ApiKeyFields {
            expire_time: None,
            ..old.fields.clone()
        };
        let fields = expiring(&of_new, self.ttl.or(lifetime), now, "")?;
        let end = now.plus(self.overlap.min(OVERLAP_MAX));
        let of_old = ApiKeyFields {
            expire_time: old.fields.expire_time.into_iter().chain(end).min(),
            ..old.fields.clone()
        };
        deciding.put(ApiKey {
            fields: of_old,
            meta: deciding.updated(old.meta),
            ..old.clone()
        });
        Ok(created(new, fields, *hash, deciding))
    }
}

/// RevokeApiKey.
#[derive(Clone, Debug)]
pub struct RevokeApiKey {
    /// Resource name of the API key.
    pub name: ApiKeyName,
}

impl Texts for RevokeApiKey {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for RevokeApiKey {
    type Output = ApiKey;
    type Found<'a> = &'a ApiKey;

    fn method(&self) -> &'static str {
        "RevokeApiKey"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a ApiKey, Error> {
        let principal: &Principal = asking.find(&self.name.parent())?;
        let person = asking.caller.person();
        if person.is_none_or(|person| person.principal != principal.name) {
            asking.manages(&principal.fields)?;
        }
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        key: &'a ApiKey,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<ApiKey>, Error> {
        if key.revoke_time.is_some() {
            return Err(Error::refused(key.name.as_str(), Condition::KeyIsRevoked));
        }
        Ok(Arc::new(revoked(key, deciding)))
    }
}

fn revoked(key: &ApiKey, deciding: &Deciding<'_>) -> ApiKey {
    ApiKey {
        revoke_time: Some(deciding.now),
        meta: deciding.updated(key.meta),
        ..key.clone()
    }
}

/// At least one other principal must be able to create keys. The command line can create keys
/// too, but only locally.
fn check_other_admin(state: &State, principal: &Principal) -> Result<(), Error> {
    let is_admin = |it: &Principal| !it.disabled && it.fields.roles.contains(&Role::Admin);
    let mut principals = state.principals().values();
    let another = principals.any(|other| other.name != principal.name && is_admin(other));
    if is_admin(principal) && !another {
        return Err(Error::refused(
            principal.name.as_str(),
            Condition::LastAdmin,
        ));
    }
    Ok(())
}

/// An agency cannot remove its own last administrator, because then none of its members could
/// appoint another. An administrator of the registry, or of an agency above, can.
fn check_other_agency_admin(deciding: &Deciding<'_>, principal: &Principal) -> Result<(), Error> {
    let is_admin = |it: &Principal| !it.disabled && it.fields.roles.contains(&Role::AgencyAdmin);
    let Some(agency) = principal
        .fields
        .agency
        .as_ref()
        .filter(|_| is_admin(principal))
    else {
        return Ok(());
    };
    if deciding.caller.has(Role::Admin) || deciding.caller.agency() != Some(agency) {
        return Ok(());
    }
    let mut users = users_of(deciding.state, agency);
    if users.any(|other| other.name != principal.name && is_admin(other)) {
        return Ok(());
    }
    let agency = agency.to_string();
    Err(Error::refused(
        principal.name.as_str(),
        Condition::LastAgencyAdmin { agency },
    ))
}

fn check_principal(
    deciding: &Deciding<'_>,
    name: &PrincipalName,
    fields: &PrincipalFields,
) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check("principal", &mut violations);
    check_identities(deciding.state, name, fields, "principal", &mut violations);
    deciding.check_agency(fields.agency.as_ref(), "principal.agency", &mut violations);
    violations.into_result()
}

/// Each identity belongs to one principal. The message does not say to which: the caller may not
/// be allowed to know.
pub(super) fn check_identities(
    state: &State,
    name: &PrincipalName,
    fields: &PrincipalFields,
    path: &str,
    violations: &mut Violations,
) {
    for (i, identity) in fields.identities.iter().enumerate() {
        let owner = state.principal_of(identity);
        if owner.is_some_and(|owner| owner.name != *name) {
            violations.add(format!("{path}.identities[{i}]"), Rule::IdentityTaken);
        }
    }
}

fn check_enabled(principal: &Principal) -> Result<(), Error> {
    if principal.disabled {
        return Err(Error::refused(
            principal.name.as_str(),
            Condition::PrincipalIsDisabled,
        ));
    }
    Ok(())
}
