//! The `Host` header, which is attacker input that ends up in headers and addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// RFC 1035, section 2.3.4.
const NAME_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 63;

/// A host a client named, strictly checked: an address or a plain DNS name, and nothing that could mean something
/// else in a header, a URL or a multiaddr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) host: Host,
    /// As written; absent when it is the scheme's own.
    pub(crate) port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Ip(IpAddr),
    /// Lower case.
    Name(String),
}

/// Not a host we would repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("host is neither an address nor a DNS name")]
    Host,
    #[error("port is not a number from 1 to 65535")]
    Port,
}

impl Authority {
    /// Parses `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub(crate) fn parse(text: &str) -> Result<Self, HostError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']').ok_or(HostError::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostError::Host)?;
            let port = match rest {
                "" => None,
                _ => Some(parse_port(rest.strip_prefix(':').ok_or(HostError::Host)?)?),
            };
            return Ok(Self { host: Host::Ip(address.into()), port });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(parse_port(port)?)),
            None => (text, None),
        };
        Ok(Self { host: Host::parse(host)?, port })
    }

    /// The address a client used that named no host (HTTP/1.0).
    pub(crate) fn of_socket(address: SocketAddr) -> Self {
        Self { host: Host::Ip(address.ip().to_canonical()), port: Some(address.port()) }
    }

    /// The port, given whether the client came by TLS.
    pub(crate) fn port_or_default(&self, secure: bool) -> u16 {
        self.port.unwrap_or(if secure { 443 } else { 80 })
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, HostError> {
        if let Ok(ip) = text.parse::<std::net::Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| {
            (1..=LABEL_LEN_MAX).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // What ends in digits is a mistyped address to some and another spelling of one to others (WHATWG URL).
        let numeric = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
        if name.len() > NAME_LEN_MAX || numeric || !name.split('.').all(is_label) {
            return Err(HostError::Host);
        }
        Ok(Self::Name(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for Host {
    /// As in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, HostError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HostError::Port);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(HostError::Port),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart() {
        let parsed = |text| Authority::parse(text).expect("valid");
        assert_eq!(parsed("192.168.1.5:8080").host, Host::Ip(IpAddr::from([192, 168, 1, 5])));
        assert_eq!(parsed("192.168.1.5:8080").port, Some(8080));
        assert_eq!(parsed("[::1]:8080").host.to_string(), "[::1]");
        assert_eq!(parsed("[::1]").port_or_default(true), 443);
        assert_eq!(parsed("Relay.Example.").host, Host::Name("relay.example".to_owned()));
        assert_eq!(parsed("localhost").port_or_default(false), 80);
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        let texts = [
            "",
            ".",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:+80",
            "a:80:80",
            "a b",
            "a;b",
            "a'b",
            "a/b",
            "a@b",
            "a\"b",
            "*",
            "a..b",
            "-a",
            "a-",
            "[::1",
            "[::1]80",
            "::1",
            "[fe80::1%eth0]",
            "127.1",
            "0x7f.1",
            "1.2.3.4.5",
            "é.example",
            "a%2fb",
            "a\r\nx: y",
        ];
        for text in texts {
            assert!(Authority::parse(text).is_err(), "{text:?}");
        }
        assert!(Authority::parse(&"a".repeat(64)).is_err());
        assert!(Authority::parse(&["a"; 128].join(".")).is_err());
    }
}
