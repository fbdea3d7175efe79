//! Random histories against a plain model of the rules: the same transactions apply, everybody holds the same.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p ledger --test state_machine` is a night's run. The invariants are
//! those of the ledger's design, by number.

#![cfg(not(target_arch = "wasm32"))]

#[path = "support/model.rs"]
mod model;
#[path = "support/samples.rs"]
mod samples;

use clock::Timestamp;
use ledger::account::AccountId;
use ledger::amount::{Credits, SUPPLY};
use ledger::channel::Channel;
use ledger::cheque::{Cheque, Promise};
use ledger::genesis::{Allocation, Genesis};
use ledger::hash::{ChainId, ChannelId, ContentRoot, Key, TransactionId};
use ledger::leaf::Leaf;
use ledger::parameters::Parameters;
use ledger::state::{Draft, Slot, State};
use ledger::ticket::{Admission, Ticket};
use ledger::transaction::{
    Body, Cheques, OpenChannel, Opened, Publication, RedeemEntry, Redemption, SignedTransaction, Transaction,
};
use model::{Model, Name, Wish};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use samples::{id, key};
use std::collections::BTreeSet;

const ISSUER: Name = 100;
const EPOCH_MS: u64 = 10_000;

/// Small numbers, so that short histories reach every limit.
fn numbers() -> Parameters {
    Parameters {
        transaction_fee: Credits(7),
        entry_fee: Credits(2),
        publish_fee: Credits(20),
        new_account_min: Credits(50),
        grant: Credits(5_000),
        issuer_cap: 2,
        admits_per_block: 2,
        sweeps_per_block: 1,
        epoch_ms: EPOCH_MS,
        transaction_ttl: 20,
        deposit_min: Credits(20),
        channels_max: 3,
        channel_ttl_max: 6,
        close_window: 3,
        grace: 4,
        proceeds_min: Credits(500),
        dormant: 8,
        ..Parameters::default()
    }
}

/// One step, as numbers that shrink well; what they mean depends on what is there.
#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    sender: u8,
    one: u8,
    other: u8,
    amount: u16,
    flag: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (0_u8..24, 0_u8..6, any::<u8>(), any::<u8>(), any::<u16>(), any::<bool>())
        .prop_map(|(kind, sender, one, other, amount, flag)| Step { kind, sender, one, other, amount, flag })
}

/// The crate and the model, side by side.
struct World {
    state: State,
    draft: Draft,
    model: Model,
    now: u64,
    /// Channels by the model's number.
    channels: Vec<ChannelId>,
    applied: Vec<SignedTransaction>,
    ids: BTreeSet<TransactionId>,
}

fn slot(now: u64) -> Slot {
    Slot { timestamp: Timestamp::from_millis(now), proposer: AccountId([0; 32]) }
}

impl World {
    fn new() -> Self {
        let held = [(0, 20_000), (1, 9_000), (2, 900), (3, 60)];
        let mut genesis = Genesis::authority(&[id(ISSUER)], Timestamp::from_millis(0)).unwrap();
        genesis.parameters = numbers();
        genesis.allocations =
            held.iter().map(|(name, amount)| Allocation { account: id(*name), amount: Credits(*amount) }).collect();
        genesis.allocations.sort_by_key(|one| one.account);
        let state = genesis.state().unwrap();
        let treasury = SUPPLY.0 - held.iter().map(|(_, amount)| amount).sum::<u64>();
        let mut model = Model::new(treasury, &held, numbers());
        model.begin(0);
        let draft = state.begin(slot(1));
        Self { state, draft, model, now: 1, channels: vec![], applied: vec![], ids: BTreeSet::new() }
    }

    fn chain(&self) -> ChainId {
        self.state.rules().chain
    }

    fn end_block(&mut self, pause: u64) {
        let next = self.draft.clone().finish().unwrap();
        self.model.finish();
        self.check(&next);
        self.state = next;
        self.now += 1_000 + pause;
        self.draft = self.state.begin(slot(self.now));
        self.model.begin(u32::try_from(self.now / EPOCH_MS).unwrap());
    }

