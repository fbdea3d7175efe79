//! "What is my address?": a STUN binding responder (RFC 8489, sections 5, 6.3.1, 14.2, 14.8).
//!
//! A tab behind a NAT asks this to learn where others see it, so that nobody needs somebody else's STUN server. It
//! answers binding requests and nothing else: no credentials, no relaying, no state but a rate for each address.
//! An answer is at most 60 bytes to a request of at least 20, which makes it a poor amplifier.

use crate::rate::{Allowance, Rates};
use clock::Time;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;

/// RFC 8489, section 5.
const MAGIC_COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER_LEN: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Comprehension-required attributes (below 0x8000) that a binding request may carry and that change nothing for a
/// server without credentials: username, message integrity, realm, nonce, their SHA-256 successors, ICE's priority
/// and use-candidate.
const HARMLESS: [u16; 9] = [0x0006, 0x0008, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0024, 0x0025];

/// Unknown attributes named in one error: the request is nonsense after the first.
const UNKNOWN_MAX: usize = 4;

/// The longest request worth reading; real ones have 20 to 100 bytes.
const REQUEST_LEN_MAX: usize = 548;

/// A tab asks twice for each connection it makes, and again when the network changes.
const ALLOWANCE: Allowance = Allowance { burst: 40, interval: Duration::from_millis(100) };

