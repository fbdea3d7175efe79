//! A download that strangers talk to: any messages in any order, no panic, and only true bytes are stored.

#![no_main]

use bytes::Bytes;
use clock::Time;
use content::{
    Decoder, Download, DownloadConfig, DownloadInput, DownloadOutput, FlowConfig, Flows, GroupRange, Manifest, Message,
    Outboard,
};
use core::time::Duration;
use libfuzzer_sys::fuzz_target;
use std::collections::VecDeque;
use std::sync::LazyLock;

const LENGTH: u64 = 40 * 16 * 1024 + 5;

static CONTENT: LazyLock<(Bytes, Outboard)> = LazyLock::new(|| {
    let bytes: Bytes = (0..LENGTH).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into();
    let outboard = Outboard::of(&bytes);
    (bytes, outboard)
});

fuzz_target!(|input: &[u8]| {
    let (bytes, outboard) = &*CONTENT;
    let root = outboard.root();
    let slice = |range: GroupRange| {
        let range = range.byte_range(LENGTH);
        bytes.slice(range.start as usize..range.end as usize)
    };
    let mut download: Download<u8> =
        Download::new(Manifest::of_file(outboard, "", "file"), DownloadConfig::default(), 1);
    let mut flows = Flows::new(FlowConfig::default());
    let mut now = Time::ZERO;
    let mut wants = VecDeque::new();
    let mut stores = VecDeque::new();
    let mut rest = input;
    while let Some((&[op, peer], more)) = rest.split_first_chunk::<2>() {
        rest = more;
        let peer = peer % 3;
        match op % 10 {
            0 => download.handle(now, &mut flows, DownloadInput::SourceFound { peer }),
            1 => download.handle(now, &mut flows, DownloadInput::SourceGone { peer }),
            2 => download.handle(now, &mut flows, DownloadInput::Wake),
            3 => download.handle(now, &mut flows, DownloadInput::StoreFailed),
            4 => download.handle(now, &mut flows, DownloadInput::Resume),
            5 => {
                if let Some(range) = stores.pop_front() {
                    download.handle(now, &mut flows, DownloadInput::Stored { range });
                }
            }
            6 => {
                // An honest answer to the oldest want.
                if let Some((peer, range, known)) = wants.pop_front() {
                    for message in outboard.encode(range, known, &slice(range)).expect("wants are within the content") {
                        download.handle(now, &mut flows, DownloadInput::Message { peer, message });
                    }
                }
            }
            7 => {
                let wanted = GroupRange::new(u32::from(op), u32::from(peer) * 7);
                download.set_wanted(now, &mut flows, (op < 200).then_some(&[wanted]));
            }
            8 => now = now + Duration::from_millis(u64::from(op) * 20),
            _ => {
                // A frame of the fuzzer's, about this content.
                let len = rest.len().min(80);
                let (fields, more) = rest.split_at(len);
                rest = more;
                let Some((&kind, fields)) = fields.split_first() else { break };
                let frame_len = (33 + fields.len()) as u32;
                let frame = [&frame_len.to_le_bytes()[..], &[kind % 11], &root.0, fields].concat();
                let mut decoder = Decoder::new();
                decoder.push(frame.into());
                if let Ok(Some(message)) = decoder.next() {
                    download.handle(now, &mut flows, DownloadInput::Message { peer, message });
                }
            }
        }
        while let Some(output) = download.poll_output() {
            match output {
                DownloadOutput::Send { peer, message: Message::Want { range, known, .. } } => {
                    wants.push_back((peer, range, known));
                }
                DownloadOutput::Store { range, bytes } => {
                    assert_eq!(bytes, slice(range));
                    stores.push_back(range);
                }
                DownloadOutput::Send { .. }
                | DownloadOutput::Held { .. }
                | DownloadOutput::DropSource { .. }
                | DownloadOutput::Enough
                | DownloadOutput::Done => {}
            }
        }
        let progress = download.progress();
        assert!(progress.stored <= progress.verified && progress.verified <= progress.wanted);
        assert!(progress.wanted <= LENGTH);
        let _ = download.next_deadline(&flows);
    }
});
