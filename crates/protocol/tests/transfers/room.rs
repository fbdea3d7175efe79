//! Room: what nobody needs makes way for what the person asks for; what is pinned or in use stays.

use crate::tab::{File, Tab, drops, reserved};
use content::{GroupRange, Root, room_for};
use core::time::Duration;
use protocol::snapshot::TransferState;
use protocol::{Code, Command, Input, Keeping, Output};

const A_WHILE: Duration = Duration::from_secs(60);

#[test]
fn what_was_not_used_for_longest_makes_way_and_the_item_goes_on() {
    let (mut tab, [old, new, wanted]) = with_two_kept(&[false, false]);
    tab.pass(A_WHILE);
    let asked = ask(&mut tab, &wanted);
    assert_eq!((evicted(&asked), reserved(&asked)), (vec![old.root()], vec![]));
    let gone = tab.hear(Input::Evicted { root: old.root(), gone: true });
    assert_eq!((reserved(&gone), drops(&gone)), (vec![wanted.root()], vec![]));
    assert_eq!(tab.notices(), [Code::MadeRoom]);
    let names: Vec<String> = tab.items().into_iter().map(|item| item.name).collect();
    assert!(names.contains(&new.manifest.name) && !names.contains(&old.manifest.name), "{names:?}");
    tab.hear(Input::Reserved { root: wanted.root(), kept: None });
    assert_eq!(state_of(&tab, &wanted), (TransferState::Active, None));
}

#[test]
fn reading_an_item_makes_it_the_last_to_go() {
    let (mut tab, [old, new, wanted]) = with_two_kept(&[false, false]);
    assert!(tab.hear(Input::Used { id: old.id }).iter().any(|output| matches!(output, Output::Used { .. })));
    let again = tab.hear(Input::Used { id: old.id });
    assert!(!again.iter().any(|output| matches!(output, Output::Used { .. })), "the store is not told at every read");
    tab.pass(A_WHILE);
    assert_eq!(evicted(&ask(&mut tab, &wanted)), [new.root()]);
}

#[test]
fn what_is_pinned_or_in_use_stays_and_the_item_says_that_there_is_no_room() {
    let (mut tab, [old, new, wanted]) = with_two_kept(&[true, false]);
    tab.pass(A_WHILE);
    tab.command(Command::Play { id: new.id, at: 0 });
    assert!(evicted(&ask(&mut tab, &wanted)).is_empty());
    assert_eq!(state_of(&tab, &wanted), (TransferState::Failed, Some(Code::StorageFull)));
    assert!(tab.items().iter().any(|item| item.fits_memory));

    let unpinned = tab.command(Command::Pin { id: old.id, pinned: false });
    assert!(unpinned.iter().any(|output| matches!(output, Output::Pin { pinned: false, .. })));
    assert_eq!(reserved(&unpinned), [wanted.root()], "what failed for want of room tries again");
    let short = room_for(wanted.manifest.length);
    assert_eq!(evicted(&tab.hear(Input::NoRoom { root: wanted.root(), short })), [old.root()]);
}

#[test]
fn a_store_that_will_not_remove_what_another_tab_uses_is_asked_for_something_else() {
    let (mut tab, [old, new, wanted]) = with_two_kept(&[false, false]);
    tab.pass(A_WHILE);
    assert_eq!(evicted(&ask(&mut tab, &wanted)), [old.root()]);
    assert_eq!(reserved(&tab.hear(Input::Evicted { root: old.root(), gone: false })), [wanted.root()]);
    let short = room_for(wanted.manifest.length);
    assert_eq!(evicted(&tab.hear(Input::NoRoom { root: wanted.root(), short })), [new.root()]);
    tab.hear(Input::Evicted { root: new.root(), gone: false });
    assert!(evicted(&tab.hear(Input::NoRoom { root: wanted.root(), short })).is_empty(), "it ends");
    assert_eq!(state_of(&tab, &wanted).1, Some(Code::StorageFull));
    assert_eq!(tab.items().len(), 3);
}

#[test]
fn own_shares_never_make_way() {
    let (mut tab, own, wanted) = (quiet(), File::new("own.png", 300_000), File::new("bird.png", 200_000));
    tab.share(1, &own);
    tab.hear(Input::Keeping { root: own.root(), keeping: Keeping::Device });
    tab.pass(A_WHILE);
    assert!(evicted(&ask(&mut tab, &wanted)).is_empty());
    assert!(tab.items().iter().all(|item| item.pinned.is_none()), "there is nothing to pin");
}

#[test]
fn the_person_may_have_it_in_memory_instead() {
    let (mut tab, wanted) = (quiet(), File::new("bird.png", 200_000));
    ask(&mut tab, &wanted);
    let outputs = tab.command(Command::KeepInMemory { id: wanted.id });
    assert!(outputs.iter().any(|output| matches!(output, Output::ReserveMemory { .. })), "{outputs:?}");
    tab.hear(Input::Reserved { root: wanted.root(), kept: None });
    tab.hear(Input::Keeping { root: wanted.root(), keeping: Keeping::Tab });
    let item = tab.item();
    assert_eq!((item.keeping, item.pinned, item.fits_memory), (Some(Keeping::Tab), None, false));
    assert!(tab.command(Command::KeepInMemory { id: wanted.id }).is_empty());
}

#[test]
fn what_another_tab_removed_is_no_longer_listed() {
    let (mut tab, [old, new, _]) = with_two_kept(&[false, false]);
    assert!(drops(&tab.hear(Input::Gone { root: old.root() })).is_empty());
    assert_eq!(tab.item().name, new.manifest.name);
}

/// A tab whose store has two whole contents from before, the first not used for longer; and one more to ask for.
fn with_two_kept(pinned: &[bool; 2]) -> (Tab, [File; 3]) {
    let mut tab = quiet();
    let files = [File::new("old.png", 300_000), File::new("new.png", 300_001), File::new("bird.png", 200_000)];
    for (file, &pinned) in files.iter().zip(pinned) {
        tab.hear(Input::Found { manifest: file.manifest.clone(), pinned });
        let whole = GroupRange::whole(file.manifest.length);
        let runs: Vec<GroupRange> = whole
            .whole_chunks(file.manifest.length)
            .map(|chunk| GroupRange::of_chunk(chunk, file.manifest.length))
            .collect();
        tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&runs) });
        tab.hear(Input::Keeping { root: file.root(), keeping: Keeping::Device });
    }
    (tab, files)
}

/// A tab whose store answers when the test says so.
fn quiet() -> Tab {
    let mut tab = Tab::connected_to(&[1]);
    tab.empty_store = false;
    tab
}

/// Asks for a file, for which there is no room.
fn ask(tab: &mut Tab, file: &File) -> Vec<Output> {
    tab.fetch_from(1, file);
    tab.hear(Input::NoRoom { root: file.root(), short: room_for(file.manifest.length) })
}

fn state_of(tab: &Tab, file: &File) -> (TransferState, Option<Code>) {
    let items = tab.items();
    let item = items.iter().find(|item| item.name == file.manifest.name).expect("it is listed");
    (item.state, item.error.filter(|_| item.state == TransferState::Failed))
}

fn evicted(outputs: &[Output]) -> Vec<Root> {
    let evicted = |output: &Output| match output {
        Output::Evict { root } => Some(*root),
        _ => None,
    };
    outputs.iter().filter_map(evicted).collect()
}
