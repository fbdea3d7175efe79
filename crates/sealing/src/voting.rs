//! Engines authority and stake: propose, vote, certify.
//!
//! Around the [`agreement`](crate::agreement) core this keeps what the core does not want to know: blocks, signatures,
//! time, records, and who is further than we are.
//!
//! - Every input of the core is recorded in order. The records leave with the first step that signs something, so what
//!   was signed can always be signed again from them, and nothing else can.
//! - A maker that was away signs nothing for [`QUIET`] and listens for sealed blocks above its own: a copy of an old
//!   disk would otherwise vote a second time at heights that are decided.
//! - What may be lost is sent again every [`RESEND`]: the proposal and all votes of the round, and what the maker wants.

use crate::agreement::{Agreement, Heard, ROUNDS_AHEAD_MAX, Wait, Wish};
use crate::message::{Message, Proposal, Sealed, UNSIGNED, VOTES_MAX};
use crate::sealer::{Base, Input};
use crate::step::{Record, Send};
use clock::{Time, Timestamp};
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::block::{Block, TRANSACTIONS_MAX};
use ledger::hash::BlockId;
use ledger::header::Header;
use ledger::leaf::InForce;
use ledger::seal::{Certificate, Seal};
use ledger::signing::account_of;
use ledger::state::State;
use ledger::validators::Validators;
use ledger::verify;
use ledger::vote::{Ballot, Step, Vote};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a maker listens before it signs, unless its chain is new.
pub const QUIET: Duration = Duration::from_secs(10);

/// How often a maker says again what it said about an undecided height.
pub const RESEND: Duration = Duration::from_secs(1);

/// How far ahead of ours the clock of a proposer may be.
const AHEAD_MAX_MS: u64 = 5_000;

/// Proposals kept of one round: an honest proposer makes one, and two are evidence.
const PROPOSALS_PER_ROUND_MAX: usize = 2;

/// The state of the next height while it is being decided.
#[derive(Debug)]
struct Deciding {
    height: u64,
    agreement: Agreement,
    validators: Validators,
    /// Good blocks that were proposed, and the states they lead to.
    blocks: BTreeMap<BlockId, (Block, State)>,
    proposals: BTreeMap<u32, Vec<Proposal>>,
    /// What this maker signed: one ballot per round and step, ever.
    signed: BTreeMap<(u32, Step), BlockId>,
    waits: BTreeMap<Wait, Time>,
    resend_at: Time,
    /// Heard since the last step that signed something.
    unsaved: Vec<Record>,
}

/// A validator.
#[derive(Debug)]
pub(crate) struct Voting {
    key: SigningKey,
    me: AccountId,
    quiet_until: Time,
    /// The highest block that is known to be sealed.
    sealed_elsewhere: u64,
    /// When to ask for more again, while listening.
    want_at: Option<Time>,
    deciding: Option<Deciding>,
}

impl Voting {
    pub(crate) fn new<P: Copy + Ord>(
        base: &mut Base<P>,
        key: SigningKey,
        records: Vec<Record>,
        now: Time,
        clock: Timestamp,
    ) -> Self {
        let me = account_of(&key);
        let is_new = base.height() == 0 && records.is_empty();
        let quiet_until = if is_new { now } else { now + QUIET };
        let want_at = (!is_new).then_some(now);
        let mut voting = Self { key, me, quiet_until, sealed_elsewhere: 0, want_at, deciding: None };
        if !records.is_empty() {
            voting.replay(base, now, clock, records);
        }
        voting
    }

    /// The height that is sealed elsewhere, while ours is below it.
    pub(crate) fn behind<P: Copy + Ord>(&self, base: &Base<P>) -> Option<u64> {
        (self.sealed_elsewhere > base.height()).then_some(self.sealed_elsewhere)
    }

    fn may_sign<P: Copy + Ord>(&self, base: &Base<P>, now: Time) -> bool {
        now >= self.quiet_until && self.behind(base).is_none()
    }

