//! The golden vectors in `tests/vectors/content`: what any implementation must compute, natively and in wasm.
//!
//! Each file is compared as a whole with what this crate computes, so a change of format shows as a diff. The
//! bytes that are hashed are those of BLAKE3's own test vectors: byte `i` is `i % 251`.

use bytes::{Bytes, BytesMut};
use content::{
    Bitfield, ContentId, Decoder, GroupRange, Manifest, Message, Outboard, OutboardBuilder, Refusal, Root, Verifier,
};
use std::fmt::Write;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ROOTS: &str = include_str!("../../../tests/vectors/content/roots.txt");
const MANIFESTS: &str = include_str!("../../../tests/vectors/content/manifests.txt");
const MESSAGES: &str = include_str!("../../../tests/vectors/content/messages.txt");

const GROUP: u64 = 16 * 1024;
const LENGTHS: [u64; 13] = [
    0,
    1,
    1023,
    1024,
    1025,
    GROUP - 1,
    GROUP,
    GROUP + 1,
    2 * GROUP,
    3 * GROUP + 5,
    16 * GROUP,
    1024 * 1024,
    1024 * 1024 + 1,
];

fn pattern(length: u64) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).expect("hexadecimal") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<u8>>().into()
}

/// Lines of `name value`, comments left out.
fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').expect("a name and a value"))
}

#[test]
fn roots_and_outboards_are_as_written_down() {
    let mut computed = String::from(
        "# Bytes i % 251. length root blake3-of-serialized-outboard (root, length u64 LE, pairs in pre-order)\n",
    );
    for length in LENGTHS {
        let bytes = pattern(length);
        let mut builder = OutboardBuilder::new(length);
        bytes.chunks(10_007).for_each(|piece| builder.push(piece));
        let outboard = builder.finish().unwrap();
        let serialized = Outboard::of(&outboard.to_bytes()).root();
        writeln!(computed, "{length} {} {serialized}", outboard.root()).unwrap();
    }
    assert_eq!(computed, ROOTS);
}

fn manifests() -> Vec<Manifest> {
    let root = |length| Outboard::of(&pattern(length)).root();
    [
        (0, "", "empty"),
        (1, "text/plain", "a.txt"),
        (GROUP + 1, "image/png", "Étourneau 椋鳥 زرزور.png"),
        (1024 * 1024, "text/plain; charset=utf-8", "🐦"),
    ]
    .map(|(length, media_type, name)| Manifest::new(length, root(length), media_type, name).unwrap())
    .to_vec()
}

#[test]
fn manifests_and_ids_are_as_written_down() {
    let mut computed = String::from("# Manifests of bytes i % 251. id canonical-bytes\n");
    for manifest in manifests() {
        writeln!(computed, "{} {}", manifest.id(), hex(&manifest.encode())).unwrap();
    }
    assert_eq!(computed, MANIFESTS);
    for ((id, bytes), manifest) in entries(MANIFESTS).zip(manifests()) {
        assert_eq!(Manifest::decode(&unhex(bytes)), Ok(manifest));
        assert_eq!(id.parse(), Ok(ContentId::of(&unhex(bytes))));
    }
}

/// One of each kind, and of each reason.
fn messages() -> Vec<(&'static str, Message)> {
    let manifest = manifests().remove(1);
    let (id, root) = (manifest.id(), Root([0x11; 32]));
    let range = GroupRange::new(16, 5);
    let mut bits = Bitfield::empty(11);
    for chunk in [0, 3, 10] {
        bits.insert(chunk);
    }
    let refuse = |reason| Message::Refuse { root, range, reason };

    let bytes = pattern(GROUP + 1);
    let last = GroupRange::single(1);
    let group = Outboard::of(&bytes).encode(last, 0, &bytes.slice(GROUP as usize..)).unwrap().remove(0);
    vec![
        ("get-manifest", Message::GetManifest { id }),
        ("manifest", Message::Manifest { id, bytes: manifest.encode().into() }),
        ("no-content", Message::NoContent { id }),
        ("follow", Message::Follow { root }),
        ("unfollow", Message::Unfollow { root }),
        ("holds", Message::Holds { root, bits }),
        ("have", Message::Have { root, range }),
        ("want", Message::Want { root, range, known: 3 }),
        ("cancel", Message::Cancel { root, range }),
        ("group", group),
        ("refuse-busy", refuse(Refusal::Busy)),
        ("refuse-not-held", refuse(Refusal::NotHeld)),
        ("refuse-withdrawn", refuse(Refusal::Withdrawn)),
        ("refuse-unreadable", refuse(Refusal::Unreadable)),
    ]
}

#[test]
fn frames_are_as_written_down() {
    let mut computed = String::from("# One frame of each kind on /starling/content/1. name frame\n");
    for (name, message) in messages() {
        let mut frame = BytesMut::new();
        message.encode(&mut frame);
        writeln!(computed, "{name} {}", hex(&frame)).unwrap();
    }
    assert_eq!(computed, MESSAGES);
    for ((_, frame), (name, message)) in entries(MESSAGES).zip(messages()) {
        let mut decoder = Decoder::new();
        decoder.push(unhex(frame));
        assert_eq!(decoder.next(), Ok(Some(message)), "{name}");
        assert_eq!(decoder.next(), Ok(None), "{name}");
    }
}

#[test]
fn the_group_written_down_proves_itself() {
    let (_, frame) = entries(MESSAGES).find(|(name, _)| *name == "group").expect("there is a group");
    let mut decoder = Decoder::new();
    decoder.push(unhex(frame));
    let Ok(Some(Message::Group { root, group, parents, bytes })) = decoder.next() else { panic!("a group") };
    assert!(Verifier::new(root, GROUP + 1).check(group, &parents, bytes).is_ok());
}
