//! Many peers, an imaginary network, one seed.
//!
//! A [`World`] runs real [`protocol::Peer`]s: it performs what they wish over links with delay, jitter, loss and
//! limited bandwidth, in virtual time, with relays that are killed and networks that fall apart. Everything
//! random comes from the seed, so a run is a function of scenario and seed: same seed, same [`Report::hash`],
//! natively and in wasm. After each step the [`Violation`]s that must never happen are looked for; a failure
//! says how to replay it.
//!
//! What is real: the peers, the content (hashed, proved and encoded to wire bytes and back), the tables of providers and
//! the rules of the ledger. What is imagined: connections, consensus, and how long everything takes.

#![forbid(unsafe_code)]

mod at_relay;
mod bank;
mod budget;
mod dialling;
mod dice;
mod fault;
mod host;
mod inflict;
mod links;
mod look;
mod network;
mod paying;
mod perform;
mod relay;
mod report;
mod scenario;
mod store;
mod trace;
mod world;

pub use fault::Fault;
pub use report::{Failure, FetchReport, Report, Violation};
pub use scenario::{Expect, Fetch, NetworkPlan, Scenario, ScenarioError, Share, TimedFault};
pub use world::{World, run};
