//! A libp2p WebSocket transport for browsers that flushes without polling.
//!
//! Dials `/ip4|ip6|dns|dns4|dns6/../tcp/N/ws|wss|tls/ws[/p2p/X]` and nothing else. It cannot listen: a page has no
//! port. An address it does not understand to the last component is refused, so that in a composed transport
//! `/../ws/p2p/R/p2p-circuit/..` is never mistaken for its first half.
//!
//! What is different from the stock browser transport: a flush is done when the browser has been handed the
//! bytes, not when its buffer was seen empty by a timer, so a handshake of three round trips takes three round
//! trips. Back-pressure starts at `WRITE_BUDGET` (4 MiB) bytes in the browser's buffer.
//!
//! On native targets only the address parser exists; it is what the tests run.

#![forbid(unsafe_code)]

mod addr;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
mod transport;

pub use addr::{AddrError, Endpoint};
#[cfg(target_arch = "wasm32")]
pub use socket::{Connection, READ_QUEUE_MAX, WRITE_BUDGET};
#[cfg(target_arch = "wasm32")]
pub use transport::{Error, Transport};
