//! Whom to ask for this chunk now: one source, or a race of two or three.
//!
//! A race is won by the best of its members, so its members must each have a chance to be fast, and be fast at
//! different times. The cost of a set has two parts. The first takes the members' distributions as independent: few
//! samples say much, because every combination of them counts. The second is what the set would have taken lately,
//! all asked at the same times: it knows who is slow together. All pairs are compared by the first part, the best
//! few and their best third members by both. The losers are cancelled at the first byte; what they sent by then is
//! the price of the race.

use crate::series::SERIES_LEN_MAX;
use crate::spread::{BINS, EDGES_MS, WEIGHTS};
use crate::{Series, Spread};
use std::sync::LazyLock;

/// Sources compared in one decision; the rest are too far down the caller's list to matter.
pub const SOURCES_MAX: usize = 24;

/// The most to ask at once.
pub const RACE_MAX: usize = 3;

/// Pairs that are compared by both parts of the cost, and third members tried for each of them.
const PAIRS_CLOSE: usize = 12;
const THIRDS_CLOSE: usize = 6;

/// What the past together weighs against the members as independent.
const TOGETHER: f64 = 0.4;

/// Fewer common samples than this say nothing about being slow together.
const TOGETHER_MIN: usize = 5;

/// A source is asked alone when its last so many round trips did not differ by more than this factor.
const CALM_LEN: usize = 100;
const CALM_RATIO: f64 = 1.5;

/// What passing each edge adds to the fourth root of the time: sets are compared by it, as single sources are
/// ([`Spread::typical_ms`]), since the tails are guessed from few samples.
static ROOT_STEPS: LazyLock<Tail> = LazyLock::new(|| {
    core::array::from_fn(|bin| {
        let above = EDGES_MS.get(bin + 1).copied().unwrap_or(EDGES_MS[BINS - 1]);
        (fourth_root(above) - fourth_root(EDGES_MS[bin])) as f32
    })
});

/// The chance to be still waiting at each edge.
type Tail = [f32; BINS];

/// One source of the chunk.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a, P> {
    pub peer: P,
    /// Of its round trips.
    pub spread: &'a Spread,
    /// The round trips themselves, measured in rounds: the a-th newest of all sources belong together. Empty for a
    /// source never measured.
    pub recent: &'a Series,
    /// What it takes besides: its queue and the bytes themselves, milliseconds.
    pub work_ms: f64,
}

/// When one more source is worth its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Ask no more than this many at once; at most [`RACE_MAX`].
    pub race_max: usize,
    /// One more must shorten the expected time by this share.
    pub gain_min: f64,
}

impl Default for Effort {
    /// A duplicate costs at most as many bytes as flow in one round trip: a hundredth of the time
    /// is worth them, less is noise.
    fn default() -> Self {
        Self { race_max: RACE_MAX, gain_min: 0.01 }
    }
}

/// Who is asked, and what is expected of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice<P> {
    /// Whom to ask, at once; the one expected first comes first.
    pub peers: Vec<P>,
    /// The expected time of the best of them, milliseconds.
    pub expected_ms: f64,
    /// What the best single source was expected to take: the reason for a race is the difference.
    pub single_ms: f64,
}

