//! The room alone, with an imaginary node around it.

use super::*;
use proptest::prelude::*;

const RELAY: RelayIndex = RelayIndex(0);
const BY_RELAY: Introducer = Introducer::Relay(RELAY);

/// The room, a clock, and what it was last told.
struct Room {
    now: Time,
    connections: Connections,
    wanted: Vec<PeerKey>,
    busy: BTreeSet<PeerKey>,
    relays: Vec<RelayIndex>,
    measurements: Measurements,
}

impl Room {
    fn new(config: Config) -> Self {
        Self {
            now: Time::ZERO,
            connections: Connections::new(Time::ZERO, key(0), &config),
            wanted: Vec::new(),
            busy: BTreeSet::new(),
            relays: vec![RELAY],
            measurements: Measurements::default(),
        }
    }

    fn tick(&mut self) -> Vec<Output> {
        let mut out = Outbox::default();
        let needs =
            Needs { wanted: &self.wanted, busy: &self.busy, relays: &self.relays, measurements: &self.measurements };
        self.connections.tick(self.now, needs, &mut out);
        core::iter::from_fn(|| out.pop()).collect()
    }

    fn pass(&mut self, time: Duration) -> Vec<Output> {
        self.now = self.now + time;
        self.tick()
    }

    fn discover(&mut self, from: Introducer, peers: impl IntoIterator<Item = u64>) -> Vec<Output> {
        let peers: Vec<PeerKey> = peers.into_iter().map(key).collect();
        self.connections.on_discovered(self.now, from, &peers);
        self.tick()
    }

    /// The lost and the connected, without attempts under way.
    fn shown(&self) -> Vec<crate::snapshot::PeerView> {
        let needs =
            Needs { wanted: &self.wanted, busy: &self.busy, relays: &self.relays, measurements: &self.measurements };
        let relays = crate::relays::Relays::new(Time::ZERO, &Config::default());
        let views = self.connections.views(self.now, needs, &relays, |_| Exchanged::default());
        views.into_iter().filter(|view| view.path != crate::snapshot::PathView::Connecting).collect()
    }

    fn connect(&mut self, peer: u64, dialled_by_us: bool) -> Vec<Output> {
        let mut out = Outbox::default();
        self.connections.on_connected(self.now, key(peer), Path::Direct, dialled_by_us, &mut out);
        core::iter::from_fn(|| out.pop()).chain(self.tick()).collect()
    }
}

#[test]
fn dials_up_to_the_target_and_no_further() {
    let mut room = Room::new(Config::default());
    let out = room.discover(BY_RELAY, 1..40);
    assert_eq!(dialled(&out).len(), 8);
    for peer in dialled(&out) {
        room.connections.on_connected(room.now, peer, Path::Direct, true, &mut Outbox::default());
    }
    assert_eq!(dialled(&room.tick()), []);
}

#[test]
fn a_failed_dial_is_replaced_by_another_peer_and_waits_longer_each_time() {
    let mut room = Room::new(Config { peers_target: 1, ..Config::default() });
    let first = dialled(&room.discover(BY_RELAY, [1, 2]))[0];
    room.connections.on_dial_failed(room.now, first, Failure::NoDirectPath);
    let second = dialled(&room.tick())[0];
    assert_ne!(first, second);
    room.connections.on_dial_failed(room.now, second, Failure::NoDirectPath);
    assert_eq!(dialled(&room.tick()), []);

    let mut gaps = Vec::new();
    let mut last = room.now;
    for _ in 0..12 {
        room.now = room.connections.next_deadline().expect("somebody is left to try").max(room.now);
        for peer in dialled(&room.tick()) {
            gaps.push(room.now - last);
            last = room.now;
            room.connections.on_dial_failed(room.now, peer, Failure::NoDirectPath);
            room.tick();
        }
    }
    assert!(gaps.last().unwrap() > &Duration::from_secs(8), "{gaps:?}");
}

#[test]
fn a_peer_the_relay_does_not_have_is_not_asked_for_there_again() {
    let mut room = Room::new(Config::default());
    room.discover(BY_RELAY, [1]);
    room.connections.on_dial_failed(room.now, key(1), Failure::NotIntroduced);
    assert_eq!(dialled(&room.pass(Duration::from_secs(120))), []);
    assert_eq!(dialled(&room.discover(BY_RELAY, [1])), [key(1)]);
}

#[test]
fn a_closed_tab_is_shown_for_a_minute_however_often_it_is_tried_again() {
    let mut room = Room::new(Config::default());
    room.discover(BY_RELAY, [1, 2]);
    room.connect(1, true);
    room.connections.on_disconnected(room.now, key(1), Failure::Closed);
    room.connections.on_dial_failed(room.now, key(2), Failure::NotIntroduced);
    for second in 1..=90 {
        for peer in dialled(&room.pass(Duration::from_secs(1))) {
            room.connections.on_dial_failed(room.now, peer, Failure::NotIntroduced);
        }
        room.discover(BY_RELAY, [1, 2]);
        let shown: Vec<Option<Failure>> = room.shown().into_iter().map(|view| view.failure).collect();
        match second {
            1..60 => assert!(shown.contains(&Some(Failure::Closed)), "{second}: {shown:?}"),
            _ => assert!(!shown.contains(&Some(Failure::Closed)), "{second}: {shown:?}"),
        }
        assert!(!shown.contains(&Some(Failure::NotIntroduced)), "nobody saw that peer");
    }
}

