//! `window.starling`: the page for scripts. Snapshots out, shares and fetches in; nothing the screen could not do.
//!
//! `snapshot()` gives what the screen sees, as a plain object (camelCase fields, kebab-case words); `subscribe(fn)` calls
//! `fn` with every later one and returns a function that stops it; `share(files)` takes a list of `File`, of which several
//! become one folder; `fetch(link)` takes a link or a content id and returns the id, or throws `malformed-link`.

use crate::bridge::Bridge;
use crate::browser;
use crate::route::Link;
use js_sys::{Array, Function, Object, Reflect};
use leptos::prelude::*;
use protocol::{Code, Snapshot};
use serde::Serialize;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// Puts the object on the window.
pub(crate) fn offer(bridge: Bridge) {
    let starling = Object::new();
    put(&starling, "snapshot", Closure::<dyn Fn() -> JsValue>::new(move || to_js(&bridge.newest())).into_js_value());
    put(
        &starling,
        "subscribe",
        Closure::<dyn Fn(Function) -> JsValue>::new(move |each| subscribe(bridge, each)).into_js_value(),
    );
    put(
        &starling,
        "share",
        Closure::<dyn Fn(JsValue)>::new(move |files: JsValue| {
            let files = Array::from(&files);
            bridge.share(files.iter().filter_map(|file| file.dyn_into().ok()).collect());
        })
        .into_js_value(),
    );
    put(
        &starling,
        "fetch",
        Closure::<dyn Fn(String) -> Result<JsValue, JsValue>>::new(move |link: String| {
            let link = Link::parse(&link);
            let (Some(id), Some(command)) = (link.id(), link.command()) else {
                return Err(js_sys::Error::new(Code::MalformedLink.as_str()).into());
            };
            bridge.command(command);
            Ok(id.to_string().into())
        })
        .into_js_value(),
    );
    put(&browser::window(), "starling", starling.into());
}

fn put(target: &JsValue, name: &str, value: JsValue) {
    drop(Reflect::set(target, &name.into(), &value));
}

fn to_js(snapshot: &Snapshot) -> JsValue {
    let plain = serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true);
    snapshot.serialize(&plain).unwrap_or(JsValue::NULL)
}

fn subscribe(bridge: Bridge, each: Function) -> JsValue {
    // An owner of its own: it must not end when the screen that was open changes.
    let owner = Owner::new();
    owner.with(|| {
        bridge.every(move |snapshot| {
            if let Err(error) = each.call1(&JsValue::NULL, &to_js(&snapshot)) {
                web_sys::console::error_1(&error);
            }
        });
    });
    Closure::once_into_js(move || owner.cleanup())
}
