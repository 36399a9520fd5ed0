//! AccessService: onboarding an agency, with its first principals and their keys.

use std::sync::Arc;

use tonic::Request;

use super::{RpcResult, Services, write::open_write};
use crate::{
    pb::{self, onboard_agency_request, onboard_agency_response},
    registry::{authenticate::NewKey, entropy::OsEntropy},
    wire::{agencies, principals, requests},
};
use ndp_core::{
    error::{Error, Violations},
    names::{AgencyName, ApiKeyName, PrincipalName},
    records::{
        agencies::Agency,
        meta::Meta,
        principals::{ApiKey, Principal},
    },
    rules::{
        ID_LENGTH, Ids as _,
        onboarding::{Newcomer, OnboardAgency},
    },
};

impl Services {
    pub(super) async fn onboard_agency(
        &self,
        mut request: Request<pb::OnboardAgencyRequest>,
    ) -> RpcResult<pb::OnboardAgencyResponse> {
        for (i, newcomer) in request.get_mut().newcomers.iter_mut().enumerate() {
            let field = format!("newcomers[{i}].principal");
            self.seal_subjects(newcomer.principal.as_mut(), &field)?;
        }
        let (call, envelope, message) = open_write(request)?;
        let agency: AgencyName = requests::name(&message.name, "name")?;
        let mut violations = Violations::new();
        let new_agency = message
            .agency
            .map(|it| agencies::agency_fields(it, "agency", &mut violations));
        let (mut newcomers, mut secrets) = (Vec::new(), Vec::new());
        for (i, message) in message.newcomers.into_iter().enumerate() {
            let (newcomer, secret) = newcomer(message, i, &agency, &mut violations)?;
            secrets.push((newcomer.key.clone(), secret));
            newcomers.push(newcomer);
        }
        violations.into_result()?;
        let only_checked = envelope.validate_only;
        let command = OnboardAgency {
            agency: agency.clone(),
            new_agency,
            newcomers,
        };
        let asked = command.clone();
        let written = self.write(call, envelope, command).await?;
        if !written.replayed {
            // created now, or only validated: then the secrets do not work
            if only_checked {
                secrets.clear();
            }
            let (agency, made) = made(&asked, written.record.meta)?;
            return written.answer(|_, state| {
                let agency = agency.as_ref().or_else(|| state.agency(&asked.agency));
                answer(agency, &made, &secrets)
            });
        }
        // the same answer again, but for the secrets, which are shown once
        written.answer(|first, state| {
            let keys = state.api_keys().values();
            let made = keys.filter(|key| key.meta.revision == first.meta.revision);
            let made = made.filter_map(|key| {
                let principal = state.principal(&key.name.parent())?;
                Some(((**principal).clone(), (**key).clone()))
            });
            answer(state.agency(&agency), &made.collect::<Vec<_>>(), &[])
        })
    }
}

/// The agency that was made, if any, and the principals with their keys, in the order of their
/// names.
type Made = (Option<Arc<Agency>>, Vec<(Principal, ApiKey)>);

fn made(command: &OnboardAgency, meta: Meta) -> Result<Made, Error> {
    let newcomers = command.newcomers.iter();
    let records = newcomers.map(|it| it.records(meta, "newcomers.api_key"));
    let mut records = records.collect::<Result<Vec<_>, _>>()?;
    records.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    Ok((command.made(meta).map(Arc::new), records))
}

fn answer(
    agency: Option<&Arc<Agency>>,
    made: &[(Principal, ApiKey)],
    secrets: &[(ApiKeyName, String)],
) -> pb::OnboardAgencyResponse {
    let secret_of = |key: &ApiKey| {
        let mut secrets = secrets.iter();
        let secret = secrets.find(|(name, _)| *name == key.name);
        secret.map(|(_, secret)| secret.clone())
    };
    let newcomers = made
        .iter()
        .map(|(principal, key)| onboard_agency_response::Newcomer {
            principal: Some(principals::principal(principal)),
            api_key: Some(principals::api_key(key, secret_of(key))),
        });
    pb::OnboardAgencyResponse {
        agency: agency.map(|it| agencies::agency(it)),
        newcomers: newcomers.collect(),
    }
}

/// A newcomer of the request, and the secret of its key.
fn newcomer(
    message: onboard_agency_request::Newcomer,
    i: usize,
    agency: &AgencyName,
    violations: &mut Violations,
) -> Result<(Newcomer, String), Error> {
    let path = format!("newcomers[{i}]");
    let id_chosen = !message.principal_id.is_empty();
    let id = if id_chosen {
        message.principal_id
    } else {
        OsEntropy.id(ID_LENGTH)
    };
    let field = format!("{path}.principal_id");
    let name = requests::new_name(&id, &field, PrincipalName::from_id)?;
    let principal = message.principal.unwrap_or_default();
    let field = format!("{path}.principal");
    let mut fields = principals::principal_fields(principal, &field, violations);
    fields.agency.get_or_insert_with(|| agency.clone());
    let key = message.api_key.unwrap_or_default();
    let (key_fields, ttl) = principals::api_key_fields(key);
    principals::check_methods(&key_fields, &format!("{path}.api_key"), violations);
    let (key, new) = NewKey::of(&name)?;
    let newcomer = Newcomer {
        name,
        id_chosen,
        fields,
        key,
        key_fields,
        ttl,
        hash: new.hash,
    };
    Ok((newcomer, new.secret))
}
