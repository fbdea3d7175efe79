//! Page and libp2p behind one TCP port, told apart by the request's head.

use crate::support::client::Client;
use crate::support::{config, exchange, get, parse, send, socket, soon, start};
use relay::{Config, Limits};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_peer_and_a_browser_share_the_port() {
    let relay = start(config()).await;
    let mut client = Client::new();
    assert_eq!(client.dial(relay.address()).await.expect("it listens"), relay.peer_id());
    assert_eq!(get(&relay, "/", &[]).await.status, 200);
    let info = client.identified().await;
    assert!(info.agent_version.starts_with("starling-relay/"));
    for protocol in ["/libp2p/circuit/relay/0.2.0/hop", "/rendezvous/1.0.0", providers::PROTOCOL, "/ipfs/ping/1.0.0"] {
        assert!(info.protocols.iter().any(|offered| offered.as_ref() == protocol), "{protocol}");
    }
    let websocket = relay.address();
    assert!(info.listen_addrs.iter().any(|told| websocket.to_string().starts_with(&told.to_string())), "{info:?}");
    let stats = relay.stats();
    assert_eq!((stats.connections.now, stats.connections.total), (1, 1));
    relay.stop().await;
}

#[tokio::test]
async fn the_second_way_in_works_without_websocket() {
    let relay = start(config()).await;
    let told = get(&relay, "/.well-known/starling.json", &[]).await.json();
    let direct = told["addresses"][1].as_str().expect("webrtc-direct is on").parse().expect("an address");
    let mut client = Client::new();
    client.listen_webrtc();
    assert!(client.reserve(direct).await);
    assert_eq!(relay.stats().reservations.now, 1);
    relay.stop().await;
}

#[tokio::test]
async fn several_requests_use_one_connection() {
    let relay = start(config()).await;
    let mut stream = TcpStream::connect(socket(&relay)).await.expect("it listens");
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("open");
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"ok\n") {
            assert_ne!(soon("a response", stream.read_buf(&mut bytes)).await.expect("open"), 0);
        }
        assert_eq!(parse(&bytes).status, 200);
    }
    // Who the connection is for was decided with its first request.
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        .await
        .expect("open");
    let mut bytes = Vec::new();
    soon("the end", stream.read_to_end(&mut bytes)).await.expect("an answer");
    assert_eq!(parse(&bytes).status, 503);
    relay.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_its_time_over_the_head_is_closed_and_others_are_served() {
    let limits = Limits { head_time: Duration::from_secs(1), ..Limits::default() };
    let relay = start(Config { limits, ..config() }).await;
    let mut slow = Vec::new();
    for n in 0..150 {
        let mut stream = TcpStream::connect(socket(&relay)).await.expect("it listens");
        let started = ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: a\r\nx"][n % 3];
        stream.write_all(started.as_bytes()).await.expect("open");
        slow.push(stream);
    }
    assert_eq!(get(&relay, "/", &[]).await.status, 200);
    for (n, mut stream) in slow.into_iter().enumerate() {
        let mut bytes = Vec::new();
        soon("the end", stream.read_to_end(&mut bytes)).await.expect("closed in order");
        if n % 3 == 0 {
            assert!(bytes.is_empty(), "a browser that connected ahead asked for nothing");
        } else {
            assert_eq!(parse(&bytes).status, 408);
        }
    }
    assert_eq!(relay.stats().http.refused, 100);
    relay.stop().await;
}

#[tokio::test]
async fn nonsense_is_answered_once_and_closed() {
    let relay = start(config()).await;
    assert_eq!(exchange(&relay, b"\x16\x03\x01\x02\x00\x01\x00").await.status, 400);
    assert_eq!(exchange(&relay, b"NOT HTTP\r\n\r\n").await.status, 400);
    let long = format!("x: {}", "a".repeat(9_000));
    assert_eq!(send(&relay, "GET /", &[&long]).await.status, 431);
    let many = vec!["x: y"; 40];
    assert_eq!(send(&relay, "GET /", &many).await.status, 431);
    relay.stop().await;
}
