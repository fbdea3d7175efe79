//! `/.well-known/starling.json`: who this relay is and how to reach it, for whoever asks.
//!
//! An operator who knows the relay's public addresses names them. Otherwise addresses are made for the host that
//! this client used: it is the one way in that is known to work, for a phone on the LAN as much as for a visitor from
//! the other side of a proxy.

use super::host::{Authority, Host};
use super::sample::Sample;
use crate::chain::{self, About};
use crate::network::WebRtcDirect;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use serde::Serialize;
use std::net::IpAddr;

/// What does not depend on who asks.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    pub(crate) network: String,
    pub(crate) peer_id: PeerId,
    pub(crate) public: Vec<Multiaddr>,
    pub(crate) webrtc: Option<WebRtcDirect>,
    pub(crate) stun_port: Option<u16>,
    pub(crate) sample: Option<Sample>,
    pub(crate) chain: About,
}

/// How one client reached us.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// The host it named.
    pub(crate) authority: Authority,
    /// By TLS, in front of us.
    pub(crate) secure: bool,
    /// Our end of its connection, unless a proxy is between.
    pub(crate) local: Option<IpAddr>,
}

/// The JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Description<'a> {
    version: u32,
    network: &'a str,
    peer_id: String,
    addresses: Vec<String>,
    stun: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<SampleDescription<'a>>,
    chain: ChainDescription,
}

/// What a tab pins at its first visit: everything else about the chain it checks itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChainDescription {
    id: String,
    engine: &'static str,
    /// The genesis, canonical bytes in hexadecimal; the id is its hash.
    genesis: String,
    checkpoint: Checkpoint,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    height: u64,
    id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SampleDescription<'a> {
    name: &'a str,
    length: u64,
    media_type: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

impl Whereabouts {
    pub(crate) fn describe(&self, visit: &Visit) -> Description<'_> {
        let addresses = if self.public.is_empty() { self.addresses_for(visit) } else { self.public.clone() };
        let named = |address: Multiaddr| address.with_p2p(self.peer_id).unwrap_or_else(|address| address).to_string();
        Description {
            version: 1,
            network: &self.network,
            peer_id: self.peer_id.to_string(),
            stun: self.stun_port.map(|port| format!("stun:{}:{port}", self.host_for(visit))).into_iter().collect(),
            addresses: addresses.into_iter().map(named).collect(),
            sample: self.sample.as_ref().map(|sample| SampleDescription {
                name: &sample.name,
                length: sample.length,
                media_type: sample.media_type,
                url: &sample.url,
                id: sample.id.as_deref(),
            }),
            chain: self.describe_chain(),
        }
    }

    fn describe_chain(&self) -> ChainDescription {
        let (height, id) = self.chain.newest();
        ChainDescription {
            id: self.chain.genesis.chain().to_string(),
            engine: chain::name(self.chain.genesis.engine),
            genesis: self.chain.genesis_text(),
            checkpoint: Checkpoint { height, id: id.to_string() },
        }
    }

    fn addresses_for(&self, visit: &Visit) -> Vec<Multiaddr> {
        let tcp = Protocol::Tcp(visit.authority.port_or_default(visit.secure));
        let mut websocket = host_address(&visit.authority.host).with(tcp);
        if visit.secure {
            websocket.push(Protocol::Tls);
        }
        websocket.push(Protocol::Ws("/".into()));
        let webrtc = self.webrtc.as_ref().zip(direct_ip(visit)).map(|(webrtc, ip)| {
            Multiaddr::from(ip)
                .with(Protocol::Udp(webrtc.port))
                .with(Protocol::WebRTCDirect)
                .with(webrtc.certhash.clone())
        });
        [websocket].into_iter().chain(webrtc).collect()
    }

    /// Where this client finds our STUN responder: the first public address, or the host it named.
    fn host_for(&self, visit: &Visit) -> Host {
        let public = self.public.first().and_then(|address| match address.iter().next()? {
            Protocol::Ip4(ip) => Some(Host::Ip(ip.into())),
            Protocol::Ip6(ip) => Some(Host::Ip(ip.into())),
            Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => {
                Some(Authority::parse(&name).ok()?.host)
            }
            _ => None,
        });
        public.unwrap_or_else(|| visit.authority.host.clone())
    }
}

