//! `crates/transport` against js-libp2p as it is published, in real browsers, as dialler and as listener.
//!
//! Every cell of the table plays the same script with two browser processes. js-libp2p with itself is the control: if
//! that fails, the script is at fault. Both peers answer the same calls, so no cell knows which libp2p it drives.

#[path = "interop/page.rs"]
mod page;
#[path = "interop/site.rs"]
mod site;

use anyhow::{Context, Result, ensure};
use page::{Libp2p, Page};
use std::path::Path;
use std::time::Instant;
use tests::{Relay, Stage, journey};

const MIB: u64 = 1024 * 1024;
const ECHO: &str = "/echo/1.0.0";
const HOLD: &str = "/hold/1.0.0";
const PINGS: usize = 20;
const STREAMS: u64 = 50;
/// Some seconds of js-libp2p's connection monitor, which aborts a connection whose ping fails.
const HEARTBEATS: usize = 3;
/// js-libp2p's `close()` waits for the acknowledgement of the end, for ten seconds if it does not come. Two browsers on a
/// busy machine take a second or two over fifty streams.
const END_MAX_MS: f64 = 5_000.0;
/// Until we notice that the other side has closed the connection: by its word, not by ICE, which takes fifteen seconds.
const NOTICED_MAX_MS: f64 = 5_000.0;
/// js-libp2p takes no notice of the closed DTLS transport; it waits for its monitor or for ICE to fail.
const NOTICED_BY_JS_MAX_MS: f64 = 16_000.0;
/// Data channels that stay open between two peers that are only connected: each side's ping, and one of a
/// heartbeat or of identify on its way.
const CHANNELS_IDLE_MAX: usize = 4;

#[test]
fn js_dials_js() {
    play("interop-js-js", Libp2p::Js, Libp2p::Js);
}

#[test]
fn js_dials_rust() {
    play("interop-js-rust", Libp2p::Js, Libp2p::Rust);
}

#[test]
fn rust_dials_js() {
    play("interop-rust-js", Libp2p::Rust, Libp2p::Js);
}

#[test]
fn rust_dials_rust() {
    play("interop-rust-rust", Libp2p::Rust, Libp2p::Rust);
}

fn play(name: &str, dialler: Libp2p, listener: Libp2p) {
    // Compiling is no part of the journey, which has a limit.
    let folder = site::folder(&[dialler, listener]).expect("the pages can be made");
    journey(name, async |stage| cell(name, stage, &folder, dialler, listener).await);
}

async fn cell(name: &str, stage: &Stage, folder: &Path, dialler: Libp2p, listener: Libp2p) -> Result<()> {
    let folder = folder.to_str().context("the target folder is not text")?;
    let relay = stage.relay_with(&["--page", folder, "--sample", "off"]).await?;
    let (left, right) = futures::try_join!(stage.browser(), stage.browser())?;
    let site = relay.url();
    let (dialler, listener) =
        futures::try_join!(Page::open(&left, &site, dialler), Page::open(&right, &site, listener))?;
    let steps = Steps { name, started: Instant::now() };
    let played = script(&steps, &relay, &dialler, &listener).await;
    if played.is_err() {
        let folder = tests::root().join("tests/screenshots");
        std::fs::create_dir_all(&folder)?;
        for (role, page) in [("dialler", &dialler), ("listener", &listener)] {
            let file = format!("{name}-{role}.json");
            std::fs::write(folder.join(&file), page.describe().await)?;
            eprintln!("what the {role} ({:?}) knows is in tests/screenshots/{file}", page.libp2p);
        }
    }
    played
}

