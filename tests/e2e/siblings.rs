//! Journey: two tabs of one person with one item. One of them fetches it, both show it, and when that one is gone the
//! other goes on with what is verified.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tests::{Browser, Folder, Pattern, Stage, Tab, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(90);
const MIB: u64 = 1024 * 1024;
const LENGTH: u64 = 48 * MIB;
/// What may be on its way to one consumer when it vanishes: a flow window of its largest size, and what was not yet
/// written of unfinished chunks.
const LOST_MAX: u64 = 8 * MIB;

#[test]
fn one_tab_fetches_and_both_have_it() {
    journey("siblings-both", async |stage| {
        let scene = Scene::set(stage).await?;
        let (provider, id, first) = (Tab::of(&scene.provider), &scene.id, &scene.first);
        let tab = Tab::of(&scene.consumer);
        tab.fetch(id).await?;
        some_of(&tab, id, LENGTH / 8).await?;
        let second = scene.second_tab().await?;
        tab.fetch(id).await?;
        let shown = tab.transfer(id, "fetch", "item.state === 'active' && Number(item.bytes) > 0", SOON).await?;
        let item = tab.item(id).await?;
        ensure!(item["elsewhere"] == true && item["rate"].as_f64() > Some(0.0), "it shows {shown:?}: {item}");
        let verified = item["map"].as_array().map_or(0, |map| map.iter().filter(|cell| **cell == "verified").count());
        ensure!(verified > 0, "the map of the other tab is not shown");
        tab.fetched(id, LONG).await?;
        ensure!(taken(&tab).await? == 0, "the second tab fetched {} bytes", taken(&tab).await?);
        ensure!(tab.item(id).await?["keeping"] == "device", "the second tab has it in memory only");
        saves(&tab, id, &scene.file).await?;

        scene.show(first).await?;
        tab.fetched(id, SOON).await?;
        ensure!(taken(&tab).await? == LENGTH, "the first tab fetched {} bytes", taken(&tab).await?);
        ensure!(given(&provider, id).await? == LENGTH, "the provider gave {} bytes", given(&provider, id).await?);
        tab.behaved().await?;
        scene.end(stage, &second).await
    });
}

#[test]
fn the_other_tab_takes_over_when_the_one_that_fetches_is_closed() {
    journey("siblings-over", async |stage| {
        let scene = Scene::set(stage).await?;
        let (provider, id, first) = (Tab::of(&scene.provider), &scene.id, &scene.first);
        let tab = Tab::of(&scene.consumer);
        tab.fetch(id).await?;
        let second = scene.second_tab().await?;
        tab.fetch(id).await?;
        tab.transfer(id, "fetch", &format!("Number(item.bytes) >= {}", LENGTH / 3), LONG).await?;
        ensure!(tab.item(id).await?["elsewhere"] == true, "it is not the first tab that fetches");
        scene.show(first).await?;
        let before = some_of(&tab, id, LENGTH / 3).await?;
        tab.behaved().await?;
        scene.consumer.client().close_window().await?;
        scene.show(&second).await?;
        // Where downloads go was said through the window that is gone.
        let downloads = json!({ "behavior": "allow", "downloadPath": scene.consumer.downloads() });
        scene.consumer.devtools("Browser.setDownloadBehavior", &downloads).await?;
        tab.fetched(id, LONG).await?;
        let (fresh, all) = (taken(&tab).await?, given(&provider, id).await?);
        ensure!(fresh > 0 && fresh <= LENGTH - before + LOST_MAX, "{before} bytes were here and {fresh} were fetched");
        ensure!(all <= LENGTH + LOST_MAX, "the provider gave {all} bytes of {LENGTH}");
        saves(&tab, id, &scene.file).await?;
        stage.forget(&scene.consumer);
        Ok(())
    });
}

