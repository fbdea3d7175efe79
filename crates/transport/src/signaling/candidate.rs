//! ICE candidates: the line of RFC 8839, section 5.1, and the JSON around it.
//!
//! A candidate is taken apart and written anew, in both directions. So the browser never parses a peer's text, and
//! a peer never learns more than the fields written here: our related address (`raddr`) is always blank.

use super::json::{self, Value};
use core::fmt;
use core::net::IpAddr;

/// How a candidate was found, and the kind of address a path ends at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateKind {
    /// An address of the machine itself, perhaps hidden behind a `.local` name.
    Host,
    /// What a STUN server saw.
    ServerReflexive,
    /// What the peer saw.
    PeerReflexive,
    /// An address on a TURN server.
    Relay,
}

impl CandidateKind {
    /// The word used in candidates and in `RTCIceCandidateStats`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "host" => Self::Host,
            "srflx" => Self::ServerReflexive,
            "prflx" => Self::PeerReflexive,
            "relay" => Self::Relay,
            _ => return None,
        })
    }

    /// The inverse of [`CandidateKind::from_name`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relay => "relay",
        }
    }
}

/// Where a candidate points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Ip(IpAddr),
    /// A multicast DNS name, which reveals nothing: `<one label>.local`.
    Mdns(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Udp,
    Tcp(TcpType),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TcpType {
    Active,
    Passive,
    SimultaneousOpen,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) foundation: String,
    pub(crate) protocol: Protocol,
    pub(crate) priority: u32,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) kind: CandidateKind,
}

/// A candidate as it travels: with the user name fragment of the session it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trickled {
    pub(crate) candidate: Candidate,
    pub(crate) ufrag: Option<String>,
}

/// Why a text is not a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CandidateError {
    /// The JSON around it is malformed.
    #[error(transparent)]
    Json(#[from] json::JsonError),
    /// The object has no `candidate` text.
    #[error("no candidate in the object")]
    Missing,
    /// The line has too few fields, or one that is not understood.
    #[error("the candidate's {0} is missing or malformed")]
    Field(&'static str),
}

/// Longest foundation, RFC 8839.
const FOUNDATION_MAX: usize = 32;

impl Candidate {
    /// Parses `candidate:..`, with or without `a=` in front.
    pub(crate) fn parse(line: &str) -> Result<Self, CandidateError> {
        let field = CandidateError::Field;
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        let line = line.strip_prefix("candidate:").ok_or(field("name"))?;
        let mut words = line.split_ascii_whitespace();
        let mut next = |name| words.next().ok_or(field(name));

        let foundation = next("foundation")?;
        if foundation.len() > FOUNDATION_MAX || !is_ice_text(foundation) {
            return Err(field("foundation"));
        }
        if next("component")? != "1" {
            return Err(field("component"));
        }
        let transport = next("transport")?.to_ascii_lowercase();
        let priority = next("priority")?.parse().map_err(|_| field("priority"))?;
        let host = Host::parse(next("address")?).ok_or(field("address"))?;
        let port = next("port")?.parse().map_err(|_| field("port"))?;
        if next("typ")? != "typ" {
            return Err(field("typ"));
        }
        let kind = CandidateKind::from_name(next("type")?).ok_or(field("type"))?;
        let rest: Vec<_> = words.collect();
        let protocol = match transport.as_str() {
            "udp" => Protocol::Udp,
            "tcp" => Protocol::Tcp(TcpType::find(&rest).ok_or(field("tcptype"))?),
            _ => return Err(field("transport")),
        };
        Ok(Self { foundation: foundation.to_owned(), protocol, priority, host, port, kind })
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse() {
            return Some(Self::Ip(ip));
        }
        let label = text.strip_suffix(".local")?;
        let fits = (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fits.then(|| Self::Mdns(text.to_owned()))
    }
}

impl TcpType {
    fn find(attributes: &[&str]) -> Option<Self> {
        let at = attributes.iter().position(|word| *word == "tcptype")?;
        Some(match *attributes.get(at + 1)? {
            "active" => Self::Active,
            "passive" => Self::Passive,
            "so" => Self::SimultaneousOpen,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::SimultaneousOpen => "so",
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp(_) => "tcp",
        };
        write!(f, "candidate:{} 1 {transport} {} ", self.foundation, self.priority)?;
        match &self.host {
            Host::Ip(ip) => write!(f, "{ip}")?,
            Host::Mdns(name) => f.write_str(name)?,
        }
        write!(f, " {} typ {}", self.port, self.kind.name())?;
        if self.kind != CandidateKind::Host {
            // Required for these kinds; blank, as browsers do it to hide what is behind.
            f.write_str(" raddr 0.0.0.0 rport 9")?;
        }
        if let Protocol::Tcp(tcp) = self.protocol {
            write!(f, " tcptype {}", tcp.name())?;
        }
        Ok(())
    }
}

impl Trickled {
    /// Reads the data of a candidate message; `None` marks the end of candidates (`null`, `""` or an empty line).
    pub(crate) fn from_json(text: &str) -> Result<Option<Self>, CandidateError> {
        let Some(members) = json::parse(text)? else { return Ok(None) };
        let (mut line, mut ufrag) = (None, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                ("candidate", Value::Text(text)) => line = Some(text),
                ("usernameFragment", Value::Text(text)) => ufrag = Some(text),
                _ => {}
            }
        }
        let line = line.ok_or(CandidateError::Missing)?;
        if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { candidate: Candidate::parse(&line)?, ufrag }))
    }

    /// Writes the data of a candidate message. There is one media section, so its index is 0; both the index and
    /// the name are always sent, because js-libp2p stops reading candidates at one that has neither.
    pub(crate) fn to_json(&self, mid: &str) -> String {
        let mut json = String::from("{\"candidate\":");
        json::write_text(&mut json, &self.candidate.to_string());
        json.push_str(",\"sdpMid\":");
        json::write_text(&mut json, mid);
        json.push_str(",\"sdpMLineIndex\":0,\"usernameFragment\":");
        match &self.ufrag {
            Some(ufrag) => json::write_text(&mut json, ufrag),
            None => json.push_str("null"),
        }
        json.push('}');
        json
    }
}

