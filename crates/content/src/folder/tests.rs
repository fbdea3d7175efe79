//! Indexes that read back, and indexes that lie.

use super::*;
use proptest::prelude::*;

fn folder(files: &[(&str, u64)]) -> Folder {
    let files: Vec<(String, u64)> = files.iter().map(|(path, length)| ((*path).to_owned(), *length)).collect();
    Folder::arrange(&files).expect("a small folder").0
}

/// An index with these files, whatever is wrong with them.
fn raw(files: &[(&str, u64)]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&(files.len() as u32).to_le_bytes());
    for (path, length) in files {
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&(path.len() as u16).to_le_bytes());
        bytes.extend_from_slice(path.as_bytes());
    }
    bytes
}

fn decode(files: &[(&str, u64)]) -> Result<Folder, FolderError> {
    let bytes = raw(files);
    let length = bytes.len() as u64 + files.iter().map(|(_, length)| *length).sum::<u64>();
    Folder::decode(&bytes, length)
}

#[test]
fn an_index_reads_back_as_it_was_written() {
    let folder = folder(&[("b/two.txt", 7), ("a.txt", 5), ("b/empty/", 0), ("nothing", 0)]);
    let bytes = folder.encode();
    assert_eq!(bytes.len(), folder.index_len() as usize);
    assert_eq!(Folder::decode(&bytes, folder.length()), Ok(folder.clone()));
    let paths: Vec<&str> = folder.entries().iter().map(Entry::path).collect();
    assert_eq!(paths, ["a.txt", "b/empty/", "b/two.txt", "nothing"]);
    let start = u64::from(folder.index_len());
    assert_eq!(folder.entries()[0].byte_range(), start..start + 5);
    assert_eq!(folder.entries()[2].byte_range(), start + 5..start + 12);
    assert_eq!(folder.length(), start + 12);
}

#[test]
fn the_bytes_of_an_index_are_these() {
    let expected = "01 02000000 0500000000000000 0100 61 0000000000000000 0200 622f".replace(' ', "");
    let found: String = folder(&[("b/", 0), ("a", 5)]).encode().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn files_keep_track_of_where_they_were_given() {
    let files = [("z".to_owned(), 1), ("a/b".to_owned(), 2), ("a".to_owned(), 3)];
    let (folder, order) = Folder::arrange(&files).unwrap();
    let paths: Vec<&str> = folder.entries().iter().map(Entry::path).collect();
    assert_eq!((paths, order), (vec!["a/b", "a (2)", "z"], vec![1, 2, 0]));
}

#[test]
fn an_empty_folder_that_is_not_empty_is_left_out() {
    let folder = folder(&[("a/", 0), ("a/b/", 0), ("a/b/c", 1), ("d/", 0), ("d/", 0)]);
    assert_eq!(folder.entries().iter().map(Entry::path).collect::<Vec<_>>(), ["a/b/c", "d/"]);
}

#[test]
fn a_sharers_odd_paths_are_made_to_fit() {
    let files = [("/etc/../passwd", 1), ("a\\b\n", 2), ("//", 0), ("./x", 3)].map(|(p, l)| (p.to_owned(), l));
    let (folder, _) = Folder::arrange(&files).unwrap();
    let paths: Vec<&str> = folder.entries().iter().map(Entry::path).collect();
    assert_eq!(paths, ["_/", "a_b_", "etc/passwd", "x"]);
    assert_eq!(Folder::decode(&folder.encode(), folder.length()), Ok(folder));
}

#[test]
fn paths_that_climb_or_are_none_are_refused() {
    let long = "n".repeat(256);
    let deep = "d/".repeat(DEPTH_MAX) + "d";
    let far = ("n".repeat(250) + "/").repeat(17) + "n";
    for path in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../b",
        "a/./b",
        "a//b",
        "a\\b",
        "a\nb",
        "a/\u{202e}b",
        "a//",
        &long,
        &deep,
        &far,
    ] {
        assert_eq!(decode(&[(path, 0)]), Err(FolderError::Path { file: 0 }), "{path:?}");
    }
    let mut bytes = raw(&[("ab", 0)]);
    *bytes.last_mut().unwrap() = 0xff;
    assert_eq!(Folder::decode(&bytes, bytes.len() as u64), Err(FolderError::Path { file: 0 }));
}

#[test]
fn paths_out_of_order_twice_or_inside_of_a_file_are_refused() {
    for paths in [["b", "a"], ["a", "a"], ["a", "a/b"], ["a/", "a"], ["a/b", "a"], ["a", "a/"]] {
        assert_eq!(decode(&[(paths[0], 0), (paths[1], 0)]), Err(FolderError::Order { file: 1 }), "{paths:?}");
    }
    // `a!` sorts between `a` and `a/b` as bytes, and behind both as components.
    assert_eq!(decode(&[("a", 0), ("a!", 0), ("a/b", 0)]), Err(FolderError::Order { file: 2 }));
    assert!(decode(&[("a/b", 0), ("a!", 0)]).is_ok());
}

