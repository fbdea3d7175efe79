//! One real peer among imagined ones: what it says and asks when people share and fetch.

mod choosing;
mod elsewhere;
mod kept;
mod own;
mod private;
mod room;
mod some;
mod tab;

use bytes::Bytes;
use content::{ContentId, GROUP_LEN, GroupRange, Manifest, Message, Refusal, Root};
use core::time::Duration;
use protocol::snapshot::{Direction, SourceState, Status, TransferState};
use protocol::{
    Caps, Code, Command, Config, Directory, Failure, Input, Introducer, Output, Path, RATE_MIN, RelayWay, ShareToken,
    Spent,
};
use std::sync::Arc;
use tab::{File, RELAY, Tab, announced, dialled, drops, found_at, hung_up, key, reads, sent_to, wants};

#[test]
fn a_shared_file_is_announced_to_everybody_and_served_on_request() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 40_000);
    let outputs = tab.share(1, &file);
    assert_eq!(announced(&outputs), [(Directory::Relay(RELAY), 1), (Directory::Neighbour(key(1)), 1)]);

    let answer = tab.says(1, Message::GetManifest { id: file.id });
    assert_eq!(sent_to(1, &answer), [Message::Manifest { id: file.id, bytes: file.manifest.encode().into() }]);
    let answer = tab.says(1, Message::Follow { root: file.root() });
    assert_eq!(sent_to(1, &answer), [file.holds_all()]);

    let range = GroupRange::whole(file.manifest.length);
    let wish = tab.says(1, Message::Want { root: file.root(), range, known: 0 });
    let token = reads(&wish)[0];
    let served = tab.hear(Input::ReadDone { token, bytes: file.bytes.clone() });
    assert_eq!(sent_to(1, &served), file.groups(range, 0));
    assert_eq!(tab.peer.snapshot(tab.now).totals.given, 40_000);
}

#[test]
fn the_same_file_twice_is_one_item_and_another_name_shares_its_bytes() {
    let mut tab = Tab::connected_to(&[]);
    tab.share(1, &File::new("bird.png", 1_000));
    tab.share(2, &File::new("bird.png", 1_000));
    assert_eq!(tab.items().len(), 1);

    tab.share(3, &File::new("copy.png", 1_000));
    let root = File::new("bird.png", 1_000).root();
    assert_eq!(tab.items().len(), 2);
    let removed = tab.command(Command::Remove { id: File::new("bird.png", 1_000).id });
    assert!(!drops(&removed).contains(&root), "the other name still needs the bytes");
    let removed = tab.command(Command::Remove { id: File::new("copy.png", 1_000).id });
    assert_eq!(drops(&removed), [root]);
}

#[test]
fn a_fetch_goes_from_link_to_verified_bytes() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 40_000);
    let asked = tab.command(Command::Fetch { id: file.id });
    let everywhere = [Directory::Relay(RELAY), Directory::Neighbour(key(1))];
    assert_eq!(found_at(&asked), everywhere);
    assert_eq!(tab.item().state, TransferState::Preparing);

    let asked = tab.named(&file, &[1]);
    assert_eq!(sent_to(1, &asked), [Message::GetManifest { id: file.id }]);
    let begun = tab.says(1, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() });
    assert!(matches!(&begun[0], Output::Reserve { manifest } if manifest.length == 40_000));
    assert!(sent_to(1, &begun).contains(&Message::Follow { root: file.root() }));

    let wanted = tab.says(1, file.holds_all());
    let mut outputs = Vec::new();
    for (range, known) in wants(&sent_to(1, &wanted)) {
        for group in file.groups(range, known) {
            outputs.extend(tab.says(1, group));
        }
    }
    tab.store(outputs);
    let late = tab.pass(Duration::from_secs(1));
    tab.store(late);
    let item = tab.item();
    assert_eq!((item.state, item.bytes, item.wasted), (TransferState::Done, 40_000, 0));
    assert_eq!((item.name.as_str(), item.direction), ("bird.png", Direction::Fetch));
    assert_eq!(tab.peer.snapshot(tab.now).totals.taken, 40_000);
}

