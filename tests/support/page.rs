//! The page as tests see it: only through the hooks of the first screen (`data-testid` and the attributes beside
//! them), never through prose, classes or layout. The one file to change when a hook changes.
//!
//! Waiting happens inside the page: a `MutationObserver` looks at every change of the document, so nothing is polled
//! and nothing sleeps.

use crate::{Browser, download};
use anyhow::{Context, Result, bail, ensure};
use fantoccini::Locator;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The elements every look goes through, and how they are read.
const HOOKS: &str = r"
    const all = (id) => [...document.querySelectorAll(`[data-testid='${id}']`)];
    const one = (id) => all(id)[0];
    const app = () => one('app') ?? { dataset: {} };
    const transfers = () => all('transfer').map((element) => ({ ...element.dataset }));
    const transfer = (id, direction) => transfers().find((item) => item.contentId === id && item.direction === direction);
    const peers = () => all('peer').map((element) => ({ ...element.dataset }));
    const peer = (id) => peers().find((item) => item.peerId === id);
    const notices = () => all('notice').map((element) => element.dataset.code);
";

/// One tab showing the page.
#[derive(Clone, Copy, Debug)]
pub struct Tab<'a> {
    browser: &'a Browser,
}

/// A `transfer` element.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// Empty while a file is still being hashed.
    #[serde(default)]
    pub content_id: String,
    /// `share` or `fetch`.
    pub direction: String,
    /// `preparing`, `waiting`, `active`, `paused`, `done` or `failed`.
    pub state: String,
    /// Verified bytes.
    pub bytes: String,
    /// All bytes, empty until known.
    #[serde(default)]
    pub total: String,
    /// How many peers it comes from.
    #[serde(default)]
    pub sources: String,
    /// A code, empty when all is well.
    #[serde(default)]
    pub error: String,
}

/// A `peer` element.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Who.
    pub peer_id: String,
    /// `connecting`, `direct` or `relayed`.
    pub path: String,
    /// The measured round trip, empty until the first.
    #[serde(default)]
    pub rtt_ms: String,
}

impl<'a> Tab<'a> {
    /// The tab that a browser shows.
    pub fn of(browser: &'a Browser) -> Self {
        Self { browser }
    }

