//! How fast news spreads over the links nodes choose, round by round.
//!
//! Every node probes `--probes` (32) random peers, joins with half of its links to the nearest it knows or predicts and
//! half to random peers, and then rewires once a round by what it heard from whom and when: one piece of news from
//! every node. `time_90_ms` is the mean over sources of the time until 90 % of the nodes have heard, without processing;
//! `random_90_ms` the same for eight random links each; `unreached_pct` the share of pairs without a way.

use crate::arguments::Arguments;
use crate::lines::Line;
use crate::matrix::Matrix;
use crate::population::{Population, SETTLING_ROUNDS};
use latency::{
    ANCHORS, Arrivals, LINKS_ACCEPTED_MAX, LINKS_KEPT, LINKS_NEAR, LINKS_OPENED, Random, explore, first_links,
};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let matrix = Matrix::load(arguments)?;
    let rounds: usize = arguments.number("rounds", 10)?;
    let probes = arguments.number("probes", 32)?.clamp(1, (matrix.nodes / 3).max(1));
    let seed: u64 = arguments.number("seed", 0)?;
    let mut population = Population::new(&matrix, probes, 0, seed);
    population.settle(SETTLING_ROUNDS);

    let mut overlay = Overlay::new(&matrix, nearest_first(&population), Random::new(seed ^ 0x0e71));
    overlay.join(0);
    let random_90_ms = overlay.flood().time_90_ms();
    overlay.links.iter_mut().for_each(Links::clear);
    overlay.join(LINKS_NEAR);
    for round in 0..=rounds {
        let flood = overlay.flood();
        Line::default()
            .count("round", round)
            .number("time_90_ms", flood.time_90_ms())
            .number("random_90_ms", random_90_ms)
            .number("unreached_pct", flood.unreached_pct())
            .count("accepted_max", overlay.links.iter().map(|links| links.accepted.len()).max().unwrap_or(0))
            .print()?;
        if round < rounds {
            overlay.rewire(&flood);
        }
    }
    Ok(())
}

/// For every node all others, by what it measured or predicts.
fn nearest_first(population: &Population<'_>) -> Vec<Vec<usize>> {
    let coordinates = population.coordinates();
    let order = |me: usize| {
        let node = &population.nodes[me];
        let expected = |peer: usize| {
            node.known
                .get(&peer)
                .map_or_else(|| coordinates[me].distance_ms(&coordinates[peer]), |rtt| rtt.as_millis_f64())
        };
        let mut others: Vec<(f64, usize)> =
            (0..coordinates.len()).filter(|peer| *peer != me).map(|peer| (expected(peer), peer)).collect();
        others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        others.into_iter().map(|(_, peer)| peer).collect()
    };
    (0..coordinates.len()).map(order).collect()
}

#[derive(Clone, Default)]
struct Links {
    opened: Vec<usize>,
    accepted: Vec<usize>,
    anchors: Vec<usize>,
}

impl Links {
    fn clear(&mut self) {
        *self = Self::default();
    }

    fn all(&self) -> impl Iterator<Item = usize> + '_ {
        self.opened.iter().chain(&self.accepted).copied()
    }
}

struct Overlay<'m> {
    matrix: &'m Matrix,
    nearest_first: Vec<Vec<usize>>,
    links: Vec<Links>,
    random: Random,
}

impl<'m> Overlay<'m> {
    fn new(matrix: &'m Matrix, nearest_first: Vec<Vec<usize>>, random: Random) -> Self {
        Self { matrix, nearest_first, links: vec![Links::default(); matrix.nodes], random }
    }

    /// Opens a link if it is new, can carry anything, and the other end still accepts.
    fn open(&mut self, from: usize, to: usize) -> bool {
        let known = from == to || self.links[from].all().any(|peer| peer == to);
        if known || self.links[to].accepted.len() >= LINKS_ACCEPTED_MAX || self.matrix.get(from, to).is_none() {
            return false;
        }
        self.links[from].opened.push(to);
        self.links[to].accepted.push(from);
        true
    }

