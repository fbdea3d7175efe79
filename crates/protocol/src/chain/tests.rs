//! A tab beside relays that answer honestly, late, or with lies.

use super::views::{ChainState, FinalityView, LookState, LookedUp};
use super::*;
use crate::RelayIndex;
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::block::{Block, Ground};
use ledger::genesis::{Allocation, Genesis};
use ledger::history::Archive;
use ledger::leaf::InForce;
use ledger::seal::Certificate;
use ledger::signing::account_of;
use ledger::state::{Slot, State};
use ledger::transaction::{Body, SignedTransaction, Transaction};
use ledger::vote::{Ballot, Step, Vote};

const A: Directory = Directory::Relay(RelayIndex(0));
const B: Directory = Directory::Relay(RelayIndex(1));

pub(crate) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

pub(crate) fn rich() -> AccountId {
    account_of(&key(50))
}

pub(crate) fn genesis() -> Genesis {
    let mut genesis = Genesis::authority(&[account_of(&key(1))], Timestamp::default()).expect("one authority");
    genesis.allocations = vec![Allocation { account: rich(), amount: Credits(100_000) }];
    genesis
}

/// A relay's chain: what it can answer with.
pub(crate) struct Relay {
    pub(crate) ground: Ground,
    pub(crate) blocks: Vec<(Block, Seal)>,
    pub(crate) states: Vec<State>,
    archive: Archive,
}

impl Relay {
    pub(crate) fn new() -> Self {
        let state = genesis().state().expect("a genesis");
        let (ground, header) = Ground::genesis(state.clone());
        let mut archive = Archive::default();
        archive.push(&header.id());
        Self { ground, blocks: Vec::new(), states: vec![state], archive }
    }

    fn with(blocks: u64) -> Self {
        let mut relay = Self::new();
        (0..blocks).for_each(|_| relay.make(None));
        relay
    }

    pub(crate) fn make(&mut self, transaction: Option<SignedTransaction>) {
        let height = self.blocks.len() as u64 + 1;
        let slot = Slot { timestamp: Timestamp::from_millis(height * 1_000), proposer: account_of(&key(1)) };
        let (block, state) = self.ground.build(slot, 0, transaction).expect("it builds");
        let seal = seal(&block.header, &key(1), &state);
        self.archive.push(&block.header.id());
        self.ground = self.ground.after(&block.header, state.clone());
        self.states.push(state);
        self.blocks.push((block, seal));
    }

    pub(crate) fn answer(&self, question: &Question) -> Option<Answer> {
        let head = |height: u64| self.blocks.get(usize::try_from(height).ok()?.checked_sub(1)?).cloned();
        Some(match question {
            Question::Head { after } => match head(self.blocks.len() as u64) {
                Some((block, _)) if block.header.height == *after => return None,
                Some((block, seal)) => Answer::Head(Box::new(block.header), seal),
                None => Answer::Unknown,
            },
            Question::Headers { from, count } => {
                let all = (*from..from + u64::from(*count)).map_while(head);
                Answer::Headers(all.map(|(block, seal)| (block.header, seal)).collect())
            }
            Question::Block { height, under } => match head(*height) {
                Some((block, seal)) => {
                    let proof = self.archive.prove(*height, *under);
                    Answer::Block(Box::new(block.header), seal, block.body, proof)
                }
                None => Answer::Unknown,
            },
            Question::Leaves { height, keys } => {
                let state = &self.states[usize::try_from(*height).expect("small")];
                Answer::Leaves(keys.iter().map(|key| state.prove(key)).collect())
            }
            Question::Find { transaction } => {
                let found = self.blocks.iter().find(|(block, _)| block.body.ids().contains(transaction));
                found.map_or(Answer::Unknown, |(block, _)| Answer::Found(block.header.height))
            }
            _ => Answer::Unknown,
        })
    }
}

fn seal(header: &Header, by: &SigningKey, state: &State) -> Seal {
    let ballot = Ballot { height: header.height, round: 0, block: header.id() };
    let vote = Vote::sign(Step::Precommit, ballot, &header.chain, by);
    Seal::Certificate(Certificate::collect(ballot, &[vote], &state.validators(InForce::Now)))
}

/// How a relay answers; `None` leaves the question open.
type Answers<'a> = &'a dyn Fn(&Question) -> Option<Answer>;