#[test]
fn empty_content_is_done_as_soon_as_it_is_known() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("nothing.txt", 0);
    tab.fetch_from(1, &file);
    assert_eq!(tab.item().state, TransferState::Done);
}

#[test]
fn what_was_fetched_is_passed_on_only_after_a_yes() {
    let mut tab = Tab::connected_to(&[1, 2]);
    let file = File::new("nothing.txt", 0);
    let outputs = tab.fetch_from(1, &file);
    assert_eq!(announced(&outputs), []);
    let refused = tab.says(2, Message::GetManifest { id: file.id });
    assert_eq!(sent_to(2, &refused), [Message::NoContent { id: file.id }]);

    let outputs = tab.command(Command::PassOn(true));
    assert_eq!(announced(&outputs).len(), 3);
    let given = tab.says(2, Message::GetManifest { id: file.id });
    assert!(matches!(sent_to(2, &given)[..], [Message::Manifest { .. }]));

    let mut outputs = tab.command(Command::PassOn(false));
    outputs.extend(tab.pass(Duration::from_secs(1)));
    assert!(announced(&outputs).iter().all(|(_, ids)| *ids == 0) && announced(&outputs).len() == 3);
}

#[test]
fn a_limit_on_the_rate_holds_reads_back_and_loses_none() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 600_000);
    tab.share(1, &file);
    let caps = Caps { upload_rate: Some(RATE_MIN), ..Caps::default() };
    tab.command(Command::Limit { caps, spent: Spent::default() });
    tab.says(1, Message::Follow { root: file.root() });
    let (mut begun, mut seconds) = (0, 0);
    for range in [GroupRange::new(0, 16), GroupRange::new(16, 16), GroupRange::new(32, 5)] {
        let mut outputs = tab.says(1, Message::Want { root: file.root(), range, known: 0 });
        while reads(&outputs).is_empty() {
            seconds += 1;
            assert!(seconds < 20, "the read of {range:?} never begins");
            outputs = tab.pass(Duration::from_secs(1));
        }
        begun += 1;
        let token = reads(&outputs)[0];
        let bytes = file.bytes.slice(range.byte_range(600_000).start as usize..range.byte_range(600_000).end as usize);
        assert!(!sent_to(1, &tab.hear(Input::ReadDone { token, bytes })).is_empty());
        tab.hear(Input::ContentFlushed { peer: key(1), bytes: 300_000 });
    }
    // One second is in hand at first; the two whole chunks then take four seconds each.
    assert_eq!((begun, seconds >= 6), (3, true), "{seconds} s");
}

#[test]
fn passing_on_rests_when_the_day_is_spent_and_own_files_do_not() {
    let mut tab = Tab::connected_to(&[1, 2]);
    let (fetched, own) = (File::new("bird.png", 1_000), File::new("own.png", 2_000));
    fetch_all(&mut tab, &fetched);
    tab.share(1, &own);
    tab.command(Command::PassOn(true));
    let caps = Caps { pass_on_daily: Some(1_000), ..Caps::default() };
    tab.command(Command::Limit { caps, spent: Spent::default() });
    let range = GroupRange::whole(1_000);
    let outputs = tab.says(2, Message::Want { root: fetched.root(), range, known: 0 });
    assert_eq!(reads(&outputs).len(), 1, "what fits into the day is given");
    assert_eq!(tab.peer.snapshot(tab.now).allowance.passed_on_today, 1_000);

    let asked = tab.says(2, Message::GetManifest { id: fetched.id });
    assert_eq!(sent_to(2, &asked), [Message::NoContent { id: fetched.id }]);
    let asked = tab.says(2, Message::GetManifest { id: own.id });
    assert!(matches!(sent_to(2, &asked)[..], [Message::Manifest { .. }]));

    tab.pass(Duration::from_secs(24 * 60 * 60));
    tab.connect(3);
    let asked = tab.says(3, Message::GetManifest { id: fetched.id });
    assert!(matches!(sent_to(3, &asked)[..], [Message::Manifest { .. }]), "a new day");
}

