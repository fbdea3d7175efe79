//! A real relay in process or as a binary, real sockets on loopback, native libp2p clients.
//!
//! One test binary, so that it is linked once. Every wait is for an event, with [`support::soon`] as the end of
//! patience.

mod binary;
mod chain;
mod circuits;
mod discovery;
mod http;
mod limits;
mod one_port;
mod restart;
mod stun;
mod support;
