//! Paying between simulated peers: words that travel, blocks that come, and books that must agree after every step.

use crate::bank::{BLOCK_EVERY, Bank};
use crate::network::Place;
use crate::report::Violation;
use crate::world::{Event, Over, World, key_of};
use core::time::Duration;
use ed25519_dalek::SigningKey;
use ledger::amount::Credits;
use ledger::question::Question;
use protocol::credit::wire::{Decoder, Message};
use protocol::snapshot::Standing;
use protocol::{ChainAsk, Input, Path, Peer, PeerKey, SignToken};

/// How long a browser's key takes to sign.
const SIGN_TIME: Duration = Duration::from_millis(1);

/// A peer's question for the next header.
#[derive(Debug)]
pub(crate) struct WaitingForHead {
    peer: usize,
    relay: usize,
    over: Over,
    ask: ChainAsk,
}

/// Bytes' worth that one unit pays for.
const UNIT: u64 = 1024;

impl World {
    /// Everybody who is not poor begins with the scenario's credit.
    pub(crate) fn found_bank(&mut self) {
        let Some(each) = self.scenario.credits else { return };
        let seed = self.seed;
        let key = |peer: usize| SigningKey::from_bytes(&key_of(seed, "account", peer, 0).0);
        let is_rich = |peer: usize| !self.scenario.poor.contains(&peer);
        self.bank = Some(Bank::new(self.scenario.peers, is_rich, Credits(each), key));
    }

    /// The next block, and its header for everybody who waits for it.
    pub(crate) fn make_block(&mut self) -> Result<(), Violation> {
        self.push(self.now + BLOCK_EVERY, Event::Block);
        let Some(bank) = &mut self.bank else { return Ok(()) };
        bank.seal()?;
        for WaitingForHead { peer, relay, over, ask } in core::mem::take(&mut self.waiting_for_head) {
            self.answer_chain(peer, relay, over, ask, &Question::Head { after: 0 })?;
        }
        Ok(())
    }

    pub(crate) fn sign(&mut self, peer: usize, token: SignToken, bytes: &[u8]) {
        let signature = self.bank.as_ref().and_then(|bank| bank.sign(peer, bytes));
        self.hear_at(self.now + SIGN_TIME, peer, Over::Nothing, Input::Signed { token, signature });
    }

    /// A question about the chain has reached a relay.
    pub(crate) fn on_chain_asked(
        &mut self,
        peer: usize,
        relay: usize,
        over: Over,
        ask: ChainAsk,
        question: &Question,
    ) -> Result<(), Violation> {
        match (question, &self.bank) {
            (Question::Head { after }, Some(bank)) if *after == bank.height() => {
                self.waiting_for_head.push(WaitingForHead { peer, relay, over, ask });
                Ok(())
            }
            _ => self.answer_chain(peer, relay, over, ask, question),
        }
    }

    fn answer_chain(
        &mut self,
        peer: usize,
        relay: usize,
        over: Over,
        ask: ChainAsk,
        question: &Question,
    ) -> Result<(), Violation> {
        let Some(bank) = &mut self.bank else { return Ok(()) };
        let answer = Some(Box::new(bank.answer(peer, question)?));
        let clock = clock::Timestamp::from_millis(self.now.as_millis());
        let arrives = self.now + self.network.travel(Place::Relay(relay), Place::Peer(peer));
        self.hear_at(arrives, peer, over, Input::ChainAnswered { ask, answer, clock });
        Ok(())
    }

    pub(crate) fn send_credit(&mut self, peer: usize, key: PeerKey, message: Message) -> Result<(), Violation> {
        let Some(to) = self.index_of(key) else { return Ok(()) };
        if !self.hosts[peer].pays && matches!(message, Message::Cheque(_)) {
            return Ok(());
        }
        let travel = self.network.travel(Place::Peer(peer), Place::Peer(to));
        let mut wire = Vec::new();
        message.encode(&mut wire);
        let from = self.hosts[peer].key;
        let Some(link) = self.hosts[peer].links.get_mut(&to) else { return Ok(()) };
        if link.path != Path::Direct {
            return Err(Violation::ContentRelayed { peer, to });
        }
        link.credit_arrives = link.credit_arrives.max(self.now + travel);
        let (id, arrives) = (link.id, link.credit_arrives);
        let mut decoder = Decoder::default();
        decoder.push(&wire);
        let input = match decoder.next() {
            Ok(Some(message)) => Input::Credit { peer: from, message },
            Ok(None) | Err(_) => Input::CreditMalformed { peer: from },
        };
        self.hear_at(arrives, to, Over::Link { other: peer, id }, input);
        Ok(())
    }

    /// After every step of a peer: it signed for nothing that it did not verify, holds nothing that nobody signed, and gave
    /// nothing more on credit than a window and a quarter.
    pub(crate) fn check_books(&mut self, peer: usize) -> Result<(), Violation> {
        if self.bank.is_none() {
            return Ok(());
        }
        let Some(view) = self.hosts[peer].peer.as_ref().map(|state| state.credit(self.now)) else { return Ok(()) };
        for page in view.peers {
            let Some(key) = PeerKey::from_text(&page.peer) else { continue };
            let Some(other) = self.index_of(key) else { continue };
            if page.spent * UNIT > page.taken {
                return Err(Violation::Overpaid { peer, other, units: page.spent, bytes: page.taken });
            }
            if page.earned > 0 {
                let signed = self.signed(other, peer);
                if page.earned > signed {
                    return Err(Violation::Unsigned { peer, other, units: page.earned, signed });
                }
            }
            // What was owed before it paid for the first time came out of what was free: only more of it is a fault.
            let before = self.leashes.insert((peer, key), page.balance).unwrap_or(0);
            let limit = page.window + page.window / 4;
            if page.standing == Standing::Pays && page.balance > limit && page.balance > before {
                return Err(Violation::Overdrawn { peer, other, bytes: page.balance, limit });
            }
        }
        Ok(())
    }

    /// Units that a peer has signed for another.
    fn signed(&self, peer: usize, other: usize) -> u64 {
        let view = self.hosts[peer].peer.as_ref().map(|state| state.credit(self.now));
        let name = self.hosts[other].key.to_string();
        view.and_then(|view| view.peers.into_iter().find(|page| page.peer == name)).map_or(0, |page| page.spent)
    }

    pub(crate) fn earned_and_spent(&self) -> Vec<Option<(u64, u64)>> {
        let units = |state: &Peer| {
            let view = state.credit(self.now);
            (view.earned, view.spent)
        };
        self.hosts.iter().map(|host| host.peer.as_ref().map(units)).collect()
    }
}
