//! The store worker: it has the files open, writes, proves and reads.
//!
//! A group counts when its bytes and its record are on the disk: both are written at once, and answered together after
//! one flush that several puts share. What a crash leaves behind is proved when it is opened again, record by record,
//! so the order in which a disk really writes does not matter.
//!
//! Messages are arrays. To the worker: `[number, wish, ...]`. From it: `[number, body]` or `[number, null, code]`.

use super::copying::Copying;
use super::opfs::{self, BYTES, DiskError, JOURNAL, MANIFEST, OpenFile, Shelf};
use bytes::{Buf, Bytes, BytesMut};
use content::{Kept, Manifest, Record, Recovery, Root, group_count};
use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};
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
/// Bytes of the journal that are read at once; more than the longest record.
const JOURNAL_SLICE: usize = 64 * 1024;

/// What the page asks.
#[derive(Debug)]
pub(super) enum Ask<'a> {
    Reserve { root: Root, manifest: &'a [u8] },
    Put { root: Root, record: &'a [u8], start: u64, bytes: &'a Bytes },
    Read { root: Root, range: Range<u64> },
    Remove { root: Root },
    Copy { root: Root, manifest: &'a [u8], outboard: &'a [u8], bytes: &'a Blob },
    Forget { root: Root },
}

impl Ask<'_> {
    /// The message, and the buffers that move with it.
    pub(super) fn to_js(&self, number: u64) -> (JsValue, Array) {
        let (message, moved) = (Array::of1(&(number as f64).into()), Array::new());
        let say = |parts: &[JsValue]| parts.iter().for_each(|part| _ = message.push(part));
        let name = |root: &Root| JsValue::from(opfs::name_of(*root));
        match self {
            Self::Reserve { root, manifest } => {
                say(&["reserve".into(), name(root), Uint8Array::from(*manifest).into()])
            }
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
    /// Another tab has it open.
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
            Some("busy") => Self::Busy,
            Some("absent") => Self::Gone,
            Some("full") => Self::Failed(Code::StorageFull),
            Some(_) => Self::Failed(Code::StorageRefused),
        };
        Some((number, answer))
    }

    pub(super) fn into_result(self) -> Result<JsValue, Code> {
        match self {
            Self::Done(body) => Ok(body),
            Self::Failed(code) => Err(code),
            Self::Busy | Self::Gone => Err(Code::StorageRefused),
        }
    }
}

fn word(error: DiskError) -> &'static str {
    match error {
        DiskError::Absent => "absent",
        DiskError::Busy => "busy",
        DiskError::Full => "full",
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
    let mut desk =
        Desk { port, open: BTreeMap::new(), copying: Copying::default(), unflushed: Vec::new(), unflushed_len: 0 };
    loop {
        let message = if desk.unflushed.is_empty() {
            messages.next().await
        } else {
            let pause = futures_timer::Delay::new(COMMIT_AFTER);
            match select(messages.next(), pause.fuse()).await {
                Either::Left((message, _)) => message,
                Either::Right(((), _)) => {
                    desk.commit();
                    continue;
                }
            }
        };
        let Some(message) = message else { return };
        desk.on_message(&message).await;
        if desk.unflushed_len >= COMMIT_LEN {
            desk.commit();
        }
    }
}

/// All open contents.
struct Desk {
    port: DedicatedWorkerGlobalScope,
    open: BTreeMap<Root, OpenContent>,
    copying: Copying,
    /// Puts that are written and not yet answered.
    unflushed: Vec<(u64, Root)>,
    unflushed_len: u64,
}

/// A content that misses something.
struct OpenContent {
    bytes: OpenFile,
    journal: OpenFile,
    journal_len: u64,
    groups_missing: u32,
}

