//! Journeys: a newcomer comes to credit; fetching moves credit from one tab to another, and both show the same numbers with
//! their proofs; a tab that is reloaded locks nothing away; and who has no credit fetches all the same.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::{Folder, Pattern, Tab, exchange, journey};

/// A relay that grants credit.
const PAYING: [&str; 2] = ["--stamp-bits", "6"];
const SOON: Duration = Duration::from_secs(30);
/// From opening the page to a grant that a block is proved to have. Three seconds of it are the stamp, on average.
const CREDIT_WITHIN: Duration = Duration::from_secs(30);
/// From the wish to collect to a block that did it, at the latest, beyond what any step takes.
const QUIET: Duration = Duration::from_secs(10);
const MIB: u64 = 1024 * 1024;
/// What a newcomer is given, and what a redemption of one cheque costs, in units.
const GRANT: u64 = 16_384;
const REDEEM_FEE: u64 = 40;
const UNITS_PER_MIB: u64 = 1024;
/// More than a tab pays in fees for two channels, opened, topped up and closed.
const FEES_MAX: u64 = 512;
/// So that a transfer outlives the block in which its channel opens.
const RATE: (&str, u64) = ("1 MiB/s", MIB);

#[test]
fn fetching_moves_credit_and_both_tabs_prove_the_same_numbers() {
    journey("credit-moves", async |stage| {
        let relay = stage.relay_with(&PAYING).await?;
        let (giving, taking) = (stage.browser().await?, stage.browser().await?);
        let began = Instant::now();
        let (giver, taker) = (giving.open(&relay.url()).await?, taking.open(&relay.url()).await?);
        for tab in [&giver, &taker] {
            tab.screen("ledger").await?;
            ensure!(has_credit(tab).await? == GRANT, "a grant and nothing else");
            eprintln!("credit after {:?}", began.elapsed());
        }
        giver.limit_giving(RATE.0, RATE.1).await?;
        let folder = Folder::new()?;
        let file = folder.file("six.bin", 6 * MIB, Pattern(3))?;
        exchange(&giver, &taker, &file, SOON).await?;
        let redeemed = collect_and_compare(&giver, &taker).await?;
        ensure!(redeemed > 256, "only {redeemed} units moved");

        // To the unit: what was redeemed, less one in a hundred and the fees.
        let earned = redeemed - redeemed.div_ceil(100);
        let expected = GRANT + earned - REDEEM_FEE;
        giver.wait(&format!("Number(one('account').dataset.balance) === {expected}"), SOON).await?;
        // The relay proves the same of both accounts to whoever asks.
        let account = giver.read("return one('account').dataset.account").await?;
        let account = account.as_str().context("an account has a name")?;
        taker
            .read(&format!(
                "const field = one('look-text'); field.value = '{account}'; \
             field.dispatchEvent(new Event('input', {{ bubbles: true }})); return true"
            ))
            .await?;
        taker.click("[data-testid='look-submit']").await?;
        taker.wait(&format!("one('look-account')?.dataset.balance === '{expected}'"), SOON).await?;
        Ok(())
    });
}

#[test]
fn a_reload_locks_no_credit_and_keeps_the_account() {
    journey("credit-reload", async |stage| {
        let relay = stage.relay_with(&PAYING).await?;
        let (giving, taking) = (stage.browser().await?, stage.browser().await?);
        let (giver, mut taker) = (giving.open(&relay.url()).await?, taking.open(&relay.url()).await?);
        for tab in [&giver, &taker] {
            tab.screen("ledger").await?;
            has_credit(tab).await?;
        }
        giver.limit_giving(RATE.0, RATE.1).await?;
        let folder = Folder::new()?;
        exchange(&giver, &taker, &folder.file("four.bin", 4 * MIB, Pattern(4))?, SOON).await?;
        paid(&giver, &taker).await?;
        taker.screen("ledger").await?;
        let account = taker.read("return one('account').dataset.account").await?;
        for turn in 0..3 {
            taker = taking.open(&relay.url()).await?;
            taker.screen("ledger").await?;
            let reloaded = Instant::now();
            // All that was not spent is free again: what the bytes cost and some fees are gone, and nothing is set aside.
            let free = format!("Number(one('account')?.dataset.balance) >= {}", GRANT - 4 * UNITS_PER_MIB - FEES_MAX);
            taker.wait(&format!("{free} && one('account').dataset.locked === '0'"), SOON).await?;
            eprintln!("reload {turn}: spendable after {:?}", reloaded.elapsed());
            ensure!(taker.read("return one('account').dataset.account").await? == account, "another account");
        }
        Ok(())
    });
}

#[test]
fn who_has_no_account_yet_fetches_all_the_same_and_is_charged_nothing() {
    journey("credit-none", async |stage| {
        // A stamp of minutes.
        let relay = stage.relay_with(&["--stamp-bits", "12"]).await?;
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
            let state = tab.read("return one('account').dataset.state").await?;
            ensure!(state == "solving", "{state}");
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

/// Waits until a tab has proved that it has credit, and says how much is free.
async fn has_credit(tab: &Tab<'_>) -> Result<u64> {
    let there = "one('account')?.dataset.state === 'there' && one('account').dataset.balance";
    number(&tab.wait(there, CREDIT_WITHIN).await?)
}

fn number(value: &Value) -> Result<u64> {
    value.as_str().and_then(|text| text.parse().ok()).with_context(|| format!("{value} is no number"))
}

/// Waits until the giver holds what the taker signed for, and says how much that is.
async fn paid(giver: &Tab<'_>, taker: &Tab<'_>) -> Result<u64> {
    let (giver_id, taker_id) = (giver.peer_id().await?, taker.peer_id().await?);
    for tab in [giver, taker] {
        tab.screen("ledger").await?;
    }
    taker.wait(&of(&giver_id, "Number(row.dataset.spent) > 0"), SOON).await?;
    number(&giver.wait(&of(&taker_id, "Number(row.dataset.earned) > 0 && row.dataset.earned"), SOON).await?)
}

/// The giver collects; then both books say the same of their channel, each from its own proof. Says how much it is.
async fn collect_and_compare(giver: &Tab<'_>, taker: &Tab<'_>) -> Result<u64> {
    let earned = paid(giver, taker).await?;
    giver.wait("one('collect') !== undefined", SOON).await?;
    giver.click("[data-testid='collect']").await?;
    let (giver_id, taker_id) = (giver.peer_id().await?, taker.peer_id().await?);
    let within = SOON + QUIET;
    let row = of(&taker_id, &format!("Number(row.dataset.redeemed) >= {earned} && row.dataset.redeemed"));
    let redeemed = giver.wait(&row, within);
    let redeemed = number(&redeemed.await?)?;
    taker.wait(&of(&giver_id, &format!("Number(row.dataset.drawn) === {redeemed}")), within).await?;
    Ok(redeemed)
}

/// Something of the books' row of a peer.
fn of(peer: &str, what: &str) -> String {
    let row = format!("all('books-peer').find((row) => row.dataset.peerId === {})", json!(peer));
    format!("((row) => row && {what})({row})")
}
