//! Whose turn it is to propose: in turn under authority, in proportion to power under stake.
//!
//! Pure in (list, height, round), so nobody has to remember whose turn it was. Powers are rounded to parts of
//! [`SLOTS`], at least one each, and dealt like cards: each slot goes to whoever is owed most (smooth weighted
//! round-robin, as Tendermint deals proposer priorities), so nobody's turns bunch up.

use ledger::account::AccountId;
use ledger::validators::Validators;

/// Turns in one deal: a validator with a thousandth of the power still has one.
const SLOTS: u64 = 1_024;

/// One deal, repeated for ever.
#[derive(Clone, Debug)]
pub(crate) struct Proposers(Vec<AccountId>);

impl Proposers {
    pub(crate) fn of(validators: &Validators) -> Self {
        let first = validators.get(0).map_or(0, |validator| validator.power);
        if validators.iter().all(|validator| validator.power == first) {
            return Self(validators.iter().map(|validator| validator.id).collect());
        }
        let total = u128::from(validators.total().max(1));
        let weight = |power: u64| (u128::from(power) * u128::from(SLOTS) / total).max(1) as i64;
        let mut owed: Vec<(i64, i64, AccountId)> =
            validators.iter().map(|validator| (0, weight(validator.power), validator.id)).collect();
        let slots: i64 = owed.iter().map(|(_, weight, _)| weight).sum();
        let mut deal = Vec::new();
        for _ in 0..slots {
            owed.iter_mut().for_each(|(owed, weight, _)| *owed += *weight);
            // The earliest of the list among equals.
            if let Some(next) = owed.iter_mut().rev().max_by_key(|(owed, _, _)| *owed) {
                next.0 -= slots;
                deal.push(next.2);
            }
        }
        Self(deal)
    }

    /// Who proposes; nobody if the list is empty.
    pub(crate) fn at(&self, height: u64, round: u32) -> Option<AccountId> {
        let turns = self.0.len() as u64;
        let at = height.wrapping_add(u64::from(round)).checked_rem(turns)?;
        self.0.get(usize::try_from(at).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::validators::Validator;

    fn list(powers: &[u64]) -> Validators {
        let list = powers.iter().zip(0_u8..).map(|(power, at)| Validator { id: AccountId([at; 32]), power: *power });
        Validators::new(list.collect()).expect("a list")
    }

    #[test]
    fn equals_take_turns_by_height_and_round() {
        let proposers = Proposers::of(&list(&[7, 7, 7]));
        let turns: Vec<_> = (0..4).map(|height| proposers.at(height, 1).expect("somebody").0[0]).collect();
        assert_eq!(turns, [1, 2, 0, 1]);
    }

    #[test]
    fn turns_are_in_proportion_to_power_and_do_not_bunch_up() {
        let proposers = Proposers::of(&list(&[1 << 40, 3 << 40, 4 << 40]));
        let turns: Vec<_> = (0..8).map(|height| proposers.at(height, 0).expect("somebody").0[0]).collect();
        assert_eq!([0, 1, 2].map(|who| turns.iter().filter(|turn| **turn == who).count()), [1, 3, 4]);
        assert!(turns.windows(3).all(|three| three[0] != three[1] || three[1] != three[2]), "{turns:?}");
    }

    #[test]
    fn the_smallest_has_a_turn_and_an_empty_list_has_nobody() {
        let proposers = Proposers::of(&list(&[1, 1 << 50]));
        assert!((0..2 * SLOTS).any(|height| proposers.at(height, 0) == Some(AccountId([0; 32]))));
        assert_eq!(Proposers::of(&Validators::default()).at(3, 0), None);
    }
}
