//! How much: credits, counted in units.
//!
//! One unit pays for one KiB of verified bytes at the base price; a screen shows 1,024 units as one credit. Arithmetic
//! is checked: what would overflow or overdraw is `None`, and makes a transaction inapplicable.

use crate::wire::wire_newtype;
use core::fmt;

/// All the credit there is, and ever will be: 2^50 units, below 2^53 so that JavaScript's numbers hold it exactly.
pub const SUPPLY: Credits = Credits(1 << 50);

/// An amount of credit, in units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits(pub u64);

wire_newtype!(Credits(u64));

impl Credits {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `self + rhs`, or `None` past the end of numbers.
    pub const fn checked_add(self, rhs: Self) -> Option<Self> {
        match self.0.checked_add(rhs.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// `self - rhs`, or `None` if that would be an overdraft.
    pub const fn checked_sub(self, rhs: Self) -> Option<Self> {
        match self.0.checked_sub(rhs.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// `self * count`, or `None` past the end of numbers.
    pub const fn checked_mul(self, count: u64) -> Option<Self> {
        match self.0.checked_mul(count) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }

    /// `self - rhs`, or nothing.
    pub const fn saturating_sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }

    /// The share `permyriad / 10,000`, rounded up.
    pub const fn share_up(self, permyriad: u64) -> Self {
        // The product of two 64-bit numbers fits 128 bits, and a share of at most 10,000 fits 64 again.
        Self((self.0 as u128 * permyriad as u128).div_ceil(10_000) as u64)
    }

    /// The share `permyriad / 10,000`, rounded down.
    pub const fn share_down(self, permyriad: u64) -> Self {
        Self((self.0 as u128 * permyriad as u128 / 10_000) as u64)
    }

    /// All of them together, or `None` past the end of numbers.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} units", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overdraft_and_overflow_are_none() {
        assert_eq!(Credits(1).checked_sub(Credits(2)), None);
        assert_eq!(Credits(u64::MAX).checked_add(Credits(1)), None);
        assert_eq!(Credits(u64::MAX).checked_mul(2), None);
        assert_eq!(Credits::checked_sum([Credits(u64::MAX), Credits(1)]), None);
    }

    #[test]
    fn shares_round_the_way_they_say() {
        assert_eq!(Credits(1).share_up(100), Credits(1));
        assert_eq!(Credits(1).share_down(100), Credits(0));
        assert_eq!(Credits(10_000).share_up(100), Credits(100));
        assert_eq!(Credits(u64::MAX).share_up(10_000), Credits(u64::MAX));
    }
}
