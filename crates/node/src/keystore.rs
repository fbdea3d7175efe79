//! The tab key: fresh for every node, held in memory only. Its public half is the `PeerId`.
//!
//! The account key, which outlives a tab, joins it here when there is a ledger.

use ed25519_dalek::SigningKey;
use libp2p::identity::Keypair;
use protocol::PeerKey;

/// Why there is no key, and so no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the system gave no random bytes")]
    NoRandomness,
}

/// The key of this tab. Never written down, never leaves the process.
#[derive(Clone, Debug)]
pub(crate) struct TabKey(SigningKey);

impl TabKey {
    /// Makes a fresh key from the system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] if the system has none to give.
    pub(crate) fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| KeyError::NoRandomness)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Who this key makes us, to the pure crates.
    pub(crate) fn peer_key(&self) -> PeerKey {
        PeerKey(self.0.verifying_key().to_bytes())
    }

    /// The key that signs cheques: a channel names its public half, so nothing else signs for it.
    pub(crate) fn signer(&self) -> SigningKey {
        self.0.clone()
    }

    /// The key in the form libp2p wants it.
    pub(crate) fn to_libp2p(&self) -> Keypair {
        Keypair::ed25519_from_bytes(self.0.to_bytes()).expect("any 32 bytes are an ed25519 secret key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::PeerId;

    #[test]
    fn libp2p_and_the_pure_crates_agree_on_who_we_are() {
        let key = TabKey::generate().unwrap();
        let peer_id = PeerId::from(key.to_libp2p().public());
        assert_eq!(PeerKey::from_peer_id_bytes(&peer_id.to_bytes()), Some(key.peer_key()));
        assert_eq!(peer_id.to_string(), key.peer_key().to_string());
    }

    #[test]
    fn every_tab_has_a_key_of_its_own() {
        assert_ne!(TabKey::generate().unwrap().peer_key(), TabKey::generate().unwrap().peer_key());
    }
}