    /// Hears the records of a crashed life again. What they signed is signed again, to the byte, and sent once more.
    fn replay<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, records: Vec<Record>) {
        self.begin(base, now);
        let Some(deciding) = &mut self.deciding else { return };
        deciding.resend_at = self.quiet_until;
        for record in records {
            let Some(deciding) = &mut self.deciding else { return };
            let heard = match record {
                Record::Built { round, proposal } => {
                    let block = proposal.vote.ballot.block;
                    deciding.keep(base, *proposal);
                    Heard::Built { round, block }
                }
                Record::Proposed { is_valid, proposal } => {
                    let (vote, locked) = (proposal.vote, proposal.locked.checked_sub(1));
                    deciding.keep(base, *proposal);
                    Heard::Proposed { vote, locked, is_valid }
                }
                Record::Voted(vote) => Heard::Voted(vote),
                Record::Preferred(votes) => Heard::Preferred(votes),
                Record::Elapsed { wait, round } => Heard::Elapsed(Wait { kind: wait, round }),
            };
            deciding.agreement.hear(heard);
            self.replay_wishes(now);
        }
        self.perform(base, now, clock);
    }

    /// What was wished during a replay was done in the life before; only waits begin anew.
    fn replay_wishes(&mut self, now: Time) {
        let Some(deciding) = &mut self.deciding else { return };
        while let Some(wish) = deciding.agreement.poll_wish() {
            match wish {
                Wish::Vote { step, round, block } => _ = deciding.signed.insert((round, step), block),
                Wish::Propose { round, block, .. } => _ = deciding.signed.insert((round, Step::Proposal), block),
                Wish::Wait(wait, after) => _ = deciding.waits.insert(wait, now + after),
                Wish::Build { .. } | Wish::Decided { .. } => {}
            }
        }
    }

    pub(crate) fn handle<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, input: Input<P>) {
        match input {
            Input::Message { from, message } => self.on_message(base, now, clock, from, message),
            Input::Shown { header, seal } => self.on_shown(base, &header, &seal),
            Input::Try { .. } | Input::Wake => {}
        }
        self.on_time(base, now, clock);
    }

    pub(crate) fn next_deadline<P: Copy + Ord>(&self, base: &Base<P>) -> Option<Time> {
        let at = match &self.deciding {
            Some(deciding) => deciding.waits.values().copied().fold(deciding.resend_at, Time::min),
            None => base.due_at(),
        };
        let sign_at = self.behind(base).is_none().then(|| at.max(self.quiet_until));
        [sign_at, self.want_at].into_iter().flatten().min()
    }

    fn on_message<P: Copy + Ord>(
        &mut self,
        base: &mut Base<P>,
        now: Time,
        clock: Timestamp,
        from: P,
        message: Message,
    ) {
        let next = base.height() + 1;
        match message {
            Message::Want { height } if height <= base.height() => base.send(Send::Blocks(from, height)),
            Message::Want { height } => self.ask_if_further(base, from, height),
            Message::Sealed(sealed) => self.on_sealed(base, now, clock, from, *sealed),
            Message::Proposal(proposal) => match proposal.vote.ballot.height {
                height if height < next => base.send(Send::Blocks(from, height)),
                height if height > next => self.ask_if_further(base, from, height),
                _ => self.on_proposal(base, now, clock, *proposal),
            },
            Message::Votes(votes) => {
                for vote in votes.iter().take(VOTES_MAX).copied() {
                    match vote.ballot.height {
                        height if height < next => return base.send(Send::Blocks(from, height)),
                        height if height > next => return self.ask_if_further(base, from, height),
                        _ => self.on_vote(base, now, clock, vote),
                    }
                }
                self.on_preferred(base, now, clock, votes);
            }
        }
    }

    /// Votes that arrive together may prove that two thirds preferred a block, though one of them contradicts a vote
    /// that was heard before and so does not count by itself.
    fn on_preferred<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, votes: Vec<Vote>) {
        let Some(deciding) = &mut self.deciding else { return };
        let fits = |vote: &&Vote| vote.step == Step::Prevote && vote.ballot.block != BlockId::NONE;
        let Some(ballot) = votes.iter().find(fits).map(|vote| vote.ballot) else { return };
        let is_for_us = ballot.height == deciding.height
            && ballot.round <= deciding.agreement.round().saturating_add(ROUNDS_AHEAD_MAX)
            && !deciding.agreement.is_preferred(ballot.round, ballot.block);
        if !is_for_us {
            return;
        }
        let mut by_validator = BTreeMap::new();
        for vote in votes.iter().filter(fits).filter(|vote| vote.ballot == ballot) {
            by_validator.entry(vote.validator).or_insert(*vote);
        }
        let power = |who: &AccountId| deciding.validators.power_of(who);
        by_validator.retain(|who, _| power(who) > 0);
        if !deciding.validators.is_quorum(by_validator.keys().map(power).sum()) {
            return;
        }
        let chain = base.full.chain().rules().chain;
        let votes: Vec<Vote> = by_validator.into_values().collect();
        if votes.iter().all(|vote| deciding.agreement.has(vote) || vote.is_signed(&chain)) {
            deciding.unsaved.push(Record::Preferred(votes.clone()));
            deciding.agreement.hear(Heard::Preferred(votes));
            self.perform(base, now, clock);
        }
    }

    fn ask_if_further<P: Copy + Ord>(&self, base: &mut Base<P>, from: P, height: u64) {
        let next = base.height() + 1;
        if height > next {
            base.send(Send::One(from, Message::Want { height: next }));
        }
    }

    fn on_sealed<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, from: P, sealed: Sealed) {
        let header = sealed.block.header.clone();
        if header.height > base.height() + 1 {
            self.on_shown(base, &header, &sealed.seal);
            return self.ask_if_further(base, from, header.height);
        }
        if matches!(base.import(now, clock, sealed), Ok(true)) {
            self.deciding = None;
            // There may be more where that came from.
            let height = base.height() + 1;
            base.send(Send::One(from, Message::Want { height }));
        }
    }

    /// A header from beyond our tip that validators known to us sealed: they are further, and so we sign nothing.
    fn on_shown<P: Copy + Ord>(&mut self, base: &Base<P>, header: &Header, seal: &Seal) {
        let (chain, state) = (base.full.chain(), &base.full.ground().state);
        let rules = chain.rules();
        if header.height <= base.height().max(self.sealed_elsewhere) || verify::check_chain(rules, header).is_err() {
            return;
        }
        let lists = [InForce::Now, InForce::Next].map(|which| state.validators(which));
        let list = lists.iter().find(|list| list.hash() == header.validators);
        if list.is_some_and(|list| rules.engine.rules().check(rules, &[], list, header, seal).is_ok()) {
            self.sealed_elsewhere = header.height;
            self.deciding = None;
        }
    }

    fn on_proposal<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, proposal: Proposal) {
        if !self.ensure_deciding(base, now, clock) {
            return;
        }
        let Some(deciding) = &mut self.deciding else { return };
        let round = proposal.round();
        let known = deciding.proposals.get(&round).map_or(&[][..], Vec::as_slice);
        let is_for_us = deciding.agreement.proposer(round) == Some(proposal.proposer())
            && round <= deciding.agreement.round().saturating_add(ROUNDS_AHEAD_MAX)
            && known.len() < PROPOSALS_PER_ROUND_MAX
            && !known.iter().any(|one| one.vote == proposal.vote && one.locked == proposal.locked);
        if !is_for_us || !proposal.is_signed(&base.full.chain().rules().chain) {
            return;
        }
        let other = known.iter().find_map(|one| ledger::vote::Evidence::new(one.vote, proposal.vote));
        let is_valid = deciding.judge(base, clock, &proposal);
        let (vote, locked) = (proposal.vote, proposal.locked.checked_sub(1));
        deciding.unsaved.push(Record::Proposed { is_valid, proposal: Box::new(proposal.clone()) });
        deciding.proposals.entry(round).or_default().push(proposal);
        deciding.agreement.hear(Heard::Proposed { vote, locked, is_valid });
        if let Some(evidence) = other {
            base.report(now, clock, &self.key, evidence);
        }
        self.perform(base, now, clock);
    }

    fn on_vote<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, vote: Vote) {
        if !self.ensure_deciding(base, now, clock) {
            return;
        }
        let Some(deciding) = &mut self.deciding else { return };
        let is_for_us = deciding.validators.power_of(&vote.validator) > 0
            && vote.step != Step::Proposal
            && vote.ballot.round <= deciding.agreement.round().saturating_add(ROUNDS_AHEAD_MAX)
            && !deciding.agreement.has(&vote);
        if !is_for_us || !vote.is_signed(&base.full.chain().rules().chain) {
            return;
        }
        deciding.unsaved.push(Record::Voted(vote));
        deciding.agreement.hear(Heard::Voted(vote));
        for evidence in deciding.agreement.take_evidence() {
            base.report(now, clock, &self.key, evidence);
        }
        self.perform(base, now, clock);
    }

    fn ensure_deciding<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp) -> bool {
        if self.deciding.is_none() && self.may_sign(base, now) {
            self.begin(base, now);
            self.perform(base, now, clock);
        }
        // The begin may have decided, if one vote is enough.
        self.deciding.is_some() && self.may_sign(base, now)
    }

    fn begin<P: Copy + Ord>(&mut self, base: &Base<P>, now: Time) {
        let validators = base.full.electorate();
        if validators.power_of(&self.me) == 0 {
            return;
        }
        let height = base.height() + 1;
        self.deciding = Some(Deciding {
            height,
            agreement: Agreement::new(height, &validators, self.me),
            validators,
            blocks: BTreeMap::new(),
            proposals: BTreeMap::new(),
            signed: BTreeMap::new(),
            waits: BTreeMap::new(),
            resend_at: now + RESEND,
            unsaved: Vec::new(),
        });
    }

    /// Does what is due.
    fn on_time<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp) {
        if !self.may_sign(base, now) {
            if self.want_at.is_none_or(|at| at <= now) {
                self.want_at = Some(now + RESEND);
                let height = base.height() + 1;
                base.send(Send::All(Message::Want { height }));
            }
            return;
        }
        self.want_at = None;
        if self.deciding.is_none() && base.due_at() <= now {
            self.begin(base, now);
            self.perform(base, now, clock);
        }
        while let Some(deciding) = &mut self.deciding {
            let Some((wait, _)) = deciding.waits.iter().find(|(_, at)| **at <= now).map(|(wait, at)| (*wait, *at))
            else {
                break;
            };
            deciding.waits.remove(&wait);
            deciding.unsaved.push(Record::Elapsed { wait: wait.kind, round: wait.round });
            deciding.agreement.hear(Heard::Elapsed(wait));
            self.perform(base, now, clock);
        }
        if let Some(deciding) = self.deciding.as_mut().filter(|deciding| deciding.resend_at <= now) {
            deciding.resend_at = now + RESEND;
            deciding.resend(base);
        }
    }

    /// Does what the agreement wishes, until it wishes nothing more.
    fn perform<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp) {
        while let Some(deciding) = &mut self.deciding {
            let Some(wish) = deciding.agreement.poll_wish() else { return };
            match wish {
                Wish::Build { round } => {
                    if let Some(proposal) = self.build(base, clock, round) {
                        let Some(deciding) = &mut self.deciding else { return };
                        let block = proposal.vote.ballot.block;
                        deciding.unsaved.push(Record::Built { round, proposal: Box::new(proposal) });
                        deciding.agreement.hear(Heard::Built { round, block });
                    }
                }
                Wish::Propose { round, block, locked } => self.propose(base, round, block, locked),
                Wish::Vote { step, round, block } => {
                    if let Some(vote) = self.sign(base, step, round, block) {
                        let Some(deciding) = &mut self.deciding else { return };
                        deciding.unsaved.push(Record::Voted(vote));
                        deciding.agreement.hear(Heard::Voted(vote));
                        deciding.save_into(base);
                        base.send(Send::All(Message::Votes(vec![vote])));
                    }
                }
                Wish::Wait(wait, after) => _ = deciding.waits.insert(wait, now + after),
                Wish::Decided { round, block } => self.decide(base, now, clock, round, block),
            }
        }
    }

    /// Signs a ballot, unless another one of the same round and step was signed.
    fn sign<P: Copy + Ord>(&mut self, base: &Base<P>, step: Step, round: u32, block: BlockId) -> Option<Vote> {
        let deciding = self.deciding.as_mut()?;
        if *deciding.signed.entry((round, step)).or_insert(block) != block {
            return None;
        }
        let ballot = Ballot { height: deciding.height, round, block };
        Some(Vote::sign(step, ballot, &base.full.chain().rules().chain, &self.key))
    }

    /// Makes the block of this round. It is signed when the agreement wishes to propose it.
    fn build<P: Copy + Ord>(&mut self, base: &Base<P>, clock: Timestamp, round: u32) -> Option<Proposal> {
        let deciding = self.deciding.as_mut()?;
        let best = base.mempool.best(TRANSACTIONS_MAX);
        let (block, state) = base.full.ground().build(base.slot(clock), round, best).ok()?;
        let id = block.header.id();
        deciding.blocks.insert(id, (block.clone(), state));
        let ballot = Ballot { height: deciding.height, round, block: id };
        let vote = Vote { step: Step::Proposal, ballot, validator: self.me, signature: UNSIGNED };
        Some(Proposal { vote, locked: 0, block })
    }

    fn propose<P: Copy + Ord>(&mut self, base: &mut Base<P>, round: u32, block: BlockId, locked: Option<u32>) {
        let Some(vote) = self.sign(base, Step::Proposal, round, block) else { return };
        let Some(deciding) = &mut self.deciding else { return };
        let Some((block, _)) = deciding.blocks.get(&block) else { return };
        let proposal = Proposal { vote, locked: locked.map_or(0, |round| round + 1), block: block.clone() };
        deciding.unsaved.push(Record::Proposed { is_valid: true, proposal: Box::new(proposal.clone()) });
        deciding.proposals.entry(round).or_default().push(proposal.clone());
        deciding.agreement.hear(Heard::Proposed { vote, locked, is_valid: true });
        deciding.save_into(base);
        base.send(Send::All(Message::Proposal(Box::new(proposal))));
    }

    fn decide<P: Copy + Ord>(&mut self, base: &mut Base<P>, now: Time, clock: Timestamp, round: u32, block: BlockId) {
        let Some(mut deciding) = self.deciding.take() else { return };
        let Some((block, state)) = deciding.blocks.remove(&block) else { return };
        let ballot = Ballot { height: deciding.height, round, block: block.header.id() };
        let votes = deciding.agreement.precommits(round, ballot.block);
        let seal = Seal::Certificate(Certificate::collect(ballot, &votes, &deciding.validators));
        let sealed = Sealed { block, seal };
        if let Ok(Some(change)) = base.full.connect(sealed.clone(), state, clock) {
            // The block itself is the record from here on.
            base.step.records.clear();
            base.on_change(now, clock, change);
            base.send(Send::All(Message::Sealed(Box::new(sealed))));
        }
    }
}

