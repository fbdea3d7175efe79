//! The end of a connection, as soon as the browser knows it.
//!
//! `connectionState` tells of a peer that closed only after 5 to 15 s. `pc.sctp` and `pc.sctp.transport` are `closed` within
//! milliseconds. They exist only once both descriptions are set, and web-sys does not know them, hence `Reflect`.

use super::callbacks::Callbacks;
use crate::backend::{PeerEvents, PeerPhase};
use js_sys::Reflect;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Event, EventTarget, RtcPeerConnection};

/// Listens to both transports; `None` while they do not exist.
pub(super) fn watch<C: 'static>(pc: &RtcPeerConnection, events: &PeerEvents<C>) -> Option<[Callbacks; 2]> {
    let sctp = property(pc, "sctp")?;
    let dtls = property(&sctp, "transport")?;
    Some([listen(sctp, events)?, listen(dtls, events)?])
}

fn listen<C: 'static>(transport: JsValue, events: &PeerEvents<C>) -> Option<Callbacks> {
    let target: EventTarget = transport.dyn_into().ok()?;
    let mut callbacks = Callbacks::new(&target);
    callbacks.on("statechange", {
        let (target, events) = (target.clone(), events.clone());
        move |_: Event| match property(&target, "state").and_then(|state| state.as_string()).as_deref() {
            Some("closed") => events.on_phase(PeerPhase::Closed),
            Some("failed") => events.on_phase(PeerPhase::Failed),
            _ => {}
        }
    });
    Some(callbacks)
}

fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &JsValue::from_str(name)).ok().filter(|value| !value.is_null() && !value.is_undefined())
}
