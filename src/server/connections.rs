//! The limits on connections and on their streams, in total and from one address, and the choice of
//! the connection to close when a limit is reached.
//!
//! When an address is at its limit, a new connection replaces its oldest connection without a valid
//! credential. Therefore a client with a key can connect from a shared address. Part of all places
//! is reserved for addresses that recently presented a valid credential.
//!
//! Each open stream takes memory before any call is admitted. So a new connection may have as many
//! streams as its address has left, and HTTP/2 has its client wait; a few it may have always.
//!
//! TLS handshakes may take only a part of the places. When that part is full, a new handshake
//! replaces the oldest one of the address that has the most, so that slow handshakes cannot lock
//! other clients out.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    admission::{connection::Connection, known::Known, proxies::Proxies, who::Who},
    config::Limits,
};
use ndp_core::limits::Scope;

/// One place in this many is reserved for addresses that recently presented a valid credential.
const KEPT_PART: usize = 8;

/// At most one place in this many is used by handshakes.
const HANDSHAKES_PART: usize = 4;

/// How long a new connection may take to make its first call before it is closed in preference to
/// older ones with calls.
const FIRST_CALL_TIME: Duration = Duration::from_secs(1);

/// Streams that a connection may have where the others have all the rest, so that a client with a
/// key is served beside any others of its address.
const STREAMS_MIN: usize = 16;

/// Counts connections and their streams. Clones share the count.
#[derive(Clone, Debug)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    proxies: Proxies,
    known: Known,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// Streams that the connections may have.
    streams: usize,
    /// Connections with a handshake in progress.
    handshakes: usize,
    /// The connections of each address, oldest first. Only addresses with connections have an
    /// entry.
    by_address: HashMap<Who, Vec<Own>>,
}

/// A connection of an address, and the streams that it may have.
#[derive(Debug)]
struct Own {
    connection: Arc<Connection>,
    streams: usize,
    /// Whether its handshake is in progress.
    handshake: bool,
}

/// A connection in its slot. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Slot {
    connections: Connections,
    address: Who,
    pub(super) connection: Arc<Connection>,
    /// Streams that the connection may have open.
    pub(super) streams: u32,
    /// Whether an older connection was closed to free the slot.
    pub(super) replaces_another: bool,
}

/// A limit on connections is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) scope: Scope,
    pub(super) most: usize,
}

impl Connections {
    /// Creates an empty set with room for what `limits` say. Proxies have no limits of their own.
    pub(super) fn new(limits: Limits, proxies: Proxies) -> Self {
        Self(Arc::new(Inner {
            limits,
            proxies,
            known: Known::default(),
            open: Mutex::default(),
        }))
    }

    /// Number of open connections.
    pub(super) fn count(&self) -> usize {
        self.open().total
    }

    /// Number of streams that the open connections may have.
    pub(super) fn streams(&self) -> usize {
        self.open().streams
    }

    /// Number of connections with a handshake in progress.
    pub(super) fn handshakes(&self) -> usize {
        self.open().handshakes
    }

    /// Whether a connection comes from a listed proxy.
    pub(super) fn is_proxy(&self, peer: SocketAddr) -> bool {
        self.0.proxies.contains(peer.ip())
    }

