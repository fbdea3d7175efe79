//! The browser: tasks are microtasks, files are `File`s, hashing happens in a worker.

mod account;
mod books;
mod checks;
mod copying;
mod database;
mod disk;
mod disk_worker;
mod file;
mod folder;
mod handle;
mod hasher;
mod kept_files;
mod locks;
mod metered;
mod opening;
mod opfs;
mod parts;
mod shares;
mod stack;
mod stamp;
mod stream_port;
mod tabs;
mod web_source;
mod worker;

pub(crate) use account::Account;
pub(crate) use books::Books;
pub(crate) use disk::Disk;
pub(crate) use file::FileHandle;
pub(crate) use handle::attach;
pub(crate) use hasher::Hasher;
pub(crate) use parts::Parts;
pub(crate) use stack::{
    CONNECTS_OVER_STREAMS, DirectBehaviour, accept_over, build_swarm, connect_over, dial_through, external_address,
    listen_addresses, on_direct_event,
};
pub(crate) use stamp::solve;
pub(crate) use tabs::Tabs;
pub(crate) use transport::webrtc_available;

pub use checks::{Check, Checks};
pub use folder::FolderFile;
pub use handle::Subscription;
pub(crate) use web_source::run as serve_web_source;
pub use worker::run as run_worker;

use clock::Time;
use std::future::Future;
use std::time::Duration;
use web_time::Instant;

/// Canonical decomposition (UAX #15, form D), by the browser's own tables: 50 kB that the page need not bring.
pub(crate) fn nfd(text: &str) -> String {
    js_sys::JsString::from(text).normalize("NFD").into()
}

/// What a task must be to run here: anything, on the page's one thread.
pub(crate) trait Task: 'static {}
impl<T: 'static> Task for T {}

/// Starts a task of the node.
pub(crate) fn spawn(task: impl Future<Output = ()> + Task) {
    wasm_bindgen_futures::spawn_local(task);
}

pub(crate) fn delay(timeout: Duration) -> futures_timer::Delay {
    futures_timer::Delay::new(timeout)
}

/// Reads the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Time {
        Time::from_micros(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}
