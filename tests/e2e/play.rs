//! Journey: an item is read in parts, shown and saved through the service worker, and what strangers wrote reaches nothing.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tests::{Browser, Folder, Options, Pattern, Stage, Tab, journey, root, saves};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;

#[test]
fn picture_opens_by_itself() {
    journey("play-picture", async |stage| {
        let (provider, consumer) = two_browsers(stage).await?;
        let (provider, consumer) = (Tab::of(&provider), Tab::of(&consumer));
        let folder = Folder::new()?;
        let path = folder.path().join("icon.png");
        std::fs::copy(root().join("docs/images/home.png"), &path)?;
        let id = provider.share(&path).await?;
        consumer.fetch(&id).await?;
        let script =
            "const player = await shown(); return { width: player.naturalWidth, from: new URL(player.src).pathname };";
        let shown = consumer.player(script, SOON).await?;
        ensure!(shown["width"].as_u64().is_some_and(|width| width > 0), "{shown}");
        ensure!(shown["from"] == format!("/stream/{id}"), "{shown}");
        Ok(())
    });
}

#[test]
fn ranges_are_answered_as_the_standard_says() {
    journey("play-ranges", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        let folder = Folder::new()?;
        let path = folder.file("bytes.webm", 600_000, Pattern(5))?;
        let bytes = std::fs::read(&path)?;
        let id = tab.share(&path).await?;
        let page = folder.path().join("page.html");
        std::fs::write(&page, "<script>alert(1)</script>")?;
        let page = tab.share(&page).await?;

        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=100-262200", 100, 262_200),
            ("bytes=262143-262144", 262_143, 262_144),
            ("bytes=599999-", 599_999, 599_999),
            ("bytes=-7", 599_993, 599_999),
            ("bytes=16383-9999999", 16_383, 599_999),
        ] {
            let answer = request(&tab, &format!("/stream/{id}"), "GET", Some(range)).await?;
            ensure!(answer["status"] == 206, "{range}: {answer}");
            ensure!(answer["headers"]["content-range"] == format!("bytes {first}-{last}/600000"), "{range}: {answer}");
            ensure!(answer["hash"] == sum(&bytes[first..=last]), "{range}: other bytes");
        }
        for range in ["bytes=600000-", "bytes=0-1,5-6", "bytes=-0"] {
            let answer = request(&tab, &format!("/stream/{id}"), "GET", Some(range)).await?;
            ensure!(
                answer["status"] == 416 && answer["headers"]["content-range"] == "bytes */600000",
                "{range}: {answer}"
            );
        }
        let whole = request(&tab, &format!("/stream/{id}"), "GET", None).await?;
        ensure!(whole["status"] == 200 && whole["hash"] == sum(&bytes), "{whole}");
        let headers = &whole["headers"];
        ensure!(headers["accept-ranges"] == "bytes" && headers["x-content-type-options"] == "nosniff", "{headers}");
        ensure!(headers["content-type"] == "video/webm", "{headers}");
        let head = request(&tab, &format!("/stream/{id}"), "HEAD", None).await?;
        ensure!(
            head["status"] == 200 && head["length"] == 0 && head["headers"]["content-length"] == "600000",
            "{head}"
        );

        let refused = request(&tab, &format!("/stream/{page}"), "GET", None).await?;
        ensure!(refused["status"] == 403 && refused["length"] == 0, "a page was streamed: {refused}");
        let saved = request(&tab, &format!("/save/{page}"), "GET", None).await?;
        let disposition = saved["headers"]["content-disposition"].as_str().unwrap_or_default();
        ensure!(disposition.starts_with("attachment; filename=\"page.html\""), "{saved}");
        ensure!(saved["headers"]["content-type"] == "application/octet-stream", "{saved}");
        let nobody = request(&tab, "/stream/bafkr4ihave0nothing", "GET", None).await?;
        ensure!(nobody["status"] == 404, "{nobody}");
        Ok(())
    });
}

#[test]
fn another_tab_of_the_browser_gives_what_it_holds() {
    journey("play-tabs", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser().await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        let folder = Folder::new()?;
        let path = folder.file("held.webm", 3 * MIB, Pattern(6))?;
        let bytes = std::fs::read(&path)?;
        let id = tab.share(&path).await?;
        let (holder, address) = (browser.client().window().await?, format!("/stream/{id}"));
        request(&tab, &address, "GET", None).await?;

        let second = browser.client().new_window(true).await?.handle;
        browser.client().switch_to_window(second.clone()).await?;
        let other = browser.open(&relay.url()).await?;
        other.online().await?;
        let through = request(&other, &address, "GET", None).await?;
        ensure!(through["status"] == 200 && through["hash"] == sum(&bytes), "{through}");

        // The browser may end a service worker at any time; the next request starts it again.
        browser.devtools("ServiceWorker.enable", &json!({})).await?;
        browser.devtools("ServiceWorker.stopAllWorkers", &json!({})).await?;
        let again = request(&other, &address, "GET", Some("bytes=-9")).await?;
        ensure!(again["status"] == 206 && again["hash"] == sum(&bytes[bytes.len() - 9..]), "{again}");

        browser.client().switch_to_window(holder).await?;
        Tab::of(&browser).behaved().await?;
        browser.client().close_window().await?;
        browser.client().switch_to_window(second).await?;
        // A window opened later has no witness; the first had one, and was asked above.
        stage.forget(&browser);
        Ok(())
    });
}

