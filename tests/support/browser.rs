//! One Chromium process with a fresh profile, driven over WebDriver, with DevTools where WebDriver has no word.

use crate::chromedriver::{ChromeDriver, Extension};
use crate::{Folder, Tab};
use anyhow::{Context, Result};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Duration;

/// Without a window, without a sandbox (tests run as root), and without talking to anybody else. Timers and
/// rendering of hidden tabs are throttled as they are for people.
const FLAGS: [&str; 7] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,900",
];
/// The longest a script of ours may wait inside a page; each wait has its own, shorter limit.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(600);
/// Gathers what must not happen: broken rules of the page's policy, errors on the console, unhandled rejections.
const WITNESS: &str = include_str!("witness.js");

/// Parts of messages that say what a journey did to the browser.
const CAUSED_ON_PURPOSE: [&str; 2] = ["WebSocket connection to", "because the URL's origin was untrustworthy"];

/// What a browser is given beside the flags that every browser gets.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Further command line flags.
    pub flags: Vec<String>,
    /// Scripts that run in every page before its own.
    pub scripts: Vec<String>,
    /// Parts of messages that may appear on the console: known faults of others, each with its reason where it is given.
    pub known: Vec<String>,
    /// Categories to trace from the start, comma-separated; empty for no trace ([`Browser::trace`]).
    pub traced: String,
}

impl Options {
    /// One more flag.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// One more message that is known and not ours.
    #[must_use]
    pub fn known(mut self, message: impl Into<String>) -> Self {
        self.known.push(message.into());
        self
    }

    /// One more script.
    #[must_use]
    pub fn script(mut self, source: impl Into<String>) -> Self {
        self.scripts.push(source.into());
        self
    }
}

/// One browser process and its downloads.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    downloads: Folder,
    known: Vec<String>,
    process: Option<u32>,
    _driver: ChromeDriver,
}

impl Browser {
    /// Starts one with an empty profile.
    pub async fn start(options: &Options) -> Result<Self> {
        let driver = ChromeDriver::start().await?;
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities(options))
            .connect(&driver.url())
            .await
            .context("chromium cannot be started")?;
        let process = client
            .capabilities()
            .and_then(|given| given.get("goog:processID"))
            .and_then(Value::as_u64)
            .and_then(|id| u32::try_from(id).ok());
        let browser =
            Self { client, downloads: Folder::new()?, known: options.known.clone(), process, _driver: driver };
        browser.prepare(options).await?;
        Ok(browser)
    }

    async fn prepare(&self, options: &Options) -> Result<()> {
        let timeouts = fantoccini::wd::TimeoutConfiguration::new(Some(SCRIPT_TIMEOUT), None, None);
        self.client.update_timeouts(timeouts).await?;
        for source in std::iter::once(WITNESS).chain(options.scripts.iter().map(String::as_str)) {
            self.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": source })).await?;
        }
        let folder = self.downloads.path();
        let parameters = json!({ "behavior": "allow", "downloadPath": folder, "eventsEnabled": false });
        self.devtools("Browser.setDownloadBehavior", &parameters).await?;
        Ok(())
    }

    /// Calls a DevTools command in the current tab.
    pub async fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.client.issue_cmd(Extension::devtools(command, parameters)).await.with_context(|| command.to_owned())
    }

    /// Opens an address in the current tab.
    pub async fn open(&self, url: &str) -> Result<Tab<'_>> {
        self.client.goto(url).await.with_context(|| format!("{url} cannot be opened"))?;
        Ok(Tab::of(self))
    }

    /// Puts another tab in front, so that this one is hidden from now on, as when a person reads something else.
    pub async fn hide(&self) -> Result<()> {
        let front = self.client.new_window(true).await.context("no second tab can be opened")?;
        self.devtools("Target.activateTarget", &json!({ "targetId": String::from(front.handle) })).await.map(drop)
    }

    /// The trace events since the last call, of all processes of the browser ([`Options::traced`]).
    pub async fn trace(&self) -> Result<Vec<Value>> {
        let log = self.client.issue_cmd(Extension::performance_log()).await?;
        let entries = log.as_array().context("the performance log is not a list")?;
        let event = |entry: &Value| -> Result<Option<Value>> {
            let mut entry: Value = serde_json::from_str(entry["message"].as_str().unwrap_or_default())?;
            let message = &mut entry["message"];
            Ok((message["method"] == "Tracing.dataCollected").then(|| message["params"].take()))
        };
        entries.iter().filter_map(|entry| event(entry).transpose()).collect()
    }

    /// The browser's main process.
    pub fn process(&self) -> Option<u32> {
        self.process
    }

    /// The driver's connection, for what has no method here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where saved files appear.
    pub fn downloads(&self) -> &Path {
        self.downloads.path()
    }

    /// What the browser logged as an error since the last call, without what journeys cause on purpose: a killed relay
    /// makes the network complain, an insecure origin makes a header void.
    pub async fn logged_errors(&self) -> Result<Vec<String>> {
        let log = self.client.issue_cmd(Extension::browser_log()).await?;
        let entries = log.as_array().cloned().unwrap_or_default();
        Ok(entries
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" && entry["source"] != "network")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .filter(|message| !CAUSED_ON_PURPOSE.iter().any(|cause| message.contains(cause)) && !self.is_known(message))
            .collect())
    }

    /// Whether [`Options::known`] names it.
    pub(crate) fn is_known(&self, message: &str) -> bool {
        self.known.iter().any(|known| message.contains(known.as_str()))
    }

    /// Kills the whole process (SIGKILL), as a crash or a dead battery would.
    pub async fn kill(&self) -> Result<()> {
        let process = self.process.context("chromedriver did not say which process the browser is")?;
        let status = tokio::process::Command::new("kill").args(["-9", &process.to_string()]).status().await?;
        anyhow::ensure!(status.success(), "the browser was gone already");
        Ok(())
    }

    /// Closes it in order.
    pub async fn close(&self) {
        // A browser that was killed cannot be closed any more; there is nothing else to do about it.
        let _ = self.client.clone().close().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(process) = self.process {
            // In order or not, nothing of a test may stay behind.
            let kill = std::process::Command::new("kill")
                .args(["-9", &process.to_string()])
                .stderr(std::process::Stdio::null())
                .status();
            drop(kill);
        }
    }
}

fn capabilities(options: &Options) -> Map<String, Value> {
    let flags: Vec<&str> = FLAGS.iter().copied().chain(options.flags.iter().map(String::as_str)).collect();
    let mut chrome = json!({ "args": flags });
    if let Ok(binary) = std::env::var("CHROMIUM") {
        chrome["binary"] = Value::String(binary);
    }
    let mut logged = json!({ "browser": "ALL" });
    if !options.traced.is_empty() {
        logged["performance"] = json!("ALL");
        chrome["perfLoggingPrefs"] =
            json!({ "enableNetwork": false, "enablePage": false, "traceCategories": options.traced });
    }
    let wanted = json!({
        "goog:chromeOptions": chrome,
        "goog:loggingPrefs": logged,
        "unhandledPromptBehavior": "accept",
    });
    wanted.as_object().expect("it is written as an object").clone()
}