    /// The browser that shows it.
    pub fn browser(&self) -> &'a Browser {
        self.browser
    }

    /// Evaluates `body` (statements that `return`) with the hooks in reach.
    pub async fn read(&self, body: &str) -> Result<Value> {
        let script = format!("{HOOKS}\n{body}");
        self.browser.client().execute(&script, Vec::new()).await.with_context(|| format!("in the page: {body}"))
    }

    /// Waits until the expression is something: not `null`, `undefined` or `false`.
    pub async fn wait(&self, expression: &str, within: Duration) -> Result<Value> {
        let script = format!(
            r"{HOOKS}
            const [limit, done] = arguments;
            let over = false;
            const finish = (answer) => {{ if (!over) {{ over = true; observer.disconnect(); clearTimeout(timer); done(answer); }} }};
            const look = () => {{
                const found = ({expression});
                if (found !== undefined && found !== null && found !== false) finish({{ found }});
            }};
            const observer = new MutationObserver(look);
            const timer = setTimeout(() => finish({{}}), limit);
            observer.observe(document, {{ subtree: true, childList: true, attributes: true }});
            look();"
        );
        let limit = u64::try_from(within.as_millis()).expect("a wait is short");
        let mut answer = self.browser.client().execute_async(&script, vec![json!(limit)]).await?;
        match answer.get_mut("found") {
            Some(found) => Ok(found.take()),
            None => bail!("not within {within:?}: {expression}\n{}", self.describe().await),
        }
    }

    /// What the page shows, for a reader of a failed test.
    pub async fn describe(&self) -> String {
        let state = self
            .read("return { url: location.href, app: { ...app().dataset }, transfers: transfers(), peers: peers(), notices: notices() }")
            .await;
        state.map_or_else(|error| format!("the page does not answer: {error:#}"), |state| format!("{state:#}"))
    }

    /// Waits until the tab is on the network, and says who it is.
    pub async fn online(&self) -> Result<String> {
        self.status("online", Duration::from_secs(20)).await?;
        self.peer_id().await
    }

    /// Waits for a value of `data-status`.
    pub async fn status(&self, status: &str, within: Duration) -> Result<()> {
        self.wait(&format!("app().dataset.status === {}", json!(status)), within).await.map(drop)
    }

    /// `data-peer-id` of the page.
    pub async fn peer_id(&self) -> Result<String> {
        let id = self.wait("app().dataset.peerId || null", Duration::from_secs(10)).await?;
        id.as_str().map(str::to_owned).context("data-peer-id is not text")
    }

    /// Goes to another screen by its `nav-` element.
    pub async fn screen(&self, name: &str) -> Result<()> {
        self.click(&format!("[data-testid='nav-{name}']")).await
    }

    /// Waits until a peer is shown with this path.
    pub async fn peer(&self, id: &str, path: &str, within: Duration) -> Result<()> {
        let expression = format!("peer({})?.path === {}", json!(id), json!(path));
        self.wait(&expression, within).await.map(drop)
    }

    /// Waits until a peer's round trip has been measured, and returns it in milliseconds.
    pub async fn round_trip(&self, id: &str, within: Duration) -> Result<f64> {
        let text = self.wait(&format!("peer({})?.rttMs || null", json!(id)), within).await?;
        let text = text.as_str().context("data-rtt-ms is not text")?;
        text.parse().with_context(|| format!("data-rtt-ms is {text}"))
    }

    /// All peers shown.
    pub async fn peers(&self) -> Result<Vec<Peer>> {
        Ok(serde_json::from_value(self.read("return peers()").await?)?)
    }

    /// Chooses files in the drop zone's input, as a person's file dialog does.
    pub async fn choose(&self, files: &[&Path]) -> Result<()> {
        let names: Vec<&str> =
            files.iter().map(|path| path.to_str().context("a path is not text")).collect::<Result<_>>()?;
        let input = self.browser.client().find(Locator::Css("[data-testid='share-input']")).await?;
        input.send_keys(&names.join("\n")).await.context("the drop zone takes no file")
    }

    /// Shares one file and waits for its link; returns the content id.
    pub async fn share(&self, file: &Path) -> Result<String> {
        let before = self.read("return one('share-link')?.dataset.contentId ?? ''").await?;
        self.choose(&[file]).await?;
        let expression = format!(
            "(() => {{ const id = one('share-link')?.dataset.contentId; return id && id !== {before} && id; }})()"
        );
        let id = self.wait(&expression, Duration::from_secs(60)).await?;
        id.as_str().map(str::to_owned).context("data-content-id is not text")
    }

    /// The link of the newest shared item.
    pub async fn link(&self) -> Result<String> {
        let link = self.read("return one('share-link')?.href").await?;
        link.as_str().map(str::to_owned).context("no link is shown")
    }

    /// Follows a link inside the running page, as pasting it into the address bar does.
    pub async fn fetch(&self, id: &str) -> Result<()> {
        self.read(&format!("location.hash = {}; return true", json!(format!("#/get/{id}")))).await.map(drop)
    }

    /// Waits until the expression over `item` (its `data-` attributes) holds.
    pub async fn transfer(&self, id: &str, direction: &str, expression: &str, within: Duration) -> Result<Transfer> {
        let id = json!(id);
        let expression = format!("((item) => item && ({expression}) && item)(transfer({id}, {}))", json!(direction));
        Ok(serde_json::from_value(self.wait(&expression, within).await?)?)
    }

    /// Waits until a fetched item is complete.
    pub async fn fetched(&self, id: &str, within: Duration) -> Result<Transfer> {
        let item = self.transfer(id, "fetch", "item.state === 'done' || item.state === 'failed'", within).await?;
        ensure!(item.state == "done", "the fetch failed: {item:?}");
        ensure!(item.bytes == item.total, "done, but not all bytes are verified: {item:?}");
        Ok(item)
    }

    /// Runs the body of an async function in the page, with the hooks in reach and `served()` for the moment from which
    /// the service worker answers this tab.
    pub async fn script(&self, body: &str, within: Duration) -> Result<Value> {
        let script = format!(
            r"{HOOKS}
            const [limit, done] = arguments;
            const served = async () => {{
                const container = navigator.serviceWorker;
                await container.ready;
                if (!container.controller) await new Promise((heard) => container.addEventListener('controllerchange', heard, {{ once: true }}));
            }};
            const run = async () => {{ {body} }};
            const late = new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), limit));
            Promise.race([run(), late]).then((value) => done({{ value }}), (error) => done({{ error: String(error) }}));"
        );
        let limit = u64::try_from(within.as_millis()).expect("a wait is short");
        let mut answer = self.browser.client().execute_async(&script, vec![json!(limit)]).await?;
        if answer["error"].is_string() {
            bail!("{} in the page: {body}\n{}", answer["error"], self.describe().await);
        }
        Ok(answer["value"].take())
    }

    /// As [`Self::script`], for the `player`: the item's media or image element, which `shown()`
    /// waits for until there is something to see.
    pub async fn player(&self, body: &str, within: Duration) -> Result<Value> {
        let found = format!(
            r"const appeared = () => new Promise((found) => {{
                const look = () => {{ if (one('player')) {{ observer.disconnect(); found(one('player')); }} }};
                const observer = new MutationObserver(look);
                observer.observe(document, {{ subtree: true, childList: true }});
                look();
            }});
            const until = (element, event, holds) => new Promise((heard) => {{
                const look = () => {{ if (holds()) {{ element.removeEventListener(event, look); heard(); }} }};
                element.addEventListener(event, look);
                look();
            }});
            const shown = async () => {{
                const player = await appeared();
                if (player.tagName === 'IMG') await until(player, 'load', () => player.complete && player.naturalWidth > 0);
                else await until(player, 'loadeddata', () => player.readyState >= 2);
                return player;
            }};
            {body}"
        );
        self.script(&found, within).await
    }

    /// Limits everything this tab gives, on Settings, to the speed with this label.
    pub async fn limit_giving(&self, label: &str, bytes_per_second: u64) -> Result<()> {
        self.screen("settings").await?;
        let chosen = format!(
            r#"const select = document.querySelector("[data-testid='limit-all']");
            select.selectedIndex = [...select.options].findIndex((option) => option.textContent === {});
            select.dispatchEvent(new Event('change', {{ bubbles: true }}));
            return true"#,
            json!(label)
        );
        self.read(&chosen).await?;
        let until = format!("window.starling.snapshot()?.allowance.caps.uploadRate === {bytes_per_second}");
        self.wait(&until, Duration::from_secs(10)).await.map(drop)
    }

    /// Opens a film's link and plays it: milliseconds from the link to the first picture, then its length and how many
    /// bytes were verified when it had played for half a second.
    pub async fn open_and_play(&self, id: &str, within: Duration) -> Result<Value> {
        let body = format!(
            r"await served();
            const start = performance.now();
            location.hash = {};
            const player = await shown();
            const firstFrameMs = performance.now() - start;
            player.muted = true;
            await player.play();
            await until(player, 'timeupdate', () => player.currentTime > 0.5);
            return {{ firstFrameMs, duration: player.duration, bytes: Number(transfer({}, 'fetch').bytes) }};",
            json!(format!("#/get/{id}")),
            json!(id),
        );
        self.player(&body, within).await
    }

    /// Seeks to `second` and plays on: how long that took, and how many bytes were verified then.
    pub async fn seek_and_play(&self, id: &str, second: f64, within: Duration) -> Result<Value> {
        let body = format!(
            r"const player = await shown();
            const start = performance.now();
            player.currentTime = {second};
            await until(player, 'timeupdate', () => !player.seeking && player.currentTime > {second} + 0.3);
            return {{ tookMs: performance.now() - start, bytes: Number(transfer({}, 'fetch').bytes) }};",
            json!(id),
        );
        self.player(&body, within).await
    }

    /// Lets the page go on for a while: for what must not happen, which no event can tell.
    pub async fn settle(&self, time: Duration) -> Result<()> {
        let millis = u64::try_from(time.as_millis()).expect("a wait is short");
        let body = format!("await new Promise((heard) => setTimeout(heard, {millis}));");
        self.script(&body, time + Duration::from_secs(10)).await.map(drop)
    }

    /// All items shown.
    pub async fn transfers(&self) -> Result<Vec<Transfer>> {
        Ok(serde_json::from_value(self.read("return transfers()").await?)?)
    }

    /// Saves a finished item by its `save` element and waits for the file.
    pub async fn save(&self, id: &str, within: Duration) -> Result<PathBuf> {
        let before = download::listed(self.browser.downloads())?;
        self.click(&format!("[data-testid='transfer'][data-content-id='{id}'] [data-testid='save']")).await?;
        download::finished(self.browser.downloads(), &before, within).await
    }

    /// Clicks something that starts a download, and waits for the file.
    pub async fn download(&self, selector: &str, within: Duration) -> Result<PathBuf> {
        let before = download::listed(self.browser.downloads())?;
        self.click(selector).await?;
        download::finished(self.browser.downloads(), &before, within).await
    }

    /// Lets files and folders go over the page, as a person who drags them there does.
    pub async fn drop(&self, paths: &[&Path]) -> Result<()> {
        for step in ["dragEnter", "dragOver", "drop"] {
            let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
            let parameters = json!({ "type": step, "x": 300, "y": 300, "data": data });
            self.browser.devtools("Input.dispatchDragEvent", &parameters).await?;
        }
        Ok(())
    }

    /// The codes of the notices shown.
    pub async fn notices(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.read("return notices()").await?)?)
    }

    /// Waits for a notice with this code.
    pub async fn notice(&self, code: &str, within: Duration) -> Result<()> {
        self.wait(&format!("notices().includes({})", json!(code)), within).await.map(drop)
    }

    /// Whether the tab is hidden, and has been since it was opened.
    pub async fn always_hidden(&self) -> Result<bool> {
        Ok(self.read("return document.hidden && globalThis.__witness.shown === 0").await? == Value::Bool(true))
    }

    /// The page's own account of everything, `window.starling.snapshot()`: for what no hook carries.
    pub async fn snapshot(&self) -> Result<Value> {
        let snapshot = self.read("return window.starling.snapshot()").await?;
        ensure!(snapshot.is_object(), "window.starling.snapshot() gave {snapshot}");
        Ok(snapshot)
    }

    /// The page's own account of one item.
    pub async fn item(&self, id: &str) -> Result<Value> {
        let snapshot = self.snapshot().await?;
        let items = snapshot["transfers"].as_array().context("no transfers")?;
        items
            .iter()
            .find(|item| item["contentId"] == *id)
            .cloned()
            .with_context(|| format!("no item {id} in {snapshot}"))
    }

    /// Clicks an element once it is there.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.wait(&format!("document.querySelector({}) !== null", json!(selector)), Duration::from_secs(10)).await?;
        let element = self.browser.client().find(Locator::Css(selector)).await?;
        element.click().await.with_context(|| format!("{selector} cannot be clicked"))
    }

    /// Fails when the page broke its own policy or reported an error.
    pub async fn behaved(&self) -> Result<()> {
        let seen = self.read("return globalThis.__witness ?? null").await?;
        ensure!(!seen.is_null(), "the witness script did not run in this tab");
        ensure!(
            seen["violations"].as_array().is_some_and(Vec::is_empty),
            "the page broke its policy: {}",
            seen["violations"]
        );
        let errors = seen["errors"].as_array().cloned().unwrap_or_default();
        let ours =
            errors.iter().filter_map(Value::as_str).filter(|error| !self.browser.is_known(error)).collect::<Vec<_>>();
        ensure!(ours.is_empty(), "the page reported errors: {ours:?}");
        let logged = self.browser.logged_errors().await?;
        ensure!(logged.is_empty(), "the browser logged errors: {logged:?}");
        Ok(())
    }
}
