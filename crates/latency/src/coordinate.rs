//! Where a peer stands, as it says itself: five dimensions and a height.
//!
//! The distance between two coordinates predicts the round trip between peers that never measured each other.
//! The height is the part of every round trip spent before the open network is reached (Dabek et al., "Vivaldi",
//! SIGCOMM 2004). Everything is whole microseconds within bounds: a claim of infinity or of no number cannot be
//! written down, and the farthest claim is [`EXTENT_MAX`] away.

use crate::Rtt;

/// Dimensions besides the height. Two and three lose accuracy on PlanetLab and on personal devices; more than
/// five gains nothing on either.
pub const DIMENSIONS: usize = 5;

/// The largest component, microseconds: longer than any round trip worth waiting for.
pub const EXTENT_MAX: i32 = 10_000_000;

/// The smallest height, microseconds. Zero would make two peers of one site infinitely close on a log scale.
pub const HEIGHT_MIN: u32 = 10;

/// Bytes of an encoded coordinate, small enough to ride on every ping.
pub const COORDINATE_LEN: usize = 4 * DIMENSIONS + 4 + 2;

/// A peer's position and how sure it is of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coordinate {
    position_us: [i32; DIMENSIONS],
    height_us: u32,
    error_permille: u16,
}

/// Why bytes are no coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoordinateError {
    /// Fewer or more bytes than [`COORDINATE_LEN`].
    #[error("coordinate of {found} bytes, expected {COORDINATE_LEN}")]
    WrongLength { found: usize },
    /// Some component is beyond [`EXTENT_MAX`], or the height is below [`HEIGHT_MIN`].
    #[error("component {0} out of bounds")]
    OutOfBounds(i64),
}

impl Coordinate {
    /// A coordinate from microseconds; the error is the typical relative error of its predictions, per mille.
    pub fn new(position_us: [i32; DIMENSIONS], height_us: u32, error_permille: u16) -> Result<Self, CoordinateError> {
        if let Some(far) = position_us.iter().find(|x| x.unsigned_abs() > EXTENT_MAX.unsigned_abs()) {
            return Err(CoordinateError::OutOfBounds(i64::from(*far)));
        }
        if !(HEIGHT_MIN..=EXTENT_MAX.unsigned_abs()).contains(&height_us) {
            return Err(CoordinateError::OutOfBounds(i64::from(height_us)));
        }
        Ok(Self { position_us, height_us, error_permille })
    }

    /// The nearest coordinate to these milliseconds; what is no number becomes zero.
    pub(crate) fn from_ms(position: [f64; DIMENSIONS], height: f64, error: f64) -> Self {
        // `as` saturates and maps NaN to zero, which is what we want of a bound.
        let clamp = |ms: f64| ((ms * 1e3) as i32).clamp(-EXTENT_MAX, EXTENT_MAX);
        Self {
            position_us: position.map(clamp),
            height_us: ((height * 1e3) as u32).clamp(HEIGHT_MIN, EXTENT_MAX.unsigned_abs()),
            error_permille: (error * 1e3) as u16,
        }
    }

    /// The position in milliseconds.
    pub fn position_ms(&self) -> [f64; DIMENSIONS] {
        self.position_us.map(|us| f64::from(us) / 1e3)
    }

    /// The height in milliseconds.
    pub fn height_ms(&self) -> f64 {
        f64::from(self.height_us) / 1e3
    }

    /// The typical relative error its owner claims.
    pub fn error(&self) -> f64 {
        f64::from(self.error_permille) / 1e3
    }

    /// The predicted round trip between two peers.
    pub fn rtt_to(&self, other: &Self) -> Rtt {
        Rtt::from_micros((self.distance_ms(other) * 1e3) as u64)
    }

    /// The predicted round trip in milliseconds.
    pub fn distance_ms(&self, other: &Self) -> f64 {
        self.plane_distance_ms(other) + self.height_ms() + other.height_ms()
    }

    /// How differently two peers see the network, milliseconds, whatever lies between themselves.
    ///
    /// Peers of one site stand at the same place and at the same height. When the height is large, their
    /// distance says "far", though they may share a switch: only a probe can tell, and this says which.
    pub fn unlikeness_ms(&self, other: &Self) -> f64 {
        self.plane_distance_ms(other) + 0.5 * (self.height_ms() - other.height_ms()).abs()
    }

    fn plane_distance_ms(&self, other: &Self) -> f64 {
        let mut squares = 0.0;
        for (a, b) in self.position_us.iter().zip(&other.position_us) {
            let apart = f64::from(a - b) / 1e3;
            squares += apart * apart;
        }
        squares.sqrt()
    }

    /// Components, height and error, little-endian.
    pub fn to_bytes(&self) -> [u8; COORDINATE_LEN] {
        let mut bytes = [0; COORDINATE_LEN];
        let fields = self.position_us.iter().map(|x| x.to_le_bytes()).chain([self.height_us.to_le_bytes()]);
        for (place, field) in bytes.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field);
        }
        bytes[COORDINATE_LEN - 2..].copy_from_slice(&self.error_permille.to_le_bytes());
        bytes
    }

    /// What [`Self::to_bytes`] wrote, checked.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CoordinateError> {
        let bytes: &[u8; COORDINATE_LEN] =
            bytes.try_into().map_err(|_| CoordinateError::WrongLength { found: bytes.len() })?;
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let position = core::array::from_fn(|d| i32::from_le_bytes(word(4 * d)));
        let height = u32::from_le_bytes(word(4 * DIMENSIONS));
        let error = u16::from_le_bytes([bytes[COORDINATE_LEN - 2], bytes[COORDINATE_LEN - 1]]);
        Self::new(position, height, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn distance_is_plane_plus_both_heights() {
        let a = Coordinate::new([3_000, 0, 0, 0, 0], 1_000, 0).unwrap();
        let b = Coordinate::new([0, 4_000, 0, 0, 0], 2_000, 0).unwrap();
        assert_eq!(a.rtt_to(&b), Rtt::from_micros(8_000));
        assert_eq!(a.unlikeness_ms(&b), 5.5);
    }

    #[test]
    fn no_number_is_no_claim() {
        let nowhere = Coordinate::from_ms([f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, 1.0], f64::NAN, f64::NAN);
        assert_eq!(Coordinate::from_bytes(&nowhere.to_bytes()), Ok(nowhere));
    }

    proptest! {
        #[test]
        fn prop_bytes_are_a_coordinate_in_bounds_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            match Coordinate::from_bytes(&bytes) {
                Ok(coordinate) => {
                    prop_assert_eq!(&coordinate.to_bytes()[..], &bytes[..]);
                    prop_assert!(coordinate.height_ms() > 0.0 && coordinate.distance_ms(&coordinate).is_finite());
                }
                Err(CoordinateError::WrongLength { found }) => prop_assert_eq!(found, bytes.len()),
                Err(CoordinateError::OutOfBounds(_)) => {}
            }
        }
    }
}
