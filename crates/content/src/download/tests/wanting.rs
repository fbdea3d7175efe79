//! A person who wants some of it.

use super::*;

impl Rig {
    fn want(&mut self, wanted: Option<&[GroupRange]>) {
        self.download.set_wanted(self.now, &mut self.flows, wanted);
        self.drain();
    }

    fn stored_groups(&self) -> Vec<u32> {
        let groups = 0..group_count(self.content.bytes.len() as u64);
        groups.filter(|&group| self.download.groups.is_stored(group)).collect()
    }
}

#[test]
fn only_what_is_wanted_is_asked_for_and_the_rest_when_it_is_wanted() {
    let mut rig = Rig::new(6 * CHUNK + 9);
    rig.want(Some(&[GroupRange::new(3, 2), GroupRange::new(30, 5)]));
    rig.holds_all(0);
    rig.serve(&[0]);
    assert_eq!(rig.stored_groups(), [3, 4, 30, 31, 32, 33, 34]);
    assert_eq!((rig.enough, rig.done), (1, false));
    let progress = rig.download.progress();
    assert_eq!((progress.wanted, progress.stored, progress.wasted), (7 * GROUP, 7 * GROUP, 0));
    assert_eq!(rig.download.held().ones(), 0, "no chunk is whole, so none is offered");

    rig.want(Some(&[GroupRange::new(0, 16)]));
    rig.serve(&[0]);
    assert_eq!((rig.enough, rig.stored_groups().len()), (2, 16 + 5), "what is here stays");
    assert!(rig.download.held().get(0));
    rig.want(None);
    rig.serve(&[0]);
    rig.assert_complete();
}

#[test]
fn what_was_asked_for_and_is_wanted_no_more_is_taken_back_and_thrown_away_if_it_comes() {
    let mut rig = Rig::new(4 * CHUNK);
    rig.holds_all(0);
    let wants = rig.take_wants(0);
    let chunk = chunk_of(wants[0].0.first);
    let other = (0..4).find(|&other| wants.iter().all(|(range, _)| chunk_of(range.first) != other)).unwrap();
    rig.want(Some(&[GroupRange::of_chunk(other, 4 * CHUNK)]));
    let sent = rig.take_sent(0);
    let cancelled = |range: GroupRange| {
        sent.iter().any(|(_, message)| matches!(message, Message::Cancel { range: r, .. } if *r == range))
    };
    assert!(wants.iter().all(|(range, _)| cancelled(*range)), "{sent:?}");
    let asked: Vec<u32> = sent.iter().filter_map(|(_, message)| want_of(message)).flat_map(GroupRange::iter).collect();
    assert_eq!(asked, GroupRange::of_chunk(other, 4 * CHUNK).iter().collect::<Vec<_>>());
    for message in rig.content.serve(wants[0].0, wants[0].1).unwrap() {
        rig.from(0, message);
    }
    let progress = rig.download.progress();
    assert_eq!((progress.verified, progress.wasted), (0, CHUNK), "chunk {chunk} is not kept");
    assert!(rig.dropped.is_empty(), "answers and cancels cross on the way");
}

fn want_of(message: &Message) -> Option<GroupRange> {
    match message {
        Message::Want { range, .. } => Some(*range),
        _ => None,
    }
}

#[test]
fn a_source_that_sends_what_nobody_wants_is_dropped() {
    let mut rig = Rig::new(30 * CHUNK);
    rig.want(Some(&[GroupRange::single(0)]));
    rig.holds_all(0);
    let messages = rig.content.serve(GroupRange::new(16, 100), 0).unwrap();
    messages.into_iter().for_each(|message| rig.from(0, message));
    assert_eq!(rig.dropped, [(0, DropReason::Unasked)]);
    assert_eq!(rig.download.progress().verified, 0);
}

#[test]
fn nothing_wanted_is_enough_at_once_and_a_pause_does_not_forget_the_choice() {
    let mut rig = Rig::new(3 * CHUNK);
    rig.want(Some(&[]));
    assert_eq!(rig.enough, 1);
    rig.hear(DownloadInput::Pause);
    rig.want(Some(&[GroupRange::new(u32::MAX, 9), GroupRange::new(46, 99)]));
    rig.holds_all(0);
    assert_eq!(rig.take_wants(0), []);
    rig.hear(DownloadInput::Resume);
    rig.serve(&[0]);
    assert_eq!((rig.stored_groups(), rig.enough), (vec![46, 47], 2));
}

#[test]
fn what_an_earlier_visit_left_counts_for_what_is_wanted_now() {
    let content = Content::new(4 * CHUNK);
    let mut verifier = Verifier::new(content.root(), 4 * CHUNK);
    for message in content.serve(GroupRange::new(5, 4), 0).unwrap() {
        let Message::Group { group, parents, bytes, .. } = message else { panic!("only groups") };
        verifier.check(group, &parents, bytes).unwrap();
    }
    let mut held = Bitfield::empty(64);
    (5..9).for_each(|group| assert!(held.insert(group)));
    let config = DownloadConfig::default();
    let mut download: Download<u8> = Download::with_held(content.manifest(), config, 1, verifier, &held);
    let mut flows = Flows::new(FlowConfig::default());
    download.set_wanted(Time::ZERO, &mut flows, Some(&[GroupRange::new(6, 2)]));
    assert!(matches!(download.poll_output(), Some(DownloadOutput::Enough)));
    assert_eq!(download.progress().wanted, 4 * GROUP, "what is here is wanted");
}
