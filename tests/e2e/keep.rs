//! Journey: what a tab has fetched outlives the tab's reload; nothing that was verified is fetched twice.

use anyhow::{Result, ensure};
use std::time::Duration;
use tests::{Folder, Pattern, Stage, Tab, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
const GROUP: u64 = 16 * 1024;
/// What may be on its way to one consumer when it vanishes: a flow window of its largest size.
const WINDOW_MAX: u64 = 4 * MIB;

#[test]
fn reload_in_full_flight_goes_on_by_itself_and_fetches_only_what_is_missing() {
    journey("keep-reload", async |stage| {
        let length = 64 * MIB;
        with_two_tabs(stage, length, async |provider, consumer, id| {
            consumer.fetch(id).await?;
            let before = at(consumer, id, length * 2 / 5).await?;
            consumer.browser().client().refresh().await?;
            // The address is the link's: nobody has to say anything.
            consumer.fetched(id, Duration::from_secs(90)).await?;
            let fresh = taken(consumer).await?;
            ensure!(fresh <= length - before + GROUP, "{before} of {length} bytes were here and {fresh} were fetched");
            let lost = given(provider, id).await?.saturating_sub(length);
            ensure!(lost <= WINDOW_MAX, "{lost} bytes were given in vain, more than was on its way");
            Ok(())
        })
        .await
    });
}

#[test]
fn reload_of_a_paused_item_fetches_at_most_one_group_twice() {
    journey("keep-paused", async |stage| {
        let length = 48 * MIB;
        with_two_tabs(stage, length, async |_provider, consumer, id| {
            consumer.fetch(id).await?;
            at(consumer, id, length * 2 / 5).await?;
            consumer.click(&of(id, "pause")).await?;
            let before = consumer.transfer(id, "fetch", "item.state === 'paused'", SOON).await?;
            // Whoever comes back to the first screen, and not by the link, is asked.
            consumer.read("location.hash = '#/library'; return true").await?;
            consumer.browser().client().refresh().await?;
            let kept = consumer.transfer(id, "fetch", "item.state === 'paused'", SOON).await?;
            let (before, kept) = (before.bytes.parse::<u64>()?, kept.bytes.parse::<u64>()?);
            ensure!(kept >= before, "{before} bytes were verified, {kept} are kept");
            ensure!(taken(consumer).await? == 0, "it was fetched without a word");
            consumer.click(&of(id, "resume")).await?;
            consumer.fetched(id, Duration::from_secs(90)).await?;
            let fresh = taken(consumer).await?;
            ensure!(fresh <= length - kept + GROUP, "{kept} bytes were kept and {fresh} fetched, of {length}");
            Ok(())
        })
        .await
    });
}

#[test]
fn finished_item_is_offered_again_after_a_reload_without_fetching_it() {
    journey("keep-finished", async |stage| {
        let length = 5 * MIB + 17;
        let folder = Folder::new()?;
        let file = folder.file("kept.bin", length, Pattern(length))?;
        let relay = stage.relay().await?;
        let (first, second, third) = (stage.browser().await?, stage.browser().await?, stage.browser().await?);
        let provider = first.open(&relay.url()).await?;
        let consumer = second.open(&relay.url()).await?;
        consumer.online().await?;
        let id = provider.share(&file).await?;
        consumer.fetch(&id).await?;
        consumer.fetched(&id, SOON).await?;
        consumer.read("location.hash = '#/'; return true").await?;
        consumer.browser().client().refresh().await?;
        consumer.click("[data-testid='serve-switch']").await?;
        consumer.screen("library").await?;
        consumer.fetched(&id, SOON).await?;
        ensure!(taken(&consumer).await? == 0, "it was fetched again");
        saves(&consumer, &id, &file).await?;

        // Now it is the only one who has it.
        stage.forget(&first);
        first.kill().await?;
        consumer.online().await?;
        let late = third.open(&relay.url()).await?;
        late.online().await?;
        late.fetch(&id).await?;
        late.fetched(&id, Duration::from_secs(60)).await?;
        saves(&late, &id, &file).await
    });
}

#[test]
fn room_that_runs_out_in_the_middle_costs_nothing_and_who_found_none_goes_on_when_there_is_some() {
    journey("keep-quota", async |stage| {
        let folder = Folder::new()?;
        let large = folder.file("large.bin", 48 * MIB, Pattern(48))?;
        let small = folder.file("small.bin", 12 * MIB, Pattern(12))?;
        let relay = stage.relay().await?;
        let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (provider.open(&relay.url()).await?, consumer.open(&relay.url()).await?);
        consumer.online().await?;
        let (large_id, small_id) = (provider.share(&large).await?, provider.share(&small).await?);
        consumer.fetch(&large_id).await?;
        at(&consumer, &large_id, 12 * MIB).await?;
        quota(&consumer, &relay.url(), 50 * MIB).await?;
        consumer.fetched(&large_id, Duration::from_secs(90)).await?;
        saves(&consumer, &large_id, &large).await?;

        consumer.fetch(&small_id).await?;
        let failed = consumer.transfer(&small_id, "fetch", "item.state === 'failed'", SOON).await?;
        ensure!(failed.error == "storage-full" && failed.bytes == "0", "{failed:?}");
        consumer.screen("library").await?;
        consumer.click(&of(&large_id, "remove")).await?;
        // The page shows the failure until its next snapshot: only a second one would be a fault.
        consumer.transfer(&small_id, "fetch", "item.state !== 'failed'", SOON).await?;
        consumer.fetched(&small_id, Duration::from_secs(60)).await?;
        saves(&consumer, &small_id, &small).await
    });
}

/// Limits what the origin may keep, as a full disk does.
async fn quota(tab: &Tab<'_>, url: &str, bytes: u64) -> Result<()> {
    let origin = url.trim_end_matches('/');
    let parameters = serde_json::json!({ "origin": origin, "quotaSize": bytes });
    tab.browser().devtools("Storage.overrideQuotaForOrigin", &parameters).await.map(drop)
}

/// The element of an item that a person clicks.
fn of(id: &str, what: &str) -> String {
    format!("[data-testid='transfer'][data-content-id='{id}'] [data-testid='{what}']")
}

/// Waits until this many bytes of a running fetch are verified; how many are.
async fn at(tab: &Tab<'_>, id: &str, bytes: u64) -> Result<u64> {
    let enough = format!("Number(item.bytes) >= {bytes} || item.state === 'done'");
    let item = tab.transfer(id, "fetch", &enough, Duration::from_secs(60)).await?;
    ensure!(item.state == "active", "it was too quick to be interrupted: {item:?}");
    Ok(item.bytes.parse()?)
}

/// Bytes of the item that the tab gave to everybody.
async fn given(tab: &Tab<'_>, id: &str) -> Result<u64> {
    let snapshot = tab.snapshot().await?;
    let items = snapshot["transfers"].as_array().cloned().unwrap_or_default();
    let receivers = items.iter().filter(|item| item["contentId"] == id).filter_map(|item| item["receivers"].as_array());
    Ok(receivers.flatten().filter_map(|receiver| receiver["bytes"].as_f64()).map(|bytes| bytes as u64).sum())
}

/// Verified bytes that came from others since the page was loaded.
async fn taken(tab: &Tab<'_>) -> Result<u64> {
    Ok(tab.snapshot().await?["totals"]["taken"].as_f64().map_or(0, |bytes| bytes as u64))
}

async fn with_two_tabs(
    stage: &Stage,
    length: u64,
    body: impl AsyncFnOnce(&Tab<'_>, &Tab<'_>, &str) -> Result<()>,
) -> Result<()> {
    let relay = stage.relay().await?;
    let folder = Folder::new()?;
    let file = folder.file("kept.bin", length, Pattern(length))?;
    let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
    let (provider, consumer) = (provider.open(&relay.url()).await?, consumer.open(&relay.url()).await?);
    provider.online().await?;
    consumer.online().await?;
    let id = provider.share(&file).await?;
    body(&provider, &consumer, &id).await?;
    saves(&consumer, &id, &file).await
}
