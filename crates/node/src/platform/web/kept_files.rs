//! Which files of the person's own the browser remembers: their handles, in IndexedDB, the only place that takes them.
//!
//! Beside each handle is what its file was when it was hashed (length, time of the last change, outboard): one that
//! is no longer that is not offered. Remembering a handle gives no right to read it; the browser may want a click.

use super::database::{self, settled};
use super::opfs::{self, DiskError};
use content::{Manifest, Root};
use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{File, FileSystemFileHandle, IdbObjectStore, IdbTransactionMode};

const DATABASE: &str = "starling";
const FILES: &str = "files";

/// A file that was shared.
#[derive(Debug)]
pub(super) struct KeptFile {
    pub(super) manifest: Manifest,
    pub(super) outboard: Vec<u8>,
    pub(super) handle: FileSystemFileHandle,
    /// When it was last changed, as the browser gives it.
    pub(super) modified: f64,
}

impl KeptFile {
    fn to_js(&self) -> JsValue {
        let (manifest, outboard) =
            (Uint8Array::from(&self.manifest.encode()[..]), Uint8Array::from(&self.outboard[..]));
        Array::of4(&manifest, &outboard, &self.handle, &self.modified.into()).into()
    }

    fn from_js(value: &JsValue) -> Option<Self> {
        let parts = value.dyn_ref::<Array>()?;
        let bytes = |at| Some(parts.get(at).dyn_into::<Uint8Array>().ok()?.to_vec());
        Some(Self {
            manifest: Manifest::decode(&bytes(0)?).ok()?,
            outboard: bytes(1)?,
            handle: parts.get(2).dyn_into().ok()?,
            modified: parts.get(3).as_f64()?,
        })
    }

    /// The file, if it may be read and is still what it was.
    pub(super) async fn read(&self) -> Result<File, Unreadable> {
        if !permits(&self.handle, "queryPermission").await {
            return Err(Unreadable::NotPermitted);
        }
        let file: File = opfs::wait(self.handle.get_file()).await.map_err(|_| Unreadable::Changed)?;
        let same = file.last_modified() == self.modified && file.size() as u64 == self.manifest.length;
        if same { Ok(file) } else { Err(Unreadable::Changed) }
    }

    /// The file as it is now, whatever it was.
    pub(super) async fn read_anew(&self) -> Option<File> {
        opfs::wait(self.handle.get_file()).await.ok()
    }

    /// Asks the person, where the browser wants that. In the moment of a click only.
    pub(super) async fn ask(&self) -> bool {
        permits(&self.handle, "queryPermission").await || permits(&self.handle, "requestPermission").await
    }
}

/// Why a file cannot be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    NotPermitted,
    Changed,
}

/// Browsers without these methods have handles of their own private files only, which need no leave.
async fn permits(handle: &FileSystemFileHandle, method: &str) -> bool {
    let Ok(method) = Reflect::get(handle, &method.into()) else { return false };
    let Some(method) = method.dyn_ref::<js_sys::Function>() else { return true };
    let descriptor = js_sys::Object::new();
    let asked =
        Reflect::set(&descriptor, &"mode".into(), &"read".into()).and_then(|_| method.call1(handle, &descriptor));
    let Ok(Ok(promise)) = asked.map(JsValue::dyn_into) else { return false };
    opfs::wait::<JsValue>(promise).await.is_ok_and(|state| state.as_string().as_deref() == Some("granted"))
}

pub(super) async fn put(root: Root, kept: &KeptFile) -> Result<(), DiskError> {
    let files = files(IdbTransactionMode::Readwrite).await?;
    settled(&files.put_with_key(&kept.to_js(), &opfs::name_of(root).into())?).await.map(drop)
}

pub(super) async fn get(root: Root) -> Option<KeptFile> {
    let files = files(IdbTransactionMode::Readonly).await.ok()?;
    KeptFile::from_js(&settled(&files.get(&opfs::name_of(root).into()).ok()?).await.ok()?)
}

pub(super) async fn list() -> Result<Vec<KeptFile>, DiskError> {
    let files = files(IdbTransactionMode::Readonly).await?;
    let all: Array = settled(&files.get_all()?).await?.unchecked_into();
    Ok(all.iter().filter_map(|value| KeptFile::from_js(&value)).collect())
}

pub(super) async fn remove(root: Root) -> Result<(), DiskError> {
    let files = files(IdbTransactionMode::Readwrite).await?;
    settled(&files.delete(&opfs::name_of(root).into())?).await.map(drop)
}

async fn files(mode: IdbTransactionMode) -> Result<IdbObjectStore, DiskError> {
    database::store(DATABASE, FILES, mode).await
}
