//! Journey: what a person shares is theirs: it comes back after a reload without choosing it again, for as long as
//! they keep it, and says so when the file behind it is no longer what it was.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tests::{Folder, Options, Pattern, Stage, Tab, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;

#[test]
fn share_from_a_plain_chooser_comes_back_as_a_copy_until_it_is_stopped() {
    journey("mine-copy", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("field notes.bin", 7 * MIB + 5, Pattern(21))?;
        let browser = stage.browser().await?;
        let sharer = browser.open(&relay.url()).await?;
        sharer.online().await?;
        let id = sharer.share(&file).await?;
        kept(&sharer, &id, "device").await?;
        // The copy is all there is: nobody reads the file again.
        std::fs::remove_file(&file)?;
        let same = folder.file("field notes.bin", 7 * MIB + 5, Pattern(21))?;
        sharer.browser().client().refresh().await?;
        sharer.transfer(&id, "share", "item.state === 'done'", SOON).await?;
        fetched_by_another(stage, &relay.url(), &id, &same).await?;

        sharer.screen("library").await?;
        sharer.click(&of(&id, "remove")).await?;
        sharer.wait(&format!("!transfer({}, 'share')", json!(id)), SOON).await?;
        sharer
            .script(
                &format!(
                    "const own = await (await navigator.storage.getDirectory()).getDirectoryHandle('starling-1-own');
            for (let tries = 0; tries < 100; tries++) {{
                let left = 0;
                for await (const name of own.keys()) left += 1;
                if (left === 0) return true;
                await new Promise((later) => setTimeout(later, 50));
            }}
            throw new Error('a copy of {id} is left');"
                ),
                SOON,
            )
            .await?;
        sharer.browser().client().refresh().await?;
        sharer.online().await?;
        ensure!(sharer.transfers().await?.is_empty(), "what was stopped came back: {}", sharer.describe().await);
        Ok(())
    });
}

#[test]
fn dropped_file_comes_back_from_where_it_is_and_is_shared_anew_when_it_has_changed() {
    journey("mine-dropped", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("diary.bin", 3 * MIB, Pattern(22))?;
        // In such a window a leave to read lasts as long as the window; elsewhere the browser asks again, see below.
        let browser = stage.browser_with(&remembering()).await?;
        let sharer = browser.open(&relay.url()).await?;
        sharer.online().await?;
        let id = dropped(&sharer, &file).await?;
        sharer.browser().client().refresh().await?;
        sharer.transfer(&id, "share", "item.state === 'done'", SOON).await?;
        fetched_by_another(stage, &relay.url(), &id, &file).await?;

        std::fs::OpenOptions::new().append(true).open(&file)?.write_all(b"one more day")?;
        sharer.browser().client().refresh().await?;
        let changed = sharer.transfer(&id, "share", "item.state === 'failed'", SOON).await?;
        ensure!(changed.error == "file-changed", "{changed:?}");
        sharer.click(&of(&id, "share-anew")).await?;
        let anew = sharer
            .wait(
                &format!(
                    "one('share-link')?.dataset.contentId !== {} && one('share-link')?.dataset.contentId || null",
                    json!(id)
                ),
                SOON,
            )
            .await?;
        let anew = anew.as_str().unwrap_or_default().to_owned();
        kept(&sharer, &anew, "file").await?;
        ensure!(sharer.transfers().await?.len() == 1, "the old item stayed: {}", sharer.describe().await);
        fetched_by_another(stage, &relay.url(), &anew, &file).await
    });
}

#[test]
fn dropped_file_waits_for_a_click_where_the_browser_asks_again() {
    journey("mine-asks", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("letters.bin", MIB, Pattern(24))?;
        let browser = stage.browser().await?;
        let sharer = browser.open(&relay.url()).await?;
        sharer.online().await?;
        let id = dropped(&sharer, &file).await?;
        sharer.browser().client().refresh().await?;
        let waiting = sharer.transfer(&id, "share", "item.state === 'failed'", SOON).await?;
        ensure!(waiting.error == "permission-needed", "{waiting:?}");
        // The browser's own question has no answer from a script; that the click reaches it is what can be seen.
        sharer
            .read(
                "const ask = FileSystemHandle.prototype.requestPermission;
                FileSystemHandle.prototype.requestPermission = function (...given) {
                    window.asked = [this.name, given[0].mode, navigator.userActivation.isActive];
                    return ask.apply(this, given);
                };
                return true",
            )
            .await?;
        sharer.click(&of(&id, "regain")).await?;
        let asked = sharer
            .script(
                "while (!window.asked) await new Promise((later) => setTimeout(later, 20)); return window.asked;",
                SOON,
            )
            .await?;
        ensure!(asked == json!(["letters.bin", "read", true]), "asked for {asked}");
        Ok(())
    });
}

