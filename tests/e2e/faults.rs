//! Journey: what a peer, a link or a provider can do wrong, and what the person sees of it.

use anyhow::{Context, Result, ensure};
use std::time::Duration;
use tests::{Folder, Options, Pattern, Tab, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
/// What one bad group may cost: itself and what was verified with it.
const WASTED_MAX: u64 = 32 * 1024;
/// Runs in the hostile tab before the page: flips one byte in the middle of one bulk frame.
const FLIP: &str = include_str!("flip.js");
/// Runs before the page: a network that lets no direct connection through.
const NO_DIRECT_PATH: &str = r"
    const Stock = RTCPeerConnection;
    window.RTCPeerConnection = class extends Stock {
        constructor(configuration) { super({ ...configuration, iceTransportPolicy: 'relay', iceServers: [] }); }
    };
";

#[test]
fn peer_that_sends_wrong_bytes_is_dropped() {
    journey("faults-wrong-bytes", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("wanted.bin", 32 * MIB, Pattern(31))?;
        let hostile_browser = stage.browser_with(&Options::default().script(FLIP)).await?;
        let hostile = hostile_browser.open(&relay.url()).await?;
        let hostile_id = hostile.online().await?;
        let id = hostile.share(&file).await?;
        let (honest, victim) = (stage.browser().await?, stage.browser().await?);
        let honest = honest.open(&relay.url()).await?;
        honest.online().await?;
        honest.share(&file).await?;
        let victim = victim.open(&relay.url()).await?;
        victim.online().await?;
        victim.screen("network").await?;
        victim.peer(&hostile_id, "direct", SOON).await?;
        victim.fetch(&id).await?;
        victim.fetched(&id, Duration::from_secs(90)).await?;
        saves(&victim, &id, &file).await?;

        let flipped = hostile.read("return globalThis.__flipped").await?;
        ensure!(flipped == 1, "the hostile tab flipped {flipped} bytes, not one");
        let item = victim.item(&id).await?;
        let source = item["sources"].as_array().and_then(|all| all.iter().find(|source| source["peer"] == *hostile_id));
        ensure!(source.is_some_and(|source| source["state"] == "dropped"), "the hostile peer is not dropped: {item}");
        let wasted = item["wasted"].as_f64().context("no count of wasted bytes")?;
        ensure!(wasted > 0.0 && wasted < WASTED_MAX as f64, "{wasted} bytes were wasted");
        asks_no_more(&victim, &hostile, &hostile_id, &folder).await?;
        stage.forget(&hostile_browser);
        Ok(())
    });
}

/// A second file that only the hostile peer has must stay unfetched: nothing is ever asked of it again.
async fn asks_no_more(victim: &Tab<'_>, hostile: &Tab<'_>, hostile_id: &str, folder: &Folder) -> Result<()> {
    let other = folder.file("only there.bin", MIB, Pattern(32))?;
    hostile.screen("home").await?;
    let bulk_before = hostile.read("return globalThis.__bulk").await?;
    let id = hostile.share(&other).await?;
    victim.fetch(&id).await?;
    victim.transfer(&id, "fetch", "item.error === 'no-provider' || item.state === 'waiting'", SOON).await?;
    victim.screen("network").await?;
    let peers = victim.peers().await?;
    ensure!(
        !peers.iter().any(|peer| peer.peer_id == *hostile_id && peer.path == "direct"),
        "still connected: {peers:?}"
    );
    let bulk_after = hostile.read("return globalThis.__bulk").await?;
    ensure!(bulk_before == bulk_after, "the hostile peer was asked again: {bulk_before} then {bulk_after} bulk frames");
    Ok(())
}

#[test]
fn malformed_links_say_so() {
    journey("faults-links", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser().await?;
        let links = [
            "",
            "nonsense",
            "bafkr4i",
            // A content id of another kind of data (dag-pb, SHA-256).
            "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
            "%00%ff",
            "%3Cscript%3Ealert(1)%3C/script%3E",
            "../../etc",
        ];
        let long = "b".repeat(100_000);
        for link in links.into_iter().chain([long.as_str()]) {
            // A fresh page each time: a notice of the link before would pass for this one's.
            browser.client().goto("about:blank").await?;
            let tab = browser.open(&format!("{}#/get/{link}", relay.url())).await?;
            let said =
                "notices().includes('malformed-link') || transfers().some((item) => item.error === 'malformed-link')";
            tab.wait(said, SOON).await.with_context(|| format!("link {:.40}", link))?;
            let items = tab.transfers().await?;
            ensure!(items.iter().all(|item| item.state == "failed"), "something is being fetched: {items:?}");
        }
        Ok(())
    });
}

#[test]
fn unknown_content_waits_until_somebody_has_it() {
    journey("faults-no-provider", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("later.bin", MIB, Pattern(41))?;
        let gone = stage.browser().await?;
        let id = gone.open(&relay.url()).await?.share(&file).await?;
        gone.kill().await?;
        stage.forget(&gone);
        let waiting = stage.browser().await?;
        let waiting = waiting.open(&format!("{}#/get/{id}", relay.url())).await?;
        waiting.transfer(&id, "fetch", "item.state === 'waiting' && item.error === 'no-provider'", SOON).await?;
        let later = stage.browser().await?;
        let again = later.open(&relay.url()).await?.share(&file).await?;
        ensure!(again == id, "the same file has another id in another tab");
        waiting.fetched(&id, SOON).await?;
        saves(&waiting, &id, &file).await
    });
}

#[test]
fn provider_that_leaves_is_replaced_by_the_next() {
    journey("faults-provider-left", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("half.bin", 100 * MIB, Pattern(51))?;
        let (leaving, consumer) = (stage.browser().await?, stage.browser().await?);
        let provider = leaving.open(&relay.url()).await?;
        provider.online().await?;
        let id = provider.share(&file).await?;
        let consumer = consumer.open(&relay.url()).await?;
        consumer.online().await?;
        consumer.fetch(&id).await?;
        consumer.transfer(&id, "fetch", "Number(item.bytes) > 1000000", SOON).await?;
        leaving.kill().await?;
        stage.forget(&leaving);
        let stopped = consumer.transfer(&id, "fetch", "item.error === 'provider-left'", SOON).await?;
        ensure!(stopped.bytes != stopped.total, "it was complete before the provider left: {stopped:?}");
        let next = stage.browser().await?;
        let again = next.open(&relay.url()).await?.share(&file).await?;
        ensure!(again == id, "the same file has another id in another tab");
        consumer.fetched(&id, Duration::from_secs(120)).await?;
        saves(&consumer, &id, &file).await
    });
}

#[test]
fn without_a_direct_path_nothing_is_fetched_through_the_relay() {
    journey("faults-no-direct-path", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("near and yet so far.bin", MIB, Pattern(61))?;
        let (provider, consumer) =
            (stage.browser().await?, stage.browser_with(&Options::default().script(NO_DIRECT_PATH)).await?);
        let provider = provider.open(&relay.url()).await?;
        provider.online().await?;
        let id = provider.share(&file).await?;
        let consumer = consumer.open(&relay.url()).await?;
        consumer.online().await?;
        consumer.fetch(&id).await?;
        let item = consumer.transfer(&id, "fetch", "item.error === 'no-direct-path'", Duration::from_secs(60)).await?;
        ensure!(item.bytes == "0", "bytes came through the relay: {item:?}");
        Ok(())
    });
}
