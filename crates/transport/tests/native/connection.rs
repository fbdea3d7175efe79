//! Streams of an established connection.

use crate::end::{End, Stream, echo, pattern};
use futures::future::join_all;
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;
use transport::memory::{Faults, Hub, pipe};
use transport::{Config, ConnectionError, Role, StreamError, Timeouts, establish};

const MIXED: Faults = Faults { no_path: false, shuffle: true };

/// Runs a test on one thread, in virtual time where it waits for timers of tokio's; the hub never waits.
fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(60), test()).await.expect("the test ends");
    });
}

fn spawn(future: futures::future::LocalBoxFuture<'static, ()>) {
    tokio::task::spawn_local(future);
}

async fn connect(hub: &Hub, config: &Config) -> (End<Hub>, End<Hub>) {
    connect_as(hub, config, config).await
}

async fn connect_as(hub: &Hub, ours: &Config, theirs: &Config) -> (End<Hub>, End<Hub>) {
    tokio::task::spawn_local({
        let hub = hub.clone();
        async move { hub.drive().await }
    });
    let (a, b) = pipe();
    let (a, b) = futures::join!(
        establish(hub, Role::Initiator, Box::new(a), ours),
        establish(hub, Role::Responder, Box::new(b), theirs)
    );
    (End::new(a.expect("connected"), spawn), End::new(b.expect("connected"), spawn))
}

fn quick() -> Config {
    let ms = Duration::from_millis;
    let timeouts =
        Timeouts { stream_linger: ms(50), drain: ms(50), calm: ms(50), rest: ms(200), ..Timeouts::default() };
    Config { timeouts, ..Config::default() }
}

/// Soon calm, and patient in everything else.
fn calm() -> Config {
    Config { timeouts: Timeouts { calm: Duration::from_millis(50), ..Timeouts::default() }, ..Config::default() }
}

/// Waits until nothing changes any more.
async fn settled(hub: &Hub, open: usize) {
    while hub.open_channels() != open {
        tokio::task::yield_now().await;
    }
}

fn cause(error: &std::io::Error) -> Option<&StreamError> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

#[test]
fn fifty_streams_carry_their_bytes_both_ways_and_leave_no_channel() {
    run(|| async {
        let hub = Hub::new(1, MIXED);
        let (a, mut b) = connect(&hub, &calm()).await;
        tokio::task::spawn_local(async move {
            loop {
                tokio::task::spawn_local(echo::<Hub>(b.accept().await));
            }
        });
        let one = |i: usize| {
            let a = &a;
            async move {
                let sent = pattern(10_000 * i + i);
                let (mut read, mut write) = a.open().await.split();
                let writing = async {
                    write.write_all(&sent).await.expect("written");
                    write.close().await.expect("closed");
                };
                let mut got = Vec::new();
                let (_, read) = futures::join!(writing, read.read_to_end(&mut got));
                read.expect("read");
                assert!(got == sent, "stream {i}");
            }
        };
        join_all((0..50).map(one)).await;
        settled(&hub, 0).await;
    });
}

/// A channel whose id is used again while the acceptor is still closing its last one is lost to Chromium.
#[test]
fn finished_streams_are_closed_by_their_opener_once_nothing_is_opened() {
    run(|| async {
        let hub = Hub::new(21, MIXED);
        let (patient, eager) = (Config::default(), quick());
        let (a, mut b) = connect_as(&hub, &patient, &eager).await;
        for _ in 0..20 {
            exchange(&a, &mut b).await;
        }
        // What A opened is A's to close, however soon B is calm; and B's own streams do not wait for A's.
        let mut accepted = a;
        let before = hub.open_channels();
        exchange(&b, &mut accepted).await;
        settled(&hub, before).await;
        assert!(before >= 20, "{before} channels are open");
    });
}

#[test]
fn a_connection_that_is_never_calm_rests_after_a_thousand_streams() {
    run(|| async {
        let hub = Hub::new(22, MIXED);
        let never = |rest| Timeouts { calm: Duration::from_secs(600), rest, ..Timeouts::default() };
        let rest = Duration::from_millis(300);
        let ours = Config { timeouts: never(rest), ..Config::default() };
        let (a, mut b) = connect_as(&hub, &ours, &ours).await;
        for _ in 0..1024 {
            exchange(&a, &mut b).await;
        }
        let begin = std::time::Instant::now();
        settled(&hub, 0).await;
        exchange(&a, &mut b).await;
        assert!(begin.elapsed() >= rest / 2, "the next stream was opened after {:?}", begin.elapsed());
    });
}

/// One stream from its opening to the end of both halves.
async fn exchange(from: &End<Hub>, to: &mut End<Hub>) {
    let mut ours = from.open().await;
    ours.write_all(b"x").await.expect("written");
    ours.close().await.expect("closed");
    let mut theirs = to.accept().await;
    theirs.close().await.expect("closed");
    for half in [&mut ours, &mut theirs] {
        half.read_to_end(&mut Vec::new()).await.expect("read to the end");
    }
}

