//! What the person gives at once, as paths and files: single files, several, or a folder with all that is in it.
//!
//! Several files, or a folder, become one folder under one link. Browsers list folders in batches and by callbacks; the
//! walk is sequential, so that a large folder never floods the browser with requests.

use content::folder::{DEPTH_MAX, FILES_MAX};
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

/// Paths with their files; a path that ends with `/` and has none is a folder with nothing in it.
pub(crate) type Found = Vec<(String, Option<File>)>;

/// Files that were chosen one by one.
pub(crate) fn of_files(files: Vec<File>) -> Found {
    files.into_iter().map(|file| (relative_path(&file), Some(file))).collect()
}

/// In a folder's input each file knows its path from that folder on; elsewhere the path is empty.
fn relative_path(file: &File) -> String {
    let path = js_sys::Reflect::get(file, &"webkitRelativePath".into()).ok().and_then(|path| path.as_string());
    path.filter(|path| !path.is_empty()).unwrap_or_else(|| file.name())
}

/// The entries of a drop. They are only there while the event lasts, so this comes before anything waits.
pub(crate) fn entries(data: &DataTransfer) -> Vec<FileSystemEntry> {
    let items = data.items();
    (0..items.length()).filter_map(|at| items.get(at)?.webkit_get_as_entry().ok().flatten()).collect()
}

/// Walks dropped entries. What the browser does not let us read is left out, like what is beyond the limits of a
/// folder plus one: the one makes sure that somebody says so.
pub(crate) async fn walk(entries: Vec<FileSystemEntry>) -> Found {
    let mut found = Found::new();
    let mut waiting: Vec<(String, FileSystemEntry)> =
        entries.into_iter().rev().map(|entry| (entry.name(), entry)).collect();
    while let Some((path, entry)) = waiting.pop() {
        if found.len() > FILES_MAX {
            break;
        }
        // Their interfaces have no names in Chromium, so `instanceof` tells nothing.
        if entry.is_file() {
            let file = read_file(entry.unchecked_ref::<FileSystemFileEntry>()).await;
            found.extend(file.map(|file| (path, Some(file))));
        } else if entry.is_directory() {
            let directory = entry.unchecked_ref::<FileSystemDirectoryEntry>();
            let children = if path.split('/').count() > DEPTH_MAX { Vec::new() } else { list(directory).await };
            if children.is_empty() {
                found.push((format!("{path}/"), None));
            }
            waiting.extend(children.into_iter().rev().map(|child| (format!("{path}/{}", child.name()), child)));
        }
    }
    found
}

async fn read_file(entry: &FileSystemFileEntry) -> Option<File> {
    let promise = Promise::new(&mut |resolve, reject| entry.file_with_callback_and_callback(&resolve, &reject));
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// All entries of a directory: a reader gives a hundred at a time, and at last none.
async fn list(directory: &FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let reader = directory.create_reader();
    let mut entries = Vec::new();
    while entries.len() <= FILES_MAX {
        let promise = Promise::new(&mut |resolve, reject| {
            if let Err(error) = reader.read_entries_with_callback_and_callback(&resolve, &reject) {
                drop(reject.call1(&JsValue::NULL, &error));
            }
        });
        let Ok(batch) = JsFuture::from(promise).await else { break };
        let batch: Array = batch.unchecked_into();
        if batch.length() == 0 {
            break;
        }
        entries.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
    entries
}
