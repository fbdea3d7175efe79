//! How attempts and connections end, and that nothing is left behind.

use crate::end::{End, pattern};
use crate::page::{config, connect, errors, eventually, open_peers, spawn, watch};
use futures::io::{ReadHalf, WriteHalf};
use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _};
use std::io::ErrorKind;
use std::time::Duration;
use transport::memory::{Pipe, pipe};
use transport::{Browser, Config, ConnectionError, Error, Role, SessionError, Timeouts, establish};
use wasm_bindgen_test::wasm_bindgen_test;
use web_time::Instant;

#[wasm_bindgen_test]
async fn a_peer_that_closes_is_noticed_within_a_second() {
    let (a, mut b) = connect(&config()).await;
    let mut ours = a.open().await;
    ours.write_all(b"hello").await.expect("written");
    ours.flush().await.expect("flushed");
    let mut theirs = b.accept().await;
    let mut got = [0; 5];
    theirs.read_exact(&mut got).await.expect("read");
    let begin = Instant::now();
    a.close();
    assert_eq!(b.ended().await, Some(ConnectionError::Closed));
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(theirs.read(&mut got).await.expect_err("no end was announced").kind(), ErrorKind::UnexpectedEof);
}

#[wasm_bindgen_test]
async fn without_candidates_the_attempt_times_out_and_closes_everything() {
    watch();
    let config = Config { timeouts: Timeouts { check: Duration::from_millis(300), ..Timeouts::default() }, ..config() };
    let ((a, a_far), (b_far, b)) = (pipe(), pipe());
    let hide = |bytes| replace(replace(bytes, ".local", ".lokal"), " udp ", " tcp ");
    let relay = tamper(a_far, b_far, hide, hide);
    let both = futures::future::join(
        establish(&Browser, Role::Initiator, Box::new(a), &config),
        establish(&Browser, Role::Responder, Box::new(b), &config),
    );
    let ((a, b), ()) = futures::join!(both, relay);
    assert!(matches!(a, Err(Error::Session(SessionError::Timeout(_)) | Error::Stream(_))), "{a:?}");
    assert!(b.is_err());
    eventually("no peer connection is left open", || async { open_peers().await == 0 }).await;
}

/// The browser itself refuses the certificate that the description did not promise.
#[wasm_bindgen_test]
async fn a_relay_that_swaps_the_fingerprint_is_refused() {
    watch();
    let ((a, a_far), (b_far, b)) = (pipe(), pipe());
    let relay = tamper(a_far, b_far, swap_fingerprint, |bytes| bytes);
    let config = Config { timeouts: Timeouts { check: Duration::from_secs(4), ..Timeouts::default() }, ..config() };
    let both = futures::future::join(
        establish(&Browser, Role::Initiator, Box::new(a), &config),
        establish(&Browser, Role::Responder, Box::new(b), &config),
    );
    let ((a, b), ()) = futures::join!(both, relay);
    assert!(a.is_err() && b.is_err());
    eventually("no peer connection is left open", || async { open_peers().await == 0 }).await;
}

/// Drops attempts, connections and streams at every point while events are on their way. A closure that was called after
/// its end would throw in the page.
#[wasm_bindgen_test]
async fn nothing_calls_into_what_was_dropped() {
    watch();
    for round in 0..100usize {
        let (a, b) = pipe();
        let config = config();
        let mut attempts = Box::pin(async {
            futures::join!(
                establish(&Browser, Role::Initiator, Box::new(a), &config),
                establish(&Browser, Role::Responder, Box::new(b), &config)
            )
        });
        let mut polls = 0;
        let connected = futures::future::poll_fn(|cx| {
            polls += 1;
            if polls > round { std::task::Poll::Ready(None) } else { attempts.poll_unpin(cx).map(Some) }
        })
        .await;
        if let Some((Ok(a), Ok(b))) = connected {
            let (a, mut b) = (End::<Browser>::new(a, spawn), End::<Browser>::new(b, spawn));
            let mut stream = a.open().await;
            stream.write_all(&pattern(100_000)).await.expect("written");
            let mut theirs = b.accept().await;
            theirs.read_exact(&mut [0; 100]).await.expect("read");
            match round % 3 {
                0 => drop((a, b)),
                1 => drop((stream, theirs)),
                _ => drop((theirs, a)),
            }
        }
        drop(attempts);
        watch();
    }
    eventually("all peer connections are closed", || async { open_peers().await == 0 }).await;
    assert_eq!(errors().await, Vec::<String>::new());
}

/// Relays signalling between two pipes, changing what goes each way.
async fn tamper(a: Pipe, b: Pipe, there: impl Fn(Vec<u8>) -> Vec<u8>, back: impl Fn(Vec<u8>) -> Vec<u8>) {
    let ((a_read, a_write), (b_read, b_write)) = (a.split(), b.split());
    futures::join!(forward(a_read, b_write, there), forward(b_read, a_write, back));
}

async fn forward(mut from: ReadHalf<Pipe>, mut to: WriteHalf<Pipe>, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let mut buf = vec![0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buf).await {
        if to.write_all(&change(buf[..n].to_vec())).await.is_err() {
            return;
        }
    }
    let _gone = to.close().await;
}

fn replace(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths in front stay right");
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
        bytes.splice(at..at + from.len(), to.bytes());
    }
    bytes
}

/// Another certificate's fingerprint: one digit is different.
fn swap_fingerprint(mut bytes: Vec<u8>) -> Vec<u8> {
    let name = b"a=fingerprint:sha-256 ";
    if let Some(at) = bytes.windows(name.len()).position(|window| window == name) {
        let digit = &mut bytes[at + name.len()];
        *digit = if *digit == b'0' { b'1' } else { b'0' };
    }
    bytes
}