/// Chooses among the first [`SOURCES_MAX`] of `sources`; `None` if there are none.
pub fn choose<P: Copy + Ord>(sources: &[Source<'_, P>], effort: Effort) -> Option<Choice<P>> {
    let sources = &sources[..sources.len().min(SOURCES_MAX)];
    let alone = |at: &usize| sources[*at].spread.typical_ms() + sources[*at].work_ms;
    let best = (0..sources.len()).min_by(|a, b| alone(a).total_cmp(&alone(b)))?;
    let tails: Vec<Tail> = sources.iter().map(tail_of).collect();
    let mut past = Past { sources, roots: Vec::new() };
    let single_ms = past.expected_ms(&[best], &tails);
    let mut choice = Choice { peers: vec![sources[best].peer], expected_ms: single_ms, single_ms };
    if effort.race_max < 2 || sources.len() < 2 || is_calm(sources[best].recent) {
        return Some(choice);
    }
    let pairs = close_pairs(&tails);
    let raced = past.best(&pairs).is_some_and(|pair| past.consider(&mut choice, pair, &tails, effort));
    if raced && effort.race_max > 2 && sources.len() > 2 {
        let triples = close_triples(&pairs, &tails);
        past.best(&triples).map(|triple| past.consider(&mut choice, triple, &tails, effort));
    }
    Some(choice)
}

/// Whether the newest [`CALM_LEN`] samples lie so close together that a race could win nothing worth its bytes. The
/// distributions cannot say so: they leave a chance for everything.
fn is_calm(recent: &Series) -> bool {
    let newest = || recent.newest_first().take(CALM_LEN);
    let (low, high) = (newest().min().unwrap_or(0), newest().max().unwrap_or(0));
    recent.len() >= CALM_LEN && f64::from(high) <= CALM_RATIO * f64::from(low)
}

fn tail_of<P>(source: &Source<'_, P>) -> Tail {
    if source.work_ms > 0.0 { source.spread.delayed(source.work_ms) } else { *source.spread.longer() }
}

/// Sets and the first part of their cost, the cheapest first.
struct Closest<const MEMBERS: usize, const KEPT: usize> {
    sets: [(f32, [usize; MEMBERS]); KEPT],
}

impl<const MEMBERS: usize, const KEPT: usize> Closest<MEMBERS, KEPT> {
    fn new() -> Self {
        Self { sets: [(f32::INFINITY, [0; MEMBERS]); KEPT] }
    }

    fn offer(&mut self, cost: f32, set: [usize; MEMBERS]) {
        if cost < self.sets[KEPT - 1].0 {
            let place = self.sets.partition_point(|kept| kept.0 <= cost);
            self.sets[place..].rotate_right(1);
            self.sets[place] = (cost, set);
        }
    }

    fn kept(&self) -> impl Iterator<Item = &(f32, [usize; MEMBERS])> {
        self.sets.iter().filter(|(cost, _)| cost.is_finite())
    }
}

fn close_pairs(tails: &[Tail]) -> Vec<(f32, [usize; 2])> {
    let mut closest = Closest::<2, PAIRS_CLOSE>::new();
    for a in 0..tails.len() {
        let weighed = times(&ROOT_STEPS, &tails[a]);
        for (b, tail) in tails.iter().enumerate().skip(a + 1) {
            closest.offer(dot(&weighed, tail), [a, b]);
        }
    }
    closest.kept().copied().collect()
}

/// The third members that help each pair most.
fn close_triples(pairs: &[(f32, [usize; 2])], tails: &[Tail]) -> Vec<(f32, [usize; 3])> {
    let mut triples = Vec::with_capacity(PAIRS_CLOSE * THIRDS_CLOSE);
    for (_, [a, b]) in pairs {
        let weighed = times(&times(&ROOT_STEPS, &tails[*a]), &tails[*b]);
        let mut closest = Closest::<3, THIRDS_CLOSE>::new();
        for (at, tail) in tails.iter().enumerate().filter(|(at, _)| at != a && at != b) {
            closest.offer(dot(&weighed, tail), [*a, *b, at]);
        }
        triples.extend(closest.kept());
    }
    triples
}

/// What the sources took lately, as fourth roots of milliseconds, read when first needed.
struct Past<'s, P> {
    sources: &'s [Source<'s, P>],
    roots: Vec<(usize, Vec<f32>)>,
}