    /// The limits on connections.
    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Takes a place for a connection, which begins with a TLS handshake if `handshake` is set. If
    /// needed, closes an older connection to free one.
    pub(super) fn enter(&self, peer: SocketAddr, handshake: bool) -> Result<Slot, Full> {
        let inner = &*self.0;
        let limits = &inner.limits;
        let address = Who::at(peer.ip());
        let is_proxy = self.is_proxy(peer);
        let mut open = self.open();
        let own = open.by_address.get(&address).map_or(0, Vec::len);
        let mut replaces_another = !is_proxy && own >= limits.connections_per_address;
        if replaces_another {
            let full = Full {
                scope: Scope::Caller,
                most: limits.connections_per_address,
            };
            open.close_one_of(&address).ok_or(full)?;
        } else {
            let kept = if inner.known.has(&address) {
                0
            } else {
                limits.connections / KEPT_PART
            };
            if open.total >= limits.connections - kept {
                return Err(Full {
                    scope: Scope::All,
                    most: limits.connections,
                });
            }
        }
        if handshake && open.handshakes >= (limits.connections / HANDSHAKES_PART).max(1) {
            open.close_a_handshake();
            replaces_another = true;
        }
        let streams = open.streams_for(&address, is_proxy, limits);
        let connection = Connection::new(peer, inner.known.clone(), is_proxy);
        let own = open.by_address.entry(address.clone()).or_default();
        own.push(Own {
            connection: Arc::clone(&connection),
            streams,
            handshake,
        });
        open.total += 1;
        open.handshakes += usize::from(handshake);
        open.streams += streams;
        Ok(Slot {
            connections: self.clone(),
            address,
            connection,
            streams: u32::try_from(streams).unwrap_or(u32::MAX),
            replaces_another,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // code under this lock does not panic half way
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Streams that a new connection of an address may have.
    fn streams_for(&self, address: &Who, is_proxy: bool, limits: &Limits) -> usize {
        let left = limits.streams.saturating_sub(self.streams);
        let left = if is_proxy {
            left
        } else {
            let own = self.by_address.get(address).into_iter().flatten();
            let own: usize = own.map(|it| it.streams).sum();
            left.min(limits.streams_per_address.saturating_sub(own))
        };
        let most = usize::try_from(limits.streams_per_connection).unwrap_or(usize::MAX);
        left.max(STREAMS_MIN).min(most)
    }

    /// Closes the oldest connection of an address that has shown no valid credential, those without
    /// calls first. A connection so new that its first call may be on its way is spared at first:
    /// if every other connection has a call, a client with a key could otherwise never present it.
    fn close_one_of(&mut self, address: &Who) -> Option<()> {
        let own = self.by_address.get(address)?;
        let mut anonymous = own
            .iter()
            .map(|it| &it.connection)
            .enumerate()
            .filter(|(_, it)| !it.has_credential());
        let oldest = anonymous.clone().next();
        let idle = anonymous.find(|(_, it)| it.calls() == 0 && it.age() >= FIRST_CALL_TIME);
        let (at, connection) = idle.or(oldest)?;
        connection.close();
        self.remove(address, at);
        Some(())
    }

    /// Closes the oldest handshake of the address that has the most.
    fn close_a_handshake(&mut self) {
        let count = |own: &[Own]| own.iter().filter(|it| it.handshake).count();
        let most = self.by_address.iter().max_by_key(|(_, own)| count(own));
        let oldest = most.and_then(|(address, own)| {
            let at = own.iter().position(|it| it.handshake)?;
            own.get(at)?.connection.close();
            Some((address.clone(), at))
        });
        if let Some((address, at)) = oldest {
            self.remove(&address, at);
        }
    }

    fn remove(&mut self, address: &Who, at: usize) {
        if let Some(own) = self.by_address.get_mut(address) {
            let removed = own.remove(at);
            self.streams -= removed.streams;
            self.handshakes -= usize::from(removed.handshake);
            self.total -= 1;
            if own.is_empty() {
                self.by_address.remove(address);
            }
        }
    }
}

impl Slot {
    /// Notes that the handshake has ended.
    pub(super) fn handshake_ended(&self) {
        let mut open = self.connections.open();
        let own = open.by_address.get_mut(&self.address);
        let own = own.and_then(|own| own.iter_mut().find(|it| self.is(it)));
        if own.is_some_and(|own| std::mem::take(&mut own.handshake)) {
            open.handshakes -= 1;
        }
    }

    fn is(&self, own: &Own) -> bool {
        Arc::ptr_eq(&own.connection, &self.connection)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        let own = open.by_address.get(&self.address);
        let at = own.and_then(|own| own.iter().position(|it| self.is(it)));
        // its place may have been given to another connection already
        if let Some(at) = at {
            open.remove(&self.address, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(connections: usize, connections_per_address: usize) -> Limits {
        Limits {
            connections,
            connections_per_address,
            ..Limits::default()
        }
    }

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 4711)
    }

    fn enter(connections: &Connections, address: &str) -> Result<Slot, Scope> {
        connections
            .enter(peer(address), false)
            .map_err(|full| full.scope)
    }

    #[test]
    fn a_new_connection_takes_the_place_of_the_oldest_without_a_credential() {
        let connections = Connections::new(limited(100, 3), Proxies::default());
        let address = Who::at("192.0.2.1".parse().unwrap());
        let held: Vec<_> = (0..3)
            .map(|_| enter(&connections, "192.0.2.1").unwrap())
            .collect();
        held[0].connection.present_credential();
        let fourth = enter(&connections, "192.0.2.1").unwrap();
        assert!(fourth.replaces_another && !held.iter().any(|slot| slot.replaces_another));
        assert_eq!(connections.count(), 3);
        let left = |slot: &Slot| {
            let open = connections.open();
            let own = open.by_address.get(&address).unwrap();
            own.iter()
                .any(|it| Arc::ptr_eq(&it.connection, &slot.connection))
        };
        assert!(left(&held[0]) && !left(&held[1]) && left(&held[2]) && left(&fourth));
        // if every connection has presented a credential, a new one is refused
        held[2].connection.present_credential();
        fourth.connection.present_credential();
        assert_eq!(enter(&connections, "192.0.2.1").unwrap_err(), Scope::Caller);
        // another address has its own limit
        drop(enter(&connections, "192.0.2.2").unwrap());
        drop((held, fourth));
        assert_eq!(connections.count(), 0);
        assert!(connections.open().by_address.is_empty());
    }

    #[test]
    fn part_of_the_places_is_kept_for_addresses_that_showed_a_credential() {
        let connections = Connections::new(limited(16, 16), Proxies::default());
        let first = enter(&connections, "192.0.2.1").unwrap();
        first.connection.present_credential();
        let others: Vec<_> = (0..13)
            .map(|_| enter(&connections, "192.0.2.9").unwrap())
            .collect();
        assert_eq!(enter(&connections, "192.0.2.9").unwrap_err(), Scope::All);
        let second = enter(&connections, "192.0.2.1").unwrap();
        let third = enter(&connections, "192.0.2.1").unwrap();
        assert_eq!(enter(&connections, "192.0.2.1").unwrap_err(), Scope::All);
        drop((first, second, third, others));
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn a_proxy_has_as_many_as_it_likes() {
        let proxies = Proxies::new(vec!["192.0.2.1".parse().unwrap()]);
        let connections = Connections::new(limited(8, 2), proxies);
        let held: Vec<_> = (0..7)
            .map(|_| enter(&connections, "192.0.2.1").unwrap())
            .collect();
        assert_eq!(held.len(), connections.count());
    }

    #[test]
    fn a_handshake_replaces_one_of_the_address_that_has_the_most() {
        let connections = Connections::new(limited(16, 16), Proxies::default());
        let enter_encrypted = |address: &str| connections.enter(peer(address), true).unwrap();
        let many: Vec<_> = (0..3).map(|_| enter_encrypted("192.0.2.1")).collect();
        let other = enter_encrypted("192.0.2.2");
        assert_eq!(connections.handshakes(), 4);
        let another = enter_encrypted("192.0.2.3");
        assert!(another.replaces_another && !other.replaces_another);
        assert_eq!((connections.handshakes(), connections.count()), (4, 4));
        let left = |slot: &Slot| {
            let open = connections.open();
            open.by_address.values().flatten().any(|it| slot.is(it))
        };
        assert!(!left(&many[0]) && left(&many[1]) && left(&other) && left(&another));
        // a connection whose handshake has ended keeps its place
        many[1].handshake_ended();
        many[1].handshake_ended();
        many[0].handshake_ended();
        assert_eq!((connections.handshakes(), connections.count()), (3, 4));
        let next = enter_encrypted("192.0.2.1");
        assert!(!next.replaces_another && left(&many[1]) && left(&many[2]));
        drop((many, other, another, next));
        assert_eq!((connections.handshakes(), connections.count()), (0, 0));
    }

    #[test]
    fn a_connection_may_have_the_streams_that_are_left_and_a_few_always() {
        let limits = Limits {
            streams: 300,
            streams_per_address: 150,
            streams_per_connection: 100,
            ..Limits::default()
        };
        let proxies = Proxies::new(vec!["192.0.2.9".parse().unwrap()]);
        let connections = Connections::new(limits, proxies);
        let mut held = Vec::new();
        for (address, streams) in [
            ("192.0.2.1", 100),
            ("192.0.2.1", 50),
            ("192.0.2.1", 16),
            ("192.0.2.2", 100),
            ("192.0.2.9", 34),
            ("192.0.2.9", 16),
            ("192.0.2.3", 16),
        ] {
            let slot = enter(&connections, address).unwrap();
            assert_eq!(slot.streams, streams, "{address}");
            held.push(slot);
        }
        assert_eq!(connections.streams(), 332);
        // those of a connection that was closed are there again
        drop(held.remove(0));
        held.push(enter(&connections, "192.0.2.1").unwrap());
        assert_eq!(held.last().unwrap().streams, 68);
        drop(held);
        assert_eq!(connections.streams(), 0);
    }
}
