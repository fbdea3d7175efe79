//! What a content is: how long, which bytes, what kind, under which name.
//!
//! The canonical bytes are what an id is the hash of, so there is exactly one encoding and everything else is
//! refused. All integers are little-endian:
//!
//! ```text
//! version u8 = 1 | kind u8 | length u64 | root 32 bytes | by kind:
//!   0 one file   media type: u16 length, ASCII | name: u16 length, UTF-8
//!   1 a folder   bytes of its index u32 | name: u16 length, UTF-8
//!   2 private    check 32 bytes | sealed details 544 bytes
//! ```
//!
//! What the bytes of a folder are says [`crate::folder`], what is sealed and how [`crate::private`].
//!
//! Name and media type come from a stranger. They are checked here so that no one further up has to: a name is
//! one path component that can be shown in a line of text, never a path.

use crate::folder::INDEX_LEN_MAX;
use crate::layout::LENGTH_MAX;
use crate::private::{self, Details, Sealed};
use crate::{ContentId, GROUP_LEN, Outboard, Root, names};

/// Version of the canonical bytes.
const VERSION: u8 = 1;

/// Kinds of manifests.
const KIND_FILE: u8 = 0;
const KIND_FOLDER: u8 = 1;
const KIND_PRIVATE: u8 = 2;

/// Bytes before the two texts.
const HEAD_LEN: usize = 1 + 1 + 8 + 32;

/// Bytes of a name, as file systems have it.
pub const NAME_LEN_MAX: usize = 255;

/// Bytes of a media type: RFC 6838 allows 127 each for type and subtype.
pub const MEDIA_TYPE_LEN_MAX: usize = 255;

/// Bytes of the longest canonical manifest.
pub const MANIFEST_LEN_MAX: usize = HEAD_LEN + private::CHECK_LEN + private::SEALED_LEN;
const _: () = assert!(MANIFEST_LEN_MAX >= HEAD_LEN + 2 + MEDIA_TYPE_LEN_MAX + 2 + NAME_LEN_MAX);

/// The name given to a file whose own name holds nothing that we could show.
const NAMELESS: &str = "file";

/// What a link's id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Bytes in the content, at most [`LENGTH_MAX`].
    pub length: u64,
    /// The hash of the content's bytes.
    pub root: Root,
    /// What the bytes are.
    pub kind: Kind,
    /// Its media type (`image/png`), or empty when nobody knows. Printable ASCII. Empty unless it is
    /// one file.
    pub media_type: String,
    /// Its file name: one path component, no control characters. Empty when it is sealed.
    pub name: String,
}

/// What the bytes of a content are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file.
    File,
    /// An index and the files of a folder.
    Folder {
        /// Bytes of the index.
        index_len: u32,
    },
    /// Encrypted; length, kind, media type and name are for those who have the key.
    Private(Box<Sealed>),
}

/// Why bytes are not a manifest, or values do not make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// They end too early.
    #[error("ends after {found} bytes")]
    Truncated {
        /// Bytes given.
        found: usize,
    },
    /// Bytes follow the name.
    #[error("{extra} bytes follow the name")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A version that we do not know.
    #[error("version {found}, expected {VERSION}")]
    Version {
        /// The version it names.
        found: u8,
    },
    /// A kind that we do not know.
    #[error("kind {found}, expected {KIND_FILE} to {KIND_PRIVATE}")]
    Kind {
        /// The kind it names.
        found: u8,
    },
    /// More bytes than we share or fetch.
    #[error("{found} bytes, at most {LENGTH_MAX}")]
    Length {
        /// The length it claims.
        found: u64,
    },
    /// A folder's index is longer than the folder, or than an index may be.
    #[error("an index of {index_len} bytes in {length}, at most {INDEX_LEN_MAX}")]
    Index {
        /// Bytes of the index.
        index_len: u32,
        /// Bytes of the folder.
        length: u64,
    },
    /// Encrypted bytes that are not whole groups.
    #[error("{found} encrypted bytes are not whole groups")]
    PrivateLength {
        /// The length it claims.
        found: u64,
    },
    /// No bytes, but the hash of some.
    #[error("no bytes, but not the hash of nothing")]
    EmptyRoot,
    /// The media type is too long, not printable ASCII, or has no slash.
    #[error("not a media type")]
    MediaType,
    /// The name is empty or too long.
    #[error("a name of {found} bytes, expected 1 to {NAME_LEN_MAX}")]
    NameLength {
        /// The name's length.
        found: usize,
    },
    /// The name is not UTF-8, or holds a separator, a control or a direction override; or is `.` or `..`.
    #[error("not a file name")]
    Name,
}

