//! The network between the tabs of a test is what the test asked for: as late, as lossy, and the only one.
//!
//! The round trip is the browser's own measure (STUN, `currentRoundTripTime`), not ours.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::time::Duration;
use tests::udp_delay::Link;
use tests::{Browser, Options, Stage, Tab, UdpDelay, journey};

const SOON: Duration = Duration::from_secs(30);
/// How far the shortest of the measured round trips may be from the one asked for, per cent.
const OFF_BY_MAX_PERCENT: u64 = 10;
/// Checks of an idle connection are 2.5 s apart. A busy machine only makes some of them longer, never one shorter: the
/// shortest of a few is the path's.
const CHECKS: u32 = 5;
/// ICE gives up on a silent path after five seconds and several unanswered checks.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// Keeps the page's connections, to ask them.
const WATCH: &str = include_str!("delay.js");

#[test]
fn browser_measures_the_round_trip_that_was_asked_for() {
    journey("delay-round-trip", async |stage| {
        let (delay, left, right) = two_tabs(stage).await?;
        for millis in [20, 50, 100] {
            delay.set(0, 1, &Link::with_round_trip(Duration::from_millis(millis)))?;
            let (here, there) = futures::try_join!(round_trip(&left), round_trip(&right))?;
            for measured in [here, there] {
                let off_by = measured.abs_diff(Duration::from_millis(millis));
                let off_by_max = Duration::from_millis(millis * OFF_BY_MAX_PERCENT / 100);
                ensure!(off_by <= off_by_max, "{millis} ms were asked for, the browser measures {measured:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn nothing_passes_beside_the_delay() {
    journey("delay-only-path", async |stage| {
        let (delay, left, right) = two_tabs(stage).await?;
        ensure!(delay.traffic(0, 1).packets > 0 && delay.traffic(1, 0).packets > 0, "no packet came to the gates");
        delay.set(0, 1, &Link { lost_per_million: 1_000_000, ..Link::default() })?;
        for browser in [&left, &right] {
            Tab::of(browser).wait("__delay.cut() && 'cut'", GIVEN_UP).await.context("packets still pass")?;
        }
        Ok(())
    });
}

/// Two tabs that are connected through two gates.
async fn two_tabs(stage: &Stage) -> Result<(UdpDelay, std::sync::Arc<Browser>, std::sync::Arc<Browser>)> {
    let delay = UdpDelay::start(2)?;
    let relay = stage.relay().await?;
    let options = |gate| anyhow::Ok(Options::default().script(delay.script(gate)?).script(WATCH));
    let options = [options(0)?, options(1)?];
    let (left, right) = futures::try_join!(stage.browser_with(&options[0]), stage.browser_with(&options[1]))?;
    let left_id = left.open(&relay.url()).await?.online().await?;
    let tab = right.open(&relay.url()).await?;
    tab.online().await?;
    tab.screen("network").await?;
    tab.peer(&left_id, "direct", SOON).await?;
    Ok((delay, left, right))
}

/// The shortest of the next few checks that begin from now on.
async fn round_trip(browser: &Browser) -> Result<Duration> {
    let script = "const [count, done] = arguments; __delay.roundTrips(count).then(done)";
    let answer = browser.client().execute_async(script, vec![json!(CHECKS)]);
    let answer = tokio::time::timeout(SOON, answer).await.context("no checks")??;
    let seconds: Vec<f64> = serde_json::from_value(answer)?;
    Ok(Duration::from_secs_f64(seconds.into_iter().reduce(f64::min).context("no checks")?))
}
