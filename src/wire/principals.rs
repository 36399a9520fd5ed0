//! Conversion of principals, API keys and who is calling between their wire and domain forms.

use std::time::Duration;

use super::{
    changes::ToMessage,
    methods,
    monitoring::agency_display_name,
    validate::FieldPath,
    values::{
        read_date, read_duration, read_enum, read_enums, read_optional_name, read_text,
        read_timestamp, write_date, write_enum, write_enums, write_optional_name, write_timestamp,
    },
    words::wire_words,
};
use crate::pb::{self, api_key::Expiration, principal::identity::Proof};
use ndp_core::{
    caller::{Caller, Known, Person},
    error::Violations,
    messages::Rule,
    names::AgencyName,
    records::{
        identities::{Identity, SubjectHash},
        meta::Meta,
        principals::{
            ApiKey, ApiKeyFields, Grant, Principal, PrincipalFields, PrincipalKind, Role,
        },
    },
    state::State,
};

wire_words! {
    PrincipalKind = pb::principal::Kind;
    Role = pb::Role;
}

impl ToMessage for Principal {
    type Message = pb::Principal;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::Principal {
        principal(self)
    }
}

impl ToMessage for ApiKey {
    type Message = pb::ApiKey;

    fn to_message(&self, _: Option<&AgencyName>, _: &State) -> pb::ApiKey {
        api_key(self, None)
    }
}

// === from a client ===

