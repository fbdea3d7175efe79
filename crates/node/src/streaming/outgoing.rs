//! The bytes of an answer, piece by piece: a part of one file, or an archive of several.
//!
//! Nothing is kept but the piece at hand, so that a folder of any size is saved through a few hundred kilobytes of
//! memory. An archive's length is known before its first byte, because its files are stored as they are.

use super::{Reader, Window};
use crate::platform;
use archive::Zip;
use bytes::{Bytes, BytesMut};
use content::names;
use core::ops::Range;
use protocol::Code;
use std::collections::VecDeque;

/// Small files are gathered into pieces of this size: each piece costs a message to the service worker and back.
const PIECE_LEN: usize = 256 * 1024;

/// One file of an archive, or of a folder that is written to disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Where it goes: portable names joined by `/`; with one at the end for a folder with nothing in it.
    pub place: String,
    /// Its bytes in the item.
    pub range: Range<u64>,
}

/// What is still to be sent.
#[derive(Debug)]
pub enum Outgoing {
    /// A part of one file.
    Bytes {
        /// The file.
        reader: Reader,
        /// What is left of the part.
        range: Range<u64>,
    },
    /// Several files.
    Archive(Archiving),
}

impl Outgoing {
    /// Where the next bytes are in what its reader reads, for whoever fetches ahead of it.
    pub fn at(&self) -> (&Reader, u64) {
        match self {
            Self::Bytes { reader, range } => (reader, range.start),
            Self::Archive(archiving) => (&archiving.window.reader, archiving.at()),
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, Code> {
        match self {
            Self::Bytes { range, .. } if range.is_empty() => Ok(None),
            Self::Bytes { reader, range } => {
                let mut bytes = reader.read(range.start).await?;
                bytes.truncate(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
                range.start += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Self::Archive(archiving) => archiving.next().await,
        }
    }
}

/// An archive on its way.
#[derive(Debug)]
pub struct Archiving {
    window: Window,
    parts: VecDeque<Placed>,
    /// What is left of the file that was begun.
    open: Option<Range<u64>>,
    /// Gone once it is finished.
    zip: Option<Zip>,
}

impl Archiving {
    /// The archive of these files of `reader`'s folder.
    pub fn new(reader: Reader, parts: Vec<Placed>) -> Self {
        Self { window: Window::new(reader), parts: parts.into(), open: None, zip: Some(Zip::new()) }
    }

    fn at(&self) -> u64 {
        let next = self.open.as_ref().or(self.parts.front().map(|part| &part.range));
        next.map_or(0, |range| range.start)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Code> {
        let mut piece = BytesMut::new();
        while piece.len() < PIECE_LEN
            && let Some(zip) = &mut self.zip
        {
            // Places are safe names, each given once, and lengths are what the index says: no archive refuses them.
            let wrong = |_| Code::BadManifest;
            match self.open.take() {
                Some(left) if left.is_empty() => piece.extend_from_slice(&zip.end().map_err(wrong)?),
                Some(left) => {
                    let bytes = self.window.read(left.clone()).await?;
                    zip.pass(&bytes).map_err(wrong)?;
                    piece.extend_from_slice(&bytes);
                    self.open = Some(left.start + bytes.len() as u64..left.end);
                }
                None => match self.parts.pop_front() {
                    Some(Placed { place, range }) => {
                        piece.extend_from_slice(&zip.begin(&place, range.end - range.start).map_err(wrong)?);
                        self.open = Some(range);
                    }
                    None => {
                        let zip = self.zip.take().expect("the loop ends with the archive");
                        piece.extend_from_slice(&zip.finish().map_err(wrong)?);
                    }
                },
            }
        }
        Ok((!piece.is_empty()).then(|| piece.freeze()))
    }
}

/// Bytes of the archive of these parts.
pub fn archive_len(parts: &[Placed]) -> u64 {
    archive::zip_len(parts.iter().map(|part| (part.place.as_str(), part.range.end - part.range.start)))
}

/// The chosen files of a folder called `name` (all for `None`), in a folder of that name. Numbers of no file are
/// left out.
pub fn parts(folder: &content::Folder, name: &str, chosen: Option<&[Range<u32>]>) -> Vec<Placed> {
    let top = names::portable(name);
    let is_chosen = |at: u32| chosen.is_none_or(|chosen| chosen.iter().any(|run| run.contains(&at)));
    let all = folder.places(platform::nfd).into_iter().zip(folder.entries()).zip(0u32..);
    all.filter(|(_, at)| is_chosen(*at))
        .map(|((place, entry), _)| Placed { place: format!("{top}/{place}"), range: entry.byte_range() })
        .collect()
}
