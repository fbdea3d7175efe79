//! What exploring by duplicates may cost.
//!
//! Asking two sources for the same buys a shorter wait and a measurement of both. It is paid from a budget that grows
//! with what is fetched, so that it stays a small share of all bytes whatever the races bring.

/// The share of all useful bytes that may come twice: one in fifty.
pub const DUPLICATES_PER_USEFUL: u64 = 50;

/// What may come twice before anything was fetched: the first items are the ones a newcomer waits for.
pub const DUPLICATES_FIRST: u64 = 1024 * 1024;

/// Bytes that were of use, and those that came in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    useful: u64,
    duplicate: u64,
}

impl Budget {
    /// Bytes came; the duplicate ones were of no use.
    pub fn observe(&mut self, useful: u64, duplicate: u64) {
        self.useful = self.useful.saturating_add(useful);
        self.duplicate = self.duplicate.saturating_add(duplicate);
    }

    /// Whether `bytes` may come twice, all of them.
    pub fn affords(&self, bytes: u64) -> bool {
        self.duplicate.saturating_add(bytes) <= self.limit()
    }

    /// What may have come twice by now.
    pub fn limit(&self) -> u64 {
        DUPLICATES_FIRST.saturating_add(self.useful / DUPLICATES_PER_USEFUL)
    }

    /// What did.
    pub fn spent(&self) -> u64 {
        self.duplicate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_stay_a_small_share_of_what_is_fetched() {
        let mut budget = Budget::default();
        let item = 256 * 1024;
        let mut races = 0;
        for _ in 0..1_000 {
            let race = budget.affords(item);
            races += u64::from(race);
            budget.observe(item, if race { item } else { 0 });
        }
        assert!(budget.spent() <= budget.limit());
        let share = 1_000 / DUPLICATES_PER_USEFUL;
        assert!((share..=share + DUPLICATES_FIRST / item).contains(&races), "{races}");
    }

    #[test]
    fn a_race_that_cost_nothing_takes_nothing() {
        let mut budget = Budget::default();
        for _ in 0..100 {
            assert!(budget.affords(DUPLICATES_FIRST));
            budget.observe(DUPLICATES_FIRST, 0);
        }
        assert!(!budget.affords(u64::MAX));
    }
}
