//! Who calls: a principal with its roles, and the person who acts through it.

use crate::{
    names::{AgencyName, ApiKeyName, PrincipalName},
    records::{principals::Role, stored::stored},
    text,
};

stored! {
    /// Someone who acts: a principal, and where that is a system, the person it named.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Person {
        /// The principal.
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
    /// What it may do.
    pub roles: Vec<Role>,
    /// The key it called with.
    pub api_key: ApiKeyName,
    /// The reason for allowing personal data, if the caller gave one.
    pub allows_personal_data: Option<String>,
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
                known.agency.as_ref() == Some(agency) && known.roles.contains(&role)
            }
            Self::System { .. } => true,
        }
    }

    /// Whether it belongs to an agency by any agency role.
    pub(crate) fn is_of(&self, agency: &AgencyName) -> bool {
        match self {
            Self::Known(known) => {
                known.agency.as_ref() == Some(agency)
                    && known.roles.iter().any(|role| role.is_of_agency())
            }
            Self::Anonymous | Self::System { .. } => false,
        }
    }

    /// Whether it sees everything about plans: the steward and auditors.
    pub(crate) fn oversees(&self) -> bool {
        self.has(Role::Steward) || self.has(Role::Auditor)
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

    /// The agency it acts for, if any.
    pub fn agency(&self) -> Option<&AgencyName> {
        match self {
            Self::Known(known) => known.agency.as_ref(),
            Self::Anonymous | Self::System { .. } => None,
        }
    }
}