impl<P: Copy + Ord> Past<'_, P> {
    /// Takes `set` if it is enough better than what is chosen; says whether it was.
    fn consider(&mut self, choice: &mut Choice<P>, set: &[usize], tails: &[Tail], effort: Effort) -> bool {
        let expected_ms = self.expected_ms(set, tails);
        if expected_ms > choice.expected_ms * (1.0 - effort.gain_min) {
            return false;
        }
        let mut set: Vec<(f64, P)> = set.iter().map(|at| (mean_ms(&tails[*at]), self.sources[*at].peer)).collect();
        set.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        choice.peers = set.into_iter().map(|(_, peer)| peer).collect();
        choice.expected_ms = expected_ms;
        true
    }

    /// What the fastest of `set` is expected to take, by both parts.
    fn expected_ms(&mut self, set: &[usize], tails: &[Tail]) -> f64 {
        let independent = mean_ms(&set.iter().fold([1.0; BINS], |product, at| times(&product, &tails[*at])));
        let to_the_fourth = |root: f32| root * root * root * root;
        let together = self.fastest(set, to_the_fourth).map_or(independent, f64::from);
        (independent + TOGETHER * together) / (1.0 + TOGETHER)
    }

    /// The set with the lowest cost of both parts.
    fn best<'a, const MEMBERS: usize>(&mut self, sets: &'a [(f32, [usize; MEMBERS])]) -> Option<&'a [usize]> {
        let mut best: (f32, Option<&[usize]>) = (f32::INFINITY, None);
        // The first part counts from the first edge on.
        let origin = fourth_root(EDGES_MS[0]) as f32;
        for (independent, set) in sets {
            let together = self.fastest(set, |root| root).map_or(*independent, |root| root - origin);
            let cost = independent + TOGETHER as f32 * together;
            if cost < best.0 {
                best = (cost, Some(set));
            }
        }
        best.1
    }

    /// The weighed mean of `what` of the root of what the fastest of `set` took. `None` without a common past.
    fn fastest(&mut self, set: &[usize], what: impl Fn(f32) -> f32) -> Option<f32> {
        let len = set.iter().map(|at| self.sources[*at].recent.len()).min().filter(|len| *len >= TOGETHER_MIN)?;
        let mut fastest = [f32::INFINITY; SERIES_LEN_MAX];
        for at in set {
            for (fastest, root) in fastest.iter_mut().zip(self.roots_of(*at)) {
                *fastest = fastest.min(*root);
            }
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (root, weight) in fastest[..len].iter().zip(WEIGHTS.iter()) {
            sum += what(*root) * weight;
            weights += weight;
        }
        Some(sum / weights)
    }

    fn roots_of(&mut self, at: usize) -> &[f32] {
        let place = self.roots.iter().position(|(known, _)| *known == at).unwrap_or_else(|| {
            let Source { recent, work_ms, .. } = &self.sources[at];
            let root = |micros: u32| ((f64::from(micros) / 1e3).min(EDGES_MS[BINS - 1]) + work_ms) as f32;
            self.roots.push((at, recent.newest_first().map(|micros| root(micros).sqrt().sqrt()).collect()));
            self.roots.len() - 1
        });
        &self.roots[place].1
    }
}

/// The expected time, milliseconds: the sum of the chances to be still waiting.
fn mean_ms(tail: &Tail) -> f64 {
    let mut sum = EDGES_MS[0];
    for (longer, edges) in tail.iter().zip(EDGES_MS.windows(2)) {
        sum += f64::from(*longer) * (edges[1] - edges[0]);
    }
    sum
}

fn fourth_root(ms: f64) -> f64 {
    ms.sqrt().sqrt()
}

fn times(a: &Tail, b: &Tail) -> Tail {
    core::array::from_fn(|bin| a[bin] * b[bin])
}

