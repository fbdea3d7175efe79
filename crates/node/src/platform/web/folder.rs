//! Folders in the browser: many files joined into one content without reading them, and taken apart again.
//!
//! A `Blob` made of `Blob`s is a list of references: sharing a folder copies no file through this page's memory. Saving
//! one reads it a piece at a time, and hands each piece on before the next.

use super::FileHandle;
use crate::handle::Handle;
use crate::seal::{Seal, Whole};
use crate::streaming::Window;
use crate::streaming::outgoing::{Archiving, Outgoing, Placed, parts};
use bytes::Bytes;
use content::{ContentId, Folder, names};
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

/// Directories of one name that are counted up to when a folder is saved beside them.
const DIRECTORIES_MAX: u32 = 1000;

/// One file of a folder, as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Components joined by `/`; with one at the end for a folder with nothing in it.
    pub path: String,
    /// Its bytes in the item.
    pub bytes: Range<u64>,
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

    /// Writes a content that is here and verified into a file that the person picked, from the disk to the disk. What was in the
    /// file stays until all of it is written.
    ///
    /// # Errors
    /// As [`save`](Self::save); `StorageRefused` when the file cannot be written, `StorageFull` when there is no room.
    pub async fn save_as(&self, id: ContentId, file: &FileSystemFileHandle) -> Result<(), Code> {
        let whole = self.whole(id).await?;
        let stream: FileSystemWritableFileStream = settled(file.create_writable()).await?;
        if let Some(plain) = whole.plain() {
            // Closes the stream at its end, and gives it up when something fails.
            let written = plain.blob().stream().pipe_to(&stream);
            return JsFuture::from(written).await.map(drop).map_err(|error| code_of(&error));
        }
        let outcome = write_opened(&whole, &stream).await;
        let closing = if outcome.is_ok() { stream.close() } else { stream.abort() };
        let closed = JsFuture::from(closing).await.map(drop).map_err(|error| code_of(&error));
        outcome.and(closed)
    }

    /// The files of a folder, in the order of their paths. Waits for the index while that is on its way.
    ///
    /// # Errors
    /// As [`Reader::folder`](crate::streaming::Reader::folder).
    pub async fn folder_files(&self, id: ContentId) -> Result<Vec<FolderFile>, Code> {
        let folder = self.open(id).await?.folder().await?;
        let files = folder.entries().iter();
        Ok(files.map(|entry| FolderFile { path: entry.path().to_owned(), bytes: entry.byte_range() }).collect())
    }

    /// The chosen files of a folder (runs of places in [`folder_files`](Self::folder_files); `None` for all) as a zip
    /// archive, for browsers that cannot take it from the service worker.
    ///
    /// # Errors
    /// As [`Reader::folder`](crate::streaming::Reader::folder).
    pub async fn save_zip(&self, id: ContentId, chosen: Option<&[Range<u32>]>) -> Result<Blob, Code> {
        let reader = self.open(id).await?;
        let parts = parts(&reader.folder().await?, &reader.details().name, chosen);
        let mut outgoing = Outgoing::Archive(Archiving::new(reader, parts));
        let pieces = Array::new();
        while let Some(piece) = outgoing.next().await? {
            // A `Blob` of its own: the browser may keep it on disk.
            let piece = joined(&Array::of1(&Uint8Array::from(&piece[..])))?;
            pieces.push(&piece);
        }
        joined(&pieces)
    }

    /// One file of a folder, for browsers that cannot take it from the service worker.
    ///
    /// # Errors
    /// As [`Reader::folder`](crate::streaming::Reader::folder).
    pub async fn save_file(&self, id: ContentId, place: u32) -> Result<Blob, Code> {
        let reader = self.open(id).await?;
        let folder = reader.folder().await?;
        let range = folder.entries().get(place as usize).ok_or(Code::NoProvider)?.byte_range();
        let mut outgoing = Outgoing::Bytes { reader, range };
        let pieces = Array::new();
        while let Some(piece) = outgoing.next().await? {
            let piece = joined(&Array::of1(&Uint8Array::from(&piece[..])))?;
            pieces.push(&piece);
        }
        joined(&pieces)
    }

    /// Writes the chosen files of a folder into a new directory of its name, inside of one that the person picked.
    /// Nothing that is there is written over. `progress` hears how many files are done. Says how the directory is called.
    ///
    /// # Errors
    /// As [`Reader::folder`](crate::streaming::Reader::folder); `StorageRefused` when the directory does not take a file,
    /// `StorageFull` when there is no room.
    pub async fn save_into(
        &self,
        id: ContentId,
        chosen: Option<&[Range<u32>]>,
        directory: FileSystemDirectoryHandle,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<String, Code> {
        let reader = self.open(id).await?;
        let name = reader.details().name.clone();
        let parts = parts(&reader.folder().await?, &name, chosen);
        let (name, top) = new_directory(&directory, &names::portable(&name)).await?;
        let (mut window, count) = (Window::new(reader), parts.len());
        // Files come in the order of their folders, so the one before is nearly always the one that is needed.
        let mut parent = (String::new(), top.clone());
        for (done, Placed { place, range }) in parts.into_iter().enumerate() {
            progress(done, count);
            // The first component is the folder's own name, which `top` stands for.
            let inside = place.split_once('/').map_or("", |(_, inside)| inside);
            let (above, file) = inside.rsplit_once('/').unwrap_or(("", inside));
            if parent.0 != above {
                let mut directory = top.clone();
                for component in above.split('/').filter(|component| !component.is_empty()) {
                    directory = subdirectory(&directory, component).await?;
                }
                parent = (above.to_owned(), directory);
            }
            if !file.is_empty() {
                write(&parent.1, file, &mut window, range).await?;
            }
        }
        progress(count, count);
        Ok(name)
    }
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

/// Private bytes, opened slice by slice.
async fn write_opened(whole: &Whole, stream: &FileSystemWritableFileStream) -> Result<(), Code> {
    let length = whole.details().length;
    let mut at = 0;
    while at < length {
        let end = (at + OPEN_SLICE).min(length);
        write_bytes(stream, &whole.read(at..end).await?).await?;
        at = end;
    }
    Ok(())
}

async fn write_bytes(stream: &FileSystemWritableFileStream, bytes: &Bytes) -> Result<(), Code> {
    let written = stream.write_with_js_u8_array(&Uint8Array::from(&bytes[..])).map_err(|error| code_of(&error))?;
    JsFuture::from(written).await.map(drop).map_err(|error| code_of(&error))
}

fn joined(parts: &Array) -> Result<Blob, Code> {
    Blob::new_with_blob_sequence(parts).map_err(|_| Code::StorageRefused)
}

/// Makes a directory that was not there: `name`, or the next number behind it.
async fn new_directory(
    parent: &FileSystemDirectoryHandle,
    name: &str,
) -> Result<(String, FileSystemDirectoryHandle), Code> {
    for number in 1..=DIRECTORIES_MAX {
        let name = if number == 1 { name.to_owned() } else { format!("{name} ({number})") };
        // Without `create`: an error means that there is no such directory, and perhaps a file of that name.
        if JsFuture::from(parent.get_directory_handle(&name)).await.is_err()
            && let Ok(made) = subdirectory(parent, &name).await
        {
            return Ok((name, made));
        }
    }
    Err(Code::StorageRefused)
}

async fn subdirectory(parent: &FileSystemDirectoryHandle, name: &str) -> Result<FileSystemDirectoryHandle, Code> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    settled(parent.get_directory_handle_with_options(name, &options)).await
}

async fn write(
    parent: &FileSystemDirectoryHandle,
    name: &str,
    window: &mut Window,
    mut range: Range<u64>,
) -> Result<(), Code> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(true);
    let file: FileSystemFileHandle = settled(parent.get_file_handle_with_options(name, &options)).await?;
    let stream: FileSystemWritableFileStream = settled(file.create_writable()).await?;
    while !range.is_empty() {
        let bytes: Bytes = window.read(range.clone()).await?;
        range.start += bytes.len() as u64;
        write_bytes(&stream, &bytes).await?;
    }
    JsFuture::from(stream.close()).await.map(drop).map_err(|error| code_of(&error))
}

async fn settled<T: JsCast>(promise: js_sys::Promise) -> Result<T, Code> {
    let value: JsValue = JsFuture::from(promise).await.map_err(|error| code_of(&error))?;
    value.dyn_into().map_err(|_| Code::StorageRefused)
}

fn code_of(error: &JsValue) -> Code {
    match error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.name())).as_deref() {
        Some("QuotaExceededError") => Code::StorageFull,
        _ => Code::StorageRefused,
    }
}
