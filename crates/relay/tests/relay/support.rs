//! Fixtures: folders, a relay with free ports, an HTTP exchange, and a libp2p client.

pub(crate) mod client;

use relay::{Config, Relay, UdpPort};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here takes on a busy machine with two cores.
const PATIENCE: Duration = Duration::from_secs(60);

/// `future`'s value, or a failed test.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("gave up waiting for {what}"),
    }
}

/// An empty folder of this test's own.
pub(crate) fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("relay-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the build's temporary folder is writable");
    folder
}

/// Free ports, an empty page, loopback.
pub(crate) fn config() -> Config {
    let page = folder();
    fs::write(page.join("index.html"), "<!doctype html><title>page</title>").expect("writable");
    Config {
        port: 0,
        page,
        data: folder(),
        stun: UdpPort::Fixed(0),
        webrtc_direct: UdpPort::Fixed(0),
        ..Config::default()
    }
}

pub(crate) async fn start(config: Config) -> Relay {
    Relay::start(config).await.expect("free ports and writable folders")
}

/// `host:port` of the relay's page.
pub(crate) fn authority(relay: &Relay) -> String {
    relay.url().trim_start_matches("http://").trim_end_matches('/').to_owned()
}

pub(crate) fn socket(relay: &Relay) -> SocketAddr {
    authority(relay).parse().expect("loopback and a port")
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// GETs `path` with extra header lines.
pub(crate) async fn get(relay: &Relay, path: &str, headers: &[&str]) -> Reply {
    send(relay, &format!("GET {path}"), headers).await
}

/// `GET /x` or `HEAD /x`, on a connection of its own.
pub(crate) async fn send(relay: &Relay, line: &str, headers: &[&str]) -> Reply {
    let mut request = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:")) {
        request.push_str(&format!("host: {}\r\n", authority(relay)));
    }
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    exchange(relay, request.as_bytes()).await
}

/// Sends `request`, reads to the end.
pub(crate) async fn exchange(relay: &Relay, request: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(socket(relay)).await.expect("it listens");
    stream.write_all(request).await.expect("it reads");
    let mut bytes = Vec::new();
    soon("a reply", stream.read_to_end(&mut bytes)).await.expect("it answers");
    parse(&bytes)
}

pub(crate) fn parse(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a response head");
    let head = str::from_utf8(&bytes[..end]).expect("ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Reply { status: status.parse().expect("a number"), headers, body: bytes[end + 4..].to_vec() }
}