#[test]
fn strangers_cannot_take_the_places_we_fill_ourselves() {
    let mut room = Room::new(Config::default());
    let mut refused = 0;
    for peer in 1..=20 {
        refused += hung_up(&room.connect(peer, false)).len();
    }
    assert_eq!(refused, 20 - 12);
    assert_eq!(dialled(&room.discover(BY_RELAY, 100..140)).len(), 0, "twelve neighbours are enough for the target");
    room.wanted = vec![key(100), key(101)];
    assert_eq!(dialled(&room.tick()), [key(100), key(101)], "but providers are dialled all the same");
}

#[test]
fn a_provider_gets_the_place_of_the_farthest_idle_neighbour() {
    let mut room = Room::new(Config { peers_target: 3, outbound_max: 3, ..Config::default() });
    for peer in dialled(&room.discover(BY_RELAY, [1, 2, 3])) {
        room.connections.on_connected(room.now, peer, Path::Direct, true, &mut Outbox::default());
    }
    for (peer, ms) in [(1, 90), (2, 20), (3, 200)] {
        let rtt = Duration::from_millis(ms);
        room.measurements.on_rtt(room.now, key(peer), rtt, crate::RttKind::Ping, false);
    }
    room.busy.insert(key(3));
    room.wanted = vec![key(9)];
    let out = room.discover(BY_RELAY, [9]);
    assert_eq!((dialled(&out), hung_up(&out)), (vec![], vec![]), "too young to judge");
    let out = room.pass(PROVEN_AFTER);
    assert_eq!(hung_up(&out), [key(1)], "3 is farther, but busy");
    assert_eq!(dialled(&out), [key(9)]);
}

#[test]
fn without_a_relay_neighbours_are_asked_and_introduce() {
    let mut room = Room::new(Config::default());
    room.discover(BY_RELAY, [1, 2]);
    room.connect(1, true);
    room.connections.on_dial_failed(room.now, key(2), Failure::NoDirectPath);
    room.relays.clear();
    assert_eq!(dialled(&room.pass(Duration::from_secs(10))), [], "nobody can introduce us to 2 now");
    let out = room.pass(EXCHANGE_ALONE);
    assert!(out.iter().any(|output| matches!(output, Output::AskNeighbours { peer } if *peer == key(1))));
    let by_neighbour = Introducer::Neighbour(key(1));
    let out = room.discover(by_neighbour, [0, 1, 2, 3]);
    assert_eq!(dialled(&out).len(), 2, "neither ourselves nor the neighbour itself");
    assert!(out.iter().any(|output| matches!(output, Output::Dial { by, .. } if *by == by_neighbour)));
}

#[test]
fn names_from_somebody_we_are_not_connected_to_are_ignored() {
    let mut room = Room::new(Config::default());
    assert_eq!(dialled(&room.discover(Introducer::Neighbour(key(7)), [1])), []);
    assert_eq!(dialled(&room.discover(Introducer::Relay(RelayIndex(9)), [1])), []);
}

#[test]
fn a_banned_peer_is_neither_dialled_nor_accepted() {
    let mut room = Room::new(Config::default());
    room.discover(BY_RELAY, [1]);
    room.connect(1, true);
    let mut out = Outbox::default();
    room.connections.ban(room.now, key(1), &mut out);
    assert!(matches!(out.pop(), Some(Output::HangUp { why: Failure::Banned, .. })));
    room.wanted = vec![key(1)];
    assert_eq!(dialled(&room.discover(BY_RELAY, [1])), []);
    assert_eq!(dialled(&room.pass(Duration::from_secs(600))), []);
    assert_eq!(hung_up(&room.connect(1, false)), [key(1)]);
}

#[test]
fn what_the_person_said_about_a_peer_holds_until_they_say_otherwise() {
    let mut room = Room::new(Config::default());
    room.discover(BY_RELAY, [1]);
    room.connect(1, true);
    let mut out = Outbox::default();
    room.connections.disconnect(room.now, key(1), &mut out);
    assert_eq!(dialled(&room.pass(Duration::from_secs(120))), []);
    assert_eq!(hung_up(&room.connect(1, false)), [key(1)]);
    room.connections.retry(room.now, key(1));
    assert_eq!(dialled(&room.tick()), [key(1)]);
}

