//! Between libp2p's `PeerId` and the pure crates' `PeerKey`.

use libp2p::PeerId;
use protocol::PeerKey;

/// The key inside an id, or `None` for ids that are not inlined ed25519 keys (they take no part in Starling).
pub(crate) fn to_key(peer: &PeerId) -> Option<PeerKey> {
    PeerKey::from_peer_id_bytes(&peer.to_bytes())
}

/// The id of a key.
pub(crate) fn to_id(key: PeerKey) -> PeerId {
    PeerId::from_bytes(&key.to_peer_id_bytes()).expect("an identity multihash of 36 bytes is a peer id")
}
