//! Journey: the relay dies, comes back, or is no longer needed.

use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};
use tests::{Folder, Pattern, Tab, exchange, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
/// From the moment a restarted relay listens until its tabs are back.
const REJOIN_MAX: Duration = Duration::from_secs(5);

#[test]
fn running_transfer_does_not_notice_that_the_relay_is_killed() {
    journey("relay-killed", async |stage| {
        let relay = stage.relay().await?;
        let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (provider.open(&relay.url()).await?, consumer.open(&relay.url()).await?);
        let provider_id = provider.online().await?;
        consumer.online().await?;
        let folder = Folder::new()?;
        let file = folder.file("long.bin", 100 * MIB, Pattern(11))?;
        let id = provider.share(&file).await?;
        consumer.fetch(&id).await?;
        consumer.transfer(&id, "fetch", "item.state === 'active' && Number(item.bytes) > 0", SOON).await?;
        let circuit_bytes = relay.circuit_bytes().await?;
        ensure!(circuit_bytes < tests::CIRCUIT_BYTES_MAX, "{circuit_bytes} bytes went over circuits");
        relay.kill().await?;
        let at_the_kill = consumer.transfer(&id, "fetch", "true", SOON).await?;
        ensure!(at_the_kill.state == "active", "it was over before the relay was killed: {at_the_kill:?}");
        consumer.fetched(&id, Duration::from_secs(120)).await?;
        saves(&consumer, &id, &file).await?;
        consumer.screen("network").await?;
        consumer.peer(&provider_id, "direct", SOON).await
    });
}

#[test]
fn tabs_are_back_within_five_seconds_of_a_restart() {
    journey("relay-restarted", async |stage| {
        let relay = stage.relay().await?;
        let (left, right) = (stage.browser().await?, stage.browser().await?);
        let (left, right) = (left.open(&relay.url()).await?, right.open(&relay.url()).await?);
        let right_id = right.online().await?;
        left.online().await?;
        left.screen("network").await?;
        left.peer(&right_id, "direct", SOON).await?;
        relay.kill().await?;
        for tab in [left, right] {
            tab.wait("app().dataset.status !== 'online'", SOON).await?;
        }
        left.peer(&right_id, "direct", Duration::from_secs(1))
            .await
            .context("peers are kept while the relay is gone")?;
        relay.restart().await?;
        let restarted = Instant::now();
        for tab in [left, right] {
            tab.status("online", REJOIN_MAX).await?;
        }
        ensure!(restarted.elapsed() < REJOIN_MAX, "it took {:?}", restarted.elapsed());
        let newcomer = stage.browser().await?;
        let newcomer = newcomer.open(&relay.url()).await?;
        newcomer.online().await?;
        newcomer.screen("network").await?;
        newcomer.peer(&right_id, "direct", SOON).await
    });
}

#[test]
fn relay_that_is_gone_is_named() {
    journey("relay-unreachable", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        relay.kill().await?;
        tab.notice("relay-unreachable", Duration::from_secs(10)).await?;
        relay.restart().await?;
        tab.wait("!notices().includes('relay-unreachable')", Duration::from_secs(10)).await.map(drop)
    });
}

#[test]
fn tabs_without_a_common_relay_are_introduced_by_a_neighbour() {
    journey("relay-introduced", async |stage| {
        // `west` knows only the first relay, `east` only the second; `middle` knows both.
        let (first, second) = (stage.relay().await?, stage.relay().await?);
        let (west, middle, east) = (stage.browser().await?, stage.browser().await?, stage.browser().await?);
        let only = |own: &str, relay: &str| format!("{own}?relay={relay}");
        let (first_address, second_address) = (first.address().await?, second.address().await?);
        let middle = middle.open(&format!("{}?relay={first_address}&relay={second_address}", first.url())).await?;
        let middle_id = middle.online().await?;
        let west = west.open(&only(&first.url(), &first_address)).await?;
        let west_id = west.online().await?;
        west.screen("network").await?;
        west.peer(&middle_id, "direct", SOON).await?;
        first.kill().await?;
        let east = east.open(&only(&second.url(), &second_address)).await?;
        let east_id = east.online().await?;
        east.screen("network").await?;
        east.peer(&middle_id, "direct", SOON).await?;
        second.kill().await?;
        // Both relays are gone, and neither ever knew both ends.
        west.peer(&east_id, "direct", SOON).await?;
        east.peer(&west_id, "direct", SOON).await?;
        gives(&west, &east, "westward.bin", 21).await?;
        gives(&east, &west, "eastward.bin", 22).await
    });
}

async fn gives(provider: &Tab<'_>, consumer: &Tab<'_>, name: &str, seed: u64) -> Result<()> {
    let folder = Folder::new()?;
    let file = folder.file(name, MIB, Pattern(seed))?;
    exchange(provider, consumer, &file, SOON).await.map(drop)
}