fn host_address(host: &Host) -> Multiaddr {
    match host {
        Host::Ip(ip) => Multiaddr::from(*ip),
        Host::Name(name) => Multiaddr::from(Protocol::Dns(name.clone().into())),
    }
}

/// webrtc-direct needs an IP address: the one named, or the one the connection came in on.
fn direct_ip(visit: &Visit) -> Option<IpAddr> {
    match visit.authority.host {
        Host::Ip(ip) => Some(ip),
        Host::Name(_) => visit.local.map(|ip| ip.to_canonical()),
    }
}

/// The operator's webrtc-direct addresses need not name the certificate; we know it.
pub(crate) fn with_certhash(address: Multiaddr, webrtc: Option<&WebRtcDirect>) -> Multiaddr {
    match (address.iter().last(), webrtc) {
        (Some(Protocol::WebRTCDirect), Some(webrtc)) => address.with(webrtc.certhash.clone()),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whereabouts(public: &[&str]) -> Whereabouts {
        let direct: Multiaddr =
            "/ip4/0.0.0.0/udp/8080/webrtc-direct/certhash/uEiDikp5KVUgkLta1EjUN-IKbHk-dUBg8VzKgf5nXxLK46w"
                .parse()
                .expect("an address");
        let certhash = direct.iter().last().expect("it has four parts").acquire();
        Whereabouts {
            network: "starling".to_owned(),
            peer_id: "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN".parse().expect("a peer id"),
            public: public.iter().map(|text| text.parse().expect("an address")).collect(),
            webrtc: Some(WebRtcDirect { port: 8080, certhash }),
            stun_port: Some(3478),
            sample: None,
            chain: About::example(),
        }
    }

    fn visit(authority: &str) -> Visit {
        let authority = Authority::parse(authority).expect("valid");
        Visit { authority, secure: false, local: Some(IpAddr::from([10, 0, 0, 7])) }
    }

    const PEER: &str = "/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    const CERTHASH: &str = "/webrtc-direct/certhash/uEiDikp5KVUgkLta1EjUN-IKbHk-dUBg8VzKgf5nXxLK46w";

    #[test]
    fn a_phone_on_the_lan_gets_the_address_it_used() {
        let whereabouts = whereabouts(&[]);
        let told = whereabouts.describe(&visit("192.168.1.5:8080"));
        assert_eq!(
            told.addresses,
            [format!("/ip4/192.168.1.5/tcp/8080/ws{PEER}"), format!("/ip4/192.168.1.5/udp/8080{CERTHASH}{PEER}"),]
        );
        assert_eq!(told.stun, ["stun:192.168.1.5:3478"]);
    }

    #[test]
    fn a_name_stays_a_name_and_the_direct_way_uses_the_socket() {
        let whereabouts = whereabouts(&[]);
        let told = whereabouts.describe(&visit("relay.example"));
        assert_eq!(
            told.addresses,
            [format!("/dns/relay.example/tcp/80/ws{PEER}"), format!("/ip4/10.0.0.7/udp/8080{CERTHASH}{PEER}"),]
        );
    }

    #[test]
    fn behind_a_tls_proxy_only_tls_is_told() {
        let whereabouts = whereabouts(&[]);
        let visit = Visit { secure: true, local: None, ..visit("relay.example") };
        assert_eq!(whereabouts.describe(&visit).addresses, [format!("/dns/relay.example/tcp/443/tls/ws{PEER}")]);
        assert_eq!(whereabouts.describe(&visit).stun, ["stun:relay.example:3478"]);
    }

    #[test]
    fn the_operators_addresses_win() {
        let whereabouts = whereabouts(&["/dns4/r.example/tcp/443/tls/ws"]);
        let told = whereabouts.describe(&visit("127.0.0.1:8080"));
        assert_eq!(told.addresses, [format!("/dns4/r.example/tcp/443/tls/ws{PEER}")]);
        assert_eq!(told.stun, ["stun:r.example:3478"]);
    }

    #[test]
    fn an_ipv6_client_gets_an_ipv6_way_in() {
        let whereabouts = whereabouts(&[]);
        let told = whereabouts.describe(&visit("[2001:db8::5]:8080"));
        assert_eq!(told.addresses[0], format!("/ip6/2001:db8::5/tcp/8080/ws{PEER}"));
        assert_eq!(told.stun, ["stun:[2001:db8::5]:3478"]);
    }
}
