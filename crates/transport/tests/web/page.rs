//! The page the tests run in: its peer connections, its errors, its time.

use crate::end::{End, echo};
use futures::future::LocalBoxFuture;
use std::time::Duration;
use transport::memory::pipe;
use transport::{Browser, Config, Role, Timeouts, establish};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Remembers every peer connection and every uncaught error from now on.
const WATCH: &str = "
    if (!globalThis.watched) {
        globalThis.watched = { peers: [], errors: [] };
        const Original = RTCPeerConnection;
        globalThis.RTCPeerConnection = class extends Original {
            constructor(...args) { super(...args); watched.peers.push(this); }
        };
        addEventListener('error', event => watched.errors.push(String(event.message)));
        addEventListener('unhandledrejection', event => watched.errors.push(String(event.reason)));
    }
    watched.peers = watched.peers.filter(peer => peer.connectionState !== 'closed');
    if (globalThis.gc) gc();
";

pub(crate) fn watch() {
    console_error_panic_hook::set_once();
    js_sys::eval(WATCH).expect("the page runs scripts");
}

async fn ask(script: &str) -> JsValue {
    let value = js_sys::eval(&format!("Promise.resolve({script})")).expect("the page runs scripts");
    JsFuture::from(js_sys::Promise::from(value)).await.expect("the script succeeds")
}

async fn number(script: &str) -> usize {
    ask(script).await.as_f64().expect("a number") as usize
}

/// Peer connections that are not closed.
pub(crate) async fn open_peers() -> usize {
    number("watched.peers.filter(peer => peer.connectionState !== 'closed').length").await
}

/// Channels of all peer connections that opened and did not close.
pub(crate) async fn open_channels() -> usize {
    number(
        "Promise.all(watched.peers.filter(peer => peer.connectionState !== 'closed').map(async peer => {
            for (const entry of (await peer.getStats()).values())
                if (entry.type === 'peer-connection') return entry.dataChannelsOpened - entry.dataChannelsClosed;
            return 0;
        })).then(counts => counts.reduce((a, b) => a + b, 0))",
    )
    .await
}

pub(crate) async fn errors() -> Vec<String> {
    let errors = ask("watched.errors.splice(0)").await;
    js_sys::Array::from(&errors).iter().map(|error| error.as_string().unwrap_or_default()).collect()
}

/// Waits until the condition holds, for at most ten seconds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    for _ in 0..200 {
        if condition().await {
            return;
        }
        futures_timer::Delay::new(Duration::from_millis(50)).await;
    }
    panic!("not within ten seconds: {what}");
}

pub(crate) fn spawn(future: LocalBoxFuture<'static, ()>) {
    spawn_local(future);
}

/// Addresses of this machine may be literal here, as on a page that came from it.
pub(crate) fn config() -> Config {
    let timeouts = Timeouts { calm: Duration::from_millis(500), ..Timeouts::default() };
    Config { lan: true, timeouts, ..Config::default() }
}

pub(crate) async fn connect(config: &Config) -> (End<Browser>, End<Browser>) {
    watch();
    let (a, b) = pipe();
    let (a, b) = futures::join!(
        establish(&Browser, Role::Initiator, Box::new(a), config),
        establish(&Browser, Role::Responder, Box::new(b), config)
    );
    (End::new(a.expect("A connects"), spawn), End::new(b.expect("B connects"), spawn))
}

pub(crate) fn serve_echo(mut b: End<Browser>) {
    spawn_local(async move {
        while let Some(stream) = b.next().await {
            spawn_local(echo::<Browser>(stream));
        }
    });
}
