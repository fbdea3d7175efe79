//! Whom to probe next, to find near peers among those never measured.
//!
//! Three quarters of the probes go to the peers expected nearest, by the best of three guesses: what the peer
//! says it measured to us, the way through somebody we both know, and the coordinates. The last quarter goes to
//! those who see the network as we do ([`Coordinate::unlikeness_ms`]): peers of our own site, whom the
//! coordinates put far away when the site itself is far from everybody.
//!
//! Nothing here is believed: it only says where the next ping goes.

use crate::{Coordinate, Rtt};

/// Somebody we have not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<P> {
    pub peer: P,
    /// Where it says it is.
    pub coordinate: Coordinate,
    /// The round trip it says it measured to us.
    pub reported: Option<Rtt>,
    /// The shortest way to it through somebody we measured who says it measured it.
    pub bridge: Option<Rtt>,
}

impl<P> Candidate<P> {
    /// The round trip to expect, milliseconds.
    ///
    /// A bridge is an upper bound when nobody lies; coordinates err both ways. Where the bridge is shorter, the
    /// truth is mostly between them.
    pub fn expected_ms(&self, me: &Coordinate) -> f64 {
        let apart = me.distance_ms(&self.coordinate);
        match (self.reported, self.bridge) {
            (Some(reported), _) => reported.as_millis_f64(),
            (None, Some(bridge)) if bridge.as_millis_f64() < apart => (bridge.as_millis_f64() * apart).sqrt(),
            (None, _) => apart,
        }
    }
}

/// At most `count` of `candidates`, those worth a probe, best first.
pub fn whom_to_probe<P: Copy + Ord>(me: &Coordinate, candidates: &[Candidate<P>], count: usize) -> Vec<P> {
    let by_likeness = count / 4;
    let mut scored: Vec<(f64, f64, P)> = candidates
        .iter()
        .map(|candidate| (candidate.expected_ms(me), me.unlikeness_ms(&candidate.coordinate), candidate.peer))
        .collect();
    scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
    let near = (count - by_likeness).min(scored.len());
    scored[near..].sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then(a.2.cmp(&b.2)));
    scored.into_iter().take(count).map(|(_, _, peer)| peer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_and_bridges_come_before_coordinates() {
        let me = at(0, 1);
        let plain = candidate(1, at(50, 1));
        let bridged = Candidate { bridge: Some(ms(13)), ..candidate(2, at(50, 1)) };
        let reported = Candidate { reported: Some(ms(3)), ..candidate(3, at(90, 1)) };
        assert_eq!(plain.expected_ms(&me), 52.0);
        assert_eq!(bridged.expected_ms(&me), 26.0);
        assert_eq!(whom_to_probe(&me, &[plain, bridged, reported], 3), [3, 2, 1]);
    }

    #[test]
    fn a_quarter_looks_for_our_own_site() {
        let me = at(0, 150);
        let mut candidates: Vec<Candidate<u32>> = (0..20).map(|peer| candidate(peer, at(100, 10))).collect();
        candidates.push(candidate(99, at(0, 150)));
        let probed = whom_to_probe(&me, &candidates, 4);
        assert_eq!(probed, [0, 1, 2, 99]);
    }

    #[test]
    fn fewer_candidates_than_probes_are_all_probed() {
        let candidates = [candidate(1, at(0, 1)), candidate(2, at(5, 1))];
        assert_eq!(whom_to_probe(&at(0, 1), &candidates, 8), [1, 2]);
        assert!(whom_to_probe::<u32>(&at(0, 1), &[], 8).is_empty());
    }

    fn candidate(peer: u32, coordinate: Coordinate) -> Candidate<u32> {
        Candidate { peer, coordinate, reported: None, bridge: None }
    }

    fn at(x_ms: i32, height_ms: u32) -> Coordinate {
        Coordinate::new([x_ms * 1_000, 0, 0, 0, 0], height_ms * 1_000, 0).unwrap()
    }

    fn ms(ms: u64) -> Rtt {
        Rtt::from_micros(ms * 1_000)
    }
}
