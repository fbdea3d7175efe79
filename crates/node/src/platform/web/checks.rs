//! What this browser allows, measured once at the start: for Diagnostics, and for the notices that follow from it.

use js_sys::Reflect;
use protocol::Code;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_time::Instant;

/// One thing that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    pub ok: bool,
    /// How long it took to find out, ms.
    pub took_ms: f64,
    /// What follows when it is not ok.
    pub code: Option<Code>,
}

/// What this browser allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checks {
    /// The page's origin is secure (https, or loopback).
    pub secure_origin: Check,
    /// `RTCPeerConnection` exists and can be made.
    pub webrtc: Check,
    /// The origin-private file system opens.
    pub storage: Check,
    /// Workers exist.
    pub worker: Check,
    /// WebSocket exists.
    pub websocket: Check,
}

impl Checks {
    /// The codes of what failed, for notices.
    pub fn failed(&self) -> impl Iterator<Item = Code> {
        [self.secure_origin, self.webrtc, self.storage].into_iter().filter_map(|check| check.code)
    }
}

/// Tries everything.
pub(super) async fn run() -> Checks {
    let secure = boolean("isSecureContext");
    Checks {
        secure_origin: check(Code::InsecureOrigin, async { secure }).await,
        webrtc: check(Code::WebrtcBlocked, async { transport::webrtc_available() }).await,
        // On an insecure origin there is none by design, and the notice about the origin says so.
        storage: if secure {
            check(Code::StorageRefused, opens_storage()).await
        } else {
            Check { ok: false, took_ms: 0.0, code: None }
        },
        worker: check(Code::StorageRefused, async { exists("Worker") }).await,
        websocket: check(Code::RelayUnreachable, async { exists("WebSocket") }).await,
    }
}

async fn check(code: Code, attempt: impl Future<Output = bool>) -> Check {
    let start = Instant::now();
    let ok = attempt.await;
    Check { ok, took_ms: start.elapsed().as_secs_f64() * 1_000.0, code: (!ok).then_some(code) }
}

fn get(target: &JsValue, name: &str) -> JsValue {
    Reflect::get(target, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn boolean(name: &str) -> bool {
    get(&js_sys::global(), name).as_bool().unwrap_or(false)
}

fn exists(name: &str) -> bool {
    get(&js_sys::global(), name).is_function()
}

/// `navigator.storage.getDirectory()`, which a private window or a policy may refuse.
async fn opens_storage() -> bool {
    let storage = get(&get(&js_sys::global(), "navigator"), "storage");
    let Ok(get_directory) = get(&storage, "getDirectory").dyn_into::<js_sys::Function>() else { return false };
    let Ok(promise) = get_directory.call0(&storage) else { return false };
    JsFuture::from(js_sys::Promise::resolve(&promise)).await.is_ok()
}
