//! Journey: what the person allows: yes on a metered connection, limits on what is passed on, a history of both ways.

use anyhow::ensure;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Folder, Pattern, journey};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;

#[test]
fn metered_connection_asks_before_it_fetches() {
    journey("consent-metered", async |stage| {
        let relay = stage.relay().await?;
        let (sharer, saver) = (stage.browser().await?, stage.browser().await?);
        saver.devtools("Emulation.setDataSaverOverride", &json!({ "dataSaverEnabled": true })).await?;
        let sharer = sharer.open(&relay.url()).await?;
        let saver = saver.open(&relay.url()).await?;
        ensure!(
            saver.read("return navigator.connection.saveData").await? == Value::Bool(true),
            "the browser does not save data"
        );
        let folder = Folder::new()?;
        let file = folder.file("small.bin", MIB, Pattern(71))?;
        let id = sharer.share(&file).await?;
        saver.online().await?;
        saver.fetch(&id).await?;
        saver.transfer(&id, "fetch", "item.state === 'waiting' && item.total", SOON).await?;
        let snapshot = saver.snapshot().await?;
        let item = &snapshot["transfers"][0];
        ensure!(item["asks"] == true && item["bytes"] == 0, "it did not ask first: {item}");
        ensure!(snapshot["metered"] == true, "the page does not know that bytes cost money");
        saver.click("[data-testid='accept']").await?;
        saver.fetched(&id, SOON).await.map(drop)
    });
}

#[test]
fn limits_and_history_survive_a_reload() {
    journey("consent-limits", async |stage| {
        let relay = stage.relay().await?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let (first, second) = (first.open(&relay.url()).await?, second.open(&relay.url()).await?);
        let folder = Folder::new()?;
        let file = folder.file("known.bin", MIB, Pattern(71))?;
        let id = first.share(&file).await?;
        second.online().await?;
        second.fetch(&id).await?;
        second.fetched(&id, SOON).await?;

        second.click("[data-testid='nav-settings']").await?;
        second.click("[data-testid='serve-switch']").await?;
        second
            .read(
                "const select = document.querySelector(\"[data-testid='limit-day']\");
                select.value = '0';
                select.dispatchEvent(new Event('change', { bubbles: true }));
                return true",
            )
            .await?;
        let kept = "JSON.parse(localStorage.getItem('starling.giving') ?? '{}')";
        second.wait(&format!("{kept}.passOn === true && {kept}.passOnDaily === 104857600"), SOON).await?;
        let giver = first.peer_id().await?;
        second.browser().client().refresh().await?;
        second.online().await?;
        second.click("[data-testid='nav-library']").await?;
        second
            .wait("document.querySelector(\"[data-testid='history']\")?.innerText.includes('known.bin')", SOON)
            .await?;
        let snapshot = second.snapshot().await?;
        ensure!(snapshot["passOn"] == true, "passing on was allowed once and is asked again");
        let daily = &snapshot["allowance"]["caps"]["passOnDaily"];
        ensure!(daily == 104_857_600, "the limit was forgotten: {daily}");

        let lines = second.read("return localStorage.getItem('starling.history')").await?;
        let lines: Vec<Value> = serde_json::from_str(lines.as_str().unwrap_or("[]"))?;
        let taken: u64 = lines.iter().filter_map(|line| line["bytes"].as_u64()).sum();
        ensure!(taken == MIB && lines.iter().all(|line| line["peer"] == *giver), "the history says {lines:?}");

        let table = std::fs::read_to_string(second.download("[data-testid='history-csv']", SOON).await?)?;
        let rows: Vec<&str> = table.lines().collect();
        let named = |row: &&str| row.starts_with("taken,") && row.contains(&giver) && row.ends_with("known.bin");
        ensure!(rows[0].starts_with("way,began_ms,") && rows.len() == lines.len() + 1, "exported {table}");
        ensure!(rows[1..].iter().all(named), "exported {table}");
        let list = std::fs::read(second.download("[data-testid='history-json']", SOON).await?)?;
        ensure!(serde_json::from_slice::<Vec<Value>>(&list)? == lines, "the two exports differ");
        Ok(())
    });
}
