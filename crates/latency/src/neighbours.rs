//! Which neighbours to have: near ones, so that news is fast, and random ones, so that the overlay holds together.
//!
//! At the start half of the links go to the nearest predicted peers and half to random ones. Later each node sees
//! by which link news arrives first and how much later by the others; it keeps the links that together bring
//! everything soonest and exchanges the rest (after Perigee, Mao et al., PODC 2020). Links others opened to us
//! count as there already, so that we do not keep a second road to the same place. The random links in
//! [`ANCHORS`] are never judged: nearest-only overlays fall into islands that cannot even see that they did.

use crate::Random;

/// Links a node opens.
pub const LINKS_OPENED: usize = 8;

/// Links of others a node accepts, at most.
pub const LINKS_ACCEPTED_MAX: usize = 20;

/// Of the links opened, those to the nearest at the start; the others are random.
pub const LINKS_NEAR: usize = 4;

/// Random links that stay as they are.
pub const ANCHORS: usize = 2;

/// Links kept in one rewiring; the others are exchanged.
pub const LINKS_KEPT: usize = 5;

/// Of the new links, this share goes to anybody, the others to [`NEAR_POOL`].
const ANYBODY_SHARE: f64 = 0.2;

/// The nearest predicted peers that new links are drawn from.
pub const NEAR_POOL: usize = 60;

/// News a link brought later than this, or never, counts as this late, milliseconds.
pub const LATENESS_MAX_MS: f64 = 100.0;

/// Whom to ask for links, in this order, until [`LINKS_OPENED`] accepted: the first return value are random peers
/// for the random share (whose first [`ANCHORS`] become anchors), the second the nearest for the rest.
pub fn first_links<P: Copy + Ord>(nearest_first: &[P], random: &mut Random) -> (Vec<P>, Vec<P>) {
    let mut anybody = nearest_first.to_vec();
    let count = anybody.len();
    random.choose(&mut anybody, count);
    (anybody, nearest_first.to_vec())
}

/// A peer to try in place of a dropped link.
pub fn explore<P: Copy + Ord>(nearest_first: &[P], random: &mut Random) -> Option<P> {
    let pool = if random.unit() < ANYBODY_SHARE { nearest_first.len() } else { nearest_first.len().min(NEAR_POOL) };
    nearest_first.get(random.below(pool)).copied()
}

/// When each piece of news came by each link.
#[derive(Clone, Debug)]
pub struct Arrivals<P> {
    links: Vec<P>,
    /// How much later than by the first link, milliseconds; one row per link, one column per news.
    lateness_ms: Vec<Vec<f32>>,
}

impl<P: Copy + Ord> Arrivals<P> {
    /// Nothing heard yet over these links.
    pub fn new(links: Vec<P>) -> Self {
        let lateness_ms = links.iter().map(|_| Vec::new()).collect();
        Self { links, lateness_ms }
    }

    /// One piece of news: when each link brought it, milliseconds on our own clock, or never. News that only one
    /// link can have brought says nothing and is kept all the same: it says the others did not.
    pub fn on_news(&mut self, arrived_ms: &[Option<f64>]) {
        let arrived = |at: usize| arrived_ms.get(at).copied().flatten().filter(|ms| ms.is_finite());
        let first = (0..self.links.len()).filter_map(arrived).fold(f64::INFINITY, f64::min);
        if first == f64::INFINITY {
            return;
        }
        for (at, row) in self.lateness_ms.iter_mut().enumerate() {
            let late = arrived(at).map_or(LATENESS_MAX_MS, |ms| (ms - first).min(LATENESS_MAX_MS));
            row.push(late as f32);
        }
    }

    /// Which of `own` to keep: the anchors, and then one after the other the link that makes everything arrive
    /// soonest on average, until `keep`.
    pub fn keep(&self, own: &[P], anchors: &[P], keep: usize) -> Vec<P> {
        let news = self.lateness_ms.first().map_or(0, Vec::len);
        let mut soonest = vec![LATENESS_MAX_MS as f32; news];
        for (link, row) in self.links.iter().zip(&self.lateness_ms) {
            if !own.contains(link) || anchors.contains(link) {
                lower(&mut soonest, row);
            }
        }
        let mut kept: Vec<P> = own.iter().copied().filter(|link| anchors.contains(link)).collect();
        let mut rest: Vec<(P, &Vec<f32>)> = self
            .links
            .iter()
            .copied()
            .zip(&self.lateness_ms)
            .filter(|(link, _)| own.contains(link) && !anchors.contains(link))
            .collect();
        while kept.len() < keep && !rest.is_empty() {
            let cost =
                |row: &[f32]| soonest.iter().zip(row).map(|(best, late)| f64::from(best.min(*late))).sum::<f64>();
            let costs: Vec<f64> = rest.iter().map(|(_, row)| cost(row)).collect();
            let best = (0..rest.len()).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).unwrap_or(0);
            let (link, row) = rest.remove(best);
            lower(&mut soonest, row);
            kept.push(link);
        }
        kept
    }
}

fn lower(soonest: &mut [f32], row: &[f32]) {
    for (best, late) in soonest.iter_mut().zip(row) {
        *best = best.min(*late);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_that_brings_what_nobody_else_brings_is_kept() {
        let mut arrivals = Arrivals::new(vec![1, 2, 3]);
        for news in 0..10 {
            // 1 is always a little earlier than 2; only 3 brings every fifth piece at all.
            let usual = news % 5 != 0;
            arrivals.on_news(&[usual.then_some(10.0), usual.then_some(11.0), (!usual).then_some(50.0)]);
        }
        assert_eq!(arrivals.keep(&[1, 2, 3], &[], 2), [1, 3]);
    }

    #[test]
    fn what_an_accepted_link_brings_already_needs_no_link_of_ours() {
        let mut arrivals = Arrivals::new(vec![1, 2, 9]);
        for news in 0..10 {
            let even = news % 2 == 0;
            arrivals.on_news(&[even.then_some(0.0), (!even).then_some(5.0), even.then_some(1.0)]);
        }
        assert_eq!(arrivals.keep(&[1, 2], &[], 1), [2]);
    }

    #[test]
    fn anchors_stay_however_late_they_are() {
        let mut arrivals = Arrivals::new(vec![1, 2, 3]);
        arrivals.on_news(&[Some(0.0), Some(1.0), Some(99.0)]);
        assert_eq!(arrivals.keep(&[1, 2, 3], &[3], 2), [3, 1]);
        assert_eq!(arrivals.keep(&[], &[3], 2), [0i32; 0]);
    }

    #[test]
    fn clocks_that_jump_and_news_from_nowhere_do_no_harm() {
        let mut arrivals = Arrivals::new(vec![1, 2]);
        arrivals.on_news(&[None, None]);
        arrivals.on_news(&[Some(f64::NAN), Some(f64::INFINITY)]);
        arrivals.on_news(&[Some(-1e12), Some(1e12)]);
        assert_eq!(arrivals.keep(&[1, 2], &[], 1), [1]);
    }

    #[test]
    fn exploration_prefers_the_near_and_reaches_everybody() {
        let nearest_first: Vec<usize> = (0..500).collect();
        let mut random = Random::new(2);
        let tried: Vec<usize> = (0..2_000).filter_map(|_| explore(&nearest_first, &mut random)).collect();
        let near = tried.iter().filter(|peer| **peer < NEAR_POOL).count();
        assert!(near > 1_500 && tried.iter().any(|peer| *peer > 400));
        assert_eq!(explore::<u8>(&[], &mut random), None);
    }
}
