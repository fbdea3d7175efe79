//! Serving against what each consumer is owed, and against those who ask for too much.

use super::*;
use crate::{GROUP_LEN, Outboard, Verifier};
use core::time::Duration;
use proptest::prelude::*;

const GROUPS: u32 = 64;
const LENGTH: u64 = GROUPS as u64 * GROUP_LEN as u64;

/// Serving one content (and what it was told), with a store that answers when told to.
struct Rig {
    bytes: Bytes,
    outboard: Outboard,
    uploads: Uploads<u8>,
    now: Time,
    sent: VecDeque<(u8, Message)>,
    reads: VecDeque<(ReadId, u8, GroupRange, u8)>,
    dismissed: Vec<(u8, DismissReason)>,
}

impl Rig {
    fn new() -> Self {
        let mut random = crate::random::Random::new(3);
        let bytes: Bytes = (0..LENGTH).map(|_| random.next() as u8).collect::<Vec<u8>>().into();
        let outboard = Outboard::of(&bytes);
        let uploads = Uploads::new(UploadConfig::default());
        let (sent, reads, dismissed) = Default::default();
        Self { bytes, outboard, uploads, now: Time::ZERO, sent, reads, dismissed }
    }

    fn sharing() -> Self {
        let mut rig = Self::new();
        rig.offer(Bitfield::full(4));
        rig
    }

    fn offer(&mut self, held: Bitfield) {
        self.hear(UploadInput::Offer { root: self.root(), length: LENGTH, held });
    }

    fn root(&self) -> Root {
        self.outboard.root()
    }

    fn hear(&mut self, input: UploadInput<u8>) {
        self.uploads.handle(self.now, input);
        while let Some(output) = self.uploads.poll_output() {
            match output {
                UploadOutput::Send { peer, message } => self.sent.push_back((peer, message)),
                UploadOutput::Read { read, peer, range, known, .. } => {
                    self.reads.push_back((read, peer, range, known));
                }
                UploadOutput::Dismiss { peer, why } => self.dismissed.push((peer, why)),
            }
        }
    }

    fn from(&mut self, peer: u8, message: Message) {
        self.hear(UploadInput::Message { peer, message });
    }

    fn want(&mut self, peer: u8, first: u32, count: u32) {
        let (root, range) = (self.root(), GroupRange::new(first, count));
        self.from(peer, Message::Want { root, range, known: 0 });
    }

    /// The store answers the oldest read. Whom it was for.
    fn read(&mut self) -> Option<u8> {
        let (read, peer, range, known) = self.reads.pop_front()?;
        let bytes = range.byte_range(LENGTH);
        let bytes = self.bytes.slice(bytes.start as usize..bytes.end as usize);
        let messages = self.outboard.encode(range, known, &bytes).unwrap();
        self.hear(UploadInput::ReadDone { read, messages });
        Some(peer)
    }

    fn flush(&mut self, peer: u8) {
        let bytes = self.sent.iter().filter(|(to, _)| *to == peer).map(|(_, message)| wire_len(message)).sum();
        self.sent.retain(|(to, _)| *to != peer);
        self.hear(UploadInput::Flushed { peer, bytes });
    }

    fn take_sent(&mut self, peer: u8) -> Vec<Message> {
        let (taken, kept): (VecDeque<_>, VecDeque<_>) = self.sent.drain(..).partition(|(to, _)| *to == peer);
        self.sent = kept;
        taken.into_iter().map(|(_, message)| message).collect()
    }
}

fn groups(messages: &[Message]) -> Vec<u32> {
    messages.iter().filter_map(|m| if let Message::Group { group, .. } = m { Some(*group) } else { None }).collect()
}

#[test]
fn a_want_is_read_and_sent() {
    let mut rig = Rig::sharing();
    rig.want(0, 3, 2);
    assert_eq!(rig.read(), Some(0));
    let sent = rig.take_sent(0);
    assert_eq!(groups(&sent), [3, 4]);
    let mut verifier = Verifier::new(rig.root(), LENGTH);
    for message in sent {
        let Message::Group { group, parents, bytes, .. } = message else { panic!("only groups") };
        assert!(verifier.check(group, &parents, bytes).is_ok());
    }
    assert_eq!(rig.uploads.given_to(0), 2 * u64::from(GROUP_LEN));
    assert_eq!(rig.uploads.given_of(rig.root()), 2 * u64::from(GROUP_LEN));
}