#[test]
fn file_that_changes_while_it_is_shared_is_said_and_no_longer_offered() {
    journey("mine-changed", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("draft.bin", 2 * MIB, Pattern(23))?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let sharer = first.open(&relay.url()).await?;
        let asker = second.open(&relay.url()).await?;
        asker.online().await?;
        let id = sharer.share(&file).await?;
        kept(&sharer, &id, "device").await?;
        std::fs::OpenOptions::new().append(true).open(&file)?.write_all(b"second thoughts")?;
        asker.fetch(&id).await?;
        let changed = sharer.transfer(&id, "share", "item.state === 'failed'", SOON).await?;
        ensure!(changed.error == "file-changed", "{changed:?}");
        asker.transfer(&id, "fetch", "item.state === 'waiting' && item.bytes === '0'", Duration::from_secs(60)).await?;
        // A plain input gives no file that could be read again: the person chooses it.
        sharer.wait(&format!("document.querySelector({}) !== null", json!(of(&id, "choose-anew"))), SOON).await?;
        // The copy of what it was is gone with it.
        sharer.browser().client().refresh().await?;
        sharer.online().await?;
        sharer.settle(Duration::from_secs(1)).await?;
        ensure!(sharer.transfers().await?.is_empty(), "old bytes came back: {}", sharer.describe().await);
        Ok(())
    });
}

/// Waits until the sharer knows how the share outlives the visit.
async fn kept(tab: &Tab<'_>, id: &str, keeping: &str) -> Result<()> {
    let body = format!(
        "for (let tries = 0; tries < 300; tries++) {{
            const item = window.starling.snapshot().transfers.find((item) => item.contentId === {});
            if (item?.keeping) return item.keeping;
            await new Promise((later) => setTimeout(later, 50));
        }}
        throw new Error('it never says how it is kept');",
        json!(id)
    );
    let found = tab.script(&body, SOON).await?;
    ensure!(found == *keeping, "kept as {found}, expected {keeping}");
    Ok(())
}

async fn fetched_by_another(stage: &Stage, url: &str, id: &str, file: &Path) -> Result<()> {
    let browser = stage.browser().await?;
    let consumer = browser.open(url).await?;
    consumer.online().await?;
    consumer.fetch(id).await?;
    consumer.fetched(id, SOON).await?;
    saves(&consumer, id, file).await
}

fn remembering() -> Options {
    // The page asks before it ends while somebody fetches; a reload by a script is not a person's to be asked about.
    Options::default().flag("--incognito").known("Blocked attempt to show a 'beforeunload' confirmation panel")
}

/// Drops a file, waits until the browser remembers it, and returns its content id.
async fn dropped(tab: &Tab<'_>, file: &Path) -> Result<String> {
    drop_file(tab, file).await?;
    let id = tab.wait("one('share-link')?.dataset.contentId || null", SOON).await?;
    let id = id.as_str().unwrap_or_default().to_owned();
    kept(tab, &id, "file").await?;
    Ok(id)
}

/// Drops a file on the page as the system's file browser does.
async fn drop_file(tab: &Tab<'_>, file: &Path) -> Result<Value> {
    let data = json!({ "items": [], "files": [file], "dragOperationsMask": 1 });
    for kind in ["dragEnter", "dragOver"] {
        let event = json!({ "type": kind, "x": 200, "y": 200, "data": data });
        tab.browser().devtools("Input.dispatchDragEvent", &event).await?;
    }
    let event = json!({ "type": "drop", "x": 200, "y": 200, "data": data });
    tab.browser().devtools("Input.dispatchDragEvent", &event).await
}

/// The element of an item that a person clicks.
fn of(id: &str, what: &str) -> String {
    format!("[data-testid='transfer'][data-content-id='{id}'] [data-testid='{what}']")
}
