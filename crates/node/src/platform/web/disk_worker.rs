//! The store worker: it has the files open, writes, proves and reads.
//!
//! A group counts when its bytes and its record are on the disk: both are written at once, and answered together after
//! one flush that several puts share. What a crash leaves behind is proved when it is opened again, record by record,
//! so the order in which a disk really writes does not matter.
//!
//! Messages are arrays. To the worker: `[number, wish, ...]`. From it: `[number, body]` or `[number, null, code]`.

use super::copying::Copying;
use super::opening::{OpenContent, Opened, Opening, Reservation, Still};
use super::opfs::{self, DiskError, OpenFile, PINNED, Shelf, USED};
use bytes::Bytes;
use content::{Record, Root};
use futures::channel::mpsc;
use futures::future::{Fuse, LocalBoxFuture};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, select};
use js_sys::{Array, Uint8Array};
use protocol::Code;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent};

/// How long puts wait for others, so that one flush serves them all: far less than a download's buffer lasts.
const COMMIT_AFTER: Duration = Duration::from_millis(20);
/// Bytes after which they wait no longer.
const COMMIT_LEN: u64 = 4 * 1024 * 1024;
/// What any tab has read this recently is in use: twice as long as tabs wait between two marks.
const IN_USE_MS: f64 = 20_000.0;

/// What the page asks.
#[derive(Debug)]
pub(super) enum Ask<'a> {
    /// `waits` for another tab that has it open.
    Reserve {
        root: Root,
        manifest: &'a [u8],
        waits: bool,
    },
    /// Close it, for another tab that waits for it.
    Release {
        root: Root,
    },
    Put {
        root: Root,
        record: &'a [u8],
        start: u64,
        bytes: &'a Bytes,
    },
    Read {
        root: Root,
        range: Range<u64>,
    },
    Remove {
        root: Root,
    },
    /// As `Remove`, unless it is used or pinned.
    Evict {
        root: Root,
    },
    Used {
        root: Root,
    },
    Pin {
        root: Root,
        pinned: bool,
    },
    Copy {
        root: Root,
        manifest: &'a [u8],
        outboard: &'a [u8],
        bytes: &'a Blob,
    },
    Forget {
        root: Root,
    },
}

impl Ask<'_> {
    /// The message, and the buffers that move with it.
    pub(super) fn to_js(&self, number: u64) -> (JsValue, Array) {
        let (message, moved) = (Array::of1(&(number as f64).into()), Array::new());
        let say = |parts: &[JsValue]| parts.iter().for_each(|part| _ = message.push(part));
        let name = |root: &Root| JsValue::from(opfs::name_of(*root));
        match self {
            Self::Reserve { root, manifest, waits } => {
                say(&["reserve".into(), name(root), Uint8Array::from(*manifest).into(), (*waits).into()])
            }
            Self::Release { root } => say(&["release".into(), name(root)]),
            Self::Put { root, record, start, bytes } => {
                let bytes = Uint8Array::from(&bytes[..]);
                moved.push(&bytes.buffer());
                say(&[
                    "put".into(),
                    name(root),
                    Uint8Array::from(*record).into(),
                    (*start as f64).into(),
                    bytes.into(),
                ]);
            }
            Self::Read { root, range } => {
                say(&["read".into(), name(root), (range.start as f64).into(), (range.end as f64).into()]);
            }
            Self::Evict { root } => say(&["evict".into(), name(root)]),
            Self::Used { root } => say(&["used".into(), name(root)]),
            Self::Pin { root, pinned } => say(&["pin".into(), name(root), (*pinned).into()]),
            Self::Remove { root } => say(&["remove".into(), name(root)]),
            Self::Copy { root, manifest, outboard, bytes } => {
                let outboard = Uint8Array::from(*outboard);
                moved.push(&outboard.buffer());
                say(&["copy".into(), name(root), Uint8Array::from(*manifest).into(), outboard.into(), (*bytes).into()]);
            }
            Self::Forget { root } => say(&["forget".into(), name(root)]),
        }
        (message.into(), moved)
    }
}

