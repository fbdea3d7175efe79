//! What outlives a visit: unfinished items wait for a word, finished ones are here, and only what is missing is asked for.

use crate::tab::{File, Tab, drops, reserved, sent_to, wants};
use content::GroupRange;
use core::time::Duration;
use protocol::snapshot::TransferState;
use protocol::{Code, Command, Input, Output};

const FIRST_CHUNK: GroupRange = GroupRange::new(0, 16);

#[test]
fn an_unfinished_item_waits_for_a_word_and_then_asks_only_for_the_rest() {
    let (mut tab, file) = (returning(&[1]), File::new("bird.png", 500_000));
    let found = tab.hear(Input::Found { manifest: file.manifest.clone(), pinned: false });
    assert_eq!((reserved(&found), tab.item().state), (vec![file.root()], TransferState::Preparing));
    tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&[FIRST_CHUNK]) });
    let item = tab.item();
    assert_eq!((item.state, item.bytes, item.took_ms), (TransferState::Paused, 16 * 16_384, None));
    assert!(sent_to(1, &tab.named(&file, &[1])).is_empty(), "nobody is asked before the person says so");

    tab.command(Command::Resume { id: file.id });
    tab.named(&file, &[1]);
    let wanted = tab.says(1, file.holds_all());
    let ranges: Vec<GroupRange> = wants(&sent_to(1, &wanted)).into_iter().map(|(range, _)| range).collect();
    assert_eq!(ranges, [GroupRange::new(16, 15)]);
}

#[test]
fn the_link_it_was_opened_with_goes_on_by_itself_whichever_comes_first() {
    for store_first in [true, false] {
        let (mut tab, file) = (returning(&[1]), File::new("bird.png", 500_000));
        let found = Input::Found { manifest: file.manifest.clone(), pinned: false };
        let mut outputs = Vec::new();
        if store_first {
            outputs.extend(tab.hear(found.clone()));
        }
        outputs.extend(tab.fetch_from(1, &file));
        if !store_first {
            outputs.extend(tab.hear(found));
        }
        assert_eq!(reserved(&outputs), [file.root()], "one item, reserved once");
        tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&[FIRST_CHUNK]) });
        tab.named(&file, &[1]);
        let wanted = tab.says(1, file.holds_all());
        assert!(wants(&sent_to(1, &wanted)).iter().all(|(range, _)| range.first >= 16), "{wanted:?}");
        assert_eq!((tab.item().state, tab.item().bytes), (TransferState::Active, 16 * 16_384));
    }
}

#[test]
fn what_is_here_whole_is_done_and_says_nothing_of_how_long_it_took() {
    let (mut tab, file) = (returning(&[]), File::new("bird.png", 500_000));
    tab.hear(Input::Found { manifest: file.manifest.clone(), pinned: false });
    tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&[FIRST_CHUNK, GroupRange::new(16, 15)]) });
    let item = tab.item();
    assert_eq!((item.state, item.bytes, item.took_ms), (TransferState::Done, 500_000, None));
}

#[test]
fn what_is_kept_of_an_unfinished_item_is_passed_on_when_wanted() {
    let (mut tab, file) = (returning(&[1]), File::new("bird.png", 500_000));
    tab.command(Command::PassOn(true));
    tab.hear(Input::Found { manifest: file.manifest.clone(), pinned: false });
    tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&[FIRST_CHUNK]) });
    let answered = tab.says(1, content::Message::GetManifest { id: file.id });
    assert!(matches!(sent_to(1, &answered)[..], [content::Message::Manifest { .. }]));
}

#[test]
fn a_store_that_refuses_before_the_start_fails_the_item_and_is_asked_again() {
    let (mut tab, file) = (returning(&[1]), File::new("bird.png", 500_000));
    tab.fetch_from(1, &file);
    tab.hear(Input::StoreFailed { root: file.root(), code: Code::StorageFull });
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Failed, Some(Code::StorageFull)));
    let again = tab.command(Command::Resume { id: file.id });
    assert_eq!(reserved(&again), [file.root()]);
}

#[test]
fn removing_one_item_lets_another_go_on_that_found_no_room() {
    let (mut tab, kept, file) = (returning(&[1]), File::new("cat.png", 70_000), File::new("bird.png", 500_000));
    tab.hear(Input::Found { manifest: kept.manifest.clone(), pinned: false });
    tab.hear(Input::Reserved { root: kept.root(), kept: kept.kept(&[GroupRange::new(0, 5)]) });
    tab.fetch_from(1, &file);
    tab.hear(Input::StoreFailed { root: file.root(), code: Code::StorageFull });
    let outputs = tab.command(Command::Remove { id: kept.id });
    assert_eq!((drops(&outputs), reserved(&outputs)), (vec![kept.root()], vec![file.root()]));
    assert!(!tab.notices().contains(&Code::StorageFull));
}

#[test]
fn an_answer_about_an_item_that_was_removed_is_ignored() {
    let (mut tab, file) = (returning(&[1]), File::new("bird.png", 500_000));
    tab.fetch_from(1, &file);
    assert_eq!(drops(&tab.command(Command::Remove { id: file.id })), [file.root()]);
    tab.hear(Input::Reserved { root: file.root(), kept: None });
    assert!(tab.items().is_empty());
}

#[test]
fn a_player_that_began_while_the_store_was_looking_is_served_first() {
    let (mut tab, file) = (returning(&[1]), File::new("bird.webm", 40_000_000));
    tab.fetch_from(1, &file);
    tab.command(Command::Play { id: file.id, at: 30_000_000 });
    tab.hear(Input::Reserved { root: file.root(), kept: None });
    tab.named(&file, &[1]);
    let wanted = wants(&sent_to(1, &tab.says(1, file.holds_all())));
    assert_eq!(wanted.first().map(|(range, _)| range.first), Some(30_000_000 / 16_384), "{wanted:?}");
}

#[test]
fn bytes_are_stored_with_the_proof_that_they_belong() {
    let (mut tab, file) = (returning(&[1]), File::new("bird.png", 500_000));
    tab.fetch_from(1, &file);
    tab.hear(Input::Reserved { root: file.root(), kept: None });
    tab.named(&file, &[1]);
    tab.says(1, file.holds_all());
    let mut outputs = Vec::new();
    for group in file.groups(FIRST_CHUNK, 0) {
        outputs.extend(tab.says(1, group));
    }
    outputs.extend(tab.pass(Duration::from_secs(1)));
    let stored = outputs.iter().find_map(|output| match output {
        Output::Store { range, proof, bytes, .. } => Some((*range, proof.clone(), bytes.clone())),
        _ => None,
    });
    let (range, proof, bytes) = stored.expect("the chunk is whole");
    let mut verifier = content::Verifier::new(file.root(), 500_000);
    assert_eq!((range, verifier.check_run(range, &proof, &bytes)), (FIRST_CHUNK, Ok(())));
}

#[test]
fn a_page_that_may_end_stores_what_it_has_of_a_chunk() {
    let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 500_000));
    tab.fetch_from(1, &file);
    tab.says(1, file.holds_all());
    let first = file.groups(GroupRange::new(0, 1), 0).remove(0);
    let outputs = tab.says(1, first);
    let stored = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::Store { .. }));
    assert!(!stored(&outputs), "it waits for the rest of its chunk");
    assert!(stored(&tab.hear(Input::Leaving)));
}

/// A tab whose store answers when the test says so.
fn returning(peers: &[u8]) -> Tab {
    let mut tab = Tab::connected_to(peers);
    tab.empty_store = false;
    tab
}
