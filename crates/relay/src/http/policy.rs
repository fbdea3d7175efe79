//! The headers that every response carries (`security-and-faults.md` C7).
//!
//! The page handles other people's files, so it gets nothing it does not need: scripts and styles from here only,
//! no inline code, no frames around it, connections to this host, to relays by TLS and to the relays it was
//! configured with. A web manifest is allowed from here; without that line an installable page violates its own policy.

use super::host::{Authority, Host};
use hyper::HeaderMap;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use std::net::IpAddr;

const PERMISSIONS_POLICY: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";

/// Where documents of strangers are shown: a frame of an opaque origin that the page alone may hold. Its script is
/// ours, it shows what it is handed, and nothing in it can ask anybody for anything.
const VIEWER: &str = "/viewer.html";
const VIEWER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts";

/// Adds them to the `headers` of the answer for `path`. `authority` is the host the client named.
pub(crate) fn apply(headers: &mut HeaderMap, path: &str, authority: &Authority, secure: bool, relays: &[Multiaddr]) {
    let policy = match path {
        VIEWER => VIEWER_POLICY.to_owned(),
        _ => content_security_policy(authority, secure, relays),
    };
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS_POLICY));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
}

fn content_security_policy(authority: &Authority, secure: bool, relays: &[Multiaddr]) -> String {
    let mut connect =
        vec!["'self'".to_owned(), "wss:".to_owned(), "ws://127.0.0.1:*".to_owned(), "ws://localhost:*".to_owned()];
    // Browsers disagree on whether 'self' covers ws://; a policy has no form for an IPv6 address.
    if !matches!(authority.host, Host::Ip(IpAddr::V6(_))) {
        let scheme = if secure { "wss" } else { "ws" };
        connect.push(format!("{scheme}://{}:{}", authority.host, authority.port_or_default(secure)));
    }
    connect.extend(relays.iter().filter_map(websocket_source));
    connect.dedup();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src {}; \
         img-src 'self' blob:; media-src 'self'; style-src 'self'; font-src 'self'; frame-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        connect.join(" ")
    )
}

/// `ws://host:port` of a relay's address; TLS is covered by `wss:`.
fn websocket_source(address: &Multiaddr) -> Option<String> {
    let mut parts = address.iter();
    let host = match parts.next()? {
        Protocol::Ip4(ip) => ip.to_string(),
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => {
            Authority::parse(&name).ok()?.host.to_string()
        }
        _ => return None,
    };
    match (parts.next()?, parts.next()?) {
        (Protocol::Tcp(port), Protocol::Ws(_)) => Some(format!("ws://{host}:{port}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_viewer_of_documents_reaches_nothing_and_is_held_by_the_page_alone() {
        let authority = Authority::parse("relay.example").expect("valid");
        let policy_of = |path: &str| {
            let mut headers = HeaderMap::new();
            apply(&mut headers, path, &authority, true, &[]);
            headers[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned()
        };
        let viewer = policy_of("/viewer.html");
        assert!(viewer.starts_with("default-src 'none'; script-src 'self';"), "{viewer}");
        assert!(viewer.ends_with("frame-ancestors 'self'; sandbox allow-scripts"), "{viewer}");
        assert!(!["connect-src", "frame-src", "allow-same-origin", "blob:"].iter().any(|word| viewer.contains(word)));
        assert!(policy_of("/").contains("frame-ancestors 'none'"));
        assert!(policy_of("/viewer.js").contains("frame-ancestors 'none'"));
    }

    #[test]
    fn a_page_may_connect_to_its_own_host_and_to_configured_relays() {
        let authority = Authority::parse("192.168.1.5:8080").expect("valid");
        let relays = [
            "/dns4/relay.example/tcp/9000/ws".parse().expect("an address"),
            "/dns4/relay.example/tcp/443/tls/ws".parse().expect("an address"),
        ];
        let policy = content_security_policy(&authority, false, &relays);
        let connect = policy.split("; ").find(|part| part.starts_with("connect-src")).expect("it is there");
        assert_eq!(
            connect,
            "connect-src 'self' wss: ws://127.0.0.1:* ws://localhost:* ws://192.168.1.5:8080 ws://relay.example:9000"
        );
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"));
        assert!(!policy.contains("unsafe-inline"));
    }
}