/// Reads what an administrator writes of a principal from the request's field `field`.
pub fn principal_fields(
    message: pb::Principal,
    field: &str,
    violations: &mut Violations,
) -> PrincipalFields {
    let path = &FieldPath::ROOT.field(field);
    let pb::Principal {
        name: _,
        display_name,
        kind,
        agency,
        roles,
        grants,
        identities,
        state: _,
        etag: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    PrincipalFields {
        display_name: read_text(display_name),
        kind: read_enum(kind).unwrap_or_default(),
        agency: read_optional_name(&agency, &path.field("agency"), violations),
        roles: read_enums(&roles),
        grants: grants.into_iter().filter_map(read_grant).collect(),
        identities: read_identities(identities, &path.field("identities"), violations),
    }
}

fn read_identities(
    messages: Vec<pb::principal::Identity>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Vec<Identity> {
    let mut identities = Vec::with_capacity(messages.len());
    for (i, message) in messages.into_iter().enumerate() {
        match read_identity(message) {
            Ok(identity) => identities.push(identity),
            Err(rule) => violations.add(path.item(i).to_string(), rule),
        }
    }
    identities
}

/// Reads an identity whose subject was hashed.
fn read_identity(message: pb::principal::Identity) -> Result<Identity, Rule> {
    let pb::principal::Identity { proof } = message;
    match proof {
        Some(Proof::CertificateUri(uri)) if !uri.is_empty() => Ok(Identity::CertificateUri(uri)),
        Some(Proof::CertificateDns(name)) if !name.is_empty() => Ok(Identity::CertificateDns(name)),
        Some(Proof::TokenSubject(pb::principal::TokenSubject {
            issuer,
            subject: _,
            subject_hash,
        })) => match SubjectHash::parse(&subject_hash) {
            Some(subject) => Ok(Identity::TokenSubject { issuer, subject }),
            None => Err(Rule::TokenSubjectMissing),
        },
        Some(Proof::CertificateUri(_) | Proof::CertificateDns(_)) | None => {
            Err(Rule::IdentityMissing)
        }
    }
}

fn read_grant(message: pb::principal::Grant) -> Option<Grant> {
    let pb::principal::Grant {
        role,
        start_date,
        end_date,
        reason,
    } = message;
    Some(Grant {
        role: read_enum(role)?,
        start_date: read_date(start_date),
        end_date: read_date(end_date),
        reason: read_text(reason),
    })
}

/// Reads what is written of an API key when it is made, and how long it is to work.
pub fn api_key_fields(message: pb::ApiKey) -> (ApiKeyFields, Option<Duration>) {
    let pb::ApiKey {
        name: _,
        display_name,
        expiration,
        feed,
        read_only,
        methods,
        last_used_time: _,
        state: _,
        revoke_time: _,
        secret: _,
        create_time: _,
        update_time: _,
        revision: _,
    } = message;
    let (expire_time, ttl) = match expiration {
        Some(Expiration::ExpireTime(time)) => (Some(time), None),
        Some(Expiration::Ttl(ttl)) => (None, Some(ttl)),
        None => (None, None),
    };
    let fields = ApiKeyFields {
        display_name: read_text(display_name),
        expire_time: read_timestamp(expire_time),
        feed,
        read_only,
        methods,
    };
    (fields, read_duration(ttl))
}

/// Adds a violation for each service or method that a key names and that does not exist. `path` is
/// the field that holds the key.
pub fn check_methods(fields: &ApiKeyFields, path: &str, violations: &mut Violations) {
    for (i, name) in fields.methods.iter().enumerate() {
        let exists = match name.contains('/') {
            true => methods::ours(name).is_some(),
            false => methods::is_our_service(name),
        };
        if !exists {
            violations.add(format!("{path}.methods[{i}]"), Rule::NoSuchMethodOrService);
        }
    }
}

// === to a client ===

/// Principal and actor; both are empty if no person is given.
pub(super) fn person(record: Option<&Person>) -> (String, String) {
    match record {
        Some(Person { principal, actor }) => (
            principal.as_str().to_owned(),
            actor.clone().unwrap_or_default(),
        ),
        None => (String::new(), String::new()),
    }
}

pub fn principal(record: &Principal) -> pb::Principal {
    let Principal {
        name,
        fields,
        disabled,
        meta,
    } = record;
    let PrincipalFields {
        display_name,
        kind,
        agency,
        roles,
        grants,
        identities,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    let state = if *disabled {
        pb::principal::State::Disabled
    } else {
        pb::principal::State::Active
    };
    pb::Principal {
        name: name.as_str().to_owned(),
        display_name: display_name.clone(),
        kind: write_enum(*kind),
        agency: write_optional_name(agency.as_ref()),
        roles: write_enums(roles),
        grants: grants.iter().map(grant).collect(),
        identities: identities.iter().map(identity).collect(),
        state: state.into(),
        etag: meta.etag(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

fn identity(record: &Identity) -> pb::principal::Identity {
    let proof = match record {
        Identity::CertificateUri(uri) => Proof::CertificateUri(uri.clone()),
        Identity::CertificateDns(name) => Proof::CertificateDns(name.clone()),
        Identity::TokenSubject { issuer, subject } => {
            Proof::TokenSubject(pb::principal::TokenSubject {
                issuer: issuer.clone(),
                subject: String::new(),
                subject_hash: subject.as_str().to_owned(),
            })
        }
    };
    pb::principal::Identity { proof: Some(proof) }
}

fn grant(record: &Grant) -> pb::principal::Grant {
    let Grant {
        role,
        start_date,
        end_date,
        reason,
    } = record;
    pb::principal::Grant {
        role: write_enum(*role),
        start_date: write_date(*start_date),
        end_date: write_date(*end_date),
        reason: reason.clone(),
    }
}

/// An API key. Only the answer that creates it contains the secret.
pub fn api_key(record: &ApiKey, secret: Option<String>) -> pb::ApiKey {
    let ApiKey {
        name,
        fields,
        revoke_time,
        meta,
    } = record;
    let ApiKeyFields {
        display_name,
        expire_time,
        feed,
        read_only,
        methods,
    } = fields;
    let Meta {
        create_time,
        update_time,
        revision,
    } = meta;
    let state = match revoke_time {
        Some(_) => pb::api_key::State::Revoked,
        None => pb::api_key::State::Active,
    };
    pb::ApiKey {
        name: name.as_str().to_owned(),
        display_name: display_name.clone(),
        expiration: expire_time.map(write_timestamp).map(Expiration::ExpireTime),
        feed: *feed,
        read_only: *read_only,
        methods: methods.clone(),
        last_used_time: None,
        state: state.into(),
        revoke_time: revoke_time.map(write_timestamp),
        secret: secret.unwrap_or_default(),
        create_time: Some(write_timestamp(*create_time)),
        update_time: Some(write_timestamp(*update_time)),
        revision: revision.get(),
    }
}

/// Who the caller is, authenticated at a revision, and the identity that it proved.
pub fn identify_caller(
    caller: &Caller,
    proved: Option<&Identity>,
    state: &State,
) -> pb::IdentifyCallerResponse {
    let (principal, actor) = person(caller.person().as_ref());
    let (agency, roles, api_key) = match caller {
        Caller::Anonymous => (None, Vec::new(), String::new()),
        Caller::Known(Known {
            person: _,
            is_system: _,
            agency,
            roles,
            reach: _,
            credential,
            scope: _,
            allows_personal_data: _,
        }) => {
            let api_key = credential.api_key().map(|it| it.as_str().to_owned());
            let api_key = api_key.unwrap_or_default();
            (agency.as_ref(), write_enums(roles), api_key)
        }
        Caller::System { actor: _ } => (None, write_enums(&Role::ALL), String::new()),
    };
    pb::IdentifyCallerResponse {
        principal,
        agency: write_optional_name(agency),
        agency_display_name: agency_display_name(state, agency),
        roles,
        actor,
        api_key,
        revision: state.revision().get(),
        identity: proved.map(identity),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;
    use crate::wire::arbitrary;
    use ndp_core::caller::{Credential, Reach};
    use ndp_core::names::{AgencyName, ApiKeyName, PrincipalName, Revision};
    use ndp_core::records::identities::SubjectKey;
    use ndp_core::records::principals::PrincipalKind;
    use ndp_core::records::principals::Role;

    fn any_fields() -> impl Strategy<Value = PrincipalFields> {
        let kind = select(PrincipalKind::ALL.to_vec());
        (
            arbitrary::text(),
            kind,
            option::of(arbitrary::name()),
            vec(select(Role::ALL.to_vec()), 0..6),
            vec(any_grant(), 0..3),
            vec(any_identity(), 0..3),
        )
            .prop_map(|(display_name, kind, agency, roles, grants, identities)| {
                PrincipalFields {
                    display_name,
                    kind,
                    agency,
                    roles,
                    grants,
                    identities,
                }
            })
    }

    fn any_identity() -> impl Strategy<Value = Identity> {
        prop_oneof![
            "[!-~]{1,9}".prop_map(Identity::CertificateUri),
            "[!-~]{1,9}".prop_map(Identity::CertificateDns),
            ("[a-z]{1,9}", "[!-~]{1,9}").prop_map(|(issuer, it)| Identity::TokenSubject {
                subject: SubjectKey::new([1; 32]).hash(&issuer, &it),
                issuer,
            }),
        ]
    }

    fn any_grant() -> impl Strategy<Value = Grant> {
        let dates = (option::of(arbitrary::date()), option::of(arbitrary::date()));
        (select(Role::ALL.to_vec()), dates, arbitrary::text()).prop_map(
            |(role, (start_date, end_date), reason)| Grant {
                role,
                start_date,
                end_date,
                reason,
            },
        )
    }

    proptest! {
        #[test]
        fn fields_survive_the_wire(
            fields in any_fields(), disabled: bool, meta in arbitrary::meta(),
        ) {
            let record = Principal {
                name: PrincipalName::system(),
                fields,
                disabled,
                meta,
            };
            let mut violations = Violations::new();
            let message = arbitrary::over_the_wire(&principal(&record));
            let fields = principal_fields(message, "principal", &mut violations);
            prop_assert_eq!(violations, Violations::new());
            prop_assert_eq!(fields, record.fields);
        }

        #[test]
        fn the_fields_of_a_key_survive_the_wire(
            display_name in arbitrary::text(),
            expire_time in option::of(arbitrary::timestamp()),
            revoke_time in option::of(arbitrary::timestamp()),
            feed in any::<bool>(),
            read_only in any::<bool>(),
            methods in vec(arbitrary::text(), 0..3),
            meta in arbitrary::meta(),
        ) {
            let record = ApiKey {
                name: ApiKeyName::parse("principals/system/apiKeys/k").unwrap(),
                fields: ApiKeyFields { display_name, expire_time, feed, read_only, methods },
                revoke_time,
                meta,
            };
            let message = arbitrary::over_the_wire(&api_key(&record, None));
            prop_assert_eq!(&*message.secret, "");
            let revoked = message.state() == pb::api_key::State::Revoked;
            prop_assert_eq!(revoked, revoke_time.is_some());
            prop_assert_eq!(api_key_fields(message), (record.fields, None));
        }
    }

    #[test]
    fn bad_values_are_reported_with_their_paths() {
        let message = pb::Principal {
            kind: 1,
            agency: "agencies/a/b".to_owned(),
            roles: vec![4],
            ..Default::default()
        };
        let mut violations = Violations::new();
        let fields = principal_fields(message, "principal", &mut violations);
        assert_eq!(fields.roles, [Role::Steward]);
        let reported: Vec<_> = violations
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.rule.reason()))
            .collect();
        insta::assert_snapshot!(reported.join("\n"), @r"
        principal.agency PATTERN
        ");
    }

    #[test]
    fn a_caller_learns_who_it_is() {
        let state = State::load(Revision::new(7).unwrap(), None, []);
        let nobody = identify_caller(&Caller::Anonymous, None, &state);
        let expected = pb::IdentifyCallerResponse {
            revision: 7,
            ..Default::default()
        };
        assert_eq!(nobody, expected);
        let known = Caller::Known(Known {
            person: Person {
                principal: PrincipalName::parse("principals/p").unwrap(),
                actor: Some("Trần Thị B".to_owned()),
            },
            is_system: true,
            agency: AgencyName::parse("agencies/a"),
            roles: vec![Role::AgencyEditor],
            reach: Reach::default(),
            credential: Credential::ApiKey(ApiKeyName::parse("principals/p/apiKeys/k").unwrap()),
            scope: None,
            allows_personal_data: None,
        });
        let expected = pb::IdentifyCallerResponse {
            principal: "principals/p".to_owned(),
            agency: "agencies/a".to_owned(),
            roles: vec![pb::Role::AgencyEditor.into()],
            actor: "Trần Thị B".to_owned(),
            api_key: "principals/p/apiKeys/k".to_owned(),
            revision: 7,
            agency_display_name: String::new(),
            identity: None,
        };
        assert_eq!(identify_caller(&known, None, &state), expected);
    }
}