#[test]
fn whoever_follows_is_told_what_we_hold_and_then_the_news_in_one() {
    let mut rig = Rig::new();
    let root = rig.root();
    rig.offer(Bitfield::empty(4));
    rig.from(0, Message::Follow { root });
    assert_eq!(rig.take_sent(0), [Message::Holds { root, bits: Bitfield::empty(4) }]);
    for chunk in [2, 0, 1] {
        rig.hear(UploadInput::Held { root, range: GroupRange::of_chunk(chunk, LENGTH) });
    }
    assert!(rig.take_sent(0).is_empty(), "news wait for more");
    rig.now = rig.uploads.next_deadline().expect("there is news");
    rig.hear(UploadInput::Wake);
    assert_eq!(rig.take_sent(0), [Message::Have { root, range: GroupRange::new(0, 48) }]);
    assert_eq!(rig.uploads.next_deadline(), None);
    rig.from(0, Message::Unfollow { root });
    rig.hear(UploadInput::Held { root, range: GroupRange::of_chunk(3, LENGTH) });
    rig.now = rig.now + Duration::from_secs(1);
    rig.hear(UploadInput::Wake);
    assert!(rig.take_sent(0).is_empty());
}

#[test]
fn whoever_follows_too_early_is_told_when_we_have_it() {
    let mut rig = Rig::new();
    let root = rig.root();
    rig.from(0, Message::Follow { root });
    let nothing = Message::Refuse { root, range: GroupRange::single(0), reason: Refusal::Withdrawn };
    assert_eq!(rig.take_sent(0), [nothing]);
    rig.offer(Bitfield::full(4));
    assert_eq!(rig.take_sent(0), [Message::Holds { root, bits: Bitfield::full(4) }]);
}

#[test]
fn consumers_are_served_in_turns() {
    let mut rig = Rig::sharing();
    for first in (0..64).step_by(16) {
        rig.want(0, first, 16);
    }
    rig.want(1, 0, 16);
    rig.want(1, 32, 16);
    rig.want(2, 0, 1);
    let mut order = Vec::new();
    while let Some(peer) = rig.read() {
        order.push(peer);
        rig.flush(peer);
    }
    assert_eq!(order.len(), 7);
    assert!(order[..5].contains(&1) && order[..5].contains(&2), "{order:?}");
    assert_eq!(order.iter().filter(|&&peer| peer == 0).count(), 4);
}

#[test]
fn nothing_is_read_that_there_is_no_room_to_send() {
    let mut rig = Rig::sharing();
    for first in (0..64).step_by(16) {
        rig.want(0, first, 16);
    }
    while rig.read().is_some() {}
    let on_way: u32 = rig.sent.iter().map(|(_, message)| wire_len(message)).sum();
    assert!(on_way <= 256 * 1024 + 8 * 1024, "{on_way}");
    assert_eq!(groups(&rig.take_sent(0)).len(), 16);
    rig.hear(UploadInput::Flushed { peer: 0, bytes: on_way / 4 });
    assert_eq!(rig.reads.len(), 0, "more than half is on its way");
    rig.hear(UploadInput::Flushed { peer: 0, bytes: on_way / 2 });
    assert_eq!(rig.reads.len(), 1, "before the last byte has left");
}

#[test]
fn a_slow_reader_does_not_hold_up_the_others() {
    let mut rig = Rig::sharing();
    for first in (0..64).step_by(16) {
        rig.want(0, first, 16);
        rig.want(1, first, 16);
    }
    let mut served = Vec::new();
    while let Some(peer) = rig.read() {
        if peer == 1 {
            served.extend(groups(
                &rig.sent.iter().filter(|(to, _)| *to == 1).map(|(_, m)| m.clone()).collect::<Vec<_>>(),
            ));
            rig.flush(1);
        }
    }
    assert_eq!(served.len(), 64);
}

#[test]
fn what_does_not_fit_the_queue_is_refused_as_busy() {
    let mut rig = Rig::sharing();
    for _ in 0..40 {
        rig.want(0, 0, 16);
    }
    let refused = rig.take_sent(0);
    // A read of 16 groups is under way and 512 groups wait: seven wants are too many.
    assert_eq!(refused.len(), 7);
    assert!(refused.iter().all(|m| matches!(m, Message::Refuse { reason: Refusal::Busy, .. })));
    assert!(rig.dismissed.is_empty());
}

