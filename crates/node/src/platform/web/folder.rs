//! Folders in the browser: many files joined into one content without reading them, and taken apart again.
//!
//! A `Blob` made of `Blob`s is a list of references: neither sharing a folder nor saving it as an archive copies the
//! files through this page's memory. Files are read once for the archive's sums, a slice at a time.

use super::FileHandle;
use crate::handle::Handle;
use crate::platform::HASH_SLICE;
use crate::seal::{Seal, Whole};
use archive::Zip;
use content::folder::Entry;
use content::{ContentId, Folder};
use js_sys::{Array, Uint8Array};
use protocol::{Code, ShareToken};
use std::ops::Range;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions, FileSystemGetFileOptions,
    FileSystemWritableFileStream,
};

/// Plain bytes opened at once when a private content is saved: a few milliseconds of work.
const OPEN_SLICE: u64 = 64 * content::private::PLAIN_LEN as u64;

/// One file of a folder, as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Components joined by `/`; with one at the end for a folder with nothing in it.
    pub path: String,
    /// Bytes.
    pub length: u64,
}

impl Handle {
    /// Shares a file that the person chose by a link without which nobody can read it.
    ///
    /// # Errors
    /// `StorageRefused` when the browser gives no randomness, `LimitReached` when the file is too long.
    pub fn share_privately(&self, file: web_sys::File) -> Result<ShareToken, Code> {
        let (name, media_type) = (file.name(), file.type_());
        let file = FileHandle::new(file.into());
        let seal = Seal::fresh(file.len())?;
        Ok(self.share_file(file.sealed(seal), name, media_type, None))
    }

    /// Shares `files`, each with its path in the folder, by one link. A path that ends with `/` and has no file is a
    /// folder with nothing in it.
    ///
    /// # Errors
    /// `LimitReached` for more files, levels or bytes than a folder may have, and as sharing a file.
    pub fn share_folder(
        &self,
        name: String,
        files: Vec<(String, Option<web_sys::File>)>,
        private: bool,
    ) -> Result<ShareToken, Code> {
        let lengths: Vec<(String, u64)> = files
            .iter()
            .map(|(path, file)| (path.clone(), file.as_ref().map_or(0, |file| file.size() as u64)))
            .collect();
        let (folder, order) = Folder::arrange(&lengths).map_err(|_| Code::LimitReached)?;
        let parts = Array::of1(&Uint8Array::from(&folder.encode()[..]));
        for file in order.into_iter().filter_map(|at| files[at].1.as_ref()) {
            parts.push(file);
        }
        let file = FileHandle::new(joined(&parts)?);
        // A file that changed its length since it was looked at would shift all that follow.
        if file.len() != folder.length() {
            return Err(Code::FileChanged);
        }
        let file = if private { file.clone().sealed(Seal::fresh(file.len())?) } else { file };
        Ok(self.share_file(file, name, String::new(), Some(folder.index_len())))
    }

    /// A content that is here and verified, as the browser saves it.
    ///
    /// # Errors
    /// `NoProvider` while some of it is missing, `BadManifest` when whoever shared it sealed it wrongly.
    pub async fn save(&self, id: ContentId) -> Result<Blob, Code> {
        let whole = self.whole(id).await?;
        plain(&whole).await
    }

    /// The files of a folder that is here and verified, in the order of their paths.
    ///
    /// # Errors
    /// As [`save`](Self::save); `BadManifest` when the index is none.
    pub async fn folder_files(&self, id: ContentId) -> Result<Vec<FolderFile>, Code> {
        let folder = index(&self.whole(id).await?).await?;
        let files = folder.entries().iter();
        Ok(files.map(|entry| FolderFile { path: entry.path().to_owned(), length: entry.len() }).collect())
    }

    /// The chosen files of a folder (places in [`folder_files`](Self::folder_files); `None` for all) as a zip archive.
    ///
    /// # Errors
    /// As [`folder_files`](Self::folder_files).
    pub async fn save_zip(&self, id: ContentId, chosen: Option<Vec<usize>>) -> Result<Blob, Code> {
        let (files, bytes) = self.take_apart(id, chosen).await?;
        let mut zip = Zip::new();
        let parts = Array::new();
        let push = |bytes: Vec<u8>| parts.push(&Uint8Array::from(&bytes[..]));
        let unwritable = |_| Code::BadManifest;
        for (place, range) in files {
            let length = range.end - range.start;
            push(zip.begin(&place, length).map_err(unwritable)?);
            let file = FileHandle::new(slice(&bytes, range)?);
            let mut at = 0;
            while at < length {
                let end = (at + HASH_SLICE).min(length);
                zip.pass(&file.read(at..end).await?).map_err(unwritable)?;
                at = end;
            }
            parts.push(file.blob());
            push(zip.end().map_err(unwritable)?);
        }
        push(zip.finish().map_err(unwritable)?);
        joined(&parts)
    }

