//! Whom a tab asks first when several have it: the one it measured to be near, chance for comparison, and others when
//! the chosen stay silent.

use crate::tab::{File, Tab, key, sent_to, wants};
use content::{GroupRange, Message};
use core::time::Duration;
use protocol::snapshot::{LearningView, Way};
use protocol::{Command, Input, Output, RttKind};
use std::collections::BTreeSet;

const SOURCES: [u8; 4] = [1, 2, 3, 4];

#[test]
fn the_nearest_is_asked_first_and_the_others_when_it_stays_silent() {
    let mut tab = measured(&[80, 120, 10, 200]);
    let file = learned(&mut tab, "near.png");
    let asked = asked_for_manifest(&tab.named(&file, &SOURCES));
    assert_eq!(asked, BTreeSet::from([3]));
    let later = asked_for_manifest(&tab.pass(Duration::from_millis(299)));
    assert_eq!(later, BTreeSet::new());
    let later = asked_for_manifest(&tab.pass(Duration::from_millis(450)));
    assert_eq!(later, BTreeSet::from([1, 2, 4]));
}

#[test]
fn sources_that_are_each_quick_at_times_race_and_the_loser_is_told() {
    let mut tab = Tab::connected_to(&SOURCES);
    for round in 0..60 {
        for (peer, quick) in [(1, round % 2 == 0), (2, round % 2 == 1), (3, false), (4, false)] {
            ping(&mut tab, peer, if quick { 20 } else { 700 });
        }
    }
    let file = learned(&mut tab, "race.png");
    let asked = asked_for_manifest(&tab.named(&file, &SOURCES));
    assert!(asked.is_superset(&BTreeSet::from([1, 2])), "{asked:?}");

    tab.says(1, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() });
    let range = GroupRange::whole(file.manifest.length);
    let mut outputs = Vec::new();
    for peer in [1, 2] {
        outputs.extend(tab.says(peer, file.holds_all()));
    }
    for peer in [1, 2] {
        assert_eq!(wants(&sent_to(peer, &outputs)), [(range, 0)], "both are asked for all of it");
    }
    let first = file.groups(range, 0).remove(0);
    let after = tab.says(2, first);
    assert!(sent_to(1, &after).iter().any(|message| matches!(message, Message::Cancel { .. })));
}

#[test]
fn a_small_item_is_followed_only_where_it_was_chosen() {
    let mut tab = measured(&[80, 120, 10, 200]);
    let file = learned(&mut tab, "small.png");
    tab.named(&file, &SOURCES);
    let begun = tab.says(3, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() });
    let follows = |peer| sent_to(peer, &begun).contains(&Message::Follow { root: file.root() });
    assert_eq!(SOURCES.map(follows), [false, false, true, false]);
    finish(&mut tab, 3, &file);
    let learning = learning(&tab);
    assert!(learning.learned >= 1 && learning.choices[0].took_ms.is_some(), "{learning:?}");
}

#[test]
fn a_larger_item_is_taken_from_everybody_at_once() {
    let mut tab = measured(&[80, 120, 10, 200]);
    let file = File::new("large.png", 600_000);
    tab.command(Command::Fetch { id: file.id });
    tab.named(&file, &SOURCES);
    let mut begun = Vec::new();
    for peer in SOURCES {
        begun.extend(tab.says(peer, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() }));
    }
    begun.extend(tab.pass(Duration::from_secs(1)));
    let follows = |peer| sent_to(peer, &begun).contains(&Message::Follow { root: file.root() });
    assert_eq!(SOURCES.map(follows), [true; 4]);
}

#[test]
fn with_the_layer_off_everybody_is_asked_equally_and_nothing_is_compared() {
    let mut tab = measured(&[80, 120, 10, 200]);
    tab.command(Command::Learn(false));
    let mut times = [0; SOURCES.len()];
    for at in 0..80 {
        let file = File::new(&format!("{at}.png"), 1_000 + at);
        tab.command(Command::Fetch { id: file.id });
        let asked = asked_for_manifest(&tab.named(&file, &SOURCES));
        assert_eq!(asked.len(), 1);
        let peer = *asked.first().expect("one is asked");
        times[usize::from(peer) - 1] += 1;
        tab.says(peer, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() });
        finish(&mut tab, peer, &file);
    }
    assert!(times.iter().all(|&times| times >= 8), "{times:?}");
    let learning = learning(&tab);
    assert!(!learning.on && learning.choices.iter().all(|choice| choice.way == Way::Off));
    assert_eq!((learning.learned, learning.control, learning.saved), (0, 0, None));
}

