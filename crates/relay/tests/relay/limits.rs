//! Floods, bounded and on loopback, where every 127.0.x.0/24 is a network of its own.

use crate::support::client::{Client, dial};
use crate::support::{authority, config, get, socket, soon, start};
use libp2p::identity::Keypair;
use relay::{Config, Limits, Relay};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
const HONEST: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);

/// Small numbers, so that a flood of ten times as many is still polite to the machine.
fn small() -> Limits {
    Limits {
        connections: 24,
        connections_per_prefix: 8,
        pending: 12,
        connection_rate: 1_000,
        loopback_counts: true,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_flood_of_peers_from_one_network_leaves_room_for_others() {
    let relay = start(Config { limits: small(), ..config() }).await;
    let mut flood = JoinSet::new();
    for _ in 0..80 {
        let address = relay.address();
        flood.spawn(async move {
            let mut client = Client::from_address(FLOODER);
            let joined = client.join(address).await;
            (joined, client)
        });
    }
    // In the middle of it, each from a network of its own.
    let mut honest = Vec::new();
    for network in 2..14 {
        let mut client = Client::from_address(Ipv4Addr::new(127, 0, network, 1));
        assert!(client.reserve(relay.address()).await, "honest peer {network} joins");
        honest.push(client);
    }
    let mut held = Vec::new();
    while let Some(Ok((joined, client))) = soon("the flood to end", flood.join_next()).await {
        if joined {
            held.push(client);
        }
    }
    assert!((1..=8).contains(&held.len()), "{} of 80 joined", held.len());
    let stats = relay.stats();
    assert!((13..=20).contains(&stats.connections.now), "{stats:?}");
    assert_eq!(stats.reservations.now, 12, "{stats:?}");
    assert!(stats.connections.refused >= 72, "{stats:?}");
    assert_eq!(get(&relay, "/", &[]).await.status, 200);
    relay.stop().await;
}

#[tokio::test]
async fn handshakes_that_never_end_do_not_hold_up_honest_peers() {
    let relay = start(Config { limits: small(), ..config() }).await;
    let mut silent = Vec::new();
    for _ in 0..80 {
        silent.push(upgrade(&relay, FLOODER, "").await);
    }
    // Each is either answered and then silent, or closed: after that all are where they will stay.
    let mut answered = 0;
    for stream in &mut silent {
        answered += u32::from(is_upgraded(stream).await);
    }
    assert!((1..=8).contains(&answered), "{answered} of 80");
    let mut honest = Client::from_address(HONEST);
    assert!(honest.join(relay.address()).await);
    relay.stop().await;
}

#[tokio::test]
async fn behind_a_proxy_clients_are_counted_by_their_own_address() {
    let limits = Limits { connections_per_prefix: 1, ..Limits::default() };
    let relay = start(Config { limits, behind_proxy: true, ..config() }).await;
    let mut first = upgrade(&relay, Ipv4Addr::LOCALHOST, "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n").await;
    assert!(is_upgraded(&mut first).await);
    let mut neighbour = upgrade(&relay, Ipv4Addr::LOCALHOST, "X-Forwarded-For: 203.0.113.200\r\n").await;
    assert!(!is_upgraded(&mut neighbour).await);
    let mut other = upgrade(&relay, Ipv4Addr::LOCALHOST, "X-Forwarded-For: 192.0.2.1\r\n").await;
    assert!(is_upgraded(&mut other).await);
    relay.stop().await;
}

/// A connection from `source` that asks to become a WebSocket, and then says nothing.
async fn upgrade(relay: &Relay, source: Ipv4Addr, headers: &str) -> TcpStream {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n",
        authority(relay)
    );
    let mut stream = dial(SocketAddr::from((source, 0)), socket(relay)).await.expect("the kernel accepts");
    stream.write_all(request.as_bytes()).await.expect("open");
    stream
}

/// Whether the answer is a WebSocket's and not the end.
async fn is_upgraded(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 12];
    let answered = soon("an answer or the end", stream.read_exact(&mut bytes)).await.is_ok();
    answered && &bytes == b"HTTP/1.1 101"
}

#[tokio::test]
async fn a_network_that_knocks_too_often_is_turned_away_and_others_are_not() {
    let limits = Limits { connection_rate: 5, connections_per_prefix: 1_000, pending: 512, ..small() };
    let relay = start(Config { limits, ..config() }).await;
    let started = std::time::Instant::now();
    let mut joined = 0_u32;
    for _ in 0..30 {
        joined += u32::from(Client::from_address(FLOODER).join(relay.address()).await);
    }
    let allowed = 5.0 + started.elapsed().as_secs_f64() * 5.0;
    assert!(f64::from(joined) <= allowed, "{joined} joined, at most {allowed}");
    assert!(Client::from_address(HONEST).join(relay.address()).await);
    relay.stop().await;
}

#[tokio::test]
async fn one_peer_has_four_connections_at_most() {
    let relay = start(config()).await;
    let key = Keypair::generate_ed25519();
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut client = Client::with_key(key.clone(), Ipv4Addr::LOCALHOST);
        if client.join(relay.address()).await {
            held.push(client);
        }
    }
    assert_eq!(held.len(), 4);
    assert_eq!(relay.stats().connections.now, 4);
    relay.stop().await;
}

#[tokio::test]
async fn reservations_are_given_out_up_to_the_limit() {
    let limits = Limits { reservations: 2, ..Limits::default() };
    let relay = start(Config { limits, ..config() }).await;
    let mut clients = [Client::new(), Client::new(), Client::new()];
    let mut given = Vec::new();
    for client in &mut clients {
        given.push(client.reserve(relay.address()).await);
    }
    assert_eq!(given, [true, true, false]);
    let reservations = relay.stats().reservations;
    assert_eq!((reservations.now, reservations.total, reservations.refused), (2, 2, 1));
    relay.stop().await;
}

#[tokio::test]
async fn denied_peers_stay_out_and_a_guest_list_keeps_strangers_out() {
    let (guest, stranger) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
    let peer = |key: &Keypair| key.public().to_peer_id();
    let client = |key: &Keypair| Client::with_key(key.clone(), Ipv4Addr::LOCALHOST);

    let relay = start(Config { deny_peers: vec![peer(&stranger)], ..config() }).await;
    assert!(!client(&stranger).join(relay.address()).await);
    assert!(client(&guest).join(relay.address()).await);
    relay.stop().await;

    let relay = start(Config { allow_peers: vec![peer(&guest)], ..config() }).await;
    assert!(!client(&stranger).join(relay.address()).await);
    assert!(client(&guest).join(relay.address()).await);
    relay.stop().await;
}
