//! Which connections there are to whom, and which of them are worth keeping.

use super::is_relayed;
use crate::addr;
use libp2p_core::multiaddr::Protocol;
use libp2p_core::{ConnectedPoint, Multiaddr, PeerId};
use libp2p_swarm::ConnectionId;
use std::collections::BTreeMap;

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) relayed: bool,
    /// One of ours: direct, over data channels.
    pub(super) is_webrtc: bool,
    pub(super) dialled: bool,
    /// What we would dial instead of this circuit.
    direct: Option<Multiaddr>,
    /// Our end of a circuit that we accepted: the relay that the peer came through.
    door: Option<Multiaddr>,
    /// The peer says that it speaks the signalling protocol.
    supported: bool,
}

impl Link {
    pub(super) fn new(endpoint: &ConnectedPoint) -> Self {
        let (local, dialled) = match endpoint {
            ConnectedPoint::Dialer { address, .. } => (address, true),
            ConnectedPoint::Listener { local_addr, .. } => (local_addr, false),
        };
        let relayed = is_relayed(addr::path(endpoint));
        Self {
            relayed,
            is_webrtc: addr::is_webrtc(local),
            dialled,
            direct: if dialled { addr::with_webrtc(local) } else { None },
            door: (relayed && !dialled).then(|| local.clone()),
            supported: false,
        }
    }
}

/// All connections. The oldest of a peer comes first.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<PeerId, BTreeMap<ConnectionId, Link>>);

impl Links {
    pub(super) fn insert(&mut self, peer: PeerId, id: ConnectionId, link: Link) {
        self.0.entry(peer).or_default().insert(id, link);
    }

    pub(super) fn remove(&mut self, peer: PeerId, id: ConnectionId) {
        if let Some(links) = self.0.get_mut(&peer) {
            links.remove(&id);
            if links.is_empty() {
                self.0.remove(&peer);
            }
        }
    }

    pub(super) fn set_supported(&mut self, peer: PeerId, id: ConnectionId) {
        if let Some(link) = self.0.get_mut(&peer).and_then(|links| links.get_mut(&id)) {
            link.supported = true;
        }
    }

    fn of(&self, peer: PeerId) -> impl Iterator<Item = (ConnectionId, &Link)> {
        self.0.get(&peer).into_iter().flatten().map(|(id, link)| (*id, link))
    }

    /// The connection to signal over: a circuit if there is one, else any.
    pub(super) fn carrier(&self, peer: PeerId) -> Option<ConnectionId> {
        let mut candidates: Vec<_> = self.of(peer).collect();
        candidates.sort_by_key(|(id, link)| (!link.relayed, *id));
        candidates.first().map(|(id, _)| *id)
    }

    /// Where the peer can be dialled directly, if it is at the other end of this circuit.
    ///
    /// It becomes the remote address of a connection that the peer initiates over the circuit, which identify tells the peer as
    /// its observed address. js-libp2p (3.3) throws a whole identify message away when that address begins
    /// with neither an IP address nor a name, as the bare `/webrtc/p2p/X` does.
    pub(super) fn webrtc_address(&self, peer: PeerId, id: ConnectionId) -> Option<Multiaddr> {
        let link = self.0.get(&peer)?.get(&id)?;
        let accepted = || addr::with_webrtc(&link.door.clone()?.with(Protocol::P2p(peer)));
        link.direct.clone().or_else(accepted)
    }

    /// What to dial to get off a circuit that we dialled, if that is possible and not done.
    pub(super) fn upgradable(&self, peer: PeerId) -> Option<Multiaddr> {
        if self.of(peer).any(|(_, link)| !link.relayed) {
            return None;
        }
        self.of(peer).find(|(_, link)| link.supported).and_then(|(_, link)| link.direct.clone())
    }

    /// Circuits that a direct connection has replaced.
    pub(super) fn replaced(&self, peer: PeerId) -> Vec<ConnectionId> {
        if !self.of(peer).any(|(_, link)| link.is_webrtc) {
            return Vec::new();
        }
        self.of(peer).filter(|(_, link)| link.relayed).map(|(id, _)| id).collect()
    }