/// What the worker answers.
#[derive(Debug)]
pub(super) enum Answer {
    Done(JsValue),
    Failed(Code),
    /// No room; how much is missing is known of a reservation.
    Full {
        short: u64,
    },
    /// Another tab has it open, and will let go of it.
    Elsewhere,
    /// Something else has its files open.
    Busy,
    /// There is no private file system, or no worker any more.
    Gone,
}

impl Answer {
    pub(super) fn from_js(value: &JsValue) -> Option<(u64, Self)> {
        let parts = value.dyn_ref::<Array>()?;
        let number = parts.get(0).as_f64()? as u64;
        let answer = match parts.get(2).as_string().as_deref() {
            None => Self::Done(parts.get(1)),
            Some("elsewhere") => Self::Elsewhere,
            Some("busy") => Self::Busy,
            Some("absent") => Self::Gone,
            Some("full") => Self::Full { short: parts.get(3).as_f64().unwrap_or(0.0) as u64 },
            Some(_) => Self::Failed(Code::StorageRefused),
        };
        Some((number, answer))
    }

    pub(super) fn into_result(self) -> Result<JsValue, Code> {
        match self {
            Self::Done(body) => Ok(body),
            Self::Failed(code) => Err(code),
            Self::Full { .. } => Err(Code::StorageFull),
            Self::Elsewhere | Self::Busy | Self::Gone => Err(Code::StorageRefused),
        }
    }
}

fn word(error: DiskError) -> &'static str {
    match error {
        DiskError::Absent => "absent",
        DiskError::Elsewhere => "elsewhere",
        DiskError::Busy => "busy",
        DiskError::Full { .. } => "full",
        DiskError::NotFound | DiskError::Refused => "refused",
    }
}

