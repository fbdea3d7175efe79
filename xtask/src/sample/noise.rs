//! Chance that is the same everywhere: numbers from a seed, and smooth noise over a line or a plane.
//!
//! No system randomness and no platform's mathematics, so that one source gives one picture, byte for byte.

/// Numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// From 0 to 1, without 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }

    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// About normal, mean 0 and deviation 1: six dice, so never beyond 4.3.
    pub(super) fn bell(&mut self) -> f32 {
        let sum: f32 = (0..6).map(|_| self.unit()).sum();
        (sum - 3.0) * core::f32::consts::SQRT_2
    }
}

fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Smooth noise, from -1 to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self(mixed(seed ^ 0x5DEE_CE66_D1CE_4E5B))
    }

    /// One octave over the plane: corners of the grid have values, between them it is smooth.
    pub(super) fn at(self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (u, v) = (smooth(x - left), smooth(y - top));
        let (left, top) = (left as i64, top as i64);
        let upper = mix(self.corner(left, top), self.corner(left + 1, top), u);
        let lower = mix(self.corner(left, top + 1), self.corner(left + 1, top + 1), u);
        mix(upper, lower, v)
    }

    /// Several octaves, each twice as fine and half as strong.
    pub(super) fn rough(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut scale, mut strength) = (0.0, 1.0, 0.5);
        for octave in 0..octaves {
            sum += strength * Self(self.0.wrapping_add(u64::from(octave))).at(x * scale, y * scale);
            scale *= 2.0;
            strength *= 0.5;
        }
        sum
    }

    fn corner(self, x: i64, y: i64) -> f32 {
        let place = (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        (mixed(self.0 ^ place) >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    }
}

/// From 0 to 1 without a kink at either end.
pub(super) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

pub(super) fn mix(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_stays_in_bounds_and_has_no_jumps() {
        let noise = Noise::new(7);
        let line: Vec<f32> = (0..4_000).map(|step| noise.at(step as f32 * 0.01 - 20.0, 3.3)).collect();
        assert!(line.iter().all(|value| value.abs() <= 1.0));
        assert!(line.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.05));
        assert!(line.iter().any(|value| *value > 0.3) && line.iter().any(|value| *value < -0.3));
    }
}