#[test]
fn a_flood_of_wants_whose_refusals_are_not_read_ends_the_connection() {
    let mut rig = Rig::sharing();
    for _ in 0..20_000 {
        rig.want(0, 0, 1);
        if !rig.dismissed.is_empty() {
            break;
        }
    }
    assert_eq!(rig.dismissed, [(0, DismissReason::Flood)]);
    let unread: u32 = rig.sent.iter().map(|(_, message)| wire_len(message)).sum();
    assert!(unread < 1024 * 1024, "{unread}");
}

#[test]
fn groups_that_do_not_exist_end_the_connection_and_groups_we_lack_do_not() {
    let mut rig = Rig::new();
    let mut held = Bitfield::full(4);
    held.remove(1);
    rig.offer(held);
    rig.want(0, 15, 2);
    let not_held = Message::Refuse { root: rig.root(), range: GroupRange::new(15, 2), reason: Refusal::NotHeld };
    assert_eq!(rig.take_sent(0), [not_held]);
    rig.from(0, Message::Want { root: Root([0; 32]), range: GroupRange::new(0, 1), known: 0 });
    assert!(matches!(rig.take_sent(0)[..], [Message::Refuse { reason: Refusal::Withdrawn, .. }]));
    assert!(rig.dismissed.is_empty());
    rig.want(0, 63, 2);
    assert_eq!(rig.dismissed, [(0, DismissReason::OutOfBounds)]);
}