    /// Everybody opens its first links, one after the other in random order.
    fn join(&mut self, near: usize) {
        let mut order: Vec<usize> = (0..self.links.len()).collect();
        self.random.choose(&mut order, self.matrix.nodes);
        for me in order {
            let (anybody, nearest) = first_links(&self.nearest_first[me], &mut self.random);
            self.open_until(me, &anybody, LINKS_OPENED - near);
            self.links[me].anchors = self.links[me].opened.iter().copied().take(ANCHORS).collect();
            self.open_until(me, &nearest, LINKS_OPENED);
        }
    }

    fn open_until(&mut self, me: usize, candidates: &[usize], count: usize) {
        for peer in candidates {
            if self.links[me].opened.len() >= count {
                return;
            }
            self.open(me, *peer);
        }
    }

    /// Everybody keeps the links that brought news soonest and exchanges the others.
    fn rewire(&mut self, flood: &Flood) {
        let kept: Vec<Vec<usize>> = (0..self.links.len()).map(|me| self.kept(me, flood)).collect();
        for (me, kept) in kept.iter().enumerate() {
            let dropped: Vec<usize> =
                self.links[me].opened.iter().copied().filter(|peer| !kept.contains(peer)).collect();
            for peer in dropped {
                self.links[me].opened.retain(|known| *known != peer);
                self.links[peer].accepted.retain(|known| *known != me);
            }
        }
        for me in 0..self.links.len() {
            // Who is full or known already is asked in vain: a few more questions than links, then next round.
            for _ in 0..4 * LINKS_OPENED {
                if self.links[me].opened.len() >= LINKS_OPENED {
                    break;
                }
                if let Some(peer) = explore(&self.nearest_first[me], &mut self.random) {
                    self.open(me, peer);
                }
            }
        }
    }

    fn kept(&self, me: usize, flood: &Flood) -> Vec<usize> {
        let links = &self.links[me];
        let mut arrivals = Arrivals::new(links.all().collect());
        for source in (0..self.links.len()).filter(|source| *source != me) {
            let arrived: Vec<Option<f64>> = links
                .all()
                .map(|link| {
                    flood.get(source, link).zip(self.matrix.one_way(link, me)).map(|(there, here)| there + here)
                })
                .collect();
            arrivals.on_news(&arrived);
        }
        arrivals.keep(&links.opened, &links.anchors, LINKS_KEPT)
    }

    /// When news of every node reaches every other, over the shortest ways.
    fn flood(&self) -> Flood {
        let n = self.links.len();
        let mut ms = vec![f32::INFINITY; n * n];
        for (me, links) in self.links.iter().enumerate() {
            ms[me * n + me] = 0.0;
            for peer in &links.opened {
                let one_way = self.matrix.one_way(me, *peer).unwrap_or(f64::INFINITY) as f32;
                ms[me * n + peer] = one_way;
                ms[peer * n + me] = one_way;
            }
        }
        // Floyd and Warshall: row by row, so that compilers can vectorise the inner loop.
        for through in 0..n {
            let onward: Vec<f32> = ms[through * n..][..n].to_vec();
            for row in ms.chunks_exact_mut(n) {
                let first = row[through];
                if first.is_finite() {
                    row.iter_mut().zip(&onward).for_each(|(best, rest)| *best = best.min(first + rest));
                }
            }
        }
        Flood { n, ms }
    }
}

/// Milliseconds from every source to every node.
struct Flood {
    n: usize,
    ms: Vec<f32>,
}

impl Flood {
    fn get(&self, source: usize, node: usize) -> Option<f64> {
        let ms = self.ms[source * self.n + node];
        ms.is_finite().then_some(f64::from(ms))
    }

    fn time_90_ms(&self) -> f64 {
        let time_90 = |row: &[f32]| {
            let mut sorted = row.to_vec();
            sorted.sort_unstable_by(f32::total_cmp);
            f64::from(sorted[self.n * 9 / 10])
        };
        self.ms.chunks_exact(self.n).map(time_90).sum::<f64>() / self.n as f64
    }

    fn unreached_pct(&self) -> f64 {
        100.0 * self.ms.iter().filter(|ms| !ms.is_finite()).count() as f64 / self.ms.len() as f64
    }
}