/// Serves the page until it terminates the worker.
pub(super) fn run(scope: DedicatedWorkerGlobalScope) {
    // Unbounded here because it is bounded there: by what downloads may have unstored.
    let (sender, messages) = mpsc::unbounded();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Ok(parts) = event.data().dyn_into::<Array>() {
            // The loop below ends with the worker.
            drop(sender.unbounded_send(parts));
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker lives as long as its message handler.
    on_message.forget();
    wasm_bindgen_futures::spawn_local(serve(scope, messages));
}

async fn serve(port: DedicatedWorkerGlobalScope, mut messages: mpsc::UnboundedReceiver<Array>) {
    let mut desk = Desk {
        port,
        open: BTreeMap::new(),
        reserved: BTreeMap::new(),
        copying: Copying::default(),
        unflushed: Vec::new(),
        unflushed_len: 0,
    };
    // Waiting for another tab and proving gigabytes take their time, and nothing else waits for that.
    let mut opening: FuturesUnordered<LocalBoxFuture<'static, Opened>> = FuturesUnordered::new();
    loop {
        let mut pause = match desk.unflushed.is_empty() {
            true => Fuse::terminated(),
            false => futures_timer::Delay::new(COMMIT_AFTER).fuse(),
        };
        select! {
            message = messages.next() => {
                let Some(message) = message else { return };
                if let Some(reservation) = desk.on_message(&message).await {
                    opening.push(reservation.open().boxed_local());
                }
                if desk.unflushed_len >= COMMIT_LEN {
                    desk.commit();
                }
            }
            opened = opening.select_next_some() => desk.on_opened(opened),
            () = pause => desk.commit(),
        }
    }
}

/// All open contents.
struct Desk {
    port: DedicatedWorkerGlobalScope,
    open: BTreeMap<Root, OpenContent>,
    /// Whether those that are being opened are still wanted.
    reserved: BTreeMap<Root, Opening>,
    copying: Copying,
    /// Puts that are written and not yet answered.
    unflushed: Vec<(u64, Root)>,
    unflushed_len: u64,
}

impl Desk {
    /// Answers a message, unless it asks for something that takes its time: that is given back.
    async fn on_message(&mut self, parts: &Array) -> Option<Reservation> {
        let number = parts.get(0).as_f64()? as u64;
        let root = parts.get(2).as_string().as_deref().and_then(opfs::root_of);
        let outcome = match (parts.get(1).as_string().as_deref(), root) {
            (Some("reserve"), Some(root)) => match self.reserve(number, root, parts) {
                Ok(reservation) => return Some(reservation),
                Err(error) => Err(error),
            },
            (Some("release"), Some(root)) => {
                self.close(root);
                Ok(JsValue::NULL)
            }
            (Some("put"), Some(root)) => match self.put(root, parts) {
                Ok(len) => {
                    self.unflushed.push((number, root));
                    self.unflushed_len += len;
                    return None;
                }
                Err(error) => {
                    // What was written before it is safe, and is said to be before the failure is.
                    self.commit();
                    Err(error)
                }
            },
            (Some("read"), Some(root)) => self.read(root, parts).await,
            (Some("evict"), Some(root)) => self.evict(root).await.map(|()| JsValue::NULL),
            (Some("used"), Some(root)) => mark(root, USED, true).await.map(|()| JsValue::NULL),
            (Some("pin"), Some(root)) => mark(root, PINNED, parts.get(3).is_truthy()).await.map(|()| JsValue::NULL),
            (Some("remove"), Some(root)) => self.remove(root).await.map(|()| JsValue::NULL),
            // A copy may take minutes, and nothing else waits for it.
            (Some("copy"), Some(root)) => {
                let (copy, port) = (self.copying.begin(root, parts), self.port.clone());
                wasm_bindgen_futures::spawn_local(async move {
                    answer(&port, number, copy.await.map(|()| JsValue::NULL));
                });
                return None;
            }
            (Some("forget"), Some(root)) => self.copying.forget(root).await.map(|()| JsValue::NULL),
            _ => Err(DiskError::Refused),
        };
        self.answer(number, outcome);
        None
    }

    fn answer(&self, number: u64, outcome: Result<JsValue, DiskError>) {
        answer(&self.port, number, outcome);
    }

    /// What has to be done to have a content open for writing.
    fn reserve(&mut self, number: u64, root: Root, parts: &Array) -> Result<Reservation, DiskError> {
        let canonical = parts.get(3).dyn_into::<Uint8Array>().map_err(|_| DiskError::Refused)?;
        let waits = parts.get(4).is_truthy();
        self.commit();
        // What is open here is proved again, and stays ours meanwhile.
        let lock = self.open.remove(&root).map(OpenContent::close);
        let opening = Opening::default();
        if let Some(before) = self.reserved.insert(root, opening.clone()) {
            before.is(Still::Superseded);
        }
        Ok(Reservation { number, root, canonical, waits, lock, opening })
    }

    fn on_opened(&mut self, opened: Opened) {
        let Opened { number, root, opening, outcome } = opened;
        if self.reserved.get(&root).is_some_and(|current| current.is_same(&opening)) {
            self.reserved.remove(&root);
        }
        let outcome = outcome.map(|(content, kept)| {
            let any = kept.held.ones() > 0 || kept.is_complete();
            if !kept.is_complete() {
                self.open.insert(root, content);
            }
            if any { Uint8Array::from(&kept.to_bytes()[..]).into() } else { JsValue::NULL }
        });
        self.answer(number, outcome);
    }

    /// Lets go of a content.
    fn close(&mut self, root: Root) {
        self.commit();
        drop(self.open.remove(&root));
    }

    /// Removes what is kept of a content, unless another tab writes it.
    async fn remove(&mut self, root: Root) -> Result<(), DiskError> {
        self.commit();
        if let Some(opening) = self.reserved.remove(&root) {
            // It is removed by whoever has begun to open it.
            opening.is(Still::Unwanted);
            return Ok(());
        }
        let lock = match self.open.remove(&root) {
            Some(content) => Some(content.close()),
            None => super::opening::lock(root, false).await,
        };
        match lock {
            Some(_held) => opfs::remove(Shelf::Fetched, root).await,
            None => Ok(()),
        }
    }

    /// Removes a content that nobody needs now, for another.
    async fn evict(&mut self, root: Root) -> Result<(), DiskError> {
        if self.open.contains_key(&root) || self.reserved.contains_key(&root) {
            return Err(DiskError::Busy);
        }
        let _lock = super::opening::lock(root, false).await.ok_or(DiskError::Elsewhere)?;
        let used = opfs::used_at(root).await.is_some_and(|at| js_sys::Date::now() - at < IN_USE_MS);
        if used || opfs::is_pinned(root).await {
            return Err(DiskError::Busy);
        }
        opfs::remove(Shelf::Fetched, root).await
    }

    /// Writes bytes and record; answered by [`Self::commit`].
    fn put(&mut self, root: Root, parts: &Array) -> Result<u64, DiskError> {
        let content = self.open.get_mut(&root).ok_or(DiskError::Refused)?;
        let record = parts.get(3).dyn_into::<Uint8Array>().map_err(|_| DiskError::Refused)?;
        let start = parts.get(4).as_f64().ok_or(DiskError::Refused)? as u64;
        let bytes = parts.get(5).dyn_into::<Uint8Array>().map_err(|_| DiskError::Refused)?;
        let groups = Record::decode(&record.to_vec().into()).ok_or(DiskError::Refused)?.0.range.count;
        content.bytes.write_js(start, &bytes)?;
        content.journal.write_js(content.journal_len, &record)?;
        content.journal_len += u64::from(record.length());
        content.groups_missing = content.groups_missing.saturating_sub(groups);
        Ok(u64::from(bytes.length()))
    }

    /// Makes everything written safe, and says so. A content that is complete is closed.
    fn commit(&mut self) {
        self.unflushed_len = 0;
        let unflushed = core::mem::take(&mut self.unflushed);
        let mut flushed: BTreeMap<Root, Result<(), DiskError>> = BTreeMap::new();
        for (number, root) in unflushed {
            let content = self.open.get(&root);
            let outcome = *flushed.entry(root).or_insert_with(|| match content {
                Some(content) => content.bytes.flush().and_then(|()| content.journal.flush()),
                None => Err(DiskError::Refused),
            });
            self.answer(number, outcome.map(|()| JsValue::TRUE));
        }
        for (root, outcome) in flushed {
            if outcome.is_ok() && self.open.get(&root).is_some_and(|content| content.groups_missing == 0) {
                self.open.remove(&root);
            }
        }
    }

    async fn read(&mut self, root: Root, parts: &Array) -> Result<JsValue, DiskError> {
        let (Some(start), Some(end)) = (parts.get(3).as_f64(), parts.get(4).as_f64()) else {
            return Err(DiskError::Refused);
        };
        if let Some(content) = self.open.get(&root) {
            let bytes = content.bytes.read_js(start as u64, (end - start) as u32)?;
            return bytes.map(Into::into).ok_or(DiskError::NotFound);
        }
        let slice = opfs::bytes_of(root).await?.slice_with_f64_and_f64(start, end)?;
        let buffer = JsFuture::from(slice.array_buffer()).await?;
        let bytes = Uint8Array::new(&buffer);
        if f64::from(bytes.length()) == end - start { Ok(bytes.into()) } else { Err(DiskError::NotFound) }
    }
}

fn answer(port: &DedicatedWorkerGlobalScope, number: u64, outcome: Result<JsValue, DiskError>) {
    let number = JsValue::from(number as f64);
    let (message, moved) = match outcome {
        Ok(body) => {
            let moved: Array = body.dyn_ref::<Uint8Array>().map(Uint8Array::buffer).iter().collect();
            (Array::of2(&number, &body), moved)
        }
        Err(error) => {
            let short = if let DiskError::Full { short } = error { short } else { 0 };
            (Array::of4(&number, &JsValue::NULL, &word(error).into(), &(short as f64).into()), Array::new())
        }
    };
    if port.post_message_with_transfer(&message, &moved).is_err() {
        log::warn!("an answer of the store could not be sent");
    }
}

/// Puts a small file beside a content, or takes it away.
async fn mark(root: Root, name: &str, is_there: bool) -> Result<(), DiskError> {
    let folder = opfs::folder_of(Shelf::Fetched, root, false).await?;
    if !is_there {
        return opfs::wait::<JsValue>(folder.remove_entry(name)).await.map(drop);
    }
    let file = OpenFile::open(&folder, name).await?;
    // Its time is what counts, and changes with what is written.
    file.write_js(0, &Uint8Array::new_with_length(1))?;
    file.flush()
}
