//! Which addresses a peer may point our browser at, and which of ours a peer may learn.
//!
//! A remote candidate makes the browser send packets wherever it says: to a router's administration page, to a
//! stranger. So only multicast-DNS names, which resolve nowhere but on the own network, and public addresses are
//! let through; literal addresses of machines, links and private networks only in [`Policy::lan`]. Ports below 1024
//! belong to services, never to a browser. Our own literal host addresses are told under the same condition.

use super::candidate::{Candidate, CandidateKind, Host};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Candidates of one session that reach the browser.
pub(crate) const CANDIDATES_MAX: usize = 16;

/// Lowest port a candidate may name.
const PORT_MIN: u16 = 1024;

/// What is acceptable in this page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The page itself was served from a loopback or private address, or a person said so.
    pub(crate) lan: bool,
}

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Routed on the public internet.
    Public,
    /// This machine, this link, this network.
    Near,
    /// Nobody in particular: multicast, unspecified, reserved, documentation.
    Nobody,
}

impl Policy {
    /// Whether the browser may send packets to a peer's candidate.
    pub(crate) fn admits(self, candidate: &Candidate) -> bool {
        candidate.port >= PORT_MIN
            && match &candidate.host {
                Host::Mdns(_) => true,
                Host::Ip(ip) => match reach(*ip) {
                    Reach::Public => true,
                    Reach::Near => self.lan,
                    Reach::Nobody => false,
                },
            }
    }

    /// Whether a peer may learn of a candidate of ours.
    pub(crate) fn reveals(self, candidate: &Candidate) -> bool {
        match &candidate.host {
            Host::Mdns(_) => true,
            Host::Ip(_) if candidate.kind == CandidateKind::Host => self.lan,
            Host::Ip(ip) => match reach(*ip) {
                Reach::Public => true,
                Reach::Near => self.lan,
                Reach::Nobody => false,
            },
        }
    }
}

fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

/// RFC 6890 and the IANA registry of special-purpose addresses.
fn reach_v4(ip: Ipv4Addr) -> Reach {
    match ip.octets() {
        [10 | 127, ..] | [192, 168, ..] | [169, 254, ..] => Reach::Near,
        [172, b, ..] if (16..32).contains(&b) => Reach::Near,
        [100, b, ..] if (64..128).contains(&b) => Reach::Near,
        [0, ..] | [224..=255, ..] => Reach::Nobody,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Nobody,
        [198, 18 | 19, ..] => Reach::Nobody,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return reach_v4(v4);
    }
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Near,
        // A translator forwards these to the IPv4 address in the last 32 bits.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => reach_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        [a, ..] if a & 0xfe00 == 0xfc00 || a & 0xff80 == 0xfe80 => Reach::Near,
        // Tunnels carry an IPv4 address of the sender's choice.
        [0x2002, ..] | [0x2001, 0..0x200, ..] | [0x2001, 0xdb8, ..] => Reach::Nobody,
        [a, ..] if a & 0xe000 == 0x2000 => Reach::Public,
        _ => Reach::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC_PAGE: Policy = Policy { lan: false };
    const LAN_PAGE: Policy = Policy { lan: true };

    fn host(address: &str, port: u16) -> Candidate {
        Candidate::parse(&format!("candidate:1 1 udp 1 {address} {port} typ host")).expect("well formed")
    }

    fn reflexive(address: &str) -> Candidate {
        Candidate::parse(&format!("candidate:1 1 udp 1 {address} 4000 typ srflx raddr 0.0.0.0 rport 9"))
            .expect("well formed")
    }

    #[test]
    fn names_and_public_addresses_are_admitted_everywhere() {
        for address in
            ["0d4ee2b3-6bd7.local", "8.8.8.8", "2a00:1450:4001::1", "100.63.0.1", "172.32.0.1", "64:ff9b::808:808"]
        {
            assert!(PUBLIC_PAGE.admits(&host(address, 4000)), "{address}");
        }
    }

    #[test]
    fn near_addresses_are_admitted_only_near() {
        let near = [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fec0::1",
            "fd00::1",
            "::ffff:192.168.1.1",
            "64:ff9b::a00:1",
        ];
        for address in near {
            assert!(!PUBLIC_PAGE.admits(&host(address, 4000)), "{address}");
            assert!(LAN_PAGE.admits(&host(address, 4000)), "{address}");
        }
    }

    #[test]
    fn nobody_is_admitted_nowhere() {
        let nobody = [
            "0.0.0.0",
            "224.0.0.251",
            "239.255.255.250",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "203.0.113.1",
            "::",
            "ff02::fb",
            "2001:db8::1",
            "2002:c0a8:101::1",
            "2001::1",
            "::ffff:224.0.0.1",
            "100::1",
            "4000::1",
        ];
        for address in nobody {
            assert!(!LAN_PAGE.admits(&host(address, 4000)), "{address}");
        }
    }

    #[test]
    fn service_ports_are_admitted_nowhere() {
        assert!(!LAN_PAGE.admits(&host("8.8.8.8", 53)));
        assert!(!LAN_PAGE.admits(&host("0d4ee2b3.local", 1023)));
        assert!(LAN_PAGE.admits(&host("0d4ee2b3.local", 1024)));
    }

    #[test]
    fn our_own_host_addresses_are_told_only_near() {
        assert!(PUBLIC_PAGE.reveals(&host("0d4ee2b3.local", 4000)));
        assert!(PUBLIC_PAGE.reveals(&reflexive("8.8.8.8")));
        for candidate in [host("192.168.1.2", 4000), host("8.8.8.8", 4000), reflexive("192.168.1.2")] {
            assert!(!PUBLIC_PAGE.reveals(&candidate));
            assert!(LAN_PAGE.reveals(&candidate));
        }
    }
}
