//! Journey: share a file, open its link somewhere else, save the same bytes.

use anyhow::{Result, ensure};
use std::time::Duration;
use tests::{Folder, Pattern, Stage, Tab, exchange, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

#[test]
fn every_size_arrives_as_it_was() {
    journey("share-sizes", async |stage| {
        with_two_tabs(stage, async |provider, consumer| {
            let folder = Folder::new()?;
            for length in [0, 1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, MIB] {
                let file = folder.file(&format!("{length} bytes.bin"), length, Pattern(length))?;
                exchange(provider, consumer, &file, SOON).await?;
            }
            Ok(())
        })
        .await
    });
}

#[test]
fn hundred_mebibytes_arrive_as_they_were() {
    journey("share-100-mib", async |stage| {
        with_two_tabs(stage, async |provider, consumer| {
            let folder = Folder::new()?;
            let file = folder.file("hundred.bin", 100 * MIB, Pattern(100))?;
            exchange(provider, consumer, &file, Duration::from_secs(120)).await.map(drop)
        })
        .await
    });
}

#[test]
fn names_in_every_script_are_kept() {
    journey("share-names", async |stage| {
        with_two_tabs(stage, async |provider, consumer| {
            let folder = Folder::new()?;
            let names = [
                "привет.txt",
                "你好 世界.txt",
                "こんにちは.bin",
                "안녕하세요.pdf",
                "مرحبا.txt",
                "שלום.txt",
                "नमस्ते.txt",
                "สวัสดี.txt",
                "γειά σου.txt",
                "ñandú ß Å.txt",
                "🐦 flock.txt",
                "e\u{301}.txt",
                "a&b <i>#?%20;'.txt",
            ];
            for (seed, name) in (1..).zip(names) {
                let file = folder.file(name, 1_000 + seed, Pattern(seed))?;
                exchange(provider, consumer, &file, SOON).await?;
            }
            Ok(())
        })
        .await
    });
}

#[test]
fn same_file_twice_is_one_item() {
    journey("share-twice", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        let folder = Folder::new()?;
        let file = folder.file("once.bin", 70_000, Pattern(1))?;
        let id = tab.share(&file).await?;
        tab.choose(&[&file]).await?;
        let other = folder.file("other.bin", 10, Pattern(2))?;
        // Shares are handled in order: when the third is there, the second has been.
        let other_id = tab.share(&other).await?;
        tab.screen("library").await?;
        tab.transfer(&other_id, "share", "item.state === 'done'", SOON).await?;
        let items = tab.transfers().await?;
        let same = items.iter().filter(|item| item.content_id == id).count();
        ensure!(same == 1 && items.len() == 2, "{items:?}");
        Ok(())
    });
}

#[test]
fn drop_zone_takes_a_file_before_the_network_is_up() {
    journey("share-early", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        let folder = Folder::new()?;
        let file = folder.file("early.bin", 20_000, Pattern(3))?;
        // No wait for `online`: the input is there from the first paint.
        let id = tab.share(&file).await?;
        ensure!(tab.link().await?.ends_with(&format!("#/get/{id}")), "the link does not name the item");
        Ok(())
    });
}

#[test]
fn third_tab_fetches_from_two_providers() {
    journey("share-two-providers", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("shared by two.bin", 64 * MIB, Pattern(64))?;
        let mut providers = Vec::new();
        for _ in 0..2 {
            let browser = stage.browser().await?;
            let tab = browser.open(&relay.url()).await?;
            let peer = tab.online().await?;
            let id = tab.share(&file).await?;
            providers.push((browser, peer, id));
        }
        let id = providers[0].2.clone();
        ensure!(id == providers[1].2, "one file has two ids");
        let browser = stage.browser().await?;
        let consumer = browser.open(&relay.url()).await?;
        consumer.online().await?;
        consumer.screen("network").await?;
        for (_, peer, _) in &providers {
            consumer.peer(peer, "direct", SOON).await?;
        }
        consumer.fetch(&id).await?;
        consumer.transfer(&id, "fetch", "Number(item.sources) === 2", SOON).await?;
        consumer.fetched(&id, Duration::from_secs(90)).await?;
        let sources = sources(&consumer, &id).await?;
        let useful = sources.iter().filter(|(_, bytes)| *bytes > MIB).count();
        ensure!(useful == 2, "both providers should have given a part: {sources:?}");
        saves(&consumer, &id, &file).await
    });
}

/// Whom the item came from, with verified bytes.
async fn sources(tab: &Tab<'_>, id: &str) -> Result<Vec<(String, u64)>> {
    let snapshot = tab.snapshot().await?;
    let transfers = snapshot["transfers"].as_array().cloned().unwrap_or_default();
    let item = transfers.iter().find(|item| item["contentId"] == id && item["direction"] == "fetch");
    let sources = item.and_then(|item| item["sources"].as_array().cloned()).unwrap_or_default();
    let bytes = |source: &serde_json::Value| source["bytes"].as_f64().map_or(0, |bytes| bytes as u64);
    Ok(sources.iter().map(|source| (source["peer"].as_str().unwrap_or_default().to_owned(), bytes(source))).collect())
}

async fn with_two_tabs(stage: &Stage, body: impl AsyncFnOnce(&Tab<'_>, &Tab<'_>) -> Result<()>) -> Result<()> {
    let relay = stage.relay().await?;
    let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
    let (provider, consumer) = (provider.open(&relay.url()).await?, consumer.open(&relay.url()).await?);
    provider.online().await?;
    consumer.online().await?;
    body(&provider, &consumer).await
}
