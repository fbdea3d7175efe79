//! Transport, behaviour and handler in whole swarms, with a real libp2p relay between them.

use crate::world::{Heard, TabEvent, Who, World, config, ponged, run, webrtc};
use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportError};
use libp2p::core::{Endpoint, Transport as _};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, relay};
use std::time::Duration;
use transport::memory::{Faults, Hub, pipe};
use transport::{CandidateKind, Config, Error, Event, Limits, Path, SessionError, Stage};

const NO_PATH: Faults = Faults { no_path: true, shuffle: true };

#[test]
fn a_dialled_circuit_becomes_one_direct_connection_and_is_closed() {
    run(|| async {
        let mut world = World::new(1, config()).await;
        let circuit = world.circuit_addr(Who::B);
        world.dial(Who::A, Who::B, circuit);
        world.until("relayed first", |world, _| world.paths(Who::A) == [Path::Relayed]).await;
        world.until("one direct connection, no circuit", |world, _| world.is_direct_only()).await;
        assert_eq!(world.hub.open_peers(), 2);

        let (_, id) = *world.links.keys().next().expect("A's end");
        world.until("a ping over the direct connection", |_, heard| ponged(heard, Who::A, id)).await;
    });
}

#[test]
fn the_full_form_is_dialled_without_a_connection() {
    run(|| async {
        let mut world = World::new(2, Config { auto_upgrade: false, ..config() }).await;
        let direct = world.direct_addr(Who::B);
        let id = world.dial(Who::A, Who::B, direct);
        let mut stages = Vec::new();
        world
            .until("one direct connection, no circuit", |world, heard| {
                if let Some((Who::A, Event::Stage { stage, .. })) = webrtc(heard) {
                    stages.push(*stage);
                }
                world.is_direct_only()
            })
            .await;
        assert_eq!(stages, [Stage::Introducing, Stage::Signalling, Stage::Checking, Stage::Opening]);
        assert!(world.links.contains_key(&(Who::A, id)), "under the id of the dial");
    });
}

#[test]
fn both_ends_report_the_path_under_their_own_connection_id() {
    run(|| async {
        let mut world = World::new(3, config()).await;
        let direct = world.direct_addr(Who::B);
        world.dial(Who::A, Who::B, direct);
        for who in [Who::A, Who::B] {
            let heard = world.until(
                "a path report",
                |_, heard| matches!(webrtc(heard), Some((by, Event::Path { .. })) if by == who),
            );
            let heard = heard.await;
            let Some((_, Event::Path { connection, report, peer })) = webrtc(&heard) else {
                unreachable!("just matched")
            };
            let endpoint = world.links.get(&(who, *connection)).expect("a connection that exists");
            assert_eq!(transport::path(endpoint), Path::Direct);
            assert_eq!(report.local, CandidateKind::Host);
            assert_ne!(*peer, world.id(who));
        }
    });
}

#[test]
fn a_bare_address_needs_a_connection_and_uses_it() {
    run(|| async {
        let mut world = World::new(4, Config { auto_upgrade: false, ..config() }).await;
        let bare = Multiaddr::from(Protocol::WebRTC);
        world.dial(Who::A, Who::B, bare.clone());
        world
            .until("no way to signal", |_, heard| {
                matches!(
                    webrtc(heard),
                    Some((
                        Who::A,
                        Event::UpgradeFailed { error: Error::NoSignalingPath, stage: Stage::Introducing, .. }
                    ))
                )
            })
            .await;
        let circuit = world.circuit_addr(Who::B);
        world.dial(Who::A, Who::B, circuit);
        world.until("relayed", |world, _| world.paths(Who::A) == [Path::Relayed]).await;
        world.dial(Who::A, Who::B, bare);
        world.until("direct", |world, _| world.is_direct_only()).await;
    });
}

