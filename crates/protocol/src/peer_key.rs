//! A peer's name inside the pure crates: its ed25519 public key.
//!
//! The text form is the libp2p `PeerId` (base58btc of the identity multihash of the protobuf-encoded key), so
//! that what the screen shows and what libp2p logs are the same string. Peers whose id is not an inlined
//! ed25519 key exist in libp2p but take no part in Starling.

use core::fmt;

/// The 32 bytes of a peer's ed25519 public key. Not checked to be a point of the curve: libp2p does that when
/// the peer proves that it owns the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

/// Identity multihash (0x00), 36 bytes, protobuf: field 1 (key type) = 1 (ed25519), field 2 = 32 bytes.
/// Source: libp2p specs, peer-ids/peer-ids.md.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

impl PeerKey {
    /// The bytes of the libp2p `PeerId`.
    pub fn to_peer_id_bytes(self) -> [u8; 38] {
        let mut bytes = [0; 38];
        bytes[..6].copy_from_slice(&PEER_ID_PREFIX);
        bytes[6..].copy_from_slice(&self.0);
        bytes
    }

    /// The key inside a `PeerId`'s bytes, or `None` if that id does not carry an ed25519 key.
    pub fn from_peer_id_bytes(bytes: &[u8]) -> Option<Self> {
        let key = bytes.strip_prefix(&PEER_ID_PREFIX)?;
        Some(Self(key.try_into().ok()?))
    }

    /// The key inside a `PeerId` in its base58 form, or `None`.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_peer_id_bytes(&bs58::decode(text).into_vec().ok()?)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.to_peer_id_bytes()).into_string())
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_the_libp2p_peer_id() {
        let key = PeerKey([7; 32]);
        let text = key.to_string();
        assert!(text.starts_with("12D3KooW"));
        assert_eq!(PeerKey::from_text(&text), Some(key));
    }

    #[test]
    fn other_ids_are_not_ours() {
        assert_eq!(PeerKey::from_text("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"), None);
        assert_eq!(PeerKey::from_text(""), None);
        assert_eq!(PeerKey::from_text("0OIl"), None);
    }
}
