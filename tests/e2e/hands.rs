//! Journey: what a person's hands do beside choosing a file: drag, paste, leave, and say yes to a stranger's relay.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tests::{Folder, Options, Pattern, Tab, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// What the page answers to the question whether it may be left; `true` is "ask first".
const ASKS: &str = "const leaving = document.createEvent('BeforeUnloadEvent');
    leaving.initEvent('beforeunload', false, true);
    return !window.dispatchEvent(leaving);";
/// A picture on the clipboard, as a screenshot tool leaves it there.
const COPY_PICTURE: &str = "const canvas = new OffscreenCanvas(40, 30);
    canvas.getContext('2d').fillRect(5, 5, 20, 10);
    const blob = await canvas.convertToBlob({ type: 'image/png' });
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
    return blob.size;";

#[test]
fn dragged_files_swell_the_zone_and_are_shared_where_they_are_let_go() {
    journey("hands-drag", async |stage| {
        let relay = stage.relay().await?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (first.open(&relay.url()).await?, second.open(&relay.url()).await?);
        provider.online().await?;
        consumer.online().await?;
        let folder = Folder::new()?;
        let (one, two) = (folder.file("one.bin", 30 * KIB, Pattern(1))?, folder.file("two.bin", MIB, Pattern(2))?);

        // The whole page is the target, not only the zone, and on every screen.
        provider.screen("network").await?;
        drag(&provider, "dragEnter", &[&one, &two]).await?;
        drag(&provider, "dragCancel", &[&one, &two]).await?;
        provider.read("location.hash = '#/'; return true").await?;
        provider.wait("document.querySelector('.drop')", SOON).await?;
        drag(&provider, "dragEnter", &[&one]).await?;
        drag(&provider, "dragOver", &[&one]).await?;
        provider
            .wait("document.querySelector('.drop.dragged .drop-title')?.textContent.includes('Let go to share')", SOON)
            .await?;
        drag(&provider, "drop", &[&one]).await?;
        provider.wait("!document.querySelector('.drop.dragged') && one('share-link')?.dataset.contentId", SOON).await?;
        let id = provider.read("return one('share-link').dataset.contentId").await?;
        let id = id.as_str().context("the dropped file has no link")?;
        consumer.fetch(id).await?;
        consumer.fetched(id, SOON).await?;
        saves(&consumer, id, &one).await
    });
}

#[test]
fn pasted_picture_is_shared() {
    journey("hands-paste", async |stage| {
        let relay = stage.relay().await?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (first.open(&relay.url()).await?, second.open(&relay.url()).await?);
        provider.online().await?;
        consumer.online().await?;
        let allowed = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        first.devtools("Browser.grantPermissions", &allowed).await?;
        let copied = provider.script(COPY_PICTURE, SOON).await?;
        ensure!(copied.as_u64().is_some_and(|size| size > 0), "nothing was copied: {copied}");
        for kind in ["rawKeyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "v", "code": "KeyV", "windowsVirtualKeyCode": 86, "modifiers": 2, "commands": ["paste"] });
            first.devtools("Input.dispatchKeyEvent", &key).await?;
        }
        let id = provider.wait("one('share-link')?.dataset.contentId || null", SOON).await?;
        let id = id.as_str().context("the pasted picture has no link")?;
        consumer.fetch(id).await?;
        consumer.fetched(id, SOON).await?;
        let shown = consumer.player("return (await shown()).naturalWidth", SOON).await?;
        ensure!(shown == 40, "the picture is {shown} wide");
        Ok(())
    });
}

#[test]
fn leaving_asks_only_while_somebody_fetches() {
    journey("hands-leave", async |stage| {
        let relay = stage.relay().await?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (first.open(&relay.url()).await?, second.open(&relay.url()).await?);
        provider.online().await?;
        consumer.online().await?;
        let folder = Folder::new()?;
        let file = folder.file("long.bin", 96 * MIB, Pattern(9))?;
        let id = provider.share(&file).await?;
        ensure!(provider.read(ASKS).await? == Value::Bool(false), "it asks although nobody fetches");
        consumer.fetch(&id).await?;
        let asks = format!("(() => {{ {ASKS} }})()");
        provider.wait(&asks, SOON).await?;
        consumer.click(&format!("[data-testid='transfer'][data-content-id='{id}'] [data-testid='pause']")).await?;
        provider.wait(&format!("!{asks}"), SOON).await?;
        Ok(())
    });
}

#[test]
fn relay_of_another_host_is_used_after_a_yes_and_not_before() {
    journey("hands-relay", async |stage| {
        let (own, other) = (stage.relay().await?, stage.relay().await?);
        // Under this name, the relay on loopback is one of another host. Such an origin is insecure, which is not asked here.
        let by_name = Options::default().flag("--host-resolver-rules=MAP page.test 127.0.0.1");
        let (guest, host) = (stage.browser_with(&by_name).await?, stage.browser().await?);
        let host = host.open(&other.url()).await?;
        let host_id = host.online().await?;
        let address = other.address().await?;
        let guest = guest.open(&format!("http://page.test:{}/?relay={address}", own.port())).await?;
        guest.notice("relay-unconfirmed", SOON).await?;
        let named = guest.read("return document.querySelector('.notice-hosts').textContent").await?;
        ensure!(named == "127.0.0.1", "the question names {named}");
        let before = other.metrics().await?;
        ensure!(guest.peer_id().await.is_err(), "a node runs before the answer");
        guest.click("[data-testid='relay-confirm']").await?;
        guest.online().await?;
        guest.screen("network").await?;
        guest.peer(&host_id, "direct", SOON).await?;
        let after = other.metrics().await?;
        ensure!(before != after, "the other relay has seen nobody: {after}");
        Ok(())
    });
}

/// One step of dragging files from outside over the middle of the page.
async fn drag(tab: &Tab<'_>, step: &str, files: &[&Path]) -> Result<()> {
    let items: Vec<Value> =
        files.iter().map(|_| json!({ "mimeType": "application/octet-stream", "data": "" })).collect();
    let parameters = json!({
        "type": step,
        "x": 300,
        "y": 300,
        "data": { "items": items, "files": files, "dragOperationsMask": 1 },
    });
    tab.browser().devtools("Input.dispatchDragEvent", &parameters).await.map(drop)
}