    /// I1, I2, I3, I8 and that everybody holds what the model says.
    fn check(&self, state: &State) {
        assert_eq!(self.model.total(), SUPPLY.0, "the model itself");
        assert!(self.model.channels_add_up(), "I3");
        let leaves: u64 = state.leaves().map(|(_, leaf)| leaf.value().0).sum();
        assert_eq!(leaves, SUPPLY.0, "I1");
        assert_eq!(state.treasury().0, self.model.treasury, "the treasury");
        for name in 0..8 {
            let expected = self.model.holders.get(&name);
            let found = state.account(&id(name));
            assert_eq!(found.map(|account| account.balance.0), expected.map(|holder| holder.balance), "account {name}");
            assert_eq!(found.map(|account| account.nonce), expected.map(|holder| holder.nonce), "nonce of {name}");
        }
        for (channel, expected) in self.channels.iter().zip(&self.model.channels) {
            let found = state.channel(channel);
            assert_eq!(found.is_none(), expected.is_gone, "{channel:?} is settled when it is due");
            if let Some(found) = found {
                assert!(found.redeemed <= found.deposit, "I2");
                assert_eq!((found.deposit.0, found.redeemed.0), (expected.deposit, expected.redeemed));
            }
        }
        let open = state.leaves().filter(|(_, leaf)| matches!(leaf, Leaf::Channel(_))).count();
        assert_eq!(open, self.model.channels.iter().filter(|channel| !channel.is_gone).count());
    }

    fn wish(&self, step: &Step) -> Wish {
        let amount = u64::from(step.amount);
        let channel = usize::from(step.one) % (self.channels.len() + 1);
        match step.kind {
            0..=3 => {
                let entry = |payee: u8| (payee % 6, amount % 3_000, u32::from(step.other % 8));
                let entries = if step.flag { vec![entry(step.one)] } else { vec![entry(step.one), entry(step.other)] };
                Wish::Open { entries }
            }
            4 => Wish::TopUp { channel, amount: amount % 500 },
            5..=11 => {
                let second = usize::from(step.other) % (self.channels.len() + 1);
                let mut cheques = vec![(channel, self.total(channel, step.amount), step.flag)];
                if step.other.is_multiple_of(3) {
                    cheques.push((second, self.total(second, step.amount / 7), false));
                }
                Wish::Redeem { cheques, fee_from_proceeds: step.other % 4 == 1 }
            }
            12..=13 => Wish::Close { channel },
            14..=15 => Wish::Transfer { to: step.one % 7, amount: amount % 4_000 },
            16..=17 => {
                let issuer = if step.other == 0 { 5 } else { ISSUER };
                let epoch = (self.model.epoch + u32::from(step.one % 4)).saturating_sub(2);
                Wish::Admit { issuer, epoch, serial: step.amount % 3 + if step.flag { 0 } else { 510 } }
            }
            18..=19 => Wish::Sweep { who: step.one % 7 },
            _ => Wish::Publish { content: step.one % 3 },
        }
    }

    /// A total around what the channel allows: nothing new, one more, all of it, one too many, or something between.
    fn total(&self, channel: usize, amount: u16) -> u64 {
        let Some(channel) = self.model.channels.get(channel) else { return u64::from(amount) };
        match amount % 6 {
            0 => channel.redeemed,
            1 => channel.redeemed + 1,
            2 => channel.deposit,
            3 => channel.deposit + 1,
            _ => channel.redeemed + u64::from(amount) % (channel.deposit - channel.redeemed + 1),
        }
    }

    fn cheque(&self, channel: usize, total: u64) -> Cheque {
        let missing = ChannelId([9; 32]);
        let channel = *self.channels.get(channel).unwrap_or(&missing);
        let promise = Promise { channel, total: Credits(total), bytes: total * 1_024 };
        // Every channel's signer is the same tab key: whose it is does not matter to the rules.
        Cheque::sign(promise, &self.chain(), &key(50))
    }

