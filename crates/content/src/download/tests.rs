//! A download against sources that are honest, slow, silent, gone or lying.

use super::*;
use crate::tree::ChangedError;
use core::time::Duration;
use proptest::prelude::*;

mod interrupted;
mod leaving;
mod model;
mod playing;
mod wanting;

const CHUNK: u64 = crate::CHUNK_LEN as u64;
const GROUP: u64 = GROUP_LEN as u64;

/// Honest bytes, and what proves them.
#[derive(Clone)]
struct Content {
    bytes: Bytes,
    outboard: Outboard,
}

impl Content {
    fn new(length: u64) -> Self {
        let mut random = Random::new(length);
        let bytes: Bytes = (0..length).map(|_| random.next() as u8).collect::<Vec<u8>>().into();
        Self { outboard: Outboard::of(&bytes), bytes }
    }

    fn manifest(&self) -> Manifest {
        Manifest::of_file(&self.outboard, "", "starling")
    }

    fn root(&self) -> Root {
        self.outboard.root()
    }

    fn chunks(&self) -> u32 {
        chunk_count(self.outboard.length())
    }

    fn slice(&self, range: GroupRange) -> Bytes {
        let bytes = range.byte_range(self.bytes.len() as u64);
        self.bytes.slice(bytes.start as usize..bytes.end as usize)
    }

    /// What an honest provider sends for a want.
    fn serve(&self, range: GroupRange, known: u8) -> Result<Vec<Message>, ChangedError> {
        self.outboard.encode(range, known, &self.slice(range))
    }
}

/// One download, the messages it sent and the bytes it stored.
struct Rig {
    content: Content,
    download: Download<u8>,
    flows: Flows<u8>,
    now: Time,
    sent: VecDeque<(u8, Message)>,
    stored: BTreeMap<u64, Bytes>,
    dropped: Vec<(u8, DropReason)>,
    enough: u32,
    done: bool,
}

impl Rig {
    fn new(length: u64) -> Self {
        Self::with(length, DownloadConfig::default())
    }

    fn with(length: u64, config: DownloadConfig) -> Self {
        let content = Content::new(length);
        let download = Download::new(content.manifest(), config, 7);
        let mut rig = Self {
            content,
            download,
            flows: Flows::new(FlowConfig::default()),
            now: Time::ZERO,
            sent: VecDeque::new(),
            stored: BTreeMap::new(),
            dropped: Vec::new(),
            enough: 0,
            done: false,
        };
        rig.drain();
        rig
    }

    fn hear(&mut self, input: DownloadInput<u8>) {
        self.download.handle(self.now, &mut self.flows, input);
        self.drain();
    }

    /// Performs every wish; the store answers at once.
    fn drain(&mut self) {
        while let Some(output) = self.download.poll_output() {
            match output {
                DownloadOutput::Send { peer, message } => self.sent.push_back((peer, message)),
                DownloadOutput::Store { range, bytes } => {
                    self.stored.insert(range.byte_range(self.content.bytes.len() as u64).start, bytes);
                    self.download.handle(self.now, &mut self.flows, DownloadInput::Stored { range });
                }
                DownloadOutput::Held { range } => assert_eq!(range.first % GROUPS_PER_CHUNK, 0),
                DownloadOutput::DropSource { peer, why } => self.dropped.push((peer, why)),
                DownloadOutput::Enough => self.enough += 1,
                DownloadOutput::Done => self.done = true,
            }
        }
        audit(&self.download, &self.flows);
    }

    fn find(&mut self, peer: u8) {
        self.hear(DownloadInput::SourceFound { peer });
    }

    fn from(&mut self, peer: u8, message: Message) {
        self.hear(DownloadInput::Message { peer, message });
    }

    fn holds_all(&mut self, peer: u8) {
        self.find(peer);
        let (root, bits) = (self.content.root(), Bitfield::full(self.content.chunks()));
        self.from(peer, Message::Holds { root, bits });
    }

