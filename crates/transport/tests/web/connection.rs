//! Streams between two peers of this page.

use crate::end::{Stream, pattern};
use crate::page::{config, connect, eventually, open_channels, serve_echo};
use futures::future::join_all;
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use std::io::ErrorKind;
use std::time::Duration;
use transport::{Browser, Config, StreamError, webrtc_available};
use wasm_bindgen_test::wasm_bindgen_test;
use web_time::Instant;

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
async fn two_peers_connect_without_literal_addresses_and_echo_a_mebibyte() {
    let (a, b) = connect(&Config::default()).await;
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
    eventually("all channels are closed", || async { open_channels().await == 0 }).await;
}

#[wasm_bindgen_test]
async fn the_write_half_ends_before_the_read_half() {
    let (a, mut b) = connect(&config()).await;
    let mut ours = a.open().await;
    ours.write_all(b"ping").await.expect("written");
    ours.close().await.expect("closed");
    let mut theirs = b.accept().await;
    let mut got = Vec::new();
    theirs.read_to_end(&mut got).await.expect("read");
    assert_eq!(got, b"ping");
    theirs.write_all(b"pong").await.expect("written");
    theirs.close().await.expect("closed");
    got.clear();
    ours.read_to_end(&mut got).await.expect("read");
    assert_eq!(got, b"pong");
}

/// Acknowledged FINs close the channel at once; unacknowledged ones would take ten seconds.
#[wasm_bindgen_test]
async fn fin_is_acknowledged_while_nobody_reads() {
    let (a, mut b) = connect(&config()).await;
    let mut ours = a.open().await;
    ours.write_all(b"x").await.expect("written");
    ours.close().await.expect("closed");
    let mut theirs = b.accept().await;
    let begin = Instant::now();
    theirs.close().await.expect("closed");
    eventually("the channel is closed", || async { open_channels().await == 0 }).await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    drop((ours, theirs));
}

/// Streams opened and written in the very task in which the initiator learned that it is connected.
#[wasm_bindgen_test]
async fn early_streams_and_their_first_messages_arrive() {
    let (a, mut b) = connect(&config()).await;
    for i in 0..5u8 {
        let mut stream = a.open().await;
        for j in 0..10u8 {
            stream.write_all(&[i, j]).await.expect("written");
            stream.flush().await.expect("flushed");
        }
        stream.close().await.expect("closed");
    }
    // Longer than any early event could wait for a late handler.
    futures_timer::Delay::new(Duration::from_millis(500)).await;
    for i in 0..5u8 {
        let mut got = Vec::new();
        b.accept().await.read_to_end(&mut got).await.expect("read");
        assert_eq!(got, (0..10).flat_map(|j| [i, j]).collect::<Vec<_>>());
    }
}

#[wasm_bindgen_test]
async fn a_reader_that_stops_costs_its_stream_and_nothing_else() {
    let (a, mut b) = connect(&config()).await;
    let mut slow = a.open().await;
    slow.write_all(&[0]).await.expect("written");
    slow.flush().await.expect("flushed");
    let mut unread = b.accept().await;

    let error = slow.write_all(&pattern(20 * 1024 * 1024)).await.expect_err("reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = unread.read(&mut [0; 16]).await.expect_err("the typed reason");
    let reason = error.get_ref().and_then(|inner| inner.downcast_ref());
    assert!(matches!(reason, Some(StreamError::Overload(_))), "{error:?}");

    serve_echo(b);
    round_trip(a.open().await, b"still here").await;
}

#[wasm_bindgen_test]
async fn a_thousand_streams_leave_no_channel_behind() {
    let (a, b) = connect(&config()).await;
    serve_echo(b);
    for i in 0..1000u32 {
        round_trip(a.open().await, &i.to_le_bytes()).await;
    }
    eventually("all channels are closed", || async { open_channels().await == 0 }).await;
}
