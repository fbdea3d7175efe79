//! How fast a stream is, beside a raw data channel in the same page.
//!
//! Both move 64 KiB messages with 512 KiB in flight, granted by the receiver. Both ends share one thread here, so this is
//! the cost of our code per byte, not of a network; two browser processes are measured by `cargo xtask bench transfer`.

use crate::page::{config, connect};
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use transport::Config;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{console_log, wasm_bindgen_test};
use web_time::Instant;

/// Interleaved, because the machine is not ours alone; the best of each counts.
const ROUNDS: usize = 3;
const TOTAL: usize = 16 * 1024 * 1024;
const MESSAGE: usize = 64 * 1024;
const WINDOW: usize = 512 * 1024;

const RAW: &str = "(async (total, message, window) => {
    const a = new RTCPeerConnection(), b = new RTCPeerConnection();
    a.onicecandidate = e => e.candidate && b.addIceCandidate(e.candidate);
    b.onicecandidate = e => e.candidate && a.addIceCandidate(e.candidate);
    const channel = a.createDataChannel('');
    channel.binaryType = 'arraybuffer';
    const done = new Promise(resolve => b.ondatachannel = ({ channel: far }) => {
        far.binaryType = 'arraybuffer';
        let got = 0;
        far.onmessage = e => { got += e.data.byteLength; far.send(new Uint8Array(4)); if (got >= total) resolve(); };
    });
    await a.setLocalDescription(await a.createOffer());
    await b.setRemoteDescription(a.localDescription);
    await b.setLocalDescription(await b.createAnswer());
    await a.setRemoteDescription(b.localDescription);
    await new Promise(resolve => channel.onopen = resolve);
    const bytes = new Uint8Array(message);
    const begin = performance.now();
    let sent = 0, acked = 0;
    const fill = () => { while (sent < total && sent - acked + message <= window) { channel.send(bytes); sent += message; } };
    channel.onmessage = () => { acked += message; fill(); };
    fill();
    await done;
    const ms = performance.now() - begin;
    a.close(); b.close();
    return total / 1048576 / (ms / 1000);
})";

async fn raw() -> f64 {
    let promise = js_sys::eval(&format!("{RAW}({TOTAL}, {MESSAGE}, {WINDOW})")).expect("the page runs scripts");
    JsFuture::from(js_sys::Promise::from(promise)).await.expect("transferred").as_f64().expect("a number")
}

/// MiB/s of one stream.
async fn stream(config: &Config) -> f64 {
    let (a, mut b) = connect(config).await;
    let mut ours = a.open().await;
    ours.write_all(&[0; 4]).await.expect("written");
    ours.flush().await.expect("flushed");
    let mut theirs = b.accept().await;
    theirs.read_exact(&mut [0; 4]).await.expect("read");

    let begin = Instant::now();
    let receiver = async {
        let mut buf = vec![0; MESSAGE];
        for _ in 0..TOTAL / MESSAGE {
            theirs.read_exact(&mut buf).await.expect("read");
            theirs.write_all(&[0; 4]).await.expect("written");
            theirs.flush().await.expect("flushed");
        }
    };
    let (mut credits, mut data) = ours.split();
    let sender = async {
        let message = vec![7; MESSAGE];
        let mut ack = [0; 4];
        for sent in 0..TOTAL / MESSAGE {
            if sent >= WINDOW / MESSAGE {
                credits.read_exact(&mut ack).await.expect("read");
            }
            data.write_all(&message).await.expect("written");
            data.flush().await.expect("flushed");
        }
    };
    futures::join!(receiver, sender);
    (TOTAL / 1024 / 1024) as f64 / begin.elapsed().as_secs_f64()
}

/// A stream that stopped and waited, or copied bytes one by one, would be far below a third.
#[wasm_bindgen_test]
async fn a_stream_is_not_much_slower_than_a_raw_channel() {
    let long = Config { max_frame_offered: 65 * 1024, ..config() };
    let short = config();
    let mut best = [0f64; 3];
    for _ in 0..ROUNDS {
        let rates = [raw().await, stream(&short).await, stream(&long).await];
        console_log!("MiB/s: raw {:.1}, 16 KiB frames {:.1}, 65 KiB frames {:.1}", rates[0], rates[1], rates[2]);
        for (best, rate) in best.iter_mut().zip(rates) {
            *best = best.max(rate);
        }
    }
    assert!(best[1] > best[0] / 3.0, "{best:?}");
}
