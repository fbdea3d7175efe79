//! Journey: tabs at the distances of real devices. Small items come sooner when sources are chosen by measurement than when
//! they are chosen by chance, a source that turns slow is left within a second, and the screen says the true distances.
//!
//! The round trips are medians of the Seattle trace (`tests/data/latency`), from its device 0 to some of the others; the
//! network between the tabs imposes them packet by packet.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::udp_delay::Link;
use tests::{Browser, Folder, Options, Pattern, Stage, Tab, UdpDelay, journey};

const SOON: Duration = Duration::from_secs(30);
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// To devices 6, 19, 20 and 17.
const ROUND_TRIPS_MS: [u64; 4] = [30, 100, 130, 160];

/// Small items fetched either way. They alternate, so that a machine that gets busy is so for both; and they are so many
/// that chance finds the nearest of four for more than half of them once in a hundred runs.
const ITEMS: usize = 16;
/// What learning has to save here, per cent of the median by chance. Half of it and more is what it saves on a machine at
/// rest (docs/latency.md); on a busy one, what both ways wait for alike is most of the time.
const SAVED_MIN_PERCENT: f64 = 5.0;
/// From the first measurement to the last item.
const WITHIN: Duration = Duration::from_secs(120);
/// How far the number on the screen may be from what the network imposes: per cent, ...
const OFF_BY_MAX_PERCENT: f64 = 10.0;
/// ... and what our own part of a round trip, two event loops, takes on a busy machine, ms.
const OWN_PART_MS: f64 = 6.0;
/// What the slow source's round trip turns to, and when it must be left on a busy machine: long before anything of it could
/// have come. It is a second on one at rest (docs/latency.md).
const TURNS_TO: Duration = Duration::from_secs(4);
const LEFT_WITHIN: Duration = Duration::from_millis(2_500);

#[test]
fn small_items_come_sooner_from_measured_sources_and_the_screen_says_true_distances() {
    journey("learn-choose", async |stage| {
        let flock = Flock::gather(stage, &ROUND_TRIPS_MS).await?;
        let consumer = Tab::of(&flock.consumer);
        consumer.screen("network").await?;
        for (id, millis) in flock.ids.iter().zip(ROUND_TRIPS_MS) {
            let millis = millis as f64;
            let off_by = millis * OFF_BY_MAX_PERCENT / 100.0 + OWN_PART_MS;
            let near = format!(
                "(() => {{ const ms = Number(peer({})?.rttMs ?? NaN); return Math.abs(ms - {millis}) <= {off_by} && ms; }})()",
                json!(id)
            );
            consumer.wait(&near, SOON).await.with_context(|| format!("{millis} ms are imposed on {id}"))?;
        }

        let began = Instant::now();
        let folder = Folder::new()?;
        let mut items = Vec::new();
        for at in 0..2 * ITEMS as u64 {
            let path = folder.file(&format!("item-{at}.bin"), 24 * KIB + at, Pattern(at))?;
            items.push(flock.share_everywhere(&path).await?);
        }
        let (mut learned, mut by_chance) = (Vec::new(), Vec::new());
        for (at, id) in items.into_iter().enumerate() {
            let learns = at % 2 == 0;
            set_learning(&consumer, learns).await?;
            consumer.fetch(&id).await?;
            consumer.fetched(&id, SOON).await?;
            let took = took_ms(&consumer, &id).await?;
            if learns { learned.push(took) } else { by_chance.push(took) }
        }
        ensure!(began.elapsed() <= WITHIN, "{ITEMS} items of each took {:?}", began.elapsed());
        let (learned, by_chance) = (median(learned), median(by_chance));
        let saved = 100.0 * (1.0 - learned / by_chance);
        eprintln!("median of {ITEMS}: {learned} ms by measurement, {by_chance} ms by chance, {saved:.0} % saved");
        ensure!(saved >= SAVED_MIN_PERCENT, "{learned} ms by measurement, {by_chance} ms by chance");
        consumer.screen("network").await?;
        let words = consumer.read("return one('learning-choices')?.textContent ?? ''").await?;
        ensure!(words.as_str().is_some_and(|words| words.contains("By chance:")), "{words}");
        Ok(())
    });
}