impl Manifest {
    /// A manifest of one file of exactly these values, or why they do not make one.
    pub fn new(length: u64, root: Root, media_type: &str, name: &str) -> Result<Self, ManifestError> {
        check_length(length, root)?;
        check_media_type(media_type)?;
        check_name(name)?;
        Ok(Self { length, root, kind: Kind::File, media_type: media_type.to_owned(), name: name.to_owned() })
    }

    /// A manifest of a folder called `name`.
    pub fn new_folder(length: u64, root: Root, index_len: u32, name: &str) -> Result<Self, ManifestError> {
        check_length(length, root)?;
        check_index(index_len, length)?;
        check_name(name)?;
        Ok(Self { length, root, kind: Kind::Folder { index_len }, media_type: String::new(), name: name.to_owned() })
    }

    /// A manifest of `length` encrypted bytes.
    pub fn new_private(length: u64, root: Root, sealed: Sealed) -> Result<Self, ManifestError> {
        check_length(length, root)?;
        if length == 0 || !length.is_multiple_of(u64::from(GROUP_LEN)) {
            return Err(ManifestError::PrivateLength { found: length });
        }
        Ok(Self { length, root, kind: Kind::Private(Box::new(sealed)), media_type: String::new(), name: String::new() })
    }

    /// The manifest of a hashed file, whatever its name: what a manifest cannot hold is replaced
    /// ([`file_name`]), and a media type that is none is left out.
    pub fn of_file(outboard: &Outboard, media_type: &str, name: &str) -> Self {
        let media_type = self::media_type(media_type).to_owned();
        let (length, root) = (outboard.length(), outboard.root());
        Self { length, root, kind: Kind::File, media_type, name: file_name(name) }
    }

    /// The canonical bytes, at most [`MANIFEST_LEN_MAX`]. Texts that a manifest cannot hold are written as
    /// [`of_file`](Self::of_file) would have them, so that what is encoded always decodes.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::File => KIND_FILE,
            Kind::Folder { .. } => KIND_FOLDER,
            Kind::Private(_) => KIND_PRIVATE,
        };
        let mut bytes = Vec::with_capacity(MANIFEST_LEN_MAX);
        bytes.extend_from_slice(&[VERSION, kind]);
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.root.0);
        match &self.kind {
            Kind::File => {
                push_text(&mut bytes, media_type(&self.media_type));
                push_text(&mut bytes, &file_name(&self.name));
            }
            Kind::Folder { index_len } => {
                bytes.extend_from_slice(&index_len.to_le_bytes());
                push_text(&mut bytes, &file_name(&self.name));
            }
            Kind::Private(sealed) => sealed.encode(&mut bytes),
        }
        bytes
    }

    /// Reads canonical bytes, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let truncated = ManifestError::Truncated { found: bytes.len() };
        let (&[version], rest) = bytes.split_first_chunk().ok_or(truncated)?;
        if version != VERSION {
            return Err(ManifestError::Version { found: version });
        }
        let (&[kind], rest) = rest.split_first_chunk().ok_or(truncated)?;
        if kind > KIND_PRIVATE {
            return Err(ManifestError::Kind { found: kind });
        }
        let (length, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (root, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (length, root) = (u64::from_le_bytes(*length), Root(*root));
        let (manifest, rest) = match kind {
            KIND_FILE => {
                let (media_type, rest) = split_text(rest).ok_or(truncated)?;
                let (name, rest) = split_text(rest).ok_or(truncated)?;
                let media_type = core::str::from_utf8(media_type).map_err(|_| ManifestError::MediaType)?;
                (Self::new(length, root, media_type, text(name)?), rest)
            }
            KIND_FOLDER => {
                let (index_len, rest) = rest.split_first_chunk().ok_or(truncated)?;
                let (name, rest) = split_text(rest).ok_or(truncated)?;
                (Self::new_folder(length, root, u32::from_le_bytes(*index_len), text(name)?), rest)
            }
            _ => {
                let (sealed, rest) = Sealed::decode(rest).ok_or(truncated)?;
                (Self::new_private(length, root, sealed), rest)
            }
        };
        if rest.is_empty() { manifest } else { Err(ManifestError::Trailing { extra: rest.len() }) }
    }

    /// What it says about its bytes, if that takes no key.
    pub fn details(&self) -> Option<Details> {
        let index_len = match self.kind {
            Kind::File => None,
            Kind::Folder { index_len } => Some(index_len),
            Kind::Private(_) => return None,
        };
        Some(Details { length: self.length, index_len, media_type: self.media_type.clone(), name: self.name.clone() })
    }

    /// The id that a link carries: the hash of the canonical bytes.
    pub fn id(&self) -> ContentId {
        ContentId::of(&self.encode())
    }
}

