//! A download that is paused, whose store fails or lags, or that was begun before.

use super::*;

#[test]
fn a_pause_cancels_and_a_resume_goes_on() {
    let mut rig = Rig::new(3 * CHUNK);
    rig.holds_all(0);
    rig.hear(DownloadInput::Pause);
    assert_eq!(rig.take_wants(0), [], "all cancelled");
    assert_eq!(rig.download.next_deadline(&rig.flows), None);
    rig.hear(DownloadInput::Resume);
    rig.serve(&[0]);
    rig.assert_complete();
}

#[test]
fn a_failed_store_loses_nothing_that_was_stored() {
    let content = Content::new(3 * CHUNK);
    let mut flows = Flows::new(FlowConfig::default());
    let mut download: Download<u8> = Download::new(content.manifest(), DownloadConfig::default(), 1);
    download.handle(Time::ZERO, &mut flows, DownloadInput::SourceFound { peer: 0 });
    let holds = Message::Holds { root: content.root(), bits: Bitfield::full(3) };
    download.handle(Time::ZERO, &mut flows, DownloadInput::Message { peer: 0, message: holds });
    let mut stores = Vec::new();
    let mut outputs = VecDeque::new();
    loop {
        outputs.extend(core::iter::from_fn(|| download.poll_output()));
        match outputs.pop_front() {
            Some(DownloadOutput::Send { message: Message::Want { range, known, .. }, .. }) => {
                for message in content.serve(range, known).unwrap() {
                    download.handle(Time::ZERO, &mut flows, DownloadInput::Message { peer: 0, message });
                }
            }
            Some(DownloadOutput::Store { range, .. }) => stores.push(range),
            Some(_) => {}
            None => break,
        }
    }
    assert_eq!(stores.len(), 3);
    download.handle(Time::ZERO, &mut flows, DownloadInput::Stored { range: stores[0] });
    download.handle(Time::ZERO, &mut flows, DownloadInput::StoreFailed);
    audit(&download, &flows);
    let progress = download.progress();
    assert!(progress.paused && !progress.done);
    assert_eq!((progress.verified, progress.stored), (CHUNK, CHUNK));
}

#[test]
fn nothing_more_is_asked_for_while_the_store_is_behind() {
    let content = Content::new(40 * CHUNK);
    let config = DownloadConfig { buffer_max: 2 * 1024 * 1024, ..DownloadConfig::default() };
    let mut flows = Flows::new(FlowConfig::default());
    let mut download: Download<u8> = Download::new(content.manifest(), config, 1);
    download.handle(Time::ZERO, &mut flows, DownloadInput::SourceFound { peer: 0 });
    let holds = Message::Holds { root: content.root(), bits: Bitfield::full(40) };
    download.handle(Time::ZERO, &mut flows, DownloadInput::Message { peer: 0, message: holds });
    let mut outputs = VecDeque::new();
    let mut store = None;
    loop {
        outputs.extend(core::iter::from_fn(|| download.poll_output()));
        match outputs.pop_front() {
            Some(DownloadOutput::Send { message: Message::Want { range, known, .. }, .. }) => {
                for message in content.serve(range, known).unwrap() {
                    download.handle(Time::ZERO, &mut flows, DownloadInput::Message { peer: 0, message });
                }
            }
            Some(DownloadOutput::Store { range, .. }) => store = Some(range),
            Some(_) => {}
            None => break,
        }
    }
    let verified = download.progress().verified;
    assert!((2 * 1024 * 1024..3 * 1024 * 1024).contains(&verified), "{verified}");
    download.handle(Time::ZERO, &mut flows, DownloadInput::Stored { range: store.unwrap() });
    assert!(download.progress().in_flight > 0);
}

#[test]
fn what_was_held_before_is_not_asked_for_again() {
    let content = Content::new(3 * CHUNK + 5);
    let mut rig = Rig::new(3 * CHUNK + 5);
    let mut verifier = Verifier::new(content.root(), 3 * CHUNK + 5);
    let mut held = Bitfield::empty(49);
    for message in content.serve(GroupRange::new(10, 16), 0).unwrap() {
        let Message::Group { group, parents, bytes, .. } = message else { panic!("only groups") };
        verifier.check(group, &parents, bytes.clone()).unwrap();
        held.insert(group);
        rig.stored.insert(u64::from(group) * GROUP, bytes);
    }
    rig.download = Download::with_held(content.manifest(), DownloadConfig::default(), 1, verifier, &held);
    assert_eq!(rig.download.progress().stored, 16 * GROUP);
    let own = rig.download.encode(GroupRange::new(12, 3), 0, &content.slice(GroupRange::new(12, 3)));
    assert_eq!(own.as_ref(), Ok(&content.serve(GroupRange::new(12, 3), 0).unwrap()));
    rig.holds_all(0);
    rig.serve(&[0]);
    rig.assert_complete();
    assert_eq!(rig.download.sources(&rig.flows).next().map(|source| source.given), Some(33 * GROUP - GROUP + 5));
}
