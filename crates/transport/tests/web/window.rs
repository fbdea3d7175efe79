//! A whole file through one stream, 64 KiB messages with 512 KiB in flight, granted by the receiver: what the flow window
//! of `/starling/content/1` does. How fast that is, `cargo xtask bench loopback` and `transfer` measure.

use crate::page::{config, connect};
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use transport::Config;
use wasm_bindgen_test::wasm_bindgen_test;

const TOTAL: usize = 16 * 1024 * 1024;
const MESSAGE: usize = 64 * 1024;
const WINDOW: usize = 512 * 1024;

/// Fails when a message is lost, changed or refused on the way.
async fn moved_whole(config: &Config) {
    let (a, mut b) = connect(config).await;
    let mut ours = a.open().await;
    ours.write_all(&[0; 4]).await.expect("written");
    ours.flush().await.expect("flushed");
    let mut theirs = b.accept().await;
    theirs.read_exact(&mut [0; 4]).await.expect("read");

    let receiver = async {
        let mut buf = vec![0; MESSAGE];
        for _ in 0..TOTAL / MESSAGE {
            theirs.read_exact(&mut buf).await.expect("read");
            assert!(buf.iter().all(|byte| *byte == 7), "other bytes arrived");
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
}

#[wasm_bindgen_test]
async fn with_a_flow_window_nothing_is_reset() {
    moved_whole(&config()).await;
    moved_whole(&Config { max_frame_offered: 65 * 1024, ..config() }).await;
}