/// A name that a manifest can hold, as near to `name` as can be: the part after the last separator, without
/// controls and direction overrides, cut to [`NAME_LEN_MAX`] bytes between characters, keeping a short
/// extension. `file` when nothing is left.
pub fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|&c| is_name_char(c)).collect();
    let cut = names::shorten(&shown, NAME_LEN_MAX);
    if check_name(&cut).is_ok() { cut } else { NAMELESS.to_owned() }
}

pub(crate) fn media_type(text: &str) -> &str {
    if check_media_type(text).is_ok() { text } else { "" }
}

pub(crate) fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let len = u16::try_from(text.len()).expect("a manifest's texts are at most 255 bytes");
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn text(name: &[u8]) -> Result<&str, ManifestError> {
    core::str::from_utf8(name).map_err(|_| ManifestError::Name)
}

pub(crate) fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))
}

fn check_length(length: u64, root: Root) -> Result<(), ManifestError> {
    if length > LENGTH_MAX {
        return Err(ManifestError::Length { found: length });
    }
    if length == 0 && root != Root::empty() {
        return Err(ManifestError::EmptyRoot);
    }
    Ok(())
}

pub(crate) fn check_index(index_len: u32, length: u64) -> Result<(), ManifestError> {
    let fits = index_len <= INDEX_LEN_MAX && u64::from(index_len) <= length;
    if fits && index_len > 0 { Ok(()) } else { Err(ManifestError::Index { index_len, length }) }
}

pub(crate) fn check_media_type(text: &str) -> Result<(), ManifestError> {
    let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let shaped = text.is_empty() || text.contains('/');
    if printable && shaped && text.len() <= MEDIA_TYPE_LEN_MAX { Ok(()) } else { Err(ManifestError::MediaType) }
}

pub(crate) fn check_name(name: &str) -> Result<(), ManifestError> {
    if name.is_empty() || name.len() > NAME_LEN_MAX {
        return Err(ManifestError::NameLength { found: name.len() });
    }
    if name == "." || name == ".." || !name.chars().all(is_name_char) {
        return Err(ManifestError::Name);
    }
    Ok(())
}

