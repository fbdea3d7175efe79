//! A simulated network that behaves like WebRTC where it matters, for tests without a browser.
//!
//! [`Hub`] connects peers by their ICE user names, checks fingerprints as DTLS does, and carries messages, closings and
//! low-water marks as events. Events of one channel keep their order; between channels a seeded scheduler mixes them.
//! Nothing happens until the hub is driven, so a test decides when, and the same seed replays the same run.

mod hub;
mod network;
mod pipe;

pub use hub::{Faults, Hub};
pub use network::{MemoryChannel, MemoryPeer};
pub use pipe::{Pipe, pipe};
