//! A page with a peer in it, and the calls that both peers answer (described in `js/peer.js`).

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use tests::{Browser, Tab};

/// Longer than any single call takes; ICE and DTLS on two busy cores included.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Which libp2p a page runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Libp2p {
    Js,
    Rust,
}

/// One browser's page.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) libp2p: Libp2p,
    pub(crate) id: String,
    tab: Tab<'a>,
}

/// How a side sees its direct connection.
#[derive(Debug, Deserialize)]
pub(crate) struct Met {
    pub(crate) remote: String,
    /// js-libp2p's `connection.limits`, our `path`: whether a relay would end it.
    pub(crate) limited: bool,
    pub(crate) dialled: bool,
    /// js-libp2p's own `WebRTC.exactMatch` of the remote address.
    pub(crate) matches: bool,
}

/// What a peer said about itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Identified {
    pub(crate) agent: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) addresses: Vec<String>,
}

/// What some streams together did.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exchanged {
    pub(crate) bytes: u64,
    pub(crate) same: bool,
    pub(crate) ms: f64,
    pub(crate) end_ms: f64,
}

/// The candidates that carry the packets.
#[derive(Debug, Deserialize)]
pub(crate) struct Pair {
    pub(crate) local: String,
    pub(crate) remote: String,
    pub(crate) protocol: String,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} by {}", self.local, self.remote, self.protocol)
    }
}

impl<'a> Page<'a> {
    /// Opens the page of this libp2p.
    pub(crate) async fn open(browser: &'a Browser, site: &str, libp2p: Libp2p) -> Result<Self> {
        let name = match libp2p {
            Libp2p::Js => "js.html",
            Libp2p::Rust => "rust.html",
        };
        let tab = browser.open(&format!("{site}{name}")).await?;
        let mut page = Self { libp2p, id: String::new(), tab };
        page.id = page.evaluate("peer.id", json!([])).await?;
        Ok(page)
    }

    pub(crate) async fn join(&self, relay: &str) -> Result<String> {
        self.evaluate("peer.join(...args)", json!([relay])).await
    }

    pub(crate) async fn dial(&self, address: &str) -> Result<String> {
        self.evaluate("peer.dial(...args)", json!([address])).await
    }

    pub(crate) async fn met(&self, peer: &Self) -> Result<Met> {
        self.evaluate("peer.met(...args)", json!([peer.id])).await
    }

    pub(crate) async fn identified(&self, peer: &Self) -> Result<Identified> {
        self.evaluate("peer.identified(...args)", json!([peer.id])).await
    }

    pub(crate) async fn ping(&self, peer: &Self, count: usize) -> Result<Vec<f64>> {
        self.evaluate("peer.ping(...args)", json!([peer.id, count])).await
    }

    pub(crate) async fn heartbeats(&self, peer: &Self, count: usize) -> Result<usize> {
        self.evaluate("peer.heartbeats(...args)", json!([peer.id, count])).await
    }

    pub(crate) async fn exchange(&self, peer: &Self, protocol: &str, length: u64, count: u64) -> Result<Exchanged> {
        self.evaluate("peer.exchange(...args)", json!([peer.id, protocol, length, count])).await
    }

    /// Ends the connections to the peer; when that was, in milliseconds since the epoch.
    pub(crate) async fn hang_up(&self, peer: &Self) -> Result<f64> {
        self.evaluate("peer.hangUp(...args).then(() => rtc.closedAt())", json!([peer.id])).await
    }

    /// Waits until no direct connection to the peer is left; when that was.
    pub(crate) async fn gone(&self, peer: &Self) -> Result<f64> {
        self.evaluate("peer.gone(...args)", json!([peer.id])).await
    }

    pub(crate) async fn pair(&self) -> Result<Pair> {
        self.evaluate("rtc.pair()", json!([])).await
    }

    /// Waits until at most so many data channels are left open; how many there were.
    pub(crate) async fn settled(&self, at_most: usize) -> Result<u64> {
        self.evaluate("rtc.settled(...args)", json!([at_most])).await
    }

    async fn evaluate<T: DeserializeOwned>(&self, expression: &str, args: Value) -> Result<T> {
        let script = format!(
            r"const [args, limit, done] = arguments;
            const late = new Promise((_, fail) => setTimeout(() => fail(new Error(`no answer within ${{limit}} ms`)), limit));
            const ready = globalThis.peer ? null : new Promise((resolve) => addEventListener('peer', resolve, {{ once: true }}));
            Promise.race([Promise.resolve(ready).then(() => {expression}), late])
                .then((value) => done({{ value: value ?? null }}), (error) => done({{ error: String(error?.stack ?? error) }}));"
        );
        let limit = u64::try_from(CALL_TIMEOUT.as_millis()).expect("a call is short");
        let client = self.tab.browser().client();
        let mut answer = client.execute_async(&script, vec![args.clone(), json!(limit)]).await?;
        if let Some(error) = answer.get("error") {
            bail!("{:?} peer: {expression} of {args}: {error}", self.libp2p);
        }
        serde_json::from_value(answer["value"].take()).with_context(|| format!("the answer to {expression}"))
    }

    /// What the page knows, for a reader of a failed test.
    pub(crate) async fn describe(&self) -> String {
        let script = r"const [done] = arguments;
            (async () => ({
                errors: globalThis.__witness?.errors, violations: globalThis.__witness?.violations,
                connections: globalThis.rtc?.states(), channels: globalThis.rtc?.channels(),
                complaints: await globalThis.peer?.complaints(), journal: globalThis.peer?.journal?.(),
            }))().then(done, (error) => done(String(error)));";
        let known = self.tab.browser().client().execute_async(script, Vec::new()).await;
        known.map_or_else(|error| format!("the page does not answer: {error:#}"), |known| format!("{known:#}"))
    }
}
