//! Journey: storage as it is on a person's machine: too small, refused, or silent. What happens is said, what is pinned
//! stays, and what fits nowhere else may go to memory or straight to a file.

use anyhow::{Result, ensure};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tests::{Browser, Folder, Options, Pattern, Relay, Stage, Tab, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
/// What was read longer ago than this is in nobody's use.
const UNUSED: Duration = Duration::from_secs(21);

#[test]
fn what_nobody_uses_makes_room_and_what_is_pinned_stays() {
    journey("room-made", async |stage| {
        let scene = Scene::set(stage, &Options::default()).await?;
        let tab = Tab::of(&scene.consumer);
        let (pinned, _) = scene.shares("pinned.bin", 16 * MIB).await?;
        let (older, older_file) = scene.shares("older.bin", 16 * MIB).await?;
        let (wanted, wanted_file) = scene.shares("wanted.bin", 12 * MIB).await?;
        for id in [&pinned, &older] {
            tab.fetch(id).await?;
            tab.fetched(id, SOON).await?;
        }
        tab.screen("library").await?;
        tab.click(&of(&pinned, "pin")).await?;
        tab.wait(&pressed(&pinned), SOON).await?;
        tab.browser().client().refresh().await?;
        tab.online().await?;
        tab.wait(&pressed(&pinned), SOON).await?;
        tab.settle(UNUSED).await?;

        scene.quota(40 * MIB).await?;
        tab.fetch(&wanted).await?;
        tab.notice("made-room", SOON).await?;
        tab.fetched(&wanted, SOON).await?;
        saves(&tab, &wanted, &wanted_file).await?;
        let left: Vec<String> = tab.transfers().await?.into_iter().map(|item| item.content_id).collect();
        ensure!(left.contains(&pinned) && !left.contains(&older), "{} is left", left.join(", "));

        // Now all that is here is pinned or in use, which is said before the first byte is asked for.
        tab.fetch(&older).await?;
        let failed = tab.transfer(&older, "fetch", "item.state === 'failed'", SOON).await?;
        ensure!(failed.error == "storage-full" && failed.bytes == "0", "{failed:?}");
        tab.click(&of(&older, "keep-in-memory")).await?;
        tab.fetched(&older, SOON).await?;
        tab.wait("one('in-memory') !== undefined", SOON).await?;
        saves(&tab, &older, &older_file).await?;
        ensure!(tab.item(&older).await?["keeping"] == "tab", "it is not said that it goes with the tab");

        tab.screen("library").await?;
        tab.browser().client().refresh().await?;
        tab.fetched(&pinned, SOON).await?;
        tab.fetched(&wanted, SOON).await?;
        ensure!(tab.transfers().await?.len() == 2, "memory outlived the page: {}", tab.describe().await);
        Ok(())
    });
}

#[test]
fn a_browser_that_refuses_storage_is_said_to_and_works_in_memory() {
    journey("room-refused", async |stage| {
        let without = Options::default().script("delete StorageManager.prototype.getDirectory;");
        let scene = Scene::set(stage, &without).await?;
        let tab = Tab::of(&scene.consumer);
        let (id, file) = scene.shares("fleeting.bin", 3 * MIB).await?;
        tab.notice("storage-refused", SOON).await?;
        tab.fetch(&id).await?;
        tab.wait("one('in-memory') !== undefined", SOON).await?;
        tab.fetched(&id, SOON).await?;
        ensure!(tab.item(&id).await?["pinned"].is_null(), "there is nothing that a pin could keep");
        saves(&tab, &id, &file).await?;
        tab.read("location.hash = '#/library'; return true").await?;
        tab.browser().client().refresh().await?;
        tab.online().await?;
        ensure!(tab.transfers().await?.is_empty(), "memory outlived the page: {}", tab.describe().await);
        Ok(())
    });
}

#[test]
fn a_large_file_is_written_where_the_person_says() {
    journey("room-save-as", async |stage| {
        // A script cannot answer the browser's own question; what it answers with is a file handle like this one.
        let picker = "window.showSaveFilePicker = async (options) => {
            window.picked = options.suggestedName;
            const top = await navigator.storage.getDirectory();
            return top.getFileHandle('picked', { create: true });
        };";
        let scene = Scene::set(stage, &Options::default().script(picker)).await?;
        let tab = Tab::of(&scene.consumer);
        let (id, file) = scene.shares("large.bin", 24 * MIB + 5).await?;
        tab.fetch(&id).await?;
        tab.fetched(&id, SOON).await?;
        tab.click(&of(&id, "save-as")).await?;
        tab.wait("one('saved-as')?.textContent === 'Saved.'", SOON).await?;
        let written = tab
            .script(
                "const top = await navigator.storage.getDirectory();
                const file = await (await top.getFileHandle('picked')).getFile();
                let sum = 0;
                for (const byte of new Uint8Array(await file.arrayBuffer())) sum = (Math.imul(sum, 31) + byte) >>> 0;
                return { name: window.picked, sum };",
                SOON,
            )
            .await?;
        let bytes = std::fs::read(&file)?;
        let sum = bytes.iter().fold(0u32, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        ensure!(written == json!({ "name": "large.bin", "sum": sum }), "{written}, and the file's sum is {sum}");
        Ok(())
    });
}

#[test]
fn a_store_that_never_answers_ends_in_words() {
    journey("room-silent", async |stage| {
        // The store worker hears no question about bytes.
        let deaf = "const post = Worker.prototype.postMessage;
            Worker.prototype.postMessage = function (...given) {
                if (Array.isArray(given[0]) && given[0][1] === 'read' && window.deaf) return undefined;
                return post.apply(this, given);
            };";
        let scene = Scene::set(stage, &Options::default().script(deaf)).await?;
        let tab = Tab::of(&scene.consumer);
        let (id, _) = scene.shares("silent.bin", MIB).await?;
        tab.fetch(&id).await?;
        tab.fetched(&id, SOON).await?;
        tab.read("window.deaf = true; return true").await?;
        tab.click("[data-testid='serve-switch']").await?;
        let other = stage.browser().await?;
        let asker = other.open(&scene.relay.url()).await?;
        asker.online().await?;
        stage.forget(&scene.provider);
        scene.provider.kill().await?;
        asker.fetch(&id).await?;
        let failed = tab.transfer(&id, "fetch", "item.state === 'failed'", Duration::from_secs(60)).await?;
        ensure!(failed.error == "storage-refused", "{failed:?}");
        asker.transfer(&id, "fetch", "item.state === 'waiting' && item.bytes === '0'", SOON).await.map(drop)
    });
}

/// One who shares, and one whose storage it is about.
struct Scene {
    relay: Arc<Relay>,
    provider: Arc<Browser>,
    consumer: Arc<Browser>,
    folder: Folder,
}

impl Scene {
    async fn set(stage: &Stage, options: &Options) -> Result<Self> {
        let relay = stage.relay().await?;
        let (provider, consumer) = (stage.browser().await?, stage.browser_with(options).await?);
        provider.open(&relay.url()).await?.online().await?;
        consumer.open(&relay.url()).await?.online().await?;
        Ok(Self { relay, provider, consumer, folder: Folder::new()? })
    }

    async fn shares(&self, name: &str, length: u64) -> Result<(String, PathBuf)> {
        let file = self.folder.file(name, length, Pattern(length ^ name.len() as u64))?;
        Ok((Tab::of(&self.provider).share(&file).await?, file))
    }

    /// Limits what the origin may keep, as a full disk does.
    async fn quota(&self, bytes: u64) -> Result<()> {
        let url = self.relay.url();
        let parameters = json!({ "origin": url.trim_end_matches('/'), "quotaSize": bytes });
        self.consumer.devtools("Storage.overrideQuotaForOrigin", &parameters).await.map(drop)
    }
}

/// The element of an item that a person clicks.
fn of(id: &str, what: &str) -> String {
    format!("[data-testid='transfer'][data-content-id='{id}'] [data-testid='{what}']")
}

fn pressed(id: &str) -> String {
    format!("document.querySelector(\"{}\")?.getAttribute('aria-pressed') === 'true'", of(id, "pin"))
}
