//! What an app holds: a cheap clone that sends commands and sees snapshots.

use crate::event_loop::{Reply, SharedSnapshot};
use crate::platform::FileHandle;
use crate::seal::Whole;
use bytes::Bytes;
use content::{ContentId, Details};
use futures::Stream;
use futures::channel::{mpsc, oneshot};
use protocol::{Code, Command, Input, PeerKey, ShareToken, Snapshot};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What handles ask of the loop.
pub(crate) enum Request {
    Command(Command),
    Hear(Input),
    Share { token: ShareToken, file: FileHandle, name: String, media_type: String, index_len: Option<u32> },
    FetchFrom { url: String, id: ContentId },
    Whole { id: ContentId, reply: oneshot::Sender<Result<Whole, Code>> },
    Details { id: ContentId, reply: oneshot::Sender<Result<Details, Code>> },
    Read { id: ContentId, at: u64, reply: Reply },
}

/// A running node, seen from outside. The node stops when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Handle {
    me: PeerKey,
    requests: mpsc::UnboundedSender<Request>,
    publisher: Publisher,
    shares: Arc<AtomicU64>,
}

impl Handle {
    pub(crate) fn new(me: PeerKey, publisher: Publisher) -> (Self, mpsc::UnboundedReceiver<Request>) {
        // Unbounded on this side only: it carries what a person, or a script in their name, does.
        let (requests, receiver) = mpsc::unbounded();
        (Self { me, requests, publisher, shares: Arc::default() }, receiver)
    }

    /// Who this node is.
    pub fn me(&self) -> PeerKey {
        self.me
    }

    /// Asks for something in the person's name. A node that has stopped ignores it.
    pub fn command(&self, command: Command) {
        drop(self.requests.unbounded_send(Request::Command(command)));
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> SharedSnapshot {
        self.publisher.lock().latest.clone()
    }

    /// Every later snapshot; a slow reader misses the ones in between.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots { publisher: self.publisher.clone(), seen: self.publisher.lock().version }
    }

    /// Tells whether the person sees the page: what is measured while they do not says little.
    pub fn set_hidden(&self, hidden: bool) {
        self.hear(Input::Hidden(hidden));
    }

    /// Tells whether bytes cost money on this connection.
    pub fn set_metered(&self, metered: bool) {
        self.hear(Input::Metered(metered));
    }

    /// Shows a notice: what was asked for could not even begin.
    pub fn notice(&self, code: Code) {
        self.hear(Input::Notice { code });
    }

    pub(crate) fn hear(&self, input: Input) {
        drop(self.requests.unbounded_send(Request::Hear(input)));
    }

    /// `index_len` says that the file is a folder: its index and the bytes of its files.
    pub(crate) fn share_file(
        &self,
        file: FileHandle,
        name: String,
        media_type: String,
        index_len: Option<u32>,
    ) -> ShareToken {
        let token = ShareToken(self.shares.fetch_add(1, Ordering::Relaxed) + 1);
        drop(self.requests.unbounded_send(Request::Share { token, file, name, media_type, index_len }));
        token
    }

    /// Fetches a content that the page's own relay also serves by HTTP: from `url` and from everybody who has it.
    pub fn fetch_sample(&self, url: String, id: ContentId) {
        drop(self.requests.unbounded_send(Request::FetchFrom { url, id }));
    }

    /// The whole of a content that is here and verified.
    pub(crate) async fn whole(&self, id: ContentId) -> Result<Whole, Code> {
        let (reply, answer) = oneshot::channel();
        drop(self.requests.unbounded_send(Request::Whole { id, reply }));
        answer.await.unwrap_or(Err(Code::NoProvider))
    }

    /// What an item is to those who can read it, once that is known.
    pub(crate) async fn details(&self, id: ContentId) -> Result<Details, Code> {
        let (reply, answer) = oneshot::channel();
        drop(self.requests.unbounded_send(Request::Details { id, reply }));
        answer.await.unwrap_or(Err(Code::NoProvider))
    }

    /// Bytes of an item from `at` on, when they are here: see [`Reader::read`](crate::streaming::Reader::read).
    pub(crate) async fn read(&self, id: ContentId, at: u64) -> Result<Bytes, Code> {
        let (reply, answer) = oneshot::channel();
        drop(self.requests.unbounded_send(Request::Read { id, at, reply }));
        answer.await.unwrap_or(Err(Code::NoProvider))
    }
}

/// Where the loop puts snapshots and everybody finds the newest.
#[derive(Clone, Debug)]
pub(crate) struct Publisher(Arc<Mutex<Latest>>);

#[derive(Debug)]
struct Latest {
    latest: SharedSnapshot,
    version: u64,
    waiting: Vec<Waker>,
}

impl Publisher {
    pub(crate) fn new(first: Snapshot) -> Self {
        Self(Arc::new(Mutex::new(Latest { latest: Arc::new(first), version: 0, waiting: Vec::new() })))
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        let waiting = {
            let mut inner = self.lock();
            inner.latest = Arc::new(snapshot);
            inner.version += 1;
            std::mem::take(&mut inner.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        // A reader that panicked cannot have left a snapshot half written: it is one pointer.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Snapshots as they come, newest only.
#[derive(Debug)]
pub struct Snapshots {
    publisher: Publisher,
    seen: u64,
}

impl Stream for Snapshots {
    type Item = SharedSnapshot;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.publisher.lock();
        if inner.version == self.seen {
            if !inner.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                inner.waiting.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let (version, latest) = (inner.version, inner.latest.clone());
        drop(inner);
        self.seen = version;
        Poll::Ready(Some(latest))
    }
}