#[test]
fn the_write_half_can_end_long_before_the_read_half() {
    run(|| async {
        let hub = Hub::new(2, MIXED);
        let (a, mut b) = connect(&hub, &quick()).await;
        let mut ours = a.open().await;
        ours.write_all(b"ping").await.expect("written");
        ours.close().await.expect("closed");
        let mut theirs = b.accept().await;
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.expect("read to the end");
        assert_eq!(got, b"ping");

        // Longer than any stream on its way out is waited for.
        tokio::time::sleep(quick().timeouts.stream_linger * 4).await;
        theirs.write_all(b"pong").await.expect("written");
        theirs.close().await.expect("closed");
        got.clear();
        ours.read_to_end(&mut got).await.expect("read to the end");
        assert_eq!(got, b"pong");
        settled(&hub, 0).await;
    });
}

#[test]
fn fin_is_acknowledged_while_nobody_reads() {
    run(|| async {
        let hub = Hub::new(3, MIXED);
        let (a, mut b) = connect(&hub, &calm()).await;
        let mut ours = a.open().await;
        ours.write_all(b"x").await.expect("written");
        ours.close().await.expect("closed");
        let mut theirs = b.accept().await;
        theirs.close().await.expect("closed");
        // Both halves are acknowledged only if somebody answered: the channel is closed, and long before the 10 s.
        settled(&hub, 0).await;
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.expect("what arrived before the end is still there");
        assert_eq!(got, b"x");
    });
}

