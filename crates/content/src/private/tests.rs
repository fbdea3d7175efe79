//! What is sealed opens with its key, in its place, and in no other way.

use super::*;
use proptest::prelude::*;

const KEY: LinkKey = LinkKey::new([7; 32]);

fn cipher() -> Cipher {
    Cipher::new(&KEY)
}

fn details(length: u64) -> Details {
    Details { length, index_len: None, media_type: "image/png".into(), name: "Étourneau.png".into() }
}

fn manifest() -> Manifest {
    cipher().manifest(sealed_len(5).unwrap(), Root([9; 32]), &details(5)).unwrap()
}

fn hash_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

#[test]
fn the_bytes_of_a_key_a_group_and_a_manifest_are_these() {
    // From Python: cryptography's ChaCha20Poly1305 and the blake3 package.
    assert_eq!(KEY.to_string(), "a4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dq");
    let sealed = cipher().seal(GroupRange::new(3, 2), b"starling");
    assert_eq!(sealed.len(), 2 * GROUP_LEN as usize);
    assert_eq!(hash_of(&sealed), "517e567d32d414685a8ca49f045b6d4d");
    assert_eq!(hash_of(&manifest().encode()), "6fdea54401a0e2de1ed21ab3201cbe60");
}

#[test]
fn a_manifest_opens_with_its_key_and_reads_back() {
    let bytes = manifest().encode();
    assert_eq!(bytes.len(), crate::manifest::MANIFEST_LEN_MAX);
    let read = Manifest::decode(&bytes).unwrap();
    assert_eq!(read, manifest());
    assert_eq!(cipher().details(&read), Ok(details(5)));
    assert_eq!((read.name.as_str(), read.media_type.as_str(), read.details()), ("", "", None));
}

#[test]
fn another_key_is_told_from_damage() {
    let other = Cipher::new(&LinkKey::new([8; 32]));
    assert_eq!(other.details(&manifest()), Err(PrivateError::WrongKey));
    let mut bytes = manifest().encode();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(cipher().details(&Manifest::decode(&bytes).unwrap()), Err(PrivateError::Details));
    let file = Manifest::new(5, Root([9; 32]), "", "a").unwrap();
    assert_eq!(cipher().details(&file), Err(PrivateError::NotPrivate));
}

#[test]
fn details_do_not_open_beside_another_content() {
    let moved = Manifest { root: Root([1; 32]), ..manifest() };
    assert_eq!(cipher().details(&moved), Err(PrivateError::Details));
}

#[test]
fn details_that_lie_about_the_length_are_refused() {
    let lie = cipher().manifest(sealed_len(5).unwrap(), Root([9; 32]), &details(u64::from(PLAIN_LEN) + 1)).unwrap();
    assert_eq!(cipher().details(&lie), Err(PrivateError::Details));
    let climbing = Details { name: "../x".into(), index_len: Some(9), ..details(5) };
    let lie = cipher().manifest(sealed_len(5).unwrap(), Root([9; 32]), &climbing).unwrap();
    assert_eq!(cipher().details(&lie), Err(PrivateError::Details), "an index longer than the content");
}

#[test]
fn a_private_manifest_tells_neither_name_nor_length() {
    let long = Details { name: "n".repeat(255), media_type: format!("a/{}", "b".repeat(253)), ..details(16_000) };
    let seal =
        |details: &Details| cipher().manifest(sealed_len(details.length).unwrap(), Root([9; 32]), details).unwrap();
    let (short, long) = (seal(&details(1)), seal(&long));
    assert_eq!(short.encode().len(), long.encode().len());
    assert_eq!(short.length, long.length);
    assert!(cipher().details(&long).is_ok());
}

#[test]
fn manifests_that_are_not_whole_groups_are_refused() {
    let mut bytes = manifest().encode();
    bytes[2] = 1;
    assert_eq!(Manifest::decode(&bytes), Err(ManifestError::PrivateLength { found: 16_385 }));
    for end in 0..bytes.len() {
        assert_eq!(Manifest::decode(&bytes[..end]), Err(ManifestError::Truncated { found: end }));
    }
}