async fn script(steps: &Steps<'_>, relay: &Relay, dialler: &Page<'_>, listener: &Page<'_>) -> Result<()> {
    let door = relay_address(&relay.get("/.well-known/starling.json").await?.body)?;
    let (_, address) = futures::try_join!(dialler.join(&door), listener.join(&door))?;
    let answered = dialler.dial(&address).await?;
    ensure!(answered == listener.id, "{answered} answered, not {}", listener.id);
    steps.done("connected");
    connected_directly(dialler, listener, &address).await?;
    identified(dialler, listener).await?;
    steps.done("identified");

    let (out, back) = (dialler.ping(listener, PINGS).await?, listener.ping(dialler, PINGS).await?);
    ensure!(out.len() == PINGS && back.len() == PINGS, "{} and {} pings", out.len(), back.len());
    steps.done(&format!("pinged, {:.1} and {:.1} ms", median(out), median(back)));
    for protocol in [HOLD, ECHO] {
        for (length, count) in [(MIB, 1), (MIB / 16, STREAMS)] {
            let there = exchanged(dialler, listener, protocol, length, count).await?;
            let back = exchanged(listener, dialler, protocol, length, count).await?;
            let times = format!("{:.0} and {:.0} ms", there.ms, back.ms);
            steps.done(&format!("{protocol} with {count} x {length} bytes in {times}"));
            // js-libp2p closes its channels at once. One whose id is used again before the acceptor knows that it is
            // closed is lost to Chromium (`muxer/closing.rs` of our transport); nobody can help it but who opens next.
            if [dialler, listener].iter().any(|page| page.libp2p == Libp2p::Js) {
                futures::try_join!(dialler.settled(CHANNELS_IDLE_MAX), listener.settled(CHANNELS_IDLE_MAX))?;
            }
        }
    }
    let made = futures::try_join!(dialler.settled(CHANNELS_IDLE_MAX), listener.settled(CHANNELS_IDLE_MAX))?;
    steps.done(&format!("data channels are closed again, of {made:?}"));

    relay.kill().await?;
    exchanged(dialler, listener, HOLD, MIB, 1).await.context("without the relay")?;
    exchanged(listener, dialler, ECHO, MIB, 1).await.context("without the relay")?;
    futures::try_join!(dialler.heartbeats(listener, HEARTBEATS), listener.heartbeats(dialler, HEARTBEATS))
        .context("without the relay")?;
    let pairs = futures::try_join!(dialler.pair(), listener.pair())?;
    for pair in [&pairs.0, &pairs.1] {
        ensure!(pair.local != "relay" && pair.remote != "relay", "a relay carries the packets: {pair:?}");
    }
    steps.done(&format!("went on without the relay over {}", pairs.0));

    let (closed, noticed) = futures::try_join!(dialler.hang_up(listener), listener.gone(dialler))?;
    let late = noticed - closed;
    let late_max = if listener.libp2p == Libp2p::Js { NOTICED_BY_JS_MAX_MS } else { NOTICED_MAX_MS };
    ensure!(late < late_max, "the end of the connection was noticed after {late:.0} ms");
    steps.done(&format!("the end was noticed after {late:.0} ms"));
    Ok(())
}

/// Says what was reached and when.
struct Steps<'a> {
    name: &'a str,
    started: Instant,
}

impl Steps<'_> {
    fn done(&self, what: &str) {
        eprintln!("{} {:5.1} s: {what}", self.name, self.started.elapsed().as_secs_f64());
    }
}

/// The first address a page may dial, with the relay's identity.
fn relay_address(whereabouts: &[u8]) -> Result<String> {
    let whereabouts: serde_json::Value = serde_json::from_slice(whereabouts).context("starling.json is not JSON")?;
    let addresses = whereabouts["addresses"].as_array().context("starling.json has no addresses")?;
    let address = addresses.iter().filter_map(|address| address.as_str()).find(|address| address.contains("/ws"));
    address.map(str::to_owned).with_context(|| format!("no WebSocket address in {whereabouts}"))
}

async fn connected_directly(dialler: &Page<'_>, listener: &Page<'_>, address: &str) -> Result<()> {
    let (out, back) = futures::try_join!(dialler.met(listener), listener.met(dialler))?;
    ensure!(out.dialled && !back.dialled, "the dialler dialled: {out:?} {back:?}");
    ensure!(!out.limited && !back.limited, "a direct connection has no limits: {out:?} {back:?}");
    ensure!(out.matches && back.matches, "both addresses are /webrtc addresses: {out:?} {back:?}");
    ensure!(out.remote == address, "the dialler sees {} instead of {address}", out.remote);
    // How much of it the listener knows differs; js-libp2p knows nothing more.
    let bare = format!("/webrtc/p2p/{}", dialler.id);
    ensure!(back.remote.ends_with(&bare), "the listener sees {} instead of {bare}", back.remote);
    Ok(())
}

async fn identified(dialler: &Page<'_>, listener: &Page<'_>) -> Result<()> {
    let (of_listener, of_dialler) = futures::try_join!(dialler.identified(listener), listener.identified(dialler))?;
    for (page, said) in [(listener, &of_listener), (dialler, &of_dialler)] {
        let agent = match page.libp2p {
            Libp2p::Js => "js-libp2p/",
            Libp2p::Rust => "starling-interop",
        };
        ensure!(said.agent.starts_with(agent), "the agent is {}", said.agent);
        for protocol in [ECHO, HOLD, "/ipfs/ping/1.0.0", "/webrtc-signaling/0.0.1"] {
            ensure!(said.protocols.iter().any(|name| name == protocol), "no {protocol} in {:?}", said.protocols);
        }
        ensure!(
            said.addresses.iter().any(|address| address.contains("/p2p-circuit/webrtc")),
            "no /webrtc address in {:?}",
            said.addresses
        );
    }
    Ok(())
}

async fn exchanged(from: &Page<'_>, to: &Page<'_>, protocol: &str, length: u64, count: u64) -> Result<page::Exchanged> {
    let outcome = from.exchange(to, protocol, length, count).await?;
    ensure!(outcome.bytes == length * count, "{} bytes came back of {}", outcome.bytes, length * count);
    ensure!(outcome.same, "other bytes came back");
    ensure!(outcome.end_ms < END_MAX_MS, "the end of a half took {:.0} ms to be acknowledged", outcome.end_ms);
    Ok(outcome)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
