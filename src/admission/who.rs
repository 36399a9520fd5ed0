//! Whom limits are counted for.

use std::net::{IpAddr, Ipv6Addr};

use crate::domain::{caller::Caller, names::PrincipalName};

/// A principal; or where a caller without a key calls from, for nothing else is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// A principal, whichever of its keys it calls with.
    Principal(PrincipalName),
    /// A network address; of IPv6 the network of 64 bits that one customer gets.
    Address(IpAddr),
}

impl Who {
    /// Whoever calls from this address.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(network(address))
    }

    /// The principal that calls, if it is one.
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
