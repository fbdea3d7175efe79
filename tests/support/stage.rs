//! The stage of one journey: what it started, the evidence when it fails, and what must hold at the end of each.
//!
//! A journey that ends well has broken no policy, logged no error, and cost no relay more circuit bytes than
//! signalling needs.

use crate::{Browser, CIRCUIT_BYTES_MAX, Options, Relay, Tab, root};
use anyhow::{Context, Result, bail, ensure};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// More than any journey takes; a hung one must not hold the rest.
const JOURNEY_TIMEOUT: Duration = Duration::from_secs(180);

/// What a journey starts goes through here.
#[derive(Debug, Default)]
pub struct Stage {
    relays: Mutex<Vec<Arc<Relay>>>,
    browsers: Mutex<Vec<Arc<Browser>>>,
}

impl Stage {
    /// A relay on a free port.
    pub async fn relay(&self) -> Result<Arc<Relay>> {
        self.relay_with(&[]).await
    }

    /// A relay with further arguments.
    pub async fn relay_with(&self, arguments: &[&str]) -> Result<Arc<Relay>> {
        self.keep(Relay::start(arguments).await?)
    }

    /// A relay that writes down all it does.
    pub async fn talkative_relay(&self) -> Result<Arc<Relay>> {
        self.keep(Relay::start_saying("trace", &[]).await?)
    }

    fn keep(&self, relay: Relay) -> Result<Arc<Relay>> {
        let relay = Arc::new(relay);
        self.relays.lock().expect("no holder panics").push(Arc::clone(&relay));
        Ok(relay)
    }

    /// A browser process with a fresh profile.
    pub async fn browser(&self) -> Result<Arc<Browser>> {
        self.browser_with(&Options::default()).await
    }

    /// A browser process that was given something more.
    pub async fn browser_with(&self, options: &Options) -> Result<Arc<Browser>> {
        let browser = Arc::new(Browser::start(options).await?);
        self.browsers.lock().expect("no holder panics").push(Arc::clone(&browser));
        Ok(browser)
    }

    /// Leaves a browser out of the checks at the end: it was killed, or is hostile on purpose.
    pub fn forget(&self, browser: &Arc<Browser>) {
        self.browsers.lock().expect("no holder panics").retain(|kept| !Arc::ptr_eq(kept, browser));
    }

    fn browsers(&self) -> Vec<Arc<Browser>> {
        self.browsers.lock().expect("no holder panics").clone()
    }

    async fn check(&self) -> Result<()> {
        for (index, browser) in self.browsers().iter().enumerate() {
            Tab::of(browser).behaved().await.with_context(|| format!("browser {index}"))?;
        }
        let relays = self.relays.lock().expect("no holder panics").clone();
        for relay in relays {
            if relay.is_alive().await {
                let bytes = relay.circuit_bytes().await?;
                ensure!(bytes < CIRCUIT_BYTES_MAX, "the relay forwarded {bytes} bytes over circuits");
            }
        }
        Ok(())
    }

    /// Pictures and states of all browsers, for whoever looks at the failure.
    async fn keep_evidence(&self, name: &str) {
        let folder = root().join("tests/screenshots");
        for (index, browser) in self.browsers().iter().enumerate() {
            let kept = async {
                std::fs::create_dir_all(&folder)?;
                std::fs::write(folder.join(format!("{name}-{index}.png")), browser.client().screenshot().await?)?;
                std::fs::write(folder.join(format!("{name}-{index}.json")), Tab::of(browser).describe().await)?;
                anyhow::Ok(())
            };
            match tokio::time::timeout(Duration::from_secs(10), kept).await {
                Ok(Ok(())) => eprintln!("evidence of browser {index} is in tests/screenshots/{name}-{index}.png"),
                Ok(Err(error)) => eprintln!("no evidence of browser {index}: {error:#}"),
                Err(_) => eprintln!("no evidence of browser {index}: it does not answer"),
            }
        }
    }

    async fn close(&self) {
        for browser in self.browsers() {
            browser.close().await;
        }
    }
}

/// Plays one journey to its end; fails with the reason and keeps the evidence under `name`.
pub fn journey(name: &str, body: impl AsyncFnOnce(&Stage) -> Result<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let outcome = runtime.block_on(async {
        let stage = Stage::default();
        let outcome = play(&stage, body).await;
        if outcome.is_err() {
            stage.keep_evidence(name).await;
        }
        stage.close().await;
        outcome
    });
    if let Err(error) = outcome {
        panic!("{name}: {error:#}");
    }
}

async fn play(stage: &Stage, body: impl AsyncFnOnce(&Stage) -> Result<()>) -> Result<()> {
    let played = async {
        body(stage).await?;
        stage.check().await
    };
    match tokio::time::timeout(JOURNEY_TIMEOUT, AssertUnwindSafe(played).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => {
            let reason = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            bail!("{}", reason.unwrap_or_else(|| "a panic without words".to_owned()))
        }
        Err(_) => bail!("the journey took longer than {JOURNEY_TIMEOUT:?}"),
    }
}
