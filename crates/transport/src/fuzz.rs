//! What the fuzz targets in `tests/fuzz` call: each decoder and machine that a peer's bytes reach, with its invariants.

use crate::config::Timeouts;
use crate::proto::{Signal, SignalKind};
use crate::signaling::candidate::{Candidate, Trickled};
use crate::signaling::policy::{CANDIDATES_MAX, Policy};
use crate::signaling::sdp::{Description, Kind};
use crate::signaling::session::{Input, Output, Role, Session};
use crate::stream::frame::Decoder;
use bytes::Bytes;
use core::time::Duration;

/// Frames come out the same wherever the bytes are cut. The first byte says where.
pub fn frames(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = decode([bytes].into_iter());
    let pieces = decode(bytes.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, pieces);
}

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<crate::proto::Frame>, bool) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        loop {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// A signalling message that decodes survives encoding.
pub fn signal(bytes: &[u8]) {
    let Ok(signal) = Signal::decode(bytes) else { return };
    let mut again = Vec::new();
    signal.encode(&mut again);
    let prefix = crate::proto::peek_varint(&again).ok().flatten().map_or(0, |(_, len)| len);
    assert_eq!(Signal::decode(&again[prefix..]), Ok(signal));
}

/// A description that is accepted renders to one that is accepted, and to nothing else.
pub fn sdp(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    for kind in [Kind::Offer, Kind::Answer] {
        if let Ok(description) = Description::parse(kind, text) {
            let rendered = description.render();
            assert!(!rendered.contains("candidate:"));
            let again = Description::parse(kind, &rendered).expect("our own template is acceptable");
            assert_eq!(again.render(), rendered);
        }
    }
}

/// A candidate that is accepted is a fixed point.
pub fn candidate(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let _either = Trickled::from_json(text);
    if let Ok(candidate) = Candidate::parse(text) {
        assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
    }
}

/// A session that hears anything in any order ends at most once, and hands the browser few candidates and only such
/// as the policy admits. Each step is a byte for what happens and, for messages, a length and that many bytes.
pub fn session(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else { return };
    let role = if first & 1 == 0 { Role::Initiator } else { Role::Responder };
    let policy = Policy { lan: first & 2 != 0 };
    let mut session = Session::new(role, policy, Timeouts::default(), 64 * 1024);
    let (mut over, mut reached, mut now) = (0, 0, Duration::ZERO);
    while let Some((step, more)) = rest.split_first() {
        rest = more;
        let input = match step % 11 {
            0 => Input::Described(String::new()),
            1 => Input::Sent,
            2 => Input::LocalSet,
            3 => Input::RemoteSet,
            4 => Input::PeerFinished,
            5 => Input::Connected,
            6 => Input::InitOpen,
            7 => Input::InitClosed,
            8 => {
                now += Duration::from_secs(1);
                Input::Wake
            }
            _ => {
                let Some((len, more)) = rest.split_first_chunk::<2>() else { return };
                let len = usize::from(u16::from_le_bytes(*len)).min(more.len());
                let (data, more) = more.split_at(len);
                rest = more;
                let kind = [SignalKind::Offer, SignalKind::Answer, SignalKind::Candidate][usize::from(step / 11 % 3)];
                let data = String::from_utf8_lossy(data).into_owned();
                Input::Received { signal: Signal::new(kind, data), len }
            }
        };
        session.handle(now, input);
        while let Some(output) = session.poll_output() {
            match output {
                Output::AddCandidate(trickled, _) => {
                    assert!(policy.admits(&trickled.candidate));
                    reached += 1;
                }
                Output::Over(_) => over += 1,
                _ => {}
            }
        }
    }
    assert!(over <= 1 && reached <= CANDIDATES_MAX);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prop_the_targets_hold_on_random_bytes(bytes: Vec<u8>) {
            super::frames(&bytes);
            super::signal(&bytes);
            super::sdp(&bytes);
            super::candidate(&bytes);
            super::session(&bytes);
        }
    }
}
