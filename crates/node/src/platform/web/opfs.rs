//! The origin-private file system, as this program lays it out: one folder per content, named by its root.
//!
//! ```text
//! starling-1 / <root in hex> / manifest   canonical bytes
//!                            / bytes      the content, each byte in its place
//!                            / journal    records: which groups count, and their proof
//!                            / used       written when it is read: its time says when that was
//!                            / pinned     is there when the person said that it stays
//! starling-1-own / <root in hex> / manifest, bytes
//!                                / outboard  every hash pair above the bytes
//! ```
//!
//! The second folder has copies of the person's own files that the browser could not give back by itself. The number in
//! the folders' names changes with the layout: an older one is not read.

use content::{Manifest, Root};
use js_sys::{AsyncIterator, IteratorNext, Promise, Reflect, Uint8Array};
use std::fmt::Write;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions, FileSystemGetFileOptions,
    FileSystemReadWriteOptions, FileSystemRemoveOptions, FileSystemSyncAccessHandle, StorageManager,
};

/// Which of the two folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// What was fetched.
    Fetched,
    /// Copies of own files.
    Own,
}

impl Shelf {
    const fn name(self) -> &'static str {
        match self {
            Self::Fetched => "starling-1",
            Self::Own => "starling-1-own",
        }
    }
}

pub(super) const MANIFEST: &str = "manifest";
pub(super) const BYTES: &str = "bytes";
pub(super) const JOURNAL: &str = "journal";
pub(super) const OUTBOARD: &str = "outboard";
pub(super) const USED: &str = "used";
pub(super) const PINNED: &str = "pinned";

/// Why the file system did not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DiskError {
    /// There is no such file system on this page.
    #[error("no private file system")]
    Absent,
    /// It is the turn of another tab of this person.
    #[error("open in another tab")]
    Elsewhere,
    /// Somebody else has the file open.
    #[error("open elsewhere")]
    Busy,
    /// By this much; 0 when the browser does not say.
    #[error("no room for {short} bytes")]
    Full { short: u64 },
    #[error("no such file")]
    NotFound,
    #[error("refused")]
    Refused,
}

impl From<JsValue> for DiskError {
    fn from(error: JsValue) -> Self {
        let name = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.name()));
        match name.as_deref() {
            Some("QuotaExceededError") => Self::Full { short: 0 },
            Some("NoModificationAllowedError") => Self::Busy,
            Some("NotFoundError") => Self::NotFound,
            other => {
                log::warn!("private file system: {}", other.unwrap_or("an unknown error"));
                Self::Refused
            }
        }
    }
}

/// Whether there is one to try: insecure origins and old browsers have none.
pub(super) fn is_here() -> bool {
    storage().is_ok()
}

pub(super) fn storage() -> Result<StorageManager, DiskError> {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).map_err(|_| DiskError::Absent)?;
    let storage = Reflect::get(&navigator, &"storage".into()).map_err(|_| DiskError::Absent)?;
    let opens = Reflect::get(&storage, &"getDirectory".into()).is_ok_and(|open| open.is_function());
    if opens { Ok(storage.unchecked_into()) } else { Err(DiskError::Absent) }
}

/// Bytes that the browser would still keep for this page; `None` when it does not say.
pub(super) async fn room() -> Option<u64> {
    let estimate: JsValue = wait(storage().ok()?.estimate().ok()?).await.ok()?;
    let bytes = |name: &str| Reflect::get(&estimate, &name.into()).ok()?.as_f64();
    Some((bytes("quota")? - bytes("usage")?).max(0.0) as u64)
}

pub(super) async fn wait<T: JsCast>(promise: Promise) -> Result<T, DiskError> {
    Ok(JsFuture::from(promise).await?.unchecked_into())
}

/// The folder of all contents on a shelf.
async fn folder(shelf: Shelf, create: bool) -> Result<FileSystemDirectoryHandle, DiskError> {
    let top: FileSystemDirectoryHandle = wait(storage()?.get_directory()).await.map_err(|_| DiskError::Absent)?;
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(create);
    wait(top.get_directory_handle_with_options(shelf.name(), &options)).await
}

/// The folder of one content.
pub(super) async fn folder_of(shelf: Shelf, root: Root, create: bool) -> Result<FileSystemDirectoryHandle, DiskError> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(create);
    wait(folder(shelf, create).await?.get_directory_handle_with_options(&name_of(root), &options)).await
}

pub(super) async fn remove(shelf: Shelf, root: Root) -> Result<(), DiskError> {
    let options = FileSystemRemoveOptions::new();
    options.set_recursive(true);
    let folder = folder(shelf, false).await?;
    wait::<JsValue>(folder.remove_entry_with_options(&name_of(root), &options)).await.map(drop)
}

/// A content on a shelf.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) manifest: Manifest,
    pub(super) pinned: bool,
    /// When it was last read, or begun; ms since the epoch.
    used: f64,
}