/// What the responder has done.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) answered: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// Answers until the socket fails for good, which a bound UDP socket does not.
pub(crate) async fn serve(socket: UdpSocket, answers: Arc<Answers>) {
    let started = Instant::now();
    let mut rates = Rates::new(ALLOWANCE);
    let mut buf = [0; REQUEST_LEN_MAX];
    loop {
        let (len, from) = match socket.recv_from(&mut buf).await {
            Ok(received) => received,
            // An earlier answer bounced (ICMP "port unreachable"); the next request is none the worse.
            Err(error) => {
                log::debug!("stun: {error}");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let allowed = from.ip().to_canonical().is_loopback()
            || rates.take(Time::ZERO + started.elapsed(), from.ip().to_canonical());
        let answer = if allowed { answer(&buf[..len], from) } else { None };
        match answer {
            Some(answer) => {
                answers.answered.fetch_add(1, Ordering::Relaxed);
                send(&socket, &answer, from).await;
            }
            None => {
                answers.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn send(socket: &UdpSocket, answer: &[u8], to: SocketAddr) {
    let sent: io::Result<usize> = socket.send_to(answer, to).await;
    if let Err(error) = sent {
        log::debug!("stun: no answer to {to}: {error}");
    }
}

/// The answer to `request` from `client`, or `None` for what is not a binding request.
fn answer(request: &[u8], client: SocketAddr) -> Option<Vec<u8>> {
    let (header, body) = request.split_at_checked(HEADER_LEN)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if kind != BINDING_REQUEST || len != body.len() || len % 4 != 0 || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    let unknown = unknown_attributes(body)?;
    let transaction = &header[8..];
    if unknown.is_empty() {
        return Some(message(BINDING_SUCCESS, transaction, &[(XOR_MAPPED_ADDRESS, xor_address(client, transaction))]));
    }
    let names = unknown.iter().flat_map(|name| name.to_be_bytes()).collect();
    let reason = [&[0, 0, 4, 20][..], b"Unknown Attribute"].concat();
    Some(message(BINDING_ERROR, transaction, &[(ERROR_CODE, reason), (UNKNOWN_ATTRIBUTES, names)]))
}

/// Comprehension-required attributes that we do not know, or `None` if `body` is no list of attributes.
fn unknown_attributes(mut body: &[u8]) -> Option<Vec<u16>> {
    let mut unknown = Vec::new();
    while !body.is_empty() {
        let (head, rest) = body.split_at_checked(4)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        body = rest.get(len.next_multiple_of(4)..)?;
        if kind < 0x8000 && !HARMLESS.contains(&kind) && unknown.len() < UNKNOWN_MAX {
            unknown.push(kind);
        }
    }
    Some(unknown)
}

/// The value of XOR-MAPPED-ADDRESS: a family, a port and an address, hidden from NATs that rewrite what looks like
/// an address of theirs.
fn xor_address(client: SocketAddr, transaction: &[u8]) -> Vec<u8> {
    let mask: Vec<u8> = MAGIC_COOKIE.iter().chain(transaction).copied().collect();
    let xor = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(&mask).map(|(byte, mask)| byte ^ mask).collect() };
    let (family, address) = match client.ip().to_canonical() {
        IpAddr::V4(ip) => (1, xor(&ip.octets())),
        IpAddr::V6(ip) => (2, xor(&ip.octets())),
    };
    [vec![0, family], xor(&client.port().to_be_bytes()), address].concat()
}

fn message(kind: u16, transaction: &[u8], attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend_from_slice(&kind.to_be_bytes());
        body.extend_from_slice(&(value.len() as u16).to_be_bytes());
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut message = Vec::with_capacity(HEADER_LEN + body.len());
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&(body.len() as u16).to_be_bytes());
    message.extend_from_slice(&MAGIC_COOKIE);
    message.extend_from_slice(transaction);
    message.extend_from_slice(&body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transaction id of RFC 5769, section 2.
    const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
        message(BINDING_REQUEST, &TRANSACTION, attributes)
    }

    #[test]
    fn an_ipv4_client_gets_the_answer_of_rfc_5769_section_2_2() {
        let answer = answer(&request(&[]), "192.0.2.1:32853".parse().expect("an address")).expect("a binding request");
        let mut golden = vec![0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42];
        golden.extend(TRANSACTION);
        golden.extend([0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(answer, golden);
    }

    #[test]
    fn an_ipv6_client_gets_the_answer_of_rfc_5769_section_2_3() {
        let client = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().expect("an address");
        let answer = answer(&request(&[]), client).expect("a binding request");
        let mut golden = vec![0x01, 0x01, 0x00, 0x18, 0x21, 0x12, 0xa4, 0x42];
        golden.extend(TRANSACTION);
        golden.extend([0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47]);
        golden.extend([0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9]);
        assert_eq!(answer, golden);
    }

    /// RFC 5769, section 2.1: software, priority, ICE-controlled, username, message integrity, fingerprint. What
    /// ICE sends a peer is not what it sends a server; ICE-controlled (0x8029) is optional to understand.
    #[test]
    fn the_request_of_rfc_5769_section_2_1_is_answered() {
        let attributes = [
            (0x8022, b"STUN test client".to_vec()),
            (0x0024, vec![0x6e, 0x00, 0x01, 0xff]),
            (0x8029, vec![0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36]),
            (0x0006, b"evtj:h6vY".to_vec()),
            (0x0008, vec![0; 20]),
            (0x8028, vec![0xe5, 0x7a, 0x3b, 0xcf]),
        ];
        let request = request(&attributes);
        assert_eq!(request.len(), 108);
        let answer = answer(&request, client()).expect("a binding request");
        assert_eq!(answer[..2], [0x01, 0x01]);
    }

    #[test]
    fn an_attribute_we_had_to_understand_is_named_in_the_error() {
        let answer = answer(&request(&[(0x0003, vec![0, 0, 0, 6])]), client()).expect("a binding request");
        let mut golden = vec![0x01, 0x11, 0x00, 0x24, 0x21, 0x12, 0xa4, 0x42];
        golden.extend(TRANSACTION);
        golden.extend([0x00, 0x09, 0x00, 0x15, 0, 0, 4, 20]);
        golden.extend(b"Unknown Attribute\0\0\0");
        golden.extend([0x00, 0x0a, 0x00, 0x02, 0x00, 0x03, 0, 0]);
        assert_eq!(answer, golden);
    }

    #[test]
    fn what_is_not_a_binding_request_is_not_answered() {
        let good = request(&[(0x8022, b"abc".to_vec())]);
        assert!(answer(&good, client()).is_some());
        for len in 0..good.len() {
            assert_eq!(answer(&good[..len], client()), None, "cut at {len}");
        }
        for (at, value) in [(0, 0x01), (1, 0x11), (4, 0x22), (3, 0x04), (23, 0xff)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(answer(&bad, client()), None, "byte {at}");
        }
    }

    fn client() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 32853))
    }
}
