//! A newcomer's way to credit: ask an issuer, solve its stamp, bring the ticket to a block.
//!
//! All of it runs beside everything else: whoever waits for credit, or is refused it, fetches and serves all the same.

use super::sending::Waiting;
use super::{Asked, PAUSE, Wallet};
use crate::chain::{Following, Wrong};
use crate::outbox::Outbox;
use crate::{Directory, Output};
use clock::Time;
use core::time::Duration;
use ledger::account::AccountId;
use ledger::question::{Answer, Denial, Question};
use ledger::stamp::{BITS_MAX, Stamp};
use ledger::transaction::Body;

/// The least time between two tries.
const RETRY_MIN: Duration = Duration::from_secs(2);

/// The longest; an issuer may ask for more patience than anybody has.
const RETRY_MAX: Duration = Duration::from_secs(60 * 60);

/// After an answer that makes no sense, from a relay without a chain or a worker that failed.
const RETRY_SECS: u32 = 60;

/// How far it is.
#[derive(Debug, Default)]
pub(super) enum Joining {
    /// Nothing is asked: there is an account, or nobody knows yet.
    #[default]
    Idle,
    Asked,
    Solving(Stamp),
    /// To be brought as soon as there is a source.
    Solved {
        stamp: Stamp,
        counter: u64,
        at: Time,
    },
    Brought(Stamp),
    /// The ticket is here, and on its way into a block.
    Admitted,
    /// Again after a while. `why` is what the person is told.
    Again {
        why: Option<Denial>,
        at: Time,
    },
}

impl Joining {
    pub(super) const fn next_deadline(&self) -> Option<Time> {
        match self {
            Self::Solved { at, .. } | Self::Again { at, .. } => Some(*at),
            Self::Idle | Self::Asked | Self::Solving(_) | Self::Brought(_) | Self::Admitted => None,
        }
    }

    fn again(now: Time, why: Option<Denial>, secs: u32) -> Self {
        Self::Again { why, at: now + Duration::from_secs(secs.into()).clamp(RETRY_MIN, RETRY_MAX) }
    }

    fn denied(now: Time, answer: Option<Answer>) -> Self {
        match answer {
            // Another tab of this account was faster, or it has to begin anew: nothing to tell anybody.
            Some(Answer::Denied(Denial::There | Denial::Stale | Denial::Stamp, secs)) => Self::again(now, None, secs),
            Some(Answer::Denied(why, secs)) => Self::again(now, Some(why), secs),
            Some(_) => Self::again(now, None, RETRY_SECS),
            None => Self::again(now, None, 0),
        }
    }
}

impl Wallet {
    /// Joins if it is proved that there is no account.
    pub(super) fn join(&mut self, now: Time, account: AccountId, chain: &mut Following, out: &mut Outbox) {
        let Some(known) = self.known else { return };
        if known.account.is_some() {
            return self.joining = Joining::Idle;
        }
        match &self.joining {
            Joining::Idle => self.ask_stamp(account, chain, out),
            Joining::Again { at, .. } if *at <= now => self.ask_stamp(account, chain, out),
            Joining::Solved { stamp, counter, at } if *at <= now => {
                let (stamp, counter) = (*stamp, *counter);
                self.joining = match chain.errand(Question::Stamped { stamp, counter }, out) {
                    Some(ask) => {
                        self.asked.insert(ask, Asked::Ticket);
                        Joining::Brought(stamp)
                    }
                    None => Joining::Solved { stamp, counter, at: now + PAUSE },
                };
            }
            // The ticket came to nothing: too late, or its serial was used.
            Joining::Admitted if self.sending.is_none() && self.waiting.is_empty() => {
                self.joining = Joining::again(now, None, 0);
            }
            Joining::Asked
            | Joining::Solving(_)
            | Joining::Solved { .. }
            | Joining::Brought(_)
            | Joining::Admitted
            | Joining::Again { .. } => {}
        }
    }

    fn ask_stamp(&mut self, account: AccountId, chain: &mut Following, out: &mut Outbox) {
        if let Some(ask) = chain.errand(Question::Admission { account }, out) {
            self.asked.insert(ask, Asked::Admission);
            self.joining = Joining::Asked;
        }
    }

    pub(super) fn on_stamp(&mut self, now: Time, answer: Option<Answer>, out: &mut Outbox) {
        if !matches!(self.joining, Joining::Asked) {
            return;
        }
        self.joining = match answer {
            Some(Answer::Stamp(stamp)) if stamp.bits <= BITS_MAX && Some(stamp.account) == self.account => {
                out.push(Output::Solve { stamp });
                Joining::Solving(stamp)
            }
            answer => Joining::denied(now, answer),
        };
    }

    /// The worker is done, or cannot.
    pub(crate) fn on_solved(&mut self, now: Time, stamp: Stamp, counter: Option<u64>) {
        if matches!(self.joining, Joining::Solving(asked) if asked == stamp) {
            self.joining = match counter {
                Some(counter) => Joining::Solved { stamp, counter, at: now },
                None => Joining::again(now, None, RETRY_SECS),
            };
        }
    }

    pub(super) fn on_ticket(&mut self, now: Time, at: Directory, answer: Option<Answer>, chain: &mut Following) {
        let (Joining::Brought(stamp), Some(account)) = (&self.joining, self.account) else { return };
        let issuer = stamp.issuer;
        self.joining = match answer {
            Some(Answer::Ticket(ticket)) => {
                let is_ours = ticket.admission.account == account && ticket.admission.issuer == issuer;
                if is_ours && chain.rules().is_some_and(|rules| ticket.is_signed(&rules.chain)) {
                    self.waiting.push_front(Waiting { wish: None, body: Body::Admit(ticket) });
                    Joining::Admitted
                } else {
                    chain.refuse(now, at, Wrong::Answer);
                    Joining::again(now, None, 0)
                }
            }
            answer => Joining::denied(now, answer),
        };
    }
}
