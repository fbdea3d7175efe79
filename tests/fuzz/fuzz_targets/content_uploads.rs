//! Serving strangers: any messages in any order, no panic, bounded reads and bounded bytes on their way.

#![no_main]

use bytes::Bytes;
use clock::Time;
use content::{Bitfield, Decoder, Outboard, Refusal, UploadConfig, UploadInput, UploadOutput, Uploads, chunk_count};
use core::time::Duration;
use libfuzzer_sys::fuzz_target;
use std::collections::{BTreeMap, VecDeque};
use std::sync::LazyLock;

const LENGTH: u64 = 70 * 16 * 1024 + 5;

static CONTENT: LazyLock<(Bytes, Outboard)> = LazyLock::new(|| {
    let bytes: Bytes = vec![7; LENGTH as usize].into();
    let outboard = Outboard::of(&bytes);
    (bytes, outboard)
});

fuzz_target!(|input: &[u8]| {
    let (bytes, outboard) = &*CONTENT;
    let root = outboard.root();
    let config = UploadConfig::default();
    let mut uploads: Uploads<u8> = Uploads::new(config);
    let held = Bitfield::full(chunk_count(LENGTH));
    uploads.handle(Time::ZERO, UploadInput::Offer { root, length: LENGTH, held: held.clone() });
    let mut now = Time::ZERO;
    let mut reads = VecDeque::new();
    let mut on_way: BTreeMap<u8, u32> = BTreeMap::new();
    let mut rest = input;
    while let Some((&[op, peer], more)) = rest.split_first_chunk::<2>() {
        rest = more;
        let peer = peer % 3;
        match op % 8 {
            0 => {
                let bytes = on_way.remove(&peer).unwrap_or(0);
                uploads.handle(now, UploadInput::Flushed { peer, bytes });
            }
            1 => {
                on_way.remove(&peer);
                uploads.handle(now, UploadInput::PeerGone { peer });
            }
            2 => uploads.handle(now, UploadInput::Wake),
            3 => uploads.handle(now, UploadInput::Withdraw { root }),
            4 => uploads.handle(now, UploadInput::Offer { root, length: LENGTH, held: held.clone() }),
            5 => {
                if let Some((read, range, known)) = reads.pop_front() {
                    let range: content::GroupRange = range;
                    let place = range.byte_range(LENGTH);
                    let bytes = bytes.slice(place.start as usize..place.end as usize);
                    let input = match outboard.encode(range, known, &bytes) {
                        Ok(messages) if op & 8 == 0 => UploadInput::ReadDone { read, messages },
                        Ok(_) | Err(_) => UploadInput::ReadFailed { read, reason: Refusal::Unreadable },
                    };
                    uploads.handle(now, input);
                }
            }
            6 => now = now + Duration::from_millis(u64::from(op)),
            _ => {
                let len = rest.len().min(12);
                let (fields, more) = rest.split_at(len);
                rest = more;
                let Some((&kind, fields)) = fields.split_first() else { break };
                let frame_len = (33 + fields.len()) as u32;
                let frame = [&frame_len.to_le_bytes()[..], &[kind % 11], &root.0, fields].concat();
                let mut decoder = Decoder::new();
                decoder.push(frame.into());
                if let Ok(Some(message)) = decoder.next() {
                    uploads.handle(now, UploadInput::Message { peer, message });
                }
            }
        }
        while let Some(output) = uploads.poll_output() {
            match output {
                UploadOutput::Send { peer, message } => {
                    *on_way.entry(peer).or_default() += message.encoded_len() as u32
                }
                UploadOutput::Read { read, range, known, .. } => reads.push_back((read, range, known)),
                UploadOutput::Dismiss { peer, .. } => {
                    on_way.remove(&peer);
                }
            }
        }
        assert!(reads.len() as u32 <= config.reads_max);
        assert!(on_way.values().all(|&bytes| bytes <= config.unflushed_max + 96 * 1024));
    }
});
