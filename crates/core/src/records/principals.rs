//! Principals (chủ thể) and their API keys: who may call.

use std::borrow::Cow;

use crate::{
    caller::{Caller, Scope},
    error::Violations,
    messages::Rule,
    names::{AgencyName, ApiKeyName, PrincipalName},
    query::{
        fields::{created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        Kind,
        identities::Identity,
        meta::{Meta, record_fields},
        stored::stored,
        texts::texts,
        words::{Word as _, words},
    },
    state::visible::{Audience, Parents, Visible},
    time::{Date, Timestamp},
};

words! {
    /// What a principal may do; rights add up.
    pub enum Role {
        /// Writes and submits the plans of one agency, and its part of its platforms.
        AgencyEditor = 1 "ROLE_AGENCY_EDITOR",
        /// Returns, issues, completes and revokes plans of one agency.
        AgencyApprover = 2 "ROLE_AGENCY_APPROVER",
        /// Keeps the principals and API keys of one agency.
        AgencyAdmin = 3 "ROLE_AGENCY_ADMIN",
        /// Keeps the catalogue.
        Steward = 4 "ROLE_STEWARD",
        /// Reads everything.
        Auditor = 5 "ROLE_AUDITOR",
        /// Keeps all principals and API keys.
        Admin = 6 "ROLE_ADMIN",
        /// Records plans and stages of agencies without principals, from published documents.
        Transcriber = 7 "ROLE_TRANSCRIBER",
        /// Writes MEASURED values of indicators: those of its agency, or, without an agency, of
        /// all.
        Measurer = 8 "ROLE_MEASURER",
    }
}

impl Role {
    /// Whether it holds within one agency only.
    pub const fn is_of_agency(self) -> bool {
        matches!(
            self,
            Self::AgencyEditor | Self::AgencyApprover | Self::AgencyAdmin
        )
    }

    /// Whether an agency's administrator may give it within the agency.
    pub(crate) const fn is_given_in_agency(self) -> bool {
        self.is_of_agency() || matches!(self, Self::Measurer)
    }
}

words! {
    /// A person or a system.
    pub enum PrincipalKind = Unspecified {
        /// Not stated; refused.
        Unspecified = 0 "KIND_UNSPECIFIED",
        /// One person.
        Person = 1 "PERSON",
        /// A system, for the people who use it.
        System = 2 "SYSTEM",
    }
}

stored! {
    /// A role for a limited time, for example a deputy's while the usual holder is away.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Grant {
        pub role: Role,
        /// From this day on.
        pub start_date: Option<Date>,
        /// The last day.
        pub end_date: Option<Date>,
        pub reason: String,
    }
}

impl Grant {
    /// Whether it holds on a date.
    pub fn holds_on(&self, on: Date) -> bool {
        let Self {
            start_date,
            end_date,
            ..
        } = self;
        start_date.is_some_and(|start| start <= on) && end_date.is_some_and(|end| on <= end)
    }
}

texts! {
    Grant { texts: reason; uris: ; none: role start_date end_date; }
}

record_fields! {
    /// What an administrator writes of a principal.
    pub struct PrincipalFields {
        /// Office or system.
        pub display_name: String,
        /// A person or a system; cannot change.
        pub kind: PrincipalKind,
        /// The agency of its agency roles.
        pub agency: Option<AgencyName>,
        /// What it may do.
        pub roles: Vec<Role>,
        /// Additional roles for a limited time.
        pub grants: Vec<Grant>,
        /// Identities outside the registry by which it may call too.
        pub identities: Vec<Identity>,
    }
}