    fn holds(&mut self, peer: u8, chunks: &[u32]) {
        self.find(peer);
        let mut bits = Bitfield::empty(self.content.chunks());
        chunks.iter().for_each(|&chunk| assert!(bits.insert(chunk)));
        self.from(peer, Message::Holds { root: self.content.root(), bits });
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.download.next_deadline(&self.flows).filter(|&at| at <= until) {
            assert!(at > self.now, "a deadline that does not move");
            self.now = at;
            self.hear(DownloadInput::Wake);
        }
        self.now = until;
    }

    /// Takes the wants that `peer` was sent since the last look, cancels applied.
    fn take_wants(&mut self, peer: u8) -> Vec<(GroupRange, u8)> {
        let mut wants = Vec::new();
        for (_, message) in self.take_sent(peer) {
            match message {
                Message::Want { range, known, .. } => wants.push((range, known)),
                Message::Cancel { range, .. } => wants.retain(|(want, _)| want.intersection(range).is_empty()),
                _ => {}
            }
        }
        wants
    }

    fn take_sent(&mut self, peer: u8) -> Vec<(u8, Message)> {
        let (taken, kept) = self.sent.drain(..).partition(|(to, _)| *to == peer);
        self.sent = kept;
        taken.into()
    }

    /// Lets these peers answer everything, until nothing more is asked of them.
    fn serve(&mut self, peers: &[u8]) {
        loop {
            let wants: Vec<_> =
                peers.iter().flat_map(|&p| self.take_wants(p).into_iter().map(move |w| (p, w))).collect();
            if wants.is_empty() {
                return;
            }
            for (peer, (range, known)) in wants {
                for message in self.content.serve(range, known).unwrap() {
                    self.now = self.now + Duration::from_micros(500);
                    self.from(peer, message);
                }
            }
        }
    }

    fn assert_complete(&self) {
        assert!(self.done);
        let stored: Vec<u8> = self.stored.values().flatten().copied().collect();
        assert_eq!(stored, self.content.bytes);
        assert_eq!(self.download.outboard().as_ref(), Some(&self.content.outboard));
    }
}

/// The invariant, and every count that is kept instead of being taken.
fn audit(download: &Download<u8>, flows: &Flows<u8>) {
    let length = download.length();
    let mut in_flight = 0;
    let mut missing = 0;
    let mut wanted = 0;
    for chunk in 0..chunk_count(length) {
        let mut once = Mask::NONE;
        let mut twice = Mask::NONE;
        for request in download.sources.values().flat_map(Source::requests).filter(|request| request.chunk == chunk) {
            assert!(once.and(twice).and(request.left).is_empty(), "asked of three");
            twice = twice.or(once.and(request.left));
            once = once.or(request.left);
        }
        assert_eq!(download.groups.unraced(chunk), once.without(twice), "chunk {chunk}");
        let absent = download.groups.missing(chunk);
        assert!(absent.and(once).is_empty());
        for group in GroupRange::of_chunk(chunk, length).iter() {
            let states = [
                !absent.and(Mask::single(group)).is_empty(),
                download.groups.is_in_flight(group),
                download.groups.is_verified(group),
                !download.groups.is_wanted(group) && !download.groups.is_verified(group),
            ];
            assert_eq!(states.iter().filter(|&&state| state).count(), 1, "group {group}: {states:?}");
        }
        in_flight += once.count();
        missing += absent.count();
        wanted += download.groups.wanted(chunk).runs(chunk).map(|run| u64::from(run.byte_len(length))).sum::<u64>();
        let open = !absent.is_empty() && !download.claimed.get(chunk);
        assert_eq!(download.begun.contains(&chunk), open && download.groups.is_begun(chunk));
    }
    assert_eq!(download.groups.in_flight_count(), in_flight);
    assert_eq!(download.groups.missing_count(), missing);
    assert_eq!(download.groups.wanted_bytes(), wanted);
    for (&peer, source) in &download.sources {
        assert_eq!(flows.outstanding(peer), source.outstanding(), "one download's books and its flows'");
        assert!(source.outstanding() <= flows.config().window_max, "more than any flow window");
        assert_eq!(source.outstanding(), source.requests().map(|request| request.bytes_left).sum::<u32>());
        assert!(source.current.is_none_or(|chunk| download.claimed.get(chunk)));
    }
    let claims = download.sources.values().filter(|source| source.current.is_some()).count();
    assert_eq!(download.claimed.ones() as usize, claims);
}