/// A tab, and every question it asked.
struct Tab {
    following: Following,
    out: Outbox,
    now: Time,
    asked: Vec<(Directory, Question)>,
    unanswered: Vec<(Directory, ChainAsk, Question)>,
}

impl Tab {
    fn new() -> Self {
        let start = ChainStart { genesis: genesis(), is_other: false };
        Self {
            following: Following::new(Some(&start)),
            out: Outbox::default(),
            now: Time::ZERO,
            asked: vec![],
            unanswered: vec![],
        }
    }

    /// Lets these relays answer for a while; a question without an answer stays open.
    fn run(&mut self, millis: u64, relays: &[(Directory, Answers<'_>)]) {
        let until = self.now + Duration::from_millis(millis);
        while self.now < until {
            self.following.tick(self.now, relays.iter().map(|(at, _)| *at), &mut self.out);
            while let Some(output) = self.out.pop() {
                let Output::AskChain { at, ask, question } = output else { continue };
                self.asked.push((at, (*question).clone()));
                self.unanswered.push((at, ask, *question));
            }
            for (at, ask, question) in std::mem::take(&mut self.unanswered) {
                let relay = relays.iter().find(|(relay, _)| *relay == at).expect("only these are asked");
                match relay.1(&question) {
                    Some(answer) => {
                        self.following.on_answer(self.now, Timestamp::default(), ask, Some(answer), &mut self.out);
                    }
                    None => self.unanswered.push((at, ask, question)),
                }
            }
            self.now = self.now + Duration::from_millis(10);
        }
    }

    fn view(&self) -> super::views::ChainView {
        self.following.view(self.now, |at| if at == A { "Relay A".into() } else { "Relay B".into() })
    }

    fn look(&mut self, look: Look) {
        self.following.look(Some(look), &mut self.out);
    }
}

#[test]
fn tab_has_a_block_as_soon_as_its_relay_tells_it() {
    let mut relay = Relay::with(3);
    let mut tab = Tab::new();
    tab.run(100, &[(A, &|question| relay.answer(question))]);
    assert_eq!((tab.view().height, tab.view().state), (3, ChainState::Following));
    relay.make(None);
    tab.run(20, &[(A, &|question| relay.answer(question))]);
    let view = tab.view();
    assert_eq!((view.height, view.checked), (4, 4));
    assert_eq!(view.blocks.iter().map(|block| block.height).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!((view.blocks[0].finality, view.blocks[0].signatures), (FinalityView::Final, 1));
    // It waits with its question instead of asking again and again.
    let before = tab.asked.len();
    tab.run(5_000, &[(A, &|question| relay.answer(question))]);
    assert_eq!(tab.asked.len(), before);
}

#[test]
fn header_that_nobody_entitled_sealed_is_refused_and_its_sender_named() {
    let relay = Relay::with(3);
    let forge = |question: &Question| match relay.answer(question) {
        Some(Answer::Headers(mut headers)) => {
            let (header, forged) = headers.last_mut().expect("three");
            *forged = seal(header, &key(9), &relay.states[0]);
            Some(Answer::Headers(headers))
        }
        other => other,
    };
    let mut tab = Tab::new();
    tab.run(200, &[(A, &forge), (B, &|question| relay.answer(question))]);
    let view = tab.view();
    assert_eq!(view.height, 3, "the honest one was asked instead");
    assert_eq!(view.refused.len(), 1);
    assert_eq!((view.refused[0].name.as_str(), view.refused[0].why), ("Relay A", Wrong::Header));
    let before = tab.asked.iter().filter(|(at, _)| *at == A).count();
    tab.run(20_000, &[(A, &forge), (B, &|question| relay.answer(question))]);
    assert_eq!(tab.asked.iter().filter(|(at, _)| *at == A).count(), before, "it is asked again");
}

#[test]
fn balance_is_shown_with_its_proof_or_not_at_all() {
    let relay = Relay::with(2);
    let mut tab = Tab::new();
    tab.run(50, &[(A, &|question| relay.answer(question))]);
    tab.look(Look::Account(rich()));
    tab.run(50, &[(A, &|question| relay.answer(question))]);
    let look = tab.view().look.expect("it was looked up");
    assert_eq!(look.state, LookState::Checked);
    assert!(matches!(look.found, Some(LookedUp::Account(account)) if account.balance == 100_000 && account.exists));
    tab.look(Look::Account(account_of(&key(77))));
    tab.run(50, &[(A, &|question| relay.answer(question))]);
    let absent = tab.view().look.expect("it was looked up");
    assert!(matches!(absent.found, Some(LookedUp::Account(account)) if !account.exists), "absence is proved, too");
}

#[test]
fn relay_that_answers_a_higher_balance_is_refused_and_named() {
    let relay = Relay::with(2);
    let mut richer = genesis();
    richer.allocations[0].amount = Credits(1 << 40);
    let other = richer.state().expect("a genesis");
    let lie = |question: &Question| match question {
        Question::Leaves { keys, .. } => Some(Answer::Leaves(keys.iter().map(|key| other.prove(key)).collect())),
        question => relay.answer(question),
    };
    let mut tab = Tab::new();
    tab.run(50, &[(A, &lie)]);
    tab.look(Look::Account(rich()));
    tab.run(50, &[(A, &lie)]);
    let view = tab.view();
    assert_eq!((view.refused[0].name.as_str(), view.refused[0].why), ("Relay A", Wrong::Balance));
    assert_eq!(view.look.expect("still wanted").found, None);
    // The same question goes to somebody honest as soon as there is one.
    tab.run(200, &[(A, &lie), (B, &|question| relay.answer(question))]);
    assert_eq!(tab.view().look.expect("wanted").state, LookState::Checked);
}

#[test]
fn old_block_and_its_transaction_are_proved_to_belong_to_the_chain() {
    let mut relay = Relay::with(1);
    let body = Body::Transfer { to: account_of(&key(60)), amount: Credits(600) };
    let paid = Transaction { sender: rich(), nonce: 0, valid_until: 9, body };
    let paid = paid.sign(&genesis().chain(), &key(50));
    relay.make(Some(paid.clone()));
    (0..5).for_each(|_| relay.make(None));
    let mut tab = Tab::new();
    tab.run(50, &[(A, &|question| relay.answer(question))]);
    tab.look(Look::Transaction(paid.id()));
    tab.run(50, &[(A, &|question| relay.answer(question))]);
    match tab.view().look.expect("it was looked up").found {
        Some(LookedUp::Transaction { transaction, block, proof_len }) => {
            assert_eq!((transaction.amount, block.height), (Some(600), 2));
            assert!(proof_len > 0);
        }
        other => panic!("{other:?}"),
    }
    // A block of another chain, with whatever proof, is not shown.
    let stranger = {
        let mut other = Relay::new();
        (0..7).for_each(|_| other.make(None));
        other
    };
    let swap = |question: &Question| match question {
        Question::Block { .. } => stranger.answer(question),
        question => relay.answer(question),
    };
    tab.look(Look::Block(2));
    tab.run(50, &[(A, &swap)]);
    assert_eq!(tab.view().refused[0].why, Wrong::Block);
}

#[test]
fn relay_from_an_old_disk_is_shown_what_it_has_forgotten() {
    let (new, old) = (Relay::with(6), Relay::with(4));
    let mut tab = Tab::new();
    tab.run(100, &[(A, &|question| new.answer(question))]);
    tab.run(100, &[(A, &|question| new.answer(question)), (B, &|question| old.answer(question))]);
    let shown = tab.asked.iter().find_map(|(at, question)| match question {
        Question::Show { header, .. } if *at == B => Some(header.height),
        _ => None,
    });
    assert_eq!(shown, Some(6));
    assert!(tab.view().refused.is_empty(), "to be late is no crime");
}

#[test]
fn another_chain_than_the_pinned_one_is_not_followed() {
    let start = ChainStart { genesis: genesis(), is_other: true };
    let mut tab = Tab { following: Following::new(Some(&start)), ..Tab::new() };
    let relay = Relay::with(2);
    tab.run(1_000, &[(A, &|question| relay.answer(question))]);
    assert_eq!(tab.view().state, ChainState::OtherChain);
    assert!(tab.asked.is_empty());
}

#[test]
fn what_a_person_types_is_read_or_refused() {
    assert_eq!(Look::parse("block", "12"), Some(Look::Block(12)));
    assert_eq!(Look::parse("account", &"ab".repeat(32)), Some(Look::Account(AccountId([0xab; 32]))));
    for (kind, text) in
        [("block", "-1"), ("block", "0"), ("account", "zz"), ("account", &"g".repeat(64)), ("tree", "1")]
    {
        assert_eq!(Look::parse(kind, text), None, "{kind} {text}");
    }
    assert_eq!(Look::parse("account", &"é".repeat(32)), None);
}