    fn sign(&self, sender: Name, nonce: u64, wish: &Wish) -> SignedTransaction {
        let channel = |at: &usize| *self.channels.get(*at).unwrap_or(&ChannelId([9; 32]));
        let body = match wish {
            Wish::Open { entries } => {
                let open = |(payee, deposit, ttl): &(Name, u64, u32)| OpenChannel {
                    payee: id(*payee),
                    signer: id(50),
                    deposit: Credits(*deposit),
                    ttl: *ttl,
                };
                Body::OpenChannels(Opened::new(entries.iter().map(open).collect()).unwrap())
            }
            Wish::TopUp { channel: at, amount } => Body::TopUp { channel: channel(at), amount: Credits(*amount) },
            Wish::Redeem { cheques, fee_from_proceeds } => {
                let entry = |(at, total, close): &(usize, u64, bool)| RedeemEntry {
                    cheque: self.cheque(*at, *total),
                    close: *close,
                };
                let cheques = Cheques::new(cheques.iter().map(entry).collect()).unwrap();
                Body::Redeem(Redemption { cheques, fee_from_proceeds: *fee_from_proceeds })
            }
            Wish::Close { channel: at } => Body::CloseChannel { channel: channel(at) },
            Wish::Transfer { to, amount } => Body::Transfer { to: id(*to), amount: Credits(*amount) },
            Wish::Admit { issuer, epoch, serial } => {
                let (issuer_id, account) = (id(*issuer), id(sender));
                let admission =
                    Admission { issuer: issuer_id, account, epoch: *epoch, serial: *serial, prefix_tag: [0; 8] };
                Body::Admit(Ticket::sign(admission, &self.chain(), &key(*issuer)))
            }
            Wish::Sweep { who } => Body::Sweep { account: id(*who) },
            Wish::Publish { content } => {
                Body::Publish(Publication::new(ContentRoot([*content + 1; 32]), ContentRoot::NONE, "a title").unwrap())
            }
        };
        let valid_until = self.draft.height() + 5;
        Transaction { sender: id(sender), nonce, valid_until, body }.sign(&self.chain(), &key(sender))
    }

    fn take(&mut self, step: &Step) {
        if step.kind == 23 {
            // Mostly the next block; at times a pause that changes the epoch.
            let pause = if step.flag { 0 } else { u64::from(step.amount % 20) * 1_000 };
            return self.end_block(pause);
        }
        if step.kind == 22 {
            return self.replay(usize::from(step.amount));
        }
        let wish = self.wish(step);
        let expected = self.model.holders.get(&step.sender).map_or(0, |holder| holder.nonce);
        let is_admission = matches!(wish, Wish::Admit { .. });
        let nonce = if is_admission { 0 } else { expected + u64::from(step.other == 255) };
        let signed = self.sign(step.sender, nonce, &wish);
        let must = self.model.apply(step.sender, nonce, &wish);
        let done = self.draft.apply(&signed);
        assert_eq!(done.is_ok(), must, "{done:?}: {wish:?} by {} at {}", step.sender, self.model.height);
        if must {
            assert!(self.ids.insert(signed.id()), "I4: a transaction applies once");
            self.note_channels(step.sender, nonce, &wish);
            self.applied.push(signed);
        }
    }

    fn note_channels(&mut self, sender: Name, nonce: u64, wish: &Wish) {
        if let Wish::Open { entries } = wish {
            for ((payee, ..), index) in entries.iter().zip(0..) {
                let channel = Channel::id(&self.chain(), &id(sender), &id(*payee), nonce, index);
                assert!(!self.channels.contains(&channel), "I4: no channel id is used twice");
                self.channels.push(channel);
            }
        }
    }

    /// I5: whatever applied once never applies again.
    fn replay(&mut self, which: usize) {
        if let Some(old) = self.applied.get(which % self.applied.len().max(1)) {
            assert!(self.draft.clone().apply(old).is_err(), "applied twice: {old:?}");
        }
    }
}

