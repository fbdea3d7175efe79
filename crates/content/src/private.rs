//! Content that only those with the link can read.
//!
//! The bytes are encrypted before they are hashed. Tree, root, manifest and id are those of the encrypted bytes, so
//! whoever passes them on proves and serves them like any others, without the key. The key stands in the link's
//! fragment (`/#/get/<id>~<key>`), which no browser sends anywhere.
//!
//! Each group is sealed by itself, 16,368 bytes of plain text and a tag of 16 make one group of 16 KiB: any
//! group can be opened alone, and the groups on the wire stay where they are. ChaCha20-Poly1305 (RFC 8439) with the
//! group's number as the nonce, under keys derived from the link's key for this purpose alone.
//!
//! Invariants:
//! - A key seals one content and is never used again, or two contents would meet under one nonce: [`LinkKey`] comes
//!   from fresh randomness at each share. A file that changes while it is shared does not break this: its newly
//!   sealed groups no longer match the tree, and only groups that match leave the tab.
//! - Exact length, kind, media type and name are in the sealed details, which are always equally long. The encrypted
//!   length is padded to a few sizes (Padmé), at most 12 % above and less for long contents.
//! - A content opens under one key only: the manifest commits to it. A link with another key is refused before
//!   anything is fetched.
//!
//! Not hidden: roughly how long it is, who has it, who fetches it.
//!
//! Sources: RFC 8439; Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs"
//! (2019), section 4 (Padmé); Albertini et al., "How to Abuse and Fix Authenticated Encryption Without Key Commitment".

use crate::layout::LENGTH_MAX;
use crate::manifest::{
    MEDIA_TYPE_LEN_MAX, NAME_LEN_MAX, check_index, check_media_type, check_name, file_name, media_type, push_text,
    split_text,
};
use crate::{GROUP_LEN, GroupRange, Kind, Manifest, ManifestError, Root};
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use cid::multibase::Base;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

/// Bytes of an authentication tag.
const TAG_LEN: usize = 16;

/// Bytes of plain text in a group.
pub const PLAIN_LEN: u32 = GROUP_LEN - TAG_LEN as u32;

/// Bytes that tell whether a key is the right one.
pub(crate) const CHECK_LEN: usize = 32;

/// Bytes of the details before they are sealed: the longest there are, and zeros behind all others.
const DETAILS_LEN: usize = 8 + 4 + 2 + MEDIA_TYPE_LEN_MAX + 2 + NAME_LEN_MAX + 2;

/// Bytes of the sealed details.
pub(crate) const SEALED_LEN: usize = DETAILS_LEN + TAG_LEN;

/// Characters of a key in a link: 32 bytes in base32 without padding.
pub const KEY_CHARS: usize = 52;

// What each derived key is for (BLAKE3's derive_key contexts).
const FOR_GROUPS: &str = "starling 2026-11 private content: groups";
const FOR_DETAILS: &str = "starling 2026-11 private content: details";
const FOR_CHECK: &str = "starling 2026-11 private content: check";

/// The secret half of a private link. Whoever has it can read the content.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey([u8; 32]);

/// Why a text is not a [`LinkKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key of {KEY_CHARS} characters in lower-case base32")]
pub struct KeyError;

/// Why sealed bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateError {
    /// The link's key is not the one of this content.
    #[error("not the key of this content")]
    WrongKey,
    /// There is nothing sealed here.
    #[error("not a private content")]
    NotPrivate,
    /// Not a whole number of groups.
    #[error("{found} bytes are not whole groups")]
    Length {
        /// Bytes given.
        found: usize,
    },
    /// Whoever sealed it had the key and sealed something else in this place.
    #[error("group {group} does not open")]
    Group {
        /// Its number.
        group: u32,
    },
    /// The details open and are none.
    #[error("the sealed details are none")]
    Details,
}

/// What a content is to those who can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Bytes of the plain content.
    pub length: u64,
    /// Bytes of the index, when it is a folder.
    pub index_len: Option<u32>,
    /// As in a manifest.
    pub media_type: String,
    /// As in a manifest.
    pub name: String,
}

/// The part of a private manifest that stands for what it hides.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    check: [u8; CHECK_LEN],
    details: [u8; SEALED_LEN],
}

