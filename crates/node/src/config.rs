//! What a node is told at its start. Parsed once, here, from the text the page or a command line has.

use ledger::genesis::Genesis;
use ledger::wire::Wire;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use protocol::ChainStart;

/// Relays a node uses at once; more are left out, and said so by the caller.
pub(crate) const RELAYS_MAX: usize = 8;

/// How a node starts. [`Default`] knows no relay: such a node is alone until somebody is introduced to it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Relay addresses, each ending in `/p2p/<peer id>`; several of one peer id are ways to one relay, tried in order.
    pub relays: Vec<String>,
    /// The rendezvous namespace: tabs of other networks never meet us.
    pub network: String,
    /// STUN servers (`stun:host:port`), at most four are used.
    pub stun: Vec<String>,
    /// Accept candidates with private, loopback and link-local addresses: the page itself came from such a host.
    pub lan: bool,
    /// Make direct connections by WebRTC where the browser can.
    pub webrtc: bool,
    /// The worker's script, in a browser; hashing runs on the main thread, in slices, without it.
    pub worker: Option<String>,
    /// Addresses to listen on, natively.
    pub listen: Vec<String>,
    /// The chain to follow, if there is one.
    pub chain: Option<ChainConfig>,
    /// What the peer may do, in numbers.
    pub limits: protocol::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            relays: Vec::new(),
            network: "starling".to_owned(),
            stun: Vec::new(),
            lan: false,
            webrtc: true,
            worker: None,
            listen: Vec::new(),
            chain: None,
            limits: protocol::Config::default(),
        }
    }
}

/// Which chain to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainConfig {
    /// Its genesis: canonical bytes in hexadecimal.
    pub genesis: String,
    /// The name of the chain that was followed here before: another one is not followed in its place.
    pub pinned: Option<String>,
}

impl ChainConfig {
    /// The genesis, if it is one.
    pub(crate) fn parse(&self) -> Option<ChainStart> {
        let digits = self.genesis.as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
        let genesis = Genesis::from_bytes(&bytes).ok()?;
        let is_other = self.pinned.as_ref().is_some_and(|pinned| *pinned != genesis.chain().to_string());
        Some(ChainStart { genesis, is_other })
    }
}

/// One relay and the ways to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelayAddress {
    /// Who it must prove to be.
    pub(crate) peer: PeerId,
    /// Ways to reach it, best first, without the trailing `/p2p`.
    pub(crate) ways: Vec<Multiaddr>,
}

/// Why a text is not a relay's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RelayAddressError {
    #[error("not a multiaddress")]
    Malformed,
    #[error("does not end in /p2p/ and a peer id")]
    NoPeerId,
    #[error("goes through another relay")]
    Circuit,
    #[error("more than {RELAYS_MAX} relays")]
    TooMany,
}

/// Groups address texts by relay, in the order in which each relay is first named.
///
/// # Errors
/// The first text that is not an address of a relay, with its place.
pub(crate) fn parse_relays(texts: &[String]) -> Result<Vec<RelayAddress>, (usize, RelayAddressError)> {
    let mut relays: Vec<RelayAddress> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let (peer, way) = parse_relay(text).map_err(|error| (place, error))?;
        match relays.iter().position(|relay| relay.peer == peer) {
            Some(known) if relays[known].ways.contains(&way) => {}
            Some(known) => relays[known].ways.push(way),
            None if relays.len() == RELAYS_MAX => return Err((place, RelayAddressError::TooMany)),
            None => relays.push(RelayAddress { peer, ways: vec![way] }),
        }
    }
    Ok(relays)
}

fn parse_relay(text: &str) -> Result<(PeerId, Multiaddr), RelayAddressError> {
    let mut way: Multiaddr = text.parse().map_err(|_| RelayAddressError::Malformed)?;
    let Some(Protocol::P2p(peer)) = way.pop() else { return Err(RelayAddressError::NoPeerId) };
    if way.iter().any(|part| matches!(part, Protocol::P2pCircuit | Protocol::P2p(_))) {
        return Err(RelayAddressError::Circuit);
    }
    if way.is_empty() {
        return Err(RelayAddressError::Malformed);
    }
    Ok((peer, way))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    #[test]
    fn ways_to_one_relay_stay_together_and_in_order() {
        let texts = [format!("/ip4/127.0.0.1/tcp/8080/ws/p2p/{A}"), format!("/dns4/localhost/tcp/8080/ws/p2p/{A}")];
        let relays = parse_relays(&texts).unwrap();
        assert_eq!(relays.len(), 1);
        assert_eq!(relays[0].ways[0].to_string(), "/ip4/127.0.0.1/tcp/8080/ws");
        assert_eq!(relays[0].ways[1].to_string(), "/dns4/localhost/tcp/8080/ws");
    }

    #[test]
    fn bad_addresses_are_named_by_place_and_reason() {
        let texts = |text: &str| [text.to_owned()];
        assert_eq!(parse_relays(&texts("http://x")), Err((0, RelayAddressError::Malformed)));
        assert_eq!(parse_relays(&texts("/ip4/127.0.0.1/tcp/1/ws")), Err((0, RelayAddressError::NoPeerId)));
        assert_eq!(
            parse_relays(&texts(&format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{A}/p2p-circuit/p2p/{A}"))),
            Err((0, RelayAddressError::Circuit))
        );
        assert_eq!(parse_relays(&texts(&format!("/p2p/{A}"))), Err((0, RelayAddressError::Malformed)));
    }
}
