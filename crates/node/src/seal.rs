//! Private content at the edge: a file sealed as it is read, and a fetched content opened as it is read.
//!
//! What is hashed, stored and served are sealed bytes; plain text exists in the sharer's file and in what the person
//! saves. Reads of sealed files are of whole groups, which is what hashing and serving ask for.

use crate::platform::FileHandle;
use bytes::Bytes;
use content::{Cipher, Details, GROUP_LEN, GroupRange, Kind, LinkKey, Manifest, ManifestError, Root, private};
use protocol::Code;
use std::ops::Range;
use std::sync::Arc;

/// How one file of the person's is sealed.
#[derive(Debug)]
pub(crate) struct Seal {
    key: LinkKey,
    cipher: Cipher,
    plain_len: u64,
    sealed_len: u64,
}

impl Seal {
    /// A seal with a fresh key for a file of `plain_len` bytes.
    ///
    /// # Errors
    /// `StorageRefused` without randomness, `LimitReached` when the file is longer than what we share.
    pub(crate) fn fresh(plain_len: u64) -> Result<Arc<Self>, Code> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| Code::StorageRefused)?;
        Self::with_key(LinkKey::new(random), plain_len)
    }

    pub(crate) fn with_key(key: LinkKey, plain_len: u64) -> Result<Arc<Self>, Code> {
        let sealed_len = private::sealed_len(plain_len).ok_or(Code::LimitReached)?;
        Ok(Arc::new(Self { cipher: Cipher::new(&key), key, plain_len, sealed_len }))
    }

    pub(crate) fn key(&self) -> &LinkKey {
        &self.key
    }

    /// Bytes once sealed.
    pub(crate) fn len(&self) -> u64 {
        self.sealed_len
    }

    /// The groups that a read of sealed bytes is for, and the plain bytes they are made of.
    ///
    /// # Errors
    /// `StorageRefused` for anything but whole groups, which nothing here asks for.
    pub(crate) fn plain(&self, sealed: Range<u64>) -> Result<(GroupRange, Range<u64>), Code> {
        let group_len = u64::from(GROUP_LEN);
        if !sealed.start.is_multiple_of(group_len) || !sealed.end.is_multiple_of(group_len) {
            return Err(Code::StorageRefused);
        }
        let group = |offset: u64| u32::try_from(offset / group_len).map_err(|_| Code::StorageRefused);
        let first = group(sealed.start)?;
        let range = GroupRange::new(first, group(sealed.end)?.saturating_sub(first));
        Ok((range, private::plain_range(range, self.plain_len)))
    }

    pub(crate) fn seal(&self, range: GroupRange, plain: &[u8]) -> Bytes {
        self.cipher.seal(range, plain).into()
    }
}

/// The manifest of a file that was hashed, sealed or not, and the key that its link needs.
///
/// # Errors
/// When the values make no manifest: the file is longer than we share, or its index longer than it.
pub(crate) fn manifest(
    file: &FileHandle,
    root: Root,
    index_len: Option<u32>,
    media_type: String,
    name: &str,
) -> Result<(Manifest, Option<LinkKey>), ManifestError> {
    let name = content::manifest::file_name(name);
    if let Some(seal) = file.seal() {
        let details = Details { length: seal.plain_len, index_len, media_type, name };
        let manifest = seal.cipher.manifest(seal.sealed_len, root, &details)?;
        return Ok((manifest, Some(seal.key().clone())));
    }
    let length = file.len();
    let manifest = match index_len {
        Some(index_len) => Manifest::new_folder(length, root, index_len, &name)?,
        None => Manifest { length, root, kind: Kind::File, media_type, name },
    };
    Ok((manifest, None))
}

/// A content that is here, as the person may read it.
#[derive(Debug)]
pub(crate) struct Whole {
    file: FileHandle,
    opens: Option<Cipher>,
    details: Details,
}

impl Whole {
    /// `file` holds all bytes of a content with these details; `key` opens them if they are private.
    pub(crate) fn new(file: FileHandle, details: Details, key: Option<LinkKey>) -> Self {
        match file.unsealed() {
            // The person's own file is plain text already.
            Some(plain) => Self { file: plain, opens: None, details },
            None => Self { file, opens: key.as_ref().map(Cipher::new), details },
        }
    }

    pub(crate) fn details(&self) -> &Details {
        &self.details
    }

    /// The file itself, if it is plain text.
    pub(crate) fn plain(&self) -> Option<&FileHandle> {
        self.opens.is_none().then_some(&self.file)
    }

    /// Plain bytes.
    ///
    /// # Errors
    /// The code of a read that failed; `BadManifest` when a group was not sealed with the key it is to be opened with.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, Code> {
        let Some(cipher) = &self.opens else { return self.file.read(range).await };
        let groups = private::groups_of(range.clone());
        let sealed = self.file.read(groups.byte_range(self.file.len())).await?;
        let plain = cipher.open(groups.first, &sealed).map_err(|_| Code::BadManifest)?;
        let start = private::plain_range(groups, self.details.length).start;
        let at = |offset: u64| usize::try_from(offset - start).map_err(|_| Code::StorageRefused);
        if range.is_empty() { Ok(Bytes::new()) } else { Ok(Bytes::from(plain).slice(at(range.start)?..at(range.end)?)) }
    }
}

/// How the groups of a content are read as plain bytes.
#[derive(Debug)]
pub(crate) struct Plain {
    length: u64,
    opens: Option<Cipher>,
}

impl Plain {
    /// For a content of `length` plain bytes, sealed with `key` if there is one.
    pub(crate) fn new(length: u64, key: Option<&LinkKey>) -> Self {
        Self { length, opens: key.map(Cipher::new) }
    }

    fn group_len(&self) -> u64 {
        u64::from(if self.opens.is_some() { private::PLAIN_LEN } else { GROUP_LEN })
    }

    /// The group that holds the plain byte at `at`.
    pub(crate) fn group_at(&self, at: u64) -> u32 {
        u32::try_from(at / self.group_len()).unwrap_or(u32::MAX)
    }

    /// The plain bytes from `at` on that `stored`, the groups of `range`, hold.
    ///
    /// # Errors
    /// `BadManifest` when a group was not sealed with the key it is to be opened with.
    pub(crate) fn open(&self, range: GroupRange, stored: &Bytes, at: u64) -> Result<Bytes, Code> {
        let mut bytes = match &self.opens {
            Some(cipher) => cipher.open(range.first, stored).map_err(|_| Code::BadManifest)?.into(),
            None => stored.clone(),
        };
        let start = u64::from(range.first) * self.group_len();
        // Behind the end of what was sealed are zeros.
        bytes.truncate(usize::try_from(self.length.saturating_sub(start)).unwrap_or(usize::MAX));
        let skip = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
        Ok(bytes.slice(skip.min(bytes.len())..))
    }
}
