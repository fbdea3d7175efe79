//! Reading a snapshot: the questions that views ask of it, answered without a browser.
//!
//! Nothing here decides anything about the network; it only finds words, counts and places for what the node said.

pub mod at_hand;
pub mod cause;
pub mod credit;
#[cfg(test)]
pub(crate) mod fixture;
pub mod folder;
pub mod giving;
pub mod items;
pub mod learning;
pub mod measured;
pub mod peers;

use protocol::Snapshot;
use protocol::snapshot::{Direction, PeerView, TransferView};

/// The peer with this id.
pub fn peer<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a PeerView> {
    snapshot.peers.iter().find(|peer| peer.peer == id)
}

/// The item with this key.
pub fn item(snapshot: &Snapshot, key: u64) -> Option<&TransferView> {
    snapshot.transfers.iter().find(|item| item.key == key)
}

/// The key of the newest item that has a link of ours.
pub fn newest_share(snapshot: &Snapshot) -> Option<u64> {
    snapshot.transfers.iter().find(|item| item.direction == Direction::Share).map(|item| item.key)
}