#[test]
fn groups_do_not_open_in_another_place_or_with_another_key() {
    let mut sealed = cipher().seal(GroupRange::new(0, 2), b"starling");
    assert_eq!(cipher().open(1, &sealed), Err(PrivateError::Group { group: 1 }));
    assert_eq!(Cipher::new(&LinkKey::new([8; 32])).open(0, &sealed), Err(PrivateError::Group { group: 0 }));
    assert_eq!(cipher().open(0, &sealed[1..]), Err(PrivateError::Length { found: sealed.len() - 1 }));
    sealed[20_000] ^= 1;
    assert_eq!(cipher().open(0, &sealed), Err(PrivateError::Group { group: 1 }));
    assert_eq!(cipher().open(u32::MAX, &sealed), Err(PrivateError::Group { group: u32::MAX }));
}

#[test]
fn keys_have_one_spelling_and_do_not_show_in_logs() {
    let text = KEY.to_string();
    assert_eq!((text.len(), text.parse()), (KEY_CHARS, Ok(KEY)));
    assert_eq!(format!("{KEY:?}"), "LinkKey(..)");
    let unused_bits = format!("{}b", &text[..51]);
    for bad in ["", &text[1..], &text.to_uppercase(), &format!("{text}a"), &format!("{}!", &text[1..]), &unused_bits] {
        assert_eq!(bad.parse::<LinkKey>(), Err(KeyError), "{bad}");
    }
}

#[test]
fn padding_keeps_few_sizes_and_costs_at_most_an_eighth() {
    let sizes: Vec<u64> = [1, 2, 3, 8, 9, 17, 100, 1000, 65_537].into_iter().filter_map(padded).collect();
    assert_eq!(sizes, [1, 2, 3, 8, 10, 18, 104, 1024, 67_584]);
    assert_eq!(sealed_len(0), Some(u64::from(GROUP_LEN)));
    assert_eq!(sealed_len(LENGTH_MAX), None);
    assert_eq!(sealed_len(u64::MAX), None);
}

proptest! {
#![proptest_config(crate::cases(256))]

    #[test]
    fn prop_padding_is_monotone_and_settled(n in 1u64..1 << 40) {
        let rounded = padded(n).unwrap();
        prop_assert!(rounded >= n && (rounded - n) * 8 <= n && padded(n + 1).unwrap() >= rounded);
        prop_assert_eq!(padded(rounded), Some(rounded));
    }

    #[test]
    fn prop_any_bytes_open_from_the_groups_that_hold_them(
        length in 0usize..70_000, from in 0usize..70_000, to in 0usize..70_000, seed in any::<u8>()
    ) {
        let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8 ^ seed).collect();
        let (a, b) = (from.min(to).min(length), from.max(to).min(length));
        let whole = GroupRange::whole(sealed_len(length as u64).unwrap());
        let sealed = cipher().seal(whole, &plain);
        let range = groups_of(a as u64..b as u64);
        let held = plain_range(range, length as u64);
        let bytes = &sealed[range.first as usize * GROUP_LEN as usize..][..range.count as usize * GROUP_LEN as usize];
        let opened = cipher().open(range.first, bytes).unwrap();
        prop_assert!(a == b || held.start as usize <= a && b <= held.end as usize);
        if a < b {
            prop_assert_eq!(&opened[a - held.start as usize..][..b - a], &plain[a..b]);
        }
        // A part sealed anew is the same part: what is served is what was hashed.
        let again = cipher().seal(range, &plain[held.start as usize..held.end as usize]);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn prop_no_text_makes_the_key_parser_panic(text in "[a-z2-7]{52}|\\PC{0,60}") {
        if let Ok(key) = text.parse::<LinkKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }
}
