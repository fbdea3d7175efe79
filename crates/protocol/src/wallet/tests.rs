//! An account beside a relay that answers honestly, forgets, refuses or lies, and beside other tabs of the same person.

use super::*;
use crate::chain::tests::{Relay, genesis, key, rich};
use crate::snapshot::{AccountState, DeniedView};
use crate::{ChainStart, Directory, RelayIndex};
use clock::Timestamp;
use ed25519_dalek::{Signer, SigningKey};
use ledger::amount::Credits;
use ledger::question::{Answer, Denial, Question, Refusal};
use ledger::signing::account_of;
use ledger::stamp::Stamp;
use ledger::ticket::{Admission, Ticket};
use ledger::transaction::{Body, SignedTransaction};

const AT: Directory = Directory::Relay(RelayIndex(0));

/// A relay with a pool, and an issuer's desk.
struct Office {
    relay: Relay,
    pool: Vec<SignedTransaction>,
    denies: Option<Denial>,
    refuses: Option<Refusal>,
    lies: bool,
}

impl Office {
    fn new() -> Self {
        let mut office = Self { relay: Relay::new(), pool: Vec::new(), denies: None, refuses: None, lies: false };
        office.block();
        office
    }

    fn block(&mut self) {
        let waiting = if self.pool.is_empty() { None } else { Some(self.pool.remove(0)) };
        self.relay.make(waiting);
    }

    /// Another tab of the same person writes something.
    fn elsewhere(&mut self, body: Body) {
        let nonce = self.relay.ground.state.account(&rich()).expect("it begins with credit").nonce;
        let valid_until = self.relay.blocks.len() as u64 + 9;
        let transaction = Transaction { sender: rich(), nonce, valid_until, body };
        self.pool.insert(0, transaction.sign(&genesis().chain(), &key(50)));
        self.block();
    }

    fn answer(&mut self, question: &Question) -> Option<Answer> {
        let issuer = account_of(&key(1));
        Some(match question {
            Question::Submit { transaction } => {
                let (sender, nonce) = (transaction.transaction().sender, transaction.transaction().nonce);
                let next = self.relay.ground.state.account(&sender).map_or(0, |account| account.nonce);
                let has = |one: &SignedTransaction| one.transaction().nonce == nonce;
                if let Some(why) = self.refuses {
                    Answer::Refused(why)
                } else if nonce != next {
                    Answer::Refused(Refusal::Nonce)
                } else if self.pool.iter().any(has) {
                    Answer::Refused(Refusal::Taken)
                } else {
                    self.pool.push((**transaction).clone());
                    Answer::Waits
                }
            }
            Question::Admission { account } => match self.denies {
                Some(why) => Answer::Denied(why, 100),
                None => Answer::Stamp(Stamp { issuer, account: *account, epoch: 0, salt: [7; 16], bits: 1 }),
            },
            Question::Stamped { stamp, .. } => {
                let (account, prefix_tag) = (stamp.account, [0; 8]);
                let admission = Admission { issuer, account, epoch: 0, serial: 3, prefix_tag };
                Answer::Ticket(Ticket::sign(admission, &genesis().chain(), &key(1)))
            }
            Question::Leaves { keys, .. } if self.lies => {
                let mut other = genesis();
                other.allocations[0].amount = Credits(1 << 40);
                let state = other.state().expect("a genesis");
                Answer::Leaves(keys.iter().map(|key| state.prove(key)).collect())
            }
            question => return self.relay.answer(question),
        })
    }
}

/// A tab with an account, and all that paying was told.
struct Tab {
    wallet: Wallet,
    chain: Following,
    owner: SigningKey,
    out: Outbox,
    now: Time,
    told: Vec<LedgerNews>,
    open: Vec<(ChainAsk, Question)>,
    /// Signatures asked for.
    signed: usize,
}