#[test]
fn crossed_dials_leave_the_connection_of_the_larger_peer() {
    run(|| async {
        let mut world = World::new(5, Config { auto_upgrade: false, ..config() }).await;
        let (to_a, to_b) = (world.direct_addr(Who::A), world.direct_addr(Who::B));
        let from_a = world.dial(Who::A, Who::B, to_b);
        let from_b = world.dial(Who::B, Who::A, to_a);
        let mut most = 0;
        world
            .until("one direct connection, no circuit", |world, _| {
                most = most.max(world.paths(Who::A).iter().filter(|path| **path == Path::Direct).count());
                world.is_direct_only()
            })
            .await;
        assert_eq!(most, 2, "they did cross");
        let winner = if world.id(Who::A) > world.id(Who::B) { (Who::A, from_a) } else { (Who::B, from_b) };
        assert!(world.links.contains_key(&winner));
    });
}

#[test]
fn a_failed_upgrade_keeps_the_circuit_and_is_tried_again() {
    run(|| async {
        let short = transport::Timeouts { check: Duration::from_millis(100), ..transport::Timeouts::default() };
        let mut world = World::new(6, Config { timeouts: short, ..config() }).await;
        world.hub.set_faults(NO_PATH);
        let circuit = world.circuit_addr(Who::B);
        world.dial(Who::A, Who::B, circuit);
        for _ in 0..2 {
            world
                .until("the upgrade fails", |_, heard| {
                    matches!(webrtc(heard), Some((Who::A, Event::UpgradeFailed { stage: Stage::Checking, .. })))
                })
                .await;
            assert_eq!(world.paths(Who::A), [Path::Relayed]);
        }
        world.hub.set_faults(Faults { no_path: false, shuffle: true });
        world.until("one direct connection, no circuit", |world, _| world.is_direct_only()).await;
    });
}

#[test]
fn retries_end() {
    run(|| async {
        let short = transport::Timeouts { check: Duration::from_millis(20), ..transport::Timeouts::default() };
        let retry = transport::Retry { first: Duration::from_millis(10), attempts: 2 };
        let mut world = World::new(7, Config { timeouts: short, retry, ..config() }).await;
        world.hub.set_faults(NO_PATH);
        let circuit = world.circuit_addr(Who::B);
        world.dial(Who::A, Who::B, circuit);
        let (mut failures, mut pings) = (0, 0);
        world
            .until("a while after the last failure", |_, heard| {
                let failed = matches!(webrtc(heard), Some((Who::A, Event::UpgradeFailed { .. })));
                let ping = matches!(heard, Heard::Tab(Who::A, SwarmEvent::Behaviour(TabEvent::Ping(_))));
                failures += usize::from(failed);
                pings = if failed { 0 } else { pings + usize::from(ping) };
                failures > 0 && pings >= 20
            })
            .await;
        assert_eq!(failures, 3, "the first and two more");
        assert_eq!(world.hub.open_peers(), 0);
    });
}

#[test]
fn a_circuit_killed_in_the_middle_ends_the_attempt_cleanly() {
    run(|| async {
        let short = transport::Timeouts { check_alone: Duration::from_millis(100), ..transport::Timeouts::default() };
        let config = Config { timeouts: short, ..config() };
        let mut world = World::with_circuits_of(8, config, Duration::from_millis(300)).await;
        world.hub.set_faults(NO_PATH);
        let direct = world.direct_addr(Who::B);
        world.dial(Who::A, Who::B, direct);
        let heard = world
            .until("the attempt fails", |_, heard| matches!(webrtc(heard), Some((Who::A, Event::UpgradeFailed { .. }))))
            .await;
        let Some((_, Event::UpgradeFailed { error, .. })) = webrtc(&heard) else { unreachable!("just matched") };
        assert!(matches!(error, Error::Stream(_) | Error::Session(SessionError::Timeout(_))), "{error:?}");
        world.until("nothing is left", |world, _| world.hub.open_peers() == 0 && world.circuits_open == 0).await;

        world.hub.set_faults(Faults { no_path: false, shuffle: true });
        let direct = world.direct_addr(Who::B);
        world.dial(Who::A, Who::B, direct);
        world.until("the next attempt succeeds", |world, _| world.is_direct_only()).await;
    });
}