#[test]
fn content_without_bytes_is_done_at_once() {
    let rig = Rig::new(0);
    rig.assert_complete();
}

#[test]
fn one_source_is_enough_for_every_length() {
    for length in [1, GROUP - 1, GROUP, GROUP + 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 77] {
        let mut rig = Rig::new(length);
        rig.holds_all(0);
        rig.serve(&[0]);
        rig.assert_complete();
        assert_eq!(rig.download.progress().wasted, 0);
        assert_eq!(rig.download.progress().stored, length);
    }
}

#[test]
fn a_source_is_asked_for_its_window_at_once_and_again_as_groups_arrive() {
    let mut rig = Rig::new(40 * CHUNK);
    rig.holds_all(0);
    let wants = rig.take_wants(0);
    let asked = |wants: &[(GroupRange, u8)]| wants.iter().map(|(range, _)| range.count).sum::<u32>();
    assert_eq!(asked(&wants), 16, "256 KiB");
    assert!(wants.iter().all(|(range, _)| range.count <= GROUPS_PER_CHUNK));

    let groups = rig.content.serve(wants[0].0, wants[0].1).unwrap();
    for group in groups.into_iter().take(5) {
        rig.from(0, group);
    }
    assert_eq!(asked(&rig.take_wants(0)), 4, "a quarter of the window is worth a request");
}

#[test]
fn the_window_grows_with_the_rate_up_to_what_every_path_can_hold() {
    let mut rig = Rig::new(200 * CHUNK);
    rig.holds_all(0);
    let mut most = 0;
    for _ in 0..2_000 {
        let Some((range, known)) = rig.take_wants(0).into_iter().next() else { break };
        rig.sent.clear();
        for message in rig.content.serve(range, known).unwrap() {
            rig.now = rig.now + Duration::from_micros(200);
            rig.from(0, message);
            most = most.max(rig.download.sources(&rig.flows).next().unwrap().outstanding);
        }
    }
    assert!(most > 256 * 1024 && most <= 512 * 1024, "{most}");
}

#[test]
fn two_sources_share_the_work() {
    let mut rig = Rig::new(20 * CHUNK);
    rig.holds_all(0);
    rig.holds_all(1);
    rig.serve(&[0, 1]);
    rig.assert_complete();
}

#[test]
fn the_rarest_chunk_is_asked_for_first() {
    let mut rig = Rig::new(8 * CHUNK);
    rig.holds(1, &[0, 1, 2, 3, 5, 6, 7]);
    rig.holds(2, &[0, 1, 2, 3, 5, 6, 7]);
    rig.holds(3, &[0, 1, 2, 3, 4, 5, 6]);
    let wants = rig.take_wants(3);
    assert_eq!(chunk_of(wants[0].0.first), 4, "{wants:?}");
}

#[test]
fn a_source_that_leaves_costs_nothing_but_time() {
    let mut rig = Rig::new(6 * CHUNK);
    rig.holds_all(0);
    let (range, known) = rig.take_wants(0)[0];
    for message in rig.content.serve(range, known).unwrap().into_iter().take(5) {
        rig.from(0, message);
    }
    rig.hear(DownloadInput::SourceGone { peer: 0 });
    assert_eq!(rig.download.progress().in_flight, 0);
    rig.sent.clear();
    rig.holds_all(1);
    let (first, _) = rig.take_wants(1)[0];
    assert_eq!(first, GroupRange::new(range.first + 5, 11), "the chunk that was left unfinished");
    rig.sent.clear();
    rig.hear(DownloadInput::SourceGone { peer: 1 });
    rig.holds_all(1);
    rig.serve(&[1]);
    rig.assert_complete();
    assert_eq!(rig.download.progress().wasted, 0);
}