#[test]
fn lengths_that_lie_are_refused() {
    let bytes = raw(&[("a", 5)]);
    let length = bytes.len() as u64 + 5;
    assert_eq!(Folder::decode(&bytes, length + 1), Err(FolderError::Length { expected: length + 1, found: length }));
    let found = LENGTH_MAX + bytes.len() as u64;
    assert_eq!(decode(&[("a", LENGTH_MAX)]), Err(FolderError::Length { expected: LENGTH_MAX, found }));
    let overflow = raw(&[("a", u64::MAX - 1)]);
    assert!(matches!(Folder::decode(&overflow, 3), Err(FolderError::Length { found: u64::MAX, .. })));
    assert_eq!(decode(&[("a/", 1)]), Err(FolderError::FolderLength { file: 0 }));
}

#[test]
fn counts_that_lie_are_refused_before_anything_is_set_aside() {
    let mut bytes = raw(&[("a", 5)]);
    bytes[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Folder::decode(&bytes, 21), Err(FolderError::Files { found: u64::from(u32::MAX) }));
    bytes[1..5].copy_from_slice(&2u32.to_le_bytes());
    assert_eq!(Folder::decode(&bytes, 21), Err(FolderError::Truncated { found: 16 }));
    bytes[1..5].copy_from_slice(&0u32.to_le_bytes());
    assert_eq!(Folder::decode(&bytes, 21), Err(FolderError::Trailing { extra: 11 }));
    bytes[0] = 2;
    assert_eq!(Folder::decode(&bytes, 21), Err(FolderError::Version { found: 2 }));
    let many = vec![("a".to_owned(), 0); FILES_MAX + 1];
    assert_eq!(Folder::arrange(&many), Err(FolderError::Files { found: FILES_MAX as u64 + 1 }));
    let heavy: Vec<(String, u64)> =
        (0..3000).map(|n| (format!("{n}/{}{}", ("n".repeat(250) + "/").repeat(15), "n".repeat(250)), 0)).collect();
    assert!(matches!(Folder::arrange(&heavy), Err(FolderError::IndexLength { .. })));
}

#[test]
fn two_thousand_small_files_are_one_short_content() {
    let files: Vec<(String, u64)> = (0..2000).map(|n| (format!("birds/{}/{n:04}.txt", n % 20), 700)).collect();
    let (folder, _) = Folder::arrange(&files).unwrap();
    assert!(folder.index_len() < 60_000, "{}", folder.index_len());
    let chunks = crate::chunk_count(folder.length());
    assert_eq!(chunks, 6, "requests for all of it");
}

#[test]
fn a_file_lies_in_the_groups_it_says() {
    let folder = folder(&[("a", 16_384), ("b", 0), ("c", 40_000)]);
    let groups: Vec<GroupRange> = folder.entries().iter().map(Entry::groups).collect();
    assert_eq!(groups, [GroupRange::new(0, 2), GroupRange::new(1, 0), GroupRange::new(1, 3)]);
    assert_eq!(index_groups(folder.index_len()), GroupRange::new(0, 1));
    assert_eq!(index_groups(GROUP_LEN + 1), GroupRange::new(0, 2));
}

proptest! {
#![proptest_config(crate::cases(256))]

    #[test]
    fn prop_whatever_is_dropped_becomes_an_index_that_reads_back(
        files in prop::collection::vec(("[a-c./\\\\\u{202e}\u{e9}]{0,9}|\\PC{0,300}", 0u64..100_000), 0..30)
    ) {
        let (folder, order) = Folder::arrange(&files).unwrap();
        let read = Folder::decode(&folder.encode(), folder.length());
        prop_assert_eq!(read.as_ref(), Ok(&folder));
        prop_assert_eq!(order.len(), folder.entries().len());
        let mut at = u64::from(folder.index_len());
        for (entry, &given) in folder.entries().iter().zip(&order) {
            prop_assert_eq!(entry.byte_range().start, at);
            prop_assert!(entry.is_folder() || entry.len() == files[given].1);
            at += entry.len();
        }
        prop_assert_eq!(at, folder.length());
        // No file was lost on the way; only folders that say nothing may be.
        for (at, (path, _)) in files.iter().enumerate() {
            prop_assert!(path.ends_with('/') || order.contains(&at), "{:?}", path);
        }
    }

    #[test]
    fn prop_any_bytes_are_an_index_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), length in any::<u64>()) {
        if let Ok(folder) = Folder::decode(&bytes, length) {
            prop_assert_eq!(folder.encode(), bytes);
        }
    }

    #[test]
    fn prop_a_changed_index_is_another_or_an_error(at in 0usize..60, bit in 0u8..8) {
        let folder = folder(&[("a.txt", 5), ("b/c.txt", 6), ("b/d/", 0), ("e", 0)]);
        let mut bytes = folder.encode();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        for length in [folder.length(), folder.length() ^ (1 << bit)] {
            if let Ok(read) = Folder::decode(&bytes, length) {
                prop_assert_eq!(read.encode(), bytes.clone());
                prop_assert_ne!(&read, &folder);
            }
        }
    }
}
