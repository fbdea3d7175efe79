//! Copies of the person's own files, written by the store worker beside everything else it does.
//!
//! A copy counts when its manifest is there, which is written last. It is read like a file that was chosen, and proved
//! on its way out like one: neither its bytes nor the outboard beside them are believed.

use super::opfs::{self, BYTES, DiskError, MANIFEST, OUTBOARD, OpenFile, Shelf};
use content::Root;
use js_sys::{Array, Uint8Array};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

/// Bytes between two looks at whether the copy is still wanted; a few milliseconds of writing.
const SLICE: u64 = 4 * 1024 * 1024;

/// A copy takes at most this part of the room that the browser still gives: what is fetched needs some, too.
const PART_OF_ROOM: u64 = 4;

/// Copies under way, by what they are of. Taken out of the set, a copy ends at its next slice.
#[derive(Clone, Debug, Default)]
pub(super) struct Copying(Rc<RefCell<BTreeSet<Root>>>);

impl Copying {
    /// `parts` are those of the message: number, wish, root, manifest, outboard, bytes.
    pub(super) fn begin(&self, root: Root, parts: &Array) -> impl Future<Output = Result<(), DiskError>> + use<> {
        let (copying, given) =
            (self.clone(), (parts.get(3).dyn_into(), parts.get(4).dyn_into(), parts.get(5).dyn_into()));
        async move {
            let (Ok(manifest), Ok(outboard), Ok(bytes)) = given else { return Err(DiskError::Refused) };
            if opfs::file_of(Shelf::Own, root, MANIFEST).await.is_ok() {
                return Ok(());
            }
            copying.0.borrow_mut().insert(root);
            let copied = copying.copy(root, &manifest, &outboard, &bytes).await;
            copying.0.borrow_mut().remove(&root);
            if copied.as_ref().is_err_and(|error| *error != DiskError::Busy) {
                // What cannot be removed now is removed when it is found without a manifest.
                let _ = opfs::remove(Shelf::Own, root).await;
            }
            copied
        }
    }

    /// Fails with `Full` when the copy would take more than its part.
    async fn copy(
        &self,
        root: Root,
        manifest: &Uint8Array,
        outboard: &Uint8Array,
        bytes: &Blob,
    ) -> Result<(), DiskError> {
        let length = bytes.size() as u64;
        if opfs::room().await.is_some_and(|room| length > room / PART_OF_ROOM) {
            return Err(DiskError::Full { short: 0 });
        }
        let folder = opfs::folder_of(Shelf::Own, root, true).await?;
        let copy = OpenFile::open(&folder, BYTES).await?;
        // All the room is taken at once, so that a disk that is too small says so before anything is read.
        copy.resize(length)?;
        let mut at = 0;
        while at < length {
            let end = (at + SLICE).min(length);
            let slice = bytes.slice_with_f64_and_f64(at as f64, end as f64)?;
            let read = Uint8Array::new(&JsFuture::from(slice.array_buffer()).await?);
            if u64::from(read.length()) != end - at || !self.0.borrow().contains(&root) {
                return Err(DiskError::Refused);
            }
            copy.write_js(at, &read)?;
            at = end;
        }
        copy.flush()?;
        for (name, content) in [(OUTBOARD, outboard), (MANIFEST, manifest)] {
            let file = OpenFile::open(&folder, name).await?;
            file.write_js(0, content)?;
            file.flush()?;
        }
        Ok(())
    }

    /// Ends a copy under way, or removes one that is done.
    pub(super) async fn forget(&self, root: Root) -> Result<(), DiskError> {
        if self.0.borrow_mut().remove(&root) {
            return Ok(());
        }
        match opfs::remove(Shelf::Own, root).await {
            Ok(()) | Err(DiskError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
