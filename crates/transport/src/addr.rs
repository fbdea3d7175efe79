//! `/webrtc` addresses: what we dial, what we advertise, and what a connection's address says about its path.
//!
//! Two forms are ours, `<relay>/p2p/R/p2p-circuit/webrtc/p2p/B` and `/webrtc/p2p/B`; everything else is refused, so
//! that in a composed transport nothing is half understood. The first names the circuit that carries the signalling;
//! the second leaves it to a connection that exists already. libp2p/specs, webrtc/webrtc.md.

use libp2p_core::multiaddr::Protocol;
use libp2p_core::{ConnectedPoint, Multiaddr, PeerId};

/// How a connected peer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// Packets go from us to the peer.
    Direct,
    /// A relay forwards every byte, counts it, and ends the circuit when it has had enough.
    Relayed,
}

/// Tells a direct connection from a relayed one by its address.
///
/// `ConnectedPoint::is_relayed` does not: it looks for `p2p-circuit`, which the address of a direct connection
/// also contains on the side that dialled. What comes last in the address is what carries the bytes.
pub fn path(endpoint: &ConnectedPoint) -> Path {
    let addr = match endpoint {
        ConnectedPoint::Dialer { address, .. } => address,
        ConnectedPoint::Listener { local_addr, .. } => local_addr,
    };
    path_of(addr)
}

pub(crate) fn path_of(addr: &Multiaddr) -> Path {
    let carrier = addr.iter().filter(|p| matches!(p, Protocol::P2pCircuit | Protocol::WebRTC)).last();
    match carrier {
        Some(Protocol::P2pCircuit) => Path::Relayed,
        _ => Path::Direct,
    }
}

/// Whether a direct connection of ours has this address.
pub(crate) fn is_webrtc(addr: &Multiaddr) -> bool {
    path_of(addr) == Path::Direct && addr.iter().any(|p| p == Protocol::WebRTC)
}

/// Where a dial leads: to whom, and through which circuit we may signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) peer: PeerId,
    /// `<relay>/p2p/R/p2p-circuit/p2p/B`, absent for a bare `/webrtc/p2p/B`.
    pub(crate) circuit: Option<Multiaddr>,
}

impl Target {
    /// Understands an address to its last component, or not at all.
    pub(crate) fn parse(addr: &Multiaddr) -> Option<Self> {
        let parts: Vec<_> = addr.iter().collect();
        let [before @ .., Protocol::WebRTC, Protocol::P2p(peer)] = &parts[..] else { return None };
        let circuit = match before {
            [] => None,
            [relay @ .., Protocol::P2p(_), Protocol::P2pCircuit] if is_plain_relay(relay) => {
                let circuit: Multiaddr = before.iter().cloned().collect();
                Some(circuit.with(Protocol::P2p(*peer)))
            }
            _ => return None,
        };
        Some(Self { peer: *peer, circuit })
    }
}

