//! Content kept in the page's memory, on the JavaScript side: verified bytes leave wasm once and never return
//! whole. A complete content becomes one `Blob`, which the browser may move out of the page.

use bytes::Bytes;
use futures::future::{Either, ready};
use js_sys::{Array, Uint8Array};
use protocol::Code;
use std::future::Future;
use std::ops::Range;
use wasm_bindgen::{JsCast, JsValue};

use super::FileHandle;

/// Bytes in one buffer: one chunk, so that a content costs what it holds and buffers are never resized.
const BUFFER_LEN: u64 = 256 * 1024;

/// One content, growing.
#[derive(Debug)]
pub(crate) struct Parts {
    length: u64,
    held: u64,
    buffers: Vec<Option<Uint8Array>>,
    sealed: Option<FileHandle>,
}

impl Parts {
    /// Room for `length` bytes; memory is taken as bytes arrive.
    pub(crate) fn new(length: u64) -> Result<Self, Code> {
        let count = usize::try_from(length.div_ceil(BUFFER_LEN)).map_err(|_| Code::StorageFull)?;
        Ok(Self { length, held: 0, buffers: vec![None; count], sealed: None })
    }

    /// Keeps `bytes` at `start`. The caller stores every byte once.
    ///
    /// # Errors
    /// `StorageFull` when the browser has no memory left, `StorageRefused` when it gives no `Blob`.
    pub(crate) fn put(&mut self, start: u64, bytes: &Bytes) -> Result<(), Code> {
        if start + bytes.len() as u64 > self.length {
            return Err(Code::StorageRefused);
        }
        let mut rest = &bytes[..];
        let mut at = start;
        while !rest.is_empty() {
            let within = at % BUFFER_LEN;
            let take = rest.len().min((BUFFER_LEN - within) as usize);
            let buffer = self.buffer((at / BUFFER_LEN) as usize)?;
            buffer.subarray(within as u32, within as u32 + take as u32).copy_from(&rest[..take]);
            rest = &rest[take..];
            at += take as u64;
        }
        self.held += bytes.len() as u64;
        if self.held == self.length { self.seal() } else { Ok(()) }
    }

    /// The bytes of `range`; the caller asks only for what it stored.
    pub(crate) fn read(&self, range: Range<u64>) -> impl Future<Output = Result<Bytes, Code>> + use<> {
        if let Some(file) = self.sealed.clone() {
            return Either::Left(async move { file.read(range).await });
        }
        Either::Right(ready(self.read_buffers(range)))
    }

    fn read_buffers(&self, range: Range<u64>) -> Result<Bytes, Code> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut at = range.start;
        while at < range.end {
            let within = at % BUFFER_LEN;
            let take = (range.end - at).min(BUFFER_LEN - within);
            let buffer =
                self.buffers.get((at / BUFFER_LEN) as usize).and_then(Option::as_ref).ok_or(Code::StorageRefused)?;
            bytes.extend(buffer.subarray(within as u32, (within + take) as u32).to_vec());
            at += take;
        }
        Ok(bytes.into())
    }

    /// The complete content, or `None` while some of it is missing.
    pub(crate) fn whole(&self) -> Option<FileHandle> {
        self.sealed.clone()
    }

    /// Becomes complete at once when there is nothing to wait for.
    pub(crate) fn seal_if_empty(&mut self) -> Result<(), Code> {
        if self.length == 0 { self.seal() } else { Ok(()) }
    }

    fn buffer(&mut self, place: usize) -> Result<&Uint8Array, Code> {
        let start = place as u64 * BUFFER_LEN;
        let length = BUFFER_LEN.min(self.length - start);
        let slot = &mut self.buffers[place];
        if slot.is_none() {
            *slot = Some(allocate(length)?);
        }
        Ok(slot.as_ref().expect("the slot was filled just above"))
    }

    fn seal(&mut self) -> Result<(), Code> {
        let sequence: Array = self.buffers.iter().flatten().collect();
        let blob = web_sys::Blob::new_with_u8_array_sequence(&sequence).map_err(|_| Code::StorageRefused)?;
        self.sealed = Some(FileHandle::new(blob));
        self.buffers = Vec::new();
        Ok(())
    }
}

/// `new Uint8Array(length)`, with the `RangeError` of an exhausted heap caught rather than thrown through wasm.
fn allocate(length: u64) -> Result<Uint8Array, Code> {
    let constructor =
        js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("Uint8Array")).map_err(|_| Code::StorageRefused)?;
    js_sys::Reflect::construct(constructor.unchecked_ref(), &Array::of1(&JsValue::from_f64(length as f64)))
        .map(JsCast::unchecked_into)
        .map_err(|_| Code::StorageFull)
}
