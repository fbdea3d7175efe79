//! Whom to ping next, when there is one ping to spend.
//!
//! What we ask for shows how its sources do; the others are known by pings, and pings cost. A ping is worth the more
//! the longer ago a peer was seen and the nearer it is to being the best: one that takes twice as long as the best
//! waits sixteen times as long for its turn. Everybody gets one in the end.

/// A peer that could be pinged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pingable<P> {
    pub peer: P,
    /// What it is expected to take, milliseconds.
    pub expected_ms: f64,
    /// How long ago it was seen, in any unit.
    pub age: f64,
}

/// The peer most worth a ping; `None` without peers. Of those worth the same, the first in order.
pub fn whom_to_ping<P: Copy + Ord>(peers: impl IntoIterator<Item = Pingable<P>>) -> Option<P> {
    let worth = |peer: &Pingable<P>| {
        let nearness = 1.0 / peer.expected_ms.max(f64::MIN_POSITIVE);
        // The logarithm orders the same and cannot overflow.
        libm::log(peer.age.max(f64::MIN_POSITIVE)) + 4.0 * libm::log(nearness)
    };
    let mut best: Option<(f64, P)> = None;
    for peer in peers {
        let worth = worth(&peer);
        if best.is_none_or(|(most, first)| worth > most || (worth == most && peer.peer < first)) {
            best = Some((worth, peer.peer));
        }
    }
    best.map(|(_, peer)| peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_long_unseen_peers_come_first() {
        assert_eq!(whom_to_ping([peer(1, 50.0, 1.0), peer(2, 50.0, 9.0)]), Some(2));
        assert_eq!(whom_to_ping([peer(1, 50.0, 9.0), peer(2, 100.0, 9.0)]), Some(1));
        assert_eq!(whom_to_ping([peer(2, 50.0, 9.0), peer(1, 50.0, 9.0)]), Some(1));
        assert_eq!(whom_to_ping::<u32>([]), None);
    }

    #[test]
    fn the_far_get_their_turn() {
        let mut age = [1.0; 3];
        let mut pings = [0; 3];
        for _ in 0..1_000 {
            let pinged = whom_to_ping((0..3).map(|at| peer(at, [20.0, 40.0, 80.0][at as usize], age[at as usize])));
            let pinged = pinged.unwrap() as usize;
            pings[pinged] += 1;
            age = age.map(|age| age + 1.0);
            age[pinged] = 1.0;
        }
        assert!(pings[0] > pings[1] && pings[1] > pings[2] && pings[2] > 0, "{pings:?}");
    }

    #[test]
    fn nonsense_still_chooses_somebody() {
        let odd = [peer(1, f64::NAN, 1.0), peer(2, 0.0, -1.0), peer(3, f64::INFINITY, f64::NAN)];
        assert!(whom_to_ping(odd).is_some());
    }

    fn peer(peer: u32, expected_ms: f64, age: f64) -> Pingable<u32> {
        Pingable { peer, expected_ms, age }
    }
}
