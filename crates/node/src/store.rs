//! Where content is: the person's own file, the store on disk, or the page's memory.
//!
//! Keeps no more than it is told to and checks nothing: bytes reach it verified, what an earlier visit left is proved
//! by whoever reads it from the disk, and both are verified again by whoever encodes them for others.
//!
//! Invariant: a content is in one place. Which one is known when the disk has answered [`Store::reserve`]; until then
//! nothing is put and nothing is read.

mod read_ahead;

use crate::platform::{self, Disk, FileHandle, Parts, Task};
use bytes::Bytes;
use content::{GroupRange, Kept, Manifest, Outboard, Record, Root};
use futures::FutureExt;
use futures::future::{Either, Ready, ready, select};
use protocol::{Code, Keeping, MEMORY_LENGTH_MAX};
use read_ahead::ReadAhead;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a read or a put may take: a disk that has to wake up answers sooner, one that does not answer at all must
/// not leave a transfer standing without a word.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What the disk said to a wish to keep a content.
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "a native node has no disk"))]
#[derive(Debug)]
pub(crate) enum Reserved {
    /// There is room, and this is there from an earlier visit.
    OnDisk(Option<Box<Kept>>),
    /// Another tab of this person has it open.
    Elsewhere,
    /// There is no disk for this content: its bytes go to memory.
    InMemory,
    /// There is a disk, and it lacks this much.
    NoRoom(u64),
    /// There is a disk, and it will not.
    Refused(Code),
}

/// An own share of an earlier visit.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    pub(crate) keeping: Keeping,
    /// Its file as it was shared, and what proves it; or why not.
    pub(crate) outcome: Result<(FileHandle, Arc<Outboard>), Code>,
}

#[derive(Debug)]
struct Item {
    length: u64,
    held: Held,
    /// What was asked of the disk under another number is answered to nobody: it was before a refusal, or about a
    /// content that was removed and came back.
    turn: Turn,
}

#[derive(Debug)]
enum Held {
    Opening(Manifest),
    File(FileHandle),
    Parts(Parts),
    OnDisk,
}

/// Which of the wishes about one content an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn(u64);

/// A put under way; its answer goes back through [`Store::on_put`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct PutTicket {
    root: Root,
    range: GroupRange,
    turn: Turn,
}

/// What became of a put, if it still matters to anybody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutAnswer {
    Stored { root: Root, range: GroupRange },
    Failed { root: Root, code: Code },
}

/// All contents of this node, by root.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Disk,
    items: BTreeMap<Root, Item>,
    ahead: ReadAhead,
    turns: u64,
}

impl Store {
    pub(crate) fn new(disk: Disk) -> Self {
        Self { disk, items: BTreeMap::new(), ahead: ReadAhead::default(), turns: 0 }
    }

    /// Contents that the disk holds something of, and whether they are pinned; what was not used for longest first.
    pub(crate) fn found(&mut self) -> impl Future<Output = Vec<(Manifest, bool)>> + Task + use<> {
        self.disk.list()
    }

    /// Asks for a place. Its answer goes back through [`Self::on_reserved`].
    pub(crate) fn reserve(&mut self, manifest: &Manifest) -> (Turn, impl Future<Output = Reserved> + Task + use<>) {
        (self.open(manifest), self.disk.reserve(manifest, false))
    }

    /// As [`Self::reserve`], in memory.
    pub(crate) fn reserve_memory(&mut self, manifest: &Manifest) -> (Turn, Ready<Reserved>) {
        (self.open(manifest), ready(Reserved::InMemory))
    }

    /// Whether a content is on the disk, where other tabs have it, too.
    pub(crate) fn is_on_disk(&self, root: Root) -> bool {
        self.items.get(&root).is_some_and(|item| matches!(item.held, Held::OnDisk))
    }

    /// Removes a whole content to make room; the future says whether it is gone. [`Self::on_evicted`] must hear of it.
    pub(crate) fn evict(&mut self, root: Root) -> impl Future<Output = bool> + Task + use<> {
        let evicting = self.is_on_disk(root).then(|| self.disk.evict(root));
        async move {
            match evicting {
                Some(evicting) => evicting.await,
                None => false,
            }
        }
    }

    pub(crate) fn on_evicted(&mut self, root: Root) {
        self.items.remove(&root);
    }

    /// Notes that a content is in use.
    pub(crate) fn mark_used(&self, root: Root) {
        if self.is_on_disk(root) {
            self.disk.mark_used(root);
        }
    }

