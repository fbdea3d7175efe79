//! Dials that fail, in a real browser. Dials that succeed need a relay; the workspace's journeys make them.

#![cfg(target_arch = "wasm32")]

use libp2p_core::transport::{DialOpts, PortUse, TransportError};
use libp2p_core::{Endpoint, Multiaddr, Transport as _};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use websocket::{Error, Transport};

wasm_bindgen_test_configure!(run_in_browser);

const OPTS: DialOpts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };

fn addr(text: &str) -> Multiaddr {
    text.parse().expect("well formed")
}

#[wasm_bindgen_test]
async fn a_port_where_nobody_listens_is_an_error_with_its_code() {
    // Below the range that systems hand out, and no service of note.
    let dial = Transport.dial(addr("/ip4/127.0.0.1/tcp/19091/ws"), OPTS).expect("ours");
    let error = dial.await.expect_err("nobody listens");
    assert!(matches!(error, Error::Closed { code: 1006, .. }), "{error:?}");
}

#[wasm_bindgen_test]
async fn a_dropped_dial_is_quiet() {
    for _ in 0..20 {
        let mut dial = Transport.dial(addr("/ip4/127.0.0.1/tcp/19091/ws"), OPTS).expect("ours");
        assert!(futures::poll!(&mut dial).is_pending());
        drop(dial);
    }
}

#[wasm_bindgen_test]
fn addresses_of_other_transports_are_left_to_them() {
    for other in ["/webrtc", "/ip4/127.0.0.1/udp/1/webrtc-direct", "/ip4/127.0.0.1/tcp/1/ws/p2p-circuit"] {
        assert!(matches!(Transport.dial(addr(other), OPTS), Err(TransportError::MultiaddrNotSupported(_))), "{other}");
    }
}