#[test]
fn wrong_bytes_cost_one_group_and_the_source() {
    let mut rig = Rig::new(6 * CHUNK);
    rig.holds_all(0);
    rig.holds_all(1);
    let (range, known) = rig.take_wants(0)[0];
    for message in rig.content.serve(range, known).unwrap() {
        let Message::Group { root, group, parents, bytes } = message else { panic!("only groups") };
        let mut wrong = bytes.to_vec();
        wrong[100] ^= 1;
        let bytes = if group == range.first + 1 { wrong.into() } else { bytes };
        rig.from(0, Message::Group { root, group, parents, bytes });
    }
    let bad = VerifyError::GroupHash { group: range.first + 1 };
    assert_eq!(rig.dropped, [(0, DropReason::BadBytes(bad))]);
    assert_eq!(rig.download.progress().wasted, GROUP);
    rig.sent.retain(|(peer, _)| *peer == 1);
    rig.find(0);
    rig.serve(&[1]);
    assert!(rig.sent.is_empty(), "nothing more was asked of the liar");
    rig.assert_complete();
}

#[test]
fn groups_of_wrong_shape_are_not_believed() {
    type Change = fn(&Content, Message) -> Message;
    let changes: [(Change, &str); 5] = [
        (|_, m| with_group(m, |group, _, bytes| (group, Bytes::new(), bytes.slice(1..))), "short"),
        (|_, m| with_group(m, |group, parents, bytes| (group, parents.slice(1..), bytes)), "half a pair"),
        (|_, m| with_group(m, |group, parents, bytes| (group + 1, parents, bytes)), "swapped"),
        (|_, m| with_group(m, |_, parents, bytes| (u32::MAX, parents, bytes)), "outside"),
        (
            |_, m| with_group(m, |group, parents, bytes| (group, [&parents[..], &[0; 64]].concat().into(), bytes)),
            "deep",
        ),
    ];
    for (change, name) in changes {
        let mut rig = Rig::new(2 * CHUNK);
        rig.holds_all(0);
        let (range, known) = rig.take_wants(0)[0];
        let first = rig.content.serve(range, known).unwrap().remove(0);
        let changed = change(&rig.content, first);
        rig.from(0, changed);
        assert_eq!(rig.dropped.len(), 1, "{name}");
        assert_eq!(rig.download.progress().verified, 0, "{name}");
    }
}

fn with_group(message: Message, change: impl Fn(u32, Bytes, Bytes) -> (u32, Bytes, Bytes)) -> Message {
    let Message::Group { root, group, parents, bytes } = message else { panic!("only groups") };
    let (group, parents, bytes) = change(group, parents, bytes);
    Message::Group { root, group, parents, bytes }
}

#[test]
fn a_silent_source_loses_its_groups_at_the_deadline() {
    let mut rig = Rig::new(6 * CHUNK);
    rig.holds_all(0);
    assert!(rig.download.progress().in_flight > 0);
    rig.wait(Duration::from_millis(5_100));
    assert_eq!(rig.download.progress().in_flight, 0);
    assert!(rig.download.sources(&rig.flows).next().unwrap().resting);
    assert!(rig.take_sent(0).iter().any(|(_, message)| matches!(message, Message::Cancel { .. })));
    rig.holds_all(1);
    rig.serve(&[1]);
    rig.assert_complete();
}

#[test]
fn a_source_that_was_silent_gets_another_chance_later() {
    let mut rig = Rig::new(2 * CHUNK);
    rig.holds_all(0);
    rig.wait(Duration::from_millis(5_100));
    rig.sent.clear();
    rig.wait(Duration::from_millis(1_100));
    let again = rig.take_wants(0);
    assert_eq!(again.iter().map(|(range, _)| range.count).sum::<u32>(), 4, "carefully: 64 KiB");
    rig.from(0, rig.content.serve(again[0].0, again[0].1).unwrap().remove(0));
    assert!(!rig.download.sources(&rig.flows).next().unwrap().resting);
}

