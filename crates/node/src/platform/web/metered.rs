//! Whether bytes cost money here, as far as the browser tells.
//!
//! `navigator.connection` (Network Information API) exists in Chromium only: a mobile network, or a person who asked for
//! less data, counts as metered. Elsewhere nothing is known, and nothing is assumed.

use crate::Handle;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::EventTarget;

/// Tells the node now and at every change.
pub(super) fn follow(handle: &Handle) {
    let Some(connection) = web_sys::window().and_then(|window| get(&window.navigator(), "connection")) else { return };
    let Ok(events) = connection.clone().dyn_into::<EventTarget>() else { return };
    if is_metered(&connection) {
        handle.set_metered(true);
    }
    let handle = handle.clone();
    let on_change = Closure::<dyn FnMut()>::new(move || handle.set_metered(is_metered(&connection)));
    if events.add_event_listener_with_callback("change", on_change.as_ref().unchecked_ref()).is_ok() {
        // Listens as long as the page lives, which is as long as the node does.
        on_change.forget();
    }
}

fn is_metered(connection: &JsValue) -> bool {
    let mobile = get(connection, "type").and_then(|kind| kind.as_string()).is_some_and(|kind| kind == "cellular");
    mobile || get(connection, "saveData").is_some_and(|saves| saves.is_truthy())
}

fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    js_sys::Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}
