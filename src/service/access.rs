//! AccessService: principals and API keys.

use std::time::Duration;

use tonic::Request;

use super::{
    RpcResult, Services,
    list::Lists as _,
    read::{AsOf, find, get, open_checked},
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    call::Call,
    pb::{self, principal::identity::Proof},
    registry::{
        authenticate::{KEY_ID_LENGTH, NewKey},
        entropy::OsEntropy,
        uses::Hour,
    },
    wire::{
        principals, requests,
        validate::Validate as _,
        values::{read_duration, write_timestamp},
    },
};
use ndp_core::{
    change::At,
    error::{Error, Violations},
    messages::Rule,
    names::{ApiKeyName, PrincipalName},
    records::principals::Principal,
    rules::{
        Ids, permit_access_reads,
        principals::{
            CreateApiKey, CreatePrincipal, DisablePrincipal, OVERLAP_DEFAULT, OVERLAP_MAX,
            RevokeApiKey, RotateApiKey,
        },
    },
    state::State,
};

updatable!(Principal principals::principal_fields);

impl Services {
    pub(super) async fn identify_caller(
        &self,
        request: Request<pb::IdentifyCallerRequest>,
    ) -> RpcResult<pb::IdentifyCallerResponse> {
        let (call, _) = open_checked(request)?;
        call.answer(principals::identify_caller(
            &call.caller,
            call.proved.as_ref(),
            call.state(),
        ))
    }

    // === principals ===

    pub(super) async fn get_principal(
        &self,
        request: Request<pb::GetPrincipalRequest>,
    ) -> RpcResult<pb::Principal> {
        let (call, message) = self.open_access_read(request).await?;
        let principal = get(&call, &message.name, State::principal)?;
        call.answer(principals::principal(&principal))
    }

    pub(super) async fn list_principals(
        &self,
        request: Request<pb::ListPrincipalsRequest>,
    ) -> RpcResult<pb::ListPrincipalsResponse> {
        let (call, message) = self.open_access_read(request).await?;
        let (principals, next_page_token) = self
            .list(
                &call,
                State::principals,
                String::new(),
                call.binding("ListPrincipals"),
                &message.arguments(),
                |_, seen| principals::principal(seen),
            )
            .await?;
        call.answer(pb::ListPrincipalsResponse {
            principals,
            next_page_token,
        })
    }

    pub(super) async fn create_principal(
        &self,
        mut request: Request<pb::CreatePrincipalRequest>,
    ) -> RpcResult<pb::Principal> {
        self.seal_subjects(request.get_mut().principal.as_mut(), "principal")?;
        let (call, envelope, message) = open_write(request)?;
        let name = requests::optional_new_name(
            &message.principal_id,
            "principal_id",
            PrincipalName::from_id,
        )?;
        let mut violations = Violations::new();
        let principal = message.principal.unwrap_or_default();
        let fields = principals::principal_fields(principal, "principal", &mut violations);
        violations.into_result()?;
        let command = CreatePrincipal { name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| principals::principal(it))
    }

