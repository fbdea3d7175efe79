//! The seal of engine work: a puzzle that takes trials to solve and one to check.
//!
//! The puzzle is Argon2d over half a MiB of the header's bytes, whose last eight are the nonce. What was aimed at stands
//! in the header and must be what the blocks before it demand: a linearly weighted average of how long the last sixty
//! took. Nothing sealed this way is ever final, and on a small network one rented machine can outvote all tabs.

use crate::hash::Digest;
use crate::header::Header;
use crate::parameters::Parameters;
use crate::wire::{Reader, Wire, WireError, wire_struct};
use argon2::{Algorithm, Argon2, Block as MemoryBlock, Params, Version};
use clock::Timestamp;

/// Blocks that say how hard the next one is.
pub const RETARGET_WINDOW: usize = 60;

/// Blocks whose median no later block may go behind.
pub const MEDIAN_WINDOW: usize = 11;

/// The deepest reorganisation that is followed; a deeper one is an alarm.
pub const REORG_MAX: u32 = 100;

/// How far ahead of this peer's clock a block may be.
pub const AHEAD_MAX_MS: u64 = 60_000;

/// The least a block is taken to have lasted.
const SOLVE_MS_MIN: u64 = 1_000;

/// Memory of one trial, KiB: 1 ms to check in a browser.
const MEMORY_KIB: u32 = 512;

/// What engine work adds to a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Puzzle {
    /// Trials that a solution takes on average.
    pub difficulty: u64,
    /// What was tried.
    pub nonce: u64,
}

wire_struct!(Puzzle { difficulty: u64, nonce: u64 });

impl Puzzle {
    /// The puzzle of a header, if it has one.
    pub fn of(header: &Header) -> Result<Self, WireError> {
        let mut input = Reader::new(&header.engine_data);
        let puzzle = Self::decode(&mut input)?;
        input.finish()?;
        Ok(puzzle)
    }

    /// Whether these bytes solve it: their value times the difficulty stays below 2^256.
    pub fn is_solved_by(&self, proof: &Digest) -> bool {
        // Big-endian limbs, the least significant first.
        let mut carry = 0_u128;
        for limb in proof.0.rchunks_exact(8) {
            let limb = limb.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
            carry = (limb * u128::from(self.difficulty) + carry) >> 64;
        }
        carry == 0 && self.difficulty > 0
    }
}

/// Memory for trials, kept from one to the next.
#[derive(Debug)]
pub struct Trial {
    memory: Vec<MemoryBlock>,
}

impl Default for Trial {
    fn default() -> Self {
        Self { memory: vec![MemoryBlock::default(); MEMORY_KIB as usize] }
    }
}

impl Trial {
    /// What the puzzle's function makes of this header, or `None` if it cannot be computed.
    pub fn run(&mut self, header: &Header) -> Option<Digest> {
        let parameters = Params::new(MEMORY_KIB, 1, 1, Some(32)).ok()?;
        let function = Argon2::new(Algorithm::Argon2d, Version::V0x13, parameters);
        let mut proof = [0; 32];
        let bytes = header.to_bytes();
        function.hash_password_into_with_memory(&bytes, header.chain.as_bytes(), &mut proof, &mut self.memory).ok()?;
        Some(Digest(proof))
    }
}

/// How hard the block after these is; the newest is the last.
///
/// Later blocks weigh more, each solve time counts as one second to six targets, and no block is more than twice or
/// less than half as hard as the one before.
pub fn next_difficulty(ancestors: &[Header], parameters: &Parameters) -> u64 {
    let recent = &ancestors[ancestors.len().saturating_sub(RETARGET_WINDOW + 1)..];
    let (mut weighted, mut weights, mut difficulties) = (0_u128, 0_u128, 0_u128);
    let target = parameters.work_interval_ms;
    let (mut count, mut newest) = (0_u128, None);
    for (pair, weight) in recent.windows(2).zip(1_u128..) {
        let Ok(puzzle) = Puzzle::of(&pair[1]) else { continue };
        let solve = pair[1].timestamp.as_millis().saturating_sub(pair[0].timestamp.as_millis());
        let solve = solve.clamp(SOLVE_MS_MIN.min(target), target.saturating_mul(6));
        weighted += weight * u128::from(solve);
        weights += weight;
        difficulties += u128::from(puzzle.difficulty);
        count += 1;
        newest = Some(puzzle.difficulty);
    }
    let Some(newest) = newest else { return parameters.work_difficulty };
    // The average difficulty, times how much too fast the blocks came.
    let next = (difficulties / count).saturating_mul(weights * u128::from(target)) / weighted.max(1);
    let next = u64::try_from(next).unwrap_or(u64::MAX);
    next.clamp((newest / 2).max(1), newest.saturating_mul(2))
}

/// The median of the last timestamps: the next one must be later.
pub fn median_time(ancestors: &[Header]) -> Timestamp {
    let mut times: Vec<_> = ancestors.iter().rev().take(MEDIAN_WINDOW).map(|header| header.timestamp).collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// How likely it is that a block this deep is undone by an attacker with a third of all trials, in millionths.
///
/// The bound (1/2)^depth: an attacker with share q of the trials catches up from depth z with probability (q/(1-q))^z.
pub const fn reversal_millionths(depth: u64) -> u32 {
    if depth >= 20 { 1 } else { 1_000_000 >> depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn puzzle(difficulty: u64) -> Puzzle {
        Puzzle { difficulty, nonce: 0 }
    }

    #[test]
    fn solution_is_below_two_to_the_256_by_the_difficulty() {
        let mut half = [0; 32];
        half[0] = 0x80;
        assert!(puzzle(1).is_solved_by(&Digest([0xff; 32])));
        assert!(!puzzle(2).is_solved_by(&Digest(half)), "exactly the target is not below it");
        half[0] = 0x7f;
        assert!(puzzle(2).is_solved_by(&Digest(half)));
        assert!(!puzzle(0).is_solved_by(&Digest([0; 32])));
        assert!(puzzle(u64::MAX).is_solved_by(&Digest([0; 32])));
    }
}
