//! Reads of shared files, a chunk at a time.
//!
//! Consumers ask for groups as their windows open, mostly one after the other within a chunk. In a page, every slice of a
//! file is a question to the browser's process that the thread waits for, whatever its length, so the chunk is read at
//! once and its groups are handed out of it.
//!
//! Invariant: at most [`CHUNKS_MAX`] chunks stay, and none after its last byte was handed out. Nothing is checked here:
//! whoever encodes the bytes verifies them, so a file that changed is noticed as it was before.

use super::{ANSWER_WITHIN, within};
use crate::platform::{self, FileHandle};
use bytes::Bytes;
use content::{CHUNK_LEN, Root};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, Shared};
use protocol::Code;
use std::collections::VecDeque;
use std::ops::Range;

/// Chunks kept for groups not yet asked for: 4 MiB, two for each of the reads that may be under way.
const CHUNKS_MAX: usize = 16;

const CHUNK: u64 = CHUNK_LEN as u64;

/// Chunks of files that are being read or were read in part, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    chunks: VecDeque<(Root, u64, Chunk)>,
}

/// The answer, for everybody who waits for some of it.
type Chunk = Shared<oneshot::Receiver<Result<Bytes, Code>>>;

impl ReadAhead {
    /// The bytes of `range` of a file that is `length` long.
    ///
    /// # Errors
    /// Those of [`FileHandle::read`].
    pub(crate) fn read(
        &mut self,
        root: Root,
        file: &FileHandle,
        length: u64,
        range: Range<u64>,
    ) -> impl Future<Output = Result<Bytes, Code>> + use<> {
        let number = range.start / CHUNK;
        let place = number * CHUNK..((number + 1) * CHUNK).min(length);
        if range.end > place.end {
            // Over the border of two chunks: wants that were merged.
            let file = file.clone();
            return Either::Left(async move { within(ANSWER_WITHIN, file.read(range)).await });
        }
        let chunk = self.chunk(root, number, file, place.clone());
        if range.end == place.end {
            self.chunks.retain(|(of, other, _)| (*of, *other) != (root, number));
        }
        Either::Right(async move {
            let bytes = chunk.await.unwrap_or(Err(Code::StorageRefused))?;
            Ok(bytes.slice((range.start - place.start) as usize..(range.end - place.start) as usize))
        })
    }

    /// The file of this content is another one from now on, or gone.
    pub(crate) fn forget(&mut self, root: Root) {
        self.chunks.retain(|(of, _, _)| *of != root);
    }

    fn chunk(&mut self, root: Root, number: u64, file: &FileHandle, place: Range<u64>) -> Chunk {
        // A file that could not be read may be readable again.
        self.chunks.retain(|(_, _, chunk)| !matches!(chunk.peek(), Some(Ok(Err(_)) | Err(_))));
        if let Some((_, _, chunk)) = self.chunks.iter().find(|(of, other, _)| (*of, *other) == (root, number)) {
            return chunk.clone();
        }
        let (sender, answer) = oneshot::channel();
        let file = file.clone();
        // Whoever asked may be gone; the next one finds it read.
        platform::spawn(async move { drop(sender.send(within(ANSWER_WITHIN, file.read(place)).await)) });
        let chunk = answer.shared();
        if self.chunks.len() == CHUNKS_MAX {
            self.chunks.pop_front();
        }
        self.chunks.push_back((root, number, chunk.clone()));
        chunk
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use content::GROUP_LEN;

    const ROOT: Root = Root([7; 32]);
    const GROUP: u64 = GROUP_LEN as u64;

    fn pattern(length: u64) -> Vec<u8> {
        (0..length).map(|i| (i % 251) as u8).collect()
    }

    #[tokio::test]
    async fn every_group_is_the_file_s_and_nothing_stays() {
        let length = 2 * CHUNK + GROUP + 5;
        let (file, whole) = (FileHandle::Memory(pattern(length).into()), pattern(length));
        let mut ahead = ReadAhead::default();
        for start in (0..length).step_by(GROUP as usize) {
            let end = (start + GROUP).min(length);
            let bytes = ahead.read(ROOT, &file, length, start..end).await.expect("it is in memory");
            assert_eq!(bytes, whole[start as usize..end as usize], "from {start}");
            assert!(ahead.chunks.len() <= 1);
        }
        assert!(ahead.chunks.is_empty());
        let across = ahead.read(ROOT, &file, length, CHUNK - GROUP..CHUNK + GROUP).await.expect("it is in memory");
        assert_eq!(across, whole[(CHUNK - GROUP) as usize..(CHUNK + GROUP) as usize]);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_forgotten_with_its_content() {
        let length = 40 * CHUNK;
        let file = FileHandle::Memory(pattern(length).into());
        let mut ahead = ReadAhead::default();
        for chunk in 0..40 {
            drop(ahead.read(ROOT, &file, length, chunk * CHUNK..chunk * CHUNK + GROUP));
        }
        assert_eq!(ahead.chunks.len(), CHUNKS_MAX);
        ahead.forget(ROOT);
        assert!(ahead.chunks.is_empty());
    }

    #[tokio::test]
    async fn failure_is_not_remembered() {
        let (bad, good) = (FileHandle::Memory(Bytes::new()), FileHandle::Memory(pattern(CHUNK).into()));
        let mut ahead = ReadAhead::default();
        let failed = ahead.read(ROOT, &bad, CHUNK, 0..GROUP).await;
        assert_eq!(failed, Err(Code::StorageRefused));
        let read = ahead.read(ROOT, &good, CHUNK, 0..GROUP);
        assert_eq!(read.await.map(|bytes| bytes.len() as u64), Ok(GROUP));
    }
}
