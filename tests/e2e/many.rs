//! Journey: a large item from many sources, of which one dies and one lies; and one that takes more than a minute while
//! nobody looks.

use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};
use tests::{Folder, Options, Pattern, Tab, journey, saves};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
const LARGE: u64 = 300 * MIB;
/// What a lie and a death may cost: a bad group with what was verified with it, and the last requests of a source that
/// were made again elsewhere before it was clear that it is only slow. On a busy machine every source is, at times.
const WASTED_MAX: f64 = (LARGE / 200) as f64;
/// Runs in the hostile tab before the page: flips one byte in the middle of one bulk frame.
const FLIP: &str = include_str!("flip.js");
/// What the provider gives a second at the most while nobody looks, and what part of it must come all the same.
const GIVEN: u64 = 5 * MIB;
const HIDDEN_LEN: u64 = 320 * MIB;
const HIDDEN_PART: f64 = 0.8;

#[test]
fn four_sources_of_which_one_dies_and_one_lies() {
    journey("many-sources", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("large.bin", LARGE, Pattern(300))?;
        let mut peers = Vec::new();
        let mut id = String::new();
        let mut browsers = Vec::new();
        for liar in [false, false, false, true] {
            let options = if liar { Options::default().script(FLIP) } else { Options::default() };
            let browser = stage.browser_with(&options).await?;
            let tab = browser.open(&relay.url()).await?;
            peers.push(tab.online().await?);
            id = tab.share(&file).await?;
            browsers.push(browser);
        }
        let consumer = stage.browser().await?;
        let consumer = consumer.open(&relay.url()).await?;
        consumer.online().await?;
        consumer.screen("network").await?;
        for peer in &peers {
            consumer.peer(peer, "direct", SOON).await?;
        }
        consumer.fetch(&id).await?;
        accept(&consumer, &id).await?;
        let third = format!("Number(item.bytes) > {}", LARGE / 3);
        let item = consumer.transfer(&id, "fetch", &third, Duration::from_secs(90)).await?;
        ensure!(item.state == "active", "it was too quick to lose a source: {item:?}");
        let dying = browsers.remove(0);
        stage.forget(&dying);
        dying.kill().await?;
        consumer.fetched(&id, Duration::from_secs(150)).await?;
        saves(&consumer, &id, &file).await?;

        let item = consumer.item(&id).await?;
        let state = |peer: &str| {
            let sources = item["sources"].as_array().into_iter().flatten();
            sources.filter(|source| source["peer"] == peer).find_map(|source| source["state"].as_str())
        };
        ensure!(state(&peers[3]) == Some("dropped"), "the liar is {:?}: {}", state(&peers[3]), item["sources"]);
        let honest = item["sources"].as_array().into_iter().flatten().filter(|source| {
            peers[..3].iter().any(|peer| source["peer"] == **peer) && source["bytes"].as_f64() > Some(MIB as f64)
        });
        ensure!(honest.count() == 3, "not every honest source gave a part: {}", item["sources"]);
        let wasted = item["wasted"].as_f64().context("no count of wasted bytes")?;
        ensure!(wasted < WASTED_MAX, "{wasted} bytes were wasted");
        let liar = browsers.pop().context("the hostile browser is the last")?;
        ensure!(Tab::of(&liar).read("return globalThis.__flipped").await? == 1, "nobody lied");
        stage.forget(&liar);
        Ok(())
    });
}

#[test]
fn minute_long_fetch_goes_on_at_speed_while_nobody_looks() {
    journey("many-hidden", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("long.bin", HIDDEN_LEN, Pattern(320))?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let provider = first.open(&relay.url()).await?;
        provider.online().await?;
        provider.limit_giving("5 MiB/s", GIVEN).await?;
        provider.screen("home").await?;
        let id = provider.share(&file).await?;
        second.hide().await?;
        let consumer = second.open(&relay.url()).await?;
        consumer.online().await?;
        consumer.fetch(&id).await?;
        accept(&consumer, &id).await?;
        let started = Instant::now();
        consumer.fetched(&id, Duration::from_secs(120)).await?;
        let took = started.elapsed();
        ensure!(took >= Duration::from_secs(60), "it took {took:?}: nobody would have looked away");
        let rate = HIDDEN_LEN as f64 / took.as_secs_f64();
        ensure!(rate >= HIDDEN_PART * GIVEN as f64, "{:.1} MiB/s while hidden", rate / MIB as f64);
        ensure!(consumer.always_hidden().await?, "the tab was shown");
        Ok(())
    });
}

/// Says yes to a length that asks first.
async fn accept(tab: &Tab<'_>, id: &str) -> Result<()> {
    let asks = format!("document.querySelector(\"[data-content-id='{id}'] [data-testid='accept']\") !== null");
    tab.wait(&asks, SOON).await?;
    let yes =
        format!("document.querySelector(\"[data-content-id='{id}'] [data-testid='accept']\").click(); return true");
    tab.read(&yes).await.map(drop)
}