impl Tab {
    fn new(owner: SigningKey) -> Self {
        let chain = Following::new(Some(&ChainStart { genesis: genesis(), is_other: false }));
        let mut wallet = Wallet::new(PeerKey([9; 32]));
        wallet.set_account(account_of(&owner), true);
        let (out, now) = (Outbox::default(), Time::ZERO);
        Self { wallet, chain, owner, out, now, told: Vec::new(), open: Vec::new(), signed: 0 }
    }

    fn run(&mut self, millis: u64, office: &mut Office) {
        let until = self.now + Duration::from_millis(millis);
        while self.now < until {
            self.chain.tick(self.now, [AT].into_iter(), &mut self.out);
            self.wallet.tick(self.now, &mut self.chain, &mut self.out);
            while let Some(output) = self.out.pop() {
                self.perform(output);
            }
            for (ask, question) in core::mem::take(&mut self.open) {
                match office.answer(&question) {
                    Some(answer) => self.hear(ask, Some(answer)),
                    None => self.open.push((ask, question)),
                }
            }
            while let Some(news) = self.wallet.take_news() {
                self.told.push(news);
            }
            self.now = self.now + Duration::from_millis(10);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::AskChain { ask, question, .. } => self.open.push((ask, *question)),
            Output::Sign { token, bytes } => {
                self.signed += 1;
                let signature = Signature(self.owner.sign(&bytes).to_bytes());
                self.wallet.on_signed(self.now, token, Some(signature), &self.chain);
            }
            Output::Solve { stamp } => self.wallet.on_solved(self.now, stamp, Some(5)),
            other => panic!("an account wishes for nothing else: {other:?}"),
        }
    }

    fn hear(&mut self, ask: ChainAsk, answer: Option<Answer>) {
        let errand = self.chain.on_answer(self.now, Timestamp::default(), ask, answer, &mut self.out);
        if let Some(errand) = errand {
            self.wallet.on_errand(self.now, errand, &mut self.chain, &mut self.out);
        }
    }

    fn balance(&self) -> Option<Credits> {
        self.told.iter().rev().find_map(|news| match news {
            LedgerNews::Balance(balance) => Some(*balance),
            _ => None,
        })?
    }

    fn send(&mut self, number: u64) {
        let body = Box::new(Body::Transfer { to: account_of(&key(60)), amount: Credits(600 + number) });
        let token = crate::credit::WishToken(number);
        self.wallet.on_wish(self.now, LedgerWish::Submit { token, body });
    }

    /// The ends of transactions, in order: the number, and whether it is in a block.
    fn ends(&self) -> Vec<(u64, bool)> {
        let end = |news: &LedgerNews| match news {
            LedgerNews::Final { token } => Some((token.0, true)),
            LedgerNews::Dropped { token } => Some((token.0, false)),
            _ => None,
        };
        self.told.iter().filter_map(end).collect()
    }

    fn state(&self) -> AccountState {
        self.wallet.view(self.now).state
    }
}

#[test]
fn a_newcomer_solves_a_stamp_and_has_a_grant_once_a_block_proves_it() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(70)));
    tab.run(200, &mut office);
    assert_eq!(tab.state(), AccountState::Joining);
    assert!(tab.told.is_empty(), "nothing is promised before it is proved");
    office.block();
    tab.run(200, &mut office);
    assert_eq!((tab.state(), tab.balance()), (AccountState::There, Some(Credits(16_384))));
    assert!(matches!(tab.told[0], LedgerNews::Ready { session, .. } if session.is_signed_for(&[9; 32])));
}

#[test]
fn a_refused_newcomer_is_told_why_and_asks_again() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(70)));
    office.denies = Some(Denial::Network);
    tab.run(1_000, &mut office);
    let view = tab.wallet.view(tab.now);
    assert_eq!((view.state, view.denied), (AccountState::Refused, Some(DeniedView::Network)));
    assert!(view.again_ms.is_some_and(|ms| ms > 90_000));
    office.denies = None;
    tab.now = tab.now + Duration::from_secs(100);
    tab.run(200, &mut office);
    office.block();
    tab.run(200, &mut office);
    assert_eq!(tab.balance(), Some(Credits(16_384)));
}

