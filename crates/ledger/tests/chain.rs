//! Blocks made and checked by whole peers: authority, stake and work; light tabs that follow; and those who lie.

#[path = "support/samples.rs"]
mod samples;

use clock::Timestamp;
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::amount::{Credits, SUPPLY};
use ledger::block::{Block, BlockError, Body, Ground};
use ledger::chain::{Chain, CheckpointError, Import, ImportError};
use ledger::genesis::{Allocation, Genesis};
use ledger::hash::{BlockId, StateRoot};
use ledger::header::Header;
use ledger::history::{Archive, History};
use ledger::leaf::InForce;
use ledger::merkle::InclusionProof;
use ledger::parameters::Parameters;
use ledger::seal::work::{Puzzle, REORG_MAX, Trial, next_difficulty};
use ledger::seal::{Certificate, CertificateError, Engine, Finality, Seal, SealError};
use ledger::state::{Slot, State, TransactionError};
use ledger::transaction::{self, Authorities, OldSignature, SignedTransaction, Transaction};
use ledger::validators::{Validator, Validators};
use ledger::verify::HeaderError;
use ledger::vote::{Ballot, Evidence, Step, Vote};
use ledger::wire::Wire;
use samples::{hex, id, key, same_as};
use std::fmt::Write;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const HOUR: u64 = 3_600_000;

/// A peer that makes blocks with the keys of all validators.
struct Maker {
    ground: Ground,
    headers: Vec<(Header, Seal)>,
    archive: Archive,
    keys: Vec<SigningKey>,
    now: u64,
}

impl Maker {
    fn new(genesis: &Genesis, keys: &[u8]) -> (Self, Chain) {
        let state = genesis.state().unwrap();
        let chain = Chain::new(state.clone());
        let (ground, header) = Ground::genesis(state);
        let mut archive = Archive::default();
        archive.push(&header.id());
        let keys = keys.iter().map(|byte| key(*byte)).collect();
        (Self { ground, headers: vec![(header, Seal::Work)], archive, keys, now: 0 }, chain)
    }

    fn state(&self) -> &State {
        &self.ground.state
    }

    fn slot(&self) -> Slot {
        Slot { timestamp: Timestamp::from_millis(self.now), proposer: id(1) }
    }

    fn sign(&self, sender: u8, body: transaction::Body) -> SignedTransaction {
        let nonce = self.state().account(&id(sender)).unwrap().nonce;
        let valid_until = self.state().height() + 5;
        Transaction { sender: id(sender), nonce, valid_until, body }.sign(&self.state().rules().chain, &key(sender))
    }

    /// Certifies with the keys that are validators of the header's epoch.
    fn certify(&self, header: &Header, validators: &Validators) -> Seal {
        let ballot = Ballot { height: header.height, round: header.round, block: header.id() };
        let vote = |key: &SigningKey| Vote::sign(Step::Precommit, ballot, &header.chain, key);
        let votes: Vec<_> = self.keys.iter().map(vote).collect();
        Seal::Certificate(Certificate::collect(ballot, &votes, validators))
    }

    fn block(&mut self, after_ms: u64, transactions: Vec<SignedTransaction>) -> (Header, Seal) {
        let count = transactions.len();
        self.now += after_ms;
        let (block, state) = self.ground.build(self.slot(), 0, transactions).unwrap();
        assert_eq!(block.body.transactions().len(), count, "every transaction applies");
        assert_eq!(self.ground.execute(&block).unwrap().root(), state.root(), "who checks agrees with who makes");
        let seal = self.certify(&block.header, &state.validators(InForce::Now));
        self.push(block.header, seal, state)
    }

    fn push(&mut self, header: Header, seal: Seal, state: State) -> (Header, Seal) {
        self.ground = self.ground.after(&header, state);
        self.archive.push(&header.id());
        self.headers.push((header.clone(), seal.clone()));
        (header, seal)
    }
}

fn authority(keys: &[u8]) -> (Maker, Chain) {
    let ids: Vec<_> = keys.iter().map(|byte| id(*byte)).collect();
    let mut genesis = Genesis::authority(&ids, Timestamp::from_millis(0)).unwrap();
    genesis.allocations = allocations(&[(50, 1_000_000), (51, 1_000_000)]);
    Maker::new(&genesis, keys)
}

