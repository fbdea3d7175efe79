//! One transaction at a time, from the wish to the proof that a block has it.
//!
//! ```text
//! unsigned --(nonce proved, account signs)--> signed --(nonce used)--> looked for --> final
//!     ^                                        |  ^ |                       |
//!     '-----(another tab had the nonce)--------'  '-' sent again          not ours
//! ```
//!
//! What was sent and is not in a block is sent again: a relay that was restarted has forgotten it, and a second copy
//! changes nothing.

use super::{Asked, PAUSE, Signing, Wallet};
use crate::Directory;
use crate::chain::Following;
use crate::credit::{LedgerNews, WishToken};
use crate::outbox::Outbox;
use clock::Time;
use core::time::Duration;
use ledger::account::AccountId;
use ledger::question::{Answer, Question, Refusal};
use ledger::signing::{Purpose, Signature, signed_bytes};
use ledger::transaction::{Body, SignedTransaction, Transaction};

/// Blocks that a signed transaction is good for: a minute at the fastest, half an hour on an idle chain.
const LIFE: u64 = 60;

/// How long after it was sent it is sent again, if no block has it.
const AGAIN: Duration = Duration::from_secs(5);

/// How often an admission is refused before it begins anew: a block takes a limited number of newcomers.
const TRIES_MAX: u8 = 10;

/// What waits for its turn.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Whose wish it is; an admission is nobody's but ours.
    pub(super) wish: Option<WishToken>,
    pub(super) body: Body,
}

/// The one that is under way.
#[derive(Debug)]
pub(super) struct Sending {
    wish: Option<WishToken>,
    body: Body,
    step: Step,
    tries: u8,
}

#[derive(Debug)]
enum Step {
    /// Signed as soon as the account is proved at this height or above.
    Unsigned {
        after: u64,
    },
    Signing,
    /// To be sent, perhaps again, at this time.
    Signed {
        transaction: Box<SignedTransaction>,
        at: Time,
    },
    /// A relay was asked to take it.
    Sent {
        transaction: Box<SignedTransaction>,
    },
    /// Its nonce is used, by it or by another tab's: looked for at this time.
    Used {
        transaction: Box<SignedTransaction>,
        at: Option<Time>,
    },
}

impl Sending {
    pub(super) fn next_deadline(&self) -> Option<Time> {
        match &self.step {
            Step::Signed { at, .. } => Some(*at),
            Step::Used { at, .. } => *at,
            Step::Unsigned { .. } | Step::Signing | Step::Sent { .. } => None,
        }
    }

    fn is_admission(&self) -> bool {
        matches!(self.body, Body::Admit(_))
    }
}

impl Wallet {
    /// Moves the transaction under way, or begins the next.
    pub(super) fn send(&mut self, now: Time, account: AccountId, chain: &mut Following, out: &mut Outbox) {
        self.notice_use();
        if self.sending.is_none() {
            let next = self.waiting.pop_front();
            let step = Step::Unsigned { after: 0 };
            self.sending = next.map(|Waiting { wish, body }| Sending { wish, body, step, tries: 0 });
        }
        let (Some(known), Some(rules)) = (self.known, chain.rules()) else { return };
        let id = rules.chain;
        let Some(sending) = &mut self.sending else { return };
        if let Step::Signed { transaction, .. } = &sending.step
            && known.height > transaction.transaction().valid_until
        {
            sending.step = Step::Unsigned { after: known.height };
        }
        match &sending.step {
            Step::Unsigned { after } if known.height >= *after => {
                let nonce = match (sending.is_admission(), known.account) {
                    (true, None) => 0,
                    (false, Some(account)) => account.nonce,
                    (true, Some(_)) => return self.finish(),
                    (false, None) => return self.drop_it(),
                };
                let (sender, valid_until, body) = (account, chain.height() + LIFE, sending.body.clone());
                let transaction = Transaction { sender, nonce, valid_until, body };
                sending.step = Step::Signing;
                let bytes = signed_bytes(Purpose::Transaction, &id, &transaction.message());
                self.sign(Signing::Transaction(Box::new(transaction)), bytes, out);
            }
            Step::Signed { transaction, at } if *at <= now => {
                let transaction = transaction.clone();
                sending.step = match chain.errand(Question::Submit { transaction: transaction.clone() }, out) {
                    Some(ask) => {
                        self.asked.insert(ask, Asked::Submit);
                        Step::Sent { transaction }
                    }
                    None => Step::Signed { transaction, at: now + PAUSE },
                };
            }
            Step::Used { transaction, at: Some(at) } if *at <= now => {
                let transaction = transaction.clone();
                let ask = chain.errand(Question::Find { transaction: transaction.id() }, out);
                let at = if ask.is_some() { None } else { Some(now + PAUSE) };
                sending.step = Step::Used { transaction, at };
                ask.map(|ask| self.asked.insert(ask, Asked::Find));
            }
            Step::Unsigned { .. } | Step::Signing | Step::Signed { .. } | Step::Sent { .. } | Step::Used { .. } => {}
        }
    }

