//! A zip file, written while it is sent: for saving a folder where the browser has no folder to write to.
//!
//! [`Zip`] never holds a file's bytes and never goes back. It answers with what comes before a file, behind it and at the
//! end; the bytes themselves pass by, once, to be counted and summed. They are stored, not compressed: what people
//! share in bulk is compressed already, and stored files have a length that is known before the first byte
//! ([`zip_len`]), which a download needs to show how far it is.
//!
//! Sums follow each file in a data descriptor (general purpose bit 3), names are UTF-8 (bit 11), and what does not fit
//! in 32 bits is written as Zip64. Times are not kept: every file is from 1980-01-01, the first day of the format.
//!
//! Refused: names that climb, start at a root, hold a backslash, are too long, or are given twice; more or fewer
//! bytes than were announced. Which of two clashing names gives way is not decided here.
//!
//! Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;

/// Files and folders of one archive. The list of them stays in memory until the end: about 100 MiB for this many.
pub const ENTRIES_MAX: usize = 1 << 20;

/// Bytes of a name: the format counts them in 16 bits.
pub const NAME_LEN_MAX: usize = u16::MAX as usize;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END64: u32 = 0x0606_4b50;
const END64_LOCATOR: u32 = 0x0706_4b50;
const END: u32 = 0x0605_4b50;

/// Folders and data descriptors, and Zip64.
const VERSION_PLAIN: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// Made under Unix, so that the permissions below are read.
const MADE_BY: u16 = 3 << 8 | VERSION_ZIP64;

const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;

/// 1980-01-01, 00:00.
const DOS_TIME: u16 = 0;
const DOS_DATE: u16 = 1 << 5 | 1;

/// A plain file anyone may read, and a folder; the low half is what DOS calls a folder.
const FILE_ATTRIBUTES: u32 = 0o100_644 << 16;
const FOLDER_ATTRIBUTES: u32 = 0o040_755 << 16 | 0x10;

const EXTRA_ZIP64: u16 = 1;

/// Says "see the Zip64 field" where a number has no room.
const FULL32: u32 = u32::MAX;
const FULL16: u16 = u16::MAX;

/// Why an archive cannot go on like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// Climbs, starts at a root, holds a backslash or an empty component, or is too long.
    #[error("{name:?} is not a name for an archive")]
    Name {
        /// The name.
        name: String,
    },
    /// The name was given before.
    #[error("{name:?} is there already")]
    Twice {
        /// The name.
        name: String,
    },
    /// More than [`ENTRIES_MAX`].
    #[error("more than {ENTRIES_MAX} files")]
    Entries,
    /// A file began before the last one ended, or ended before it began.
    #[error("files overlap")]
    Overlap,
    /// A folder was given bytes, or a file more or fewer than announced.
    #[error("{found} bytes, expected {expected}")]
    Length {
        /// Bytes announced.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
}

/// An archive on its way.
#[derive(Debug, Default)]
pub struct Zip {
    /// Bytes before the next header.
    offset: u64,
    names: BTreeSet<String>,
    central: Vec<u8>,
    current: Option<Current>,
}

/// The file whose bytes pass by.
#[derive(Debug)]
struct Current {
    name: String,
    offset: u64,
    length: u64,
    passed: u64,
    sum: crc32fast::Hasher,
}

impl Zip {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What comes before the `length` bytes of a file called `name`, or stands for a folder when `name` ends with `/`.
    /// Components are joined by `/`.
    ///
    /// # Errors
    /// See [`ZipError`].
    pub fn begin(&mut self, name: &str, length: u64) -> Result<Vec<u8>, ZipError> {
        check_name(name)?;
        if self.current.is_some() {
            return Err(ZipError::Overlap);
        }
        if self.names.len() == ENTRIES_MAX {
            return Err(ZipError::Entries);
        }
        if is_folder(name) && length > 0 {
            return Err(ZipError::Length { expected: 0, found: length });
        }
        if !self.names.insert(name.to_owned()) {
            return Err(ZipError::Twice { name: name.to_owned() });
        }
        let header = local_header(name, length);
        let (offset, sum) = (self.offset, crc32fast::Hasher::new());
        self.offset += header.len() as u64;
        self.current = Some(Current { name: name.to_owned(), offset, length, passed: 0, sum });
        Ok(header)
    }