fn allocations(held: &[(u8, u64)]) -> Vec<Allocation> {
    let one = |(name, amount): &(u8, u64)| Allocation { account: id(*name), amount: Credits(*amount) };
    let mut allocations: Vec<_> = held.iter().map(one).collect();
    allocations.sort_by_key(|one| one.account);
    allocations
}

fn import(chain: &mut Chain, (header, seal): (Header, Seal)) -> Result<Import, ImportError> {
    // A clock a day behind and one far ahead: it must not matter to what is final.
    chain.import(header, seal, Timestamp::from_millis(0))
}

fn transfer(amount: u64) -> transaction::Body {
    transaction::Body::Transfer { to: id(51), amount: Credits(amount) }
}

#[test]
fn one_authority_is_enough_and_a_tab_follows_it() {
    let (mut maker, mut chain) = authority(&[1]);
    for amount in 1..=20 {
        let transaction = maker.sign(50, transfer(amount));
        let (header, seal) = maker.block(1_000, vec![transaction]);
        let name = header.id();
        let imported = import(&mut chain, (header, seal)).unwrap();
        assert_eq!(imported, Import::TipChanged { reverted: vec![], connected: vec![name] });
        assert_eq!(chain.finality(&name), Some(Finality::Final));
    }
    assert_eq!(chain.tip().state, maker.state().root());
    assert_eq!(chain.history().root(), maker.ground.history.root());
}

#[test]
fn blocks_have_the_roots_and_ids_of_the_vectors() {
    let (mut maker, mut chain) = authority(&[1, 2, 3, 4]);
    let mut found = format!("genesis {}\n", maker.headers[0].0.id());
    for height in 1..=12 {
        let transactions = if height % 3 == 0 { vec![] } else { vec![maker.sign(50, transfer(height))] };
        let (header, seal) = maker.block(1_000 * height, transactions);
        writeln!(found, "{height} {} {}\n  {}", header.id(), header.state, hex(&seal.to_bytes())).unwrap();
        assert_eq!(Header::from_bytes(&header.to_bytes()).as_ref(), Ok(&header));
        assert_eq!(Seal::from_bytes(&seal.to_bytes()).as_ref(), Ok(&seal));
        import(&mut chain, (header, seal)).unwrap();
    }
    same_as("blocks.txt", include_str!("../../../tests/vectors/ledger/blocks.txt"), &found);
}

#[test]
fn more_than_two_thirds_must_sign_and_two_of_three_are_not() {
    for (keys, signing, holds) in [(3, 2, false), (3, 3, true), (4, 2, false), (4, 3, true), (1, 0, false)] {
        let all: Vec<u8> = (1..=keys).collect();
        let (mut maker, mut chain) = authority(&all);
        maker.keys.truncate(signing);
        let sealed = maker.block(1_000, vec![]);
        assert_eq!(import(&mut chain, sealed).is_ok(), holds, "{signing} of {keys}");
    }
}

/// A header after `change`, certified by whoever the maker has keys of.
fn forged(maker: &Maker, change: impl FnOnce(&mut Header)) -> (Header, Seal) {
    let (block, state) = maker
        .ground
        .build(Slot { timestamp: Timestamp::from_millis(maker.now + 1_000), proposer: id(1) }, 0, vec![])
        .unwrap();
    let mut header = block.header;
    change(&mut header);
    let seal = maker.certify(&header, &state.validators(InForce::Now));
    (header, seal)
}

