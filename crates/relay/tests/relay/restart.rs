//! The same relay again, and the relays that do not start.

use crate::support::client::Client;
use crate::support::{config, folder, get, socket, start};
use libp2p::swarm::SwarmEvent;
use relay::{Config, Relay, Sample, StartError, UdpPort};
use std::fs;

#[tokio::test]
async fn a_restarted_relay_is_the_same_at_the_same_addresses() {
    let config = config();
    let first = start(config.clone()).await;
    let direct = UdpPort::Fixed(first.webrtc_direct_port().expect("on"));
    let config = Config { port: socket(&first).port(), webrtc_direct: direct, ..config };
    first.stop().await;

    let second = start(config.clone()).await;
    let before = get(&second, "/.well-known/starling.json", &[]).await.json();
    let mut client = Client::new();
    client.dial(second.address()).await.expect("it listens");
    let (peer_id, address) = (second.peer_id(), second.address());
    second.stop().await;
    client
        .until("the end", |_, event| match event {
            SwarmEvent::ConnectionClosed { num_established: 0, .. } => Some(()),
            _ => None,
        })
        .await;

    let third = start(config).await;
    assert_eq!(third.peer_id(), peer_id);
    let after = get(&third, "/.well-known/starling.json", &[]).await.json();
    assert_eq!(after["addresses"], before["addresses"]);
    assert_eq!(after["addresses"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.dial(address).await.expect("it is back"), peer_id);
    third.stop().await;
}

#[tokio::test]
async fn a_start_that_cannot_work_says_what_to_do() {
    let running = start(config()).await;
    let taken = socket(&running).port();
    let refused = Relay::start(Config { port: taken, ..config() }).await.expect_err("taken");
    assert!(matches!(refused, StartError::PortTaken { address } if address.port() == taken));
    assert!(refused.to_string().contains("--port"), "{refused}");

    let stun = running.stun_port().expect("on");
    let refused = Relay::start(Config { stun: UdpPort::Fixed(stun), ..config() }).await.expect_err("taken");
    assert!(matches!(refused, StartError::Stun { .. }), "{refused}");
    let direct = running.webrtc_direct_port().expect("on");
    let refused = Relay::start(Config { webrtc_direct: UdpPort::Fixed(direct), ..config() }).await.expect_err("taken");
    assert!(matches!(refused, StartError::WebRtcDirect { .. }), "{refused}");

    let missing = folder().join("nowhere");
    let refused = Relay::start(Config { page: missing.clone(), ..config() }).await.expect_err("no page");
    assert!(matches!(refused, StartError::PageMissing { .. }), "{refused}");
    let sample = Sample::File(missing.clone());
    let refused = Relay::start(Config { sample, ..config() }).await.expect_err("no sample");
    assert!(matches!(refused, StartError::Sample { .. }), "{refused}");

    fs::write(&missing, "a file where a folder should be").expect("writable");
    let refused = Relay::start(Config { data: missing, ..config() }).await.expect_err("no folder");
    assert!(matches!(refused, StartError::Data { .. }), "{refused}");
    let corrupt = config();
    fs::write(corrupt.data.join("relay.key"), "no key").expect("writable");
    let refused = Relay::start(corrupt).await.expect_err("no key");
    assert!(matches!(refused, StartError::CorruptKey { .. }), "{refused}");
    running.stop().await;
}

#[tokio::test]
async fn customary_udp_ports_give_way_when_they_are_taken() {
    let both = || Config { stun: UdpPort::Auto, webrtc_direct: UdpPort::Auto, ..config() };
    let (first, second) = (start(both()).await, start(both()).await);
    assert_ne!(first.stun_port(), second.stun_port());
    assert!(second.stun_port().is_some() && second.webrtc_direct_port().is_some());
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn what_is_off_is_not_told() {
    let relay = start(Config { stun: UdpPort::Off, webrtc_direct: UdpPort::Off, ..config() }).await;
    let told = get(&relay, "/.well-known/starling.json", &[]).await.json();
    assert_eq!(told["addresses"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["stun"], serde_json::json!([]));
    relay.stop().await;
}
