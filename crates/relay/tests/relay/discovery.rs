//! Who is here, and who has what.

use crate::support::client::Client;
use crate::support::{config, soon, start};
use libp2p::rendezvous::{ErrorCode, Namespace};
use libp2p::swarm::SwarmEvent;
use providers::{Id, IdSet, Request, Response};

#[tokio::test]
async fn tabs_find_each_other_under_the_networks_name() {
    let relay = start(config()).await;
    let mut here = Client::new();
    here.dial(relay.address()).await.expect("it listens");
    assert_eq!(here.register(relay.peer_id(), "starling", 60).await, Ok(60));
    assert_eq!(here.register(relay.peer_id(), "starling", 60).await, Ok(60), "renewed");
    let peer = here.peer_id();
    here.run();

    let mut looking = Client::new();
    looking.dial(relay.address()).await.expect("it listens");
    assert_eq!(looking.discover(relay.peer_id(), "starling").await, [peer]);
    assert_eq!(looking.discover(relay.peer_id(), "another").await, []);
    assert_eq!(relay.stats().rendezvous.registrations, 1);
    relay.stop().await;
}

#[tokio::test]
async fn a_registration_that_would_have_to_be_renewed_all_the_time_is_refused() {
    let relay = start(config()).await;
    let mut hasty = Client::new();
    hasty.dial(relay.address()).await.expect("it listens");
    assert!(matches!(hasty.register(relay.peer_id(), "starling", 59).await, Err(ErrorCode::InvalidTtl)));
    relay.stop().await;
}

#[tokio::test]
async fn a_peer_that_registers_without_pause_is_disconnected() {
    let relay = start(config()).await;
    let mut flooder = Client::new();
    flooder.dial(relay.address()).await.expect("it listens");
    let relay_peer = relay.peer_id();
    for _ in 0..8 {
        flooder.register(relay_peer, "starling", 7_200).await.expect("a few are fine");
    }
    let namespace = Namespace::from_static("starling");
    let sent = flooder.swarm.behaviour_mut().rendezvous.register(namespace, relay_peer, Some(7_200));
    sent.expect("its address is known");
    flooder
        .until("the end", |_, event| match event {
            SwarmEvent::ConnectionClosed { num_established: 0, .. } => Some(()),
            _ => None,
        })
        .await;
    relay.stop().await;
}

#[tokio::test]
async fn who_announces_a_content_is_named_to_who_asks() {
    let relay = start(config()).await;
    let (video, book) = (Id([1; 32]), Id([2; 32]));
    let mut provider = Client::new();
    provider.dial(relay.address()).await.expect("it listens");
    let announced = provider.ask(relay.peer_id(), Request::Announce(IdSet::from_first([video, book]))).await;
    assert_eq!(announced, Response::Announced(2));
    let named = provider.wire_peer();

    let mut asking = Client::new();
    asking.dial(relay.address()).await.expect("it listens");
    assert_eq!(asking.ask(relay.peer_id(), Request::Find(video)).await, Response::Found(vec![named]));
    assert_eq!(asking.ask(relay.peer_id(), Request::Find(Id([3; 32]))).await, Response::Found(vec![]));
    assert_eq!(provider.ask(relay.peer_id(), Request::Find(video)).await, Response::Found(vec![]), "itself");
    assert_eq!((relay.stats().providers.announcements, relay.stats().providers.peers), (2, 1));

    drop(provider);
    let forgotten =
        async { while asking.ask(relay.peer_id(), Request::Find(video)).await != Response::Found(vec![]) {} };
    soon("the one that left to be forgotten", forgotten).await;
    assert_eq!(relay.stats().providers.announcements, 0);
    relay.stop().await;
}