stored! {
    /// Someone or something that calls: a person or a system (chủ thể).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Principal {
        /// Resource name.
        pub name: PrincipalName,
        /// What an administrator writes of it.
        pub fields: PrincipalFields,
        /// Whether none of its credentials works.
        pub disabled: bool,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl PrincipalFields {
    /// Whether it transcribes or measures for every agency and does nothing else: such principals
    /// the steward appoints.
    pub(crate) fn serves_steward(&self) -> bool {
        let alone = matches!(*self.roles, [Role::Transcriber | Role::Measurer]);
        self.agency.is_none() && alone && self.grants.is_empty()
    }

    /// Every role that it has, including those for a limited time that have not begun.
    pub(crate) fn all_roles(&self) -> impl Iterator<Item = Role> {
        let granted = self.grants.iter().map(|grant| grant.role);
        self.roles.iter().copied().chain(granted)
    }

    /// What it may do on a date.
    pub fn roles_on(&self, on: Date) -> Vec<Role> {
        let mut roles = self.roles.clone();
        for grant in self.grants.iter().filter(|grant| grant.holds_on(on)) {
            if !roles.contains(&grant.role) {
                roles.push(grant.role);
            }
        }
        roles
    }

    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, path: &str, violations: &mut Violations) {
        if self.kind == PrincipalKind::Unspecified {
            violations.add(format!("{path}.kind"), Rule::PrincipalKindMissing);
        }
        if self.agency.is_none()
            && let Some(role) = self.all_roles().find(|role| role.is_of_agency())
        {
            violations.add(
                format!("{path}.agency"),
                Rule::RoleNeedsAgency {
                    role: role.to_string(),
                },
            );
        }
        for (i, grant) in self.grants.iter().enumerate() {
            let path = format!("{path}.grants[{i}]");
            if grant.start_date.is_none() {
                violations.add(format!("{path}.start_date"), Rule::GrantDateMissing);
            }
            if grant.end_date.is_none() {
                violations.add(format!("{path}.end_date"), Rule::GrantDateMissing);
            } else if grant.end_date < grant.start_date {
                violations.add(format!("{path}.end_date"), Rule::EndBeforeStart);
            }
        }
        for (i, identity) in self.identities.iter().enumerate() {
            if self
                .identities
                .iter()
                .take(i)
                .any(|other| other == identity)
            {
                violations.add(format!("{path}.identities[{i}]"), Rule::IdentityRepeated);
            }
        }
    }
}

record_fields! {
    /// What is written of an API key when it is made.
    pub struct ApiKeyFields {
        /// What it is for.
        pub display_name: String,
        /// From when on it no longer works.
        pub expire_time: Option<Timestamp>,
        /// Whether it opens feeds and nothing else.
        pub feed: bool,
        /// Whether it only reads.
        pub read_only: bool,
        /// The services and methods that it is limited to, by their full names; all when empty.
        pub methods: Vec<String>,
    }
}

impl ApiKeyFields {
    /// What it is limited to.
    pub fn scope(&self) -> Scope {
        Scope {
            read_only: self.read_only,
            methods: self.methods.clone(),
        }
    }
}

stored! {
    /// One API key. Its hash is not here: hashes never enter the log.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ApiKey {
        /// Resource name.
        pub name: ApiKeyName,
        /// What was written when it was made.
        pub fields: ApiKeyFields,
        /// When it was revoked.
        pub revoke_time: Option<Timestamp>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

/// SHA-256 of a key's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

impl Visible for Principal {
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        let itself = caller
            .person()
            .is_some_and(|person| person.principal == self.name);
        (itself || keeps_principals_of(caller, &self.audience_below()))
            .then_some(Cow::Borrowed(self))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.fields.agency.clone()
    }

    fn is_guarded_as(&self, other: &Self) -> bool {
        self.audience_below() == other.audience_below()
    }

    fn audience_below(&self) -> Audience {
        Audience {
            of_transcriber: self.fields.serves_steward(),
            ..Audience::of_agency(self.fields.agency.as_ref())
        }
    }
}

impl Visible for ApiKey {
    const GUARD: Option<Kind> = Some(Kind::Principal);

    fn visible(&self, caller: &Caller, at: &dyn Parents) -> Option<Cow<'_, Self>> {
        let its_own = caller
            .person()
            .is_some_and(|person| person.principal == self.name.parent());
        (its_own || keeps_principals_of(caller, &self.audience(at))).then_some(Cow::Borrowed(self))
    }
}

/// Whether the caller keeps principals of this audience.
fn keeps_principals_of(caller: &Caller, audience: &Audience) -> bool {
    let agency = audience.agency.as_ref();
    caller.has(Role::Admin)
        || caller.has(Role::Auditor)
        || (audience.of_transcriber && caller.has(Role::Steward))
        || agency.is_some_and(|agency| caller.keeps(agency))
}

impl Queryable for Principal {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, PrincipalName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("kind", words::<PrincipalKind>(), |r: &Self| {
            Values::one(r.fields.kind.word())
        }),
        Field::new("agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.fields.agency.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("roles", words::<Role>(), |r: &Self| {
            Values::many(r.fields.roles.iter().map(|it| it.word()))
        })
        .repeated(),
        Field::new("state", Type::Enum(&["ACTIVE", "DISABLED"]), |r: &Self| {
            Values::one(if r.disabled { "DISABLED" } else { "ACTIVE" })
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for ApiKey {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, ApiKeyName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("state", Type::Enum(&["ACTIVE", "REVOKED"]), |r: &Self| {
            Values::one(if r.revoke_time.is_some() {
                "REVOKED"
            } else {
                "ACTIVE"
            })
        }),
        Field::new("expire_time", Type::Timestamp, |r: &Self| {
            Values::option(r.fields.expire_time)
        })
        .orderable(),
        created!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
