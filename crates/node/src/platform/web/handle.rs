//! Sharing `File`s, saving `Blob`s, and what the page's events tell the node.

use super::FileHandle;
use super::checks::{self, Checks};
use crate::event_loop::SharedSnapshot;
use crate::handle::Handle;
use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use protocol::{Input, ShareToken};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Stops calling when dropped.
#[derive(Debug)]
pub struct Subscription(AbortHandle);

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Handle {
    /// Shares a file that the person chose. It is read in slices when somebody asks. With its `handle`, where the
    /// browser gave one, the next visit offers it again from where it is; without, from a copy.
    pub fn share(&self, file: web_sys::File, handle: Option<web_sys::FileSystemFileHandle>) -> ShareToken {
        let (name, media_type) = (file.name(), file.type_());
        self.share_file(FileHandle::of_chosen(file, handle), name, media_type, None)
    }

    /// Calls `each` with every later snapshot, at most ten times a second.
    pub fn subscribe(&self, mut each: impl FnMut(SharedSnapshot) + 'static) -> Subscription {
        let mut snapshots = self.snapshots();
        let (abort, registration) = AbortHandle::new_pair();
        let calls = async move {
            while let Some(snapshot) = snapshots.next().await {
                each(snapshot);
            }
        };
        super::spawn(async move { _ = Abortable::new(calls, registration).await });
        Subscription(abort)
    }

    /// What this browser allows, tried now.
    pub async fn checks(&self) -> Checks {
        checks::run().await
    }
}

/// Lets the page's events reach the node: what the browser allows, and whether the tab is seen.
pub(crate) fn attach(handle: &Handle) {
    let checked = handle.clone();
    super::spawn(async move {
        for code in checks::run().await.failed() {
            checked.hear(Input::Notice { code });
        }
    });
    super::stream_port::listen(handle);
    let Some(window) = web_sys::window() else { return };
    // Before the old page ends there is time for a few messages to the store worker, which lives a little longer.
    let left = handle.clone();
    let on_leave = Closure::<dyn FnMut()>::new(move || left.hear(Input::Leaving));
    for event in ["beforeunload", "pagehide"] {
        // A page that cannot listen stores a fifth of a second later.
        let _ = window.add_event_listener_with_callback(event, on_leave.as_ref().unchecked_ref());
    }
    on_leave.forget();
    let Some(document) = window.document() else { return };
    let (seen, watched) = (handle.clone(), document.clone());
    let on_visibility = Closure::<dyn FnMut()>::new(move || seen.set_hidden(watched.hidden()));
    document.set_onvisibilitychange(Some(on_visibility.as_ref().unchecked_ref()));
    // Listens as long as the page lives, which is as long as the node does.
    on_visibility.forget();
    if document.hidden() {
        handle.set_hidden(true);
    }
    super::metered::follow(handle);
}