/// `ice-char` of RFC 8839.
pub(super) fn is_ice_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MDNS: &str = "candidate:2 1 udp 2113937151 6aa5a50c-0b5d-4a0a-b5c5-4e0a4b1c4d5e.local 51234 typ host";

    fn refused(line: &str) -> &'static str {
        match Candidate::parse(line) {
            Err(CandidateError::Field(name)) => name,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn what_browsers_write_is_understood() {
        let line = format!("{MDNS} generation 0 ufrag EEtu network-cost 999");
        let candidate = Candidate::parse(&line).expect("a host candidate");
        assert_eq!(candidate.to_string(), MDNS);

        let srflx =
            "candidate:1 1 UDP 1677729535 203.0.113.7 46154 typ srflx raddr 192.168.1.2 rport 5000 generation 0";
        let candidate = Candidate::parse(srflx).expect("a reflexive candidate");
        assert_eq!(candidate.kind, CandidateKind::ServerReflexive);
        let written = "candidate:1 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 9";
        assert_eq!(candidate.to_string(), written, "the address behind the NAT is not passed on");

        let tcp = "candidate:3 1 tcp 1518280447 192.168.1.2 9 typ host tcptype active";
        assert_eq!(Candidate::parse(tcp).expect("a TCP candidate").to_string(), tcp);
        let v6 = "a=candidate:3 1 udp 1518280447 2001:db8::1 4000 typ host";
        assert_eq!(format!("a={}", Candidate::parse(v6).expect("an IPv6 candidate")), v6);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(refused("x"), "name");
        assert_eq!(refused("candidate:"), "foundation");
        assert_eq!(refused("candidate:1\u{7f} 1 udp 1 1.2.3.4 4000 typ host"), "foundation");
        assert_eq!(refused("candidate:1 2 udp 1 1.2.3.4 4000 typ host"), "component");
        assert_eq!(refused("candidate:1 1 sctp 1 1.2.3.4 4000 typ host"), "transport");
        assert_eq!(refused("candidate:1 1 udp -1 1.2.3.4 4000 typ host"), "priority");
        assert_eq!(refused("candidate:1 1 udp 1 relay.example 4000 typ host"), "address");
        assert_eq!(refused("candidate:1 1 udp 1 a.b.local 4000 typ host"), "address");
        assert_eq!(refused("candidate:1 1 udp 1 .local 4000 typ host"), "address");
        assert_eq!(refused("candidate:1 1 udp 1 1.2.3.4 70000 typ host"), "port");
        assert_eq!(refused("candidate:1 1 udp 1 1.2.3.4 4000 typ other"), "type");
        assert_eq!(refused("candidate:1 1 tcp 1 1.2.3.4 4000 typ host"), "tcptype");
    }

    #[test]
    fn the_json_names_the_section_twice() {
        let trickled = Trickled { candidate: Candidate::parse(MDNS).expect("valid"), ufrag: Some("EEtu".to_owned()) };
        let json = trickled.to_json("0");
        assert_eq!(
            json,
            format!(r#"{{"candidate":"{MDNS}","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EEtu"}}"#)
        );
        assert_eq!(Trickled::from_json(&json), Ok(Some(trickled)));
    }

    #[test]
    fn every_way_to_say_the_end_is_the_end() {
        assert_eq!(Trickled::from_json("null"), Ok(None));
        assert_eq!(Trickled::from_json("\"\""), Ok(None));
        assert_eq!(Trickled::from_json(r#"{"candidate":"","sdpMid":"0"}"#), Ok(None));
        assert_eq!(Trickled::from_json("{}"), Err(CandidateError::Missing));
    }

    proptest! {
        #[test]
        fn prop_a_parsed_candidate_is_a_fixed_point(line in "candidate:[a-z0-9+/]{1,40} 1 (udp|tcp) [0-9]{1,10} ([0-9]{1,3}(\\.[0-9]{1,3}){3}|[a-f:]{2,20}|[a-z-]{1,70}\\.local) [0-9]{1,6} typ (host|srflx|prflx|relay)( tcptype (active|passive|so))?") {
            if let Ok(candidate) = Candidate::parse(&line) {
                prop_assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
            }
        }

        #[test]
        fn prop_any_text_parses_or_fails(text: String) {
            let _either = Candidate::parse(&text);
            let _either = Trickled::from_json(&text);
        }
    }
}