/// Separators would make a name a path, controls would break its line, and embedded directions (U+202A to
/// U+202E, U+2066 to U+2069) can show `fdp.exe` as `exe.pdf`. Names in every script do without all of them.
pub(crate) fn is_name_char(c: char) -> bool {
    let override_ = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line_break = matches!(c, '\u{2028}' | '\u{2029}');
    !(c.is_control() || c == '/' || c == '\\' || override_ || line_break)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bird() -> Manifest {
        Manifest::new(5, Root([9; 32]), "image/png", "Étourneau 椋鳥.png").unwrap()
    }

    #[test]
    fn a_manifest_reads_back_as_it_was_written() {
        let bytes = bird().encode();
        assert_eq!(Manifest::decode(&bytes), Ok(bird()));
        assert_eq!(bird().id(), ContentId::of(&bytes));
    }

    #[test]
    fn a_manifest_cut_anywhere_or_continued_is_refused() {
        let mut bytes = bird().encode();
        for end in 0..bytes.len() {
            assert_eq!(Manifest::decode(&bytes[..end]), Err(ManifestError::Truncated { found: end }));
        }
        bytes.push(0);
        assert_eq!(Manifest::decode(&bytes), Err(ManifestError::Trailing { extra: 1 }));
    }

    #[test]
    fn other_versions_kinds_and_lengths_are_refused() {
        let with = |at: usize, byte: u8| {
            let mut bytes = bird().encode();
            bytes[at] = byte;
            Manifest::decode(&bytes)
        };
        assert_eq!(with(0, 2), Err(ManifestError::Version { found: 2 }));
        assert_eq!(with(1, 3), Err(ManifestError::Kind { found: 3 }));
        assert_eq!(with(9, 1), Err(ManifestError::Length { found: 5 | 1 << 56 }));
        assert_eq!(with(2, 0), Err(ManifestError::EmptyRoot));
    }

    #[test]
    fn a_folder_reads_back_with_its_index_and_lies_about_it_are_refused() {
        let folder = Manifest::new_folder(500, Root([9; 32]), 40, "birds").unwrap();
        let bytes = folder.encode();
        assert_eq!(Manifest::decode(&bytes), Ok(folder.clone()));
        for end in 0..bytes.len() {
            assert_eq!(Manifest::decode(&bytes[..end]), Err(ManifestError::Truncated { found: end }));
        }
        for (index_len, length) in [(0, 500), (501, 500), (INDEX_LEN_MAX + 1, 1 << 30)] {
            let refused = Manifest::new_folder(length, Root([9; 32]), index_len, "birds");
            assert_eq!(refused, Err(ManifestError::Index { index_len, length }));
        }
        assert_eq!(folder.details().and_then(|details| details.index_len), Some(40));
        assert_eq!(bird().details().map(|details| details.index_len), Some(None));
    }

    #[test]
    fn names_that_are_paths_or_break_the_line_are_refused() {
        let named = |name: &str| Manifest::new(5, Root([9; 32]), "", name).map(|manifest| manifest.name);
        for bad in [".", "..", "a/b", "a\\b", "a\nb", "a\0b", "\u{7f}", "x\u{202e}fdp.exe", "a\u{2028}b"] {
            assert_eq!(named(bad), Err(ManifestError::Name), "{bad:?}");
        }
        assert_eq!(named(""), Err(ManifestError::NameLength { found: 0 }));
        assert_eq!(named(&"n".repeat(256)), Err(ManifestError::NameLength { found: 256 }));
        for good in ["...", ".profile", "a b", "שלום.txt", "नमस्ते", "🐦", "ﷺ", &"n".repeat(255)] {
            assert_eq!(named(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn media_types_are_printable_and_have_a_slash() {
        let typed = |text: &str| Manifest::new(5, Root([9; 32]), text, "a").map(|manifest| manifest.media_type);
        for bad in ["text", "text/\u{e9}", "text/\n", &format!("text/{}", "x".repeat(251))] {
            assert_eq!(typed(bad), Err(ManifestError::MediaType), "{bad:?}");
        }
        for good in ["", "text/plain", "text/plain; charset=utf-8"] {
            assert_eq!(typed(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn what_is_encoded_decodes_whatever_was_put_in() {
        let long = "n".repeat(70_000);
        let (root, name) = (Root([9; 32]), format!("a/{long}"));
        let raw = Manifest { length: 5, root, kind: Kind::File, media_type: "no type".into(), name };
        let decoded = Manifest::decode(&raw.encode()).expect("it was made to fit");
        assert_eq!((decoded.media_type.as_str(), decoded.name.as_str()), ("", &long[..255]));
    }

    #[test]
    fn any_file_gets_a_name_that_a_manifest_can_hold() {
        assert_eq!(file_name("C:\\birds\\starling.png"), "starling.png");
        assert_eq!(file_name("../.."), NAMELESS);
        assert_eq!(file_name("a\u{202e}b\n.txt"), "ab.txt");
        assert_eq!(file_name(""), NAMELESS);
        let long = format!("{}.jpeg", "椋".repeat(200));
        let cut = file_name(&long);
        assert!(cut.ends_with(".jpeg") && cut.len() > 250 && cut.len() <= 255, "{}", cut.len());
    }

    proptest! {
    #![proptest_config(crate::cases(256))]

        #[test]
        fn prop_any_bytes_are_a_manifest_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(manifest) = Manifest::decode(&bytes) {
                prop_assert_eq!(manifest.encode(), bytes);
            }
        }

        #[test]
        fn prop_changed_bytes_never_keep_their_id(at in 0usize..60, bit in 0u8..8) {
            let mut bytes = bird().encode();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(manifest) = Manifest::decode(&bytes) {
                prop_assert_ne!(manifest.id(), bird().id());
                prop_assert_eq!(manifest.encode(), bytes);
            }
        }

        #[test]
        fn prop_file_names_always_fit(name in ".{0,400}") {
            prop_assert_eq!(check_name(&file_name(&name)), Ok(()));
        }
    }
}
