//! Paying between simulated peers: words that travel, blocks that come, and books that must agree after every step.

use crate::bank::{BLOCK_EVERY, Bank};
use crate::network::Place;
use crate::report::Violation;
use crate::world::{Event, Over, World, key_of};
use ed25519_dalek::SigningKey;
use ledger::amount::Credits;
use protocol::credit::LedgerWish;
use protocol::credit::wire::{Decoder, Message};
use protocol::snapshot::Standing;
use protocol::{Input, Path, Peer, PeerKey};

/// Bytes' worth that one unit pays for.
const UNIT: u64 = 1024;

impl World {
    /// Everybody who is not poor begins with the scenario's credit.
    pub(crate) fn found_bank(&mut self) {
        let Some(each) = self.scenario.credits else { return };
        let rich = (0..self.scenario.peers).filter(|peer| !self.scenario.poor.contains(peer));
        let seed = self.seed;
        let key = |peer: usize| SigningKey::from_bytes(&key_of(seed, "account", peer, 0).0);
        self.bank = Some(Bank::new(rich, Credits(each), key));
    }

    pub(crate) fn make_block(&mut self) -> Result<(), Violation> {
        self.push(self.now + BLOCK_EVERY, Event::Block);
        let Some(bank) = &mut self.bank else { return Ok(()) };
        for (peer, life, news) in bank.seal(self.now.as_millis())? {
            if life == u64::MAX || life == self.hosts[peer].life {
                self.hear_soon(peer, Input::Ledger(news));
            }
        }
        Ok(())
    }

    pub(crate) fn ask_bank(&mut self, peer: usize, wish: LedgerWish) {
        let life = self.hosts[peer].life;
        let Some(bank) = &mut self.bank else { return };
        match wish {
            LedgerWish::Submit { token, body } => bank.submit(peer, life, token, *body),
            LedgerWish::Watch { channel } => {
                let news = bank.watch(peer, life, channel);
                self.hear_soon(peer, Input::Ledger(news));
            }
            LedgerWish::Unwatch { channel } => bank.unwatch(peer, life, channel),
        }
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