    /// Takes note of bytes of the current file, which are sent as they are.
    ///
    /// # Errors
    /// `Length` when they are more than announced, `Overlap` when no file has begun.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<(), ZipError> {
        let current = self.current.as_mut().ok_or(ZipError::Overlap)?;
        let passed = current.passed + bytes.len() as u64;
        if passed > current.length {
            return Err(ZipError::Length { expected: current.length, found: passed });
        }
        current.sum.update(bytes);
        current.passed = passed;
        Ok(())
    }

    /// What comes behind the bytes of the current file.
    ///
    /// # Errors
    /// `Length` when they are fewer than announced, `Overlap` when no file has begun.
    pub fn end(&mut self) -> Result<Vec<u8>, ZipError> {
        let current = self.current.take().ok_or(ZipError::Overlap)?;
        if current.passed != current.length {
            return Err(ZipError::Length { expected: current.length, found: current.passed });
        }
        let sum = current.sum.finalize();
        let descriptor = if is_folder(&current.name) { Vec::new() } else { descriptor(sum, current.length) };
        push_central(&mut self.central, &current.name, current.offset, current.length, sum);
        self.offset += current.length + descriptor.len() as u64;
        Ok(descriptor)
    }

    /// What comes behind the last file.
    ///
    /// # Errors
    /// `Overlap` while a file has not ended.
    pub fn finish(self) -> Result<Vec<u8>, ZipError> {
        if self.current.is_some() {
            return Err(ZipError::Overlap);
        }
        let mut bytes = self.central;
        let (entries, central_len) = (self.names.len() as u64, bytes.len() as u64);
        push_end(&mut bytes, entries, central_len, self.offset);
        Ok(bytes)
    }
}

/// Bytes of the archive of these files, as (name, length), from first to last.
pub fn zip_len<'a>(files: impl IntoIterator<Item = (&'a str, u64)>) -> u64 {
    let (mut offset, mut central, mut entries) = (0u64, 0u64, 0u64);
    for (name, length) in files {
        let mut header = Vec::new();
        push_central(&mut header, name, offset, length, 0);
        let behind = if is_folder(name) { 0 } else { descriptor(0, length).len() as u64 };
        offset += local_header(name, length).len() as u64 + length + behind;
        central += header.len() as u64;
        entries += 1;
    }
    let mut end = Vec::new();
    push_end(&mut end, entries, central, offset);
    offset + central + end.len() as u64
}

fn check_name(name: &str) -> Result<(), ZipError> {
    let components = name.strip_suffix('/').unwrap_or(name);
    let harmless = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    let fits = name.len() <= NAME_LEN_MAX && components.split('/').all(harmless);
    if fits { Ok(()) } else { Err(ZipError::Name { name: name.to_owned() }) }
}

fn is_folder(name: &str) -> bool {
    name.ends_with('/')
}

/// Lengths of this much and more take the wide fields.
fn is_long(length: u64) -> bool {
    length >= u64::from(FULL32)
}

fn flags(name: &str) -> u16 {
    if is_folder(name) { FLAG_UTF8 } else { FLAG_UTF8 | FLAG_DESCRIPTOR }
}

fn local_header(name: &str, length: u64) -> Vec<u8> {
    let long = is_long(length);
    let mut bytes = Vec::with_capacity(50 + name.len());
    push32(&mut bytes, LOCAL_HEADER);
    push16(&mut bytes, if long { VERSION_ZIP64 } else { VERSION_PLAIN });
    push_common(&mut bytes, name, 0);
    // Sum and lengths are in the descriptor; a field of eight bytes here says that those there are as wide.
    let in_header = if long { FULL32 } else { 0 };
    push32(&mut bytes, in_header);
    push32(&mut bytes, in_header);
    push16(&mut bytes, name_len(name));
    push16(&mut bytes, if long { 20 } else { 0 });
    bytes.extend_from_slice(name.as_bytes());
    if long {
        push16(&mut bytes, EXTRA_ZIP64);
        push16(&mut bytes, 16);
        push64(&mut bytes, 0);
        push64(&mut bytes, 0);
    }
    bytes
}

fn descriptor(sum: u32, length: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24);
    push32(&mut bytes, DESCRIPTOR);
    push32(&mut bytes, sum);
    for _stored_and_plain in 0..2 {
        match narrow(length) {
            Some(length) => push32(&mut bytes, length),
            None => push64(&mut bytes, length),
        }
    }
    bytes
}

fn push_central(bytes: &mut Vec<u8>, name: &str, offset: u64, length: u64, sum: u32) {
    let (short_length, short_offset) = (narrow(length), narrow(offset));
    let mut extra = Vec::new();
    if short_length.is_none() {
        push64(&mut extra, length);
        push64(&mut extra, length);
    }
    if short_offset.is_none() {
        push64(&mut extra, offset);
    }
    push32(bytes, CENTRAL_HEADER);
    push16(bytes, MADE_BY);
    push16(bytes, if extra.is_empty() { VERSION_PLAIN } else { VERSION_ZIP64 });
    push_common(bytes, name, sum);
    push32(bytes, short_length.unwrap_or(FULL32));
    push32(bytes, short_length.unwrap_or(FULL32));
    push16(bytes, name_len(name));
    push16(bytes, if extra.is_empty() { 0 } else { extra.len() as u16 + 4 });
    // No comment, the first disk, no hints about its text.
    bytes.extend_from_slice(&[0; 6]);
    push32(bytes, if is_folder(name) { FOLDER_ATTRIBUTES } else { FILE_ATTRIBUTES });
    push32(bytes, short_offset.unwrap_or(FULL32));
    bytes.extend_from_slice(name.as_bytes());
    if !extra.is_empty() {
        push16(bytes, EXTRA_ZIP64);
        push16(bytes, extra.len() as u16);
        bytes.extend_from_slice(&extra);
    }
}

