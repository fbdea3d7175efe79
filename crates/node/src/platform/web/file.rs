//! A file that the person chose: read in slices, never as a whole.

use bytes::Bytes;
use js_sys::{ArrayBuffer, Uint8Array};
use protocol::Code;
use std::ops::Range;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// A `File` or `Blob` of the page.
#[derive(Clone, Debug)]
pub(crate) struct FileHandle(web_sys::Blob);

impl FileHandle {
    pub(crate) fn new(blob: web_sys::Blob) -> Self {
        Self(blob)
    }

    pub(crate) fn blob(&self) -> &web_sys::Blob {
        &self.0
    }

    pub(crate) fn len(&self) -> u64 {
        // A Blob's size is a non-negative integer below 2^53.
        self.0.size() as u64
    }

    /// The bytes of `range`, as they are now.
    ///
    /// # Errors
    /// `FileChanged` when the file on disk is gone or no longer the one that was chosen, `StorageRefused` otherwise.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, Code> {
        let buffer = self.read_js(range).await?;
        Ok(Bytes::from(Uint8Array::new(&buffer).to_vec()))
    }

    /// As [`Self::read`], leaving the bytes on the JavaScript side.
    pub(crate) async fn read_js(&self, range: Range<u64>) -> Result<ArrayBuffer, Code> {
        let slice = self.0.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(code_of)?;
        let buffer: ArrayBuffer = JsFuture::from(slice.array_buffer()).await.map_err(code_of)?.unchecked_into();
        // A file that shrank yields a short slice, not an error.
        if u64::from(buffer.byte_length()) == range.end - range.start { Ok(buffer) } else { Err(Code::FileChanged) }
    }
}

/// `NotReadableError` and `NotFoundError` mean the file on disk is not the one that was chosen (File API, section 7).
fn code_of(error: JsValue) -> Code {
    match error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.name())).as_deref() {
        Some("NotReadableError" | "NotFoundError") => Code::FileChanged,
        _ => Code::StorageRefused,
    }
}
