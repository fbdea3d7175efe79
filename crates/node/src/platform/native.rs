//! A server, or a test: tasks on tokio, files on disk, hashing on a thread of its own.

mod account;
mod disk;
mod file;
mod handle;
mod stack;

pub(crate) use account::{Account, Books, solve};
pub(crate) use disk::Disk;
pub(crate) use file::{FileHandle, Hasher, Parts};
pub(crate) use handle::attach;
pub(crate) use stack::{
    CONNECTS_OVER_STREAMS, DirectBehaviour, accept_over, build_swarm, connect_over, dial_through, external_address,
    listen_addresses, on_direct_event,
};

use crate::event_loop::{FromTab, Report};
use clock::Time;
use content::Message;
use futures::channel::mpsc;
use protocol::{Input, PeerKey};
use std::future::Future;
use std::time::{Duration, Instant};

/// Canonical decomposition (UAX #15, form D).
pub(crate) fn nfd(text: &str) -> String {
    icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned()
}

/// What a task must be to run here.
pub(crate) trait Task: Send + 'static {}
impl<T: Send + 'static> Task for T {}

/// Starts a task of the node.
pub(crate) fn spawn(task: impl Future<Output = ()> + Task) {
    tokio::spawn(task);
}

pub(crate) fn delay(timeout: Duration) -> futures_timer::Delay {
    futures_timer::Delay::new(timeout)
}

/// There is no WebRTC here; direct connections are sockets.
pub(crate) fn webrtc_available() -> bool {
    true
}

/// A native node has no page whose relay would offer a sample: the URL is not read.
pub(crate) async fn serve_web_source(_: String, peer: PeerKey, asked: mpsc::Receiver<Message>, mut report: Report) {
    drop(asked);
    report.hear(Input::ContentClosed { peer }).await;
}

/// A server has no other tabs.
#[derive(Debug)]
pub(crate) struct Tabs;

impl Tabs {
    pub(crate) fn open(_: impl Fn(FromTab) + 'static) -> Self {
        Self
    }

    pub(crate) fn say(&self, _: &FromTab) {}
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
