//! Some files of a folder: the list first, then what was chosen of it, and more of it later.

use crate::tab::{File, RELAY, Tab, found_at, key, sent_to, wants};
use content::{Folder, GroupRange, Manifest, Message, Outboard};
use core::time::Duration;
use protocol::snapshot::{TransferState, TransferView};
use protocol::{Code, Command, Config, Input, Output, RelayWay};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

const LEN: u64 = 300_000;
const FILES: u64 = 6;

/// A folder of six files, and where their bytes are.
fn folder() -> (File, Vec<Range<u64>>) {
    let files: Vec<(String, u64)> = (0..FILES).map(|n| (format!("{n}.bin"), LEN)).collect();
    let (folder, _) = Folder::arrange(&files).expect("six files make a folder");
    let mut bytes = folder.encode();
    bytes.extend((0..FILES * LEN).map(|at| (at % 249) as u8));
    let outboard = Outboard::of(&bytes);
    let manifest = Manifest::new_folder(outboard.length(), outboard.root(), folder.index_len(), "birds")
        .expect("a folder has a manifest");
    let places = folder.entries().iter().map(content::folder::Entry::byte_range).collect();
    (File { id: manifest.id(), manifest, outboard: Arc::new(outboard), bytes: bytes.into() }, places)
}

fn groups_of(bytes: &Range<u64>) -> Range<u32> {
    (bytes.start / 16_384) as u32..((bytes.end - 1) / 16_384) as u32 + 1
}

/// A tab that asks before it fetches more than a megabyte.
fn careful() -> Tab {
    let mut tab = Tab::new(Config { ask_above: 1_000_000, ..Config::default() });
    tab.hear(Input::RelayConnected { relay: RELAY, key: key(255), way: RelayWay::WebSocket });
    tab.connect(1);
    tab
}

/// Peer 1 answers all it is asked for, and the store takes it. The groups that were asked for.
fn answered(tab: &mut Tab, file: &File, outputs: Vec<Output>) -> Vec<u32> {
    let mut asked = Vec::new();
    let mut next: VecDeque<Output> = outputs.into();
    loop {
        let before = asked.len();
        while let Some(output) = next.pop_front() {
            match output {
                Output::SendContent { peer, message: Message::Want { range, known, .. } } if peer == key(1) => {
                    asked.extend(range.iter());
                    for group in file.groups(range, known) {
                        next.extend(tab.says(1, group));
                    }
                }
                Output::Store { root, range, .. } => next.extend(tab.hear(Input::Stored { root, range })),
                _ => {}
            }
        }
        // What waits for the rest of its chunk is stored after a moment.
        next.extend(tab.pass(Duration::from_secs(1)));
        if asked.len() == before && !next.iter().any(|output| matches!(output, Output::Store { .. })) {
            asked.sort_unstable();
            return asked;
        }
    }
}

fn plain(group: Range<u32>) -> u64 {
    u64::from(group.end - group.start) * 16_384
}

#[test]
fn a_large_folder_shows_its_list_and_fetches_what_is_chosen_of_it() {
    let (mut tab, (file, places)) = (careful(), folder());
    let begun = tab.fetch_from(1, &file);
    assert!(sent_to(1, &begun).contains(&Message::Follow { root: file.root() }), "the list comes without a yes");
    let wanted = tab.says(1, file.holds_all());
    assert_eq!(answered(&mut tab, &file, wanted), [0], "the list, and nothing else");
    let TransferView { state, asks, wanted, .. } = tab.item();
    assert_eq!((state, asks, wanted), (TransferState::Waiting, true, None));

    let parts = vec![places[1].clone(), places[4].clone()];
    let expected: Vec<u32> = parts.iter().flat_map(groups_of).collect();
    let outputs = tab.command(Command::Want { id: file.id, parts: Some(parts) });
    assert_eq!(answered(&mut tab, &file, outputs), expected);
    let TransferView { state, asks, wanted, bytes, total, .. } = tab.item();
    let here = 16_384 + plain(groups_of(&places[1])) + plain(groups_of(&places[4]));
    assert_eq!((state, asks), (TransferState::Done, false));
    assert_eq!((wanted, bytes, total), (Some(here), here, Some(file.manifest.length)));

    // More of it later: whoever had it is found again.
    let outputs = tab.command(Command::Want { id: file.id, parts: None });
    assert!(!found_at(&outputs).is_empty());
    tab.named(&file, &[1]);
    let outputs = tab.says(1, file.holds_all());
    let rest = answered(&mut tab, &file, outputs);
    assert!(rest.iter().all(|group| !expected.contains(group)), "nothing is fetched twice");
    let TransferView { state, wanted, bytes, .. } = tab.item();
    assert_eq!((state, wanted, bytes), (TransferState::Done, None, file.manifest.length));
}

