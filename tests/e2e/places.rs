//! Journey: the same page in places that take something away: a hidden tab, no WebSocket, no WebRTC, no secure origin.

use anyhow::{Result, ensure};
use std::time::Duration;
use tests::{Folder, Options, Pattern, Tab, exchange, journey};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
/// Runs before the page: every WebSocket fails as behind a firewall that knows only plain HTTP.
const NO_WEBSOCKET: &str = r"
    window.WebSocket = class extends EventTarget {
        static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
        constructor(url) {
            super();
            Object.assign(this, { url, readyState: 0, bufferedAmount: 0, protocol: '', extensions: '', binaryType: 'blob' });
            queueMicrotask(() => {
                this.readyState = 3;
                const tell = (event) => { this[`on${event.type}`]?.(event); this.dispatchEvent(event); };
                tell(new Event('error'));
                tell(new CloseEvent('close', { code: 1006, wasClean: false }));
            });
        }
        send() { throw new DOMException('not open', 'InvalidStateError'); }
        close() {}
    };
";
/// The published libp2p-webrtc-websys 0.5 leaves its handlers on a data channel that it has dropped; the events that come
/// late end in this message and in nothing else. Only the second way in uses that crate (docs/decisions/0001).
const LATE_EVENT: &str = "closure invoked recursively or after being dropped";
/// Runs before the page: a browser whose owner has switched WebRTC off.
const NO_WEBRTC: &str =
    "delete window.RTCPeerConnection; delete window.webkitRTCPeerConnection; delete window.RTCDataChannel;";

#[test]
fn hidden_tab_joins_shares_and_fetches() {
    journey("places-hidden", async |stage| {
        let relay = stage.relay().await?;
        let (hidden, shown) = (stage.browser().await?, stage.browser().await?);
        hidden.hide().await?;
        let hidden = hidden.open(&relay.url()).await?;
        ensure!(hidden.always_hidden().await?, "the tab is not hidden");
        let shown = shown.open(&relay.url()).await?;
        let shown_id = shown.online().await?;
        hidden.online().await?;
        moves(&hidden, &shown, "from a hidden tab.bin", 8 * MIB).await?;
        ensure!(hidden.always_hidden().await?, "the tab was shown while it shared");
        moves(&shown, &hidden, "to a hidden tab.bin", 8 * MIB).await?;
        let snapshot = hidden.snapshot().await?;
        ensure!(snapshot.to_string().contains(&shown_id), "the hidden tab lost its peer");
        ensure!(hidden.always_hidden().await?, "the tab was shown while it fetched");
        Ok(())
    });
}

#[test]
fn blocked_websocket_leaves_the_second_way_in() {
    journey("places-no-websocket", async |stage| {
        let relay = stage.relay().await?;
        let behind_a_wall = Options::default().script(NO_WEBSOCKET).known(LATE_EVENT);
        let (blocked, other) = (stage.browser_with(&behind_a_wall).await?, stage.browser().await?);
        let blocked = blocked.open(&relay.url()).await?;
        let other = other.open(&relay.url()).await?;
        blocked.online().await?;
        other.online().await?;
        let snapshot = blocked.snapshot().await?;
        let relays = &snapshot["relays"];
        ensure!(relays[0]["way"] == "webrtc-direct", "not reached by webrtc-direct: {relays}");
        moves(&other, &blocked, "around the wall.bin", MIB).await
    });
}

#[test]
fn blocked_webrtc_is_named() {
    journey("places-no-webrtc", async |stage| {
        let relay = stage.relay().await?;
        let browser = stage.browser_with(&Options::default().script(NO_WEBRTC)).await?;
        let tab = browser.open(&relay.url()).await?;
        tab.notice("webrtc-blocked", Duration::from_secs(10)).await
    });
}

#[test]
fn insecure_origin_shares_and_fetches_in_memory_and_says_so() {
    journey("places-insecure", async |stage| {
        let relay = stage.relay().await?;
        // A name that is not this machine's own: browsers trust no `http:` page under it. The bytes stay on loopback.
        let phone =
            stage.browser_with(&Options::default().flag("--host-resolver-rules=MAP phone.test 127.0.0.1")).await?;
        let desk = stage.browser().await?;
        let phone = phone.open(&format!("http://phone.test:{}/", relay.port())).await?;
        ensure!(phone.read("return isSecureContext").await? == false, "the browser trusts this origin");
        let desk = desk.open(&relay.url()).await?;
        phone.online().await?;
        desk.online().await?;
        phone.notice("insecure-origin", SOON).await?;
        moves(&desk, &phone, "to the phone.bin", MIB).await?;
        moves(&phone, &desk, "from the phone.bin", MIB).await
    });
}

async fn moves(provider: &Tab<'_>, consumer: &Tab<'_>, name: &str, length: u64) -> Result<()> {
    let folder = Folder::new()?;
    let file = folder.file(name, length, Pattern(name.len() as u64))?;
    exchange(provider, consumer, &file, Duration::from_secs(60)).await.map(drop)
}