    pub(crate) fn pin(&self, root: Root, pinned: bool) {
        if self.is_on_disk(root) {
            self.disk.pin(root, pinned);
        }
    }

    /// As [`Self::reserve`], of what another tab has open: when that one lets go of it. `None`: nobody wants it any more.
    pub(crate) fn wait(
        &mut self,
        root: Root,
        turn: Turn,
    ) -> Option<(Turn, impl Future<Output = Reserved> + Task + use<>)> {
        match self.items.get(&root).filter(|item| item.turn == turn).map(|item| &item.held) {
            Some(Held::Opening(manifest)) => Some((turn, self.disk.reserve(manifest, true))),
            Some(Held::File(_) | Held::Parts(_) | Held::OnDisk) | None => None,
        }
    }

    /// Lets go of a content for another tab, which is first in line, and waits for it.
    pub(crate) fn give_way(
        &mut self,
        manifest: &Manifest,
    ) -> Option<(Turn, impl Future<Output = Reserved> + Task + use<>)> {
        match self.items.get(&manifest.root).map(|item| &item.held) {
            Some(Held::OnDisk) => {
                self.disk.release(manifest.root);
                Some((self.open(manifest), self.disk.reserve(manifest, true)))
            }
            Some(Held::Opening(_) | Held::File(_) | Held::Parts(_)) | None => None,
        }
    }

    fn open(&mut self, manifest: &Manifest) -> Turn {
        let turn = self.turn();
        let held = Held::Opening(manifest.clone());
        self.items.insert(manifest.root, Item { length: manifest.length, held, turn });
        turn
    }

    fn turn(&mut self) -> Turn {
        self.turns += 1;
        Turn(self.turns)
    }

    /// Takes the place that was found, or says why there is none. `None`: nobody wants it any more.
    pub(crate) fn on_reserved(
        &mut self,
        root: Root,
        turn: Turn,
        outcome: Reserved,
    ) -> Option<Result<Option<Box<Kept>>, Code>> {
        let item = self.items.get_mut(&root).filter(|item| item.turn == turn)?;
        let taken = match outcome {
            Reserved::OnDisk(kept) => Ok((Held::OnDisk, kept)),
            Reserved::InMemory => in_memory(item.length).map(|parts| (Held::Parts(parts), None)),
            // Whoever waits has asked again: this answer is nobody's.
            Reserved::Elsewhere => return None,
            Reserved::NoRoom(_) => Err(Code::StorageFull),
            Reserved::Refused(code) => Err(code),
        };
        Some(match taken {
            Ok((held, kept)) => {
                item.held = held;
                Ok(kept)
            }
            Err(code) => {
                self.items.remove(&root);
                Err(code)
            }
        })
    }

    /// The person's own file is this content. It takes the place of fetched bytes.
    pub(crate) fn adopt(&mut self, root: Root, length: u64, file: FileHandle) {
        let turn = self.turn();
        self.ahead.forget(root);
        let before = self.items.insert(root, Item { length, held: Held::File(file), turn });
        if before.is_some_and(|item| matches!(item.held, Held::Opening(_) | Held::OnDisk)) {
            self.disk.remove(root);
        }
    }

    /// Has the disk see to it that an own file is there at the next visit.
    pub(crate) fn keep(
        &mut self,
        manifest: &Manifest,
        outboard: &Outboard,
    ) -> Option<impl Future<Output = Keeping> + Task + use<>> {
        match &self.items.get(&manifest.root)?.held {
            Held::File(file) => Some(self.disk.keep(manifest, outboard, file)),
            Held::Opening(_) | Held::Parts(_) | Held::OnDisk => None,
        }
    }

    /// How a content that was fetched outlives the visit.
    pub(crate) fn keeping(&self, root: Root) -> Option<Keeping> {
        match self.items.get(&root)?.held {
            Held::OnDisk => Some(Keeping::Device),
            Held::Parts(_) => Some(Keeping::Tab),
            Held::Opening(_) | Held::File(_) => None,
        }
    }

    /// Own shares of earlier visits.
    pub(crate) fn restore(&self) -> impl Future<Output = Vec<Restored>> + Task + use<> {
        self.disk.restore()
    }

    /// Asks the person for the file of one of them.
    pub(crate) fn regain(&self, root: Root) -> impl Future<Output = Option<Restored>> + Task + use<> {
        self.disk.regain(root)
    }

    /// The file of one of them as it is now, with its name and type.
    pub(crate) fn anew(&self, root: Root) -> impl Future<Output = Option<(FileHandle, String, String)>> + Task + use<> {
        self.disk.anew(root)
    }

