//! A relay, imagined: who is connected, who is registered, and the real table of providers.

use clock::Time;
use core::time::Duration;
use protocol::PeerKey;
use providers::{Limits, Table};
use std::collections::BTreeMap;

/// How long a registration lasts (rendezvous `min_ttl`).
const REGISTRATION_TTL: Duration = Duration::from_secs(60);

/// Peers named in one answer: the page size of a real relay.
const DISCOVERED_MAX: usize = 64;

/// One relay.
#[derive(Debug)]
pub(crate) struct RelayModel {
    pub(crate) key: PeerKey,
    pub(crate) alive: bool,
    /// Counts restarts: what was connected before one is not connected after it.
    pub(crate) lives: u64,
    registered: BTreeMap<PeerKey, Time>,
    pub(crate) table: Table<PeerKey>,
    cursor: Option<PeerKey>,
}

impl RelayModel {
    pub(crate) fn new(key: PeerKey) -> Self {
        Self { key, alive: true, lives: 0, registered: BTreeMap::new(), table: Table::new(Limits::RELAY), cursor: None }
    }

    pub(crate) fn kill(&mut self) {
        self.alive = false;
        self.lives += 1;
        self.registered.clear();
        self.table = Table::new(Limits::RELAY);
    }

    pub(crate) fn register(&mut self, now: Time, peer: PeerKey) {
        self.registered.insert(peer, now + REGISTRATION_TTL);
    }

    /// Its connection ended.
    pub(crate) fn forget(&mut self, peer: PeerKey) {
        self.registered.remove(&peer);
        self.table.forget(peer);
    }

    pub(crate) fn is_registered(&self, now: Time, peer: PeerKey) -> bool {
        self.registered.get(&peer).is_some_and(|until| *until > now)
    }

    /// A page of those registered, the next one each time.
    pub(crate) fn discover(&mut self, now: Time, asker: PeerKey) -> Vec<PeerKey> {
        self.registered.retain(|_, until| *until > now);
        let after = self.registered.keys().filter(|peer| Some(**peer) > self.cursor);
        let before = self.registered.keys().filter(|peer| Some(**peer) <= self.cursor);
        let page: Vec<PeerKey> =
            after.chain(before).copied().filter(|peer| *peer != asker).take(DISCOVERED_MAX).collect();
        self.cursor = page.last().copied().or(self.cursor);
        page
    }
}
