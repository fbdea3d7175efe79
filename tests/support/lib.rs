//! What journeys stand on: a relay process, browser processes, the page's hooks, files, and a stage that keeps
//! evidence when a journey fails.
//!
//! Nothing here is clever, and nothing pretends: the relay is the built binary, the page is the built page, every peer
//! is a Chromium process of its own.

mod browser;
mod chromedriver;
mod download;
mod exchange;
mod files;
mod http;
mod nodes;
mod page;
mod relay;
mod stage;
pub mod udp_delay;
mod unpacked;
mod video;

pub use browser::{Browser, Options};
pub use exchange::{exchange, saves};
pub use files::{Folder, Pattern};
pub use http::{Answer, get};
pub use nodes::{Flock, Node};
pub use page::{Peer, Tab, Transfer};
pub use relay::{CIRCUIT_BYTES_MAX, Relay};
pub use stage::{Stage, journey};
pub use udp_delay::UdpDelay;
pub use unpacked::{tree, unpacked};
pub use video::Video;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}