fn config(cases: u32) -> ProptestConfig {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { cases };
    let rng_seed = match ProptestConfig::default().rng_seed {
        RngSeed::Random => RngSeed::Fixed(20_231_122),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(150))]

    /// I1 to I5 and I8: histories of everything.
    #[test]
    fn prop_ledger_does_what_the_plain_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.end_block(0);
    }

    /// I7 and I21: what a coalition can do among itself never makes it richer, and every settled payment poorer.
    #[test]
    fn prop_coalition_gains_nothing_by_paying_itself(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let everybody: BTreeSet<Name> = (0..8).collect();
        let mut before = world.model.holdings(&everybody);
        for step in steps.iter().filter(|step| !(16..=17).contains(&step.kind)) {
            let redeemed = |world: &World| world.model.channels.iter().map(|channel| channel.redeemed).sum::<u64>();
            let was = redeemed(&world);
            world.take(step);
            let now = world.model.holdings(&everybody);
            prop_assert!(now <= before, "richer without a grant");
            if redeemed(&world) > was {
                prop_assert!(now < before, "a settled payment costs something");
            }
            before = now;
        }
        world.end_block(0);
    }

    /// I10: a pause between blocks changes no channel and no balance.
    #[test]
    fn prop_pauses_change_nothing(steps in prop::collection::vec((step(), 0_u64..100_000), 1..60)) {
        let (mut steady, mut stalled) = (World::new(), World::new());
        for (step, pause) in steps.iter().filter(|(step, _)| !(16..=17).contains(&step.kind)) {
            if step.kind == 23 {
                steady.end_block(0);
                stalled.end_block(*pause);
                prop_assert_eq!(steady.state.root(), stalled.state.root());
            } else {
                steady.take(step);
                stalled.take(step);
            }
        }
    }
}

/// A channel of 1,000 from account 0 to account 1, opened in the first block.
fn with_channel(ttl: u32) -> World {
    let mut world = World::new();
    let wish = Wish::Open { entries: vec![(1, 1_000, ttl)] };
    act(&mut world, 0, &wish).unwrap();
    world.end_block(0);
    world
}

fn act(world: &mut World, sender: Name, wish: &Wish) -> Result<(), ledger::state::TransactionError> {
    let nonce = world.model.holders[&sender].nonce;
    let signed = world.sign(sender, nonce, wish);
    let must = world.model.apply(sender, nonce, wish);
    let done = world.draft.apply(&signed);
    assert_eq!(done.is_ok(), must);
    if must {
        world.note_channels(sender, nonce, wish);
    }
    done
}

fn redeem(total: u64) -> Wish {
    Wish::Redeem { cheques: vec![(0, total, false)], fee_from_proceeds: false }
}

#[test]
fn cheques_in_any_order_pay_the_highest_once() {
    // I6: every order of four cheques, each brought twice.
    let totals = [10, 10, 400, 400, 999, 999, 1_000, 1_000];
    for rotation in 0..totals.len() {
        for stride in [1, 3, 5, 7] {
            let mut world = with_channel(6);
            let mut net_fees = 0;
            for at in 0..totals.len() {
                let total = totals[(rotation + at * stride) % totals.len()];
                if act(&mut world, 2, &redeem(total)).is_ok() {
                    net_fees += 1;
                }
            }
            let gross = world.model.channels[0].redeemed;
            assert_eq!(gross, 1_000);
            let got = world.draft.account(&id(1)).unwrap().balance.0 - 9_000;
            // One in a hundred of the whole, and at most one more for the rounding of each redemption.
            assert!((990 - net_fees..=990).contains(&got), "{got} after {net_fees} redemptions");
        }
    }
}

#[test]
fn best_cheque_within_the_window_is_paid_in_full_and_after_it_not_at_all() {
    // I9: closing at once, then redeeming after 0 to 5 more blocks; the window is 3.
    for waited in 0..=5 {
        let mut world = with_channel(6);
        act(&mut world, 0, &Wish::Close { channel: 0 }).unwrap();
        assert!(act(&mut world, 0, &Wish::Close { channel: 0 }).is_err(), "a payer closes once");
        (0..waited).for_each(|_| world.end_block(0));
        let done = act(&mut world, 2, &redeem(1_000));
        assert_eq!(done.is_ok(), waited <= 3, "after {waited} blocks: {done:?}");
        let got = world.draft.account(&id(1)).unwrap().balance.0 - 9_000;
        assert_eq!(got, if waited <= 3 { 990 } else { 0 });
    }
}

