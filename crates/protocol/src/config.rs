//! What a peer may do, in numbers. Parsed at the edge, passed down; the default works on a home connection.

use crate::chain::ChainStart;
use core::time::Duration;

/// A relay, by its place in the configured list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayIndex(pub u8);

/// Limits and habits of one peer (`security-and-faults.md` C1).
#[derive(Clone, Debug)]
pub struct Config {
    /// How many relays we were given.
    pub relays: u8,
    /// Neighbours we try to have.
    pub peers_target: usize,
    /// Connections we open and accept, kept apart so that strangers cannot fill all places.
    pub outbound_max: usize,
    pub inbound_max: usize,
    /// Attempts under way at once.
    pub dials_max: usize,
    /// Attempts started per minute.
    pub dials_per_minute: u32,
    /// How long the first retry waits; doubles up to `retry_max`.
    pub retry_min: Duration,
    pub retry_max: Duration,
    /// How long the first relay retry waits; doubles up to `relay_retry_max`.
    pub relay_retry_min: Duration,
    pub relay_retry_max: Duration,
    /// How often a relay's rendezvous is asked while we have too few neighbours, and while we have enough.
    pub discover_hungry: Duration,
    pub discover_content: Duration,
    /// Items above this ask first.
    pub ask_above: u64,
    /// The page may make direct connections at all.
    pub webrtc: bool,
    /// Keep books: who pays, or gives more than it takes, is served first.
    pub credit: bool,
    /// The tab key, which signs cheques; without it nothing is paid.
    pub signer: Option<ed25519_dalek::SigningKey>,
    /// The chain to follow, if there is one.
    pub chain: Option<ChainStart>,
    /// Seed for the peer's own choices (never for keys).
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            relays: 1,
            peers_target: 8,
            outbound_max: 12,
            inbound_max: 12,
            dials_max: 8,
            dials_per_minute: 30,
            retry_min: Duration::from_secs(2),
            retry_max: Duration::from_secs(60),
            relay_retry_min: Duration::from_millis(500),
            relay_retry_max: Duration::from_secs(3),
            discover_hungry: Duration::from_secs(2),
            discover_content: Duration::from_secs(20),
            ask_above: 256 * 1024 * 1024,
            webrtc: true,
            credit: true,
            signer: None,
            chain: None,
            seed: 0,
        }
    }
}