#[test]
fn a_source_that_turns_slow_in_mid_transfer_is_left_before_it_could_answer() {
    journey("learn-leave", async |stage| {
        let flock = Flock::gather(stage, &[20, 40]).await?;
        let consumer = Tab::of(&flock.consumer);
        let folder = Folder::new()?;
        let path = folder.file("long.bin", 24 * MIB, Pattern(9))?;
        let id = flock.share_everywhere(&path).await?;
        consumer.script(WATCH_SOURCES, SOON).await?;
        consumer.fetch(&id).await?;
        // Both send for a while, so that it is the turn that is seen, not the start.
        let both = format!(
            "(() => {{ const item = window.starling.snapshot().transfers.find((one) => one.contentId === {}); \
             return item && item.bytes > 4 * 1024 * 1024 && item.sources.filter((one) => one.bytes > 512 * 1024).length === 2; }})()",
            json!(id)
        );
        consumer.wait(&both, SOON).await?;
        flock.delay.set(0, 1, &Link::with_round_trip(TURNS_TO))?;
        let turned = Instant::now();
        let script = format!("return await left({}, {})", json!(id), json!(flock.ids[0]));
        let left = consumer.script(&script, SOON).await?;
        let noticed = turned.elapsed();
        ensure!(left == true, "{left}");
        ensure!(noticed <= LEFT_WITHIN, "left only after {noticed:?}");
        consumer.fetched(&id, Duration::from_secs(60)).await?;
        Ok(())
    });
}

/// In the page: resolves when a source of an item rests.
const WATCH_SOURCES: &str = "
    window.left = (id, peer) => new Promise((found) => {
        const stop = setInterval(() => {
            const item = window.starling.snapshot().transfers.find((one) => one.contentId === id);
            const source = item?.sources.find((one) => one.peer === peer);
            if (source?.state === 'resting') { clearInterval(stop); found(true); }
        }, 20);
    });
    return true;";

/// Providers at different distances from one consumer, which is at gate 0.
struct Flock {
    delay: UdpDelay,
    consumer: Arc<Browser>,
    providers: Vec<Arc<Browser>>,
    ids: Vec<String>,
}

impl Flock {
    async fn gather(stage: &Stage, round_trips_ms: &[u64]) -> Result<Self> {
        let gates = u16::try_from(round_trips_ms.len() + 1).context("few tabs")?;
        let delay = UdpDelay::start(gates)?;
        for (gate, millis) in (1..).zip(round_trips_ms) {
            delay.set(0, gate, &Link::with_round_trip(Duration::from_millis(*millis)))?;
        }
        let relay = stage.relay().await?;
        let options: Vec<Options> =
            (0..gates).map(|gate| Ok(Options::default().script(delay.script(gate)?))).collect::<Result<_>>()?;
        let browsers = futures::future::try_join_all(options.iter().map(|options| stage.browser_with(options))).await?;
        let mut ids = Vec::new();
        for browser in &browsers {
            ids.push(browser.open(&relay.url()).await?.online().await?);
        }
        let mut browsers = browsers.into_iter();
        let consumer = browsers.next().context("somebody fetches")?;
        let ids = ids.split_off(1);
        let tab = Tab::of(&consumer);
        tab.screen("network").await?;
        for id in &ids {
            tab.peer(id, "direct", SOON).await?;
        }
        Ok(Self { delay, consumer, providers: browsers.collect(), ids })
    }

    /// All providers share the same file, and are known to: they have told the relay.
    async fn share_everywhere(&self, path: &std::path::Path) -> Result<String> {
        let shares = self.providers.iter().map(|browser| async move { Tab::of(browser).share(path).await });
        let ids = futures::future::try_join_all(shares).await?;
        ensure!(ids.windows(2).all(|pair| pair[0] == pair[1]), "one file, several links: {ids:?}");
        ids.into_iter().next().context("nobody shares")
    }
}

async fn set_learning(tab: &Tab<'_>, on: bool) -> Result<()> {
    tab.screen("network").await?;
    let switch = "[data-testid='learning-switch']";
    tab.wait("one('learning-switch')", SOON).await?;
    let is = tab.read("return one('learning-switch').getAttribute('aria-checked') === 'true'").await?;
    if is != on {
        tab.click(switch).await?;
    }
    let expression = format!("one('learning-switch')?.getAttribute('aria-checked') === '{on}'");
    tab.wait(&expression, SOON).await.map(drop)
}

/// From the link to the last byte stored, as the page measured it.
async fn took_ms(tab: &Tab<'_>, id: &str) -> Result<f64> {
    let body = format!(
        "return window.starling.snapshot().transfers.find((one) => one.contentId === {})?.tookMs ?? null",
        json!(id)
    );
    let took: Value = tab.read(&body).await?;
    took.as_f64().with_context(|| format!("it is done and took no time: {took}"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}
