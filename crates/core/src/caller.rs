//! Who calls: a principal with its roles, and the person who acts through it.

use crate::{
    names::{AgencyName, ApiKeyName, PlatformName, PrincipalName},
    records::{
        identities::{Identity, Means},
        principals::Role,
        stored::stored,
    },
    text,
    time::Timestamp,
};

stored! {
    /// Someone who acts: a principal, and where that is a system, the person it named.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Person {
        pub principal: PrincipalName,
        /// The person who acted through a system, as the system named them.
        pub actor: Option<String>,
    }
}

impl Person {
    /// Whether both are the same human being, as far as the registry knows: the same name where a
    /// system gave one, else the same principal. A name and a principal's id agree as
    /// `Nguyễn Văn A` and `nguyen-van-a` do.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        fn folded(name: &str) -> String {
            text::fold(&name.replace('-', " "))
        }
        match (&self.actor, &other.actor) {
            (Some(a), Some(b)) => folded(a) == folded(b),
            (None, None) => self.principal == other.principal,
            (Some(actor), None) => folded(actor) == folded(other.principal.id()),
            (None, Some(actor)) => folded(actor) == folded(self.principal.id()),
        }
    }
}

/// What a caller gains on one day from the place of its agency among the others: see
/// [`crate::state::State::reach_of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The body that took over from its agency; the agency's principals cannot write since then.
    pub successor: Option<AgencyName>,
    /// The bodies that its agency took over from: it has their rights.
    pub predecessors: Vec<AgencyName>,
    /// The units below its agency, whose principals it manages.
    pub units: Vec<AgencyName>,
    /// The other platforms whose plans it sees, besides those of its agency.
    pub entrusted: Vec<Entrusted>,
}

/// A platform whose plans a caller sees, besides those of its own agency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrusted {
    pub platform: PlatformName,
    /// The agency that governs it, and those that it took over from.
    pub agencies: Vec<AgencyName>,
    /// Whether it writes the plans: they were delegated to its unit.
    pub writes: bool,
    /// Whether it approves them too.
    pub approves: bool,
}

/// What a caller proved who it is with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    ApiKey(ApiKeyName),
    /// The session of a browser that signed in with an API key.
    KeySession(Box<KeySession>),
    /// A client certificate, or a token of another issuer.
    External(Box<External>),
}

impl Credential {
    /// The API key, where it is one or a session of one.
    pub fn api_key(&self) -> Option<&ApiKeyName> {
        match self {
            Self::ApiKey(key) => Some(key),
            Self::KeySession(session) => Some(&session.key),
            Self::External(_) => None,
        }
    }
}

/// A session of an API key: it holds as long as the key does, until its own end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySession {
    /// The key.
    pub key: ApiKeyName,
    /// From when on it proves nothing.
    pub expire_time: Timestamp,
}

/// What a client certificate or a token proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// How the identity is proved.
    pub means: Means,
    /// Whose it is.
    pub identity: Identity,
    /// From when on it proves nothing.
    pub expire_time: Timestamp,
}

/// What a credential is limited to, whatever its principal may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Whether it only reads.
    pub read_only: bool,
    /// Full names of services, as `ndp.registry.v1.PlanService`, and of methods, as
    /// `ndp.registry.v1.PlanService/GetPlan`; all when empty.
    pub methods: Vec<String>,
}

impl Scope {
    /// Whether it covers a service, or a method.
    pub fn names(&self, name: &str) -> bool {
        let service = name.split('/').next().unwrap_or(name);
        let mut named = self.methods.iter();
        self.methods.is_empty() || named.any(|it| it == name || it == service)
    }

    /// Whether everything that `other` opens is open to this one too.
    fn covers(&self, other: &Self) -> bool {
        let only_reads = !self.read_only || other.read_only;
        let within = match other.methods.is_empty() {
            true => self.methods.is_empty(),
            false => other.methods.iter().all(|name| self.names(name)),
        };
        only_reads && within
    }
}

/// A caller with credentials that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who it is.
    pub person: Person,
    /// Whether the principal is a system. A system must name the acting person for actions that
    /// require two persons.
    pub is_system: bool,
    /// The agency of its agency roles.
    pub agency: Option<AgencyName>,
    /// What it may do on the day of the call.
    pub roles: Vec<Role>,
    /// What it gains from the place of its agency among the others.
    pub reach: Reach,
    /// What it called with.
    pub credential: Credential,
    /// What an API key is limited to, if it is.
    pub scope: Option<Box<Scope>>,
    /// The reason for allowing personal data, if the caller gave one.
    pub allows_personal_data: Option<Box<str>>,
}

