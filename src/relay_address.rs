//! Whose relay an address names, and whether that may be used without asking (a link can carry `?relay=`).
//!
//! Only the host matters here; the node parses the address for real and may still refuse it.

/// The host in a relay's multiaddr such as `/dns4/relay.example/tcp/443/wss/p2p/12D3…`, or `None` if this is not one.
pub fn host(address: &str) -> Option<&str> {
    let mut parts = address.strip_prefix('/')?.split('/');
    let host = match parts.next()? {
        "ip4" | "ip6" | "dns" | "dns4" | "dns6" => parts.next().filter(|host| !host.is_empty())?,
        _ => return None,
    };
    let transport = parts.next()?;
    let port: u16 = parts.next()?.parse().ok()?;
    let over = parts.next()?;
    let known = match transport {
        "tcp" => matches!(over, "ws" | "wss" | "tls"),
        "udp" => over == "webrtc-direct",
        _ => false,
    };
    (known && port != 0).then_some(host)
}

/// True if a relay at `host` is the page's own: it served the page, so using it tells nobody anything new.
pub fn is_own(host: &str, page_host: &str) -> bool {
    let plain = |host: &str| host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let (host, page_host) = (plain(host), plain(page_host));
    host == page_host || (is_loopback(&host) && is_loopback(&page_host))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.parse::<core::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_from_the_addresses_relays_have() {
        assert_eq!(host("/dns4/relay.example/tcp/443/wss/p2p/12D3KooW"), Some("relay.example"));
        assert_eq!(host("/dns/relay.example/tcp/443/tls/ws"), Some("relay.example"));
        assert_eq!(host("/ip4/127.0.0.1/tcp/8080/ws"), Some("127.0.0.1"));
        assert_eq!(host("/ip6/::1/tcp/8080/ws"), Some("::1"));
        assert_eq!(host("/ip4/10.0.0.1/udp/9090/webrtc-direct/certhash/uEi"), Some("10.0.0.1"));
    }

    #[test]
    fn what_is_not_a_relay_has_no_host() {
        for text in
            ["", "/", "relay.example", "/ip4/1.2.3.4", "/ip4/1.2.3.4/tcp/0/ws", "/dns4//tcp/443/wss", "/tcp/1/ws"]
        {
            assert_eq!(host(text), None, "{text}");
        }
        assert_eq!(host("/ip4/1.2.3.4/tcp/80/http"), None);
        assert_eq!(host("/ip4/1.2.3.4/tcp/99999/ws"), None);
    }

    #[test]
    fn only_the_pages_own_host_is_followed_silently() {
        assert!(is_own("Relay.example.", "relay.example"));
        assert!(is_own("127.0.0.1", "localhost"));
        assert!(is_own("::1", "[::1]"));
        assert!(!is_own("relay.example.evil.net", "relay.example"));
        assert!(!is_own("127.0.0.1", "relay.example"));
        assert!(!is_own("192.168.0.5", "127.0.0.1"));
    }
}
