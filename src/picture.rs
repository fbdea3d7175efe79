//! The geometry of the network picture (and of the horizon, its slice): where things stand, never how they are drawn.
//!
//! Distance is the logarithm of a measured round trip, angle means nothing and never changes while a peer is shown.
//! Lengths are CSS pixels, angles degrees clockwise from 12 o'clock, round trips ms.

pub mod horizon;
pub mod labels;
pub mod scene;
pub mod slots;
pub mod wing;

/// Round trips that get a ring.
pub const RINGS: [f64; 4] = [10.0, 30.0, 100.0, 300.0];
/// The scale ends here on both sides: what is nearer or farther stands at the end.
pub const NEAREST_MS: f64 = 3.0;
pub const FARTHEST_MS: f64 = 600.0;
/// A tab has this many neighbours with a link on the picture, as a starling in a flock watches seven.
pub const NEIGHBOURS: usize = 7;

/// Maps round trips to distances from this tab.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Distance of [`NEAREST_MS`].
    pub inner: f64,
    /// Distance of [`FARTHEST_MS`].
    pub outer: f64,
}

impl Scale {
    /// The scale of a round picture with this shorter side.
    pub fn round(side: f64) -> Self {
        match side < 480.0 {
            true => Self { inner: 22.0, outer: (side / 2.0 - 12.0).max(23.0) },
            false => Self { inner: 40.0, outer: side / 2.0 - 30.0 },
        }
    }

    /// Distance of a round trip.
    pub fn radius(self, ms: f64) -> f64 {
        let part = (ms.clamp(NEAREST_MS, FARTHEST_MS) / NEAREST_MS).ln() / (FARTHEST_MS / NEAREST_MS).ln();
        self.inner + (self.outer - self.inner) * part
    }
}

/// A point of a picture; y grows downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    /// `distance` away, `angle` degrees clockwise from 12 o'clock.
    pub fn away(self, angle: f64, distance: f64) -> Self {
        let (sin, cos) = angle.to_radians().sin_cos();
        Self { x: self.x + distance * sin, y: self.y - distance * cos }
    }

    /// The point `part` of the way to `other`.
    pub fn towards(self, other: Self, part: f64) -> Self {
        Self { x: self.x + (other.x - self.x) * part, y: self.y + (other.y - self.y) * part }
    }
}

/// What a shape on the picture says. Shape means path; colour only repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Direct,
    Relayed,
    Connecting,
    Gone,
    Relay,
}

impl Kind {
    /// Its class in the style sheet, and the value of `data-path` for peers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
            Self::Connecting => "connecting",
            Self::Gone => "gone",
            Self::Relay => "relay",
        }
    }
}

/// The ticks of a ruler: `(round trip, is a ring)`, logarithmic like the rings.
pub fn ticks() -> impl Iterator<Item = (f64, bool)> {
    [1.0, 10.0, 100.0]
        .into_iter()
        .flat_map(|decade| (1..10).map(move |step| decade * f64::from(step)))
        .filter(|ms| (NEAREST_MS..=FARTHEST_MS).contains(ms))
        .map(|ms| (ms, RINGS.contains(&ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_logarithmic_and_clamped() {
        let scale = Scale::round(700.0);
        assert_eq!(scale.radius(3.0), 40.0);
        assert_eq!(scale.radius(0.1), 40.0);
        assert!((scale.radius(600.0) - 320.0).abs() < 1e-9);
        assert!((scale.radius(9000.0) - 320.0).abs() < 1e-9);
        let (near, far) = (scale.radius(30.0) - scale.radius(10.0), scale.radius(300.0) - scale.radius(100.0));
        assert!((near - far).abs() < 1e-9, "a factor of three is as far everywhere");
    }

    #[test]
    fn twelve_o_clock_is_up_and_three_is_right() {
        let up = Point::default().away(0.0, 10.0);
        assert!(up.x.abs() < 1e-9 && (up.y + 10.0).abs() < 1e-9);
        let right = Point::default().away(90.0, 10.0);
        assert!((right.x - 10.0).abs() < 1e-9 && right.y.abs() < 1e-9);
    }

    #[test]
    fn the_ruler_has_a_tick_at_every_ring() {
        assert_eq!(ticks().filter(|(_, ring)| *ring).map(|(ms, _)| ms).collect::<Vec<_>>(), RINGS);
        assert_eq!(ticks().count(), 7 + 9 + 6);
    }
}
