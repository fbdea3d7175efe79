//! Many nodes, each with its own position, that exchange pings and what rides on them.
//!
//! A node knows what it measured, what was measured of it (a ping has three legs, so both ends learn the round
//! trip), and what those peers say: their coordinate and their digest. Everybody's coordinate is known to
//! everybody as a candidate, as from gossip; nobody sees a round trip it was not told.

use crate::matrix::Matrix;
use latency::{Candidate, Coordinate, Digest, Hearsay, Position, Random, Rtt, whom_to_probe};
use std::collections::BTreeMap;

/// Exchanges per node until positions have settled.
pub(crate) const SETTLING_ROUNDS: usize = 1_000;

pub(crate) struct Population<'m> {
    pub(crate) matrix: &'m Matrix,
    pub(crate) nodes: Vec<Node>,
    /// The first so many lie about where they are.
    liars: usize,
    random: Random,
}

pub(crate) struct Node {
    /// Whom this node chose to probe, in order.
    pub(crate) probed: Vec<usize>,
    /// Round trips this end knows, whoever started.
    pub(crate) known: BTreeMap<usize, Rtt>,
    position: Position<usize>,
    hearsay: Hearsay<usize>,
}

impl<'m> Population<'m> {
    /// Every node probes `probes` peers drawn at random.
    pub(crate) fn new(matrix: &'m Matrix, probes: usize, liars: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let nodes = (0..matrix.nodes)
            .map(|me| {
                let mut others: Vec<usize> = (0..matrix.nodes).filter(|other| *other != me).collect();
                random.choose(&mut others, probes);
                others.truncate(probes);
                Node {
                    probed: others,
                    known: BTreeMap::new(),
                    position: Position::new(&mut random),
                    hearsay: Hearsay::default(),
                }
            })
            .collect();
        Self { matrix, nodes, liars, random }
    }

    /// So many rounds in which every node pings one of its probed peers, in turn.
    pub(crate) fn settle(&mut self, rounds: usize) {
        for round in 0..rounds {
            for me in 0..self.nodes.len() {
                let probed = &self.nodes[me].probed;
                self.ping(me, probed[round % probed.len()]);
            }
        }
    }

    /// What a node says of its place: the truth, or anything.
    pub(crate) fn claim(&mut self, node: usize) -> Coordinate {
        if node < self.liars {
            let mut anywhere = || (self.random.normal() * 200_000.0) as i32;
            let position = core::array::from_fn(|_| anywhere());
            return Coordinate::new(position, 1_000, 10).expect("0.2 s is within bounds");
        }
        self.nodes[node].position.coordinate()
    }

    fn ping(&mut self, from: usize, to: usize) {
        let Some(rtt) = self.matrix.get(from, to).and_then(Rtt::from_millis_f64) else { return };
        let (mine, theirs) = (self.claim(from), self.claim(to));
        self.nodes[from].known.insert(to, rtt);
        self.nodes[to].known.entry(from).or_insert(rtt);
        self.nodes[from].position.on_exchange(to, rtt, &theirs);
        // The other end keeps what it heard; it moves when it pings itself, which makes both ends equally busy.
        self.nodes[to].position.note(from, rtt, &mine);
    }

    /// Everybody's own coordinate.
    pub(crate) fn coordinates(&self) -> Vec<Coordinate> {
        self.nodes.iter().map(|node| node.position.coordinate()).collect()
    }

    /// `count` more probes per node in four batches, each chosen by what is known by then.
    pub(crate) fn survey(&mut self, count: usize) {
        const BATCHES: usize = 4;
        for batch in 0..BATCHES {
            let size = count * (batch + 1) / BATCHES - count * batch / BATCHES;
            self.exchange_digests();
            let claims: Vec<Coordinate> = (0..self.nodes.len()).map(|node| self.claim(node)).collect();
            let chosen: Vec<Vec<usize>> = (0..self.nodes.len()).map(|me| self.choose(me, &claims, size)).collect();
            for (me, chosen) in chosen.into_iter().enumerate() {
                for peer in chosen {
                    self.nodes[me].probed.push(peer);
                    self.ping(me, peer);
                }
            }
            if batch + 1 < BATCHES {
                self.settle(64);
            }
        }
    }

    fn choose(&self, me: usize, claims: &[Coordinate], count: usize) -> Vec<usize> {
        let node = &self.nodes[me];
        let bridges = node.hearsay.bridges(|author| node.known.get(&author).copied());
        let candidates: Vec<Candidate<usize>> = (0..claims.len())
            .filter(|peer| *peer != me && !node.probed.contains(peer))
            .map(|peer| Candidate {
                peer,
                coordinate: claims[peer],
                reported: node.known.get(&peer).copied(),
                bridge: bridges.get(&peer).copied(),
            })
            .collect();
        whom_to_probe(&node.position.coordinate(), &candidates, count)
    }

    /// Everybody hears the digest of everybody it exchanged pings with.
    fn exchange_digests(&mut self) {
        let digests: Vec<Digest<usize>> =
            self.nodes.iter().map(|node| Digest::new(node.known.iter().map(|(peer, rtt)| (*peer, *rtt)))).collect();
        for node in &mut self.nodes {
            for author in node.known.keys() {
                node.hearsay.on_digest(*author, digests[*author].clone());
            }
        }
    }
}
