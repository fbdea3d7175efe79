//! Journey: open a URL, be on the network, see the others and how far they are.

use anyhow::{Result, ensure};
use std::time::Duration;
use tests::{Tab, journey};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn two_tabs_meet_directly_and_measure_each_other() {
    journey("join-two", async |stage| {
        let relay = stage.relay().await?;
        let (left, right) = (stage.browser().await?, stage.browser().await?);
        let (left, right) = (left.open(&relay.url()).await?, right.open(&relay.url()).await?);
        let (left_id, right_id) = (left.online().await?, right.online().await?);
        ensure!(left_id != right_id, "two tabs are one peer");
        for (tab, other) in [(left, &right_id), (right, &left_id)] {
            tab.screen("network").await?;
            tab.peer(other, "direct", SOON).await?;
            let rtt = tab.round_trip(other, SOON).await?;
            ensure!(rtt > 0.0 && rtt < 1_000.0, "a round trip of {rtt} ms on one machine");
        }
        Ok(())
    });
}

#[test]
fn round_trip_on_screen_moves() {
    journey("join-latency-moves", async |stage| {
        let relay = stage.relay().await?;
        let (left, right) = (stage.browser().await?, stage.browser().await?);
        let (left, right) = (left.open(&relay.url()).await?, right.open(&relay.url()).await?);
        left.online().await?;
        let other = right.online().await?;
        left.screen("network").await?;
        let first = left.round_trip(&other, SOON).await?;
        let moved =
            format!("(() => {{ const now = peer('{other}')?.rttMs; return now && Number(now) !== {first}; }})()");
        left.wait(&moved, Duration::from_secs(30)).await.map(drop)
    });
}

#[test]
fn tab_that_is_closed_disappears_from_the_others() {
    journey("join-leave", async |stage| {
        let relay = stage.relay().await?;
        let (left, right) = (stage.browser().await?, stage.browser().await?);
        let left = left.open(&relay.url()).await?;
        let other = right.open(&relay.url()).await?.online().await?;
        left.online().await?;
        left.screen("network").await?;
        left.peer(&other, "direct", SOON).await?;
        right.kill().await?;
        stage.forget(&right);
        left.wait(&format!("peer('{other}')?.path !== 'direct'"), SOON).await.map(drop)
    });
}

#[test]
fn relay_serves_the_page_with_its_policy() {
    journey("join-policy", async |stage| {
        let relay = stage.relay().await?;
        let page = relay.get("/").await?;
        ensure!(page.status == 200, "GET / answered {}", page.status);
        let policy = page.header("content-security-policy").unwrap_or_default();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "'wasm-unsafe-eval'"] {
            ensure!(policy.contains(rule), "the policy lacks {rule}: {policy}");
        }
        ensure!(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
            "the policy is loose: {policy}"
        );
        ensure!(page.header("x-content-type-options") == Some("nosniff"), "content types may be guessed");
        let about = relay.get("/.well-known/starling.json").await?;
        ensure!(about.status == 200, "the relay does not say who it is: {}", about.status);
        ensure!(relay.get("/healthz").await?.status == 200, "the relay is not well");
        shrunk_files_are_served(&relay).await
    });
}

async fn shrunk_files_are_served(relay: &tests::Relay) -> Result<()> {
    let compressed = tests::get(relay.port(), "/", "Accept-Encoding: gzip, br\r\n").await?;
    ensure!(compressed.header("content-encoding") == Some("br"), "the page is not served as brotli");
    Ok(())
}

#[test]
fn four_tabs_all_meet() {
    journey("join-four", async |stage| {
        let relay = stage.relay().await?;
        let mut browsers = Vec::new();
        for _ in 0..4 {
            browsers.push(stage.browser().await?);
        }
        let mut tabs: Vec<(Tab<'_>, String)> = Vec::new();
        for browser in &browsers {
            let tab = browser.open(&relay.url()).await?;
            tabs.push((tab, tab.online().await?));
        }
        for (tab, own) in &tabs {
            tab.screen("network").await?;
            for (_, other) in tabs.iter().filter(|(_, id)| id != own) {
                tab.peer(other, "direct", Duration::from_secs(30)).await?;
            }
        }
        Ok(())
    });
}