#[test]
fn a_request_that_was_skipped_is_missing_at_its_deadline() {
    let mut rig = Rig::new(6 * CHUNK);
    rig.flows = Flows::new(FlowConfig { window_start: 512 * 1024, ..FlowConfig::default() });
    rig.holds_all(0);
    let wants = rig.take_wants(0);
    rig.now = rig.now + Duration::from_secs(4);
    for message in rig.content.serve(wants[1].0, wants[1].1).unwrap() {
        rig.from(0, message);
    }
    rig.sent.clear();
    rig.wait(Duration::from_millis(1_100));
    let cancelled: Vec<_> = rig.take_sent(0).into_iter().map(|(_, message)| message).collect();
    assert!(cancelled.contains(&Message::Cancel { root: rig.content.root(), range: wants[0].0 }), "{cancelled:?}");
    assert!(!rig.download.sources(&rig.flows).next().unwrap().resting, "it is alive");
}

#[test]
fn what_comes_late_is_still_of_use() {
    let mut rig = Rig::new(CHUNK);
    rig.holds_all(0);
    let (range, known) = rig.take_wants(0)[0];
    rig.wait(Duration::from_millis(5_100));
    for message in rig.content.serve(range, known).unwrap() {
        rig.from(0, message);
    }
    rig.assert_complete();
    assert_eq!(rig.download.progress().wasted, 0);
}

#[test]
fn the_last_groups_are_raced_and_the_loser_is_cancelled() {
    let mut rig = Rig::new(2 * CHUNK);
    rig.holds_all(0);
    rig.holds_all(1);
    // Source 0 says nothing more; source 1 does its share, waits a moment, and is asked for the rest.
    rig.serve(&[1]);
    assert!(!rig.done);
    for _ in 0..40 {
        rig.wait(Duration::from_millis(100));
        rig.serve(&[1]);
    }
    assert!(rig.now < Time::ZERO + Duration::from_secs(5), "before the deadline");
    rig.assert_complete();
    let cancels = rig.take_sent(0).into_iter().filter(|(_, m)| matches!(m, Message::Cancel { .. })).count();
    assert!(cancels > 0);
    assert_eq!(rig.download.progress().wasted, 0);
}

#[test]
fn what_arrives_twice_is_wasted_and_a_flood_of_it_is_not_stood_for() {
    let mut rig = Rig::new(8 * CHUNK);
    rig.holds_all(0);
    rig.holds_all(1);
    let (range, known) = rig.take_wants(0)[0];
    let group = rig.content.serve(range, known).unwrap().remove(0);
    rig.from(0, group.clone());
    rig.from(0, group.clone());
    assert_eq!(rig.download.progress().wasted, GROUP);
    for _ in 0..100 {
        rig.from(0, group.clone());
    }
    assert_eq!(rig.dropped, [(0, DropReason::Unasked)]);
}

#[test]
fn a_busy_source_is_left_alone_for_a_while() {
    let mut rig = Rig::new(2 * CHUNK);
    rig.holds_all(0);
    let (range, _) = rig.take_wants(0)[0];
    rig.from(0, Message::Refuse { root: rig.content.root(), range, reason: Refusal::Busy });
    assert!(rig.download.sources(&rig.flows).next().unwrap().resting);
    assert_eq!(rig.take_wants(0), []);
    rig.wait(Duration::from_millis(1_001));
    rig.serve(&[0]);
    rig.assert_complete();
}

#[test]
fn chunks_that_are_refused_are_not_asked_for_again() {
    let mut rig = Rig::new(3 * CHUNK);
    rig.holds_all(0);
    let Some((_, Message::Want { range, .. })) = rig.sent.remove(1) else { panic!("a follow, then wants") };
    rig.from(0, Message::Refuse { root: rig.content.root(), range, reason: Refusal::NotHeld });
    rig.serve(&[0]);
    assert!(!rig.done);
    assert_eq!(rig.download.progress().verified, 2 * CHUNK);
    let range = GroupRange::of_chunk(chunk_of(range.first), 3 * CHUNK);
    rig.from(0, Message::Have { root: rig.content.root(), range });
    rig.serve(&[0]);
    rig.assert_complete();
}

#[test]
fn a_source_that_withdraws_is_asked_nothing() {
    let mut rig = Rig::new(3 * CHUNK);
    rig.holds_all(0);
    rig.sent.clear();
    let range = GroupRange::whole(3 * CHUNK);
    rig.from(0, Message::Refuse { root: rig.content.root(), range, reason: Refusal::Withdrawn });
    assert_eq!(rig.take_wants(0), []);
    assert_eq!(rig.download.progress().in_flight, 0);
}