    pub(super) async fn update_principal(
        &self,
        mut request: Request<pb::UpdatePrincipalRequest>,
    ) -> RpcResult<pb::Principal> {
        self.seal_subjects(request.get_mut().principal.as_mut(), "principal")?;
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| principals::principal(it))
    }

    pub(super) async fn disable_principal(
        &self,
        request: Request<pb::DisablePrincipalRequest>,
    ) -> RpcResult<pb::Principal> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::name(&message.name, "name")?;
        let command = DisablePrincipal {
            name,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| principals::principal(it))
    }

    // === API keys ===

    pub(super) async fn get_api_key(
        &self,
        request: Request<pb::GetApiKeyRequest>,
    ) -> RpcResult<pb::ApiKey> {
        let (call, message) = self.open_access_read(request).await?;
        let key = get(&call, &message.name, State::api_key)?;
        let mut answer = [principals::api_key(&key, None)];
        self.add_last_uses(&call, &mut answer).await;
        let [key] = answer;
        call.answer(key)
    }

    pub(super) async fn list_api_keys(
        &self,
        request: Request<pb::ListApiKeysRequest>,
    ) -> RpcResult<pb::ListApiKeysResponse> {
        let (call, message) = self.open_access_read(request).await?;
        let prefix = match requests::parent::<PrincipalName>(&message.parent, "parent")? {
            Some(principal) => {
                find(&call, &principal, State::principal)?;
                ApiKeyName::prefix(&principal)
            }
            None => String::new(),
        };
        let (mut api_keys, next_page_token) = self
            .list(
                &call,
                State::api_keys,
                prefix,
                call.binding("ListApiKeys"),
                &message.arguments(),
                |_, key| principals::api_key(key, None),
            )
            .await?;
        self.add_last_uses(&call, &mut api_keys).await;
        call.answer(pb::ListApiKeysResponse {
            api_keys,
            next_page_token,
        })
    }

    pub(super) async fn create_api_key(
        &self,
        request: Request<pb::CreateApiKeyRequest>,
    ) -> RpcResult<pb::ApiKey> {
        let (call, envelope, message) = open_write(request)?;
        let principal: PrincipalName = requests::name(&message.parent, "parent")?;
        let (fields, ttl) = principals::api_key_fields(message.api_key.unwrap_or_default());
        let mut violations = Violations::new();
        principals::check_methods(&fields, "api_key", &mut violations);
        violations.into_result()?;
        let (name, id_chosen, new) = new_key(&principal, message.api_key_id)?;
        let only_checked = envelope.validate_only;
        let command = CreateApiKey {
            name,
            id_chosen,
            fields,
            ttl,
            hash: new.hash,
        };
        let written = self.write(call, envelope, command).await?;
        // The secret is shown only once: not if the request was replayed or only checked.
        let secret = (!written.replayed && !only_checked).then_some(new.secret);
        written.answer(|key, _| principals::api_key(key, secret))
    }

    pub(super) async fn rotate_api_key(
        &self,
        request: Request<pb::RotateApiKeyRequest>,
    ) -> RpcResult<pb::ApiKey> {
        let (call, envelope, message) = open_write(request)?;
        let name: ApiKeyName = requests::name(&message.name, "name")?;
        let (new, id_chosen, made) = new_key(&name.parent(), message.api_key_id)?;
        let overlap = match message.overlap {
            None => OVERLAP_DEFAULT,
            Some(overlap) => Duration::try_from(overlap)
                .ok()
                .filter(|overlap| *overlap <= OVERLAP_MAX)
                .ok_or_else(|| Error::invalid("overlap", Rule::OverlapTooLong))?,
        };
        let only_checked = envelope.validate_only;
        let command = RotateApiKey {
            name,
            new,
            id_chosen,
            overlap,
            ttl: read_duration(message.ttl),
            hash: made.hash,
        };
        let written = self.write(call, envelope, command).await?;
        let secret = (!written.replayed && !only_checked).then_some(made.secret);
        written.answer(|key, _| principals::api_key(key, secret))
    }

    pub(super) async fn revoke_api_key(
        &self,
        request: Request<pb::RevokeApiKeyRequest>,
    ) -> RpcResult<pb::ApiKey> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::name(&message.name, "name")?;
        let command = RevokeApiKey { name };
        self.write(call, envelope, command)
            .await?
            .answer(|key, _| principals::api_key(key, None))
    }
}

/// The name of a new key of a principal with this id, or with a random one if it is empty, whether
/// the id was chosen, and the key.
fn new_key(principal: &PrincipalName, id: String) -> Result<(ApiKeyName, bool, NewKey), Error> {
    let id_chosen = !id.is_empty();
    let id = if id_chosen {
        id
    } else {
        OsEntropy.id(KEY_ID_LENGTH)
    };
    let name = requests::new_name(&id, "api_key_id", |id| ApiKeyName::from_id(principal, id))?;
    Ok((name, id_chosen, NewKey::random(&id)))
}

impl Services {
    /// Replaces the subjects in a principal by their hashes: before anything else looks at the
    /// request, because the digest of a request is kept. What breaks a field rule stays, to be
    /// refused by that rule.
    pub(super) fn seal_subjects(
        &self,
        principal: Option<&mut pb::Principal>,
        field: &str,
    ) -> Result<(), Error> {
        let mut violations = Violations::new();
        let identities = principal.into_iter().flat_map(|it| &mut it.identities);
        for (i, identity) in identities.enumerate() {
            if let Some(Proof::TokenSubject(token)) = &mut identity.proof
                && !token.subject.is_empty()
                && token.check().is_ok()
            {
                match self.sign_in.hash(&token.issuer, &token.subject) {
                    Ok(hash) => {
                        token.subject_hash = hash.as_str().to_owned();
                        token.subject.clear();
                    }
                    Err(rule) => {
                        let field = format!("{field}.identities[{i}].token_subject.issuer");
                        violations.add(field, rule);
                    }
                }
            }
        }
        violations.into_result()
    }

    /// Adds to keys when each was last used, which is of now and not of a past revision.
    async fn add_last_uses(&self, call: &Call, keys: &mut [pb::ApiKey]) {
        if call.at != At::Now {
            return;
        }
        let names = keys.iter().filter_map(|key| ApiKeyName::parse(&key.name));
        let names: Vec<_> = names.collect();
        let uses = self.registry().key_uses(&names).await;
        for (key, hour) in keys.iter_mut().zip(uses) {
            key.last_used_time = hour.and_then(Hour::start).map(write_timestamp);
        }
    }

    /// The same as [`Self::open_read`], for callers who may read principals and keys. Other callers
    /// are refused before a past revision is read.
    async fn open_access_read<T: AsOf>(&self, request: Request<T>) -> Result<(Call, T), Error> {
        let (call, message) = open_checked(request)?;
        permit_access_reads(&call.caller)?;
        let call = self.reading(call, &message).await?;
        Ok((call, message))
    }
}
