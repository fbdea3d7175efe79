//! A rust-libp2p peer in a page: what a program of somebody else's looks like that uses `crates/transport`.
//!
//! It composes the published libp2p with our two transports and answers the same calls as the js-libp2p peer in
//! `../js/peer.js`, where they are described. Only for tests: everything it hears is kept, and nothing is decided.
#![cfg(target_arch = "wasm32")]

mod exchange;
mod journal;
mod node;
mod streams;
mod swarm;

use crate::exchange::Exchanged;
use crate::node::Node;
use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use serde::Serialize;
use transport::Path;
use wasm_bindgen::prelude::*;

type Answer = Result<JsValue, JsError>;

/// One peer, with the calls of `peer.js`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Peer {
    node: Node,
}

/// How this side sees a direct connection.
#[derive(Serialize)]
struct Met {
    remote: String,
    limited: bool,
    dialled: bool,
    matches: bool,
}

/// What a peer said about itself.
#[derive(Serialize)]
struct Identified {
    agent: String,
    protocols: Vec<String>,
    addresses: Vec<String>,
}

#[wasm_bindgen]
impl Peer {
    /// Starts one with a fresh key.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Result<Peer, JsError> {
        console_error_panic_hook::set_once();
        journal::start();
        Ok(Self { node: Node::start(swarm::build()?) })
    }

    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        self.node.id.to_string()
    }

    pub async fn join(&self, relay: String) -> Answer {
        let circuit = relay.parse::<Multiaddr>()?.with(Protocol::P2pCircuit);
        self.node
            .act(move |swarm| {
                swarm.listen_on(Protocol::WebRTC.into())?;
                swarm.listen_on(circuit)
            })
            .await?;
        let address =
            self.node.when(|seen| seen.addresses.iter().find(|address| ends_in_webrtc(address)).cloned()).await;
        Ok(address.to_string().into())
    }

    pub async fn dial(&self, address: String) -> Answer {
        let address: Multiaddr = address.parse()?;
        let Some(Protocol::P2p(peer)) = address.iter().last() else {
            return Err(JsError::new("the address does not end in a peer"));
        };
        // Several connections are allowed: a circuit to the peer must not stand in the way of a direct one.
        let dial = DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(vec![address]).build();
        let connection = dial.connection_id();
        self.node.act(move |swarm| swarm.dial(dial)).await?;
        let outcome = self.node.when(move |seen| seen.dials.get(&connection).cloned()).await;
        outcome.map(|()| peer.to_string().into()).map_err(|reason| JsError::new(&reason))
    }

    pub async fn met(&self, id: String) -> Answer {
        let peer: PeerId = id.parse()?;
        let endpoint = self.node.when(move |seen| seen.direct(peer).cloned()).await;
        let remote = endpoint.get_remote_address();
        answer(&Met {
            remote: remote.to_string(),
            limited: transport::path(&endpoint) == Path::Relayed,
            dialled: matches!(endpoint, ConnectedPoint::Dialer { .. }),
            matches: ends_in_webrtc(remote),
        })
    }

    pub async fn identified(&self, id: String) -> Answer {
        let peer: PeerId = id.parse()?;
        let info = self.node.when(move |seen| seen.identified.get(&peer).cloned()).await;
        answer(&Identified {
            agent: info.agent_version,
            protocols: info.protocols.iter().map(ToString::to_string).collect(),
            addresses: info.listen_addrs.iter().map(ToString::to_string).collect(),
        })
    }

    pub async fn ping(&self, id: String, count: usize) -> Answer {
        let peer: PeerId = id.parse()?;
        let (times, _) = self.node.pings(peer, count).await?;
        answer(&times)
    }

    pub async fn exchange(&self, id: String, protocol: String, length: usize, count: u32) -> Answer {
        let peer: PeerId = id.parse()?;
        let protocol = StreamProtocol::try_from_owned(protocol)?;
        let exchanged: Exchanged = exchange::exchange(&self.node, peer, protocol, length, count).await?;
        answer(&exchanged)
    }

    #[wasm_bindgen(js_name = hangUp)]
    pub async fn hang_up(&self, id: String) -> Answer {
        let peer: PeerId = id.parse()?;
        self.node
            .act(move |swarm| swarm.disconnect_peer_id(peer))
            .await
            .map_err(|()| JsError::new("there is no connection to the peer"))?;
        self.gone(id).await
    }

    pub async fn gone(&self, id: String) -> Answer {
        let peer: PeerId = id.parse()?;
        self.node.when(move |seen| seen.direct(peer).is_none().then_some(())).await;
        Ok(js_sys::Date::now().into())
    }

    pub async fn heartbeats(&self, id: String, count: usize) -> Answer {
        let peer: PeerId = id.parse()?;
        let (_, all) = self.node.pings(peer, count).await?;
        answer(&all)
    }

    pub async fn complaints(&self) -> Answer {
        answer(&journal::complaints())
    }

    /// What the transport logged lately, for the reader of a failed test.
    pub fn journal(&self) -> Answer {
        answer(&journal::recent())
    }
}

fn ends_in_webrtc(address: &Multiaddr) -> bool {
    let parts: Vec<_> = address.iter().collect();
    matches!(parts[..], [.., Protocol::WebRTC, Protocol::P2p(_)])
}

fn answer(value: &impl Serialize) -> Answer {
    Ok(serde_wasm_bindgen::to_value(value)?)
}