#[test]
fn on_a_metered_connection_everything_asks_first_and_nothing_is_passed_on() {
    let mut tab = Tab::connected_to(&[1, 2]);
    let (here, file) = (File::new("here.png", 1_000), File::new("bird.png", 40_000));
    let of = |tab: &Tab, file: &File| {
        let id = file.id.to_string();
        tab.items().into_iter().find(|item| item.content_id == id).expect("it is listed")
    };
    fetch_all(&mut tab, &here);
    tab.command(Command::PassOn(true));
    tab.fetch_from(1, &file);
    tab.says(1, file.holds_all());
    assert_eq!(of(&tab, &file).state, TransferState::Active);

    tab.hear(Input::Metered(true));
    assert!(of(&tab, &file).asks, "what runs waits for a yes");
    let asked = tab.says(2, Message::GetManifest { id: here.id });
    assert_eq!(sent_to(2, &asked), [Message::NoContent { id: here.id }]);

    let outputs = tab.command(Command::Accept { id: file.id });
    assert!(!of(&tab, &file).asks);
    assert!(!wants(&sent_to(1, &outputs)).is_empty(), "it goes on where it was");
    tab.hear(Input::Metered(false));
    let asked = tab.says(2, Message::GetManifest { id: here.id });
    assert!(matches!(sent_to(2, &asked)[..], [Message::Manifest { .. }]));
}

/// Fetches all of a small file from peer 1.
fn fetch_all(tab: &mut Tab, file: &File) {
    tab.fetch_from(1, file);
    let wanted = tab.says(1, file.holds_all());
    let mut outputs = Vec::new();
    for (range, known) in wants(&sent_to(1, &wanted)) {
        for group in file.groups(range, known) {
            outputs.extend(tab.says(1, group));
        }
    }
    tab.store(outputs);
}

#[test]
fn a_manifest_that_is_not_the_links_costs_its_sender_everything() {
    let mut tab = Tab::connected_to(&[1, 2]);
    let (file, other) = (File::new("bird.png", 40_000), File::new("cat.png", 40_000));
    tab.command(Command::Fetch { id: file.id });
    tab.named(&file, &[1]);
    let outputs = tab.says(1, Message::Manifest { id: file.id, bytes: other.manifest.encode().into() });
    assert_eq!(hung_up(&outputs), [(key(1), Failure::Banned)]);
    assert!(tab.notices().contains(&Code::BadBytes));
    let outputs = tab.named(&file, &[1, 2]);
    assert_eq!(sent_to(1, &outputs), []);
    assert_eq!(sent_to(2, &outputs), [Message::GetManifest { id: file.id }]);
}

#[test]
fn wrong_bytes_ban_their_sender_and_the_group_is_asked_elsewhere() {
    let mut tab = Tab::connected_to(&[1, 2]);
    let file = File::new("bird.png", 40_000);
    tab.fetch_from(1, &file);
    let wanted = tab.says(1, file.holds_all());
    let (range, known) = wants(&sent_to(1, &wanted))[0];
    let Message::Group { root, group, parents, bytes } = file.groups(range, known).remove(0) else {
        panic!("encode makes groups")
    };
    let mut wrong = bytes.to_vec();
    wrong[0] ^= 1;
    let outputs = tab.says(1, Message::Group { root, group, parents, bytes: wrong.into() });
    assert_eq!(hung_up(&outputs), [(key(1), Failure::Banned)]);
    let item = tab.item();
    assert_eq!((item.bytes, item.wasted), (0, u64::from(GROUP_LEN)));
    assert_eq!(item.sources[0].state, SourceState::Dropped);

    tab.hear(Input::Disconnected { peer: key(1), failure: Failure::Banned });
    assert_eq!(tab.item().error, Some(Code::BadBytes));
    let outputs = tab.named(&file, &[1, 2]);
    assert!(sent_to(2, &outputs).contains(&Message::Follow { root: file.root() }));
    assert_eq!(sent_to(1, &outputs), []);
    let outputs = tab.says(2, file.holds_all());
    assert!(wants(&sent_to(2, &outputs)).iter().any(|(range, _)| range.contains(group)));
}

