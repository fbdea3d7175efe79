//! Turns away those who knock too often, and keeps any one network from taking all places.
//!
//! libp2p's own limits count connections and peers, and a flood has as many peer ids as it likes. This behaviour
//! counts by [`Prefix`]: so many new connections a second, so many open ones. It decides before the handshake, when
//! a refusal is cheapest. Loopback is exempt unless told otherwise: a proxy on this machine speaks for everybody.

use crate::config::Limits;
use crate::prefix::{Prefix, ip_of};
use crate::rate::{Allowance, Rates};
use clock::Time;
use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TurnedAway {
    #[error("too many new connections from this network")]
    TooOften,
    #[error("{max} connections from this network are open")]
    TooMany { max: u32 },
}

/// Counts connections by where they come from.
#[derive(Debug)]
pub(crate) struct Behaviour {
    started: Instant,
    rates: Rates<Prefix>,
    per_prefix_max: u32,
    loopback_counts: bool,
    open: HashMap<ConnectionId, Prefix>,
    by_prefix: BTreeMap<Prefix, u32>,
}

impl Behaviour {
    pub(crate) fn new(limits: &Limits) -> Self {
        let rate = limits.connection_rate.max(1);
        Self {
            started: Instant::now(),
            rates: Rates::new(Allowance { burst: rate, interval: Duration::from_secs(1) / rate }),
            per_prefix_max: limits.connections_per_prefix.max(1),
            loopback_counts: limits.loopback_counts,
            open: HashMap::new(),
            by_prefix: BTreeMap::new(),
        }
    }

    fn admit(&mut self, now: Time, id: ConnectionId, from: &Multiaddr) -> Result<(), TurnedAway> {
        let Some(ip) = ip_of(from) else { return Ok(()) };
        if ip.to_canonical().is_loopback() && !self.loopback_counts {
            return Ok(());
        }
        let prefix = Prefix::of(ip);
        if !self.rates.take(now, prefix) {
            return Err(TurnedAway::TooOften);
        }
        let open = self.by_prefix.entry(prefix).or_insert(0);
        if *open >= self.per_prefix_max {
            return Err(TurnedAway::TooMany { max: self.per_prefix_max });
        }
        *open += 1;
        self.open.insert(id, prefix);
        Ok(())
    }

    fn release(&mut self, id: ConnectionId) {
        let Some(prefix) = self.open.remove(&id) else { return };
        if let Some(open) = self.by_prefix.get_mut(&prefix) {
            *open -= 1;
            if *open == 0 {
                self.by_prefix.remove(&prefix);
            }
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let now = Time::ZERO + self.started.elapsed();
        self.admit(now, id, remote).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(closed) => self.release(closed.connection_id),
            FromSwarm::ListenFailure(failure) => self.release(failure.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Multiaddr {
        format!("/ip4/{text}/tcp/9/ws").parse().expect("an address")
    }

    fn doorkeeper() -> Behaviour {
        Behaviour::new(&Limits { connection_rate: 20, connections_per_prefix: 30, ..Limits::default() })
    }

    #[test]
    fn a_network_that_knocks_too_often_does_not_keep_others_out() {
        let mut doorkeeper = doorkeeper();
        let admitted =
            (0..100).filter(|id| doorkeeper.admit(Time::ZERO, connection(*id), &from("192.0.2.1")).is_ok()).count();
        assert_eq!(admitted, 20);
        assert_eq!(doorkeeper.admit(Time::ZERO, connection(100), &from("192.0.2.9")), Err(TurnedAway::TooOften));
        assert_eq!(doorkeeper.admit(Time::ZERO, connection(101), &from("192.0.3.9")), Ok(()));
    }

    #[test]
    fn places_come_back_when_connections_end() {
        let mut doorkeeper = doorkeeper();
        let second = |n| Time::ZERO + Duration::from_secs(n);
        for id in 0..30 {
            doorkeeper.admit(second(id as u64), connection(id), &from("192.0.2.1")).expect("thirty fit");
        }
        let full = Err(TurnedAway::TooMany { max: 30 });
        assert_eq!(doorkeeper.admit(second(40), connection(30), &from("192.0.2.1")), full);
        doorkeeper.release(connection(7));
        doorkeeper.release(connection(7));
        assert_eq!(doorkeeper.admit(second(41), connection(31), &from("192.0.2.1")), Ok(()));
        for id in 0..32 {
            doorkeeper.release(connection(id));
        }
        assert!(doorkeeper.by_prefix.is_empty());
    }

    #[test]
    fn this_machine_is_exempt_until_told_otherwise() {
        let mut doorkeeper = doorkeeper();
        for id in 0..1_000 {
            assert_eq!(doorkeeper.admit(Time::ZERO, connection(id), &from("127.0.0.1")), Ok(()));
        }
        doorkeeper.loopback_counts = true;
        let admitted =
            (0..100).filter(|id| doorkeeper.admit(Time::ZERO, connection(*id), &from("127.0.0.1")).is_ok()).count();
        assert_eq!(admitted, 20);
    }

    fn connection(id: usize) -> ConnectionId {
        ConnectionId::new_unchecked(id)
    }
}
