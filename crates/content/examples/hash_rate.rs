//! What proving and scheduling cost: `cargo run --release -p content --example hash_rate [MIB]`.
//!
//! Prints one line per step, in MiB per second over the whole content: bare BLAKE3, the outboard, serving
//! (which hashes again), verifying, and a whole download without a network. The last line is what the
//! download's own decisions cost per group, verification taken out.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "measuring and printing is what it is for")]

use bytes::{Bytes, BytesMut};
use clock::Time;
use content::{
    Bitfield, Decoder, Download, DownloadConfig, DownloadInput, DownloadOutput, FlowConfig, Flows, GROUP_LEN,
    GroupRange, Manifest, Message, Outboard, OutboardBuilder, Verifier, chunk_count, group_count,
};
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

const MIB: u64 = 1024 * 1024;

fn main() {
    let mib = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(256);
    let length = mib * MIB;
    let rate = |name: &str, time: Duration| println!("{name:<28} {:>9.0} MiB/s", mib as f64 / time.as_secs_f64());
    // One chunk again and again: memory stays small whatever the length, the hashes differ by place.
    let chunk: Bytes = (0..256 * 1024u32).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into();
    println!("{mib} MiB, {} groups", group_count(length));

    rate("blake3, 16 KiB at a time", timed(|| hash_groups(&chunk, length)).0);
    let (time, outboard) = timed(|| build(&chunk, length));
    rate("outboard", time);
    let (time, ()) = timed(|| serve_all(&outboard, &chunk));
    rate("serve", time);
    let (time, ()) = timed(|| frame_all(&outboard, &chunk));
    rate("serve, encode, decode", time);
    let (verify, ()) = timed(|| verify_all(&outboard, &chunk));
    rate("serve, verify", verify);
    let (whole, ()) = timed(|| download(&outboard, &chunk));
    rate("serve, verify, schedule", whole);
    let groups = f64::from(group_count(length));
    println!("{:<28} {:>9.2} us a group", "schedule", (whole.as_secs_f64() - verify.as_secs_f64()) / groups * 1e6);
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn hash_groups(chunk: &Bytes, length: u64) {
    for _ in 0..length.div_ceil(u64::from(GROUP_LEN)) {
        black_box(Outboard::of(&black_box(chunk)[..GROUP_LEN as usize]).root());
    }
}

fn build(chunk: &Bytes, length: u64) -> Outboard {
    let mut builder = OutboardBuilder::new(length);
    while builder.hashed() < length {
        builder.push(chunk);
    }
    builder.finish().expect("whole chunks")
}

fn wants(outboard: &Outboard) -> impl Iterator<Item = GroupRange> {
    let length = outboard.length();
    (0..chunk_count(length)).map(move |chunk| GroupRange::of_chunk(chunk, length))
}

fn serve_all(outboard: &Outboard, chunk: &Bytes) {
    for range in wants(outboard) {
        black_box(outboard.encode(range, 0, chunk).expect("true bytes"));
    }
}

fn frame_all(outboard: &Outboard, chunk: &Bytes) {
    let mut decoder = Decoder::new();
    for range in wants(outboard) {
        let mut frames = BytesMut::new();
        outboard.encode(range, 0, chunk).expect("true bytes").iter().for_each(|message| message.encode(&mut frames));
        decoder.push(frames.freeze());
        while let Some(message) = decoder.next().expect("our own frames") {
            black_box(message);
        }
    }
}

fn verify_all(outboard: &Outboard, chunk: &Bytes) {
    let mut verifier = Verifier::new(outboard.root(), outboard.length());
    for range in wants(outboard) {
        let known = verifier.known_above(range.first);
        for message in outboard.encode(range, known, chunk).expect("true bytes") {
            if let Message::Group { group, parents, bytes, .. } = message {
                black_box(verifier.check(group, &parents, bytes).expect("true bytes"));
            }
        }
    }
    assert!(verifier.is_complete());
}

/// Four sources that hold everything and four that hold a third, so that there is something to decide.
fn download(outboard: &Outboard, chunk: &Bytes) {
    let manifest = Manifest::of_file(outboard, "", "file");
    let (root, chunks) = (manifest.root, chunk_count(manifest.length));
    let mut flows = Flows::new(FlowConfig::default());
    let mut download: Download<u8> = Download::new(manifest, DownloadConfig::default(), 1);
    let mut now = Time::ZERO;
    for peer in 0..8u8 {
        download.handle(now, &mut flows, DownloadInput::SourceFound { peer });
        let mut bits = if peer < 4 { Bitfield::full(chunks) } else { Bitfield::empty(chunks) };
        (0..chunks).filter(|chunk| peer >= 4 && (chunk + u32::from(peer)).is_multiple_of(3)).for_each(|chunk| {
            bits.insert(chunk);
        });
        download.handle(now, &mut flows, DownloadInput::Message { peer, message: Message::Holds { root, bits } });
    }
    let mut wanted = VecDeque::new();
    loop {
        while let Some(output) = download.poll_output() {
            match output {
                DownloadOutput::Send { peer, message: Message::Want { range, known, .. } } => {
                    wanted.push_back((peer, range, known));
                }
                DownloadOutput::Store { range, bytes } => {
                    black_box(bytes);
                    download.handle(now, &mut flows, DownloadInput::Stored { range });
                }
                DownloadOutput::Done => return,
                DownloadOutput::Send { .. } | DownloadOutput::Held { .. } => {}
                DownloadOutput::DropSource { peer, why } => panic!("{peer} was dropped: {why}"),
                DownloadOutput::Enough => panic!("all is wanted"),
            }
        }
        let (peer, range, known) = wanted.pop_front().expect("something is always asked for");
        let start = (range.first % 16 * GROUP_LEN) as usize;
        let bytes = chunk.slice(start..start + (range.count * GROUP_LEN) as usize);
        for message in outboard.encode(range, known, &bytes).expect("true bytes") {
            now = now + Duration::from_micros(100);
            download.handle(now, &mut flows, DownloadInput::Message { peer, message });
            black_box(download.next_deadline(&flows));
        }
    }
}
