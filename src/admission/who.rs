//! The identity that limits are counted for.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use foldhash::fast::RandomState;
use ndp_core::{caller::Caller, names::PrincipalName};

/// A table by caller. Every call looks several of them up.
pub(super) type ByCaller<T> = HashMap<Who, T, RandomState>;

/// A principal, or the network address of a caller without a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// A principal, with any of its keys.
    Principal(PrincipalName),
    /// A network address. For IPv6, the /64 network that one customer gets.
    Address(IpAddr),
}

impl Who {
    /// The identity of callers at this address.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(network(address))
    }

    /// The principal of the caller, if it has one.
    pub fn principal(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Known(known) => Some(Self::Principal(known.person.principal.clone())),
            Caller::Anonymous | Caller::System { .. } => None,
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_with_many_addresses_is_one_caller() {
        let who = |text: &str| Who::at(text.parse().unwrap());
        assert_eq!(who("2001:db8:1:2::1"), who("2001:db8:1:2:ffff::9"));
        assert_ne!(who("2001:db8:1:2::1"), who("2001:db8:1:3::1"));
        assert_ne!(who("192.0.2.1"), who("192.0.2.2"));
        assert_eq!(who("::ffff:192.0.2.1"), who("192.0.2.1"));
    }
}