    /// Writes the chosen files of a folder into a directory that the person picked; says how many.
    ///
    /// # Errors
    /// As [`folder_files`](Self::folder_files); `StorageRefused` when the directory takes a file not.
    pub async fn save_into(
        &self,
        id: ContentId,
        chosen: Option<Vec<usize>>,
        directory: FileSystemDirectoryHandle,
    ) -> Result<usize, Code> {
        let (files, bytes) = self.take_apart(id, chosen).await?;
        let count = files.len();
        for (place, range) in files {
            let mut parent = directory.clone();
            let (above, name) = place.rsplit_once('/').unwrap_or(("", &place));
            for component in above.split('/').filter(|component| !component.is_empty()) {
                parent = subdirectory(&parent, component).await?;
            }
            if !name.is_empty() {
                write(&parent, name, &slice(&bytes, range)?).await?;
            }
        }
        Ok(count)
    }

    /// Where each chosen file goes, and which of the plain bytes are its own.
    async fn take_apart(
        &self,
        id: ContentId,
        chosen: Option<Vec<usize>>,
    ) -> Result<(Vec<(String, Range<u64>)>, Blob), Code> {
        let whole = self.whole(id).await?;
        let folder = index(&whole).await?;
        let chosen = chosen.unwrap_or_else(|| (0..folder.entries().len()).collect());
        let files = folder.entries().iter().map(Entry::byte_range);
        let all: Vec<(String, Range<u64>)> = folder.places().into_iter().zip(files).collect();
        Ok((chosen.into_iter().filter_map(|at| all.get(at).cloned()).collect(), plain(&whole).await?))
    }
}

async fn index(whole: &Whole) -> Result<Folder, Code> {
    let details = whole.details();
    let index_len = details.index_len.ok_or(Code::BadManifest)?;
    let bytes = whole.read(0..u64::from(index_len)).await?;
    Folder::decode(&bytes, details.length).map_err(|_| Code::BadManifest)
}

/// The plain bytes. Opened slices go to the browser one by one: it may keep them on disk.
async fn plain(whole: &Whole) -> Result<Blob, Code> {
    if let Some(file) = whole.plain() {
        return Ok(file.blob().clone());
    }
    let length = whole.details().length;
    let parts = Array::new();
    let mut at = 0;
    while at < length {
        let end = (at + OPEN_SLICE).min(length);
        let bytes = whole.read(at..end).await?;
        let part = joined(&Array::of1(&Uint8Array::from(&bytes[..])))?;
        parts.push(&part);
        at = end;
    }
    joined(&parts)
}

fn joined(parts: &Array) -> Result<Blob, Code> {
    Blob::new_with_blob_sequence(parts).map_err(|_| Code::StorageRefused)
}

fn slice(bytes: &Blob, range: Range<u64>) -> Result<Blob, Code> {
    bytes.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(|_| Code::StorageRefused)
}

async fn subdirectory(parent: &FileSystemDirectoryHandle, name: &str) -> Result<FileSystemDirectoryHandle, Code> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    settled(parent.get_directory_handle_with_options(name, &options)).await
}

async fn write(parent: &FileSystemDirectoryHandle, name: &str, bytes: &Blob) -> Result<(), Code> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(true);
    let file: FileSystemFileHandle = settled(parent.get_file_handle_with_options(name, &options)).await?;
    let stream: FileSystemWritableFileStream = settled(file.create_writable()).await?;
    let written = stream.write_with_blob(bytes).map_err(|_| Code::StorageRefused)?;
    JsFuture::from(written).await.map_err(|_| Code::StorageRefused)?;
    JsFuture::from(stream.close()).await.map(drop).map_err(|_| Code::StorageRefused)
}

async fn settled<T: JsCast>(promise: js_sys::Promise) -> Result<T, Code> {
    let value: JsValue = JsFuture::from(promise).await.map_err(|_| Code::StorageRefused)?;
    value.dyn_into().map_err(|_| Code::StorageRefused)
}
