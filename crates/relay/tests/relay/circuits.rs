//! Two peers that know each other only through the relay.

use crate::support::client::Client;
use crate::support::{config, start};
use libp2p::multiaddr::Protocol;
use relay::{Config, Limits};

#[tokio::test]
async fn two_peers_talk_through_a_circuit_and_the_relay_counts_its_bytes() {
    let relay = start(config()).await;
    let mut destination = Client::new();
    assert!(destination.reserve(relay.address()).await);
    assert_eq!(relay.stats().reservations.now, 1);
    let peer = destination.peer_id();
    destination.run();

    let mut source = Client::new();
    let circuit = relay.address().with(Protocol::P2pCircuit).with(Protocol::P2p(peer));
    assert_eq!(source.dial(circuit).await.expect("a circuit"), peer);
    let shaken = relay.stats().circuit_bytes;
    assert!((200..8_000).contains(&shaken.total), "two handshakes: {shaken:?}");

    assert!(source.echo(peer, vec![7; 10_000]).await);
    let after = relay.stats().circuit_bytes;
    for sent in [after.to_destination - shaken.to_destination, after.to_source - shaken.to_source] {
        assert!((10_000..16_000).contains(&sent), "10,000 bytes each way: {after:?}");
    }
    assert_eq!(after.total, after.to_destination + after.to_source);
    assert_eq!((relay.stats().circuits.now, relay.stats().circuits.total), (1, 1));
    relay.stop().await;
}

#[tokio::test]
async fn a_circuit_is_too_small_for_content() {
    let limits = Limits { circuit_bytes: 100_000, ..Limits::default() };
    let relay = start(Config { limits, ..config() }).await;
    let mut destination = Client::new();
    assert!(destination.reserve(relay.address()).await);
    let peer = destination.peer_id();
    destination.run();

    let mut source = Client::new();
    source.dial(relay.address().with(Protocol::P2pCircuit).with(Protocol::P2p(peer))).await.expect("a circuit");
    assert!(source.echo(peer, vec![7; 20_000]).await);
    assert!(!source.echo(peer, vec![7; 80_000]).await, "80,000 bytes there and back do not fit");
    let carried = relay.stats().circuit_bytes.total;
    // Checked before each piece of at most 8 KiB in either direction.
    assert!(carried <= 100_000 + 2 * 8 * 1024, "{carried}");
    relay.stop().await;
}

#[tokio::test]
async fn nobody_is_reached_without_a_reservation() {
    let relay = start(config()).await;
    let mut silent = Client::new();
    silent.dial(relay.address()).await.expect("it listens");
    let peer = silent.peer_id();
    silent.run();
    let mut source = Client::new();
    let circuit = relay.address().with(Protocol::P2pCircuit).with(Protocol::P2p(peer));
    source.dial(circuit).await.expect_err("no reservation");
    assert_eq!(relay.stats().circuits.refused, 1);
    assert_eq!(relay.stats().circuit_bytes.total, 0);
    relay.stop().await;
}

#[tokio::test]
async fn one_peer_has_no_more_circuits_than_its_share() {
    let limits = Limits { circuits_per_peer: 2, ..Limits::default() };
    let relay = start(Config { limits, ..config() }).await;
    let mut source = Client::new();
    let mut made = Vec::new();
    for _ in 0..3 {
        let mut destination = Client::new();
        assert!(destination.reserve(relay.address()).await);
        let peer = destination.peer_id();
        destination.run();
        let circuit = relay.address().with(Protocol::P2pCircuit).with(Protocol::P2p(peer));
        made.push(source.dial(circuit).await.is_ok());
    }
    assert_eq!(made, [true, true, false]);
    let circuits = relay.stats().circuits;
    assert_eq!((circuits.now, circuits.total, circuits.refused), (2, 2, 1));
    relay.stop().await;
}