#[test]
fn cheque_of_another_chain_or_another_tab_pays_nothing() {
    let world = with_channel(6);
    let promise = Promise { channel: world.channels[0], total: Credits(500), bytes: 0 };
    let other_chain = Cheque::sign(promise, &ChainId([1; 32]), &key(50));
    let other_tab = Cheque::sign(promise, &world.chain(), &key(51));
    for cheque in [other_chain, other_tab] {
        let cheques = Cheques::new(vec![RedeemEntry { cheque, close: false }]).unwrap();
        let body = Body::Redeem(Redemption { cheques, fee_from_proceeds: false });
        let signed = Transaction { sender: id(2), nonce: 0, valid_until: 5, body }.sign(&world.chain(), &key(2));
        assert!(world.draft.clone().apply(&signed).is_err());
    }
}

#[test]
fn transaction_of_another_chain_applies_to_none() {
    let world = World::new();
    let body = Body::Transfer { to: id(1), amount: Credits(1) };
    let transaction = Transaction { sender: id(0), nonce: 0, valid_until: 5, body };
    assert!(world.draft.clone().apply(&transaction.clone().sign(&ChainId([1; 32]), &key(0))).is_err());
    assert!(world.draft.clone().apply(&transaction.clone().sign(&world.chain(), &key(1))).is_err(), "another key");
    assert!(world.draft.clone().apply(&transaction.sign(&world.chain(), &key(0))).is_ok());
}

#[test]
fn lifetime_ends_with_the_block_it_says() {
    for (valid_until, fits) in [(0, false), (1, true), (21, true), (22, false), (u64::MAX, false)] {
        let world = World::new();
        let body = Body::Transfer { to: id(1), amount: Credits(1) };
        let signed = Transaction { sender: id(0), nonce: 0, valid_until, body }.sign(&world.chain(), &key(0));
        assert_eq!(world.draft.clone().apply(&signed).is_ok(), fits, "valid until {valid_until} in block 1");
    }
}

#[test]
fn account_that_comes_back_does_not_revive_its_signatures() {
    let mut world = World::new();
    let wish = Wish::Transfer { to: 1, amount: 5 };
    let early = world.sign(3, 0, &wish);
    assert!(world.model.apply(3, 0, &wish) && world.draft.apply(&early).is_ok());
    (0..9).for_each(|_| world.end_block(0));
    act(&mut world, 0, &Wish::Sweep { who: 3 }).unwrap();
    act(&mut world, 0, &Wish::Transfer { to: 3, amount: 100 }).unwrap();
    world.end_block(0);
    let nonce = world.state.account(&id(3)).unwrap().nonce;
    assert_eq!(nonce, 10 * 65_536, "nonces of a new account begin at its height");
    assert!(world.draft.apply(&early).is_err());
}

#[test]
fn fee_that_leaves_nothing_for_the_amount_is_refused() {
    // Account 3 has 60: fee 7 and 53 fit, 54 do not.
    for (amount, fits) in [(53, true), (54, false)] {
        let mut world = World::new();
        assert_eq!(act(&mut world, 3, &Wish::Transfer { to: 1, amount }).is_ok(), fits);
    }
}

#[test]
fn grant_leaves_the_treasury_and_its_proof_shows_it() {
    let mut world = World::new();
    let before = world.state.treasury();
    let wish = Wish::Admit { issuer: ISSUER, epoch: 0, serial: 511 };
    let signed = world.sign(5, 0, &wish);
    assert!(world.model.apply(5, 0, &wish));
    world.draft.apply(&signed).unwrap();
    world.end_block(0);
    assert_eq!(before.0 - world.state.treasury().0, numbers().grant.0);
    let proof = world.state.prove(&Key::treasury());
    let leaf = proof.verify(&Key::treasury(), &world.state.root()).unwrap().cloned();
    assert_eq!(leaf, Some(Leaf::Treasury { balance: world.state.treasury() }));
}
