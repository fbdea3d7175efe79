//! One receiver and its sources, each a browser process of its own, and a way to move bytes between them.
//!
//! Every way goes through the same three steps, so that the same things are measured of each: connected, offered, moved.
//! Only the last is timed: finding each other and hashing are other benchmarks' matter.

use crate::plan::{Cell, Way};
use anyhow::{Context, Result, bail, ensure};
use fantoccini::Locator;
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::udp_delay::Link;
use tests::{Browser, Folder, Options, Pattern, Relay, Tab, UdpDelay};

const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;
/// The slowest rule at the longest round trip, with a gibibyte.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(3_000);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// Stop-and-wait moves 16 KiB per round trip: enough to know its rate, not to wait for an hour.
const STOP_MIB: u64 = 16;
const STOP_DELAYED_MIB: u64 = 1;
/// The window of the bare channel: the best of those tried on a short path (`docs/benchmarks.md`) and what a round trip
/// needs beyond it, at the rate it reaches there.
const WINDOW: u64 = 512 * KIB;
const WINDOW_PER_MS: u64 = 16 * KIB;
/// Counts the bytes that the page's connections sent.
const CONNECTIONS: &str = include_str!("../pages/connections.js");

/// What all sessions share: who introduces, who serves the other pages, and the files.
#[derive(Debug)]
pub(crate) struct Places {
    relay: Relay,
    site: Relay,
    folder: Folder,
}

impl Places {
    pub(crate) async fn start(site: &Path) -> Result<Self> {
        let site = site.to_str().context("the target folder is not text")?;
        let relay = Relay::start(&["--sample", "off"]).await?;
        let site = Relay::start(&["--page", site, "--sample", "off"]).await?;
        Ok(Self { relay, site, folder: Folder::new()? })
    }

    /// A file of this size, made once: every round has fresh profiles.
    fn file(&self, mib: u64) -> Result<PathBuf> {
        let name = format!("{mib} MiB.bin");
        let path = self.folder.path().join(&name);
        if path.exists() { Ok(path) } else { self.folder.file(&name, mib * MIB, Pattern(mib)) }
    }

    /// The address under which js-libp2p finds its relay.
    async fn door(&self) -> Result<String> {
        let whereabouts: Value = serde_json::from_slice(&self.site.get("/.well-known/starling.json").await?.body)?;
        let addresses = whereabouts["addresses"].as_array().context("the relay names no addresses")?;
        let address = addresses.iter().filter_map(Value::as_str).find(|address| address.contains("/ws"));
        address.map(str::to_owned).with_context(|| format!("no WebSocket address in {whereabouts}"))
    }
}

/// What the receiver measured.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Moved {
    pub(crate) received: f64,
    pub(crate) seconds: f64,
    pub(crate) first_byte_ms: Option<f64>,
}

/// The browsers of one round.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    way: Way,
    cell: Cell,
    places: &'a Places,
    pub(crate) receiver: Browser,
    pub(crate) sources: Vec<Browser>,
    _delay: Option<UdpDelay>,
}

impl<'a> Session<'a> {
    /// Starts browsers with empty profiles. Without a round trip to add there is nothing between them.
    pub(crate) async fn start(places: &'a Places, way: Way, mut cell: Cell, traced: &str) -> Result<Self> {
        if way == Way::Stop {
            cell.sources = 1;
            cell.mib = cell.mib.min(if cell.rtt_ms == 0 { STOP_MIB } else { STOP_DELAYED_MIB });
        }
        let delay = match cell.rtt_ms {
            0 => None,
            millis => Some(network(cell.sources + 1, &Link::with_round_trip(Duration::from_millis(millis)))?),
        };
        let mut browsers = try_join_all((0..=cell.sources).map(|gate| browser(delay.as_ref(), gate, traced))).await?;
        let receiver = browsers.remove(0);
        Ok(Self { way, cell, places, receiver, sources: browsers, _delay: delay })
    }

    /// Bytes that are to be moved.
    pub(crate) fn payload(&self) -> u64 {
        self.cell.mib * MIB
    }

    /// Opens the pages and connects the receiver to every source; who the sources are.
    pub(crate) async fn connect(&self) -> Result<Vec<String>> {
        match self.way {
            Way::Raw | Way::Stop => {
                self.open_all("").await?;
                self.introduce_all().await?;
                Ok(Vec::new())
            }
            Way::Webtorrent => {
                self.open_all("webtorrent.html").await?;
                self.introduce_all().await?;
                Ok(Vec::new())
            }
            Way::JsLibp2p => self.connect_libp2p().await,
            Way::Starling => self.connect_starling().await,
        }
    }

