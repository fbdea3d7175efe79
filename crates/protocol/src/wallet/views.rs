//! The account in the screen's words.

use super::Wallet;
use super::joining::Joining;
use crate::notices::millis;
use crate::snapshot::{AccountState, CreditAccountView, DeniedView};
use clock::Time;
use ledger::question::Denial;

impl Wallet {
    pub(crate) fn view(&self, now: Time) -> CreditAccountView {
        let (mut denied, mut again_ms) = (None, None);
        let state = match (self.account, self.known) {
            (None, _) => AccountState::None,
            (Some(_), None) => AccountState::Looking,
            (Some(_), Some(known)) if known.account.is_some() => AccountState::There,
            (Some(_), Some(_)) => match &self.joining {
                Joining::Idle | Joining::Asked => AccountState::Asking,
                Joining::Solving(_) => AccountState::Solving,
                Joining::Solved { .. } | Joining::Brought(_) | Joining::Admitted => AccountState::Joining,
                Joining::Again { why: None, .. } => AccountState::Asking,
                Joining::Again { why: Some(why), at } => {
                    denied = Some(match why {
                        Denial::NoneLeft => DeniedView::NoneLeft,
                        Denial::Network => DeniedView::Network,
                        Denial::TooOften | Denial::Stale | Denial::Stamp | Denial::There => DeniedView::TooOften,
                    });
                    again_ms = Some(millis(*at - now));
                    AccountState::Refused
                }
            },
        };
        CreditAccountView {
            state,
            id: self.account.map_or_else(String::new, |account| account.to_string()),
            lasting: self.lasting,
            denied,
            again_ms,
            under_way: self.waiting.len() + usize::from(self.sending.is_some()),
        }
    }
}
