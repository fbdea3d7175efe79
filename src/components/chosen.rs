//! Files that the person chose, with what the browser remembers them by where it gives that: then the next visit offers
//! them again from where they are.
//!
//! A drop gives it in some browsers, their newer chooser does, and a plain input or a paste never do. All of it is asked
//! for by name, because browsers without it are many.

use crate::browser;
use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemFileHandle};

/// What the browser remembers the one file of a drop by; `None` of several, and where it does not. It is asked before
/// this returns: later the event is empty.
pub(crate) fn remembered(data: &DataTransfer) -> impl Future<Output = Option<FileSystemFileHandle>> + use<> {
    let items = data.items();
    let only = items.get(0).filter(|_| items.length() == 1);
    let asked =
        only.and_then(|item| method(&item, "getAsFileSystemHandle")?.call0(&item).ok()?.dyn_into::<Promise>().ok());
    async move { JsFuture::from(asked?).await.ok()?.dyn_into().ok() }
}

/// What came of a chooser.
#[derive(Debug)]
pub(crate) enum Picked {
    /// With what the browser remembers it by, if it is one.
    Files(Vec<File>, Option<FileSystemFileHandle>),
    /// The person closed it.
    Nothing,
    /// This browser has no such chooser, or not here.
    NoChooser,
}

/// Opens the chooser that gives handles. In the moment of a click only.
pub(crate) async fn pick() -> Picked {
    let window = browser::window();
    let Some(open) = method(&window, "showOpenFilePicker") else { return Picked::NoChooser };
    let options = Object::new();
    let many = Reflect::set(&options, &"multiple".into(), &true.into());
    let Ok(Ok(promise)) = many.and_then(|_| open.call1(&window, &options)).map(JsCast::dyn_into::<Promise>) else {
        return Picked::NoChooser;
    };
    let handles: Vec<FileSystemFileHandle> = match JsFuture::from(promise).await {
        Ok(handles) => Array::from(&handles).iter().filter_map(|handle| handle.dyn_into().ok()).collect(),
        Err(error) => {
            let name = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.name()));
            return if name.as_deref() == Some("AbortError") { Picked::Nothing } else { Picked::NoChooser };
        }
    };
    let mut files = Vec::new();
    for handle in &handles {
        if let Ok(file) = JsFuture::from(handle.get_file()).await {
            files.push(file.unchecked_into());
        }
    }
    let only = if let [only] = &handles[..] { Some(only.clone()) } else { None };
    Picked::Files(files, only)
}

fn method(target: &JsValue, name: &str) -> Option<Function> {
    Reflect::get(target, &name.into()).ok()?.dyn_into().ok()
}