#[test]
fn what_is_cancelled_is_not_sent_even_if_it_is_being_read() {
    let mut rig = Rig::sharing();
    rig.want(0, 0, 16);
    rig.want(0, 16, 16);
    rig.want(0, 32, 16);
    let root = rig.root();
    rig.from(0, Message::Cancel { root, range: GroupRange::new(0, 3) });
    rig.from(0, Message::Cancel { root, range: GroupRange::new(6, 1) });
    rig.from(0, Message::Cancel { root, range: GroupRange::new(16, 32) });
    while rig.read().is_some() {}
    let sent = rig.take_sent(0);
    assert_eq!(groups(&sent), (3..16).filter(|&group| group != 6).collect::<Vec<u32>>());
    let mut verifier = Verifier::new(root, LENGTH);
    for message in sent {
        let Message::Group { group, parents, bytes, .. } = message else { panic!("only groups") };
        assert_eq!(verifier.check(group, &parents, bytes).map(|verified| verified.group()), Ok(group));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let mut rig = Rig::sharing();
    rig.want(0, 0, 16);
    let (read, ..) = rig.reads[0];
    rig.hear(UploadInput::ReadFailed { read, reason: Refusal::Unreadable });
    let range = GroupRange::new(0, 16);
    assert_eq!(rig.take_sent(0), [Message::Refuse { root: rig.root(), range, reason: Refusal::Unreadable }]);
}

#[test]
fn who_wants_what_is_no_longer_shared_is_told() {
    let mut rig = Rig::sharing();
    let root = rig.root();
    rig.from(1, Message::Follow { root });
    rig.sent.clear();
    rig.want(0, 0, 16);
    for first in (16..64).step_by(16) {
        rig.want(0, first, 16);
    }
    rig.hear(UploadInput::Withdraw { root });
    while rig.read().is_some() {}
    for peer in [0, 1] {
        let refusal = Message::Refuse { root, range: GroupRange::whole(LENGTH), reason: Refusal::Withdrawn };
        assert_eq!(rig.take_sent(peer), [refusal]);
    }
}

#[test]
fn a_peer_that_leaves_while_we_read_for_it_takes_its_place_with_it() {
    let mut rig = Rig::sharing();
    rig.want(0, 0, 16);
    rig.hear(UploadInput::PeerGone { peer: 0 });
    rig.read();
    assert!(rig.sent.is_empty());
    rig.want(0, 0, 1);
    rig.read();
    assert_eq!(groups(&rig.take_sent(0)), [0]);
}

#[test]
fn a_follower_that_does_not_read_is_told_all_at_once_later() {
    let mut rig = Rig::new();
    let root = rig.root();
    rig.offer(Bitfield::empty(4));
    rig.from(0, Message::Follow { root });
    rig.take_sent(0);
    rig.hear(UploadInput::AlsoSent { peer: 0, bytes: 520 * 1024 });
    rig.hear(UploadInput::Held { root, range: GroupRange::of_chunk(1, LENGTH) });
    rig.now = rig.now + Duration::from_secs(1);
    rig.hear(UploadInput::Wake);
    assert!(rig.take_sent(0).is_empty());
    rig.hear(UploadInput::Flushed { peer: 0, bytes: 520 * 1024 });
    let mut bits = Bitfield::empty(4);
    bits.insert(1);
    assert_eq!(rig.take_sent(0), [Message::Holds { root, bits }]);
}

#[derive(Clone, Debug)]
enum Event {
    Want { peer: u8, first: u32, count: u32 },
    Cancel { peer: u8, first: u32, count: u32 },
    Read,
    ReadFails,
    Flush { peer: u8 },
    Gone { peer: u8 },
}

fn event() -> impl Strategy<Value = Event> {
    let peer = 0u8..3;
    prop_oneof![
        6 => (peer.clone(), 0..GROUPS, 1u32..17).prop_map(|(peer, first, count)| Event::Want { peer, first, count }),
        2 => (peer.clone(), 0..GROUPS, 1u32..17).prop_map(|(peer, first, count)| Event::Cancel { peer, first, count }),
        6 => Just(Event::Read),
        1 => Just(Event::ReadFails),
        3 => peer.clone().prop_map(|peer| Event::Flush { peer }),
        1 => peer.prop_map(|peer| Event::Gone { peer }),
    ]
}

proptest! {
    #![proptest_config(crate::cases(200))]

    /// The model is a multiset: every group asked for is sent, refused, cancelled or still to come.
    #[test]
    fn prop_nothing_is_sent_unasked_or_over_the_bounds(events in prop::collection::vec(event(), 0..150)) {
        let mut rig = Rig::sharing();
        let mut owed: BTreeMap<(u8, u32), u32> = BTreeMap::new();
        for event in events {
            match event {
                Event::Want { peer, first, count } => {
                    let count = count.min(GROUPS - first);
                    (first..first + count).for_each(|group| *owed.entry((peer, group)).or_default() += 1);
                    rig.want(peer, first, count);
                }
                Event::Cancel { peer, first, count } => {
                    let (root, range) = (rig.root(), GroupRange::new(first, count));
                    rig.from(peer, Message::Cancel { root, range });
                    range.iter().for_each(|group| { owed.remove(&(peer, group)); });
                }
                Event::Read => { rig.read(); }
                Event::ReadFails => {
                    if let Some((read, ..)) = rig.reads.pop_front() {
                        rig.hear(UploadInput::ReadFailed { read, reason: Refusal::Unreadable });
                    }
                }
                Event::Flush { peer } => rig.flush(peer),
                Event::Gone { peer } => {
                    rig.hear(UploadInput::PeerGone { peer });
                    rig.sent.retain(|(to, _)| *to != peer);
                    owed.retain(|(to, _), _| *to != peer);
                }
            }
            settle(&mut rig, &mut owed)?;
            prop_assert!(rig.reads.len() as u32 <= rig.uploads.config.reads_max);
        }
        while rig.read().is_some() || (0..3).any(|peer| { rig.flush(peer); !rig.reads.is_empty() }) {
            settle(&mut rig, &mut owed)?;
        }
        settle(&mut rig, &mut owed)?;
        prop_assert!(owed.is_empty(), "never sent: {owed:?}");
    }
}

/// Strikes off what was sent or refused; bytes stay on their way until they are flushed.
fn settle(rig: &mut Rig, owed: &mut BTreeMap<(u8, u32), u32>) -> Result<(), TestCaseError> {
    let mut bytes: BTreeMap<u8, u32> = BTreeMap::new();
    for (peer, message) in &mut rig.sent {
        *bytes.entry(*peer).or_default() += wire_len(message);
        let range = match message {
            Message::Group { group, .. } => GroupRange::single(*group),
            Message::Refuse { range, .. } => *range,
            // Already struck off; of the same length on the wire.
            Message::Manifest { .. } => continue,
            other => panic!("{other:?}"),
        };
        for group in range.iter() {
            match owed.get_mut(&(*peer, group)) {
                Some(1) => {
                    owed.remove(&(*peer, group));
                }
                Some(times) => *times -= 1,
                None => prop_assert!(false, "{group} was not owed to {peer}"),
            }
        }
        let len = message.encoded_len() - 37;
        *message = Message::Manifest { id: crate::ContentId([0; 32]), bytes: vec![0; len].into() };
    }
    prop_assert!(bytes.values().all(|&bytes| bytes < (512 + 64) * 1024));
    Ok(())
}
