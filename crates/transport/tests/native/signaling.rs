//! Attempts that should fail, and what they leave behind.

use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _};
use std::time::Duration;
use transport::memory::{Faults, Hub, Pipe, pipe};
use transport::{Config, Error, Role, SessionError, Timeouts, establish};

fn hub() -> Hub {
    Hub::new(1, Faults::default())
}

/// Relays signalling between two pipes, changing what goes from `a` to `b`.
async fn tamper(a: Pipe, b: Pipe, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let ((mut a_read, mut a_write), (mut b_read, mut b_write)) = (a.split(), b.split());
    let there = async {
        let mut buf = vec![0; 4096];
        while let Ok(n @ 1..) = a_read.read(&mut buf).await {
            if b_write.write_all(&change(buf[..n].to_vec())).await.is_err() {
                return;
            }
        }
        let _gone = b_write.close().await;
    };
    let back = futures::io::copy(&mut b_read, &mut a_write);
    let _either = futures::join!(there, back);
}

fn replace(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths in front stay right");
    match bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
        None => bytes,
        Some(at) => [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat(),
    }
}

#[tokio::test]
async fn a_relay_that_swaps_the_fingerprint_is_refused_by_both_sides() {
    let hub = hub();
    let ((a, a_far), (b_far, b)) = (pipe(), pipe());
    // A valid fingerprint, of somebody else: the first byte of peer 1's is 1F.
    let relay = tamper(a_far, b_far, |bytes| replace(bytes, "sha-256 1F:", "sha-256 2F:"));
    let config = Config::default();
    let both = futures::future::join(
        establish(&hub, Role::Initiator, Box::new(a), &config),
        establish(&hub, Role::Responder, Box::new(b), &config),
    );
    let ((a, b), ()) = futures::join!(both, relay);
    assert!(matches!(a, Err(Error::NoPath)), "{a:?}");
    assert!(b.is_err());
    assert_eq!(hub.open_peers(), 0);
}

#[tokio::test]
async fn replayed_signalling_is_refused() {
    let hub = hub();
    let config = Config { timeouts: short(), ..Config::default() };
    // A listens in on itself: its offer of a first session is played to B again in a second one.
    let recorded = {
        let (a, mut far) = pipe();
        let mut attempt = Box::pin(establish(&hub, Role::Initiator, Box::new(a), &config));
        let mut offer = vec![0; 4096];
        let n = futures::select! {
            n = far.read(&mut offer).fuse() => n.expect("an offer"),
            _ = (&mut attempt).fuse() => panic!("nobody answered"),
        };
        offer.truncate(n);
        offer
    };
    let (b, mut far) = pipe();
    let replay = async {
        far.write_all(&recorded).await.expect("B listens");
        let mut answer = Vec::new();
        let _reset = far.read_to_end(&mut answer).await;
    };
    let (result, ()) = futures::join!(establish(&hub, Role::Responder, Box::new(b), &config), replay);
    assert!(matches!(result, Err(Error::Session(SessionError::Timeout(_)))), "{result:?}");
    assert_eq!(hub.open_peers(), 0);
}

fn short() -> Timeouts {
    Timeouts { check: Duration::from_millis(50), ..Timeouts::default() }
}

#[tokio::test]
async fn a_connection_does_not_wait_for_the_stream_to_be_hung_up() {
    let hub = hub();
    let config = Config {
        timeouts: Timeouts { farewell: Duration::from_secs(3600), ..Timeouts::default() },
        ..Config::default()
    };
    let ((a, a_far), (b_far, b)) = (pipe(), pipe());
    let ((mut a_read, mut a_write), (mut b_read, mut b_write)) = (a_far.split(), b_far.split());
    // A relay that carries every byte and no end.
    let relay = async {
        let _never =
            futures::join!(futures::io::copy(&mut a_read, &mut b_write), futures::io::copy(&mut b_read, &mut a_write));
        std::future::pending::<()>().await;
    };
    let drive = hub.drive();
    let both = futures::future::join(
        establish(&hub, Role::Initiator, Box::new(a), &config),
        establish(&hub, Role::Responder, Box::new(b), &config),
    );
    futures::select! {
        (a, b) = both.fuse() => assert!(a.is_ok() && b.is_ok()),
        () = relay.fuse() => unreachable!("it never ends"),
        () = drive.fuse() => unreachable!("it never ends"),
    }
}

#[tokio::test]
async fn no_path_ends_in_time_and_leaves_nothing() {
    let hub = Hub::new(1, Faults { no_path: true, shuffle: false });
    let config = Config { timeouts: short(), ..Config::default() };
    let (a, b) = pipe();
    let (a, b) = futures::join!(
        establish(&hub, Role::Initiator, Box::new(a), &config),
        establish(&hub, Role::Responder, Box::new(b), &config)
    );
    assert!(a.is_err() && b.is_err());
    assert_eq!(hub.open_peers(), 0);
}

#[tokio::test]
async fn a_responder_makes_no_peer_connection_for_a_bad_offer() {
    let hub = hub();
    let (mut far, b) = pipe();
    far.write_all(&[0x07, 0x08, 0x00, 0x12, 0x03, 0x76, 0x3d, 0x30]).await.expect("written");
    let result = establish(&hub, Role::Responder, Box::new(b), &Config::default()).await;
    assert!(matches!(result, Err(Error::Session(SessionError::Sdp(_)))), "{result:?}");
    let mut rest = Vec::new();
    assert!(far.read_to_end(&mut rest).await.is_err(), "the stream is reset");
}

#[tokio::test]
async fn an_attempt_dropped_anywhere_leaves_no_peer_connection() {
    for polls in 0..60 {
        let hub = hub();
        let config = Config::default();
        let (a, b) = pipe();
        let mut attempts = Box::pin(async {
            futures::join!(
                establish(&hub, Role::Initiator, Box::new(a), &config),
                establish(&hub, Role::Responder, Box::new(b), &config)
            )
        });
        for _ in 0..polls {
            if futures::poll!(&mut attempts).is_ready() {
                return;
            }
            hub.step();
        }
        drop(attempts);
        assert_eq!(hub.open_peers(), 0, "dropped after {polls} polls");
        while hub.step() {}
    }
    panic!("the attempt never ended");
}

#[tokio::test]
async fn a_peer_that_breaks_the_stream_ends_the_attempt() {
    let hub = Hub::new(1, Faults { no_path: true, shuffle: false });
    let (a, far) = pipe();
    drop(far);
    let result = establish(&hub, Role::Initiator, Box::new(a), &Config::default()).await;
    assert!(matches!(result, Err(Error::Stream(_))), "{result:?}");
}
