//! A player at work: its groups first, wherever it jumps.

use super::*;

impl Rig {
    fn play(&mut self, group: Option<u32>, window: u32) {
        self.download.set_playhead(self.now, &mut self.flows, group, window);
        self.drain();
    }

    /// The peer answers the oldest of these wants.
    fn answer(&mut self, peer: u8, wants: &[(GroupRange, u8)]) {
        let (range, known) = wants[0];
        for message in self.content.serve(range, known).unwrap() {
            self.now = self.now + Duration::from_micros(500);
            self.from(peer, message);
        }
    }
}

#[test]
fn a_jump_to_the_end_of_an_item_of_which_a_hundredth_is_here_delivers_that_group_next() {
    let mut rig = Rig::new(100 * CHUNK);
    rig.holds_all(0);
    let wants = rig.take_wants(0);
    rig.answer(0, &wants);
    assert_eq!(rig.download.progress().verified, CHUNK, "a hundredth");
    let last = 100 * GROUPS_PER_CHUNK - 1;
    rig.play(Some(last), 4);
    let wants = rig.take_wants(0);
    assert_eq!(wants[0].0, GroupRange::single(last), "what was asked for elsewhere is taken back");
    rig.answer(0, &wants);
    assert_eq!(rig.download.stored_from(last), 1, "it does not wait for the rest of its chunk");
    (1..wants.len()).for_each(|at| rig.answer(0, &wants[at..]));
    rig.serve(&[0]);
    rig.assert_complete();
}

#[test]
fn a_player_is_served_in_order_and_the_rest_behind_it() {
    let mut rig = Rig::new(40 * CHUNK);
    rig.play(Some(200), 40);
    rig.holds_all(0);
    let mut order = Vec::new();
    for _ in 0..8 {
        let wants = rig.take_wants(0);
        let Some(&(range, _)) = wants.first() else { break };
        order.extend(wants.iter().flat_map(|(range, _)| range.iter()));
        rig.answer(0, &wants);
        rig.sent.clear();
        assert!(rig.download.groups.is_verified(range.first));
    }
    assert_eq!(order[..16], (200..216).collect::<Vec<u32>>()[..], "{order:?}");
}

#[test]
fn the_player_does_not_wait_for_the_slow_when_the_quick_has_it() {
    let mut rig = Rig::new(80 * CHUNK);
    rig.holds_all(0);
    rig.holds_all(1);
    // Source 1 takes 100 ms for each group, source 0 half a millisecond.
    for _ in 0..12 {
        let slow = rig.take_wants(1);
        for &(range, known) in slow.iter().take(1) {
            for message in rig.content.serve(range, known).unwrap() {
                rig.now = rig.now + Duration::from_millis(100);
                rig.from(1, message);
            }
        }
    }
    for _ in 0..4 {
        let quick = rig.take_wants(0);
        if quick.is_empty() {
            break;
        }
        rig.answer(0, &quick);
    }
    rig.sent.clear();
    rig.play(Some(900), 8);
    let asked: Vec<GroupRange> = rig.take_wants(1).into_iter().map(|(range, _)| range).collect();
    assert!(asked.iter().all(|range| range.intersection(GroupRange::new(900, 8)).is_empty()), "{asked:?}");
    assert!(rig.take_wants(0).iter().any(|(range, _)| range.first == 900));
}

#[test]
fn what_the_player_waits_for_is_raced_when_its_source_falls_silent() {
    let mut rig = Rig::new(80 * CHUNK);
    rig.play(Some(500), 4);
    rig.holds_all(0);
    assert_eq!(rig.take_wants(0)[0].0.first, 500);
    rig.holds_all(1);
    rig.sent.clear();
    let other = rig.download.progress().in_flight;
    for _ in 0..10 {
        rig.wait(Duration::from_millis(100));
    }
    // Source 1 has a full window of other groups and gets room with its first answer.
    let wants: Vec<_> = rig.download.sources[&1].requests().map(|request| request.chunk).collect();
    let (range, known) = (GroupRange::of_chunk(wants[0], 80 * CHUNK), 0);
    for message in rig.content.serve(range, known).unwrap() {
        rig.from(1, message);
    }
    assert!(other > 0);
    let raced = rig.take_wants(1);
    assert!(raced.iter().any(|(range, _)| GroupRange::new(500, 4).contains(range.first)), "{raced:?}");
    assert!(rig.now < Time::ZERO + Duration::from_millis(1_500), "long before any deadline");
}

#[test]
fn a_player_that_stopped_changes_nothing() {
    let mut rig = Rig::new(20 * CHUNK);
    rig.play(Some(u32::MAX), 4);
    rig.play(Some(10), 0);
    rig.play(None, 4);
    rig.holds_all(0);
    rig.serve(&[0]);
    rig.assert_complete();
}
