//! From a multiaddr to the URL a browser dials.
//!
//! The whole address has to be understood: what follows the WebSocket part may only be `/p2p/X`. A prefix match
//! would let this transport dial the relay when the caller asked for a circuit through it.

use core::fmt::Write as _;
use libp2p_core::multiaddr::Protocol;
use libp2p_core::{Multiaddr, PeerId};

/// Where a WebSocket address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What to hand to the browser, `ws://` or `wss://`.
    pub url: String,
    /// Who is expected to answer, when the address says so.
    pub peer: Option<PeerId>,
}

/// Why an address is not for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddrError {
    /// A WebSocket address starts with an IP address or a name.
    #[error("does not start with a host a browser can resolve")]
    Host,
    /// The host is followed by a TCP port.
    #[error("no tcp port after the host")]
    Port,
    /// The port is followed by `/ws`, `/wss` or `/tls[/sni/..]/ws`.
    #[error("no websocket after the port")]
    WebSocket,
    /// Something follows that this transport would have to ignore.
    #[error("something other than a peer id follows the websocket part")]
    Trailing,
}

impl TryFrom<&Multiaddr> for Endpoint {
    type Error = AddrError;

    fn try_from(addr: &Multiaddr) -> Result<Self, AddrError> {
        let mut parts = addr.iter();
        let mut host = match parts.next() {
            Some(Protocol::Ip4(ip)) => ip.to_string(),
            Some(Protocol::Ip6(ip)) => format!("[{ip}]"),
            Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => host_name(&name)?,
            _ => return Err(AddrError::Host),
        };
        let Some(Protocol::Tcp(port)) = parts.next() else { return Err(AddrError::Port) };

        let (scheme, path) = match parts.next() {
            Some(Protocol::Ws(path)) => ("ws", path),
            Some(Protocol::Wss(path)) => ("wss", path),
            Some(Protocol::Tls) => match parts.next() {
                Some(Protocol::Ws(path)) => ("wss", path),
                // The certificate is for the name, and a browser checks it against the host it dialled.
                Some(Protocol::Sni(name)) => {
                    host = host_name(&name)?;
                    let Some(Protocol::Ws(path)) = parts.next() else { return Err(AddrError::WebSocket) };
                    ("wss", path)
                }
                _ => return Err(AddrError::WebSocket),
            },
            _ => return Err(AddrError::WebSocket),
        };

        let peer = match parts.next() {
            None => None,
            Some(Protocol::P2p(peer)) => Some(peer),
            Some(_) => return Err(AddrError::Trailing),
        };
        if parts.next().is_some() {
            return Err(AddrError::Trailing);
        }
        Ok(Self { url: format!("{scheme}://{host}:{port}{}", url_path(&path)), peer })
    }
}

/// A DNS name as it may stand in a URL: nothing in it can end the host part.
fn host_name(name: &str) -> Result<String, AddrError> {
    let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if fits { Ok(name.to_owned()) } else { Err(AddrError::Host) }
}

/// The path with everything escaped that would start a query or a fragment; always begins with a slash.
fn url_path(path: &str) -> String {
    let mut url = String::from("/");
    for b in path.trim_start_matches('/').bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'%' => url.push(b as char),
            _ => write!(url, "%{b:02X}").expect("writing to a String does not fail"),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn parse(addr: &str) -> Result<Endpoint, AddrError> {
        Endpoint::try_from(&addr.parse::<Multiaddr>().expect("the test's address is well formed"))
    }

    fn url(addr: &str) -> String {
        parse(addr).expect("the test's address is dialable").url
    }

    #[test]
    fn every_form_a_browser_can_dial_becomes_a_url() {
        assert_eq!(url("/ip4/127.0.0.1/tcp/8080/ws"), "ws://127.0.0.1:8080/");
        assert_eq!(url("/ip6/::1/tcp/8080/ws"), "ws://[::1]:8080/");
        assert_eq!(url("/dns/relay.example/tcp/80/ws"), "ws://relay.example:80/");
        assert_eq!(url("/dns4/relay.example/tcp/443/wss"), "wss://relay.example:443/");
        assert_eq!(url("/dns6/relay.example/tcp/443/tls/ws"), "wss://relay.example:443/");
        assert_eq!(url("/ip4/192.0.2.1/tcp/443/tls/sni/relay.example/ws"), "wss://relay.example:443/");
    }

    #[test]
    fn the_peer_is_kept() {
        let endpoint = parse(&format!("/dns4/relay.example/tcp/443/tls/ws/p2p/{PEER}")).expect("dialable");
        assert_eq!(endpoint.peer, Some(PEER.parse().expect("a peer id")));
    }

    #[test]
    fn a_path_cannot_start_a_query_or_a_fragment() {
        assert_eq!(url("/dns4/relay.example/tcp/443/x-parity-wss/%2fa%3fb%23c"), "wss://relay.example:443/a%3Fb%23c");
    }

    #[test]
    fn a_name_cannot_carry_credentials_or_another_host() {
        let addr = Multiaddr::empty()
            .with(Protocol::Dns4("user@evil.example/".into()))
            .with(Protocol::Tcp(443))
            .with(Protocol::Wss("/".into()));
        assert_eq!(Endpoint::try_from(&addr), Err(AddrError::Host));
    }

    #[test]
    fn nothing_after_the_websocket_part_is_ignored() {
        for tail in [
            format!("/p2p/{PEER}/p2p-circuit"),
            format!("/p2p/{PEER}/p2p-circuit/p2p/{PEER}"),
            format!("/p2p/{PEER}/p2p-circuit/webrtc/p2p/{PEER}"),
            "/webrtc".to_owned(),
            "/webrtc-direct".to_owned(),
            "/p2p-circuit".to_owned(),
        ] {
            assert_eq!(parse(&format!("/ip4/127.0.0.1/tcp/8080/ws{tail}")), Err(AddrError::Trailing), "{tail}");
        }
    }

    #[test]
    fn other_transports_are_refused() {
        assert_eq!(parse("/webrtc"), Err(AddrError::Host));
        assert_eq!(parse("/memory/1"), Err(AddrError::Host));
        assert_eq!(parse("/dnsaddr/relay.example"), Err(AddrError::Host));
        assert_eq!(parse("/ip4/127.0.0.1/udp/1/webrtc-direct"), Err(AddrError::Port));
        assert_eq!(parse("/ip4/127.0.0.1/tcp/1"), Err(AddrError::WebSocket));
        assert_eq!(parse("/ip4/127.0.0.1/tcp/1/tls"), Err(AddrError::WebSocket));
        assert_eq!(parse("/ip4/127.0.0.1/tcp/1/tls/sni/a.example"), Err(AddrError::WebSocket));
    }
}
