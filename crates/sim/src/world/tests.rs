//! Each invariant has something that breaks it, so that a check that never fails is noticed.

use super::*;
use crate::scenario::{Expect, Fetch, Share};

#[test]
fn a_peer_with_too_many_connections_is_caught() {
    let mut world = small_world();
    world.budgets_are(|config| config.outbound_max = 1);
    assert!(matches!(world.run_to_end(), Err(Violation::Outbound { max: 1, .. })));

    let mut world = small_world();
    world.budgets_are(|config| config.inbound_max = 0);
    assert!(matches!(world.run_to_end(), Err(Violation::Inbound { max: 0, .. })));

    let mut world = small_world();
    world.budgets_are(|config| config.dials_per_minute = 1);
    assert!(matches!(world.run_to_end(), Err(Violation::DialRate { max: 1, .. })));
}

#[test]
fn wrong_bytes_in_the_store_are_caught() {
    let mut world = small_world();
    world.run_until_shared();
    // What everybody verifies is no longer what the world holds for true.
    let mut bytes = world.truths[0].bytes.to_vec();
    bytes[0] ^= 1;
    world.truths[0].bytes = bytes.into();
    assert!(matches!(world.run_to_end(), Err(Violation::WrongBytes { share: 0, .. })));
}

#[test]
fn bytes_that_vanish_from_a_store_are_caught() {
    let mut world = small_world();
    while world.hosts[1].store.whole(world.truths[0].manifest.root).is_none() {
        world.step_once();
    }
    let root = world.truths[0].manifest.root;
    world.hosts[1].store.forget(root);
    assert!(matches!(world.run_to_end(), Err(Violation::FalselyDone { peer: 1, share: 0 })));
}

#[test]
fn verified_bytes_that_shrink_are_caught() {
    let mut world = small_world();
    while world.hosts[1].store.stored_len(world.truths[0].manifest.root) == 0 {
        world.step_once();
    }
    world.hosts[1].verified.insert(0, u64::MAX);
    assert!(matches!(world.run_to_end(), Err(Violation::GroupsLost { peer: 1, share: 0, .. })));
}

#[test]
fn what_was_expected_and_did_not_come_is_told() {
    let mut scenario = small();
    scenario.fetch[0].done_by_s = Some(1);
    assert!(matches!(run(&scenario, 0, None), Err(Failure { violation: Violation::NotFetched { .. }, .. })));

    let expect = Expect { neighbours_min: 9, ..Expect::default() };
    let failure = run(&Scenario { expect, ..small() }, 7, Some("some.toml")).expect_err("there are only three");
    assert!(matches!(failure.violation, Violation::Lonely { min: 9, .. }));
    assert!(failure.to_string().ends_with("cargo run -p sim -- some.toml --seed 7"));
}

impl World {
    fn step_once(&mut self) {
        let ((at, _), event) = self.queue.pop_first().expect("looking goes on for ever");
        self.now = at;
        self.step(event).expect("nothing is broken yet");
    }

    /// The checks go by other budgets than the peers do.
    fn budgets_are(&mut self, change: impl Fn(&mut Config)) {
        while self.hosts.iter().any(|host| host.peer.is_none()) {
            self.step_once();
        }
        for host in &mut self.hosts {
            change(&mut host.config);
        }
    }

    fn run_until_shared(&mut self) {
        while self.hosts[0].store.read(self.truths[0].manifest.root, content::GroupRange::single(0)).is_none() {
            self.step_once();
        }
    }
}

fn small_world() -> World {
    World::new(small(), 0)
}

fn small() -> Scenario {
    Scenario {
        about: "four tabs, one file".into(),
        peers: 4,
        relays: 1,
        seconds: 20,
        network: Default::default(),
        start_within_ms: 10,
        pass_on: false,
        credits: None,
        poor: Vec::new(),
        share: vec![Share { peer: 0, at_ms: 500, bytes: 200_000 }],
        fetch: vec![Fetch { peer: 1, share: 0, at_ms: 2_000, done_by_s: Some(10) }],
        fault: Vec::new(),
        expect: Expect::default(),
    }
}
