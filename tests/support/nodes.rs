//! A flock in this process: a relay and nodes on loopback sockets, without a browser.
//!
//! What a journey proves with tabs, the same journey here proves of everything but the browser, in seconds: a red test
//! here points below the page and the WebRTC transport.

use crate::Folder;
use anyhow::{Context, Result};
use futures::StreamExt;
use node::SharedSnapshot;
use protocol::snapshot::{PathView, Status, TransferState, TransferView};
use protocol::{Command, Snapshot};
use relay::UdpPort;
use std::path::Path;
use std::time::Duration;

/// Longer than anything here takes on a busy machine with two cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// One relay, its folders, and the address nodes are given.
#[derive(Debug)]
pub struct Flock {
    folder: Folder,
    relay: Option<relay::Relay>,
    port: u16,
    address: String,
}

impl Flock {
    /// Starts the relay on a free port.
    pub async fn start() -> Result<Self> {
        let folder = Folder::new()?;
        let page = folder.path().join("page");
        std::fs::create_dir_all(&page)?;
        std::fs::write(page.join("index.html"), "<!doctype html><title>page</title>")?;
        let relay = start_relay(&folder, 0).await?;
        let (port, address) = (relay_port(&relay)?, relay.address().to_string());
        Ok(Self { folder, relay: Some(relay), port, address })
    }

    /// The folder of this test alone.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A fresh node that knows this relay and nobody else.
    pub fn node(&self) -> Result<Node> {
        self.node_within(protocol::Config::default())
    }

    /// As [`node`](Self::node), with these limits and habits.
    pub fn node_within(&self, limits: protocol::Config) -> Result<Node> {
        let config = node::Config {
            limits,
            relays: vec![self.address.clone()],
            listen: vec!["/ip4/127.0.0.1/tcp/0/ws".to_owned()],
            ..node::Config::default()
        };
        Ok(Node(node::start(config)?))
    }

    /// The relay's counters.
    pub fn stats(&self) -> Option<relay::Stats> {
        self.relay.as_ref().map(relay::Relay::stats)
    }

    /// The relay goes.
    pub async fn stop_relay(&mut self) {
        if let Some(relay) = self.relay.take() {
            relay.stop().await;
        }
    }

    /// The relay comes back: same port, same data folder, nothing remembered of who was here.
    pub async fn restart_relay(&mut self) -> Result<()> {
        self.stop_relay().await;
        self.relay = Some(start_relay(&self.folder, self.port).await?);
        Ok(())
    }
}

async fn start_relay(folder: &Folder, port: u16) -> Result<relay::Relay> {
    let config = relay::Config {
        port,
        page: folder.path().join("page"),
        data: folder.path().join("data"),
        stun: UdpPort::Off,
        webrtc_direct: UdpPort::Off,
        ..relay::Config::default()
    };
    relay::Relay::start(config).await.context("the relay does not start")
}

fn relay_port(relay: &relay::Relay) -> Result<u16> {
    let url = relay.url();
    let (_, port) = url.trim_end_matches('/').rsplit_once(':').context("a URL without a port")?;
    port.parse().context("a port that is no number")
}

/// A running node; it stops when this is dropped.
#[derive(Clone, Debug)]
pub struct Node(pub node::Handle);

impl Node {
    /// Its `PeerId`, as snapshots of others name it.
    pub fn id(&self) -> String {
        self.0.me().to_string()
    }

    /// The first snapshot, from now on, of which `holds` is true.
    ///
    /// # Panics
    /// When none comes in time, with what the last one said.
    pub async fn until(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> SharedSnapshot {
        // Before the newest is looked at, so that none is missed between the two.
        let mut later = self.0.snapshots();
        let newest = self.0.snapshot();
        if holds(&newest) {
            return newest;
        }
        let waiting = async {
            loop {
                let snapshot = later.next().await.expect("a handle is held, so the node runs");
                if holds(&snapshot) {
                    return snapshot;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(snapshot) => snapshot,
            Err(_) => panic!("gave up waiting until {what}: {:#?}", self.0.snapshot()),
        }
    }

    /// A relay knows this node.
    pub async fn until_online(&self) -> SharedSnapshot {
        self.until("it is online", |snapshot| snapshot.status == Status::Online).await
    }

    /// There is a direct path to `other`, and its round trip was measured.
    pub async fn until_sees(&self, other: &Node) -> SharedSnapshot {
        let id = other.id();
        self.until("it sees the other", |snapshot| {
            let peer = snapshot.peers.iter().find(|peer| peer.peer == id);
            peer.is_some_and(|peer| peer.path == PathView::Direct && peer.rtt_ms.is_some())
        })
        .await
    }

    /// Shares the file at `path`, and waits for its content id.
    pub async fn share(&self, path: &Path) -> Result<String> {
        let name = path.file_name().and_then(|name| name.to_str()).context("a file has a name")?.to_owned();
        self.0.share_path(path.to_owned(), name.clone(), "application/octet-stream".to_owned())?;
        let shared = |snapshot: &Snapshot| {
            let done = |item: &&TransferView| item.name == name && item.state == TransferState::Done;
            snapshot.transfers.iter().find(done).map(|item| item.content_id.clone())
        };
        let snapshot = self.until("the file is hashed", |snapshot| shared(snapshot).is_some()).await;
        shared(&snapshot).context("just seen")
    }

    /// Asks for a content.
    pub fn fetch(&self, id: &str) {
        let id = id.parse().expect("a content id is text that parses");
        self.0.command(Command::Fetch { id });
    }

    /// The first view of the item of which `holds` is true.
    pub async fn until_item(&self, what: &str, id: &str, holds: impl Fn(&TransferView) -> bool) -> TransferView {
        let found = |snapshot: &Snapshot| {
            snapshot.transfers.iter().find(|item| item.content_id == id).filter(|item| holds(item)).cloned()
        };
        let snapshot = self.until(what, |snapshot| found(snapshot).is_some()).await;
        found(&snapshot).expect("just seen")
    }

    /// All of the item is here.
    pub async fn until_done(&self, id: &str) -> TransferView {
        self.until_item("the item is done", id, |item| item.state == TransferState::Done).await
    }

    /// The bytes of an item that is done.
    pub async fn bytes(&self, id: &str) -> Result<Vec<u8>> {
        let id = id.parse().context("a content id is text that parses")?;
        self.0.bytes(id).await.map_err(|code| anyhow::anyhow!("no bytes: {}", code.as_str()))
    }
}
