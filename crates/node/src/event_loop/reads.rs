//! Reads of items for players and savers: answered from the store, and kept waiting while the bytes are on their way.

use super::EventLoop;
use crate::platform;
use crate::seal::Plain;
use crate::streaming::READS_WAITING_MAX;
use bytes::Bytes;
use content::{ContentId, Details, GroupRange};
use futures::channel::oneshot;
use protocol::Code;
use std::collections::VecDeque;

/// Where the bytes go. A reader that stopped waiting has dropped its end.
pub(crate) type Reply = oneshot::Sender<Result<Bytes, Code>>;

/// One read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) id: ContentId,
    pub(super) at: u64,
    pub(super) reply: Reply,
}

/// Reads whose bytes are not here yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct WaitingReads(VecDeque<Read>);

impl EventLoop {
    pub(super) fn details_of(&self, id: ContentId) -> Result<Details, Code> {
        if self.peer.is_elsewhere(id) {
            // The service worker asks the tab that has it open.
            return Err(Code::NoProvider);
        }
        self.peer.details_of(id).map(|(details, _)| details).ok_or_else(|| self.unreadable(id))
    }

    /// Why nothing can be read of an item: it is not known, or it is locked.
    fn unreadable(&self, id: ContentId) -> Code {
        if self.peer.root_of(id).is_some() { Code::WrongKey } else { Code::NoProvider }
    }

    /// Answers a read now, or when its first group is stored.
    pub(super) fn on_read(&mut self, read: Read) {
        let Some(read) = self.try_read(read) else { return };
        // The oldest gives way: whoever asked for it has most likely moved on.
        if self.reads.0.len() == READS_WAITING_MAX
            && let Some(oldest) = self.reads.0.pop_front()
        {
            drop(oldest.reply.send(Err(Code::LimitReached)));
        }
        self.reads.0.push_back(read);
    }

    /// Looks again after something was heard: chunks may have been stored, items removed, readers gone.
    pub(super) fn answer_waiting_reads(&mut self) {
        for read in std::mem::take(&mut self.reads.0) {
            if read.reply.is_canceled() {
                continue;
            }
            if let Some(still) = self.try_read(read) {
                self.reads.0.push_back(still);
            }
        }
    }

    /// Gives the read back if it has to wait.
    fn try_read(&mut self, read: Read) -> Option<Read> {
        let (Some(root), Some((details, key))) = (self.peer.root_of(read.id), self.peer.details_of(read.id)) else {
            drop(read.reply.send(Err(self.unreadable(read.id))));
            return None;
        };
        let plain = Plain::new(details.length, key.as_ref());
        let first = plain.group_at(read.at);
        let count = self.peer.readable(root, first);
        if count == 0 {
            return Some(read);
        }
        let range = GroupRange::new(first, count);
        match self.store.read(root, range) {
            Ok(reading) => platform::spawn(async move {
                let bytes = reading.await.and_then(|bytes| plain.open(range, &bytes, read.at));
                drop(read.reply.send(bytes));
            }),
            Err(code) => drop(read.reply.send(Err(code))),
        }
        None
    }
}