#[test]
fn a_manifest_of_the_future_fails_and_blames_nobody() {
    let mut tab = Tab::connected_to(&[1]);
    let bytes: Bytes = vec![9; 60].into();
    let id = ContentId::of(&bytes);
    tab.command(Command::Fetch { id });
    tab.hear(Input::Providers { root_of: id, peers: vec![key(1)], from: Introducer::Relay(RELAY) });
    let outputs = tab.says(1, Message::Manifest { id, bytes });
    assert_eq!(hung_up(&outputs), []);
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Failed, Some(Code::BadManifest)));
}

#[test]
fn a_manifest_that_lies_about_the_length_of_what_we_have_fails() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 1_000);
    tab.share(1, &file);
    let liar = Manifest { length: 2_000, ..file.manifest.clone() };
    tab.command(Command::Fetch { id: liar.id() });
    tab.hear(Input::Providers { root_of: liar.id(), peers: vec![key(1)], from: Introducer::Relay(RELAY) });
    tab.says(1, Message::Manifest { id: liar.id(), bytes: liar.encode().into() });
    let failed = tab.items().into_iter().find(|item| item.content_id == liar.id().to_string());
    assert_eq!(failed.expect("it is listed").error, Some(Code::BadManifest));
}

#[test]
fn large_items_ask_first() {
    let config = Config { ask_above: 1_000, ..Config::default() };
    let mut tab = Tab::new(config);
    tab.hear(Input::RelayConnected { relay: RELAY, key: key(255), way: RelayWay::WebSocket });
    tab.connect(1);
    let file = File::new("bird.png", 1_001);
    let outputs = tab.fetch_from(1, &file);
    assert_eq!(sent_to(1, &outputs), []);
    assert!(tab.item().asks);
    assert_eq!(tab.item().state, TransferState::Waiting);
    let outputs = tab.command(Command::Accept { id: file.id });
    assert!(sent_to(1, &outputs).contains(&Message::Follow { root: file.root() }));
}

#[test]
fn nobody_has_it_is_said_after_a_while_and_asking_goes_on() {
    let mut tab = Tab::connected_to(&[]);
    let file = File::new("bird.png", 1_000);
    tab.command(Command::Fetch { id: file.id });
    assert_eq!(tab.item().error, None);
    let outputs = tab.pass(Duration::from_secs(4));
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Waiting, Some(Code::NoProvider)));
    assert_eq!(found_at(&outputs).len(), 2);
    assert!(!found_at(&tab.pass(Duration::from_secs(60))).is_empty());
}

#[test]
fn the_last_provider_leaving_is_said_at_once() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 40_000);
    tab.fetch_from(1, &file);
    tab.says(1, file.holds_all());
    assert_eq!(tab.item().state, TransferState::Active);
    let outputs = tab.hear(Input::Disconnected { peer: key(1), failure: Failure::Closed });
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Waiting, Some(Code::ProviderLeft)));
    assert_eq!(found_at(&outputs), [Directory::Relay(RELAY)], "others are looked for at once");
}

#[test]
fn a_provider_that_takes_its_offer_back_is_missed_and_its_return_is_heard() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 40_000);
    tab.fetch_from(1, &file);
    tab.says(1, file.holds_all());
    let (root, range) = (file.root(), GroupRange::whole(40_000));
    let outputs = tab.says(1, Message::Refuse { root, range, reason: Refusal::Withdrawn });
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Waiting, Some(Code::ProviderLeft)));
    assert_eq!(tab.item().sources[0].state, SourceState::Left);
    assert!(found_at(&outputs).contains(&Directory::Relay(RELAY)), "others are looked for at once");
    assert_eq!(wants(&sent_to(1, &tab.pass(Duration::from_secs(60)))), [], "it is not asked in vain");
    let outputs = tab.says(1, file.holds_all());
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Active, None));
    assert!(!wants(&sent_to(1, &outputs)).is_empty());
}