#[test]
fn a_liar_who_refuses_all_it_claims_is_dropped() {
    let mut rig = Rig::new(CHUNK);
    rig.holds_all(0);
    let (root, range) = (rig.content.root(), GroupRange::whole(CHUNK));
    for _ in 0..100 {
        rig.from(0, Message::Refuse { root, range, reason: Refusal::NotHeld });
        rig.from(0, Message::Have { root, range });
    }
    assert_eq!(rig.dropped, [(0, DropReason::BrokenPromise)]);
}

#[test]
fn a_bitfield_of_another_content_ends_it() {
    let mut rig = Rig::new(3 * CHUNK);
    rig.find(0);
    rig.from(0, Message::Holds { root: rig.content.root(), bits: Bitfield::full(4) });
    assert_eq!(rig.dropped, [(0, DropReason::WrongShape { expected: 3, found: 4 })]);
}

#[test]
fn news_of_groups_that_the_content_does_not_have_end_it() {
    let length = 3 * CHUNK;
    for range in [GroupRange::new(48, 1), GroupRange::new(47, 2), GroupRange::new(u32::MAX, 1), GroupRange::new(0, 0)] {
        let mut rig = Rig::new(length);
        rig.holds(0, &[0]);
        rig.from(0, Message::Have { root: rig.content.root(), range });
        assert_eq!(rig.dropped, [(0, DropReason::OutOfBounds)], "{range:?}");
    }
}

#[test]
fn a_manifest_that_lies_about_the_length_of_its_tree_is_never_done_and_only_true_bytes_are_stored() {
    let true_len = 3 * CHUNK + 5;
    for lie in [true_len - 1, true_len + 1, 3 * CHUNK, 5 * CHUNK, GROUP, 1] {
        let content = Content::new(true_len);
        let manifest = Manifest { length: lie, ..content.manifest() };
        let mut download: Download<u8> = Download::new(manifest, DownloadConfig::default(), 1);
        let mut flows = Flows::new(FlowConfig::default());
        let mut hear = |input| download.handle(Time::ZERO, &mut flows, input);
        hear(DownloadInput::SourceFound { peer: 0 });
        let bits = Bitfield::full(chunk_count(lie));
        hear(DownloadInput::Message { peer: 0, message: Message::Holds { root: content.root(), bits } });
        for message in content.serve(GroupRange::whole(true_len), 0).unwrap() {
            hear(DownloadInput::Message { peer: 0, message });
        }
        // The left part of two trees may be the same; the last group, by which the length is proved, never is.
        assert!(download.progress().verified < lie, "{lie} instead of {true_len}");
        while let Some(output) = download.poll_output() {
            match output {
                DownloadOutput::Store { range, bytes } => assert_eq!(bytes, content.slice(range)),
                DownloadOutput::Done | DownloadOutput::Enough => panic!("{lie} bytes are not all"),
                DownloadOutput::Send { .. } | DownloadOutput::Held { .. } | DownloadOutput::DropSource { .. } => {}
            }
        }
    }
}

#[test]
fn a_source_that_gains_chunks_joins_in() {
    let mut rig = Rig::new(3 * CHUNK);
    rig.holds(0, &[]);
    assert_eq!(rig.take_wants(0), []);
    let range = GroupRange::of_chunk(1, 3 * CHUNK);
    rig.from(0, Message::Have { root: rig.content.root(), range });
    assert_eq!(rig.take_wants(0).iter().map(|(range, _)| range.count).sum::<u32>(), 16);
}

#[test]
fn whoever_does_not_say_what_it_holds_is_asked_again() {
    let mut rig = Rig::new(3 * CHUNK);
    rig.find(0);
    rig.wait(Duration::from_secs(16));
    let follows = rig.take_sent(0).into_iter().filter(|(_, m)| matches!(m, Message::Follow { .. })).count();
    assert_eq!(follows, 3);
}
