//! Opening a content in the store worker: its turn among the tabs of this person, its files, and the proof of what is
//! there.
//!
//! One tab at a time has a content open: the one that holds its lock. A tab that is gone, however it went, holds none, and
//! the next in line proves what it finds.

use super::locks::TabLock;
use super::opfs::{self, BYTES, DiskError, JOURNAL, MANIFEST, OpenFile, Shelf};
use bytes::{Buf, BytesMut};
use content::{Kept, Manifest, Record, Recovery, Root, group_count, room_for};
use futures_timer::Delay;
use js_sys::Uint8Array;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Bytes of the journal that are read at once; more than the longest record.
const JOURNAL_SLICE: usize = 64 * 1024;
/// Bytes that are proved before others have their turn: some twenty milliseconds.
const PROVED_AT_ONCE: u64 = 16 * 1024 * 1024;
/// The lock of a tab that has just gone may be free before its files are.
const FILES_RETRY: Duration = Duration::from_millis(50);
const FILES_RETRIES_MAX: u32 = 40;

/// A content that misses something.
pub(super) struct OpenContent {
    pub(super) bytes: OpenFile,
    pub(super) journal: OpenFile,
    pub(super) journal_len: u64,
    pub(super) groups_missing: u32,
    /// Last, so that the files are closed when it is free.
    lock: TabLock,
}

impl OpenContent {
    /// Closes the files; the turn stays ours.
    pub(super) fn close(self) -> TabLock {
        let Self { bytes, journal, lock, .. } = self;
        drop((bytes, journal));
        lock
    }
}

/// Whether a content that is being opened is still asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Still {
    #[default]
    Wanted,
    /// Somebody asked again.
    Superseded,
    /// Nobody wants anything of it to stay.
    Unwanted,
}

/// The line to one that is being opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Opening(Rc<Cell<Still>>);

