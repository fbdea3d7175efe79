//! The whole transport without a browser, over a simulated network.

#![cfg(not(target_arch = "wasm32"))]

#[path = "native/connection.rs"]
mod connection;
mod end;
#[path = "native/signaling.rs"]
mod signaling;
#[path = "native/swarm.rs"]
mod swarm;
#[path = "native/world.rs"]
mod world;
