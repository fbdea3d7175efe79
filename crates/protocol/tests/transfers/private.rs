//! Private links: the right key, a wrong one, and none.

use crate::tab::{File, Tab, sent_to, wants};
use bytes::Bytes;
use content::{Cipher, Details, GroupRange, LinkKey, Manifest, Message, Outboard, private};
use protocol::snapshot::TransferState;
use protocol::{Code, Command, Input, Output, ShareToken};
use std::sync::Arc;

const KEY: LinkKey = LinkKey::new([7; 32]);
const PLAIN_LEN: u64 = 40_000;

/// A folder, sealed: three groups of plain text, which are as many sealed ones.
fn sealed() -> File {
    let cipher = Cipher::new(&KEY);
    let length = private::sealed_len(PLAIN_LEN).unwrap();
    let bytes = cipher.seal(GroupRange::whole(length), &[5; PLAIN_LEN as usize]);
    let outboard = Outboard::of(&bytes);
    let details =
        Details { length: PLAIN_LEN, index_len: Some(40), media_type: String::new(), name: "nest".to_owned() };
    let manifest = cipher.manifest(length, outboard.root(), &details).unwrap();
    File { id: manifest.id(), manifest, outboard: Arc::new(outboard), bytes: Bytes::from(bytes) }
}

fn answered(tab: &mut Tab, file: &File) -> Vec<Output> {
    tab.named(file, &[1]);
    tab.says(1, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() })
}

fn fetched(tab: &mut Tab, file: &File, begun: &[Output]) {
    assert!(begun.iter().any(|output| matches!(output, Output::Reserve { .. })));
    let wanted = tab.says(1, file.holds_all());
    let mut outputs = Vec::new();
    for (range, known) in wants(&sent_to(1, &wanted)) {
        for group in file.groups(range, known) {
            outputs.extend(tab.says(1, group));
        }
    }
    for output in outputs {
        if let Output::Store { root, range, .. } = output {
            tab.hear(Input::Stored { root, range });
        }
    }
    assert_eq!(tab.item().state, TransferState::Done);
}

#[test]
fn a_private_link_shows_what_it_hides_and_counts_plain_bytes() {
    let mut tab = Tab::connected_to(&[1]);
    let file = sealed();
    tab.command(Command::FetchPrivate { id: file.id, key: KEY });
    let begun = answered(&mut tab, &file);
    let item = tab.item();
    assert_eq!((item.name.as_str(), item.total, item.bytes), ("nest", Some(PLAIN_LEN), 0));
    assert!(item.private && item.folder);
    fetched(&mut tab, &file, &begun);
    assert_eq!(tab.item().bytes, PLAIN_LEN);
    assert_eq!(tab.item().link_key, Some(KEY.to_string()));
    assert_eq!(tab.peer.details_of(file.id).map(|(details, key)| (details.length, key)), Some((PLAIN_LEN, Some(KEY))));
}

#[test]
fn without_the_key_or_with_another_nothing_is_fetched_and_the_right_one_goes_on() {
    for wrong in
        [|id| Command::Fetch { id }, |id| Command::FetchPrivate { id, key: LinkKey::new([8; 32]) }] as [fn(_) -> _; 2]
    {
        let mut tab = Tab::connected_to(&[1]);
        let file = sealed();
        tab.command(wrong(file.id));
        let refused = answered(&mut tab, &file);
        assert!(!refused.iter().any(|output| matches!(output, Output::Reserve { .. })), "nothing is set aside");
        let item = tab.item();
        assert_eq!((item.state, item.error, item.name.as_str()), (TransferState::Failed, Some(Code::WrongKey), ""));
        assert!(item.private);

        tab.command(Command::FetchPrivate { id: file.id, key: KEY });
        let begun = answered(&mut tab, &file);
        fetched(&mut tab, &file, &begun);
    }
}

#[test]
fn a_key_that_opened_an_item_is_not_given_up_for_another() {
    let mut tab = Tab::connected_to(&[1]);
    let file = sealed();
    tab.command(Command::FetchPrivate { id: file.id, key: KEY });
    let begun = answered(&mut tab, &file);
    tab.command(Command::FetchPrivate { id: file.id, key: LinkKey::new([8; 32]) });
    tab.command(Command::Fetch { id: file.id });
    fetched(&mut tab, &file, &begun);
    assert_eq!(tab.item().link_key, Some(KEY.to_string()));
}

#[test]
fn details_that_whoever_sealed_them_made_up_are_a_bad_manifest() {
    let mut tab = Tab::connected_to(&[1]);
    let honest = sealed();
    let manifest = Manifest { root: content::Root([1; 32]), ..honest.manifest.clone() };
    let file = File { id: manifest.id(), manifest, ..honest };
    tab.command(Command::FetchPrivate { id: file.id, key: KEY });
    answered(&mut tab, &file);
    assert_eq!(tab.item().error, Some(Code::BadManifest));
}

#[test]
fn what_was_shared_privately_has_its_key_in_the_link_and_only_there() {
    let mut tab = Tab::connected_to(&[1]);
    let file = sealed();
    let token = ShareToken(1);
    let length = file.manifest.length;
    tab.command(Command::Share { token, name: "nest".to_owned(), media_type: String::new(), length });
    let (manifest, outboard) = (file.manifest.clone(), Arc::clone(&file.outboard));
    tab.hear(Input::Shared { token, manifest, key: Some(KEY), outboard });
    let item = tab.item();
    assert_eq!((item.name.as_str(), item.total, item.link_key), ("nest", Some(PLAIN_LEN), Some(KEY.to_string())));
    let answer = tab.says(1, Message::GetManifest { id: file.id });
    let [Message::Manifest { bytes, .. }] = &sent_to(1, &answer)[..] else { panic!("a manifest was asked for") };
    assert!(!bytes.windows(4).any(|part| part == b"nest") && !bytes.windows(32).any(|part| part == [7; 32]));
}

#[test]
fn what_is_kept_of_a_private_item_is_locked_until_its_link_is_opened_again() {
    let mut tab = Tab::connected_to(&[]);
    tab.empty_store = false;
    let file = sealed();
    tab.hear(Input::Found { manifest: file.manifest.clone(), pinned: false });
    tab.hear(Input::Reserved { root: file.root(), kept: file.kept(&[GroupRange::new(0, 3)]) });
    let item = tab.item();
    assert!(item.private && item.locked && item.link_key.is_none());
    assert_eq!((item.state, item.name.as_str(), tab.peer.details_of(file.id)), (TransferState::Done, "", None));

    for wrong in [Command::Fetch { id: file.id }, Command::FetchPrivate { id: file.id, key: LinkKey::new([8; 32]) }] {
        let outputs = tab.command(wrong);
        assert!(!outputs.iter().any(|output| matches!(output, Output::Drop { .. } | Output::Read { .. })));
        assert_eq!((tab.item().state, tab.item().error), (TransferState::Failed, Some(Code::WrongKey)));
    }

    let outputs = tab.command(Command::FetchPrivate { id: file.id, key: KEY });
    assert!(!outputs.iter().any(|output| matches!(output, Output::Drop { .. })), "it is here already");
    let item = tab.item();
    assert_eq!((item.state, item.error, item.name.as_str()), (TransferState::Done, None, "nest"));
    assert!(!item.locked && item.link_key == Some(KEY.to_string()));
}
