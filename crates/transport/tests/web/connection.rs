//! Connections between two peers of this page.

use crate::end::{End, Stream, echo, pattern};
use futures::future::{LocalBoxFuture, join_all};
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use std::time::Duration;
use transport::memory::pipe;
use transport::{Browser, Config, ConnectionError, Error, Role, SessionError, Timeouts, establish, webrtc_available};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test;
use web_time::Instant;

fn spawn(future: LocalBoxFuture<'static, ()>) {
    spawn_local(future);
}

/// Pages have loopback only by name; `lan` also lets literal addresses through, as on a page from this machine.
fn config() -> Config {
    Config { lan: true, ..Config::default() }
}

async fn connect(config: &Config) -> (End<Browser>, End<Browser>) {
    console_error_panic_hook::set_once();
    let (a, b) = pipe();
    let (a, b) = futures::join!(
        establish(&Browser, Role::Initiator, Box::new(a), config),
        establish(&Browser, Role::Responder, Box::new(b), config)
    );
    (End::new(a.expect("A connects"), spawn), End::new(b.expect("B connects"), spawn))
}

fn serve_echo(mut b: End<Browser>) {
    spawn_local(async move {
        loop {
            spawn_local(echo::<Browser>(b.accept().await));
        }
    });
}

async fn round_trip(mut stream: Stream<Browser>, sent: &[u8]) {
    let (mut read, mut write) = (&mut stream).split();
    let writing = async {
        write.write_all(sent).await.expect("written");
        write.close().await.expect("closed");
    };
    let mut got = Vec::new();
    let (_, read) = futures::join!(writing, read.read_to_end(&mut got));
    read.expect("read");
    assert!(got == sent);
}

#[wasm_bindgen_test]
fn this_browser_has_webrtc() {
    assert!(webrtc_available());
}

#[wasm_bindgen_test]
async fn two_peers_connect_and_an_echo_of_a_mebibyte_comes_back() {
    let (a, b) = connect(&config()).await;
    serve_echo(b);
    round_trip(a.open().await, &pattern(1024 * 1024)).await;
}

#[wasm_bindgen_test]
async fn fifty_streams_at_once() {
    let (a, b) = connect(&config()).await;
    serve_echo(b);
    join_all((0..50).map(|i| {
        let a = &a;
        async move { round_trip(a.open().await, &pattern(1000 * i)).await }
    }))
    .await;
}
