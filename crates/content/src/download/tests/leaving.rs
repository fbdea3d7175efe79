//! A source whose path is known and that turns slow, and a race from the first request on.

use super::*;

const PATH: Outlook = Outlook {
    answer: Duration::from_millis(20),
    late: Duration::from_millis(60),
    patience: Duration::from_millis(300),
};

/// Sources 0 and 1 hold all of `chunks` chunks and were served for a moment; then both have requests under way.
fn two_sources(chunks: u64, outlook: Option<Outlook>) -> Rig {
    let mut rig = Rig::new(chunks * CHUNK);
    for peer in [0, 1] {
        rig.find(peer);
        rig.flows.expect(peer, outlook);
        let (root, bits) = (rig.content.root(), Bitfield::full(rig.content.chunks()));
        rig.from(peer, Message::Holds { root, bits });
    }
    rig
}

/// Serves one group of what `peer` was asked for every five milliseconds, for this long. When it lost its requests.
fn serve_alone(rig: &mut Rig, peer: u8, silent: u8, time: Duration) -> Option<Time> {
    let until = rig.now + time;
    let mut wants = VecDeque::new();
    while rig.now < until {
        wants.extend(rig.take_wants(peer).into_iter().flat_map(|(range, _)| range.iter()));
        if let Some(group) = wants.pop_front() {
            for message in rig.content.serve(GroupRange::new(group, 1), 0).unwrap() {
                rig.from(peer, message);
            }
        }
        rig.wait(Duration::from_millis(5));
        if rig.download.sources[&silent].outstanding() == 0 {
            return Some(rig.now);
        }
    }
    None
}

#[test]
fn a_source_that_falls_silent_is_left_within_a_second_for_one_that_sends() {
    let mut rig = two_sources(64, Some(PATH));
    let left = serve_alone(&mut rig, 1, 0, Duration::from_secs(2)).expect("it is left");
    assert!(left <= Time::ZERO + Duration::from_millis(400), "{left:?}");
    assert!(!rig.download.sources[&0].is_ready(), "it rests");
}

#[test]
fn a_source_whose_path_nobody_knows_is_waited_for() {
    let mut rig = two_sources(64, None);
    assert_eq!(serve_alone(&mut rig, 1, 0, Duration::from_millis(1_200)), None);
}

#[test]
fn nobody_is_left_while_all_are_silent() {
    let mut rig = two_sources(64, Some(PATH));
    rig.wait(Duration::from_millis(1_200));
    let owed = [0, 1].map(|peer| rig.download.sources[&peer].outstanding());
    assert!(owed.iter().all(|&owed| owed > 0), "{owed:?}");
}

#[test]
fn nobody_is_left_for_a_source_that_does_not_hold_the_same() {
    let mut rig = Rig::new(8 * CHUNK);
    rig.holds(0, &[0, 1, 2, 3]);
    rig.holds(1, &[4, 5, 6, 7]);
    for peer in [0, 1] {
        rig.flows.expect(peer, Some(PATH));
    }
    assert_eq!(serve_alone(&mut rig, 1, 0, Duration::from_millis(300)), None);
}

#[test]
fn a_tab_that_was_held_up_itself_leaves_nobody_at_once() {
    let mut rig = two_sources(64, Some(PATH));
    let first = rig.take_wants(1)[0].0.first;
    for message in rig.content.serve(GroupRange::new(first, 1), 0).unwrap() {
        rig.now = rig.now + Duration::from_millis(1);
        rig.from(1, message);
    }
    rig.now = rig.now + Duration::from_millis(900);
    rig.hear(DownloadInput::Wake);
    assert!(rig.download.sources[&0].outstanding() > 0);
}

#[test]
fn racers_are_asked_for_the_same_and_the_first_byte_decides() {
    let mut rig = Rig::new(CHUNK / 2);
    for peer in [0, 1, 2] {
        rig.find(peer);
    }
    rig.download.race(rig.now, &mut rig.flows, [0, 1]);
    let (root, bits) = (rig.content.root(), Bitfield::full(1));
    for peer in [0, 1, 2] {
        rig.from(peer, Message::Holds { root, bits: bits.clone() });
    }
    let wants = [0, 1, 2].map(|peer| rig.take_wants(peer));
    assert_eq!(wants[0].len(), 1);
    assert_eq!(wants[0], wants[1], "both are asked for all of it");
    assert_eq!(wants[2], [], "who does not race has nothing to do");
    let first = rig.content.serve(GroupRange::new(0, 1), 0).unwrap();
    first.into_iter().for_each(|message| rig.from(1, message));
    let cancelled = rig.take_sent(0).into_iter().any(|(_, message)| matches!(message, Message::Cancel { .. }));
    assert!(cancelled && rig.download.sources[&0].outstanding() == 0);
    assert_eq!(rig.download.progress().wasted, 0);
}

#[test]
fn an_answer_that_has_begun_is_not_raced() {
    let mut rig = Rig::new(CHUNK / 2);
    rig.download.race(rig.now, &mut rig.flows, [0, 1]);
    rig.holds_all(0);
    let range = rig.take_wants(0)[0].0;
    let first = rig.content.serve(GroupRange::new(range.first, 1), 0).unwrap();
    first.into_iter().for_each(|message| rig.from(0, message));
    rig.holds_all(1);
    assert_eq!(rig.take_wants(1), []);
}
