//! Event listeners with an owner.
//!
//! [`Callbacks`] holds every closure attached to one JavaScript object and detaches them before dropping them.
//! Otherwise an event that is already queued would call into freed memory, which wasm-bindgen turns into an exception.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::{Closure, WasmClosure};
use wasm_bindgen::convert::FromWasmAbi;
use web_sys::EventTarget;

/// The listeners of one object.
pub(super) struct Callbacks {
    target: EventTarget,
    listeners: Vec<(&'static str, Box<dyn Listener>)>,
}

/// A closure of any event type.
trait Listener {
    fn function(&self) -> &js_sys::Function;
}

impl<T: ?Sized + WasmClosure> Listener for Closure<T> {
    fn function(&self) -> &js_sys::Function {
        self.as_ref().unchecked_ref()
    }
}

impl Callbacks {
    pub(super) fn new(target: &EventTarget) -> Self {
        Self { target: target.clone(), listeners: Vec::new() }
    }

    /// Calls `f` for each event of this name.
    pub(super) fn on<E: FromWasmAbi + 'static>(&mut self, event: &'static str, f: impl Fn(E) + 'static) {
        let closure = Closure::<dyn Fn(E)>::new(f);
        if self.target.add_event_listener_with_callback(event, closure.function()).is_err() {
            log::error!("the browser takes no listener for {event}");
        }
        self.listeners.push((event, Box::new(closure)));
    }

    /// Detaches everything.
    pub(super) fn clear(&mut self) {
        for (event, listener) in self.listeners.drain(..) {
            let _not_attached = self.target.remove_event_listener_with_callback(event, listener.function());
        }
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.clear();
    }
}