impl Deciding {
    /// Whether a proposed block is good: made by whoever's turn it was, in time, and what its header says.
    fn judge<P: Copy + Ord>(&mut self, base: &Base<P>, clock: Timestamp, proposal: &Proposal) -> bool {
        let block = &proposal.block;
        let header = &block.header;
        let (chain, ground) = (base.full.chain(), base.full.ground());
        let follows = verify::check_child(chain.rules(), chain.tip(), &chain.tip_id(), &ground.history, header);
        let ahead = clock.as_millis().saturating_add(AHEAD_MAX_MS);
        let is_plausible = follows.is_ok()
            && header.engine_data.is_empty()
            && header.round <= proposal.round()
            && self.agreement.proposer(header.round) == Some(header.proposer)
            && header.validators == self.validators.hash()
            && header.timestamp.as_millis() <= ahead;
        if !is_plausible {
            return false;
        }
        if self.blocks.contains_key(&proposal.vote.ballot.block) {
            return true;
        }
        let Ok(state) = ground.execute(block) else { return false };
        self.blocks.insert(proposal.vote.ballot.block, (block.clone(), state));
        true
    }

    /// As [`judge`](Self::judge) for what was judged in an earlier life: only what follows from it is made again.
    fn keep<P: Copy + Ord>(&mut self, base: &Base<P>, proposal: Proposal) {
        if let Ok(state) = base.full.ground().execute(&proposal.block) {
            self.blocks.insert(proposal.vote.ballot.block, (proposal.block.clone(), state));
        }
        if proposal.vote.signature != UNSIGNED {
            self.proposals.entry(proposal.round()).or_default().push(proposal);
        }
    }

    fn save_into<P>(&mut self, base: &mut Base<P>) {
        base.step.records.append(&mut self.unsaved);
    }

    /// What others may have missed: the proposal and the votes of this round and of the preferred one.
    fn resend<P: Copy + Ord>(&mut self, base: &mut Base<P>) {
        let round = self.agreement.round();
        let preferred = self.agreement.preferred();
        let rounds = [Some(round), preferred.as_ref().and_then(|votes| votes.first()).map(|vote| vote.ballot.round)];
        for proposal in rounds.into_iter().flatten().filter_map(|round| self.proposals.get(&round)).flatten() {
            base.send(Send::All(Message::Proposal(Box::new(proposal.clone()))));
        }
        for votes in [Some(self.agreement.votes(round)), preferred].into_iter().flatten() {
            if !votes.is_empty() {
                base.send(Send::All(Message::Votes(votes)));
            }
        }
        base.send(Send::All(Message::Want { height: self.height }));
    }
}