impl Opening {
    pub(super) fn is(&self, still: Still) {
        self.0.set(still);
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    fn check(&self) -> Result<(), DiskError> {
        if self.0.get() == Still::Wanted { Ok(()) } else { Err(DiskError::NotFound) }
    }
}

/// A content to be opened.
pub(super) struct Reservation {
    pub(super) number: u64,
    pub(super) root: Root,
    pub(super) canonical: Uint8Array,
    /// Until no other tab has it open.
    pub(super) waits: bool,
    /// Our turn, if we have it already.
    pub(super) lock: Option<TabLock>,
    pub(super) opening: Opening,
}

/// What came of it.
pub(super) struct Opened {
    pub(super) number: u64,
    pub(super) root: Root,
    pub(super) opening: Opening,
    pub(super) outcome: Result<(OpenContent, Kept), DiskError>,
}

/// Our turn with a content.
pub(super) fn lock(root: Root, waits: bool) -> impl Future<Output = Option<TabLock>> {
    TabLock::request(&format!("starling-1/{}", opfs::name_of(root)), waits)
}

impl Reservation {
    /// Finds what is there, proves it, and opens the rest for writing.
    pub(super) async fn open(self) -> Opened {
        let Self { number, root, canonical, waits, lock, opening } = self;
        let outcome = open_in_turn(root, &canonical, waits, lock, &opening).await;
        Opened { number, root, opening, outcome }
    }
}

async fn open_in_turn(
    root: Root,
    canonical: &Uint8Array,
    waits: bool,
    held: Option<TabLock>,
    opening: &Opening,
) -> Result<(OpenContent, Kept), DiskError> {
    let manifest = Manifest::decode(&canonical.to_vec()).map_err(|_| DiskError::Refused)?;
    let lock = match held {
        Some(lock) => lock,
        None => lock(root, waits).await.ok_or(DiskError::Elsewhere)?,
    };
    opening.check()?;
    let known = opfs::file_of(Shelf::Fetched, root, MANIFEST).await.is_ok();
    let needed = room_for(manifest.length);
    // What is known has its room already.
    if let Some(room) = opfs::room().await.filter(|room| !known && *room < needed) {
        return Err(DiskError::Full { short: needed - room });
    }
    let opened = open(&manifest, (!known).then_some(canonical), lock, opening).await;
    let opened = opened.map_err(|error| match error {
        DiskError::Full { short: 0 } => DiskError::Full { short: needed },
        other => other,
    });
    let spoiled = matches!(opened, Err(error) if !known && error != DiskError::Busy);
    if opening.0.get() != Still::Unwanted && !spoiled {
        return opened;
    }
    // Our turn lasts until it is gone. That it cannot be removed changes nothing: the next visit finds it and says so.
    let (error, _lock) = match opened {
        Ok((content, _)) => (DiskError::NotFound, Some(content.close())),
        Err(error) => (error, None),
    };
    let _ = opfs::remove(Shelf::Fetched, root).await;
    Err(error)
}

/// Opens the files of a content, makes room for all of it, and proves what is there.
async fn open(
    manifest: &Manifest,
    unwritten: Option<&Uint8Array>,
    lock: TabLock,
    opening: &Opening,
) -> Result<(OpenContent, Kept), DiskError> {
    let folder = opfs::folder_of(Shelf::Fetched, manifest.root, true).await?;
    let mut tries = 0;
    let bytes = loop {
        match OpenFile::open(&folder, BYTES).await {
            Err(DiskError::Busy) if tries < FILES_RETRIES_MAX => {
                tries += 1;
                Delay::new(FILES_RETRY).await;
            }
            opened => break opened?,
        }
    };
    let journal = OpenFile::open(&folder, JOURNAL).await?;
    // All the room is taken now, so that a content that does not fit says so before its first byte is fetched.
    if bytes.len()? != manifest.length {
        bytes.resize(manifest.length)?;
    }
    let (kept, journal_len) = prove(manifest, &bytes, &journal, opening).await?;
    // Behind a torn record nothing could be found again.
    journal.resize(journal_len)?;
    if let Some(canonical) = unwritten {
        // Last: a folder without it is no content.
        let file = OpenFile::open(&folder, MANIFEST).await?;
        file.write_js(0, canonical)?;
        file.flush()?;
    }
    let groups_missing = group_count(manifest.length) - kept.held.ones();
    Ok((OpenContent { bytes, journal, journal_len, groups_missing, lock }, kept))
}

/// Proves every record of the journal against the bytes in its place; returns where the last whole record ends.
async fn prove(
    manifest: &Manifest,
    bytes: &OpenFile,
    journal: &OpenFile,
    opening: &Opening,
) -> Result<(Kept, u64), DiskError> {
    let mut recovery = Recovery::new(manifest);
    let (len, mut read_to, mut proved_to) = (journal.len()?, 0, 0);
    let mut window = BytesMut::new();
    let mut at_once = 0;
    loop {
        let slice = (len - read_to).min(JOURNAL_SLICE as u64) as usize;
        let before = window.len();
        window.resize(before + slice, 0);
        if !journal.read(read_to, &mut window[before..])? {
            return Err(DiskError::Refused);
        }
        read_to += slice as u64;
        let mut rest = window.split().freeze();
        while let Some((record, taken)) = Record::decode(&rest) {
            if record.range.is_within(manifest.length) {
                let place = record.range.byte_range(manifest.length);
                at_once += place.end - place.start;
                let mut found = BytesMut::zeroed((place.end - place.start) as usize);
                if bytes.read(place.start, &mut found)? {
                    recovery.replay(&record, &found.freeze());
                }
            }
            rest.advance(taken);
            proved_to += taken as u64;
            if at_once >= PROVED_AT_ONCE {
                at_once = 0;
                Delay::new(Duration::ZERO).await;
                opening.check()?;
            }
        }
        if read_to == len {
            return Ok((recovery.finish(), proved_to));
        }
        window.extend_from_slice(&rest);
    }
}
