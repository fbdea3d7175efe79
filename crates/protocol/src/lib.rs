//! One peer as a deterministic state machine: it hears an [`Input`] and the time, and says what it wants done.
//!
//! The contract, the same for every state machine here: call [`Peer::handle`]; drain [`Peer::poll_output`] to
//! `None`; sleep until [`Peer::next_deadline`]; repeat. Nothing in this crate sends, waits, or asks what time
//! it is, so a run can be replayed from its inputs, natively and in wasm, bit for bit.

#![forbid(unsafe_code)]

mod chain;
mod choice;
mod code;
mod config;
mod connections;
pub mod credit;
mod input;
mod introductions;
mod measurements;
mod notices;
mod outbox;
mod output;
mod peer;
mod peer_key;
mod ranking;
mod relays;
pub mod snapshot;
mod transfers;
mod wallet;

pub use chain::{ChainAsk, ChainStart, Look};
pub use code::Code;
pub use config::{Config, RelayIndex};
pub use input::{
    AskToken, Candidate, Command, Failure, Input, Introducer, Path, ReadToken, RelayWay, RttKind, ShareToken, Stage,
};
pub use output::{Directory, Output};
pub use peer::Peer;
pub use peer_key::PeerKey;
pub use snapshot::Snapshot;
pub use transfers::{Caps, Keeping, MEMORY_LENGTH_MAX, RATE_MIN, Spent, TabReport};
pub use wallet::SignToken;