/// Seals and opens one content.
#[derive(Clone)]
pub struct Cipher {
    groups: ChaCha20Poly1305,
    details: ChaCha20Poly1305,
    check: [u8; CHECK_LEN],
}

impl LinkKey {
    /// From 32 bytes of fresh randomness: one key, one content.
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// The bytes, to keep with the content it is for.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(..)")
    }
}

impl fmt::Display for LinkKey {
    /// As it stands in a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base::Base32Lower.encode(self.0))
    }
}

impl FromStr for LinkKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = if text.len() == KEY_CHARS { Base::Base32Lower.decode(text) } else { return Err(KeyError) };
        let key = bytes.ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(KeyError)?;
        if key.to_string() == text { Ok(key) } else { Err(KeyError) }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

impl Sealed {
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.check);
        bytes.extend_from_slice(&self.details);
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (check, rest) = bytes.split_first_chunk()?;
        let (details, rest) = rest.split_first_chunk()?;
        Some((Self { check: *check, details: *details }, rest))
    }
}

impl Cipher {
    /// For the content that this key is for.
    pub fn new(key: &LinkKey) -> Self {
        let derived = |purpose| ChaCha20Poly1305::new(&blake3::derive_key(purpose, &key.0).into());
        Self {
            groups: derived(FOR_GROUPS),
            details: derived(FOR_DETAILS),
            check: blake3::derive_key(FOR_CHECK, &key.0),
        }
    }

    /// Seals plain text that starts at group `first`. The last group is filled up with zeros, so that what comes
    /// out is whole groups; `groups` more than `plain` fills are zeros alone.
    pub fn seal(&self, range: GroupRange, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(range.count as usize * GROUP_LEN as usize);
        let mut parts = plain.chunks(PLAIN_LEN as usize);
        for group in range.first..range.end() {
            let start = sealed.len();
            sealed.extend_from_slice(parts.next().unwrap_or_default());
            sealed.resize(start + PLAIN_LEN as usize, 0);
            let tag = self
                .groups
                .encrypt_in_place_detached(&nonce(group), &[], &mut sealed[start..])
                .expect("a group is far below the cipher's limit of 256 GiB");
            sealed.extend_from_slice(&tag);
        }
        sealed
    }

    /// Opens whole groups from `first` on. The plain text ends in the padding's zeros, if these are the last groups.
    ///
    /// # Errors
    /// `Length` for anything but whole groups, `Group` for the first that was not sealed in its place with this key.
    pub fn open(&self, first: u32, sealed: &[u8]) -> Result<Vec<u8>, PrivateError> {
        let (groups, rest) = sealed.as_chunks::<{ GROUP_LEN as usize }>();
        if !rest.is_empty() {
            return Err(PrivateError::Length { found: sealed.len() });
        }
        let mut plain = Vec::with_capacity(groups.len() * PLAIN_LEN as usize);
        for (bytes, at) in groups.iter().zip(0u32..) {
            let group = first.checked_add(at).ok_or(PrivateError::Length { found: sealed.len() })?;
            let (text, tag) = bytes.split_at(PLAIN_LEN as usize);
            let start = plain.len();
            plain.extend_from_slice(text);
            self.groups
                .decrypt_in_place_detached(&nonce(group), &[], &mut plain[start..], Tag::from_slice(tag))
                .map_err(|_| PrivateError::Group { group })?;
        }
        Ok(plain)
    }

    /// The manifest of a content whose sealed bytes, `length` of them, have this root.
    ///
    /// # Errors
    /// As for any manifest. Texts that a manifest cannot hold are changed as [`Manifest::of_file`] does.
    pub fn manifest(&self, length: u64, root: Root, details: &Details) -> Result<Manifest, ManifestError> {
        let mut sealed = [0; SEALED_LEN];
        let plain = details.encode();
        sealed[..plain.len()].copy_from_slice(&plain);
        let (text, tag) = sealed.split_at_mut(DETAILS_LEN);
        let made = self
            .details
            .encrypt_in_place_detached(&nonce(0), &bound_to(length, root), text)
            .expect("the details are far below the cipher's limit");
        tag.copy_from_slice(&made);
        Manifest::new_private(length, root, Sealed { check: self.check, details: sealed })
    }

