//! Two tabs of one person with one item: one fetches, the other shows it and takes over.

use crate::tab::{File, Tab, drops, sent_to, wants};
use content::{GroupRange, Message};
use protocol::snapshot::{Cell, TransferState};
use protocol::{Command, Input, Output, TabReport};

const FIRST_CHUNK: GroupRange = GroupRange::new(0, 16);

#[test]
fn a_tab_in_line_shows_the_other_s_progress_and_asks_nobody_for_bytes() {
    let (mut tab, file) = in_line(true);
    let heard = tab.hear(says(&file, 16 * 16_384, 9_000, false));
    assert!(claims(&heard).is_empty(), "who fetches is left alone");
    let item = tab.item();
    assert!(item.elsewhere);
    assert_eq!((item.state, item.bytes, item.rate, item.map), (TransferState::Active, 262_144, 9_000.0, map()));
    tab.named(&file, &[1]);
    assert!(wants(&sent_to(1, &tab.says(1, file.holds_all()))).is_empty());

    tab.hear(says(&file, 300_000, 0, true));
    assert_eq!((tab.item().state, tab.item().bytes), (TransferState::Paused, 300_000));
}

#[test]
fn the_next_in_line_goes_on_with_what_is_verified() {
    let (mut tab, file) = in_line(true);
    tab.hear(says(&file, 16 * 16_384, 9_000, false));
    tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&[FIRST_CHUNK]) });
    assert!(!tab.item().elsewhere);
    tab.named(&file, &[1]);
    let wanted = wants(&sent_to(1, &tab.says(1, file.holds_all())));
    assert_eq!(wanted.into_iter().map(|(range, _)| range).collect::<Vec<_>>(), [GroupRange::new(16, 15)]);
}

#[test]
fn what_the_person_stopped_in_the_other_tab_does_not_start_when_that_one_closes() {
    let (mut tab, file) = in_line(true);
    tab.hear(says(&file, 16 * 16_384, 9_000, false));
    tab.hear(says(&file, 16 * 16_384, 0, true));
    tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&[FIRST_CHUNK]) });
    assert_eq!(tab.item().state, TransferState::Paused);
}

#[test]
fn who_asks_for_it_claims_it_from_a_tab_that_does_nothing_with_it() {
    let (mut opened, file) = in_line(true);
    assert_eq!(claims(&opened.hear(says(&file, 0, 0, true))), [file.root()], "its link was opened here");
    opened.hear(Input::Reserved { root: file.root(), kept: None });
    assert_ne!(opened.item().state, TransferState::Paused);

    let (mut listed, file) = in_line(false);
    assert!(claims(&listed.hear(says(&file, 0, 0, true))).is_empty(), "it is only listed here");
    assert_eq!(claims(&listed.command(Command::Resume { id: file.id })), [file.root()]);
}

#[test]
fn a_tab_gives_way_only_with_what_it_does_not_fetch() {
    let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 500_000));
    tab.command(Command::PassOn(true));
    tab.fetch_from(1, &file);
    tab.says(1, file.holds_all());
    let claimed = Input::Claimed { root: file.root() };
    assert!(given(&tab.hear(claimed.clone())).is_empty(), "it is being fetched");
    let report = tab.peer.report_of(tab.now, file.root()).expect("it is open here");
    assert!(!report.paused);

    let group = file.groups(GroupRange::new(0, 1), 0).remove(0);
    tab.says(1, group);
    tab.command(Command::Pause { id: file.id });
    tab.empty_store = false;
    let outputs = tab.hear(claimed.clone());
    assert_eq!(given(&outputs), [file.root()]);
    let store = outputs.iter().position(|output| matches!(output, Output::Store { .. }));
    let way = outputs.iter().position(|output| matches!(output, Output::GiveWay { .. }));
    assert!(store.is_some_and(|store| store < way.unwrap_or_default()), "what is verified goes along: {outputs:?}");
    assert!(sent_to(1, &outputs).contains(&Message::Unfollow { root: file.root() }));
    assert!(drops(&outputs).is_empty() && given(&tab.hear(claimed)).is_empty());
    tab.hear(says(&file, 16_384, 5_000, false));
    assert_eq!((tab.item().state, tab.item().bytes), (TransferState::Active, 16_384));
}

/// A tab that waits for a content; `opened` by its link, or listed because the store has some of it.
fn in_line(opened: bool) -> (Tab, File) {
    let (mut tab, file) = (Tab::connected_to(&[1]), File::new("bird.png", 500_000));
    tab.empty_store = false;
    if opened {
        tab.fetch_from(1, &file);
    } else {
        tab.hear(Input::Found { manifest: file.manifest.clone(), pinned: false });
    }
    (tab, file)
}

fn map() -> Vec<Cell> {
    vec![Cell::Verified, Cell::NotYet]
}

fn says(file: &File, verified: u64, rate: u64, paused: bool) -> Input {
    Input::Elsewhere { root: file.root(), report: TabReport { verified, rate, paused, map: map() } }
}

fn claims(outputs: &[Output]) -> Vec<content::Root> {
    let claimed = |output: &Output| match output {
        Output::Claim { root } => Some(*root),
        _ => None,
    };
    outputs.iter().filter_map(claimed).collect()
}

fn given(outputs: &[Output]) -> Vec<content::Root> {
    let given = |output: &Output| match output {
        Output::GiveWay { manifest } => Some(manifest.root),
        _ => None,
    };
    outputs.iter().filter_map(given).collect()
}