#[test]
fn providers_without_a_direct_path_are_told_apart_from_none() {
    let mut tab = Tab::connected_to(&[]);
    let file = File::new("bird.png", 40_000);
    tab.command(Command::Fetch { id: file.id });
    let outputs = tab.named(&file, &[1]);
    assert_eq!(dialled(&outputs), [key(1)]);
    tab.hear(Input::DialFailed { peer: key(1), failure: Failure::NoDirectPath });
    assert_eq!(tab.item().error, Some(Code::NoDirectPath));
}

#[test]
fn content_never_flows_over_a_relayed_path() {
    let mut tab = Tab::connected_to(&[]);
    let file = File::new("bird.png", 40_000);
    tab.share(1, &file);
    tab.hear(Input::Connected { peer: key(1), path: Path::Relayed, dialled_by_us: false });
    assert_eq!(tab.says(1, Message::GetManifest { id: file.id }).len(), 0);

    let other = File::new("cat.png", 30_000);
    tab.command(Command::Fetch { id: other.id });
    assert_eq!(sent_to(1, &tab.named(&other, &[1])), []);
    let late = tab.pass(Duration::from_secs(9));
    assert_eq!(sent_to(1, &late), []);
    let fetch = |tab: &Tab| tab.items().into_iter().find(|item| item.direction == Direction::Fetch);
    assert_eq!(fetch(&tab).expect("it is listed").error, Some(Code::NoDirectPath));
    let direct = tab.connect(1);
    assert_eq!(sent_to(1, &direct), [Message::GetManifest { id: other.id }]);
}

#[test]
fn a_full_store_stops_the_item_and_a_retry_goes_on() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 40_000);
    tab.fetch_from(1, &file);
    tab.says(1, file.holds_all());
    tab.hear(Input::StoreFailed { root: file.root(), code: Code::StorageFull });
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Failed, Some(Code::StorageFull)));
    assert!(tab.notices().contains(&Code::StorageFull));
    tab.command(Command::Resume { id: file.id });
    assert!(!tab.notices().contains(&Code::StorageFull));
    let outputs = tab.named(&file, &[1]);
    assert_eq!(tab.item().state, TransferState::Active);
    assert!(!wants(&sent_to(1, &outputs)).is_empty() || !wants(&sent_to(1, &tab.says(1, file.holds_all()))).is_empty());
}

#[test]
fn a_file_that_changed_is_no_longer_offered() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 10_000);
    tab.share(1, &file);
    tab.says(1, Message::Follow { root: file.root() });
    let range = GroupRange::single(0);
    let wish = tab.says(1, Message::Want { root: file.root(), range, known: 0 });
    let mut outputs = tab.hear(Input::ReadDone { token: reads(&wish)[0], bytes: vec![0; 10_000].into() });
    assert!(sent_to(1, &outputs).iter().any(|message| matches!(message, Message::Refuse { .. })));
    assert_eq!((tab.item().state, tab.item().error), (TransferState::Failed, Some(Code::FileChanged)));
    outputs.extend(tab.pass(Duration::from_secs(1)));
    assert!(announced(&outputs).iter().any(|(_, ids)| *ids == 0));
    let refused = tab.says(1, Message::GetManifest { id: file.id });
    assert_eq!(sent_to(1, &refused), [Message::NoContent { id: file.id }]);
}

#[test]
fn a_paused_item_asks_for_nothing_and_goes_on_when_told() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 4_000_000);
    tab.fetch_from(1, &file);
    tab.says(1, file.holds_all());
    tab.command(Command::Pause { id: file.id });
    assert_eq!(tab.item().state, TransferState::Paused);
    assert!(wants(&sent_to(1, &tab.pass(Duration::from_secs(30)))).is_empty());
    let outputs = tab.command(Command::Resume { id: file.id });
    assert!(!wants(&sent_to(1, &outputs)).is_empty());
}