    /// The sources have the file and say so; what the receiver needs to know to ask for it.
    pub(crate) async fn offer(&self) -> Result<String> {
        match self.way {
            Way::Raw | Way::Stop | Way::JsLibp2p => Ok(String::new()),
            Way::Starling => {
                let file = self.places.file(self.cell.mib)?;
                let ids = try_join_all(self.sources.iter().map(|source| share(source, &file))).await?;
                ids.into_iter().next().context("there is no source")
            }
            Way::Webtorrent => {
                let file = self.places.file(self.cell.mib)?;
                let torrents = try_join_all(self.sources.iter().map(|source| seed(source, &file))).await?;
                for (k, source) in self.sources.iter().enumerate() {
                    call(source, &format!("bulk.serve({k})"), CONNECT_TIMEOUT).await?;
                }
                torrents.into_iter().next().context("there is no source")
            }
        }
    }

    /// Moves the bytes. `ids` and `offered` are what the steps before returned.
    pub(crate) async fn transfer(&self, ids: &[String], offered: &str) -> Result<Moved> {
        let total = self.payload();
        let ks: Vec<usize> = (0..self.sources.len()).collect();
        let moved = match self.way {
            Way::Raw | Way::Stop => self.transfer_bare(&ks).await?,
            Way::JsLibp2p => {
                call(&self.receiver, &format!("bulk.receive({}, {total})", json!(ids)), TRANSFER_TIMEOUT).await?
            }
            Way::Webtorrent => {
                let fetch = format!("bulk.fetch({}, {})", json!(offered), json!(ks));
                call(&self.receiver, &fetch, TRANSFER_TIMEOUT).await?
            }
            Way::Starling => fetch(&self.receiver, offered).await?,
        };
        let moved: Moved = serde_json::from_value(moved)?;
        ensure!(moved.received as u64 == total, "{} of {total} bytes arrived", moved.received);
        Ok(moved)
    }

    /// Bytes that the sources have put on the wire so far, as their browsers count.
    pub(crate) async fn sent(&self) -> Result<f64> {
        let each = self.sources.iter().map(|source| call(source, "__sent()", CONNECT_TIMEOUT));
        let counts = try_join_all(each).await?;
        counts.iter().map(|count| count["bytes"].as_f64().context("no bytes")).sum()
    }

    /// Ends all processes in order.
    pub(crate) async fn close(self) {
        for browser in self.sources.iter().chain([&self.receiver]) {
            browser.close().await;
        }
    }

    fn all(&self) -> impl Iterator<Item = &Browser> {
        self.sources.iter().chain([&self.receiver])
    }

    async fn open_all(&self, page: &str) -> Result<()> {
        let url = format!("{}{page}", self.places.site.url());
        try_join_all(self.all().map(|browser| browser.open(&url))).await?;
        let ready = "globalThis.bulk !== undefined";
        try_join_all(self.all().map(|browser| until(browser, ready))).await?;
        Ok(())
    }

    /// Carries the signalling of plain connections, one per source.
    async fn introduce_all(&self) -> Result<()> {
        for (k, source) in self.sources.iter().enumerate() {
            let offer = call(source, &format!("bulk.offer({k})"), CONNECT_TIMEOUT).await?;
            let answer = call(&self.receiver, &format!("bulk.answer({k}, {offer})"), CONNECT_TIMEOUT).await?;
            call(source, &format!("bulk.accept({k}, {answer})"), CONNECT_TIMEOUT).await?;
        }
        Ok(())
    }

    async fn connect_libp2p(&self) -> Result<Vec<String>> {
        self.open_all("libp2p.html").await?;
        let join = format!("bulk.join({})", json!(self.places.door().await?));
        let addresses = try_join_all(self.sources.iter().map(|source| call(source, &join, CONNECT_TIMEOUT))).await?;
        call(&self.receiver, &join, CONNECT_TIMEOUT).await?;
        for address in addresses {
            call(&self.receiver, &format!("bulk.dial({address})"), CONNECT_TIMEOUT).await?;
        }
        let ids = try_join_all(self.sources.iter().map(|source| call(source, "bulk.id", CONNECT_TIMEOUT))).await?;
        ids.iter().map(|id| id.as_str().map(str::to_owned).context("an id is text")).collect()
    }

    async fn connect_starling(&self) -> Result<Vec<String>> {
        let url = self.places.relay.url();
        let ids = try_join_all(self.sources.iter().map(|source| online_at(source, &url))).await?;
        online_at(&self.receiver, &url).await?;
        let tab = Tab::of(&self.receiver);
        tab.screen("network").await?;
        for id in &ids {
            tab.peer(id, "direct", CONNECT_TIMEOUT).await?;
        }
        tab.screen("home").await?;
        Ok(ids)
    }