#[test]
fn what_one_tab_has_paused_goes_on_in_the_other_when_it_is_asked_for_there() {
    journey("siblings-resume", async |stage| {
        let scene = Scene::set(stage).await?;
        let (provider, id, first) = (Tab::of(&scene.provider), &scene.id, &scene.first);
        let tab = Tab::of(&scene.consumer);
        tab.fetch(id).await?;
        some_of(&tab, id, LENGTH / 8).await?;
        tab.click(&of(id, "pause")).await?;
        tab.transfer(id, "fetch", "item.state === 'paused'", SOON).await?;
        let second = scene.second_tab().await?;
        // The store lists it: nobody has asked for it here.
        let listed = tab.transfer(id, "fetch", "item.state === 'paused'", SOON).await?;
        ensure!(listed.bytes.parse::<u64>()? >= LENGTH / 8, "{listed:?}");
        tab.click(&of(id, "resume")).await?;
        tab.fetched(id, LONG).await?;
        let fresh = taken(&tab).await?;
        ensure!(fresh > 0 && fresh < LENGTH, "the second tab fetched {fresh} bytes");
        saves(&tab, id, &scene.file).await?;
        scene.show(first).await?;
        tab.fetched(id, SOON).await?;
        let all = given(&provider, id).await?;
        ensure!(all <= LENGTH + LOST_MAX, "the provider gave {all} bytes of {LENGTH}");
        tab.behaved().await?;
        scene.end(stage, &second).await
    });
}

/// One who shares, and one with a first tab.
struct Scene {
    provider: std::sync::Arc<Browser>,
    consumer: std::sync::Arc<Browser>,
    first: fantoccini::wd::WindowHandle,
    url: String,
    id: String,
    file: PathBuf,
    _folder: Folder,
}

impl Scene {
    async fn set(stage: &Stage) -> Result<Self> {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("both.bin", LENGTH, Pattern(15))?;
        let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
        let sharer = provider.open(&relay.url()).await?;
        sharer.online().await?;
        // Slow enough to look at while it goes.
        sharer.limit_giving("5 MiB/s", 5 * MIB).await?;
        sharer.screen("home").await?;
        let id = sharer.share(&file).await?;
        consumer.open(&relay.url()).await?.online().await?;
        let first = consumer.client().window().await?;
        Ok(Self { provider, consumer, first, url: relay.url(), id, file, _folder: folder })
    }

    /// A second window of the same person, in front of the first.
    async fn second_tab(&self) -> Result<fantoccini::wd::WindowHandle> {
        let second = self.consumer.client().new_window(false).await?.handle;
        self.show(&second).await?;
        self.consumer.open(&self.url).await?.online().await?;
        Ok(second)
    }

    async fn show(&self, window: &fantoccini::wd::WindowHandle) -> Result<()> {
        Ok(self.consumer.client().switch_to_window(window.clone()).await?)
    }

    /// A window opened later has no witness; the first had one, and was asked.
    async fn end(&self, stage: &Stage, second: &fantoccini::wd::WindowHandle) -> Result<()> {
        self.consumer.client().close_window().await?;
        self.show(second).await?;
        stage.forget(&self.consumer);
        Ok(())
    }
}

/// Waits until this many bytes of a running fetch are verified; how many are.
async fn some_of(tab: &Tab<'_>, id: &str, bytes: u64) -> Result<u64> {
    let item = tab.transfer(id, "fetch", &format!("Number(item.bytes) >= {bytes}"), LONG).await?;
    ensure!(item.state == "active", "it was too quick to be looked at: {item:?}");
    Ok(item.bytes.parse()?)
}

/// Verified bytes that came from others since the page was loaded.
async fn taken(tab: &Tab<'_>) -> Result<u64> {
    Ok(tab.snapshot().await?["totals"]["taken"].as_f64().map_or(0, |bytes| bytes as u64))
}

/// Bytes of the item that the tab gave to everybody.
async fn given(tab: &Tab<'_>, id: &str) -> Result<u64> {
    let item = tab.item(id).await?;
    let receivers = item["receivers"].as_array().cloned().unwrap_or_default();
    Ok(receivers.iter().filter_map(|receiver| receiver["bytes"].as_f64()).map(|bytes| bytes as u64).sum())
}

/// The element of an item that a person clicks.
fn of(id: &str, what: &str) -> String {
    let id: Value = json!(id);
    format!("[data-testid='transfer'][data-content-id={id}] [data-testid='{what}']")
}