fn is_plain_relay(parts: &[Protocol<'_>]) -> bool {
    !parts.is_empty() && !parts.iter().any(|p| matches!(p, Protocol::P2pCircuit | Protocol::WebRTC | Protocol::P2p(_)))
}

/// `<relay>/p2p/R/p2p-circuit/p2p/B` as `<relay>/p2p/R/p2p-circuit/webrtc/p2p/B`; `None` for any other address,
/// also for one that has `/webrtc` already.
pub(crate) fn with_webrtc(circuit: &Multiaddr) -> Option<Multiaddr> {
    let parts: Vec<_> = circuit.iter().collect();
    let [relay @ .., Protocol::P2p(_), Protocol::P2pCircuit, Protocol::P2p(peer)] = &parts[..] else { return None };
    if !is_plain_relay(relay) {
        return None;
    }
    let before: Multiaddr = parts[..parts.len() - 1].iter().cloned().collect();
    Some(before.with(Protocol::WebRTC).with(Protocol::P2p(*peer)))
}

/// What we listen on, and the local address of every connection we accepted.
pub(crate) fn listen_addr() -> Multiaddr {
    Protocol::WebRTC.into()
}

/// The address of a peer whose circuit we do not know.
pub(crate) fn bare(peer: PeerId) -> Multiaddr {
    listen_addr().with(Protocol::P2p(peer))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use libp2p_core::Endpoint;
    use libp2p_core::transport::PortUse;

    const R: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    const B: &str = "12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3";

    /// Peers 0, 1, 2, in that order.
    pub(crate) fn numbered(n: u8) -> PeerId {
        let digest = libp2p_core::multihash::Multihash::wrap(0, &[n; 32]).expect("an identity hash of 32 bytes");
        PeerId::from_multihash(digest).expect("short enough")
    }

    fn addr(text: &str) -> Multiaddr {
        text.replace("/R", &format!("/{R}")).replace("/B", &format!("/{B}")).parse().expect("well formed")
    }

    fn peer(text: &str) -> PeerId {
        text.parse().expect("a peer id")
    }

    fn dialled(text: &str) -> Path {
        path(&ConnectedPoint::Dialer { address: addr(text), role_override: Endpoint::Dialer, port_use: PortUse::New })
    }

    fn accepted(local: &str, back: &str) -> Path {
        path(&ConnectedPoint::Listener { local_addr: addr(local), send_back_addr: addr(back) })
    }

    #[test]
    fn the_full_form_names_peer_and_circuit() {
        let target = Target::parse(&addr("/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/webrtc/p2p/B")).expect("ours");
        assert_eq!(target.peer, peer(B));
        assert_eq!(target.circuit, Some(addr("/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/p2p/B")));
    }

    #[test]
    fn the_bare_form_names_only_the_peer() {
        assert_eq!(Target::parse(&addr("/webrtc/p2p/B")), Some(Target { peer: peer(B), circuit: None }));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "/webrtc",
            "/p2p/B",
            "/ip4/127.0.0.1/tcp/1/ws",
            "/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/p2p/B",
            "/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/webrtc",
            "/ip4/127.0.0.1/tcp/1/ws/webrtc/p2p/B",
            "/ip4/127.0.0.1/tcp/1/ws/p2p/R/webrtc/p2p/B",
            "/p2p/R/p2p-circuit/webrtc/p2p/B",
            "/p2p-circuit/webrtc/p2p/B",
            "/webrtc/p2p/B/p2p-circuit",
            "/webrtc/webrtc/p2p/B",
            "/webrtc/p2p/R/p2p-circuit/webrtc/p2p/B",
            "/ip4/127.0.0.1/udp/1/webrtc-direct/p2p/B",
            "/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/p2p/R/p2p-circuit/webrtc/p2p/B",
        ] {
            assert_eq!(Target::parse(&addr(text)), None, "{text}");
        }
    }

    #[test]
    fn a_circuit_is_advertised_with_webrtc_and_never_twice() {
        let circuit = addr("/dns4/r.example/tcp/443/wss/p2p/R/p2p-circuit/p2p/B");
        let direct = addr("/dns4/r.example/tcp/443/wss/p2p/R/p2p-circuit/webrtc/p2p/B");
        assert_eq!(with_webrtc(&circuit), Some(direct.clone()));
        assert_eq!(with_webrtc(&direct), None);
        assert_eq!(with_webrtc(&addr("/dns4/r.example/tcp/443/wss/p2p/R")), None);
        assert_eq!(Target::parse(&direct).expect("ours").circuit, Some(circuit));
    }

    #[test]
    fn a_direct_connection_is_direct_on_both_ends() {
        assert_eq!(dialled("/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/webrtc/p2p/B"), Path::Direct);
        assert_eq!(dialled("/webrtc/p2p/B"), Path::Direct);
        assert_eq!(dialled("/ip4/127.0.0.1/tcp/1/ws/p2p/R"), Path::Direct);
        assert_eq!(accepted("/webrtc", "/webrtc/p2p/B"), Path::Direct);
    }

    #[test]
    fn a_circuit_is_relayed_on_both_ends() {
        assert_eq!(dialled("/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/p2p/B"), Path::Relayed);
        assert_eq!(dialled("/webrtc/p2p/R/p2p-circuit/p2p/B"), Path::Relayed);
        assert_eq!(accepted("/ip4/127.0.0.1/tcp/1/ws/p2p/R/p2p-circuit", "/p2p/B"), Path::Relayed);
    }
}