#[test]
fn tab_refuses_what_even_all_authorities_signed_together() {
    let (mut maker, mut chain) = authority(&[1, 2, 3, 4]);
    let first = maker.block(1_000, vec![]);
    import(&mut chain, first).unwrap();
    let outflow = Parameters::default().outflow_max().0;
    let refused = |change: fn(&mut Header, u64)| {
        let sealed = forged(&maker, |header| change(header, outflow));
        match import(&mut chain.clone(), sealed) {
            Err(ImportError::Header(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(refused(|header, most| header.treasury.0 -= most + 1), HeaderError::Treasury { .. }));
    assert!(matches!(refused(|header, _| header.history.0[0] ^= 1), HeaderError::History));
    assert!(matches!(
        refused(|header, _| header.timestamp = Timestamp::from_millis(1_999)),
        HeaderError::TooSoon { .. }
    ));
    assert!(matches!(refused(|header, _| header.validators.0[0] ^= 1), HeaderError::Validators { .. }));
    assert!(matches!(refused(|header, _| header.chain.0[0] ^= 1), HeaderError::OtherChain { .. }));
    assert!(matches!(refused(|header, _| header.engine = Engine::Work), HeaderError::OtherEngine { .. }));
    assert!(matches!(refused(|header, _| header.height += 1), HeaderError::Height { .. }));
    assert!(matches!(refused(|header, _| header.epoch = 1), HeaderError::Epoch { .. }));
    let data = refused(|header, _| header.engine_data = vec![1]);
    assert_eq!(data, HeaderError::Seal(SealError::EngineData));
    // And the largest honest fall is not refused.
    let honest = forged(&maker, |header| header.treasury.0 -= outflow);
    assert!(import(&mut chain.clone(), honest).is_ok());
}

#[test]
fn validators_are_never_taken_from_the_header_that_names_them() {
    let (maker, mut chain) = authority(&[1]);
    let (mut header, _) = forged(&maker, |_| {});
    let usurpers = Validators::equal(&[id(9)]).unwrap();
    header.validators = usurpers.hash();
    assert!(!chain.learn(usurpers.clone()), "the tip does not name them");
    let ballot = Ballot { height: 1, round: 0, block: header.id() };
    let vote = Vote::sign(Step::Precommit, ballot, &header.chain, &key(9));
    let seal = Seal::Certificate(Certificate::collect(ballot, &[vote], &usurpers));
    let refused = import(&mut chain, (header, seal));
    assert!(matches!(refused, Err(ImportError::Header(HeaderError::Validators { .. }))));
}

#[test]
fn certificates_with_changed_parts_certify_nothing() {
    let (mut maker, _) = authority(&[1, 2, 3, 4]);
    let validators = maker.state().validators(InForce::Now);
    let (header, seal) = maker.block(1_000, vec![]);
    let Seal::Certificate(certificate) = &seal else { panic!("certified") };
    let check = |certificate: &Certificate| certificate.check(&header.id(), 1, &validators, &header.chain);
    assert_eq!(check(certificate), Ok(4));
    let bytes = certificate.to_bytes();
    for bit in (0..bytes.len() * 8).filter(|bit| *bit < 48 * 8 || bit % 61 == 0) {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!Certificate::from_bytes(&changed).is_ok_and(|found| check(&found).is_ok()), "bit {bit}");
    }
    let three = Validators::equal(&[id(1), id(2), id(3)]).unwrap();
    assert_eq!(certificate.check(&header.id(), 1, &three, &header.chain), Err(CertificateError::Stranger));
    let none = Certificate::collect(*certificate.ballot(), &[], &validators);
    assert_eq!(check(&none), Err(CertificateError::Quorum { power: 0, total: 4 }));
}

#[test]
fn two_certificates_for_one_height_stop_the_chain_and_name_who_signed_both() {
    let (mut maker, mut chain) = authority(&[1, 2, 3, 4]);
    let validators = maker.state().validators(InForce::Now);
    maker.keys = vec![key(1), key(2), key(3)];
    let first = forged(&maker, |_| {});
    maker.keys = vec![key(2), key(3), key(4)];
    let second = forged(&maker, |header| header.state = StateRoot([1; 32]));
    import(&mut chain, first.clone()).unwrap();
    let Ok(Import::Conflict(conflict)) = import(&mut chain, second.clone()) else { panic!("both are sealed") };
    assert_eq!((&conflict.ours, &conflict.theirs), (&first, &second));
    assert_eq!(chain.tip_id(), first.0.id(), "the first is not replaced");
    let next = maker.block(1_000, vec![]);
    assert_eq!(import(&mut chain, next), Err(ImportError::Stopped));
    let (Seal::Certificate(one), Seal::Certificate(other)) = (&first.1, &second.1) else { panic!("certified") };
    let named: Vec<_> = one.double_signers(other, &validators).iter().map(|found| found.vote().validator).collect();
    assert_eq!(named, [id(2), id(3)], "at least a third of the power");
}

#[test]
fn tab_jumps_within_an_epoch_and_steps_into_the_next() {
    let (mut maker, mut chain) = authority(&[1, 2]);
    (0..50).for_each(|_| drop(maker.block(1_000, vec![])));
    let (header, seal) = maker.headers[50].clone();
    let history = maker.headers[..50].iter().fold(History::default(), |all, (header, _)| all.with(&header.id()));
    let ancestry = maker.archive.prove(0, 50).unwrap();
    chain.jump(header, seal, &history, &ancestry).unwrap();
    assert_eq!(chain.tip().height, 50);
    let stepped = maker.block(HOUR, vec![]);
    assert_eq!(stepped.0.epoch, 1);
    import(&mut chain, stepped.clone()).unwrap();
    // A jump into another epoch would trust whoever that epoch names.
    let (_, mut late) = authority(&[1, 2]);
    let history = maker.headers[..51].iter().fold(History::default(), |all, (header, _)| all.with(&header.id()));
    let ancestry = maker.archive.prove(0, 51).unwrap();
    let refused = late.jump(stepped.0, stepped.1, &history, &ancestry);
    assert!(matches!(refused, Err(ImportError::Header(HeaderError::Validators { .. }))), "{refused:?}");
}

#[test]
fn checkpoint_is_trusted_only_with_what_it_commits_to() {
    let (mut maker, _) = authority(&[1, 2]);
    (0..5).for_each(|_| drop(maker.block(1_000, vec![])));
    let rules = maker.state().rules().clone();
    let (header, seal) = maker.headers[5].clone();
    let history =
        |count: usize| maker.headers[..count].iter().fold(History::default(), |all, one| all.with(&one.0.id()));
    let lists = || [maker.state().validators(InForce::Now), maker.state().validators(InForce::Next)];
    let begin = |history, lists| Chain::from_checkpoint(rules.clone(), header.clone(), seal.clone(), &history, lists);
    assert!(begin(history(5), lists()).is_ok());
    assert!(matches!(begin(history(4), lists()), Err(CheckpointError::Header(HeaderError::History))));
    let strangers = [Validators::equal(&[id(9)]).unwrap(), Validators::equal(&[id(9)]).unwrap()];
    assert!(matches!(begin(history(5), strangers), Err(CheckpointError::Validators)));
}

#[test]
fn authorities_change_by_agreement_from_the_next_epoch_on() {
    let (mut maker, mut chain) = authority(&[1, 2, 3]);
    let rules = maker.state().rules().clone();
    let old = maker.state().validators(InForce::Now);
    let ids = vec![id(2), id(7)];
    let agreed = |byte| Authorities::sign(1, &ids, old.hash(), &rules.chain, &key(byte));
    let by = |places: &[u8]| places.iter().map(|at| OldSignature { place: *at, signature: agreed(at + 1) }).collect();
    let set = |old, new| transaction::Body::SetAuthorities(Authorities::new(1, ids.clone(), old, new).unwrap());
    let too_few = maker.sign(50, set(by(&[0, 1]), vec![agreed(2), agreed(7)]));
    let unwilling = maker.sign(50, set(by(&[0, 1, 2]), vec![agreed(2), agreed(2)]));
    for refused in [too_few, unwilling] {
        let done = maker.state().begin(maker.slot()).apply(&refused);
        assert_eq!(done, Err(TransactionError::NotAgreed));
    }
    let change = maker.sign(50, set(by(&[0, 1, 2]), vec![agreed(2), agreed(7)]));
    let announced = maker.block(1_000, vec![change.clone()]);
    import(&mut chain, announced.clone()).unwrap();
    assert_eq!(announced.0.validators, old.hash());
    let new = Validators::equal(&ids).unwrap();
    assert_eq!(announced.0.next_validators, new.hash());
    maker.keys = vec![key(2), key(7)];
    let stepped = maker.block(HOUR, vec![]);
    let unknown = ImportError::UnknownValidators { hash: new.hash() };
    assert_eq!(import(&mut chain, stepped.clone()), Err(unknown), "the list must come first");
    assert!(chain.learn(new));
    import(&mut chain, stepped).unwrap();
    let again = maker.sign(50, change.transaction().body.clone());
    let done = maker.state().begin(maker.slot()).apply(&again);
    assert_eq!(done, Err(TransactionError::NotAgreed), "an agreement is used once");
}

fn evidence(maker: &Maker, byte: u8) -> transaction::Body {
    let vote = |block| {
        Vote::sign(Step::Precommit, Ballot { height: 1, round: 0, block }, &maker.state().rules().chain, &key(byte))
    };
    transaction::Body::Evidence(Evidence::new(vote(BlockId([1; 32])), vote(BlockId([2; 32]))).unwrap())
}

#[test]
fn authority_that_signs_twice_is_gone_from_the_next_epoch_on() {
    let (mut maker, _) = authority(&[1, 2]);
    let report = maker.sign(50, evidence(&maker, 2));
    maker.block(1_000, vec![report]);
    assert_eq!(maker.state().validators(InForce::Now).len(), 2);
    let again = maker.sign(50, evidence(&maker, 2));
    assert_eq!(maker.state().begin(maker.slot()).apply(&again), Err(TransactionError::Evidence), "once for one fault");
    maker.block(HOUR, vec![]);
    assert_eq!(maker.state().validators(InForce::Now), Validators::equal(&[id(1)]).unwrap());
    let last = maker.sign(50, evidence(&maker, 1));
    assert_eq!(maker.state().begin(maker.slot()).apply(&last), Err(TransactionError::Evidence), "the last one stays");
}

const BOND: u64 = 1 << 30;

fn stake() -> (Maker, Chain) {
    let validators = (1..=3).map(|byte| Validator { id: id(byte), power: BOND }).collect();
    let genesis = Genesis {
        engine: Engine::Stake,
        validators: Validators::new(validators).unwrap(),
        allocations: allocations(&[(50, 1 << 40), (1, 1_000)]),
        ..Genesis::authority(&[id(1)], Timestamp::from_millis(0)).unwrap()
    };
    Maker::new(&genesis, &[1, 2, 3])
}

#[test]
fn bond_counts_from_the_epoch_after_next_and_grows_slowly() {
    let (mut maker, _) = stake();
    let bond = maker.sign(50, transaction::Body::Bond { amount: Credits(1 << 39) });
    maker.block(1_000, vec![bond]);
    let powers = |maker: &Maker| maker.state().validators(InForce::Now).power_of(&id(50));
    maker.block(HOUR, vec![]);
    assert_eq!(powers(&maker), 0, "not in the next epoch");
    maker.block(HOUR, vec![]);
    let first = powers(&maker);
    assert_eq!(first, 3 * BOND / 50, "in the one after, by two in a hundred of all power");
    maker.block(HOUR, vec![]);
    let second = powers(&maker);
    let limit = (3 * BOND + first) / 50;
    assert!(second > first && second - first <= limit, "{second}");
    // 2^39 could outvote 3 * 2^30 at once; it takes many epochs to get there.
    assert!(!maker.state().validators(InForce::Now).is_quorum(second));
}

#[test]
fn double_signature_burns_a_share_and_jails() {
    let (mut maker, _) = stake();
    let unbond = maker.sign(1, transaction::Body::Unbond { amount: Credits(BOND / 2) });
    maker.block(1_000, vec![unbond]);
    let (treasury, before) = (maker.state().treasury().0, maker.state().account(&id(50)).unwrap().balance.0);
    let report = maker.sign(50, evidence(&maker, 1));
    let fees = 32;
    maker.block(1_000, vec![report]);
    let burnt = 2 * (BOND / 2 * 5).div_ceil(100);
    let reward = burnt * 5 / 100;
    let reporter = maker.state().account(&id(50)).unwrap().balance.0;
    assert_eq!(reporter, before - fees + reward);
    // The producer (account 1) has half of the fee and the reward of the block.
    assert_eq!(maker.state().treasury().0, treasury + burnt - reward + fees / 2 - 64);
    maker.block(HOUR, vec![]);
    assert_eq!(maker.state().validators(InForce::Now).power_of(&id(1)), 0, "jailed at once");
    (0..7).for_each(|_| drop(maker.block(HOUR, vec![])));
    assert_eq!(maker.state().validators(InForce::Now).power_of(&id(1)), 0, "for eight epochs");
    maker.block(HOUR, vec![]);
    assert!(maker.state().validators(InForce::Now).power_of(&id(1)) > 0);
}

#[test]
fn what_is_unbonded_comes_back_after_a_week_and_can_be_slashed_until_then() {
    let (mut maker, _) = stake();
    let unbond = maker.sign(1, transaction::Body::Unbond { amount: Credits(BOND) });
    maker.block(1_000, vec![unbond]);
    let early = maker.sign(1, transaction::Body::Withdraw { release: 168 });
    assert_eq!(maker.state().begin(maker.slot()).apply(&early), Err(TransactionError::NotBonded));
    maker.block(168 * HOUR, vec![]);
    let withdraw = maker.sign(1, transaction::Body::Withdraw { release: 168 });
    let before = maker.state().account(&id(1)).unwrap().balance.0;
    maker.block(1_000, vec![withdraw]);
    let after = maker.state().account(&id(1)).unwrap().balance.0;
    assert!(after >= before + BOND - 32, "{after}");
}

/// A chain of easy puzzles, so that a test solves hundreds.
fn work() -> (Maker, Chain) {
    let parameters = Parameters { work_difficulty: 1, work_interval_ms: 2_000, ..Parameters::default() };
    let genesis = Genesis {
        engine: Engine::Work,
        parameters,
        validators: Validators::default(),
        ..Genesis::authority(&[id(1)], Timestamp::from_millis(0)).unwrap()
    };
    Maker::new(&genesis, &[])
}

fn mine(maker: &mut Maker, after_ms: u64, proposer: AccountId) -> (Header, Seal) {
    maker.now += after_ms;
    let slot = Slot { timestamp: Timestamp::from_millis(maker.now), proposer };
    let (Block { mut header, .. }, state) = maker.ground.build(slot, 0, vec![]).unwrap();
    let ancestors: Vec<_> = maker.headers.iter().map(|(header, _)| header.clone()).collect();
    let difficulty = next_difficulty(&ancestors, &maker.state().rules().parameters);
    let mut trial = Trial::default();
    for nonce in 0.. {
        let puzzle = Puzzle { difficulty, nonce };
        header.engine_data = puzzle.to_bytes();
        if puzzle.is_solved_by(&trial.run(&header).unwrap()) {
            break;
        }
    }
    maker.push(header, Seal::Work, state)
}

fn import_work(chain: &mut Chain, (header, seal): (Header, Seal)) -> Result<Import, ImportError> {
    let now = header.timestamp;
    chain.import(header, seal, now)
}

#[test]
fn heavier_branch_is_followed_and_says_what_it_reverts() {
    let (mut ours, mut chain) = work();
    let (mut theirs, _) = work();
    let our_blocks: Vec<_> = (0..3).map(|_| mine(&mut ours, 2_000, id(1))).collect();
    let their_blocks: Vec<_> = (0..4).map(|_| mine(&mut theirs, 2_000, id(2))).collect();
    for block in &our_blocks {
        import_work(&mut chain, block.clone()).unwrap();
    }
    for block in &their_blocks[..3] {
        assert_eq!(import_work(&mut chain, block.clone()), Ok(Import::TipUnchanged), "as heavy is not heavier");
    }
    let names = |blocks: &[(Header, Seal)]| blocks.iter().map(|(header, _)| header.id()).collect::<Vec<_>>();
    let mut reverted = names(&our_blocks);
    reverted.reverse();
    let switched = import_work(&mut chain, their_blocks[3].clone()).unwrap();
    assert_eq!(switched, Import::TipChanged { reverted, connected: names(&their_blocks) });
    let oldest = chain.finality(&their_blocks[0].0.id());
    assert!(matches!(oldest, Some(Finality::Confirmed { depth: 4, .. })), "never final: {oldest:?}");
    assert_eq!(chain.finality(&our_blocks[0].0.id()), None);
}

#[test]
fn puzzle_that_is_unsolved_easier_early_or_ahead_is_refused() {
    let (mut maker, mut chain) = work();
    let first = mine(&mut maker, 2_000, id(1));
    import_work(&mut chain, first).unwrap();
    let (good, seal) = mine(&mut maker, 100_000, id(1));
    let refused = |change: fn(&mut Header)| {
        let mut header = good.clone();
        change(&mut header);
        import_work(&mut chain.clone(), (header, seal.clone()))
    };
    let easier = refused(|header| header.engine_data = Puzzle { difficulty: 0, nonce: 0 }.to_bytes());
    assert!(matches!(easier, Err(ImportError::Header(HeaderError::Seal(SealError::Difficulty { .. })))), "{easier:?}");
    let early = refused(|header| header.timestamp = Timestamp::from_millis(0));
    assert_eq!(early, Err(ImportError::Header(HeaderError::Seal(SealError::Time))));
    let none = refused(|header| header.engine_data.clear());
    assert_eq!(none, Err(ImportError::Header(HeaderError::Seal(SealError::EngineData))));
    let ahead = chain.clone().import(good.clone(), seal.clone(), Timestamp::from_millis(41_999));
    assert_eq!(ahead, Err(ImportError::Ahead), "more than a minute");
    assert!(chain.import(good, seal, Timestamp::from_millis(42_000)).is_ok());
}

#[test]
fn difficulty_follows_the_speed_of_blocks_by_at_most_a_factor_of_two() {
    let parameters = Parameters { work_difficulty: 1_000, ..Parameters::default() };
    let header = |height: u64, at: u64, difficulty: u64| {
        let (maker, _) = authority(&[1]);
        let mut header = maker.headers[0].0.clone();
        (header.height, header.timestamp) = (height, Timestamp::from_millis(at));
        header.engine_data = Puzzle { difficulty, nonce: 0 }.to_bytes();
        header
    };
    assert_eq!(next_difficulty(&[header(0, 0, 1)], &parameters), 1_000);
    for (every, low, high) in [(30_000, 990, 1_010), (3_000, 2_000, 2_000), (300_000, 500, 500), (20_000, 1_400, 1_600)]
    {
        let ancestors: Vec<_> = (0..=60).map(|height| header(height, height * every, 1_000)).collect();
        let next = next_difficulty(&ancestors, &parameters);
        assert!((low..=high).contains(&next), "{next} after blocks every {every} ms");
    }
}

#[test]
fn branch_that_would_undo_too_much_is_an_alarm() {
    let (mut ours, mut chain) = work();
    let (mut theirs, _) = work();
    for _ in 0..=REORG_MAX {
        let block = mine(&mut ours, 12_000, id(1));
        import_work(&mut chain, block).unwrap();
    }
    let fork = mine(&mut theirs, 12_000, id(2));
    let refused = import_work(&mut chain, fork);
    assert_eq!(refused, Err(ImportError::TooDeep { depth: u64::from(REORG_MAX) + 1 }));
}

#[test]
fn block_whose_body_or_header_lies_is_refused_by_who_executes_it() {
    let (mut maker, _) = authority(&[1]);
    let transactions = vec![maker.sign(50, transfer(5))];
    maker.now += 1_000;
    let (block, _) = maker.ground.build(maker.slot(), 0, transactions).unwrap();
    assert!(maker.ground.execute(&block).is_ok());
    let other_body = Block { body: Body::default(), ..block.clone() };
    assert_eq!(maker.ground.execute(&other_body).unwrap_err(), BlockError::Transactions);
    let mut printed = block.clone();
    printed.header.treasury = SUPPLY;
    assert_eq!(maker.ground.execute(&printed).unwrap_err(), BlockError::Header { what: "treasury" });
    let mut rooted = block;
    rooted.header.state = StateRoot([0; 32]);
    assert_eq!(maker.ground.execute(&rooted).unwrap_err(), BlockError::Header { what: "state" });
}

#[test]
fn transaction_in_a_block_is_proved_under_its_header() {
    let (mut maker, _) = authority(&[1]);
    let transaction = maker.sign(50, transfer(5));
    let (header, _) = maker.block(1_000, vec![transaction.clone()]);
    let proof = InclusionProof::new(&[transaction.id()], 0).unwrap();
    assert!(proof.verify(&transaction.id(), &header.transactions));
}