impl Desk {
    async fn on_message(&mut self, parts: &Array) {
        let Some(number) = parts.get(0).as_f64().map(|number| number as u64) else { return };
        let root = parts.get(2).as_string().as_deref().and_then(opfs::root_of);
        let outcome = match (parts.get(1).as_string().as_deref(), root) {
            (Some("reserve"), Some(root)) => self.reserve(root, parts.get(3)).await,
            (Some("put"), Some(root)) => match self.put(root, parts) {
                Ok(len) => {
                    self.unflushed.push((number, root));
                    self.unflushed_len += len;
                    return;
                }
                Err(error) => {
                    // What was written before it is safe, and is said to be before the failure is.
                    self.commit();
                    Err(error)
                }
            },
            (Some("read"), Some(root)) => self.read(root, parts).await,
            (Some("remove"), Some(root)) => {
                self.commit();
                self.open.remove(&root);
                opfs::remove(Shelf::Fetched, root).await.map(|()| JsValue::NULL)
            }
            // A copy may take minutes, and nothing else waits for it.
            (Some("copy"), Some(root)) => {
                let (copy, port) = (self.copying.begin(root, parts), self.port.clone());
                return wasm_bindgen_futures::spawn_local(async move {
                    answer(&port, number, copy.await.map(|()| JsValue::NULL));
                });
            }
            (Some("forget"), Some(root)) => self.copying.forget(root).await.map(|()| JsValue::NULL),
            _ => Err(DiskError::Refused),
        };
        self.answer(number, outcome);
    }

    fn answer(&self, number: u64, outcome: Result<JsValue, DiskError>) {
        answer(&self.port, number, outcome);
    }

    /// Finds what is there, proves it, and opens the rest for writing.
    async fn reserve(&mut self, root: Root, manifest: JsValue) -> Result<JsValue, DiskError> {
        let canonical = manifest.dyn_into::<Uint8Array>().map_err(|_| DiskError::Refused)?;
        let manifest = Manifest::decode(&canonical.to_vec()).map_err(|_| DiskError::Refused)?;
        self.commit();
        self.open.remove(&root);
        let known = opfs::file_of(Shelf::Fetched, root, MANIFEST).await.is_ok();
        match open(&manifest, (!known).then_some(&canonical)).await {
            Ok((content, kept)) => {
                if !kept.is_complete() {
                    self.open.insert(root, content);
                }
                let any = kept.held.ones() > 0 || kept.is_complete();
                Ok(if any { Uint8Array::from(&kept.to_bytes()[..]).into() } else { JsValue::NULL })
            }
            Err(error) => {
                if !known && error != DiskError::Busy {
                    // Nothing of it is worth keeping; that it cannot be removed changes nothing.
                    let _ = opfs::remove(Shelf::Fetched, root).await;
                }
                Err(error)
            }
        }
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
        Err(error) => (Array::of3(&number, &JsValue::NULL, &word(error).into()), Array::new()),
    };
    if port.post_message_with_transfer(&message, &moved).is_err() {
        log::warn!("an answer of the store could not be sent");
    }
}

/// Opens the files of a content, makes room for all of it, and proves what is there.
async fn open(manifest: &Manifest, unwritten: Option<&Uint8Array>) -> Result<(OpenContent, Kept), DiskError> {
    let folder = opfs::folder_of(Shelf::Fetched, manifest.root, true).await?;
    let bytes = OpenFile::open(&folder, BYTES).await?;
    let journal = OpenFile::open(&folder, JOURNAL).await?;
    // All the room is taken now, so that a content that does not fit says so before its first byte is fetched.
    if bytes.len()? != manifest.length {
        bytes.resize(manifest.length)?;
    }
    let (kept, journal_len) = prove(manifest, &bytes, &journal)?;
    // Behind a torn record nothing could be found again.
    journal.resize(journal_len)?;
    if let Some(canonical) = unwritten {
        // Last: a folder without it is no content.
        let file = OpenFile::open(&folder, MANIFEST).await?;
        file.write_js(0, canonical)?;
        file.flush()?;
    }
    let groups_missing = group_count(manifest.length) - kept.held.ones();
    Ok((OpenContent { bytes, journal, journal_len, groups_missing }, kept))
}

/// Proves every record of the journal against the bytes in its place; returns where the last whole record ends.
fn prove(manifest: &Manifest, bytes: &OpenFile, journal: &OpenFile) -> Result<(Kept, u64), DiskError> {
    let mut recovery = Recovery::new(manifest);
    let (len, mut read_to, mut proved_to) = (journal.len()?, 0, 0);
    let mut window = BytesMut::new();
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
                let mut found = BytesMut::zeroed((place.end - place.start) as usize);
                if bytes.read(place.start, &mut found)? {
                    recovery.replay(&record, &found.freeze());
                }
            }
            rest.advance(taken);
            proved_to += taken as u64;
        }
        if read_to == len {
            return Ok((recovery.finish(), proved_to));
        }
        window.extend_from_slice(&rest);
    }
}
