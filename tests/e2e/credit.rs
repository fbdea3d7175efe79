//! Journey: what is given and taken is in both tabs' books, the same to the byte; and as long as no ledger is followed, no
//! credit is named, nothing is charged, and the page says so.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Folder, Pattern, Tab, exchange, journey};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;

#[test]
fn both_tabs_books_agree_and_nothing_is_charged_without_a_ledger() {
    journey("credit-books", async |stage| {
        let relay = stage.relay().await?;
        let (giving, taking) = (stage.browser().await?, stage.browser().await?);
        let (giver, taker) = (giving.open(&relay.url()).await?, taking.open(&relay.url()).await?);
        let folder = Folder::new()?;
        exchange(&giver, &taker, &folder.file("three.bin", 3 * MIB, Pattern(3))?, SOON).await?;
        exchange(&taker, &giver, &folder.file("one.bin", MIB, Pattern(1))?, SOON).await?;

        let (one, other) = (row(&giver, &taker.peer_id().await?).await?, row(&taker, &giver.peer_id().await?).await?);
        ensure!(one["given"] == json!((3 * MIB).to_string()), "{one}");
        ensure!(one["taken"] == other["given"] && one["given"] == other["taken"], "{one} and {other}");
        ensure!(one["balance"] == json!((2 * MIB).to_string()), "{one}");
        ensure!(other["balance"] == json!(format!("-{}", 2 * MIB)), "{other}");
        ensure!(
            (&one["standing"], &other["standing"]) == (&json!("unpaid"), &json!("gives-more")),
            "{one} and {other}"
        );

        for tab in [&giver, &taker] {
            let books = tab.read("return { ...one('books').dataset, text: one('books').textContent }").await?;
            ensure!(books["ledger"] == "none" && books.get("earned").is_none(), "{books}");
            let text = books["text"].as_str().context("the books have words")?;
            ensure!(text.contains("Nothing is charged") && !text.contains("earned"), "{text}");
            let credit = &tab.snapshot().await?["credit"];
            ensure!(credit["ledger"].is_null() && credit["earned"] == 0 && credit["spent"] == 0, "{credit}");
            tab.behaved().await?;
        }
        Ok(())
    });
}

#[test]
fn the_spending_limit_outlives_a_reload() {
    journey("credit-cap", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        tab.screen("ledger").await?;
        tab.read(
            "const cap = one('spending-cap'); cap.value = '1'; cap.dispatchEvent(new Event('change', { bubbles: true })); return true",
        )
        .await?;
        // What a person reads follows within a second, and what is kept follows that.
        tab.settle(Duration::from_secs(3)).await?;
        let kept = tab.read("return localStorage.getItem('starling.spending')").await?;
        ensure!(kept == "16384", "kept {kept}");
        let tab = browser.open(&relay.url()).await?;
        tab.wait("window.starling?.snapshot().credit.cap === 16384", SOON).await?;
        tab.screen("ledger").await?;
        tab.wait("one('spending-cap')?.selectedOptions[0]?.textContent === '16 credits'", SOON).await?;
        Ok(())
    });
}

/// The books' row of a peer, as attributes, once all that was exchanged is in it.
async fn row(tab: &Tab<'_>, peer: &str) -> Result<Value> {
    tab.screen("ledger").await?;
    let row = format!("all('books-peer').find((row) => row.dataset.peerId === {})", json!(peer));
    let moved = "Number(row.dataset.given) + Number(row.dataset.taken)";
    let all = 4 * MIB;
    tab.wait(&format!("((row) => row && {moved} >= {all} && {{ ...row.dataset }})({row})"), SOON).await
}
