//! Performs what a peer wishes: libp2p, timers, storage and keys, natively and in a browser.
//!
//! The decisions are made by [`protocol::Peer`], which is pure. Here are the effects, at one thin edge: one
//! task with one `select`, small tasks for streams, and a [`Handle`] for whoever shows or steers it.
//! `platform` is the only place that asks what the target is.

mod behaviour;
mod chain_stream;
mod config;
mod content_stream;
mod credit_stream;
mod directory;
mod event_loop;
mod handle;
mod introduce;
mod keystore;
mod peer_id;
mod platform;
mod seal;
mod store;
pub mod streaming;
mod streams;

pub use config::{ChainConfig, Config};
pub use event_loop::{SharedSnapshot, StartError, start};
pub use handle::{Handle, Snapshots};
pub use keystore::KeyError;
#[cfg(target_arch = "wasm32")]
pub use platform::{Check, Checks, FolderFile, Subscription, run_worker};
