//! Being asked to introduce two neighbours to each other (`/starling/introduce/1`).
//!
//! We splice only between our own direct neighbours, few at a time, and never choose: who is introduced to whom
//! is their wish. The node bounds each splice in bytes and time; this room bounds how many there are.

use crate::{AskToken, PeerKey};
use clock::Time;
use core::time::Duration;
use std::collections::BTreeMap;

/// Splices at once: signalling takes two seconds, so four serve a hundred introductions a minute, and all of
/// them together cost at most 256 KiB of others' bytes.
pub(crate) const INTRODUCTIONS_MAX: usize = 4;

/// Splices one neighbour may have us hold at once, so that it cannot take all places.
pub(crate) const INTRODUCTIONS_PER_PEER_MAX: usize = 2;

/// A splice whose end we were not told of is forgotten: the node closes it after 30 s.
const INTRODUCTION_TIMEOUT: Duration = Duration::from_secs(35);

/// Splices under way.
#[derive(Debug, Default)]
pub(crate) struct Introductions(BTreeMap<AskToken, Introduction>);

#[derive(Debug)]
struct Introduction {
    from: PeerKey,
    to: PeerKey,
    until: Time,
}

impl Introductions {
    /// Whether to splice `from`'s stream to `to`; `direct` tells who is our direct neighbour.
    pub(crate) fn on_asked(
        &mut self,
        now: Time,
        token: AskToken,
        from: PeerKey,
        to: PeerKey,
        direct: impl Fn(PeerKey) -> bool,
    ) -> bool {
        self.0.retain(|_, introduction| introduction.until > now);
        let of_asker = self.0.values().filter(|introduction| introduction.from == from).count();
        let same_pair = self.0.values().any(|introduction| (introduction.from, introduction.to) == (from, to));
        let accept = from != to
            && direct(from)
            && direct(to)
            && !same_pair
            && of_asker < INTRODUCTIONS_PER_PEER_MAX
            && self.0.len() < INTRODUCTIONS_MAX
            && !self.0.contains_key(&token);
        if accept {
            self.0.insert(token, Introduction { from, to, until: now + INTRODUCTION_TIMEOUT });
        }
        accept
    }

    pub(crate) fn on_ended(&mut self, token: AskToken) {
        self.0.remove(&token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_direct_neighbours_are_introduced() {
        let mut introductions = Introductions::default();
        assert!(!introductions.on_asked(at(0), AskToken(1), key(1), key(2), |peer| peer == key(1)));
        assert!(!introductions.on_asked(at(0), AskToken(2), key(1), key(2), |peer| peer == key(2)));
        assert!(!introductions.on_asked(at(0), AskToken(3), key(1), key(1), |_| true));
        assert!(introductions.on_asked(at(0), AskToken(4), key(1), key(2), |_| true));
    }

    #[test]
    fn places_are_limited_and_given_back() {
        let mut introductions = Introductions::default();
        let accepted = |introductions: &mut Introductions, now, from: u8, to: u8| {
            introductions.on_asked(now, AskToken(u64::from(from) * 100 + u64::from(to)), key(from), key(to), |_| true)
        };
        assert!(accepted(&mut introductions, at(0), 1, 2));
        assert!(accepted(&mut introductions, at(0), 1, 3));
        assert!(!accepted(&mut introductions, at(0), 1, 4), "two per asker");
        assert!(accepted(&mut introductions, at(0), 5, 1));
        assert!(accepted(&mut introductions, at(0), 6, 1));
        assert!(!accepted(&mut introductions, at(0), 7, 1), "four together");
        introductions.on_ended(AskToken(102));
        assert!(accepted(&mut introductions, at(0), 7, 1));
        assert!(!accepted(&mut introductions, at(34), 8, 1));
        assert!(accepted(&mut introductions, at(35), 8, 1), "forgotten splices give their place back");
    }

    fn key(n: u8) -> PeerKey {
        PeerKey([n; 32])
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }
}