#[test]
fn large_item_is_saved_as_a_stream() {
    journey("play-save", async |stage| {
        let (provider, consumer) = two_browsers(stage).await?;
        let (provider, consumer) = (Tab::of(&provider), Tab::of(&consumer));
        let folder = Folder::new()?;
        let path = folder.file("large ✓ (1).bin", 96 * MIB, Pattern(9))?;
        let id = provider.share(&path).await?;
        consumer.fetch(&id).await?;
        consumer.fetched(&id, Duration::from_secs(90)).await?;
        saves(&consumer, &id, &path).await?;
        let through =
            consumer.read(&format!("return document.querySelector(\"iframe[src='/save/{id}']\") !== null")).await?;
        ensure!(through == Value::Bool(true), "it was not saved through the service worker");
        Ok(())
    });
}

#[test]
fn document_reaches_neither_the_page_nor_the_network() {
    journey("play-document", async |stage| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let counting = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let relay = stage.relay().await?;
        // The policy that stops a hostile document says so on the console: that is the point of this journey.
        let browser =
            stage.browser_with(&Options::default().known("Content Security Policy").known("sandboxed")).await?;
        let tab = browser.open(&relay.url()).await?;
        tab.online().await?;
        let folder = Folder::new()?;
        for (name, text) in hostile(port) {
            let path = folder.path().join(name);
            std::fs::write(&path, text)?;
            let id = tab.share(&path).await?;
            tab.screen("library").await?;
            tab.click("[data-testid='look-inside']").await?;
            tab.wait("one('viewer')?.dataset.state === 'shown'", SOON).await.with_context(|| name.to_owned())?;
            // Every attempt is made while the document loads, or within a turn of its timers.
            tab.settle(Duration::from_millis(500)).await?;
            ensure!(tab.read("return document.title").await? != "reached", "{name} changed the page");
            ensure!(tab.read("return globalThis.__reached ?? null").await?.is_null(), "{name} ran in the page");
            let opaque =
                tab.read("try { return one('viewer').contentDocument === null } catch { return true }").await?;
            ensure!(opaque == Value::Bool(true), "the frame is of the page's origin");
            ensure!(calls.load(Ordering::Relaxed) == 0, "{name} reached the network");
            tab.read(&format!("location.hash = '#/get/{id}'; return true")).await?;
            tab.screen("home").await?;
        }
        counting.abort();
        Ok(())
    });
}

/// Documents that try everything a document can try.
fn hostile(port: u16) -> [(&'static str, String); 3] {
    let out = format!("http://127.0.0.1:{port}");
    let script = format!(
        "try {{ top.document.title = 'reached'; top.__reached = 1 }} catch {{}} parent.postMessage('shown', '*'); \
         fetch('{out}/fetch'); new Image().src = '{out}/image'; navigator.sendBeacon('{out}/beacon'); \
         navigator.serviceWorker?.register('/sw.js'); location = '{out}/go'; open('{out}/open')"
    );
    let html = format!(
        "<!doctype html><html><head><base href='{out}/'><meta http-equiv=refresh content='0;url={out}/refresh'>\
         <link rel=stylesheet href='{out}/style'><link rel=preconnect href='{out}'><link rel=prefetch href='{out}/prefetch'>\
         <style>@import '{out}/import'; body {{ background: url({out}/background) }}</style>\
         <script>{script}</script></head><body onload=\"{script}\"><h1>A document</h1>\
         <img src='{out}/img' onerror=\"{script}\"><img src='/stream/x'><video src='{out}/video' autoplay></video>\
         <iframe src='{out}/frame'></iframe><object data='{out}/object'></object><embed src='{out}/embed'>\
         <form id=f action='{out}/form'><input autofocus onfocus=\"f.submit()\"></form>\
         <svg onload=\"{script}\"><image href='{out}/svg-image'/><use href='{out}/use#a'/></svg>\
         <math><mtext><script>{script}</script></mtext></math></body></html>"
    );
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200' onload=\"{script}\"><script>{script}</script>\
         <rect width='300' height='200' fill='teal'/><image href='{out}/image' width='9' height='9'/>\
         <foreignObject width='99' height='99'><body xmlns='http://www.w3.org/1999/xhtml'>\
         <iframe src='{out}/frame'></iframe></body></foreignObject></svg>"
    );
    [("page.html", html.clone()), ("drawing.svg", svg), ("page.txt", html)]
}

/// A request by a script of the page: status, headers, and the bytes' length and sum.
async fn request(tab: &Tab<'_>, path: &str, method: &str, range: Option<&str>) -> Result<Value> {
    let script = format!(
        "await served(); const response = await fetch({path}, {{ method: {method}, headers: {headers} }}); \
         const bytes = new Uint8Array(await response.arrayBuffer()); let hash = 0; \
         for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) >>> 0; \
         return {{ status: response.status, headers: Object.fromEntries(response.headers), length: bytes.length, hash }};",
        path = json!(path),
        method = json!(method),
        headers = range.map_or_else(|| json!({}), |range| json!({ "range": range })),
    );
    tab.script(&script, SOON).await
}

/// The sum that `request` computes in the page.
fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0u32, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

async fn two_browsers(stage: &Stage) -> Result<(Arc<Browser>, Arc<Browser>)> {
    let relay = stage.relay().await?;
    let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
    provider.open(&relay.url()).await?.online().await?;
    let tab = consumer.open(&relay.url()).await?;
    let me = Tab::of(&provider).peer_id().await?;
    tab.online().await?;
    tab.screen("network").await?;
    tab.peer(&me, "direct", SOON).await?;
    tab.screen("home").await?;
    Ok((provider, consumer))
}