#[test]
fn a_neighbour_that_fell_silent_is_hung_up_on_and_a_sleeping_tab_loses_nobody() {
    let mut room = Room::new(Config::default());
    room.connect(1, false);
    room.connect(2, false);
    assert_eq!(hung_up(&room.pass(Duration::from_secs(3_600))), [], "an hour of sleep is one count");
    for _ in 0..2 {
        room.connections.on_heard(key(2));
        assert_eq!(hung_up(&room.pass(LIVENESS_EVERY)), []);
    }
    room.connections.on_heard(key(2));
    assert_eq!(hung_up(&room.pass(LIVENESS_EVERY)), [key(1)]);
}

#[test]
fn of_two_that_lost_each_other_one_dials_back_first() {
    let redial = |me: u64, other: u64| {
        let mut room = Room::new(Config::default());
        room.connections.me = key(me);
        room.discover(BY_RELAY, [other]);
        room.connect(other, true);
        room.connections.on_disconnected(room.now, key(other), Failure::Closed);
        room.tick();
        room.connections.next_deadline().expect("it is dialled again") - room.now
    };
    let retry_min = Config::default().retry_min;
    assert!(redial(1, 2) <= retry_min);
    assert!(redial(2, 1) >= retry_min);
}

#[test]
fn attempts_in_a_minute_are_limited_however_fast_they_fail() {
    let mut room = Room::new(Config::default());
    let mut dials = room.discover(BY_RELAY, 1..60);
    let mut count = 0;
    while !dialled(&dials).is_empty() {
        for peer in dialled(&dials) {
            count += 1;
            room.connections.on_dial_failed(room.now, peer, Failure::NoDirectPath);
        }
        dials = room.tick();
    }
    assert_eq!(count, 30);
    assert_eq!(room.connections.next_deadline(), Some(Time::ZERO + Duration::from_secs(60)));
    assert!(!dialled(&room.pass(Duration::from_secs(60))).is_empty());
}

#[test]
fn a_dial_the_node_forgot_is_given_up() {
    let mut room = Room::new(Config::default());
    room.discover(BY_RELAY, [1]);
    let out = room.pass(DIAL_TIMEOUT);
    assert_eq!(hung_up(&out), [key(1)]);
    assert_eq!(room.connections.attempt(key(1)), Attempt::Failed(Failure::TimedOut));
}

#[test]
fn without_webrtc_nobody_is_dialled() {
    let mut room = Room::new(Config { webrtc: false, ..Config::default() });
    assert_eq!(dialled(&room.discover(BY_RELAY, 1..10)), []);
    assert_eq!(room.connections.next_deadline(), None);
}

proptest! {
    #[test]
    fn prop_budgets_hold_whatever_arrives(
        seed: u64,
        steps in proptest::collection::vec((0u8..12, 1u64..40, any::<bool>(), 0u64..5_000), 1..300),
    ) {
        let config = Config { seed, outbound_max: 5, inbound_max: 4, dials_max: 3, dials_per_minute: 9, peers_target: 4, ..Config::default() };
        let mut room = Room::new(config.clone());
        let mut starts: Vec<Time> = Vec::new();
        for (kind, peer, flag, pause_ms) in steps {
            let (now, peer) = (room.now, key(peer));
            let mut out = Outbox::default();
            let room_ = &mut room.connections;
            match kind {
                0..=2 => { room_.on_discovered(now, BY_RELAY, &[peer]); }
                3 | 4 => room_.on_connected(now, peer, Path::Direct, flag, &mut out),
                5 => room_.on_connected(now, peer, Path::Relayed, flag, &mut out),
                6 => room_.on_disconnected(now, peer, Failure::Closed),
                7 => room_.on_dial_failed(now, peer, if flag { Failure::NotIntroduced } else { Failure::TimedOut }),
                8 => room_.on_dialling(now, peer, Stage::Checking),
                9 => room_.retry(now, peer),
                10 if flag => room_.disconnect(now, peer, &mut out),
                10 => room_.ban(now, peer, &mut out),
                _ => room.wanted = vec![peer],
            }
            room.now = room.now + Duration::from_millis(pause_ms);
            let outputs = room.tick();
            starts.extend(dialled(&outputs).iter().map(|_| room.now));

            let connected = |ours: bool| room.connections.count(
                |entry| entry.connected().is_some_and(|connected| connected.dialled_by_us == ours));
            prop_assert!(room.connections.outbound() <= config.outbound_max);
            prop_assert!(connected(false) <= config.inbound_max);
            prop_assert!(room.connections.count_dialling() <= config.dials_max);
            let last_minute = starts.iter().filter(|start| room.now - **start < Duration::from_secs(60)).count();
            prop_assert!(last_minute <= config.dials_per_minute as usize);
            if let Some(deadline) = room.connections.next_deadline() {
                prop_assert!(deadline > room.now, "a tick leaves nothing that is due");
            }
        }
    }
}

fn dialled(outputs: &[Output]) -> Vec<PeerKey> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Dial { peer, .. } => Some(*peer),
            _ => None,
        })
        .collect()
}

fn hung_up(outputs: &[Output]) -> Vec<PeerKey> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::HangUp { peer, .. } => Some(*peer),
            _ => None,
        })
        .collect()
}

fn key(n: u64) -> PeerKey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    PeerKey(bytes)
}