#[test]
fn a_transaction_is_told_as_final_when_a_block_is_proved_to_have_it_and_not_before() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(50)));
    tab.run(200, &mut office);
    tab.send(1);
    tab.run(1_000, &mut office);
    assert!(tab.ends().is_empty());
    office.block();
    tab.run(200, &mut office);
    assert_eq!(tab.ends(), [(1, true)]);
    assert_eq!(tab.balance(), Some(Credits(100_000 - 601 - 32)));
}

#[test]
fn what_a_restarted_relay_forgot_is_sent_again() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(50)));
    tab.run(200, &mut office);
    tab.send(1);
    tab.run(200, &mut office);
    assert_eq!(office.pool.len(), 1);
    office.pool.clear();
    office.block();
    tab.run(6_000, &mut office);
    assert_eq!(office.pool.len(), 1, "it is there again");
    office.block();
    tab.run(200, &mut office);
    assert_eq!(tab.ends(), [(1, true)]);
    assert_eq!(tab.signed, 2, "the session and one transaction: a second copy is the same");
}

#[test]
fn a_nonce_that_another_tab_used_is_not_used_again_and_nothing_is_lost() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(50)));
    tab.run(200, &mut office);
    // Before it is sent: the relay says so. While it waits: the proof of the next block does.
    office.elsewhere(Body::Transfer { to: account_of(&key(61)), amount: Credits(700) });
    tab.send(1);
    tab.run(500, &mut office);
    office.pool.clear();
    office.elsewhere(Body::Transfer { to: account_of(&key(61)), amount: Credits(700) });
    tab.send(2);
    tab.run(500, &mut office);
    for _ in 0..3 {
        office.block();
        tab.run(500, &mut office);
    }
    assert_eq!(tab.ends(), [(1, true), (2, true)]);
    assert_eq!(tab.balance(), Some(Credits(100_000 - 601 - 602 - 2 * 700 - 4 * 32)));
}

#[test]
fn what_can_never_apply_is_dropped() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(50)));
    tab.send(7);
    tab.run(200, &mut office);
    office.refuses = Some(Refusal::Funds);
    tab.send(1);
    tab.run(200, &mut office);
    office.refuses = Some(Refusal::Full);
    tab.send(2);
    tab.run(200, &mut office);
    assert_eq!(tab.ends(), [(7, false), (1, false)], "no account yet, not enough credit; a full pool is tried again");
    office.refuses = None;
    tab.run(6_000, &mut office);
    office.block();
    tab.run(200, &mut office);
    assert_eq!(tab.ends().last(), Some(&(2, true)));
}

#[test]
fn a_channel_counts_as_made_up_only_after_a_while() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(50)));
    tab.run(200, &mut office);
    let channel = ChannelId([3; 32]);
    tab.wallet.on_wish(tab.now, LedgerWish::Watch { channel });
    let absent = |tab: &Tab| tab.told.iter().any(|news| matches!(news, LedgerNews::Channel { channel: None, .. }));
    tab.run(4_000, &mut office);
    assert!(!absent(&tab), "whoever named it may have a block that we have not");
    tab.run(2_000, &mut office);
    assert!(absent(&tab));
}

#[test]
fn a_relay_that_shows_another_balance_is_refused_and_nobody_hears_of_it() {
    let (mut office, mut tab) = (Office::new(), Tab::new(key(50)));
    office.lies = true;
    tab.run(500, &mut office);
    assert!(tab.told.is_empty(), "{:?}", tab.told);
    let refused = tab.chain.view(tab.now, |_| "relay".into()).refused;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].why, crate::chain::Wrong::Balance);
}