#[test]
fn a_yes_without_a_choice_fetches_all() {
    let (mut tab, (file, _)) = (careful(), folder());
    tab.fetch_from(1, &file);
    let wanted = tab.says(1, file.holds_all());
    answered(&mut tab, &file, wanted);
    let outputs = tab.command(Command::Accept { id: file.id });
    answered(&mut tab, &file, outputs);
    assert_eq!((tab.item().state, tab.item().bytes), (TransferState::Done, file.manifest.length));
}

#[test]
fn a_small_folder_is_fetched_whole_and_can_be_narrowed_on_the_way() {
    let (mut tab, (file, places)) = (Tab::connected_to(&[1]), folder());
    tab.fetch_from(1, &file);
    let wanted = tab.says(1, file.holds_all());
    assert!(wants(&sent_to(1, &wanted)).iter().map(|(range, _)| range.count).sum::<u32>() > 1, "not only the list");
    let outputs = tab.command(Command::Want { id: file.id, parts: Some(vec![places[5].clone()]) });
    let cancelled = sent_to(1, &outputs).iter().any(|message| matches!(message, Message::Cancel { .. }));
    assert!(cancelled, "what is not wanted is not waited for");
    let mut expected: Vec<u32> = groups_of(&places[5]).collect();
    let mut asked: Vec<u32> = wants(&sent_to(1, &wanted)).into_iter().flat_map(|(range, _)| range.iter()).collect();
    asked.extend(answered(&mut tab, &file, outputs));
    expected.retain(|group| !asked.contains(group));
    assert!(expected.is_empty(), "{expected:?} was never asked for");
}

#[test]
fn a_choice_of_an_earlier_visit_holds_before_the_store_has_answered() {
    let (mut tab, (file, places)) = (Tab::connected_to(&[1]), folder());
    tab.empty_store = false;
    tab.hear(Input::Found { manifest: file.manifest.clone(), pinned: false });
    tab.command(Command::Want { id: file.id, parts: Some(vec![places[2].clone()]) });
    let groups = groups_of(&places[2]);
    let runs = [GroupRange::new(0, 1), GroupRange::new(groups.start, groups.end - groups.start)];
    tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&runs) });
    let TransferView { state, bytes, wanted, .. } = tab.item();
    assert_eq!((state, wanted), (TransferState::Done, Some(bytes)));
}

#[test]
fn what_is_here_of_some_files_is_passed_on_by_whole_chunks() {
    let (mut tab, (file, places)) = (careful(), folder());
    tab.command(Command::PassOn(true));
    tab.fetch_from(1, &file);
    let wanted = tab.says(1, file.holds_all());
    answered(&mut tab, &file, wanted);
    let two = places[2].start..places[3].end;
    let both = groups_of(&two);
    let outputs = tab.command(Command::Want { id: file.id, parts: Some(vec![two]) });
    answered(&mut tab, &file, outputs);
    tab.connect(2);
    let manifest = tab.says(2, Message::GetManifest { id: file.id });
    assert!(matches!(sent_to(2, &manifest)[..], [Message::Manifest { .. }]));
    let held = tab.says(2, Message::Follow { root: file.root() });
    let [Message::Holds { bits, .. }] = &sent_to(2, &held)[..] else { panic!("{held:?}") };
    let whole: Vec<u32> = (both.start.div_ceil(16)..both.end / 16).collect();
    assert_eq!(bits.iter().collect::<Vec<_>>(), whole);
}

#[test]
fn bytes_that_cost_money_are_asked_for_by_the_list_too() {
    let (mut tab, (file, _)) = (Tab::connected_to(&[1]), folder());
    tab.hear(Input::Metered(true));
    tab.fetch_from(1, &file);
    let wanted = tab.says(1, file.holds_all());
    assert_eq!(answered(&mut tab, &file, wanted), [0]);
    assert!(tab.item().asks);
    assert_eq!(tab.item().error, None::<Code>);
}