    /// A proof shows a later nonce: a block has it, or another transaction in its place.
    fn notice_use(&mut self) {
        let Some(account) = self.known.and_then(|known| known.account) else { return };
        let Some(sending) = &mut self.sending else { return };
        let (Step::Signed { transaction, .. } | Step::Sent { transaction }) = &sending.step else { return };
        if sending.is_admission() {
            // Whoever brought a ticket: the account is there.
            return self.finish();
        }
        if account.nonce > transaction.transaction().nonce {
            sending.step = Step::Used { transaction: transaction.clone(), at: Some(Time::ZERO) };
        }
    }

    pub(super) fn on_transaction(&mut self, now: Time, transaction: Transaction, signature: Signature) {
        let signing = self.sending.as_mut().filter(|sending| matches!(sending.step, Step::Signing));
        let Some(sending) = signing else { return };
        let nonce = transaction.nonce;
        let transaction = Box::new(SignedTransaction::new(transaction, signature));
        sending.step = Step::Signed { transaction, at: now };
        if let Some(token) = sending.wish {
            self.news.push_back(LedgerNews::Sent { token, nonce });
        }
    }

    pub(super) fn on_submitted(&mut self, now: Time, answer: Option<Answer>) {
        let height = self.known.map_or(0, |known| known.height);
        let Some(sending) = &mut self.sending else { return };
        let Step::Sent { transaction } = &sending.step else { return };
        let transaction = transaction.clone();
        let later = |wait| Step::Signed { transaction, at: now + wait };
        match answer {
            // Taken: it waits already, or another tab's with its nonce does. The next block tells which.
            Some(Answer::Waits | Answer::Refused(Refusal::Taken)) => sending.step = later(AGAIN),
            // The proof we signed by is older than the relay's newest block.
            Some(Answer::Refused(Refusal::Nonce)) if !sending.is_admission() => {
                sending.step = Step::Unsigned { after: height + 1 };
            }
            Some(Answer::Refused(_)) if sending.is_admission() && sending.tries < TRIES_MAX => {
                sending.step = later(PAUSE);
                sending.tries += 1;
            }
            Some(Answer::Refused(Refusal::Full | Refusal::Stopped)) if !sending.is_admission() => {
                sending.step = later(AGAIN);
            }
            Some(Answer::Refused(_)) => self.drop_it(),
            Some(_) | None => sending.step = later(PAUSE),
        }
    }

    pub(super) fn on_found(&mut self, now: Time, answer: Option<Answer>, chain: &mut Following, out: &mut Outbox) {
        let height = self.known.map_or(0, |known| known.height);
        let under = chain.settled();
        let Some(sending) = &mut self.sending else { return };
        let Step::Used { at, .. } = &mut sending.step else { return };
        match answer {
            Some(Answer::Found(found)) if found <= under => {
                match chain.errand(Question::Block { height: found, under }, out) {
                    Some(ask) => _ = self.asked.insert(ask, Asked::Block { under }),
                    None => *at = Some(now + PAUSE),
                }
            }
            // Another tab's was there first: ours never applies any more, so it can be signed anew.
            Some(Answer::Unknown) => sending.step = Step::Unsigned { after: height },
            Some(_) | None => *at = Some(now + PAUSE),
        }
    }

    pub(super) fn on_block(
        &mut self,
        now: Time,
        from: Directory,
        under: u64,
        answer: Option<Answer>,
        chain: &mut Following,
    ) {
        let Some(Sending { step: Step::Used { transaction, at }, .. }) = &mut self.sending else { return };
        let Some(Answer::Block(header, _, body, proof)) = answer else { return *at = Some(now + PAUSE) };
        match chain.check_block(under, &header, &body, proof.as_ref(), Some(transaction.id())) {
            Ok(Some(_)) => self.finish(),
            // The tip that it was proved under is no longer kept.
            Ok(None) => *at = Some(now + PAUSE),
            Err(why) => {
                *at = Some(now);
                chain.refuse(now, from, why);
            }
        }
    }

    /// A proof says that it is done.
    fn finish(&mut self) {
        if let Some(token) = self.sending.take().and_then(|sending| sending.wish) {
            self.news.push_back(LedgerNews::Final { token });
        }
    }

    /// It never will be.
    fn drop_it(&mut self) {
        if let Some(token) = self.sending.take().and_then(|sending| sending.wish) {
            self.news.push_back(LedgerNews::Dropped { token });
        }
    }
}
