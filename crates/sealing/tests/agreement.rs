//! Agreement, accountability and liveness of engines authority and stake, in a network that loses, delays, doubles and
//! parts, among makers that crash at the worst moment and one that is two (Yandell et al. call them twins: "Twins: BFT
//! systems made robust", 2021).
//!
//! `SEEDS=5000 cargo test -p sealing --test agreement` runs more; a failure names its seed, and `SEED=n` replays it.

#[path = "support/world.rs"]
mod world;

use world::{Fault, World};

fn seeds(default: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SEEDS").unwrap_or(default)).collect(),
    }
}

#[test]
fn one_authority_seals_alone() {
    let mut world = World::authority(1, 7);
    world.run_secs(100);
    assert!(world.heights()[0] >= 3, "a heartbeat each thirty seconds: {:?}", world.heights());
}

#[test]
fn transaction_is_final_everywhere_within_a_second() {
    for seed in seeds(20) {
        let mut world = World::authority(4, seed);
        world.run_secs(2);
        let (paid, sent) = (world.pay(0), world.now_ms());
        world.run_until(|world| world.is_final_everywhere(&paid), 10);
        let took = world.now_ms() - sent;
        assert!(took < 1_500, "seed {seed}: {took} ms");
    }
}

#[test]
fn honest_makers_never_decide_differently_whatever_the_network_does() {
    for seed in seeds(60) {
        let mut world = World::authority(4, seed);
        world.storm(Fault { loss: 30, crashes: true, partitions: true }, 60);
        world.calm();
        let paid = world.pay(1);
        world.run_until(|world| world.is_final_everywhere(&paid), 60);
        assert!(world.is_final_everywhere(&paid), "seed {seed}: not final a minute after the storm");
    }
}

#[test]
fn maker_that_is_two_can_neither_split_the_chain_nor_stop_it() {
    let mut caught = 0;
    for seed in seeds(60) {
        let mut world = World::with_twin(seed);
        world.storm(Fault { loss: 10, crashes: false, partitions: true }, 60);
        world.calm();
        let paid = world.pay(1);
        world.run_until(|world| world.is_final_everywhere(&paid), 60);
        assert!(world.is_final_everywhere(&paid), "seed {seed}: stopped");
        caught += u32::from(world.saw_double_signature());
    }
    assert!(caught > 0, "twins never contradicted each other: the test shows nothing");
}

#[test]
fn stake_agrees_by_power_and_goes_on_without_the_smallest() {
    for seed in seeds(20) {
        let mut world = World::stake(&[1 << 30, 1 << 30, 1 << 30, 1 << 28], seed);
        world.stop(3);
        let paid = world.pay(0);
        world.run_until(|world| world.is_final_at(0, &paid) && world.is_final_at(2, &paid), 60);
        assert!(world.is_final_at(0, &paid) && world.is_final_at(2, &paid), "seed {seed}");
    }
}

#[test]
fn without_two_thirds_nothing_is_decided() {
    let mut world = World::authority(4, 3);
    world.run_secs(5);
    world.stop(2);
    world.stop(3);
    let before = world.heights();
    world.run_secs(120);
    let after = world.heights();
    assert!(after[0] <= before[0] + 1 && after[1] <= before[1] + 1, "{before:?} {after:?}");
}

#[test]
fn validator_from_an_old_disk_signs_nothing_until_it_has_caught_up() {
    for seed in seeds(20) {
        let mut world = World::authority(4, seed);
        world.run_secs(3);
        let old = world.copy_disk(0);
        for _ in 0..5 {
            world.pay(1);
            world.run_secs(3);
        }
        let high = world.heights()[0];
        world.restore(0, old);
        world.run_secs(9);
        assert!(!world.has_signed_since_restore(), "seed {seed}: signed while it should listen");
        world.run_secs(30);
        assert!(world.heights()[0] > high, "seed {seed}: {:?}", world.heights());
        assert!(!world.saw_double_signature(), "seed {seed}");
    }
}

#[test]
fn miners_end_on_one_branch_and_no_transaction_is_lost() {
    for seed in seeds(4) {
        let mut world = World::work(3, seed);
        let paid = world.pay(0);
        world.storm(Fault { loss: 0, crashes: false, partitions: true }, 40);
        world.calm();
        world.run_until(|world| world.agrees() && world.is_final_everywhere(&paid), 120);
        assert!(world.agrees(), "seed {seed}: {:?}", world.heights());
        assert!(world.is_final_everywhere(&paid), "seed {seed}");
    }
}
