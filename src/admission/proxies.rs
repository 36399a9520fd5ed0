//! Proxies in front of the server, and the client addresses that they report.
//!
//! The server reads `x-forwarded-for` only from a listed proxy, and takes the last address in it
//! that is not itself a listed proxy. Any client can write the entries before that one.

use std::{net::IpAddr, str::FromStr};

use http::{HeaderMap, HeaderName};

use super::who::Who;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Maximum number of addresses read from one request.
const HOPS_MAX: usize = 16;

/// An address or a network: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn contains(self, other: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u32| {
            let ignored = bits - u32::from(self.prefix);
            // Rust does not allow a shift by all bits; with a prefix length of zero, nothing is
            // compared
            (a ^ b).checked_shr(ignored).unwrap_or_default() == 0
        };
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                same(u32::from(a).into(), u32::from(b).into(), u32::BITS)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), u128::BITS),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Text that is neither an address nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| NotANetwork)?,
            None => bits,
        };
        if prefix > bits {
            return Err(NotANetwork);
        }
        Ok(Self { address, prefix })
    }
}

/// The listed proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Creates the list from these networks.
    pub const fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether an address belongs to a listed proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client address of a request, from its headers and the address of its connection.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> Who {
        if self.0.is_empty() || !self.contains(peer) {
            return Who::at(peer);
        }
        let hops = headers.get_all(&FORWARDED_FOR).iter().rev();
        let hops = hops.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        let mut nearest = peer;
        for hop in hops.take(HOPS_MAX) {
            let Some(address) = address_of(hop.trim()) else {
                // a proxy that reports no client address is the caller itself
                return Who::at(nearest);
            };
            nearest = address;
            if !self.contains(address) {
                break;
            }
        }
        Who::at(nearest)
    }
}

/// Parses an address. Some proxies write it with a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    address.or_else(|| Some(text.parse::<std::net::SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(list: &[&str]) -> Proxies {
        Proxies::new(list.iter().map(|it| it.parse().unwrap()).collect())
    }

    fn from(proxies: &Proxies, peer: &str, forwarded: &[&str]) -> Who {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(&FORWARDED_FOR, value.parse().unwrap());
        }
        proxies.address(peer.parse().unwrap(), &headers)
    }

    fn at(address: &str) -> Who {
        Who::at(address.parse().unwrap())
    }

    #[test]
    fn only_a_listed_proxy_says_for_whom_it_calls() {
        let none = proxies(&[]);
        assert_eq!(from(&none, "10.0.0.1", &["192.0.2.1"]), at("10.0.0.1"));
        let listed = proxies(&["10.0.0.0/8", "fd00::1"]);
        let cases = [
            ("192.0.2.9", &["192.0.2.1"][..], "192.0.2.9"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("fd00::1", &["192.0.2.1:4711"], "192.0.2.1"),
            ("fd00::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::2", &["192.0.2.1"], "fd00::2"),
            // entries forged by the client come before those that the proxies wrote
            ("10.0.0.1", &["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
            (
                "10.0.0.1",
                &["198.51.100.7", "192.0.2.1, 10.9.9.9"],
                "192.0.2.1",
            ),
            ("10.0.0.1", &["nobody"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1, nobody"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1, unknown, 10.2.2.2"], "10.2.2.2"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ];
        for (peer, forwarded, expected) in cases {
            assert_eq!(
                from(&listed, peer, forwarded),
                at(expected),
                "{peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn networks_are_read_and_compared() {
        for wrong in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "fd00::/129",
            "host",
            "1.2.3.4/-1",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
        let all = proxies(&["0.0.0.0/0"]);
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        assert!(!all.contains("::1".parse().unwrap()));
        let some = proxies(&["192.0.2.128/25"]);
        assert!(some.contains("192.0.2.200".parse().unwrap()));
        assert!(!some.contains("192.0.2.100".parse().unwrap()));
    }
}