#[test]
fn only_a_few_downloads_ask_at_once_and_the_next_follows() {
    let mut tab = Tab::connected_to(&[1]);
    let files: Vec<File> = (0..4).map(|n| File::new("bird.png", 1_000_000 + n)).collect();
    for file in &files {
        tab.fetch_from(1, file);
        tab.says(1, file.holds_all());
    }
    let fourth = files[3].root();
    let removed = tab.command(Command::Remove { id: files[0].id });
    let asked = sent_to(1, &removed);
    assert!(asked.iter().any(|message| matches!(message, Message::Want { root, .. } if *root == fourth)));
}

#[test]
fn the_list_is_bounded_and_says_so() {
    let mut tab = Tab::connected_to(&[]);
    for n in 0..256 {
        let file = File::new("bird.png", n);
        tab.share(n as u64, &file);
    }
    assert_eq!(tab.notices(), []);
    let outputs = tab.share(999, &File::new("bird.png", 999));
    assert!(outputs.iter().any(|output| matches!(output, Output::ForgetShare { token: ShareToken(999) })));
    assert_eq!(tab.notices(), [Code::LimitReached]);
    assert_eq!(tab.items().len(), 256);
    tab.command(Command::Remove { id: File::new("bird.png", 0).id });
    assert_eq!(tab.notices(), []);
}

#[test]
fn a_peer_that_floods_us_with_what_nobody_asked_for_is_banned() {
    let mut tab = Tab::connected_to(&[1]);
    let stray = || Message::Group {
        root: Root([3; 32]),
        group: 0,
        parents: Bytes::new(),
        bytes: vec![0; GROUP_LEN as usize].into(),
    };
    let mut sent = 0;
    while hung_up(&tab.says(1, stray())).is_empty() {
        sent += GROUP_LEN;
        assert!(sent <= 16 * 1024 * 1024);
    }
    assert_eq!(hung_up(&tab.connect(1)), [(key(1), Failure::Banned)]);
}

#[test]
fn a_peer_that_asks_and_does_not_read_gets_no_more_answers() {
    let mut tab = Tab::connected_to(&[1]);
    let file = File::new("bird.png", 1_000);
    tab.share(1, &file);
    let answered =
        (0..100_000).take_while(|_| !sent_to(1, &tab.says(1, Message::GetManifest { id: file.id })).is_empty()).count();
    assert!((1_000..100_000).contains(&answered), "{answered} answers wait in memory");
    tab.hear(Input::ContentClosed { peer: key(1) });
    assert_eq!(sent_to(1, &tab.says(1, Message::GetManifest { id: file.id })).len(), 1, "a new stream starts anew");
}

#[test]
fn status_follows_the_relay_and_the_neighbours() {
    let mut tab = Tab::new(Config::default());
    let status = |tab: &Tab| tab.peer.snapshot(tab.now).status;
    assert_eq!(status(&tab), Status::Starting);
    tab.hear(Input::RelayLost { relay: RELAY });
    assert_eq!(status(&tab), Status::Offline);
    assert_eq!(tab.notices(), [Code::RelayUnreachable]);
    tab.hear(Input::RelayConnected { relay: RELAY, key: key(255), way: RelayWay::WebSocket });
    assert_eq!((status(&tab), tab.notices()), (Status::Online, vec![]));
    tab.connect(1);
    tab.hear(Input::RelayLost { relay: RELAY });
    assert_eq!(status(&tab), Status::Degraded);
    tab.hear(Input::Disconnected { peer: key(1), failure: Failure::Closed });
    assert_eq!(status(&tab), Status::Offline);
}

#[test]
fn a_cancelled_share_leaves_nothing_behind() {
    let mut tab = Tab::connected_to(&[]);
    let file = File::new("bird.png", 1_000);
    let token = ShareToken(1);
    let (name, media_type) = ("bird.png".to_owned(), String::new());
    tab.command(Command::Share { token, name, media_type, length: 1_000 });
    let outputs = tab.command(Command::CancelShare { token });
    assert!(matches!(outputs[..], [Output::ForgetShare { .. }]));
    let (manifest, outboard) = (file.manifest.clone(), Arc::clone(&file.outboard));
    let late = tab.hear(Input::Shared { token, manifest, key: None, outboard });
    assert_eq!(drops(&late), [file.root()]);
    assert_eq!(tab.items().len(), 0);
}
