//! Journey: a relay makes blocks, a tab checks every one of them, and neither is impressed by kills and old disks.

use anyhow::{Context, Result, ensure};
use std::time::Duration;
use tests::{Relay, Tab, journey};

const SOON: Duration = Duration::from_secs(30);
/// From the opening of the page to the newest block, checked. The rest of a page's start is in it.
const CHECKED_WITHIN: Duration = Duration::from_secs(10);
/// A restarted relay listens for ten seconds before it signs.
const QUIET: Duration = Duration::from_secs(10);

#[test]
fn tab_checks_blocks_as_they_arrive_and_proves_what_is_looked_up() {
    journey("ledger-follow", async |stage| {
        let relay = stage.relay_with(&["--heartbeat", "1"]).await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        tab.screen("ledger").await?;
        let height = height_above(&tab, 0, CHECKED_WITHIN).await?;
        tab.wait("one('ledger').dataset.state === 'following' && one('ledger').dataset.engine === 'authority'", SOON)
            .await?;
        tab.wait("one('block')?.dataset.finality === 'final'", SOON).await?;
        height_above(&tab, height + 1, SOON).await?;
        ensure!(told(&relay).await? + 1 >= height, "the tab shows what the relay has not");

        look(&tab, "1", "look-submit").await?;
        tab.wait("one('look')?.dataset.kind === 'block' && one('look').dataset.state === 'checked'", SOON).await?;
        tab.wait("one('look-checked') !== undefined", SOON).await?;
        // Nobody has this account, and that can be proved as well.
        look(&tab, &"ab".repeat(32), "look-submit").await?;
        tab.wait("one('look')?.dataset.kind === 'account' && one('look').dataset.state === 'checked'", SOON).await?;
        look(&tab, &"cd".repeat(32), "look-transaction").await?;
        tab.wait("one('look')?.dataset.kind === 'transaction' && one('look').dataset.state === 'missing'", SOON)
            .await?;
        ensure!(tab.read("return all('chain-refused').length").await? == 0, "an honest relay was refused");
        Ok(())
    });
}

#[test]
fn killed_relay_goes_on_from_the_same_block_and_the_tab_with_it() {
    journey("ledger-killed", async |stage| {
        let relay = stage.relay_with(&["--heartbeat", "1"]).await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        tab.screen("ledger").await?;
        let before = height_above(&tab, 2, SOON).await?;
        let chain = tab.read("return one('ledger').dataset.chain").await?;
        relay.kill().await?;
        relay.restart().await?;
        ensure!(told(&relay).await? >= before, "what a tab had checked is lost");
        height_above(&tab, before + 2, SOON + QUIET).await?;
        ensure!(tab.read("return one('ledger').dataset.chain").await? == chain, "another chain");
        tab.wait("one('ledger').dataset.state === 'following'", SOON).await?;
        Ok(())
    });
}

#[test]
fn relay_from_an_old_disk_signs_nothing_while_a_tab_knows_better() {
    journey("ledger-old-disk", async |stage| {
        let relay = stage.relay_with(&["--heartbeat", "1"]).await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        tab.screen("ledger").await?;
        height_above(&tab, 1, SOON).await?;
        relay.kill().await?;
        let file = relay.data().join("chain.redb");
        let old = std::fs::read(&file).context("the relay keeps a chain")?;
        relay.restart().await?;
        let known = told(&relay).await?;
        let newest = height_above(&tab, known + 3, SOON + QUIET).await?;
        relay.kill().await?;
        std::fs::write(&file, old)?;
        relay.restart().await?;
        ensure!(told(&relay).await? < newest, "the copy is not old");
        tokio::time::sleep(QUIET + Duration::from_secs(6)).await;
        ensure!(told(&relay).await? < newest, "it made other blocks of heights that were final");
        let state = tab.read("return one('ledger').dataset.state").await?;
        ensure!(state != "conflict", "the tab found two blocks of one height");
        ensure!(
            tab.read("return Number(one('ledger').dataset.height)").await?.as_u64() >= Some(newest),
            "it went back"
        );
        Ok(())
    });
}

#[test]
fn chain_of_work_is_followed_and_never_called_final() {
    journey("ledger-work", async |stage| {
        let relay = stage.relay_with(&["--engine", "work"]).await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        tab.screen("ledger").await?;
        height_above(&tab, 1, SOON).await?;
        tab.wait("one('ledger').dataset.engine === 'work' && one('block')?.dataset.finality === 'confirmed'", SOON)
            .await?;
        ensure!(tab.read("return all('block').some((row) => row.dataset.finality === 'final')").await? == false);
        Ok(())
    });
}

/// Waits until the tab has checked a block above this height.
async fn height_above(tab: &Tab<'_>, height: u64, within: Duration) -> Result<u64> {
    let found = format!("Number(one('ledger')?.dataset.height) > {height} && Number(one('ledger').dataset.height)");
    tab.wait(&found, within).await?.as_u64().context("a height is a number")
}

/// The newest block, as the relay tells it.
async fn told(relay: &Relay) -> Result<u64> {
    let about: serde_json::Value = serde_json::from_slice(&relay.get("/.well-known/starling.json").await?.body)?;
    about["chain"]["checkpoint"]["height"].as_u64().with_context(|| format!("no chain in {about}"))
}

/// Types a text and asks for it.
async fn look(tab: &Tab<'_>, text: &str, button: &str) -> Result<()> {
    let typed = format!(
        "const field = one('look-text'); field.value = '{text}'; \
         field.dispatchEvent(new Event('input', {{ bubbles: true }})); return true"
    );
    tab.read(&typed).await?;
    tab.click(&format!("[data-testid='{button}']")).await
}