/// All contents on a shelf, what was not used for longest first.
pub(super) async fn list(shelf: Shelf) -> Result<Vec<Found>, DiskError> {
    let names: AsyncIterator = match folder(shelf, false).await {
        Ok(folder) => folder.keys(),
        Err(DiskError::NotFound) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found: Vec<Found> = Vec::new();
    let mut torn = Vec::new();
    loop {
        let next: IteratorNext = wait(names.next()?).await?;
        if next.done() {
            break;
        }
        let Some(root) = next.value().as_string().as_deref().and_then(root_of) else { continue };
        match manifest_of(shelf, root).await {
            Ok((begun, manifest)) if manifest.root == root => {
                let used = used_at(root).await.unwrap_or(begun);
                let pinned = is_pinned(root).await;
                found.push(Found { manifest, pinned, used });
            }
            // Another tab may be making or removing it, or a crash came between: then it is no content (yet).
            Ok(_) | Err(_) => torn.push(root),
        }
    }
    for root in torn.into_iter().filter(|_| shelf == Shelf::Own) {
        // A copy that was not finished is as long as one that was. One that another tab is making is open there, and
        // cannot be removed.
        let _ = remove(shelf, root).await;
    }
    found.sort_by(|a, b| a.used.total_cmp(&b.used));
    Ok(found)
}

/// When a fetched content was last read, ms since the epoch, if it ever was.
pub(super) async fn used_at(root: Root) -> Option<f64> {
    Some(file_of(Shelf::Fetched, root, USED).await.ok()?.last_modified())
}

/// Whether the person said that a fetched content stays.
pub(super) async fn is_pinned(root: Root) -> bool {
    file_of(Shelf::Fetched, root, PINNED).await.is_ok()
}

async fn manifest_of(shelf: Shelf, root: Root) -> Result<(f64, Manifest), DiskError> {
    let file = file_of(shelf, root, MANIFEST).await?;
    let manifest = Manifest::decode(&all_of(&file).await?).map_err(|_| DiskError::Refused)?;
    Ok((file.last_modified(), manifest))
}

/// The bytes of a small file.
pub(super) async fn all_of(file: &File) -> Result<Vec<u8>, DiskError> {
    Ok(Uint8Array::new(&JsFuture::from(file.array_buffer()).await?).to_vec())
}

/// A file of one content, to be read.
pub(super) async fn file_of(shelf: Shelf, root: Root, name: &str) -> Result<File, DiskError> {
    let handle: FileSystemFileHandle = wait(folder_of(shelf, root, false).await?.get_file_handle(name)).await?;
    wait(handle.get_file()).await
}

/// The bytes of a content, all of them written.
pub(super) async fn bytes_of(root: Root) -> Result<File, DiskError> {
    file_of(Shelf::Fetched, root, BYTES).await
}

/// A file of a content, to be written; in a worker only. Closed when dropped.
#[derive(Debug)]
pub(super) struct OpenFile(FileSystemSyncAccessHandle);

impl OpenFile {
    pub(super) async fn open(folder: &FileSystemDirectoryHandle, name: &str) -> Result<Self, DiskError> {
        let create = FileSystemGetFileOptions::new();
        create.set_create(true);
        let handle: FileSystemFileHandle = wait(folder.get_file_handle_with_options(name, &create)).await?;
        Ok(Self(wait(handle.create_sync_access_handle()).await?))
    }

    pub(super) fn len(&self) -> Result<u64, DiskError> {
        // A file's size is a non-negative integer below 2^53.
        Ok(self.0.get_size()? as u64)
    }

    pub(super) fn resize(&self, len: u64) -> Result<(), DiskError> {
        Ok(self.0.truncate_with_f64(len as f64)?)
    }

    pub(super) fn flush(&self) -> Result<(), DiskError> {
        Ok(self.0.flush()?)
    }

    /// Fills `buffer` from `start`; false when the file ends before.
    pub(super) fn read(&self, start: u64, buffer: &mut [u8]) -> Result<bool, DiskError> {
        let wanted = buffer.len() as f64;
        Ok(self.0.read_with_u8_array_and_options(buffer, &at(start))? >= wanted)
    }

    /// As [`Self::read`], leaving the bytes on the JavaScript side.
    pub(super) fn read_js(&self, start: u64, len: u32) -> Result<Option<Uint8Array>, DiskError> {
        let buffer = Uint8Array::new_with_length(len);
        let read = self.0.read_with_js_u8_array_and_options(&buffer, &at(start))?;
        Ok((read >= f64::from(len)).then_some(buffer))
    }

    /// Writes all of `bytes` at `start`. A write that ends early has met the end of the disk.
    pub(super) fn write_js(&self, start: u64, bytes: &Uint8Array) -> Result<(), DiskError> {
        let written = self.0.write_with_js_u8_array_and_options(bytes, &at(start))?;
        if written >= f64::from(bytes.length()) { Ok(()) } else { Err(DiskError::Full { short: 0 }) }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn at(start: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(start as f64);
    options
}

/// The folder's name of a content.
pub(super) fn name_of(root: Root) -> String {
    root.0.iter().fold(String::with_capacity(64), |mut name, byte| {
        write!(name, "{byte:02x}").expect("writing to a String cannot fail");
        name
    })
}

/// The content a folder is of; `None` for a folder that is not ours.
pub(super) fn root_of(name: &str) -> Option<Root> {
    let digits: Vec<u8> =
        name.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    Some(Root(<[u8; 32]>::try_from(bytes).ok().filter(|_| rest.is_empty())?))
}