    /// Keeps verified bytes.
    pub(crate) fn put(
        &mut self,
        root: Root,
        record: Record,
        bytes: &Bytes,
    ) -> (PutTicket, impl Future<Output = Result<(), Code>> + Task + use<>) {
        let item = self.items.get_mut(&root);
        let ticket = PutTicket { root, range: record.range, turn: item.as_ref().map_or(Turn(0), |item| item.turn) };
        let putting = match item {
            Some(Item { length, held: Held::Parts(parts), .. }) => {
                Either::Left(parts.put(record.range.byte_range(*length).start, bytes))
            }
            Some(Item { length, held: Held::OnDisk, .. }) => {
                Either::Right(self.disk.put(root, &record, record.range.byte_range(*length).start, bytes))
            }
            // The file holds every byte already.
            Some(Item { held: Held::File(_), .. }) => Either::Left(Ok(())),
            Some(Item { held: Held::Opening(_), .. }) | None => Either::Left(Err(Code::StorageRefused)),
        };
        let putting = async move {
            match putting {
                Either::Left(done) => done,
                Either::Right(putting) => within(ANSWER_WITHIN, putting).await,
            }
        };
        (ticket, putting)
    }

    /// After a refusal nothing counts that was put before it: the download has been told that it is missing.
    pub(crate) fn on_put(&mut self, ticket: PutTicket, outcome: Result<(), Code>) -> Option<PutAnswer> {
        let PutTicket { root, range, turn } = ticket;
        let next = self.turn();
        let item = self.items.get_mut(&root).filter(|item| item.turn == turn)?;
        Some(match outcome {
            Ok(()) => PutAnswer::Stored { root, range },
            Err(code) => {
                item.turn = next;
                PutAnswer::Failed { root, code }
            }
        })
    }

    pub(crate) fn read(
        &mut self,
        root: Root,
        range: GroupRange,
    ) -> Result<impl Future<Output = Result<Bytes, Code>> + use<>, Code> {
        let item = self.items.get(&root).ok_or(Code::StorageRefused)?;
        let range = range.byte_range(item.length);
        Ok(match &item.held {
            Held::File(file) => Either::Left(self.ahead.read(root, file, item.length, range)),
            Held::Parts(parts) => Either::Right(Either::Left(parts.read(range))),
            Held::OnDisk => Either::Right(Either::Right(within(ANSWER_WITHIN, self.disk.read(root, range)))),
            Held::Opening(_) => return Err(Code::StorageRefused),
        })
    }

    /// The whole content. The caller has made sure that all of it is here.
    pub(crate) fn whole(&self, root: Root) -> impl Future<Output = Option<FileHandle>> + Task + use<> {
        let whole = match self.items.get(&root).map(|item| &item.held) {
            Some(Held::File(file)) => Either::Left(Some(file.clone())),
            Some(Held::Parts(parts)) => Either::Left(parts.whole()),
            Some(Held::OnDisk) => Either::Right(self.disk.whole(root)),
            Some(Held::Opening(_)) | None => Either::Left(None),
        };
        async move {
            match whole {
                Either::Left(file) => file,
                Either::Right(opening) => {
                    within(ANSWER_WITHIN, opening.map(|file| file.ok_or(Code::StorageRefused))).await.ok()
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, root: Root) {
        self.ahead.forget(root);
        match self.items.remove(&root).map(|item| item.held) {
            Some(Held::Opening(_) | Held::OnDisk) => self.disk.remove(root),
            Some(Held::Parts(_)) => {}
            // Also of a file that could not be read this time: nothing of it comes back.
            Some(Held::File(_)) | None => self.disk.forget(root),
        }
    }
}

/// The outcome of something that may never come.
async fn within<T>(time: Duration, outcome: impl Future<Output = Result<T, Code>>) -> Result<T, Code> {
    match select(pin!(outcome), platform::delay(time)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), _)) => Err(Code::StorageRefused),
    }
}

fn in_memory(length: u64) -> Result<Parts, Code> {
    if length > MEMORY_LENGTH_MAX {
        return Err(Code::StorageFull);
    }
    let mut parts = Parts::new(length)?;
    parts.seal_if_empty()?;
    Ok(parts)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_never_answers_is_a_store_that_refused() {
        let never = std::future::pending::<Result<Bytes, Code>>();
        assert_eq!(within(Duration::from_millis(1), never).await, Err(Code::StorageRefused));
        assert_eq!(within(ANSWER_WITHIN, async { Ok(7) }).await, Ok(7));
    }
}
