//! A seeded stream of numbers (SplitMix64, Steele, Lea and Flood 2014). Not for secrets.
//!
//! The seed comes from outside, so that every choice can be replayed; the same seed gives the same numbers on
//! every target.

use core::f64::consts::TAU;

/// The stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// A stream that depends on nothing but `seed`; neighbouring seeds give unrelated streams.
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed);
        Self(random.next_u64() ^ seed.rotate_left(32))
    }

    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..n`; 0 when `n` is 0. The bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958, the cosine half).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(TAU * self.unit())
    }

    /// Moves a uniform sample of `count` items to the front, in random order.
    pub fn choose<T>(&mut self, items: &mut [T], count: usize) {
        for at in 0..count.min(items.len()) {
            let other = at + self.below(items.len() - at);
            items.swap(at, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_same_everywhere() {
        let mut random = Random::new(7);
        let drawn = [random.next_u64(), random.next_u64()];
        assert_eq!(
            drawn,
            [Random::new(7).next_u64(), {
                let mut again = Random::new(7);
                again.next_u64();
                again.next_u64()
            }]
        );
        assert_ne!(Random::new(7), Random::new(8));
    }

    #[test]
    fn normals_have_mean_zero_and_variance_one() {
        let mut random = Random::new(1);
        let drawn: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn a_sample_has_no_item_twice() {
        let mut items: Vec<u32> = (0..50).collect();
        Random::new(3).choose(&mut items, 20);
        items[..20].sort_unstable();
        assert!(items[..20].windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Random::new(3).below(0), 0);
    }
}