/// Flags, method 0 (stored), time, date, sum: the part that both headers have.
fn push_common(bytes: &mut Vec<u8>, name: &str, sum: u32) {
    for field in [flags(name), 0, DOS_TIME, DOS_DATE] {
        push16(bytes, field);
    }
    push32(bytes, sum);
}

/// The end of an archive of `entries` whose list has `len` bytes and starts at `offset`.
fn push_end(bytes: &mut Vec<u8>, entries: u64, len: u64, offset: u64) {
    let short_entries = u16::try_from(entries).ok().filter(|&entries| entries < FULL16);
    if short_entries.is_none() || narrow(len).is_none() || narrow(offset).is_none() {
        push32(bytes, END64);
        // Bytes of what follows in this record.
        push64(bytes, 44);
        push16(bytes, MADE_BY);
        push16(bytes, VERSION_ZIP64);
        push64(bytes, 0);
        push64(bytes, entries);
        push64(bytes, entries);
        push64(bytes, len);
        push64(bytes, offset);
        push32(bytes, END64_LOCATOR);
        push32(bytes, 0);
        push64(bytes, offset + len);
        push32(bytes, 1);
    }
    push32(bytes, END);
    push32(bytes, 0);
    push16(bytes, short_entries.unwrap_or(FULL16));
    push16(bytes, short_entries.unwrap_or(FULL16));
    push32(bytes, narrow(len).unwrap_or(FULL32));
    push32(bytes, narrow(offset).unwrap_or(FULL32));
    push16(bytes, 0);
}

/// `number` if a field of 32 bits can hold it.
fn narrow(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|&number| number < FULL32)
}

fn name_len(name: &str) -> u16 {
    u16::try_from(name.len()).expect("a name is at most 65,535 bytes")
}

fn push16(bytes: &mut Vec<u8>, number: u16) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn push32(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn push64(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_climb_and_names_given_twice_are_refused() {
        let mut zip = Zip::new();
        for name in ["", "/", "/a", "..", "a/../b", "a//b", "a\\b", "./a", "a\0", &"n".repeat(65_536)] {
            assert_eq!(zip.begin(name, 0), Err(ZipError::Name { name: name.to_owned() }));
        }
        zip.begin("a", 0).unwrap();
        zip.end().unwrap();
        assert_eq!(zip.begin("a", 0), Err(ZipError::Twice { name: "a".to_owned() }));
    }

    #[test]
    fn bytes_are_as_many_as_were_announced() {
        let mut zip = Zip::new();
        assert_eq!(zip.begin("a/", 1), Err(ZipError::Length { expected: 0, found: 1 }));
        zip.begin("a", 3).unwrap();
        assert_eq!(zip.begin("b", 0), Err(ZipError::Overlap));
        zip.pass(b"ab").unwrap();
        assert_eq!(zip.pass(b"cd"), Err(ZipError::Length { expected: 3, found: 4 }));
        assert_eq!(zip.end(), Err(ZipError::Length { expected: 3, found: 2 }));
        assert_eq!(zip.end(), Err(ZipError::Overlap));
        assert_eq!(zip.pass(b""), Err(ZipError::Overlap));
    }

    #[test]
    fn an_archive_does_not_finish_inside_of_a_file() {
        let mut zip = Zip::new();
        zip.begin("a", 1).unwrap();
        assert_eq!(zip.finish(), Err(ZipError::Overlap));
    }

    #[test]
    fn the_length_is_known_before_the_first_byte_also_beyond_four_gibibytes() {
        let mut zip = Zip::new();
        let files = [("a/", 0), ("a/long", 5 << 30), ("b", 3), ("c", u64::from(FULL32) - 1), ("d", u64::from(FULL32))];
        let mut sent = 0;
        for (name, length) in files {
            sent += zip.begin(name, length).unwrap().len() as u64;
            // Their bytes are not summed here: what is tested is what lies around them.
            zip.current.as_mut().unwrap().passed = length;
            sent += length + zip.end().unwrap().len() as u64;
        }
        sent += zip.finish().unwrap().len() as u64;
        assert_eq!(zip_len(files), sent);
    }
}
