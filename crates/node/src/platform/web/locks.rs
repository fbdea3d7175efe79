//! Locks that all tabs of a person share (Web Locks): free again when dropped, and when the tab is gone however it went.

use futures::channel::oneshot;
use js_sys::{Function, Object, Promise, Reflect};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// A lock that is held.
#[derive(Debug)]
pub(super) struct TabLock {
    /// Ends the promise for whose life the browser keeps the lock; `None` where there are no locks.
    release: Option<Function>,
}

impl TabLock {
    /// The lock of this name: when it is free, if `waits`; otherwise now or not at all. A browser without locks gives it
    /// to everybody.
    pub(super) fn request(name: &str, waits: bool) -> impl Future<Output = Option<Self>> + use<> {
        let asked = ask(name, waits);
        async move {
            match asked {
                Some(granted) => granted.await.ok().flatten(),
                None => Some(Self { release: None }),
            }
        }
    }

    /// Whether nobody else can have it, too: not where there are no locks.
    pub(super) fn is_exclusive(&self) -> bool {
        self.release.is_some()
    }
}

impl Drop for TabLock {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            // A function of the browser's own, which does not throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

fn ask(name: &str, waits: bool) -> Option<oneshot::Receiver<Option<TabLock>>> {
    let get = |target: &JsValue, name: &str| Reflect::get(target, &name.into()).ok();
    let locks = get(&get(&js_sys::global(), "navigator")?, "locks")?;
    let request: Function = get(&locks, "request")?.dyn_into().ok()?;
    let (sender, granted) = oneshot::channel();
    let on_granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        if lock.is_null() {
            // Whoever asked may be gone.
            _ = sender.send(None);
            return JsValue::UNDEFINED;
        }
        let release = Rc::new(Cell::new(None));
        let kept = release.clone();
        let held = Promise::new(&mut |resolve, _| kept.set(Some(resolve)));
        // If nobody waits for it any more it is dropped, and with that released.
        _ = sender.send(Some(TabLock { release: release.take() }));
        held.into()
    });
    let options = Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &(!waits).into()).ok()?;
    let asking: Promise = request.call3(&locks, &name.into(), &options, &on_granted).ok()?.dyn_into().ok()?;
    // A page that ends breaks its requests; there is nobody to tell.
    super::spawn(async move { _ = wasm_bindgen_futures::JsFuture::from(asking).await });
    Some(granted)
}