impl Known {
    /// Whether the agency is its own, or one that its own took over from.
    fn stands_for(&self, agency: &AgencyName) -> bool {
        self.agency.as_ref() == Some(agency) || self.reach.predecessors.contains(agency)
    }

    fn acts_for_agency(&self) -> bool {
        self.roles.iter().any(|role| role.is_of_agency())
    }

    /// `platform` is the name of the platform or of a record below it.
    fn entrusted(&self, agency: &AgencyName, platform: &str) -> impl Iterator<Item = &Entrusted> {
        self.reach.entrusted.iter().filter(move |it| {
            let rest = platform.strip_prefix(it.platform.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                && it.agencies.contains(agency)
        })
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// No credentials: reads what is public.
    Anonymous,
    /// A principal.
    Known(Known),
    /// The registry itself: seeding, and the command line on the database's own machine.
    System {
        /// Who ran the command, where known.
        actor: Option<String>,
    },
}

impl Caller {
    /// Whether the caller has a role, in any agency.
    pub fn has(&self, role: Role) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Known(known) => known.roles.contains(&role),
            Self::System { .. } => true,
        }
    }

    /// Whether the caller has a role within this agency.
    pub(crate) fn has_in(&self, role: Role, agency: &AgencyName) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Known(known) => {
                known.reach.successor.is_none()
                    && known.stands_for(agency)
                    && known.roles.contains(&role)
            }
            Self::System { .. } => true,
        }
    }

    /// Whether the caller has a role for the plans of a platform that this agency governs: in the
    /// agency, or in a unit that they were delegated to.
    pub(crate) fn has_on(&self, role: Role, agency: &AgencyName, platform: &PlatformName) -> bool {
        let delegated = |known: &Known| {
            let mut entrusted = known.entrusted(agency, platform.as_str());
            known.reach.successor.is_none()
                && known.roles.contains(&role)
                && entrusted.any(|it| match role {
                    Role::AgencyEditor => it.writes,
                    Role::AgencyApprover => it.approves,
                    _ => false,
                })
        };
        self.has_in(role, agency) || matches!(self, Self::Known(known) if delegated(known))
    }

    /// Whether the caller manages the principals of an agency: its own, or a unit below it.
    pub(crate) fn keeps(&self, agency: &AgencyName) -> bool {
        let above = |known: &Known| {
            known.roles.contains(&Role::AgencyAdmin) && known.reach.units.contains(agency)
        };
        self.has_in(Role::AgencyAdmin, agency) || matches!(self, Self::Known(known) if above(known))
    }

    /// Whether it belongs to an agency by any agency role.
    pub(crate) fn is_of(&self, agency: &AgencyName) -> bool {
        match self {
            Self::Known(known) => known.stands_for(agency) && known.acts_for_agency(),
            Self::Anonymous | Self::System { .. } => false,
        }
    }

    /// Whether it sees the plans of this platform as the agency that governs it does. `platform` is
    /// the name of the platform or of a record below it.
    pub(crate) fn is_entrusted(&self, agency: &AgencyName, platform: &str) -> bool {
        matches!(self, Self::Known(known)
            if known.acts_for_agency() && known.entrusted(agency, platform).next().is_some())
    }

    /// Whether it sees everything about plans: the steward and auditors.
    pub(crate) fn oversees(&self) -> bool {
        self.has(Role::Steward) || self.has(Role::Auditor)
    }

    /// What its credential is limited to, if it is.
    pub(crate) fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Known(known) => known.scope.as_deref(),
            Self::Anonymous | Self::System { .. } => None,
        }
    }

    /// Whether a key with this scope opens nothing that its own does not.
    pub(crate) fn may_make_key(&self, scope: &Scope) -> bool {
        self.scope().is_none_or(|own| own.covers(scope))
    }

    /// Whether it has no credentials.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// Who acts, for the log; `None` for an anonymous caller, who never does.
    pub fn person(&self) -> Option<Person> {
        match self {
            Self::Anonymous => None,
            Self::Known(known) => Some(known.person.clone()),
            Self::System { actor } => Some(Person {
                principal: PrincipalName::system(),
                actor: actor.clone(),
            }),
        }
    }

    /// What it gains from the place of its agency among the others.
    pub fn reach(&self) -> Option<&Reach> {
        match self {
            Self::Known(known) => Some(&known.reach),
            Self::Anonymous | Self::System { .. } => None,
        }
    }

    /// The agency it acts for, if any.
    pub fn agency(&self) -> Option<&AgencyName> {
        match self {
            Self::Known(known) => known.agency.as_ref(),
            Self::Anonymous | Self::System { .. } => None,
        }
    }
}
