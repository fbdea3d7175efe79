//! The person's own shares from visit to visit: offered again, or in the list with what hinders them.

use crate::tab::{File, Tab, drops, reads, sent_to};
use bytes::Bytes;
use content::{GroupRange, Message};
use core::time::Duration;
use protocol::snapshot::{Direction, TransferState};
use protocol::{Code, Command, Input, Keeping, Output, ReadToken, ShareToken};
use std::sync::Arc;

#[test]
fn what_was_just_hashed_is_to_be_kept_and_says_how() {
    let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 70_000));
    let shared = tab.share(7, &file);
    let asked =
        shared.iter().any(|output| matches!(output, Output::Keep { manifest, .. } if *manifest == file.manifest));
    assert!(asked, "{shared:?}");
    assert_eq!(tab.item().keeping, None);
    tab.hear(Input::Keeping { root: file.root(), keeping: Keeping::Device });
    assert_eq!(tab.item().keeping, Some(Keeping::Device));
}

#[test]
fn a_share_of_an_earlier_visit_is_served_as_before() {
    let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 70_000));
    tab.hear(restored(&file));
    let item = tab.item();
    assert_eq!(
        (item.direction, item.state, item.keeping),
        (Direction::Share, TransferState::Done, Some(Keeping::File))
    );
    let answered = tab.says(1, Message::GetManifest { id: file.id });
    assert!(matches!(sent_to(1, &answered)[..], [Message::Manifest { .. }]), "{answered:?}");
}

#[test]
fn a_file_that_needs_a_click_waits_for_it_and_for_nothing_else() {
    let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 70_000));
    tab.hear(hindered(&file, Code::PermissionNeeded));
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Failed, Some(Code::PermissionNeeded)));
    assert!(tab.command(Command::ShareAnew { id: file.id }).is_empty(), "it has not changed");
    let asked = tab.command(Command::Regain { id: file.id });
    assert!(matches!(asked[..], [Output::Regain { root }] if root == file.root()), "{asked:?}");
    tab.hear(restored(&file));
    assert_eq!((tab.items().len(), tab.item().state), (1, TransferState::Done));
}

#[test]
fn a_file_found_changed_after_the_click_says_so() {
    let (mut tab, file) = (Tab::connected_to(&[]), File::new("bird.png", 70_000));
    tab.hear(hindered(&file, Code::PermissionNeeded));
    tab.hear(hindered(&file, Code::FileChanged));
    assert_eq!(tab.item().error, Some(Code::FileChanged));
    let asked = tab.command(Command::ShareAnew { id: file.id });
    assert!(matches!(asked[..], [Output::ShareAnew { root, .. }] if root == file.root()), "{asked:?}");
    assert_eq!(drops(&tab.command(Command::Remove { id: file.id })), [file.root()], "nothing of it is kept on");
}

#[test]
fn a_fetch_of_ones_own_link_goes_on_while_the_file_waits_for_a_click() {
    let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 70_000));
    tab.fetch_from(1, &file);
    tab.hear(hindered(&file, Code::PermissionNeeded));
    assert_eq!((tab.item().direction, tab.item().error), (Direction::Fetch, None));
}

#[test]
fn a_copy_of_a_file_that_has_changed_is_dropped_and_a_remembered_file_is_not() {
    for (keeping, dropped) in [(Keeping::Device, true), (Keeping::File, false)] {
        let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 70_000));
        tab.share(7, &file);
        tab.hear(Input::Keeping { root: file.root(), keeping });
        tab.says(1, Message::Follow { root: file.root() });
        let wanted = tab.says(1, Message::Want { root: file.root(), range: GroupRange::new(0, 1), known: 0 });
        let token: ReadToken = reads(&wanted)[0];
        let outputs = tab.hear(Input::ReadDone { token, bytes: Bytes::from(vec![0; 16_384]) });
        assert_eq!(tab.item().error, Some(Code::FileChanged));
        assert_eq!(!drops(&outputs).is_empty(), dropped, "{keeping:?}");
    }
}

#[test]
fn sharing_a_file_that_needs_a_click_once_more_ends_its_trouble() {
    let (mut tab, file) = (Tab::connected_to(&[]), File::new("bird.png", 70_000));
    tab.hear(hindered(&file, Code::PermissionNeeded));
    tab.share(ShareToken(9).0, &file);
    assert_eq!((tab.items().len(), tab.item().state, tab.item().error), (1, TransferState::Done, None));
    tab.pass(Duration::from_secs(1));
    assert!(tab.notices().is_empty());
}

fn restored(file: &File) -> Input {
    let outcome = Ok(Arc::clone(&file.outboard));
    Input::Restored { manifest: file.manifest.clone(), keeping: Keeping::File, outcome }
}

fn hindered(file: &File, code: Code) -> Input {
    Input::Restored { manifest: file.manifest.clone(), keeping: Keeping::File, outcome: Err(code) }
}