#[test]
fn a_dropped_stream_is_reset() {
    run(|| async {
        let hub = Hub::new(4, MIXED);
        let (a, mut b) = connect(&hub, &Config::default()).await;
        let mut ours = a.open().await;
        ours.write_all(b"half of it").await.expect("written");
        ours.flush().await.expect("flushed");
        let mut theirs = b.accept().await;
        let mut got = [0; 10];
        theirs.read_exact(&mut got).await.expect("what was sent arrives");
        drop(ours);
        let error = theirs.read(&mut got).await.expect_err("reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(theirs.write(b"x").await.expect_err("reset").kind(), ErrorKind::ConnectionReset);
        settled(&hub, 0).await;
    });
}

#[test]
fn a_reader_that_stops_costs_its_stream_and_nothing_else() {
    run(|| async {
        let hub = Hub::new(5, MIXED);
        let config = Config { recv_stream: 1024 * 1024, ..Config::default() };
        let (a, mut b) = connect(&hub, &config).await;
        let mut slow = a.open().await;
        slow.write_all(&[0]).await.expect("written");
        slow.flush().await.expect("flushed");
        let mut unread = b.accept().await;

        let error = slow.write_all(&pattern(20 * 1024 * 1024)).await.expect_err("reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = unread.read(&mut [0; 16]).await.expect_err("the typed reason");
        assert!(matches!(cause(&error), Some(StreamError::Overload(_))), "{error:?}");

        let mut other = a.open().await;
        other.write_all(b"still here").await.expect("written");
        other.close().await.expect("closed");
        let mut got = String::new();
        b.accept().await.read_to_string(&mut got).await.expect("read");
        assert_eq!(got, "still here");
    });
}

#[test]
fn a_writer_waits_for_the_network_not_for_the_reader() {
    run(|| async {
        let hub = Hub::new(6, MIXED);
        let config = Config::default();
        let (a, mut b) = connect(&hub, &config).await;
        let mut ours = a.open().await;
        hub.pause();
        let mut written = 0;
        let chunk = pattern(64 * 1024);
        loop {
            let write = ours.write(&chunk);
            match futures::poll!(Box::pin(write)) {
                std::task::Poll::Ready(n) => written += n.expect("open"),
                std::task::Poll::Pending => break,
            }
        }
        assert!(written <= config.send_high, "{written}");
        assert!(written + 2 * config.max_frame > config.send_high, "{written}");
        hub.resume();
        ours.write_all(&chunk).await.expect("the low-water mark came");
        ours.close().await.expect("closed");
        let mut got = Vec::new();
        b.accept().await.read_to_end(&mut got).await.expect("read");
        assert_eq!(got.len(), written + chunk.len());
    });
}

#[test]
fn longer_frames_are_sent_only_to_a_peer_that_says_it_takes_them() {
    run(|| async {
        // What 256 KiB cost in messages, when each side says this.
        for (ours, theirs, messages) in [(0, 0, 17), (0, 65 * 1024, 17), (65 * 1024, 0, 17), (65 * 1024, 129 * 1024, 4)]
        {
            let hub = Hub::new(20, MIXED);
            let config = |max_frame_offered| Config { max_frame_offered, send_high: 1024 * 1024, ..Config::default() };
            let (a, mut b) = connect_as(&hub, &config(ours), &config(theirs)).await;
            let mut stream = a.open().await;
            stream.write_all(b"-").await.expect("written");
            stream.flush().await.expect("flushed");
            let mut far = b.accept().await;
            far.read_exact(&mut [0]).await.expect("read");
            let before = hub.delivered();
            stream.write_all(&pattern(256 * 1024)).await.expect("written");
            stream.flush().await.expect("flushed");
            far.read_exact(&mut vec![0; 256 * 1024]).await.expect("read");
            assert_eq!(hub.delivered() - before, messages, "{ours} {theirs}");
        }
    });
}

#[test]
fn small_writes_travel_together() {
    run(|| async {
        let hub = Hub::new(7, MIXED);
        let (a, mut b) = connect(&hub, &Config::default()).await;
        let mut ours = a.open().await;
        let mut theirs = {
            ours.write_all(b"-").await.expect("written");
            ours.flush().await.expect("flushed");
            b.accept().await
        };
        theirs.read_exact(&mut [0]).await.expect("read");
        let before = hub.delivered();
        for byte in 0..=255u8 {
            ours.write_all(&[byte]).await.expect("written");
        }
        ours.flush().await.expect("flushed");
        let mut got = [0; 256];
        theirs.read_exact(&mut got).await.expect("read");
        assert!(got.iter().enumerate().all(|(i, byte)| i == usize::from(*byte)));
        assert_eq!(hub.delivered() - before, 1, "one message");
    });
}

#[test]
fn a_peer_that_closes_is_noticed_and_its_streams_end() {
    run(|| async {
        let hub = Hub::new(8, MIXED);
        let (a, mut b) = connect(&hub, &Config::default()).await;
        let mut ours = a.open().await;
        ours.write_all(b"last words").await.expect("written");
        ours.flush().await.expect("flushed");
        let mut theirs = b.accept().await;
        let mut got = [0; 10];
        theirs.read_exact(&mut got).await.expect("read");
        a.close();
        assert_eq!(b.ended().await, Some(ConnectionError::Closed));
        let error = theirs.read(&mut got).await.expect_err("no end was announced");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(hub.open_peers(), 0);
    });
}

#[test]
fn closing_lets_what_was_flushed_arrive() {
    run(|| async {
        let hub = Hub::new(9, MIXED);
        let (mut a, mut b) = connect(&hub, &Config::default()).await;
        let mut ours = a.open().await;
        let sent = pattern(200_000);
        ours.write_all(&sent).await.expect("written");
        ours.flush().await.expect("flushed");
        a.close();
        assert_eq!(a.ended().await, None);
        let mut theirs = b.accept().await;
        let mut got = vec![0; sent.len()];
        theirs.read_exact(&mut got).await.expect("all of it");
        assert!(got == sent);
    });
}

#[test]
fn a_lost_path_ends_both_sides() {
    run(|| async {
        let hub = Hub::new(10, MIXED);
        let (mut a, mut b) = connect(&hub, &Config::default()).await;
        let mut ours = a.open().await;
        hub.lose_all();
        assert_eq!(a.ended().await, Some(ConnectionError::Lost));
        assert_eq!(b.ended().await, Some(ConnectionError::Lost));
        assert_eq!(ours.read(&mut [0]).await.expect_err("ended").kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn five_thousand_streams_leave_no_channel_behind() {
    run(|| async {
        let hub = Hub::new(11, MIXED);
        let (a, mut b) = connect(&hub, &Config::default()).await;
        tokio::task::spawn_local(async move {
            loop {
                tokio::task::spawn_local(echo::<Hub>(b.accept().await));
            }
        });
        for i in 0..5_000u32 {
            let mut stream: Stream<Hub> = a.open().await;
            stream.write_all(&i.to_le_bytes()).await.expect("written");
            stream.close().await.expect("closed");
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await.expect("read");
            assert_eq!(got, i.to_le_bytes());
        }
        settled(&hub, 0).await;
    });
}

#[test]
fn a_peer_that_never_acknowledges_is_given_up() {
    run(|| async {
        let hub = Hub::new(12, MIXED);
        let (a, mut b) = connect(&hub, &quick()).await;
        let mut ours = a.open().await;
        ours.write_all(b"request").await.expect("written");
        ours.close().await.expect("closed");
        let theirs = b.accept().await;
        drop(ours);
        settled(&hub, 0).await;
        drop(theirs);
    });
}

#[test]
fn few_streams_are_opened_before_the_peer_is_heard_and_then_all() {
    run(|| async {
        let hub = Hub::new(13, MIXED);
        let (a, mut b) = connect(&hub, &Config::default()).await;
        let mut streams = Vec::new();
        for _ in 0..8 {
            streams.push(a.open().await);
        }
        let mut ninth = Box::pin(a.open());
        for _ in 0..100 {
            assert!(futures::poll!(&mut ninth).is_pending());
            tokio::task::yield_now().await;
        }
        let mut heard = b.accept().await;
        heard.write_all(b"hello").await.expect("written");
        heard.flush().await.expect("flushed");
        ninth.await;
    });
}