    async fn transfer_bare(&self, ks: &[usize]) -> Result<Value> {
        let rule = if self.way == Way::Stop { "stop" } else { "window" };
        let window = WINDOW + WINDOW_PER_MS * self.cell.rtt_ms;
        let share = self.payload() / ks.len() as u64;
        let totals: Vec<u64> =
            ks.iter().map(|k| if k + 1 == ks.len() { self.payload() - share * *k as u64 } else { share }).collect();
        let sending = self.sources.iter().zip(&totals).enumerate().map(|(k, (source, total))| {
            let send = format!("bulk.send({k}, '{rule}', {total}, {window})");
            async move { call(source, &send, TRANSFER_TIMEOUT).await }
        });
        let receive = format!("bulk.receive({}, '{rule}', {}, {window})", json!(ks), json!(totals));
        let receiving = call(&self.receiver, &receive, TRANSFER_TIMEOUT);
        Ok(futures::try_join!(receiving, try_join_all(sending))?.0)
    }
}

/// Gates with the same link between any two.
fn network(gates: u16, link: &Link) -> Result<UdpDelay> {
    let delay = UdpDelay::start(gates)?;
    for one in 0..gates {
        for other in one + 1..gates {
            delay.set(one, other, link)?;
        }
    }
    Ok(delay)
}

async fn browser(delay: Option<&UdpDelay>, gate: u16, traced: &str) -> Result<Browser> {
    let mut options = Options::default().script(CONNECTIONS);
    options.traced = traced.to_owned();
    if let Some(delay) = delay {
        options = options.script(delay.script(gate)?);
    }
    let browser = Browser::start(&options).await?;
    let timeouts = fantoccini::wd::TimeoutConfiguration::new(Some(TRANSFER_TIMEOUT), None, None);
    browser.client().update_timeouts(timeouts).await?;
    Ok(browser)
}

async fn online_at(browser: &Browser, url: &str) -> Result<String> {
    browser.open(url).await?.online().await
}

async fn until(browser: &Browser, expression: &str) -> Result<()> {
    let look = format!(
        "new Promise((done) => {{ const look = () => ({expression}) ? done(true) : setTimeout(look, 20); look(); }})"
    );
    call(browser, &look, CONNECT_TIMEOUT).await.map(drop)
}

/// Shares a file and waits until it is hashed.
async fn share(browser: &Browser, file: &Path) -> Result<String> {
    let tab = Tab::of(browser);
    let id = tab.share(file).await?;
    tab.transfer(&id, "share", "item.state === 'done'", TRANSFER_TIMEOUT).await?;
    Ok(id)
}

async fn seed(browser: &Browser, file: &Path) -> Result<String> {
    let path = file.to_str().context("the file's path is not text")?;
    browser.client().find(Locator::Css("input")).await?.send_keys(path).await?;
    let torrent = call(browser, "bulk.seed(document.querySelector('input'))", TRANSFER_TIMEOUT).await?;
    torrent.as_str().map(str::to_owned).context("a torrent is text")
}

/// Follows the link in the page and waits there until every byte is verified.
async fn fetch(browser: &Browser, id: &str) -> Result<Value> {
    let tab = Tab::of(browser);
    let started = tab.read("return performance.now()").await?;
    tab.fetch(id).await?;
    let done = format!("transfer('{id}', 'fetch')?.state === 'done' && (performance.now() - {started}) / 1000");
    let seconds = tab.wait(&done, TRANSFER_TIMEOUT).await?;
    let snapshot = tab.snapshot().await?;
    let items = snapshot["transfers"].as_array().context("no transfers")?;
    let item = items.iter().find(|item| item["contentId"] == *id).context("the item is gone")?;
    Ok(json!({ "received": item["bytes"], "seconds": seconds, "firstByteMs": item["firstByteMs"] }))
}

/// Awaits a promise of the page.
pub(crate) async fn call(browser: &Browser, expression: &str, within: Duration) -> Result<Value> {
    let script = format!(
        "const done = arguments[0]; Promise.resolve().then(() => {expression}).then((value) => done({{ value: value ?? null }}), (error) => done({{ error: String(error?.stack ?? error) }}));"
    );
    let called = browser.client().execute_async(&script, Vec::new());
    let mut answer =
        tokio::time::timeout(within, called).await.with_context(|| format!("{expression:.80} hangs"))??;
    match answer.get("error") {
        Some(error) => bail!("{expression:.80}: {error}"),
        None => Ok(answer["value"].take()),
    }
}