    /// What `manifest` hides.
    ///
    /// # Errors
    /// `WrongKey` when it is another content's key, `Details` when the sharer sealed nonsense.
    pub fn details(&self, manifest: &Manifest) -> Result<Details, PrivateError> {
        let Kind::Private(sealed) = &manifest.kind else { return Err(PrivateError::NotPrivate) };
        if sealed.check != self.check {
            return Err(PrivateError::WrongKey);
        }
        let (text, tag) = sealed.details.split_at(DETAILS_LEN);
        let mut text = text.to_vec();
        self.details
            .decrypt_in_place_detached(
                &nonce(0),
                &bound_to(manifest.length, manifest.root),
                &mut text,
                Tag::from_slice(tag),
            )
            .map_err(|_| PrivateError::Details)?;
        let details = Details::decode(&text).ok_or(PrivateError::Details)?;
        if sealed_len(details.length) == Some(manifest.length) { Ok(details) } else { Err(PrivateError::Details) }
    }
}

impl Details {
    /// At most [`DETAILS_LEN`] bytes; what follows them is zeros.
    ///
    /// ```text
    /// length u64 | bytes of the index u32, 0 for one file | media type: u16 length, ASCII | name: u16 length, UTF-8
    /// ```
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(DETAILS_LEN);
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.index_len.unwrap_or(0).to_le_bytes());
        push_text(&mut bytes, media_type(&self.media_type));
        push_text(&mut bytes, &file_name(&self.name));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (index_len, rest) = rest.split_first_chunk()?;
        let (media_type, rest) = split_text(rest)?;
        let (name, rest) = split_text(rest)?;
        let (media_type, name) = (core::str::from_utf8(media_type).ok()?, core::str::from_utf8(name).ok()?);
        let (length, index_len) = (u64::from_le_bytes(*length), u32::from_le_bytes(*index_len));
        let index_len = (index_len > 0).then_some(index_len);
        check_media_type(media_type).ok()?;
        check_name(name).ok()?;
        if let Some(index_len) = index_len {
            check_index(index_len, length).ok()?;
        }
        let zeros = rest.iter().all(|&byte| byte == 0);
        zeros.then(|| Self { length, index_len, media_type: media_type.to_owned(), name: name.to_owned() })
    }
}

/// Bytes of a content of `length` once sealed and padded; `None` when that is more than we share.
pub fn sealed_len(length: u64) -> Option<u64> {
    let groups = padded(length.div_ceil(u64::from(PLAIN_LEN)).max(1))?;
    groups.checked_mul(u64::from(GROUP_LEN)).filter(|&sealed| sealed <= LENGTH_MAX)
}

/// The groups that hold these bytes of the plain content.
pub fn groups_of(plain: Range<u64>) -> GroupRange {
    let group = |offset: u64| u32::try_from(offset / u64::from(PLAIN_LEN)).unwrap_or(u32::MAX);
    let first = group(plain.start);
    if plain.is_empty() { GroupRange::new(first, 0) } else { GroupRange::new(first, group(plain.end - 1) - first + 1) }
}

/// The bytes of the plain content, `length` in all, that these groups hold.
pub fn plain_range(range: GroupRange, length: u64) -> Range<u64> {
    let at = |group: u32| (u64::from(group) * u64::from(PLAIN_LEN)).min(length);
    at(range.first)..at(range.end())
}

/// Padmé: of `n`, only the exponent and as many bits as the exponent is long are kept; the rest is rounded up.
fn padded(n: u64) -> Option<u64> {
    let exponent = n.ilog2();
    let kept = exponent.checked_ilog2().map_or(0, |log| log + 1);
    let mask = (1u64 << exponent.saturating_sub(kept)) - 1;
    Some(n.checked_add(mask)? & !mask)
}

/// A number stands for itself once under each key.
fn nonce(group: u32) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..4].copy_from_slice(&group.to_le_bytes());
    nonce
}

/// Sealed details belong to one content's bytes and open beside no others.
fn bound_to(length: u64, root: Root) -> [u8; 40] {
    let mut bound = [0; 40];
    bound[..8].copy_from_slice(&length.to_le_bytes());
    bound[8..].copy_from_slice(&root.0);
    bound
}

#[cfg(test)]
mod tests;
