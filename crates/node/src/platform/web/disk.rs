//! Contents in the origin-private file system: the page's side of the worker that writes them.
//!
//! Only a worker may write there without copying whole files, and only there may hashing what an earlier visit left
//! take its time. Messages are answered in the order in which they are sent, but for those that may take long. How much may wait is bounded by who asks:
//! a download keeps no more than its `buffer_max` between the network and the answer of a put, so a slow disk slows
//! the network down.
//!
//! A page without a worker, or without that file system, keeps contents in memory.

use super::disk_worker::{Answer, Ask};
use super::opfs::{self, Shelf};
use super::{FileHandle, worker};
use crate::store::Reserved;
use bytes::Bytes;
use content::{Kept, Manifest, Record, Root};
use futures::channel::oneshot;
use js_sys::Uint8Array;
use protocol::Code;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, MessageEvent, Worker};

/// Who waits for which answer; `None` once the worker has failed, which answers nothing any more.
type Waiting = Rc<RefCell<Option<BTreeMap<u64, oneshot::Sender<Answer>>>>>;

/// The contents on disk. The worker starts when the first of them is needed.
#[derive(Debug)]
pub(crate) struct Disk {
    script: Option<String>,
    line: Option<Line>,
}

/// The store worker.
#[derive(Debug)]
struct Line {
    worker: Worker,
    waiting: Waiting,
    asked: RefCell<u64>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl Disk {
    /// `script` is the worker's. Where there is none, or it fails, every content goes to memory.
    pub(crate) fn open(script: Option<&str>) -> Self {
        Self { script: script.filter(|_| opfs::is_here()).map(str::to_owned), line: None }
    }

    /// What earlier visits left, and whether it is pinned; what was not used for longest first.
    pub(crate) fn list(&mut self) -> impl Future<Output = Vec<(Manifest, bool)>> + use<> {
        let usable = self.is_here();
        async move {
            match usable {
                true => {
                    let found = opfs::list(Shelf::Fetched).await.unwrap_or_default();
                    found.into_iter().map(|found| (found.manifest, found.pinned)).collect()
                }
                false => Vec::new(),
            }
        }
    }

    /// A place for a content, and what is there of it. `waits` until no other tab has it open.
    pub(crate) fn reserve(&mut self, manifest: &Manifest, waits: bool) -> impl Future<Output = Reserved> + use<> {
        self.start();
        let answer = self.ask(&Ask::Reserve { root: manifest.root, manifest: &manifest.encode(), waits });
        async move {
            match answer.await {
                Answer::Done(body) => match body.dyn_ref::<Uint8Array>() {
                    None => Reserved::OnDisk(None),
                    Some(kept) => match Kept::from_bytes(&kept.to_vec()) {
                        Ok(kept) => Reserved::OnDisk(Some(Box::new(kept))),
                        Err(error) => {
                            log::warn!("what an earlier visit left is of no use: {error}");
                            Reserved::Refused(Code::StorageRefused)
                        }
                    },
                },
                Answer::Full { short } => Reserved::NoRoom(short),
                Answer::Failed(code) => Reserved::Refused(code),
                Answer::Elsewhere => Reserved::Elsewhere,
                Answer::Busy | Answer::Gone => Reserved::InMemory,
            }
        }
    }

    /// Lets another tab have it.
    pub(crate) fn release(&mut self, root: Root) {
        drop(self.ask(&Ask::Release { root }));
    }

    /// Removes a content to make room; false when another tab uses it, or has pinned it.
    pub(crate) fn evict(&mut self, root: Root) -> impl Future<Output = bool> + use<> {
        self.start();
        let answer = self.ask(&Ask::Evict { root });
        async move { matches!(answer.await, Answer::Done(_)) }
    }

    pub(crate) fn mark_used(&self, root: Root) {
        drop(self.ask(&Ask::Used { root }));
    }

    pub(crate) fn pin(&self, root: Root, pinned: bool) {
        drop(self.ask(&Ask::Pin { root, pinned }));
    }

    /// Writes bytes at `start`, and the record that counts them.
    pub(crate) fn put(
        &mut self,
        root: Root,
        record: &Record,
        start: u64,
        bytes: &Bytes,
    ) -> impl Future<Output = Result<(), Code>> + use<> {
        let answer = self.ask(&Ask::Put { root, record: &record.encode(), start, bytes });
        async move { answer.await.into_result().map(drop) }
    }

    pub(crate) fn read(&self, root: Root, range: Range<u64>) -> impl Future<Output = Result<Bytes, Code>> + use<> {
        let answer = self.ask(&Ask::Read { root, range });
        async move {
            let body = answer.await.into_result()?;
            body.dyn_ref::<Uint8Array>().map(|bytes| Bytes::from(bytes.to_vec())).ok_or(Code::StorageRefused)
        }
    }

    /// The file itself, which the browser reads from the disk when somebody reads it.
    pub(crate) fn whole(&self, root: Root) -> impl Future<Output = Option<FileHandle>> + use<> {
        async move { opfs::bytes_of(root).await.ok().map(|file| FileHandle::new(file.into())) }
    }

    pub(crate) fn remove(&mut self, root: Root) {
        drop(self.ask(&Ask::Remove { root }));
    }

    /// Starts the worker, if there is to be one and it does not run.
    pub(super) fn start(&mut self) {
        if self.line.is_none() {
            self.line = self.script.as_deref().and_then(Line::open);
        }
    }

    /// Whether there is a disk to try.
    pub(super) fn is_here(&self) -> bool {
        self.script.is_some()
    }

    pub(super) fn ask(&self, ask: &Ask<'_>) -> impl Future<Output = Answer> + use<> {
        let answer = self.line.as_ref().and_then(|line| line.ask(ask));
        async move {
            match answer {
                Some(answer) => answer.await.unwrap_or(Answer::Gone),
                None => Answer::Gone,
            }
        }
    }
}

impl Line {
    fn open(script: &str) -> Option<Self> {
        let worker = worker::start(script, worker::Role::Store)?;
        let waiting: Waiting = Rc::new(RefCell::new(Some(BTreeMap::new())));
        let answered = waiting.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some((number, answer)) = Answer::from_js(&event.data()) else { return };
            let sender = answered.borrow_mut().as_mut().and_then(|waiting| waiting.remove(&number));
            if let Some(sender) = sender {
                // Whoever asked may have lost interest.
                drop(sender.send(answer));
            }
        });
        let broken = waiting.clone();
        let on_error = Closure::<dyn FnMut(Event)>::new(move |_| {
            log::warn!("the store worker failed: contents are kept in memory");
            // Dropping a sender answers it with `Gone`.
            broken.borrow_mut().take();
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self { worker, waiting, asked: RefCell::new(0), _on_message: on_message, _on_error: on_error })
    }

    fn ask(&self, ask: &Ask<'_>) -> Option<oneshot::Receiver<Answer>> {
        let number = self.asked.replace_with(|&mut asked| asked + 1);
        let (message, moved) = ask.to_js(number);
        let (sender, answer) = oneshot::channel();
        self.waiting.borrow_mut().as_mut()?.insert(number, sender);
        self.worker.post_message_with_transfer(&message, &moved).ok()?;
        Some(answer)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