    /// Direct connections of ours that one too many makes superfluous: all that we dialled when the peer dialled one
    /// too and has the larger id; otherwise all but the oldest that we dialled.
    pub(super) fn duplicates(&self, local: PeerId, peer: PeerId) -> Vec<ConnectionId> {
        let (dialled, accepted): (Vec<_>, Vec<_>) =
            self.of(peer).filter(|(_, link)| link.is_webrtc).partition(|(_, link)| link.dialled);
        let keep = if !accepted.is_empty() && local < peer { 0 } else { 1 };
        dialled.into_iter().skip(keep).map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Target;
    use crate::addr::tests::numbered;
    use libp2p_core::Endpoint;
    use libp2p_core::transport::PortUse;

    fn id(n: usize) -> ConnectionId {
        ConnectionId::new_unchecked(n)
    }

    fn peers() -> (PeerId, PeerId) {
        (numbered(0), numbered(1))
    }

    fn circuit(peer: PeerId) -> Multiaddr {
        Multiaddr::from(Protocol::Memory(1))
            .with(Protocol::P2p(numbered(9)))
            .with(Protocol::P2pCircuit)
            .with(Protocol::P2p(peer))
    }

    fn dialled(address: Multiaddr) -> Link {
        Link::new(&ConnectedPoint::Dialer { address, role_override: Endpoint::Dialer, port_use: PortUse::New })
    }

    fn accepted(local_addr: Multiaddr, peer: PeerId) -> Link {
        Link::new(&ConnectedPoint::Listener { local_addr, send_back_addr: addr::bare(peer) })
    }

    #[test]
    fn a_circuit_we_dialled_can_be_upgraded_once_the_peer_says_so() {
        let (_, peer) = peers();
        let mut links = Links::default();
        links.insert(peer, id(1), dialled(circuit(peer)));
        assert_eq!(links.upgradable(peer), None);
        links.set_supported(peer, id(1));
        assert!(Target::parse(&links.upgradable(peer).expect("upgradable")).is_some());
        links.insert(peer, id(2), dialled(addr::bare(peer)));
        assert_eq!(links.upgradable(peer), None, "done already");
    }

    #[test]
    fn a_circuit_the_peer_dialled_is_the_peers_to_upgrade() {
        let (_, peer) = peers();
        let mut links = Links::default();
        let relay = Multiaddr::from(Protocol::Memory(1)).with(Protocol::P2p(numbered(9))).with(Protocol::P2pCircuit);
        links.insert(peer, id(1), accepted(relay, peer));
        links.set_supported(peer, id(1));
        assert_eq!(links.upgradable(peer), None);
    }

    #[test]
    fn the_peer_at_the_other_end_of_a_circuit_has_a_full_address_whoever_dialled() {
        let (_, peer) = peers();
        let relay = Multiaddr::from(Protocol::Memory(1)).with(Protocol::P2p(numbered(9))).with(Protocol::P2pCircuit);
        let mut links = Links::default();
        links.insert(peer, id(1), accepted(relay, peer));
        links.insert(peer, id(2), dialled(circuit(peer)));
        links.insert(peer, id(3), accepted(addr::listen_addr(), peer));
        let full = addr::with_webrtc(&circuit(peer));
        assert!(full.is_some());
        assert_eq!(links.webrtc_address(peer, id(1)), full);
        assert_eq!(links.webrtc_address(peer, id(2)), full);
        assert_eq!(links.webrtc_address(peer, id(3)), None, "a direct connection names no relay");
    }

    #[test]
    fn signalling_prefers_a_circuit() {
        let (_, peer) = peers();
        let mut links = Links::default();
        assert_eq!(links.carrier(peer), None);
        links.insert(peer, id(1), dialled(addr::bare(peer)));
        assert_eq!(links.carrier(peer), Some(id(1)));
        links.insert(peer, id(2), dialled(circuit(peer)));
        assert_eq!(links.carrier(peer), Some(id(2)));
    }

    #[test]
    fn circuits_go_only_when_replaced() {
        let (_, peer) = peers();
        let mut links = Links::default();
        links.insert(peer, id(1), dialled(circuit(peer)));
        assert!(links.replaced(peer).is_empty());
        links.insert(peer, id(2), accepted(addr::listen_addr(), peer));
        assert_eq!(links.replaced(peer), [id(1)]);
        links.remove(peer, id(2));
        assert!(links.replaced(peer).is_empty());
    }

    #[test]
    fn of_crossed_connections_only_the_smaller_peers_goes() {
        let (small, large) = peers();
        let crossed = |peer| {
            let mut links = Links::default();
            links.insert(peer, id(1), dialled(addr::bare(peer)));
            links.insert(peer, id(2), accepted(addr::listen_addr(), peer));
            links
        };
        assert_eq!(crossed(large).duplicates(small, large), [id(1)]);
        assert!(crossed(small).duplicates(large, small).is_empty());
    }

    #[test]
    fn of_two_that_we_dialled_the_older_stays() {
        let (small, large) = peers();
        let mut links = Links::default();
        links.insert(large, id(1), dialled(addr::bare(large)));
        assert!(links.duplicates(small, large).is_empty());
        links.insert(large, id(2), dialled(addr::bare(large)));
        assert_eq!(links.duplicates(small, large), [id(2)]);
    }
}