#[test]
fn more_attempts_than_allowed_are_refused_with_the_number() {
    run(|| async {
        let limits = Limits { outbound: 1, ..Limits::default() };
        let mut world = World::new(9, Config { limits, ..config() }).await;
        world.hub.set_faults(NO_PATH);
        for _ in 0..2 {
            let direct = world.direct_addr(Who::B);
            world.dial(Who::A, Who::B, direct);
        }
        world
            .until("one is refused", |_, heard| {
                matches!(webrtc(heard), Some((Who::A, Event::UpgradeFailed { error: Error::TooManyAttempts(1), .. })))
            })
            .await;
    });
}

#[test]
fn a_stream_from_a_neighbour_is_as_good_as_a_circuit() {
    run(|| async {
        let mut world = World::new(10, config()).await;
        let (ours, theirs) = pipe();
        let (a, b) = (world.id(Who::A), world.id(Who::B));
        let id = world.a.behaviour_mut().webrtc.connect_over(b, Box::new(ours));
        world.b.behaviour_mut().webrtc.accept_over(a, Box::new(theirs));
        world.until("direct, with no circuit ever", |world, _| world.is_direct_only()).await;
        assert!(world.links.contains_key(&(Who::A, id)));
    });
}

#[test]
fn without_a_listener_a_peers_attempt_is_reset() {
    run(|| async {
        let mut world = World::new(11, config()).await;
        let listener = world.webrtc_listener(Who::B);
        assert!(world.b.remove_listener(listener));
        let (ours, theirs) = pipe();
        let (a, b) = (world.id(Who::A), world.id(Who::B));
        world.a.behaviour_mut().webrtc.connect_over(b, Box::new(ours));
        world.b.behaviour_mut().webrtc.accept_over(a, Box::new(theirs));
        world
            .until("the attempt fails", |_, heard| {
                matches!(webrtc(heard), Some((Who::A, Event::UpgradeFailed { error: Error::Stream(_), .. })))
            })
            .await;
        assert_eq!(world.hub.open_peers(), 0);
    });
}

#[test]
fn a_peer_that_disappears_closes_the_connection() {
    run(|| async {
        let mut world = World::new(12, config()).await;
        let direct = world.direct_addr(Who::B);
        world.dial(Who::A, Who::B, direct);
        world.until("direct", |world, _| world.is_direct_only()).await;
        world.hub.lose_all();
        world.until("both notice", |world, _| world.links.is_empty()).await;
    });
}

/// The reason for the order of transports: the relay client takes our addresses, we do not take its.
#[test]
fn the_relay_client_would_swallow_our_addresses() {
    let me = PeerId::random();
    let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let (mut ours, _behaviour) = transport::new_over(Hub::default(), me, Config::default());
    let (mut relays, _client) = relay::client::new(me);
    let circuit = Multiaddr::from(Protocol::Memory(1)).with(Protocol::P2p(PeerId::random())).with(Protocol::P2pCircuit);
    let peer = Protocol::P2p(PeerId::random());
    let (direct, relayed) = (circuit.clone().with(Protocol::WebRTC).with(peer.clone()), circuit.clone().with(peer));

    assert!(relays.dial(direct.clone(), opts).is_ok(), "hence ours comes first");
    assert!(ours.dial(direct, opts).is_ok());
    for other in [relayed, circuit.clone(), "/ip4/127.0.0.1/tcp/1/ws".parse().expect("an address")] {
        assert!(matches!(ours.dial(other, opts), Err(TransportError::MultiaddrNotSupported(_))));
    }
    assert!(matches!(ours.listen_on(ListenerId::next(), circuit), Err(TransportError::MultiaddrNotSupported(_))));
    assert!(ours.listen_on(ListenerId::next(), Protocol::WebRTC.into()).is_ok());
}