#[test]
fn one_choice_in_twenty_is_chance_and_what_learning_saved_is_measured() {
    let mut tab = measured(&[80, 120, 10, 200]);
    for at in 0..900 {
        for (peer, ms) in SOURCES.into_iter().zip([80, 120, 10, 200]) {
            ping(&mut tab, peer, ms);
        }
        let file = File::new(&format!("{at}.png"), 1_000 + at);
        tab.command(Command::Fetch { id: file.id });
        let asked = asked_for_manifest(&tab.named(&file, &SOURCES));
        let peer = *asked.first().expect("somebody is asked");
        let rtt = Duration::from_millis([80, 120, 10, 200][usize::from(peer) - 1]);
        tab.now = tab.now + rtt;
        tab.says(peer, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() });
        tab.now = tab.now + rtt * 2;
        finish(&mut tab, peer, &file);
        tab.command(Command::Remove { id: file.id });
    }
    let learning = learning(&tab);
    assert!((20..80).contains(&learning.control), "{}", learning.control);
    assert_eq!(learning.learned, 500, "the newest are kept");
    let saved = learning.saved.expect("enough of both");
    assert!(saved.certain && saved.low_ms > 0.0, "{saved:?}");
    // Chance takes the middle of all four, learning the nearest, three round trips each.
    assert!((200.0..=330.0).contains(&saved.median_ms), "{saved:?}");
    let picked = |peer: u8| {
        let snapshot = tab.peer.snapshot(tab.now);
        snapshot.peers.into_iter().find(|view| view.peer == key(peer).to_string()).and_then(|view| view.picked)
    };
    let (near, far) = (picked(3).expect("a candidate"), picked(4).expect("a candidate"));
    assert!(near.times > far.times && near.of == far.of);
    assert!(near.expected_ms < far.expected_ms);
}

#[test]
fn the_one_source_there_is_gets_asked_and_is_no_choice() {
    let mut tab = measured(&[80]);
    let file = File::new("only.png", 1_000);
    tab.command(Command::Fetch { id: file.id });
    let asked = asked_for_manifest(&tab.named(&file, &[1]));
    assert_eq!(asked, BTreeSet::from([1]));
    tab.says(1, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() });
    finish(&mut tab, 1, &file);
    assert_eq!((learning(&tab).learned, learning(&tab).control), (0, 0));
}

/// A tab connected to peers 1, 2 and so on, whose round trips it has measured for some time.
fn measured(round_trips_ms: &[u64]) -> Tab {
    let peers: Vec<u8> = (1..).take(round_trips_ms.len()).collect();
    let mut tab = Tab::connected_to(&peers);
    for round in 0..120 {
        for (peer, ms) in peers.iter().zip(round_trips_ms) {
            ping(&mut tab, *peer, ms + round % 2);
        }
    }
    tab
}

fn ping(tab: &mut Tab, peer: u8, ms: u64) {
    tab.hear(Input::Rtt { peer: key(peer), rtt: Duration::from_millis(ms), kind: RttKind::Ping });
}

/// Opens a link. The first choice of a peer of this seed is learning's, not chance's.
fn learned(tab: &mut Tab, name: &str) -> File {
    let file = File::new(name, 40_000);
    tab.command(Command::Fetch { id: file.id });
    file
}

fn finish(tab: &mut Tab, peer: u8, file: &File) {
    let mut outputs = tab.says(peer, file.holds_all());
    for group in file.groups(GroupRange::whole(file.manifest.length), 0) {
        outputs.extend(tab.says(peer, group));
    }
    tab.store(outputs);
    let late = tab.pass(Duration::from_secs(1));
    tab.store(late);
}

fn learning(tab: &Tab) -> LearningView {
    tab.peer.snapshot(tab.now).learning
}

fn asked_for_manifest(outputs: &[Output]) -> BTreeSet<u8> {
    let asks = |peer: &u8| sent_to(*peer, outputs).iter().any(|message| matches!(message, Message::GetManifest { .. }));
    SOURCES.into_iter().filter(asks).collect()
}