/// In eight lanes: the order of the sum is fixed, and compilers can vectorise it.
fn dot(a: &Tail, b: &Tail) -> f32 {
    let mut lanes = [0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rtt;

    #[test]
    fn a_steady_near_source_needs_no_race() {
        let sources = [pinged(1, [60; CALM_LEN]), pinged(2, [10; CALM_LEN])];
        assert_eq!(chosen(&sources, Effort::default()), [2]);
        let twins = [pinged(1, [10; CALM_LEN]), pinged(2, [10; CALM_LEN])];
        assert_eq!(chosen(&twins, Effort::default()).len(), 1);
    }

    #[test]
    fn two_that_are_often_fast_race_against_each_other() {
        let moody = [20, 900, 20, 900, 20, 900, 20, 900];
        let shifted = [900, 20, 900, 20, 900, 20, 900, 20];
        let sources = [pinged(1, [400; 8]), pinged(2, moody), pinged(3, shifted)];
        let choice = choose(&lent(&sources), Effort { race_max: 2, gain_min: 0.2 }).unwrap();
        assert_eq!(choice.peers.len(), 2);
        assert!(choice.peers.contains(&2) && choice.peers.contains(&3));
        assert!(choice.expected_ms < choice.single_ms);
    }

    #[test]
    fn those_slow_together_do_not_race_each_other() {
        let even: [u64; 40] = core::array::from_fn(|at| if at % 2 == 0 { 20 } else { 900 });
        let odd: [u64; 40] = core::array::from_fn(|at| if at % 2 == 0 { 910 } else { 21 });
        let sources = [pinged(1, even), pinged(2, even), pinged(3, odd)];
        let peers = chosen(&sources, Effort { race_max: 2, gain_min: 0.1 });
        assert!(peers.len() == 2 && peers.contains(&3), "{peers:?}");
    }

    #[test]
    fn a_full_queue_makes_a_near_source_far() {
        let sources = [Pinged { work_ms: 500.0, ..pinged(1, [10; CALM_LEN]) }, pinged(2, [60; CALM_LEN])];
        assert_eq!(chosen(&sources, Effort::default()), [2]);
    }

    #[test]
    fn nobody_is_asked_when_there_is_nobody() {
        assert_eq!(choose::<u32>(&[], Effort::default()), None);
        assert_eq!(chosen(&[pinged(7, [10])], Effort { race_max: 3, gain_min: 0.0 }), [7]);
    }

    #[test]
    fn a_race_never_asks_one_twice() {
        let sources: Vec<Pinged> = (0..40).map(|at| pinged(at, [10 + at, 400 - at * 5, 30, 30, 31])).collect();
        let mut peers = chosen(&sources, Effort { race_max: 3, gain_min: f64::MIN });
        peers.sort_unstable();
        peers.dedup();
        assert_eq!(peers.len(), 3);
    }

    #[test]
    fn a_source_never_measured_competes_by_its_prediction() {
        let (near, nothing) = (Spread::predicted(5.0, 0.1), Series::default());
        let far = pinged(1, [200; 20]);
        let sources =
            [lent(std::slice::from_ref(&far))[0], Source { peer: 2, spread: &near, recent: &nothing, work_ms: 0.0 }];
        assert_eq!(choose(&sources, Effort::default()).unwrap().peers, [2]);
    }

    struct Pinged {
        peer: u64,
        spread: Spread,
        recent: Series,
        work_ms: f64,
    }

    fn pinged<const N: usize>(peer: u64, ms: [u64; N]) -> Pinged {
        let recent: Series = ms.into_iter().map(|ms| Rtt::from_micros(ms * 1_000)).collect();
        Pinged { peer, spread: Spread::of(&recent).unwrap(), recent, work_ms: 0.0 }
    }

    fn lent(sources: &[Pinged]) -> Vec<Source<'_, u64>> {
        sources
            .iter()
            .map(|Pinged { peer, spread, recent, work_ms }| Source { peer: *peer, spread, recent, work_ms: *work_ms })
            .collect()
    }

    fn chosen(sources: &[Pinged], effort: Effort) -> Vec<u64> {
        choose(&lent(sources), effort).unwrap().peers
    }
}
