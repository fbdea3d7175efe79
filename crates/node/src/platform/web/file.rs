//! A file that the person chose: read in slices, never as a whole.

use crate::seal::Seal;
use bytes::Bytes;
use js_sys::{ArrayBuffer, Uint8Array};
use protocol::Code;
use std::ops::Range;
use std::sync::Arc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FileSystemFileHandle};

/// A `File` or `Blob` of the page, sealed as it is read when it is shared by a private link.
#[derive(Clone, Debug)]
pub(crate) struct FileHandle {
    blob: web_sys::Blob,
    seal: Option<Arc<Seal>>,
    /// What the browser remembers it by, and when it was last changed.
    chosen: Option<(FileSystemFileHandle, f64)>,
}

impl FileHandle {
    pub(crate) fn new(blob: web_sys::Blob) -> Self {
        Self { blob, seal: None, chosen: None }
    }

    /// A file that the person chose, with what the browser remembers it by, where it does.
    pub(crate) fn of_chosen(file: File, handle: Option<FileSystemFileHandle>) -> Self {
        let modified = file.last_modified();
        Self { blob: file.into(), seal: None, chosen: handle.map(|handle| (handle, modified)) }
    }

    pub(super) fn chosen(&self) -> Option<(&FileSystemFileHandle, f64)> {
        self.chosen.as_ref().map(|(handle, modified)| (handle, *modified))
    }

    /// The same file, of which only sealed bytes can be read.
    pub(crate) fn sealed(self, seal: Arc<Seal>) -> Self {
        Self { seal: Some(seal), ..self }
    }

    /// The file behind the seal, if there is one.
    pub(crate) fn unsealed(&self) -> Option<Self> {
        self.seal.as_ref().map(|_| Self::new(self.blob.clone()))
    }

    pub(crate) fn seal(&self) -> Option<&Seal> {
        self.seal.as_deref()
    }

    /// The file itself, plain whether it is sealed or not.
    pub(crate) fn blob(&self) -> &web_sys::Blob {
        &self.blob
    }

    pub(crate) fn len(&self) -> u64 {
        // A Blob's size is a non-negative integer below 2^53.
        self.seal.as_ref().map_or(self.blob.size() as u64, |seal| seal.len())
    }

    /// The bytes of `range`, as they are now.
    ///
    /// # Errors
    /// `FileChanged` when the file on disk is gone or no longer the one that was chosen, `StorageRefused` otherwise.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, Code> {
        let Some(seal) = &self.seal else { return self.read_plain(range).await };
        let (groups, plain) = seal.plain(range)?;
        Ok(seal.seal(groups, &self.read_plain(plain).await?))
    }

    async fn read_plain(&self, range: Range<u64>) -> Result<Bytes, Code> {
        let buffer = self.read_js(range).await?;
        Ok(Bytes::from(Uint8Array::new(&buffer).to_vec()))
    }

    /// Plain bytes of the file, left on the JavaScript side.
    async fn read_js(&self, range: Range<u64>) -> Result<ArrayBuffer, Code> {
        let slice = self.blob.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(code_of)?;
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
