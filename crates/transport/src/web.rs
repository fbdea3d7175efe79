//! The browser's WebRTC as a [`Backend`].
//!
//! Thin on purpose: what happens is put into the events of [`crate::backend`], what is decided is decided elsewhere.
//! Rules that keep JavaScript and Rust from surprising each other:
//!
//! - Handlers are attached right after an object exists, in the same task; an event without a handler is lost for good.
//! - One owner holds all closures of an object and detaches them before they are dropped ([`callbacks`]).
//! - A callback only stores and wakes. Waking queues the task for a microtask (`wasm-bindgen-futures`), so no task ever
//!   runs inside a callback, and no closure can be dropped while it runs.
//! - Dropping the owner closes the object: a forgotten handle would leave it running.

mod callbacks;
mod channel;
mod peer;
mod sctp;
mod stats;

use crate::backend::{Backend, BackendError, PeerSetup};
use wasm_bindgen::JsValue;

/// Makes `RTCPeerConnection`s. Works in windows, not in workers: there are none there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Browser;

impl Backend for Browser {
    type Peer = peer::WebPeer;

    fn peer(&self, setup: &PeerSetup) -> Result<Self::Peer, BackendError> {
        if !webrtc_available() {
            return Err(BackendError::NoPeer);
        }
        peer::WebPeer::new(setup)
    }
}

/// Whether this page may make peer connections at all. Policies and privacy extensions take it away.
pub fn webrtc_available() -> bool {
    js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("RTCPeerConnection"))
        .is_ok_and(|constructor| constructor.is_function())
}
