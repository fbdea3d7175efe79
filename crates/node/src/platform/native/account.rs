//! An account for as long as the process runs: a native node is a server or a test, and has no browser to keep a key.

use ed25519_dalek::{Signer, SigningKey};
use ledger::account::AccountId;
use ledger::signing::Signature;
use ledger::stamp::{Stamp, Stamping};
use protocol::PeerKey;

/// An account and its key.
#[derive(Clone, Debug)]
pub(crate) struct Account(SigningKey);

impl Account {
    /// A new one. `None` without randomness.
    pub(crate) async fn open() -> Option<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).ok()?;
        Some(Self(SigningKey::from_bytes(&seed)))
    }

    pub(crate) fn id(&self) -> AccountId {
        AccountId(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn is_lasting(&self) -> bool {
        false
    }

    pub(crate) async fn sign(self, bytes: Vec<u8>) -> Option<Signature> {
        Some(Signature(self.0.sign(&bytes).to_bytes()))
    }
}

/// The counter that solves a stamp, found on a thread of its own.
pub(crate) async fn solve(_: Option<String>, stamp: Stamp) -> Option<u64> {
    let solving = tokio::task::spawn_blocking(move || {
        let mut stamping = Stamping::default();
        (0..u64::MAX).find(|counter| stamping.solves(&stamp, *counter))
    });
    solving.await.ok().flatten()
}

/// A process keeps nothing: its account ends with it.
#[derive(Clone, Debug)]
pub(crate) struct Books;

impl Books {
    pub(crate) fn of(_: PeerKey) -> Self {
        Self
    }

    pub(crate) fn keep(&self, _: &[u8]) {}

    pub(crate) async fn found(self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}
